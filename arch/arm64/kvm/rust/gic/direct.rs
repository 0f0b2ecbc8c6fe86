// SPDX-License-Identifier: GPL-2.0

//! Interrupts that the hardware delivers to a guest by itself: LPIs with a GICv4, and SGIs with a
//! GICv4.1.
//!
//! Of one that is [`Direct`](IrqWord::Direct) the word says how the guest has configured it, and
//! the hardware is told when that changes. Whether it is pending only the hardware knows: its word
//! is never pending, and it is in no queue.
//!
//! Who changes such a word has the lock of whatever it stands for, and changes it as if it were one
//! like all others; then he tells the hardware [what is new](Change).
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v4.c: vgic_v4_enable_vsgis, vgic_v4_disable_vsgis,
//!     kvm_vgic_v4_set_forwarding, kvm_vgic_v4_unset_forwarding; arch/arm64/kvm/vgic/vgic-its.c:
//!     update_affinity, update_lpi_config, its_free_ite; arch/arm64/kvm/vgic/vgic-mmio.c:
//!     vgic_update_vsgi
#![forbid(unsafe_code)]

use crate::gic::{
    lpi::Properties,
    transition::Action,
    word::{
        IrqWord,
        Life,
        VcpuIdx, //
    },
};

/// What the hardware does not know yet of an interrupt that it delivers.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    before: IrqWord,
    /// How it is by now.
    pub(crate) after: IrqWord,
    /// It is pending from now on, or not any more.
    pub(crate) pending: Option<bool>,
}

impl Change {
    /// The guest wants it from now on, or not any more.
    pub(crate) fn enabled(self) -> Option<bool> {
        let now = self.after.has(IrqWord::Enabled);

        (self.before.has(IrqWord::Enabled) != now).then_some(now)
    }

    /// It is of another priority or group.
    pub(crate) fn is_ranked_anew(self) -> bool {
        self.before.priority() != self.after.priority() || self.before.group() != self.after.group()
    }

    /// The vCPU that it goes to from now on.
    pub(crate) fn target(self) -> Option<VcpuIdx> {
        self.after
            .target()
            .filter(|_| self.before.target() != self.after.target())
    }

    /// The hardware does not deliver it any more.
    pub(crate) fn is_last(self) -> bool {
        !self.after.has(IrqWord::Direct)
    }
}

impl IrqWord {
    /// How the guest has configured an LPI.
    #[inline]
    pub(crate) const fn properties(self) -> Properties {
        Properties {
            enabled: self.has(Self::Enabled),
            priority: self.priority(),
        }
    }

    /// Whether its state and that of something physical are changed together, under a lock.
    #[inline(always)]
    pub(crate) const fn is_bound(self) -> bool {
        const BOUND: IrqWord = IrqWord::ZERO.with(IrqWord::Hw).with(IrqWord::Direct);

        self.into_raw() & BOUND.into_raw() != 0
    }

    /// The hardware delivers it from now on: what it was before.
    #[inline]
    pub(crate) const fn direct(self) -> (Self, Self) {
        (self.with(Self::Direct).without(Self::Latch), self)
    }

    /// The same of an LPI in that life of it, if the hardware does not deliver it already.
    #[inline]
    pub(crate) fn direct_in(self, life: Life) -> (Self, Option<Self>) {
        if self.has(Self::Dead)
            || self.life() != life
            || self.has(Self::Direct)
            || self.target().is_none()
        {
            return (self, None);
        }
        let (word, before) = self.direct();

        (word, Some(before))
    }

    /// The hardware does not deliver it any more. `pending`: whether it has left it so.
    #[inline]
    pub(crate) const fn indirect(self, pending: bool) -> (Self, Action) {
        if !self.has(Self::Direct) {
            return (self, Action::NOTHING);
        }
        self.without(Self::Direct)
            .set(Self::Latch, pending)
            .deliver()
    }

    /// Changes it as `f` does, if the hardware delivers it: the new state, and what the hardware is
    /// to be told. `f` may look at its being pending, which is not known, but does not make what it
    /// does depend on that.
    #[inline]
    pub(crate) fn change_direct<A>(
        self,
        f: impl Fn(Self) -> (Self, A),
    ) -> (Self, (Option<Change>, A)) {
        if !self.has(Self::Direct) {
            let (word, also) = f(self);

            return (word, (None, also));
        }
        let (after, also) = f(self.without(Self::Latch));
        let (other, _) = f(self.with(Self::Latch));
        // What leaves it as it is, leaves either as it is.
        let pending = match (after.has(Self::Latch), other.has(Self::Latch)) {
            (true, true) => Some(true),
            (false, false) => Some(false),
            _ => None,
        };
        let after = after.without(Self::Active);
        let after = if after.has(Self::Dead) || after.target().is_none() {
            after.without(Self::Direct)
        } else {
            after.without(Self::Latch)
        };
        let change = Change {
            before: self,
            after,
            pending,
        };

        (after, (Some(change), also))
    }
}
