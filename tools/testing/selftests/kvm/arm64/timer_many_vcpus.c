// SPDX-License-Identifier: GPL-2.0
/*
 * timer_many_vcpus - more vCPUs than CPUs, each with a periodic virtual and a
 * periodic physical timer. Every vCPU must get exactly its own interrupts, with
 * its threads crowded on one CPU and with threads that move between CPUs.
 */
#include <pthread.h>
#include <sched.h>

#include "timer_lib.h"

#define NR_VCPUS	8
#define NR_VCPUS_EL2	2
#define NR_PERIODS	20
#define PERIOD_MS	5

struct vcpu_data {
	u32 handled[TT_EL1_TIMERS];
	u32 unknown;
	u32 early;
};

static struct vcpu_data data[NR_VCPUS];
static int nr_vcpus;

static void irq_handler(struct ex_regs *regs)
{
	struct vcpu_data *d = &data[guest_get_vcpuid()];
	u32 intid = tt_guest_ack();
	u64 cval;
	int t;

	if (intid == IAR_SPURIOUS)
		return;
	for (t = 0; t < TT_EL1_TIMERS; t++)
		if (intid == tt_irq[t])
			break;
	if (t < TT_EL1_TIMERS) {
		cval = tt_cval(t);
		if (tt_cnt(t) < cval || !(tt_ctl(t) & CTL_ISTATUS))
			d->early++;
		if (++d->handled[t] < NR_PERIODS)
			tt_set_cval(t, cval + msec_to_cycles(PERIOD_MS + t));
		else
			tt_set_ctl(t, 0);
	} else {
		d->unknown++;
	}
	tt_guest_eoi(intid);
}

static void guest_code(void)
{
	struct vcpu_data *d = &data[guest_get_vcpuid()];
	volatile u32 *handled = d->handled;
	int t;

	tt_guest_setup(nr_vcpus);
	for (t = 0; t < TT_EL1_TIMERS; t++)
		tt_start(t, tt_cnt(t) + msec_to_cycles(PERIOD_MS + t));
	/* Even ones sleep, odd ones are always there to be interrupted. */
	while (handled[TT_V] < NR_PERIODS || handled[TT_P] < NR_PERIODS) {
		if (!(guest_get_vcpuid() & 1))
			wfi();
		tt_guest_take_irqs();
	}
	/* The timers are off: nothing may come any more. */
	tt_guest_delay(msec_to_cycles(2 * PERIOD_MS));
	tt_guest_take_irqs();
	GUEST_DONE();
}

static void *vcpu_thread(void *arg)
{
	return (void *)(unsigned long)tt_run_to_done(arg);
}

static void pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	TEST_ASSERT(!pthread_setaffinity_np(thread, sizeof(set), &set), "CPU %d", cpu);
}

static int nth_cpu(int n)
{
	cpu_set_t set;
	int cpu;

	TEST_ASSERT(!sched_getaffinity(0, sizeof(set), &set), "sched_getaffinity");
	n %= CPU_COUNT(&set);
	for (cpu = 0; n || !CPU_ISSET(cpu, &set); cpu++)
		n -= CPU_ISSET(cpu, &set) ? 1 : 0;
	return cpu;
}

static bool all_done(struct kvm_vm *vm)
{
	struct vcpu_data *d = addr_gva2hva(vm, (gva_t)data);
	int i;

	for (i = 0; i < nr_vcpus; i++)
		if (READ_ONCE(d[i].handled[TT_V]) < NR_PERIODS ||
		    READ_ONCE(d[i].handled[TT_P]) < NR_PERIODS)
			return false;
	return true;
}

static void run(bool el2, bool migrate)
{
	struct kvm_vcpu *vcpus[NR_VCPUS];
	struct kvm_vm *vm;
	pthread_t threads[NR_VCPUS];
	struct vcpu_data *d;
	int i, t, turn = 0;
	void *ok;

	nr_vcpus = el2 ? NR_VCPUS_EL2 : NR_VCPUS;
	vm = tt_vm_create(nr_vcpus, el2, guest_code, vcpus);
	sync_global_to_guest(vm, nr_vcpus);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, irq_handler);
	for (i = 0; i < nr_vcpus; i++) {
		TEST_ASSERT(!pthread_create(&threads[i], NULL, vcpu_thread, vcpus[i]),
			    "pthread_create");
		pin(threads[i], nth_cpu(0));
	}
	/* The pace of the moves doesn't matter, so long as there are many. */
	while (migrate && !all_done(vm)) {
		for (i = 0; i < nr_vcpus; i++)
			pin(threads[i], nth_cpu(i + turn));
		turn++;
		usleep(2000);
	}
	for (i = 0; i < nr_vcpus; i++) {
		pthread_join(threads[i], &ok);
		tt_check(ok, "vcpu%d is done", i);
	}

	sync_global_from_guest(vm, data);
	for (i = 0; i < nr_vcpus; i++) {
		d = &data[i];
		for (t = 0; t < TT_EL1_TIMERS; t++)
			tt_expect(d->handled[t] == NR_PERIODS, "vcpu%d: %u %s interrupts",
				  i, d->handled[t], tt_name[t]);
		tt_expect(!d->unknown && !d->early, "vcpu%d: %u of others, %u early", i,
			  d->unknown, d->early);
	}
	kvm_vm_free(vm);
}

static void one_cpu(bool el2)
{
	run(el2, false);
}

static void migration(bool el2)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		tt_skip("only one CPU");
	run(el2, true);
}

static const struct tt_test tests[] = {
	{ "one_cpu", one_cpu, TT_EL1 },
	{ "migration", migration, TT_EL1_EL2 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
