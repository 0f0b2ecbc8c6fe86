// SPDX-License-Identifier: GPL-2.0

//! Guests whose interrupt controller is in user space: line levels in `kvm_run`.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: userspace_irqchip, kvm_timer_needs_notify,
//!     kvm_timer_should_notify_user, kvm_timer_update_run, unmask_vtimer_irq_user,
//!     kvm_timer_sync_user
#![forbid(unsafe_code)]

use super::{
    context::{
        current_map,
        Timer, //
    },
    ctl::Level,
    hardware,
    line,
    map::TimerId,
    Host, //
};
use crate::host::{
    context::OnCpu,
    vcpu::Vcpu, //
};
use kernel::bindings;

const TIMER_LINES: [(TimerId, u64); 2] = [
    // CAST: single low bits.
    (TimerId::Vtimer, bindings::KVM_ARM_DEV_EL1_VTIMER as u64),
    (TimerId::Ptimer, bindings::KVM_ARM_DEV_EL1_PTIMER as u64),
];

/// The lines whose level differs from what user space was told last. One whose timer is in the
/// hardware of another CPU is taken to be as it was.
fn changed_lines(host: &Host, vcpu: Vcpu<'_>, on_cpu: OnCpu<'_>) -> u64 {
    let told = vcpu.device_irq_level();

    TIMER_LINES
        .into_iter()
        .filter(|(id, line)| {
            hardware::level_of_any(host, Timer::of(vcpu, *id), on_cpu)
                .is_some_and(|level| level.is_high() != (told & line != 0))
        })
        .fold(0, |changed, (_, line)| changed | line)
}

/// Whether user space has news to hear.
///
/// Also asked about other vCPUs of the VM, as candidates for a directed yield. One whose timers are
/// in the hardware of another CPU runs there, and wants no yield.
pub(super) fn should_notify(host: &Host, vcpu: Vcpu<'_>, on_cpu: OnCpu<'_>) -> bool {
    changed_lines(host, vcpu, on_cpu) != 0
}

/// Shows the levels to user space; returns whether any has changed.
pub(super) fn update_run(host: &Host, vcpu: Vcpu<'_>, on_cpu: OnCpu<'_>) -> bool {
    let changed = changed_lines(host, vcpu, on_cpu);

    if changed != 0 {
        vcpu.set_device_irq_level(vcpu.device_irq_level() ^ changed);
    }
    changed != 0
}

/// The guest has exited. If the level of a direct timer is low, the host's interrupt, kept from
/// firing while it was high, may fire again.
pub(super) fn sync(host: &Host, vcpu: Vcpu<'_>, on_cpu: OnCpu<'_>) {
    if !vcpu.timers_enabled() || vcpu.vm().has_irqchip() {
        return;
    }

    for id in current_map(vcpu).all_direct() {
        let timer = Timer::of(vcpu, id);

        if !hardware::level(host, timer, on_cpu).is_high() {
            allow_host_interrupt(host, timer, on_cpu);
        }
    }
}

fn allow_host_interrupt(host: &Host, timer: Timer<'_>, on_cpu: OnCpu<'_>) {
    // With the controller in user space this is an event for tracing tools and no more. They know
    // it of the virtual timer.
    if timer.id() == TimerId::Vtimer {
        line::drive(timer, Level::Low);
    }

    if host.active_state {
        line::set_host_active(timer, false, on_cpu);
    } else if let Some(irq) = host.irq(timer.id().bank()) {
        irq.enable(on_cpu);
    }
}
