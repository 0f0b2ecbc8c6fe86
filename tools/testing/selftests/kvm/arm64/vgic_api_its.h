/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ITSs for vgic_api.c: their attributes, registers, commands, tables and MSIs at random.
 *
 * What is known to differ between kernels is left out, for vgic_its* to tell one by one: ITSs are
 * created at once, before anybody writes GICR_PROPBASER; they have something to do in a GICv3 that
 * is initialised only; tables are restored after a reset only; collections are not unmapped; and
 * LPIs are unmapped, or lost to GICR_CTLR, only where they are all disabled, so that none is on its
 * way to a vCPU.
 */
#ifndef SELFTEST_KVM_VGIC_API_ITS_H
#define SELFTEST_KVM_VGIC_API_ITS_H

#include "vgic_its_cmds.h"

#define GITS0	0x09000000ULL

/* Few of each, so that they meet; and what is none. */
#define FEW(nr, ...)	(rnd(12) ? rnd(nr) : PICK(__VA_ARGS__))

#define ANY_DEVICE	FEW(3, 8191, 8192, 0x10000, 0xffffffff)
#define ANY_EVENT	FEW(4, 15, 16, 0xffffffff)
#define ANY_ICID	FEW(3, 8191, 8192, 0xffff)
#define ANY_TARGET	FEW(2, 2, 7, 0xffffffff)
#define ANY_LPI		(FEW(12, 16383 - 8192, 65535 - 8192, -1, 65536 - 8192, 40 - 8192) + 8192)

static int any_its(struct machine *m)
{
	return rnd(m->nr_itss);
}

/* A vCPU that is run too early is the end of a VM. */
static void its_place_gic(struct machine *m)
{
	u64 dist = 0x08000000, redist = 0x080a0000;

	answer("its dist: %s", did(attr(m, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR,
					KVM_VGIC_V3_ADDR_TYPE_DIST, &dist)));
	answer("its redist: %s", did(attr(m, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR,
					  KVM_VGIC_V3_ADDR_TYPE_REDIST, &redist)));
	answer("its init: %s", did(attr(m, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL,
					KVM_DEV_ARM_VGIC_CTRL_INIT, NULL)));
}

static void its_create(struct machine *m)
{
	struct kvm_userspace_memory_region slot = {
		.slot = 0,
		.guest_phys_addr = VI_SLOT_GPA,
		.memory_size = VI_SLOT_SIZE,
	};
	int i;

	memset(&vi, 0, sizeof(vi));
	vi.memory = mmap(NULL, VI_SLOT_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	vi.copy = malloc(VI_SLOT_SIZE);
	TEST_ASSERT(vi.memory != MAP_FAILED && vi.copy, "memory");
	slot.userspace_addr = (u64)vi.memory;
	TEST_ASSERT(!ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &slot), "slot");
	for (i = 0; i < 16; i++)
		vi_property(VI_FIRST_LPI + i, rnd(64) << 2 | (m->its_enabled && rnd(4)));
	for (i = 0; i < m->nr_itss; i++) {
		struct kvm_create_device dev = { .type = KVM_DEV_TYPE_ARM_VGIC_ITS };

		answer("its: %s", did(ioctl(m->vm, KVM_CREATE_DEVICE, &dev)));
		vi.its[i] = dev.fd;
	}
	vi.nr_itss = m->nr_itss;
	if (rnd(4))
		its_place_gic(m);
}

static void its_destroy(struct machine *m)
{
	int i;

	for (i = 0; i < m->nr_itss; i++)
		close(vi.its[i]);
	munmap(vi.memory, VI_SLOT_SIZE);
	free(vi.copy);
}

static int its_attr(int its, unsigned long what, u32 group, u64 attr, void *value)
{
	struct kvm_device_attr a = {
		.group = group,
		.attr = attr,
		.addr = (u64)value,
	};

	return ioctl(vi.its[its], what, &a);
}

static void its_address(struct machine *m)
{
	int its = any_its(m);
	u64 type = PICK(4, 4, 4, 4, 4, 0, 2, 5);
	u64 value = PICK(1, 1, 1, 0x09001000, ~0ULL, 0xffffffffffff0000ULL, 1ULL << 52);
	unsigned long what = any_access();
	int ret;

	/* Each has its own place: who answers where two are is nobody's to say. */
	if (value == 1)
		value = GITS0 + its * SZ_128K;
	ret = its_attr(its, what, KVM_DEV_ARM_VGIC_GRP_ADDR, type, &value);
	answer("its addr %d %lx %lu: %s, %lx", its, what & 0xff, type, did(ret), value);
}

