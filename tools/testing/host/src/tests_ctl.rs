// SPDX-License-Identifier: GPL-2.0

//! Control registers, against the architecture's description of their three bits.

use crate::edges::{config, word};
use crate::timer::ctl::{Level, TimerCtl};
use proptest::prelude::*;

/// Calls `check` with all values of the low three bits: the register, ENABLE, IMASK, ISTATUS.
fn for_all(upper: u64, mut check: impl FnMut(u64, bool, bool, bool)) {
    for enable in [false, true] {
        for mask in [false, true] {
            for status in [false, true] {
                let low = u64::from(enable) + 2 * u64::from(mask) + 4 * u64::from(status);
                check(upper & !7 | low, enable, mask, status);
            }
        }
    }
}

fn check_all(upper: u64) {
    for_all(upper, |raw, enable, mask, status| {
        let ctl = TimerCtl::from_raw(raw);
        // The register has 64 bits, of which the upper half is RES0 in all versions.
        let raw = raw & 0xffff_ffff;

        assert_eq!(ctl.into_raw(), raw);
        assert_eq!(ctl.can_fire(), enable && !mask, "{raw:#x}");
        assert_eq!(ctl.level().is_high(), enable && !mask && status, "{raw:#x}");
        for met in [false, true] {
            let changed = ctl.with_status(met);

            assert_eq!(changed.into_raw() & 4 != 0, met, "{raw:#x}");
            assert_eq!(changed.into_raw() & !4, raw & !4, "{raw:#x}");
            assert_eq!(changed.level().is_high(), enable && !mask && met);
        }
    });
}

#[test]
fn all_values_of_the_three_bits() {
    check_all(0);
    check_all(u64::MAX);
}

#[test]
fn off_is_disabled_and_low() {
    assert_eq!(TimerCtl::OFF.into_raw(), 0);
    assert!(!TimerCtl::OFF.can_fire());
    assert_eq!(TimerCtl::OFF.level(), Level::Low);
}

#[test]
fn levels_and_booleans() {
    assert_eq!(Level::from_bool(true), Level::High);
    assert_eq!(Level::from_bool(false), Level::Low);
    assert!(Level::High.is_high());
    assert!(!Level::Low.is_high());
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn upper_bits_mean_nothing(upper in word()) {
        check_all(upper);
    }
}
