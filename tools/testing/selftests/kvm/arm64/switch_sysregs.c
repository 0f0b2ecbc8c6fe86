// SPDX-License-Identifier: GPL-2.0
/*
 * switch_sysregs - a guest's system registers keep their values over exits, put
 * and load, and migration between CPUs, and nobody else's get into them.
 *
 * Two VMs have different patterns in all registers, set through ONE_REG or by
 * the guest, and take turns on the same CPUs. What the guest reads, and what
 * ONE_REG reads, must be what was there at first.
 */
#include "switch_lib.h"

#define NR_VMS		2
#define MAX_REGS	96

struct reg {
	const char *name;
	u32 guest;	/* encoding that the guest uses, or one of those below */
	u64 id;		/* of ONE_REG */
	u64 mask;	/* the bits to play with */
	bool fixed;	/* CPUs may have it as a constant, or not show all to EL1 */
};

/* Instead of an encoding: the stack pointer, or nothing that a guest reads back. */
#define GUEST_SP	0
#define GUEST_NONE	1

#define REG(reg, mask)	{ #reg, SYS_##reg, 0, mask, false }
#define CONST_REG(reg, mask) { #reg, SYS_##reg, 0, mask, true }
#define CORE(reg, field, mask) { #reg, SYS_##reg, ARM64_CORE_REG(field), mask, false }
#define MAP(reg, to, mask) { #to, SYS_##reg, ARM64_SYS_REG_OF(SYS_##to), mask, false }
#define MAP_CONST(reg, to) { #to, SYS_##reg, ARM64_SYS_REG_OF(SYS_##to), ~0ULL, true }
#define ARM64_SYS_REG_OF(enc)						\
	ARM64_SYS_REG(sys_reg_Op0(enc), sys_reg_Op1(enc), sys_reg_CRn(enc), \
		      sys_reg_CRm(enc), sys_reg_Op2(enc))

/* UCI, nTWE, nTWI, UCT, DZE: of no effect on a guest that does not use EL0. */
#define SCTLR_BITS	(BIT(26) | BIT(18) | BIT(16) | BIT(15) | BIT(14))
/* FPEN, ZEN */
#define CPACR_BITS	(GENMASK(21, 20) | GENMASK(17, 16))
/* NZCV and M[3:0], of which 0x5 and 0x4 are taken. */
#define SPSR_BITS	GENMASK(31, 28)
#define VBAR_BITS	GENMASK(47, 11)
#define CNTKCTL_BITS	GENMASK(9, 8)
#define DISR_BITS	(BIT(31) | GENMASK(24, 0))
#define ANY_BITS	(~0ULL)
/* Addresses: canonical, so that CPUs need not keep more. */
#define VA_BITS		GENMASK(46, 0)

static const struct reg el1_regs[] = {
	REG(SCTLR_EL1, SCTLR_BITS),
	REG(CPACR_EL1, CPACR_BITS),
	REG(TTBR0_EL1, GENMASK(63, 1)),
	REG(TTBR1_EL1, GENMASK(63, 1)),
	REG(TCR_EL1, GENMASK(38, 7) | GENMASK(5, 0)),
	REG(TCR2_EL1, BIT(1)),
	REG(PIR_EL1, ANY_BITS),
	REG(PIRE0_EL1, ANY_BITS),
	REG(POR_EL1, ANY_BITS),
	REG(POR_EL0, ANY_BITS),
	CONST_REG(SCTLR2_EL1, ANY_BITS),
	REG(ESR_EL1, GENMASK(31, 0)),
	CONST_REG(AFSR0_EL1, ANY_BITS),
	CONST_REG(AFSR1_EL1, ANY_BITS),
	REG(FAR_EL1, VA_BITS),
	REG(MAIR_EL1, ANY_BITS),
	REG(VBAR_EL1, VBAR_BITS),
	REG(CONTEXTIDR_EL1, GENMASK(31, 0)),
	CONST_REG(AMAIR_EL1, ANY_BITS),
	REG(CNTKCTL_EL1, CNTKCTL_BITS),
	REG(PAR_EL1, ANY_BITS),
	REG(TPIDR_EL0, ANY_BITS),
	REG(TPIDRRO_EL0, ANY_BITS),
	REG(TPIDR_EL1, ANY_BITS),
	REG(TFSR_EL1, GENMASK(1, 0)),
	REG(TFSRE0_EL1, GENMASK(1, 0)),
	REG(RGSR_EL1, GENMASK(23, 8) | GENMASK(3, 0)),
	REG(GCR_EL1, GENMASK(16, 0)),
	/* The guest reads VDISR_EL2, or what the host left in DISR_EL1. */
	{ "DISR_EL1", GUEST_NONE, ARM64_SYS_REG_OF(SYS_DISR_EL1), DISR_BITS },
	REG(CSSELR_EL1, GENMASK(2, 0)),
	REG(MDSCR_EL1, BIT(12)),
	CONST_REG(MDCCINT_EL1, GENMASK(30, 29)),
	REG(APIAKEYLO_EL1, ANY_BITS),
	REG(APIAKEYHI_EL1, ANY_BITS),
	REG(APIBKEYLO_EL1, ANY_BITS),
	REG(APIBKEYHI_EL1, ANY_BITS),
	REG(APDAKEYLO_EL1, ANY_BITS),
	REG(APDAKEYHI_EL1, ANY_BITS),
	REG(APDBKEYLO_EL1, ANY_BITS),
	REG(APDBKEYHI_EL1, ANY_BITS),
	REG(APGAKEYLO_EL1, ANY_BITS),
	REG(APGAKEYHI_EL1, ANY_BITS),
	CORE(ELR_EL1, elr_el1, VA_BITS),
	CORE(SPSR_EL1, spsr[KVM_SPSR_EL1], SPSR_BITS),
	{ "SP_EL0", sys_reg(3, 0, 4, 1, 0), ARM64_CORE_REG(regs.sp), ANY_BITS },
	{ "SP_EL1", GUEST_SP, ARM64_CORE_REG(sp_el1), ANY_BITS },
	REG(CNTV_CVAL_EL0, GENMASK(62, 60)),
	REG(CNTP_CVAL_EL0, GENMASK(62, 60)),
};

