// SPDX-License-Identifier: GPL-2.0

//! Breakpoints and watchpoints: switched only if the guest uses them, or user space debugs it.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/debug-sr.c: __debug_switch_to_guest, __debug_switch_to_host;
//!     arch/arm64/kvm/hyp/nvhe/debug-sr.c: __debug_switch_to_guest, __debug_switch_to_host;
//!     arch/arm64/kvm/hyp/include/hyp/debug-sr.h: __vcpu_debug_regs, __debug_save_state,
//!     __debug_restore_state, __debug_switch_to_guest_common, __debug_switch_to_host_common
#![forbid(unsafe_code)]

use super::*;

/// The guest is about to be entered.
#[inline(always)]
pub(crate) fn enter(switch: Switch<'_>, owner: DebugOwner) {
    if let Some(regs) = regs_in_use(switch.vcpu, owner) {
        exchange(
            (switch.host.debug_regs(), switch.host.context()),
            (regs, switch.guest()),
            switch.host.last_debug_regs(),
            switch.masked,
        );
    }
}

/// The guest has been left.
#[inline(always)]
pub(crate) fn leave(switch: Switch<'_>, owner: DebugOwner) {
    if let Some(regs) = regs_in_use(switch.vcpu, owner) {
        exchange(
            (regs, switch.guest()),
            (switch.host.debug_regs(), switch.host.context()),
            switch.host.last_debug_regs(),
            switch.masked,
        );
    }
}

/// What is in the hardware while the guest runs, unless that is what the host left there: it is
/// out of effect while nobody enables it in `MDSCR_EL1`.
#[inline(always)]
fn regs_in_use(vcpu: RunningVcpu<'_>, owner: DebugOwner) -> Option<DebugRegs<'_>> {
    match owner {
        DebugOwner::GUEST => Some(vcpu.guest_debug_regs()),
        DebugOwner::HOST => Some(vcpu.external_debug_regs()),
        _ => None,
    }
}

/// Saves to `from` what is in the hardware, and restores `to`.
#[cold]
pub(in crate::hyp) fn exchange(
    from: (DebugRegs<'_>, CpuContext<'_>),
    to: (DebugRegs<'_>, CpuContext<'_>),
    last: (u32, u32),
    masked: Masked<'_>,
) {
    from.0.save(last);
    from.1.set_sys_reg(SysReg::MDCCINT_EL1, MDCCINT_EL1::read());

    to.0.restore(last, masked);
    MDCCINT_EL1::set(to.1.sys_reg(SysReg::MDCCINT_EL1), masked);
}
