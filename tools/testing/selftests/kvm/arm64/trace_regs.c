// SPDX-License-Identifier: GPL-2.0
/*
 * trace_regs - vCPUs of many kinds, run between marks for a recorder that writes
 * down which system registers the host accesses meanwhile, in which order.
 *
 * A window between the marks is one KVM_RUN that ends in an exit to user space, or
 * one exit that KVM handles itself. Windows come after some rounds without marks,
 * so that all of them do the same, and are told apart by their number: the lines
 * that begin with "trace:" say how many there are of each kind, in their order.
 */
#include <sys/auxv.h>

#include <asm/hwcap.h>

#include "bench_lib.h"
#include "gic_v3.h"
#include "nested_lib.h"

#define NR_WARM_UP	24
#define NR_WINDOWS	16
#define NEVER		(~0ULL >> 4)
#define SPIN_USEC	20
#define OFFSET		1000000
#define PMCR_E		BIT(0)
#define PMCNTEN_C	BIT(31)
#define MDSCR_MDE	BIT(15)
#define BCR_OFF		(GENMASK(8, 5) | BIT(2) | BIT(1))
#define UNKNOWN_CALL	0x4b000000

struct kind {
	const char *name;
	u32 features;
	enum {
		EL2	= BIT(0),	/* the guest begins at virtual EL2 */
		NO_GIC	= BIT(1),
		INSIDE	= BIT(2),	/* windows are the guest's: exits that KVM handles */
		TWO	= BIT(3),	/* another vCPU runs between the windows */
	} flags;
	/* By the guest: once, and in each round. */
	void (*prepare)(void);
	void (*op)(void);
	/* By the VMM: before the vCPU is there, once the guest is prepared, and before each window. */
	const char *(*missing)(void);
	void (*host)(struct kvm_vcpu *vcpu);
	void (*turn)(void);
};

static inline void call(bool smc)
{
	register u64 x0 asm("x0") = UNKNOWN_CALL;

	if (smc)
		asm volatile("smc #0" : "+r" (x0) : : "x1", "x2", "x3", "memory");
	else
		asm volatile("hvc #0" : "+r" (x0) : : "x1", "x2", "x3", "memory");
}

/* What a guest does in each round */

static void op_none(void)
{
}

static void op_hvc(void)
{
	call(false);
}

static void op_smc(void)
{
	call(true);
}

static void op_sysreg(void)
{
	read_sysreg(id_aa64pfr0_el1);
}

static void op_fp(void)
{
	asm volatile("fmov d0, #1.0" : : : "v0");
}

static void op_fp_hvc(void)
{
	op_fp();
	call(false);
}

static void op_sve(void)
{
	asm volatile(".arch_extension sve\n"
		     "ptrue p0.b\n"
		     "dup z0.b, #1" : : : "v0");
}

static void op_sve_hvc(void)
{
	op_sve();
	call(false);
}

static void wait_for(enum tt_timer t)
{
	tt_handled[t] = 0;
	tt_start(t, tt_cnt(t) + usec_to_cycles(SPIN_USEC));
	local_irq_enable();
	while (!tt_handled[t])
		cpu_relax();
	local_irq_disable();
}

static void op_vtimer_irq(void)
{
	wait_for(TT_V);
}

static void op_ptimer_irq(void)
{
	wait_for(TT_P);
}

static void l2_hvc(void)
{
	nl_el1_return();
}

static void op_l2(void)
{
	nl_run_el1(l2_hvc);
}

/* What it does before */

static void prepare_none(void)
{
}

/* For single steps: user space is told of each. */
static void prepare_spin(void)
{
	bench_guest_user_exit();
	for (;;)
		cpu_relax();
}

static void prepare_timers(void)
{
	tt_start(TT_V, NEVER);
	tt_start(TT_P, NEVER);
}

static void prepare_vtimer(void)
{
	tt_start(TT_V, 0);
}

static void prepare_ptimer(void)
{
	tt_start(TT_P, 0);
}