static u64 any_table(int its, bool devices)
{
	enum vi_region region = (devices ? VI_DEVICES : VI_COLLECTIONS) + its;
	u64 baser = (rnd(5) ? GITS_BASER_VALID : 0) | vi_gpa(region);

	if (!rnd(8))
		baser = GITS_BASER_VALID | 0x4000000000ULL;
	return baser | (rnd(6) ? 0 : GITS_BASER_INDIRECT) | (u64)rnd(4) << 10 | (u64)rnd(8) << 59;
}

static u64 any_value(int its, u64 offset)
{
	switch (offset) {
	case GITS_CTLR:
		return PICK(1, 1, 1, 0, 3);
	case GITS_BASER:
		return any_table(its, true);
	case GITS_BASER + 8:
		return any_table(its, false);
	case GITS_CBASER:
		return rnd(2) ? VI_QUEUE(its) : GITS_CBASER_VALID | vi_gpa(VI_QUEUES + its);
	case GITS_CWRITER:
	case GITS_CREADR:
		return PICK(0, 32, 64, 128, 1024, VI_QUEUE_SIZE - 32, VI_QUEUE_SIZE, ~0ULL);
	default:
		return PICK(0, ~0ULL, 1 << 12, 0x0fff);
	}
}

static bool unmaps(u64 offset)
{
	return offset == GITS_BASER || offset == GITS_BASER + 8 || offset == GITS_CREADR ||
	       offset == GITS_CBASER || offset == GITS_CWRITER;
}

static void its_register(struct machine *m)
{
	u64 offset = PICK(GITS_CTLR, GITS_CTLR, GITS_CBASER, GITS_CWRITER, GITS_CREADR, GITS_BASER,
			  GITS_BASER + 8, GITS_BASER + 16, GITS_IIDR, GITS_TYPER, GITS_PIDR2, 2, 0x10,
			  0x84, 0x10040, 1ULL << 32);
	int its = any_its(m), ret;
	u64 value = any_value(its, offset), before = value;
	unsigned long what = any_access();

	if (what == KVM_SET_DEVICE_ATTR && (!m->initialised || (m->its_enabled && unmaps(offset))))
		return;
	ret = its_attr(its, what, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offset, &value);
	answer("its reg %d %lx %lx %lx: %s, %lx", its, what & 0xff, offset, before, did(ret), value);
}

static void its_control(struct machine *m)
{
	u64 which = PICK(KVM_DEV_ARM_VGIC_CTRL_INIT, KVM_DEV_ARM_ITS_SAVE_TABLES,
			 KVM_DEV_ARM_ITS_SAVE_TABLES, KVM_DEV_ARM_ITS_CTRL_RESET, 3, 5);
	unsigned long what = any_access();
	int its = any_its(m);

	if (which == KVM_DEV_ARM_ITS_CTRL_RESET && (m->its_enabled || rnd(4)))
		return;
	answer("its ctrl %d %lx %lu: %s", its, what & 0xff, which,
	       did(its_attr(its, what, KVM_DEV_ARM_VGIC_GRP_CTRL, which, NULL)));
}

static struct vi_cmd any_command(struct machine *m)
{
	u32 device = ANY_DEVICE, event = ANY_EVENT;

	switch (rnd(m->its_enabled ? 9 : 13)) {
	case 0:
	case 1:
		return mapc(ANY_ICID, ANY_TARGET, true);
	case 2:
	case 3:
	case 4:
		return mapti(device, event, ANY_LPI, ANY_ICID);
	case 5:
		return movi(device, event, ANY_ICID);
	case 6:
		return rnd(2) ? movall(ANY_TARGET, ANY_TARGET) : invall(ANY_ICID);
	case 7:
		return rnd(2) ? inv(device, event) : clear(device, event);
	case 8:
		return interrupt(device, event);
	case 9:
	case 10:
		return mapd(device, device < 4 ? vi_itt(device) : vi_itt(5), PICK(4, 1, 8, 16, 17, 4), rnd(4));
	case 11:
		return discard(device, event);
	default:
		return mapi(device, ANY_LPI, ANY_ICID);
	}
}

