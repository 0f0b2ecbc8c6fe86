// SPDX-License-Identifier: GPL-2.0

//! vCPUs and their interrupts: the queues, words and gates of the kernel's own files, in a model
//! of what C does around them (`arch/arm64/kvm/arm.c`, `virt/kvm/kvm_main.c`), with its barriers.
//!
//! What C does is marked with where it does it; the letters are those of
//! Documentation/virt/kvm/arm/rust/vgic-concurrency.rst.

// The crate of the host's tests and that of loom's each use a part.
#![allow(dead_code)]

use crate::gic::{
    atomic_word::AtomicWord,
    entry::{Done, Returned},
    gate::Gate,
    list_register::Intid,
    lpi::{Place, Properties},
    priority::Priority,
    queue::{OwnerKey, Queue, Settled},
    transition::{self, Delivery},
    word::{IrqWord, Kind, Life, Source, VcpuIdx},
};
use crate::imp::{
    atomic::{
        fence, AtomicU32,
        Ordering::{self, *},
    },
    smp_mb, thread, Bracket, Mutex,
};
use crate::leaves::SomeLpis;

// vcpu->mode
const OUTSIDE: u32 = 0;
const IN: u32 = 1;
const EXITING: u32 = 2;

// vcpu->requests
const IRQ_PENDING: u32 = 1;
const UPDATE: u32 = 2;

/// What a vCPU shares with others.
pub(crate) struct Vcpu {
    pub(crate) queue: Queue,
    lpis: SomeLpis,
    gate: Gate,
    mode: AtomicU32,
    requests: AtomicU32,
    /// In kvm_vcpu_block(), or on the way there.
    blocked: AtomicU32,
    /// Woken from there, to see whether it has reason to leave.
    woken: AtomicU32,
    /// Open from flush to sync.
    lrs: Bracket,
}

/// What only its own thread has.
pub(crate) struct Own {
    pub(crate) vcpu: usize,
    key: OwnerKey,
    lrs: Vec<Intid>,
    /// Not all that was in its queue went into these.
    unlisted: bool,
    /// The guest has interrupts masked.
    pub(crate) masked: bool,
    /// It took what its list registers held.
    taken: bool,
    /// A signal is pending.
    pub(crate) signal: bool,
    /// In a guest of the guest: its own interrupts only take it out of there, if they are seen
    /// before it goes in.
    pub(crate) nested: bool,
    /// Its VMM does not run it.
    pub(crate) off: bool,
    /// What interrupt handlers of the guest have found of the injectors' data.
    pub(crate) seen: [bool; DATA],
    /// LPIs that its guest has taken, and their lives.
    pub(crate) lives: Vec<(Intid, Life)>,
}

pub(crate) const DATA: usize = 3;

pub(crate) struct Machine {
    pub(crate) vcpus: Vec<Vcpu>,
    irqs: Vec<(Intid, AtomicWord)>,
    /// A claim goes to where it should be as soon as somebody sees that it is not, unless a list
    /// register holds the interrupt. Otherwise only the vCPU that has it moves it.
    at_once: bool,
    /// What an edge announces.
    data: [AtomicU32; DATA],
    /// kvm->arch.config_lock
    config: Mutex<()>,
    /// LPIs that something has made pending, and in which of their lives. It orders nothing.
    sent: std::sync::Mutex<Vec<(Intid, Life)>>,
}

/// What must follow a change of a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Nothing,
    Kick(VcpuIdx),
    Push(VcpuIdx),
}

fn index(vcpu: usize) -> VcpuIdx {
    VcpuIdx::new(vcpu as u32).unwrap()
}

/// Enabled, an edge, for that vCPU.
pub(crate) fn edge(vcpu: usize) -> IrqWord {
    IrqWord::RESET
        .with(IrqWord::Enabled)
        .with(IrqWord::Edge)
        .with_target(Some(index(vcpu)))
}

/// An LPI that is mapped, enabled, for that vCPU, in its first life.
pub(crate) fn lpi(vcpu: usize) -> IrqWord {
    IrqWord::UNMAPPED
        .map_lpi(Some(index(vcpu)), PROPERTIES, false)
        .0
}

/// Enabled.
const PROPERTIES: Properties = Properties::of(0xa1);

