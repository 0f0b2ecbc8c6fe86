// SPDX-License-Identifier: GPL-2.0

//! Messages in the form of C's `kvm_err()` and `kvm_info()`: `kvm [<pid>]: ...`.
//!
//! Mirrors: include/linux/kvm_host.h: kvm_err, kvm_info

use core::fmt::Write;
use kernel::{
    bindings, fmt,
    print::{
        call_printk,
        format_strings, //
    },
    str::{
        CStr,
        CStrExt, //
    },
};

/// Room for `kvm [`, a pid of ten digits, `]` and the terminator.
const PREFIX_LEN: usize = 20;

/// Collects the prefix; what does not fit is dropped, the terminator never is.
struct Prefix {
    buf: [u8; PREFIX_LEN],
    len: usize,
}

impl Write for Prefix {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        let room = self.buf.iter_mut().take(PREFIX_LEN - 1).skip(self.len);

        for (to, from) in room.zip(s.bytes()) {
            *to = from;
            self.len = self.len.saturating_add(1);
        }
        Ok(())
    }
}

fn prefix() -> Prefix {
    let mut prefix = Prefix {
        buf: [0; PREFIX_LEN],
        len: 0,
    };

    // SAFETY: No preconditions; the current task is always valid.
    let pid = unsafe { (*bindings::get_current()).pid };
    // Formatting into a buffer that accepts everything cannot fail.
    let _ = write!(prefix, "kvm [{pid}]");
    prefix
}

/// Prints an error. Used by `kvm_err!`.
pub(crate) fn error(args: fmt::Arguments<'_>) {
    // SAFETY: The format is the kernel's own, and the prefix ends in a zero byte.
    unsafe { call_printk(&format_strings::ERR, &prefix().buf, args) };
}

/// Prints an information. Used by `kvm_info!`.
pub(crate) fn info(args: fmt::Arguments<'_>) {
    // SAFETY: As above.
    unsafe { call_printk(&format_strings::INFO, &prefix().buf, args) };
}

/// Notes the host IRQ of a timer, if debug messages are on for it.
pub(crate) fn debug_timer_irq(which: &'static CStr, irq: u32) {
    // SAFETY: The string is valid and terminated.
    unsafe { bindings::kvm_arm64_timer_debug_irq(which.as_char_ptr(), irq) };
}

/// Notes that a VM's timer interrupts are configured wrongly, if debug messages are on for it.
pub(crate) fn debug_bad_ppis() {
    // SAFETY: No preconditions.
    unsafe { bindings::kvm_arm64_timer_debug_bad_ppis() };
}

/// `pr_err!` with KVM's prefix.
macro_rules! kvm_err {
    ($($arg:tt)*) => { $crate::host::log::error(kernel::prelude::fmt!($($arg)*)) };
}
pub(crate) use kvm_err;

/// `pr_info!` with KVM's prefix.
macro_rules! kvm_info {
    ($($arg:tt)*) => { $crate::host::log::info(kernel::prelude::fmt!($($arg)*)) };
}
pub(crate) use kvm_info;
