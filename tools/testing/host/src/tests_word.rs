// SPDX-License-Identifier: GPL-2.0

//! What devices, registers and the VMM do to an interrupt, against what IHI 0069, IHI 0048 and
//! KVM's documentation of its devices say of it, in plain fields.

use crate::{
    edges::config,
    gic::{
        atomic_word::AtomicWord,
        list_register::Intid,
        lpi::Properties,
        priority::{Group, Priority},
        queue::{Queue, Settled},
        transition::{Action, Delivery, Edit, Listed, Physical, Writer},
        word::{IrqWord, Kind, Life, Trigger},
    },
    irq_model::{any_irq, any_kind, any_kind_and_irq, source, vcpu, Irq},
    leaves::NoLpis,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Op {
    Inject(bool),
    Pulse,
    RestoreLine(bool),
    Send(bool),
    SendFrom(BTreeSet<u32>),
    NotFrom(BTreeSet<u32>),
    Enable(Writer, bool),
    Disable,
    SetPending(Writer),
    ClearPending(Writer),
    Active(bool, Writer),
    Retarget(Option<u32>),
    Configure(Trigger),
    Prioritize(u8),
    Regroup(Group),
    Map(bool),
    Unmap,
    ResetMapped,
    Bury,
    MapLpi(Option<u32>, u8, bool),
    PulseOf(u8),
    ConfigureLpi(u8),
    RetargetLpi(Option<u32>),
    MoveLpi(u32, u32),
    Retire(u32),
}

fn writer() -> impl Strategy<Value = Writer> {
    prop_oneof![Just(Writer::Guest), Just(Writer::Vmm)]
}

/// As many that are implemented as others.
fn any_priority() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), (0u8..32).prop_map(|priority| priority << 3)]
}

fn senders() -> impl Strategy<Value = BTreeSet<u32>> {
    proptest::collection::btree_set(0u32..8, 0..4)
}

fn target() -> impl Strategy<Value = Option<u32>> {
    proptest::option::of(0u32..4)
}

fn op() -> impl Strategy<Value = Op> {
    let group = prop_oneof![Just(Group::Zero), Just(Group::One)];
    let trigger = prop_oneof![Just(Trigger::Level), Just(Trigger::Edge)];

    prop_oneof![
        any::<bool>().prop_map(Op::Inject),
        Just(Op::Pulse),
        any::<bool>().prop_map(Op::RestoreLine),
        any::<bool>().prop_map(Op::Send),
        senders().prop_map(Op::SendFrom),
        senders().prop_map(Op::NotFrom),
        (writer(), any::<bool>()).prop_map(|(by, level)| Op::Enable(by, level)),
        Just(Op::Disable),
        writer().prop_map(Op::SetPending),
        writer().prop_map(Op::ClearPending),
        (any::<bool>(), writer()).prop_map(|(on, by)| Op::Active(on, by)),
        target().prop_map(Op::Retarget),
        trigger.prop_map(Op::Configure),
        any::<u8>().prop_map(Op::Prioritize),
        group.prop_map(Op::Regroup),
        any::<bool>().prop_map(Op::Map),
        Just(Op::Unmap),
        Just(Op::ResetMapped),
        Just(Op::Bury),
        (target(), any::<u8>(), any::<bool>()).prop_map(|(to, byte, on)| Op::MapLpi(to, byte, on)),
        (0u8..16).prop_map(Op::PulseOf),
        any::<u8>().prop_map(Op::ConfigureLpi),
        target().prop_map(Op::RetargetLpi),
        (0u32..3, 0u32..3).prop_map(|(from, to)| Op::MoveLpi(from, to)),
        (0u32..3).prop_map(Op::Retire),
    ]
}

fn bits(set: &BTreeSet<u32>) -> u8 {
    set.iter().fold(0, |bits, s| bits | 1 << s)
}

fn to_group1(group: Group) -> bool {
    group == Group::One
}

