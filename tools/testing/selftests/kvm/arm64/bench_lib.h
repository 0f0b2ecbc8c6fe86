/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared parts of the bench_* programs: command line, loops and their output.
 *
 * A program has a table of operations. Each is a function that does the thing
 * once; it is called in a loop by the guest, whose clock is CNTVCT_EL0, or by
 * the VMM, whose clock is CLOCK_MONOTONIC_RAW. A second loop around a function
 * that does nothing tells what the loop costs.
 *
 * Meant for machines whose time is their instructions (QEMU -icount shift=0),
 * where the figures are repeatable, and for hardware.
 */
#ifndef SELFTEST_KVM_BENCH_LIB_H
#define SELFTEST_KVM_BENCH_LIB_H

#include <getopt.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <time.h>

#include <linux/perf_event.h>

#include "timer_lib.h"

/*
 * For one operation: a hang must end the program, not the whole run. The first is
 * CPU time: emulated time flies while a machine waits for its disk.
 */
#define BENCH_WATCHDOG_SEC	120
#define BENCH_WATCHDOG_IDLE_SEC	600
#define BENCH_MAX_REPS		1000
#define BENCH_MAX_ITERATIONS	1000000000
#define BENCH_MIN_WARM_UP	50
/* Enough for one repetition: what is a register here may trap there. */
#define BENCH_REP_USEC		100000
/* Where the measuring thread is. */
#define BENCH_CPU		0

/* Where the guest is in its loops. */
enum bench_stage {
	BENCH_BEGIN,
	BENCH_BASE_DONE,
	BENCH_OP_DONE,
};

/*
 * Does the operation once. Returns the time that is not to be counted (in the
 * loop's own unit: ticks in a guest, ns in the VMM), for instance that until a
 * deadline.
 */
typedef u64 (*bench_fn)(void);

struct bench_op {
	const char *name;
	const char *title;
	u64 iterations;
	/* Returns NULL, or why this machine can't do it, without blanks. */
	const char *(*run)(const struct bench_op *op);
	/* For run()s that several operations share. */
	bench_fn one;
	u64 arg;
};

/* Synchronized to the guest. */
static struct bench_config {
	u64 iterations;
	bool iterations_fixed;
	u64 reps;
	bool marks;
} bench;

/* Printed when all is measured: output has work done later, in the background. */
static struct bench_sample {
	u64 ns, base_ns;
	u64 cycles, base_cycles;
} bench_samples[BENCH_MAX_REPS];

static int bench_nr_samples;
static int bench_perf_fd = -1;

/* What a profiler looks for; NOPs to any CPU. */
static __always_inline void bench_mark_start(void)
{
	asm volatile("hint #112" : : : "memory");
}

static __always_inline void bench_mark_stop(void)
{
	asm volatile("hint #113" : : : "memory");
}

static noinline u64 bench_nothing(void)
{
	asm volatile("" : : : "memory");
	return 0;
}

static inline u64 bench_warm_up(u64 iterations)
{
	return max(iterations / 10, (u64)BENCH_MIN_WARM_UP);
}

/* How often an operation is done before the first repetition, known once it is. */
static inline u64 bench_turns_before(void)
{
	return 2 * BENCH_MIN_WARM_UP + bench_warm_up(bench.iterations);
}

/* Both loops have to be the same code, hence @mark and no inlining. */
static __always_inline u64 bench_loop(bench_fn one, u64 n, bool mark, u64 (*now)(void))
{
	u64 start, uncounted = 0;

	start = now();
	if (mark)
		bench_mark_start();
	while (n--)
		uncounted += one();
	if (mark)
		bench_mark_stop();
	return now() - start - uncounted;
}

typedef u64 (*bench_loop_fn)(bench_fn one, u64 n, bool mark);

/*
 * Warm up, with the number of iterations halved until they take no longer than
 * @limit, unless it was asked for.
 */
