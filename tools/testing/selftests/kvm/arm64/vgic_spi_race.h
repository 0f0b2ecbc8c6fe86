/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest of vgic_spi_race.c: a GICv2's or a GICv3's.
 */
#ifndef SELFTEST_KVM_VGIC_SPI_RACE_H
#define SELFTEST_KVM_VGIC_SPI_RACE_H

/* The last one never runs. */
#define NR_RUNNING	4
#define NR_VCPUS	(NR_RUNNING + 1)
#define PARKED		NR_RUNNING

/* One word of each bank with a bit each: edges first, then levels. */
#define FIRST_SPI	32
#define NR_SPIS		32
#define NR_EDGES	24
#define WORD		(FIRST_SPI / 32 * 4)

#define NR_SGIS		4
#define LINE_PPI	20
/* Who makes edges: vCPUs, and threads of user space. */
#define NR_THREADS	3
#define NR_SENDERS	(NR_RUNNING + NR_THREADS)

#define GICC_DIR	0x1000
#define GICC_EOIMODE	BIT(9)

enum mode {
	MODE_SIMPLE,	/* an interrupt is deactivated by its end */
	MODE_SPLIT,	/* that comes later, for edges by any vCPU */
	MODE_ACTIVES,	/* the state is also written */
	MODE_OFF,	/* the distributor is turned off and on, and a vCPU is not there */
	MODE_LEVELS,	/* levels are also taken and ended within one run of the vCPU */
};

enum phase {
	PHASE_NONE,
	PHASE_RACE,
	PHASE_STOP,	/* nobody disturbs any more */
	PHASE_STILL,	/* all is enabled, and nothing active */
	PHASE_END,
};

static struct shared {
	enum mode mode;
	u64 seed;
	enum phase phase, reached[NR_RUNNING];
	u32 turns[NR_RUNNING];
	/* How often each was sent by whom, and what of that a vCPU saw when it took it. */
	u32 sent[NR_SENDERS][NR_EDGES], seen[NR_RUNNING][NR_SENDERS][NR_EDGES];
	u32 sent_sgi[NR_RUNNING][NR_RUNNING][NR_SGIS], seen_sgi[NR_RUNNING][NR_RUNNING][NR_SGIS];
	u32 taken[NR_RUNNING][NR_SPIS], taken_sgi[NR_RUNNING], taken_ppi[NR_RUNNING];
	/* Whose an interrupt is that is active; and who is to deactivate it. */
	u32 active[NR_SPIS], to_deactivate[NR_RUNNING][NR_SPIS];
	u32 twice[NR_RUNNING], unknown[NR_RUNNING];
} shared;

#define COUNT(what)	WRITE_ONCE(what, READ_ONCE(what) + 1)

/* What the handler uses must be another one than what it interrupts does. */
static u64 guest_random[NR_RUNNING], handler_random[NR_RUNNING];

/* Registers */

static volatile void *gicd(u32 offset)
{
	return GICD_BASE_GVA + offset;
}

static volatile void *gicc(u32 offset)
{
	return (volatile void *)TT_GICC_BASE_GPA + offset;
}

/* Not with an increment of the address, which has no syndrome. */
static void write_byte(u8 value, volatile void *to)
{
	asm volatile("strb %w0, [%1]" : : "r" (value), "r" (to) : "memory");
}

/* The word of a bank that has the private interrupts. */
static volatile void *private_bank(u32 cpu, u32 offset)
{
	return tt_gic == 3 ? GICR_BASE_GVA + cpu * SZ_128K + SZ_64K + offset : gicd(offset);
}

static u32 ack(void)
{
	u32 iar = tt_gic == 3 ? read_sysreg_s(SYS_ICC_IAR1_EL1) : readl(gicc(TT_GICC_IAR));

	dsb(sy);
	return iar;
}

static void eoi(u32 iar)
{
	if (tt_gic == 3)
		write_sysreg_s(iar, SYS_ICC_EOIR1_EL1);
	else
		writel(iar, gicc(TT_GICC_EOIR));
	isb();
}

static void deactivate(u32 iar)
{
	dsb(sy);
	if (tt_gic == 3)
		write_sysreg_s(iar, SYS_ICC_DIR_EL1);
	else
		writel(iar, gicc(GICC_DIR));
	isb();
}

static void enable_distributor(bool on)
{
	u32 enable = tt_gic == 3 ? GICD_CTLR_ENABLE_G1A : 1;

	writel((on ? enable : 0) | (tt_gic == 3 ? GICD_CTLR_ARE_NS : 0), gicd(GICD_CTLR));
}

static void route(u32 spi, u32 vcpu)
{
	u32 intid = FIRST_SPI + spi;

	if (tt_gic == 3)
		writeq_relaxed(vcpu, gicd(GICD_IROUTER + 8 * intid));
	else
		write_byte(BIT(vcpu), gicd(GICD_ITARGETSR + intid));
}

