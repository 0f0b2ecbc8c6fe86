// SPDX-License-Identifier: GPL-2.0

//! What a list register holds of an interrupt, what the guest has made of it there, and the
//! deactivation of those that were in none.
//!
//! While an interrupt is in a list register ([`IrqWord::OnLr`]) nobody changes its active state
//! elsewhere. So its word says, when it comes back, in which state it went there: active if
//! [`IrqWord::Active`], otherwise pending.
//!
//! Source: GIC Architecture Specification (IHI 0069), `ICH_LR<n>_EL2`, "Maintenance interrupts";
//! GICv2 (IHI 0048), `GICH_LR<n>`.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v3.c: lr_signals_eoi_mi, vgic_v3_fold_lr,
//!     vgic_v3_deactivate, vgic_v3_compute_lr, vgic_v3_populate_lr;
//!     arch/arm64/kvm/vgic/vgic-v2.c: lr_signals_eoi_mi, vgic_v2_fold_lr, vgic_v2_deactivate,
//!     vgic_v2_compute_lr, vgic_v2_populate_lr; arch/arm64/kvm/vgic/vgic.c:
//!     vgic_irq_handle_resampling
#![forbid(unsafe_code)]

use crate::gic::{
    list_register::{
        GichListRegister,
        Intid,
        ListRegister, //
    },
    priority::{
        Group,
        Priority, //
    },
    transition::{
        Action,
        Listed,
        Physical, //
    },
    word::{
        IrqWord,
        Kind,
        Source,
        Trigger,
        VcpuIdx, //
    },
};

/// What of an interrupt never changes, or only while it is in no list register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Its number.
    pub(crate) intid: Intid,
    /// Whether it is an SGI [that knows who has sent it](Kind::has_sources).
    pub(crate) sourced: bool,
    /// The physical interrupt's number, if it is [mapped](IrqWord::Hw).
    pub(crate) physical: u32,
}

/// An interrupt in a list register, whatever the GIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its number.
    pub(crate) intid: Intid,
    /// It is to be acknowledged.
    pub(crate) pending: bool,
    /// It was acknowledged, and not deactivated yet.
    pub(crate) active: bool,
    /// Its priority.
    pub(crate) priority: Priority,
    /// Its group.
    pub(crate) group: Group,
    /// The physical interrupt that the hardware deactivates with it.
    pub(crate) linked: Option<u32>,
    /// Of an SGI that has one.
    pub(crate) source: Option<Source>,
    /// Tell of its end. Not of a linked one's.
    pub(crate) eoi: bool,
}

impl Entry {
    /// As a GICv3 has it. If the guest's GIC is a GICv2, the source is part of the number.
    #[inline(always)]
    pub(crate) fn v3(self) -> ListRegister {
        let number = u64::from(self.intid.0) | u64::from(self.source_number()) << 10;
        let mut lr = ListRegister::ZERO
            .put(ListRegister::vINTID, number)
            .put(ListRegister::Priority, u64::from(self.priority.0))
            .put(ListRegister::Group, u64::from(self.group == Group::One))
            .put(ListRegister::Pending, u64::from(self.pending))
            .put(ListRegister::Active, u64::from(self.active));

        if let Some(physical) = self.linked {
            lr = lr
                .with(ListRegister::HW)
                .put(ListRegister::pINTID, u64::from(physical));
        } else if self.eoi {
            lr = lr.with(ListRegister::EOI);
        }
        lr
    }

    #[inline(always)]
    fn source_number(self) -> u8 {
        self.source.map_or(0, Source::get)
    }
}

impl From<ListRegister> for GichListRegister {
    /// The same for a GICv2.
    fn from(lr: ListRegister) -> Self {
        let same = Self::ZERO
            .put(Self::VirtualID, lr.get(ListRegister::vINTID))
            .put(
                Self::Priority,
                lr.get(ListRegister::Priority).wrapping_shr(3),
            )
            .put(Self::Grp1, lr.get(ListRegister::Group))
            .put(Self::Pending, lr.get(ListRegister::Pending))
            .put(Self::Active, lr.get(ListRegister::Active));

        if lr.has(ListRegister::HW) {
            return same
                .with(Self::HW)
                .put(Self::PhysicalID, lr.get(ListRegister::pINTID));
        }
        // Above ten bits of a number.
        same.put(Self::CPUID, lr.get(ListRegister::vINTID).wrapping_shr(10))
            .put(Self::EOI, lr.get(ListRegister::EOI))
    }
}