/// Whether an operation is one of the kind's.
fn applies(op: &Op, kind: Kind) -> bool {
    let line = matches!(kind, Kind::Ppi | Kind::Spi);
    let lpi = kind == Kind::Lpi;

    match op {
        Op::Inject(_) | Op::RestoreLine(_) | Op::Map(_) | Op::Unmap | Op::ResetMapped => line,
        Op::Pulse | Op::Bury | Op::MapLpi(..) | Op::PulseOf(_) | Op::ConfigureLpi(_) => lpi,
        Op::RetargetLpi(_) | Op::MoveLpi(..) | Op::Retire(_) => lpi,
        Op::Send(_) => kind == Kind::Sgi,
        Op::SendFrom(_) | Op::NotFrom(_) => matches!(kind, Kind::SourcedSgi(_)),
        // The type of SGIs and LPIs is fixed.
        Op::Configure(_) => line,
        // No register of the distributor has bits of LPIs.
        _ => !lpi,
    }
}

/// What the word does.
fn change(word: IrqWord, op: &Op, kind: Kind) -> (IrqWord, Result<Action, Listed>) {
    let (word, action) = match op {
        Op::Inject(level) => word.inject(*level),
        Op::Pulse => word.pulse(),
        Op::RestoreLine(level) => word.restore_line(*level),
        Op::Send(group1) => word.send(*group1),
        Op::SendFrom(set) => word.send_from(bits(set)),
        Op::NotFrom(set) => word.not_from(bits(set)),
        Op::Enable(by, level) => word.enable(*by, || *level),
        Op::Disable => word.disable(),
        Op::SetPending(by) => word.set_pending(kind, *by),
        Op::ClearPending(by) => word.clear_pending(kind, *by),
        Op::Active(on, by) => return word.change_active(*on, kind, *by),
        Op::Retarget(to) => word.retarget(to.map(vcpu)),
        Op::Configure(trigger) => word.configure(*trigger),
        Op::Prioritize(priority) => word.prioritize(*priority),
        Op::Regroup(group) => word.regroup(*group),
        Op::Map(by_software) => (word.map(*by_software), Action::NOTHING),
        Op::Unmap => (word.unmap(), Action::NOTHING),
        Op::ResetMapped => (word.reset_mapped(), Action::NOTHING),
        Op::Bury => word.bury(),
        Op::MapLpi(to, byte, pending) => {
            let (word, mapped) = word.map_lpi(to.map(vcpu), Properties::of(*byte), *pending);
            let action = mapped.map_or(Action::NOTHING, |(life, action)| {
                assert_eq!(life, word.life());
                action
            });

            (word, action)
        }
        Op::PulseOf(life) => word.pulse_of(Life::wrapping(u64::from(*life))),
        Op::ConfigureLpi(byte) => word.configure_lpi(Properties::of(*byte)),
        Op::RetargetLpi(to) => word.retarget_lpi(to.map(vcpu)),
        Op::MoveLpi(from, to) => word.move_lpi(vcpu(*from), vcpu(*to)),
        Op::Retire(at) => word.retire(vcpu(*at)),
    };

    (word, Ok(action))
}

/// What may have become pending, or of another vCPU, so that somebody has to be told.
#[derive(PartialEq)]
enum Tell {
    Nobody,
    WhoHasToKnow,
    /// Who has it in a list register, that is, there is something to put right there; otherwise
    /// as before.
    WhoHasItListed,
    /// The same, but nobody otherwise.
    OnlyWhoHasItListed,
}

impl Irq {
    /// IHI 0069, "LPI Configuration tables".
    fn set_properties(&mut self, byte: u8) {
        self.enabled = byte % 2 == 1;
        self.priority = byte / 4 * 4;
    }

    fn set_senders(&mut self, senders: BTreeSet<u32>) {
        self.latch = !senders.is_empty();
        self.senders = senders;
    }

