// SPDX-License-Identifier: GPL-2.0

//! The tables of an ITS in the guest's memory: where they are, and what their entries are when they
//! have been saved.
//!
//! A guest gives an ITS memory for tables of devices, of collections and of each device's events,
//! and says nothing of what is in them. What we put there, when a VM is saved, is an ABI between
//! kernels, revision 0. All entries are 64 bits. Those of devices and events also tell how far it is
//! to the next one, so that a large table with little in it is read fast.
//!
//! Source: Documentation/virt/kvm/devices/arm-vgic-its.rst, "ITS Table ABI REV0"; GIC Architecture
//! Specification (IHI 0069), `GITS_BASER<n>`.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: vgic_its_check_id, vgic_its_check_event_id,
//!     vgic_sanitise_its_baser, vgic_mmio_write_its_baser, INITIAL_BASER_VALUE,
//!     GITS_BASER_RO_MASK, vgic_its_commit_v0, ABI_0_ESZ, ESZ_MAX, VITS_DTE_MAX_DEVID_OFFSET,
//!     VITS_ITE_MAX_EVENTID_OFFSET, compute_next_devid_offset, compute_next_eventid_offset,
//!     scan_its_table, entry_fn_t, vgic_its_restore_dte, vgic_its_restore_ite,
//!     vgic_its_restore_cte, vgic_its_save_dte, vgic_its_save_ite, vgic_its_save_cte, handle_l1_dte;
//!     arch/arm64/kvm/vgic/vgic.h: KVM_ITS_CTE_VALID_SHIFT, KVM_ITS_CTE_VALID_MASK,
//!     KVM_ITS_CTE_RDBASE_SHIFT, KVM_ITS_CTE_ICID_MASK, KVM_ITS_ITE_NEXT_SHIFT,
//!     KVM_ITS_ITE_PINTID_SHIFT, KVM_ITS_ITE_PINTID_MASK, KVM_ITS_ITE_ICID_MASK,
//!     KVM_ITS_DTE_VALID_SHIFT, KVM_ITS_DTE_VALID_MASK, KVM_ITS_DTE_NEXT_SHIFT,
//!     KVM_ITS_DTE_NEXT_MASK, KVM_ITS_DTE_ITTADDR_SHIFT, KVM_ITS_DTE_ITTADDR_MASK,
//!     KVM_ITS_DTE_SIZE_MASK, KVM_ITS_L1E_VALID_MASK, KVM_ITS_L1E_ADDR_MASK, COLLECTION_NOT_MAPPED
#![forbid(unsafe_code)]

use super::{
    frame::Lanes,
    its::{
        DeviceId,
        EventBits,
        EventId,
        Gpa,
        Icid,
        RdBase,
        ID_BITS, //
    },
    list_register::Intid,
    redistributor::{
        sanitised_inner,
        sanitised_outer,
        sanitised_shareability,
        INNER_SHAREABLE,
        READ_ALLOCATE_WRITE_BACK, //
    },
    refusal::Refusal, //
};
use crate::arm64::fields::register_values;

/// How many bytes an entry of any table has.
pub(crate) const ENTRY_BYTES: u32 = 8;

/// The size of the pages that tables are made of, the only one that we have.
const PAGE_BYTES: u32 = 0x1_0000;

/// How many entries are in a page.
const PER_PAGE: u32 = PAGE_BYTES / ENTRY_BYTES;

/// Where entry number `index` of a table is.
const fn place(base: Gpa, index: u32) -> Gpa {
    // CAST: widening.
    base.plus((index as u64).wrapping_mul(ENTRY_BYTES as u64))
}

/// What a table is of: each has a `GITS_BASER<n>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableKind {
    /// Devices: `GITS_BASER0`.
    Devices,
    /// Collections: `GITS_BASER1`.
    Collections,
}

impl TableKind {
    /// That of `GITS_BASER<index>`; none of those that always read as zero.
    pub(crate) const fn of_index(index: u32) -> Option<Self> {
        match index {
            0 => Some(Self::Devices),
            1 => Some(Self::Collections),
            _ => None,
        }
    }

    /// `Type` of its register.
    const fn number(self) -> u64 {
        match self {
            Self::Devices => 1,
            Self::Collections => 4,
        }
    }
}

