// SPDX-License-Identifier: GPL-2.0

//! The state of one interrupt, in one word: read at once, changed by compare-exchange.
//!
//! Whoever changes it works out the whole new state from the old one, and what else must happen,
//! and then tries to put it there; if somebody else was faster, again from the newer state. So no
//! state is ever half changed, no lock orders two interrupts, and all changes can be tested
//! without a kernel.
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_irq; arch/arm64/kvm/vgic/vgic.h: irq_is_pending,
//!     vgic_irq_is_mapped_level, vgic_irq_get_lr_count, vgic_irq_is_multi_sgi;
//!     arch/arm64/kvm/vgic/vgic.c: vgic_target_oracle
#![forbid(unsafe_code)]

use crate::{
    arm64::fields::{
        register_values,
        Field, //
    },
    gic::{
        list_register::Intid,
        priority::{
            Group,
            Priority, //
        },
    },
};

/// A vCPU by its index in the VM.
///
/// # Invariants
///
/// Less than [`MAX_VCPUS`](Self::MAX_VCPUS).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VcpuIdx(u16);

impl VcpuIdx {
    /// No GIC has more.
    pub(crate) const MAX_VCPUS: u16 = 512;

    /// None if no GIC has as many vCPUs.
    #[inline(always)]
    pub(crate) const fn new(index: u32) -> Option<Self> {
        // CAST: 512.
        if index < Self::MAX_VCPUS as u32 {
            // INVARIANT: Just checked. CAST: So it fits.
            Some(Self(index as u16))
        } else {
            None
        }
    }

    /// The number.
    #[inline(always)]
    pub(crate) const fn get(self) -> usize {
        // CAST: widening.
        self.0 as usize
    }
}

/// A life of an LPI, from its mapping to its unmapping: who has looked it up in an earlier one must
/// not make it pending in a later. The numbers come again; so somebody could, who has slept through
/// fifteen of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life(u8);

impl Life {
    /// From the low four bits of a number.
    #[inline(always)]
    pub(crate) const fn wrapping(number: u64) -> Self {
        // CAST: Masked.
        Self((number & 0xf) as u8)
    }

    /// The number, less than 16.
    #[inline(always)]
    pub(crate) const fn get(self) -> u8 {
        self.0
    }

    /// The one after it.
    #[inline(always)]
    pub(crate) const fn next(self) -> Self {
        // CAST: widening.
        Self::wrapping(self.0.wrapping_add(1) as u64)
    }
}

/// A vCPU of a GICv2, by the number that the SGIs it sends have in the receiver's CPU interface.
///
/// # Invariants
///
/// Less than 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source(u8);

impl Source {
    /// The first one.
    pub(crate) const ZERO: Self = Self(0);

    /// None if no GICv2 has as many vCPUs.
    #[inline(always)]
    pub(crate) const fn new(number: u32) -> Option<Self> {
        if number < 8 {
            // INVARIANT: Just checked. CAST: So it fits.
            Some(Self(number as u8))
        } else {
            None
        }
    }

    /// From the low three bits of a number.
    #[inline(always)]
    pub(crate) const fn wrapping(number: u64) -> Self {
        // INVARIANT: Masked. CAST: So it fits.
        Self((number & 7) as u8)
    }

    /// The least one of a set that has one bit for each.
    #[inline(always)]
    pub(crate) const fn least(set: u8) -> Option<Self> {
        // INVARIANT: 8 if there is none.
        Self::new(set.trailing_zeros())
    }

    /// The set of this one alone.
    #[inline(always)]
    pub(crate) const fn bit(self) -> u8 {
        // CAST: widening.
        1u8.wrapping_shl(self.0 as u32)
    }

    /// The number.
    #[inline(always)]
    pub(crate) const fn get(self) -> u8 {
        self.0
    }
}

/// What kind of interrupt a number stands for. Neither it nor the number ever changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An SGI that knows who has sent it (GICv2); of the vCPU with that number.
    SourcedSgi(Source),
    /// An SGI of later GICs.
    Sgi,
    /// A private peripheral's.
    Ppi,
    /// A shared peripheral's.
    Spi,
    /// A message.
    Lpi,
}

impl Kind {
    /// `of`: the number of the vCPU whose interrupt it is, if SGIs have sources.
    #[inline(always)]
    pub(crate) const fn new(intid: Intid, of: Option<Source>) -> Self {
        match (intid.0, of) {
            (0..=15, Some(vcpu)) => Self::SourcedSgi(vcpu),
            (0..=15, None) => Self::Sgi,
            (16..=31, _) => Self::Ppi,
            (8192.., _) => Self::Lpi,
            _ => Self::Spi,
        }
    }

    /// Whether several may be pending at once, from as many senders.
    #[inline(always)]
    pub(crate) const fn has_sources(self) -> bool {
        matches!(self, Self::SourcedSgi(_))
    }
}

