/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest of vgic_lpi_race.c.
 */
#ifndef SELFTEST_KVM_VGIC_LPI_RACE_H
#define SELFTEST_KVM_VGIC_LPI_RACE_H

#define DEVICE		1
#define NR_EVENTS	64
#define NR_LPIS		(2 * NR_EVENTS)
/* One of them is never mapped to a vCPU. */
#define NR_ICIDS	(VI_NR_VCPUS + 1)

enum mode {
	MOVES,
	MAPS,
};

enum phase {
	PHASE_NONE,
	PHASE_RACE,
	PHASE_STOP,	/* nobody disturbs any more */
	PHASE_STILL,	/* all is enabled */
	PHASE_QUIET,	/* LPIs are mapped anew */
	PHASE_END,
};

static struct shared {
	enum mode mode;
	u64 seed;
	enum phase phase;
	u32 reached[VI_NR_VCPUS], turns[VI_NR_VCPUS];
	/* Of each LPI: how often it was sent, and which of these had been when a vCPU took it. */
	u32 sent[NR_LPIS], seen[VI_NR_VCPUS][NR_LPIS];
	u32 taken[VI_NR_VCPUS][NR_LPIS], all[VI_NR_VCPUS];
	u32 commands[2];
} shared;

static void guest_irq(struct ex_regs *regs)
{
	u32 cpu = guest_get_vcpuid(), lpi;
	u32 intid = read_sysreg_s(SYS_ICC_IAR1_EL1);

	dsb(sy);
	if (intid == IAR_SPURIOUS)
		return;
	if (intid == tt_irq[TT_V]) {
		tt_set_ctl(TT_V, 0);
	} else {
		lpi = intid - VI_FIRST_LPI;
		__GUEST_ASSERT(lpi < NR_LPIS, "INTID %u", intid);
		WRITE_ONCE(shared.seen[cpu][lpi], READ_ONCE(shared.sent[lpi]));
		WRITE_ONCE(shared.taken[cpu][lpi], shared.taken[cpu][lpi] + 1);
		shared.all[cpu]++;
	}
	write_sysreg_s(intid, SYS_ICC_EOIR1_EL1);
	isb();
}

/* Commands: ITS n is vCPU n's */

static u32 guest_writer[2];

static void put(int its, u64 word0, u64 word1, u64 word2, u64 word3)
{
	volatile u64 *entry = (void *)vi_gpa(VI_QUEUES + its) + guest_writer[its];

	entry[0] = word0;
	entry[1] = word1;
	entry[2] = word2;
	entry[3] = word3;
	guest_writer[its] = (guest_writer[its] + 32) % VI_QUEUE_SIZE;
	shared.commands[its]++;
}

/* All that was put is done when it returns, if the ITS is enabled. */
static void submit(int its)
{
	dsb(ishst);
	writeq_relaxed(guest_writer[its], (void *)vi_its_gpa(its) + GITS_CWRITER);
}

static void put_event(int its, u32 cmd, u32 event, u32 lpi, u32 icid)
{
	put(its, cmd | (u64)DEVICE << 32, event | (u64)(VI_FIRST_LPI + lpi) << 32, icid, 0);
}

static void put_mapd(int its, bool valid)
{
	put(its, GITS_CMD_MAPD | (u64)DEVICE << 32, 7,
	    (VI_SLOT_GPA + (VI_ITT * SZ_64K) + its * VI_ITT_SIZE) | (u64)valid << 63, 0);
}

static void put_mapc(int its, u32 icid, u32 vcpu, bool valid)
{
	put(its, GITS_CMD_MAPC, 0, icid | (u64)vcpu << 16 | (u64)valid << 63, 0);
}

static void put_movall(int its, u32 from, u32 to)
{
	put(its, GITS_CMD_MOVALL, 0, (u64)from << 16, (u64)to << 16);
}

/* Properties are the guest's memory: another priority, disabled, enabled. */
static void change_property(u64 *random, u32 lpi)
{
	volatile u8 *properties = (void *)vi_gpa(VI_PROPERTIES);
	u8 value = vt_random(random, 4) << 6 | vt_random(random, 2) << 5;

	properties[lpi] = value | !!vt_random(random, 4);
}

