// SPDX-License-Identifier: GPL-2.0
/*
 * timer_events - which of the timers' trace events an operation makes, how often
 * and in what order: tools that count them rely on it.
 *
 * Each operation is done many times, and what is recorded is what happened most
 * often: the host's own interrupts, and preemption, hit few of them. Two things
 * are left out, as they depend on the host's interrupts: how often the guest is
 * entered, and how often a soft timer comes too early and is started again.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>

#include "nested_lib.h"

#define TRACING		"/sys/kernel/tracing"
#define NR_TIMES	7
#define MAX_TEXT	1024
#define FAR_MS		100000
#define SOON_MS		4
/* A counter that does not wrap, nor goes beyond what the timers can do. */
#define OFFSET		(-(1ULL << 40))

static const char * const wanted[] = {
	"kvm_get_timer_map", "kvm_timer_save_state", "kvm_timer_restore_state",
	"kvm_timer_update_irq", "kvm_timer_emulate", "kvm_timer_hrtimer_expire",
	"kvm_entry", "kvm_exit",
};

/* One operation of the guest's: what is set up before, and what is looked at. */
struct op {
	const char *name;
	void (*prepare)(void);
	void (*body)(void);
	/* Ends with a signal, in WFI. */
	bool signal;
};

static struct kvm_vm *vm;
static struct kvm_vcpu *vcpu;
static int marker;

/* Guest side */

static void nothing(void)
{
}

static void arm_far_v(void)
{
	tt_start(TT_V, tt_cnt(TT_V) + msec_to_cycles(FAR_MS));
}

static void arm_far_p(void)
{
	tt_start(TT_P, tt_cnt(TT_P) + msec_to_cycles(FAR_MS));
}

static void arm_far_both(void)
{
	arm_far_v();
	arm_far_p();
}

static void arm_due_v(void)
{
	tt_start(TT_V, 0);
}

static void arm_due_p(void)
{
	tt_start(TT_P, 0);
}

static void arm_due_both(void)
{
	arm_due_v();
	arm_due_p();
}

static void arm_due_masked(void)
{
	tt_set_cval(TT_V, 0);
	tt_set_ctl(TT_V, CTL_ENABLE | CTL_IMASK);
	tt_set_cval(TT_P, 0);
	tt_set_ctl(TT_P, CTL_ENABLE | CTL_IMASK);
}

static void take_irqs(void)
{
	tt_guest_take_irqs();
}

static void fire(enum tt_timer t)
{
	tt_start(t, tt_cnt(t) + msec_to_cycles(1));
	local_irq_enable();
	while (!tt_handled[t])
		cpu_relax();
	local_irq_disable();
}

static void fire_v(void)
{
	fire(TT_V);
}

static void fire_p(void)
{
	fire(TT_P);
}

static void sleep_for(enum tt_timer t)
{
	tt_start(t, tt_cnt(t) + msec_to_cycles(SOON_MS));
	wfi();
	tt_set_ctl(t, 0);
}

static void sleep_v(void)
{
	sleep_for(TT_V);
}

static void sleep_p(void)
{
	sleep_for(TT_P);
}

static void just_sleep(void)
{
	wfi();
}

#define GUEST_ACCESS(name, t)						\
static void read_ctl_##name(void) { tt_ctl(t); }			\
static void read_cval_##name(void) { tt_cval(t); }			\
static void read_tval_##name(void) { tt_tval(t); }			\
static void read_cnt_##name(void) { tt_cnt(t); }			\
static void write_ctl_##name(void) { tt_set_ctl(t, CTL_ENABLE); }	\
static void write_cval_##name(void) { tt_set_cval(t, ~0ULL >> 2); }	\
static void write_tval_##name(void) { tt_set_tval(t, ~0U >> 2); }	\
static void stop_##name(void) { tt_set_ctl(t, 0); }

