// SPDX-License-Identifier: GPL-2.0
/*
 * FP/SIMD and SVE registers over entries to and exits from a guest: a guest
 * keeps its own, the host's threads keep theirs, and neither sees the other's.
 *
 * A pattern goes into all registers, the CPU leaves and enters the guest in
 * all ways that a storm of signals and migrations brings about, and the
 * registers are read back.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>

#include "switch_fp.h"
#include "timer_lib.h"

#define MMIO_GPA	0x07000000ULL

#define NR_VCPUS	2
#define NR_CANARIES	2

/* Guest */

enum guest_job { JOB_KEEP, JOB_SWAP, JOB_TRAPS };

static u64 g_job, g_rounds, g_sve, g_el2;
static struct fp_state g_want[NR_VCPUS], g_got[NR_VCPUS];

static void guest_fp_enable(bool fp, bool sve)
{
	u64 cpacr = (fp ? 3UL << 20 : 0) | (sve ? 3UL << 16 : 0);

	/* At virtual EL2 with E2H that is CPTR_EL2. */
	write_sysreg(cpacr, cpacr_el1);
	isb();
}

/* Limits the vectors to @len times 16 bytes, or what there is. */
static void guest_limit_vl(u64 len)
{
	if (g_el2)
		write_sysreg_s(len - 1, SYS_ZCR_EL2);
	else
		write_sysreg_s(len - 1, SYS_ZCR_EL1);
	isb();
}

/*
 * Exits: to user space, to the GIC's emulation, and for so long a time that
 * there are some by interrupt.
 */
#define GUEST_EXITS							\
	"str wzr, [%[mmio]]\n"						\
	"ldr w11, [%[gicd]]\n"						\
	"mov x11, #3000\n"						\
	"1: subs x11, x11, #1\n"					\
	"b.ne 1b\n"							\
	"str wzr, [%[mmio]]\n"

static void guest_round(int cpu, u64 seed, u64 expect)
{
	struct fp_state *want = &g_want[cpu], *got = &g_got[cpu];
	register struct fp_state *from asm("x9") = want;
	register struct fp_state *to asm("x10") = got;
	u64 vl = g_sve ? rdvl() : 0;

	fp_fill(want, vl, seed);
	from = want;
	to = got;
	WITH_FP(g_sve, GUEST_EXITS,
		: "+r" (from), "+r" (to)
		: [mmio] "r" (MMIO_GPA), [gicd] "r" (GICD_BASE_GVA), FP_OFFSETS
		: FP_CLOBBERS);
	if (expect != seed)
		fp_fill(want, vl, expect);
	GUEST_ASSERT_EQ(fp_differ(want, got), 0);
	if (g_sve)
		GUEST_ASSERT_EQ(rdvl(), vl);
}

static void guest_keep(int cpu)
{
	u64 i;

	for (i = 0; i < g_rounds; i++) {
		/* Longer and shorter vectors; a long one comes last. */
		if (g_sve)
			guest_limit_vl(i % 2 ? 16 : 1 + i / 2 % 4);
		guest_round(cpu, cpu * 1000 + i, cpu * 1000 + i);
	}
}

static volatile u64 trap_esr;

/* The compiler uses V registers in functions that take "...": none here. */
static void guest_trap_handler(struct ex_regs *regs)
{
	trap_esr = g_el2 ? read_sysreg(esr_el2) : read_sysreg(esr_el1);
	regs->pc += 4;
}

#define GUEST_TRAP(insn)						\
({									\
	trap_esr = 0;							\
	asm volatile(".arch_extension sve\n" insn ::: "v0", "memory");	\
	trap_esr;							\
})

