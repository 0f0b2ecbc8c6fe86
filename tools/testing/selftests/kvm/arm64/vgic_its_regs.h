/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every place of an ITS's frame, and the registers of LPIs in the redistributors: what they read
 * as, what is left of what is written, and what else that has changed. For vgic_its.c.
 *
 * There is little to expect here but that a kernel answers at all: the transcripts of two kernels
 * are to be equal.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_REGS_H
#define SELFTEST_KVM_VGIC_ITS_REGS_H

#include "vgic_its_cmds.h"

#define MAX_PLACES	64

static struct {
	u32 offset;
	u64 value;
} places[MAX_PLACES];
static int nr_places;

static int has_register(u64 offset)
{
	return __kvm_has_device_attr(vi.its[0], KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offset) ? errno : 0;
}

/* Where there is something, and what it holds at first. */
static void find_register(u32 offset, bool tell)
{
	/* By alignment: what is none is answered for each alike. */
	static int last_has[8] = { -1, -1, -1, -1, -1, -1, -1, -1 }, last_get[8];
	int has = has_register(offset), get, i = offset % 8;
	u64 value;

	get = vi_get(0, offset, &value);
	if (tell && (has != last_has[i] || get != last_get[i]))
		transcript("%05x: has %s, get %s", offset, tt_errno_name(has), tt_errno_name(get));
	last_has[i] = has;
	last_get[i] = get;
	if (get)
		return;
	if (tell && value)
		transcript("%05x: holds %lx", offset, value);
	TEST_ASSERT(nr_places < MAX_PLACES, "too many registers");
	places[nr_places].offset = offset;
	places[nr_places++].value = value;
}

static void find_registers(bool tell)
{
	u32 offset;

	nr_places = 0;
	for (offset = 0; offset < 0x200; offset++)
		find_register(offset, tell);
	for (; offset < 0xff00; offset += 4)
		find_register(offset, tell);
	for (; offset < 0x10100; offset++)
		find_register(offset, tell);
	for (; offset < 0x30000; offset += 0x1000)
		find_register(offset, tell);
}

static void show_register_changes(const char *by)
{
	int i;

	for (i = 0; i < nr_places; i++) {
		u64 value;
		int err = vi_get(0, places[i].offset, &value);

		if (err || value != places[i].value)
			transcript("%s: %05x: %lx is %lx%s%s", by, places[i].offset,
				   places[i].value, value,
				   err ? " " : "", err ? tt_errno_name(err) : "");
		places[i].value = value;
	}
}

static void write_registers(u64 pattern)
{
	char by[64];
	int i;

	for (i = 0; i < nr_places; i++) {
		int err = vi_set(0, places[i].offset, pattern);

		snprintf(by, sizeof(by), "%05x = %lx: %s", places[i].offset, pattern,
			 tt_errno_name(err));
		if (err)
			transcript("%s", by);
		show_register_changes(by);
	}
}

/* Fields that an ITS has its own mind about. */
static void write_bits(u32 offset)
{
	char by[64];
	int bit;

	for (bit = 0; bit < 64; bit++) {
		snprintf(by, sizeof(by), "%05x = 1 << %d: %s", offset, bit,
			 tt_errno_name(vi_set(0, offset, 1ULL << bit)));
		show_register_changes(by);
	}
}

static void registers_user(bool el2)
{
	static const u64 patterns[] = { ~0ULL, 0xa5a5a5a5a5a5a5a5ULL, 0x00000000ffffffffULL, 0 };
	int i;

	vi_create(1);
	find_registers(true);
	for (i = 0; i < ARRAY_SIZE(patterns); i++)
		write_registers(patterns[i]);
	write_bits(GITS_CBASER);
	write_bits(GITS_CWRITER);
	write_bits(GITS_CREADR);
	write_bits(GITS_BASER);
	write_bits(GITS_BASER + 8);
	tt_check(!vi_set(0, GITS_CBASER, 0) && !vi_set(0, GITS_CWRITER, 0), "registers");
	vi_lpis_start();
	vi_its_start(0);
	show_register_changes("enabled");
	for (i = 0; i < ARRAY_SIZE(patterns); i++)
		write_registers(patterns[i] | GITS_CTLR_ENABLE);
	vi_show("what is left");
	vi_free();
}

/* The guest */

static const struct {
	u32 first, last;
} guest_ranges[] = {
	{ 0x0000, 0x001f }, { 0x007c, 0x009f }, { 0x00fc, 0x0147 }, { 0xffc8, 0xffff },
	{ 0x1003c, 0x1004f },
};

static void guest_reads(void)
{
	u32 offset, width;
	int i;

	for (i = 0; i < ARRAY_SIZE(guest_ranges); i++)
	for (offset = guest_ranges[i].first; offset <= guest_ranges[i].last; offset++)
	for (width = 1; width <= 8; width *= 2) {
		u64 value;

		if (offset & (width - 1))
			continue;
		value = vi_read(0, GITS_BASE_GPA + offset, width);
		if (value)
			transcript("guest %05x/%u: %lx", offset, width, value);
	}
}

static void guest_writes(u64 pattern)
{
	u32 offset, width;
	char by[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(guest_ranges); i++)
	for (offset = guest_ranges[i].first; offset <= guest_ranges[i].last; offset++)
	for (width = 1; width <= 8; width *= 2) {
		if (offset & (width - 1))
			continue;
		vi_write(0, GITS_BASE_GPA + offset, width, pattern);
		snprintf(by, sizeof(by), "guest %05x/%u = %lx", offset, width,
			 pattern);
		show_register_changes(by);
	}
}

