// SPDX-License-Identifier: GPL-2.0
/*
 * vgic_vmm_orders - a GICv3 with interrupts in all states, and an ITS, goes to another VM in the
 * orders in which VMMs save and restore it. They differ: whether GICR_CTLR comes before the tables'
 * addresses, the distributor before the redistributors, the CPU interface before both; and crosvm
 * copies every word of the frames as it comes, registers that clear included. Only QEMU's order is
 * that of Documentation/virt/kvm/devices/arm-vgic-v3.rst, so of the others not all of the state
 * arrives. What does must be the same on any KVM.
 */
#include "vgic_its_cmds.h"

#define GICR_SGI	SZ_64K
#define NR_IRQS		VT_NR_IRQS
#define MAX_REGS	(SZ_64K / 4 + VI_NR_VCPUS * SZ_128K / 4 + 256)
#define LPI		8200

/* Of user space's: with what was read of the first VM. */
static struct reg {
	u32 group;
	u64 attr;
	u64 value;
} *regs;
static int nr_regs;

static int reg_fd(const struct reg *r)
{
	return r->group == KVM_DEV_ARM_VGIC_GRP_ITS_REGS ? vi.its[0] : vi.gic;
}

static void add(u32 group, u64 attr)
{
	TEST_ASSERT(nr_regs < MAX_REGS, "too many registers");
	regs[nr_regs++] = (struct reg) { .group = group, .attr = attr };
}

static void add_words(u32 group, u64 attr, u32 bytes)
{
	u32 i;

	for (i = 0; i < bytes; i += 4)
		add(group, attr + i);
}

/* Of each SPI @bits. */
static void add_spis(u32 offset, u32 bits)
{
	add_words(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, offset + 32 * bits / 8, (NR_IRQS - 32) * bits / 8);
}

static u64 affinity(int vcpu)
{
	return (u64)vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT;
}

static void add_redist(int vcpu, u32 offset, u32 bytes)
{
	add_words(KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, affinity(vcpu) | offset, bytes);
}

static void add_icc(int vcpu, u32 sysreg)
{
	add(KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, affinity(vcpu) | (sysreg & GENMASK(20, 5)) >> 5);
}

/* Those that clear come as read, before those that set, as two VMMs have it. */
static void add_dist(bool with_clear)
{
	add_words(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_STATUSR, 4);
	if (with_clear)
		add_spis(GICD_ICENABLER, 1);
	add_spis(GICD_ISENABLER, 1);
	add_spis(GICD_IGROUPR, 1);
	add_spis(GICD_IROUTER, 64);
	add_spis(GICD_ICFGR, 2);
	if (with_clear)
		add_spis(GICD_ICPENDR, 1);
	add_spis(GICD_ISPENDR, 1);
	if (with_clear)
		add_spis(GICD_ICACTIVER, 1);
	add_spis(GICD_ISACTIVER, 1);
	add_spis(GICD_IPRIORITYR, 8);
}

static void add_lpi_tables(int vcpu, bool ctlr_first)
{
	if (ctlr_first)
		add_redist(vcpu, GICR_CTLR, 4);
	add_redist(vcpu, GICR_STATUSR, 4);
	add_redist(vcpu, GICR_WAKER, 4);
	add_redist(vcpu, GICR_PROPBASER, 8);
	add_redist(vcpu, GICR_PENDBASER, 8);
	if (!ctlr_first)
		add_redist(vcpu, GICR_CTLR, 4);
}

static void add_private(int vcpu, bool with_clear)
{
	add_redist(vcpu, GICR_SGI + GICR_IGROUPR0, 4);
	if (with_clear)
		add_redist(vcpu, GICR_SGI + GICR_ICENABLER0, 4);
	add_redist(vcpu, GICR_SGI + GICR_ISENABLER0, 4);
	add_redist(vcpu, GICR_SGI + GICR_ICFGR0, 8);
	if (with_clear)
		add_redist(vcpu, GICR_SGI + GICR_ICPENDR0, 4);
	add_redist(vcpu, GICR_SGI + GICR_ISPENDR0, 4);
	if (with_clear)
		add_redist(vcpu, GICR_SGI + GICR_ICACTIVER0, 4);
	add_redist(vcpu, GICR_SGI + GICR_ISACTIVER0, 4);
	add_redist(vcpu, GICR_SGI + GICR_IPRIORITYR0, 32);
}

static void add_cpu_interface(int vcpu)
{
	add_icc(vcpu, SYS_ICC_SRE_EL1);
	add_icc(vcpu, SYS_ICC_CTLR_EL1);
	add_icc(vcpu, SYS_ICC_IGRPEN0_EL1);
	add_icc(vcpu, SYS_ICC_IGRPEN1_EL1);
	add_icc(vcpu, SYS_ICC_PMR_EL1);
	add_icc(vcpu, SYS_ICC_BPR0_EL1);
	add_icc(vcpu, SYS_ICC_BPR1_EL1);
	add_icc(vcpu, SYS_ICC_AP0R0_EL1);
	add_icc(vcpu, SYS_ICC_AP1R0_EL1);
}

