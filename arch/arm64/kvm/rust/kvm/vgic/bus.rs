// SPDX-License-Identifier: GPL-2.0

//! An access of a guest, as the VM's memory-mapped I/O bus hands it to a frame of the virtual GIC.
//!
//! C headers: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h),
//! [`include/kvm/iodev.h`](srctree/include/kvm/iodev.h)
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_io_device, iodev_type; arch/arm64/kvm/vgic/vgic-mmio.c:
//!     kvm_to_vgic_iodev, vgic_data_mmio_bus_to_host, vgic_data_host_to_mmio_bus

use super::super::prelude::*;
use core::{
    ffi::c_void,
    marker::PhantomData,
    mem::offset_of, //
};
use kernel::bindings;

/// What a frame is of.
#[derive(Clone, Copy)]
pub(crate) enum Accessed<'a> {
    /// The distributor.
    Distributor,
    /// The CPU interface of a GICv2, at the same address for all vCPUs.
    CpuInterface,
    /// The redistributor of a vCPU of a GICv3.
    Redistributor(Vcpu<'a>),
    /// An ITS.
    Its(&'a Its),
}

/// A place in a frame.
#[derive(Clone, Copy)]
pub(crate) struct Address<'a> {
    /// The frame.
    pub(crate) frame: Accessed<'a>,
    /// The offset in it.
    pub(crate) offset: u32,
}

impl Address<'_> {
    /// What is at an address where the bus has found a device. None if that is of a kind that we
    /// do not have.
    ///
    /// # Safety
    ///
    /// `device` must be that of a frame of a virtual GIC, and be on the bus for as long as the
    /// value is in use.
    #[inline(always)]
    pub(crate) unsafe fn find(device: *mut bindings::kvm_io_device, address: u64) -> Option<Self> {
        // SAFETY: By the safety requirements the offset leads back to the frame's structure.
        let device: *const bindings::vgic_io_device = unsafe {
            device
                .byte_sub(offset_of!(bindings::vgic_io_device, dev))
                .cast()
        };
        // SAFETY: Valid, as the device is; does not change while that is on the bus.
        let frame = match unsafe { (*device).iodev_type } {
            bindings::iodev_type_IODEV_DIST => Accessed::Distributor,
            bindings::iodev_type_IODEV_CPUIF => Accessed::CpuInterface,
            bindings::iodev_type_IODEV_REDIST => {
                // SAFETY: Of a union of pointers this kind has that one. A vCPU is complete before
                // anybody runs who could access its redistributor.
                Accessed::Redistributor(unsafe {
                    Vcpu::from_raw((*device).__bindgen_anon_1.redist_vcpu)
                })
            }
            // SAFETY: It is that of an ITS, which does not go before the bus.
            bindings::iodev_type_IODEV_ITS => Accessed::Its(unsafe { Its::of_frame(device) }),
            _ => return None,
        };
        // SAFETY: Valid, as the device is; does not change while that is on the bus.
        let offset = address.wrapping_sub(unsafe { (*device).base_addr });

        Some(Self {
            frame,
            // No frame is as large: there is nothing at the end.
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
        })
    }
}

/// The bytes that a guest stores: a GIC is little-endian, whatever the guest is.
#[derive(Clone, Copy)]
pub(crate) struct StoredBytes {
    value: u64,
    bytes: u32,
}

impl StoredBytes {
    /// Takes them from a buffer of the bus.
    ///
    /// # Safety
    ///
    /// `data` must be valid for reads of `len` bytes.
    #[inline(always)]
    pub(crate) unsafe fn take(data: *const c_void, len: i32) -> Self {
        // SAFETY: By the safety requirements.
        let value = unsafe {
            match len {
                4 => u64::from(u32::from_le(data.cast::<u32>().read_unaligned())),
                8 => u64::from_le(data.cast::<u64>().read_unaligned()),
                1 => u64::from(data.cast::<u8>().read()),
                // There is no register of another width.
                _ => 0,
            }
        };

        Self {
            value,
            bytes: u32::try_from(len).unwrap_or(0),
        }
    }

    /// As a number.
    #[inline(always)]
    pub(crate) fn value(self) -> u64 {
        self.value
    }

    /// How many.
    #[inline(always)]
    pub(crate) fn bytes(self) -> u32 {
        self.bytes
    }
}

/// Where the bytes go that a guest loads.
///
/// # Invariants
///
/// `data` is valid for writes of `len` bytes.
pub(crate) struct LoadedBytes<'a> {
    data: *mut c_void,
    len: i32,
    _buffer: PhantomData<&'a mut [u8]>,
}

impl LoadedBytes<'_> {
    /// A buffer of the bus.
    ///
    /// # Safety
    ///
    /// `data` must be valid for writes of `len` bytes for as long as the value exists.
    #[inline(always)]
    pub(crate) unsafe fn new(data: *mut c_void, len: i32) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            data,
            len,
            _buffer: PhantomData,
        }
    }

    /// How many.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> u32 {
        u32::try_from(self.len).unwrap_or(0)
    }

    /// The number that they are, cut to what there is room for.
    #[inline(always)]
    pub(crate) fn put(self, value: u64) {
        // SAFETY: By the type invariant. CAST: Cut as it says.
        unsafe {
            match self.len {
                4 => self
                    .data
                    .cast::<u32>()
                    .write_unaligned((value as u32).to_le()),
                8 => self.data.cast::<u64>().write_unaligned(value.to_le()),
                1 => self.data.cast::<u8>().write(value as u8),
                // There is no register of another width.
                _ => self
                    .data
                    .cast::<u8>()
                    .write_bytes(0, usize::try_from(self.len).unwrap_or(0)),
            }
        }
    }
}
