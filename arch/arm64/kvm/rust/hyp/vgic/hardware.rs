// SPDX-License-Identifier: GPL-2.0

//! The hardware's virtual CPU interface, for the emulation of a guest's accesses.
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: __gic_v3_get_lr, __gic_v3_set_lr,
//!     __vgic_v3_write_ap0rn, __vgic_v3_write_ap1rn, __vgic_v3_read_ap0rn, __vgic_v3_read_ap1rn,
//!     __vgic_v3_read_vmcr, __vgic_v3_write_vmcr, __vgic_v3_clear_active_lr,
//!     __vgic_v3_bump_eoicount; arch/arm64/kvm/vgic/vgic.h: vgic_ich_vtr
#![forbid(unsafe_code)]

use super::{
    cpu_interface::Registers,
    list_register::{
        ListRegister,
        LrIndex,
        Vtr, //
    },
    priority::{
        ApIndex,
        Group, //
    },
    vmcr::Vmcr,
};
use crate::{
    arm64::gic_v3,
    host::{
        vgic::ich_vtr,
        vgic_v3::VgicV3, //
    }, //
};

/// `ICH_HCR_EL2.EOIcount`, its lowest bit.
const HCR_EOICOUNT_ONE: u32 = 1 << 27;

/// The registers of the interface whose vCPU was just left, and is to be entered again.
pub(crate) struct Hardware<'a>(VgicV3<'a>);

impl<'a> Hardware<'a> {
    /// `interface` is the one in the hardware.
    pub(crate) fn of(interface: VgicV3<'a>) -> Self {
        Self(interface)
    }
}

impl Registers for Hardware<'_> {
    // Inlined, as no list of functions that no probe may be put into can name a trait's.
    #[inline(always)]
    fn vtr(&self) -> Vtr {
        Vtr::from_bits(ich_vtr())
    }

    fn used_lrs(&self) -> u32 {
        self.0.used_lrs()
    }

    #[inline(always)]
    fn lr(&self, index: LrIndex) -> ListRegister {
        ListRegister::from_bits(gic_v3::read_lr_at(index.get()))
    }

    fn set_lr(&mut self, index: LrIndex, lr: ListRegister) {
        gic_v3::write_lr_at(index.get(), lr.bits());
    }

    fn active_priorities(&self, group: Group, index: ApIndex) -> u32 {
        let bits = match (group, index) {
            (Group::Zero, ApIndex::Ap0) => gic_v3::read_ap0r::<0>(),
            (Group::Zero, ApIndex::Ap1) => gic_v3::read_ap0r::<1>(),
            (Group::Zero, ApIndex::Ap2) => gic_v3::read_ap0r::<2>(),
            (Group::Zero, ApIndex::Ap3) => gic_v3::read_ap0r::<3>(),
            (Group::One, ApIndex::Ap0) => gic_v3::read_ap1r::<0>(),
            (Group::One, ApIndex::Ap1) => gic_v3::read_ap1r::<1>(),
            (Group::One, ApIndex::Ap2) => gic_v3::read_ap1r::<2>(),
            (Group::One, ApIndex::Ap3) => gic_v3::read_ap1r::<3>(),
        };

        // CAST: The upper half is reserved.
        bits as u32
    }

    fn set_active_priorities(&mut self, group: Group, index: ApIndex, bits: u32) {
        let bits = u64::from(bits);

        match (group, index) {
            (Group::Zero, ApIndex::Ap0) => gic_v3::write_ap0r::<0>(bits),
            (Group::Zero, ApIndex::Ap1) => gic_v3::write_ap0r::<1>(bits),
            (Group::Zero, ApIndex::Ap2) => gic_v3::write_ap0r::<2>(bits),
            (Group::Zero, ApIndex::Ap3) => gic_v3::write_ap0r::<3>(bits),
            (Group::One, ApIndex::Ap0) => gic_v3::write_ap1r::<0>(bits),
            (Group::One, ApIndex::Ap1) => gic_v3::write_ap1r::<1>(bits),
            (Group::One, ApIndex::Ap2) => gic_v3::write_ap1r::<2>(bits),
            (Group::One, ApIndex::Ap3) => gic_v3::write_ap1r::<3>(bits),
        }
    }

    fn vmcr(&self) -> Vmcr {
        Vmcr::from_bits(gic_v3::read_vmcr())
    }

    fn set_vmcr(&mut self, vmcr: Vmcr) {
        gic_v3::write_vmcr(vmcr.bits());
    }

    fn count_eoi(&mut self) {
        // CAST: The upper half is reserved. The count wraps, being the highest field.
        let hcr = (gic_v3::read_hcr() as u32).wrapping_add(HCR_EOICOUNT_ONE);

        gic_v3::write_hcr(u64::from(hcr));
    }

    fn deactivate_physical(&mut self, intid: u32) {
        gic_v3::deactivate_physical(intid);
    }
}
