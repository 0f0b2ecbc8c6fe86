// SPDX-License-Identifier: GPL-2.0

//! What the architecture says of an interrupt in the course of its life, and list registers as
//! the hardware reads and changes them: the specification's side of the machine.

use crate::{
    gic::{
        list_register::{GichListRegister, ListRegister},
        word::Kind,
    },
    irq_model::Irq,
};
use std::collections::BTreeSet;

/// What the architecture says of an interrupt.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) kind: Kind,
    pub(crate) intid: u32,
    pub(crate) edge: bool,
    pub(crate) line: bool,
    pub(crate) enabled: bool,
    pub(crate) priority: u8,
    pub(crate) group1: bool,
    pub(crate) target: Option<u32>,
    /// Edges, and latches of lines, that a guest must still see, by sender (0 without).
    pub(crate) owed: BTreeSet<u32>,
    /// How many it may see: two edges may become one, but never one two.
    pub(crate) may: [u32; 8],
    /// Where it is active.
    pub(crate) active: Option<u32>,
    pub(crate) active_sender: u32,
    /// Made active by a register, not by an acknowledgement.
    pub(crate) artificial: bool,
    pub(crate) mapped: bool,
    pub(crate) by_software: bool,
    pub(crate) physical_level: bool,
    pub(crate) physical_active: bool,
    /// LPIs: an event is mapped to it.
    pub(crate) alive: bool,
    /// LPIs: how often it was mapped, unmapped, or taken from its vCPU.
    pub(crate) life: u32,
    /// LPIs: when it went into a list register. If that was earlier, the guest, which is about to
    /// leave, may still take what is there.
    pub(crate) listed_life: u32,
    /// Ends of a level-triggered SPI, and how many were told of.
    pub(crate) ended: u32,
    pub(crate) told: u32,
}

impl Spec {
    /// As it is when its GIC is made.
    pub(crate) fn new(kind: Kind, intid: u32, target: u32, group1: bool, is: &Irq) -> Self {
        Self {
            kind,
            intid,
            edge: is.edge,
            line: false,
            enabled: is.enabled,
            priority: 0,
            group1,
            target: Some(target),
            owed: BTreeSet::new(),
            may: [0; 8],
            active: None,
            active_sender: 0,
            artificial: false,
            mapped: false,
            by_software: false,
            physical_level: false,
            physical_active: false,
            alive: kind == Kind::Lpi,
            life: 0,
            listed_life: 0,
            ended: 0,
            told: 0,
        }
    }

    /// Whether the guest may find it pending.
    pub(crate) fn may_be_pending(&self, sender: u32) -> bool {
        // The line of a mapped one is only looked at when it has been in a list register.
        self.mapped || (!self.edge && self.line) || self.may[sender as usize] != 0
    }

    /// Whether it is pending, beyond doubt.
    pub(crate) fn is_pending(&self) -> bool {
        let line = if self.mapped {
            self.physical_level && self.physical_active
        } else {
            self.line
        };

        !self.owed.is_empty() || (!self.edge && line)
    }

    pub(crate) fn pend(&mut self, sender: u32) {
        self.owed.insert(sender);
        self.may[sender as usize] += 1;
    }

    /// An LPI of which nothing counts that has happened so far.
    pub(crate) fn forget(&mut self) {
        self.life += 1;
        self.owed.clear();
        self.may = [0; 8];
    }

    pub(crate) fn acknowledge(&mut self, at: u32, sender: u32) {
        if self.life != self.listed_life && self.kind == Kind::Lpi {
            return;
        }
        // A line may have fallen since the guest was entered.
        assert!(
            !self.edge || self.may_be_pending(sender),
            "for nothing: {self:?}"
        );
        self.owed.remove(&sender);
        let may = &mut self.may[sender as usize];
        *may = if self.edge { *may - 1 } else { 0 };
        if self.kind != Kind::Lpi {
            assert_eq!(self.active, None, "active twice: {self:?}");
            (self.active, self.active_sender) = (Some(at), sender);
        }
    }

    pub(crate) fn deactivate(&mut self, by_hardware: bool) {
        self.active = None;
        if self.kind == Kind::Spi && !self.edge {
            self.ended += 1;
        }
        if by_hardware {
            self.physical_active = false;
        }
    }
}

/// A list register of one GIC or the other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Register {
    V3(ListRegister),
    V2(GichListRegister),
}

impl Register {
    pub(crate) fn state(self) -> (bool, bool) {
        match self {
            Self::V3(lr) => (lr.into_raw() >> 62 & 1 == 1, lr.into_raw() >> 63 == 1),
            Self::V2(lr) => (lr.into_raw() >> 28 & 1 == 1, lr.into_raw() >> 29 & 1 == 1),
        }
    }

    pub(crate) fn set_state(&mut self, pending: bool, active: bool) {
        let bits = u64::from(pending) | u64::from(active) << 1;

        *self = match *self {
            Self::V3(lr) => Self::V3(ListRegister::from_raw(
                lr.into_raw() & !(3 << 62) | bits << 62,
            )),
            Self::V2(lr) => Self::V2(GichListRegister::from_raw(
                lr.into_raw() & !(3 << 28) | bits << 28,
            )),
        };
    }

    pub(crate) fn priority(self) -> u8 {
        match self {
            Self::V3(lr) => (lr.into_raw() >> 48) as u8,
            Self::V2(lr) => (lr.into_raw() >> 23 & 31) as u8 * 8,
        }
    }

    pub(crate) fn linked(self) -> bool {
        match self {
            Self::V3(lr) => lr.into_raw() >> 61 & 1 == 1,
            Self::V2(lr) => lr.into_raw() >> 31 & 1 == 1,
        }
    }

    pub(crate) fn group1(self) -> bool {
        match self {
            Self::V3(lr) => lr.into_raw() >> 60 & 1 == 1,
            Self::V2(lr) => lr.into_raw() >> 30 & 1 == 1,
        }
    }

    pub(crate) fn sender(self) -> u32 {
        let raw = match self {
            Self::V3(lr) => lr.into_raw(),
            Self::V2(lr) => lr.into_raw(),
        };

        (raw >> 10 & 7) as u32
    }

    pub(crate) fn eoi(self) -> bool {
        match self {
            Self::V3(lr) => lr.into_raw() >> 41 & 1 == 1,
            Self::V2(lr) => lr.into_raw() >> 19 & 1 == 1,
        }
    }
}

/// An interrupt that the guest has acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handled {
    pub(crate) irq: usize,
    pub(crate) priority: u8,
    pub(crate) sender: u32,
}
