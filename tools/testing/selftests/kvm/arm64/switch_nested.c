// SPDX-License-Identifier: GPL-2.0
/*
 * switch_nested - what a guest hypervisor with E2H sees of its own controls:
 * HCR_EL2 and HCRX_EL2 hold what it wrote, through exits of all kinds; ERET goes
 * where it says, whatever HCR_EL2.NV is; a TLBI with TGE set works on its own
 * translations; and the registers that have two names with E2H are one.
 */
#include "nested_lib.h"

#define NR_TIMES	50
#define NO_SUCH_CALL	0xc7ffffffU

#define CPTR_FPEN	(3UL << 20)
#define CPTR_ZEN	(3UL << 16)
#define CPTR_TCPAC	BIT(31)
#define HCR_BASE	(HCR_EL2_RW | HCR_EL2_E2H | HCR_EL2_IMO | HCR_EL2_FMO | HCR_EL2_AMO)

/* Exceptions that the hypervisor took, by class, from itself and from EL1. */
static volatile u32 own[64], lower[64];
static volatile u64 last_esr;

static void note(volatile u32 *seen)
{
	last_esr = read_sysreg(esr_el1);
	seen[ESR_ELx_EC(last_esr)]++;
}

/* Let floating point be used, and try again. */
static void own_fp_handler(struct ex_regs *regs)
{
	note(own);
	write_sysreg(read_sysreg(cpacr_el1) | CPTR_FPEN, cpacr_el1);
	isb();
}

static void lower_skip_handler(struct ex_regs *regs)
{
	note(lower);
	regs->pc += 4;
}

/* There is no HVC at EL0: that it is undefined shows who was there. */
static void el0_undef_handler(struct ex_regs *regs)
{
	note(lower);
	nl_hvc_handler(regs);
}

/* An exception that EL1 takes itself. */
static volatile u32 el1_undef;

static void undef_handler(struct ex_regs *regs)
{
	GUEST_ASSERT_EQ(get_current_el(), 1);
	el1_undef++;
	regs->pc += 4;
}

static void hyp_exit(void)
{
	struct arm_smccc_res res;

	/* KVM knows no such call, and says so without userspace. */
	smccc_smc(NO_SUCH_CALL, 0, 0, 0, 0, 0, 0, 0, &res);
	GUEST_ASSERT_EQ(res.a0, -1UL);
}

static u64 read_hcr(void)
{
	isb();
	return read_sysreg(hcr_el2);
}

static void write_hcr(u64 hcr)
{
	write_sysreg(hcr, hcr_el2);
	isb();
}

/* Bits that stay as written: at once, after an exit, and after one to userspace. */
static void part_hcr(void)
{
	u64 kept[3] = {}, old = read_hcr(), val, seen[3];
	int bit, i;

	for (bit = 0; bit < 64; bit++) {
		val = old ^ BIT(bit);
		write_hcr(val);
		seen[0] = read_hcr();
		hyp_exit();
		seen[1] = read_hcr();
		GUEST_SYNC_ARGS(1, seen[1], 0, 0, 0);
		seen[2] = read_hcr();
		write_hcr(old);
		for (i = 0; i < 3; i++)
			if (!((seen[i] ^ val) & BIT(bit)))
				kept[i] |= BIT(bit);
		GUEST_ASSERT_EQ(seen[2], seen[1]);
		GUEST_ASSERT_EQ(read_hcr(), old);
	}
	/* What is written at once goes to memory, without a filter. */
	GUEST_ASSERT_EQ(kept[2], kept[1]);
	guest_transcript("HCR_EL2: keeps 0x%lx, over exits 0x%lx", kept[0], kept[1]);

	/* Many writes, with and without exits between them. */
	for (i = 0; i < NR_TIMES; i++) {
		val = i & 1 ? HCR_BASE | HCR_EL2_TGE : HCR_BASE | HCR_EL2_TWI;
		write_hcr(val);
		if (i % 3 == 1)
			hyp_exit();
		if (i % 5 == 1)
			GUEST_SYNC_ARGS(1, val, 0, 0, 0);
		GUEST_ASSERT_EQ(read_hcr(), val);
	}
	write_hcr(HCR_BASE);
	guest_transcript("HCR_EL2: what was written last, each time");

	/* The VMM's turn. */
	GUEST_SYNC_ARGS(2, HCR_BASE | HCR_EL2_TWE, 0, 0, 0);
	GUEST_ASSERT_EQ(read_hcr(), HCR_BASE | HCR_EL2_TWE);
	hyp_exit();
	GUEST_ASSERT_EQ(read_hcr(), HCR_BASE | HCR_EL2_TWE);
	write_hcr(HCR_BASE);
	guest_transcript("HCR_EL2: what the VMM wrote");
}

