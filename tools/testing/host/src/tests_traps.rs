// SPDX-License-Identifier: GPL-2.0

//! Traps: every combination of inputs, with the register decoded as the hardware would.

use crate::edges::{config, word};
use crate::timer::traps::{CnthctlUpdate, GuestCnthctl, TrapInputs};
use proptest::prelude::*;

/// `CNTHCTL_EL2` bits by number (Arm ARM), apart from the code's own constants.
const PHYSICAL_COUNTER_ENABLE: u32 = 10;
const PHYSICAL_TIMER_ENABLE: u32 = 11;
const VIRTUAL_TIMER_TRAP: u32 = 13;
const VIRTUAL_COUNTER_TRAP: u32 = 14;
const PHYSICAL_EL02_TRAP: u32 = 15;
const VIRTUAL_EL02_TRAP: u32 = 16;

/// The six, and no other: the offset's enable (12) and the event stream are others' business.
const MANAGED: u64 = 0b1_1110_1100_0000_0000;

/// What a guest may access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    PhysicalCounter,
    PhysicalTimer,
    VirtualTimer,
    VirtualCounter,
    PhysicalTimerEl02,
    VirtualTimerEl02,
}

use Access::{
    PhysicalCounter, PhysicalTimer, PhysicalTimerEl02, VirtualCounter, VirtualTimer,
    VirtualTimerEl02,
};

const ACCESSES: [Access; 6] = [
    PhysicalCounter,
    PhysicalTimer,
    VirtualTimer,
    VirtualCounter,
    PhysicalTimerEl02,
    VirtualTimerEl02,
];

/// Whether hardware with that `CNTHCTL_EL2`, HCR_EL2.E2H being 1, traps an access.
fn hardware_traps(cnthctl: u64, access: Access) -> bool {
    let bit = |n: u32| cnthctl >> n & 1 == 1;

    match access {
        PhysicalCounter => !bit(PHYSICAL_COUNTER_ENABLE),
        PhysicalTimer => !bit(PHYSICAL_TIMER_ENABLE),
        VirtualTimer => bit(VIRTUAL_TIMER_TRAP),
        VirtualCounter => bit(VIRTUAL_COUNTER_TRAP),
        PhysicalTimerEl02 => bit(PHYSICAL_EL02_TRAP),
        VirtualTimerEl02 => bit(VIRTUAL_EL02_TRAP),
    }
}

/// The inputs, with a guest hypervisor's register still raw: its value and its E2H.
#[derive(Clone, Copy, Debug)]
struct Case {
    hyp_with_ecv: Option<bool>,
    physical_offset: bool,
    virtual_offset: bool,
    guest: Option<(u64, bool)>,
}

impl Case {
    fn update(self) -> CnthctlUpdate {
        TrapInputs {
            hyp_with_ecv: self.hyp_with_ecv,
            physical_offset_in_software: self.physical_offset,
            virtual_offset_in_software: self.virtual_offset,
            guest_hypervisor: self.guest.map(|(value, e2h)| GuestCnthctl::new(value, e2h)),
        }
        .cnthctl()
    }

    fn traps(self, access: Access) -> bool {
        hardware_traps(self.update().set, access)
    }

    /// Whether somebody has a reason to see that access.
    fn wanted(self, access: Access) -> bool {
        let by_hyp = match self.hyp_with_ecv {
            None => false,
            // Virtual EL2 with E2H reaches the EL1 timers by their _EL02 names, else by _EL0.
            Some(true) => matches!(access, PhysicalTimerEl02 | VirtualTimerEl02),
            Some(false) => matches!(access, PhysicalTimer | VirtualTimer),
        };
        let by_offset = match access {
            PhysicalCounter | PhysicalTimer => self.physical_offset,
            VirtualCounter | VirtualTimer => self.virtual_offset,
            PhysicalTimerEl02 | VirtualTimerEl02 => false,
        };
        let by_guest = self
            .guest
            .is_some_and(|(value, e2h)| guest_wants(value, e2h, access));

        by_hyp || by_offset || by_guest
    }
}

