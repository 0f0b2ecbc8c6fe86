// SPDX-License-Identifier: GPL-2.0
/*
 * switch_aarch32 - guests whose EL1 is AArch32: what traps, and what comes of it.
 *
 * A guest is a list of short pieces of A32 or T32 code. The VMM sets PC, CPSR, r0
 * and r1 for each, and looks at what is in r0 and r1 when the piece ends, in a
 * store, or in an exception, whose handler stores to another address.
 */
#include "switch_lib.h"

#define NR_INSNS	6
#define R(n)		ARM64_CORE_REG(regs.regs[n])
#define LR_ABT		R(20)
#define LR_UND		R(22)
#define VECTOR_ADDR	(SW_MMIO32_GPA + 8)
#define VECTOR_UND	0x04
#define VECTOR_DABT	0x10
#define CPSR_Z		BIT(30)
#define CPSR_E		BIT(9)
#define CPSR_T		BIT(5)

#define MRC(op1, crn, crm, op2)	SW32_MRC(15, op1, crn, crm, op2)
#define MCR(op1, crn, crm, op2)	SW32_MCR(15, op1, crn, crm, op2)
/* mrrc and mcrr of r0, r1 */
#define MRRC(op1, crm)		(0xec510f00 | (op1) << 4 | (crm))
#define MCRR(op1, crm)		(0xec410f00 | (op1) << 4 | (crm))
#define TO_R1			BIT(12)		/* mrc to r1, not r0 */
#define EQ(insn)		((insn) & GENMASK(27, 0))
#define CLEAR_R0		0xe3a00000	/* mov r0, #0 */
#define CLEAR_R1		0xe3a01000	/* mov r1, #0 */
#define SMC			0xe1600070
#define WFI			0xe320f003

#define ID_PFR0			MRC(0, 0, 1, 0)
#define IMPDEF			MRC(0, 15, 0, 0)
#define ICC_PMR			MRC(0, 4, 6, 0)

/* T32: the halves of what is 32 bits, and IT behind a NOP. */
#define T32(insn)		((u32)(insn) >> 16 | (u32)(insn) << 16)
#define IT(cond_mask)		(0xbf00 | (0xbf00 | (cond_mask)) << 16)
#define ITET_EQ			0x0a		/* the first and third if Z, the second if not */
#define T32_TELL		0xf8cc0000	/* str.w r0, [r12] */

struct step {
	const char *name;
	u32 insns[NR_INSNS];
	u32 r0, r1;
	u32 flags;	/* of CPSR */
	bool abort;	/* user space has an external abort taken first */
};

static struct sw_guest g;

/* All vectors say which they are. */
static void write_vectors(void)
{
	u32 *vectors;
	int i;

	g.code_gpa = vm_phy_page_alloc(g.vm, KVM_GUEST_PAGE_TABLE_MIN_PADDR, 0);
	vectors = addr_gpa2hva(g.vm, g.code_gpa);
	for (i = 0; i < 8; i++) {
		vectors[i] = 0xea000000 | (6 + i);	/* b to 0x20 + 8 * i */
		vectors[8 + 2 * i] = 0xe3a00000 | 4 * i; /* mov r0, #4 * i */
		vectors[9 + 2 * i] = 0xe58c0008;	/* str r0, [r12, #8] */
	}
	vcpu_set_reg(g.vcpu, KVM_ARM64_SYS_REG(SYS_VBAR_EL1), g.code_gpa);
}

static void create(void)
{
	u64 code_gpa;

	sw_create(&g, false, BIT(KVM_ARM_VCPU_EL1_32BIT) | BIT(KVM_ARM_VCPU_PSCI_0_2));
	vcpu_set_reg(g.vcpu, KVM_ARM64_SYS_REG(SYS_CPACR_EL1), GENMASK(23, 20));
	code_gpa = g.code_gpa;
	write_vectors();
	g.code_gpa = code_gpa;
}

