// SPDX-License-Identifier: GPL-2.0

//! Values of registers of which only some fields matter here.
//!
//! Source: Arm ARM and GIC specification, the registers' own pages.
#![forbid(unsafe_code)]

use super::fields::register_values;

register_values! {
    /// Of `SCTLR_EL1`.
    pub(crate) struct Sctlr {
        /// Stage 1 is on.
        #[cfg(nvhe)]
        M = 0;
        /// Data accesses of EL1 are big-endian.
        EE = 25;
    }

    /// Of `TCR_EL1`.
    pub(crate) struct Tcr {
        /// The lower range is not walked.
        #[cfg(nvhe)]
        EPD0 = 7;
        /// The upper range is not walked.
        #[cfg(nvhe)]
        EPD1 = 23;
        /// The hardware updates access flags.
        HA = 39;
        /// The hardware updates dirty states.
        HD = 40;
    }

    /// Of `PAR_EL1`.
    pub(crate) struct Par {
        /// The translation failed.
        F = 0;
        /// Bits 51 to 12 of the address, where it has them.
        PA = 51:12;
    }

    /// Of `CNTHCTL_EL2` with `HCR_EL2.E2H` set.
    pub(crate) struct Cnthctl {
        /// EL0 may read the physical count, as far as EL2 is concerned.
        EL0PCTEN = 0;
        /// EL0 may read the virtual count.
        EL0VCTEN = 1;
        /// EL1 may read the physical count.
        EL1PCTEN = 10;
        /// EL1 may use the physical timer.
        EL1PTEN = 11;
        /// `CNTPOFF_EL2` applies.
        ECV = 12;
        /// EL1's use of the virtual timer traps.
        EL1TVT = 13;
        /// EL1's reads of the virtual count trap.
        EL1TVCT = 14;
        /// A guest hypervisor's use of `CNTP_*_EL02` traps.
        EL1NVPCT = 15;
        /// A guest hypervisor's use of `CNTV_*_EL02` traps.
        EL1NVVCT = 16;
    }

    /// Of `VSESR_EL2`.
    pub(crate) struct Vsesr {
        /// The rest is an implementation's own.
        IDS = 24;
    }

    /// Of `HCR_EL2`, and of `NVHCR_EL2`.
    pub(crate) struct Hcr {
        /// Physical FIQs come to EL2.
        FMO = 3;
        /// Physical IRQs come to EL2.
        IMO = 4;
        /// SErrors come to EL2.
        AMO = 5;
        /// A virtual SError is pending. The one bit that the CPU changes by itself.
        VSE = 8;
        /// Trap WFE.
        TWE = 14;
        /// Trap TLB maintenance.
        TTLB = 25;
        /// Trap writes of the registers that control translation.
        TVM = 26;
        /// Exceptions of EL0 go to EL2: EL0 is the host's user space.
        TGE = 27;
        /// EL1 is AArch64.
        RW = 31;
        /// The host is at EL2.
        E2H = 34;
        /// Do not trap the registers of PAuth keys.
        APK = 40;
        /// Do not trap PAuth instructions.
        API = 41;
        /// Nested virtualization.
        NV = 42;
        /// A guest hypervisor that is no VHE host runs.
        NV1 = 43;
        /// Trap address translation instructions.
        AT = 44;
        /// Registers of virtual EL2 are in memory.
        NV2 = 45;
        /// Fault injection of FEAT_RAS.
        FIEN = 47;
        /// Whether a WFE waits before it traps.
        TWEDEn = 59;
        /// How long it does.
        TWEDEL = 63:60;
    }

    /// Of `CPTR_EL2` with `HCR_EL2.E2H` set. Fields of two bits let instructions through.
    pub(crate) struct Cptr {
        /// SVE.
        ZEN = 17:16;
        /// FP and Advanced SIMD.
        FPEN = 21:20;
        /// SME.
        SMEN = 25:24;
        /// Trap trace registers.
        TTA = 28;
        /// EL0 may use `POR_EL0` (FEAT_S1POE).
        E0POE = 29;
        /// Trap activity monitors.
        TAM = 30;
        /// Trap accesses to `CPACR_EL1`.
        TCPAC = 31;
    }

    /// Of `CPTR_EL2` with `HCR_EL2.E2H` clear: traps.
    pub(crate) struct CptrNvhe {
        /// Reserved, 1.
        RES1_LOW = 7:0;
        /// SVE.
        TZ = 8;
        /// Reserved, 1.
        RES1_9 = 9;
        /// FP and Advanced SIMD.
        TFP = 10;
        /// SME.
        TSM = 12;
        /// Reserved, 1.
        RES1_13 = 13;
        /// Trace registers.
        TTA = 20;
        /// Activity monitors.
        TAM = 30;
    }

    /// Of `PMBLIMITR_EL1` and `TRBLIMITR_EL1`.
    pub(crate) struct BufferLimit {
        /// The buffer is on.
        #[cfg(nvhe)]
        E = 0;
    }

    /// Of `BRBCR_EL1`.
    pub(crate) struct Brbcr {
        /// EL0's branches are recorded.
        #[cfg(nvhe)]
        E0BRE = 0;
        /// EL1's branches are recorded.
        #[cfg(nvhe)]
        ExBRE = 1;
    }

    /// Of `HSTR_EL2`.
    pub(crate) struct Hstr {
        /// Trap c15: an implementation's own registers.
        T15 = 15;
    }

    /// Of `HCRX_EL2`.
    pub(crate) struct Hcrx {
        /// FEAT_PTTWI: table walks are coherent.
        PTTWI = 16;
        /// Synchronous external aborts go to EL2, and SErrors that are masked.
        TMEA = 19;
        /// There are registers of the implementation's, of 128 bits.
        EnIDCP128 = 21;
        /// A guest hypervisor's TGE is effective (FEAT_NV3).
        NVTGE = 27;
    }

    /// Of `HFGRTR_EL2`.
    pub(crate) struct Hfgrtr {
        /// Reads of `ICC_IGRPEN<n>_EL1` trap.
        ICC_IGRPENn_EL1 = 39;
    }

    /// Of `HFGWTR_EL2`.
    pub(crate) struct Hfgwtr {
        /// Writes of `ICC_IGRPEN<n>_EL1` trap.
        ICC_IGRPENn_EL1 = 39;
    }

    /// Of `PMUSERENR_EL0`.
    pub(crate) struct Pmuserenr {
        /// EL0 may use the PMU, its software increment, its cycle counter, its event counters.
        ALL = 3:0;
    }

    /// Of `MPAM1_EL1`.
    pub(crate) struct Mpam1 {
        /// Partitions and groups.
        PARTITIONS = 47:0;
        /// Partitioning is on.
        MPAMEN = 63;
    }

    /// Of `MPAM2_EL2`.
    pub(crate) struct Mpam2 {
        /// `MPAM1_EL1` of EL1 traps.
        TRAPMPAM1EL1 = 48;
        /// `MPAM0_EL1` of EL1 traps.
        TRAPMPAM0EL1 = 49;
        /// `MPAMSM_EL1` does not trap.
        EnMPAMSM = 50;
        /// `MPAMIDR_EL1` traps, from MPAM 1.1 on, where there is no `MPAMHCR_EL2`.
        TIDR = 58;
    }

    /// Of `MPAMHCR_EL2`.
    pub(crate) struct Mpamhcr {
        /// `MPAMIDR_EL1` traps.
        TRAP_MPAMIDR_EL1 = 31;
    }

    /// Of `FPEXC32_EL2`.
    pub(crate) struct Fpexc {
        /// AArch32 may use Advanced SIMD and floating point.
        EN = 30;
    }

    /// Of a `ZCR`.
    pub(crate) struct Zcr {
        /// Length of vectors: in units of 16 bytes, less one.
        LEN = 3:0;
    }

    /// Of `ID_AA64PFR0_EL1`.
    pub(crate) struct IdAa64Pfr0 {
        /// Activity monitors.
        AMU = 47:44;
    }

    /// Of `ICH_HCR_EL2`.
    pub(crate) struct IchHcr {
        /// The virtual interface is on.
        En = 0;
        /// A maintenance interrupt tells that at most one list register holds an interrupt.
        UIE = 1;
        /// A maintenance interrupt tells of ends of interrupts that are in no list register.
        LRENPIE = 2;
        /// A maintenance interrupt tells that no list register holds a pending interrupt.
        NPIE = 3;
        /// A maintenance interrupt tells that group 0 is enabled.
        VGrp0EIE = 4;
        /// A maintenance interrupt tells that group 0 is disabled.
        VGrp0DIE = 5;
        /// A maintenance interrupt tells that group 1 is enabled.
        VGrp1EIE = 6;
        /// A maintenance interrupt tells that group 1 is disabled.
        VGrp1DIE = 7;
        /// The hardware's own virtual SGIs have no part in `EOIcount`.
        vSGIEOICount = 8;
        /// Registers of both groups trap.
        TC = 10;
        /// Registers of group 0 trap.
        TALL0 = 11;
        /// Registers of group 1 trap.
        TALL1 = 12;
        /// `ICC_DIR_EL1` traps.
        TDIR = 14;
        /// Ends of interrupts that were in no list register.
        EOIcount = 31:27;
    }

    /// Of `ICH_VCTLR_EL2`.
    pub(crate) struct IchVctlr {
        /// The virtual interface is that of a GICv3.
        V3 = 1;
    }

    /// Of `ICC_SRE_EL1`.
    pub(crate) struct IccSreEl1 {
        /// The interface is of system registers, not of memory (GICv2).
        SRE = 0;
    }

    /// Of `ICC_SRE_EL2`.
    pub(crate) struct IccSreEl2 {
        /// EL1 may access `ICC_SRE_EL1`.
        Enable = 3;
    }
}
