// SPDX-License-Identifier: GPL-2.0

//! What policy needs of KVM's objects, so that its files need not list it.
#![forbid(unsafe_code)]

pub(crate) use super::{
    arch_timer::*,
    cpu_context::*,
    hypervisor,
    log,
    static_key::{
        self,
        *, //
    },
    sys_reg::*,
    timer_id::*,
    timer_irq_domain::*,
    tracepoint,
    vcpu::*,
    vgic::*,
    vm::*, //
};
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
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
    vgic::{
        v3::*,
        v5::*, //
    },
    world::{
        self,
        *, //
    }, //
};
