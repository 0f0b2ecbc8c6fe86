// SPDX-License-Identifier: GPL-2.0

//! The registers of a GICv3 CPU interface as an instruction names them, and what a trapped
//! access does.
//!
//! Source: GIC Architecture Specification (IHI 0069), "AArch64 System register descriptions".
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: __vgic_v3_get_group, __vgic_v3_read_igrpen0,
//!     __vgic_v3_read_igrpen1, __vgic_v3_write_igrpen0, __vgic_v3_write_igrpen1,
//!     __vgic_v3_read_bpr0, __vgic_v3_read_bpr1, __vgic_v3_write_bpr0, __vgic_v3_write_bpr1,
//!     __vgic_v3_read_apxr0, __vgic_v3_read_apxr1, __vgic_v3_read_apxr2, __vgic_v3_read_apxr3,
//!     __vgic_v3_write_apxr0, __vgic_v3_write_apxr1, __vgic_v3_write_apxr2, __vgic_v3_write_apxr3,
//!     __vgic_v3_read_pmr, __vgic_v3_write_pmr, __vgic_v3_write_ctlr,
//!     __vgic_v3_perform_cpuif_access
#![forbid(unsafe_code)]

use super::{
    cpu_interface::{
        CpuInterface,
        Outcome,
        Registers, //
    },
    list_register::Intid,
    priority::{
        ApIndex,
        Group, //
    }, //
};
use crate::arm64::{
    encoding::Encoding,
    registers::*, //
};

/// A register of the CPU interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icc {
    Iar(Group),
    Eoir(Group),
    Hppir(Group),
    Bpr(Group),
    Igrpen(Group),
    Apr(Group, ApIndex),
    Dir,
    Rpr,
    Ctlr,
    Pmr,
}

/// A trapped access: a read, or a write of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write(u64),
}

/// What came of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Emulated {
    /// Done; the value is what a read gives.
    Read(u64),
    /// Done.
    Written,
    /// Not a thing that can be done here.
    NotHere,
}

impl Icc {
    /// The register of an `MSR` or `MRS`.
    pub(crate) const fn decode(register: Encoding) -> Option<Self> {
        Some(match register {
            ICC_PMR_EL1::ENCODING => Self::Pmr,
            ICC_IAR0_EL1::ENCODING => Self::Iar(Group::Zero),
            ICC_EOIR0_EL1::ENCODING => Self::Eoir(Group::Zero),
            ICC_HPPIR0_EL1::ENCODING => Self::Hppir(Group::Zero),
            ICC_BPR0_EL1::ENCODING => Self::Bpr(Group::Zero),
            ICC_AP0R0_EL1::ENCODING => Self::Apr(Group::Zero, ApIndex::Ap0),
            ICC_AP0R1_EL1::ENCODING => Self::Apr(Group::Zero, ApIndex::Ap1),
            ICC_AP0R2_EL1::ENCODING => Self::Apr(Group::Zero, ApIndex::Ap2),
            ICC_AP0R3_EL1::ENCODING => Self::Apr(Group::Zero, ApIndex::Ap3),
            ICC_AP1R0_EL1::ENCODING => Self::Apr(Group::One, ApIndex::Ap0),
            ICC_AP1R1_EL1::ENCODING => Self::Apr(Group::One, ApIndex::Ap1),
            ICC_AP1R2_EL1::ENCODING => Self::Apr(Group::One, ApIndex::Ap2),
            ICC_AP1R3_EL1::ENCODING => Self::Apr(Group::One, ApIndex::Ap3),
            ICC_DIR_EL1::ENCODING => Self::Dir,
            ICC_RPR_EL1::ENCODING => Self::Rpr,
            ICC_IAR1_EL1::ENCODING => Self::Iar(Group::One),
            ICC_EOIR1_EL1::ENCODING => Self::Eoir(Group::One),
            ICC_HPPIR1_EL1::ENCODING => Self::Hppir(Group::One),
            ICC_BPR1_EL1::ENCODING => Self::Bpr(Group::One),
            ICC_CTLR_EL1::ENCODING => Self::Ctlr,
            ICC_IGRPEN0_EL1::ENCODING => Self::Igrpen(Group::Zero),
            ICC_IGRPEN1_EL1::ENCODING => Self::Igrpen(Group::One),
            _ => return None,
        })
    }

    /// Does the access. `dir_traps`: a deactivation that no list register answers is KVM's to
    /// do, rather than the hardware's to count.
    pub(crate) fn emulate<R: Registers>(
        self,
        interface: &mut CpuInterface<R>,
        access: Access,
        dir_traps: bool,
    ) -> Emulated {
        match access {
            Access::Read => match self.read(interface) {
                Some(value) => Emulated::Read(u64::from(value)),
                None => Emulated::NotHere,
            },
            // CAST: The registers have 32 bits; the others are reserved.
            Access::Write(value) => match self.write(interface, value as u32, dir_traps) {
                Outcome::Done => Emulated::Written,
                Outcome::NotHere => Emulated::NotHere,
            },
        }
    }

    fn read<R: Registers>(self, interface: &mut CpuInterface<R>) -> Option<u32> {
        Some(match self {
            Self::Iar(group) => interface.acknowledge(group),
            Self::Hppir(group) => interface.highest_pending_intid(group),
            Self::Bpr(group) => interface.vmcr().binary_point(group),
            Self::Igrpen(group) => u32::from(interface.vmcr().is_enabled(group)),
            Self::Apr(group, index) => return interface.active_priorities(group, index),
            Self::Rpr => u32::from(interface.running_priority().0),
            Self::Ctlr => interface.control(),
            Self::Pmr => u32::from(interface.vmcr().priority_mask().0),
            Self::Eoir(_) | Self::Dir => return None,
        })
    }

    fn write<R: Registers>(
        self,
        interface: &mut CpuInterface<R>,
        value: u32,
        dir_traps: bool,
    ) -> Outcome {
        match self {
            Self::Eoir(group) => interface.end_of_interrupt(group, Intid(value)),
            Self::Bpr(group) => {
                interface.update_vmcr(|vmcr, vtr| vmcr.with_binary_point(group, value, vtr));
            }
            Self::Igrpen(group) => {
                interface.update_vmcr(|vmcr, _| vmcr.with_enabled(group, value));
            }
            Self::Apr(group, index) => {
                return interface.set_active_priorities(group, index, value);
            }
            Self::Dir if dir_traps => return interface.deactivate(Intid(value)),
            Self::Dir => interface.deactivate_or_count(Intid(value)),
            Self::Ctlr => interface.update_vmcr(|vmcr, _| vmcr.with_control(value)),
            Self::Pmr => interface.update_vmcr(|vmcr, _| vmcr.with_priority_mask(value)),
            Self::Iar(_) | Self::Hppir(_) | Self::Rpr => return Outcome::NotHere,
        }
        Outcome::Done
    }
}