    /// What should happen, but for delivery. None: not before the list registers have given the
    /// interrupt back.
    fn apply(&mut self, op: &Op, kind: Kind) -> Option<(Tell, Physical)> {
        let guest = |by: &Writer| *by == Writer::Guest;
        let mut physical = Physical::Nothing;
        let own = match kind {
            Kind::SourcedSgi(own) => Some(u32::from(own.get())),
            _ => None,
        };

        let tell = match op {
            Op::Inject(level) => {
                let news = if self.edge {
                    *level
                } else {
                    *level && !self.line
                };

                self.line = *level;
                self.latch |= self.edge && *level;
                if news {
                    Tell::WhoHasToKnow
                } else {
                    Tell::Nobody
                }
            }
            Op::RestoreLine(level) => {
                self.line = *level;
                Tell::WhoHasToKnow
            }
            Op::Pulse if self.dead => Tell::Nobody,
            Op::Pulse => {
                self.latch = true;
                Tell::WhoHasToKnow
            }
            // ICC_SGI0R_EL1 makes group 0 interrupts only.
            Op::Send(to_group1) if self.group1 && !to_group1 => Tell::Nobody,
            Op::Send(_) => {
                self.latch = true;
                Tell::WhoHasToKnow
            }
            Op::SendFrom(set) => {
                self.set_senders(self.senders.union(set).copied().collect());
                if set.is_empty() {
                    Tell::Nobody
                } else {
                    Tell::WhoHasToKnow
                }
            }
            Op::NotFrom(set) => {
                self.set_senders(self.senders.difference(set).copied().collect());
                Tell::Nobody
            }
            Op::Enable(by, level) => {
                self.enabled = true;
                if guest(by) && self.mapped && !self.edge {
                    // Nobody has looked at the line meanwhile. If it has fallen, the physical
                    // interrupt, which has been taken at its rise, is not taken any more.
                    if self.line && !level && !self.active {
                        physical = Physical::Deactivate;
                    }
                    self.line = *level;
                }
                Tell::WhoHasToKnow
            }
            Op::Disable => {
                self.enabled = false;
                Tell::OnlyWhoHasItListed
            }
            // IHI 0048: the SGI bits of GICD_ISPENDR and GICD_ICPENDR are read-only.
            Op::SetPending(by) | Op::ClearPending(by) if own.is_some() && guest(by) => Tell::Nobody,
            Op::SetPending(by) => {
                match own {
                    Some(own) => {
                        self.set_senders(self.senders.iter().copied().chain([own]).collect())
                    }
                    None => self.latch = true,
                }
                if guest(by) && self.mapped {
                    physical = Physical::Activate;
                }
                Tell::WhoHasToKnow
            }
            Op::ClearPending(by) => {
                self.set_senders(BTreeSet::new());
                if guest(by) && self.mapped {
                    physical = if self.active {
                        Physical::ClearPending
                    } else {
                        Physical::ClearPendingAndActive
                    };
                }
                Tell::Nobody
            }
            Op::Active(..) if self.listed => return None,
            Op::Active(_, by) if self.mapped && !guest(by) => Tell::Nobody,
            Op::Active(true, _) if kind == Kind::Lpi => Tell::Nobody,
            Op::Active(on, by) => {
                self.active = *on;
                if let (true, Some(own)) = (on, own) {
                    self.active_sender = if guest(by) { own } else { 0 };
                }
                if self.mapped {
                    physical = if *on {
                        Physical::Activate
                    } else {
                        Physical::Deactivate
                    };
                }
                Tell::WhoHasToKnow
            }
            Op::Retarget(to) => {
                self.target = *to;
                Tell::WhoHasItListed
            }
            Op::Configure(trigger) => {
                self.edge = *trigger == Trigger::Edge;
                Tell::WhoHasItListed
            }
            Op::Prioritize(priority) => {
                // 32 levels.
                self.priority = priority / 8 * 8;
                Tell::WhoHasItListed
            }
            Op::Regroup(group) => {
                self.group1 = to_group1(*group);
                Tell::WhoHasItListed
            }
            Op::Map(by_software) => {
                (self.mapped, self.by_software) = (true, *by_software);
                Tell::Nobody
            }
            Op::Unmap => {
                (self.mapped, self.by_software) = (false, false);
                Tell::Nobody
            }
            Op::ResetMapped => {
                if self.mapped {
                    (self.active, self.latch, self.line) = (false, false, false);
                }
                Tell::Nobody
            }
            // An LPI is mapped by one event, and is nothing while it is not.
            Op::MapLpi(..) if !self.dead => Tell::Nobody,
            Op::Bury | Op::ConfigureLpi(_) | Op::RetargetLpi(_) | Op::MoveLpi(..) if self.dead => {
                Tell::Nobody
            }
            Op::MapLpi(to, byte, pending) => {
                *self = Irq {
                    edge: true,
                    latch: *pending,
                    group1: true,
                    target: *to,
                    // It has to come out of there first.
                    queue: self.queue,
                    listed: self.listed,
                    stale: self.listed,
                    life: (self.life + 1) % 16,
                    ..Irq::of(IrqWord::ZERO)
                };
                self.set_properties(*byte);
                Tell::WhoHasItListed
            }
            Op::PulseOf(life) if self.dead || self.life != *life => Tell::Nobody,
            Op::PulseOf(_) => {
                self.latch = true;
                Tell::WhoHasToKnow
            }
            Op::ConfigureLpi(byte) => {
                self.set_properties(*byte);
                Tell::WhoHasItListed
            }
            Op::RetargetLpi(to) => {
                self.target = *to;
                Tell::WhoHasItListed
            }
            Op::MoveLpi(from, to) if self.target == Some(*from) => {
                self.target = Some(*to);
                Tell::WhoHasItListed
            }
            Op::Retire(at) if self.queue == Some(*at) && self.target == Some(*at) => {
                self.latch = false;
                self.stale = self.listed;
                Tell::WhoHasItListed
            }
            Op::MoveLpi(..) | Op::Retire(_) => Tell::Nobody,
            Op::Bury => {
                self.stale = self.listed;
                (self.dead, self.latch, self.line, self.enabled) = (true, false, false, false);
                self.target = None;
                Tell::OnlyWhoHasItListed
            }
        };

        Some((tell, physical))
    }

