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

/// A value of the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hcr(u64);

impl Hcr {
    /// Physical FIQs come to EL2.
    pub(crate) const FMO: Self = Self::bit(3);
    /// Physical IRQs come to EL2.
    pub(crate) const IMO: Self = Self::bit(4);
    /// SErrors come to EL2.
    pub(crate) const AMO: Self = Self::bit(5);
    /// A virtual SError is pending.
    pub(crate) const VSE: Self = Self::bit(8);
    /// Trap WFE.
    pub(crate) const TWE: Self = Self::bit(14);
    /// Trap TLB maintenance.
    pub(crate) const TTLB: Self = Self::bit(25);
    /// Trap writes of the registers that control translation.
    pub(crate) const TVM: Self = Self::bit(26);
    /// Exceptions of EL0 go to EL2: EL0 is the host's user space.
    pub(crate) const TGE: Self = Self::bit(27);
    /// EL1 is AArch64.
    pub(crate) const RW: Self = Self::bit(31);
    /// The host is at EL2.
    pub(crate) const E2H: Self = Self::bit(34);
    /// Do not trap the registers of PAuth keys.
    pub(crate) const APK: Self = Self::bit(40);
    /// Do not trap PAuth instructions.
    pub(crate) const API: Self = Self::bit(41);
    /// Nested virtualization.
    pub(crate) const NV: Self = Self::bit(42);
    /// A guest hypervisor that is no VHE host runs.
    pub(crate) const NV1: Self = Self::bit(43);
    /// Trap address translation instructions.
    pub(crate) const AT: Self = Self::bit(44);
    /// Registers of virtual EL2 are in memory.
    pub(crate) const NV2: Self = Self::bit(45);
    /// Fault injection of FEAT_RAS.
    pub(crate) const FIEN: Self = Self::bit(47);
    /// How long a WFE waits before it traps, and whether it does.
    pub(crate) const TWED: Self = Self(0x1f << 59);

    /// While the host runs: it is at EL2 and gets all physical interrupts.
    pub(crate) const VHE_HOST: Self = Self::RW
        .or(Self::TGE)
        .or(Self::E2H)
        .or(Self::AMO)
        .or(Self::IMO)
        .or(Self::FMO);

    const fn bit(n: u32) -> Self {
        Self(1 << n)
    }

    #[inline(always)]
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    #[inline(always)]
    pub(crate) const fn into_raw(self) -> u64 {
        self.0
    }

    /// All that is set in either.
    #[inline(always)]
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All that is set in both.
    #[inline(always)]
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// All that is not set.
    #[inline(always)]
    pub(crate) const fn not(self) -> Self {
        Self(!self.0)
    }

    /// Whether any of `bits` is set.
    #[inline(always)]
    pub(crate) const fn has(self, bits: Self) -> bool {
        self.0 & bits.0 != 0
    }

    /// The register as it is. `VSE` is the one bit that the CPU changes by itself.
    #[inline(always)]
    pub(crate) fn read() -> Self {
        Self(read_sysreg!("hcr_el2"))
    }

    /// Writes the register.
    ///
    /// # Safety
    ///
    /// The value must have E2H set. Without TGE, EL1, EL0 and stage 2 must be set up for a guest,
    /// and nothing may access user memory until the host's value is back.
    #[inline(always)]
    pub(crate) unsafe fn write(self, _masked: Masked<'_>) {
        if cpucaps::has_ampere_hcr_erratum() {
            // SAFETY: As below; the CPU wants no memory access in flight (AC04_CPU_23).
            unsafe {
                core::arch::asm!(
                    "dsb nsh",
                    "msr hcr_el2, {}",
                    "isb",
                    in(reg) self.0,
                    options(nostack, preserves_flags)
                );
            }
        } else {
            // SAFETY: By the safety requirements. No `nomem`: user memory is not accessible
            // between the guest's value and the host's, so accesses must stay on their side.
            unsafe {
                core::arch::asm!(
                    "msr hcr_el2, {}",
                    in(reg) self.0,
                    options(nostack, preserves_flags)
                );
            }
        }
    }
}
