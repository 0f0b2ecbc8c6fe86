// SPDX-License-Identifier: GPL-2.0

//! The queue and the word by themselves, without requests and kicks: claims, bits and what they
//! publish.

use crate::{
    gic::{
        atomic_word::AtomicWord,
        list_register::Intid,
        queue::{OwnerKey, Queue, Settled},
        word::{IrqWord, VcpuIdx},
    },
    imp::{
        atomic::{AtomicU32, Ordering::*},
        thread,
    },
};
use std::sync::Arc;

const PRIVATE: Intid = Intid(16);
const SPI: Intid = Intid(100);
/// In the same leaf.
const NEIGHBOUR: Intid = Intid(101);

fn here() -> VcpuIdx {
    VcpuIdx::new(0).unwrap()
}

fn queue() -> (Arc<Queue>, OwnerKey) {
    let (queue, key) = Queue::new(here());

    (Arc::new(queue), key)
}

/// Pending, enabled, for vCPU 0.
fn pending() -> IrqWord {
    IrqWord::RESET
        .with(IrqWord::Enabled)
        .with(IrqWord::Latch)
        .with_target(Some(here()))
}

fn claimed() -> IrqWord {
    pending().with_queued(Some(here()))
}

/// Whoever clears a bit sees what was written before it was set, without the help of the claim's
/// barrier.
fn push_publishes(intid: Intid) {
    loom::model(move || {
        let (queue, mut key) = queue();
        let word = Arc::new((AtomicWord::new(pending()), AtomicU32::new(0)));

        // So that the summary is not touched when the bit is cleared.
        queue.push(NEIGHBOUR);

        let (pushed, claims) = (queue.clone(), word.clone());
        let pusher = thread::spawn(move || {
            claims.1.store(1, Relaxed);
            pushed.push(intid);
        });
        let mut owner = key.owner(&queue);

        // Only the bit is looked at: the word has no claim, so that it is cleared.
        if queue.iter().any(|known| known == intid) {
            assert_eq!(owner.settle(intid, &word.0, true), Settled::Stray);
            assert_eq!(word.1.load(Relaxed), 1);
        }
        pusher.join().unwrap();
    });
}

#[test]
fn push_publishes_private() {
    push_publishes(PRIVATE);
}

#[test]
fn push_publishes_spi() {
    push_publishes(SPI);
}

/// A bit that is set is found in the end, whatever is removed beside it, and a queue of which all
/// is removed is empty in the end.
#[test]
fn summary_is_kept() {
    loom::model(|| {
        let (queue, mut key) = queue();

        queue.push(SPI);

        let pushed = queue.clone();
        let pusher = thread::spawn(move || pushed.push(NEIGHBOUR));
        let unclaimed = AtomicWord::new(IrqWord::RESET);
        let _ = key.owner(&queue).settle(SPI, &unclaimed, true);

        pusher.join().unwrap();
        assert!(!queue.is_empty());
        assert_eq!(queue.iter().collect::<Vec<_>>(), [NEIGHBOUR]);
        key.owner(&queue).prune(
            true,
            |_| Some(&unclaimed),
            |_, settled| assert_eq!(settled, Settled::Stray),
        );
        assert!(queue.is_empty());
    });
}

/// The same, when what is pushed is removed while it is being pushed.
#[test]
fn summary_is_tidied() {
    loom::model(|| {
        let (queue, mut key) = queue();
        let pushed = queue.clone();
        let pusher = thread::spawn(move || pushed.push(SPI));
        let unclaimed = AtomicWord::new(IrqWord::RESET);

        for _ in 0..2 {
            let _ = key.owner(&queue).settle(SPI, &unclaimed, true);
        }
        pusher.join().unwrap();
        key.owner(&queue).prune(
            true,
            |_| Some(&unclaimed),
            |_, settled| assert_eq!(settled, Settled::Stray),
        );
        assert!(queue.is_empty());
        assert_eq!(queue.iter().count(), 0);
    });
}

/// However the owner's letting go and a new claim fall together: no claim is without its bit, and
/// what has a destination has a claim.
fn claim_against_settle(intid: Intid, first: IrqWord) {
    loom::model(move || {
        let (queue, mut key) = queue();
        let word = Arc::new(AtomicWord::new(first));

        queue.push(intid);

        let (pushed, claims) = (queue.clone(), word.clone());
        let pusher = thread::spawn(move || {
            let push = claims.update_relaxed(|word| {
                let new = word.with(IrqWord::Latch);

                match new.queued() {
                    Some(_) => (new, false),
                    None => (new.with_queued(new.target()), true),
                }
            });
            if push {
                pushed.push(intid);
            }
        });

        let _ = key.owner(&queue).settle(intid, &word, true);
        pusher.join().unwrap();
        assert_eq!(word.read().queued(), Some(here()));
        assert_eq!(queue.iter().collect::<Vec<_>>(), [intid]);
        assert!(!queue.is_empty());
    });
}

#[test]
fn claim_against_settle_of_a_claim() {
    claim_against_settle(PRIVATE, claimed().without(IrqWord::Latch));
    claim_against_settle(SPI, claimed().without(IrqWord::Latch));
}

#[test]
fn claim_against_settle_of_a_stray() {
    claim_against_settle(PRIVATE, pending().without(IrqWord::Latch));
    claim_against_settle(SPI, pending().without(IrqWord::Latch));
}

/// What an edge announces is seen by who consumes the latch, though the latch was set before.
#[test]
fn edge_upon_edge() {
    loom::model(|| {
        let shared = Arc::new((AtomicWord::new(claimed()), AtomicU32::new(0)));
        let device = shared.clone();
        let injector = thread::spawn(move || {
            device.1.store(1, Relaxed);
            device.0.update(|word| (word.with(IrqWord::Latch), ()));
        });
        let (word, data) = &*shared;

        word.update_relaxed(|word| (word.without(IrqWord::Latch), ()));

        let seen = data.load(Relaxed) == 1;

        injector.join().unwrap();
        assert!(seen || word.read().has(IrqWord::Latch));
    });
}
