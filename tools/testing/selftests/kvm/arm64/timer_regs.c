// SPDX-License-Identifier: GPL-2.0
/*
 * timer_regs - the ONE_REG registers of KVM's arch timers and
 * KVM_ARM_SET_COUNTER_OFFSET, with every errno. Where an input breaks two rules,
 * the test pins down which one is reported.
 */
#include <pthread.h>

#include "timer_abi.h"

#define BAD_PTR		((void *)1UL)

static bool guest_stop;
static bool guest_running;

static void guest_spin(void)
{
	WRITE_ONCE(guest_running, true);
	while (!READ_ONCE(guest_stop))
		cpu_relax();
	GUEST_DONE();
}

static void guest_done(void)
{
	GUEST_DONE();
}

static int reg_ioctl(struct kvm_vcpu *vcpu, unsigned long cmd, u64 id, void *addr)
{
	struct kvm_one_reg reg = { .id = id, .addr = (u64)addr };

	return ioctl(vcpu->fd, cmd, &reg);
}

static void reg_not_initialised(bool el2)
{
	struct kvm_vm *vm = vm_create_barebones();
	struct kvm_vcpu *vcpu = __vm_vcpu_add(vm, 0);
	u64 val = 0;

	tt_errno(reg_ioctl(vcpu, KVM_GET_ONE_REG, KVM_REG_ARM_TIMER_CNT, &val),
		 ENOEXEC, "get CNT");
	tt_errno(reg_ioctl(vcpu, KVM_SET_ONE_REG, KVM_REG_ARM_TIMER_CNT, &val),
		 ENOEXEC, "set CNT");
	tt_errno(reg_ioctl(vcpu, KVM_GET_ONE_REG, ~0ULL, BAD_PTR), ENOEXEC,
		 "get unknown, bad pointer");
	tt_errno(ioctl(vcpu->fd, KVM_SET_ONE_REG, NULL), ENOEXEC, "set, no register");
}

static void reg_errno(bool el2)
{
	const u64 cval = KVM_REG_ARM_TIMER_CVAL;
	const u64 arch = cval ^ KVM_REG_ARM64 ^ KVM_REG_X86;
	const u64 u32_sized = (cval & ~KVM_REG_SIZE_MASK) | KVM_REG_SIZE_U32;
	const u64 unknown = ARM64_SYS_REG(3, 3, 14, 7, 7);
	/* In the tables as trapped, but not for userspace. */
	const u64 tval = ARM64_SYS_REG(3, 3, 14, 3, 0);
	struct kvm_vcpu *vcpu;
	u64 val = 0x1234;

	tt_vm_create(1, el2, guest_done, &vcpu);
	vcpu_set_reg(vcpu, cval, 0x5678);

#define GET(id, ptr)	reg_ioctl(vcpu, KVM_GET_ONE_REG, id, ptr)
#define SET(id, ptr)	reg_ioctl(vcpu, KVM_SET_ONE_REG, id, ptr)
	refused(vcpu, ioctl(vcpu->fd, KVM_GET_ONE_REG, NULL), EFAULT, "get, no register");
	refused(vcpu, ioctl(vcpu->fd, KVM_SET_ONE_REG, NULL), EFAULT, "set, no register");
	refused(vcpu, GET(arch, &val), EINVAL, "get, wrong arch");
	refused(vcpu, SET(arch, &val), EINVAL, "set, wrong arch");
	refused(vcpu, GET(arch, NULL), EINVAL, "get, wrong arch, bad pointer");
	refused(vcpu, SET(arch, NULL), EINVAL, "set, wrong arch, bad pointer");
	refused(vcpu, GET(u32_sized, &val), ENOENT, "get, wrong size");
	refused(vcpu, SET(u32_sized, &val), ENOENT, "set, wrong size");
	refused(vcpu, GET(unknown, &val), ENOENT, "get unknown");
	refused(vcpu, SET(unknown, &val), ENOENT, "set unknown");
	/* The order differs: a get looks for the register first. */
	refused(vcpu, GET(unknown, NULL), ENOENT, "get unknown, bad pointer");
	refused(vcpu, SET(unknown, NULL), EFAULT, "set unknown, bad pointer");
	refused(vcpu, GET(cval, NULL), EFAULT, "get CVAL, bad pointer");
	refused(vcpu, SET(cval, NULL), EFAULT, "set CVAL, bad pointer");
	refused(vcpu, GET(tval, &val), ENOENT, "get TVAL");
	refused(vcpu, SET(tval, &val), ENOENT, "set TVAL");
#undef GET
#undef SET
}

