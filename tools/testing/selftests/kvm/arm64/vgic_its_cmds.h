/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ITS's commands as a guest writes them, right or wrong, and MSIs: see vgic_its_lib.h.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_CMDS_H
#define SELFTEST_KVM_VGIC_ITS_CMDS_H

#include "vgic_its_state.h"

/* One that no test maps. */
#define NO_DEVICE	0x77

struct vi_cmd {
	u64 words[4];
	char text[64];
};

__attribute__((format(printf, 5, 6)))
static inline struct vi_cmd vi_cmd(u64 word0, u64 word1, u64 word2, u64 word3, const char *fmt, ...)
{
	struct vi_cmd cmd = { { word0, word1, word2, word3 } };
	va_list args;

	va_start(args, fmt);
	vsnprintf(cmd.text, sizeof(cmd.text), fmt, args);
	va_end(args);
	return cmd;
}

static inline struct vi_cmd mapd(u32 device, gpa_t itt, u32 bits, bool valid)
{
	return vi_cmd(GITS_CMD_MAPD | (u64)device << 32, (bits - 1) & 0x1f,
		      itt | (u64)valid << 63, 0, "MAPD %x, %lx, %u bits, V=%d", device,
		      itt, bits, valid);
}

static inline struct vi_cmd mapc(u16 icid, u32 target, bool valid)
{
	return vi_cmd(GITS_CMD_MAPC, 0, icid | (u64)target << 16 | (u64)valid << 63, 0,
		      "MAPC %x, vCPU %u, V=%d", icid, target, valid);
}

static inline struct vi_cmd mapti(u32 device, u32 event, u32 lpi, u16 icid)
{
	return vi_cmd(GITS_CMD_MAPTI | (u64)device << 32, event | (u64)lpi << 32, icid, 0,
		      "MAPTI %x/%x, LPI %u, to %x", device, event, lpi, icid);
}

static inline struct vi_cmd mapi(u32 device, u32 event, u16 icid)
{
	return vi_cmd(GITS_CMD_MAPI | (u64)device << 32, event, icid, 0, "MAPI %x/%x, to %x", device,
		      event, icid);
}

static inline struct vi_cmd movi(u32 device, u32 event, u16 icid)
{
	return vi_cmd(GITS_CMD_MOVI | (u64)device << 32, event, icid, 0, "MOVI %x/%x, to %x", device,
		      event, icid);
}

static inline struct vi_cmd movall(u32 from, u32 to)
{
	return vi_cmd(GITS_CMD_MOVALL, 0, (u64)from << 16, (u64)to << 16,
		      "MOVALL vCPU %u, vCPU %u", from, to);
}

static inline struct vi_cmd invall(u16 icid)
{
	return vi_cmd(GITS_CMD_INVALL, 0, icid, 0, "INVALL %x", icid);
}

