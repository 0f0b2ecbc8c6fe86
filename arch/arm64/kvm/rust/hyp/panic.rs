// SPDX-License-Identifier: GPL-2.0

//! Exceptions that nobody expects between the host's world and the guest's.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: __hyp_call_panic, hyp_panic
#![forbid(unsafe_code)]

use super::{
    run,
    switch::{
        Nested,
        Switch, //
    },
    sysreg, //
};
use crate::{
    arm64::registers::{
        exception::{
            ElrEl2,
            EsrEl2,
            FarEl2,
            HpfarEl2,
            SpsrEl2, //
        },
        guest::ParEl1,
        SystemRegister, //
    },
    host::{
        host_data::HostData,
        panic,
        world::{
            GuestSide,
            Loaded, //
        }, //
    },
};

/// The registers that say what happened, before anything changes them.
pub(super) struct Scene {
    spsr: u64,
    elr: u64,
    par: u64,
}

impl Scene {
    /// Takes them down.
    pub(super) fn record() -> Self {
        Self {
            spsr: SpsrEl2::read(),
            elr: ElrEl2::read(),
            par: ParEl1::read(),
        }
    }
}

/// Brings the host back as far as it takes to tell what happened.
pub(super) fn restore_host(loaded: Loaded<'_>, side: GuestSide<'_>) {
    let vcpu = loaded.vcpu();
    let switch = Switch {
        vcpu,
        guest: vcpu.context(),
        host: HostData::get(*loaded.masked()),
        masked: loaded.masked(),
        hyp_context: vcpu.in_hyp_context(),
    };

    // What serves a nested vCPU serves any.
    run::deactivate_traps::<Nested>(switch, side);
    sysreg::run::restore_host(switch);
}

/// The end of the kernel.
pub(super) fn report(scene: Scene, vcpu: *const ()) -> ! {
    panic::hyp_panic(panic::HypPanic {
        spsr: scene.spsr,
        elr: scene.elr,
        esr: EsrEl2::read(),
        far: FarEl2::read(),
        hpfar: HpfarEl2::read(),
        par: scene.par,
        vcpu,
    })
}
