// SPDX-License-Identifier: GPL-2.0

//! What C calls of the virtual GIC for interrupts that come from outside KVM, by a route of user
//! space's or by the hardware.
//!
//! C headers: [`include/linux/kvm_host.h`](srctree/include/linux/kvm_host.h),
//! [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Pointers are to VMs and vCPUs that live at least as long as the call. Any context, unless it
//! says otherwise.
//!
//! Mirrors: nothing, what these do is in other files

use super::{
    irqfd,
    msi::{
        self,
        Message, //
    },
    v4, //
};
use crate::{
    bindings,
    gic::its::{
        DeviceId,
        EventId, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use core::ffi::c_void;
use kernel::{
    error::code::EAGAIN,
    prelude::export, //
};

/// Prepares a route.
///
/// # Safety
///
/// See the module's documentation. `e` and `ue` are valid;
/// the former becomes a route of that VM.
#[export]
unsafe extern "C" fn kvm_set_routing_entry(
    _kvm: *mut bindings::kvm,
    e: *mut bindings::kvm_kernel_irq_routing_entry,
    ue: *const bindings::kvm_irq_routing_entry,
) -> i32 {
    // SAFETY: By the safety requirements, here and below; these are unions of plain data.
    let (pin, message) = unsafe { ((*ue).u.irqchip, (*ue).u.msi) };

    // SAFETY: By the safety requirements.
    let route = match irqfd::Route::check(unsafe { (*ue).type_ }, pin.irqchip, pin.pin) {
        Ok(route) => route,
        Err(error) => return error.to_errno(),
    };

    // SAFETY: By the safety requirements; a union of plain data.
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
/// See the module's documentation. `e` is a route of that VM that leads to a pin. If the GIC is not
/// initialised the caller may sleep, and holds none of the VM's locks.
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

/// The message of a route.
///
/// # Safety
///
/// `e` is valid, and a route that leads to messages.
#[inline]
unsafe fn message_of(e: *const bindings::kvm_kernel_irq_routing_entry) -> Message {
    // SAFETY: By the safety requirements; of a union of plain data.
    let msi = unsafe { (*e).__bindgen_anon_1.msi };

    Message {
        doorbell: u64::from(msi.address_hi) << 32 | u64::from(msi.address_lo),
        device: DeviceId(msi.devid),
        event: EventId(msi.data),
        names_device: msi.flags & bindings::KVM_MSI_VALID_DEVID != 0,
    }
}

/// Sends the message of a route: 1 if that has become an interrupt, 0 if not, or a negative errno.
///
/// # Safety
///
/// See the module's documentation. `e` is a route of that VM that leads to messages. The caller may
/// sleep, and holds none of the VM's locks.
#[export]
unsafe extern "C" fn kvm_set_msi(
    e: *mut bindings::kvm_kernel_irq_routing_entry,
    kvm: *mut bindings::kvm,
    _irq_source_id: i32,
    level: i32,
    _line_status: bool,
) -> i32 {
    // SAFETY: By the safety requirements.
    let (mut task, message) = unsafe { (Task::assume(Vm::from_raw(kvm)), message_of(e)) };

    msi::send(&mut task, &message, level != 0).map_or_else(|error| error.to_errno(), i32::from)
}

/// Follows a route from where nobody may sleep. `EWOULDBLOCK` if somebody who may has to do it, as
/// for what is not an edge.
///
/// # Safety
///
/// See the module's documentation; `e` is a route of that VM.
#[export]
unsafe extern "C" fn kvm_arch_set_irq_inatomic(
    e: *mut bindings::kvm_kernel_irq_routing_entry,
    kvm: *mut bindings::kvm,
    _irq_source_id: i32,
    level: i32,
    _line_status: bool,
) -> i32 {
    if level == 0 {
        return EAGAIN.to_errno();
    }
    // SAFETY: By the safety requirements.
    let (vm, kind) = unsafe { (Vm::from_raw(kvm), (*e).type_) };

    errno(match kind {
        // SAFETY: By the safety requirements: of a union of plain data, this kind has that.
        bindings::KVM_IRQ_ROUTING_MSI => msi::send_atomic(vm, unsafe { &message_of(e) }),
        bindings::KVM_IRQ_ROUTING_IRQCHIP => {
            // SAFETY: By the safety requirements.
            irqfd::raise_pin(vm, unsafe { (*e).__bindgen_anon_1.irqchip.pin })
        }
        _ => Err(EAGAIN),
    })
}

// GICv4.

/// A device's interrupt is to be delivered by the hardware itself.
///
/// # Safety
///
/// See the module's documentation. `irq_entry` is a route of that VM that leads to messages. The
/// caller may sleep, and holds none of the VM's locks; no vCPU is in its guest.
#[export]
unsafe extern "C" fn kvm_vgic_v4_set_forwarding(
    kvm: *mut bindings::kvm,
    irq: i32,
    irq_entry: *mut bindings::kvm_kernel_irq_routing_entry,
) -> i32 {
    // SAFETY: By the safety requirements.
    let (mut task, message) = unsafe { (Task::assume(Vm::from_raw(kvm)), message_of(irq_entry)) };

    errno(v4::set_forwarding(&mut task, HostMsi::new(irq), message))
}

/// The opposite of [`kvm_vgic_v4_set_forwarding`].
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn kvm_vgic_v4_unset_forwarding(kvm: *mut bindings::kvm, host_irq: i32) {
    // SAFETY: By the safety requirements.
    v4::unset_forwarding(unsafe { Vm::from_raw(kvm) }, HostMsi::new(host_irq));
}

/// The hardware that delivers interrupts itself gets to know where the vCPU is.
///
/// # Safety
///
/// See the module's documentation; the vCPU is loaded, and complete, and preemption is off.
#[export]
unsafe extern "C" fn vgic_v4_load(vcpu: *mut bindings::kvm_vcpu) -> i32 {
    // SAFETY: By the safety requirements.
    errno(v4::make_resident(unsafe {
        LoadedVcpu::assume(vcpu, OnCpu::assume())
    }))
}

/// The opposite of [`vgic_v4_load`].
///
/// # Safety
///
/// See there.
#[export]
unsafe extern "C" fn vgic_v4_put(vcpu: *mut bindings::kvm_vcpu) -> i32 {
    // SAFETY: By the safety requirements.
    errno(v4::make_non_resident(unsafe {
        LoadedVcpu::assume(vcpu, OnCpu::assume())
    }))
}

/// The handler of a vPE's doorbell.
// SAFETY: It expects to be called so.
pub(super) const DOORBELL: Doorbell = unsafe { Doorbell::new(doorbell) };

/// # Safety
///
/// Called by the interrupt core for the doorbell of a vCPU, `data`, with interrupts off.
unsafe extern "C" fn doorbell(irq: i32, data: *mut c_void) -> bindings::irqreturn_t {
    // SAFETY: By the safety requirements. CAST: Never negative.
    unsafe { v4::answer(Vcpu::from_raw(data.cast()), irq as u32, &IrqOff::assume()) };
    bindings::irqreturn::IRQ_HANDLED
}