    /// Who is told, and with that whose queue has it.
    fn tell(&mut self, tell: Tell) -> Delivery {
        let kick = |number| Delivery::Kick(vcpu(number));

        let listed = self.queue.filter(|_| self.listed);

        match (tell, self.belongs_to(), self.queue) {
            (Tell::WhoHasItListed | Tell::OnlyWhoHasItListed, ..) if listed.is_some() => {
                listed.map_or(Delivery::Nothing, kick)
            }
            (Tell::Nobody | Tell::OnlyWhoHasItListed, ..) | (_, None, _) => Delivery::Nothing,
            (_, Some(to), None) => {
                self.queue = Some(to);
                Delivery::Queue(vcpu(to))
            }
            (_, Some(to), Some(at)) if to == at => kick(at),
            // It can't leave the list register by itself.
            (_, Some(_), Some(at)) if self.listed => kick(at),
            (_, Some(to), Some(_)) => {
                self.queue = Some(to);
                Delivery::Requeue(vcpu(to))
            }
        }
    }
}

fn op_on_irq() -> impl Strategy<Value = (Kind, Irq, Op)> {
    any_kind().prop_flat_map(|kind| {
        let op = op().prop_filter("of the kind", move |op| applies(op, kind));

        (Just(kind), any_irq(kind), op)
    })
}

