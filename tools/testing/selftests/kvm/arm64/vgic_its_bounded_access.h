/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One access to a register that takes long, and a signal meanwhile: wherever KVM_RUN ends, what the
 * access is to do is done before the guest goes on, and user space sees all of it or nothing. For
 * vgic_its_bounded.c.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_BOUNDED_ACCESS_H
#define SELFTEST_KVM_VGIC_ITS_BOUNDED_ACCESS_H

/* The guest is at it by then. */
#define ACCESS_DELAY_USEC	200
#define NR_DELAYS		2

static bool access_begun;
static u32 access_delay;

static void *interrupt_later(void *arg)
{
	pin_self_to_cpu(1);
	while (!READ_ONCE(access_begun))
		usleep(10);
	usleep(access_delay);
	interrupter.sent = now_ns();
	pthread_kill(interrupter.vcpu, SIGUSR1);
	return NULL;
}

struct access {
	const char *what;
	gpa_t address;
	u32 width;
	u64 value;
	void (*before)(void);
	void (*after)(void);
};

/* Whether the guest has gone on; else there was a signal. */
static bool begin_access(struct access *a, u32 delay)
{
	struct vi_request *r = addr_gva2hva(vi.vm, (gva_t)&vi_request[0]);
	bool gone_on;

	access_begun = false;
	access_delay = delay;
	interrupter_start(interrupt_later);
	r->op = VI_ACCESS;
	r->access = (struct vt_request) { a->address, a->value, a->width, true };
	WRITE_ONCE(access_begun, true);
	gone_on = run();
	interrupter.served = now_ns();
	pthread_join(interrupter.thread, NULL);
	return gone_on;
}

/* Whether the guest has gone on at once. */
static bool interrupt_access(struct access *a, u32 delay)
{
	bool at_once = begin_access(a, delay), gone_on = at_once;

	while (!gone_on)
		gone_on = run();
	return at_once;
}

/* Of LPIs here and there. */
static const u32 some_lpis[] = { 0, 5000, NR_LPIS / 2, NR_LPIS - 1 };

static void signal_some(const char *expected)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(some_lpis); i++) {
		u32 lpi = some_lpis[i];
		const char *said = vi_signal(lpi / NR_EVENTS, lpi % NR_EVENTS);

		tt_check(!strcmp(said, expected), "LPI %u: %s", lpi, said);
	}
}

static void expect_some(void)
{
	tt_expect(vi_deliver() == ARRAY_SIZE(some_lpis), "all that were pending are taken");
}

/* They have been enabled in the table, and are when that is read again. */
static void disabled_but_in_table(void)
{
	create(VI_PRIORITY | LPI_PROP_GROUP1);
	signal_some("1");
	vi_expect_none();
	set_properties(VI_ENABLED);
}

/* All are pending in the table of vCPU 0, but only a few are enabled. */
static void pending_in_table(void)
{
	int i;

	create(VI_PRIORITY | LPI_PROP_GROUP1);
	vi_enable_lpis(0, false);
	memset(vi_memory(VI_PENDING) + VI_FIRST_LPI / 8, 0xff, NR_LPIS / 8);
	for (i = 0; i < ARRAY_SIZE(some_lpis); i++) {
		u32 lpi = some_lpis[i];

		vi_property(VI_FIRST_LPI + lpi, VI_ENABLED);
		vi_quietly(0, inv(lpi / NR_EVENTS, lpi % NR_EVENTS));
	}
}

/* LPIs of vCPU 0, whose guest does not look. */
static void pending_in_queue(void)
{
	u32 i;

	create(VI_ENABLED);
	for (i = 0; i < NR_QUEUED; i++)
		TEST_ASSERT(!strcmp(vi_signal(i / NR_EVENTS, i % NR_EVENTS), "1"), "LPI %u", i);
}

static void expect_retired(void)
{
	vi_expect_none();
	vi_enable_lpis(0, true);
	vi_expect_none();
	signal_some("1");
	expect_some();
}

static void its_disabled(void)
{
	create(VI_ENABLED);
	signal_some("1");
	vi_its_enable(0, false);
}

/* What was mapped is not, nor pending, and can be mapped anew. */
static void expect_unmapped(void)
{
	int i;

	vi_expect_none();
	vi_its_start(0);
	signal_some("blocked");
	vi_quietly(0, mapc(0, 0, true));
	for (i = 0; i < ARRAY_SIZE(some_lpis); i++) {
		u32 device = some_lpis[i] / NR_EVENTS;

		vi_quietly(0, mapd(device, itt(device), EVENT_BITS, true));
		vi_quietly(0, mapti(device, some_lpis[i] % NR_EVENTS, VI_FIRST_LPI + some_lpis[i], 0));
	}
	signal_some("1");
	expect_some();
}

static struct access accesses[] = {
	{ "GICR_INVALLR, all have changed", GICR_BASE_GPA + GICR_INVALLR, 8, 0,
	  disabled_but_in_table, expect_some },
	{ "GICR_CTLR, LPIs are enabled", GICR_BASE_GPA + GICR_CTLR, 4, GICR_CTLR_ENABLE_LPIS,
	  pending_in_table, expect_some },
	{ "GICR_CTLR, LPIs are disabled", GICR_BASE_GPA + GICR_CTLR, 4, 0,
	  pending_in_queue, expect_retired },
	{ "GITS_BASER0", GITS_BASE_GPA + GITS_BASER, 8, 0, its_disabled, expect_unmapped },
};

static void interrupted_access(struct access *a)
{
	static const u32 delay[NR_DELAYS] = { ACCESS_DELAY_USEC, 2000 };
	int i, at_once = 0;

	alarm(WATCHDOG_SEC);
	for (i = 0; i < NR_DELAYS; i++) {
		a->before();
		at_once += interrupt_access(a, delay[i]);
		a->after();
		vi_free();
	}
	ksft_print_msg("%s: %d of %d times before the signal\n", a->what, at_once, NR_DELAYS);
}

static void interrupted_invallr(bool el2)
{
	interrupted_access(&accesses[0]);
}

static void interrupted_enable(bool el2)
{
	interrupted_access(&accesses[1]);
}

static void interrupted_disable(bool el2)
{
	interrupted_access(&accesses[2]);
}

static void interrupted_baser(bool el2)
{
	interrupted_access(&accesses[3]);
}

#endif
