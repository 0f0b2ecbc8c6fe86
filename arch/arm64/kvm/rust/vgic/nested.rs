// SPDX-License-Identifier: GPL-2.0

//! The GICv3 of a guest whose guest runs.
//!
//! A guest hypervisor sets up list registers, which are in memory, for its own guest; the state of
//! these is all that KVM moves in and out of the hardware for that, at load and put. So the guest
//! hypervisor's own interrupts are in no list register meanwhile: if there is one for it, KVM has it
//! run rather than its guest.
//!
//! An interrupt of its guest may name one of its own as the physical one that ends with it. That may
//! stand for one of the host's; the hardware is given that, and KVM does on the way out what the
//! hardware has done to the host's.
//!
//! Status registers, and the maintenance interrupt of the guest hypervisor, are worked out from what
//! is in memory (`gic/maintenance.rs`), when it asks, and when it or its guest has run.
//!
//! Source: GIC Architecture Specification (IHI 0069), "Maintenance interrupts"; Arm ARM, FEAT_NV2.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v3-nested.c: lr_map_idx_to_shadow_idx, vgic_state_is_nested,
//!     vgic_v3_get_eisr, vgic_v3_get_elrsr, vgic_v3_get_misr, translate_lr_pintid,
//!     vgic_v3_create_shadow_lr, vgic_v3_flush_nested, vgic_v3_sync_nested,
//!     vgic_v3_create_shadow_state, vgic_v3_load_nested, vgic_v3_put_nested,
//!     vgic_v3_handle_nested_maint_irq, vgic_v3_nested_update_mi
#![forbid(unsafe_code)]

use super::{
    cpuif_v3::state,
    deactivation,
    delivery,
    guest::*, //
};
use crate::{
    arm64::prelude::*,
    gic::{
        list_register::{
            Intid,
            ListRegister,
            LrIndex,
            MAX_LRS, //
        },
        maintenance::{
            Lists,
            Misr, //
        },
        priority::ApIndex,
        vmcr::Vmcr,
        word::IrqWord, //
    },
    kvm::prelude::*, //
};
use core::ffi::c_void;

/// Whether the list registers are those that a guest hypervisor has set up for its guest: that runs,
/// and at least one of its interrupt lines is the hypervisor's to drive.
///
/// That only one is makes no difference: the other is that of a group whose interrupts nobody puts
/// into list registers then.
pub(super) fn is_nested(vcpu: OwnVcpu<'_>) -> bool {
    vcpu.in_nested_context() && vcpu.el2_takes_interrupts()
}

/// A list register of the guest hypervisor's.
fn lr(vcpu: OwnVcpu<'_>, index: LrIndex) -> ListRegister {
    ListRegister::from_raw(vcpu.sys_reg(SysReg::ich_lr(index)))
}

/// Its controls of its guest's CPU interface.
fn hcr(vcpu: OwnVcpu<'_>) -> IchHcr {
    IchHcr::from_raw(vcpu.sys_reg(SysReg::ICH_HCR_EL2))
}

fn vmcr(vcpu: OwnVcpu<'_>) -> Vmcr {
    Vmcr::from_raw(vcpu.sys_reg(SysReg::ICH_VMCR_EL2))
}

fn lists(vcpu: OwnVcpu<'_>) -> Lists {
    Lists::of(HostGic::list_registers(), |index| lr(vcpu, index))
}

/// A guest hypervisor's `ICH_EISR_EL2`.
pub(super) fn eisr(vcpu: OwnVcpu<'_>) -> u16 {
    lists(vcpu).ended()
}

/// A guest hypervisor's `ICH_ELRSR_EL2`.
pub(super) fn elrsr(vcpu: OwnVcpu<'_>) -> u16 {
    lists(vcpu).empty()
}

/// A guest hypervisor's `ICH_MISR_EL2`.
pub(super) fn misr(vcpu: OwnVcpu<'_>) -> Misr {
    lists(vcpu).misr(hcr(vcpu), vmcr(vcpu))
}

/// Drives a guest hypervisor's maintenance interrupt.
pub(super) fn update_mi(vcpu: OwnVcpu<'_>) {
    let controls = hcr(vcpu);
    let high = controls.has(IchHcr::En) && lists(vcpu).interrupts(controls, vmcr(vcpu));

    drive_mi(vcpu, high);
}

fn drive_mi(vcpu: OwnVcpu<'_>, high: bool) {
    let intid = Intid(vcpu.vm().dist().maintenance_intid());
    let owner = Owner::from_raw(vcpu.as_ptr().cast::<c_void>());

    // A guest without that interrupt has not been told of it.
    delivery::inject(vcpu.vm(), Some(vcpu.anyones()), intid, high, owner).unwrap_or_default();
}

/// The host's maintenance interrupt has come while the vCPU runs its guest's guest, which is left
/// for it. Interrupts are off.
pub(super) fn maintenance_interrupt(vcpu: LoadedVcpu<'_>) {
    let Some(el2) = vcpu.vhe() else {
        return;
    };

    drive_mi(*vcpu, ICH_MISR_EL2::read() != 0);
    // So that the interrupt, a level, does not come again before the guest hypervisor has run.
    ICH_HCR_EL2::set(ICH_HCR_EL2::read().without(IchHcr::En), el2);
}

