// SPDX-License-Identifier: GPL-2.0

//! The layout of C's structures as bindgen sees it, against the C compiler's.
//!
//! A bindgen that pads a structure wrongly would make every access of this crate miss. The
//! constants are evaluated by clang, in `rust/bindings/kvm_arm64.h`. All structures are here that
//! this crate looks into, each with the last field that it uses: a fault before it moves it.
#![forbid(unsafe_code)]

use super::*;
use kernel::{
    macros::paste,
    prelude::static_assert, //
};

macro_rules! assert_layout {
    ($($ty:ident as $name:ident: $($field:ident).+;)*) => {$(paste! {
        static_assert!(size_of::<bindings::$ty>() == bindings::[<KVM_SIZEOF_ $name>] as usize);
        static_assert!(
            offset_of!(bindings::$ty, $($field).+)
                == bindings::[<KVM_OFFSETOF_ $name>] as usize
        );
    })*};
}

assert_layout! {
    kvm_vcpu as VCPU: arch;
    kvm_vcpu_arch as VCPU_ARCH: vsesr_el2;
    kvm_vcpu_fault_info as VCPU_FAULT: hpfar_el2;
    kvm_cpu_context as CPU_CONTEXT: vncr_array;
    user_pt_regs as USER_REGS: pstate;
    kvm_guest_debug_arch as DEBUG_REGS: dbg_wvr;
    kvm_host_data as HOST_DATA: vgic_v5_ppi_state;
    vgic_cpu as VGIC_CPU: num_id_bits;
    vgic_v2_cpu_if as VGIC_V2: used_lrs;
    vgic_v3_cpu_if as VGIC_V3: used_lrs;
    vgic_v5_cpu_if as VGIC_V5: vgic_icsr;
    vgic_dist as VGIC_DIST: gicv5_vm;
    vgic_io_device as VGIC_IO_DEVICE: dev;
    vgic_global as VGIC_GLOBAL: vgic_v5_ppi_caps;
    arch_timer_cpu as TIMER_CPU: enabled;
    arch_timer_context as TIMER_CONTEXT: host_timer_irq;
    arch_timer_offset as TIMER_OFFSET: vcpu_offset;
    arch_timer_vm_data as TIMER_VM_DATA: ppi;
    timer_map as TIMER_MAP: emul_ptimer;
    kvm as KVM: arch;
    kvm_arch as KVM_ARCH: vncr_tlb_count;
    kvm_run as RUN: s.regs.device_irq_level;
    irq_ops as IRQ_OPS: set_direct_injection;
    irq_chip as IRQ_CHIP: irq_set_vcpu_affinity;
    irq_data as IRQ_DATA: parent_data;
    irq_domain_ops as IRQ_DOMAIN_OPS: free;
    cyclecounter as CYCLECOUNTER: shift;
    timecounter as TIMECOUNTER: cc;
    arch_timer_kvm_info as TIMER_KVM_INFO: physical_irq;
    kvm_arm_counter_offset as COUNTER_OFFSET: reserved;
    hrtimer as HRTIMER: function;
    kvm_device_attr as DEVICE_ATTR: addr;
    kvm_device as DEVICE: kvm;
    kvm_device_ops as DEVICE_OPS: mmap;
    kvm_arm_device_addr as DEVICE_ADDR: addr;
    kvm_s2_mmu as S2_MMU: vtcr;
    kvm_kernel_irq_routing_entry as KERNEL_ROUTE: __bindgen_anon_1.msi.devid;
    kvm_irq_routing_entry as USER_ROUTE: u.msi.__bindgen_anon_1.devid;
}

#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
assert_layout! {
    vgic_irq as VGIC_IRQ: owner;
    kvm_arm64_vgic_shadow as VGIC_SHADOW: lr_map;
    gic_kvm_info as GIC_INFO: no_hw_deactivation;
    its_vm as ITS_VM: nr_vpes;
    its_vpe as ITS_VPE: pending_last;
    its_vlpi_map as VLPI_MAP: db_enabled;
}

/// Our numbers of the timers are C's.
const TIMERS: [bindings::kvm_arch_timers; 4] = [
    bindings::kvm_arch_timers_TIMER_PTIMER,
    bindings::kvm_arch_timers_TIMER_VTIMER,
    bindings::kvm_arch_timers_TIMER_HVTIMER,
    bindings::kvm_arch_timers_TIMER_HPTIMER,
];

const _: () = {
    let mut i = 0;

    while i < TimerId::ALL.len() {
        // CAST: a small number.
        assert!(TIMERS[i] as usize == TimerId::ALL[i].index());
        i += 1;
    }
    assert!(i == bindings::kvm_arch_timers_NR_KVM_TIMERS as usize);
};
