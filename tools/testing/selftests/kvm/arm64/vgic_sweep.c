// SPDX-License-Identifier: GPL-2.0
/*
 * Every place of every register frame of a GIC, as user space and as a guest see it: whether there
 * is something, what it reads as, what is left of what is written, and what else that has changed.
 *
 * There is nothing to expect here but that a kernel answers at all: the transcripts of two kernels
 * are to be equal.
 */
#include "vgic_lib.h"

static struct vt_frame frames[3];
static int nr_frames;

/* User space */

struct place {
	u32 offset;
	u32 value;
};

#define MAX_PLACES	4096

static struct place places[3][MAX_PLACES];
static int nr_places[3];

/* Where there is something, and what it holds at first. */
static void find_places(int fd, int f)
{
	const struct vt_frame *frame = &frames[f];
	int last_has = -1, last_get = -1;
	u32 offset, value;

	nr_places[f] = 0;
	for (offset = 0; offset < frame->size + 64; offset += 4) {
		int has = vt_has(fd, frame, offset), get = vt_get(fd, frame, offset, &value);

		if (has != last_has || get != last_get)
			transcript("%s %05x: has %s, get %s", frame->name, offset,
				   tt_errno_name(has), tt_errno_name(get));
		last_has = has;
		last_get = get;
		if (value)
			transcript("%s %05x: holds %08x", frame->name, offset, value);
		if (has)
			continue;
		TEST_ASSERT(nr_places[f] < MAX_PLACES, "too many registers");
		places[f][nr_places[f]++] = (struct place) { offset, value };
	}
	for (offset = 0; offset < 0x400; offset++)
		if (offset & 3)
			if (!vt_has(fd, frame, offset) || vt_get(fd, frame, offset, &value) ||
			    value)
				transcript("%s %05x: has %s, get %s, %08x", frame->name, offset,
					   tt_errno_name(vt_has(fd, frame, offset)),
					   tt_errno_name(vt_get(fd, frame, offset, &value)), value);
}

/* Whatever differs from what it was. */
static void show_changes(int fd, const char *by)
{
	int f, i, shown = 0;
	u32 value;

	for (f = 0; f < nr_frames; f++) {
		for (i = 0; i < nr_places[f]; i++) {
			struct place *place = &places[f][i];
			int err = vt_get(fd, &frames[f], place->offset, &value);

			if (err || value != place->value) {
				transcript("%s: %s %05x: %08x is %08x%s%s", by, frames[f].name,
					   place->offset, place->value, value, err ? " " : "",
					   err ? tt_errno_name(err) : "");
				shown++;
			}
			place->value = value;
		}
	}
	if (!shown)
		transcript("%s: nothing", by);
}

/* A place at a time, so that what changes is its doing. */
static void write_places(int fd, u32 pattern)
{
	char by[64];
	u32 value;
	int f, i;

	for (f = 0; f < nr_frames; f++) {
		for (i = 0; i < nr_places[f]; i++) {
			struct place *place = &places[f][i];
			int err = vt_set(fd, &frames[f], place->offset, pattern);

			vt_get(fd, &frames[f], place->offset, &value);
			if (!err && value == place->value)
				continue;
			transcript("%s %05x = %08x: %s, %08x", frames[f].name, place->offset,
				   pattern, tt_errno_name(err), value);
			place->value = value;
		}
		snprintf(by, sizeof(by), "all of %s = %08x", frames[f].name, pattern);
		show_changes(fd, by);
	}
}

/* The levels of lines, of a GICv3. */
static void write_levels(int fd)
{
	static const u32 intids[] = { 0, 32, 64, 96, 128, 992, 1024, 8192, 33, 4 };
	u64 level = (u64)VGIC_LEVEL_INFO_LINE_LEVEL << KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT;
	u32 value, i;

	for (i = 0; i < ARRAY_SIZE(intids); i++) {
		u64 attr = level | intids[i];
		int set, get, has;

		value = 0xa5a5a5a5;
		has = __kvm_has_device_attr(fd, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, attr) ? errno : 0;
		set = __kvm_device_attr_set(fd, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, attr, &value) ?
			errno : 0;
		value = 0;
		get = __kvm_device_attr_get(fd, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, attr, &value) ?
			errno : 0;
		transcript("levels %u: has %s, set %s, get %s, %08x", intids[i], tt_errno_name(has),
			   tt_errno_name(set), tt_errno_name(get), value);
	}
	show_changes(fd, "levels");
}

/* ICC_*_EL1, of a GICv3. */
static void write_icc(int fd)
{
	static const u32 patterns[] = { 0, ~0, 0x7, 0x700, 0x403, 0x8001, 0x5555aaaa };
	u32 op2, crm, crn, op1, p;

	for (crn = 4; crn <= 12; crn += 8) {
		for (op1 = 0; op1 < 8; op1++)
		for (crm = 0; crm < 16; crm++)
		for (op2 = 0; op2 < 8; op2++) {
			u64 attr = 3 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2;
			u64 value = 0;
			int has = __kvm_has_device_attr(fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, attr) ?
				errno : 0;
			int get = __kvm_device_attr_get(fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, attr,
							&value) ? errno : 0;

			if (has == ENXIO && get == ENOENT)
				continue;
			transcript("icc %u %u %u %u: has %s, get %s, %lx", op1, crn, crm, op2,
				   tt_errno_name(has), tt_errno_name(get), value);
			for (p = 0; p < ARRAY_SIZE(patterns); p++) {
				u64 pattern = patterns[p];
				int set = __kvm_device_attr_set(fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
								attr, &pattern) ? errno : 0;

				value = 0;
				__kvm_device_attr_get(fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, attr,
						      &value);
				transcript("icc %u %u %u %u = %x: %s, %lx", op1, crn, crm, op2,
					   patterns[p], tt_errno_name(set), value);
			}
		}
	}
}

