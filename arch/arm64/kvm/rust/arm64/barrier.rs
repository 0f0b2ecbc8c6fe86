// SPDX-License-Identifier: GPL-2.0

//! Barriers (Arm ARM, "Barriers and CLREX instructions").

use core::arch::asm;

/// Instruction synchronization: later instructions see the effects of system-register writes
/// before it.
#[inline(always)]
pub(crate) fn isb() {
    // SAFETY: A barrier changes no state. It orders memory accesses too, so no `nomem`.
    unsafe { asm!("isb", options(nostack, preserves_flags)) };
}

/// Data synchronization of this CPU and of what it walks tables with: memory accesses before it,
/// and walks of the translation tables, complete before it does.
#[inline(always)]
pub(crate) fn dsb_nsh() {
    // SAFETY: A barrier changes no state. It orders memory accesses, so no `nomem`.
    unsafe { asm!("dsb nsh", options(nostack, preserves_flags)) };
}

/// Cortex-A77 1508412: reads of `PAR_EL1` and loads of device memory must not meet. Nothing on
/// other CPUs.
#[inline(always)]
pub(crate) fn dmb_for_erratum_1508412() {
    // SAFETY: Nothing, or a barrier.
    unsafe {
        asm!(
            alternative!("nop", "dmb sy"),
            cap = const crate::bindings::ARM64_WORKAROUND_1508412,
            options(nostack, preserves_flags)
        );
    }
}

/// Data synchronization: earlier memory accesses, of devices too, are complete.
#[inline(always)]
pub(crate) fn dsb_sy() {
    // SAFETY: A barrier changes no state. It orders memory accesses, so no `nomem`.
    unsafe { asm!("dsb sy", options(nostack, preserves_flags)) };
}

/// Synchronization of the profiling buffer (FEAT_SPE): what was sampled is in memory after the next
/// [`dsb_nsh`].
#[cfg(nvhe)]
#[inline(always)]
pub(crate) fn psb_csync() {
    // SAFETY: A barrier changes no state. It orders memory accesses, so no `nomem`.
    unsafe { asm!("hint #17", options(nostack, preserves_flags)) };
}

/// The same for the trace buffer (FEAT_TRBE).
#[cfg(nvhe)]
#[inline(always)]
pub(crate) fn tsb_csync() {
    if super::cpucaps::has_tsb_erratum() {
        // SAFETY: A barrier changes no state. It orders memory accesses, so no `nomem`.
        unsafe { asm!("hint #18", options(nostack, preserves_flags)) };
    }
    // SAFETY: A barrier changes no state. It orders memory accesses, so no `nomem`.
    unsafe { asm!("hint #18", options(nostack, preserves_flags)) };
}

/// Makes sure that interrupts are signalled by a priority mask that was just written.
#[cfg(nvhe)]
#[inline(always)]
pub(crate) fn pmr_sync() {
    // SAFETY: Nothing, or a barrier.
    unsafe {
        asm!(
            alternative!("dsb sy", "nop"),
            cap = const crate::bindings::ARM64_HAS_GIC_PRIO_RELAXED_SYNC,
            options(nostack, preserves_flags)
        );
    }
}
