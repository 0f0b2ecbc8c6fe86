// SPDX-License-Identifier: GPL-2.0

//! `CPACR_EL1` at virtual EL2, where it means `CPTR_EL2`: trapped where the CPU would not let all
//! bits of that through, that is without FEAT_NV2p1.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: kvm_hyp_handle_cpacr_el1
#![forbid(unsafe_code)]

use super::*;

/// Whether it was an access to the register, which has been performed.
pub(super) fn resolve<K: Kind>(trap: Trap<'_>) -> bool {
    let vcpu = trap.switch.vcpu;
    let access = trap.esr.system_trap();

    if cpucaps::has_nv2p1() || access.encoding() != CPACR_EL1::ENCODING {
        return false;
    }

    match access.direction() {
        Direction::Read => trap.set_result(access.rt(), vcpu.sys_reg(SysReg::CPTR_EL2)),
        Direction::Write => {
            vcpu.write_sys_reg(SysReg::CPTR_EL2, trap.operand(access.rt()));
            traps::cptr::activate::<K>(trap.switch);
        }
    }
    trap.skip_instruction()
}
