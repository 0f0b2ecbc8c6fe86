/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared parts of the timer_* tests: sub-test runner, transcript, VM creation
 * with whatever GIC the host can give, and accessors for the guest's timers.
 *
 * Every test prints lines that start with "transcript:". They hold no address,
 * time or count that may differ between two runs, so that the transcripts of
 * two kernels on the same machine can be compared with diff.
 */
#ifndef SELFTEST_KVM_TIMER_LIB_H
#define SELFTEST_KVM_TIMER_LIB_H

#include <errno.h>
#include <sys/wait.h>

#include <linux/sizes.h>

#include "arch_timer.h"
#include "gic.h"
#include "kvm_util.h"
#include "processor.h"
#include "test_util.h"
#include "ucall_common.h"
#include "vgic.h"

/* A hang must end the sub-test, not the whole test run. */
#define TT_WATCHDOG_SEC		60
#define TT_MAX_VCPUS		8

/* The library knows no GICv2: it gets GICv3's place. */
#define TT_GICC_BASE_GPA	GICR_BASE_GPA
#define TT_GICD_CTLR		0x000
#define TT_GICD_ISENABLER	0x100
#define TT_GICC_CTLR		0x00
#define TT_GICC_PMR		0x04
#define TT_GICC_IAR		0x0c
#define TT_GICC_EOIR		0x10

#define transcript(fmt, ...)	printf("transcript: " fmt "\n", ##__VA_ARGS__)

/*
 * The timers of a guest. The first two are those of its own exception level:
 * at virtual EL2, which has E2H set, the accessors of the EL1 timers reach
 * CNTHV and CNTHP, and the EL1 timers need the _EL02 accessors.
 */
enum tt_timer {
	TT_V,
	TT_P,
	TT_V02,
	TT_P02,
	TT_NR_TIMERS,
	TT_EL1_TIMERS = TT_V02,
};

static const char * const tt_name[TT_NR_TIMERS] = {
	"virtual", "physical", "EL02 virtual", "EL02 physical"
};

static int tt_failures;

