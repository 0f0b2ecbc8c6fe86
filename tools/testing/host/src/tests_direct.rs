// SPDX-License-Identifier: GPL-2.0

//! Interrupts that the hardware delivers, against the same ones without such hardware: whatever
//! happens, the hardware has been told what the word of the other says.

use crate::{
    gic::{
        direct::Change,
        list_register::Intid,
        lpi::Properties,
        priority::{Group, Priority},
        transition::{Edit, Writer},
        word::{IrqWord, Kind, Life},
    },
    irq_model::vcpu,
};
use proptest::prelude::*;

/// What there is to know of an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    pending: bool,
    enabled: bool,
    priority: Priority,
    group: Group,
    target: Option<usize>,
}

impl State {
    fn of(word: IrqWord) -> Self {
        Self {
            pending: word.has(IrqWord::Latch),
            enabled: word.has(IrqWord::Enabled),
            priority: word.priority(),
            group: word.group(),
            target: word.target().map(|vcpu| vcpu.get()),
        }
    }
}

/// The hardware, that has an interrupt or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hardware(Option<State>);

impl Hardware {
    /// As an LPI's driver is told.
    fn tell_lpi(&mut self, change: Change) {
        if change.is_last() {
            self.0 = None;
            return;
        }
        let state = self.0.as_mut().expect("told of what it does not have");

        if let Some(target) = change.target() {
            state.target = Some(target.get());
        }
        if change.enabled().is_some() || change.is_ranked_anew() {
            let properties = change.after.properties();

            state.enabled = properties.enabled;
            state.priority = properties.priority;
        }
        if let Some(pending) = change.pending {
            state.pending = pending;
        }
    }

