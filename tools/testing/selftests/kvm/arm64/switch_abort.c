// SPDX-License-Identifier: GPL-2.0
/*
 * Aborts, SErrors and other synchronous exits: what the guest sees of them and
 * what user space is told, syndromes and addresses included.
 *
 * The guest's virtual addresses differ from its physical ones, so that an
 * address of the wrong kind shows.
 */
#include <sched.h>

#include "timer_lib.h"

#define MMIO_GPA	0x07000000ULL
#define MMIO_GVA	0x17005000ULL
#define DATA_GPA	0x40000000ULL
#define DATA_GVA	0x51000000ULL
#define DATA_PAGES	8
#define DATA_SLOT	1
#define RO_GPA		0x48000000ULL
#define RO_GVA		0x59000000ULL
#define RO_SLOT		2
#define UNMAPPED_GVA	0x6a000000ULL
#define MMIO_VALUE	0x8182838485868788ULL

/* What the guest's handlers saw. */
static volatile u64 g_vector, g_esr, g_far, g_pc;
static u64 g_el2, g_page_size;

static void guest_handler(struct ex_regs *regs, u64 vector)
{
	g_vector = vector;
	g_esr = g_el2 ? read_sysreg(esr_el2) : read_sysreg(esr_el1);
	g_far = g_el2 ? read_sysreg(far_el2) : read_sysreg(far_el1);
	g_pc = regs->pc;
	/* A fetch that fails has its caller in x30, others are skipped. */
	if (vector == VECTOR_SYNC_CURRENT)
		regs->pc = ESR_ELx_EC(g_esr) == ESR_ELx_EC_IABT_CUR ? regs->regs[30] : g_pc + 4;
}

static void guest_sync_handler(struct ex_regs *regs)
{
	guest_handler(regs, VECTOR_SYNC_CURRENT);
}

static void guest_serror_handler(struct ex_regs *regs)
{
	guest_handler(regs, VECTOR_ERROR_CURRENT);
}

/* Does @insn to @addr, with @val in x1. Returns what is in x1 then. */
#define GUEST_ACCESS(insn, addr, val)					\
({									\
	register u64 __addr asm("x0") = (addr);				\
	register u64 __val asm("x1") = (val);				\
									\
	g_vector = g_esr = g_far = 0;					\
	asm volatile(insn : "+r" (__addr), "+r" (__val) :: "x2", "memory"); \
	__val;								\
})

/* An access, its result, and the exception if there was one. */
#define GUEST_TELL(insn, addr, val)					\
do {									\
	u64 __res = GUEST_ACCESS(insn, addr, val);			\
									\
	if (g_vector)							\
		guest_transcript("  %s: ESR %lx, FAR %lx", insn,	\
				 (u64)g_esr, (u64)g_far);		\
	else								\
		guest_transcript("  %s: %lx", insn, __res);		\
} while (0)

static void guest_mmio(void)
{
	u64 a = MMIO_GVA + 0xf40;

	GUEST_TELL("ldrb w1, [x0]", a, -1);
	GUEST_TELL("ldrh w1, [x0, #2]", a, -1);
	GUEST_TELL("ldr w1, [x0, #4]", a, -1);
	GUEST_TELL("ldr x1, [x0, #8]", a, -1);
	GUEST_TELL("ldrsb w1, [x0]", a, 0);
	GUEST_TELL("ldrsb x1, [x0]", a, 0);
	GUEST_TELL("ldrsh w1, [x0]", a, 0);
	GUEST_TELL("ldrsh x1, [x0]", a, 0);
	GUEST_TELL("ldrsw x1, [x0]", a, 0);
	GUEST_TELL("ldr xzr, [x0]", a, 0x11);
	GUEST_TELL("ldar w1, [x0]", a, -1);
	GUEST_TELL("strb w1, [x0]", a, 0xa1a2a3a4a5a6a7a8);
	GUEST_TELL("strh w1, [x0, #2]", a, 0xa1a2a3a4a5a6a7a8);
	GUEST_TELL("str w1, [x0, #4]", a, 0xa1a2a3a4a5a6a7a8);
	GUEST_TELL("str x1, [x0, #8]", a, 0xa1a2a3a4a5a6a7a8);
	GUEST_TELL("stlr x1, [x0]", a, 0xa1a2a3a4a5a6a7a8);
	GUEST_TELL("str xzr, [x0]", a, 0x11);
	/* The syndrome does not describe these. */
	GUEST_TELL("ldp x1, x2, [x0]", a, 0x22);
	GUEST_TELL("stp x1, x2, [x0]", a, 0x22);
	GUEST_TELL("ldr x1, [x0], #8", a, 0x22);
	GUEST_TELL("str w1, [x0, #4]!", a, 0x22);
	GUEST_DONE();
}

