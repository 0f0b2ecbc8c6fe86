// SPDX-License-Identifier: GPL-2.0
/*
 * The ITS as a device: its attributes and their errors, also two at once, so that it shows which
 * one is found first; its frame of registers as user space and as a guest see it; and what it does
 * to the redistributors.
 *
 * Errors are those of Documentation/virt/kvm/devices/arm-vgic-its.rst; where that says nothing,
 * the transcripts of two kernels are to be equal. See vgic_its_commands.c and vgic_its_tables.c.
 */
#include <pthread.h>

#include "vgic_its_cmds.h"
#include "vgic_its_regs.h"

#define BAD_POINTER	((void *)8)

static int attr(int fd, unsigned long what, u32 group, u64 attr, void *value)
{
	struct kvm_device_attr a = {
		.group = group,
		.attr = attr,
		.addr = (u64)value,
	};

	return ioctl(fd, what, &a) ? errno : 0;
}

#define SET	KVM_SET_DEVICE_ATTR
#define GET	KVM_GET_DEVICE_ATTR
#define HAS	KVM_HAS_DEVICE_ATTR

#define ADDR	KVM_DEV_ARM_VGIC_GRP_ADDR
#define CONTROL	KVM_DEV_ARM_VGIC_GRP_CTRL
#define REGS	KVM_DEV_ARM_VGIC_GRP_ITS_REGS

static int set_address(int fd, u64 address)
{
	return attr(fd, SET, ADDR, KVM_VGIC_ITS_ADDR_TYPE, &address);
}

static u64 get_address(int fd)
{
	u64 address = 0;

	tt_check(!attr(fd, GET, ADDR, KVM_VGIC_ITS_ADDR_TYPE, &address), "address can't be read");
	return address;
}

/* A VM whose ITSs the test creates. */
static int new_its(void)
{
	return kvm_create_device(vi.vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
}

/* Creation */

static void create_in(struct kvm_vm *vm, const char *what)
{
	int i, fd;

	transcript("%s: test %s", what,
		   tt_errno_name(__kvm_test_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS) ? errno : 0));
	for (i = 0; i < 2; i++) {
		fd = __kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
		transcript("%s: create %s, MSIs need a device %d", what,
			   tt_errno_name(fd < 0 ? errno : 0),
			   ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MSI_DEVID));
		if (fd >= 0)
			close(fd);
	}
}

static void create(bool el2)
{
	static const u64 types[] = { KVM_DEV_TYPE_ARM_VGIC_V3, KVM_DEV_TYPE_ARM_VGIC_V2 };
	struct kvm_vm *vm = vm_create_barebones();
	int i, fd;

	transcript("without: MSIs need a device %d",
		   ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MSI_DEVID));
	create_in(vm, "no GIC");
	kvm_vm_free(vm);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		vm = vm_create_barebones();
		fd = __kvm_create_device(vm, types[i]);
		if (fd >= 0) {
			create_in(vm, i ? "GICv2" : "GICv3");
			close(fd);
		}
		kvm_vm_free(vm);
	}
}

/* Under pKVM a VM's address space is as large as any, whatever was asked for. */
static u64 end_of_addresses(void)
{
	u64 end = 1ULL << vi.vm->pa_bits;
	int fd = new_its();

	if (!set_address(fd, end))
		end = 1ULL << kvm_check_cap(KVM_CAP_ARM_VM_IPA_SIZE);
	close(fd);
	return end;
}