/* What traps, before and after the guest has the registers. */
static void guest_traps(void)
{
	static const char * const what[] = { "nothing on", "FP on", "FP and SVE on" };
	u64 fp[ARRAY_SIZE(what)], sve[ARRAY_SIZE(what)], cpacr[ARRAY_SIZE(what)];
	int i, on;

	for (i = 0; i < 2; i++) {
		for (on = 0; on < ARRAY_SIZE(what); on++) {
			guest_fp_enable(on >= 1, on >= 2);
			fp[on] = GUEST_TRAP("fmov s0, wzr");
			sve[on] = GUEST_TRAP("pfalse p0.b");
			cpacr[on] = read_sysreg(cpacr_el1);
		}
		for (on = 0; on < ARRAY_SIZE(what); on++)
			guest_transcript("%s, %s: FP %lx, SVE %lx, CPACR %lx",
					 i ? "after use" : "before use", what[on],
					 fp[on], sve[on], cpacr[on]);
	}
}

static void guest_code(int cpu)
{
	if (g_job == JOB_TRAPS) {
		guest_traps();
		GUEST_DONE();
		return;
	}
	guest_fp_enable(true, g_sve);
	if (g_job == JOB_KEEP)
		guest_keep(cpu);
	else {
		if (g_sve)
			guest_limit_vl(16);
		guest_round(cpu, 5, 6);
	}
	GUEST_DONE();
}

/* Host */

static struct kvm_vm *fp_vm_create(int nr, bool el2, u64 vls, struct kvm_vcpu **vcpus)
{
	struct kvm_vm *vm = vm_create(nr);
	struct kvm_vcpu_init init;
	int i, feature = KVM_ARM_VCPU_SVE;

	tt_gic = tt_gicv3 ? 3 : 2;
	tt_gic_create(vm, tt_gic, nr);
	vm_init_descriptor_tables(vm);
	virt_map(vm, MMIO_GPA, MMIO_GPA, 1);

	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
	if (el2)
		init.features[0] |= BIT(KVM_ARM_VCPU_HAS_EL2);
	if (vls)
		init.features[0] |= BIT(KVM_ARM_VCPU_SVE);

	for (i = 0; i < nr; i++) {
		vcpus[i] = aarch64_vcpu_add(vm, i, &init, guest_code);
		if (vls) {
			u64 set[KVM_ARM64_SVE_VLS_WORDS] = { vls };
			struct kvm_one_reg reg = {
				.id = KVM_REG_ARM64_SVE_VLS,
				.addr = (u64)set,
			};

			vcpu_ioctl(vcpus[i], KVM_SET_ONE_REG, &reg);
			vcpu_ioctl(vcpus[i], KVM_ARM_VCPU_FINALIZE, &feature);
		}
		vcpu_init_descriptor_tables(vcpus[i]);
		vcpu_args_set(vcpus[i], 1, i);
	}
	kvm_arch_vm_finalize_vcpus(vm);

	g_sve = !!vls;
	g_el2 = el2;
	sync_global_to_guest(vm, tt_gic);
	sync_global_to_guest(vm, g_sve);
	sync_global_to_guest(vm, g_el2);
	return vm;
}

static void fp_job(struct kvm_vm *vm, enum guest_job job, u64 rounds)
{
	g_job = job;
	g_rounds = rounds;
	sync_global_to_guest(vm, g_job);
	sync_global_to_guest(vm, g_rounds);
}

/* The vector lengths that a vCPU can have; bit n is for n + 1 times 16 bytes. */
static u64 vcpu_vls(bool el2)
{
	u64 set[KVM_ARM64_SVE_VLS_WORDS] = {};
	struct kvm_one_reg reg = { .id = KVM_REG_ARM64_SVE_VLS, .addr = (u64)set };
	struct kvm_vcpu_init init;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (!kvm_check_cap(KVM_CAP_ARM_SVE))
		return 0;
	vm = vm_create(1);
	tt_gic_create(vm, tt_gicv3 ? 3 : 2, 1);
	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
	init.features[0] |= BIT(KVM_ARM_VCPU_SVE);
	if (el2)
		init.features[0] |= BIT(KVM_ARM_VCPU_HAS_EL2);
	vcpu = aarch64_vcpu_add(vm, 0, &init, guest_code);
	vcpu_ioctl(vcpu, KVM_GET_ONE_REG, &reg);
	kvm_vm_free(vm);
	return set[0];
}

