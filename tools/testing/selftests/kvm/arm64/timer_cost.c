// SPDX-License-Identifier: GPL-2.0
/*
 * timer_cost - what the timers cost a guest: exits to user space with timers
 * off and armed, interrupts from their deadline to the handler while the guest
 * spins or sleeps, and registers that may trap.
 *
 * On a machine whose time is its instructions (QEMU -icount shift=0) the
 * result is repeatable, and a tick stands for a number of instructions; the
 * test prints nanoseconds, which are instructions then.
 */
#include "timer_lib.h"

#define NR_WARM_UP	50
#define NR_ROUNDS	2000
#define NEVER		(~0ULL >> 4)

static volatile u64 irq_at;
static u64 seed = 1;

static void handler(struct ex_regs *regs)
{
	u64 now = timer_get_cntct(VIRTUAL);

	tt_guest_irq_handler(regs);
	irq_at = now;
}

/* Deadlines and instructions must not keep step with each other. */
static u64 random_bits(int nr)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed >> (64 - nr);
}

static u64 one_irq(enum tt_timer t, bool sleeps)
{
	u64 start, distance, i, nr = random_bits(6);

	tt_handled[t] = 0;
	for (i = 0; i < nr; i++)
		cpu_relax();
	distance = (sleeps ? 8000 : 3000) + random_bits(8);
	start = timer_get_cntct(VIRTUAL);
	tt_start(t, tt_cnt(t) + distance);
	if (sleeps) {
		tt_guest_wait(t);
	} else {
		local_irq_enable();
		while (!tt_handled[t])
			cpu_relax();
		local_irq_disable();
	}
	return irq_at - start - distance;
}

static u64 one_exit(enum tt_timer t, bool sleeps)
{
	u64 start = timer_get_cntct(VIRTUAL);

	GUEST_SYNC(0);
	return timer_get_cntct(VIRTUAL) - start;
}

static u64 one_cnt_read(enum tt_timer t, bool sleeps)
{
	u64 start = timer_get_cntct(VIRTUAL);

	tt_cnt(t);
	return timer_get_cntct(VIRTUAL) - start;
}

static u64 one_cval_write(enum tt_timer t, bool sleeps)
{
	u64 start = timer_get_cntct(VIRTUAL);

	tt_set_cval(t, NEVER);
	return timer_get_cntct(VIRTUAL) - start;
}

static void measure(const char *what, u64 (*one)(enum tt_timer t, bool sleeps),
		    enum tt_timer t, bool sleeps)
{
	u64 i, sum = 0, frequency = timer_get_cntfrq();

	for (i = 0; i < NR_WARM_UP; i++)
		one(t, sleeps);
	for (i = 0; i < NR_ROUNDS; i++)
		sum += one(t, sleeps);
	GUEST_PRINTF("%s: %lu ns\n", what, sum * (1000000000 / NR_ROUNDS) / frequency);
}

static void guest_code(void)
{
	tt_guest_setup(1);
	measure("exit to user space, timers off", one_exit, TT_V, false);
	measure("virtual timer's interrupt, spinning", one_irq, TT_V, false);
	measure("virtual timer's interrupt, sleeping", one_irq, TT_V, true);
	measure("physical timer's interrupt, spinning", one_irq, TT_P, false);
	measure("physical timer's interrupt, sleeping", one_irq, TT_P, true);
	measure("CNTPCT_EL0 read", one_cnt_read, TT_P, false);
	measure("CNTP_CVAL_EL0 write", one_cval_write, TT_P, false);
	tt_start(TT_V, NEVER);
	tt_start(TT_P, NEVER);
	measure("exit to user space, timers armed", one_exit, TT_V, false);
	GUEST_DONE();
}

static void run(u64 offset)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, false, guest_code, &vcpu);

	if (offset && tt_set_offset(vm, offset))
		tt_skip("no counter offset");
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, handler);
	tt_expect(tt_run_to_done(vcpu), "the guest runs to its end");
	kvm_vm_free(vm);
}

static void plain(bool el2)
{
	run(0);
}

static void with_offset(bool el2)
{
	run(1000000);
}

static const struct tt_test tests[] = {
	{ "plain", plain, TT_EL1 },
	{ "with_offset", with_offset, TT_EL1 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
