/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest of cpu_offline.c. Each vCPU arms its timers and sends the next one an SGI, each time anew once it has
 * come, and counts what it takes.
 */
#ifndef SELFTEST_KVM_CPU_OFFLINE_H
#define SELFTEST_KVM_CPU_OFFLINE_H

#include "gic_v3.h"
#include "switch_lib.h"
#include "gic_v3_its.h"
#include "vgic_lib.h"

#define NR_VCPUS	3
#define SGI		3
#define FIRST_SPI	40
#define FIRST_LPI	8192
#define TT_GICD_ICFGR	0xc00
#define TT_GICD_ITARGETSR	0x800
#define TT_GICD_SGIR	0xf00

#define ITS_GPA		0x10000000ULL

/* 64K each. */
enum its_memory {
	ITS_DEVICES,
	ITS_COLLECTIONS,
	ITS_QUEUE,
	ITS_ITT,
	ITS_PROPERTIES,
	ITS_PENDING,
	ITS_NR = ITS_PENDING + NR_VCPUS,
};

enum kind {
	KIND_V,
	KIND_P,
	KIND_SGI,
	KIND_SPI,
	KIND_LPI,
	NR_KINDS,
};

enum mode {
	MODE_NONE,
	MODE_QUIET,	/* nothing new, all that is due is taken */
	MODE_SPIN,
	MODE_SLEEP,
	MODE_ARM,	/* all is armed and sent once, and not taken */
	MODE_END,
};

static struct shared {
	enum mode mode;
	u32 reached[NR_VCPUS], turns[NR_VCPUS];
	u32 taken[NR_VCPUS][NR_KINDS], unknown[NR_VCPUS];
	u32 armed[NR_VCPUS][2], sgis[NR_VCPUS];
	u32 ready;
} shared;

#define COUNT(what)	WRITE_ONCE(what, READ_ONCE(what) + 1)

static void guest_irq(struct ex_regs *regs)
{
	u32 cpu = guest_get_vcpuid(), intid = tt_guest_ack();
	int kind = -1;

	if (intid == IAR_SPURIOUS)
		return;
	if (intid == SGI)
		kind = KIND_SGI;
	else if (intid == tt_irq[TT_V])
		kind = KIND_V;
	else if (intid == tt_irq[TT_P])
		kind = KIND_P;
	else if (intid == FIRST_SPI + cpu)
		kind = KIND_SPI;
	else if (intid == FIRST_LPI + cpu)
		kind = KIND_LPI;
	/* Before it is counted: then it may be armed again. */
	if (kind == KIND_V || kind == KIND_P)
		tt_set_ctl(kind == KIND_V ? TT_V : TT_P, 0);
	tt_guest_eoi(intid);
	if (kind < 0)
		COUNT(shared.unknown[cpu]);
	else
		COUNT(shared.taken[cpu][kind]);
}

static void guest_spi_init(u32 cpu)
{
	u32 intid = FIRST_SPI + cpu;
	volatile u32 *config = GICD_BASE_GVA + TT_GICD_ICFGR + intid / 16 * 4;

	/* One vCPU after the other: these registers are shared. */
	*config |= 2U << intid % 16 * 2;
	if (tt_gic == 3)
		writeq_relaxed(cpu, GICD_BASE_GVA + GICD_IROUTER + intid * 8);
	else
		*(volatile u8 *)(GICD_BASE_GVA + TT_GICD_ITARGETSR + intid) = BIT(cpu);
	writel(BIT(intid % 32), GICD_BASE_GVA + TT_GICD_ISENABLER + intid / 32 * 4);
}

static gpa_t its_memory(enum its_memory what)
{
	return ITS_GPA + what * SZ_64K;
}

