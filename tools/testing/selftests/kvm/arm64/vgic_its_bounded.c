// SPDX-License-Identifier: GPL-2.0
/*
 * Commands that take long must not keep a vCPU's thread from what else it has to do: a signal ends
 * KVM_RUN although there are commands left, these are done before the guest goes on, and all is as
 * if they had been done at once. There are 50,000 LPIs.
 *
 * How far the ITS has got is seen in the guest's memory: after each command that takes long comes a
 * DISCARD, which clears an entry in a table of events. Another thread sends the signal when the first
 * entry is cleared, and looks then how many are: the ITS may do one more, or some. It is a count, which
 * does not depend on how fast the machine is.
 *
 * With an argument that begins with "time", in machines whose time is their instructions: how long the
 * signal waits; and a thread of high priority wakes up all the time on the vCPU's CPU, and sees for how
 * long it could not, because interrupts or preemption were off.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/sysinfo.h>
#include <time.h>

#define VI_QUEUE_SIZE	SZ_64K

#include "vgic_its_cmds.h"

/* Each has a table of VI_ITT_SIZE in VI_BIG_ITT. */
#define EVENT_BITS	8
#define NR_EVENTS	(1 << EVENT_BITS)
#define NR_DEVICES	196
#define NR_LPIS		(NR_DEVICES * NR_EVENTS)
/* Or one has the whole of VI_BIG_ITT. */
#define BIG_BITS	16

/* A device whose events are discarded, and one whose events are mapped. Their tables are in VI_ITT. */
#define MARKER		NR_DEVICES
#define MAPPED		(NR_DEVICES + 1)
#define MARKER_BITS	10
#define NR_MARKERS	960
#define FIRST_MARKER	(VI_FIRST_LPI + NR_LPIS)
#define FIRST_MAPPED	(FIRST_MARKER + NR_MARKERS)

/* What takes long is there so often, what does not until the queue is full. */
#define NR_LONG		16
#define NR_SHORT	NR_MARKERS
/* So many commands that are seen in memory may be done after the signal. */
#define MAX_AFTER	8
/* If nearly all was done before the signal. */
#define MAX_ROUNDS	20

/*
 * So many are pending at once. Each entry to the guest looks at them, with interrupts off: of all LPIs,
 * where an instruction takes a nanosecond, the next tick would be due before the guest is entered.
 */
#define NR_QUEUED	2048
#define WATCHDOG_SEC	(4 * TT_WATCHDOG_SEC)

/* Set-up */

static gpa_t itt(u32 device)
{
	if (device < NR_DEVICES)
		return vi_gpa(VI_BIG_ITT) + device * VI_ITT_SIZE;
	return vi_itt(0) + (device - MARKER) * (8 << MARKER_BITS);
}

static u32 queued;

static void submit(void)
{
	if (queued)
		vi_kick(0);
	queued = 0;
}

static void put(struct vi_cmd cmd)
{
	vi_queue(0, cmd);
	if (++queued == VI_QUEUE_SIZE / 32 - 1)
		submit();
}

static void map_markers(void)
{
	u32 i;

	put(mapd(MARKER, itt(MARKER), MARKER_BITS, true));
	put(mapd(MAPPED, itt(MAPPED), MARKER_BITS, true));
	for (i = 0; i < NR_MARKERS; i++)
		put(mapti(MARKER, i, FIRST_MARKER + i, 1));
	submit();
	memset(vi_memory(VI_ITT), 0xff, NR_MARKERS * 8);
}

static void set_properties(u8 property)
{
	memset(vi_memory(VI_PROPERTIES), property, NR_LPIS);
	memset(vi.copy + VI_PROPERTIES * SZ_64K, property, NR_LPIS);
}

/* All LPIs are vCPU 0's, of devices with 2^@bits events. */
static void create_with(u8 property, u32 bits)
{
	u32 i;

	vi_start(1);
	set_properties(property);
	for (i = 0; i < VI_NR_VCPUS; i++)
		put(mapc(i, i, true));
	for (i = 0; i < NR_LPIS; i++) {
		if (!(i & (BIT(bits) - 1)))
			put(mapd(i >> bits, itt(i >> bits), bits, true));
		put(mapti(i >> bits, i & (BIT(bits) - 1), VI_FIRST_LPI + i, 0));
	}
	map_markers();
}

/* LPI n is that of device n / NR_EVENTS. */
static void create(u8 property)
{
	create_with(property, EVENT_BITS);
}

/* All are device 0's. */
static void create_big(u8 property)
{
	create_with(property, BIG_BITS);
}

static u32 nr_discarded(void)
{
	volatile u64 *entry = vi_memory(VI_ITT);
	u32 i, nr = 0;

	for (i = 0; i < NR_MARKERS; i++)
		nr += !entry[i];
	return nr;
}

