// SPDX-License-Identifier: GPL-2.0
/*
 * Protected VMs (pKVM): hypercalls, memory that the host can't see but what is shared
 * with it, FP and SVE, timers and interrupts, AArch32, and what the host is shown of a
 * guest's registers.
 */
#include <sys/auxv.h>

#include "protected_lib.h"

#define PATTERN		0x5a5aa5a5f00dcafeULL
#define NR_PAGES	4

/* Hypercalls */

static const struct {
	const char *name;
	u32 function;
	u64 arg1, arg2;
	s64 want;
} calls[] = {
	{ "SMCCC_VERSION", ARM_SMCCC_VERSION_FUNC_ID, 0, 0, ARM_SMCCC_VERSION_1_1 },
	{ "PSCI_VERSION", PSCI_0_2_FN_PSCI_VERSION, 0, 0, PSCI_VERSION(1, 3) },
	{ "PSCI_FEATURES CPU_ON", PSCI_1_0_FN_PSCI_FEATURES, PSCI_0_2_FN64_CPU_ON, 0, 0 },
	{ "AFFINITY_INFO 0", PSCI_0_2_FN64_AFFINITY_INFO, 0, 0, 0 },
	{ "CPU_ON of a CPU that is on", PSCI_0_2_FN64_CPU_ON, 0, 0, PSCI_RET_ALREADY_ON },
	{ "no such call", 0x8600ff00, 0, 0, SMCCC_RET_NOT_SUPPORTED },
	{ "MMIO_GUARD", PV_MMIO_GUARD, PV_MMIO, 0,
	  SMCCC_RET_NOT_SUPPORTED },
	/* By EL2, and no other than these: itself, HYP_MEMINFO, MEM_SHARE, MEM_UNSHARE */
	{ "FEATURES", ARM_SMCCC_VENDOR_HYP_KVM_FEATURES_FUNC_ID, 0, 0, 0x1d },
	{ "HYP_MEMINFO", PV_MEMINFO, 0, 0, SZ_4K },
	{ "HYP_MEMINFO 1", PV_MEMINFO, 1, 0,
	  SMCCC_RET_INVALID_PARAMETER },
	{ "MEM_SHARE of half a page", PV_SHARE, 0x800, 0, SMCCC_RET_INVALID_PARAMETER },
	{ "MEM_SHARE with an argument too many", PV_SHARE, 0, 1, SMCCC_RET_INVALID_PARAMETER },
	{ "MEM_UNSHARE of half a page", PV_UNSHARE, 0x800, 0, SMCCC_RET_INVALID_PARAMETER },
	{ "MEM_UNSHARE of nothing", PV_UNSHARE, 1ULL << 38, 0, SMCCC_RET_INVALID_PARAMETER },
};

static void guest_calls(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		pv_tell(pv_call(calls[i].function, calls[i].arg1, calls[i].arg2));
	pv_call(PSCI_0_2_FN_SYSTEM_OFF, 0, 0);
}

static void hypercalls(bool el2)
{
	struct kvm_vm *vm = pv_vm_create(1);
	struct kvm_vcpu *vcpu = pv_vcpu_add(vm, 0, 0, guest_calls);
	unsigned int i;
	s64 got;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		got = pv_told(vcpu);
		/* Results of 32 bits */
		if (calls[i].function < BIT(30) * 3U)
			got = (s32)got;
		tt_expect(got == calls[i].want, "%s: %lld", calls[i].name, (long long)got);
	}
	vcpu_run(vcpu);
	tt_expect(vcpu->run->exit_reason == KVM_EXIT_SYSTEM_EVENT &&
		  vcpu->run->system_event.type == KVM_SYSTEM_EVENT_SHUTDOWN, "SYSTEM_OFF");
	kvm_vm_free(vm);
}

/* What can be asked for */

