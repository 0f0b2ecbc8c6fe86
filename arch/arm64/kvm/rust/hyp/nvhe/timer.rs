// SPDX-License-Identifier: GPL-2.0

//! What a guest may do with timers and counters.
//!
//! Mirrors: arch/arm64/kvm/hyp/nvhe/timer-sr.c: __timer_disable_traps, __timer_enable_traps
#![forbid(unsafe_code)]

use super::*;
use crate::side;

/// EL1 may read the physical count, in the layout for E2H clear; that for E2H set has it, and the
/// next one, further up.
const PHYSICAL_COUNT: u64 = 1;
/// EL1 may use the physical timer.
const PHYSICAL_TIMER: u64 = 1 << 1;
/// EL1's use of the virtual timer and count traps, in both layouts.
const VIRTUAL: u64 = Cnthctl::ZERO
    .with(Cnthctl::EL1TVT)
    .with(Cnthctl::EL1TVCT)
    .into_raw();

/// Bits of the layout for E2H clear, in the one that is in force.
#[inline(always)]
fn placed(bits: u64) -> u64 {
    if side::keeps_e2h() {
        bits << 10
    } else {
        bits
    }
}

/// Lets the host have all.
#[inline(always)]
pub(super) fn untrap(el2: El2<'_>) {
    generic_timer::update_cnthctl_el2(VIRTUAL, placed(PHYSICAL_COUNT | PHYSICAL_TIMER), el2);
}

/// Keeps the guest from the physical timer, which the host uses. The physical count it may read
/// unless an offset has to be taken off; no offset applies to protected guests. The virtual ones
/// trap where the hardware cannot take off theirs.
#[inline(always)]
pub(super) fn trap(switch: Switch<'_>) {
    let vcpu = switch.vcpu;
    let counts_as_is =
        switch.known.protected().is_some() || vcpu.timer_offset(TimerId::Ptimer) == 0;
    let (clear, mut set) = if counts_as_is {
        (placed(PHYSICAL_TIMER), placed(PHYSICAL_COUNT))
    } else {
        (placed(PHYSICAL_TIMER | PHYSICAL_COUNT), 0)
    };

    if has_broken_cntvoff() && vcpu.timer_offset(TimerId::Vtimer) != 0 {
        set |= VIRTUAL;
    }
    generic_timer::update_cnthctl_el2(clear, set, *switch.masked);
}
