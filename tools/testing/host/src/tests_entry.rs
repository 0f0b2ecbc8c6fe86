// SPDX-License-Identifier: GPL-2.0

//! Interrupts in list registers, against what IHI 0069 and IHI 0048 say that those do.

use crate::{
    edges::config,
    gic::{
        entry::{Done, Entry, Identity, Returned},
        list_register::{GichListRegister, Intid, ListRegister},
        lpi::Properties,
        priority::{Group, Priority},
        transition::{Action, Delivery, Listed, Physical},
        word::{IrqWord, Kind},
    },
    irq_model::{any_irq, any_kind, any_kind_and_irq, intid_of, source, vcpu, Irq},
};
use proptest::prelude::*;
use std::cell::Cell;

const PHYSICAL: u32 = 27;

/// As a GICv2 has it.
fn v2(entry: Entry) -> GichListRegister {
    entry.v3().into()
}

fn identity(kind: Kind) -> Identity {
    Identity {
        intid: intid_of(kind),
        sourced: kind.has_sources(),
        physical: PHYSICAL,
    }
}

fn no_line() -> bool {
    panic!("nobody may ask for the line")
}

/// A state that is ready for the list registers of vCPU 0.
fn listable() -> impl Strategy<Value = (Kind, Irq)> {
    any_kind().prop_flat_map(|kind| {
        let irq = (any_irq(kind), any::<bool>()).prop_map(move |(irq, active)| {
            let active = (active || irq.target != Some(0)) && kind != Kind::Lpi;
            let pending = irq.pending() || active || !irq.edge;

            Irq {
                queue: Some(0),
                target: if active { irq.target } else { Some(0) },
                active,
                enabled: irq.enabled || !active,
                latch: irq.latch || !pending,
                line: irq.line || (!irq.edge && !active && !irq.latch),
                senders: match kind {
                    Kind::SourcedSgi(_) if !pending => [6].into(),
                    _ => irq.senders.clone(),
                },
                listed: false,
                direct: false,
                dead: false,
                stale: false,
                ..irq
            }
        });

        (Just(kind), irq)
    })
}

/// Any state, mostly one that fits a list register of vCPU 0.
fn any_listed() -> impl Strategy<Value = (Kind, Irq, IrqWord, Entry)> {
    listable().prop_map(|(kind, irq)| {
        let (word, entry) = irq.word().list(identity(kind), vcpu(0), true);
        let entry = entry.unwrap_or_else(|| panic!("{kind:?} {irq:?}"));

        (kind, irq, word, entry)
    })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let numbers = (0u32..1020, any::<u8>(), 0u32..1020, 0u32..8);

    (numbers, any::<[bool; 6]>()).prop_map(|((intid, priority, physical, sender), f)| {
        let [pending, active, group1, linked, sourced, eoi] = f;

        Entry {
            intid: Intid(intid),
            pending,
            active,
            priority: Priority(priority & 0xf8),
            group: if group1 { Group::One } else { Group::Zero },
            linked: (linked && !sourced).then_some(physical),
            source: sourced.then(|| source(sender)),
            eoi: eoi && !(linked && !sourced),
        }
    })
}

/// What the register of either GIC says when it is read back as it was.
fn unchanged(entry: Entry) -> Returned {
    let (v3, v2) = (Returned::from(entry.v3()), Returned::from(v2(entry)));

    // The source of what has none means nothing.
    assert_eq!(
        v3,
        Returned {
            source: v3.source,
            ..v2
        }
    );
    v3
}

/// The guest does nothing, or one step after another: acknowledges, and deactivates; pending and
/// active becomes pending again. Those are all that the architecture has.
fn after(entry: Entry, steps: u32) -> Returned {
    let mut back = unchanged(entry);

    for _ in 0..steps {
        (back.pending, back.active) = match (back.pending, back.active) {
            (pending, true) => (pending, false),
            (true, false) => (false, true),
            (false, false) => (false, false),
        };
    }
    back.ended = entry.eoi && !back.pending && !back.active;
    back
}

