// SPDX-License-Identifier: GPL-2.0
/*
 * timer_create_race - KVM_ARM_SET_COUNTER_OFFSET against vCPUs that are created:
 * a new vCPU sets the offsets of a VM that has none of its own. The call sets the
 * offset for all vCPUs, those that are being created as well, or says EBUSY.
 */
#include <pthread.h>

#include "timer_lib.h"

#define NR_ROUNDS	120
#define NR_VCPUS	6
#define FAR		(1ULL << 50)

static struct kvm_vm *vm;
static volatile int at_start;
static int fds[NR_VCPUS], round_nr, delay;
static int offset_err;

/* Both sides begin at the same moment. */
static void wait_for_other(void)
{
	__atomic_add_fetch(&at_start, 1, __ATOMIC_SEQ_CST);
	while (at_start < 2)
		;
}

static void *create_thread(void *arg)
{
	int i;

	wait_for_other();
	for (i = 0; i < NR_VCPUS; i++)
		fds[i] = __vm_ioctl(vm, KVM_CREATE_VCPU, (void *)(long)i);
	return NULL;
}

static void *offset_thread(void *arg)
{
	volatile int i;

	wait_for_other();
	for (i = 0; i < delay; i++)
		;
	offset_err = tt_set_offset(vm, -FAR) ? errno : 0;
	return NULL;
}

static u64 get_counter(int fd, u64 id)
{
	u64 val = 0;
	struct kvm_one_reg reg = { .id = id, .addr = (u64)&val };

	TEST_ASSERT(!ioctl(fd, KVM_GET_ONE_REG, &reg), "cannot read a counter");
	return val;
}

struct result {
	int set, busy, other, failed, lost, odd;
};

/* All vCPUs have the offset, or none has. */
static bool check_counters(bool want)
{
	struct kvm_vcpu_init init;
	bool ok = true;
	u64 cnt[2];
	int i;

	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
	for (i = 0; i < NR_VCPUS; i++) {
		TEST_ASSERT(!ioctl(fds[i], KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
		cnt[0] = get_counter(fds[i], KVM_REG_ARM_TIMER_CNT);
		cnt[1] = get_counter(fds[i], KVM_REG_ARM_PTIMER_CNT);
		ok &= (cnt[0] >= FAR) == want && (cnt[1] >= FAR) == want;
	}
	return ok;
}

static void one_round(struct result *r)
{
	pthread_t create, offset;
	int i;

	at_start = 0;
	vm = vm_create_barebones();
	/* From before the first to behind the last. */
	delay = round_nr * 37 % NR_ROUNDS * 100;
	TEST_ASSERT(!pthread_create(&create, NULL, create_thread, NULL), "pthread_create");
	TEST_ASSERT(!pthread_create(&offset, NULL, offset_thread, NULL), "pthread_create");
	pthread_join(create, NULL);
	pthread_join(offset, NULL);

	for (i = 0; i < NR_VCPUS; i++)
		r->failed += fds[i] < 0;
	r->set += !offset_err;
	r->busy += offset_err == EBUSY;
	r->other += offset_err && offset_err != EBUSY;
	if (!r->failed) {
		r->lost += !check_counters(!offset_err);
		/* At rest it can be set, and then it counts. */
		r->odd += tt_set_offset(vm, -FAR) || !check_counters(true);
	}
	for (i = 0; i < NR_VCPUS; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	kvm_vm_free(vm);
}

static void offset(bool el2)
{
	struct result r = {};

	for (round_nr = 0; round_nr < NR_ROUNDS && !r.failed; round_nr++)
		one_round(&r);
	tt_expect(!r.failed, "vCPUs are created");
	tt_expect(!r.other, "the offset is set, or refused with EBUSY");
	tt_expect(r.set, "it was set");
	tt_expect(!r.lost, "it is in force if it was set, and only then");
	tt_expect(!r.odd, "it can be set later");
	ksft_print_msg("%d set, %d refused\n", r.set, r.busy);
}

static const struct tt_test tests[] = {
	{ "offset", offset, TT_HOST },
};

int main(int argc, char **argv)
{
	return tt_main_any_gic(argc, argv, tests, ARRAY_SIZE(tests));
}
