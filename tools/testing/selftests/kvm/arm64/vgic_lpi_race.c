// SPDX-License-Identifier: GPL-2.0
/*
 * LPIs against all that may happen to them meanwhile: 4 vCPUs, two of which write commands to an
 * ITS each, and two that disable and enable LPIs and ITSs; threads that send MSIs by ioctl and by
 * eventfd, one that interrupts KVM_RUN, and one that looks at what user space can see, stops all vCPUs
 * for more of that, and changes memory slots.
 *
 * "vgic_lpi_race [SECONDS [SEED]]". In rounds, after each of which all is quiet:
 *
 * moves: LPIs are moved, their properties change, ITSs are disabled and enabled. No MSI that was
 * said to be delivered may be lost.
 *
 * maps: LPIs are also unmapped and mapped, by two ITSs that have the same ones in mind, and vCPUs
 * lose them all. Mapped anew afterwards each LPI must arrive, once, where it was mapped to.
 *
 * What happens in the kernel shows in its log. How long a round waits depends on how far vCPUs get.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>

#define VI_NR_VCPUS	4

#include "vgic_its_lib.h"

#include "vgic_lpi_race.h"

#define NR_IRQFDS	8
#define FIRST_GSI	40
#define ROUND_USEC	300000

static u32 seconds = 20;
static u64 seed = 1;
static struct shared *s;		/* the guest's */
static int eventfds[NR_IRQFDS];
static bool threads_stop;
static u32 nr_sent[2], nr_delivered[2];	/* by ioctl, by each of the threads */

static pthread_t vcpu_threads[VI_NR_VCPUS];
static bool stop_vcpus;
static u32 nr_stopped;

static void on_signal(int sig)
{
}

static void wait_while_stopped(void)
{
	if (!READ_ONCE(stop_vcpus))
		return;
	__atomic_fetch_add(&nr_stopped, 1, __ATOMIC_SEQ_CST);
	while (READ_ONCE(stop_vcpus))
		usleep(50);
	__atomic_fetch_sub(&nr_stopped, 1, __ATOMIC_SEQ_CST);
}

static void *run_vcpu(void *vcpu)
{
	struct ucall uc;

	while (__vcpu_run(vcpu)) {
		TEST_ASSERT_EQ(errno, EINTR);
		wait_while_stopped();
	}
	if (get_ucall(vcpu, &uc) != UCALL_DONE)
		TEST_FAIL("a vCPU ends");
	return NULL;
}

static void interrupt_all(void)
{
	int i;

	for (i = 0; i < VI_NR_VCPUS; i++)
		pthread_kill(vcpu_threads[i], SIGUSR1);
}

static void *interrupt(void *arg)
{
	u64 random = seed + 5;

	while (!READ_ONCE(threads_stop)) {
		pthread_kill(vcpu_threads[vt_random(&random, VI_NR_VCPUS)], SIGUSR1);
		usleep(vt_random(&random, 500));
	}
	return NULL;
}

static int signal_msi(int its, u32 event)
{
	struct kvm_msi msi = {
		.address_lo = vi_its_gpa(its) + GITS_TRANSLATER,
		.data = event,
		.devid = DEVICE,
		.flags = KVM_MSI_VALID_DEVID,
	};

	return __vm_ioctl(vi.vm, KVM_SIGNAL_MSI, &msi);
}

/* Until it is delivered, which it is not while the ITS is disabled. */
static void signal_for_sure(u32 lpi)
{
	int its = lpi / NR_EVENTS, ret;

	WRITE_ONCE(s->sent[lpi], s->sent[lpi] + 1);
	while ((ret = signal_msi(its, lpi % NR_EVENTS)) != 1)
		TEST_ASSERT(ret < 0 && errno == EBUSY, "MSI %u: %d", lpi, ret);
}

/* Two of these, with every other event each. Those of irqfds are not theirs. */
static void *send_msis(void *which)
{
	u64 random = seed + (long)which + 1;
	long me = (long)which;
	u32 lpi;

	while (!READ_ONCE(threads_stop)) {
		lpi = vt_random(&random, NR_LPIS / 2) * 2 + me;
		nr_sent[me]++;
		if (s->mode == MAPS) {
			nr_delivered[me] += signal_msi(vt_random(&random, 2), vt_random(&random, NR_EVENTS)) == 1;
		} else if (lpi >= NR_IRQFDS) {
			signal_for_sure(lpi);
			nr_delivered[me]++;
		}
	}
	return NULL;
}

static void *send_events(void *arg)
{
	u64 random = seed + 3;

	while (!READ_ONCE(threads_stop))
		TEST_ASSERT(!eventfd_write(eventfds[vt_random(&random, NR_IRQFDS)], 1), "eventfd");
	return NULL;
}

