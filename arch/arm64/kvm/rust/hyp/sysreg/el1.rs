// SPDX-License-Identifier: GPL-2.0

//! Registers of EL1 and EL0 that the host does not use: in the hardware from load to put.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h: __sysreg_save_user_state,
//!     __sysreg_save_el1_state, __sysreg_restore_user_state, __sysreg_restore_el1_state
#![forbid(unsafe_code)]

use super::*;
use extensions::Extensions;

register_list! {
    /// Whether EL1 translates addresses.
    Control {
        SCTLR_EL1,
    }
}

register_list! {
    /// How it does.
    Walks {
        TCR_EL1,
    }
}

register_list! {
    /// By what, and what traps there.
    Tables {
        CPACR_EL1,
        TTBR0_EL1,
        TTBR1_EL1,
    }
}

register_list! {
    /// The rest of EL1, of a guest at EL1 or EL0.
    Rest {
        if tcr2 {
            TCR2_EL1,
            if s1pie {
                PIR_EL1,
                PIRE0_EL1,
            }
            if s1poe {
                POR_EL1,
            }
        }
        ESR_EL1,
        AFSR0_EL1,
        AFSR1_EL1,
        FAR_EL1,
        MAIR_EL1,
        VBAR_EL1,
        CONTEXTIDR_EL1,
        AMAIR_EL1,
        CNTKCTL_EL1,
        PAR_EL1,
        TPIDR_EL1,
        if mte {
            TFSR_EL1,
            TFSRE0_EL1,
        }
        SP_EL1,
        ELR_EL1,
        SPSR_EL1,
        if sctlr2 {
            SCTLR2_EL1,
        }
    }
}

register_list! {
    /// EL0's, which are user space's while the host runs.
    User {
        TPIDR_EL0,
        TPIDRRO_EL0,
    }
}

/// Saves EL1.
#[inline(always)]
pub(super) fn save_el1(memory: SysRegs<'_>, have: Extensions) {
    Control::save(memory, have);
    Tables::save(memory, have);
    Walks::save(memory, have);
    Rest::save(memory, have);
}

/// Restores what says whether and how EL1 translates addresses.
#[inline(always)]
pub(super) fn restore_translation(memory: SysRegs<'_>, el2: El2<'_>) {
    Control::restore(memory, Extensions::NONE, el2);
    Walks::restore(memory, Extensions::NONE, el2);
}

/// Restores all of EL1 but for that.
#[inline(always)]
pub(super) fn restore_el1(memory: SysRegs<'_>, have: Extensions, el2: El2<'_>) {
    Tables::restore(memory, have, el2);
    Rest::restore(memory, have, el2);
}

/// Saves EL1 of a guest that is not at virtual EL2.
#[inline]
pub(super) fn save(vcpu: LoadedVcpu<'_>, have: Extensions) {
    let memory = vcpu.context().sys_regs();

    save_el1(memory, have);
    if runs_nv3_hypervisor(vcpu) {
        memory.set(SysReg::NVHCR_EL2, NVHCR_EL2::read_raw());
    }
}

/// Restores EL1 of a guest that is not at virtual EL2.
#[inline(never)]
pub(super) fn restore(vcpu: LoadedVcpu<'_>, identity: Identity, have: Extensions, el2: El2<'_>) {
    let memory = vcpu.context().sys_regs();

    identity.set(el2);
    restore_translation(memory, el2);
    restore_el1(memory, have, el2);
    if runs_nv3_hypervisor(vcpu) {
        NVHCR_EL2::set_raw(memory.get(SysReg::NVHCR_EL2), el2);
    }
}

/// Whether the guest of a guest hypervisor is a hypervisor itself, and has the register that
/// FEAT_NV3 keeps a guest hypervisor's `HCR_EL2` in.
#[inline(always)]
fn runs_nv3_hypervisor(vcpu: LoadedVcpu<'_>) -> bool {
    cpucaps::has_nv3()
        && vcpu.vm().tells_of_nv3()
        && vcpu.in_nested_context()
        && Hcr::from_raw(vcpu.sys_reg(SysReg::HCR_EL2)).has(Hcr::NV)
        && Hcrx::from_raw(vcpu.sys_reg(SysReg::HCRX_EL2)).has(Hcrx::NVTGE)
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
    /// A vCPU's own, of that VM.
    pub(super) fn own(vcpu: LoadedVcpu<'_>, vm: Vm<'_>) -> Self {
        Self {
            midr: vm.own_midr().unwrap_or_else(MIDR_EL1::read),
            mpidr: vcpu.context().sys_reg(SysReg::MPIDR_EL1),
        }
    }

    /// Has the guest read these.
    #[inline(always)]
    pub(super) fn set(self, el2: El2<'_>) {
        VPIDR_EL2::set(self.midr, el2);
        VMPIDR_EL2::set(self.mpidr, el2);
    }
}