static void el1_nothing(void)
{
	nl_el1_return();
}

/* What EL1 does must not change the hypervisor's own view. */
static void part_hcr_el1(void)
{
	u64 val;
	int i;

	for (i = 0; i < NR_TIMES; i++) {
		val = HCR_BASE | (i & 1 ? HCR_EL2_TWI | HCR_EL2_TVM : HCR_EL2_TSC);
		write_hcr(val);
		nl_run_el1(el1_nothing);
		GUEST_ASSERT_EQ(read_hcr(), val);
	}
	write_hcr(HCR_BASE);
	guest_transcript("HCR_EL2: what was written last, after EL1 ran");
}

/* A bit that only nested guests have can be any host's. */
static void el1_trapped(void)
{
	GUEST_ASSERT_EQ(get_current_el(), 1);
	write_sysreg(read_sysreg(contextidr_el1), contextidr_el1);
	nl_el1_return();
}

static void part_hcr_traps(void)
{
	u32 nr = lower[ESR_ELx_EC_SYS64];
	int i;

	for (i = 0; i < 4; i++) {
		write_hcr(HCR_BASE | (i & 1 ? HCR_EL2_TVM : 0) | (i & 2 ? HCR_EL2_TRVM : 0));
		nl_run_el1(el1_trapped);
		nr += (i & 1) + !!(i & 2);
		GUEST_ASSERT_EQ(lower[ESR_ELx_EC_SYS64], nr);
	}
	write_hcr(HCR_BASE);
	guest_transcript("HCR_EL2: TVM and TRVM trap EL1 if set");
}

/* ERET to the code behind it, with @spsr. True if it came to that. */
static noinline bool eret_behind(u64 spsr)
{
	u64 arrived = 0, tmp;

	asm volatile("msr	spsr_el1, %2\n"
		     "adr	%1, 1f\n"
		     "msr	elr_el1, %1\n"
		     "isb\n"
		     "eret\n"
		     "b		2f\n"
		     "1: mov	%0, #1\n"
		     "2:\n"
		     : "+r" (arrived), "=&r" (tmp) : "r" (spsr) : "memory");
	return arrived;
}

static void part_eret(void)
{
	u64 masked = PSR_D_BIT | PSR_A_BIT | PSR_I_BIT | PSR_F_BIT;
	u64 nv[] = { 0, HCR_EL2_NV, HCR_EL2_NV | HCR_EL2_NV2, HCR_EL2_TGE,
		     HCR_EL2_TGE | HCR_EL2_NV };
	int i, n;

	for (n = 0; n < ARRAY_SIZE(nv); n++) {
		write_hcr(HCR_BASE | nv[n]);
		for (i = 0; i < NR_TIMES; i++) {
			GUEST_ASSERT(eret_behind(PSR_MODE_EL2h | masked | (i & 1 ? PSR_Z_BIT : 0)));
			GUEST_ASSERT_EQ(get_current_el(), 2);
			if (i % 10 == 1)
				hyp_exit();
			/* The exit may have cleared what this guest can not have. */
			write_hcr(HCR_BASE | nv[n]);
		}
		write_hcr(HCR_BASE);
		for (i = 0; i < 3; i++)
			nl_run_el1(el1_nothing);
	}
	guest_transcript("ERET: to EL2 and EL1, whatever NV and TGE are");
}

/* To EL0 with TGE, which is what a host's user space is. */
static void part_eret_el0(void)
{
	u32 nr = lower[ESR_ELx_EC_UNKNOWN];
	int i;

	for (i = 1; i <= NR_TIMES; i++) {
		write_hcr(HCR_BASE | HCR_EL2_TGE | (i & 1 ? HCR_EL2_NV : 0));
		nl_run_at(el1_nothing, PSR_MODE_EL0t | PSR_D_BIT | PSR_A_BIT);
		GUEST_ASSERT_EQ(get_current_el(), 2);
		GUEST_ASSERT_EQ(lower[ESR_ELx_EC_UNKNOWN], nr + i);
	}
	write_hcr(HCR_BASE);
	guest_transcript("ERET: to EL0 with TGE, and exceptions come back");
}

/* A page whose translation the VMM changes, to one of two values. */
static u64 page_gva;
static u64 page_value[2];

enum { VAE1, VAE1IS, VAAE1, VALE1, ASIDE1, VMALLE1, VMALLE1IS, VAE2, VAE2IS, ALLE2, NR_TLBI };

