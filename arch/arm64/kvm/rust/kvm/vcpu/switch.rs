// SPDX-License-Identifier: GPL-2.0

//! What the world switch reads and writes of a vCPU, beside its registers.
//!
//! C headers: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h),
//! [`arch/arm64/include/asm/kvm_emulate.h`](srctree/arch/arm64/include/asm/kvm_emulate.h)
//!
//! Mirrors: arch/arm64/include/asm/kvm_host.h: vcpu_fgt, __fgt_reg_to_group_id, vcpu_get_flag

use super::*;

/// A group of fine-grained traps: a pair of values, or one.
#[derive(Clone, Copy)]
pub(crate) struct FgtGroup(bindings::fgt_group_id);

impl FgtGroup {
    /// `HFGRTR_EL2` and `HFGWTR_EL2`.
    pub(crate) const HFGR: Self = Self(bindings::fgt_group_id_HFGRTR_GROUP);
    /// `HFGITR_EL2`.
    pub(crate) const HFGI: Self = Self(bindings::fgt_group_id_HFGITR_GROUP);
    /// `HDFGRTR_EL2` and `HDFGWTR_EL2`.
    pub(crate) const HDFG: Self = Self(bindings::fgt_group_id_HDFGRTR_GROUP);
    /// `HAFGRTR_EL2`.
    pub(crate) const HAFG: Self = Self(bindings::fgt_group_id_HAFGRTR_GROUP);
    /// `HFGRTR2_EL2` and `HFGWTR2_EL2`.
    pub(crate) const HFGR2: Self = Self(bindings::fgt_group_id_HFGRTR2_GROUP);
    /// `HFGITR2_EL2`.
    pub(crate) const HFGI2: Self = Self(bindings::fgt_group_id_HFGITR2_GROUP);
    /// `HDFGRTR2_EL2` and `HDFGWTR2_EL2`.
    pub(crate) const HDFG2: Self = Self(bindings::fgt_group_id_HDFGRTR2_GROUP);
    /// `ICH_HFGRTR_EL2` and `ICH_HFGWTR_EL2`.
    pub(crate) const ICH_HFGR: Self = Self(bindings::fgt_group_id_ICH_HFGRTR_GROUP);
    /// `ICH_HFGITR_EL2`.
    pub(crate) const ICH_HFGI: Self = Self(bindings::fgt_group_id_ICH_HFGITR_GROUP);
}

/// The values of a group.
#[derive(Clone, Copy)]
pub(crate) struct FgtPair {
    /// Of the register that traps reads, or of the only one.
    pub(crate) read: u64,
    /// Of the register that traps writes.
    pub(crate) write: u64,
}

impl OwnVcpu<'_> {
    // SAFETY: Valid by the type invariant; these change by its own thread. But for the first:
    // another one may set VI or VF at any time (KVM_IRQ_LINE without a GIC in the kernel); it kicks
    // the vCPU afterwards.
    fields! { unsafe
        /// The host's part of the guest's `HCR_EL2`.
        pub(crate) hcr: Hcr = arch.hcr_el2, once;
        /// The guest's `MDCR_EL2`.
        #[cfg(nvhe)]
        pub(crate) mdcr: u64 = arch.mdcr_el2;
        /// Counters that count while the host runs, a bit each.
        #[cfg(all(nvhe, CONFIG_HW_PERF_EVENTS))]
        pub(crate) host_events: u64 = arch.pmu.events.events_host;
        /// Counters that count while the guest runs.
        #[cfg(all(nvhe, CONFIG_HW_PERF_EVENTS))]
        pub(crate) guest_events: u64 = arch.pmu.events.events_guest;
        /// The host's part of the guest's `HCRX_EL2`.
        pub(crate) hcrx: u64 = arch.hcrx_el2;
        /// The syndrome of the virtual SError that user space or KVM made pending.
        pub(crate) vserror_syndrome: u64 = arch.vsesr_el2;
        iflags: u8 = arch.iflags, once;
    }

    // SAFETY: Valid by the type invariant. Registers are used where they are, in memory or on this
    // CPU.
    calls! { unsafe
        /// Notes that no virtual SError is pending any more. Atomic: see above.
        pub(crate) fn clear_pending_vserror() = bindings::vcpu_clear_vse;
        /// Does what [`Self::pc_update_is_pending`] asks about.
        pub(crate) fn update_pc() = bindings::__kvm_adjust_pc;
        /// A guest hypervisor's `CPTR_EL2`, in the format for E2H = 1.
        pub(crate) fn nested_cptr() -> u64 = bindings::vcpu_sanitised_cptr_el2;
    }

    /// Its fine-grained traps, as `kvm_vcpu_load_fgt()` has them.
    #[inline]
    pub(crate) fn fine_grained_traps(self, group: FgtGroup) -> FgtPair {
        // CAST: an enumerator.
        // SAFETY: Valid by the type invariant; the groups are less than the array's length, by their
        // enumeration.
        let pair = unsafe {
            *(&raw const (*self.as_ptr()).arch.fgt)
                .cast::<bindings::kvm_vcpu_arch__bindgen_ty_1>()
                .add(group.0 as usize)
        };

        FgtPair {
            read: pair.r,
            write: pair.w,
        }
    }

    /// Whether emulation left an exception to be taken, or an instruction to be skipped.
    #[inline(always)]
    pub(crate) fn pc_update_is_pending(self) -> bool {
        const FLAGS: u8 = bindings::KVM_VCPU_PENDING_EXCEPTION | bindings::KVM_VCPU_INCREMENT_PC;

        self.iflags() & FLAGS != 0
    }

    /// A guest hypervisor's `HCR_EL2` as if it had set none of the bits it can set.
    #[inline(always)]
    pub(crate) fn nested_hcr_res1(self) -> Hcr {
        Hcr::from_raw(self.apply_masks(SysReg::HCR_EL2, 0))
    }
}

impl LoadedVcpu<'_> {
    /// Notes whether this CPU has the value of `PMUSERENR_EL0` that goes with guests, for the PMU
    /// driver's updates to go to the host's saved value then.
    #[inline(always)]
    pub(crate) fn set_pmuserenr_on_cpu(self, on_cpu: bool, _irq_off: &IrqOff) {
        // Such an update comes by IPI.
        self.set_sflag(bindings::KVM_VCPU_PMUSERENR_ON_CPU, on_cpu);
    }

    /// Makes the stage 2 translation that the vCPU is to run with the hardware's.
    #[inline]
    pub(crate) fn load_stage2(self) {
        // SAFETY: Valid by the type invariant; set by `kvm_arch_vcpu_load()` just before, until the
        // put. What runs here does not go by stage 2, and user space's TLB entries are of another
        // regime.
        unsafe { bindings::__load_stage2(side::pointer((*self.as_ptr()).arch.hw_mmu)) };
    }
}
