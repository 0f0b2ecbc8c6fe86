/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables to be restored that no ITS has written, for vgic_its_tables.c.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_CRAFTED_H
#define SELFTEST_KVM_VGIC_ITS_CRAFTED_H

#include "vgic_its_cmds.h"

/* Layout: Documentation/virt/kvm/devices/arm-vgic-its.rst, "ITS Table ABI REV0". */
#define DTE(itt, bits, next)							\
	(1ULL << 63 | (u64)(next) << 49 | (itt) >> 8 << 5 | ((bits) - 1))
#define ITE(lpi, icid, next)	((u64)(next) << 48 | (u64)(lpi) << 16 | (icid))
#define CTE(icid, target)	(1ULL << 63 | (u64)(target) << 16 | (icid))
#define L1E(gpa)		(1ULL << 63 | (gpa))

#define GPA(region)	(VI_SLOT_GPA + (region) * SZ_64K)
#define ITT(nr)		(GPA(VI_ITT) + (nr) * VI_ITT_SIZE)
/* Entry @i of ITT @nr. */
#define ITTE(nr, i)	VI_ITT, (nr) * (VI_ITT_SIZE / 8) + (i)
#define SLOT_END	(VI_SLOT_GPA + VI_SLOT_SIZE)
#define NOWHERE		0x4000000000ULL

#define FLAT		(GITS_BASER_VALID | GPA(VI_DEVICES))
#define TWO_LEVELS	(FLAT | GITS_BASER_INDIRECT)
#define ICIDS		(GITS_BASER_VALID | GPA(VI_COLLECTIONS))

#define MAX_ENTRIES	8

struct crafted {
	const char *name;
	struct {
		enum vi_region region;
		u32 index;
		u64 value;
	} entries[MAX_ENTRIES];
	/* FLAT and ICIDS if 0. */
	u64 devices, collections;
};

#define COLLECTION	{ VI_COLLECTIONS, 0, CTE(0, 0) }
#define DEVICE		{ VI_DEVICES, 0, DTE(ITT(0), 4, 0) }
#define EVENT		{ ITTE(0, 0), ITE(8192, 0, 0) }

static const struct crafted collections[] = {
	{ "none" },
	{ "one", { COLLECTION } },
	{ "three", { COLLECTION, { VI_COLLECTIONS, 1, CTE(7, 2) }, { VI_COLLECTIONS, 2, CTE(5, 1) } } },
	{ "not valid", { { VI_COLLECTIONS, 0, CTE(0, 0) & ~(1ULL << 63) } } },
	{ "one after the end", { COLLECTION, { VI_COLLECTIONS, 2, CTE(1, 1) } } },
	{ "without target", { { VI_COLLECTIONS, 0, CTE(3, 0xffffffff) } } },
	{ "no such vCPU", { COLLECTION, { VI_COLLECTIONS, 1, CTE(1, 3) } } },
	{ "no such vCPU either", { { VI_COLLECTIONS, 0, CTE(1, 0xfffffffe) } } },
	{ "twice", { COLLECTION, { VI_COLLECTIONS, 1, CTE(1, 1) }, { VI_COLLECTIONS, 2, CTE(0, 1) } } },
	{ "twice, no such vCPU", { COLLECTION, { VI_COLLECTIONS, 1, CTE(0, 9) } } },
	{ "the last number", { { VI_COLLECTIONS, 0, CTE(8191, 0) } } },
	{ "beyond the table", { COLLECTION, { VI_COLLECTIONS, 1, CTE(8192, 0) } } },
	{ "beyond the table, twice", { { VI_COLLECTIONS, 0, CTE(0xffff, 0) } } },
	{ "reserved bits", { { VI_COLLECTIONS, 0, CTE(1, 1) | 0x7fffULL << 48 } } },
	{ "table nowhere", { COLLECTION }, 0, GITS_BASER_VALID | NOWHERE },
	{ "table not valid", { COLLECTION }, 0, GPA(VI_COLLECTIONS) },
	{ "bad, and a bad device",
	  { COLLECTION, { VI_COLLECTIONS, 1, CTE(0, 0) }, { VI_DEVICES, 0, DTE(ITT(0), 17, 0) } } },
};

