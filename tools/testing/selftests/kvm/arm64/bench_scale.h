/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM with an ITS of any size, for bench_scale.c: all is set up by attributes and by commands that
 * user space has executed, no vCPU runs.
 *
 * LPI n is event n % SCALE_EVENTS of device n / SCALE_EVENTS, in collection 0 of vCPU 0.
 */
#ifndef SELFTEST_KVM_BENCH_SCALE_H
#define SELFTEST_KVM_BENCH_SCALE_H

#include "bench_its.h"

#define SCALE_MAX_VCPUS		64
#define SCALE_EVENT_BITS	8
#define SCALE_EVENTS		(1 << SCALE_EVENT_BITS)
/* A device's table of events. The last one, of the extra device, is larger. */
#define SCALE_ITT_SIZE		(SCALE_EVENTS * 8)
/* A device that has events while measuring, besides those that are as many as they shall be. */
#define SCALE_EXTRA		1023
#define SCALE_EXTRA_BITS	14
#define SCALE_EXTRA_LPI		60000
#define SCALE_GPA		0x10000000ULL

enum scale_table {
	SCALE_QUEUE,
	SCALE_DEVICES,
	SCALE_COLLECTIONS,
	SCALE_PROPERTIES,
	SCALE_PENDING,
	SCALE_ITTS = SCALE_PENDING + SCALE_MAX_VCPUS,
	/* And two more tables for the extra device's. */
	SCALE_NR_TABLES = SCALE_ITTS + SCALE_EXTRA * SCALE_ITT_SIZE / ITS_TABLE_SIZE + 3,
};

static struct scale {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpus[SCALE_MAX_VCPUS];
	int gic, its;
	u32 nr_vcpus;
	/* In the way of KVM's attributes: in the upper half. */
	u64 affinity[SCALE_MAX_VCPUS];
	u64 writer;
	void *queue;
} scale;

static inline gpa_t scale_gpa(enum scale_table table)
{
	return SCALE_GPA + table * ITS_TABLE_SIZE;
}

static inline void scale_set_gits(u64 offset, u64 value)
{
	kvm_device_attr_set(scale.its, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offset, &value);
}

static inline void scale_set_gicr(int vcpu, u64 offset, u32 value)
{
	kvm_device_attr_set(scale.gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
			    scale.affinity[vcpu] | offset, &value);
}

/* Commands */

static inline void scale_submit(void)
{
	scale_set_gits(GITS_CWRITER, scale.writer);
}

static inline void scale_put(u64 word0, u64 word1, u64 word2, u64 word3)
{
	u64 command[] = { word0, word1, word2, word3 };

	memcpy(scale.queue + scale.writer, command, sizeof(command));
	scale.writer = (scale.writer + sizeof(command)) % ITS_TABLE_SIZE;
	/* A queue is full with one less than there is room for. */
	if (!(scale.writer % (ITS_TABLE_SIZE / 2)))
		scale_submit();
}

static inline gpa_t scale_itt(u32 device)
{
	return scale_gpa(SCALE_ITTS) + device * SCALE_ITT_SIZE;
}

static inline void scale_mapd(u32 device, bool valid)
{
	u32 bits = device == SCALE_EXTRA ? SCALE_EXTRA_BITS : SCALE_EVENT_BITS;

	scale_put(GITS_CMD_MAPD | (u64)device << 32, bits - 1,
		  scale_itt(device) | (u64)valid << 63, 0);
}

static inline void scale_mapti(u32 device, u32 event, u32 lpi)
{
	scale_put(GITS_CMD_MAPTI | (u64)device << 32, event | (u64)lpi << 32, 0, 0);
}

static inline void scale_event(u32 command, u32 device, u32 event)
{
	scale_put(command | (u64)device << 32, event, 0, 0);
}

static inline void scale_movall(u32 from, u32 to)
{
	scale_put(GITS_CMD_MOVALL, 0, (u64)from << 16, (u64)to << 16);
}