proptest! {
    #![proptest_config(config(4_000))]

    #[test]
    fn what_no_guest_has_seen_is_what_it_was((kind, irq, word, entry) in any_listed()) {
        let (before, after) = (irq.word(), word.unlist(kind.has_sources(), unchanged(entry)));

        if before.is_mapped_level() && before.has(IrqWord::Latch) {
            prop_assert_eq!(after.without(IrqWord::Line), before.without(IrqWord::Line));
            prop_assert!(!after.has(IrqWord::Line) || before.has(IrqWord::Line));
        } else {
            prop_assert_eq!(after, before);
        }
    }

    /// The fields of ICH_LR<n>_EL2, with those of a GICv2 in the number.
    #[test]
    fn v3_registers(entry in any_entry()) {
        let raw = entry.v3().into_raw();
        let sender = entry.source.map_or(0, |s| u64::from(s.get()));

        prop_assert_eq!(raw as u32, entry.intid.0 | (sender as u32) << 10);
        prop_assert_eq!(raw >> 48 & 0xff, u64::from(entry.priority.0));
        prop_assert_eq!(raw >> 60 & 1 == 1, entry.group == Group::One);
        prop_assert_eq!(raw >> 61 & 1 == 1, entry.linked.is_some());
        prop_assert_eq!(raw >> 62 & 1 == 1, entry.pending);
        prop_assert_eq!(raw >> 63 == 1, entry.active);
        match entry.linked {
            Some(physical) => prop_assert_eq!(raw >> 32 & 0x1fff, u64::from(physical)),
            // Bit 41: EOI; the others are reserved.
            None => prop_assert_eq!(raw >> 32 & 0x1fff, u64::from(entry.eoi) << 9),
        }
        prop_assert_eq!(raw & 0x0f00_e000_0000_0000, 0);
    }

    /// The fields of GICH_LR<n>.
    #[test]
    fn v2_registers(entry in any_entry()) {
        let raw = v2(entry).into_raw();
        let sender = entry.source.map_or(0, |s| u64::from(s.get()));
        let eoi = u64::from(entry.eoi);
        let physical = entry.linked.map_or(sender | eoi << 9, u64::from);

        prop_assert_eq!(
            raw,
            u64::from(entry.intid.0)
                | physical << 10
                | u64::from(entry.priority.0 >> 3) << 23
                | u64::from(entry.pending) << 28
                | u64::from(entry.active) << 29
                | u64::from(entry.group == Group::One) << 30
                | u64::from(entry.linked.is_some()) << 31
        );
    }

    /// What comes back from either register: a maintenance interrupt for an end is signalled by a
    /// register that is invalid, has EOI set and HW clear.
    #[test]
    fn registers_come_back(entry in any_entry()) {
        let invalid = !entry.pending && !entry.active;

        for back in [Returned::from(entry.v3()), Returned::from(v2(entry))] {
            prop_assert_eq!(back.pending, entry.pending);
            prop_assert_eq!(back.active, entry.active);
            prop_assert_eq!(back.ended, invalid && entry.eoi);
            if let Some(sender) = entry.source {
                prop_assert_eq!(back.source, sender);
            }
        }
    }

    /// Bit 41 of a linked interrupt's register is the number's, not EOI; bits 12 and up of a
    /// GICv2's likewise.
    #[test]
    fn a_physical_number_is_no_flag(physical in 0u64..1024) {
        let v3 = ListRegister::from_raw(1 << 61 | physical << 32 | 40);
        let v2 = GichListRegister::from_raw(1 << 31 | physical << 10 | 40);

        prop_assert!(!Returned::from(v3).ended);
        prop_assert!(!Returned::from(v2).ended);
    }

    /// Only what belongs to a vCPU, which has claimed it, goes into its list registers, and only
    /// once.
    #[test]
    fn only_ones_own_are_listed((kind, irq) in any_kind_and_irq(), on in any::<bool>()) {
        let (word, entry) = irq.word().list(identity(kind), vcpu(0), on);
        let shown = irq.active || on;
        let own = irq.belongs_to() == Some(0) && irq.queue == Some(0) && shown && !irq.listed;

        prop_assert_eq!(entry.is_some(), own);
        if !own {
            prop_assert_eq!(word, irq.word());
        } else {
            prop_assert_eq!(word.listed(), Some(vcpu(0)));
        }
    }

    /// The short way into a list register is the long one.
    #[test]
    fn most_are_listed_likewise((kind, irq) in prop_oneof![listable(), any_kind_and_irq()]) {
        let word = irq.word();
        let short = word.list_pending(intid_of(kind), PHYSICAL, vcpu(0));
        let (long, entry) = word.list(identity(kind), vcpu(0), true);

        if kind.has_sources() {
            return Ok(());
        }
        prop_assert_eq!(short.is_some(), entry.is_some() && !irq.active);
        if let (Some(short), Some(entry)) = (short, entry) {
            prop_assert_eq!(short, (long, entry.v3()));
        }
    }

    /// So is the short way back, which is for those of which nothing is left, and nobody is to be
    /// told anything.
    #[test]
    fn most_are_done_likewise(
        (kind, irq, state) in any_kind_and_irq().prop_flat_map(|(kind, irq)| {
            let word = irq.word();
            let done = word.with(IrqWord::OnLr).with_queued(Some(vcpu(0)));

            (Just(kind), Just(irq), prop_oneof![
                Just(word),
                Just(done),
                Just(done.without(IrqWord::Latch).without(IrqWord::Stale).with_sources(0)),
            ])
        }),
        ended in any::<bool>(),
    ) {
        let back = Returned { pending: false, active: false, source: source(3), ended };
        let asked = Cell::new(false);
        let (folded, also) = state.fold(kind, back, || { asked.set(true); true });

        if let Some(done) = state.done(vcpu(0)) {
            match done {
                Done::Gone(gone) => {
                    prop_assert_eq!(gone, folded.with_queued(None));
                    prop_assert_eq!(folded.destination(true), None);
                }
                Done::Stays(stays) => {
                    prop_assert_eq!(stays, folded);
                    prop_assert_eq!(folded.destination(true), Some(vcpu(0)));
                }
            }
            prop_assert_eq!(also, Physical::Nothing);
            prop_assert!(!asked.get());
        } else if state.has(IrqWord::OnLr) && state.queued() == Some(vcpu(0)) {
            // What takes the long way.
            prop_assert!(
                also != Physical::Nothing
                    || asked.get()
                    || folded.destination(true).is_some_and(|to| to != vcpu(0))
                    || [IrqWord::Stale, IrqWord::Dead, IrqWord::Direct, IrqWord::Resample]
                        .iter()
                        .any(|flag| state.has(*flag)),
                "needless: {:?}", irq
            );
        }
    }

    /// Nor is there another end of the short way of a message.
    #[test]
    fn most_messages_are_queued_likewise(irq in any_irq(Kind::Lpi), same in any::<bool>()) {
        let word = irq.word();
        let life = if same { word.life() } else { word.life().next() };
        let (long, action) = word.pulse_of(life);

        match word.pulse_first_of(life) {
            Some((short, to)) => {
                prop_assert_eq!(short, long);
                prop_assert_eq!(action.delivery, Delivery::Queue(to));
                prop_assert!(!irq.direct);
            }
            None => prop_assert!(
                irq.direct || !matches!(action.delivery, Delivery::Queue(_)),
                "needless: {:?}", irq
            ),
        }
    }

    #[test]
    fn what_a_list_register_says((kind, irq, word, entry) in any_listed()) {
        let sourced = matches!(kind, Kind::SourcedSgi(_));
        let linked = irq.mapped && !irq.by_software;

        prop_assert_eq!(entry.intid, intid_of(kind));
        prop_assert_eq!(entry.priority, Priority(irq.priority));
        prop_assert_eq!(entry.group == Group::One, irq.group1);
        prop_assert_eq!(entry.linked, linked.then_some(PHYSICAL));
        prop_assert_eq!(entry.active, irq.active);
        prop_assert!(entry.active || entry.pending);

        // Pending for somebody else, or for nobody, is not shown.
        if entry.pending {
            prop_assert!(irq.pending() && irq.enabled && irq.target == Some(0));
        }
        if !irq.active {
            prop_assert!(entry.pending);
        } else {
            // IHI 0069: pending and active is no state of a linked one; a line may have fallen
            // by the time that the active state ends, and one register is for one sender.
            let wanted = irq.pending() && irq.enabled && irq.target == Some(0);
            let may = irq.edge && !linked && !sourced;
            prop_assert_eq!(entry.pending, wanted && may);
        }
        if let Some(sender) = entry.source {
            let sender = u32::from(sender.get());
            prop_assert!(sourced);
            if irq.active {
                prop_assert_eq!(sender, irq.active_sender);
            } else {
                prop_assert_eq!(Some(&sender), irq.senders.first());
            }
        } else {
            prop_assert!(!sourced);
        }
        // Somebody has to come when it ends: the line is to be looked at, those who wait for it
        // are to be told, or more is left to be signalled. Nothing tells of a linked one's end.
        let left = Irq::of(word).pending();
        if linked {
            prop_assert!(!entry.eoi);
        } else if !irq.edge || left {
            prop_assert!(entry.eoi);
        } else {
            prop_assert!(!entry.eoi, "needless");
        }
    }

    /// A distributor that is off signals nothing; an active interrupt can be ended all the same.
    #[test]
    fn no_pending_one_from_a_distributor_that_is_off((kind, irq) in listable()) {
        if let (word, Some(entry)) = irq.word().list(identity(kind), vcpu(0), false) {
            prop_assert!(irq.active && entry.active && !entry.pending);
            prop_assert_eq!(Irq::of(word), Irq { listed: true, ..irq });
        } else {
            prop_assert!(!irq.active);
        }
    }

    /// If the guest does nothing it is as if it had not been in a list register; only a mapped
    /// line is looked at.
    #[test]
    fn there_and_back_again((kind, irq, word, entry) in any_listed(), level in any::<bool>()) {
        let (word, got) = word.fold(kind, unchanged(entry), || level);
        let mut expected = irq.clone();
        let mut physical = Physical::Nothing;

        if irq.mapped && !irq.edge && irq.by_software {
            // The line is said to be high again when the physical interrupt has come again.
            if entry.pending {
                expected.line = false;
            }
            if !irq.active && !irq.latch {
                physical = Physical::Deactivate;
            }
        } else if irq.mapped && !irq.edge && entry.pending {
            expected.line = level;
            if !level {
                physical = Physical::Deactivate;
            }
        }
        prop_assert_eq!(Irq::of(word), expected);
        prop_assert_eq!(got, physical);
        prop_assert!(!unchanged(entry).ended);
    }

    /// Each thing that the guest can do, from any state, by the rules for the states of an
    /// interrupt in IHI 0069.
    #[test]
    fn what_guests_do(
        (kind, irq, word, entry) in any_listed(),
        steps in 1u32..4,
        level in any::<bool>(),
    ) {
        let back = after(entry, steps);
        let looked = Cell::new(false);
        let told = back.ended && word.is_reported_at_end(kind);
        let (word, physical) = word.fold(kind, back, || {
            looked.set(true);
            level
        });
        let now = Irq::of(word);
        let mapped_level = irq.mapped && !irq.edge;
        let linked = irq.mapped && !irq.by_software;

        prop_assert!(!now.listed);
        // LPIs have no active state beyond their priority drop.
        prop_assert_eq!(now.active, back.active && kind != Kind::Lpi);
        let acknowledged = entry.pending && !back.pending;
        if irq.edge {
            // One edge, or one sender's, is used up by its acknowledgement.
            if kind.has_sources() {
                let mut senders = irq.senders.clone();
                if acknowledged {
                    senders.remove(&u32::from(entry.source.unwrap().get()));
                }
                prop_assert_eq!(&now.senders, &senders);
                prop_assert_eq!(now.latch, !senders.is_empty());
                if now.active {
                    prop_assert_eq!(now.active_sender, u32::from(entry.source.unwrap().get()));
                }
            } else {
                prop_assert_eq!(now.latch, irq.latch && !acknowledged);
            }
        } else {
            // A write of GICD_ISPENDR is, too; a line is what it is.
            prop_assert_eq!(now.latch, irq.latch && !acknowledged);
            if !mapped_level {
                prop_assert_eq!(now.line, irq.line);
            }
        }
        // Those who wait for the end of a level-triggered SPI.
        let ended = !back.active && !back.pending;
        prop_assert_eq!(told, ended && kind == Kind::Spi && !irq.edge && !linked);

        // The physical interrupt is able to interrupt again once the guest is done with it, or its
        // line is low.
        if mapped_level && irq.by_software && !now.active && !now.latch {
            prop_assert_eq!(physical, Physical::Deactivate);
        }
        if mapped_level && linked && now.line && !now.active && (irq.active || !entry.pending) {
            prop_assert!(level, "a line that was not looked at");
        }
        // Hardware has ended the physical interrupt with the guest's, and tells of the next rise.
        if linked && !irq.line && !irq.latch {
            prop_assert!(!looked.get(), "a line that nobody said was high");
            prop_assert_eq!(physical, Physical::Nothing);
        }
    }

    /// What was unmapped while it was in a list register is gone, and if it is mapped again
    /// before it comes back, it is as if it had not been there.
    #[test]
    fn the_dead_do_not_come_back(
        steps in 0u32..3,
        mapped in proptest::option::of((0u32..2, any::<u8>(), any::<bool>())),
        pulse in any::<bool>(),
    ) {
        let lpi = IrqWord::UNMAPPED
            .map_lpi(Some(vcpu(0)), Properties::of(0xa1), false)
            .0
            .pulse()
            .0;
        let (word, entry) = lpi.list(identity(Kind::Lpi), vcpu(0), true);
        let (word, action) = word.bury();

        prop_assert_eq!(action.delivery, Delivery::Kick(vcpu(0)));
        prop_assert_eq!(word.destination(true), None);
        // Nobody who comes late can tell.
        prop_assert_eq!(word.pulse(), (word, Action::NOTHING));
        prop_assert_eq!(word.bury(), (word, Action::NOTHING));

        let mut word = word;
        let mut pending = false;
        if let Some((to, byte, set)) = mapped {
            word = word.map_lpi(Some(vcpu(to)), Properties::of(byte), set).0;
            let late = word.pulse_of(lpi.life());
            prop_assert_eq!(late, (word, Action::NOTHING));
            if pulse {
                word = word.pulse_of(word.life()).0;
            }
            // It is in a list register still, and goes into no other.
            prop_assert_eq!(word.listed(), Some(vcpu(0)));
            prop_assert_eq!(word.list(identity(Kind::Lpi), vcpu(to), true), (word, None));
            pending = set || pulse;
        }
        let (word, _) = word.fold(Kind::Lpi, after(entry.unwrap(), steps), no_line);
        prop_assert_eq!(word.listed(), None);
        prop_assert_eq!((word.is_pending(), word.has(IrqWord::Active)), (pending, false));
        prop_assert_eq!(word.has(IrqWord::Dead), mapped.is_none());
        prop_assert!(!word.has(IrqWord::Stale));
    }

    /// ICC_DIR_EL1, GICC_DIR, and ends of interrupts that were only counted.
    #[test]
    fn deactivation(
        (kind, irq) in any_kind_and_irq(),
        sender in proptest::option::of(0u32..8),
        level in any::<bool>(),
    ) {
        let told = irq.word().is_deactivation_reported(kind);
        let (word, got) = irq.word().deactivate(kind, sender.map(source), || level);

        if irq.listed {
            prop_assert!(!told);
            prop_assert_eq!(got, Err(Listed(vcpu(irq.queue.unwrap()))));
            prop_assert_eq!(word, irq.word());
            return Ok(());
        }
        let others = kind.has_sources() && sender.is_some_and(|s| s != irq.active_sender);
        if !irq.active || others {
            prop_assert!(!told);
            prop_assert_eq!(got, Ok(Action::NOTHING));
            prop_assert_eq!(word, irq.word());
            return Ok(());
        }
        let Ok(action) = got else { panic!("{got:?}") };
        let linked = irq.mapped && !irq.by_software;
        let mut expected = Irq { active: false, ..irq.clone() };
        if linked && !irq.edge && irq.line {
            expected.line = level;
        }
        prop_assert_eq!(told, kind == Kind::Spi && !irq.edge && !linked);
        prop_assert_eq!(action.physical, match irq.mapped {
            true if linked => Physical::End,
            true if !irq.edge && !irq.latch => Physical::Deactivate,
            _ => Physical::Nothing,
        });
        // Pending again, it goes where it belongs by now.
        let delivery = match (expected.belongs_to(), irq.queue) {
            (None, _) => Delivery::Nothing,
            (Some(to), None) => Delivery::Queue(vcpu(to)),
            (Some(to), Some(at)) if to == at => Delivery::Kick(vcpu(at)),
            (Some(to), Some(_)) => Delivery::Requeue(vcpu(to)),
        };
        expected.queue = expected.belongs_to().or(irq.queue);
        prop_assert_eq!(action.delivery, delivery);
        prop_assert_eq!(Irq::of(word), expected);
    }
}