/* Returns the vector that it ended in, 0 if in none. */
static int run(const struct step *s, u32 *r0, u32 *r1)
{
	struct kvm_vcpu_events ev = { .exception.ext_dabt_pending = 1 };
	struct kvm_run *run = g.vcpu->run;
	u64 pc = sw_here(&g);
	int i;

	for (i = 0; i < NR_INSNS && s->insns[i]; i++)
		sw_emit(&g, s->insns[i]);
	sw_emit(&g, s->flags & CPSR_T ? T32(T32_TELL) : SW32_TELL);

	vcpu_set_reg(g.vcpu, R(0), s->r0);
	vcpu_set_reg(g.vcpu, R(1), s->r1);
	vcpu_set_reg(g.vcpu, ARM64_CORE_REG(regs.pstate), SW32_SUPERVISOR | s->flags);
	sw_goto(&g, pc);
	if (s->abort)
		vcpu_events_set(g.vcpu, &ev);
	vcpu_run(g.vcpu);
	TEST_ASSERT(run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write,
		    "%s: %s at 0x%lx", s->name, exit_reason_str(run->exit_reason),
		    (unsigned long)vcpu_get_reg(g.vcpu, ARM64_CORE_REG(regs.pc)));
	sw_complete(&g);
	*r0 = vcpu_get_reg(g.vcpu, R(0));
	*r1 = vcpu_get_reg(g.vcpu, R(1));
	return run->mmio.phys_addr == VECTOR_ADDR ? *r0 : 0;
}

static void run_and_tell(const struct step *s)
{
	u64 pc = sw_here(&g), lr, spsr;
	u32 r0, r1;
	int vector = run(s, &r0, &r1);

	if (!vector) {
		transcript("%s: %x %x", s->name, r0, r1);
		return;
	}
	lr = vcpu_get_reg(g.vcpu, vector == VECTOR_UND ? LR_UND : LR_ABT);
	spsr = vcpu_get_reg(g.vcpu, vector == VECTOR_UND ?
			    ARM64_CORE_REG(spsr[KVM_SPSR_UND]) : ARM64_CORE_REG(spsr[KVM_SPSR_ABT]));
	transcript("%s: vector %x, LR +%lx, SPSR %lx, CPSR %lx", s->name, vector,
		   (unsigned long)(lr - pc), (unsigned long)spsr,
		   (unsigned long)vcpu_get_reg(g.vcpu, ARM64_CORE_REG(regs.pstate)));
}

static void run_all(const struct step *steps, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		run_and_tell(&steps[i]);
}

#define RUN_ALL(...)						\
do {								\
	const struct step __steps[] = { __VA_ARGS__ };		\
								\
	run_all(__steps, ARRAY_SIZE(__steps));			\
} while (0)

/* A piece that must end with these values. */
static void expect(const struct step *s, u32 want0, u32 want1)
{
	u32 r0, r1;
	int vector = run(s, &r0, &r1);

	tt_expect(!vector && r0 == want0 && r1 == want1, "%s: %x %x", s->name, r0, r1);
}

#define EXPECT(want0, want1, ...)				\
	expect(&(const struct step){ __VA_ARGS__ }, want0, want1)

/* A piece that must end in the vector of undefined instructions. */
#define UNDEFINED(...)						\
({								\
	const struct step __s = { __VA_ARGS__ };		\
	u32 __r0, __r1;						\
								\
	tt_expect(run(&__s, &__r0, &__r1) == VECTOR_UND,	\
		  "%s: undefined", __s.name);			\
})

