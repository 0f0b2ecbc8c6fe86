// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU that has more LPIs than list registers, and ends interrupts that are in none: the hardware
 * counts these ends, and the hypervisor looks for what they were of behind what was in list registers.
 * Meanwhile the other vCPU takes all LPIs from this one:
 *
 * ends_disabled: it clears GICR_CTLR.EnableLPIs;
 *
 * ends_moved: it moves them to itself (MOVALL).
 *
 * The two vCPUs take turns, so that it is so in each round, but for those in which the host interrupts.
 * In the end each LPI must come once, where it belongs. On C ends_disabled crashes the host.
 */
#include <pthread.h>
#include <sys/sysinfo.h>

#define VI_NR_VCPUS	2

#include "vgic_its_lib.h"

#define DEVICE		1
#define NR_LPIS		24
/* No list register has this SPI. Ends of LPIs the hardware does not count. */
#define NO_IRQ		100

enum step {
	STEP_BEGIN,
	STEP_ACTIVE,	/* vCPU 1 has an active SGI */
	STEP_SENT,	/* vCPU 0 has sent all LPIs */
	STEP_HERE,	/* vCPU 1 has them, and is in its guest */
	STEP_AWAY,	/* vCPU 0 has taken away what vCPU 1 has */
	STEP_LEFT,	/* vCPU 1 has left its guest since then, and has nothing more */
	STEP_OVER,
};

static struct shared {
	bool moved;
	u32 rounds;
	enum step step;
	u32 ends, taken[VI_NR_VCPUS][NR_LPIS];
} shared;

static void wait_for(enum step step)
{
	while (READ_ONCE(shared.step) != step)
		cpu_relax();
}

static void reach(enum step step)
{
	dsb(sy);
	WRITE_ONCE(shared.step, step);
}

static u32 acknowledge(void)
{
	u32 intid = read_sysreg_s(SYS_ICC_IAR1_EL1);

	dsb(sy);
	return intid;
}

static void end_of(u32 intid)
{
	write_sysreg_s(intid, SYS_ICC_EOIR1_EL1);
	isb();
}

static void leave_guest(void)
{
	readl((void *)GICD_BASE_GPA + GICD_TYPER);
}

/* Until there is nothing more. Interrupts are masked. */
static void take_all(u32 cpu)
{
	u32 intid;

	for (;;) {
		leave_guest();
		intid = acknowledge();
		if (intid == IAR_SPURIOUS)
			return;
		__GUEST_ASSERT(intid - VI_FIRST_LPI < NR_LPIS, "INTID %u", intid);
		shared.taken[cpu][intid - VI_FIRST_LPI]++;
		end_of(intid);
	}
}

/* vCPU 1 */

static void end_another(void)
{
	if (acknowledge() == IAR_SPURIOUS)
		return;
	shared.ends++;
	end_of(NO_IRQ);
}

static void write_sgis(u32 offset, u32 value)
{
	writel(value, (void *)(vi_gicr(1, SZ_64K) + offset));
}

static void enable_sgi(void)
{
	/* LPIs come before it. */
	write_sgis(GICR_IPRIORITYR0, 0xe0);
	write_sgis(GICR_IGROUPR0, ~0);
	write_sgis(GICR_ISENABLER0, BIT(0));
}

/*
 * As long as there is an active interrupt in no list register the hypervisor wants to know of ends. It
 * is fetched at once then.
 */
static void lose_and_end(void)
{
	u32 i;

	enable_sgi();
	for (i = 0; i < shared.rounds; i++) {
		wait_for(STEP_BEGIN);
		write_sgis(GICR_ISPENDR0, BIT(0));
		__GUEST_ASSERT(!acknowledge(), "the SGI");
		reach(STEP_ACTIVE);
		wait_for(STEP_SENT);
		leave_guest();
		if (i % 2)
			end_another();
		reach(STEP_HERE);
		wait_for(STEP_AWAY);
		end_another();
		leave_guest();
		take_all(1);
		end_of(0);
		reach(STEP_LEFT);
	}
	wait_for(STEP_BEGIN);
	reach(STEP_ACTIVE);
	wait_for(STEP_SENT);
	memset(shared.taken, 0, sizeof(shared.taken));
	take_all(1);
	reach(STEP_OVER);
}

/* vCPU 0 */

static u32 guest_writer;

static void put(u64 word0, u64 word1, u64 word2, u64 word3)
{
	volatile u64 *entry = (void *)vi_gpa(VI_QUEUES) + guest_writer;

	entry[0] = word0;
	entry[1] = word1;
	entry[2] = word2;
	entry[3] = word3;
	guest_writer = (guest_writer + 32) % VI_QUEUE_SIZE;
}

static void submit(void)
{
	dsb(ishst);
	writeq_relaxed(guest_writer, (void *)GITS_BASE_GPA + GITS_CWRITER);
}

static void put_event(u32 cmd, u32 event, u32 icid)
{
	put(cmd | (u64)DEVICE << 32, event | (u64)(VI_FIRST_LPI + event) << 32, icid, 0);
}

