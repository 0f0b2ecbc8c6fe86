// SPDX-License-Identifier: GPL-2.0
/*
 * timer_save_restore - a VM with armed timers is saved with KVM_GET_REG_LIST,
 * destroyed, and goes on in a fresh VM with a fresh vCPU: no timer is lost, none
 * fires twice or before its count, and the counters neither jump nor go back.
 */
#include "timer_state.h"

#define NR_ROUNDS	3
#define NR_ROUNDS_EL2	1
#define LONG_MS		200
#define SHORT_MS	1

/* Saving and restoring takes a while, but not this long. */
#define MAX_GAP_MS	30000

static volatile u64 cval[TT_NR_TIMERS];

static void guest_migrate(void)
{
	u64 before[TT_NR_TIMERS], now, ctl[TT_NR_TIMERS];
	int t;

	for (t = 0; t < tt_nr_timers; t++) {
		ctl[t] = tt_ctl(t) & ~CTL_ISTATUS;
		before[t] = tt_cnt(t);
	}
	GUEST_SYNC(0);
	for (t = 0; t < tt_nr_timers; t++) {
		now = tt_cnt(t);
		GUEST_ASSERT(now >= before[t]);
		GUEST_ASSERT(now - before[t] < msec_to_cycles(MAX_GAP_MS));
		GUEST_ASSERT_EQ(tt_ctl(t) & ~CTL_ISTATUS, ctl[t]);
		GUEST_ASSERT_EQ(tt_cval(t), cval[t]);
	}
	tt_guest_gic_resume();
}

static void guest_arm(u32 ms, u32 ctl)
{
	int t;

	for (t = 0; t < tt_nr_timers; t++) {
		tt_handled[t] = 0;
		cval[t] = tt_cnt(t) + msec_to_cycles(ms * (t + 1));
		tt_set_cval(t, cval[t]);
		tt_set_ctl(t, ctl);
	}
}

static void guest_check_all_fire(const char *what)
{
	int t;

	for (t = 0; t < tt_nr_timers; t++) {
		tt_guest_wait(t);
		/* The handler checked that this was not before CVAL. */
		GUEST_ASSERT_EQ(tt_handled[t], 1);
		guest_transcript("%s: %s", tt_name[t], what);
	}
	tt_guest_delay(msec_to_cycles(SHORT_MS));
	tt_guest_take_irqs();
	for (t = 0; t < tt_nr_timers; t++)
		GUEST_ASSERT_EQ(tt_handled[t], 1);
	GUEST_ASSERT_EQ(tt_unknown, 0);
}

static void guest_code(void)
{
	int t;

	tt_guest_setup(1);

	guest_arm(LONG_MS, CTL_ENABLE);
	guest_migrate();
	guest_check_all_fire("armed, fires after the move");
	/* One move is enough for the time it takes with EL2. */
	if (tt_nr_timers > TT_EL1_TIMERS)
		GUEST_DONE();

	/* Due when saved, or by the time it runs again. */
	guest_arm(SHORT_MS, CTL_ENABLE);
	tt_guest_delay(msec_to_cycles(SHORT_MS * (TT_NR_TIMERS + 1)));
	guest_migrate();
	guest_check_all_fire("due, fires after the move");

	/* Masked ones stay silent, and fire when unmasked. */
	guest_arm(SHORT_MS, CTL_ENABLE | CTL_IMASK);
	guest_migrate();
	tt_guest_delay(msec_to_cycles(SHORT_MS * (TT_NR_TIMERS + 1)));
	tt_guest_take_irqs();
	for (t = 0; t < tt_nr_timers; t++) {
		GUEST_ASSERT_EQ(tt_handled[t], 0);
		GUEST_ASSERT(tt_ctl(t) & CTL_ISTATUS);
		tt_set_ctl(t, CTL_ENABLE);
	}
	guest_check_all_fire("masked, fires when unmasked after the move");
	GUEST_DONE();
}

/*
 * Setting a counter makes an offset of it. Where the guest's physical counter
 * takes none, it goes on with the host's, which is as good for this test. With
 * EL2, that is the offset of both counters.
 */
static bool keep_counter(struct kvm_vcpu *vcpu, u64 id)
{
	return !tt_cntpoff && (id == KVM_REG_ARM_PTIMER_CNT ||
			       (id == KVM_REG_ARM_TIMER_CNT && vcpu_has_el2(vcpu)));
}

static void run(bool el2, bool offset)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int rounds = 0;
	struct tt_regs s;
	struct ucall uc;
	u64 cmd, off = 0;

	if (offset && !tt_cntpoff)
		tt_skip("the guest's physical counter can't be offset");

	vm = tt_vm_create(1, el2, guest_code, &vcpu);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, tt_guest_irq_handler);
	if (offset) {
		off = vcpu_get_reg(vcpu, KVM_REG_ARM_PTIMER_CNT) - (1ULL << 45);
		TEST_ASSERT(!tt_set_offset(vm, off), "KVM_ARM_SET_COUNTER_OFFSET");
	}

	for (;;) {
		cmd = tt_run(vcpu, &uc);
		if (cmd == UCALL_PRINTF)
			continue;
		if (cmd != UCALL_SYNC)
			break;

		/* Let the ucall's store complete, or it would be done twice. */
		vcpu_run_complete_io(vcpu);
		tt_regs_save(vcpu, &s);
		vcpu = tt_vm_recreate(vm, vcpu);
		if (offset)
			TEST_ASSERT(!tt_set_offset(vm, off), "KVM_ARM_SET_COUNTER_OFFSET");
		tt_regs_restore(vcpu, &s, keep_counter);
		tt_regs_free(&s);
		rounds++;
	}
	tt_expect(cmd == UCALL_DONE, "guest done");
	tt_expect(rounds == (el2 ? NR_ROUNDS_EL2 : NR_ROUNDS), "%d moves", rounds);
	kvm_vm_free(vm);
}

/* The counters are restored as registers. */
static void counters(bool el2)
{
	run(el2, false);
}

/* The counters are restored with the VM's offset, writes to them are ignored. */
static void counter_offset(bool el2)
{
	run(el2, true);
}

static const struct tt_test tests[] = {
	{ "counters", counters, TT_EL1_EL2 },
	{ "counter_offset", counter_offset, TT_EL1_EL2 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
