// SPDX-License-Identifier: GPL-2.0

//! What C calls of the devices that user space configures GICs with.
//!
//! C headers: [`include/linux/kvm_host.h`](srctree/include/linux/kvm_host.h),
//! [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h), `arch/arm64/kvm/vgic/vgic.h`
//!
//! Devices are complete, and belong to VMs that live at least as long as the call. All of these may
//! sleep, and are called with none of the VM's locks held but those that are named.
//!
//! Mirrors: nothing, what these do is in other files

use super::{
    address,
    device,
    init,
    its, //
};
use crate::{
    bindings,
    kvm::{
        device::DeviceOps,
        prelude::*, //
    },
    linux::prelude::*, //
};
use kernel::{
    error::{
        code::ENODEV,
        Result, //
    },
    prelude::export, //
};

/// # Safety
///
/// See the module's documentation; `attr` is valid.
unsafe fn with_attr(
    device: *mut bindings::kvm_device,
    attr: *const bindings::kvm_device_attr,
    model: Model,
    f: fn(&mut Task<'_>, Model, &bindings::kvm_device_attr) -> Result,
) -> i32 {
    // SAFETY: By the safety requirements.
    let (mut task, attr) = unsafe { (Task::assume(Vm::from_raw((*device).kvm)), &*attr) };

    errno(f(&mut task, model, attr))
}

/// A device is made.
///
/// # Safety
///
/// See the module's documentation; `kvm->lock` is held.
unsafe extern "C" fn create(device: *mut bindings::kvm_device, type_: u32) -> i32 {
    // SAFETY: By the safety requirements.
    let mut vm = unsafe { VmLocked::assume(Vm::from_raw((*device).kvm)) };

    errno(init::create(&mut vm, type_))
}

/// A device goes. What it has made goes with the VM.
///
/// # Safety
///
/// Nobody uses the device any more; it is from C's allocator.
unsafe extern "C" fn destroy(device: *mut bindings::kvm_device) {
    // SAFETY: By the safety requirements.
    unsafe { bindings::kfree(device.cast()) };
}

/// Makes the operations of a model's devices.
macro_rules! devices {
    ($($ops:ident, $set:ident, $get:ident, $has:ident: $model:ident, $name:literal;)*) => {$(
        /// Sets an attribute.
        ///
        /// # Safety
        ///
        /// See the module's documentation; `attr` is valid.
        unsafe extern "C" fn $set(
            device: *mut bindings::kvm_device,
            attr: *mut bindings::kvm_device_attr,
        ) -> i32 {
            // SAFETY: By the safety requirements.
            unsafe { with_attr(device, attr, Model::$model, device::set_attr) }
        }

        /// Gets an attribute.
        ///
        /// # Safety
        ///
        /// See the module's documentation; `attr` is valid.
        unsafe extern "C" fn $get(
            device: *mut bindings::kvm_device,
            attr: *mut bindings::kvm_device_attr,
        ) -> i32 {
            // SAFETY: By the safety requirements.
            unsafe { with_attr(device, attr, Model::$model, device::get_attr) }
        }

        /// Whether there is an attribute.
        ///
        /// # Safety
        ///
        /// See the module's documentation; `attr` is valid.
        unsafe extern "C" fn $has(
            device: *mut bindings::kvm_device,
            attr: *mut bindings::kvm_device_attr,
        ) -> i32 {
            // SAFETY: By the safety requirements.
            unsafe { with_attr(device, attr, Model::$model, device::has_attr) }
        }

        // SAFETY: The functions expect what KVM calls them with.
        static $ops: DeviceOps = unsafe {
            DeviceOps::new(bindings::kvm_device_ops {
                // `as_char_ptr()` cannot be used in a static.
                name: $name.to_bytes_with_nul().as_ptr(),
                create: Some(create),
                init: None,
                destroy: Some(destroy),
                release: None,
                set_attr: Some($set),
                get_attr: Some($get),
                has_attr: Some($has),
                ioctl: None,
                mmap: None,
            })
        };
    )*};
}

devices! {
    V2_OPS, v2_set_attr, v2_get_attr, v2_has_attr: V2, c"kvm-arm-vgic-v2";
    V3_OPS, v3_set_attr, v3_get_attr, v3_has_attr: V3, c"kvm-arm-vgic-v3";
    V5_OPS, v5_set_attr, v5_get_attr, v5_has_attr: V5, c"kvm-arm-vgic-v5";
}

/// # Safety
///
/// See the module's documentation; `device` is that of an ITS, by a file descriptor of it.
unsafe fn its_of<'a>(device: *mut bindings::kvm_device) -> (Task<'a>, LastingIts<'a>) {
    // SAFETY: By the safety requirements.
    unsafe {
        (
            Task::assume(Vm::from_raw((*device).kvm)),
            LastingIts::of_device(device),
        )
    }
}