static const struct crafted devices[] = {
	{ "one", { COLLECTION, DEVICE, EVENT } },
	{ "not valid", { { VI_DEVICES, 0, DTE(ITT(0), 4, 0) & ~(1ULL << 63) }, EVENT } },
	{ "17 bits", { { VI_DEVICES, 0, DTE(ITT(0), 17, 0) } } },
	{ "32 bits", { { VI_DEVICES, 0, DTE(ITT(0), 32, 0) } } },
	{ "16 bits", { { VI_DEVICES, 0, DTE(GPA(VI_BIG_ITT), 16, 0) } } },
	{ "one bit", { COLLECTION, { VI_DEVICES, 0, DTE(ITT(0), 1, 0) }, EVENT,
		       { ITTE(0, 1), ITE(8193, 0, 0) }, { ITTE(0, 2), ITE(8194, 0, 0) } } },
	{ "the last one", { { VI_DEVICES, 8191, DTE(ITT(0), 4, 0) } } },
	{ "the last one, with a next", { { VI_DEVICES, 8191, DTE(ITT(0), 4, 1) } } },
	{ "next is the last one", { { VI_DEVICES, 1, DTE(ITT(0), 4, 8190) },
				    { VI_DEVICES, 8191, DTE(ITT(1), 4, 0) } } },
	{ "next is beyond", { { VI_DEVICES, 1, DTE(ITT(0), 4, 8191) } } },
	{ "next is far beyond", { DEVICE, { VI_DEVICES, 1, DTE(ITT(0), 4, 16383) } } },
	{ "next is none", { { VI_DEVICES, 0, DTE(ITT(0), 4, 1) } } },
	{ "one after the last one", { DEVICE, { VI_DEVICES, 1, DTE(ITT(1), 4, 0) } } },
	{ "one is passed", { { VI_DEVICES, 0, DTE(ITT(0), 4, 2) }, { VI_DEVICES, 1, DTE(ITT(1), 4, 1) },
			     { VI_DEVICES, 2, DTE(ITT(2), 4, 0) } } },
	{ "ITT nowhere", { { VI_DEVICES, 0, DTE(NOWHERE, 4, 0) } } },
	{ "ITT at the end of memory", { COLLECTION, { VI_DEVICES, 0, DTE(SLOT_END - 256, 5, 0) } } },
	{ "ITT across the end of memory", { COLLECTION, { VI_DEVICES, 0, DTE(SLOT_END - 256, 6, 0) } } },
	{ "ITT across, the end is before", { COLLECTION, { VI_DEVICES, 0, DTE(SLOT_END - 256, 6, 0) },
					     { VI_BIG_ITT + 7, 8191, ITE(8192, 0, 0) } } },
	{ "ITT of two", { COLLECTION, { VI_DEVICES, 0, DTE(ITT(0), 4, 1) },
			  { VI_DEVICES, 1, DTE(ITT(0), 4, 0) }, EVENT } },
	{ "the second one is bad", { COLLECTION, { VI_DEVICES, 0, DTE(ITT(0), 4, 1) }, EVENT,
				     { VI_DEVICES, 1, DTE(ITT(1), 20, 0) } } },
	{ "table nowhere", { COLLECTION, DEVICE, EVENT }, GITS_BASER_VALID | NOWHERE },
	{ "table not valid", { COLLECTION, DEVICE, EVENT }, GPA(VI_DEVICES) },
	{ "no collections", { COLLECTION, DEVICE }, 0, GPA(VI_COLLECTIONS) },
	{ "no collections, an event", { COLLECTION, DEVICE, EVENT }, 0, GPA(VI_COLLECTIONS) },
};

