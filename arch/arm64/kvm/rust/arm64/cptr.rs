// SPDX-License-Identifier: GPL-2.0

//! `CPTR_EL2` on a VHE host: traps of FP, SVE, SME, trace and activity monitors.
//!
//! With `HCR_EL2.E2H` set it has the layout of `CPACR_EL1` and goes by that name at EL2. It is in
//! force for the host too.
//!
//! Source: Arm ARM, "CPTR_EL2, Architectural Feature Trap Register (EL2)", the format for E2H = 1.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: __activate_cptr_traps_vhe,
//!     __deactivate_cptr_traps_vhe

use super::{
    cpucaps,
    evidence::Masked,
    fields::Field,
    registers::{
        SystemRegister,
        CPTR_EL2, //
    }, //
};

pub(crate) use super::values::Cptr;

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
