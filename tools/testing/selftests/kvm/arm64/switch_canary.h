/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The storm of switch_canary.c: vCPUs, one pinned to each of two CPUs and one that migrates, whose guests leave
 * nothing as it was in any register that a host thread may have, and exit in all ways.
 */
#ifndef SELFTEST_KVM_SWITCH_CANARY_H
#define SELFTEST_KVM_SWITCH_CANARY_H

#include <asm/unistd.h>
#include <sys/auxv.h>

#include "switch_fp.h"
#include "switch_lib.h"

#ifndef HWCAP2_SME
#define HWCAP2_SME	(1UL << 23)
#endif
#ifndef HWCAP2_POE
#define HWCAP2_POE	(1UL << 63)
#endif

#define NR_STORM	3
#define MIGRATES	2
/* How often each vCPU has to come back from KVM_RUN for it to be a storm. */
#define STORM_TURNS	16

/* For EL0 only: a guest never gets there. */
#define GUEST_BCR	(0xfUL << 5 | BIT(2) | BIT(0))
#define GUEST_WCR	(0xffUL << 5 | BIT(4) | BIT(2) | BIT(0))
#define GUEST_MDSCR	(BIT(15) | BIT(13))
#define PMU_IRQ		23

/* TPIDR2_EL0 and SVCR, by numbers that each assembler knows. */
#define TPIDR2		"S3_3_C13_C0_5"
#define SVCR		"S3_3_C4_C2_2"
#define POR		"S3_3_C10_C2_4"

/* What guests watch, and host threads use: it must never be noticed. */
static volatile u64 decoy_data;

static noinline void decoy_code(void)
{
	asm volatile("nop");
}

/* Guest */

static u64 g_sve, g_pmu, g_pauth, g_decoy_data, g_decoy_code;
static volatile u64 g_undef[NR_STORM], g_fired[NR_STORM];

static void guest_skip(struct ex_regs *regs)
{
	g_undef[guest_get_vcpuid()]++;
	regs->pc += 4;
}

static void guest_irq(struct ex_regs *regs)
{
	u32 intid = tt_guest_ack();

	if (intid == IAR_SPURIOUS)
		return;
	if (intid == tt_irq[TT_V]) {
		tt_set_ctl(TT_V, 0);
		g_fired[guest_get_vcpuid()]++;
	}
	tt_guest_eoi(intid);
}

static void guest_dirty_fp(u64 i)
{
	if (g_sve) {
		write_sysreg_s(i % 4, SYS_ZCR_EL1);
		isb();
		asm volatile(".arch_extension sve\n"
			     FOR_Z "mov z\\n\\().b, #0x5a\n .endr\n"
			     FOR_P "ptrue p\\n\\().b\n .endr\n setffr\n" ::: "memory");
	}
	asm volatile(FOR_Z "movi v\\n\\().16b, #0xa5\n .endr\n" ::: FP_CLOBBERS);
	write_sysreg(i % 2 ? BIT(27) | 0x1f : 0, fpsr);
	write_sysreg((i & 0xf) << 22, fpcr);
}

/* What no guest has on a host that has SME: it must not reach the host's. */
static void guest_try_sme(int cpu)
{
	u64 before = g_undef[cpu];

	asm volatile("msr " TPIDR2 ", %0" :: "r" (~0UL));
	GUEST_ASSERT_EQ(g_undef[cpu], before + 1);
	asm volatile("msr " SVCR ", %0" :: "r" (3UL));
	GUEST_ASSERT_EQ(g_undef[cpu], before + 2);
}

static void guest_dirty_debug(void)
{
	write_sysreg(0, oslar_el1);
	isb();
	write_sysreg(g_decoy_code, dbgbvr0_el1);
	write_sysreg(GUEST_BCR, dbgbcr0_el1);
	write_sysreg(g_decoy_code, dbgbvr1_el1);
	write_sysreg(GUEST_BCR, dbgbcr1_el1);
	write_sysreg(g_decoy_data, dbgwvr0_el1);
	write_sysreg(GUEST_WCR, dbgwcr0_el1);
	write_sysreg(g_decoy_data, dbgwvr1_el1);
	write_sysreg(GUEST_WCR, dbgwcr1_el1);
	write_sysreg(GUEST_MDSCR, mdscr_el1);
	isb();
}

static void guest_dirty_pmu(u64 i)
{
	write_sysreg(i % 4, pmselr_el0);
	write_sysreg(0x11, pmxevtyper_el0);
	write_sysreg(0, pmccfiltr_el0);
	write_sysreg(0x8000000fUL, pmcntenset_el0);
	write_sysreg(0, pmuserenr_el0);
	write_sysreg(i % 2 ? 0x47 : 0x46, pmcr_el0);
}

