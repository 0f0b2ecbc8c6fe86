// SPDX-License-Identifier: GPL-2.0

//! The virtual CPU interface: in the hardware while the guest runs.
//!
//! Mirrors: arch/arm64/kvm/hyp/nvhe/switch.c: __hyp_vgic_save_state, __hyp_vgic_restore_state
#![forbid(unsafe_code)]

use super::*;
use crate::hyp::vgic::{
    state,
    v5, //
};

/// The guest is about to be entered.
#[inline(always)]
pub(super) fn enter(switch: Switch<'_>) {
    let (vcpu, el2) = (switch.vcpu, *switch.masked);

    if switch.vm().has_gicv5() {
        v5::restore(vcpu.vgic_v5(), el2);
        v5::restore_ppis(vcpu.vgic_v5(), switch.host, el2);
    } else if has_gicv3_interface() {
        state::activate_traps(vcpu.vgic_v3(), el2);
        state::restore(vcpu.vgic_v3(), el2);
    }
}

/// The guest has been left.
#[inline(always)]
pub(super) fn leave(switch: Switch<'_>) {
    let (vcpu, el2) = (switch.vcpu, *switch.masked);

    if switch.vm().has_gicv5() {
        v5::save(vcpu.vgic_v5(), el2);
        v5::save_ppis(vcpu.vgic_v5(), switch.host, el2);
    } else if has_gicv3_interface() {
        state::save(vcpu.vgic_v3(), el2);
        state::deactivate_traps(vcpu.vgic_v3(), el2);
    }
}
