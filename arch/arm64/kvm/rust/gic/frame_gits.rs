// SPDX-License-Identifier: GPL-2.0

//! The frame of an ITS. Its second half, where devices write messages to, is not for CPUs.
//!
//! Source: GIC Architecture Specification (IHI 0069), "ITS register map".
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: its_registers, REGISTER_ITS_DESC,
//!     REGISTER_ITS_DESC_UACCESS, its_mmio_write_wi, BASER_INDEX, vgic_its_has_attr_regs,
//!     vgic_its_attr_regs_access
#![forbid(unsafe_code)]

use super::{
    frame::{
        Frame,
        Reads,
        Row,
        Widths, //
    },
    refusal::Refusal, //
};

/// A register of an ITS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gits {
    /// Whether it is enabled.
    Ctlr,
    /// Whose it is. User space chooses a revision by it.
    Iidr,
    /// 64 bits: what it has.
    Typer,
    /// 64 bits: where the queue of commands is.
    Cbaser,
    /// 64 bits: where its end is.
    Cwriter,
    /// 64 bits: where its start is.
    Creadr,
    /// A row of eight with 64 bits: where a table is. [`Lanes::double`](super::frame::Lanes::double)
    /// is the number.
    Baser,
    /// A row: [`id_register`](super::its_registers::id_register).
    Id,
}

const fn word(offset: u32) -> Row<Gits> {
    Row::reserved(offset, 4, Widths::WORD)
}

const fn double(offset: u32) -> Row<Gits> {
    Row::reserved(offset, 8, Widths::DOUBLE_OR_WORD)
}

const ROWS: &[Row<Gits>] = &[
    word(0x0000).holds(Gits::Ctlr),
    word(0x0004)
        .reads(Reads::From(Gits::Iidr))
        .user(Reads::From(Gits::Iidr), Some(Gits::Iidr)),
    double(0x0008).reads(Reads::From(Gits::Typer)),
    double(0x0080).holds(Gits::Cbaser),
    double(0x0088).holds(Gits::Cwriter),
    double(0x0090)
        .reads(Reads::From(Gits::Creadr))
        .user(Reads::From(Gits::Creadr), Some(Gits::Creadr)),
    Row::reserved(0x0100, 0x40, Widths::DOUBLE_OR_WORD).holds(Gits::Baser),
    Row::reserved(0xffd0, 0x30, Widths::WORD).reads(Reads::From(Gits::Id)),
];

/// Both halves.
pub(crate) static GITS: Frame<Gits, 1024> = Frame::new(ROWS);

/// The offset that an attribute of `KVM_DEV_ARM_VGIC_GRP_ITS_REGS` names.
///
/// # Errors
///
/// `Invalid` if it is not aligned: to 8 bytes, where registers have 64 bits, else to 4.
pub(crate) const fn user_offset(attr: u64) -> Result<u32, Refusal> {
    let alignment = if attr < 0x8 || attr >= 0xffd0 { 4 } else { 8 };

    if attr % alignment != 0 {
        return Err(Refusal::Invalid);
    }
    // As in C, all else is dropped. CAST: To the low half.
    Ok(attr as u32)
}

/// How many bytes user space has of the register at such an offset at once, which is for the caller
/// to keep within the frame, as for [`Frame::read`]. None if there is none: `ENXIO`.
pub(crate) fn user_bytes(offset: u32) -> Option<u32> {
    [8, 4].into_iter().find(|bytes| GITS.allows(offset, *bytes))
}