/// What has become of an interrupt in a list register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Returned {
    /// It is to be acknowledged still, or again.
    pub(crate) pending: bool,
    /// It was acknowledged, and not deactivated yet.
    pub(crate) active: bool,
    /// Of an SGI that has one.
    pub(crate) source: Source,
    /// The guest is done with it, and that was to be told.
    pub(crate) ended: bool,
}

impl From<ListRegister> for Returned {
    #[inline(always)]
    fn from(lr: ListRegister) -> Self {
        Self {
            pending: lr.has(ListRegister::Pending),
            active: lr.has(ListRegister::Active),
            source: Source::wrapping(lr.get(ListRegister::vINTID).wrapping_shr(10)),
            ended: !lr.has(ListRegister::State)
                && lr.has(ListRegister::EOI)
                && !lr.has(ListRegister::HW),
        }
    }
}

impl From<GichListRegister> for Returned {
    #[inline(always)]
    fn from(lr: GichListRegister) -> Self {
        let (pending, active) = (
            lr.has(GichListRegister::Pending),
            lr.has(GichListRegister::Active),
        );

        Self {
            pending,
            active,
            source: Source::wrapping(lr.get(GichListRegister::CPUID)),
            ended: !pending
                && !active
                && lr.has(GichListRegister::EOI)
                && !lr.has(GichListRegister::HW),
        }
    }
}

/// An interrupt that the guest is done with, as it is from now on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// Nobody's.
    Gone(IrqWord),
    /// Pending again, for the same vCPU.
    Stays(IrqWord),
}

impl IrqWord {
    /// Goes into a list register of `vcpu`, which claims it. None if it has no business there:
    /// something has changed since it was chosen.
    ///
    /// The latch of an edge goes along, or one source of an SGI's. So does the level of a mapped
    /// line, of which only the next rise is heard.
    #[inline(always)]
    #[must_use]
    pub(crate) fn list(
        self,
        which: Identity,
        vcpu: VcpuIdx,
        forwarding: bool,
    ) -> (Self, Option<Entry>) {
        if !self.is_due_in(vcpu, forwarding) || self.has(Self::OnLr) {
            return (self, None);
        }
        let sourced = which.sourced;
        let active = self.has(Self::Active);
        let pending = self.may_be_pending_in(vcpu, forwarding, sourced);
        let source = match (sourced, active) {
            (false, _) => None,
            (true, true) => Some(self.active_source()),
            (true, false) => Source::least(self.sources()),
        };
        let word = self.without_what_is_listed(pending, source);
        let entry = Entry {
            intid: which.intid,
            pending,
            active,
            priority: self.priority(),
            group: self.group(),
            linked: self.is_linked().then_some(which.physical),
            source,
            // Of a line the level counts at its end; of others, what is left to be pending then.
            eoi: !self.is_linked() && (self.trigger() == Trigger::Level || word.has(Self::Latch)),
        };

        (word.with(Self::OnLr), Some(entry))
    }

    /// Goes into a list register, as [`list`](Self::list) has it, if it is what most are: pending in
    /// `vcpu`, not active, without sources. The distributor forwards interrupts. `physical`: see
    /// [`Identity`].
    #[inline(always)]
    pub(crate) fn list_pending(
        self,
        intid: Intid,
        physical: u32,
        vcpu: VcpuIdx,
    ) -> Option<(Self, ListRegister)> {
        const LOOKED_AT: IrqWord = IrqWord::ZERO
            .with(IrqWord::Enabled)
            .with(IrqWord::OnLr)
            .with(IrqWord::Direct)
            .with(IrqWord::Dead)
            .with(IrqWord::Target)
            .with(IrqWord::Queued)
            .with(IrqWord::Active);
        const AS_THERE: IrqWord = IrqWord::ZERO.with(IrqWord::Prio).with(IrqWord::Group1);
        let due = Self::ZERO
            .with(Self::Enabled)
            .with_target(Some(vcpu))
            .with_queued(Some(vcpu));

        if self.and(LOOKED_AT) != due || !self.is_pending() {
            return None;
        }
        let lr = ListRegister::from_raw(self.and(AS_THERE).into_raw())
            .put(ListRegister::vINTID, u64::from(intid.0))
            .with(ListRegister::Pending);
        let lr = if self.is_linked() {
            lr.with(ListRegister::HW)
                .put(ListRegister::pINTID, u64::from(physical))
        } else if self.trigger() == Trigger::Level {
            lr.with(ListRegister::EOI)
        } else {
            lr
        };

        Some((self.with(Self::OnLr).without_what_is_listed(true, None), lr))
    }

