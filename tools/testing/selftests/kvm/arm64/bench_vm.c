// SPDX-License-Identifier: GPL-2.0
/*
 * bench_vm - what VMs cost their VMM: creating and destroying them, and saving
 * and restoring the state of their interrupt controller and timers.
 *
 * All is counted in CPU time of this thread. Many of the calls sleep until a
 * grace period of RCU or SRCU is over, which takes as long as the rest of the
 * system lets it (and where idle time is skipped, as with QEMU's -icount, an
 * arbitrary jump of the clock). Precise without a special configuration of the
 * kernel: the scheduler keeps it in nanoseconds. What workers and RCU do later
 * on our behalf isn't in it.
 */
#include "bench_lib.h"
#include "bench_bare.h"
#include "bench_its.h"

#define NR_VCPUS	2
#define NR_EVENTS	64
#define NR_PENDING	8
#define MAX_REGS	1024

/* Create and destroy */

static int kvm_fd, nr_vcpus;

static u64 create_destroy(void)
{
	struct bare_vm vm;

	bare_vm_create(&vm, kvm_fd, nr_vcpus);
	bare_vm_destroy(&vm);
	return 0;
}

static const char *run_create_destroy(const struct bench_op *op)
{
	if (!tt_gicv3)
		return "no-GICv3";
	kvm_fd = open_kvm_dev_path_or_exit();
	bench_cpu_time(op, op->arg);
	close(kvm_fd);
	return NULL;
}

static const char *run_vm_1(const struct bench_op *op)
{
	nr_vcpus = 1;
	return run_create_destroy(op);
}

static const char *run_vm_8(const struct bench_op *op)
{
	nr_vcpus = 8;
	return run_create_destroy(op);
}

static const char *run_vm_64(const struct bench_op *op)
{
	nr_vcpus = 64;
	return run_create_destroy(op);
}

/* The GIC's state */

enum reg_kind {
	REG_PLAIN,
	/* Ones set bits: the others are cleared first, in a register nearby. */
	REG_SET,
	/* Not restored: there is nothing that writes it. */
	REG_READ_ONLY,
};

struct reg {
	int fd;
	u32 group;
	u64 attr, clear_attr;
	u64 value;
	enum reg_kind kind;
};

static struct state {
	int gic_fd, its_fd;
	int nr;
	struct reg regs[MAX_REGS];
} state;

static struct kvm_vm *vm;
static struct kvm_vcpu *vcpus[NR_VCPUS];

static void add_reg(int fd, u32 group, u64 attr, enum reg_kind kind, u64 clear_attr)
{
	TEST_ASSERT(state.nr < MAX_REGS, "More than %d registers", MAX_REGS);
	state.regs[state.nr++] = (struct reg) {
		.fd = fd,
		.group = group,
		.attr = attr,
		.clear_attr = clear_attr,
		.kind = kind,
	};
}

/* In the way of KVM's attributes: affinity in the upper half. */
static u64 vcpu_affinity(int i)
{
	return (vcpu_get_reg(vcpus[i], KVM_ARM64_SYS_REG(SYS_MPIDR_EL1)) & 0xffffff) << 32;
}

/* @bits of each interrupt, for those that are SPIs. */
static void add_dist(u32 offset, int bits, enum reg_kind kind, u32 clear_offset)
{
	u32 i, first = MIN_SPI * bits / 8, end = BARE_NR_IRQS * bits / 8;

	for (i = first; i < end; i += sizeof(u32))
		add_reg(state.gic_fd, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, offset + i, kind,
			clear_offset + i);
}

static void add_level(u64 affinity, u32 first, u32 end)
{
	u64 info = (u64)VGIC_LEVEL_INFO_LINE_LEVEL << KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT;
	u32 intid;

	for (intid = first; intid < end; intid += 32)
		add_reg(state.gic_fd, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO,
			affinity | info | intid, REG_PLAIN, 0);
}

static void add_redist_reg(u64 affinity, u32 offset, enum reg_kind kind, u32 clear_offset)
{
	add_reg(state.gic_fd, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, affinity | offset, kind,
		affinity | clear_offset);
}