static void creation(bool el2)
{
	static const struct { const char *name; int cap; } caps[] = {
		{ "IRQCHIP", KVM_CAP_IRQCHIP }, { "ARM_PSCI_0_2", KVM_CAP_ARM_PSCI_0_2 },
		{ "MSI_DEVID", KVM_CAP_MSI_DEVID }, { "ONE_REG", KVM_CAP_ONE_REG },
		{ "ARM_PMU_V3", KVM_CAP_ARM_PMU_V3 }, { "ARM_SVE", KVM_CAP_ARM_SVE },
		{ "ARM_MTE", KVM_CAP_ARM_MTE }, { "ARM_EL1_32BIT", KVM_CAP_ARM_EL1_32BIT },
		{ "ARM_EL2", KVM_CAP_ARM_EL2 }, { "STEAL_TIME", KVM_CAP_STEAL_TIME },
		{ "SET_GUEST_DEBUG", KVM_CAP_SET_GUEST_DEBUG },
		{ "COUNTER_OFFSET", KVM_CAP_COUNTER_OFFSET },
		{ "ARM_PTRAUTH_ADDRESS", KVM_CAP_ARM_PTRAUTH_ADDRESS },
	};
	static const struct { const char *name; int feature, want; } features[] = {
		/* The host may believe in it: EL2 does not. */
		{ "PMU_V3", KVM_ARM_VCPU_PMU_V3, 0 },
		{ "SVE", KVM_ARM_VCPU_SVE, 0 },
		{ "EL1_32BIT", KVM_ARM_VCPU_EL1_32BIT, EINVAL },
		{ "HAS_EL2", KVM_ARM_VCPU_HAS_EL2, EINVAL },
	};
	struct kvm_vm *vm = pv_vm_create(1);
	struct kvm_vcpu_init init;
	unsigned int i;
	int fd, vcpu;

	for (i = 0; i < ARRAY_SIZE(caps); i++)
		transcript("KVM_CAP_%s: %s", caps[i].name,
			   __vm_ioctl(vm, KVM_CHECK_EXTENSION, (void *)(long)caps[i].cap) > 0 ?
			   "yes" : "no");
	for (i = 0; i < ARRAY_SIZE(features); i++) {
		fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, KVM_VM_TYPE_ARM_PROTECTED);
		TEST_ASSERT(fd >= 0, "no VM");
		TEST_ASSERT(!ioctl(fd, KVM_ARM_PREFERRED_TARGET, &init), "no target");
		vcpu = ioctl(fd, KVM_CREATE_VCPU, 0);
		TEST_ASSERT(vcpu >= 0, "no vCPU");
		init.features[0] |= BIT(features[i].feature);
		tt_errno(ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), features[i].want, "a vCPU with %s",
			 features[i].name);
		close(vcpu);
		close(fd);
	}
	kvm_vm_free(vm);
}

/* Memory */

static u64 g_pages, g_pages_gpa;

static u64 *guest_page(int i)
{
	return (u64 *)(g_pages + i * SZ_4K);
}

static void guest_memory(void)
{
	int i;

	pv_guest_init();
	for (i = 0; i < NR_PAGES - 1; i++)
		WRITE_ONCE(*guest_page(i), PATTERN + i);
	GUEST_SYNC(1);
	/* The last page is not there yet: the call has to wait for it. */
	GUEST_ASSERT_EQ(pv_call(PV_SHARE, g_pages_gpa + SZ_4K, 0), 0);
	GUEST_ASSERT_EQ(pv_call(PV_SHARE, g_pages_gpa + (NR_PAGES - 1) * SZ_4K, 0), 0);
	GUEST_ASSERT_EQ(pv_call(PV_SHARE, g_pages_gpa + SZ_4K, 0), SMCCC_RET_INVALID_PARAMETER);
	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(READ_ONCE(*guest_page(1)), ~PATTERN);
	GUEST_ASSERT_EQ(READ_ONCE(*guest_page(0)), PATTERN);
	GUEST_ASSERT_EQ(pv_call(PV_UNSHARE, g_pages_gpa + SZ_4K, 0), 0);
	GUEST_ASSERT_EQ(pv_call(PV_UNSHARE, g_pages_gpa + SZ_4K, 0), SMCCC_RET_INVALID_PARAMETER);
	GUEST_ASSERT_EQ(pv_call(PV_UNSHARE, g_pages_gpa, 0), SMCCC_RET_INVALID_PARAMETER);
	GUEST_SYNC(3);
	GUEST_ASSERT_EQ(READ_ONCE(*guest_page(1)), ~PATTERN);
	GUEST_SYNC(4);
	/* The host has taken this one away. */
	READ_ONCE(*guest_page(2));
	GUEST_SYNC(5);
}

static void check_page(volatile u64 *page, int i, bool want, const char *when)
{
	volatile u64 *p = page + i * SZ_4K / 8;
	u64 val = 0;
	bool reached = pv_touch(p, &val, false);

	if (want) {
		tt_expect(reached, "page %d, %s: the host reads", i, when);
	} else {
		tt_expect(!reached && pv_signal == SIGSEGV && pv_code == SEGV_ACCERR,
			  "page %d, %s: the host must not read", i, when);
		tt_expect(!pv_touch(p, &val, true) && pv_signal == SIGSEGV,
			  "page %d, %s: the host must not write", i, when);
	}
}

