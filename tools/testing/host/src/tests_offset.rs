// SPDX-License-Identifier: GPL-2.0

//! The two offsets of a VM: what a guest counts, and any history of writes, against a model that
//! knows nothing but the two formulas.

use crate::edges::{config, word};
use crate::timer::counter::{Offset, PhysicalCount};
use crate::timer::offset::{VirtualLag, VmOffsets};
use proptest::prelude::*;

const MODULUS: i128 = 1 << 64;

/// One of the ways in which user space changes the offsets.
#[derive(Clone, Copy, Debug)]
enum Write {
    /// The attributes.
    Virtual(u64),
    Physical(u64),
    /// `KVM_ARM_SET_COUNTER_OFFSET`.
    Both(u64),
    /// A counter register: this count at that count of the host.
    VirtualCount(u64, u64),
    PhysicalCount(u64, u64),
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        3 => word().prop_map(Write::Virtual),
        3 => word().prop_map(Write::Physical),
        1 => word().prop_map(Write::Both),
        1 => (word(), word()).prop_map(|(c, h)| Write::VirtualCount(c, h)),
        1 => (word(), word()).prop_map(|(c, h)| Write::PhysicalCount(c, h)),
    ]
}

/// What the guest counts when the host counts zero: no offset of either kind, and no wrapping.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Model {
    virt: i128,
    phys: i128,
}

impl Model {
    fn write(self, write: Write) -> Self {
        match write {
            Write::Virtual(lag) => Self {
                virt: self.phys - i128::from(lag),
                ..self
            },
            Write::Physical(offset) => Self {
                virt: -i128::from(offset) + self.virt - self.phys,
                phys: -i128::from(offset),
            },
            Write::Both(offset) => Self {
                virt: -i128::from(offset),
                phys: -i128::from(offset),
            },
            Write::VirtualCount(count, host) => Self {
                virt: i128::from(count) - i128::from(host),
                ..self
            },
            Write::PhysicalCount(count, host) => Self {
                phys: i128::from(count) - i128::from(host),
                ..self
            },
        }
    }
}

/// As the attributes, the ioctl and `sys_regs.c` do.
fn apply(offsets: VmOffsets, write: Write) -> VmOffsets {
    let offset_for = |count: u64, host: u64| Offset::new(host.wrapping_sub(count));

    match write {
        Write::Virtual(lag) => offsets.with_lag(VirtualLag::new(lag)),
        Write::Physical(offset) => offsets.with_phys(Offset::new(offset)),
        Write::Both(offset) => VmOffsets::new(Offset::new(offset), Offset::new(offset)),
        Write::VirtualCount(c, h) => VmOffsets::new(offset_for(c, h), offsets.phys()),
        Write::PhysicalCount(c, h) => VmOffsets::new(offsets.virt(), offset_for(c, h)),
    }
}

fn modulo(value: i128) -> u64 {
    value.rem_euclid(MODULUS) as u64
}

fn counts(offsets: VmOffsets, now: u64) -> (u64, u64) {
    let now = PhysicalCount::new(now);

    (
        now.seen_with(offsets.virt()).get(),
        now.seen_with(offsets.phys()).get(),
    )
}

fn any_offsets() -> impl Strategy<Value = VmOffsets> {
    (word(), word()).prop_map(|(v, p)| VmOffsets::new(Offset::new(v), Offset::new(p)))
}

proptest! {
    #![proptest_config(config(20_000))]

    #[test]
    fn any_history_of_writes(writes in prop::collection::vec(write(), 0..12), now in word()) {
        let mut offsets = VmOffsets::new(Offset::ZERO, Offset::ZERO);
        let mut model = Model { virt: 0, phys: 0 };

        for write in writes {
            offsets = apply(offsets, write);
            model = model.write(write);

            let host = i128::from(now);
            prop_assert_eq!(counts(offsets, now), (modulo(host + model.virt), modulo(host + model.phys)));
            prop_assert_eq!(offsets.phys().get(), modulo(-model.phys));
            prop_assert_eq!(offsets.lag().get(), modulo(model.phys - model.virt));
        }
    }

    #[test]
    fn order_and_repetition_do_not_matter(
        start in any_offsets(), lag in word(), phys in word(), times in 1usize..4
    ) {
        let (lag, phys) = (VirtualLag::new(lag), Offset::new(phys));
        let one = start.with_lag(lag).with_phys(phys);

        prop_assert_eq!(one, start.with_phys(phys).with_lag(lag));
        prop_assert_eq!((one.lag(), one.phys()), (lag, phys));
        for _ in 0..times {
            prop_assert_eq!(one.with_phys(phys), one);
            prop_assert_eq!(one.with_lag(lag), one);
        }
    }

    #[test]
    fn what_is_read_can_be_written_back(offsets in any_offsets(), start in any_offsets()) {
        prop_assert_eq!(start.with_phys(offsets.phys()).with_lag(offsets.lag()), offsets);
    }

    /// From a host to one whose counter is elsewhere, by the formula of the documentation.
    #[test]
    fn a_move_to_another_host(
        offsets in any_offsets(), source in word(), destination in word(), passed in word(),
        start in any_offsets(), later in word()
    ) {
        let phys_count = source.wrapping_sub(offsets.phys().get()).wrapping_add(passed);
        let moved = start
            .with_lag(offsets.lag())
            .with_phys(Offset::new(destination.wrapping_sub(phys_count)));
        let on_source = source.wrapping_add(passed).wrapping_add(later);
        let on_destination = destination.wrapping_add(later);

        prop_assert_eq!(counts(moved, on_destination), counts(offsets, on_source));
    }

    #[test]
    fn time_that_is_hidden_has_not_passed(offsets in any_offsets(), now in word(), gone in word()) {
        let then = now.wrapping_add(gone);
        let hidden = offsets.with_phys(offsets.phys().and(Offset::new(gone)));
        let (virt, phys) = counts(offsets, now);

        prop_assert_eq!(counts(hidden, then), (virt, phys));

        let only_virtual = offsets.with_lag(VirtualLag::new(offsets.lag().get().wrapping_add(gone)));
        prop_assert_eq!(counts(only_virtual, then), (virt, phys.wrapping_add(gone)));
    }

    #[test]
    fn without_physical_offset_both_terms_agree(virt in word(), lag in word()) {
        let offsets = VmOffsets::new(Offset::new(virt), Offset::ZERO);

        prop_assert_eq!(offsets.lag().get(), virt);
        prop_assert_eq!(offsets.with_lag(VirtualLag::new(lag)).virt().get(), lag);
    }
}