/* Commands, from the nth on in pairs: one that takes long, or that maps, and a DISCARD */

/* The first, before the signal, is of a vCPU that has none. */
static struct vi_cmd nth_invall(u32 i)
{
	return invall(i ? 0 : 2);
}

static struct vi_cmd nth_movall(u32 i)
{
	return movall(i % 2, !(i % 2));
}

static struct vi_cmd nth_mapc(u32 i)
{
	return mapc(0, !(i % 2), true);
}

static struct vi_cmd nth_mapd(u32 i)
{
	return mapd(i, itt(i), EVENT_BITS, i % 2);
}

static struct vi_cmd nth_mapti(u32 i)
{
	return mapti(MAPPED, i, FIRST_MAPPED + i, i % VI_NR_VCPUS);
}

/* Some of all. */
static struct vi_cmd nth_mixed(u32 i)
{
	static struct vi_cmd (* const cmds[])(u32 i) = { nth_invall, nth_movall, nth_mapc, nth_mapti };
	u32 event = i * 7919 % NR_LPIS;

	switch (i % 8) {
	case 4:
		return discard(event / NR_EVENTS, event % NR_EVENTS);
	case 5:
		return movi(event / NR_EVENTS, event % NR_EVENTS, i % VI_NR_VCPUS);
	case 6:
		return mapd(i, 0, 1, false);
	case 7:
		return inv(event / NR_EVENTS, event % NR_EVENTS);
	default:
		return cmds[i % 8](i);
	}
}

static void queue_pairs(struct vi_cmd (*cmd)(u32 i), u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		vi_queue(0, cmd(i));
		vi_queue(0, discard(MARKER, i));
	}
}

/* The signal */

static struct interrupter {
	pthread_t thread, vcpu;
	u32 seen;	/* so many were done when the signal was there */
	u64 sent, served;
} interrupter;

static u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static void on_signal(int sig)
{
}

static void *interrupt_once(void *arg)
{
	pin_self_to_cpu(1);
	while (!nr_discarded())
		usleep(10);
	interrupter.sent = now_ns();
	pthread_kill(interrupter.vcpu, SIGUSR1);
	/* It is there now, whatever this thread waits for. */
	interrupter.seen = nr_discarded();
	return NULL;
}

static void interrupter_start(void *(*f)(void *arg))
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	interrupter.vcpu = pthread_self();
	TEST_ASSERT(!pthread_create(&interrupter.thread, NULL, f, NULL),
		    "pthread_create() failed");
}

/* vCPU 0 is to write GITS_CWRITER. */
static void ask_kick(void)
{
	struct vi_request *r = addr_gva2hva(vi.vm, (gva_t)&vi_request[0]);

	r->op = VI_ACCESS;
	r->access = (struct vt_request) { GITS_BASE_GPA + GITS_CWRITER, vi.writer[0], 8, true };
}

/* Whether the guest has gone on; else there was a signal. */
static bool run(void)
{
	struct ucall uc;

	if (__vcpu_run(vi.vcpus[0])) {
		TEST_ASSERT_EQ(errno, EINTR);
		return false;
	}
	TEST_ASSERT_EQ(get_ucall(vi.vcpus[0], &uc), UCALL_SYNC);
	return true;
}

static void expect_done(u32 nr)
{
	tt_check(nr_discarded() == nr, "all commands are done");
	tt_check(vi_reg(0, GITS_CREADR) == vi.writer[0], "CREADR");
	tt_check(vi_read(0, GITS_BASE_GPA + GITS_CTLR, 4) == (GITS_CTLR_QUIESCENT | GITS_CTLR_ENABLE),
		 "quiescent");
}

/* All is done before user space sees anything. */
static void expect_user_sees_all(u32 nr)
{
	tt_check(vi_reg(0, GITS_CREADR) == vi.writer[0], "CREADR of user space");
	tt_check(nr_discarded() == nr, "all is done when user space has looked");
}

/*
 * Pairs, which a signal interrupts, and what is left then: as the guest goes on, or before because
 * user space looks. Returns how many were done after the signal was there, -1 if it came too late
 * to tell.
 */
static int interrupted(struct vi_cmd (*cmd)(u32 i), u32 nr, bool look)
{
	bool gone_on;
	u32 done;

	map_markers();
	queue_pairs(cmd, nr);
	interrupter_start(interrupt_once);
	ask_kick();
	gone_on = run();
	interrupter.served = now_ns();
	done = nr_discarded();
	pthread_join(interrupter.thread, NULL);
	if (look && !gone_on)
		expect_user_sees_all(nr);
	while (!gone_on)
		gone_on = run();
	expect_done(nr);
	return interrupter.seen + MAX_AFTER >= nr ? -1 : done - interrupter.seen;
}

