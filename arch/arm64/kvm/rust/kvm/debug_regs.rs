// SPDX-License-Identifier: GPL-2.0

//! Breakpoints and watchpoints in memory.
//!
//! C header: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/debug-sr.h: read_debug, write_debug, save_debug,
//!     restore_debug; arch/arm64/include/asm/kvm_host.h: kvm_debug_regs_in_use,
//!     kvm_host_owns_debug_regs

use super::*;

view! {
    /// A reference to a `struct kvm_guest_debug_arch`.
    ///
    /// # Invariants
    ///
    /// `ptr` points at the structure for `'a`. Nobody else accesses it as long as a caller uses the
    /// value.
    pub(crate) struct DebugRegs<'a>(bindings::kvm_guest_debug_arch);
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

impl Field<bindings::kvm_vcpu_arch__bindgen_ty_2> for DebugOwner {
    #[inline(always)]
    fn from_c(raw: bindings::kvm_vcpu_arch__bindgen_ty_2) -> Self {
        Self(raw)
    }

    #[inline(always)]
    fn into_c(self) -> bindings::kvm_vcpu_arch__bindgen_ty_2 {
        self.0
    }
}

impl DebugRegs<'_> {
    /// Saves the CPU's, from the first to breakpoint `last.0` and watchpoint `last.1`.
    pub(crate) fn save(self, last: (u32, u32)) {
        // SAFETY: Valid and unaliased by the type invariant.
        let regs = unsafe { &mut *self.as_ptr() };

        Dbgbcr::save(last.0, &mut regs.dbg_bcr);
        Dbgbvr::save(last.0, &mut regs.dbg_bvr);
        Dbgwcr::save(last.1, &mut regs.dbg_wcr);
        Dbgwvr::save(last.1, &mut regs.dbg_wvr);
    }

    /// Restores the CPU's.
    pub(crate) fn restore(self, last: (u32, u32), masked: Masked<'_>) {
        // SAFETY: Valid and not written to by the type invariant.
        let regs = unsafe { &*self.as_ptr() };

        Dbgbcr::restore(last.0, &regs.dbg_bcr, masked);
        Dbgbvr::restore(last.0, &regs.dbg_bvr, masked);
        Dbgwcr::restore(last.1, &regs.dbg_wcr, masked);
        Dbgwvr::restore(last.1, &regs.dbg_wvr, masked);
    }
}

impl<'a> OwnVcpu<'a> {
    // SAFETY: A vCPU is valid, and these change by its own thread only, which is the caller.
    fields! { unsafe
        /// Who uses the breakpoints and watchpoints.
        pub(crate) debug_owner: DebugOwner = arch.debug_owner;
        /// The `MDSCR_EL1` by which user space debugs the guest.
        pub(crate) external_mdscr: u64 = arch.external_mdscr_el1;
    }

    // SAFETY: A vCPU is valid, and only its own thread, which is the caller, accesses these.
    parts! { unsafe
        /// The guest's breakpoints and watchpoints.
        pub(crate) guest_debug_regs: DebugRegs<'a> = arch.vcpu_debug_state;
        /// The breakpoints and watchpoints by which user space debugs the guest.
        pub(crate) external_debug_regs: DebugRegs<'a> = arch.external_debug_state;
    }
}
