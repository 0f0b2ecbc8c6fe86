// SPDX-License-Identifier: GPL-2.0

//! A small machine for the life of interrupts: the list registers and CPU interfaces of IHI 0069
//! and IHI 0048, physical interrupts behind virtual ones, and KVM's part around the words, one
//! thing at a time. Beside each word stands what the architecture says of the interrupt.

use crate::{
    gic::{
        entry::{Entry, Identity, Returned},
        hcr::HcrKey,
        list_register::Intid,
        priority::{Group, Priority},
        select::{Capacity, Ended, Selection, View},
        transition::{Action, Delivery, Listed, Physical},
        word::{IrqWord, Kind, VcpuIdx},
    },
    irq_model::{source, vcpu, Irq},
    irq_spec::{Handled, Register, Spec},
};
use std::collections::BTreeSet;

pub(crate) const MASK: Priority = Priority(0xff);

/// A vCPU in the guest.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) registers: Vec<(usize, Register)>,
    pub(crate) hcr: u64,
    pub(crate) counted: u32,
    /// The hardware calls.
    pub(crate) calls: bool,
}

impl Guest {
    pub(crate) fn hcr(&self, bit: u32) -> bool {
        self.hcr >> bit & 1 == 1
    }

    /// UIE and NPIE.
    pub(crate) fn look(&mut self) {
        let states = self.registers.iter().map(|(_, r)| r.state());
        let valid = states.clone().filter(|s| *s != (false, false)).count();
        let pending = states.filter(|(pending, _)| *pending).count();

        self.calls |= (self.hcr(1) && valid <= 1) || (self.hcr(3) && pending == 0);
    }
}

#[derive(Debug, Default)]
pub(crate) struct Vcpu {
    queue: BTreeSet<usize>,
    /// Not all that was in it went into list registers.
    unlisted: bool,
    pub(crate) kicked: bool,
    pub(crate) asleep: bool,
    pub(crate) off: bool,
    pub(crate) group0: bool,
    pub(crate) group1: bool,
    pub(crate) guest: Option<Guest>,
    /// Acknowledged, innermost last; and those whose priority was dropped.
    pub(crate) stack: Vec<Handled>,
    pub(crate) dropped: Vec<Handled>,
}

impl Vcpu {
    fn new() -> Self {
        Self {
            group0: true,
            group1: true,
            ..Self::default()
        }
    }
}

pub(crate) struct Machine {
    pub(crate) irqs: Vec<(Spec, IrqWord)>,
    pub(crate) vcpus: Vec<Vcpu>,
    pub(crate) forwarding: bool,
    /// A GICv2's list registers.
    hardware_v2: bool,
    /// Ends and deactivations are separate.
    pub(crate) separate: bool,
    registers: u32,
    /// SPIs in queues.
    spis: i32,
}

impl Machine {
    /// With vCPUs, and nothing else.
    pub(crate) fn new(vcpus: u32, registers: u32, hardware_v2: bool, separate: bool) -> Self {
        Self {
            irqs: Vec::new(),
            vcpus: (0..vcpus).map(|_| Vcpu::new()).collect(),
            forwarding: true,
            hardware_v2,
            separate,
            registers,
            spis: 0,
        }
    }

    fn identity(&self, irq: usize) -> Identity {
        let spec = &self.irqs[irq].0;

        Identity {
            intid: Intid(spec.intid),
            sourced: spec.kind.has_sources(),
            physical: 300 + irq as u32,
        }
    }

    fn view(&self, v: u32) -> View {
        let of = &self.vcpus[v as usize];

        View {
            vcpu: vcpu(v),
            forwarding: self.forwarding,
            group0: of.group0,
            group1: of.group1,
        }
    }

    pub(crate) fn in_guest(&self, v: u32) -> bool {
        self.vcpus[v as usize].guest.is_some()
    }

