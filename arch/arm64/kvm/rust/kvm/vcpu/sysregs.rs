// SPDX-License-Identifier: GPL-2.0

//! What the switch of system registers needs to know of a vCPU and its VM.
//!
//! C headers: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h),
//! [`arch/arm64/include/asm/kvm_nested.h`](srctree/arch/arm64/include/asm/kvm_nested.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h: ctxt_midr_el1;
//!     arch/arm64/include/asm/kvm_host.h: __kvm_has_feat, kvm_has_mte, kvm_has_tcr2, kvm_has_s1pie,
//!     kvm_has_s1poe, kvm_has_sctlr2, kvm_has_ras, vcpu_set_flag, vcpu_clear_flag;
//!     arch/arm64/include/asm/kvm_emulate.h: kvm_has_nv3, vcpu_el1_is_32bit,
//!     vserror_state_is_nested

use super::*;

/// A field of an ID register that says whether guests are told of a feature.
#[derive(Clone, Copy)]
pub(crate) struct IdField {
    register: usize,
    shift: u32,
}

impl IdField {
    /// FEAT_TCR2.
    pub(crate) const TCR2: Self = Self::mmfr3(bindings::ID_AA64MMFR3_EL1_TCRX_SHIFT);
    /// FEAT_SCTLR2.
    pub(crate) const SCTLR2: Self = Self::mmfr3(bindings::ID_AA64MMFR3_EL1_SCTLRX_SHIFT);
    /// FEAT_S1PIE.
    pub(crate) const S1PIE: Self = Self::mmfr3(bindings::ID_AA64MMFR3_EL1_S1PIE_SHIFT);
    /// FEAT_S1POE.
    pub(crate) const S1POE: Self = Self::mmfr3(bindings::ID_AA64MMFR3_EL1_S1POE_SHIFT);
    /// How much of FEAT_NV there is beyond FEAT_NV2.
    const NV_FRAC: Self = Self {
        register: bindings::KVM_ID_REG_AA64MMFR4 as usize,
        shift: bindings::ID_AA64MMFR4_EL1_NV_frac_SHIFT,
    };
    /// FEAT_RAS.
    pub(crate) const RAS: Self = Self {
        // CAST: widening, here and below.
        register: bindings::KVM_ID_REG_AA64PFR0 as usize,
        shift: bindings::ID_AA64PFR0_EL1_RAS_SHIFT,
    };

    const fn mmfr3(shift: u32) -> Self {
        Self {
            register: bindings::KVM_ID_REG_AA64MMFR3 as usize,
            shift,
        }
    }
}

impl Vm<'_> {
    /// Whether an ID register tells the guest of a feature.
    #[inline(always)]
    pub(crate) fn tells_of(self, field: IdField) -> bool {
        self.id_field(field) != 0
    }

    /// A field of an ID register, as the guest sees it.
    #[inline(always)]
    fn id_field(self, field: IdField) -> u64 {
        // SAFETY: Valid by the type invariant, here and below. The registers named above are
        // within the array; they do not change once a vCPU has run.
        let value = unsafe {
            (&raw const (*self.as_ptr()).arch.id_regs)
                .cast::<u64>()
                .add(field.register)
                .read()
        };

        value.wrapping_shr(field.shift) & 0xf
    }

    /// Whether the guest is told of FEAT_NV3.
    #[inline(always)]
    pub(crate) fn tells_of_nv3(self) -> bool {
        self.id_field(IdField::NV_FRAC) >= bindings::KVM_NV_FRAC_NV3
    }

    /// Whether user space gave the guest memory tagging.
    #[inline(always)]
    pub(crate) fn has_mte_enabled(self) -> bool {
        self.flag(bindings::KVM_ARCH_FLAG_MTE_ENABLED)
    }

    // SAFETY: Valid by the type invariant; does not change once a vCPU has run.
    fields! { unsafe
        midr: u64 = arch.midr_el1;
    }

    /// The guest's `MIDR_EL1`, if it is not the CPU's.
    #[inline(always)]
    pub(crate) fn own_midr(self) -> Option<u64> {
        self.flag(bindings::KVM_ARCH_FLAG_WRITABLE_IMP_ID_REGS)
            .then(|| self.midr())
    }
}

/// Registers of a guest's virtual EL2 that is no VHE host, in the format of their EL1 namesakes.
#[derive(Clone, Copy)]
pub(crate) struct TranslatedEl2 {
    /// `SCTLR_EL2` as `SCTLR_EL1`.
    pub(crate) sctlr: u64,
    /// `CPTR_EL2` as `CPACR_EL1`.
    pub(crate) cpacr: u64,
    /// `TTBR0_EL2` as `TTBR0_EL1`.
    pub(crate) ttbr0: u64,
    /// `TCR_EL2` as `TCR_EL1`.
    pub(crate) tcr: u64,
}

impl OwnVcpu<'_> {
    /// Whether EL1 is AArch32. There is no such vCPU on CPUs that cannot have that.
    #[inline(always)]
    pub(crate) fn el1_is_aarch32(self) -> bool {
        cpucaps::has_aarch32_el1() && !self.hcr().has(Hcr::RW)
    }

    /// Whether virtual SErrors are those of the nested guest's own hypervisor.
    #[inline]
    pub(crate) fn vserror_is_nested(self) -> bool {
        self.in_nested_context()
            && (self.el2_amo() || Hcrx::from_raw(self.sys_reg(SysReg::HCRX_EL2)).has(Hcrx::TMEA))
    }

    /// Virtual EL2's translation and traps, for running it at EL1.
    pub(crate) fn translated_el2(self) -> TranslatedEl2 {
        // SAFETY: Arithmetic.
        unsafe {
            TranslatedEl2 {
                sctlr: bindings::translate_sctlr_el2_to_sctlr_el1(self.sys_reg(SysReg::SCTLR_EL2)),
                cpacr: bindings::translate_cptr_el2_to_cpacr_el1(self.sys_reg(SysReg::CPTR_EL2)),
                ttbr0: bindings::translate_ttbr0_el2_to_ttbr0_el1(self.sys_reg(SysReg::TTBR0_EL2)),
                tcr: bindings::translate_tcr_el2_to_tcr_el1(self.sys_reg(SysReg::TCR_EL2)),
            }
        }
    }
}

impl LoadedVcpu<'_> {
    // SAFETY: Valid by the type invariant. Flags of this kind change by the vCPU's own thread alone.
    fields! { unsafe
        sflags, set_sflags: u16 = arch.sflags;
    }

    /// Says whether the guest's EL1 and EL0 registers are in the hardware, or in memory: for
    /// everyone who accesses one on its behalf.
    #[inline(always)]
    pub(crate) fn set_sysregs_on_cpu(self, on_cpu: bool) {
        self.set_sflag(bindings::KVM_VCPU_SYSREGS_ON_CPU, on_cpu);
    }

    #[inline(always)]
    pub(super) fn set_sflag(self, flag: u16, value: bool) {
        self.set_sflags(if value {
            self.sflags() | flag
        } else {
            self.sflags() & !flag
        });
    }
}
