// SPDX-License-Identifier: GPL-2.0

//! The frames of registers against the tables of the C code, which are read from the tree that is
//! built: of each offset, width, number of interrupts and kind of access both must say the same.

use crate::{
    gic::{
        frame::{
            Access,
            Bank,
            Frame,
            Read,
            Reads,
            Who, //
        },
        frame_gicd::{
            is_open_before_init,
            Gicd,
            GICD, //
        },
        frame_gicr::{
            Gicr,
            GICR, //
        },
        frame_gicv2::{
            Gicc,
            GicdV2,
            GICC,
            GICD_V2, //
        }, //
    },
    regions::{
        bsearch,
        region,
        table,
        Region, //
    },
    tests_registers::read,
};
use std::fmt::Debug;

/// Which interrupts a function of C's works on.
fn interrupts(function: &str, offset: u32, bytes: u32) -> (u32, u32) {
    let of = |bits: u32| {
        (
            (offset & (bits * 1024 / 8 - 1)) * 8 >> bits.ilog2(),
            (bytes * 8 / bits).max(1),
        )
    };
    let is = |what: &[&str]| what.iter().any(|w| function.contains(w));

    if is(&["sgipend"]) {
        (offset & 0xf, bytes)
    } else if is(&["_group", "enable", "pending", "active"]) {
        of(1)
    } else if is(&["priority", "target"]) {
        of(8)
    } else if is(&["config"]) {
        of(2)
    } else if is(&["irouter"]) {
        of(64)
    } else {
        (0, 0)
    }
}

/// What a function of C's reads, as far as all frames have it.
fn bank_read<R>(function: &str, bank: impl Fn(Bank) -> R, v3: bool) -> Option<Reads<R>> {
    Some(match function {
        "vgic_mmio_read_raz" => Reads::Zero,
        "vgic_mmio_read_rao" => Reads::Ones,
        "vgic_mmio_read_group" => Reads::From(bank(Bank::Igroupr)),
        "vgic_mmio_read_enable" => Reads::From(bank(Bank::Isenabler)),
        "vgic_uaccess_read_pending" if v3 => Reads::From(bank(Bank::Latch)),
        "vgic_mmio_read_pending" | "vgic_uaccess_read_pending" => Reads::From(bank(Bank::Ispendr)),
        "vgic_mmio_read_active" | "vgic_uaccess_read_active" => Reads::From(bank(Bank::Isactiver)),
        "vgic_mmio_read_priority" => Reads::From(bank(Bank::Ipriorityr)),
        "vgic_mmio_read_config" => Reads::From(bank(Bank::Icfgr)),
        _ => return None,
    })
}

/// What a function of C's writes, likewise. It may ignore what it is given.
fn bank_write<R>(function: &str, bank: impl Fn(Bank) -> R, first: u32) -> Option<Option<R>> {
    Some(match function {
        "vgic_mmio_write_wi" | "vgic_mmio_uaccess_write_wi" => None,
        "vgic_mmio_write_group" | "vgic_mmio_uaccess_write_v2_group" => Some(bank(Bank::Igroupr)),
        "vgic_mmio_write_senable" | "vgic_uaccess_write_senable" => Some(bank(Bank::Isenabler)),
        "vgic_mmio_write_cenable" | "vgic_uaccess_write_cenable" => Some(bank(Bank::Icenabler)),
        "vgic_mmio_write_spending" | "vgic_uaccess_write_spending" => Some(bank(Bank::Ispendr)),
        "vgic_mmio_write_cpending" | "vgic_uaccess_write_cpending" => Some(bank(Bank::Icpendr)),
        "vgic_v3_uaccess_write_pending" => Some(bank(Bank::Latch)),
        "vgic_mmio_write_sactive" | "vgic_mmio_uaccess_write_sactive" => {
            Some(bank(Bank::Isactiver))
        }
        "vgic_mmio_write_cactive" | "vgic_mmio_uaccess_write_cactive" => {
            Some(bank(Bank::Icactiver))
        }
        "vgic_mmio_write_priority" => Some(bank(Bank::Ipriorityr)),
        // Those of private interrupts are left alone.
        "vgic_mmio_write_config" => (first >= 32).then(|| bank(Bank::Icfgr)),
        _ => return None,
    })
}

/// C has one function for the two registers that show the same bits.
fn shown(bank: Bank) -> Bank {
    match bank {
        Bank::Icenabler => Bank::Isenabler,
        Bank::Icpendr => Bank::Ispendr,
        Bank::Icactiver => Bank::Isactiver,
        other => other,
    }
}

