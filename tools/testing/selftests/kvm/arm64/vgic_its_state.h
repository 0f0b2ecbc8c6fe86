/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that can be seen of the ITSs of a VM, and what has changed of it: registers, what the ITS
 * wrote to the guest's tables by itself, what it saves there when told to, and KVM's own account
 * in debugfs. See vgic_its_lib.h.
 *
 * What has no defined order is sorted: collections in their table, devices and events in debugfs.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_STATE_H
#define SELFTEST_KVM_VGIC_ITS_STATE_H

#include "vgic_its_lib.h"

#define VI_MAX_LINES	1024
#define VI_LINE_SIZE	96
/* More words than this in a region have a checksum. */
#define VI_MAX_WORDS	12

struct vi_lines {
	int nr;
	char text[VI_MAX_LINES][VI_LINE_SIZE];
};

static struct vi_lines *vi_now, *vi_before;
/* Tables are saved to see what is in them, if nothing depends on it. */
static bool vi_no_save;
/* KVM takes long to print many LPIs. */
static bool vi_show_lpis = true;
static bool vi_show_registers = true;

__attribute__((format(printf, 1, 2)))
static inline void vi_line(const char *fmt, ...)
{
	va_list args;

	TEST_ASSERT(vi_now->nr < VI_MAX_LINES, "too many lines");
	va_start(args, fmt);
	vsnprintf(vi_now->text[vi_now->nr++], VI_LINE_SIZE, fmt, args);
	va_end(args);
}

static inline u64 vi_sum(u64 sum, u64 word)
{
	int i;

	for (i = 0; i < 64; i += 8)
		sum = (sum ^ (word >> i & 0xff)) * 0x100000001b3ULL;
	return sum;
}

/* Memory */

static inline const char *vi_region_name(int region)
{
	static char name[24];

	if (region < VI_DEVICES)
		snprintf(name, sizeof(name), "queue %d", region - VI_QUEUES);
	else if (region < VI_COLLECTIONS)
		snprintf(name, sizeof(name), "devices %d", region - VI_DEVICES);
	else if (region < VI_PROPERTIES)
		snprintf(name, sizeof(name), "collections %d", region - VI_COLLECTIONS);
	else if (region == VI_PROPERTIES)
		snprintf(name, sizeof(name), "properties");
	else if (region < VI_ITT)
		snprintf(name, sizeof(name), "pending %d", region - VI_PENDING);
	else if (region == VI_ITT)
		snprintf(name, sizeof(name), "itt");
	else if (region < VI_SPARE)
		snprintf(name, sizeof(name), "level 2 %d", region - VI_LEVEL2);
	else if (region == VI_SPARE)
		snprintf(name, sizeof(name), "spare");
	else
		snprintf(name, sizeof(name), "big itt %d", region - VI_BIG_ITT);
	return name;
}

/* A region's words that are not what they were. Returns whether there are any. */
static inline bool vi_region_changes(const char *by, int region)
{
	u64 *now = vi_memory(region), *then = (u64 *)(vi.copy + region * SZ_64K);
	u64 sum = 0xcbf29ce484222325ULL;
	int i, nr = 0;

	if (!memcmp(now, then, SZ_64K))
		return false;
	for (i = 0; i < SZ_64K / 8; i++)
		nr += now[i] != then[i];
	for (i = 0; i < SZ_64K / 8; i++) {
		if (now[i] == then[i])
			continue;
		if (nr <= VI_MAX_WORDS)
			transcript("  %s %s[%x]: %lx is %lx", by, vi_region_name(region), i,
				   then[i], now[i]);
		sum = vi_sum(vi_sum(sum, i), now[i]);
	}
	if (nr > VI_MAX_WORDS)
		transcript("  %s %s: %d words, sum %016lx", by, vi_region_name(region), nr,
			   sum);
	memcpy(then, now, SZ_64K);
	return true;
}

/* The queue is the guest's; collections are shown in vi_collections(). */
static inline bool vi_memory_changes(const char *by, bool collections)
{
	bool any = false;
	int i;

	for (i = VI_DEVICES; i < VI_NR_REGIONS; i++) {
		if (!collections && i >= VI_COLLECTIONS && i < VI_PROPERTIES)
			memcpy(vi.copy + i * SZ_64K, vi_memory(i), SZ_64K);
		else
			any |= vi_region_changes(by, i);
	}
	return any;
}

/* What is saved, up to the first that is not valid. */
static inline void vi_collections(int its)
{
	u64 baser = vi_reg(its, GITS_BASER + 8);
	gpa_t base = GITS_BASER_ADDR_48_to_52(baser);
	u32 i, nr = GITS_BASER_NR_PAGES(baser) * SZ_64K / 8;
	u64 *table;

	if (!(baser & GITS_BASER_VALID) || base < VI_SLOT_GPA ||
	    base + nr * 8 > VI_SLOT_GPA + VI_SLOT_SIZE)
		return;
	table = (u64 *)(vi.memory + (base - VI_SLOT_GPA));
	for (i = 0; i < nr && table[i] >> 63; i++)
		if (i < VI_MAX_LINES / 4)
			vi_line("collection of ITS %d: %016lx", its, table[i]);
	vi_line("collections of ITS %d: %d", its, i);
}