#define VI_EVENT_CMD(name, NAME)						\
static inline struct vi_cmd name(u32 device, u32 event)				\
{										\
	return vi_cmd(GITS_CMD_##NAME | (u64)device << 32, event, 0, 0,		\
		      #NAME " %x/%x", device, event);				\
}

VI_EVENT_CMD(discard, DISCARD)
VI_EVENT_CMD(clear, CLEAR)
VI_EVENT_CMD(inv, INV)
/* "int" is taken. */
VI_EVENT_CMD(interrupt, INT)

/* Into the queue, without telling the ITS. */
static inline void vi_queue(int its, struct vi_cmd cmd)
{
	memcpy(vi_memory(VI_QUEUES + its) + vi.writer[its], cmd.words, sizeof(cmd.words));
	vi.writer[its] = (vi.writer[its] + sizeof(cmd.words)) % VI_QUEUE_SIZE;
}

static inline void vi_kick(int its)
{
	if (vi.user_writes)
		TEST_ASSERT(!vi_set(its, GITS_CWRITER, vi.writer[its]), "GITS_CWRITER");
	else
		vi_write(0, vi_its_gpa(its) + GITS_CWRITER, 8, vi.writer[its]);
}

/* Without a word: what is known to work, or is looked at later. */
static inline void vi_quietly(int its, struct vi_cmd cmd)
{
	vi_queue(its, cmd);
	vi_kick(its);
}

static inline void vi_do_on(int its, struct vi_cmd cmd)
{
	vi_quietly(its, cmd);
	vi_show("%s%s", its ? "ITS 1: " : "", cmd.text);
}

static inline void vi_do(struct vi_cmd cmd)
{
	vi_do_on(0, cmd);
}

/* MSIs */

/* What KVM_SIGNAL_MSI says: 1 if delivered, 0 if blocked. */
static inline const char *vi_signal_at(gpa_t doorbell, u32 device, u32 event, u32 flags)
{
	struct kvm_msi msi = {
		.address_lo = doorbell,
		.address_hi = doorbell >> 32,
		.data = event,
		.devid = device,
		.flags = flags,
	};
	int ret = __vm_ioctl(vi.vm, KVM_SIGNAL_MSI, &msi);

	return ret < 0 ? tt_errno_name(errno) : ret > 1 ? "more than 1" : ret ? "1" : "blocked";
}

static inline const char *vi_signal_on(int its, u32 device, u32 event)
{
	return vi_signal_at(vi_its_gpa(its) + GITS_TRANSLATER, device, event, KVM_MSI_VALID_DEVID);
}

static inline const char *vi_signal(u32 device, u32 event)
{
	return vi_signal_on(0, device, event);
}

/* What the guest takes, until there is nothing more. */
struct vi_taken {
	int nr;
	u32 intid[VI_LOG_SIZE];
};

static inline void vi_take(int vcpu, struct vi_taken *taken)
{
	struct vi_request *r;
	u32 i;

	taken->nr = 0;
	do {
		r = vi_ask(vcpu, VI_TAKE);
		TEST_ASSERT(taken->nr + r->nr <= VI_LOG_SIZE, "interrupts without end");
		for (i = 0; i < r->nr; i++)
			taken->intid[taken->nr++] = r->taken[i];
	} while (r->nr);
}

static inline int vi_compare_u32(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return (x > y) - (x < y);
}

/* Which comes first of those of one priority is for each implementation to say: sorted. */
static inline const char *vi_taken_text(struct vi_taken *taken, bool sorted)
{
	static char text[VI_LOG_SIZE * 12];
	int i, len = 0;

	if (sorted)
		qsort(taken->intid, taken->nr, sizeof(u32), vi_compare_u32);
	text[0] = 0;
	for (i = 0; i < taken->nr; i++)
		len += snprintf(text + len, sizeof(text) - len, " %u", taken->intid[i]);
	return text;
}

/*
 * Each vCPU runs, but takes nothing: an LPI that was moved is where it shall be after that. C leaves
 * it to the vCPU that had it to pass it on.
 */
static inline void vi_settle(void)
{
	int i;

	for (i = 0; i < VI_NR_VCPUS; i++)
		vi_ask(i, VI_ACCESS);
}

/* All vCPUs. Returns the number of interrupts taken. */
static inline int vi_deliver(void)
{
	struct vi_taken taken;
	int i, nr = 0;

	for (i = 0; i < VI_NR_VCPUS; i++) {
		vi_take(i, &taken);
		if (taken.nr)
			transcript("  vCPU %d takes%s", i, vi_taken_text(&taken, true));
		nr += taken.nr;
	}
	if (!nr)
		transcript("  nothing is taken");
	return nr;
}

/* One interrupt, and only that, on that vCPU. */
static inline void vi_expect(int vcpu, u32 intid)
{
	struct vi_taken taken;
	int i;

	for (i = 0; i < VI_NR_VCPUS; i++) {
		vi_take(i, &taken);
		if (i == vcpu)
			tt_expect(taken.nr == 1 && taken.intid[0] == intid,
				  "  vCPU %d takes%s", i, vi_taken_text(&taken, true));
		else
			tt_check(!taken.nr, "  vCPU %d takes%s", i, vi_taken_text(&taken, true));
	}
}

/* None on any. */
static inline void vi_expect_none(void)
{
	tt_expect(!vi_deliver(), "  no interrupt");
}

static inline void vi_probe_on(int its, u32 device, u32 event)
{
	transcript("MSI %s%x/%x: %s", its ? "to ITS 1 " : "", device, event,
		   vi_signal_on(its, device, event));
	vi_deliver();
}

static inline void vi_probe(u32 device, u32 event)
{
	vi_probe_on(0, device, event);
}

#endif
