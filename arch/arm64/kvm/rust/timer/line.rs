// SPDX-License-Identifier: GPL-2.0

//! A timer's output line: driving the virtual interrupt, and the host interrupt behind it.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_arch_timer_handler, kvm_timer_update_status,
//!     kvm_timer_update_irq, set_timer_irq_phys_active
#![forbid(unsafe_code)]

use super::{
    context::{
        timer_map,
        Timer, //
    },
    ctl::Level,
    hardware,
    map::Bank,
    Host, //
};
use crate::host::{
    context::{
        IrqOff,
        OnCpu, //
    },
    irq,
    tracepoint,
    vcpu::Vcpu, //
};

/// Tells the guest's interrupt controller, or for one in user space nobody yet, that a timer's
/// line has a level.
#[inline]
pub(super) fn drive(timer: Timer<'_>, level: Level) {
    let vcpu = timer.vcpu();
    let intid = timer.intid();

    // NV2 lets a guest hypervisor read the control registers of its EL1 timers from memory, so
    // that the status bit there is all it sees until the next exit.
    if timer.id().is_el1() && vcpu.in_hyp_context() {
        timer.set_ctl(timer.ctl().with_status(level.is_high()));
    }

    tracepoint::timer_update_irq(vcpu, intid, level.is_high());

    // A GICv5 takes the lines of direct timers from the hardware.
    if !vcpu.vm().has_irqchip() || (vcpu.vm().has_gicv5() && is_direct(timer)) {
        return;
    }

    vcpu.inject(intid, level.is_high(), timer.context());
}

fn is_direct(timer: Timer<'_>) -> bool {
    !timer_map(timer.vcpu()).is_emulated(timer.id())
}

/// Sets the active state of the host interrupt behind a direct timer.
#[inline]
pub(super) fn set_host_active(timer: Timer<'_>, active: bool, on_cpu: OnCpu<'_>) {
    kernel::warn_on!(irq::set_active(timer.context().host_irq(), active, on_cpu).is_err());
}

/// A hardware timer of this CPU has interrupted the host.
pub(super) fn host_interrupt(host: &Host, vcpu: Vcpu<'_>, irq: u32, irq_off: &IrqOff) {
    let bank = if irq == host.vtimer.number() {
        Bank::Virtual
    } else {
        Bank::Physical
    };

    if let Some(id) = timer_map(vcpu).direct(bank) {
        let timer = Timer::of(vcpu, id);

        if hardware::level(host, timer, irq_off.into()).is_high() {
            drive(timer, Level::High);
        }
    }

    // Nothing else keeps the level from interrupting again while user space handles it.
    if !vcpu.vm().has_irqchip() && !host.active_state {
        if let Some(host_irq) = host.irq(bank) {
            host_irq.disable(irq_off.into());
        }
    }
}