/* What is there must stand being looked at; in pieces, so that there is much in between. */
static void read_debugfs(const char *name, u64 *random)
{
	char path[128], buf[512];
	int fd, nr = vt_random(random, 40);

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/%s", getpid(), vi.vm->fd, name);
	fd = open(path, O_RDONLY);
	TEST_ASSERT(fd >= 0, "%s", path);
	while (nr-- && read(fd, buf, 1 + vt_random(random, sizeof(buf))) > 0)
		;
	close(fd);
}

/* Memory slots that come and go: what reads guest memory meanwhile must hold on to those it sees. */
static void change_slots(void)
{
	static u8 page[SZ_64K] __aligned(SZ_64K);
	struct kvm_userspace_memory_region slot = {
		.slot = VI_SLOT + 1,
		.guest_phys_addr = VI_SLOT_GPA + 2 * VI_SLOT_SIZE,
		.memory_size = sizeof(page),
		.userspace_addr = (u64)page,
	};

	vm_ioctl(vi.vm, KVM_SET_USER_MEMORY_REGION, &slot);
	slot.memory_size = 0;
	vm_ioctl(vi.vm, KVM_SET_USER_MEMORY_REGION, &slot);
}

/* User space never sees that something is left to be done, of what was announced. */
static void look_at_rest(void)
{
	u64 value;
	u32 busy;
	int i;

	for (i = 0; i < 2; i++) {
		TEST_ASSERT(!vi_ctrl(i, KVM_DEV_ARM_ITS_SAVE_TABLES), "save");
		TEST_ASSERT(!vi_get(i, GITS_CTLR, &value), "GITS_CTLR");
		tt_check(!(value & GITS_CTLR_ENABLE) || value & GITS_CTLR_QUIESCENT, "ITS %d is busy", i);
	}
	for (i = 0; i < VI_NR_VCPUS; i++) {
		kvm_device_attr_get(vi.gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
				    (u64)i << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | GICR_SYNCR, &busy);
		tt_check(!busy, "redistributor %d is busy", i);
	}
}

static void look_while_stopped(void)
{
	WRITE_ONCE(stop_vcpus, true);
	while (__atomic_load_n(&nr_stopped, __ATOMIC_SEQ_CST) < VI_NR_VCPUS) {
		interrupt_all();
		usleep(50);
	}
	look_at_rest();
	WRITE_ONCE(stop_vcpus, false);
	while (__atomic_load_n(&nr_stopped, __ATOMIC_SEQ_CST))
		usleep(50);
}

static void *look(void *arg)
{
	u64 random = seed + 4, value;
	char name[48];
	int ret;

	snprintf(name, sizeof(name), "vgic-its-state@%lx", vi_its_gpa(0));
	while (!READ_ONCE(threads_stop)) {
		read_debugfs("vgic-state", &random);
		read_debugfs(name, &random);
		/* As a rule vCPUs run: these have to do without. */
		ret = vi_get(0, GITS_CTLR, &value);
		TEST_ASSERT(!ret || ret == EBUSY, "GITS_CTLR: %d", ret);
		ret = vi_ctrl(0, KVM_DEV_ARM_ITS_SAVE_TABLES);
		TEST_ASSERT(!ret || ret == EBUSY, "save: %d", ret);
		change_slots();
		look_while_stopped();
		usleep(1000);
	}
	return NULL;
}

static void wait_turns(void)
{
	vt_wait_turns(s->turns, VI_NR_VCPUS, 20);
}

static void wait_phase(enum phase phase)
{
	WRITE_ONCE(s->phase, phase);
	vt_wait_step(s->reached, VI_NR_VCPUS, phase);
}

