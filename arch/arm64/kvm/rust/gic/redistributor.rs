// SPDX-License-Identifier: GPL-2.0

//! The registers of a redistributor that are not about one interrupt.
//!
//! Source: GIC Architecture Specification (IHI 0069), `GICR_CTLR`, `GICR_TYPER`, `GICR_IIDR`,
//! `GICR_PROPBASER`, `GICR_PENDBASER`, `GICR_INVLPIR`.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_lpis_enabled, vgic_mmio_read_v3r_ctlr,
//!     vgic_mmio_write_v3r_ctlr, vgic_mmio_read_v3r_typer, vgic_mmio_read_v3r_iidr,
//!     vgic_sanitise_shareability, vgic_sanitise_inner_cacheability,
//!     vgic_sanitise_outer_cacheability, vgic_sanitise_field, vgic_sanitise_pendbaser,
//!     vgic_sanitise_propbaser, vgic_mmio_read_propbase, vgic_mmio_write_propbase,
//!     vgic_mmio_read_pendbase, vgic_mmio_write_pendbase, vgic_mmio_write_invlpi,
//!     vgic_mmio_write_invall; arch/arm64/kvm/vgic/vgic-v3.c: INITIAL_PENDBASER_VALUE;
//!     arch/arm64/kvm/vgic/vgic-its.c: INITIAL_PROPBASER_VALUE, max_lpis_propbaser
#![forbid(unsafe_code)]

use super::{
    affinity::Affinity,
    distributor::{
        Revision,
        IMPLEMENTER,
        PRODUCT, //
    },
    frame::Lanes,
    its::Gpa,
    list_register::Intid, //
};
use crate::arm64::fields::register_values;

register_values! {
    /// `GICR_CTLR`.
    pub(crate) struct GicrCtlr {
        /// There are LPIs.
        EnableLPIs = 0;
        /// That can be taken back.
        CES = 1;
        /// LPIs can be invalidated by register.
        IR = 2;
        /// LPIs are being disabled; or, with `EnableLPIs`, enabled.
        RWP = 3;
    }

    /// `GICR_TYPER`.
    pub(crate) struct GicrTyper {
        /// It can have LPIs.
        PLPIS = 0;
        /// No other redistributor follows this one.
        Last = 4;
        /// The number of its CPU.
        ProcessorNumber = 23:8;
        /// The affinity of its CPU.
        Affinity = 63:32;
    }

    /// `GICR_IIDR`.
    struct GicrIidr {
        /// Who made it.
        Implementer = 11:0;
        /// What.
        ProductID = 31:24;
    }

    /// How the memory of a table of LPIs is used: at one place in `GICR_PROPBASER` and
    /// `GICR_PENDBASER`.
    struct TableMemory {
        /// Inner cacheability.
        InnerCache = 9:7;
        /// Shareability.
        Shareability = 11:10;
        /// Outer cacheability.
        OuterCache = 58:56;
    }

    /// `GICR_PROPBASER`: the table of properties of LPIs, and its [`TableMemory`].
    pub(crate) struct Propbaser {
        /// The number of bits of an INTID, less one.
        IDbits = 4:0;
        /// Where it is.
        PhysicalAddress = 51:12;
    }

    /// `GICR_PENDBASER`: the table of pending LPIs, and its [`TableMemory`].
    pub(crate) struct Pendbaser {
        /// Where it is.
        PhysicalAddress = 51:16;
        /// It is zero all over.
        PTZ = 62;
    }
}

/// What a write of `GICR_CTLR` sets about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LpiSwitch {
    /// Nothing.
    Nothing,
    /// LPIs are enabled: from nothing to [`GicrCtlr::ENABLING`], and to
    /// [`GicrCtlr::EnableLPIs`] when that is done.
    Enable,
    /// LPIs are disabled: from [`GicrCtlr::EnableLPIs`] to [`GicrCtlr::RWP`], and to nothing when
    /// that is done.
    Disable,
}

impl GicrCtlr {
    /// While LPIs are being enabled.
    pub(crate) const ENABLING: u64 = Self::EnableLPIs.mask() | Self::RWP.mask();

    /// Whether there are LPIs: not while they are being disabled, or enabled.
    pub(crate) const fn lpis_enabled(self) -> bool {
        self.into_raw() == Self::EnableLPIs.mask()
    }

    /// What is read, if it holds this.
    pub(crate) const fn shown(self, revision: Revision) -> u32 {
        // Who sees that LPIs are enabled may have a device send one.
        let now = match self.into_raw() {
            Self::ENABLING => Self::ZERO,
            _ => self,
        };
        let shown = match revision {
            Revision::Two => now,
            Revision::Three => now.with(Self::IR).with(Self::CES),
        };

        // CAST: The fields are in the low half.
        shown.into_raw() as u32
    }

    /// What a write sets about, if there is an ITS; nothing else ever changes it.
    pub(crate) const fn written(self, value: u32) -> LpiSwitch {
        // CAST: widening.
        match Self::from_raw(value as u64).has(Self::EnableLPIs) {
            true if self.into_raw() == 0 => LpiSwitch::Enable,
            false if self.lpis_enabled() => LpiSwitch::Disable,
            _ => LpiSwitch::Nothing,
        }
    }
}

impl GicrTyper {
    /// That of vCPU `id`.
    pub(crate) const fn new(affinity: Affinity, id: u32, lpis: bool, last: bool) -> Self {
        // CAST: widening; 0 or 1.
        Self::ZERO
            .put(Self::Affinity, affinity.route())
            .put(Self::ProcessorNumber, id as u64)
            .put(Self::PLPIS, lpis as u64)
            .put(Self::Last, last as u64)
    }
}