    /// Comes back from a list register of `vcpu` that says neither pending nor active:
    /// [folded](Self::fold) and [settled](super::queue::Owner::settle) at once. None if that is not
    /// all: it goes to another vCPU, a physical interrupt is to follow, or the register is of a former
    /// life.
    #[inline(always)]
    pub(crate) fn done(self, vcpu: VcpuIdx) -> Option<Done> {
        const LOOKED_AT: IrqWord = IrqWord::ZERO
            .with(IrqWord::Queued)
            .with(IrqWord::OnLr)
            .with(IrqWord::Stale)
            .with(IrqWord::Direct)
            .with(IrqWord::Dead);
        const EDGE: IrqWord = LOOKED_AT.with(IrqWord::Edge).with(IrqWord::Latch);
        const NEWS: IrqWord = IrqWord::ZERO
            .with(IrqWord::Line)
            .with(IrqWord::Latch)
            .with(IrqWord::Resample);
        let listed = Self::ZERO.with(Self::OnLr).with_queued(Some(vcpu));

        // Of messages and SGIs mostly there is no more to be said.
        if self.and(EDGE) == listed.with(Self::Edge) {
            return Some(Done::Gone(
                self.without(Self::OnLr)
                    .without(Self::Active)
                    .with_queued(None),
            ));
        }
        let follows = self.is_mapped_level() && self.and(NEWS) != Self::ZERO;

        if self.and(LOOKED_AT) != listed || follows {
            return None;
        }
        let mut word = self.without(Self::OnLr).without(Self::Active);

        // It has been acknowledged.
        if self.trigger() == Trigger::Level && !self.has(Self::Active) {
            word = word.without(Self::Latch);
        }
        match word.destination(true) {
            None => Some(Done::Gone(word.with_queued(None))),
            Some(to) if to == vcpu => Some(Done::Stays(word)),
            Some(_) => None,
        }
    }

    /// Whether its list register may say that it is pending.
    ///
    /// Not together with active, if nothing could be done about it once that ends: a line may
    /// have fallen, a physical interrupt keeps its pending state itself, the next source of an
    /// SGI needs another value. Nor if it is pending for somebody else, or for nobody now.
    #[inline(always)]
    fn may_be_pending_in(self, vcpu: VcpuIdx, forwarding: bool, sourced: bool) -> bool {
        let alone = self.trigger() == Trigger::Level || self.is_linked() || sourced;

        self.is_pending()
            && self.has(Self::Enabled)
            && forwarding
            && self.target() == Some(vcpu)
            && !(self.has(Self::Active) && alone)
    }

    #[inline(always)]
    fn without_what_is_listed(self, pending: bool, source: Option<Source>) -> Self {
        if !pending {
            return self;
        }
        match (self.trigger(), source) {
            (_, Some(source)) => self.with_sources(self.sources() & !source.bit()),
            (Trigger::Edge, None) => self.without(Self::Latch),
            (Trigger::Level, None) if self.has(Self::Hw) => self.without(Self::Line),
            (Trigger::Level, None) => self,
        }
    }

    /// Comes back from a list register that no guest has seen: as it was before, whatever has
    /// changed since. Nothing becomes of that, and no physical interrupt is asked about: who goes
    /// into list registers instead may never come to an end otherwise.
    #[inline]
    #[must_use]
    pub(crate) const fn unlist(self, sourced: bool, back: Returned) -> Self {
        let word = self.without(Self::OnLr).without(Self::Stale);

        if self.has(Self::Stale) || !back.pending {
            return word;
        }
        match (self.trigger(), sourced) {
            (_, true) => word.with_sources(word.sources() | back.source.bit()),
            (Trigger::Edge, false) => word.with(Self::Latch),
            // If it was pending by its latch, its line is asked for when that has been taken.
            (Trigger::Level, false) if self.has(Self::Hw) && !self.has(Self::Latch) => {
                word.with(Self::Line)
            }
            (Trigger::Level, false) => word,
        }
    }

