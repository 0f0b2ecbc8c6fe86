// SPDX-License-Identifier: GPL-2.0

//! What KVM keeps for each CPU, where it runs at EL2.
//!
//! C header: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)
//!
//! Mirrors: arch/arm64/include/asm/kvm_host.h: host_data_ptr, host_data_test_flag,
//!     host_data_set_flag, host_data_clear_flag, guest_owns_fp_regs, host_owns_fp_regs

use super::*;

view! {
    /// A reference to this CPU's `struct kvm_host_data`.
    ///
    /// # Invariants
    ///
    /// `ptr` points at the structure of the CPU that the caller stays on for `'cpu`. On a VHE host
    /// it is written only by whoever has a vCPU loaded, or loads one, with preemption off: so
    /// nobody else writes to it as long as that is the caller.
    pub(crate) struct HostData<'cpu>(bindings::kvm_host_data);
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
    /// The host may use the profiling buffer (FEAT_SPE).
    #[cfg(nvhe)]
    HasSpe = bindings::KVM_HOST_DATA_FLAG_HAS_SPE,
    /// The host may use the trace buffer (FEAT_TRBE).
    #[cfg(nvhe)]
    HasTrbe = bindings::KVM_HOST_DATA_FLAG_HAS_TRBE,
    /// It says that it does.
    #[cfg(nvhe)]
    TrbeEnabled = bindings::KVM_HOST_DATA_FLAG_TRBE_ENABLED,
    /// Trace of EL1 is filtered in another way while a guest runs.
    #[cfg(nvhe)]
    El1TracingConfigured = bindings::KVM_HOST_DATA_FLAG_EL1_TRACING_CONFIGURED,
    /// The host may record branches (FEAT_BRBE).
    #[cfg(nvhe)]
    HasBrbe = bindings::KVM_HOST_DATA_FLAG_HAS_BRBE,
}

impl HostFlag {
    #[inline(always)]
    const fn bit(self) -> usize {
        // CAST: A bit number below 8.
        1 << self as u32
    }
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

impl Field<bindings::kvm_host_data__bindgen_ty_1> for FpOwner {
    #[inline(always)]
    fn from_c(raw: bindings::kvm_host_data__bindgen_ty_1) -> Self {
        match raw {
            bindings::kvm_host_data_FP_STATE_GUEST_OWNED => Self::Guest,
            bindings::kvm_host_data_FP_STATE_HOST_OWNED => Self::Host,
            _ => Self::Free,
        }
    }

    #[inline(always)]
    fn into_c(self) -> bindings::kvm_host_data__bindgen_ty_1 {
        match self {
            Self::Free => bindings::kvm_host_data_FP_STATE_FREE,
            Self::Host => bindings::kvm_host_data_FP_STATE_HOST_OWNED,
            Self::Guest => bindings::kvm_host_data_FP_STATE_GUEST_OWNED,
        }
    }
}

impl<'cpu> HostData<'cpu> {
    /// This CPU's.
    #[inline(always)]
    pub(crate) fn get(el2: El2<'cpu>) -> Self {
        // SAFETY: This CPU's instance of the per-CPU variable; the caller stays here.
        unsafe { Self::from_raw(this_cpu_ptr(&raw mut bindings::kvm_host_data, el2)) }
    }

    // SAFETY: Valid, and written to by nobody else, by the type invariant.
    parts! { unsafe
        /// The host's registers while a guest runs.
        pub(crate) context: CpuContext<'cpu> = host_ctxt;
        /// The host's breakpoints and watchpoints while a guest has its own.
        pub(crate) debug_regs: DebugRegs<'cpu> = host_debug_state.regs;
    }

    // SAFETY: Valid, and written to by nobody else, by the type invariant. C's accessors of the flags
    // are atomic for the sake of nVHE hosts alone,
    // where drivers set flags too.
    fields! { unsafe
        flags, set_flags: usize = flags;
        /// Whose FP state the registers hold.
        pub(crate) fp_owner, set_fp_owner: FpOwner = fp_owner;
        last_breakpoint: u32 = debug_brps;
        last_watchpoint: u32 = debug_wrps;
        /// The PPIs of a GICv5 guest that were pending when it was left.
        pub(crate) ppis_pending, set_ppis_pending: u64 = vgic_v5_ppi_state.pendr;
        /// The PPIs of a GICv5 guest that were active when it was left.
        pub(crate) none, set_ppis_active: u64 = vgic_v5_ppi_state.activer_exit;
    }

    /// The number of the CPU's last breakpoint and of its last watchpoint.
    #[inline(always)]
    pub(crate) fn last_debug_regs(self) -> (u32, u32) {
        (self.last_breakpoint(), self.last_watchpoint())
    }

    /// The host's system registers.
    #[inline(always)]
    pub(crate) fn sys_regs(self) -> SysRegs<'cpu> {
        self.context().own_sys_regs()
    }

    /// Whether a flag is set.
    #[inline(always)]
    pub(crate) fn flag(self, flag: HostFlag) -> bool {
        self.flags() & flag.bit() != 0
    }

    /// Sets or clears a flag.
    #[inline(always)]
    pub(crate) fn set_flag(self, flag: HostFlag, value: bool) {
        self.set_flags(if value {
            self.flags() | flag.bit()
        } else {
            self.flags() & !flag.bit()
        });
    }
}

#[cfg(nvhe)]
impl HostData<'_> {
    // SAFETY: Valid, and written to by nobody else, by the type invariant.
    fields! { unsafe
        /// The host's `MDCR_EL2` while a guest runs.
        pub(crate) mdcr, set_mdcr: u64 = host_debug_state.mdcr_el2;
        /// The host's `PMSCR_EL1` while a guest runs.
        pub(crate) pmscr, set_pmscr: u64 = host_debug_state.pmscr_el1;
        /// The host's `PMBLIMITR_EL1`.
        pub(crate) pmblimitr, set_pmblimitr: BufferLimit = host_debug_state.pmblimitr_el1;
        /// The host's `TRFCR_EL1`.
        pub(crate) trfcr, set_trfcr: u64 = host_debug_state.trfcr_el1;
        /// The host's `TRBLIMITR_EL1`.
        pub(crate) trblimitr, set_trblimitr: BufferLimit = host_debug_state.trblimitr_el1;
        /// The host's `BRBCR_EL1`, if it records branches.
        pub(crate) brbcr, set_brbcr: Brbcr = host_debug_state.brbcr_el1;
        /// What `TRFCR_EL1` is to be while a guest runs.
        pub(crate) guest_trfcr, set_guest_trfcr: u64 = trfcr_while_in_guest;
    }

    /// Where a host that is not trusted has its SVE registers saved to.
    #[inline(always)]
    pub(crate) fn sve_memory(self) -> *mut c_void {
        // SAFETY: Valid by the type invariant.
        unsafe { (*self.as_ptr()).sve_regs.cast() }
    }
}