static void guest_its_init(void)
{
	void *queue = (void *)its_memory(ITS_QUEUE);
	u32 i;

	its_init(its_memory(ITS_COLLECTIONS), SZ_64K, its_memory(ITS_DEVICES), SZ_64K,
		 its_memory(ITS_QUEUE), SZ_64K);
	its_send_mapd_cmd(queue, 0, its_memory(ITS_ITT), SZ_64K, true);
	for (i = 0; i < NR_VCPUS; i++) {
		its_send_mapc_cmd(queue, i, i, true);
		its_send_mapti_cmd(queue, 0, i, i, FIRST_LPI + i);
		its_send_invall_cmd(queue, i);
	}
}

/* In turn, by a counter: gic_init() and the distributor want one at a time. */
static void guest_setup(u32 cpu)
{
	while (READ_ONCE(shared.ready) != cpu)
		cpu_relax();
	tt_guest_setup(NR_VCPUS);
	tt_guest_irq_enable(SGI);
	guest_spi_init(cpu);
	if (tt_gic == 3) {
		gic_rdist_enable_lpis(its_memory(ITS_PROPERTIES), SZ_64K,
				      its_memory(ITS_PENDING + cpu));
		if (cpu == NR_VCPUS - 1)
			guest_its_init();
	}
	dsb(sy);
	COUNT(shared.ready);
	while (READ_ONCE(shared.ready) != NR_VCPUS)
		cpu_relax();
}

static void guest_send_sgi(u32 to)
{
	dsb(sy);
	if (tt_gic == 3) {
		write_sysreg_s((u64)SGI << 24 | BIT(to), SYS_ICC_SGI1R_EL1);
		isb();
	} else {
		writel(BIT(to) << 16 | SGI, GICD_BASE_GVA + TT_GICD_SGIR);
	}
}

static bool timer_due(u32 cpu, int t)
{
	return READ_ONCE(shared.taken[cpu][t]) != shared.armed[cpu][t];
}

static bool sgi_due(u32 from)
{
	return READ_ONCE(shared.taken[(from + 1) % NR_VCPUS][KIND_SGI]) != shared.sgis[from];
}

/* What has come is armed and sent again; counted before it can come. */
static void guest_arm(u32 cpu)
{
	/* Sleeps are so long that many last while a CPU goes. */
	u64 ticks = timer_get_cntfrq() / (READ_ONCE(shared.mode) == MODE_SLEEP ? 200 : 2000);
	int t;

	for (t = TT_V; t <= TT_P; t++) {
		if (timer_due(cpu, t))
			continue;
		COUNT(shared.armed[cpu][t]);
		tt_start(t, tt_cnt(t) + ticks * (t + 1) * (cpu + 1));
	}
	if (!sgi_due(cpu)) {
		COUNT(shared.sgis[cpu]);
		guest_send_sgi((cpu + 1) % NR_VCPUS);
	}
}

static bool guest_is_quiet(u32 cpu)
{
	return !timer_due(cpu, TT_V) && !timer_due(cpu, TT_P) && !sgi_due(cpu);
}

/* Called with interrupts masked; a round ends when both timers have expired. */
static void guest_turn(u32 cpu, enum mode mode)
{
	u64 i;

	switch (mode) {
	case MODE_SPIN:
	case MODE_SLEEP:
		guest_arm(cpu);
		do {
			if (mode == MODE_SLEEP)
				wfi();
			tt_guest_take_irqs();
		} while (timer_due(cpu, TT_V) || timer_due(cpu, TT_P));
		break;
	case MODE_ARM:
		if (shared.reached[cpu] != MODE_ARM)
			guest_arm(cpu);
		break;
	default:
		do {
			tt_guest_take_irqs();
		} while (!guest_is_quiet(cpu));
	}
	for (i = 0; i < 1000; i++)
		cpu_relax();
}

static void guest_main(u64 cpu)
{
	enum mode mode;

	guest_setup(cpu);
	do {
		mode = READ_ONCE(shared.mode);
		guest_turn(cpu, mode);
		WRITE_ONCE(shared.reached[cpu], mode);
		if (mode != MODE_ARM)
			COUNT(shared.turns[cpu]);
	} while (mode != MODE_END);
	GUEST_DONE();
}

#endif /* SELFTEST_KVM_CPU_OFFLINE_H */
