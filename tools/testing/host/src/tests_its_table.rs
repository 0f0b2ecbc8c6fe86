// SPDX-License-Identifier: GPL-2.0

//! The tables of an ITS: entries as bits of the ABI, places as arithmetic without an end, and scans
//! of tables that somebody has made up.

use crate::{
    edges::{
        config,
        word, //
    },
    gic::{
        frame::Lanes,
        its::{
            DeviceId,
            EventBits,
            EventId,
            Gpa,
            Icid,
            RdBase, //
        },
        its_table::{
            Baser,
            Cte,
            Dte,
            Ite,
            Next,
            Scanned,
            Table,
            TableKind,
            NO_ENTRY, //
        },
        list_register::Intid,
        refusal::Refusal, //
    },
};
use proptest::{
    collection::btree_map,
    prelude::*, //
};
use std::collections::BTreeMap;

const K64: u64 = 0x1_0000;
const KINDS: [TableKind; 2] = [TableKind::Devices, TableKind::Collections];

fn bits(value: u64, high: u32, low: u32) -> u64 {
    value >> low & (u64::MAX >> (63 - high + low))
}

fn kind() -> impl Strategy<Value = TableKind> {
    prop_oneof![Just(TableKind::Devices), Just(TableKind::Collections)]
}

/// How far it is to the next, as an entry of an event has it.
fn event_next(next: Next) -> u64 {
    let ite = Ite {
        lpi: Intid(8192),
        icid: Icid(0),
        next,
    };

    ite.encode() >> 48
}

fn device_next(next: Next) -> u64 {
    let dte = Dte {
        itt: Gpa(0),
        event_bits: EventBits::of_field(0).expect("one"),
        next,
    };

    bits(dte.encode(), 62, 49)
}

/// From an entry of an event that says so, and is good.
fn next_of(distance: u32) -> Next {
    if distance == 0 {
        Next::LAST
    } else {
        Next::event(EventId(0), Some(EventId(distance)))
    }
}