static void check_sync(struct kvm_vcpu *vcpu, u64 stage)
{
	struct ucall uc;

	tt_expect(tt_run(vcpu, &uc) == UCALL_SYNC && uc.args[1] == stage, "stage %llu",
		  (unsigned long long)stage);
}

static void memory(bool el2)
{
	struct kvm_vm *vm = pv_vm_create(1);
	struct kvm_vcpu *vcpu = pv_vcpu_add(vm, 0, 0, guest_memory);
	volatile u64 *page;
	u64 val = ~PATTERN;
	int pipes[2], ret;

	g_pages = vm_alloc(vm, NR_PAGES * SZ_4K, KVM_UTIL_MIN_VADDR);
	g_pages_gpa = addr_gva2gpa(vm, g_pages);
	page = addr_gva2hva(vm, g_pages);
	sync_global_to_guest(vm, g_pages);
	sync_global_to_guest(vm, g_pages_gpa);

	pv_start(vcpu);
	check_sync(vcpu, 1);
	check_page(page, 0, false, "private");
	check_page(page, NR_PAGES - 1, true, "not used yet");
	check_sync(vcpu, 2);
	check_page(page, 1, true, "shared");
	tt_expect(page[SZ_4K / 8] == PATTERN + 1, "the guest's value");
	tt_expect(pv_touch(page + SZ_4K / 8, &val, true), "the host writes there");
	check_page(page, NR_PAGES - 1, true, "shared");
	check_page(page, 0, false, "beside it");
	check_sync(vcpu, 3);
	check_page(page, 1, false, "private again");
	check_sync(vcpu, 4);

	/* Memory of the guest's as a system call's argument: refused, or gone. */
	TEST_ASSERT(!pipe(pipes), "pipe()");
	ret = write(pipes[1], (void *)(page + 2 * SZ_4K / 8), 8);
	transcript("write(): %s", ret < 0 ? tt_errno_name(errno) : "goes on");
	if (ret > 0) {
		TEST_ASSERT(read(pipes[0], &val, 8) == 8, "read()");
		tt_expect(val != PATTERN + 2, "not the guest's value");
		tt_errno(__vcpu_run(vcpu), EFAULT, "the guest misses it");
	} else {
		check_sync(vcpu, 5);
	}
	tt_errno(__vm_ioctl(vm, KVM_SET_USER_MEMORY_REGION,
			    (&(struct kvm_userspace_memory_region){ .slot = 0 })), EPERM,
		 "delete the memory");
	kvm_vm_free(vm);
}

/* FP and SVE: each has its own. */

static u64 fp_mix(int i, u64 seed)
{
	return seed * (2 * i + 1) ^ PATTERN;
}

#define FOR_V ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
#define V_CLOBBERS "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10",	\
	"v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21",	\
	"v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31"

static __always_inline void fp_load(u64 *v)
{
	asm volatile(FOR_V "ldr q\\n, [%0, #16 * \\n]\n .endr\n" :: "r" (v)
		     : "memory", V_CLOBBERS);
}

static __always_inline void fp_store(u64 *v)
{
	asm volatile(FOR_V "str q\\n, [%0, #16 * \\n]\n .endr\n" :: "r" (v) : "memory");
}

static u64 g_fp[2 * 32], g_after[2 * 32];

static int fp_differ(const u64 *v, u64 seed)
{
	int i, nr = 0;

	for (i = 0; i < 64; i++)
		nr += v[i] != fp_mix(i, seed);
	return nr;
}

static void fp_fill(u64 *v, u64 seed)
{
	int i;

	for (i = 0; i < 64; i++)
		v[i] = fp_mix(i, seed);
}

static void guest_fp(void)
{
	int i;

	write_sysreg(3UL << 20, cpacr_el1);
	isb();
	for (i = 1; i <= 3; i++) {
		fp_fill(g_fp, i);
		fp_load(g_fp);
		pv_tell(i);
		fp_store(g_after);
		pv_tell(fp_differ(g_after, i));
	}
	fp_load(g_fp);
	/* SVE, which it does not have */
	write_sysreg(3UL << 20 | 3UL << 16, cpacr_el1);
	isb();
	g_undefs = 0;
	asm volatile(".arch_extension sve\n rdvl x0, #1\n cntb x0\n" ::: "x0");
	pv_tell(g_undefs);
	read_sysreg_s(SYS_ZCR_EL1);
	pv_tell(g_undefs);
	/* and goes on with FP. */
	fp_store(g_after);
	pv_tell(fp_differ(g_after, 3));
}

