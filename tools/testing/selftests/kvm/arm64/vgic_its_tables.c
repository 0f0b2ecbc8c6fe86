// SPDX-License-Identifier: GPL-2.0
/*
 * An ITS's tables, saved and restored: what is saved is what was mapped, in the layout of
 * Documentation/virt/kvm/devices/arm-vgic-its.rst; what is restored in another VM works there; and
 * tables that no ITS has written are refused, or taken for what they say, without harm.
 */
#include "vgic_its_cmds.h"
#include "vgic_its_crafted.h"
#include "vgic_its_dirty.h"

#define SAVE_PENDING_TABLES	KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES

static int save_pending(void)
{
	return __kvm_device_attr_set(vi.gic, KVM_DEV_ARM_VGIC_GRP_CTRL, SAVE_PENDING_TABLES, NULL) ?
		errno : 0;
}

/* Device 24577 and what is before it are farther apart than a DTE can say. */
#define FAR_DEVICE	24577

#define INDIRECT	(VI_FLAT(VI_DEVICES) | GITS_BASER_INDIRECT)

static void level1(u32 index, enum vi_region level2)
{
	vi_poke64(VI_DEVICES, index, 1ULL << 63 | vi_gpa(level2));
}

/* All sorts: gaps, neighbours, the first, the last, 1 bit and 16, no target, no collection. */
static void map_all_sorts(bool indirect)
{
	u32 last = indirect ? FAR_DEVICE : 8191;

	vi_its_start_with(0, indirect ? INDIRECT : VI_FLAT(VI_DEVICES), VI_FLAT(VI_COLLECTIONS));
	if (indirect) {
		level1(0, VI_LEVEL2);
		level1(3, VI_LEVEL2 + 1);
	}
	vi_quietly(0, mapc(8191, 1, true));
	vi_quietly(0, mapc(0, 2, true));
	vi_quietly(0, mapc(3, 0, true));
	vi_quietly(0, mapc(4, 0, true));
	vi_quietly(0, mapd(0, vi_gpa(VI_BIG_ITT), 16, true));
	vi_quietly(0, mapd(last, vi_itt(2), 8, true));
	vi_quietly(0, mapd(1, vi_itt(0), 1, true));
	vi_quietly(0, mapd(300, vi_itt(1), 5, true));
	vi_quietly(0, mapti(0, 65535, 65535, 0));
	vi_quietly(0, mapti(0, 0, 8192, 3));
	vi_quietly(0, mapti(0, 1, 8193, 8191));
	vi_quietly(0, mapti(0, 700, 30000, 8191));
	vi_quietly(0, mapti(1, 1, 9001, 0));
	vi_quietly(0, mapti(last, 255, 10255, 3));
	vi_quietly(0, mapti(last, 17, 10017, 77));
	vi_quietly(0, mapti(last, 18, 10018, 4));
	vi_quietly(0, mapti(last, 19, 10019, 0));
	vi_quietly(0, mapc(4, 0, false));
}

static const struct {
	u32 device, event;
} all_sorts[] = {
	{ 0, 0 }, { 0, 1 }, { 0, 700 }, { 0, 65535 }, { 1, 0 }, { 1, 1 }, { 300, 0 },
	{ 8191, 17 }, { 8191, 18 }, { 8191, 19 }, { 8191, 255 },
	{ FAR_DEVICE, 17 }, { FAR_DEVICE, 18 }, { FAR_DEVICE, 19 }, { FAR_DEVICE, 255 },
};

static void probe_all_sorts(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(all_sorts); i++)
		vi_probe(all_sorts[i].device, all_sorts[i].event);
}

/* What a VMM takes of one VM to another. */
static struct {
	u8 *memory;
	u64 ctlr, cbaser, cwriter, creadr, baser[2];
	u64 propbaser, pendbaser[VI_NR_VCPUS];
	u32 gicr_ctlr[VI_NR_VCPUS];
} taken;

static void take_vm(void)
{
	int i;

	taken.ctlr = vi_reg(0, GITS_CTLR);
	taken.cbaser = vi_reg(0, GITS_CBASER);
	taken.cwriter = vi_reg(0, GITS_CWRITER);
	taken.creadr = vi_reg(0, GITS_CREADR);
	taken.baser[0] = vi_reg(0, GITS_BASER);
	taken.baser[1] = vi_reg(0, GITS_BASER + 8);
	taken.propbaser = vi_read(0, vi_gicr(0, GICR_PROPBASER), 8);
	for (i = 0; i < VI_NR_VCPUS; i++) {
		taken.pendbaser[i] = vi_read(i, vi_gicr(i, GICR_PENDBASER), 8);
		taken.gicr_ctlr[i] = vi_read(i, vi_gicr(i, GICR_CTLR), 4);
	}
	tt_errno(-!!save_pending(), 0, "save pending tables");
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_SAVE_TABLES), 0, "save tables");
	taken.memory = malloc(VI_SLOT_SIZE);
	memcpy(taken.memory, vi.memory, VI_SLOT_SIZE);
}

