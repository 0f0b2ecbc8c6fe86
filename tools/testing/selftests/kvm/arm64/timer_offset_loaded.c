// SPDX-License-Identifier: GPL-2.0
/*
 * timer_offset_loaded - a counter's offset that changes while a vCPU is loaded,
 * by a counter write through another vCPU, or because a vCPU is created. The
 * vCPU goes on with the old offset until it leaves its CPU. Whatever the offset
 * is before and after, the compare value is the guest's: what it wrote last is
 * what it, and the VMM, read back, and the timer fires by it.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "timer_lib.h"

#define NR_ROUNDS	2
#define FAR		(1ULL << 50)
/* Out of reach of all counters here. */
#define NEVER		(1ULL << 62)
#define PATIENCE_SEC	3

enum offset {
	ZERO,		/* what a new vCPU makes of the physical offset */
	BACK,		/* the counter begins at zero */
	AHEAD,		/* the counter is far ahead of the host's */
	FARTHER,
};

static const char * const offset_name[] = { "0", "back", "ahead", "farther" };

/* What the guest does once the offset has changed. */
enum step {
	LEAVE,		/* to the VMM, at once */
	REARM,		/* write another value, look at it for a while, leave */
	SLEEP,		/* arm, and sleep until the timer is due */
	NR_STEPS,
};

static struct kvm_vm *vm;
static struct kvm_vcpu *vcpus[2];
static int cpus[2], nr_created;
static bool is_el2;

/* Shared with the guest, which does not leave in between. */
static volatile u32 ready, go;
static volatile u32 give_up;
static enum tt_timer guest_timer;
static bool guest_gic;
static int guest_steps;

#define shared(var)	(*(typeof(&(var)))addr_gva2hva(vm, (gva_t)&(var)))

static void guest_sleep(enum tt_timer t)
{
	tt_set_cval(t, tt_cnt(t) + msec_to_cycles(1));
	while (!(tt_ctl(t) & CTL_ISTATUS) && !give_up)
		wfi();
	if (guest_gic && !give_up)
		tt_guest_wait(t);
	GUEST_SYNC_ARGS(0, !give_up, 0, 0, 0);
}

static void guest_round(u32 round, enum step step)
{
	enum tt_timer t = guest_timer;
	u64 cval = NEVER + 16 * round, seen[3], start;

	tt_handled[t] = 0;
	tt_start(t, cval);
	ready = round;
	while (go != round)
		cpu_relax();

	seen[0] = tt_cval(t) - cval;
	if (step == REARM) {
		cval += 4;
		tt_set_cval(t, cval);
		seen[1] = tt_cval(t) - cval;
		/* Time for an interrupt of the host's. */
		start = tt_cnt(t ^ 1);
		while (tt_cnt(t ^ 1) - start < msec_to_cycles(20))
			cpu_relax();
		seen[2] = tt_cval(t) - cval;
		GUEST_SYNC_ARGS(0, cval, seen[0], seen[1], seen[2]);
	} else if (step == SLEEP) {
		guest_sleep(t);
	} else {
		GUEST_SYNC_ARGS(0, cval, seen[0], 0, 0);
	}
	if (step != SLEEP)
		GUEST_SYNC_ARGS(1, tt_cval(t) - cval, 0, 0, 0);
	tt_set_ctl(t, 0);
	GUEST_SYNC_ARGS(2, 0, 0, 0, 0);
}

static void irq_handler(struct ex_regs *regs)
{
	u32 intid = tt_guest_ack();

	if (intid == tt_irq[guest_timer]) {
		tt_set_ctl(guest_timer, CTL_ENABLE | CTL_IMASK);
		tt_handled[guest_timer]++;
	}
	if (intid != IAR_SPURIOUS)
		tt_guest_eoi(intid);
}

static void guest_code(void)
{
	u32 round = 0;
	int step;

	local_irq_disable();
	if (guest_gic)
		tt_guest_setup(1);
	for (;;)
		for (step = 0; step < guest_steps; step++)
			guest_round(++round, step);
}

static void kick_handler(int sig)
{
}

static void create(bool el2, bool gic, enum tt_timer t)
{
	struct sigaction sa = { .sa_handler = kick_handler };
	static cpu_set_t set;
	int cpu, nr = 0, i;

	/* Before this thread is pinned. */
	if (!CPU_COUNT(&set))
		TEST_ASSERT(!sched_getaffinity(0, sizeof(set), &set), "sched_getaffinity()");
	for (cpu = 0; cpu < CPU_SETSIZE && nr < 2; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[nr++] = cpu;
	if (nr < 2)
		tt_skip("one CPU: nothing happens while a vCPU is loaded");
	sigaction(SIGUSR1, &sa, NULL);

	if (gic) {
		vm = tt_vm_create(2, el2, guest_code, vcpus);
	} else {
		vm = vm_create(2);
		vm_init_descriptor_tables(vm);
		for (i = 0; i < 2; i++)
			vcpus[i] = tt_vcpu_add(vm, i, el2, guest_code);
	}
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, irq_handler);
	nr_created = 2;
	is_el2 = el2;
	guest_timer = t;
	guest_gic = gic;
	sync_global_to_guest(vm, guest_timer);
	sync_global_to_guest(vm, guest_gic);
}