static const struct crafted indirect[] = {
	{ "nothing", { }, TWO_LEVELS },
	{ "one", { { VI_DEVICES, 0, L1E(GPA(VI_LEVEL2)) }, { VI_LEVEL2, 0, DTE(ITT(0), 4, 0) },
		   COLLECTION, EVENT }, TWO_LEVELS },
	{ "low bits", { { VI_DEVICES, 0, L1E(GPA(VI_LEVEL2)) | 0xffff | 0x7ffULL << 52 },
			{ VI_LEVEL2, 3, DTE(ITT(0), 4, 0) } }, TWO_LEVELS },
	{ "two", { { VI_DEVICES, 1, L1E(GPA(VI_LEVEL2)) }, { VI_LEVEL2, 5, DTE(ITT(0), 4, 8192 * 2) },
		   { VI_DEVICES, 3, L1E(GPA(VI_LEVEL2 + 1)) },
		   { VI_LEVEL2 + 1, 5, DTE(ITT(1), 4, 0) } }, TWO_LEVELS },
	{ "the first one ends it", { { VI_DEVICES, 1, L1E(GPA(VI_LEVEL2)) },
				     { VI_LEVEL2, 5, DTE(ITT(0), 4, 0) },
				     { VI_DEVICES, 3, L1E(GPA(VI_LEVEL2 + 1)) },
				     { VI_LEVEL2 + 1, 5, DTE(ITT(1), 4, 0) } }, TWO_LEVELS },
	{ "not in the second one", { { VI_DEVICES, 0, L1E(GPA(VI_LEVEL2)) },
				     { VI_LEVEL2, 0, DTE(ITT(0), 4, 16383) },
				     { VI_DEVICES, 1, L1E(GPA(VI_LEVEL2 + 1)) } }, TWO_LEVELS },
	{ "the last that is", { { VI_DEVICES, 7, L1E(GPA(VI_LEVEL2)) },
				{ VI_LEVEL2, 8191, DTE(ITT(0), 4, 0) } }, TWO_LEVELS },
	{ "nowhere", { { VI_DEVICES, 0, L1E(NOWHERE) } }, TWO_LEVELS },
	{ "the same for two", { { VI_DEVICES, 0, L1E(GPA(VI_LEVEL2)) },
				{ VI_DEVICES, 1, L1E(GPA(VI_LEVEL2)) },
				{ VI_LEVEL2, 9, DTE(ITT(0), 4, 8192) } }, TWO_LEVELS },
};

/* More than the 16 bits of GITS_TYPER.Devbits. */
static const struct crafted far_devices[] = {
	{ "beyond 16 bits", { { VI_DEVICES, 8, L1E(GPA(VI_LEVEL2)) },
			      { VI_LEVEL2, 0, DTE(ITT(0), 4, 0) } }, TWO_LEVELS },
	{ "far beyond", { { VI_DEVICES, 8191, L1E(GPA(VI_LEVEL2)) },
			  { VI_LEVEL2, 8191, DTE(ITT(0), 4, 0) } }, TWO_LEVELS },
};

static const struct crafted events[] = {
	{ "no LPI", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(0, 7, 0) } } },
	{ "no LPI, with a next", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(0, 0, 5) },
				   { ITTE(0, 1), ITE(8193, 0, 0) } } },
	{ "an SPI", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(40, 0, 0) } } },
	{ "8191", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(8192, 0, 1) },
		    { ITTE(0, 1), ITE(8191, 0, 0) } } },
	{ "8191, not reached", { COLLECTION, DEVICE, EVENT, { ITTE(0, 2), ITE(8191, 0, 0) } } },
	{ "65535", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(65535, 0, 0) } } },
	{ "next is the last one", { COLLECTION, DEVICE, { ITTE(0, 1), ITE(8192, 0, 14) },
				    { ITTE(0, 15), ITE(8193, 0, 0) } } },
	{ "next is beyond", { COLLECTION, DEVICE, { ITTE(0, 1), ITE(8192, 0, 15) } } },
	{ "next is far beyond", { COLLECTION, DEVICE, { ITTE(0, 1), ITE(8192, 0, 0xffff) } } },
	{ "the last one", { COLLECTION, DEVICE, { ITTE(0, 15), ITE(8192, 0, 0) } } },
	{ "the last one, with a next", { COLLECTION, DEVICE, { ITTE(0, 15), ITE(8192, 0, 1) } } },
	{ "one is passed", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(8192, 0, 2) },
			     { ITTE(0, 1), ITE(8193, 0, 1) }, { ITTE(0, 2), ITE(8194, 0, 0) } } },
	{ "no such collection", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(8192, 1, 0) } } },
	{ "no such collection, beyond", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(8192, 1, 16) } } },
	{ "no target", { { VI_COLLECTIONS, 0, CTE(0, 0xffffffff) }, DEVICE, EVENT } },
	{ "an LPI twice", { COLLECTION, { VI_COLLECTIONS, 1, CTE(1, 1) }, DEVICE,
			    { ITTE(0, 0), ITE(8192, 0, 1) }, { ITTE(0, 1), ITE(8192, 1, 1) },
			    { ITTE(0, 2), ITE(8194, 1, 0) } } },
	{ "an LPI twice, two devices", { COLLECTION, { VI_DEVICES, 0, DTE(ITT(0), 4, 1) },
					 { VI_DEVICES, 1, DTE(ITT(1), 4, 0) }, EVENT,
					 { ITTE(1, 0), ITE(8192, 0, 0) } } },
	{ "the second one is bad", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(8192, 0, 1) },
				     { ITTE(0, 1), ITE(8193, 3, 0) } } },
	{ "big", { COLLECTION, { VI_DEVICES, 0, DTE(GPA(VI_BIG_ITT), 16, 0) },
		   { VI_BIG_ITT, 0, ITE(8192, 0, 0xffff) },
		   { VI_BIG_ITT + 7, 8191, ITE(8193, 0, 0) } } },
};