static long run_with_pattern(int fd, u64 seed, u64 *differ)
{
	return fp_syscall(__NR_ioctl, fd, KVM_RUN, seed, differ);
}

/* Runs a vCPU to its end, with patterns. Whether host and guest kept theirs. */
static bool run_to_done(struct kvm_vcpu *vcpu, u64 *nr_runs, u64 *host_differs)
{
	struct ucall uc;
	long ret;
	u64 differ;

	for (;;) {
		ret = run_with_pattern(vcpu->fd, ++*nr_runs, &differ);
		*host_differs += !!differ;
		if (ret == -EINTR)
			continue;
		TEST_ASSERT(!ret, "KVM_RUN: %ld", ret);
		if (vcpu->run->exit_reason == KVM_EXIT_MMIO &&
		    vcpu->run->mmio.phys_addr == MMIO_GPA)
			continue;
		switch (get_ucall(vcpu, &uc)) {
		case UCALL_DONE:
			return true;
		case UCALL_PRINTF:
			printf("%s", uc.buffer);
			break;
		case UCALL_ABORT:
			ksft_print_msg("guest: %s\n", uc.buffer);
			return false;
		default:
			TEST_FAIL("Unexpected exit: %s",
				  exit_reason_str(vcpu->run->exit_reason));
		}
	}
}

static void keep_one(bool el2, u64 vls, u64 rounds, const char *what)
{
	u64 runs = 0, host_differs = 0;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = fp_vm_create(1, el2, vls, &vcpu);

	fp_job(vm, JOB_KEEP, rounds);
	tt_expect(run_to_done(vcpu, &runs, &host_differs), "%s: guest", what);
	tt_expect(!host_differs, "%s: host thread", what);
	tt_expect(runs > 2 * rounds, "%s: runs", what);
	kvm_vm_free(vm);
}

static void test_fpsimd(bool el2)
{
	keep_one(el2, 0, 100, "V");
}

static void test_sve(bool el2)
{
	u64 vls = vcpu_vls(el2), n;
	char what[32];

	if (!vls)
		tt_skip("no SVE for guests");
	/* A VM has all lengths up to its longest. */
	for (n = 0; n < 16; n++) {
		if (!(vls & BIT(n)))
			continue;
		/* VMs with EL2 take long to destroy. */
		if (el2 && vls >> (n + 1))
			continue;
		snprintf(what, sizeof(what), "Z of %lu bytes", (n + 1) * 16);
		keep_one(el2, vls & GENMASK(n, 0), 24, what);
	}
}

static void swap_vregs(struct kvm_vcpu *vcpu, u64 vl, bool *same)
{
	static struct fp_state a, b;
	u8 buf[MAX_VL];
	u64 i, len = vl ?: 16;

	fp_fill(&a, vl, 5);
	fp_fill(&b, vl, 6);
	for (i = 0; i < 32; i++) {
		struct kvm_one_reg reg = {
			.id = vl ? KVM_REG_ARM64_SVE_ZREG(i, 0) :
			      KVM_REG_ARM64 | KVM_REG_SIZE_U128 | KVM_REG_ARM_CORE |
			      KVM_REG_ARM_CORE_REG(fp_regs.vregs[i]),
			.addr = (u64)buf,
		};

		memset(buf, 0, sizeof(buf));
		vcpu_ioctl(vcpu, KVM_GET_ONE_REG, &reg);
		*same &= !memcmp(buf, a.z + i * len, len);
		memcpy(buf, b.z + i * len, len);
		vcpu_ioctl(vcpu, KVM_SET_ONE_REG, &reg);
	}
	for (i = 0; vl && i <= 16; i++) {
		u8 *was = i < 16 ? a.p + i * vl / 8 : a.ffr;
		u8 *is = i < 16 ? b.p + i * vl / 8 : b.ffr;
		struct kvm_one_reg reg = {
			.id = i < 16 ? KVM_REG_ARM64_SVE_PREG(i, 0) : KVM_REG_ARM64_SVE_FFR(0),
			.addr = (u64)buf,
		};

		memset(buf, 0, sizeof(buf));
		vcpu_ioctl(vcpu, KVM_GET_ONE_REG, &reg);
		*same &= !memcmp(buf, was, vl / 8);
		memcpy(buf, is, vl / 8);
		vcpu_ioctl(vcpu, KVM_SET_ONE_REG, &reg);
	}
	vcpu_set_reg(vcpu, KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_CORE |
		     KVM_REG_ARM_CORE_REG(fp_regs.fpsr), b.fpsr);
	vcpu_set_reg(vcpu, KVM_REG_ARM64 | KVM_REG_SIZE_U32 | KVM_REG_ARM_CORE |
		     KVM_REG_ARM_CORE_REG(fp_regs.fpcr), b.fpcr);
}

