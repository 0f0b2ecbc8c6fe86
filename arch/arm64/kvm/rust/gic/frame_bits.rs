// SPDX-License-Identifier: GPL-2.0

//! Which part of a value read or written is which interrupt's.
//!
//! Source: GIC Architecture Specification (IHI 0069), `GICD_ISENABLER<n>`, `GICD_IPRIORITYR<n>`,
//! `GICD_ICFGR<n>`; Documentation/virt/kvm/devices/arm-vgic-v3.rst,
//! `KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO`.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio.c: vgic_mmio_read_group, vgic_mmio_read_enable,
//!     __read_pending, __vgic_mmio_read_active, vgic_mmio_read_priority, vgic_mmio_write_priority,
//!     vgic_mmio_read_config, vgic_mmio_write_config, vgic_read_irq_line_level_info,
//!     vgic_write_irq_line_level_info; arch/arm64/kvm/vgic/vgic-mmio-v2.c: vgic_mmio_read_target,
//!     vgic_mmio_read_sgipend; arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_v3_line_level_info_uaccess
#![forbid(unsafe_code)]

use super::{
    frame::{
        Access,
        Bank, //
    },
    list_register::Intid,
    priority::Group,
    refusal::Refusal,
    transition::Edit,
    word::{
        IrqWord,
        Trigger, //
    },
};
use crate::arm64::fields::register_values;

/// Puts values of so many bits each together, the first lowest: no more than 64 bits.
///
/// From the last to the first, so that nothing but the result has to be counted.
#[inline(always)]
pub(crate) fn join(bits: u32, values: impl DoubleEndedIterator<Item = u64>) -> u64 {
    let mut all = 0_u64;

    // A loop, which is compiled for the one bank that it is of.
    for value in values.rev() {
        all = all.wrapping_shl(bits) | value;
    }
    all
}

impl Bank {
    /// How many bits each interrupt has.
    #[inline(always)]
    pub(crate) const fn bits(self) -> u32 {
        match self {
            Self::Ipriorityr => 8,
            Self::Icfgr => 2,
            _ => 1,
        }
    }

    /// What reading shows of an interrupt. Of one whose pending state is hardware's to know, the word
    /// has to have it: as `Line`, without a latch.
    #[inline(always)]
    pub(crate) const fn shows(self, word: IrqWord) -> u64 {
        // CAST: 0 or 1.
        match self {
            Self::Igroupr => word.get(IrqWord::Group1),
            Self::Isenabler | Self::Icenabler => word.get(IrqWord::Enabled),
            // As `IrqWord::is_pending()`, which has branches.
            Self::Ispendr | Self::Icpendr => {
                word.get(IrqWord::Latch) | word.get(IrqWord::Line) & !word.get(IrqWord::Edge)
            }
            Self::Latch => word.get(IrqWord::Latch),
            Self::Isactiver | Self::Icactiver => word.get(IrqWord::Active),
            Self::Ipriorityr => word.get(IrqWord::Prio),
            Self::Icfgr => word.get(IrqWord::Edge).wrapping_shl(1),
        }
    }

    /// What writing does to an interrupt, by its part of the value; nothing for those who have no
    /// word in it, nor for [`Isactiver`](Self::Isactiver) and [`Icactiver`](Self::Icactiver), for
    /// which vCPUs may have to be stopped.
    #[inline(always)]
    pub(crate) const fn edit(self, part: u64) -> Option<Edit> {
        let one = part != 0;

        Some(match self {
            Self::Igroupr => Edit::Group(if one { Group::One } else { Group::Zero }),
            Self::Isenabler if one => Edit::Enable,
            Self::Icenabler if one => Edit::Disable,
            Self::Ispendr | Self::Latch if one => Edit::Pend,
            Self::Icpendr if one => Edit::Unpend,
            Self::Latch => Edit::Unpend,
            // CAST: eight bits.
            Self::Ipriorityr => Edit::Prioritize(part as u8),
            // The low bit has no meaning.
            Self::Icfgr => Edit::Configure(if part & 0b10 != 0 {
                Trigger::Edge
            } else {
                Trigger::Level
            }),
            _ => return None,
        })
    }

