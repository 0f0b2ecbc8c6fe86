// SPDX-License-Identifier: GPL-2.0
/*
 * The ITS's commands, each as it should be and in each way in which it can be wrong, from a guest
 * and from user space; after each all that has changed; and which LPIs arrive where.
 *
 * Expectations are the architecture's (Arm IHI 0069, chapter 5), also where KVM's C code does
 * otherwise; each of these cases has a sub-test of its own. Where the architecture says that what
 * follows is not predictable, the transcripts of two kernels are to be equal.
 */
#include "vgic_its_cmds.h"
#include "vgic_its_queue.h"
#include "vgic_its_msi.h"
#include "vgic_its_lpi.h"

/* Devices, collections, and an LPI each: 8192 + 10 * device + event. */
static void map_some(int its)
{
	u32 device, event;

	for (device = 0; device < 3; device++) {
		vi_quietly(its, mapd(device, vi_itt(device), 4, true));
		vi_quietly(its, mapc(device, device, true));
		for (event = 0; event < 3; event++)
			vi_quietly(its, mapti(device, event, 8192 + 10 * device + event, event));
	}
}

static void commands_mapd(bool el2)
{
	vi_start(1);
	vi_show("begin");
	vi_do(mapd(0, vi_itt(0), 4, true));
	vi_do(mapd(1, vi_itt(1), 1, true));
	vi_do(mapd(8191, vi_itt(2), 8, true));
	vi_do(mapd(8192, vi_itt(3), 4, true));
	vi_do(mapd(0xffff, vi_itt(3), 4, true));
	vi_do(mapd(0x10000, vi_itt(3), 4, true));
	vi_do(mapd(0xffffffff, vi_itt(3), 4, true));
	vi_do(mapd(2, vi_gpa(VI_BIG_ITT), 16, true));
	vi_do(mapd(3, vi_itt(3), 17, true));
	vi_do(mapd(3, vi_itt(3), 32, true));
	vi_do(mapd(4, vi_itt(4) + 0x80, 4, true));
	vi_do(mapd(5, 0x4000000000ULL, 4, true));
	vi_do(mapd(6, 0xfffffffffff00ULL, 4, true));
	vi_do(vi_cmd(0xffffff00 | GITS_CMD_MAPD | 7ULL << 32, 0xffffffe3,
		     1ULL << 63 | 0x7ff0000000000000ULL | vi_itt(5) | 0xff, ~0ULL,
		     "MAPD 7, with all that is reserved"));
	/* A device that is there loses its events. */
	vi_quietly(0, mapc(0, 0, true));
	vi_do(mapti(0, 1, 8193, 0));
	vi_do(mapd(0, vi_itt(6), 5, true));
	vi_probe(0, 1);
	vi_do(mapti(0, 2, 8194, 0));
	vi_do(mapd(0, 0, 17, false));
	vi_probe(0, 2);
	vi_do(mapd(0, vi_itt(6), 5, false));
	vi_do(mapd(NO_DEVICE, 0, 1, false));
	vi_do(mapd(8192, 0, 1, false));
	vi_free();
}

static void commands_mapc(bool el2)
{
	vi_start(1);
	vi_quietly(0, mapd(0, vi_itt(0), 4, true));
	vi_show("begin");
	vi_do(mapc(0, 0, true));
	vi_do(mapc(1, 2, true));
	vi_do(mapc(2, 3, true));
	vi_do(mapc(2, 0xffffffff, true));
	vi_do(mapc(8191, 1, true));
	vi_do(mapc(8192, 1, true));
	vi_do(mapc(0xffff, 1, true));
	vi_do(mapti(0, 0, 8192, 0));
	vi_probe(0, 0);
	vi_do(mapc(0, 2, true));
	vi_probe(0, 0);
	vi_do(mapc(0, 5, true));
	vi_probe(0, 0);
	vi_do(mapc(0, 5, false));
	vi_probe(0, 0);
	vi_do(movi(0, 0, 1));
	vi_do(discard(0, 0));
	vi_do(mapc(0x1234, 0, false));
	vi_do(mapc(0xffff, 0, false));
	vi_do(vi_cmd(GITS_CMD_MAPC | ~0ULL << 8, ~0ULL, 1ULL << 63 | 0x7fff000000000000ULL | 1 << 16 | 9,
		     ~0ULL, "MAPC 9, with all that is reserved"));
	vi_free();
}

