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
    },
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
    /// The register of an `MSR` or `MRS` by the fields of its encoding; `op0` is 3, `op1` 0.
    pub(crate) const fn decode(crn: u32, crm: u32, op2: u32) -> Option<Self> {
        Some(match (crn, crm, op2) {
            (4, 6, 0) => Self::Pmr,
            (12, 8, 0) => Self::Iar(Group::Zero),
            (12, 8, 1) => Self::Eoir(Group::Zero),
            (12, 8, 2) => Self::Hppir(Group::Zero),
            (12, 8, 3) => Self::Bpr(Group::Zero),
            (12, 8, 4..=7) => Self::Apr(Group::Zero, ApIndex::wrapping(op2)),
            (12, 9, 0..=3) => Self::Apr(Group::One, ApIndex::wrapping(op2)),
            (12, 11, 1) => Self::Dir,
            (12, 11, 3) => Self::Rpr,
            (12, 12, 0) => Self::Iar(Group::One),
            (12, 12, 1) => Self::Eoir(Group::One),
            (12, 12, 2) => Self::Hppir(Group::One),
            (12, 12, 3) => Self::Bpr(Group::One),
            (12, 12, 4) => Self::Ctlr,
            (12, 12, 6) => Self::Igrpen(Group::Zero),
            (12, 12, 7) => Self::Igrpen(Group::One),
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
