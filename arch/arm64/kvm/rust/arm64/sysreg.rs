// SPDX-License-Identifier: GPL-2.0

//! Access to system registers.
//!
//! Registers are named by string, either by a name that the assembler knows or by encoding
//! (`S<op0>_<op1>_C<n>_C<m>_<op2>`). The macros are for the typed accessors of this folder;
//! nothing else should name a register.

/// Reads a system register.
macro_rules! read_sysreg {
    ($reg:expr) => {{
        let value: u64;
        // SAFETY: The reads that this crate makes have no effect on memory that Rust knows of.
        unsafe {
            core::arch::asm!(
                concat!("mrs {}, ", $reg),
                out(reg) value,
                options(nomem, nostack, preserves_flags)
            )
        };
        value
    }};
}

/// Writes a system register.
macro_rules! write_sysreg {
    ($reg:expr, $value:expr) => {{
        let value: u64 = $value;
        // SAFETY: No register has an effect on memory that Rust knows of. What else a write does is
        // the business of the typed accessor that this is expanded in.
        unsafe {
            core::arch::asm!(
                concat!("msr ", $reg, ", {}"),
                in(reg) value,
                options(nomem, nostack, preserves_flags)
            )
        };
    }};
}

/// Reads a guest's EL0 register: `$el0`, or on VHE, where that name means the host's own, its
/// `_EL02` alias.
macro_rules! read_sysreg_el0 {
    ($el0:literal, $el02:literal) => {{
        let value: u64;
        // SAFETY: As for `read_sysreg!`; both alternatives write just the output register.
        unsafe {
            core::arch::asm!(
                alternative!(
                    concat!("mrs {value}, ", $el0),
                    concat!("mrs {value}, ", $el02)
                ),
                cap = const kernel::bindings::ARM64_HAS_VIRT_HOST_EXTN,
                value = out(reg) value,
                options(nomem, nostack, preserves_flags)
            )
        };
        value
    }};
}

/// Writes a guest's EL0 register; see [`read_sysreg_el0`].
macro_rules! write_sysreg_el0 {
    ($el0:literal, $el02:literal, $value:expr) => {{
        let value: u64 = $value;
        // SAFETY: As for `write_sysreg!`.
        unsafe {
            core::arch::asm!(
                alternative!(
                    concat!("msr ", $el0, ", {value}"),
                    concat!("msr ", $el02, ", {value}")
                ),
                cap = const kernel::bindings::ARM64_HAS_VIRT_HOST_EXTN,
                value = in(reg) value,
                options(nomem, nostack, preserves_flags)
            )
        };
    }};
}

/// Makes types of system registers: `Name = "how the assembler knows it"`, by encoding
/// (`S<op0>_<op1>_C<n>_C<m>_<op2>`) where the assembler would ask for a feature.
macro_rules! system_registers {
    ($($(#[$meta:meta])* $name:ident = $reg:literal),* $(,)?) => {$(
        $(#[$meta])*
        pub(crate) struct $name;

        impl $crate::arm64::registers::SystemRegister for $name {
            #[inline(always)]
            fn read() -> u64 {
                read_sysreg!($reg)
            }

            #[inline(always)]
            unsafe fn write(value: u64) {
                write_sysreg!($reg, value)
            }
        }
    )*};
}

/// The same for registers of guests.
///
/// All that is named must fulfil the requirements of [`GuestRegister`].
macro_rules! guest_registers {
    ($($(#[$meta:meta])* $name:ident = $reg:literal),* $(,)?) => {
        system_registers! { $($(#[$meta])* $name = $reg),* }

        // SAFETY: Required of the caller of this macro.
        $(unsafe impl $crate::arm64::registers::GuestRegister for $name {})*
    };
}

#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) use {
    guest_registers,
    system_registers, //
};