static void any_move(int its, u64 *random)
{
	u32 event = vt_random(random, NR_EVENTS), lpi = event + its * NR_EVENTS;
	u32 vcpu = vt_random(random, VI_NR_VCPUS), icid = vt_random(random, VI_NR_VCPUS);

	switch (vt_random(random, 8)) {
	case 0:
		put_mapc(its, icid, vcpu, true);
		break;
	case 1:
		put_movall(its, icid, vcpu);
		break;
	case 2:
		put(its, GITS_CMD_INVALL, 0, icid, 0);
		break;
	case 3:
		change_property(random, lpi);
		put_event(its, GITS_CMD_INV, event, 0, 0);
		break;
	case 4:
		put_event(its, GITS_CMD_INT, event, 0, 0);
		break;
	default:
		put_event(its, GITS_CMD_MOVI, event, 0, icid);
		break;
	}
}

static void any_map(int its, u64 *random)
{
	u32 event = vt_random(random, NR_EVENTS), lpi = (event + vt_random(random, 4)) % NR_EVENTS;
	u32 vcpu = vt_random(random, VI_NR_VCPUS), icid = vt_random(random, NR_ICIDS);

	switch (vt_random(random, 64)) {
	case 0:
		put_mapd(its, vt_random(random, 4));
		break;
	case 1:
		/* What was in the collection is in none, until the device is mapped again. */
		put_mapc(its, icid, 0, false);
		put_mapd(its, true);
		put_mapc(its, icid, vcpu, icid < VI_NR_VCPUS);
		break;
	case 2 ... 9:
		put_event(its, GITS_CMD_DISCARD, event, 0, 0);
		break;
	case 10 ... 13:
		put_event(its, GITS_CMD_CLEAR, event, 0, 0);
		break;
	case 14 ... 23:
		/* Gone, and again there, at once, for another. */
		put_event(its, GITS_CMD_DISCARD, event, 0, 0);
		put_event(its, GITS_CMD_MAPTI, vt_random(random, NR_EVENTS), event, icid);
		break;
	case 24 ... 33:
		any_move(its, random);
		break;
	default:
		put_event(its, GITS_CMD_MAPTI, event, lpi, icid);
		break;
	}
}

static void race_commands(int its, u64 *random)
{
	u32 nr = 1 + vt_random(random, 8);

	while (nr--)
		if (shared.mode == MOVES)
			any_move(its, random);
		else
			any_map(its, random);
	submit(its);
}

/* Redistributors, and what is enabled */

static void gicr_write(u32 vcpu, u32 offset, u32 value)
{
	writel_relaxed(value, (void *)vi_gicr(vcpu, offset));
}

static void its_enable(int its, bool enable)
{
	writel_relaxed(enable ? GITS_CTLR_ENABLE : 0, (void *)vi_its_gpa(its) + GITS_CTLR);
}

/* Other cacheability: all devices are gone, unless the ITS is enabled by somebody else. */
static void change_device_table(int its)
{
	u64 table = GITS_BASER_VALID | vi_gpa(VI_DEVICES + its);

	writeq_relaxed(table | 7ULL << GITS_BASER_INNER_CACHEABILITY_SHIFT, (void *)vi_its_gpa(its) + GITS_BASER);
	writeq_relaxed(table, (void *)vi_its_gpa(its) + GITS_BASER);
}

/* Who looks how far something is, goes on with it. */
static void look_how_far(u32 vcpu, int its)
{
	readq_relaxed((void *)vi_its_gpa(its) + GITS_CREADR);
	readl_relaxed((void *)vi_its_gpa(its) + GITS_CTLR);
	readl_relaxed((void *)vi_gicr(vcpu, GICR_SYNCR));
}

