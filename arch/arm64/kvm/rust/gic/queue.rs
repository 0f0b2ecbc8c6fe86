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
        lpi::{
            self,
            Place as LpiPlace,
            LEAF_LPIS, //
        },
        word::{
            IrqWord,
            VcpuIdx, //
        }, //
    },
    linux::atomic::{
        AtomicU32,
        AtomicU64, //
    },
};

/// SGIs and PPIs.
const PRIVATE: u32 = 32;

/// The SPIs of a leaf, and how many leaves there are.
const SPIS: u32 = 128;
const SPI_LEAVES: u32 = 8;

/// The bits of the LPIs of a leaf in the queue of one vCPU.
pub(crate) type Row = [AtomicU64; LEAF_LPIS / 64];

/// Where the bits of LPIs are: there are so many of them that there is room for those only that
/// are, or have been, in use.
pub(crate) trait Leaves {
    /// Those of a leaf, from 0 to 55, in the queue of one vCPU. What has been there stays.
    fn leaf(&self, leaf: usize) -> Option<&Row>;
}

/// The queue of one vCPU.
pub(crate) struct Queue {
    /// SGIs and PPIs: INTID 0 to 31.
    private: AtomicU32,
    /// Which leaves may have a bit set: eight of SPIs, then those of LPIs.
    summary: AtomicU64,
    /// SPIs, from INTID 32 on.
    spis: [[AtomicU64; 2]; SPI_LEAVES as usize],
}

/// Where the bit of an interrupt is.
enum Place<'q> {
    Private {
        bit: u32,
    },
    Shared {
        leaf: &'q [AtomicU64],
        word: &'q AtomicU64,
        bit: u64,
        summary: u64,
    },
}

impl Queue {
    /// An empty one, and the right to remove from it.
    pub(crate) fn new(vcpu: VcpuIdx) -> (Self, OwnerKey) {
        let queue = Self {
            private: AtomicU32::new(0),
            summary: AtomicU64::new(0),
            spis: core::array::from_fn(|_| core::array::from_fn(|_| AtomicU64::new(0))),
        };

        (queue, OwnerKey(vcpu))
    }

    /// The words of a leaf, by its bit in the summary.
    #[inline(always)]
    fn leaf<'q>(&'q self, index: u32, lpis: &'q impl Leaves) -> Option<&'q [AtomicU64]> {
        // CAST: widening.
        match index.checked_sub(SPI_LEAVES) {
            None => self.spis.get(index as usize).map(<[_; 2]>::as_slice),
            Some(leaf) => lpis.leaf(leaf as usize).map(Row::as_slice),
        }
    }

    /// None for an INTID that is nobody's, or an LPI's that has no leaf.
    #[inline(always)]
    fn place<'q>(&'q self, intid: Intid, lpis: &'q impl Leaves) -> Option<Place<'q>> {
        if intid.0 < PRIVATE {
            return Some(Place::Private { bit: 1 << intid.0 });
        }
        if let Some(lpi) = LpiPlace::of(intid) {
            return Self::place_in(lpis.leaf(lpi.leaf)?, lpi);
        }
        let spi = intid.0.wrapping_sub(PRIVATE);
        let (index, bit) = (spi / SPIS, spi % SPIS);
        // CAST: widening.
        let leaf = self.spis.get(index as usize)?;

        Some(Place::Shared {
            leaf,
            // CAST: widening.
            word: leaf.get((bit / u64::BITS) as usize)?,
            bit: 1 << (bit % u64::BITS),
            summary: 1 << (index % u64::BITS),
        })
    }

    /// The place of an LPI in its leaf, which is `row`.
    #[inline(always)]
    fn place_in(row: &Row, lpi: LpiPlace) -> Option<Place<'_>> {
        // CAST: There are so few leaves that both numbers of them fit into the summary's bits.
        let (leaf, bit) = (lpi.leaf as u32, lpi.index as u32);