/// A device of an ITS is made.
///
/// # Safety
///
/// See the module's documentation; `kvm->lock` is held.
unsafe extern "C" fn its_create(device: *mut bindings::kvm_device, _type: u32) -> i32 {
    // SAFETY: By the safety requirements.
    let mut vm = unsafe { VmLocked::assume(Vm::from_raw((*device).kvm)) };

    // SAFETY: Nobody knows the device yet.
    errno(its::device::create(&mut vm).map(|its| unsafe { Its::install(its, device) }))
}

/// A device of an ITS goes.
///
/// # Safety
///
/// Nobody uses the device or the ITS any more; it is from C's allocator.
unsafe extern "C" fn its_destroy(device: *mut bindings::kvm_device) {
    // SAFETY: By the safety requirements.
    unsafe {
        drop(Its::take(device));
        destroy(device);
    }
}

/// Sets an attribute of an ITS.
///
/// # Safety
///
/// See the module's documentation; `attr` is valid.
unsafe extern "C" fn its_set_attr(
    device: *mut bindings::kvm_device,
    attr: *mut bindings::kvm_device_attr,
) -> i32 {
    // SAFETY: By the safety requirements.
    let ((mut task, its), attr) = unsafe { (its_of(device), &*attr) };

    errno(its::device::set_attr(&mut task, its, attr))
}

/// Gets an attribute of an ITS.
///
/// # Safety
///
/// See the module's documentation; `attr` is valid.
unsafe extern "C" fn its_get_attr(
    device: *mut bindings::kvm_device,
    attr: *mut bindings::kvm_device_attr,
) -> i32 {
    // SAFETY: By the safety requirements.
    let ((mut task, its), attr) = unsafe { (its_of(device), &*attr) };

    errno(its::device::get_attr(&mut task, &its, attr))
}

/// Whether an ITS has an attribute.
///
/// # Safety
///
/// `attr` is valid.
unsafe extern "C" fn its_has_attr(
    _device: *mut bindings::kvm_device,
    attr: *mut bindings::kvm_device_attr,
) -> i32 {
    // SAFETY: By the safety requirements.
    errno(its::device::has_attr(unsafe { &*attr }))
}

// SAFETY: The functions expect what KVM calls them with.
static ITS_OPS: DeviceOps = unsafe {
    DeviceOps::new(bindings::kvm_device_ops {
        name: c"kvm-arm-vgic-its".to_bytes_with_nul().as_ptr(),
        create: Some(its_create),
        init: None,
        destroy: Some(its_destroy),
        release: None,
        set_attr: Some(its_set_attr),
        get_attr: Some(its_get_attr),
        has_attr: Some(its_has_attr),
        ioctl: None,
        mmap: None,
    })
};

/// Makes devices of a model available to user space, of a GICv3 also ITSs. Called when KVM
/// initialises.
///
/// # Errors
///
/// `ENODEV` if it is not a GIC's; those of [`DeviceOps::register`].
pub(super) fn register(device: u32) -> Result {
    match Model::of_device(device).ok_or(ENODEV)? {
        Model::V2 => V2_OPS.register(device),
        Model::V3 => {
            V3_OPS.register(device)?;
            ITS_OPS.register(bindings::kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_ITS)
        }
        Model::V5 => V5_OPS.register(device),
    }
}

/// `KVM_ARM_SET_DEVICE_ADDR` of a GICv2.
///
/// # Safety
///
/// See the module's documentation, of the VM; `dev_addr` is valid.
#[export]
unsafe extern "C" fn kvm_set_legacy_vgic_v2_addr(
    kvm: *mut bindings::kvm,
    dev_addr: *mut bindings::kvm_arm_device_addr,
) -> i32 {
    // SAFETY: By the safety requirements.
    let (mut task, id, base) = unsafe {
        (
            Task::assume(Vm::from_raw(kvm)),
            (*dev_addr).id,
            (*dev_addr).addr,
        )
    };

    errno(address::set_legacy(&mut task, id, base))
}