    /// Comes back from a list register. `line` asks for the level of a physical line.
    ///
    /// What the register still says to be pending is latched again, or is the line's to say. A
    /// latch that stands for a line ends with the acknowledgement. LPIs have no active state. Of
    /// one that was unmapped meanwhile, whether it is mapped again or not, it says nothing.
    ///
    /// The physical interrupt has to follow first, and under the interrupt's lock.
    #[inline]
    pub(crate) fn fold(
        self,
        kind: Kind,
        back: Returned,
        line: impl FnOnce() -> bool,
    ) -> (Self, Physical) {
        let stale = self.has(Self::Stale);
        let was_active = self.has(Self::Active);
        let active = back.active && kind != Kind::Lpi && !stale;
        let mut word = self
            .without(Self::OnLr)
            .without(Self::Stale)
            .set(Self::Active, active);

        match self.trigger() {
            _ if stale => (),
            Trigger::Edge if back.pending && kind.has_sources() => {
                word = word.with_sources(word.sources() | back.source.bit());
            }
            Trigger::Edge if back.pending => word = word.with(Self::Latch),
            Trigger::Edge => (),
            Trigger::Level if !was_active && !back.pending => word = word.without(Self::Latch),
            Trigger::Level => (),
        }
        if active && kind.has_sources() {
            word = word.with_active_source(back.source);
        }

        // Ended, and either of these may be news that came after the acknowledgement.
        let ended = !active && (was_active || !back.pending);
        let news = self.has(Self::Line) || self.has(Self::Latch);
        word.resample(back.pending || (ended && news), line)
    }

    /// Whether somebody may wait for its end: of a level-triggered SPI. They are told before that
    /// is done here, for they lower the line: after it, it could be taken once more meanwhile.
    #[inline(always)]
    pub(crate) fn is_reported_at_end(self, kind: Kind) -> bool {
        kind == Kind::Spi && self.trigger() == Trigger::Level
    }

    /// Whether [`deactivate`](Self::deactivate) is such an end, if nothing happens meanwhile.
    #[inline]
    pub(crate) fn is_deactivation_reported(self, kind: Kind) -> bool {
        self.is_reported_at_end(kind)
            && self.has(Self::Active)
            && self.listed().is_none()
            && !self.is_linked()
    }

    /// A mapped line may have fallen since it was said to be high: it is `doubtful` if that was
    /// not acknowledged, or comes up again with the end of an interrupt. If it has, the physical
    /// interrupt, which is active all the time, must become able to tell of the next rise.
    ///
    /// And some have to be deactivated by hand in any case.
    fn resample(self, doubtful: bool, line: impl FnOnce() -> bool) -> (Self, Physical) {
        if !self.is_mapped_level() {
            return (self, Physical::Nothing);
        }
        if self.has(Self::Resample) {
            let busy = self.has(Self::Active) || self.has(Self::Latch);

            return if busy {
                (self, Physical::Nothing)
            } else {
                (self, Physical::Deactivate)
            };
        }
        if !doubtful {
            return (self, Physical::Nothing);
        }
        let word = self.set(Self::Line, line());

        if word.has(Self::Line) {
            (word, Physical::Nothing)
        } else {
            (word, Physical::Deactivate)
        }
    }

    /// The guest has deactivated it, and no list register had it: a write of a deactivation
    /// register that trapped (`source`: what it says of an SGI that has one), or an end of
    /// interrupt that the hardware has only counted (no `source`).
    ///
    /// The vCPU that has it in its queue has to [prune](super::queue::Owner::prune).
    #[inline]
    pub(crate) fn deactivate(
        self,
        kind: Kind,
        source: Option<Source>,
        line: impl FnOnce() -> bool,
    ) -> (Self, Result<Action, Listed>) {
        if let Some(vcpu) = self.listed() {
            return (self, Err(Listed(vcpu)));
        }
        let others = kind.has_sources() && source.is_some_and(|s| s != self.active_source());

        if !self.has(Self::Active) || others {
            return (self, Ok(Action::NOTHING));
        }

        let (word, resampled) = self
            .without(Self::Active)
            .resample(self.has(Self::Line), line);
        let physical = if self.is_linked() {
            Physical::End
        } else {
            resampled
        };
        let (word, action) = word.deliver();

        (word, Ok(action.and(physical)))
    }
}
