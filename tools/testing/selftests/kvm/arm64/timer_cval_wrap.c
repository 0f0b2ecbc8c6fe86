// SPDX-License-Identifier: GPL-2.0
/*
 * timer_cval_wrap - compare values near 2^64, with and without a counter
 * offset. CVAL and the counter are compared as unsigned 64-bit numbers, so that
 * CVAL plus an offset that goes beyond 2^64 must not become a deadline in the
 * past. Also the counter near its own wrap, and TVAL, the signed 32-bit view.
 */
#include "timer_lib.h"

/* How long a timer must stay silent. */
#define SILENT_MS	10

static u64 guest_offset;

static void reset_counts(void)
{
	int t;

	for (t = 0; t < TT_NR_TIMERS; t++)
		tt_handled[t] = 0;
}

/* Values that the counter does not reach in this test. */
static u64 far_cval(int i)
{
	switch (i) {
	case 0: return ~0ULL;
	case 1: return ~0ULL - 1;
	case 2: return -guest_offset;
	case 3: return -guest_offset - 1;
	case 4: return -guest_offset + 1;
	case 5: return 1ULL << 63;
	case 6: return (1ULL << 63) - 1;
	default: return 1ULL << 62;
	}
}

static const char * const cval_name[] = {
	"~0", "~0 - 1", "2^64 - offset", "2^64 - offset - 1",
	"2^64 - offset + 1", "2^63", "2^63 - 1"
};

/*
 * @cval must not fire: neither in a guest that runs, nor over an exit that puts
 * and loads the vCPU, nor in one that sleeps until another timer.
 */
static void check_silent(enum tt_timer t, u64 cval, const char *name)
{
	bool irq, istatus, kept, early;
	u64 deadline;

	reset_counts();
	tt_start(t, cval);
	tt_guest_delay(msec_to_cycles(SILENT_MS));
	GUEST_SYNC(0);
	tt_guest_delay(msec_to_cycles(SILENT_MS));
	istatus = tt_ctl(t) & CTL_ISTATUS;
	kept = tt_cval(t) == cval;

	deadline = tt_cnt(t ^ 1) + msec_to_cycles(SILENT_MS);
	tt_start(t ^ 1, deadline);
	local_irq_enable();
	while (!tt_handled[t ^ 1] && !tt_handled[t])
		wfi();
	local_irq_disable();
	irq = tt_handled[t];
	early = tt_handled[t ^ 1] && tt_cnt(t ^ 1) < deadline;
	tt_set_ctl(t, 0);
	tt_set_ctl(t ^ 1, 0);
	tt_guest_take_irqs();

	guest_transcript("%s, CVAL %s: %s, ISTATUS %d, CVAL %s%s", tt_name[t], name,
			 irq ? "interrupt" : "silent", istatus,
			 kept ? "kept" : "changed", early ? ", woken early" : "");
	GUEST_SYNC_ARGS(1, t, irq || istatus, kept && !early, 0);
}

static void part_far(void)
{
	int t, i;

	for (t = 0; t < TT_EL1_TIMERS; t++)
		for (i = 0; i < ARRAY_SIZE(cval_name); i++)
			/* Near minus the offset is far only with a positive one. */
			if ((s64)guest_offset > 0 || i < 2 || i > 4)
				check_silent(t, far_cval(i), cval_name[i]);
}

static void guest_far(void)
{
	tt_guest_setup(1);
	part_far();
	GUEST_DONE();
}

/* The counter is some seconds from its wrap: deadlines before it work. */
static void guest_high_counter(void)
{
	u64 deadline;
	int t, i;

	tt_guest_setup(1);
	for (t = 0; t < TT_EL1_TIMERS; t++) {
		for (i = 0; i < 3; i++) {
			GUEST_ASSERT(tt_cnt(t) > 1ULL << 63);
			reset_counts();
			deadline = tt_cnt(t) + msec_to_cycles(SILENT_MS);
			tt_start(t, deadline);
			tt_guest_wait(t);
			GUEST_ASSERT(tt_cnt(t) >= deadline);
		}
		guest_transcript("%s: fires with the counter near 2^64", tt_name[t]);

		reset_counts();
		tt_start(t, 0);
		tt_guest_wait(t);
		guest_transcript("%s: CVAL 0 fires at once", tt_name[t]);
		check_silent(t, ~0ULL, "~0");
	}
	GUEST_DONE();
}

static void check_tval_write(enum tt_timer t, u64 tval)
{
	u64 before, after, cval;
	s64 sext = (s32)tval;

	before = tt_cnt(t);
	tt_set_tval(t, tval);
	after = tt_cnt(t);
	cval = tt_cval(t);
	GUEST_ASSERT(cval - sext >= before && cval - sext <= after);
	guest_transcript("%s: TVAL 0x%lx makes CVAL the counter plus %ld", tt_name[t],
			 tval, sext);
}

