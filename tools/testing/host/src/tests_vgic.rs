// SPDX-License-Identifier: GPL-2.0

//! The emulated CPU interface against a model of what IHI 0069 says of interrupts, priorities and
//! groups: sets and lists instead of registers and bits.

use crate::gic::{
    cpu_interface::{CpuInterface, Registers},
    icc::{Access, Emulated, Icc},
    list_register::{ListRegister, LrIndex, Vtr},
    priority::{ApIndex, Group},
    vmcr::Vmcr,
};
use crate::tests_vmcr::vtr;
use proptest::prelude::*;
use std::collections::BTreeSet;

const SPURIOUS: u64 = 1023;

/// Registers that are variables.
#[derive(Clone, Debug)]
struct Fake {
    vtr: Vtr,
    lrs: Vec<u64>,
    ap: [[u32; 4]; 2],
    vmcr: Vmcr,
    eoi_count: u32,
    deactivated: Vec<u32>,
}

fn group_index(group: Group) -> usize {
    match group {
        Group::Zero => 0,
        Group::One => 1,
    }
}

impl Registers for Fake {
    fn vtr(&self) -> Vtr {
        self.vtr
    }
    fn used_lrs(&self) -> u32 {
        self.lrs.len() as u32
    }
    fn lr(&self, index: LrIndex) -> ListRegister {
        ListRegister::from_raw(self.lrs[usize::from(index.get())])
    }
    fn set_lr(&mut self, index: LrIndex, lr: ListRegister) {
        self.lrs[usize::from(index.get())] = lr.into_raw();
    }
    fn active_priorities(&self, group: Group, index: ApIndex) -> u32 {
        assert!(index.exists(self.vtr));
        self.ap[group_index(group)][index.get() as usize]
    }
    fn set_active_priorities(&mut self, group: Group, index: ApIndex, bits: u32) {
        assert!(index.exists(self.vtr));
        self.ap[group_index(group)][index.get() as usize] = bits;
    }
    fn vmcr(&self) -> Vmcr {
        self.vmcr
    }
    fn set_vmcr(&mut self, vmcr: Vmcr) {
        self.vmcr = vmcr;
    }
    fn count_eoi(&mut self) {
        self.eoi_count += 1;
    }
    fn deactivate_physical(&mut self, intid: u32) {
        self.deactivated.push(intid);
    }
}

/// An interrupt of the model.
#[derive(Clone, Copy, Debug)]
struct Irq {
    intid: u32,
    priority: u8,
    group: usize,
    pending: bool,
    active: bool,
    physical: Option<u32>,
}

impl Irq {
    fn lr(self) -> u64 {
        u64::from(self.pending) << 62
            | u64::from(self.active) << 63
            | u64::from(self.physical.is_some()) << 61
            | (self.group as u64) << 60
            | u64::from(self.priority) << 48
            | u64::from(self.physical.unwrap_or(0)) << 32
            | u64::from(self.intid)
    }
}

/// The CPU interface of the specification.
#[derive(Clone, Debug)]
struct Model {
    unused_bits: u32,
    irqs: Vec<Irq>,
    /// Active levels, with the group that each is of.
    active: BTreeSet<(u8, usize)>,
    enabled: [bool; 2],
    mask: u8,
    bpr: [u32; 2],
    common_bpr: bool,
    eoi_mode: bool,
    eoi_count: u32,
    deactivated: Vec<u32>,
}

impl Model {
    fn group_bpr(&self, group: usize) -> u32 {
        match (group, self.common_bpr) {
            (0, _) => self.bpr[0],
            (_, true) => (self.bpr[0] + 1).min(7),
            (_, false) => self.bpr[1],
        }
    }

    fn level(&self, priority: u8, group: usize) -> u8 {
        let low = self.group_bpr(group) + u32::from(group == 0);

        (u32::from(priority) >> low << low) as u8
    }

    fn running(&self) -> u8 {
        self.active.first().map_or(0xff, |(level, _)| *level)
    }

