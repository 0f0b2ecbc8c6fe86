// SPDX-License-Identifier: GPL-2.0

//! The CPU interface that user space saves and restores, field by field as IHI 0069 and IHI 0048
//! have them, and its list of system registers against C's.

use crate::{
    arm64::encoding::Encoding,
    gic::{
        cpu_state::{
            check_constant,
            check_sre,
            encoding_of,
            gicc_apr,
            guest_vtr,
            CpuRegister,
            CpuState,
            InVmcr,
            Interface,
            Limits,
            Nested,
            SRE_EL2, //
        },
        frame_gicv2::Gicc,
        list_register::{
            LrIndex,
            Vtr, //
        },
        priority::{
            ApIndex,
            Group, //
        },
        refusal::Refusal,
        vmcr::Vmcr, //
    },
    tests_registers::{
        read,
        Kernels, //
    },
};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// C's `struct vgic_vmcr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Model {
    grpen0: u64,
    grpen1: u64,
    ackctl: u64,
    fiqen: u64,
    cbpr: u64,
    eoim: u64,
    abpr: u64,
    bpr: u64,
    pmr: u64,
}

fn bits(value: u64, high: u32, low: u32) -> u64 {
    value >> low & ((1 << (high - low + 1)) - 1)
}

impl Model {
    /// vgic_v2_get_vmcr, vgic_v3_get_vmcr.
    fn get(vmcr: u64, interface: Interface) -> Self {
        let v3 = interface == Interface::V3;

        Self {
            grpen0: bits(vmcr, 0, 0),
            grpen1: bits(vmcr, 1, 1),
            ackctl: if v3 { 0 } else { bits(vmcr, 2, 2) },
            fiqen: if v3 { 1 } else { bits(vmcr, 3, 3) },
            cbpr: bits(vmcr, 4, 4),
            eoim: bits(vmcr, 9, 9),
            abpr: bits(vmcr, 20, 18),
            bpr: bits(vmcr, 23, 21),
            pmr: if interface == Interface::V2OnV2 {
                bits(vmcr, 31, 27) << 3
            } else {
                bits(vmcr, 31, 24)
            },
        }
    }

    /// vgic_v2_set_vmcr, vgic_v3_set_vmcr.
    fn set(self, interface: Interface) -> u64 {
        let v3 = interface == Interface::V3;
        let pmr = if interface == Interface::V2OnV2 {
            bits(self.pmr >> 3, 4, 0) << 27
        } else {
            bits(self.pmr, 7, 0) << 24
        };

        bits(self.grpen0, 0, 0)
            | bits(self.grpen1, 0, 0) << 1
            | if v3 { 0 } else { bits(self.ackctl, 0, 0) << 2 }
            | if v3 { 1 } else { bits(self.fiqen, 0, 0) } << 3
            | bits(self.cbpr, 0, 0) << 4
            | bits(self.eoim, 0, 0) << 9
            | bits(self.abpr, 2, 0) << 18
            | bits(self.bpr, 2, 0) << 21
            | pmr
    }
}

fn interface() -> impl Strategy<Value = Interface> {
    prop_oneof![
        Just(Interface::V2OnV2),
        Just(Interface::V2OnV3),
        Just(Interface::V3)
    ]
}

fn in_vmcr() -> impl Strategy<Value = InVmcr> {
    prop_oneof![
        Just(InVmcr::Pmr),
        Just(InVmcr::Bpr(Group::Zero)),
        Just(InVmcr::Bpr(Group::One)),
        Just(InVmcr::Igrpen(Group::Zero)),
        Just(InVmcr::Igrpen(Group::One)),
        Just(InVmcr::Ctlr),
    ]
}

/// Of hardware, and of a vCPU that has no more.
fn limits() -> impl Strategy<Value = Limits> {
    (1u32..=8, 0u32..8).prop_map(|(priority_bits, id_bits)| Limits {
        priority_bits,
        id_bits,
    })
}

/// A value for `ICC_CTLR_EL1` that may pass.
fn control() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (0u64..4, 0u64..8, 0u64..2, 0u64..2, 0u64..2).prop_map(|(low, pri, id, seis, a3v)| low
            | pri << 8
            | id << 11
            | seis << 14
            | a3v << 15),
    ]
}

