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
        SystemRegister,
        ZCR_EL2, //
    },
    values::Zcr, //
};

/// The length of SVE vectors, as a `ZCR` has it: in units of 16 bytes, less one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VectorLength(u64);

impl VectorLength {
    /// A length in bytes, a multiple of 16.
    #[inline(always)]
    pub(crate) const fn from_bytes(bytes: u32) -> Self {
        // CAST: widening.
        Self::from_zcr(Zcr::ZERO.put(Zcr::LEN, (bytes as u64 >> 4).wrapping_sub(1)))
    }

    /// What a `ZCR` asks for.
    #[inline(always)]
    pub(crate) const fn from_zcr(zcr: Zcr) -> Self {
        Self(zcr.get(Zcr::LEN))
    }

    /// Lets EL2 and lower levels have vectors up to this long. No barrier is needed: the CPU sees
    /// its own write of the length in program order.
    #[inline(always)]
    pub(crate) fn limit(self, _masked: Masked<'_>) {
        let old = ZCR_EL2::read();
        let new = old.put(Zcr::LEN, self.0);

        if new != old {
            // SAFETY: The kernel's own vectors are in use with interrupts on, or by its caller,
            // who saved them; code that uses them sets the length it needs first.
            unsafe { ZCR_EL2::write(new) };
        }
    }

    /// The same without a look at the register, for when it is not known to hold anything.
    #[inline(always)]
    pub(crate) fn set_limit(self, _masked: Masked<'_>) {
        // SAFETY: As for `limit()`.
        unsafe { ZCR_EL2::write(Zcr::ZERO.put(Zcr::LEN, self.0)) };
    }
}