static void make_pending(u32 nr)
{
	u32 i;

	for (i = MIN_SPI; i < MIN_SPI + nr; i++) {
		if (tt_gic == 3) {
			gic_irq_set_config(i, true);
			gic_irq_enable(i);
			gic_irq_set_pending(i);
		} else {
			writel(BIT(i % 32), GICD_BASE_GVA + GICD_ISENABLER + i / 32 * 4);
			writel(BIT(i % 32), GICD_BASE_GVA + GICD_ISPENDR + i / 32 * 4);
		}
	}
}

static void prepare_lr_1(void)
{
	make_pending(1);
}

static void prepare_lr_3(void)
{
	make_pending(3);
}

/* More than there are list registers. */
static void prepare_lr_20(void)
{
	make_pending(20);
}

static void prepare_sve(void)
{
	write_sysreg(read_sysreg(cpacr_el1) | CPACR_EL1_ZEN, cpacr_el1);
	isb();
	write_sysreg_s(ZCR_ELx_LEN_MASK, SYS_ZCR_EL1);
	isb();
}

static void prepare_pmu(void)
{
	write_sysreg(PMCNTEN_C, pmcntenset_el0);
	write_sysreg(PMCR_E, pmcr_el0);
	isb();
}

/* A breakpoint that is off and the rest of it on: the registers are the guest's. */
static void prepare_debug(void)
{
	write_sysreg(0, oslar_el1);
	isb();
	write_sysreg((u64)prepare_debug, dbgbvr0_el1);
	write_sysreg(BCR_OFF, dbgbcr0_el1);
	write_sysreg(MDSCR_MDE, mdscr_el1);
	isb();
}

static void prepare_el2(void)
{
	nl_guest_setup();
}

static void prepare_el2_timers(void)
{
	nl_guest_setup();
	prepare_timers();
	tt_start(TT_V02, NEVER);
	tt_start(TT_P02, NEVER);
}

static void l2_user_exits(void)
{
	for (;;)
		bench_guest_user_exit();
}

/* Stays in L2: its hypervisor sees nothing of these exits. */
static void prepare_l2(void)
{
	nl_guest_setup();
	bench_guest_user_exit();
	nl_run_el1(l2_user_exits);
}

static void prepare_l2_timers(void)
{
	nl_guest_setup();
	bench_guest_user_exit();
	tt_start(TT_V02, NEVER);
	tt_start(TT_P02, NEVER);
	nl_run_el1(l2_user_exits);
}

static void guest_code(void (*prepare)(void), void (*op)(void), u64 flags)
{
	int i;

	if (!(flags & (NO_GIC | EL2)))
		tt_guest_setup(1);
	prepare();
	for (;;) {
		bench_guest_user_exit();
		if (!(flags & INSIDE)) {
			op();
			continue;
		}
		for (i = 0; i < NR_WARM_UP; i++)
			op();
		for (i = 0; i < NR_WINDOWS; i++) {
			bench_mark_start();
			op();
			bench_mark_stop();
		}
	}
}

/* What the VMM does */

static int host_event = -1;

static void guest_debug(struct kvm_vcpu *vcpu, u32 control)
{
	struct kvm_guest_debug debug = {
		.control = KVM_GUESTDBG_ENABLE | control,
		.arch.dbg_bvr[0] = (u64)guest_debug & ~3UL,
		.arch.dbg_bcr[0] = BCR_OFF | BIT(0),
	};

	vcpu_ioctl(vcpu, KVM_SET_GUEST_DEBUG, &debug);
}

static void host_step(struct kvm_vcpu *vcpu)
{
	guest_debug(vcpu, KVM_GUESTDBG_SINGLESTEP);
}

static void host_breakpoint(struct kvm_vcpu *vcpu)
{
	guest_debug(vcpu, KVM_GUESTDBG_USE_HW);
}

static void host_offset(struct kvm_vcpu *vcpu)
{
	struct kvm_arm_counter_offset o = { .counter_offset = OFFSET };

	vm_ioctl(vcpu->vm, KVM_ARM_SET_COUNTER_OFFSET, &o);
}

/* An event that does not count while a guest runs. */
static void host_counts(struct kvm_vcpu *vcpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_guest = 1,
	};

	host_event = syscall(__NR_perf_event_open, &attr, 0, BENCH_CPU, -1, 0);
	TEST_ASSERT(host_event >= 0, "perf_event_open(): %s", strerror(errno));
}