register_values! {
    /// `GITS_BASER<n>`.
    pub(crate) struct Baser {
        /// The number of pages, less one.
        Size = 7:0;
        /// Of what size.
        PageSize = 9:8;
        /// Shareability.
        Shareability = 11:10;
        /// Bits 51 to 48 of where it is.
        AddressHigh = 15:12;
        /// Bits 47 to 16 of where it is.
        Address = 47:16;
        /// The number of bytes of an entry, less one.
        EntrySize = 52:48;
        /// Outer cacheability.
        OuterCache = 55:53;
        /// What is in it.
        Type = 58:56;
        /// Inner cacheability.
        InnerCache = 61:59;
        /// What is there is a table of pages.
        Indirect = 62;
        /// There is one.
        Valid = 63;
    }

    /// An entry of a table of pages.
    struct Level1 {
        /// Where the page is.
        Address = 51:16;
        /// There is one.
        Valid = 63;
    }
}

/// `PageSize` of 64 KiB.
const PAGES_OF_64K: u64 = 2;

impl Baser {
    /// That of a new ITS.
    pub(crate) const fn initial(kind: TableKind) -> Self {
        Self::ZERO
            .put(Self::InnerCache, READ_ALLOCATE_WRITE_BACK)
            .put(Self::Shareability, INNER_SHAREABLE)
            .put(Self::PageSize, PAGES_OF_64K)
            .fixed(kind)
    }

    /// With what can't be written. CAST: widening.
    const fn fixed(self, kind: TableKind) -> Self {
        self.put(Self::Type, kind.number())
            .put(Self::EntrySize, ENTRY_BYTES as u64 - 1)
    }

    /// As it is after a write of some of its bytes. If it has changed, nothing is mapped any more.
    #[must_use]
    pub(crate) const fn written(self, kind: TableKind, lanes: Lanes, value: u64) -> Self {
        let new = Self::from_raw(lanes.put(self.into_raw(), value)).fixed(kind);
        let new = match kind {
            TableKind::Devices => new,
            TableKind::Collections => new.without(Self::Indirect),
        };

        new.put(
            Self::Shareability,
            sanitised_shareability(new.get(Self::Shareability)),
        )
        .put(Self::InnerCache, sanitised_inner(new.get(Self::InnerCache)))
        .put(Self::OuterCache, sanitised_outer(new.get(Self::OuterCache)))
        .put(Self::PageSize, PAGES_OF_64K)
    }

    /// As it is after a reset.
    #[must_use]
    pub(crate) const fn reset(self) -> Self {
        self.without(Self::Valid)
    }

    /// Whether there is a table.
    pub(crate) const fn is_valid(self) -> bool {
        self.has(Self::Valid)
    }

    /// Whether it is a table of pages.
    pub(crate) const fn is_indirect(self) -> bool {
        self.has(Self::Indirect)
    }

    /// Where it is.
    pub(crate) const fn address(self) -> Gpa {
        Gpa(self.into_raw() & Self::Address.mask() | self.get(Self::AddressHigh).wrapping_shl(48))
    }

    /// All that is there.
    pub(crate) const fn table(self) -> Table {
        // CAST: Eight bits.
        let pages = (self.get(Self::Size) as u32).wrapping_add(1);

        Table {
            base: self.address(),
            entries: pages.wrapping_mul(PER_PAGE),
            first: 0,
        }
    }

    /// Where the entry of something is. None if it has none, be it that there is no page for it.
    ///
    /// `level1` reads an entry of a table of pages; none if it can't. Whether there is memory at the
    /// result is for the caller to see. Nobody asks whether the table is valid: an ITS with an invalid
    /// one can't be enabled.
    pub(crate) fn place(self, id: u32, level1: impl FnOnce(Gpa) -> Option<u64>) -> Option<Gpa> {
        let table = self.table();

        if id >> ID_BITS != 0 {
            return None;
        }
        if !self.is_indirect() {
            return table.place(id);
        }
        Table::page(0, level1(table.place(id / PER_PAGE)?)?)?.place(id % PER_PAGE)
    }
}

/// A table, or a page of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Where it is.
    base: Gpa,
    /// How many entries it has.
    entries: u32,
    /// What the first one is of.
    first: u32,
}