static void disturb(void)
{
	pthread_t threads[5];
	int i;

	threads_stop = false;
	pthread_create(&threads[0], NULL, send_msis, (void *)0);
	pthread_create(&threads[1], NULL, send_msis, (void *)1);
	pthread_create(&threads[2], NULL, send_events, NULL);
	pthread_create(&threads[3], NULL, look, NULL);
	pthread_create(&threads[4], NULL, interrupt, NULL);
	usleep(ROUND_USEC);
	WRITE_ONCE(threads_stop, true);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

/* The last one of each LPI has been seen by some vCPU. */
static u32 count_lost(void)
{
	u32 lpi, lost = 0, seen;
	int i;

	for (lpi = 0; lpi < NR_LPIS; lpi++) {
		for (seen = 0, i = 0; i < VI_NR_VCPUS; i++)
			seen = max(seen, READ_ONCE(s->seen[i][lpi]));
		if (seen != s->sent[lpi]) {
			ksft_print_msg("LPI %u: %u of %u\n", VI_FIRST_LPI + lpi, seen, s->sent[lpi]);
			lost++;
		}
	}
	return lost;
}

/* Mapped anew, by one ITS: each comes once, where it belongs. */
static u32 count_astray(void)
{
	u32 lpi, astray = 0;
	int i;

	memset(s->taken, 0, sizeof(s->taken));
	for (lpi = 0; lpi < NR_EVENTS; lpi++)
		TEST_ASSERT(signal_msi(0, lpi) == 1, "MSI %u", lpi);
	wait_turns();
	for (lpi = 0; lpi < NR_EVENTS; lpi++) {
		for (i = 0; i < VI_NR_VCPUS; i++) {
			u32 nr = READ_ONCE(s->taken[i][lpi]);

			if (nr == (lpi % VI_NR_VCPUS == i))
				continue;
			ksft_print_msg("LPI %u: %u times on vCPU %d\n", VI_FIRST_LPI + lpi, nr, i);
			astray++;
		}
	}
	return astray;
}

static void route_irqfds(void)
{
	struct kvm_irq_routing *routing = kvm_gsi_routing_create();
	int i;

	for (i = 0; i < NR_IRQFDS; i++) {
		routing->entries[routing->nr++] = (struct kvm_irq_routing_entry) {
			.gsi = FIRST_GSI + i,
			.type = KVM_IRQ_ROUTING_MSI,
			.flags = KVM_MSI_VALID_DEVID,
			.u.msi.address_lo = vi_its_gpa(0) + GITS_TRANSLATER,
			.u.msi.data = i,
			.u.msi.devid = DEVICE,
		};
		eventfds[i] = kvm_new_eventfd();
	}
	kvm_gsi_routing_write(vi.vm, routing);
	for (i = 0; i < NR_IRQFDS; i++)
		kvm_assign_irqfd(vi.vm, FIRST_GSI + i, eventfds[i]);
}

static void create(enum mode mode)
{
	int i;

	vi_create_for(2, guest_main, guest_irq);
	virt_map(vi.vm, VI_SLOT_GPA, VI_SLOT_GPA, VI_SLOT_SIZE / vi.vm->page_size);
	tt_irq[TT_V] = vcpu_get_vtimer_irq(vi.vcpus[0]);
	sync_global_to_guest(vi.vm, tt_irq);
	s = addr_gva2hva(vi.vm, (gva_t)&shared);
	s->mode = mode;
	s->seed = seed;
	/* Before a timer expires: C leaves pending what is so when the distributor is enabled. */
	TEST_ASSERT(!vi_set_gicd(GICD_CTLR, GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_G1A |
				 GICD_CTLR_ENABLE_G1), "GICD_CTLR");
	route_irqfds();
	for (i = 0; i < 2; i++)
		TEST_ASSERT(!vi_set(i, GITS_BASER, VI_FLAT(VI_DEVICES + i)) &&
			    !vi_set(i, GITS_BASER + 8, VI_FLAT(VI_COLLECTIONS + i)) &&
			    !vi_set(i, GITS_CBASER, VI_QUEUE(i)) &&
			    !vi_set(i, GITS_CTLR, GITS_CTLR_ENABLE), "GITS");
}

static void destroy(void)
{
	int i;

	for (i = 0; i < NR_IRQFDS; i++) {
		kvm_deassign_irqfd(vi.vm, FIRST_GSI + i, eventfds[i]);
		close(eventfds[i]);
	}
	vi_free();
}

static void race(enum mode mode)
{
	u32 rounds = 0, lost = 0, astray = 0, taken = 0;
	struct sigaction action = { .sa_handler = on_signal };
	time_t end = time(NULL) + max(seconds / 2, 1u);
	int i;

	alarm(TT_WATCHDOG_SEC + 10 * seconds);
	create(mode);
	sigaction(SIGUSR1, &action, NULL);
	for (i = 0; i < VI_NR_VCPUS; i++)
		pthread_create(&vcpu_threads[i], NULL, run_vcpu, vi.vcpus[i]);
	wait_phase(PHASE_QUIET);
	do {
		wait_phase(PHASE_RACE);
		disturb();
		wait_phase(PHASE_STOP);
		wait_phase(PHASE_STILL);
		wait_turns();
		if (mode == MOVES)
			lost += count_lost();
		wait_phase(PHASE_QUIET);
		wait_turns();
		astray += count_astray();
		rounds++;
	} while (time(NULL) < end);
	wait_phase(PHASE_END);
	for (i = 0; i < VI_NR_VCPUS; i++) {
		pthread_join(vcpu_threads[i], NULL);
		taken += s->all[i];
	}
	ksft_print_msg("%u rounds, %u commands, %u MSIs of %u, %u interrupts\n", rounds,
		       s->commands[0] + s->commands[1], nr_delivered[0] + nr_delivered[1],
		       nr_sent[0] + nr_sent[1], taken);
	tt_expect(!lost, "no MSI is lost");
	tt_expect(!astray, "each LPI comes once, where it belongs");
	tt_expect(taken > rounds * NR_EVENTS, "there was a race");
	destroy();
}

static void moves(bool el2)
{
	race(MOVES);
}

static void maps(bool el2)
{
	race(MAPS);
}

static const struct tt_test tests[] = {
	{ "moves", moves },
	{ "maps", maps },
};

int main(int argc, char **argv)
{
	if (argc > 1)
		seconds = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	test_disable_default_vgic();
	TEST_REQUIRE(tt_probe_gic(3));
	return tt_main(1, argv, tests, ARRAY_SIZE(tests));
}