static inline void scale_signal(u32 device, u32 event)
{
	its_signal_msi(scale.vm, device, event);
}

/* Set-up */

static inline void scale_guest(void)
{
}

static inline void scale_enable_lpis(void)
{
	u64 propbaser = scale_gpa(SCALE_PROPERTIES) | 15, pendbaser;
	u32 i;

	for (i = 0; i < scale.nr_vcpus; i++) {
		pendbaser = scale_gpa(SCALE_PENDING + i);
		scale_set_gicr(i, GICR_PROPBASER, propbaser);
		scale_set_gicr(i, GICR_PROPBASER + 4, propbaser >> 32);
		scale_set_gicr(i, GICR_PENDBASER, pendbaser);
		scale_set_gicr(i, GICR_PENDBASER + 4, pendbaser >> 32);
		scale_set_gicr(i, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	}
}

static inline void scale_start_its(void)
{
	scale_set_gits(GITS_BASER, GITS_BASER_VALID | scale_gpa(SCALE_DEVICES));
	scale_set_gits(GITS_BASER + 8, GITS_BASER_VALID | scale_gpa(SCALE_COLLECTIONS));
	scale_set_gits(GITS_CBASER, GITS_CBASER_VALID | scale_gpa(SCALE_QUEUE) |
		       (ITS_TABLE_SIZE / SZ_4K - 1));
	scale_set_gits(GITS_CTLR, GITS_CTLR_ENABLE);
}

static inline void scale_create_vm(u32 nr_vcpus)
{
	u32 i;

	memset(&scale, 0, sizeof(scale));
	scale.nr_vcpus = nr_vcpus;
	scale.vm = vm_create(nr_vcpus);
	tt_gic = 3;
	tt_gic_create(scale.vm, 3, nr_vcpus);
	scale.gic = scale.vm->arch.gic_fd;
	for (i = 0; i < nr_vcpus; i++) {
		scale.vcpus[i] = aarch64_vcpu_add(scale.vm, i, NULL, scale_guest);
		scale.affinity[i] = vcpu_get_reg(scale.vcpus[i], KVM_ARM64_SYS_REG(SYS_MPIDR_EL1));
		scale.affinity[i] = (scale.affinity[i] & 0xffffff) << 32;
	}
	kvm_device_attr_set(scale.gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	scale.its = vgic_its_setup(scale.vm);
	vm_userspace_mem_region_add(scale.vm, VM_MEM_SRC_ANONYMOUS, SCALE_GPA, ITS_SLOT,
				    SCALE_NR_TABLES * ITS_TABLE_SIZE / scale.vm->page_size, 0);
	scale.queue = addr_gpa2hva(scale.vm, scale_gpa(SCALE_QUEUE));
	memset(addr_gpa2hva(scale.vm, scale_gpa(SCALE_PROPERTIES)),
	       ITS_PRIORITY | LPI_PROP_GROUP1 | LPI_PROP_ENABLED, ITS_TABLE_SIZE);
}

/* @nr_devices: besides those that LPIs need. */
static inline void scale_create(u32 nr_vcpus, u32 nr_lpis, u32 nr_devices)
{
	u32 i;

	scale_create_vm(nr_vcpus);
	scale_enable_lpis();
	scale_start_its();
	for (i = 0; i < nr_vcpus; i++)
		scale_put(GITS_CMD_MAPC, 0, i | (u64)i << 16 | 1ULL << 63, 0);
	for (i = 0; i < max(nr_devices, DIV_ROUND_UP(nr_lpis, SCALE_EVENTS)); i++)
		scale_mapd(i, true);
	/* The last one: KVM may look it up in a list. */
	scale_mapd(SCALE_EXTRA, true);
	for (i = 0; i < nr_lpis; i++)
		scale_mapti(i / SCALE_EVENTS, i % SCALE_EVENTS, ITS_FIRST_LPI + i);
	scale_submit();
}

static inline void scale_destroy(void)
{
	close(scale.its);
	kvm_vm_free(scale.vm);
}

#endif
