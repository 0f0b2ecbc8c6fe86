/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the tests that move a VM: all registers of a vCPU, saved as
 * KVM_GET_REG_LIST names them, and the guest's side of a move.
 */
#ifndef SELFTEST_KVM_TIMER_STATE_H
#define SELFTEST_KVM_TIMER_STATE_H

#include "gic_v3.h"
#include "timer_lib.h"

struct tt_regs {
	struct kvm_reg_list *list;
	u64 (*val)[4];
};

static inline void tt_regs_save(struct kvm_vcpu *vcpu, struct tt_regs *s)
{
	int i;

	s->list = vcpu_get_reg_list(vcpu);
	s->val = calloc(s->list->n, sizeof(*s->val));
	for (i = 0; i < s->list->n; i++) {
		TEST_ASSERT(KVM_REG_SIZE(s->list->reg[i]) <= sizeof(*s->val),
			    "Register too large");
		tt_check(!__vcpu_get_reg(vcpu, s->list->reg[i], s->val[i]),
			 "get register 0x%llx", s->list->reg[i]);
	}
}

/* All but those that @keep says to leave as they are. */
static inline void tt_regs_restore(struct kvm_vcpu *vcpu, struct tt_regs *s,
				   bool (*keep)(struct kvm_vcpu *vcpu, u64 id))
{
	int i;

	for (i = 0; i < s->list->n; i++) {
		struct kvm_one_reg reg = {
			.id = s->list->reg[i],
			.addr = (u64)s->val[i],
		};

		if (keep && keep(vcpu, reg.id))
			continue;
		tt_check(!__vcpu_ioctl(vcpu, KVM_SET_ONE_REG, &reg),
			 "set register 0x%llx: %s", s->list->reg[i],
			 tt_errno_name(errno));
	}
}

static inline void tt_regs_free(struct tt_regs *s)
{
	free(s->list);
	free(s->val);
}

/* A new VM with the old one's memory, a new GIC and one new vCPU. */
static inline struct kvm_vcpu *tt_vm_recreate(struct kvm_vm *vm, struct kvm_vcpu *vcpu)
{
	struct kvm_vcpu_init init = vcpu->init;

	kvm_vm_release(vm);
	kvm_vm_restart(vm);
	__tt_gic_create(vm, tt_gic, 1);
	vcpu = vm_vcpu_recreate(vm, 0);
	vcpu_ioctl(vcpu, KVM_ARM_VCPU_INIT, &init);
	vcpu->init = init;
	kvm_arch_vm_finalize_vcpus(vm);
	return vcpu;
}

/* Guest side. The GIC's state is not saved: it is brought up again, as on a resume. */
static inline void tt_guest_gic_resume(void)
{
	int t;

	if (tt_gic == 3)
		writel(GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_G1A | GICD_CTLR_ENABLE_G1,
		       GICD_BASE_GVA + GICD_CTLR);
	tt_guest_gic_init(1);
	for (t = 0; t < tt_nr_timers; t++)
		tt_guest_irq_enable(tt_irq[t]);
}

#endif /* SELFTEST_KVM_TIMER_STATE_H */
