// SPDX-License-Identifier: GPL-2.0

//! Ticks to nanoseconds, against exact fractions, and the algebra of deadlines.

use crate::edges::{config, word};
use crate::timer::counter::Ticks;
use crate::timer::deadline::{Deadline, Nanos, TickRate};
use proptest::prelude::*;

const SECOND: u128 = 1_000_000_000;
const END: u64 = u64::MAX;

/// A counter's frequency with the pair that the kernel approximates its period by.
#[derive(Clone, Copy, Debug)]
struct Clock {
    hz: u32,
    mult: u32,
    shift: u32,
}

impl Clock {
    /// The most exact pair of which `mult` fits in 32 bits, and with which `seconds` of ticks
    /// times `mult` fit in 64: what `clocks_calc_mult_shift()` is documented to look for.
    fn new(hz: u32, seconds: u32) -> Self {
        let wide = u128::from(hz);
        let (mult, shift) = (1..=32)
            .rev()
            .map(|shift| (((SECOND << shift) + wide / 2) / wide, shift))
            .find(|(mult, _)| {
                let product = wide * u128::from(seconds) * mult;
                *mult >> 32 == 0 && product >> 64 == 0
            })
            .expect("a frequency in range");

        Self {
            hz,
            mult: mult as u32,
            shift,
        }
    }

    fn duration(self, ticks: u64) -> u64 {
        TickRate::new(self.mult, self.shift)
            .duration(Ticks::new(ticks))
            .get()
    }

    /// The same by way of 10^9 / hz, both ends as fractions of `unit()` parts of a nanosecond.
    /// `mult` is rounded to the nearest, so half of one is how far it may be off.
    fn exact(self, ticks: u64) -> (u128, u128) {
        let parts = (2 * SECOND) << self.shift;
        let off = u128::from(self.hz);

        (
            u128::from(ticks) * (parts - off),
            u128::from(ticks) * (parts + off),
        )
    }

    /// What a nanosecond is in `exact()`.
    fn unit(self) -> u128 {
        u128::from(2 * u64::from(self.hz)) << self.shift
    }
}

fn clock() -> impl Strategy<Value = Clock> {
    let usual = prop::sample::select(vec![
        1_000_000,
        1_000_001,
        19_200_000,
        24_000_000,
        25_000_000,
        31_250_000,
        54_000_000,
        62_500_000,
        100_000_000,
        999_999_999,
        1_000_000_000,
    ]);
    let hz = prop_oneof![1 => usual, 2 => 1_000_000u32..=1_000_000_000];
    // The kernel's clock sources ask for up to ten minutes.
    let seconds = prop_oneof![1 => Just(600u32), 1 => 1u32..=600];

    (hz, seconds).prop_map(|(hz, seconds)| Clock::new(hz, seconds))
}

fn nanos(ns: u64) -> Nanos {
    TickRate::new(1, 0).duration(Ticks::new(ns))
}

fn deadline() -> impl Strategy<Value = Deadline> {
    prop_oneof![
        1 => Just(Deadline::Passed),
        1 => Just(Deadline::Never),
        4 => word().prop_map(|ns| Deadline::In(nanos(ns))),
        2 => (0u64..4).prop_map(|ns| Deadline::In(nanos(ns))),
    ]
}

/// Where a deadline is on a line of time that has room for "now" and for "never".
fn place(deadline: Deadline) -> i128 {
    match deadline {
        Deadline::Passed => -1,
        Deadline::In(ns) => i128::from(ns.get()),
        Deadline::Never => i128::MAX,
    }
}

/// The pair that kernels print for the 24 MHz counters that are common on Arm.
#[test]
fn reference_knows_a_real_clock() {
    let clock = Clock::new(24_000_000, 600);

    assert_eq!((clock.mult, clock.shift), (699_050_667, 24));
}

#[test]
fn whole_periods_are_exact() {
    for (hz, period) in [(1_000_000, 1000), (62_500_000, 16), (1_000_000_000, 1)] {
        let clock = Clock::new(hz, 600);

        for ticks in [0, 1, 2, 3, 1_000_000_007, END / 1000] {
            assert_eq!(clock.duration(ticks), ticks * period, "{hz} Hz");
        }
    }
}

