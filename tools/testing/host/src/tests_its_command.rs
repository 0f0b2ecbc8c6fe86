// SPDX-License-Identifier: GPL-2.0

//! Commands of an ITS, against the layouts of the architecture, one after the other.

use crate::{
    edges::{
        config,
        word, //
    },
    gic::{
        its::{
            DeviceId,
            EventBits,
            EventId,
            Gpa,
            Icid,
            RdBase, //
        },
        its_command::Command,
        list_register::Intid, //
    },
    tests_registers::read,
};
use proptest::prelude::*;

/// Bits of a command, counted through all of its 256.
fn bits(words: &[u64; 4], high: usize, low: usize) -> u64 {
    let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();

    (low..=high).rev().fold(0, |all, bit| {
        all << 1 | u64::from(bytes[bit / 8] >> (bit % 8) & 1)
    })
}

/// What the architecture has of each command, with numbers as wide as we take them.
fn expected(words: &[u64; 4]) -> Option<Command> {
    let device = DeviceId(bits(words, 63, 32) as u32);
    let event = EventId(bits(words, 64 + 31, 64) as u32);
    let icid = Icid(bits(words, 128 + 15, 128) as u16);
    let target = RdBase(bits(words, 128 + 47, 128 + 16) as u32);
    let valid = bits(words, 128 + 63, 128 + 63) == 1;

    Some(match bits(words, 7, 0) {
        0x08 => {
            let size = bits(words, 64 + 4, 64);

            Command::Mapd {
                device,
                itt: Gpa(bits(words, 128 + 51, 128 + 8) << 8),
                event_bits: (size < 16).then(|| EventBits::of_field(size).expect("few")),
                valid,
            }
        }
        0x09 => Command::Mapc {
            icid,
            target,
            valid,
        },
        0x0a => Command::Mapti {
            device,
            event,
            lpi: Intid(bits(words, 64 + 63, 64 + 32) as u32),
            icid,
        },
        0x0b => Command::Mapti {
            device,
            event,
            lpi: Intid(bits(words, 64 + 31, 64) as u32),
            icid,
        },
        0x01 => Command::Movi {
            device,
            event,
            icid,
        },
        0x0f => Command::Discard { device, event },
        0x0c => Command::Inv { device, event },
        0x0e => Command::Movall {
            from: target,
            to: RdBase(bits(words, 192 + 47, 192 + 16) as u32),
        },
        0x0d => Command::Invall { icid },
        0x03 => Command::Int { device, event },
        0x04 => Command::Clear { device, event },
        0x05 => Command::Sync,
        _ => return None,
    })
}

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn commands(command in prop_oneof![3 => 0u64..0x10, 1 => any::<u64>()],
                words in [word(), word(), word(), word()]) {
        let mut words = words;

        words[0] = words[0] & !0xff | command & 0xff;
        prop_assert_eq!(Command::parse(&words), expected(&words));
    }

    /// Nothing but the fields of a command counts.
    #[test]
    fn bits_without_meaning(command in 0u64..0x10, words in [word(), word(), word(), word()]) {
        let mut first = words;

        first[0] = first[0] & !0xff | command;

        let mut second = first;

        second[0] ^= 0xffff_ff00;
        second[3] ^= !(0xffff_ffff << 16);
        second[2] ^= match command {
            0x09 => 0x7fff << 48,
            0x08 => 0x7ff0_0000_0000_00ff,
            0x0e => !(0xffff_ffff << 16),
            _ => !0xffff,
        };
        if command == 0x08 {
            second[1] ^= !0x1f;
        }
        prop_assert_eq!(Command::parse(&first), Command::parse(&second));
    }

    #[test]
    fn numbers_that_can_be_mapped(id in prop_oneof![any::<u32>(), 0u32..0x2_0000]) {
        let expected = u16::try_from(id).ok();

        prop_assert_eq!(DeviceId(id).checked(), expected);
        prop_assert_eq!(EventId(id).checked(), expected);
    }
}

#[test]
fn numbers_of_events() {
    for field in 0..100 {
        let bits = EventBits::of_field(field);

        assert_eq!(bits.is_some(), field < 16);
        if let Some(bits) = bits {
            assert_eq!(u64::from(bits.events().trailing_zeros()), field + 1);
            assert_eq!(bits.field(), field);
            assert_eq!(bits.events(), 2 << field);
        }
    }
    assert_eq!(EventBits::of_field(u64::MAX), None);
    assert_eq!(EventBits::of_field(0x100), None);
    assert_eq!(Gpa(u64::MAX).plus(2), Gpa(1));
}

/// The numbers of the commands that C knows, of a physical ITS.
#[test]
fn numbers_of_the_header() {
    let text = read("../../include/linux/irqchip/arm-gic-v3.h");
    let mut known = Vec::new();

    for line in text.lines() {
        let Some(rest) = line.strip_prefix("#define GITS_CMD_") else {
            continue;
        };
        let (name, value) = rest.split_once(char::is_whitespace).expect(line);
        let Some(value) = value.trim().strip_prefix("0x") else {
            continue;
        };
        let value = u64::from_str_radix(value, 16).expect(line);
        let command = Command::parse(&[value, 0, 0, 0]).expect(name);
        let ours = format!("{command:?}");
        let ours = ours.split(' ').next().expect(name).to_uppercase();

        assert_eq!(ours, if name == "MAPI" { "MAPTI" } else { name });
        known.push(value);
    }
    assert_eq!(known.len(), 12);
    for other in (0..0x100).filter(|n| !known.contains(n)) {
        assert_eq!(Command::parse(&[other, 0, 0, 0]), None);
    }
    assert_eq!(Command::BYTES, 32);
}