    /// Of the enabled groups' pending interrupts the most urgent, the first of equals. 0xff is
    /// idle, and is never signalled.
    fn best(&self) -> Option<usize> {
        (0..self.irqs.len())
            .filter(|&i| {
                let irq = self.irqs[i];
                irq.pending && !irq.active && self.enabled[irq.group] && irq.priority != 0xff
            })
            .min_by_key(|&i| self.irqs[i].priority)
    }

    fn acknowledge(&mut self, group: usize) -> u64 {
        let Some(i) = self.best() else {
            return SPURIOUS;
        };
        let irq = self.irqs[i];
        let level = self.level(irq.priority, group);

        if irq.group != group || irq.priority >= self.mask || level >= self.running() {
            return SPURIOUS;
        }
        self.irqs[i].pending = false;
        self.irqs[i].active = true;
        self.active
            .insert((level >> self.unused_bits << self.unused_bits, group));
        u64::from(irq.intid)
    }

    fn drop_priority(&mut self) -> u8 {
        let Some(&(level, _)) = self.active.first() else {
            return 0xff;
        };
        // Of two groups at a level, group 1.
        let group = usize::from(self.active.contains(&(level, 1)));
        self.active.remove(&(level, group));
        level
    }

    fn find(&self, intid: u32) -> Option<usize> {
        self.irqs
            .iter()
            .position(|irq| irq.intid == intid && irq.active)
    }

    fn deactivate(&mut self, i: usize) {
        self.irqs[i].active = false;
        self.deactivated.extend(self.irqs[i].physical);
    }

    fn end(&mut self, group: usize, intid: u32) {
        let level = self.drop_priority();
        let lpi = intid >= 8192;

        let Some(i) = self.find(intid) else {
            self.eoi_count += u32::from(!lpi && !self.eoi_mode);
            return;
        };
        let irq = self.irqs[i];
        if (lpi || !self.eoi_mode) && irq.group == group && self.level(irq.priority, group) == level
        {
            self.deactivate(i);
        }
    }

    fn dir(&mut self, intid: u32) {
        if !self.eoi_mode || intid >= 8192 {
            return;
        }
        match self.find(intid) {
            Some(i) => self.deactivate(i),
            None => self.eoi_count += 1,
        }
    }

    fn access(&mut self, register: Icc, access: Access) -> Emulated {
        use Access::{Read, Write};
        let group = |g| group_index(g);
        let low = |value: u64| value as u32;

        match (register, access) {
            (Icc::Iar(g), Read) => Emulated::Read(self.acknowledge(group(g))),
            (Icc::Hppir(g), Read) => Emulated::Read(
                self.best()
                    .filter(|&i| self.irqs[i].group == group(g))
                    .map_or(SPURIOUS, |i| u64::from(self.irqs[i].intid)),
            ),
            (Icc::Rpr, Read) => Emulated::Read(u64::from(self.running())),
            (Icc::Pmr, Read) => Emulated::Read(u64::from(self.mask)),
            (Icc::Bpr(g), Read) => Emulated::Read(u64::from(self.group_bpr(group(g)))),
            (Icc::Igrpen(g), Read) => Emulated::Read(u64::from(self.enabled[group(g)])),
            (Icc::Eoir(g), Write(v)) => self.done(|m| m.end(group(g), low(v))),
            (Icc::Dir, Write(v)) => self.done(|m| m.dir(low(v))),
            (Icc::Pmr, Write(v)) => self.done(|m| m.mask = v as u8),
            (Icc::Igrpen(g), Write(v)) => self.done(|m| m.enabled[group(g)] = v & 1 != 0),
            (Icc::Bpr(Group::Zero), Write(v)) => {
                self.done(|m| m.bpr[0] = (low(v) & 7).max(m.unused_bits - 1))
            }
            (Icc::Bpr(Group::One), Write(v)) => self.done(|m| {
                if !m.common_bpr {
                    m.bpr[1] = (low(v) & 7).max(m.unused_bits);
                }
            }),
            (Icc::Ctlr, Write(v)) => self.done(|m| {
                m.common_bpr = v & 1 != 0;
                m.eoi_mode = v & 2 != 0;
            }),
            _ => Emulated::NotHere,
        }
    }

