// SPDX-License-Identifier: GPL-2.0

//! The hardware's virtual CPU interface, for the emulation of a guest's accesses.
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: __gic_v3_get_lr, __gic_v3_set_lr,
//!     __vgic_v3_write_ap0rn, __vgic_v3_write_ap1rn, __vgic_v3_read_ap0rn, __vgic_v3_read_ap1rn,
//!     __vgic_v3_read_vmcr, __vgic_v3_write_vmcr, __vgic_v3_clear_active_lr,
//!     __vgic_v3_bump_eoicount; arch/arm64/kvm/vgic/vgic.h: vgic_ich_vtr
#![forbid(unsafe_code)]

use super::*;
use crate::gic::{
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
    vmcr::Vmcr, //
};

/// The registers of the interface whose vCPU was just left, and is to be entered again.
pub(crate) struct Hardware<'a> {
    interface: VgicV3<'a>,
    masked: Masked<'a>,
}

impl<'a> Hardware<'a> {
    /// The vCPU's, in the hardware.
    pub(crate) fn of(vcpu: RunningVcpu<'a>) -> Self {
        Self {
            interface: vcpu.vgic_v3(),
            masked: vcpu.masked(),
        }
    }
}

impl Registers for Hardware<'_> {
    // Inlined, as no list of functions that no probe may be put into can name a trait's.
    #[inline(always)]
    fn vtr(&self) -> Vtr {
        Vtr::from_raw(ich_vtr())
    }

    fn used_lrs(&self) -> u32 {
        self.interface.used_lrs()
    }

    #[inline(always)]
    fn lr(&self, index: LrIndex) -> ListRegister {
        ListRegister::from_raw(read_lr_at(index.get()))
    }

    fn set_lr(&mut self, index: LrIndex, lr: ListRegister) {
        write_lr_at(index.get(), lr.into_raw(), *self.masked);
    }

    fn active_priorities(&self, group: Group, index: ApIndex) -> u32 {
        let bits = match (group, index) {
            (Group::Zero, ApIndex::Ap0) => ICH_AP0R_EL2::<0>::read(),
            (Group::Zero, ApIndex::Ap1) => ICH_AP0R_EL2::<1>::read(),
            (Group::Zero, ApIndex::Ap2) => ICH_AP0R_EL2::<2>::read(),
            (Group::Zero, ApIndex::Ap3) => ICH_AP0R_EL2::<3>::read(),
            (Group::One, ApIndex::Ap0) => ICH_AP1R_EL2::<0>::read(),
            (Group::One, ApIndex::Ap1) => ICH_AP1R_EL2::<1>::read(),
            (Group::One, ApIndex::Ap2) => ICH_AP1R_EL2::<2>::read(),
            (Group::One, ApIndex::Ap3) => ICH_AP1R_EL2::<3>::read(),
        };

        // CAST: The upper half is reserved.
        bits as u32
    }

    fn set_active_priorities(&mut self, group: Group, index: ApIndex, bits: u32) {
        let (bits, el2) = (u64::from(bits), *self.masked);

        match (group, index) {
            (Group::Zero, ApIndex::Ap0) => ICH_AP0R_EL2::<0>::set(bits, el2),
            (Group::Zero, ApIndex::Ap1) => ICH_AP0R_EL2::<1>::set(bits, el2),
            (Group::Zero, ApIndex::Ap2) => ICH_AP0R_EL2::<2>::set(bits, el2),
            (Group::Zero, ApIndex::Ap3) => ICH_AP0R_EL2::<3>::set(bits, el2),
            (Group::One, ApIndex::Ap0) => ICH_AP1R_EL2::<0>::set(bits, el2),
            (Group::One, ApIndex::Ap1) => ICH_AP1R_EL2::<1>::set(bits, el2),
            (Group::One, ApIndex::Ap2) => ICH_AP1R_EL2::<2>::set(bits, el2),
            (Group::One, ApIndex::Ap3) => ICH_AP1R_EL2::<3>::set(bits, el2),
        }
    }

    fn vmcr(&self) -> Vmcr {
        Vmcr::from_raw(ICH_VMCR_EL2::read())
    }

    fn set_vmcr(&mut self, vmcr: Vmcr) {
        ICH_VMCR_EL2::set(vmcr.into_raw(), *self.masked);
    }

    fn count_eoi(&mut self) {
        let hcr = ICH_HCR_EL2::read();
        // The count wraps.
        let count = hcr.get(IchHcr::EOIcount).wrapping_add(1);

        ICH_HCR_EL2::set(hcr.put(IchHcr::EOIcount, count), *self.masked);
    }

    fn deactivate_physical(&mut self, intid: u32) {
        gic_v3::deactivate_physical(intid, self.masked);
    }
}
