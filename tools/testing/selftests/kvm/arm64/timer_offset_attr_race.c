// SPDX-License-Identifier: GPL-2.0
/*
 * timer_offset_attr_race - counter offset attributes against vCPUs that run, and
 * against each other, the VM's ioctl and counter registers. An offset is set or
 * refused with EBUSY, and then nothing has changed. In between, guest time never
 * goes back: not through a million exits, nor seen from another vCPU.
 */
#include <pthread.h>

#include "timer_offset.h"

#define NR_VCPUS	2
#define NR_WRITES	400
#define NR_EXITS	1000000
#define FAR		(1ULL << 50)

/* KVM does not know it, and says so at once. */
#define NO_SUCH_CALL	0xc7ffffffU

static struct kvm_vm *vm;
static struct kvm_vcpu *vcpus[NR_VCPUS];
static bool stop;

/* What a writer chooses from; each is as far from the others as no test takes. */
static const u64 virt_values[] = { 0, 2 * FAR };
static const u64 phys_values[] = { -FAR, -8 * FAR };
#define IOCTL_VALUE	(-32 * FAR)

/* Leaves often: that is when a writer gets the vCPU's mutex. */
static void guest_code(void)
{
	for (;;)
		GUEST_SYNC_ARGS(0, timer_get_cntct(VIRTUAL), timer_get_cntct(PHYSICAL), 0, 0);
}

static bool is_near(u64 count, u64 offset)
{
	return count + offset - to_host_count() + FAR / 4 < FAR / 2;
}

/* One of the offsets that are ever in force; new VMs apart, both counters agree. */
static bool is_legal(u64 virt, u64 phys)
{
	int v, p;

	if (!tt_cntpoff)
		phys = to_host_count();
	if (is_near(virt, IOCTL_VALUE) && (!tt_cntpoff || is_near(phys, IOCTL_VALUE)))
		return true;
	for (v = 0; v < ARRAY_SIZE(virt_values); v++) {
		for (p = 0; p < ARRAY_SIZE(phys_values); p++) {
			u64 offset = phys_values[p];

			if (is_near(virt, offset + virt_values[v]) &&
			    (!tt_cntpoff || is_near(phys, offset)))
				return true;
		}
		/* An attribute on top of the ioctl's. */
		if (is_near(virt, IOCTL_VALUE + virt_values[v]) &&
		    (!tt_cntpoff || is_near(phys, IOCTL_VALUE)))
			return true;
	}
	return false;
}

static void *run_thread(void *arg)
{
	unsigned long nr, odd = 0;
	struct ucall uc;

	for (nr = 0; !READ_ONCE(stop); nr++) {
		if (tt_run(arg, &uc) != UCALL_SYNC)
			return NULL;
		odd += !is_legal(uc.args[2], uc.args[3]);
		/* A window in which no vCPU runs, so that some calls succeed. */
		if (!(nr % 64))
			usleep(500);
	}
	return (void *)(unsigned long)!odd;
}

/* Counter registers are written all the time, and never count. */
static void *register_thread(void *arg)
{
	int bad = 0;

	while (!READ_ONCE(stop)) {
		bad += __vcpu_set_reg(arg, KVM_REG_ARM_TIMER_CNT, 100 * FAR) != 0;
		bad += __vcpu_set_reg(arg, KVM_REG_ARM_PTIMER_CNT, 100 * FAR) != 0;
		usleep(100);
	}
	return (void *)(unsigned long)!bad;
}

static void *ioctl_thread(void *arg)
{
	int bad = 0;

	while (!READ_ONCE(stop)) {
		bad += tt_set_offset(vm, IOCTL_VALUE) && errno != EBUSY;
		usleep(700);
	}
	return (void *)(unsigned long)!bad;
}

/* @taken: of which value each there was a write that was not refused. */
struct writer {
	u64 attr;
	const u64 *values;
	bool alone;
	bool taken[2];
	int refused, bad;
};

static void write_one(struct writer *w, int i, u64 *last)
{
	struct kvm_vcpu *vcpu = vcpus[(i >> 1) % NR_VCPUS];
	u64 val = w->values[i & 1];

	if (!to_set(vcpu, w->attr, val)) {
		w->taken[i & 1] = true;
		*last = val;
	} else if (errno == EBUSY) {
		w->refused++;
	} else {
		w->bad++;
	}
	/* Nobody else writes: whatever came of it, this is known. */
	if (w->alone)
		w->bad += to_get(vcpu, w->attr) != *last;
}

