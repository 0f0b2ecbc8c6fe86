// SPDX-License-Identifier: GPL-2.0

//! The layout of C's structures as bindgen sees it, against the C compiler's.
//!
//! A bindgen that pads a structure wrongly would make every access of this crate miss. The
//! constants are evaluated by clang, in `rust/bindings/kvm_arm64.h`.

use core::mem::{
    offset_of,
    size_of, //
};
use kernel::{
    bindings,
    prelude::static_assert, //
};

macro_rules! assert_layout {
    ($(struct $ty:ident: $size:ident { $($($field:ident).+ : $offset:ident),* $(,)? })*) => {$(
        static_assert!(size_of::<bindings::$ty>() == bindings::$size as usize);
        $(static_assert!(
            offset_of!(bindings::$ty, $($field).+) == bindings::$offset as usize
        );)*
    )*};
}

assert_layout! {
    struct kvm_vcpu: KVM_SIZEOF_VCPU {
        kvm: KVM_OFFSETOF_VCPU_KVM,
        vcpu_id: KVM_OFFSETOF_VCPU_ID,
        mutex: KVM_OFFSETOF_VCPU_MUTEX,
        run: KVM_OFFSETOF_VCPU_RUN,
        arch.timer_cpu: KVM_OFFSETOF_VCPU_TIMER_CPU,
        guest_debug: KVM_OFFSETOF_VCPU_GUEST_DEBUG,
    }
    struct kvm_vcpu_arch: KVM_SIZEOF_VCPU_ARCH {
        ctxt: KVM_OFFSETOF_VCPU_ARCH_CTXT,
        sve_state: KVM_OFFSETOF_VCPU_ARCH_SVE_STATE,
        sve_max_vl: KVM_OFFSETOF_VCPU_ARCH_SVE_MAX_VL,
        hw_mmu: KVM_OFFSETOF_VCPU_ARCH_HW_MMU,
        hcr_el2: KVM_OFFSETOF_VCPU_ARCH_HCR,
        hcrx_el2: KVM_OFFSETOF_VCPU_ARCH_HCRX,
        fgt: KVM_OFFSETOF_VCPU_ARCH_FGT,
        fault: KVM_OFFSETOF_VCPU_ARCH_FAULT,
        iflags: KVM_OFFSETOF_VCPU_ARCH_IFLAGS,
        sflags: KVM_OFFSETOF_VCPU_ARCH_SFLAGS,
        vcpu_debug_state: KVM_OFFSETOF_VCPU_ARCH_DEBUG_STATE,
        external_debug_state: KVM_OFFSETOF_VCPU_ARCH_EXTERNAL_DEBUG,
        external_mdscr_el1: KVM_OFFSETOF_VCPU_ARCH_EXTERNAL_MDSCR,
        debug_owner: KVM_OFFSETOF_VCPU_ARCH_DEBUG_OWNER,
        vsesr_el2: KVM_OFFSETOF_VCPU_ARCH_VSESR,
    }
    struct kvm_vcpu_fault_info: KVM_SIZEOF_VCPU_FAULT {
        far_el2: KVM_OFFSETOF_VCPU_FAULT_FAR,
        hpfar_el2: KVM_OFFSETOF_VCPU_FAULT_HPFAR,
    }
    struct kvm_cpu_context: KVM_SIZEOF_CPU_CONTEXT {
        regs: KVM_OFFSETOF_CPU_CONTEXT_REGS,
        spsr_abt: KVM_OFFSETOF_CPU_CONTEXT_SPSR_ABT,
        sys_regs: KVM_OFFSETOF_CPU_CONTEXT_SYS_REGS,
        __hyp_running_vcpu: KVM_OFFSETOF_CPU_CONTEXT_VCPU,
        vncr_array: KVM_OFFSETOF_CPU_CONTEXT_VNCR,
    }
    struct kvm_guest_debug_arch: KVM_SIZEOF_DEBUG_REGS {
        dbg_bcr: KVM_OFFSETOF_DEBUG_REGS_BCR,
        dbg_bvr: KVM_OFFSETOF_DEBUG_REGS_BVR,
        dbg_wcr: KVM_OFFSETOF_DEBUG_REGS_WCR,
        dbg_wvr: KVM_OFFSETOF_DEBUG_REGS_WVR,
    }
    struct kvm_host_data: KVM_SIZEOF_HOST_DATA {
        flags: KVM_OFFSETOF_HOST_DATA_FLAGS,
        host_ctxt: KVM_OFFSETOF_HOST_DATA_CTXT,
        fp_owner: KVM_OFFSETOF_HOST_DATA_FP_OWNER,
        host_debug_state: KVM_OFFSETOF_HOST_DATA_DEBUG_STATE,
        debug_brps: KVM_OFFSETOF_HOST_DATA_DEBUG_BRPS,
        debug_wrps: KVM_OFFSETOF_HOST_DATA_DEBUG_WRPS,
    }
    struct arch_timer_cpu: KVM_SIZEOF_TIMER_CPU {
        timers: KVM_OFFSETOF_TIMER_CPU_TIMERS,
        bg_timer: KVM_OFFSETOF_TIMER_CPU_BG_TIMER,
        enabled: KVM_OFFSETOF_TIMER_CPU_ENABLED,
    }
    struct arch_timer_context: KVM_SIZEOF_TIMER_CONTEXT {
        hrtimer: KVM_OFFSETOF_TIMER_CONTEXT_HRTIMER,
        ns_frac: KVM_OFFSETOF_TIMER_CONTEXT_NS_FRAC,
        offset: KVM_OFFSETOF_TIMER_CONTEXT_OFFSET,
        loaded: KVM_OFFSETOF_TIMER_CONTEXT_LOADED,
        timer_id: KVM_OFFSETOF_TIMER_CONTEXT_TIMER_ID,
        host_timer_irq: KVM_OFFSETOF_TIMER_CONTEXT_HOST_IRQ,
    }
    struct arch_timer_offset: KVM_SIZEOF_TIMER_OFFSET {
        vm_offset: KVM_OFFSETOF_TIMER_OFFSET_VM,
        vcpu_offset: KVM_OFFSETOF_TIMER_OFFSET_VCPU,
    }
    struct arch_timer_vm_data: KVM_SIZEOF_TIMER_VM_DATA {
        voffset: KVM_OFFSETOF_TIMER_VM_DATA_VOFFSET,
        poffset: KVM_OFFSETOF_TIMER_VM_DATA_POFFSET,
        ppi: KVM_OFFSETOF_TIMER_VM_DATA_PPI,
    }
    struct timer_map: KVM_SIZEOF_TIMER_MAP {
        direct_vtimer: KVM_OFFSETOF_TIMER_MAP_DIRECT_VTIMER,
        direct_ptimer: KVM_OFFSETOF_TIMER_MAP_DIRECT_PTIMER,
        emul_vtimer: KVM_OFFSETOF_TIMER_MAP_EMUL_VTIMER,
        emul_ptimer: KVM_OFFSETOF_TIMER_MAP_EMUL_PTIMER,
    }
    struct kvm: KVM_SIZEOF_KVM {
        lock: KVM_OFFSETOF_KVM_LOCK,
        arch.config_lock: KVM_OFFSETOF_KVM_CONFIG_LOCK,
        arch.flags: KVM_OFFSETOF_KVM_FLAGS,
        arch.timer_data: KVM_OFFSETOF_KVM_TIMER_DATA,
        arch.vcpu_features: KVM_OFFSETOF_KVM_VCPU_FEATURES,
        arch.id_regs: KVM_OFFSETOF_KVM_ID_REGS,
        arch.midr_el1: KVM_OFFSETOF_KVM_MIDR,
    }
    struct kvm_run: KVM_SIZEOF_RUN {
        s.regs.device_irq_level: KVM_OFFSETOF_RUN_DEVICE_IRQ_LEVEL,
    }
    struct irq_ops: KVM_SIZEOF_IRQ_OPS {
        get_flags: KVM_OFFSETOF_IRQ_OPS_GET_FLAGS,
        get_input_level: KVM_OFFSETOF_IRQ_OPS_GET_INPUT_LEVEL,
        queue_irq_unlock: KVM_OFFSETOF_IRQ_OPS_QUEUE_IRQ_UNLOCK,
        set_direct_injection: KVM_OFFSETOF_IRQ_OPS_SET_DIRECT_INJECTION,
    }
    struct vgic_global: KVM_SIZEOF_VGIC_GLOBAL {
        type_: KVM_OFFSETOF_VGIC_GLOBAL_TYPE,
        no_hw_deactivation: KVM_OFFSETOF_VGIC_GLOBAL_NO_HW_DEACTIVATION,
    }
    struct irq_chip: KVM_SIZEOF_IRQ_CHIP {
        irq_set_irqchip_state: KVM_OFFSETOF_IRQ_CHIP_SET_STATE,
    }
    struct irq_data: KVM_SIZEOF_IRQ_DATA {
        chip: KVM_OFFSETOF_IRQ_DATA_CHIP,
        domain: KVM_OFFSETOF_IRQ_DATA_DOMAIN,
        parent_data: KVM_OFFSETOF_IRQ_DATA_PARENT,
    }
    struct irq_domain_ops: KVM_SIZEOF_IRQ_DOMAIN_OPS {
        alloc: KVM_OFFSETOF_IRQ_DOMAIN_OPS_ALLOC,
    }
    struct cyclecounter: KVM_SIZEOF_CYCLECOUNTER {
        read: KVM_OFFSETOF_CYCLECOUNTER_READ,
        mult: KVM_OFFSETOF_CYCLECOUNTER_MULT,
        shift: KVM_OFFSETOF_CYCLECOUNTER_SHIFT,
    }
    struct arch_timer_kvm_info: KVM_SIZEOF_ARCH_TIMER_KVM_INFO {
        timecounter: KVM_OFFSETOF_ARCH_TIMER_KVM_INFO_TIMECOUNTER,
        virtual_irq: KVM_OFFSETOF_ARCH_TIMER_KVM_INFO_VIRTUAL_IRQ,
        physical_irq: KVM_OFFSETOF_ARCH_TIMER_KVM_INFO_PHYSICAL_IRQ,
    }
    struct kvm_arm_counter_offset: KVM_SIZEOF_COUNTER_OFFSET {
        counter_offset: KVM_OFFSETOF_COUNTER_OFFSET_OFFSET,
        reserved: KVM_OFFSETOF_COUNTER_OFFSET_RESERVED,
    }
    struct hrtimer: KVM_SIZEOF_HRTIMER {}
    struct task_struct: KVM_SIZEOF_TASK {
        pid: KVM_OFFSETOF_TASK_PID,
    }
    struct kvm_device_attr: KVM_SIZEOF_DEVICE_ATTR {
        attr: KVM_OFFSETOF_DEVICE_ATTR_ATTR,
        addr: KVM_OFFSETOF_DEVICE_ATTR_ADDR,
    }
}
