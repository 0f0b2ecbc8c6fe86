// SPDX-License-Identifier: GPL-2.0

//! A VM's GIC put together of the pure modules, as `vgic/` does it with the kernel's objects: one
//! thing at a time, without locks. What is checked are the modules; what is policy of `vgic/` is
//! here a second time, and as short as it can be.

use crate::{
    gic::{
        atomic_word::AtomicWord,
        distributor::Control,
        entry::{Done, Entry as Listing, Identity, Returned},
        hcr::HcrKey,
        list_register::{GichListRegister, Intid, ListRegister},
        priority::{Group, Priority},
        queue::{self, OwnerKey, Queue, Settled},
        select::{Capacity, Ended, Selection, View},
        transition::{Action, Delivery, Physical},
        word::{IrqWord, Kind, Source, VcpuIdx},
    },
    leaves::SomeLpis,
    vm_its::Its,
};
use gic_model::{Config, Entry, LrFormat};

/// The leaf that the LPIs are of.
const LEAVES: [usize; 1] = [0];

pub(crate) fn index(vcpu: u32) -> VcpuIdx {
    VcpuIdx::new(vcpu).expect("a vCPU")
}

struct Vcpu {
    private: Vec<AtomicWord>,
    queue: Queue,
    key: OwnerKey,
    lpis: SomeLpis,
    /// Something is in the queue that did not go into a list register; or there were too many.
    unlisted: bool,
    crowded: bool,
}

/// The VM.
pub(crate) struct Vm {
    pub(crate) config: Config,
    vcpus: Vec<Vcpu>,
    spis: Vec<AtomicWord>,
    pub(crate) routes: Vec<u32>,
    pub(crate) lpis: Vec<AtomicWord>,
    pub(crate) control: Control,
    pub(crate) its: Its,
    /// SPIs in queues.
    queued: i32,
    /// Who was kicked, since somebody has asked.
    kicks: u32,
}

impl Vm {
    pub(crate) fn new(config: Config) -> Self {
        let group = if config.v2 { Group::Zero } else { Group::One };
        let vcpu = |v| {
            let (queue, key) = Queue::new(index(v));
            let word = |intid| {
                let kind = kind(config, v, Intid(intid));

                AtomicWord::new(IrqWord::initial(kind, group, Some(index(v))))
            };

            Vcpu {
                private: (0..32).map(word).collect(),
                queue,
                key,
                lpis: SomeLpis::new(&LEAVES),
                unlisted: false,
                crowded: false,
            }
        };
        let spi = |_| AtomicWord::new(IrqWord::initial(Kind::Spi, group, Some(index(0))));

        Self {
            config,
            vcpus: (0..config.vcpus).map(vcpu).collect(),
            spis: (32..config.irqs).map(spi).collect(),
            routes: (32..config.irqs).map(|_| u32::from(config.v2)).collect(),
            lpis: (0..config.lpis)
                .map(|_| AtomicWord::new(IrqWord::UNMAPPED))
                .collect(),
            control: Control {
                enabled: false,
                direct_sgis: false,
            },
            its: Its::new(config),
            queued: 0,
            kicks: 0,
        }
    }

    /// Who was kicked since the last time.
    pub(crate) fn take_kicks(&mut self) -> u32 {
        core::mem::take(&mut self.kicks)
    }

    pub(crate) fn kind(&self, vcpu: u32, intid: Intid) -> Kind {
        kind(self.config, vcpu, intid)
    }

    pub(crate) fn word(&self, vcpu: u32, intid: Intid) -> Option<&AtomicWord> {
        match intid.0 {
            0..32 => self.vcpus[vcpu as usize].private.get(intid.0 as usize),
            8192.. => self.lpis.get(intid.0 as usize - 8192),
            spi => self.spis.get(spi as usize - 32),
        }
    }

    /// A change, and what follows.
    pub(crate) fn change(
        &mut self,
        vcpu: u32,
        intid: Intid,
        change: impl Fn(IrqWord, Kind) -> (IrqWord, Action),
    ) {
        let kind = self.kind(vcpu, intid);

        if let Some(word) = self.word(vcpu, intid) {
            let action = word.update(|word| change(word, kind));
            self.act(intid, action);
        }
    }

    pub(crate) fn act(&mut self, intid: Intid, action: Action) {
        assert_eq!(action.physical, Physical::Nothing);
        match action.delivery {
            Delivery::Nothing => (),
            Delivery::Kick(to) => self.kick(to),
            Delivery::Queue(to) => {
                self.count(intid, 1);
                self.push(intid, to);
            }
            Delivery::Requeue(to) => self.push(intid, to),
        }
    }

    pub(crate) fn kick(&mut self, vcpu: VcpuIdx) {
        self.kicks |= 1 << vcpu.get();
    }

    fn push(&mut self, intid: Intid, to: VcpuIdx) {
        let vcpu = &self.vcpus[to.get()];

        vcpu.queue.push(intid, &vcpu.lpis);
        self.kick(to);
    }

