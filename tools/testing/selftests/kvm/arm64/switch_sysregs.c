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
#include "switch_regs.h"

#define NR_VMS		2
#define MAX_REGS	96

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
	if (regs[i].get32)
		return regs[i].get32;
	if (regs[i].guest == GUEST_NONE)
		return SW_NO_CALL;
	return regs[i].guest == GUEST_SP ? SW_GET_SP : SW_MRS(regs[i].guest);
}

static u32 set_insn(int i)
{
	if (regs[i].set32)
		return regs[i].set32;
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
		sw_emit_ask(g);
		sw_emit(g, set_insn(i));
	}
	sw_emit_isb(g);
	pc_turn = sw_here(g);
	sw_emit_storm(g, g->aarch32 ? SW32_TELL : SW_TELL);
	pc_get = sw_here(g);
	for (i = 0; i < nr_regs; i++) {
		sw_emit(g, get_insn(i));
		sw_emit_tell(g);
	}
	sw_emit_back(g, (sw_here(g) - pc_turn) / 4);
	pc_spin = sw_here(g);
	sw_emit_storm(g, g->aarch32 ? SW32_ISB : SW_ISB);
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

static void create_with(const struct reg *all, int nr, bool el2, u32 features)
{
	int vm;

	for (vm = 0; vm < NR_VMS; vm++)
		sw_create(&vms[vm], el2, features);
	find_regs(all, nr);
	for (vm = 0; vm < NR_VMS; vm++)
		write_code(&vms[vm]);
}

static void create(const struct reg *all, int nr, bool el2)
{
	create_with(all, nr, el2, optional_features());
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

/* DBGBCR<n>_EL1, whose halves of BAS are one to some CPUs. */
static bool is_bcr(const struct reg *reg)
{
	return sys_reg_Op0(reg->guest) == 2 && sys_reg_CRn(reg->guest) == 0 &&
	       sys_reg_Op2(reg->guest) == 5;
}

static void baseline(struct values *v, int round, bool by_one_reg)
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
		for (vm = 0; vm < NR_VMS; vm++) {
			/* Else two that are mixed up on both ways would not show. */
			tt_check(v->guest[vm][i] == pattern(i, vm, round) || is_bcr(&regs[i]),
				 "%s: what was set is there on VM %d", regs[i].name, vm);
			tt_check(v->guest[vm][i] == v->one_reg[vm][i],
				 "%s: guest and ONE_REG agree on VM %d", regs[i].name, vm);
		}
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
		baseline(&v, round, true);
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
		baseline(&v, round, false);
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
	baseline(&v, 0, false);
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

static void create_aarch32(void)
{
	int vm;

	if (!kvm_has_cap(KVM_CAP_ARM_EL1_32BIT))
		tt_skip("no AArch32 at EL1");
	create_with(aarch32_regs, ARRAY_SIZE(aarch32_regs), false, BIT(KVM_ARM_VCPU_EL1_32BIT));
	for (vm = 0; vm < NR_VMS; vm++) {
		vcpu_set_reg(vms[vm].vcpu, KVM_ARM64_SYS_REG(SYS_CPACR_EL1), GENMASK(23, 20));
		vcpu_set_reg(vms[vm].vcpu, ARM64_CORE_REG(regs.pstate), SW32_SYSTEM);
	}
}

static void aarch32_one_reg(bool el2)
{
	create_aarch32();
	keep_one_reg();
}

static void aarch32_msr(bool el2)
{
	create_aarch32();
	keep_msr();
}

static void aarch32_preempt(bool el2)
{
	create_aarch32();
	keep_preempted();
}

static const struct tt_test tests[] = {
	{ "one_reg", sysregs_one_reg, TT_EL1_EL2 },
	{ "msr", sysregs_msr, TT_EL1_EL2 },
	{ "preempt", sysregs_preempt, TT_EL1_EL2 },
	{ "debug_one_reg", debug_one_reg, TT_EL1 },
	{ "debug_msr", debug_msr, TT_EL1 },
	{ "debug_preempt", debug_preempt, TT_EL1 },
	{ "aarch32_one_reg", aarch32_one_reg, TT_EL1 },
	{ "aarch32_msr", aarch32_msr, TT_EL1 },
	{ "aarch32_preempt", aarch32_preempt, TT_EL1 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