GUEST_ACCESS(v, TT_V)
GUEST_ACCESS(p, TT_P)
GUEST_ACCESS(v02, TT_V02)
GUEST_ACCESS(p02, TT_P02)

static void write_cval_due_v02(void)
{
	tt_set_cval(TT_V02, 0);
}

static void write_cval_due_p02(void)
{
	tt_set_cval(TT_P02, 0);
}

static void arm_v02(void)
{
	tt_start(TT_V02, ~0ULL >> 2);
}

static void arm_p02(void)
{
	tt_start(TT_P02, ~0ULL >> 2);
}

static void arm_all(void)
{
	int t;

	for (t = 0; t < TT_NR_TIMERS; t++)
		tt_start(t, ~0ULL >> 2);
}

static void el1_nothing(void)
{
	nl_el1_return();
}

static void go_to_el1(void)
{
	nl_run_el1(el1_nothing);
}

static void write_cntvoff(void)
{
	write_sysreg_s(1000, SYS_CNTVOFF_EL2);
}

#define ACCESS_OPS(text, name)						\
	{ "read " text "_CTL", nothing, read_ctl_##name },		\
	{ "read " text "_CVAL", nothing, read_cval_##name },		\
	{ "read " text "_TVAL", nothing, read_tval_##name },		\
	{ "read the counter of " text, nothing, read_cnt_##name },	\
	{ "write " text "_CVAL", nothing, write_cval_##name },		\
	{ "write " text "_TVAL", nothing, write_tval_##name },		\
	{ "write " text "_CTL", write_cval_##name, write_ctl_##name },	\
	{ "write " text "_CVAL, enabled", write_ctl_##name, write_cval_##name }, \
	{ "stop " text, write_ctl_##name, stop_##name }

static const struct op run_ops[] = {
	{ "run, timers off", nothing, nothing },
	{ "run, virtual timer on", arm_far_v, nothing },
	{ "run, physical timer on", arm_far_p, nothing },
	{ "run, both on", arm_far_both, nothing },
	{ "run, virtual timer due", arm_due_v, nothing },
	{ "run, physical timer due", arm_due_p, nothing },
	{ "run, both due and masked", arm_due_masked, nothing },
	{ "the virtual timer's interrupt is taken", arm_due_v, take_irqs },
	{ "the physical timer's interrupt is taken", arm_due_p, take_irqs },
	{ "both interrupts are taken", arm_due_both, take_irqs },
};

static const struct op fire_ops[] = {
	{ "the virtual timer fires", nothing, fire_v },
	{ "the physical timer fires", nothing, fire_p },
};

static const struct op sleep_ops[] = {
	{ "WFI to the virtual timer", nothing, sleep_v },
	{ "WFI to the physical timer", nothing, sleep_p },
	{ "WFI to a signal, timers off", nothing, just_sleep, true },
	{ "WFI to a signal, virtual timer on", arm_far_v, just_sleep, true },
	{ "WFI to a signal, physical timer on", arm_far_p, just_sleep, true },
};

static const struct op access_ops[] = {
	ACCESS_OPS("CNTV", v),
	ACCESS_OPS("CNTP", p),
};

static const struct op nested_ops[] = {
	{ "run, timers off", nothing, nothing },
	{ "run, all on", arm_all, nothing },
	{ "run, both due and masked", arm_due_masked, nothing },
	{ "the virtual timer's interrupt is taken", arm_due_v, take_irqs },
	{ "to EL1 and back", nothing, go_to_el1 },
	{ "to EL1 and back, all on", arm_all, go_to_el1 },
	{ "write CNTVOFF_EL2", nothing, write_cntvoff },
	{ "WFI to the virtual timer", nothing, sleep_v },
	{ "WFI to a signal, EL1's on", arm_v02, just_sleep, true },
	{ "write CNTV_CVAL_EL02, due", arm_v02, write_cval_due_v02 },
	{ "write CNTP_CVAL_EL02, due", arm_p02, write_cval_due_p02 },
};

static const struct op nested_access_ops[] = {
	ACCESS_OPS("CNTV", v),
	ACCESS_OPS("CNTP", p),
	ACCESS_OPS("EL02 CNTV", v02),
	ACCESS_OPS("EL02 CNTP", p02),
};

/* Set by the host, a function each. */
static void (*guest_prepare)(void);
static void (*guest_body)(void);

static void guest_code(void)
{
	int t;

	if (tt_nr_timers == TT_NR_TIMERS)
		nl_guest_setup();
	else
		tt_guest_setup(1);
	for (;;) {
		GUEST_SYNC(0);
		for (t = 0; t < tt_nr_timers; t++)
			tt_set_ctl(t, 0);
		tt_guest_take_irqs();
		for (t = 0; t < tt_nr_timers; t++)
			tt_handled[t] = 0;
		READ_ONCE(guest_prepare)();
		GUEST_SYNC(1);
		READ_ONCE(guest_body)();
	}
}

static void guest_code_no_gic(void)
{
	local_irq_disable();
	for (;;) {
		GUEST_SYNC(0);
		tt_set_ctl(TT_V, 0);
		tt_set_ctl(TT_P, 0);
		READ_ONCE(guest_prepare)();
		GUEST_SYNC(1);
		READ_ONCE(guest_body)();
	}
}

/* Host side */

static void write_file(const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), TRACING "/%s", name);
	fd = open(path, O_WRONLY | O_TRUNC);
	TEST_ASSERT(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text),
		    "cannot write '%s' to %s", text, path);
	close(fd);
}

static void enable_events(bool on)
{
	char path[256];
	int i;

	for (i = 0; i < ARRAY_SIZE(wanted); i++) {
		snprintf(path, sizeof(path), "events/kvm/%s/enable", wanted[i]);
		write_file(path, on ? "1" : "0");
	}
}

static void mark(const char *text)
{
	TEST_ASSERT(write(marker, text, strlen(text)) > 0, "cannot write to the trace");
}

/* A number behind @key in @text. */
static long field(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	TEST_ASSERT(at, "no '%s' in '%s'", key, text);
	return strtol(at + strlen(key), NULL, 0);
}

/* What stays the same of an event, in few characters. */
static void short_event(char *out, size_t size, const char *event, const char *text)
{
	if (!strcmp(event, "kvm_get_timer_map"))
		snprintf(out, size, " map(%ld,%ld,%ld,%ld)", field(text, "dv: "),
			 field(text, "dp: "), field(text, "ev: "), field(text, "ep: "));
	else if (!strcmp(event, "kvm_timer_update_irq"))
		snprintf(out, size, " irq%ld=%ld", field(text, "IRQ "), field(text, "level "));
	else if (!strcmp(event, "kvm_timer_emulate"))
		snprintf(out, size, " emulate%ld=%ld", field(text, "index: "),
			 field(text, "fire: "));
	else if (!strcmp(event, "kvm_timer_hrtimer_expire"))
		snprintf(out, size, " expire%ld", field(text, "index: "));
	else
		/* ISTATUS is left out: it may be that of a timer that is off. */
		snprintf(out, size, " %s%ld:%ld",
			 strcmp(event, "kvm_timer_save_state") ? "restore" : "save",
			 field(text, "index: "), field(text, "CTL: ") & 3);
}

/* Texts, and how often each came. */
struct tally {
	int nr;
	struct {
		char text[MAX_TEXT];
		int times;
	} seen[NR_TIMES];
};

static void count(struct tally *tally, const char *text)
{
	int i;

	for (i = 0; i < tally->nr && strcmp(tally->seen[i].text, text); i++)
		;
	if (i == NR_TIMES)
		return;
	if (i == tally->nr) {
		strcpy(tally->seen[i].text, text);
		tally->nr++;
	}
	tally->seen[i].times++;
}

static const char *most_frequent(const struct tally *tally)
{
	int i, best = 0;

	for (i = 1; i < tally->nr; i++)
		if (tally->seen[i].times > tally->seen[best].times)
			best = i;
	return tally->nr ? tally->seen[best].text : " nothing at all";
}

/* What happened between two marks, and in the world switch. */
static struct tally between, in_switch;

/*
 * The world switch may look at the map, once on entry and once on exit. These
 * hits are not told apart from those of interrupts on the way out, which come
 * before kvm_exit as well; but then something follows.
 */
static void read_trace(void)
{
	char line[1024], all[MAX_TEXT] = "", window[MAX_TEXT] = "", one[128], *event, *text;
	bool inside = false, in_window = false;
	FILE *f = fopen(TRACING "/trace", "r");
	size_t len;

	memset(&between, 0, sizeof(between));
	memset(&in_switch, 0, sizeof(in_switch));
	TEST_ASSERT(f, "no trace");
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '#')
			continue;
		text = strstr(line, "tracing_mark_write: ");
		if (text) {
			inside = !strcmp(text + 20, "begin");
			if (!inside)
				count(&between, all[0] ? all : " nothing");
			all[0] = 0;
			in_window = false;
			continue;
		}
		event = strstr(line, ": kvm_");
		if (!event || !inside)
			continue;
		event += 2;
		text = strstr(event, ": ");
		TEST_ASSERT(text, "strange line '%s'", line);
		*text = 0;
		text += 2;
		if (!strcmp(event, "kvm_entry")) {
			in_window = true;
			window[0] = 0;
			continue;
		}
		if (!strcmp(event, "kvm_exit")) {
			if (in_window)
				count(&in_switch, window[0] ? window : " nothing");
			in_window = false;
			continue;
		}
		short_event(one, sizeof(one), event, text);
		/* A soft timer that comes early is started again. */
		len = strlen(all);
		if (!strncmp(one, " expire", 7) && len >= strlen(one) &&
		    !strcmp(all + len - strlen(one), one))
			continue;
		if (in_window && !strncmp(one, " map", 4) && strlen(window) < MAX_TEXT / 2) {
			strcat(window, one);
			continue;
		}
		if (in_window) {
			/* Not the switch: an interrupt, with the last map. */
			text = strrchr(window, 'm');
			if (text && len + strlen(text) + 2 < MAX_TEXT) {
				strcat(all, " ");
				strcat(all, text);
			}
			in_window = false;
			len = strlen(all);
		}
		if (len + strlen(one) < MAX_TEXT)
			strcat(all, one);
	}
	fclose(f);
}

static void report(const char *name)
{
	read_trace();
	transcript("%s:%s", name, most_frequent(&between));
}

/* 0 or EINTR: a signal or, without a GIC, another level. */
static int run(void)
{
	if (!vm->arch.has_gic)
		return tt_run_no_gic(vcpu);
	return __vcpu_run(vcpu) ? errno : 0;
}

static void run_to(u64 stage)
{
	struct ucall uc;
	u64 cmd;

	do {
		while (run())
			TEST_ASSERT(errno == EINTR, KVM_IOCTL_ERROR(KVM_RUN, -1));
		cmd = get_ucall(vcpu, &uc);
		if (cmd == UCALL_ABORT)
			REPORT_GUEST_ASSERT(uc);
		TEST_ASSERT_EQ(cmd, UCALL_SYNC);
	} while (uc.args[1] != stage);
}

static void alarm_handler(int sig)
{
}

static void in_ms(int ms)
{
	struct itimerval it = { .it_value.tv_usec = 1000 * ms };

	setitimer(ITIMER_REAL, &it, NULL);
}

static void guest_op(const struct op *op)
{
	int i;

	guest_prepare = op->prepare;
	guest_body = op->body;
	sync_global_to_guest(vm, guest_prepare);
	sync_global_to_guest(vm, guest_body);
	write_file("trace", "\n");
	enable_events(true);
	for (i = 0; i < NR_TIMES; i++) {
		run_to(1);
		if (op->signal)
			in_ms(2 * SOON_MS);
		mark("begin");
		run();
		mark("end");
		if (vcpu->run->exit_reason == KVM_EXIT_INTR)
			run_to(0);
	}
	enable_events(false);
	report(op->name);
}

static void guest_ops(const struct op *ops, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		guest_op(&ops[i]);
}

#define host_op(name, call)						\
do {									\
	int __i;							\
									\
	write_file("trace", "\n");					\
	enable_events(true);						\
	for (__i = 0; __i < NR_TIMES; __i++) {				\
		mark("begin");						\
		call;							\
		mark("end");						\
	}								\
	enable_events(false);						\
	report(name);							\
} while (0)

static void set_up(bool el2, u64 offset)
{
	struct sigaction sa = { .sa_handler = alarm_handler };

	if (access(TRACING "/events/kvm", W_OK))
		tt_skip("no tracefs");
	sigaction(SIGALRM, &sa, NULL);
	/* All in one CPU's trace. */
	pin_self_to_cpu(0);
	write_file("tracing_on", "1");
	marker = open(TRACING "/trace_marker", O_WRONLY);
	TEST_ASSERT(marker >= 0, "no trace_marker");

	vm = tt_vm_create(1, el2, guest_code, &vcpu);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, tt_guest_collect_irq);
	if (el2)
		nl_install_handlers(vm);
	if (offset)
		TEST_ASSERT(!tt_set_offset(vm, offset), "KVM_ARM_SET_COUNTER_OFFSET");
}

static void start(bool el2, u64 offset)
{
	set_up(el2, offset);
	run_to(0);
}

static void runs(bool el2)
{
	start(el2, 0);
	guest_ops(run_ops, ARRAY_SIZE(run_ops));
	transcript("in the world switch:%s", most_frequent(&in_switch));
	guest_ops(fire_ops, ARRAY_SIZE(fire_ops));
	kvm_vm_free(vm);
}

static void sleeps(bool el2)
{
	start(el2, 0);
	guest_ops(sleep_ops, ARRAY_SIZE(sleep_ops));
	kvm_vm_free(vm);
}

static void accesses(bool el2)
{
	start(el2, 0);
	guest_ops(access_ops, ARRAY_SIZE(access_ops));
	kvm_vm_free(vm);
}

static void offset_accesses(bool el2)
{
	start(el2, OFFSET);
	guest_ops(access_ops, ARRAY_SIZE(access_ops));
	guest_ops(run_ops, ARRAY_SIZE(run_ops));
	transcript("in the world switch:%s", most_frequent(&in_switch));
	kvm_vm_free(vm);
}

static void immediate_exit(void)
{
	vcpu->run->immediate_exit = 1;
	TEST_ASSERT(__vcpu_run(vcpu) && errno == EINTR, "immediate exit");
	vcpu->run->immediate_exit = 0;
}

static void reset(void)
{
	struct kvm_vcpu_init init;

	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
	if (tt_nr_timers == TT_NR_TIMERS)
		init.features[0] |= BIT(KVM_ARM_VCPU_HAS_EL2);
	vcpu_ioctl(vcpu, KVM_ARM_VCPU_INIT, &init);
}

static void ioctls(bool el2)
{
	u64 val;
	int irq;

	set_up(el2, 0);
	host_op("get CTL", vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CTL));
	host_op("reset before the first run", reset());
	host_op("immediate exit before the first run", immediate_exit());
	kvm_vm_free(vm);

	start(el2, 0);
	host_op("get TIMER_CTL", vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CTL));
	host_op("get TIMER_CVAL", vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CVAL));
	host_op("get TIMER_CNT", vcpu_get_reg(vcpu, KVM_REG_ARM_TIMER_CNT));
	host_op("get PTIMER_CTL", vcpu_get_reg(vcpu, KVM_REG_ARM_PTIMER_CTL));
	host_op("get PTIMER_CVAL", vcpu_get_reg(vcpu, KVM_REG_ARM_PTIMER_CVAL));
	host_op("get PTIMER_CNT", vcpu_get_reg(vcpu, KVM_REG_ARM_PTIMER_CNT));
	val = ~0ULL;
	host_op("set TIMER_CVAL", vcpu_set_reg(vcpu, KVM_REG_ARM_TIMER_CVAL, val));
	host_op("set PTIMER_CVAL", vcpu_set_reg(vcpu, KVM_REG_ARM_PTIMER_CVAL, val));
	host_op("set TIMER_CTL", vcpu_set_reg(vcpu, KVM_REG_ARM_TIMER_CTL, CTL_ENABLE));
	host_op("set PTIMER_CTL", vcpu_set_reg(vcpu, KVM_REG_ARM_PTIMER_CTL, CTL_ENABLE));
	host_op("set TIMER_CNT", vcpu_set_reg(vcpu, KVM_REG_ARM_TIMER_CNT, 1ULL << 40));
	host_op("set PTIMER_CNT", vcpu_set_reg(vcpu, KVM_REG_ARM_PTIMER_CNT, 1ULL << 40));
	host_op("get an attribute", vcpu_device_attr_get(vcpu, KVM_ARM_VCPU_TIMER_CTRL,
							 KVM_ARM_VCPU_TIMER_IRQ_VTIMER, &irq));
	host_op("set the offset", tt_set_offset(vm, 1000));
	host_op("immediate exit", immediate_exit());
	host_op("reset", reset());
	kvm_vm_free(vm);
}