static const char * const tlbi_name[NR_TLBI] = {
	"VAE1", "VAE1IS", "VAAE1", "VALE1", "ASIDE1", "VMALLE1", "VMALLE1IS", "VAE2",
	"VAE2IS", "ALLE2"
};

static void tlbi(int op)
{
	u64 page = page_gva >> 12;

	dsb(ish);
	switch (op) {
	case VAE1:
		asm volatile("tlbi vae1, %0" : : "r" (page));
		break;
	case VAE1IS:
		asm volatile("tlbi vae1is, %0" : : "r" (page));
		break;
	case VAAE1:
		asm volatile("tlbi vaae1, %0" : : "r" (page));
		break;
	case VALE1:
		asm volatile("tlbi vale1, %0" : : "r" (page));
		break;
	case ASIDE1:
		asm volatile("tlbi aside1, %0" : : "r" (0UL));
		break;
	case VMALLE1:
		asm volatile("tlbi vmalle1");
		break;
	case VMALLE1IS:
		asm volatile("tlbi vmalle1is");
		break;
	case VAE2:
		asm volatile("tlbi vae2, %0" : : "r" (page));
		break;
	case VAE2IS:
		asm volatile("tlbi vae2is, %0" : : "r" (page));
		break;
	case ALLE2:
		asm volatile("tlbi alle2");
		break;
	}
	dsb(ish);
	isb();
}

/* QEMU forgets translations at each exit: there a TLBI that does nothing passes. */
static void part_tlbi(void)
{
	int op, i;

	for (op = 0; op < NR_TLBI; op++) {
		for (i = 0; i < 6; i++) {
			GUEST_ASSERT_EQ(*(volatile u64 *)page_gva, page_value[i & 1]);
			GUEST_SYNC_ARGS(3, !(i & 1), 0, 0, 0);
			write_hcr(HCR_BASE | (op < VAE2 ? HCR_EL2_TGE : 0));
			tlbi(op);
			write_hcr(HCR_BASE);
			GUEST_ASSERT_EQ(*(volatile u64 *)page_gva, page_value[!(i & 1)]);
		}
		guest_transcript("TLBI %s: works on the hypervisor's own", tlbi_name[op]);
	}
}

static void el1_use_cpacr(void)
{
	GUEST_ASSERT_EQ(get_current_el(), 1);
	write_sysreg(read_sysreg(cpacr_el1), cpacr_el1);
	nl_el1_return();
}

static void el1_use_fp(void)
{
	asm volatile("fmov d0, xzr" : : : "v0");
	nl_el1_return();
}

static void part_cpacr(void)
{
	u64 cptr = read_sysreg_s(SYS_CPTR_EL2), el1 = read_sysreg_s(SYS_CPACR_EL12), val;
	u32 nr;
	int i;

	for (i = 0; i < 8; i++) {
		val = (cptr & ~(CPTR_FPEN | CPTR_ZEN)) | (i & 1 ? CPTR_FPEN : 0) |
		      (i & 2 ? CPTR_ZEN : 0);
		if (i & 4)
			write_sysreg_s(val, SYS_CPTR_EL2);
		else
			write_sysreg(val, cpacr_el1);
		isb();
		GUEST_ASSERT_EQ(read_sysreg(cpacr_el1), read_sysreg_s(SYS_CPTR_EL2));
		GUEST_ASSERT_EQ(read_sysreg(cpacr_el1) & CPTR_FPEN, val & CPTR_FPEN);
		hyp_exit();
		GUEST_ASSERT_EQ(read_sysreg(cpacr_el1), read_sysreg_s(SYS_CPTR_EL2));
		GUEST_ASSERT_EQ(read_sysreg(cpacr_el1) & CPTR_FPEN, val & CPTR_FPEN);
		GUEST_SYNC_ARGS(4, 0, 0, 0, 0);
		GUEST_ASSERT_EQ(read_sysreg_s(SYS_CPTR_EL2) & CPTR_FPEN, val & CPTR_FPEN);
		GUEST_ASSERT_EQ(read_sysreg_s(SYS_CPACR_EL12), el1);

		nr = own[ESR_ELx_EC_FP_ASIMD];
		asm volatile("fmov d0, xzr" : : : "v0");
		GUEST_ASSERT_EQ(own[ESR_ELx_EC_FP_ASIMD], nr + !(i & 1));

		write_sysreg(val, cpacr_el1);
		isb();
		nr = lower[ESR_ELx_EC_FP_ASIMD];
		nl_run_el1(el1_use_fp);
		GUEST_ASSERT_EQ(lower[ESR_ELx_EC_FP_ASIMD], nr + !(i & 1));
	}
	guest_transcript("CPACR_EL1 is CPTR_EL2, and traps both levels");

	for (i = 0; i < 4; i++) {
		write_sysreg(cptr | CPTR_FPEN | (i & 1 ? CPTR_TCPAC : 0), cpacr_el1);
		isb();
		nr = lower[ESR_ELx_EC_SYS64];
		nl_run_el1(el1_use_cpacr);
		GUEST_ASSERT_EQ(lower[ESR_ELx_EC_SYS64], nr + 2 * (i & 1));
	}
	write_sysreg_s(cptr, SYS_CPTR_EL2);
	isb();
	guest_transcript("CPTR_EL2.TCPAC traps EL1's CPACR_EL1 if set");
}

