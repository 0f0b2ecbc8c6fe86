// SPDX-License-Identifier: GPL-2.0
/*
 * C macros and inline functions that KVM/arm64 in Rust calls. With CONFIG_RUST_INLINE_HELPERS
 * they inline into their callers, alternatives and static branches included.
 */
#if IS_ENABLED(CONFIG_KVM_ARM64_RUST)
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/irqchip/arm-gic.h>
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/irqflags.h>
#include <linux/kprobes.h>
#include <linux/kvm_host.h>
#include <linux/mutex.h>
#include <linux/nospec.h>
#include <linux/preempt.h>

#include <asm/arch_timer.h>
#include <asm/daifflags.h>
#include <asm/fixmap.h>
#include <asm/fpsimd.h>
#include <asm/kvm_emulate.h>
#include <asm/kvm_hyp.h>
#include <asm/kvm_mmu.h>
#include <asm/kvm_nested.h>
#include <asm/virt.h>

#include <kvm/arm_arch_timer.h>
#include <kvm/arm_vgic.h>

#include "../../arch/arm64/kvm/vgic/vgic.h"

/*
 * Called while exceptions go to the vectors that lead out of a guest. Where it is not inlined no
 * probe may be put into it.
 */
#define __kvm_rust_hyp_helper __rust_helper __kprobes

#include "kvm_arm64_hyp.h"

/* Context */

__rust_helper unsigned long rust_helper_local_irq_save(void)
{
	unsigned long flags;

	local_irq_save(flags);
	return flags;
}

__rust_helper void rust_helper_local_irq_restore(unsigned long flags)
{
	local_irq_restore(flags);
}

__rust_helper void rust_helper_preempt_disable(void)
{
	preempt_disable();
}

__rust_helper void rust_helper_preempt_enable(void)
{
	preempt_enable();
}

/* hrtimer */

__rust_helper void rust_helper_hrtimer_start(struct hrtimer *timer, ktime_t expires,
					     const enum hrtimer_mode mode)
{
	hrtimer_start(timer, expires, mode);
}

__rust_helper u64 rust_helper_hrtimer_forward_now(struct hrtimer *timer, ktime_t interval)
{
	return hrtimer_forward_now(timer, interval);
}

/* Interrupts of the host */

__rust_helper int rust_helper_request_percpu_irq(unsigned int irq, irq_handler_t handler,
						 const char *name, void __percpu *dev)
{
	return request_percpu_irq(irq, handler, name, dev);
}

__rust_helper u32 rust_helper_irq_get_trigger_type(unsigned int irq)
{
	return irq_get_trigger_type(irq);
}

__rust_helper void rust_helper_irqd_set_forwarded_to_vcpu(struct irq_data *d)
{
	irqd_set_forwarded_to_vcpu(d);
}

__rust_helper void rust_helper_irqd_clr_forwarded_to_vcpu(struct irq_data *d)
{
	irqd_clr_forwarded_to_vcpu(d);
}

__rust_helper bool rust_helper_irqd_is_forwarded_to_vcpu(struct irq_data *d)
{
	return irqd_is_forwarded_to_vcpu(d);
}

__rust_helper struct fwnode_handle *rust_helper_irq_domain_alloc_named_fwnode(const char *name)
{
	return irq_domain_alloc_named_fwnode(name);
}

__rust_helper struct irq_domain *
rust_helper_irq_domain_create_hierarchy(struct irq_domain *parent, unsigned int flags,
					unsigned int size, struct fwnode_handle *fwnode,
					const struct irq_domain_ops *ops, void *host_data)
{
	return irq_domain_create_hierarchy(parent, flags, size, fwnode, ops, host_data);
}

/* VMs */

__rust_helper bool rust_helper_kvm_vm_is_protected(struct kvm *kvm)
{
	return kvm_vm_is_protected(kvm);
}

__rust_helper bool rust_helper_irqchip_in_kernel(struct kvm *kvm)
{
	return irqchip_in_kernel(kvm);
}

__rust_helper u32 rust_helper_get_vgic_ppi(struct kvm *kvm, u32 ppi)
{
	return get_vgic_ppi(kvm, ppi);
}

__rust_helper bool rust_helper_irq_is_ppi(struct kvm *kvm, int irq)
{
	return irq_is_ppi(kvm, irq);
}

__rust_helper struct kvm_vcpu *rust_helper_kvm_get_vcpu(struct kvm *kvm, int i)
{
	return kvm_get_vcpu(kvm, i);
}

/* vCPUs */

__rust_helper int rust_helper_vcpu_trylock_nested(struct kvm_vcpu *vcpu)
{
	return mutex_trylock_nest_lock(&vcpu->mutex, &vcpu->kvm->lock);
}

__rust_helper bool rust_helper_kvm_vcpu_is_blocking(struct kvm_vcpu *vcpu)
{
	return kvm_vcpu_is_blocking(vcpu);
}

