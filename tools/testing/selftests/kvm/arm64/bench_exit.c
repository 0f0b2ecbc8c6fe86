// SPDX-License-Identifier: GPL-2.0
/*
 * bench_exit - what it costs a guest to leave and to come back: for KVM's own
 * answer, for the VMM's, with FP/SIMD and SVE state on both sides, with
 * interrupts pending, and with another vCPU's thread in between.
 */
#include <sched.h>
#include <semaphore.h>
#include <sys/auxv.h>

#include <asm/hwcap.h>

#include "bench_lib.h"
#include "gic_v3.h"

/* Nobody's function: answered by KVM with "not supported". */
#define UNKNOWN_HVC	0x4b000000

static inline u64 hvc(void)
{
	register u64 x0 asm("x0") = UNKNOWN_HVC;

	asm volatile("hvc #0" : "+r" (x0) : : "x1", "x2", "x3", "memory");
	return 0;
}

static inline void use_fp(void)
{
	asm volatile("fmov d0, #1.0" : : : "v0");
}

static inline void use_sve(void)
{
	asm volatile(".arch_extension sve\n"
		     "ptrue p0.b\n"
		     "dup z0.b, #1" : : : "v0");
}

static noinline u64 one_hvc(void)
{
	return hvc();
}

static noinline u64 one_fp_exit(void)
{
	use_fp();
	return hvc();
}

static noinline u64 one_fp_user(void)
{
	use_fp();
	return bench_guest_user_exit();
}

static noinline u64 one_sve_exit(void)
{
	use_sve();
	return hvc();
}

static noinline u64 one_sve_user(void)
{
	use_sve();
	return bench_guest_user_exit();
}

static noinline u64 one_mmio_user(void)
{
	return bench_guest_user_exit();
}

static noinline u64 one_gicd_read(void)
{
	readl_relaxed(GICD_BASE_GVA + GICD_IIDR);
	return 0;
}

static noinline u64 one_gicr_read(void)
{
	readl_relaxed(GICR_BASE_GVA + GICR_IIDR);
	return 0;
}

static noinline u64 one_sysreg(void)
{
	read_sysreg(id_aa64pfr0_el1);
	return 0;
}

/* Pending for good: the guest never lets them in. */
static void guest_make_pending(u64 nr)
{
	u32 i;

	for (i = 0; i < nr; i++) {
		gic_irq_set_config(MIN_SPI + i, true);
		gic_irq_enable(MIN_SPI + i);
		gic_irq_set_pending(MIN_SPI + i);
		GUEST_ASSERT(gic_irq_get_pending(MIN_SPI + i));
	}
}

static void guest_code(bench_fn one, u64 nr_pending)
{
	tt_guest_setup(1);
	guest_make_pending(nr_pending);
	bench_guest_measure(one);
}

static void guest_code_sve(bench_fn one, u64 arg)
{
	tt_guest_setup(1);
	write_sysreg(read_sysreg(cpacr_el1) | CPACR_EL1_ZEN, cpacr_el1);
	isb();
	write_sysreg_s(ZCR_ELx_LEN_MASK, SYS_ZCR_EL1);
	isb();
	bench_guest_measure(one);
}

static void run_guest(const struct bench_op *op, u32 features, void *code, void (*on_exit)(void))
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm = bench_vm_create(1, features, code, &vcpu);

	bench_in_guest_with(op, vcpu, on_exit);
	kvm_vm_free(vm);
}

static const char *run_plain(const struct bench_op *op)
{
	run_guest(op, 0, guest_code, NULL);
	return NULL;
}

static const char *run_gicv3(const struct bench_op *op)
{
	return tt_gicv3 ? run_plain(op) : "no-GICv3";
}

static const char *run_fp_user(const struct bench_op *op)
{
	run_guest(op, 0, guest_code, use_fp);
	return NULL;
}

static const char *run_sve(const struct bench_op *op)
{
	if (!kvm_has_cap(KVM_CAP_ARM_SVE) || !(getauxval(AT_HWCAP) & HWCAP_SVE))
		return "no-SVE";
	run_guest(op, BIT(KVM_ARM_VCPU_SVE), guest_code_sve,
		  op->one == one_sve_user ? use_sve : NULL);
	return NULL;
}