/* Numbers that are no LPI's, or none that GICR_PROPBASER allows. */
static const struct crafted big_lpis[] = {
	{ "65536", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(65536, 0, 0) } } },
	{ "65537, after a good one", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(8192, 0, 1) },
				       { ITTE(0, 1), ITE(65537, 0, 0) } } },
	{ "all bits", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(0xffffffff, 0, 0) } } },
};

static void set_table(u32 offset, u64 value)
{
	TEST_ASSERT(!vi_set(0, offset, value), "table");
}

/* All tables empty, and the ITS as after its creation. */
static void wipe(void)
{
	int i;

	TEST_ASSERT(!vi_ctrl(0, KVM_DEV_ARM_ITS_CTRL_RESET), "reset");
	vi.writer[0] = 0;
	for (i = VI_QUEUES; i < VI_NR_REGIONS; i++) {
		if (i == VI_PROPERTIES)
			continue;
		memset(vi_memory(i), 0, SZ_64K);
		memset(vi.copy + i * SZ_64K, 0, SZ_64K);
	}
	vi.looked_at = false;
}

static void probe_low(void)
{
	u32 device, event;

	for (device = 0; device < 2; device++) {
		for (event = 0; event < 3; event++) {
			const char *said = vi_signal(device, event);

			if (strcmp(said, "blocked"))
				transcript("  MSI %x/%x: %s", device, event, said);
		}
	}
	vi_deliver();
}

static int restore_one(const struct crafted *c)
{
	int i, err;

	wipe();
	for (i = 0; i < MAX_ENTRIES && c->entries[i].value; i++)
		vi_poke64(c->entries[i].region, c->entries[i].index, c->entries[i].value);
	set_table(GITS_BASER, c->devices ?: FLAT);
	set_table(GITS_BASER + 8, c->collections ?: ICIDS);
	set_table(GITS_CBASER, VI_QUEUE(0));
	err = vi_ctrl(0, KVM_DEV_ARM_ITS_RESTORE_TABLES);
	vi_show("%s: %s", c->name, tt_errno_name(err));
	if (!err) {
		/* Without two tables it can't be enabled. */
		TEST_ASSERT(!vi_set(0, GITS_CTLR, GITS_CTLR_ENABLE), "CTLR");
		if (vi_reg(0, GITS_CTLR) & GITS_CTLR_ENABLE)
			probe_low();
	}
	return err;
}

static void restore_begin(void)
{
	vi_create(1);
	vi_lpis_start();
	vi_show_registers = false;
}

static void restore_these(const struct crafted *c, int nr)
{
	restore_begin();
	while (nr--)
		restore_one(c++);
	vi_free();
}

static void crafted_collections(bool el2)
{
	restore_these(collections, ARRAY_SIZE(collections));
}

static void crafted_devices(bool el2)
{
	restore_these(devices, ARRAY_SIZE(devices));
}

static void crafted_indirect(bool el2)
{
	restore_these(indirect, ARRAY_SIZE(indirect));
}

static void crafted_events(bool el2)
{
	restore_these(events, ARRAY_SIZE(events));
}

/* "Inconsistent restored data" */
static void refuse_these(const struct crafted *c, int nr)
{
	restore_begin();
	for (; nr--; c++)
		tt_expect(restore_one(c) == EINVAL, "%s is refused", c->name);
	vi_free();
}

static void crafted_far_devices(bool el2)
{
	refuse_these(far_devices, ARRAY_SIZE(far_devices));
}

static void crafted_big_lpis(bool el2)
{
	refuse_these(big_lpis, ARRAY_SIZE(big_lpis));
}

