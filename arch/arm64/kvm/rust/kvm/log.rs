// SPDX-License-Identifier: GPL-2.0

//! The timers' messages, which are those of C's `kvm_err()` and its kin: see `timer/glue.c`.

use super::*;
use kernel::{
    error::Error,
    str::CStr, //
};

// SAFETY: What they take are numbers, and strings that are terminated and live for ever.
functions! { unsafe
    /// An error that has nothing to add.
    pub(crate) fn error(what: &'static CStr => what.as_char_ptr()) = bindings::kvm_arm64_timer_err;
    /// Firmware describes no interrupt for a timer that must have one.
    pub(crate) fn bad_irq(which: &'static CStr => which.as_char_ptr(), number: i32)
        = bindings::kvm_arm64_timer_bad_irq;
    /// Firmware describes a timer's interrupt as an edge.
    pub(crate) fn bad_trigger(irq: u32) = bindings::kvm_arm64_timer_bad_trigger;
    /// A timer's interrupt cannot be had.
    pub(crate) fn bad_request(
        which: &'static CStr => which.as_char_ptr(),
        irq: u32,
        error: Error => error.to_errno()
    ) = bindings::kvm_arm64_timer_bad_request;
    /// `CNTVOFF_EL2` does not work.
    pub(crate) fn broken_cntvoff() = bindings::kvm_arm64_timer_broken_cntvoff;
    /// Notes the host IRQ of a timer, if debug messages are on for it.
    pub(crate) fn debug_timer_irq(which: &'static CStr => which.as_char_ptr(), irq: u32)
        = bindings::kvm_arm64_timer_debug_irq;
    /// Notes that a VM's timer interrupts are configured wrongly, if debug messages are on for it.
    pub(crate) fn debug_bad_ppis() = bindings::kvm_arm64_timer_debug_bad_ppis;
}
