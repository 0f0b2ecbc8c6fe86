// SPDX-License-Identifier: GPL-2.0
/*
 * Random sequences of what a VMM can ask of a GIC, right and wrong mixed: the errno of each call
 * and what it gives back, and after each sequence all that can be read. The seed decides.
 *
 * A transcript has a line for each VM, with a checksum of all that it answered; "vgic_api SEED
 * [CALLS]" prints what was asked and answered in one of them, call by call, and "vgic_api from SEED
 * VMS [CALLS]" takes as many VMs from that seed on. There is nothing to expect but that a kernel
 * answers at all: the transcripts of two kernels are to be equal.
 */
#include "vgic_lib.h"

#define NR_VMS		64
#define NR_CALLS	1600
#define MAX_VCPUS	3

static u64 state, sum, nr_answers;
static bool verbose;

static u32 rnd(u32 below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

#define PICK(...)							\
({									\
	static const u64 __of[] = { __VA_ARGS__ };			\
									\
	__of[rnd(ARRAY_SIZE(__of))];					\
})

__attribute__((format(printf, 1, 2)))
static void answer(const char *fmt, ...)
{
	char line[256];
	va_list args;
	char *c;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	for (c = line; *c; c++)
		sum = (sum ^ *c) * 0x100000001b3ULL;
	nr_answers++;
	if (verbose)
		transcript("%s", line);
}

struct machine {
	int vm, kvm, gic, model;
	int vcpu[MAX_VCPUS];
	int nr_vcpus;
	bool initialised;
	int nr_itss;
	bool its_enabled;	/* LPIs are */
};

static const char *did(int ret)
{
	return tt_errno_name(ret < 0 ? errno : 0);
}

static void create_this_vcpu(struct machine *m, u32 id)
{
	struct kvm_vcpu_init init;
	int fd = ioctl(m->vm, KVM_CREATE_VCPU, id);

	answer("vcpu %u: %s", id, did(fd));
	if (fd < 0)
		return;
	if (m->nr_vcpus == MAX_VCPUS) {
		close(fd);
		return;
	}
	ioctl(m->vm, KVM_ARM_PREFERRED_TARGET, &init);
	answer("init: %s", did(ioctl(fd, KVM_ARM_VCPU_INIT, &init)));
	m->vcpu[m->nr_vcpus++] = fd;
}

static void create_vcpu(struct machine *m)
{
	create_this_vcpu(m, PICK(0, 1, 2, 1, 0, 2, 7, 8, 512));
}

static void create_gic(struct machine *m)
{
	struct kvm_create_device dev = {
		.type = PICK(KVM_DEV_TYPE_ARM_VGIC_V3, KVM_DEV_TYPE_ARM_VGIC_V3,
			     KVM_DEV_TYPE_ARM_VGIC_V2),
		.flags = rnd(8) ? 0 : KVM_CREATE_DEVICE_TEST,
	};
	int ret;

	if (!rnd(10)) {
		answer("irqchip: %s", did(ioctl(m->vm, KVM_CREATE_IRQCHIP, 0)));
		return;
	}
	ret = ioctl(m->vm, KVM_CREATE_DEVICE, &dev);
	answer("gic %u, %u: %s", dev.type, dev.flags, did(ret));
	if (!ret && !dev.flags) {
		if (m->gic >= 0)
			close(m->gic);
		m->gic = dev.fd;
		m->model = dev.type == KVM_DEV_TYPE_ARM_VGIC_V2 ? 2 : 3;
	}
}

static int attr(struct machine *m, unsigned long what, u32 group, u64 attr, void *value)
{
	struct kvm_device_attr a = {
		.group = group,
		.attr = attr,
		.addr = (u64)value,
	};

	return ioctl(m->gic, what, &a);
}

static unsigned long any_access(void)
{
	return PICK(KVM_SET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR);
}

static void address(struct machine *m)
{
	u64 type = PICK(KVM_VGIC_V2_ADDR_TYPE_DIST, KVM_VGIC_V2_ADDR_TYPE_CPU,
			KVM_VGIC_V3_ADDR_TYPE_DIST, KVM_VGIC_V3_ADDR_TYPE_REDIST,
			KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION, 9);
	u64 value = PICK(0x08000000, 0x08010000, 0x080a0000, 0x08020000, 0x08001000, 0x1, 0x800,
			 0xfffffffff0000ULL, 0xffffffff0000ULL, ~0ULL, 0x100000000000ULL, 0);
	unsigned long what = any_access();
	int ret;

	if (type == KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION)
		value = (value & 0xffffffff0000ULL) | PICK(0, 1, 2, 0x1000) |
			PICK(0, 1, 2, 3, 512) << 52;
	ret = attr(m, what, KVM_DEV_ARM_VGIC_GRP_ADDR, type, &value);
	answer("addr %lx %lu: %s, %lx", what & 0xff, type, did(ret), value);

	if (!rnd(8)) {
		struct kvm_arm_device_addr legacy = {
			.id = (u64)PICK(0, 0, 1) << KVM_ARM_DEVICE_ID_SHIFT | PICK(0, 1, 2, 3),
			.addr = PICK(0x08000000, 0x08010000, 0x801, ~0ULL),
		};

		ret = ioctl(m->vm, KVM_ARM_SET_DEVICE_ADDR, &legacy);
		answer("legacy addr %llx %llx: %s", legacy.id, legacy.addr, did(ret));
	}
}

static void control(struct machine *m)
{
	unsigned long what = any_access();
	u64 which = PICK(0, 0, 0, 3, 1, 2, 4, 5);
	int ret = attr(m, what, KVM_DEV_ARM_VGIC_GRP_CTRL, which, NULL);

	m->initialised |= !ret && what == KVM_SET_DEVICE_ATTR &&
			  which == KVM_DEV_ARM_VGIC_CTRL_INIT;
	answer("ctrl %lx %lu: %s", what & 0xff, which, did(ret));
}

static void nr_irqs(struct machine *m)
{
	u32 value = PICK(64, 96, 128, 256, 1024, 1023, 992, 32, 0, 65, 63);
	unsigned long what = any_access();
	int ret = attr(m, what, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, rnd(2), &value);

	answer("nr %lx: %s, %u", what & 0xff, did(ret), value);
}

static void maintenance(struct machine *m)
{
	u32 value = PICK(25, 16, 31, 32, 15, 0, 20);
	unsigned long what = any_access();
	int ret = attr(m, what, KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ, 0, &value);

	answer("mi %lx: %s, %u", what & 0xff, did(ret), value);
}

/* Of the frames: mostly what is there. */
static u32 any_offset(void)
{
	switch (rnd(5)) {
	case 0:
		return PICK(0, 4, 8, 0xc, 0x10, 0x14, 0x70, 0x74, 0x78, 0xc0, 0xffe8, 0xfe8, 0xf00,
			    0xf10, 0xf20, 0xd0, 0xfc, 0x1c, 0x1000);
	case 1:
		return PICK(0x80, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400, 0x800, 0xc00,
			    0xd00, 0xe00) + rnd(4) * 4;
	case 2:
		return 0x10000 + PICK(0x80, 0x100, 0x180, 0x200, 0x280, 0x300, 0x380, 0x400, 0xc00,
				      0xd00) + rnd(9) * 4;
	case 3:
		return 0x6000 + rnd(0x100) * 4;
	default:
		return rnd(0x20010) & ~(rnd(4) ? 3 : 0);
	}
}

/*
 * Rust follows the line of what is configured as an edge, C does not: they agree on lines that are
 * low when their configuration changes. LEVEL_INFO sets those of edges as well; a GICv2 has none.
 */
static void lower_lines(struct machine *m, u32 group, u64 which)
{
	u64 cpu = group == KVM_DEV_ARM_VGIC_GRP_REDIST_REGS ? which >> 32 : 0;
	u32 first = (which & 0xfc) * 4, low = 0, i;
	struct kvm_irq_level irq = {};

	if ((which & 0xff00) != 0xc00)
		return;
	if (m->model == 3) {
		attr(m, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO,
		     cpu << 32 | (first & ~31), &low);
		return;
	}
	for (i = 0; i < 16 * MAX_VCPUS; i++) {
		irq.irq = (first < 32 ? 2 : 1) << KVM_ARM_IRQ_TYPE_SHIFT |
			  (i / 16) << KVM_ARM_IRQ_VCPU_SHIFT | (first + i % 16);
		ioctl(m->vm, KVM_IRQ_LINE, &irq);
	}
}

static void registers(struct machine *m)
{
	u32 group = PICK(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
			 KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, KVM_DEV_ARM_VGIC_GRP_CPU_REGS);
	u64 cpu = PICK(0, 0, 1, 2, 0x100, 9);
	u32 value = PICK(0, ~0, 1, 2, 0x10, 0x80000000, 0x0000ff00, 0x12345678, 0xaaaaaaaa);
	u64 which = cpu << 32 | any_offset();
	unsigned long what = any_access();
	u32 before = value;
	int ret;

	/* See vgic_api_its.h. */
	if (m->its_enabled && !(which & 0xffff) && what == KVM_SET_DEVICE_ATTR)
		return;
	if (what == KVM_SET_DEVICE_ATTR)
		lower_lines(m, group, which);
	ret = attr(m, what, group, which, &value);
	answer("reg %lx %u %lx %x: %s, %x", what & 0xff, group, which, before, did(ret), value);
}

static void sysregs(struct machine *m)
{
	static const u16 known[] = {
		0xc230,	/* PMR */ 0xc643, 0xc644, 0xc645, 0xc646, 0xc647, 0xc648, 0xc649, 0xc64a,
		0xc64b, 0xc663, 0xc664, 0xc665, 0xc666, 0xc667, 0xc640, 0xc65d,
	};
	u64 which = (u64)PICK(0, 0, 1, 9) << 32 |
		    (rnd(6) ? known[rnd(ARRAY_SIZE(known))] : rnd(0x10000));
	u64 value = PICK(0, ~0ULL, 7, 1, 0xf0, 0x700, 0x403, 0x8403, 0x2, 0x3), before = value;
	unsigned long what = any_access();
	int ret;

	/* ICC_CTLR_EL1: of a value that it refuses C takes a part (see vgic_sweep). */
	if ((which & 0xffff) == 0xc664 && what == KVM_SET_DEVICE_ATTR)
		value = 0x8403;
	ret = attr(m, what, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, which, &value);
	answer("icc %lx %lx %lx: %s, %lx", what & 0xff, which, before, did(ret), value);
}

static void levels(struct machine *m)
{
	u64 which = (u64)PICK(0, 0, 1) << 32 | (u64)PICK(0, 0, 0, 1) << 10 |
		    PICK(0, 32, 64, 96, 33, 992);
	u32 value = PICK(0, ~0, 0xff00ff00, 1);
	unsigned long what = any_access();
	int ret = attr(m, what, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, which, &value);

	answer("level %lx %lx: %s, %x", what & 0xff, which, did(ret), value);
}

static void line(struct machine *m)
{
	struct kvm_irq_level irq = {
		.irq = PICK(0, 1, 2, 3, 1, 2, 1) << KVM_ARM_IRQ_TYPE_SHIFT |
		       PICK(0, 0, 1, 2, 3) << KVM_ARM_IRQ_VCPU_SHIFT |
		       PICK(0, 15, 16, 20, 27, 31, 32, 33, 40, 63, 64, 95, 96, 127, 256, 1019, 1020,
			    8192),
		.level = rnd(3),
	};

	answer("line %x %u: %s", irq.irq, irq.level, did(ioctl(m->vm, KVM_IRQ_LINE, &irq)));
}

static void routing(struct machine *m)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry[2];
	} r = {
		.head.nr = rnd(3),
		.head.flags = rnd(10) ? 0 : 1,
	};
	struct kvm_msi msi = {
		.address_lo = PICK(0x08090040, 0), .data = rnd(4), .flags = rnd(2), .devid = rnd(2),
	};
	u32 i;

	for (i = 0; i < 2; i++) {
		r.entry[i].gsi = PICK(0, 1, 5, 31, 987, 4095, 4096);
		r.entry[i].type = PICK(1, 1, 2, 3, 0);
		if (r.entry[i].type == 1) {
			r.entry[i].u.irqchip.irqchip = PICK(0, 0, 0, 1);
			r.entry[i].u.irqchip.pin = PICK(0, 5, 31, 987, 988);
		}
	}
	answer("routing %u: %s", r.head.nr, did(ioctl(m->vm, KVM_SET_GSI_ROUTING, &r)));
	answer("msi: %s", did(ioctl(m->vm, KVM_SIGNAL_MSI, &msi)));
}

