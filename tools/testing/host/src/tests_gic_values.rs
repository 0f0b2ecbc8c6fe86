// SPDX-License-Identifier: GPL-2.0

//! Values of registers of distributors and redistributors, and which CPUs they name, against the
//! arithmetic of the specification and the numbers of C's headers.

use crate::{
    gic::{
        affinity::{
            Affinity,
            CpuMask,
            RegisterAttr,
            Sgi1r,
            SgiTargets,
            Sgir, //
        },
        distributor::{
            direct_sgis_of_typer2,
            typer,
            typer2,
            v2_ctlr,
            v2_enables,
            v2_typer,
            Control,
            Revision,
            PIDR2, //
        },
        frame::{
            Lanes,
            Who, //
        },
        list_register::Intid,
        lpi::{
            Place,
            Properties, //
        },
        redistributor::{
            invalidated,
            GicrCtlr,
            GicrTyper,
            LpiSwitch,
            Pendbaser,
            Propbaser,
            IIDR, //
        },
        refusal::Refusal, //
    },
    tests_registers::read,
};
use proptest::prelude::*;

fn bits(value: u64, high: u32, low: u32) -> u64 {
    value >> low & (u64::MAX >> (63 - high + low))
}

/// Bytes of a 64-bit register: all of them, or a half.
fn lanes() -> impl Strategy<Value = Lanes> {
    prop_oneof![
        Just(Lanes { byte: 0, bytes: 8 }),
        Just(Lanes { byte: 0, bytes: 4 }),
        Just(Lanes { byte: 4, bytes: 4 }),
        // The second of a row of registers.
        Just(Lanes { byte: 8, bytes: 8 }),
        Just(Lanes { byte: 12, bytes: 4 }),
        Just(Lanes { byte: 6, bytes: 1 }),
    ]
}

/// A 64-bit register with some bytes written.
fn update(lanes: Lanes, register: u64, value: u64) -> u64 {
    let mut bytes = register.to_le_bytes();
    let (start, count) = ((lanes.byte % 8) as usize, lanes.bytes as usize);

    bytes[start..start + count].copy_from_slice(&value.to_le_bytes()[..count]);
    u64::from_le_bytes(bytes)
}

/// Field by field.
fn sanitised(value: u64, address_low: u32, low: u64, high: u64) -> u64 {
    let inner = match bits(value, 9, 7) {
        0 | 1 => 3,
        other => other,
    };
    let share = match bits(value, 11, 10) {
        2 => 1,
        other => other,
    };
    let outer = if bits(value, 58, 56) == 1 { 1 } else { 0 };

    value & low
        | inner << 7
        | share << 10
        | bits(value, 51, address_low) << address_low
        | outer << 56
        | value & high
}

/// IHI 0069, "INTIDs": SGIs 0 to 15, PPIs 16 to 31, SPIs 32 to 1019, special ones to 1023, LPIs
/// from 8192, to what the distributor's 16 bits (KVM's) can say.
#[test]
fn kinds_of_numbers() {
    for number in 0..0x1_0010 {
        let intid = Intid(number);

        assert_eq!(intid.is_sgi(), (0..=15).contains(&number), "{number}");
        assert_eq!(intid.is_private(), (0..=31).contains(&number), "{number}");
        assert_eq!(intid.is_spi(), (32..=1019).contains(&number), "{number}");
        assert_eq!(intid.is_lpi(), number >= 8192, "{number}");
        assert_eq!(
            Place::of(intid).is_some(),
            (8192..=0xffff).contains(&number),
            "{number}"
        );
    }
}

/// IHI 0069, "LPI Configuration tables": bits 7:2 are the priority, bit 0 enables, bit 1 is none of
/// both.
#[test]
fn bytes_of_the_configuration_table() {
    for byte in 0..=u8::MAX {
        let properties = Properties::of(byte);

        assert_eq!(properties.enabled, byte % 2 == 1);
        assert_eq!(properties.priority.0, byte / 4 * 4);
        assert_eq!(properties.into_byte(), byte - byte / 2 % 2 * 2);
    }
}