/* A hypervisor that is a VHE host: its EL2 by EL1's names, EL1 by others. */
static const struct reg el2_regs[] = {
	MAP(SCTLR_EL1, SCTLR_EL2, SCTLR_BITS),
	MAP(CPACR_EL1, CPTR_EL2, CPACR_BITS),
	MAP(TTBR0_EL1, TTBR0_EL2, GENMASK(63, 1)),
	MAP(TTBR1_EL1, TTBR1_EL2, GENMASK(63, 1)),
	MAP(TCR_EL1, TCR_EL2, GENMASK(38, 7) | GENMASK(5, 0)),
	MAP(TCR2_EL1, TCR2_EL2, BIT(1)),
	MAP(PIR_EL1, PIR_EL2, ANY_BITS),
	MAP(PIRE0_EL1, PIRE0_EL2, ANY_BITS),
	MAP(POR_EL1, POR_EL2, ANY_BITS),
	REG(POR_EL0, ANY_BITS),
	MAP_CONST(SCTLR2_EL1, SCTLR2_EL2),
	MAP(ESR_EL1, ESR_EL2, GENMASK(31, 0)),
	MAP_CONST(AFSR0_EL1, AFSR0_EL2),
	MAP_CONST(AFSR1_EL1, AFSR1_EL2),
	MAP(FAR_EL1, FAR_EL2, VA_BITS),
	MAP(MAIR_EL1, MAIR_EL2, ANY_BITS),
	MAP(VBAR_EL1, VBAR_EL2, VBAR_BITS),
	MAP(CONTEXTIDR_EL1, CONTEXTIDR_EL2, GENMASK(31, 0)),
	MAP_CONST(AMAIR_EL1, AMAIR_EL2),
	MAP(CNTKCTL_EL1, CNTHCTL_EL2, CNTKCTL_BITS),
	MAP(ELR_EL1, ELR_EL2, VA_BITS),
	MAP(SPSR_EL1, SPSR_EL2, SPSR_BITS),
	{ "SP_EL2", GUEST_SP, ARM64_SYS_REG_OF(SYS_SP_EL2), ANY_BITS },
	REG(SP_EL1, ANY_BITS),
	REG(PAR_EL1, ANY_BITS),
	REG(TPIDR_EL0, ANY_BITS),
	REG(TPIDRRO_EL0, ANY_BITS),
	REG(TPIDR_EL1, ANY_BITS),
	REG(TPIDR_EL2, ANY_BITS),
	/* The guest reads VDISR_EL2, or what the host left in DISR_EL1. */
	{ "DISR_EL1", GUEST_NONE, ARM64_SYS_REG_OF(SYS_DISR_EL1), DISR_BITS },
	REG(VDISR_EL2, DISR_BITS),
	MAP(SCTLR_EL12, SCTLR_EL1, SCTLR_BITS),
	MAP(CPACR_EL12, CPACR_EL1, CPACR_BITS),
	MAP(TTBR0_EL12, TTBR0_EL1, GENMASK(63, 1)),
	MAP(TTBR1_EL12, TTBR1_EL1, GENMASK(63, 1)),
	MAP(TCR_EL12, TCR_EL1, GENMASK(38, 7) | GENMASK(5, 0)),
	MAP(ESR_EL12, ESR_EL1, GENMASK(31, 0)),
	MAP(FAR_EL12, FAR_EL1, VA_BITS),
	MAP(MAIR_EL12, MAIR_EL1, ANY_BITS),
	MAP(VBAR_EL12, VBAR_EL1, VBAR_BITS),
	MAP(CONTEXTIDR_EL12, CONTEXTIDR_EL1, GENMASK(31, 0)),
	MAP(CNTKCTL_EL12, CNTKCTL_EL1, CNTKCTL_BITS),
};