static void its_put(int its, struct vi_cmd cmd)
{
	answer("%s", cmd.text);
	vi_queue(its, cmd);
}

/* Where the ITS has got to is where the next command goes. */
static void its_commands(struct machine *m)
{
	int its = any_its(m), nr = 1 + rnd(4), ret;
	u64 value = 0;

	if (!m->initialised)
		return;
	its_attr(its, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_CWRITER, &value);
	vi.writer[its] = value % VI_QUEUE_SIZE;
	while (nr--)
		its_put(its, any_command(m));
	value = vi.writer[its];
	ret = its_attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_CWRITER, &value);
	answer("its commands %d: %s", its, did(ret));
}

static void its_msi(struct machine *m)
{
	int its = any_its(m), ret;
	struct kvm_msi msi = {
		.address_lo = rnd(8) ? GITS0 + its * SZ_128K + GITS_TRANSLATER : 0x08010000,
		.devid = ANY_DEVICE,
		.data = ANY_EVENT,
		.flags = rnd(8) ? KVM_MSI_VALID_DEVID : rnd(3),
	};

	if (!m->initialised)
		return;
	ret = ioctl(m->vm, KVM_SIGNAL_MSI, &msi);
	answer("its msi %x %x/%x %x: %s, %d", msi.address_lo, msi.devid, msi.data, msi.flags, did(ret),
	       ret > 0);
}

static void its_gicr(struct machine *m, u64 cpu, u32 offset, u32 value)
{
	answer("its gicr %lx: %s", cpu, did(attr(m, KVM_SET_DEVICE_ATTR,
						 KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
						 cpu << 32 | offset, &value)));
}

static void its_lpis(struct machine *m)
{
	u64 cpu = PICK(0, 1, 2);

	if (!m->initialised)
		return;
	if (!m->its_enabled && !rnd(3)) {
		its_gicr(m, cpu, GICR_CTLR, 0);
		return;
	}
	its_gicr(m, cpu, GICR_PROPBASER, vi_gpa(VI_PROPERTIES) | PICK(15, 15, 15, 13, 0));
	its_gicr(m, cpu, GICR_PROPBASER + 4, 0);
	its_gicr(m, cpu, GICR_PENDBASER, vi_gpa(VI_PENDING + cpu));
	its_gicr(m, cpu, GICR_PENDBASER + 4, rnd(3) ? 0 : GICR_PENDBASER_PTZ >> 32);
	its_gicr(m, cpu, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
}

/* Tables, right and wrong */

/* One in so many is not as it should be. */
#define BAD	24

static u64 any_dte(void)
{
	u64 itt = rnd(BAD) ? vi_itt(rnd(4)) : 0x4000000000ULL;
	u64 next = rnd(BAD) ? PICK(0, 1, 1, 2) : PICK(8190, 16383);
	u64 bits = rnd(BAD) ? PICK(3, 3, 3, 7) : PICK(0, 15, 16, 31);

	return (u64)!!rnd(8) << 63 | next << 49 | itt >> 8 << 5 | bits;
}

static u64 any_ite(void)
{
	u64 next = rnd(BAD) ? PICK(0, 1, 1, 2) : PICK(14, 0xffff);
	u64 lpi = rnd(BAD) ? PICK(8192, 8193, 8194, 8195, 65535, 0) : PICK(8191, 40);

	return next << 48 | lpi << 16 | (rnd(BAD) ? rnd(3) : 9);
}

/* @nr is its ICID, mostly. */
static u64 any_cte(u32 nr)
{
	u64 target = rnd(BAD) ? PICK(0, 1, 0, 1, 0xffffffff) : 9;

	return (u64)!!rnd(BAD) << 63 | target << 16 | (rnd(BAD) ? nr : PICK(0, 1, 2, 8191, 8192));
}

static void its_craft(int its)
{
	int i;

	for (i = 0; i < 3; i++)
		vi_poke64(VI_DEVICES + its, i, any_dte());
	for (i = 0; i < 12; i++)
		vi_poke64(VI_ITT, i / 3 * VI_ITT_SIZE / 8 + i % 3, any_ite());
	/* Saved ones are in no order, into which to poke would be two things. */
	memset(vi_memory(VI_COLLECTIONS + its), 0, SZ_64K);
	for (i = 0; i < 3; i++)
		vi_poke64(VI_COLLECTIONS + its, i, any_cte(i));
}

static void its_set(int its, u64 offset, u64 value)
{
	int ret = its_attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offset, &value);

	answer("its set %lx: %s", offset, did(ret));
}