/* User space sees what the guest has, and the guest gets what user space sets. */
static void test_one_reg(bool el2)
{
	u64 vls = vcpu_vls(el2), vl, i;
	u64 runs = 0, host_differs = 0;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	bool same;

	for (i = 0; i < 2; i++) {
		if (i && !vls)
			break;
		same = true;
		vl = i ? 16 * (64 - __builtin_clzl(vls)) : 0;
		vm = fp_vm_create(1, el2, i ? vls : 0, &vcpu);
		fp_job(vm, JOB_SWAP, 0);
		vcpu_run(vcpu);
		TEST_ASSERT_KVM_EXIT_REASON(vcpu, KVM_EXIT_MMIO);
		TEST_ASSERT_EQ(vcpu->run->mmio.phys_addr, MMIO_GPA);
		swap_vregs(vcpu, vl, &same);
		tt_expect(same, "%s: user space sees the guest's", i ? "SVE" : "V");
		tt_expect(run_to_done(vcpu, &runs, &host_differs),
			  "%s: the guest has user space's", i ? "SVE" : "V");
		kvm_vm_free(vm);
	}
}

static void traps(bool el2, u64 vls)
{
	u64 runs = 0, host_differs = 0;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = fp_vm_create(1, el2, vls, &vcpu);
	static const int classes[] = {
		ESR_ELx_EC_UNKNOWN, ESR_ELx_EC_FP_ASIMD, ESR_ELx_EC_SVE
	};
	int i;

	transcript("a vCPU with%s SVE", vls ? "" : "out");
	for (i = 0; i < ARRAY_SIZE(classes); i++)
		vm_install_sync_handler(vm, VECTOR_SYNC_CURRENT, classes[i],
					guest_trap_handler);
	fp_job(vm, JOB_TRAPS, 0);
	tt_expect(run_to_done(vcpu, &runs, &host_differs), "traps");
	tt_expect(!host_differs, "host thread");
	kvm_vm_free(vm);
}

static void test_traps(bool el2)
{
	u64 vls = vcpu_vls(el2);

	traps(el2, 0);
	if (vls)
		traps(el2, vls);
}

/* The storm */

static volatile bool stop;
static pthread_t victims[NR_VCPUS + NR_CANARIES];

struct runner {
	struct kvm_vcpu *vcpu;
	u64 runs, host_differs;
	bool guest_ok, done;
};

struct canary {
	u64 sings, differs;
};

/* Leaves nothing in the registers as it was. */
static void dirty_handler(int sig)
{
	asm volatile(FOR_Z "movi v\\n\\().16b, #0xa5\n .endr\n" ::: FP_CLOBBERS);
	if (host_sve)
		asm volatile(".arch_extension sve\n"
			     FOR_P "pfalse p\\n\\().b\n .endr\n wrffr p0.b\n" ::: "memory");
}