/* KVM's IDs of CVAL and CNT have each other's encoding, and stay so. */
static void reg_swapped(bool el2)
{
	const u64 far = 1ULL << 60;
	struct kvm_vcpu *vcpu;
	u64 cnt;

	tt_vm_create(1, el2, guest_done, &vcpu);
	TEST_ASSERT_EQ(KVM_REG_ARM_TIMER_CNT, KVM_ARM64_SYS_REG(SYS_CNTV_CVAL_EL0));
	TEST_ASSERT_EQ(KVM_REG_ARM_TIMER_CVAL, KVM_ARM64_SYS_REG(SYS_CNTVCT_EL0));

	vcpu_set_reg(vcpu, KVM_REG_ARM_TIMER_CVAL, 2 * far);
	tt_expect(vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CVAL) == 2 * far, "CVAL is kept");
	tt_expect(vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CNT) < far, "CNT did not move");

	vcpu_set_reg(vcpu, KVM_REG_ARM_TIMER_CNT, far);
	cnt = vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CNT);
	tt_expect(cnt >= far && cnt < 2 * far, "CNT goes on from what was set");
	tt_expect(vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CNT) > cnt, "CNT counts");
	tt_expect(vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CVAL) == 2 * far, "CVAL is kept");
}

static void reg_values(bool el2)
{
	static const u64 values[] = {
		0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 63, ~0ULL - 1, ~0ULL
	};
	struct kvm_vcpu *vcpu;
	u64 ctl, id;
	int i, p;

	tt_vm_create(1, el2, guest_done, &vcpu);
	for (p = 0; p < 2; p++) {
		id = p ? KVM_REG_ARM_PTIMER_CVAL : KVM_REG_ARM_TIMER_CVAL;
		for (i = 0; i < ARRAY_SIZE(values); i++) {
			vcpu_set_reg(vcpu, id, values[i]);
			tt_expect(vcpu_get_reg(vcpu, id) == values[i],
				  "%cTIMER CVAL 0x%lx is kept", "VP"[p],
				  (unsigned long)values[i]);
		}
		id = p ? KVM_REG_ARM_PTIMER_CTL : KVM_REG_ARM_TIMER_CTL;
		for (i = 0; i < 8; i++) {
			vcpu_set_reg(vcpu, id, i);
			ctl = vcpu_get_reg(vcpu, id);
			tt_expect((ctl & 3) == (i & 3), "%cTIMER CTL %d is 0x%lx",
				  "VP"[p], i, (unsigned long)ctl);
		}
	}
}

/* The virtual and the physical counter move one without the other. */
static void reg_counters(bool el2)
{
	const u64 far = 1ULL << 50;
	struct kvm_vcpu *vcpu[2];
	u64 v, p;

	tt_vm_create(2, el2, guest_done, vcpu);

	/* The host's own virtual counter has no offset. */
	v = timer_get_cntct(VIRTUAL);
	p = vcpu_get_reg(vcpu[0], KVM_REG_ARM_PTIMER_CNT);
	tt_expect(v <= p && p <= timer_get_cntct(VIRTUAL), "PTIMER_CNT is the host's counter");
	p = vcpu_get_reg(vcpu[0], KVM_REG_ARM_TIMER_CNT);
	tt_expect(p < msec_to_cycles(60000), "CNT starts with the VM");

	vcpu_set_reg(vcpu[0], KVM_REG_ARM_TIMER_CNT, far);
	v = vcpu_get_reg(vcpu[1], KVM_REG_ARM_TIMER_CNT);
	p = vcpu_get_reg(vcpu[1], KVM_REG_ARM_PTIMER_CNT);
	tt_expect(v >= far && v < 2 * far, "CNT is the VM's");
	tt_expect(p < far, "PTIMER_CNT did not move");

	vcpu_set_reg(vcpu[0], KVM_REG_ARM_PTIMER_CNT, 4 * far);
	v = vcpu_get_reg(vcpu[1], KVM_REG_ARM_TIMER_CNT);
	p = vcpu_get_reg(vcpu[1], KVM_REG_ARM_PTIMER_CNT);
	tt_expect(p >= 4 * far && p < 8 * far, "PTIMER_CNT is the VM's");
	tt_expect(v < 2 * far, "CNT did not move");
}