/* All of them, implemented or not; the tables and GITS_CTLR come behind. */
static void add_its(void)
{
	int i;

	add(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_IIDR);
	add(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_CBASER);
	add(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_CREADR);
	add(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_CWRITER);
	for (i = 0; i < 8; i++)
		add(KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_BASER + 8 * i);
}

static void list_qemu(void)
{
	int i;

	add_words(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, 4);
	for (i = 0; i < VI_NR_VCPUS; i++)
		add_lpi_tables(i, false);
	for (i = 0; i < VI_NR_VCPUS; i++)
		add_private(i, false);
	add_dist(false);
	for (i = 0; i < VI_NR_VCPUS; i++)
		add_cpu_interface(i);
	add_its();
}

static void list_firecracker(void)
{
	int i;

	add_words(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, 4);
	add_dist(true);
	for (i = 0; i < VI_NR_VCPUS; i++) {
		add_lpi_tables(i, true);
		add_private(i, true);
		add_cpu_interface(i);
	}
	add_its();
}

static void list_cloud_hypervisor(void)
{
	int i;

	add_words(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, 4);
	add_dist(true);
	for (i = 0; i < VI_NR_VCPUS; i++)
		add_lpi_tables(i, false);
	for (i = 0; i < VI_NR_VCPUS; i++)
		add_private(i, true);
	for (i = 0; i < VI_NR_VCPUS; i++)
		add_cpu_interface(i);
	add_its();
}

/* It has no ITS where it saves. The CPU interface is in the order of the encodings. */
static void list_crosvm(void)
{
	int i;

	for (i = 0; i < VI_NR_VCPUS; i++) {
		add_icc(i, SYS_ICC_PMR_EL1);
		add_icc(i, SYS_ICC_BPR0_EL1);
		add_icc(i, SYS_ICC_AP0R0_EL1);
		add_icc(i, SYS_ICC_AP1R0_EL1);
		add_icc(i, SYS_ICC_BPR1_EL1);
		add_icc(i, SYS_ICC_CTLR_EL1);
		add_icc(i, SYS_ICC_SRE_EL1);
		add_icc(i, SYS_ICC_IGRPEN0_EL1);
		add_icc(i, SYS_ICC_IGRPEN1_EL1);
		add_redist(i, 0, SZ_128K);
	}
	add_words(KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, SZ_64K);
}

static const char *group_name(u32 group)
{
	switch (group) {
	case KVM_DEV_ARM_VGIC_GRP_DIST_REGS:
		return "GICD";
	case KVM_DEV_ARM_VGIC_GRP_REDIST_REGS:
		return "GICR";
	case KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS:
		return "ICC";
	default:
		return "GITS";
	}
}

static void read_all(bool show)
{
	struct reg *r;
	int err;

	for (r = regs; r < regs + nr_regs; r++) {
		r->value = 0;
		err = __kvm_device_attr_get(reg_fd(r), r->group, r->attr, &r->value) ? errno : 0;
		if (err || (show && r->value))
			transcript("  %s %llx: %llx %s", group_name(r->group), r->attr, r->value,
				   err ? tt_errno_name(err) : "");
	}
}

static void write_all(void)
{
	struct reg *r;
	int err;

	for (r = regs; r < regs + nr_regs; r++) {
		err = __kvm_device_attr_set(reg_fd(r), r->group, r->attr, &r->value) ? errno : 0;
		if (err)
			transcript("  refused: %s %llx: %s", group_name(r->group), r->attr,
				   tt_errno_name(err));
	}
}

static void set_spi(u32 intid, u8 priority, bool enabled)
{
	u32 word, shift = intid % 4 * 8, fd = vi.gic;
	struct vt_frame gicd = { "", KVM_DEV_ARM_VGIC_GRP_DIST_REGS };

	TEST_ASSERT(!vt_get(fd, &gicd, GICD_IPRIORITYR + intid / 4 * 4, &word), "priority");
	word = (word & ~(0xffU << shift)) | (u32)priority << shift;
	TEST_ASSERT(!vi_set_gicd(GICD_IPRIORITYR + intid / 4 * 4, word), "priority");
	if (enabled)
		TEST_ASSERT(!vi_set_gicd(GICD_ISENABLER + intid / 32 * 4, BIT(intid % 32)), "enable");
	TEST_ASSERT(!vi_set_gicd(GICD_IROUTER + 8 * intid, intid % VI_NR_VCPUS), "route");
}

