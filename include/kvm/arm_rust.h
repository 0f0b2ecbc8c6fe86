/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The border between C and Rust where no existing header draws it: what either side has for the
 * other alone.
 */
#ifndef __KVM_ARM_RUST_H
#define __KVM_ARM_RUST_H

#include <linux/interrupt.h>
#include <linux/kvm_host.h>

#include <kvm/arm_arch_timer.h>

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

/* Instructions at EL2 that may take an exception, see _kvm_extable. */
struct kvm_exception_table_entry {
	int insn, fixup;
};

extern struct kvm_exception_table_entry __start___kvm_ex_table[];
extern struct kvm_exception_table_entry __stop___kvm_ex_table[];

/* Labels of entry.S. */
extern char __guest_exit_restore_elr_and_panic[];

#endif /* __KVM_ARM_RUST_H */