static inline void bench_prepare(bench_loop_fn loop, bench_fn one, u64 limit)
{
	u64 time;

	loop(one, BENCH_MIN_WARM_UP, false);
	time = loop(one, BENCH_MIN_WARM_UP, false);
	while (!bench.iterations_fixed && bench.iterations > BENCH_MIN_WARM_UP &&
	       bench.iterations / BENCH_MIN_WARM_UP * time > limit)
		bench.iterations /= 2;
	loop(one, bench_warm_up(bench.iterations), false);
}

/* Guest side */

static inline u64 bench_guest_now(void)
{
	return timer_get_cntct(VIRTUAL);
}

static noinline u64 bench_guest_loop(bench_fn one, u64 n, bool mark)
{
	return bench_loop(one, n, mark, bench_guest_now);
}

/*
 * The main part of a guest that measures: all repetitions. The VMM reads its
 * cycle counter at each stage, so that the exits for it cancel out.
 */
static inline void bench_guest_measure(bench_fn one)
{
	u64 rep, n;

	bench_prepare(bench_guest_loop, one, usec_to_cycles(BENCH_REP_USEC));
	n = bench.iterations;
	for (rep = 0; rep < bench.reps; rep++) {
		GUEST_SYNC2(BENCH_BEGIN, n);
		GUEST_SYNC2(BENCH_BASE_DONE, bench_guest_loop(bench_nothing, n, false));
		GUEST_SYNC2(BENCH_OP_DONE, bench_guest_loop(one, n, bench.marks));
	}
	GUEST_DONE();
}

/* An exit to user space that does no more than that, and returns at once. */
static inline u64 bench_guest_user_exit(void)
{
	READ_ONCE(*ucall_exit_mmio_addr);
	return 0;
}

/* Results */

/* All that the measuring CPU does, like the time: needs the right to trace that. */
static inline void bench_perf_open(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_CPU_CYCLES,
	};

	bench_perf_fd = syscall(__NR_perf_event_open, &attr, -1, BENCH_CPU, -1, 0);
}

static inline u64 bench_cycles(void)
{
	u64 count;

	if (bench_perf_fd < 0 || read(bench_perf_fd, &count, sizeof(count)) != sizeof(count))
		return 0;
	return count;
}

static inline void bench_add(struct bench_sample s)
{
	bench_samples[bench_nr_samples++] = s;
}

static inline double bench_net_ns(const struct bench_sample *s)
{
	return ((double)s->ns - (double)s->base_ns) / (double)bench.iterations;
}

static inline int bench_compare(const void *a, const void *b)
{
	double x = bench_net_ns(a), y = bench_net_ns(b);

	return (x > y) - (x < y);
}

static inline void bench_print_samples(const struct bench_op *op)
{
	int i;

	for (i = 0; i < bench_nr_samples; i++) {
		struct bench_sample *s = &bench_samples[i];

		printf("bench: op=%s rep=%d iterations=%lu ns=%lu base_ns=%lu", op->name, i + 1,
		       bench.iterations, s->ns, s->base_ns);
		if (s->cycles)
			printf(" cycles=%lu base_cycles=%lu", s->cycles, s->base_cycles);
		printf("\n");
	}
}

static inline void bench_print_summary(const struct bench_op *op)
{
	int n = bench_nr_samples;
	double min, max, median;

	qsort(bench_samples, n, sizeof(*bench_samples), bench_compare);
	min = bench_net_ns(&bench_samples[0]);
	max = bench_net_ns(&bench_samples[n - 1]);
	median = (bench_net_ns(&bench_samples[(n - 1) / 2]) +
		  bench_net_ns(&bench_samples[n / 2])) / 2;
	printf("# %s: %.1f ns (spread %.2f %%) %s\n", op->name, median,
	       100 * (max - min) / median, op->title);
}

/* VMM side: VMs */

static inline u64 bench_host_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/*
 * What creating a VM and destroying the one before it leave to be done later (RCU,
 * work queues), and what waits for the CPU to be busy for a tick (deferrable
 * timers), shall not be in the first repetition. To be called before there are
 * other threads: one that spins with YIELD makes an emulator slow.
 */
