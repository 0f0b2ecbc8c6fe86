// SPDX-License-Identifier: GPL-2.0

//! Tables in a guest's memory, read and written by several entries at once.
//!
//! A table is gone through in order. What is next to an entry is wanted next, as a rule; and to find
//! a place in a guest's memory costs much more than to copy a few bytes from there.
//!
//! It must not be seen in what is in memory afterwards, nor in whether there is an error. Memory is
//! there or not by pages, of 4 KiB or more. So a [`Window`] does not reach beyond such a page; what
//! is written together follows each other, and is written upwards; and when something fails all
//! that came before is written.
//!
//! Mirrors: nothing, C accesses each entry by itself
#![forbid(unsafe_code)]

use super::{
    its::Gpa,
    its_table::ENTRY_BYTES, //
};

/// Memory that consists of `T`s, in little endian.
pub(crate) trait Memory<T> {
    /// It is not there.
    type Error;

    /// Reads `T`s that follow each other from `at`.
    fn read(&self, at: Gpa, to: &mut [T]) -> Result<(), Self::Error>;

    /// Writes `T`s to follow each other from `at`: upwards, as far as it is there.
    fn write(&self, at: Gpa, from: &[T]) -> Result<(), Self::Error>;
}

/// `N` numbers that follow each other in memory, as they were when one of them was read.
pub(crate) struct Window<T, const N: usize> {
    /// Where the first one is, if any has been read.
    start: Option<Gpa>,
    numbers: [T; N],
}

impl<T: Copy + Default, const N: usize> Window<T, N> {
    // CAST: widening.
    const NUMBER_BYTES: u64 = size_of::<T>() as u64;
    const BYTES: u64 = {
        assert!(N.is_power_of_two() && N * size_of::<T>() <= 4096);
        // CAST: widening.
        (N * size_of::<T>()) as u64
    };

    /// With nothing in it.
    pub(crate) fn new() -> Self {
        Self {
            start: None,
            numbers: [T::default(); N],
        }
    }

    /// The number at `at`, which is aligned.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    #[inline]
    pub(crate) fn get<M: Memory<T>>(&mut self, memory: M, at: Gpa) -> Result<T, M::Error> {
        if self.start != Some(Self::start_of(at)) {
            self.fill(memory, Self::start_of(at))?;
        }
        // It is always there.
        Ok(self
            .numbers
            .get(Self::index_of(at))
            .copied()
            .unwrap_or_default())
    }

    /// What is at `at`, which has been read, is `number` from now on.
    pub(crate) fn set(&mut self, at: Gpa, number: T) {
        if self.start == Some(Self::start_of(at)) {
            if let Some(place) = self.numbers.get_mut(Self::index_of(at)) {
                *place = number;
            }
        }
    }

    #[inline(never)]
    fn fill<M: Memory<T>>(&mut self, memory: M, start: Gpa) -> Result<(), M::Error> {
        self.start = None;
        memory.read(start, &mut self.numbers)?;
        self.start = Some(start);
        Ok(())
    }

    const fn start_of(at: Gpa) -> Gpa {
        Gpa(at.0 & !(Self::BYTES - 1))
    }

    const fn index_of(at: Gpa) -> usize {
        // CAST: Less than `N`.
        ((at.0 & (Self::BYTES - 1)) / Self::NUMBER_BYTES) as usize
    }
}

/// How many entries are written at once.
const RUN: usize = 64;

/// Entries that are written one after the other, and at once as far as they follow each other.
pub(crate) struct Run<M> {
    memory: M,
    /// Where the first one is that is not written yet.
    start: Gpa,
    entries: [u64; RUN],
    count: usize,
}

impl<M: Memory<u64>> Run<M> {
    /// Has `f` give entries. All that it has given are written when this returns, also if it fails.
    ///
    /// # Errors
    ///
    /// That of the first entry that can't be written; then those of `f`.
    pub(crate) fn write<E: From<M::Error>>(
        memory: M,
        f: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut run = Self {
            memory,
            start: Gpa(0),
            entries: [0; RUN],
            count: 0,
        };
        let result = f(&mut run);

        run.flush()?;
        result
    }

    /// What is at `at` is to be `entry`.
    ///
    /// # Errors
    ///
    /// That of one which was given before. `f` has to end then.
    #[inline]
    pub(crate) fn put(&mut self, at: Gpa, entry: u64) -> Result<(), M::Error> {
        if self.count == RUN || self.next() != at {
            self.flush()?;
            self.start = at;
        }
        if let Some(place) = self.entries.get_mut(self.count) {
            *place = entry.to_le();
            self.count = self.count.wrapping_add(1);
        }
        Ok(())
    }

