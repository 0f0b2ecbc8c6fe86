// SPDX-License-Identifier: GPL-2.0

//! The end of the kernel, by an exception that nobody expects at EL2: the host is told.
//!
//! Mirrors: arch/arm64/kvm/hyp/nvhe/switch.c: hyp_panic
#![forbid(unsafe_code)]

use super::*;
use crate::side;
use registers::Registers;

/// Brings the host back, which is to report.
pub(super) fn restore_host(vcpu: RunningVcpu<'_>, side: Vectored<'_>) {
    // What serves a plain vCPU serves any. Nobody unmasks exceptions any more.
    let switch = Switch::new::<Plain>(vcpu);

    timer::untrap(*switch.masked);
    let back = run::deactivate_traps::<Plain>(switch, || side.leave());
    let _ = Registers::of(vcpu).restore_host(switch, side::load_host_stage2(back));
}
