// SPDX-License-Identifier: GPL-2.0

//! An interrupt of a guest, in memory.
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_irq

use super::mapping::{
    HostInterrupt,
    Mapping, //
};
use crate::{
    gic::{
        atomic_word::AtomicWord,
        word::IrqWord, //
    },
    linux::prelude::*, //
};
use core::ffi::c_void;

/// An interrupt. All that delivery depends on is one word.
pub(crate) struct Irq {
    /// Its state.
    word: AtomicWord,
    /// Whom the guest has it go to: an affinity with GICv3, a mask of vCPUs with GICv2. What
    /// follows of it is in the word.
    route: AtomicU32,
    /// The in-kernel device that alone may drive its line, as a cookie; 0 for none.
    owner: AtomicU64,
}

impl Irq {
    /// An interrupt in that state.
    pub(crate) fn new(word: IrqWord, route: u32) -> Self {
        Self {
            word: AtomicWord::new(word),
            route: AtomicU32::new(route),
            owner: AtomicU64::new(0),
        }
    }

    /// Its state.
    #[inline(always)]
    pub(crate) fn state(&self) -> &AtomicWord {
        &self.word
    }

    /// Its state, as of now.
    #[inline(always)]
    pub(crate) fn word(&self) -> IrqWord {
        self.word.read()
    }

    /// See the field.
    #[inline(always)]
    pub(crate) fn route(&self) -> u32 {
        self.route.load_relaxed()
    }

    /// See [`Self::route`].
    #[inline(always)]
    pub(crate) fn set_route(&self, route: u32) {
        self.route.store_relaxed(route);
    }

    /// Whether a device may drive the line.
    #[inline(always)]
    pub(crate) fn is_owned_by(&self, owner: Owner) -> bool {
        self.owner.load_relaxed() == owner.0
    }

    /// Gives it to a device, unless another has it. With the VM's configuration lock held.
    #[must_use]
    pub(crate) fn set_owner(&self, owner: Owner) -> bool {
        let old = self.owner.load_relaxed();

        if old != 0 && old != owner.0 {
            return false;
        }
        self.owner.store_relaxed(owner.0);
        true
    }
}

/// Who drives a line, as a cookie: a device in the kernel, or user space and everybody else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner(u64);

impl Owner {
    /// User space and all who do not say.
    pub(crate) const NOBODY: Self = Self(0);

    /// C's cookie.
    pub(super) fn into_raw(self) -> u64 {
        self.0
    }

    /// From C's cookie.
    #[inline(always)]
    pub(crate) fn from_raw(cookie: *mut c_void) -> Self {
        // CAST: An address is as wide.
        Self(cookie as u64)
    }
}

/// A private interrupt: an SGI or a PPI.
pub(crate) struct PrivateIrq {
    irq: Irq,
    /// The number of the physical interrupt that it is mapped to, to be read without the lock by
    /// who has seen that it is.
    physical: AtomicU32,
    mapping: RawLock<Mapping>,
}

impl PrivateIrq {
    /// Makes one in place.
    ///
    /// # Safety
    ///
    /// `place` must be valid for writes and not be moved from now on; nobody may use it yet.
    pub(super) unsafe fn init_at(place: *mut Self, word: IrqWord, route: u32) {
        // SAFETY: By the safety requirements.
        unsafe {
            (&raw mut (*place).irq).write(Irq::new(word, route));
            (&raw mut (*place).physical).write(AtomicU32::new(0));
            RawLock::init_at(&raw mut (*place).mapping, Mapping::NONE);
        }
    }

    /// See the field.
    #[inline(always)]
    pub(crate) fn physical(&self) -> u32 {
        self.physical.load_relaxed()
    }

    /// Maps it, or undoes that. `change` says so in its state.
    pub(crate) fn map(
        &self,
        host: Option<HostInterrupt>,
        change: impl Fn(IrqWord, &Mapping) -> IrqWord,
    ) {
        let mut mapping = self.lock_mapping();

        mapping.set_host(host);
        self.physical
            .store_relaxed(host.map_or(0, HostInterrupt::intid));
        self.irq.state().update(|word| (change(word, &mapping), ()));
    }

    /// Locks what it stands for, so that both are changed at once.
    #[inline]
    pub(crate) fn lock_mapping(&self) -> RawGuard<'_, Mapping> {
        self.mapping.lock_irqsave()
    }
}

impl core::ops::Deref for PrivateIrq {
    type Target = Irq;

    #[inline(always)]
    fn deref(&self) -> &Irq {
        &self.irq
    }
}