static void guest_faults(void)
{
	GUEST_TELL("ldr x1, [x0]", UNMAPPED_GVA, 0x33);
	GUEST_TELL("str w1, [x0]", UNMAPPED_GVA, 0x33);
	GUEST_TELL("blr x0", UNMAPPED_GVA, 0x33);
	GUEST_TELL("ldaxr x1, [x0]", DATA_GVA + 13, 0x33);
	GUEST_TELL("ldr x1, [x0]", 1UL << 55, 0x33);
	/* No memory to fetch from. */
	GUEST_TELL("blr x0", MMIO_GVA, 0x33);
	/* No memory where tables should be: user space makes it so. */
	GUEST_SYNC(0);
	GUEST_TELL("ldr x1, [x0]", DATA_GVA, 0x33);
	GUEST_TELL("str x1, [x0]", DATA_GVA, 0x33);
	GUEST_TELL("blr x0", DATA_GVA, 0x33);
	GUEST_DONE();
}

/* Stage 2 faults that do not come with the address of stage 2. */
static void guest_permissions(void)
{
	u64 i;

	for (i = 0; i < DATA_PAGES; i++)
		GUEST_ASSERT_EQ(READ_ONCE(*(u64 *)(DATA_GVA + i * g_page_size)), 0);
	for (i = 0; i < DATA_PAGES; i += 2)
		WRITE_ONCE(*(u64 *)(DATA_GVA + i * g_page_size + 8 * i), i + 1);
	GUEST_SYNC(1);
	for (i = 1; i < DATA_PAGES; i += 3)
		WRITE_ONCE(*(u64 *)(DATA_GVA + i * g_page_size + 8 * i), i + 1);
	GUEST_SYNC(2);

	GUEST_TELL("ldr x1, [x0]", RO_GVA + 0x120, 0x44);
	GUEST_TELL("str w1, [x0]", RO_GVA + 0x120, 0x44);
	GUEST_TELL("strb w1, [x0, #1]", RO_GVA + 0x120, 0x45);
	GUEST_TELL("stp x1, x1, [x0]", RO_GVA + 0x120, 0x46);
	GUEST_DONE();
}

static void guest_unmask_serror(void)
{
	g_vector = g_esr = 0;
	local_serror_enable();
	isb();
	local_serror_disable();
}

static void guest_serror(void)
{
	int i;

	/* Pending from the start, and over exits of several kinds. */
	for (i = 0; i < 4; i++) {
		GUEST_ASSERT(read_sysreg(isr_el1) & ISR_EL1_A);
		GUEST_SYNC(i);
		readl(GICD_BASE_GVA);
	}
	GUEST_ASSERT_EQ(g_vector, 0);
	guest_unmask_serror();
	guest_transcript("taken: vector %lu, ESR %lx, pending %d", (u64)g_vector,
			 (u64)g_esr, !!(read_sysreg(isr_el1) & ISR_EL1_A));
	GUEST_SYNC(4);

	/* The same, unmasked when it becomes pending. */
	g_vector = g_esr = 0;
	local_serror_enable();
	GUEST_SYNC(5);
	isb();
	local_serror_disable();
	guest_transcript("taken: vector %lu, ESR %lx", (u64)g_vector, (u64)g_esr);
	GUEST_SYNC(6);

	/* Once more, and it is not there. */
	guest_unmask_serror();
	GUEST_ASSERT_EQ(g_vector, 0);
	GUEST_DONE();
}

