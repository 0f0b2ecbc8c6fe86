// SPDX-License-Identifier: GPL-2.0

//! The frames of a virtual GIC as devices on the VM's bus of memory-mapped I/O.
//!
//! They are kept in C's structures, which nobody but the vgic looks into. Where one is, is written
//! with `slots_lock` held: before the bus gets to know it, and after it has forgotten it.
//!
//! C headers: [`include/kvm/iodev.h`](srctree/include/kvm/iodev.h),
//! [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_io_device, iodev_type; include/kvm/iodev.h:
//!     kvm_iodevice_init; arch/arm64/kvm/vgic/vgic-mmio.c: vgic_register_dist_iodev;
//!     arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_register_redist_iodev,
//!     vgic_unregister_redist_iodev

use super::{
    super::prelude::*,
    dist::UNDEFINED, //
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    bindings,
    error::Result, //
};

/// A frame of a GIC as a device.
///
/// # Invariants
///
/// `ptr` is valid for `'a`, and is where a VM or vCPU has the device that `kind` is. `vcpu` is
/// NULL, or the vCPU of a redistributor.
#[derive(Clone, Copy)]
pub(crate) struct IoDevice<'a> {
    ptr: *mut bindings::vgic_io_device,
    kind: bindings::iodev_type,
    vcpu: *mut bindings::kvm_vcpu,
    _owner: PhantomData<&'a ()>,
}

impl<'a> Vm<'a> {
    /// The distributor's frame.
    pub(crate) fn dist_device(self) -> IoDevice<'a> {
        // INVARIANT: See the type.
        IoDevice {
            // SAFETY: The VM is valid.
            ptr: unsafe { &raw mut (*self.dist().ptr()).dist_iodev },
            kind: bindings::iodev_type_IODEV_DIST,
            vcpu: ptr::null_mut(),
            _owner: PhantomData,
        }
    }

    /// The frame of a GICv2's CPU interface, the same for all vCPUs.
    pub(crate) fn cpuif_device(self) -> IoDevice<'a> {
        // INVARIANT: See the type.
        IoDevice {
            // SAFETY: The VM is valid.
            ptr: unsafe { &raw mut (*self.dist().ptr()).cpuif_iodev },
            kind: bindings::iodev_type_IODEV_CPUIF,
            vcpu: ptr::null_mut(),
            _owner: PhantomData,
        }
    }
}

impl<'a> Vcpu<'a> {
    /// The frames of its redistributor.
    pub(crate) fn redist_device(self) -> IoDevice<'a> {
        // INVARIANT: See the type.
        IoDevice {
            // SAFETY: The vCPU is valid.
            ptr: unsafe { &raw mut (*self.as_ptr()).arch.vgic_cpu.rd_iodev },
            kind: bindings::iodev_type_IODEV_REDIST,
            vcpu: self.as_ptr(),
            _owner: PhantomData,
        }
    }
}

impl<'a> IoDevice<'a> {
    /// The frame of an ITS.
    ///
    /// # Safety
    ///
    /// `frame` must be valid for `'a`, and be that of an [`Its`].
    pub(super) const unsafe fn of_its(frame: *mut bindings::vgic_io_device) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            ptr: frame,
            kind: bindings::iodev_type_IODEV_ITS,
            vcpu: ptr::null_mut(),
            _owner: PhantomData,
        }
    }
}

impl IoDevice<'_> {
    /// Where it is in the guest's memory, if it is anywhere.
    pub(crate) fn base(self) -> Option<u64> {
        // SAFETY: Valid by the type invariant; one untorn load.
        let base = unsafe { (&raw const (*self.ptr).base_addr).read_volatile() };

        (base != UNDEFINED).then_some(base)
    }

    /// It is there, or nowhere. On the bus it is where it was when it was put there.
    pub(in crate::kvm) fn set_base(self, base: Option<u64>) {
        // SAFETY: Valid by the type invariant; one untorn store.
        unsafe {
            (&raw mut (*self.ptr).base_addr).write_volatile(base.unwrap_or(UNDEFINED));
        }
    }
}

impl Slots<'_> {
    /// Puts a frame of `size` bytes on the bus, at `base`. Sleeps.
    ///
    /// # Errors
    ///
    /// The bus': `ENOSPC`, `ENOMEM`. Nothing has changed then.
    pub(crate) fn place(&mut self, device: IoDevice<'_>, base: u64, size: u32) -> Result {
        // SAFETY: Valid by the type invariant. It is not on the bus: nobody else looks at it.
        let bus = unsafe {
            (*device.ptr).iodev_type = device.kind;
            (*device.ptr).__bindgen_anon_1.redist_vcpu = device.vcpu;
            (*device.ptr).dev.ops = &raw const bindings::kvm_io_gic_ops;
            &raw mut (*device.ptr).dev
        };

        device.set_base(Some(base));
        // SAFETY: Just initialised; it is part of a VM or vCPU, which takes it off the bus, or the
        // bus away, before it goes.
        unsafe { self.register(base, size, bus) }.inspect_err(|_| device.set_base(None))
    }

    /// Takes a frame off the bus, if it is on it: nobody accesses it any more. Sleeps.
    pub(crate) fn remove(&mut self, device: IoDevice<'_>) {
        // SAFETY: Valid by the type invariant.
        unsafe { self.unregister(&raw mut (*device.ptr).dev) };
        device.set_base(None);
    }
}
