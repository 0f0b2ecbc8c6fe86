// SPDX-License-Identifier: GPL-2.0

//! Memory partitioning (FEAT_MPAM), which guests are not told of.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: __activate_traps_mpam,
//!     __deactivate_traps_mpam; arch/arm64/kvm/hyp/vhe/sysreg-sr.c: __mpam_guest_load

use super::{
    cpucaps,
    evidence::El2,
    registers::*,
    values::{
        Mpam1,
        Mpam2,
        Mpamhcr, //
    }, //
};

/// What traps of EL1 in any case.
const EL1: Mpam2 = Mpam2::ZERO
    .with(Mpam2::TRAPMPAM0EL1)
    .with(Mpam2::TRAPMPAM1EL1);

/// What the host has, and guests have not.
const HOST: Mpam2 = Mpam2::ZERO.with(Mpam2::EnMPAMSM);

/// Makes a guest's accesses trap.
pub(crate) fn trap(el2: El2<'_>) {
    if cpucaps::has_mpam_hcr() {
        MPAMHCR_EL2::set(Mpamhcr::ZERO.with(Mpamhcr::TRAP_MPAMIDR_EL1), el2);
        update(HOST, EL1, el2);
    } else {
        update(HOST, EL1.with(Mpam2::TIDR), el2);
    }
}

/// Undoes it.
pub(crate) fn untrap(el2: El2<'_>) {
    update(EL1.with(Mpam2::TIDR), HOST, el2);
    if cpucaps::has_mpam_hcr() {
        MPAMHCR_EL2::set(Mpamhcr::ZERO, el2);
    }
}

fn update(clear: Mpam2, set: Mpam2, _el2: El2<'_>) {
    let old = MPAM2_EL2::read();
    let new = old.minus(clear).or(set);

    if new != old {
        // SAFETY: The partition that the host is in is in other fields.
        unsafe { MPAM2_EL2::write(new) };
    }
}

/// What a guest accesses memory as is what its user space does: the scheduler has put that into
/// EL0's register.
pub(crate) fn load_guest(el2: El2<'_>) {
    let partitions = Mpam1::from_raw(MPAM0_EL1::read()).get(Mpam1::PARTITIONS);

    MPAM1_EL1::set(
        Mpam1::ZERO
            .put(Mpam1::PARTITIONS, partitions)
            .with(Mpam1::MPAMEN),
        el2,
    );
}