    /// With the first SPI in any queue deactivations have to trap everywhere.
    fn count(&mut self, intid: Intid, by: i32) {
        if !intid.is_spi() {
            return;
        }
        self.queued += by;
        assert!(self.queued >= 0);
        if (self.queued, by) == (1, 1) {
            self.kicks |= (1 << self.config.vcpus) - 1;
        }
    }

    pub(crate) fn queued(&self, vcpu: u32) -> Vec<Intid> {
        let of = &self.vcpus[vcpu as usize];

        of.queue.iter(&of.lpis).collect()
    }

    /// Has interrupts forwarded or not.
    pub(crate) fn forward(&mut self, to: Control) {
        let before = self.control.enabled;

        self.control = to;
        if before || !to.enabled {
            return;
        }
        for v in 0..self.config.vcpus {
            if !self.vcpus[v as usize].queue.is_empty() {
                self.kick(index(v));
            }
        }
    }

    fn view(&self, vcpu: u32, (group0, group1): (bool, bool)) -> View {
        View {
            vcpu: index(vcpu),
            forwarding: self.control.enabled,
            group0,
            group1,
        }
    }

    fn capacity(&self) -> Capacity {
        Capacity::of(self.config.lrs)
    }

    /// Fills list registers.
    pub(crate) fn enter(&mut self, vcpu: u32, groups: (bool, bool)) -> Entry {
        let view = self.view(vcpu, groups);
        let spis = self.queued != 0;

        if self.vcpus[vcpu as usize].queue.is_empty() {
            return self.entry(Vec::new(), HcrKey::fitting(groups, spis, false));
        }
        if !self.vcpus[vcpu as usize].crowded {
            match self.fill(view) {
                Ok(lrs) => {
                    let sgis = lrs.first().is_some_and(|lr| lr.intid.is_sgi());

                    return self.entry(lrs, HcrKey::fitting(groups, spis, sgis));
                }
                Err(lrs) => self.take_back(vcpu, &lrs),
            }
        }
        let capacity = self.capacity();
        let mut selection = Selection::new(view, capacity);

        for intid in self.queued(vcpu) {
            if let Some(word) = self.word(vcpu, intid) {
                selection.offer(intid, word.read(), intid);
            }
        }
        let lrs = selection
            .iter()
            .filter_map(|intid| self.list(view, intid))
            .collect();
        let all = selection.summary();
        let of = &mut self.vcpus[vcpu as usize];

        of.unlisted = true;
        of.crowded = all.all() > capacity.get();
        self.entry(lrs, HcrKey::new(all, capacity, view, spis))
    }

    fn entry(&self, lrs: Vec<Listing>, key: HcrKey) -> Entry {
        let hcr = match self.config.format {
            // Without a trap of its own deactivation always traps there.
            LrFormat::V2 => key.v2().into_raw() | 1 << 14,
            LrFormat::V3 => key.v3(true).into_raw(),
        };
        let raw = |lr: Listing| match self.config.format {
            LrFormat::V2 => GichListRegister::from(lr.v3()).into_raw(),
            LrFormat::V3 => lr.v3().into_raw(),
        };

        Entry {
            hcr,
            lrs: lrs.into_iter().map(raw).collect(),
        }
    }

    fn list(&self, view: View, intid: Intid) -> Option<Listing> {
        let vcpu = view.vcpu.get() as u32;
        let which = Identity {
            intid,
            sourced: self.kind(vcpu, intid).has_sources(),
            physical: 0,
        };

        let state = self.word(vcpu, intid)?;
        let before = state.read();
        let listed = state.update_relaxed(|word| word.list(which, view.vcpu, view.forwarding));

        if view.forwarding && !which.sourced {
            // The short way, where it is one.
            if let Some((word, lr)) = before.list_pending(intid, 0, view.vcpu) {
                assert_eq!(word, state.read());
                assert_eq!(Some(lr), listed.map(Listing::v3));
            }
        }
        listed
    }

    /// As they come, or what was listed until there was no room.
    fn fill(&mut self, view: View) -> Result<Vec<Listing>, Vec<Listing>> {
        let vcpu = view.vcpu.get() as u32;
        let capacity = self.capacity().get() as usize;
        let mut lrs = Vec::new();
        let mut unlisted = false;

        for intid in self.queued(vcpu) {
            let word = self.word(vcpu, intid).expect("queued").read();

            if lrs.len() == capacity && view.shows(word) {
                return Err(lrs);
            }
            match self.list(view, intid) {
                Some(lr) => lrs.push(lr),
                None => unlisted = true,
            }
        }
        self.vcpus[vcpu as usize].unlisted = unlisted || lrs.is_empty();
        Ok(lrs)
    }

