// SPDX-License-Identifier: GPL-2.0

//! A guest's registers, under the names that the guest knows them by.
//!
//! At EL2 of a VHE host the EL1 names are redirected to EL2's registers; EL1's have `_EL12` and
//! `_EL02` names.

use super::{
    GuestRegister,
    SystemRegister, //
};
use crate::arm64::barrier;

guest_registers! {
    /// `SCTLR_EL1`: system control.
    SctlrEl1 = "S3_5_C1_C0_0",
    /// `CPACR_EL1`: traps of FP, SVE, SME and trace.
    CpacrEl1 = "S3_5_C1_C0_2",
    /// `SCTLR2_EL1`: system control, extended (FEAT_SCTLR2).
    Sctlr2El1 = "S3_5_C1_C0_3",
    /// `ZCR_EL1`: SVE vector length (FEAT_SVE).
    ZcrEl1 = "S3_5_C1_C2_0",
    /// `TTBR0_EL1`: translation table, lower range.
    Ttbr0El1 = "S3_5_C2_C0_0",
    /// `TTBR1_EL1`: translation table, upper range.
    Ttbr1El1 = "S3_5_C2_C0_1",
    /// `TCR_EL1`: translation control.
    TcrEl1 = "S3_5_C2_C0_2",
    /// `TCR2_EL1`: translation control, extended (FEAT_TCR2).
    Tcr2El1 = "S3_5_C2_C0_3",
    /// `SPSR_EL1`: saved PSTATE.
    SpsrEl1 = "S3_5_C4_C0_0",
    /// `ELR_EL1`: return address.
    ElrEl1 = "S3_5_C4_C0_1",
    /// `AFSR0_EL1`: auxiliary fault status.
    Afsr0El1 = "S3_5_C5_C1_0",
    /// `AFSR1_EL1`: auxiliary fault status.
    Afsr1El1 = "S3_5_C5_C1_1",
    /// `ESR_EL1`: exception syndrome.
    EsrEl1 = "S3_5_C5_C2_0",
    /// `TFSR_EL1`: tag fault status (FEAT_MTE2).
    TfsrEl1 = "S3_5_C5_C6_0",
    /// `FAR_EL1`: fault address.
    FarEl1 = "S3_5_C6_C0_0",
    /// `MAIR_EL1`: memory attributes.
    MairEl1 = "S3_5_C10_C2_0",
    /// `PIRE0_EL1`: permission indirection for EL0 (FEAT_S1PIE).
    Pire0El1 = "S3_5_C10_C2_2",
    /// `PIR_EL1`: permission indirection (FEAT_S1PIE).
    PirEl1 = "S3_5_C10_C2_3",
    /// `POR_EL1`: permission overlay (FEAT_S1POE).
    PorEl1 = "S3_5_C10_C2_4",
    /// `AMAIR_EL1`: auxiliary memory attributes.
    AmairEl1 = "S3_5_C10_C3_0",
    /// `MPAM1_EL1`: memory partitioning (FEAT_MPAM).
    Mpam1El1 = "S3_5_C10_C5_0",
    /// `VBAR_EL1`: vectors.
    VbarEl1 = "S3_5_C12_C0_0",
    /// `CONTEXTIDR_EL1`: context ID.
    ContextidrEl1 = "S3_5_C13_C0_1",
    /// `CNTKCTL_EL1`: what EL0 may do with the timers.
    CntkctlEl1 = "S3_5_C14_C1_0",
    /// `CNTP_CTL_EL0`: physical timer, control.
    CntpCtlEl0 = "S3_5_C14_C2_1",
    /// `CNTP_CVAL_EL0`: physical timer, compare value.
    CntpCvalEl0 = "S3_5_C14_C2_2",
    /// `CNTV_CTL_EL0`: virtual timer, control.
    CntvCtlEl0 = "S3_5_C14_C3_1",
    /// `CNTV_CVAL_EL0`: virtual timer, compare value.
    CntvCvalEl0 = "S3_5_C14_C3_2",
}

// Of EL1 alone: not redirected, and of no meaning to a host at EL2.
guest_registers! {
    /// `SP_EL1`: stack pointer.
    SpEl1 = "S3_4_C4_C1_0",
    /// `TPIDR_EL1`: thread ID.
    TpidrEl1 = "S3_0_C13_C0_4",
    /// `TFSRE0_EL1`: tag fault status of EL0 (FEAT_MTE2). The host does not look at what is in it
    /// when it comes back from a guest.
    Tfsre0El1 = "S3_0_C5_C6_1",
}

// Of EL0: user space's, while the host runs.
guest_registers! {
    /// `TPIDR_EL0`: thread ID.
    TpidrEl0 = "S3_3_C13_C0_2",
    /// `TPIDRRO_EL0`: thread ID, read-only to EL0.
    TpidrroEl0 = "S3_3_C13_C0_3",
}

// C's timer code alone knows it by no other way.
#[cfg(not(CONFIG_KVM_ARM64_RUST_TIMER))]
guest_registers! {
    /// `CNTPOFF_EL2`: what is subtracted from the physical count, for a guest.
    CntpoffEl2 = "S3_4_C14_C0_6",
}

// Of a guest hypervisor: what it writes to `HCR_EL2`.
guest_registers! {
    /// `NVHCR_EL2` (FEAT_NV3).
    NvhcrEl2 = "S3_4_C1_C5_0",
}

// What a guest reads as something else, and what virtual exceptions are made of.
guest_registers! {
    /// `VPIDR_EL2`: the guest's `MIDR_EL1`.
    VpidrEl2 = "S3_4_C0_C0_0",
    /// `VMPIDR_EL2`: the guest's `MPIDR_EL1`.
    VmpidrEl2 = "S3_4_C0_C0_5",
    /// `VDISR_EL2`: the guest's `DISR_EL1` (FEAT_RAS).
    VdisrEl2 = "S3_4_C12_C1_1",
    /// `VSESR_EL2`: syndrome of a virtual SError (FEAT_RAS).
    VsesrEl2 = "S3_4_C5_C2_3",
}

// Of AArch32 EL1, which the host never is in.
guest_registers! {
    /// `SPSR_abt`.
    SpsrAbt = "S3_4_C4_C3_1",
    /// `SPSR_und`.
    SpsrUnd = "S3_4_C4_C3_2",
    /// `SPSR_irq`.
    SpsrIrq = "S3_4_C4_C3_0",
    /// `SPSR_fiq`.
    SpsrFiq = "S3_4_C4_C3_3",
    /// `DACR`: domain access control.
    Dacr32El2 = "S3_4_C3_C0_0",
    /// `IFSR`: instruction fault status.
    Ifsr32El2 = "S3_4_C5_C0_1",
    /// `DBGVCR`: vector catch.
    Dbgvcr32El2 = "S2_4_C0_C7_0",
}

/// `PAR_EL1`: result of an address translation.
pub(crate) struct ParEl1;

impl SystemRegister for ParEl1 {
    /// Cortex-A77 may deadlock between this read and device loads (erratum 1508412).
    #[inline(always)]
    fn read() -> u64 {
        barrier::dmb_for_erratum_1508412();
        let value = read_sysreg!("S3_0_C7_C4_0");
        barrier::dmb_for_erratum_1508412();
        value
    }

    #[inline(always)]
    unsafe fn write(value: u64) {
        write_sysreg!("S3_0_C7_C4_0", value)
    }
}

// SAFETY: The host uses it only right after an address translation of its own.
unsafe impl GuestRegister for ParEl1 {}