static void give_gicr(int vcpu, u32 offset, u64 value)
{
	TEST_ASSERT(!vi_set_gicr(vcpu, offset, value), "GICR %x", offset);
	TEST_ASSERT(!vi_set_gicr(vcpu, offset + 4, value >> 32), "GICR %x", offset + 4);
}

static void give_redistributors(void)
{
	int i;

	for (i = 0; i < VI_NR_VCPUS; i++) {
		give_gicr(i, GICR_PROPBASER, taken.propbaser);
		give_gicr(i, GICR_PENDBASER, taken.pendbaser[i]);
		TEST_ASSERT(!vi_set_gicr(i, GICR_CTLR, taken.gicr_ctlr[i]), "GICR_CTLR");
	}
}

static void give_its(void)
{
	int err = vi_set(0, GITS_CBASER, taken.cbaser);

	err |= vi_set(0, GITS_BASER, taken.baser[0]) | vi_set(0, GITS_BASER + 8, taken.baser[1]);
	err |= vi_set(0, GITS_CREADR, taken.creadr) | vi_set(0, GITS_CWRITER, taken.cwriter);
	err |= vi_set(0, GITS_IIDR, vi_reg(0, GITS_IIDR));
	TEST_ASSERT(!err, "GITS registers");
	vi.writer[0] = taken.cwriter;
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_RESTORE_TABLES), 0, "restore tables");
	tt_errno(-!!vi_set(0, GITS_CTLR, taken.ctlr), 0, "CTLR");
}

/* The sequence of arm-vgic-its.rst, "ITS Restore Sequence". */
static void to_another_vm(void)
{
	take_vm();
	vi_free();
	vi_create(1);
	memcpy(vi.memory, taken.memory, VI_SLOT_SIZE);
	memcpy(vi.copy, taken.memory, VI_SLOT_SIZE);
	give_redistributors();
	give_its();
}

static void __migrate(bool indirect)
{
	vi_create(1);
	vi_lpis_start();
	map_all_sorts(indirect);
	vi_show("saved");
	to_another_vm();
	/* Nothing new is saved. */
	vi_show("restored");
	probe_all_sorts();
	/* There is more to come. */
	vi_do(mapti(300, 0, 11000, 0));
	vi_do(mapti(1, 0, 65535, 0));
	vi_do(discard(0, 700));
	vi_do(mapd(1, 0, 1, false));
	vi_do(movi(0, 0, 8191));
	probe_all_sorts();
	vi_free();
}

static void migrate_flat(bool el2)
{
	__migrate(false);
}

static void migrate_indirect(bool el2)
{
	__migrate(true);
}

/* Reset and restored, what is saved is the same, byte by byte. */
static void same_bytes(bool el2)
{
	u8 *saved = malloc(VI_SLOT_SIZE);
	u64 baser[2];
	int i;

	vi_create(1);
	vi_lpis_start();
	map_all_sorts(false);
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_SAVE_TABLES), 0, "save");
	memcpy(saved, vi.memory, VI_SLOT_SIZE);
	for (i = 0; i < 2; i++)
		baser[i] = vi_reg(0, GITS_BASER + 8 * i);
	for (i = 0; i < 3; i++) {
		tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_CTRL_RESET), 0, "reset");
		TEST_ASSERT(!vi_set(0, GITS_BASER, baser[0]) && !vi_set(0, GITS_BASER + 8, baser[1]),
			    "tables");
		tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_RESTORE_TABLES), 0, "restore");
		tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_SAVE_TABLES), 0, "save");
		tt_expect(!memcmp(saved, vi.memory, VI_SLOT_SIZE), "the same bytes");
	}
	vi_free();
}

/* Documentation/virt/kvm/devices/arm-vgic-its.rst, "ITS Reset State". */
static void reset(bool el2)
{
	vi_create(1);
	vi_lpis_start();
	map_all_sorts(false);
	vi_show("begin");
	vi_probe(0, 1);
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_CTRL_RESET), 0, "reset");
	tt_expect(vi_reg(0, GITS_CTLR) == GITS_CTLR_QUIESCENT, "disabled and quiescent");
	tt_expect(!(vi_reg(0, GITS_BASER) & GITS_BASER_VALID), "no device table");
	tt_expect(!(vi_reg(0, GITS_BASER + 8) & GITS_BASER_VALID), "no collection table");
	tt_expect(!vi_reg(0, GITS_CBASER) && !vi_reg(0, GITS_CREADR) && !vi_reg(0, GITS_CWRITER),
		  "no queue");
	vi.writer[0] = 0;
	vi_show("reset");
	transcript("MSI: %s", vi_signal(0, 1));
	vi_its_start(0);
	vi_probe(0, 1);
	vi_show("enabled");
	vi_free();
}