/// How a line is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    Level,
    Edge,
}

register_values! {
    /// The state of an interrupt.
    ///
    /// `Target` and `Queued` hold a [`VcpuIdx`], or all ones for nobody. What a GICv3's list
    /// register holds too is in the same place there: no bit has to be moved.
    pub(crate) struct IrqWord {
        /// An edge, or a write of a guest or VMM, that is not yet acknowledged.
        Latch = 0;
        /// The level of the line, where that counts.
        Line = 1;
        /// The guest wants it.
        Enabled = 2;
        /// A list register holds it, or has held it at the last exit.
        OnLr = 3;
        /// Edge-triggered.
        Edge = 4;
        /// One that is mapped to a physical interrupt, which KVM has to deactivate by itself.
        Resample = 5;
        /// The hardware delivers it to the guest by itself.
        Direct = 6;
        /// An LPI that no event is mapped to: it is for nobody, and nothing makes it pending.
        Dead = 7;
        /// What a list register holds of it is of a former [`Life`].
        Stale = 8;
        /// LPIs: the [`Life`] it is in, or has been in last.
        Life = 12:9;
        /// The vCPU that it is to go to.
        Target = 22:13;
        /// The vCPU whose queue has it.
        Queued = 32:23;
        /// GICv2's SGIs: the vCPUs, one bit each, that it is pending from.
        Sources = 40:33;
        /// GICv2's SGIs: the vCPU, by number, that the active one is from.
        ActiveSource = 43:41;
        /// The lower the more urgent.
        Prio = 55:48;
        /// It is of group 1.
        Group1 = 60;
        /// It stands for a physical interrupt: deactivating one deactivates the other.
        Hw = 61;
        /// Acknowledged, not yet deactivated.
        Active = 63;
    }
}

/// `Target` or `Queued` of nobody.
const NOBODY: u64 = 0x3ff;

impl IrqWord {
    /// Disabled, inactive, level-triggered, of the highest priority, of group 0, for nobody.
    pub(crate) const RESET: Self = Self::ZERO
        .put(Self::Target, NOBODY)
        .put(Self::Queued, NOBODY);

    /// As it is when its GIC is made: all but PPIs are edges, SGIs are enabled.
    pub(crate) const fn initial(kind: Kind, group: Group, target: Option<VcpuIdx>) -> Self {
        let word = Self::RESET
            .set(Self::Group1, matches!(group, Group::One))
            .with_target(target);

        match kind {
            Kind::SourcedSgi(_) | Kind::Sgi => word.with(Self::Enabled).with(Self::Edge),
            Kind::Ppi => word,
            Kind::Spi | Kind::Lpi => word.with(Self::Edge),
        }
    }

    /// One flag as given.
    #[inline(always)]
    #[must_use]
    pub(crate) const fn set(self, flag: Field<Self>, on: bool) -> Self {
        if on {
            self.with(flag)
        } else {
            self.without(flag)
        }
    }

    /// The life that it is in, or was in last.
    #[inline(always)]
    pub(crate) const fn life(self) -> Life {
        Life::wrapping(self.get(Self::Life))
    }

    /// In that life.
    #[inline(always)]
    #[must_use]
    pub(crate) const fn with_life(self, life: Life) -> Self {
        // CAST: widening.
        self.put(Self::Life, life.0 as u64)
    }

    #[inline(always)]
    const fn vcpu(self, field: Field<Self>) -> Option<VcpuIdx> {
        // CAST: Ten bits. `NOBODY` is more than any vCPU's.
        VcpuIdx::new(self.get(field) as u32)
    }

    #[inline(always)]
    const fn with_vcpu(self, field: Field<Self>, vcpu: Option<VcpuIdx>) -> Self {
        match vcpu {
            // CAST: widening.
            Some(vcpu) => self.put(field, vcpu.0 as u64),
            None => self.put(field, NOBODY),
        }
    }

    /// The vCPU that it is to go to.
    #[inline(always)]
    pub(crate) const fn target(self) -> Option<VcpuIdx> {
        self.vcpu(Self::Target)
    }

    /// For another vCPU.
    #[inline(always)]
    #[must_use]
    pub(crate) const fn with_target(self, vcpu: Option<VcpuIdx>) -> Self {
        self.with_vcpu(Self::Target, vcpu)
    }

    /// The vCPU whose queue has it.
    #[inline(always)]
    pub(crate) const fn queued(self) -> Option<VcpuIdx> {
        self.vcpu(Self::Queued)
    }

    /// In another queue.
    #[inline(always)]
    #[must_use]
    pub(crate) const fn with_queued(self, vcpu: Option<VcpuIdx>) -> Self {
        self.with_vcpu(Self::Queued, vcpu)
    }

