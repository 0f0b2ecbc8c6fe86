// SPDX-License-Identifier: GPL-2.0
/*
 * System registers of protected VMs (pKVM): which a guest can read at all, the CPU's
 * features as it is shown them, and what writes do.
 */
#include "protected_lib.h"

#define MRS_X0(op0, op1, crn, crm, op2)	(0xd5200000 | sys_reg(op0, op1, crn, crm, op2))
#define RET		0xd65f03c0
#define STUBS		(SZ_4K / 8)
#define UNREAD		0x5afe

static u64 g_code;

/* Results of one CRn: what EC each stub ended with, and x0. */
static u8 g_class[STUBS];
static u64 g_value[STUBS];

static void guest_init(void)
{
	pv_guest_init();
	/* What is left of SVE's traps is not the guest's own. */
	write_sysreg(3UL << 20 | 3UL << 16, cpacr_el1);
	isb();
}

static void guest_sync_icache(void)
{
	u64 p;

	for (p = g_code; p < g_code + SZ_4K; p += 16)
		asm volatile("dc cvau, %0" :: "r" (p));
	asm volatile("dsb ish" ::: "memory");
	for (p = g_code; p < g_code + SZ_4K; p += 16)
		asm volatile("ic ivau, %0" :: "r" (p));
	asm volatile("dsb ish\n isb" ::: "memory");
}

/* What @insn does: an EC + 1, or 0. x0 goes in and comes out. */
static u8 guest_try(int i, u64 *x0)
{
	register u64 val asm("x0") = *x0;

	g_esr = 0;
	asm volatile("blr %1" : "+r" (val) : "r" (g_code + 8 * i) : "x30", "memory");
	*x0 = val;
	return g_esr ? ESR_ELx_EC(g_esr) + 1 : 0;
}

static void guest_emit(int i, u32 insn)
{
	u32 *code = (u32 *)g_code + 2 * i;

	WRITE_ONCE(code[0], insn);
	WRITE_ONCE(code[1], RET);
}

/* All with one Op0, Op1 and CRn, or half of them: CRm and Op2 are in the index. */
static void guest_sweep(int op0, int op1, int crn)
{
	int i;

	for (i = 0; i < 128; i++)
		guest_emit(i, MRS_X0(op0, op1, crn, i / 8, i % 8));
	guest_sync_icache();
	for (i = 0; i < 128; i++) {
		g_value[i] = UNREAD;
		g_class[i] = guest_try(i, &g_value[i]);
	}
}

static void guest_reads(void)
{
	int op0, op1, crn, crm, i;
	char line[9] = {};
	bool any;

	guest_init();
	for (op0 = 2; op0 <= 3; op0++)
	for (op1 = 0; op1 < 8; op1++)
	for (crn = 0; crn < 16; crn++) {
		guest_sweep(op0, op1, crn);
		for (crm = 0; crm < 16; crm++) {
			any = false;
			for (i = 0; i < 8; i++) {
				u8 c = g_class[8 * crm + i];

				line[i] = !c ? 'r' : c == ESR_ELx_EC_UNKNOWN + 1 ? '.' :
					  c == ESR_ELx_EC_SYS64 + 1 ? 't' : '?';
				any |= line[i] != '.';
			}
			if (any)
				guest_transcript("  S%d_%d_C%d_C%d: %s", op0, op1, crn, crm, line);
		}
	}
	GUEST_DONE();
}

static struct kvm_vm *create(void *code, struct kvm_vcpu **vcpu)
{
	struct kvm_vm *vm = pv_vm_create_gic(1, code, vcpu);

	g_code = vm_alloc_page(vm);
	sync_global_to_guest(vm, g_code);
	return vm;
}

/* The whole space: "r" can be read, "." is undefined, "t" traps to the guest itself. */
static void reads(bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = create(guest_reads, &vcpu);

	pv_start(vcpu);
	tt_expect(tt_run_to_done(vcpu), "all are read");
	kvm_vm_free(vm);
}

static u64 g_ids[128];

