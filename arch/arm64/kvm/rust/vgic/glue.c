// SPDX-License-Identifier: GPL-2.0
/*
 * What the virtual GIC needs and only C can define: variables and static keys that hypervisor code
 * and entry code share, boot parameters, callbacks that patch instructions, the tracepoint, and
 * messages.
 */
#include <linux/debugfs.h>
#include <linux/cpufeature.h>
#include <linux/irqchip/arm-vgic-info.h>
#include <linux/kernel.h>
#include <linux/kstrtox.h>
#include <linux/kvm_host.h>
#include <linux/seq_file.h>
#include <linux/panic.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string_choices.h>

#include <asm/insn.h>
#include <asm/kvm_asm.h>
#include <asm/virt.h>

#include <kvm/arm_rust.h>
#include <kvm/arm_vgic.h>

#include "../../vgic/vgic.h"

#define CREATE_TRACE_POINTS
#include "../../vgic/trace.h"

struct vgic_global kvm_vgic_global_state __ro_after_init = {
	.gicv3_cpuif = STATIC_KEY_FALSE_INIT,
};

DEFINE_STATIC_KEY_FALSE(vgic_v2_cpuif_trap);
DEFINE_STATIC_KEY_FALSE(vgic_v3_cpuif_trap);
DEFINE_STATIC_KEY_FALSE(vgic_v3_has_v2_compat);

DEFINE_PER_CPU(struct kvm_arm64_vgic_shadow, kvm_arm64_vgic_shadow);

unsigned long *kvm_arm64_vgic_v5_pending(void)
{
	return host_data_ptr(vgic_v5_ppi_state)->pendr;
}

unsigned long *kvm_arm64_vgic_v5_active(void)
{
	return host_data_ptr(vgic_v5_ppi_state)->activer_exit;
}

/* Boot parameters, read before anything here is patched. */

static bool trap_group0;
static bool trap_group1;
static bool trap_common;
static bool want_v4;

