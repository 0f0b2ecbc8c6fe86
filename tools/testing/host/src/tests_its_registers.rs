// SPDX-License-Identifier: GPL-2.0

//! The registers of an ITS, its queue of commands and its frame: against the specification's
//! numbers, written down here, and against the C code's table of registers.

use crate::{
    edges::{
        config,
        word, //
    },
    gic::{
        frame::{
            Access,
            Lanes,
            Read,
            Who, //
        },
        frame_gits::{
            user_bytes,
            user_offset,
            Gits,
            GITS, //
        },
        its::Gpa,
        its_registers::{
            check_iidr,
            ctlr,
            ctlr_written,
            id_register,
            CommandQueue,
            IIDR,
            TYPER, //
        },
        its_table::{
            Baser,
            TableKind, //
        },
        list_register::Intid,
        redistributor::Propbaser,
        refusal::Refusal, //
    },
    regions::{
        defines,
        value, //
    },
    tests_registers::read,
};
use proptest::prelude::*;
use std::ops::Range;

const ALL: Lanes = Lanes { byte: 0, bytes: 8 };

fn bits(value: u64, high: u32, low: u32) -> u64 {
    value >> low & (u64::MAX >> (63 - high + low))
}

/// Who can write a register.
#[derive(Clone, Copy, PartialEq)]
enum Writers {
    Nobody,
    User,
    Anybody,
}
use Writers::*;

/// "ITS register map" of the specification, as far as KVM has it: where, how long, in which widths,
/// and who can write it.
const SPECIFIED: &[(Range<u32>, &[u32], Gits, Writers)] = &[
    (0x0000..0x0004, &[4], Gits::Ctlr, Anybody),
    (0x0004..0x0008, &[4], Gits::Iidr, User),
    (0x0008..0x0010, &[4, 8], Gits::Typer, Nobody),
    (0x0080..0x0088, &[4, 8], Gits::Cbaser, Anybody),
    (0x0088..0x0090, &[4, 8], Gits::Cwriter, Anybody),
    (0x0090..0x0098, &[4, 8], Gits::Creadr, User),
    (0x0100..0x0140, &[4, 8], Gits::Baser, Anybody),
    (0xffd0..0x1_0000, &[4], Gits::Id, Nobody),
];

/// What an access is of, as far as it is of anything.
fn specified(offset: u32, bytes: u32) -> Option<(Access<Gits>, Writers)> {
    let (range, widths, register, writers) =
        SPECIFIED.iter().find(|row| row.0.contains(&offset))?;

    (widths.contains(&bytes) && offset % bytes == 0).then(|| {
        let access = Access {
            register: *register,
            first: Intid(0),
            count: 0,
            lanes: Lanes {
                byte: offset - range.start,
                bytes,
            },
        };

        (access, *writers)
    })
}

#[test]
fn frame() {
    for offset in 0..0x2_0010 {
        for bytes in [1, 2, 4, 8, 16, 3] {
            for who in [Who::Guest, Who::User] {
                let found = specified(offset, bytes);
                let read = found.map_or(Read::Constant(0), |(access, _)| Read::From(access));
                let write = found
                    .filter(|(_, writers)| {
                        *writers == Anybody || *writers == User && who == Who::User
                    })
                    .map(|(access, _)| access);

                assert_eq!(GITS.read(who, offset, bytes, 0), read, "{offset:#x}");
                assert_eq!(GITS.write(who, offset, bytes, 0), write, "{offset:#x}");
            }
        }
    }
}

/// A row of C's table: where, how long, the widths, and what reads and writes it.
struct Row {
    range: Range<u32>,
    widths: Vec<u32>,
    read: String,
    write: String,
    user_write: String,
}