static void guest_ids(void)
{
	int i;

	guest_init();
	guest_sweep(3, 0, 0);
	memcpy(g_ids, g_value, sizeof(g_ids));
	for (i = 0; i < 64; i++) {
		GUEST_ASSERT_EQ(i >= 8 ? g_class[i] : 0, 0);
		if (i >= 8 && g_value[i])
			guest_transcript("  S3_0_C0_C%d_%d: %lx", i / 8, i % 8, g_value[i]);
	}
#define ID(reg, field)	SYS_FIELD_GET(reg, field, g_ids[sys_reg_CRm(SYS_##reg) * 8 + sys_reg_Op2(SYS_##reg)])
	/* No AArch32, SVE, SME, MTE, PMU, debug, trace. */
	GUEST_ASSERT_EQ(ID(ID_AA64PFR0_EL1, EL0), 1);
	GUEST_ASSERT_EQ(ID(ID_AA64PFR0_EL1, EL1), 1);
	GUEST_ASSERT_EQ(ID(ID_AA64PFR0_EL1, SVE), 0);
	GUEST_ASSERT_EQ(ID(ID_AA64PFR1_EL1, MTE), 0);
	GUEST_ASSERT_EQ(ID(ID_AA64PFR1_EL1, SME), 0);
	GUEST_ASSERT_EQ(ID(ID_AA64DFR0_EL1, PMUVer), 0);
	GUEST_ASSERT_EQ(ID(ID_AA64DFR0_EL1, DebugVer), 0);
	GUEST_ASSERT_EQ(ID(ID_AA64DFR0_EL1, TraceVer), 0);
	for (i = 8; i < 32; i++)
		GUEST_ASSERT_EQ(g_ids[i], 0);
	GUEST_DONE();
}

static void id_registers(bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = create(guest_ids, &vcpu);

	pv_start(vcpu);
	tt_expect(tt_run_to_done(vcpu), "no feature that a protected VM may not have");
	kvm_vm_free(vm);
}

/* 'u': undefined, 'i': ignored, and 0 when read. */
static const struct { const char *name; u32 reg; char want; } writes[] = {
	{ "DBGBVR0_EL1", SYS_DBGBVRn_EL1(0), 'i' },
	{ "DBGWCR0_EL1", SYS_DBGWCRn_EL1(0), 'i' },
	{ "DBGBVR1_EL1", SYS_DBGBVRn_EL1(1), 'u' },
	{ "MDSCR_EL1", SYS_MDSCR_EL1, 'i' },
	{ "OSDLR_EL1", SYS_OSDLR_EL1, 'i' },
	{ "PMCR_EL0", SYS_PMCR_EL0, 'u' },
	{ "PMCNTENSET_EL0", SYS_PMCNTENSET_EL0, 'u' },
	{ "PMUSERENR_EL0", SYS_PMUSERENR_EL0, 'u' },
	{ "ZCR_EL1", SYS_ZCR_EL1, 'u' },
	{ "LORC_EL1", SYS_LORC_EL1, 'u' },
	{ "PMSCR_EL1", SYS_PMSCR_EL1, 'u' },
	{ "TRBLIMITR_EL1", SYS_TRBLIMITR_EL1, 'u' },
	{ "S3_0_C15_C0_0", sys_reg(3, 0, 15, 0, 0), 'u' },
	{ "S3_3_C11_C0_0", sys_reg(3, 3, 11, 0, 0), 'u' },
	{ "DC ISW", sys_insn(1, 0, 7, 6, 2), 'u' },
};

static void guest_writes(void)
{
	unsigned int i;
	u8 class;
	u64 val;

	guest_init();
	/* Features are not for writing. */
	for (i = 8; i < 64; i++)
		guest_emit(i, MRS_X0(3, 0, 0, i / 8, i % 8) & ~BIT(21));
	guest_sync_icache();
	for (i = 8; i < 64; i++) {
		val = 1;
		GUEST_ASSERT_EQ(guest_try(i, &val), ESR_ELx_EC_UNKNOWN + 1);
	}
	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		guest_emit(2 * i, 0xd5000000 | writes[i].reg);
		guest_emit(2 * i + 1, 0xd5200000 | writes[i].reg);
	}
	guest_sync_icache();
	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		val = 1;
		class = guest_try(2 * i, &val);
		GUEST_ASSERT_EQ(class, writes[i].want == 'u' ? ESR_ELx_EC_UNKNOWN + 1 : 0);
		guest_transcript("  %s: %s", writes[i].name, class ? "undefined" : "ignored");
		if (writes[i].want == 'i') {
			val = UNREAD;
			GUEST_ASSERT_EQ(guest_try(2 * i + 1, &val), 0);
			GUEST_ASSERT_EQ(val, 0);
		}
	}
	GUEST_DONE();
}

static void write_access(bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = create(guest_writes, &vcpu);

	pv_start(vcpu);
	tt_expect(tt_run_to_done(vcpu), "writes do nothing, or are undefined");
	kvm_vm_free(vm);
}

static const struct tt_test tests[] = {
	{ "reads", reads, TT_HOST },
	{ "id_registers", id_registers, TT_HOST },
	{ "write_access", write_access, TT_HOST },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
