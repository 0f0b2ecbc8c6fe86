// SPDX-License-Identifier: GPL-2.0

//! Deactivations that a vCPU has still to do, when it may sleep.

use super::super::prelude::*;
use crate::gic::list_register::{
    Intid,
    MAX_LRS, //
};
use core::cell::Cell;

/// INTIDs of interrupts to be deactivated before the guest is entered again. One entry to the
/// guest makes at most one for each list register.
///
/// Of the vCPU's own thread: see [`OwnVcpu::defer_deactivation`].
pub(crate) struct Deferred {
    // CAST: widening.
    intids: [Cell<u32>; MAX_LRS as usize],
    count: Cell<u8>,
}

impl Deferred {
    /// None.
    pub(super) const fn new() -> Self {
        Self {
            intids: [const { Cell::new(0) }; MAX_LRS as usize],
            count: Cell::new(0),
        }
    }

    fn push(&self, intid: Intid) {
        let count = self.count.get();

        if let Some(place) = self.intids.get(usize::from(count)) {
            place.set(intid.0);
            self.count.set(count.wrapping_add(1));
        }
    }

    fn pop(&self) -> Option<Intid> {
        let count = self.count.get().checked_sub(1)?;

        self.count.set(count);
        self.intids
            .get(usize::from(count))
            .map(|place| Intid(place.get()))
    }
}

impl OwnVcpu<'_> {
    /// Has an interrupt deactivated before the guest is entered again; the vCPU makes the request
    /// for that to itself.
    pub(crate) fn defer_deactivation(self, intid: Intid) {
        if let Some(vgic) = self.vgic_vcpu() {
            vgic.deferred().push(intid);
        }
    }

    /// One of those that are still to be deactivated.
    pub(crate) fn deferred_deactivation(self) -> Option<Intid> {
        self.vgic_vcpu()?.deferred().pop()
    }
}