/* "There is no internally cached state": nor is there any of an LPI that is mapped no more. */
static void reset_pending(bool el2)
{
	vi_start(1);
	vi_quietly(0, mapd(0, vi_itt(0), 4, true));
	vi_quietly(0, mapc(0, 1, true));
	vi_quietly(0, mapti(0, 0, 8192, 0));
	transcript("MSI: %s", vi_signal(0, 0));
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_CTRL_RESET), 0, "reset");
	vi_expect_none();
	vi_free();
}

/* Commands that wait are done where the VM goes on. */
static void migrate_queue(bool el2)
{
	vi_start(1);
	vi_quietly(0, mapd(0, vi_itt(0), 4, true));
	vi_its_enable(0, false);
	vi_queue(0, mapc(0, 1, true));
	vi_queue(0, mapti(0, 0, 8192, 0));
	vi_kick(0);
	vi_show("waiting");
	to_another_vm();
	vi_show("restored");
	vi_its_enable(0, true);
	vi_show("enabled");
	vi_probe(0, 0);
	vi_free();
}

/* What is pending arrives after the move, once. */
static void migrate_pending(bool el2)
{
	int i;

	vi_create(1);
	vi_lpis_start();
	vi_property(8193, VI_PRIORITY);
	map_all_sorts(false);
	vi_show("begin");
	for (i = 0; i < ARRAY_SIZE(all_sorts); i += 2)
		transcript("MSI %x/%x: %s", all_sorts[i].device, all_sorts[i].event,
			   vi_signal(all_sorts[i].device, all_sorts[i].event));
	transcript("MSI, disabled: %s", vi_signal(0, 1));
	to_another_vm();
	vi_show("restored");
	vi_deliver();
	vi_show("taken");
	vi_property(8193, VI_ENABLED);
	vi_do(inv(0, 1));
	vi_expect(1, 8193);
	tt_errno(-!!save_pending(), 0, "save pending tables");
	vi_show("nothing is pending");
	vi_free();
}

/* Bits of the pending tables: those of mapped LPIs are as they are, the others stay. */
static void pending_tables(bool el2)
{
	u8 bits = 0xff;
	struct kvm_vm *vm;
	int gic;

	vm = vm_create(1);
	gic = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3);
	tt_errno(__kvm_device_attr_set(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, SAVE_PENDING_TABLES, NULL),
		 ENXIO, "not initialised");
	close(gic);
	kvm_vm_free(vm);

	vi_start(1);
	vi_quietly(0, mapd(0, vi_itt(0), 4, true));
	vi_quietly(0, mapc(0, 0, true));
	vi_quietly(0, mapc(1, 1, true));
	vi_quietly(0, mapti(0, 0, 8192, 0));
	vi_quietly(0, mapti(0, 1, 8193, 0));
	vi_quietly(0, mapti(0, 2, 8200, 1));
	vi_quietly(0, mapti(0, 3, 65535, 1));
	vi_quietly(0, mapti(0, 4, 9000, 9));
	vi_show("begin");
	transcript("MSI: %s, %s", vi_signal(0, 1), vi_signal(0, 3));
	tt_errno(-!!save_pending(), 0, "save");
	vi_show("two are pending");
	vi_poke(VI_PENDING, 8192 / 8, &bits, 1);
	vi_poke(VI_PENDING + 1, 8200 / 8, &bits, 1);
	vi_poke(VI_PENDING + 1, 9000 / 8, &bits, 1);
	tt_errno(-!!save_pending(), 0, "save");
	vi_show("all bits were set");
	vi_deliver();
	tt_errno(-!!save_pending(), 0, "save");
	vi_show("none is pending");
	/* Where there is no table: an error, if there is something to say. */
	vi_enable_lpis(1, false);
	vi_write(0, vi_gicr(1, GICR_PENDBASER), 8, 0x4000000000ULL);
	vi_enable_lpis(1, true);
	tt_errno(-!!save_pending(), EFAULT, "no pending table");
	vi_free();
}