static void nothing(void)
{
	GUEST_DONE();
}

static void user_sweep(int model)
{
	struct kvm_vcpu *vcpus[VT_NR_VCPUS];
	struct kvm_vm *vm = vt_vm(model, nothing, vcpus);
	int fd = vm->arch.gic_fd, f;

	nr_frames = vt_frames(model, frames);
	for (f = 0; f < nr_frames; f++)
		find_places(fd, f);
	write_places(fd, 0xffffffff);
	write_places(fd, 0x0000a5f0);
	write_places(fd, 0);
	if (model == 3)
		write_levels(fd);
	kvm_vm_free(vm);
}

static void icc_sweep(int model)
{
	struct kvm_vcpu *vcpus[VT_NR_VCPUS];
	struct kvm_vm *vm = vt_vm(model, nothing, vcpus);

	write_icc(vm->arch.gic_fd);
	kvm_vm_free(vm);
}

/* The guest */

static struct vt_request request;

static void guest_access(void)
{
	for (;;) {
		vt_guest_serve(&request);
		GUEST_SYNC(0);
	}
}

static u64 guest_do(struct kvm_vm *vm, struct kvm_vcpu *vcpu, u64 address, u32 width, bool write,
		    u64 value)
{
	struct vt_request *shared = addr_gva2hva(vm, (gva_t)&request);
	struct ucall uc;

	*shared = (struct vt_request) { address, value, width, write };
	tt_run(vcpu, &uc);
	return shared->value;
}

/* Around the places that user space has found: of each row its ends and what is beside. */
static bool worth_it(int f, u32 offset)
{
	static bool near[3][SZ_128K / 4 + 64];
	static bool done[3];
	int i, d;

	if (!done[f]) {
		for (i = 0; i < nr_places[f]; i++) {
			bool first = !i || places[f][i - 1].offset + 4 != places[f][i].offset;
			bool last = i + 1 == nr_places[f] ||
				    places[f][i + 1].offset != places[f][i].offset + 4;
			int at = places[f][i].offset / 4;

			for (d = -2; d <= 2; d++)
				if ((first || last) && at + d >= 0)
					near[f][at + d] = true;
			/* IROUTER alone has hundreds. */
			if (!(at % 16))
				near[f][at] = true;
		}
		done[f] = true;
	}
	return near[f][offset / 4];
}

static void guest_sweep(int model)
{
	static const u64 patterns[] = { ~0ULL, 0x5a5a5a5a5a5a5a5aULL, 0 };
	struct kvm_vcpu *vcpus[VT_NR_VCPUS];
	struct kvm_vm *vm = vt_vm(model, guest_access, vcpus);
	int fd = vm->arch.gic_fd, f, p;
	u32 offset, width;
	char by[96];

	nr_frames = vt_frames(model, frames);
	for (f = 0; f < nr_frames; f++)
		find_places(fd, f);

	for (f = 0; f < nr_frames; f++) {
		if (!frames[f].gpa)
			continue;
		for (offset = 0; offset < frames[f].size; offset++) {
			if (!worth_it(f, offset))
				continue;
			for (width = 1; width <= 8; width *= 2) {
				u64 value;

				if (offset & (width - 1))
					continue;
				value = guest_do(vm, vcpus[0], frames[f].gpa + offset, width, false,
						 0x1122334455667788ULL);
				if (value)
					transcript("guest %s %05x/%u: %lx", frames[f].name, offset,
						   width, value);
			}
		}
	}
	for (p = 0; p < ARRAY_SIZE(patterns); p++) {
		for (f = 0; f < nr_frames; f++) {
			if (!frames[f].gpa)
				continue;
			for (offset = 0; offset < frames[f].size; offset += 4) {
				if (!worth_it(f, offset))
					continue;
				for (width = 1; width <= 8; width *= 2) {
					if (offset & (width - 1))
						continue;
					guest_do(vm, vcpus[0], frames[f].gpa + offset, width, true,
						 patterns[p]);
				}
				if (offset % 0x40 == 0x3c) {
					snprintf(by, sizeof(by), "guest %s up to %05x = %lx",
						 frames[f].name, offset, patterns[p]);
					show_changes(fd, by);
				}
			}
		}
		show_changes(fd, "guest, the rest");
	}
	kvm_vm_free(vm);
}

/* Tens of thousands of exits are slow where the machine is emulated. */
#define SWEEP_WATCHDOG_SEC	600

#define SWEEP(by, model)						\
static void by##_v##model(bool el2)					\
{									\
	if (!tt_gicv##model)						\
		tt_skip("no GICv" #model);				\
	alarm(SWEEP_WATCHDOG_SEC);					\
	by##_sweep(model);						\
}

SWEEP(user, 3)
SWEEP(user, 2)
SWEEP(icc, 3)
SWEEP(guest, 3)
SWEEP(guest, 2)

static const struct tt_test tests[] = {
	{ "user_v3", user_v3 },
	{ "user_v2", user_v2 },
	{ "icc_v3", icc_v3 },
	{ "guest_v3", guest_v3 },
	{ "guest_v2", guest_v2 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
