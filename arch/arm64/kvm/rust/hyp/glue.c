// SPDX-License-Identifier: GPL-2.0-only
/*
 * What only C can define for the world switch: its per-CPU variables.
 */
#include <linux/kvm_host.h>
#include <linux/percpu.h>

#include <asm/kvm_hyp.h>

DEFINE_PER_CPU(struct kvm_host_data, kvm_host_data);
DEFINE_PER_CPU(struct kvm_cpu_context, kvm_hyp_ctxt);
DEFINE_PER_CPU(unsigned long, kvm_hyp_vector);