__rust_helper bool rust_helper_vcpu_in_wfit(struct kvm_vcpu *vcpu)
{
	return vcpu_get_flag(vcpu, IN_WFIT);
}

__rust_helper u64 rust_helper_vcpu_trapped_rt(struct kvm_vcpu *vcpu)
{
	return vcpu_get_reg(vcpu, kvm_vcpu_sys_get_rt(vcpu));
}

/* Virtual EL2 */

__rust_helper u64 rust_helper_translate_sctlr_el2_to_sctlr_el1(u64 val)
{
	return translate_sctlr_el2_to_sctlr_el1(val);
}

__rust_helper u64 rust_helper_translate_cptr_el2_to_cpacr_el1(u64 cptr_el2)
{
	return translate_cptr_el2_to_cpacr_el1(cptr_el2);
}

__rust_helper u64 rust_helper_translate_ttbr0_el2_to_ttbr0_el1(u64 ttbr0)
{
	return translate_ttbr0_el2_to_ttbr0_el1(ttbr0);
}

__rust_helper u64 rust_helper_translate_tcr_el2_to_tcr_el1(u64 tcr)
{
	return translate_tcr_el2_to_tcr_el1(tcr);
}

/* Virtual CPU interfaces */

#if IS_ENABLED(CONFIG_KVM_ARM64_RUST_SWITCH) || IS_ENABLED(CONFIG_KVM_ARM64_RUST_VGIC)
__rust_helper unsigned long rust_helper_local_daif_save(void)
{
	return local_daif_save();
}

__rust_helper void rust_helper_local_daif_restore(unsigned long flags)
{
	local_daif_restore(flags);
}
#endif

/* EL2 */

__rust_helper void rust_helper_kvm_timer_set_cntvoff_nvhe(u64 cntvoff)
{
	kvm_call_hyp_nvhe(__kvm_timer_set_cntvoff, cntvoff);
}

/* Exits */

__kvm_rust_hyp_helper bool rust_helper_vcpu_has_ptrauth(const struct kvm_vcpu *vcpu)
{
	return vcpu_has_ptrauth(vcpu);
}

__kvm_rust_hyp_helper bool rust_helper_vcpu_auth_eretax(struct kvm_vcpu *vcpu, u64 *elr)
{
	return kvm_auth_eretax(vcpu, elr);
}

__kvm_rust_hyp_helper bool rust_helper_kvm_supported_tlbi_s1e1_op(struct kvm_vcpu *vcpu, u32 instr)
{
	return kvm_supported_tlbi_s1e1_op(vcpu, instr);
}

__kvm_rust_hyp_helper bool rust_helper_kvm_supported_tlbi_s1e2_op(struct kvm_vcpu *vcpu, u32 instr)
{
	return kvm_supported_tlbi_s1e2_op(vcpu, instr);
}

/* FP/SIMD */

__kvm_rust_hyp_helper bool rust_helper_guest_hyp_fpsimd_traps_enabled(const struct kvm_vcpu *vcpu)
{
	return guest_hyp_fpsimd_traps_enabled(vcpu);
}

__kvm_rust_hyp_helper bool rust_helper_guest_hyp_sve_traps_enabled(const struct kvm_vcpu *vcpu)
{
	return guest_hyp_sve_traps_enabled(vcpu);
}

/* The world switch */

__rust_helper void rust_helper_kvm_mask_exceptions(void)
{
	local_daif_mask();
	pmr_sync();
}

__rust_helper void rust_helper_kvm_unmask_exceptions(void)
{
	local_daif_restore(DAIF_PROCCTX_NOIRQ);
}

__kvm_rust_hyp_helper u64 rust_helper_vcpu_sanitised_cptr_el2(const struct kvm_vcpu *vcpu)
{
	return vcpu_sanitised_cptr_el2(vcpu);
}

__kvm_rust_hyp_helper u64 rust_helper_kvm_vncr_fixmap_address(void)
{
	return __fix_to_virt(vncr_fixmap(smp_processor_id()));
}

/* The virtual GIC */

#ifdef CONFIG_KVM_ARM64_RUST_VGIC
__rust_helper unsigned long rust_helper_array_index_mask_nospec(unsigned long index,
								 unsigned long size)
{
	return array_index_mask_nospec(index, size);
}

__rust_helper void rust_helper_kvm_arm64_raw_lock_init(raw_spinlock_t *lock)
{
	raw_spin_lock_init(lock);
}

__rust_helper unsigned long rust_helper_kvm_arm64_raw_lock_irqsave(raw_spinlock_t *lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(lock, flags);
	return flags;
}

__rust_helper void rust_helper_kvm_arm64_raw_unlock_irqrestore(raw_spinlock_t *lock,
								unsigned long flags)
{
	raw_spin_unlock_irqrestore(lock, flags);
}

