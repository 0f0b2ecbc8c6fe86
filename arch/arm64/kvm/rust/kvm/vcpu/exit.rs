// SPDX-License-Identifier: GPL-2.0

//! A vCPU, as far as only the fix-up of its exits uses it.
//!
//! C headers: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h),
//! [`arch/arm64/include/asm/kvm_nested.h`](srctree/arch/arm64/include/asm/kvm_nested.h)
//!
//! Mirrors: include/kvm/arm_arch_timer.h: timer_get_offset; arch/arm64/include/asm/kvm_emulate.h:
//!     kvm_condition_valid, kvm_vcpu_get_fault_ipa, vcpu_el2_tge_is_set

use super::*;

impl OwnVcpu<'_> {
    // SAFETY: Valid by the type invariant. Written by the vCPU's thread, or with its mutex held,
    // which `KVM_RUN` holds.
    fields! { unsafe
        /// Why it left the guest.
        pub(crate) none, set_syndrome: Esr = arch.fault.esr_el2;
        /// Where it faulted.
        far, set_far: u64 = arch.fault.far_el2;
        none, set_hpfar: u64 = arch.fault.hpfar_el2;
        guest_debug: usize = guest_debug;
    }

    // SAFETY: Valid by the type invariant. Registers, program counter, PSTATE and syndrome are used
    // where they are,
    // in memory or on this CPU, as the caller left them.
    calls! { unsafe
        /// Moves on by one AArch32 instruction, in memory.
        pub(crate) fn skip_instruction_aarch32() = bindings::kvm_skip_instr32;
        /// Whether the AArch32 instruction that trapped passes its condition.
        pub(crate) fn aarch32_condition_holds() -> bool = bindings::kvm_condition_valid32;
        /// Whether it has the TLB maintenance instruction, and that is of EL1's stage 1.
        pub(crate) fn has_tlbi_s1e1(op: Encoding => op.into_raw()) -> bool
            = bindings::kvm_supported_tlbi_s1e1_op;
        /// Whether it has the TLB maintenance instruction, and that is of EL2's stage 1.
        pub(crate) fn has_tlbi_s1e2(op: Encoding => op.into_raw()) -> bool
            = bindings::kvm_supported_tlbi_s1e2_op;
        fn has_ptrauth() -> bool = bindings::vcpu_has_ptrauth;
        fn fault_ipa() -> u64 = bindings::kvm_vcpu_get_fault_ipa;
    }

    /// Sets a register, wherever it is at the moment.
    #[inline]
    pub(crate) fn write_sys_reg(self, reg: SysReg, value: u64) {
        // SAFETY: Valid by the type invariant; the register exists, by that of its number.
        unsafe { bindings::vcpu_write_sys_reg(self.as_ptr(), value, reg.as_raw()) };
    }

    /// Notes where it faulted; of the intermediate physical address in the format of `HPFAR_EL2`,
    /// with C's mark that it is valid, or 0.
    #[inline(always)]
    pub(crate) fn set_fault_address(self, far: u64, hpfar: u64) {
        self.set_far(far);
        self.set_hpfar(hpfar);
    }

    /// Whether user space makes it execute a single instruction.
    #[inline(always)]
    pub(crate) fn is_single_stepped(self) -> bool {
        // CAST: widening.
        self.guest_debug() & bindings::KVM_GUESTDBG_SINGLESTEP as usize != 0
    }

    /// Whether its guest hypervisor is a VHE host whose user space runs, or could.
    #[inline(always)]
    pub(crate) fn el2_e2h_and_tge(self) -> bool {
        self.el2_e2h() && self.el2_tge()
    }

    /// BUG, if it is not in the context that it was entered in.
    #[inline(always)]
    pub(crate) fn assert_hyp_context(self, expected: bool) {
        if self.in_hyp_context() != expected {
            // SAFETY: The way to stop this thread.
            unsafe { bindings::BUG() };
        }
    }

    /// Authenticates `ELR_EL1` as the trapped `ERETAA` or `ERETAB` does; the address if it is
    /// authentic. `None` too if the vCPU has no FEAT_PAuth.
    pub(crate) fn authenticated_return_address(self) -> Option<u64> {
        let mut address = 0;

        // SAFETY: Valid by the type invariant; the pointer is to a local.
        let authentic = self.has_ptrauth()
            && unsafe { bindings::vcpu_auth_eretax(self.as_ptr(), &mut address) };

        authentic.then_some(address)
    }

    /// The sum of the offsets that apply to one of its timers.
    #[inline(always)]
    pub(crate) fn timer_offset(self, timer: TimerId) -> u64 {
        self.timer(timer).offset_in_ticks()
    }

    /// The guest-physical address of the last fault, if it is known.
    pub(crate) fn fault_address(self) -> Option<u64> {
        /// C's `INVALID_GPA`.
        const UNKNOWN: u64 = u64::MAX;

        match self.fault_ipa() {
            UNKNOWN => None,
            // A page, and the offset in it, which both addresses have.
            page => Some(page | self.far() & 0xfff),
        }
    }
}

impl Vm<'_> {
    // SAFETY: Valid by the type invariant; one aligned load, as of C's atomic_read().
    fields! { unsafe
        vncr_translations: i32 = arch.vncr_tlb_count.counter, once;
    }

    /// Whether a page of a nested guest's hypervisor, which its `VNCR_EL2` names, is mapped for any
    /// of the VM's vCPUs, or is about to be.
    #[inline(always)]
    pub(crate) fn has_vncr_translations(self) -> bool {
        self.vncr_translations() != 0
    }
}

/// Performs a TLB maintenance instruction of EL2's stage 1, as EL1's, in the current context.
/// Whether it is one.
#[inline]
pub(crate) fn invalidate_s1e2(operand: u64, instruction: Encoding, _masked: Masked<'_>) -> bool {
    // SAFETY: Without a stage 2 context to change to, only the instruction is executed. It removes
    // translations from the TLB, which hardware may do at any time.
    unsafe {
        bindings::__kvm_tlbi_s1e2(ptr::null_mut(), operand, u64::from(instruction.into_raw())) == 0
    }
}

/// Translates an address by the guest's stage 1, for a read at EL1; the result is in `PAR_EL1`.
/// Whether the instruction could be executed.
#[inline(always)]
pub(crate) fn translate_s1e1(address: u64, _masked: Masked<'_>) -> bool {
    // SAFETY: Changes nothing but `PAR_EL1`; an exception that it takes is fixed up.
    unsafe { bindings::kvm_translate_s1e1(address) == 0 }
}

/// The physical count.
#[inline(always)]
pub(crate) fn physical_count() -> u64 {
    // SAFETY: No preconditions.
    unsafe { bindings::arch_timer_read_cntpct_el0() }
}
