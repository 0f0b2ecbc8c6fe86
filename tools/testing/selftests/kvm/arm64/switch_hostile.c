// SPDX-License-Identifier: GPL-2.0
/*
 * A host that hands EL2 what it should not (pKVM). The host is as it is: somebody outside
 * of the machine changes a vCPU's fields in its memory just before it is run
 * (tools/testing/qemu/hostile.py), in ways that are asked for by number, in a system call
 * that is not used for anything else, and tells of it behind struct kvm_run.
 *
 * EL2 must neither die of it nor take over what is its own to decide; the guest goes on,
 * or does not, as it does under the C code.
 */
#include <asm/unistd.h>

#include "protected_lib.h"

#define ANSWER		3072
#define MAGIC		0x686f7374
#define DEADLY		101
#define EXCEPTION	(0xecULL << 32)

static void guest_code(void)
{
	u64 i;

	gic_init(GIC_V3, 1);
	for (i = 0; ; i++) {
		/* Something of its own, in FP registers and others. */
		asm volatile("fmov d9, %0" :: "r" (i) : "v9");
		write_sysreg(i, tpidr_el0);
		pv_tell(i);
	}
}

static void guest_exception(struct ex_regs *regs)
{
	for (;;)
		pv_tell(EXCEPTION);
}

static struct kvm_vm *create(bool protected, struct kvm_vcpu **vcpu)
{
	struct kvm_vm *vm;
	int i;

	if (protected) {
		vm = pv_vm_create_gic(1, guest_code, vcpu);
	} else {
		vm = tt_vm_create(1, false, guest_code, vcpu);
		kvm_device_attr_set(vm->arch.gic_fd, KVM_DEV_ARM_VGIC_GRP_CTRL,
				    KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
		virt_map(vm, PV_MMIO, PV_MMIO, 1);
	}
	for (i = 0; i <= ESR_ELx_EC_MAX; i++)
		vm_install_sync_handler(vm, VECTOR_SYNC_CURRENT, i, guest_exception);
	for (i = VECTOR_IRQ_CURRENT; i <= VECTOR_ERROR_CURRENT; i++)
		vm_install_exception_handler(vm, i, guest_exception);
	return vm;
}

static void request(int number)
{
	syscall(__NR_getpriority, number, -1, MAGIC);
}

static void show_answer(char *answer)
{
	char *line, *rest = answer;

	while ((line = strsep(&rest, "\n")) && *line) {
		transcript("  %s", line);
		tt_failures += !!strstr(line, ": FAIL");
	}
}

struct guest {
	bool protected;
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu;
	u64 next;		/* what it is to say in the next run */
};

/* The host is itself: the guest says what it has to. */
static void run_well(struct guest *g)
{
	TEST_ASSERT_EQ(pv_told(g->vcpu), g->next);
	g->next++;
}

static char *answer(struct guest *g)
{
	return (char *)g->vcpu->run + ANSWER;
}

static void start(struct guest *g)
{
	g->vm = create(g->protected, &g->vcpu);
	g->next = 0;
	run_well(g);
	/* A look at what EL2 has when nobody lies. */
	request(0);
	run_well(g);
	if (strcmp(answer(g), "ready\n"))
		tt_skip("nobody changes the host's memory (hostile.py)");
}

/* False if there is no case of that number. A guest that does not go on ends. */
static bool one_case(struct guest *g, int number)
{
	struct kvm_run *run;
	u64 val = -1;
	int err;

	alarm(TT_WATCHDOG_SEC);
	if (!g->vm)
		start(g);
	run = g->vcpu->run;
	request(number);
	err = __vcpu_run(g->vcpu) ? errno : 0;
	if (!strcmp(answer(g), "end\n"))
		return false;

	show_answer(answer(g));
	if (!err && run->exit_reason == KVM_EXIT_MMIO && run->mmio.phys_addr == PV_MMIO)
		memcpy(&val, run->mmio.data, sizeof(val));
	if (val == g->next) {
		transcript("  the guest goes on");
		g->next++;
		return true;
	}
	if (val == EXCEPTION)
		transcript("  the guest has an exception");
	else
		transcript("  KVM_RUN: %s, %s", tt_errno_name(err),
			   exit_reason_str(run->exit_reason));
	kvm_vm_free(g->vm);
	g->vm = NULL;
	return true;
}

static void cases(bool protected, int first)
{
	struct guest guest = { .protected = protected }, last = guest;
	int number = first;

	if (!tt_pkvm)
		tt_skip("not pKVM");
	while (one_case(&guest, number)) {
		fflush(stdout);
		number++;
	}
	tt_expect(number > first, "there are cases");
	start(&last);
	tt_expect(true, "EL2 is alive");
}

static void protected_vm(bool el2)
{
	cases(true, 1);
}

static void plain_vm(bool el2)
{
	cases(false, 1);
}

/* What kills EL2 under C */
static void protected_deadly(bool el2)
{
	cases(true, DEADLY);
}

static void plain_deadly(bool el2)
{
	cases(false, DEADLY);
}

static const struct tt_test tests[] = {
	{ "protected_vm", protected_vm, TT_HOST },
	{ "plain_vm", plain_vm, TT_HOST },
	{ "protected_deadly", protected_deadly, TT_HOST },
	{ "plain_deadly", plain_deadly, TT_HOST },
};

int main(int argc, char **argv)
{
	return tt_main(argc, argv, tests, ARRAY_SIZE(tests));
}
