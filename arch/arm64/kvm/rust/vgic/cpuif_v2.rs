// SPDX-License-Identifier: GPL-2.0

//! A guest's CPU interface on a GICv2 host.
//!
//! Source: GIC Architecture Specification, version 2 (IHI 0048), "GIC virtual interface control
//! registers".
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v2.c: vgic_v2_write_lr, vgic_v2_init_lrs,
//!     vgic_v2_configure_hcr, vgic_v2_populate_lr, vgic_v2_clear_lr, save_lrs, vgic_v2_save_state,
//!     vgic_v2_restore_state, vgic_v2_load, vgic_v2_put
#![forbid(unsafe_code)]

use super::delivery::ListRegisters;
use crate::{
    arm64::prelude::*,
    gic::{
        entry::Returned,
        hcr::HcrKey,
        list_register::{
            GichListRegister,
            Intid,
            ListRegister, //
        },
        priority::Group,
        vmcr::Vmcr, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};

impl ListRegisters for VgicV2<'_> {
    fn get(&self, number: u32, _v2: bool) -> (Intid, Returned) {
        let lr = list_register(self.lr(number).unwrap_or(0));

        // CAST: Ten bits.
        (Intid(lr.get(GichListRegister::VirtualID) as u32), lr.into())
    }

    fn set(&self, number: u32, lr: ListRegister) {
        self.set_lr(number, raw(lr.into()));
    }

    fn used(&self) -> u32 {
        self.used_lrs()
    }

    fn set_used(&self, used: u32) {
        self.set_used_lrs(used);
    }

    fn ended(&self) -> u32 {
        // CAST: Five bits.
        self.hcr().get(IchHcr::EOIcount) as u32
    }

    fn set_hcr(&self, key: HcrKey) {
        VgicV2::set_hcr(*self, key.v2());
    }

    fn groups(&self) -> (bool, bool) {
        let vmcr = controls(*self);

        (vmcr.is_enabled(Group::Zero), vmcr.is_enabled(Group::One))
    }
}

/// The layout is that of `ICH_VMCR_EL2`, but for the low three bits of the priority mask, which are
/// zero.
fn controls(interface: VgicV2<'_>) -> Vmcr {
    Vmcr::from_raw(u64::from(interface.vmcr()))
}

fn list_register(lr: u32) -> GichListRegister {
    GichListRegister::from_raw(u64::from(lr))
}

fn raw(lr: GichListRegister) -> u32 {
    // CAST: 32 bits.
    lr.into_raw() as u32
}

/// Empties all list registers, on a CPU that comes up.
pub(super) fn init_list_registers(on_cpu: OnCpu<'_>) {
    if let Some(gich) = Gich::get(on_cpu) {
        for number in 0..HostGic::list_registers() {
            gich.write(GichRegister::lr(number), 0);
        }
    }
}

/// Puts the list registers into the hardware, and enables the interface.
pub(super) fn restore(vcpu: LoadedVcpu<'_>) {
    let interface = vcpu.vgic_v2();
    let Some(gich) = Gich::get(vcpu.on_cpu()) else {
        return;
    };

    // CAST: 32 bits.
    gich.write(GichRegister::HCR, interface.hcr().into_raw() as u32);
    for number in 0..interface.used_lrs() {
        if let Some(lr) = interface.lr(number) {
            gich.write(GichRegister::lr(number), lr);
        }
    }
}

/// Takes the list registers from the hardware, and disables the interface.
pub(super) fn save(vcpu: LoadedVcpu<'_>) {
    let interface = vcpu.vgic_v2();
    let Some(gich) = Gich::get(vcpu.on_cpu()) else {
        return;
    };

    interface.set_vmcr(gich.read(GichRegister::VMCR));
    if interface.used_lrs() != 0 {
        save_list_registers(interface, gich);
    }
    if interface.hcr().has(IchHcr::LRENPIE) {
        let hcr = IchHcr::from_raw(u64::from(gich.read(GichRegister::HCR)));

        interface.set_hcr(
            interface
                .hcr()
                .put(IchHcr::EOIcount, hcr.get(IchHcr::EOIcount)),
        );
    }
    gich.write(GichRegister::HCR, 0);
}

/// No more than 16 are in use, so the first of the two registers that say what is empty will do.
fn save_list_registers(interface: VgicV2<'_>, gich: Gich<'_>) {
    let empty = gich.read(GichRegister::ELRSR0);

    for number in 0..interface.used_lrs() {
        let lr = if empty.wrapping_shr(number) & 1 != 0 {
            let old = list_register(interface.lr(number).unwrap_or(0));

            raw(old
                .without(GichListRegister::Pending)
                .without(GichListRegister::Active))
        } else {
            gich.read(GichRegister::lr(number))
        };

        interface.set_lr(number, lr);
        gich.write(GichRegister::lr(number), 0);
    }
}

/// The vCPU comes to a CPU.
pub(super) fn load(vcpu: LoadedVcpu<'_>) {
    let interface = vcpu.vgic_v2();

    if let Some(gich) = Gich::get(vcpu.on_cpu()) {
        gich.write(GichRegister::VMCR, interface.vmcr());
        gich.write(GichRegister::APR, interface.apr());
    }
}

/// The vCPU leaves a CPU.
pub(super) fn put(vcpu: LoadedVcpu<'_>) {
    if let Some(gich) = Gich::get(vcpu.on_cpu()) {
        vcpu.vgic_v2().set_apr(gich.read(GichRegister::APR));
    }
}
