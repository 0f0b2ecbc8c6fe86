// SPDX-License-Identifier: GPL-2.0
/*
 * switch_debug - debugging of guests and by guests over exits, put and load, and
 * migration between CPUs: single steps, breakpoints and watchpoints, while
 * another VM and the VMM have their own on the same CPUs.
 */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>

#include "switch_lib.h"

#define MDSCR_KDE	BIT(13)
#define MDSCR_MDE	BIT(15)
#define BCR_EL1_LEN4	(GENMASK(8, 5) | BIT(1) | BIT(0))
#define WCR_EL1_WR8	(GENMASK(12, 5) | BIT(4) | BIT(1) | BIT(0))
#define SPSR_D		BIT(9)

#define NR_ROUNDS	24

static int cpus[8], nr_cpus;

static void next_cpu(int round)
{
	pin_self_to_cpu(cpus[round % nr_cpus]);
}

/* A breakpoint of the VMM's own: a write to this variable counts as an event. */
static volatile u64 watched;

static int host_watchpoint(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (u64)&watched,
		.bp_len = HW_BREAKPOINT_LEN_8,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	nr_cpus = sw_cpus(cpus, ARRAY_SIZE(cpus));
	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static void check_host_watchpoint(int fd, u64 want)
{
	u64 count = 0;

	if (fd < 0) {
		transcript("no watchpoint for the VMM");
		return;
	}
	TEST_ASSERT(read(fd, &count, sizeof(count)) == sizeof(count), "read() of an event");
	tt_expect(count == want, "the VMM's watchpoint was hit each time");
	close(fd);
}

/* The guest debugs itself. */

extern unsigned char guest_bp_0, guest_bp_1;
static volatile u64 guest_data[2];
static volatile u64 bp_hits, wp_hits, bp_pc, wp_far;

/* Masks debug exceptions, or there would be another at the same place. */
static void guest_bp_handler(struct ex_regs *regs)
{
	bp_hits++;
	bp_pc = regs->pc;
	regs->pstate |= SPSR_D;
}

static void guest_wp_handler(struct ex_regs *regs)
{
	wp_hits++;
	wp_far = read_sysreg(far_el1);
	regs->pstate |= SPSR_D;
}

static noinline void guest_pass_breakpoints(void)
{
	asm volatile("msr daifclr, #8\n"
		     "isb\n"
		     "guest_bp_0: nop\n"
		     "guest_bp_1: nop\n"
		     "msr daifset, #8\n" ::: "memory");
}

static noinline void guest_pass_watchpoints(u64 val)
{
	asm volatile("msr daifclr, #8\nisb" ::: "memory");
	guest_data[0] = val;
	guest_data[1] = val;
	asm volatile("msr daifset, #8" ::: "memory");
}

/* VM 0 and VM 1 watch different places with the same registers. */
static void guest_debugs(u64 vm)
{
	u64 pc = vm ? (u64)&guest_bp_1 : (u64)&guest_bp_0, i;

	write_sysreg(0, oslar_el1);
	isb();
	write_sysreg(pc, dbgbvr0_el1);
	write_sysreg(BCR_EL1_LEN4, dbgbcr0_el1);
	write_sysreg((u64)&guest_data[vm], dbgwvr0_el1);
	write_sysreg(WCR_EL1_WR8, dbgwcr0_el1);
	write_sysreg(MDSCR_MDE | MDSCR_KDE, mdscr_el1);
	isb();

	for (i = 1; i <= NR_ROUNDS; i++) {
		GUEST_SYNC(i);
		smccc_hvc(0xdead0000, 0, 0, 0, 0, 0, 0, 0, &(struct arm_smccc_res) {});
		guest_pass_breakpoints();
		guest_pass_watchpoints(i);
		GUEST_ASSERT_EQ(bp_hits, i);
		GUEST_ASSERT_EQ(wp_hits, i);
		GUEST_ASSERT_EQ(bp_pc, pc);
		GUEST_ASSERT_EQ(wp_far, (u64)&guest_data[vm]);
		GUEST_ASSERT_EQ(read_sysreg(mdscr_el1), MDSCR_MDE | MDSCR_KDE);
		GUEST_ASSERT_EQ(read_sysreg(dbgbvr0_el1), pc);
	}
	GUEST_DONE();
}

static void debug_by_guest(bool el2)
{
	struct kvm_vcpu *vcpus[2];
	int fd = host_watchpoint(), vm, round;
	struct ucall uc;
	u64 writes = 0;

	for (vm = 0; vm < 2; vm++) {
		struct kvm_vm *kvm = tt_vm_create(1, el2, guest_debugs, &vcpus[vm]);

		vm_install_sync_handler(kvm, VECTOR_SYNC_CURRENT, ESR_ELx_EC_BREAKPT_CUR,
					guest_bp_handler);
		vm_install_sync_handler(kvm, VECTOR_SYNC_CURRENT, ESR_ELx_EC_WATCHPT_CUR,
					guest_wp_handler);
		vcpu_args_set(vcpus[vm], 1, vm);
	}
	for (round = 1; round <= NR_ROUNDS; round++) {
		next_cpu(round / 3);
		for (vm = 0; vm < 2; vm++) {
			if (!tt_check(tt_run(vcpus[vm], &uc) == UCALL_SYNC,
				      "VM %d passes round %d", vm, round - 1))
				return;
			watched = ++writes;
		}
	}
	for (vm = 0; vm < 2; vm++)
		tt_expect(tt_run(vcpus[vm], &uc) == UCALL_DONE,
			  "VM %d had all breakpoints and watchpoints", vm);
	check_host_watchpoint(fd, writes);
}

/* The VMM debugs the guest: which of the guest's instructions it stops at. */

#define SW_NOP		0xd503201f
#define CODE_LEN	8

static void write_loop(struct sw_guest *g)
{
	sw_emit(g, SW_NOP);			/* 0 */
	sw_emit(g, SW_NO_CALL);
	sw_emit(g, g->el2 ? SW_SMC : SW_HVC);	/* 2: resolved by KVM */
	sw_emit(g, SW_NOP);
	sw_emit(g, SW_MRS(SYS_ACTLR_EL1));	/* 4: trapped, emulated */
	sw_emit(g, 0xf9000a80);			/* 5: str x0, [x20, #16]: by the VMM */
	sw_emit(g, SW_NOP);
	sw_emit(g, SW_BACK(7));			/* 7 */
}

static unsigned int where(struct sw_guest *g)
{
	return (vcpu_get_reg(g->vcpu, ARM64_CORE_REG(regs.pc)) - g->code_gpa) / 4;
}

static void debug_set(struct sw_guest *g, struct kvm_guest_debug *debug, u32 control)
{
	debug->control = control;
	vcpu_guest_debug_set(g->vcpu, debug);
}

/* Each step, until the loop came around a few times. */
static void debug_step(bool el2)
{
	struct kvm_guest_debug debug = {};
	struct sw_guest g;
	int fd = host_watchpoint(), i, mmio = 0;
	u64 writes = 0;

	sw_create(&g, el2, 0);
	write_loop(&g);
	sw_goto(&g, g.code_gpa);
	debug_set(&g, &debug, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP);

	for (i = 0; i < 5 * CODE_LEN; i++) {
		struct kvm_run *run = g.vcpu->run;

		next_cpu(i / 3);
		vcpu_run(g.vcpu);
		watched = ++writes;
		if (run->exit_reason == KVM_EXIT_MMIO) {
			mmio++;
			transcript("step %d: MMIO", i);
			continue;
		}
		transcript("step %d: exit %u at %u, syndrome 0x%x", i, run->exit_reason,
			   where(&g), run->debug.arch.hsr);
		if (!tt_check(run->exit_reason == KVM_EXIT_DEBUG, "step %d", i))
			return;
	}
	tt_expect(mmio == 4, "the loop came around");
	debug_set(&g, &debug, 0);
	check_host_watchpoint(fd, writes);
}

/* Breakpoints and watchpoints of the VMM's, in the guest's registers' place. */
static void debug_by_vmm(bool el2)
{
	struct kvm_guest_debug debug = {};
	const u64 mine = 0x123456789ab0;
	struct sw_guest g;
	int fd = host_watchpoint(), i, stops = 0;
	u64 id_bvr = ARM64_SYS_REG(2, 0, 0, 0, 4), writes = 0;

	sw_create(&g, el2, 0);
	write_loop(&g);
	sw_goto(&g, g.code_gpa);
	vcpu_set_reg(g.vcpu, id_bvr, mine);

	for (i = 0; i < 4 * NR_ROUNDS; i++) {
		struct kvm_run *run = g.vcpu->run;
		int bp = i % CODE_LEN;

		/* The guest stands at a breakpoint until there is another one. */
		next_cpu(i / 3);
		debug.arch.dbg_bvr[0] = g.code_gpa + 4 * bp;
		debug.arch.dbg_bcr[0] = BCR_EL1_LEN4;
		debug_set(&g, &debug, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW);
		vcpu_run(g.vcpu);
		watched = ++writes;
		if (run->exit_reason == KVM_EXIT_MMIO)
			continue;
		stops++;
		transcript("stop %d: exit %u at %u for %d, syndrome 0x%x", i, run->exit_reason,
			   where(&g), bp, run->debug.arch.hsr);
		if (!tt_check(run->exit_reason == KVM_EXIT_DEBUG && where(&g) == bp, "stop %d", i))
			return;
	}
	tt_expect(stops > 2 * NR_ROUNDS, "the guest came to the breakpoints");
	tt_expect(vcpu_get_reg(g.vcpu, id_bvr) == mine, "the guest's own register is kept");
	debug_set(&g, &debug, 0);
	check_host_watchpoint(fd, writes);
}

/* The VMM watches the memory that the guest writes to: with the address. */
static void debug_watch(bool el2)
{
	struct kvm_guest_debug debug = {};
	struct sw_guest g;
	int i, stops = 0;
	u64 pc;

	nr_cpus = sw_cpus(cpus, ARRAY_SIZE(cpus));
	sw_create(&g, el2, 0);
	/* A page for the guest to write to: its code's end. */
	sw_emit(&g, SW_NOP);
	sw_emit(&g, 0xf9040000 | 21 << 5);	/* str x0, [x21, #2048] */
	sw_emit(&g, SW_NOP);
	sw_emit(&g, SW_BACK(3));
	sw_goto(&g, g.code_gpa);
	vcpu_set_reg(g.vcpu, ARM64_CORE_REG(regs.regs[21]), g.code_gpa);

	debug.arch.dbg_wvr[0] = g.code_gpa + 2048;
	debug.arch.dbg_wcr[0] = WCR_EL1_WR8;
	for (i = 0; i < NR_ROUNDS; i++) {
		struct kvm_run *run = g.vcpu->run;

		next_cpu(i / 3);
		debug_set(&g, &debug, KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW);
		vcpu_run(g.vcpu);
		if (!tt_check(run->exit_reason == KVM_EXIT_DEBUG && where(&g) == 1,
			      "watchpoint %d: exit %u at %u", i, run->exit_reason, where(&g)))
			return;
		transcript("watchpoint %d: syndrome 0x%x, offset 0x%lx", i,
			   run->debug.arch.hsr,
			   (unsigned long)(run->debug.arch.far - g.code_gpa));
		stops += run->debug.arch.far == g.code_gpa + 2048;
		pc = vcpu_get_reg(g.vcpu, ARM64_CORE_REG(regs.pc));
		sw_goto(&g, pc + 4);
	}
	tt_expect(stops == NR_ROUNDS, "all watchpoints were hit, at the address");
	debug_set(&g, &debug, 0);
}

static const struct tt_test tests[] = {
	{ "by_guest", debug_by_guest, TT_EL1 },
	{ "step", debug_step, TT_EL1_EL2 },
	{ "by_vmm", debug_by_vmm, TT_EL1_EL2 },
	{ "watch", debug_watch, TT_EL1 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