fn rows_of_c() -> Vec<Row> {
    let defines = defines(&read("../../include/linux/irqchip/arm-gic-v3.h"));
    let text = read("kvm/vgic/vgic-its.c");
    let (_, body) = text
        .split_once("static struct vgic_register_region its_registers[] = {")
        .expect("a table");
    let (body, _) = body.split_once("\n};").expect("its end");

    body.split("REGISTER_ITS_DESC")
        .skip(1)
        .map(|row| {
            let (kind, arguments) = row.split_once('(').expect(row);
            let (arguments, _) = arguments.rsplit_once(')').expect(row);
            let arguments: Vec<&str> = arguments.split(',').map(str::trim).collect();
            let (offset, read, write, user, length, widths) = match (kind, &arguments[..]) {
                ("", [offset, read, write, length, widths]) => {
                    (offset, read, write, write, length, widths)
                }
                ("_UACCESS", [offset, read, write, user, length, widths]) => {
                    (offset, read, write, user, length, widths)
                }
                _ => panic!("{row}"),
            };
            let start = value(&defines, offset);

            Row {
                range: start..start + value(&defines, length),
                widths: widths
                    .split('|')
                    .map(|width| match width.trim() {
                        "VGIC_ACCESS_32bit" => 4,
                        "VGIC_ACCESS_64bit" => 8,
                        _ => panic!("{row}"),
                    })
                    .collect(),
                read: read.to_string(),
                write: write.to_string(),
                user_write: user.to_string(),
            }
        })
        .collect()
}

/// The register that a function of C's is about.
fn of_function(function: &str) -> Option<Gits> {
    let (_, name) = function.split_once("_its_")?;

    Some(match name {
        "ctlr" => Gits::Ctlr,
        "iidr" => Gits::Iidr,
        "typer" => Gits::Typer,
        "cbaser" => Gits::Cbaser,
        "cwriter" => Gits::Cwriter,
        "creadr" => Gits::Creadr,
        "baser" => Gits::Baser,
        "idregs" => Gits::Id,
        _ => panic!("{function}"),
    })
}

#[test]
fn the_table_of_c() {
    let rows = rows_of_c();

    assert_eq!(rows.len(), SPECIFIED.len());
    for (row, (range, widths, register, writers)) in rows.iter().zip(SPECIFIED) {
        let mut row_widths = row.widths.clone();
        let writes = |function: &str| match function {
            "its_mmio_write_wi" => None,
            function => of_function(function),
        };

        row_widths.sort();
        assert_eq!(row.range, *range);
        assert_eq!(row_widths, *widths);
        assert_eq!(of_function(&row.read), Some(*register));
        assert_eq!(
            writes(&row.write),
            (*writers == Anybody).then_some(*register)
        );
        assert_eq!(
            writes(&row.user_write),
            (*writers != Nobody).then_some(*register)
        );
    }
}

/// I6: what user space can name, in the order of the checks.
#[test]
fn names_of_registers() {
    for attr in (0..0x2_0000).chain((0..0x200).map(|low| low | 1 << 32)) {
        let bytes = if attr < 8 || attr >= 0xffd0 { 4 } else { 8 };
        let offset = user_offset(attr);

        assert_eq!(
            offset,
            if attr % bytes == 0 {
                Ok((attr & 0xffff_ffff) as u32)
            } else {
                Err(Refusal::Invalid)
            }
        );
        let Ok(offset) = offset else { continue };
        let row = SPECIFIED.iter().find(|row| row.0.contains(&offset));
        // All of a register at once. Where C takes eight bytes from the middle of one, it is what is
        // left of it.
        let expected = row.map(|row| {
            let most = *row.1.last().expect("some");

            if offset % most == 0 {
                most
            } else {
                4
            }
        });

        assert_eq!(user_bytes(offset), expected, "{attr:#x}");
        assert_eq!(GITS.has(offset, 0), expected.is_some());
    }
}

