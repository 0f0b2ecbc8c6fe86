// SPDX-License-Identifier: GPL-2.0
/*
 * bench_its - what MSIs cost, from the VMM's call until their guest has handled
 * them, and what the ITS's commands cost the guest that issues them.
 *
 * The MSIs are measured by the VMM on CPU 0; the vCPUs are on the other CPUs.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>

#include "bench_lib.h"
#include "bench_its.h"

/*
 * KVM looks events up in a list. A few are enough to tell a translation that is
 * cached from one that is not, and their place in the list hardly counts.
 */
#define NR_EVENTS	16
#define MAX_VCPUS	8
#define FIRST_GSI	32

/* Each vCPU's own cache line. */
struct its_vcpu {
	u64 handled;
} __aligned(128);

static struct its_vcpu its_vcpu[MAX_VCPUS];
static u64 flush_wanted, flush_done;

/* Guest side: commands */

static u64 cmdq_head;

static void its_command(u64 dw0, u64 dw1, u64 dw2)
{
	volatile u64 *entry = its_cmdq() + cmdq_head;

	entry[0] = dw0 | (u64)ITS_DEVICE << 32;
	entry[1] = dw1;
	entry[2] = dw2;
	entry[3] = 0;
	dsb(ishst);
	cmdq_head = (cmdq_head + 4 * sizeof(u64)) % ITS_TABLE_SIZE;
	writeq_relaxed(cmdq_head, GITS_BASE_GVA + GITS_CWRITER);
}

static void its_mapti(u64 event)
{
	its_command(GITS_CMD_MAPTI, event | (ITS_FIRST_LPI + event) << 32, 0);
}

static void its_discard(u64 event)
{
	its_command(GITS_CMD_DISCARD, event, 0);
}

static void its_movi(u64 event, u64 collection)
{
	its_command(GITS_CMD_MOVI, event, collection);
}

static void cmdq_start(void)
{
	cmdq_head = readq_relaxed(GITS_BASE_GVA + GITS_CWRITER);
	/* Not one page fault after the other while measuring. */
	memset(its_cmdq(), 0, ITS_TABLE_SIZE);
}

static u64 its_turn;

static u64 next_event(void)
{
	return its_turn++ % NR_EVENTS;
}

/*
 * Marks must stop where the counting does; what comes before the repetitions has
 * none. The VMM uses the exit to let RCU finish.
 */
static u64 uncounted(void (*command)(u64 event))
{
	bool mark = bench.marks && its_turn > bench_turns_before();
	u64 i, start = bench_guest_now();

	if (mark)
		bench_mark_stop();
	for (i = 0; i < NR_EVENTS; i++)
		command(i);
	bench_guest_user_exit();
	if (mark)
		bench_mark_start();
	return bench_guest_now() - start;
}

/* An event can be mapped or discarded once: then they are all put back. */
static u64 guest_mapti(void)
{
	u64 event = next_event();

	its_mapti(event);
	return event == NR_EVENTS - 1 ? uncounted(its_discard) : 0;
}

static u64 guest_discard(void)
{
	u64 event = next_event();

	its_discard(event);
	return event == NR_EVENTS - 1 ? uncounted(its_mapti) : 0;
}

static u64 guest_movi(void)
{
	u64 turn = its_turn++;

	/* Back and forth between the vCPUs, event by event. */
	its_movi(turn % NR_EVENTS, !(turn / NR_EVENTS % 2));
	return 0;
}

static u64 guest_inv(void)
{
	its_command(GITS_CMD_INV, next_event(), 0);
	return 0;
}

static void guest_commands(bench_fn one)
{
	u64 i;

	its_guest_init_vcpu();
	its_guest_map();
	cmdq_start();
	if (one == guest_mapti)
		for (i = 0; i < NR_EVENTS; i++)
			its_discard(i);
	bench_guest_measure(one);
}

/* Guest side: interrupts */

static void guest_irq_handler(struct ex_regs *regs)
{
	struct its_vcpu *v = &its_vcpu[guest_get_vcpuid()];
	u32 intid = tt_guest_ack();

	if (intid == IAR_SPURIOUS)
		return;
	GUEST_ASSERT(intid >= ITS_FIRST_LPI && intid < ITS_FIRST_LPI + its.nr_events);
	tt_guest_eoi(intid);
	WRITE_ONCE(v->handled, v->handled + 1);
}

static void guest_start(void)
{
	its_guest_init_vcpu();
	if (!guest_get_vcpuid()) {
		its_guest_map();
		cmdq_start();
	}
	GUEST_SYNC(0);
	local_irq_enable();
}

/* Spins, and empties the translation cache when asked to. */
static void guest_spins(void)
{
	u64 wanted;

	guest_start();
	for (;;) {
		wanted = READ_ONCE(flush_wanted);
		if (wanted != flush_done) {
			its_movi(0, 0);
			WRITE_ONCE(flush_done, wanted);
		}
		cpu_relax();
	}
}

