// SPDX-License-Identifier: GPL-2.0
/*
 * timer_userspace_irqchip - timers of a VM whose interrupt controller is in
 * userspace: KVM reports their output levels in kvm_run's device_irq_level, and
 * KVM_RUN ends when one changes, also while the vCPU sleeps in WFI, and while it
 * spins. A host whose GIC can't do guests' interrupts has no other way to run
 * guests: there KVM masks the host's interrupt of a timer that is due.
 */
#include <sched.h>

#include "timer_lib.h"

#define SLEEP_MS	100
#define AWAKE_MS	10
#define STEP_MS		2
#define NR_ROUNDS	20

enum stage {
	ST_IDLE,	/* both timers off */
	ST_FIRED,	/* the timer under test is due */
	ST_MASKED,	/* still due, but masked */
	ST_UNMASKED,
	ST_OFF,
	ST_BOTH,	/* the other one is due as well */
	ST_OTHER,	/* only the other one is */
	ST_IRQ,		/* from the interrupt handler */
};

static const char * const stage_name[] = {
	"idle", "fired", "masked", "unmasked", "off", "both", "only the other", "irq"
};

/* What the guest does until its timer is due. */
enum wait {
	POLL,		/* looks at ISTATUS */
	SLEEP,		/* the same, in WFI */
	SPIN,		/* waits for the VMM, which waits for KVM_RUN to end */
};

static volatile u32 nr_irqs;
/* How often the VMM saw a level rise after KVM_RUN was interrupted. */
static volatile u32 rises;
static int test_timer;
static int test_wait;

/* Have @t fire in @ms, and with @nr 2 the other one as well. */
static void __guest_fire(enum tt_timer t, u64 ms, int nr)
{
	u64 deadline = tt_cnt(t) + msec_to_cycles(ms);
	u32 old = rises;

	tt_start(t, deadline);
	if (nr > 1)
		tt_start(t ^ 1, tt_cnt(t ^ 1) + msec_to_cycles(ms));
	if (test_wait == SPIN) {
		while (rises == old)
			cpu_relax();
	} else if (ms == SLEEP_MS) {
		/* So long that this comes in time. */
		GUEST_ASSERT(!(tt_ctl(t) & CTL_ISTATUS));
	}
	while (!(tt_ctl(t) & CTL_ISTATUS) || (nr > 1 && !(tt_ctl(t ^ 1) & CTL_ISTATUS))) {
		GUEST_ASSERT(nr > 1 || test_wait != SPIN);
		if (test_wait == SLEEP)
			wfi();
	}
	GUEST_ASSERT(tt_cnt(t) >= deadline);
}

