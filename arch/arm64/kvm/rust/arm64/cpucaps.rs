// SPDX-License-Identifier: GPL-2.0

//! CPU capabilities, tested by code that is patched once they are known.
//!
//! Valid once the capabilities are final, which they are before KVM initialises.
//!
//! C header: [`arch/arm64/include/asm/cpufeature.h`](srctree/arch/arm64/include/asm/cpufeature.h)

use crate::bindings;

/// Whether the system has a capability: one NOP where it has not, a branch where it has.
///
/// The entry is the one that C's `alternative_has_cap_unlikely()` makes.
macro_rules! has_cap {
    ($cap:expr) => {'has: {
        // SAFETY: Control flow only. The replacement branches to the label block that is given
        // to the compiler.
        unsafe {
            core::arch::asm!(
                alternative!("nop", "b {yes}"),
                cap = const $cap,
                yes = label { break 'has true },
                options(nomem, nostack, preserves_flags)
            );
        }
        false
    }};
}

/// Makes functions that test for a capability.
macro_rules! capabilities {
    ($($(#[$meta:meta])* $name:ident = $cap:ident),* $(,)?) => {$(
        $(#[$meta])*
        #[inline(always)]
        pub(crate) fn $name() -> bool {
            has_cap!(bindings::$cap)
        }
    )*};
}

capabilities! {
    /// The kernel runs at EL2 (`HCR_EL2.E2H` is 1 and the host uses it).
    has_vhe = ARM64_HAS_VIRT_HOST_EXTN,
    /// The hypervisor runs with E2H set below a kernel at EL1 (hVHE).
    has_hvhe = ARM64_KVM_HVHE,
    /// FEAT_ECV: accesses to the EL1 virtual timer can trap.
    has_ecv = ARM64_HAS_ECV,
    /// FEAT_ECV with `CNTPOFF_EL2`, whether or not KVM can use it.
    has_ecv_cntpoff = ARM64_HAS_ECV_CNTPOFF,
    /// FEAT_WFxT: WFI and WFE with a timeout.
    has_wfxt = ARM64_HAS_WFXT,
    /// The CPU's `CNTVOFF_EL2` does not work (Qualcomm Oryon).
    has_oryon_cntvoff_erratum = ARM64_WORKAROUND_QCOM_ORYON_CNTVOFF,
    /// FEAT_NV2, and KVM uses it: guests may have an EL2.
    has_nested_virt = ARM64_HAS_NESTED_VIRT,
    /// FEAT_NV2p1: `CPACR_EL1` and `CNTKCTL_EL1` of a guest hypervisor have all bits of `CPTR_EL2`
    /// and `CNTHCTL_EL2`.
    has_nv2p1 = ARM64_HAS_NV2P1,
    /// EL1 can be AArch32.
    has_aarch32_el1 = ARM64_HAS_32BIT_EL1,
    /// FP and Advanced SIMD.
    has_fpsimd = ARM64_HAS_FPSIMD,
    /// FEAT_SVE.
    has_sve = ARM64_SVE,
    /// FEAT_SME.
    has_sme = ARM64_SME,
    /// FEAT_TCR2.
    has_tcr2 = ARM64_HAS_TCR2,
    /// FEAT_SCTLR2.
    has_sctlr2 = ARM64_HAS_SCTLR2,
    /// FEAT_S1PIE, and the kernel uses it.
    has_s1pie = ARM64_HAS_S1PIE,
    /// FEAT_MTE2, and the kernel uses it.
    has_mte = ARM64_MTE,
    /// FEAT_S1POE, and the kernel uses it.
    has_s1poe = ARM64_HAS_S1POE,
    /// FEAT_RAS.
    has_ras = ARM64_HAS_RAS_EXTN,
    /// FEAT_HCX.
    has_hcx = ARM64_HAS_HCX,
    /// FEAT_FGT.
    has_fgt = ARM64_HAS_FGT,
    /// FEAT_FGT2.
    has_fgt2 = ARM64_HAS_FGT2,
    /// A GICv5 CPU interface.
    has_gicv5_cpuif = ARM64_HAS_GICV5_CPUIF,
    /// A GICv5 whose CPU interface can be that of a GICv3.
    has_gicv5_legacy = ARM64_HAS_GICV5_LEGACY,
    /// FEAT_MPAM, and the kernel uses it.
    has_mpam = ARM64_MPAM,
    /// `MPAMHCR_EL2`.
    has_mpam_hcr = ARM64_MPAM_HCR,
    /// FEAT_PMUv3.
    has_pmuv3 = ARM64_HAS_PMUV3,
    /// The kernel is not mapped while user space runs.
    kernel_unmapped_at_el0 = ARM64_UNMAP_KERNEL_AT_EL0,
    /// Ampere AC04_CPU_23: a write of `HCR_EL2` may corrupt data accesses in flight.
    has_ampere_hcr_erratum = ARM64_WORKAROUND_AMPERE_AC04_CPU_23,
    /// Cavium TX2 219: a guest must not write translation control registers by itself.
    has_tx2_tvm_erratum = ARM64_WORKAROUND_CAVIUM_TX2_219_TVM,
    /// Ampere AC03_CPU_38: a guest must not turn on hardware updates of access flags.
    has_ampere_tcr_erratum = ARM64_WORKAROUND_AMPERE_AC03_CPU_38,
    /// Cortex-A510 2077057: `SPSR_EL2` may be wrong after a trap that is single-stepped.
    has_spsr_erratum_2077057 = ARM64_WORKAROUND_2077057,
    /// Cortex-A57 834220: a stage 1 fault may be reported as one of stage 2.
    has_erratum_834220 = ARM64_WORKAROUND_834220,
    /// FEAT_NV3: the hardware keeps a guest hypervisor's `HCR_EL2` in a register of its own, and
    /// performs its ERETs.
    has_nv3 = ARM64_HAS_NV3,
    /// `ICH_HCR_EL2.TDIR`: deactivations can be made to trap without the rest.
    has_ich_hcr_el2_tdir = ARM64_HAS_ICH_HCR_EL2_TDIR,
    /// Apple: accesses to the PMU trap with a class of their own.
    has_impdef_pmu_traps = ARM64_WORKAROUND_PMUV3_IMPDEF_TRAPS,
}

#[cfg(nvhe)]
capabilities! {
    /// The hypervisor does not trust the host (pKVM).
    has_protected_kvm = ARM64_KVM_PROTECTED_MODE,
    /// The kernel masks interrupts by priority.
    has_priority_masking = ARM64_HAS_GIC_PRIO_MASKING,
    /// Errata 2054223 and 2067961: what is traced gets to memory by the second TSB only.
    has_tsb_erratum = ARM64_WORKAROUND_TSB_FLUSH_FAILURE,
    /// Erratum 2064142: a trace buffer that was switched off is to be drained again.
    has_erratum_2064142 = ARM64_WORKAROUND_2064142,
    /// Erratum 2038923: a trace buffer is on only after a second ISB.
    has_erratum_2038923 = ARM64_WORKAROUND_2038923,
    /// Errata 1319367 and 1319537 (without VHE), 1165522 and 1530923: an address translation may
    /// be speculated with a half-switched regime.
    has_speculative_at_erratum = ARM64_WORKAROUND_SPECULATIVE_AT,
}

/// Errata 1165522 and 1530923: on affected CPUs, what was written must be in force before the
/// translation regime that the write is about is used.
#[inline(always)]
pub(crate) fn isb_for_speculative_at() {
    // SAFETY: Nothing, or a barrier.
    unsafe {
        core::arch::asm!(
            alternative!("nop", "isb"),
            cap = const bindings::ARM64_WORKAROUND_SPECULATIVE_AT,
            options(nostack, preserves_flags)
        );
    }
}
