// SPDX-License-Identifier: GPL-2.0
/*
 * SPIs, SGIs and lines of PPIs against all that may happen to them meanwhile: 4 vCPUs, each of which sends
 * interrupts, and routes, disables and prioritizes those of all; threads that make edges by ioctl and by
 * eventfd, that raise levels and wait for their end, that change lines of PPIs; and one that interrupts the
 * vCPUs' threads, moves them from CPU to CPU, and looks at what user space can see.
 *
 * "vgic_spi_race [SECONDS [SEED [PART]]]". In rounds, after each of which all is quiet: no edge may be lost,
 * nor be taken more often than it was sent; no interrupt be active twice; each level be taken once, and end.
 *
 * simple: an interrupt's end deactivates it. split: that comes later, so that more are active than fit
 * into list registers, and for edges by any vCPU. actives: that state is written, too. off: the
 * distributor is turned off and on, and interrupts are routed to a vCPU that never runs. levels: those are
 * also taken and ended within one run of the vCPU.
 *
 * How long a round waits depends on how far vCPUs get.
 */
#include <pthread.h>
#include <sys/eventfd.h>

#include "gic_v3.h"
#include "vgic_lib.h"

#include "vgic_spi_race.h"

#define NR_IRQFDS	8
#define NR_LEVELS	(NR_SPIS - NR_EDGES)
#define ROUND_USEC	200000

static u32 seconds = 20;
static u64 seed = 1;
static struct kvm_vm *vm;
static struct kvm_vcpu *vcpus[NR_VCPUS];
static pthread_t vcpu_threads[NR_RUNNING];
static struct shared *s;		/* the guest's */
static int edge_fds[NR_IRQFDS];
static bool threads_stop;
static u32 nr_kicks;

static struct level {
	int fd, end_fd;
	bool high;
	u32 raised;
} levels[NR_LEVELS];

static void *run_vcpu(void *arg)
{
	struct kvm_vcpu *vcpu = arg;
	struct ucall uc;

	while (__vcpu_run(vcpu))
		TEST_ASSERT(errno == EINTR, KVM_IOCTL_ERROR(KVM_RUN, -1));
	if (get_ucall(vcpu, &uc) != UCALL_DONE)
		TEST_FAIL("a vCPU ends");
	return NULL;
}