/// IHI 0048: an SGI from several senders is as many interrupts, one after another.
#[test]
fn one_sender_at_a_time() {
    let kind = Kind::SourcedSgi(source(1));
    let mut word = IrqWord::initial(kind, Group::Zero, Some(vcpu(0)));
    word = word.send_from(1 << 5 | 1 << 2 | 1 << 7).0;
    let mut seen = Vec::new();

    while word.is_pending() {
        let (listed, entry) = word.list(identity(kind), vcpu(0), true);
        let entry = entry.unwrap();
        assert_eq!(entry.eoi, listed.is_pending());
        // Acknowledged, an exit, then ended.
        let (active, _) = listed.fold(kind, after(entry, 1), no_line);
        assert_eq!(active.active_source(), entry.source.unwrap());
        let (listed, again) = active.list(identity(kind), vcpu(0), true);
        let again = again.unwrap();
        assert!(again.active && !again.pending);
        assert_eq!(again.source, entry.source);
        assert_eq!(again.eoi, active.is_pending());
        word = listed.fold(kind, after(again, 1), no_line).0;
        seen.push(entry.source.unwrap().get());
    }
    assert_eq!(seen, [2, 5, 7]);
    assert!(!word.has(IrqWord::Active));
}

/// IHI 0069: what a guest makes pending while it is active is pending once it is deactivated, be
/// it level-triggered or not.
#[test]
fn made_pending_while_active() {
    for edge in [false, true] {
        let spi = IrqWord::initial(Kind::Spi, Group::One, Some(vcpu(0)))
            .with(IrqWord::Enabled)
            .with(IrqWord::Latch)
            .set(IrqWord::Edge, edge);
        let which = identity(Kind::Spi);
        let (word, entry) = spi.deliver().0.list(which, vcpu(0), true);
        let word = word.fold(Kind::Spi, after(entry.unwrap(), 1), no_line).0;
        assert!(word.has(IrqWord::Active) && !word.is_pending());

        let word = word
            .set_pending(Kind::Spi, crate::gic::transition::Writer::Guest)
            .0;
        let (word, entry) = word.list(which, vcpu(0), true);
        let word = word.fold(Kind::Spi, after(entry.unwrap(), 1), no_line).0;
        assert!(word.is_pending() && !word.has(IrqWord::Active), "{edge}");
    }
}

/// A level that is acknowledged and ended within one run of the guest is reported, as is one
/// whose end comes in another run.
#[test]
fn ends_are_reported_in_one_run_or_two() {
    let spi = IrqWord::initial(Kind::Spi, Group::One, Some(vcpu(0)))
        .with(IrqWord::Enabled)
        .without(IrqWord::Edge);
    let which = identity(Kind::Spi);
    let high = spi.inject(true).0;

    let (word, entry) = high.list(which, vcpu(0), true);
    assert!(word.is_reported_at_end(Kind::Spi));
    assert!(after(entry.unwrap(), 2).ended);

    assert!(!after(entry.unwrap(), 1).ended);
    let word = word.fold(Kind::Spi, after(entry.unwrap(), 1), no_line).0;
    let (word, entry) = word.list(which, vcpu(0), true);
    assert!(after(entry.unwrap(), 1).ended);
    let word = word.fold(Kind::Spi, after(entry.unwrap(), 1), no_line).0;
    // The line is high still.
    assert!(word.is_pending());
}