/* What the guest unmaps does not come back (B11, B12 of what went wrong before). */
static void no_ghosts(bool el2)
{
	u64 baser[2];
	int i;

	vi_start(1);
	vi_quietly(0, mapd(0, vi_itt(0), 4, true));
	vi_quietly(0, mapd(1, vi_itt(1), 4, true));
	vi_quietly(0, mapc(0, 0, true));
	vi_quietly(0, mapti(0, 0, 8192, 0));
	vi_quietly(0, mapti(0, 1, 8193, 0));
	vi_quietly(0, mapti(1, 0, 8194, 0));
	vi_show("saved");
	vi_quietly(0, mapd(1, 0, 1, false));
	vi_quietly(0, discard(0, 1));
	for (i = 0; i < 2; i++)
		baser[i] = vi_reg(0, GITS_BASER + 8 * i);
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_CTRL_RESET), 0, "reset");
	TEST_ASSERT(!vi_set(0, GITS_BASER, baser[0]) && !vi_set(0, GITS_BASER + 8, baser[1]), "tables");
	/* They are restored from what was saved before, less what the commands have cleared. */
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_RESTORE_TABLES), 0, "restore");
	vi_its_enable(0, false);
	vi_write(0, GITS_BASE_GPA + GITS_CBASER, 8, VI_QUEUE(0));
	vi_its_enable(0, true);
	vi.writer[0] = 0;
	vi_show("restored");
	tt_expect(!strcmp(vi_signal(0, 0), "1"), "what stayed is there");
	tt_expect(!strcmp(vi_signal(0, 1), "blocked"), "the discarded event is not");
	tt_expect(!strcmp(vi_signal(1, 0), "blocked"), "the unmapped device is not");
	vi_expect(0, 8192);
	vi_free();
}

/* Another value of GITS_BASER<n> is another table, an empty one. */
static void baser_changes(bool el2)
{
	int i;

	for (i = 0; i < 2; i++) {
		gpa_t at = GITS_BASE_GPA + GITS_BASER + 8 * i;
		u64 baser;

		vi_create(1);
		vi_lpis_start();
		map_all_sorts(false);
		vi_show("begin");
		baser = vi_reg(0, GITS_BASER + 8 * i);
		vi_write(0, at, 8, baser + 1);
		vi_show("BASER%d, enabled", i);
		vi_its_enable(0, false);
		vi_write(0, at, 8, baser);
		vi_write(0, at + 4, 4, baser >> 32);
		vi_its_enable(0, true);
		vi_show("BASER%d, the same", i);
		vi_probe(0, 1);
		vi_its_enable(0, false);
		vi_write(0, at, 4, baser + 1);
		vi_show("BASER%d, another", i);
		vi_its_enable(0, true);
		vi_probe(0, 1);
		vi_its_enable(0, false);
		vi_write(0, at, 8, baser);
		vi_its_enable(0, true);
		vi_show("BASER%d, as it was", i);
		vi_free();
	}
}

/* A device whose second-level table is gone is left out (B16). */
static void device_out_of_reach(bool el2)
{
	vi_create(1);
	vi_lpis_start();
	map_all_sorts(true);
	vi_show("begin");
	vi_poke64(VI_DEVICES, 3, 0);
	vi_poke64(VI_LEVEL2, 300, 0xdead);
	vi_poke64(VI_LEVEL2 + 1, FAR_DEVICE % 8192, 0xdead);
	vi_show("the second table is gone");
	/* And may be unmapped no more, but works. */
	vi_do(mapd(FAR_DEVICE, 0, 1, false));
	vi_probe(FAR_DEVICE, 255);
	vi_poke64(VI_DEVICES, 3, 1ULL << 63 | 0x4000000000ULL);
	vi_show("the second table is nowhere");
	level1(3, VI_LEVEL2 + 1);
	vi_do(mapd(FAR_DEVICE, 0, 1, false));
	vi_free();
}

/* No memory at all. */
static void no_memory(bool el2)
{
	vi_create(1);
	vi_lpis_start();
	map_all_sorts(false);
	vm_mem_region_delete(vi.vm, VI_SLOT);
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_SAVE_TABLES), EFAULT, "save");
	tt_errno(-!!save_pending(), EFAULT, "save pending tables");
	transcript("MSI: %s", vi_signal(0, 1));
	vi_deliver();
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_RESTORE_TABLES), EFAULT, "restore");
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_CTRL_RESET), 0, "reset");
	vi_free();
}

static const struct tt_test tests[] = {
	{ "migrate_flat", migrate_flat },
	{ "migrate_indirect", migrate_indirect },
	{ "migrate_queue", migrate_queue },
	{ "migrate_pending", migrate_pending },
	{ "same_bytes", same_bytes },
	{ "reset", reset },
	{ "reset_pending", reset_pending },
	{ "pending_tables", pending_tables },
	{ "no_ghosts", no_ghosts },
	{ "baser_changes", baser_changes },
	{ "device_out_of_reach", device_out_of_reach },
	{ "no_memory", no_memory },
	VI_CRAFTED_TESTS,
	VI_DIRTY_TESTS,
};

int main(int argc, char **argv)
{
	test_disable_default_vgic();
	TEST_REQUIRE(tt_probe_gic(3));
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