    /// What reading gives, of the interrupts of an access.
    #[inline(always)]
    pub(crate) fn read(self, words: impl DoubleEndedIterator<Item = IrqWord>) -> u64 {
        join(self.bits(), words.map(move |word| self.shows(word)))
    }
}

/// The lowest `count` bits of a value.
#[inline(always)]
const fn low(value: u64, count: u32) -> u64 {
    match u64::MAX.checked_shl(count) {
        Some(others) => value & !others,
        None => value,
    }
}

impl<R: Copy> Access<R> {
    /// The interrupts.
    #[inline(always)]
    pub(crate) fn interrupts(self) -> impl DoubleEndedIterator<Item = Intid> {
        (0..self.count).map(move |n| Intid(self.first.0.wrapping_add(n)))
    }

    /// Of a bank with one bit each: those whose bit is set.
    #[inline(always)]
    pub(crate) fn ones(self, value: u64) -> impl Iterator<Item = Intid> {
        let mut left = low(value, self.count);

        core::iter::from_fn(move || {
            let next = self.first.0.wrapping_add(left.trailing_zeros());

            (left != 0).then(|| {
                left &= left.wrapping_sub(1);
                Intid(next)
            })
        })
    }

    /// Of a bank with `bits` bits each: all, and what is written to each.
    #[inline(always)]
    pub(crate) fn parts(self, bits: u32, value: u64) -> impl Iterator<Item = (Intid, u64)> {
        (0..self.count).map(move |n| {
            let part = value.wrapping_shr(n.wrapping_mul(bits));

            (Intid(self.first.0.wrapping_add(n)), low(part, bits))
        })
    }

    /// Of a bank with a byte each: all, and their byte.
    #[inline(always)]
    pub(crate) fn bytes(self, value: u64) -> impl Iterator<Item = (Intid, u8)> {
        // CAST: eight bits.
        self.parts(8, value)
            .map(|(intid, byte)| (intid, byte as u8))
    }
}

register_values! {
    /// `KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO`: what user space asks about, and of which interrupts.
    struct LevelAttr {
        /// The first of 32.
        VIntid = 9:0;
        /// What: 0 is the level of the line, and there is nothing else.
        Info = 31:10;
    }
}

/// Levels of lines as user space saves and restores them, of 32 interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineLevels {
    first: u32,
    irqs: u32,
}

impl LineLevels {
    /// Whether an attribute is of them at all, whatever interrupt it names.
    pub(crate) const fn is_named_by(attr: u64) -> bool {
        !LevelAttr::from_raw(attr).has(LevelAttr::Info)
    }

    /// Those that an attribute names, of a GIC with `irqs` interrupts. `Invalid` if it is of something
    /// else, or the first is no multiple of 32.
    pub(crate) const fn of(attr: u64, irqs: u32) -> Result<Self, Refusal> {
        // CAST: Ten bits.
        let first = LevelAttr::from_raw(attr).get(LevelAttr::VIntid) as u32;

        if !Self::is_named_by(attr) || first % 32 != 0 {
            return Err(Refusal::Invalid);
        }
        Ok(Self { first, irqs })
    }

    /// The interrupts that have a line, and whether their bit of `value` is set. SGIs have none.
    pub(crate) fn written(self, value: u32) -> impl Iterator<Item = (Intid, bool)> {
        (0..32_u32)
            .map(move |bit| (self.first.wrapping_add(bit), bit))
            .filter(move |(intid, _)| *intid >= 16 && *intid < self.irqs)
            .map(move |(intid, bit)| (Intid(intid), value.wrapping_shr(bit) & 1 != 0))
    }

    /// What is read, given the state of interrupts by number: the lines that count.
    pub(crate) fn read(self, state: impl Fn(Intid) -> Option<IrqWord>) -> u32 {
        self.written(0)
            .filter(|(intid, _)| {
                state(*intid).is_some_and(|word| {
                    matches!(word.trigger(), Trigger::Level) && word.has(IrqWord::Line)
                })
            })
            .fold(0, |all, (intid, _)| {
                all | 1_u32.wrapping_shl(intid.0.wrapping_sub(self.first))
            })
    }
}