/// A valid register.
fn baser(kind: TableKind, address: u64, pages: u64, indirect: bool) -> Baser {
    let value = 1 << 63
        | u64::from(indirect) << 62
        | address & 0xffff_ffff_0000
        | bits(address, 51, 48) << 12
        | (pages - 1);

    Baser::initial(kind).written(kind, Lanes { byte: 0, bytes: 8 }, value)
}

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn devices_entries(entry in word()) {
        let expected = if bits(entry, 63, 63) == 0 {
            Ok(None)
        } else if bits(entry, 4, 0) > 15 {
            Err(Refusal::Invalid)
        } else {
            Ok(Some((bits(entry, 48, 5) << 8, bits(entry, 4, 0) + 1, bits(entry, 62, 49))))
        };
        let got = Dte::parse(entry);

        prop_assert_eq!(
            got.map(|dte| dte.map(|dte| {
                (dte.itt.0, u64::from(dte.event_bits.events().trailing_zeros()), device_next(dte.next))
            })),
            expected
        );
        if let Ok(Some(dte)) = got {
            prop_assert_eq!(dte.encode(), entry);
        }
    }

    #[test]
    fn events_entries(
        entry in prop_oneof![word(), (0u64..0x1_0000, 0u64..0x3000, any::<u16>())
            .prop_map(|(next, lpi, icid)| next << 48 | lpi << 16 | u64::from(icid))],
        event in 0u32..0x1_0000,
        field in 0u64..16,
    ) {
        let events = EventBits::of_field(field).expect("16");
        let event = event % events.events();
        let lpi = bits(entry, 47, 16);
        let next = bits(entry, 63, 48);
        let expected = if lpi == 0 {
            Ok(None)
        } else if lpi < 8192 || u64::from(event) + next >= 2 << field {
            Err(Refusal::Invalid)
        } else {
            Ok(Some((lpi, bits(entry, 15, 0), next)))
        };
        let got = Ite::parse(entry, EventId(event), events);

        prop_assert_eq!(
            got.map(|ite| ite.map(|ite| {
                (u64::from(ite.lpi.0), u64::from(ite.icid.0), event_next(ite.next))
            })),
            expected
        );
        if let Ok(Some(ite)) = got {
            prop_assert_eq!(ite.encode(), entry);
        }
    }

    #[test]
    fn collections_entries(entry in word()) {
        let target = bits(entry, 47, 16);
        let expected = (bits(entry, 63, 63) == 1).then(|| Cte {
            icid: Icid(bits(entry, 15, 0) as u16),
            target: (target != 0xffff_ffff).then_some(RdBase(target as u32)),
        });

        prop_assert_eq!(Cte::parse(entry), expected);
        if let Some(cte) = expected {
            prop_assert_eq!(cte.encode(), entry & !(0x7fff << 48));
        }
    }

    #[test]
    fn what_is_saved_is_restored(
        itt in 0u64..1 << 44,
        field in 0u64..16,
        event in any::<u16>(),
        lpi in 8192u32..,
        icid in any::<u16>(),
        from in any::<u16>(),
        further in 1u32..0x1_0000,
        target in proptest::option::of(0u32..u32::MAX),
    ) {
        let event_bits = EventBits::of_field(field).expect("16");
        let to = u32::from(from).checked_add(further).filter(|to| *to < 0x1_0000);
        let device = Dte {
            itt: Gpa(itt << 8),
            event_bits,
            next: Next::device(DeviceId(from.into()), to.map(DeviceId)),
        };
        let collection = Cte { icid: Icid(icid), target: target.map(RdBase) };

        prop_assert_eq!(Dte::parse(device.encode()), Ok(Some(device)));
        prop_assert_eq!(Cte::parse(collection.encode()), Some(collection));

        // An event whose successor is one of the device's.
        let event = u32::from(event) % event_bits.events();
        let to = event.checked_add(further).filter(|to| *to < event_bits.events());
        let entry = Ite {
            lpi: Intid(lpi),
            icid: Icid(icid),
            next: Next::event(EventId(event), to.map(EventId)),
        };

        prop_assert_eq!(Ite::parse(entry.encode(), EventId(event), event_bits), Ok(Some(entry)));
    }

    #[test]
    fn distances(from in any::<u16>(), to in proptest::option::of(any::<u16>())) {
        let (from, to) = match to {
            Some(to) if to != from => (from.min(to), Some(from.max(to))),
            _ => (from, None),
        };
        let distance = to.map_or(0, |to| u64::from(to) - u64::from(from));
        let (from, to) = (u32::from(from), to.map(u32::from));

        prop_assert_eq!(
            device_next(Next::device(DeviceId(from), to.map(DeviceId))),
            distance.min(16383)
        );
        prop_assert_eq!(event_next(Next::event(EventId(from), to.map(EventId))), distance);
    }

    /// A table of whatever: it is never left, it comes to an end, and as C counts it.
    #[test]
    fn scans_of_tables_made_up(
        field in 0u64..16,
        itt in word(),
        distances in btree_map(0u32..0x1_0000, prop_oneof![
            Just(0u32), 1u32..5, 0u32..0x1_0000, Just(0xffff)
        ], 0..20),
        broken in proptest::option::of(0u32..0x1_0000),
    ) {
        let events = EventBits::of_field(field).expect("16");
        let table = Table::events(Gpa(itt), events);
        let distance = |index: u32| distances.get(&index).copied().unwrap_or(1);
        let mut visited = Vec::new();
        let got = table.scan(|id, place| {
            visited.push((id, place));
            if broken == Some(id) {
                Err(id)
            } else {
                Ok(next_of(distance(id)))
            }
        });

        // As C does: what is left, in bytes.
        let mut expected = Vec::new();
        let mut left = (2u128 << field) * 8;
        let (mut id, mut at) = (0, itt);
        let result = loop {
            expected.push((id, Gpa(at)));
            if broken == Some(id) {
                break Err(id);
            }
            let bytes = u128::from(distance(id)) * 8;

            if bytes == 0 {
                break Ok(Scanned::Last);
            }
            if bytes >= left {
                break Ok(Scanned::End);
            }
            left -= bytes;
            id += distance(id);
            at = at.wrapping_add(bytes as u64);
        };

        prop_assert_eq!(got, result);
        prop_assert_eq!(&visited, &expected);
        prop_assert!(visited.windows(2).all(|pair| pair[0].0 < pair[1].0));

        let inside = |(id, place): &(u32, Gpa)| {
            *id < events.events() && place.0.wrapping_sub(itt) == u64::from(*id) * 8
        };

        prop_assert!(visited.iter().all(inside));
    }

    /// Where the entry of a device or a collection is, in numbers that do not wrap.
    #[test]
    fn places(
        kind in kind(),
        address in (0u64..1 << 36).prop_map(|page| page * K64),
        pages in 1u64..=256,
        indirect in any::<bool>(),
        id in prop_oneof![4 => 0u32..0x1_0000, 2 => 0u32..0x2_0000, 1 => any::<u32>()],
        entry in prop_oneof![word(), word().prop_map(|entry| entry | 1 << 63)],
        readable in any::<bool>(),
    ) {
        let register = baser(kind, address, pages, indirect);
        // Only devices have a table of pages.
        let indirect = indirect && kind == TableKind::Devices;
        let mut read = None;
        let place = register.place(id, |at| {
            read = Some(at);
            readable.then_some(entry)
        });
        let wide = u128::from(id);
        let expected_read = (indirect && id < 0x1_0000 && wide / 8192 < u128::from(pages) * 8192)
            .then(|| address as u128 + wide / 8192 * 8);
        let expected = if id >= 0x1_0000 {
            None
        } else if !indirect {
            (wide < u128::from(pages) * 8192).then(|| address as u128 + wide * 8)
        } else if readable && entry >> 63 == 1 {
            Some(u128::from(bits(entry, 51, 16) << 16) + wide % 8192 * 8)
        } else {
            None
        };

        prop_assert_eq!(register.is_indirect(), indirect);
        prop_assert_eq!(register.address().0, address);
        prop_assert_eq!(read.map(|at| u128::from(at.0)), expected_read);
        prop_assert_eq!(place.map(|at| u128::from(at.0)), expected);
    }

    /// Both ways to get at an entry of a device agree: one by its number, the other by going through
    /// all of a table, of pages or not.
    #[test]
    fn places_and_scans(
        pages in 1u64..4,
        indirect in any::<bool>(),
        level1 in btree_map(0u32..40, word().prop_map(|entry| entry | 1 << 63), 0..6),
        steps in proptest::collection::vec(1u32..9000, 1..200),
    ) {
        let base = 0x10_0000;
        let register = baser(TableKind::Devices, base, pages, indirect);
        let read = |at: Gpa| {
            let index = u32::try_from((at.0 - base) / 8).ok()?;

            level1.get(&index).copied()
        };
        let mut steps = steps.into_iter().cycle();
        let mut visited = Vec::new();
        let mut visit = |id, place| {
            visited.push((id, place));
            Ok::<_, ()>(next_of(steps.next().expect("endless")))
        };
        let scanned = if indirect {
            register.table().scan(|index, at| {
                match read(at).and_then(|entry| Table::page(index, entry)) {
                    Some(page) => page.scan(&mut visit).map(Next::after),
                    None => Ok(Next::ONE),
                }
            })
        } else {
            register.table().scan(&mut visit)
        };

        prop_assert_eq!(scanned, Ok(Scanned::End));
        prop_assert_eq!(visited.is_empty(), indirect && level1.is_empty());
        for (id, place) in visited {
            let expected = register.place(id, |at| read(at));

            prop_assert_eq!(expected.is_some(), id < 0x1_0000);
            prop_assert!(expected.is_none_or(|expected| expected == place));
        }
    }

    #[test]
    fn registers_of_tables(
        kind in kind(),
        old in any::<u64>(),
        value in word(),
        lanes in prop_oneof![
            Just((0u32, 8u32)), Just((0, 4)), Just((4, 4)), Just((8, 8)), Just((12, 4))
        ],
    ) {
        let full = Lanes { byte: 0, bytes: 8 };
        let old = Baser::initial(kind).written(kind, full, old);
        let (byte, bytes) = lanes;
        let mut new = old.into_raw().to_le_bytes();
        let (start, count) = ((byte % 8) as usize, bytes as usize);

        new[start..start + count].copy_from_slice(&value.to_le_bytes()[..count]);

        let new = u64::from_le_bytes(new);
        let written = old.written(kind, Lanes { byte, bytes }, value);
        let raw = written.into_raw();

        for (high, low, field) in [
            (7, 0, bits(new, 7, 0)),
            (9, 8, 2),
            (11, 10, if bits(new, 11, 10) == 2 { 1 } else { bits(new, 11, 10) }),
            (47, 12, bits(new, 47, 12)),
            (52, 48, 7),
            (55, 53, u64::from(bits(new, 55, 53) == 1)),
            (58, 56, if kind == TableKind::Devices { 1 } else { 4 }),
            (61, 59, if bits(new, 61, 59) < 2 { 3 } else { bits(new, 61, 59) }),
            (62, 62, if kind == TableKind::Devices { bits(new, 62, 62) } else { 0 }),
            (63, 63, bits(new, 63, 63)),
        ] {
            prop_assert_eq!(bits(raw, high, low), field, "{}:{} {:x}", high, low, new);
        }
        prop_assert_eq!(written.is_valid(), bits(new, 63, 63) == 1);
        prop_assert_eq!(written.reset().into_raw(), raw & u64::MAX >> 1);
        // What is read can be written back.
        prop_assert_eq!(written.written(kind, full, raw), written);
        prop_assert_eq!(Baser::initial(kind).written(kind, full, raw), written);
    }

    #[test]
    fn pages_of_devices(index in any::<u32>(), entry in word()) {
        let page = Table::page(index, entry);
        let mut first = None;

        prop_assert_eq!(page.is_some(), entry >> 63 == 1);
        if let Some(page) = page {
            let _ = page.scan(|id, place| {
                first = Some((id, place));
                Err(())
            });
            let number = (u64::from(index) * 8192).min(u64::from(u32::MAX));

            prop_assert_eq!(first, Some((number as u32, Gpa(bits(entry, 51, 16) << 16))));
            prop_assert_eq!(page.place(8191), Some(Gpa((bits(entry, 51, 16) << 16) + 8191 * 8)));
            prop_assert_eq!(page.place(8192), None);
        }
    }
}