static const struct {
	const char *name;
	u64 id;
	bool not_with_e2h0;
} el2_regs[] = {
	{ "CNTHP_CTL_EL2", KVM_ARM64_SYS_REG(SYS_CNTHP_CTL_EL2) },
	{ "CNTHP_CVAL_EL2", KVM_ARM64_SYS_REG(SYS_CNTHP_CVAL_EL2) },
	{ "CNTHV_CTL_EL2", KVM_ARM64_SYS_REG(SYS_CNTHV_CTL_EL2), true },
	{ "CNTHV_CVAL_EL2", KVM_ARM64_SYS_REG(SYS_CNTHV_CVAL_EL2), true },
	{ "CNTVOFF_EL2", KVM_ARM64_SYS_REG(SYS_CNTVOFF_EL2) },
};

static void check_el2_regs(struct kvm_vcpu *vcpu, bool has, bool e2h0)
{
	struct kvm_reg_list *list = vcpu_get_reg_list(vcpu);
	bool listed, want;
	u64 val = 1;
	int i, j;

	for (i = 0; i < ARRAY_SIZE(el2_regs); i++) {
		want = has && !(e2h0 && el2_regs[i].not_with_e2h0);
		for (listed = false, j = 0; j < list->n; j++)
			listed |= list->reg[j] == el2_regs[i].id;
		tt_expect(listed == want, "%s is %slisted", el2_regs[i].name,
			  listed ? "" : "not ");
		refused(vcpu, __vcpu_get_reg(vcpu, el2_regs[i].id, &val),
			want ? 0 : ENOENT, "get %s", el2_regs[i].name);
		refused(vcpu, __vcpu_set_reg(vcpu, el2_regs[i].id, 1), want ? 0 : ENOENT,
			"set %s", el2_regs[i].name);
		if (want)
			tt_expect(vcpu_get_reg(vcpu, el2_regs[i].id) == 1, "%s is kept",
				  el2_regs[i].name);
	}
	/* Never for userspace. */
	refused(vcpu, __vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_CNTPOFF_EL2), &val),
		ENOENT, "get CNTPOFF_EL2");
	free(list);
}

static void reg_el2(bool el2)
{
	const u64 far = 1ULL << 50;
	struct kvm_vcpu *vcpu;
	u64 cnt;

	tt_vm_create(1, el2, guest_done, &vcpu);
	check_el2_regs(vcpu, el2, false);
	if (!el2)
		return;

	/* With EL2 the virtual counter has the VM's physical offset, too. */
	vcpu_set_reg(vcpu, KVM_REG_ARM_PTIMER_CNT, far);
	vcpu_set_reg(vcpu, KVM_ARM64_SYS_REG(SYS_CNTVOFF_EL2), 0);
	cnt = vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CNT);
	tt_expect(cnt >= far && cnt < 2 * far, "PTIMER_CNT moves CNT");
	vcpu_set_reg(vcpu, KVM_ARM64_SYS_REG(SYS_CNTVOFF_EL2), -4 * far);
	cnt = vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CNT);
	tt_expect(cnt >= 5 * far && cnt < 6 * far, "CNTVOFF_EL2 moves CNT");
	cnt = vcpu_get_reg(vcpu, KVM_REG_ARM_PTIMER_CNT);
	tt_expect(cnt >= far && cnt < 2 * far, "CNTVOFF_EL2 does not move PTIMER_CNT");
}