/* Debug registers, n of a kind: addresses, and control without enable. */
#define DEBUG_REGS(n)							\
	{ "DBGBVR" #n, sys_reg(2, 0, 0, n, 4), 0, GENMASK(46, 2) },	\
	{ "DBGBCR" #n, sys_reg(2, 0, 0, n, 5), 0, GENMASK(8, 5) },	\
	{ "DBGWVR" #n, sys_reg(2, 0, 0, n, 6), 0, GENMASK(46, 3) },	\
	{ "DBGWCR" #n, sys_reg(2, 0, 0, n, 7), 0, GENMASK(12, 5) }

static const struct reg debug_regs[] = {
	DEBUG_REGS(0), DEBUG_REGS(1), DEBUG_REGS(2), DEBUG_REGS(3),
	DEBUG_REGS(4), DEBUG_REGS(5), DEBUG_REGS(6), DEBUG_REGS(7),
	DEBUG_REGS(8), DEBUG_REGS(9), DEBUG_REGS(10), DEBUG_REGS(11),
	DEBUG_REGS(12), DEBUG_REGS(13), DEBUG_REGS(14), DEBUG_REGS(15),
};

/* The registers that this host gives such guests. */
static struct reg regs[MAX_REGS];
static int nr_regs;

static struct sw_guest vms[NR_VMS];
static u64 pc_set, pc_get, pc_turn, pc_spin;

/* Both VMs' patterns differ in every bit; so do those of both rounds. */
static u64 pattern(int i, int vm, int round)
{
	u64 val = 0x9e3779b97f4a7c15ULL * (i + 1);

	return ((vm ^ round) & 1 ? ~val : val) & regs[i].mask;
}

static u64 get_one_reg(int vm, int i)
{
	return vcpu_get_reg(vms[vm].vcpu, regs[i].id) & regs[i].mask;
}

/* The guest gets an exception for debug registers that its CPU does not have. */
static bool is_beyond_cpu(const struct reg *reg)
{
	u64 dfr0 = vcpu_get_reg(vms[0].vcpu, KVM_ARM64_SYS_REG(SYS_ID_AA64DFR0_EL1));
	bool watchpoint = sys_reg_Op2(reg->guest) >= 6;

	if (sys_reg_Op0(reg->guest) != 2 || !strncmp(reg->name, "MD", 2))
		return false;
	return sys_reg_CRm(reg->guest) >
	       (watchpoint ? FIELD_GET(ID_AA64DFR0_EL1_WRPs, dfr0) :
			     FIELD_GET(ID_AA64DFR0_EL1_BRPs, dfr0));
}

static void find_regs(const struct reg *all, int nr)
{
	u64 id;
	int i;

	nr_regs = 0;
	for (i = 0; i < nr; i++) {
		id = all[i].id ?: sw_sysreg(all[i].guest);
		/* ONE_REG has CVAL under CNT's encoding. */
		if (all[i].guest == SYS_CNTV_CVAL_EL0)
			id = KVM_REG_ARM_TIMER_CVAL;
		if (!sw_has_reg(vms[0].vcpu, id) || is_beyond_cpu(&all[i])) {
			transcript("%s: not here", all[i].name);
			continue;
		}
		regs[nr_regs] = all[i];
		regs[nr_regs++].id = id;
	}
}

static u32 get_insn(int i)
{
	if (regs[i].guest == GUEST_NONE)
		return SW_NO_CALL;
	return regs[i].guest == GUEST_SP ? SW_GET_SP : SW_MRS(regs[i].guest);
}

static u32 set_insn(int i)
{
	if (regs[i].guest == GUEST_NONE)
		return SW_ISB;
	return regs[i].guest == GUEST_SP ? SW_SET_SP : SW_MSR(regs[i].guest);
}

/*
 * The guest: asks for all registers' values, takes turns, tells them all.
 * The bits that are not played with stay as they are.
 */
static void write_code(struct sw_guest *g)
{
	int i;

	pc_set = sw_here(g);
	for (i = 0; i < nr_regs; i++) {
		sw_emit(g, SW_ASK);
		sw_emit(g, set_insn(i));
	}
	sw_emit(g, SW_ISB);
	pc_turn = sw_here(g);
	sw_emit_storm(g, SW_TELL);
	pc_get = sw_here(g);
	for (i = 0; i < nr_regs; i++) {
		sw_emit(g, get_insn(i));
		sw_emit(g, SW_TELL);
	}
	sw_emit(g, SW_BACK((sw_here(g) - pc_turn) / 4));
	pc_spin = sw_here(g);
	sw_emit_storm(g, SW_ISB);
}

static u32 optional_features(void)
{
	u32 features = 0;

	if (kvm_has_cap(KVM_CAP_ARM_PTRAUTH_ADDRESS))
		features |= BIT(KVM_ARM_VCPU_PTRAUTH_ADDRESS);
	if (kvm_has_cap(KVM_CAP_ARM_PTRAUTH_GENERIC))
		features |= BIT(KVM_ARM_VCPU_PTRAUTH_GENERIC);
	return features;
}

static void create(const struct reg *all, int nr, bool el2)
{
	int vm;

	for (vm = 0; vm < NR_VMS; vm++)
		sw_create(&vms[vm], el2, optional_features());
	find_regs(all, nr);
	for (vm = 0; vm < NR_VMS; vm++)
		write_code(&vms[vm]);
}

static void create_for_sysregs(bool el2)
{
	if (el2)
		create(el2_regs, ARRAY_SIZE(el2_regs), true);
	else
		create(el1_regs, ARRAY_SIZE(el1_regs), false);
}

static void set_by_one_reg(int vm, int round)
{
	u64 val;
	int i;

	for (i = 0; i < nr_regs; i++) {
		val = vcpu_get_reg(vms[vm].vcpu, regs[i].id) & ~regs[i].mask;
		vcpu_set_reg(vms[vm].vcpu, regs[i].id, val | pattern(i, vm, round));
	}
	sw_goto(&vms[vm], pc_turn);
}

static void set_by_guest(int vm, int round)
{
	u64 keep[MAX_REGS];
	int i;

	for (i = 0; i < nr_regs; i++)
		keep[i] = vcpu_get_reg(vms[vm].vcpu, regs[i].id) & ~regs[i].mask;
	sw_goto(&vms[vm], pc_set);
	for (i = 0; i < nr_regs; i++)
		sw_answer(&vms[vm], keep[i] | pattern(i, vm, round));
	sw_told(&vms[vm]);
	sw_complete(&vms[vm]);
}

static void take_turns(int nr)
{
	int vm;

	while (nr--) {
		for (vm = 0; vm < NR_VMS; vm++) {
			sw_told(&vms[vm]);
			sw_complete(&vms[vm]);
		}
	}
}

/* What the guest sees now. */
static void ask_guest(int vm, u64 *vals)
{
	int i;

	sw_goto(&vms[vm], pc_get);
	for (i = 0; i < nr_regs; i++)
		vals[i] = sw_told(&vms[vm]) & regs[i].mask;
	sw_complete(&vms[vm]);
	sw_goto(&vms[vm], pc_turn);
}

/* Values as the hardware has them, which may not keep all bits. */
struct values {
	u64 guest[NR_VMS][MAX_REGS];
	u64 one_reg[NR_VMS][MAX_REGS];
};

static void look(struct values *v)
{
	int vm, i;

	for (vm = 0; vm < NR_VMS; vm++) {
		ask_guest(vm, v->guest[vm]);
		for (i = 0; i < nr_regs; i++)
			v->one_reg[vm][i] = get_one_reg(vm, i);
	}
}

static void baseline(struct values *v, bool by_one_reg)
{
	int vm, i;

	look(v);
	for (i = 0; i < nr_regs; i++) {
		transcript("%s: 0x%lx 0x%lx", regs[i].name, (unsigned long)v->guest[0][i],
			   (unsigned long)v->guest[1][i]);
		if (regs[i].guest == GUEST_NONE) {
			tt_check(v->one_reg[0][i] != v->one_reg[1][i] || !by_one_reg,
				 "%s: the pattern is there", regs[i].name);
			continue;
		}
		if (regs[i].fixed)
			continue;
		tt_check(v->guest[0][i] != v->guest[1][i], "%s: the pattern is there",
			 regs[i].name);
		for (vm = 0; vm < NR_VMS; vm++)
			tt_check(v->guest[vm][i] == v->one_reg[vm][i],
				 "%s: guest and ONE_REG agree on VM %d", regs[i].name, vm);
	}
}

static void compare(const struct values *then, const char *when)
{
	static struct values now;
	int vm, i;

	for (vm = 0; vm < NR_VMS; vm++)
		for (i = 0; i < nr_regs; i++)
			tt_check(get_one_reg(vm, i) == then->one_reg[vm][i],
				 "%s: ONE_REG of VM %d, %s", regs[i].name, vm, when);
	look(&now);
	for (vm = 0; vm < NR_VMS; vm++)
		for (i = 0; i < nr_regs; i++)
			tt_check(now.guest[vm][i] == then->guest[vm][i],
				 "%s: guest of VM %d, %s", regs[i].name, vm, when);
	transcript("compared %s", when);
}

/* Both VMs on one CPU, then on another, with exits of all weights. */
static void migrate(const struct values *v)
{
	int cpus[8], nr = sw_cpus(cpus, ARRAY_SIZE(cpus)), i;

	pin_self_to_cpu(cpus[0]);
	take_turns(8);
	compare(v, "on one CPU");
	for (i = 0; i < 16; i++) {
		pin_self_to_cpu(cpus[i % nr]);
		take_turns(2);
	}
	compare(v, "after CPUs changed");
}

static void keep_one_reg(void)
{
	struct values v;
	int vm, round;

	for (round = 0; round < 2; round++) {
		for (vm = 0; vm < NR_VMS; vm++)
			set_by_one_reg(vm, round);
		take_turns(1);
		baseline(&v, true);
		migrate(&v);
	}
}

static void keep_msr(void)
{
	struct values v;
	int vm, round;

	for (round = 0; round < 2; round++) {
		for (vm = 0; vm < NR_VMS; vm++)
			set_by_guest(vm, round);
		baseline(&v, false);
		migrate(&v);
	}
}

/* The scheduler takes turns, not the VMM: the VMs compete for one CPU. */
static void keep_preempted(void)
{
	int cpus[8], nr = sw_cpus(cpus, ARRAY_SIZE(cpus)), vm, i;
	struct sw_thread threads[NR_VMS];
	struct values v;

	for (vm = 0; vm < NR_VMS; vm++)
		set_by_guest(vm, 0);
	baseline(&v, false);
	for (vm = 0; vm < NR_VMS; vm++) {
		sw_goto(&vms[vm], pc_spin);
		sw_thread_start(&threads[vm], &vms[vm]);
	}
	for (i = 0; i < 100; i++) {
		for (vm = 0; vm < NR_VMS; vm++)
			pin_task_to_cpu(threads[vm].thread, cpus[i / 4 % nr]);
		usleep(5000);
	}
	for (vm = 0; vm < NR_VMS; vm++)
		sw_thread_stop(&threads[vm]);
	compare(&v, "after preemption");
}

static void sysregs_one_reg(bool el2)
{
	create_for_sysregs(el2);
	keep_one_reg();
}

static void sysregs_msr(bool el2)
{
	create_for_sysregs(el2);
	keep_msr();
}

static void sysregs_preempt(bool el2)
{
	create_for_sysregs(el2);
	keep_preempted();
}

/* With debug exceptions enabled the registers are the guest's from the start. */
static void enable_debug(u64 mdscr)
{
	int vm;

	for (vm = 0; vm < NR_VMS; vm++)
		vcpu_set_reg(vms[vm].vcpu, KVM_ARM64_SYS_REG(SYS_MDSCR_EL1), mdscr);
}

static void debug_one_reg(bool el2)
{
	create(debug_regs, ARRAY_SIZE(debug_regs), false);
	keep_one_reg();
	enable_debug(BIT(15));
	keep_one_reg();
}

static void debug_msr(bool el2)
{
	create(debug_regs, ARRAY_SIZE(debug_regs), false);
	keep_msr();
	enable_debug(BIT(15) | BIT(13));
	keep_msr();
}

static void debug_preempt(bool el2)
{
	create(debug_regs, ARRAY_SIZE(debug_regs), false);
	enable_debug(BIT(15));
	keep_preempted();
}

static const struct tt_test tests[] = {
	{ "one_reg", sysregs_one_reg, TT_EL1_EL2 },
	{ "msr", sysregs_msr, TT_EL1_EL2 },
	{ "preempt", sysregs_preempt, TT_EL1_EL2 },
	{ "debug_one_reg", debug_one_reg, TT_EL1 },
	{ "debug_msr", debug_msr, TT_EL1 },
	{ "debug_preempt", debug_preempt, TT_EL1 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
