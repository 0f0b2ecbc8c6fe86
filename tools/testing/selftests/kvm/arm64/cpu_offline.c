// SPDX-License-Identifier: GPL-2.0
/*
 * cpu_offline - CPUs of the host go off and on while VMs are alive, in whatever state their vCPUs are: each interrupt
 * comes, once, and timers expire, wherever the vCPU's thread has to go on.
 *
 * No step waits for a time to pass, but for what the guests have done; a sub-test that waits for ever has lost
 * something, and is ended by the watchdog. What goes wrong in the kernel shows in its log.
 */
#include <pthread.h>

#include "cpu_offline.h"

#define NR_ROUNDS	3

/* CPUs */

static int cpus[8], nr_cpus;

static void cpu_online(int cpu, bool on)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	fd = open(path, O_WRONLY);
	TEST_ASSERT(fd >= 0 && write(fd, on ? "1" : "0", 1) == 1, "CPU %d goes %s", cpu,
		    on ? "on" : "off");
	close(fd);
}

static bool cpus_can_go(void)
{
	char path[64];
	int i;

	nr_cpus = sw_cpus(cpus, ARRAY_SIZE(cpus));
	for (i = 0; i < nr_cpus; i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpus[i]);
		if (access(path, W_OK))
			return false;
	}
	return nr_cpus > 1;
}

/* A thread whose only CPU goes is moved, and may be anywhere after that. */
static void pin_thread(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	TEST_ASSERT(!pthread_setaffinity_np(thread, sizeof(set), &set), "affinity to CPU %d", cpu);
}

/* The VM */

struct runner {
	struct kvm_vcpu *vcpu;
	pthread_t thread;
	bool hold, held, failed;	/* hold: to stay in user space */
};

static struct runner runners[NR_VCPUS];
static struct kvm_vm *vm;
static struct shared *s;	/* the guest's */
static u32 sent[NR_VCPUS][NR_KINDS];
static int its = -1;

static void *run_vcpu(void *arg)
{
	struct runner *r = arg;
	struct ucall uc;

	for (;;) {
		if (READ_ONCE(r->hold)) {
			WRITE_ONCE(r->held, true);
			usleep(1000);
			continue;
		}
		WRITE_ONCE(r->held, false);
		if (__vcpu_run(r->vcpu)) {
			TEST_ASSERT(errno == EINTR, "KVM_RUN: %d", errno);
			r->vcpu->run->immediate_exit = 0;
			continue;
		}
		switch (get_ucall(r->vcpu, &uc)) {
		case UCALL_SYNC:
			break;
		case UCALL_DONE:
			return NULL;
		default:
			TEST_FAIL("vCPU %d: %s %s", r->vcpu->id,
				  exit_reason_str(r->vcpu->run->exit_reason),
				  uc.cmd == UCALL_ABORT ? uc.buffer : "");
		}
	}
}

/* Memory for the ITS and the redistributors, 64K each: tables, queue, properties, pending tables. */
static void its_create(void)
{
	size_t pages = vm_calc_num_guest_pages(vm->mode, SZ_64K);
	u8 *properties;

	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, ITS_GPA, 1, ITS_NR * pages, 0);
	virt_map(vm, ITS_GPA, ITS_GPA, ITS_NR * pages);
	properties = addr_gpa2hva(vm, ITS_GPA + ITS_PROPERTIES * SZ_64K);
	memset(properties, 0xa3, NR_VCPUS);
	its = vgic_its_setup(vm);
}

static void create(void)
{
	struct kvm_vcpu *vcpus[NR_VCPUS];
	int i;

	memset(sent, 0, sizeof(sent));
	memset(runners, 0, sizeof(runners));
	vm = vt_vm_nr(tt_gicv3 ? 3 : 2, NR_VCPUS, guest_main, vcpus);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, guest_irq);
	tt_irq[TT_V] = vcpu_get_vtimer_irq(vcpus[0]);
	tt_irq[TT_P] = vcpu_get_ptimer_irq(vcpus[0]);
	tt_nr_timers = TT_EL1_TIMERS;
	sync_global_to_guest(vm, tt_irq);
	sync_global_to_guest(vm, tt_nr_timers);
	if (tt_gicv3)
		its_create();
	s = addr_gva2hva(vm, (gva_t)&shared);
	for (i = 0; i < NR_VCPUS; i++) {
		runners[i].vcpu = vcpus[i];
		vcpu_args_set(vcpus[i], 1, (u64)i);
	}
}