    /// Whether the hardware has called.
    pub(crate) fn calls(&self, v: u32) -> bool {
        self.vcpus[v as usize]
            .guest
            .as_ref()
            .is_some_and(|g| g.calls)
    }

    pub(crate) fn is_listed(&self, irq: usize) -> bool {
        self.irqs[irq].1.listed().is_some()
    }

    /// KVM's part of a change.
    pub(crate) fn update(&mut self, irq: usize, change: impl Fn(IrqWord) -> (IrqWord, Action)) {
        let (word, action) = change(self.irqs[irq].1);

        self.irqs[irq].1 = word;
        self.act(irq, action);
    }

    fn act(&mut self, irq: usize, action: Action) {
        self.physical(irq, action.physical);
        match action.delivery {
            Delivery::Nothing => (),
            Delivery::Kick(to) => {
                assert!(
                    self.vcpus[to.get()].queue.contains(&irq),
                    "kicked for nothing"
                );
                self.vcpus[to.get()].kicked = true;
            }
            Delivery::Queue(to) => {
                self.count_spi(irq, 1);
                self.push(irq, to.get());
            }
            Delivery::Requeue(to) => self.push(irq, to.get()),
        }
    }

    fn push(&mut self, irq: usize, to: usize) {
        self.vcpus[to].queue.insert(irq);
        self.vcpus[to].kicked = true;
    }

    fn count_spi(&mut self, irq: usize, by: i32) {
        if self.irqs[irq].0.kind == Kind::Spi {
            self.spis += by;
            if self.spis == 1 && by == 1 {
                // Deactivation has to trap everywhere from now on.
                self.vcpus.iter_mut().for_each(|of| of.kicked = true);
            }
        }
    }

    fn physical(&mut self, irq: usize, op: Physical) {
        let spec = &mut self.irqs[irq].0;

        match op {
            Physical::Nothing | Physical::ClearPending => (),
            Physical::Activate => spec.physical_active = true,
            Physical::Deactivate | Physical::ClearPendingAndActive | Physical::End => {
                spec.physical_active = false;
            }
        }
        assert!(spec.mapped || op == Physical::Nothing);
    }

    /// Physical interrupts interrupt the host, which leaves them active.
    pub(crate) fn fire(&mut self) {
        while let Some(irq) = self
            .irqs
            .iter()
            .position(|(s, _)| s.mapped && s.physical_level && !s.physical_active)
        {
            let at = self.irqs[irq].0.target.unwrap();

            self.leave(at);
            self.irqs[irq].0.physical_active = true;
            self.update(irq, |word| word.inject(true));
        }
    }

    fn wakes(&self, v: u32) -> bool {
        let queue = &self.vcpus[v as usize].queue;

        self.forwarding
            && queue
                .iter()
                .any(|irq| self.irqs[*irq].1.wakes(vcpu(v), MASK))
    }

    /// Whether it sleeps, and nobody wants it not to.
    pub(crate) fn is_idle(&self, v: u32) -> bool {
        let of = &self.vcpus[v as usize];

        of.asleep && !of.kicked
    }

    /// Waits for an interrupt, with none at hand.
    pub(crate) fn sleep(&mut self, v: u32) {
        let of = &self.vcpus[v as usize];

        if !of.stack.is_empty() || !of.dropped.is_empty() {
            return;
        }
        self.exit(v);
        self.vcpus[v as usize].asleep = !self.wakes(v);
    }