#define __tt_expect(cond, quiet, fmt, ...)				\
({									\
	bool __ok = (cond);						\
									\
	if (!__ok || !(quiet))						\
		transcript(fmt ": %s", ##__VA_ARGS__, __ok ? "ok" : "FAIL"); \
	if (!__ok) {							\
		tt_failures++;						\
		ksft_print_msg("%s:%d: !(%s)\n", __FILE__, __LINE__, #cond); \
	}								\
	__ok;								\
})

/* Check @cond and go on, so that one difference doesn't hide the others. */
#define tt_expect(cond, fmt, ...) __tt_expect(cond, false, fmt, ##__VA_ARGS__)

/* For what is worth no line when it holds. */
#define tt_check(cond, fmt, ...) __tt_expect(cond, true, fmt, ##__VA_ARGS__)

static inline const char *tt_errno_name(int err)
{
#define TT_ERR(e) case e: return #e
	switch (err) {
	case 0: return "0";
	TT_ERR(EPERM); TT_ERR(ENOENT); TT_ERR(EINTR); TT_ERR(EIO);
	TT_ERR(ENXIO); TT_ERR(E2BIG); TT_ERR(ENOEXEC); TT_ERR(EAGAIN);
	TT_ERR(ENOMEM); TT_ERR(EFAULT); TT_ERR(EBUSY); TT_ERR(EEXIST);
	TT_ERR(ENODEV); TT_ERR(EINVAL); TT_ERR(ENOTTY); TT_ERR(ENOSPC);
	TT_ERR(ENOSYS);
	default: return "another errno";
	}
#undef TT_ERR
}

/* Run an ioctl-like @call, record its errno and compare it to @want. */
#define tt_errno(call, want, fmt, ...)					\
({									\
	int __err = (call) < 0 ? errno : 0;				\
									\
	transcript(fmt ": %s", ##__VA_ARGS__, tt_errno_name(__err));	\
	if (__err != (want)) {						\
		tt_failures++;						\
		ksft_print_msg("%s:%d: %s: want %s, got %s\n",		\
			       __FILE__, __LINE__, #call,		\
			       tt_errno_name(want), tt_errno_name(__err)); \
	}								\
	__err;								\
})

#define tt_skip(fmt, ...)						\
do {									\
	transcript("skip: " fmt, ##__VA_ARGS__);			\
	fflush(stdout);							\
	_exit(tt_failures ? KSFT_FAIL : KSFT_SKIP);			\
} while (0)

/* What the host can do: looked up once, before the sub-tests are forked. */
static bool tt_gicv2, tt_gicv3, tt_el2, tt_pkvm, tt_cntpoff;

/* Known to the guest, too. */
static int tt_gic;
static u32 tt_irq[TT_NR_TIMERS];
static int tt_nr_timers;

static inline bool tt_probe_gic(int version)
{
	struct kvm_vm *vm = vm_create_barebones();
	u64 type = version == 2 ? KVM_DEV_TYPE_ARM_VGIC_V2 :
				  KVM_DEV_TYPE_ARM_VGIC_V3;
	int ret = __kvm_test_create_device(vm, type);

	kvm_vm_free(vm);
	return !ret;
}

static inline bool tt_probe_pkvm(void)
{
	int kvm = open_kvm_dev_path_or_exit();
	int vm = ioctl(kvm, KVM_CREATE_VM, KVM_VM_TYPE_ARM_PROTECTED);

	close(kvm);
	if (vm >= 0)
		close(vm);
	return vm >= 0;
}

static inline void tt_gic_addr(int fd, u64 type, u64 addr)
{
	kvm_device_attr_set(fd, KVM_DEV_ARM_VGIC_GRP_ADDR, type, &addr);
}

/*
 * Create the GIC, without CTRL_INIT: that has to wait for the vCPUs. A second
 * VM on the same memory finds the frames mapped already.
 */
static inline void __tt_gic_create(struct kvm_vm *vm, int version, int nr_vcpus)
{
	int fd;

	if (version == 2) {
		fd = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V2);
		tt_gic_addr(fd, KVM_VGIC_V2_ADDR_TYPE_DIST, GICD_BASE_GPA);
		tt_gic_addr(fd, KVM_VGIC_V2_ADDR_TYPE_CPU, TT_GICC_BASE_GPA);
	} else {
		fd = kvm_create_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3);
		tt_gic_addr(fd, KVM_VGIC_V3_ADDR_TYPE_DIST, GICD_BASE_GPA);
		tt_gic_addr(fd, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION,
			    REDIST_REGION_ATTR_ADDR(nr_vcpus, GICR_BASE_GPA, 0, 0));
	}
	vm->arch.gic_fd = fd;
	vm->arch.has_gic = true;
}

static inline void tt_gic_create(struct kvm_vm *vm, int version, int nr_vcpus)
{
	size_t size = GICR_BASE_GPA - GICD_BASE_GPA;

	__tt_gic_create(vm, version, nr_vcpus);
	if (version == 3)
		size += KVM_VGIC_V3_REDIST_SIZE * nr_vcpus;
	else
		size += KVM_VGIC_V2_CPU_SIZE;
	virt_map(vm, GICD_BASE_GPA, GICD_BASE_GPA,
		 vm_calc_num_guest_pages(vm->mode, size));
}

/* vCPU features that are wanted beside those of the sub-test, as a mask; memory with tags. */
static u32 tt_vcpu_features;
static bool tt_mte;

static inline struct kvm_vcpu *tt_vcpu_add(struct kvm_vm *vm, int id, bool el2,
					   void *guest_code)
{
	struct kvm_vcpu_init init;
	struct kvm_vcpu *vcpu;

	vm_ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init);
	if (el2)
		init.features[0] |= BIT(KVM_ARM_VCPU_HAS_EL2);
	init.features[0] |= tt_vcpu_features;
	vcpu = aarch64_vcpu_add(vm, id, &init, guest_code);
	vcpu_init_descriptor_tables(vcpu);
	if (init.features[0] & BIT(KVM_ARM_VCPU_SVE))
		vcpu_ioctl(vcpu, KVM_ARM_VCPU_FINALIZE, &(int){ KVM_ARM_VCPU_SVE });
	return vcpu;
}

/* The VM that most tests want: a GIC, @nr vCPUs, ready for the first run. */
static inline struct kvm_vm *tt_vm_create(int nr, bool el2, void *guest_code,
					  struct kvm_vcpu **vcpus)
{
	struct kvm_vm *vm = vm_create(nr);
	int i;

	tt_gic = tt_gicv3 ? 3 : 2;
	tt_gic_create(vm, tt_gic, nr);
	if (tt_mte)
		vm_enable_cap(vm, KVM_CAP_ARM_MTE, 0);
	vm_init_descriptor_tables(vm);
	for (i = 0; i < nr; i++)
		vcpus[i] = tt_vcpu_add(vm, i, el2, guest_code);
	kvm_arch_vm_finalize_vcpus(vm);

	tt_nr_timers = el2 ? TT_NR_TIMERS : TT_EL1_TIMERS;
	tt_irq[TT_V] = vcpu_get_vtimer_irq(vcpus[0]);
	tt_irq[TT_P] = vcpu_get_ptimer_irq(vcpus[0]);
	vcpu_device_attr_get(vcpus[0], KVM_ARM_VCPU_TIMER_CTRL,
			     KVM_ARM_VCPU_TIMER_IRQ_VTIMER, &tt_irq[TT_V02]);
	vcpu_device_attr_get(vcpus[0], KVM_ARM_VCPU_TIMER_CTRL,
			     KVM_ARM_VCPU_TIMER_IRQ_PTIMER, &tt_irq[TT_P02]);
	sync_global_to_guest(vm, tt_gic);
	sync_global_to_guest(vm, tt_irq);
	sync_global_to_guest(vm, tt_nr_timers);
	return vm;
}

/*
 * KVM_RUN for a VM whose interrupt controller is this process: the guest's only
 * line follows the levels of its timers, so that a WFI that comes too late for a
 * change of level does not sleep.
 */
static inline int tt_run_no_gic(struct kvm_vcpu *vcpu)
{
	u32 line = KVM_ARM_IRQ_TYPE_CPU << KVM_ARM_IRQ_TYPE_SHIFT |
		   vcpu->id << KVM_ARM_IRQ_VCPU_SHIFT;
	int err = __vcpu_run(vcpu) ? errno : 0;

	TEST_ASSERT(!err || err == EINTR, KVM_IOCTL_ERROR(KVM_RUN, -1));
	kvm_irq_line(vcpu->vm, line, !!(vcpu->run->s.regs.device_irq_level &
					(KVM_ARM_DEV_EL1_VTIMER | KVM_ARM_DEV_EL1_PTIMER)));
	return err;
}

/*
 * Run until the guest has something to say. A guest assertion fails the
 * sub-test and reads as UCALL_NONE.
 */
static inline u64 tt_run(struct kvm_vcpu *vcpu, struct ucall *uc)
{
	vcpu_run(vcpu);
	switch (get_ucall(vcpu, uc)) {
	case UCALL_SYNC:
	case UCALL_DONE:
		return uc->cmd;
	case UCALL_PRINTF:
		printf("%s", uc->buffer);
		return uc->cmd;
	case UCALL_ABORT:
		tt_failures++;
		transcript("guest assertion failed: %s",
			   (const char *)uc->args[GUEST_ERROR_STRING]);
		ksft_print_msg("guest: %s\n", uc->buffer);
		return UCALL_NONE;
	default:
		TEST_FAIL("Unexpected exit: %s", exit_reason_str(vcpu->run->exit_reason));
	}
}

/* Run to GUEST_DONE(), printing what the guest prints. */
static inline bool tt_run_to_done(struct kvm_vcpu *vcpu)
{
	struct ucall uc;
	u64 cmd;

	do {
		cmd = tt_run(vcpu, &uc);
	} while (cmd == UCALL_PRINTF || cmd == UCALL_SYNC);

	return cmd == UCALL_DONE;
}

/* Guest side */

#define guest_transcript(fmt, ...)					\
	GUEST_PRINTF("transcript: " fmt "\n", ##__VA_ARGS__)

static inline void tt_guest_gic_init(int nr_vcpus)
{
	volatile void *gicc = (volatile void *)TT_GICC_BASE_GPA;

	if (tt_gic == 3) {
		gic_init(GIC_V3, nr_vcpus);
		return;
	}
	writel(1, GICD_BASE_GVA + TT_GICD_CTLR);
	writel(0xf0, gicc + TT_GICC_PMR);
	writel(1, gicc + TT_GICC_CTLR);
}

static inline void tt_guest_irq_enable(u32 intid)
{
	if (tt_gic == 3)
		gic_irq_enable(intid);
	else
		writel(BIT(intid), GICD_BASE_GVA + TT_GICD_ISENABLER);
}

static inline u32 tt_guest_ack(void)
{
	if (tt_gic == 3)
		return gic_get_and_ack_irq();
	return readl((volatile void *)TT_GICC_BASE_GPA + TT_GICC_IAR) & 0x3ff;
}

static inline void tt_guest_eoi(u32 intid)
{
	if (tt_gic == 3)
		gic_set_eoi(intid);
	else
		writel(intid, (volatile void *)TT_GICC_BASE_GPA + TT_GICC_EOIR);
}

static inline u64 tt_cnt(enum tt_timer t)
{
	if (t == TT_V02)
		return timer_get_cntct(PHYSICAL) - read_sysreg_s(SYS_CNTVOFF_EL2);
	return timer_get_cntct(t == TT_V ? VIRTUAL : PHYSICAL);
}

#define TT_ACCESSORS(reg, REG)						\
static inline u64 tt_##reg(enum tt_timer t)				\
{									\
	isb();								\
	switch (t) {							\
	case TT_V:							\
		return read_sysreg_s(SYS_CNTV_##REG##_EL0);		\
	case TT_P:							\
		return read_sysreg_s(SYS_CNTP_##REG##_EL0);		\
	case TT_V02:							\
		return read_sysreg_s(SYS_CNTV_##REG##_EL02);		\
	default:							\
		return read_sysreg_s(SYS_CNTP_##REG##_EL02);		\
	}								\
}									\
									\
static inline void tt_set_##reg(enum tt_timer t, u64 val)		\
{									\
	switch (t) {							\
	case TT_V:							\
		write_sysreg_s(val, SYS_CNTV_##REG##_EL0);		\
		break;							\
	case TT_P:							\
		write_sysreg_s(val, SYS_CNTP_##REG##_EL0);		\
		break;							\
	case TT_V02:							\
		write_sysreg_s(val, SYS_CNTV_##REG##_EL02);		\
		break;							\
	default:							\
		write_sysreg_s(val, SYS_CNTP_##REG##_EL02);		\
	}								\
	isb();								\
}

TT_ACCESSORS(ctl, CTL)
TT_ACCESSORS(cval, CVAL)
TT_ACCESSORS(tval, TVAL)

static inline void tt_start(enum tt_timer t, u64 cval)
{
	tt_set_cval(t, cval);
	tt_set_ctl(t, CTL_ENABLE);
}

static inline void tt_guest_setup(int nr_vcpus)
{
	int t;

	local_irq_disable();
	tt_guest_gic_init(nr_vcpus);
	for (t = 0; t < tt_nr_timers; t++) {
		tt_set_ctl(t, 0);
		tt_guest_irq_enable(tt_irq[t]);
	}
}

/* What the interrupt handler saw, for guests with one vCPU. */
static volatile u32 tt_handled[TT_NR_TIMERS], tt_unknown;

/*
 * A handler that asserts nothing about what fired, for a host that looks at it
 * all; what was pending when its timer was turned off is among it.
 */
static inline void tt_guest_collect_irq(struct ex_regs *regs)
{
	u32 intid = tt_guest_ack();
	int t;

	if (intid == IAR_SPURIOUS)
		return;
	for (t = 0; t < tt_nr_timers; t++) {
		if (intid == tt_irq[t]) {
			tt_set_ctl(t, 0);
			tt_handled[t]++;
		}
	}
	tt_guest_eoi(intid);
}

/* Turns the timer off: each programmed deadline has one interrupt. */
static inline void tt_guest_irq_handler(struct ex_regs *regs)
{
	u32 intid = tt_guest_ack();
	int t;

	if (intid == IAR_SPURIOUS)
		return;
	for (t = 0; t < tt_nr_timers; t++)
		if (intid == tt_irq[t])
			break;
	if (t < tt_nr_timers) {
		GUEST_ASSERT(tt_ctl(t) & CTL_ISTATUS);
		GUEST_ASSERT(tt_cnt(t) >= tt_cval(t));
		tt_set_ctl(t, 0);
		tt_handled[t]++;
	} else {
		tt_unknown++;
	}
	tt_guest_eoi(intid);
}

/* Take what is pending now, with interrupts masked before and after. */
static inline void tt_guest_take_irqs(void)
{
	local_irq_enable();
	isb();
	local_irq_disable();
}

/* Sleep until @t's handler ran. Returns the number of sleeps that took. */
static inline u32 tt_guest_wait(enum tt_timer t)
{
	u32 nr = 0;

	while (!tt_handled[t]) {
		wfi();
		nr++;
		tt_guest_take_irqs();
	}
	return nr;
}

static inline void tt_guest_delay(u64 ticks)
{
	u64 start = tt_cnt(TT_P);

	while (tt_cnt(TT_P) - start < ticks)
		cpu_relax();
}

static inline void tt_guest_read_cntpct(void)
{
	GUEST_SYNC_ARGS(0, timer_get_cntct(PHYSICAL), 0, 0, 0);
	GUEST_DONE();
}

static inline int tt_set_offset(struct kvm_vm *vm, u64 offset)
{
	struct kvm_arm_counter_offset o = { .counter_offset = offset };

	return ioctl(vm->fd, KVM_ARM_SET_COUNTER_OFFSET, &o);
}

/*
 * Does an offset reach the guest's physical counter? It does not where CNTPOFF_EL2
 * is there but has no effect (QEMU wants SCR_EL3.ECVEn, which nobody sets on a
 * machine without EL3), nor in protected mode before Linux 7.3.
 */
static inline bool tt_probe_cntpoff(void)
{
	const u64 far = 1ULL << 51;
	struct kvm_vm *vm = vm_create(1);
	struct kvm_vcpu *vcpu;
	struct ucall uc;
	bool works;

	vm_init_descriptor_tables(vm);
	vcpu = tt_vcpu_add(vm, 0, false, tt_guest_read_cntpct);
	TEST_ASSERT(!tt_set_offset(vm, -far), "KVM_ARM_SET_COUNTER_OFFSET");
	TEST_ASSERT_EQ(tt_run(vcpu, &uc), UCALL_SYNC);
	works = uc.args[2] >= far;
	kvm_vm_free(vm);
	transcript("the guest's physical counter can%s be offset", works ? "" : "not");
	return works;
}

/* Sub-tests */

/*
 * KVM takes seconds to destroy a VM with EL2 on an emulated host: it walks the
 * whole physical address range for each nested stage 2. Sub-tests that need EL2
 * should do much in one VM.
 */
enum tt_level {
	TT_HOST,	/* no guest, or its exception level doesn't matter */
	TT_EL1,
	TT_EL2,
	TT_EL1_EL2,	/* once at each */
};

struct tt_test {
	const char *name;
	void (*run)(bool el2);
	enum tt_level level;
};

static inline void tt_run_one(const struct tt_test *t, bool el2)
{
	char name[64];
	int status;
	pid_t pid;

	snprintf(name, sizeof(name), "%s%s", t->name,
		 t->level == TT_HOST ? "" : el2 ? "_el2" : "_el1");
	if (el2 && !tt_el2) {
		transcript("skip %s: no KVM_CAP_ARM_EL2", name);
		ksft_test_result_skip("%s # no KVM_CAP_ARM_EL2\n", name);
		return;
	}

	transcript("begin %s", name);
	fflush(stdout);
	pid = fork();
	TEST_ASSERT(pid >= 0, "fork() failed");
	if (!pid) {
		alarm(TT_WATCHDOG_SEC);
		t->run(el2);
		fflush(stdout);
		_exit(tt_failures ? KSFT_FAIL : KSFT_PASS);
	}
	TEST_ASSERT(waitpid(pid, &status, 0) == pid, "waitpid() failed");

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		transcript("%s: hangs", name);
	if (WIFEXITED(status) && WEXITSTATUS(status) == KSFT_SKIP)
		ksft_test_result_skip("%s\n", name);
	else
		ksft_test_result(WIFEXITED(status) && !WEXITSTATUS(status),
				 "%s\n", name);
}

/* An argument runs just the sub-tests whose name contains it. */
static inline int __tt_main(int argc, char **argv, const struct tt_test *tests,
			    int nr, bool gic)
{
	const char *only = argc > 1 ? argv[1] : "";
	int i, plan = 0;

	setlinebuf(stdout);
	ksft_print_header();
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_ONE_REG));
	test_disable_default_vgic();
	tt_gicv2 = tt_probe_gic(2);
	tt_gicv3 = tt_probe_gic(3);
	TEST_REQUIRE(tt_gicv2 || tt_gicv3 || !gic);
	tt_el2 = tt_gicv3 && kvm_check_cap(KVM_CAP_ARM_EL2);
	tt_pkvm = tt_probe_pkvm();
	tt_cntpoff = tt_probe_cntpoff();

	for (i = 0; i < nr; i++)
		if (strstr(tests[i].name, only))
			plan += tests[i].level == TT_EL1_EL2 ? 2 : 1;
	ksft_set_plan(plan);

	for (i = 0; i < nr; i++) {
		if (!strstr(tests[i].name, only))
			continue;
		if (tests[i].level != TT_EL2)
			tt_run_one(&tests[i], false);
		if (tests[i].level == TT_EL2 || tests[i].level == TT_EL1_EL2)
			tt_run_one(&tests[i], true);
	}
	ksft_finished();
}

static inline int tt_main(int argc, char **argv, const struct tt_test *tests,
			  int nr)
{
	return __tt_main(argc, argv, tests, nr, true);
}

/* For tests that can do without a GIC, on hosts that have none for guests. */
static inline int tt_main_any_gic(int argc, char **argv, const struct tt_test *tests,
				  int nr)
{
	return __tt_main(argc, argv, tests, nr, false);
}

#endif /* SELFTEST_KVM_TIMER_LIB_H */
