// SPDX-License-Identifier: GPL-2.0

//! The registers of a vCPU that are kept in memory.
//!
//! C header: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)

use crate::bindings;

/// A register of a vCPU that is kept in memory (`enum vcpu_sysreg`).
///
/// # Invariants
///
/// Less than `NR_SYS_REGS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SysReg(bindings::vcpu_sysreg);

impl SysReg {
    /// C's number.
    #[inline(always)]
    pub(crate) const fn as_raw(self) -> bindings::vcpu_sysreg {
        self.0
    }

    /// Its place in `sys_regs`.
    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        // CAST: widening.
        self.0 as usize
    }

    /// Whether it has bits that depend on the features of a guest with EL2.
    #[inline(always)]
    pub(crate) const fn is_sanitised(self) -> bool {
        self.0 >= bindings::vcpu_sysreg___SANITISED_REG_START__
    }

    /// Its place in the page that a guest hypervisor's accesses to it go to (FEAT_NV2), if they
    /// do.
    #[inline(always)]
    pub(crate) const fn index_in_vncr_page(self) -> Option<usize> {
        // CAST: widening.
        self.index()
            .checked_sub(bindings::vcpu_sysreg___VNCR_START__ as usize)
    }
}

macro_rules! sys_regs {
    ($($name:ident = $number:ident),* $(,)?) => {
        // INVARIANT: All of these are enumerators before `NR_SYS_REGS`.
        #[allow(dead_code, reason = "which are in use depends on the parts that are built")]
        #[allow(missing_docs, reason = "the architecture's names")]
        impl SysReg {
            $(pub(crate) const $name: Self = Self(bindings::$number);)*
        }
    };
}