static void commands_mapti(bool el2)
{
	vi_start(1);
	vi_quietly(0, mapd(0, vi_itt(0), 4, true));
	vi_quietly(0, mapd(1, vi_itt(1), 8, true));
	vi_quietly(0, mapd(2, vi_gpa(VI_BIG_ITT), 16, true));
	vi_quietly(0, mapd(3, VI_SLOT_GPA + VI_SLOT_SIZE - 16, 4, true));
	vi_quietly(0, mapc(0, 0, true));
	vi_quietly(0, mapc(1, 1, true));
	vi_show("begin");
	vi_do(mapti(0, 0, 8192, 0));
	vi_do(mapti(0, 15, 65535, 1));
	vi_do(mapti(0, 16, 8193, 0));
	vi_do(mapti(0, 0xffffffff, 8193, 0));
	vi_do(mapti(NO_DEVICE, 0, 8193, 0));
	vi_do(mapti(0, 1, 8191, 0));
	vi_do(mapti(0, 1, 0, 0));
	vi_do(mapti(0, 1, 40, 0));
	vi_do(mapti(0, 1, 65536, 0));
	vi_do(mapti(0, 1, 0xffffffff, 0));
	vi_do(mapti(0, 1, 0x80002000, 0));
	vi_do(mapti(0, 2, 8194, 0x4321));
	vi_do(mapti(0, 3, 8195, 8191));
	vi_do(mapti(0, 4, 8196, 8192));
	vi_probe(0, 0);
	vi_probe(0, 15);
	vi_probe(0, 3);
	vi_do(mapc(8191, 2, true));
	vi_probe(0, 3);
	/* An event that is mapped. */
	vi_do(mapti(0, 0, 8197, 1));
	vi_probe(0, 0);
	/* An LPI that is mapped, with a new collection, which must not stay. */
	vi_do(mapti(1, 0, 8192, 7));
	vi_probe(1, 0);
	vi_probe(0, 0);
	/* Where the table ends with the memory: two entries are there. */
	vi_do(mapti(3, 1, 8300, 0));
	vi_do(mapti(3, 2, 8301, 0));
	vi_probe(3, 1);
	vi_do(mapi(2, 8400, 0));
	vi_do(mapi(2, 8191, 0));
	vi_do(mapi(2, 65535, 1));
	vi_do(mapi(2, 65534, 1));
	vi_do(mapi(2, 65536, 1));
	vi_do(mapi(0, 1, 1));
	vi_probe(2, 8400);
	vi_probe(2, 65535);
	vi_probe(2, 65534);
	vi_do(vi_cmd(GITS_CMD_MAPTI | 0xffffff00, 8ULL | 8500ULL << 32, ~0xffffULL | 1, ~0ULL,
		     "MAPTI 0/8, LPI 8500, with all that is reserved"));
	vi_probe(0, 8);
	vi_free();
}

/* GICR_PROPBASER says how many LPIs there are. */
static void commands_id_bits(bool el2)
{
	static const u8 bits[] = { 0, 12, 13, 14, 31 };
	int i;

	for (i = 0; i < ARRAY_SIZE(bits); i++) {
		u64 propbaser = vi_gpa(VI_PROPERTIES) | bits[i];

		vi_create(1);
		vi_write(0, vi_gicr(0, GICR_PROPBASER), 8, propbaser);
		vi_its_start(0);
		vi_quietly(0, mapd(0, vi_itt(0), 4, true));
		vi_show("PROPBASER.IDbits %u", bits[i]);
		vi_do(mapti(0, 0, 8192, 0));
		vi_do(mapti(0, 1, 16383, 0));
		vi_do(mapti(0, 2, 16384, 0));
		vi_do(mapti(0, 3, 65535, 0));
		vi_do(mapti(0, 4, 65536, 0));
		vi_free();
	}
}

static void commands_movi(bool el2)
{
	vi_start(1);
	map_some(0);
	vi_show("begin");
	vi_do(movi(0, 0, 1));
	vi_probe(0, 0);
	vi_do(movi(0, 0, 1));
	vi_do(movi(0, 9, 1));
	vi_do(movi(0, 16, 1));
	vi_do(movi(NO_DEVICE, 0, 1));
	vi_do(movi(0, 0, 9));
	vi_do(movi(0, 0, 0xffff));
	vi_probe(0, 0);
	/* A collection without a target. */
	vi_do(mapti(0, 5, 8197, 10));
	vi_do(movi(0, 0, 10));
	vi_do(movi(0, 5, 1));
	vi_do(mapc(2, 0, false));
	vi_do(movi(0, 2, 1));
	vi_do(movi(0, 0, 2));
	vi_probe(0, 0);
	vi_probe(0, 2);
	vi_free();
}

static void commands_discard(bool el2)
{
	vi_start(1);
	map_some(0);
	vi_show("begin");
	vi_do(discard(0, 0));
	vi_probe(0, 0);
	vi_do(discard(0, 0));
	vi_do(discard(0, 16));
	vi_do(discard(NO_DEVICE, 0));
	vi_do(mapti(0, 0, 8192, 2));
	vi_probe(0, 0);
	vi_do(mapti(0, 5, 8197, 10));
	vi_do(discard(0, 5));
	vi_do(mapc(2, 0, false));
	vi_do(discard(0, 2));
	vi_show("again");
	vi_free();
}