/// Before the guest's guest is entered: all is in place but for the switch that enables it.
#[inline]
pub(super) fn flush(vcpu: LoadedVcpu<'_>) {
    if let Some(el2) = vcpu.vhe() {
        ICH_HCR_EL2::set(hcr(*vcpu).or(ich_hcr_traps()), el2);
    }
}

/// After it was left: shows the guest hypervisor what has become of its list registers, and disables
/// the interface.
pub(super) fn sync(vcpu: LoadedVcpu<'_>) {
    let Some(el2) = vcpu.vhe() else {
        return;
    };
    let map = Shadow::of(vcpu, el2).lr_map();

    for (place, index) in (0..MAX_LRS).zip(LrIndex::of_mask(map)) {
        let before = lr(*vcpu, index);
        let after = ListRegister::from_raw(read_lr_at(place));

        vcpu.set_sys_reg(
            SysReg::ich_lr(index),
            before.with_state_of(after).into_raw(),
        );
        if let Some(physical) = before.ended_physical(after) {
            deactivation::nested(vcpu, Intid(physical));
        }
    }

    // The maintenance interrupt depends on these.
    vcpu.set_sys_reg(SysReg::ICH_VMCR_EL2, ICH_VMCR_EL2::read());
    let count = ICH_HCR_EL2::read().get(IchHcr::EOIcount);
    vcpu.set_sys_reg(
        SysReg::ICH_HCR_EL2,
        hcr(*vcpu).put(IchHcr::EOIcount, count).into_raw(),
    );
    ICH_HCR_EL2::set(IchHcr::ZERO, el2);
    isb();

    update_mi(*vcpu);
}

/// The vCPU comes to a CPU to run its guest's guest.
pub(super) fn load(vcpu: LoadedVcpu<'_>) {
    let Some(el2) = vcpu.vhe() else {
        return;
    };
    let shadow = Shadow::of(vcpu, el2);
    let interface = shadow.interface();

    fill(vcpu, shadow);
    state::restore_priorities(interface, el2);
    state::activate_traps(interface, el2);
    for number in 0..interface.used_lrs() {
        // CAST: Less than 16.
        write_lr_at(number as u8, interface.lr_at(number).unwrap_or(0), el2);
    }
    // Accesses of the guest's that trap are done on as many list registers.
    vcpu.vgic_v3().set_used_lrs(interface.used_lrs());
}

macro_rules! for_each_active_priority {
    ($body:ident) => {
        $body!(0 Ap0, 1 Ap1, 2 Ap2, 3 Ap3)
    };
}

/// Copies what the guest hypervisor has set up, list registers that are empty left out.
fn fill(vcpu: LoadedVcpu<'_>, shadow: Shadow<'_>) {
    let interface = shadow.interface();
    let mut map = 0;
    let mut used = 0_u32;

    interface.set_hcr(hcr(*vcpu));
    // CAST: The upper half is reserved, here and below.
    interface.set_vmcr(vmcr(*vcpu).into_raw() as u32);
    interface.share_sre(vcpu.vgic_v3());

    macro_rules! copy {
        ($($n:literal $index:ident),*) => {$(
            interface.set_ap0r::<$n>(vcpu.sys_reg(SysReg::ich_ap0r(ApIndex::$index)) as u32);
            interface.set_ap1r::<$n>(vcpu.sys_reg(SysReg::ich_ap1r(ApIndex::$index)) as u32);
        )*};
    }
    for_each_active_priority!(copy);

    for index in LrIndex::first(HostGic::list_registers()) {
        let own = lr(*vcpu, index);

        if !own.is_empty() {
            interface.set_lr_at(used, for_hardware(vcpu, own).into_raw());
            map |= index.bit();
            used = used.wrapping_add(1);
        }
    }
    shadow.set_lr_map(map);
    interface.set_used_lrs(used);
}

/// With the host's interrupt in place of the guest hypervisor's.
fn for_hardware(vcpu: LoadedVcpu<'_>, own: ListRegister) -> ListRegister {
    let named = own
        .physical()
        .zip(Guest::of(vcpu.vm()))
        .and_then(|(intid, guest)| guest.irq(Some(vcpu.anyones()), Intid(intid)));

    own.for_hardware(named.map(|irq| {
        irq.private()
            .filter(|irq| irq.word().has(IrqWord::Hw))
            .map(PrivateIrq::physical)
    }))
}

/// The vCPU leaves a CPU on which it ran its guest's guest.
pub(super) fn put(vcpu: LoadedVcpu<'_>) {
    let Some(el2) = vcpu.vhe() else {
        return;
    };
    let interface = Shadow::of(vcpu, el2).interface();

    state::save_active_priorities(interface, el2);

    macro_rules! copy {
        ($($n:literal $index:ident),*) => {$(
            vcpu.set_sys_reg(
                SysReg::ich_ap0r(ApIndex::$index),
                u64::from(interface.ap0r::<$n>()),
            );
            vcpu.set_sys_reg(
                SysReg::ich_ap1r(ApIndex::$index),
                u64::from(interface.ap1r::<$n>()),
            );
        )*};
    }
    for_each_active_priority!(copy);

    for number in 0..interface.used_lrs() {
        // CAST: Less than 16.
        write_lr_at(number as u8, 0, el2);
    }
    state::deactivate_traps(interface, el2);
    vcpu.vgic_v3().set_used_lrs(0);
}
