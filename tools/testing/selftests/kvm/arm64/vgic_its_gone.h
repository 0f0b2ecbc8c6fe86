/* SPDX-License-Identifier: GPL-2.0 */
/*
 * LPIs that are moved or mapped no more while they are pending or active: for vgic_its_commands.c,
 * after vgic_its_lpi.h.
 *
 * A moved LPI is pending where it was moved to, whether or not the other vCPU ever runs again.
 * DISCARD removes the pending state (IHI 0069, 5.3.4). What MAPD does of it is not said there: here
 * it is wanted to be the same. An LPI that is mapped again begins anew, with what is in the tables.
 */
#ifndef SELFTEST_KVM_VGIC_ITS_GONE_H
#define SELFTEST_KVM_VGIC_ITS_GONE_H

static void pend(u32 event)
{
	transcript("MSI: %s", vi_signal(0, event));
}

/* Whether vCPU 0 has had the LPI in a list register already, but not taken it. */
static void let_run(bool run)
{
	if (run)
		vi_ask(0, VI_ACCESS);
}

static void pending_discard(bool el2)
{
	int run;

	for (run = 0; run < 2; run++) {
		map_lpis(1);
		pend(0);
		let_run(run);
		vi_quietly(0, discard(0, 0));
		vi_expect_none();
		vi_free();
	}
}

static void pending_mapd(bool el2)
{
	map_lpis(2);
	pend(0);
	pend(1);
	vi_quietly(0, mapd(0, vi_itt(0), 8, false));
	vi_expect_none();
	vi_free();
}

/* What came while the distributor was disabled is there when it is enabled. */
static void pending_distributor(bool el2)
{
	u32 ctlr = GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE_G1A | GICD_CTLR_ENABLE_G1;

	map_lpis(1);
	vi_write(0, GICD_BASE_GPA + GICD_CTLR, 4, GICD_CTLR_ARE_NS);
	pend(0);
	vi_expect_none();
	vi_write(0, GICD_BASE_GPA + GICD_CTLR, 4, ctlr);
	vi_expect(0, 8192);
	vi_free();
}

/* The same number, for another event, of another device, on another vCPU. */
static void pending_mapped_again(bool el2)
{
	int run;

	for (run = 0; run < 2; run++) {
		map_lpis(1);
		vi_quietly(0, mapd(1, vi_itt(1), 4, true));
		pend(0);
		let_run(run);
		/* vCPU 0, which writes CWRITER, has it in a list register meanwhile. */
		vi_queue(0, discard(0, 0));
		vi_queue(0, mapti(1, 1, 8192, 1));
		vi_kick(0);
		vi_expect_none();
		transcript("MSI: %s", vi_signal(1, 1));
		vi_expect(1, 8192);
		vi_free();
	}
}

/* It is pending again in its new life, before the vCPU of the former one has run. */
static void pending_twice(bool el2)
{
	map_lpis(1);
	pend(0);
	vi.user_writes = true;
	vi_queue(0, discard(0, 0));
	vi_queue(0, mapti(0, 3, 8192, 1));
	vi_queue(0, interrupt(0, 3));
	vi_kick(0);
	vi_expect(1, 8192);
	vi_free();
}

static void pending_disabled(bool el2)
{
	map_lpis(1);
	pend(0);
	vi.user_writes = true;
	vi_property(8192, 0);
	vi_queue(0, discard(0, 0));
	vi_queue(0, mapti(0, 0, 8192, 0));
	vi_kick(0);
	vi_expect_none();
	vi_free();
}

static void pending_movi(bool el2)
{
	map_lpis(2);
	vi_quietly(0, movi(0, 0, 1));
	pend(0);
	vi_quietly(0, movi(0, 0, 0));
	vi_expect(0, 8192);
	vi_free();
}

static void pending_mapc(bool el2)
{
	map_lpis(2);
	vi_quietly(0, mapc(0, 1, true));
	pend(0);
	vi_quietly(0, mapc(0, 0, true));
	vi_expect(0, 8192);
	vi_free();
}

static void pending_movall(bool el2)
{
	map_lpis(2);
	vi_quietly(0, mapc(0, 1, true));
	pend(0);
	vi_quietly(0, movall(1, 0));
	vi_expect(0, 8192);
	vi_free();
}

static struct vi_request *take_only(int vcpu)
{
	struct vi_request *r = vi_ask(vcpu, VI_TAKE_ONLY);

	tt_check(r->nr == 1, "one interrupt");
	return r;
}

static void end_of(int vcpu, u32 intid)
{
	struct vi_request *r = addr_gva2hva(vi.vm, (gva_t)&vi_request[vcpu]);

	r->access.value = intid;
	vi_ask(vcpu, VI_END);
}

/* An LPI has no active state for the guest: it is ended, and may come again meanwhile. */
static void active(bool el2)
{
	map_lpis(2);
	pend(0);
	tt_expect(take_only(0)->taken[0] == 8192, "taken");
	vi_show("taken");
	pend(0);
	vi_show("pending again");
	end_of(0, 8192);
	vi_show("ended");
	vi_expect(0, 8192);

	pend(0);
	take_only(0);
	vi_do(movi(0, 0, 1));
	end_of(0, 8192);
	vi_expect_none();
	pend(0);
	vi_expect(1, 8192);
	vi_free();
}

/* The guest ends what is mapped no more, or already again; it is not left active. */
static void active_discard(bool el2)
{
	map_lpis(2);
	pend(0);
	take_only(0);
	vi_quietly(0, discard(0, 0));
	end_of(0, 8192);
	vi_expect_none();
	vi_quietly(0, mapti(0, 0, 8192, 0));
	vi_show("mapped again");
	pend(0);
	vi_expect(0, 8192);

	pend(1);
	take_only(0);
	vi_queue(0, discard(0, 1));
	vi_queue(0, mapti(0, 1, 8193, 1));
	vi_kick(0);
	pend(1);
	vi_expect(1, 8193);
	end_of(0, 8193);
	vi_expect_none();
	pend(1);
	vi_expect(1, 8193);
	vi_free();
}

static void active_lpis_disabled(bool el2)
{
	map_lpis(2);
	pend(0);
	take_only(0);
	pend(1);
	vi_enable_lpis(0, false);
	end_of(0, 8192);
	vi_expect_none();
	vi_enable_lpis(0, true);
	vi_expect_none();
	pend(0);
	vi_expect(0, 8192);
	vi_free();
}

#define VI_GONE_TESTS							\
	{ "pending_discard", pending_discard },				\
	{ "pending_mapd", pending_mapd },				\
	{ "pending_distributor", pending_distributor },			\
	{ "pending_mapped_again", pending_mapped_again },		\
	{ "pending_twice", pending_twice },				\
	{ "pending_disabled", pending_disabled },			\
	{ "pending_movi", pending_movi },				\
	{ "pending_mapc", pending_mapc },				\
	{ "pending_movall", pending_movall },				\
	{ "active", active },						\
	{ "active_discard", active_discard },				\
	{ "active_lpis_disabled", active_lpis_disabled }

#endif
