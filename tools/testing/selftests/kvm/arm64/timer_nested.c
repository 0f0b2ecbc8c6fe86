// SPDX-License-Identifier: GPL-2.0
/*
 * timer_nested - a guest hypervisor at virtual EL2 has two sets of timers: its
 * own (CNTHP, CNTHV) and those it lends to EL1 (through the _EL02 accessors).
 * Both must run and interrupt whichever level executes, and CNTVOFF_EL2 must
 * move EL1's virtual timer and counter, and nothing else.
 */
#include "nested_lib.h"

#define STEP_MS			10
#define NR_PERIODS		10
#define PERIOD_MS		5
#define OFFSET			(1ULL << 40)

static volatile bool periodic;

/* Seen by EL1: the two counters, read one after the other. */
static volatile u64 el1_pct[2], el1_vct;
static volatile u32 el1_runs;
static volatile u32 el1_handled[TT_EL1_TIMERS];

/* At EL1 the plain accessors are those of the timers that EL2 sees as _EL02. */
static void el1_wait_all(void)
{
	int t;

	GUEST_ASSERT_EQ(get_current_el(), 1);
	for (t = 0; t < TT_NR_TIMERS; t++)
		while (!tt_handled[t])
			cpu_relax();
	nl_el1_return();
}

/* EL1 is left alone with its timers: no exit to EL2 between the interrupts. */
static void el1_own_irqs(void)
{
	int t;

	for (t = 0; t < TT_EL1_TIMERS; t++)
		tt_start(t, tt_cnt(t) + msec_to_cycles(PERIOD_MS + t));
	while (el1_handled[TT_V] < NR_PERIODS || el1_handled[TT_P] < NR_PERIODS)
		cpu_relax();
	tt_guest_delay(msec_to_cycles(2 * PERIOD_MS));
	nl_el1_return();
}

static void el1_irq(void)
{
	u32 intid = tt_guest_ack();
	u64 cval;
	int t;

	if (intid == IAR_SPURIOUS)
		return;
	t = intid == tt_irq[TT_V02] ? TT_V : TT_P;
	GUEST_ASSERT_EQ(intid, tt_irq[TT_V02 + t]);
	cval = tt_cval(t);
	GUEST_ASSERT(tt_cnt(t) >= cval);
	if (++el1_handled[t] < NR_PERIODS)
		tt_set_cval(t, cval + msec_to_cycles(PERIOD_MS + t));
	else
		tt_set_ctl(t, 0);
	tt_guest_eoi(intid);
}

static void el1_read_counters(void)
{
	el1_pct[0] = timer_get_cntct(PHYSICAL);
	el1_vct = timer_get_cntct(VIRTUAL);
	el1_pct[1] = timer_get_cntct(PHYSICAL);
	nl_el1_return();
}

static void el1_arm(void)
{
	int t;

	for (t = 0; t < TT_EL1_TIMERS; t++)
		tt_start(t, tt_cnt(t) + msec_to_cycles(STEP_MS * (t + 1)));
	nl_el1_return();
}

static void el1_short_turn(void)
{
	u64 end = timer_get_cntct(PHYSICAL) + msec_to_cycles(1);

	while (timer_get_cntct(PHYSICAL) < end)
		cpu_relax();
	el1_runs++;
	nl_el1_return();
}

static void reset_counts(void)
{
	int t;

	for (t = 0; t < TT_NR_TIMERS; t++)
		tt_handled[t] = 0;
}

static void check_all_once(const char *what)
{
	int t;

	for (t = 0; t < TT_NR_TIMERS; t++) {
		GUEST_ASSERT_EQ(tt_handled[t], 1);
		guest_transcript("%s: %s", tt_name[t], what);
	}
	GUEST_ASSERT_EQ(tt_unknown, 0);
}

