// SPDX-License-Identifier: GPL-2.0
/*
 * switch_canary - what threads of the host have in the CPU, while vCPUs on the same CPUs have something else there.
 *
 * Beside a storm of guests (switch_canary.h) threads, more than there are CPUs, put patterns into registers, spin,
 * yield, call, sleep or migrate, and look for them. Those pinned to the CPU of a vCPU are interrupted by it in all
 * that they do. The vCPUs' threads are canaries, too. All go on until each has had its rounds and each vCPU has
 * exited so often: nothing depends on how fast the machine is.
 */
#include <elf.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>

#include "switch_canary.h"
#include "switch_canary_regs.h"
#include "switch_canary_events.h"

#define MAX_CANARIES	8

static struct canary canaries[MAX_CANARIES];
static bool canaries_done;

static void *canary_thread(void *arg)
{
	struct canary *c = arg;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	if (c->cpu >= 0)
		pin_self_to_cpu(c->cpu);
	c->kind->begin(c);
	while (c->rounds < c->kind->rounds || !READ_ONCE(canaries_done)) {
		u64 differs = c->kind->round(c, c->rounds);

		if (differs && !c->differs)
			ksft_print_msg("canary %lu on CPU %d, round %lu: 0x%lx\n", c->id, c->cpu,
				       c->rounds, differs);
		c->differs += !!differs;
		WRITE_ONCE(c->rounds, c->rounds + 1);
	}
	c->kind->end(c);
	return NULL;
}

static bool rounds_over(const struct canary_kind *kind, int nr)
{
	bool over = true;
	int i;

	for (i = 0; i < nr; i++)
		over &= READ_ONCE(canaries[i].rounds) >= kind->rounds;
	return over;
}

/* Canaries on each of the CPUs, and one that migrates. */
static void let_sing(const struct canary_kind *kind)
{
	int nr = kind->per_cpu * nr_cpus + 1, i;
	u64 n;

	TEST_ASSERT(nr <= MAX_CANARIES, "too many CPUs");
	for (i = 0; i < nr; i++) {
		canaries[i] = (struct canary) {
			.kind = kind,
			.id = i,
			.cpu = i == nr - 1 ? -1 : cpus[i % nr_cpus],
		};
		TEST_ASSERT(!pthread_create(&canaries[i].thread, NULL, canary_thread, &canaries[i]),
			    "pthread_create()");
	}
	for (n = 0; !storm_is_one() || !rounds_over(kind, nr); n++) {
		storm_disturb(n);
		if (n % 5 == 0)
			migrate(canaries[nr - 1].thread, n / 5);
		if (kind->meanwhile)
			kind->meanwhile(n);
		usleep(700);
	}
	WRITE_ONCE(canaries_done, true);
	ksft_print_msg("%lu and %lu rounds, %lu and %lu exits\n", canaries[0].rounds,
		       canaries[nr - 1].rounds, storm[0].turns, storm[MIGRATES].turns);
	for (i = 0; i < nr; i++) {
		pthread_join(canaries[i].thread, NULL);
		tt_expect(!canaries[i].differs, "canary %d, %s", i,
			  canaries[i].cpu < 0 ? "which migrates" : "pinned");
	}
}

static void sing(const struct canary_kind *kind)
{
	storm_start();
	let_sing(kind);
	storm_end();
}

static void test_fp(bool el2)
{
	sing(&canary_fp);
}

/* The vCPUs' threads keep ZA over KVM_RUN. */
static void test_sme(bool el2)
{
	if (!(getauxval(AT_HWCAP2) & HWCAP2_SME))
		tt_skip("no SME for the host");
	storm_run = run_with_za;
	sing(&canary_za);
}

static void test_thread(bool el2)
{
	refuse_counters();
	storm_run = run_with_thread_regs;
	sing(&canary_thread_regs);
}

static void test_debug(bool el2)
{
	storm_run = run_with_debug;
	sing(&canary_debug);
}

static void test_step(bool el2)
{
	sing(&canary_step);
}

static void test_pmu(bool el2)
{
	if (!pmu_probe())
		tt_skip("no PMU for the host");
	write_user_access("1");
	storm_start();
	let_sing(&canary_pmu);
	pmu_of_vcpu();
	storm_end();
	write_user_access("0");
}

static const struct tt_test tests[] = {
	{ "fp",		test_fp,	TT_HOST },
	{ "sme",	test_sme,	TT_HOST },
	{ "thread",	test_thread,	TT_HOST },
	{ "debug",	test_debug,	TT_HOST },
	{ "step",	test_step,	TT_HOST },
	{ "pmu",	test_pmu,	TT_HOST },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