/* KVM_RUN between the host's registers going in and out, by the shortest way. */
static int fp_run(struct kvm_vcpu *vcpu, u64 *before, u64 *after)
{
	register long x0 asm("x0") = vcpu->fd;
	register long x1 asm("x1") = KVM_RUN;
	register long x2 asm("x2") = 0;
	register long x8 asm("x8") = 29;	/* ioctl */

	asm volatile(FOR_V "ldr q\\n, [%4, #16 * \\n]\n .endr\n"
		     "svc #0\n"
		     FOR_V "str q\\n, [%5, #16 * \\n]\n .endr\n"
		     : "+r" (x0) : "r" (x1), "r" (x2), "r" (x8), "r" (before), "r" (after)
		     : "memory", V_CLOBBERS);
	return x0;
}

static void fp(bool el2)
{
	struct kvm_vm *vm = pv_vm_create(1);
	struct kvm_vcpu *vcpu = pv_vcpu_add(vm, 0, 0, guest_fp);
	static u64 mine[64] __aligned(16), after[64] __aligned(16);
	u64 told, v0[2];
	int i, ret;

	for (i = 0; i < 9; i++) {
		fp_fill(mine, 1000 + i);
		ret = fp_run(vcpu, mine, after);
		TEST_ASSERT(!ret && vcpu->run->exit_reason == KVM_EXIT_MMIO, "KVM_RUN: %d", ret);
		memcpy(&told, vcpu->run->mmio.data, 8);
		tt_expect(!fp_differ(after, 1000 + i), "run %d: the host's V registers", i);
		if (i < 6 && !(i & 1)) {
			__vcpu_get_reg(vcpu, KVM_REG_ARM64 | KVM_REG_SIZE_U128 | KVM_REG_ARM_CORE |
				       KVM_REG_ARM_CORE_REG(fp_regs.vregs[0]), v0);
			transcript("run %d: the host is shown the guest's V0: %s", i,
				   v0[0] == fp_mix(0, told) ? "yes" : "no");
		} else if (i == 6 || i == 7) {
			tt_expect(told == (i == 6 ? 2 : 3), "SVE is undefined: %llu",
				  (unsigned long long)told);
		} else {
			tt_expect(!told, "run %d: the guest's V registers", i);
		}
	}
	kvm_vm_free(vm);
}

/* Registers: what the host is shown, and what it can change. */

#define X(n)	ARM64_CORE_REG(regs.regs[n])
#define SYS(reg) KVM_ARM64_SYS_REG(SYS_##reg)

static void guest_registers(void)
{
	register u64 x19 asm("x19") = PATTERN + 19;
	register u64 x20 asm("x20") = PATTERN + 20;
	u64 tpidr, contextidr, actlr;

	write_sysreg(PATTERN, tpidr_el0);
	write_sysreg(0x1234, contextidr_el1);
	asm volatile("str x20, [%[mmio]]" : "+r" (x19), "+r" (x20) : [mmio] "r" (PV_MMIO));
	tpidr = read_sysreg(tpidr_el0);
	contextidr = read_sysreg(contextidr_el1);
	actlr = read_sysreg(actlr_el1);
	pv_tell(x19);
	pv_tell(tpidr);
	pv_tell(contextidr);
	pv_tell(actlr);
	/* Without a syndrome there is nothing for the VMM: the guest has it back. */
	g_esr = 0;
	asm volatile("ldp x0, x1, [%0]" :: "r" (PV_MMIO) : "x0", "x1");
	pv_tell(g_esr);
}