static void guest_sleeps(void)
{
	guest_start();
	for (;;)
		wfi();
}

/* VMM side */

static struct msi_vm {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpus[MAX_VCPUS];
	struct bench_thread threads[MAX_VCPUS];
	int its_fd, eventfd[NR_EVENTS];
	/* Of the guest's memory. */
	struct its_vcpu *guest;
	u64 *flush_wanted, *flush_done;
	/* Injected so far, all vCPUs. */
	u64 turn;
} msi;

static void create_vm(u32 nr_vcpus, u32 nr_events, void *guest_code)
{
	memset(&msi, 0, sizeof(msi));
	msi.vm = bench_vm_create(nr_vcpus, 0, guest_code, msi.vcpus);
	msi.its_fd = its_create(msi.vm, nr_vcpus, nr_events);
	vm_install_exception_handler(msi.vm, VECTOR_IRQ_CURRENT, guest_irq_handler);
}

static void destroy_vm(void)
{
	close(msi.its_fd);
	kvm_vm_free(msi.vm);
}

static void start_vcpus(void)
{
	int i;

	msi.guest = addr_gva2hva(msi.vm, (gva_t)its_vcpu);
	msi.flush_wanted = addr_gva2hva(msi.vm, (gva_t)&flush_wanted);
	msi.flush_done = addr_gva2hva(msi.vm, (gva_t)&flush_done);
	its_start(msi.vcpus);
	for (i = 0; i < its.nr_vcpus; i++)
		bench_thread_start(&msi.threads[i], msi.vcpus[i],
				   1 + i % (get_nprocs() - 1));
}

/* Whoever may not have that gets less repeatable figures, and no error. */
static void make_first_come_first_served(void)
{
	struct sched_param p = { .sched_priority = 1 };
	int i;

	for (i = 0; i < its.nr_vcpus; i++)
		pthread_setschedparam(msi.threads[i].thread, SCHED_FIFO, &p);
}

static void stop_vcpus(void)
{
	int i;

	for (i = 0; i < its.nr_vcpus; i++)
		bench_thread_stop(&msi.threads[i]);
}

static void wait_for(u64 *word, u64 value)
{
	while (READ_ONCE(*word) != value)
		cpu_relax();
}

static void signal_msi(u32 event)
{
	its_signal_msi(msi.vm, ITS_DEVICE, event);
}

static u64 host_signal(void)
{
	signal_msi(msi.turn++ % NR_EVENTS);
	wait_for(&msi.guest[0].handled, msi.turn);
	return 0;
}

static void signal_eventfd(void)
{
	TEST_ASSERT(!eventfd_write(msi.eventfd[msi.turn++ % NR_EVENTS], 1),
		    "eventfd_write() failed");
}

static u64 host_irqfd(void)
{
	signal_eventfd();
	wait_for(&msi.guest[0].handled, msi.turn);
	return 0;
}

/* A MOVI empties the whole cache, even one that moves nothing. */
static u64 uncounted_flush(void)
{
	bool mark = bench.marks && msi.turn > bench_turns_before();
	u64 start = bench_host_now();

	if (mark)
		bench_mark_stop();
	WRITE_ONCE(*msi.flush_wanted, msi.turn);
	wait_for(msi.flush_done, msi.turn);
	if (mark)
		bench_mark_start();
	return bench_host_now() - start;
}

/*
 * Each event misses the cache once, then it is emptied. A worker on this CPU
 * handles the miss, and the scheduler thinks at times that it had its share.
 */
static u64 host_irqfd_uncached(void)
{
	u64 spins;

	signal_eventfd();
	for (spins = 1; READ_ONCE(msi.guest[0].handled) != msi.turn; spins++) {
		if (!(spins % 16))
			sched_yield();
		cpu_relax();
	}
	return msi.turn % NR_EVENTS ? 0 : uncounted_flush();
}

/*
 * One after the other to all vCPUs, and only then look what came of it. The number
 * of iterations should be a multiple of such a burst.
 */
static u64 host_stream(void)
{
	u32 i, per_vcpu = its.nr_events / its.nr_vcpus;

	signal_msi(msi.turn++ % its.nr_events);
	if (!(msi.turn % its.nr_events))
		for (i = 0; i < its.nr_vcpus; i++)
			wait_for(&msi.guest[i].handled, msi.turn / its.nr_events * per_vcpu);
	return 0;
}