static void *write_thread(void *arg)
{
	struct writer *w = arg;
	u64 last = w->values[0];
	int i;

	/* At least, and until it has been seen to go both ways. */
	for (i = 0; i < NR_WRITES || !w->taken[0] || !w->taken[1] || !w->refused; i++) {
		write_one(w, i, &last);
		if (i >= NR_WRITES)
			usleep(200);
	}
	return (void *)(unsigned long)!w->bad;
}

static void join(pthread_t thread, const char *what)
{
	void *ret;

	pthread_join(thread, &ret);
	tt_expect(ret, "%s", what);
}

static void start(pthread_t *thread, void *(*func)(void *), void *arg)
{
	TEST_ASSERT(!pthread_create(thread, NULL, func, arg), "pthread_create");
}

static void race(bool el2, bool alone)
{
	struct writer writer[2] = {
		{ TO_VIRT, virt_values, alone }, { TO_PHYS, phys_values, alone },
	};
	pthread_t run[NR_VCPUS], write[2], others[2];
	int i;
	char name[64];

	alarm(5 * TT_WATCHDOG_SEC);
	stop = false;
	vm = tt_vm_create(NR_VCPUS, el2, guest_code, vcpus);
	TEST_ASSERT(!to_set(vcpus[0], TO_VIRT, virt_values[0]), "set VOFFSET");
	TEST_ASSERT(!to_set(vcpus[0], TO_PHYS, phys_values[0]), "set POFFSET");

	for (i = 0; i < NR_VCPUS; i++)
		start(&run[i], run_thread, vcpus[i]);
	start(&others[0], register_thread, vcpus[1]);
	if (!alone)
		start(&others[1], ioctl_thread, NULL);
	for (i = 0; i < ARRAY_SIZE(write); i++)
		start(&write[i], write_thread, &writer[i]);
	for (i = 0; i < ARRAY_SIZE(write); i++) {
		snprintf(name, sizeof(name), "%s is set, or refused with EBUSY",
			 to_name(writer[i].attr));
		join(write[i], name);
	}
	WRITE_ONCE(stop, true);
	for (i = 0; i < NR_VCPUS; i++)
		join(run[i], "ran, with offsets that were set");
	join(others[0], "counter registers can be written");
	if (!alone)
		join(others[1], "the VM's ioctl sets its offset, or EBUSY");
	kvm_vm_free(vm);
}

static void against_runs(bool el2)
{
	race(el2, true);
}

static void against_all(bool el2)
{
	race(el2, false);
}

/* Shared by the vCPUs: what any of them saw last. */
static u64 latest[2];
static u64 exits_left;

static void guest_exits(void)
{
	u64 seen[2], now[2], i;
	struct arm_smccc_res res;

	for (i = 0; i < exits_left; i++) {
		seen[0] = READ_ONCE(latest[0]);
		seen[1] = READ_ONCE(latest[1]);
		dmb(ish);
		smccc_hvc(NO_SUCH_CALL, 0, 0, 0, 0, 0, 0, 0, &res);
		GUEST_ASSERT_EQ(res.a0, -1UL);
		now[0] = timer_get_cntct(VIRTUAL);
		now[1] = timer_get_cntct(PHYSICAL);
		GUEST_ASSERT(now[0] >= seen[0]);
		GUEST_ASSERT(now[1] >= seen[1]);
		WRITE_ONCE(latest[0], now[0]);
		WRITE_ONCE(latest[1], now[1]);
	}
	GUEST_DONE();
}

static void *exits_thread(void *arg)
{
	return (void *)(unsigned long)tt_run_to_done(arg);
}

static void exits(bool el2)
{
	pthread_t run[NR_VCPUS];
	int i;

	alarm(15 * TT_WATCHDOG_SEC);
	vm = tt_vm_create(NR_VCPUS, el2, guest_exits, vcpus);
	exits_left = NR_EXITS / NR_VCPUS;
	sync_global_to_guest(vm, exits_left);
	TEST_ASSERT(!to_set(vcpus[0], TO_VIRT, FAR), "set VOFFSET");
	if (tt_cntpoff)
		TEST_ASSERT(!to_set(vcpus[1], TO_PHYS, -3 * FAR), "set POFFSET");
	for (i = 0; i < NR_VCPUS; i++)
		start(&run[i], exits_thread, vcpus[i]);
	for (i = 0; i < NR_VCPUS; i++)
		join(run[i], "time does not go back");
	kvm_vm_free(vm);
}

static const struct tt_test tests[] = {
	{ "against_runs", against_runs, TT_EL1 },
	{ "against_all", against_all, TT_EL1 },
	{ "exits", exits, TT_EL1 },
};

int main(int argc, char **argv)
{
	return to_main(argc, argv, tests, ARRAY_SIZE(tests));
}