sys_regs! {
    MPIDR_EL1 = vcpu_sysreg_MPIDR_EL1,
    CLIDR_EL1 = vcpu_sysreg_CLIDR_EL1,
    CSSELR_EL1 = vcpu_sysreg_CSSELR_EL1,
    TPIDR_EL0 = vcpu_sysreg_TPIDR_EL0,
    TPIDRRO_EL0 = vcpu_sysreg_TPIDRRO_EL0,
    TPIDR_EL1 = vcpu_sysreg_TPIDR_EL1,
    CNTKCTL_EL1 = vcpu_sysreg_CNTKCTL_EL1,
    PAR_EL1 = vcpu_sysreg_PAR_EL1,
    MDCCINT_EL1 = vcpu_sysreg_MDCCINT_EL1,
    OSLSR_EL1 = vcpu_sysreg_OSLSR_EL1,
    DISR_EL1 = vcpu_sysreg_DISR_EL1,
    PMCR_EL0 = vcpu_sysreg_PMCR_EL0,
    PMSELR_EL0 = vcpu_sysreg_PMSELR_EL0,
    PMCCNTR_EL0 = vcpu_sysreg_PMCCNTR_EL0,
    PMCCFILTR_EL0 = vcpu_sysreg_PMCCFILTR_EL0,
    PMCNTENSET_EL0 = vcpu_sysreg_PMCNTENSET_EL0,
    PMINTENSET_EL1 = vcpu_sysreg_PMINTENSET_EL1,
    PMOVSSET_EL0 = vcpu_sysreg_PMOVSSET_EL0,
    PMUSERENR_EL0 = vcpu_sysreg_PMUSERENR_EL0,
    APIAKEYLO_EL1 = vcpu_sysreg_APIAKEYLO_EL1,
    APIAKEYHI_EL1 = vcpu_sysreg_APIAKEYHI_EL1,
    APIBKEYLO_EL1 = vcpu_sysreg_APIBKEYLO_EL1,
    APIBKEYHI_EL1 = vcpu_sysreg_APIBKEYHI_EL1,
    APDAKEYLO_EL1 = vcpu_sysreg_APDAKEYLO_EL1,
    APDAKEYHI_EL1 = vcpu_sysreg_APDAKEYHI_EL1,
    APDBKEYLO_EL1 = vcpu_sysreg_APDBKEYLO_EL1,
    APDBKEYHI_EL1 = vcpu_sysreg_APDBKEYHI_EL1,
    APGAKEYLO_EL1 = vcpu_sysreg_APGAKEYLO_EL1,
    APGAKEYHI_EL1 = vcpu_sysreg_APGAKEYHI_EL1,
    RGSR_EL1 = vcpu_sysreg_RGSR_EL1,
    GCR_EL1 = vcpu_sysreg_GCR_EL1,
    TFSRE0_EL1 = vcpu_sysreg_TFSRE0_EL1,
    POR_EL0 = vcpu_sysreg_POR_EL0,
    SVCR = vcpu_sysreg_SVCR,
    FPMR = vcpu_sysreg_FPMR,
    DACR32_EL2 = vcpu_sysreg_DACR32_EL2,
    IFSR32_EL2 = vcpu_sysreg_IFSR32_EL2,
    FPEXC32_EL2 = vcpu_sysreg_FPEXC32_EL2,
    DBGVCR32_EL2 = vcpu_sysreg_DBGVCR32_EL2,
    ACTLR_EL2 = vcpu_sysreg_ACTLR_EL2,
    CPTR_EL2 = vcpu_sysreg_CPTR_EL2,
    HACR_EL2 = vcpu_sysreg_HACR_EL2,
    TTBR0_EL2 = vcpu_sysreg_TTBR0_EL2,
    TTBR1_EL2 = vcpu_sysreg_TTBR1_EL2,
    TCR_EL2 = vcpu_sysreg_TCR_EL2,
    PIRE0_EL2 = vcpu_sysreg_PIRE0_EL2,
    PIR_EL2 = vcpu_sysreg_PIR_EL2,
    POR_EL2 = vcpu_sysreg_POR_EL2,
    SPSR_EL2 = vcpu_sysreg_SPSR_EL2,
    ELR_EL2 = vcpu_sysreg_ELR_EL2,
    AFSR0_EL2 = vcpu_sysreg_AFSR0_EL2,
    AFSR1_EL2 = vcpu_sysreg_AFSR1_EL2,
    ESR_EL2 = vcpu_sysreg_ESR_EL2,
    FAR_EL2 = vcpu_sysreg_FAR_EL2,
    HPFAR_EL2 = vcpu_sysreg_HPFAR_EL2,
    MAIR_EL2 = vcpu_sysreg_MAIR_EL2,
    AMAIR_EL2 = vcpu_sysreg_AMAIR_EL2,
    VBAR_EL2 = vcpu_sysreg_VBAR_EL2,
    RVBAR_EL2 = vcpu_sysreg_RVBAR_EL2,
    CONTEXTIDR_EL2 = vcpu_sysreg_CONTEXTIDR_EL2,
    SP_EL2 = vcpu_sysreg_SP_EL2,
    CNTHP_CTL_EL2 = vcpu_sysreg_CNTHP_CTL_EL2,
    CNTHP_CVAL_EL2 = vcpu_sysreg_CNTHP_CVAL_EL2,
    CNTHV_CTL_EL2 = vcpu_sysreg_CNTHV_CTL_EL2,
    CNTHV_CVAL_EL2 = vcpu_sysreg_CNTHV_CVAL_EL2,
    SCTLR_EL2 = vcpu_sysreg_SCTLR_EL2,
    TCR2_EL2 = vcpu_sysreg_TCR2_EL2,
    SCTLR2_EL2 = vcpu_sysreg_SCTLR2_EL2,
    MDCR_EL2 = vcpu_sysreg_MDCR_EL2,
    CNTHCTL_EL2 = vcpu_sysreg_CNTHCTL_EL2,
    ZCR_EL2 = vcpu_sysreg_ZCR_EL2,
    SCTLR_EL1 = vcpu_sysreg_SCTLR_EL1,
    ACTLR_EL1 = vcpu_sysreg_ACTLR_EL1,
    CPACR_EL1 = vcpu_sysreg_CPACR_EL1,
    ZCR_EL1 = vcpu_sysreg_ZCR_EL1,
    TTBR0_EL1 = vcpu_sysreg_TTBR0_EL1,
    TTBR1_EL1 = vcpu_sysreg_TTBR1_EL1,
    TCR_EL1 = vcpu_sysreg_TCR_EL1,
    TCR2_EL1 = vcpu_sysreg_TCR2_EL1,
    SCTLR2_EL1 = vcpu_sysreg_SCTLR2_EL1,
    ESR_EL1 = vcpu_sysreg_ESR_EL1,
    AFSR0_EL1 = vcpu_sysreg_AFSR0_EL1,
    AFSR1_EL1 = vcpu_sysreg_AFSR1_EL1,
    FAR_EL1 = vcpu_sysreg_FAR_EL1,
    MAIR_EL1 = vcpu_sysreg_MAIR_EL1,
    VBAR_EL1 = vcpu_sysreg_VBAR_EL1,
    CONTEXTIDR_EL1 = vcpu_sysreg_CONTEXTIDR_EL1,
    AMAIR_EL1 = vcpu_sysreg_AMAIR_EL1,
    MDSCR_EL1 = vcpu_sysreg_MDSCR_EL1,
    ELR_EL1 = vcpu_sysreg_ELR_EL1,
    SP_EL1 = vcpu_sysreg_SP_EL1,
    SPSR_EL1 = vcpu_sysreg_SPSR_EL1,
    TFSR_EL1 = vcpu_sysreg_TFSR_EL1,
    VPIDR_EL2 = vcpu_sysreg_VPIDR_EL2,
    VMPIDR_EL2 = vcpu_sysreg_VMPIDR_EL2,
    HCR_EL2 = vcpu_sysreg_HCR_EL2,
    NVHCR_EL2 = vcpu_sysreg_NVHCR_EL2,
    HSTR_EL2 = vcpu_sysreg_HSTR_EL2,
    VTTBR_EL2 = vcpu_sysreg_VTTBR_EL2,
    VTCR_EL2 = vcpu_sysreg_VTCR_EL2,
    TPIDR_EL2 = vcpu_sysreg_TPIDR_EL2,
    HCRX_EL2 = vcpu_sysreg_HCRX_EL2,
    PIR_EL1 = vcpu_sysreg_PIR_EL1,
    PIRE0_EL1 = vcpu_sysreg_PIRE0_EL1,
    POR_EL1 = vcpu_sysreg_POR_EL1,
    VDISR_EL2 = vcpu_sysreg_VDISR_EL2,
    VSESR_EL2 = vcpu_sysreg_VSESR_EL2,
    HFGRTR_EL2 = vcpu_sysreg_HFGRTR_EL2,
    HFGWTR_EL2 = vcpu_sysreg_HFGWTR_EL2,
    HFGITR_EL2 = vcpu_sysreg_HFGITR_EL2,
    HDFGRTR_EL2 = vcpu_sysreg_HDFGRTR_EL2,
    HDFGWTR_EL2 = vcpu_sysreg_HDFGWTR_EL2,
    HAFGRTR_EL2 = vcpu_sysreg_HAFGRTR_EL2,
    HFGRTR2_EL2 = vcpu_sysreg_HFGRTR2_EL2,
    HFGWTR2_EL2 = vcpu_sysreg_HFGWTR2_EL2,
    HFGITR2_EL2 = vcpu_sysreg_HFGITR2_EL2,
    HDFGRTR2_EL2 = vcpu_sysreg_HDFGRTR2_EL2,
    HDFGWTR2_EL2 = vcpu_sysreg_HDFGWTR2_EL2,
    VNCR_EL2 = vcpu_sysreg_VNCR_EL2,
    CNTVOFF_EL2 = vcpu_sysreg_CNTVOFF_EL2,
    CNTV_CVAL_EL0 = vcpu_sysreg_CNTV_CVAL_EL0,
    CNTV_CTL_EL0 = vcpu_sysreg_CNTV_CTL_EL0,
    CNTP_CVAL_EL0 = vcpu_sysreg_CNTP_CVAL_EL0,
    CNTP_CTL_EL0 = vcpu_sysreg_CNTP_CTL_EL0,
    ICH_LR0_EL2 = vcpu_sysreg_ICH_LR0_EL2,
    ICH_LR1_EL2 = vcpu_sysreg_ICH_LR1_EL2,
    ICH_LR2_EL2 = vcpu_sysreg_ICH_LR2_EL2,
    ICH_LR3_EL2 = vcpu_sysreg_ICH_LR3_EL2,
    ICH_LR4_EL2 = vcpu_sysreg_ICH_LR4_EL2,
    ICH_LR5_EL2 = vcpu_sysreg_ICH_LR5_EL2,
    ICH_LR6_EL2 = vcpu_sysreg_ICH_LR6_EL2,
    ICH_LR7_EL2 = vcpu_sysreg_ICH_LR7_EL2,
    ICH_LR8_EL2 = vcpu_sysreg_ICH_LR8_EL2,
    ICH_LR9_EL2 = vcpu_sysreg_ICH_LR9_EL2,
    ICH_LR10_EL2 = vcpu_sysreg_ICH_LR10_EL2,
    ICH_LR11_EL2 = vcpu_sysreg_ICH_LR11_EL2,
    ICH_LR12_EL2 = vcpu_sysreg_ICH_LR12_EL2,
    ICH_LR13_EL2 = vcpu_sysreg_ICH_LR13_EL2,
    ICH_LR14_EL2 = vcpu_sysreg_ICH_LR14_EL2,
    ICH_LR15_EL2 = vcpu_sysreg_ICH_LR15_EL2,
    ICH_AP0R0_EL2 = vcpu_sysreg_ICH_AP0R0_EL2,
    ICH_AP0R1_EL2 = vcpu_sysreg_ICH_AP0R1_EL2,
    ICH_AP0R2_EL2 = vcpu_sysreg_ICH_AP0R2_EL2,
    ICH_AP0R3_EL2 = vcpu_sysreg_ICH_AP0R3_EL2,
    ICH_AP1R0_EL2 = vcpu_sysreg_ICH_AP1R0_EL2,
    ICH_AP1R1_EL2 = vcpu_sysreg_ICH_AP1R1_EL2,
    ICH_AP1R2_EL2 = vcpu_sysreg_ICH_AP1R2_EL2,
    ICH_AP1R3_EL2 = vcpu_sysreg_ICH_AP1R3_EL2,
    ICH_HCR_EL2 = vcpu_sysreg_ICH_HCR_EL2,
    ICH_VMCR_EL2 = vcpu_sysreg_ICH_VMCR_EL2,
    ICH_HFGRTR_EL2 = vcpu_sysreg_ICH_HFGRTR_EL2,
    ICH_HFGWTR_EL2 = vcpu_sysreg_ICH_HFGWTR_EL2,
    ICH_HFGITR_EL2 = vcpu_sysreg_ICH_HFGITR_EL2,
}
