// SPDX-License-Identifier: GPL-2.0

//! `ICH_VMCR_EL2` and `ICH_VTR_EL2`, against the fields that IHI 0069 gives them.

use crate::arm64::encoding::Encoding;
use crate::gic::{
    icc::Icc,
    list_register::Vtr,
    priority::{ApIndex, Group, Priority},
    vmcr::Vmcr,
};
use proptest::prelude::*;

/// `ICH_VTR_EL2` of an implementation with so many bits of pre-emption.
pub(crate) fn vtr(preemption_bits: u64) -> Vtr {
    // PRIbits and PREbits are one less than what they count; IDbits 0: 16 bits; A3V; 4 registers.
    Vtr::from_raw((preemption_bits - 1) << 29 | (preemption_bits - 1) << 26 | 1 << 21 | 3)
}

fn bits(value: u64, high: u32, low: u32) -> u64 {
    value >> low & ((1 << (high - low + 1)) - 1)
}

proptest! {
    /// "ICV_CTLR_EL1": CBPR is bit 0, EOImode bit 1; ICH_VMCR_EL2 has them as VCBPR, bit 4, and
    /// VEOIM, bit 9. All else is the implementation's.
    #[test]
    fn control_shows_what_was_written(raw in any::<u32>(), hardware in any::<u32>()) {
        let hardware = u64::from(hardware);
        let control = u64::from(Vmcr::from_raw(u64::from(raw)).control(Vtr::from_raw(hardware)));

        prop_assert_eq!(bits(control, 0, 0), bits(u64::from(raw), 4, 4));
        prop_assert_eq!(bits(control, 1, 1), bits(u64::from(raw), 9, 9));
        // ICH_VTR_EL2: PRIbits 31:29, IDbits 25:23, A3V 21.
        prop_assert_eq!(bits(control, 10, 8), bits(hardware, 31, 29));
        prop_assert_eq!(bits(control, 13, 11), bits(hardware, 25, 23));
        prop_assert_eq!(bits(control, 15, 15), bits(hardware, 21, 21));
    }

    #[test]
    fn fields_are_where_the_specification_has_them(raw in any::<u32>()) {
        let raw = u64::from(raw);
        let vmcr = Vmcr::from_raw(raw);

        prop_assert_eq!(vmcr.into_raw(), raw);
        prop_assert_eq!(vmcr.is_enabled(Group::Zero), bits(raw, 0, 0) == 1);
        prop_assert_eq!(vmcr.is_enabled(Group::One), bits(raw, 1, 1) == 1);
        prop_assert_eq!(vmcr.separate_deactivation(), bits(raw, 9, 9) == 1);
        prop_assert_eq!(u64::from(vmcr.priority_mask().0), bits(raw, 31, 24));
        prop_assert_eq!(u64::from(vmcr.binary_point(Group::Zero)), bits(raw, 23, 21));
        let common = bits(raw, 4, 4) == 1;
        let bpr1 = if common { (bits(raw, 23, 21) + 1).min(7) } else { bits(raw, 20, 18) };
        prop_assert_eq!(u64::from(vmcr.binary_point(Group::One)), bpr1);
    }

    #[test]
    fn a_write_changes_its_field_alone(raw in any::<u32>(), value in any::<u32>()) {
        let old = u64::from(raw);
        let vmcr = Vmcr::from_raw(old);
        let value64 = u64::from(value);
        let expect = |high: u32, low: u32, value: u64| {
            let mask = ((1u64 << (high - low + 1)) - 1) << low;
            old & !mask | value << low & mask
        };

        prop_assert_eq!(vmcr.with_enabled(Group::Zero, value).into_raw(), expect(0, 0, value64));
        prop_assert_eq!(vmcr.with_enabled(Group::One, value).into_raw(), expect(1, 1, value64));
        prop_assert_eq!(vmcr.with_priority_mask(value).into_raw(), expect(31, 24, value64));
        // ICC_CTLR_EL1: CBPR is bit 0, EOImode bit 1.
        let control = vmcr.with_control(value).into_raw();
        prop_assert_eq!(bits(control, 4, 4), bits(value64, 0, 0));
        prop_assert_eq!(bits(control, 9, 9), bits(value64, 1, 1));
        prop_assert_eq!(control & !(1 << 4 | 1 << 9), old & !(1 << 4 | 1 << 9));
    }

    /// The least BPR1 leaves the implemented bits to pre-emption; BPR0 counts one less. Reserved
    /// bits of the value are ignored, and CBPR makes BPR1 read-only.
    #[test]
    fn binary_points_have_a_minimum(raw in any::<u32>(), value in any::<u32>(), pre in 5u64..=7) {
        let vmcr = Vmcr::from_raw(u64::from(raw));
        let least = 8 - pre as u32;
        let zero = vmcr.with_binary_point(Group::Zero, value, vtr(pre));
        let one = vmcr.with_binary_point(Group::One, value, vtr(pre));

        prop_assert_eq!(zero.binary_point(Group::Zero), (value & 7).max(least - 1));
        prop_assert_eq!(bits(zero.into_raw(), 20, 18), bits(vmcr.into_raw(), 20, 18));
        if bits(u64::from(raw), 4, 4) == 1 {
            prop_assert_eq!(one, vmcr);
        } else {
            prop_assert_eq!(one.binary_point(Group::One), (value & 7).max(least));
        }
        prop_assert_eq!(one.binary_point(Group::Zero), vmcr.binary_point(Group::Zero));
    }

    /// IHI 0069, tables of the split of a priority: with BPR0 = n, bits [7:n+1] pre-empt; with
    /// BPR1 = n, bits [7:n].
    #[test]
    fn priorities_split_at_the_binary_point(raw in any::<u32>(), priority in any::<u8>()) {
        let vmcr = Vmcr::from_raw(u64::from(raw));
        for group in [Group::Zero, Group::One] {
            let low = match group {
                Group::Zero => vmcr.binary_point(group) + 1,
                Group::One => vmcr.binary_point(group),
            };
            let level = Priority(priority).preemption_level(vmcr.sub_priority_bits(group));

            prop_assert_eq!(u32::from(level.0), u32::from(priority) >> low << low);
        }
    }
}