static void its_restore(struct machine *m)
{
	int its = any_its(m), ret;

	if (!m->initialised || m->its_enabled)
		return;
	if (rnd(2)) {
		ret = its_attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL,
			       KVM_DEV_ARM_ITS_SAVE_TABLES, NULL);
		answer("its save: %s", did(ret));
	} else {
		its_craft(its);
	}
	ret = its_attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL,
		       KVM_DEV_ARM_ITS_CTRL_RESET, NULL);
	answer("its reset: %s", did(ret));
	its_set(its, GITS_BASER, VI_FLAT(VI_DEVICES + its));
	its_set(its, GITS_BASER + 8, VI_FLAT(VI_COLLECTIONS + its));
	its_set(its, GITS_CBASER, any_value(its, GITS_CBASER));
	ret = its_attr(its, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL,
		       KVM_DEV_ARM_ITS_RESTORE_TABLES, NULL);
	answer("its restore: %s", did(ret));
	its_set(its, GITS_CTLR, 1);
}

/* As a guest's kernel begins. */
static void its_start(struct machine *m)
{
	int i;

	for (i = 0; i < 3; i++) {
		its_gicr(m, i, GICR_PROPBASER, vi_gpa(VI_PROPERTIES) | VI_ID_BITS);
		its_gicr(m, i, GICR_PENDBASER, vi_gpa(VI_PENDING + i));
		its_gicr(m, i, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	}
	for (i = 0; i < m->nr_itss; i++) {
		u64 base = GITS0 + i * SZ_128K;

		answer("its addr: %s", did(its_attr(i, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ADDR,
						    KVM_VGIC_ITS_ADDR_TYPE, &base)));
		its_set(i, GITS_BASER, VI_FLAT(VI_DEVICES + i));
		its_set(i, GITS_BASER + 8, VI_FLAT(VI_COLLECTIONS + i));
		its_set(i, GITS_CBASER, VI_QUEUE(i));
		its_set(i, GITS_CTLR, 1);
		its_put(i, mapd(0, vi_itt(i), 4, true));
		its_put(i, mapd(1, vi_itt(2 + i), 4, true));
		its_set(i, GITS_CWRITER, vi.writer[i]);
	}
}

/* All that can be read: registers, tables as they are saved, LPIs that are pending. */
static void its_read_all(struct machine *m)
{
	u64 tables = 0xcbf29ce484222325ULL, collections = 0;
	int i, ret;
	u32 at;

	for (i = 0; i < m->nr_itss; i++) {
		static const u64 offsets[] = {
			GITS_CTLR, GITS_IIDR, GITS_CBASER, GITS_CWRITER, GITS_CREADR, GITS_BASER,
			GITS_BASER + 8,
		};
		u64 value;

		for (at = 0; at < ARRAY_SIZE(offsets); at++) {
			value = 0;
			ret = its_attr(i, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offsets[at],
				       &value);
			answer("its %d %lx: %s, %lx", i, offsets[at], did(ret), value);
		}
		ret = its_attr(i, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL,
			       KVM_DEV_ARM_ITS_SAVE_TABLES, NULL);
		answer("its save: %s", did(ret));
		for (at = 0; at < SZ_64K / 8; at++) {
			u64 cte = ((u64 *)vi_memory(VI_COLLECTIONS + i))[at];

			if (!(cte >> 63))
				break;
			collections += vi_sum(0xcbf29ce484222325ULL, cte);
		}
	}
	ret = attr(m, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL,
		   KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL);
	answer("save pending: %s", did(ret));
	for (at = VI_DEVICES; at < VI_NR_REGIONS; at++) {
		u64 *words = vi_memory(at);

		if (at >= VI_COLLECTIONS && at < VI_PROPERTIES)
			continue;
		for (i = 0; i < SZ_64K / 8; i++)
			if (words[i])
				tables = vi_sum(vi_sum(tables, at << 16 | i), words[i]);
	}
	answer("its tables %lx, collections %lx", tables, collections);
}

#endif
