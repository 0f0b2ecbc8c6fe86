// SPDX-License-Identifier: GPL-2.0

//! Soft timers: emulated timers, and waking a vCPU that blocks.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: soft_timer_start, soft_timer_cancel,
//!     kvm_counter_compute_delta, kvm_timer_compute_delta, vcpu_has_wfit_active, wfit_delay_ns,
//!     kvm_timer_earliest_exp, kvm_bg_timer_expire, kvm_hrtimer_expire, kvm_cpu_has_pending_timer,
//!     timer_emulate, kvm_timer_blocking
#![forbid(unsafe_code)]

use super::{
    context::{
        timer_map,
        Timer, //
    },
    counter::{
        CompareValue,
        PhysicalCount, //
    },
    ctl::Level,
    deadline::{
        Deadline,
        Nanos, //
    },
    line,
    map::TimerId,
    Host, //
};
use crate::{
    arm64::cpucaps,
    host::{
        context::OnCpu,
        hrtimer::{
            ExpiredTimer,
            Instant,
            Restart,
            SoftTimer, //
        },
        tracepoint,
        vcpu::Vcpu, //
    },
};

/// Brings the line of an emulated timer up to date, and starts its soft timer if it is to fire
/// later. The soft timer must not be running.
///
/// Between stopping it and this the task must stay on its CPU: being scheduled out and in again
/// is a load of the vCPU, which would start it.
pub(super) fn emulate(host: &Host, timer: Timer<'_>, _on_cpu: OnCpu<'_>) {
    let level = timer.level_in_memory(host);

    tracepoint::timer_emulate(timer.context(), level.is_high());
    line::drive(timer, level);

    if level.is_high() {
        return;
    }

    if timer.can_fire() {
        start(
            timer.context().soft_timer(),
            |now| timer.condition(host, now),
            host,
        );
    }
}

/// Starts a soft timer for a deadline that is known to come.
///
/// The host's clock is read right after the counter, before anything is computed: the time in
/// between makes the timer late.
#[inline(always)]
fn start(soft: SoftTimer<'_>, deadline: impl FnOnce(PhysicalCount) -> Deadline, host: &Host) {
    let now = host.now();
    let instant = Instant::now();
    let left = deadline(now).remaining().unwrap_or(Nanos::ZERO);

    soft.start(instant, left.as_ktime());
}

/// The soft timer of an emulated timer has expired. Hard interrupt context.
///
/// The host's clock may have been slewed, so that the guest's deadline is yet to come; then the
/// soft timer goes on.
pub(super) fn emulated_expired(host: &Host, timer: Timer<'_>, soft: ExpiredTimer<'_>) -> Restart {
    tracepoint::timer_hrtimer_expire(timer.context());

    if let Some(ns) = timer.condition(host, host.now()).remaining() {
        return soft.forward(ns.as_ktime());
    }

    line::drive(timer, Level::High);
    Restart::No
}

/// The timer whose counter an active WFI or WFE with a timeout waits by: the virtual one of the
/// exception level that waits. `None` if the vCPU does not wait so.
#[inline]
fn wfit_timer(vcpu: Vcpu<'_>) -> Option<Timer<'_>> {
    if !(cpucaps::has_wfxt() && vcpu.in_wfit()) {
        return None;
    }

    let id = if vcpu.in_hyp_context() {
        TimerId::Hvtimer
    } else {
        TimerId::Vtimer
    };

    Some(Timer::of(vcpu, id))
}

/// When a WFI or WFE with a timeout ends, seen from the instant `now`.
#[inline]
fn wfit_deadline(host: &Host, vcpu: Vcpu<'_>, now: PhysicalCount) -> Deadline {
    wfit_timer(vcpu).map_or(Deadline::Never, |timer| {
        let timeout = CompareValue::new(vcpu.trapped_register());

        Deadline::after(timer.count(now).until(timeout), host.rate)
    })
}

/// Whether a WFI or WFE of the vCPU has timed out.
#[inline]
pub(super) fn wfit_has_expired(host: &Host, vcpu: Vcpu<'_>) -> bool {
    wfit_timer(vcpu).is_some() && wfit_deadline(host, vcpu, host.now()) == Deadline::Passed
}

/// When the first of a vCPU's timers fires, seen from the instant `now`. All are in memory.
fn first_deadline(host: &Host, vcpu: Vcpu<'_>, now: PhysicalCount) -> Deadline {
    Timer::all(vcpu)
        .map(|timer| timer.deadline(host, now))
        .fold(wfit_deadline(host, vcpu, now), Deadline::min)
}

/// Has a vCPU that blocks woken when its first timer fires. All of its timers are in memory.
#[inline(never)]
pub(super) fn block(host: &Host, vcpu: Vcpu<'_>) {
    // All that a vCPU has may wake it, direct or not. Asked for those who count the event.
    let _ = timer_map(vcpu);

    if Timer::all(vcpu).any(Timer::can_fire) || wfit_timer(vcpu).is_some() {
        start(
            vcpu.background_timer(),
            |now| first_deadline(host, vcpu, now),
            host,
        );
    }
}

/// The background timer has expired. Hard interrupt context.
pub(super) fn background_expired(
    host: &Host,
    vcpu: Vcpu<'_>,
    background: ExpiredTimer<'_>,
) -> Restart {
    match first_deadline(host, vcpu, host.now()).remaining() {
        Some(ns) => background.forward(ns.as_ktime()),
        None => {
            vcpu.wake_up();
            Restart::No
        }
    }
}