static void send_sgi(u32 from, u32 to, u32 sgi)
{
	COUNT(shared.sent_sgi[from][to][sgi]);
	dsb(sy);
	if (tt_gic == 3) {
		write_sysreg_s((u64)sgi << 24 | BIT(to), SYS_ICC_SGI1R_EL1);
		isb();
	} else {
		writel(BIT(16 + to) | sgi, gicd(GICD_SGIR));
	}
}

/* Interrupts */

static bool is_split(void)
{
	return shared.mode == MODE_SPLIT;
}

static void take_sgi(u32 cpu, u32 iar)
{
	u32 sgi = iar & 0xf, from;

	if (sgi >= NR_SGIS)
		COUNT(shared.unknown[cpu]);
	else if (tt_gic == 2)
		WRITE_ONCE(shared.seen_sgi[cpu][iar >> 10][sgi],
			   READ_ONCE(shared.sent_sgi[iar >> 10][cpu][sgi]));
	else
		for (from = 0; from < NR_RUNNING; from++)
			WRITE_ONCE(shared.seen_sgi[cpu][from][sgi],
				   READ_ONCE(shared.sent_sgi[from][cpu][sgi]));
	COUNT(shared.taken_sgi[cpu]);
}

static void take_spi(u32 cpu, u32 spi)
{
	u32 from;

	if (READ_ONCE(shared.active[spi]) && shared.mode != MODE_ACTIVES)
		COUNT(shared.twice[cpu]);
	WRITE_ONCE(shared.active[spi], cpu + 1);
	for (from = 0; spi < NR_EDGES && from < NR_SENDERS; from++)
		WRITE_ONCE(shared.seen[cpu][from][spi], READ_ONCE(shared.sent[from][spi]));
	COUNT(shared.taken[cpu][spi]);
}

/* Has the vCPU leave the guest between acknowledgement and end. */
static void exit_to_host(void)
{
	readl(gicd(GICD_TYPER));
}

/* The level of a line is for him to say who ends it. */
static u32 who_deactivates(u32 cpu, u32 spi)
{
	return spi < NR_EDGES ? vt_random(&handler_random[cpu], NR_RUNNING) : cpu;
}

static void guest_irq(struct ex_regs *regs)
{
	u32 cpu = guest_get_vcpuid(), iar = ack(), intid = iar & 0x3ff, spi = intid - FIRST_SPI;

	if (intid == IAR_SPURIOUS)
		return;
	if (intid < MIN_PPI) {
		take_sgi(cpu, iar);
	} else if (intid == tt_irq[TT_V]) {
		tt_set_ctl(TT_V, 0);
	} else if (intid == LINE_PPI) {
		/* Its line is not for the guest to lower. */
		writel(BIT(LINE_PPI), private_bank(cpu, GICD_ICENABLER));
		COUNT(shared.taken_ppi[cpu]);
	} else if (spi < NR_SPIS) {
		take_spi(cpu, spi);
		if (spi >= NR_EDGES &&
		    (shared.mode != MODE_LEVELS || !vt_random(&handler_random[cpu], 2)))
			exit_to_host();
		if (is_split()) {
			eoi(iar);
			WRITE_ONCE(shared.to_deactivate[who_deactivates(cpu, spi)][spi], 1);
			return;
		}
		WRITE_ONCE(shared.active[spi], 0);
		dsb(sy);
	} else {
		COUNT(shared.unknown[cpu]);
	}
	eoi(iar);
	if (is_split())
		deactivate(iar);
}

/* What has not been yet, or half of it: there are more than list registers. */
static void deactivate_some(u32 cpu, bool all)
{
	u32 spi;

	for (spi = 0; spi < NR_SPIS; spi++) {
		if (!READ_ONCE(shared.to_deactivate[cpu][spi]))
			continue;
		if (!all && vt_random(&guest_random[cpu], 4))
			continue;
		WRITE_ONCE(shared.to_deactivate[cpu][spi], 0);
		WRITE_ONCE(shared.active[spi], 0);
		deactivate(FIRST_SPI + spi);
	}
}

/* What a vCPU does to all others */

static void pend(u32 cpu, u64 *random)
{
	u32 edge = vt_random(random, NR_EDGES);

	COUNT(shared.sent[cpu][edge]);
	dsb(sy);
	writel(BIT(edge), gicd(GICD_ISPENDR + WORD));
}

static void change_actives(u64 *random)
{
	u32 some = 1U << vt_random(random, NR_SPIS) | 1U << vt_random(random, NR_SPIS);

	writel(some, gicd((vt_random(random, 2) ? GICD_ISACTIVER : GICD_ICACTIVER) + WORD));
}