/* All that there is to do at the first run, but no instruction of the guest, which has no memory. */
static void run(struct machine *m)
{
	int i = rnd(MAX_VCPUS), ret;
	struct kvm_run *run;

	if (i >= m->nr_vcpus)
		return;
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu[i], 0);
	TEST_ASSERT(run != MAP_FAILED, "mmap()");
	run->immediate_exit = 1;
	ret = ioctl(m->vcpu[i], KVM_RUN, NULL);
	answer("run %d: %s", i, did(ret));
	munmap(run, sizeof(*run));
}

#include "vgic_api_its.h"

static void read_all(struct machine *m)
{
	static const u32 offsets[] = {
		0, 4, 8, 0xc, 0x80, 0x84, 0x88, 0x100, 0x104, 0x108, 0x180, 0x200, 0x204, 0x208,
		0x280, 0x300, 0x304, 0x308, 0x380, 0x400, 0x404, 0x420, 0x424, 0x440, 0x45c, 0x800,
		0x820, 0x824, 0xc00, 0xc04, 0xc08, 0xc0c, 0xf10, 0xf20, 0x6100, 0x6104, 0x6108,
		0x61f8, 0x10080, 0x10100, 0x10180, 0x10200, 0x10280, 0x10300, 0x10400, 0x10410,
		0x1041c, 0x10c00, 0x10c04, 0x14, 0x70, 0x74, 0x78, 0x7c,
	};
	u32 group, i, value;
	u64 cpu;

	for (i = 32; i < 160; i += 32) {
		value = 0;
		if (!attr(m, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, i, &value))
			answer("level %u: %x", i, value);
	}
	for (group = 1; group <= 5; group++) {
		if (group == KVM_DEV_ARM_VGIC_GRP_NR_IRQS || group == KVM_DEV_ARM_VGIC_GRP_CTRL)
			continue;
		for (cpu = 0; cpu < 3; cpu++) {
			for (i = 0; i < ARRAY_SIZE(offsets); i++) {
				int ret;

				value = 0;
				ret = attr(m, KVM_GET_DEVICE_ATTR, group, cpu << 32 | offsets[i],
					   &value);
				if (ret || value)
					answer("%u %lu %x: %s, %x", group, cpu, offsets[i],
					       did(ret), value);
			}
		}
	}
}

