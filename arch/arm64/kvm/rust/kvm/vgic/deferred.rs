// SPDX-License-Identifier: GPL-2.0

//! What a vCPU has still to do before it enters its guest again, when it may sleep.
#![forbid(unsafe_code)]

use super::super::prelude::*;
use crate::gic::{
    list_register::{
        Intid,
        MAX_LRS, //
    },
    word::VcpuIdx, //
};
use core::cell::Cell;

/// What is done of a vCPU's LPIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LpiWork {
    /// Their properties are read again.
    Invalidation,
    /// They are enabled, or disabled.
    Switch,
}

/// Of the vCPU's own thread: see [`OwnVcpu::defer_deactivation`], [`OwnVcpu::defer_commands`] and
/// [`OwnVcpu::defer_lpis`].
pub(crate) struct Deferred {
    /// INTIDs of interrupts to be deactivated. One entry to the guest makes at most one for each
    /// list register.
    // CAST: widening.
    intids: [Cell<u32>; MAX_LRS as usize],
    count: Cell<u8>,
    /// An ITS has commands to execute.
    commands: Cell<bool>,
    /// What is to be done of that vCPU's LPIs, if nobody else has done it.
    lpis: Cell<Option<(LpiWork, VcpuIdx)>>,
}

impl Deferred {
    /// None.
    pub(super) const fn new() -> Self {
        Self {
            intids: [const { Cell::new(0) }; MAX_LRS as usize],
            count: Cell::new(0),
            commands: Cell::new(false),
            lpis: Cell::new(None),
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

    /// Whether it can put anything off.
    pub(crate) fn can_defer(self) -> bool {
        self.vgic_vcpu().is_some()
    }

    /// Has the vCPU go on with the commands of its VM's ITSs before its guest is entered again.
    pub(crate) fn defer_commands(self) {
        if let Some(vgic) = self.vgic_vcpu() {
            vgic.deferred().commands.set(true);
            self.request_vgic_update();
        }
    }

    /// Whether it was to go on with commands. It is not any more.
    pub(crate) fn takes_deferred_commands(self) -> bool {
        self.vgic_vcpu()
            .is_some_and(|vgic| vgic.deferred().commands.replace(false))
    }

    /// Has the vCPU go on with what it does of that vCPU's LPIs, if something of it is
    /// [left](Vcpu::leave_lpis), before its guest is entered again. There is one such thing at most: the
    /// guest begins another one only after that.
    pub(crate) fn defer_lpis(self, work: LpiWork, target: VcpuIdx) {
        if let Some(vgic) = self.vgic_vcpu() {
            vgic.deferred().lpis.set(Some((work, target)));
            self.request_vgic_update();
        }
    }

    /// What it was to go on with; it is not any more.
    pub(crate) fn takes_deferred_lpis(self) -> Option<(LpiWork, VcpuIdx)> {
        self.vgic_vcpu()?.deferred().lpis.take()
    }

    /// One of those that are still to be deactivated.
    pub(crate) fn deferred_deactivation(self) -> Option<Intid> {
        self.vgic_vcpu()?.deferred().pop()
    }
}