/// B14: an entry may say that the next one is just past the end, but not that it is the last.
#[test]
fn the_end_of_a_table() {
    let table = Table::events(Gpa(K64), EventBits::of_field(0).expect("one"));
    let scan = |distance| {
        let mut visits = 0;
        let end = table.scan(|_, _| {
            visits += 1;
            Ok::<_, ()>(next_of(distance))
        });

        (end, visits)
    };

    assert_eq!(scan(0), (Ok(Scanned::Last), 1));
    assert_eq!(scan(1), (Ok(Scanned::End), 2));
    assert_eq!(scan(2), (Ok(Scanned::End), 1));
    assert_eq!(scan(0xffff), (Ok(Scanned::End), 1));
}

/// B5: a device with more events than there can be.
#[test]
fn too_many_events() {
    for size in 0..32 {
        assert_eq!(Dte::parse(1 << 63 | size).is_err(), size > 15);
        assert_eq!(Dte::parse(size), Ok(None));
    }
}

/// Nothing, where there is nothing.
#[test]
fn no_entry() {
    let events = EventBits::of_field(15).expect("16");

    assert_eq!(Dte::parse(NO_ENTRY), Ok(None));
    assert_eq!(Ite::parse(NO_ENTRY, EventId(0), events), Ok(None));
    assert_eq!(Cte::parse(NO_ENTRY), None);
}

