// SPDX-License-Identifier: GPL-2.0

//! Registers that host and guest share.

use super::SharedRegister;
use crate::arm64::evidence::Masked;

system_registers! {
    /// `MDSCR_EL1`: debug system control.
    MdscrEl1 = "S2_0_C0_C2_2",
    /// `MDCCINT_EL1`: interrupts of the debug communications channel.
    MdccintEl1 = "S2_0_C0_C2_0",
}

// SAFETY: At EL2 with exceptions masked no debug exception is taken.
unsafe impl SharedRegister for MdscrEl1 {}
// SAFETY: See above; interrupts are masked too.
unsafe impl SharedRegister for MdccintEl1 {}

system_registers! {
    /// `POR_EL0`: permission overlay of user space (FEAT_S1POE).
    PorEl0 = "S3_3_C10_C2_4",
}

// SAFETY: Governs accesses to user space's memory, of which there are none.
unsafe impl SharedRegister for PorEl0 {}

/// The values of the up to 16 registers of one kind.
pub(crate) type DebugValues = [u64; 16];

/// Registers of one kind, of which a CPU has as many as `ID_AA64DFR0_EL1` says.
pub(crate) trait DebugBank {
    /// Reads the registers from number 0 to number `last`.
    fn save(last: u32, values: &mut DebugValues);
    /// Writes the registers from number 0 to number `last`.
    fn restore(last: u32, values: &DebugValues, masked: Masked<'_>);
}

/// Makes banks of the registers `S2_0_C0_C<n>_<op2>`. A register's number is part of its name, so
/// there is a line of code for each, and a way out after each.
macro_rules! debug_banks {
    ($($(#[$meta:meta])* $bank:ident = $op2:literal),* $(,)?) => {$(
        $(#[$meta])*
        pub(crate) struct $bank;

        impl DebugBank for $bank {
            debug_banks! { @access $op2; 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 }
        }
    )*};
    (@access $op2:literal; $($n:literal)*) => {
        #[inline]
        fn save(last: u32, values: &mut DebugValues) {
            $(
                values[$n] = read_sysreg!(concat!("S2_0_C0_C", $n, "_", $op2));
                if last == $n {
                    return;
                }
            )*
        }

        #[inline]
        fn restore(last: u32, values: &DebugValues, _masked: Masked<'_>) {
            $(
                write_sysreg!(concat!("S2_0_C0_C", $n, "_", $op2), values[$n]);
                if last == $n {
                    return;
                }
            )*
        }
    };
}

debug_banks! {
    /// `DBGBVR<n>_EL1`: breakpoint addresses.
    Dbgbvr = "4",
    /// `DBGBCR<n>_EL1`: breakpoint control.
    Dbgbcr = "5",
    /// `DBGWVR<n>_EL1`: watchpoint addresses.
    Dbgwvr = "6",
    /// `DBGWCR<n>_EL1`: watchpoint control.
    Dbgwcr = "7",
}
