// SPDX-License-Identifier: GPL-2.0

//! What C calls of the host's GIC, of CPU interfaces, and of a GICv5's PPIs.
//!
//! C headers: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h),
//! [`arch/arm64/kvm/vgic/vgic.h`](srctree/arch/arm64/kvm/vgic/vgic.h)
//!
//! Pointers are to VMs and vCPUs that live at least as long as the call, vCPUs are complete.
//! Further requirements are stated where there are any.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.c: vgic_get_vcpu_irq, vgic_put_irq;
//!     arch/arm64/kvm/vgic/vgic-v5.c: vgic_v5_finalize_ppi_state, vgic_v5_ppi_queue_irq_unlock,
//!     vgic_v5_set_ppi_dvi, vgic_v5_ppi_irq_ops

use super::{
    cpuif_v3,
    deactivation,
    nested,
    probe,
    v5, //
};
use crate::{
    bindings,
    gic::v5::PpiNumber,
    kvm::prelude::*,
    linux::prelude::*, //
};
use core::{
    ffi::c_void,
    ptr, //
};
use kernel::prelude::export;

/// Initialises the host's side of the virtual GIC.
///
/// # Safety
///
/// Called once, when KVM initialises.
#[export]
unsafe extern "C" fn kvm_vgic_hyp_init() -> i32 {
    // SAFETY: By the safety requirements; the callback expects just such arguments.
    let (setup, handler) = unsafe { (Setup::assume(), Handler::new(maintenance_interrupt)) };

    errno(probe::init(&setup, handler))
}

/// # Safety
///
/// Called by the interrupt core on the CPU whose interrupt it is.
unsafe extern "C" fn maintenance_interrupt(_irq: i32, _data: *mut c_void) -> bindings::irqreturn_t {
    // SAFETY: By the safety requirements: interrupts are off.
    let irq_off = unsafe { IrqOff::assume() };

    probe::maintenance_interrupt((&irq_off).into());
    bindings::irqreturn::IRQ_HANDLED
}

/// Empties the list registers of a CPU that comes up.
///
/// # Safety
///
/// Called on that CPU, which the caller stays on.
#[export]
unsafe extern "C" fn kvm_vgic_init_cpu_hardware() {
    // SAFETY: By the safety requirements.
    probe::init_cpu(unsafe { OnCpu::assume() });
}

/// Enables the maintenance interrupt on this CPU.
///
/// # Safety
///
/// Called on the CPU that comes up, which the caller stays on.
#[export]
unsafe extern "C" fn kvm_vgic_cpu_up() {
    // SAFETY: By the safety requirements.
    probe::cpu_up(unsafe { OnCpu::assume() });
}

/// Disables the maintenance interrupt on this CPU.
///
/// # Safety
///
/// Called on the CPU that goes down, which the caller stays on.
#[export]
unsafe extern "C" fn kvm_vgic_cpu_down() {
    // SAFETY: By the safety requirements.
    probe::cpu_down(unsafe { OnCpu::assume() });
}

/// Hides the registers of a GICv3 from a vCPU that has none.
///
/// # Safety
///
/// See the module's documentation; by the vCPU's thread.
#[export]
unsafe extern "C" fn vcpu_set_ich_hcr(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    cpuif_v3::hide(unsafe { OwnVcpu::assume(vcpu) });
}

/// A guest has written `ICC_DIR_EL1`.
///
/// # Safety
///
/// See the module's documentation; by the vCPU's thread, which may sleep and holds no locks but its
/// vCPU's mutex.
#[export]
unsafe extern "C" fn vgic_v3_deactivate(vcpu: *mut bindings::kvm_vcpu, val: u64) {
    // SAFETY: By the safety requirements.
    deactivation::by_register(&mut unsafe { InMmio::assume(vcpu) }, val);
}

// Nested virtualization.

/// Whether the vCPU's list registers are those of its guest's guest.
///
/// # Safety
///
/// See the module's documentation; by the vCPU's thread or an interrupt of that.
#[export]
unsafe extern "C" fn vgic_state_is_nested(vcpu: *mut bindings::kvm_vcpu) -> bool {
    // SAFETY: By the safety requirements.
    nested::is_nested(unsafe { OwnVcpu::assume(vcpu) })
}

/// A guest hypervisor's `ICH_EISR_EL2`.
///
/// # Safety
///
/// See the module's documentation; by the vCPU's thread.
#[export]
unsafe extern "C" fn vgic_v3_get_eisr(vcpu: *mut bindings::kvm_vcpu) -> u16 {
    // SAFETY: By the safety requirements.
    nested::eisr(unsafe { OwnVcpu::assume(vcpu) })
}