/// Enabled, level-triggered, for that vCPU.
pub(crate) fn level(vcpu: usize) -> IrqWord {
    edge(vcpu).without(IrqWord::Edge)
}

impl Vcpu {
    pub(crate) fn push(&self, intid: Intid) {
        self.queue.push(intid, &self.lpis);
    }

    pub(crate) fn queued(&self) -> impl Iterator<Item = Intid> + '_ {
        self.queue.iter(&self.lpis)
    }

    /// A store. As an exchange, for loom does not order a store after a compare-exchange that read
    /// what the same thread stored before.
    fn set_mode(&self, mode: u32, order: Ordering) {
        self.mode.swap(mode, order);
    }

    /// kvm_make_request()
    fn request(&self, request: u32) {
        fence(Release);
        self.requests.fetch_or(request, Relaxed);
    }

    /// kvm_vcpu_wake_up()
    fn wake(&self) {
        smp_mb();
        if self.blocked.load(Relaxed) != 0 {
            self.woken.store(1, Relaxed);
        }
    }

    /// kvm_vcpu_exiting_guest_mode(), and the IPI: a vCPU that is made EXITING leaves the guest.
    fn exiting_guest_mode(&self) {
        smp_mb();
        let _ = self.mode.compare_exchange(IN, EXITING, Relaxed, Relaxed);
    }

    /// kvm_make_request(), kvm_vcpu_kick()
    fn notify(&self) {
        self.request(IRQ_PENDING);
        self.wake();
        self.exiting_guest_mode();
    }

    /// kvm_check_request()
    fn check_request(&self, request: u32) -> bool {
        if self.requests.load(Relaxed) & request == 0 {
            return false;
        }
        self.requests.fetch_and(!request, Relaxed);
        smp_mb();
        true
    }
}

impl Machine {
    /// vCPUs and interrupts in these states.
    pub(crate) fn new(vcpus: usize, at_once: bool, irqs: &[(u32, IrqWord)]) -> (Self, Vec<Own>) {
        let leaves: Vec<_> = irqs
            .iter()
            .filter_map(|&(intid, _)| Some(Place::of(Intid(intid))?.leaf))
            .collect();
        let (vcpus, own) = (0..vcpus)
            .map(|vcpu| {
                let (queue, key) = Queue::new(index(vcpu));
                let shared = Vcpu {
                    queue,
                    lpis: SomeLpis::new(&leaves),
                    gate: Gate::new(),
                    mode: AtomicU32::new(OUTSIDE),
                    requests: AtomicU32::new(0),
                    blocked: AtomicU32::new(0),
                    woken: AtomicU32::new(0),
                    lrs: Bracket::new(),
                };
                let own = Own {
                    vcpu,
                    key,
                    lrs: Vec::new(),
                    masked: false,
                    taken: false,
                    signal: false,
                    nested: false,
                    off: false,
                    seen: [false; DATA],
                    unlisted: true,
                    lives: Vec::new(),
                };

                (shared, own)
            })
            .unzip();
        let machine = Self {
            vcpus,
            at_once,
            irqs: irqs
                .iter()
                .map(|&(intid, word)| (Intid(intid), AtomicWord::new(word)))
                .collect(),
            data: core::array::from_fn(|_| AtomicU32::new(0)),
            config: Mutex::new(()),
            sent: std::sync::Mutex::default(),
        };

        (machine, own)
    }

    pub(crate) fn word(&self, intid: Intid) -> Option<&AtomicWord> {
        self.irqs
            .iter()
            .find(|(known, _)| *known == intid)
            .map(|(_, word)| word)
    }

    fn vcpu(&self, vcpu: VcpuIdx) -> &Vcpu {
        &self.vcpus[vcpu.get()]
    }

    /// A word with its claim, if it is to have one, and what has to be done.
    fn claim(&self, word: IrqWord) -> (IrqWord, Action) {
        let held = word.has(IrqWord::OnLr) || word.has(IrqWord::Active);

        match (word.destination(true), word.queued()) {
            (None, _) => (word, Action::Nothing),
            (Some(to), Some(at)) if to == at || held || !self.at_once => (word, Action::Kick(at)),
            (Some(to), _) => (word.with_queued(Some(to)), Action::Push(to)),
        }
    }

