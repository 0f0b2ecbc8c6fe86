/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The border between C and Rust where no existing header draws it: what either side has for the
 * other alone.
 */
#ifndef __KVM_ARM_RUST_H
#define __KVM_ARM_RUST_H

#include <linux/interrupt.h>
#include <linux/kvm_host.h>
#include <linux/seq_file.h>

#include <kvm/arm_arch_timer.h>
#include <kvm/arm_vgic.h>

/* A callback of the timers' interrupt chip, and what is behind it in Rust. */
int kvm_arm64_timer_set_irqchip_state(struct irq_data *d, enum irqchip_irq_state which, bool val);
int kvm_arm64_timer_set_state(struct irq_data *d, enum irqchip_irq_state which, bool val);

/*
 * Messages of the timers. kvm_err() and its kin know their form, and pr_debug() is controlled per
 * call site of a C file.
 */
void kvm_arm64_timer_err(const char *what);
void kvm_arm64_timer_bad_irq(const char *which, int irq);
void kvm_arm64_timer_bad_trigger(unsigned int irq);
void kvm_arm64_timer_bad_request(const char *which, unsigned int irq, int err);
void kvm_arm64_timer_broken_cntvoff(void);
void kvm_arm64_timer_debug_irq(const char *which, unsigned int irq);
void kvm_arm64_timer_debug_bad_ppis(void);

#ifdef CONFIG_KVM_ARM64_RUST_VGIC
struct gic_kvm_info;

/*
 * What the driver of the host's interrupt controller has told KVM of it, moved to the caller: false
 * if nothing, or a second time.
 */
bool kvm_arm64_vgic_take_info(struct gic_kvm_info *info);

/* Whether the administrator wants GICv4 (kvm-arm.vgic_v4_enable). */
bool kvm_arm64_vgic_wants_v4(void);

/* Messages of the virtual GIC, by what they say. */
void kvm_arm64_vgic_err(const char *what);
void kvm_arm64_vgic_info(const char *what);
void kvm_arm64_vgic_v2_at(u64 base);
void kvm_arm64_vgic_debug_v2_at(u64 base);
void kvm_arm64_vgic_v4_support(bool v4_1, bool enabled);
void kvm_arm64_vgic_traps(u64 traps);
void kvm_arm64_vgic_no_mmio_interface(void);
void kvm_arm64_vgic_unaligned_gicv(u64 base);
void kvm_arm64_vgic_irq(unsigned int irq);
void kvm_arm64_vgic_bad_irq(unsigned int irq);
void kvm_arm64_vgic_bad_doorbell(unsigned int irq);
void kvm_arm64_vgic_strange(void);

/*
 * Where this CPU notes the PPIs of its GICv5 guest, for whoever switches to that: with nVHE in the
 * hypervisor's memory.
 */
unsigned long *kvm_arm64_vgic_v5_pending(void);
unsigned long *kvm_arm64_vgic_v5_active(void);

/*
 * The interrupts of a guest's guest while it runs: what is in the list registers of a CPU, and
 * which of the guest hypervisor's own they were taken from, a bit each.
 */
struct kvm_arm64_vgic_shadow {
	struct vgic_v3_cpu_if cpuif;
	u16 lr_map;
};

DECLARE_PER_CPU(struct kvm_arm64_vgic_shadow, kvm_arm64_vgic_shadow);
#endif

/* Instructions at EL2 that may take an exception, see _kvm_extable. */
struct kvm_exception_table_entry {
	int insn, fixup;
};

extern struct kvm_exception_table_entry __start___kvm_ex_table[];
extern struct kvm_exception_table_entry __stop___kvm_ex_table[];

/* The state of a VM's interrupts, by line, for debugfs. Found is the first line there is, or U64_MAX. */
u64 kvm_arm64_vgic_debug_find(struct kvm *kvm, u64 line);
void kvm_arm64_vgic_debug_show(struct seq_file *to, struct kvm *kvm, u64 line);
void kvm_arm64_vgic_debug_init(struct kvm *kvm);

/* The same of an ITS. */
u64 kvm_arm64_its_debug_find(const void *its, u64 line);
void kvm_arm64_its_debug_show(struct seq_file *to, const void *its, u64 line);
int kvm_arm64_its_debug_init(struct kvm *kvm, const void *its, u64 base);

/* Labels of entry.S. */
extern char __guest_exit_restore_elr_and_panic[];

#ifdef CONFIG_KVM_ARM64_RUST_NVHE
/*
 * Of the hypervisor object, in which all names are without its prefix: what Rust and C there have
 * for each other, and no header that the kernel includes has.
 */
extern char __kvm_hyp_host_vector[];

bool kvm_handle_pvm_hvc64(struct kvm_vcpu *vcpu, u64 *exit_code);
bool kvm_handle_pvm_sysreg(struct kvm_vcpu *vcpu, u64 *exit_code);
bool kvm_handle_pvm_restricted(struct kvm_vcpu *vcpu, u64 *exit_code);

void kvm_nvhe_prepare_backtrace(unsigned long fp, unsigned long pc);
void __noreturn __hyp_do_panic(struct kvm_cpu_context *host_ctxt, u64 spsr, u64 elr, u64 par);

void kvm_arm64_load_host_stage2(void);
void kvm_arm64_save_fpsimd(struct user_fpsimd_state *regs);
void kvm_arm64_save_sve(void *sve, struct user_fpsimd_state *regs);
void kvm_arm64_trace_exit_to_guest(struct kvm_cpu_context *host_ctxt);
void kvm_arm64_trace_enter_from_guest(struct kvm_cpu_context *host_ctxt);
#endif

#endif /* __KVM_ARM_RUST_H */