    fn done(&mut self, change: impl FnOnce(&mut Self)) -> Emulated {
        change(self);
        Emulated::Written
    }

    fn fake(&self) -> Fake {
        let bit = |value: bool, shift: u32| u64::from(value) << shift;
        let mut ap = [[0u32; 4]; 2];

        for &(level, group) in &self.active {
            let number = usize::from(level >> self.unused_bits);
            ap[group][number / 32] |= 1 << (number % 32);
        }
        Fake {
            vtr: vtr(u64::from(8 - self.unused_bits)),
            lrs: self.irqs.iter().map(|irq| irq.lr()).collect(),
            ap,
            vmcr: Vmcr::from_raw(
                u64::from(self.mask) << 24
                    | u64::from(self.bpr[0]) << 21
                    | u64::from(self.bpr[1]) << 18
                    | bit(self.eoi_mode, 9)
                    | bit(self.common_bpr, 4)
                    | bit(self.enabled[1], 1)
                    | bit(self.enabled[0], 0),
            ),
            eoi_count: self.eoi_count,
            deactivated: self.deactivated.clone(),
        }
    }
}

fn irqs() -> impl Strategy<Value = Vec<Irq>> {
    // Few priorities, so that they meet.
    let irq = (
        0u8..8,
        0usize..2,
        0u32..4,
        proptest::option::of(32u32..1020),
    );

    proptest::collection::vec(irq, 0..=16).prop_map(|irqs| {
        irqs.into_iter()
            .enumerate()
            .map(|(i, (priority, group, state, physical))| Irq {
                intid: if i % 4 == 3 {
                    8192 + i as u32
                } else {
                    32 + i as u32
                },
                priority: [0, 1, 37, 74, 111, 148, 254, 255][usize::from(priority)],
                group,
                pending: state & 1 != 0,
                active: state == 3,
                physical,
            })
            .collect()
    })
}

fn model() -> impl Strategy<Value = Model> {
    // A guest can set any active level, of both groups, through the registers of its own.
    let active = proptest::collection::btree_set((any::<u8>(), 0usize..2), 0..4);
    let controls = (any::<[bool; 4]>(), any::<u8>(), 0u32..8, 0u32..8);

    (irqs(), active, controls, 1u32..=3).prop_map(
        |(irqs, active, ([e0, e1, common_bpr, eoi_mode], mask, bpr0, bpr1), unused_bits)| Model {
            unused_bits,
            irqs,
            active: active
                .into_iter()
                .flat_map(|(level, group)| {
                    let level = level >> unused_bits << unused_bits;
                    [(level, group), (level, level as usize >> 5 & 1)]
                })
                .collect(),
            enabled: [e0, e1],
            mask: mask | 0x80,
            bpr: [bpr0.max(unused_bits - 1), bpr1.max(unused_bits)],
            common_bpr,
            eoi_mode,
            eoi_count: 0,
            deactivated: Vec::new(),
        },
    )
}

fn register() -> impl Strategy<Value = Icc> {
    let group = prop_oneof![Just(Group::Zero), Just(Group::One)];

    prop_oneof![
        4 => group.clone().prop_map(Icc::Iar),
        4 => group.clone().prop_map(Icc::Eoir),
        1 => group.clone().prop_map(Icc::Hppir),
        1 => group.clone().prop_map(Icc::Bpr),
        1 => group.prop_map(Icc::Igrpen),
        2 => Just(Icc::Dir),
        1 => Just(Icc::Rpr),
        1 => Just(Icc::Ctlr),
        1 => Just(Icc::Pmr),
    ]
}

