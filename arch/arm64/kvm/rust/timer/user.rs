// SPDX-License-Identifier: GPL-2.0

//! Guests whose interrupt controller is in user space: line levels in `kvm_run`.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: userspace_irqchip, kvm_timer_needs_notify,
//!     kvm_timer_should_notify_user, kvm_timer_update_run, unmask_vtimer_irq_user,
//!     kvm_timer_sync_user
#![forbid(unsafe_code)]

use super::*;

const TIMER_LINES: [(TimerId, u64); 2] = [
    // CAST: single low bits.
    (TimerId::Vtimer, bindings::KVM_ARM_DEV_EL1_VTIMER as u64),
    (TimerId::Ptimer, bindings::KVM_ARM_DEV_EL1_PTIMER as u64),
];

/// The lines whose level differs from what user space was told last. Also asked about other vCPUs
/// of the VM, as candidates for a directed yield. One whose timers are in the hardware of another
/// CPU runs there, and wants no yield: its lines are taken to be as they were.
pub(super) fn changed_lines(host: &Host, vcpu: Vcpu<'_>, on_cpu: OnCpu<'_>) -> u64 {
    let told = vcpu.device_irq_level();
    let mut changed = 0;

    for (id, line) in TIMER_LINES {
        if let Some(timer) = vcpu.glimpse(id, on_cpu) {
            if timer.level(host).is_high() != (told & line != 0) {
                changed |= line;
            }
        }
    }
    changed
}

/// Shows the levels to user space; returns whether any has changed.
pub(super) fn update_run(host: &Host, vcpu: LoadedVcpu<'_>) -> bool {
    let changed = changed_lines(host, **vcpu, vcpu.on_cpu());

    if changed != 0 {
        vcpu.set_device_irq_level(vcpu.device_irq_level() ^ changed);
    }
    changed != 0
}

/// The guest has exited. If the level of a direct timer is low, the host's interrupt, kept from
/// firing while it was high, may fire again.
pub(super) fn sync(host: &Host, vcpu: LoadedVcpu<'_>) {
    if !vcpu.timers_enabled() || vcpu.vm().has_irqchip() {
        return;
    }

    for id in current_map(**vcpu).all_direct() {
        if !vcpu.locate(id).level(host).is_high() {
            allow_host_interrupt(host, vcpu, id);
        }
    }
}

#[inline(never)]
fn allow_host_interrupt(host: &Host, vcpu: LoadedVcpu<'_>, id: TimerId) {
    // With the controller in user space this is an event for tracing tools and no more. They know
    // it of the virtual timer.
    if id == TimerId::Vtimer {
        line::drive(vcpu.timer(id), Level::Low);
    }

    if host.active_state {
        line::set_host_active(vcpu, id, false);
    } else if let Some(irq) = host.irq(id.bank()) {
        irq.enable(vcpu.on_cpu());
    }
}