static void add_redist(u64 affinity)
{
	const u32 sgi = SZ_64K;
	u32 i;

	for (i = 0; i < 8; i += sizeof(u32)) {
		add_redist_reg(affinity, GICR_PROPBASER + i, REG_PLAIN, 0);
		add_redist_reg(affinity, GICR_PENDBASER + i, REG_PLAIN, 0);
	}
	/* Enables LPIs, and fixes the tables' addresses. */
	add_redist_reg(affinity, GICR_CTLR, REG_PLAIN, 0);
	add_redist_reg(affinity, GICR_STATUSR, REG_PLAIN, 0);
	add_redist_reg(affinity, GICR_WAKER, REG_PLAIN, 0);
	add_redist_reg(affinity, sgi + GICR_IGROUPR0, REG_PLAIN, 0);
	add_redist_reg(affinity, sgi + GICR_ISENABLER0, REG_SET, sgi + GICR_ICENABLER0);
	add_redist_reg(affinity, sgi + GICR_ICFGR0 + 4, REG_PLAIN, 0);
	add_level(affinity, 0, MIN_SPI);
	add_redist_reg(affinity, sgi + GICR_ISPENDR0, REG_SET, sgi + GICR_ICPENDR0);
	add_redist_reg(affinity, sgi + GICR_ISACTIVER0, REG_SET, sgi + GICR_ICACTIVER0);
	for (i = 0; i < MIN_SPI; i += sizeof(u32))
		add_redist_reg(affinity, sgi + GICR_IPRIORITYR0 + i, REG_PLAIN, 0);
}

static void add_distributor(void)
{
	add_reg(state.gic_fd, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_STATUSR, REG_PLAIN, 0);
	add_dist(GICD_IGROUPR, 1, REG_PLAIN, 0);
	add_dist(GICD_ICFGR, 2, REG_PLAIN, 0);
	add_level(0, MIN_SPI, BARE_NR_IRQS);
	add_dist(GICD_ISENABLER, 1, REG_SET, GICD_ICENABLER);
	add_dist(GICD_ISPENDR, 1, REG_SET, GICD_ICPENDR);
	add_dist(GICD_ISACTIVER, 1, REG_SET, GICD_ICACTIVER);
	add_dist(GICD_IPRIORITYR, 8, REG_PLAIN, 0);
	add_dist(GICD_IROUTER, 64, REG_PLAIN, 0);
}

/* @nr registers in a row: their op2 counts up. */
static void add_sysregs(u64 affinity, u32 first, int nr)
{
	u32 i, instr = (first & GENMASK(20, 5)) >> 5;

	for (i = 0; i < nr; i++)
		add_reg(state.gic_fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
			affinity | (instr + i), REG_PLAIN, 0);
}

static void add_cpu_interface(u64 affinity)
{
	u32 ctlr = (SYS_ICC_CTLR_EL1 & GENMASK(20, 5)) >> 5;
	int bits, nr_ap;
	u64 value;

	kvm_device_attr_get(state.gic_fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
			    affinity | ctlr, &value);
	bits = (value >> 8 & 7) + 1;
	nr_ap = bits == 7 ? 4 : bits == 6 ? 2 : 1;

	add_sysregs(affinity, SYS_ICC_SRE_EL1, 1);
	add_sysregs(affinity, SYS_ICC_CTLR_EL1, 1);
	add_sysregs(affinity, SYS_ICC_IGRPEN0_EL1, 1);
	add_sysregs(affinity, SYS_ICC_IGRPEN1_EL1, 1);
	add_sysregs(affinity, SYS_ICC_PMR_EL1, 1);
	add_sysregs(affinity, SYS_ICC_BPR0_EL1, 1);
	add_sysregs(affinity, SYS_ICC_BPR1_EL1, 1);
	add_sysregs(affinity, SYS_ICC_AP0R0_EL1, nr_ap);
	add_sysregs(affinity, SYS_ICC_AP1R0_EL1, nr_ap);
}

static void add_its_reg(u64 offset)
{
	add_reg(state.its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offset, REG_PLAIN, 0);
}

/* GITS_CTLR apart: it comes after the tables. */
static void add_its(void)
{
	int i;

	add_its_reg(GITS_IIDR);
	add_its_reg(GITS_CBASER);
	add_its_reg(GITS_CREADR);
	add_its_reg(GITS_CWRITER);
	for (i = 0; i < GITS_BASER_NR_REGS; i++)
		add_its_reg(GITS_BASER + 8 * i);
}

