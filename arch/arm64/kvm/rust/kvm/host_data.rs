// SPDX-License-Identifier: GPL-2.0

//! What KVM keeps for each CPU of a VHE host.
//!
//! C header: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)
//!
//! Mirrors: arch/arm64/include/asm/kvm_host.h: host_data_ptr, host_data_test_flag,
//!     host_data_set_flag, host_data_clear_flag, guest_owns_fp_regs, host_owns_fp_regs

use super::prelude::*;
use crate::{
    arm64::prelude::*,
    bindings, //
};
use core::marker::PhantomData;

/// A reference to this CPU's `struct kvm_host_data`.
///
/// # Invariants
///
/// `ptr` points at the structure of the CPU that the caller stays on for `'cpu`. On a VHE host it
/// is written only by whoever has a vCPU loaded, or loads one, with preemption off: so nobody else
/// writes to it as long as that is the caller.
#[derive(Clone, Copy)]
pub(crate) struct HostData<'cpu> {
    ptr: *mut bindings::kvm_host_data,
    _cpu: PhantomData<&'cpu bindings::kvm_host_data>,
}

/// Something that is true of the CPU, or of the vCPU that is loaded on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum HostFlag {
    /// The vCPU was entered at virtual EL2, or as the user space of a VHE hypervisor.
    VcpuInHypContext = bindings::KVM_HOST_DATA_FLAG_VCPU_IN_HYP_CONTEXT,
    /// The page of a guest hypervisor's own guest, which EL1 registers are redirected to, is
    /// mapped.
    L1VncrMapped = bindings::KVM_HOST_DATA_FLAG_L1_VNCR_MAPPED,
}

/// Whose FP/SIMD, SVE and SME state the CPU's registers hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FpOwner {
    /// Nobody's: it is saved.
    Free,
    /// The host's, or user space's.
    Host,
    /// The guest's.
    Guest,
}

impl<'cpu> HostData<'cpu> {
    /// This CPU's.
    #[inline(always)]
    pub(crate) fn get(vhe: Vhe<'cpu>) -> Self {
        // INVARIANT: This CPU's instance of the per-CPU variable; the caller stays here.
        Self {
            ptr: this_cpu_ptr(&raw mut bindings::kvm_host_data, vhe),
            _cpu: PhantomData,
        }
    }

    /// The host's registers while a guest runs.
    #[inline(always)]
    pub(crate) fn context(self) -> CpuContext<'cpu> {
        // SAFETY: Valid by the type invariant, here and below.
        unsafe { CpuContext::from_raw(&raw mut (*self.ptr).host_ctxt) }
    }

    /// Of these, the system registers.
    #[inline(always)]
    pub(crate) fn sys_regs(self) -> SysRegs<'cpu> {
        self.context().own_sys_regs()
    }

    /// Whether a flag is set.
    #[inline(always)]
    pub(crate) fn flag(self, flag: HostFlag) -> bool {
        // SAFETY: See above.
        unsafe { (*self.ptr).flags & Self::bit(flag) != 0 }
    }

    /// Sets or clears a flag.
    #[inline(always)]
    pub(crate) fn set_flag(self, flag: HostFlag, value: bool) {
        // SAFETY: See above. C's accessors are atomic for the sake of nVHE hosts alone, where
        // drivers set flags too.
        unsafe {
            if value {
                (*self.ptr).flags |= Self::bit(flag);
            } else {
                (*self.ptr).flags &= !Self::bit(flag);
            }
        }
    }

    #[inline(always)]
    const fn bit(flag: HostFlag) -> usize {
        // CAST: A bit number below 8.
        1 << flag as u32
    }

    /// Whose FP state the registers hold.
    #[inline(always)]
    pub(crate) fn fp_owner(self) -> FpOwner {
        // SAFETY: See above.
        match unsafe { (*self.ptr).fp_owner } {
            bindings::kvm_host_data_FP_STATE_GUEST_OWNED => FpOwner::Guest,
            bindings::kvm_host_data_FP_STATE_HOST_OWNED => FpOwner::Host,
            _ => FpOwner::Free,
        }
    }

    /// Says whose FP state the registers hold.
    #[inline(always)]
    pub(crate) fn set_fp_owner(self, owner: FpOwner) {
        let owner = match owner {
            FpOwner::Free => bindings::kvm_host_data_FP_STATE_FREE,
            FpOwner::Host => bindings::kvm_host_data_FP_STATE_HOST_OWNED,
            FpOwner::Guest => bindings::kvm_host_data_FP_STATE_GUEST_OWNED,
        };

        // SAFETY: See above.
        unsafe { (*self.ptr).fp_owner = owner };
    }

    /// The number of the CPU's last breakpoint and of its last watchpoint.
    #[inline(always)]
    pub(crate) fn last_debug_regs(self) -> (u32, u32) {
        // SAFETY: See above; constant once the CPU is up.
        unsafe { ((*self.ptr).debug_brps, (*self.ptr).debug_wrps) }
    }

    /// The CPU's note of a GICv5 guest's PPIs.
    #[inline(always)]
    pub(crate) fn ppi_state(self) -> PpiState<'cpu> {
        // SAFETY: See above; nobody but this CPU has its note. CAST: bitmaps of 64 bits.
        unsafe {
            let state = &raw mut (*self.ptr).vgic_v5_ppi_state;

            PpiState::from_raw(
                (&raw mut (*state).pendr).cast(),
                (&raw mut (*state).activer_exit).cast(),
            )
        }
    }

    /// The host's breakpoints and watchpoints while a guest has its own.
    #[inline(always)]
    pub(crate) fn debug_regs(self) -> DebugRegs<'cpu> {
        // SAFETY: See above.
        unsafe { DebugRegs::from_raw(&raw mut (*self.ptr).host_debug_state.regs) }
    }
}