/// How a table came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scanned {
    /// An entry said that it is the last.
    Last,
    /// None did: in a table of pages, go on with the next page.
    End,
}

/// How far it is from an entry to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Next(u32);

impl Next {
    /// There is none.
    pub(crate) const LAST: Self = Self(0);
    /// It may be the very next.
    pub(crate) const ONE: Self = Self(1);

    /// Most that an entry of a device can say, and one of an event.
    const MAX_DEVICES: u32 = (1 << 14) - 1;
    const MAX_EVENTS: u32 = (1 << 16) - 1;

    const fn between(from: u32, to: u32, max: u32) -> Self {
        let distance = to.wrapping_sub(from);

        Self(if distance < max { distance } else { max })
    }

    /// From a device to the next one that is saved, in the order of their numbers.
    pub(crate) const fn device(from: DeviceId, to: Option<DeviceId>) -> Self {
        match to {
            Some(to) => Self::between(from.0, to.0, Self::MAX_DEVICES),
            None => Self::LAST,
        }
    }

    /// From an event to the next one that is saved, likewise.
    pub(crate) const fn event(from: EventId, to: Option<EventId>) -> Self {
        match to {
            Some(to) => Self::between(from.0, to.0, Self::MAX_EVENTS),
            None => Self::LAST,
        }
    }

    /// In a table of pages: after a page that was scanned.
    pub(crate) const fn after(scanned: Scanned) -> Self {
        match scanned {
            Scanned::Last => Self::LAST,
            Scanned::End => Self::ONE,
        }
    }
}

impl Table {
    /// That of a device's events.
    pub(crate) const fn events(itt: Gpa, bits: EventBits) -> Self {
        Self {
            base: itt,
            entries: bits.events(),
            first: 0,
        }
    }

    /// The page that entry number `index` of a table of pages is of. None if there is no page.
    ///
    /// The number of an entry is beyond all that we map if it has more than 32 bits.
    pub(crate) const fn page(index: u32, entry: u64) -> Option<Self> {
        let entry = Level1::from_raw(entry);

        if !entry.has(Level1::Valid) {
            return None;
        }
        Some(Self {
            base: Gpa(entry.into_raw() & Level1::Address.mask()),
            entries: PER_PAGE,
            first: index.saturating_mul(PER_PAGE),
        })
    }

    /// Where an entry is, counted from the first one of this table. None if it has none.
    pub(crate) const fn place(self, index: u32) -> Option<Gpa> {
        if index < self.entries {
            Some(place(self.base, index))
        } else {
            None
        }
    }

    /// Goes through the table: `visit` is told what an entry is of, and where it is, and says how far
    /// it is to the next one. It is never sent out of the table.
    ///
    /// # Errors
    ///
    /// Those of `visit`, at once.
    pub(crate) fn scan<E>(
        self,
        mut visit: impl FnMut(u32, Gpa) -> Result<Next, E>,
    ) -> Result<Scanned, E> {
        let mut index = 0_u32;

        while let Some(place) = self.place(index) {
            let next = visit(self.first.saturating_add(index), place)?;

            if next == Next::LAST {
                return Ok(Scanned::Last);
            }
            index = index.saturating_add(next.0);
        }
        Ok(Scanned::End)
    }
}

register_values! {
    /// An entry of a device.
    struct DteBits {
        /// The number of bits of its events' numbers, less one.
        Size = 4:0;
        /// Bits 51 to 8 of where the table of its events is.
        ItteAddress = 48:5;
        /// How far it is to the next one.
        Next = 62:49;
        /// There is such a device.
        Valid = 63;
    }

    /// An entry of an event.
    struct IteBits {
        /// The collection.
        ICID = 15:0;
        /// The LPI, or 0 if the event is none.
        PINTID = 47:16;
        /// How far it is to the next one.
        Next = 63:48;
    }

    /// An entry of a collection.
    struct CteBits {
        /// The collection.
        ICID = 15:0;
        /// Its redistributor.
        RDbase = 47:16;
        /// There is such a collection.
        Valid = 63;
    }
}

/// What an entry is that there is nothing in, of any table.
pub(crate) const NO_ENTRY: u64 = 0;