static void start(void)
{
	int i;

	for (i = 0; i < NR_VCPUS; i++)
		TEST_ASSERT(!pthread_create(&runners[i].thread, NULL, run_vcpu, &runners[i]),
			    "pthread_create()");
}

static void wait_turns(u32 turns)
{
	vt_wait_turns(s->turns, NR_VCPUS, turns);
}

static void set_mode(enum mode mode)
{
	WRITE_ONCE(s->mode, mode);
	vt_wait_step(s->reached, NR_VCPUS, mode);
}

static void stop(void)
{
	int i;

	WRITE_ONCE(s->mode, MODE_END);
	for (i = 0; i < NR_VCPUS; i++)
		pthread_join(runners[i].thread, NULL);
	if (its >= 0)
		close(its);
	its = -1;
	kvm_vm_free(vm);
}

static void send_spi(int vcpu)
{
	kvm_arm_irq_line(vm, FIRST_SPI + vcpu, 1);
	kvm_arm_irq_line(vm, FIRST_SPI + vcpu, 0);
	sent[vcpu][KIND_SPI]++;
}

static void send_lpi(int vcpu)
{
	struct kvm_msi msi = {
		.address_lo = GITS_BASE_GPA + GITS_TRANSLATER,
		.data = vcpu,
		.flags = KVM_MSI_VALID_DEVID,
	};

	TEST_ASSERT(__vm_ioctl(vm, KVM_SIGNAL_MSI, &msi) == 1, "KVM_SIGNAL_MSI");
	sent[vcpu][KIND_LPI]++;
}

/* The next one only once the last one has come, or they would be one. */
static void send_next(int vcpu)
{
	if (READ_ONCE(s->taken[vcpu][KIND_SPI]) == sent[vcpu][KIND_SPI])
		send_spi(vcpu);
	if (its >= 0 && READ_ONCE(s->taken[vcpu][KIND_LPI]) == sent[vcpu][KIND_LPI])
		send_lpi(vcpu);
}

/* To be called with all vCPUs quiet. */
static void expect_each_once(const char *when)
{
	u32 sgis = 0, timers = 0, spis = 0;
	bool once = true;
	int i;

	for (i = 0; i < NR_VCPUS; i++) {
		u32 *taken = s->taken[i], from = (i + NR_VCPUS - 1) % NR_VCPUS;

		once &= tt_check(taken[KIND_SPI] == sent[i][KIND_SPI], "%s, vCPU %d: SPIs", when, i);
		once &= tt_check(taken[KIND_LPI] == sent[i][KIND_LPI], "%s, vCPU %d: LPIs", when, i);
		once &= tt_check(taken[KIND_SGI] == s->sgis[from], "%s, vCPU %d: SGIs", when, i);
		once &= tt_check(taken[KIND_V] == s->armed[i][TT_V], "%s, vCPU %d: virtual timer",
				 when, i);
		once &= tt_check(taken[KIND_P] == s->armed[i][TT_P], "%s, vCPU %d: physical timer",
				 when, i);
		once &= tt_check(!s->unknown[i], "%s, vCPU %d: other interrupts", when, i);
		sgis += taken[KIND_SGI];
		timers += taken[KIND_V] + taken[KIND_P];
		spis += sent[i][KIND_SPI];
	}
	ksft_print_msg("%s: %u SPIs, %u SGIs, %u timers\n", when, spis, sgis, timers);
	tt_expect(once && spis && sgis && timers, "%s: each came once", when);
}

/* In flight: all are armed and sent while CPUs go off and on. */

static bool senders_stop;

static void *send_all(void *arg)
{
	int i;

	while (!READ_ONCE(senders_stop)) {
		for (i = 0; i < NR_VCPUS; i++)
			send_next(i);
		usleep(200);
	}
	return NULL;
}

/* How often the host's interrupt of the guests' virtual timer came on a CPU; a line of all that are online. */
static u64 vtimer_irqs(int cpu)
{
	FILE *file = fopen("/proc/interrupts", "r");
	char line[1024], *word;
	int column = -1, i;
	u64 count = 0;

	TEST_ASSERT(file && fgets(line, sizeof(line), file), "/proc/interrupts");
	for (i = 0, word = strtok(line, " \n"); word; word = strtok(NULL, " \n"), i++)
		if (atoi(word + strlen("CPU")) == cpu)
			column = i;
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "kvm guest vtimer"))
			continue;
		strtok(line, " ");
		for (i = 0; i <= column; i++)
			count = strtoull(strtok(NULL, " ") ?: "0", NULL, 10);
	}
	fclose(file);
	return count;
}

