// SPDX-License-Identifier: GPL-2.0

//! Tables that are read and written by several entries at once, against accesses one by one.

use crate::{
    edges::config,
    gic::{
        its::Gpa,
        list_register::Intid,
        redistributor::{
            Pendbaser,
            Propbaser, //
        },
        table_memory::{
            Bits,
            Memory,
            Run,
            Window, //
        },
    },
};
use proptest::prelude::*;
use std::cell::{
    Cell,
    RefCell, //
};

const PAGE: u64 = 4096;
const PAGES: usize = 8;

/// What a page lets one do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    Absent,
    ReadOnly,
    Writable,
}

/// Where there was no such page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fault;

/// Some pages of memory, at address zero.
#[derive(Debug)]
struct Ram {
    pages: Vec<Page>,
    bytes: RefCell<Vec<u8>>,
    reads: Cell<u32>,
    writes: Cell<u32>,
}

impl Ram {
    fn new(pages: &[Page]) -> Self {
        Self {
            pages: pages.to_vec(),
            bytes: RefCell::new(
                (0..pages.len() as u64 * PAGE)
                    .map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8)
                    .collect(),
            ),
            reads: Cell::new(0),
            writes: Cell::new(0),
        }
    }

    fn page(&self, at: u64) -> Page {
        self.pages
            .get((at / PAGE) as usize)
            .copied()
            .unwrap_or(Page::Absent)
    }

    fn read_bytes(&self, at: u64, to: &mut [u8]) -> Result<(), Fault> {
        self.reads.set(self.reads.get() + 1);
        for (at, byte) in (at..).zip(to) {
            if self.page(at) == Page::Absent {
                return Err(Fault);
            }
            *byte = self.bytes.borrow()[at as usize];
        }
        Ok(())
    }

    fn write_bytes(&self, at: u64, from: &[u8]) -> Result<(), Fault> {
        self.writes.set(self.writes.get() + 1);
        for (at, byte) in (at..).zip(from) {
            if self.page(at) != Page::Writable {
                return Err(Fault);
            }
            self.bytes.borrow_mut()[at as usize] = *byte;
        }
        Ok(())
    }

    fn byte(&self, at: u64) -> Result<u8, Fault> {
        let mut byte = [0];

        self.read_bytes(at, &mut byte).map(|()| byte[0])
    }

    /// As C writes tables of bits.
    fn set_bit(&self, at: u64, bit: u8, value: bool) -> Result<(), Fault> {
        let old = self.byte(at)?;
        let new = if value { old | bit } else { old & !bit };

        if new == old {
            return Ok(());
        }
        self.write_bytes(at, &[new])
    }
}

impl Memory<u8> for &Ram {
    type Error = Fault;

    fn read(&self, at: Gpa, to: &mut [u8]) -> Result<(), Fault> {
        self.read_bytes(at.0, to)
    }

    fn write(&self, at: Gpa, from: &[u8]) -> Result<(), Fault> {
        self.write_bytes(at.0, from)
    }
}

impl Memory<u64> for &Ram {
    type Error = Fault;

    fn read(&self, at: Gpa, to: &mut [u64]) -> Result<(), Fault> {
        let mut bytes = vec![0; to.len() * 8];

        self.read_bytes(at.0, &mut bytes)?;
        for (number, bytes) in to.iter_mut().zip(bytes.chunks(8)) {
            *number = u64::from_le_bytes(bytes.try_into().unwrap());
        }
        Ok(())
    }

    fn write(&self, at: Gpa, from: &[u64]) -> Result<(), Fault> {
        let bytes: Vec<u8> = from
            .iter()
            .flat_map(|number| number.to_ne_bytes())
            .collect();

        self.write_bytes(at.0, &bytes)
    }
}

fn pages(kinds: &'static [Page]) -> impl Strategy<Value = Vec<Page>> {
    prop::collection::vec(prop::sample::select(kinds), PAGES)
}

const ALL_KINDS: &[Page] = &[
    Page::Writable,
    Page::Writable,
    Page::Writable,
    Page::ReadOnly,
    Page::Absent,
];

/// A few stretches of entries: where, and how many.
fn stretches() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let entries = PAGES as u64 * PAGE / 8;

    prop::collection::vec((0..entries + 32, 1..200_u64), 1..6)
}

