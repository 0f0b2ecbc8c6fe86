/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a signal has interrupted, and what others do before the vCPU goes on, if it ever does: for
 * vgic_its_bounded.c, after vgic_its_bounded_access.h.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_BOUNDED_LEFT_H
#define SELFTEST_KVM_VGIC_ITS_BOUNDED_LEFT_H

#define NR_LEFT_ROUNDS	4

/* Who waits for GICR_SYNCR need not wait for the vCPU that has written GICR_INVALLR. */
static void left_invallr(bool el2)
{
	static const u32 delay[NR_LEFT_ROUNDS] = { ACCESS_DELAY_USEC, 500, 1000, 2000 };
	struct access *a = &accesses[0];
	int i, left = 0, busy = 0;
	bool gone_on;

	alarm(WATCHDOG_SEC);
	for (i = 0; i < NR_LEFT_ROUNDS; i++) {
		a->before();
		gone_on = begin_access(a, delay[i]);
		left += !gone_on;
		busy += !!vi_read(1, vi_gicr(0, GICR_SYNCR), 4);
		while (!gone_on)
			gone_on = run();
		tt_check(!vi_read(1, vi_gicr(0, GICR_SYNCR), 4), "done in the end");
		a->after();
		vi_free();
	}
	ksft_print_msg("%d of %d times there was a signal\n", left, i);
	tt_expect(!busy, "another vCPU sees GICR_INVALLR done");
}

/* Tables of ITS 1 that it has not written: event 0 of device 0 is the LPI that device 0 of ITS 0 has last. */
static void craft_other(void)
{
	vi_its_create();
	vi_poke64(VI_DEVICES + 1, 0, 1ULL << 63 | vi_gpa(VI_SPARE) >> 8 << 5 | 3);
	vi_poke64(VI_COLLECTIONS + 1, 0, 1ULL << 63);
	vi_poke64(VI_SPARE, 0, (u64)(VI_FIRST_LPI + NR_LPIS - 1) << 16);
	TEST_ASSERT(!vi_set(1, GITS_BASER, VI_FLAT(VI_DEVICES + 1)) &&
		    !vi_set(1, GITS_BASER + 8, VI_FLAT(VI_COLLECTIONS + 1)) &&
		    !vi_set(1, GITS_CBASER, VI_QUEUE(1)), "ITS 1");
}

/* MAPD has begun when the entry is cleared, and is not done before the second DISCARD is. */
static struct vi_cmd nth_unmap_big(u32 i)
{
	return i == 1 ? mapd(0, itt(0), BIG_BITS, false) : invall(2);
}

/* Whether a signal has interrupted the MAPD. */
static bool interrupt_unmap(bool *gone_on)
{
	volatile u64 *entry = vi_memory(VI_DEVICES);

	*entry = ~0ULL;
	queue_pairs(nth_unmap_big, 2);
	interrupter_start(interrupt_once);
	ask_kick();
	*gone_on = run();
	pthread_join(interrupter.thread, NULL);
	return !*gone_on && !*entry && nr_discarded() == 1;
}

/* An LPI that one ITS is about to let go of, is free for what is restored of another one. */
static void left_restore(bool el2)
{
	int i, left = 0, missing = 0;
	bool gone_on;

	alarm(2 * WATCHDOG_SEC);
	for (i = 0; i < NR_LEFT_ROUNDS; i++) {
		create_big(VI_ENABLED);
		craft_other();
		if (interrupt_unmap(&gone_on)) {
			left++;
			tt_check(!vi_ctrl(1, KVM_DEV_ARM_ITS_RESTORE_TABLES), "restore");
			tt_check(!vi_set(1, GITS_CTLR, GITS_CTLR_ENABLE), "enable");
			missing += !!strcmp(vi_signal_on(1, 0, 0), "1");
		}
		while (!gone_on)
			gone_on = run();
		vi_free();
	}
	ksft_print_msg("%d of %d times MAPD was not done\n", left, i);
	tt_expect(!missing, "what is restored has its LPI");
}

#endif
