// SPDX-License-Identifier: GPL-2.0

//! LPIs: their numbers, where those are in tables, and how the guest configures them.
//!
//! Source: GIC Architecture Specification (IHI 0069), "LPI Configuration tables".
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.h: VGIC_LPI_MAX_INTID; include/kvm/arm_vgic.h: irq_is_lpi;
//!     arch/arm64/kvm/vgic/vgic-its.c: LPI_PROP_ENABLE_BIT, LPI_PROP_PRIORITY
#![forbid(unsafe_code)]

use crate::gic::{
    list_register::Intid,
    priority::Priority,
    transition::Action,
    word::{
        IrqWord,
        Life,
        VcpuIdx, //
    },
};

/// How many LPIs there are: INTIDs have 16 bits.
pub(crate) const NR_LPIS: u32 = 0x1_0000 - Intid::FIRST_LPI;

/// How many are in a leaf of the table.
pub(crate) const LEAF_LPIS: usize = 1024;

// CAST: widening.
/// How many leaves the table has.
pub(crate) const LEAVES: usize = NR_LPIS as usize / LEAF_LPIS;

/// Room for that many, of which the last stay empty: a power of two.
pub(crate) const ROOM: usize = LEAVES.next_power_of_two();

/// Where an LPI is in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The leaf, less than [`LEAVES`].
    pub(crate) leaf: usize,
    /// Its place there, less than [`LEAF_LPIS`].
    pub(crate) index: usize,
}

impl Place {
    /// None if no LPI has that number.
    #[inline(always)]
    pub(crate) const fn of(intid: Intid) -> Option<Self> {
        let number = intid.0.wrapping_sub(Intid::FIRST_LPI);

        if number >= NR_LPIS {
            return None;
        }
        // CAST: widening.
        Some(Self {
            leaf: number as usize / LEAF_LPIS,
            index: number as usize % LEAF_LPIS,
        })
    }
}

/// The first LPI of a leaf.
#[inline(always)]
pub(crate) const fn first_of_leaf(leaf: usize) -> Intid {
    // CAST: Less than 2^16 for the leaves there are.
    Intid(Intid::FIRST_LPI.wrapping_add(leaf.wrapping_mul(LEAF_LPIS) as u32))
}

/// How the guest configures an LPI: a byte of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Properties {
    /// The guest wants it.
    pub(crate) enabled: bool,
    /// The lower the more urgent.
    pub(crate) priority: Priority,
}

impl Properties {
    /// From the byte in the table.
    #[inline(always)]
    pub(crate) const fn of(byte: u8) -> Self {
        Self {
            enabled: byte & 1 != 0,
            priority: Priority(byte & 0xfc),
        }
    }

    /// The byte that says this.
    #[inline(always)]
    pub(crate) const fn into_byte(self) -> u8 {
        // CAST: widening.
        self.priority.0 | self.enabled as u8
    }
}

/// What becomes of LPIs when they are mapped, configured and unmapped.
impl IrqWord {
    /// An LPI that has never been mapped.
    pub(crate) const UNMAPPED: Self = Self::RESET
        .with(Self::Dead)
        .with(Self::Edge)
        .with(Self::Group1);

    /// An event is mapped to it, which is not mapped: the begin of a new [`Life`]. What a list
    /// register may hold of a former one is not of it, and who has the interrupt there has to
    /// give it up. None if it is mapped.
    #[inline]
    pub(crate) fn map_lpi(
        self,
        target: Option<VcpuIdx>,
        properties: Properties,
        pending: bool,
    ) -> (Self, Option<(Life, Action)>) {
        if !self.has(Self::Dead) {
            return (self, None);
        }
        let life = self.life().next();
        let (word, action) = Self::UNMAPPED
            .without(Self::Dead)
            .with_life(life)
            .with_properties(properties)
            .with_target(target)
            .set(Self::Latch, pending)
            .with_queued(self.queued())
            .set(Self::OnLr, self.has(Self::OnLr))
            .set(Self::Stale, self.has(Self::OnLr))
            .deliver_anew();

        (word, Some((life, action)))
    }

