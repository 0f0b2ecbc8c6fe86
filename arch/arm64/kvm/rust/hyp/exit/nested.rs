// SPDX-License-Identifier: GPL-2.0

//! Exits of guest hypervisors, and of their guests.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: kvm_hyp_handle_sysreg_vhe, fixup_nv_guest_exit
#![forbid(unsafe_code)]

mod cpacr;
pub(super) mod eret;
pub(super) mod timer;
mod tlbi;
mod zcr;

use super::*;

/// Whether an access to a system register, or a system instruction, has been performed.
#[inline(always)]
pub(super) fn resolve<K: Kind>(trap: Trap<'_>) -> bool {
    if K::in_hyp_context(trap.switch)
        && (tlbi::resolve(trap) || timer::resolve(trap) || cpacr::resolve::<K>(trap))
    {
        return true;
    }

    zcr::prepare::<K>(trap);
    false
}

/// Dies if the vCPU is not in the context that it was entered in: all that is decided by the
/// context would be wrong.
#[inline(always)]
pub(super) fn check_context<K: Kind>(switch: Switch<'_>) {
    if K::HAS_EL2 {
        switch.vcpu.assert_hyp_context(K::in_hyp_context(switch));
    }
}