/* A request by a variable would be looked at when running; each has its function. */
__rust_helper void rust_helper_kvm_arm64_vgic_kick(struct kvm_vcpu *vcpu)
{
	kvm_make_request(KVM_REQ_IRQ_PENDING, vcpu);
	kvm_vcpu_kick(vcpu);
}

/* The vCPU is loaded on this CPU, and its thread does not wait for an event. */
__rust_helper bool rust_helper_kvm_arm64_vcpu_is_up_here(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->cpu) == raw_smp_processor_id() &&
	       !kvm_vcpu_is_blocking(vcpu);
}

__rust_helper void rust_helper_kvm_arm64_vgic_request_update(struct kvm_vcpu *vcpu)
{
	kvm_make_request(KVM_REQ_VGIC_PROCESS_UPDATE, vcpu);
}

/*
 * Not kvm_make_all_cpus_request(): that has a mask for each CPU which an interrupt must not find in
 * use, and a call of other CPUs' functions, which wants interrupts on.
 */
__rust_helper void rust_helper_kvm_arm64_vgic_kick_all(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		kvm_make_request(KVM_REQ_IRQ_PENDING, vcpu);
		kvm_vcpu_kick(vcpu);
	}
}

__rust_helper bool rust_helper_vcpu_has_run_once(struct kvm_vcpu *vcpu)
{
	return vcpu_has_run_once(vcpu);
}

__rust_helper struct kvm_vcpu *rust_helper_kvm_get_vcpu_by_id(struct kvm *kvm, int id)
{
	return kvm_get_vcpu_by_id(kvm, id);
}

__rust_helper unsigned long rust_helper_kvm_vcpu_get_mpidr_aff(struct kvm_vcpu *vcpu)
{
	return kvm_vcpu_get_mpidr_aff(vcpu);
}

__rust_helper bool rust_helper_kvm_arm64_vgic_ready(struct kvm *kvm)
{
	return smp_load_acquire(&kvm->arch.vgic.ready);
}

__rust_helper void rust_helper_kvm_arm64_vgic_set_ready(struct kvm *kvm)
{
	smp_store_release(&kvm->arch.vgic.ready, true);
}

__rust_helper bool rust_helper_kvm_arm64_vgic_host_intid(unsigned int irq, u32 *intid)
{
	struct irq_data *data = irq_get_irq_data(irq);

	if (!data) {
		kvm_err("no interrupt descriptor of IRQ%u\n", irq);
		return false;
	}
	while (data->parent_data)
		data = data->parent_data;
	*intid = data->hwirq;
	return true;
}

__rust_helper void rust_helper_kvm_arm64_vgic_deactivate_phys(u32 intid)
{
	if (kvm_vgic_global_state.type == VGIC_V2)
		writel_relaxed(intid, kvm_vgic_global_state.gicc_base + GIC_CPU_DEACTIVATE);
	else if (cpus_have_final_cap(ARM64_HAS_GICV5_LEGACY))
		gic_insn(intid | FIELD_PREP(GICV5_GIC_CDDI_TYPE_MASK, 1), CDDI);
	else
		gic_write_dir(intid);
}

/* The hypervisor's part of the CPU interface, from wherever the kernel runs. */
__rust_helper void rust_helper_kvm_arm64_vgic_v3_load(struct vgic_v3_cpu_if *cpu_if)
{
	if (likely(!is_protected_kvm_enabled()))
		kvm_call_hyp(__vgic_v3_restore_vmcr_aprs, cpu_if);
	if (has_vhe())
		__vgic_v3_activate_traps(cpu_if);
}

__rust_helper void rust_helper_kvm_arm64_vgic_v3_put(struct vgic_v3_cpu_if *cpu_if)
{
	if (likely(!is_protected_kvm_enabled()))
		kvm_call_hyp(__vgic_v3_save_aprs, cpu_if);
	if (has_vhe())
		__vgic_v3_deactivate_traps(cpu_if);
}

/* The same for a GICv5. */
__rust_helper void rust_helper_kvm_arm64_vgic_v5_load(struct vgic_v5_cpu_if *cpu_if)
{
	kvm_call_hyp(__vgic_v5_restore_vmcr_apr, cpu_if);
}

__rust_helper void rust_helper_kvm_arm64_vgic_v5_put(struct vgic_v5_cpu_if *cpu_if)
{
	kvm_call_hyp(__vgic_v5_save_apr, cpu_if);
}

__rust_helper bool rust_helper_vcpu_in_wfi(struct kvm_vcpu *vcpu)
{
	return vcpu_get_flag(vcpu, IN_WFI);
}

__rust_helper bool rust_helper_is_protected_kvm_enabled(void)
{
	return is_protected_kvm_enabled();
}

