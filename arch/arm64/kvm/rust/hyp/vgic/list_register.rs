// SPDX-License-Identifier: GPL-2.0

//! List registers, and what the hardware says of their number and of priorities.
//!
//! Source: GIC Architecture Specification (IHI 0069), `ICH_LR<n>_EL2`, `ICH_VTR_EL2`.
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: vtr_to_max_lr_idx, vtr_to_nr_pre_bits,
//!     vtr_to_nr_apr_regs, __vgic_v3_find_active_lr, __vgic_v3_read_ctlr
#![forbid(unsafe_code)]

use super::priority::{
    Group,
    Priority, //
};

/// The INTID that stands for "no interrupt" (IHI 0069, "Special INTIDs").
pub(crate) const SPURIOUS: u32 = 1023;

/// An interrupt number as a guest writes it: any 32-bit value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intid(pub(crate) u32);

impl Intid {
    /// The first LPI.
    const FIRST_LPI: u32 = 8192;

    /// LPIs have no active state: their priority drop is all there is to an end of interrupt.
    pub(crate) fn is_lpi(self) -> bool {
        self.0 >= Self::FIRST_LPI
    }
}

/// The state of the interrupt in a list register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Invalid,
    Pending,
    Active,
    PendingAndActive,
}

/// The value of an `ICH_LR<n>_EL2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListRegister(u64);

impl ListRegister {
    const STATE: u64 = 0b11 << 62;
    const PENDING: u64 = 1 << 62;
    const ACTIVE: u64 = 1 << 63;
    const HW: u64 = 1 << 61;
    const GROUP: u64 = 1 << 60;

    /// From the register's bits.
    #[inline(always)]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The register's bits.
    #[inline(always)]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    /// State.
    #[inline(always)]
    pub(crate) fn state(self) -> State {
        match (self.0 & Self::PENDING != 0, self.0 & Self::ACTIVE != 0) {
            (false, false) => State::Invalid,
            (true, false) => State::Pending,
            (false, true) => State::Active,
            (true, true) => State::PendingAndActive,
        }
    }

    /// vINTID.
    #[inline(always)]
    pub(crate) fn intid(self) -> Intid {
        // CAST: The field is the low half.
        Intid(self.0 as u32)
    }

    /// Priority.
    #[inline(always)]
    pub(crate) fn priority(self) -> Priority {
        // CAST: The field has eight bits.
        Priority((self.0 >> 48) as u8)
    }

    /// Group.
    #[inline(always)]
    pub(crate) fn group(self) -> Group {
        if self.0 & Self::GROUP != 0 {
            Group::One
        } else {
            Group::Zero
        }
    }

    /// The physical interrupt that ends with this one, if it stands for one (HW and pINTID).
    #[inline(always)]
    pub(crate) fn physical(self) -> Option<u32> {
        // CAST: The field has ten bits (the architecture allows 13, of which guests get PPIs and
        // SPIs only).
        (self.0 & Self::HW != 0).then_some((self.0 >> 32) as u32 & 0x3ff)
    }

    /// Pending, or pending and active, becomes nothing of the kind: what is left in memory of an
    /// interrupt that the guest is done with.
    #[inline(always)]
    pub(crate) const fn without_state(self) -> Self {
        Self(self.0 & !Self::STATE)
    }

    /// The interrupt as it is once acknowledged.
    #[inline(always)]
    pub(crate) const fn acknowledged(self) -> Self {
        Self(self.0 & !Self::STATE | Self::ACTIVE)
    }

    /// The interrupt as it is once deactivated: it may be pending again.
    #[inline(always)]
    pub(crate) const fn deactivated(self) -> Self {
        Self(self.0 & !Self::ACTIVE)
    }

    /// Whether the interrupt is active, pending again or not.
    #[inline(always)]
    pub(crate) fn is_active(self) -> bool {
        self.0 & Self::ACTIVE != 0
    }
}

/// The index of a list register.
///
/// # Invariants
///
/// Less than [`MAX_LRS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LrIndex(u8);

/// The architecture's largest number of list registers.
pub(crate) const MAX_LRS: u8 = 16;

impl LrIndex {
    /// From the low bits of a number, as the registers' encoding does it.
    #[inline(always)]
    pub(crate) const fn wrapping(index: u32) -> Self {
        // INVARIANT: Masked. CAST: Fits after the masking.
        Self((index & (MAX_LRS as u32 - 1)) as u8)
    }

    /// The first `count` of them, but no more than there can be.
    #[inline(always)]
    pub(crate) fn first(count: u32) -> impl Iterator<Item = Self> {
        // CAST: A small constant; INVARIANT: less than the limit of the range.
        (0..count.min(u32::from(MAX_LRS))).map(Self::wrapping)
    }

    /// The number.
    #[inline(always)]
    pub(crate) const fn get(self) -> u8 {
        self.0
    }
}

/// The value of `ICH_VTR_EL2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vtr(u32);

impl Vtr {
    /// From the register's bits, of which the upper half is reserved.
    #[inline(always)]
    pub(crate) const fn from_bits(bits: u64) -> Self {
        // CAST: See above.
        Self(bits as u32)
    }

    const fn field(self, shift: u32) -> u32 {
        self.0.wrapping_shr(shift) & 0b111
    }

    /// The number of list registers; of five bits, though there are no more than 16.
    #[inline(always)]
    pub(crate) const fn list_registers(self) -> u32 {
        (self.0 & 0x1f).wrapping_add(1)
    }

    /// The number of bits of a priority that pre-empt, 5 to 7.
    #[inline(always)]
    pub(crate) fn preemption_bits(self) -> u32 {
        self.field(26).wrapping_add(1).clamp(5, 7)
    }

    /// The number of active-priority registers of each group: one for each 32 levels.
    #[inline(always)]
    pub(crate) fn active_priority_registers(self) -> u32 {
        match self.preemption_bits() {
            5 => 1,
            6 => 2,
            _ => 4,
        }
    }

    /// `ICC_CTLR_EL1.PRIbits`.
    pub(crate) const fn priority_bits(self) -> u32 {
        self.field(29)
    }

    /// `ICC_CTLR_EL1.IDbits`.
    pub(crate) const fn id_bits(self) -> u32 {
        self.field(23)
    }

    /// `ICC_CTLR_EL1.A3V`: an SGI may name any affinity 3.
    pub(crate) const fn affinity3_valid(self) -> bool {
        self.0 & 1 << 21 != 0
    }
}
