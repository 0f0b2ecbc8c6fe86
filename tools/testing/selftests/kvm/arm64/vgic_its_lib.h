/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMs with ITSs for the vgic_its* tests, and others: 3 vCPUs, whose guest does what user space asks for, one
 * access at a time; the tables that guest and ITS share, at the same addresses in each run; the
 * ITS's commands; and MSIs, with what the guest takes of them.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_LIB_H
#define SELFTEST_KVM_VGIC_ITS_LIB_H

#include "gic_v3.h"
#include "vgic_lib.h"

#ifndef VI_NR_VCPUS
#define VI_NR_VCPUS	3
#endif
#define VI_MAX_ITSS	2
#define VI_GITS1_GPA	0x09000000ULL
#define VI_DOORBELL	(GITS_BASE_GPA + GITS_TRANSLATER)
#define VI_FIRST_LPI	8192
/* GICR_PROPBASER.IDbits: LPIs up to 65535. */
#define VI_ID_BITS	15
#define VI_PRIORITY	0xa0
#define VI_ENABLED	(VI_PRIORITY | LPI_PROP_GROUP1 | LPI_PROP_ENABLED)

/* Tables, in a memory slot of their own. */
#define VI_SLOT		1
#define VI_SLOT_GPA	0x10000000ULL
#ifndef VI_QUEUE_SIZE
#define VI_QUEUE_SIZE	SZ_16K
#endif
#define VI_QUEUE(its)							\
	(GITS_CBASER_VALID | vi_gpa(VI_QUEUES + (its)) | (VI_QUEUE_SIZE / SZ_4K - 1))

enum vi_region {
	VI_QUEUES,		/* one an ITS */
	VI_DEVICES = VI_QUEUES + VI_MAX_ITSS,
	VI_COLLECTIONS = VI_DEVICES + VI_MAX_ITSS,
	VI_PROPERTIES = VI_COLLECTIONS + VI_MAX_ITSS,
	VI_PENDING,		/* one a vCPU */
	VI_ITT = VI_PENDING + VI_NR_VCPUS,
	VI_LEVEL2,
	VI_SPARE = VI_LEVEL2 + 2,
	VI_BIG_ITT,		/* for 16 bits */
	VI_NR_REGIONS = VI_BIG_ITT + 8,
};

#define VI_SLOT_SIZE	(VI_NR_REGIONS * SZ_64K)

/* An ITT in VI_ITT, for up to 8 bits. */
#define VI_ITT_SIZE	SZ_2K

static struct vi_vm {
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpus[VI_NR_VCPUS];
	int gic, its[VI_MAX_ITSS], nr_itss;
	u8 *memory;		/* of the slot */
	u8 *copy;		/* what it held when last looked at */
	u32 writer[VI_MAX_ITSS];	/* where the next command goes */
	bool user_writes;	/* who writes GITS_CWRITER */
	bool looked_at;
} vi;

static inline gpa_t vi_gpa(enum vi_region region)
{
	return VI_SLOT_GPA + region * SZ_64K;
}

static inline void *vi_memory(enum vi_region region)
{
	return vi.memory + region * SZ_64K;
}

static inline gpa_t vi_itt(u32 nr)
{
	return vi_gpa(VI_ITT) + nr * VI_ITT_SIZE;
}

static inline gpa_t vi_its_gpa(int its)
{
	return its ? VI_GITS1_GPA : GITS_BASE_GPA;
}

/* Guest */

#define VI_LOG_SIZE	64

enum vi_op {
	VI_ACCESS,
	VI_TAKE,		/* interrupts, and end them */
	VI_TAKE_ONLY,
	VI_END,			/* the interrupt that access.value has the number of */
};

static struct vi_request {
	enum vi_op op;
	struct vt_request access;
	u32 nr;
	u32 taken[VI_LOG_SIZE];
} vi_request[VI_NR_VCPUS];

static inline void vi_guest_irq(struct ex_regs *regs)
{
	struct vi_request *r = &vi_request[guest_get_vcpuid()];
	u32 intid = read_sysreg_s(SYS_ICC_IAR1_EL1);

	dsb(sy);
	if (intid == IAR_SPURIOUS)
		return;
	GUEST_ASSERT(r->nr < VI_LOG_SIZE);
	r->taken[r->nr++] = intid;
	if (r->op == VI_TAKE) {
		write_sysreg_s(intid, SYS_ICC_EOIR1_EL1);
		isb();
	}
}

