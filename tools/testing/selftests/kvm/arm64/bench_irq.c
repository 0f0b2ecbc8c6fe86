// SPDX-License-Identifier: GPL-2.0
/*
 * bench_irq - what interrupts cost: those a guest sends itself or another vCPU,
 * awake or asleep, those the VMM raises, and the way to get rid of one.
 *
 * Who waits, spins with YIELD: an emulator that runs one CPU at a time goes on
 * with the other one there.
 */
#include "bench_lib.h"
#include "gic_v3.h"

#define SGI		1
#define SPI		(MIN_SPI + 8)
#define ASLEEP_USEC	30

/* Shared by the vCPUs and, for SPIs, the VMM. */
static volatile u64 acked[2], finished;
static volatile bool ready, lowered;

static void handler(struct ex_regs *regs)
{
	u32 intid = gic_get_and_ack_irq();

	GUEST_ASSERT(intid == SGI || intid == SPI);
	acked[guest_get_vcpuid()]++;
	gic_set_eoi(intid);
}

static void handler_level(struct ex_regs *regs)
{
	u32 intid = gic_get_and_ack_irq();

	GUEST_ASSERT_EQ(intid, SPI);
	acked[0]++;
	while (!lowered)
		cpu_relax();
	lowered = false;
	gic_set_eoi(intid);
	finished++;
}

/* Guest: what is measured */

static inline void send_sgi(u64 vcpu)
{
	u64 sgi = (u64)SGI << ICC_SGI1R_SGI_ID_SHIFT;

	write_sysreg_s(sgi | BIT(vcpu), SYS_ICC_SGI1R_EL1);
	isb();
}

static inline void send_and_wait(u64 vcpu)
{
	u64 before = acked[vcpu];

	send_sgi(vcpu);
	while (acked[vcpu] == before)
		cpu_relax();
}

static noinline u64 one_sgi_self(void)
{
	send_and_wait(0);
	return 0;
}

static noinline u64 one_ipi(void)
{
	send_and_wait(1);
	return 0;
}

/*
 * Leaves the receiver the time to fall asleep, which is not counted. One YIELD a
 * microsecond will do; an emulator takes its time for each.
 */
static noinline u64 one_ipi_wfi(void)
{
	u64 start = bench_guest_now(), waited = 0;
	int usec;

	for (usec = 1; usec <= ASLEEP_USEC; usec++) {
		cpu_relax();
		while (waited < usec_to_cycles(usec))
			waited = bench_guest_now() - start;
	}
	send_and_wait(1);
	return waited;
}

/* To be called with interrupts masked. */
static inline void sleep_until_acked(u64 vcpu, u64 before)
{
	while (acked[vcpu] == before) {
		wfi();
		tt_guest_take_irqs();
	}
}

static noinline u64 one_wfi(void)
{
	u64 before = acked[0];

	send_sgi(1);
	sleep_until_acked(0, before);
	return 0;
}

/* The line stays high: once finished with, the interrupt is there again. */
static inline void ack_level(void)
{
	while (gic_get_and_ack_irq() != SPI)
		;
}

static noinline u64 one_eoi(void)
{
	ack_level();
	gic_set_eoi(SPI);
	return 0;
}

static noinline u64 one_deactivate(void)
{
	ack_level();
	gic_set_eoi(SPI);
	gic_set_dir(SPI);
	return 0;
}

/* Guest: the vCPUs */

static void guest_setup(u64 nr_vcpus)
{
	tt_guest_setup(nr_vcpus);
	gic_irq_enable(SGI);
}

static void guest_alone(bench_fn one, u64 unused)
{
	guest_setup(1);
	local_irq_enable();
	bench_guest_measure(one);
}

static void guest_level(bench_fn one, u64 split)
{
	guest_setup(1);
	gic_irq_set_config(SPI, false);
	gic_irq_enable(SPI);
	gic_set_eoi_split(split);
	bench_guest_user_exit();	/* raises the line */
	bench_guest_measure(one);
}

static void wait_for_receiver(void)
{
	guest_setup(2);
	while (!ready)
		cpu_relax();
}

static void guest_sender(bench_fn one, u64 unused)
{
	wait_for_receiver();
	local_irq_enable();
	bench_guest_measure(one);
}

static void guest_sleeping_sender(bench_fn one, u64 unused)
{
	wait_for_receiver();
	bench_guest_measure(one);
}

static void guest_spinning_receiver(void)
{
	guest_setup(2);
	ready = true;
	local_irq_enable();
	for (;;)
		cpu_relax();
}

static void guest_sleeping_receiver(u64 answers)
{
	guest_setup(2);
	ready = true;
	for (;;) {
		sleep_until_acked(1, acked[1]);
		if (answers)
			send_sgi(0);
	}
}

static void guest_spi(u64 edge)
{
	guest_setup(1);
	gic_irq_set_config(SPI, edge);
	gic_irq_enable(SPI);
	ready = true;
	local_irq_enable();
	for (;;)
		cpu_relax();
}

/* VMM: measured by the guest */

static struct kvm_vm *spi_vm;