    /// Into the guest, if there is nothing against it.
    pub(crate) fn enter(&mut self, v: u32) {
        let wakes = self.wakes(v);
        let of = &mut self.vcpus[v as usize];

        if of.off || of.guest.is_some() {
            return;
        }
        of.asleep &= !(of.kicked && wakes);
        of.kicked = false;
        if of.asleep {
            return;
        }

        let (view, capacity) = (self.view(v), Capacity::of(self.registers));
        let mut selection = Selection::new(view, capacity);
        for irq in &self.vcpus[v as usize].queue {
            let (spec, word) = &self.irqs[*irq];
            selection.offer(Intid(spec.intid), *word, *irq);
        }
        let mut registers = Vec::new();
        let chosen: Vec<usize> = selection.iter().collect();
        for irq in chosen {
            let which = self.identity(irq);
            let (word, entry) = self.irqs[irq].1.list(which, vcpu(v), self.forwarding);
            self.irqs[irq].1 = word;
            self.irqs[irq].0.listed_life = self.irqs[irq].0.life;
            registers.push((irq, self.register(entry.expect("chosen"))));
        }
        let of = &mut self.vcpus[v as usize];
        of.unlisted = registers.len() != of.queue.len();

        let key = HcrKey::new(selection.summary(), capacity, view, self.spis != 0);
        let hcr = if self.hardware_v2 {
            // Without a trap of its own deactivation always traps there.
            key.v2().into_raw() | 1 << 14
        } else {
            key.v3(true).into_raw()
        };
        let mut guest = Guest {
            registers,
            hcr,
            counted: 0,
            calls: false,
        };
        self.check_entry(v, &guest);
        guest.look();
        assert!(!guest.calls, "it would never run");
        self.vcpus[v as usize].guest = Some(guest);
    }

    fn register(&self, entry: Entry) -> Register {
        if self.hardware_v2 {
            Register::V2(entry.v3().into())
        } else {
            Register::V3(entry.v3())
        }
    }

    pub(crate) fn group_is_enabled(&self, v: u32, group1: bool) -> bool {
        let of = &self.vcpus[v as usize];

        if group1 {
            of.group1
        } else {
            of.group0
        }
    }

    /// Whether the vCPU has to be told of the interrupt.
    fn must_see(&self, v: u32, spec: &Spec) -> bool {
        self.forwarding
            && spec.enabled
            && spec.active.is_none()
            && spec.target == Some(v)
            && spec.is_pending()
    }

    /// What is in the list registers is right, and the best there is.
    fn check_entry(&self, v: u32, guest: &Guest) {
        assert!(guest.registers.len() <= self.registers as usize);
        let elsewhere = |irq| {
            self.vcpus
                .iter()
                .filter_map(|of| of.guest.as_ref())
                .any(|other| other.registers.iter().any(|(at, _)| *at == irq))
        };

        for (irq, register) in &guest.registers {
            let spec = &self.irqs[*irq].0;
            let (pending, active) = register.state();

            assert!(!elsewhere(*irq), "in two list registers: {spec:?}");
            assert_eq!(register.priority(), spec.priority);
            assert_eq!(active, spec.active == Some(v), "{spec:?}");
            if pending {
                assert!(
                    spec.enabled && self.forwarding && spec.target == Some(v),
                    "{spec:?}"
                );
                assert!(active || spec.may_be_pending(register.sender()), "{spec:?}");
            }
        }
        for (irq, (spec, _)) in self.irqs.iter().enumerate() {
            let listed = guest.registers.iter().find(|(at, _)| *at == irq);

            if listed.is_none() && spec.active == Some(v) {
                // The end of this one is only counted, or its deactivation traps.
                assert!(guest.hcr(2) && guest.hcr(14), "{spec:?}");
            }
            if !self.must_see(v, spec) {
                continue;
            }
            if listed.is_none() && self.is_on_its_way(irq) {
                continue;
            }
            assert!(!elsewhere(irq), "nobody will send it: {spec:?}");
            match listed {
                Some((_, register)) => assert!(register.state().0, "not shown: {spec:?}"),
                None => self.check_left_out(v, guest, spec),
            }
        }
    }

