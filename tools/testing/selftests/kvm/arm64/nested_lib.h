/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest at virtual EL2 that runs functions of its own at EL1, as a hypervisor
 * its guest. Both share the translation tables, and the vectors.
 */
#ifndef SELFTEST_KVM_NESTED_LIB_H
#define SELFTEST_KVM_NESTED_LIB_H

#include <asm/ptrace.h>

#include "timer_lib.h"

#define NL_CNTHCTL_EL1PCTEN	BIT(10)
#define NL_CNTHCTL_EL1PTEN	BIT(11)

static u8 nl_el1_stack[0x4000] __aligned(16);
static u64 nl_resume_pc;

/* HVC ends EL1's turn: go on behind the ERET that started it. */
static inline void nl_hvc_handler(struct ex_regs *regs)
{
	regs->pc = nl_resume_pc;
	regs->pstate = PSR_MODE_EL2h | PSR_D_BIT | PSR_A_BIT | PSR_I_BIT | PSR_F_BIT;
}

/* Run @fn in the state @pstate, until its HVC. Its registers are lost at either end. */
static noinline __maybe_unused void nl_run_at(void (*fn)(void), u64 pstate)
{
	register u64 x0 asm("x0") = (u64)fn;
	register u64 x1 asm("x1") = pstate;
	register u64 x2 asm("x2") = (u64)&nl_resume_pc;

	write_sysreg((u64)nl_el1_stack + sizeof(nl_el1_stack), sp_el1);
	asm volatile("stp	x29, x30, [sp, #-96]!\n"
		     "stp	x19, x20, [sp, #16]\n"
		     "stp	x21, x22, [sp, #32]\n"
		     "stp	x23, x24, [sp, #48]\n"
		     "stp	x25, x26, [sp, #64]\n"
		     "stp	x27, x28, [sp, #80]\n"
		     "adr	x3, 1f\n"
		     "str	x3, [x2]\n"
		     "msr	elr_el1, x0\n"
		     "msr	spsr_el1, x1\n"
		     "isb\n"
		     "eret\n"
		     "1:\n"
		     "ldp	x19, x20, [sp, #16]\n"
		     "ldp	x21, x22, [sp, #32]\n"
		     "ldp	x23, x24, [sp, #48]\n"
		     "ldp	x25, x26, [sp, #64]\n"
		     "ldp	x27, x28, [sp, #80]\n"
		     "ldp	x29, x30, [sp], #96\n"
		     : "+r" (x0), "+r" (x1), "+r" (x2)
		     : : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12",
		     "x13", "x14", "x15", "x16", "x17", "x18", "cc", "memory");
}

static inline void nl_run_el1(void (*fn)(void))
{
	nl_run_at(fn, PSR_MODE_EL1h | PSR_D_BIT | PSR_A_BIT);
}

#define nl_el1_return()	asm volatile("hvc #0" : : : "memory")

/* EL1 gets EL2's translation, vectors included, and its timers. */
static inline void nl_guest_setup(void)
{
	GUEST_ASSERT_EQ(get_current_el(), 2);
	tt_guest_setup(1);

	/* Interrupts are EL2's, whichever level runs. */
	write_sysreg(HCR_EL2_RW | HCR_EL2_E2H | HCR_EL2_IMO | HCR_EL2_FMO | HCR_EL2_AMO,
		     hcr_el2);
	write_sysreg_s(NL_CNTHCTL_EL1PCTEN | NL_CNTHCTL_EL1PTEN, SYS_CNTHCTL_EL2);
	write_sysreg_s(0, SYS_CNTVOFF_EL2);

	write_sysreg_s(read_sysreg(ttbr0_el1), SYS_TTBR0_EL12);
	write_sysreg_s(read_sysreg(tcr_el1), SYS_TCR_EL12);
	write_sysreg_s(read_sysreg(mair_el1), SYS_MAIR_EL12);
	write_sysreg_s(read_sysreg(vbar_el1), SYS_VBAR_EL12);
	write_sysreg_s(3 << 20, SYS_CPACR_EL12);
	write_sysreg_s(read_sysreg(sctlr_el1), SYS_SCTLR_EL12);
	isb();
}

static inline void nl_install_handlers(struct kvm_vm *vm)
{
	vm_install_sync_handler(vm, VECTOR_SYNC_LOWER_64, ESR_ELx_EC_HVC64, nl_hvc_handler);
}

#endif /* SELFTEST_KVM_NESTED_LIB_H */
