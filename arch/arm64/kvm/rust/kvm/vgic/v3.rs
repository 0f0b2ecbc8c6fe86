// SPDX-License-Identifier: GPL-2.0

//! The CPU interface of a vCPU with a GICv3, in memory.
//!
//! C header: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_cpu

use super::super::prelude::*;
use crate::arm64::prelude::*;
use core::marker::PhantomData;
use kernel::bindings;

/// A reference to a `struct vgic_v3_cpu_if`, in the hands of whoever switches the vCPU.
///
/// # Invariants
///
/// `ptr` is valid for `'a`, and nobody else accesses what it points at: it belongs to the CPU that
/// the vCPU is loaded on, or to its thread.
#[derive(Clone, Copy)]
pub(crate) struct VgicV3<'a> {
    ptr: *mut bindings::vgic_v3_cpu_if,
    _state: PhantomData<&'a bindings::vgic_v3_cpu_if>,
}

impl VgicV3<'_> {
    /// # Safety
    ///
    /// `ptr` must be valid for the lifetime of the returned value, and what it points at must not
    /// be accessed by others meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(ptr: *mut bindings::vgic_v3_cpu_if) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            ptr,
            _state: PhantomData,
        }
    }

    /// `ICH_HCR_EL2` less the traps that all guests have.
    #[inline(always)]
    pub(crate) fn hcr(self) -> IchHcr {
        // SAFETY: Valid by the type invariant, here and below.
        IchHcr::from_raw(u64::from(unsafe { (*self.ptr).vgic_hcr }))
    }

    /// See [`Self::hcr`].
    #[inline(always)]
    pub(crate) fn set_hcr(self, hcr: IchHcr) {
        // SAFETY: See above. CAST: The upper half is reserved.
        unsafe { (*self.ptr).vgic_hcr = hcr.into_raw() as u32 };
    }

    /// `ICH_VMCR_EL2`.
    #[inline(always)]
    pub(crate) fn vmcr(self) -> u32 {
        // SAFETY: See above.
        unsafe { (*self.ptr).vgic_vmcr }
    }

    /// See [`Self::vmcr`].
    #[inline(always)]
    pub(crate) fn set_vmcr(self, vmcr: u32) {
        // SAFETY: See above.
        unsafe { (*self.ptr).vgic_vmcr = vmcr };
    }

    /// Whether the guest's interface is one of system registers, rather than that of a GICv2.
    #[inline(always)]
    pub(crate) fn uses_system_registers(self) -> bool {
        // SAFETY: See above.
        unsafe { (*self.ptr).vgic_sre != 0 }
    }

    /// Whether a GICv4 delivers interrupts to it directly.
    #[inline(always)]
    pub(crate) fn has_vpe(self) -> bool {
        // SAFETY: See above.
        unsafe { !(*self.ptr).its_vpe.its_vm.is_null() }
    }

    /// The number of list registers in use.
    #[inline(always)]
    pub(crate) fn used_lrs(self) -> u32 {
        // SAFETY: See above.
        unsafe { (*self.ptr).used_lrs }
    }

    /// A list register. The number is checked when compiling.
    #[inline(always)]
    pub(crate) fn lr<const N: u32>(self) -> u64 {
        const { assert!(N < LRS) };
        // SAFETY: See above; within the array.
        unsafe {
            (&raw const (*self.ptr).vgic_lr)
                .cast::<u64>()
                .add(N as usize)
                .read()
        }
    }

    /// See [`Self::lr`].
    #[inline(always)]
    pub(crate) fn set_lr<const N: u32>(self, lr: u64) {
        const { assert!(N < LRS) };
        // SAFETY: See above; within the array.
        unsafe {
            (&raw mut (*self.ptr).vgic_lr)
                .cast::<u64>()
                .add(N as usize)
                .write(lr)
        };
    }

    /// An active-priority register of group 0, `ICH_AP0R<n>_EL2`. The number is checked when
    /// compiling.
    #[inline(always)]
    pub(crate) fn ap0r<const N: u32>(self) -> u32 {
        const { assert!(N < APRS) };
        // SAFETY: See above; within the array.
        unsafe {
            (&raw const (*self.ptr).vgic_ap0r)
                .cast::<u32>()
                .add(N as usize)
                .read()
        }
    }

    /// See [`Self::ap0r`].
    #[inline(always)]
    pub(crate) fn set_ap0r<const N: u32>(self, bits: u32) {
        const { assert!(N < APRS) };
        // SAFETY: See above; within the array.
        unsafe {
            (&raw mut (*self.ptr).vgic_ap0r)
                .cast::<u32>()
                .add(N as usize)
                .write(bits)
        };
    }

    /// An active-priority register of group 1, `ICH_AP1R<n>_EL2`. The number is checked when
    /// compiling.
    #[inline(always)]
    pub(crate) fn ap1r<const N: u32>(self) -> u32 {
        const { assert!(N < APRS) };
        // SAFETY: See above; within the array.
        unsafe {
            (&raw const (*self.ptr).vgic_ap1r)
                .cast::<u32>()
                .add(N as usize)
                .read()
        }
    }

    /// See [`Self::ap1r`].
    #[inline(always)]
    pub(crate) fn set_ap1r<const N: u32>(self, bits: u32) {
        const { assert!(N < APRS) };
        // SAFETY: See above; within the array.
        unsafe {
            (&raw mut (*self.ptr).vgic_ap1r)
                .cast::<u32>()
                .add(N as usize)
                .write(bits)
        };
    }
}

impl<'a> OwnVcpu<'a> {
    /// Its CPU interface, of a vCPU that has a GICv3 or GICv2, or nothing, on a GICv3 host. Of
    /// other hosts' it is data without meaning.
    #[inline(always)]
    pub(crate) fn vgic_v3(self) -> VgicV3<'a> {
        // SAFETY: A vCPU is valid, and its own thread is where this type is used. The interface is
        // one of several of a union of plain data.
        unsafe {
            VgicV3::from_raw(&raw mut (*self.as_ptr()).arch.vgic_cpu.__bindgen_anon_1.vgic_v3)
        }
    }
}

const LRS: u32 = bindings::VGIC_V3_MAX_LRS;
const APRS: u32 = 4;
