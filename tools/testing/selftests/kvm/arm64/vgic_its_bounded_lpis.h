/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vCPU's LPIs are enabled or disabled, there are many, and a signal comes in the midst of it: KVM_RUN
 * ends, and what is left is done before the guest goes on, or user space looks. For vgic_its_bounded.c.
 *
 * Where KVM is, is known, whatever the machine's speed: it waits for a page of the guest's memory, which
 * it gets when the signal has been sent.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_BOUNDED_LPIS_H
#define SELFTEST_KVM_VGIC_ITS_BOUNDED_LPIS_H

#include <semaphore.h>

#include "userfaultfd_util.h"

static struct faults {
	struct uffd_desc *uffd;
	u8 fill;	/* what the pages hold */
	u32 nr;		/* so many have come */
	void (*first)(void);
} faults;

static int on_fault(int mode, int uffd, struct uffd_msg *msg)
{
	size_t size = getpagesize();
	void *page = malloc(size);
	struct uffdio_copy copy = {
		.src = (u64)page,
		.dst = msg->arg.pagefault.address & ~(size - 1),
		.len = size,
	};

	memset(page, faults.fill, size);
	if (faults.first)
		faults.first();
	faults.first = NULL;
	/* A signal may have KVM ask for it again. */
	if (!ioctl(uffd, UFFDIO_COPY, &copy))
		faults.nr++;
	else
		TEST_ASSERT_EQ(errno, EEXIST);
	free(page);
	return 0;
}

static void faults_begin(void *memory, size_t size, u8 fill, void (*first)(void))
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	faults = (struct faults) { .fill = fill, .first = first };
	TEST_ASSERT(!madvise(memory, size, MADV_DONTNEED), "madvise()");
	faults.uffd = uffd_setup_demand_paging(UFFDIO_REGISTER_MODE_MISSING, 0, memory, size, 1, on_fault);
}

static u64 ctlr_of_user(void)
{
	u32 value;

	kvm_device_attr_get(vi.gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, GICR_CTLR, &value);
	return value & (GICR_CTLR_RWP | GICR_CTLR_ENABLE_LPIS);
}

static u64 ctlr_of_guest(void)
{
	return vi_read(2, vi_gicr(0, GICR_CTLR), 4) & (GICR_CTLR_RWP | GICR_CTLR_ENABLE_LPIS);
}

/* vCPU @vcpu is to write. */
static void ask_write(int vcpu, gpa_t address, u32 width, u64 value)
{
	struct vi_request *r = addr_gva2hva(vi.vm, (gva_t)&vi_request[vcpu]);

	r->op = VI_ACCESS;
	r->access = (struct vt_request) { address, value, width, true };
}

/* Enabled: the pending table is on several pages, the first of which comes with the signal. */

static void signal_self(void)
{
	pthread_kill(interrupter.vcpu, SIGUSR1);
}

static void enable(bool look)
{
	const size_t page = getpagesize();
	const size_t size = roundup((VI_FIRST_LPI + NR_LPIS) / 8, page);
	bool gone_on;

	pending_in_table();
	interrupter.vcpu = pthread_self();
	faults_begin(vi_memory(VI_PENDING), size, 0xff, signal_self);
	ask_write(0, vi_gicr(0, GICR_CTLR), 4, GICR_CTLR_ENABLE_LPIS);
	gone_on = run();
	tt_expect(!gone_on && faults.nr == 1, "LPIs are enabled: a signal ends KVM_RUN");
	if (look)
		tt_expect(ctlr_of_user() == GICR_CTLR_ENABLE_LPIS, "they are for user space");
	else
		tt_expect(ctlr_of_guest() == GICR_CTLR_ENABLE_LPIS, "they are for another vCPU");
	tt_check(faults.nr == size / page, "%u pages", faults.nr);
	while (!gone_on)
		gone_on = run();
	tt_check(faults.nr == size / page, "%u pages", faults.nr);
	uffd_stop_demand_paging(faults.uffd);
	tt_check(ctlr_of_guest() == GICR_CTLR_ENABLE_LPIS, "they are");
	expect_some();
	vi_free();
}

static void bounded_enable(bool el2)
{
	alarm(WATCHDOG_SEC);
	if (VI_FIRST_LPI + NR_LPIS <= 8 * getpagesize()) {
		ksft_print_msg("one page has all bits\n");
		return;
	}
	enable(false);
	enable(true);
}

/*
 * Disabled: the vCPU waits for the ITS, which waits for the page that has the properties of an LPI that
 * another vCPU invalidates.
 */

static sem_t its_waits, its_goes_on;

static void hold_its(void)
{
	sem_post(&its_waits);
	sem_wait(&its_goes_on);
}

static struct runner {
	pthread_t thread;
	int vcpu;
	bool gone_on, over;
} runners[2];

static void *runner(void *arg)
{
	struct runner *r = arg;

	r->gone_on = !__vcpu_run(vi.vcpus[r->vcpu]);
	if (!r->gone_on)
		TEST_ASSERT_EQ(errno, EINTR);
	WRITE_ONCE(r->over, true);
	return NULL;
}

static void runner_start(int vcpu)
{
	runners[vcpu] = (struct runner) { .vcpu = vcpu };
	TEST_ASSERT(!pthread_create(&runners[vcpu].thread, NULL, runner, &runners[vcpu]),
		    "pthread_create() failed");
}

static void runner_join(int vcpu)
{
	struct ucall uc;

	pthread_join(runners[vcpu].thread, NULL);
	if (runners[vcpu].gone_on)
		TEST_ASSERT_EQ(get_ucall(vi.vcpus[vcpu], &uc), UCALL_SYNC);
}

static void disable(bool look)
{
	const size_t page = getpagesize();
	bool gone_on;
	void *last;

	pending_in_queue();
	last = vi_memory(VI_PROPERTIES) + ((NR_LPIS - 1) & ~(page - 1));
	sem_init(&its_waits, 0, 0);
	sem_init(&its_goes_on, 0, 0);
	faults_begin(last, page, VI_ENABLED, hold_its);

	vi_queue(0, inv(NR_DEVICES - 1, NR_EVENTS - 1));
	ask_write(1, GITS_BASE_GPA + GITS_CWRITER, 8, vi.writer[0]);
	runner_start(1);
	sem_wait(&its_waits);

	ask_write(0, vi_gicr(0, GICR_CTLR), 4, 0);
	runner_start(0);
	while (ctlr_of_guest() != GICR_CTLR_RWP && !READ_ONCE(runners[0].over))
		;
	pthread_kill(runners[0].thread, SIGUSR1);
	sem_post(&its_goes_on);
	runner_join(0);
	runner_join(1);
	uffd_stop_demand_paging(faults.uffd);

	gone_on = runners[0].gone_on;
	tt_expect(!gone_on, "LPIs are disabled: a signal ends KVM_RUN");
	if (look)
		tt_expect(!ctlr_of_user(), "it is over for user space");
	else
		tt_expect(!ctlr_of_guest(), "it is over for another vCPU");
	while (!gone_on)
		gone_on = run();
	tt_check(!ctlr_of_guest(), "it is");
	expect_retired();
	vi_free();
}

static void bounded_disable(bool el2)
{
	alarm(WATCHDOG_SEC);
	disable(false);
	disable(true);
}

#endif