/// A guest hypervisor's `ICH_ELRSR_EL2`.
///
/// # Safety
///
/// See the module's documentation; by the vCPU's thread.
#[export]
unsafe extern "C" fn vgic_v3_get_elrsr(vcpu: *mut bindings::kvm_vcpu) -> u16 {
    // SAFETY: By the safety requirements.
    nested::elrsr(unsafe { OwnVcpu::assume(vcpu) })
}

/// A guest hypervisor's `ICH_MISR_EL2`.
///
/// # Safety
///
/// See the module's documentation; by the vCPU's thread.
#[export]
unsafe extern "C" fn vgic_v3_get_misr(vcpu: *mut bindings::kvm_vcpu) -> u64 {
    // SAFETY: By the safety requirements.
    nested::misr(unsafe { OwnVcpu::assume(vcpu) }).into_raw()
}

/// Drives a guest hypervisor's maintenance interrupt, as it is by now.
///
/// # Safety
///
/// See the module's documentation; by the vCPU's thread.
#[export]
unsafe extern "C" fn vgic_v3_nested_update_mi(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    nested::update_mi(unsafe { OwnVcpu::assume(vcpu) });
}

// The PPIs of a GICv5.

/// What the vgic asks about a PPI that is nobody's.
// SAFETY: The functions expect what they are called with.
pub(super) static PPI_OPS: IrqOps = unsafe {
    IrqOps::new(bindings::irq_ops {
        get_flags: None,
        get_input_level: None,
        queue_irq_unlock: Some(vgic_v5_ppi_queue_irq_unlock),
        set_direct_injection: Some(vgic_v5_set_ppi_dvi),
    })
};

/// The structure of a PPI of a GICv5, or NULL: no other interrupt has one.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn vgic_get_vcpu_irq(
    vcpu: *mut bindings::kvm_vcpu,
    intid: u32,
) -> *mut bindings::vgic_irq {
    // SAFETY: By the safety requirements.
    v5::ppi(unsafe { Vcpu::from_raw(vcpu) }, intid).map_or(ptr::null_mut(), PpiV5::as_ptr)
}

/// The caller is done with it. It lives as long as its vCPU.
///
/// # Safety
///
/// Always safe to call.
#[export]
unsafe extern "C" fn vgic_put_irq(_kvm: *mut bindings::kvm, _irq: *mut bindings::vgic_irq) {}

/// Settles which PPIs a VM's vCPUs have.
///
/// # Safety
///
/// See the module's documentation; the caller may sleep and holds no locks but its vCPU's mutex.
#[export]
unsafe extern "C" fn vgic_v5_finalize_ppi_state(kvm: *mut bindings::kvm) -> i32 {
    // SAFETY: By the safety requirements.
    let vm = unsafe { Vm::from_raw(kvm) };

    if vm.has_gicv5() {
        // SAFETY: By the safety requirements.
        v5::settle(&unsafe { Task::assume(vm) }.config());
    }
    0
}

/// A PPI is pending: unlocks it, and tells the vCPU. There is nothing to queue.
///
/// # Safety
///
/// See the module's documentation; `irq` is a PPI of a vCPU with a GICv5, and locked by the caller,
/// who had interrupts as `flags` say.
#[export]
unsafe extern "C" fn vgic_v5_ppi_queue_irq_unlock(
    _kvm: *mut bindings::kvm,
    irq: *mut bindings::vgic_irq,
    flags: usize,
) -> bool {
    // SAFETY: By the safety requirements.
    let vcpu = unsafe { Vcpu::from_raw((*irq).target_vcpu) };

    // SAFETY: By the safety requirements.
    unsafe { bindings::kvm_arm64_raw_unlock_irqrestore(&raw mut (*irq).irq_lock, flags) };
    vcpu.kick_for_irq();
    true
}

/// Has a PPI go to the guest without the host, or not.
///
/// # Safety
///
/// See the module's documentation; `irq` is a PPI of the vCPU, which has a GICv5, and locked.
#[export]
unsafe extern "C" fn vgic_v5_set_ppi_dvi(
    vcpu: *mut bindings::kvm_vcpu,
    irq: *mut bindings::vgic_irq,
    dvi: bool,
) {
    // SAFETY: By the safety requirements.
    let (vcpu, intid) = unsafe { (Vcpu::from_raw(vcpu), (*irq).intid) };

    if let Some(number) = PpiNumber::of_intid(intid) {
        vcpu.set_ppi_direct(number, dvi);
    }
}
