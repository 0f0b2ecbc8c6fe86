// SPDX-License-Identifier: GPL-2.0

//! What happens to an interrupt, but for what a guest does to it in a list register: from the
//! state that it was in, the new one, and what else has to happen.
//!
//! Whoever wants a change calls one of these with the state that he finds, tries to put the
//! result in its place, and starts again if he is too late. When he has succeeded, and not
//! before, he does what the [`Action`] says.
//!
//! - **Locks**: interrupts that are [mapped](IrqWord::Hw) to a physical one are changed under a
//!   lock of their own, so that the physical one follows in the same order. The closures that ask
//!   for the level of a line are called under it, and again for each try. Others need none; nor does
//!   [`IrqWord::inject`], which no physical one follows.
//! - **Barriers**: the change is a full barrier even if it leaves the state as it is, unless
//!   [`IrqWord::ignores`] says that nothing has to be done.
//! - **Queues**: a pending interrupt is queued at its target whether the distributor forwards
//!   interrupts or not. Switching it on is a kick of all vCPUs.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.c: vgic_validate_injection, vgic_queue_irq_unlock,
//!     kvm_vgic_inject_irq, kvm_vgic_map_irq, kvm_vgic_unmap_irq, kvm_vgic_reset_mapped_irq; arch/arm64/kvm/vgic/vgic-mmio.c:
//!     vgic_mmio_write_group, vgic_mmio_write_senable, vgic_mmio_write_cenable,
//!     vgic_uaccess_write_senable, vgic_uaccess_write_cenable, __set_pending, __clear_pending,
//!     vgic_hw_irq_cpending, vgic_mmio_change_active, vgic_hw_irq_change_active,
//!     vgic_mmio_write_priority, vgic_mmio_write_config, vgic_write_irq_line_level_info;
//!     arch/arm64/kvm/vgic/vgic-mmio-v2.c: vgic_mmio_write_sgir, vgic_mmio_write_target,
//!     vgic_mmio_write_sgipendc, vgic_mmio_write_sgipends; arch/arm64/kvm/vgic/vgic-mmio-v3.c:
//!     vgic_mmio_write_irouter, vgic_v3_queue_sgi
#![forbid(unsafe_code)]

use crate::gic::{
    atomic_word::Caller,
    priority::{
        Group,
        Priority, //
    },
    word::{
        IrqWord,
        Kind,
        Source,
        Trigger,
        VcpuIdx, //
    },
};

/// Who has to look at an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Delivery {
    /// Nobody.
    Nothing,
    /// The vCPU, which has it in its queue: make its request and kick it.
    Kick(VcpuIdx),
    /// The vCPU, whose queue claims it from now on; it was in none. Put it there, then make the
    /// request and kick.
    Queue(VcpuIdx),
    /// The same, and another queue's claim is gone; what that still has of it is for its own
    /// vCPU to find and drop.
    Requeue(VcpuIdx),
}

/// What has to happen to the physical interrupt behind one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Physical {
    Nothing,
    /// Its state is to be active: it does not interrupt.
    Activate,
    /// Its state is to be inactive: it interrupts again if its line is high.
    Deactivate,
    /// It is to be not pending.
    ClearPending,
    /// It is to be neither pending nor active.
    ClearPendingAndActive,
    /// The guest has ended it, and the hardware does not know: deactivate it as the guest's CPU
    /// interface would have.
    End,
}

/// What else has to happen with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Action {
    /// First, and under the lock.
    pub(crate) physical: Physical,
    /// Then.
    pub(crate) delivery: Delivery,
}

impl Action {
    /// Nothing.
    pub(crate) const NOTHING: Self = Self {
        physical: Physical::Nothing,
        delivery: Delivery::Nothing,
    };

    /// With that done to the physical interrupt.
    #[inline(always)]
    pub(crate) const fn and(self, physical: Physical) -> Self {
        Self { physical, ..self }
    }
}

/// By whom a register is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    Guest,
    /// It restores a state: the physical side is not touched.
    Vmm,
}

impl From<Writer> for Caller {
    #[inline(always)]
    fn from(writer: Writer) -> Self {
        match writer {
            Writer::Guest => Self::Announces,
            Writer::Vmm => Self::IsSilent,
        }
    }
}

