// SPDX-License-Identifier: GPL-2.0

//! Registers of a guest that runs at virtual EL2, which the hardware runs at EL1.
//!
//! A guest hypervisor that is a VHE host uses EL1's names for what are EL2's registers to it, and
//! gets the hardware's EL1 without a trap. So those are where its EL2 is from load to put. What
//! another hypervisor does to its EL2 translation and traps is trapped or redirected to memory, and
//! is translated to EL1's format here.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/sysreg-sr.c: __sysreg_save_vel2_state,
//!     __sysreg_restore_vel2_state
#![forbid(unsafe_code)]

use super::*;
use el1::Identity;
use extensions::Extensions;
use list::{
    Memory,
    Sanitised, //
};

register_list! {
    /// What all hypervisors have in the hardware.
    Any {
        PAR_EL1,
        TPIDR_EL1,
        ESR_EL2 in ESR_EL1,
        AFSR0_EL2 in AFSR0_EL1,
        AFSR1_EL2 in AFSR1_EL1,
        FAR_EL2 in FAR_EL1,
        MAIR_EL2 in MAIR_EL1,
        VBAR_EL2 in VBAR_EL1,
        CONTEXTIDR_EL2 in CONTEXTIDR_EL1,
        AMAIR_EL2 in AMAIR_EL1,
        SP_EL2 in SP_EL1,
        ELR_EL2 in ELR_EL1,
        SPSR_EL2 in SPSR_EL1,
        if sctlr2 {
            SCTLR2_EL2 in SCTLR2_EL1,
        }
    }
}

register_list! {
    /// What EL1's format is the format of, for a VHE host alone.
    VheHost {
        SCTLR_EL2 in SCTLR_EL1,
        TTBR0_EL2 in TTBR0_EL1,
        TTBR1_EL2 in TTBR1_EL1,
        TCR_EL2 in TCR_EL1,
    }
}

register_list! {
    /// Extensions to the translation: effective for all, written to by a VHE host alone.
    Extended {
        if tcr2 {
            TCR2_EL2 in TCR2_EL1,
            if s1pie {
                PIR_EL2 in PIR_EL1,
                PIRE0_EL2 in PIRE0_EL1,
            }
            if s1poe {
                POR_EL2 in POR_EL1,
            }
        }
    }
}

/// Saves virtual EL2.
#[inline(never)]
pub(super) fn save(vcpu: LoadedVcpu<'_>, have: Extensions) {
    let memory = Sanitised::of(vcpu);

    Any::save(memory, have);

    if !vcpu.el2_e2h() {
        return;
    }

    VheHost::save(memory, have);
    Extended::save(memory, have);
    if cpucaps::has_nv2p1() {
        save_whole(memory);
    } else {
        // Not CPTR_EL2: accesses to CPACR_EL1 trap, so it is in memory already.
        memory.set(
            SysReg::CNTHCTL_EL2,
            with_cntkctl(memory.get(SysReg::CNTHCTL_EL2), CNTKCTL_EL1::read()),
        );
    }
}

/// Saves what has all of EL2's bits in EL1's registers with FEAT_NV2p1.
#[cold]
fn save_whole(memory: Sanitised<'_>) {
    memory.set(SysReg::CPTR_EL2, CPACR_EL1::read());
    memory.set(SysReg::CNTHCTL_EL2, CNTKCTL_EL1::read());
}

/// Restores virtual EL2.
#[inline(never)]
pub(super) fn restore(vcpu: LoadedVcpu<'_>, identity: Identity, have: Extensions, el2: El2<'_>) {
    let memory = Sanitised::of(vcpu);

    identity.set(el2);
    Any::restore(memory, have, el2);

    if vcpu.el2_e2h() {
        VheHost::restore(memory, have, el2);
        CPACR_EL1::set_raw(memory.get(SysReg::CPTR_EL2), el2);
        CNTKCTL_EL1::set_raw(memory.get(SysReg::CNTHCTL_EL2), el2);
    } else {
        // CNTHCTL_EL2 says nothing about EL2 then, which CNTKCTL_EL1 is to stand for.
        let el1 = vcpu.translated_el2();

        SCTLR_EL1::set_raw(el1.sctlr, el2);
        CPACR_EL1::set_raw(el1.cpacr, el2);
        TTBR0_EL1::set_raw(el1.ttbr0, el2);
        TCR_EL1::set_raw(el1.tcr, el2);
    }

    Extended::restore(memory, have, el2);
}

/// A VHE host's `CNTHCTL_EL2`, of which the hardware's `CNTKCTL_EL1` has the bits that are about
/// EL0; what else is in `CNTHCTL_EL2` is RES0 there.
pub(super) const fn with_cntkctl(cnthctl: u64, cntkctl: u64) -> u64 {
    const ABOUT_EL0: u64 = bindings::KVM_CNTKCTL_VALID_BITS;

    cnthctl & !ABOUT_EL0 | cntkctl & ABOUT_EL0
}
