/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared parts of the vgic_* tests: the GICs that the host can give, their frames of registers,
 * and access to these as user space has it. See timer_lib.h for transcripts.
 */
#ifndef SELFTEST_KVM_VGIC_LIB_H
#define SELFTEST_KVM_VGIC_LIB_H

#include "timer_lib.h"

#define VT_NR_VCPUS	2
#ifndef VT_NR_IRQS
#define VT_NR_IRQS	96
#endif

/* A frame of registers: how the guest and how user space get at it. */
struct vt_frame {
	const char *name;
	u32 group;
	u64 attr;		/* besides the offset */
	u64 gpa;
	u32 size;
};

static inline int vt_frames(int model, struct vt_frame *frames)
{
	if (model == 2) {
		frames[0] = (struct vt_frame) {
			"gicd", KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, GICD_BASE_GPA, SZ_4K
		};
		frames[1] = (struct vt_frame) {
			"gicc", KVM_DEV_ARM_VGIC_GRP_CPU_REGS, 0, 0, SZ_8K
		};
		frames[2] = (struct vt_frame) {
			"gicd of vCPU 1", KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
			1ULL << KVM_DEV_ARM_VGIC_CPUID_SHIFT, 0, SZ_1K
		};
		return 3;
	}
	frames[0] = (struct vt_frame) {
		"gicd", KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, GICD_BASE_GPA, SZ_64K
	};
	frames[1] = (struct vt_frame) {
		"gicr", KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0, GICR_BASE_GPA, SZ_128K
	};
	frames[2] = (struct vt_frame) {
		"gicr of vCPU 1", KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
		1ULL << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT, GICR_BASE_GPA + SZ_128K, SZ_128K
	};
	return 3;
}

static inline int vt_get(int fd, const struct vt_frame *frame, u32 offset, u32 *value)
{
	*value = 0;
	return __kvm_device_attr_get(fd, frame->group, frame->attr | offset, value) ? errno : 0;
}

static inline int vt_set(int fd, const struct vt_frame *frame, u32 offset, u32 value)
{
	return __kvm_device_attr_set(fd, frame->group, frame->attr | offset, &value) ? errno : 0;
}

static inline int vt_has(int fd, const struct vt_frame *frame, u32 offset)
{
	return __kvm_has_device_attr(fd, frame->group, frame->attr | offset) ? errno : 0;
}

/* An access that a guest makes for user space. */
struct vt_request {
	u64 address;
	u64 value;
	u32 width;
	bool write;
};

static inline void vt_guest_write(volatile void *address, u32 width, u64 value)
{
	switch (width) {
	case 1:
		*(volatile u8 *)address = value;
		break;
	case 2:
		*(volatile u16 *)address = value;
		break;
	case 4:
		*(volatile u32 *)address = value;
		break;
	case 8:
		*(volatile u64 *)address = value;
		break;
	}
}

static inline u64 vt_guest_read(volatile void *address, u32 width)
{
	switch (width) {
	case 1:
		return *(volatile u8 *)address;
	case 2:
		return *(volatile u16 *)address;
	case 4:
		return *(volatile u32 *)address;
	default:
		return *(volatile u64 *)address;
	}
}

/* The guest's side. */
static inline void vt_guest_serve(struct vt_request *request)
{
	volatile void *address = (void *)READ_ONCE(request->address);
	u32 width = READ_ONCE(request->width);

	if (READ_ONCE(request->write))
		vt_guest_write(address, width, READ_ONCE(request->value));
	else
		WRITE_ONCE(request->value, vt_guest_read(address, width));
}

/* A VM with a GIC of that model, initialised, and its vCPUs. */
static inline struct kvm_vm *vt_vm_nr(int model, int nr, void *guest_code, struct kvm_vcpu **vcpus)
{
	struct kvm_vm *vm = vm_create(nr);
	u32 nr_irqs = VT_NR_IRQS;
	int i;

	tt_gic = model;
	tt_gic_create(vm, model, nr);
	vm_init_descriptor_tables(vm);
	for (i = 0; i < nr; i++)
		vcpus[i] = tt_vcpu_add(vm, i, false, guest_code);
	kvm_device_attr_set(vm->arch.gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr_irqs);
	kvm_device_attr_set(vm->arch.gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	sync_global_to_guest(vm, tt_gic);
	return vm;
}

static inline struct kvm_vm *vt_vm(int model, void *guest_code, struct kvm_vcpu **vcpus)
{
	return vt_vm_nr(model, VT_NR_VCPUS, guest_code, vcpus);
}

/* Every vCPU goes around that often, as its guest counts: what was pending before has come. */
static inline void vt_wait_turns(const u32 *turns, int nr, u32 more)
{
	u32 before[8];
	int i;

	TEST_ASSERT(nr <= (int)ARRAY_SIZE(before), "%d vCPUs", nr);
	for (i = 0; i < nr; i++)
		before[i] = READ_ONCE(turns[i]);
	for (i = 0; i < nr; i++)
		while (READ_ONCE(turns[i]) - before[i] < more)
			usleep(100);
}

/* One after the other, of guests and threads. */
static inline u32 vt_random(u64 *state, u32 below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*state >> 33) % below;
}

/* The guest sleeps, at times, but not for ever. */
static inline void vt_guest_idle(u64 *random)
{
	if (vt_random(random, 2)) {
		tt_guest_delay(vt_random(random, 500));
		return;
	}
	local_irq_disable();
	tt_start(TT_V, tt_cnt(TT_V) + 1000);
	wfi();
	local_irq_enable();
}

/* Every vCPU's guest says that it has come to that step. */
static inline void vt_wait_step(const u32 *reached, int nr, u32 step)
{
	int i;

	for (i = 0; i < nr; i++)
		while (READ_ONCE(reached[i]) != step)
			usleep(100);
}

#endif
