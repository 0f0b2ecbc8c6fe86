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
#include <kvm/arm_vgic.h>

#include <asm/cpucaps.h>
#include <asm/kvm_host.h>
#include <asm/kvm_timer_offset.h>
#include <asm/sysreg.h>

#include "../../arch/arm64/kvm/trace_arm.h"
#include "../../arch/arm64/kvm/rust/kvm_arm64.h"

/* Macros that bindgen cannot evaluate. */
const u32 RUST_CONST_HELPER_VGIC_IRQ_SW_RESAMPLE = VGIC_IRQ_SW_RESAMPLE;
const u32 RUST_CONST_HELPER_SYS_ID_AA64MMFR0_EL1 = SYS_ID_AA64MMFR0_EL1;
const u32 RUST_CONST_HELPER_SYS_ID_AA64MMFR1_EL1 = SYS_ID_AA64MMFR1_EL1;
const u32 RUST_CONST_HELPER_SYS_ID_AA64MMFR4_EL1 = SYS_ID_AA64MMFR4_EL1;

/* Layouts that arch/arm64/kvm/rust/host/layout.rs compares with bindgen's. */
#define KVM_RUST_SIZEOF(name, type)						\
	const size_t RUST_CONST_HELPER_##name = sizeof(struct type)
#define KVM_RUST_OFFSETOF(name, type, field)					\
	const size_t RUST_CONST_HELPER_##name = offsetof(struct type, field)

KVM_RUST_SIZEOF(KVM_SIZEOF_VCPU, kvm_vcpu);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_VCPU_KVM, kvm_vcpu, kvm);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_VCPU_ID, kvm_vcpu, vcpu_id);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_VCPU_MUTEX, kvm_vcpu, mutex);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_VCPU_RUN, kvm_vcpu, run);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_VCPU_TIMER_CPU, kvm_vcpu, arch.timer_cpu);
KVM_RUST_SIZEOF(KVM_SIZEOF_TIMER_CPU, arch_timer_cpu);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_CPU_TIMERS, arch_timer_cpu, timers);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_CPU_BG_TIMER, arch_timer_cpu, bg_timer);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_CPU_ENABLED, arch_timer_cpu, enabled);
KVM_RUST_SIZEOF(KVM_SIZEOF_TIMER_CONTEXT, arch_timer_context);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_CONTEXT_HRTIMER, arch_timer_context, hrtimer);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_CONTEXT_NS_FRAC, arch_timer_context, ns_frac);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_CONTEXT_OFFSET, arch_timer_context, offset);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_CONTEXT_LOADED, arch_timer_context, loaded);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_CONTEXT_TIMER_ID, arch_timer_context, timer_id);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_CONTEXT_HOST_IRQ, arch_timer_context, host_timer_irq);
KVM_RUST_SIZEOF(KVM_SIZEOF_TIMER_OFFSET, arch_timer_offset);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_OFFSET_VM, arch_timer_offset, vm_offset);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_OFFSET_VCPU, arch_timer_offset, vcpu_offset);
KVM_RUST_SIZEOF(KVM_SIZEOF_TIMER_VM_DATA, arch_timer_vm_data);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_VM_DATA_VOFFSET, arch_timer_vm_data, voffset);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_VM_DATA_POFFSET, arch_timer_vm_data, poffset);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_VM_DATA_PPI, arch_timer_vm_data, ppi);
KVM_RUST_SIZEOF(KVM_SIZEOF_TIMER_MAP, timer_map);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_MAP_DIRECT_VTIMER, timer_map, direct_vtimer);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_MAP_DIRECT_PTIMER, timer_map, direct_ptimer);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_MAP_EMUL_VTIMER, timer_map, emul_vtimer);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TIMER_MAP_EMUL_PTIMER, timer_map, emul_ptimer);
KVM_RUST_SIZEOF(KVM_SIZEOF_KVM, kvm);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_KVM_LOCK, kvm, lock);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_KVM_CONFIG_LOCK, kvm, arch.config_lock);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_KVM_FLAGS, kvm, arch.flags);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_KVM_TIMER_DATA, kvm, arch.timer_data);
KVM_RUST_SIZEOF(KVM_SIZEOF_RUN, kvm_run);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_RUN_DEVICE_IRQ_LEVEL, kvm_run, s.regs.device_irq_level);
KVM_RUST_SIZEOF(KVM_SIZEOF_IRQ_OPS, irq_ops);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_IRQ_OPS_GET_FLAGS, irq_ops, get_flags);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_IRQ_OPS_GET_INPUT_LEVEL, irq_ops, get_input_level);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_IRQ_OPS_QUEUE_IRQ_UNLOCK, irq_ops, queue_irq_unlock);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_IRQ_OPS_SET_DIRECT_INJECTION, irq_ops, set_direct_injection);
KVM_RUST_SIZEOF(KVM_SIZEOF_VGIC_GLOBAL, vgic_global);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_VGIC_GLOBAL_TYPE, vgic_global, type);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_VGIC_GLOBAL_NO_HW_DEACTIVATION, vgic_global, no_hw_deactivation);
KVM_RUST_SIZEOF(KVM_SIZEOF_IRQ_CHIP, irq_chip);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_IRQ_CHIP_SET_STATE, irq_chip, irq_set_irqchip_state);
KVM_RUST_SIZEOF(KVM_SIZEOF_IRQ_DATA, irq_data);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_IRQ_DATA_CHIP, irq_data, chip);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_IRQ_DATA_DOMAIN, irq_data, domain);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_IRQ_DATA_PARENT, irq_data, parent_data);
KVM_RUST_SIZEOF(KVM_SIZEOF_IRQ_DOMAIN_OPS, irq_domain_ops);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_IRQ_DOMAIN_OPS_ALLOC, irq_domain_ops, alloc);
KVM_RUST_SIZEOF(KVM_SIZEOF_CYCLECOUNTER, cyclecounter);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_CYCLECOUNTER_READ, cyclecounter, read);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_CYCLECOUNTER_MULT, cyclecounter, mult);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_CYCLECOUNTER_SHIFT, cyclecounter, shift);
KVM_RUST_SIZEOF(KVM_SIZEOF_ARCH_TIMER_KVM_INFO, arch_timer_kvm_info);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_ARCH_TIMER_KVM_INFO_TIMECOUNTER, arch_timer_kvm_info, timecounter);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_ARCH_TIMER_KVM_INFO_VIRTUAL_IRQ, arch_timer_kvm_info, virtual_irq);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_ARCH_TIMER_KVM_INFO_PHYSICAL_IRQ, arch_timer_kvm_info, physical_irq);
KVM_RUST_SIZEOF(KVM_SIZEOF_COUNTER_OFFSET, kvm_arm_counter_offset);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_COUNTER_OFFSET_OFFSET, kvm_arm_counter_offset, counter_offset);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_COUNTER_OFFSET_RESERVED, kvm_arm_counter_offset, reserved);
KVM_RUST_SIZEOF(KVM_SIZEOF_HRTIMER, hrtimer);
KVM_RUST_SIZEOF(KVM_SIZEOF_TASK, task_struct);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_TASK_PID, task_struct, pid);
KVM_RUST_SIZEOF(KVM_SIZEOF_DEVICE_ATTR, kvm_device_attr);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_DEVICE_ATTR_ATTR, kvm_device_attr, attr);
KVM_RUST_OFFSETOF(KVM_OFFSETOF_DEVICE_ATTR_ADDR, kvm_device_attr, addr);

#undef KVM_RUST_SIZEOF
#undef KVM_RUST_OFFSETOF
#endif
