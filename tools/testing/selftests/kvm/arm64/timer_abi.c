// SPDX-License-Identifier: GPL-2.0
/*
 * timer_abi - the PPI attributes of KVM's arch timers, with every errno. Where
 * an input breaks two rules, the test pins down which one is reported.
 */
#include "timer_abi.h"

#define BAD_ATTR	NR_ATTRS
#define BAD_PTR		((void *)1UL)

static const int default_ppi[NR_ATTRS] = {
	[KVM_ARM_VCPU_TIMER_IRQ_VTIMER] = 27,
	[KVM_ARM_VCPU_TIMER_IRQ_PTIMER] = 30,
	[KVM_ARM_VCPU_TIMER_IRQ_HVTIMER] = 28,
	[KVM_ARM_VCPU_TIMER_IRQ_HPTIMER] = 26,
};

static const char * const attr_name[NR_ATTRS] = {
	"VTIMER", "PTIMER", "HVTIMER", "HPTIMER"
};

static void guest_done(void)
{
	GUEST_DONE();
}

static int attr_ioctl(struct kvm_vcpu *vcpu, unsigned long cmd, u64 attr, void *addr)
{
	struct kvm_device_attr a = {
		.group = KVM_ARM_VCPU_TIMER_CTRL,
		.attr = attr,
		.addr = (u64)addr,
	};

	return ioctl(vcpu->fd, cmd, &a);
}

static int attr_set(struct kvm_vcpu *vcpu, u64 attr, int ppi)
{
	return attr_ioctl(vcpu, KVM_SET_DEVICE_ATTR, attr, &ppi);
}

static void expect_ppis(struct kvm_vcpu *vcpu, const int *ppi)
{
	int i, val;

	for (i = 0; i < NR_ATTRS; i++) {
		val = -1;
		attr_ioctl(vcpu, KVM_GET_DEVICE_ATTR, i, &val);
		tt_expect(val == ppi[i], "%s is PPI %d", attr_name[i], val);
	}
}

static void caps(bool el2)
{
	tt_expect(kvm_check_cap(KVM_CAP_ARM_USER_IRQ) == 1, "ARM_USER_IRQ is 1");
	tt_expect(kvm_check_cap(KVM_CAP_COUNTER_OFFSET) == 1, "COUNTER_OFFSET is 1");
	tt_expect(kvm_check_cap(KVM_CAP_VCPU_ATTRIBUTES) == 1, "VCPU_ATTRIBUTES is 1");
}

/* None of this needs an irqchip, nor even KVM_ARM_VCPU_INIT. */
static void attr_get_has(bool el2)
{
	struct kvm_vm *vm = vm_create_barebones();
	struct kvm_vcpu *vcpu = __vm_vcpu_add(vm, 0);
	int i, val;

	for (i = 0; i < NR_ATTRS; i++)
		tt_errno(attr_ioctl(vcpu, KVM_HAS_DEVICE_ATTR, i, NULL), 0,
			 "has %s", attr_name[i]);
	expect_ppis(vcpu, default_ppi);
	tt_errno(attr_ioctl(vcpu, KVM_HAS_DEVICE_ATTR, BAD_ATTR, NULL), ENXIO,
		 "has unknown");
	tt_errno(attr_ioctl(vcpu, KVM_HAS_DEVICE_ATTR, ~0ULL, NULL), ENXIO,
		 "has ~0");
	tt_errno(attr_ioctl(vcpu, KVM_GET_DEVICE_ATTR, BAD_ATTR, &val), ENXIO,
		 "get unknown");
	tt_errno(attr_ioctl(vcpu, KVM_GET_DEVICE_ATTR, BAD_ATTR, BAD_PTR), ENXIO,
		 "get unknown, bad pointer");
	tt_errno(attr_ioctl(vcpu, KVM_GET_DEVICE_ATTR, 0, NULL), EFAULT,
		 "get VTIMER, bad pointer");
	tt_errno(ioctl(vcpu->fd, KVM_GET_DEVICE_ATTR, NULL), EFAULT,
		 "get, no attribute");
}