static inline void vi_guest_cpu_init(void)
{
	local_irq_disable();
	write_sysreg_s(read_sysreg_s(SYS_ICC_SRE_EL1) | ICC_SRE_EL1_SRE, SYS_ICC_SRE_EL1);
	isb();
	write_sysreg_s(0xf0, SYS_ICC_PMR_EL1);
	write_sysreg_s(ICC_IGRPEN1_EL1_MASK, SYS_ICC_IGRPEN1_EL1);
	isb();
}

static inline void vi_guest_main(void)
{
	struct vi_request *r = &vi_request[guest_get_vcpuid()];

	vi_guest_cpu_init();
	for (;;) {
		GUEST_SYNC(0);
		switch (READ_ONCE(r->op)) {
		case VI_ACCESS:
			vt_guest_serve(&r->access);
			break;
		case VI_TAKE:
		case VI_TAKE_ONLY:
			tt_guest_take_irqs();
			break;
		case VI_END:
			write_sysreg_s(READ_ONCE(r->access.value), SYS_ICC_EOIR1_EL1);
			isb();
			break;
		}
	}
}

/* User space: what the guest shall do */

static inline struct vi_request *vi_ask(int vcpu, enum vi_op op)
{
	struct vi_request *r = addr_gva2hva(vi.vm, (gva_t)&vi_request[vcpu]);
	struct ucall uc;

	r->op = op;
	r->nr = 0;
	TEST_ASSERT_EQ(tt_run(vi.vcpus[vcpu], &uc), UCALL_SYNC);
	return r;
}

static inline u64 vi_access(int vcpu, struct vt_request access)
{
	struct vi_request *r = addr_gva2hva(vi.vm, (gva_t)&vi_request[vcpu]);

	r->access = access;
	return vi_ask(vcpu, VI_ACCESS)->access.value;
}

static inline void vi_write(int vcpu, gpa_t address, u32 width, u64 value)
{
	vi_access(vcpu, (struct vt_request) { address, value, width, true });
}

/* What is not written by the read stays as it is here. */
static inline u64 vi_read(int vcpu, gpa_t address, u32 width)
{
	return vi_access(vcpu, (struct vt_request) { address, 0x1122334455667788ULL, width, false });
}

static inline gpa_t vi_gicr(int vcpu, u32 offset)
{
	return GICR_BASE_GPA + vcpu * SZ_128K + offset;
}

static inline int vi_get(int its, u64 offset, u64 *value)
{
	*value = 0;
	return __kvm_device_attr_get(vi.its[its], KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offset, value) ?
		errno : 0;
}

static inline int vi_set(int its, u64 offset, u64 value)
{
	return __kvm_device_attr_set(vi.its[its], KVM_DEV_ARM_VGIC_GRP_ITS_REGS, offset, &value) ?
		errno : 0;
}

static inline u64 vi_reg(int its, u64 offset)
{
	u64 value;

	TEST_ASSERT(!vi_get(its, offset, &value), "GITS register %lx", offset);
	return value;
}

/* Of a vCPU's redistributor. */
static inline int vi_set_gicr(int vcpu, u32 offset, u32 value)
{
	return __kvm_device_attr_set(vi.gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
				     (u64)vcpu << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | offset, &value) ?
		errno : 0;
}

static inline int vi_set_gicd(u32 offset, u32 value)
{
	return __kvm_device_attr_set(vi.gic, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, offset, &value) ?
		errno : 0;
}

static inline int vi_ctrl(int its, u64 what)
{
	return __kvm_device_attr_set(vi.its[its], KVM_DEV_ARM_VGIC_GRP_CTRL, what, NULL) ? errno : 0;
}

/* A byte of what is shared, written by user space: no change that an ITS would have made. */
static inline void vi_poke(enum vi_region region, u32 offset, const void *bytes, u32 size)
{
	memcpy(vi_memory(region) + offset, bytes, size);
	memcpy(vi.copy + region * SZ_64K + offset, bytes, size);
}

static inline void vi_poke64(enum vi_region region, u32 index, u64 value)
{
	vi_poke(region, index * sizeof(value), &value, sizeof(value));
}

static inline void vi_property(u32 lpi, u8 property)
{
	vi_poke(VI_PROPERTIES, lpi - VI_FIRST_LPI, &property, 1);
}

/* Set-up */

