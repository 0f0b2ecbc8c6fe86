// SPDX-License-Identifier: GPL-2.0

//! The timers' messages, which are those of C's `kvm_err()` and its kin: see `timer/glue.c`.

use super::*;
use kernel::{
    error::Error,
    str::CStr, //
};

/// An error that has nothing to add.
pub(crate) fn error(what: &'static CStr) {
    // SAFETY: The string is valid and terminated, here and below.
    unsafe { bindings::kvm_arm64_timer_err(what.as_char_ptr()) };
}

/// Firmware describes no interrupt for a timer that must have one.
pub(crate) fn bad_irq(which: &'static CStr, number: i32) {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_timer_bad_irq(which.as_char_ptr(), number) };
}

/// Firmware describes a timer's interrupt as an edge.
pub(crate) fn bad_trigger(irq: u32) {
    // SAFETY: No preconditions, here and below.
    unsafe { bindings::kvm_arm64_timer_bad_trigger(irq) };
}

/// A timer's interrupt cannot be had.
pub(crate) fn bad_request(which: &'static CStr, irq: u32, error: Error) {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_timer_bad_request(which.as_char_ptr(), irq, error.to_errno()) };
}

/// `CNTVOFF_EL2` does not work.
pub(crate) fn broken_cntvoff() {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_timer_broken_cntvoff() };
}

/// Notes the host IRQ of a timer, if debug messages are on for it.
pub(crate) fn debug_timer_irq(which: &'static CStr, irq: u32) {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_timer_debug_irq(which.as_char_ptr(), irq) };
}

/// Notes that a VM's timer interrupts are configured wrongly, if debug messages are on for it.
pub(crate) fn debug_bad_ppis() {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_timer_debug_bad_ppis() };
}