static void init_pmu(struct kvm_vcpu *vcpu)
{
	if (tt_vcpu_features & BIT(KVM_ARM_VCPU_PMU_V3))
		bench_pmu_init(vcpu);
}

static void turn_fp(void)
{
	op_fp();
}

static void turn_sve(void)
{
	op_sve();
}

#define PTRAUTH	(BIT(KVM_ARM_VCPU_PTRAUTH_ADDRESS) | BIT(KVM_ARM_VCPU_PTRAUTH_GENERIC))

static const char *missing_sve(void)
{
	return kvm_has_cap(KVM_CAP_ARM_SVE) && getauxval(AT_HWCAP) & HWCAP_SVE ? NULL : "no-SVE";
}

static const char *missing_ptrauth(void)
{
	return kvm_has_cap(KVM_CAP_ARM_PTRAUTH_ADDRESS) &&
	       kvm_has_cap(KVM_CAP_ARM_PTRAUTH_GENERIC) ? NULL : "no-pointer-authentication";
}

static const char *missing_pmu(void)
{
	return kvm_has_cap(KVM_CAP_ARM_PMU_V3) ? NULL : "no-PMU";
}

static const char *missing_offset(void)
{
	return kvm_has_cap(KVM_CAP_COUNTER_OFFSET) ? NULL : "no-counter-offset";
}

static const char *missing_el2(void)
{
	return tt_gicv3 && kvm_check_cap(KVM_CAP_ARM_EL2) ? NULL : "no-nested-guests";
}

static const struct kind kinds[] = {
	{ "user" },
	{ "hvc", .flags = INSIDE, .op = op_hvc },
	{ "sysreg", .flags = INSIDE, .op = op_sysreg },
	{ "two-vcpus", .flags = TWO },
	{ "breakpoint", .host = host_breakpoint },
	{ "step", .prepare = prepare_spin, .host = host_step },
	{ "guest-debug", .prepare = prepare_debug },
	{ "fp", .op = op_fp, .turn = turn_fp },
	{ "fp-hvc", .flags = INSIDE, .op = op_fp_hvc },
	{ "sve", .features = BIT(KVM_ARM_VCPU_SVE), .prepare = prepare_sve, .op = op_sve,
	  .missing = missing_sve, .turn = turn_sve },
	{ "sve-hvc", .features = BIT(KVM_ARM_VCPU_SVE), .flags = INSIDE, .prepare = prepare_sve,
	  .op = op_sve_hvc, .missing = missing_sve },
	{ "ptrauth", .features = PTRAUTH, .missing = missing_ptrauth },
	{ "ptrauth-hvc", .features = PTRAUTH, .flags = INSIDE, .op = op_hvc,
	  .missing = missing_ptrauth },
	{ "pmu", .features = BIT(KVM_ARM_VCPU_PMU_V3), .prepare = prepare_pmu,
	  .missing = missing_pmu },
	{ "host-event", .missing = missing_pmu, .host = host_counts },
	{ "timers", .prepare = prepare_timers },
	{ "timers-hvc", .flags = INSIDE, .prepare = prepare_timers, .op = op_hvc },
	{ "timers-offset", .prepare = prepare_timers, .missing = missing_offset,
	  .host = host_offset },
	{ "vtimer-pending", .prepare = prepare_vtimer },
	{ "ptimer-pending", .prepare = prepare_ptimer },
	{ "vtimer-pending-hvc", .flags = INSIDE, .prepare = prepare_vtimer, .op = op_hvc },
	{ "vtimer-irq", .flags = INSIDE, .op = op_vtimer_irq },
	{ "ptimer-irq", .flags = INSIDE, .op = op_ptimer_irq },
	{ "lr-1", .prepare = prepare_lr_1 },
	{ "lr-3", .prepare = prepare_lr_3 },
	{ "lr-3-hvc", .flags = INSIDE, .prepare = prepare_lr_3, .op = op_hvc },
	{ "lr-20", .prepare = prepare_lr_20 },
	{ "lr-20-hvc", .flags = INSIDE, .prepare = prepare_lr_20, .op = op_hvc },
	{ "no-gic", .flags = NO_GIC },
	{ "no-gic-timers", .flags = NO_GIC, .prepare = prepare_timers },
	{ "el2", .flags = EL2, .prepare = prepare_el2, .missing = missing_el2 },
	{ "el2-smc", .flags = EL2 | INSIDE, .prepare = prepare_el2, .op = op_smc,
	  .missing = missing_el2 },
	{ "el2-timers", .flags = EL2, .prepare = prepare_el2_timers, .missing = missing_el2 },
	{ "l2", .flags = EL2, .prepare = prepare_l2, .missing = missing_el2 },
	{ "l2-timers", .flags = EL2, .prepare = prepare_l2_timers, .missing = missing_el2 },
	{ "l2-hvc", .flags = EL2 | INSIDE, .prepare = prepare_el2, .op = op_l2,
	  .missing = missing_el2 },
};

