// SPDX-License-Identifier: GPL-2.0

//! A guest's CPU interface on a host whose CPU interfaces are those of a GICv3.
//!
//! A VHE host accesses the registers by itself; for another one the hypervisor at EL2 does so on
//! its way into the guest and out of it, and at load and put when it is asked.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v3.c: vcpu_set_ich_hcr, vgic_v3_load, vgic_v3_put
#![forbid(unsafe_code)]

#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(super) use crate::hyp::vgic::state;
#[cfg(not(CONFIG_KVM_ARM64_RUST_SWITCH))]
pub(super) use crate::kvm::vgic::switch_v3 as state;

use super::{
    delivery::ListRegisters,
    v4, //
};
use crate::{
    arm64::prelude::*,
    gic::{
        entry::Returned,
        hcr::HcrKey,
        list_register::{
            Intid,
            ListRegister, //
        },
        priority::Group,
        vmcr::Vmcr, //
    },
    kvm::prelude::*, //
};

impl ListRegisters for VgicV3<'_> {
    #[inline(always)]
    fn get(&self, number: u32, v2: bool) -> (Intid, Returned) {
        let lr = ListRegister::from_raw(self.lr_at(number).unwrap_or(0));
        // Of a GICv2's SGI the source is part of the number.
        let intid = if v2 {
            Intid(lr.intid().0 & 0x3ff)
        } else {
            lr.intid()
        };

        (intid, lr.into())
    }

    #[inline(always)]
    fn set(&self, number: u32, lr: ListRegister) {
        self.set_lr_at(number, lr.into_raw());
    }

    #[inline(always)]
    fn used(&self) -> u32 {
        self.used_lrs()
    }

    #[inline(always)]
    fn set_used(&self, used: u32) {
        self.set_used_lrs(used);
    }

    #[inline(always)]
    fn ended(&self) -> u32 {
        // CAST: Five bits.
        self.hcr().get(IchHcr::EOIcount) as u32
    }

    #[inline(always)]
    fn set_hcr(&self, key: HcrKey) {
        VgicV3::set_hcr(*self, key.v3(cpucaps::has_ich_hcr_el2_tdir()));
    }

    #[inline(always)]
    fn groups(&self) -> (bool, bool) {
        let vmcr = Vmcr::from_raw(u64::from(self.vmcr()));

        (vmcr.is_enabled(Group::Zero), vmcr.is_enabled(Group::One))
    }
}

/// Puts the list registers into the hardware, and enables the interface. If the kernel is at EL2.
#[inline(always)]
pub(super) fn restore(vcpu: LoadedVcpu<'_>) {
    if let Some(el2) = vcpu.vhe() {
        state::restore(vcpu.vgic_v3(), el2);
    }
}

/// Takes the list registers from the hardware, and disables the interface. If the kernel is at EL2.
#[inline(always)]
pub(super) fn save(vcpu: LoadedVcpu<'_>) {
    if let Some(el2) = vcpu.vhe() {
        state::save(vcpu.vgic_v3(), el2);
    }
}

/// The vCPU comes to a CPU.
pub(super) fn load(vcpu: LoadedVcpu<'_>) {
    match vcpu.vhe() {
        Some(el2) => {
            state::restore_priorities(vcpu.vgic_v3(), el2);
            isb();
            state::activate_traps(vcpu.vgic_v3(), el2);
        }
        None => vcpu.load_vgic_v3(),
    }
    v4::load(vcpu);
}

/// The vCPU leaves a CPU.
pub(super) fn put(vcpu: LoadedVcpu<'_>) {
    match vcpu.vhe() {
        Some(el2) => {
            state::save_active_priorities(vcpu.vgic_v3(), el2);
            isb();
            v4::put(vcpu);
            state::deactivate_traps(vcpu.vgic_v3(), el2);
        }
        None => {
            vcpu.put_vgic_v3();
            v4::put(vcpu);
        }
    }
}

/// A vCPU that has no GIC, or not yet, comes to a CPU: its accesses trap.
pub(super) fn activate_traps(vcpu: LoadedVcpu<'_>) {
    if let Some(el2) = vcpu.vhe() {
        state::activate_traps(vcpu.vgic_v3(), el2);
    }
}

/// Undoes [`activate_traps`].
pub(super) fn deactivate_traps(vcpu: LoadedVcpu<'_>) {
    if let Some(el2) = vcpu.vhe() {
        state::deactivate_traps(vcpu.vgic_v3(), el2);
    }
}

/// Has the guest not see registers of a GICv3 if it has none.
pub(super) fn hide(vcpu: OwnVcpu<'_>) {
    let vm = vcpu.vm();
    let hidden = vm.dist().model() == Some(Model::V2) || !vm.has_irqchip();

    if HostGic::has_v3_interface() && hidden {
        let interface = vcpu.vgic_v3();

        interface.set_hcr(
            interface
                .hcr()
                .with(IchHcr::TALL0)
                .with(IchHcr::TALL1)
                .with(IchHcr::TC),
        );
    }
}
