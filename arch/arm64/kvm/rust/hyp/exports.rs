// SPDX-License-Identifier: GPL-2.0

//! What C and assembly call of the world switch on a VHE host.
//!
//! C headers: [`arch/arm64/include/asm/kvm_hyp.h`](srctree/arch/arm64/include/asm/kvm_hyp.h),
//! [`arch/arm64/include/asm/kvm_asm.h`](srctree/arch/arm64/include/asm/kvm_asm.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: kvm_host_data, kvm_hyp_ctxt, kvm_hyp_vector,
//!     kvm_vcpu_load_vhe, kvm_vcpu_put_vhe, __kvm_vcpu_run, hyp_panic

use super::*;
use core::ptr;
use kernel::{
    ffi,
    prelude::export, //
};

/// Runs a guest. Returns why it stopped.
///
/// # Safety
///
/// The vCPU must be loaded on this CPU of a VHE host, with interrupts off.
#[export]
unsafe extern "C" fn __kvm_vcpu_run(vcpu: *mut bindings::kvm_vcpu) -> ffi::c_int {
    // SAFETY: By the safety requirements.
    let exit =
        unsafe { with_exceptions_masked(LoadedVcpu::assume(vcpu, OnCpu::assume()), run::run) };

    // CAST: the reasons are small, and bit 31 says that an SError was pending.
    exit.into_raw() as ffi::c_int
}

/// Loads a vCPU.
///
/// # Safety
///
/// The vCPU must be complete, no other loaded on this CPU of a VHE host, and preemption off.
#[export]
unsafe extern "C" fn kvm_vcpu_load_vhe(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    unsafe { load::load(LoadedVcpu::assume(vcpu, OnCpu::assume()), El2::assume()) };
}

/// Puts a vCPU.
///
/// # Safety
///
/// The vCPU must be loaded on this CPU, and preemption off.
#[export]
unsafe extern "C" fn kvm_vcpu_put_vhe(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    unsafe { load::put(LoadedVcpu::assume(vcpu, OnCpu::assume()), El2::assume()) };
}

/// Panics, from the vectors that are in force while a guest is entered and left.
///
/// # Safety
///
/// Only from there: the CPU must have taken an exception to EL2.
#[export]
unsafe extern "C" fn hyp_panic() -> ! {
    let scene = panic::Scene::record();
    // SAFETY: Taking an exception masks all others. No other code runs here any more.
    let masked = unsafe { Masked::assume() };
    let running = HostData::get(*masked).context().running_vcpu();

    if let Some(vcpu) = running {
        // SAFETY: The vCPU that is named is loaded here; there is no host left to hurt.
        let vcpu =
            unsafe { RunningVcpu::assume(LoadedVcpu::assume(vcpu.as_ptr(), OnCpu::assume())) };

        // SAFETY: The host is about to be brought down.
        panic::restore_host(vcpu, unsafe { Vectored::assume(vcpu) });
    }
    panic::report(
        scene,
        running.map_or(ptr::null(), |vcpu| vcpu.as_ptr().cast_const().cast()),
    )
}

// All that is not inlined into one of these, and runs while the vectors are the guest's: a probe's
// BRK would be an exception that nobody there expects. C's inline functions, where they are calls,
// are in a section that no probe may be put into (rust/helpers/kvm_arm64.c), but for those that
// access a GICv2's registers in memory.
nokprobe! {
    __kvm_vcpu_run,
    run::run_nested,
    debug::exchange,
    fpsimd::give_to_guest::<Plain>,
    fpsimd::give_to_guest::<Nested>,
    traps::hcr::vserror_syndrome,
    exit::errata::restore_spsr,
    exit::errata::translate_impdef_trap,
    exit::errata::write_translation_control,
    exit::errata::write_tcr,
    exit::fault::translate,
    exit::gic::emulate_v2,
    exit::gic::emulate_v3,
    exit::memory_operation::restart,
    exit::Trap::skip_instruction_aarch32,
    crate::gic::cpu_interface::CpuInterface::<vgic::hardware::Hardware<'_>>::deactivate_lr,
    crate::gic::cpu_interface::CpuInterface::<vgic::hardware::Hardware<'_>>::highest_pending,
    read_lr_at,
    write_lr_at,
    panic::restore_host,
    panic::report,
    hyp_panic,
    exports_both::kvm_unexpected_el2_exception,
}
