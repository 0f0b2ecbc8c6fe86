/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared parts of the tests of protected VMs (pKVM): VMs whose memory the host can't
 * see. Their guests share what ucalls are made of, with the hypercall for that, so that
 * they can talk as other guests do.
 */
#ifndef SELFTEST_KVM_PROTECTED_LIB_H
#define SELFTEST_KVM_PROTECTED_LIB_H

#include <linux/arm-smccc.h>
#include <linux/psci.h>
#include <setjmp.h>
#include <signal.h>

#include "timer_lib.h"

/* A page that nobody emulates: a load asks the VMM, a store tells it. */
#define PV_MMIO		0x07000000ULL

/* Not in the headers of tools/. */
#define PV_CALL(nr)	ARM_SMCCC_CALL_VAL(ARM_SMCCC_FAST_CALL, ARM_SMCCC_SMC_64, \
					   ARM_SMCCC_OWNER_VENDOR_HYP, nr)
#define PV_MEMINFO	PV_CALL(2)
#define PV_SHARE	PV_CALL(3)
#define PV_UNSHARE	PV_CALL(4)
#define PV_MMIO_GUARD	PV_CALL(7)

/* Guest side */

static inline s64 pv_call(u32 function, u64 arg1, u64 arg2)
{
	struct arm_smccc_res res;

	smccc_hvc(function, arg1, arg2, 0, 0, 0, 0, 0, &res);
	return res.a0;
}

static inline u64 pv_ask(void)
{
	return READ_ONCE(*(volatile u64 *)PV_MMIO);
}

static inline void pv_tell(u64 val)
{
	WRITE_ONCE(*(volatile u64 *)PV_MMIO, val);
}

/* The first ucall tells the VMM nothing but where it is. */
static inline void pv_guest_init(void)
{
	u64 page;

	GUEST_SYNC(0);
	page = pv_ask();
	pv_tell(pv_call(PV_SHARE, page, 0));
	pv_tell(pv_call(PV_SHARE, page + SZ_4K, 0));
}

static volatile u64 g_esr, g_undefs;

/* Goes on behind what is undefined, or trapped in another way. */
static inline void pv_guest_sync_handler(struct ex_regs *regs)
{
	g_esr = read_sysreg(esr_el1);
	g_undefs += ESR_ELx_EC(g_esr) == ESR_ELx_EC_UNKNOWN;
	regs->pc += 4;
}

/* Host side */

static inline struct kvm_vcpu *pv_vcpu_add(struct kvm_vm *vm, int id, u32 features, void *code)
{
	struct kvm_vcpu_init init;
	struct kvm_vcpu *vcpu;

	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
	init.features[0] |= features | BIT(KVM_ARM_VCPU_PSCI_0_2);
	vcpu = aarch64_vcpu_add(vm, id, &init, code);
	vcpu_init_descriptor_tables(vcpu);
	return vcpu;
}

/* The library creates other VMs only: one of them starts anew as a protected one. */
static inline struct kvm_vm *pv_vm_create(int nr)
{
	struct kvm_vm *vm;
	int ec;

	if (!tt_pkvm)
		tt_skip("no protected VMs: not pKVM, or a kernel before 7.2");
	vm = vm_create(nr);
	kvm_vm_release(vm);
	vm->type = KVM_VM_TYPE_ARM_PROTECTED;
	kvm_vm_restart(vm);
	virt_map(vm, PV_MMIO, PV_MMIO, 1);
	vm_init_descriptor_tables(vm);
	for (ec = 0; ec <= ESR_ELx_EC_MAX; ec++)
		vm_install_sync_handler(vm, VECTOR_SYNC_CURRENT, ec, pv_guest_sync_handler);
	return vm;
}

/* One with a GIC, for the timers. */
static inline struct kvm_vm *pv_vm_create_gic(int nr, void *code, struct kvm_vcpu **vcpus)
{
	struct kvm_vm *vm = pv_vm_create(nr);
	int i;

	tt_gic = 3;
	tt_gic_create(vm, tt_gic, nr);
	for (i = 0; i < nr; i++)
		vcpus[i] = pv_vcpu_add(vm, i, 0, code);
	kvm_device_attr_set(vm->arch.gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	tt_nr_timers = TT_EL1_TIMERS;
	tt_irq[TT_V] = vcpu_get_vtimer_irq(vcpus[0]);
	tt_irq[TT_P] = vcpu_get_ptimer_irq(vcpus[0]);
	sync_global_to_guest(vm, tt_gic);
	sync_global_to_guest(vm, tt_irq);
	sync_global_to_guest(vm, tt_nr_timers);
	return vm;
}

static inline void pv_run_mmio(struct kvm_vcpu *vcpu, bool is_write)
{
	struct kvm_run *run = vcpu->run;
	int ret = __vcpu_run(vcpu);	/* vcpu_run() would look for a ucall */

	TEST_ASSERT(!ret && run->exit_reason == KVM_EXIT_MMIO && run->mmio.is_write == is_write,
		    "%s of 0x%llx, PC 0x%lx", exit_reason_str(run->exit_reason), run->mmio.phys_addr,
		    (unsigned long)vcpu_get_reg(vcpu, ARM64_CORE_REG(regs.pc)));
}

static inline u64 pv_told(struct kvm_vcpu *vcpu)
{
	u64 val;

	pv_run_mmio(vcpu, true);
	memcpy(&val, vcpu->run->mmio.data, sizeof(val));
	return val;
}

static inline void pv_answer(struct kvm_vcpu *vcpu, u64 val)
{
	pv_run_mmio(vcpu, false);
	memcpy(vcpu->run->mmio.data, &val, sizeof(val));
}

/* The VMM's side of pv_guest_init(). */
static inline void pv_start(struct kvm_vcpu *vcpu)
{
	u64 page = pv_told(vcpu) & ~(SZ_4K - 1ULL);

	pv_answer(vcpu, addr_hva2gpa(vcpu->vm, (void *)page));
	TEST_ASSERT_EQ(pv_told(vcpu), 0);
	TEST_ASSERT_EQ(pv_told(vcpu), 0);
}

static sigjmp_buf pv_jump;
static volatile int pv_signal, pv_code;

static inline void pv_signalled(int sig, siginfo_t *info, void *context)
{
	pv_signal = sig;
	pv_code = info->si_code;
	siglongjmp(pv_jump, 1);
}

/* Does the host reach @p? If so its value is in @val, or was taken from there. */
static inline bool pv_touch(volatile u64 *p, u64 *val, bool write)
{
	struct sigaction action = { .sa_sigaction = pv_signalled, .sa_flags = SA_SIGINFO };
	bool reached = false;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	pv_signal = 0;
	if (!sigsetjmp(pv_jump, 1)) {
		if (write)
			*p = *val;
		else
			*val = *p;
		reached = true;
	}
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	return reached;
}

#endif /* SELFTEST_KVM_PROTECTED_LIB_H */
