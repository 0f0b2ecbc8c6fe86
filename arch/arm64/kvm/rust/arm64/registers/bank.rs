// SPDX-License-Identifier: GPL-2.0

//! Registers of which there are several: the number is part of the name, and so of the type.

use super::{
    super::encoding::Encoding,
    GuestRegister,
    Row,
    SharedRegister,
    SystemRegister, //
};

/// Makes a type of each bank: its encodings by number, its kind, how many there are.
macro_rules! banks {
    ($(
        $(#[$meta:meta])*
        $name:ident[$count:literal]: |$n:ident| ($($number:expr),*), $kind:ident;
    )*) => {$(
        $(#[$meta])*
        #[allow(non_camel_case_types, reason = "the architecture's name")]
        pub(crate) struct $name<const N: u32>;

        impl<const N: u32> Row for $name<N> {
            const ENCODING: Encoding = {
                let $n = N;

                assert!($n < $count);
                Encoding::new($($number),*)
            };
        }

        impl<const N: u32> SystemRegister for $name<N> {
            type Value = u64;

            #[inline(always)]
            fn read_raw() -> u64 {
                read_sysreg!(Self::ENCODING)
            }

            #[inline(always)]
            unsafe fn write_raw(raw: u64) {
                // SAFETY: By the safety requirements.
                unsafe { write_sysreg!(Self::ENCODING, raw) };
            }
        }

        banks! { @$kind $name }
    )*};
    (@guest $name:ident) => {
        // SAFETY: Of a guest's interrupts.
        unsafe impl<const N: u32> GuestRegister for $name<N> {}
    };
    (@shared $name:ident) => {
        // SAFETY: With exceptions masked no debug exception is taken.
        unsafe impl<const N: u32> SharedRegister for $name<N> {}
    };
}

banks! {
    /// List registers of a GICv3.
    ICH_LR_EL2[16]: |n| (3, 4, 12, 12 + n / 8, n % 8), guest;
    /// Active priorities of group 0.
    ICH_AP0R_EL2[4]: |n| (3, 4, 12, 8, n), guest;
    /// Active priorities of group 1.
    ICH_AP1R_EL2[4]: |n| (3, 4, 12, 9, n), guest;
    /// Priorities of PPIs, a byte each (GICv5).
    ICH_PPI_PRIORITYR_EL2[16]: |n| (3, 4, 12, 14 + n / 8, n % 8), guest;
    /// Breakpoint addresses.
    DBGBVR_EL1[16]: |n| (2, 0, 0, n, 4), shared;
    /// Breakpoint control.
    DBGBCR_EL1[16]: |n| (2, 0, 0, n, 5), shared;
    /// Watchpoint addresses.
    DBGWVR_EL1[16]: |n| (2, 0, 0, n, 6), shared;
    /// Watchpoint control.
    DBGWCR_EL1[16]: |n| (2, 0, 0, n, 7), shared;
}
