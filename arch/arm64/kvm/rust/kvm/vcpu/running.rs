// SPDX-License-Identifier: GPL-2.0

//! The vCPU between host and guest.

use super::*;

/// The vCPU that is loaded on this CPU, between host and guest: evidence of masked exceptions at EL2,
/// too.
///
/// # Invariants
///
/// As it says, for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct RunningVcpu<'a> {
    loaded: LoadedVcpu<'a>,
    masked: Masked<'a>,
}

deref! {
    RunningVcpu.loaded => LoadedVcpu;
}

impl<'a> RunningVcpu<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// This code must run at EL2, and `PSTATE.DAIF` mask all exceptions while the value is in use.
    #[inline(always)]
    pub(crate) unsafe fn assume(loaded: LoadedVcpu<'a>) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            loaded,
            // SAFETY: By the safety requirements; a vCPU that is loaded keeps the caller here.
            masked: unsafe { Masked::assume() },
        }
    }

    /// All exceptions are masked.
    #[inline(always)]
    pub(crate) fn masked(self) -> Masked<'a> {
        self.masked
    }
}
