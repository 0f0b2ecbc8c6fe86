/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the tests of the counter offset attributes. On a kernel without them
 * a test checks that they are unknown, and skips.
 */
#ifndef SELFTEST_KVM_TIMER_OFFSET_H
#define SELFTEST_KVM_TIMER_OFFSET_H

#include <asm/kvm_timer_offset.h>

#include "timer_abi.h"

#define TO_VIRT		KVM_ARM_VCPU_TIMER_OFFSET_VTIMER
#define TO_PHYS		KVM_ARM_VCPU_TIMER_OFFSET_PTIMER
#define TO_BAD_PTR	((void *)1UL)

static inline const char *to_name(u64 attr)
{
	return attr == TO_VIRT ? "VOFFSET" : "POFFSET";
}

static inline int to_ioctl(struct kvm_vcpu *vcpu, unsigned long cmd, u64 attr, void *addr)
{
	struct kvm_device_attr a = {
		.group = KVM_ARM_VCPU_TIMER_CTRL,
		.attr = attr,
		.addr = (u64)addr,
	};

	return ioctl(vcpu->fd, cmd, &a);
}

static inline int to_has(struct kvm_vcpu *vcpu, u64 attr)
{
	return to_ioctl(vcpu, KVM_HAS_DEVICE_ATTR, attr, NULL);
}

static inline int to_set(struct kvm_vcpu *vcpu, u64 attr, u64 offset)
{
	return to_ioctl(vcpu, KVM_SET_DEVICE_ATTR, attr, &offset);
}

static inline u64 to_get(struct kvm_vcpu *vcpu, u64 attr)
{
	u64 offset = 0x5a5a5a5a5a5a5a5aULL;

	tt_check(!to_ioctl(vcpu, KVM_GET_DEVICE_ATTR, attr, &offset), "get %s", to_name(attr));
	return offset;
}

/* The counter that this process reads is the host's. */
static inline u64 to_host_count(void)
{
	return timer_get_cntct(VIRTUAL);
}

/*
 * Is @offset, which the kernel says is in force, what relates @vcpu's counter
 * @reg to the host's? The register is read between two reads of the host's.
 */
#define to_in_force(vcpu, reg, offset)					\
({									\
	u64 __before = to_host_count();					\
	u64 __guest = vcpu_get_reg(vcpu, reg);				\
	u64 __after = to_host_count();					\
									\
	__guest + (offset) - __before <= __after - __before;		\
})

/*
 * What a kernel built without the attributes says: nothing else than to any
 * other unknown number. KVM_SET_DEVICE_ATTR looks at the number last.
 */
static inline void to_absent(void)
{
	static const u64 attr[] = { TO_VIRT, TO_PHYS, TO_PHYS + 1 };
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, false, tt_guest_read_cntpct, &vcpu);
	u64 val = 20;
	int i;

	for (i = 0; i < ARRAY_SIZE(attr); i++) {
		refused(vcpu, to_has(vcpu, attr[i]), ENXIO, "attribute %d: has", i);
		refused(vcpu, to_ioctl(vcpu, KVM_GET_DEVICE_ATTR, attr[i], &val), ENXIO,
			"attribute %d: get", i);
		refused(vcpu, to_ioctl(vcpu, KVM_GET_DEVICE_ATTR, attr[i], TO_BAD_PTR), ENXIO,
			"attribute %d: get, bad pointer", i);
		val = 20;
		refused(vcpu, to_ioctl(vcpu, KVM_SET_DEVICE_ATTR, attr[i], &val), ENXIO,
			"attribute %d: set to what could be a PPI", i);
		val = 1;
		refused(vcpu, to_ioctl(vcpu, KVM_SET_DEVICE_ATTR, attr[i], &val), EINVAL,
			"attribute %d: set to what could be none", i);
		refused(vcpu, to_ioctl(vcpu, KVM_SET_DEVICE_ATTR, attr[i], TO_BAD_PTR), EFAULT,
			"attribute %d: set, bad pointer", i);
	}
	kvm_vm_free(vm);
}

static inline bool to_is_absent(void)
{
	struct kvm_vm *vm = vm_create_barebones();
	struct kvm_vcpu *vcpu = __vm_vcpu_add(vm, 0);
	bool absent = to_has(vcpu, TO_VIRT) < 0;

	kvm_vm_free(vm);
	return absent;
}

static inline int to_main(int argc, char **argv, const struct tt_test *tests, int nr)
{
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ONE_REG));
	if (!to_is_absent())
		return tt_main(argc, argv, tests, nr);

	setlinebuf(stdout);
	test_disable_default_vgic();
	tt_gicv2 = tt_probe_gic(2);
	tt_gicv3 = tt_probe_gic(3);
	TEST_REQUIRE(tt_gicv2 || tt_gicv3);
	to_absent();
	if (tt_failures)
		ksft_exit_fail_msg("%d answers are not those of unknown attributes\n", tt_failures);
	ksft_exit_skip("built without counter offset attributes\n");
}

#endif /* SELFTEST_KVM_TIMER_OFFSET_H */
