// SPDX-License-Identifier: GPL-2.0

//! Breakpoints and watchpoints in memory.
//!
//! C header: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/debug-sr.h: read_debug, write_debug, save_debug,
//!     restore_debug; arch/arm64/include/asm/kvm_host.h: kvm_debug_regs_in_use,
//!     kvm_host_owns_debug_regs

use super::prelude::*;
use crate::{
    arm64::prelude::*,
    bindings, //
};
use core::marker::PhantomData;

/// A reference to a `struct kvm_guest_debug_arch`.
///
/// # Invariants
///
/// `ptr` points at the structure for `'a`. Nobody else accesses it as long as a caller uses the
/// value.
#[derive(Clone, Copy)]
pub(crate) struct DebugRegs<'a> {
    ptr: *mut bindings::kvm_guest_debug_arch,
    _regs: PhantomData<&'a bindings::kvm_guest_debug_arch>,
}

/// Who uses the breakpoints and watchpoints while a guest runs. C's number, since to make it an
/// enumeration costs as much on each entry as all that is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DebugOwner(bindings::kvm_vcpu_arch__bindgen_ty_2);

impl DebugOwner {
    /// User space, which debugs the guest.
    pub(crate) const HOST: Self = Self(bindings::kvm_vcpu_arch_VCPU_DEBUG_HOST_OWNED);
    /// The guest.
    pub(crate) const GUEST: Self = Self(bindings::kvm_vcpu_arch_VCPU_DEBUG_GUEST_OWNED);
    // Anything else is nobody: they are not switched.
}

impl DebugRegs<'_> {
    /// # Safety
    ///
    /// `ptr` must point at the structure, valid for the lifetime of the returned value, that
    /// nobody else accesses meanwhile.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(ptr: *mut bindings::kvm_guest_debug_arch) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            ptr,
            _regs: PhantomData,
        }
    }

    /// Saves the CPU's, from the first to breakpoint `last.0` and watchpoint `last.1`.
    pub(crate) fn save(self, last: (u32, u32)) {
        // SAFETY: Valid and unaliased by the type invariant.
        let regs = unsafe { &mut *self.ptr };

        Dbgbcr::save(last.0, &mut regs.dbg_bcr);
        Dbgbvr::save(last.0, &mut regs.dbg_bvr);
        Dbgwcr::save(last.1, &mut regs.dbg_wcr);
        Dbgwvr::save(last.1, &mut regs.dbg_wvr);
    }

    /// Restores the CPU's.
    pub(crate) fn restore(self, last: (u32, u32), masked: Masked<'_>) {
        // SAFETY: Valid and not written to by the type invariant.
        let regs = unsafe { &*self.ptr };

        Dbgbcr::restore(last.0, &regs.dbg_bcr, masked);
        Dbgbvr::restore(last.0, &regs.dbg_bvr, masked);
        Dbgwcr::restore(last.1, &regs.dbg_wcr, masked);
        Dbgwvr::restore(last.1, &regs.dbg_wvr, masked);
    }
}

impl<'a> OwnVcpu<'a> {
    /// Who uses the breakpoints and watchpoints.
    #[inline(always)]
    pub(crate) fn debug_owner(self) -> DebugOwner {
        // SAFETY: A `Vcpu` points at one; the field changes by the vCPU's own thread only.
        DebugOwner(unsafe { (*self.as_ptr()).arch.debug_owner })
    }

    /// The guest's breakpoints and watchpoints.
    #[inline(always)]
    pub(crate) fn guest_debug_regs(self) -> DebugRegs<'a> {
        // SAFETY: Part of the vCPU, and used by its thread only, which is the caller.
        unsafe { DebugRegs::from_raw(&raw mut (*self.as_ptr()).arch.vcpu_debug_state) }
    }

    /// The breakpoints and watchpoints by which user space debugs the guest.
    #[inline(always)]
    pub(crate) fn external_debug_regs(self) -> DebugRegs<'a> {
        // SAFETY: See above.
        unsafe { DebugRegs::from_raw(&raw mut (*self.as_ptr()).arch.external_debug_state) }
    }

    /// The `MDSCR_EL1` by which user space debugs the guest.
    #[inline(always)]
    pub(crate) fn external_mdscr(self) -> u64 {
        // SAFETY: See above.
        unsafe { (*self.as_ptr()).arch.external_mdscr_el1 }
    }
}