    fn act(&self, intid: Intid, action: Action) {
        match action {
            Action::Nothing => (),
            Action::Kick(vcpu) => self.vcpu(vcpu).notify(),
            Action::Push(vcpu) => {
                self.vcpu(vcpu).push(intid);
                self.vcpu(vcpu).notify();
            }
        }
    }

    // -- what any thread may do

    /// An edge, which announces data.
    pub(crate) fn inject_edge(&self, intid: u32, data: usize) {
        let intid = Intid(intid);

        self.data[data].store(1, Relaxed);
        let action = self
            .word(intid)
            .unwrap()
            .update(|word| self.claim(word.with(IrqWord::Latch)));
        self.act(intid, action);
    }

    /// The level of a line.
    pub(crate) fn set_line(&self, intid: u32, high: bool) {
        let intid = Intid(intid);
        let action = self.word(intid).unwrap().update_relaxed(|word| {
            if word.has(IrqWord::Line) == high {
                (word, Action::Nothing)
            } else if high {
                self.claim(word.with(IrqWord::Line))
            } else {
                (word.without(IrqWord::Line), Action::Nothing)
            }
        });
        self.act(intid, action);
    }

    /// GICD_ISENABLER, GICD_ICENABLER
    pub(crate) fn set_enabled(&self, intid: u32, on: bool) {
        let intid = Intid(intid);
        let action = self.word(intid).unwrap().update(|word| {
            if on {
                self.claim(word.with(IrqWord::Enabled))
            } else {
                (word.without(IrqWord::Enabled), Action::Nothing)
            }
        });
        self.act(intid, action);
    }

    /// GICD_IROUTER
    pub(crate) fn retarget(&self, intid: u32, vcpu: usize) {
        let intid = Intid(intid);
        let action = self
            .word(intid)
            .unwrap()
            .update(|word| self.claim(word.with_target(Some(index(vcpu)))));
        self.act(intid, action);
    }

    // -- LPIs, by the kernel's own transitions

    fn deliver(&self, intid: Intid, action: transition::Action) {
        self.act(
            intid,
            match action.delivery {
                Delivery::Nothing => Action::Nothing,
                Delivery::Kick(vcpu) => Action::Kick(vcpu),
                Delivery::Queue(vcpu) | Delivery::Requeue(vcpu) => Action::Push(vcpu),
            },
        );
    }

    /// Maps an LPI, which is not mapped and not pending.
    pub(crate) fn map(&self, intid: u32, vcpu: usize) -> Life {
        let intid = Intid(intid);
        let (life, action) = self
            .word(intid)
            .unwrap()
            .update(|word| word.map_lpi(Some(index(vcpu)), PROPERTIES, false))
            .expect("not mapped");

        self.deliver(intid, action);
        life
    }

    /// Unmaps it.
    pub(crate) fn unmap(&self, intid: u32) {
        let intid = Intid(intid);

        self.deliver(intid, self.word(intid).unwrap().update(IrqWord::bury));
    }

    /// A message for an LPI in a life of it.
    pub(crate) fn send(&self, intid: u32, life: Life) {
        let intid = Intid(intid);

        self.sent.lock().unwrap().push((intid, life));

        let action = self.word(intid).unwrap().update(|word| word.pulse_of(life));

        self.deliver(intid, action);
    }

    /// The same; it announces data.
    pub(crate) fn send_data(&self, intid: u32, life: Life, data: usize) {
        self.data[data].store(1, Relaxed);
        self.send(intid, life);
    }

    /// Moves an LPI, if it is mapped.
    pub(crate) fn move_lpi(&self, intid: u32, vcpu: usize) {
        let intid = Intid(intid);
        let action = self
            .word(intid)
            .unwrap()
            .update(|word| word.retarget_lpi(Some(index(vcpu))));

        self.deliver(intid, action);
    }

    /// A vCPU takes no LPIs any more. It need not be stopped.
    pub(crate) fn retire(&self, vcpu: usize) {
        for intid in self.vcpus[vcpu].queued() {
            let action = self
                .word(intid)
                .unwrap()
                .update(|word| word.retire(index(vcpu)));

            self.deliver(intid, action);
        }
    }

    /// A request and a kick.
    pub(crate) fn kick(&self, vcpu: usize) {
        self.vcpus[vcpu].notify();
    }

