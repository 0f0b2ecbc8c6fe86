// SPDX-License-Identifier: GPL-2.0
/*
 * timer_wakeup - a vCPU that sleeps in WFI or WFIT is woken by each of its
 * timers, at the right count and by no timer that is masked, disabled or not
 * due yet.
 */
#include <sys/resource.h>

#include "timer_lib.h"

#define SHORT_MS	5
#define LONG_MS		25
#define IDLE_MS		300

/*
 * WFI may return for no reason that the guest knows of, but a guest that is
 * woken this often isn't asleep at all.
 */
#define MAX_SLEEPS	100

/*
 * The sleep must be one for the host, too: a background timer that expires too
 * early makes the thread run again and again, which the guest can't tell.
 */
#define MAX_SWITCHES	500

#define ST_WFIT_IS_WFI	1
#define ST_ALONE	2

#define wfit(val)	asm volatile("msr s0_3_c1_c0_1, %0" : : "r" (val) : "memory")

static void reset_counts(void)
{
	int t;

	for (t = 0; t < TT_NR_TIMERS; t++)
		tt_handled[t] = 0;
}

static u32 handled(void)
{
	u32 sum = tt_unknown;
	int t;

	for (t = 0; t < TT_NR_TIMERS; t++)
		sum += tt_handled[t];
	return sum;
}

/* The timer of the same level to wait with, while @t must be silent. */
static enum tt_timer other(enum tt_timer t)
{
	return t ^ 1;
}

static void one_deadline(enum tt_timer t, u64 ms)
{
	u64 deadline = tt_cnt(t) + msec_to_cycles(ms);
	u32 sleeps;

	reset_counts();
	tt_start(t, deadline);
	sleeps = tt_guest_wait(t);
	GUEST_ASSERT(tt_cnt(t) >= deadline);
	GUEST_ASSERT_EQ(handled(), 1);
	GUEST_ASSERT(sleeps < MAX_SLEEPS);
}

static void part_deadline(void)
{
	int t, i;

	for (t = 0; t < tt_nr_timers; t++) {
		for (i = 0; i < 10; i++)
			one_deadline(t, i);
		one_deadline(t, LONG_MS);
		guest_transcript("%s: woken at the deadline", tt_name[t]);
	}
}

/* The timer of a guest that does not sleep has no background timer. */
static void part_spinning(void)
{
	u64 deadline;
	int t;

	for (t = 0; t < tt_nr_timers; t++) {
		reset_counts();
		deadline = tt_cnt(t) + msec_to_cycles(SHORT_MS);
		tt_start(t, deadline);
		local_irq_enable();
		while (!tt_handled[t])
			cpu_relax();
		local_irq_disable();
		GUEST_ASSERT(tt_cnt(t) >= deadline);
		GUEST_ASSERT_EQ(handled(), 1);
		guest_transcript("%s: interrupts a guest that spins", tt_name[t]);
	}
}

/* One long sleep each, also with another timer that has no end. */
static void part_idle(void)
{
	int t;

	for (t = 0; t < tt_nr_timers; t++)
		one_deadline(t, IDLE_MS);
	GUEST_SYNC(ST_ALONE);
	for (t = 0; t < tt_nr_timers; t++) {
		tt_start(other(t), ~0ULL);
		one_deadline(t, IDLE_MS);
		tt_set_ctl(other(t), 0);
		guest_transcript("%s: woken beside a timer without end", tt_name[t]);
	}
}

static void part_past(void)
{
	int t, i;

	for (t = 0; t < tt_nr_timers; t++) {
		u64 past[] = { 0, 1, tt_cnt(t) - 1, tt_cnt(t) };

		for (i = 0; i < ARRAY_SIZE(past); i++) {
			reset_counts();
			tt_start(t, past[i]);
			tt_guest_wait(t);
			GUEST_ASSERT_EQ(handled(), 1);
		}
		guest_transcript("%s: woken by a deadline in the past", tt_name[t]);
	}
}

