// SPDX-License-Identifier: GPL-2.0

//! System registers as types, made from the one [`table`].
//!
//! Each row is a unit type that is named as the architecture names the register:
//! `SCTLR_EL1::ENCODING` is what a trap is matched with, `ESR_EL2::read()` what the hardware has.
//! What it takes to write one depends on whom that affects: see [`GuestRegister`] and
//! [`SharedRegister`]. All others only have [`SystemRegister::write`], which is unsafe: whoever
//! needs one wraps it once, in mechanism.

use super::{
    encoding::Encoding,
    esr::Esr,
    evidence::{
        El2, //
        Masked,
    },
    fields::Value,
    pstate::{
        GuestPstate,
        Pstate, //
    },
    values::*, //
};

mod bank;
mod numbered;
mod table;

pub(crate) use bank::*;
pub(crate) use numbered::*;
pub(crate) use table::with_registers;

/// A row of the table.
pub(crate) trait Row {
    /// How instructions name the register, a guest's too.
    const ENCODING: Encoding;
}

/// A row whose register has a second name for a hypervisor.
pub(crate) trait Aliased: Row {
    /// That name: `_EL12` or `_EL02`.
    const ALIAS: Encoding = Self::ENCODING.with_op1(5);
}

/// A register that is accessed here.
pub(crate) trait SystemRegister: Row {
    /// What it holds.
    type Value: Value;

    /// Its bits. One without the feature that brings the register is undefined: an oops.
    fn read_raw() -> u64;

    /// Sets its bits. Whether and when that needs an ISB is the caller's business.
    ///
    /// # Safety
    ///
    /// What the value makes the CPU do must be what the kernel relies on: its translation, traps,
    /// vectors, per-CPU data, watchpoints.
    unsafe fn write_raw(raw: u64);

    /// Reads it. One without the feature that brings the register is undefined: an oops.
    #[inline(always)]
    fn read() -> Self::Value {
        Self::Value::from_raw(Self::read_raw())
    }

    /// Writes it.
    ///
    /// # Safety
    ///
    /// See [`Self::write_raw`].
    #[inline(always)]
    unsafe fn write(value: Self::Value) {
        // SAFETY: By the safety requirements.
        unsafe { Self::write_raw(value.into_raw()) };
    }
}

/// A register that the host does not run by, so that any value is sound: of kind `guest`.
///
/// # Safety
///
/// On a VHE host a write must affect guests only, or user space by a value that KVM swaps at load
/// and put. Below a host it may affect that, whose value the hypervisor restores before it returns.
pub(crate) unsafe trait GuestRegister: SystemRegister {
    /// Writes it.
    #[inline(always)]
    fn set(value: Self::Value, el2: El2<'_>) {
        Self::set_raw(value.into_raw(), el2);
    }

    /// Sets its bits, as they come from memory.
    #[inline(always)]
    fn set_raw(raw: u64, _el2: El2<'_>) {
        // SAFETY: Does not affect the kernel, by the trait's safety requirements.
        unsafe { Self::write_raw(raw) };
    }
}

/// A register that host and guest share, and the host does not run by while exceptions are masked:
/// of kind `shared`.
///
/// # Safety
///
/// Must be so, as long as the host's value is back when exceptions are unmasked.
pub(crate) unsafe trait SharedRegister: SystemRegister {
    /// Writes it.
    #[inline(always)]
    fn set(value: Self::Value, _masked: Masked<'_>) {
        // SAFETY: By the trait's safety requirements. The world switch has the host's value back
        // before it unmasks exceptions.
        unsafe { Self::write(value) };
    }
}

