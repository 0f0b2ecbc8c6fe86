// SPDX-License-Identifier: GPL-2.0

//! What C calls of the virtual GIC while vCPUs run: delivery, and the interrupts of KVM's own
//! devices.
//!
//! C header: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Pointers are to VMs and vCPUs that live at least as long as the call, vCPUs are complete.
//! Further requirements are stated where there are any.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.c: kvm_vgic_sync_hwstate, kvm_vgic_flush_hwstate,
//!     vgic_save_state, vgic_restore_state, vgic_flush_state, vgic_fold_state,
//!     can_access_vgic_from_kernel, kvm_vgic_load, kvm_vgic_put, kvm_vgic_process_async_update

use super::{
    deactivation,
    debug,
    delivery,
    devices,
    hardware,
    its,
    mmio, //
};
use crate::{
    bindings,
    gic::list_register::Intid,
    kvm::prelude::*,
    linux::prelude::*, //
};
use core::ffi::c_void;
use kernel::{
    prelude::export,
    seq_file::SeqFile, //
};

/// # Safety
///
/// NULL, or see the module's documentation.
unsafe fn maybe_vcpu<'a>(vcpu: *mut bindings::kvm_vcpu) -> Option<Vcpu<'a>> {
    // SAFETY: By the safety requirements.
    (!vcpu.is_null()).then(|| unsafe { Vcpu::from_raw(vcpu) })
}

/// Drives a line. Any context.
///
/// # Safety
///
/// See the module's documentation; `vcpu` may be NULL.
#[export]
unsafe extern "C" fn kvm_vgic_inject_irq(
    kvm: *mut bindings::kvm,
    vcpu: *mut bindings::kvm_vcpu,
    intid: u32,
    level: bool,
    owner: *mut c_void,
) -> i32 {
    // SAFETY: By the safety requirements.
    let (vm, vcpu) = unsafe { (Vm::from_raw(kvm), maybe_vcpu(vcpu)) };

    errno(delivery::inject(
        vm,
        vcpu,
        Intid(intid),
        level,
        Owner::from_raw(owner),
    ))
}

/// Before the guest is entered, with interrupts off.
///
/// # Safety
///
/// See the module's documentation; the vCPU is loaded, and interrupts are off.
#[export]
unsafe extern "C" fn kvm_vgic_flush_hwstate(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    let irq_off = unsafe { IrqOff::assume() };

    // SAFETY: By the safety requirements.
    hardware::flush(unsafe { LoadedVcpu::assume(vcpu, OnCpu::from(&irq_off)) });
}

/// After the guest was left, with interrupts off.
///
/// # Safety
///
/// See the module's documentation; the vCPU is loaded, and interrupts are off.
#[export]
unsafe extern "C" fn kvm_vgic_sync_hwstate(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    let irq_off = unsafe { IrqOff::assume() };

    hardware::sync(
        // SAFETY: By the safety requirements.
        unsafe { LoadedVcpu::assume(vcpu, OnCpu::from(&irq_off)) },
        &irq_off,
    );
}

/// The vCPU's answer to a request to look through its interrupts.
///
/// # Safety
///
/// See the module's documentation; by the vCPU's thread, which may sleep.
#[export]
unsafe extern "C" fn kvm_vgic_process_async_update(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    let mut own = unsafe { InMmio::assume(vcpu) };

    deactivation::deferred(&mut own);
    mmio::continue_lpis(&mut own);
    its::continue_commands(&mut own);
    with_irqs_off(|irq_off| {
        // SAFETY: By the safety requirements; a vCPU is loaded wherever its thread is.
        delivery::update(
            unsafe { LoadedVcpu::assume(vcpu, OnCpu::from(irq_off)) },
            irq_off,
        );
    });
}

/// The vCPU comes to a CPU.
///
/// # Safety
///
/// See the module's documentation; the vCPU is being loaded, with preemption off.
#[export]
unsafe extern "C" fn kvm_vgic_load(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    hardware::load(unsafe { LoadedVcpu::assume(vcpu, OnCpu::assume()) });
}

/// The vCPU leaves a CPU.
///
/// # Safety
///
/// See the module's documentation; the vCPU is being put, with preemption off.
#[export]
unsafe extern "C" fn kvm_vgic_put(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    hardware::put(unsafe { LoadedVcpu::assume(vcpu, OnCpu::assume()) });
}

/// Whether the guest would be interrupted if it ran: 1 or 0.
///
/// # Safety
///
/// See the module's documentation. Another vCPU's thread may ask, too (`kvm_vcpu_on_spin()`).
#[export]
unsafe extern "C" fn kvm_vgic_vcpu_pending_irq(vcpu: *mut bindings::kvm_vcpu) -> i32 {
    // SAFETY: By the safety requirements.
    i32::from(hardware::is_pending(unsafe { Vcpu::from_raw(vcpu) }))
}

/// Sets the device's answers to questions about an interrupt.
///
/// # Safety
///
/// See the module's documentation; `ops` is NULL or lives for ever, and its functions are sound to
/// call for any private interrupt.
#[export]
unsafe extern "C" fn kvm_vgic_set_irq_ops(
    vcpu: *mut bindings::kvm_vcpu,
    vintid: u32,
    ops: *const bindings::irq_ops,
) {
    // SAFETY: By the safety requirements; the type is transparent.
    unsafe { devices::set_ops(Vcpu::from_raw(vcpu), vintid, ops.cast::<IrqOps>().as_ref()) };
}

