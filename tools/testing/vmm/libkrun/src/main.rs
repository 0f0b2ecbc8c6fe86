// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//! A guest under libkrun: the library has no program of its own that takes a kernel and disks.
//!
//!     krun-guest KERNEL INITRD COMMAND-LINE DISK LOG-DISK
//!
//! 2 CPUs, 512 MB. The guest's hvc0 is on standard output, and on standard input if both are a terminal.
//! The second disk is written to.

use std::env;
use std::ffi::{CStr, CString};
use std::io::{stdin, stdout, IsTerminal};
use std::process::exit;

const CPUS: u8 = 2;
const MEMORY_MB: u32 = 512;
/// libkrun: errors and warnings.
const WARNINGS: u32 = 2;
/// libkrun: a kernel as `arch/arm64/boot/Image` is.
const RAW: u32 = 0;

/// libkrun's numbers below zero are errors.
fn check(what: &str, status: i32) -> u32 {
    u32::try_from(status).unwrap_or_else(|_| {
        eprintln!("krun-guest: {what}: error {status}");
        exit(1)
    })
}

fn set_up(kernel: &CStr, initrd: &CStr, append: &CStr, disk: &CStr, log: &CStr) -> u32 {
    check("log level", krun::krun_set_log_level(WARNINGS));
    let ctx = check("context", krun::krun_create_ctx());
    check(
        "CPUs and memory",
        krun::krun_set_vm_config(ctx, CPUS, MEMORY_MB),
    );
    check("vsock", krun::krun_disable_implicit_vsock(ctx));
    // SAFETY: all pointers are of strings that the caller keeps; libkrun copies them.
    unsafe {
        check(
            "kernel",
            krun::krun_set_kernel(ctx, kernel.as_ptr(), RAW, initrd.as_ptr(), append.as_ptr()),
        );
        check(
            "disk",
            krun::krun_add_disk(ctx, c"disk".as_ptr(), disk.as_ptr(), true),
        );
        check(
            "log disk",
            krun::krun_add_disk(ctx, c"log".as_ptr(), log.as_ptr(), false),
        );
        if !(stdin().is_terminal() && stdout().is_terminal()) {
            // Else standard output would be no console, but a port for another guest's init.
            check(
                "console",
                krun::krun_set_console_output(ctx, c"/dev/stdout".as_ptr()),
            );
        }
    }
    ctx
}

fn main() {
    let words: Result<Vec<_>, _> = env::args().skip(1).map(CString::new).collect();
    let Ok([kernel, initrd, append, disk, log]) = words.as_deref() else {
        eprintln!("usage: krun-guest KERNEL INITRD COMMAND-LINE DISK LOG-DISK");
        exit(2);
    };
    let ctx = set_up(kernel, initrd, append, disk, log);
    // Comes back only if the guest can't be started: its end is the program's.
    check("start", krun::krun_start_enter(ctx));
}