static inline void bench_settle(void)
{
	u64 start;

	usleep(200000);
	start = bench_host_now();
	while (bench_host_now() - start < 10000000)
		;
}

/* Give @vcpu the PMU that real VMMs give theirs: every exit pays for it. */
static inline void bench_pmu_init(struct kvm_vcpu *vcpu)
{
	int irq = 23;

	vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_IRQ, &irq);
	vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_INIT, NULL);
}

/*
 * A VM with the best GIC there is, @nr vCPUs, and a PMU for each where there is
 * one. @features: more of the vCPUs' features, as a mask. A vCPU that waits shall
 * sleep: whether polling would help depends on what happened before.
 */
static inline struct kvm_vm *bench_vm_create(int nr, u32 features, void *guest_code,
					     struct kvm_vcpu **vcpus)
{
	bool pmu = kvm_has_cap(KVM_CAP_ARM_PMU_V3);
	struct kvm_vm *vm;
	int i;

	tt_vcpu_features = features | (pmu ? BIT(KVM_ARM_VCPU_PMU_V3) : 0);
	vm = tt_vm_create(nr, false, guest_code, vcpus);
	for (i = 0; pmu && i < nr; i++)
		bench_pmu_init(vcpus[i]);
	vm_enable_cap(vm, KVM_CAP_HALT_POLL, 0);
	bench_settle();
	return vm;
}

/* VMM side: measured by the VMM itself */

static noinline u64 bench_host_loop(bench_fn one, u64 n, bool mark)
{
	return bench_loop(one, n, mark, bench_host_now);
}

static inline void bench_on_host(const struct bench_op *op)
{
	struct bench_sample s;
	u64 c0, c1, rep;

	bench_prepare(bench_host_loop, op->one, BENCH_REP_USEC * 1000);
	for (rep = 0; rep < bench.reps; rep++) {
		c0 = bench_cycles();
		s.base_ns = bench_host_loop(bench_nothing, bench.iterations, false);
		c1 = bench_cycles();
		s.base_cycles = c1 - c0;
		s.ns = bench_host_loop(op->one, bench.iterations, bench.marks);
		s.cycles = bench_cycles() - c1;
		bench_add(s);
	}
}

/* VMM side: a vCPU that measures */

static inline bool bench_is_user_exit(struct kvm_vcpu *vcpu)
{
	return vcpu->run->exit_reason == KVM_EXIT_MMIO && !vcpu->run->mmio.is_write;
}

/* Not vcpu_run(), whose checks would be measured, too, and allow no reads. */
static inline void bench_vcpu_run_once(struct kvm_vcpu *vcpu)
{
	int ret = __vcpu_run(vcpu);

	TEST_ASSERT(!ret, KVM_IOCTL_ERROR(KVM_RUN, ret));
}

/* Run to the next word from the guest. @on_exit is part of what is measured. */
static inline u64 bench_vcpu_run(struct kvm_vcpu *vcpu, struct ucall *uc, void (*on_exit)(void))
{
	u64 cmd;

	while (bench_vcpu_run_once(vcpu), bench_is_user_exit(vcpu))
		if (on_exit)
			on_exit();

	cmd = get_ucall(vcpu, uc);
	if (cmd == UCALL_ABORT)
		REPORT_GUEST_ASSERT(*uc);
	TEST_ASSERT(cmd == UCALL_SYNC || cmd == UCALL_DONE, "Unexpected exit: %s, ucall %lu",
		    exit_reason_str(vcpu->run->exit_reason), cmd);
	return cmd;
}

static inline u64 bench_ticks_to_ns(u64 ticks)
{
	return (u64)((double)ticks * NSEC_PER_SEC / timer_get_cntfrq());
}

/*
 * Measure in a guest whose vCPU 0 gets @op's function and argument, and calls
 * bench_guest_measure() when it is ready.
 */