static void guest_fire(enum tt_timer t)
{
	__guest_fire(t, test_wait == SLEEP ? SLEEP_MS : AWAKE_MS, 1);
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

/* The other timer must come through while the first stays due. */
static void guest_beside(void)
{
	enum tt_timer t = test_timer;

	local_irq_disable();
	GUEST_SYNC(ST_IDLE);
	__guest_fire(t, AWAKE_MS, 1);
	GUEST_SYNC(ST_FIRED);
	__guest_fire(t ^ 1, AWAKE_MS, 1);
	GUEST_SYNC(ST_BOTH);
	tt_set_ctl(t, 0);
	GUEST_SYNC(ST_OTHER);
	__guest_fire(t, AWAKE_MS, 1);
	GUEST_SYNC(ST_BOTH);
	tt_set_ctl(t ^ 1, 0);
	GUEST_SYNC(ST_FIRED);
	tt_set_ctl(t, 0);
	GUEST_SYNC(ST_OFF);
	__guest_fire(t, AWAKE_MS, 2);
	GUEST_SYNC(ST_BOTH);
	tt_set_ctl(t, 0);
	tt_set_ctl(t ^ 1, 0);
	GUEST_SYNC(ST_OFF);
	GUEST_DONE();
}

static void guest_rounds(void)
{
	enum tt_timer t = test_timer;
	int i;

	local_irq_disable();
	for (i = 0; i < NR_ROUNDS; i++) {
		__guest_fire(t, STEP_MS, 1);
		GUEST_SYNC(ST_FIRED);
		tt_set_ctl(t, 0);
		GUEST_SYNC(ST_OFF);
	}
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

static struct kvm_vm *create(void *guest, enum tt_timer t, enum wait wait,
			     struct kvm_vcpu **vcpu)
{
	struct kvm_vm *vm = vm_create(1);

	vm_init_descriptor_tables(vm);
	*vcpu = tt_vcpu_add(vm, 0, false, guest);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, irq_handler);
	test_timer = t;
	test_wait = wait;
	sync_global_to_guest(vm, test_timer);
	sync_global_to_guest(vm, test_wait);
	return vm;
}

static u64 bit_of(enum tt_timer t)
{
	return t == TT_V ? KVM_ARM_DEV_EL1_VTIMER : KVM_ARM_DEV_EL1_PTIMER;
}

static u64 levels_of(struct kvm_vcpu *vcpu)
{
	return vcpu->run->s.regs.device_irq_level & (bit_of(TT_V) | bit_of(TT_P));
}

/*
 * Run to the next ucall. KVM_RUN may also end with EINTR, which is how a new
 * level is told: without a new one it has no reason to. Returns how often it did.
 */
static int run(struct kvm_vcpu *vcpu, struct ucall *uc, u64 *cmd)
{
	volatile u32 *guest_rises = addr_gva2hva(vcpu->vm, (gva_t)&rises);
	u64 level = levels_of(vcpu), now;
	int nr = 0;

	while (tt_run_no_gic(vcpu)) {
		now = levels_of(vcpu);
		tt_check(vcpu->run->exit_reason == KVM_EXIT_INTR, "EINTR is KVM_EXIT_INTR");
		tt_check(now != level, "EINTR comes with a new level");
		if (now & ~level)
			++*guest_rises;
		level = now;
		nr++;
	}
	*cmd = get_ucall(vcpu, uc);
	if (*cmd == UCALL_ABORT)
		REPORT_GUEST_ASSERT(*uc);
	return nr;
}

static u64 expected(enum tt_timer t, enum stage stage)
{
	switch (stage) {
	case ST_FIRED:
	case ST_UNMASKED:
		return bit_of(t);
	case ST_BOTH:
		return bit_of(t) | bit_of(t ^ 1);
	case ST_OTHER:
		return bit_of(t ^ 1);
	default:
		return 0;
	}
}

static void levels(void *guest, enum tt_timer t, enum wait wait)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = create(guest, t, wait, &vcpu);
	struct ucall uc;
	enum stage stage;
	u64 cmd;
	int nr;

	for (;;) {
		nr = run(vcpu, &uc, &cmd);
		if (cmd == UCALL_DONE)
			break;
		TEST_ASSERT_EQ(cmd, UCALL_SYNC);
		stage = uc.args[1];
		tt_expect(levels_of(vcpu) == expected(t, stage),
			  "%s, %s: device_irq_level 0x%lx", tt_name[t], stage_name[stage],
			  (unsigned long)levels_of(vcpu));
		/* Nothing but the timer can have ended that sleep. */
		if (wait == SLEEP && stage == ST_FIRED && guest == guest_levels)
			tt_expect(nr > 0, "%s: WFI left for userspace", tt_name[t]);
	}
	kvm_vm_free(vm);
}

static void irqs(enum tt_timer t)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = create(guest_irqs, t, SLEEP, &vcpu);
	struct ucall uc;
	int irqs = 0, err;
	u64 cmd;

	do {
		err = tt_run_no_gic(vcpu);
		cmd = err ? UCALL_NONE : get_ucall(vcpu, &uc);
		if (cmd == UCALL_ABORT)
			REPORT_GUEST_ASSERT(uc);
		irqs += cmd == UCALL_SYNC;
	} while (cmd != UCALL_DONE);
	tt_expect(irqs == 10, "%s: %d interrupts", tt_name[t], irqs);
	kvm_vm_free(vm);
}