/* Two vCPUs whose threads take turns on one CPU */

static struct kvm_vcpu *turn_vcpu[2];
static bool turns_end;
static int last_turn = 1, turns_missed;
static sem_t other_is_ready;

static void guest_exits(void)
{
	for (;;)
		bench_guest_user_exit();
}

static void take_turn(int who)
{
	bench_vcpu_run_once(turn_vcpu[who]);
	TEST_ASSERT_KVM_EXIT_REASON(turn_vcpu[who], KVM_EXIT_MMIO);
	turns_missed += !who && last_turn == who;
	last_turn = who;
	sched_yield();
}

static void *other_thread(void *unused)
{
	pin_self_to_cpu(BENCH_CPU);
	sem_post(&other_is_ready);
	while (!READ_ONCE(turns_end))
		take_turn(1);
	return NULL;
}

/* Each turn of this thread is followed by one of the other: two switches. */
static noinline u64 one_switch(void)
{
	static bool even;

	even = !even;
	if (even)
		take_turn(0);
	return 0;
}

static void measure_turns(const struct bench_op *op)
{
	pthread_t other;

	sem_init(&other_is_ready, 0, 0);
	TEST_ASSERT(!pthread_create(&other, NULL, other_thread, NULL), "pthread_create() failed");
	sem_wait(&other_is_ready);
	bench_on_host(op);
	WRITE_ONCE(turns_end, true);
	pthread_join(other, NULL);
	TEST_ASSERT(!turns_missed, "The threads don't take turns: %d missed", turns_missed);
}

/* A real-time thread that yields lets its equals run before it goes on. */
static const char *run_load_put(const struct bench_op *op)
{
	struct sched_param prio = { .sched_priority = 1 };
	struct kvm_vm *vm;

	if (sched_setscheduler(0, SCHED_FIFO, &prio))
		return "no-right-to-SCHED_FIFO";
	vm = bench_vm_create(2, 0, guest_exits, turn_vcpu);
	measure_turns(op);
	kvm_vm_free(vm);
	prio.sched_priority = 0;
	TEST_ASSERT(!sched_setscheduler(0, SCHED_OTHER, &prio), "sched_setscheduler() failed");
	return NULL;
}

static const struct bench_op ops[] = {
	{ "hvc", "hypercall", 10000, run_plain, one_hvc },
	{ "mmio-user", "MMIO read answered by the VMM", 2000, run_plain, one_mmio_user },
	{ "gicd-read", "MMIO read of GICD_IIDR", 4000, run_plain, one_gicd_read },
	{ "gicr-read", "MMIO read of GICR_IIDR", 4000, run_gicv3, one_gicr_read },
	{ "sysreg-trap", "read of a trapped ID register", 5000, run_plain, one_sysreg },
	{ "fp-exit", "guest uses FP/SIMD, hypercall", 5000, run_plain, one_fp_exit },
	{ "fp-user", "guest and VMM use FP/SIMD, exit to the VMM", 2000, run_fp_user, one_fp_user },
	{ "sve-exit", "guest uses SVE, hypercall", 5000, run_sve, one_sve_exit },
	{ "sve-user", "guest and VMM use SVE, exit to the VMM", 2000, run_sve, one_sve_user },
	{ "load-put", "exit and switch between two vCPUs' threads on one CPU", 2000, run_load_put,
	  one_switch },
	{ "hvc-pending-1", "hypercall with 1 interrupt pending", 5000, run_gicv3, one_hvc, 1 },
	{ "hvc-pending-4", "hypercall with 4 interrupts pending", 8000, run_gicv3, one_hvc, 4 },
	{ "hvc-pending-16", "hypercall with 16 interrupts pending", 2000, run_gicv3, one_hvc, 16 },
	{ "hvc-pending-64", "hypercall with 64 interrupts pending", 800, run_gicv3, one_hvc, 64 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ops, ARRAY_SIZE(ops));
}