#[test]
fn values() {
    // LPIs; 8 bytes an event; 16 bits of events and devices.
    assert_eq!(TYPER, 1 | 7 << 4 | 15 << 8 | 15 << 13);
    assert_eq!(IIDR, 0x4b00_043b);
    for revision in 0..16 {
        let iidr = u64::from(IIDR) | revision << 12;

        for iidr in [iidr, revision << 12, iidr | 1 << 63] {
            assert_eq!(
                check_iidr(iidr),
                if revision == 0 {
                    Ok(())
                } else {
                    Err(Refusal::Invalid)
                }
            );
        }
    }
    let id = |offset: u32| id_register((offset - 0xffd0) / 4);
    let known = [
        (0xffd0, 0x40),
        (0xffe0, 0x92),
        (0xffe4, 0xb4),
        (0xffe8, 0x3b),
        (0xfff0, 0x0d),
        (0xfff4, 0xf0),
        (0xfff8, 0x05),
        (0xfffc, 0xb1),
    ];

    for offset in (0xffd0..0x1_0000).step_by(4) {
        let expected = known.iter().find(|row| row.0 == offset);

        assert_eq!(id(offset), expected.map_or(0, |row| row.1), "{offset:#x}");
    }
    assert_eq!(ctlr(false, false), 0);
    assert_eq!(ctlr(true, false), 1);
    assert_eq!(ctlr(false, true), 1 << 31);
    assert_eq!(ctlr(true, true), 1 << 31 | 1);
}

/// C's values, where they are numbers in the text.
#[test]
fn the_values_of_c() {
    let text = read("kvm/vgic/vgic-its.c");
    let v3 = defines(&read("../../include/linux/irqchip/arm-gic-v3.h"));

    for (case, returned) in [
        ("GITS_PIDR0", "0x92"),
        ("GITS_PIDR1", "0xb4"),
        ("GITS_PIDR2", "GIC_PIDR2_ARCH_GICv3 | 0x0b"),
        ("GITS_PIDR4", "0x40"),
        ("GITS_CIDR0", "0x0d"),
        ("GITS_CIDR1", "0xf0"),
        ("GITS_CIDR2", "0x05"),
        ("GITS_CIDR3", "0xb1"),
    ] {
        let pattern = format!("case {case}:\n\t\treturn {returned};");

        assert!(text.contains(&pattern), "{pattern}");

        let word = (value(&v3, case) - 0xffd0) / 4;
        let returned: u32 = returned
            .split('|')
            .map(|part| value(&v3, part.trim()))
            .sum();

        assert_eq!(id_register(word), returned, "{case}");
    }
    for text_of_c in [
        "#define VITS_TYPER_IDBITS\t\t16\n",
        "#define VITS_TYPER_DEVBITS\t\t16\n",
        "#define VITS_DTE_MAX_DEVID_OFFSET\t(BIT(14) - 1)\n",
        "#define VITS_ITE_MAX_EVENTID_OFFSET\t(BIT(16) - 1)\n",
        "#define ITS_CMD_SIZE\t\t\t32\n",
        "#define ABI_0_ESZ\t8\n",
    ] {
        assert!(text.contains(text_of_c), "{text_of_c}");
    }
}

/// Any of the three.
#[derive(Clone, Copy, Debug)]
enum Write {
    Cbaser(Lanes, u64),
    Cwriter(Lanes, u64),
    Creadr(bool, u64),
    Take,
}

fn writes() -> impl Strategy<Value = Write> {
    let lanes = || {
        prop_oneof![
            2 => Just(ALL),
            1 => Just(Lanes { byte: 0, bytes: 4 }),
            1 => Just(Lanes { byte: 4, bytes: 4 }),
        ]
    };
    let offset = || prop_oneof![4 => 0u64..0x4000, 1 => 0u64..0x20_0000, 1 => word()];
    let base = prop_oneof![3 => (0u64..8, 0u64..16).prop_map(|(size, page)| size | page << 12),
                           1 => word()];

    prop_oneof![
        1 => (lanes(), base).prop_map(|(lanes, value)| Write::Cbaser(lanes, value)),
        6 => (lanes(), offset()).prop_map(|(lanes, value)| Write::Cwriter(lanes, value)),
        3 => (any::<bool>(), offset()).prop_map(|(on, value)| Write::Creadr(on, value)),
        6 => Just(Write::Take),
    ]
}