static void __expect_bounded(const char *what, struct vi_cmd (*cmd)(u32 i), u32 nr, bool look)
{
	int after, i;

	for (i = 0; i < MAX_ROUNDS; i++) {
		after = interrupted(cmd, nr, look);
		if (after >= 0)
			break;
	}
	ksft_print_msg("%s: %d of %u after the signal\n", what, after, nr);
	tt_expect(after >= 0 && after <= MAX_AFTER, "%s: a signal ends KVM_RUN", what);
}

static void expect_bounded(const char *what, struct vi_cmd (*cmd)(u32 i), u32 nr)
{
	__expect_bounded(what, cmd, nr, false);
}

/* Tests */

/* All LPIs have changed; those that were pending come when they are enabled. */
static void bounded_invall(bool el2)
{
	static const u32 lpis[] = { 0, NR_LPIS / 2, NR_LPIS - 1 };
	int i;

	alarm(WATCHDOG_SEC);
	create(VI_PRIORITY | LPI_PROP_GROUP1);
	for (i = 0; i < ARRAY_SIZE(lpis); i++)
		vi_signal(lpis[i] / NR_EVENTS, lpis[i] % NR_EVENTS);
	vi_expect_none();
	set_properties(VI_ENABLED);
	expect_bounded("INVALL", nth_invall, NR_LONG);
	tt_expect(vi_deliver() == ARRAY_SIZE(lpis), "all LPIs are enabled");
	vi_free();
}

static void bounded(const char *what, struct vi_cmd (*cmd)(u32 i), u32 nr)
{
	alarm(WATCHDOG_SEC);
	create(VI_ENABLED);
	expect_bounded(what, cmd, nr);
	vi_free();
}

static void bounded_movall(bool el2)
{
	bounded("MOVALL", nth_movall, NR_LONG);
}

static void bounded_mapc(bool el2)
{
	bounded("MAPC", nth_mapc, NR_LONG);
}

static void bounded_mapd(bool el2)
{
	bounded("MAPD", nth_mapd, NR_DEVICES);
}

static void bounded_mapti(bool el2)
{
	bounded("MAPTI", nth_mapti, NR_SHORT);
}

static void bounded_user(bool el2)
{
	alarm(WATCHDOG_SEC);
	create(VI_ENABLED);
	__expect_bounded("MAPTI, and user space looks", nth_mapti, NR_SHORT, true);
	vi_free();
}

/* What the guest's memory holds when all is saved. */
static u8 *saved(void)
{
	u8 *copy = malloc(VI_SLOT_SIZE);

	tt_check(!vi_ctrl(0, KVM_DEV_ARM_ITS_SAVE_TABLES), "tables are saved");
	kvm_device_attr_set(vi.gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL);
	memcpy(copy, vi.memory, VI_SLOT_SIZE);
	return copy;
}

/* User space's writes have no bound: it gets all at once. */
static void bounded_same(bool el2)
{
	u8 *by_guest, *by_user;

	alarm(2 * WATCHDOG_SEC);
	create(VI_ENABLED);
	expect_bounded("mixed", nth_mixed, NR_LONG);
	by_guest = saved();
	vi_free();
	create(VI_ENABLED);
	vi.user_writes = true;
	map_markers();
	queue_pairs(nth_mixed, NR_LONG);
	vi_kick(0);
	expect_done(NR_LONG);
	by_user = saved();
	tt_expect(!memcmp(by_guest, by_user, VI_SLOT_SIZE), "the same as at once");
	vi_free();
}

#include "vgic_its_bounded_access.h"
#include "vgic_its_bounded_left.h"
#include "vgic_its_bounded_lpis.h"
#include "vgic_its_bounded_time.h"

static const struct tt_test tests[] = {
	{ "bounded_invall", bounded_invall },
	{ "bounded_movall", bounded_movall },
	{ "bounded_mapc", bounded_mapc },
	{ "bounded_mapd", bounded_mapd },
	{ "bounded_mapti", bounded_mapti },
	{ "bounded_user", bounded_user },
	{ "bounded_same", bounded_same },
	{ "bounded_enable", bounded_enable },
	{ "bounded_disable", bounded_disable },
	{ "interrupted_invallr", interrupted_invallr },
	{ "interrupted_enable", interrupted_enable },
	{ "interrupted_disable", interrupted_disable },
	{ "interrupted_baser", interrupted_baser },
	{ "left_invallr", left_invallr },
	{ "left_restore", left_restore },
};

int main(int argc, char **argv)
{
	test_disable_default_vgic();
	TEST_REQUIRE(tt_probe_gic(3));
	TEST_REQUIRE(get_nprocs() > 1);
	pin_self_to_cpu(0);
	if (argc > 1 && !strncmp(argv[1], "time", 4))
		return tt_main(argc, argv, timed_tests, ARRAY_SIZE(timed_tests));
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