static u8 mops_src[512], mops_dst[512];

/* CPY or SET, @part: 0 prologue, 1 main part, 2 epilogue, of x3, x4 and x5. */
#define CPY(part)	".inst " __stringify(0x1d0404a3 + part * 0x400000) "\n"
#define SET(part)	".inst " __stringify(0x19c404a3 + part * 0x4000) "\n"

/* Goes from @nzcv and @regs into the middle of an operation, at part @from. */
#define MOPS(which, from, nzcv, dst, src, size)				\
do {									\
	register u64 x3 asm("x3") = (u64)(dst);				\
	register u64 x4 asm("x4") = (u64)(src);				\
	register u64 x5 asm("x5") = (size);				\
									\
	asm volatile("msr nzcv, %[flags]\n"				\
		     "b " #from "f\n"					\
		     "0: " which(0) "1: " which(1) "2: " which(2)	\
		     : "+r" (x3), "+r" (x4), "+r" (x5)			\
		     : [flags] "r" (nzcv) : "memory", "cc");		\
} while (0)

#define MOPS_N	BIT(31)
#define MOPS_C	BIT(29)

static u8 mops_byte(u64 i)
{
	return 255 - i * 7;
}

static void mops_prepare(void)
{
	u64 i;

	for (i = 0; i < sizeof(mops_dst); i++) {
		mops_dst[i] = i;
		mops_src[i] = mops_byte(i);
	}
}

/* The destination, where @size bytes are to be written, 3 from the start. */
static void mops_verify(const char *what, bool copy, u64 size)
{
	u64 i, wrong = 0;

	for (i = 0; i < sizeof(mops_dst); i++) {
		bool written = i >= 3 && i < 3 + size;

		wrong += mops_dst[i] != (!written ? (u8)i : copy ? mops_byte(i + 4) : 0x5a);
	}
	guest_transcript("%s: %lu bytes are wrong", what, wrong);
	GUEST_ASSERT_EQ(wrong, 0);
}

#define MOPS_COPY(what, from, nzcv, end, size)				\
do {									\
	mops_prepare();							\
	MOPS(CPY, from, nzcv, mops_dst + 3 + end, mops_src + 7 + end, size); \
	mops_verify(what, true, size);					\
} while (0)

#define MOPS_SET(what, from, nzcv, size)				\
do {									\
	mops_prepare();							\
	MOPS(SET, from, nzcv, mops_dst + 3, 0x5a, size);		\
	mops_verify(what, false, size);					\
} while (0)

/*
 * What option B has in the registers, on a CPU that has option A: start again.
 * (A CPU with option B has nothing to do but go on, with the same result.)
 */
static void guest_mops(void)
{
	MOPS_COPY("copy", 0, 0, 0, 400);
	MOPS_COPY("copy, forward by option B", 1, MOPS_C, 0, 400);
	MOPS_COPY("copy, backward by option B", 1, MOPS_C | MOPS_N, 400, 400);
	MOPS_COPY("copy, last part by option B", 2, MOPS_C, 0, 40);
	MOPS_SET("set", 0, 0, 400);
	MOPS_SET("set by option B", 1, MOPS_C, 400);
	MOPS_SET("set, last part by option B", 2, MOPS_C, 40);
	GUEST_DONE();
}

/* Returns from virtual EL2 to virtual EL2. */
static u64 guest_eret(u64 mode)
{
	u64 level;

	asm volatile("mrs x9, CurrentEL\n"
		     "orr x9, %[mode], #0x3c0\n"
		     "msr spsr_el2, x9\n"
		     "adr x9, 1f\n"
		     "msr elr_el2, x9\n"
		     "mov x10, sp\n"
		     "eret\n"
		     "udf #0\n"
		     "1: mrs %[level], spsel\n"
		     "msr spsel, #1\n"
		     "mov sp, x10\n"
		     : [level] "=&r" (level) : [mode] "r" (mode)
		     : "x9", "x10", "memory", "cc");
	return level;
}

static u64 *guest_pte;

