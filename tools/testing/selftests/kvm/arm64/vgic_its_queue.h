/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The queue of commands: where it ends, where there is no memory, and what is done when. For
 * vgic_its_commands.c.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_QUEUE_H
#define SELFTEST_KVM_VGIC_ITS_QUEUE_H

#include "vgic_its_cmds.h"

#define QUEUE_COMMANDS	(VI_QUEUE_SIZE / 32)

static u64 guest_gits(u32 offset)
{
	return vi_read(0, GITS_BASE_GPA + offset, 8);
}

/* All that there is to do is done when the guest's write of CWRITER is. */
static void expect_done(const char *what)
{
	tt_expect(guest_gits(GITS_CREADR) == guest_gits(GITS_CWRITER), "%s: done", what);
	tt_check(vi_read(0, GITS_BASE_GPA + GITS_CTLR, 4) == (GITS_CTLR_QUIESCENT | GITS_CTLR_ENABLE),
		 "%s: quiescent", what);
}

static void fill_queue(const char *what, struct vi_cmd (*cmd)(u32 i))
{
	u32 i;

	for (i = 0; i < QUEUE_COMMANDS - 1; i++)
		vi_queue(0, cmd(i));
	vi_kick(0);
	expect_done(what);
	vi_show("%s", what);
}

static struct vi_cmd nth_mapti(u32 i)
{
	return mapti(0, i, 8192 + i, i % 3);
}

static struct vi_cmd nth_invall(u32 i)
{
	return invall(i % 3);
}

static struct vi_cmd nth_movi(u32 i)
{
	return movi(0, i, (i + 1) % 3);
}

static struct vi_cmd nth_discard(u32 i)
{
	return discard(0, i);
}

/* As many at once as go into it, so that it wraps in other places each time. */
static void __queue_full(bool user_writes)
{
	int i;

	alarm(4 * TT_WATCHDOG_SEC);
	vi_start(1);
	vi.user_writes = user_writes;
	vi_show_lpis = false;
	vi_quietly(0, mapd(0, vi_gpa(VI_BIG_ITT), 16, true));
	for (i = 0; i < VI_NR_VCPUS; i++)
		vi_quietly(0, mapc(i, i, true));
	vi_show("begin");
	fill_queue("MAPTI", nth_mapti);
	vi_probe(0, QUEUE_COMMANDS - 2);
	fill_queue("INVALL", nth_invall);
	fill_queue("MOVI", nth_movi);
	vi_probe(0, QUEUE_COMMANDS - 2);
	fill_queue("DISCARD", nth_discard);
	vi_probe(0, QUEUE_COMMANDS - 2);
	vi_free();
}

static void queue_full(bool el2)
{
	__queue_full(false);
}

static void queue_full_by_user(bool el2)
{
	__queue_full(true);
}

/* Commands wait until the ITS is enabled. */
static void queue_waits(bool el2)
{
	vi_start(1);
	vi_its_enable(0, false);
	vi_show("disabled");
	vi_queue(0, mapd(0, vi_itt(0), 4, true));
	vi_queue(0, mapc(0, 0, true));
	vi_queue(0, mapti(0, 0, 8192, 0));
	vi_queue(0, interrupt(0, 0));
	vi_kick(0);
	vi_show("commands");
	tt_expect(!guest_gits(GITS_CREADR), "none is done");
	tt_expect(!vi_read(0, GITS_BASE_GPA + GITS_CTLR, 4), "not quiescent");
	vi_expect_none();
	vi_its_enable(0, true);
	expect_done("enabled");
	vi_show("enabled");
	vi_expect(0, 8192);
	/* What CREADR is restored to decides what is done again. */
	vi_its_enable(0, false);
	tt_errno(-!!vi_set(0, GITS_CREADR, 96), 0, "CREADR");
	vi_show("CREADR goes back by one");
	vi_its_enable(0, true);
	vi_show("enabled");
	vi_expect(0, 8192);
	vi_free();
}

/* Writes of a part, and of what is no place in the queue. */
static void queue_cwriter(bool el2)
{
	static const struct {
		u32 offset, width;
		u64 value;
	} writes[] = {
		{ 0, 8, VI_QUEUE_SIZE }, { 0, 8, ~0ULL }, { 0, 8, 0x1f }, { 0, 8, 0x21 }, { 4, 4, ~0ULL },
		{ 0, 4, 0x40 }, { 0, 4, VI_QUEUE_SIZE - 32 }, { 0, 4, VI_QUEUE_SIZE },
		{ 0, 8, 1ULL << 20 | 0x60 }, { 0, 2, 0x80 }, { 0, 1, 0x80 },
	};
	int i;

	vi_start(1);
	vi_show("begin");
	for (i = 0; i < ARRAY_SIZE(writes); i++) {
		vi_write(0, GITS_BASE_GPA + GITS_CWRITER + writes[i].offset, writes[i].width,
			 writes[i].value);
		transcript("CWRITER+%u/%u = %lx: %lx, CREADR %lx", writes[i].offset, writes[i].width,
			   writes[i].value, guest_gits(GITS_CWRITER), guest_gits(GITS_CREADR));
	}
	/* The other registers of the queue and of the tables are read-only when enabled. */
	vi_write(0, GITS_BASE_GPA + GITS_CBASER, 8, 0);
	vi_write(0, GITS_BASE_GPA + GITS_CREADR, 8, 0);
	vi_write(0, GITS_BASE_GPA + GITS_BASER, 8, 0);
	vi_write(0, GITS_BASE_GPA + GITS_BASER + 8, 8, 0);
	vi_show("end");
	vi_free();
}

static void queue_at(const char *what, gpa_t base, u32 pages)
{
	vi_its_enable(0, false);
	vi_write(0, GITS_BASE_GPA + GITS_CBASER, 8, GITS_CBASER_VALID | base | (pages - 1));
	vi_its_enable(0, true);
	transcript("%s", what);
	vi_write(0, GITS_BASE_GPA + GITS_CWRITER, 8, pages * SZ_4K - 32);
	expect_done(what);
	vi_write(0, GITS_BASE_GPA + GITS_CWRITER, 8, 0);
	expect_done(what);
	vi_show("%s", what);
}

/* What cannot be read is no command. */
static void queue_nowhere(bool el2)
{
	gpa_t last = VI_SLOT_GPA + VI_SLOT_SIZE - SZ_64K;
	u8 *end;

	vi_start(1);
	vi_show("begin");
	queue_at("no memory", 0x4000000000ULL, 256);
	queue_at("a device's registers", GITS_BASE_GPA, 2);
	/* One command before the end of memory, and one behind the queue's end. */
	end = vi.memory + VI_SLOT_SIZE;
	memcpy(end - 32, mapd(5, vi_itt(0), 4, true).words, 32);
	memcpy(vi.copy + VI_SLOT_SIZE - 32, end - 32, 32);
	queue_at("memory that ends", last, 32);
	queue_at("the same, shorter", last, 15);
	vi_free();
}

#define VI_QUEUE_TESTS							\
	{ "queue_full", queue_full },					\
	{ "queue_full_by_user", queue_full_by_user },			\
	{ "queue_waits", queue_waits },					\
	{ "queue_cwriter", queue_cwriter },				\
	{ "queue_nowhere", queue_nowhere }

#endif