proptest! {
    #![proptest_config(config(5_000))]

    #[test]
    fn each_change_is_what_the_specification_says((kind, irq, op) in op_on_irq()) {
        let mut expected = irq.clone();
        let answer = match expected.apply(&op, kind) {
            Some((tell, physical)) => {
                let delivery = expected.tell(tell);
                Ok(Action { physical, delivery })
            }
            None => Err(Listed(vcpu(irq.queue.unwrap()))),
        };
        let (word, got) = change(irq.word(), &op, kind);

        prop_assert_eq!(Irq::of(word), expected);
        prop_assert_eq!(got, answer);
    }

    /// The test for "nothing to do" is right: nothing would be done.
    #[test]
    fn what_is_ignored_changes_nothing(
        irq in prop_oneof![any_irq(Kind::Ppi), any_irq(Kind::Spi)],
        level in any::<bool>(),
    ) {
        let word = irq.word();
        let (after, action) = word.inject(level);

        if word.ignores(level) {
            prop_assert_eq!(after, word);
            prop_assert_eq!(action, Action::NOTHING);
        } else if irq.edge && level {
            prop_assert!(after.has(IrqWord::Latch));
        } else {
            prop_assert_ne!(after, word);
        }
    }

    /// So is the one for user space's: of an interrupt that is queued as it has to be.
    #[test]
    fn what_is_so_already_is_not_changed(
        (kind, irq) in any_kind_and_irq(),
        edit in prop_oneof![
            any::<bool>().prop_map(|one| Edit::Group(if one { Group::One } else { Group::Zero })),
            Just(Edit::Enable),
            Just(Edit::Disable),
            Just(Edit::Pend),
            Just(Edit::Unpend),
            any_priority().prop_map(Edit::Prioritize),
            any::<bool>().prop_map(|edge| {
                Edit::Configure(if edge { Trigger::Edge } else { Trigger::Level })
            }),
            any::<bool>().prop_map(Edit::Line),
            target().prop_map(|to| Edit::Retarget(to.map(vcpu))),
        ],
    ) {
        let word = irq.word();
        // No word has any other.
        let priority = Priority::implemented(word.priority().0);
        let (word, _) = word.put(IrqWord::Prio, priority.0.into()).deliver();
        let (after, action) = word.edit(edit, kind, Writer::Vmm, || false);

        if edit.is_in(word) {
            prop_assert_eq!(after, word);
            prop_assert_eq!(action.physical, Physical::Nothing);
            prop_assert!(!matches!(action.delivery, Delivery::Queue(_) | Delivery::Requeue(_)));
        }
    }

    /// Whatever happens, what belongs to somebody is claimed, and who claims it anew is told.
    #[test]
    fn nothing_is_forgotten((kind, irq, op) in op_on_irq()) {
        // Before, too.
        let (before, _) = irq.word().deliver();
        let (after, action) = change(before, &op, kind);
        let Ok(action) = action else { return Ok(()); };
        let after_irq = Irq::of(after);
        let told = match action.delivery {
            Delivery::Nothing => None,
            Delivery::Kick(v) | Delivery::Queue(v) | Delivery::Requeue(v) => Some(v),
        };

        if let Some(owner) = after_irq.belongs_to() {
            prop_assert!(after.queued().is_some());
            if after.queued() != Some(vcpu(owner)) {
                prop_assert!(after_irq.listed, "left in a queue where it can't be taken from");
            }
            if after.queued() != before.queued() {
                prop_assert_eq!(told, after.queued());
            }
            if Irq::of(before).belongs_to() != Some(owner) {
                prop_assert_eq!(told, after.queued(), "{:?}", op);
            }
        }
    }

    #[test]
    fn pruning_keeps_what_belongs((_, irq) in any_kind_and_irq(), at in 0u32..3) {
        const INTID: Intid = Intid(40);

        let irq = Irq { listed: false, stale: false, ..irq };
        let word = AtomicWord::new(irq.word());
        let (queue, mut key) = Queue::new(vcpu(at));

        queue.push(INTID, &NoLpis);

        let what = key.owner(&queue, &NoLpis).settle(INTID, &word, true);
        let expected = match (irq.queue, irq.belongs_to()) {
            (Some(queue), _) if queue != at => (Settled::Stray, irq.queue),
            (None, _) => (Settled::Stray, None),
            (_, None) => (Settled::Gone, None),
            (_, Some(to)) if to == at => (Settled::Stays, Some(at)),
            (_, Some(to)) => (Settled::Moved(vcpu(to)), Some(to)),
        };

        prop_assert_eq!(what, expected.0);
        prop_assert_eq!(Irq::of(word.read()), Irq { queue: expected.1, ..irq });
        prop_assert_eq!(queue.iter(&NoLpis).eq([INTID]), what == Settled::Stays);
        prop_assert_eq!(queue.is_empty(), what != Settled::Stays);
    }

    /// A vCPU sleeps through what its CPU interface would not signal.
    #[test]
    fn sleepers_wake_for_what_is_signalled((_, irq) in any_kind_and_irq(), mask in any::<u8>()) {
        let signalled = irq.enabled && irq.pending() && !irq.active && irq.priority < mask;

        for number in 0..3 {
            let wakes = irq.word().wakes(vcpu(number), Priority(mask));

            prop_assert_eq!(
                wakes,
                signalled && irq.target == Some(number) && !irq.dead && !irq.direct
            );
        }
    }

    #[test]
    fn words_hold_what_is_put_in((_, irq) in any_kind_and_irq()) {
        prop_assert_eq!(&Irq::of(irq.word()), &irq);
        prop_assert_eq!(irq.word().target(), irq.target.map(vcpu));
        prop_assert_eq!(irq.word().queued(), irq.queue.map(vcpu));
        prop_assert_eq!(irq.word().is_pending(), irq.pending());
        prop_assert_eq!(irq.word().listed(), irq.queue.filter(|_| irq.listed).map(vcpu));
        // A distributor that is off forwards nothing, but what is active is.
        let active = irq.belongs_to().filter(|_| irq.active);
        prop_assert_eq!(irq.word().destination(false), active.map(vcpu));
    }
}

