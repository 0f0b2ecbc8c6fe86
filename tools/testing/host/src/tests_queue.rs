// SPDX-License-Identifier: GPL-2.0

//! The queue of a vCPU against a set and a map, and vCPUs and injectors as threads.
//!
//! What the memory's order may do to it is tested in `loom/`.

use crate::{
    gic::{
        atomic_word::AtomicWord,
        gate::Gate,
        list_register::Intid,
        queue::{OwnerKey, Queue, Settled},
        word::{IrqWord, Life, VcpuIdx},
    },
    leaves::{NoLpis, SomeLpis},
    machine::{edge, level, lpi, Machine, Own},
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        atomic::{AtomicBool, Ordering::*},
        Arc,
    },
    thread,
};

const HERE: u32 = 3;
const OTHER: u32 = 500;

/// The INTIDs of no interrupt, with room for more SPIs than there are.
const NO_PLACE: core::ops::Range<u32> = 32 + 16 * 64..8192;

/// The leaves of LPIs that there are: INTIDs 8192 to 10239, and the last 1024.
const LEAVES: [usize; 3] = [0, 1, 55];

fn has_place(intid: u32) -> bool {
    match intid {
        0..8192 => !NO_PLACE.contains(&intid),
        _ => LEAVES.contains(&(intid as usize / 1024 - 8)),
    }
}

fn index(vcpu: u32) -> Option<VcpuIdx> {
    VcpuIdx::new(vcpu)
}

fn queue() -> (Queue, OwnerKey) {
    Queue::new(index(HERE).unwrap())
}

fn intids() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0..40u32,
        4 => 0..NO_PLACE.start,
        4 => prop::sample::select(LEAVES.to_vec())
            .prop_flat_map(|leaf| (leaf as u32 + 8) * 1024..(leaf as u32 + 9) * 1024),
        2 => prop::sample::select(vec![
            31, 32, 95, 96, 159, 160, 1019, 1023, 1055, 1056, 8191, 8192, 8255, 8256, 9215, 9216,
            10239, 10240, 64511, 64512, 65535, 65536, u32::MAX,
        ]),
    ]
}

fn vcpus() -> impl Strategy<Value = Option<VcpuIdx>> {
    prop::sample::select(vec![None, index(HERE), index(OTHER)])
}

fn words() -> impl Strategy<Value = IrqWord> {
    (any::<[bool; 5]>(), vcpus(), vcpus()).prop_map(|(bits, target, queued)| {
        [
            IrqWord::Latch,
            IrqWord::Line,
            IrqWord::Enabled,
            IrqWord::Active,
            IrqWord::Edge,
        ]
        .iter()
        .zip(bits)
        .filter(|(_, set)| *set)
        .fold(IrqWord::RESET, |word, (field, _)| word.with(*field))
        .with_target(target)
        .with_queued(queued)
    })
}

#[derive(Clone, Debug)]
enum Op {
    Push(u32),
    Settle(u32, IrqWord, bool),
    Prune(Vec<(u32, IrqWord)>, bool),
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => intids().prop_map(Op::Push),
        2 => (intids(), words(), any::<bool>()).prop_map(|(i, w, f)| Op::Settle(i, w, f)),
        1 => (prop::collection::vec((intids(), words()), 0..8), any::<bool>())
            .prop_map(|(words, f)| Op::Prune(words, f)),
    ]
}

/// What is to become of an interrupt, and of its word.
fn settled(word: IrqWord, forwarding: bool) -> (Settled, IrqWord) {
    if word.queued() != index(HERE) {
        return (Settled::Stray, word);
    }
    match word.destination(forwarding) {
        None => (Settled::Gone, word.with_queued(None)),
        Some(vcpu) if vcpu.get() == HERE as usize => (Settled::Stays, word),
        Some(vcpu) => (Settled::Moved(vcpu), word.with_queued(Some(vcpu))),
    }
}

fn list(queue: &Queue, lpis: &SomeLpis) -> Vec<u32> {
    queue.iter(lpis).map(|intid| intid.0).collect()
}

