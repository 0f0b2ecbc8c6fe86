// SPDX-License-Identifier: GPL-2.0
/*
 * timer_userspace_irqchip - timers of a VM whose interrupt controller is in
 * userspace: KVM reports their output levels in kvm_run's device_irq_level, and
 * KVM_RUN ends when one changes, also while the vCPU sleeps in WFI.
 */
#include "timer_lib.h"

#define DELAY_MS	100

enum stage {
	ST_IDLE,	/* both timers off */
	ST_FIRED,	/* the timer under test is due */
	ST_MASKED,	/* still due, but masked */
	ST_UNMASKED,
	ST_OFF,
	ST_IRQ,		/* from the interrupt handler */
};

static const char * const stage_name[] = {
	"idle", "fired", "masked", "unmasked", "off", "irq"
};

static volatile u32 nr_irqs;
static int test_timer;
static bool test_sleep;

static void guest_fire(enum tt_timer t)
{
	u64 deadline = tt_cnt(t) + msec_to_cycles(DELAY_MS);

	tt_start(t, deadline);
	GUEST_ASSERT(!(tt_ctl(t) & CTL_ISTATUS));
	while (!(tt_ctl(t) & CTL_ISTATUS)) {
		if (test_sleep)
			wfi();
	}
	GUEST_ASSERT(tt_cnt(t) >= deadline);
}

static void guest_levels(void)
{
	enum tt_timer t = test_timer;

	local_irq_disable();
	GUEST_SYNC(ST_IDLE);
	guest_fire(t);
	GUEST_SYNC(ST_FIRED);
	tt_set_ctl(t, CTL_ENABLE | CTL_IMASK);
	GUEST_SYNC(ST_MASKED);
	tt_set_ctl(t, CTL_ENABLE);
	GUEST_SYNC(ST_UNMASKED);
	tt_set_ctl(t, 0);
	GUEST_SYNC(ST_OFF);
	/* Once more: the level must rise again after it fell. */
	guest_fire(t);
	GUEST_SYNC(ST_FIRED);
	tt_set_cval(t, ~0ULL);
	GUEST_SYNC(ST_OFF);
	GUEST_DONE();
}

static void irq_handler(struct ex_regs *regs)
{
	GUEST_ASSERT(tt_ctl(test_timer) & CTL_ISTATUS);
	tt_set_ctl(test_timer, 0);
	nr_irqs++;
	/* Lets userspace see the level and lower the line. */
	GUEST_SYNC(ST_IRQ);
}

static void guest_irqs(void)
{
	enum tt_timer t = test_timer;
	int i;

	local_irq_disable();
	for (i = 1; i <= 10; i++) {
		tt_start(t, tt_cnt(t) + msec_to_cycles(i));
		while (nr_irqs != i) {
			wfi();
			tt_guest_take_irqs();
		}
	}
	GUEST_DONE();
}

static struct kvm_vm *create(void *guest, enum tt_timer t, bool sleep, struct kvm_vcpu **vcpu)
{
	struct kvm_vm *vm = vm_create(1);

	vm_init_descriptor_tables(vm);
	*vcpu = tt_vcpu_add(vm, 0, false, guest);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, irq_handler);
	test_timer = t;
	test_sleep = sleep;
	sync_global_to_guest(vm, test_timer);
	sync_global_to_guest(vm, test_sleep);
	return vm;
}

/*
 * Run to the next ucall. KVM_RUN may also end with EINTR, which is how a new
 * level is told: without a new one it has no reason to. Returns how often it did.
 */
static int run(struct kvm_vcpu *vcpu, struct ucall *uc, u64 *cmd)
{
	u64 level = vcpu->run->s.regs.device_irq_level;
	int nr = 0;

	while (__vcpu_run(vcpu)) {
		TEST_ASSERT(errno == EINTR, KVM_IOCTL_ERROR(KVM_RUN, -1));
		tt_check(vcpu->run->exit_reason == KVM_EXIT_INTR, "EINTR is KVM_EXIT_INTR");
		tt_check(vcpu->run->s.regs.device_irq_level != level,
			 "EINTR comes with a new level");
		level = vcpu->run->s.regs.device_irq_level;
		nr++;
	}
	*cmd = get_ucall(vcpu, uc);
	if (*cmd == UCALL_ABORT)
		REPORT_GUEST_ASSERT(*uc);
	return nr;
}

static void levels(enum tt_timer t, bool sleep)
{
	u64 bit = t == TT_V ? KVM_ARM_DEV_EL1_VTIMER : KVM_ARM_DEV_EL1_PTIMER;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = create(guest_levels, t, sleep, &vcpu);
	struct ucall uc;
	u64 cmd, level;
	bool want;
	int nr;

	for (;;) {
		nr = run(vcpu, &uc, &cmd);
		if (cmd == UCALL_DONE)
			break;
		TEST_ASSERT_EQ(cmd, UCALL_SYNC);
		level = vcpu->run->s.regs.device_irq_level &
			(KVM_ARM_DEV_EL1_VTIMER | KVM_ARM_DEV_EL1_PTIMER);
		want = uc.args[1] == ST_FIRED || uc.args[1] == ST_UNMASKED;
		tt_expect(level == (want ? bit : 0), "%s, %s: device_irq_level 0x%lx",
			  tt_name[t], stage_name[uc.args[1]], (unsigned long)level);
		/* Nothing but the timer can have ended that sleep. */
		if (sleep && uc.args[1] == ST_FIRED)
			tt_expect(nr > 0, "%s: WFI left for userspace", tt_name[t]);
	}
	kvm_vm_free(vm);
}

static void irqs(enum tt_timer t)
{
	u64 bit = t == TT_V ? KVM_ARM_DEV_EL1_VTIMER : KVM_ARM_DEV_EL1_PTIMER;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = create(guest_irqs, t, true, &vcpu);
	u32 line = KVM_ARM_IRQ_TYPE_CPU << KVM_ARM_IRQ_TYPE_SHIFT;
	struct ucall uc;
	int irqs = 0, err;
	u64 cmd;

	/* What a VMM does: the guest's only line follows the timer's level. */
	do {
		err = __vcpu_run(vcpu) ? errno : 0;
		TEST_ASSERT(!err || err == EINTR, KVM_IOCTL_ERROR(KVM_RUN, -1));
		kvm_irq_line(vm, line, !!(vcpu->run->s.regs.device_irq_level & bit));
		cmd = err ? UCALL_NONE : get_ucall(vcpu, &uc);
		if (cmd == UCALL_ABORT)
			REPORT_GUEST_ASSERT(uc);
		irqs += cmd == UCALL_SYNC;
	} while (cmd != UCALL_DONE);
	tt_expect(irqs == 10, "%s: %d interrupts", tt_name[t], irqs);
	kvm_vm_free(vm);
}

static void levels_polling(bool el2)
{
	levels(TT_V, false);
	levels(TT_P, false);
}

static void levels_wfi(bool el2)
{
	levels(TT_V, true);
	levels(TT_P, true);
}

static void interrupts(bool el2)
{
	/* The line is HCR_EL2.VI, which pKVM's hypervisor ignores. */
	if (tt_pkvm)
		tt_skip("pKVM does not pass KVM_IRQ_LINE to the guest");
	irqs(TT_V);
	irqs(TT_P);
}

static const struct tt_test tests[] = {
	{ "levels_polling", levels_polling, TT_EL1 },
	{ "levels_wfi", levels_wfi, TT_EL1 },
	{ "interrupts", interrupts, TT_EL1 },
};

int main(int argc, char **argv)
{
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ARM_USER_IRQ));
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
