// SPDX-License-Identifier: GPL-2.0

//! What of a GICv5 KVM has to know: numbers of PPIs, and which of them interrupt a vCPU.
//!
//! Source: GICv5 architecture specification, "Interrupt IDs", `ICH_VMCR_EL2`, `ICH_APR_EL2`.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v5.c: vgic_v5_get_effective_priority_mask;
//!     include/kvm/arm_vgic.h: vgic_v5_get_hwirq_id, vgic_v5_make_ppi, is_v5_type
#![forbid(unsafe_code)]

use crate::arm64::fields::register_values;

register_values! {
    /// An INTID.
    struct IntidV5 {
        /// The number among those of its type.
        ID = 23:0;
        /// The type.
        TYPE = 31:29;
    }

    /// The value of `ICH_VMCR_EL2` of a GICv5.
    pub(crate) struct VmcrV5 {
        /// The vCPU takes interrupts at all.
        EN = 0;
        /// Priority mask.
        VPMR = 31:27;
    }
}

/// The type of a PPI.
const PPI: u64 = 1;

/// A PPI of the architecture's, of which there are 64.
///
/// # Invariants
///
/// Less than [`COUNT`](Self::COUNT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PpiNumber(u8);

impl PpiNumber {
    /// How many there are.
    pub(crate) const COUNT: u8 = 64;
    /// Software's own.
    pub(crate) const SOFTWARE: Self = Self(3);
    /// The PMU's.
    pub(crate) const PMU: Self = Self(0x17);
    /// The timers of EL1 and EL2, physical and virtual.
    pub(crate) const TIMERS: [Self; 4] = [Self(0x1a), Self(0x1b), Self(0x1c), Self(0x1e)];

    /// The one of an INTID, if it is one.
    pub(crate) fn of_intid(intid: u32) -> Option<Self> {
        let intid = IntidV5::from_raw(u64::from(intid));
        let number = intid.get(IntidV5::ID);

        // INVARIANT: Just checked. CAST: So it fits.
        (intid.get(IntidV5::TYPE) == PPI && number < u64::from(Self::COUNT))
            .then_some(Self(number as u8))
    }

    /// Its INTID.
    pub(crate) fn intid(self) -> u32 {
        // CAST: 32 bits.
        IntidV5::ZERO
            .put(IntidV5::TYPE, PPI)
            .put(IntidV5::ID, u64::from(self.0))
            .into_raw() as u32
    }

    /// The number.
    #[inline(always)]
    pub(crate) const fn get(self) -> u8 {
        self.0
    }

    /// A set of this one alone.
    #[inline(always)]
    pub(crate) const fn bit(self) -> u64 {
        // CAST: widening.
        1u64.wrapping_shl(self.0 as u32)
    }

    /// All of them.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        // INVARIANT: By the range.
        (0..Self::COUNT).map(Self)
    }

    /// Those of a set, from the first.
    #[inline]
    pub(crate) fn of_set(mut set: u64) -> impl Iterator<Item = Self> {
        core::iter::from_fn(move || {
            // INVARIANT: 64 only if the set is empty. CAST: So it fits.
            let next = (set != 0).then(|| Self(set.trailing_zeros() as u8))?;

            set &= !next.bit();
            Some(next)
        })
    }

    /// Its priority, of those of all: a byte each, of which five bits count.
    pub(crate) fn priority(self, of_all: [u64; 8]) -> u8 {
        // CAST: A byte.
        of_all.get(usize::from(self.0 / 8)).map_or(0, |eight| {
            (eight.wrapping_shr(u32::from(self.0 % 8) * 8) & 0x1f) as u8
        })
    }
}

/// The least urgent priority that does not interrupt a vCPU: more urgent ones, of a lower number,
/// do. `active`: the priorities of its active interrupts, a bit each.
pub(crate) fn priority_mask(vmcr: VmcrV5, active: u64) -> u8 {
    if !vmcr.has(VmcrV5::EN) {
        return 0;
    }
    // CAST: 32 priorities; at most 32 results.
    let running = (active as u32).trailing_zeros() as u8;
    // CAST: Five bits. The mask itself is not masked.
    let mask = (vmcr.get(VmcrV5::VPMR) as u8).wrapping_add(1);

    running.min(mask)
}
