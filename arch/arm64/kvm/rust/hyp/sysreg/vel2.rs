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

use super::{
    el1::Identity,
    extensions::Extensions,
    list::{
        Memory,
        Sanitised, //
    }, //
};
use crate::{
    arm64::{
        cpucaps,
        evidence::Vhe,
        registers::{
            guest::*,
            GuestRegister,
            SystemRegister, //
        }, //
    },
    bindings,
    host::{
        sys_reg::SysReg,
        vcpu::Vcpu, //
    }, //
};

register_list! {
    /// What all hypervisors have in the hardware.
    Any {
        PAR_EL1: ParEl1,
        TPIDR_EL1: TpidrEl1,
        ESR_EL2: EsrEl1,
        AFSR0_EL2: Afsr0El1,
        AFSR1_EL2: Afsr1El1,
        FAR_EL2: FarEl1,
        MAIR_EL2: MairEl1,
        VBAR_EL2: VbarEl1,
        CONTEXTIDR_EL2: ContextidrEl1,
        AMAIR_EL2: AmairEl1,
        SP_EL2: SpEl1,
        ELR_EL2: ElrEl1,
        SPSR_EL2: SpsrEl1,
        if sctlr2 {
            SCTLR2_EL2: Sctlr2El1,
        }
    }
}

register_list! {
    /// What EL1's format is the format of, for a VHE host alone.
    VheHost {
        SCTLR_EL2: SctlrEl1,
        TTBR0_EL2: Ttbr0El1,
        TTBR1_EL2: Ttbr1El1,
        TCR_EL2: TcrEl1,
    }
}

register_list! {
    /// Extensions to the translation: effective for all, written to by a VHE host alone.
    Extended {
        if tcr2 {
            TCR2_EL2: Tcr2El1,
            if s1pie {
                PIR_EL2: PirEl1,
                PIRE0_EL2: Pire0El1,
            }
            if s1poe {
                POR_EL2: PorEl1,
            }
        }
    }
}

/// Saves virtual EL2.
#[inline(never)]
pub(super) fn save(vcpu: Vcpu<'_>, have: Extensions) {
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
            with_cntkctl(memory.get(SysReg::CNTHCTL_EL2), CntkctlEl1::read()),
        );
    }
}

/// Saves what has all of EL2's bits in EL1's registers with FEAT_NV2p1.
#[cold]
fn save_whole(memory: Sanitised<'_>) {
    memory.set(SysReg::CPTR_EL2, CpacrEl1::read());
    memory.set(SysReg::CNTHCTL_EL2, CntkctlEl1::read());
}

/// Restores virtual EL2.
#[inline(never)]
pub(super) fn restore(vcpu: Vcpu<'_>, identity: Identity, have: Extensions, vhe: Vhe<'_>) {
    let memory = Sanitised::of(vcpu);

    identity.set(vhe);
    Any::restore(memory, have, vhe);

    if vcpu.el2_e2h() {
        VheHost::restore(memory, have, vhe);
        CpacrEl1::set(memory.get(SysReg::CPTR_EL2), vhe);
        CntkctlEl1::set(memory.get(SysReg::CNTHCTL_EL2), vhe);
    } else {
        // CNTHCTL_EL2 says nothing about EL2 then, which CNTKCTL_EL1 is to stand for.
        let el1 = vcpu.translated_el2();

        SctlrEl1::set(el1.sctlr, vhe);
        CpacrEl1::set(el1.cpacr, vhe);
        Ttbr0El1::set(el1.ttbr0, vhe);
        TcrEl1::set(el1.tcr, vhe);
    }

    Extended::restore(memory, have, vhe);
}

/// A VHE host's `CNTHCTL_EL2`, of which the hardware's `CNTKCTL_EL1` has the bits that are about
/// EL0; what else is in `CNTHCTL_EL2` is RES0 there.
pub(super) const fn with_cntkctl(cnthctl: u64, cntkctl: u64) -> u64 {
    const ABOUT_EL0: u64 = bindings::KVM_CNTKCTL_VALID_BITS;

    cnthctl & !ABOUT_EL0 | cntkctl & ABOUT_EL0
}