static void route_events(void)
{
	struct kvm_irq_routing *routing = kvm_gsi_routing_create();
	int i;

	for (i = 0; i < NR_EVENTS; i++) {
		routing->entries[routing->nr++] = (struct kvm_irq_routing_entry) {
			.gsi = FIRST_GSI + i,
			.type = KVM_IRQ_ROUTING_MSI,
			.flags = KVM_MSI_VALID_DEVID,
			.u.msi.address_lo = GITS_BASE_GPA + GITS_TRANSLATER,
			.u.msi.data = i,
			.u.msi.devid = ITS_DEVICE,
		};
		msi.eventfd[i] = kvm_new_eventfd();
	}
	kvm_gsi_routing_write(msi.vm, routing);
	for (i = 0; i < NR_EVENTS; i++)
		kvm_assign_irqfd(msi.vm, FIRST_GSI + i, msi.eventfd[i]);
}

/* Operations */

/* No cycles: they would include what isn't counted. */
static const char *run_without_cycles(const struct bench_op *op,
				      const char *(*run)(const struct bench_op *op))
{
	int fd = bench_perf_fd;
	const char *skip;

	bench_perf_fd = -1;
	skip = run(op);
	bench_perf_fd = fd;
	return skip;
}

static const char *run_commands(const struct bench_op *op)
{
	if (!tt_gicv3)
		return "no-GICv3";
	create_vm(2, NR_EVENTS, guest_commands);
	bench_in_guest_with(op, msi.vcpus[0], its_let_rcu_finish);
	destroy_vm();
	return NULL;
}

static const char *run_paired_commands(const struct bench_op *op)
{
	return run_without_cycles(op, run_commands);
}

/* The VMM spins, the vCPUs need a CPU of their own. */
static const char *why_not(void)
{
	return !tt_gicv3 ? "no-GICv3" : get_nprocs() < 2 ? "one-CPU" : NULL;
}

static const char *run_signal(const struct bench_op *op)
{
	if (why_not())
		return why_not();
	create_vm(1, NR_EVENTS, guest_spins);
	start_vcpus();
	bench_on_host(op);
	stop_vcpus();
	destroy_vm();
	return NULL;
}

static const char *run_irqfd(const struct bench_op *op)
{
	struct sched_param none = {};
	int i;

	if (why_not())
		return why_not();
	create_vm(1, NR_EVENTS, guest_spins);
	route_events();
	/*
	 * A worker that handles a miss shall not wait for the end of our time
	 * slice, nor who creates it for the vCPU's, which inherits that.
	 */
	sched_setscheduler(0, SCHED_IDLE, &none);
	start_vcpus();
	bench_on_host(op);
	sched_setscheduler(0, SCHED_OTHER, &none);
	stop_vcpus();
	for (i = 0; i < NR_EVENTS; i++) {
		kvm_deassign_irqfd(msi.vm, FIRST_GSI + i, msi.eventfd[i]);
		close(msi.eventfd[i]);
	}
	destroy_vm();
	return NULL;
}

static const char *run_irqfd_uncached(const struct bench_op *op)
{
	return run_without_cycles(op, run_irqfd);
}

/* They sleep: those that share a CPU would wait for each other's time slices. */
static const char *run_stream(const struct bench_op *op)
{
	if (why_not())
		return why_not();
	create_vm(op->arg, op->arg * NR_EVENTS, guest_sleeps);
	start_vcpus();
	make_first_come_first_served();
	bench_on_host(op);
	stop_vcpus();
	destroy_vm();
	return NULL;
}

#define COMMAND_TITLE(name)						\
	name " by the guest, one command per CWRITER write, whose trap is included"
#define STREAM_OP(nr, vcpus)						\
	{ "lpi-" #nr, "an LPI of a stream of bursts to " vcpus "; "	\
	  "10^9 / ns is LPIs per second", 4096, run_stream, host_stream, nr }

static const struct bench_op ops[] = {
	{ "msi-signal", "KVM_SIGNAL_MSI until a running vCPU has handled the LPI",
	  1600, run_signal, host_signal },
	{ "msi-irqfd", "eventfd written until a running vCPU has handled the LPI, translation cached",
	  1600, run_irqfd, host_irqfd },
	{ "msi-irqfd-uncached", "eventfd written until a running vCPU has handled the LPI, not cached: a worker injects it",
	  1600, run_irqfd_uncached, host_irqfd_uncached },
	{ "its-mapti", COMMAND_TITLE("MAPTI"), 3200, run_paired_commands, guest_mapti },
	{ "its-movi", COMMAND_TITLE("MOVI"), 3200, run_commands, guest_movi },
	{ "its-inv", COMMAND_TITLE("INV"), 3200, run_commands, guest_inv },
	{ "its-discard", COMMAND_TITLE("DISCARD"), 3200, run_paired_commands, guest_discard },
	STREAM_OP(1, "a sleeping vCPU"),
	STREAM_OP(2, "2 sleeping vCPUs"),
	STREAM_OP(4, "4 sleeping vCPUs"),
	STREAM_OP(8, "8 sleeping vCPUs"),
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ops, ARRAY_SIZE(ops));
}