static void traps(bool el2)
{
	create();
	RUN_ALL({ "ID_PFR0", { ID_PFR0 } },
		{ "ID_ISAR5", { MRC(0, 0, 2, 5) } },
		{ "MIDR", { MRC(0, 0, 0, 0) } },
		{ "MPIDR", { MRC(0, 0, 0, 5) } },
		{ "CTR", { MRC(0, 0, 0, 1) } },
		{ "ACTLR", { MRC(0, 1, 0, 1) } },
		{ "write ACTLR", { MCR(0, 1, 0, 1), MRC(0, 1, 0, 1) }, .r0 = -1 },
		{ "DCCISW", { MCR(0, 7, 14, 2) } },
		{ "PMCR", { MRC(0, 9, 12, 0) } },
		{ "PMCCNTR", { MRRC(0, 9) } },
		{ "DBGDIDR", { SW32_MRC(14, 0, 0, 0, 0) } },
		{ "DBGDSCRint", { SW32_MRC(14, 0, 0, 1, 0) } },
		{ "DBGBVR0", { SW32_MCR(14, 0, 0, 0, 4), CLEAR_R0, SW32_MRC(14, 0, 0, 0, 4) },
		  .r0 = 0x12345678 },
		{ "DBGDRAR", { 0xec510e01 } },	/* mrrc p14, 0, r0, r1, c1 */
		{ "write ID_PFR0", { MCR(0, 0, 1, 0) } });
	UNDEFINED("c15", { IMPDEF });
	UNDEFINED("an ICC register that there is not", { MRC(0, 12, 8, 7) });
	/* The CPU has the host's traps after all that. */
	EXPECT(0, 7, "no trap", { CLEAR_R0 }, .r0 = 1, .r1 = 7);
}

/* Instructions that trap are not performed if their condition fails. */
static void conditions(bool el2)
{
	u32 pfr0, r1;

	create();
	tt_expect(!run(&(struct step){ "ID_PFR0", { ID_PFR0 } }, &pfr0, &r1), "read ID_PFR0");
	EXPECT(5, 6, "mrceq, no Z", { EQ(ID_PFR0) }, .r0 = 5, .r1 = 6);
	EXPECT(pfr0, 6, "mrceq, Z", { EQ(ID_PFR0) }, .r0 = 5, .r1 = 6, .flags = CPSR_Z);
	EXPECT(5, 6, "mrceq of c15, no Z", { EQ(IMPDEF) }, .r0 = 5, .r1 = 6);
	UNDEFINED("mrceq of c15, Z", { EQ(IMPDEF) }, .flags = CPSR_Z);
	EXPECT(5, 6, "mrrceq CNTPCT, no Z", { EQ(MRRC(0, 14)) }, .r0 = 5, .r1 = 6);
	EXPECT(5, 6, "smceq, no Z", { EQ(SMC) }, .r0 = 5, .r1 = 6);
	EXPECT(5, 6, "mrceq ICC_PMR, no Z", { EQ(ICC_PMR) }, .r0 = 5, .r1 = 6);
}

/* A block of reads of a register that traps. */
static void itet(u32 mrc, u32 val)
{
	struct step s = {
		.name = "ITET", .r0 = 5, .r1 = 6, .flags = CPSR_T,
		.insns = { IT(ITET_EQ), T32(mrc), T32(mrc | TO_R1), T32(mrc) },
	};

	expect(&s, 5, val);
	s.flags |= CPSR_Z;
	expect(&s, val, 6);
}

/* ITSTATE advances with each instruction that is emulated. */
static void thumb(bool el2)
{
	u32 pfr0, r1;

	create();
	tt_expect(!run(&(struct step){ "ID_PFR0", { ID_PFR0 } }, &pfr0, &r1), "read ID_PFR0");
	itet(ID_PFR0, pfr0);
	/* A register of the GIC's, which EL2 may emulate by itself. */
	if (tt_gicv3) {
		EXPECT(0xf0, 0xf0, "PMR", { MCR(0, 4, 6, 0), ICC_PMR, ICC_PMR | TO_R1 }, .r0 = 0xf0);
		itet(ICC_PMR, 0xf0);
	}

	/* Where the block was, for the handler. */
	RUN_ALL({ "undefined in ITET, Z",
		  { IT(ITET_EQ), T32(IMPDEF) }, .flags = CPSR_T | CPSR_Z },
		{ "undefined as second in ITET",
		  { IT(ITET_EQ), T32(ID_PFR0), T32(IMPDEF) }, .flags = CPSR_T },
		{ "undefined, T32", { T32(IMPDEF) }, .flags = CPSR_T });
}

