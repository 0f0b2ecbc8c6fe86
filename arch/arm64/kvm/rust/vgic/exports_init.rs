// SPDX-License-Identifier: GPL-2.0

//! What C calls of the virtual GIC when VMs and vCPUs are made, run first, and go.
//!
//! C headers: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h),
//! `arch/arm64/kvm/vgic/vgic.h`
//!
//! Pointers are to VMs and vCPUs that live at least as long as the call. All of these may sleep,
//! and are called with none of the VM's locks held but those that are named, and a vCPU's mutex.
//!
//! Mirrors: nothing, what these do is in other files

use super::init;
use crate::{
    bindings,
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::prelude::export;

/// A VM is made. All that it has of a GIC is zero, which is nothing.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn kvm_vgic_early_init(_kvm: *mut bindings::kvm) {}

/// Gives a VM a GIC.
///
/// # Safety
///
/// See the module's documentation. `kvm->lock` is held.
#[export]
unsafe extern "C" fn kvm_vgic_create(kvm: *mut bindings::kvm, type_: u32) -> i32 {
    // SAFETY: By the safety requirements.
    let mut vm = unsafe { VmLocked::assume(Vm::from_raw(kvm)) };

    errno(init::create(&mut vm, type_))
}

/// A vCPU is being made.
///
/// # Safety
///
/// See the module's documentation. `kvm->lock` is held; the vCPU is not known to anybody else yet.
#[export]
unsafe extern "C" fn kvm_vgic_vcpu_init(vcpu: *mut bindings::kvm_vcpu) -> i32 {
    // SAFETY: By the safety requirements.
    let (mut vm, vcpu) = unsafe {
        let vcpu = NewVcpu::assume(vcpu);

        (VmLocked::assume(vcpu.vm()), vcpu)
    };

    errno(init::init_vcpu(&mut vm, vcpu))
}

/// A vCPU goes: one that could not be completed, or together with its VM.
///
/// # Safety
///
/// See the module's documentation. The vCPU is not known to anybody else any more. If it could not
/// be completed, `kvm->lock` has been held since it was begun.
#[export]
unsafe extern "C" fn kvm_vgic_vcpu_destroy(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements. `kvm->lock` comes before all that is taken.
    let (mut task, vcpu) = unsafe {
        let vcpu = NewVcpu::assume(vcpu);

        (Task::assume(vcpu.vm()), vcpu)
    };

    init::destroy_vcpu(&mut task, vcpu);
}

/// A VM goes.
///
/// # Safety
///
/// See the module's documentation. Nobody uses the VM any more; its vCPUs are still there, and its
/// devices, about to be destroyed.
#[export]
unsafe extern "C" fn kvm_vgic_destroy(kvm: *mut bindings::kvm) {
    // SAFETY: By the safety requirements.
    init::destroy(unsafe { DyingVm::assume(kvm) });
}

/// A vCPU with a virtual EL2 runs first.
///
/// # Safety
///
/// See the module's documentation. Called by the vCPU's thread.
#[export]
unsafe extern "C" fn kvm_vgic_vcpu_nv_init(vcpu: *mut bindings::kvm_vcpu) -> i32 {
    // SAFETY: By the safety requirements.
    let (mut task, vcpu) = unsafe {
        let vcpu = Vcpu::from_raw(vcpu);

        (Task::assume(vcpu.vm()), vcpu)
    };

    errno(init::init_nested(&mut task, vcpu))
}

/// Initialises a GICv2 that is not.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn vgic_lazy_init(kvm: *mut bindings::kvm) -> i32 {
    // SAFETY: By the safety requirements.
    errno(init::lazy_init(&mut unsafe {
        Task::assume(Vm::from_raw(kvm))
    }))
}

/// A vCPU runs first.
///
/// # Safety
///
/// See the module's documentation. Called by a vCPU's thread.
#[export]
unsafe extern "C" fn kvm_vgic_map_resources(kvm: *mut bindings::kvm) -> i32 {
    // SAFETY: By the safety requirements.
    errno(init::map_resources(&mut unsafe {
        Task::assume(Vm::from_raw(kvm))
    }))
}

/// Has the VM's ID registers tell of its GIC.
///
/// # Safety
///
/// See the module's documentation. The configuration lock is held.
#[export]
unsafe extern "C" fn kvm_vgic_finalize_idregs(kvm: *mut bindings::kvm) {
    // SAFETY: By the safety requirements.
    init::set_id_registers(unsafe { ConfigHeld::assume(Vm::from_raw(kvm)) });
}

/// The table of a CPU interface's registers that user space accesses. They are not in one: see
/// [`sysreg`](super::sysreg).
///
/// # Safety
///
/// `sz` is valid for writes.
#[export]
unsafe extern "C" fn vgic_v3_get_sysreg_table(sz: *mut u32) -> *const bindings::sys_reg_desc {
    // SAFETY: By the safety requirements.
    unsafe { sz.write(0) };
    core::ptr::null()
}