proptest! {
    #![proptest_config(config(256))]

    /// Entries are in memory as if they were written one by one, up to the first that can't be.
    #[test]
    fn a_run_writes_what_it_is_given(
        pages in pages(ALL_KINDS),
        stretches in stretches(),
        stop_after in 0..2000_usize,
    ) {
        let entries: Vec<(u64, u64)> = stretches
            .iter()
            .flat_map(|(first, count)| (*first..first + count).map(|i| i * 8))
            .zip(1..)
            .collect();
        let (one_by_one, at_once) = (Ram::new(&pages), Ram::new(&pages));
        let expected = entries
            .iter()
            .take(stop_after)
            .try_for_each(|(at, value)| one_by_one.write_bytes(*at, &value.to_le_bytes()))
            .map_err(|Fault| "fault")
            // The writer has an error of its own.
            .and(if stop_after < entries.len() { Err("stopped") } else { Ok(()) });
        let result = Run::write(&at_once, |run| {
            for (at, value) in entries.iter().take(stop_after) {
                run.put(Gpa(*at), *value)?;
            }
            if stop_after < entries.len() { Err(Stop("stopped")) } else { Ok(()) }
        });

        prop_assert_eq!(result.map_err(|Stop(why)| why), expected);
        prop_assert_eq!(one_by_one.bytes, at_once.bytes);
    }

    /// Numbers are read as if by themselves, and can be read where they can by themselves.
    #[test]
    fn a_window_shows_what_is_there(
        pages in pages(ALL_KINDS),
        places in prop::collection::vec(0..(PAGES as u64 + 1) * PAGE, 1..64),
    ) {
        let ram = Ram::new(&pages);
        let (mut bytes, mut numbers) = (Window::<u8, 256>::new(), Window::<u64, 32>::new());

        for at in places {
            prop_assert_eq!(bytes.get(&ram, Gpa(at)), ram.byte(at));

            let at = at & !7;
            let mut number = [0];
            let expected = Memory::<u64>::read(&&ram, Gpa(at), &mut number).map(|()| number[0]);

            prop_assert_eq!(numbers.get(&ram, Gpa(at)), expected);
        }
    }

    /// What was changed is shown as it is then.
    #[test]
    fn a_window_can_be_told(
        at in 0..PAGE, other in 0..PAGE, near in any::<bool>(), byte in any::<u8>(),
    ) {
        let ram = Ram::new(&[Page::Writable]);
        let mut window = Window::<u8, 32>::new();
        // One that has been read with the first, or any.
        let other = if near { at / 32 * 32 + other % 32 } else { other };

        window.get(&ram, Gpa(at)).unwrap();
        ram.write_bytes(other, &[byte]).unwrap();
        window.set(Gpa(other), byte);
        prop_assert_eq!(window.get(&ram, Gpa(other)), Ok(byte));
        for at in 0..PAGE {
            prop_assert_eq!(window.get(&ram, Gpa(at)), ram.byte(at));
        }
    }

    /// Tables of bits are as if each bit had been written by itself.
    #[test]
    fn bits_are_written_as_one_by_one(
        pages in pages(&[Page::Writable, Page::Writable, Page::Writable, Page::Absent]),
        bits in prop::collection::vec((0..6_u64, 0..PAGE * 8, any::<bool>()), 0..300),
    ) {
        let (one_by_one, at_once) = (Ram::new(&pages), Ram::new(&pages));
        let mut bits = bits;

        bits.sort_by_key(|(_, number, _)| *number);

        let places: Vec<(u64, u8, bool)> = bits
            .iter()
            .map(|(table, number, value)| (table * PAGE + number / 8, 1 << (number % 8), *value))
            .collect();
        let expected = places
            .iter()
            .try_for_each(|(at, bit, value)| one_by_one.set_bit(*at, *bit, *value));
        let result = Bits::write(&at_once, |all| {
            places
                .iter()
                .try_for_each(|(at, bit, value)| all.set(Gpa(*at), *bit, *value))
        });

        prop_assert_eq!(result, expected);
        prop_assert_eq!(one_by_one.bytes, at_once.bytes);
    }

    /// It is told if any of them can't be written.
    #[test]
    fn bits_that_cannot_be_written_are_an_error(
        pages in pages(ALL_KINDS),
        bits in prop::collection::vec((0..PAGES as u64 * PAGE, 0..8_u32, any::<bool>()), 0..40),
    ) {
        let (one_by_one, at_once) = (Ram::new(&pages), Ram::new(&pages));
        let expected = bits
            .iter()
            .try_for_each(|(at, bit, value)| one_by_one.set_bit(*at, 1 << bit, *value));
        let result = Bits::write(&at_once, |all| {
            bits.iter()
                .try_for_each(|(at, bit, value)| all.set(Gpa(*at), 1 << bit, *value))
        });

        prop_assert_eq!(result, expected);
    }

    /// Where the specification has an LPI in its tables.
    #[test]
    fn an_lpi_has_a_byte_and_a_bit(lpi in 8192..=65535_u32, base in any::<u64>()) {
        let (properties, pending) = (Propbaser::from_raw(base), Pendbaser::from_raw(base));

        prop_assert_eq!(
            properties.byte_of(Intid(lpi)),
            Gpa((base & 0x000f_ffff_ffff_f000) + u64::from(lpi) - 8192)
        );
        prop_assert_eq!(
            pending.byte_of(Intid(lpi)),
            Gpa((base & 0x000f_ffff_ffff_0000) + u64::from(lpi) / 8)
        );
        prop_assert_eq!(Pendbaser::bit_of(Intid(lpi)), 1 << (lpi % 8));
    }
}

/// Why a writer ends.
#[derive(Debug)]
struct Stop(&'static str);

impl From<Fault> for Stop {
    fn from(_: Fault) -> Self {
        Self("fault")
    }
}

/// It is for this that all of it is there.
#[test]
fn neighbours_are_accessed_at_once() {
    let ram = Ram::new(&[Page::Writable; PAGES]);

    Run::write::<Fault>(&ram, |run| {
        (0..64).try_for_each(|i| run.put(Gpa(PAGE + i * 8), i))
    })
    .unwrap();
    assert_eq!((ram.reads.get(), ram.writes.get()), (0, 1));

    let mut window = Window::<u64, 32>::new();

    for i in 0..64 {
        assert_eq!(window.get(&ram, Gpa(PAGE + i * 8)), Ok(i));
    }
    assert_eq!((ram.reads.get(), ram.writes.get()), (2, 1));

    // As many LPIs, which go to four vCPUs in turn.
    Bits::write::<Fault>(&ram, |bits| {
        (8192..8256_u64).try_for_each(|lpi| {
            // All set, and all clear.
            bits.set(Gpa((lpi % 4) * 0x1000 + lpi / 8), 1 << (lpi % 8), true)
        })
    })
    .unwrap();
    assert_eq!(ram.reads.get(), 6);
    assert!(ram.writes.get() <= 5);
}
