// SPDX-License-Identifier: GPL-2.0

//! Connecting a vCPU's timers to its interrupt controller, when it runs first.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: timer_irqs_are_valid, kvm_arch_timer_get_input_level,
//!     kvm_timer_enable
#![forbid(unsafe_code)]

use super::{
    context::{
        timer_map,
        Timer, //
    },
    ctl::Level,
    hardware,
    Host, //
};
use crate::host::{
    context::OnCpu,
    log,
    vcpu::Vcpu,
    vgic::IrqOps, //
};
use kernel::{
    error::code::EINVAL,
    prelude::*, //
};

/// Connects the timers, once. `ops` and `ops_v5` are for the guest's GIC model. Sleeps.
///
/// # Errors
///
/// `EINVAL` if the PPIs are not distinct, or taken; the vgic's errors.
pub(super) fn enable(vcpu: Vcpu<'_>, ops: &'static IrqOps, ops_v5: &'static IrqOps) -> Result {
    if vcpu.timers_enabled() {
        return Ok(());
    }

    if vcpu.vm().has_irqchip() {
        connect(vcpu, if vcpu.vm().has_gicv5() { ops_v5 } else { ops })?;
    }

    vcpu.set_timers_enabled();
    Ok(())
}

fn connect(vcpu: Vcpu<'_>, ops: &'static IrqOps) -> Result {
    if !settle_ppis(vcpu) {
        log::debug_bad_ppis();
        return Err(EINVAL);
    }

    let map = timer_map(vcpu);

    for timer in Timer::all(vcpu) {
        vcpu.set_irq_ops(timer.intid(), ops);
    }
    for id in map.all_direct() {
        let timer = Timer::of(vcpu, id);

        vcpu.map_irq(timer.context().host_irq(), timer.intid())?;
    }
    Ok(())
}

/// Claims the timers' interrupts, and settles them for the VM if they are valid: nobody else's,
/// distinct, and for a GICv5 guest those that its architecture fixes.
fn settle_ppis(vcpu: Vcpu<'_>) -> bool {
    let vm = vcpu.vm();
    let config = vm.config();
    let mut seen = 0u32;

    for timer in Timer::all(vcpu) {
        let intid = timer.intid();

        if vm.has_gicv5() && intid != vm.ppi_intid(timer.id().default_ppi()) {
            return false;
        }
        if vcpu.own_irq(&config, intid, timer.context()).is_err() {
            return false;
        }

        // A PPI's number is below 32 in all models; a GICv5 has its type in the top bits.
        let bit = 1u32.wrapping_shl(intid & 0x1f);
        if seen & bit != 0 {
            return false;
        }
        seen |= bit;
    }

    config.set_timer_ppis_immutable();
    true
}

/// The level of the line of one of the running vCPU's timers, by its INTID. The vgic asks.
pub(super) fn input_level(host: &Host, intid: u32, on_cpu: OnCpu<'_>) -> Level {
    let timer = Vcpu::running(on_cpu)
        .and_then(|vcpu| Timer::all(vcpu).find(|timer| timer.intid() == intid));

    match timer {
        Some(timer) => hardware::level(host, timer, on_cpu),
        None => {
            // A timer's interrupt is mapped by us alone. A GICv5's vgic asks for other vCPUs' too,
            // and gets the running one's answer; the others ask for a running vCPU's only.
            kernel::do_once_lite! {
                kernel::warn_on!(true);
            }
            Level::Low
        }
    }
}
