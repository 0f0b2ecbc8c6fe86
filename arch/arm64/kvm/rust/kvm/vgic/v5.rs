// SPDX-License-Identifier: GPL-2.0

//! The CPU interface of a vCPU with a GICv5, in memory.
//!
//! C headers: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h),
//! [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)

use core::marker::PhantomData;
use kernel::bindings;

/// A reference to a `struct vgic_v5_cpu_if`, in the hands of whoever switches the vCPU.
///
/// # Invariants
///
/// `ptr` is valid for `'a`, and nobody else accesses what it points at: it belongs to the CPU that
/// the vCPU is loaded on, or to its thread.
#[derive(Clone, Copy)]
pub(crate) struct VgicV5<'a> {
    ptr: *mut bindings::vgic_v5_cpu_if,
    _state: PhantomData<&'a bindings::vgic_v5_cpu_if>,
}

/// Makes accessors of fields.
macro_rules! fields {
    ($($(#[$meta:meta])* $get:ident $(, $set:ident)? => $field:ident $([$index:literal])?;)*) => {$(
        $(#[$meta])*
        #[inline(always)]
        pub(crate) fn $get(self) -> u64 {
            // SAFETY: Valid by the type invariant. CAST: bitmaps are of words of 64 bits.
            unsafe { (*self.ptr).$field $([$index])? as u64 }
        }

        $(
            #[doc = concat!("See [`Self::", stringify!($get), "`].")]
            #[inline(always)]
            pub(crate) fn $set(self, value: u64) {
                // SAFETY: Valid by the type invariant.
                unsafe { (*self.ptr).$field = value };
            }
        )?
    )*};
}

impl VgicV5<'_> {
    /// # Safety
    ///
    /// `ptr` must be valid for the lifetime of the returned value, and what it points at must not
    /// be accessed by others meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(ptr: *mut bindings::vgic_v5_cpu_if) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            ptr,
            _state: PhantomData,
        }
    }

    fields! {
        /// `ICH_APR_EL2`.
        apr, set_apr => vgic_apr;
        /// `ICH_VMCR_EL2`.
        vmcr, set_vmcr => vgic_vmcr;
        /// `ICC_ICSR_EL1`.
        icsr, set_icsr => vgic_icsr;
        /// The PPIs that go to the guest directly, a bit each, as are the next two.
        ppi_direct => vgic_ppi_dvir[0];
        /// The PPIs that are active.
        ppi_active => vgic_ppi_activer[0];
        /// The PPIs that are enabled.
        ppi_enabled => vgic_ppi_enabler[0];
    }

    /// The PPIs' priorities, a byte each.
    #[inline(always)]
    pub(crate) fn ppi_priorities(self) -> [u64; 8] {
        // SAFETY: Valid by the type invariant.
        unsafe { (*self.ptr).vgic_ppi_priorityr }
    }

    /// See [`Self::ppi_priorities`].
    #[inline(always)]
    pub(crate) fn set_ppi_priorities(self, priorities: [u64; 8]) {
        // SAFETY: Valid by the type invariant.
        unsafe { (*self.ptr).vgic_ppi_priorityr = priorities };
    }
}

/// This CPU's note of the PPIs of the guest that runs, or ran last.
///
/// # Invariants
///
/// Both point at 64 bits that only this CPU accesses, for `'cpu`.
#[derive(Clone, Copy)]
pub(crate) struct PpiState<'cpu> {
    pending: *mut u64,
    active: *mut u64,
    _cpu: PhantomData<&'cpu ()>,
}

impl<'cpu> PpiState<'cpu> {
    /// # Safety
    ///
    /// Both must point at 64 bits that only this CPU accesses, for the lifetime of the returned
    /// value.
    #[inline(always)]
    pub(in crate::kvm) unsafe fn from_raw(pending: *mut u64, active: *mut u64) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            pending,
            active,
            _cpu: PhantomData,
        }
    }

    /// The PPIs that are pending.
    #[inline(always)]
    pub(crate) fn pending(self) -> u64 {
        // SAFETY: Valid by the type invariant.
        unsafe { self.pending.read() }
    }

    /// Those that were pending when the guest was left.
    #[inline(always)]
    pub(crate) fn set_pending(self, bits: u64) {
        // SAFETY: Valid by the type invariant.
        unsafe { self.pending.write(bits) };
    }

    /// Those that were active when the guest was left.
    #[inline(always)]
    pub(crate) fn set_active(self, bits: u64) {
        // SAFETY: Valid by the type invariant.
        unsafe { self.active.write(bits) };
    }
}
