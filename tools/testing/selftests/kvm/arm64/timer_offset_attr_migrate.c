// SPDX-License-Identifier: GPL-2.0
/*
 * timer_offset_attr_migrate - a running VM with armed timers is saved, and goes on
 * in a new VM on another host, whose counter is a simulated distance ahead. The
 * offsets come over as attributes, in whatever order and however often they are
 * written beside the registers; the guest's counters go on to the tick.
 */
#include "timer_offset.h"
#include "timer_state.h"

#define LONG_MS		100
#define SHORT_MS	1

/* What the guest's counters are behind the first host's, and each other. */
#define FIRST_PHYS	(1ULL << 45)
#define FIRST_VIRT	0x123456789aULL
#define GUEST_CNTVOFF	0xfedcba987654321ULL

/* How far the counter of a host is ahead of the one that there really is. */
struct host {
	u64 lead;
};

static const struct host hosts[] = {
	{ 0 }, { 0x123456789abcdULL }, { -(1ULL << 40) }, { 1ULL << 63 },
};

/* What goes over the wire, beside registers. */
struct stream {
	u64 virt, phys;			/* the attributes */
	u64 count, time;		/* the host's counter, and when it was so */
};

/* The order in which the destination sets things. */
enum step { END, V, P, REGS, IOCTL, PAUSE };

static const enum step orders[][8] = {
	{ REGS, V, P },
	{ P, V, REGS },
	{ V, REGS, P },
	{ V, P, PAUSE, V, P, PAUSE, REGS },
	{ P, P, REGS, V, V },
	{ IOCTL, REGS, PAUSE, P, V },
	{ V, IOCTL, P, V, REGS },
};

static volatile u64 cval[TT_NR_TIMERS];
static int guest_moves;
static bool guest_el2;

/* Two words that the host holds against its own count: see check_counts(). */
static void guest_tell_counts(int what)
{
	u64 virt = tt_cnt(TT_V), phys = tt_cnt(TT_P);

	GUEST_SYNC_ARGS(what, virt, phys, 0, 0);
}

static void guest_arm(u32 ms)
{
	int t;

	for (t = 0; t < tt_nr_timers; t++) {
		tt_handled[t] = 0;
		cval[t] = tt_cnt(t) + msec_to_cycles(ms * (t + 1));
		tt_start(t, cval[t]);
	}
}

static void guest_check_all_fire(void)
{
	int t;

	for (t = 0; t < tt_nr_timers; t++) {
		tt_guest_wait(t);
		/* The handler checked that this was not before CVAL. */
		GUEST_ASSERT_EQ(tt_handled[t], 1);
	}
	tt_guest_delay(msec_to_cycles(SHORT_MS));
	tt_guest_take_irqs();
	for (t = 0; t < tt_nr_timers; t++)
		GUEST_ASSERT_EQ(tt_handled[t], 1);
	GUEST_ASSERT_EQ(tt_unknown, 0);
}

enum what { BEFORE, AFTER };

static void guest_code(void)
{
	int i, t;

	if (guest_el2)
		write_sysreg_s(GUEST_CNTVOFF, SYS_CNTVOFF_EL2);
	tt_guest_setup(1);
	for (i = 0; i < guest_moves; i++) {
		/* Some that are due by the time it runs again, and some that are not. */
		guest_arm(i & 1 ? SHORT_MS : LONG_MS);
		guest_tell_counts(BEFORE);
		guest_tell_counts(AFTER);
		for (t = 0; t < tt_nr_timers; t++)
			GUEST_ASSERT_EQ(tt_cval(t), cval[t]);
		if (guest_el2)
			GUEST_ASSERT_EQ(read_sysreg_s(SYS_CNTVOFF_EL2), GUEST_CNTVOFF);
		tt_guest_gic_resume();
		guest_check_all_fire();
	}
	GUEST_DONE();
}

static u64 host_count(const struct host *host, u64 time)
{
	return time + host->lead;
}

/* As each host's kernel sees it: this kernel's count is without the lead. */
static int host_set_phys(const struct host *host, struct kvm_vcpu *vcpu, u64 phys)
{
	return to_set(vcpu, TO_PHYS, phys - host->lead);
}

static u64 host_get_phys(const struct host *host, struct kvm_vcpu *vcpu)
{
	return to_get(vcpu, TO_PHYS) + host->lead;
}

/* Both hosts have the same time of day: the count of the real one. */
static void send(const struct host *host, struct kvm_vcpu *vcpu, struct stream *s)
{
	s->virt = to_get(vcpu, TO_VIRT);
	s->phys = host_get_phys(host, vcpu);
	s->time = to_host_count();
	s->count = host_count(host, s->time);
}

/* The guest's physical count was that; so much later it must be so much more. */
static u64 receive_phys(const struct host *host, const struct stream *s)
{
	u64 time = to_host_count();
	u64 guest = s->count - s->phys + (time - s->time);

	return host_count(host, time) - guest;
}

static void receive(const struct host *host, struct kvm_vm *vm, struct kvm_vcpu *vcpu,
		    const enum step *step, const struct stream *s, struct tt_regs *regs)
{
	int bad = 0;

	for (; *step != END; step++) {
		switch (*step) {
		case V:
			bad += !!to_set(vcpu, TO_VIRT, s->virt);
			break;
		case P:
			bad += !!host_set_phys(host, vcpu, receive_phys(host, s));
			break;
		case REGS:
			tt_regs_restore(vcpu, regs, NULL);
			break;
		case IOCTL:
			bad += !!tt_set_offset(vm, 42);
			break;
		default:
			usleep(2000);
		}
	}
	tt_check(!bad, "%d writes of attributes fail", bad);
}

