// SPDX-License-Identifier: GPL-2.0
/*
 * switch_traps - which accesses of a guest trap that would do without, on CPUs with
 * errata above all: an access that traps has the guest's value or effect all the
 * same, and only its cost tells.
 *
 * The cost is held against that of a hypercall. The least of many rounds counts, so
 * that other load on the host does not matter, and both kinds are far from the limit.
 */
#include <asm/cputype.h>

#include "timer_lib.h"

#define ROUNDS		20
#define ACCESSES	50
#define LIMIT		20		/* traps if it takes more than 1/20 of a hypercall */
#define TCR_HA_HD	(BIT(39) | BIT(40))
#define SCTLR_ENIA	BIT(31)

/* The least that ACCESSES of it take. */
#define COST(access)						\
({								\
	u64 __least = ~0ULL, __start, __took;			\
	int __round, __i;					\
								\
	for (__round = 0; __round < ROUNDS; __round++) {	\
		isb();						\
		__start = timer_get_cntct(PHYSICAL);		\
		for (__i = 0; __i < ACCESSES; __i++)		\
			access;					\
		isb();						\
		__took = timer_get_cntct(PHYSICAL) - __start;	\
		if (__took < __least)				\
			__least = __took;			\
	}							\
	__least;						\
})

enum access {
	WRITE_FAR, READ_CNTVCT, READ_CNTV_CTL, WRITE_TPIDR, READ_ACTLR, NR_ACCESSES
};

static const char * const names[NR_ACCESSES] = {
	"write of FAR_EL1", "read of CNTVCT_EL0", "read of CNTV_CTL_EL0", "write of TPIDR_EL1",
	"read of ACTLR_EL1",
};

static u64 g_traps[NR_ACCESSES], g_tcr;

static void hypercall(void)
{
	register u64 x0 asm("x0") = ~0ULL;

	asm volatile("hvc #0" : "+r" (x0) :: "x1", "x2", "x3", "memory");
}

static void guest_code(void)
{
	u64 costs[NR_ACCESSES], limit = COST(hypercall()) / LIMIT, tcr = read_sysreg(tcr_el1);
	int i;

	costs[WRITE_FAR] = COST(write_sysreg(0x1234, far_el1));
	costs[READ_CNTVCT] = COST(read_sysreg(cntvct_el0));
	costs[READ_CNTV_CTL] = COST(read_sysreg(cntv_ctl_el0));
	costs[WRITE_TPIDR] = COST(write_sysreg(0x1234, tpidr_el1));
	costs[READ_ACTLR] = COST(read_sysreg(actlr_el1));
	for (i = 0; i < NR_ACCESSES; i++)
		g_traps[i] = costs[i] > limit;

	/* The value that is written from the zero register is another case. */
	write_sysreg(0, far_el1);
	GUEST_ASSERT_EQ(read_sysreg(far_el1), 0);
	write_sysreg(tcr | TCR_HA_HD, tcr_el1);
	isb();
	g_tcr = read_sysreg(tcr_el1) & TCR_HA_HD;
	write_sysreg(tcr, tcr_el1);
	GUEST_DONE();
}

static u64 host_model(struct kvm_vcpu *vcpu)
{
	return vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_MIDR_EL1)) & MIDR_CPU_MODEL_MASK;
}

static void accesses(bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, false, guest_code, &vcpu);
	u64 model = host_model(vcpu);
	int i;

	tt_expect(tt_run_to_done(vcpu), "the guest is done");
	sync_global_from_guest(vm, g_traps);
	sync_global_from_guest(vm, g_tcr);
	for (i = 0; i < NR_ACCESSES; i++)
		transcript("%s: %s", names[i], g_traps[i] ? "traps" : "does not trap");
	transcript("TCR_EL1 keeps HA and HD: %lx", (unsigned long)g_tcr);

	tt_expect(g_traps[READ_ACTLR] && !g_traps[WRITE_TPIDR], "costs tell");
	if (model == MIDR_CAVIUM_THUNDERX2)
		tt_expect(g_traps[WRITE_FAR], "ThunderX2 219");
	if (model == MIDR_QCOM_ORYON_X1)
		tt_expect(g_traps[READ_CNTVCT] && g_traps[READ_CNTV_CTL], "Oryon's CNTVOFF_EL2");
	if (model == MIDR_AMPERE1 || model == MIDR_AMPERE1A)
		tt_expect(!g_tcr, "AmpereOne AC03_CPU_38");
}

/* A trapped authentication instruction that is stepped, which Cortex-A510 gets wrong. */
static void guest_auth(void)
{
	write_sysreg(read_sysreg(sctlr_el1) | SCTLR_ENIA, sctlr_el1);
	isb();
	GUEST_SYNC(0);
	asm volatile(".globl auth_here\nauth_here: hint #25\n nop" ::: "x30");	/* paciasp */
	GUEST_DONE();
}

extern char auth_here[];

static u64 g_undefined, g_spsr;

static void guest_undef_handler(struct ex_regs *regs)
{
	g_undefined++;
	g_spsr = regs->pstate;
	regs->pc += 4;
}

static void step_auth(bool el2)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct kvm_vcpu *vcpu;
	struct ucall uc;
	struct kvm_vm *vm = tt_vm_create(1, false, guest_auth, &vcpu);
	u64 pc, pstate;

	vm_install_sync_handler(vm, VECTOR_SYNC_CURRENT, ESR_ELx_EC_UNKNOWN, guest_undef_handler);
	TEST_ASSERT_EQ(tt_run(vcpu, &uc), UCALL_SYNC);
	vcpu_run_complete_io(vcpu);
	vcpu_set_reg(vcpu, ARM64_CORE_REG(regs.pc), (u64)auth_here);
	pstate = vcpu_get_reg(vcpu, ARM64_CORE_REG(regs.pstate));
	vcpu_guest_debug_set(vcpu, &debug);
	vcpu_run(vcpu);
	pc = vcpu_get_reg(vcpu, ARM64_CORE_REG(regs.pc));
	tt_expect(vcpu->run->exit_reason == KVM_EXIT_DEBUG, "a step");
	transcript("%s, PSTATE was %lx, is %lx", pc == (u64)auth_here + 4 ? "performed" : "an exception",
		   (unsigned long)pstate,
		   (unsigned long)vcpu_get_reg(vcpu, ARM64_CORE_REG(regs.pstate)));
	debug.control = 0;
	vcpu_guest_debug_set(vcpu, &debug);
	tt_expect(tt_run_to_done(vcpu), "the guest is done");
	sync_global_from_guest(vm, g_undefined);
	sync_global_from_guest(vm, g_spsr);
	transcript("undefined: %lu, SPSR %lx", (unsigned long)g_undefined, (unsigned long)g_spsr);
	/* KVM tells the guest of the SS that it set for the step. */
	tt_expect(!g_undefined || (g_spsr & ~BIT(21)) == pstate,
		  "PSTATE of the exception is that before");
}

static const struct tt_test tests[] = {
	{ "accesses", accesses, TT_EL1 },
	{ "step_auth", step_auth, TT_EL1 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