static void calls(bool el2)
{
	create();
	EXPECT(0xffffffff, 0, "hvc of no function", { SW32_NO_CALL, SW32_HVC }, .r1 = 6);
	RUN_ALL({ "SMCCC version", { SW32_HVC }, .r0 = 0x80000000 },
		{ "PSCI version", { SW32_HVC }, .r0 = 0x84000000 },
		{ "PSCI features", { SW32_HVC }, .r0 = 0x8400000a, .r1 = 0xc4000003 },
		{ "PSCI affinity info", { SW32_HVC }, .r0 = 0x84000004 },
		{ "hvc #1", { SW32_HVC | 1 }, .r0 = 0x80000000 },
		{ "smc", { SMC }, .r0 = 0x80000000 });
}

/* FPEXC is AArch32's own switch of FP, and the first access traps to EL2. */
static void fp(bool el2)
{
	create();
	UNDEFINED("vmov s0, r0 without FPEXC.EN", { 0xee000a10 });
	EXPECT(0x40000000, 0, "FPEXC", { 0xeee80a10, CLEAR_R0, 0xeef80a10 }, .r0 = 0x40000000);
	EXPECT(0x12345678, 0, "s0", { 0xee000a10, CLEAR_R0, 0xee100a10 }, .r0 = 0x12345678);
	EXPECT(0xf8000000, 0, "FPSCR", { 0xeee10a10, CLEAR_R0, 0xeef10a10 }, .r0 = 0xf8000000);
	EXPECT(0x12345678, 0, "s0, after exits", { 0xee100a10 });
	RUN_ALL({ "FPSID", { 0xeef00a10 } }, { "MVFR0", { 0xeef70a10 } }, { "MVFR2", { 0xeef50a10 } });
	EXPECT(0, 0, "FPEXC off", { 0xeee80a10, 0xeef80a10 });
	UNDEFINED("vmov r0, s0 after that", { 0xee100a10 });
	tt_expect(!vcpu_get_reg(g.vcpu, KVM_ARM64_SYS_REG(SYS_FPEXC32_EL2)), "ONE_REG has FPEXC");
}

static void gic_set(u32 group, u64 offset, u32 val)
{
	kvm_device_attr_set(g.vm->arch.gic_fd, group, offset, &val);
}

/* Distributor and, of a GICv2, CPU interface let some private interrupts through. */
static void gic_on(u32 intids)
{
	if (tt_gicv3) {
		gic_set(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, TT_GICD_CTLR, 2);
		gic_set(KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, SZ_64K + 0x80, ~0);
		gic_set(KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, SZ_64K + TT_GICD_ISENABLER, intids);
		EXPECT(0xf0, 0, "PMR", { MCR(0, 4, 6, 0), CLEAR_R0, ICC_PMR }, .r0 = 0xf0);
		EXPECT(1, 0, "IGRPEN1", { MCR(0, 12, 12, 7), CLEAR_R0, MRC(0, 12, 12, 7) }, .r0 = 1);
	} else {
		gic_set(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, TT_GICD_CTLR, 1);
		gic_set(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, TT_GICD_ISENABLER, intids);
		gic_set(KVM_DEV_ARM_VGIC_GRP_CPU_REGS, TT_GICC_PMR, 0xf0);
		gic_set(KVM_DEV_ARM_VGIC_GRP_CPU_REGS, TT_GICC_CTLR, 1);
	}
}

/* A software-generated interrupt that the guest sends itself. */
static void gic(bool el2)
{
	if (!tt_gicv3)
		tt_skip("GICv2");
	create();
	gic_on(BIT(0));
	RUN_ALL({ "ICC_SRE", { MRC(0, 12, 12, 5) } },
		{ "ICC_CTLR", { MRC(0, 12, 12, 4) } },
		{ "ICC_BPR1", { MRC(0, 12, 12, 3) } },
		{ "ICC_RPR", { MRC(0, 12, 11, 3) } });
	EXPECT(1023, 0, "IAR1, nothing pending", { MRC(0, 12, 12, 0) });
	EXPECT(0, 0, "ISR, nothing pending", { MRC(0, 12, 1, 0) });
	EXPECT(1, 0, "SGI1R", { MCRR(0, 12) }, .r0 = 1);
	EXPECT(0x80, 0, "ISR", { MRC(0, 12, 1, 0) });
	EXPECT(0, 0, "HPPIR1", { MRC(0, 12, 12, 2) }, .r0 = 7);
	EXPECT(0, 0, "IAR1", { MRC(0, 12, 12, 0) }, .r0 = 7);
	EXPECT(0, 0, "RPR, active", { MRC(0, 12, 11, 3) }, .r0 = 7);
	EXPECT(0, 0, "EOIR1", { MCR(0, 12, 12, 1) });
	EXPECT(0xff, 0, "RPR, idle", { MRC(0, 12, 11, 3) });
}