/// A change that a register, or what user space restores, makes to one interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// `GICD_IGROUPR`.
    Group(Group),
    /// `GICD_ISENABLER`.
    Enable,
    /// `GICD_ICENABLER`.
    Disable,
    /// `GICD_ISPENDR`.
    Pend,
    /// `GICD_ICPENDR`.
    Unpend,
    /// `GICD_IPRIORITYR`.
    Prioritize(u8),
    /// `GICD_ICFGR`.
    Configure(Trigger),
    /// The level of its line, as user space restores it.
    Line(bool),
    /// `GICD_IROUTER`, `GICD_ITARGETSR`.
    Retarget(Option<VcpuIdx>),
    /// `GICD_SPENDSGIR`: these vCPUs have sent it.
    From(u8),
    /// `GICD_CPENDSGIR`: these have not.
    NotFrom(u8),
}

impl Edit {
    /// Whether the interrupt is as it says already, so that nothing is to be done if no vCPU runs.
    /// False of what is more than a state.
    #[inline(always)]
    pub(crate) fn is_in(self, word: IrqWord) -> bool {
        match self {
            Self::Group(group) => word.group() == group,
            Self::Enable => word.has(IrqWord::Enabled),
            Self::Disable => !word.has(IrqWord::Enabled),
            Self::Prioritize(priority) => word.priority().0 == priority,
            Self::Configure(trigger) => word.trigger() == trigger,
            Self::Line(high) => word.has(IrqWord::Line) == high,
            Self::Retarget(target) => word.target() == target,
            Self::Pend | Self::Unpend | Self::From(_) | Self::NotFrom(_) => false,
        }
    }
}

/// The vCPU has the interrupt in a list register. It has to leave the guest, and to stay out,
/// before the change is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) struct Listed(pub(crate) VcpuIdx);

/// Delivery.
impl IrqWord {
    /// The end of each change after which somebody may have to look at the interrupt.
    ///
    /// A claim of a vCPU that is not, or no longer, to have it is taken over: that vCPU may be
    /// asleep or off. But not while its list registers may have the interrupt: then it has to do
    /// that itself, when it has left the guest.
    #[inline(always)]
    pub(crate) const fn deliver(self) -> (Self, Action) {
        let (word, delivery) = match (self.destination(true), self.queued()) {
            (None, _) => (self, Delivery::Nothing),
            (Some(to), None) => (self.with_queued(Some(to)), Delivery::Queue(to)),
            (Some(to), Some(at)) => {
                if to.get() == at.get() || self.has(Self::OnLr) {
                    (self, Delivery::Kick(at))
                } else {
                    (self.with_queued(Some(to)), Delivery::Requeue(to))
                }
            }
        };

        (
            word,
            Action {
                physical: Physical::Nothing,
                delivery,
            },
        )
    }

    /// The end of each change to what a list register would say: the vCPU that has the interrupt
    /// there has to put it right, or to pass it on, whatever the word says of its state.
    #[inline(always)]
    pub(super) const fn deliver_anew(self) -> (Self, Action) {
        match self.listed() {
            Some(vcpu) => (
                self,
                Action {
                    physical: Physical::Nothing,
                    delivery: Delivery::Kick(vcpu),
                },
            ),
            None => self.deliver(),
        }
    }
}

/// What devices do.
impl IrqWord {
    /// Whether [`inject`](Self::inject) has nothing to do at all: the line is level-triggered and
    /// has that level, or is edge-triggered and stays low. One relaxed load tells.
    ///
    /// Of a level only the device's side makes a change, so that whoever sets it knows of the
    /// last one. A latch is the guest's to clear: an edge always needs the barrier.
    #[inline(always)]
    pub(crate) const fn ignores(self, level: bool) -> bool {
        match self.trigger() {
            Trigger::Level => self.has(Self::Line) == level,
            Trigger::Edge => !level && !self.has(Self::Line),
        }
    }

    /// A line has a level. Edge-triggered, each report of a high level is an edge.
    ///
    /// The level is kept in either case: it counts as soon as the guest configures the interrupt
    /// to be level-triggered.
    #[inline(always)]
    pub(crate) const fn inject(self, level: bool) -> (Self, Action) {
        let word = self.set(Self::Line, level);

        if !level || self.ignores(level) {
            // A line that falls makes nothing pending.
            return (word, Action::NOTHING);
        }
        match self.trigger() {
            Trigger::Level => word.deliver(),
            Trigger::Edge => word.with(Self::Latch).deliver(),
        }
    }