/* I1: which error comes first. */
static void address(bool el2)
{
	u64 end, any = 0;
	int fd, other;

	vi_create(0);
	end = end_of_addresses();
	fd = new_its();
	other = new_its();
	tt_expect(get_address(fd) == ~0ULL, "no address yet");
	tt_errno(-!!attr(fd, SET, ADDR, 0, BAD_POINTER), ENODEV, "another attribute, bad pointer");
	tt_errno(-!!attr(fd, GET, ADDR, 0, BAD_POINTER), ENODEV, "another attribute, bad pointer, get");
	tt_errno(-!!attr(fd, HAS, ADDR, 0, BAD_POINTER), ENXIO, "another attribute, has");
	tt_errno(-!!attr(fd, HAS, ADDR, 4, BAD_POINTER), 0, "has");
	tt_errno(-!!attr(fd, SET, ADDR, 4, BAD_POINTER), EFAULT, "bad pointer");
	tt_errno(-!!attr(fd, GET, ADDR, 4, BAD_POINTER), EFAULT, "bad pointer, get");
	tt_errno(-!!set_address(fd, GITS_BASE_GPA + SZ_4K), EINVAL, "not aligned");
	tt_errno(-!!set_address(fd, end + SZ_4K), EINVAL, "not aligned, beyond");
	tt_errno(-!!set_address(fd, -(u64)SZ_64K), EINVAL, "wraps");
	transcript("ends at 2^64: %s", tt_errno_name(set_address(fd, -(u64)SZ_128K)));
	tt_errno(-!!set_address(fd, end), E2BIG, "beyond");
	tt_errno(-!!set_address(fd, end - SZ_64K), E2BIG, "half of it beyond");
	tt_expect(get_address(fd) == ~0ULL, "no address yet");
	tt_errno(-!!set_address(fd, end - SZ_128K), 0, "at the end");
	tt_expect(get_address(fd) == end - SZ_128K, "that is it");
	tt_errno(-!!set_address(fd, end - SZ_128K), EEXIST, "twice");
	tt_errno(-!!set_address(fd, 1), EEXIST, "twice, not aligned");
	tt_errno(-!!attr(fd, SET, ADDR, 4, BAD_POINTER), EFAULT, "twice, bad pointer");
	tt_expect(get_address(fd) == end - SZ_128K, "it stays");
	tt_errno(-!!attr(other, SET, ADDR, 4, &any), 0, "another one at 0");
	tt_expect(get_address(other) == 0, "that is it");
	close(other);
	close(fd);
	vi_free();
}

/* Each group and attribute, asked for in each way. */
static void show_attributes(int fd, const char *when)
{
	u32 group;
	u64 which;

	for (group = 0; group < 12; group++) {
		if (group == REGS)
			continue;
		for (which = 0; which < 7; which++) {
			u64 value = 0;
			int has = attr(fd, HAS, group, which, &value);
			int get = attr(fd, GET, group, which, &value);
			int bad = attr(fd, GET, group, which, BAD_POINTER);
			int set = group == ADDR ? -1 : attr(fd, SET, group, which, BAD_POINTER);

			if (has == ENXIO && get == ENXIO && bad == ENXIO && set == ENXIO)
				continue;
			transcript("%s: %u, %lu: has %s, get %s, to nowhere %s, set %s", when, group,
				   which, tt_errno_name(has), tt_errno_name(get),
				   tt_errno_name(bad), set < 0 ? "not tried" : tt_errno_name(set));
		}
	}
	transcript("%s: unknown ioctl %s", when,
		   tt_errno_name(ioctl(fd, KVM_RUN, 0) ? errno : 0));
}

static void attributes(bool el2)
{
	int fd;

	vi_create(0);
	fd = new_its();
	show_attributes(fd, "without address");
	tt_check(!set_address(fd, GITS_BASE_GPA), "address");
	show_attributes(fd, "with address");
	close(fd);
	vi_free();
}

/* I6, and what of it comes before what. */
static void show_register_errors(int fd, const char *when)
{
	static const u64 offsets[] = {
		0, 2, 4, 6, 8, 0xc, 0x10, 0x20, 0x84, 0x88, 0x100, 0x13c, 0x140, 0xffc8, 0xffcc, 0xffd0,
		0xffd4, 0xffd6, 0xfffc, 0x10000, 0x10040, 0x10044, 0x20000, 1ULL << 32, 1ULL << 32 | 8,
		1ULL << 32 | 2, 0xffffffff00000000ULL, ~0ULL,
	};
	u64 value;
	int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		u64 offset = offsets[i];
		int has = attr(fd, HAS, REGS, offset, &value);
		int get = attr(fd, GET, REGS, offset, &value);
		int nowhere = attr(fd, GET, REGS, offset, BAD_POINTER);
		int bad = attr(fd, SET, REGS, offset, BAD_POINTER);

		transcript("%s %lx: has %s, get %s, to nowhere %s, set from nowhere %s", when,
			   offset, tt_errno_name(has), tt_errno_name(get),
			   tt_errno_name(nowhere), tt_errno_name(bad));
	}
}

static void register_errors(bool el2)
{
	u64 value = 0;
	int fd;

	vi_create(0);
	fd = new_its();
	show_register_errors(fd, "without address");
	tt_errno(-!!attr(fd, SET, REGS, GITS_CTLR, &value), ENXIO, "set without address");
	tt_errno(-!!attr(fd, SET, REGS, GITS_TYPER + 4, &value), EINVAL, "and not aligned");
	tt_check(!set_address(fd, GITS_BASE_GPA), "address");
	show_register_errors(fd, "with address");
	close(fd);
	vi_free();
}