proptest! {
    #![proptest_config(crate::edges::config(4000))]

    #[test]
    fn lanes_of_a_register(lanes in lanes(), register in any::<u64>(), value in any::<u64>()) {
        let put = update(lanes, register, value);
        let (start, count) = (lanes.byte % 8, lanes.bytes);

        prop_assert_eq!(lanes.put(register, value), put);
        prop_assert_eq!(lanes.of(register), bits(register, 8 * (start + count) - 1, 8 * start));
        prop_assert_eq!(lanes.are_upper_half(), start >= 4);
    }

    #[test]
    fn tables_of_lpis(lanes in lanes(), old in any::<u64>(), value in any::<u64>()) {
        let new = update(lanes, old, value);
        let prop = Propbaser::from_raw(old).written(lanes, value).into_raw();
        let pend = Pendbaser::from_raw(old).written(lanes, value);

        prop_assert_eq!(prop, sanitised(new, 12, 0x1f, 0));
        prop_assert_eq!(pend.into_raw(), sanitised(new, 16, 0, 1 << 62));
        prop_assert_eq!(pend.shown(), sanitised(new, 16, 0, 0));
    }

    #[test]
    fn routes(lanes in lanes(), value in any::<u64>()) {
        let route = Affinity::of_route(lanes, value);

        if lanes.byte & 4 == 0 {
            prop_assert_eq!(route.map(|a| (a.route(), a.mpidr())), Some((value & 0xff_ffff, value & 0xff_ffff)));
        } else {
            prop_assert_eq!(route, None);
        }
    }

    #[test]
    fn affinities(mpidr in any::<u64>()) {
        let affinity = Affinity::of_mpidr(mpidr);

        prop_assert_eq!(affinity.into_raw(), mpidr & 0xff_ffff | bits(mpidr, 39, 32) << 24);
        prop_assert_eq!(affinity.mpidr(), mpidr & 0xff_00ff_ffff);
        prop_assert_eq!(affinity.route(), mpidr & 0xff_ffff);
    }

    #[test]
    fn names_of_registers(raw in any::<u64>()) {
        let attr = RegisterAttr::from_raw(raw);
        // Four bytes of affinity, of which the last is a byte further up in MPIDR_EL1.
        let mpidr = raw >> 32 & 0xff_ffff | raw >> 56 << 32;

        prop_assert_eq!(u64::from(attr.offset()), raw & 0xffff_ffff);
        prop_assert_eq!(u64::from(attr.vcpu_id()), raw >> 32 & 0xff);
        prop_assert_eq!(attr.affinity().mpidr(), mpidr);
    }

    #[test]
    fn sgis_by_affinity(value in any::<u64>()) {
        let sgi = Sgi1r::from_raw(value);

        prop_assert_eq!(u64::from(sgi.intid()), bits(value, 27, 24));
        match sgi.targets() {
            SgiTargets::Others => prop_assert_eq!(bits(value, 40, 40), 1),
            SgiTargets::List(list) => {
                let upper = bits(value, 55, 48) << 32 | bits(value, 39, 32) << 16 | bits(value, 23, 16) << 8;
                let expected: Vec<u64> = (0..16)
                    .filter(|n| value >> n & 1 == 1)
                    .map(|n| upper | n)
                    .collect();

                prop_assert_eq!(bits(value, 40, 40), 0);
                prop_assert_eq!(list.mpidrs().collect::<Vec<_>>(), expected);
            }
        }
    }

    #[test]
    fn sgis_of_gicv2(value in any::<u64>(), from in 0u32..8, vcpus in 1u32..=8) {
        let value = value & 0xffff_ffff;
        let sgi = Sgir::from_raw(value);
        let targets = sgi.targets(from, vcpus);

        prop_assert_eq!(u64::from(sgi.intid()), value & 0xf);
        for vcpu in 0..vcpus {
            let expected = match bits(value, 25, 24) {
                0 => value >> (16 + vcpu) & 1 == 1,
                1 => vcpu != from,
                2 => vcpu == from,
                _ => false,
            };

            prop_assert_eq!(targets.has(vcpu), expected);
        }
    }

    #[test]
    fn targets_of_gicv2(value in any::<u8>(), vcpus in 1u32..=8) {
        let targets = CpuMask::of_targets(value, vcpus);
        let expected: Vec<u32> = (0..8).filter(|n| *n < vcpus && value >> n & 1 == 1).collect();

        prop_assert!((0..8).filter(|n| targets.has(*n)).eq(expected.iter().copied()));
        prop_assert_eq!(targets.target(), expected.first().copied().unwrap_or(0));
    }

    #[test]
    fn control(was in any::<[bool; 2]>(), value in any::<u32>(), can in any::<bool>(), user in any::<bool>()) {
        let [enabled, direct_sgis] = was;
        let old = Control { enabled, direct_sgis };
        let who = if user { Who::User } else { Who::Guest };
        let new = old.written(who, value, can);
        let (on, asks) = (value >> 1 & 1 == 1, value >> 8 & 1 == 1);

        prop_assert_eq!(new.enabled, on);
        if user || !(enabled && on) {
            prop_assert_eq!(new.direct_sgis, asks && can);
        } else {
            prop_assert_eq!(new.direct_sgis, direct_sgis);
        }
        prop_assert_eq!(
            old.ctlr(),
            1 << 4 | 1 << 6 | u32::from(enabled) << 1 | u32::from(direct_sgis) << 8
        );
        prop_assert_eq!(v2_enables(value), value & 1 == 1);
    }

    #[test]
    fn typer2_of_user_space(
        value in prop_oneof![Just(0u32), Just(0x100), Just(0x101), any::<u32>()],
        [before, initialised, hardware] in any::<[bool; 3]>(),
    ) {
        let current = if before { 0x100 } else { 0 };
        let expected = match value {
            value if value == current => Ok(before),
            _ if initialised => Err(Refusal::Busy),
            value if value != 0 && value != 0x100 => Err(Refusal::Invalid),
            value if value != 0 && !hardware => Err(Refusal::Invalid),
            value => Ok(value == 0x100),
        };

        prop_assert_eq!(direct_sgis_of_typer2(before, value, initialised, hardware), expected);
        prop_assert_eq!(typer2(before), current);
    }

    #[test]
    fn revisions(value in any::<u32>()) {
        for value in [value, 0x4b00_043b | value & 0xf000, 0x4b00_043b | value & 0xf_ffff] {
            let expected = match value {
                0x4b00_243b => Ok(Revision::Two),
                0x4b00_343b => Ok(Revision::Three),
                _ => Err(Refusal::Invalid),
            };

            prop_assert_eq!(Revision::of_iidr(value), expected);
        }
    }

    #[test]
    fn typer_of_a_redistributor(
        mpidr in any::<u64>(),
        id in any::<u32>(),
        [lpis, last] in any::<[bool; 2]>(),
    ) {
        let expected = (mpidr & 0xff_ffff) << 32
            | u64::from(id & 0xffff) << 8
            | u64::from(last) << 4
            | u64::from(lpis);
        let typer = GicrTyper::new(Affinity::of_mpidr(mpidr), id, lpis, last);

        prop_assert_eq!(typer.into_raw(), expected);
    }

    #[test]
    fn lpis_that_are_invalidated(lanes in lanes(), value in any::<u64>(), small in 0u64..16384) {
        for value in [value, small, small | 1 << 40] {
            let intid = value as u32;
            let expected = (lanes.byte & 4 == 0 && intid >= 8192).then_some(Intid(intid));

            prop_assert_eq!(invalidated(lanes, value), expected);
        }
    }
}

