// SPDX-License-Identifier: GPL-2.0

//! Registers that both the host and the guest run by: switched each time that the guest is entered
//! or left.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/sysreg-sr.c: sysreg_save_host_state_vhe,
//!     sysreg_save_guest_state_vhe, sysreg_restore_host_state_vhe, sysreg_restore_guest_state_vhe;
//!     arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h: ctxt_to_vcpu, ctxt_is_guest, ctxt_mdscr_el1,
//!     __sysreg_save_common_state, __sysreg_save_el2_return_state, __sysreg_restore_common_state,
//!     __sysreg_restore_el2_return_state
#![forbid(unsafe_code)]

use super::*;

/// What the host ran by. It is in memory too, for a panic to restore.
pub(crate) struct HostState {
    mdscr: u64,
}

/// Saves what the host runs by.
#[inline(always)]
pub(crate) fn save_host(switch: Switch<'_>) -> HostState {
    let host = switch.host.sys_regs();
    let mdscr = MDSCR_EL1::read();

    host.set(SysReg::MDSCR_EL1, mdscr);
    if extensions::has_s1poe(switch.vm()) {
        host.set(SysReg::POR_EL0, POR_EL0::read());
    }
    HostState { mdscr }
}

/// What the guest runs by.
pub(crate) struct GuestState {
    mdscr: u64,
}

/// The guest's registers in memory.
#[inline(always)]
fn guest_regs<K: Kind>(switch: Switch<'_>) -> SysRegs<'_> {
    if K::HAS_EL2 {
        switch.guest().sys_regs()
    } else {
        switch.guest().own_sys_regs()
    }
}

/// Replaces what the host runs by with what the guest does. The guest's program counter is final.
///
/// The host's `MDSCR_EL1` and the guest's are the same as long as nobody debugs anything, if the
/// guest is a Linux, so a write for nothing is worth a comparison.
#[inline(always)]
pub(crate) fn enter<'a, K: Kind>(
    switch: Switch<'a>,
    side: Vectored<'a>,
    host: &HostState,
    owner: DebugOwner,
) -> (Ready<'a>, GuestState) {
    let Switch { vcpu, masked, .. } = switch;
    let guest = vcpu.context();
    let mdscr = match owner {
        DebugOwner::HOST => vcpu.external_mdscr(),
        _ => guest_regs::<K>(switch).get(SysReg::MDSCR_EL1),
    };

    if mdscr != host.mdscr {
        MDSCR_EL1::set(mdscr, masked);
    }
    if extensions::has_s1poe(vcpu.vm()) {
        POR_EL0::set(guest_regs::<K>(switch).get(SysReg::POR_EL0), masked);
    }

    let pstate = Pstate::from_raw(guest.pstate()).for_guest();
    let side = side.return_to(guest.pc(), pstate);

    (side, GuestState { mdscr })
}

/// Saves what the guest ran by, and restores the host's.
///
/// `MDSCR_EL1` needs to be read back only if the guest owns the debug registers: it traps
/// otherwise (`MDCR_EL2.TDA`), so that its value is the one that was written.
#[inline(always)]
pub(crate) fn leave<K: Kind>(
    switch: Switch<'_>,
    host: HostState,
    state: GuestState,
    owner: DebugOwner,
) {
    let Switch { vcpu, masked, .. } = switch;
    let guest = vcpu.context();
    let mdscr = match owner {
        DebugOwner::GUEST => {
            let mdscr = MDSCR_EL1::read();

            guest_regs::<K>(switch).set(SysReg::MDSCR_EL1, mdscr);
            mdscr
        }
        _ => state.mdscr,
    };

    guest.set_pc(ELR_EL2::read());

    if mdscr != host.mdscr {
        MDSCR_EL1::set(host.mdscr, masked);
    }
    if extensions::has_s1poe(vcpu.vm()) {
        guest_regs::<K>(switch).set(SysReg::POR_EL0, POR_EL0::read());
        POR_EL0::set(switch.host.sys_regs().get(SysReg::POR_EL0), masked);
    }
}

/// Restores the host's from memory, without knowing how far the switch had come.
pub(crate) fn restore_host(switch: Switch<'_>) {
    let host = switch.host.sys_regs();

    MDSCR_EL1::set(host.get(SysReg::MDSCR_EL1), switch.masked);
    if extensions::has_s1poe(switch.vm()) {
        POR_EL0::set(host.get(SysReg::POR_EL0), switch.masked);
    }
}