static inline int vi_its_create(void)
{
	int its = vi.nr_itss++;
	gpa_t base = vi_its_gpa(its);

	vi.its[its] = kvm_create_device(vi.vm, KVM_DEV_TYPE_ARM_VGIC_ITS);
	kvm_device_attr_set(vi.its[its], KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &base);
	kvm_device_attr_set(vi.its[its], KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
	return its;
}

static inline void vi_memory_create(void)
{
	vm_userspace_mem_region_add(vi.vm, VM_MEM_SRC_ANONYMOUS, VI_SLOT_GPA, VI_SLOT,
				    VI_SLOT_SIZE / vi.vm->page_size, 0);
	vi.memory = addr_gpa2hva(vi.vm, VI_SLOT_GPA);
	vi.copy = calloc(1, VI_SLOT_SIZE);
	memset(vi_memory(VI_PROPERTIES), VI_ENABLED, SZ_64K);
	memset(vi.copy + VI_PROPERTIES * SZ_64K, VI_ENABLED, SZ_64K);
}

static inline void vi_map_frames(void)
{
	int i;

	for (i = 0; i < VI_MAX_ITSS; i++)
		virt_map(vi.vm, vi_its_gpa(i), vi_its_gpa(i),
			 vm_calc_num_guest_pages(vi.vm->mode, KVM_VGIC_V3_ITS_SIZE));
}

/* A GICv3 with @nr_itss ITSs, none of which has been written to. */
static inline void vi_create_for(int nr_itss, void *guest_code, void (*irq)(struct ex_regs *regs))
{
	memset(&vi, 0, sizeof(vi));
	vi.vm = vt_vm_nr(3, VI_NR_VCPUS, guest_code, vi.vcpus);
	vi.gic = vi.vm->arch.gic_fd;
	vm_install_exception_handler(vi.vm, VECTOR_IRQ_CURRENT, irq);
	vi_memory_create();
	vi_map_frames();
	while (nr_itss--)
		vi_its_create();
}

/* The same, with vCPUs that wait for what to do. */
static inline void vi_create(int nr_itss)
{
	int i;

	vi_create_for(nr_itss, vi_guest_main, vi_guest_irq);
	for (i = 0; i < VI_NR_VCPUS; i++)
		vi_ask(i, VI_ACCESS);
	vi_write(0, GICD_BASE_GPA + GICD_CTLR, 4,
		 GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_G1A | GICD_CTLR_ENABLE_G1);
}

static inline void vi_free(void)
{
	while (vi.nr_itss)
		close(vi.its[--vi.nr_itss]);
	kvm_vm_free(vi.vm);
	free(vi.copy);
}

static inline void vi_enable_lpis(int vcpu, bool enable)
{
	vi_write(vcpu, vi_gicr(vcpu, GICR_CTLR), 4, enable ? GICR_CTLR_ENABLE_LPIS : 0);
}

static inline void vi_lpis_start(void)
{
	int i;

	for (i = 0; i < VI_NR_VCPUS; i++) {
		vi_write(i, vi_gicr(i, GICR_PROPBASER), 8, vi_gpa(VI_PROPERTIES) | VI_ID_BITS);
		vi_write(i, vi_gicr(i, GICR_PENDBASER), 8, vi_gpa(VI_PENDING + i));
		vi_enable_lpis(i, true);
	}
}

#define VI_FLAT(region)	(GITS_BASER_VALID | vi_gpa(region))

static inline void vi_its_enable(int its, bool enable)
{
	vi_write(0, vi_its_gpa(its) + GITS_CTLR, 4, enable ? GITS_CTLR_ENABLE : 0);
}

static inline void vi_its_start_with(int its, u64 devices, u64 collections)
{
	gpa_t base = vi_its_gpa(its);

	vi_write(0, base + GITS_BASER, 8, devices);
	vi_write(0, base + GITS_BASER + 8, 8, collections);
	vi_write(0, base + GITS_CBASER, 8, VI_QUEUE(its));
	vi.writer[its] = 0;
	vi_its_enable(its, true);
}

static inline void vi_its_start(int its)
{
	vi_its_start_with(its, VI_FLAT(VI_DEVICES + its), VI_FLAT(VI_COLLECTIONS + its));
}

/* What a guest's kernel would have done before it maps anything. */
static inline void vi_start(int nr_itss)
{
	int i;

	vi_create(nr_itss);
	vi_lpis_start();
	for (i = 0; i < nr_itss; i++)
		vi_its_start(i);
}

#endif
