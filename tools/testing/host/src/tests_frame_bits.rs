// SPDX-License-Identifier: GPL-2.0

//! Which part of a value is which interrupt's, bit by bit.

use crate::gic::{
    frame::{
        Access,
        Bank,
        Lanes, //
    },
    frame_bits::{
        join,
        LineLevels, //
    },
    list_register::Intid,
    priority::{
        Group,
        Priority, //
    },
    refusal::Refusal,
    transition::Edit,
    word::{
        IrqWord,
        Trigger, //
    },
};
use proptest::prelude::*;

fn access(bits: u32, first: u32, bytes: u32) -> Access<()> {
    Access {
        register: (),
        first: Intid(first),
        count: bytes * 8 / bits,
        lanes: Lanes { byte: 0, bytes },
    }
}

fn words() -> impl Strategy<Value = Vec<IrqWord>> {
    proptest::collection::vec(any::<u64>().prop_map(IrqWord::from_raw), 32)
}

proptest! {
    #[test]
    fn one_bit_each(value in any::<u64>(), first in 0u32..992) {
        let access = access(1, first, 4);
        let ones: Vec<u32> = access.ones(value).map(|i| i.0).collect();
        let set: Vec<u32> = (0..32).filter(|n| value >> n & 1 == 1).map(|n| first + n).collect();
        let all: Vec<(u32, u64)> = access.parts(1, value).map(|(i, bit)| (i.0, bit)).collect();
        let expected: Vec<(u32, u64)> = (0..32).map(|n| (first + n, value >> n & 1)).collect();

        prop_assert_eq!(ones, set);
        prop_assert_eq!(all, expected);
        prop_assert!(access.interrupts().map(|i| i.0).eq(first..first + 32));
    }

    #[test]
    fn a_byte_each(value in any::<u64>(), first in 0u32..992, word in any::<bool>()) {
        let access = access(8, first, if word { 4 } else { 1 });
        let got: Vec<(u32, u8)> = access.bytes(value).map(|(i, byte)| (i.0, byte)).collect();
        let expected: Vec<(u32, u8)> = value.to_le_bytes()[..if word { 4 } else { 1 }]
            .iter()
            .enumerate()
            .map(|(n, byte)| (first + n as u32, *byte))
            .collect();

        prop_assert_eq!(got, expected);
    }

    #[test]
    fn two_bits_each(value in any::<u64>(), first in 0u32..992) {
        let got: Vec<(u32, Option<Edit>)> = access(2, first, 4)
            .parts(2, value)
            .map(|(i, part)| (i.0, Bank::Icfgr.edit(part)))
            .collect();
        let expected: Vec<(u32, Option<Edit>)> = (0..16)
            .map(|n| {
                let edge = value >> (2 * n + 1) & 1 == 1;
                let trigger = if edge { Trigger::Edge } else { Trigger::Level };

                (first + n, Some(Edit::Configure(trigger)))
            })
            .collect();

        prop_assert_eq!(got, expected);
    }

    #[test]
    fn what_a_bit_does(value in any::<u8>()) {
        let one = value & 1 == 1;
        let group = if one { Group::One } else { Group::Zero };
        let banks = [
            (Bank::Igroupr, Some(Edit::Group(group))),
            (Bank::Isenabler, one.then_some(Edit::Enable)),
            (Bank::Icenabler, one.then_some(Edit::Disable)),
            (Bank::Ispendr, one.then_some(Edit::Pend)),
            (Bank::Icpendr, one.then_some(Edit::Unpend)),
            (Bank::Latch, Some(if one { Edit::Pend } else { Edit::Unpend })),
            (Bank::Isactiver, None),
            (Bank::Icactiver, None),
        ];

        for (bank, edit) in banks {
            prop_assert_eq!(bank.edit(u64::from(value & 1)), edit, "{:?}", bank);
        }
        prop_assert_eq!(Bank::Ipriorityr.edit(u64::from(value)), Some(Edit::Prioritize(value)));
    }

    #[test]
    fn values_are_joined(values in proptest::collection::vec(any::<u8>(), 0..9)) {
        let expected = values.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));

        prop_assert_eq!(join(8, values.iter().map(|byte| u64::from(*byte))), expected);
    }

    #[test]
    fn banks_show_the_words(words in words()) {
        type Shows = fn(u64) -> u64;
        // Numbers of bits as word.rs has them.
        let pending: Shows = |w| w & 1 | (w >> 1 & 1 & !(w >> 4) & 1);
        let banks: [(Bank, usize, u32, Shows); 10] = [
            (Bank::Igroupr, 32, 1, |w| w >> 60 & 1),
            (Bank::Isenabler, 32, 1, |w| w >> 2 & 1),
            (Bank::Icenabler, 32, 1, |w| w >> 2 & 1),
            (Bank::Ispendr, 32, 1, pending),
            (Bank::Icpendr, 32, 1, pending),
            (Bank::Latch, 32, 1, |w| w & 1),
            (Bank::Isactiver, 32, 1, |w| w >> 63 & 1),
            (Bank::Icactiver, 32, 1, |w| w >> 63 & 1),
            (Bank::Ipriorityr, 4, 8, |w| w >> 48 & 0xff),
            (Bank::Icfgr, 16, 2, |w| (w >> 4 & 1) * 2),
        ];

        for (bank, count, bits, shows) in banks {
            let expected = words[..count]
                .iter()
                .rev()
                .fold(0, |all, word| all << bits | shows(word.into_raw()));

            prop_assert_eq!(bank.read(words[..count].iter().copied()), expected, "{:?}", bank);
        }
    }

    #[test]
    fn line_levels(words in words(), first in 0u32..32, value in any::<u32>(), lines in 1u32..32) {
        let (first, irqs) = (first * 32, lines * 32);
        let levels = LineLevels::of(u64::from(first), irqs).unwrap();
        let has = |n: u32| first + n >= 16 && first + n < irqs;
        let shown = levels.read(|intid| words.get((intid.0 - first) as usize).copied());
        let expected = (0..32)
            .filter(|n| has(*n) && words[*n as usize].into_raw() >> 1 & 0b1001 == 1)
            .fold(0, |all, n| all | 1 << n);
        let written: Vec<(u32, bool)> = levels.written(value).map(|(i, on)| (i.0, on)).collect();
        let all: Vec<(u32, bool)> = (0..32)
            .filter(|n| has(*n))
            .map(|n| (first + n, value >> n & 1 == 1))
            .collect();

        prop_assert_eq!(shown, expected);
        prop_assert_eq!(written, all);
    }

    #[test]
    fn line_level_attributes(attr in any::<u64>(), vintid in 0u64..1024) {
        for attr in [attr, attr & !0xffff_fc00 | vintid, vintid] {
            let is_level = attr >> 10 & 0x3f_ffff == 0;

            prop_assert_eq!(LineLevels::is_named_by(attr), is_level);
            prop_assert_eq!(
                LineLevels::of(attr, 64).err(),
                (!is_level || attr % 32 != 0).then_some(Refusal::Invalid)
            );
        }
    }
}

#[test]
fn five_bits_of_priority() {
    for value in 0..=u8::MAX {
        assert_eq!(Priority::implemented(value).0, value / 8 * 8);
    }
}
