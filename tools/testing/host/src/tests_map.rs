// SPDX-License-Identifier: GPL-2.0

//! Which timer the hardware runs: all kinds of vCPU, exhaustively.

use crate::kvm::timer_id::{Bank, TimerId};
use crate::timer::map::TimerMap;
use std::collections::HashSet;

const MAPS: [TimerMap; 4] = [
    TimerMap::Nvhe,
    TimerMap::Vhe,
    TimerMap::NestedHyp,
    TimerMap::NestedGuest,
];

const BANKS: [Bank; 2] = [Bank::Virtual, Bank::Physical];

fn is_nested(map: TimerMap) -> bool {
    matches!(map, TimerMap::NestedHyp | TimerMap::NestedGuest)
}

#[test]
fn each_timer_of_the_vcpu_is_direct_or_emulated() {
    for map in MAPS {
        let of_vcpu = TimerId::of_vcpu(is_nested(map));
        let mut places = Vec::new();

        places.extend(map.all_direct());
        places.extend(map.all_emulated());
        // As many places as timers, and each timer in one: no timer is in two.
        assert_eq!(places.len(), of_vcpu.len(), "{map:?}");
        for timer in of_vcpu {
            assert!(places.contains(timer), "{map:?} {timer:?}");
        }
    }
}

#[test]
fn direct_timers_sit_in_their_own_bank() {
    for map in MAPS {
        let mut direct = Vec::new();

        for bank in BANKS {
            let owner = map.direct(bank);
            assert!(owner.is_none_or(|id| id.bank() == bank), "{map:?}");
            direct.extend(owner);
        }
        assert_eq!(map.all_direct().collect::<Vec<_>>(), direct, "{map:?}");
    }
}

#[test]
fn emulated_timers_sit_in_the_place_of_their_kind() {
    for map in MAPS {
        let mut emulated = Vec::new();

        for bank in BANKS {
            let timer = map.emulated(bank);
            assert!(timer.is_none_or(|id| id.bank() == bank), "{map:?}");
            emulated.extend(timer);
        }
        assert_eq!(map.all_emulated().collect::<Vec<_>>(), emulated, "{map:?}");
    }
}

#[test]
fn is_emulated_says_what_the_list_says() {
    for map in MAPS {
        for timer in TimerId::ALL {
            let listed = map.all_emulated().any(|id| id == timer);
            assert_eq!(map.is_emulated(timer), listed, "{map:?} {timer:?}");
        }
    }
}

/// Without VHE the host itself lives on the physical timer; with it, a guest may have both.
#[test]
fn plain_guest_gets_the_physical_timer_with_vhe_only() {
    assert_eq!(TimerMap::Nvhe.direct(Bank::Physical), None);
    assert!(TimerMap::Nvhe.is_emulated(TimerId::Ptimer));
    assert_eq!(TimerMap::Vhe.all_emulated().count(), 0);
}

/// A nested guest's hardware timers are those of the exception level that it is at.
#[test]
fn nested_guest_swaps_its_timers() {
    let hyp = TimerMap::NestedHyp;
    let guest = TimerMap::NestedGuest;

    assert!(hyp.all_direct().all(|id| !id.is_el1()));
    assert!(guest.all_direct().all(|id| id.is_el1()));
    for (one, other) in [(hyp, guest), (guest, hyp)] {
        for bank in BANKS {
            assert_eq!(one.direct(bank), other.emulated(bank));
            assert!(one.direct(bank).is_some());
        }
    }
}

#[test]
fn a_vcpu_has_el1_timers_and_el2_timers_if_it_has_el2() {
    let set = |has_el2| {
        TimerId::of_vcpu(has_el2)
            .iter()
            .map(|id| format!("{id:?}"))
            .collect::<HashSet<_>>()
    };

    assert_eq!(TimerId::of_vcpu(true).len(), 4);
    assert_eq!(set(true).len(), 4);
    assert_eq!(set(false), ["Ptimer", "Vtimer"].map(String::from).into());
    assert!(TimerId::of_vcpu(false).iter().all(|id| id.is_el1()));
    for (bank, el1) in [(0, true), (0, false), (1, true), (1, false)] {
        let alike = |id: &&TimerId| id.bank() == BANKS[bank] && id.is_el1() == el1;
        assert_eq!(TimerId::ALL.iter().filter(alike).count(), 1);
    }
}

/// The PPIs of the Arm Base System Architecture.
#[test]
fn default_ppis() {
    assert_eq!(TimerId::Hptimer.default_ppi(), 26);
    assert_eq!(TimerId::Vtimer.default_ppi(), 27);
    assert_eq!(TimerId::Hvtimer.default_ppi(), 28);
    assert_eq!(TimerId::Ptimer.default_ppi(), 30);
}

/// C's numbers (`enum kvm_arch_timers`) are places in arrays.
#[test]
fn a_number_is_a_place_in_the_list() {
    for (index, id) in TimerId::ALL.into_iter().enumerate() {
        assert_eq!(id.index(), index);
        assert_eq!(TimerId::from_number(index as u32), Some(id));
    }
    assert_eq!(TimerId::from_number(4), None);
    assert_eq!(TimerId::from_number(u32::MAX), None);
}