/* What a VMM migrates, in the order in which it is restored. */
static void list_state(void)
{
	int i;

	state.nr = 0;
	add_redist_reg(vcpu_affinity(0), GICR_TYPER, REG_READ_ONLY, 0);
	add_redist_reg(vcpu_affinity(0), GICR_TYPER + 4, REG_READ_ONLY, 0);
	add_reg(state.gic_fd, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, GICD_CTLR, REG_PLAIN, 0);
	for (i = 0; i < NR_VCPUS; i++)
		add_redist(vcpu_affinity(i));
	add_distributor();
	for (i = 0; i < NR_VCPUS; i++)
		add_cpu_interface(vcpu_affinity(i));
	add_its();
}

static void control(int fd, u64 attr)
{
	kvm_device_attr_set(fd, KVM_DEV_ARM_VGIC_GRP_CTRL, attr, NULL);
}

static void save_tables(void)
{
	control(state.gic_fd, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES);
	control(state.its_fd, KVM_DEV_ARM_ITS_SAVE_TABLES);
}

static u64 its_ctlr;

static u64 save(void)
{
	struct reg *r;

	save_tables();
	for (r = state.regs; r < state.regs + state.nr; r++)
		kvm_device_attr_get(r->fd, r->group, r->attr, &r->value);
	kvm_device_attr_get(state.its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_CTLR, &its_ctlr);
	return 0;
}

static void restore(void)
{
	u64 ones = ~0ULL;
	struct reg *r;

	for (r = state.regs; r < state.regs + state.nr; r++) {
		if (r->kind == REG_READ_ONLY)
			continue;
		if (r->kind == REG_SET)
			kvm_device_attr_set(r->fd, r->group, r->clear_attr, &ones);
		kvm_device_attr_set(r->fd, r->group, r->attr, &r->value);
	}
	control(state.its_fd, KVM_DEV_ARM_ITS_RESTORE_TABLES);
	kvm_device_attr_set(state.its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, GITS_CTLR, &its_ctlr);
}

/* What a new VM has that one that ran has not: no LPIs, their tables changeable. */
static void reset(void)
{
	u64 zero = 0;
	int i;

	/* Restoring took the pending bits out of the tables. */
	save_tables();
	for (i = 0; i < NR_VCPUS; i++)
		kvm_device_attr_set(state.gic_fd, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
				    vcpu_affinity(i) | GICR_CTLR, &zero);
	control(state.its_fd, KVM_DEV_ARM_ITS_CTRL_RESET);
	its_let_rcu_finish();
}

static u64 reset_and_restore(void)
{
	u64 start, time;

	if (bench_marking)
		bench_mark_stop();
	start = bench_cpu_now();
	reset();
	time = bench_cpu_now() - start;
	if (bench_marking)
		bench_mark_start();
	restore();
	return time;
}

static void guest_code(void)
{
	its_guest_init_vcpu();
	if (!guest_get_vcpuid())
		its_guest_map();
	GUEST_SYNC(0);
}

/* A GIC of QEMU's size, the one of the library has fewer SPIs. */
static void create_gic(void)
{
	u32 nr_irqs = BARE_NR_IRQS;

	vm = vm_create(NR_VCPUS);
	tt_gic = 3;
	tt_gic_create(vm, 3, NR_VCPUS);
	state.gic_fd = vm->arch.gic_fd;
	kvm_device_attr_set(state.gic_fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &nr_irqs);
	sync_global_to_guest(vm, tt_gic);
}

static void make_pending(void)
{
	u32 event;

	for (event = 0; event < NR_PENDING; event++)
		its_signal_msi(vm, ITS_DEVICE, event);
}

static void create_state(void)
{
	int i;

	create_gic();
	vm_init_descriptor_tables(vm);
	for (i = 0; i < NR_VCPUS; i++)
		vcpus[i] = tt_vcpu_add(vm, i, false, guest_code);
	kvm_arch_vm_finalize_vcpus(vm);
	state.its_fd = its_create(vm, NR_VCPUS, NR_EVENTS);
	its_start(vcpus);
	make_pending();
	list_state();
	save();
}