#[test]
fn new_registers() {
    assert_eq!(
        KINDS.map(|kind| Baser::initial(kind).into_raw()),
        [0x1907_0000_0000_0600, 0x1c07_0000_0000_0600]
    );
    assert_eq!(TableKind::of_index(0), Some(TableKind::Devices));
    assert_eq!(TableKind::of_index(1), Some(TableKind::Collections));
    assert!((2..9).all(|index| TableKind::of_index(index).is_none()));
}

/// A table that is full to the last entry, saved and read again: what comes back is what there was,
/// and the empty ones between are not looked at, but for those too far apart.
#[test]
fn a_table_of_devices() {
    let devices = [0u32, 1, 2, 5, 16388, 16389, 40000, 65535];
    let register = baser(TableKind::Devices, 0x100_0000, 8, false);
    let mut memory = BTreeMap::new();

    for (at, id) in devices.iter().enumerate() {
        let dte = Dte {
            itt: Gpa(u64::from(*id) << 8),
            event_bits: EventBits::of_field(3).expect("four"),
            next: Next::device(DeviceId(*id), devices.get(at + 1).map(|id| DeviceId(*id))),
        };
        let place = register.place(*id, |_| None).expect("in the table");

        memory.insert(place, dte.encode());
    }
    let mut found = Vec::new();
    let mut visits = 0;
    let end = register.table().scan(|id, place| {
        visits += 1;
        match Dte::parse(memory.get(&place).copied().unwrap_or(NO_ENTRY))? {
            Some(dte) => {
                assert_eq!(dte.itt, Gpa(u64::from(id) << 8));
                found.push(id);
                Ok::<_, Refusal>(dte.next)
            }
            None => Ok(Next::ONE),
        }
    });

    assert_eq!(end, Ok(Scanned::Last));
    assert_eq!(found, devices);
    // 16388 is just as far from 5 as an entry can say, 40000 and 65535 are further off.
    assert_eq!(
        visits,
        devices.len() + (40000 - 16389 - 16383) + (65535 - 40000 - 16383)
    );
}