static void race_enables(u32 cpu, u64 *random)
{
	u32 vcpu = vt_random(random, VI_NR_VCPUS);
	int its = vt_random(random, 2);

	look_how_far(vt_random(random, VI_NR_VCPUS), vt_random(random, 2));
	switch (vt_random(random, 5)) {
	case 0:
		its_enable(its, false);
		if (shared.mode == MAPS && !vt_random(random, 8))
			change_device_table(its);
		its_enable(its, true);
		break;
	case 1:
		gicr_write(vcpu, GICR_INVALLR, 0);
		break;
	case 2:
		gicr_write(vcpu, GICR_INVLPIR, VI_FIRST_LPI + vt_random(random, NR_LPIS));
		break;
	default:
		if (shared.mode == MOVES)
			break;
		gicr_write(vcpu, GICR_CTLR, 0);
		/* The next one to come here enables it, if it is not this one. */
		if (vt_random(random, 8))
			gicr_write(vcpu, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
		gicr_write(vt_random(random, VI_NR_VCPUS), GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
		break;
	}
}

static void enable_all(u32 cpu)
{
	volatile u8 *properties = (void *)vi_gpa(VI_PROPERTIES);
	u32 i;

	gicr_write(cpu, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	if (cpu >= 2)
		return;
	its_enable(cpu, true);
	for (i = 0; i < NR_EVENTS; i++) {
		properties[cpu * NR_EVENTS + i] = VI_ENABLED;
		put_event(cpu, GITS_CMD_INV, i, 0, 0);
	}
	submit(cpu);
}

/* ITS 0 gets the first LPIs, spread over the vCPUs; in moves ITS 1 the others. */
static void map_all(int its)
{
	u32 i;

	put_mapd(its, false);
	for (i = 0; i < VI_NR_VCPUS; i++)
		put_mapc(its, i, i, true);
	put_mapd(its, true);
	for (i = 0; i < NR_EVENTS && (!its || shared.mode == MOVES); i++)
		put_event(its, GITS_CMD_MAPTI, i, i + its * NR_EVENTS, i % VI_NR_VCPUS);
	submit(its);
}

static void unmap_all(int its)
{
	put_mapd(its, false);
	submit(its);
}

static void reach(u32 cpu, enum phase phase)
{
	WRITE_ONCE(shared.reached[cpu], phase);
}

/* ITS 1 lets go of what ITS 0 is to have. */
static void map_anew(u32 cpu)
{
	if (cpu == 1) {
		unmap_all(1);
	} else if (!cpu) {
		while (READ_ONCE(shared.reached[1]) != PHASE_QUIET)
			cpu_relax();
		map_all(0);
	}
}

static void change_phase(u32 cpu, enum phase phase)
{
	if (phase == PHASE_STILL)
		enable_all(cpu);
	else if (phase == PHASE_QUIET)
		map_anew(cpu);
	else if (phase == PHASE_RACE && cpu == 1)
		map_all(1);
	reach(cpu, phase);
}

static void guest_init(u32 cpu)
{
	vi_guest_cpu_init();
	writel(~0, (void *)vi_gicr(cpu, SZ_64K + GICR_IGROUPR0));
	writel(BIT(tt_irq[TT_V]), (void *)vi_gicr(cpu, SZ_64K + GICR_ISENABLER0));
	writeq_relaxed(vi_gpa(VI_PROPERTIES) | VI_ID_BITS, (void *)vi_gicr(cpu, GICR_PROPBASER));
	writeq_relaxed(vi_gpa(VI_PENDING + cpu), (void *)vi_gicr(cpu, GICR_PENDBASER));
	gicr_write(cpu, GICR_CTLR, GICR_CTLR_ENABLE_LPIS);
	local_irq_enable();
}

static void guest_main(void)
{
	u32 cpu = guest_get_vcpuid();
	u64 random = shared.seed * 1000 + cpu;
	enum phase phase;

	guest_init(cpu);
	for (;;) {
		phase = READ_ONCE(shared.phase);
		if (phase == PHASE_END)
			break;
		if (phase != READ_ONCE(shared.reached[cpu]))
			change_phase(cpu, phase);
		if (phase == PHASE_RACE && cpu < 2)
			race_commands(cpu, &random);
		/* Disabled, ITS 1 would map its LPIs only when MSIs come already. */
		else if (phase == PHASE_RACE && READ_ONCE(shared.reached[1]) == PHASE_RACE)
			race_enables(cpu, &random);
		if (phase != PHASE_RACE || !vt_random(&random, 4))
			vt_guest_idle(&random);
		WRITE_ONCE(shared.turns[cpu], shared.turns[cpu] + 1);
	}
	reach(cpu, PHASE_END);
	GUEST_DONE();
}

#endif