static void reg_el2_e2h0(bool el2)
{
	struct kvm_vm *vm = vm_create(1);
	struct kvm_vcpu_init init;
	struct kvm_vcpu *vcpu;

	if (!kvm_check_cap(KVM_CAP_ARM_EL2_E2H0))
		tt_skip("no KVM_CAP_ARM_EL2_E2H0");
	tt_gic_create(vm, 3, 1);
	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
	init.features[0] |= BIT(KVM_ARM_VCPU_HAS_EL2) | BIT(KVM_ARM_VCPU_HAS_EL2_E2H0);
	vcpu = __vm_vcpu_add(vm, 0);
	vcpu_ioctl(vcpu, KVM_ARM_VCPU_INIT, &init);
	check_el2_regs(vcpu, true, true);
}

static int set_offset(struct kvm_vm *vm, u64 offset, u64 reserved)
{
	struct kvm_arm_counter_offset o = {
		.counter_offset = offset,
		.reserved = reserved,
	};

	return ioctl(vm->fd, KVM_ARM_SET_COUNTER_OFFSET, &o);
}

static void *run_thread(void *arg)
{
	return (void *)(unsigned long)tt_run_to_done(arg);
}

/* Put both counters where only @offset can have put them. */
static void expect_offset(struct kvm_vm *vm, struct kvm_vcpu *vcpu, bool set)
{
	const u64 far = 1ULL << 52;
	u64 cnt;

	tt_errno(__vcpu_set_reg(vcpu, KVM_REG_ARM_TIMER_CNT, far), 0, "set CNT");
	cnt = vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CNT);
	tt_expect((cnt < far) == set, "CNT write %s", cnt < far ? "ignored" : "obeyed");
	tt_errno(__vcpu_set_reg(vcpu, KVM_REG_ARM_PTIMER_CNT, far), 0, "set PTIMER_CNT");
	cnt = vcpu_get_reg(vcpu, KVM_REG_ARM_PTIMER_CNT);
	tt_expect((cnt < far) == set, "PTIMER_CNT write %s",
		  cnt < far ? "ignored" : "obeyed");
}

static void offset_errno(bool el2)
{
	struct kvm_vcpu *vcpu[2];
	struct kvm_vm *vm = tt_vm_create(2, el2, guest_spin, vcpu);
	bool *running = addr_gva2hva(vm, (gva_t)&guest_running);
	bool *stop = addr_gva2hva(vm, (gva_t)&guest_stop);
	pthread_t thread;
	void *ret;

	refused(vcpu[0], ioctl(vm->fd, KVM_ARM_SET_COUNTER_OFFSET, NULL), EFAULT,
		"bad pointer");
	refused(vcpu[0], set_offset(vm, 0, 1), EINVAL, "reserved 1");
	refused(vcpu[0], set_offset(vm, 0, 1ULL << 63), EINVAL, "reserved 1 << 63");

	TEST_ASSERT(!pthread_create(&thread, NULL, run_thread, vcpu[1]), "pthread_create");
	while (!READ_ONCE(*running))
		usleep(1000);
	/* vcpu1 is running, and its registers can't be read: ask vcpu0. */
	refused(vcpu[0], ioctl(vm->fd, KVM_ARM_SET_COUNTER_OFFSET, NULL), EFAULT,
		"running, bad pointer");
	refused(vcpu[0], set_offset(vm, 0, 1), EINVAL, "running, reserved 1");
	refused(vcpu[0], set_offset(vm, 0, 0), EBUSY, "running");
	expect_offset(vm, vcpu[0], false);
	WRITE_ONCE(*stop, true);
	pthread_join(thread, &ret);
	tt_expect(ret, "guest done");

	/* The refused calls have not switched the counter writes off. */
	expect_offset(vm, vcpu[0], false);
	refused(vcpu[0], set_offset(vm, 0, 0), 0, "stopped");
	expect_offset(vm, vcpu[0], true);
	refused(vcpu[0], set_offset(vm, 1, 0), 0, "again");
	refused(vcpu[0], set_offset(vm, 1, 1), EINVAL, "again, reserved 1");
	expect_offset(vm, vcpu[0], true);
}

