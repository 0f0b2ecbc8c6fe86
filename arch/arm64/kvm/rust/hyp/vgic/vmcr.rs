// SPDX-License-Identifier: GPL-2.0

//! `ICH_VMCR_EL2`: the controls of a guest's CPU interface in one register.
//!
//! Source: GIC Architecture Specification (IHI 0069), `ICH_VMCR_EL2`, `ICV_BPR<n>_EL1`,
//! `ICV_CTLR_EL1`.
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: __vgic_v3_bpr_min, __vgic_v3_get_bpr0,
//!     __vgic_v3_get_bpr1, __vgic_v3_pri_to_pre, __vgic_v3_read_igrpen0, __vgic_v3_read_igrpen1,
//!     __vgic_v3_write_igrpen0, __vgic_v3_write_igrpen1, __vgic_v3_read_bpr0, __vgic_v3_read_bpr1,
//!     __vgic_v3_write_bpr0, __vgic_v3_write_bpr1, __vgic_v3_read_pmr, __vgic_v3_write_pmr,
//!     __vgic_v3_read_ctlr, __vgic_v3_write_ctlr
#![forbid(unsafe_code)]

use super::{
    list_register::Vtr,
    priority::{
        Group,
        Levels,
        Priority, //
    },
};

/// The value of `ICH_VMCR_EL2` (GICv3; GICv5 lays it out differently).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vmcr(u32);

/// A field: its lowest bit and its width.
#[derive(Clone, Copy)]
struct Field {
    shift: u32,
    width: u32,
}

impl Field {
    const VENG0: Self = Self { shift: 0, width: 1 };
    const VENG1: Self = Self { shift: 1, width: 1 };
    const VCBPR: Self = Self { shift: 4, width: 1 };
    const VEOIM: Self = Self { shift: 9, width: 1 };
    const VBPR1: Self = Self {
        shift: 18,
        width: 3,
    };
    const VBPR0: Self = Self {
        shift: 21,
        width: 3,
    };
    const VPMR: Self = Self {
        shift: 24,
        width: 8,
    };

    const fn mask(self) -> u32 {
        1_u32.wrapping_shl(self.width).wrapping_sub(1)
    }

    const fn get(self, bits: u32) -> u32 {
        bits.wrapping_shr(self.shift) & self.mask()
    }

    const fn with(self, bits: u32, value: u32) -> u32 {
        bits & !self.mask().wrapping_shl(self.shift)
            | (value & self.mask()).wrapping_shl(self.shift)
    }
}

/// The largest binary point.
const MAX_BPR: u32 = 7;

/// `ICC_CTLR_EL1`, the fields that are the guest's.
const CTLR_CBPR: u32 = 1 << 0;
const CTLR_EOIMODE: u32 = 1 << 1;

impl Vmcr {
    /// From the register's bits, of which the upper half is reserved.
    #[inline(always)]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        // CAST: See above.
        Self(bits as u32)
    }

    /// The register's bits.
    #[inline(always)]
    pub(crate) const fn bits(self) -> u64 {
        // CAST: Lossless.
        self.0 as u64
    }

    #[must_use]
    const fn with(self, field: Field, value: u32) -> Self {
        Self(field.with(self.0, value))
    }

    const fn enable_field(group: Group) -> Field {
        match group {
            Group::Zero => Field::VENG0,
            Group::One => Field::VENG1,
        }
    }

    /// `ICC_IGRPEN<n>_EL1`: whether interrupts of a group are signalled.
    pub(crate) const fn is_enabled(self, group: Group) -> bool {
        Self::enable_field(group).get(self.0) != 0
    }

    /// Writes `ICC_IGRPEN<n>_EL1`.
    #[must_use]
    pub(crate) const fn with_enabled(self, group: Group, value: u32) -> Self {
        self.with(Self::enable_field(group), value)
    }

    /// `ICC_PMR_EL1`: only interrupts more urgent than this are signalled.
    pub(crate) const fn priority_mask(self) -> Priority {
        // CAST: The field has eight bits.
        Priority(Field::VPMR.get(self.0) as u8)
    }

    /// Writes `ICC_PMR_EL1`.
    #[must_use]
    pub(crate) const fn with_priority_mask(self, value: u32) -> Self {
        self.with(Field::VPMR, value)
    }

    /// One binary point, that of group 0, for both groups.
    const fn common_bpr(self) -> bool {
        Field::VCBPR.get(self.0) != 0
    }

    /// Deactivation is separate from the end of interrupt (EOImode 1).
    pub(crate) const fn separate_deactivation(self) -> bool {
        Field::VEOIM.get(self.0) != 0
    }

    /// `ICC_BPR<n>_EL1`.
    pub(crate) const fn binary_point(self, group: Group) -> u32 {
        match group {
            Group::Zero => Field::VBPR0.get(self.0),
            Group::One if self.common_bpr() => {
                let bpr = Field::VBPR0.get(self.0).wrapping_add(1);

                if bpr < MAX_BPR {
                    bpr
                } else {
                    MAX_BPR
                }
            }
            Group::One => Field::VBPR1.get(self.0),
        }
    }

    /// Writes `ICC_BPR<n>_EL1`. A value that the hardware has too few bits for becomes the
    /// smallest possible; a common binary point is not changed through group 1.
    #[must_use]
    pub(crate) fn with_binary_point(self, group: Group, value: u32, vtr: Vtr) -> Self {
        let smallest = Levels::of(vtr).smallest_bpr1();
        let value = value & MAX_BPR;

        match group {
            Group::Zero => self.with(Field::VBPR0, value.max(smallest.saturating_sub(1))),
            Group::One if self.common_bpr() => self,
            Group::One => self.with(Field::VBPR1, value.max(smallest)),
        }
    }

    /// The number of low bits of a priority that have no say in pre-emption.
    pub(crate) const fn sub_priority_bits(self, group: Group) -> u32 {
        match group {
            Group::Zero => self.binary_point(group).wrapping_add(1),
            Group::One => self.binary_point(group),
        }
    }

    /// `ICC_CTLR_EL1`, as far as it is not constant.
    pub(crate) fn control(self, vtr: Vtr) -> u32 {
        let mut control = vtr.id_bits() << 11 | vtr.priority_bits() << 8;

        if vtr.affinity3_valid() {
            control |= 1 << 15;
        }
        if self.separate_deactivation() {
            control |= CTLR_EOIMODE;
        }
        if self.common_bpr() {
            control |= CTLR_CBPR;
        }
        control
    }

    /// Writes `ICC_CTLR_EL1`.
    #[must_use]
    pub(crate) fn with_control(self, value: u32) -> Self {
        self.with(Field::VCBPR, u32::from(value & CTLR_CBPR != 0))
            .with(Field::VEOIM, u32::from(value & CTLR_EOIMODE != 0))
    }
}