static void check_tval_read(enum tt_timer t, u64 delta)
{
	u64 cval = tt_cnt(t) + delta, before, after, tval;

	tt_set_cval(t, cval);
	before = tt_cnt(t);
	tval = tt_tval(t);
	after = tt_cnt(t);
	/* The low half of the distance, with nothing above. */
	GUEST_ASSERT_EQ(tval >> 32, 0);
	GUEST_ASSERT((u32)(cval - tval - before) <= after - before);
	guest_transcript("%s: TVAL is the low half of CVAL - counter, 0x%lx ahead",
			 tt_name[t], delta);
}

static void part_tval(void)
{
	static const u64 writes[] = {
		0, 1, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0xdead0001234,
		0xffffffff00000000
	};
	static const u64 reads[] = { 1ULL << 20, 1ULL << 31, 1ULL << 33, 1ULL << 60, -1ULL << 33 };
	int t, i;

	for (t = 0; t < TT_EL1_TIMERS; t++) {
		for (i = 0; i < ARRAY_SIZE(writes); i++)
			check_tval_write(t, writes[i]);
		for (i = 0; i < ARRAY_SIZE(reads); i++)
			check_tval_read(t, reads[i]);

		reset_counts();
		tt_set_tval(t, -1);
		tt_set_ctl(t, CTL_ENABLE);
		tt_guest_wait(t);
		guest_transcript("%s: TVAL -1 fires", tt_name[t]);

		reset_counts();
		tt_set_tval(t, msec_to_cycles(SILENT_MS));
		tt_set_ctl(t, CTL_ENABLE);
		tt_guest_wait(t);
		GUEST_ASSERT((s32)tt_tval(t) <= 0);
		guest_transcript("%s: TVAL counts down and fires", tt_name[t]);
	}
}

static void guest_tval(void)
{
	tt_guest_setup(1);
	part_tval();
	GUEST_DONE();
}

static void guest_far_tval(void)
{
	tt_guest_setup(1);
	part_far();
	part_tval();
	GUEST_DONE();
}

static void run(bool el2, void *guest, bool offset, u64 counter)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, el2, guest, &vcpu);
	struct ucall uc;
	u64 cmd;

	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, tt_guest_collect_irq);
	guest_offset = 0;
	if (offset) {
		if (!tt_cntpoff)
			tt_skip("the guest's physical counter can't be offset");
		/* The physical counter's offset is 0 so far. */
		guest_offset = vcpu_get_reg(vcpu, KVM_REG_ARM_PTIMER_CNT) - counter;
		TEST_ASSERT(!tt_set_offset(vm, guest_offset), "KVM_ARM_SET_COUNTER_OFFSET");
	}
	sync_global_to_guest(vm, guest_offset);

	do {
		cmd = tt_run(vcpu, &uc);
		if (cmd == UCALL_SYNC && uc.args[1] == 1) {
			bool fired_early = uc.args[3];

			tt_check(!fired_early, "%s timer fires early", tt_name[uc.args[2]]);
			tt_check(uc.args[4], "%s timer keeps CVAL and wakes in time",
				 tt_name[uc.args[2]]);
		}
	} while (cmd != UCALL_DONE && cmd != UCALL_NONE);
	tt_expect(cmd == UCALL_DONE, "guest done");
	kvm_vm_free(vm);
}

static void far_no_offset(bool el2)
{
	run(el2, guest_far, false, 0);
}

/* A positive offset: CVAL + offset wraps for the CVALs above 2^64 - offset. */
static void far_offset(bool el2)
{
	run(el2, guest_far, true, 1 << 20);
}

/* A "negative" one: the guest's counter is ahead of the host's. */
static void far_ahead(bool el2)
{
	run(el2, guest_far, true, 1ULL << 50);
}

static void high_counter(bool el2)
{
	run(el2, guest_high_counter, true, -(1ULL << 40));
}

static void tval(bool el2)
{
	run(el2, guest_tval, false, 0);
}

static void tval_offset(bool el2)
{
	run(el2, guest_tval, true, 1ULL << 40);
}

static void far_tval_no_offset(bool el2)
{
	run(el2, guest_far_tval, false, 0);
}

static const struct tt_test tests[] = {
	{ "far_no_offset", far_no_offset, TT_EL1 },
	{ "far_offset", far_offset, TT_EL1 },
	{ "far_ahead", far_ahead, TT_EL1 },
	{ "high_counter", high_counter, TT_EL1 },
	{ "tval", tval, TT_EL1 },
	{ "tval_offset", tval_offset, TT_EL1 },
	{ "far_tval_no_offset", far_tval_no_offset, TT_EL2 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