static void commands_int_clear(bool el2)
{
	vi_start(1);
	map_some(0);
	vi_show("begin");
	vi_do(interrupt(0, 0));
	vi_expect(0, 8192);
	vi_do(interrupt(2, 1));
	vi_expect(1, 8213);
	vi_do(interrupt(2, 1));
	vi_do(interrupt(2, 1));
	vi_expect(1, 8213);
	vi_do(interrupt(0, 3));
	vi_do(interrupt(0, 16));
	vi_do(interrupt(NO_DEVICE, 0));
	vi_expect_none();
	vi_do(interrupt(1, 1));
	vi_do(clear(1, 1));
	vi_expect_none();
	vi_do(clear(1, 1));
	vi_do(clear(1, 5));
	vi_do(clear(NO_DEVICE, 0));
	vi_do(interrupt(1, 1));
	vi_do(clear(1, 2));
	vi_expect(1, 8203);
	vi_enable_lpis(1, false);
	vi_do(interrupt(1, 1));
	vi_do(clear(1, 1));
	vi_expect_none();
	vi_free();
}

/* What another version of the ITS would know, and what none does. */
static void commands_unknown(bool el2)
{
	u32 code;

	vi_start(1);
	map_some(0);
	vi_show("begin");
	for (code = 0; code < 0x100; code++) {
		switch (code) {
		case GITS_CMD_MAPD:
		case GITS_CMD_MAPC:
		case GITS_CMD_MAPTI:
		case GITS_CMD_MAPI:
		case GITS_CMD_MOVI:
		case GITS_CMD_DISCARD:
		case GITS_CMD_INT:
			continue;
		}
		vi_quietly(0, vi_cmd(code, 0, 1ULL << 63 | 1, 0, "%x", code));
	}
	vi_show("all other commands");
	vi_do(vi_cmd(GITS_CMD_SYNC, 0, 1 << 16, 0, "SYNC"));
	vi_do(vi_cmd(GITS_CMD_SYNC, 0, 99 << 16, 0, "SYNC, no such vCPU"));
	vi_free();
}

/* The same by way of KVM_DEV_ARM_VGIC_GRP_ITS_REGS. */
static void commands_by_user(bool el2)
{
	vi_start(1);
	vi.user_writes = true;
	vi_show("begin");
	vi_do(mapd(0, vi_itt(0), 4, true));
	vi_do(mapc(0, 2, true));
	vi_do(mapti(0, 1, 8192, 0));
	vi_do(interrupt(0, 1));
	vi_expect(2, 8192);
	vi_do(discard(0, 1));
	vi_do(mapd(0, vi_itt(0), 4, false));
	vi_free();
}

/* Each has its own devices and collections; LPIs are the VM's. */
static void two_itss(bool el2)
{
	vi_start(2);
	map_some(0);
	vi_show("begin");
	vi_do_on(1, mapd(0, vi_itt(10), 4, true));
	vi_do_on(1, mapc(0, 2, true));
	vi_do_on(1, mapti(0, 0, 8300, 0));
	vi_do_on(1, mapti(0, 1, 8192, 0));
	vi_probe_on(0, 0, 0);
	vi_probe_on(1, 0, 0);
	vi_probe_on(1, 0, 1);
	vi_do_on(0, discard(0, 0));
	vi_do_on(1, mapti(0, 1, 8192, 0));
	vi_probe_on(1, 0, 1);
	vi_do_on(0, mapti(0, 0, 8192, 0));
	vi_probe_on(0, 0, 0);
	vi_do_on(1, invall(0));
	vi_do_on(1, movall(2, 0));
	vi_probe_on(1, 0, 0);
	vi_probe_on(0, 0, 2);
	vi_its_enable(1, false);
	vi_show("ITS 1 is disabled");
	vi_probe_on(1, 0, 0);
	vi_probe_on(0, 1, 0);
	close(vi.its[1]);
	vi.nr_itss = 1;
	vi_show("the file of ITS 1 is closed");
	vi_probe_on(0, 1, 0);
	vi_free();
}

static const struct tt_test tests[] = {
	{ "commands_mapd", commands_mapd },
	{ "commands_mapc", commands_mapc },
	{ "commands_mapti", commands_mapti },
	{ "commands_id_bits", commands_id_bits },
	{ "commands_movi", commands_movi },
	{ "commands_discard", commands_discard },
	{ "commands_int_clear", commands_int_clear },
	{ "commands_unknown", commands_unknown },
	{ "commands_by_user", commands_by_user },
	{ "two_itss", two_itss },
	VI_QUEUE_TESTS,
	VI_MSI_TESTS,
	VI_LPI_TESTS,
};

int main(int argc, char **argv)
{
	test_disable_default_vgic();
	TEST_REQUIRE(tt_probe_gic(3));
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
