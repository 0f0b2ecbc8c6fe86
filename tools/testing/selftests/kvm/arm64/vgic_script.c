// SPDX-License-Identifier: GPL-2.0
/*
 * Has a kernel do what a script says, and prints what came of it: a trace, for the model of the GIC
 * (tools/testing/model, whose event.rs has the format) to judge. The guests have a GICv3, and an ITS
 * if there are LPIs. They take interrupts by looking for them, one at a time, and leave after
 * everything that they do, so that nothing depends on when something happens.
 *
 *	vgic_script FILE
 */
#include <signal.h>
#include <sys/time.h>

#define VT_NR_IRQS	64

#include "vgic_its_cmds.h"

#define MAX_TAKEN	64
/* GICR_PROPBASER.IDbits: scripts have 65535 as an LPI that there isn't. */
#define VS_ID_BITS	13
#define NOTHING		(~0ULL)

enum vs_op {
	VS_ACCESS,
	VS_TAKE,
	VS_FINISH,
	VS_DEACTIVATE,
	VS_SGI1R,
	VS_ASGI1R,
	VS_SGI0R,
	VS_GROUPS,
	VS_MASK,
	VS_SEPARATE,
};

static struct vs_request {
	enum vs_op op;
	struct vt_request access;
	u64 value, also;
} vs_request[VI_NR_VCPUS];

/* Guest */

struct vs_taken {
	u32 intid;
	bool group1;
};

static u64 vs_guest_take(struct vs_taken *taken)
{
	taken->group1 = false;
	taken->intid = read_sysreg_s(SYS_ICC_IAR0_EL1);
	if (taken->intid >= 1020 && taken->intid <= IAR_SPURIOUS) {
		taken->group1 = true;
		taken->intid = read_sysreg_s(SYS_ICC_IAR1_EL1);
	}
	dsb(sy);
	if (taken->intid == IAR_SPURIOUS)
		return NOTHING;
	return taken->intid | read_sysreg_s(SYS_ICC_RPR_EL1) << 32;
}

static void vs_guest_finish(const struct vs_taken *taken)
{
	if (taken->group1)
		write_sysreg_s(taken->intid, SYS_ICC_EOIR1_EL1);
	else
		write_sysreg_s(taken->intid, SYS_ICC_EOIR0_EL1);
}

/*
 * Group 1 is never off while group 0 is on: up to 10.0, QEMU takes that for what VGrp0DIE asks for, and
 * a guest gets nowhere.
 */
static void vs_guest_groups(u64 zero, u64 one)
{
	if (one) {
		write_sysreg_s(one, SYS_ICC_IGRPEN1_EL1);
		isb();
	}
	write_sysreg_s(zero, SYS_ICC_IGRPEN0_EL1);
	isb();
	write_sysreg_s(one, SYS_ICC_IGRPEN1_EL1);
}

static void vs_guest_do(struct vs_request *r, struct vs_taken *taken, u32 *nr)
{
	u64 value = READ_ONCE(r->value);

	switch (READ_ONCE(r->op)) {
	case VS_ACCESS:
		vt_guest_serve(&r->access);
		break;
	case VS_TAKE:
		GUEST_ASSERT(*nr < MAX_TAKEN);
		r->value = vs_guest_take(&taken[*nr]);
		*nr += r->value != NOTHING;
		break;
	case VS_FINISH:
		if (*nr)
			vs_guest_finish(&taken[--*nr]);
		break;
	case VS_DEACTIVATE:
		write_sysreg_s(value, SYS_ICC_DIR_EL1);
		break;
	case VS_SGI1R:
		write_sysreg_s(value, SYS_ICC_SGI1R_EL1);
		break;
	case VS_ASGI1R:
		write_sysreg_s(value, SYS_ICC_ASGI1R_EL1);
		break;
	case VS_SGI0R:
		write_sysreg_s(value, SYS_ICC_SGI0R_EL1);
		break;
	case VS_GROUPS:
		vs_guest_groups(value, READ_ONCE(r->also));
		break;
	case VS_MASK:
		write_sysreg_s(value, SYS_ICC_PMR_EL1);
		break;
	case VS_SEPARATE:
		write_sysreg_s(value << 1, SYS_ICC_CTLR_EL1);
		break;
	}
	isb();
}