#[test]
fn what_there_is() {
    for irqs in (32..=1024).step_by(32) {
        assert_eq!(typer(irqs, false), irqs / 32 - 1 | 9 << 19);
        assert_eq!(typer(irqs, true), irqs / 32 - 1 | 15 << 19 | 1 << 17);
        for vcpus in 1..=8 {
            assert_eq!(v2_typer(irqs, vcpus), irqs / 32 - 1 | (vcpus - 1) << 5);
        }
    }
    assert_eq!((v2_ctlr(false), v2_ctlr(true)), (0, 1));
    assert_eq!(Revision::LATEST.iidr(), 0x4b00_343b);
    assert_eq!(Revision::Two.iidr(), 0x4b00_243b);
    assert_eq!(IIDR, 0x4b00_043b);
    assert_eq!(PIDR2, 0x3b);
    assert_eq!(Propbaser::INITIAL.into_raw(), 3 << 7 | 1 << 10);
    assert_eq!(Pendbaser::INITIAL.into_raw(), 3 << 7 | 1 << 10);
}

/// The numbers that C has for these.
#[test]
fn numbers_of_the_headers() {
    let v3 = read("../../include/linux/irqchip/arm-gic-v3.h");
    let vgic = read("kvm/vgic/vgic.h");
    let arm_vgic = read("../../include/kvm/arm_vgic.h");

    for (text, name, expected) in [
        (&v3, "GICD_CTLR_nASSGIreq", "(1U << 8)"),
        (&v3, "GICD_CTLR_DS", "(1U << 6)"),
        (&v3, "GICD_CTLR_ARE_NS", "(1U << 4)"),
        (&v3, "GICD_CTLR_ENABLE_SS_G1", "(1U << 1)"),
        (&v3, "GICD_TYPER_LPIS", "(1U << 17)"),
        (&v3, "GICD_TYPER2_nASSGIcap", "(1U << 8)"),
        (&v3, "GICR_TYPER_LAST", "(1U << 4)"),
        (&v3, "GICR_CTLR_RWP", "(1UL << 3)"),
        (&v3, "GICR_CTLR_IR", "(1UL << 2)"),
        (&v3, "GICR_CTLR_CES", "(1UL << 1)"),
        (&v3, "GICR_PENDBASER_PTZ", "BIT_ULL(62)"),
        (&v3, "GIC_BASER_CACHE_RaWb", "3ULL"),
        (&v3, "ICC_SGI1R_IRQ_ROUTING_MODE_BIT", "40"),
        (&vgic, "PRODUCT_ID_KVM", "0x4b"),
        (&vgic, "IMPLEMENTER_ARM", "0x43b"),
        (&vgic, "VGIC_PRI_BITS", "5"),
        (&vgic, "INTERRUPT_ID_BITS_SPIS", "10"),
        (&vgic, "INTERRUPT_ID_BITS_ITS", "16"),
        (&arm_vgic, "KVM_VGIC_IMP_REV_2", "2"),
        (&arm_vgic, "KVM_VGIC_IMP_REV_3", "3"),
        (&arm_vgic, "KVM_VGIC_IMP_REV_LATEST", "KVM_VGIC_IMP_REV_3"),
    ] {
        let value = text
            .lines()
            .find_map(|line| {
                let rest = line.strip_prefix("#define ")?.strip_prefix(name)?;

                rest.starts_with(char::is_whitespace).then(|| rest.trim())
            })
            .expect(name);

        assert_eq!(
            value.split("/*").next().map(str::trim),
            Some(expected),
            "{name}"
        );
    }
}

