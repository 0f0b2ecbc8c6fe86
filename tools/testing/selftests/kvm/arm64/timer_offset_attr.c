// SPDX-License-Identifier: GPL-2.0
/*
 * timer_offset_attr - the counter offsets as vCPU attributes: values, every errno,
 * and how they get on with KVM_ARM_SET_COUNTER_OFFSET and with writes of counter
 * registers. Where a call breaks two rules, the test pins down which is reported.
 */
#include <pthread.h>

#include "timer_offset.h"

#define FAR		(1ULL << 50)

/* KVM_REG_ARM_TIMER_CNT may move by the time that a test takes, not by this. */
#define NEAR		(FAR >> 8)

static const u64 values[] = {
	0, 1, 0x123456789abcdefULL, 1ULL << 63, (1ULL << 63) - 1, -1ULL, -FAR, FAR,
};

static bool guest_stop, guest_running;

static void guest_done(void)
{
	GUEST_DONE();
}

static void guest_spin(void)
{
	WRITE_ONCE(guest_running, true);
	while (!READ_ONCE(guest_stop))
		cpu_relax();
	GUEST_DONE();
}

static u64 cnt(struct kvm_vcpu *vcpu, u64 attr)
{
	return vcpu_get_reg(vcpu, attr == TO_VIRT ? KVM_REG_ARM_TIMER_CNT :
						    KVM_REG_ARM_PTIMER_CNT);
}

/* Both attributes, through @vcpu, and what they mean for the two counters. */
static void expect(struct kvm_vcpu *vcpu, u64 virt, u64 phys, const char *when)
{
	tt_expect(to_get(vcpu, TO_VIRT) == virt, "%s: VOFFSET reads back", when);
	tt_expect(to_in_force(vcpu, KVM_REG_ARM_TIMER_CNT, phys + virt),
		  "%s: virtual counter", when);
	tt_expect(to_get(vcpu, TO_PHYS) == phys, "%s: POFFSET reads back", when);
	tt_expect(to_in_force(vcpu, KVM_REG_ARM_PTIMER_CNT, phys),
		  "%s: physical counter", when);
}

/* None of this needs an irqchip, nor KVM_ARM_VCPU_INIT. */
static void errnos(bool el2)
{
	struct kvm_vm *vm = vm_create_barebones();
	struct kvm_vcpu *vcpu = __vm_vcpu_add(vm, 0);
	u64 val = FAR;

	tt_errno(to_has(vcpu, TO_VIRT), 0, "has VOFFSET");
	tt_errno(to_has(vcpu, TO_PHYS), 0, "has POFFSET");
	tt_errno(to_has(vcpu, TO_PHYS + 1), ENXIO, "has the next");
	tt_errno(to_has(vcpu, TO_VIRT - 1), ENXIO, "has the one before");
	tt_errno(to_has(vcpu, TO_VIRT | 1ULL << 32), ENXIO, "has VOFFSET + 2^32");
	tt_errno(to_has(vcpu, KVM_ARM_VCPU_TIMER_IRQ_HPTIMER + 1), ENXIO, "has mainline's next");

	tt_errno(to_set(vcpu, TO_VIRT, FAR), 0, "set VOFFSET");
	tt_errno(to_set(vcpu, TO_PHYS, 2 * FAR), 0, "set POFFSET");
	tt_errno(to_ioctl(vcpu, KVM_SET_DEVICE_ATTR, TO_VIRT, TO_BAD_PTR), EFAULT,
		 "set VOFFSET, bad pointer");
	tt_errno(to_ioctl(vcpu, KVM_SET_DEVICE_ATTR, TO_PHYS, TO_BAD_PTR), EFAULT,
		 "set POFFSET, bad pointer");
	tt_errno(to_ioctl(vcpu, KVM_GET_DEVICE_ATTR, TO_VIRT, TO_BAD_PTR), EFAULT,
		 "get VOFFSET, bad pointer");
	tt_errno(to_ioctl(vcpu, KVM_GET_DEVICE_ATTR, TO_PHYS, TO_BAD_PTR), EFAULT,
		 "get POFFSET, bad pointer");
	tt_errno(ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, TO_BAD_PTR), EFAULT, "set, no attribute");
	tt_errno(to_ioctl(vcpu, KVM_GET_DEVICE_ATTR, TO_PHYS + 1, &val), ENXIO, "get the next");
	tt_errno(to_ioctl(vcpu, KVM_GET_DEVICE_ATTR, TO_PHYS + 1, TO_BAD_PTR), ENXIO,
		 "get the next, bad pointer");
	tt_expect(to_get(vcpu, TO_VIRT) == FAR, "VOFFSET is as set");
	tt_expect(to_get(vcpu, TO_PHYS) == 2 * FAR, "POFFSET is as set");
	tt_expect(val == FAR, "what failed wrote nothing");
	kvm_vm_free(vm);
}

