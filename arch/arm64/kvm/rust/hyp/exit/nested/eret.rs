// SPDX-License-Identifier: GPL-2.0

//! ERET at virtual EL2.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: kvm_hyp_handle_eret
#![forbid(unsafe_code)]

use super::*;

/// The state at EL1 that stands for a state at virtual EL2, or of its user space, to return to;
/// `None` if the return is to another context, whose registers have to be loaded first.
pub(in super::super) fn within_context(to: Pstate, is_host_with_vhe: bool) -> Option<GuestPstate> {
    match to.mode() {
        Mode::El0 if is_host_with_vhe => Some(to.for_guest()),
        Mode::El2t | Mode::El2h => Some(to.for_guest()),
        _ => None,
    }
}

/// Whether the return stays in hyp context, and has been performed.
///
/// KVM itself traps no ERET of a nested guest: if one traps, its hypervisor wants it. Those of a
/// VHE guest hypervisor the hardware performs with FEAT_NV3; what still traps is for the host.
pub(in super::super) fn resolve<K: Kind>(trap: Trap<'_>) -> bool {
    let vcpu = trap.switch.vcpu;

    if K::in_nested_context(trap.switch) || cpucaps::has_nv3() && vcpu.el2_e2h() {
        return false;
    }

    // What the guest takes for `SPSR_EL2` and `ELR_EL2` are EL1's registers.
    let to = SPSR_EL1::read();
    let Some(to) = within_context(to, vcpu.el2_e2h_and_tge()) else {
        return false;
    };

    let address = if trap.esr.has(Esr::ERET) {
        // What happens if it is not authentic is not for here.
        let Some(address) = vcpu.authenticated_return_address() else {
            return false;
        };
        address
    } else {
        ELR_EL1::read()
    };

    SPSR_EL2::set(to, trap.switch.masked);
    ELR_EL2::set(address, trap.switch.masked);
    true
}
