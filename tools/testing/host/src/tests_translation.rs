// SPDX-License-Identifier: GPL-2.0

//! The cache of an ITS's translations against a map of all that it has been told.

use crate::{
    edges::config,
    gic::{
        its::{
            DeviceId,
            EventId, //
        },
        list_register::Intid,
        translation::{
            buckets_for,
            Bucket,
            Translations, //
        },
        word::Life, //
    },
};
use proptest::prelude::*;
use std::{
    collections::HashMap,
    mem::{
        align_of,
        size_of, //
    }, //
};

type Key = (u32, u32);

/// The cache as an ITS has it.
struct Cache {
    translations: Translations,
    table: Vec<Bucket>,
}

impl Cache {
    fn new(buckets: usize) -> Self {
        Self {
            translations: Translations::new(),
            table: (0..buckets).map(|_| Bucket::new()).collect(),
        }
    }
    fn lookup(&self, (device, event): Key) -> Option<(u32, u8)> {
        self.translations
            .lookup(|| &self.table, DeviceId(device), EventId(event))
            .map(|(lpi, life)| (lpi.0, life.get()))
    }
    fn insert(&self, (device, event): Key, (lpi, life): (u32, u8)) {
        self.translations.insert(
            &self.table,
            DeviceId(device),
            EventId(event),
            Intid(lpi),
            Life::wrapping(life.into()),
        );
    }
    fn invalidate(&self) {
        self.translations.invalidate(&self.table);
    }
    fn grow(&mut self) {
        self.table = Self::new(self.table.len() * 2).table;
    }
}

/// Numbers of devices and events as PCI has them, and any.
fn key() -> impl Strategy<Value = Key> {
    let id = || prop_oneof![6 => 0u32..40, 3 => 0u32..0x1_0000, 1 => any::<u32>()];

    prop_oneof![
        2 => (id(), id()),
        1 => (0u32..6, 0u32..30).prop_map(|(slot, event)| (slot << 3, event)),
    ]
}

fn target() -> impl Strategy<Value = (u32, u8)> {
    let lpi = prop_oneof![8 => 8192u32..0x1_0000, 1 => Just(0x1_1fff), 1 => any::<u32>()];

    (lpi, 0u8..16)
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Insert(Key, (u32, u8)),
    Lookup(Key),
    Invalidate(u32),
    Grow,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => (key(), target()).prop_map(|(key, target)| Step::Insert(key, target)),
        4 => key().prop_map(Step::Lookup),
        1 => prop_oneof![3 => Just(1), 1 => 4090u32..4100].prop_map(Step::Invalidate),
        1 => Just(Step::Grow),
    ]
}

proptest! {
    #![proptest_config(config(1000))]

    /// What is found is what was remembered last, since the last time that all was forgotten. What
    /// has just been remembered is found.
    #[test]
    fn against_a_map(
        buckets in prop_oneof![Just(1usize), Just(2), Just(8)],
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut cache = Cache::new(buckets);
        let mut model: HashMap<Key, (u32, u8)> = HashMap::new();
        let good = |(device, event): Key, (lpi, _): (u32, u8)| {
            device < 0x1_0000 && event < 0x1_0000 && (8192..8192 + 0x1_0000).contains(&lpi)
        };

        for step in steps {
            match step {
                Step::Insert(key, target) => {
                    cache.insert(key, target);
                    if good(key, target) {
                        model.insert(key, target);
                        prop_assert_eq!(cache.lookup(key), Some(target));
                    } else {
                        let found = cache.lookup(key);

                        prop_assert!(found.is_none() || found == model.get(&key).copied());
                    }
                }
                Step::Lookup(key) => {
                    let found = cache.lookup(key);

                    prop_assert!(found.is_none() || found == model.get(&key).copied());
                }
                Step::Invalidate(times) => {
                    for _ in 0..times {
                        cache.invalidate();
                    }
                    prop_assert!(model.keys().all(|key| cache.lookup(*key).is_none()));
                    model.clear();
                }
                Step::Grow => cache.grow(),
            }
        }
        let held = model.keys().filter(|key| cache.lookup(**key).is_some()).count();

        prop_assert!(held <= cache.table.len() * 8);
    }

    /// A table of the size that it is to have holds all but few: of random events, and of many events
    /// of few devices.
    #[test]
    fn room_for_all(
        keys in proptest::collection::hash_set((0u32..0x1_0000, 0u32..0x1_0000), 1..3000),
        devices in 1u32..300,
        events in 1u32..64,
        shift in 0u32..8,
    ) {
        let regular = (0..devices)
            .flat_map(|device| (0..events).map(move |event| (device << shift, event)));

        for keys in [keys.into_iter().collect::<Vec<_>>(), regular.collect()] {
            let cache = Cache::new(buckets_for(keys.len()));

            for (at, key) in keys.iter().enumerate() {
                cache.insert(*key, (8192 + (at as u32 & 0xffff), at as u8 & 15));
            }
            let lost = keys.iter().filter(|key| cache.lookup(**key).is_none()).count();

            prop_assert!(lost <= 1 + keys.len() / 1000, "{} of {}", lost, keys.len());
        }
    }

    #[test]
    fn sizes(translations in prop_oneof![0usize..200_000, any::<usize>()]) {
        let buckets = buckets_for(translations);
        let least = 1usize << 3;
        let most = 1usize << 14;

        prop_assert!(buckets.is_power_of_two() && (least..=most).contains(&buckets));
        if buckets != most {
            prop_assert!(translations * 2 <= buckets * 8);
        }
        if buckets != least {
            prop_assert!(translations.saturating_mul(4) > buckets * 8);
        }
    }
}

/// Of a generation that comes again nothing is found, though its number is the same.
#[test]
fn generations_come_again() {
    let cache = Cache::new(1);

    for generation in 0..3 * 4095u32 {
        let key = (generation & 0xffff, 7);

        cache.insert(key, (8192 + generation, 3));
        assert_eq!(cache.lookup(key), Some((8192 + generation, 3)));
        cache.invalidate();
        assert!((generation.saturating_sub(5000)..=generation)
            .step_by(97)
            .all(|before| cache.lookup((before, 7)).is_none()));
        assert_eq!(cache.lookup(key), None);
    }
}

/// A new table has nothing in it, not even of a generation zero.
#[test]
fn nothing_at_first() {
    let cache = Cache::new(8);

    for id in 0..100 {
        assert_eq!(cache.lookup((id, id)), None);
        assert_eq!(cache.lookup((0, id)), None);
    }
    // Nor does it take a table at all.
    let none = Cache::new(0);

    none.insert((1, 2), (8192, 0));
    none.invalidate();
    assert_eq!(none.lookup((1, 2)), None);
}

/// What doesn't fit goes, one after the other: the latest are there.
#[test]
fn a_full_table() {
    let cache = Cache::new(1);

    for event in 0..100 {
        cache.insert((1, event), (9000, 0));
        let there = (0..=event).filter(|e| cache.lookup((1, *e)).is_some());

        assert_eq!(there.count(), (event as usize + 1).min(8));
    }
    assert!((92..100).all(|event| cache.lookup((1, event)).is_some()));
}

/// A bucket is a cache line.
#[test]
fn cache_lines() {
    assert_eq!((size_of::<Bucket>(), align_of::<Bucket>()), (64, 64));
}
