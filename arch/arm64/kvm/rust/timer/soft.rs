// SPDX-License-Identifier: GPL-2.0

//! Soft timers: emulated timers, and waking a vCPU that blocks.
#![forbid(unsafe_code)]

use super::{
    context::Timer,
    counter::CompareValue,
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
        hrtimer::{
            ExpiredTimer,
            Restart, //
        },
        tracepoint,
        vcpu::Vcpu, //
    },
};

/// Brings the line of an emulated timer up to date, and starts its soft timer if it is to fire
/// later. The soft timer must not be running.
pub(super) fn emulate(host: &Host, timer: Timer<'_>) {
    let level = timer.level_in_memory(host);

    tracepoint::timer_emulate(timer.context(), level.is_high());
    line::drive(timer, level);

    if level.is_high() {
        return;
    }

    match timer.deadline(host) {
        Deadline::Never => {}
        due => timer
            .context()
            .soft_timer()
            .start_after(due.remaining().unwrap_or(Nanos::ZERO).as_ktime()),
    }
}

/// The soft timer of an emulated timer has expired. Hard interrupt context.
///
/// The host's clock may have been slewed, so that the guest's deadline is yet to come; then the
/// soft timer goes on.
pub(super) fn emulated_expired(host: &Host, timer: Timer<'_>, soft: ExpiredTimer<'_>) -> Restart {
    tracepoint::timer_hrtimer_expire(timer.context());

    if let Some(ns) = timer.condition(host).remaining() {
        return soft.forward(ns.as_ktime());
    }

    line::drive(timer, Level::High);
    Restart::No
}

/// When a vCPU that has an active WFI or WFE with a timeout is to go on.
///
/// The timeout is in terms of the virtual counter of the exception level that waits.
#[inline]
pub(super) fn wfit_deadline(host: &Host, vcpu: Vcpu<'_>) -> Deadline {
    if !(cpucaps::has_wfxt() && vcpu.in_wfit()) {
        return Deadline::Never;
    }

    let id = if vcpu.in_hyp_context() {
        TimerId::Hvtimer
    } else {
        TimerId::Vtimer
    };
    let timeout = CompareValue::new(vcpu.trapped_register());

    Deadline::after(
        Timer::of(vcpu, id).count(host.now()).until(timeout),
        host.rate,
    )
}

/// When the first of a vCPU's timers fires, all of them in memory.
fn first_deadline(host: &Host, vcpu: Vcpu<'_>) -> Deadline {
    Timer::all(vcpu)
        .map(|timer| timer.deadline(host))
        .fold(wfit_deadline(host, vcpu), Deadline::min)
}

/// Has a vCPU that blocks woken when its first timer fires. All of its timers are in memory.
pub(super) fn block(host: &Host, vcpu: Vcpu<'_>) {
    match first_deadline(host, vcpu) {
        Deadline::Never => {}
        due => vcpu
            .background_timer()
            .start_after(due.remaining().unwrap_or(Nanos::ZERO).as_ktime()),
    }
}

/// The background timer has expired. Hard interrupt context.
pub(super) fn background_expired(
    host: &Host,
    vcpu: Vcpu<'_>,
    background: ExpiredTimer<'_>,
) -> Restart {
    match first_deadline(host, vcpu).remaining() {
        Some(ns) => background.forward(ns.as_ktime()),
        None => {
            vcpu.wake_up();
            Restart::No
        }
    }
}