proptest! {
    #![proptest_config(crate::edges::config(4000))]

    #[test]
    fn vmcr(raw in any::<u64>(), interface in interface()) {
        let ours = Vmcr::from_raw(raw).of_interface(interface);

        prop_assert_eq!(ours.into_raw(), Model::get(raw, interface).set(interface));
        // Once is enough.
        prop_assert_eq!(ours.of_interface(interface), ours);
    }

    #[test]
    fn gicc(raw in any::<u32>(), value in any::<u32>(), interface in interface()) {
        let vmcr = Vmcr::from_raw(raw.into());
        let old = Model::get(raw.into(), interface);
        let v = u64::from(value);
        let control = old.grpen0 | old.grpen1 << 1 | old.ackctl << 2 | old.fiqen << 3
            | old.cbpr << 4 | old.eoim << 9;
        let controls = Model {
            grpen0: bits(v, 0, 0),
            grpen1: bits(v, 1, 1),
            ackctl: bits(v, 2, 2),
            fiqen: bits(v, 3, 3),
            cbpr: bits(v, 4, 4),
            eoim: bits(v, 9, 9),
            ..old
        };

        for (register, shows, new) in [
            (Gicc::Ctlr, Some(control), controls),
            (Gicc::Pmr, Some(old.pmr >> 3), Model { pmr: v << 3 & 0xf8, ..old }),
            (Gicc::Bpr, Some(old.bpr), Model { bpr: v, ..old }),
            (Gicc::Abpr, Some(old.abpr), Model { abpr: v, ..old }),
            (Gicc::Iidr, Some(0x04b2_043b), old),
            (Gicc::Apr, None, old),
            (Gicc::Dir, None, old),
        ] {
            let read = register.read(vmcr, interface).map(u64::from);
            let written = register.written(vmcr, interface, value);

            prop_assert_eq!(read, shows, "{:?}", register);
            prop_assert_eq!(written.into_raw(), new.set(interface), "{:?}", register);
        }
    }

    #[test]
    fn icc(
        raw in any::<u32>(),
        register in in_vmcr(),
        any in any::<u64>(),
        control in control(),
        vtr in any::<u32>(),
        limits in limits(),
    ) {
        let value = if register == InVmcr::Ctlr { control } else { any };
        let state = CpuState { vmcr: Vmcr::from_raw(raw.into()), limits };
        let vtr64 = u64::from(vtr);
        let old = Model::get(raw.into(), Interface::V3);
        let hardware = bits(vtr64, 22, 22) << 14 | bits(vtr64, 21, 21) << 15;
        let (shows, new) = match register {
            InVmcr::Pmr => (old.pmr, Model { pmr: bits(value, 7, 0), ..old }),
            InVmcr::Bpr(Group::Zero) => (old.bpr, Model { bpr: bits(value, 2, 0), ..old }),
            InVmcr::Bpr(Group::One) if old.cbpr == 1 => ((old.bpr + 1).min(7), old),
            InVmcr::Bpr(Group::One) => (old.abpr, Model { abpr: bits(value, 2, 0), ..old }),
            InVmcr::Igrpen(Group::Zero) => (old.grpen0, Model { grpen0: bits(value, 0, 0), ..old }),
            InVmcr::Igrpen(Group::One) => (old.grpen1, Model { grpen1: bits(value, 0, 0), ..old }),
            InVmcr::Ctlr => (
                u64::from(limits.priority_bits - 1) << 8
                    | u64::from(limits.id_bits) << 11
                    | hardware
                    | old.cbpr
                    | old.eoim << 1,
                Model { cbpr: bits(value, 0, 0), eoim: bits(value, 1, 1), ..old },
            ),
        };
        let mut restored = limits;
        let mut good = true;

        if register == InVmcr::Ctlr {
            restored = Limits {
                priority_bits: bits(value, 10, 8) as u32 + 1,
                id_bits: bits(value, 13, 11) as u32,
            };
            good = restored.priority_bits <= limits.priority_bits
                && restored.id_bits <= limits.id_bits
                && value & 0xc000 == hardware;
        }
        let vtr = Vtr::from_raw(vtr64);
        let expected = CpuState {
            vmcr: Vmcr::from_raw(new.set(Interface::V3)),
            limits: restored,
        };

        prop_assert_eq!(state.read(register, vtr), shows);
        prop_assert_eq!(
            state.written(register, value, vtr),
            if good { Ok(expected) } else { Err(Refusal::Invalid) }
        );
        prop_assert_eq!(
            Limits::of(vtr),
            Limits {
                priority_bits: bits(vtr64, 31, 29) as u32 + 1,
                id_bits: bits(vtr64, 25, 23) as u32,
            }
        );
        prop_assert_eq!(guest_vtr(vtr), vtr64 & !(1 << 18 | 1 << 21 | 7 << 23) | 1 << 20);
    }

    #[test]
    fn values_that_are_checked(value in any::<u64>(), small in 0u64..32) {
        for value in [value, small] {
            prop_assert_eq!(check_sre(value).is_ok(), value & 1 == 1);
            prop_assert_eq!(check_constant(value, SRE_EL2).is_ok(), value == 0xf);
        }
    }
}

#[test]
fn active_priority_registers() {
    for priority_bits in 1..=8 {
        let limits = Limits {
            priority_bits,
            id_bits: 0,
        };
        let last = match priority_bits {
            7 => 3,
            6 => 1,
            _ => 0,
        };

        for n in 0..4 {
            let index = ApIndex::wrapping(n);

            assert_eq!(limits.have(index), n <= last);
            assert_eq!(
                gicc_apr(n, Interface::V2OnV3, limits),
                (n <= last).then_some(index)
            );
            assert_eq!(
                gicc_apr(n, Interface::V2OnV2, limits),
                (n == 0).then_some(index)
            );
        }
    }
}

