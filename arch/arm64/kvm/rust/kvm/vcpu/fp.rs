// SPDX-License-Identifier: GPL-2.0

//! A vCPU's FP/SIMD and SVE registers.
//!
//! C headers: [`arch/arm64/include/asm/fpsimd.h`](srctree/arch/arm64/include/asm/fpsimd.h),
//! [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: __hyp_sve_restore_guest;
//!     arch/arm64/include/asm/kvm_host.h: vcpu_sve_max_vq

use super::*;

impl OwnVcpu<'_> {
    // SAFETY: Valid by the type invariant; they look at it.
    calls! { unsafe
        /// Whether it has `FPMR`.
        pub(crate) fn has_fpmr() -> bool = bindings::vcpu_has_fpmr;
        /// Whether the guest hypervisor wants the traps of its guest's FP and Advanced SIMD.
        pub(crate) fn guest_hypervisor_traps_fp() -> bool
            = bindings::guest_hyp_fpsimd_traps_enabled;
        /// Whether the guest hypervisor wants the traps of its guest's SVE.
        pub(crate) fn guest_hypervisor_traps_sve() -> bool = bindings::guest_hyp_sve_traps_enabled;
    }

    // SAFETY: Valid by the type invariant; constant once SVE is set up, before the vCPU first runs.
    fields! { unsafe
        sve_max_vl: u32 = arch.sve_max_vl;
    }

    /// Whether it has SVE.
    #[inline(always)]
    pub(crate) fn has_sve(self) -> bool {
        cpucaps::has_sve() && self.vm().flag(bindings::KVM_ARCH_FLAG_GUEST_HAS_SVE)
    }

    /// The longest vectors that it has. Its SVE state in memory is laid out for them.
    #[inline(always)]
    pub(crate) fn max_vector_length(self) -> VectorLength {
        VectorLength::from_bytes(self.sve_max_vl())
    }
}

impl RunningVcpu<'_> {
    // SAFETY: Valid by the type invariant. FP and SVE do not trap, the caller says; if they did,
    // that would be an oops.
    calls! { unsafe
        /// Loads V registers and status. What they held is gone: it must have been saved.
        pub(crate) fn load_fp_registers() = bindings::vcpu_load_fpsimd;
        fn load_sve_state() = bindings::vcpu_load_sve;
    }

    /// Loads Z, P and FFR registers and status, with the longest vectors, which are in force then.
    /// What the registers held is gone: it must have been saved.
    #[inline(always)]
    pub(crate) fn load_sve_registers(self) {
        // The state is as long as the vectors. The CPU has them, or the vCPU would not have got them.
        self.max_vector_length().limit(self.masked());
        self.load_sve_state();
    }
}
