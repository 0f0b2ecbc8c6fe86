/* SPDX-License-Identifier: GPL-2.0 */
/*
 * LPIs: their properties, which of them comes first, what enabling and moving them does while they
 * are pending, and what is left of those that are mapped no more. For vgic_its_commands.c.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_LPI_H
#define SELFTEST_KVM_VGIC_ITS_LPI_H

#include "vgic_its_cmds.h"

/* Device 0; event n is LPI 8192 + n, in collection 0; collection n goes to vCPU n. */
static void map_lpis(int nr)
{
	int i;

	vi_start(1);
	vi_quietly(0, mapd(0, vi_itt(0), 8, true));
	for (i = 0; i < VI_NR_VCPUS; i++)
		vi_quietly(0, mapc(i, i, true));
	for (i = 0; i < nr; i++)
		vi_quietly(0, mapti(0, i, 8192 + i, 0));
	vi_show("begin");
}

static void signal_all(int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		tt_check(!strcmp(vi_signal(0, i), "1"), "MSI %d", i);
}

/* How a changed property gets to be known. */
enum tell {
	NOBODY,
	TELL_INV,
	TELL_INVALL,
	TELL_INVLPIR,
	TELL_INVALLR,
	NR_TELL,
};

static const char * const tell_name[] = { "nobody", "INV", "INVALL", "INVLPIR", "INVALLR" };

static void tell(enum tell how, u32 event, int vcpu)
{
	switch (how) {
	case TELL_INV:
		vi_quietly(0, inv(0, event));
		break;
	case TELL_INVALL:
		vi_quietly(0, invall(vcpu));
		break;
	case TELL_INVLPIR:
		vi_write(0, vi_gicr(vcpu, GICR_INVLPIR), 8, 8192 + event);
		break;
	case TELL_INVALLR:
		vi_write(0, vi_gicr(vcpu, GICR_INVALLR), 8, 0);
		break;
	default:
		break;
	}
}

/* An LPI's properties are those that were read last. */
static void properties(bool el2)
{
	enum tell how;

	map_lpis(3);
	for (how = NOBODY; how < NR_TELL; how++) {
		vi_property(8193, 0x40);
		tell(how, 1, 0);
		vi_show("LPI 8193 is disabled, %s", tell_name[how]);
		transcript("MSI: %s", vi_signal(0, 1));
		if (how == NOBODY)
			vi_deliver();
		else
			vi_expect_none();
		vi_property(8193, 0x41);
		tell(how, 1, 0);
		vi_show("LPI 8193 is enabled, %s", tell_name[how]);
		if (how == NOBODY)
			vi_deliver();
		else
			vi_expect(0, 8193);
	}
	/* The wrong one, of another vCPU, of none. */
	vi_property(8193, 0);
	tell(TELL_INV, 2, 0);
	tell(TELL_INVALL, 0, 1);
	tell(TELL_INVLPIR, 2, 0);
	tell(TELL_INVALLR, 0, 1);
	vi_show("others are told");
	vi_write(0, vi_gicr(0, GICR_INVLPIR), 8, 1);
	vi_write(0, vi_gicr(0, GICR_INVLPIR), 8, 65536);
	vi_write(0, vi_gicr(0, GICR_INVLPIR), 8, 0xffffffff);
	vi_write(0, vi_gicr(0, GICR_INVLPIR), 8, 9000);
	vi_do(inv(0, 9));
	vi_do(inv(NO_DEVICE, 1));
	vi_do(invall(9));
	vi_do(invall(0xffff));
	/* Another vCPU's register, for one LPI, does. */
	vi_write(0, vi_gicr(2, GICR_INVLPIR), 4, 8193);
	vi_show("INVLPIR of vCPU 2, lower half");
	vi_property(8193, 0xff);
	vi_write(0, vi_gicr(0, GICR_INVLPIR) + 4, 4, 8193);
	vi_write(0, vi_gicr(0, GICR_INVALLR) + 4, 4, 0);
	vi_show("upper halves");
	vi_write(0, vi_gicr(0, GICR_INVALLR), 4, 0);
	vi_show("INVALLR, lower half");
	vi_free();
}

/* Bits 7:2 of the property are the priority; the lowest comes first. */
static void priorities(bool el2)
{
	static const u8 priority[] = { 0x80, 0x20, 0xc3, 0x40, 0xe8, 0x00, 0xa0, 0xf4 };
	struct vi_taken taken;
	int i;

	map_lpis(ARRAY_SIZE(priority));
	for (i = 0; i < ARRAY_SIZE(priority); i++) {
		vi_property(8192 + i, priority[i] | LPI_PROP_ENABLED);
		tell(TELL_INV, i, 0);
	}
	vi_show("priorities");
	signal_all(ARRAY_SIZE(priority));
	vi_show("pending");
	vi_take(0, &taken);
	transcript("in this order:%s", vi_taken_text(&taken, false));
	/* 0xf4 is masked by the guest's ICC_PMR_EL1 of 0xf0. */
	tt_expect(taken.nr == ARRAY_SIZE(priority) - 1, "all but one");
	for (i = 1; i < taken.nr; i++)
		tt_check((priority[taken.intid[i - 1] - 8192] & 0xf8) <=
			 (priority[taken.intid[i] - 8192] & 0xf8), "order");
	vi_show("taken");
	vi_free();
}