static void el1_read_cntpct(void)
{
	timer_get_cntct(PHYSICAL);
	nl_el1_return();
}

/* Without NV2.1 only those bits have both names that CNTKCTL_EL1 has at EL1, too. */
#define CNTKCTL_BITS	(BIT(17) | GENMASK(9, 0))
#define CNTHCTL_BITS	(NL_CNTHCTL_EL1PCTEN | NL_CNTHCTL_EL1PTEN)

static void check_cnthctl(u64 val, u64 el1)
{
	int i;

	for (i = 0; i < 3; i++) {
		GUEST_ASSERT_EQ(read_sysreg(cntkctl_el1) & CNTKCTL_BITS, val & CNTKCTL_BITS);
		GUEST_ASSERT_EQ(read_sysreg_s(SYS_CNTHCTL_EL2), val);
		GUEST_ASSERT_EQ(read_sysreg_s(SYS_CNTKCTL_EL12), el1);
		if (i == 0)
			hyp_exit();
		else
			GUEST_SYNC_ARGS(4, 0, 0, 0, 0);
	}
}

static void part_cnthctl(void)
{
	static const u64 vals[] = { 0, NL_CNTHCTL_EL1PCTEN, NL_CNTHCTL_EL1PTEN, 0x3, 0x303,
				    CNTHCTL_BITS, CNTHCTL_BITS | 0x2f0 };
	u64 el1 = read_sysreg_s(SYS_CNTKCTL_EL12), val;
	u32 nr;
	int i;

	for (i = 0; i < ARRAY_SIZE(vals); i++) {
		val = vals[i];
		write_sysreg_s(val, SYS_CNTHCTL_EL2);
		write_sysreg_s(i & 1 ? 0x2 : 0x1, SYS_CNTKCTL_EL12);
		isb();
		check_cnthctl(val, i & 1 ? 0x2 : 0x1);
		val ^= 0x301;
		write_sysreg(val & CNTKCTL_BITS, cntkctl_el1);
		isb();
		check_cnthctl(val, i & 1 ? 0x2 : 0x1);

		nr = lower[ESR_ELx_EC_SYS64];
		nl_run_el1(el1_read_cntpct);
		GUEST_ASSERT_EQ(lower[ESR_ELx_EC_SYS64] != nr, !(val & NL_CNTHCTL_EL1PCTEN));
		check_cnthctl(val, i & 1 ? 0x2 : 0x1);
	}
	write_sysreg_s(CNTHCTL_BITS, SYS_CNTHCTL_EL2);
	write_sysreg_s(el1, SYS_CNTKCTL_EL12);
	isb();
	guest_transcript("CNTKCTL_EL1 is part of CNTHCTL_EL2, and EL1's is apart");
}

/* SETP, SETM, SETE of no bytes. */
static void el1_set_memory(void)
{
	register u64 dst asm("x0") = (u64)&page_value;
	register u64 nr asm("x1") = 0;
	register u64 val asm("x2") = 0;

	asm volatile(".inst 0x19c20420\n"	/* setp [x0]!, x1!, x2 */
		     ".inst 0x19c24420\n"	/* setm */
		     ".inst 0x19c28420\n"	/* sete */
		     : "+r" (dst), "+r" (nr) : "r" (val) : "memory", "cc");
	nl_el1_return();
}