/* The change, always by way of a vCPU that does not run. */
static void set_offset(enum offset offset)
{
	u64 reg = guest_timer == TT_V ? KVM_REG_ARM_TIMER_CNT : KVM_REG_ARM_PTIMER_CNT;
	int fd;

	if (offset == ZERO) {
		fd = __vm_ioctl(vm, KVM_CREATE_VCPU, (void *)(long)nr_created++);
		TEST_ASSERT(fd >= 0, KVM_IOCTL_ERROR(KVM_CREATE_VCPU, fd));
		close(fd);
	} else {
		vcpu_set_reg(vcpus[1], reg, offset == BACK ? 0 : offset == AHEAD ? FAR : 3 * FAR);
	}
}

static u64 get_cval(void)
{
	u64 reg = guest_timer == TT_V ? KVM_REG_ARM_TIMER_CVAL : KVM_REG_ARM_PTIMER_CVAL;

	/* Of the vCPU's own exception level. */
	if (is_el2)
		reg = KVM_ARM64_SYS_REG(guest_timer == TT_V ? SYS_CNTHV_CVAL_EL2 :
							      SYS_CNTHP_CVAL_EL2);
	return vcpu_get_reg(vcpus[0], reg);
}

static bool run_to_sync(struct ucall *uc)
{
	/* Signals and, without a GIC, levels of the timer. */
	while (guest_gic ? __vcpu_run(vcpus[0]) : tt_run_no_gic(vcpus[0]))
		TEST_ASSERT(errno == EINTR, KVM_IOCTL_ERROR(KVM_RUN, -1));
	switch (get_ucall(vcpus[0], uc)) {
	case UCALL_SYNC:
		return true;
	case UCALL_ABORT:
		REPORT_GUEST_ASSERT(*uc);
	default:
		TEST_FAIL("Unexpected exit: %s", exit_reason_str(vcpus[0]->run->exit_reason));
	}
}

/* One turn of the guest: from before it arms its timer to when it left its CPU. */
struct turn {
	struct ucall uc;
	volatile bool done;
};

static void *run_turn(void *arg)
{
	struct turn *turn = arg;

	pin_self_to_cpu(cpus[1]);
	run_to_sync(&turn->uc);
	turn->done = true;
	return NULL;
}

static void take_turn(struct turn *turn, u32 round, enum offset to)
{
	pthread_t thread;
	int ms = 0;

	turn->done = false;
	TEST_ASSERT(!pthread_create(&thread, NULL, run_turn, turn), "pthread_create");
	while (shared(ready) != round)
		usleep(1000);
	set_offset(to);
	shared(go) = round;
	while (!turn->done) {
		usleep(1000);
		if (++ms < PATIENCE_SEC * 1000)
			continue;
		shared(give_up) = true;
		pthread_kill(thread, SIGUSR1);
	}
	pthread_join(thread, NULL);
}

#define NR_CHECKS	6

static const char * const checks[NR_CHECKS] = {
	"kept while loaded", "a new value is read back", "and later", "the VMM sees it",
	"the guest sees it, loaded again", "the timer fires",
};

static void do_round(u32 round, enum step step, enum offset from, enum offset to, bool *ok)
{
	struct turn turn;
	u64 *args = turn.uc.args;

	set_offset(from);
	take_turn(&turn, round, to);
	if (step == SLEEP) {
		ok[5] &= args[2];
	} else {
		ok[0] &= !args[3];
		if (step == REARM) {
			ok[1] &= !args[4];
			ok[2] &= !args[5];
		}
		ok[3] &= get_cval() == args[2];
		run_to_sync(&turn.uc);
		ok[4] &= !args[2];
	}
	run_to_sync(&turn.uc);
	TEST_ASSERT_EQ(args[1], 2);
}

static void change(bool el2, bool gic, enum tt_timer t, enum offset from, enum offset to)
{
	bool ok[NR_CHECKS], sleeps;
	u32 round;
	int i;

	create(el2, gic, t);
	pin_self_to_cpu(cpus[0]);
	memset(ok, true, sizeof(ok));
	/* Where the offset has no effect, nothing is due. */
	sleeps = t == TT_V || tt_cntpoff;
	guest_steps = sleeps ? NR_STEPS : SLEEP;
	sync_global_to_guest(vm, guest_steps);
	for (round = 1; round <= NR_ROUNDS * guest_steps; round++)
		do_round(round, (round - 1) % guest_steps, from, to, ok);
	for (i = 0; i < NR_CHECKS - !sleeps; i++)
		tt_expect(ok[i], "%s, %s to %s: CVAL: %s", tt_name[t], offset_name[from],
			  offset_name[to], checks[i]);
	kvm_vm_free(vm);
}

/* Only a vCPU that is created makes it zero, and with a GIC it comes too late. */
static void zero_to_ahead(bool el2)
{
	change(el2, false, TT_P, ZERO, AHEAD);
}

static void back_to_zero(bool el2)
{
	change(el2, false, TT_P, BACK, ZERO);
}

static void ahead_to_farther(bool el2)
{
	change(el2, true, TT_P, AHEAD, FARTHER);
}

static void ahead_to_farther_no_gic(bool el2)
{
	change(el2, false, TT_P, AHEAD, FARTHER);
}

static void virtual(bool el2)
{
	change(el2, true, TT_V, AHEAD, FARTHER);
	change(el2, false, TT_V, BACK, AHEAD);
}

static const struct tt_test tests[] = {
	{ "zero_to_ahead", zero_to_ahead, TT_EL1 },
	{ "back_to_zero", back_to_zero, TT_EL1 },
	{ "ahead_to_farther", ahead_to_farther, TT_EL1_EL2 },
	{ "ahead_to_farther_no_gic", ahead_to_farther_no_gic, TT_EL1 },
	{ "virtual", virtual, TT_EL1 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