#define CTL(op2)	MCR(0, 14, op2, 1), MRC(0, 14, op2, 1)

static void timers(bool el2)
{
	struct step count = { "CNTVCT", { MRRC(1, 14) } };
	u64 before, seen, after;
	u32 r0, r1;

	create();
	gic_on(BIT(vcpu_get_vtimer_irq(g.vcpu)));
	EXPECT(0x89abcdef, 0x01234567, "CNTV_CVAL", { MCRR(3, 14), CLEAR_R0, CLEAR_R1, MRRC(3, 14) },
	       .r0 = 0x89abcdef, .r1 = 0x01234567);
	EXPECT(0x11223344, 0xf5667788, "CNTP_CVAL", { MCRR(2, 14), CLEAR_R0, CLEAR_R1, MRRC(2, 14) },
	       .r0 = 0x11223344, .r1 = 0xf5667788);
	tt_expect(vcpu_get_reg(g.vcpu, KVM_REG_ARM_TIMER_CVAL) == 0x0123456789abcdef, "ONE_REG of CNTV_CVAL");
	tt_expect(vcpu_get_reg(g.vcpu, KVM_REG_ARM_PTIMER_CVAL) == 0xf566778811223344, "ONE_REG of CNTP_CVAL");
	EXPECT(1, 0, "CNTV_CTL, far off", { CTL(3) }, .r0 = 1);
	EXPECT(1, 0, "CNTP_CTL, far off", { CTL(2) }, .r0 = 1);
	EXPECT(3, 0, "CNTV_CTL, masked", { CTL(3) }, .r0 = 3);

	before = vcpu_get_reg(g.vcpu, KVM_REG_ARM_TIMER_CNT);
	tt_expect(!run(&count, &r0, &r1), "read CNTVCT");
	after = vcpu_get_reg(g.vcpu, KVM_REG_ARM_TIMER_CNT);
	seen = r0 | (u64)r1 << 32;
	tt_expect(before <= seen && seen <= after, "CNTVCT is what ONE_REG says");

	vcpu_set_reg(g.vcpu, KVM_REG_ARM_TIMER_CNT, 0x70000000000);
	tt_expect(!run(&count, &r0, &r1) && r1 == 0x700, "CNTVCT was set");

	/* An interrupt that is due, with all masked in CPSR: WFI returns. */
	EXPECT(5, 0, "CNTV_CTL, due, after WFI", { MCR(0, 14, 3, 0), 0xe3a00001 /* mov r0, #1 */,
	       MCR(0, 14, 3, 1), WFI, MRC(0, 14, 3, 1) }, .r0 = 0);
	EXPECT(7, 0, "CNTV_CTL, due and masked", { CTL(3) }, .r0 = 3);
	EXPECT(5, 0, "CNTP_CTL, due", { MCR(0, 14, 2, 0), 0xe3a00001, CTL(2) }, .r0 = -1);
	EXPECT(0, 0, "CNTP_CTL, off", { CTL(2), 0xe2000001 /* and r0, r0, #1 */ }, .r0 = 0);
}

static u32 answer(u32 insn, u32 flags, u64 val)
{
	struct step s = { "load", { insn }, .flags = flags };
	struct kvm_run *run = g.vcpu->run;

	vcpu_set_reg(g.vcpu, R(0), 0);
	vcpu_set_reg(g.vcpu, ARM64_CORE_REG(regs.pstate), SW32_SUPERVISOR | s.flags);
	sw_goto(&g, sw_here(&g));
	sw_emit(&g, insn);
	vcpu_run(g.vcpu);
	TEST_ASSERT_EQ(run->exit_reason, KVM_EXIT_MMIO);
	transcript("%x, CPSR %x: %s of %d bytes", insn, flags,
		   run->mmio.is_write ? "store" : "load", run->mmio.len);
	memcpy(run->mmio.data, &val, sizeof(val));
	sw_complete(&g);
	return vcpu_get_reg(g.vcpu, R(0));
}