#[test]
fn control_shows_what_the_hardware_has() {
    let hardware = Vtr::from_raw(6 << 29 | 4 << 26 | 1 << 23 | 1 << 21 | 15);
    let control = Vmcr::from_raw(1 << 9).control(hardware);

    assert_eq!(control >> 8 & 7, 6, "PRIbits");
    assert_eq!(control >> 11 & 7, 1, "IDbits");
    assert_eq!(control >> 15 & 1, 1, "A3V");
    assert_eq!(control & 3, 2, "EOImode, CBPR");
    assert_eq!(hardware.list_registers(), 16);
    assert_eq!(hardware.active_priority_registers(), 1);
    assert_eq!(vtr(6).active_priority_registers(), 2);
    assert_eq!(vtr(7).active_priority_registers(), 4);
}

#[test]
fn registers_by_encoding() {
    // The encodings of IHI 0069; op0 is 3, op1 0.
    let known = [
        ((4, 6, 0), Icc::Pmr),
        ((12, 8, 0), Icc::Iar(Group::Zero)),
        ((12, 8, 1), Icc::Eoir(Group::Zero)),
        ((12, 8, 2), Icc::Hppir(Group::Zero)),
        ((12, 8, 3), Icc::Bpr(Group::Zero)),
        ((12, 8, 4), Icc::Apr(Group::Zero, ApIndex::Ap0)),
        ((12, 8, 5), Icc::Apr(Group::Zero, ApIndex::Ap1)),
        ((12, 8, 6), Icc::Apr(Group::Zero, ApIndex::Ap2)),
        ((12, 8, 7), Icc::Apr(Group::Zero, ApIndex::Ap3)),
        ((12, 9, 0), Icc::Apr(Group::One, ApIndex::Ap0)),
        ((12, 9, 1), Icc::Apr(Group::One, ApIndex::Ap1)),
        ((12, 9, 2), Icc::Apr(Group::One, ApIndex::Ap2)),
        ((12, 9, 3), Icc::Apr(Group::One, ApIndex::Ap3)),
        ((12, 11, 1), Icc::Dir),
        ((12, 11, 3), Icc::Rpr),
        ((12, 12, 0), Icc::Iar(Group::One)),
        ((12, 12, 1), Icc::Eoir(Group::One)),
        ((12, 12, 2), Icc::Hppir(Group::One)),
        ((12, 12, 3), Icc::Bpr(Group::One)),
        ((12, 12, 4), Icc::Ctlr),
        ((12, 12, 6), Icc::Igrpen(Group::Zero)),
        ((12, 12, 7), Icc::Igrpen(Group::One)),
    ];

    for crn in 0..16 {
        for crm in 0..16 {
            for op2 in 0..8 {
                let expected = known.iter().find(|(e, _)| *e == (crn, crm, op2));

                assert_eq!(
                    Icc::decode(Encoding::new(3, 0, crn, crm, op2)),
                    expected.map(|(_, r)| *r)
                );
            }
        }
    }
}