static void registers(bool el2)
{
	static const struct { const char *name; u64 id, want, set; } regs[] = {
		{ "x19", X(19), PATTERN + 19, 0x1919 },
		{ "x20", X(20), PATTERN + 20, 0x2020 },
		{ "TPIDR_EL0", SYS(TPIDR_EL0), PATTERN, 0x3030 },
		{ "CONTEXTIDR_EL1", SYS(CONTEXTIDR_EL1), 0x1234, 0x4040 },
	};
	struct kvm_vm *vm = pv_vm_create(1);
	struct kvm_vcpu *vcpu = pv_vcpu_add(vm, 0, 0, guest_registers);
	unsigned int i;

	vcpu_set_reg(vcpu, X(19), 0x77);
	tt_expect(pv_told(vcpu) == PATTERN + 20, "the value of a store");
	for (i = 0; i < ARRAY_SIZE(regs); i++)
		transcript("the host is shown %s: %s", regs[i].name,
			   vcpu_get_reg(vcpu, regs[i].id) == regs[i].want ? "yes" : "no");
	for (i = 0; i < ARRAY_SIZE(regs); i++)
		vcpu_set_reg(vcpu, regs[i].id, regs[i].set);
	transcript("the host sets x19: %llx", (unsigned long long)pv_told(vcpu));
	transcript("the host sets TPIDR_EL0: %llx", (unsigned long long)pv_told(vcpu));
	transcript("the host sets CONTEXTIDR_EL1: %llx", (unsigned long long)pv_told(vcpu));
	transcript("ACTLR_EL1: %llx", (unsigned long long)pv_told(vcpu));
	transcript("ldp of no memory: ESR %llx", (unsigned long long)pv_told(vcpu));
	kvm_vm_free(vm);
}

/* Timers and interrupts */

#define SPI	40

static volatile u32 g_irqs[SPI + 1];

static void guest_irq_handler(struct ex_regs *regs)
{
	u32 intid = gic_get_and_ack_irq();
	int t;

	for (t = 0; t < tt_nr_timers; t++)
		if (intid == tt_irq[t])
			tt_set_ctl(t, 0);
	if (intid <= SPI)
		g_irqs[intid]++;
	gic_set_eoi(intid);
}

static void guest_wait(u32 intid)
{
	u32 before = g_irqs[intid];

	while (g_irqs[intid] == before) {
		wfi();
		tt_guest_take_irqs();
	}
}

static void guest_timers(void)
{
	int t, i;

	tt_guest_setup(1);
	pv_guest_init();
	for (i = 0; i < 5; i++) {
		for (t = 0; t < TT_EL1_TIMERS; t++) {
			u64 cval = tt_cnt(t) + msec_to_cycles(i);

			tt_start(t, cval);
			GUEST_ASSERT_EQ(tt_cval(t), cval);
			guest_wait(tt_irq[t]);
			GUEST_ASSERT(tt_cnt(t) >= cval);
			GUEST_ASSERT_EQ(g_irqs[tt_irq[t]], i + 1);
			GUEST_ASSERT_EQ(tt_ctl(t) & CTL_ENABLE, 0);
		}
	}
	GUEST_DONE();
}

static void timers(bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = pv_vm_create_gic(1, guest_timers, &vcpu);

	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, guest_irq_handler);
	pv_start(vcpu);
	tt_expect(tt_run_to_done(vcpu), "both timers wake the guest");
	kvm_vm_free(vm);
}

static void guest_irqs(void)
{
	u64 cpu = guest_get_vcpuid();

	local_irq_disable();
	if (cpu) {
		gic_init(GIC_V3, 2);
		gic_irq_enable(5);
		pv_tell(1);
		guest_wait(5);
		pv_tell(g_irqs[5]);
		return;
	}
	gic_init(GIC_V3, 2);
	gic_irq_enable(SPI);
	gic_irq_enable(3);
	pv_tell(0);
	/* To itself, and with its priority masked meanwhile. */
	gic_set_priority_mask(0);
	write_sysreg_s(1UL | 3UL << 24, SYS_ICC_SGI1R_EL1);
	isb();
	tt_guest_take_irqs();
	pv_tell(g_irqs[3]);
	gic_set_priority_mask(0xf0);
	tt_guest_take_irqs();
	pv_tell(g_irqs[3]);
	/* From the VMM */
	guest_wait(SPI);
	pv_tell(g_irqs[SPI]);
	/* To the other one */
	write_sysreg_s(2UL | 5UL << 24, SYS_ICC_SGI1R_EL1);
	isb();
	pv_tell(g_irqs[5]);
}