static struct kvm_vm *create(const struct kind *k, struct kvm_vcpu **vcpus)
{
	int nr = k->flags & TWO ? 2 : 1, i;
	struct kvm_vm *vm;

	tt_vcpu_features = k->features;
	if (k->flags & NO_GIC) {
		vm = vm_create(1);
		vm_init_descriptor_tables(vm);
		vcpus[0] = tt_vcpu_add(vm, 0, false, guest_code);
	} else {
		vm = tt_vm_create(nr, k->flags & EL2, guest_code, vcpus);
		vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, tt_guest_irq_handler);
		nl_install_handlers(vm);
	}
	for (i = 0; i < nr; i++) {
		init_pmu(vcpus[i]);
		vcpu_args_set(vcpus[i], 3, k->prepare ?: prepare_none, k->op ?: op_none,
			      (u64)(i ? NO_GIC : k->flags));
	}
	bench_settle();
	return vm;
}

static void run_once(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	bench_vcpu_run_once(vcpu);
	if (bench_is_user_exit(vcpu) || vcpu->run->exit_reason == KVM_EXIT_DEBUG)
		return;
	if (get_ucall(vcpu, &uc) == UCALL_ABORT)
		REPORT_GUEST_ASSERT(uc);
	TEST_FAIL("Unexpected exit: %s", exit_reason_str(vcpu->run->exit_reason));
}

static void run_window(const struct kind *k, struct kvm_vcpu **vcpus)
{
	int ret;

	if (k->flags & TWO)
		run_once(vcpus[1]);
	if (k->turn)
		k->turn();
	bench_mark_start();
	ret = __vcpu_run(vcpus[0]);
	bench_mark_stop();
	TEST_ASSERT(!ret, KVM_IOCTL_ERROR(KVM_RUN, ret));
}

static void run(const struct kind *k)
{
	struct kvm_vcpu *vcpus[2];
	struct kvm_vm *vm = create(k, vcpus);
	int i;

	run_once(vcpus[0]);
	if (k->host)
		k->host(vcpus[0]);
	for (i = 0; i < (k->flags & INSIDE ? 1 : NR_WARM_UP); i++) {
		if (k->flags & TWO)
			run_once(vcpus[1]);
		run_once(vcpus[0]);
	}
	for (i = 0; i < NR_WINDOWS && !(k->flags & INSIDE); i++)
		run_window(k, vcpus);
	kvm_vm_free(vm);
	if (host_event >= 0)
		close(host_event);
	host_event = -1;
	printf("trace: kind=%s windows=%d\n", k->name, NR_WINDOWS);
}

int main(int argc, char **argv)
{
	const char *list = argc > 1 ? argv[1] : NULL, *skip;
	int i;

	bench_setup();
	/* Would be switched at each entry. */
	close(bench_perf_fd);
	/* A recorder begins with the first mark, and not with its beginning. */
	bench_mark_start();
	bench_mark_stop();
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (list && !bench_listed(list, kinds[i].name))
			continue;
		bench_watchdog(kinds[i].name);
		skip = kinds[i].missing ? kinds[i].missing() : NULL;
		if (skip)
			printf("trace: kind=%s skip=%s\n", kinds[i].name, skip);
		else
			run(&kinds[i]);
	}
	return KSFT_PASS;
}