/// An access, whose value is the INTID of one of the interrupts more often than not.
fn access() -> impl Strategy<Value = (Icc, Access)> {
    let intid = (0u64..17).prop_map(|i| if i % 4 == 3 { 8192 + i } else { 32 + i });
    let value = prop_oneof![4 => intid, 1 => any::<u64>(), 1 => 0u64..256];

    (register(), value, any::<bool>()).prop_map(|(register, value, read)| {
        let read = match register {
            Icc::Iar(_) | Icc::Hppir(_) | Icc::Rpr => true,
            Icc::Eoir(_) | Icc::Dir => false,
            _ => read,
        };

        (
            register,
            if read {
                Access::Read
            } else {
                Access::Write(value)
            },
        )
    })
}

proptest! {
    #![proptest_config(crate::edges::config(2000))]

    #[test]
    fn any_sequence_of_accesses(
        mut model in model(),
        accesses in proptest::collection::vec(access(), 1..60),
    ) {
        let mut interface = CpuInterface::new(model.fake());

        for (register, access) in accesses {
            // The constant part of ICC_CTLR_EL1 has a test of its own.
            if register == Icc::Ctlr && access == Access::Read {
                continue;
            }
            let got = register.emulate(&mut interface, access, false);

            prop_assert_eq!(got, model.access(register, access), "{:?} {:?}", register, access);
            let (fake, expected) = (interface.registers(), model.fake());
            prop_assert_eq!(&fake.lrs, &expected.lrs, "{:?} {:?}", register, access);
            prop_assert_eq!(fake.ap, expected.ap, "{:?} {:?}", register, access);
            prop_assert_eq!(fake.vmcr, expected.vmcr, "{:?} {:?}", register, access);
            prop_assert_eq!(fake.eoi_count, expected.eoi_count);
            prop_assert_eq!(&fake.deactivated, &expected.deactivated);
        }
    }

    /// A deactivation that KVM traps is KVM's if no list register has the interrupt, and is not
    /// counted.
    #[test]
    fn trapped_deactivation(mut model in model(), intid in 0u32..9000) {
        let mut interface = CpuInterface::new(model.fake());
        let got = Icc::Dir.emulate(&mut interface, Access::Write(u64::from(intid)), true);
        let here = !model.eoi_mode || intid >= 8192 || model.find(intid).is_some();

        prop_assert_eq!(got, if here { Emulated::Written } else { Emulated::NotHere });
        prop_assert_eq!(interface.registers().eoi_count, 0);
        if here {
            model.dir(intid);
        }
        prop_assert_eq!(&interface.registers().lrs, &model.fake().lrs);
    }

    /// Active priorities are the guest's to read and write, as far as the hardware has them.
    #[test]
    fn active_priority_registers(model in model(), bits in any::<u32>(), n in 0u32..4) {
        let (index, exists) = (ApIndex::wrapping(n), n < [4, 2, 1][model.unused_bits as usize - 1]);
        let mut interface = CpuInterface::new(model.fake());

        for group in [Group::Zero, Group::One] {
            let register = Icc::Apr(group, index);
            let written = register.emulate(&mut interface, Access::Write(u64::from(bits)), false);
            let read = register.emulate(&mut interface, Access::Read, false);

            if exists {
                prop_assert_eq!((written, read), (Emulated::Written, Emulated::Read(u64::from(bits))));
            } else {
                prop_assert_eq!((written, read), (Emulated::NotHere, Emulated::NotHere));
            }
        }
    }
}

/// Registers of one direction are nobody's here in the other.
#[test]
fn wrong_direction() {
    let fake = Fake {
        vtr: vtr(5),
        lrs: vec![],
        ap: [[0; 4]; 2],
        vmcr: Vmcr::from_raw(0),
        eoi_count: 0,
        deactivated: vec![],
    };
    let mut interface = CpuInterface::new(fake);

    for (register, access) in [
        (Icc::Iar(Group::One), Access::Write(0)),
        (Icc::Hppir(Group::Zero), Access::Write(0)),
        (Icc::Rpr, Access::Write(0)),
        (Icc::Eoir(Group::One), Access::Read),
        (Icc::Dir, Access::Read),
    ] {
        assert_eq!(
            register.emulate(&mut interface, access, false),
            Emulated::NotHere
        );
    }
    assert_eq!(interface.registers().eoi_count, 0);
}
