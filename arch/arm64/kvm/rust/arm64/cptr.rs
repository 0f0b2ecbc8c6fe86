// SPDX-License-Identifier: GPL-2.0

//! `CPTR_EL2`: traps of FP, SVE, SME, trace and activity monitors.
//!
//! With `HCR_EL2.E2H` set it has the layout of `CPACR_EL1` and goes by that name at EL2. It is in
//! force for the host too. With E2H clear it has another layout, in which what is set traps.
//!
//! Source: Arm ARM, "CPTR_EL2, Architectural Feature Trap Register (EL2)", the formats for E2H = 1
//! and 0.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: __activate_cptr_traps_vhe,
//!     __deactivate_cptr_traps_vhe, __activate_cptr_traps_nvhe, __deactivate_cptr_traps_nvhe

use super::{
    cpucaps,
    evidence::Masked,
    fields::Field,
    registers::{
        Row,
        SystemRegister,
        CPTR_EL2, //
    }, //
};

pub(crate) use super::values::{
    Cptr,
    CptrNvhe, //
};

impl Cptr {
    /// What no guest gets at: trace registers and activity monitors.
    pub(crate) const GUEST: Self = Self::ZERO.with(Self::TTA).with(Self::TAM);

    /// What lets through all that the host has.
    #[inline(always)]
    pub(crate) fn host() -> Self {
        let mut value = Self::ZERO.with(Self::FPEN);

        if cpucaps::has_sve() {
            value = value.with(Self::ZEN);
        }
        if cpucaps::has_sme() {
            value = value.with(Self::SMEN);
        }
        if cpucaps::has_s1poe() {
            value = value.with(Self::E0POE);
        }
        value
    }

    /// Whether a guest, for which TGE is 0, is let through: then only the low bit counts.
    #[inline(always)]
    pub(crate) const fn lets_guest_through(self, enable: Field<Self>) -> bool {
        self.into_raw() & enable.lowest() != 0
    }

    /// Writes the register. It is in force after the next context synchronization.
    #[inline(always)]
    pub(crate) fn write(self, _masked: Masked<'_>) {
        // SAFETY: Traps that the host does not expect are the worst that a value can do, and with
        // exceptions masked only code that is written for them runs.
        unsafe { CPTR_EL2::write(self) };
    }
}

impl CptrNvhe {
    const RES1: Self = Self::ZERO
        .put(Self::RES1_LOW, 0xff)
        .with(Self::RES1_9)
        .with(Self::RES1_13);

    /// What a guest that has FP or SVE registers is let at. SME traps; the bit is 1 without it, too.
    #[inline(always)]
    pub(crate) const fn guest(fp: bool, sve: bool) -> Self {
        let mut value = Self::RES1.with(Self::TAM).with(Self::TTA).with(Self::TSM);

        if !fp {
            value = value.with(Self::TFP);
        }
        if !sve {
            value = value.with(Self::TZ);
        }
        value
    }

    /// What lets through all that the host has.
    #[inline(always)]
    pub(crate) fn host() -> Self {
        let mut value = Self::RES1;

        if !cpucaps::has_sve() {
            value = value.with(Self::TZ);
        }
        if !cpucaps::has_sme() {
            value = value.with(Self::TSM);
        }
        value
    }

    /// Writes the register. It is in force after the next context synchronization.
    #[inline(always)]
    pub(crate) fn write(self, _masked: Masked<'_>) {
        // SAFETY: See `Cptr::write()`. By its own name, which with E2H clear is the only one.
        unsafe { write_sysreg!(CPTR_EL2::ENCODING, self.into_raw()) };
    }
}