/// A device's entry. What it is of is told by where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dte {
    /// Where the table of its events is: a multiple of 256.
    pub(crate) itt: Gpa,
    /// How many bits their numbers have.
    pub(crate) event_bits: EventBits,
    /// How far it is to the next one.
    pub(crate) next: Next,
}

impl Dte {
    /// None if there is nothing.
    ///
    /// # Errors
    ///
    /// `Invalid` if its events have numbers of more bits than we have.
    pub(crate) const fn parse(entry: u64) -> Result<Option<Self>, Refusal> {
        let entry = DteBits::from_raw(entry);

        if !entry.has(DteBits::Valid) {
            return Ok(None);
        }
        let Some(event_bits) = EventBits::of_field(entry.get(DteBits::Size)) else {
            return Err(Refusal::Invalid);
        };

        Ok(Some(Self {
            itt: Gpa(entry.get(DteBits::ItteAddress).wrapping_shl(8)),
            event_bits,
            // CAST: 14 bits.
            next: Next(entry.get(DteBits::Next) as u32),
        }))
    }

    /// As it is saved.
    pub(crate) const fn encode(self) -> u64 {
        // CAST: widening.
        DteBits::ZERO
            .with(DteBits::Valid)
            .put(DteBits::Next, self.next.0 as u64)
            .put(DteBits::ItteAddress, self.itt.0.wrapping_shr(8))
            .put(DteBits::Size, self.event_bits.field())
            .into_raw()
    }
}

/// An event's entry. What it is of is told by where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ite {
    /// The LPI. It may have a greater number than there are.
    pub(crate) lpi: Intid,
    /// Its collection.
    pub(crate) icid: Icid,
    /// How far it is to the next one.
    pub(crate) next: Next,
}

impl Ite {
    /// That of `event`, of a device whose events have so many bits. None if there is nothing.
    ///
    /// # Errors
    ///
    /// `Invalid` if it is no LPI, or if the next one were none of the device's.
    pub(crate) const fn parse(
        entry: u64,
        event: EventId,
        bits: EventBits,
    ) -> Result<Option<Self>, Refusal> {
        let entry = IteBits::from_raw(entry);
        // CAST: 32, 16 and 16 bits.
        let lpi = Intid(entry.get(IteBits::PINTID) as u32);
        let icid = Icid(entry.get(IteBits::ICID) as u16);
        let next = Next(entry.get(IteBits::Next) as u32);

        if lpi.0 == 0 {
            return Ok(None);
        }
        if !lpi.is_lpi() || event.0.saturating_add(next.0) >= bits.events() {
            return Err(Refusal::Invalid);
        }
        Ok(Some(Self { lpi, icid, next }))
    }

    /// As it is saved.
    pub(crate) const fn encode(self) -> u64 {
        // CAST: widening.
        IteBits::ZERO
            .put(IteBits::Next, self.next.0 as u64)
            .put(IteBits::PINTID, self.lpi.0 as u64)
            .put(IteBits::ICID, self.icid.0 as u64)
            .into_raw()
    }
}

/// A collection's entry. They are one after the other, in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cte {
    /// The collection.
    pub(crate) icid: Icid,
    /// Where its interrupts go, if anywhere.
    pub(crate) target: Option<RdBase>,
}

/// `RDbase` of a collection that goes nowhere.
const NOWHERE: u32 = u32::MAX;

impl Cte {
    /// None if there is nothing: then nothing comes after it.
    pub(crate) const fn parse(entry: u64) -> Option<Self> {
        let entry = CteBits::from_raw(entry);

        if !entry.has(CteBits::Valid) {
            return None;
        }
        // CAST: 16 and 32 bits.
        Some(Self {
            icid: Icid(entry.get(CteBits::ICID) as u16),
            target: match entry.get(CteBits::RDbase) as u32 {
                NOWHERE => None,
                target => Some(RdBase(target)),
            },
        })
    }

    /// As it is saved.
    pub(crate) const fn encode(self) -> u64 {
        let target = match self.target {
            Some(RdBase(target)) => target,
            None => NOWHERE,
        };

        // CAST: widening.
        CteBits::ZERO
            .with(CteBits::Valid)
            .put(CteBits::RDbase, target as u64)
            .put(CteBits::ICID, self.icid.0 as u64)
            .into_raw()
    }
}
