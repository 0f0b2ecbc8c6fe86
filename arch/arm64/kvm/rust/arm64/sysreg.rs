// SPDX-License-Identifier: GPL-2.0

//! The instructions that access system registers, for the types of [`super::registers`]: nothing
//! else names a register.
//!
//! A register is given by its encoding, an expression that is constant.

/// Expands to an `asm!` on a register's name in the assembler's generic form.
macro_rules! asm_sysreg {
    ($template:expr, $encoding:expr, $($operands:tt)*) => {
        core::arch::asm!(
            $template,
            op0 = const $encoding.op0(),
            op1 = const $encoding.op1(),
            crn = const $encoding.crn(),
            crm = const $encoding.crm(),
            op2 = const $encoding.op2(),
            $($operands)*
            options(nomem, nostack, preserves_flags)
        )
    };
}

/// Reads a system register.
macro_rules! read_sysreg {
    ($encoding:expr) => {{
        let value: u64;
        // SAFETY: The reads that this crate makes have no effect on memory that Rust knows of.
        unsafe {
            asm_sysreg!(
                "mrs {value}, S{op0}_{op1}_C{crn}_C{crm}_{op2}",
                $encoding,
                value = out(reg) value,
            )
        };
        value
    }};
}

/// Writes a system register. Unsafe: what the value makes the CPU do is the caller's business.
macro_rules! write_sysreg {
    ($encoding:expr, $value:expr) => {
        asm_sysreg!(
            "msr S{op0}_{op1}_C{crn}_C{crm}_{op2}, {value}",
            $encoding,
            value = in(reg) $value,
        )
    };
}

/// Reads a register by `$own`, or where the CPUs have a capability by `$alias`: they differ in `op1`.
macro_rules! read_sysreg_either {
    ($own:expr, $alias:expr, $cap:ident) => {{
        let value: u64;
        // SAFETY: As for `read_sysreg!`; both alternatives write just the output register.
        unsafe {
            asm_sysreg!(
                alternative!(
                    "mrs {value}, S{op0}_{op1}_C{crn}_C{crm}_{op2}",
                    "mrs {value}, S{op0}_{alias}_C{crn}_C{crm}_{op2}"
                ),
                $own,
                alias = const $alias.op1(),
                cap = const crate::bindings::$cap,
                value = out(reg) value,
            )
        };
        value
    }};
}

/// Writes a register by either name; see [`read_sysreg_either`] and [`write_sysreg`].
macro_rules! write_sysreg_either {
    ($own:expr, $alias:expr, $cap:ident, $value:expr) => {
        asm_sysreg!(
            alternative!(
                "msr S{op0}_{op1}_C{crn}_C{crm}_{op2}, {value}",
                "msr S{op0}_{alias}_C{crn}_C{crm}_{op2}, {value}"
            ),
            $own,
            alias = const $alias.op1(),
            cap = const crate::bindings::$cap,
            value = in(reg) $value,
        )
    };
}
