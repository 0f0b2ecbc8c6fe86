// SPDX-License-Identifier: GPL-2.0

//! The one table of system registers.
//!
//! A row is a register's architectural name and encoding, what it is to a hypervisor, whether a
//! vCPU's is kept in memory, and the type of its values:
//!
//! `guest`
//!     A register that a host at EL2 with E2H set does not run by: a guest's, or one about what
//!     guests may do. Any value is sound for the host.
//! `shared`
//!     One that host and guest share; the host's value must be back before exceptions are
//!     unmasked.
//! `host`
//!     One that the host runs by, or knows the CPU by. To be read; whoever writes one answers for
//!     it.
//! `named`
//!     Not accessed here, but named by trapped instructions, or kept in memory.
//!
//! In brackets is by which name this side of the hypervisor gets at a register, if not by its own:
//! at EL2 with E2H set an EL1 name means EL2's register, and EL1's go by `_EL12` and `_EL02`. EL2's
//! by EL1's name do not trap if the kernel is a guest hypervisor itself.
//!
//! Source: Arm ARM, "AArch64 System register encodings"; GIC specifications (IHI 0069, and that of
//! GICv5), "AArch64 System registers".
#![forbid(unsafe_code)]

/// Hands all rows to the macro `$with`.
macro_rules! with_registers {
    ($with:ident) => {
        $with! {
            // --- EL1 of a guest -------------------------------------------------------------
            /// System control.
            SCTLR_EL1: (3, 0, 1, 0, 0), guest(EL12), slot, Sctlr;
            /// Auxiliary control.
            ACTLR_EL1: (3, 0, 1, 0, 1), named, slot, u64;
            /// Traps of FP, SVE, SME and trace.
            CPACR_EL1: (3, 0, 1, 0, 2), guest(EL12), slot, u64;
            /// System control, extended (FEAT_SCTLR2).
            SCTLR2_EL1: (3, 0, 1, 0, 3), guest(EL12), slot, u64;
            /// SVE vector length (FEAT_SVE).
            ZCR_EL1: (3, 0, 1, 2, 0), guest(EL12), slot, u64;
            /// Translation table, lower range.
            TTBR0_EL1: (3, 0, 2, 0, 0), guest(EL12), slot, u64;
            /// Translation table, upper range.
            TTBR1_EL1: (3, 0, 2, 0, 1), guest(EL12), slot, u64;
            /// Translation control.
            TCR_EL1: (3, 0, 2, 0, 2), guest(EL12), slot, Tcr;
            /// Translation control, extended (FEAT_TCR2).
            TCR2_EL1: (3, 0, 2, 0, 3), guest(EL12), slot, u64;
            /// Saved PSTATE.
            SPSR_EL1: (3, 0, 4, 0, 0), guest(EL12), slot, Pstate;
            /// Return address.
            ELR_EL1: (3, 0, 4, 0, 1), guest(EL12), slot, u64;
            /// Auxiliary fault status.
            AFSR0_EL1: (3, 0, 5, 1, 0), guest(EL12), slot, u64;
            /// Auxiliary fault status.
            AFSR1_EL1: (3, 0, 5, 1, 1), guest(EL12), slot, u64;
            /// Exception syndrome.
            ESR_EL1: (3, 0, 5, 2, 0), guest(EL12), slot, u64;
            /// Tag fault status (FEAT_MTE2).
            TFSR_EL1: (3, 0, 5, 6, 0), guest(EL12), slot, u64;
            /// Tag fault status of EL0 (FEAT_MTE2). The host does not look at what is in it when it
            /// comes back from a guest.
            TFSRE0_EL1: (3, 0, 5, 6, 1), guest, slot, u64;
            /// Fault address.
            FAR_EL1: (3, 0, 6, 0, 0), guest(EL12), slot, u64;
            /// Result of an address translation. The host uses it only right after one of its own.
            PAR_EL1: (3, 0, 7, 4, 0), guest(BARRIERS), slot, Par;
            /// Memory attributes.
            MAIR_EL1: (3, 0, 10, 2, 0), guest(EL12), slot, u64;
            /// Permission indirection for EL0 (FEAT_S1PIE).
            PIRE0_EL1: (3, 0, 10, 2, 2), guest(EL12), slot, u64;
            /// Permission indirection (FEAT_S1PIE).
            PIR_EL1: (3, 0, 10, 2, 3), guest(EL12), slot, u64;
            /// Permission overlay (FEAT_S1POE).
            POR_EL1: (3, 0, 10, 2, 4), guest(EL12), slot, u64;
            /// Auxiliary memory attributes.
            AMAIR_EL1: (3, 0, 10, 3, 0), guest(EL12), slot, u64;
            /// Memory partitioning (FEAT_MPAM).
            MPAM1_EL1: (3, 0, 10, 5, 0), guest(EL12), none, Mpam1;
            /// Vectors.
            VBAR_EL1: (3, 0, 12, 0, 0), guest(EL12), slot, u64;
            /// Deferred SErrors (FEAT_RAS).
            DISR_EL1: (3, 0, 12, 1, 1), named, slot, u64;
            /// Context ID.
            CONTEXTIDR_EL1: (3, 0, 13, 0, 1), guest(EL12), slot, u64;
            /// Thread ID.
            TPIDR_EL1: (3, 0, 13, 0, 4), guest, slot, u64;
            /// What EL0 may do with the timers.
            CNTKCTL_EL1: (3, 0, 14, 1, 0), guest(EL12), slot, u64;
            /// Stack pointer.
            SP_EL1: (3, 4, 4, 1, 0), guest, slot, u64;

            // --- AArch32 EL1, which the host never is in --------------------------------------
            /// Saved PSTATE of Abort mode.
            SPSR_abt: (3, 4, 4, 3, 1), guest, none, u64;
            /// Saved PSTATE of Undefined mode.
            SPSR_und: (3, 4, 4, 3, 2), guest, none, u64;
            /// Saved PSTATE of IRQ mode.
            SPSR_irq: (3, 4, 4, 3, 0), guest, none, u64;
            /// Saved PSTATE of FIQ mode.
            SPSR_fiq: (3, 4, 4, 3, 3), guest, none, u64;
            /// Domain access control.
            DACR32_EL2: (3, 4, 3, 0, 0), guest, slot, u64;
            /// Instruction fault status.
            IFSR32_EL2: (3, 4, 5, 0, 1), guest, slot, u64;
            /// Vector catch.
            DBGVCR32_EL2: (2, 4, 0, 7, 0), guest, slot, u64;
            /// Floating-point exceptions.
            FPEXC32_EL2: (3, 4, 5, 3, 0), guest, slot, Fpexc;

            // --- EL0: user space's, while the host runs ----------------------------------------
            /// Thread ID.
            TPIDR_EL0: (3, 3, 13, 0, 2), guest, slot, u64;
            /// Thread ID, read-only to EL0.
            TPIDRRO_EL0: (3, 3, 13, 0, 3), guest, slot, u64;
            /// Floating-point modes (FEAT_FPMR). The host's kernel does not use what it governs.
            FPMR: (3, 3, 4, 4, 2), guest, slot, u64;
            /// Which counter `PMXEVCNTR_EL0` means (FEAT_PMUv3).
            PMSELR_EL0: (3, 3, 9, 12, 5), guest, slot, u64;
            /// What EL0 may do with the PMU (FEAT_PMUv3), user space too.
            PMUSERENR_EL0: (3, 3, 9, 14, 0), guest, slot, Pmuserenr;
            /// Counters to switch on (FEAT_PMUv3).
            PMCNTENSET_EL0: (3, 3, 9, 12, 1), guest, slot, u64;
            /// Counters to switch off (FEAT_PMUv3).
            PMCNTENCLR_EL0: (3, 3, 9, 12, 2), guest, none, u64;
            /// Permission overlay of user space (FEAT_S1POE). Governs accesses to its memory, of
            /// which there are none while exceptions are masked.
            POR_EL0: (3, 3, 10, 2, 4), shared, slot, u64;

            // --- Self-hosted debug: with exceptions masked no debug exception is taken ----------
            /// Debug system control.
            MDSCR_EL1: (2, 0, 0, 2, 2), shared, slot, u64;
            /// Interrupts of the debug communications channel.
            MDCCINT_EL1: (2, 0, 0, 2, 0), shared, slot, u64;

            // --- Profiles and traces of EL1 and EL0, into a host's memory by its translation -------
            /// Statistical profiling, control (FEAT_SPE).
            PMSCR_EL1: (3, 0, 9, 9, 0), shared(EL12), none, u64;
            /// Statistical profiling, end of the buffer, and whether it is on.
            PMBLIMITR_EL1: (3, 0, 9, 10, 0), shared, none, BufferLimit;
            /// Trace filter (FEAT_TRF).
            TRFCR_EL1: (3, 0, 1, 2, 1), shared(EL12), none, u64;
            /// Trace, end of the buffer, and whether it is on (FEAT_TRBE).
            TRBLIMITR_EL1: (3, 0, 9, 11, 0), shared, none, BufferLimit;
            /// Branch records, control (FEAT_BRBE).
            BRBCR_EL1: (2, 1, 9, 0, 0), shared(EL12), none, Brbcr;

            // --- Counters and timers -------------------------------------------------------------
            /// What the counters count a second by.
            CNTFRQ_EL0: (3, 3, 14, 0, 0), host, none, u64;
            /// The physical count.
            CNTPCT_EL0: (3, 3, 14, 0, 1), named, none, u64;
            /// The virtual count.
            CNTVCT_EL0: (3, 3, 14, 0, 2), named, none, u64;
            /// The physical count, not reordered (FEAT_ECV).
            CNTPCTSS_EL0: (3, 3, 14, 0, 5), named, none, u64;
            /// The virtual count, not reordered (FEAT_ECV).
            CNTVCTSS_EL0: (3, 3, 14, 0, 6), named, none, u64;
            /// Physical timer, control.
            CNTP_CTL_EL0: (3, 3, 14, 2, 1), guest(EL02), slot, u64;
            /// Physical timer, compare value.
            CNTP_CVAL_EL0: (3, 3, 14, 2, 2), guest(EL02), slot, u64;
            /// Virtual timer, control.
            CNTV_CTL_EL0: (3, 3, 14, 3, 1), guest(EL02), slot, u64;
            /// Virtual timer, compare value.
            CNTV_CVAL_EL0: (3, 3, 14, 3, 2), guest(EL02), slot, u64;
            /// What is subtracted from the physical count for the virtual one.
            CNTVOFF_EL2: (3, 4, 14, 0, 3), guest, slot, u64;
            /// What is subtracted from the physical count, for a guest (FEAT_ECV).
            CNTPOFF_EL2: (3, 4, 14, 0, 6), guest, none, u64;
            /// Traps of timers and counters, and what EL0 and events may do.
            CNTHCTL_EL2: (3, 4, 14, 1, 0), host, slot, Cnthctl;
            /// EL2's physical timer, control.
            CNTHP_CTL_EL2: (3, 4, 14, 2, 1), named, slot, u64;
            /// EL2's physical timer, compare value.
            CNTHP_CVAL_EL2: (3, 4, 14, 2, 2), named, slot, u64;
            /// EL2's virtual timer, control.
            CNTHV_CTL_EL2: (3, 4, 14, 3, 1), named, slot, u64;
            /// EL2's virtual timer, compare value.
            CNTHV_CVAL_EL2: (3, 4, 14, 3, 2), named, slot, u64;

            // --- What a guest reads as something else, and what virtual SErrors are made of -------
            /// The guest's `MIDR_EL1`.
            VPIDR_EL2: (3, 4, 0, 0, 0), guest, slot, u64;
            /// The guest's `MPIDR_EL1`.
            VMPIDR_EL2: (3, 4, 0, 0, 5), guest, slot, u64;
            /// The guest's `DISR_EL1` (FEAT_RAS).
            VDISR_EL2: (3, 4, 12, 1, 1), guest, slot, u64;
            /// Syndrome of a virtual SError (FEAT_RAS).
            VSESR_EL2: (3, 4, 5, 2, 3), guest, slot, Vsesr;
            /// What a guest hypervisor writes to `HCR_EL2` (FEAT_NV3).
            NVHCR_EL2: (3, 4, 1, 5, 0), guest, slot, Hcr;

            // --- Traps: none applies at EL2, nor to a host that has E2H and TGE set -----------------
            /// Traps of coprocessor 15 of AArch32.
            HSTR_EL2: (3, 4, 1, 1, 3), guest, slot, Hstr;
            /// Traps of debug and performance monitoring, and whose counters are whose.
            MDCR_EL2: (3, 4, 1, 1, 1), guest, slot, u64;
            /// What `HCR_EL2` has no room for (FEAT_HCX).
            HCRX_EL2: (3, 4, 1, 2, 2), guest, slot, Hcrx;
            /// Memory partitioning of guests (FEAT_MPAM).
            MPAMHCR_EL2: (3, 4, 10, 4, 0), guest, none, Mpamhcr;
            /// Fine-grained traps (FEAT_FGT): reads.
            HFGRTR_EL2: (3, 4, 1, 1, 4), guest, slot, Hfgrtr;
            /// Fine-grained traps: writes.
            HFGWTR_EL2: (3, 4, 1, 1, 5), guest, slot, Hfgwtr;
            /// Fine-grained traps: instructions.
            HFGITR_EL2: (3, 4, 1, 1, 6), guest, slot, u64;
            /// Fine-grained traps: reads of debug and trace.
            HDFGRTR_EL2: (3, 4, 3, 1, 4), guest, slot, u64;
            /// Fine-grained traps: writes of debug and trace.
            HDFGWTR_EL2: (3, 4, 3, 1, 5), guest, slot, u64;
            /// Fine-grained traps: reads of activity monitors (FEAT_AMU).
            HAFGRTR_EL2: (3, 4, 3, 1, 6), guest, slot, u64;
            /// Fine-grained traps (FEAT_FGT2): reads.
            HFGRTR2_EL2: (3, 4, 3, 1, 2), guest, slot, u64;
            /// Fine-grained traps (FEAT_FGT2): writes.
            HFGWTR2_EL2: (3, 4, 3, 1, 3), guest, slot, u64;
            /// Fine-grained traps (FEAT_FGT2): instructions.
            HFGITR2_EL2: (3, 4, 3, 1, 7), guest, slot, u64;
            /// Fine-grained traps (FEAT_FGT2): reads of debug and trace.
            HDFGRTR2_EL2: (3, 4, 3, 1, 0), guest, slot, u64;
            /// Fine-grained traps (FEAT_FGT2): writes of debug and trace.
            HDFGWTR2_EL2: (3, 4, 3, 1, 1), guest, slot, u64;
            /// Fine-grained traps of a GICv5 CPU interface: reads.
            ICH_HFGRTR_EL2: (3, 4, 12, 9, 4), guest, slot, u64;
            /// Fine-grained traps of a GICv5 CPU interface: writes.
            ICH_HFGWTR_EL2: (3, 4, 12, 9, 6), guest, slot, u64;
            /// Fine-grained traps of a GICv5 CPU interface: instructions.
            ICH_HFGITR_EL2: (3, 4, 12, 9, 7), guest, slot, u64;

            // --- What the host runs by --------------------------------------------------------------
            /// What a guest may do, and whether one runs.
            HCR_EL2: (3, 4, 1, 1, 0), host, slot, Hcr;
            /// Traps of FP, SVE, SME, trace and activity monitors, in the layout of `CPACR_EL1`.
            CPTR_EL2: (3, 4, 1, 1, 2), host(CPACR), slot, Cptr;
            /// How long vectors may be, at EL2 and below (FEAT_SVE).
            ZCR_EL2: (3, 4, 1, 2, 0), host(EL1), slot, Zcr;
            /// Where exceptions go.
            VBAR_EL2: (3, 4, 12, 0, 0), host(EL1), slot, u64;
            /// Where a guest hypervisor's registers are in memory (FEAT_NV2).
            VNCR_EL2: (3, 4, 2, 2, 0), host, slot, u64;
            /// Memory partitioning at EL2, and traps of it (FEAT_MPAM).
            MPAM2_EL2: (3, 4, 10, 5, 0), host, none, Mpam2;
            /// Memory partitioning of user space (FEAT_MPAM).
            MPAM0_EL1: (3, 0, 10, 5, 1), host, none, u64;
            /// This CPU's offset from the template of its per-CPU variables.
            TPIDR_EL2: (3, 4, 13, 0, 2), host, slot, u64;
            /// Which CPU it is.
            MIDR_EL1: (3, 0, 0, 0, 0), host, none, u64;
            /// What this CPU has.
            ID_AA64PFR0_EL1: (3, 0, 0, 4, 0), host, none, IdAa64Pfr0;

            // --- The exception that brought the CPU to EL2, and the return from it -------------------
            /// What happened.
            ESR_EL2: (3, 4, 5, 2, 0), host(EL1), slot, Esr;
            /// At which virtual address.
            FAR_EL2: (3, 4, 6, 0, 0), host(EL1), slot, u64;
            /// At which intermediate physical address.
            HPFAR_EL2: (3, 4, 6, 0, 4), host, slot, u64;
            /// Whatever the implementation says of it.
            AFSR1_EL2: (3, 4, 5, 1, 1), host, slot, u64;
            /// Where it happened.
            ELR_EL2: (3, 4, 4, 0, 1), host(EL1), slot, u64;
            /// In which state.
            SPSR_EL2: (3, 4, 4, 0, 0), host(EL1), slot, Pstate;

            // --- The virtual interface of a GICv3 -----------------------------------------------------
            /// Controls, and traps.
            ICH_HCR_EL2: (3, 4, 12, 11, 0), guest, slot, IchHcr;
            /// Why there is a maintenance interrupt.
            ICH_MISR_EL2: (3, 4, 12, 11, 2), guest, none, u64;
            /// A bit for each list register that holds nothing.
            ICH_ELRSR_EL2: (3, 4, 12, 11, 5), guest, none, u64;
            /// The guest's view of the CPU interface's controls; of a GICv5 in another layout.
            ICH_VMCR_EL2: (3, 4, 12, 11, 7), guest, slot, u64;
            /// Of a GICv5: whether the interface is that of a GICv3.
            ICH_VCTLR_EL2: (3, 4, 12, 11, 4), guest, none, IchVctlr;
            /// Which interface EL1 has, that of registers or that of memory. A host at EL2 does not
            /// use its own; where it changes what other registers mean, a barrier must follow.
            ICC_SRE_EL1: (3, 0, 12, 12, 5), guest, none, IccSreEl1;
            /// The same for EL2, and whether EL1 may access its own.
            ICC_SRE_EL2: (3, 4, 12, 9, 5), host, none, IccSreEl2;
            /// Deactivates an interrupt. The host's, at EL2.
            ICC_DIR_EL1: (3, 0, 12, 11, 1), host, none, u64;

            // --- The CPU interface of a GICv3, whose accesses may trap ----------------------------------
            /// Priority mask.
            ICC_PMR_EL1: (3, 0, 4, 6, 0), host, none, u64;
            /// Acknowledge, group 0.
            ICC_IAR0_EL1: (3, 0, 12, 8, 0), named, none, u64;
            /// End of interrupt, group 0.
            ICC_EOIR0_EL1: (3, 0, 12, 8, 1), named, none, u64;
            /// Highest pending, group 0.
            ICC_HPPIR0_EL1: (3, 0, 12, 8, 2), named, none, u64;
            /// Binary point, group 0.
            ICC_BPR0_EL1: (3, 0, 12, 8, 3), named, none, u64;
            /// Active priorities, group 0.
            ICC_AP0R0_EL1: (3, 0, 12, 8, 4), named, none, u64;
            /// Active priorities, group 0.
            ICC_AP0R1_EL1: (3, 0, 12, 8, 5), named, none, u64;
            /// Active priorities, group 0.
            ICC_AP0R2_EL1: (3, 0, 12, 8, 6), named, none, u64;
            /// Active priorities, group 0.
            ICC_AP0R3_EL1: (3, 0, 12, 8, 7), named, none, u64;
            /// Active priorities, group 1.
            ICC_AP1R0_EL1: (3, 0, 12, 9, 0), named, none, u64;
            /// Active priorities, group 1.
            ICC_AP1R1_EL1: (3, 0, 12, 9, 1), named, none, u64;
            /// Active priorities, group 1.
            ICC_AP1R2_EL1: (3, 0, 12, 9, 2), named, none, u64;
            /// Active priorities, group 1.
            ICC_AP1R3_EL1: (3, 0, 12, 9, 3), named, none, u64;
            /// Running priority.
            ICC_RPR_EL1: (3, 0, 12, 11, 3), named, none, u64;
            /// Acknowledge, group 1.
            ICC_IAR1_EL1: (3, 0, 12, 12, 0), named, none, u64;
            /// End of interrupt, group 1.
            ICC_EOIR1_EL1: (3, 0, 12, 12, 1), named, none, u64;
            /// Highest pending, group 1.
            ICC_HPPIR1_EL1: (3, 0, 12, 12, 2), named, none, u64;
            /// Binary point, group 1.
            ICC_BPR1_EL1: (3, 0, 12, 12, 3), named, none, u64;
            /// Control.
            ICC_CTLR_EL1: (3, 0, 12, 12, 4), named, none, u64;
            /// Enable, group 0.
            ICC_IGRPEN0_EL1: (3, 0, 12, 12, 6), named, none, u64;
            /// Enable, group 1.
            ICC_IGRPEN1_EL1: (3, 0, 12, 12, 7), named, none, u64;

            // --- The virtual interface of a GICv5 ---------------------------------------------------------
            /// Active priorities.
            ICH_APR_EL2: (3, 4, 12, 8, 4), guest, none, u64;
            /// A result of configuration instructions, which the host reads right after them.
            ICC_ICSR_EL1: (3, 0, 12, 10, 4), guest, none, u64;
            /// The PPIs that go to the guest without the host.
            ICH_PPI_DVIR0_EL2: (3, 4, 12, 10, 0), guest, none, u64;
            /// The implementation's PPIs of these.
            ICH_PPI_DVIR1_EL2: (3, 4, 12, 10, 1), guest, none, u64;
            /// Enabled PPIs.
            ICH_PPI_ENABLER0_EL2: (3, 4, 12, 10, 2), guest, none, u64;
            /// Enabled PPIs, the implementation's.
            ICH_PPI_ENABLER1_EL2: (3, 4, 12, 10, 3), guest, none, u64;
            /// Pending PPIs.
            ICH_PPI_PENDR0_EL2: (3, 4, 12, 10, 4), guest, none, u64;
            /// Pending PPIs, the implementation's.
            ICH_PPI_PENDR1_EL2: (3, 4, 12, 10, 5), guest, none, u64;
            /// Active PPIs.
            ICH_PPI_ACTIVER0_EL2: (3, 4, 12, 10, 6), guest, none, u64;
            /// Active PPIs, the implementation's.
            ICH_PPI_ACTIVER1_EL2: (3, 4, 12, 10, 7), guest, none, u64;

            // --- Of virtual EL2, in memory -------------------------------------------------------------------
            /// Affinity of the vCPU.
            MPIDR_EL1: (3, 0, 0, 0, 5), named, slot, u64;
            /// System control.
            SCTLR_EL2: (3, 4, 1, 0, 0), named, slot, u64;
            /// System control, extended.
            SCTLR2_EL2: (3, 4, 1, 0, 3), named, slot, u64;
            /// Translation table, lower range.
            TTBR0_EL2: (3, 4, 2, 0, 0), named, slot, u64;
            /// Translation table, upper range.
            TTBR1_EL2: (3, 4, 2, 0, 1), named, slot, u64;
            /// Translation control.
            TCR_EL2: (3, 4, 2, 0, 2), named, slot, u64;
            /// Translation control, extended.
            TCR2_EL2: (3, 4, 2, 0, 3), named, slot, u64;
            /// Auxiliary fault status.
            AFSR0_EL2: (3, 4, 5, 1, 0), named, slot, u64;
            /// Memory attributes.
            MAIR_EL2: (3, 4, 10, 2, 0), named, slot, u64;
            /// Permission indirection for EL0.
            PIRE0_EL2: (3, 4, 10, 2, 2), named, slot, u64;
            /// Permission indirection.
            PIR_EL2: (3, 4, 10, 2, 3), named, slot, u64;
            /// Permission overlay.
            POR_EL2: (3, 4, 10, 2, 4), named, slot, u64;
            /// Auxiliary memory attributes.
            AMAIR_EL2: (3, 4, 10, 3, 0), named, slot, u64;
            /// Context ID.
            CONTEXTIDR_EL2: (3, 4, 13, 0, 1), named, slot, u64;
            /// Stack pointer.
            SP_EL2: (3, 6, 4, 1, 0), named, slot, u64;
        }
    };
}

pub(crate) use with_registers;
