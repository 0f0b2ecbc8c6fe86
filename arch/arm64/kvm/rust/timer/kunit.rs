// SPDX-License-Identifier: GPL-2.0

//! KUnit tests: the arithmetic as this kernel compiles it, and against the real timer.
//!
//! Properties over random inputs are tested on the build host, in tools/testing/host.
#![forbid(unsafe_code)]

use kernel::prelude::kunit_tests;

#[kunit_tests(kvm_arm64_timer_counter)]
mod counter_tests {
    use super::super::counter::*;

    #[test]
    fn a_guest_lags_by_its_offset() {
        let now = PhysicalCount::new(1000);

        assert_eq!(now.seen_with(Offset::new(400)), GuestCount::new(600));
        assert_eq!(now.seen_with(Offset::ZERO), GuestCount::new(1000));
        assert_eq!(now.seen_with(Offset::new(1001)), GuestCount::new(u64::MAX));
        assert_eq!(Offset::new(u64::MAX).and(Offset::new(3)), Offset::new(2));
    }

    #[test]
    fn a_deadline_is_reached_when_the_counts_are_equal() {
        let now = GuestCount::new(100);

        assert_eq!(now.until(CompareValue::new(101)), Some(Ticks::new(1)));
        assert_eq!(now.until(CompareValue::new(100)), None);
        assert!(now.has_reached(CompareValue::new(99)));
        assert!(!now.has_reached(CompareValue::new(u64::MAX)));
    }

    #[test]
    fn tval_is_a_signed_distance_of_32_bits() {
        let now = GuestCount::new(10);

        assert_eq!(CompareValue::from_tval(now, 5), CompareValue::new(15));
        assert_eq!(
            CompareValue::from_tval(now, 0xffff_ffff),
            CompareValue::new(9)
        );
        assert_eq!(
            CompareValue::from_tval(now, 0x1234_5678_0000_0001),
            CompareValue::new(11)
        );
        assert_eq!(CompareValue::new(7).tval(now), 0xffff_fffd);
    }

    #[test]
    fn a_sum_that_is_exact_is_programmed_as_it_is() {
        let now = PhysicalCount::new(1_000_000);
        let program = |cval, offset| {
            HardwareCompare::from_guest(CompareValue::new(cval), Offset::new(offset), now).get()
        };

        assert_eq!(program(600_000, 500_000), 1_100_000);
        assert_eq!(program(400_000, 500_000), 900_000);
        assert_eq!(program(500_000, 500_000), 1_000_000);
    }

    #[test]
    fn a_sum_that_wraps_does_not_fire_early() {
        let now = PhysicalCount::new(1_000_000);

        for cval in [u64::MAX, u64::MAX - 1, u64::MAX - 499_999] {
            let hw =
                HardwareCompare::from_guest(CompareValue::new(cval), Offset::new(500_000), now);

            assert_eq!(hw.get(), u64::MAX);
        }
    }

    #[test]
    fn a_guest_behind_zero_fires_in_time() {
        // The guest's count is 2^64 - 1000.
        let now = PhysicalCount::new(5000);
        let offset = Offset::new(6000);
        let program =
            |cval: u64| HardwareCompare::from_guest(CompareValue::new(cval), offset, now).get();

        assert_eq!(program(u64::MAX - 499), 5500);
        assert_eq!(program(u64::MAX - 1499), 4500);
        assert_eq!(program(0), 0);
    }
}

#[kunit_tests(kvm_arm64_timer_offset)]
mod offset_tests {
    use super::super::{
        counter::*,
        offset::*, //
    };

    /// What a guest reads: its virtual and its physical counter.
    fn counts(offsets: VmOffsets, now: u64) -> (u64, u64) {
        let now = PhysicalCount::new(now);

        (
            now.seen_with(offsets.virt()).get(),
            now.seen_with(offsets.phys()).get(),
        )
    }

    #[test]
    fn the_virtual_count_is_behind_the_guests_physical_one() {
        let offsets = VmOffsets::new(Offset::ZERO, Offset::ZERO)
            .with_phys(Offset::new(300))
            .with_lag(VirtualLag::new(50));

        assert_eq!(counts(offsets, 1000), (650, 700));
        assert_eq!(offsets.lag(), VirtualLag::new(50));
    }