static inline void bench_in_guest_with(const struct bench_op *op, struct kvm_vcpu *vcpu,
				       void (*on_exit)(void))
{
	struct bench_sample s = {};
	u64 cycles = 0, last;
	struct ucall uc;

	sync_global_to_guest(vcpu->vm, bench);
	vcpu_args_set(vcpu, 2, op->one, op->arg);
	while (bench_vcpu_run(vcpu, &uc, on_exit) == UCALL_SYNC) {
		last = cycles;
		cycles = bench_cycles();
		if (uc.args[0] == BENCH_BEGIN) {
			bench.iterations = uc.args[1];
		} else if (uc.args[0] == BENCH_BASE_DONE) {
			s.base_ns = bench_ticks_to_ns(uc.args[1]);
			s.base_cycles = cycles - last;
		} else if (uc.args[0] == BENCH_OP_DONE) {
			s.ns = bench_ticks_to_ns(uc.args[1]);
			s.cycles = cycles - last;
			bench_add(s);
		}
	}
}

static inline void bench_in_guest(const struct bench_op *op, struct kvm_vcpu *vcpu)
{
	bench_in_guest_with(op, vcpu, NULL);
}

/* VMM side: more vCPUs */

/* A vCPU that runs by itself, exits to user space included, until stopped. */
struct bench_thread {
	struct kvm_vcpu *vcpu;
	int cpu;
	bool stop;
	pthread_t thread;
};

static inline void bench_ignore_signal(int sig)
{
}

static inline void *bench_thread_main(void *data)
{
	struct bench_thread *t = data;
	struct ucall uc;

	pin_self_to_cpu(t->cpu);
	while (!READ_ONCE(t->stop)) {
		if (__vcpu_run(t->vcpu)) {
			TEST_ASSERT(errno == EINTR, "KVM_RUN failed: %s", strerror(errno));
			continue;
		}
		if (!bench_is_user_exit(t->vcpu) && get_ucall(t->vcpu, &uc) == UCALL_ABORT)
			REPORT_GUEST_ASSERT(uc);
	}
	return NULL;
}

/* @cpu is taken modulo the number of CPUs, with the measuring thread on BENCH_CPU. */
static inline void bench_thread_start(struct bench_thread *t, struct kvm_vcpu *vcpu, int cpu)
{
	t->vcpu = vcpu;
	t->cpu = cpu % get_nprocs();
	t->stop = false;
	TEST_ASSERT(!pthread_create(&t->thread, NULL, bench_thread_main, t),
		    "pthread_create() failed");
}

static inline void bench_thread_stop(struct bench_thread *t)
{
	WRITE_ONCE(t->stop, true);
	WRITE_ONCE(t->vcpu->run->immediate_exit, 1);
	pthread_kill(t->thread, SIGUSR1);
	pthread_join(t->thread, NULL);
}

/* Command line */

static inline void bench_usage(const char *program, const struct bench_op *ops, int nr, FILE *f)
{
	int i;

	fprintf(f, "usage: %s [-l] [-o op[,op..]] [-r reps] [-i iterations] [-m]\n", program);
	fprintf(f, " -l list the operations\n -o which to run (all)\n");
	fprintf(f, " -r repetitions (5)\n -i iterations of one (the operation's own)\n");
	fprintf(f, " -m marks for a profiler around the measured loop\n");
	fprintf(f, "operations:");
	for (i = 0; i < nr; i++)
		fprintf(f, " %s", ops[i].name);
	fprintf(f, "\n");
}

/* Is @name one of @list, which is separated by commas? */
static inline bool bench_listed(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *p;

	for (p = list; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, name, len) && (!p[len] || p[len] == ','))
			return true;
	}
	return false;
}

static inline u64 bench_number(int opt, const char *arg, u64 max)
{
	char *end;
	u64 n = strtoul(arg, &end, 10);

	if (*end || !n || n > max) {
		fprintf(stderr, "-%c wants a number from 1 to %lu, not '%s'\n", opt, max, arg);
		exit(KSFT_FAIL);
	}
	return n;
}