/*
 * A timer that expires in a guest interrupts the CPU, and ends the guest's run. Without, guests see their timers
 * late, when the host takes them off the CPU for another reason.
 */
static void expect_vtimer_on(int cpu)
{
	u64 before = vtimer_irqs(cpu);
	int turns, i;

	for (i = 0; i < NR_VCPUS; i++)
		pin_thread(runners[i].thread, cpu);
	for (turns = 0; turns < 200 && vtimer_irqs(cpu) == before; turns++)
		wait_turns(1);
	tt_check(vtimer_irqs(cpu) > before, "the virtual timer interrupts CPU %d", cpu);
}

static void go_around(int round)
{
	int cpu = cpus[round % nr_cpus], i;

	for (i = 0; i < NR_VCPUS - 1; i++)
		pin_thread(runners[i].thread, cpus[i % nr_cpus]);
	wait_turns(1);
	cpu_online(cpu, false);
	wait_turns(2);
	cpu_online(cpu, true);
	expect_vtimer_on(cpu);
}

static void running(enum mode mode)
{
	pthread_t sender;
	int round;

	create();
	start();
	set_mode(mode);
	senders_stop = false;
	pthread_create(&sender, NULL, send_all, NULL);
	for (round = 0; round < NR_ROUNDS * nr_cpus; round++)
		go_around(round);
	WRITE_ONCE(senders_stop, true);
	pthread_join(sender, NULL);
	set_mode(MODE_QUIET);
	wait_turns(3);
	expect_each_once(mode == MODE_SPIN ? "spinning" : "sleeping");
	stop();
}

static void test_spinning(bool el2)
{
	running(MODE_SPIN);
}

static void test_sleeping(bool el2)
{
	running(MODE_SLEEP);
}

/* Pending for vCPUs that are in user space, and timers armed, when the CPU goes on which they were last. */
static void pend_over_offline(int cpu)
{
	int i;

	set_mode(MODE_QUIET);
	for (i = 0; i < NR_VCPUS; i++)
		pin_thread(runners[i].thread, cpu);
	wait_turns(2);
	set_mode(MODE_ARM);
	for (i = 0; i < NR_VCPUS; i++)
		WRITE_ONCE(runners[i].hold, true);
	for (i = 0; i < NR_VCPUS; i++) {
		runners[i].vcpu->run->immediate_exit = 1;
		while (!READ_ONCE(runners[i].held)) {
			pthread_kill(runners[i].thread, SIGUSR1);
			usleep(1000);
		}
	}
	for (i = 0; i < NR_VCPUS; i++)
		send_next(i);
	cpu_online(cpu, false);
	for (i = 0; i < NR_VCPUS; i++) {
		runners[i].vcpu->run->immediate_exit = 0;
		WRITE_ONCE(runners[i].hold, false);
	}
	WRITE_ONCE(s->mode, MODE_QUIET);
	wait_turns(2);
	cpu_online(cpu, true);
}

static void test_pending(bool el2)
{
	struct sigaction sa = { .sa_handler = sw_kick_handler };
	int round;

	sigaction(SIGUSR1, &sa, NULL);
	create();
	start();
	for (round = 0; round < NR_ROUNDS * nr_cpus; round++)
		pend_over_offline(cpus[round % nr_cpus]);
	set_mode(MODE_QUIET);
	wait_turns(2);
	expect_each_once("pending");
	stop();
}

/* VMs that begin while a CPU is off, and continue there when it is on again, or end before. */
static void test_create(bool el2)
{
	int round, i;

	for (round = 0; round < 2 * nr_cpus; round++) {
		int cpu = cpus[round % nr_cpus];

		cpu_online(cpu, false);
		create();
		start();
		set_mode(MODE_SPIN);
		wait_turns(1);
		if (round < nr_cpus)
			cpu_online(cpu, true);
		for (i = 0; i < NR_VCPUS && round < nr_cpus; i++)
			pin_thread(runners[i].thread, cpu);
		wait_turns(2);
		for (i = 0; i < NR_VCPUS; i++)
			send_next(i);
		set_mode(MODE_QUIET);
		wait_turns(2);
		expect_each_once(round < nr_cpus ? "on again" : "off");
		stop();
		if (round >= nr_cpus)
			cpu_online(cpu, true);
	}
}

static const struct tt_test tests[] = {
	{ "spinning", test_spinning, TT_HOST },
	{ "sleeping", test_sleeping, TT_HOST },
	{ "pending", test_pending, TT_HOST },
	{ "create", test_create, TT_HOST },
};

int main(int argc, char **argv)
{
	TEST_REQUIRE(cpus_can_go());
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
