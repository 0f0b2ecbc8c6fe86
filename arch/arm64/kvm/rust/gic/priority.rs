// SPDX-License-Identifier: GPL-2.0

//! Priorities, groups and pre-emption.
//!
//! Source: GIC Architecture Specification (IHI 0069), "Interrupt prioritization", and the
//! pseudocode of the virtual CPU interface.
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: vtr_to_nr_apr_regs, __vgic_v3_bpr_min,
//!     GICv3_IDLE_PRIORITY, __vgic_v3_get_highest_active_priority, __vgic_v3_pri_to_pre,
//!     __vgic_v3_set_active_priority, __vgic_v3_clear_highest_active_priority
#![forbid(unsafe_code)]

use super::list_register::Vtr;

/// An interrupt group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    Zero,
    One,
}

/// A priority; the smaller the value the more urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Priority(pub(crate) u8);

impl Priority {
    /// That of a CPU interface with no active interrupt, which anything pre-empts.
    pub(crate) const IDLE: Self = Self(0xff);

    /// Of what a guest writes for an interrupt: the virtual GICs have five bits.
    #[inline(always)]
    pub(crate) const fn implemented(value: u8) -> Self {
        Self(value & 0xf8)
    }

    /// The part of it that decides on pre-emption, given the number of its low bits that don't.
    #[inline(always)]
    pub(crate) const fn preemption_level(self, sub_priority_bits: u32) -> Self {
        match 0xff_u8.checked_shl(sub_priority_bits) {
            Some(mask) => Self(self.0 & mask),
            None => Self(0),
        }
    }
}

/// Which bit of which active-priority register stands for a pre-emption level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    /// The register, 0 to 3.
    pub(crate) register: ApIndex,
    /// The register's bit, as a mask.
    pub(crate) bit: u32,
}

/// The index of an active-priority register of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApIndex {
    Ap0,
    Ap1,
    Ap2,
    Ap3,
}

impl ApIndex {
    const ALL: [Self; 4] = [Self::Ap0, Self::Ap1, Self::Ap2, Self::Ap3];

    /// From the low two bits of a number.
    #[inline(always)]
    pub(crate) const fn wrapping(index: u32) -> Self {
        match index & 0b11 {
            0 => Self::Ap0,
            1 => Self::Ap1,
            2 => Self::Ap2,
            _ => Self::Ap3,
        }
    }

    /// The number.
    #[inline(always)]
    pub(crate) const fn get(self) -> u32 {
        // CAST: A field-less enum's discriminant.
        self as u32
    }

    /// Whether the hardware has it.
    #[inline(always)]
    pub(crate) fn exists(self, vtr: Vtr) -> bool {
        self.get() < vtr.active_priority_registers()
    }

    /// Those that the hardware has, most urgent levels first.
    #[inline(always)]
    pub(crate) fn all(vtr: Vtr) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .take_while(move |index| index.exists(vtr))
    }
}

/// How the hardware numbers pre-emption levels: the implemented bits of a priority, left out the
/// low ones, which it has none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Levels {
    unused_bits: u32,
}

impl Levels {
    /// Those of a CPU interface.
    #[inline(always)]
    pub(crate) fn of(vtr: Vtr) -> Self {
        Self {
            unused_bits: 8_u32.wrapping_sub(vtr.preemption_bits()),
        }
    }

    /// The smallest binary point that group 1 may have; that of group 0 is one less.
    #[inline(always)]
    pub(crate) const fn smallest_bpr1(self) -> u32 {
        self.unused_bits
    }

    /// Where a pre-emption level is recorded while active.
    #[inline(always)]
    pub(crate) fn record(self, level: Priority) -> Level {
        let number = u32::from(level.0).wrapping_shr(self.unused_bits);

        Level {
            register: ApIndex::wrapping(number / 32),
            bit: 1_u32.wrapping_shl(number),
        }
    }

    /// The pre-emption level that the lowest set bit of a register stands for; none if no bit is
    /// set.
    #[inline(always)]
    pub(crate) const fn most_urgent(self, register: ApIndex, bits: u32) -> Option<Priority> {
        if bits == 0 {
            return None;
        }

        let number = register
            .get()
            .wrapping_mul(32)
            .wrapping_add(bits.trailing_zeros());

        // CAST: Seven bits at most, in the place of the eight of a priority.
        Some(Priority(number.wrapping_shl(self.unused_bits) as u8))
    }
}
