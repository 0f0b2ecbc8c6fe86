// SPDX-License-Identifier: GPL-2.0

//! `HCR_EL2`: what a guest may do, and whether one runs.
//!
//! Source: Arm ARM, "HCR_EL2, Hypervisor Configuration Register".
//!
//! Mirrors: arch/arm64/include/asm/kvm_arm.h: HCR_HOST_VHE_FLAGS

use super::{
    cpucaps,
    evidence::Masked, //
};

pub(crate) use super::values::Hcr;

impl Hcr {
    /// The value that a VHE host runs with.
    pub(crate) const VHE_HOST: Self = Self::ZERO
        .with(Self::RW)
        .with(Self::TGE)
        .with(Self::E2H)
        .with(Self::AMO)
        .with(Self::IMO)
        .with(Self::FMO);
}

/// A value that a VHE host may run a guest with: it keeps the host where it is, at EL2, and takes
/// EL0 from it.
#[derive(Clone, Copy)]
pub(crate) struct GuestHcr(Hcr);

impl GuestHcr {
    /// Whatever a guest is to have, but for what makes it one.
    #[inline(always)]
    pub(crate) const fn new(hcr: Hcr) -> Self {
        // INVARIANT: E2H is set, TGE clear.
        Self(hcr.with(Hcr::E2H).without(Hcr::TGE))
    }

    /// All of it.
    #[inline(always)]
    pub(crate) const fn value(self) -> Hcr {
        self.0
    }

    /// Gives the CPU's EL1 and EL0 to the guest.
    ///
    /// # Safety
    ///
    /// EL1, EL0 and stage 2 must be set up for a guest, and nothing may access user memory until
    /// the host's value is back.
    #[inline(always)]
    pub(crate) unsafe fn write(self, masked: Masked<'_>) {
        // SAFETY: By the type, the host stays at EL2; the rest is required of the caller.
        unsafe { write(self.0, masked) };
    }
}

/// Gives EL0 back to the host.
#[inline(always)]
pub(crate) fn write_host_hcr(masked: Masked<'_>) {
    // SAFETY: The value that the host runs with.
    unsafe { write(Hcr::VHE_HOST, masked) };
}

/// # Safety
///
/// See [`GuestHcr::write`], unless the value is the host's.
#[inline(always)]
unsafe fn write(hcr: Hcr, _masked: Masked<'_>) {
    // No `nomem`: user memory is not accessible between the guest's value and the host's, so
    // accesses must stay on their side.
    if cpucaps::has_ampere_hcr_erratum() {
        // SAFETY: By the safety requirements. The CPU wants no memory access in flight
        // (AC04_CPU_23).
        unsafe {
            core::arch::asm!(
                "dsb nsh",
                "msr hcr_el2, {}",
                "isb",
                in(reg) hcr.into_raw(),
                options(nostack, preserves_flags)
            );
        }
    } else {
        // SAFETY: By the safety requirements.
        unsafe {
            core::arch::asm!(
                "msr hcr_el2, {}",
                in(reg) hcr.into_raw(),
                options(nostack, preserves_flags)
            );
        }
    }
}
