// SPDX-License-Identifier: GPL-2.0
/*
 * What the timer needs and only C can define: a static key that hypervisor code shares, the
 * bodies behind the tracepoints' static branches, and messages.
 */
#include <linux/interrupt.h>
#include <linux/kvm_host.h>

#include <kvm/arm_arch_timer.h>
#include <kvm/arm_rust.h>

#include "../../trace.h"

DEFINE_STATIC_KEY_FALSE(broken_cntvoff_key);

/*
 * trace_arm.h declares the events and arm.c creates them; these are the calls that Rust makes
 * once it has seen an event's static key enabled.
 */
#ifdef CONFIG_TRACEPOINTS
notrace void rust_do_trace_kvm_timer_update_irq(unsigned long vcpu_id, __u32 irq, int level)
{
	__do_trace_kvm_timer_update_irq(vcpu_id, irq, level);
}

notrace void rust_do_trace_kvm_get_timer_map(unsigned long vcpu_id, struct timer_map *map)
{
	__do_trace_kvm_get_timer_map(vcpu_id, map);
}

notrace void rust_do_trace_kvm_timer_save_state(struct arch_timer_context *ctx)
{
	__do_trace_kvm_timer_save_state(ctx);
}

notrace void rust_do_trace_kvm_timer_restore_state(struct arch_timer_context *ctx)
{
	__do_trace_kvm_timer_restore_state(ctx);
}

notrace void rust_do_trace_kvm_timer_hrtimer_expire(struct arch_timer_context *ctx)
{
	__do_trace_kvm_timer_hrtimer_expire(ctx);
}

notrace void rust_do_trace_kvm_timer_emulate(struct arch_timer_context *ctx, bool should_fire)
{
	__do_trace_kvm_timer_emulate(ctx, should_fire);
}
#endif

/*
 * Called through a pointer. The enum is part of the type that CFI checks, and Rust has none of
 * that name.
 */
int kvm_arm64_timer_set_irqchip_state(struct irq_data *d, enum irqchip_irq_state which, bool val)
{
	return kvm_arm64_timer_set_state(d, which, val);
}

void kvm_arm64_timer_err(const char *what)
{
	kvm_err("kvm_arch_timer: %s\n", what);
}

void kvm_arm64_timer_bad_irq(const char *which, int irq)
{
	kvm_err("kvm_arch_timer: invalid %s timer IRQ: %d\n", which, irq);
}

void kvm_arm64_timer_bad_trigger(unsigned int irq)
{
	kvm_err("Invalid trigger for timer IRQ%d, assuming level low\n", irq);
}

void kvm_arm64_timer_bad_request(const char *which, unsigned int irq, int err)
{
	kvm_err("kvm_arch_timer: can't request %s interrupt %d (%d)\n", which, irq, err);
}

void kvm_arm64_timer_broken_cntvoff(void)
{
	kvm_info("Broken CNTVOFF_EL2, trapping virtual timer\n");
}

void kvm_arm64_timer_debug_irq(const char *which, unsigned int irq)
{
	kvm_debug("%s timer IRQ%d\n", which, irq);
}

void kvm_arm64_timer_debug_bad_ppis(void)
{
	kvm_debug("incorrectly configured timer irqs\n");
}