__rust_helper bool rust_helper_kvm_arm64_has_gicv3_cpuif(void)
{
	return static_branch_unlikely(&kvm_vgic_global_state.gicv3_cpuif);
}

__rust_helper void rust_helper_kvm_arm64_vgic_v3_init_lrs(void)
{
	kvm_call_hyp(__vgic_v3_init_lrs);
}

__rust_helper bool rust_helper_kvm_arm64_vgic_v3_has_v2(void)
{
	return kvm_call_hyp_ret(__vgic_v3_get_gic_config);
}

__rust_helper void rust_helper_kvm_vm_dead(struct kvm *kvm)
{
	kvm_vm_dead(kvm);
}

__rust_helper bool rust_helper_kvm_supports_32bit_el0(void)
{
	return kvm_supports_32bit_el0();
}

/* The guest's memory, from where its slots may change meanwhile. */
__rust_helper int rust_helper_kvm_arm64_read_guest(struct kvm *kvm, gpa_t from, void *to,
						   unsigned long bytes)
{
	return kvm_read_guest_lock(kvm, from, to, bytes);
}

__rust_helper int rust_helper_kvm_arm64_write_guest(struct kvm *kvm, gpa_t to, const void *from,
						    unsigned long bytes)
{
	return kvm_write_guest_lock(kvm, to, from, bytes);
}

__rust_helper bool rust_helper_kvm_arm64_is_visible_gfn(struct kvm *kvm, gfn_t gfn)
{
	guard(srcu)(&kvm->srcu);

	return kvm_is_visible_gfn(kvm, gfn);
}

__rust_helper void rust_helper_kvm_arm64_cond_resched(void)
{
	cond_resched();
}

__rust_helper bool rust_helper_kvm_arm64_fatal_signal_pending(void)
{
	return fatal_signal_pending(current);
}

/* Doorbells of GICv4, and the interrupts behind virtual SGIs of GICv4.1. */
static const unsigned int doorbell_flags = IRQ_DISABLE_UNLAZY | IRQ_NO_BALANCING;

__rust_helper void rust_helper_kvm_arm64_doorbell_set_up(unsigned int irq, bool off)
{
	irq_set_status_flags(irq, doorbell_flags | (off ? IRQ_NOAUTOEN : 0));
}

__rust_helper void rust_helper_kvm_arm64_doorbell_tear_down(unsigned int irq)
{
	irq_clear_status_flags(irq, doorbell_flags | IRQ_NOAUTOEN);
}

__rust_helper int rust_helper_kvm_arm64_doorbell_request(unsigned int irq, irq_handler_t handler,
							 struct kvm_vcpu *vcpu)
{
	return request_irq(irq, handler, 0, "vcpu", vcpu);
}

__rust_helper void rust_helper_kvm_arm64_doorbell_quiet(unsigned int irq)
{
	if (!irqd_irq_disabled(irq_get_irq_data(irq)))
		disable_irq_nosync(irq);
}

__rust_helper int rust_helper_kvm_arm64_vpe_follow(unsigned int irq)
{
	return irq_set_affinity(irq, cpumask_of(smp_processor_id()));
}

__rust_helper int rust_helper_kvm_arm64_vsgi_activate(unsigned int irq)
{
	return irq_domain_activate_irq(irq_get_irq_data(irq), false);
}

__rust_helper void rust_helper_kvm_arm64_vsgi_deactivate(unsigned int irq)
{
	irq_domain_deactivate_irq(irq_get_irq_data(irq));
}

__rust_helper const void *rust_helper_kvm_arm64_vpe_pending_table(struct its_vpe *vpe)
{
	return page_address(vpe->vpt_page);
}

__rust_helper bool rust_helper_vcpu_in_nested_eret(struct kvm_vcpu *vcpu)
{
	return vcpu_get_flag(vcpu, IN_NESTED_ERET);
}

__rust_helper unsigned int rust_helper_kvm_arm64_vsgi_irq(struct irq_domain *domain,
							   unsigned int sgi)
{
	return irq_find_mapping(domain, sgi);
}

/*
 * Nobody requests these. How often one is disabled starts at one, although the hardware may have
 * it enabled from when it is activated: whoever does that calls this at once.
 */
__rust_helper void rust_helper_kvm_arm64_vsgi_enable(unsigned int irq, bool on)
{
	struct irq_data *data = irq_get_irq_data(irq);

	if (!on) {
		if (!irqd_irq_disabled(data))
			disable_irq_nosync(irq);
		return;
	}
	while (irqd_irq_disabled(data))
		enable_irq(irq);
}

/* All vCPUs tell the hardware anew whether the distributor forwards interrupts. */
__rust_helper void rust_helper_kvm_arm64_vgic_reload_v4(struct kvm *kvm)
{
	kvm_make_all_cpus_request(kvm, KVM_REQ_RELOAD_GICv4);
}
#endif
#endif