static void initialise(struct machine *m)
{
	int ret = attr(m, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT,
		       NULL);

	answer("init: %s", did(ret));
	m->initialised |= !ret;
	if (m->nr_itss && m->initialised)
		its_start(m);
}

/* Half of the machines are set up as a VMM would; one in four has ITSs as well. */
static void begin(struct machine *m, u64 seed)
{
	if (!(seed & 1))
		return;
	if (!tt_gicv3 || seed % 4 != 3) {
		create_vcpu(m);
		create_vcpu(m);
		create_gic(m);
		return;
	}
	create_this_vcpu(m, 0);
	create_this_vcpu(m, 1);
	while (m->model != 3)
		create_gic(m);
	m->nr_itss = 1 + rnd(VI_MAX_ITSS);
	m->its_enabled = rnd(2);
	its_create(m);
}

static void any_call(struct machine *m)
{
	static void (*const any[])(struct machine *) = {
		create_vcpu, create_gic, address, address, control, nr_irqs, maintenance, registers,
		registers, registers, registers, sysregs, sysregs, levels, line, line, line, routing,
		run,
	};
	static void (*const its[])(struct machine *) = {
		its_address, its_register, its_register, its_control, its_commands, its_commands,
		its_commands, its_commands, its_msi, its_msi, its_lpis, its_restore,
	};
	void (*call)(struct machine *) = any[rnd(ARRAY_SIZE(any))];

	if (m->nr_itss && rnd(2))
		call = its[rnd(ARRAY_SIZE(its))];
	/* Without a device most calls have nowhere to go. */
	if (m->gic < 0 && call != create_vcpu && call != line && call != routing && call != run)
		call = create_gic;
	call(m);
}

