// SPDX-License-Identifier: GPL-2.0

//! TLB maintenance for EL2's own translations, at virtual EL2.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: kvm_hyp_handle_tlbi_el2
#![forbid(unsafe_code)]

use super::*;

/// Performs the instruction if it is one for EL2's stage 1. Whether that was all there is to do.
///
/// A VHE guest hypervisor uses EL1's names for EL2's; they trap for the sake of the time when it
/// has TGE clear, as a guest's writes of `HCR_EL2` do not trap. Nothing is forwarded from there.
#[inline]
pub(super) fn resolve(trap: Trap<'_>) -> bool {
    let vcpu = trap.switch.vcpu;
    let access = trap.esr.system_trap();
    let instruction = access.encoding();
    let is_host_with_vhe = vcpu.el2_e2h_and_tge();

    let is_for_el2 =
        is_host_with_vhe && vcpu.has_tlbi_s1e1(instruction) || vcpu.has_tlbi_s1e2(instruction);
    if !is_for_el2 {
        return false;
    }
    if !invalidate_s1e2(trap.operand(access.rt()), instruction, trap.switch.masked) {
        return false;
    }

    // What such a host invalidates may be mapped for a `VNCR_EL2` of its guest's: then there is
    // more to do. Whoever maps one counts it first, and looks for invalidations afterwards.
    let is_done = !is_host_with_vhe || !vcpu.vm().has_vncr_translations();

    is_done && trap.skip_instruction()
}
