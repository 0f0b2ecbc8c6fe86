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
