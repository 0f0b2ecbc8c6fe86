// SPDX-License-Identifier: GPL-2.0

//! An interrupt: what the distributor or a redistributor knows of it.

/// The kinds of interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sgi,
    Ppi,
    Spi,
    Lpi,
}

/// An interrupt, found by its number: private ones are a vCPU's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    Private(u32, u32),
    Spi(u32),
    Lpi(u32),
}

/// GICv3 with five bits of a priority, the fewest with two security states less one.
pub(crate) const PRIORITY: u8 = 0xf8;

/// Its state.
#[derive(Clone, Debug)]
pub(crate) struct Irq {
    pub(crate) kind: Kind,
    pub(crate) intid: u32,
    pub(crate) enabled: bool,
    pub(crate) priority: u8,
    pub(crate) group1: bool,
    pub(crate) edge: bool,
    pub(crate) line: bool,
    /// Latched, beyond doubt: a bit for each sender of a GICv2's SGI, else bit 0.
    pub(crate) must: u8,
    /// How often it may still be taken by its latch, by sender: edges may become one, but never one
    /// two.
    pub(crate) may: [u8; 8],
    /// Where it is active, and from whom.
    pub(crate) active: Option<u32>,
    pub(crate) sender: u8,
    /// It was made active by a register: nobody has acknowledged it, and where it is shown as
    /// active is open.
    pub(crate) artificial: bool,
    /// The vCPU that it is for.
    pub(crate) target: Option<u32>,
    /// What `GICD_IROUTER` or `GICD_ITARGETSR` says.
    pub(crate) route: u32,
    /// LPIs: an event is mapped to it. Others exist.
    pub(crate) mapped: bool,
    /// LPIs: it was unmapped, or taken from its vCPU, while a list register had it. What that still
    /// says is no longer of it.
    pub(crate) stale: bool,
    /// LPIs: it was pending when it came to be for a vCPU that takes no LPIs, or when that was not
    /// looked at because it was disabled. KVM, in C as well, may deliver it all the same.
    pub(crate) astray: bool,
    /// LPIs: how often it was mapped.
    pub(crate) life: u32,
}

impl Irq {
    pub(crate) fn new(kind: Kind, intid: u32, target: Option<u32>, group1: bool) -> Self {
        Self {
            kind,
            intid,
            enabled: kind == Kind::Sgi,
            priority: 0,
            group1,
            edge: kind != Kind::Ppi,
            line: false,
            must: 0,
            may: [0; 8],
            active: None,
            sender: 0,
            artificial: false,
            target,
            route: 0,
            mapped: kind != Kind::Lpi,
            stale: false,
            astray: false,
            life: 0,
        }
    }

    fn line_counts(&self) -> bool {
        !self.edge && self.line
    }

    /// Pending beyond doubt.
    pub(crate) fn is_pending(&self) -> bool {
        self.mapped && (self.must != 0 || self.line_counts())
    }

    /// Whether it may be taken from that sender.
    pub(crate) fn may_be_pending(&self, sender: u8) -> bool {
        self.line_counts() || self.may[usize::from(sender)] != 0
    }

    /// Whether it may be pending at all.
    pub(crate) fn may_be_pending_at_all(&self) -> bool {
        self.mapped && (self.line_counts() || self.may != [0; 8])
    }

    /// It becomes pending: an edge, a message, a register. `listed`: a list register may have an
    /// earlier one, which can still be taken by itself.
    pub(crate) fn pend(&mut self, sender: u8, listed: bool) {
        let may = &mut self.may[usize::from(sender)];

        *may = if listed { (*may + 1).min(2) } else { 1 };
        // Of a level-triggered one nobody knows yet whether that was taken before.
        if self.edge || !listed {
            self.must |= 1 << sender;
        }
    }

    /// Its latch is cleared. What a list register has of it stays there, and comes back.
    pub(crate) fn unpend(&mut self, senders: u8, listed: bool) {
        self.must &= !senders;
        for (sender, may) in self.may.iter_mut().enumerate() {
            if senders >> sender & 1 == 1 {
                *may = (*may).min(u8::from(listed));
            }
        }
    }

    /// It is taken.
    pub(crate) fn acknowledge(&mut self, vcpu: u32, sender: u8) {
        let may = &mut self.may[usize::from(sender)];

        self.must &= !(1 << sender);
        *may = if self.edge { may.saturating_sub(1) } else { 0 };
        self.astray &= *may != 0;
        if self.kind != Kind::Lpi {
            self.active = Some(vcpu);
            self.sender = sender;
            self.artificial = false;
        }
    }

    pub(crate) fn deactivate(&mut self) {
        self.active = None;
        self.artificial = false;
    }

    /// Whether its latch is set was seen by somebody.
    pub(crate) fn seen(&mut self, latched: bool) {
        if latched {
            self.must |= 1;
            self.may[0] = 1;
        } else {
            self.must = 0;
            self.may[0] = 0;
        }
    }

    /// No list register has it any more: there is one latch for each sender.
    pub(crate) fn returned(&mut self) {
        for may in &mut self.may {
            *may = (*may).min(1);
        }
        self.stale = false;
    }

    /// Unmapped, or taken from its vCPU: nothing of it counts that was.
    pub(crate) fn forget(&mut self, listed: bool) {
        self.must = 0;
        self.may = [0; 8];
        self.stale = listed;
        self.astray = false;
    }
}
