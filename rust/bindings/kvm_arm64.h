/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What KVM/arm64 in Rust needs from C. Included by bindings_helper.h.
 */
#if IS_ENABLED(CONFIG_KVM_ARM64_RUST)
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdomain.h>
#include <linux/kvm_host.h>

#include <clocksource/arm_arch_timer.h>
#include <kvm/arm_arch_timer.h>
#include <kvm/arm_rust.h>
#include <kvm/arm_vgic.h>

#include <asm/cpucaps.h>
#include <asm/kvm_arm.h>
#include <asm/kvm_asm.h>
#include <asm/kvm_host.h>
#include <asm/kvm_hyp.h>
#include <asm/kvm_mmu.h>
#include <asm/kvm_nested.h>
#include <asm/kvm_timer_offset.h>
#include <asm/sysreg.h>
#include <asm/vectors.h>

#include "../../arch/arm64/kvm/trace_arm.h"
#ifdef CONFIG_KVM_ARM64_RUST_VGIC
#include <linux/irqchip/arm-gic-v3.h>
#include <linux/irqchip/arm-vgic-info.h>
#include <kvm/iodev.h>
#include <trace/events/kvm.h>
#include "../../arch/arm64/kvm/vgic/vgic.h"
#include "../../arch/arm64/kvm/vgic/vgic-mmio.h"
#include "../../arch/arm64/kvm/vgic/trace.h"
#endif

/* Macros that bindgen cannot evaluate. */
const u32 RUST_CONST_HELPER_VGIC_IRQ_SW_RESAMPLE = VGIC_IRQ_SW_RESAMPLE;
const u32 RUST_CONST_HELPER_SYS_ID_AA64MMFR0_EL1 = SYS_ID_AA64MMFR0_EL1;
const u32 RUST_CONST_HELPER_SYS_ID_AA64MMFR1_EL1 = SYS_ID_AA64MMFR1_EL1;
const u32 RUST_CONST_HELPER_SYS_ID_AA64MMFR4_EL1 = SYS_ID_AA64MMFR4_EL1;
const u8 RUST_CONST_HELPER_KVM_VCPU_PENDING_EXCEPTION = unpack_vcpu_flag(PENDING_EXCEPTION);
const u8 RUST_CONST_HELPER_KVM_VCPU_INCREMENT_PC = unpack_vcpu_flag(INCREMENT_PC);
const u32 RUST_CONST_HELPER_KVM_ID_REG_AA64PFR0 = IDREG_IDX(SYS_ID_AA64PFR0_EL1);
const u32 RUST_CONST_HELPER_KVM_ID_REG_AA64MMFR3 = IDREG_IDX(SYS_ID_AA64MMFR3_EL1);
const u32 RUST_CONST_HELPER_KVM_ID_REG_AA64MMFR4 = IDREG_IDX(SYS_ID_AA64MMFR4_EL1);
const u64 RUST_CONST_HELPER_KVM_NV_FRAC_NV3 = ID_AA64MMFR4_EL1_NV_frac_NV3;
const u64 RUST_CONST_HELPER_KVM_CNTKCTL_VALID_BITS = CNTKCTL_VALID_BITS;
const u16 RUST_CONST_HELPER_KVM_VCPU_SYSREGS_ON_CPU = unpack_vcpu_flag(SYSREGS_ON_CPU);
const u16 RUST_CONST_HELPER_KVM_VCPU_PMUSERENR_ON_CPU = unpack_vcpu_flag(PMUSERENR_ON_CPU);
const u8 RUST_CONST_HELPER_KVM_VCPU_INITIALIZED = unpack_vcpu_flag(VCPU_INITIALIZED);
const u8 RUST_CONST_HELPER_KVM_PMR_IN_GUEST = GIC_PRIO_IRQON | GIC_PRIO_PSR_I_SET;
const u8 RUST_CONST_HELPER_KVM_PMR_AT_EL2 = GIC_PRIO_IRQOFF;

/*
 * Layouts that arch/arm64/kvm/rust/kvm/layout.rs compares with bindgen's: the size, and where the
 * last field is that Rust uses. What is wrong before it moves it.
 */
#define KVM_RUST_LAYOUT(name, type, field)					\
	const size_t RUST_CONST_HELPER_KVM_SIZEOF_##name = sizeof(struct type);	\
	const size_t RUST_CONST_HELPER_KVM_OFFSETOF_##name = offsetof(struct type, field)