static void mmio(bool el2)
{
	create();
	tt_expect(answer(0xe59c0000, 0, 0x81828384) == 0x81828384, "ldr");
	tt_expect(answer(0xe59c0000, CPSR_E, 0x81828384) == 0x84838281, "ldr, big-endian");
	tt_expect(answer(0xe5dc0000, 0, 0x81828384) == 0x84, "ldrb");
	tt_expect(answer(0xe1dc00d0, 0, 0x81828384) == 0xffffff84, "ldrsb");
	tt_expect(answer(0xe1dc00b0, CPSR_E, 0x81828384) == 0x8483, "ldrh, big-endian");
	tt_expect(answer(0xe1dc00f0, 0, 0x81828384) == 0xffff8384, "ldrsh");
	tt_expect(answer(EQ(0xe59c0000), CPSR_Z, 0x81828384) == 0x81828384, "ldreq, Z");
}

/* User space has an abort or an SError taken. */
static void events(bool el2)
{
	struct kvm_vcpu_events ev = { .exception.serror_pending = 1 };

	create();
	/* Before its first run an AArch32 vCPU has no exception delivered: KVM sees HCR_EL2.RW. */
	RUN_ALL({ "first run", { CLEAR_R0 } });
	RUN_ALL({ "a data abort is taken", { CLEAR_R0 }, .abort = true });
	EXPECT(8, 0, "DFSR of it", { MRC(0, 5, 0, 0) });
	vcpu_events_set(g.vcpu, &ev);
	RUN_ALL({ "an SError that is masked", { CLEAR_R0 } });
	vcpu_events_get(g.vcpu, &ev);
	tt_expect(ev.exception.serror_pending, "it is pending still");
	EXPECT(0x100, 0, "ISR", { MRC(0, 12, 1, 0) });
	RUN_ALL({ "it is taken", { 0xf1080100 /* cpsie a */, CLEAR_R0 } });
	EXPECT(0x406, 0, "DFSR of it", { MRC(0, 5, 0, 0) });
	vcpu_events_get(g.vcpu, &ev);
	tt_expect(!ev.exception.serror_pending, "it is pending no more");
}

/* The VMM steps through A32 code, trapped instructions included. */
static void step(bool el2)
{
	const u32 code[] = { CLEAR_R0, ID_PFR0, SW32_NO_CALL, SW32_HVC,
			     tt_gicv3 ? ICC_PMR : ID_PFR0, CLEAR_R1 };
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	u64 pc;
	int i;

	create();
	pc = sw_here(&g);
	for (i = 0; i < ARRAY_SIZE(code); i++)
		sw_emit(&g, code[i]);
	vcpu_set_reg(g.vcpu, ARM64_CORE_REG(regs.pstate), SW32_SUPERVISOR);
	sw_goto(&g, pc);
	vcpu_guest_debug_set(g.vcpu, &debug);
	for (i = 1; i <= ARRAY_SIZE(code); i++) {
		vcpu_run(g.vcpu);
		tt_expect(g.vcpu->run->exit_reason == KVM_EXIT_DEBUG &&
			  vcpu_get_reg(g.vcpu, ARM64_CORE_REG(regs.pc)) == pc + 4 * i,
			  "%d instructions stepped", i);
	}
}

static const struct tt_test tests[] = {
	{ "traps", traps, TT_EL1 },
	{ "conditions", conditions, TT_EL1 },
	{ "thumb", thumb, TT_EL1 },
	{ "calls", calls, TT_EL1 },
	{ "fp", fp, TT_EL1 },
	{ "gic", gic, TT_EL1 },
	{ "timers", timers, TT_EL1 },
	{ "mmio", mmio, TT_EL1 },
	{ "events", events, TT_EL1 },
	{ "step", step, TT_EL1 },
};

int main(int argc, char **argv)
{
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ARM_EL1_32BIT));
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
