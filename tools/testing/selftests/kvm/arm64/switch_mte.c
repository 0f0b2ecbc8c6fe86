// SPDX-License-Identifier: GPL-2.0
/*
 * switch_mte - a guest with tagged memory, and a VMM that uses tags itself: neither
 * gets the other's tags, choice of random ones, or faults that are told later.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <asm/hwcap.h>
#include <sys/auxv.h>

#include "timer_lib.h"

#ifndef HWCAP2_MTE
#define HWCAP2_MTE		(1 << 18)
#endif
#ifndef PROT_MTE
#define PROT_MTE		0x20
#endif
#ifndef SEGV_MTEAERR
#define SEGV_MTEAERR		8
#endif
#define PR_TAGS			55	/* PR_SET_TAGGED_ADDR_CTRL */
#define PR_TAGS_ENABLE		BIT(0)
#define PR_TAGS_ASYNC		BIT(2)
#define PR_TAGS_INCLUDE		3	/* shift */

#define GUEST_TAG		5
#define HOST_TAG		7
#define VMM_TAG			9	/* set by the VMM in the guest's memory */
#define TAG(n)			((u64)(n) << 56)
#define GRANULE			16

#define ONLY_TAG(n)		(0xffff & ~BIT(n))	/* GCR_EL1.Exclude */
#define TCR_TBI0		BIT(37)
#define SCTLR_ATA		BIT(43)
#define SCTLR_TCF(n)		((u64)(n) << 40)	/* 1: at once, 2: later */
#define FSC_TAG			0x11
#define MAIR_TAGGED		0xf0ULL

static u64 g_page;
static volatile u64 g_faults, g_esr, g_far;
static volatile int host_faults;

static inline u64 load_tag(u64 addr)
{
	asm volatile(".arch armv8.5-a+memtag\n ldg %0, [%0]" : "+r" (addr) :: "memory");
	return addr >> 56 & 0xf;
}

/* Both ways to have one; all are excluded but one. */
static inline u64 random_tag(void)
{
	u64 addr = 0;

	asm volatile(".arch armv8.5-a+memtag\n irg %0, %0" : "+r" (addr));
	return addr >> 56 & 0xf;
}

static inline void store_tag(u64 addr)
{
	asm volatile(".arch armv8.5-a+memtag\n stg %0, [%0]" :: "r" (addr) : "memory");
}

static inline void touch(u64 addr)
{
	asm volatile("str xzr, [%0]\n dsb ish\n isb" :: "r" (addr) : "memory");
}

static void guest_abort_handler(struct ex_regs *regs)
{
	g_faults++;
	g_esr = read_sysreg(esr_el1);
	g_far = read_sysreg(far_el1);
	regs->pc += 4;
}

static void guest_set_tcf(u64 tcf)
{
	u64 sctlr = read_sysreg(sctlr_el1) & ~SCTLR_TCF(3);

	write_sysreg(sctlr | SCTLR_ATA | tcf, sctlr_el1);
	isb();
}

/* What must not change while the VMM runs. */
static void guest_check(void)
{
	GUEST_ASSERT_EQ(random_tag(), GUEST_TAG);
	GUEST_ASSERT_EQ(load_tag(g_page), GUEST_TAG);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_GCR_EL1), ONLY_TAG(GUEST_TAG));
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_TFSRE0_EL1), 1);
}

static void guest_code(void)
{
	int i;

	write_sysreg_s(ONLY_TAG(GUEST_TAG), SYS_GCR_EL1);
	write_sysreg_s(1, SYS_TFSRE0_EL1);
	write_sysreg_s(0, SYS_TFSR_EL1);
	guest_set_tcf(0);
	store_tag(g_page | TAG(GUEST_TAG));
	for (i = 0; i < 3; i++) {
		GUEST_SYNC(i);
		guest_check();
	}
	guest_transcript("the VMM's tag: %lu", load_tag(g_page + GRANULE));

	guest_set_tcf(SCTLR_TCF(1));
	touch(g_page | TAG(GUEST_TAG));
	GUEST_ASSERT_EQ(g_faults, 0);
	touch(g_page | TAG(3));
	GUEST_ASSERT_EQ(g_faults, 1);
	GUEST_ASSERT_EQ(g_esr & 0x3f, FSC_TAG);
	guest_transcript("at once: ESR %lx, tag %lx", (u64)g_esr, g_far >> 56);

	guest_set_tcf(SCTLR_TCF(2));
	touch(g_page | TAG(3));
	GUEST_ASSERT_EQ(g_faults, 1);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_TFSR_EL1), 1);
	GUEST_SYNC(3);
	GUEST_ASSERT_EQ(read_sysreg_s(SYS_TFSR_EL1), 1);
	guest_check();
	guest_set_tcf(0);
	GUEST_DONE();
}

static struct kvm_vcpu *vcpu;

static u64 sysreg(u32 encoding)
{
	return vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(encoding));
}

