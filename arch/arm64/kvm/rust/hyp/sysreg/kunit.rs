// SPDX-License-Identifier: GPL-2.0

//! KUnit tests: values that are computed for registers, with bits from the architecture manual.
#![forbid(unsafe_code)]

use kernel::prelude::kunit_tests;

#[kunit_tests(kvm_arm64_switch_sysreg)]
mod tests {
    use super::super::vel2::with_cntkctl;
    use crate::arm64::prelude::*;

    /// NZCV, DAIF and SS, to be kept.
    const FLAGS: u64 = 0xf << 28 | 1 << 21 | 0xf << 6;

    fn entered_with(mode: u64) -> u64 {
        Pstate::from_raw(FLAGS | mode).for_guest().get().into_raw()
    }

    #[test]
    fn guests_are_entered_in_their_mode() {
        // EL0t, EL1t, EL1h; AArch32's User, FIQ, IRQ, Supervisor, Abort, Undefined, System.
        for mode in [0x0, 0x4, 0x5, 0x10, 0x11, 0x12, 0x13, 0x17, 0x1b, 0x1f] {
            assert_eq!(entered_with(mode), FLAGS | mode);
        }
    }

    #[test]
    fn virtual_el2_is_entered_at_el1() {
        assert_eq!(entered_with(0x8), FLAGS | 0x4);
        assert_eq!(entered_with(0x9), FLAGS | 0x5);
    }

    #[test]
    fn no_guest_is_entered_above_el1() {
        // EL3t, EL3h, and what is reserved above EL1: illegal state, with no other flag.
        for mode in [0xa, 0xb, 0xc, 0xd, 0xe, 0xf] {
            assert_eq!(entered_with(mode), 1 << 20 | 0x9);
        }
    }

    #[test]
    fn cntkctl_has_the_bits_about_el0() {
        // EL0PCTEN to EVNTIS without the reserved ones: bits 9:0, and 17.
        let about_el0 = 0x203ff;

        assert_eq!(with_cntkctl(0, u64::MAX), about_el0);
        assert_eq!(with_cntkctl(u64::MAX, 0), !about_el0);
        assert_eq!(with_cntkctl(u64::MAX, u64::MAX), u64::MAX);
    }
}
