// SPDX-License-Identifier: GPL-2.0

//! Static keys that C code shares.
//!
//! C header: [`include/linux/jump_label.h`](srctree/include/linux/jump_label.h)

/// Whether a key that is false at boot is true by now: a NOP, or a branch once it is.
macro_rules! is_enabled {
    ($key:ident) => {
        is_enabled!($key, static_key_false, key)
    };
    ($key:ident, $ty:ident, $field:ident) => {{
        #[cfg(CONFIG_JUMP_LABEL)]
        // SAFETY: The key is a real static key, defined by C code that this is linked to.
        unsafe {
            kernel::jump_label::arch_static_branch!(bindings::$key, bindings::$ty, $field, false)
        }

        #[cfg(not(CONFIG_JUMP_LABEL))]
        // SAFETY: The key is a real static key, defined by C code that this is linked to.
        unsafe {
            bindings::static_key_count((&raw mut bindings::$key.$field).cast()) > 0
        }
    }};
}
