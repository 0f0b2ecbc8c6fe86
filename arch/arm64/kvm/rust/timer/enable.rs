// SPDX-License-Identifier: GPL-2.0

//! Connecting a vCPU's timers to its interrupt controller, when it runs first.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: timer_irqs_are_valid, kvm_arch_timer_get_input_level,
//!     kvm_timer_enable
#![forbid(unsafe_code)]

use super::*;

/// Connects the timers, once. `ops` and `ops_v5` are for the guest's GIC model. Sleeps.
///
/// # Errors
///
/// `EINVAL` if the PPIs are not distinct, or taken; the vgic's errors.
pub(super) fn enable(vcpu: UserVcpu<'_>, ops: &'static IrqOps, ops_v5: &'static IrqOps) -> Result {
    if vcpu.timers_enabled() {
        return Ok(());
    }

    if vcpu.vm().has_irqchip() {
        connect(vcpu, if vcpu.vm().has_gicv5() { ops_v5 } else { ops })?;
    }

    vcpu.set_timers_enabled();
    Ok(())
}

fn timers<'a>(vcpu: Vcpu<'a>) -> impl Iterator<Item = Timer<'a>> {
    TimerId::of_vcpu(vcpu.has_el2())
        .iter()
        .map(move |id| vcpu.timer(*id))
}

fn connect(vcpu: UserVcpu<'_>, ops: &'static IrqOps) -> Result {
    if !settle_ppis(vcpu) {
        log::debug_bad_ppis();
        return Err(EINVAL);
    }

    let map = timer_map(vcpu.anyones());

    for timer in timers(vcpu.anyones()) {
        vcpu.set_irq_ops(timer.ppi(), ops);
    }
    for id in map.all_direct() {
        load::map_irq(*vcpu, id)?;
    }
    Ok(())
}

/// Claims the timers' interrupts, and settles them for the VM if they are valid: nobody else's,
/// distinct, and for a GICv5 guest those that its architecture fixes.
fn settle_ppis(vcpu: UserVcpu<'_>) -> bool {
    let vm = vcpu.vm();
    let config = vcpu.config();
    let mut seen = 0u32;

    for timer in timers(vcpu.anyones()) {
        let ppi = timer.ppi();
        let bit = 1u32.wrapping_shl(ppi.number());

        if (vm.has_gicv5() && ppi != vm.ppi(timer.id().default_ppi()))
            || config.own_irq(timer.id()).is_err()
            || seen & bit != 0
        {
            return false;
        }
        seen |= bit;
    }

    config.set_timer_ppis_immutable();
    true
}

/// The level of the line of one of the running vCPU's timers, by its INTID. The vgic asks.
pub(super) fn input_level(host: &Host, intid: u32, on_cpu: OnCpu<'_>) -> Level {
    if let Some(vcpu) = Vcpu::running(on_cpu) {
        for timer in timers(**vcpu) {
            if timer.ppi().intid() == intid {
                return vcpu.locate(timer.id()).level(host);
            }
        }
    }

    // A timer's interrupt is mapped by us alone. A GICv5's vgic asks for other vCPUs' too, and gets
    // the running one's answer; the others ask for a running vCPU's only.
    kernel::do_once_lite! {
        kernel::warn_on!(true);
    }
    Level::Low
}