        Some(Place::Shared {
            leaf: row,
            // CAST: widening.
            word: row.get((bit / u64::BITS) as usize % row.len())?,
            bit: 1 << (bit % u64::BITS),
            summary: 1 << (SPI_LEAVES.wrapping_add(leaf) % u64::BITS),
        })
    }

    /// Sets the bit of an interrupt whose word claims it for this vCPU. Anybody may.
    ///
    /// The vCPU need not see it before it sees a request that is made after this: the caller has
    /// to make one, each time, and to kick it.
    #[inline]
    pub(crate) fn push(&self, intid: Intid, lpis: &impl Leaves) {
        self.push_at(self.place(intid, lpis));
    }

    /// The same of an LPI, whose leaf is `row`.
    #[inline(always)]
    pub(crate) fn push_lpi(&self, lpi: Intid, row: &Row) {
        self.push_at(LpiPlace::of(lpi).and_then(|place| Self::place_in(row, place)));
    }

    #[inline(always)]
    fn push_at(&self, place: Option<Place<'_>>) {
        match place {
            // Release: who clears the bit sees the claim.
            Some(Place::Private { bit }) => {
                self.private.fetch_or_release(bit);
            }
            Some(Place::Shared {
                word, bit, summary, ..
            }) => {
                word.fetch_or_release(bit);
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
    pub(crate) fn iter<'q, L: Leaves>(&'q self, lpis: &'q L) -> Iter<'q, L> {
        Iter {
            queue: self,
            lpis,
            first: 0,
            bits: u64::from(self.private.load_relaxed()),
            leaves: self.summary.load_relaxed(),
        }
    }

    /// Likewise the LPIs of one leaf, from 0 to 55.
    pub(crate) fn iter_leaf<'q, L: Leaves>(&'q self, leaf: usize, lpis: &'q L) -> Iter<'q, L> {
        // CAST: There are so few leaves.
        let index = SPI_LEAVES.wrapping_add(leaf as u32) % u64::BITS;

        Iter {
            queue: self,
            lpis,
            // Words after this one.
            first: Intid::FIRST_LPI.wrapping_sub(1),
            bits: 0,
            leaves: self.summary.load_relaxed() & 1 << index,
        }
    }
}

/// The interrupts of a [`Queue`].
pub(crate) struct Iter<'q, L> {
    queue: &'q Queue,
    lpis: &'q L,
    /// The INTID of bit 0 of `bits`.
    first: u32,
    bits: u64,
    /// The leaf that `bits` are of, and those still to come.
    leaves: u64,
}

/// The next word that has bits set, after that of INTID `first`: its first INTID, its bits, its leaf
/// and those still to come. No bits: there is none.
///
/// By value, so that the walk over private interrupts, which mostly are all, is one in registers.
#[inline(never)]
fn next_word(queue: &Queue, lpis: &impl Leaves, first: u32, mut leaves: u64) -> (u32, u64, u64) {
    while leaves != 0 {
        let index = leaves.trailing_zeros();
        let mut intid = first_of_leaf(index);
        let mut words = queue.leaf(index, lpis).unwrap_or(&[]).iter();

        while let Some(word) = words.next() {
            let bits = if intid > first {
                word.load_relaxed()
            } else {
                0
            };

            if bits != 0 {
                // To be asked for more only if there is more.
                if is_clear(words.as_slice()) {
                    leaves &= leaves.wrapping_sub(1);
                }
                return (intid, bits, leaves);
            }
            intid = intid.wrapping_add(u64::BITS);
        }
        leaves &= leaves.wrapping_sub(1);
    }
    (first, 0, 0)
}

/// The INTID of a leaf's first bit, by the leaf's bit in the summary.
fn first_of_leaf(index: u32) -> u32 {
    match index.checked_sub(SPI_LEAVES) {
        None => PRIVATE.wrapping_add(index.wrapping_mul(SPIS)),
        // CAST: widening.
        Some(leaf) => lpi::first_of_leaf(leaf as usize).0,
    }
}

impl<L: Leaves> Iterator for Iter<'_, L> {
    type Item = Intid;

    #[inline(always)]
    fn next(&mut self) -> Option<Intid> {
        if self.bits == 0 {
            if self.leaves == 0 {
                return None;
            }
            (self.first, self.bits, self.leaves) =
                next_word(self.queue, self.lpis, self.first, self.leaves);
            if self.bits == 0 {
                return None;
            }
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
    pub(crate) fn owner<'q, L>(&'q mut self, queue: &'q Queue, lpis: &'q L) -> Owner<'q, L> {
        Owner {
            vcpu: self.0,
            queue,
            lpis,
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
pub(crate) struct Owner<'q, L> {
    vcpu: VcpuIdx,
    queue: &'q Queue,
    lpis: &'q L,
}

impl<L: Leaves> Owner<'_, L> {
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
            self.queue.push(intid, self.lpis);
        } else if !left {
            self.tidy_leaf_of(intid);
        }
        settled
    }

    /// [Settles](Self::settle) an interrupt whose state is `from`, and becomes `to` with which nobody
    /// claims it. False if its state is another one: then nothing has happened.
    #[inline(always)]
    pub(crate) fn release(
        &mut self,
        intid: Intid,
        word: &AtomicWord,
        from: IrqWord,
        to: IrqWord,
    ) -> bool {
        let others = self.clear(intid);

        // After the bit, as in `settle()`.
        if !word.replace(from, to) {
            self.queue.push(intid, self.lpis);
            return false;
        }
        if !others {
            self.tidy_leaf_of(intid);
        }
        true
    }

    /// [Settles](Self::settle) all. `word` finds an interrupt's word; `settled` is called with what
    /// became of each.
    pub(crate) fn prune<'w>(
        &mut self,
        forwarding: bool,
        word: impl Fn(Intid) -> Option<&'w AtomicWord>,
        mut settled: impl FnMut(Intid, Settled),
    ) {
        let mut any = false;

        for intid in self.queue.iter(self.lpis) {
            any = true;
            let Some(word) = word(intid) else {
                if !self.clear(intid) {
                    self.tidy_leaf_of(intid);
                }
                continue;
            };
            settled(intid, self.settle(intid, word, forwarding));
        }
        // As long as there are others, a leaf that is looked at in vain costs little.
        if !any {
            self.tidy();
        }
    }

    /// Clears a bit. False if it was the last of its word.
    #[inline(always)]
    fn clear(&mut self, intid: Intid) -> bool {
        match self.queue.place(intid, self.lpis) {
            // Acquire: see `Queue::push`.
            Some(Place::Private { bit }) => {
                self.queue.private.fetch_andnot_acquire(bit) & !bit != 0
            }
            Some(Place::Shared { word, bit, .. }) => word.fetch_andnot_acquire(bit) & !bit != 0,
            None => true,
        }
    }

    /// Clears the bits of leaves that have none: who pushes may set that of a leaf whose bit has
    /// been seen and removed meanwhile.
    fn tidy(&mut self) {
        let mut leaves = self.queue.summary.load_relaxed();

        while leaves != 0 {
            let index = leaves.trailing_zeros();

            leaves &= leaves.wrapping_sub(1);
            // One that is not to be seen yet has a bit that is not to be seen yet.
            let Some(leaf) = self.queue.leaf(index, self.lpis) else {
                continue;
            };

            if is_clear(leaf) {
                self.tidy_leaf(leaf, 1 << index);
            }
        }
    }

    #[inline(always)]
    fn tidy_leaf_of(&mut self, intid: Intid) {
        if let Some(Place::Shared { leaf, summary, .. }) = self.queue.place(intid, self.lpis) {
            self.tidy_leaf(leaf, summary);
        }
    }

    /// Clears the bit of a leaf, unless that has one by now.
    #[inline]
    fn tidy_leaf(&mut self, leaf: &[AtomicU64], summary: u64) {
        // Acquire: see `Queue::push`.
        self.queue.summary.fetch_andnot_acquire(summary);
        if !is_clear(leaf) {
            self.queue.summary.fetch_or_release(summary);
        }
    }
}

/// Several at a time: most of them are.
#[inline(always)]
fn is_clear(mut leaf: &[AtomicU64]) -> bool {
    let mut all = 0;

    while let [a, b, c, d, rest @ ..] = leaf {
        all |= a.load_relaxed() | b.load_relaxed() | c.load_relaxed() | d.load_relaxed();
        leaf = rest;
    }
    leaf.iter().fold(all, |all, word| all | word.load_relaxed()) == 0
}
