// SPDX-License-Identifier: GPL-2.0

//! `HCR_EL2`: what a guest may do, and whether one runs.
//!
//! Source: Arm ARM, "HCR_EL2, Hypervisor Configuration Register".
//!
//! Mirrors: arch/arm64/include/asm/kvm_arm.h: HCR_HOST_VHE_FLAGS

#[cfg(nvhe)]
use super::registers::{
    SystemRegister,
    HCR_EL2, //
};
use super::{
    cpucaps,
    evidence::Masked, //
};
use crate::side;

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

/// A value that a guest may run with: it keeps EL2's regime as it is, and takes EL0 from a host.
#[derive(Clone, Copy)]
pub(crate) struct GuestHcr(Hcr);

impl GuestHcr {
    /// Whatever a guest is to have, but for what makes it one.
    #[inline(always)]
    pub(crate) fn new(hcr: Hcr) -> Self {
        let hcr = hcr.without(Hcr::TGE);

        // INVARIANT: E2H stays as it is, TGE is clear.
        Self(if side::keeps_e2h() {
            hcr.with(Hcr::E2H)
        } else {
            hcr.without(Hcr::E2H)
        })
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

/// Gives EL0, and below a host EL1, back to the host.
#[inline(always)]
pub(crate) fn write_host_hcr(masked: Masked<'_>) {
    // SAFETY: The value that the host runs with.
    unsafe { write(side::host_hcr(masked), masked) };
}

/// Has SErrors, IRQs and FIQs of lower levels come to EL2, or not.
#[cfg(nvhe)]
pub(crate) fn route_interrupts_to_el2(routed: bool, masked: Masked<'_>) {
    let old = HCR_EL2::read();
    let routes = Hcr::ZERO.with(Hcr::AMO).with(Hcr::IMO).with(Hcr::FMO);

    // SAFETY: The host's value but for these bits, which concern nobody while exceptions are masked.
    unsafe {
        write(
            if routed {
                old.or(routes)
            } else {
                old.minus(routes)
            },
            masked,
        )
    };
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
