// SPDX-License-Identifier: GPL-2.0

//! Which of the host's GIC and the guest's GIC there are, and who is to deal with them.
//!
//! The host's CPU interfaces are those of a GICv3 (registers that a VHE host writes by itself and
//! the hypervisor at EL2 writes for others), or those of a GICv2 (memory). A guest has a GICv2, a
//! GICv3, a GICv5, or nothing; below a guest hypervisor, what that one has set up.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.c: kvm_vgic_sync_hwstate, kvm_vgic_flush_hwstate,
//!     kvm_vgic_load, kvm_vgic_put, vgic_save_state, vgic_restore_state, vgic_flush_state,
//!     vgic_fold_state, can_access_vgic_from_kernel, kvm_vgic_vcpu_pending_irq
#![forbid(unsafe_code)]

use super::{
    cpuif_v2,
    cpuif_v3,
    delivery,
    nested,
    v4,
    v5, //
};
use crate::{
    arm64::prelude::*,
    kvm::prelude::*,
    linux::prelude::*, //
};

/// Puts what the guest is to see into its CPU interface.
///
/// All but the most frequent case is out of line, so that this one saves no registers.
#[inline(always)]
pub(super) fn flush(vcpu: LoadedVcpu<'_>) {
    match vcpu.vm().dist().model() {
        Some(Model::V5) => flush_v5(vcpu),
        Some(Model::V3) if vcpu.has_el2() => flush_hypervisor(vcpu),
        _ if HostGic::has_system_registers() => flush_v3(vcpu),
        _ => flush_v2(vcpu),
    }
}

#[inline(always)]
fn flush_v3(vcpu: LoadedVcpu<'_>) {
    delivery::flush(vcpu, vcpu.vgic_v3());
    if cpucaps::has_vhe() {
        cpuif_v3::restore(vcpu);
    }
    v4::commit(vcpu);
}

#[inline(never)]
fn flush_v5(vcpu: LoadedVcpu<'_>) {
    v5::flush(vcpu);
}

/// Of a vCPU that can have a guest itself.
#[inline(never)]
fn flush_hypervisor(vcpu: LoadedVcpu<'_>) {
    if nested::is_nested(*vcpu) {
        nested::flush(vcpu);
    } else {
        flush_v3(vcpu);
    }
}

#[cold]
fn flush_v2(vcpu: LoadedVcpu<'_>) {
    delivery::flush(vcpu, vcpu.vgic_v2());
    cpuif_v2::restore(vcpu);
}

/// Takes from the guest's CPU interface what became of it.
#[inline(always)]
pub(super) fn sync(vcpu: LoadedVcpu<'_>, irq_off: &IrqOff) {
    match vcpu.vm().dist().model() {
        Some(Model::V5) => sync_v5(vcpu),
        Some(Model::V3) if vcpu.has_el2() => sync_hypervisor(vcpu, irq_off),
        _ if HostGic::has_system_registers() => sync_v3(vcpu, irq_off),
        _ => sync_v2(vcpu, irq_off),
    }
}

#[inline(always)]
fn sync_v3(vcpu: LoadedVcpu<'_>, irq_off: &IrqOff) {
    if cpucaps::has_vhe() {
        cpuif_v3::save(vcpu);
    }
    delivery::sync(vcpu, vcpu.vgic_v3(), irq_off);
}

#[inline(never)]
fn sync_v5(vcpu: LoadedVcpu<'_>) {
    v5::sync(vcpu);
}

/// See [`flush_hypervisor`].
#[inline(never)]
fn sync_hypervisor(vcpu: LoadedVcpu<'_>, irq_off: &IrqOff) {
    if nested::is_nested(*vcpu) {
        return nested::sync(vcpu);
    }
    nested::update_mi(*vcpu);
    sync_v3(vcpu, irq_off);
}

#[cold]
fn sync_v2(vcpu: LoadedVcpu<'_>, irq_off: &IrqOff) {
    cpuif_v2::save(vcpu);
    delivery::sync(vcpu, vcpu.vgic_v2(), irq_off);
}

/// Whether there is a GIC that works.
fn works(vm: Vm<'_>) -> bool {
    vm.dist().in_kernel() && vm.dist().initialized()
}

/// The vCPU comes to a CPU.
pub(super) fn load(vcpu: LoadedVcpu<'_>) {
    if !works(vcpu.vm()) {
        if HostGic::has_system_registers() && cpucaps::has_vhe() {
            cpuif_v3::activate_traps(vcpu);
        }
        return;
    }
    match vcpu.vm().dist().model() {
        Some(Model::V5) => v5::load(vcpu),
        Some(Model::V3 | Model::V2) if HostGic::has_system_registers() => {
            if nested::is_nested(*vcpu) {
                nested::load(vcpu);
            } else {
                cpuif_v3::load(vcpu);
            }
        }
        _ => cpuif_v2::load(vcpu),
    }
}

/// The vCPU leaves a CPU.
pub(super) fn put(vcpu: LoadedVcpu<'_>) {
    if !works(vcpu.vm()) {
        if HostGic::has_system_registers() && cpucaps::has_vhe() {
            cpuif_v3::deactivate_traps(vcpu);
        }
        return;
    }
    match vcpu.vm().dist().model() {
        Some(Model::V5) => v5::put(vcpu),
        Some(Model::V3 | Model::V2) if HostGic::has_system_registers() => {
            if nested::is_nested(*vcpu) {
                nested::put(vcpu);
            } else {
                cpuif_v3::put(vcpu);
            }
        }
        _ => cpuif_v2::put(vcpu),
    }
}

/// Whether the guest would be interrupted if it ran.
pub(super) fn is_pending(vcpu: Vcpu<'_>) -> bool {
    if vcpu.vm().dist().model() == Some(Model::V5) {
        v5::has_pending(vcpu)
    } else {
        delivery::is_pending(vcpu)
    }
}