/// What the test has to know of a frame's registers.
trait Registers: Copy + Debug + PartialEq + 'static {
    fn bank(bank: Bank) -> Self;
    fn as_bank(self) -> Option<Bank>;
    const V3: bool;
    /// What functions read and write that only this frame has.
    fn reads(function: &str, offset: u32) -> Reads<Self>;
    fn writes(function: &str, offset: u32) -> Option<Self>;
}

/// Of a frame that has registers of bits for interrupts.
macro_rules! has_banks {
    () => {
        fn bank(bank: Bank) -> Self {
            Self::Bank(bank)
        }

        fn as_bank(self) -> Option<Bank> {
            match self {
                Self::Bank(bank) => Some(bank),
                _ => None,
            }
        }
    };
}

impl Registers for Gicd {
    const V3: bool = true;

    has_banks!();

    fn reads(function: &str, offset: u32) -> Reads<Self> {
        match (function, offset & 0xc) {
            ("vgic_mmio_read_v3_misc", 0x0) => Reads::From(Self::Ctlr),
            ("vgic_mmio_read_v3_misc", 0x4) => Reads::From(Self::Typer),
            ("vgic_mmio_read_v3_misc", 0x8) => Reads::From(Self::Iidr),
            ("vgic_mmio_read_v3_misc", _) => Reads::From(Self::Typer2),
            ("vgic_mmio_read_v3_idregs", _) if offset & 0xffff == 0xffe8 => {
                Reads::From(Self::Pidr2)
            }
            ("vgic_mmio_read_v3_idregs", _) => Reads::Zero,
            ("vgic_mmio_read_irouter", _) => Reads::From(Self::Irouter),
            _ => panic!("{function}"),
        }
    }

    fn writes(function: &str, offset: u32) -> Option<Self> {
        match (function, offset & 0xc) {
            ("vgic_mmio_write_v3_misc" | "vgic_mmio_uaccess_write_v3_misc", 0x0) => {
                Some(Self::Ctlr)
            }
            ("vgic_mmio_uaccess_write_v3_misc", 0x8) => Some(Self::Iidr),
            ("vgic_mmio_uaccess_write_v3_misc", 0xc) => Some(Self::Typer2),
            ("vgic_mmio_write_v3_misc" | "vgic_mmio_uaccess_write_v3_misc", _) => None,
            ("vgic_mmio_write_irouter", _) => Some(Self::Irouter),
            _ => panic!("{function}"),
        }
    }
}

impl Registers for Gicr {
    const V3: bool = true;

    has_banks!();

    fn reads(function: &str, offset: u32) -> Reads<Self> {
        Reads::From(match function {
            "vgic_mmio_read_v3r_ctlr" => Self::Ctlr,
            "vgic_mmio_read_v3r_iidr" => Self::Iidr,
            "vgic_mmio_read_v3r_typer" => Self::Typer,
            "vgic_mmio_read_propbase" => Self::Propbaser,
            "vgic_mmio_read_pendbase" => Self::Pendbaser,
            "vgic_mmio_read_sync" => Self::Syncr,
            "vgic_mmio_read_v3_idregs" if offset & 0xffff == 0xffe8 => Self::Pidr2,
            "vgic_mmio_read_v3_idregs" => return Reads::Zero,
            _ => panic!("{function}"),
        })
    }

    fn writes(function: &str, _: u32) -> Option<Self> {
        Some(match function {
            "vgic_mmio_write_v3r_ctlr" => Self::Ctlr,
            "vgic_mmio_write_propbase" => Self::Propbaser,
            "vgic_mmio_write_pendbase" => Self::Pendbaser,
            "vgic_mmio_write_invlpi" => Self::Invlpir,
            "vgic_mmio_write_invall" => Self::Invallr,
            _ => panic!("{function}"),
        })
    }
}

impl Registers for GicdV2 {
    const V3: bool = false;

    has_banks!();

    fn reads(function: &str, offset: u32) -> Reads<Self> {
        Reads::From(match (function, offset & 0xc) {
            ("vgic_mmio_read_v2_misc", 0) => Self::Ctlr,
            ("vgic_mmio_read_v2_misc", 4) => Self::Typer,
            ("vgic_mmio_read_v2_misc", 8) => Self::Iidr,
            ("vgic_mmio_read_target", _) => Self::Itargetsr,
            ("vgic_mmio_read_sgipend", _) if offset < 0xf20 => Self::Cpendsgir,
            ("vgic_mmio_read_sgipend", _) => Self::Spendsgir,
            _ => panic!("{function}"),
        })
    }