static void register_values(bool el2)
{
	u64 value;

	vi_create(0);
	vi_its_create();
	tt_errno(-!!vi_set(0, GITS_IIDR, 0), 0, "IIDR, revision 0");
	tt_errno(-!!vi_set(0, GITS_IIDR, 1 << 12), EINVAL, "IIDR, revision 1");
	tt_errno(-!!vi_set(0, GITS_IIDR, 0xffff0fff), 0, "IIDR, anything else");
	tt_errno(-!!vi_set(0, GITS_CREADR, SZ_4K - 32), 0, "CREADR, the last command");
	tt_errno(-!!vi_set(0, GITS_CREADR, SZ_4K), EINVAL, "CREADR, beyond the queue");
	tt_errno(-!!vi_set(0, GITS_CREADR, 1ULL << 20), 0, "CREADR, above its bits");
	tt_errno(-!!vi_set(0, GITS_CREADR, 0x3f), 0, "CREADR, and below");
	transcript("CREADR %lx, CTLR %lx", vi_reg(0, GITS_CREADR),
		   vi_reg(0, GITS_CTLR));
	tt_errno(-!!vi_set(0, GITS_CWRITER, SZ_4K), 0, "CWRITER, beyond the queue");
	transcript("CWRITER %lx", vi_reg(0, GITS_CWRITER));
	tt_errno(-!!vi_set(0, GITS_CTLR, 1), 0, "CTLR, without tables");
	tt_expect(!(vi_reg(0, GITS_CTLR) & GITS_CTLR_ENABLE), "it stays disabled");
	vi_lpis_start();
	vi_its_start(0);
	tt_errno(-!!vi_set(0, GITS_CREADR, 0), EBUSY, "CREADR, enabled");
	tt_errno(-!!vi_set(0, GITS_CREADR, ~0ULL), EBUSY, "CREADR, enabled and beyond");
	tt_errno(-!!vi_get(0, GITS_CREADR, &value), 0, "CREADR, get");
	vi_show("all");
	vi_free();
}

/* While a vCPU is in KVM_RUN. */

static bool spinning;

static void guest_spins(void)
{
	WRITE_ONCE(spinning, true);
	for (;;)
		cpu_relax();
}

static void *run_spinning(void *vcpu)
{
	int ret = __vcpu_run(vcpu);

	TEST_ASSERT(ret < 0 && errno == EINTR, "the guest stops by itself");
	return NULL;
}

static void ignore(int sig)
{
}

static void show_busy(int fd, const char *when)
{
	u64 value = 0;
	u64 which;

	for (which = 0; which < 7; which++)
		transcript("%s: control %lu: %s", when, which,
			   tt_errno_name(attr(fd, SET, CONTROL, which, NULL)));
	tt_errno(-!!attr(fd, GET, REGS, GITS_CTLR, &value), EBUSY, "%s: get", when);
	tt_errno(-!!attr(fd, SET, REGS, GITS_CTLR, &value), EBUSY, "%s: set", when);
	tt_errno(-!!attr(fd, SET, REGS, GITS_CTLR, BAD_POINTER), EFAULT, "%s: set from nowhere", when);
	tt_errno(-!!attr(fd, GET, REGS, GITS_CTLR, BAD_POINTER), EBUSY, "%s: get to nowhere", when);
	tt_errno(-!!attr(fd, GET, REGS, GITS_TYPER + 4, &value), EINVAL, "%s: not aligned", when);
	tt_errno(-!!attr(fd, GET, REGS, 0x20, &value), EBUSY, "%s: no such register", when);
	tt_errno(-!!attr(fd, SET, REGS, GITS_IIDR, &(u64){ 1 << 12 }), EBUSY, "%s: bad revision", when);
	tt_errno(-!!attr(fd, HAS, REGS, GITS_CTLR, NULL), 0, "%s: has", when);
	tt_errno(-!!attr(fd, HAS, CONTROL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL), 0, "%s: has reset", when);
}

static void busy(bool el2)
{
	struct kvm_vm *vm = vm_create(1);
	struct sigaction action = { .sa_handler = ignore };
	struct kvm_vcpu *vcpu;
	pthread_t thread;
	bool *started;
	int fd;

	tt_gic_create(vm, 3, 1);
	vm_init_descriptor_tables(vm);
	vcpu = tt_vcpu_add(vm, 0, false, guest_spins);
	__vgic_v3_init(vm->arch.gic_fd);
	fd = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
	started = addr_gva2hva(vm, (gva_t)&spinning);
	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&thread, NULL, run_spinning, vcpu);
	while (!READ_ONCE(*started))
		usleep(100);
	show_busy(fd, "runs, without address");
	tt_errno(-!!set_address(fd, GITS_BASE_GPA), 0, "address");
	show_busy(fd, "runs, with address");
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, NULL);
	tt_errno(-!!attr(fd, SET, CONTROL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL), 0, "reset, stopped");
	close(fd);
	kvm_vm_free(vm);
}

