// SPDX-License-Identifier: GPL-2.0
/*
 * bench_timer - what the timers cost a guest: interrupts, from their deadline
 * to the handler, while the guest spins or sleeps; registers, which may trap;
 * and exits to user space with timers off and armed.
 */
#include "bench_lib.h"

#define NEVER		(~0ULL >> 4)
#define SPIN_USEC	20
#define SLEEP_USEC	100
#define OFFSET		1000000

static volatile u64 irq_at;
static u64 seed = 1;

static void handler(struct ex_regs *regs)
{
	u64 now = bench_guest_now();

	tt_guest_irq_handler(regs);
	irq_at = now;
}

/*
 * Deadlines must not keep step with the ticks of the counter, of which each may
 * be many instructions: the average over many is finer than a tick.
 */
static inline void random_delay(void)
{
	u64 nr;

	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	for (nr = seed >> 58; nr; nr--)
		cpu_relax();
}

static inline void wait_for_irq(enum tt_timer t, bool sleeps)
{
	if (sleeps) {
		tt_guest_wait(t);
		return;
	}
	local_irq_enable();
	while (!tt_handled[t])
		cpu_relax();
	local_irq_disable();
}

/* Only the time from the deadline to the handler counts. */
static __always_inline u64 one_irq(enum tt_timer t, bool sleeps)
{
	u64 distance = usec_to_cycles(sleeps ? SLEEP_USEC : SPIN_USEC);
	u64 begin, start;

	begin = bench_guest_now();
	tt_handled[t] = 0;
	random_delay();
	start = bench_guest_now();
	tt_start(t, tt_cnt(t) + distance);
	wait_for_irq(t, sleeps);
	return bench_guest_now() - begin - (irq_at - start - distance);
}

static noinline u64 one_timer_irq(void)
{
	return one_irq(TT_V, false);
}

static noinline u64 one_timer_wake(void)
{
	return one_irq(TT_V, true);
}

static noinline u64 one_ptimer_irq(void)
{
	return one_irq(TT_P, false);
}

static noinline u64 one_ptimer_wake(void)
{
	return one_irq(TT_P, true);
}

static noinline u64 one_program(void)
{
	tt_start(TT_V, NEVER);
	return 0;
}

static noinline u64 one_program_physical(void)
{
	tt_start(TT_P, NEVER);
	return 0;
}

static noinline u64 one_cntpct(void)
{
	tt_cnt(TT_P);
	return 0;
}

static noinline u64 one_user_exit(void)
{
	return bench_guest_user_exit();
}

static void guest_code(bench_fn one, u64 armed)
{
	tt_guest_setup(1);
	if (armed) {
		tt_start(TT_V, NEVER);
		tt_start(TT_P, NEVER);
	}
	bench_guest_measure(one);
}

static const char *run_with_offset(const struct bench_op *op, u64 offset)
{
	const char *skip = NULL;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = bench_vm_create(1, 0, guest_code, &vcpu);

	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, handler);
	if (offset && tt_set_offset(vm, offset))
		skip = "no-counter-offset";
	else
		bench_in_guest(op, vcpu);
	kvm_vm_free(vm);
	return skip;
}

static const char *run_plain(const struct bench_op *op)
{
	return run_with_offset(op, 0);
}

static const char *run_offset(const struct bench_op *op)
{
	return run_with_offset(op, OFFSET);
}

static const struct bench_op ops[] = {
	{ "timer-irq", "virtual timer, deadline to handler, guest spins", 2500, run_plain,
	  one_timer_irq },
	{ "timer-wake", "virtual timer, deadline to handler, guest in WFI", 1500, run_plain,
	  one_timer_wake },
	{ "ptimer-irq", "physical timer, deadline to handler, guest spins", 2500, run_plain,
	  one_ptimer_irq },
	{ "ptimer-wake", "physical timer, deadline to handler, guest in WFI", 1500, run_plain,
	  one_ptimer_wake },
	{ "timer-program", "virtual timer's CVAL and CTL written", 500000, run_plain, one_program },
	{ "ptimer-program", "physical timer's CVAL and CTL written", 500000, run_plain,
	  one_program_physical },
	{ "ptimer-program-offset", "the same with a counter offset", 4000, run_offset,
	  one_program_physical },
	{ "cntpct-offset", "CNTPCT_EL0 read with a counter offset", 50000, run_offset, one_cntpct },
	{ "user-exit", "exit to the VMM, timers off", 2000, run_plain, one_user_exit },
	{ "user-exit-timers", "exit to the VMM, both timers armed", 2000, run_plain,
	  one_user_exit, 1 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ops, ARRAY_SIZE(ops));
}
