// SPDX-License-Identifier: GPL-2.0

//! The exception that brought the CPU to EL2, and the return from it.
//!
//! Named as EL1's where `HCR_EL2.E2H` redirects those: that is the cheaper name for a kernel that
//! runs at a virtual EL2 itself.

use super::SystemRegister;
use crate::arm64::{
    esr::Esr,
    evidence::Masked,
    pstate::Pstate, //
};

system_registers! {
    /// `ESR_EL2`: what happened.
    EsrEl2 = "S3_0_C5_C2_0",
    /// `FAR_EL2`: at which virtual address.
    FarEl2 = "S3_0_C6_C0_0",
    /// `HPFAR_EL2`: at which intermediate physical address.
    HpfarEl2 = "S3_4_C6_C0_4",
    /// `AFSR1_EL2`: whatever the implementation says of it.
    Afsr1El2 = "S3_4_C5_C1_1",
    /// `ELR_EL2`: where it happened.
    ElrEl2 = "S3_0_C4_C0_1",
    /// `SPSR_EL2`: in which state.
    SpsrEl2 = "S3_0_C4_C0_0",
}

impl EsrEl2 {
    /// The syndrome of the last exception to EL2.
    #[inline(always)]
    pub(crate) fn syndrome() -> Esr {
        Esr::from_raw(Self::read())
    }
}

impl ElrEl2 {
    /// Sets where an exception return goes.
    #[inline(always)]
    pub(crate) fn set(address: u64, _masked: Masked<'_>) {
        // SAFETY: The host does not depend on the value while exceptions are masked; the return
        // to a guest by it is the matter of whoever makes that.
        unsafe { Self::write(address) };
    }
}

impl SpsrEl2 {
    /// The state that the last exception to EL2 was taken from.
    #[inline(always)]
    pub(crate) fn pstate() -> Pstate {
        Pstate::from_raw(Self::read())
    }

    /// Sets the state in which an exception return goes on.
    #[inline(always)]
    pub(crate) fn set(pstate: Pstate, _masked: Masked<'_>) {
        // SAFETY: As for `ElrEl2::set()`.
        unsafe { Self::write(pstate.into_raw()) };
    }
}
