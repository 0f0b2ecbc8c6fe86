// SPDX-License-Identifier: GPL-2.0

//! What is done when a vCPU is loaded onto a CPU, and undone when it is put: all that does not
//! affect the host, so that it need not be done on each way into the guest and out.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: __vcpu_load_activate_traps,
//!     __vcpu_put_deactivate_traps, kvm_vcpu_load_vhe, kvm_vcpu_put_vhe
#![forbid(unsafe_code)]

use super::*;

/// Loads a vCPU. Preemption is off.
pub(super) fn load(vcpu: LoadedVcpu<'_>, el2: El2<'_>) {
    let host = HostData::get(el2);

    host.context().set_running_vcpu(Some(vcpu));
    sysreg::load::load(vcpu, host, el2);
    with_irqs_off(|irq_off| traps::load::activate(vcpu, host.sys_regs(), el2, irq_off));
    vcpu.load_stage2();
}

/// Puts it.
pub(super) fn put(vcpu: LoadedVcpu<'_>, el2: El2<'_>) {
    let host = HostData::get(el2);

    with_irqs_off(|irq_off| traps::load::deactivate(vcpu, host.sys_regs(), el2, irq_off));
    sysreg::load::put(vcpu, host, el2);
    host.context().set_running_vcpu(None);
}