/// A line that falls while its interrupt is configured as an edge does not read as pending later;
/// one that rises meanwhile does.
#[test]
fn lines_are_kept_while_edge_triggered() {
    let spi = IrqWord::initial(Kind::Spi, Group::One, Some(vcpu(0))).without(IrqWord::Edge);
    let high = spi.inject(true).0.configure(Trigger::Edge).0;

    assert!(!high.is_pending());
    assert!(!high
        .inject(false)
        .0
        .configure(Trigger::Level)
        .0
        .is_pending());

    let enabled = spi
        .configure(Trigger::Edge)
        .0
        .enable(Writer::Guest, || unreachable!())
        .0;
    let risen = enabled
        .inject(true)
        .0
        .clear_pending(Kind::Spi, Writer::Guest)
        .0;
    let (word, action) = risen.with_queued(None).configure(Trigger::Level);
    assert!(word.is_pending());
    assert_eq!(action.delivery, Delivery::Queue(vcpu(0)));
}

/// What is pending while nobody wants it is delivered once somebody does.
#[test]
fn pending_before_enabled() {
    let spi = IrqWord::initial(Kind::Spi, Group::One, Some(vcpu(1))).without(IrqWord::Edge);
    let (word, action) = spi.inject(true);

    assert_eq!(action, Action::NOTHING);
    let (word, action) = word.enable(Writer::Guest, || unreachable!("not mapped"));
    assert_eq!(action.delivery, Delivery::Queue(vcpu(1)));
    assert_eq!(word.queued(), Some(vcpu(1)));
}

#[test]
fn kinds_by_number() {
    for (intid, kind) in [
        (0, Kind::Sgi),
        (15, Kind::Sgi),
        (16, Kind::Ppi),
        (31, Kind::Ppi),
        (32, Kind::Spi),
        (1019, Kind::Spi),
        (8192, Kind::Lpi),
        (u32::MAX, Kind::Lpi),
    ] {
        assert_eq!(Kind::new(Intid(intid), None), kind);
        let sourced = Kind::new(Intid(intid), Some(source(3)));
        if intid < 16 {
            assert_eq!(sourced, Kind::SourcedSgi(source(3)));
        } else {
            assert_eq!(sourced, kind);
        }
    }
}

/// IHI 0069: SGIs and LPIs are edge-triggered; KVM: so are SPIs until the guest says otherwise, and
/// SGIs are enabled from the start.
#[test]
fn initial_states() {
    for (kind, edge, enabled) in [
        (Kind::SourcedSgi(source(0)), true, true),
        (Kind::Sgi, true, true),
        (Kind::Ppi, false, false),
        (Kind::Spi, true, false),
        (Kind::Lpi, true, false),
    ] {
        for group in [Group::Zero, Group::One] {
            let expected = Irq {
                edge,
                enabled,
                group1: to_group1(group),
                target: Some(2),
                queue: None,
                ..Irq::of(IrqWord::ZERO)
            };

            assert_eq!(
                Irq::of(IrqWord::initial(kind, group, Some(vcpu(2)))),
                expected
            );
        }
    }
}