    fn writes(function: &str, offset: u32) -> Option<Self> {
        Some(match (function, offset & 0xc) {
            ("vgic_mmio_write_v2_misc" | "vgic_mmio_uaccess_write_v2_misc", 0) => Self::Ctlr,
            ("vgic_mmio_uaccess_write_v2_misc", 8) => Self::Iidr,
            ("vgic_mmio_write_v2_misc" | "vgic_mmio_uaccess_write_v2_misc", _) => return None,
            // Those of private interrupts are left alone.
            ("vgic_mmio_write_target", _) if offset < 0x820 => return None,
            ("vgic_mmio_write_target", _) => Self::Itargetsr,
            ("vgic_mmio_write_sgir", _) => Self::Sgir,
            ("vgic_mmio_write_sgipendc", _) => Self::Cpendsgir,
            ("vgic_mmio_write_sgipends", _) => Self::Spendsgir,
            _ => panic!("{function}"),
        })
    }
}

impl Registers for Gicc {
    const V3: bool = false;

    fn bank(bank: Bank) -> Self {
        panic!("{bank:?}")
    }

    fn as_bank(self) -> Option<Bank> {
        None
    }

    fn reads(function: &str, offset: u32) -> Reads<Self> {
        Reads::From(match (function, offset & 0xff) {
            ("vgic_mmio_read_vcpuif", 0x00) => Self::Ctlr,
            ("vgic_mmio_read_vcpuif", 0x04) => Self::Pmr,
            ("vgic_mmio_read_vcpuif", 0x08) => Self::Bpr,
            ("vgic_mmio_read_vcpuif", 0x1c) => Self::Abpr,
            ("vgic_mmio_read_vcpuif", 0xfc) => Self::Iidr,
            ("vgic_mmio_read_apr", _) => Self::Apr,
            _ => panic!("{function}"),
        })
    }

    fn writes(function: &str, offset: u32) -> Option<Self> {
        Some(match (function, offset & 0xff) {
            ("vgic_mmio_write_vcpuif", 0x00) => Self::Ctlr,
            ("vgic_mmio_write_vcpuif", 0x04) => Self::Pmr,
            ("vgic_mmio_write_vcpuif", 0x08) => Self::Bpr,
            ("vgic_mmio_write_vcpuif", 0x1c) => Self::Abpr,
            ("vgic_mmio_write_vcpuif", 0xfc) => return None,
            ("vgic_mmio_write_apr", _) => Self::Apr,
            ("vgic_mmio_write_dir", _) => Self::Dir,
            _ => panic!("{function}"),
        })
    }
}

/// The function of C's that serves an access.
fn function(region: &Region, who: Who, write: bool) -> &str {
    let (guest, user) = if write {
        (&region.write, &region.user_write)
    } else {
        (&region.read, &region.user_read)
    };

    if who == Who::User && user != "NULL" {
        user
    } else {
        guest
    }
}

/// The interrupts and the bytes of an access are those that C's function goes by.
fn same_place<R: Registers>(access: Access<R>, function: &str, offset: u32, bytes: u32) {
    let place = format!("{access:?} {function} {offset:#x} {bytes}");

    assert_eq!(access.lanes.bytes, bytes, "{place}");
    if access.count != 0 {
        assert_eq!(
            (access.first.0, access.count),
            interrupts(function, offset, bytes),
            "{place}"
        );
    } else {
        assert_eq!((0, 0), interrupts(function, offset, bytes), "{place}");
        assert_eq!(access.first.0, 0, "{place}");
        assert_eq!(access.lanes.byte & 3, offset & 3, "{place}");
    }
    // Where C looks at the address to know which half, or which register.
    if function.contains("apr") {
        assert_eq!(access.lanes.word(), offset >> 2 & 3, "{place}");
    }
    if ["base", "typer", "inv", "irouter"]
        .iter()
        .any(|f| function.contains(f))
    {
        assert_eq!(access.lanes.byte & 7, offset & 7, "{place}");
        assert_eq!(access.lanes.are_upper_half(), offset & 4 != 0, "{place}");
    }
}

fn same<R: Registers, const SLOTS: usize>(frame: &Frame<R, SLOTS>, file: &str, name: &str) {
    let regions = table(file, name);
    let mut found = 0;

    assert!(regions.len() >= 7, "{regions:#?}");
    for offset in (0..0x2_0010).chain([0x8000_0000, u32::MAX - 3, u32::MAX]) {
        for irqs in [32, 64, 288, 992, 1024] {
            for bytes in [0, 1, 2, 3, 4, 5, 6, 8, 12, 16] {
                for who in [Who::Guest, Who::User] {
                    if bytes == 0 {
                        assert_eq!(frame.read(who, offset, 0, irqs), Read::Constant(0));
                        continue;
                    }
                    let theirs = region(&regions, offset, bytes, irqs);

                    if bytes == 4 {
                        let has = offset % 4 == 0 && theirs.is_some();

                        assert_eq!(frame.has(offset, irqs), has, "{name} {offset:#x}");
                        found += usize::from(has);
                    }
                    same_read(frame, theirs, who, offset, bytes, irqs);
                    same_write(frame, theirs, who, offset, bytes, irqs);
                }
            }
        }
    }
    assert!(found >= 100, "{found}");
}