static void interrupts(bool el2)
{
	struct kvm_vcpu *vcpus[2];
	struct kvm_vm *vm = pv_vm_create_gic(2, guest_irqs, vcpus);

	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, guest_irq_handler);
	TEST_ASSERT_EQ(pv_told(vcpus[0]), 0);
	TEST_ASSERT_EQ(pv_told(vcpus[1]), 1);
	tt_expect(pv_told(vcpus[0]) == 0, "an SGI that is masked waits");
	tt_expect(pv_told(vcpus[0]) == 1, "an SGI to itself");
	kvm_arm_irq_line(vm, SPI, 1);
	kvm_arm_irq_line(vm, SPI, 0);
	tt_expect(pv_told(vcpus[0]) == 1, "an SPI from the VMM");
	tt_expect(pv_told(vcpus[0]) == 0, "an SGI to the other CPU");
	/* Both have the same memory: the count is of vCPU 1's handler. */
	tt_expect(pv_told(vcpus[1]) == 1, "the other CPU has it");
	kvm_vm_free(vm);
}

/* A second CPU starts where the guest says, with the MMU off. */

static u64 g_entry;

static void guest_boot(void)
{
	pv_tell(pv_call(PSCI_0_2_FN64_AFFINITY_INFO, 1, 0));
	{
		struct arm_smccc_res res;

		smccc_hvc(PSCI_0_2_FN64_CPU_ON, 1, g_entry, PATTERN, 0, 0, 0, 0, &res);
		pv_tell(res.a0);
	}
	pv_tell(pv_call(PSCI_0_2_FN64_AFFINITY_INFO, 1, 0));
}

/* CPU_ON's last argument is in x0. */
static __naked void guest_second(void)
{
	asm("mov x1, %0\n"
	    "str x0, [x1]\n"
	    "mrs x0, currentel\n"
	    "str x0, [x1]\n"
	    "b .\n" :: "i" (PV_MMIO));
}

static void second_cpu(bool el2)
{
	struct kvm_vm *vm = pv_vm_create(2);
	struct kvm_vcpu *first, *second;

	first = pv_vcpu_add(vm, 0, 0, guest_boot);
	second = pv_vcpu_add(vm, 1, BIT(KVM_ARM_VCPU_POWER_OFF), guest_boot);
	g_entry = addr_gva2gpa(vm, (u64)guest_second);
	sync_global_to_guest(vm, g_entry);
	tt_expect(pv_told(first) == PSCI_0_2_AFFINITY_LEVEL_OFF, "off");
	tt_expect(pv_told(first) == 0, "CPU_ON");
	tt_expect(pv_told(first) == PSCI_0_2_AFFINITY_LEVEL_ON, "on");
	tt_expect(pv_told(second) == PATTERN, "the second CPU has its argument");
	tt_expect(pv_told(second) == 1 << 2, "and is at EL1");
	kvm_vm_free(vm);
}

/* AArch32 at EL0, where the CPU has that, is nothing for a protected guest. */

static u64 g_a32;

static void guest_aarch32(void)
{
	pv_tell(0);
	write_sysreg(g_a32, elr_el1);
	write_sysreg(0x1d0, spsr_el1);		/* User mode, A32 */
	isb();
	asm volatile("eret");
}

static void aarch32(bool el2)
{
	struct kvm_vm *vm = pv_vm_create(1);
	struct kvm_vcpu *vcpu = pv_vcpu_add(vm, 0, 0, guest_aarch32);
	int i;

	/* The host's view of the register, which is not the guest's */
	if ((vcpu_get_reg(vcpu, SYS(ID_AA64PFR0_EL1)) & 0xf) != ID_AA64PFR0_EL1_EL0_AARCH32)
		tt_skip("no AArch32");
	g_a32 = vm_alloc_page(vm);
	*(u32 *)addr_gva2hva(vm, g_a32) = 0xeafffffe;	/* b . */
	*virt_get_pte_hva(vm, g_a32) |= BIT(6);		/* EL0's, too */
	sync_global_to_guest(vm, g_a32);
	TEST_ASSERT_EQ(pv_told(vcpu), 0);
	for (i = 0; i < 2; i++) {
		tt_errno(__vcpu_run(vcpu), EINVAL, "a run in AArch32");
		tt_expect(vcpu->run->exit_reason == KVM_EXIT_FAIL_ENTRY, "no entry");
	}
	kvm_vm_free(vm);
}

static const struct tt_test tests[] = {
	{ "creation", creation, TT_HOST },
	{ "hypercalls", hypercalls, TT_HOST },
	{ "memory", memory, TT_HOST },
	{ "fp", fp, TT_HOST },
	{ "registers", registers, TT_HOST },
	{ "timers", timers, TT_HOST },
	{ "interrupts", interrupts, TT_HOST },
	{ "second_cpu", second_cpu, TT_HOST },
	{ "aarch32", aarch32, TT_HOST },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