static void attr_set_no_irqchip(bool el2)
{
	struct kvm_vm *vm = vm_create(1);
	struct kvm_vcpu *vcpu = tt_vcpu_add(vm, 0, false, guest_done);
	int i;

	for (i = 0; i < NR_ATTRS; i++)
		refused(vcpu, attr_set(vcpu, i, 20), EINVAL, "set %s", attr_name[i]);
	refused(vcpu, attr_ioctl(vcpu, KVM_SET_DEVICE_ATTR, 0, NULL), EINVAL,
		"set VTIMER, bad pointer");
	refused(vcpu, attr_set(vcpu, BAD_ATTR, 20), EINVAL, "set unknown");
	refused(vcpu, attr_set(vcpu, 0, 5), EINVAL, "set VTIMER to no PPI");
	expect_ppis(vcpu, default_ppi);

	/* The PPIs don't matter here, so nothing becomes immutable either. */
	tt_expect(tt_run_to_done(vcpu), "runs");
	refused(vcpu, attr_set(vcpu, 0, 20), EINVAL, "set VTIMER after the run");
}

static void attr_set_values(int gic)
{
	static const int bad[] = { 0, 15, 32, 1023, 0x10014, -1 };
	static const int moved[NR_ATTRS] = { 16, 17, 30, 31 };
	struct kvm_vm *vm = vm_create(2);
	struct kvm_vcpu *vcpu[2];
	int i;

	tt_gic_create(vm, gic, 2);
	for (i = 0; i < 2; i++)
		vcpu[i] = tt_vcpu_add(vm, i, false, guest_done);

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		refused(vcpu[0], attr_set(vcpu[0], 0, bad[i]), EINVAL,
			"set VTIMER to %d", bad[i]);
		refused(vcpu[0], attr_set(vcpu[0], BAD_ATTR, bad[i]), EINVAL,
			"set unknown to %d", bad[i]);
	}
	refused(vcpu[0], attr_set(vcpu[0], BAD_ATTR, 20), ENXIO, "set unknown to 20");
	refused(vcpu[0], attr_set(vcpu[0], ~0ULL, 20), ENXIO, "set ~0 to 20");
	refused(vcpu[0], attr_ioctl(vcpu[0], KVM_SET_DEVICE_ATTR, 0, NULL), EFAULT,
		"set VTIMER, bad pointer");
	refused(vcpu[0], attr_ioctl(vcpu[0], KVM_SET_DEVICE_ATTR, BAD_ATTR, NULL),
		EFAULT, "set unknown, bad pointer");
	expect_ppis(vcpu[1], default_ppi);

	for (i = 16; i < 32; i++)
		tt_errno(attr_set(vcpu[0], 0, i), 0, "set VTIMER to %d", i);
	/* VM-wide, whichever vCPU was asked. */
	for (i = 0; i < NR_ATTRS; i++)
		tt_errno(attr_set(vcpu[i & 1], i, moved[i]), 0, "set %s to %d",
			 attr_name[i], moved[i]);
	expect_ppis(vcpu[0], moved);
	expect_ppis(vcpu[1], moved);
}

static void attr_set_gicv2(bool el2)
{
	if (!tt_gicv2)
		tt_skip("no GICv2");
	attr_set_values(2);
}

static void attr_set_gicv3(bool el2)
{
	if (!tt_gicv3)
		tt_skip("no GICv3");
	attr_set_values(3);
}

static void attr_immutable(bool el2)
{
	struct kvm_vcpu *vcpu[2];
	struct kvm_vm *vm = tt_vm_create(2, el2, guest_done, vcpu);
	int i, ppi = 0;

	tt_expect(tt_run_to_done(vcpu[0]), "vcpu0 runs");
	for (i = 0; i < 2; i++) {
		refused(vcpu[i], attr_set(vcpu[i], 0, 20), EBUSY, "vcpu%d: set VTIMER", i);
		refused(vcpu[i], attr_set(vcpu[i], 0, 27), EBUSY,
			"vcpu%d: set VTIMER to what it is", i);
		refused(vcpu[i], attr_set(vcpu[i], BAD_ATTR, 20), EBUSY,
			"vcpu%d: set unknown", i);
		refused(vcpu[i], attr_set(vcpu[i], 0, 32), EINVAL,
			"vcpu%d: set VTIMER to an SPI", i);
		refused(vcpu[i], attr_ioctl(vcpu[i], KVM_SET_DEVICE_ATTR, 0, NULL),
			EFAULT, "vcpu%d: set VTIMER, bad pointer", i);
		tt_errno(attr_ioctl(vcpu[i], KVM_GET_DEVICE_ATTR, 1, &ppi), 0,
			 "vcpu%d: get PTIMER", i);
	}
	expect_ppis(vcpu[1], default_ppi);
	tt_expect(tt_run_to_done(vcpu[1]), "vcpu1 runs");
	kvm_vm_free(vm);
}