static void guest_dirty(int cpu, u64 i)
{
	guest_dirty_fp(i);
	write_sysreg(~i, tpidr_el0);
	write_sysreg(~i - cpu, tpidrro_el0);
	write_sysreg(i << 8, contextidr_el1);
	if (g_pauth) {
		write_sysreg_s(i, SYS_APIAKEYLO_EL1);
		write_sysreg_s(~i, SYS_APIAKEYHI_EL1);
	}
	/* One vCPU has only what the VMM sets in their place. */
	if (i % 16 == 1 && cpu != 1)
		guest_dirty_debug();
	if (i % 16 == 2)
		guest_try_sme(cpu);
	if (i % 16 == 3 && g_pmu)
		guest_dirty_pmu(i / 16);
}

static void guest_sleep(int cpu)
{
	u64 before = g_fired[cpu];

	local_irq_disable();
	tt_start(TT_V, tt_cnt(TT_V) + timer_get_cntfrq() / 5000);
	while (g_fired[cpu] == before) {
		wfi();
		tt_guest_take_irqs();
	}
}

static void guest_exit(int cpu, u64 i)
{
	struct arm_smccc_res res;
	u64 n;

	switch (i % 5) {
	case 0:
		smccc_hvc(0xdead0000, 0, 0, 0, 0, 0, 0, 0, &res);
		break;
	case 1:
		GUEST_SYNC(i);
		break;
	case 2:
		readl(GICD_BASE_GVA + TT_GICD_CTLR);
		break;
	case 3:
		guest_sleep(cpu);
		break;
	case 4:
		for (n = 0; n < 20000; n++)
			asm volatile("");
		break;
	}
}

static void guest_storm(u64 cpu)
{
	u64 i;

	tt_guest_setup(NR_STORM);
	write_sysreg(3UL << 20 | (g_sve ? 3UL << 16 : 0), cpacr_el1);
	isb();
	for (i = 1;; i++) {
		guest_dirty(cpu, i);
		guest_exit(cpu, i);
		GUEST_ASSERT_EQ(read_sysreg(tpidr_el0), ~i);
		GUEST_ASSERT_EQ(read_sysreg(tpidrro_el0), ~i - cpu);
		GUEST_ASSERT_EQ(read_sysreg(tpidr_el1), cpu);
		GUEST_ASSERT_EQ(read_sysreg(contextidr_el1), i << 8);
	}
}

/* Host */

struct storm_vcpu {
	struct kvm_vcpu *vcpu;
	pthread_t thread;
	u64 turns, differs, debugs;
	bool guest_failed;
};

static struct storm_vcpu storm[NR_STORM];
static struct kvm_vm *storm_vm;
static int cpus[8], nr_cpus;
static bool storm_stop;
/* A round of the host thread around KVM_RUN: what it is a canary of besides. */
static long (*storm_run)(int fd, u64 seed, u64 *differ);

static long run_with_fp(int fd, u64 seed, u64 *differ)
{
	return fp_syscall(__NR_ioctl, fd, KVM_RUN, seed, differ);
}

/* The VMM's own breakpoints for a guest, or steps, or neither: the first vCPU's guest has its own. */
static void storm_debug(struct storm_vcpu *v)
{
	struct kvm_guest_debug debug = {};

	if (v == storm || v->turns % 4)
		return;
	switch (v->turns / 4 % 4) {
	case 0:
		debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW;
		debug.arch.dbg_bvr[0] = (u64)decoy_code;
		debug.arch.dbg_bcr[0] = GUEST_BCR;
		debug.arch.dbg_wvr[0] = (u64)&decoy_data;
		debug.arch.dbg_wcr[0] = GUEST_WCR;
		break;
	case 2:
		debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
		break;
	}
	vcpu_guest_debug_set(v->vcpu, &debug);
}

static void *storm_thread(void *arg)
{
	struct storm_vcpu *v = arg;
	struct kvm_run *run = v->vcpu->run;
	struct ucall uc;
	u64 differ;
	long ret;

	if (v->vcpu->id != MIGRATES)
		pin_self_to_cpu(cpus[v->vcpu->id % nr_cpus]);
	while (!READ_ONCE(storm_stop)) {
		run->immediate_exit = v->turns % 16 == 7;
		storm_debug(v);
		ret = storm_run(v->vcpu->fd, v->turns, &differ);
		if (differ && !v->differs)
			ksft_print_msg("thread of vCPU %u: 0x%lx\n", v->vcpu->id, differ);
		v->differs += !!differ;
		WRITE_ONCE(v->turns, v->turns + 1);
		if (ret == -EINTR)
			continue;
		TEST_ASSERT(!ret, "KVM_RUN: %ld", ret);
		if (run->exit_reason == KVM_EXIT_DEBUG) {
			v->debugs++;
		} else if (get_ucall(v->vcpu, &uc) != UCALL_SYNC) {
			v->guest_failed = true;
			ksft_print_msg("guest: exit %s: %s\n", exit_reason_str(run->exit_reason),
				       uc.cmd == UCALL_ABORT ? uc.buffer : "");
			WRITE_ONCE(v->turns, STORM_TURNS);
			break;
		}
	}
	return NULL;
}

