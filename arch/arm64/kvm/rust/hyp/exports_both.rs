// SPDX-License-Identifier: GPL-2.0

//! What C and assembly call of the world switch at EL2, of a VHE host or below a host at EL1.
//!
//! C headers: [`arch/arm64/include/asm/kvm_hyp.h`](srctree/arch/arm64/include/asm/kvm_hyp.h),
//! [`arch/arm64/include/asm/kvm_asm.h`](srctree/arch/arm64/include/asm/kvm_asm.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: kvm_unexpected_el2_exception;
//!     arch/arm64/kvm/hyp/nvhe/switch.c: kvm_unexpected_el2_exception;
//!     arch/arm64/kvm/hyp/include/hyp/switch.h: __kvm_unexpected_el2_exception;
//!     arch/arm64/kvm/hyp/vhe/timer-sr.c: __kvm_timer_set_cntvoff;
//!     arch/arm64/kvm/hyp/nvhe/timer-sr.c: __kvm_timer_set_cntvoff

use super::*;
use kernel::prelude::export;

/// Handles an exception taken from EL2 while the guest's vectors are in force: the ERET of those
/// vectors goes on at a fix-up, or to a panic.
///
/// # Safety
///
/// Only from there.
#[export]
pub(super) unsafe extern "C" fn kvm_unexpected_el2_exception() {
    // SAFETY: Taking an exception masks all others.
    continue_elsewhere(unsafe { Masked::assume() });
}

/// Sets the offset of the guest's virtual counter.
///
/// # Safety
///
/// Only at EL2, on a CPU that the caller stays on.
#[export]
unsafe extern "C" fn __kvm_timer_set_cntvoff(cntvoff: u64) {
    // SAFETY: By the safety requirements.
    generic_timer::write_cntvoff_el2(cntvoff, unsafe { El2::assume() });
}