fn put(register: u64, lanes: Lanes, value: u64) -> u64 {
    match (lanes.byte, lanes.bytes) {
        (0, 4) => register >> 32 << 32 | value & 0xffff_ffff,
        (4, 4) => value << 32 | register & 0xffff_ffff,
        _ => value,
    }
}

proptest! {
    #![proptest_config(config(4000))]

    /// Against registers as numbers; and the queue never leads out of its memory, and is empty
    /// after as many commands as there are.
    #[test]
    fn queue(writes in proptest::collection::vec(writes(), 0..40)) {
        let mut queue = CommandQueue::EMPTY;
        let (mut cbaser, mut cwriter, mut creadr) = (0u64, 0u64, 0u64);

        for write in writes {
            let size = ((cbaser & 0xff) + 1) * 4096;

            match write {
                Write::Cbaser(lanes, value) => {
                    let new = put(cbaser, lanes, value);
                    let share = bits(new, 11, 10);
                    let inner = bits(new, 61, 59);

                    cbaser = new & !(3 << 10 | 7 << 59 | 7 << 53 | 0xf << 12)
                        | if share == 2 { 1 } else { share } << 10
                        | if inner < 2 { 3 } else { inner } << 59
                        | u64::from(bits(new, 55, 53) == 1) << 53;
                    (cwriter, creadr) = (0, 0);
                    queue.write_cbaser(lanes, value);
                }
                Write::Cwriter(lanes, value) => {
                    let offset = put(cwriter, lanes, value) & 0xf_ffe0;

                    if offset < size {
                        cwriter = offset;
                    }
                    prop_assert_eq!(queue.write_cwriter(lanes, value), offset < size);
                }
                Write::Creadr(enabled, value) => {
                    let offset = value & 0xf_ffe0;
                    let expected = if enabled {
                        Err(Refusal::Busy)
                    } else if offset < size {
                        creadr = offset;
                        Ok(())
                    } else {
                        Err(Refusal::Invalid)
                    };

                    prop_assert_eq!(queue.write_creadr(enabled, value), expected);
                }
                Write::Take => {
                    if creadr != cwriter {
                        let base = bits(cbaser, 51, 16) << 16;

                        prop_assert_eq!(queue.next(), Some(Gpa(base + creadr)));
                        prop_assert!(creadr + 32 <= size);
                        queue.advance();
                        creadr = (creadr + 32) % size;
                    } else {
                        prop_assert_eq!(queue.next(), None);
                    }
                }
            }
            prop_assert_eq!(queue.cbaser(), cbaser);
            prop_assert_eq!(queue.cwriter(), cwriter);
            prop_assert_eq!(queue.creadr(), creadr);
            prop_assert_eq!(queue.is_empty(), cwriter == creadr);
        }
        let size = ((cbaser & 0xff) + 1) * 4096;
        let left = (cwriter + size - creadr) % size / 32;

        for _ in 0..left {
            prop_assert!(queue.next().is_some());
            queue.advance();
        }
        prop_assert!(queue.is_empty());
    }

    /// Nobody enables an ITS that lacks anything; everybody can disable it.
    #[test]
    fn enabling(
        enabled in any::<bool>(),
        value in any::<u32>(),
        valid in any::<[bool; 3]>(),
    ) {
        let value_of = |valid| u64::from(valid) << 63;
        let [devices, collections] = [TableKind::Devices, TableKind::Collections]
            .map(|kind| Baser::initial(kind).written(kind, ALL, value_of(valid[kind as usize])));
        let mut queue = CommandQueue::EMPTY;

        queue.write_cbaser(ALL, value_of(valid[2]));

        let enable = value & 1 == 1;
        let expected = if enable && !enabled && valid != [true; 3] {
            None
        } else {
            Some(enable)
        };

        prop_assert_eq!(ctlr_written(enabled, value, devices, collections, &queue), expected);
    }

    #[test]
    fn numbers_of_lpis(propbaser in any::<u64>()) {
        let bits = (propbaser % 32 + 1).min(16);

        prop_assert_eq!(Propbaser::from_raw(propbaser).intids(), 1 << bits);
    }
}
