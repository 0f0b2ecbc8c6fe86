// SPDX-License-Identifier: GPL-2.0

//! ERET at virtual EL2.
#![forbid(unsafe_code)]

use super::Trap;
use crate::{
    arm64::{
        hcr::Hcr,
        pstate::{
            Mode,
            Pstate, //
        },
        registers::{
            exception::{
                ElrEl2,
                SpsrEl2, //
            },
            guest::{
                ElrEl1,
                SpsrEl1, //
            },
            SystemRegister, //
        },
    },
    host::sys_reg::SysReg,
};

/// The state at EL1 that stands for a state at virtual EL2, or of its user space, to return to;
/// `None` if the return is to another context, whose registers have to be loaded first.
pub(in super::super) fn within_context(to: Pstate, is_host_with_vhe: bool) -> Option<Pstate> {
    match to.mode() {
        Mode::El0 if is_host_with_vhe => Some(to),
        Mode::El2t => Some(to.with_mode(Mode::El1t)),
        Mode::El2h => Some(to.with_mode(Mode::El1h)),
        _ => None,
    }
}

/// Whether the return stays in hyp context, and has been performed.
pub(in super::super) fn resolve(trap: Trap<'_>) -> bool {
    let vcpu = trap.switch.vcpu;

    if is_forwarded(trap) {
        return false;
    }

    // What the guest takes for `SPSR_EL2` and `ELR_EL2` are EL1's registers.
    let to = Pstate::from_raw(SpsrEl1::read());
    let Some(to) = within_context(to, vcpu.el2_e2h_and_tge()) else {
        return false;
    };

    let address = if trap.esr.eret_authenticates() {
        // What happens if it is not authentic is not for here.
        let Some(address) = vcpu.authenticated_return_address() else {
            return false;
        };
        address
    } else {
        ElrEl1::read()
    };

    SpsrEl2::set(to, trap.switch.masked);
    ElrEl2::set(address, trap.switch.masked);
    true
}

/// Whether the guest hypervisor has one of its own below it that wants the trap.
fn is_forwarded(trap: Trap<'_>) -> bool {
    /// `HFGITR_EL2.ERET`.
    const HFGITR_ERET: u64 = 1 << 51;

    let vcpu = trap.switch.vcpu;

    Hcr::from_raw(vcpu.sys_reg(SysReg::HCR_EL2)).has(Hcr::NV)
        || vcpu.sys_reg(SysReg::HFGITR_EL2) & HFGITR_ERET != 0
}