/// `GICR_IIDR`.
// CAST: The fields are in the low half.
pub(crate) const IIDR: u32 = GicrIidr::ZERO
    .put(GicrIidr::ProductID, PRODUCT)
    .put(GicrIidr::Implementer, IMPLEMENTER)
    .into_raw() as u32;

/// The LPI of a write of `GICR_INVLPIR`: none of its upper half alone, which is for what we don't
/// have.
pub(crate) const fn invalidated(lanes: Lanes, value: u64) -> Option<Intid> {
    // CAST: The low half.
    let intid = Intid(value as u32);

    if lanes.are_upper_half() || !intid.is_lpi() {
        None
    } else {
        Some(intid)
    }
}

/// The most bits that an INTID has.
const MAX_ID_BITS: u32 = 16;

/// A cacheability: none.
const NOT_CACHEABLE: u64 = 1;
/// A cacheability: as most memory has it.
pub(super) const READ_ALLOCATE_WRITE_BACK: u64 = 3;
/// An outer cacheability: the inner one.
const AS_INNER: u64 = 0;
/// Of the inner one.
const DEVICE: u64 = 0;
/// Shareabilities.
pub(super) const INNER_SHAREABLE: u64 = 1;
const OUTER_SHAREABLE: u64 = 2;

/// The shareability of a table as we have it: it is not outer shareable.
pub(super) const fn sanitised_shareability(field: u64) -> u64 {
    match field {
        OUTER_SHAREABLE => INNER_SHAREABLE,
        other => other,
    }
}

/// The inner cacheability: it is cacheable.
pub(super) const fn sanitised_inner(field: u64) -> u64 {
    match field {
        DEVICE | NOT_CACHEABLE => READ_ALLOCATE_WRITE_BACK,
        other => other,
    }
}

/// The outer cacheability: as the inner one, or it is not.
pub(super) const fn sanitised_outer(field: u64) -> u64 {
    match field {
        NOT_CACHEABLE => NOT_CACHEABLE,
        _ => AS_INNER,
    }
}

impl TableMemory {
    /// That of a new table.
    const INITIAL: Self = Self::ZERO
        .put(Self::InnerCache, READ_ALLOCATE_WRITE_BACK)
        .put(Self::Shareability, INNER_SHAREABLE);

    const ALL: Self = Self::ZERO
        .with(Self::InnerCache)
        .with(Self::Shareability)
        .with(Self::OuterCache);

    /// `register` with its fields as we have them.
    const fn sanitised_in(register: u64) -> u64 {
        let all = Self::from_raw(register);
        let shareability = sanitised_shareability(all.get(Self::Shareability));

        all.put(Self::Shareability, shareability)
            .put(Self::InnerCache, sanitised_inner(all.get(Self::InnerCache)))
            .put(Self::OuterCache, sanitised_outer(all.get(Self::OuterCache)))
            .into_raw()
    }
}

impl Propbaser {
    /// All interrupts of which there can be properties have numbers less than this.
    pub(crate) const fn intids(self) -> u32 {
        // CAST: Five bits.
        match (self.get(Self::IDbits) as u32).wrapping_add(1) {
            bits @ ..MAX_ID_BITS => 1_u32.wrapping_shl(bits),
            _ => 1 << MAX_ID_BITS,
        }
    }

    /// Where the byte of an LPI is, which says how it is configured.
    pub(crate) const fn byte_of(self, lpi: Intid) -> Gpa {
        // CAST: widening.
        Gpa(self.into_raw() & Self::PhysicalAddress.mask())
            .plus(lpi.0.wrapping_sub(Intid::FIRST_LPI) as u64)
    }

    /// That of a new GIC with an ITS.
    pub(crate) const INITIAL: Self = Self::from_raw(TableMemory::INITIAL.into_raw());

    const ALL: Self = Self::from_raw(TableMemory::ALL.into_raw())
        .with(Self::IDbits)
        .with(Self::PhysicalAddress);

    /// As it is after a write of some of its bytes.
    pub(crate) const fn written(self, lanes: Lanes, value: u64) -> Self {
        Self::from_raw(TableMemory::sanitised_in(lanes.put(self.into_raw(), value))).and(Self::ALL)
    }
}

impl Pendbaser {
    /// That of a new vCPU.
    pub(crate) const INITIAL: Self = Self::from_raw(TableMemory::INITIAL.into_raw());

    const ALL: Self = Self::from_raw(TableMemory::ALL.into_raw())
        .with(Self::PhysicalAddress)
        .with(Self::PTZ);

    /// As it is after a write of some of its bytes.
    pub(crate) const fn written(self, lanes: Lanes, value: u64) -> Self {
        Self::from_raw(TableMemory::sanitised_in(lanes.put(self.into_raw(), value))).and(Self::ALL)
    }

    /// Where the byte is that has the bit of an LPI.
    pub(crate) const fn byte_of(self, lpi: Intid) -> Gpa {
        // CAST: widening.
        Gpa(self.into_raw() & Self::PhysicalAddress.mask()).plus((lpi.0 / 8) as u64)
    }

    /// The bit of an LPI, in its byte.
    pub(crate) const fn bit_of(lpi: Intid) -> u8 {
        1_u8.wrapping_shl(lpi.0 % 8)
    }

    /// What is read: that it is zero can only be written.
    pub(crate) const fn shown(self) -> u64 {
        self.without(Self::PTZ).into_raw()
    }
}