static inline void vi_save(int its)
{
	int err = vi_ctrl(its, KVM_DEV_ARM_ITS_SAVE_TABLES);

	if (err)
		vi_line("tables of ITS %d are not saved: %s", its, tt_errno_name(err));
	else
		vi_collections(its);
}

/* Registers */

static inline void vi_registers(int its)
{
	static const struct {
		const char *name;
		u32 offset;
	} regs[] = {
		{ "CTLR", GITS_CTLR }, { "CBASER", GITS_CBASER }, { "CWRITER", GITS_CWRITER },
		{ "CREADR", GITS_CREADR }, { "BASER0", GITS_BASER }, { "BASER1", GITS_BASER + 8 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(regs); i++) {
		u64 value;
		int err = vi_get(its, regs[i].offset, &value);

		/* Of commands that have gone through there is nothing to say. */
		if (!err && (regs[i].offset == GITS_CWRITER || regs[i].offset == GITS_CREADR) &&
		    value == vi.writer[its])
			continue;
		if (err)
			vi_line("GITS%d_%s: %s", its, regs[i].name, tt_errno_name(err));
		else
			vi_line("GITS%d_%s: %lx", its, regs[i].name, value);
	}
}

/* debugfs */

static inline FILE *vi_debugfs(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/kvm/%d-%d/%s", getpid(), vi.vm->fd, name);
	return fopen(path, "r");
}

/* A line without its newline and the blanks around. */
static inline char *vi_trim(char *line)
{
	char *end = line + strlen(line);

	while (end > line && strchr(" \t\n", end[-1]))
		*--end = 0;
	return line + strspn(line, " \t");
}

/* Not the last column: on which vCPU's list it is, which may lag behind what is so. */
static inline void vi_debugfs_lpi(char *line)
{
	*strrchr(line, ' ') = 0;
	vi_line("%s", vi_trim(line));
}

static inline void vi_debugfs_lpis(void)
{
	FILE *f = vi_debugfs("vgic-state");
	char buf[160], *line;

	TEST_ASSERT(f, "no vgic-state in debugfs");
	while (fgets(buf, sizeof(buf), f)) {
		line = vi_trim(buf);
		if (!strncmp(line, "LPI ", 4))
			vi_debugfs_lpi(line);
		else if (!strncmp(line, "nr_lpis", 7))
			vi_line("%s", line);
	}
	fclose(f);
}

static inline void vi_debugfs_its(int its)
{
	char buf[160], name[48], device[64] = "", *line;
	FILE *f;

	snprintf(name, sizeof(name), "vgic-its-state@%lx", vi_its_gpa(its));
	f = vi_debugfs(name);
	TEST_ASSERT(f, "no %s in debugfs", name);
	while (fgets(buf, sizeof(buf), f)) {
		line = vi_trim(buf);
		if (!strncmp(line, "Device ID", 9)) {
			snprintf(device, sizeof(device), "%s", line);
			vi_line("ITS %d: %s", its, line);
		} else if (*line >= '0' && *line <= '9') {
			device[strcspn(device, ",")] = 0;
			vi_line("ITS %d: %s: %s", its, device, line);
		}
	}
	fclose(f);
}

/* All together */

static inline int vi_compare_lines(const void *a, const void *b)
{
	return strcmp(a, b);
}

static inline bool vi_line_changes(void)
{
	int i = 0, j = 0;
	bool any = false;

	while (i < vi_before->nr || j < vi_now->nr) {
		int order = i == vi_before->nr ? 1 : j == vi_now->nr ? -1 :
			    strcmp(vi_before->text[i], vi_now->text[j]);

		if (order < 0)
			transcript("  - %s", vi_before->text[i]);
		if (order > 0)
			transcript("  + %s", vi_now->text[j]);
		any |= order;
		i += order <= 0;
		j += order >= 0;
	}
	return any;
}

static inline void vi_collect(void)
{
	int i;

	vi_now->nr = 0;
	if (vi_show_lpis)
		vi_debugfs_lpis();
	for (i = 0; i < vi.nr_itss; i++) {
		if (vi_show_registers)
			vi_registers(i);
		if (vi_show_lpis)
			vi_debugfs_its(i);
		if (!vi_no_save)
			vi_save(i);
	}
	qsort(vi_now->text, vi_now->nr, VI_LINE_SIZE, vi_compare_lines);
}

static inline bool vi_changes(void)
{
	struct vi_lines *old = vi_before;
	bool any = vi_memory_changes("written:", true);

	if (!vi_now) {
		vi_now = calloc(1, sizeof(*vi_now));
		old = vi_before = calloc(1, sizeof(*vi_before));
	}
	if (!vi.looked_at)
		vi_before->nr = 0;
	vi.looked_at = true;
	vi_collect();
	any |= vi_memory_changes("saved:", false);
	any |= vi_line_changes();
	vi_before = vi_now;
	vi_now = old;
	return any;
}

/* What has changed since this was called last. */
__attribute__((format(printf, 1, 2)))
static inline void vi_show(const char *fmt, ...)
{
	char what[160];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	transcript("%s", what);
	if (!vi_changes())
		transcript("  nothing changes");
}

#endif