/// Makes a type of each row.
macro_rules! types {
    ($(
        $(#[$meta:meta])*
        $name:ident: ($($number:literal),*), $kind:ident $(($by:ident))?, $slot:ident, $value:ty;
    )*) => {$(
        $(#[$meta])*
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "the architecture's name")]
        #[allow(dead_code, reason = "which are in use depends on the parts that are built")]
        pub(crate) struct $name;

        impl Row for $name {
            const ENCODING: Encoding = Encoding::new($($number),*);
        }

        types! { @$kind $name $value; $($by)? }
    )*};

    (@named $name:ident $value:ty;) => {};
    (@host $name:ident $value:ty; $($by:ident)?) => {
        types! { @access $name $value; $($by)? }
    };
    (@guest $name:ident $value:ty; $($by:ident)?) => {
        types! { @access $name $value; $($by)? }

        // SAFETY: The kind says so.
        unsafe impl GuestRegister for $name {}
    };
    (@shared $name:ident $value:ty; $($by:ident)?) => {
        types! { @access $name $value; $($by)? }

        // SAFETY: The kind says so.
        unsafe impl SharedRegister for $name {}
    };

    // Named in the assembler's generic form, for which it wants no feature.
    (@access $name:ident $value:ty;) => {
        types! { @by $name $value; Self::ENCODING; }
    };
    (@access $name:ident $value:ty; EL12) => {
        impl Aliased for $name {}

        types! { @with $name $value; read_el1_sysreg, write_el1_sysreg; Self::ALIAS; }
    };
    (@access $name:ident $value:ty; EL1) => {
        types! { @with $name $value; read_el2_sysreg, write_el2_sysreg;
            Self::ENCODING.with_op1(0); }
    };
    (@access $name:ident $value:ty; CPACR) => {
        types! { @by $name $value; CPACR_EL1::ENCODING; }
    };
    // Cortex-A77 may deadlock between a read and device loads (erratum 1508412).
    (@access $name:ident $value:ty; BARRIERS) => {
        types! { @by $name $value; Self::ENCODING; super::barrier::dmb_for_erratum_1508412(); }
    };
    (@by $name:ident $value:ty; $encoding:expr; $($around:expr;)?) => {
        impl SystemRegister for $name {
            type Value = $value;

            #[inline(always)]
            fn read_raw() -> u64 {
                $($around;)?
                let value = read_sysreg!($encoding);
                $($around;)?
                value
            }

            #[inline(always)]
            unsafe fn write_raw(raw: u64) {
                // SAFETY: By the safety requirements.
                unsafe { write_sysreg!($encoding, raw) };
            }
        }
    };
    // By its own name where that does not mean the host's.
    (@access $name:ident $value:ty; EL02) => {
        impl Aliased for $name {}

        types! { @with $name $value; read_el0_sysreg, write_el0_sysreg; Self::ALIAS; }
    };
    (@with $name:ident $value:ty; $read:ident, $write:ident; $alias:expr;) => {
        impl SystemRegister for $name {
            type Value = $value;

            #[inline(always)]
            fn read_raw() -> u64 {
                $read!(Self::ENCODING, $alias)
            }

            #[inline(always)]
            unsafe fn write_raw(raw: u64) {
                // SAFETY: By the safety requirements.
                unsafe { $write!(Self::ENCODING, $alias, raw) };
            }
        }
    };
}

with_registers!(types);

impl ELR_EL2 {
    /// Sets where an exception return goes.
    #[inline(always)]
    pub(crate) fn set(address: u64, _masked: Masked<'_>) {
        // SAFETY: The host does not depend on the value while exceptions are masked; the return
        // to a guest by it is the matter of whoever makes that.
        unsafe { Self::write(address) };
    }
}

impl SPSR_EL2 {
    /// The state that the guest was in.
    ///
    /// # Safety
    ///
    /// The last exception to EL2 must have come from a guest, or the value have been set for one.
    #[inline(always)]
    pub(crate) unsafe fn guest_pstate() -> GuestPstate {
        GuestPstate::taken(Self::read())
    }

    /// Sets the state in which an exception return goes on.
    #[inline(always)]
    pub(crate) fn set(pstate: GuestPstate, _masked: Masked<'_>) {
        // SAFETY: The host does not depend on the value while exceptions are masked, and a return
        // by it does not stay at EL2.
        unsafe { Self::write(pstate.get()) };
    }
}

impl CNTHCTL_EL2 {
    const AS_EL1: Encoding = Self::ENCODING.with_op1(0);

    /// Reads it by EL1's name. Only for a VHE host.
    #[inline(always)]
    pub(crate) fn read_as_el1() -> Cnthctl {
        Cnthctl::from_raw(read_sysreg!(Self::AS_EL1))
    }

    /// Writes it by EL1's name. Only for a VHE host.
    #[inline(always)]
    pub(crate) fn write_as_el1(value: Cnthctl) {
        // SAFETY: The bits are about EL1 and EL0; a host at EL2 uses none of what they trap.
        unsafe { write_sysreg!(Self::AS_EL1, value.into_raw()) };
    }
}
