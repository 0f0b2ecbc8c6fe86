// SPDX-License-Identifier: GPL-2.0
/*
 * switch_gicv3 - the GICv3 CPU interface of a guest: every ICC register of both
 * groups, priorities and pre-emption, ends of interrupts, more interrupts than
 * list registers.
 *
 * The host may let guests at the hardware's interface or emulate it
 * (kvm-arm.vgic_v3_*_trap): the transcript must be the same. It holds nothing
 * that the architecture leaves open.
 */
#include "timer_lib.h"
#include "gic_v3.h"

#define SPI(n)		(MIN_SPI + (n))
#define NR_SPIS		12
#define LPI_NOT_THERE	9000

#define ICC(reg)	SYS_ICC_##reg##_EL1

/* A write must be in effect for whatever comes next. */
#define write_icc(val, reg)						\
do {									\
	write_sysreg_s(val, ICC(reg));					\
	isb();								\
} while (0)

#define read_icc(reg)	({ isb(); read_sysreg_s(ICC(reg)); })

/* @reg after @val was written to it. */
#define show_write(reg, val)						\
do {									\
	u64 value = (val);						\
									\
	write_icc(value, reg);						\
	guest_transcript(#reg " <- %lx: %lx", value, (u64)read_icc(reg)); \
} while (0)

/* The number of bits of a priority that the hardware has for pre-emption. */
static u32 least_bpr1;

static void setup(void)
{
	int i;

	local_irq_disable();
	gic_init(GIC_V3, 1);
	write_icc(0, BPR1);
	least_bpr1 = read_icc(BPR1);
	write_icc(1, IGRPEN0);
	write_icc(1, IGRPEN1);
	write_icc(0xff, PMR);
	for (i = 0; i < NR_SPIS; i++)
		gic_irq_enable(SPI(i));
}

static void put(u32 spi, u32 group, u32 priority)
{
	gic_irq_set_group(SPI(spi), group);
	gic_set_priority(SPI(spi), priority);
	gic_irq_set_config(SPI(spi), true);
	gic_irq_set_pending(SPI(spi));
}

static u32 ack(u32 group)
{
	u32 intid = group ? read_icc(IAR1) : read_icc(IAR0);

	guest_transcript("IAR%u: %u, running priority %lx", group, intid, (u64)read_icc(RPR));
	return intid;
}

static void eoi(u32 group, u32 intid)
{
	if (group)
		write_icc(intid, EOIR1);
	else
		write_icc(intid, EOIR0);
	guest_transcript("EOIR%u <- %u: running priority %lx", group, intid, (u64)read_icc(RPR));
}

static void highest(void)
{
	guest_transcript("HPPIR0 %lu HPPIR1 %lu", (u64)read_icc(HPPIR0), (u64)read_icc(HPPIR1));
}

static void state(u32 spi)
{
	guest_transcript("SPI %u: pending %d active %d", spi, gic_irq_get_pending(SPI(spi)),
			 gic_irq_get_active(SPI(spi)));
}

static void guest_registers(void)
{
	static const u64 values[] = { 0, 0x50, 0x80, 0xf8 };
	u64 i, cbpr;

	setup();
	/* Bits that all hardware has. */
	for (i = 0; i < ARRAY_SIZE(values); i++)
		show_write(PMR, values[i]);
	/* With group 0 enabled and group 1 not, QEMU 10.0 raises maintenance interrupts for ever. */
	show_write(IGRPEN0, 0);
	show_write(IGRPEN1, 0);
	show_write(IGRPEN1, 1);
	show_write(IGRPEN0, 1);
	for (cbpr = 0; cbpr < 2; cbpr++) {
		show_write(CTLR, cbpr);
		for (i = 0; i < 8; i++) {
			show_write(BPR0, i);
			show_write(BPR1, i);
		}
	}
	for (i = 0; i < 4; i++)
		show_write(CTLR, i);
	write_icc(0, CTLR);

	show_write(AP0R0, BIT(3));
	guest_transcript("running priority %lx", (u64)read_icc(RPR));
	show_write(AP1R0, BIT(9) | BIT(2));
	guest_transcript("running priority %lx", (u64)read_icc(RPR));
	eoi(1, LPI_NOT_THERE);
	eoi(0, LPI_NOT_THERE);
	eoi(1, LPI_NOT_THERE);
	guest_transcript("AP0R0 %lx AP1R0 %lx", (u64)read_icc(AP0R0), (u64)read_icc(AP1R0));
	highest();
	ack(0);
	ack(1);
	GUEST_DONE();
}

/* With one binary point for both groups, group 1's own is read-only. */
static void guest_common_bpr(void)
{
	setup();
	show_write(BPR0, 4);
	show_write(BPR1, 6);
	show_write(CTLR, 1);
	show_write(BPR1, 3);
	show_write(CTLR, 0);
	guest_transcript("BPR1 %lx", (u64)read_icc(BPR1));
	GUEST_ASSERT_EQ(read_icc(BPR1), 6);
	GUEST_DONE();
}

static void guest_groups(void)
{
	u32 i;

	setup();
	put(0, 1, 0x80);
	highest();
	ack(0);
	i = ack(1);
	state(0);
	eoi(1, i);
	state(0);

	put(1, 0, 0x80);
	put(2, 1, 0xa0);
	highest();
	/* The most urgent one is of the other group. */
	ack(1);
	i = ack(0);
	highest();
	ack(1);
	eoi(0, i);
	eoi(1, ack(1));

	/* A disabled group's interrupt is not in the way. */
	write_icc(0, IGRPEN0);
	put(3, 0, 0x40);
	put(4, 1, 0x60);
	highest();
	eoi(1, ack(1));
	write_icc(1, IGRPEN0);
	highest();
	eoi(0, ack(0));
	GUEST_DONE();
}

static void guest_priorities(void)
{
	u32 low, high;

	setup();
	/* The mask takes only what is more urgent than it. */
	put(0, 1, 0x80);
	write_icc(0x80, PMR);
	ack(1);
	highest();
	write_icc(0x88, PMR);
	low = ack(1);

	/* Of the same level: no pre-emption; above it: pre-emption. */
	write_icc(0xff, PMR);
	put(1, 1, 0x80);
	ack(1);
	put(2, 1, 0x40);
	high = ack(1);
	put(3, 0, 0x20);
	eoi(0, ack(0));
	eoi(1, high);
	eoi(1, low);
	eoi(1, ack(1));

	/* Sub-priorities order what is pending, but pre-empt nothing. */
	write_icc(7, BPR1);
	put(4, 1, 0xc0);
	put(5, 1, 0xb0);
	put(6, 1, 0x90);
	low = ack(1);
	put(7, 1, 0x88);
	ack(1);
	put(8, 1, 0x70);
	high = ack(1);
	eoi(1, high);
	eoi(1, low);
	eoi(1, ack(1));
	eoi(1, ack(1));
	eoi(1, ack(1));
	ack(1);
	write_icc(least_bpr1, BPR1);
	GUEST_DONE();
}

static void guest_deactivation(void)
{
	u32 group, intid;

	setup();
	write_icc(2, CTLR);
	for (group = 0; group < 2; group++) {
		put(group, group, 0x80);
		intid = ack(group);
		eoi(group, intid);
		state(group);
		/* Active, and so not signalled again, though pending. */
		gic_irq_set_pending(intid);
		state(group);
		ack(group);
		write_icc(intid, DIR);
		state(group);
		eoi(group, ack(group));
		write_icc(intid, DIR);
		state(group);
	}

	/* Out of order, and of what the distributor made active. */
	put(2, 1, 0x80);
	intid = ack(1);
	eoi(1, intid);
	put(3, 1, 0x80);
	group = ack(1);
	eoi(1, group);
	write_icc(intid, DIR);
	state(2);
	state(3);
	write_icc(group, DIR);
	state(3);
	gic_irq_set_active(SPI(4));
	state(4);
	write_icc(SPI(4), DIR);
	state(4);
	write_icc(LPI_NOT_THERE, DIR);

	/* Without the split DIR is not to be written; the end of interrupt does it. */
	write_icc(0, CTLR);
	put(5, 1, 0x80);
	eoi(1, ack(1));
	state(5);
	GUEST_DONE();
}

static void guest_many(void)
{
	u32 i, intid[NR_SPIS];

	setup();
	/* More than there are list registers, all pending. */
	for (i = 0; i < NR_SPIS; i++)
		put(i, 1, 0xf0 - 0x10 * i);
	highest();
	for (i = 0; i < NR_SPIS; i++)
		eoi(1, ack(1));
	ack(1);

	/* All active at once, each pre-empting the one before. */
	for (i = 0; i < NR_SPIS; i++) {
		put(i, 1, 0xf0 - 0x10 * i);
		intid[i] = ack(1);
	}
	for (i = 0; i < NR_SPIS; i++)
		state(i);
	for (i = NR_SPIS; i-- > 0; ) {
		eoi(1, intid[i]);
		state(i);
	}
	ack(1);

	/* The same with deactivation apart, and in another order. */
	write_icc(2, CTLR);
	for (i = 0; i < NR_SPIS; i++) {
		put(i, 1, 0x80);
		intid[i] = ack(1);
		eoi(1, intid[i]);
	}
	for (i = 0; i < NR_SPIS; i++)
		write_icc(intid[i * 5 % NR_SPIS], DIR);
	for (i = 0; i < NR_SPIS; i++)
		state(i);
	GUEST_DONE();
}

static void run(void *guest_code, bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (!tt_gicv3)
		tt_skip("no GICv3");
	vm = tt_vm_create(1, el2, guest_code, &vcpu);
	tt_expect(tt_run_to_done(vcpu), "the guest runs to its end");
	kvm_vm_free(vm);
}

#define TEST(name)							\
static void name(bool el2)						\
{									\
	run(guest_##name, el2);						\
}

TEST(registers)
TEST(common_bpr)
TEST(groups)
TEST(priorities)
TEST(deactivation)
TEST(many)

static const struct tt_test tests[] = {
	{ "registers", registers, TT_EL1_EL2 },
	{ "common_bpr", common_bpr, TT_EL1 },
	{ "groups", groups, TT_EL1_EL2 },
	{ "priorities", priorities, TT_EL1_EL2 },
	{ "deactivation", deactivation, TT_EL1_EL2 },
	{ "many", many, TT_EL1_EL2 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
