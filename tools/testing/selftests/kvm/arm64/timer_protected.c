// SPDX-License-Identifier: GPL-2.0
/*
 * timer_protected - the counters of a protected VM are the host's: user space
 * can't move them, and trying to do so does not upset the host. Other VMs have
 * their offsets beside protected ones as well, also that of the physical counter,
 * which the hypervisor has to know of.
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

#define PATIENCE_MS	2000

/* By the other counter, @ms pass until the physical timer fires, no less. */
static void guest_fire(int ms, bool sleep)
{
	u64 start = tt_cnt(TT_V), cval = tt_cnt(TT_P) + msec_to_cycles(ms);

	tt_handled[TT_P] = 0;
	tt_start(TT_P, cval);
	GUEST_ASSERT_EQ(tt_cval(TT_P), cval);
	/* Ends a sleep that the physical timer does not. */
	tt_start(TT_V, start + msec_to_cycles(PATIENCE_MS));
	while (!tt_handled[TT_P]) {
		GUEST_ASSERT(!tt_handled[TT_V]);
		if (sleep)
			wfi();
		tt_guest_take_irqs();
	}
	GUEST_ASSERT(tt_cnt(TT_V) - start >= msec_to_cycles(ms));
	tt_set_ctl(TT_V, 0);
}

static void guest_offset(void)
{
	int i;

	tt_guest_setup(1);
	for (i = 0; i < 4; i++) {
		GUEST_SYNC_ARGS(0, tt_cnt(TT_V), tt_cnt(TT_P), 0, 0);
		guest_fire(1 + 10 * (i & 1), i & 2);
	}
	GUEST_DONE();
}

/* Is @guest's count the host's between @before and @after, without @offset? */
static bool is_offset(u64 guest, u64 before, u64 after, u64 offset)
{
	return guest + offset - before <= after - before;
}

static void check_plain(u64 offset, const char *name)
{
	bool counters = true, registers = true;
	struct kvm_vcpu *plain;
	struct kvm_vm *kvm = tt_vm_create(1, false, guest_offset, &plain);
	u64 before, after, cmd;
	struct ucall uc;

	vm_install_exception_handler(kvm, VECTOR_IRQ_CURRENT, tt_guest_irq_handler);
	TEST_ASSERT(!tt_set_offset(kvm, offset), "KVM_ARM_SET_COUNTER_OFFSET");
	for (;;) {
		before = timer_get_cntct(VIRTUAL);
		cmd = tt_run(plain, &uc);
		after = timer_get_cntct(VIRTUAL);
		if (cmd != UCALL_SYNC)
			break;
		counters &= is_offset(uc.args[2], before, after, offset) &&
			    is_offset(uc.args[3], before, after, offset);
		before = timer_get_cntct(VIRTUAL);
		registers &= is_offset(vcpu_get_reg(plain, KVM_REG_ARM_PTIMER_CNT), before,
				       timer_get_cntct(VIRTUAL), offset);
	}
	tt_expect(counters, "offset %s: the guest's counters", name);
	tt_expect(registers, "offset %s: the physical counter by register", name);
	tt_expect(cmd == UCALL_DONE, "offset %s: the physical timer fires by its counter", name);
	kvm_vm_free(kvm);
}

static void plain_offset(bool el2)
{
	if (!tt_pkvm && !tt_cntpoff)
		tt_skip("the physical counter can not be offset");
	check_plain(-FAR, "far ahead");
	check_plain(timer_get_cntct(VIRTUAL), "now");
	check_plain(0, "0");
}

static const struct tt_test tests[] = {
	{ "offset", offset, TT_HOST },
	{ "counter_writes", counter_writes, TT_HOST },
	{ "plain_offset", plain_offset, TT_EL1 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