static void part_hcrx(void)
{
	u64 old = read_sysreg_s(SYS_HCRX_EL2), kept[2] = {}, val;
	bool mops = FIELD_GET(ID_AA64ISAR2_EL1_MOPS, read_sysreg_s(SYS_ID_AA64ISAR2_EL1));
	u32 nr;
	int bit, i;

	for (bit = 0; bit < 64; bit++) {
		val = old ^ BIT(bit);
		write_sysreg_s(val, SYS_HCRX_EL2);
		isb();
		if (!((read_sysreg_s(SYS_HCRX_EL2) ^ val) & BIT(bit)))
			kept[0] |= BIT(bit);
		nl_run_el1(el1_nothing);
		if (!((read_sysreg_s(SYS_HCRX_EL2) ^ val) & BIT(bit)))
			kept[1] |= BIT(bit);
		write_sysreg_s(old, SYS_HCRX_EL2);
	}
	guest_transcript("HCRX_EL2: keeps 0x%lx, over EL1 0x%lx", kept[0], kept[1]);

	if (!mops) {
		guest_transcript("HCRX_EL2: no MOPS to show its effect with");
		return;
	}
	for (i = 0; i < 4; i++) {
		val = i & 1 ? old | HCRX_EL2_MSCEn : old & ~HCRX_EL2_MSCEn;
		write_sysreg_s(val, SYS_HCRX_EL2);
		isb();
		nr = el1_undef;
		nl_run_el1(el1_set_memory);
		GUEST_ASSERT_EQ(el1_undef - nr, i & 1 ? 0 : 3);
	}
	write_sysreg_s(old, SYS_HCRX_EL2);
	isb();
	guest_transcript("HCRX_EL2: MSCEn lets EL1 use memory operations");
}

static void guest_code(void)
{
	nl_guest_setup();
	part_hcr();
	part_hcr_el1();
	part_hcr_traps();
	part_eret();
	part_eret_el0();
	part_tlbi();
	part_cpacr();
	part_cnthctl();
	if (FIELD_GET(ID_AA64MMFR1_EL1_HCX, read_sysreg_s(SYS_ID_AA64MMFR1_EL1)))
		part_hcrx();
	GUEST_DONE();
}

static u64 *page_pte, ptes[2];

static void create_page(struct kvm_vm *vm)
{
	gva_t gva = vm_alloc_pages(vm, 2);
	size_t size = vm->page_size;

	page_value[0] = 0x1111;
	page_value[1] = 0x2222;
	page_gva = gva;
	*(u64 *)addr_gva2hva(vm, gva) = page_value[0];
	*(u64 *)addr_gva2hva(vm, gva + size) = page_value[1];
	page_pte = virt_get_pte_hva(vm, gva);
	ptes[0] = *page_pte;
	ptes[1] = *virt_get_pte_hva(vm, gva + size);
	sync_global_to_guest(vm, page_value);
	sync_global_to_guest(vm, page_gva);
}

static void registers(bool el2)
{
	const u64 hcr = KVM_ARM64_SYS_REG(SYS_HCR_EL2);
	bool same = true;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, true, guest_code, &vcpu);
	struct ucall uc;
	u64 cmd;

	create_page(vm);
	nl_install_handlers(vm);
	vm_install_sync_handler(vm, VECTOR_SYNC_CURRENT, ESR_ELx_EC_FP_ASIMD, own_fp_handler);
	vm_install_sync_handler(vm, VECTOR_SYNC_CURRENT, ESR_ELx_EC_UNKNOWN, undef_handler);
	vm_install_sync_handler(vm, VECTOR_SYNC_LOWER_64, ESR_ELx_EC_FP_ASIMD,
				lower_skip_handler);
	vm_install_sync_handler(vm, VECTOR_SYNC_LOWER_64, ESR_ELx_EC_SYS64, lower_skip_handler);
	vm_install_sync_handler(vm, VECTOR_SYNC_LOWER_64, ESR_ELx_EC_UNKNOWN,
				el0_undef_handler);
	while ((cmd = tt_run(vcpu, &uc)) == UCALL_SYNC || cmd == UCALL_PRINTF) {
		if (cmd == UCALL_PRINTF)
			continue;
		switch (uc.args[1]) {
		case 1:
			same &= vcpu_get_reg(vcpu, hcr) == uc.args[2];
			break;
		case 2:
			same &= vcpu_get_reg(vcpu, hcr) == HCR_BASE;
			vcpu_set_reg(vcpu, hcr, uc.args[2]);
			same &= vcpu_get_reg(vcpu, hcr) == uc.args[2];
			break;
		case 3:
			*page_pte = ptes[uc.args[2]];
			break;
		}
	}
	tt_expect(cmd == UCALL_DONE, "guest done");
	tt_expect(same, "HCR_EL2: the VMM sees the same");
	kvm_vm_free(vm);
}

static const struct tt_test tests[] = {
	{ "registers", registers, TT_EL2 },
};

int main(int argc, char **argv)
{
	TEST_REQUIRE(kvm_check_cap(KVM_CAP_ARM_EL2));
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