/* A collection table that is full has no end that is not valid. */
static void crafted_full(bool el2)
{
	static const struct crafted none = { "full" };
	u32 i;

	restore_begin();
	wipe();
	for (i = 0; i < 8192; i++)
		vi_poke64(VI_COLLECTIONS, i, CTE(i, i % VI_NR_VCPUS));
	set_table(GITS_BASER, FLAT);
	set_table(GITS_BASER + 8, ICIDS);
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_RESTORE_TABLES), 0, "%s", none.name);
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_SAVE_TABLES), 0, "save");
	tt_expect(((u64 *)vi_memory(VI_COLLECTIONS))[8191] >> 63, "the last one is valid");
	tt_expect(!((u64 *)vi_memory(VI_COLLECTIONS + 1))[0], "there is none behind");
	vi_free();
}

static const struct crafted good = {
	"good", { COLLECTION, { VI_COLLECTIONS, 1, CTE(1, 1) }, DEVICE, EVENT }
};

static const struct crafted no_collection = { "devices only", { DEVICE }, 0, GPA(VI_COLLECTIONS) };

/*
 * Over what is mapped: unpredictable, but it must come to an end, and to be gone after a reset; and
 * what the ITS does not save it must not deliver.
 */
static void restore_over(bool el2)
{
	int i;

	restore_begin();
	restore_one(&good);
	for (i = 0; i < 2; i++) {
		const char *said;

		transcript("again: %s", tt_errno_name(vi_ctrl(0, KVM_DEV_ARM_ITS_RESTORE_TABLES)));
		vi_show("again");
		said = vi_signal(0, 0);
		tt_expect(!strcmp(said, ((u64 *)vi_memory(VI_ITT))[0] ? "1" : "blocked"), "MSI: %s",
			  said);
		vi_deliver();
	}
	restore_one(&no_collection);
	for (i = 0; i < 2; i++) {
		transcript("again: %s", tt_errno_name(vi_ctrl(0, KVM_DEV_ARM_ITS_RESTORE_TABLES)));
		vi_show("again");
	}
	wipe();
	vi_show("reset");
	tt_check(!restore_one(&good), "good tables");
	vi_free();
}

/* An LPI is one ITS's only. */
static void restore_two(bool el2)
{
	vi_start(2);
	vi_show_registers = false;
	vi_quietly(1, mapd(0, vi_itt(5), 4, true));
	vi_quietly(1, mapc(0, 2, true));
	vi_quietly(1, mapti(0, 0, 8192, 0));
	vi_show("mapped by ITS 1");
	/* That wipes ITS 1's tables in memory, too, which it does not look at. */
	restore_one(&good);
	vi_probe_on(1, 0, 0);
	vi_free();
}

/* Smaller than what GICR_PROPBASER.IDbits says; a property table that is not there. */
static void restore_properties(bool el2)
{
	static const struct crafted high = {
		"LPI 40000", { COLLECTION, DEVICE, { ITTE(0, 0), ITE(40000, 0, 0) } }
	};
	int i;

	vi_create(1);
	vi_show_registers = false;
	vi_write(0, vi_gicr(0, GICR_PROPBASER), 8, vi_gpa(VI_PROPERTIES) | 13);
	for (i = 0; i < VI_NR_VCPUS; i++) {
		vi_write(i, vi_gicr(i, GICR_PENDBASER), 8, vi_gpa(VI_PENDING + i));
		vi_enable_lpis(i, true);
	}
	restore_one(&high);
	for (i = 0; i < VI_NR_VCPUS; i++)
		vi_enable_lpis(i, false);
	vi_write(0, vi_gicr(0, GICR_PROPBASER), 8, NOWHERE | VI_ID_BITS);
	restore_one(&good);
	vi_write(0, vi_gicr(0, GICR_PROPBASER), 8, vi_gpa(VI_PROPERTIES) | VI_ID_BITS);
	vi_write(0, vi_gicr(0, GICR_PENDBASER), 8, NOWHERE);
	restore_one(&good);
	vi_free();
}

#define VI_CRAFTED_TESTS						\
	{ "crafted_collections", crafted_collections },			\
	{ "crafted_devices", crafted_devices },				\
	{ "crafted_indirect", crafted_indirect },			\
	{ "crafted_events", crafted_events },				\
	{ "crafted_far_devices", crafted_far_devices },			\
	{ "crafted_big_lpis", crafted_big_lpis },			\
	{ "crafted_full", crafted_full },				\
	{ "restore_over", restore_over },				\
	{ "restore_two", restore_two },					\
	{ "restore_properties", restore_properties }

#endif