    fn check_left_out(&self, v: u32, guest: &Guest, left: &Spec) {
        let enabled = self.group_is_enabled(v, left.group1);

        assert_eq!(
            guest.registers.len(),
            self.registers as usize,
            "left out: {left:?}"
        );
        assert!(guest.hcr(1) || self.registers == 1, "no UIE");
        for (_, register) in &guest.registers {
            let others = self.group_is_enabled(v, register.group1());
            let better = register.state() == (true, false) && register.priority() <= left.priority;

            assert!(
                others > enabled || (others == enabled && better),
                "left out: {left:?}"
            );
        }
        assert!(guest.hcr(3) || !enabled, "no NPIE");
    }

    /// The interrupts of a vCPU's queue.
    pub(crate) fn queued(&self, v: u32) -> Vec<usize> {
        self.vcpus[v as usize].queue.iter().copied().collect()
    }

    /// Out of the guest, if it is there.
    pub(crate) fn exit(&mut self, v: u32) {
        self.leave(v);
        self.fire();
    }

    fn leave(&mut self, v: u32) {
        let Some(guest) = self.vcpus[v as usize].guest.take() else {
            return;
        };

        self.end_counted(v, guest.counted);
        for (irq, register) in guest.registers {
            let (spec, word) = &mut self.irqs[irq];
            let back = match register {
                Register::V3(lr) => Returned::from(lr),
                Register::V2(lr) => Returned::from(lr),
            };
            let level = spec.physical_level;
            spec.told += u32::from(back.ended && word.is_reported_at_end(spec.kind));
            let (new, physical) = word.fold(spec.kind, back, || level);

            *word = new;
            self.physical(irq, physical);
            self.settle(v, irq);
        }
        if guest.counted != 0 || self.vcpus[v as usize].unlisted {
            self.prune(v);
        }
        self.check_exit();
    }

    fn end_counted(&mut self, v: u32, count: u32) {
        let mut ended = Ended::new(self.view(v), count);

        for irq in &self.vcpus[v as usize].queue {
            let (spec, word) = &self.irqs[*irq];
            ended.offer(Intid(spec.intid), *word, *irq);
        }
        let ended: Vec<usize> = ended.iter().collect();
        assert_eq!(ended.len(), count as usize);
        for irq in ended {
            self.deactivate_word(irq, None).expect("not listed");
        }
    }

    /// KVM's part of a deactivation.
    pub(crate) fn deactivate_word(
        &mut self,
        irq: usize,
        sender: Option<u32>,
    ) -> Result<(), Listed> {
        let (spec, word) = &mut self.irqs[irq];
        let level = spec.physical_level;
        spec.told += u32::from(word.is_deactivation_reported(spec.kind));
        let (new, got) = word.deactivate(spec.kind, sender.map(source), || level);

        *word = new;
        let action = got?;
        self.act(irq, action);
        Ok(())
    }

    pub(crate) fn prune(&mut self, v: u32) {
        if self.in_guest(v) {
            return;
        }
        for irq in self.vcpus[v as usize].queue.clone() {
            self.settle(v, irq);
        }
    }

    /// Lets go of an interrupt that is not the vCPU's any more.
    fn settle(&mut self, v: u32, irq: usize) {
        if prune(self.irqs[irq].1, vcpu(v)).1 == Prune::Stay {
            return;
        }
        self.vcpus[v as usize].queue.remove(&irq);
        let (word, what) = prune(self.irqs[irq].1, vcpu(v));
        self.irqs[irq].1 = word;
        match what {
            Prune::Stay => unreachable!("nobody else is here"),
            Prune::Drop => self.count_spi(irq, -1),
            Prune::Move(to) => self.push(irq, to.get()),
            Prune::Stray => (),
        }
    }

