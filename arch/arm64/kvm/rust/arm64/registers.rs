// SPDX-License-Identifier: GPL-2.0

//! System registers as types.
//!
//! Three kinds, by whom a write affects:
//!
//! - [`guest`]: whom KVM runs. A [`GuestRegister`] is set safely, with evidence that the name
//!   means the guest's register here.
//! - [`shared`]: registers that host and guest share, those of self-hosted debug above all. A
//!   [`SharedRegister`] is set safely while exceptions are masked.
//! - All others only have [`SystemRegister::write`], which is unsafe. Whoever needs one wraps it
//!   once, in mechanism.
//!
//! Values are raw; types that give them a meaning are elsewhere.

use super::evidence::{
    Masked,
    Vhe, //
};

#[allow(unused_imports, reason = "for other modules, beside the traits")]
pub(crate) use super::sysreg::{
    guest_registers,
    system_registers, //
};

pub(crate) mod control;
pub(crate) mod exception;
pub(crate) mod guest;
pub(crate) mod host;
pub(crate) mod shared;

/// A system register.
pub(crate) trait SystemRegister {
    /// Reads it. One without the feature that brings the register is undefined: an oops.
    fn read() -> u64;

    /// Writes it. Whether and when the write needs an ISB is the caller's business.
    ///
    /// # Safety
    ///
    /// What the value makes the CPU do must be what the kernel relies on: its translation, traps,
    /// vectors, per-CPU data, watchpoints.
    unsafe fn write(value: u64);
}

/// A register that the host does not run by, so that any value is sound.
///
/// # Safety
///
/// On a VHE host a write must affect guests only, or user space by a value that KVM swaps at load
/// and put.
pub(crate) unsafe trait GuestRegister: SystemRegister {
    /// Writes it.
    #[inline(always)]
    fn set(value: u64, _vhe: Vhe<'_>) {
        // SAFETY: Does not affect the kernel, by the trait's safety requirements.
        unsafe { Self::write(value) };
    }
}

/// A register that host and guest share, and the host does not run by while exceptions are masked.
///
/// # Safety
///
/// Must be so, as long as the host's value is back when exceptions are unmasked.
pub(crate) unsafe trait SharedRegister: SystemRegister {
    /// Writes it.
    #[inline(always)]
    fn set(value: u64, _masked: Masked<'_>) {
        // SAFETY: By the trait's safety requirements. The world switch has the host's value back
        // before it unmasks exceptions.
        unsafe { Self::write(value) };
    }
}