/* Not again what is there already: it stays as it was when the bus refuses the frame. */
static void address_refused(bool el2)
{
	struct kvm_coalesced_mmio_zone zone = { .size = 4, .pio = 0 };
	int fd, nr = 0;

	vi_create(0);
	fd = new_its();
	for (zone.addr = 0x40000000; !__vm_ioctl(vi.vm, KVM_REGISTER_COALESCED_MMIO, &zone);
	     zone.addr += 16)
		nr++;
	tt_expect(nr > 100, "the bus is full");
	tt_errno(-!!set_address(fd, GITS_BASE_GPA), ENOSPC, "address");
	tt_expect(get_address(fd) == ~0ULL, "none is set");
	for (; nr; nr--) {
		zone.addr -= 16;
		TEST_ASSERT(!__vm_ioctl(vi.vm, KVM_UNREGISTER_COALESCED_MMIO, &zone), "zone");
	}
	if (!tt_errno(-!!set_address(fd, GITS_BASE_GPA), 0, "address, when there is room"))
		tt_expect(vi_read(0, GITS_BASE_GPA + GITS_CIDR0, 4) == 0x0d, "the frame is there");
	close(fd);
	vi_free();
}

/* GICR_PROPBASER is the guest's, whatever user space creates. */
static void second_its(bool el2)
{
	u64 before, after;

	vi_create(0);
	transcript("PROPBASER without ITS %lx",
		   vi_read(0, vi_gicr(0, GICR_PROPBASER), 8));
	vi_its_create();
	transcript("PROPBASER with an ITS %lx",
		   vi_read(0, vi_gicr(0, GICR_PROPBASER), 8));
	vi_write(0, vi_gicr(0, GICR_PROPBASER), 8, vi_gpa(VI_PROPERTIES) | VI_ID_BITS);
	before = vi_read(0, vi_gicr(0, GICR_PROPBASER), 8);
	vi_its_create();
	after = vi_read(0, vi_gicr(0, GICR_PROPBASER), 8);
	tt_expect(before == after, "PROPBASER stays with a second ITS");
	vi_free();
}

/* LPIs need a GICv3 that is initialised: without, there is nothing that could be restored. */
static void restore_one(struct kvm_vm *vm, const char *what)
{
	int fd = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
	u64 base = VI_FLAT(VI_DEVICES), err;
	u64 *memory;

	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, VI_SLOT_GPA, VI_SLOT,
				    VI_SLOT_SIZE / vm->page_size, 0);
	memory = addr_gpa2hva(vm, VI_SLOT_GPA);
	memory[VI_DEVICES * SZ_64K / 8] = 1ULL << 63 | vi_gpa(VI_ITT) >> 8 << 5 | 3;
	memory[VI_COLLECTIONS * SZ_64K / 8] = 1ULL << 63;
	memory[VI_ITT * SZ_64K / 8] = (u64)VI_FIRST_LPI << 16;
	tt_check(!set_address(fd, GITS_BASE_GPA), "%s: address", what);
	err = attr(fd, SET, REGS, GITS_BASER, &base);
	base = VI_FLAT(VI_COLLECTIONS);
	err |= attr(fd, SET, REGS, GITS_BASER + 8, &base);
	tt_check(!err, "%s: tables", what);
	tt_errno(-!!attr(fd, SET, CONTROL, KVM_DEV_ARM_ITS_RESTORE_TABLES, NULL), EINVAL,
		 "%s: restore", what);
	tt_errno(-!!attr(fd, SET, CONTROL, KVM_DEV_ARM_ITS_SAVE_TABLES, NULL), 0, "%s: save", what);
	tt_errno(-!!attr(fd, SET, CONTROL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL), 0, "%s: reset", what);
	close(fd);
}

static void no_lpis(bool el2)
{
	static const u64 types[] = { 0, KVM_DEV_TYPE_ARM_VGIC_V2, KVM_DEV_TYPE_ARM_VGIC_V3 };
	static const char * const names[] = { "no GIC", "GICv2", "GICv3, not initialised" };
	int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		struct kvm_vm *vm = vm_create(1);

		int gic = i ? __kvm_create_device(vm, types[i]) : 0;

		if (gic >= 0) {
			tt_vcpu_add(vm, 0, false, guest_spins);
			restore_one(vm, names[i]);
		}
		if (gic > 0)
			close(gic);
		kvm_vm_free(vm);
	}
}