/* The number that follows is not looked at as an offset's, but as a PPI's. */
static void neighbours(bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, el2, guest_done, &vcpu);
	u64 ppi = 20, none = 5;

	refused(vcpu, to_ioctl(vcpu, KVM_SET_DEVICE_ATTR, TO_PHYS + 1, &ppi), ENXIO,
		"set the next to 20");
	refused(vcpu, to_ioctl(vcpu, KVM_SET_DEVICE_ATTR, TO_PHYS + 1, &none), EINVAL,
		"set the next to 5");
	refused(vcpu, to_ioctl(vcpu, KVM_SET_DEVICE_ATTR, TO_PHYS + 1, TO_BAD_PTR), EFAULT,
		"set the next, bad pointer");
	refused(vcpu, to_set(vcpu, TO_VIRT, 20), 0, "set VOFFSET to 20");
	kvm_vm_free(vm);
}

/* Any value, in both orders, any number of times, through any vCPU. */
static void set_and_get(bool el2)
{
	struct kvm_vcpu *vcpu[2];
	struct kvm_vm *vm = tt_vm_create(2, el2, guest_done, vcpu);
	int i, j, n, bad = 0;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		for (j = 0; j < ARRAY_SIZE(values); j++) {
			u64 v = values[i], p = values[j];

			for (n = 0; n < 4; n++) {
				bad += !!to_set(vcpu[n & 1], TO_PHYS, p);
				bad += !!to_set(vcpu[n >> 1], TO_VIRT, v);
			}
			for (n = 0; n < 2; n++) {
				bad += to_get(vcpu[n], TO_VIRT) != v;
				bad += to_get(vcpu[n], TO_PHYS) != p;
				bad += !el2 && !to_in_force(vcpu[n], KVM_REG_ARM_TIMER_CNT, p + v);
				bad += !to_in_force(vcpu[n], KVM_REG_ARM_PTIMER_CNT, p);
			}
			/* The other way round. */
			bad += !!to_set(vcpu[0], TO_VIRT, v + 1);
			bad += !!to_set(vcpu[1], TO_PHYS, p + 2);
			bad += to_get(vcpu[1], TO_VIRT) != v + 1;
			bad += to_get(vcpu[0], TO_PHYS) != p + 2;
		}
	}
	tt_expect(!bad, "%d wrong answers", bad);
	kvm_vm_free(vm);
}

