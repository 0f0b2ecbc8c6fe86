// SPDX-License-Identifier: GPL-2.0

//! The interrupts that a vCPU has to look at, as a set of bits.
//!
//! An interrupt is *claimed* for a vCPU by its word ([`IrqWord::queued`]); a bit in that vCPU's
//! queue says "look at this one". The word decides, the bit only helps to find it: a bit without
//! a claim means nothing. What must not be is a claim without a bit. So
//!
//! - who claims sets the bit afterwards, and makes the vCPU's request after that;
//! - only the vCPU's own thread, through [`Owner`], clears a bit, and it does so *before* it looks
//!   at the word a last time: if the claim stands it sets the bit again.
//!
//! No lock, no links, no allocation. Interrupts are found by INTID, not by age.
//!
//! The argument for each order is in Documentation/virt/kvm/arm/rust/vgic-concurrency.rst.
//!
//! Mirrors: nothing, C has sorted lists and locks them
#![forbid(unsafe_code)]

use crate::{
    gic::{
        atomic_word::AtomicWord,
        list_register::Intid,
        word::VcpuIdx, //
    },
    linux::atomic::{
        AtomicU32,
        AtomicU64, //
    },
};

/// How many words hold the bits of SPIs.
const LEAVES: usize = 16;

/// SGIs and PPIs.
const PRIVATE: u32 = 32;

/// The queue of one vCPU.
pub(crate) struct Queue {
    /// SGIs and PPIs: INTID 0 to 31.
    private: AtomicU32,
    /// Which of `spis` may have a bit set.
    summary: AtomicU32,
    /// SPIs, from INTID 32 on.
    spis: [AtomicU64; LEAVES],
}

/// Where the bit of an interrupt is.
enum Place<'q> {
    Private {
        bit: u32,
    },
    Spi {
        leaf: &'q AtomicU64,
        bit: u64,
        summary: u32,
    },
}

impl Queue {
    /// An empty one, and the right to remove from it.
    pub(crate) fn new(vcpu: VcpuIdx) -> (Self, OwnerKey) {
        let queue = Self {
            private: AtomicU32::new(0),
            summary: AtomicU32::new(0),
            spis: core::array::from_fn(|_| AtomicU64::new(0)),
        };

        (queue, OwnerKey(vcpu))
    }

    /// None for an INTID that is neither private nor an SPI's.
    #[inline(always)]
    fn place(&self, intid: Intid) -> Option<Place<'_>> {
        let Some(spi) = intid.0.checked_sub(PRIVATE) else {
            return Some(Place::Private { bit: 1 << intid.0 });
        };
        let index = spi / u64::BITS;

        Some(Place::Spi {
            // CAST: widening.
            leaf: self.spis.get(index as usize)?,
            bit: 1 << (spi % u64::BITS),
            // There is such a leaf, so this is less than `LEAVES`.
            summary: 1 << (index % u32::BITS),
        })
    }

    /// Sets the bit of an interrupt whose word claims it for this vCPU. Anybody may.
    ///
    /// The vCPU need not see it before it sees a request that is made after this: the caller has
    /// to make one, each time, and to kick it.
    #[inline]
    pub(crate) fn push(&self, intid: Intid) {
        match self.place(intid) {
            // Release: who clears the bit sees the claim.
            Some(Place::Private { bit }) => {
                self.private.fetch_or_release(bit);
            }
            Some(Place::Spi { leaf, bit, summary }) => {
                leaf.fetch_or_release(bit);
                // Release: who clears this one sees the leaf's. Not left out if it is set: it may
                // be about to be cleared.
                self.summary.fetch_or_release(summary);
            }
            None => (),
        }
    }

    /// Whether no bit is set. Two loads, which order nothing.
    ///
    /// The vCPU may trust it after it has set `vcpu->mode` and looked for requests, or has
    /// answered them: what it misses has its request, or its kick, still to come.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.private.load_relaxed() == 0 && self.summary.load_relaxed() == 0
    }

    /// The interrupts whose bits are set, by INTID. Each bit is looked at some time during the
    /// walk. For anybody; whether they are claimed, their words say.
    #[inline]
    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter {
            spis: &self.spis,
            first: 0,
            bits: u64::from(self.private.load_relaxed()),
            leaves: self.summary.load_relaxed(),
        }
    }
}

/// The interrupts of a [`Queue`].
pub(crate) struct Iter<'q> {
    spis: &'q [AtomicU64; LEAVES],
    /// The INTID of bit 0 of `bits`.
    first: u32,
    bits: u64,
    /// The leaves still to come.
    leaves: u32,
}

impl Iterator for Iter<'_> {
    type Item = Intid;

    #[inline]
    fn next(&mut self) -> Option<Intid> {
        while self.bits == 0 {
            let leaf = self.leaves.trailing_zeros();

            self.leaves &= self.leaves.wrapping_sub(1);
            // CAST: widening. None: no leaf is left.
            self.bits = self.spis.get(leaf as usize)?.load_relaxed();
            self.first = PRIVATE.wrapping_add(leaf.wrapping_mul(u64::BITS));
        }
        let bit = self.bits.trailing_zeros();

        self.bits &= self.bits.wrapping_sub(1);
        Some(Intid(self.first.wrapping_add(bit)))
    }
}

