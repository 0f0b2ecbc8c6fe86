// SPDX-License-Identifier: GPL-2.0

//! Which registers a VM has, of those that not all have.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h: ctxt_has_mte, ctxt_has_s1pie,
//!     ctxt_has_tcrx, ctxt_has_s1poe, ctxt_has_sctlr2
#![forbid(unsafe_code)]

use super::*;

/// The extensions that bring registers to switch: the host has them, and the guest is told of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extensions {
    /// FEAT_TCR2.
    pub(super) tcr2: bool,
    /// FEAT_SCTLR2.
    pub(super) sctlr2: bool,
    /// FEAT_S1PIE.
    pub(super) s1pie: bool,
    /// FEAT_S1POE.
    pub(super) s1poe: bool,
    /// FEAT_MTE2.
    pub(super) mte: bool,
}

impl Extensions {
    /// None, for registers that everyone has.
    pub(super) const NONE: Self = Self {
        tcr2: false,
        sctlr2: false,
        s1pie: false,
        s1poe: false,
        mte: false,
    };

    /// Those of a VM. The same at all times, but found out at each load and put: what is in a
    /// register is cheaper than what would have to be kept for each VM.
    #[inline]
    pub(super) fn of(vm: Vm<'_>) -> Self {
        Self {
            tcr2: cpucaps::has_tcr2() && vm.tells_of(IdField::TCR2),
            sctlr2: cpucaps::has_sctlr2() && vm.tells_of(IdField::SCTLR2),
            s1pie: cpucaps::has_s1pie() && vm.tells_of(IdField::S1PIE),
            s1poe: has_s1poe(vm),
            mte: cpucaps::has_mte() && vm.has_mte_enabled(),
        }
    }
}

/// Whether `POR_EL0` is a register of the guest's.
#[inline(always)]
pub(super) fn has_s1poe(vm: Vm<'_>) -> bool {
    cpucaps::has_s1poe() && vm.tells_of(IdField::S1POE)
}