/* Before anything is set, and with vCPUs that come later. */
static void vm_wide(bool el2)
{
	struct kvm_vm *vm = vm_create(3);
	struct kvm_vcpu *vcpu[3];
	u64 virt, phys = 3 * FAR;
	int i;

	vcpu[0] = tt_vcpu_add(vm, 0, false, guest_done);
	virt = to_get(vcpu[0], TO_VIRT);
	tt_expect(to_host_count() - virt < NEAR, "VOFFSET is the count at creation");
	expect(vcpu[0], virt, 0, "new");

	vcpu[1] = tt_vcpu_add(vm, 1, false, guest_done);
	tt_expect(to_get(vcpu[0], TO_VIRT) - virt - 1 < NEAR, "a new vCPU moves VOFFSET");
	virt = to_get(vcpu[1], TO_VIRT);
	expect(vcpu[0], virt, 0, "two vCPUs");

	tt_errno(to_set(vcpu[1], TO_VIRT, FAR), 0, "set VOFFSET");
	tt_errno(to_set(vcpu[0], TO_PHYS, phys), 0, "set POFFSET");
	vcpu[2] = tt_vcpu_add(vm, 2, false, guest_done);
	for (i = 0; i < 3; i++)
		expect(vcpu[i], FAR, phys, "a vCPU that comes later moves nothing");
	kvm_vm_free(vm);
}

/* One attribute alone leaves the other as it is, and turns register writes off. */
static void one_alone(bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = vm_create(1);
	u64 virt;

	vcpu = tt_vcpu_add(vm, 0, false, guest_done);
	virt = to_get(vcpu, TO_VIRT);
	tt_errno(to_set(vcpu, TO_PHYS, FAR), 0, "set POFFSET alone");
	expect(vcpu, virt, FAR, "POFFSET alone");
	vcpu_set_reg(vcpu, KVM_REG_ARM_TIMER_CNT, 8 * FAR);
	vcpu_set_reg(vcpu, KVM_REG_ARM_PTIMER_CNT, 8 * FAR);
	expect(vcpu, virt, FAR, "counter registers are ignored");
	kvm_vm_free(vm);
}

static void set_counter(struct kvm_vcpu *vcpu, u64 attr, u64 val, bool ignored)
{
	vcpu_set_reg(vcpu, attr == TO_VIRT ? KVM_REG_ARM_TIMER_CNT :
					     KVM_REG_ARM_PTIMER_CNT, val);
	if (ignored)
		tt_expect(cnt(vcpu, attr) - val > NEAR, "write of %s's counter is ignored",
			  to_name(attr));
	else
		tt_expect(cnt(vcpu, attr) - val < NEAR, "write of %s's counter counts",
			  to_name(attr));
}

/*
 * The three interfaces, one after the other: each row of the table in
 * Documentation/virt/kvm/arm/rust/timer-offset.rst.
 */
static void interplay(bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = vm_create(1);
	u64 virt, phys;

	vcpu = tt_vcpu_add(vm, 0, false, guest_done);

	/* Registers first: they count, one at a time. */
	set_counter(vcpu, TO_VIRT, FAR, false);
	virt = to_get(vcpu, TO_VIRT);
	expect(vcpu, virt, 0, "TIMER_CNT");
	set_counter(vcpu, TO_PHYS, 2 * FAR, false);
	phys = to_get(vcpu, TO_PHYS);
	tt_expect(phys + to_get(vcpu, TO_VIRT) == virt,
		  "PTIMER_CNT leaves the virtual counter alone");
	virt -= phys;
	expect(vcpu, virt, phys, "TIMER_CNT, PTIMER_CNT");

	/* An attribute after a register: counts, and starts from what is in force. */
	tt_errno(to_set(vcpu, TO_VIRT, virt + 7), 0, "set VOFFSET after registers");
	expect(vcpu, virt + 7, phys, "registers, VOFFSET");
	set_counter(vcpu, TO_VIRT, 16 * FAR, true);
	set_counter(vcpu, TO_PHYS, 16 * FAR, true);
	expect(vcpu, virt + 7, phys, "registers after VOFFSET");

	/* The VM's ioctl: both counters, so that they do not differ. */
	tt_errno(tt_set_offset(vm, 5 * FAR), 0, "KVM_ARM_SET_COUNTER_OFFSET after VOFFSET");
	expect(vcpu, 0, 5 * FAR, "VM ioctl");
	set_counter(vcpu, TO_VIRT, 16 * FAR, true);
	set_counter(vcpu, TO_PHYS, 16 * FAR, true);

	/* And attributes after that. */
	tt_errno(to_set(vcpu, TO_VIRT, 3 * FAR), 0, "set VOFFSET after the VM ioctl");
	expect(vcpu, 3 * FAR, 5 * FAR, "VM ioctl, VOFFSET");
	tt_errno(to_set(vcpu, TO_PHYS, -FAR), 0, "set POFFSET after the VM ioctl");
	expect(vcpu, 3 * FAR, -FAR, "VM ioctl, VOFFSET, POFFSET");
	tt_errno(tt_set_offset(vm, 0), 0, "KVM_ARM_SET_COUNTER_OFFSET to 0");
	expect(vcpu, 0, 0, "VM ioctl with 0");
	kvm_vm_free(vm);
}