/* Has a page table entry lead to the next page, and back. */
#define GUEST_REMAP(tlbi, operand)					\
do {									\
	u64 __pte = READ_ONCE(*guest_pte), __before, __after;		\
									\
	__before = READ_ONCE(*(u64 *)DATA_GVA);				\
	WRITE_ONCE(*guest_pte, 0);					\
	dsb(ishst);							\
	asm volatile(tlbi :: "r" (operand) : "memory");			\
	dsb(ish);							\
	WRITE_ONCE(*guest_pte, __pte + g_page_size);			\
	dsb(ishst);							\
	isb();								\
	__after = READ_ONCE(*(u64 *)DATA_GVA);				\
	WRITE_ONCE(*guest_pte, 0);					\
	dsb(ishst);							\
	asm volatile(tlbi :: "r" (operand) : "memory");			\
	dsb(ish);							\
	WRITE_ONCE(*guest_pte, __pte);					\
	dsb(ishst);							\
	isb();								\
	GUEST_ASSERT_EQ(__before, 0xd1);				\
	GUEST_ASSERT_EQ(__after, 0xd2);					\
	GUEST_ASSERT_EQ(READ_ONCE(*(u64 *)DATA_GVA), 0xd1);		\
	guest_transcript("%s", tlbi);					\
} while (0)

static void guest_vel2(void)
{
	u64 cptr, i;

	for (i = 0; i < 3; i++) {
		GUEST_ASSERT_EQ(guest_eret(PSR_MODE_EL2h), 1);
		GUEST_ASSERT_EQ(guest_eret(PSR_MODE_EL2t), 0);
	}
	guest_transcript("ERET to EL2h and EL2t");

	WRITE_ONCE(*(u64 *)DATA_GVA, 0xd1);
	WRITE_ONCE(*(u64 *)(DATA_GVA + g_page_size), 0xd2);
	GUEST_REMAP("tlbi vae1is, %0", DATA_GVA >> 12);
	GUEST_REMAP("tlbi vae2is, %0", DATA_GVA >> 12);
	GUEST_REMAP("tlbi vae1, %0", DATA_GVA >> 12);
	GUEST_REMAP("tlbi alle2is // %0", 0UL);
	GUEST_REMAP("tlbi vmalle1is // %0", 0UL);

	/* Bits that CPACR_EL1 has not, but CPTR_EL2. */
	cptr = read_sysreg(cpacr_el1);
	write_sysreg(cptr | BIT(31) | BIT(28), cpacr_el1);
	isb();
	GUEST_ASSERT_EQ(read_sysreg(cpacr_el1), cptr | BIT(31) | BIT(28));
	GUEST_ASSERT_EQ(read_sysreg(cptr_el2), cptr | BIT(31) | BIT(28));
	guest_transcript("CPTR_EL2 by CPACR_EL1");
	write_sysreg(cptr, cpacr_el1);
	isb();
	GUEST_DONE();
}

/* Host */

static struct kvm_vcpu *vcpu;

static struct kvm_vm *abort_vm_create(bool el2, void *guest_code)
{
	struct kvm_vm *vm = tt_vm_create(1, el2, guest_code, &vcpu);
	static const int classes[] = {
		ESR_ELx_EC_UNKNOWN, ESR_ELx_EC_DABT_CUR, ESR_ELx_EC_IABT_CUR,
		ESR_ELx_EC_MOPS, ESR_ELx_EC_ILL,
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(classes); i++)
		vm_install_sync_handler(vm, VECTOR_SYNC_CURRENT, classes[i],
					guest_sync_handler);
	vm_install_exception_handler(vm, VECTOR_ERROR_CURRENT, guest_serror_handler);
	virt_map(vm, MMIO_GVA, MMIO_GPA, 1);

	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, DATA_GPA, DATA_SLOT,
				    DATA_PAGES, KVM_MEM_LOG_DIRTY_PAGES);
	virt_map(vm, DATA_GVA, DATA_GPA, DATA_PAGES);

	g_el2 = el2;
	g_page_size = vm->page_size;
	sync_global_to_guest(vm, g_el2);
	sync_global_to_guest(vm, g_page_size);
	return vm;
}

