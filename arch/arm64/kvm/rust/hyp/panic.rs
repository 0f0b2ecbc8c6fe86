// SPDX-License-Identifier: GPL-2.0

//! Exceptions that nobody expects between the host's world and the guest's.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: __hyp_call_panic, hyp_panic
#![forbid(unsafe_code)]

use super::*;

/// The registers that say what happened, before anything changes them.
pub(super) struct Scene {
    spsr: Pstate,
    elr: u64,
    par: Par,
}

impl Scene {
    /// Takes them down.
    pub(super) fn record() -> Self {
        Self {
            spsr: SPSR_EL2::read(),
            elr: ELR_EL2::read(),
            par: PAR_EL1::read(),
        }
    }
}

/// Brings the host back as far as it takes to tell what happened.
pub(super) fn restore_host(vcpu: RunningVcpu<'_>, side: Vectored<'_>) {
    // What serves a nested vCPU serves any. Nobody unmasks exceptions any more.
    let switch = Switch::new::<Nested>(vcpu);
    let _ = run::deactivate_traps::<Nested>(switch, || side.leave());

    sysreg::run::restore_host(switch);
}

/// The end of the kernel.
pub(super) fn report(scene: Scene, vcpu: *const ()) -> ! {
    hyp_panic(HypPanic {
        spsr: scene.spsr.into_raw(),
        elr: scene.elr,
        esr: ESR_EL2::read().into_raw(),
        far: FAR_EL2::read(),
        hpfar: HPFAR_EL2::read(),
        par: scene.par.into_raw(),
        vcpu,
    })
}
