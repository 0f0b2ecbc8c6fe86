// SPDX-License-Identifier: GPL-2.0
/*
 * timer_emul_race - a guest hypervisor turns EL1's timers, which KVM emulates with
 * soft timers, on and off around their deadlines, while its thread is preempted
 * and moved. Once a timer is off it stays off: no interrupt, and no ENABLE in CTL.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/time.h>

#include "timer_lib.h"

#define RUN_SEC		6
#define MAX_USEC	200

static struct kvm_vm *vm;
static volatile bool stop;

/* Shared with the guest. */
static volatile u32 finish;
static u64 ticks_per_usec;

struct guest_result {
	u64 rounds;
	u64 enabled;	/* CTL had ENABLE though it was cleared */
	u64 late;	/* an interrupt of a timer that is off */
	u64 missing;	/* none of one that is due */
};

static u64 next_random(u64 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/*
 * Both turned off at some time before their deadline, mostly: who comes between
 * must have time left to start a soft timer again.
 */
static void turn_off(u64 *seed, struct guest_result *r)
{
	u64 deadline = tt_cnt(TT_P02) + (60 + next_random(seed) % 60) * ticks_per_usec;
	u64 off = deadline - 60 * ticks_per_usec + next_random(seed) % (70 * ticks_per_usec);
	enum tt_timer t;

	for (t = TT_V02; t <= TT_P02; t++)
		tt_start(t, deadline);
	while (tt_cnt(TT_P02) < off)
		;
	for (t = TT_V02; t <= TT_P02; t++) {
		tt_set_ctl(t, 0);
		r->enabled += tt_ctl(t) & CTL_ENABLE;
	}
	tt_guest_take_irqs();
	while (tt_cnt(TT_P02) < deadline + 20 * ticks_per_usec)
		;
	tt_guest_take_irqs();
	for (t = TT_V02; t <= TT_P02; t++) {
		r->enabled += tt_ctl(t) & CTL_ENABLE;
		r->late += tt_handled[t];
		tt_handled[t] = 0;
	}
}

static void fire(enum tt_timer t, u64 *seed, struct guest_result *r)
{
	u64 deadline = tt_cnt(t) + next_random(seed) % (MAX_USEC * ticks_per_usec);

	tt_start(t, deadline);
	/* Far more than it takes, even if the thread has to wait for a CPU. */
	while (!tt_handled[t] && tt_cnt(t) < deadline + msec_to_cycles(3000))
		tt_guest_take_irqs();
	r->missing += tt_handled[t] != 1;
	tt_set_ctl(t, 0);
	tt_handled[t] = 0;
}

static void guest_code(void)
{
	struct guest_result r = {};
	u64 seed = 0x9e3779b97f4a7c15ULL;

	tt_guest_setup(1);
	write_sysreg_s(0, SYS_CNTVOFF_EL2);
	isb();
	while (!finish) {
		if (r.rounds % 64)
			turn_off(&seed, &r);
		else
			fire(TT_V02 + (r.rounds / 64 & 1), &seed, &r);
		r.rounds++;
	}
	GUEST_SYNC_ARGS(0, r.rounds, r.enabled, r.late, r.missing);
}

/* Preempts whatever runs on its CPU, most of the time for a moment only. */
static void *disturb_thread(void *arg)
{
	struct sched_param param = { .sched_priority = 10 };
	u64 seed = (u64)arg + 1;

	pin_self_to_cpu((long)arg);
	pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
	while (!stop)
		usleep(30 + next_random(&seed) % 100);
	return NULL;
}

/* Wants the CPU as much as the vCPU does. */
static void *busy_thread(void *arg)
{
	pin_self_to_cpu((long)arg);
	while (!stop)
		sched_yield();
	return NULL;
}

static void *vcpu_thread(void *arg)
{
	struct ucall *uc = arg;
	struct kvm_vcpu *vcpu = list_first_entry(&vm->vcpus, struct kvm_vcpu, list);

	return (void *)(unsigned long)(tt_run(vcpu, uc) == UCALL_SYNC);
}

static void start(pthread_t *thread, void *(*func)(void *), void *arg)
{
	TEST_ASSERT(!pthread_create(thread, NULL, func, arg), "pthread_create");
}

static void toggle(bool el2)
{
	pthread_t disturb[2], busy, run;
	struct kvm_vcpu *vcpu;
	struct timeval from, now;
	struct ucall uc;
	void *ran;
	long cpu;
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		tt_skip("one CPU");
	vm = tt_vm_create(1, el2, guest_code, &vcpu);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, tt_guest_collect_irq);
	ticks_per_usec = timer_get_cntfrq() / 1000000;
	sync_global_to_guest(vm, ticks_per_usec);
	start(&run, vcpu_thread, &uc);
	for (cpu = 0; cpu < 2; cpu++)
		start(&disturb[cpu], disturb_thread, (void *)cpu);
	start(&busy, busy_thread, (void *)1L);

	gettimeofday(&from, NULL);
	i = 0;
	do {
		pin_task_to_cpu(run, i++ & 1);
		usleep(700);
		gettimeofday(&now, NULL);
	} while (now.tv_sec - from.tv_sec < RUN_SEC);
	stop = true;
	*(volatile u32 *)addr_gva2hva(vm, (gva_t)&finish) = true;
	for (cpu = 0; cpu < 2; cpu++)
		pthread_join(disturb[cpu], NULL);
	pthread_join(busy, NULL);
	pthread_join(run, &ran);

	tt_expect(ran, "the guest ran to its end");
	if (ran) {
		ksft_print_msg("%lu rounds\n", (unsigned long)uc.args[2]);
		tt_expect(uc.args[2] >= 20, "it had some rounds");
		tt_expect(!uc.args[3], "CTL: what is off stays off");
		tt_expect(!uc.args[4], "no interrupt of a timer that is off");
		tt_expect(!uc.args[5], "an interrupt of each that is due");
	}
	kvm_vm_free(vm);
}

static const struct tt_test tests[] = {
	{ "toggle", toggle, TT_EL2 },
};

int main(int argc, char **argv)
{
	TEST_REQUIRE(kvm_check_cap(KVM_CAP_ARM_EL2));
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
