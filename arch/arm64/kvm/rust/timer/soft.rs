// SPDX-License-Identifier: GPL-2.0

//! Soft timers: emulated timers, and waking a vCPU that blocks.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: soft_timer_start, soft_timer_cancel,
//!     kvm_counter_compute_delta, kvm_timer_compute_delta, vcpu_has_wfit_active, wfit_delay_ns,
//!     kvm_timer_earliest_exp, kvm_bg_timer_expire, kvm_hrtimer_expire, kvm_cpu_has_pending_timer,
//!     timer_emulate, kvm_timer_blocking
#![forbid(unsafe_code)]

use super::*;

/// Brings the line of an emulated timer up to date, and starts its soft timer if it is to fire
/// later. The soft timer must not be running.
///
/// From stopping it until this the vCPU stays loaded here: being scheduled out and in again would
/// start it.
#[inline(never)]
pub(super) fn emulate(host: &Host, vcpu: LoadedVcpu<'_>, id: TimerId) {
    let Some(mut timer) = vcpu.in_memory(id) else {
        return;
    };
    let state = timer.state();
    let level = timer.level_of(state, host);

    tracepoint::timer_emulate(*timer, level.is_high());
    line::drive_in_memory(&mut timer, level);

    if !level.is_high() && state.control().can_fire() {
        start(
            vcpu.soft_timer(id),
            |now| timer.deadline_of(state, host, now),
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
pub(super) fn emulated_expired(
    host: &Host,
    mut timer: MemoryTimer<'_>,
    soft: ExpiredTimer<'_>,
) -> Restart {
    tracepoint::timer_hrtimer_expire(*timer);

    if let Some(ns) = timer
        .condition_of(timer.state(), host, host.now())
        .remaining()
    {
        return soft.forward(ns.as_ktime());
    }

    line::drive_in_memory(&mut timer, Level::High);
    Restart::No
}

/// When a WFI or WFE with a timeout ends, seen from the instant `now`; never, if the vCPU does not
/// wait so. It waits by the virtual counter of the exception level that it is at.
fn wfit_deadline(host: &Host, vcpu: OwnVcpu<'_>, now: impl FnOnce() -> PhysicalCount) -> Deadline {
    let Some(timeout) = vcpu.wfit_timeout() else {
        return Deadline::Never;
    };
    let id = match current_map(*vcpu) {
        TimerMap::NestedHyp => TimerId::Hvtimer,
        _ => TimerId::Vtimer,
    };
    let left = vcpu
        .timer(id)
        .count(now())
        .until(CompareValue::new(timeout));

    Deadline::after(left, host.rate)
}

/// Whether a WFI or WFE of the vCPU has timed out.
pub(super) fn wfit_has_expired(host: &Host, vcpu: OwnVcpu<'_>) -> bool {
    wfit_deadline(host, vcpu, || host.now()) == Deadline::Passed
}

/// The timers of a vCPU that is not loaded, or has been put.
pub(super) fn timers_at_rest<'a>(vcpu: OwnVcpu<'a>) -> impl Iterator<Item = MemoryTimer<'a>> {
    TimerId::of_vcpu(vcpu.has_el2())
        .iter()
        .filter_map(move |id| vcpu.at_rest(*id))
}

/// When the first of a vCPU's timers fires, seen from the instant `now`. All are in memory.
#[inline(never)]
fn first_deadline(host: &Host, vcpu: OwnVcpu<'_>, now: PhysicalCount) -> Deadline {
    timers_at_rest(vcpu)
        .map(|timer| timer.deadline_of(timer.state(), host, now))
        .fold(wfit_deadline(host, vcpu, || now), Deadline::min)
}

/// Has a vCPU that blocks woken when its first timer fires. It has been put.
#[inline(never)]
pub(super) fn block(host: &Host, vcpu: LoadedVcpu<'_>) {
    // All that a vCPU has may wake it, direct or not. Asked for those who count the event.
    let _ = timer_map(**vcpu);

    if timers_at_rest(*vcpu).any(|timer| timer.can_fire()) || vcpu.wfit_timeout().is_some() {
        start(
            vcpu.background_timer(),
            |now| first_deadline(host, *vcpu, now),
            host,
        );
    }
}

/// The background timer has expired. Hard interrupt context.
pub(super) fn background_expired(
    host: &Host,
    vcpu: OwnVcpu<'_>,
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