    /// As an SGI's is.
    fn tell_sgi(&mut self, change: Change) {
        let state = self.0.as_mut().expect("told of what it does not have");

        assert!(!change.is_last());
        assert_eq!(change.target(), None);
        if change.is_ranked_anew() {
            state.priority = change.after.priority();
            state.group = change.after.group();
        }
        if let Some(enabled) = change.enabled() {
            state.enabled = enabled;
        }
        if let Some(pending) = change.pending {
            state.pending = pending;
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum SgiOp {
    Edit(Edit, Writer),
    Send(bool),
    Activate(bool, Writer),
}

fn sgi_op() -> impl Strategy<Value = SgiOp> {
    let writer = || prop_oneof![Just(Writer::Guest), Just(Writer::Vmm)];
    let edit = prop_oneof![
        Just(Edit::Group(Group::Zero)),
        Just(Edit::Group(Group::One)),
        Just(Edit::Enable),
        Just(Edit::Disable),
        Just(Edit::Pend),
        Just(Edit::Unpend),
        any::<u8>().prop_map(Edit::Prioritize),
    ];

    prop_oneof![
        4 => (edit, writer()).prop_map(|(edit, by)| SgiOp::Edit(edit, by)),
        2 => any::<bool>().prop_map(SgiOp::Send),
        1 => (any::<bool>(), writer()).prop_map(|(on, by)| SgiOp::Activate(on, by)),
    ]
}

fn apply_sgi(word: IrqWord, op: SgiOp) -> (IrqWord, ()) {
    let word = match op {
        SgiOp::Edit(edit, by) => word.edit(edit, Kind::Sgi, by, || false).0,
        SgiOp::Send(group1) => word.send(group1).0,
        SgiOp::Activate(on, by) => word.change_active(on, Kind::Sgi, by).0,
    };

    (word, ())
}

#[derive(Clone, Copy, Debug)]
enum LpiOp {
    Pulse(bool),
    Pend,
    Clear,
    Retarget(Option<u32>),
    Move(u32, u32),
    Configure(u8),
    Unmap,
}

fn lpi_op() -> impl Strategy<Value = LpiOp> {
    prop_oneof![
        3 => any::<bool>().prop_map(LpiOp::Pulse),
        1 => Just(LpiOp::Pend),
        2 => Just(LpiOp::Clear),
        2 => proptest::option::weighted(0.9, 0u32..4).prop_map(LpiOp::Retarget),
        2 => (0u32..4, 0u32..4).prop_map(|(from, to)| LpiOp::Move(from, to)),
        3 => any::<u8>().prop_map(LpiOp::Configure),
        1 => Just(LpiOp::Unmap),
    ]
}

fn apply_lpi(word: IrqWord, op: LpiOp, life: Life) -> (IrqWord, ()) {
    let word = match op {
        LpiOp::Pulse(true) => word.pulse_of(life).0,
        LpiOp::Pulse(false) => word.pulse_of(life.next()).0,
        LpiOp::Pend => word.pulse().0,
        LpiOp::Clear => word.without(IrqWord::Latch),
        LpiOp::Retarget(to) => word.retarget_lpi(to.map(vcpu)).0,
        LpiOp::Move(from, to) => word.move_lpi(vcpu(from), vcpu(to)).0,
        LpiOp::Configure(byte) => word.configure_lpi(Properties::of(byte)).0,
        LpiOp::Unmap => word.bury().0,
    };

    (word, ())
}

proptest! {
    #[test]
    fn the_hardware_knows_all_of_an_sgi(
        pending in any::<bool>(),
        before in proptest::collection::vec(sgi_op(), 0..8),
        during in proptest::collection::vec(sgi_op(), 0..16),
    ) {
        let initial = IrqWord::initial(Kind::Sgi, Group::One, Some(vcpu(1)));
        let active = |op: &SgiOp| matches!(op, SgiOp::Activate(..));
        let mut software = before
            .into_iter()
            .filter(|op| !active(op))
            .fold(initial.set(IrqWord::Latch, pending), |word, op| apply_sgi(word, op).0)
            // Nobody's queue has it: what is in memory is all.
            .with_queued(None);
        let (mut direct, was) = software.direct();
        let mut hardware = Hardware(Some(State::of(was)));

        for op in during {
            if !active(&op) {
                software = apply_sgi(software, op).0;
            }
            let (word, (change, ())) = direct.change_direct(|word| apply_sgi(word, op));

            hardware.tell_sgi(change.expect("it is delivered by the hardware"));
            direct = word;
            prop_assert_eq!(hardware, Hardware(Some(State::of(software))));
            prop_assert!(direct.has(IrqWord::Direct) && direct.is_bound());
            prop_assert!(!direct.has(IrqWord::Latch) && !direct.has(IrqWord::Active));
            prop_assert!(direct.queued().is_none() && direct.destination(true).is_none());
        }

        let left = hardware.0.expect("it has it").pending;
        let (back, action) = direct.indirect(left);
        let (expected, _) = software.with_queued(None).deliver();

        prop_assert_eq!(back.into_raw(), expected.into_raw());
        prop_assert_eq!(action, software.with_queued(None).deliver().1);
    }

    #[test]
    fn the_hardware_knows_all_of_an_lpi(
        byte in any::<u8>(),
        pending in any::<bool>(),
        during in proptest::collection::vec(lpi_op(), 0..16),
    ) {
        let (mapped, new) = IrqWord::UNMAPPED.map_lpi(Some(vcpu(1)), Properties::of(byte), pending);
        let (life, _) = new.expect("it was not mapped");
        let mut software = mapped;
        let (mut direct, was) = software.with_queued(None).direct_in(life);
        let mut hardware = Hardware(was.map(State::of));

        prop_assert!(hardware.0.is_some());
        for op in during {
            software = apply_lpi(software, op, life).0;
            let (word, (change, ())) = direct.change_direct(|word| apply_lpi(word, op, life));

            direct = word;
            match change {
                Some(change) => hardware.tell_lpi(change),
                None => prop_assert!(hardware.0.is_none()),
            }
            if software.has(IrqWord::Dead) || hardware.0.is_none() {
                prop_assert!(!direct.has(IrqWord::Direct) && hardware.0.is_none());
                // From now on it is one like all others.
                prop_assert_eq!(direct.has(IrqWord::Dead), software.has(IrqWord::Dead));
                continue;
            }
            prop_assert_eq!(hardware, Hardware(Some(State::of(software))));
            prop_assert!(direct.has(IrqWord::Direct) && !direct.has(IrqWord::Latch));
            prop_assert!(direct.destination(true).is_none());
        }
    }

    /// A translation that leads to a former life, to what is not mapped, for nobody, or in the
    /// hardware's hands already, gives nothing to the hardware.
    #[test]
    fn only_a_mapped_lpi_becomes_direct(
        target in proptest::option::of(0u32..4),
        same_life in any::<bool>(),
        dead in any::<bool>(),
        already in any::<bool>(),
        latch in any::<bool>(),
    ) {
        let (word, new) =
            IrqWord::UNMAPPED.map_lpi(target.map(vcpu), Properties::of(1), latch);
        let (life, _) = new.expect("it was not mapped");
        let word = if dead { word.bury().0 } else { word };
        let word = if already { word.direct().0 } else { word };
        let asked = if same_life { life } else { life.next() };
        let (after, before) = word.direct_in(asked);

        if dead || already || !same_life || target.is_none() {
            prop_assert!(before.is_none());
            prop_assert_eq!(after.into_raw(), word.into_raw());
        } else {
            prop_assert_eq!(before.map(IrqWord::into_raw), Some(word.into_raw()));
            prop_assert!(after.has(IrqWord::Direct) && !after.has(IrqWord::Latch));
        }
    }

    /// What the hardware does not deliver is changed as ever.
    #[test]
    fn others_are_changed_as_ever(byte in any::<u8>(), op in lpi_op()) {
        let (word, new) = IrqWord::UNMAPPED.map_lpi(Some(vcpu(2)), Properties::of(byte), false);
        let (life, _) = new.expect("it was not mapped");
        let (changed, (change, ())) = word.change_direct(|word| apply_lpi(word, op, life));

        prop_assert!(change.is_none());
        prop_assert_eq!(changed.into_raw(), apply_lpi(word, op, life).0.into_raw());
        let (same, action) = word.indirect(true);

        prop_assert_eq!(same.into_raw(), word.into_raw());
        prop_assert_eq!(action, crate::gic::transition::Action::NOTHING);
    }
}

#[test]
fn nobody_else_is_bound() {
    let word = IrqWord::initial(Kind::new(Intid(40), None), Group::One, None);

    assert!(!word.is_bound());
    assert!(word.map(false).is_bound());
    assert!(word.direct().0.is_bound());
    assert!(!word.map(true).unmap().is_bound());
}
