// SPDX-License-Identifier: GPL-2.0

//! The CPU interface of a vCPU in its guest, as the hardware has it: list registers, and what
//! acknowledging, ending and deactivating does to them (IHI 0069, chapter "Virtual interrupt
//! handling"; IHI 0048, chapter 5).

use crate::event::Entry;

/// Whose list registers they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LrFormat {
    /// `GICH_LR<n>`.
    V2,
    /// `ICH_LR<n>_EL2`.
    V3,
}

impl LrFormat {
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::V2 => 2,
            Self::V3 => 3,
        }
    }

    pub(crate) fn of_number(number: u32) -> Option<Self> {
        match number {
            2 => Some(Self::V2),
            3 => Some(Self::V3),
            _ => None,
        }
    }
}

/// A list register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lr {
    pub intid: u32,
    /// Of a GICv2's SGI.
    pub sender: u8,
    pub priority: u8,
    pub group1: bool,
    pub pending: bool,
    pub active: bool,
    pub linked: bool,
    pub eoi: bool,
}

impl Lr {
    /// What a value means. `v2`: to a guest with a GICv2.
    pub fn decode(raw: u64, format: LrFormat, v2: bool) -> Self {
        let bit = |n: u32| raw >> n & 1 == 1;

        match format {
            LrFormat::V3 => Self {
                intid: if v2 { raw as u32 & 0x3ff } else { raw as u32 },
                sender: if v2 { (raw >> 10 & 7) as u8 } else { 0 },
                priority: (raw >> 48) as u8,
                group1: bit(60),
                pending: bit(62),
                active: bit(63),
                linked: bit(61),
                eoi: bit(41) && !bit(61),
            },
            LrFormat::V2 => Self {
                intid: raw as u32 & 0x3ff,
                sender: if bit(31) { 0 } else { (raw >> 10 & 7) as u8 },
                priority: (raw >> 23 & 31) as u8 * 8,
                group1: bit(30),
                pending: bit(28),
                active: bit(29),
                linked: bit(31),
                eoi: bit(19) && !bit(31),
            },
        }
    }

    /// `raw` with the state of this.
    pub fn state_in(&self, raw: u64, format: LrFormat) -> u64 {
        let state = u64::from(self.pending) | u64::from(self.active) << 1;
        let shift = match format {
            LrFormat::V2 => 28,
            LrFormat::V3 => 62,
        };

        raw & !(3 << shift) | state << shift
    }
}

/// Fields of `ICH_HCR_EL2` and `GICH_HCR`.
pub(crate) mod hcr {
    pub(crate) const EN: u32 = 0;
    pub(crate) const UIE: u32 = 1;
    pub(crate) const LRENPIE: u32 = 2;
    pub(crate) const NPIE: u32 = 3;
    pub(crate) const VGRP0EIE: u32 = 4;
    pub(crate) const VGRP0DIE: u32 = 5;
    pub(crate) const VGRP1EIE: u32 = 6;
    pub(crate) const VGRP1DIE: u32 = 7;
    pub(crate) const TDIR: u32 = 14;
}

/// An interrupt that the guest has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    pub intid: u32,
    /// Of a GICv2's SGI.
    pub sender: u8,
    /// The running priority from then on.
    pub priority: u8,
}

impl Taken {
    /// As the value of an outcome.
    pub fn value(self) -> u64 {
        u64::from(self.intid) | u64::from(self.sender) << 24 | u64::from(self.priority) << 32
    }

    /// From such a value.
    pub fn of_value(value: u64) -> Self {
        Self {
            intid: value as u32 & 0xff_ffff,
            sender: (value >> 24) as u8,
            priority: (value >> 32) as u8,
        }
    }
}

/// What a deactivation has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A list register.
    Listed,
    /// None: it is counted, if anybody counts.
    Counted,
    /// It never was active: an LPI.
    Nothing,
}

/// While the vCPU is in the guest.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) entry: Entry,
    pub(crate) lrs: Vec<Lr>,
    pub(crate) counted: u32,
    /// Those that were counted: who is to get them next will not before this vCPU has left.
    pub(crate) unheard: Vec<u32>,
}