/*
 * With EL2 the guest's CNTVOFF_EL2 has VOFFSET's place, and stays what it is; the
 * VMM's POFFSET is below. A write of KVM_REG_ARM_TIMER_CNT means POFFSET there.
 */
static void guest_hypervisor(bool el2)
{
	const u64 cntvoff = KVM_ARM64_SYS_REG(SYS_CNTVOFF_EL2), guests = 0x123456789abcULL;
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, true, guest_done, &vcpu);
	u64 phys;

	set_counter(vcpu, TO_VIRT, FAR, false);
	phys = to_get(vcpu, TO_PHYS);
	tt_expect(to_in_force(vcpu, KVM_REG_ARM_TIMER_CNT, phys), "TIMER_CNT sets POFFSET");
	tt_expect(to_in_force(vcpu, KVM_REG_ARM_PTIMER_CNT, phys), "for both counters");

	vcpu_set_reg(vcpu, cntvoff, guests);
	tt_expect(to_in_force(vcpu, KVM_REG_ARM_TIMER_CNT, phys + guests), "CNTVOFF_EL2 counts");
	tt_expect(to_get(vcpu, TO_PHYS) == phys, "and is not POFFSET");
	tt_errno(to_set(vcpu, TO_VIRT, 3 * FAR), 0, "set VOFFSET");
	tt_expect(to_get(vcpu, TO_VIRT) == 3 * FAR, "VOFFSET reads back");
	tt_expect(to_in_force(vcpu, KVM_REG_ARM_TIMER_CNT, phys + guests), "VOFFSET does not count");
	tt_errno(to_set(vcpu, TO_PHYS, -5 * FAR), 0, "set POFFSET");
	tt_expect(to_in_force(vcpu, KVM_REG_ARM_TIMER_CNT, -5 * FAR + guests),
		  "POFFSET is below CNTVOFF_EL2");
	tt_expect(to_in_force(vcpu, KVM_REG_ARM_PTIMER_CNT, -5 * FAR), "physical counter");
	tt_expect(vcpu_get_reg(vcpu, cntvoff) == guests, "CNTVOFF_EL2 is what it was");
	tt_expect(to_get(vcpu, TO_VIRT) == 3 * FAR, "VOFFSET is what it was");
	kvm_vm_free(vm);
}

static void *run_thread(void *arg)
{
	return (void *)(unsigned long)tt_run_to_done(arg);
}