/// The registers that C's table has, and the functions that it has for them.
fn theirs() -> BTreeMap<u32, (String, String)> {
    let kernels = Kernels::load();
    let text = read("kvm/vgic-sys-reg-v3.c");
    let (_, table) = text
        .split_once("gic_v3_icc_reg_descs[] = {")
        .expect("the table");
    let (table, _) = table.split_once("\n};").expect("its end");
    let mut found = BTreeMap::new();

    for row in table.split("{ SYS_DESC(SYS_").flat_map(|part| {
        // A row in full, and after it those made by macros.
        part.split("EL2_REG")
    }) {
        let row = row.trim_start_matches("_RO").trim();
        let (name, function) = if let Some(row) = row.strip_prefix('(') {
            let (name, rest) = row.split_once(", ").expect(row);

            (name, rest.split(')').next().expect(row))
        } else if let Some((name, rest)) = row.split_once(')') {
            let (_, rest) = rest.split_once("set_gic_").expect(row);

            (name, rest.split(',').next().expect(row))
        } else {
            continue;
        };
        // Those that the header has by a macro with a number.
        let numbered = |op1, crm, op2| Encoding::new(3, op1, 12, crm, op2);
        let number = || -> u32 {
            let digits: String = name
                .split('_')
                .nth(1)
                .expect(name)
                .trim_start_matches("LR")
                .chars()
                .skip_while(|c| *c == 'A' || *c == 'P')
                .collect();
            let digits = digits.rsplit('R').next().expect(name);

            digits.parse().expect(name)
        };
        let encoding = match kernels.encodings.get(name) {
            Some(encoding) => *encoding,
            None if name.starts_with("ICC_AP0R") => numbered(0, 8, 4 | number()),
            None if name.starts_with("ICC_AP1R") => numbered(0, 9, number()),
            None if name.starts_with("ICH_AP0R") => numbered(4, 8, number()),
            None if name.starts_with("ICH_AP1R") => numbered(4, 9, number()),
            None if name.starts_with("ICH_LR") => numbered(4, 12 + number() / 8, number() % 8),
            None => panic!("{name}"),
        };

        found.insert(
            encoding.into_raw(),
            (name.to_string(), function.to_string()),
        );
    }
    found
}

/// What our register would be in C's table: the start of its name, the function, a number.
fn as_theirs(register: CpuRegister) -> (String, &'static str) {
    let group = |group| if group == Group::Zero { 0 } else { 1 };
    let apr = |prefix: &str, g, index: ApIndex, el| {
        format!("{prefix}_AP{}R{}_EL{el}", group(g), index.get())
    };

    match register {
        CpuRegister::Vmcr(InVmcr::Pmr) => ("ICC_PMR_EL1".into(), "pmr"),
        CpuRegister::Vmcr(InVmcr::Ctlr) => ("ICC_CTLR_EL1".into(), "ctlr"),
        CpuRegister::Vmcr(InVmcr::Bpr(g)) => (
            format!("ICC_BPR{}_EL1", group(g)),
            ["bpr0", "bpr1"][group(g)],
        ),
        CpuRegister::Vmcr(InVmcr::Igrpen(g)) => (
            format!("ICC_IGRPEN{}_EL1", group(g)),
            ["grpen0", "grpen1"][group(g)],
        ),
        CpuRegister::Apr(g, index) => (apr("ICC", g, index, 1), ["ap0r", "ap1r"][group(g)]),
        CpuRegister::Sre => ("ICC_SRE_EL1".into(), "sre"),
        CpuRegister::Nested(nested) => match nested {
            Nested::Apr(g, index) => (apr("ICH", g, index, 2), "ich_apr"),
            Nested::Sre => ("ICC_SRE_EL2".into(), "icc_sre"),
            Nested::Hcr => ("ICH_HCR_EL2".into(), "ich_reg"),
            Nested::Vtr => ("ICH_VTR_EL2".into(), "ich_vtr"),
            Nested::Vmcr => ("ICH_VMCR_EL2".into(), "ich_reg"),
            Nested::Lr(lr) => (format!("ICH_LR{}_EL2", lr.get()), "ich_reg"),
        },
    }
}

#[test]
fn system_registers_are_cs() {
    let theirs = theirs();

    assert_eq!(theirs.len(), 15 + 8 + 4 + 16, "{theirs:#?}");
    for attr in 0..1 << 16_u64 {
        let encoding = encoding_of(attr);
        let numbers = [
            encoding.op0(),
            encoding.op1(),
            encoding.crn(),
            encoding.crm(),
            encoding.op2(),
        ]
        .map(u64::from);

        assert_eq!(
            numbers,
            [
                attr >> 14,
                attr >> 11 & 7,
                attr >> 7 & 15,
                attr >> 3 & 15,
                attr & 7
            ]
        );
        assert_eq!(encoding_of(attr | 0xabcd << 16), encoding);

        let ours = CpuRegister::decode(encoding).map(as_theirs);
        let expected = theirs.get(&encoding.into_raw());

        assert_eq!(
            ours.as_ref().map(|(name, function)| (&name[..], *function)),
            expected.map(|(name, function)| (&name[..], &function[..])),
            "{encoding:?}"
        );
    }
    assert_eq!(LrIndex::wrapping(15).get(), 15);
}