/* Two timers on one PPI are accepted, but the VM does not run with them. */
static void attr_duplicate(bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, el2, guest_done, &vcpu);

	tt_errno(attr_set(vcpu, 0, 20), 0, "set VTIMER to 20");
	tt_errno(attr_set(vcpu, 1, 20), 0, "set PTIMER to 20");
	refused(vcpu, __vcpu_run(vcpu), EINVAL, "run with VTIMER and PTIMER on 20");
	refused(vcpu, __vcpu_run(vcpu), EINVAL, "run again");
	tt_errno(attr_set(vcpu, 0, 21), 0, "not immutable yet, set VTIMER to 21");
	/* The timers that the vCPU does not have may share as they like. */
	tt_errno(attr_set(vcpu, KVM_ARM_VCPU_TIMER_IRQ_HVTIMER, 21), 0, "set HVTIMER to 21");
	tt_expect(tt_run_to_done(vcpu), "runs");
	refused(vcpu, attr_set(vcpu, 0, 22), EBUSY, "immutable now, set VTIMER to 22");
	kvm_vm_free(vm);
}

static void attr_duplicate_hyp(bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, el2, guest_done, &vcpu);

	tt_errno(attr_set(vcpu, KVM_ARM_VCPU_TIMER_IRQ_HPTIMER, 27), 0, "set HPTIMER to 27");
	refused(vcpu, __vcpu_run(vcpu), EINVAL, "run with VTIMER and HPTIMER on 27");
	tt_errno(attr_set(vcpu, KVM_ARM_VCPU_TIMER_IRQ_VTIMER, 20), 0, "set VTIMER to 20");
	tt_errno(attr_set(vcpu, KVM_ARM_VCPU_TIMER_IRQ_HPTIMER, 26), 0, "set HPTIMER to 26");
	/* Which PPIs the failed run has claimed already is KVM's business. */
	transcript("run with four PPIs: %s", tt_errno_name(__vcpu_run(vcpu) ? errno : 0));
	kvm_vm_free(vm);
}

static void attr_pmu_ppi(bool el2)
{
	struct kvm_vm *vm = vm_create(1);
	struct kvm_vcpu_init init;
	struct kvm_vcpu *vcpu;
	int irq = 27;

	if (!kvm_check_cap(KVM_CAP_ARM_PMU_V3))
		tt_skip("no PMU");

	tt_gic_create(vm, tt_gicv3 ? 3 : 2, 1);
	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
	init.features[0] |= BIT(KVM_ARM_VCPU_PMU_V3);
	vcpu = aarch64_vcpu_add(vm, 0, &init, guest_done);
	kvm_arch_vm_finalize_vcpus(vm);

	vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_IRQ, &irq);
	vcpu_device_attr_set(vcpu, KVM_ARM_VCPU_PMU_V3_CTRL, KVM_ARM_VCPU_PMU_V3_INIT, NULL);
	refused(vcpu, __vcpu_run(vcpu), EINVAL, "run with VTIMER on the PMU's PPI");
	tt_errno(attr_set(vcpu, 0, 20), 0, "set VTIMER to 20");
	tt_expect(tt_run_to_done(vcpu), "runs");
	kvm_vm_free(vm);
}

static const struct tt_test tests[] = {
	{ "caps", caps },
	{ "attr_get_has", attr_get_has },
	{ "attr_set_no_irqchip", attr_set_no_irqchip },
	{ "attr_set_gicv2", attr_set_gicv2 },
	{ "attr_set_gicv3", attr_set_gicv3 },
	{ "attr_immutable", attr_immutable },
	{ "attr_duplicate", attr_duplicate, TT_EL1 },
	{ "attr_duplicate_hyp", attr_duplicate_hyp, TT_EL2 },
	{ "attr_pmu_ppi", attr_pmu_ppi },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