    /// Level or edge.
    #[inline(always)]
    pub(crate) const fn trigger(self) -> Trigger {
        if self.has(Self::Edge) {
            Trigger::Edge
        } else {
            Trigger::Level
        }
    }

    /// How urgent it is.
    #[inline(always)]
    pub(crate) const fn priority(self) -> Priority {
        // CAST: Eight bits.
        Priority(self.get(Self::Prio) as u8)
    }

    /// Its group.
    #[inline(always)]
    pub(crate) const fn group(self) -> Group {
        if self.has(Self::Group1) {
            Group::One
        } else {
            Group::Zero
        }
    }

    /// Whether it is pending: by its latch, or, if level-triggered, by its line.
    #[inline(always)]
    pub(crate) const fn is_pending(self) -> bool {
        self.has(Self::Latch) || (!self.has(Self::Edge) && self.has(Self::Line))
    }

    /// The vCPUs that a GICv2's SGI is pending from, one bit each.
    #[inline(always)]
    pub(crate) const fn sources(self) -> u8 {
        // CAST: Eight bits.
        self.get(Self::Sources) as u8
    }

    /// Pending from those, or not at all.
    #[inline(always)]
    #[must_use]
    pub(crate) const fn with_sources(self, sources: u8) -> Self {
        // CAST: widening.
        self.put(Self::Sources, sources as u64)
            .set(Self::Latch, sources != 0)
    }

    /// The vCPU that the active one of a GICv2's SGI is from.
    #[inline(always)]
    pub(crate) const fn active_source(self) -> Source {
        Source::wrapping(self.get(Self::ActiveSource))
    }

    /// The active one is from that vCPU.
    #[inline(always)]
    #[must_use]
    pub(crate) const fn with_active_source(self, source: Source) -> Self {
        // CAST: widening.
        self.put(Self::ActiveSource, source.0 as u64)
    }

    /// Whether it is level-triggered and stands for a physical interrupt. Of that only the rise
    /// is reported, so whether the line is still high has to be asked.
    #[inline(always)]
    pub(crate) const fn is_mapped_level(self) -> bool {
        self.has(Self::Hw) && !self.has(Self::Edge)
    }

    /// Whether the hardware deactivates a physical interrupt together with this one.
    #[inline(always)]
    pub(crate) const fn is_linked(self) -> bool {
        self.has(Self::Hw) && !self.has(Self::Resample)
    }

    /// The vCPU that has it in a list register, as far as that can be: only that one knows its
    /// state.
    #[inline(always)]
    pub(crate) const fn listed(self) -> Option<VcpuIdx> {
        if self.has(Self::OnLr) {
            self.queued()
        } else {
            None
        }
    }

    /// The vCPU that has to be out of the guest for its active state to be read or written: it may
    /// have acknowledged the interrupt, or ended one that was in none of its list registers,
    /// which only its hardware knows.
    #[inline(always)]
    pub(crate) const fn holder(self) -> Option<VcpuIdx> {
        match self.queued() {
            Some(vcpu) => Some(vcpu),
            None => self.target(),
        }
    }

    /// Whether `vcpu` has claimed it and is its [destination](Self::destination).
    #[inline(always)]
    pub(crate) const fn is_due_in(self, vcpu: VcpuIdx, forwarding: bool) -> bool {
        // CAST: widening.
        let vcpu = vcpu.0 as u64;

        self.get(Self::Queued) == vcpu
            && !self.has(Self::Dead)
            && !self.has(Self::Direct)
            && (self.has(Self::Active)
                || (forwarding
                    && self.has(Self::Enabled)
                    && self.is_pending()
                    && self.get(Self::Target) == vcpu))
    }

    /// Whether it makes `vcpu`, with that priority mask, leave its sleep.
    #[inline(always)]
    pub(crate) fn wakes(self, vcpu: VcpuIdx, mask: Priority) -> bool {
        !self.has(Self::Active) && self.destination(true) == Some(vcpu) && self.priority() < mask
    }

    /// The vCPU that has to know of it: an active one stays where it is, a pending one goes to its
    /// target if the guest wants it and `forwarding` (its GIC's distributor) is on.
    ///
    /// Queues hold what has a destination with `forwarding`, whether the distributor is on or
    /// not: so nobody has to look for it when that is switched on. Only what goes into list
    /// registers, and what wakes a vCPU, depends on it.
    #[inline(always)]
    pub(crate) const fn destination(self, forwarding: bool) -> Option<VcpuIdx> {
        if self.has(Self::Dead) || self.has(Self::Direct) {
            None
        } else if self.has(Self::Active) {
            self.holder()
        } else if forwarding && self.has(Self::Enabled) && self.is_pending() {
            self.target()
        } else {
            None
        }
    }
}