static bool storm_is_one(void)
{
	bool is = true;
	int i;

	for (i = 0; i < NR_STORM; i++)
		is &= READ_ONCE(storm[i].turns) >= STORM_TURNS;
	return is;
}

/* Leaves nothing in the registers as it was. */
static void dirty_handler(int sig)
{
	asm volatile(FOR_Z "movi v\\n\\().16b, #0xa5\n .endr\n" ::: FP_CLOBBERS);
}

static void storm_pmu_init(struct kvm_vcpu *vcpu)
{
	int irq = PMU_IRQ;

	vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_IRQ, &irq);
	vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_INIT, NULL);
}

static void storm_features(void)
{
	g_sve = kvm_check_cap(KVM_CAP_ARM_SVE) > 0;
	g_pmu = kvm_check_cap(KVM_CAP_ARM_PMU_V3) > 0;
	g_pauth = kvm_check_cap(KVM_CAP_ARM_PTRAUTH_ADDRESS) > 0 &&
		  kvm_check_cap(KVM_CAP_ARM_PTRAUTH_GENERIC) > 0;
	tt_vcpu_features = g_sve << KVM_ARM_VCPU_SVE | g_pmu << KVM_ARM_VCPU_PMU_V3 |
			   g_pauth << KVM_ARM_VCPU_PTRAUTH_ADDRESS |
			   g_pauth << KVM_ARM_VCPU_PTRAUTH_GENERIC;
}

static void storm_start(void)
{
	static const int classes[] = { ESR_ELx_EC_UNKNOWN, ESR_ELx_EC_SME, ESR_ELx_EC_SYS64 };
	struct sigaction sa = { .sa_handler = dirty_handler };
	struct kvm_vcpu *vcpus[NR_STORM];
	int i;

	alarm(3 * TT_WATCHDOG_SEC);
	host_sve = getauxval(AT_HWCAP) & HWCAP_SVE;
	nr_cpus = sw_cpus(cpus, ARRAY_SIZE(cpus));
	sigaction(SIGUSR1, &sa, NULL);
	storm_features();
	g_decoy_data = (u64)&decoy_data;
	g_decoy_code = (u64)decoy_code;
	storm_vm = tt_vm_create(NR_STORM, false, guest_storm, vcpus);
	vm_install_exception_handler(storm_vm, VECTOR_IRQ_CURRENT, guest_irq);
	for (i = 0; i < ARRAY_SIZE(classes); i++)
		vm_install_sync_handler(storm_vm, VECTOR_SYNC_CURRENT, classes[i], guest_skip);
	sync_global_to_guest(storm_vm, g_sve);
	sync_global_to_guest(storm_vm, g_pmu);
	sync_global_to_guest(storm_vm, g_pauth);
	sync_global_to_guest(storm_vm, g_decoy_data);
	sync_global_to_guest(storm_vm, g_decoy_code);
	if (!storm_run)
		storm_run = run_with_fp;
	for (i = 0; i < NR_STORM; i++) {
		storm[i].vcpu = vcpus[i];
		vcpu_args_set(vcpus[i], 1, (u64)i);
		if (g_pmu)
			storm_pmu_init(vcpus[i]);
	}
	for (i = 0; i < NR_STORM; i++)
		TEST_ASSERT(!pthread_create(&storm[i].thread, NULL, storm_thread, &storm[i]),
			    "pthread_create()");
}

static void migrate(pthread_t thread, u64 to)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpus[to % nr_cpus], &set);
	pthread_setaffinity_np(thread, sizeof(set), &set);
}

/* Signals for the vCPUs, and another CPU for one of them. */
static void storm_disturb(u64 i)
{
	pthread_kill(storm[i % NR_STORM].thread, SIGUSR1);
	if (i % 3 == 0)
		migrate(storm[MIGRATES].thread, i / 3);
}

static void storm_end(void)
{
	u64 i, debugs = 0;

	WRITE_ONCE(storm_stop, true);
	for (i = 0; i < NR_STORM; i++) {
		storm[i].vcpu->run->immediate_exit = 1;
		pthread_kill(storm[i].thread, SIGUSR1);
	}
	for (i = 0; i < NR_STORM; i++) {
		pthread_join(storm[i].thread, NULL);
		tt_expect(!storm[i].guest_failed, "guest %lu", i);
		tt_expect(!storm[i].differs, "thread of vCPU %lu", i);
		debugs += storm[i].debugs;
	}
	tt_expect(debugs > 0, "guests were debugged");
	kvm_vm_free(storm_vm);
}

#endif /* SELFTEST_KVM_SWITCH_CANARY_H */
