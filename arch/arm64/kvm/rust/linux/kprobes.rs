// SPDX-License-Identifier: GPL-2.0

//! Functions that no probe may be put into.
//!
//! C header: [`include/asm-generic/kprobes.h`](srctree/include/asm-generic/kprobes.h)
//!
//! Mirrors: include/asm-generic/kprobes.h: NOKPROBE_SYMBOL

/// The address of a function, for the kernel's list.
#[cfg(CONFIG_KPROBES)]
#[repr(transparent)]
pub(crate) struct Unprobed(#[allow(dead_code, reason = "C reads it")] pub(crate) *const ());

// SAFETY: The address of a function.
#[cfg(CONFIG_KPROBES)]
unsafe impl Sync for Unprobed {}

/// Forbids probes in functions, as C's `NOKPROBE_SYMBOL()` does. What is inlined into them is part
/// of them.
macro_rules! nokprobe {
    ($($function:expr),* $(,)?) => {$(
        #[cfg(CONFIG_KPROBES)]
        const _: () = {
            #[used]
            #[link_section = "_kprobe_blacklist"]
            static ENTRY: $crate::linux::kprobes::Unprobed =
                $crate::linux::kprobes::Unprobed($function as *const ());
        };
    )*};
}