/// What a guest hypervisor's register asks for. It has no FEAT_ECV, so that its virtual timer
/// and counter never trap; without E2H the enables are bits 0 and 1, and no name ends in _EL02.
fn guest_wants(value: u64, e2h: bool, access: Access) -> bool {
    let bit = |n: u32| value >> n & 1 == 1;

    match (access, e2h) {
        (VirtualTimer | VirtualCounter, _) => false,
        (_, true) => hardware_traps(value, access),
        (PhysicalCounter, false) => !bit(0),
        (PhysicalTimer, false) => !bit(1),
        (PhysicalTimerEl02 | VirtualTimerEl02, false) => false,
    }
}

fn for_all_without_guest(mut f: impl FnMut(Case)) {
    for hyp_with_ecv in [None, Some(false), Some(true)] {
        for physical_offset in [false, true] {
            for virtual_offset in [false, true] {
                f(Case {
                    hyp_with_ecv,
                    physical_offset,
                    virtual_offset,
                    guest: None,
                });
            }
        }
    }
}

/// All combinations; of a guest hypervisor's register, all that the bits with a meaning can be.
fn for_all(mut f: impl FnMut(Case)) {
    for_all_without_guest(|case| {
        f(case);
        for bits in 0..1u64 << 9 {
            let value = bits & 3 | bits >> 2 << 10;
            for e2h in [false, true] {
                let guest = Some((value, e2h));
                f(Case { guest, ..case });
            }
        }
    });
}

fn check(case: Case) {
    let CnthctlUpdate { clear, set } = case.update();

    assert_eq!(set & clear, 0, "{case:?}");
    assert_eq!(set | clear, MANAGED, "{case:?}");
    for before in [0, u64::MAX, 0x5555_5555_5555_5555] {
        let after = before & !clear | set;

        assert_eq!(after & !MANAGED, before & !MANAGED, "{case:?}");
        for access in ACCESSES {
            assert_eq!(
                hardware_traps(after, access),
                case.wanted(access),
                "{case:?} {access:?}"
            );
        }
    }
}

#[test]
fn what_traps_is_what_somebody_wants() {
    let mut count = 0;

    for_all(|case| {
        check(case);
        count += 1;
    });
    assert_eq!(count, 3 * 2 * 2 * (1 + 2 * 512));
}

#[test]
fn nothing_traps_without_a_reason() {
    let case = Case {
        hyp_with_ecv: None,
        physical_offset: false,
        virtual_offset: false,
        guest: None,
    };

    assert!(ACCESSES.iter().all(|access| !case.traps(*access)));
}

#[test]
fn a_guest_hypervisor_only_adds_traps() {
    for_all(|case| {
        let alone = Case {
            guest: None,
            ..case
        };

        for access in ACCESSES {
            assert!(!alone.traps(access) || case.traps(access), "{case:?}");
        }
    });
}

#[test]
fn an_offset_in_software_only_adds_traps() {
    for_all(|case| {
        for more in [
            Case {
                physical_offset: true,
                ..case
            },
            Case {
                virtual_offset: true,
                ..case
            },
        ] {
            for access in ACCESSES {
                assert!(!case.traps(access) || more.traps(access), "{more:?}");
            }
        }
    });
}

/// A counter that the guest must not read as it is traps together with its timer.
#[test]
fn an_offset_in_software_hides_the_whole_counter() {
    for_all(|case| {
        let all = |accesses: [Access; 2]| accesses.into_iter().all(|a| case.traps(a));

        assert!(!case.physical_offset || all([PhysicalCounter, PhysicalTimer]));
        assert!(!case.virtual_offset || all([VirtualCounter, VirtualTimer]));
    });
}

proptest! {
    #![proptest_config(config(4_000))]

    #[test]
    fn other_bits_of_the_guest_mean_nothing(value in word(), noise in any::<u64>(), e2h: bool) {
        // All but 0, 1, 10, 11, 15 and 16.
        let other = value ^ noise & !0x1_8c03;

        for_all_without_guest(|case| {
            let with = |value| Case { guest: Some((value, e2h)), ..case };

            check(with(value));
            assert_eq!(with(value).update(), with(other).update());
        });
    }
}