static void part_silent(void)
{
	static const u32 silent[] = { CTL_ENABLE | CTL_IMASK, CTL_IMASK, 0 };
	u64 deadline;
	u32 sleeps;
	int t, u, i;

	for (t = 0; t < tt_nr_timers; t++) {
		u = other(t);
		for (i = 0; i < ARRAY_SIZE(silent); i++) {
			reset_counts();
			tt_set_cval(t, tt_cnt(t) + msec_to_cycles(SHORT_MS));
			tt_set_ctl(t, silent[i]);
			deadline = tt_cnt(u) + msec_to_cycles(LONG_MS);
			tt_start(u, deadline);
			sleeps = tt_guest_wait(u);
			GUEST_ASSERT(tt_cnt(u) >= deadline);
			GUEST_ASSERT_EQ(handled(), 1);
			GUEST_ASSERT(sleeps < MAX_SLEEPS);
			guest_transcript("%s: CTL %d does not wake", tt_name[t], silent[i]);
		}

		/* It is due by now, so setting it free is enough. */
		reset_counts();
		tt_set_ctl(t, CTL_ENABLE | CTL_IMASK);
		GUEST_ASSERT(tt_ctl(t) & CTL_ISTATUS);
		tt_set_ctl(t, CTL_ENABLE);
		tt_guest_wait(t);
		GUEST_ASSERT_EQ(handled(), 1);
		guest_transcript("%s: unmasked, wakes", tt_name[t]);
	}
}

/* All timers at once, the last one first and the other way round. */
static void part_order(void)
{
	u64 deadline[TT_NR_TIMERS];
	int t, i, last;

	for (i = 0; i < 2; i++) {
		reset_counts();
		for (t = 0; t < tt_nr_timers; t++) {
			deadline[t] = tt_cnt(t);
			deadline[t] += msec_to_cycles(LONG_MS * (i ? t + 1 : tt_nr_timers - t));
			tt_start(t, deadline[t]);
		}
		last = i ? tt_nr_timers - 1 : 0;
		/* The handler checks that no timer fires before its time. */
		tt_guest_wait(last);
		tt_guest_delay(msec_to_cycles(1));
		tt_guest_take_irqs();
		for (t = 0; t < tt_nr_timers; t++)
			GUEST_ASSERT_EQ(tt_handled[t], 1);
		GUEST_ASSERT_EQ(handled(), tt_nr_timers);
		guest_transcript("%d timers, %s first: one interrupt each", tt_nr_timers,
				 tt_name[i ? 0 : tt_nr_timers - 1]);
	}
}

/* A sleeper's deadline moves closer, or away: only the last one counts. */
static void part_moved(void)
{
	u64 deadline;
	int t, i;

	for (t = 0; t < tt_nr_timers; t++) {
		for (i = 0; i < 2; i++) {
			reset_counts();
			tt_start(t, tt_cnt(t) + msec_to_cycles(i ? SHORT_MS : 60000));
			deadline = tt_cnt(t) + msec_to_cycles(i ? LONG_MS : SHORT_MS);
			tt_set_cval(t, deadline);
			tt_guest_wait(t);
			GUEST_ASSERT(tt_cnt(t) >= deadline);
			GUEST_ASSERT_EQ(handled(), 1);
		}
		guest_transcript("%s: woken at the moved deadline", tt_name[t]);
	}
}

