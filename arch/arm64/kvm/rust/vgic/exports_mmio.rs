// SPDX-License-Identifier: GPL-2.0

//! What C calls when a guest accesses a frame of the virtual GIC, or sends an SGI by a system
//! register.
//!
//! Pointers are to vCPUs that are complete, and live at least as long as the call. Further
//! requirements are stated where there are any.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio.c: kvm_io_gic_ops

use super::{
    mmio,
    sgi, //
};
use crate::{
    gic::affinity::Sgi1r,
    kvm::prelude::*, //
};
use core::ffi::c_void;
use kernel::{
    bindings,
    prelude::export, //
};

/// For all frames of virtual GICs.
#[no_mangle]
static kvm_io_gic_ops: bindings::kvm_io_device_ops = bindings::kvm_io_device_ops {
    read: Some(load),
    write: Some(store),
    destructor: None,
};

/// A guest loads from a device.
///
/// # Safety
///
/// See the module's documentation. By the vCPU's thread, which handles an exit of its guest, in a
/// read section of `kvm->srcu`; `device` is that of a frame of the VM's virtual GIC, on the bus; `value`
/// is valid for writes of `len` bytes.
unsafe extern "C" fn load(
    vcpu: *mut bindings::kvm_vcpu,
    device: *mut bindings::kvm_io_device,
    address: bindings::gpa_t,
    len: i32,
    value: *mut c_void,
) -> i32 {
    // SAFETY: By the safety requirements, here and below.
    let (mut mmio, data) = unsafe { (InMmio::assume(vcpu), LoadedBytes::new(value, len)) };

    // SAFETY: By the safety requirements.
    mmio::load(&mut mmio, unsafe { Address::find(device, address) }, data);
    0
}

/// A guest stores to a device.
///
/// # Safety
///
/// As for [`load`], but `value` is valid for reads.
unsafe extern "C" fn store(
    vcpu: *mut bindings::kvm_vcpu,
    device: *mut bindings::kvm_io_device,
    address: bindings::gpa_t,
    len: i32,
    value: *const c_void,
) -> i32 {
    // SAFETY: By the safety requirements, here and below.
    let (mut mmio, data) = unsafe { (InMmio::assume(vcpu), StoredBytes::take(value, len)) };

    // SAFETY: By the safety requirements.
    if let Some(address) = unsafe { Address::find(device, address) } {
        mmio::store(&mut mmio, address, data);
    }
    0
}

/// A guest writes one of the system registers that send an SGI.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn vgic_v3_dispatch_sgi(
    vcpu: *mut bindings::kvm_vcpu,
    reg: u64,
    allow_group1: bool,
) {
    // SAFETY: By the safety requirements.
    sgi::send_v3(
        unsafe { Vcpu::from_raw(vcpu) },
        Sgi1r::from_raw(reg),
        allow_group1,
    );
}
