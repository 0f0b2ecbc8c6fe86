/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VMs with an ITS, set up by their guest: one device, whose events are mapped
 * to LPIs that go to the vCPUs in turn.
 */
#ifndef SELFTEST_KVM_BENCH_ITS_H
#define SELFTEST_KVM_BENCH_ITS_H

#include "gic_v3.h"
#include "gic_v3_its.h"

#define ITS_SLOT	1
#define ITS_TABLE_SIZE	SZ_64K
#define ITS_DEVICE	5
#define ITS_FIRST_LPI	8192
#define ITS_PRIORITY	0xa0

/* Synchronized to the guest. */
static struct its_config {
	u32 nr_vcpus, nr_events;
	gpa_t device_table, collection_table, cmdq, itt, properties, pending;
} its;

/* Guest side */

static inline void *its_cmdq(void)
{
	return (void *)its.cmdq;
}

/* Every vCPU that LPIs go to. */
static inline void its_guest_init_vcpu(void)
{
	local_irq_disable();
	tt_guest_gic_init(its.nr_vcpus);
	gic_rdist_enable_lpis(its.properties, ITS_TABLE_SIZE,
			      its.pending + guest_get_vcpuid() * ITS_TABLE_SIZE);
}

/* One of them, after all have been initialised. */
static inline void its_guest_map(void)
{
	u32 i;

	its_init(its.collection_table, ITS_TABLE_SIZE, its.device_table, ITS_TABLE_SIZE,
		 its.cmdq, ITS_TABLE_SIZE);
	for (i = 0; i < its.nr_vcpus; i++)
		its_send_mapc_cmd(its_cmdq(), i, i, true);
	its_send_mapd_cmd(its_cmdq(), ITS_DEVICE, its.itt, ITS_TABLE_SIZE, true);
	for (i = 0; i < its.nr_events; i++)
		its_send_mapti_cmd(its_cmdq(), ITS_DEVICE, i, i % its.nr_vcpus,
				   ITS_FIRST_LPI + i);
}

/* VMM side */

static inline void its_signal_msi(struct kvm_vm *vm, u32 device, u32 event)
{
	struct kvm_msi m = {
		.address_lo = GITS_BASE_GPA + GITS_TRANSLATER,
		.data = event,
		.devid = device,
		.flags = KVM_MSI_VALID_DEVID,
	};

	/* 1: there is a translation. */
	TEST_ASSERT_EQ(__vm_ioctl(vm, KVM_SIGNAL_MSI, &m), 1);
}

static inline gpa_t its_table(struct kvm_vm *vm, gpa_t base, u32 nr)
{
	return vm_phy_pages_alloc(vm, vm_calc_num_guest_pages(vm->mode, nr * ITS_TABLE_SIZE),
				  base, ITS_SLOT);
}

static inline void its_create_tables(struct kvm_vm *vm)
{
	size_t size = (5 + its.nr_vcpus) * ITS_TABLE_SIZE;
	gpa_t base = (vm_compute_max_gfn(vm) + 1) * vm->page_size - size;

	vm_userspace_mem_region_add(vm, VM_MEM_SRC_ANONYMOUS, base, ITS_SLOT,
				    size / vm->page_size, 0);
	its.device_table = its_table(vm, base, 1);
	its.collection_table = its_table(vm, base, 1);
	its.cmdq = its_table(vm, base, 1);
	its.itt = its_table(vm, base, 1);
	its.properties = its_table(vm, base, 1);
	its.pending = its_table(vm, base, its.nr_vcpus);
	virt_map(vm, its.cmdq, its.cmdq, vm_calc_num_guest_pages(vm->mode, ITS_TABLE_SIZE));
	memset(addr_gpa2hva(vm, its.properties),
	       ITS_PRIORITY | LPI_PROP_GROUP1 | LPI_PROP_ENABLED, its.nr_events);
}

/* Returns the ITS's file descriptor. */
static inline int its_create(struct kvm_vm *vm, u32 nr_vcpus, u32 nr_events)
{
	int fd = vgic_its_setup(vm);

	its.nr_vcpus = nr_vcpus;
	its.nr_events = nr_events;
	its_create_tables(vm);
	sync_global_to_guest(vm, its);
	return fd;
}

/*
 * What RCU frees it frees in lumps: let it do so while nothing is counted.
 * Enough for a grace period, the callbacks, and what they leave to workers.
 */
static inline void its_let_rcu_finish(void)
{
	usleep(50000);
}

/* Whether what is counted is marked, too. */
static bool bench_marking;

/* CPU time of this thread: what it sleeps for is not its own. */
static inline u64 bench_cpu_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static noinline u64 bench_cpu_loop(bench_fn one, bool mark)
{
	u64 time;

	its_let_rcu_finish();
	bench_marking = mark;
	time = bench_loop(one, bench.iterations, mark, bench_cpu_now);
	bench_marking = false;
	return time;
}

/* No cycles: they would include what isn't counted. */
static inline void bench_cpu_time(const struct bench_op *op, u64 warm_ups)
{
	struct bench_sample s = {};
	u64 i;

	bench_settle();
	for (i = 0; i < warm_ups; i++)
		op->one();
	for (i = 0; i < bench.reps; i++) {
		s.base_ns = bench_cpu_loop(bench_nothing, false);
		s.ns = bench_cpu_loop(op->one, bench.marks);
		bench_add(s);
	}
}

/*
 * Let each vCPU initialise itself, up to its first GUEST_SYNC(). The first one
 * comes last: the LPIs it maps have to find the others ready.
 */
static inline void its_start(struct kvm_vcpu **vcpus)
{
	struct ucall uc;
	int i;

	for (i = its.nr_vcpus - 1; i >= 0; i--)
		TEST_ASSERT_EQ(bench_vcpu_run(vcpus[i], &uc, NULL), UCALL_SYNC);
}

#endif /* SELFTEST_KVM_BENCH_ITS_H */