/* All there was must still be there: nothing is measured that doesn't work. */
static void check_state(void)
{
	static struct reg before[MAX_REGS];
	gpa_t itt = its.itt, pending = its.pending;
	u8 bits;
	u64 entry;
	int i;

	memcpy(before, state.regs, sizeof(before));
	/* The save has to write them again. */
	memset(addr_gpa2hva(vm, itt), 0, NR_EVENTS * sizeof(entry));
	memset(addr_gpa2hva(vm, pending) + ITS_FIRST_LPI / 8, 0, sizeof(bits));
	save();
	for (i = 0; i < state.nr; i++)
		TEST_ASSERT(state.regs[i].value == before[i].value,
			    "Register %u:0x%lx is 0x%lx, was 0x%lx", before[i].group,
			    before[i].attr, state.regs[i].value, before[i].value);
	for (i = 0; i < NR_EVENTS; i++) {
		memcpy(&entry, addr_gpa2hva(vm, itt) + i * sizeof(entry), sizeof(entry));
		TEST_ASSERT((u32)(entry >> 16) == ITS_FIRST_LPI + i,
			    "Event %d is mapped as 0x%lx", i, entry);
	}
	/* The first LPIs go to the vCPUs in turn. */
	memcpy(&bits, addr_gpa2hva(vm, pending) + ITS_FIRST_LPI / 8, sizeof(bits));
	TEST_ASSERT_EQ(bits, 0x55);
}

static const char *run_state(const struct bench_op *op)
{
	if (!tt_gicv3)
		return "no-GICv3";
	create_state();
	bench_cpu_time(op, op->arg);
	check_state();
	close(state.its_fd);
	kvm_vm_free(vm);
	return NULL;
}

/* The timers' state */

static const u64 timer_regs[] = {
	KVM_REG_ARM_TIMER_CNT,
	KVM_REG_ARM_TIMER_CVAL,
	KVM_REG_ARM_TIMER_CTL,
	KVM_REG_ARM_PTIMER_CNT,
	KVM_REG_ARM_PTIMER_CVAL,
	KVM_REG_ARM_PTIMER_CTL,
};

static u64 timer_values[ARRAY_SIZE(timer_regs)];

static u64 timer_save(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(timer_regs); i++)
		timer_values[i] = vcpu_get_reg(vcpus[0], timer_regs[i]);
	return 0;
}

static u64 timer_restore(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(timer_regs); i++)
		vcpu_set_reg(vcpus[0], timer_regs[i], timer_values[i]);
	return 0;
}

/* Both enabled, with a deadline that never comes. */
static void timer_start(void)
{
	vcpu_set_reg(vcpus[0], KVM_REG_ARM_TIMER_CVAL, ~0ULL >> 4);
	vcpu_set_reg(vcpus[0], KVM_REG_ARM_PTIMER_CVAL, ~0ULL >> 4);
	vcpu_set_reg(vcpus[0], KVM_REG_ARM_TIMER_CTL, CTL_ENABLE);
	vcpu_set_reg(vcpus[0], KVM_REG_ARM_PTIMER_CTL, CTL_ENABLE);
	timer_save();
}

static const char *run_timer(const struct bench_op *op)
{
	vm = bench_vm_create(1, 0, guest_code, vcpus);
	timer_start();
	bench_cpu_time(op, op->arg);
	timer_save();
	TEST_ASSERT_EQ(timer_values[1], ~0ULL >> 4);
	TEST_ASSERT_EQ(timer_values[2] & CTL_ENABLE, CTL_ENABLE);
	kvm_vm_free(vm);
	return NULL;
}

/* The last figure is the number of warm-ups. */
static const struct bench_op ops[] = {
	{ "vm-1", "create and destroy a VM with GICv3, ITS and a vCPU, not run; CPU time",
	  8, run_vm_1, create_destroy, 4 },
	{ "vm-8", "create and destroy a VM with GICv3, ITS and 8 vCPUs, not run; CPU time",
	  4, run_vm_8, create_destroy, 4 },
	{ "vm-64", "create and destroy a VM with GICv3, ITS and 64 vCPUs, not run; CPU time",
	  1, run_vm_64, create_destroy, 2 },
	{ "vgic-save", "save GICv3 and ITS of 2 vCPUs, 256 SPIs and 64 LPIs, as at migration; CPU time",
	  8, run_state, save, 4 },
	{ "vgic-restore", "restore GICv3 and ITS of 2 vCPUs, 256 SPIs and 64 LPIs; CPU time",
	  8, run_state, reset_and_restore, 4 },
	{ "timer-save", "read the 6 timer registers of a vCPU; CPU time",
	  2000, run_timer, timer_save, 200 },
	{ "timer-restore", "write the 6 timer registers of a vCPU; CPU time",
	  2000, run_timer, timer_restore, 200 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ops, ARRAY_SIZE(ops));
}