    #[test]
    fn the_order_of_writes_does_not_matter() {
        let start = VmOffsets::new(Offset::new(77), Offset::new(5));
        let ends = [0, 1, 1 << 63, u64::MAX];

        for (virt, phys) in ends.into_iter().flat_map(|v| ends.map(|p| (v, p))) {
            let (lag, offset) = (VirtualLag::new(virt), Offset::new(phys));
            let one = start.with_lag(lag).with_phys(offset);

            assert_eq!(one, start.with_phys(offset).with_lag(lag));
            assert_eq!(one, one.with_lag(lag).with_phys(offset));
            assert_eq!((one.lag(), one.phys()), (lag, offset));
        }
    }

    #[test]
    fn one_offset_for_both_counters_is_no_lag() {
        let offsets = VmOffsets::new(Offset::new(1 << 40), Offset::new(1 << 40));

        assert_eq!(offsets.lag(), VirtualLag::new(0));
    }

    #[test]
    fn without_physical_offset_the_lag_is_the_virtual_one() {
        let offsets = VmOffsets::new(Offset::new(123), Offset::ZERO);

        assert_eq!(offsets.lag().get(), 123);
        assert_eq!(offsets.with_lag(VirtualLag::new(9)).virt().get(), 9);
    }
}

#[kunit_tests(kvm_arm64_timer_deadline)]
mod deadline_tests {
    use super::super::{
        counter::Ticks,
        deadline::*, //
    };

    #[test]
    fn durations_are_rounded_up() {
        // 62.5 MHz: 16 ns a tick. 3 ticks in 2^1 parts: 1.5 ns a tick.
        assert_eq!(TickRate::new(16 << 8, 8).duration(Ticks::new(3)).get(), 48);
        assert_eq!(TickRate::new(3, 1).duration(Ticks::new(1)).get(), 2);
        assert_eq!(TickRate::new(3, 1).duration(Ticks::new(2)).get(), 3);
        assert_eq!(TickRate::new(3, 1).duration(Ticks::new(0)).get(), 0);
    }

    #[test]
    fn the_far_future_stays_there() {
        let rate = TickRate::new(16 << 24, 24);

        assert_eq!(rate.duration(Ticks::new(u64::MAX)).get(), u64::MAX);
        assert_eq!(rate.duration(Ticks::new(u64::MAX)).as_ktime(), i64::MAX);
        assert_eq!(
            TickRate::new(u32::MAX, 200).duration(Ticks::new(1)).get(),
            1
        );
    }

    #[test]
    fn the_first_deadline_wins() {
        let soon = Deadline::after(Some(Ticks::new(1)), TickRate::new(1, 0));
        let late = Deadline::after(Some(Ticks::new(9)), TickRate::new(1, 0));

        assert_eq!(soon.min(late), soon);
        assert_eq!(late.min(Deadline::Never), late);
        assert_eq!(soon.min(Deadline::Passed), Deadline::Passed);
        assert_eq!(Deadline::Never.min(Deadline::Never), Deadline::Never);
        assert_eq!(Deadline::Never.remaining(), None);
        assert_eq!(Deadline::Passed.remaining(), None);
    }
}

#[kunit_tests(kvm_arm64_timer_ctl)]
mod ctl_tests {
    use super::super::ctl::*;

    #[test]
    fn a_line_is_high_if_enabled_unmasked_and_met() {
        for raw in 0..8 {
            let ctl = TimerCtl::from_raw(raw);

            assert_eq!(ctl.can_fire(), raw & 0b011 == 0b001);
            assert_eq!(ctl.level().is_high(), raw == 0b101);
        }
    }

    #[test]
    fn the_status_is_one_bit() {
        assert_eq!(
            TimerCtl::from_raw(0b011).with_status(true).into_raw(),
            0b111
        );
        assert_eq!(
            TimerCtl::from_raw(0b111).with_status(false).into_raw(),
            0b011
        );
    }
}

