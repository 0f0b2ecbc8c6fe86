// SPDX-License-Identifier: GPL-2.0

//! The registers of a bank one after the other, or by a number that is not known beforehand.
#![forbid(unsafe_code)]

use super::{
    super::evidence::{
        El2, //
        Masked,
    },
    bank::*,
    GuestRegister,
    SharedRegister,
    SystemRegister, //
};

/// Hands the numbers of the largest banks to a macro, after what else it is to have.
macro_rules! with_numbers {
    ($with:ident $($arguments:tt)*) => {
        $with! { [$($arguments)*] 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 }
    };
}

/// What is done with each of the first list registers.
pub(crate) trait LrVisitor {
    /// Called with 0, 1, 2 and so on for `N`.
    fn visit<const N: u32>(&mut self);
}

/// Visits the first `count` list registers: straight code, as each is a register of its own.
#[inline(always)]
pub(crate) fn for_first_lrs(count: u32, mut visitor: impl LrVisitor) {
    macro_rules! walk {
        ([] $($n:literal)*) => {
            $(
                if count <= $n {
                    return;
                }
                visitor.visit::<$n>();
            )*
        };
    }

    with_numbers!(walk);
}

/// Reads a list register whose number is not known beforehand; none has a number above 15.
///
/// There once: where the time matters the number is known.
#[inline(never)]
pub(crate) fn read_lr_at(index: u8) -> u64 {
    macro_rules! pick {
        ([] $($n:literal)*) => {
            match index {
                $($n => ICH_LR_EL2::<$n>::read(),)*
                _ => 0,
            }
        };
    }

    with_numbers!(pick)
}

/// Writes a list register whose number is not known beforehand; none has a number above 15.
#[inline(never)]
pub(crate) fn write_lr_at(index: u8, value: u64, el2: El2<'_>) {
    macro_rules! pick {
        ([] $($n:literal)*) => {
            match index {
                $($n => ICH_LR_EL2::<$n>::set(value, el2),)*
                _ => (),
            }
        };
    }

    with_numbers!(pick)
}

/// The values of the up to 16 registers of one kind.
pub(crate) type DebugValues = [u64; 16];

/// Registers of one kind, of which a CPU has as many as `ID_AA64DFR0_EL1` says.
pub(crate) trait DebugBank {
    /// Reads the registers from number 0 to number `last`.
    fn save(last: u32, values: &mut DebugValues);
    /// Writes the registers from number 0 to number `last`.
    fn restore(last: u32, values: &DebugValues, masked: Masked<'_>);
}

// There is a line of code for each register, and a way out after each.
macro_rules! save_all {
    ([$name:ident $last:ident $values:ident] $($n:literal)*) => {
        $(
            $values[$n] = $name::<$n>::read();
            if $last == $n {
                return;
            }
        )*
    };
}

macro_rules! restore_all {
    ([$name:ident $last:ident $values:ident $masked:ident] $($n:literal)*) => {
        $(
            $name::<$n>::set($values[$n], $masked);
            if $last == $n {
                return;
            }
        )*
    };
}

macro_rules! debug_banks {
    ($($bank:ident = $name:ident;)*) => {$(
        #[doc = concat!("All of [`", stringify!($name), "`].")]
        pub(crate) enum $bank {}

        impl DebugBank for $bank {
            #[inline]
            fn save(last: u32, values: &mut DebugValues) {
                with_numbers!(save_all $name last values);
            }

            #[inline]
            fn restore(last: u32, values: &DebugValues, masked: Masked<'_>) {
                with_numbers!(restore_all $name last values masked);
            }
        }
    )*};
}

debug_banks! {
    Dbgbvr = DBGBVR_EL1;
    Dbgbcr = DBGBCR_EL1;
    Dbgwvr = DBGWVR_EL1;
    Dbgwcr = DBGWCR_EL1;
}
