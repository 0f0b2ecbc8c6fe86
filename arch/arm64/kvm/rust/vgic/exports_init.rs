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

use super::{
    exports::errno,
    init,
    irqfd, //
};
use crate::{
    bindings,
    kvm::prelude::*, //
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
/// See the module's documentation. Nobody uses the VM any more; its vCPUs are still there.
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

/// Prepares a route.
///
/// # Safety
///
/// See the module's documentation; but some of the VM's locks may be held. `e` and `ue` are valid;
/// the former becomes a route of that VM.
#[export]
unsafe extern "C" fn kvm_set_routing_entry(
    _kvm: *mut bindings::kvm,
    e: *mut bindings::kvm_kernel_irq_routing_entry,
    ue: *const bindings::kvm_irq_routing_entry,
) -> i32 {
    // SAFETY: By the safety requirements, here and below; these are unions of plain data.
    let (pin, message) = unsafe { ((*ue).u.irqchip, (*ue).u.msi) };

    // SAFETY: See above.
    let route = match irqfd::Route::check(unsafe { (*ue).type_ }, pin.irqchip, pin.pin) {
        Ok(route) => route,
        Err(error) => return error.to_errno(),
    };

    // SAFETY: See above.
    unsafe {
        match route {
            irqfd::Route::Pin => {
                (*e).set = Some(set_pin);
                (*e).__bindgen_anon_1.irqchip.irqchip = pin.irqchip;
                (*e).__bindgen_anon_1.irqchip.pin = pin.pin;
            }
            irqfd::Route::Message => {
                (*e).set = Some(kvm_set_msi);
                (*e).__bindgen_anon_1.msi.address_lo = message.address_lo;
                (*e).__bindgen_anon_1.msi.address_hi = message.address_hi;
                (*e).__bindgen_anon_1.msi.data = message.data;
                (*e).__bindgen_anon_1.msi.flags = (*ue).flags;
                (*e).__bindgen_anon_1.msi.devid = message.__bindgen_anon_1.devid;
            }
        }
    }
    0
}

/// Drives the pin of a route.
///
/// # Safety
///
/// See the module's documentation. `e` is a route of that VM that leads to a pin.
unsafe extern "C" fn set_pin(
    e: *mut bindings::kvm_kernel_irq_routing_entry,
    kvm: *mut bindings::kvm,
    _source: i32,
    level: i32,
    _line_status: bool,
) -> i32 {
    // SAFETY: By the safety requirements.
    let (vm, pin) = unsafe { (Vm::from_raw(kvm), (*e).__bindgen_anon_1.irqchip.pin) };

    errno(irqfd::set_pin(vm, pin, level != 0, || {
        // SAFETY: Without interrupts nobody but a system call of the VMM's comes here.
        unsafe { Task::assume(vm) }
    }))
}

/// Sends the message of a route.
///
/// # Safety
///
/// Always safe to call.
#[export]
unsafe extern "C" fn kvm_set_msi(
    _e: *mut bindings::kvm_kernel_irq_routing_entry,
    _kvm: *mut bindings::kvm,
    _irq_source_id: i32,
    _level: i32,
    _line_status: bool,
) -> i32 {
    errno(irqfd::send_message())
}

/// Follows a route from where nobody may sleep.
///
/// # Safety
///
/// The VM lives at least as long as the call; `e` is a route of it.
#[export]
unsafe extern "C" fn kvm_arch_set_irq_inatomic(
    e: *mut bindings::kvm_kernel_irq_routing_entry,
    kvm: *mut bindings::kvm,
    _irq_source_id: i32,
    level: i32,
    _line_status: bool,
) -> i32 {
    // SAFETY: By the safety requirements; of a union of plain data, and looked at only if it is a
    // pin.
    let (vm, route, pin) = unsafe {
        (
            Vm::from_raw(kvm),
            match (*e).type_ {
                bindings::KVM_IRQ_ROUTING_IRQCHIP => irqfd::Route::Pin,
                _ => irqfd::Route::Message,
            },
            (*e).__bindgen_anon_1.irqchip.pin,
        )
    };

    errno(irqfd::set_atomic(vm, route, pin, level != 0))
}

/// A device's interrupt is to be delivered by the hardware itself, which no VM's can be: it goes
/// the long way then.
///
/// # Safety
///
/// Always safe to call.
#[export]
unsafe extern "C" fn kvm_vgic_v4_set_forwarding(
    _kvm: *mut bindings::kvm,
    _irq: i32,
    _irq_entry: *mut bindings::kvm_kernel_irq_routing_entry,
) -> i32 {
    0
}

/// The opposite of [`kvm_vgic_v4_set_forwarding`].
///
/// # Safety
///
/// Always safe to call.
#[export]
unsafe extern "C" fn kvm_vgic_v4_unset_forwarding(_kvm: *mut bindings::kvm, _host_irq: i32) {}

/// The hardware that delivers interrupts itself gets to know where the vCPU is.
///
/// # Safety
///
/// Always safe to call.
#[export]
unsafe extern "C" fn vgic_v4_load(_vcpu: *mut bindings::kvm_vcpu) -> i32 {
    0
}

/// The opposite of [`vgic_v4_load`].
///
/// # Safety
///
/// Always safe to call.
#[export]
unsafe extern "C" fn vgic_v4_put(_vcpu: *mut bindings::kvm_vcpu) -> i32 {
    0
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
