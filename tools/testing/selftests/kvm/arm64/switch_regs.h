/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The system registers that a guest has to itself, by the names that it has for
 * them, and the bits that a test may play with.
 */
#ifndef SELFTEST_KVM_SWITCH_REGS_H
#define SELFTEST_KVM_SWITCH_REGS_H

#include "switch_lib.h"

struct reg {
	const char *name;
	u32 guest;	/* encoding that the guest uses, or one of those below */
	u64 id;		/* of ONE_REG */
	u64 mask;	/* the bits to play with */
	bool fixed;	/* CPUs may have it as a constant, or not show all to EL1 */
	u32 get32, set32; /* how an AArch32 guest moves it from and to r0 */
};

/* Instead of an encoding: the stack pointer, or nothing that a guest reads back. */
#define GUEST_SP	0
#define GUEST_NONE	1
#define GUEST_BANKED	2

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

/*
 * By names of AArch32. The guest is in System mode, whose SP and LR are User's and
 * which has no SPSR: QEMU 10.0 does not tell EL2 of the SPSR of a mode that is left.
 */
#define CP15(name, reg, mask, op1, crn, crm, op2)			\
	{ #name, SYS_##reg, 0, mask, false,				\
	  SW32_MRC(15, op1, crn, crm, op2), SW32_MCR(15, op1, crn, crm, op2) }
#define UNBANKED(name, field, mask, get, set)				\
	{ #name, GUEST_BANKED, ARM64_CORE_REG(field), mask, false, get, set }
#define BANKED(name, field, mask, spsr, sysm)				\
	UNBANKED(name, field, mask,					\
		 0xe1000200 | (spsr) << 22 | ((sysm) & 15) << 16 | (sysm) >> 4 << 8, \
		 0xe120f200 | (spsr) << 22 | ((sysm) & 15) << 16 | (sysm) >> 4 << 8)
#define GPR_BANKED(name, x, sysm) BANKED(name, regs.regs[x], WORD_BITS, 0, sysm)
#define SPSR_BANKED(name, bank, sysm) BANKED(name, spsr[KVM_SPSR_##bank], SPSR32_BITS, 1, sysm)

#define WORD_BITS	GENMASK(31, 0)
/* N, Z, C, V, Q, GE, E, A, I, F, T */
#define SPSR32_BITS	(GENMASK(31, 27) | GENMASK(19, 16) | GENMASK(9, 5))

static const struct reg aarch32_regs[] = {
	CP15(SCTLR, SCTLR_EL1, BIT(30) | BIT(18) | BIT(16) | BIT(13), 0, 1, 0, 0),
	CP15(TTBR0, TTBR0_EL1, GENMASK(31, 14), 0, 2, 0, 0),
	CP15(TTBR1, TTBR1_EL1, GENMASK(31, 14), 0, 2, 0, 1),
	CP15(TTBCR, TCR_EL1, GENMASK(5, 4) | GENMASK(2, 0), 0, 2, 0, 2),
	CP15(DACR, DACR32_EL2, WORD_BITS, 0, 3, 0, 0),
	CP15(DFSR, ESR_EL1, BIT(12) | GENMASK(10, 0), 0, 5, 0, 0),
	CP15(IFSR, IFSR32_EL2, BIT(12) | GENMASK(10, 9) | GENMASK(3, 0), 0, 5, 0, 1),
	CP15(DFAR, FAR_EL1, WORD_BITS, 0, 6, 0, 0),
	CP15(PAR, PAR_EL1, WORD_BITS, 0, 7, 4, 0),
	CP15(PRRR, MAIR_EL1, WORD_BITS, 0, 10, 2, 0),
	CP15(VBAR, VBAR_EL1, GENMASK(31, 5), 0, 12, 0, 0),
	CP15(CONTEXTIDR, CONTEXTIDR_EL1, WORD_BITS, 0, 13, 0, 1),
	CP15(TPIDRURW, TPIDR_EL0, WORD_BITS, 0, 13, 0, 2),
	CP15(TPIDRURO, TPIDRRO_EL0, WORD_BITS, 0, 13, 0, 3),
	CP15(TPIDRPRW, TPIDR_EL1, WORD_BITS, 0, 13, 0, 4),
	CP15(CNTKCTL, CNTKCTL_EL1, CNTKCTL_BITS, 0, 14, 1, 0),
	/* vmrs r0, fpexc; vmsr fpexc, r0 */
	{ "FPEXC", SYS_FPEXC32_EL2, 0, BIT(30), false, 0xeef80a10, 0xeee80a10 },
	/* mov r0, sp; mov sp, r0; mov r0, lr; mov lr, r0 */
	UNBANKED(SP_usr, regs.regs[13], WORD_BITS, 0xe1a0000d, 0xe1a0d000),
	UNBANKED(LR_usr, regs.regs[14], WORD_BITS, 0xe1a0000e, 0xe1a0e000),
	SPSR_BANKED(SPSR_svc, SVC, 0x12),
	SPSR_BANKED(SPSR_fiq, FIQ, 0x0e),
	SPSR_BANKED(SPSR_irq, IRQ, 0x10),
	SPSR_BANKED(SPSR_abt, ABT, 0x14),
	SPSR_BANKED(SPSR_und, UND, 0x16),
	GPR_BANKED(LR_irq, 16, 0x10),
	GPR_BANKED(SP_irq, 17, 0x11),
	GPR_BANKED(LR_svc, 18, 0x12),
	GPR_BANKED(SP_svc, 19, 0x13),
	GPR_BANKED(LR_abt, 20, 0x14),
	GPR_BANKED(SP_abt, 21, 0x15),
	GPR_BANKED(LR_und, 22, 0x16),
	GPR_BANKED(SP_und, 23, 0x17),
	GPR_BANKED(R8_fiq, 24, 0x08),
	GPR_BANKED(R12_fiq, 28, 0x0c),
	GPR_BANKED(SP_fiq, 29, 0x0d),
	GPR_BANKED(LR_fiq, 30, 0x0e),
};

#endif /* SELFTEST_KVM_SWITCH_REGS_H */
