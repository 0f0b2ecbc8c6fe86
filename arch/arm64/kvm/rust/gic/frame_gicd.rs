// SPDX-License-Identifier: GPL-2.0

//! The frame of a GICv3's distributor.
//!
//! Of private interrupts the redistributors have the registers: their places here read as zero.
//!
//! Source: GIC Architecture Specification (IHI 0069), "Distributor register map".
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_v3_dist_registers, vgic_v3_init_dist_iodev,
//!     vgic_mmio_read_v3_misc, vgic_mmio_write_v3_misc, vgic_mmio_read_v3_idregs;
//!     arch/arm64/kvm/vgic/vgic-kvm-device.c: reg_allowed_pre_init
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
pub(crate) enum Gicd {
    /// Whether interrupts are forwarded.
    Ctlr,
    /// What there is.
    Typer,
    /// Whose it is; user space chooses a revision.
    Iidr,
    /// More of what there is; user space chooses some of it.
    Typer2,
    /// The version of the architecture.
    Pidr2,
    /// 64 bits of each interrupt: the CPU that it goes to.
    Irouter,
    /// A bank that all GICs have.
    Bank(Bank),
}

const PRIVATE: u32 = 32;
const ALL: u32 = 1024;

/// The start of a bank: that of the private interrupts, which is elsewhere.
const fn private(offset: u32, bits: u32, widths: Widths) -> Row<Gicd> {
    Row::bank(offset, bits, 0, PRIVATE, widths)
}

/// The rest of it.
const fn shared(offset: u32, bits: u32, widths: Widths) -> Row<Gicd> {
    Row::bank(
        offset + bits * PRIVATE / 8,
        bits,
        PRIVATE,
        ALL - PRIVATE,
        widths,
    )
}

const fn bits(offset: u32, bank: Bank) -> Row<Gicd> {
    shared(offset, 1, Widths::WORD).holds(Gicd::Bank(bank))
}

const fn word(offset: u32) -> Row<Gicd> {
    Row::reserved(offset, 4, Widths::WORD)
}

const READ_IIDR: Reads<Gicd> = Reads::From(Gicd::Iidr);
const READ_TYPER2: Reads<Gicd> = Reads::From(Gicd::Typer2);
const LATCH: Gicd = Gicd::Bank(Bank::Latch);

const ROWS: &[Row<Gicd>] = &[
    word(0x0000).holds(Gicd::Ctlr),
    word(0x0004).reads(Reads::From(Gicd::Typer)),
    word(IIDR)
        .reads(READ_IIDR)
        .user(READ_IIDR, Some(Gicd::Iidr)),
    word(TYPER2)
        .reads(READ_TYPER2)
        .user(READ_TYPER2, Some(Gicd::Typer2)),
    // GICD_STATUSR
    word(0x0010).reads(Reads::Ones),
    private(0x0080, 1, Widths::WORD),
    bits(0x0080, Bank::Igroupr),
    private(0x0100, 1, Widths::WORD),
    bits(0x0100, Bank::Isenabler),
    private(0x0180, 1, Widths::WORD),
    bits(0x0180, Bank::Icenabler),
    private(0x0200, 1, Widths::WORD),
    bits(0x0200, Bank::Ispendr).user(Reads::From(LATCH), Some(LATCH)),
    private(0x0280, 1, Widths::WORD),
    bits(0x0280, Bank::Icpendr).user(Reads::Zero, None),
    private(0x0300, 1, Widths::WORD),
    bits(0x0300, Bank::Isactiver),
    private(0x0380, 1, Widths::WORD),
    bits(0x0380, Bank::Icactiver),
    private(0x0400, 8, Widths::WORD_OR_BYTE),
    shared(0x0400, 8, Widths::WORD_OR_BYTE).holds(Gicd::Bank(Bank::Ipriorityr)),
    // GICD_ITARGETSR, of GICv2
    private(0x0800, 8, Widths::WORD_OR_BYTE),
    shared(0x0800, 8, Widths::WORD_OR_BYTE),
    private(0x0c00, 2, Widths::WORD),
    shared(0x0c00, 2, Widths::WORD).holds(Gicd::Bank(Bank::Icfgr)),
    // GICD_IGRPMODR
    private(0x0d00, 1, Widths::WORD),
    shared(0x0d00, 1, Widths::WORD),
    private(0x6000, 64, Widths::DOUBLE_OR_WORD),
    shared(0x6000, 64, Widths::DOUBLE_OR_WORD).holds(Gicd::Irouter),
    Row::reserved(0xffd0, 0x18, Widths::WORD),
    word(0xffe8).reads(Reads::From(Gicd::Pidr2)),
    Row::reserved(0xffec, 0x14, Widths::WORD),
];

const IIDR: u32 = 0x0008;
const TYPER2: u32 = 0x000c;

/// The frame.
pub(crate) static GICD: Frame<Gicd, 512> = Frame::new(ROWS);

/// Whether user space may access an offset before the GIC is initialised: where it decides what
/// the GIC is to be.
pub(crate) const fn is_open_before_init(offset: u32) -> bool {
    matches!(offset, IIDR | TYPER2)
}
