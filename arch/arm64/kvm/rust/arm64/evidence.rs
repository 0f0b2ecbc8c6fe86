// SPDX-License-Identifier: GPL-2.0

//! Evidence of the state that this CPU is in.
//!
//! As in `linux/context.rs`, but about the CPU and not about the kernel, so that both the kernel
//! and the hypervisor object can provide it.

use core::{
    marker::PhantomData,
    ops::Deref, //
};

/// Evidence that this code runs at EL2, and stays on this CPU: as part of a VHE host, or as the
/// hypervisor below a host. By which names registers go there is the [`side`](crate::side)'s.
///
/// # Invariants
///
/// True for as long as `'cpu`.
#[derive(Clone, Copy)]
pub(crate) struct El2<'cpu>(PhantomData<(&'cpu (), *mut ())>);

impl El2<'_> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// The code must run at EL2, and not migrate while the value is in use.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        // INVARIANT: By the safety requirements.
        Self(PhantomData)
    }
}

/// Evidence that all exceptions are masked (`PSTATE.DAIF`) at EL2: between the host and the
/// guest. Nothing of the host runs meanwhile, and no debug exception is taken.
///
/// # Invariants
///
/// True for as long as `'cpu`.
#[derive(Clone, Copy)]
pub(crate) struct Masked<'cpu>(El2<'cpu>);

impl Masked<'_> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// As for [`El2::assume`], and `PSTATE.DAIF` must mask all exceptions while the value is in
    /// use.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        // INVARIANT: By the safety requirements.
        // SAFETY: By the safety requirements.
        Self(unsafe { El2::assume() })
    }
}

impl<'cpu> Deref for Masked<'cpu> {
    type Target = El2<'cpu>;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
