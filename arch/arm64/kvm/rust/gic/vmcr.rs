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
    }, //
};
use crate::arm64::fields::{
    register_values,
    Field, //
};

register_values! {
    /// The value of `ICH_VMCR_EL2` (GICv3; GICv5 lays it out differently).
    pub(crate) struct Vmcr {
        /// Interrupts of group 0 are signalled.
        VENG0 = 0;
        /// Interrupts of group 1 are signalled.
        VENG1 = 1;
        /// `GICC_CTLR.AckCtl`, of a GICv2.
        VAckCtl = 2;
        /// `GICC_CTLR.FIQEn`: interrupts of group 0 are FIQs.
        VFIQEn = 3;
        /// One binary point, that of group 0, for both groups.
        VCBPR = 4;
        /// Deactivation is separate from the end of interrupt (EOImode 1).
        VEOIM = 9;
        /// Binary point of group 1.
        VBPR1 = 20:18;
        /// Binary point of group 0.
        VBPR0 = 23:21;
        /// Priority mask.
        VPMR = 31:24;
    }

    /// Of `ICC_CTLR_EL1`.
    pub(super) struct IccCtlr {
        /// One binary point for both groups.
        CBPR = 0;
        /// Deactivation is separate from the end of interrupt.
        EOImode = 1;
        /// The number of bits of a priority, less one.
        PRIbits = 10:8;
        /// How many bits an INTID has.
        IDbits = 13:11;
        /// The CPU interface can raise SErrors.
        SEIS = 14;
        /// An SGI may name any affinity 3.
        A3V = 15;
    }
}

/// The largest binary point.
const MAX_BPR: u32 = 7;

impl Vmcr {
    /// A field, which has less than 32 bits.
    const fn field(self, field: Field<Self>) -> u32 {
        // CAST: See above.
        self.get(field) as u32
    }

    /// A field of which `value` has the low bits.
    const fn set(self, field: Field<Self>, value: u32) -> Self {
        // CAST: widening.
        self.put(field, value as u64)
    }

    const fn enable_field(group: Group) -> Field<Self> {
        match group {
            Group::Zero => Self::VENG0,
            Group::One => Self::VENG1,
        }
    }

    /// `ICC_IGRPEN<n>_EL1`: whether interrupts of a group are signalled.
    pub(crate) const fn is_enabled(self, group: Group) -> bool {
        self.has(Self::enable_field(group))
    }

    /// Writes `ICC_IGRPEN<n>_EL1`.
    #[must_use]
    pub(crate) const fn with_enabled(self, group: Group, value: u32) -> Self {
        self.set(Self::enable_field(group), value)
    }

    /// `ICC_PMR_EL1`: only interrupts more urgent than this are signalled.
    pub(crate) const fn priority_mask(self) -> Priority {
        // CAST: The field has eight bits.
        Priority(self.field(Self::VPMR) as u8)
    }

    /// Writes `ICC_PMR_EL1`.
    #[must_use]
    pub(crate) const fn with_priority_mask(self, value: u32) -> Self {
        self.set(Self::VPMR, value)
    }

    /// One binary point, that of group 0, for both groups.
    const fn common_bpr(self) -> bool {
        self.has(Self::VCBPR)
    }

    /// Deactivation is separate from the end of interrupt (EOImode 1).
    pub(crate) const fn separate_deactivation(self) -> bool {
        self.has(Self::VEOIM)
    }

    /// `ICC_BPR<n>_EL1`.
    pub(crate) const fn binary_point(self, group: Group) -> u32 {
        match group {
            Group::Zero => self.field(Self::VBPR0),
            Group::One if self.common_bpr() => {
                let bpr = self.field(Self::VBPR0).wrapping_add(1);

                if bpr < MAX_BPR {
                    bpr
                } else {
                    MAX_BPR
                }
            }
            Group::One => self.field(Self::VBPR1),
        }
    }

    /// Writes `ICC_BPR<n>_EL1`. A value that the hardware has too few bits for becomes the
    /// smallest possible; a common binary point is not changed through group 1.
    #[must_use]
    pub(crate) fn with_binary_point(self, group: Group, value: u32, vtr: Vtr) -> Self {
        let smallest = Levels::of(vtr).smallest_bpr1();
        let value = value & MAX_BPR;

        match group {
            Group::Zero => self.set(Self::VBPR0, value.max(smallest.saturating_sub(1))),
            Group::One if self.common_bpr() => self,
            Group::One => self.set(Self::VBPR1, value.max(smallest)),
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
        let mut control = IccCtlr::ZERO
            .put(IccCtlr::IDbits, vtr.get(Vtr::IDbits))
            .put(IccCtlr::PRIbits, vtr.get(Vtr::PRIbits));

        if vtr.has(Vtr::A3V) {
            control = control.with(IccCtlr::A3V);
        }
        if self.separate_deactivation() {
            control = control.with(IccCtlr::EOImode);
        }
        if self.common_bpr() {
            control = control.with(IccCtlr::CBPR);
        }
        // CAST: The fields are in the low half.
        control.into_raw() as u32
    }

    /// Writes `ICC_CTLR_EL1`.
    #[must_use]
    pub(crate) fn with_control(self, value: u32) -> Self {
        let value = IccCtlr::from_raw(u64::from(value));

        self.put(Self::VCBPR, value.get(IccCtlr::CBPR))
            .put(Self::VEOIM, value.get(IccCtlr::EOImode))
    }
}