static void guest_read_counters(void)
{
	u64 v = timer_get_cntct(VIRTUAL), p = timer_get_cntct(PHYSICAL);

	GUEST_SYNC_ARGS(0, v, p, timer_get_cntct(VIRTUAL), 0);
	GUEST_DONE();
}

/* One offset for both counters, and for vCPUs that come later. */
static void offset_effect(bool el2)
{
	const u64 far = 1ULL << 51;
	struct kvm_vm *vm = vm_create(2);
	struct kvm_vcpu *vcpu;
	struct ucall uc;
	u64 v, p, v2;
	int i;

	tt_gic_create(vm, tt_gicv3 ? 3 : 2, 2);
	for (i = 0; i < 2; i++) {
		vcpu = tt_vcpu_add(vm, i, el2, guest_read_counters);
		if (!i)
			tt_errno(set_offset(vm, -far, 0), 0, "offset -1 << 51");
		v = vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CNT);
		p = vcpu_get_reg(vcpu, KVM_REG_ARM_PTIMER_CNT);
		v2 = vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CNT);
		tt_expect(v >= far && v < far + far / 2, "vcpu%d: CNT has the offset", i);
		tt_expect(v <= p && p <= v2, "vcpu%d: PTIMER_CNT has the same", i);
	}

	kvm_arch_vm_finalize_vcpus(vm);
	TEST_ASSERT_EQ(tt_run(vcpu, &uc), UCALL_SYNC);
	tt_expect(uc.args[2] >= v2 && uc.args[2] < far + far / 2,
		  "guest's CNTVCT goes on from CNT");
	if (tt_cntpoff)
		tt_expect(uc.args[2] <= uc.args[3] && uc.args[3] <= uc.args[4],
			  "guest's CNTPCT has the same offset");
	tt_expect(vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CNT) >= uc.args[4],
		  "CNT goes on from the guest's CNTVCT");
}

/* By hand: the library knows no protected VMs. */
static void offset_protected(bool el2)
{
	struct kvm_arm_counter_offset offset = {}, reserved = { .reserved = 1 };
	int kvm, vm;

	if (!tt_pkvm)
		tt_skip("no protected VMs");
	kvm = open_kvm_dev_path_or_exit();
	vm = ioctl(kvm, KVM_CREATE_VM, KVM_VM_TYPE_ARM_PROTECTED);
	TEST_ASSERT(vm >= 0, KVM_IOCTL_ERROR(KVM_CREATE_VM, vm));
	/* Refused before anybody looks at the argument. */
	tt_errno(ioctl(vm, KVM_ARM_SET_COUNTER_OFFSET, NULL), EINVAL, "bad pointer");
	tt_errno(ioctl(vm, KVM_ARM_SET_COUNTER_OFFSET, &reserved), EINVAL, "reserved 1");
	tt_errno(ioctl(vm, KVM_ARM_SET_COUNTER_OFFSET, &offset), EINVAL, "offset 0");
	close(vm);
	close(kvm);
}

static const struct tt_test tests[] = {
	{ "reg_not_initialised", reg_not_initialised },
	{ "reg_errno", reg_errno },
	{ "reg_swapped", reg_swapped },
	{ "reg_values", reg_values },
	{ "reg_counters", reg_counters, TT_EL1 },
	{ "reg_el2", reg_el2, TT_EL1_EL2 },
	{ "reg_el2_e2h0", reg_el2_e2h0, TT_EL2 },
	{ "offset_errno", offset_errno, TT_EL1 },
	{ "offset_effect", offset_effect, TT_EL1_EL2 },
	{ "offset_protected", offset_protected },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
