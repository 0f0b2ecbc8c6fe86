// SPDX-License-Identifier: GPL-2.0

//! From host to guest and back.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: __activate_traps, __deactivate_traps,
//!     __kvm_vcpu_run_vhe; arch/arm64/kvm/hyp/include/hyp/switch.h: ___activate_traps,
//!     ___deactivate_traps
#![forbid(unsafe_code)]

use super::*;

/// Runs the guest until something happens that the run loop in C has to see.
#[inline(always)]
pub(super) fn run(vcpu: RunningVcpu<'_>) -> (GuestExit, BackAtHost) {
    if vcpu.has_el2() {
        run_nested(vcpu)
    } else {
        run_as::<Plain>(vcpu)
    }
}

/// [`run`], for a vCPU with EL2. Apart, so that a plain vCPU's way is short.
#[inline(never)]
pub(super) fn run_nested(vcpu: RunningVcpu<'_>) -> (GuestExit, BackAtHost) {
    run_as::<Nested>(vcpu)
}

/// [`run`], for a kind of vCPU.
///
/// The host's registers are saved first, the guest's program counter is final before it gets into
/// the hardware, and the vectors change last and back last: until then, and from then on, a fault
/// of this code is the host's.
#[inline(always)]
fn run_as<K: Kind>(vcpu: RunningVcpu<'_>) -> (GuestExit, BackAtHost) {
    let switch = Switch::new::<K>(vcpu);

    // Changes in between runs only, by the vCPU's own thread.
    let debug_owner = vcpu.debug_owner();

    fpsimd::enter::<K>(switch);
    let host = sysreg::run::save_host(switch);
    let side = activate_traps::<K>(switch);

    if vcpu.pc_update_is_pending() {
        vcpu.update_pc();
    }
    let (side, guest) = sysreg::run::enter::<K>(switch, side, &host, debug_owner);
    debug::enter(switch, debug_owner);

    let exit = exit::run_and_resolve::<K>(switch, &side);

    sysreg::run::leave::<K>(switch, host, guest, debug_owner);
    let back = deactivate_traps::<K>(switch, || side.leave());
    debug::leave(switch, debug_owner);

    // All of the above is in force before the host goes on: its traps of FP, which apply to EL2
    // too, above all.
    isb();

    fpsimd::leave::<K>(switch);
    (exit, back)
}

/// Sets the traps of the guest, and the vectors that lead out of it.
#[inline(always)]
fn activate_traps<K: Kind>(switch: Switch<'_>) -> Vectored<'_> {
    let hcr = traps::hcr::for_guest::<K>(switch);
    let side = GuestSide::enter(switch.vcpu, hcr);

    traps::hcr::load_vserror_syndrome(switch, hcr.value());
    cntpoff::switch_to_guest::<K>(switch);
    traps::cptr::activate::<K>(switch);
    side.set_vectors()
}

/// Sets the host's traps and vectors again.
///
/// `HCR_EL2` is written without an ISB of its own (see world-switch.rst): nothing until the one
/// that ends the way out depends on TGE being set. The exception is the erratum that wants the
/// guest's regime out of force before the host's is touched.
#[inline(always)]
pub(super) fn deactivate_traps<'a, K: Kind>(
    switch: Switch<'a>,
    leave: impl FnOnce() -> HostSide<'a>,
) -> BackAtHost {
    traps::hcr::save_vserror::<K>(switch);

    let side = leave();

    cntpoff::switch_to_host::<K>(switch);
    cpucaps::isb_for_speculative_at();
    traps::cptr::deactivate(switch);
    side.set_vectors()
}
