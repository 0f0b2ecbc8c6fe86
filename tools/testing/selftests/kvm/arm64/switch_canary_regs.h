/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The canaries of switch_canary.c that keep patterns in registers: FP/SIMD, SVE and SME, and what is of a thread.
 */
#ifndef SELFTEST_KVM_SWITCH_CANARY_REGS_H
#define SELFTEST_KVM_SWITCH_CANARY_REGS_H

#define MAX_SVL		256
#define SPIN		0x10000

struct canary;

struct canary_kind {
	u64 rounds;
	int per_cpu;
	void (*begin)(struct canary *c);
	u64 (*round)(struct canary *c, u64 i);	/* what differs, or 0 */
	void (*end)(struct canary *c);
	void (*meanwhile)(u64 n);		/* by the thread that disturbs */
};

struct canary {
	const struct canary_kind *kind;
	pthread_t thread;
	u64 id;
	int cpu;		/* negative: migrates */
	u64 rounds, differs;
	bool hurry;		/* the thread has something else to do */
	/* Of one kind or the other. */
	u64 vl, pauth, last;
	int fd[3];
	volatile u64 watched;
	struct perf_event_mmap_page *page;
	pid_t child;
};

/* What a canary does with its registers loaded: 0 is to spin, else a system call. */
struct what {
	long nr, arg0;
};

static struct what what_in_round(u64 i)
{
	static const struct timespec nap = { .tv_nsec = 100000 };

	switch (i % 4) {
	case 0:
		return (struct what) {};
	case 1:
		return (struct what) { __NR_sched_yield };
	case 2:
		return (struct what) { __NR_nanosleep, (long)&nap };
	default:
		return (struct what) { __NR_getppid };
	}
}

static inline void do_in_round(struct canary *c, u64 i)
{
	struct what what = what_in_round(i);
	u64 n;

	if (c->hurry)
		return;
	if (what.nr)
		syscall(what.nr, what.arg0, 0);
	else
		for (n = 0; n < SPIN; n++)
			asm volatile("");
}

static void nothing(struct canary *c)
{
}

/* FP/SIMD and SVE, with vectors of other lengths than the other threads, and the guests. */

static void fp_begin(struct canary *c)
{
	if (!host_sve)
		return;
	TEST_ASSERT(prctl(PR_SVE_SET_VL, 16 << c->id % 3) >= 0, "PR_SVE_SET_VL");
	c->vl = rdvl();
}

static u64 fp_round(struct canary *c, u64 i)
{
	struct what what = what_in_round(i);
	u64 differs;

	if (what.nr)
		fp_syscall(what.nr, what.arg0, 0, c->id * 100 + i, &differs);
	else
		differs = fp_spin(SPIN, c->id * 100 + i);
	if (host_sve && rdvl() != c->vl)
		differs |= BIT(31);
	return differs;
}

static const struct canary_kind canary_fp = {
	.rounds = 48, .per_cpu = 2, .begin = fp_begin, .round = fp_round, .end = nothing,
};

/* SME: ZA, SVCR, a vector in streaming mode, and TPIDR2 */

struct za_state {
	u8 za[MAX_SVL * MAX_SVL];
	u8 z[MAX_SVL];
};

#define SME_START_ZA	".inst 0xd503457f\n"
#define SME_START	".inst 0xd503477f\n"
#define SME_STOP	".inst 0xd503467f\n"

/* x9: za_state to load, x10: to store to. What is between must leave x9 to x11 alone. */
#define ZA_LOAD								\
	"msr " TPIDR2 ", %[tpidr2]\n"					\
	".arch_extension sme\n"						\
	"rdsvl x11, #1\n"						\
	"mov w12, #0\n"							\
	"1: ldr za[w12, #0], [x9]\n"					\
	"add x9, x9, x11\n"						\
	"add w12, w12, #1\n"						\
	"cmp w12, w11\n"						\
	"b.ne 1b\n"
