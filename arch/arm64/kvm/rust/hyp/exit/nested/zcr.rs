// SPDX-License-Identifier: GPL-2.0

//! `ZCR_EL2` of a guest hypervisor.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: kvm_hyp_handle_zcr_el2
#![forbid(unsafe_code)]

use super::*;

/// Gives the guest the FP registers before an access to the register leaves for the host: what
/// performs it there expects that.
pub(super) fn prepare<K: Kind>(trap: Trap<'_>) {
    if trap.esr.system_trap().encoding() == ZCR_EL2::ENCODING
        && trap.switch.host.fp_owner() != FpOwner::Guest
    {
        fpsimd::give_to_guest::<K>(trap.switch, fpsimd::Use::Sve);
    }
}
