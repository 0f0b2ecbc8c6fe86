// SPDX-License-Identifier: GPL-2.0

//! The registers of an ITS but for those of its tables, and the queue of commands that they make.
//!
//! Source: GIC Architecture Specification (IHI 0069), `GITS_CTLR`, `GITS_IIDR`, `GITS_TYPER`,
//! `GITS_CBASER`, `GITS_CWRITER`, `GITS_CREADR`, `GITS_PIDR2`.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: vgic_mmio_read_its_ctlr, vgic_mmio_read_its_typer,
//!     vgic_mmio_read_its_iidr, vgic_mmio_uaccess_write_its_iidr, vgic_mmio_read_its_idregs,
//!     vgic_sanitise_its_cbaser, vgic_mmio_write_its_cbaser, vgic_mmio_write_its_cwriter,
//!     vgic_mmio_uaccess_write_its_creadr, vgic_its_process_commands, ITS_CMD_BUFFER_SIZE,
//!     ITS_CMD_OFFSET, vgic_its_abi, its_table_abi_versions, NR_ITS_ABIS
#![forbid(unsafe_code)]

use super::{
    distributor::{
        IMPLEMENTER,
        PIDR2,
        PRODUCT, //
    },
    frame::Lanes,
    its::{
        Gpa,
        ID_BITS, //
    },
    its_command::Command,
    its_table::{
        Baser,
        ENTRY_BYTES, //
    },
    redistributor::{
        sanitised_inner,
        sanitised_outer,
        sanitised_shareability, //
    },
    refusal::Refusal, //
};
use crate::arm64::fields::register_values;

register_values! {
    /// `GITS_CTLR`.
    struct GitsCtlr {
        /// It does what it is for.
        Enabled = 0;
        /// There is no command left.
        Quiescent = 31;
    }

    /// `GITS_TYPER`.
    struct GitsTyper {
        /// It has LPIs.
        Physical = 0;
        /// The number of bytes of an event's entry, less one.
        ITT_entry_size = 7:4;
        /// The number of bits of an event's number, less one.
        ID_bits = 12:8;
        /// The number of bits of a device's number, less one.
        Devbits = 17:13;
    }

    /// `GITS_IIDR`.
    struct GitsIidr {
        /// Who made it.
        Implementer = 11:0;
        /// Which revision: that of the tables that are saved.
        Revision = 15:12;
        /// What.
        ProductID = 31:24;
    }

    /// `GITS_CBASER`.
    pub(crate) struct Cbaser {
        /// The number of pages of 4 KiB, less one.
        Size = 7:0;
        /// Shareability.
        Shareability = 11:10;
        /// Bits that we have zero: it starts at a multiple of 64 KiB.
        AddressLow = 15:12;
        /// Where it is.
        PhysicalAddress = 51:12;
        /// Outer cacheability.
        OuterCache = 55:53;
        /// Inner cacheability.
        InnerCache = 61:59;
        /// There is one.
        Valid = 63;
    }

    /// `GITS_CWRITER`, `GITS_CREADR`.
    struct QueueOffset {
        /// How far it is from the start, in commands.
        Offset = 19:5;
    }
}

/// `GITS_CTLR`.
pub(crate) const fn ctlr(enabled: bool, quiescent: bool) -> u32 {
    // CAST: 0 or 1 each; the fields are in the low half.
    GitsCtlr::ZERO
        .put(GitsCtlr::Enabled, enabled as u64)
        .put(GitsCtlr::Quiescent, quiescent as u64)
        .into_raw() as u32
}

/// Whether an ITS is enabled after a write of `GITS_CTLR`, or none if the write does nothing at all:
/// nobody can enable one that has no queue or lacks a table.
pub(crate) const fn ctlr_written(
    enabled: bool,
    value: u32,
    devices: Baser,
    collections: Baser,
    queue: &CommandQueue,
) -> Option<bool> {
    // CAST: widening.
    let enable = GitsCtlr::from_raw(value as u64).has(GitsCtlr::Enabled);
    let complete = devices.is_valid() && collections.is_valid() && queue.cbaser.has(Cbaser::Valid);

    if !enabled && enable && !complete {
        None
    } else {
        Some(enable)
    }
}

/// `GITS_TYPER`: redistributors are named by number, and so have no address.
// CAST: widening.
pub(crate) const TYPER: u64 = GitsTyper::ZERO
    .with(GitsTyper::Physical)
    .put(GitsTyper::ITT_entry_size, ENTRY_BYTES as u64 - 1)
    .put(GitsTyper::ID_bits, ID_BITS as u64 - 1)
    .put(GitsTyper::Devbits, ID_BITS as u64 - 1)
    .into_raw();

/// The only revision of saved tables that there is.
const REVISION: u64 = 0;

/// `GITS_IIDR`.
// CAST: The fields are in the low half.
pub(crate) const IIDR: u32 = GitsIidr::ZERO
    .put(GitsIidr::ProductID, PRODUCT)
    .put(GitsIidr::Revision, REVISION)
    .put(GitsIidr::Implementer, IMPLEMENTER)
    .into_raw() as u32;