/* More than there are list registers, on each vCPU. */
static void many(bool el2)
{
	int i;

	vi_show_lpis = false;
	map_lpis(60);
	for (i = 0; i < 60; i++)
		if (i % 3)
			vi_quietly(0, movi(0, i, i % 3));
	vi_show("moved");
	signal_all(60);
	signal_all(60);
	vi_show("pending");
	tt_expect(vi_deliver() == 60, "each is taken once");
	vi_show("taken");
	vi_free();
}

/* Pending state goes with the LPI. */
static void moves(bool el2)
{
	map_lpis(3);
	transcript("MSI: %s", vi_signal(0, 0));
	vi_do(movi(0, 0, 2));
	vi_settle();
	vi_expect(2, 8192);
	transcript("MSI: %s", vi_signal(0, 1));
	vi_do(mapc(0, 1, true));
	vi_settle();
	vi_expect(1, 8193);
	vi_probe(0, 2);
	signal_all(3);
	vi_do(movall(1, 0));
	vi_settle();
	vi_deliver();
	vi_do(movall(0, 0));
	vi_do(movall(0, 9));
	vi_do(movall(9, 0));
	vi_do(movall(2, 0));
	/* An LPI is where MOVALL brought it, until its collection is mapped. */
	signal_all(3);
	vi_deliver();
	vi_do(mapc(0, 1, true));
	signal_all(3);
	vi_deliver();
	vi_show("end");
	vi_free();
}

/* A collection without target: nothing arrives, but what is pending already does. */
static void unmapped_collection(bool el2)
{
	map_lpis(2);
	transcript("MSI: %s", vi_signal(0, 0));
	vi_do(mapc(0, 0, false));
	vi_probe(0, 0);
	vi_probe(0, 1);
	vi_free();
}

/* What becomes of its events when it is mapped again is not predictable. */
static void remapped_collection(bool el2)
{
	map_lpis(2);
	vi_do(mapc(0, 0, false));
	vi_probe(0, 0);
	vi_do(mapc(0, 2, true));
	vi_probe(0, 0);
	vi_do(movi(0, 0, 1));
	vi_probe(0, 0);
	vi_do(discard(0, 0));
	vi_do(discard(0, 1));
	vi_do(mapti(0, 0, 8192, 0));
	vi_probe(0, 0);
	vi_free();
}

/* GICR_CTLR.EnableLPIs: what is pending goes, and the pending table is read anew. */
static void enable_lpis(bool el2)
{
	u8 bits = 0x0a;

	map_lpis(4);
	signal_all(2);
	vi_show("pending");
	vi_enable_lpis(0, false);
	vi_show("LPIs disabled");
	vi_expect_none();
	transcript("MSI: %s", vi_signal(0, 0));
	vi_do(interrupt(0, 0));
	vi_enable_lpis(0, true);
	vi_show("LPIs enabled");
	vi_expect_none();
	signal_all(1);
	vi_expect(0, 8192);

	vi_enable_lpis(0, false);
	vi_poke(VI_PENDING, 8192 / 8, &bits, 1);
	vi_enable_lpis(0, true);
	vi_show("pending table: 8193, 8195");
	vi_deliver();
	vi_enable_lpis(0, false);
	vi_poke(VI_PENDING, 8192 / 8, &bits, 1);
	vi_write(0, vi_gicr(0, GICR_PENDBASER), 8, vi_gpa(VI_PENDING) | GICR_PENDBASER_PTZ);
	vi_enable_lpis(0, true);
	vi_show("the same, but said to be zero");
	vi_expect_none();
	vi_enable_lpis(0, false);
	vi_write(0, vi_gicr(0, GICR_PENDBASER), 8, 0x4000000000ULL);
	vi_enable_lpis(0, true);
	vi_show("no pending table");
	vi_probe(0, 2);
	vi_free();
}

/* A bit of the pending table is what an LPI starts with, and gone then. */
static void pending_table(bool el2)
{
	u8 bits = 0xff;

	map_lpis(0);
	vi_poke(VI_PENDING, 9000 / 8, &bits, 1);
	vi_poke(VI_PENDING + 1, 9000 / 8, &bits, 1);
	vi_do(mapti(0, 0, 9000, 0));
	vi_expect(0, 9000);
	vi_do(mapti(0, 1, 9001, 1));
	vi_expect(1, 9001);
	vi_property(9002, 0);
	vi_do(mapti(0, 2, 9002, 0));
	vi_expect_none();
	/* A collection that is not mapped has no pending table. */
	vi_do(mapti(0, 3, 9003, 9));
	vi_do(mapc(9, 0, true));
	vi_expect_none();
	/* With LPIs disabled, it arrives later. */
	vi_enable_lpis(0, false);
	vi_do(mapti(0, 4, 9004, 0));
	vi_deliver();
	vi_enable_lpis(0, true);
	vi_show("LPIs enabled");
	vi_deliver();
	vi_free();
}

#include "vgic_its_gone.h"

#define VI_LPI_TESTS							\
	{ "properties", properties },					\
	{ "priorities", priorities },					\
	{ "many", many },						\
	{ "moves", moves },						\
	{ "unmapped_collection", unmapped_collection },			\
	{ "remapped_collection", remapped_collection },			\
	{ "enable_lpis", enable_lpis },					\
	{ "pending_table", pending_table },				\
	VI_GONE_TESTS

#endif
