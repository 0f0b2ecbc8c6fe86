// SPDX-License-Identifier: GPL-2.0

//! Devices of VMs that user space makes and configures (KVM_CREATE_DEVICE).
//!
//! C header: [`include/linux/kvm_host.h`](srctree/include/linux/kvm_host.h)

use kernel::{
    bindings,
    error::{
        to_result,
        Result, //
    },
};

/// What KVM calls of a type of devices.
#[repr(transparent)]
pub(crate) struct DeviceOps(bindings::kvm_device_ops);

// SAFETY: Immutable; the pointers in it are to a string literal and to functions.
unsafe impl Sync for DeviceOps {}

impl DeviceOps {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// The functions must be sound to call by KVM for a device of the type that these are
    /// registered for; the name must live for ever, and be terminated.
    pub(crate) const unsafe fn new(ops: bindings::kvm_device_ops) -> Self {
        Self(ops)
    }

    /// Makes devices of that type available to user space. Called when KVM initialises.
    ///
    /// # Errors
    ///
    /// `EEXIST` if others are registered for it; `ENOSPC` if there is no such type.
    pub(crate) fn register(&'static self, device: u32) -> Result {
        // SAFETY: They live for ever, and are sound by the constructor.
        to_result(unsafe { bindings::kvm_register_device_ops(&raw const self.0, device) })
    }
}
