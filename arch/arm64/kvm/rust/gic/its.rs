// SPDX-License-Identifier: GPL-2.0

//! What guests name to an ITS: devices, their events, collections of interrupts, and places in
//! memory.
//!
//! The numbers are as a guest, or a VMM, has written them. What compares them, or looks them up,
//! may have any; what counts with them has to have the checked ones.
//!
//! Source: GIC Architecture Specification (IHI 0069), "The ITS".
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: VITS_TYPER_IDBITS, VITS_MAX_EVENTID,
//!     VITS_TYPER_DEVBITS, VITS_MAX_DEVID
#![forbid(unsafe_code)]

/// How many bits the number of a device, of an event, of a collection can have that we map.
pub(crate) const ID_BITS: u32 = 16;

/// A device, as a command or a message names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DeviceId(pub(crate) u32);

impl DeviceId {
    /// The number, if it is one that can be mapped.
    #[inline(always)]
    pub(crate) const fn checked(self) -> Option<u16> {
        checked(self.0)
    }
}

/// An event of a device, likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventId(pub(crate) u32);

impl EventId {
    /// The number, if there can be a translation of it.
    #[inline(always)]
    pub(crate) const fn checked(self) -> Option<u16> {
        checked(self.0)
    }
}

#[inline(always)]
const fn checked(id: u32) -> Option<u16> {
    if id >> ID_BITS == 0 {
        // CAST: Just checked.
        Some(id as u16)
    } else {
        None
    }
}

/// A collection of interrupts, which all go to one vCPU. Any number can be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Icid(pub(crate) u16);

/// A redistributor, by the number that `GICR_TYPER` has of it: the vCPU's id, not its index. There
/// need be none of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RdBase(pub(crate) u32);

/// An address in the guest's memory. There need be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gpa(pub(crate) u64);

impl Gpa {
    /// So many bytes further on; past the end of all addresses it goes on at zero.
    #[inline(always)]
    #[must_use]
    pub(crate) const fn plus(self, bytes: u64) -> Self {
        Self(self.0.wrapping_add(bytes))
    }
}

/// How many bits the number of an event of a device has.
///
/// # Invariants
///
/// 1 to [`ID_BITS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventBits(u8);

impl EventBits {
    /// From a field that holds one less, as all do. None if it is more than we have.
    #[inline(always)]
    pub(crate) const fn of_field(field: u64) -> Option<Self> {
        // CAST: widening.
        if field < ID_BITS as u64 {
            // INVARIANT: Just checked. CAST: So it fits.
            Some(Self((field as u8).wrapping_add(1)))
        } else {
            None
        }
    }

    /// The field.
    #[inline(always)]
    pub(crate) const fn field(self) -> u64 {
        // CAST: widening.
        self.0.wrapping_sub(1) as u64
    }

    /// How many events there are.
    #[inline(always)]
    pub(crate) const fn events(self) -> u32 {
        // CAST: widening.
        1_u32.wrapping_shl(self.0 as u32)
    }
}
