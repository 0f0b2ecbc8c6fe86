// SPDX-License-Identifier: GPL-2.0

//! A timer's output line: driving the virtual interrupt, and the host interrupt behind it.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_arch_timer_handler, kvm_timer_update_status,
//!     kvm_timer_update_irq, set_timer_irq_phys_active
#![forbid(unsafe_code)]

use super::*;

/// Tells the guest's interrupt controller, or for one in user space nobody yet, that a timer's
/// line has a level.
#[inline(never)]
pub(super) fn drive(timer: Timer<'_>, level: Level) {
    let vcpu = timer.vcpu();

    tracepoint::timer_update_irq(timer, level.is_high());

    // A GICv5 takes the lines of direct timers from the hardware.
    if !vcpu.vm().has_irqchip() || (vcpu.vm().has_gicv5() && is_direct(timer)) {
        return;
    }

    timer.inject(level.is_high());
}

/// The same of a timer that is emulated, or off.
///
/// NV2 lets a guest hypervisor read the control registers of its EL1 timers from memory, so that
/// the status bit there is all it sees until the next exit.
#[inline(never)]
pub(super) fn drive_in_memory(timer: &mut MemoryTimer<'_>, level: Level) {
    if timer.id().is_el1() && current_map(timer.vcpu()) == TimerMap::NestedHyp {
        let ctl = timer.state().control().with_status(level.is_high());

        timer.set_ctl(ctl.into_raw());
    }
    drive(**timer, level);
}

#[cold]
fn is_direct(timer: Timer<'_>) -> bool {
    !timer_map(timer.vcpu()).is_emulated(timer.id())
}

/// Sets the active state of the host interrupt behind a direct timer.
#[inline]
pub(super) fn set_host_active(vcpu: LoadedVcpu<'_>, id: TimerId, active: bool) {
    irq::set_active(vcpu.timer(id).host_irq(), active, vcpu.on_cpu());
}

/// A hardware timer of this CPU has interrupted the host.
pub(super) fn host_interrupt(host: &Host, vcpu: LoadedVcpu<'_>, irq: u32) {
    let bank = if irq == host.vtimer.number() {
        Bank::Virtual
    } else {
        Bank::Physical
    };

    if let Some(id) = timer_map(**vcpu).direct(bank) {
        let timer = vcpu.locate(id);

        if timer.level(host).is_high() {
            drive(*timer, Level::High);
        }
    }

    // Nothing else keeps the level from interrupting again while user space handles it.
    if !vcpu.vm().has_irqchip() && !host.active_state {
        if let Some(host_irq) = host.irq(bank) {
            host_irq.disable(vcpu.on_cpu());
        }
    }
}
