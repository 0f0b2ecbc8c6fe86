// SPDX-License-Identifier: GPL-2.0
/*
 * timer_surface - what the host shows of the timers beside the ioctls: the
 * tracepoints with their fields and formats, /proc/interrupts, and what KVM
 * says in the kernel log when it starts.
 */
#include <fcntl.h>

#include "timer_lib.h"

#define TRACING		"/sys/kernel/tracing"
#define NR_ROUNDS	20

/* The events, and a field each that tools are known to use. */
static const struct {
	const char *name;
	const char *field;
} events[] = {
	{ "kvm_timer_update_irq", "field:int level;" },
	{ "kvm_get_timer_map", "field:int direct_ptimer;" },
	{ "kvm_timer_save_state", "field:unsigned long long cval;" },
	{ "kvm_timer_restore_state", "field:unsigned long long cval;" },
	{ "kvm_timer_hrtimer_expire", "field:int timer_idx;" },
	{ "kvm_timer_emulate", "field:bool should_fire;" },
};

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

static void print_format(const char *event, const char *field)
{
	char path[256], line[512];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), TRACING "/events/kvm/%s/format", event);
	f = fopen(path, "r");
	tt_expect(f, "%s exists", event);
	if (!f)
		return;

	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		found |= !!strstr(line, field);
		/* Numbers of events go by the order of linking. */
		if (strncmp(line, "ID:", 3))
			transcript("%s: %s", event, line);
	}
	fclose(f);
	tt_expect(found, "%s has %s", event, field);
}

static void formats(bool el2)
{
	unsigned int i;

	if (access(TRACING "/events/kvm", R_OK))
		tt_skip("no tracefs");
	for (i = 0; i < ARRAY_SIZE(events); i++)
		print_format(events[i].name, events[i].field);
}

static void fire(enum tt_timer t)
{
	tt_handled[t] = 0;
	tt_start(t, tt_cnt(t) + msec_to_cycles(1));
	tt_guest_wait(t);
}

static void guest_code(void)
{
	int i;

	tt_guest_setup(1);
	for (i = 0; i < NR_ROUNDS; i++) {
		fire(TT_V);
		fire(TT_P);
	}
	GUEST_DONE();
}

static unsigned int count_in_trace(const char *text)
{
	char line[1024];
	unsigned int n = 0;
	FILE *f = fopen(TRACING "/trace", "r");

	TEST_ASSERT(f, "no trace");
	while (fgets(line, sizeof(line), f))
		n += !!strstr(line, text);
	fclose(f);
	return n;
}

/* A guest's timers show up, with the lines that are raised and lowered. */
static void hits(bool el2)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;
	bool emulated;

	if (access(TRACING "/events/kvm", W_OK))
		tt_skip("no tracefs");

	vm = tt_vm_create(1, el2, guest_code, &vcpu);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, tt_guest_irq_handler);
	TEST_ASSERT(write_file(TRACING "/trace", "\n"), "cannot clear the trace");
	TEST_ASSERT(write_file(TRACING "/events/kvm/enable", "1"), "cannot enable events");
	tt_expect(tt_run_to_done(vcpu), "the guest runs to its end");
	TEST_ASSERT(write_file(TRACING "/events/kvm/enable", "0"), "cannot disable events");
	kvm_vm_free(vm);

	/* Without VHE the physical timer is emulated. */
	emulated = count_in_trace("dv: 1, dp: -1, ev: -1, ep: 0");
	transcript("the physical timer is %s", emulated ? "emulated" : "direct");
	tt_expect(emulated || count_in_trace("dv: 1, dp: 0, ev: -1, ep: -1"),
		  "kvm_get_timer_map tells who is direct");
	tt_expect(count_in_trace("kvm_timer_update_irq: VCPU: 0, IRQ 27, level 1") >= NR_ROUNDS,
		  "the virtual timer raised its line each time");
	tt_expect(count_in_trace("kvm_timer_update_irq: VCPU: 0, IRQ 30, level 1") >= NR_ROUNDS,
		  "the physical timer raised its line each time");
	tt_expect(count_in_trace("kvm_timer_save_state:"), "timers were saved");
	tt_expect(count_in_trace("kvm_timer_restore_state: CTL: 0x000001"),
		  "an enabled timer was restored");
	tt_expect(!emulated == !count_in_trace("kvm_timer_emulate: arch_timer_ctx_index: 0"),
		  "the physical timer was emulated if there is no hardware for it");
}

static void interrupts(bool el2)
{
	char line[1024], *name;
	bool vtimer = false;
	FILE *f = fopen("/proc/interrupts", "r");

	TEST_ASSERT(f, "no /proc/interrupts");
	while (fgets(line, sizeof(line), f)) {
		name = strstr(line, "kvm guest ");
		if (!name)
			continue;
		name[strcspn(name, "\n")] = 0;
		transcript("/proc/interrupts: %s", name);
		vtimer |= !strcmp(name, "kvm guest vtimer");
	}
	fclose(f);
	tt_expect(vtimer, "the virtual timer's interrupt has its name");
}

static void kernel_log(bool el2)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK), n = 0;
	char record[8192], *text;
	ssize_t len;

	if (fd < 0)
		tt_skip("no kernel log");
	while ((len = read(fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		if (len <= 0)
			continue;
		record[len] = 0;
		text = strchr(record, ';');
		if (!text || strncmp(text + 1, "kvm [1]: ", 9))
			continue;
		text[1 + strcspn(text + 1, "\n")] = 0;
		transcript("log: %s", text + 1);
		n++;
	}
	close(fd);
	tt_expect(n, "KVM says something when it starts");
}

static const struct tt_test tests[] = {
	{ "formats", formats, TT_HOST },
	{ "hits", hits, TT_EL1 },
	{ "interrupts", interrupts, TT_HOST },
	{ "kernel_log", kernel_log, TT_HOST },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