static void part_wfit(void)
{
	u64 deadline;
	u32 nr = 0;
	int t;

	/* A WFIT that is WFI for the host sleeps on, until this timer. */
	tt_start(TT_P, tt_cnt(TT_P) + msec_to_cycles(20 * LONG_MS));
	wfit(tt_cnt(TT_V) + msec_to_cycles(LONG_MS));
	if (tt_ctl(TT_P) & CTL_ISTATUS)
		GUEST_SYNC(ST_WFIT_IS_WFI);
	tt_set_ctl(TT_P, 0);

	deadline = tt_cnt(TT_V) + msec_to_cycles(LONG_MS);
	for (; tt_cnt(TT_V) < deadline; nr++)
		wfit(deadline);
	GUEST_ASSERT(nr < MAX_SLEEPS);
	guest_transcript("WFIT ends at its deadline");

	wfit(tt_cnt(TT_V) - 1);
	wfit(0UL);
	guest_transcript("WFIT with a deadline in the past ends");

	for (t = 0; t < tt_nr_timers; t++) {
		reset_counts();
		tt_start(t, tt_cnt(t) + msec_to_cycles(SHORT_MS));
		deadline = tt_cnt(TT_V) + msec_to_cycles(60000);
		while (!tt_handled[t]) {
			wfit(deadline);
			tt_guest_take_irqs();
		}
		GUEST_ASSERT(tt_cnt(TT_V) < deadline);
		guest_transcript("%s: ends WFIT", tt_name[t]);

		reset_counts();
		tt_start(t, tt_cnt(t) + msec_to_cycles(60000));
		deadline = tt_cnt(TT_V) + msec_to_cycles(SHORT_MS);
		for (nr = 0; tt_cnt(TT_V) < deadline; nr++)
			wfit(deadline);
		GUEST_ASSERT(nr < MAX_SLEEPS);
		tt_guest_take_irqs();
		GUEST_ASSERT_EQ(handled(), 0);
		tt_set_ctl(t, 0);
		guest_transcript("%s: WFIT ends before it", tt_name[t]);
	}
}

static bool need_wfxt;

static void guest_past(void);
static void guest_spinning(void);

static void run_guest(bool el2, void *guest);

#define GUEST_TEST(name)			\
static void guest_##name(void)			\
{						\
	tt_guest_setup(1);			\
	part_##name();				\
	GUEST_DONE();				\
}						\
						\
static void test_##name(bool el2)		\
{						\
	run_guest(el2, guest_##name);		\
}

static void part_all(void)
{
	part_deadline();
	part_spinning();
	part_past();
	part_silent();
	part_order();
	part_moved();
}

static void run_guest(bool el2, void *guest)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, el2, guest, &vcpu);
	struct rusage before, after;
	struct ucall uc;
	u64 cmd, isar2;

	isar2 = vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_ID_AA64ISAR2_EL1));
	if (need_wfxt && !SYS_FIELD_GET(ID_AA64ISAR2_EL1, WFxT, isar2))
		tt_skip("no FEAT_WFxT");

	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, tt_guest_irq_handler);
	TEST_ASSERT(!getrusage(RUSAGE_THREAD, &before), "getrusage");
	do {
		cmd = tt_run(vcpu, &uc);
		/* KVM needs the trap to say which register has the deadline. */
		if (cmd == UCALL_SYNC && uc.args[1] == ST_WFIT_IS_WFI)
			tt_skip("the host's traps of WFIT do not tell the register");
		if (cmd == UCALL_SYNC && uc.args[1] == ST_ALONE) {
			TEST_ASSERT(!getrusage(RUSAGE_THREAD, &after), "getrusage");
			tt_expect(after.ru_nvcsw - before.ru_nvcsw < MAX_SWITCHES,
				  "the host did sleep");
		}
	} while (cmd == UCALL_PRINTF || cmd == UCALL_SYNC);
	tt_expect(cmd == UCALL_DONE, "guest done");
	/* A deadline that has passed may end the WFI before it traps. */
	if (guest != guest_past && guest != guest_spinning)
		tt_expect(vcpu_get_stat(vcpu, wfi_exit_stat) > 0, "the guest did sleep");
	kvm_vm_free(vm);
}

GUEST_TEST(deadline)
GUEST_TEST(spinning)
GUEST_TEST(idle)
GUEST_TEST(past)
GUEST_TEST(silent)
GUEST_TEST(order)
GUEST_TEST(moved)
GUEST_TEST(all)
GUEST_TEST(wfit)

static void test_wfit_if_any(bool el2)
{
	need_wfxt = true;
	test_wfit(el2);
}

static const struct tt_test tests[] = {
	{ "deadline", test_deadline, TT_EL1 },
	{ "spinning", test_spinning, TT_EL1 },
	{ "idle", test_idle, TT_EL1 },
	{ "past", test_past, TT_EL1 },
	{ "silent", test_silent, TT_EL1 },
	{ "order", test_order, TT_EL1 },
	{ "moved", test_moved, TT_EL1 },
	{ "all", test_all, TT_EL2 },
	{ "wfit", test_wfit_if_any, TT_EL1_EL2 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