static void turn_off(u32 cpu, u64 *random)
{
	if (cpu)
		return;
	enable_distributor(false);
	tt_guest_delay(vt_random(random, 200));
	enable_distributor(true);
}

static void disturb(u32 cpu, u64 *random)
{
	u32 spi = vt_random(random, NR_SPIS);

	switch (vt_random(random, 10)) {
	case 0:
		/* Others disable it meanwhile: the last phase enables all. */
		writel(BIT(spi), gicd(GICD_ICENABLER + WORD));
		writel(BIT(spi), gicd(GICD_ISENABLER + WORD));
		break;
	case 1 ... 3:
		route(spi, vt_random(random, shared.mode == MODE_OFF ? NR_VCPUS : NR_RUNNING));
		break;
	case 4 ... 5:
		send_sgi(cpu, vt_random(random, NR_RUNNING), vt_random(random, NR_SGIS));
		break;
	case 6:
		if (shared.mode == MODE_ACTIVES)
			change_actives(random);
		else if (shared.mode == MODE_OFF)
			turn_off(cpu, random);
		else
			readl(gicd(GICD_ISACTIVER + WORD));
		break;
	default:
		pend(cpu, random);
		break;
	}
}

static void enable_all(u32 cpu)
{
	u32 spi;

	writel(BIT(LINE_PPI), private_bank(cpu, GICD_ISENABLER));
	if (cpu)
		return;
	for (spi = 0; spi < NR_SPIS; spi++)
		route(spi, spi % NR_RUNNING);
	if (shared.mode == MODE_ACTIVES)
		writel(~0, gicd(GICD_ICACTIVER + WORD));
	writel(~0, gicd(GICD_ISENABLER + WORD));
	enable_distributor(true);
}

static void init_cpu_interface(void)
{
	if (tt_gic == 2) {
		writel(0xf0, gicc(TT_GICC_PMR));
		writel(1 | (is_split() ? GICC_EOIMODE : 0), gicc(TT_GICC_CTLR));
		return;
	}
	write_sysreg_s(read_sysreg_s(SYS_ICC_SRE_EL1) | ICC_SRE_EL1_SRE, SYS_ICC_SRE_EL1);
	isb();
	write_sysreg_s(0xf0, SYS_ICC_PMR_EL1);
	write_sysreg_s(is_split() ? ICC_CTLR_EL1_EOImode_MASK : 0, SYS_ICC_CTLR_EL1);
	write_sysreg_s(ICC_IGRPEN1_EL1_MASK, SYS_ICC_IGRPEN1_EL1);
	isb();
}

static void guest_init(u32 cpu)
{
	u64 *random = &guest_random[cpu];
	u32 i;

	local_irq_disable();
	*random = shared.seed * 1000 + cpu;
	handler_random[cpu] = shared.seed * 1000 + NR_VCPUS + cpu;
	if (tt_gic == 3)
		writel(~0, private_bank(cpu, GICD_IGROUPR));
	writel(BIT(tt_irq[TT_V]) | BIT(LINE_PPI) | (BIT(NR_SGIS) - 1),
	       private_bank(cpu, GICD_ISENABLER));
	init_cpu_interface();
	if (!cpu) {
		if (tt_gic == 3)
			writel(~0, gicd(GICD_IGROUPR + WORD));
		/* Not of what is active: priorities are what the hardware finds it by. */
		for (i = 0; i < NR_SPIS; i++)
			write_byte(vt_random(random, 8) << 5, gicd(GICD_IPRIORITYR + FIRST_SPI + i));
		for (i = 0; i < NR_EDGES; i += 16)
			writel(i + 16 <= NR_EDGES ? 0xaaaaaaaa : 0xaaaa,
			       gicd(GICD_ICFGR + (FIRST_SPI + i) / 4));
		enable_all(0);
	}
	local_irq_enable();
}

static void guest_main(void)
{
	u32 cpu = guest_get_vcpuid();
	u64 *random = &guest_random[cpu];
	enum phase phase;

	guest_init(cpu);
	for (;;) {
		phase = READ_ONCE(shared.phase);
		if (phase == PHASE_END)
			break;
		deactivate_some(cpu, phase != PHASE_RACE);
		if (phase != READ_ONCE(shared.reached[cpu])) {
			if (phase == PHASE_STILL)
				enable_all(cpu);
			WRITE_ONCE(shared.reached[cpu], phase);
		}
		if (phase == PHASE_RACE) {
			disturb(cpu, random);
			writel(BIT(LINE_PPI), private_bank(cpu, GICD_ISENABLER));
		}
		if (phase != PHASE_RACE || !vt_random(random, 4))
			vt_guest_idle(random);
		COUNT(shared.turns[cpu]);
	}
	WRITE_ONCE(shared.reached[cpu], PHASE_END);
	GUEST_DONE();
}

#endif