#define BOOT_SWITCH(name, variable)				\
	static int __init set_##variable(char *value)		\
	{							\
		return kstrtobool(value, &variable);		\
	}							\
	early_param("kvm-arm." name, set_##variable)

BOOT_SWITCH("vgic_v3_group0_trap", trap_group0);
BOOT_SWITCH("vgic_v3_group1_trap", trap_group1);
BOOT_SWITCH("vgic_v3_common_trap", trap_common);
BOOT_SWITCH("vgic_v4_enable", want_v4);

bool kvm_arm64_vgic_wants_v4(void)
{
	return want_v4;
}

/*
 * Constants that are made part of the code at boot. While that is patched no probe and no tracer
 * may come in between, so there are no calls but to what is noinstr or inlined.
 */

/* A move of half a word into the register that the instruction at @old has as its first operand. */
static __always_inline __le32 move_immediate(__le32 old, u16 value, int shift,
					     enum aarch64_insn_movewide_type type)
{
	u32 rd = aarch64_insn_decode_register(AARCH64_INSN_REGTYPE_RD, le32_to_cpu(old));

	return cpu_to_le32(aarch64_insn_gen_movewide(rd, value, shift,
						     AARCH64_INSN_VARIANT_64BIT, type));
}

/* For vgic_ich_hcr_trap_bits(): what of ICH_HCR_EL2 all guests have set. */
void noinstr kvm_compute_ich_hcr_trap_bits(struct alt_instr *alt, __le32 *origptr,
					   __le32 *updptr, int nr_inst)
{
	bool has_tdir = cpus_have_cap(ARM64_HAS_ICH_HCR_EL2_TDIR);
	/* SErrors that the interface raises by itself would go to the host. CPUs with that have TDIR. */
	bool seis = cpus_have_cap(ARM64_WORKAROUND_GICv3_BROKEN_SEIS);
	bool groups = seis || cpus_have_cap(ARM64_WORKAROUND_CAVIUM_30115);
	u64 traps = 0;

	if (groups || trap_group0)
		traps |= ICH_HCR_EL2_TALL0;
	if (groups || trap_group1)
		traps |= ICH_HCR_EL2_TALL1;
	/* Deactivations have to trap, if need be with everything that is common to both groups. */
	if (!has_tdir || trap_common)
		traps |= ICH_HCR_EL2_TC;
	if (seis)
		traps |= ICH_HCR_EL2_TDIR;

	*updptr = move_immediate(*origptr, traps, 0, AARCH64_INSN_MOVEWIDE_ZERO);
}

/* For vgic_ich_vtr(): ICH_VTR_EL2. Left at zero where there is no such register, or no way to it. */
void noinstr kvm_patch_ich_vtr_el2(struct alt_instr *alt, __le32 *origptr, __le32 *updptr,
				   int nr_inst)
{
	bool seis = cpus_have_cap(ARM64_WORKAROUND_GICv3_BROKEN_SEIS);
	u32 vtr;

	if (!is_hyp_mode_available())
		return;
	if (!seis && !cpus_have_cap(ARM64_HAS_GICV3_CPUIF) &&
	    !cpus_have_cap(ARM64_HAS_GICV5_LEGACY))
		return;

	if (is_kernel_in_hyp_mode()) {
		vtr = read_sysreg_s(SYS_ICH_VTR_EL2);
	} else {
		struct arm_smccc_res res = {};

		/* What answers at EL2 this early is still the stub. */
		arm_smccc_1_1_hvc(HVC_GET_ICH_VTR_EL2, &res);
		if (res.a0 == HVC_STUB_ERR)
			return;
		vtr = res.a1;
	}
	if (seis)
		vtr &= ~ICH_VTR_EL2_SEIS;

	updptr[0] = move_immediate(*origptr, vtr, 0, AARCH64_INSN_MOVEWIDE_ZERO);
	updptr[1] = move_immediate(*origptr, vtr >> 16, 16, AARCH64_INSN_MOVEWIDE_KEEP);
}

/* The host's GIC, from its driver: long before KVM initialises, if at all. */

static struct gic_kvm_info *found_gic;

void __init vgic_set_kvm_info(const struct gic_kvm_info *info)
{
	if (WARN_ON(found_gic))
		return;
	found_gic = kmemdup(info, sizeof(*info), GFP_KERNEL);
}

bool kvm_arm64_vgic_take_info(struct gic_kvm_info *info)
{
	if (!found_gic)
		return false;

	*info = *found_gic;
	kfree(found_gic);
	found_gic = NULL;
	return true;
}

/* The call that Rust makes once it has seen the event's static key enabled. */
#ifdef CONFIG_TRACEPOINTS
notrace void rust_do_trace_vgic_update_irq_pending(unsigned long vcpu_id, __u32 irq, bool level)
{
	__do_trace_vgic_update_irq_pending(vcpu_id, irq, level);
}
#endif

/* Messages */

void kvm_arm64_vgic_err(const char *what)
{
	kvm_err("%s\n", what);
}

void kvm_arm64_vgic_info(const char *what)
{
	kvm_info("%s\n", what);
}

void kvm_arm64_vgic_v2_at(u64 base)
{
	kvm_info("vgic-v2@%llx\n", base);
}

void kvm_arm64_vgic_debug_v2_at(u64 base)
{
	kvm_debug("vgic-v2@%llx\n", base);
}

void kvm_arm64_vgic_v4_support(bool v4_1, bool enabled)
{
	kvm_info("GICv4%s support %s\n", v4_1 ? ".1" : "", str_enabled_disabled(enabled));
}

void kvm_arm64_vgic_traps(u64 traps)
{
	kvm_info("GICv3 sysreg trapping enabled ([%s%s%s%s], reduced performance)\n",
		 traps & ICH_HCR_EL2_TALL0 ? "G0" : "", traps & ICH_HCR_EL2_TALL1 ? "G1" : "",
		 traps & ICH_HCR_EL2_TC ? "C" : "", traps & ICH_HCR_EL2_TDIR ? "D" : "");
}

void kvm_arm64_vgic_no_mmio_interface(void)
{
	pr_warn(FW_BUG "CPU interface incapable of MMIO access\n");
}

void kvm_arm64_vgic_unaligned_gicv(u64 base)
{
	pr_warn("GICV physical address 0x%llx not page aligned\n", base);
}

void kvm_arm64_vgic_irq(unsigned int irq)
{
	kvm_info("vgic interrupt IRQ%d\n", irq);
}

void kvm_arm64_vgic_bad_irq(unsigned int irq)
{
	kvm_err("Cannot register interrupt %d\n", irq);
}

void kvm_arm64_vgic_bad_doorbell(unsigned int irq)
{
	kvm_err("failed to allocate vcpu IRQ%d\n", irq);
}

/* Nobody can say what a GIC will do that is none. */
void kvm_arm64_vgic_strange(void)
{
	kvm_info("Non-architectural vgic, tainting kernel\n");
	add_taint(TAINT_CPU_OUT_OF_SPEC, LOCKDEP_STILL_OK);
}

/* vgic-state in debugfs: a line is an interrupt, or the distributor. Not every number is one. */

static void *debug_line(struct seq_file *s, loff_t *line)
{
	u64 found = kvm_arm64_vgic_debug_find(s->private, *line);

	if (found == U64_MAX)
		return NULL;
	*line = found;
	return line;
}

static void *debug_next(struct seq_file *s, void *v, loff_t *line)
{
	++*line;
	return debug_line(s, line);
}

static void debug_stop(struct seq_file *s, void *v)
{
}

static int debug_show(struct seq_file *s, void *v)
{
	kvm_arm64_vgic_debug_show(s, s->private, *(loff_t *)v);
	return 0;
}

static const struct seq_operations vgic_debug_sops = {
	.start	= debug_line,
	.next	= debug_next,
	.stop	= debug_stop,
	.show	= debug_show,
};

DEFINE_SEQ_ATTRIBUTE(vgic_debug);

void kvm_arm64_vgic_debug_init(struct kvm *kvm)
{
	debugfs_create_file("vgic-state", 0444, kvm->debugfs_dentry, kvm, &vgic_debug_fops);
}

/* The same of an ITS: a line is an event that is mapped. */

static void *its_debug_line(struct seq_file *s, loff_t *line)
{
	u64 found = kvm_arm64_its_debug_find(s->private, *line);

	/* A position is not negative: there are no such devices. */
	if (found > S64_MAX)
		return NULL;
	*line = found;
	return line;
}

static void *its_debug_next(struct seq_file *s, void *v, loff_t *line)
{
	++*line;
	return its_debug_line(s, line);
}

static int its_debug_show(struct seq_file *s, void *v)
{
	kvm_arm64_its_debug_show(s, s->private, *(loff_t *)v);
	return 0;
}

static const struct seq_operations its_debug_sops = {
	.start	= its_debug_line,
	.next	= its_debug_next,
	.stop	= debug_stop,
	.show	= its_debug_show,
};

DEFINE_SEQ_ATTRIBUTE(its_debug);

int kvm_arm64_its_debug_init(struct kvm *kvm, const void *its, u64 base)
{
	char *name = kasprintf(GFP_KERNEL, "vgic-its-state@%llx", base);

	if (!name)
		return -ENOMEM;
	debugfs_create_file(name, 0444, kvm->debugfs_dentry, (void *)its, &its_debug_fops);
	kfree(name);
	return 0;
}