/// Takes the device's answers back.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn kvm_vgic_clear_irq_ops(vcpu: *mut bindings::kvm_vcpu, vintid: u32) {
    // SAFETY: By the safety requirements.
    devices::set_ops(unsafe { Vcpu::from_raw(vcpu) }, vintid, None);
}

/// Has an interrupt stand for one of the host's.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn kvm_vgic_map_phys_irq(
    vcpu: *mut bindings::kvm_vcpu,
    host_irq: u32,
    vintid: u32,
) -> i32 {
    // SAFETY: By the safety requirements.
    errno(devices::map(
        unsafe { Vcpu::from_raw(vcpu) },
        host_irq,
        vintid,
    ))
}

/// Undoes [`kvm_vgic_map_phys_irq`].
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn kvm_vgic_unmap_phys_irq(vcpu: *mut bindings::kvm_vcpu, vintid: u32) -> i32 {
    // SAFETY: By the safety requirements.
    errno(devices::unmap(unsafe { Vcpu::from_raw(vcpu) }, vintid))
}

/// A mapped interrupt is as it was at first.
///
/// # Safety
///
/// See the module's documentation; the vCPU is reset.
#[export]
unsafe extern "C" fn kvm_vgic_reset_mapped_irq(vcpu: *mut bindings::kvm_vcpu, vintid: u32) {
    // SAFETY: By the safety requirements.
    devices::reset_mapped(unsafe { Vcpu::from_raw(vcpu) }, vintid);
}

/// The INTID of the host's interrupt that one is mapped to, or -1.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn kvm_vgic_get_map(vcpu: *mut bindings::kvm_vcpu, vintid: u32) -> i32 {
    // SAFETY: By the safety requirements. CAST: C's type.
    devices::mapped_to(unsafe { Vcpu::from_raw(vcpu) }, vintid).map_or(-1, |intid| intid as i32)
}

/// Whether a mapped interrupt is active in the guest.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn kvm_vgic_map_is_active(vcpu: *mut bindings::kvm_vcpu, vintid: u32) -> bool {
    // SAFETY: By the safety requirements.
    devices::is_mapped_and_active(unsafe { Vcpu::from_raw(vcpu) }, vintid)
}

/// Gives the line of an interrupt to a device.
///
/// # Safety
///
/// See the module's documentation; with the configuration lock held, where two might want it.
#[export]
unsafe extern "C" fn kvm_vgic_set_owner(
    vcpu: *mut bindings::kvm_vcpu,
    intid: u32,
    owner: *mut c_void,
) -> i32 {
    // SAFETY: By the safety requirements.
    errno(devices::set_owner(
        unsafe { Vcpu::from_raw(vcpu) },
        intid,
        Owner::from_raw(owner),
    ))
}

/// Whether KVM writes a table of the GIC's to the guest's memory, on behalf of its VMM rather than
/// of a vCPU. Any context.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn kvm_arch_allow_write_without_running_vcpu(kvm: *mut bindings::kvm) -> bool {
    // SAFETY: By the safety requirements.
    unsafe { Vm::from_raw(kvm) }.is_written_for_vmm()
}

/// The first position of `vgic-state`, from that one on, at which there is a line; all ones if
/// none.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn kvm_arm64_vgic_debug_find(kvm: *mut bindings::kvm, line: u64) -> u64 {
    // SAFETY: By the safety requirements.
    debug::line_from(unsafe { Vm::from_raw(kvm) }, line).unwrap_or(u64::MAX)
}

/// Prints a line of `vgic-state`.
///
/// # Safety
///
/// See the module's documentation; `to` is the caller's.
#[export]
unsafe extern "C" fn kvm_arm64_vgic_debug_show(
    to: *mut bindings::seq_file,
    kvm: *mut bindings::kvm,
    line: u64,
) {
    // SAFETY: By the safety requirements.
    unsafe { debug::show(Vm::from_raw(kvm), line, SeqFile::from_raw(to)) };
}

/// The same for the file of an ITS.
///
/// # Safety
///
/// `its` is an ITS that lives at least as long as the call, and is on the list of its VM. The
/// caller may sleep, and holds none of the VM's locks.
#[export]
unsafe extern "C" fn kvm_arm64_its_debug_find(its: *const c_void, line: u64) -> u64 {
    // SAFETY: By the safety requirements.
    let its = unsafe { &*its.cast::<Its>() };

    // SAFETY: By the safety requirements.
    its::debug::line_from(&mut unsafe { Task::assume(its.vm()) }, its, line).unwrap_or(u64::MAX)
}

/// Prints a line of it.
///
/// # Safety
///
/// See [`kvm_arm64_its_debug_find`]; `to` is the caller's.
#[export]
unsafe extern "C" fn kvm_arm64_its_debug_show(
    to: *mut bindings::seq_file,
    its: *const c_void,
    line: u64,
) {
    // SAFETY: By the safety requirements.
    let (its, to) = unsafe { (&*its.cast::<Its>(), SeqFile::from_raw(to)) };

    // SAFETY: By the safety requirements.
    its::debug::show(&mut unsafe { Task::assume(its.vm()) }, its, line, to);
}
