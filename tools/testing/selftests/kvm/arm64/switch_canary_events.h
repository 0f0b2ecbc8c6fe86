/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The canaries of switch_canary.c to which something has to happen, exactly as often as it is due: breakpoints,
 * watchpoints and single steps of the host's own, and its counters of the PMU, which tell host and guest apart.
 */
#ifndef SELFTEST_KVM_SWITCH_CANARY_EVENTS_H
#define SELFTEST_KVM_SWITCH_CANARY_EVENTS_H

static int event_open(struct perf_event_attr *attr)
{
	attr->size = sizeof(*attr);
	return syscall(SYS_perf_event_open, attr, 0, -1, -1, 0);
}

static u64 event_read(int fd)
{
	u64 count;

	TEST_ASSERT(read(fd, &count, sizeof(count)) == sizeof(count), "read() of an event");
	return count;
}

/* Breakpoints and watchpoints */

static noinline void watched_code(void)
{
	asm volatile("nop\nnop");
}

static void debug_begin(struct canary *c)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (u64)&c->watched,
		.bp_len = HW_BREAKPOINT_LEN_8,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	c->fd[0] = event_open(&attr);
	attr.bp_type = HW_BREAKPOINT_X;
	attr.bp_addr = (u64)watched_code;
	attr.bp_len = HW_BREAKPOINT_LEN_4;
	c->fd[1] = event_open(&attr);
	TEST_ASSERT(c->fd[0] >= 0 && c->fd[1] >= 0, "a breakpoint and a watchpoint");
}

static u64 debug_round(struct canary *c, u64 i)
{
	u64 differs = 0;

	do_in_round(c, i);
	c->watched = i;
	decoy_data = i;
	watched_code();
	decoy_code();
	if (event_read(c->fd[0]) != i + 1)
		differs |= 1;
	if (event_read(c->fd[1]) != i + 1)
		differs |= 2;
	return differs;
}

static void debug_end(struct canary *c)
{
	close(c->fd[0]);
	close(c->fd[1]);
}

static const struct canary_kind canary_debug = {
	.rounds = 60, .per_cpu = 2, .begin = debug_begin, .round = debug_round, .end = debug_end,
};

/*
 * The thread of a vCPU has its own while it is in KVM_RUN, too. No signal may come between a hit and the step over
 * the instruction that made it: the kernel takes the handler's first for that, and the hit comes again.
 */
static long run_with_debug(int fd, u64 seed, u64 *differs)
{
	static __thread struct canary self;
	sigset_t kick;
	long ret;

	if (!self.hurry) {
		self.hurry = true;
		debug_begin(&self);
	}
	ret = ioctl(fd, KVM_RUN, 0) < 0 ? -errno : 0;
	sigemptyset(&kick);
	sigaddset(&kick, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &kick, NULL);
	*differs = debug_round(&self, self.rounds++);
	pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
	return ret;
}

/* Single steps, of a process that goes around in a loop. */

#define STEP_LEN	6

extern u32 stepped_loop[];

static void __noreturn stepped(void)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	asm volatile("mov x19, #0\n"
		     "stepped_loop: add x19, x19, #1\n"
		     "fmov d0, x19\n"
		     "nop\n"
		     "mrs x1, tpidr_el0\n"
		     "cbz xzr, 1f\n"
		     "1: b stepped_loop\n"
		     ::: "x1", "x19", "v0");
	__builtin_unreachable();
}

static void step_regs(struct canary *c, struct user_pt_regs *regs)
{
	struct iovec iov = { regs, sizeof(*regs) };

	TEST_ASSERT(!ptrace(PTRACE_GETREGSET, c->child, NT_PRSTATUS, &iov), "PTRACE_GETREGSET");
}

static void step_one(struct canary *c)
{
	int status;

	TEST_ASSERT(!ptrace(PTRACE_SINGLESTEP, c->child, 0, 0), "PTRACE_SINGLESTEP");
	TEST_ASSERT(waitpid(c->child, &status, __WALL) == c->child && WIFSTOPPED(status) &&
		    WSTOPSIG(status) == SIGTRAP, "a step ends in status 0x%x", status);
}

static void step_begin(struct canary *c)
{
	struct user_pt_regs regs;
	int status;

	c->child = fork();
	TEST_ASSERT(c->child >= 0, "fork()");
	if (!c->child)
		stepped();
	TEST_ASSERT(waitpid(c->child, &status, __WALL) == c->child && WIFSTOPPED(status),
		    "a traced process");
	do {
		step_one(c);
		step_regs(c, &regs);
	} while (regs.pc != (u64)stepped_loop);
	c->last = regs.regs[19];
}

static u64 step_round(struct canary *c, u64 i)
{
	struct user_pt_regs regs;
	u64 at = (i + 1) % STEP_LEN;

	step_one(c);
	step_regs(c, &regs);
	if (regs.pc != (u64)stepped_loop + 4 * at)
		return regs.pc;
	return regs.regs[19] - c->last != i / STEP_LEN + 1 ? BIT(63) : 0;
}

