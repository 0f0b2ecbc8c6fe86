/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VM made of ioctls and nothing else: no guest memory, no kvm_run mapped, so
 * that what it costs is KVM's.
 */
#ifndef SELFTEST_KVM_BENCH_BARE_H
#define SELFTEST_KVM_BENCH_BARE_H

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sizes.h>

#include "kvm_util.h"
#include "gic.h"
#include "test_util.h"
#include "vgic.h"

#define BARE_MAX_VCPUS	64
/* What QEMU gives its machine "virt". */
#define BARE_NR_IRQS	288

struct bare_vm {
	int fd, gic_fd, its_fd;
	int nr_vcpus;
	int vcpu_fd[BARE_MAX_VCPUS];
};

#define bare_ioctl(fd, cmd, arg)					\
({									\
	int __ret = ioctl(fd, cmd, arg);				\
									\
	TEST_ASSERT(__ret >= 0, #cmd " failed: %s", strerror(errno));	\
	__ret;								\
})

static inline int bare_device(int vm_fd, u32 type)
{
	struct kvm_create_device dev = { .type = type };

	bare_ioctl(vm_fd, KVM_CREATE_DEVICE, &dev);
	return dev.fd;
}

static inline void bare_attr(int fd, u32 group, u64 attr, void *value)
{
	struct kvm_device_attr a = {
		.group = group,
		.attr = attr,
		.addr = (unsigned long)value,
	};

	bare_ioctl(fd, KVM_SET_DEVICE_ATTR, &a);
}

static inline void bare_vcpu_create(struct bare_vm *vm, int id,
				    const struct kvm_vcpu_init *init)
{
	/* The id is passed by value. */
	vm->vcpu_fd[id] = bare_ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)id);
	bare_ioctl(vm->vcpu_fd[id], KVM_ARM_VCPU_INIT, init);
}

static inline void bare_gic_create(struct bare_vm *vm)
{
	u64 its = GITS_BASE_GPA, dist = GICD_BASE_GPA;
	u64 redist = REDIST_REGION_ATTR_ADDR((u64)vm->nr_vcpus, GICR_BASE_GPA, 0, 0);
	u32 nr_irqs = BARE_NR_IRQS;

	vm->gic_fd = bare_device(vm->fd, KVM_DEV_TYPE_ARM_VGIC_V3);
	bare_attr(vm->gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr_irqs);
	bare_attr(vm->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
		  KVM_VGIC_V3_ADDR_TYPE_DIST, &dist);
	bare_attr(vm->gic_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
		  KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, &redist);
	bare_attr(vm->gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
		  KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);

	vm->its_fd = bare_device(vm->fd, KVM_DEV_TYPE_ARM_VGIC_ITS);
	bare_attr(vm->its_fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
		  KVM_VGIC_ITS_ADDR_TYPE, &its);
	bare_attr(vm->its_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
		  KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
}

/* GICv3 with ITS and @nr_vcpus vCPUs, ready for their first run. */
static inline void bare_vm_create(struct bare_vm *vm, int kvm_fd, int nr_vcpus)
{
	struct kvm_vcpu_init init;
	int i;

	vm->nr_vcpus = nr_vcpus;
	vm->fd = bare_ioctl(kvm_fd, KVM_CREATE_VM, 0UL);
	bare_ioctl(vm->fd, KVM_ARM_PREFERRED_TARGET, &init);
	init.features[0] |= BIT(KVM_ARM_VCPU_PSCI_0_2);
	for (i = 0; i < nr_vcpus; i++)
		bare_vcpu_create(vm, i, &init);
	bare_gic_create(vm);
}

/* The last descriptor's close destroys the VM. */
static inline void bare_vm_destroy(struct bare_vm *vm)
{
	int i;

	for (i = 0; i < vm->nr_vcpus; i++)
		close(vm->vcpu_fd[i]);
	close(vm->its_fd);
	close(vm->gic_fd);
	close(vm->fd);
}

#endif /* SELFTEST_KVM_BENCH_BARE_H */
