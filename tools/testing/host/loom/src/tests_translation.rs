// SPDX-License-Identifier: GPL-2.0

//! Translations that are looked up while the ITS, which is one thread, remembers and forgets.

use crate::{
    gic::{
        its::{DeviceId, EventId},
        list_register::Intid,
        translation::{Bucket, Translations},
        word::Life,
    },
    imp::{
        atomic::{
            fence,
            AtomicU32,
            Ordering::*, //
        },
        thread,
    },
};
use std::sync::Arc;

const DEVICE: DeviceId = DeviceId(1);
const EVENT: EventId = EventId(2);
/// What the event is translated to, in the order in which it is.
const LPIS: [Intid; 2] = [Intid(8192), Intid(8193)];

/// As an ITS has them, and those that use them.
struct Its {
    translations: Translations,
    /// The tables of its life, and which is the present one.
    tables: [Vec<Bucket>; 2],
    table: AtomicU32,
    /// What an LPI's number leads to.
    lpi: AtomicU32,
    /// What is set when the test's change is made.
    flag: AtomicU32,
}

impl Its {
    fn new(generation: u32) -> Self {
        Self {
            translations: Translations::of_generation(generation),
            tables: [0, 1].map(|_| vec![Bucket::new()]),
            table: AtomicU32::new(0),
            lpi: AtomicU32::new(0),
            flag: AtomicU32::new(0),
        }
    }

    /// In the kernel what is read through the pointer depends on it.
    fn table(&self) -> &[Bucket] {
        &self.tables[self.table.load(Acquire) as usize]
    }

    fn remember(&self, lpi: Intid) {
        self.translations
            .insert(self.table(), DEVICE, EVENT, lpi, Life::wrapping(0));
    }

    fn forget(&self) {
        self.translations.invalidate(self.table());
    }

    fn lookup(&self) -> Option<Intid> {
        let found = self.translations.lookup(|| self.table(), DEVICE, EVENT);

        // What is read next has an address that depends on this.
        fence(Acquire);
        found.map(|(lpi, _)| lpi)
    }
}

/// One thread does this, and then sets the flag; the other one looks the event up.
fn race(
    its: impl Fn() -> Its + Sync + Send + 'static,
    change: fn(&Its),
    look: fn(&Its, flag: bool, found: Option<Intid>),
) {
    let mut builder = loom::model::Builder::new();

    // As those of tests_machine.
    builder.preemption_bound.get_or_insert(2);
    builder.check(move || {
        let its = Arc::new(its());
        let changed = its.clone();
        let changer = thread::spawn(move || {
            change(&changed);
            changed.flag.store(1, Release);
        });
        let flag = its.flag.load(Acquire) != 0;

        look(&its, flag, its.lookup());
        changer.join().unwrap();
        look(&its, true, its.lookup());
    });
}

/// Who finds an LPI finds what was written before it was remembered.
#[test]
fn what_is_remembered_is_there() {
    race(
        || Its::new(1),
        |its| {
            its.lpi.store(1, Relaxed);
            its.remember(LPIS[0]);
        },
        |its, flag, found| {
            assert!(!flag || found == Some(LPIS[0]));
            if found.is_some() {
                assert_eq!(its.lpi.load(Relaxed), 1);
            }
        },
    );
}

/// Once it is forgotten nobody finds it.
#[test]
fn what_is_forgotten_is_gone() {
    race(
        || {
            let its = Its::new(1);

            its.remember(LPIS[0]);
            its
        },
        Its::forget,
        |_, flag, found| assert!(found.is_none() || !flag && found == Some(LPIS[0])),
    );
}

/// Either what was there, or what is there, or nothing.
#[test]
fn another_one() {
    race(
        || {
            let its = Its::new(1);

            its.remember(LPIS[0]);
            its
        },
        |its| {
            its.forget();
            its.remember(LPIS[1]);
        },
        |_, flag, found| {
            if flag {
                assert_eq!(found, Some(LPIS[1]));
            } else {
                assert!(found.is_none() || LPIS.contains(&found.unwrap()));
            }
        },
    );
}

/// Remembered when the generations started for the first time; they are about to do so again.
fn old() -> Its {
    let its = Its {
        translations: Translations::of_generation(Translations::LAST_GENERATION),
        ..Its::new(0)
    };

    Translations::of_generation(1).insert(its.table(), DEVICE, EVENT, LPIS[0], Life::wrapping(0));
    its
}

/// What is of the first generation is not found when that comes again.
#[test]
fn generations_come_again() {
    race(old, Its::forget, |_, _, found| assert_eq!(found, None));
}

/// The same, if it stays in a table that is too small.
#[test]
fn generations_come_again_after_growth() {
    race(
        old,
        |its| {
            its.table.store(1, Release);
            its.forget();
        },
        |_, _, found| assert_eq!(found, None),
    );
}

/// Any number of tables and generations later, it is what is remembered.
#[test]
fn growth() {
    race(
        old,
        |its| {
            its.table.store(1, Release);
            its.forget();
            its.remember(LPIS[1]);
        },
        |_, flag, found| {
            assert!(found == Some(LPIS[1]) || !flag && found.is_none());
        },
    );
}