static void one(u64 seed, u32 calls)
{
	struct machine m = {
		.kvm = open_kvm_dev_path_or_exit(),
		.gic = -1,
	};
	u32 i;

	state = seed * 0x9e3779b97f4a7c15ULL + 1;
	rnd(2);
	sum = 0xcbf29ce484222325ULL;
	m.vm = ioctl(m.kvm, KVM_CREATE_VM, 0);
	TEST_ASSERT(m.vm >= 0, "KVM_CREATE_VM");

	begin(&m, seed);
	for (i = 0; i < calls; i++) {
		any_call(&m);
		if ((seed & 1) && i == 12)
			initialise(&m);
	}
	if (m.gic >= 0)
		read_all(&m);
	if (m.nr_itss) {
		its_read_all(&m);
		its_destroy(&m);
	}
	if (m.gic >= 0)
		close(m.gic);
	for (i = 0; i < m.nr_vcpus; i++)
		close(m.vcpu[i]);
	close(m.vm);
	close(m.kvm);
}

static void many(u64 seed, u64 vms, u32 calls)
{
	u64 end = seed + vms;

	for (; seed != end; seed++) {
		one(seed, calls);
		transcript("seed %lu: %016lx", seed, sum);
	}
	ksft_print_msg("%lu calls, %lu answers\n", vms * calls, nr_answers);
}

static u64 number(int argc, char **argv, int i, u64 otherwise)
{
	return argc > i ? strtoull(argv[i], NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	setlinebuf(stdout);
	ksft_print_header();
	test_disable_default_vgic();
	tt_gicv2 = tt_probe_gic(2);
	tt_gicv3 = tt_probe_gic(3);
	TEST_REQUIRE(tt_gicv2 || tt_gicv3);
	ksft_set_plan(1);

	if (argc > 1 && strcmp(argv[1], "from")) {
		verbose = true;
		one(number(argc, argv, 1, 0), number(argc, argv, 2, NR_CALLS));
	} else {
		many(number(argc, argv, 2, 1), number(argc, argv, 3, NR_VMS),
		     number(argc, argv, 4, NR_CALLS));
	}
	ksft_test_result_pass("answers\n");
	ksft_finished();
}
