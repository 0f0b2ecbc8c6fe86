// SPDX-License-Identifier: GPL-2.0

//! Where the state of an interrupt is kept, and the only ways to change it.
//!
//! There is no store: a change is worked out from the state that it replaces, and made if that is
//! the state still.
//!
//! Mirrors: nothing, C has a lock for each interrupt
#![forbid(unsafe_code)]

use crate::{
    gic::word::IrqWord,
    linux::atomic::{
        smp_mb,
        AtomicU64, //
    },
};

/// Who changes a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Somebody who has written before what whoever takes the interrupt has to see.
    Announces,
    /// Somebody who has not; or user space, while no vCPU runs: each takes a lock before it does.
    IsSilent,
}

/// The state of an interrupt, shared by all threads.
pub(crate) struct AtomicWord(AtomicU64);

impl AtomicWord {
    /// In that state.
    #[inline]
    pub(crate) fn new(word: IrqWord) -> Self {
        Self(AtomicU64::new(word.into_raw()))
    }

    /// The state, some time ago: it orders nothing.
    #[inline(always)]
    pub(crate) fn read(&self) -> IrqWord {
        IrqWord::from_raw(self.0.load_relaxed())
    }

    /// Changes the state to what `f` makes of it; gives the rest of what `f` makes of it. `f` may
    /// be called more than once, only the last time counts.
    ///
    /// A full barrier, even if nothing changes: who consumes the state that this leaves (or finds
    /// to be there already), by a change of his own, sees all that the caller has written before.
    /// An edge, an SGI, a write to `GICD_ISPENDR` need that: if the latch is set already, the
    /// guest must not be able to acknowledge it and yet miss the data that this one announces.
    ///
    /// If nothing changes it does not write.
    #[inline(always)]
    pub(crate) fn update<A>(&self, f: impl Fn(IrqWord) -> (IrqWord, A)) -> A {
        self.update_by(Caller::Announces, f)
    }

    /// The same, for one who may have nothing to announce.
    #[inline]
    pub(crate) fn update_by<A>(&self, caller: Caller, f: impl Fn(IrqWord) -> (IrqWord, A)) -> A {
        let mut old = self.0.load_relaxed();
        let mut ordered = caller == Caller::IsSilent;

        loop {
            let (new, action) = f(IrqWord::from_raw(old));

            if new.into_raw() == old {
                if ordered {
                    return action;
                }
                // What was read may be older than what the caller wrote before. What is read now
                // is not, and those who change it from now on see what the caller wrote.
                smp_mb();
                ordered = true;
                old = self.0.load_relaxed();
                continue;
            }
            match self.0.try_change(old, new.into_raw()) {
                Ok(()) => return action,
                Err(now) => old = now,
            }
        }
    }

    /// Changes the state to `to` if it is `from`, and says whether it was. A full barrier then;
    /// otherwise, that orders nothing. Any change is that of an [`update`](Self::update).
    #[inline(always)]
    #[must_use]
    pub(crate) fn replace(&self, from: IrqWord, to: IrqWord) -> bool {
        self.0.try_change(from.into_raw(), to.into_raw()).is_ok()
    }

    /// As [`update`](Self::update), but if nothing changes it is one load, which orders nothing.
    ///
    /// For what stays until the caller takes it back: the level of a line, which only the device's
    /// side changes (so it has been told of the present level by a change before, and the guest
    /// finds the line still high after whatever it does). Not for a latch, which the guest clears.
    #[inline(always)]
    pub(crate) fn update_relaxed<A>(&self, f: impl Fn(IrqWord) -> (IrqWord, A)) -> A {
        let mut old = self.0.load_relaxed();

        loop {
            let (new, action) = f(IrqWord::from_raw(old));

            if new.into_raw() == old {
                return action;
            }
            match self.0.try_change(old, new.into_raw()) {
                Ok(()) => return action,
                Err(now) => old = now,
            }
        }
    }
}
