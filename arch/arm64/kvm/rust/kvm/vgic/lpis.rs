// SPDX-License-Identifier: GPL-2.0

//! The LPIs of a VM: a table of words by INTID, from which nothing is ever removed.
//!
//! An LPI is mapped if its word is not [`Dead`](IrqWord::Dead). Leaves of the table are made when
//! the first of their LPIs is mapped, and freed with the VM. So an LPI is found from any context,
//! by two loads, and what is found stays: there is nothing to count, and nothing to wait for.
//!
//! Numbers are cut down to indices that there are: with no check that a CPU might mispredict.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.c: vgic_get_lpi, vgic_release_lpi_locked,
//!     vgic_release_deleted_lpis; arch/arm64/kvm/vgic/vgic-its.c: vgic_add_lpi
#![forbid(unsafe_code)]

use crate::{
    gic::{
        atomic_word::AtomicWord,
        list_register::Intid,
        lpi::{
            first_of_leaf,
            Place,
            LEAF_LPIS,
            LEAVES,
            ROOM, //
        },
        queue::{
            Leaves,
            Row, //
        },
        word::{
            IrqWord,
            VcpuIdx, //
        },
    },
    linux::prelude::*, //
};
use kernel::{
    alloc::flags::*,
    prelude::*, //
};

/// All LPIs of a VM.
pub(crate) struct LpiTable {
    leaves: [OnceBox<LpiLeaf>; ROOM],
}

/// LPIs that follow one another.
pub(crate) struct LpiLeaf {
    words: KBox<[AtomicWord; LEAF_LPIS]>,
    /// Their bits in the queue of each vCPU.
    rows: KVVec<Row>,
}

impl LpiTable {
    /// None is mapped.
    pub(super) const fn new() -> Self {
        Self {
            leaves: [const { OnceBox::new() }; ROOM],
        }
    }

    /// A leaf, once there is one.
    #[inline(always)]
    pub(crate) fn leaf(&self, leaf: usize) -> Option<&LpiLeaf> {
        self.leaves.get(leaf % ROOM)?.get()
    }

    /// The word of an LPI. None if it has never been mapped, nor any near it.
    #[inline(always)]
    pub(crate) fn word(&self, lpi: Intid) -> Option<&AtomicWord> {
        Some(self.find(lpi)?.0)
    }

    /// The same, and the leaf that it is in.
    #[inline(always)]
    pub(crate) fn find(&self, lpi: Intid) -> Option<(&AtomicWord, &LpiLeaf)> {
        let place = Place::of(lpi)?;
        let leaf = self.leaf(place.leaf)?;

        Some((leaf.words.get(place.index % LEAF_LPIS)?, leaf))
    }

    /// Makes sure that there is a word for an LPI, in a VM with that many vCPUs. Sleeps.
    ///
    /// # Errors
    ///
    /// `EINVAL` if no LPI has that number; `ENOMEM`.
    pub(crate) fn make(&self, lpi: Intid, vcpus: usize) -> Result {
        let place = Place::of(lpi).ok_or(EINVAL)?;
        let room = self.leaves.get(place.leaf).ok_or(EINVAL)?;

        if room.get().is_none() {
            room.set(LpiLeaf::new(vcpus)?);
        }
        Ok(())
    }

    /// The leaves that there are, each with the number of its first LPI.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = (Intid, &LpiLeaf)> {
        (0..LEAVES).filter_map(|leaf| Some((first_of_leaf(leaf), self.leaf(leaf)?)))
    }
}

impl LpiLeaf {
    fn new(vcpus: usize) -> Result<KBox<Self>> {
        let empty = || Ok([const { AtomicU64::new(0) }; 16]);
        let leaf = Self {
            words: boxed::try_array(|| AtomicWord::new(IrqWord::UNMAPPED))?,
            rows: vec::try_collect_large(vcpus, (0..vcpus).map(|_| empty()))?,
        };

        Ok(KBox::new(leaf, GFP_KERNEL_ACCOUNT)?)
    }

    /// The states of all its LPIs, mapped or not.
    pub(crate) fn words(&self) -> &[AtomicWord] {
        self.words.as_slice()
    }

    /// Their bits in the queue of a vCPU. No table that a CPU has to be kept from overreading: the
    /// numbers of vCPUs are those in words, of which each has been one of a vCPU that there is.
    #[inline(always)]
    pub(crate) fn row(&self, vcpu: VcpuIdx) -> Option<&Row> {
        self.rows.get(vcpu.get())
    }
}

/// The part of a vCPU's queue that has LPIs.
#[derive(Clone, Copy)]
pub(crate) struct LpiRows<'a> {
    table: &'a LpiTable,
    vcpu: VcpuIdx,
}

impl<'a> LpiRows<'a> {
    /// Of that vCPU.
    #[inline(always)]
    pub(super) fn new(table: &'a LpiTable, vcpu: VcpuIdx) -> Self {
        Self { table, vcpu }
    }
}

impl Leaves for LpiRows<'_> {
    #[inline(always)]
    fn leaf(&self, index: usize) -> Option<&Row> {
        self.table.leaf(index)?.row(self.vcpu)
    }
}
