// SPDX-License-Identifier: GPL-2.0

//! A vCPU's FP/SIMD and SVE registers.
//!
//! C headers: [`arch/arm64/include/asm/fpsimd.h`](srctree/arch/arm64/include/asm/fpsimd.h),
//! [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: __hyp_sve_restore_guest;
//!     arch/arm64/include/asm/kvm_host.h: vcpu_sve_max_vq

use super::super::prelude::*;
use crate::{
    arm64::prelude::*,
    bindings, //
};

impl OwnVcpu<'_> {
    /// Whether it has SVE.
    #[inline(always)]
    pub(crate) fn has_sve(self) -> bool {
        // SAFETY: Valid by the type invariant, here and below.
        unsafe { bindings::vcpu_has_sve(self.as_ptr()) }
    }

    /// Whether it has `FPMR`.
    #[inline(always)]
    pub(crate) fn has_fpmr(self) -> bool {
        // SAFETY: See above.
        unsafe { bindings::vcpu_has_fpmr(self.as_ptr()) }
    }

    /// The longest vectors that it has. Its SVE state in memory is laid out for them.
    #[inline(always)]
    pub(crate) fn max_vector_length(self) -> VectorLength {
        // SAFETY: See above; constant once SVE is set up, before the vCPU first runs.
        VectorLength::from_bytes(unsafe { (*self.as_ptr()).arch.sve_max_vl })
    }

    /// Whether the guest hypervisor wants the traps of its guest's FP and Advanced SIMD.
    #[inline(always)]
    pub(crate) fn guest_hypervisor_traps_fp(self) -> bool {
        // SAFETY: See above.
        unsafe { bindings::guest_hyp_fpsimd_traps_enabled(self.as_ptr()) }
    }

    /// Whether the guest hypervisor wants the traps of its guest's SVE.
    #[inline(always)]
    pub(crate) fn guest_hypervisor_traps_sve(self) -> bool {
        // SAFETY: See above.
        unsafe { bindings::guest_hyp_sve_traps_enabled(self.as_ptr()) }
    }
}

impl RunningVcpu<'_> {
    /// Loads V registers and status. What they held is gone: it must have been saved.
    #[inline(always)]
    pub(crate) fn load_fp_registers(self) {
        // SAFETY: See above. FP does not trap, the caller says; if it did, that would be an oops.
        unsafe { bindings::vcpu_load_fpsimd(self.as_ptr()) };
    }

    /// Loads Z, P and FFR registers and status, with the longest vectors, which are in force then.
    /// What the registers held is gone: it must have been saved.
    #[inline(always)]
    pub(crate) fn load_sve_registers(self) {
        self.max_vector_length().limit_el1(self.masked());
        // SAFETY: See above. The state is as long as the vectors, whose length was just set; the
        // CPU has them, or the vCPU would not have got them.
        unsafe { bindings::vcpu_load_sve(self.as_ptr()) };
    }
}
