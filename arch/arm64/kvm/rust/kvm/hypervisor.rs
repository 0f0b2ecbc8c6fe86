// SPDX-License-Identifier: GPL-2.0

//! Calls to the hypervisor at EL2, on hosts that run at EL1.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: set_cntvoff

use super::*;

/// Sets `CNTVOFF_EL2`, in ticks. On return the change is in effect.
#[inline(never)]
pub(crate) fn set_cntvoff(offset: u64) {
    // SAFETY: Any value is accepted. The host itself does not use the virtual counter.
    unsafe { bindings::kvm_timer_set_cntvoff_nvhe(offset) };
}