/// What user space chooses by a write of `GITS_IIDR`: there is only one choice, but all else that it
/// writes does not matter.
///
/// # Errors
///
/// `Invalid` for a revision that there is none of.
pub(crate) const fn check_iidr(value: u64) -> Result<(), Refusal> {
    if GitsIidr::from_raw(value).get(GitsIidr::Revision) == REVISION {
        Ok(())
    } else {
        Err(Refusal::Invalid)
    }
}

/// The registers that identify it, from `GITS_PIDR4` at 0xffd0 on, by [`Lanes::word`].
pub(crate) const fn id_register(word: u32) -> u32 {
    match word {
        // GITS_PIDR4: one page of 64 KiB that software sees.
        0 => 0x40,
        // GITS_PIDR0 to 2.
        4 => 0x92,
        5 => 0xb4,
        6 => PIDR2,
        // GITS_CIDR0 to 3: any GIC has these.
        8 => 0x0d,
        9 => 0xf0,
        10 => 0x05,
        11 => 0xb1,
        _ => 0,
    }
}

impl Cbaser {
    /// Bits of which nothing is defined are kept.
    const fn sanitised(self) -> Self {
        self.put(
            Self::Shareability,
            sanitised_shareability(self.get(Self::Shareability)),
        )
        .put(
            Self::InnerCache,
            sanitised_inner(self.get(Self::InnerCache)),
        )
        .put(
            Self::OuterCache,
            sanitised_outer(self.get(Self::OuterCache)),
        )
        .without(Self::AddressLow)
    }

    /// How many bytes there are.
    const fn bytes(self) -> u32 {
        // CAST: Eight bits.
        (self.get(Self::Size) as u32)
            .wrapping_add(1)
            .wrapping_mul(0x1000)
    }
}

/// A queue of commands: a ring in the guest's memory, to which the guest adds commands, and from
/// which we take them.
///
/// # Invariants
///
/// `creadr` and `cwriter` are multiples of [`Command::BYTES`] less than the size.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CommandQueue {
    cbaser: Cbaser,
    creadr: u32,
    cwriter: u32,
}

impl CommandQueue {
    /// None.
    pub(crate) const EMPTY: Self = Self {
        cbaser: Cbaser::ZERO,
        creadr: 0,
        cwriter: 0,
    };

    /// `GITS_CBASER`.
    pub(crate) const fn cbaser(&self) -> u64 {
        self.cbaser.into_raw()
    }

    /// `GITS_CREADR`.
    pub(crate) const fn creadr(&self) -> u64 {
        // CAST: widening.
        self.creadr as u64
    }

    /// `GITS_CWRITER`.
    pub(crate) const fn cwriter(&self) -> u64 {
        // CAST: widening.
        self.cwriter as u64
    }

    /// Whether there is no command in it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.creadr == self.cwriter
    }

    /// A write of some bytes of `GITS_CBASER`: the queue is empty. Not while the ITS is enabled.
    pub(crate) const fn write_cbaser(&mut self, lanes: Lanes, value: u64) {
        *self = Self {
            cbaser: Cbaser::from_raw(lanes.put(self.cbaser.into_raw(), value)).sanitised(),
            creadr: 0,
            cwriter: 0,
        };
    }

    /// An offset in the queue, if it is in there.
    const fn offset(&self, value: u64) -> Option<u32> {
        // CAST: 20 bits.
        let offset = (value & QueueOffset::Offset.mask()) as u32;

        if offset < self.cbaser.bytes() {
            Some(offset)
        } else {
            None
        }
    }

    /// A write of some bytes of `GITS_CWRITER`: there are commands up to there. False if that is
    /// outside of the queue; then nothing changes.
    pub(crate) const fn write_cwriter(&mut self, lanes: Lanes, value: u64) -> bool {
        match self.offset(lanes.put(self.cwriter(), value)) {
            Some(offset) => {
                // INVARIANT: Just checked.
                self.cwriter = offset;
                true
            }
            None => false,
        }
    }

    /// User space's write of `GITS_CREADR`: the next command is there.
    ///
    /// # Errors
    ///
    /// In this order: `Busy` if the ITS is enabled, `Invalid` if that is outside of the queue.
    pub(crate) const fn write_creadr(&mut self, enabled: bool, value: u64) -> Result<(), Refusal> {
        if enabled {
            return Err(Refusal::Busy);
        }
        match self.offset(value) {
            Some(offset) => {
                // INVARIANT: Just checked.
                self.creadr = offset;
                Ok(())
            }
            None => Err(Refusal::Invalid),
        }
    }

    /// Where the next command is, if there is one.
    pub(crate) const fn next(&self) -> Option<Gpa> {
        if self.is_empty() {
            return None;
        }
        let base = Gpa(self.cbaser.into_raw() & Cbaser::PhysicalAddress.mask());

        Some(base.plus(self.creadr()))
    }

    /// It is done.
    pub(crate) const fn advance(&mut self) {
        // INVARIANT: Another multiple, or zero.
        self.creadr = match self.offset(self.creadr().wrapping_add(Command::BYTES as u64)) {
            Some(offset) => offset,
            None => 0,
        };
    }
}