/* While one vCPU runs the offsets of all are fixed; nothing else is affected. */
static void busy(bool el2)
{
	struct kvm_vcpu *vcpu[2];
	struct kvm_vm *vm = tt_vm_create(2, el2, guest_spin, vcpu);
	pthread_t thread;
	void *ret;

	tt_errno(to_set(vcpu[0], TO_VIRT, FAR), 0, "set VOFFSET at rest");
	tt_errno(to_set(vcpu[0], TO_PHYS, 2 * FAR), 0, "set POFFSET at rest");

	guest_stop = guest_running = false;
	sync_global_to_guest(vm, guest_stop);
	sync_global_to_guest(vm, guest_running);
	TEST_ASSERT(!pthread_create(&thread, NULL, run_thread, vcpu[1]), "pthread_create");
	while (!guest_running) {
		usleep(100);
		sync_global_from_guest(vm, guest_running);
	}

	refused(vcpu[0], to_set(vcpu[0], TO_VIRT, 5), EBUSY, "set VOFFSET, vcpu1 runs");
	refused(vcpu[0], to_set(vcpu[0], TO_VIRT, FAR), EBUSY, "set VOFFSET to what it is");
	refused(vcpu[0], to_set(vcpu[0], TO_PHYS, 5), EBUSY, "set POFFSET, vcpu1 runs");
	refused(vcpu[0], to_ioctl(vcpu[0], KVM_SET_DEVICE_ATTR, TO_VIRT, TO_BAD_PTR), EFAULT,
		"set VOFFSET, vcpu1 runs, bad pointer");
	refused(vcpu[0], to_set(vcpu[0], TO_PHYS + 1, 20), EBUSY, "set the next, vcpu1 has run");
	tt_errno(to_has(vcpu[0], TO_VIRT), 0, "has VOFFSET, vcpu1 runs");
	expect(vcpu[0], FAR, 2 * FAR, "vcpu1 runs");

	guest_stop = true;
	sync_global_to_guest(vm, guest_stop);
	pthread_join(thread, &ret);
	tt_expect(ret, "vcpu1 ran");
	tt_errno(to_set(vcpu[1], TO_VIRT, 5), 0, "set VOFFSET afterwards");
	tt_errno(to_set(vcpu[0], TO_PHYS, 6), 0, "set POFFSET afterwards");
	expect(vcpu[1], 5, 6, "afterwards");
	kvm_vm_free(vm);
}

/* The library knows no protected VMs; a file descriptor will do. */
static void protected_vm(bool el2)
{
	struct kvm_vcpu vcpu = {};
	int kvm = open_kvm_dev_path_or_exit();
	int vm = ioctl(kvm, KVM_CREATE_VM, KVM_VM_TYPE_ARM_PROTECTED);
	static const u64 attr[] = { TO_VIRT, TO_PHYS };
	u64 val = FAR;
	int i;

	if (vm < 0)
		tt_skip("no protected VMs");
	vcpu.fd = ioctl(vm, KVM_CREATE_VCPU, 0);
	TEST_ASSERT(vcpu.fd >= 0, "no vCPU");
	for (i = 0; i < 2; i++) {
		tt_errno(to_has(&vcpu, attr[i]), ENXIO, "has %s", to_name(attr[i]));
		tt_errno(to_set(&vcpu, attr[i], val), ENXIO, "set %s", to_name(attr[i]));
		tt_errno(to_ioctl(&vcpu, KVM_SET_DEVICE_ATTR, attr[i], TO_BAD_PTR), ENXIO,
			 "set %s, bad pointer", to_name(attr[i]));
		tt_errno(to_ioctl(&vcpu, KVM_GET_DEVICE_ATTR, attr[i], &val), ENXIO,
			 "get %s", to_name(attr[i]));
		tt_errno(to_ioctl(&vcpu, KVM_GET_DEVICE_ATTR, attr[i], TO_BAD_PTR), ENXIO,
			 "get %s, bad pointer", to_name(attr[i]));
	}
	tt_expect(val == FAR, "what failed wrote nothing");
}

static const struct tt_test tests[] = {
	{ "errnos", errnos, TT_HOST },
	{ "neighbours", neighbours, TT_HOST },
	{ "set_and_get", set_and_get, TT_EL1_EL2 },
	{ "vm_wide", vm_wide, TT_HOST },
	{ "one_alone", one_alone, TT_HOST },
	{ "interplay", interplay, TT_HOST },
	{ "guest_hypervisor", guest_hypervisor, TT_EL2 },
	{ "busy", busy, TT_EL1 },
	{ "protected_vm", protected_vm, TT_HOST },
};

int main(int argc, char **argv)
{
	return to_main(argc, argv, tests, ARRAY_SIZE(tests));
}