    /// Changes something of a vCPU that is stopped. The lock is not held for as long as the gate
    /// is closed, so that gates overlap. Gives up after so many looks at the vCPU.
    pub(crate) fn stop(&self, vcpu: usize, looks: usize) {
        let vcpu = &self.vcpus[vcpu];

        vcpu.gate.close();
        // kvm_make_vcpus_request_mask(KVM_REQUEST_NO_WAKEUP)
        vcpu.request(UPDATE);
        vcpu.exiting_guest_mode();
        for _ in 0..looks {
            if vcpu.mode.load(Acquire) == OUTSIDE {
                let config = self.config.lock().unwrap();

                vcpu.lrs.enter();
                vcpu.lrs.leave();
                drop(config);
                break;
            }
            thread::yield_now();
        }
        // The vCPU does not sleep for it, and a barrier in waking it would hide what is missing.
        let _ = vcpu.gate.open();
    }

    // -- what a vCPU's own thread does

    /// Out of the guest, if it is in it, and in again. False if requests kept it from that.
    pub(crate) fn run(&self, own: &mut Own) -> bool {
        let vcpu = &self.vcpus[own.vcpu];

        self.leave(own);
        // check_vcpu_requests(); v0
        vcpu.check_request(IRQ_PENDING);
        if vcpu.check_request(UPDATE) {
            self.process_async_update(own);
        }
        // kvm_nested_flush_hwstate()
        let stays_nested = own.nested && !self.pending(own.vcpu);

        // v1, v2: smp_store_mb(), with interrupts off
        vcpu.set_mode(IN, Relaxed);
        smp_mb();
        // v3: kvm_vcpu_exit_request()
        if vcpu.requests.load(Relaxed) != 0 {
            vcpu.set_mode(OUTSIDE, Release);
            return false;
        }
        self.flush(own, stays_nested);
        self.guest(own);
        true
    }

    /// Out of the guest, if it is in it.
    pub(crate) fn leave(&self, own: &mut Own) {
        let vcpu = &self.vcpus[own.vcpu];

        if vcpu.mode.load(Relaxed) != OUTSIDE {
            self.sync(own);
            vcpu.set_mode(OUTSIDE, Release);
        }
    }

    /// kvm_vgic_process_async_update()
    fn process_async_update(&self, own: &mut Own) {
        let vcpu = &self.vcpus[own.vcpu];

        while vcpu.gate.is_closed() {
            if own.signal {
                vcpu.request(UPDATE);
                return;
            }
            thread::yield_now();
        }
        self.prune(own);
    }

    /// v4
    fn flush(&self, own: &mut Own, stays_nested: bool) {
        let vcpu = &self.vcpus[own.vcpu];
        let here = Some(index(own.vcpu));

        vcpu.lrs.enter();
        if stays_nested || vcpu.queue.is_empty() {
            return;
        }
        own.unlisted = false;
        for intid in vcpu.queued() {
            let taken = self.word(intid).unwrap().update_relaxed(|word| {
                if word.queued() == here
                    && word.has(IrqWord::Enabled)
                    && word.is_pending()
                    && !word.has(IrqWord::Active)
                {
                    assert!(!word.has(IrqWord::OnLr), "in two list registers");
                    let life = word.life();

                    (word.with(IrqWord::OnLr).without(IrqWord::Latch), Some(life))
                } else {
                    (word, None)
                }
            });
            if let Some(life) = taken {
                own.lrs.push(intid);
                if !own.masked && intid.is_lpi() {
                    own.lives.push((intid, life));
                }
            } else {
                own.unlisted = true;
            }
        }
        own.unlisted |= own.lrs.is_empty();
    }

    /// Takes what it is shown: acknowledges it, looks at the devices, deactivates it.
    fn guest(&self, own: &mut Own) {
        own.taken = !own.masked;
        if own.masked || own.lrs.is_empty() {
            return;
        }
        for (seen, data) in own.seen.iter_mut().zip(&self.data) {
            *seen |= data.load(Relaxed) != 0;
        }
    }