static void vs_guest_main(void)
{
	struct vs_request *r = &vs_request[guest_get_vcpuid()];
	struct vs_taken taken[MAX_TAKEN];
	u32 nr = 0;

	local_irq_disable();
	write_sysreg_s(read_sysreg_s(SYS_ICC_SRE_EL1) | ICC_SRE_EL1_SRE, SYS_ICC_SRE_EL1);
	isb();
	write_sysreg_s(0xf8, SYS_ICC_PMR_EL1);
	vs_guest_groups(1, 1);
	isb();
	for (;;) {
		GUEST_SYNC(0);
		vs_guest_do(r, taken, &nr);
	}
}

/* User space */

/* A guest that gets nowhere for so many seconds of CPU time is stuck, and the rest of its script goes. */
#define VS_PATIENCE	10

static volatile bool vs_stuck;

static void vs_out_of_patience(int signal)
{
	vs_stuck = true;
}

static void vs_watch(void)
{
	struct sigaction action = { .sa_handler = vs_out_of_patience };

	TEST_ASSERT(!sigaction(SIGPROF, &action, NULL), "sigaction");
}

static void vs_be_patient(void)
{
	const struct itimerval patience = { .it_value.tv_sec = VS_PATIENCE };

	setitimer(ITIMER_PROF, &patience, NULL);
}

static u64 vs_run(u32 vcpu)
{
	struct vs_request *r = addr_gva2hva(vi.vm, (gva_t)&vs_request[vcpu]);
	struct ucall uc;

	if (vs_stuck)
		return NOTHING;
	vs_be_patient();
	if (__vcpu_run(vi.vcpus[vcpu])) {
		TEST_ASSERT(errno == EINTR && vs_stuck, KVM_IOCTL_ERROR(KVM_RUN, -1));
		return NOTHING;
	}
	TEST_ASSERT_EQ(get_ucall(vi.vcpus[vcpu], &uc), UCALL_SYNC);
	return r->op == VS_ACCESS ? r->access.value : r->value;
}

static u64 vs_do(u32 vcpu, enum vs_op op, u64 value, u64 also)
{
	struct vs_request *r = addr_gva2hva(vi.vm, (gva_t)&vs_request[vcpu]);

	r->op = op;
	r->value = value;
	r->also = also;
	return vs_run(vcpu);
}

static u64 vs_access(u32 vcpu, gpa_t address, u32 width, bool write, u64 value)
{
	struct vs_request *r = addr_gva2hva(vi.vm, (gva_t)&vs_request[vcpu]);

	r->op = VS_ACCESS;
	r->access = (struct vt_request) { address, value, width, write };
	return vs_run(vcpu);
}

/* The scripts have 1 MiB from 2 GiB on for each device's table; its number says which. */
static void vs_add_itts(u32 slot, u32 device, u32 nr)
{
	vm_userspace_mem_region_add(vi.vm, VM_MEM_SRC_ANONYMOUS, SZ_2G + (u64)device * SZ_1M, slot,
				    (u64)nr * SZ_1M / vi.vm->page_size, 0);
}

static void vs_start_lpis(u32 nr)
{
	gpa_t its = vi_its_gpa(0);
	u32 i;

	vi_its_create();
	vs_add_itts(VI_SLOT + 1, 0, 2);
	vs_add_itts(VI_SLOT + 2, 8190, 1);
	memset(vi_memory(VI_PROPERTIES), 0, SZ_64K);
	for (i = 0; i < nr; i++) {
		vs_access(i, vi_gicr(i, GICR_PROPBASER), 8, true, vi_gpa(VI_PROPERTIES) | VS_ID_BITS);
		vs_access(i, vi_gicr(i, GICR_PENDBASER), 8, true, vi_gpa(VI_PENDING + i));
	}
	/* A page of 64 KiB each. */
	vs_access(0, its + GITS_BASER, 8, true, VI_FLAT(VI_DEVICES) | GITS_BASER_PAGE_SIZE_64K);
	vs_access(0, its + GITS_BASER + 8, 8, true,
		  VI_FLAT(VI_COLLECTIONS) | GITS_BASER_PAGE_SIZE_64K);
	vs_access(0, its + GITS_CBASER, 8, true, VI_QUEUE(0));
	vs_access(0, its + GITS_CTLR, 4, true, GITS_CTLR_ENABLE);
}