    /// No event is mapped to it any more: it is for nobody, and nothing makes it pending. A vCPU
    /// that has it in a list register has to give it up.
    ///
    /// Its claim stays: the vCPU that has it in its queue finds that it has no business there.
    #[inline]
    pub(crate) const fn bury(self) -> (Self, Action) {
        if self.has(Self::Dead) {
            return (self, Action::NOTHING);
        }
        self.with(Self::Dead)
            .set(Self::Stale, self.has(Self::OnLr))
            .without(Self::Latch)
            .without(Self::Line)
            .without(Self::Enabled)
            .with_target(None)
            .deliver_anew()
    }

    /// An event happens that was mapped to it in that life.
    #[inline(always)]
    pub(crate) const fn pulse_of(self, life: Life) -> (Self, Action) {
        if self.life().get() != life.get() {
            return (self, Action::NOTHING);
        }
        self.pulse()
    }

    /// The same of one that is in no queue, and goes to one at once: that of the vCPU that this gives.
    /// None of others.
    #[inline(always)]
    pub(crate) fn pulse_first_of(self, life: Life) -> Option<(Self, VcpuIdx)> {
        const LOOKED_AT: IrqWord = IrqWord::ZERO
            .with(IrqWord::Enabled)
            .with(IrqWord::OnLr)
            .with(IrqWord::Direct)
            .with(IrqWord::Dead)
            .with(IrqWord::Life)
            .with(IrqWord::Queued)
            .with(IrqWord::Active);
        let idle = Self::ZERO
            .with(Self::Enabled)
            .with_life(life)
            .with_queued(None);

        if self.and(LOOKED_AT) != idle {
            return None;
        }
        let to = self.target()?;

        Some((self.with(Self::Latch).with_queued(Some(to)), to))
    }

    #[inline(always)]
    const fn with_properties(self, properties: Properties) -> Self {
        // CAST: widening.
        self.set(Self::Enabled, properties.enabled)
            .put(Self::Prio, properties.priority.0 as u64)
    }

    /// `CLEAR`: it is not pending any more. What a list register has of it, stays.
    #[inline]
    pub(crate) const fn unpend_lpi(self) -> (Self, Action) {
        (self.without(Self::Latch), Action::NOTHING)
    }

    /// The guest has configured it anew.
    #[inline]
    pub(crate) const fn configure_lpi(self, properties: Properties) -> (Self, Action) {
        if self.has(Self::Dead) {
            return (self, Action::NOTHING);
        }
        self.with_properties(properties).deliver_anew()
    }

    /// It goes to another vCPU, if it is mapped.
    #[inline]
    pub(crate) const fn retarget_lpi(self, target: Option<VcpuIdx>) -> (Self, Action) {
        if self.has(Self::Dead) {
            return (self, Action::NOTHING);
        }
        self.retarget(target)
    }

    /// The same for all that are for one vCPU.
    #[inline]
    pub(crate) const fn move_lpi(self, from: VcpuIdx, to: VcpuIdx) -> (Self, Action) {
        match self.target() {
            Some(target) if target.get() == from.get() => self.retarget_lpi(Some(to)),
            _ => (self, Action::NOTHING),
        }
    }

    /// The vCPU that it is for, and in whose queue it is, takes no LPIs from now on: this one is
    /// not pending any more; nor is what a list register has of it, which the vCPU has to give up.
    ///
    /// Its claim stays, as that of one that is disabled does.
    #[inline]
    pub(crate) fn retire(self, vcpu: VcpuIdx) -> (Self, Action) {
        if self.queued() != Some(vcpu) || self.target() != Some(vcpu) {
            return (self, Action::NOTHING);
        }
        self.without(Self::Latch)
            .set(Self::Stale, self.has(Self::OnLr))
            .deliver_anew()
    }
}
