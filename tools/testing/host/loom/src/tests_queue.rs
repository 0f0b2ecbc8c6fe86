// SPDX-License-Identifier: GPL-2.0

//! The queue and the word by themselves, without requests and kicks: claims, bits and what they
//! publish.

use crate::{
    gic::{
        atomic_word::AtomicWord,
        entry::Done,
        list_register::Intid,
        queue::{Leaves, OwnerKey, Queue, Row, Settled},
        word::{IrqWord, VcpuIdx},
    },
    imp::{
        atomic::{AtomicU32, Ordering::*},
        thread,
    },
    leaves::SomeLpis,
};
use std::sync::Arc;

const PRIVATE: Intid = Intid(16);
const SPI: Intid = Intid(100);
const LPI: Intid = Intid(8192 + 100);

/// In the same word.
fn neighbour(intid: Intid) -> Intid {
    Intid(intid.0 + 1)
}

/// In the same leaf.
fn relative(intid: Intid) -> Intid {
    Intid(intid.0 - 50)
}

fn here() -> VcpuIdx {
    VcpuIdx::new(0).unwrap()
}

/// A queue, and the first leaf of its LPIs.
struct Shared {
    queue: Queue,
    lpis: SomeLpis,
}

impl Shared {
    fn push(&self, intid: Intid) {
        self.queue.push(intid, &self.lpis);
    }

    fn list(&self) -> Vec<Intid> {
        self.queue.iter(&self.lpis).collect()
    }

    fn settle(&self, key: &mut OwnerKey, intid: Intid, word: &AtomicWord) -> Settled {
        key.owner(&self.queue, &self.lpis).settle(intid, word, true)
    }

    fn release(
        &self,
        key: &mut OwnerKey,
        intid: Intid,
        word: &AtomicWord,
        from: IrqWord,
        to: IrqWord,
    ) -> bool {
        key.owner(&self.queue, &self.lpis)
            .release(intid, word, from, to)
    }

    /// Of interrupts that are not claimed.
    fn prune(&self, key: &mut OwnerKey, unclaimed: &AtomicWord) {
        key.owner(&self.queue, &self.lpis).prune(
            true,
            |_| Some(unclaimed),
            |_, settled| assert_eq!(settled, Settled::Stray),
        );
    }
}