static inline void bench_check_names(const char *list, const struct bench_op *ops, int nr)
{
	char *names = strdup(list), *name, *rest = names;
	int i;

	while ((name = strsep(&rest, ","))) {
		for (i = 0; i < nr && strcmp(name, ops[i].name); i++)
			;
		if (i < nr)
			continue;
		fprintf(stderr, "no operation '%s'; there are:", name);
		for (i = 0; i < nr; i++)
			fprintf(stderr, " %s", ops[i].name);
		fprintf(stderr, "\n");
		exit(KSFT_FAIL);
	}
	free(names);
}

static const char *bench_current;

static inline void bench_hangs(int sig)
{
	dprintf(STDERR_FILENO, "the operation '%s' hangs\n", bench_current);
	_exit(KSFT_FAIL);
}

static inline void bench_watchdog(const char *name)
{
	struct itimerval busy = { .it_value.tv_sec = BENCH_WATCHDOG_SEC };

	bench_current = name;
	signal(SIGPROF, bench_hangs);
	signal(SIGALRM, bench_hangs);
	setitimer(ITIMER_PROF, &busy, NULL);
	alarm(BENCH_WATCHDOG_IDLE_SEC);
}

static inline void bench_setup(void)
{
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ONE_REG));
	setlinebuf(stdout);
	/* Best effort: whoever may not lock that much has page faults in the warm-up. */
	mlockall(MCL_CURRENT);
	signal(SIGUSR1, bench_ignore_signal);
	pin_self_to_cpu(BENCH_CPU);
	test_disable_default_vgic();
	tt_gicv2 = tt_probe_gic(2);
	tt_gicv3 = tt_probe_gic(3);
	bench_perf_open();
}

/* Run the operations @list names (all: NULL). Returns how many could be. */
static inline int bench_run(const struct bench_op *ops, int nr, const char *list, u64 iterations)
{
	const char *skip;
	int i, done = 0;

	for (i = 0; i < nr; i++) {
		if (list && !bench_listed(list, ops[i].name))
			continue;
		bench.iterations = iterations ?: ops[i].iterations;
		bench.iterations_fixed = iterations;
		bench_nr_samples = 0;
		bench_watchdog(ops[i].name);
		skip = ops[i].run(&ops[i]);
		transcript("%s: %s", ops[i].name, skip ?: "measured");
		if (skip) {
			printf("bench: op=%s skip=%s\n", ops[i].name, skip);
			continue;
		}
		bench_print_samples(&ops[i]);
		bench_print_summary(&ops[i]);
		done++;
	}
	return done;
}

static inline int bench_main(int argc, char **argv, const struct bench_op *ops, int nr)
{
	const char *list = NULL;
	u64 iterations = 0;
	int opt, i;

	bench.reps = 5;
	while ((opt = getopt(argc, argv, "lo:r:i:mh")) != -1) {
		switch (opt) {
		case 'l':
			for (i = 0; i < nr; i++)
				printf("operation: %s %s\n", ops[i].name, ops[i].title);
			return KSFT_PASS;
		case 'o':
			list = optarg;
			break;
		case 'r':
			bench.reps = bench_number(opt, optarg, BENCH_MAX_REPS);
			break;
		case 'i':
			iterations = bench_number(opt, optarg, BENCH_MAX_ITERATIONS);
			break;
		case 'm':
			bench.marks = true;
			break;
		default:
			bench_usage(argv[0], ops, nr, opt == 'h' ? stdout : stderr);
			return opt == 'h' ? KSFT_PASS : KSFT_FAIL;
		}
	}
	if (optind < argc) {
		bench_usage(argv[0], ops, nr, stderr);
		return KSFT_FAIL;
	}
	if (list)
		bench_check_names(list, ops, nr);
	bench_setup();
	return bench_run(ops, nr, list, iterations) ? KSFT_PASS : KSFT_SKIP;
}

#endif /* SELFTEST_KVM_BENCH_LIB_H */