static void go_to_cpu(int nr)
{
	static cpu_set_t all;
	int cpu;

	if (!CPU_COUNT(&all))
		TEST_ASSERT(!sched_getaffinity(0, sizeof(all), &all), "sched_getaffinity()");
	nr %= CPU_COUNT(&all);
	for (cpu = 0; !CPU_ISSET(cpu, &all) || nr--; cpu++)
		;
	pin_self_to_cpu(cpu);
}

static bool run_to(struct kvm_vcpu *vcpu, enum tt_timer t, enum stage stage)
{
	struct ucall uc;
	u64 cmd;

	run(vcpu, &uc, &cmd);
	return tt_check(cmd == UCALL_SYNC && uc.args[1] == stage &&
			levels_of(vcpu) == expected(t, stage),
			"%s: level, when it is %s", tt_name[t], stage_name[stage]);
}

/*
 * Two VMs take turns on a CPU, with one's timer due while the other waits for
 * its own, and then both go to the next CPU, due or not.
 */
static void rounds(enum tt_timer t)
{
	struct kvm_vcpu *vcpu[2];
	struct kvm_vm *vm[2];
	bool ok = true;
	int i;

	for (i = 0; i < 2; i++)
		vm[i] = create(guest_rounds, t, SPIN, &vcpu[i]);
	for (i = 0; i < NR_ROUNDS && ok; i++) {
		go_to_cpu(i / 2);
		ok &= run_to(vcpu[0], t, ST_FIRED);
		ok &= run_to(vcpu[1], t, ST_FIRED);
		if (i & 1)
			go_to_cpu(i / 2 + 1);
		ok &= run_to(vcpu[i / 4 & 1], t, ST_OFF);
		ok &= run_to(vcpu[!(i / 4 & 1)], t, ST_OFF);
	}
	tt_expect(ok, "%s: two VMs and CPUs that change", tt_name[t]);
	for (i = 0; i < 2; i++)
		kvm_vm_free(vm[i]);
}

static void all_levels(enum tt_timer t)
{
	levels(guest_levels, t, POLL);
	levels(guest_levels, t, SLEEP);
	levels(guest_levels, t, SPIN);
}

static void virtual_levels(bool el2)
{
	all_levels(TT_V);
}

static void virtual_rounds(bool el2)
{
	rounds(TT_V);
}

static void virtual_interrupts(bool el2)
{
	/* The line is HCR_EL2.VI, which pKVM's hypervisor ignores. */
	if (tt_pkvm)
		tt_skip("pKVM does not pass KVM_IRQ_LINE to the guest");
	irqs(TT_V);
}

static void physical_levels(bool el2)
{
	all_levels(TT_P);
}

static void physical_rounds(bool el2)
{
	rounds(TT_P);
}

static void physical_interrupts(bool el2)
{
	if (tt_pkvm)
		tt_skip("pKVM does not pass KVM_IRQ_LINE to the guest");
	irqs(TT_P);
}

static void physical_and_other(bool el2)
{
	levels(guest_beside, TT_V, POLL);
	levels(guest_beside, TT_P, POLL);
	levels(guest_beside, TT_V, SLEEP);
	levels(guest_beside, TT_P, SLEEP);
	levels(guest_beside, TT_V, SPIN);
	levels(guest_beside, TT_P, SPIN);
}

static const struct tt_test tests[] = {
	{ "virtual_levels", virtual_levels, TT_EL1 },
	{ "virtual_rounds", virtual_rounds, TT_EL1 },
	{ "virtual_interrupts", virtual_interrupts, TT_EL1 },
	{ "physical_levels", physical_levels, TT_EL1 },
	{ "physical_rounds", physical_rounds, TT_EL1 },
	{ "physical_interrupts", physical_interrupts, TT_EL1 },
	{ "physical_and_other", physical_and_other, TT_EL1 },
};

int main(int argc, char **argv)
{
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ARM_USER_IRQ));
	return tt_main_any_gic(argc, argv, tests, ARRAY_SIZE(tests));
}
