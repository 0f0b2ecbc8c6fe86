// SPDX-License-Identifier: GPL-2.0
/*
 * timer_offset_race - KVM_ARM_SET_COUNTER_OFFSET against vCPUs that run and
 * against writes of the counter registers. The offset is set or refused with
 * EBUSY, never anything else, and once it is set a counter write does nothing.
 */
#include <pthread.h>

#include "timer_lib.h"

#define NR_VCPUS	2
#define NR_OFFSETS	300
#define FAR		(1ULL << 50)

static struct kvm_vm *vm;
static struct kvm_vcpu *vcpus[NR_VCPUS];
static bool stop;

/* Leaves often: that is when the other side gets the vCPU's mutex. */
static void guest_code(void)
{
	for (;;)
		GUEST_SYNC_ARGS(0, timer_get_cntct(VIRTUAL), timer_get_cntct(PHYSICAL), 0, 0);
}

static void *run_thread(void *arg)
{
	struct kvm_vcpu *vcpu = arg;
	struct ucall uc;
	unsigned long nr;

	for (nr = 0; !READ_ONCE(stop); nr++) {
		if (tt_run(vcpu, &uc) != UCALL_SYNC)
			return NULL;
		/* A window in which no vCPU runs, so that some calls succeed. */
		if (!(nr % 64))
			usleep(500);
	}
	return (void *)1;
}

static void *write_thread(void *arg)
{
	struct kvm_vcpu *vcpu = arg;
	int bad = 0;

	while (!READ_ONCE(stop)) {
		bad += __vcpu_set_reg(vcpu, KVM_REG_ARM_TIMER_CNT, 8 * FAR) != 0;
		bad += __vcpu_set_reg(vcpu, KVM_REG_ARM_PTIMER_CNT, 8 * FAR) != 0;
		usleep(100);
	}
	return (void *)(unsigned long)!bad;
}

/* Alternates between two offsets, until one of each was taken at least. */
static void set_offsets(const u64 *offset, bool *taken)
{
	int i, other = 0;

	for (i = 0; i < NR_OFFSETS || !taken[0] || !taken[1]; i++) {
		if (!tt_set_offset(vm, offset[i & 1]))
			taken[i & 1] = true;
		else
			other += errno != EBUSY;
		if (i >= NR_OFFSETS)
			usleep(200);
	}
	tt_expect(!other, "offsets are set, or refused with EBUSY");
}

static void race(bool el2, bool writers)
{
	pthread_t run[NR_VCPUS], write[NR_VCPUS];
	u64 offset[2], phys, cnt[2];
	bool taken[2] = {};
	void *ret;
	int i;

	stop = false;
	vm = tt_vm_create(NR_VCPUS, el2, guest_code, vcpus);
	phys = vcpu_get_reg(vcpus[0], KVM_REG_ARM_PTIMER_CNT);
	offset[0] = phys - FAR;
	offset[1] = phys - 2 * FAR;

	for (i = 0; i < NR_VCPUS; i++)
		TEST_ASSERT(!pthread_create(&run[i], NULL, run_thread, vcpus[i]),
			    "pthread_create");
	for (i = 0; writers && i < NR_VCPUS; i++)
		TEST_ASSERT(!pthread_create(&write[i], NULL, write_thread, vcpus[i]),
			    "pthread_create");
	set_offsets(offset, taken);
	WRITE_ONCE(stop, true);
	for (i = 0; i < NR_VCPUS; i++) {
		pthread_join(run[i], &ret);
		tt_expect(ret, "vcpu%d ran", i);
		if (!writers)
			continue;
		pthread_join(write[i], &ret);
		tt_expect(ret, "vcpu%d: counter writes succeed", i);
	}
	tt_expect(taken[0] && taken[1], "both offsets were set");

	/* One of the two, for both counters and seen alike by all vCPUs. */
	for (i = 0; i < NR_VCPUS; i++) {
		cnt[0] = vcpu_get_reg(vcpus[i], KVM_REG_ARM_TIMER_CNT);
		cnt[1] = vcpu_get_reg(vcpus[i], KVM_REG_ARM_PTIMER_CNT);
		tt_expect(cnt[0] >= FAR && cnt[0] < 3 * FAR, "vcpu%d: CNT has an offset", i);
		tt_expect(cnt[1] >= cnt[0] && cnt[1] - cnt[0] < FAR / 2,
			  "vcpu%d: PTIMER_CNT has the same", i);
	}
	tt_errno(tt_set_offset(vm, offset[0]), 0, "set the offset at rest");
	tt_errno(__vcpu_set_reg(vcpus[0], KVM_REG_ARM_TIMER_CNT, 8 * FAR), 0, "set CNT");
	tt_expect(vcpu_get_reg(vcpus[0], KVM_REG_ARM_TIMER_CNT) < 2 * FAR, "CNT did not move");
	kvm_vm_free(vm);
}

static void running(bool el2)
{
	race(el2, false);
}

static void running_and_writing(bool el2)
{
	race(el2, true);
}

static const struct tt_test tests[] = {
	{ "running", running, TT_EL1 },
	{ "running_and_writing", running_and_writing, TT_EL1 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