    pub(crate) fn check_exit(&self) {
        let mut spis = 0;

        for (irq, (spec, word)) in self.irqs.iter().enumerate() {
            let now = Irq::of(*word);

            if let Some(queue) = now.queue {
                assert!(
                    self.vcpus[queue as usize].queue.contains(&irq),
                    "claim without a bit"
                );
                spis += i32::from(spec.kind == Kind::Spi);
            }
            if now.listed {
                let at = &self.vcpus[now.queue.unwrap() as usize];
                assert!(at.guest.is_some(), "listed nowhere: {spec:?}");
                continue;
            }
            if self
                .vcpus
                .iter()
                .any(|of| of.guest.as_ref().is_some_and(|g| g.counted != 0))
            {
                // It may be one of those.
                continue;
            }
            assert_eq!(now.active, spec.active.is_some(), "{spec:?} {now:?}");
            assert_eq!(spec.told, spec.ended, "ends untold: {spec:?}");
            if spec.mapped && spec.physical_active {
                // Or nobody would ever hear of it again.
                assert!(
                    now.active || now.line || now.latch,
                    "stuck: {spec:?} {now:?}"
                );
            }
            assert_eq!(now.dead, spec.kind == Kind::Lpi && !spec.alive);
            assert!(!now.stale, "stale without a list register: {spec:?}");
            if now.belongs_to().is_some() {
                assert!(now.queue.is_some(), "forgotten: {spec:?}");
            }
        }
        assert_eq!(spis, self.spis);
    }

    /// Whether the vCPU that has it is in the guest and about to leave, to pass it on.
    fn is_on_its_way(&self, irq: usize) -> bool {
        self.irqs[irq].1.queued().is_some_and(|at| {
            let of = &self.vcpus[at.get()];

            of.guest.as_ref().is_some_and(|g| g.calls || of.kicked)
        })
    }

    /// Nobody sleeps through what he has to be told.
    pub(crate) fn check_sleepers(&self) {
        for (v, of) in self.vcpus.iter().enumerate() {
            if !of.asleep || of.kicked || of.off {
                continue;
            }
            for (irq, (spec, _)) in self.irqs.iter().enumerate() {
                let sent = self.is_on_its_way(irq);

                assert!(
                    sent || !self.must_see(v as u32, spec),
                    "slept through: {spec:?}"
                );
            }
        }
    }

    /// Writes GICD_ISACTIVER or GICD_ICACTIVER.
    pub(crate) fn change_active(&mut self, irq: usize, on: bool) {
        use crate::gic::transition::Writer::Guest;
        let kind = self.irqs[irq].0.kind;

        if let Some(at) = self.irqs[irq].1.holder() {
            self.exit(at.get() as u32);
        }
        let (word, got) = self.irqs[irq].1.change_active(on, kind, Guest);
        self.irqs[irq].1 = word;
        self.act(irq, got.expect("given back"));
    }

    /// An interrupt of a kind, as it is when the machine is made.
    pub(crate) fn add(&mut self, kind: Kind, intid: u32, target: u32, group1: bool) -> &mut Spec {
        let group = if group1 { Group::One } else { Group::Zero };
        let word = IrqWord::initial(kind, group, Some(vcpu(target)));

        self.irqs
            .push((Spec::new(kind, intid, target, group1, &Irq::of(word)), word));
        &mut self.irqs.last_mut().unwrap().0
    }
}

/// What becomes of an interrupt in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prune {
    /// It belongs there.
    Stay,
    /// It was claimed there, and is nobody's now.
    Drop,
    /// It was claimed there, and is the other vCPU's now.
    Move(VcpuIdx),
    /// There was no claim: another vCPU's queue has it, or none.
    Stray,
}

/// As the owner of a queue does it (`gic/queue.rs`), in one step.
fn prune(word: IrqWord, vcpu: VcpuIdx) -> (IrqWord, Prune) {
    if word.queued() != Some(vcpu) {
        return (word, Prune::Stray);
    }
    match word.destination(true) {
        Some(to) if to == vcpu => (word, Prune::Stay),
        Some(to) => (word.with_queued(Some(to)), Prune::Move(to)),
        None => (word.with_queued(None), Prune::Drop),
    }
}