#define ZA_STORE							\
	"mrs %[svcr], " SVCR "\n"					\
	"mrs %[tpidr2], " TPIDR2 "\n"					\
	"msr " TPIDR2 ", xzr\n"						\
	"mov w12, #0\n"							\
	"3: str za[w12, #0], [x10]\n"					\
	"add x10, x10, x11\n"						\
	"add w12, w12, #1\n"						\
	"cmp w12, w11\n"						\
	"b.ne 3b\n"							\
	SME_STOP

static u64 rdsvl(void)
{
	u64 svl;

	asm volatile(".arch_extension sme\n rdsvl %0, #1" : "=r" (svl));
	return svl;
}

/* In streaming mode; a system call ends that. */
static void za_spin(struct za_state *want, struct za_state *got, u64 *tpidr2, u64 *svcr)
{
	register void *from asm("x9") = want;
	register void *to asm("x10") = got;
	u64 loops = SPIN;

	asm volatile(SME_START ZA_LOAD
		     "add x12, %[want], %[z]\n"
		     "ldr z3, [x12]\n"
		     "2: subs %[loops], %[loops], #1\n"
		     "b.ne 2b\n"
		     "add x12, %[got], %[z]\n"
		     "str z3, [x12]\n"
		     ZA_STORE
		     : "+&r" (from), "+&r" (to), [tpidr2] "+&r" (*tpidr2), [svcr] "=&r" (*svcr),
		       [loops] "+&r" (loops)
		     : [want] "r" (want), [got] "r" (got), [z] "r" (offsetof(struct za_state, z))
		     : FP_CLOBBERS);
}

static long za_syscall(struct za_state *want, struct za_state *got, u64 *tpidr2, u64 *svcr,
		       long nr, long arg0, long arg1)
{
	register void *from asm("x9") = want;
	register void *to asm("x10") = got;
	register long x0 asm("x0") = arg0;
	register long x1 asm("x1") = arg1;
	register long x2 asm("x2") = 0;
	register long x8 asm("x8") = nr;

	asm volatile(SME_START_ZA ZA_LOAD
		     "svc #0\n"
		     ZA_STORE
		     : "+&r" (from), "+&r" (to), [tpidr2] "+&r" (*tpidr2), [svcr] "=&r" (*svcr),
		       "+&r" (x0)
		     : "r" (x1), "r" (x2), "r" (x8)
		     : FP_CLOBBERS);
	return x0;
}

static long za_keep(struct what what, long arg1, u64 seed, u64 *differs)
{
	static __thread struct za_state want, got;
	u64 svl = rdsvl(), i, tpidr2 = ~seed, svcr;
	bool call = what.nr;
	long ret = 0;

	for (i = 0; i < svl * svl; i++)
		want.za[i] = seed * 41 + i * 7 + (i >> 8);
	for (i = 0; i < svl; i++)
		want.z[i] = seed * 3 + i;
	if (call)
		ret = za_syscall(&want, &got, &tpidr2, &svcr, what.nr, what.arg0, arg1);
	else
		za_spin(&want, &got, &tpidr2, &svcr);
	*differs = !!memcmp(want.za, got.za, svl * svl);
	*differs |= (!call && memcmp(want.z, got.z, svl)) << 1;
	*differs |= (tpidr2 != ~seed) << 2;
	*differs |= (svcr != (call ? 2 : 3)) << 3;
	*differs |= (svl != rdsvl()) << 4;
	return ret;
}

static long run_with_za(int fd, u64 seed, u64 *differs)
{
	return za_keep((struct what) { __NR_ioctl, fd }, KVM_RUN, seed, differs);
}

static void za_begin(struct canary *c)
{
	TEST_ASSERT(prctl(PR_SME_SET_VL, 16 << c->id % 3) >= 0, "PR_SME_SET_VL");
}

static u64 za_round(struct canary *c, u64 i)
{
	u64 differs;

	za_keep(what_in_round(i), 0, c->id * 100 + i, &differs);
	return differs;
}

static const struct canary_kind canary_za = {
	.rounds = 48, .per_cpu = 2, .begin = za_begin, .round = za_round, .end = nothing,
};