/* With E2H, EL2's timers have two names each, and EL1's are apart. */
static void part_aliases(void)
{
	int t;

	reset_counts();
	write_sysreg_s(0x1111, SYS_CNTV_CVAL_EL02);
	write_sysreg_s(0x2222, SYS_CNTP_CVAL_EL02);
	write_sysreg_s(0x3333, SYS_CNTHV_CVAL_EL2);
	write_sysreg_s(0x4444, SYS_CNTHP_CVAL_EL2);
	GUEST_ASSERT_EQ(tt_cval(TT_V02), 0x1111);
	GUEST_ASSERT_EQ(tt_cval(TT_P02), 0x2222);
	GUEST_ASSERT_EQ(tt_cval(TT_V), 0x3333);
	GUEST_ASSERT_EQ(tt_cval(TT_P), 0x4444);
	write_sysreg_s(0x5555, SYS_CNTV_CVAL_EL0);
	write_sysreg_s(0x6666, SYS_CNTP_CVAL_EL0);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_CNTHV_CVAL_EL2), 0x5555);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_CNTHP_CVAL_EL2), 0x6666);
	guest_transcript("CNTHV and CNTHP are CNTV and CNTP at EL2");

	write_sysreg_s(CTL_ENABLE, SYS_CNTHV_CTL_EL2);
	write_sysreg_s(CTL_ENABLE, SYS_CNTHP_CTL_EL2);
	tt_set_ctl(TT_V02, CTL_ENABLE);
	tt_set_ctl(TT_P02, CTL_ENABLE);
	for (t = 0; t < TT_NR_TIMERS; t++)
		tt_guest_wait(t);
	check_all_once("has its own interrupt");
}

static void part_cntvoff(void)
{
	u64 pct, vct, before, cval;

	reset_counts();
	write_sysreg_s(OFFSET, SYS_CNTVOFF_EL2);
	isb();
	pct = timer_get_cntct(PHYSICAL);
	vct = timer_get_cntct(VIRTUAL);
	GUEST_ASSERT(pct <= vct && vct <= timer_get_cntct(PHYSICAL));
	guest_transcript("CNTVOFF_EL2 does not move EL2's CNTVCT");

	nl_run_el1(el1_read_counters);
	GUEST_ASSERT(el1_vct - (el1_pct[0] - OFFSET) <= el1_pct[1] - el1_pct[0]);
	guest_transcript("CNTVOFF_EL2 moves EL1's CNTVCT");
	GUEST_ASSERT(el1_pct[0] >= pct && el1_pct[0] - pct < OFFSET);
	guest_transcript("CNTVOFF_EL2 does not move EL1's CNTPCT");

	before = tt_cnt(TT_V02);
	tt_set_tval(TT_V02, 1000);
	cval = tt_cval(TT_V02) - 1000;
	GUEST_ASSERT(cval - before <= tt_cnt(TT_V02) - before);
	guest_transcript("EL02 virtual: TVAL counts with CNTVOFF_EL2");

	tt_start(TT_V02, tt_cnt(TT_V02) + msec_to_cycles(STEP_MS));
	tt_guest_wait(TT_V02);
	guest_transcript("EL02 virtual: fires with CNTVOFF_EL2");

	/* A minute away, until the offset moves. */
	reset_counts();
	tt_start(TT_V02, tt_cnt(TT_V02) + msec_to_cycles(60000));
	write_sysreg_s(OFFSET - msec_to_cycles(70000), SYS_CNTVOFF_EL2);
	tt_guest_wait(TT_V02);
	guest_transcript("EL02 virtual: fires when CNTVOFF_EL2 makes it due");
}

static void part_switch(void)
{
	int i, t;

	reset_counts();
	write_sysreg_s(OFFSET, SYS_CNTVOFF_EL2);
	for (i = 0; i < 3; i++) {
		reset_counts();
		for (t = 0; t < TT_NR_TIMERS; t++)
			tt_start(t, tt_cnt(t) + msec_to_cycles(STEP_MS * (TT_NR_TIMERS - t)));
		nl_run_el1(el1_wait_all);
		if (!i)
			check_all_once("armed at EL2, interrupts EL1");
	}

	for (i = 0; i < 3; i++) {
		reset_counts();
		nl_run_el1(el1_arm);
		for (t = 0; t < TT_EL1_TIMERS; t++) {
			GUEST_ASSERT(tt_handled[TT_V02 + t] ||
				     (tt_ctl(TT_V02 + t) & CTL_ENABLE));
			tt_start(t, tt_cnt(t) + msec_to_cycles(STEP_MS));
		}
		for (t = 0; t < TT_NR_TIMERS; t++)
			tt_guest_wait(t);
		if (!i)
			check_all_once("armed at its own level, interrupts EL2");
	}
}