    fn take_back(&self, vcpu: u32, lrs: &[Listing]) {
        for lr in lrs {
            let sourced = self.kind(vcpu, lr.intid).has_sources();
            let back = Returned::from(lr.v3());

            self.word(vcpu, lr.intid)
                .expect("listed")
                .update_relaxed(|word| (word.unlist(sourced, back), ()));
        }
    }

    /// Takes what the guest has made of them.
    pub(crate) fn leave(&mut self, vcpu: u32, groups: (bool, bool), lrs: &[u64], counted: u32) {
        let mut ended = Ended::new(self.view(vcpu, groups), counted);

        for intid in self.queued(vcpu) {
            if let Some(word) = self.word(vcpu, intid) {
                ended.offer(intid, word.read(), intid);
            }
        }
        for raw in lrs {
            self.fold(vcpu, *raw);
        }
        for intid in ended.iter() {
            self.deactivate(vcpu, intid, None);
        }
        if counted != 0 || self.vcpus[vcpu as usize].unlisted {
            self.prune(vcpu);
        }
    }

    fn fold(&mut self, vcpu: u32, raw: u64) {
        let (intid, back) = match self.config.format {
            LrFormat::V2 => {
                let lr = GichListRegister::from_raw(raw);

                (raw as u32 & 0x3ff, Returned::from(lr))
            }
            LrFormat::V3 => {
                let lr = ListRegister::from_raw(raw);
                let mask = if self.config.v2 { 0x3ff } else { u32::MAX };

                (lr.intid().0 & mask, Returned::from(lr))
            }
        };
        let (intid, kind) = (Intid(intid), self.kind(vcpu, Intid(intid)));
        if !back.pending && !back.active && self.finish(vcpu, intid) {
            return;
        }
        let word = self.word(vcpu, intid).expect("listed");
        let physical = word.update_relaxed(|word| word.fold(kind, back, || false));

        assert_eq!(physical, Physical::Nothing);
        self.settle(vcpu, intid);
    }

    /// A deactivation that no list register has seen.
    pub(crate) fn deactivate(&mut self, vcpu: u32, intid: Intid, sender: Option<u32>) {
        let kind = self.kind(vcpu, intid);
        let source = sender.and_then(Source::new);
        let Some(word) = self.word(vcpu, intid) else {
            return;
        };
        let done = word.update(|word| word.deactivate(kind, source, || false));

        self.act(intid, done.expect("all have left"));
    }

    /// The vCPU's right to remove, and the state of an interrupt that it has.
    fn owned(&mut self, vcpu: u32, intid: Intid) -> (queue::Owner<'_, SomeLpis>, &AtomicWord) {
        let of = &mut self.vcpus[vcpu as usize];
        let word = match intid.0 {
            0..32 => &of.private[intid.0 as usize],
            8192.. => &self.lpis[intid.0 as usize - 8192],
            spi => &self.spis[spi as usize - 32],
        };

        (of.key.owner(&of.queue, &of.lpis), word)
    }

    /// Folds and settles at once, if that is all.
    fn finish(&mut self, vcpu: u32, intid: Intid) -> bool {
        let (mut owner, word) = self.owned(vcpu, intid);
        let before = word.read();

        match before.done(index(vcpu)) {
            Some(Done::Gone(gone)) => {
                assert!(owner.release(intid, word, before, gone));
                self.count(intid, -1);
                true
            }
            Some(Done::Stays(stays)) => word.replace(before, stays),
            None => false,
        }
    }

    fn settle(&mut self, vcpu: u32, intid: Intid) {
        let (mut owner, word) = self.owned(vcpu, intid);
        let settled = owner.settle(intid, word, true);

        match settled {
            Settled::Gone => self.count(intid, -1),
            Settled::Moved(to) => self.push(intid, to),
            Settled::Stays | Settled::Stray => (),
        }
    }

    pub(crate) fn prune(&mut self, vcpu: u32) {
        for intid in self.queued(vcpu) {
            self.settle(vcpu, intid);
        }
        let of = &mut self.vcpus[vcpu as usize];

        if self.config.lpis != 0 || of.queue.iter(&of.lpis).next().is_none() {
            // With nothing in it, its leaves are tidied.
            let none = |_| None;

            if of.queue.iter(&of.lpis).next().is_none() {
                of.key
                    .owner(&of.queue, &of.lpis)
                    .prune(true, none, |_, _| ());
            }
        }
    }

    /// Whether a vCPU with that mask has anything to wake up for.
    pub(crate) fn is_pending(&self, vcpu: u32, mask: u8) -> bool {
        self.control.enabled
            && self.queued(vcpu).into_iter().any(|intid| {
                self.word(vcpu, intid)
                    .is_some_and(|word| word.read().wakes(index(vcpu), Priority(mask)))
            })
    }
}

fn kind(config: Config, vcpu: u32, intid: Intid) -> Kind {
    Kind::new(intid, Source::new(vcpu).filter(|_| config.v2))
}