/* Of a thread: TPIDR_EL0, which libc wants back, TPIDRRO_EL0, POR_EL0, and a key, by what it makes of a pointer. */

static u64 pauth_of(u64 pointer, u64 modifier)
{
	register u64 x17 asm("x17") = pointer;
	register u64 x16 asm("x16") = modifier;

	/* pacia1716: no more than a NOP on CPUs without. */
	asm volatile("hint #8" : "+r" (x17) : "r" (x16));
	return x17;
}

/* Not of the protection key of any memory here. */
static u64 por_of(u64 i)
{
	return (i & 7) << 28;
}

static long tpidr_over(struct what what, long arg1, u64 *pattern)
{
	register long x0 asm("x0") = what.arg0;
	register long x1 asm("x1") = arg1;
	register long x2 asm("x2") = 0;
	register long x8 asm("x8") = what.nr;
	u64 loops = SPIN;

	asm volatile("mrs x11, tpidr_el0\n"
		     "msr tpidr_el0, %[pattern]\n"
		     "cbz %[nr], 1f\n"
		     "svc #0\n"
		     "b 2f\n"
		     "1: subs %[loops], %[loops], #1\n"
		     "b.ne 1b\n"
		     "2: mrs %[pattern], tpidr_el0\n"
		     "msr tpidr_el0, x11\n"
		     : [pattern] "+&r" (*pattern), [loops] "+&r" (loops), "+&r" (x0)
		     : [nr] "r" (x8), "r" (x1), "r" (x2)
		     : "x11", "memory", "cc");
	return x0;
}

static __thread volatile u64 refused;

static void refused_handler(int sig, siginfo_t *info, void *context)
{
	((ucontext_t *)context)->uc_mcontext.pc += 4;
	refused++;
}

/* Counters are the kernel's, unless perf_user_access says otherwise. */
static void refuse_counters(void)
{
	struct sigaction sa = { .sa_sigaction = refused_handler, .sa_flags = SA_SIGINFO };

	sigaction(SIGILL, &sa, NULL);
}

/* The handler of the storm's signal has no use for libc's TPIDR_EL0. */
static long run_with_thread_regs(int fd, u64 seed, u64 *differs)
{
	u64 pattern = ~seed, pauth = pauth_of(seed, 6), ro = read_sysreg(tpidrro_el0);
	u64 before = refused;
	long ret = tpidr_over((struct what) { __NR_ioctl, fd }, KVM_RUN, &pattern);

	asm volatile("mrs x0, pmccntr_el0" ::: "x0");
	*differs = (pattern != ~seed) | (pauth_of(seed, 6) != pauth) << 1 |
		   (read_sysreg(tpidrro_el0) != ro) << 2 | (refused != before + 1) << 3;
	return ret;
}

static void thread_begin(struct canary *c)
{
	c->last = read_sysreg(tpidrro_el0);
	c->pauth = pauth_of((u64)c, 5);
}

static u64 thread_round(struct canary *c, u64 i)
{
	bool poe = getauxval(AT_HWCAP2) & HWCAP2_POE;
	u64 want = 0x5a5a000000000000 | c->id << 32 | i, pattern = want, por = 0, differs = 0;

	if (poe) {
		asm volatile("mrs %0, " POR : "=r" (por));
		por = (por & ~por_of(7)) | por_of(i);
		asm volatile("msr " POR ", %0\nisb" :: "r" (por));
	}
	tpidr_over(what_in_round(i), 0, &pattern);
	if (pattern != want)
		differs |= 1;
	if (read_sysreg(tpidrro_el0) != c->last)
		differs |= 2;
	if (pauth_of((u64)c, 5) != c->pauth)
		differs |= 4;
	if (poe) {
		asm volatile("mrs %0, " POR : "=r" (pattern));
		if (pattern != por)
			differs |= 8;
	}
	return differs;
}

static const struct canary_kind canary_thread_regs = {
	.rounds = 60, .per_cpu = 2, .begin = thread_begin, .round = thread_round, .end = nothing,
};

#endif /* SELFTEST_KVM_SWITCH_CANARY_REGS_H */