static void inject(bool dabt, bool serror, bool ras)
{
	struct kvm_vcpu_events events = {};

	events.exception.ext_dabt_pending = dabt;
	events.exception.serror_pending = serror;
	if (serror && ras) {
		events.exception.serror_has_esr = true;
		events.exception.serror_esr = 0xbee;
	}
	vcpu_events_set(vcpu, &events);
}

static int nr_answered, nr_strange;

/* Whether a test uses that page. */
static bool is_ours(u64 gpa)
{
	return (gpa & ~0xfffULL) == MMIO_GPA || (gpa & ~0xfffULL) == RO_GPA;
}

/* Answers accesses that user space has to, and tells of them. */
static bool answered(void)
{
	struct kvm_run *run = vcpu->run;
	u64 data = 0;

	nr_answered++;

	if (run->exit_reason == KVM_EXIT_ARM_NISV) {
		transcript("    ISS %llx at %llx", run->arm_nisv.esr_iss,
			   run->arm_nisv.fault_ipa);
		nr_strange += !is_ours(run->arm_nisv.fault_ipa);
		inject(true, false, false);
		return true;
	}
	if (run->exit_reason != KVM_EXIT_MMIO ||
	    (run->mmio.phys_addr & ~0xfffULL) == vcpu->vm->ucall_mmio_addr) {
		nr_answered--;
		return false;
	}
	nr_strange += !is_ours(run->mmio.phys_addr);
	if (run->mmio.is_write)
		memcpy(&data, run->mmio.data, run->mmio.len);
	transcript("    %s of %u bytes at %llx: %lx", run->mmio.is_write ? "write" : "read",
		   run->mmio.len, run->mmio.phys_addr, data);
	data = MMIO_VALUE;
	if (!run->mmio.is_write)
		memcpy(run->mmio.data, &data, run->mmio.len);
	return true;
}

/* Runs to the next GUEST_SYNC() or GUEST_DONE(), whose stage it returns; or -1, -2. */
static int run_to_sync(void)
{
	struct ucall uc;

	for (;;) {
		if (_vcpu_run(vcpu)) {
			transcript("    KVM_RUN: %s", tt_errno_name(errno));
			inject(true, false, false);
			continue;
		}
		if (answered())
			continue;
		switch (get_ucall(vcpu, &uc)) {
		case UCALL_SYNC:
			return uc.args[1];
		case UCALL_DONE:
			return -1;
		case UCALL_PRINTF:
			printf("%s", uc.buffer);
			break;
		case UCALL_ABORT:
			ksft_print_msg("guest: %s\n", uc.buffer);
			return -2;
		default:
			TEST_FAIL("Unexpected exit: %s",
				  exit_reason_str(vcpu->run->exit_reason));
		}
	}
}

static void test_mmio(bool el2)
{
	struct kvm_vm *vm = abort_vm_create(el2, guest_mmio);

	vm_enable_cap(vm, KVM_CAP_ARM_NISV_TO_USER, 1);
	tt_expect(run_to_sync() == -1, "accesses");
	tt_expect(nr_answered == 21 && !nr_strange, "all are told to user space");
	kvm_vm_free(vm);
}

static void test_mmio_nisv(bool el2)
{
	struct kvm_vm *vm = abort_vm_create(el2, guest_mmio);

	tt_expect(run_to_sync() == -1, "accesses");
	kvm_vm_free(vm);
}

static void test_faults(bool el2)
{
	struct kvm_vm *vm = abort_vm_create(el2, guest_faults);
	u64 *pte;

	tt_expect(run_to_sync() == 0, "without memory");
	/* The last level of tables is now where no memory is. */
	pte = virt_get_pte_hva_at_level(vm, DATA_GVA, 2);
	*pte = (*pte & ~GENMASK(47, 12)) | (RO_GPA + 0x100000);
	tt_expect(run_to_sync() == -1, "without tables");
	kvm_vm_free(vm);
}

static void expect_dirty(struct kvm_vm *vm, unsigned long pages)
{
	unsigned long bitmap = 0;

	kvm_vm_get_dirty_log(vm, DATA_SLOT, &bitmap);
	tt_expect(bitmap == pages, "dirty pages: %lx", bitmap);
}

