// SPDX-License-Identifier: GPL-2.0

//! What traps from a guest, beside `HCR_EL2` and `CPTR_EL2`, and where EL2's exceptions go.
//!
//! With `HCR_EL2.{E2H, TGE}` set, as it is while the host runs, none of the trap registers applies
//! to the host. The exception is `PMUSERENR_EL0`, which is about the host's user space too.

guest_registers! {
    /// `HSTR_EL2`: coprocessor 15 of AArch32.
    HstrEl2 = "S3_4_C1_C1_3",
    /// `HCRX_EL2`: what `HCR_EL2` has no room for (FEAT_HCX).
    HcrxEl2 = "S3_4_C1_C2_2",
    /// `PMUSERENR_EL0`: what EL0 may do with the PMU (FEAT_PMUv3).
    PmuserenrEl0 = "S3_3_C9_C14_0",
    /// `PMSELR_EL0`: which counter `PMXEVCNTR_EL0` means (FEAT_PMUv3).
    PmselrEl0 = "S3_3_C9_C12_5",
    /// `MPAM2_EL2`: memory partitioning at EL2, and traps of it (FEAT_MPAM).
    Mpam2El2 = "S3_4_C10_C5_0",
    /// `MPAMHCR_EL2`: memory partitioning of guests.
    MpamhcrEl2 = "S3_4_C10_C4_0",
}

// Fine-grained traps (FEAT_FGT, FEAT_FGT2).
guest_registers! {
    /// `HFGRTR_EL2`: reads.
    HfgrtrEl2 = "S3_4_C1_C1_4",
    /// `HFGWTR_EL2`: writes.
    HfgwtrEl2 = "S3_4_C1_C1_5",
    /// `HFGITR_EL2`: instructions.
    HfgitrEl2 = "S3_4_C1_C1_6",
    /// `HDFGRTR_EL2`: reads of debug and trace.
    HdfgrtrEl2 = "S3_4_C3_C1_4",
    /// `HDFGWTR_EL2`: writes of debug and trace.
    HdfgwtrEl2 = "S3_4_C3_C1_5",
    /// `HAFGRTR_EL2`: reads of activity monitors.
    HafgrtrEl2 = "S3_4_C3_C1_6",
    /// `HFGRTR2_EL2`.
    Hfgrtr2El2 = "S3_4_C3_C1_2",
    /// `HFGWTR2_EL2`.
    Hfgwtr2El2 = "S3_4_C3_C1_3",
    /// `HFGITR2_EL2`.
    Hfgitr2El2 = "S3_4_C3_C1_7",
    /// `HDFGRTR2_EL2`.
    Hdfgrtr2El2 = "S3_4_C3_C1_0",
    /// `HDFGWTR2_EL2`.
    Hdfgwtr2El2 = "S3_4_C3_C1_1",
}

// Fine-grained traps of a GICv5 CPU interface.
guest_registers! {
    /// `ICH_HFGRTR_EL2`: reads.
    IchHfgrtrEl2 = "S3_4_C12_C9_4",
    /// `ICH_HFGWTR_EL2`: writes.
    IchHfgwtrEl2 = "S3_4_C12_C9_6",
    /// `ICH_HFGITR_EL2`: instructions.
    IchHfgitrEl2 = "S3_4_C12_C9_7",
}

system_registers! {
    /// `VBAR_EL2`: where exceptions go.
    VbarEl2 = "S3_0_C12_C0_0",
    /// `VNCR_EL2`: where a guest hypervisor's registers are in memory (FEAT_NV2).
    VncrEl2 = "S3_4_C2_C2_0",
    /// `ID_AA64PFR0_EL1`: what this CPU has.
    IdAa64Pfr0El1 = "S3_0_C0_C4_0",
}
