// SPDX-License-Identifier: GPL-2.0

//! The frames of a GICv2: that of its distributor and that of its CPU interface.
//!
//! Guests access the CPU interface of the hardware, but for `GICC_DIR` where that traps; the rest
//! is for user space.
//!
//! Source: GIC Architecture Specification version 2.0 (IHI 0048), "Distributor register map",
//! "CPU interface register map".
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v2.c: vgic_v2_dist_registers, vgic_v2_cpu_registers,
//!     vgic_v2_init_dist_iodev, vgic_v2_init_cpuif_iodev, vgic_mmio_read_v2_misc,
//!     vgic_mmio_write_v2_misc, vgic_mmio_write_target
#![forbid(unsafe_code)]

use super::frame::{
    Bank,
    Frame,
    Reads,
    Row,
    Widths, //
};

/// A register of the distributor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GicdV2 {
    /// Whether interrupts are forwarded.
    Ctlr,
    /// What there is.
    Typer,
    /// Whose it is; user space chooses a revision.
    Iidr,
    /// A byte of each interrupt: the CPUs that it goes to.
    Itargetsr,
    /// Write-only: raises an SGI.
    Sgir,
    /// A byte of each SGI: the CPUs that it is pending from; ones take it back.
    Cpendsgir,
    /// The same byte; ones make it pending.
    Spendsgir,
    /// A bank that all GICs have.
    Bank(Bank),
}

/// A register of the CPU interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gicc {
    /// Groups, and how interrupts end.
    Ctlr,
    /// Priority mask.
    Pmr,
    /// Binary point.
    Bpr,
    /// Binary point of group 1.
    Abpr,
    /// Four words: active priorities.
    Apr,
    /// Whose it is.
    Iidr,
    /// Write-only, for guests: deactivates an interrupt.
    Dir,
}

const PRIVATE: u32 = 32;
const ALL: u32 = 1024;

const fn word<R: Copy>(offset: u32) -> Row<R> {
    Row::reserved(offset, 4, Widths::WORD)
}

const fn bits(offset: u32, bank: Bank) -> Row<GicdV2> {
    Row::bank(offset, 1, 0, ALL, Widths::WORD).holds(GicdV2::Bank(bank))
}

/// The start of a bank: that of the private interrupts, which is for reading.
const fn private(offset: u32, bits: u32, widths: Widths, register: GicdV2) -> Row<GicdV2> {
    Row::bank(offset, bits, 0, PRIVATE, widths).reads(Reads::From(register))
}

/// The rest of it.
const fn shared(offset: u32, bits: u32, widths: Widths, register: GicdV2) -> Row<GicdV2> {
    Row::bank(
        offset + bits * PRIVATE / 8,
        bits,
        PRIVATE,
        ALL - PRIVATE,
        widths,
    )
    .holds(register)
}

const fn sgis(offset: u32, register: GicdV2) -> Row<GicdV2> {
    Row::bank(offset, 8, 0, 16, Widths::WORD_OR_BYTE).holds(register)
}

const READ_IIDR: Reads<GicdV2> = Reads::From(GicdV2::Iidr);
const ICFGR: GicdV2 = GicdV2::Bank(Bank::Icfgr);

const DISTRIBUTOR: &[Row<GicdV2>] = &[
    word(0x000).holds(GicdV2::Ctlr),
    word(0x004).reads(Reads::From(GicdV2::Typer)),
    word(0x008)
        .reads(READ_IIDR)
        .user(READ_IIDR, Some(GicdV2::Iidr)),
    bits(0x080, Bank::Igroupr),
    bits(0x100, Bank::Isenabler),
    bits(0x180, Bank::Icenabler),
    bits(0x200, Bank::Ispendr),
    bits(0x280, Bank::Icpendr),
    bits(0x300, Bank::Isactiver),
    bits(0x380, Bank::Icactiver),
    Row::bank(0x400, 8, 0, ALL, Widths::WORD_OR_BYTE).holds(GicdV2::Bank(Bank::Ipriorityr)),
    private(0x800, 8, Widths::WORD_OR_BYTE, GicdV2::Itargetsr),
    shared(0x800, 8, Widths::WORD_OR_BYTE, GicdV2::Itargetsr),
    private(0xc00, 2, Widths::WORD, ICFGR),
    shared(0xc00, 2, Widths::WORD, ICFGR),
    word(0xf00).writes(GicdV2::Sgir),
    sgis(0xf10, GicdV2::Cpendsgir),
    sgis(0xf20, GicdV2::Spendsgir),
];

const CPU_INTERFACE: &[Row<Gicc>] = &[
    word(0x000).holds(Gicc::Ctlr),
    word(0x004).holds(Gicc::Pmr),
    word(0x008).holds(Gicc::Bpr),
    word(0x01c).holds(Gicc::Abpr),
    Row::reserved(0x0d0, 16, Widths::WORD).holds(Gicc::Apr),
    word(0x0fc).reads(Reads::From(Gicc::Iidr)),
    word(0x1000).writes(Gicc::Dir).user(Reads::Zero, None),
];

/// The distributor's frame.
pub(crate) static GICD_V2: Frame<GicdV2, 32> = Frame::new(DISTRIBUTOR);

/// The CPU interface's.
pub(crate) static GICC: Frame<Gicc, 64> = Frame::new(CPU_INTERFACE);
