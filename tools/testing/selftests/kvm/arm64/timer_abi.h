/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the tests of the timers' ABI. After each refused call all attributes
 * and registers are read again: a call that fails must not have changed them.
 */
#ifndef SELFTEST_KVM_TIMER_ABI_H
#define SELFTEST_KVM_TIMER_ABI_H

#include "timer_lib.h"

#define NR_ATTRS	4

/* All that is visible of a vCPU's timers and does not move by itself. */
struct tt_state {
	int ppi[NR_ATTRS];
	u64 ctl[2], cval[2];
};

static inline void tt_read_state(struct kvm_vcpu *vcpu, struct tt_state *s)
{
	int i;

	for (i = 0; i < NR_ATTRS; i++)
		vcpu_device_attr_get(vcpu, KVM_ARM_VCPU_TIMER_CTRL, i, &s->ppi[i]);
	s->ctl[0] = vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CTL);
	s->ctl[1] = vcpu_get_reg(vcpu, KVM_REG_ARM_PTIMER_CTL);
	s->cval[0] = vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CVAL);
	s->cval[1] = vcpu_get_reg(vcpu, KVM_REG_ARM_PTIMER_CVAL);
}

/* As tt_errno(), and nothing of @vcpu's timers may have changed. */
#define refused(vcpu, call, want, fmt, ...)				\
do {									\
	struct tt_state __old, __new;					\
									\
	tt_read_state(vcpu, &__old);					\
	tt_errno(call, want, fmt, ##__VA_ARGS__);			\
	tt_read_state(vcpu, &__new);					\
	tt_check(!memcmp(&__old, &__new, sizeof(__old)),		\
		 fmt " left the state alone", ##__VA_ARGS__);		\
} while (0)

#endif /* SELFTEST_KVM_TIMER_ABI_H */
