// SPDX-License-Identifier: GPL-2.0

//! Evidence of the state that this CPU is in.
//!
//! As in `host/context.rs`, but about the CPU and not about the kernel, so that both the kernel
//! and an EL2 object of its own can provide it.

use core::{
    marker::PhantomData,
    ops::Deref, //
};

/// Evidence that this code runs at EL2 with `HCR_EL2.E2H` set, and stays on this CPU: `_EL12` and
/// `_EL02` names are those of the guest whose registers the CPU holds.
///
/// # Invariants
///
/// True for as long as `'cpu`.
#[derive(Clone, Copy)]
pub(crate) struct Vhe<'cpu>(PhantomData<(&'cpu (), *mut ())>);

impl Vhe<'_> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// The kernel must be a VHE host, and the task must not migrate while the value is in use.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        // INVARIANT: By the safety requirements.
        Self(PhantomData)
    }
}

/// Evidence that all exceptions are masked (`PSTATE.DAIF`) on a VHE host: between the host and the
/// guest. Nothing of the host runs meanwhile, and no debug exception is taken.
///
/// # Invariants
///
/// True for as long as `'cpu`.
#[derive(Clone, Copy)]
pub(crate) struct Masked<'cpu>(Vhe<'cpu>);

impl Masked<'_> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// As for [`Vhe::assume`], and `PSTATE.DAIF` must mask all exceptions while the value is in
    /// use.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        // INVARIANT: By the safety requirements.
        // SAFETY: By the safety requirements.
        Self(unsafe { Vhe::assume() })
    }
}

impl<'cpu> Deref for Masked<'cpu> {
    type Target = Vhe<'cpu>;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