/* A vCPU's ring of dirty pages has so many places in reserve. */
#define NR_RESERVED	64
#define NR_UNMAPS	200

static void guest_serves(void)
{
	for (;;) {
		GUEST_SYNC(0);
		vt_guest_serve(&vi_request[0].access);
	}
}

static u32 nr_cleared(void)
{
	u64 *entry = vi_memory(VI_DEVICES);
	u32 i, nr = 0;

	for (i = 0; i < NR_UNMAPS; i++)
		nr += !entry[i];
	return nr;
}

/* The ITS of a VM without a GIC writes to memory all the same, no more of it at once than others do. */
static void commands_without_gic(bool el2)
{
	u32 i, most = 0, before = 0;

	memset(&vi, 0, sizeof(vi));
	vi.vm = vm_create(1);
	vm_init_descriptor_tables(vi.vm);
	vi.vcpus[0] = tt_vcpu_add(vi.vm, 0, false, guest_serves);
	vi_memory_create();
	vi_map_frames();
	vi_its_create();
	vi_ask(0, VI_ACCESS);
	vi_its_start(0);
	memset(vi_memory(VI_DEVICES), 0xff, NR_UNMAPS * 8);
	for (i = 0; i < NR_UNMAPS; i++)
		vi_queue(0, mapd(i, 0, 1, false));
	vi_kick(0);
	for (i = 0; i < NR_UNMAPS; i++) {
		most = max(most, nr_cleared() - before);
		before = nr_cleared();
		if (vi_read(0, GITS_BASE_GPA + GITS_CREADR, 8) == vi.writer[0])
			break;
	}
	ksft_print_msg("%u commands at once\n", most);
	tt_expect(most <= NR_RESERVED, "no more than there is room for");
	tt_expect(nr_cleared() == NR_UNMAPS, "all are done");
	vi_free();
}

/* A12: the number is what addr points at. */
static void maintenance(bool el2)
{
	static const u32 values[] = { 15, 16, 31, 32, ~0 };
	int fd = KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ, i;
	struct kvm_vm *vm = vm_create(1);
	u32 value = 0xaaaa;
	int gic;

	gic = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3);
	transcript("has %s, get %s, %u", tt_errno_name(attr(gic, HAS, fd, 0, NULL)),
		   tt_errno_name(attr(gic, GET, fd, 0, &value)), value);
	tt_errno(-!!attr(gic, SET, fd, 0, BAD_POINTER), EFAULT, "set from nowhere");
	for (i = 0; i < ARRAY_SIZE(values); i++) {
		value = values[i];
		transcript("set %x: %s", value, tt_errno_name(attr(gic, SET, fd, 0, &value)));
		transcript("get: %s, %u", tt_errno_name(attr(gic, GET, fd, 0, &value)), value);
	}
	close(gic);
	kvm_vm_free(vm);
}

/* In each order, with LPIs mapped and one pending. */
static void teardown(bool el2)
{
	int i;

	for (i = 0; i < 3; i++) {
		vi_start(1);
		vi_quietly(0, mapd(1, vi_itt(0), 4, true));
		vi_quietly(0, mapc(0, 1, true));
		vi_quietly(0, mapti(1, 1, 8200, 0));
		vi_quietly(0, mapti(1, 2, 8201, 0));
		transcript("MSI: %s", vi_signal(1, 1));
		if (i != 1)
			close(vi.its[0]);
		/* The device is the VM's, not the file's. */
		transcript("MSI: %s", vi_signal(1, 2));
		if (i != 2)
			vi_deliver();
		vi.nr_itss = i == 1;
		vi_free();
	}
}

static const struct tt_test tests[] = {
	{ "create", create },
	{ "address", address },
	{ "attributes", attributes },
	{ "register_errors", register_errors },
	{ "register_values", register_values },
	{ "busy", busy },
	{ "refused_address", address_refused },
	{ "second_its", second_its },
	{ "no_lpis", no_lpis },
	{ "commands_without_gic", commands_without_gic },
	{ "maintenance", maintenance },
	{ "teardown", teardown },
	{ "registers_user", registers_user },
	{ "registers_guest", registers_guest },
	{ "redistributor", redistributor },
};

int main(int argc, char **argv)
{
	test_disable_default_vgic();
	TEST_REQUIRE(tt_probe_gic(3));
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