static void *runner_thread(void *arg)
{
	struct runner *r = arg;

	r->guest_ok = run_to_done(r->vcpu, &r->runs, &r->host_differs);
	WRITE_ONCE(r->done, true);
	return NULL;
}

/* A thread that has nothing to do with KVM, but for the CPU that it is on. */
static void *canary_thread(void *arg)
{
	struct canary *c = arg;

	while (!stop) {
		c->differs += !!fp_spin(0x40000, (u64)arg / 8 + c->sings);
		c->sings++;
	}
	return NULL;
}

/* Signals, and now and then another CPU, for all of them in turn. */
static void *pest_thread(void *arg)
{
	long nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);
	u64 i;

	for (i = 0; !stop; i++) {
		pthread_t victim = victims[i % ARRAY_SIZE(victims)];

		pthread_kill(victim, SIGUSR1);
		if (i % 3 == 0) {
			cpu_set_t set;

			CPU_ZERO(&set);
			CPU_SET(i / 3 / ARRAY_SIZE(victims) % nr_cpus, &set);
			pthread_setaffinity_np(victim, sizeof(set), &set);
		}
		usleep(700);
	}
	return arg;
}

static void storm(u64 vls)
{
	struct runner runners[NR_VCPUS] = {};
	struct canary canaries[NR_CANARIES] = {};
	struct sigaction sa = { .sa_handler = dirty_handler };
	struct kvm_vcpu *vcpus[NR_VCPUS];
	struct kvm_vm *vm = fp_vm_create(NR_VCPUS, false, vls, vcpus);
	pthread_t pest;
	int i;

	fp_job(vm, JOB_KEEP, 150);
	sigaction(SIGUSR1, &sa, NULL);
	stop = false;
	for (i = 0; i < NR_VCPUS; i++) {
		runners[i].vcpu = vcpus[i];
		pthread_create(&victims[i], NULL, runner_thread, &runners[i]);
	}
	for (i = 0; i < NR_CANARIES; i++)
		pthread_create(&victims[NR_VCPUS + i], NULL, canary_thread, &canaries[i]);
	pthread_create(&pest, NULL, pest_thread, NULL);

	/* The pest must not signal a thread that is gone: they are joined after it. */
	while (!stop) {
		bool done = true;

		usleep(10000);
		for (i = 0; i < NR_VCPUS; i++)
			done &= READ_ONCE(runners[i].done);
		for (i = 0; i < NR_CANARIES; i++)
			done &= READ_ONCE(canaries[i].sings) > 20;
		stop = done;
	}
	pthread_join(pest, NULL);
	for (i = 0; i < NR_VCPUS + NR_CANARIES; i++)
		pthread_join(victims[i], NULL);

	for (i = 0; i < NR_VCPUS; i++) {
		tt_expect(runners[i].guest_ok, "vCPU %d: guest", i);
		tt_expect(!runners[i].host_differs, "vCPU %d: host thread", i);
	}
	for (i = 0; i < NR_CANARIES; i++)
		tt_expect(!canaries[i].differs, "canary %d", i);
	kvm_vm_free(vm);
}

static void test_storm_v(bool el2)
{
	storm(0);
}

static void test_storm_sve(bool el2)
{
	u64 vls = vcpu_vls(false);

	if (!vls)
		tt_skip("no SVE for guests");
	storm(vls);
}

static const struct tt_test tests[] = {
	{ "fpsimd",	test_fpsimd,	TT_EL1_EL2 },
	{ "sve",	test_sve,	TT_EL1_EL2 },
	{ "one_reg",	test_one_reg,	TT_EL1_EL2 },
	{ "traps",	test_traps,	TT_EL1_EL2 },
	{ "storm_v",	test_storm_v,	TT_EL1 },
	{ "storm_sve",	test_storm_sve,	TT_EL1 },
};

int main(int argc, char **argv)
{
	host_sve = getauxval(AT_HWCAP) & HWCAP_SVE;
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
