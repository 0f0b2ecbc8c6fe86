// SPDX-License-Identifier: GPL-2.0

//! The kernel's side: a host at EL2 with E2H set, or one at EL1 that has the hypervisor below it.
//!
//! What the two crates have in different ways goes by one name in both; see `side/nvhe.rs`.

#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
use crate::kvm::prelude::*;
use crate::{
    arm64::prelude::*,
    bindings, //
};
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
use core::marker::PhantomData;

/// Guests may have an EL2.
pub(crate) const MAY_NEST: bool = true;

/// Reads EL1's register of a guest. At EL2 with E2H set its own name means EL2's.
macro_rules! read_el1_sysreg {
    ($own:expr, $alias:expr) => {
        read_sysreg!($alias)
    };
}

/// Writes it.
macro_rules! write_el1_sysreg {
    ($own:expr, $alias:expr, $value:expr) => {
        write_sysreg!($alias, $value)
    };
}

/// Reads EL2's own register, by a name that does not trap if the kernel is a guest hypervisor.
macro_rules! read_el2_sysreg {
    ($own:expr, $alias:expr) => {
        read_sysreg!($alias)
    };
}

/// Writes it.
macro_rules! write_el2_sysreg {
    ($own:expr, $alias:expr, $value:expr) => {
        write_sysreg!($alias, $value)
    };
}

/// Reads a timer's register of EL0: a guest's.
macro_rules! read_el0_sysreg {
    ($own:expr, $alias:expr) => {
        read_sysreg_either!($own, $alias, ARM64_HAS_VIRT_HOST_EXTN)
    };
}

/// Writes it.
macro_rules! write_el0_sysreg {
    ($own:expr, $alias:expr, $value:expr) => {
        write_sysreg_either!($own, $alias, ARM64_HAS_VIRT_HOST_EXTN, $value)
    };
}

/// Where this side finds what a pointer of the kernel's points at.
#[inline(always)]
pub(crate) fn pointer<T>(kernel: *mut T) -> *mut T {
    kernel
}

/// Whether E2H is set while a guest runs: this code is in the same regime.
#[inline(always)]
pub(crate) fn keeps_e2h() -> bool {
    true
}

/// `HCR_EL2` while the host runs, at EL2.
#[inline(always)]
pub(crate) fn host_hcr(_masked: Masked<'_>) -> Hcr {
    Hcr::VHE_HOST
}

/// The vectors of the host, at EL2.
#[inline(always)]
pub(crate) fn host_vectors(el2: El2<'_>) -> u64 {
    // CAST: addresses.
    if cpucaps::kernel_unmapped_at_el0() {
        return (&raw const bindings::vectors) as u64;
    }
    // SAFETY: This CPU's, set up when the CPU came up.
    unsafe { *this_cpu_ptr(&raw mut bindings::this_cpu_vector, el2) as u64 }
}

/// A guest's registers are in the hardware from load to put, not only while it runs.
pub(crate) const SWITCHES_AT_LOAD: bool = true;

/// The host saves its own FP and SVE registers before a vCPU is loaded.
#[inline(always)]
pub(crate) const fn saves_host_fp() -> bool {
    false
}

/// What is found out of a vCPU before it is entered.
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    hyp_context: bool,
    _vcpu: PhantomData<RunningVcpu<'a>>,
}

#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
impl<'a> Known<'a> {
    /// Of a vCPU that has an EL2 or is taken for one that has none.
    #[inline(always)]
    pub(crate) fn of(vcpu: RunningVcpu<'a>, has_el2: bool) -> Self {
        Self {
            hyp_context: has_el2 && vcpu.in_hyp_context(),
            _vcpu: PhantomData,
        }
    }

    /// Whether it is entered in hyp context.
    #[inline(always)]
    pub(crate) fn in_hyp_context(self) -> bool {
        self.hyp_context
    }

    /// The VM of that vCPU.
    #[inline(always)]
    pub(crate) fn vm(self, vcpu: RunningVcpu<'a>) -> Vm<'a> {
        vcpu.vm()
    }
}

/// See above.
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) fn save_host_fp(_vcpu: RunningVcpu<'_>, _host: HostData<'_>) {}

/// Runs `f` while the CPU takes no exception, and its interrupts are EL2's.
///
/// # Safety
///
/// Only at EL2.
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) unsafe fn with_interrupts_kept_away<R>(f: impl FnOnce(Masked<'_>) -> R) -> R {
    // SAFETY: Given back below.
    let flags = unsafe { bindings::local_daif_save() };
    // SAFETY: All exceptions are masked until the flags are given back.
    let result = f(unsafe { Masked::assume() });

    // SAFETY: The flags come from the call above.
    unsafe { bindings::local_daif_restore(flags) };
    result
}

/// Only the hypervisor below a host has a trace of its own.
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
#[inline(always)]
pub(crate) fn trace_exit_to_guest(_host: HostData<'_>) {}

/// See [`trace_exit_to_guest`].
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
#[inline(always)]
pub(crate) fn trace_enter_from_guest(_host: HostData<'_>) {}
