// SPDX-License-Identifier: GPL-2.0

//! FP/SIMD and SVE registers other than the vectors.
//!
//! Source: Arm ARM, "The Scalable Vector Extension" and the registers' own pages.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: __hyp_sve_restore_guest;
//!     arch/arm64/include/asm/fpsimd.h: sve_cond_update_zcr_vq

use super::{
    evidence::Masked,
    registers::{
        SystemRegister, //
    }, //
};

guest_registers! {
    /// `FPEXC`, of AArch32.
    Fpexc32El2 = "S3_4_C5_C3_0",
    /// `FPMR` (FEAT_FPMR). The host's kernel does not use what it governs.
    Fpmr = "S3_3_C4_C4_2",
}

system_registers! {
    /// `ZCR_EL2`: how long vectors may be, at EL2 and below.
    ZcrEl2 = "S3_0_C1_C2_0",
}

/// The length of SVE vectors, as a `ZCR` has it: in units of 16 bytes, less one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VectorLength(u64);

impl VectorLength {
    const LEN: u64 = 0xf;

    /// A length in bytes, a multiple of 16.
    #[inline(always)]
    pub(crate) const fn from_bytes(bytes: u32) -> Self {
        // CAST: widening.
        Self((bytes as u64 >> 4).wrapping_sub(1) & Self::LEN)
    }

    /// What a `ZCR` asks for.
    #[inline(always)]
    pub(crate) const fn from_zcr(zcr: u64) -> Self {
        Self(zcr & Self::LEN)
    }

    /// Lets EL2 and lower levels have vectors up to this long. No barrier is needed: the CPU sees
    /// its own write of the length in program order.
    #[inline(always)]
    pub(crate) fn limit_el1(self, _masked: Masked<'_>) {
        let old = ZcrEl2::read();
        let new = old & !Self::LEN | self.0;

        if new != old {
            // SAFETY: The kernel's own vectors are in use with interrupts on, or by its caller,
            // who saved them; code that uses them sets the length it needs first.
            unsafe { ZcrEl2::write(new) };
        }
    }

    /// The same without a look at the register, for when it is not known to hold anything.
    #[inline(always)]
    pub(crate) fn set_limit(self, _masked: Masked<'_>) {
        // SAFETY: See above.
        unsafe { ZcrEl2::write(self.0) };
    }
}
