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
    // Nobody unmasks exceptions any more.
    let switch = Switch::new::<MayBeProtected>(vcpu);

    timer::untrap(*switch.masked);
    let back = run::deactivate_traps(switch, || side.leave());
    let _ = Registers::of(switch.vm()).restore_host(
        switch.host,
        switch.masked,
        side::load_host_stage2(back),
    );
}