static void step_end(struct canary *c)
{
	kill(c->child, SIGKILL);
	waitpid(c->child, NULL, __WALL);
}

static const struct canary_kind canary_step = {
	.rounds = 300, .per_cpu = 1, .begin = step_begin, .round = step_round, .end = step_end,
};

/* Counters */

#define USER_ACCESS	"/proc/sys/kernel/perf_user_access"
#define EVENT_RDPMC	2

static bool pmu_user_access;

static int cycles_open(bool host, bool kernel, u64 config1)
{
	return event_open(&(struct perf_event_attr) {
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.config1 = config1,
		.exclude_guest = host,
		.exclude_host = !host,
		.exclude_kernel = !kernel,
		.pinned = 1,
	});
}

static void write_user_access(const char *value)
{
	int fd = open(USER_ACCESS, O_WRONLY);

	pmu_user_access = fd >= 0 && write(fd, value, 1) == 1;
	close(fd);
}

static bool pmu_probe(void)
{
	int fd = cycles_open(true, false, 0);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

#define COUNTER(n) case n + 1: asm volatile("mrs %0, pmevcntr" #n "_el0" : "=r" (count)); break

/* As long as the counter is this thread's: a trap of it is a SIGILL. */
static u64 user_counter(struct perf_event_mmap_page *page)
{
	u64 count = 0;

	switch (READ_ONCE(page->index)) {
	COUNTER(0);
	COUNTER(1);
	COUNTER(2);
	COUNTER(3);
	COUNTER(4);
	COUNTER(5);
	case 32:
		asm volatile("mrs %0, pmccntr_el0" : "=r" (count));
	}
	return count;
}

static void pmu_begin(struct canary *c)
{
	c->fd[0] = cycles_open(true, false, pmu_user_access ? EVENT_RDPMC : 0);
	c->fd[1] = cycles_open(false, false, 0);
	TEST_ASSERT(c->fd[0] >= 0 && c->fd[1] >= 0, "two counters of cycles");
	c->page = mmap(NULL, getpagesize(), PROT_READ, MAP_SHARED, c->fd[0], 0);
	TEST_ASSERT(c->page != MAP_FAILED, "mmap() of a counter");
}

/* A thread without a vCPU has no guest's cycles, and always its own. */
static u64 pmu_round(struct canary *c, u64 i)
{
	u64 now, differs = 0;

	do_in_round(c, i);
	now = event_read(c->fd[0]);
	if (now <= c->last)
		differs |= 1;
	c->last = now;
	if (event_read(c->fd[1]))
		differs |= 2;
	if (pmu_user_access && c->page->cap_user_rdpmc)
		user_counter(c->page);
	return differs;
}

static void pmu_end(struct canary *c)
{
	munmap(c->page, getpagesize());
	close(c->fd[0]);
	close(c->fd[1]);
}

static const struct canary_kind canary_pmu = {
	.rounds = 48, .per_cpu = 2, .begin = pmu_begin, .round = pmu_round, .end = pmu_end,
};

static void guest_spins(void)
{
	u64 n;

	for (;;) {
		for (n = 0; n < 3000000; n++)
			asm volatile("");
		GUEST_SYNC(0);
	}
}

/*
 * A thread that runs a vCPU: its guest's cycles are the guest's, to the last one, and are not the host's. What the
 * host itself takes for a run is less than what the guest does in it, in one of many runs at least.
 */
static void pmu_of_vcpu(void)
{
	int fd_host = cycles_open(true, true, pmu_user_access ? EVENT_RDPMC : 0);
	int fd_guest = cycles_open(false, true, 0), i;
	bool still = true, counted = false, apart = false;
	struct canary self = {};
	u64 host[3], guest[3];
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	struct ucall uc;

	TEST_ASSERT(fd_host >= 0 && fd_guest >= 0, "two counters of cycles");
	tt_vcpu_features = 0;
	vm = tt_vm_create(1, false, guest_spins, &vcpu);
	pin_self_to_cpu(cpus[0]);
	for (i = 0; i < 5 || (counted && !apart && i < 60); i++) {
		host[0] = event_read(fd_host);
		guest[0] = event_read(fd_guest);
		TEST_ASSERT(tt_run(vcpu, &uc) == UCALL_SYNC, "the guest spins");
		guest[1] = event_read(fd_guest);
		host[1] = event_read(fd_host);
		do_in_round(&self, i);
		guest[2] = event_read(fd_guest);
		host[2] = event_read(fd_host);
		still &= guest[2] == guest[1] && host[2] > host[1];
		counted |= guest[1] > guest[0];
		apart |= host[1] - host[0] < guest[1] - guest[0];
	}
	tt_expect(still, "the guest's cycles stand still in the host, the host's do not");
	/* EL2 of protected mode does not know which counters are for the guest, in C and in Rust. */
	transcript("the guest's cycles are%s counted", counted ? "" : " not");
	tt_expect(counted || tt_pkvm, "the guest has cycles");
	tt_expect(apart == counted, "the guest's cycles are not the host's");
	kvm_vm_free(vm);
}

#endif /* SELFTEST_KVM_SWITCH_CANARY_EVENTS_H */