/// 31.25 MHz with a shift that the period of 32 ns does not need; then one that cuts a third off.
#[test]
fn fractions_round_up() {
    assert_eq!(TickRate::new(32 << 3, 3).duration(Ticks::new(5)).get(), 160);
    assert_eq!(TickRate::new(1, 1).duration(Ticks::new(1)).get(), 1);
    assert_eq!(TickRate::new(1, 1).duration(Ticks::new(3)).get(), 2);
    assert_eq!(TickRate::new(1, 63).duration(Ticks::new(END)).get(), 2);
    assert_eq!(TickRate::new(u32::MAX, 32).duration(Ticks::new(1)).get(), 1);
}

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn duration_is_the_product_rounded_up(
        ticks in word(),
        mult in word(),
        shift in 0u32..64,
    ) {
        let mult = mult as u32;
        let exact = (u128::from(ticks) * u128::from(mult)).div_ceil(1 << shift);
        let ns = TickRate::new(mult, shift).duration(Ticks::new(ticks)).get();

        prop_assert_eq!(u128::from(ns), exact.min(END.into()));
    }

    #[test]
    fn duration_is_never_early(clock in clock(), ticks in word()) {
        let (least, _) = clock.exact(ticks);
        let ns = clock.duration(ticks);

        prop_assert!(ns == END || u128::from(ns) * clock.unit() >= least);
    }

    #[test]
    fn duration_is_less_than_a_nanosecond_late(clock in clock(), ticks in word()) {
        let (_, most) = clock.exact(ticks);
        let ns = clock.duration(ticks);

        // One off, so that nothing wraps.
        prop_assert!(u128::from(ns.saturating_sub(1)) * clock.unit() <= most);
        prop_assert!(ns == 0 || u128::from(ns - 1) * clock.unit() < most);
    }

    #[test]
    fn half_an_hour_is_right_to_a_millionth(clock in clock(), ticks in any::<u64>()) {
        let ticks = ticks % (u64::from(clock.hz) * 1800);
        let exact = u128::from(ticks) * SECOND / u128::from(clock.hz);
        let ns = u128::from(clock.duration(ticks));

        prop_assert!(ns.abs_diff(exact) <= exact / 1_000_000 + 1);
    }

    #[test]
    fn duration_saturates_and_does_not_wrap(clock in clock(), ticks in word()) {
        let (least, most) = clock.exact(ticks);
        let end = u128::from(END);
        let ns = clock.duration(ticks);

        if least / clock.unit() >= end {
            prop_assert_eq!(ns, END);
        }
        if most / clock.unit() + 1 < end {
            prop_assert!(ns < END);
        }
    }

    #[test]
    fn more_ticks_last_no_less(clock in clock(), a in word(), b in word()) {
        let (few, many) = (a.min(b), a.max(b));

        prop_assert!(clock.duration(few) <= clock.duration(many));
        prop_assert!(clock.duration(many) <= clock.duration(many.saturating_add(1)));
    }

    #[test]
    fn only_zero_ticks_last_no_time(clock in clock(), ticks in word()) {
        prop_assert_eq!(clock.duration(0), 0);
        prop_assert_eq!(clock.duration(ticks) == 0, ticks == 0);
    }

    #[test]
    fn too_large_a_shift_is_63(ticks in word(), mult in any::<u32>(), shift in 64u32..) {
        prop_assert_eq!(TickRate::new(mult, shift), TickRate::new(mult, 63));
        prop_assert_eq!(
            TickRate::new(mult, shift).duration(Ticks::new(ticks)),
            TickRate::new(mult, 63).duration(Ticks::new(ticks))
        );
    }

    #[test]
    fn ktime_is_the_span_or_for_ever(ns in word()) {
        let exact = i128::from(ns).min(i128::from(i64::MAX));

        prop_assert_eq!(nanos(ns).get(), ns);
        prop_assert_eq!(i128::from(nanos(ns).as_ktime()), exact);
    }

    #[test]
    fn after_is_now_or_when_the_ticks_are_over(clock in clock(), ticks in word()) {
        let rate = TickRate::new(clock.mult, clock.shift);
        let due = Deadline::after(Some(Ticks::new(ticks)), rate);

        prop_assert_eq!(due, Deadline::In(rate.duration(Ticks::new(ticks))));
        prop_assert_eq!(Deadline::after(None, rate), Deadline::Passed);
    }

    #[test]
    fn min_is_the_earlier_on_a_line_of_time(a in deadline(), b in deadline()) {
        prop_assert_eq!(place(a.min(b)), place(a).min(place(b)));
    }

    #[test]
    fn min_is_commutative_and_associative(a in deadline(), b in deadline(), c in deadline()) {
        prop_assert_eq!(a.min(b), b.min(a));
        prop_assert_eq!(a.min(b).min(c), a.min(b.min(c)));
        prop_assert_eq!(a.min(a), a);
    }

    #[test]
    fn passed_absorbs_and_never_is_neutral(a in deadline()) {
        prop_assert_eq!(Deadline::Passed.min(a), Deadline::Passed);
        prop_assert_eq!(a.min(Deadline::Passed), Deadline::Passed);
        prop_assert_eq!(Deadline::Never.min(a), a);
        prop_assert_eq!(a.min(Deadline::Never), a);
    }

    #[test]
    fn only_a_deadline_ahead_remains(ns in word()) {
        prop_assert_eq!(Deadline::In(nanos(ns)).remaining(), Some(nanos(ns)));
        prop_assert_eq!(Deadline::Passed.remaining(), None);
        prop_assert_eq!(Deadline::Never.remaining(), None);
    }
}

#[test]
fn zero_is_zero() {
    assert_eq!(Nanos::ZERO.get(), 0);
    assert_eq!(Nanos::ZERO.as_ktime(), 0);
    assert_eq!(nanos(0), Nanos::ZERO);
}