#[kunit_tests(kvm_arm64_timer_map)]
mod map_tests {
    use super::super::map::*;
    use crate::kvm::prelude::*;

    #[test]
    fn each_timer_of_a_vcpu_is_direct_or_emulated() {
        for (map, has_el2) in [
            (TimerMap::Nvhe, false),
            (TimerMap::Vhe, false),
            (TimerMap::NestedHyp, true),
            (TimerMap::NestedGuest, true),
        ] {
            for id in TimerId::of_vcpu(has_el2) {
                let is_direct = map.direct(id.bank()) == Some(*id);

                assert!(is_direct != map.is_emulated(*id));
            }
        }
    }
}

#[kunit_tests(kvm_arm64_timer_traps)]
mod traps_tests {
    use super::super::traps::*;

    const NONE: TrapInputs = TrapInputs {
        hyp_with_ecv: None,
        physical_offset_in_software: false,
        virtual_offset_in_software: false,
        guest_hypervisor: None,
    };

    #[test]
    fn nothing_traps_by_default() {
        let update = NONE.cnthctl();

        assert_eq!(update.set, bits::EL1PCTEN | bits::EL1PTEN);
        assert_eq!(
            update.clear,
            bits::EL1TVT | bits::EL1TVCT | bits::EL1NVPCT | bits::EL1NVVCT
        );
    }

    #[test]
    fn an_offset_in_software_traps_timer_and_counter() {
        let update = TrapInputs {
            physical_offset_in_software: true,
            virtual_offset_in_software: true,
            ..NONE
        }
        .cnthctl();

        assert_eq!(update.set, bits::EL1TVT | bits::EL1TVCT);
    }

    #[test]
    fn a_guest_hypervisor_without_vhe_enables_by_its_own_layout() {
        let update = TrapInputs {
            guest_hypervisor: Some(GuestCnthctl::new(bits::NVHE_EL1PCTEN, false)),
            ..NONE
        }
        .cnthctl();

        assert_eq!(update.set, bits::EL1PCTEN);
    }
}

#[kunit_tests(kvm_arm64_timer_hardware)]
mod hardware_tests {
    use super::super::{
        counter::*,
        ctl::TimerCtl,
        HOST, //
    };
    use crate::{
        arm64::prelude::*,
        linux::prelude::*, //
    };
    use kernel::prelude::*;

    /// Enabled and masked: the status is valid, and nothing interrupts.
    const ENABLED_MASKED: u64 = 0b011;
    const ISTATUS: u64 = 0b100;

    /// Whether the EL1 virtual timer, which no guest uses at this time, meets its condition.
    fn fires(hw: HardwareCompare) -> bool {
        with_irqs_off(|_| {
            Cntv::write_cval(hw.get());
            isb();
            Cntv::write_ctl(ENABLED_MASKED);
            isb();
            let met = Cntv::read_ctl() & ISTATUS != 0;
            Cntv::write_ctl(TimerCtl::OFF.into_raw());
            isb();
            met
        })
    }

    #[test]
    fn the_timer_agrees_with_the_arithmetic() -> Result {
        let host = HOST.as_ref().ok_or(ENODEV)?;

        for offset in [0, 1, 1 << 40, u64::MAX >> 1, u64::MAX] {
            let offset = Offset::new(offset);
            let now = host.now();
            let seen = now.seen_with(offset);

            for cval in [0, 1, seen.get(), u64::MAX >> 1, u64::MAX] {
                let cval = CompareValue::new(cval);

                assert_eq!(
                    fires(HardwareCompare::from_guest(cval, offset, now)),
                    seen.has_reached(cval)
                );
            }
        }
        Ok(())
    }

    #[test]
    fn the_rate_is_that_of_the_counter() -> Result {
        let host = HOST.as_ref().ok_or(ENODEV)?;
        let frequency = CNTFRQ_EL0::read();
        let second = host.rate.duration(Ticks::new(frequency)).get();

        assert!((999_999_000..=1_000_001_000).contains(&second));
        Ok(())
    }
}
