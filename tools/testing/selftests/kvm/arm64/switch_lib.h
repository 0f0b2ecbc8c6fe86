/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared parts of the switch_* tests: guests that are a list of instructions
 * and run with the MMU off, so that they can do without most registers, and
 * what it takes to move them between CPUs.
 *
 * Such a guest talks to its VMM through a register page that nobody emulates:
 * a load asks for a value, a store hands one over.
 */
#ifndef SELFTEST_KVM_SWITCH_LIB_H
#define SELFTEST_KVM_SWITCH_LIB_H

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include "timer_lib.h"

/* Beyond the memory of any VM here; what AArch32 reaches with its MMU off. */
#define SW_MMIO_GPA		(1ULL << 33)
#define SW_MMIO32_GPA		0xf0000000ULL

/* Instructions. x20 holds SW_MMIO_GPA, x0 the value. */
#define SW_MRS(reg)		(0xd5200000 | (reg))
#define SW_MSR(reg)		(0xd5000000 | (reg))
#define SW_GET_SP		0x910003e0	/* mov x0, sp */
#define SW_SET_SP		0x9100001f	/* mov sp, x0 */
#define SW_ASK			0xf9400280	/* ldr x0, [x20] */
#define SW_TELL			0xf9000280	/* str x0, [x20] */
#define SW_NO_CALL		0x92800000	/* mov x0, #-1 */
#define SW_ISB			0xd5033fdf
#define SW_HVC			0xd4000002
#define SW_SMC			0xd4000003
#define SW_BACK(n)		(0x14000000 | (-(n) & 0x3ffffff))

/* A32. r12 holds SW_MMIO32_GPA, r0 the value. */
#define SW32_ASK		0xe59c0000	/* ldr r0, [r12] */
#define SW32_TELL		0xe58c0000	/* str r0, [r12] */
#define SW32_NO_CALL		0xe3e00000	/* mvn r0, #0 */
#define SW32_ISB		0xf57ff06f
#define SW32_HVC		0xe1400070
#define SW32_BACK(n)		(0xea000000 | (-((n) + 2) & 0xffffff))
/* CPSR: System or Supervisor mode, A32, all interrupts masked */
#define SW32_SYSTEM		0x1df
#define SW32_SUPERVISOR		0x1d3
/* mrc and mcr of coprocessor @cp, to and from r0 */
#define SW32_MRC(cp, op1, crn, crm, op2)				\
	(0xee100010 | (cp) << 8 | (op1) << 21 | (crn) << 16 | (crm) | (op2) << 5)
#define SW32_MCR(cp, op1, crn, crm, op2)				\
	(SW32_MRC(cp, op1, crn, crm, op2) & ~BIT(20))

struct sw_guest {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	u32 *code;		/* where the next instruction goes */
	u64 code_gpa;
	int nr;			/* instructions so far */
	bool el2, aarch32;
};

static inline u64 sw_mmio(struct sw_guest *g)
{
	return g->aarch32 ? SW_MMIO32_GPA : SW_MMIO_GPA;
}

static inline u64 sw_sysreg(u32 encoding)
{
	return KVM_ARM64_SYS_REG(encoding);
}

static inline bool sw_has_reg(struct kvm_vcpu *vcpu, u64 id)
{
	u64 val;

	return !__vcpu_get_reg(vcpu, id, &val);
}

/* The address of the next instruction. */
static inline u64 sw_here(struct sw_guest *g)
{
	return g->code_gpa + 4 * g->nr;
}

static inline void sw_emit(struct sw_guest *g, u32 instruction)
{
	TEST_ASSERT(4 * g->nr < getpagesize(), "the guest's code is one page");
	g->code[g->nr++] = instruction;
}

static inline void sw_emit_ask(struct sw_guest *g)
{
	sw_emit(g, g->aarch32 ? SW32_ASK : SW_ASK);
}

static inline void sw_emit_tell(struct sw_guest *g)
{
	sw_emit(g, g->aarch32 ? SW32_TELL : SW_TELL);
}

static inline void sw_emit_isb(struct sw_guest *g)
{
	sw_emit(g, g->aarch32 ? SW32_ISB : SW_ISB);
}

/* Go back @n instructions. */
static inline void sw_emit_back(struct sw_guest *g, int n)
{
	sw_emit(g, g->aarch32 ? SW32_BACK(n) : SW_BACK(n));
}

/* One exit that KVM resolves. */
static inline void sw_emit_exit(struct sw_guest *g)
{
	if (g->aarch32) {
		sw_emit(g, SW32_NO_CALL);
		sw_emit(g, SW32_HVC);
	} else {
		sw_emit(g, SW_NO_CALL);
		sw_emit(g, g->el2 ? SW_SMC : SW_HVC);
	}
}

/* A loop that ends in @last, with one exit that KVM resolves per round. */
static inline void sw_emit_storm(struct sw_guest *g, u32 last)
{
	sw_emit_exit(g);
	sw_emit(g, last);
	sw_emit_back(g, 3);
}