proptest! {
    #[test]
    fn is_a_set(ops in prop::collection::vec(ops(), 0..60)) {
        let (queue, mut key) = queue();
        let lpis = SomeLpis::new(&LEAVES);
        let mut model = BTreeSet::new();

        for op in ops {
            match op {
                Op::Push(intid) => {
                    queue.push(Intid(intid), &lpis);
                    if has_place(intid) {
                        model.insert(intid);
                    }
                }
                Op::Settle(intid, word, forwarding) => {
                    let shared = AtomicWord::new(word);
                    let (became, after) = settled(word, forwarding);

                    let mut owner = key.owner(&queue, &lpis);

                    prop_assert_eq!(owner.settle(Intid(intid), &shared, forwarding), became);
                    prop_assert_eq!(shared.read().into_raw(), after.into_raw());
                    if became != Settled::Stays {
                        model.remove(&intid);
                    }
                }
                Op::Prune(words, forwarding) => {
                    let words: BTreeMap<_, _> = words
                        .into_iter()
                        .map(|(intid, word)| (intid, (word, AtomicWord::new(word))))
                        .collect();
                    let mut became = Vec::new();

                    key.owner(&queue, &lpis).prune(
                        forwarding,
                        |intid| Some(&words.get(&intid.0)?.1),
                        |intid, settled| became.push((intid.0, settled)),
                    );

                    let mut expected = Vec::new();
                    model.retain(|intid| {
                        let Some((word, shared)) = words.get(intid) else {
                            return false;
                        };
                        let (settled, after) = settled(*word, forwarding);

                        assert_eq!(shared.read().into_raw(), after.into_raw());
                        expected.push((*intid, settled));
                        settled == Settled::Stays
                    });
                    prop_assert_eq!(became, expected);
                }
            }
            prop_assert_eq!(list(&queue, &lpis), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(queue.is_empty(), model.is_empty());
            for leaf in 0..56 {
                let first = (leaf as u32 + 8) * 1024;
                let of_leaf: Vec<_> = queue.iter_leaf(leaf, &lpis).map(|lpi| lpi.0).collect();

                prop_assert!(of_leaf.iter().eq(model.range(first..first + 1024)));
            }
        }
    }
}

#[test]
fn what_has_a_place() {
    let lpis = SomeLpis::new(&LEAVES);

    for intid in (0..0x1_0000 + 2).chain([u32::MAX]) {
        let (queue, mut key) = queue();
        let stray = AtomicWord::new(IrqWord::RESET);

        queue.push(Intid(intid), &lpis);
        assert_eq!(queue.is_empty(), !has_place(intid));
        assert!(list(&queue, &lpis)
            .into_iter()
            .eq(has_place(intid).then_some(intid)));
        assert_eq!(
            key.owner(&queue, &lpis).settle(Intid(intid), &stray, true),
            Settled::Stray
        );
        assert!(queue.is_empty());
    }
}

/// Of a leaf that is not to be seen yet nothing is lost: whoever has pushed saw it.
#[test]
fn leaves_that_come_late() {
    let (queue, mut key) = queue();
    let lpis = SomeLpis::new(&LEAVES);
    let stays = AtomicWord::new(
        IrqWord::RESET
            .with(IrqWord::Enabled)
            .with(IrqWord::Latch)
            .with_target(index(HERE))
            .with_queued(index(HERE)),
    );

    queue.push(Intid(8192), &lpis);
    assert_eq!(queue.iter(&NoLpis).count(), 0);
    key.owner(&queue, &NoLpis)
        .prune(true, |_| Some(&stays), |intid, _| panic!("{intid:?}"));
    assert!(!queue.is_empty());
    assert_eq!(list(&queue, &lpis), [8192]);
}

#[test]
fn gates_add_up() {
    let gate = Gate::new();

    assert!(!gate.is_closed());
    gate.close();
    gate.close();
    assert!(!gate.open());
    assert!(gate.is_closed());
    assert!(gate.open());
    assert!(!gate.is_closed());
}

/// An update gives the rest of what is made of the state, whether it changes or not.
#[test]
fn updates() {
    type Update = fn(&AtomicWord, fn(IrqWord) -> (IrqWord, bool)) -> bool;
    let word = AtomicWord::new(IrqWord::RESET);

    for update in [AtomicWord::update as Update, AtomicWord::update_relaxed] {
        for _ in 0..2 {
            assert!(update(&word, |word| (word.with(IrqWord::Latch), true)));
            assert!(word.read().has(IrqWord::Latch));
        }
        assert!(!update(&word, |word| (word.without(IrqWord::Latch), false)));
        assert_eq!(word.read().into_raw(), IrqWord::RESET.into_raw());
    }
}

const EDGES: [u32; 2] = [1, 101];
const LEVELS: [u32; 2] = [27, 164];
const LPIS: [u32; 2] = [8195, 64512 + 70];

/// What may happen to an LPI. Only the first thread maps them.
fn disturb_lpi(machine: &Machine, number: usize, intid: u32, random: u64) {
    match random & 7 {
        0..=3 => machine.send(intid, Life::wrapping(random >> 3)),
        4..=5 => machine.move_lpi(intid, random as usize >> 3 & 1),
        _ if number != 0 => machine.retire(random as usize >> 3 & 1),
        _ => {
            machine.unmap(intid);
            let life = machine.map(intid, random as usize >> 3 & 1);
            machine.send(intid, life);
        }
    }
}

/// Some of all that may happen to interrupts, by `thread`'s own sequence.
fn disturb(machine: &Machine, number: usize, seed: u64, rounds: usize) {
    let mut random = 0x9e37_79b9_7f4a_7c15u64.wrapping_mul(seed * 4 + number as u64 + 1);

    for _ in 0..rounds {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;

        let which = (random >> 8) as usize & 1;
        let bit = random >> 9 & 1;

        if random >> 20 & 3 == 0 {
            disturb_lpi(machine, number, LPIS[which], random >> 24);
            continue;
        }
        match random & 31 {
            0..=11 => machine.inject_edge(EDGES[which], number),
            12..=20 => machine.set_line(LEVELS[which], bit != 0),
            21..=25 => {
                machine.set_enabled([EDGES, LEVELS][bit as usize][which], random >> 10 & 3 != 0)
            }
            26..=30 => machine.retarget(
                [EDGES, LEVELS][bit as usize][which],
                random as usize >> 12 & 1,
            ),
            _ => machine.stop(which, usize::MAX),
        }
        if random >> 16 & 15 == 0 {
            thread::yield_now();
        }
    }
}

fn stress(at_once: bool, seed: u64) {
    let irqs: Vec<_> = EDGES
        .iter()
        .map(|&intid| (intid, edge(0)))
        .chain(LEVELS.iter().map(|&intid| (intid, level(1))))
        .chain(LPIS.iter().map(|&intid| (intid, lpi(0))))
        .collect();
    let (machine, own) = Machine::new(2, at_once, &irqs);
    let machine = Arc::new(machine);
    let done = Arc::new(AtomicBool::new(false));
    let vcpus: Vec<_> = own
        .into_iter()
        .map(|mut own| {
            let (machine, done) = (machine.clone(), done.clone());

            thread::spawn(move || -> Own {
                let mut rounds = 0usize;

                while !done.load(Acquire) {
                    rounds = rounds.wrapping_add(1);
                    own.masked = rounds % 5 == 0;
                    machine.run(&mut own);
                    thread::yield_now();
                }
                own.masked = false;
                machine.run(&mut own);
                own
            })
        })
        .collect();
    let others: Vec<_> = (0..3)
        .map(|index| {
            let machine = machine.clone();

            thread::spawn(move || disturb(&machine, index, seed, 200))
        })
        .collect();

    for other in others {
        other.join().unwrap();
    }
    done.store(true, Release);

    let mut own: Vec<_> = vcpus.into_iter().map(|vcpu| vcpu.join().unwrap()).collect();

    for intid in EDGES.into_iter().chain(LEVELS) {
        machine.set_enabled(intid, true);
    }
    machine.finish(&mut own);
}

/// Often, for what is lost shows only when all are at rest.
const TIMES: u64 = if cfg!(miri) { 3 } else { 200 };

#[test]
fn threads_move_by_owner() {
    (0..TIMES).for_each(|seed| stress(false, seed));
}

#[test]
fn threads_move_at_once() {
    (0..TIMES).for_each(|seed| stress(true, seed));
}