    /// A message makes it pending.
    #[inline(always)]
    pub(crate) const fn pulse(self) -> (Self, Action) {
        if self.has(Self::Dead) {
            return (self, Action::NOTHING);
        }
        self.with(Self::Latch).deliver()
    }

    /// The VMM restores the level of a line; what is level-triggered it may say later.
    #[inline]
    pub(crate) const fn restore_line(self, level: bool) -> (Self, Action) {
        self.set(Self::Line, level).deliver()
    }
}

/// SGIs.
impl IrqWord {
    /// A vCPU sends it; if not `to_group1`, only as an interrupt of group 0.
    #[inline(always)]
    pub(crate) const fn send(self, to_group1: bool) -> (Self, Action) {
        match self.group() {
            Group::One if !to_group1 => (self, Action::NOTHING),
            Group::Zero | Group::One => self.pulse(),
        }
    }

    /// These vCPUs of a GICv2 send it, or have sent it by what `GICD_SPENDSGIR` says.
    #[inline(always)]
    pub(crate) const fn send_from(self, sources: u8) -> (Self, Action) {
        if sources == 0 {
            return (self, Action::NOTHING);
        }
        self.with_sources(self.sources() | sources).deliver()
    }

    /// `GICD_CPENDSGIR`: these vCPUs have not sent it.
    #[inline]
    pub(crate) const fn not_from(self, sources: u8) -> (Self, Action) {
        (
            self.with_sources(self.sources() & !sources),
            Action::NOTHING,
        )
    }
}

/// What the guest's registers and the VMM do.
impl IrqWord {
    /// Any of these. `line` asks for the level of a physical line.
    #[inline]
    pub(crate) fn edit(
        self,
        edit: Edit,
        kind: Kind,
        by: Writer,
        line: impl FnOnce() -> bool,
    ) -> (Self, Action) {
        match edit {
            Edit::Group(group) => self.regroup(group),
            Edit::Enable => self.enable(by, line),
            Edit::Disable => self.disable(),
            Edit::Pend => self.set_pending(kind, by),
            Edit::Unpend => self.clear_pending(kind, by),
            Edit::Prioritize(priority) => self.prioritize(priority),
            Edit::Configure(trigger) => self.configure(trigger),
            Edit::Line(high) => self.restore_line(high),
            Edit::Retarget(target) => self.retarget(target),
            Edit::From(sources) => self.send_from(sources),
            Edit::NotFrom(sources) => self.not_from(sources),
        }
    }

    /// `GICD_ISENABLER`. `line` asks for the level of a physical line.
    ///
    /// That may have changed unnoticed while nobody wanted the interrupt: if it has fallen the
    /// physical interrupt must be able to tell of its next rise.
    #[inline]
    pub(crate) fn enable(self, by: Writer, line: impl FnOnce() -> bool) -> (Self, Action) {
        let mut word = self.with(Self::Enabled);
        let mut physical = Physical::Nothing;

        if by == Writer::Guest && self.is_mapped_level() {
            word = word.set(Self::Line, line());

            if self.has(Self::Line) && !word.has(Self::Line) && !self.has(Self::Active) {
                physical = Physical::Deactivate;
            }
        }
        let (word, action) = word.deliver();

        (word, action.and(physical))
    }

    /// `GICD_ICENABLER`.
    #[inline]
    pub(crate) const fn disable(self) -> (Self, Action) {
        let word = self.without(Self::Enabled);

        match self.listed() {
            Some(_) => word.deliver_anew(),
            None => (word, Action::NOTHING),
        }
    }

    /// `GICD_ISPENDR`. A GICv2's guest can't; its VMM, which can't say from whom, means the vCPU
    /// itself.
    #[inline]
    pub(crate) const fn set_pending(self, kind: Kind, by: Writer) -> (Self, Action) {
        let word = match (kind, by) {
            (Kind::SourcedSgi(_), Writer::Guest) => return (self, Action::NOTHING),
            (Kind::SourcedSgi(own), Writer::Vmm) => self.with_sources(self.sources() | own.bit()),
            _ if self.has(Self::Dead) => return (self, Action::NOTHING),
            _ => self.with(Self::Latch),
        };
        let (word, action) = word.deliver();

        match by {
            // The guest will deactivate it, and the hardware the physical one with it.
            Writer::Guest if self.has(Self::Hw) => (word, action.and(Physical::Activate)),
            Writer::Guest | Writer::Vmm => (word, action),
        }
    }