static void move_all(u32 from, u32 to)
{
	put(GITS_CMD_MOVALL, 0, (u64)from << 16, (u64)to << 16);
	submit();
}

static void map_all(void)
{
	u32 i;

	put(GITS_CMD_MAPD | (u64)DEVICE << 32, 7,
	    (VI_SLOT_GPA + VI_ITT * SZ_64K) | 1ULL << 63, 0);
	put(GITS_CMD_MAPC, 0, 1 | 1ULL << 16 | 1ULL << 63, 0);
	for (i = 0; i < NR_LPIS; i++)
		put_event(GITS_CMD_MAPTI, i, 1);
	submit();
}

static void send_all(void)
{
	u32 i;

	wait_for(STEP_ACTIVE);
	for (i = 0; i < NR_LPIS; i++)
		put_event(GITS_CMD_INT, i, 0);
	submit();
	reach(STEP_SENT);
}

static void enable_lpis(bool enable)
{
	writel_relaxed(enable ? GICR_CTLR_ENABLE_LPIS : 0, (void *)vi_gicr(1, GICR_CTLR));
}

static void take_away(void)
{
	u32 i;

	map_all();
	for (i = 0; i < shared.rounds; i++) {
		send_all();
		wait_for(STEP_HERE);
		if (shared.moved)
			move_all(1, 0);
		else
			enable_lpis(false);
		reach(STEP_AWAY);
		wait_for(STEP_LEFT);
		if (shared.moved) {
			take_all(0);
			move_all(0, 1);
		} else {
			enable_lpis(true);
		}
		reach(STEP_BEGIN);
	}
	send_all();
	wait_for(STEP_OVER);
}

static void guest_main(void)
{
	vi_guest_cpu_init();
	if (guest_get_vcpuid())
		lose_and_end();
	else
		take_away();
	GUEST_DONE();
}

static void *run_vcpu(void *vcpu)
{
	struct ucall uc;

	pin_self_to_cpu(((struct kvm_vcpu *)vcpu)->id);
	if (tt_run(vcpu, &uc) != UCALL_DONE)
		TEST_FAIL("a vCPU ends");
	return NULL;
}

static void start_gic(void)
{
	u32 i;

	TEST_ASSERT(!vi_set_gicd(GICD_CTLR, GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_G1A |
				 GICD_CTLR_ENABLE_G1), "GICD_CTLR");
	for (i = 0; i < VI_NR_VCPUS; i++) {
		u64 attr = (u64)i << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT;
		u32 low = vi_gpa(VI_PROPERTIES) | VI_ID_BITS, pending = vi_gpa(VI_PENDING + i);

		kvm_device_attr_set(vi.gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, attr | GICR_PROPBASER,
				    &low);
		kvm_device_attr_set(vi.gic, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, attr | GICR_PENDBASER,
				    &pending);
		TEST_ASSERT(!vi_set_gicr(i, GICR_CTLR, GICR_CTLR_ENABLE_LPIS), "GICR_CTLR");
	}
	TEST_ASSERT(!vi_set(0, GITS_BASER, VI_FLAT(VI_DEVICES)) &&
		    !vi_set(0, GITS_BASER + 8, VI_FLAT(VI_COLLECTIONS)) &&
		    !vi_set(0, GITS_CBASER, VI_QUEUE(0)) &&
		    !vi_set(0, GITS_CTLR, GITS_CTLR_ENABLE), "GITS");
}

static void ends(bool moved)
{
	pthread_t vcpus[VI_NR_VCPUS];
	struct shared *s;
	u32 i, once = 0;

	alarm(TT_WATCHDOG_SEC);
	vi_create_for(1, guest_main, vi_guest_irq);
	virt_map(vi.vm, VI_SLOT_GPA, VI_SLOT_GPA, VI_SLOT_SIZE / vi.vm->page_size);
	s = addr_gva2hva(vi.vm, (gva_t)&shared);
	s->moved = moved;
	s->rounds = 200;
	start_gic();
	for (i = 0; i < VI_NR_VCPUS; i++)
		pthread_create(&vcpus[i], NULL, run_vcpu, vi.vcpus[i]);
	for (i = 0; i < VI_NR_VCPUS; i++)
		pthread_join(vcpus[i], NULL);
	for (i = 0; i < NR_LPIS; i++)
		once += s->taken[1][i] == 1 && !s->taken[0][i];
	ksft_print_msg("%u rounds, %u ends of what is in no list register\n", s->rounds, s->ends);
	tt_expect(s->ends > 0, "there were such ends");
	tt_expect(once == NR_LPIS, "each LPI comes once, where it belongs");
	vi_free();
}

static void ends_disabled(bool el2)
{
	ends(false);
}

static void ends_moved(bool el2)
{
	ends(true);
}

static const struct tt_test tests[] = {
	{ "ends_moved", ends_moved },
	{ "ends_disabled", ends_disabled },
};

int main(int argc, char **argv)
{
	test_disable_default_vgic();
	TEST_REQUIRE(tt_probe_gic(3));
	TEST_REQUIRE(get_nprocs() > 1);
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