static void create(void)
{
	struct kvm_vm *vm;

	tt_mte = true;
	vm = tt_vm_create(1, false, guest_code, &vcpu);
	vm_install_sync_handler(vm, VECTOR_SYNC_CURRENT, ESR_ELx_EC_DABT_CUR, guest_abort_handler);
	g_page = vm_alloc_page(vm);
	sync_global_to_guest(vm, g_page);
	vcpu_set_reg(vcpu, KVM_ARM64_SYS_REG(SYS_TCR_EL1), sysreg(SYS_TCR_EL1) | TCR_TBI0);
	vcpu_set_reg(vcpu, KVM_ARM64_SYS_REG(SYS_MAIR_EL1),
		     (sysreg(SYS_MAIR_EL1) & ~MAIR_ATTRIDX(0xffULL, MT_NORMAL)) |
		     MAIR_ATTRIDX(MAIR_TAGGED, MT_NORMAL));
}

/* Copies one page's tags. */
static void copy_tags(u8 *tags, u64 flags)
{
	struct kvm_arm_copy_mte_tags copy = {
		.guest_ipa = addr_gva2gpa(vcpu->vm, g_page),
		.length = getpagesize(),
		.addr = tags,
		.flags = flags,
	};
	int ret = __vm_ioctl(vcpu->vm, KVM_ARM_MTE_COPY_TAGS, &copy);

	TEST_ASSERT(ret == getpagesize(), "KVM_ARM_MTE_COPY_TAGS: %d", ret);
}

static void host_handler(int sig, siginfo_t *info, void *context)
{
	/* Else nobody knows what it was. */
	if (info->si_code != SEGV_MTEAERR)
		_exit(KSFT_FAIL);
	host_faults++;
}

static void host_use_tags(void)
{
	struct sigaction sa = { .sa_sigaction = host_handler, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &sa, NULL);
	TEST_ASSERT(!prctl(PR_TAGS, PR_TAGS_ENABLE | PR_TAGS_ASYNC | BIT(HOST_TAG + PR_TAGS_INCLUDE),
			   0, 0, 0), "no tagged addresses for the VMM");
}

static void host_check(const char *when)
{
	tt_expect(random_tag() == HOST_TAG, "the VMM's tags are its own, %s", when);
	tt_expect(!host_faults, "no fault of the guest's was told the VMM, %s", when);
}

static void both(bool el2)
{
	u8 tags[256];
	struct ucall uc;
	u64 cmd;
	int i;

	create();
	host_use_tags();
	host_check("before the guest ran");
	for (i = 0; i < 3; i++) {
		pin_self_to_cpu(i & 1);
		TEST_ASSERT_EQ(tt_run(vcpu, &uc), UCALL_SYNC);
		host_check("after an exit");
		tt_expect(sysreg(SYS_GCR_EL1) == ONLY_TAG(GUEST_TAG), "ONE_REG of GCR_EL1");
		tt_expect(sysreg(SYS_TFSRE0_EL1) == 1, "ONE_REG of TFSRE0_EL1");
	}
	copy_tags(tags, KVM_ARM_TAGS_FROM_GUEST);
	tt_expect(tags[0] == GUEST_TAG && !tags[1], "the VMM reads the guest's tags");
	tags[1] = VMM_TAG;
	copy_tags(tags, KVM_ARM_TAGS_TO_GUEST);

	do {
		cmd = tt_run(vcpu, &uc);
	} while (cmd == UCALL_PRINTF);
	TEST_ASSERT_EQ(cmd, UCALL_SYNC);
	tt_expect(sysreg(SYS_TFSR_EL1) == 1, "ONE_REG of TFSR_EL1");
	host_check("after the guest's fault");
	tt_expect(tt_run_to_done(vcpu), "the guest is done");
	host_check("at the end");
}

/* A fault of the VMM's, told at its next entry into the kernel: that is KVM_RUN. */
static void host_fault(bool el2)
{
	struct ucall uc;
	u64 addr;

	create();
	host_use_tags();
	addr = (u64)mmap(NULL, getpagesize(), PROT_READ | PROT_WRITE | PROT_MTE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TEST_ASSERT(addr != (u64)MAP_FAILED, "mmap() with PROT_MTE");
	store_tag(addr | TAG(HOST_TAG));
	touch(addr | TAG(HOST_TAG));
	TEST_ASSERT_EQ(tt_run(vcpu, &uc), UCALL_SYNC);
	host_check("before its own fault");
	touch(addr | TAG(HOST_TAG + 1));
	__vcpu_run(vcpu);
	tt_expect(host_faults == 1, "the VMM's own fault was told once");
	tt_expect(sysreg(SYS_TFSRE0_EL1) == 1, "the guest's TFSRE0_EL1 is as it was");
	tt_expect(random_tag() == HOST_TAG, "the VMM's tags are its own");
}

static const struct tt_test tests[] = {
	{ "both", both, TT_EL1 },
	{ "host_fault", host_fault, TT_EL1 },
};

int main(int argc, char **argv)
{
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ARM_MTE));
	TEST_REQUIRE(getauxval(AT_HWCAP2) & HWCAP2_MTE);
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