static const char *run_alone(const struct bench_op *op)
{
	struct kvm_vcpu *vcpu;
	struct kvm_vm *vm;

	if (!tt_gicv3)
		return "no-GICv3";
	vm = bench_vm_create(1, 0, guest_alone, &vcpu);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, handler);
	bench_in_guest(op, vcpu);
	kvm_vm_free(vm);
	return NULL;
}

/* Only now that the guest has made the SPI a level one will KVM keep its level. */
static void raise_line(void)
{
	kvm_arm_irq_line(spi_vm, SPI, 1);
}

static const char *run_level_high(const struct bench_op *op)
{
	struct kvm_vcpu *vcpu;

	if (!tt_gicv3)
		return "no-GICv3";
	spi_vm = bench_vm_create(1, 0, guest_level, &vcpu);
	bench_in_guest_with(op, vcpu, raise_line);
	kvm_vm_free(spi_vm);
	return NULL;
}

static const char *run_pair(const struct bench_op *op, void *sender, void *receiver)
{
	struct bench_thread thread;
	struct kvm_vcpu *vcpus[2];
	struct kvm_vm *vm;

	if (!tt_gicv3)
		return "no-GICv3";
	if (get_nprocs() < 2)
		return "one-CPU";
	vm = bench_vm_create(2, 0, sender, vcpus);
	vcpu_arch_set_entry_point(vcpus[1], receiver);
	vcpu_args_set(vcpus[1], 1, op->arg);
	vm_install_exception_handler(vm, VECTOR_IRQ_CURRENT, handler);
	bench_thread_start(&thread, vcpus[1], 1);
	bench_in_guest(op, vcpus[0]);
	bench_thread_stop(&thread);
	kvm_vm_free(vm);
	return NULL;
}

static const char *run_ipi(const struct bench_op *op)
{
	return run_pair(op, guest_sender, guest_spinning_receiver);
}

static const char *run_ipi_wfi(const struct bench_op *op)
{
	return run_pair(op, guest_sender, guest_sleeping_receiver);
}

static const char *run_wfi(const struct bench_op *op)
{
	return run_pair(op, guest_sleeping_sender, guest_sleeping_receiver);
}

/* VMM: measured by itself, with a vCPU on the other CPU */

static volatile u64 *spi_acked, *spi_finished;
static volatile bool *spi_lowered;

static noinline u64 one_spi_edge(void)
{
	u64 before = *spi_acked;

	kvm_arm_irq_line(spi_vm, SPI, 1);
	while (*spi_acked == before)
		cpu_relax();
	kvm_arm_irq_line(spi_vm, SPI, 0);
	return 0;
}

static noinline u64 one_spi_level(void)
{
	u64 before = *spi_acked;

	kvm_arm_irq_line(spi_vm, SPI, 1);
	while (*spi_acked == before)
		cpu_relax();
	kvm_arm_irq_line(spi_vm, SPI, 0);
	*spi_lowered = true;
	while (*spi_finished == before)
		cpu_relax();
	return 0;
}

#define host_address(vm, var) ((typeof(var) *)addr_gva2hva(vm, (gva_t)&(var)))

static const char *run_spi(const struct bench_op *op)
{
	bool edge = op->arg;
	struct bench_thread thread;
	struct kvm_vcpu *vcpu;

	if (!tt_gicv3)
		return "no-GICv3";
	if (get_nprocs() < 2)
		return "one-CPU";
	spi_vm = bench_vm_create(1, 0, guest_spi, &vcpu);
	spi_acked = host_address(spi_vm, acked[0]);
	spi_finished = host_address(spi_vm, finished);
	spi_lowered = host_address(spi_vm, lowered);
	vcpu_args_set(vcpu, 1, edge);
	vm_install_exception_handler(spi_vm, VECTOR_IRQ_CURRENT, edge ? handler : handler_level);
	bench_thread_start(&thread, vcpu, 1);
	while (!*host_address(spi_vm, ready))
		cpu_relax();
	bench_on_host(op);
	bench_thread_stop(&thread);
	kvm_vm_free(spi_vm);
	return NULL;
}

static const struct bench_op ops[] = {
	{ "sgi-self", "SGI to the sender, sent to handled", 5000, run_alone, one_sgi_self },
	{ "ipi", "SGI to a vCPU that spins, sent to acknowledged", 2500, run_ipi, one_ipi },
	{ "ipi-wfi", "SGI to a vCPU in WFI, sent to acknowledged", 1000, run_ipi_wfi, one_ipi_wfi },
	{ "wfi", "SGI to a vCPU in WFI, and WFI until its SGI is back", 700, run_wfi, one_wfi, 1 },
	{ "eoi", "acknowledge and EOI of a level SPI that stays high", 5000, run_level_high,
	  one_eoi, 0 },
	{ "deactivate", "the same with EOImode 1: acknowledge, EOI and DIR", 5000, run_level_high,
	  one_deactivate, 1 },
	{ "spi-edge", "KVM_IRQ_LINE raised to SPI acknowledged, lowered", 2000, run_spi,
	  one_spi_edge, 1 },
	{ "spi-level", "KVM_IRQ_LINE raised to SPI acknowledged, lowered to its EOI", 2000, run_spi,
	  one_spi_level, 0 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ops, ARRAY_SIZE(ops));
}