static void irq_handler(struct ex_regs *regs)
{
	u32 intid;
	u64 cval;
	int t;

	if (get_current_el() == 1) {
		el1_irq();
		return;
	}
	if (!periodic) {
		tt_guest_irq_handler(regs);
		return;
	}

	intid = tt_guest_ack();
	if (intid == IAR_SPURIOUS)
		return;
	for (t = 0; t < TT_NR_TIMERS; t++)
		if (intid == tt_irq[t])
			break;
	GUEST_ASSERT(t < TT_NR_TIMERS);
	cval = tt_cval(t);
	GUEST_ASSERT(tt_cnt(t) >= cval);
	if (++tt_handled[t] < NR_PERIODS)
		tt_set_cval(t, cval + msec_to_cycles(PERIOD_MS + t));
	else
		tt_set_ctl(t, 0);
	tt_guest_eoi(intid);
}

static bool all_periods(void)
{
	int t;

	for (t = 0; t < TT_NR_TIMERS; t++)
		if (tt_handled[t] < NR_PERIODS)
			return false;
	return true;
}

/* Without IMO, EL1 has the interrupts, and the GIC's CPU interface, to itself. */
static void part_own_irqs(void)
{
	u64 hcr = read_sysreg(hcr_el2);
	int t;

	reset_counts();
	write_sysreg_s(OFFSET, SYS_CNTVOFF_EL2);
	write_sysreg(hcr & ~(HCR_EL2_IMO | HCR_EL2_FMO | HCR_EL2_AMO), hcr_el2);
	nl_run_el1(el1_own_irqs);
	write_sysreg(hcr, hcr_el2);
	isb();
	for (t = 0; t < TT_EL1_TIMERS; t++) {
		GUEST_ASSERT_EQ(el1_handled[t], NR_PERIODS);
		GUEST_ASSERT_EQ(tt_handled[t], 0);
		guest_transcript("EL1's %s: %u periods at EL1", tt_name[t], el1_handled[t]);
	}
}

/* The level changes all the time, while all four timers run. */
static void part_ping_pong(void)
{
	u32 turns = 0;
	int t;

	reset_counts();
	periodic = true;
	write_sysreg_s(OFFSET, SYS_CNTVOFF_EL2);
	for (t = 0; t < TT_NR_TIMERS; t++)
		tt_start(t, tt_cnt(t) + msec_to_cycles(PERIOD_MS + t));
	while (!all_periods()) {
		nl_run_el1(el1_short_turn);
		turns++;
		if (turns & 1)
			tt_guest_take_irqs();
	}
	GUEST_ASSERT_EQ(el1_runs, turns);
	tt_guest_delay(msec_to_cycles(2 * PERIOD_MS));
	tt_guest_take_irqs();
	for (t = 0; t < TT_NR_TIMERS; t++) {
		GUEST_ASSERT_EQ(tt_handled[t], NR_PERIODS);
		guest_transcript("%s: %u periods", tt_name[t], tt_handled[t]);
	}
}

static void guest_registers(void)
{
	nl_guest_setup();
	part_aliases();
	part_cntvoff();
	GUEST_DONE();
}

static void guest_levels(void)
{
	nl_guest_setup();
	part_switch();
	part_own_irqs();
	part_ping_pong();
	GUEST_DONE();
}

static void run(void *guest)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, true, guest, &vcpu);

	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, irq_handler);
	vm_install_exception_handler(vm, VECTOR_IRQ_LOWER_64, irq_handler);
	nl_install_handlers(vm);
	tt_expect(tt_run_to_done(vcpu), "guest done");
	kvm_vm_free(vm);
}

static void registers(bool el2)
{
	run(guest_registers);
}

static void levels(bool el2)
{
	run(guest_levels);
}

static const struct tt_test tests[] = {
	{ "registers", registers, TT_EL2 },
	{ "levels", levels, TT_EL2 },
};

int main(int argc, char **argv)
{
	TEST_REQUIRE(kvm_check_cap(KVM_CAP_ARM_EL2));
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