static inline void sw_create(struct sw_guest *g, bool el2, u32 features)
{
	struct kvm_vcpu_init init;

	g->el2 = el2;
	g->aarch32 = features & BIT(KVM_ARM_VCPU_EL1_32BIT);
	g->nr = 0;
	g->vm = vm_create(1);
	tt_gic_create(g->vm, tt_gicv3 ? 3 : 2, 1);
	if (!el2 && !g->aarch32 && kvm_has_cap(KVM_CAP_ARM_MTE))
		vm_enable_cap(g->vm, KVM_CAP_ARM_MTE, 0);

	vm_ioctl(g->vm, KVM_ARM_PREFERRED_TARGET, &init);
	init.features[0] |= features;
	if (el2)
		init.features[0] |= BIT(KVM_ARM_VCPU_HAS_EL2);
	g->vcpu = aarch64_vcpu_add(g->vm, 0, &init, NULL);
	kvm_arch_vm_finalize_vcpus(g->vm);

	g->code_gpa = vm_phy_page_alloc(g->vm, KVM_GUEST_PAGE_TABLE_MIN_PADDR, 0);
	g->code = addr_gpa2hva(g->vm, g->code_gpa);
	vcpu_set_reg(g->vcpu, ctxt_reg_alias(g->vcpu, SYS_SCTLR_EL1),
		     vcpu_get_reg(g->vcpu, ctxt_reg_alias(g->vcpu, SYS_SCTLR_EL1)) &
		     ~(SCTLR_ELx_M | SCTLR_ELx_C | SCTLR_ELx_I));
	if (g->aarch32) {
		/* Short descriptors. */
		vcpu_set_reg(g->vcpu, KVM_ARM64_SYS_REG(SYS_TCR_EL1), 0);
		vcpu_set_reg(g->vcpu, ARM64_CORE_REG(regs.regs[12]), SW_MMIO32_GPA);
	} else {
		vcpu_set_reg(g->vcpu, ARM64_CORE_REG(regs.regs[20]), SW_MMIO_GPA);
	}
}

static inline void sw_goto(struct sw_guest *g, u64 pc)
{
	vcpu_set_reg(g->vcpu, ARM64_CORE_REG(regs.pc), pc);
}

/* Run to the next access to the register page. */
static inline void sw_run(struct sw_guest *g, bool write)
{
	struct kvm_run *run = g->vcpu->run;

	vcpu_run(g->vcpu);
	TEST_ASSERT(run->exit_reason == KVM_EXIT_MMIO &&
		    run->mmio.phys_addr == sw_mmio(g) && run->mmio.is_write == write,
		    "%s of 0x%llx at 0x%lx", exit_reason_str(run->exit_reason),
		    run->mmio.phys_addr,
		    (unsigned long)vcpu_get_reg(g->vcpu, ARM64_CORE_REG(regs.pc)));
}

static inline u64 sw_told(struct sw_guest *g)
{
	u64 val;

	sw_run(g, true);
	memcpy(&val, g->vcpu->run->mmio.data, sizeof(val));
	return g->aarch32 ? (u32)val : val;
}

static inline void sw_answer(struct sw_guest *g, u64 val)
{
	sw_run(g, false);
	memcpy(g->vcpu->run->mmio.data, &val, sizeof(val));
}

/* Have a pending access done with, so that the PC may be set. */
static inline void sw_complete(struct sw_guest *g)
{
	vcpu_run_complete_io(g->vcpu);
}

/* CPUs that this process may use. */
static inline int sw_cpus(int *cpus, int max)
{
	cpu_set_t set;
	int cpu, nr = 0;

	TEST_ASSERT(!sched_getaffinity(0, sizeof(set), &set), "sched_getaffinity()");
	for (cpu = 0; cpu < CPU_SETSIZE && nr < max; cpu++)
		if (CPU_ISSET(cpu, &set))
			cpus[nr++] = cpu;
	return nr;
}

/* Threads that stay in KVM_RUN until they are told to leave. */
struct sw_thread {
	struct sw_guest *guest;
	pthread_t thread;
	volatile bool stop, done;
};

static inline void sw_kick_handler(int sig)
{
}

static inline void *sw_spin(void *arg)
{
	struct sw_thread *t = arg;
	int ret;

	while (!t->stop) {
		ret = __vcpu_run(t->guest->vcpu);
		TEST_ASSERT(ret == -1 && errno == EINTR, "KVM_RUN: %d, %s", ret,
			    exit_reason_str(t->guest->vcpu->run->exit_reason));
	}
	t->done = true;
	return NULL;
}

static inline void sw_thread_start(struct sw_thread *t, struct sw_guest *g)
{
	struct sigaction sa = { .sa_handler = sw_kick_handler };

	sigaction(SIGUSR1, &sa, NULL);
	*t = (struct sw_thread) { .guest = g };
	TEST_ASSERT(!pthread_create(&t->thread, NULL, sw_spin, t), "pthread_create()");
}

/* A signal before KVM_RUN must count too. */
static inline void sw_thread_stop(struct sw_thread *t)
{
	t->guest->vcpu->run->immediate_exit = 1;
	t->stop = true;
	while (!t->done) {
		pthread_kill(t->thread, SIGUSR1);
		usleep(1000);
	}
	pthread_join(t->thread, NULL);
	t->guest->vcpu->run->immediate_exit = 0;
}

#endif /* SELFTEST_KVM_SWITCH_LIB_H */
