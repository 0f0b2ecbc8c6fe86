// SPDX-License-Identifier: GPL-2.0

//! What C and assembly at EL2 call of the world switch.
//!
//! C headers: [`arch/arm64/include/asm/kvm_hyp.h`](srctree/arch/arm64/include/asm/kvm_hyp.h),
//! [`arch/arm64/include/asm/kvm_asm.h`](srctree/arch/arm64/include/asm/kvm_asm.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/nvhe/switch.c: kvm_host_data, kvm_hyp_ctxt, kvm_hyp_vector,
//!     hfgrtr_masks, hfgwtr_masks, hfgitr_masks, hdfgrtr_masks, hdfgwtr_masks, hafgrtr_masks,
//!     hfgrtr2_masks, hfgwtr2_masks, hfgitr2_masks, hdfgrtr2_masks, hdfgwtr2_masks,
//!     ich_hfgrtr_masks, ich_hfgwtr_masks, ich_hfgitr_masks, __kvm_vcpu_run, hyp_panic,
//!     hyp_panic_bad_stack

use super::*;
use kernel::{
    ffi,
    prelude::export, //
};

/// Runs a guest. Returns why it stopped.
///
/// # Safety
///
/// Only in the handler of the host's hypercall, for a vCPU that nobody else works on, by an address
/// of EL2's.
#[export]
unsafe extern "C" fn __kvm_vcpu_run(vcpu: *mut bindings::kvm_vcpu) -> ffi::c_int {
    // SAFETY: By the safety requirements; the hypercall masks all exceptions.
    let exit = run::run(unsafe { RunningVcpu::assume(LoadedVcpu::assume(vcpu, OnCpu::assume())) });

    // CAST: the reasons are small, and bit 31 says that an SError was pending.
    exit.into_raw() as ffi::c_int
}

/// Gives up: restores the host's registers, and has it panic.
///
/// # Safety
///
/// Only after an exception to EL2 that nobody expects.
#[export]
unsafe extern "C" fn hyp_panic() -> ! {
    let (spsr, elr, par) = (SPSR_EL2::read(), ELR_EL2::read(), PAR_EL1::read());
    // SAFETY: Taking an exception masks all others. No other code runs here any more.
    let masked = unsafe { Masked::assume() };
    let host = HostData::get(*masked).context();

    if let Some(vcpu) = host.running_vcpu() {
        // SAFETY: The vCPU that is named runs here; there is no host left to hurt.
        unsafe {
            let vcpu = RunningVcpu::assume(LoadedVcpu::assume(vcpu.as_ptr(), OnCpu::assume()));

            panic::restore_host(vcpu, Vectored::assume(vcpu));
        }
    }

    let (fp, pc): (usize, usize);

    // SAFETY: Where this is, and its frame. The functions are for nothing else.
    unsafe {
        core::arch::asm!(
            "mov {0}, x29",
            "adr {1}, .",
            out(reg) fp,
            out(reg) pc,
            options(nomem, nostack, preserves_flags)
        );
        bindings::kvm_nvhe_prepare_backtrace(fp, pc);
        bindings::__hyp_do_panic(host.as_ptr(), spsr.into_raw(), elr, par.into_raw())
    }
}

/// The same, on a stack that is there for it.
///
/// # Safety
///
/// Only after an exception to EL2 that finds the stack used up.
#[export]
unsafe extern "C" fn hyp_panic_bad_stack() -> ! {
    // SAFETY: By the safety requirements.
    unsafe { hyp_panic() }
}
