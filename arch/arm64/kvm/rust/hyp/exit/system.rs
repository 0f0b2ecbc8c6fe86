// SPDX-License-Identifier: GPL-2.0

//! Trapped accesses to system registers, and trapped system instructions.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: kvm_hyp_handle_sysreg_vhe;
//!     arch/arm64/kvm/hyp/include/hyp/switch.h: kvm_hyp_handle_sysreg
#![forbid(unsafe_code)]

use super::*;

/// Whether the access has been performed here.
///
/// What only a vCPU with EL2 traps on comes first, as its traps are the more frequent the less
/// its host can do for it in hardware.
#[inline(always)]
pub(in crate::hyp) fn resolve<K: Kind>(trap: Trap<'_>) -> bool {
    (K::HAS_EL2 && nested::resolve::<K>(trap))
        || errata::resolve(trap)
        || gic::v3_access(trap)
        || counter::resolve::<K>(trap)
}