/* Pending, active, both, level and edge, enabled or not; of each kind of interrupt. */
static void fill(void)
{
	int i;

	for (i = 0; i < 3; i++)
		TEST_ASSERT(!vi_set_gicd(GICD_IGROUPR + 4 * i, ~0U), "group");
	TEST_ASSERT(!vi_set_gicd(GICD_ICFGR + 8, 2U << 16 | 2U << 20), "40 and 42 by edge");
	set_spi(40, 0x50, true);
	set_spi(41, 0x60, true);
	set_spi(42, 0x70, false);
	set_spi(43, 0x20, true);
	set_spi(70, 0x30, true);
	kvm_arm_irq_line(vi.vm, 41, 1);
	TEST_ASSERT(!vi_set_gicd(GICD_ISPENDR + 4, BIT(8) | BIT(10)), "40 and 42 pending");
	TEST_ASSERT(!vi_set_gicd(GICD_ISPENDR + 8, BIT(6)), "70 pending");
	TEST_ASSERT(!vi_set_gicd(GICD_ISACTIVER + 4, BIT(11)), "43 active");
	for (i = 0; i < VI_NR_VCPUS; i++) {
		TEST_ASSERT(!vi_set_gicr(i, GICR_SGI + GICR_IGROUPR0, ~0U), "group");
		TEST_ASSERT(!vi_set_gicr(i, GICR_SGI + GICR_IPRIORITYR0, 0x40404040 + i), "priority");
		TEST_ASSERT(!vi_set_gicr(i, GICR_SGI + GICR_ISENABLER0, 0xffff | BIT(20)), "enable");
		TEST_ASSERT(!vi_set_gicr(i, GICR_SGI + GICR_ISPENDR0, BIT(i) | BIT(20)), "pending");
	}
}

static void map_lpi(void)
{
	vi_lpis_start();
	vi_its_start(0);
	vi_quietly(0, mapc(0, 1, true));
	vi_quietly(0, mapd(1, vi_itt(0), 3, true));
	vi_quietly(0, mapti(1, 0, LPI, 0));
	vi_quietly(0, mapti(1, 1, LPI + 1, 0));
	transcript("MSI: %s", vi_signal(1, 0));
}

static int control(int fd, u64 what)
{
	return __kvm_device_attr_set(fd, KVM_DEV_ARM_VGIC_GRP_CTRL, what, NULL) ? errno : 0;
}

/* As all of them do: pending tables first, the ITS's with the guest stopped. */
static u64 save(bool its)
{
	u64 ctlr = 0;

	tt_errno(-control(vi.gic, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES), 0, "pending tables");
	if (its) {
		tt_errno(-control(vi.its[0], KVM_DEV_ARM_ITS_SAVE_TABLES), 0, "tables");
		ctlr = vi_reg(0, GITS_CTLR);
	}
	transcript("saved");
	read_all(nr_regs < 1024);
	return ctlr;
}

static void move(void (*list)(void), bool its)
{
	u8 *memory = malloc(VI_SLOT_SIZE);
	u64 ctlr;

	regs = calloc(MAX_REGS, sizeof(*regs));
	TEST_ASSERT(regs && memory, "memory");
	nr_regs = 0;
	list();
	vi_create(its);
	fill();
	if (its)
		map_lpi();
	ctlr = save(its);
	memcpy(memory, vi.memory, VI_SLOT_SIZE);
	vi_free();

	vi_create(its);
	memcpy(vi.memory, memory, VI_SLOT_SIZE);
	write_all();
	if (its) {
		transcript("tables: %s", tt_errno_name(control(vi.its[0], KVM_DEV_ARM_ITS_RESTORE_TABLES)));
		transcript("GITS_CTLR: %s", tt_errno_name(vi_set(0, GITS_CTLR, ctlr)));
	}
	transcript("restored");
	read_all(true);
	vi_deliver();
	if (its)
		vi_probe(1, 1);
	transcript("after that");
	read_all(true);
	vi_free();
	free(memory);
	free(regs);
}

static void qemu(bool el2)
{
	move(list_qemu, true);
}

static void firecracker(bool el2)
{
	move(list_firecracker, true);
}

static void cloud_hypervisor(bool el2)
{
	move(list_cloud_hypervisor, true);
}

static void crosvm(bool el2)
{
	move(list_crosvm, false);
}

static const struct tt_test tests[] = {
	{ "qemu", qemu },
	{ "firecracker", firecracker },
	{ "cloud_hypervisor", cloud_hypervisor },
	{ "crosvm", crosvm },
};

int main(int argc, char **argv)
{
	test_disable_default_vgic();
	TEST_REQUIRE(tt_probe_gic(3));
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
