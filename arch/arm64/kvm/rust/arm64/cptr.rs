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
    evidence::Masked, //
};

/// A value of the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cptr(u64);

/// A field of two bits that lets instructions through.
#[derive(Clone, Copy)]
pub(crate) struct Enable {
    shift: u32,
}

impl Enable {
    /// SVE.
    pub(crate) const ZEN: Self = Self { shift: 16 };
    /// FP and Advanced SIMD.
    pub(crate) const FPEN: Self = Self { shift: 20 };
    /// SME.
    pub(crate) const SMEN: Self = Self { shift: 24 };

    const fn mask(self) -> u64 {
        0b11 << self.shift
    }
}

impl Cptr {
    /// EL0 may use `POR_EL0` (FEAT_S1POE).
    pub(crate) const E0POE: Self = Self(1 << 29);
    /// Trap accesses to `CPACR_EL1`.
    pub(crate) const TCPAC: Self = Self(1 << 31);

    /// What no guest gets at: trace registers and activity monitors.
    pub(crate) const GUEST: Self = Self(1 << 28 | 1 << 30);

    /// What lets through all that the host has.
    #[inline(always)]
    pub(crate) fn host() -> Self {
        let mut value = Self(0).with(Enable::FPEN);

        if cpucaps::has_sve() {
            value = value.with(Enable::ZEN);
        }
        if cpucaps::has_sme() {
            value = value.with(Enable::SMEN);
        }
        if cpucaps::has_s1poe() {
            value = value.or(Self::E0POE);
        }
        value
    }

    #[inline(always)]
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// For tests.
    #[cfg(CONFIG_KVM_ARM64_RUST_KUNIT_TEST)]
    pub(crate) const fn into_raw(self) -> u64 {
        self.0
    }

    /// Lets instructions through, of all levels.
    #[inline(always)]
    pub(crate) const fn with(self, enable: Enable) -> Self {
        Self(self.0 | enable.mask())
    }

    /// Traps instructions, of all levels.
    #[inline(always)]
    pub(crate) const fn without(self, enable: Enable) -> Self {
        Self(self.0 & !enable.mask())
    }

    /// Whether a guest, for which TGE is 0, is let through: then only the low bit counts.
    #[inline(always)]
    pub(crate) const fn lets_guest_through(self, enable: Enable) -> bool {
        self.0 & (1 << enable.shift) != 0
    }

    #[inline(always)]
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline(always)]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Writes the register. It is in force after the next context synchronization.
    ///
    /// Traps that the host does not expect are the worst that a value can do, and with exceptions
    /// masked only code that is written for them runs.
    #[inline(always)]
    pub(crate) fn write(self, _masked: Masked<'_>) {
        write_sysreg!("S3_0_C1_C0_2", self.0)
    }
}
