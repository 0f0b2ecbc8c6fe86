// SPDX-License-Identifier: GPL-2.0

//! The maintenance interrupt of a guest hypervisor, and list registers that are handed on, against
//! what IHI 0069 says of each bit; and the numbers and priorities of a GICv5's PPIs.

use crate::arm64::values::IchHcr;
use crate::gic::{
    list_register::{ListRegister, LrIndex},
    maintenance::Lists,
    v5::{priority_mask, PpiNumber, VmcrV5},
    vmcr::Vmcr,
};
use proptest::prelude::*;

const PENDING: u64 = 1 << 62;
const ACTIVE: u64 = 1 << 63;
const STATE: u64 = PENDING | ACTIVE;
const HW: u64 = 1 << 61;
const EOI: u64 = 1 << 41;

/// Any list register, those that matter here not being rare.
fn any_lr() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..8_u64, any::<bool>()).prop_map(|(rest, top, eoi)| {
        rest & !(STATE | HW | EOI) | top << 61 | if eoi { EOI } else { 0 }
    })
}

fn lists(lrs: &[u64]) -> Lists {
    Lists::of(lrs.len() as u32, |index: LrIndex| {
        ListRegister::from_raw(lrs[usize::from(index.get())])
    })
}

proptest! {
    #[test]
    fn status_registers_have_a_bit_for_each_list_register(
        lrs in proptest::collection::vec(any_lr(), 1..=16)
    ) {
        let lists = lists(&lrs);

        for bit in 0..16 {
            let lr = lrs.get(bit).copied();
            let empty = lr.is_some_and(|lr| lr & STATE == 0);
            let ended = lr.is_some_and(|lr| lr & (STATE | HW) == 0 && lr & EOI != 0);

            prop_assert_eq!(lists.empty() >> bit & 1 == 1, empty);
            prop_assert_eq!(lists.ended() >> bit & 1 == 1, ended);
        }
    }

    #[test]
    fn each_condition_has_its_bit_and_its_enable(
        lrs in proptest::collection::vec(any_lr(), 1..=16),
        hcr in any::<u32>(),
        vmcr in any::<u32>(),
    ) {
        let misr = lists(&lrs)
            .misr(IchHcr::from_raw(hcr.into()), Vmcr::from_raw(vmcr.into()))
            .into_raw();
        let used = lrs.iter().filter(|lr| **lr & STATE != 0).count();
        let group = |n: u32| vmcr >> n & 1 == 1;
        let expected = [
            lrs.iter().any(|lr| lr & (STATE | HW) == 0 && lr & EOI != 0),
            hcr >> 1 & 1 == 1 && used <= 1,
            hcr >> 2 & 1 == 1 && hcr >> 27 != 0,
            hcr >> 3 & 1 == 1 && !lrs.iter().any(|lr| lr & STATE == PENDING),
            hcr >> 4 & 1 == 1 && group(0),
            hcr >> 5 & 1 == 1 && !group(0),
            hcr >> 6 & 1 == 1 && group(1),
            hcr >> 7 & 1 == 1 && !group(1),
        ];

        for (bit, expected) in expected.into_iter().enumerate() {
            prop_assert_eq!(misr >> bit & 1 == 1, expected, "bit {}", bit);
        }
        prop_assert_eq!(misr >> 8, 0);
        prop_assert_eq!(
            lists(&lrs).interrupts(IchHcr::from_raw(hcr.into()), Vmcr::from_raw(vmcr.into())),
            hcr & 1 == 1 && misr != 0
        );
    }

    #[test]
    fn the_hardware_gets_the_hosts_interrupt_or_none(
        lr in any_lr(),
        host in proptest::option::of(proptest::option::of(0..1024_u32)),
    ) {
        const PHYSICAL: u64 = 0x3ff << 32;
        let own = ListRegister::from_raw(lr);
        let given = own.for_hardware(host).into_raw();

        // Nothing else is touched.
        prop_assert_eq!(given & !(PHYSICAL | HW), lr & !(PHYSICAL | HW));
        if lr & HW == 0 {
            prop_assert_eq!(given, lr);
        } else if let Some(Some(host)) = host {
            prop_assert_eq!(given & HW, HW);
            prop_assert_eq!((given & PHYSICAL) >> 32, u64::from(host));
        } else {
            prop_assert_eq!(given & HW, 0);
        }
    }

    #[test]
    fn a_physical_interrupt_ends_when_its_list_register_becomes_empty(
        before in any_lr(), after in any_lr(),
    ) {
        let ended = ListRegister::from_raw(before).ended_physical(ListRegister::from_raw(after));
        let expected = before & HW != 0 && before & STATE != 0 && after & STATE == 0;

        prop_assert_eq!(ended, expected.then_some((before >> 32 & 0x3ff) as u32));
    }

    #[test]
    fn only_the_state_is_handed_back(own in any_lr(), hardware in any_lr()) {
        let shown = ListRegister::from_raw(own).with_state_of(ListRegister::from_raw(hardware));

        prop_assert_eq!(shown.into_raw(), own & !STATE | hardware & STATE);
    }

    #[test]
    fn masks_of_list_registers_are_walked_from_the_first(mask in any::<u16>()) {
        let walked: Vec<u8> = LrIndex::of_mask(mask).map(LrIndex::get).collect();
        let expected: Vec<u8> = (0..16).filter(|n| mask >> n & 1 == 1).collect();

        prop_assert_eq!(walked, expected);
    }

    #[test]
    fn ppis_have_their_type_in_the_top_bits(
        kind in 0u32..8, noise in 0u32..32, number in prop_oneof![0u32..128, 0u32..1 << 24],
    ) {
        let intid = kind << 29 | noise << 24 | number;
        let is_ppi = intid >> 29 == 1 && intid & 0xff_ffff < 64;
        let number = PpiNumber::of_intid(intid);

        prop_assert_eq!(number.is_some(), is_ppi);
        if let Some(number) = number {
            prop_assert_eq!(u32::from(number.get()), intid & 0xff_ffff);
            // Bits 28 to 24 have no meaning.
            prop_assert_eq!(number.intid(), intid & !(0x1f << 24));
        }
    }

    #[test]
    fn sets_of_ppis_are_walked_from_the_first(set in any::<u64>()) {
        let walked: Vec<u8> = PpiNumber::of_set(set).map(PpiNumber::get).collect();
        let expected: Vec<u8> = (0..64).filter(|n| set >> n & 1 == 1).collect();

        prop_assert_eq!(walked, expected);
    }

    #[test]
    fn a_ppi_has_a_byte_of_priorities(of_all in any::<[u64; 8]>()) {
        let bytes: Vec<u8> = of_all.iter().flat_map(|eight| eight.to_le_bytes()).collect();

        for number in PpiNumber::all() {
            prop_assert_eq!(number.priority(of_all), bytes[usize::from(number.get())] & 0x1f);
        }
    }

    /// An interrupt is taken if it is at least as urgent as the mask, and more urgent than any that
    /// is active.
    #[test]
    fn the_mask_of_priorities_is_that_of_the_more_urgent(
        vmcr in any::<u32>(), active in any::<u32>(), priority in 0..32_u8,
    ) {
        let mask = priority_mask(VmcrV5::from_raw(vmcr.into()), active.into());
        let enabled = vmcr & 1 == 1;
        let unmasked = u32::from(priority) <= vmcr >> 27;
        let preempts = (0..=priority).all(|more| active >> more & 1 == 0);

        prop_assert_eq!(priority < mask, enabled && unmasked && preempts);
    }
}

/// GICv5's numbers are those of the PPIs of older GICs, but for the type.
#[test]
fn well_known_ppis() {
    let intids: Vec<u32> = PpiNumber::TIMERS
        .into_iter()
        .map(PpiNumber::intid)
        .collect();

    assert_eq!(intids, [26, 27, 28, 30].map(|n| 1 << 29 | n));
    assert_eq!(PpiNumber::PMU.intid(), 1 << 29 | 23);
    assert_eq!(PpiNumber::SOFTWARE.intid(), 1 << 29 | 3);
}