KVM_RUST_LAYOUT(VCPU, kvm_vcpu, arch);
KVM_RUST_LAYOUT(VCPU_ARCH, kvm_vcpu_arch, vsesr_el2);
KVM_RUST_LAYOUT(VCPU_FAULT, kvm_vcpu_fault_info, hpfar_el2);
KVM_RUST_LAYOUT(CPU_CONTEXT, kvm_cpu_context, vncr_array);
KVM_RUST_LAYOUT(USER_REGS, user_pt_regs, pstate);
KVM_RUST_LAYOUT(DEBUG_REGS, kvm_guest_debug_arch, dbg_wvr);
KVM_RUST_LAYOUT(HOST_DATA, kvm_host_data, vgic_v5_ppi_state);
KVM_RUST_LAYOUT(VGIC_CPU, vgic_cpu, num_id_bits);
KVM_RUST_LAYOUT(VGIC_V3, vgic_v3_cpu_if, used_lrs);
KVM_RUST_LAYOUT(VGIC_V2, vgic_v2_cpu_if, used_lrs);
#ifdef CONFIG_KVM_ARM64_RUST_VGIC
KVM_RUST_LAYOUT(VGIC_IRQ, vgic_irq, owner);
KVM_RUST_LAYOUT(VGIC_SHADOW, kvm_arm64_vgic_shadow, lr_map);
KVM_RUST_LAYOUT(GIC_INFO, gic_kvm_info, no_hw_deactivation);
KVM_RUST_LAYOUT(ITS_VM, its_vm, nr_vpes);
KVM_RUST_LAYOUT(ITS_VPE, its_vpe, pending_last);
KVM_RUST_LAYOUT(VLPI_MAP, its_vlpi_map, db_enabled);
#endif
KVM_RUST_LAYOUT(VGIC_V5, vgic_v5_cpu_if, vgic_icsr);
KVM_RUST_LAYOUT(VGIC_DIST, vgic_dist, gicv5_vm);
KVM_RUST_LAYOUT(VGIC_IO_DEVICE, vgic_io_device, dev);
KVM_RUST_LAYOUT(VGIC_GLOBAL, vgic_global, vgic_v5_ppi_caps);
KVM_RUST_LAYOUT(TIMER_CPU, arch_timer_cpu, enabled);
KVM_RUST_LAYOUT(TIMER_CONTEXT, arch_timer_context, host_timer_irq);
KVM_RUST_LAYOUT(TIMER_OFFSET, arch_timer_offset, vcpu_offset);
KVM_RUST_LAYOUT(TIMER_VM_DATA, arch_timer_vm_data, ppi);
KVM_RUST_LAYOUT(TIMER_MAP, timer_map, emul_ptimer);
KVM_RUST_LAYOUT(KVM, kvm, arch);
KVM_RUST_LAYOUT(KVM_ARCH, kvm_arch, vncr_tlb_count);
KVM_RUST_LAYOUT(RUN, kvm_run, s.regs.device_irq_level);
KVM_RUST_LAYOUT(IRQ_OPS, irq_ops, set_direct_injection);
KVM_RUST_LAYOUT(IRQ_CHIP, irq_chip, irq_set_vcpu_affinity);
KVM_RUST_LAYOUT(IRQ_DATA, irq_data, parent_data);
KVM_RUST_LAYOUT(IRQ_DOMAIN_OPS, irq_domain_ops, free);
KVM_RUST_LAYOUT(CYCLECOUNTER, cyclecounter, shift);
KVM_RUST_LAYOUT(TIMECOUNTER, timecounter, cc);
KVM_RUST_LAYOUT(TIMER_KVM_INFO, arch_timer_kvm_info, physical_irq);
KVM_RUST_LAYOUT(COUNTER_OFFSET, kvm_arm_counter_offset, reserved);
KVM_RUST_LAYOUT(HRTIMER, hrtimer, function);
KVM_RUST_LAYOUT(DEVICE_ATTR, kvm_device_attr, addr);
KVM_RUST_LAYOUT(DEVICE, kvm_device, kvm);
KVM_RUST_LAYOUT(DEVICE_OPS, kvm_device_ops, mmap);
KVM_RUST_LAYOUT(DEVICE_ADDR, kvm_arm_device_addr, addr);
KVM_RUST_LAYOUT(S2_MMU, kvm_s2_mmu, vtcr);
KVM_RUST_LAYOUT(KERNEL_ROUTE, kvm_kernel_irq_routing_entry, msi.devid);
KVM_RUST_LAYOUT(USER_ROUTE, kvm_irq_routing_entry, u.msi.devid);

#undef KVM_RUST_LAYOUT
#endif