fn same_read<R: Registers, const SLOTS: usize>(
    frame: &Frame<R, SLOTS>,
    theirs: Option<&Region>,
    who: Who,
    offset: u32,
    bytes: u32,
    irqs: u32,
) {
    let place = || format!("{who:?} reads {bytes} at {offset:#x} of {irqs}: {theirs:?}");
    let ours = frame.read(who, offset, bytes, irqs);
    let Some(region) = theirs else {
        assert_eq!(ours, Read::Constant(0), "{}", place());
        return;
    };
    let function = function(region, who, false);
    let expected =
        bank_read(function, R::bank, R::V3).unwrap_or_else(|| R::reads(function, offset));

    match (ours, expected) {
        (Read::Constant(0), Reads::Zero) | (Read::Constant(u64::MAX), Reads::Ones) => (),
        (Read::From(access), Reads::From(register)) => {
            let shows = access
                .register
                .as_bank()
                .map_or(access.register, |bank| R::bank(shown(bank)));

            assert_eq!(shows, register, "{}", place());
            same_place(access, function, offset, bytes);
        }
        _ => panic!("{ours:?} {expected:?} {}", place()),
    }
}

fn same_write<R: Registers, const SLOTS: usize>(
    frame: &Frame<R, SLOTS>,
    theirs: Option<&Region>,
    who: Who,
    offset: u32,
    bytes: u32,
    irqs: u32,
) {
    let place = || format!("{who:?} writes {bytes} at {offset:#x} of {irqs}: {theirs:?}");
    let ours = frame.write(who, offset, bytes, irqs);
    let Some(region) = theirs else {
        assert_eq!(ours, None, "{}", place());
        return;
    };
    let function = function(region, who, true);
    let (first, _) = interrupts(function, offset, bytes);
    let expected =
        bank_write(function, R::bank, first).unwrap_or_else(|| R::writes(function, offset));

    assert_eq!(ours.map(|access| access.register), expected, "{}", place());
    if let Some(access) = ours {
        same_place(access, function, offset, bytes);
    }
}

#[test]
fn distributor_of_gicv3() {
    same(&GICD, "vgic-mmio-v3.c", "vgic_v3_dist_registers");
    assert_eq!(Frame::<Gicd, 512>::SIZE, 0x1_0000);
}

#[test]
fn redistributor() {
    same(&GICR, "vgic-mmio-v3.c", "vgic_v3_rd_registers");
    assert_eq!(Frame::<Gicr, 1024>::SIZE, 0x2_0000);
}

#[test]
fn distributor_of_gicv2() {
    same(&GICD_V2, "vgic-mmio-v2.c", "vgic_v2_dist_registers");
    assert_eq!(Frame::<GicdV2, 32>::SIZE, 0x1000);
}

#[test]
fn cpu_interface_of_gicv2() {
    same(&GICC, "vgic-mmio-v2.c", "vgic_v2_cpu_registers");
    assert_eq!(Frame::<Gicc, 64>::SIZE, 0x2000);
}

/// The macros are what the test takes them for.
#[test]
fn macros_of_the_tables() {
    let header = read("kvm/vgic/vgic-mmio.h");
    let v3 = read("kvm/vgic/vgic-mmio-v3.c");

    for (text, expected) in [
        (
            &header,
            "#define VGIC_ADDR_IRQ_MASK(bits) (((bits) * 1024 / 8) - 1)",
        ),
        (&header, ".len = bpi * 1024 / 8,"),
        (&v3, ".len = (bpi * VGIC_NR_PRIVATE_IRQS) / 8,"),
        (&v3, ".reg_offset = off + (bpi * VGIC_NR_PRIVATE_IRQS) / 8,"),
        (&v3, ".len = (bpi * (1024 - VGIC_NR_PRIVATE_IRQS)) / 8,"),
    ] {
        assert!(text.contains(expected), "{expected}");
    }
}

/// C's rows are out of order there: the one of `GICR_STATUSR` is never found.
#[test]
fn a_row_that_is_not_found() {
    let regions = table("vgic-mmio-v3.c", "vgic_v3_rd_registers");

    assert!(regions.iter().any(|region| region.offset == 0x10));
    assert!(bsearch(&regions, 0x10).is_none());
    assert!(!GICR.has(0x10, 1024));
    assert!(GICR.has(0x14, 1024));
}

#[test]
fn open_before_init() {
    let open: Vec<u32> = (0..0x1_0000)
        .filter(|at| is_open_before_init(*at))
        .collect();

    assert_eq!(open, [0x8, 0xc]);
}