#[test]
fn switching_lpis() {
    let [none, enabled, going, coming] = [0, 1, 8, 9].map(GicrCtlr::from_raw);

    assert!(enabled.lpis_enabled() && !going.lpis_enabled() && !none.lpis_enabled());
    for other in [0, 0xffff_fffe] {
        assert_eq!(none.written(other | 1), LpiSwitch::Enable);
        assert_eq!(none.written(other), LpiSwitch::Nothing);
        assert_eq!(enabled.written(other | 1), LpiSwitch::Nothing);
        assert_eq!(enabled.written(other), LpiSwitch::Disable);
        assert_eq!(going.written(other | 1), LpiSwitch::Nothing);
        assert_eq!(going.written(other), LpiSwitch::Nothing);
        assert_eq!(coming.written(other | 1), LpiSwitch::Nothing);
        assert_eq!(coming.written(other), LpiSwitch::Nothing);
    }
    assert_eq!(enabled.shown(Revision::Two), 1);
    assert_eq!(enabled.shown(Revision::Three), 1 | 2 | 4);
    assert_eq!(going.shown(Revision::Three), 8 | 2 | 4);
    assert!(!coming.lpis_enabled());
    assert_eq!(coming.into_raw(), GicrCtlr::ENABLING);
    assert_eq!(coming.shown(Revision::Two), 0);
    assert_eq!(coming.shown(Revision::Three), 2 | 4);
}

/// A GICv2 has eight CPUs: what is beyond is in no set, and no shift is too wide.
#[test]
fn vcpus_that_a_gicv2_does_not_have() {
    for vcpu in [8, 31, 32, 511, u32::MAX] {
        assert!(!CpuMask(0xff).has(vcpu));
        assert_eq!(Sgir::from_raw(2 << 24).targets(vcpu, 8), CpuMask(0));
        assert_eq!(CpuMask::of_targets(0xa5, vcpu), CpuMask(0xa5));
    }
}
