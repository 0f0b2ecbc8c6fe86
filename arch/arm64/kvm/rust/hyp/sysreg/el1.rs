// SPDX-License-Identifier: GPL-2.0

//! Registers of EL1 and EL0 that the host does not use: in the hardware from load to put.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h: __sysreg_save_user_state,
//!     __sysreg_save_el1_state, __sysreg_restore_user_state, __sysreg_restore_el1_state,
//!     __sysreg32_save_state, __sysreg32_restore_state
#![forbid(unsafe_code)]

use super::extensions::Extensions;
use crate::{
    arm64::{
        cpucaps,
        evidence::Vhe,
        hcr::Hcr,
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
    /// EL1 of a guest at EL1 or EL0.
    El1 {
        SCTLR_EL1: SctlrEl1,
        CPACR_EL1: CpacrEl1,
        TTBR0_EL1: Ttbr0El1,
        TTBR1_EL1: Ttbr1El1,
        TCR_EL1: TcrEl1,
        if tcr2 {
            TCR2_EL1: Tcr2El1,
            if s1pie {
                PIR_EL1: PirEl1,
                PIRE0_EL1: Pire0El1,
            }
            if s1poe {
                POR_EL1: PorEl1,
            }
        }
        ESR_EL1: EsrEl1,
        AFSR0_EL1: Afsr0El1,
        AFSR1_EL1: Afsr1El1,
        FAR_EL1: FarEl1,
        MAIR_EL1: MairEl1,
        VBAR_EL1: VbarEl1,
        CONTEXTIDR_EL1: ContextidrEl1,
        AMAIR_EL1: AmairEl1,
        CNTKCTL_EL1: CntkctlEl1,
        PAR_EL1: ParEl1,
        TPIDR_EL1: TpidrEl1,
        if mte {
            TFSR_EL1: TfsrEl1,
            TFSRE0_EL1: Tfsre0El1,
        }
        SP_EL1: SpEl1,
        ELR_EL1: ElrEl1,
        SPSR_EL1: SpsrEl1,
        if sctlr2 {
            SCTLR2_EL1: Sctlr2El1,
        }
    }
}

register_list! {
    /// EL0's, which are user space's while the host runs.
    User {
        TPIDR_EL0: TpidrEl0,
        TPIDRRO_EL0: TpidrroEl0,
    }
}

register_list! {
    /// AArch32's, by the names that AArch64 has for them.
    Aarch32 {
        DACR32_EL2: Dacr32El2,
        IFSR32_EL2: Ifsr32El2,
        DBGVCR32_EL2: Dbgvcr32El2,
    }
}

/// Saves EL1 of a guest that is not at virtual EL2.
#[inline]
pub(super) fn save(vcpu: Vcpu<'_>, have: Extensions) {
    let memory = vcpu.context().sys_regs();

    El1::save(memory, have);
    if runs_nv3_hypervisor(vcpu) {
        memory.set(SysReg::NVHCR_EL2, NvhcrEl2::read());
    }
}

/// Restores EL1 of a guest that is not at virtual EL2.
#[inline(never)]
pub(super) fn restore(vcpu: Vcpu<'_>, identity: Identity, have: Extensions, vhe: Vhe<'_>) {
    let memory = vcpu.context().sys_regs();

    identity.set(vhe);
    El1::restore(memory, have, vhe);
    if runs_nv3_hypervisor(vcpu) {
        NvhcrEl2::set(memory.get(SysReg::NVHCR_EL2), vhe);
    }
}

/// Whether the guest of a guest hypervisor is a hypervisor itself, and has the register that
/// FEAT_NV3 keeps a guest hypervisor's `HCR_EL2` in.
#[inline(always)]
fn runs_nv3_hypervisor(vcpu: Vcpu<'_>) -> bool {
    /// `HCRX_EL2.NVTGE`.
    const NVTGE: u64 = 1 << bindings::HCRX_EL2_NVTGE_SHIFT;

    cpucaps::has_nv3()
        && vcpu.vm().tells_of_nv3()
        && vcpu.in_nested_context()
        && Hcr::from_raw(vcpu.sys_reg(SysReg::HCR_EL2)).has(Hcr::NV)
        && vcpu.sys_reg(SysReg::HCRX_EL2) & NVTGE != 0
}

/// Who the guest's CPU says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    /// `MIDR_EL1`.
    pub(super) midr: u64,
    /// `MPIDR_EL1`.
    pub(super) mpidr: u64,
}

impl Identity {
    #[inline(always)]
    pub(super) fn set(self, vhe: Vhe<'_>) {
        VpidrEl2::set(self.midr, vhe);
        VmpidrEl2::set(self.mpidr, vhe);
    }
}