/* "config GUEST HOST LRS VCPUS IRQS LPIS" */
static void vs_begin(const char *line)
{
	u32 guest, host, lrs, nr, irqs, lpis, i;

	TEST_ASSERT(sscanf(line, "config %u %u %u %u %u %u", &guest, &host, &lrs, &nr, &irqs,
			   &lpis) == 6, "%s", line);
	TEST_ASSERT(guest == 3 && irqs == VT_NR_IRQS && nr && nr <= VI_NR_VCPUS, "%s", line);
	if (vi.vm)
		vi_free();
	memset(&vi, 0, sizeof(vi));
	vs_stuck = false;
	vi.vm = vt_vm_nr(3, nr, vs_guest_main, vi.vcpus);
	vi.gic = vi.vm->arch.gic_fd;
	vi_memory_create();
	vi_map_frames();
	for (i = 0; i < nr; i++)
		vs_run(i);
	if (lpis)
		vs_start_lpis(nr);
}

/* The words of a line. */
static char *vs_rest;

static const char *vs_word(void)
{
	char *word = strsep(&vs_rest, " ");

	TEST_ASSERT(word, "a word is missing");
	return word;
}

static u64 vs_number(void)
{
	return strtoull(vs_word(), NULL, 0);
}

/* "gicd", or "gicr" and the number of a vCPU; for user space also which device attribute it is. */
struct vs_place {
	gpa_t gpa;
	u32 group;
	u64 attr;
};

static struct vs_place vs_place(void)
{
	const char *frame = vs_word();
	u64 offset = vs_number(), vcpu;

	if (!strcmp(frame, "gicd"))
		return (struct vs_place) { GICD_BASE_GPA + offset, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, offset };
	vcpu = strtoull(frame + strlen("gicr"), NULL, 10);
	return (struct vs_place) {
		vi_gicr(vcpu, offset), KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
		vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | offset
	};
}

/* A device attribute of 32 bits. */
static u64 vs_get(u32 group, u64 attr)
{
	u32 value;

	return __kvm_device_attr_get(vi.gic, group, attr, &value) ? NOTHING : value;
}

static u64 vs_set(u32 group, u64 attr, u32 value)
{
	TEST_ASSERT(!__kvm_device_attr_set(vi.gic, group, attr, &value), "attribute %u, %lx", group, attr);
	return NOTHING;
}

static u64 vs_levels_attr(u32 vcpu, u32 intid)
{
	return (u64)vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT |
	       VGIC_LEVEL_INFO_LINE_LEVEL << KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT | intid;
}

static void vs_line(u32 vcpu, u32 intid, bool high)
{
	u32 type = intid < 32 ? KVM_ARM_IRQ_TYPE_PPI : KVM_ARM_IRQ_TYPE_SPI;
	u32 of = intid < 32 ? vcpu : 0;

	kvm_irq_line(vi.vm, type << KVM_ARM_IRQ_TYPE_SHIFT | of << KVM_ARM_IRQ_VCPU_SHIFT | intid, high);
}

static u64 vs_message(u32 device, u32 event)
{
	struct kvm_msi msi = {
		.address_lo = (u32)VI_DOORBELL,
		.address_hi = VI_DOORBELL >> 32,
		.data = event,
		.flags = KVM_MSI_VALID_DEVID,
		.devid = device,
	};

	return __vm_ioctl(vi.vm, KVM_SIGNAL_MSI, &msi) > 0;
}