fn queue() -> (Arc<Shared>, OwnerKey) {
    let (queue, key) = Queue::new(here());
    let lpis = SomeLpis::new(&[0]);

    (Arc::new(Shared { queue, lpis }), key)
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
        queue.push(neighbour(intid));

        let (pushed, claims) = (queue.clone(), word.clone());
        let pusher = thread::spawn(move || {
            claims.1.store(1, Relaxed);
            pushed.push(intid);
        });

        // Only the bit is looked at: the word has no claim, so that it is cleared.
        if queue.list().contains(&intid) {
            assert_eq!(queue.settle(&mut key, intid, &word.0), Settled::Stray);
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

#[test]
fn push_publishes_lpi() {
    push_publishes(LPI);
}

/// A bit that is set is found in the end, whatever is removed beside it, and a queue of which all
/// is removed is empty in the end.
fn summary_is_kept_with(removed: Intid, added: Intid) {
    loom::model(move || {
        let (queue, mut key) = queue();

        queue.push(removed);

        let pushed = queue.clone();
        let pusher = thread::spawn(move || pushed.push(added));
        let unclaimed = AtomicWord::new(IrqWord::RESET);
        let _ = queue.settle(&mut key, removed, &unclaimed);

        pusher.join().unwrap();
        assert!(!queue.queue.is_empty());
        assert_eq!(queue.list(), [added]);
        queue.prune(&mut key, &unclaimed);
        assert!(queue.queue.is_empty());
    });
}

#[test]
fn summary_is_kept() {
    summary_is_kept_with(SPI, neighbour(SPI));
}

#[test]
fn summary_is_kept_for_another_word() {
    summary_is_kept_with(SPI, relative(SPI));
    summary_is_kept_with(LPI, relative(LPI));
}

/// The same, when what is pushed is removed while it is being pushed.
fn summary_is_tidied_of(intid: Intid) {
    loom::model(move || {
        let (queue, mut key) = queue();
        let pushed = queue.clone();
        let pusher = thread::spawn(move || pushed.push(intid));
        let unclaimed = AtomicWord::new(IrqWord::RESET);

        for _ in 0..2 {
            let _ = queue.settle(&mut key, intid, &unclaimed);
        }
        pusher.join().unwrap();
        queue.prune(&mut key, &unclaimed);
        assert!(queue.queue.is_empty());
        assert!(queue.list().is_empty());
    });
}

#[test]
fn summary_is_tidied() {
    summary_is_tidied_of(SPI);
    summary_is_tidied_of(LPI);
}

/// A leaf that is made while its vCPU looks: all find it by a pointer, without an order of their
/// own.
struct LateLeaf {
    row: SomeLpis,
    there: AtomicU32,
}

impl Leaves for LateLeaf {
    fn leaf(&self, leaf: usize) -> Option<&Row> {
        (self.there.load(Relaxed) != 0).then(|| self.row.leaf(leaf))?
    }
}

/// Who makes the leaf, who uses it, and the owner, which may see its queue's summary before it sees
/// that there is a leaf: the bit stays.
#[test]
fn leaf_is_seen_late() {
    loom::model(|| {
        let (queue, mut key) = Queue::new(here());
        let leaf = LateLeaf {
            row: SomeLpis::new(&[0]),
            there: AtomicU32::new(0),
        };
        let shared = Arc::new((queue, leaf, AtomicWord::new(claimed())));
        let (makes, pushes) = (shared.clone(), shared.clone());
        let maker = thread::spawn(move || makes.1.there.store(1, Release));
        let pusher = thread::spawn(move || {
            let there = pushes.1.there.load(Relaxed) != 0;

            if there {
                pushes.0.push(LPI, &pushes.1);
            }
            there
        });
        let (queue, leaf, word) = &*shared;

        key.owner(queue, leaf)
            .prune(true, |_| Some(word), |_, _| ());
        maker.join().unwrap();
        if pusher.join().unwrap() {
            assert!(!queue.is_empty());
            assert_eq!(queue.iter(leaf).collect::<Vec<_>>(), [LPI]);
        }
    });
}

/// However the owner's letting go and a new claim fall together: no claim is without its bit, and
/// what has a destination has a claim.
fn claim_against(
    intid: Intid,
    first: IrqWord,
    let_go: fn(&Shared, &mut OwnerKey, Intid, &AtomicWord),
) {
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

        let_go(&queue, &mut key, intid, &word);
        pusher.join().unwrap();
        assert_eq!(word.read().queued(), Some(here()));
        assert_eq!(queue.list(), [intid]);
        assert!(!queue.queue.is_empty());
    });
}

fn claim_against_settle(intid: Intid, first: IrqWord) {
    claim_against(intid, first, |queue, key, intid, word| {
        let _ = queue.settle(key, intid, word);
    });
}

/// The same of one that is folded and let go of at once.
#[test]
fn claim_against_release() {
    let listed = claimed()
        .without(IrqWord::Latch)
        .with(IrqWord::Edge)
        .with(IrqWord::OnLr);

    for intid in [PRIVATE, SPI, LPI] {
        claim_against(intid, listed, |queue, key, intid, word| {
            let from = word.read();

            if let Some(Done::Gone(to)) = from.done(here()) {
                if queue.release(key, intid, word, from, to) {
                    return;
                }
            }
            // What comes back says nothing.
            word.update_relaxed(|word| (word.without(IrqWord::OnLr), ()));
            let _ = queue.settle(key, intid, word);
        });
    }
}

#[test]
fn claim_against_settle_of_a_claim() {
    claim_against_settle(PRIVATE, claimed().without(IrqWord::Latch));
    claim_against_settle(SPI, claimed().without(IrqWord::Latch));
    claim_against_settle(LPI, claimed().without(IrqWord::Latch));
}

#[test]
fn claim_against_settle_of_a_stray() {
    claim_against_settle(PRIVATE, pending().without(IrqWord::Latch));
    claim_against_settle(SPI, pending().without(IrqWord::Latch));
    claim_against_settle(LPI, pending().without(IrqWord::Latch));
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
