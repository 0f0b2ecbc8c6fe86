/* SPDX-License-Identifier: GPL-2.0 */
/*
 * C macros and inline functions that the world switch in Rust calls, in the kernel and in the
 * hypervisor object below it: compiled for each.
 */

/* Where this side finds what a pointer of the kernel's points at; no instructions in the kernel. */
#ifdef __KVM_NVHE_HYPERVISOR__
#define __kvm_rust_pointer(ptr)	kern_hyp_va(ptr)
#else
#define __kvm_rust_pointer(ptr)	(ptr)
#endif

__kvm_rust_hyp_helper u64 rust_helper_vgic_ich_hcr_trap_bits(void)
{
	return vgic_ich_hcr_trap_bits();
}

__kvm_rust_hyp_helper u64 rust_helper_vgic_ich_vtr(void)
{
	return vgic_ich_vtr();
}

__kvm_rust_hyp_helper int rust_helper_kvm_translate_s1e1(u64 va)
{
	return system_supports_poe() ? __kvm_at(OP_AT_S1E1A, va) : __kvm_at(OP_AT_S1E1R, va);
}

__kvm_rust_hyp_helper u64 rust_helper_kvm_vcpu_get_fault_ipa(const struct kvm_vcpu *vcpu)
{
	return kvm_vcpu_get_fault_ipa(vcpu);
}

__kvm_rust_hyp_helper u64 rust_helper_arch_timer_read_cntpct_el0(void)
{
	return arch_timer_read_cntpct_el0();
}

__kvm_rust_hyp_helper bool rust_helper_vcpu_has_fpmr(const struct kvm_vcpu *vcpu)
{
	return kvm_has_fpmr(__kvm_rust_pointer(vcpu->kvm));
}

__kvm_rust_hyp_helper void rust_helper_vcpu_load_fpsimd(const struct kvm_vcpu *vcpu)
{
	fpsimd_load_state(&vcpu->arch.ctxt.fp_regs);
}

__kvm_rust_hyp_helper void rust_helper_vcpu_load_sve(const struct kvm_vcpu *vcpu)
{
	sve_load_state(__kvm_rust_pointer(vcpu->arch.sve_state), true);
	fpsimd_load_common(&vcpu->arch.ctxt.fp_regs);
}

__kvm_rust_hyp_helper void rust_helper_vcpu_clear_vse(struct kvm_vcpu *vcpu)
{
	clear_bit(HCR_EL2_VSE_SHIFT, (unsigned long *)vcpu_hcr(vcpu));
}

__kvm_rust_hyp_helper void rust_helper___load_stage2(struct kvm_s2_mmu *mmu)
{
	__load_stage2(mmu);
}
