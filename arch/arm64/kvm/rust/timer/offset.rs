// SPDX-License-Identifier: GPL-2.0

//! The offsets of a VM's two counters, in KVM's terms and in those of the offset attributes.
//!
//! KVM, like the hardware, counts both from the host's physical count ([`Offset`]):
//!
//! ```text
//! guest's physical count = host's physical count - physical offset
//! guest's virtual count  = host's physical count - virtual offset
//! ```
//!
//! `CNTPOFF_EL2` does not enter into the virtual count: `CNTVOFF_EL2` is applied to what the host
//! reads (Arm ARM, "The virtual counter").
//!
//! The attributes count the virtual one from the guest's physical count ([`VirtualLag`]), as a
//! hypervisor's `CNTVOFF_EL2` does for its guest:
//!
//! ```text
//! guest's virtual count  = guest's physical count - virtual lag
//! ```
//!
//! so that setting one of the two attributes leaves the other as it is, and their order does not
//! matter. With a physical offset of zero the two terms are the same.
//!
//! Mirrors: nothing, C counts both offsets from the host's count
#![forbid(unsafe_code)]

use super::counter::Offset;

/// How far a guest's virtual count is behind its own physical count, in ticks, modulo 2^64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VirtualLag(Offset);

impl VirtualLag {
    /// Wraps a lag that user space gives.
    pub(crate) const fn new(ticks: u64) -> Self {
        Self(Offset::new(ticks))
    }

    /// The raw lag.
    pub(crate) const fn get(self) -> u64 {
        self.0.get()
    }
}

/// Both offsets of a VM, in KVM's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VmOffsets {
    virt: Offset,
    phys: Offset,
}

impl VmOffsets {
    /// From the two offsets that KVM keeps.
    pub(crate) const fn new(virt: Offset, phys: Offset) -> Self {
        Self { virt, phys }
    }

    /// The offset of the virtual counter, for `CNTVOFF_EL2`.
    pub(crate) const fn virt(self) -> Offset {
        self.virt
    }

    /// The offset of the physical counter, for `CNTPOFF_EL2`.
    pub(crate) const fn phys(self) -> Offset {
        self.phys
    }

    /// How far the virtual count is behind the guest's physical one.
    pub(crate) const fn lag(self) -> VirtualLag {
        VirtualLag(self.virt.beyond(self.phys))
    }

    /// With another lag; the physical counter stays as it is.
    pub(crate) const fn with_lag(self, lag: VirtualLag) -> Self {
        Self::new(self.phys.and(lag.0), self.phys)
    }

    /// With another physical offset; both counters move by the same, and the lag stays.
    pub(crate) const fn with_phys(self, phys: Offset) -> Self {
        Self::new(phys.and(self.lag().0), phys)
    }
}
