// SPDX-License-Identifier: GPL-2.0

//! Counters, offsets and compare values, against arithmetic that cannot wrap.

use crate::edges::{config, scene, word, Scene};
use crate::timer::counter::{
    CompareValue, GuestCount, HardwareCompare, Offset, PhysicalCount, Ticks,
};
use proptest::prelude::*;

const END: u64 = u64::MAX;

fn hardware_compare(scene: Scene) -> u64 {
    HardwareCompare::from_guest(
        CompareValue::new(scene.cval),
        Offset::new(scene.offset),
        PhysicalCount::new(scene.now),
    )
    .get()
}

/// How far time can go on before the physical or the guest's count wraps.
fn room(scene: Scene) -> u64 {
    (END - scene.now).min(END - scene.seen())
}

/// What hardware makes of `register` that much later must be what the guest makes of its own
/// compare value. At the very last physical count any compare value is met: none means "never".
fn agrees(scene: Scene, register: u64, later: u64) -> Result<(), TestCaseError> {
    let now = scene.now + later;
    let guest = scene.seen() + later >= scene.cval;
    let hardware = now >= register;

    if now == END {
        prop_assert!(hardware);
    } else {
        prop_assert_eq!(hardware, guest, "{} later, register {:#x}", later, register);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn count_is_physical_minus_offset(s in scene()) {
        let seen = PhysicalCount::new(s.now).seen_with(Offset::new(s.offset));

        prop_assert_eq!(seen.get(), s.seen());
        prop_assert_eq!(seen, GuestCount::new(s.seen()));
    }

    #[test]
    fn until_is_the_distance_to_go(count in word(), cval in word()) {
        let now = GuestCount::new(count);
        let cval_ = CompareValue::new(cval);
        let left = i128::from(cval) - i128::from(count);

        prop_assert_eq!(now.has_reached(cval_), left <= 0);
        prop_assert_eq!(now.until(cval_).map(|t| i128::from(t.get())), (left > 0).then_some(left));
        prop_assert_eq!(now.until(cval_).is_none(), now.has_reached(cval_));
    }

    #[test]
    fn condition_is_met_when_the_distance_is_over(count in word(), cval in word()) {
        let cval_ = CompareValue::new(cval);

        if let Some(left) = GuestCount::new(count).until(cval_) {
            let due = count + left.get();
            prop_assert!(GuestCount::new(due).has_reached(cval_));
            prop_assert!(!GuestCount::new(due - 1).has_reached(cval_));
        }
    }

    #[test]
    fn offsets_add_up(now in word(), outer in word(), inner in word()) {
        let both = Offset::new(outer).and(Offset::new(inner));
        let step = PhysicalCount::new(now).seen_with(Offset::new(outer));
        let seen = PhysicalCount::new(step.get()).seen_with(Offset::new(inner));

        prop_assert_eq!(PhysicalCount::new(now).seen_with(both), seen);
        prop_assert_eq!(both, Offset::new(inner).and(Offset::new(outer)));
        prop_assert_eq!(Offset::new(outer).and(Offset::ZERO), Offset::new(outer));
        prop_assert_eq!(both.beyond(Offset::new(outer)), Offset::new(inner));
        prop_assert_eq!(both.is_zero(), both.get() == 0);
    }

    #[test]
    fn hardware_compare_is_the_exact_instant_clamped(s in scene()) {
        // The guest is `lag` behind the physical count, or ahead of it: a number with a sign.
        let lag = i128::from(s.now) - i128::from(s.seen());
        let exact = (i128::from(s.cval) + lag).clamp(0, i128::from(END));

        prop_assert_eq!(i128::from(hardware_compare(s)), exact);
    }

    #[test]
    fn hardware_agrees_now(s in scene()) {
        agrees(s, hardware_compare(s), 0)?;
    }

    #[test]
    fn hardware_agrees_at_any_later_instant(s in scene(), later in word()) {
        agrees(s, hardware_compare(s), later % room(s).saturating_add(1))?;
    }

    #[test]
    fn hardware_agrees_about_the_very_tick(s in scene(), around in -2i128..=2) {
        let due = i128::from(s.cval) - i128::from(s.seen()) + around;

        if (0..=i128::from(room(s))).contains(&due) {
            agrees(s, hardware_compare(s), due as u64)?;
        }
        agrees(s, hardware_compare(s), room(s))?;
    }

    #[test]
    fn lagging_guest_gets_the_plain_sum(now in word(), offset in word(), cval in word()) {
        let offset = offset % now.saturating_add(1);
        let cval = cval % (END - offset).saturating_add(1);

        prop_assert_eq!(hardware_compare(Scene { now, offset, cval }), cval + offset);
    }

    #[test]
    fn leading_guest_gets_the_plain_difference(now in word(), lead in word(), cval in word()) {
        let lead = lead % (END - now).saturating_add(1);
        let cval = cval.max(lead);
        let offset = 0u64.wrapping_sub(lead);

        prop_assert_eq!(hardware_compare(Scene { now, offset, cval }), cval - lead);
    }

    #[test]
    fn without_offset_the_value_stays(now in word(), cval in word()) {
        prop_assert_eq!(hardware_compare(Scene { now, offset: 0, cval }), cval);
        prop_assert_eq!(HardwareCompare::verbatim(CompareValue::new(cval)).get(), cval);
    }

    #[test]
    fn tval_reads_back(now in word(), tval in any::<u64>()) {
        let now = GuestCount::new(now);

        prop_assert_eq!(u64::from(CompareValue::from_tval(now, tval).tval(now)), tval % (1 << 32));
    }

    #[test]
    fn tval_is_a_signed_distance(count in word(), distance in any::<i32>(), upper in any::<u32>()) {
        let written = u64::from(upper) << 32 | u64::from(distance as u32);
        let cval = CompareValue::from_tval(GuestCount::new(count), written).get();
        let exact = i128::from(count) + i128::from(distance);

        prop_assert_eq!(i128::from(cval), exact.rem_euclid(1 << 64));
    }

    #[test]
    fn tval_shows_the_low_half_of_the_distance(count in word(), cval in word()) {
        let distance = i128::from(cval) - i128::from(count);

        prop_assert_eq!(
            i128::from(CompareValue::new(cval).tval(GuestCount::new(count))),
            distance.rem_euclid(1 << 32)
        );
    }

    #[test]
    fn wrappers_keep_their_value(v in word()) {
        prop_assert_eq!(PhysicalCount::new(v).get(), v);
        prop_assert_eq!(GuestCount::new(v).get(), v);
        prop_assert_eq!(Offset::new(v).get(), v);
        prop_assert_eq!(CompareValue::new(v).get(), v);
        prop_assert_eq!(Ticks::new(v).get(), v);
    }
}

/// A deadline near the end of time, of a guest that lags: the sum wraps to an instant long past.
#[test]
fn far_deadline_of_a_lagging_guest_is_not_early() {
    let s = Scene {
        now: 5_000_000,
        offset: 1_000_000,
        cval: END,
    };

    assert!(s.cval.wrapping_add(s.offset) < s.now);
    assert_eq!(hardware_compare(s), END);
}

/// A deadline before the host's counter was zero, of a guest that leads: the sum is far ahead.
#[test]
fn old_deadline_of_a_leading_guest_is_not_lost() {
    let s = Scene {
        now: 5_000_000,
        offset: 0u64.wrapping_sub(1_000_000),
        cval: 10,
    };

    assert!(s.cval.wrapping_add(s.offset) > s.now);
    assert_eq!(hardware_compare(s), 0);
}

#[test]
fn tval_at_the_ends_of_its_range() {
    let at = |count, tval| CompareValue::from_tval(GuestCount::new(count), tval).get();

    assert_eq!(at(1000, 0x7fff_ffff), 1000 + 0x7fff_ffff);
    assert_eq!(at(0x8000_0000, 0x8000_0000), 0);
    assert_eq!(at(1000, 0xffff_ffff), 999);
    assert_eq!(at(1000, 0xdead_beef_0000_0001), 1001);
    assert_eq!(at(END, 1), 0);
    assert_eq!(at(0, 0xffff_ffff), END);
}