static void test_permissions(bool el2)
{
	struct kvm_vm *vm = abort_vm_create(el2, guest_permissions);

	vm_enable_cap(vm, KVM_CAP_ARM_NISV_TO_USER, 1);
	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, RO_GPA, RO_SLOT, 1,
				    KVM_MEM_READONLY);
	virt_map(vm, RO_GVA, RO_GPA, 1);
	tt_expect(run_to_sync() == 1, "first writes");
	expect_dirty(vm, BIT(0) | BIT(2) | BIT(4) | BIT(6));
	tt_expect(run_to_sync() == 2, "second writes");
	expect_dirty(vm, BIT(1) | BIT(4) | BIT(7));
	tt_expect(!nr_answered, "no MMIO");
	tt_expect(run_to_sync() == -1, "read-only memory");
	tt_expect(nr_answered == 3 && !nr_strange, "MMIO for writes to read-only memory");
	kvm_vm_free(vm);
}

static void tell_events(const char *when)
{
	struct kvm_vcpu_events events;

	vcpu_events_get(vcpu, &events);
	transcript("%s: SError pending %u, with ESR %u, %llx", when,
		   events.exception.serror_pending, events.exception.serror_has_esr,
		   events.exception.serror_esr);
}

static void migrate(int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(n % sysconf(_SC_NPROCESSORS_ONLN), &set);
	TEST_ASSERT(!sched_setaffinity(0, sizeof(set), &set), "sched_setaffinity()");
}

static void test_serror(bool el2)
{
	struct kvm_vm *vm = abort_vm_create(el2, guest_serror);
	bool ras = kvm_check_cap(KVM_CAP_ARM_INJECT_SERROR_ESR);
	int i;

	transcript("SErrors can%s have an ESR", ras ? "" : "not");
	inject(false, true, ras);
	for (i = 0; i < 4; i++) {
		tt_expect(run_to_sync() == i, "masked %d", i);
		tell_events("masked");
		migrate(i);
	}
	tt_expect(run_to_sync() == 4, "unmasked");
	tell_events("taken");
	tt_expect(run_to_sync() == 5, "unmasked before");
	inject(false, true, ras);
	tt_expect(run_to_sync() == 6, "injected");
	tell_events("taken");
	tt_expect(run_to_sync() == -1, "none left");
	kvm_vm_free(vm);
}

static void test_mops(bool el2)
{
	struct kvm_vm *vm = abort_vm_create(el2, guest_mops);
	u64 isar2 = vcpu_get_reg(vcpu, KVM_ARM64_SYS_REG(SYS_ID_AA64ISAR2_EL1));

	if (!SYS_FIELD_GET(ID_AA64ISAR2_EL1, MOPS, isar2))
		tt_skip("no MOPS");
	tt_expect(run_to_sync() == -1, "copies and sets");
	kvm_vm_free(vm);
}

static void test_vel2(bool el2)
{
	struct kvm_vm *vm = abort_vm_create(el2, guest_vel2);
	u64 *pte = virt_get_pte_hva(vm, DATA_GVA);
	u64 table = (u64)pte & ~((u64)vm->page_size - 1);
	u64 gpa = addr_hva2gpa(vm, (void *)table);

	/* The guest edits its own tables. */
	virt_map(vm, UNMAPPED_GVA, gpa, 1);
	guest_pte = (u64 *)(UNMAPPED_GVA + ((u64)pte - table));
	sync_global_to_guest(vm, guest_pte);
	tt_expect(run_to_sync() == -1, "ERET, TLBI, CPACR");
	kvm_vm_free(vm);
}

static const struct tt_test tests[] = {
	{ "mmio",		test_mmio,		TT_EL1_EL2 },
	{ "nisv",		test_mmio_nisv,		TT_EL1 },
	{ "faults",		test_faults,		TT_EL1_EL2 },
	{ "permissions",	test_permissions,	TT_EL1_EL2 },
	{ "serror",		test_serror,		TT_EL1_EL2 },
	{ "mops",		test_mops,		TT_EL1_EL2 },
	{ "virtual",		test_vel2,		TT_EL2 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