/* Run to a GUEST_SYNC(), and hold the guest's counts against the host's around it. */
static bool run_and_check(struct kvm_vcpu *vcpu, u64 virt_offset, u64 phys_offset,
			  enum what want, bool *done)
{
	u64 before = to_host_count(), after, cmd;
	struct ucall uc;

	cmd = tt_run(vcpu, &uc);
	after = to_host_count();
	*done = cmd == UCALL_DONE;
	if (*done || cmd != UCALL_SYNC)
		return false;
	tt_check(uc.args[1] == want, "in step");
	tt_check(uc.args[2] + virt_offset - before <= after - before, "virtual count is right");
	tt_check(uc.args[3] + phys_offset - before <= after - before, "physical count is right");
	return true;
}

static void migrate(bool el2)
{
	const int nr_moves = el2 ? 3 : 2 * ARRAY_SIZE(orders);
	/* Where the offset has no effect there must be none. */
	const u64 phys = tt_cntpoff ? FIRST_PHYS : 0;
	/* At EL2, where the guest is, the virtual counter has no offset of its own. */
	const u64 virt_seen = el2 ? phys : phys + FIRST_VIRT;
	const struct host *host = &hosts[0];
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	int moves = 0;
	bool done;

	alarm(5 * TT_WATCHDOG_SEC);
	vm = tt_vm_create(1, el2, guest_code, &vcpu);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, tt_guest_irq_handler);
	guest_moves = nr_moves;
	guest_el2 = el2;
	sync_global_to_guest(vm, guest_moves);
	sync_global_to_guest(vm, guest_el2);
	tt_check(!to_set(vcpu, TO_VIRT, FIRST_VIRT), "set VOFFSET");
	tt_check(!host_set_phys(host, vcpu, phys), "set POFFSET");

	while (run_and_check(vcpu, virt_seen, phys, BEFORE, &done)) {
		const enum step *order = orders[moves % ARRAY_SIZE(orders)];
		struct tt_regs regs;
		struct stream s;

		/* Let the ucall's store complete, or it would be done twice. */
		vcpu_run_complete_io(vcpu);
		send(host, vcpu, &s);
		tt_regs_save(vcpu, &regs);
		vcpu = tt_vm_recreate(vm, vcpu);
		moves++;
		host = &hosts[moves % ARRAY_SIZE(hosts)];
		receive(host, vm, vcpu, order, &s, &regs);
		tt_regs_free(&regs);

		/* To the tick. */
		tt_check(to_get(vcpu, TO_VIRT) == FIRST_VIRT, "VOFFSET has come over");
		tt_check(host_get_phys(host, vcpu) - host->lead == phys,
			 "POFFSET is the first one, seen from here");
		if (!run_and_check(vcpu, virt_seen, phys, AFTER, &done))
			break;
	}
	tt_expect(done, "guest done");
	tt_expect(moves == nr_moves, "%d moves", moves);
	kvm_vm_free(vm);
}

static void guest_two_counts(void)
{
	guest_tell_counts(BEFORE);
	guest_tell_counts(AFTER);
	GUEST_DONE();
}

/*
 * Time in which the VM is stopped is hidden from the guest by adding it to POFFSET;
 * or from its virtual counter only, by adding it to VOFFSET.
 */
static void pause_hidden(bool only_virtual)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = tt_vm_create(1, false, guest_two_counts, &vcpu);
	u64 phys = only_virtual ? 0 : FIRST_PHYS, virt = FIRST_VIRT;
	u64 stopped, gone;
	bool done;

	tt_check(!to_set(vcpu, TO_VIRT, virt), "set VOFFSET");
	tt_check(!to_set(vcpu, TO_PHYS, phys), "set POFFSET");
	tt_expect(run_and_check(vcpu, phys + virt, phys, BEFORE, &done), "runs");
	stopped = to_host_count();
	usleep(20000);
	gone = to_host_count() - stopped;
	tt_expect(gone >= usec_to_cycles(20000), "time passes");
	if (only_virtual) {
		virt += gone;
		tt_errno(to_set(vcpu, TO_VIRT, virt), 0, "add it to VOFFSET");
	} else {
		phys += gone;
		tt_errno(to_set(vcpu, TO_PHYS, phys), 0, "add it to POFFSET");
		tt_expect(to_get(vcpu, TO_VIRT) == virt, "VOFFSET stays");
	}
	tt_expect(run_and_check(vcpu, phys + virt, phys, AFTER, &done), "goes on");
	kvm_vm_free(vm);
}

static void pause_both(bool el2)
{
	if (!tt_cntpoff)
		tt_skip("the guest's physical counter can't be offset");
	pause_hidden(false);
}

static void pause_virtual(bool el2)
{
	pause_hidden(true);
}

static const struct tt_test tests[] = {
	{ "migrate", migrate, TT_EL1_EL2 },
	{ "pause_both", pause_both, TT_EL1 },
	{ "pause_virtual", pause_virtual, TT_EL1 },
};

int main(int argc, char **argv)
{
	return to_main(argc, argv, tests, ARRAY_SIZE(tests));
}