/* Counted before: who takes the interrupt sees it. */
static void count_sent(int thread, u32 edge)
{
	WRITE_ONCE(s->sent[NR_RUNNING + thread][edge], s->sent[NR_RUNNING + thread][edge] + 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Two of these. */
static void *send_edges(void *which)
{
	long me = (long)which;
	u64 random = seed + me + 1;
	u32 edge;

	while (!READ_ONCE(threads_stop)) {
		edge = vt_random(&random, NR_EDGES);
		count_sent(me, edge);
		kvm_arm_irq_line(vm, FIRST_SPI + edge, 1);
		if (vt_random(&random, 2))
			kvm_arm_irq_line(vm, FIRST_SPI + edge, 0);
	}
	return NULL;
}

static void *send_events(void *arg)
{
	u64 random = seed + 3;
	u32 edge;

	while (!READ_ONCE(threads_stop)) {
		edge = vt_random(&random, NR_IRQFDS);
		count_sent(2, edge);
		TEST_ASSERT(!eventfd_write(edge_fds[edge], 1), "eventfd");
		usleep(vt_random(&random, 100));
	}
	return NULL;
}

/* Whether a level has ended, if it was raised. */
static bool has_ended(struct level *level)
{
	eventfd_t value;

	if (level->high && !eventfd_read(level->end_fd, &value))
		level->high = false;
	return !level->high;
}

static void *raise_levels(void *arg)
{
	u64 random = seed + 4;
	struct level *level;

	while (!READ_ONCE(threads_stop)) {
		level = &levels[vt_random(&random, NR_LEVELS)];
		if (has_ended(level)) {
			level->high = true;
			level->raised++;
			TEST_ASSERT(!eventfd_write(level->fd, 1), "eventfd");
		}
		usleep(vt_random(&random, 50));
	}
	return NULL;
}

static void set_ppi(int vcpu, bool high)
{
	kvm_irq_line(vm, KVM_ARM_IRQ_TYPE_PPI << KVM_ARM_IRQ_TYPE_SHIFT |
		     vcpu << KVM_ARM_IRQ_VCPU_SHIFT | LINE_PPI, high);
}

static void *change_ppis(void *arg)
{
	u64 random = seed + 5;
	int i;

	while (!READ_ONCE(threads_stop)) {
		set_ppi(vt_random(&random, NR_VCPUS), vt_random(&random, 2));
		usleep(vt_random(&random, 100));
	}
	for (i = 0; i < NR_VCPUS; i++)
		set_ppi(i, false);
	return NULL;
}

static void look_at_vgic(u64 *random)
{
	char path[128], buf[512];
	int fd, nr = vt_random(random, 40);
	struct vt_frame frames[3];
	u32 value;

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/vgic-state", getpid(), vm->fd);
	fd = open(path, O_RDONLY);
	TEST_ASSERT(fd >= 0, "%s", path);
	while (nr-- && read(fd, buf, 1 + vt_random(random, sizeof(buf))) > 0)
		;
	close(fd);
	/* Vcpus run: one has to do without. */
	vt_frames(tt_gic, frames);
	TEST_ASSERT(vt_get(vm->arch.gic_fd, &frames[0], GICD_CTLR, &value) == EBUSY, "GICD_CTLR");
}

static void move_thread(pthread_t thread, u64 *random)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(vt_random(random, sysconf(_SC_NPROCESSORS_ONLN)), &set);
	pthread_setaffinity_np(thread, sizeof(set), &set);
}

static void *kick(void *arg)
{
	u64 random = seed + 6;

	while (!READ_ONCE(threads_stop)) {
		pthread_kill(vcpu_threads[vt_random(&random, NR_RUNNING)], SIGUSR1);
		if (!vt_random(&random, 4))
			move_thread(vcpu_threads[vt_random(&random, NR_RUNNING)], &random);
		if (!vt_random(&random, 16))
			look_at_vgic(&random);
		nr_kicks++;
		usleep(vt_random(&random, 1000));
	}
	return NULL;
}

/* Every vCPU goes around that often: what is pending has been taken then. */
static void wait_turns(void)
{
	vt_wait_turns(s->turns, NR_RUNNING, 20);
}

static void wait_phase(enum phase phase)
{
	WRITE_ONCE(s->phase, phase);
	vt_wait_step(s->reached, NR_RUNNING, phase);
}

static void disturb_all(void)
{
	pthread_t threads[6];
	int i;

	threads_stop = false;
	pthread_create(&threads[0], NULL, send_edges, (void *)0);
	pthread_create(&threads[1], NULL, send_edges, (void *)1);
	pthread_create(&threads[2], NULL, send_events, NULL);
	pthread_create(&threads[3], NULL, raise_levels, NULL);
	pthread_create(&threads[4], NULL, change_ppis, NULL);
	pthread_create(&threads[5], NULL, kick, NULL);
	usleep(ROUND_USEC);
	WRITE_ONCE(threads_stop, true);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

/* The last one of each edge has been seen by some vCPU. */
static u32 count_lost(void)
{
	u32 edge, lost = 0, seen;
	int from, i;

	for (edge = 0; edge < NR_EDGES; edge++) {
		for (from = 0; from < NR_SENDERS; from++) {
			for (seen = 0, i = 0; i < NR_RUNNING; i++)
				seen = max(seen, READ_ONCE(s->seen[i][from][edge]));
			if (seen != s->sent[from][edge] && !lost++)
				ksft_print_msg("SPI %u of %d: %u of %u\n", FIRST_SPI + edge, from,
					       seen, s->sent[from][edge]);
		}
	}
	return lost;
}

static u32 count_lost_sgis(void)
{
	u32 from, to, sgi, lost = 0;

	for (from = 0; from < NR_RUNNING; from++)
		for (to = 0; to < NR_RUNNING; to++)
			for (sgi = 0; sgi < NR_SGIS; sgi++)
				lost += s->seen_sgi[to][from][sgi] != s->sent_sgi[from][to][sgi];
	return lost;
}

static u32 taken_in_all(u32 spi)
{
	u32 taken = 0;
	int i;

	for (i = 0; i < NR_RUNNING; i++)
		taken += READ_ONCE(s->taken[i][spi]);
	return taken;
}

static u32 count_invented(void)
{
	u32 edge, invented = 0, sent;
	int from;

	for (edge = 0; edge < NR_EDGES; edge++) {
		for (sent = 0, from = 0; from < NR_SENDERS; from++)
			sent += s->sent[from][edge];
		if (taken_in_all(edge) <= sent)
			continue;
		ksft_print_msg("SPI %u: %u of %u\n", FIRST_SPI + edge, taken_in_all(edge), sent);
		invented++;
	}
	return invented;
}

/* If one never ends, the watchdog does. */
static u32 count_wrong_levels(void)
{
	u32 i, wrong = 0;

	for (i = 0; i < NR_LEVELS; i++) {
		while (!has_ended(&levels[i]))
			usleep(100);
		/* Where states are written, one may end before it is taken, or be taken again. */
		if (s->mode == MODE_ACTIVES || taken_in_all(NR_EDGES + i) == levels[i].raised)
			continue;
		ksft_print_msg("level %u: %u of %u\n", i, taken_in_all(NR_EDGES + i),
			       levels[i].raised);
		wrong++;
	}
	return wrong;
}

/* All lines are low, and enabled until one is taken. */
static u32 count_wrong_ppis(void)
{
	u32 before[NR_RUNNING], wrong = 0;
	int i;

	for (i = 0; i < NR_RUNNING; i++) {
		before[i] = READ_ONCE(s->taken_ppi[i]);
		set_ppi(i, true);
	}
	wait_turns();
	for (i = 0; i < NR_RUNNING; i++) {
		set_ppi(i, false);
		wrong += READ_ONCE(s->taken_ppi[i]) != before[i] + 1;
	}
	return wrong;
}

static void assign_irqfds(bool assign)
{
	struct kvm_irqfd irqfd = { .flags = assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN };
	u32 i;

	for (i = 0; i < NR_IRQFDS; i++) {
		if (assign)
			edge_fds[i] = kvm_new_eventfd();
		irqfd.gsi = i;
		irqfd.fd = edge_fds[i];
		vm_ioctl(vm, KVM_IRQFD, &irqfd);
		if (!assign)
			close(edge_fds[i]);
	}
	if (assign)
		irqfd.flags = KVM_IRQFD_FLAG_RESAMPLE;
	for (i = 0; i < NR_LEVELS; i++) {
		if (assign) {
			levels[i] = (struct level) { eventfd(0, 0), eventfd(0, EFD_NONBLOCK) };
			irqfd.resamplefd = levels[i].end_fd;
		}
		irqfd.gsi = NR_EDGES + i;
		irqfd.fd = levels[i].fd;
		vm_ioctl(vm, KVM_IRQFD, &irqfd);
		if (!assign) {
			close(levels[i].fd);
			close(levels[i].end_fd);
		}
	}
}

static void on_kick(int sig)
{
}

static void create(enum mode mode)
{
	struct sigaction sa = { .sa_handler = on_kick };
	struct vt_frame frames[3];

	sigaction(SIGUSR1, &sa, NULL);
	vm = vt_vm_nr(tt_gicv3 ? 3 : 2, NR_VCPUS, guest_main, vcpus);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, guest_irq);
	tt_irq[TT_V] = vcpu_get_vtimer_irq(vcpus[0]);
	sync_global_to_guest(vm, tt_irq);
	s = addr_gva2hva(vm, (gva_t)&shared);
	s->mode = mode;
	s->seed = seed;
	/* Before a timer expires: C leaves pending what is so when the distributor is enabled. */
	vt_frames(tt_gic, frames);
	TEST_ASSERT(!vt_set(vm->arch.gic_fd, &frames[0], GICD_CTLR,
			    tt_gic == 3 ? GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_G1A : 1), "GICD_CTLR");
	assign_irqfds(true);
}

static void race(enum mode mode)
{
	u32 rounds = 0, lost = 0, lost_sgis = 0, wrong_levels = 0, wrong_ppis = 0, twice = 0;
	u32 taken = 0, taken_sgis = 0, unknown = 0, i;
	time_t end = time(NULL) + max(seconds / 5, 1u);

	alarm(TT_WATCHDOG_SEC + 5 * seconds);
	create(mode);
	for (i = 0; i < NR_RUNNING; i++)
		pthread_create(&vcpu_threads[i], NULL, run_vcpu, vcpus[i]);
	wait_phase(PHASE_STILL);
	do {
		wait_phase(PHASE_RACE);
		disturb_all();
		wait_phase(PHASE_STOP);
		wait_phase(PHASE_STILL);
		wait_turns();
		lost += count_lost();
		lost_sgis += count_lost_sgis();
		wrong_levels += count_wrong_levels();
		wrong_ppis += count_wrong_ppis();
		wait_turns();
		rounds++;
	} while (time(NULL) < end);
	wait_phase(PHASE_END);
	for (i = 0; i < NR_RUNNING; i++) {
		pthread_join(vcpu_threads[i], NULL);
		taken_sgis += s->taken_sgi[i];
		twice += s->twice[i];
		unknown += s->unknown[i];
	}
	for (i = 0; i < NR_SPIS; i++)
		taken += taken_in_all(i);
	ksft_print_msg("%u rounds, %u kicks, %u SPIs, %u SGIs, %u of a line\n", rounds, nr_kicks,
		       taken, taken_sgis, s->taken_ppi[0] + s->taken_ppi[1]);
	tt_expect(!lost, "no edge is lost");
	tt_expect(!lost_sgis, "no SGI is lost");
	tt_expect(!count_invented(), "no edge comes that was not sent");
	tt_expect(!twice, "none is active twice");
	tt_expect(!wrong_levels, "each level is taken once, and ends");
	tt_expect(!wrong_ppis, "each line of a PPI is taken once");
	tt_expect(!unknown, "nothing else comes");
	tt_expect(taken > rounds * NR_SPIS && taken_sgis > rounds, "there was a race");
	assign_irqfds(false);
	kvm_vm_free(vm);
}

static void simple(bool el2)
{
	race(MODE_SIMPLE);
}

static void split(bool el2)
{
	race(MODE_SPLIT);
}

static void actives(bool el2)
{
	race(MODE_ACTIVES);
}

static void off(bool el2)
{
	race(MODE_OFF);
}

static void levels_within_run(bool el2)
{
	race(MODE_LEVELS);
}

static const struct tt_test tests[] = {
	{ "simple", simple },
	{ "split", split },
	{ "actives", actives },
	{ "off", off },
	{ "levels", levels_within_run },
};

int main(int argc, char **argv)
{
	if (argc > 1)
		seconds = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	return tt_main(argc > 3 ? 2 : 1, argv + (argc > 3 ? 2 : 0), tests, ARRAY_SIZE(tests));
}