static void guest_unaligned(void)
{
	static const struct {
		u32 offset, width;
	} accesses[] = {
		{ 2, 4 }, { 6, 4 }, { 4, 8 }, { 0xa, 2 }, { 0x9, 2 }, { 0x82, 4 }, { 0x84, 8 },
		{ 0x8c, 8 }, { 0x104, 8 }, { 0x106, 4 }, { 0x13c, 8 }, { 0xffd2, 4 }, { 0xffe4, 8 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(accesses); i++) {
		gpa_t at = GITS_BASE_GPA + accesses[i].offset;

		transcript("guest, not aligned, %05x/%u: %lx", accesses[i].offset, accesses[i].width,
			   vi_read(0, at, accesses[i].width));
		vi_write(0, at, accesses[i].width, ~0ULL);
		show_register_changes("not aligned");
	}
}

static void registers_guest(bool el2)
{
	alarm(4 * TT_WATCHDOG_SEC);
	vi_create(1);
	find_registers(false);
	guest_reads();
	guest_writes(~0ULL);
	guest_writes(0x5a5a5a5a5a5a5a5aULL);
	guest_writes(0);
	guest_unaligned();
	vi_lpis_start();
	vi_its_start(0);
	show_register_changes("enabled");
	guest_writes(~0ULL);
	guest_writes(0);
	vi_show("what is left");
	vi_free();
}

/* Redistributors */

static const struct {
	const char *name;
	u32 offset;
} gicr[] = {
	{ "PROPBASER", GICR_PROPBASER }, { "PENDBASER", GICR_PENDBASER },
	{ "INVLPIR", GICR_INVLPIR }, { "INVALLR", GICR_INVALLR },
};

static void show_gicr(const char *by)
{
	static u64 last[VI_NR_VCPUS][ARRAY_SIZE(gicr) + 2];
	int vcpu, i;

	for (vcpu = 0; vcpu < VI_NR_VCPUS; vcpu++) {
		for (i = 0; i < ARRAY_SIZE(gicr) + 2; i++) {
			static const u32 narrow[] = { GICR_CTLR, GICR_SYNCR };
			bool wide = i < ARRAY_SIZE(gicr);
			u32 offset = wide ? gicr[i].offset : narrow[i - ARRAY_SIZE(gicr)];
			u64 value = vi_read(0, vi_gicr(vcpu, offset), wide ? 8 : 4);

			if (value != last[vcpu][i])
				transcript("%s: vCPU %d: %03x: %lx is %lx", by, vcpu, offset,
					   last[vcpu][i], value);
			last[vcpu][i] = value;
		}
	}
}

static void write_gicr(const char *when, u64 pattern)
{
	char by[64];
	u32 half;
	int i;

	for (i = 0; i < ARRAY_SIZE(gicr); i++) {
		snprintf(by, sizeof(by), "%s, guest %s = %lx", when, gicr[i].name,
			 pattern);
		vi_write(1, vi_gicr(1, gicr[i].offset), 8, pattern);
		show_gicr(by);
		for (half = 0; half <= 4; half += 4) {
			snprintf(by, sizeof(by), "%s, guest %s+%u = %x", when, gicr[i].name, half,
				 (u32)~pattern);
			vi_write(1, vi_gicr(0, gicr[i].offset + half), 4, ~pattern);
			show_gicr(by);
			snprintf(by, sizeof(by), "%s, user %s+%u = %x: %s", when, gicr[i].name, half,
				 (u32)pattern,
				 tt_errno_name(vi_set_gicr(2, gicr[i].offset + half, pattern)));
			show_gicr(by);
		}
	}
}

static void redistributor(bool el2)
{
	static const u64 patterns[] = {
		~0ULL, 0x5a5a5a5a5a5a5a5aULL, 0, 1ULL << 62 | 0x780, 0x0700000010000c9fULL,
	};
	int i;

	alarm(4 * TT_WATCHDOG_SEC);
	vi_create(0);
	show_gicr("without ITS");
	vi_enable_lpis(0, true);
	show_gicr("without ITS, LPIs enabled");
	vi_its_create();
	show_gicr("with an ITS");
	for (i = 0; i < ARRAY_SIZE(patterns); i++)
		write_gicr("disabled", patterns[i]);
	vi_lpis_start();
	show_gicr("enabled");
	for (i = 0; i < ARRAY_SIZE(patterns); i++)
		write_gicr("enabled", patterns[i]);
	for (i = 0; i < 4; i++) {
		vi_write(0, vi_gicr(1, GICR_CTLR), 4, i);
		show_gicr("CTLR counts up");
	}
	vi_write(0, vi_gicr(1, GICR_CTLR), 4, ~1U);
	show_gicr("CTLR, all but LPIs");
	vi_write(0, vi_gicr(1, GICR_CTLR), 1, 1);
	show_gicr("CTLR, a byte");
	transcript("user CTLR: %s", tt_errno_name(vi_set_gicr(2, GICR_CTLR, 0)));
	show_gicr("user CTLR = 0");
	transcript("user CTLR: %s", tt_errno_name(vi_set_gicr(2, GICR_CTLR, 1)));
	show_gicr("user CTLR = 1");
	vi_free();
}

#endif
