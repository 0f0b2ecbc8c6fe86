// SPDX-License-Identifier: GPL-2.0

//! What the world switch reads and writes of a vCPU, beside its registers.
//!
//! C headers: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h),
//! [`arch/arm64/include/asm/kvm_emulate.h`](srctree/arch/arm64/include/asm/kvm_emulate.h)
//!
//! Mirrors: arch/arm64/include/asm/kvm_host.h: vcpu_fgt, __fgt_reg_to_group_id, vcpu_get_flag

use super::super::prelude::*;
use crate::{
    arm64::prelude::*,
    bindings,
    linux::prelude::*, //
};

/// A group of fine-grained traps: a pair of values, or one.
#[derive(Clone, Copy)]
pub(crate) struct FgtGroup(bindings::fgt_group_id);

impl FgtGroup {
    pub(crate) const HFGR: Self = Self(bindings::fgt_group_id_HFGRTR_GROUP);
    pub(crate) const HFGI: Self = Self(bindings::fgt_group_id_HFGITR_GROUP);
    pub(crate) const HDFG: Self = Self(bindings::fgt_group_id_HDFGRTR_GROUP);
    pub(crate) const HAFG: Self = Self(bindings::fgt_group_id_HAFGRTR_GROUP);
    pub(crate) const HFGR2: Self = Self(bindings::fgt_group_id_HFGRTR2_GROUP);
    pub(crate) const HFGI2: Self = Self(bindings::fgt_group_id_HFGITR2_GROUP);
    pub(crate) const HDFG2: Self = Self(bindings::fgt_group_id_HDFGRTR2_GROUP);
    pub(crate) const ICH_HFGR: Self = Self(bindings::fgt_group_id_ICH_HFGRTR_GROUP);
    pub(crate) const ICH_HFGI: Self = Self(bindings::fgt_group_id_ICH_HFGITR_GROUP);
}

/// The values of a group: of the register that traps reads, and of the one that traps writes.
/// A group of one register has it as `read`.
#[derive(Clone, Copy)]
pub(crate) struct FgtPair {
    pub(crate) read: u64,
    pub(crate) write: u64,
}

impl OwnVcpu<'_> {
    /// The host's part of the guest's `HCR_EL2`.
    #[inline(always)]
    pub(crate) fn hcr(self) -> Hcr {
        // SAFETY: Valid by the type invariant, here and below. Another thread may set VI or VF at
        // any time (KVM_IRQ_LINE without a GIC in the kernel); it kicks the vCPU afterwards.
        Hcr::from_raw(unsafe { (&raw const (*self.as_ptr()).arch.hcr_el2).read_volatile() })
    }

    /// Notes that no virtual SError is pending any more.
    #[inline(always)]
    pub(crate) fn clear_pending_vserror(self) {
        // SAFETY: See above, for why this is atomic.
        unsafe { bindings::vcpu_clear_vse(self.as_ptr()) };
    }

    /// The host's part of the guest's `HCRX_EL2`.
    #[inline(always)]
    pub(crate) fn hcrx(self) -> u64 {
        // SAFETY: See above.
        unsafe { (*self.as_ptr()).arch.hcrx_el2 }
    }

    /// Its fine-grained traps, as `kvm_vcpu_load_fgt()` has them.
    #[inline]
    pub(crate) fn fine_grained_traps(self, group: FgtGroup) -> FgtPair {
        // CAST: an enumerator.
        // SAFETY: See above; the groups are less than the array's length, by their enumeration.
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

        // SAFETY: See above.
        unsafe { (&raw const (*self.as_ptr()).arch.iflags).read_volatile() & FLAGS != 0 }
    }

    /// Does what [`Self::pc_update_is_pending`] asks about.
    pub(crate) fn update_pc(self) {
        // SAFETY: See above. Registers are changed where they are, in memory or on this CPU.
        unsafe { bindings::__kvm_adjust_pc(self.as_ptr()) };
    }

    /// The syndrome of the virtual SError that user space or KVM made pending.
    #[inline(always)]
    pub(crate) fn vserror_syndrome(self) -> u64 {
        // SAFETY: See above.
        unsafe { (*self.as_ptr()).arch.vsesr_el2 }
    }

    /// A guest hypervisor's `CPTR_EL2`, in the format for E2H = 1.
    #[inline]
    pub(crate) fn nested_cptr(self) -> u64 {
        // SAFETY: See above.
        unsafe { bindings::vcpu_sanitised_cptr_el2(self.as_ptr()) }
    }

    /// A guest hypervisor's `HCR_EL2` as if it had set none of the bits it can set.
    #[inline]
    pub(crate) fn nested_hcr_res1(self) -> Hcr {
        // SAFETY: See above; the register exists.
        Hcr::from_raw(unsafe {
            bindings::kvm_vcpu_apply_reg_masks(
                self.as_ptr(),
                bindings::vcpu_sysreg_HCR_EL2,
                0, //
            )
        })
    }
}

impl LoadedVcpu<'_> {
    /// Notes whether this CPU has the value of `PMUSERENR_EL0` that goes with guests, for the PMU
    /// driver's updates to go to the host's saved value then.
    /// Such an update comes by IPI.
    #[inline]
    pub(crate) fn set_pmuserenr_on_cpu(self, on_cpu: bool, _irq_off: &IrqOff) {
        // SAFETY: See above.
        unsafe { bindings::vcpu_set_pmuserenr_on_cpu(self.as_ptr(), on_cpu) };
    }

    /// Makes the stage 2 translation that the vCPU is to run with the hardware's.
    #[inline]
    pub(crate) fn load_stage2(self) {
        // SAFETY: See above; set by `kvm_arch_vcpu_load()` just before, until the put. The host does not use
        // stage 2, and user space's TLB entries are of another regime.
        unsafe { bindings::__load_stage2((*self.as_ptr()).arch.hw_mmu) };
    }
}