impl Guest {
    pub(crate) fn has(&self, bit: u32) -> bool {
        self.entry.hcr >> bit & 1 == 1
    }

    pub(crate) fn find(&self, intid: u32) -> Option<&Lr> {
        self.lrs.iter().find(|lr| lr.intid == intid)
    }

    /// Whether the hardware fetches the hypervisor.
    pub(crate) fn calls(&self) -> bool {
        let valid = self.lrs.iter().filter(|lr| lr.pending || lr.active).count();
        let pending = self.lrs.iter().any(|lr| lr.pending);
        let ended = self
            .lrs
            .iter()
            .any(|lr| lr.eoi && !lr.pending && !lr.active);

        self.has(hcr::UIE) && valid <= 1
            || self.has(hcr::NPIE) && !pending
            || self.has(hcr::LRENPIE) && self.counted != 0
            || ended
    }

    /// The state of the list registers as values.
    pub(crate) fn raw(&self, format: LrFormat) -> Vec<u64> {
        let raws = self.entry.lrs.iter().zip(&self.lrs);

        raws.map(|(raw, lr)| lr.state_in(*raw, format)).collect()
    }
}

/// A CPU interface, in the guest or not.
#[derive(Clone, Debug)]
pub(crate) struct Cpu {
    pub(crate) groups: (bool, bool),
    pub(crate) mask: u8,
    pub(crate) separate: bool,
    pub(crate) guest: Option<Guest>,
    /// Acknowledged, the last one last; and those that are ended, but not deactivated.
    pub(crate) stack: Vec<Taken>,
    pub(crate) dropped: Vec<Taken>,
    /// It has to look, since it entered its guest or went to sleep.
    pub(crate) kicked: bool,
    pub(crate) asleep: bool,
    /// Left out at its entry, rightly.
    pub(crate) left_out: Vec<u32>,
}

impl Cpu {
    pub(crate) fn new() -> Self {
        Self {
            groups: (true, true),
            mask: 0xf8,
            separate: false,
            guest: None,
            stack: Vec::new(),
            dropped: Vec::new(),
            kicked: false,
            asleep: false,
            left_out: Vec::new(),
        }
    }

    pub(crate) fn enables(&self, group1: bool) -> bool {
        if group1 {
            self.groups.1
        } else {
            self.groups.0
        }
    }

    /// The list register that is to be acknowledged next.
    fn best(&self) -> Option<usize> {
        let guest = self.guest.as_ref()?;
        let (at, lr) = guest
            .lrs
            .iter()
            .enumerate()
            .filter(|(_, lr)| lr.pending && !lr.active && self.enables(lr.group1))
            .min_by_key(|(_, lr)| lr.priority)?;

        (lr.priority < self.threshold()).then_some(at)
    }

    /// What is acknowledged has a lower priority than this: it is not masked, and preempts.
    pub(crate) fn threshold(&self) -> u8 {
        let running = self.stack.last().map_or(0xff, |taken| taken.priority);

        running.min(self.mask)
    }

    /// Acknowledges an interrupt.
    pub(crate) fn acknowledge(&mut self) -> Option<Taken> {
        let at = self.best()?;
        let lr = &mut self.guest.as_mut()?.lrs[at];
        let taken = Taken {
            intid: lr.intid,
            sender: lr.sender,
            priority: lr.priority,
        };

        lr.pending = false;
        lr.active = lr.intid < 8192;
        self.stack.push(taken);
        Some(taken)
    }

    /// What hardware does to deactivate one.
    pub(crate) fn deactivate(&mut self, taken: Taken) -> Found {
        let Some(guest) = &mut self.guest else {
            return Found::Nothing;
        };

        if taken.intid >= 8192 {
            return Found::Nothing;
        }
        match guest
            .lrs
            .iter_mut()
            .find(|lr| lr.intid == taken.intid && lr.active && lr.sender == taken.sender)
        {
            Some(lr) => {
                lr.active = false;
                Found::Listed
            }
            None => {
                guest.counted += 1;
                guest.unheard.push(taken.intid);
                Found::Counted
            }
        }
    }
}
