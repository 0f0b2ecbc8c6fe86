// SPDX-License-Identifier: GPL-2.0

//! Static keys that C code shares.
//!
//! C header: [`include/linux/jump_label.h`](srctree/include/linux/jump_label.h)

use kernel::bindings;

/// Whether `CNTVOFF_EL2` is broken, so that virtual timer and counter must trap. Hypervisor code
/// at EL2 tests the same key.
#[inline(always)]
pub(crate) fn has_broken_cntvoff() -> bool {
    #[cfg(CONFIG_JUMP_LABEL)]
    // SAFETY: The key is a real static key, defined by the timer's glue.c.
    unsafe {
        kernel::jump_label::arch_static_branch!(
            bindings::broken_cntvoff_key,
            bindings::static_key_false,
            key,
            false
        )
    }

    #[cfg(not(CONFIG_JUMP_LABEL))]
    // SAFETY: As above.
    unsafe {
        bindings::static_key_count((&raw mut bindings::broken_cntvoff_key).cast()) > 0
    }
}

/// Makes [`has_broken_cntvoff`] true for good. Sleeps.
pub(crate) fn set_broken_cntvoff() {
    // SAFETY: The key is a real static key; its first and only member is the plain key.
    unsafe { bindings::static_key_enable((&raw mut bindings::broken_cntvoff_key).cast()) };
}
