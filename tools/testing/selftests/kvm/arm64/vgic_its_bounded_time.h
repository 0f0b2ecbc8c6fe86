/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long a signal, and others, have to wait where a machine's time is its instructions: for
 * vgic_its_bounded.c, after vgic_its_bounded_access.h.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_BOUNDED_TIME_H
#define SELFTEST_KVM_VGIC_ITS_BOUNDED_TIME_H

#define MAX_LATE_USEC	10000
#define WATCH_NS	100000
/* Not so often that a vCPU which has many to look at each time it enters its guest gets nowhere. */
#define WATCH_PENDING_NS	5000000

static bool watching;
static u64 watch_ns = WATCH_NS, late_ns;

/* Wakes up all the time, and notes by how much it was too late. */
static void *watch(void *arg)
{
	struct sched_param param = { .sched_priority = 50 };
	struct timespec next;
	u64 due = now_ns(), now;

	pin_self_to_cpu(0);
	TEST_ASSERT(!sched_setscheduler(0, SCHED_FIFO, &param), "SCHED_FIFO");
	while (READ_ONCE(watching)) {
		due += watch_ns;
		next.tv_sec = due / NSEC_PER_SEC;
		next.tv_nsec = due % NSEC_PER_SEC;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		now = now_ns();
		late_ns = max(late_ns, now - due);
		due = now;
	}
	return NULL;
}

static void timed(const char *what, void (*f)(void *data), void *data)
{
	pthread_t thread;

	late_ns = 0;
	watching = true;
	pthread_create(&thread, NULL, watch, NULL);
	f(data);
	WRITE_ONCE(watching, false);
	pthread_join(thread, NULL);
	ksft_print_msg("%s: others wait for %lu us at most\n", what, late_ns / 1000);
	tt_expect(late_ns < MAX_LATE_USEC * 1000, "%s: others need not wait", what);
}

static void expect_soon(const char *what)
{
	s64 ns = interrupter.served - interrupter.sent;

	if (ns < 0)
		ksft_print_msg("%s: KVM_RUN ends before the signal\n", what);
	else
		ksft_print_msg("%s: KVM_RUN ends %ld us after the signal\n", what, ns / 1000);
	tt_expect(ns < MAX_LATE_USEC * 1000, "%s: KVM_RUN ends soon", what);
}

struct timed_cmd {
	const char *what;
	struct vi_cmd (*cmd)(u32 i);
	u32 nr;
};

static void timed_interrupted(void *data)
{
	struct timed_cmd *t = data;

	interrupted(t->cmd, t->nr, false);
	expect_soon(t->what);
}

static void time_commands(bool el2)
{
	static struct timed_cmd cmds[] = {
		{ "INVALL, all have changed", nth_invall, 4 },
		{ "INVALL, none has changed", nth_invall, NR_LONG },
		{ "MOVALL", nth_movall, NR_LONG },
		{ "MAPC", nth_mapc, NR_LONG },
		{ "MAPTI", nth_mapti, NR_SHORT },
	};
	int i;

	alarm(WATCHDOG_SEC);
	create(VI_PRIORITY | LPI_PROP_GROUP1);
	set_properties(VI_ENABLED);
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		timed(cmds[i].what, timed_interrupted, &cmds[i]);
	vi_free();
}

/* As many entries as there are chances to see one. */
static void read_gits(void *data)
{
	u64 begin = now_ns();

	while (now_ns() - begin < 10 * WATCH_PENDING_NS)
		vi_read(0, GITS_BASE_GPA + GITS_TYPER, 8);
}

static void lpis_off_and_on(void *data)
{
	vi_enable_lpis(0, false);
	vi_enable_lpis(0, true);
}

static void time_pending(bool el2)
{
	struct timed_cmd moves = { "MOVALL, many are pending", nth_movall, 4 };

	alarm(WATCHDOG_SEC);
	pending_in_queue();
	watch_ns = WATCH_PENDING_NS;
	timed("a vCPU runs, many are pending", read_gits, NULL);
	timed(moves.what, timed_interrupted, &moves);
	timed("LPIs are disabled and enabled", lpis_off_and_on, NULL);
	vi_free();
}

/* One device that has all. The commands before the first DISCARD look at nothing. */
static struct vi_cmd nth_unmap(u32 i)
{
	return i == 1 ? mapd(0, itt(0), BIG_BITS, false) : invall(2);
}

static struct vi_cmd nth_remap(u32 i)
{
	return i == 1 ? mapd(0, itt(0), BIG_BITS, true) : invall(2);
}

static void time_device(bool el2)
{
	static struct timed_cmd cmds[] = {
		{ "MAPD, V=0", nth_unmap, 2 * MAX_AFTER },
		{ "MAPD of one that is mapped", nth_remap, 2 * MAX_AFTER },
	};
	int i;

	alarm(WATCHDOG_SEC);
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		create_big(VI_ENABLED);
		timed(cmds[i].what, timed_interrupted, &cmds[i]);
		vi_free();
	}
}

static void timed_access(void *data)
{
	struct access *a = data;

	interrupt_access(a, ACCESS_DELAY_USEC);
	expect_soon(a->what);
}

static void time_accesses(bool el2)
{
	int i;

	alarm(WATCHDOG_SEC);
	watch_ns = WATCH_PENDING_NS;
	for (i = 0; i < ARRAY_SIZE(accesses); i++) {
		accesses[i].before();
		timed(accesses[i].what, timed_access, &accesses[i]);
		accesses[i].after();
		vi_free();
	}
}

static const struct tt_test timed_tests[] = {
	{ "time_commands", time_commands },
	{ "time_device", time_device },
	{ "time_accesses", time_accesses },
	{ "time_pending", time_pending },
};

#endif