    fn sync(&self, own: &mut Own) {
        let vcpu = &self.vcpus[own.vcpu];

        for intid in core::mem::take(&mut own.lrs) {
            let back = Returned {
                pending: !own.taken,
                active: false,
                source: Source::ZERO,
                ended: false,
            };
            let state = self.word(intid).unwrap();
            let word = state.read();
            let done = (!back.pending).then(|| word.done(index(own.vcpu)));
            let finished = match done.flatten() {
                Some(Done::Gone(gone)) => own
                    .key
                    .owner(&vcpu.queue, &vcpu.lpis)
                    .release(intid, state, word, gone),
                Some(Done::Stays(stays)) => state.replace(word, stays),
                None => false,
            };

            if finished {
                continue;
            }
            let _ = state.update_relaxed(|word| word.fold(Kind::new(intid, None), back, || false));
            let settled = own
                .key
                .owner(&vcpu.queue, &vcpu.lpis)
                .settle(intid, state, true);
            self.settled(intid, settled);
        }
        if own.unlisted && !vcpu.queue.is_empty() {
            self.prune(own);
        }
        vcpu.lrs.leave();
    }

    fn prune(&self, own: &mut Own) {
        let vcpu = &self.vcpus[own.vcpu];

        own.key.owner(&vcpu.queue, &vcpu.lpis).prune(
            true,
            |intid| self.word(intid),
            |intid, settled| self.settled(intid, settled),
        );
    }

    fn settled(&self, intid: Intid, settled: Settled) {
        if let Settled::Moved(vcpu) = settled {
            self.act(intid, Action::Push(vcpu));
        }
    }

    /// kvm_vgic_vcpu_pending_irq()
    fn pending(&self, vcpu: usize) -> bool {
        !self.vcpus[vcpu].queue.is_empty()
            && self.vcpus[vcpu].queued().any(|intid| {
                let word = self.word(intid).unwrap().read();

                if self.at_once {
                    return word.wakes(index(vcpu), Priority::IDLE);
                }
                word.queued() == Some(index(vcpu))
                    && word.has(IrqWord::Enabled)
                    && word.is_pending()
            })
    }

    /// WFI: out of the guest, then kvm_vcpu_check_block() after set_current_state().
    pub(crate) fn block(&self, own: &mut Own) {
        let vcpu = &self.vcpus[own.vcpu];

        self.leave(own);
        vcpu.blocked.store(1, Relaxed);
        smp_mb();
        if self.pending(own.vcpu) {
            vcpu.blocked.store(0, Relaxed);
        }
    }

    // -- afterwards, when no other thread runs

    /// Lets those vCPUs run that have a reason to: not one that sleeps, nor one that is in the
    /// guest and has not been kicked out. Then checks that all is where it should be.
    pub(crate) fn finish(&self, own: &mut [Own]) {
        for own in &mut *own {
            own.masked = false;
            own.signal = false;
        }
        for _ in 0..10 {
            for own in &mut *own {
                let vcpu = &self.vcpus[own.vcpu];

                if own.off || vcpu.mode.load(Relaxed) == IN {
                    continue;
                }
                if vcpu.blocked.load(Relaxed) != 0 {
                    if vcpu.woken.load(Relaxed) == 0 || !self.pending(own.vcpu) {
                        continue;
                    }
                    vcpu.blocked.store(0, Relaxed);
                }
                self.run(own);
            }
        }
        for (intid, word) in &self.irqs {
            let word = word.read();

            if let Some(vcpu) = word.queued() {
                assert!(
                    self.vcpu(vcpu).queued().any(|known| known == *intid),
                    "a claim without a bit: {intid:?}"
                );
            }
            if word.destination(true).is_some() {
                assert!(word.queued().is_some(), "no claim: {intid:?}");
                assert!(
                    word.has(IrqWord::OnLr),
                    "a wake-up is lost: {intid:?} of {:?}",
                    word.queued()
                );
            }
        }
    }

    /// After that: an edge was seen by an interrupt handler that saw what it announced, and no LPI
    /// was taken that nobody has sent.
    pub(crate) fn assert_seen(&self, own: &[Own]) {
        for (index, data) in self.data.iter().enumerate() {
            assert!(
                data.load(Relaxed) == 0 || own.iter().any(|own| own.seen[index]),
                "an edge is lost: {index}"
            );
        }
        for taken in own.iter().flat_map(|own| &own.lives) {
            assert!(
                self.sent.lock().unwrap().contains(taken),
                "not sent: {taken:?}"
            );
        }
    }

    /// A vCPU sleeps from the start.
    pub(crate) fn sleeps(&self, vcpu: usize) {
        self.vcpus[vcpu].blocked.store(1, Relaxed);
    }
}
