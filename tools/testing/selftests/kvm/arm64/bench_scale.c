// SPDX-License-Identifier: GPL-2.0
/*
 * bench_scale - what becomes of the costs of a GIC as its VM grows: with the number of LPIs, of
 * devices, of a device's events, and of vCPUs.
 *
 * But for those of the guest itself, all is CPU time of the VMM's thread, as in bench_vm. Commands
 * of the ITS come from user space, with a write to GITS_CWRITER each, which is in it.
 */
#include "bench_lib.h"
#include "bench_scale.h"

/* So many of the events are made use of, spread over all. */
#define NR_SPREAD	64

static u64 size, turn;

/* What @f costs is not to be counted. */
static u64 uncounted(void (*f)(void))
{
	u64 start;

	if (bench_marking)
		bench_mark_stop();
	start = bench_cpu_now();
	f();
	start = bench_cpu_now() - start;
	if (bench_marking)
		bench_mark_start();
	return start;
}

/* By the number of LPIs that are mapped */

static u64 spread(u64 nr)
{
	return nr % min(size, (u64)NR_SPREAD) * max(size / NR_SPREAD, (u64)1);
}

static void clear_spread(void)
{
	u64 i, lpi;

	for (i = 0; i < NR_SPREAD; i++) {
		lpi = spread(i);
		scale_event(GITS_CMD_CLEAR, lpi / SCALE_EVENTS, lpi % SCALE_EVENTS);
	}
	scale_submit();
}

/* Each is pending once. */
static u64 one_msi(void)
{
	u64 lpi = spread(turn++);

	scale_signal(lpi / SCALE_EVENTS, lpi % SCALE_EVENTS);
	return turn % min(size, (u64)NR_SPREAD) ? 0 : uncounted(clear_spread);
}

/* An event of the extra device: the others are as many as @size says. */
static void discard_extra(void)
{
	scale_event(GITS_CMD_DISCARD, SCALE_EXTRA, 0);
	scale_submit();
}

static void map_extra(void)
{
	scale_mapti(SCALE_EXTRA, 0, SCALE_EXTRA_LPI);
	scale_submit();
}

static u64 one_mapti(void)
{
	map_extra();
	return uncounted(discard_extra);
}

static void map_extra_and_cache_all(void)
{
	u64 i;

	map_extra();
	for (i = 0; i < size; i++)
		scale_signal(i / SCALE_EVENTS, i % SCALE_EVENTS);
}

/* Of each LPI a translation is cached. */
static u64 one_discard(void)
{
	u64 time = uncounted(map_extra_and_cache_all);

	discard_extra();
	return time;
}

static u64 one_invall(void)
{
	scale_put(GITS_CMD_INVALL, 0, 0, 0);
	scale_submit();
	return 0;
}

/* There and back again. */
static u64 one_movall(void)
{
	u64 there = turn++ % 2;

	scale_movall(there, !there);
	scale_submit();
	return 0;
}

static u64 one_save(void)
{
	kvm_device_attr_set(scale.gic, KVM_DEV_ARM_VGIC_GRP_CTRL,
			    KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL);
	kvm_device_attr_set(scale.its, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_SAVE_TABLES, NULL);
	return 0;
}

/* Nothing is measured that doesn't work: the extra event can be mapped, and so are the others. */
static void check(void)
{
	map_extra();
	scale_signal(SCALE_EXTRA, 0);
	discard_extra();
}

/* The larger @each, what one of them costs, the fewer times. */
static const char *measure(const struct bench_op *op, u64 each)
{
	size = op->arg;
	turn = 0;
	if (!bench.iterations_fixed)
		bench.iterations = max(op->iterations / (1 + each), (u64)1);
	bench_cpu_time(op, bench.iterations);
	check();
	scale_destroy();
	return NULL;
}

static const char *run_lpis(const struct bench_op *op)
{
	if (!tt_gicv3)
		return "no-GICv3";
	scale_create(2, op->arg, 0);
	scale_signal((op->arg - 1) / SCALE_EVENTS, (op->arg - 1) % SCALE_EVENTS);
	return measure(op, 0);
}

/* What looks at all of them. */
static const char *run_all_lpis(const struct bench_op *op)
{
	if (!tt_gicv3)
		return "no-GICv3";
	scale_create(2, op->arg, 0);
	return measure(op, op->arg / 16);
}

/* By the number of devices, each with an event */

static const char *run_devices(const struct bench_op *op)
{
	u32 i;

	if (!tt_gicv3)
		return "no-GICv3";
	scale_create(1, 0, op->arg);
	for (i = 0; i < op->arg; i++)
		scale_mapti(i, 0, ITS_FIRST_LPI + i);
	scale_submit();
	return measure(op, 0);
}

/* By the number of events of the device */

static const char *run_events(const struct bench_op *op)
{
	u32 i;

	if (!tt_gicv3)
		return "no-GICv3";
	scale_create(1, 0, 0);
	for (i = 1; i < op->arg; i++)
		scale_mapti(SCALE_EXTRA, i, ITS_FIRST_LPI + i);
	scale_submit();
	return measure(op, 0);
}