    /// Where the next one is if they follow each other.
    fn next(&self) -> Gpa {
        // CAST: widening.
        self.start
            .plus((self.count as u64).wrapping_mul(u64::from(ENTRY_BYTES)))
    }

    #[inline(never)]
    fn flush(&mut self) -> Result<(), M::Error> {
        let count = core::mem::take(&mut self.count);

        match self.entries.get(..count) {
            None | Some([]) => Ok(()),
            Some(entries) => self.memory.write(self.start, entries),
        }
    }
}

/// How many bytes of a table of bits are held at once.
const ROW: usize = 128;

/// Bytes that are written back if they change.
struct Row {
    /// Where the first one is, if they are any.
    start: Option<Gpa>,
    bytes: [u8; ROW],
    /// The first one that has changed, and the one after the last.
    changed: Option<(usize, usize)>,
}

impl Row {
    const NONE: Self = Self {
        start: None,
        bytes: [0; ROW],
        changed: None,
    };

    #[inline(never)]
    fn load<M: Memory<u8>>(&mut self, memory: &M, start: Gpa) -> Result<(), M::Error> {
        self.flush(memory)?;
        self.start = None;
        memory.read(start, &mut self.bytes)?;
        self.start = Some(start);
        Ok(())
    }

    fn flush<M: Memory<u8>>(&mut self, memory: &M) -> Result<(), M::Error> {
        let (Some(start), Some((first, end))) = (self.start, self.changed.take()) else {
            return Ok(());
        };

        match self.bytes.get(first..end) {
            // CAST: widening.
            Some(changed) => memory.write(start.plus(first as u64), changed),
            None => Ok(()),
        }
    }

    fn set(&mut self, index: usize, bits: u8, value: bool) {
        let Some(byte) = self.bytes.get_mut(index) else {
            return;
        };
        let new = if value { *byte | bits } else { *byte & !bits };

        if new != *byte {
            let end = index.wrapping_add(1);

            *byte = new;
            self.changed = Some(match self.changed {
                None => (index, end),
                Some((first, last)) => (first.min(index), last.max(end)),
            });
        }
    }
}

/// So many tables can be gone through in turn, without anything being read twice.
const ROWS: usize = 4;

/// Tables of bits that are gone through side by side.
pub(crate) struct Bits<M> {
    memory: M,
    rows: [Row; ROWS],
    /// The one that was read last.
    newest: usize,
}

impl<M: Memory<u8>> Bits<M> {
    /// Has `f` set bits. All is written that has changed when this returns, also if `f` fails.
    ///
    /// # Errors
    ///
    /// That of a byte that can't be written; then those of `f`.
    pub(crate) fn write<E: From<M::Error>>(
        memory: M,
        f: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut bits = Self {
            memory,
            rows: [const { Row::NONE }; ROWS],
            newest: 0,
        };
        let result = f(&mut bits);

        bits.flush()?;
        result
    }

    /// Has `bits` of the byte at `at` be set or clear.
    ///
    /// # Errors
    ///
    /// If it can't be read, or one that was changed before can't be written. `f` has to end then.
    #[inline]
    pub(crate) fn set(&mut self, at: Gpa, bits: u8, value: bool) -> Result<(), M::Error> {
        // CAST: widening, and less than it.
        const MASK: u64 = ROW as u64 - 1;

        if let Some(row) = self.row(Gpa(at.0 & !MASK))? {
            // CAST: See above.
            row.set((at.0 & MASK) as usize, bits, value);
        }
        Ok(())
    }

    /// The row that starts there; there always is one.
    fn row(&mut self, start: Gpa) -> Result<Option<&mut Row>, M::Error> {
        let there = (0..ROWS).find(|index| {
            self.rows
                .get(*index)
                .is_some_and(|row| row.start == Some(start))
        });

        if let Some(index) = there {
            return Ok(self.rows.get_mut(index));
        }
        self.newest = self.newest.wrapping_add(1) % ROWS;

        let Some(row) = self.rows.get_mut(self.newest) else {
            return Ok(None);
        };

        row.load(&self.memory, start)?;
        Ok(Some(row))
    }

    fn flush(&mut self) -> Result<(), M::Error> {
        let mut result = Ok(());

        for row in &mut self.rows {
            result = row.flush(&self.memory).and(result);
        }
        result
    }
}