/* The first run, and what comes before. */
static void create_and_run(void)
{
	struct kvm_vm *new;
	struct kvm_vcpu *first;

	/* Enough to be created, and to be entered; nothing is there to run. */
	new = tt_vm_create(1, tt_nr_timers == TT_NR_TIMERS, guest_code, &first);
	mark("begin");
	first->run->immediate_exit = 1;
	TEST_ASSERT(__vcpu_run(first) && errno == EINTR, "immediate exit");
	mark("end");
	kvm_vm_free(new);
}

static void first_run(bool el2)
{
	int i;

	set_up(el2, 0);
	write_file("trace", "\n");
	enable_events(true);
	for (i = 0; i < 3; i++)
		create_and_run();
	enable_events(false);
	report("the first run");
	kvm_vm_free(vm);
}

static void no_gic(bool el2)
{
	set_up(el2, 0);
	kvm_vm_free(vm);
	vm = vm_create(1);
	vm_init_descriptor_tables(vm);
	vcpu = tt_vcpu_add(vm, 0, false, guest_code_no_gic);
	run_to(0);
	guest_ops(run_ops, 4);
	guest_ops(sleep_ops, ARRAY_SIZE(sleep_ops));
	kvm_vm_free(vm);
}

static void nested(bool el2)
{
	start(el2, 0);
	guest_ops(nested_ops, ARRAY_SIZE(nested_ops));
	transcript("in the world switch:%s", most_frequent(&in_switch));
	guest_ops(nested_access_ops, ARRAY_SIZE(nested_access_ops));
	kvm_vm_free(vm);
}

static const struct tt_test tests[] = {
	{ "runs", runs, TT_EL1 },
	{ "sleeps", sleeps, TT_EL1 },
	{ "accesses", accesses, TT_EL1 },
	{ "offset_accesses", offset_accesses, TT_EL1 },
	{ "ioctls", ioctls, TT_EL1_EL2 },
	{ "first_run", first_run, TT_EL1 },
	{ "no_gic", no_gic, TT_EL1 },
	{ "nested", nested, TT_EL2 },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