/* By the number of vCPUs */

static noinline u64 guest_hvc(void)
{
	/* Nobody's function: answered by KVM with "not supported". */
	register u64 x0 asm("x0") = 0x4b000000;

	asm volatile("hvc #0" : "+r" (x0) : : "x1", "x2", "x3", "memory");
	return 0;
}

/* To all but the sender. They don't run, and have it pending. */
static noinline u64 guest_sgi_all(void)
{
	write_sysreg_s(BIT_ULL(ICC_SGI1R_IRQ_ROUTING_MODE_BIT), SYS_ICC_SGI1R_EL1);
	isb();
	return 0;
}

static void guest_code(bench_fn one, u64 nr_vcpus)
{
	tt_guest_gic_init(nr_vcpus);
	local_irq_disable();
	bench_guest_measure(one);
}

static const char *run_guest(const struct bench_op *op)
{
	struct kvm_vcpu *vcpus[SCALE_MAX_VCPUS];
	struct kvm_vm *vm;

	if (!tt_gicv3)
		return "no-GICv3";
	vm = bench_vm_create(op->arg, 0, guest_code, vcpus);
	bench_in_guest(op, vcpus[0]);
	kvm_vm_free(vm);
	return NULL;
}

/* What a VMM reads of each vCPU's redistributor, and the tables. */
static u64 one_save_vcpus(void)
{
	static const u32 regs[] = {
		GICR_CTLR, GICR_WAKER, SZ_64K + GICR_ISENABLER0, SZ_64K + GICR_ISPENDR0,
		SZ_64K + GICR_ISACTIVER0, SZ_64K + GICR_ICFGR0 + 4, SZ_64K + GICR_IPRIORITYR0,
	};
	u32 value, vcpu, i;

	one_save();
	for (vcpu = 0; vcpu < scale.nr_vcpus; vcpu++)
		for (i = 0; i < ARRAY_SIZE(regs); i++)
			kvm_device_attr_get(scale.gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
					    scale.affinity[vcpu] | regs[i], &value);
	return 0;
}

static const char *run_vcpus(const struct bench_op *op)
{
	if (!tt_gicv3)
		return "no-GICv3";
	scale_create(op->arg, SCALE_EVENTS, 0);
	return measure(op, op->arg / 4);
}

#define OP(nr, name, ...)	{ name "-" #nr, __VA_ARGS__, nr }
#define BY_LPIS(...)							\
	OP(1, __VA_ARGS__), OP(16, __VA_ARGS__), OP(256, __VA_ARGS__),	\
	OP(2048, __VA_ARGS__), OP(16384, __VA_ARGS__), OP(50000, __VA_ARGS__)
#define BY_DEVICES(...)							\
	OP(1, __VA_ARGS__), OP(10, __VA_ARGS__), OP(100, __VA_ARGS__), OP(1000, __VA_ARGS__)
#define BY_EVENTS(...)							\
	OP(1, __VA_ARGS__), OP(16, __VA_ARGS__), OP(256, __VA_ARGS__), OP(2000, __VA_ARGS__)
#define BY_VCPUS(...)							\
	OP(1, __VA_ARGS__), OP(2, __VA_ARGS__), OP(4, __VA_ARGS__), OP(8, __VA_ARGS__),	\
	OP(16, __VA_ARGS__), OP(32, __VA_ARGS__), OP(64, __VA_ARGS__)

static const struct bench_op ops[] = {
	BY_LPIS("lpis-msi", "KVM_SIGNAL_MSI to a vCPU that does not run", 640, run_lpis, one_msi),
	BY_LPIS("lpis-mapti", "MAPTI", 64, run_lpis, one_mapti),
	BY_LPIS("lpis-discard", "DISCARD, with a translation cached of each LPI", 32, run_all_lpis,
		one_discard),
	BY_LPIS("lpis-invall", "INVALL", 64, run_all_lpis, one_invall),
	BY_LPIS("lpis-movall", "MOVALL", 64, run_all_lpis, one_movall),
	BY_LPIS("lpis-save", "save tables and pending tables", 64, run_all_lpis, one_save),
	BY_DEVICES("devices-mapti", "MAPTI", 64, run_devices, one_mapti),
	BY_EVENTS("events-mapti", "MAPTI", 64, run_events, one_mapti),
	BY_VCPUS("vcpus-hvc", "hypercall", 2000, run_guest, guest_hvc),
	BY_VCPUS("vcpus-sgi", "SGI to all other vCPUs", 500, run_guest, guest_sgi_all),
	BY_VCPUS("vcpus-mapti", "MAPTI", 64, run_vcpus, one_mapti),
	BY_VCPUS("vcpus-save", "save redistributors and tables", 64, run_vcpus, one_save_vcpus),
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ops, ARRAY_SIZE(ops));
}