/// The right to remove from the queue that it was made with; there is one for each.
///
/// To be kept where only the vCPU's own thread gets at it mutably: not what else runs on its CPU,
/// nor interrupts of that thread.
pub(crate) struct OwnerKey(VcpuIdx);

impl OwnerKey {
    /// Uses the right on `queue`, which must be the one that it was made with.
    #[inline(always)]
    pub(crate) fn owner<'q>(&'q mut self, queue: &'q Queue) -> Owner<'q> {
        Owner {
            vcpu: self.0,
            queue,
        }
    }
}

/// What became of an interrupt that was in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Settled {
    /// It is this vCPU's still.
    Stays,
    /// Nobody's.
    Gone,
    /// Its claim is another vCPU's by now. The caller has to push it there, to make that vCPU's
    /// request and to kick it.
    Moved(VcpuIdx),
    /// It had no claim here: there was nothing but a bit.
    Stray,
}

/// A queue, for its vCPU's own thread.
pub(crate) struct Owner<'q> {
    vcpu: VcpuIdx,
    queue: &'q Queue,
}

impl Owner<'_> {
    /// Lets go of an interrupt that has no business here any more, by the claim and the
    /// destination in its word. `forwarding`: its GIC's distributor is on.
    #[inline]
    pub(crate) fn settle(&mut self, intid: Intid, word: &AtomicWord, forwarding: bool) -> Settled {
        let here = Some(self.vcpu);
        let now = word.read();

        // What stays costs one load. If that is out of date, a request is on its way.
        if now.queued() == here && now.destination(forwarding) == here {
            return Settled::Stays;
        }

        let left = self.clear(intid);
        // After the bit, and ordered against it: an injector that claims it from now on sets it
        // again; one that has set it before is seen here.
        let settled = word.update_relaxed(|word| {
            if word.queued() != here {
                return (word, Settled::Stray);
            }
            match word.destination(forwarding) {
                Some(vcpu) if vcpu == self.vcpu => (word, Settled::Stays),
                Some(vcpu) => (word.with_queued(Some(vcpu)), Settled::Moved(vcpu)),
                None => (word.with_queued(None), Settled::Gone),
            }
        });

        if settled == Settled::Stays {
            self.queue.push(intid);
        } else if !left {
            self.tidy_leaf_of(intid);
        }
        settled
    }

    /// [Settles](Self::settle) all. `word` finds an interrupt's word; `settled` is called with what
    /// became of each.
    pub(crate) fn prune<'w>(
        &mut self,
        forwarding: bool,
        word: impl Fn(Intid) -> Option<&'w AtomicWord>,
        mut settled: impl FnMut(Intid, Settled),
    ) {
        let queue = self.queue;

        for intid in queue.iter() {
            let Some(word) = word(intid) else {
                if !self.clear(intid) {
                    self.tidy_leaf_of(intid);
                }
                continue;
            };
            settled(intid, self.settle(intid, word, forwarding));
        }
        self.tidy();
    }

    /// Clears a bit. False if it was the last of its word.
    #[inline(always)]
    fn clear(&mut self, intid: Intid) -> bool {
        match self.queue.place(intid) {
            // Acquire: see `Queue::push`.
            Some(Place::Private { bit }) => {
                self.queue.private.fetch_andnot_acquire(bit) & !bit != 0
            }
            Some(Place::Spi { leaf, bit, .. }) => leaf.fetch_andnot_acquire(bit) & !bit != 0,
            None => true,
        }
    }

    /// Clears the bits of leaves that have none: who pushes may set that of a leaf whose bit has
    /// been seen and removed meanwhile.
    fn tidy(&mut self) {
        let mut leaves = self.queue.summary.load_relaxed();

        while leaves != 0 {
            let index = leaves.trailing_zeros();
            // CAST: widening.
            let Some(leaf) = self.queue.spis.get(index as usize) else {
                return;
            };

            leaves &= leaves.wrapping_sub(1);
            if leaf.load_relaxed() == 0 {
                self.tidy_leaf(leaf, 1 << index);
            }
        }
    }

    #[inline(always)]
    fn tidy_leaf_of(&mut self, intid: Intid) {
        if let Some(Place::Spi { leaf, summary, .. }) = self.queue.place(intid) {
            self.tidy_leaf(leaf, summary);
        }
    }

    /// Clears the bit of a leaf, unless that has one by now.
    #[inline]
    fn tidy_leaf(&mut self, leaf: &AtomicU64, summary: u32) {
        // Acquire: see `Queue::push`.
        self.queue.summary.fetch_andnot_acquire(summary);
        if leaf.load_relaxed() != 0 {
            self.queue.summary.fetch_or_release(summary);
        }
    }
}
