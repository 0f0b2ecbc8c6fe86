// SPDX-License-Identifier: GPL-2.0-only
/*
 * What only C can define for the world switch at EL2: its per-CPU variables, the masks that the
 * host fills in, and C's inline functions as functions.
 */
#include <linux/io.h>
#include <linux/kvm_host.h>
#include <linux/percpu.h>

#include <asm/arch_timer.h>
#include <asm/fpsimd.h>
#include <asm/kvm_asm.h>
#include <asm/kvm_hyp.h>
#include <asm/kvm_hypevents.h>
#include <asm/kvm_mmu.h>

#include <nvhe/mem_protect.h>

#include "../../../vgic/vgic.h"

DEFINE_PER_CPU(struct kvm_host_data, kvm_host_data);
DEFINE_PER_CPU(struct kvm_cpu_context, kvm_hyp_ctxt);
DEFINE_PER_CPU(unsigned long, kvm_hyp_vector);

struct fgt_masks hfgrtr_masks;
struct fgt_masks hfgwtr_masks;
struct fgt_masks hfgitr_masks;
struct fgt_masks hdfgrtr_masks;
struct fgt_masks hdfgwtr_masks;
struct fgt_masks hafgrtr_masks;
struct fgt_masks hfgrtr2_masks;
struct fgt_masks hfgwtr2_masks;
struct fgt_masks hfgitr2_masks;
struct fgt_masks hdfgrtr2_masks;
struct fgt_masks hdfgwtr2_masks;
struct fgt_masks ich_hfgrtr_masks;
struct fgt_masks ich_hfgwtr_masks;
struct fgt_masks ich_hfgitr_masks;

#define __kvm_rust_hyp_helper
#include "../../../../../../rust/helpers/kvm_arm64_hyp.h"

u32 rust_helper_readl_relaxed(const void __iomem *addr)
{
	return readl_relaxed(addr);
}

void rust_helper_writel_relaxed(u32 value, void __iomem *addr)
{
	writel_relaxed(value, addr);
}

void kvm_arm64_load_host_stage2(void)
{
	__load_host_stage2();
}

void kvm_arm64_save_fpsimd(struct user_fpsimd_state *regs)
{
	fpsimd_save_state(regs);
}

void kvm_arm64_save_sve(void *sve, struct user_fpsimd_state *regs)
{
	sve_save_state(sve, true);
	fpsimd_save_common(regs);
}

void kvm_arm64_trace_exit_to_guest(struct kvm_cpu_context *host_ctxt)
{
	trace_hyp_exit(host_ctxt, HYP_REASON_ERET_GUEST);
}

void kvm_arm64_trace_enter_from_guest(struct kvm_cpu_context *host_ctxt)
{
	trace_hyp_enter(host_ctxt, HYP_REASON_GUEST_EXIT);
}
