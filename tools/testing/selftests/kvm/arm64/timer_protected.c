// SPDX-License-Identifier: GPL-2.0
/*
 * timer_protected - the counters of a protected VM are the host's: user space
 * can't move them, and trying to do so does not upset the host.
 */
#include "timer_lib.h"

#define TAINT_WARN	(1UL << 9)
#define FAR		(1ULL << 50)

/* The library knows no protected VMs; these tests need no more than file descriptors. */
static int vm, vcpu;

static void create_vcpu(void)
{
	struct kvm_vcpu_init init;
	int kvm = open_kvm_dev_path_or_exit();

	vm = ioctl(kvm, KVM_CREATE_VM, KVM_VM_TYPE_ARM_PROTECTED);
	if (vm < 0)
		tt_skip("no protected VMs");
	close(kvm);
	TEST_ASSERT(!ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "no target");
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	TEST_ASSERT(vcpu >= 0, "no vCPU");
	TEST_ASSERT(!ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "vCPU not initialised");
}

static int set_reg(u64 id, u64 val)
{
	struct kvm_one_reg reg = { .id = id, .addr = (u64)&val };

	return ioctl(vcpu, KVM_SET_ONE_REG, &reg);
}

static u64 get_reg(u64 id)
{
	u64 val;
	struct kvm_one_reg reg = { .id = id, .addr = (u64)&val };

	TEST_ASSERT(!ioctl(vcpu, KVM_GET_ONE_REG, &reg), "cannot read a register");
	return val;
}

static unsigned long taint(void)
{
	unsigned long taint = 0;
	FILE *f = fopen("/proc/sys/kernel/tainted", "r");

	TEST_ASSERT(f && fscanf(f, "%lu", &taint) == 1, "cannot read the taint");
	fclose(f);
	return taint;
}

static void counter_writes(bool el2)
{
	static const struct {
		const char *name;
		u64 reg;
	} regs[] = {
		{ "TIMER_CNT", KVM_REG_ARM_TIMER_CNT },
		{ "PTIMER_CNT", KVM_REG_ARM_PTIMER_CNT },
	};
	unsigned int i;

	create_vcpu();
	TEST_REQUIRE(!(taint() & TAINT_WARN));
	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		tt_errno(set_reg(regs[i].reg, 8 * FAR), 0, "set %s", regs[i].name);
		tt_expect(get_reg(regs[i].reg) < FAR, "%s did not move", regs[i].name);
	}
	tt_expect(!(taint() & TAINT_WARN), "the host did not warn");
}

static void offset(bool el2)
{
	struct kvm_arm_counter_offset offset = { .counter_offset = FAR };

	create_vcpu();
	tt_errno(ioctl(vm, KVM_ARM_SET_COUNTER_OFFSET, &offset), EINVAL,
		 "set the counter offset");
	tt_expect(get_reg(KVM_REG_ARM_TIMER_CNT) < FAR, "the counter has no offset");
}

static const struct tt_test tests[] = {
	{ "offset", offset, TT_HOST },
	{ "counter_writes", counter_writes, TT_HOST },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
