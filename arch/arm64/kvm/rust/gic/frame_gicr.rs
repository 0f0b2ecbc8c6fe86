// SPDX-License-Identifier: GPL-2.0

//! The frames of a redistributor: its own registers, and 64 KiB further those of a CPU's private
//! interrupts.
//!
//! `GICR_STATUSR` is not there. It would read as zero, and C has a row for it; but C's table is not
//! in order at that place, so its search does not find the row, and says that there is nothing.
//!
//! Source: GIC Architecture Specification (IHI 0069), "Redistributor register map".
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_v3_rd_registers, vgic_mmio_read_v3_idregs
#![forbid(unsafe_code)]

use super::frame::{
    Bank,
    Frame,
    Reads,
    Row,
    Widths, //
};

/// A register of a redistributor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gicr {
    /// Whether there are LPIs.
    Ctlr,
    /// Whose it is.
    Iidr,
    /// 64 bits: which CPU it is of.
    Typer,
    /// 64 bits: where the table of properties of LPIs is.
    Propbaser,
    /// 64 bits: where that of pending LPIs is.
    Pendbaser,
    /// 64 bits, write-only: an LPI whose properties have changed.
    Invlpir,
    /// 64 bits, write-only: all of them have.
    Invallr,
    /// Whether that goes on still.
    Syncr,
    /// The version of the architecture.
    Pidr2,
    /// A bank that all GICs have, here of the private interrupts.
    Bank(Bank),
}

/// Where the frame of the private interrupts starts.
const SGI_BASE: u32 = 0x1_0000;

const fn word(offset: u32) -> Row<Gicr> {
    Row::reserved(offset, 4, Widths::WORD)
}

const fn double(offset: u32) -> Row<Gicr> {
    Row::reserved(offset, 8, Widths::DOUBLE_OR_WORD)
}

const fn bank(offset: u32, bits: u32, widths: Widths) -> Row<Gicr> {
    Row::bank(SGI_BASE + offset, bits, 0, 32, widths)
}

const fn bits(offset: u32, register: Bank) -> Row<Gicr> {
    bank(offset, 1, Widths::WORD).holds(Gicr::Bank(register))
}

const LATCH: Gicr = Gicr::Bank(Bank::Latch);

const ROWS: &[Row<Gicr>] = &[
    word(0x0000).holds(Gicr::Ctlr),
    word(0x0004).reads(Reads::From(Gicr::Iidr)),
    double(0x0008).reads(Reads::From(Gicr::Typer)),
    // GICR_WAKER
    word(0x0014),
    double(0x0070).holds(Gicr::Propbaser),
    double(0x0078).holds(Gicr::Pendbaser),
    double(0x00a0).writes(Gicr::Invlpir),
    double(0x00b0).writes(Gicr::Invallr),
    word(0x00c0).reads(Reads::From(Gicr::Syncr)),
    Row::reserved(0xffd0, 0x18, Widths::WORD),
    word(0xffe8).reads(Reads::From(Gicr::Pidr2)),
    Row::reserved(0xffec, 0x14, Widths::WORD),
    bits(0x0080, Bank::Igroupr),
    bits(0x0100, Bank::Isenabler),
    bits(0x0180, Bank::Icenabler),
    bits(0x0200, Bank::Ispendr).user(Reads::From(LATCH), Some(LATCH)),
    bits(0x0280, Bank::Icpendr).user(Reads::Zero, None),
    bits(0x0300, Bank::Isactiver),
    bits(0x0380, Bank::Icactiver),
    bank(0x0400, 8, Widths::WORD_OR_BYTE).holds(Gicr::Bank(Bank::Ipriorityr)),
    // The guest has no say in how private interrupts are triggered.
    bank(0x0c00, 2, Widths::WORD).reads(Reads::From(Gicr::Bank(Bank::Icfgr))),
    // GICR_IGRPMODR0
    bank(0x0d00, 1, Widths::WORD),
    // GICR_NSACR
    word(SGI_BASE + 0x0e00),
];

/// Both frames, one after the other.
pub(crate) static GICR: Frame<Gicr, 1024> = Frame::new(ROWS);