static void vs_command(u32 vcpu)
{
	u64 words[4];
	int i;

	for (i = 0; i < 4; i++)
		words[i] = vs_number();
	vi_queue(0, vi_cmd(words[0], words[1], words[2], words[3], "as it is"));
	vs_access(vcpu, vi_its_gpa(0) + GITS_CWRITER, 8, true, vi.writer[0]);
}

#define IS(name)	(!strcmp(kind, name))

/* What happens at a vCPU, which is named by the line's other words: what is read, or taken. */
static u64 vs_event(u32 vcpu, const char *kind)
{
	struct vs_place at;
	u64 a, b;

	if (IS("read")) {
		at = vs_place();
		return vs_access(vcpu, at.gpa, vs_number(), false, 0);
	}
	if (IS("write")) {
		at = vs_place();
		a = vs_number();
		vs_access(vcpu, at.gpa, a, true, vs_number());
		return NOTHING;
	}
	if (IS("user-read")) {
		at = vs_place();
		return vs_get(at.group, at.attr);
	}
	if (IS("user-write")) {
		at = vs_place();
		return vs_set(at.group, at.attr, vs_number());
	}
	if (IS("levels"))
		return vs_get(KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, vs_levels_attr(vcpu, vs_number()));
	if (IS("set-levels")) {
		a = vs_levels_attr(vcpu, vs_number());
		return vs_set(KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, a, vs_number());
	}
	if (IS("take"))
		return vs_do(vcpu, VS_TAKE, 0, 0);
	if (IS("message")) {
		a = vs_number();
		return vs_message(a, vs_number());
	}
	if (IS("line")) {
		a = vs_number();
		vs_line(vcpu, a, vs_number());
	} else if (IS("configure")) {
		a = vs_number();
		vi_property(VI_FIRST_LPI + a, vs_number());
	} else if (IS("command")) {
		vs_command(vcpu);
	} else if (IS("groups")) {
		a = vs_number();
		b = vs_number();
		vs_do(vcpu, VS_GROUPS, a, b);
	} else if (IS("finish")) {
		vs_do(vcpu, VS_FINISH, 0, 0);
	} else {
		static const struct {
			const char *kind;
			enum vs_op op;
		} ops[] = {
			{ "deactivate", VS_DEACTIVATE },
			{ "sgi1r", VS_SGI1R },
			{ "asgi1r", VS_ASGI1R },
			{ "sgi0r", VS_SGI0R },
			{ "mask", VS_MASK },
			{ "separate", VS_SEPARATE },
		};
		u32 i;

		for (i = 0; i < ARRAY_SIZE(ops) && strcmp(kind, ops[i].kind); i++)
			;
		TEST_ASSERT(i < ARRAY_SIZE(ops), "no event: %s", kind);
		vs_do(vcpu, ops[i].op, vs_number(), 0);
	}
	return NOTHING;
}

/* "SEQ VCPU KIND ARGS... [-> RESULT...]" */
static void vs_line_of(char *line)
{
	char *end = strstr(line, " ->"), event[256];
	const char *kind;
	u64 result;
	u32 vcpu;

	if (end)
		*end = 0;
	snprintf(event, sizeof(event), "%s", line);
	vs_rest = line;
	vs_word();
	vcpu = vs_number();
	kind = vs_word();
	result = vs_event(vcpu, kind);
	if (vs_stuck)
		printf("%s -> stuck\n", event);
	else if (result == NOTHING)
		printf("%s ->\n", event);
	else
		printf("%s -> 0x%lx\n", event, result);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	test_disable_default_vgic();
	setlinebuf(stdout);
	TEST_REQUIRE(argc == 2);
	TEST_REQUIRE(tt_probe_gic(3));
	vs_watch();
	file = fopen(argv[1], "r");
	TEST_ASSERT(file, "%s", argv[1]);
	while (getline(&line, &size, file) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "config ", 7)) {
			vs_begin(line);
			printf("%s\n", line);
		} else if (*line && *line != '#' && !vs_stuck) {
			vs_line_of(line);
		}
	}
	fclose(file);
	return 0;
}
