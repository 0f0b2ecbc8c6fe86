/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages that the ITS writes are dirty, whether a vCPU runs then or not: for vgic_its_tables.c.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_DIRTY_H
#define SELFTEST_KVM_VGIC_ITS_DIRTY_H

#include <linux/bitmap.h>

#include "vgic_its_cmds.h"

static void show_dirty(struct kvm_vm *vm, const char *by)
{
	u32 page, nr = VI_SLOT_SIZE / vm->page_size, seen = 0;
	unsigned long *dirty = bitmap_zalloc(nr);

	kvm_vm_get_dirty_log(vm, VI_SLOT, dirty);
	for (page = 0; page < nr; page++) {
		u32 at = page * vm->page_size;

		if (!test_bit(page, dirty))
			continue;
		transcript("%s: %s, %x", by, vi_region_name(at / SZ_64K), at % SZ_64K);
		seen++;
	}
	if (!seen)
		transcript("%s: none is dirty", by);
	free(dirty);
}

/* What was set up is dirty, but not what is looked at. */
static void forget_dirty(struct kvm_vm *vm)
{
	unsigned long *dirty = bitmap_zalloc(VI_SLOT_SIZE / vm->page_size);

	kvm_vm_get_dirty_log(vm, VI_SLOT, dirty);
	free(dirty);
}

static void dirty_log(bool el2)
{
	int i;

	vi_start(1);
	vm_mem_region_set_flags(vi.vm, VI_SLOT, KVM_MEM_LOG_DIRTY_PAGES);
	forget_dirty(vi.vm);
	for (i = 0; i < 3; i++) {
		vi_quietly(0, mapd(i, i < 2 ? vi_itt(i) : vi_gpa(VI_BIG_ITT), 16, true));
		vi_quietly(0, mapc(i, i, true));
		vi_quietly(0, mapti(i, 10000 * i, 8192 + i, i));
	}
	show_dirty(vi.vm, "commands");
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_SAVE_TABLES), 0, "save");
	show_dirty(vi.vm, "save");
	show_dirty(vi.vm, "nothing");
	transcript("MSI: %s", vi_signal(2, 20000));
	tt_errno(__kvm_device_attr_set(vi.gic, KVM_DEV_ARM_VGIC_GRP_CTRL,
				       KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL), 0, "save pending");
	show_dirty(vi.vm, "save pending tables");
	for (i = 0; i < 2; i++) {
		vi.user_writes = i;
		vi_quietly(0, discard(2 * i, 20000 * i));
		show_dirty(vi.vm, "DISCARD");
		vi_quietly(0, mapd(2 * i, 0, 1, false));
		show_dirty(vi.vm, "MAPD");
	}
	vi_poke64(VI_PENDING, 8192 / 64, 1);
	vi_quietly(0, mapd(0, vi_itt(0), 4, true));
	vi_quietly(0, mapti(0, 0, 8192, 0));
	show_dirty(vi.vm, "MAPTI, pending");
	vi_free();
}

static void set_base(int fd, u64 type, u64 base)
{
	kvm_device_attr_set(fd, KVM_DEV_ARM_VGIC_GRP_ADDR, type, &base);
}

/* With a dirty ring a vCPU has to run for a page to be logged; the ITS has a bitmap instead. */
static void dirty_ring(bool el2)
{
	struct kvm_vm *vm = vm_create_barebones();
	struct kvm_vcpu_init init;
	u64 *memory;
	int vcpu;

	if (!kvm_has_cap(KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP))
		tt_skip("no bitmap beside the dirty ring");
	vm_enable_cap(vm, KVM_CAP_DIRTY_LOG_RING_ACQ_REL, SZ_64K);
	vm_enable_cap(vm, KVM_CAP_DIRTY_LOG_RING_WITH_BITMAP, 0);
	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, VI_SLOT_GPA, VI_SLOT,
				    VI_SLOT_SIZE / vm->page_size, KVM_MEM_LOG_DIRTY_PAGES);
	memory = addr_gpa2hva(vm, VI_SLOT_GPA);
	vcpu = __vm_ioctl(vm, KVM_CREATE_VCPU, (void *)0);
	TEST_ASSERT(vcpu >= 0, "KVM_CREATE_VCPU");
	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
	TEST_ASSERT(!ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");

	memset(&vi, 0, sizeof(vi));
	vi.vm = vm;
	vi.memory = (u8 *)memory;
	vi.user_writes = true;
	vi.gic = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3);
	set_base(vi.gic, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_BASE_GPA);
	set_base(vi.gic, KVM_VGIC_V3_ADDR_TYPE_REDIST, GICR_BASE_GPA);
	__vgic_v3_init(vi.gic);
	vi_its_create();
	TEST_ASSERT(!vi_set_gicr(0, GICR_PROPBASER, vi_gpa(VI_PROPERTIES) | VI_ID_BITS) &&
		    !vi_set_gicr(0, GICR_PENDBASER, vi_gpa(VI_PENDING)) &&
		    !vi_set_gicr(0, GICR_CTLR, GICR_CTLR_ENABLE_LPIS), "GICR");
	TEST_ASSERT(!vi_set(0, GITS_BASER, VI_FLAT(VI_DEVICES)) &&
		    !vi_set(0, GITS_BASER + 8, VI_FLAT(VI_COLLECTIONS)) &&
		    !vi_set(0, GITS_CBASER, VI_QUEUE(0)) &&
		    !vi_set(0, GITS_CTLR, GITS_CTLR_ENABLE), "GITS");
	vi_quietly(0, mapd(1, vi_itt(1), 4, true));
	vi_quietly(0, mapc(0, 0, true));
	vi_quietly(0, mapti(1, 1, 8193, 0));
	show_dirty(vm, "commands");
	tt_errno(-!!vi_ctrl(0, KVM_DEV_ARM_ITS_SAVE_TABLES), 0, "save");
	show_dirty(vm, "save");
	transcript("MSI: %s", vi_signal(1, 1));
	tt_errno(__kvm_device_attr_set(vi.gic, KVM_DEV_ARM_VGIC_GRP_CTRL,
				       KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL), 0, "save pending");
	show_dirty(vm, "save pending tables");
	vi_quietly(0, discard(1, 1));
	show_dirty(vm, "DISCARD");
	vi_quietly(0, mapd(1, 0, 1, false));
	show_dirty(vm, "MAPD");
	close(vi.its[0]);
	close(vi.gic);
	close(vcpu);
	kvm_vm_free(vm);
}

#define VI_DIRTY_TESTS							\
	{ "dirty_log", dirty_log },					\
	{ "dirty_ring", dirty_ring }

#endif