    /// `GICD_ICPENDR`. The line is as it was; and in the list registers of a vCPU that runs, the
    /// interrupt is.
    ///
    /// A physical interrupt that [`set_pending`](Self::set_pending) has made active would never
    /// be heard of again.
    #[inline]
    pub(crate) const fn clear_pending(self, kind: Kind, by: Writer) -> (Self, Action) {
        let word = match (kind, by) {
            (Kind::SourcedSgi(_), Writer::Guest) => return (self, Action::NOTHING),
            (Kind::SourcedSgi(_), Writer::Vmm) => self.with_sources(0),
            _ => self.without(Self::Latch),
        };
        let physical = match by {
            Writer::Guest if self.has(Self::Hw) && self.has(Self::Active) => Physical::ClearPending,
            Writer::Guest if self.has(Self::Hw) => Physical::ClearPendingAndActive,
            Writer::Guest | Writer::Vmm => Physical::Nothing,
        };

        (word, Action::NOTHING.and(physical))
    }

    /// `GICD_ISACTIVER` and `GICD_ICACTIVER`. Its [holder](IrqWord::holder) is stopped. The VMM
    /// does not change those that stand for physical ones.
    ///
    /// Nothing says which vCPU a GICv2's SGI is active from. The guest's is taken to be the vCPU
    /// itself, the VMM's the first.
    #[inline]
    pub(crate) fn change_active(
        self,
        active: bool,
        kind: Kind,
        by: Writer,
    ) -> (Self, Result<Action, Listed>) {
        if let Some(vcpu) = self.listed() {
            return (self, Err(Listed(vcpu)));
        }
        if (by == Writer::Vmm && self.has(Self::Hw)) || (active && kind == Kind::Lpi) {
            return (self, Ok(Action::NOTHING));
        }
        let mut word = self.set(Self::Active, active);

        if let (Kind::SourcedSgi(own), true) = (kind, active) {
            word = word.with_active_source(match by {
                Writer::Guest => own,
                Writer::Vmm => Source::ZERO,
            });
        }
        let (word, action) = word.deliver();
        let physical = match active {
            _ if !self.has(Self::Hw) => Physical::Nothing,
            true => Physical::Activate,
            false => Physical::Deactivate,
        };

        (word, Ok(action.and(physical)))
    }

    /// `GICD_IROUTER`, `GICD_ITARGETSR`, an LPI's collection: pending, it goes there; active, it
    /// stays until it is deactivated.
    #[inline]
    pub(crate) const fn retarget(self, target: Option<VcpuIdx>) -> (Self, Action) {
        self.with_target(target).deliver_anew()
    }

    /// `GICD_ICFGR`.
    #[inline]
    pub(crate) const fn configure(self, trigger: Trigger) -> (Self, Action) {
        self.set(Self::Edge, matches!(trigger, Trigger::Edge))
            .deliver_anew()
    }

    /// `GICD_IPRIORITYR`. A vCPU whose priority mask has kept it out may have to wake up.
    #[inline]
    pub(crate) const fn prioritize(self, priority: u8) -> (Self, Action) {
        // CAST: widening.
        self.put(Self::Prio, Priority::implemented(priority).0 as u64)
            .deliver_anew()
    }

    /// `GICD_IGROUPR`.
    #[inline]
    pub(crate) const fn regroup(self, group: Group) -> (Self, Action) {
        self.set(Self::Group1, matches!(group, Group::One))
            .deliver_anew()
    }
}

/// Mapping to physical interrupts.
impl IrqWord {
    /// It stands for a physical interrupt from now on. `resample`: the hardware won't deactivate
    /// that one by itself.
    #[inline]
    #[must_use]
    pub(crate) const fn map(self, resample: bool) -> Self {
        self.with(Self::Hw).set(Self::Resample, resample)
    }

    /// It stands for itself.
    #[inline]
    #[must_use]
    pub(crate) const fn unmap(self) -> Self {
        self.without(Self::Hw).without(Self::Resample)
    }

    /// The device behind a mapped one is reset with its vCPU, which does not run.
    #[inline]
    #[must_use]
    pub(crate) const fn reset_mapped(self) -> Self {
        if !self.has(Self::Hw) {
            return self;
        }
        self.without(Self::Active)
            .without(Self::Latch)
            .without(Self::Line)
    }
}
