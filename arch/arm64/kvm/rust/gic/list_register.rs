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
use crate::arm64::fields::{
    register_values,
    Field, //
};

/// The INTID that stands for "no interrupt" (IHI 0069, "Special INTIDs").
pub(crate) const SPURIOUS: u32 = 1023;

/// An interrupt number as a guest writes it: any 32-bit value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Intid(pub(crate) u32);

impl Intid {
    /// The first LPI.
    pub(crate) const FIRST_LPI: u32 = 8192;

    /// SGIs and PPIs: each vCPU has its own.
    #[inline(always)]
    pub(crate) fn is_private(self) -> bool {
        self.0 < 32
    }

    /// Software's own.
    #[inline(always)]
    pub(crate) fn is_sgi(self) -> bool {
        self.0 < 16
    }

    /// A shared peripheral's, if there is one of that number.
    #[inline(always)]
    pub(crate) fn is_spi(self) -> bool {
        (32..1020).contains(&self.0)
    }

    /// LPIs have no active state: their priority drop is all there is to an end of interrupt.
    pub(crate) const fn is_lpi(self) -> bool {
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

register_values! {
    /// The value of an `ICH_LR<n>_EL2`.
    pub(crate) struct ListRegister {
        /// The interrupt.
        vINTID = 31:0;
        /// The physical interrupt that ends with this one. The architecture has 13 bits, of which
        /// guests get PPIs and SPIs only.
        pINTID = 41:32;
        /// Without a physical interrupt: a maintenance interrupt tells of its end.
        EOI = 41;
        /// How urgent it is.
        Priority = 55:48;
        /// It is of group 1.
        Group = 60;
        /// It stands for a physical interrupt.
        HW = 61;
        /// Pending, active, or both.
        State = 63:62;
        /// Of these: pending.
        Pending = 62;
        /// Of these: active.
        Active = 63;
    }

    /// The value of a `GICH_LR<n>` (GICv2, IHI 0048).
    pub(crate) struct GichListRegister {
        /// The interrupt.
        VirtualID = 9:0;
        /// The physical interrupt that ends with this one.
        PhysicalID = 19:10;
        /// Without a physical interrupt, of an SGI: the vCPU that has sent it.
        CPUID = 12:10;
        /// Without a physical interrupt: a maintenance interrupt tells of its end.
        EOI = 19;
        /// How urgent it is: the upper five bits.
        Priority = 27:23;
        /// Pending.
        Pending = 28;
        /// Active.
        Active = 29;
        /// It is of group 1.
        Grp1 = 30;
        /// It stands for a physical interrupt.
        HW = 31;
    }

    /// The value of `ICH_VTR_EL2`.
    pub(crate) struct Vtr {
        /// The number of list registers, less one; of five bits, though there are no more than 16.
        ListRegs = 4:0;
        /// Virtual SErrors can be masked by the vCPU.
        DVIM = 18;
        /// No direct injection.
        nV4 = 20;
        /// An SGI may name any affinity 3.
        A3V = 21;
        /// The CPU interface can raise SErrors.
        SEIS = 22;
        /// How many bits an INTID has.
        IDbits = 25:23;
        /// The number of bits of a priority that pre-empt, less one.
        PREbits = 28:26;
        /// The number of bits of a priority, less one.
        PRIbits = 31:29;
    }
}

impl ListRegister {
    /// State.
    #[inline(always)]
    pub(crate) fn state(self) -> State {
        match (self.has(Self::Pending), self.has(Self::Active)) {
            (false, false) => State::Invalid,
            (true, false) => State::Pending,
            (false, true) => State::Active,
            (true, true) => State::PendingAndActive,
        }
    }

    /// vINTID.
    #[inline(always)]
    pub(crate) fn intid(self) -> Intid {
        // CAST: 32 bits.
        Intid(self.get(Self::vINTID) as u32)
    }

    /// Priority.
    #[inline(always)]
    pub(crate) fn priority(self) -> Priority {
        // CAST: The field has eight bits.
        Priority(self.get(Self::Priority) as u8)
    }

    /// Group.
    #[inline(always)]
    pub(crate) fn group(self) -> Group {
        if self.has(Self::Group) {
            Group::One
        } else {
            Group::Zero
        }
    }

    /// The physical interrupt that ends with this one, if it stands for one (HW and pINTID).
    #[inline(always)]
    pub(crate) fn physical(self) -> Option<u32> {
        // CAST: ten bits.
        self.has(Self::HW).then_some(self.get(Self::pINTID) as u32)
    }

    /// Pending, or pending and active, becomes nothing of the kind: what is left in memory of an
    /// interrupt that the guest is done with.
    #[inline(always)]
    pub(crate) const fn without_state(self) -> Self {
        self.without(Self::State)
    }

    /// The interrupt as it is once acknowledged.
    #[inline(always)]
    pub(crate) const fn acknowledged(self) -> Self {
        self.without(Self::State).with(Self::Active)
    }

    /// The interrupt as it is once deactivated: it may be pending again.
    #[inline(always)]
    pub(crate) const fn deactivated(self) -> Self {
        self.without(Self::Active)
    }

    /// Whether the interrupt is active, pending again or not.
    #[inline(always)]
    pub(crate) fn is_active(self) -> bool {
        self.has(Self::Active)
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

impl Vtr {
    /// A field, which has few bits.
    #[inline(always)]
    const fn number(self, field: Field<Self>) -> u32 {
        // CAST: See above.
        self.get(field) as u32
    }

    /// The number of list registers.
    #[inline(always)]
    pub(crate) const fn list_registers(self) -> u32 {
        self.number(Self::ListRegs).wrapping_add(1)
    }

    /// The number of bits of a priority that pre-empt, 5 to 7.
    #[inline(always)]
    pub(crate) fn preemption_bits(self) -> u32 {
        self.number(Self::PREbits).wrapping_add(1).clamp(5, 7)
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
}
