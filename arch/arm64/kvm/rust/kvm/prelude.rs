// SPDX-License-Identifier: GPL-2.0

//! What policy needs of KVM's objects, so that its files need not list it.
#![forbid(unsafe_code)]

#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe, CONFIG_KVM_ARM64_RUST_VGIC))]
pub(crate) use super::vgic::{
    v3::*,
    v5::*, //
};
pub(crate) use super::{
    arch_timer::*,
    cpu_context::*,
    hypervisor,
    static_key::{
        self,
        *, //
    },
    sys_reg::*,
    timer_id::*,
    vcpu::*,
    vgic::*,
    vm::*, //
};
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
pub(crate) use super::{
    debug_regs::*,
    gicv::*,
    host_data::*,
    panic::*,
    vcpu::{
        exit::*,
        running::*,
        switch::*,
        sysregs::*, //
    },
    world::{
        self,
        *, //
    }, //
};
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) use super::{
    guest_memory::*,
    locks::vgic::*,
    vgic::{
        bus::*,
        deferred::LpiWork,
        dist::*,
        host::*,
        interrupt::*,
        its::*,
        its_tables::*,
        lifecycle::*,
        lpis::*,
        mapping::*,
        message,
        objects::*,
        ppi_v5::*,
        shadow::*,
        v2::*,
        vlpi::*,
        vpe::*, //
    }, //
};
#[cfg(not(nvhe))]
pub(crate) use super::{
    locks::*,
    log,
    timer_irq_domain::*,
    tracepoint, //
};
