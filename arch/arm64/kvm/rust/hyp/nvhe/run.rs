// SPDX-License-Identifier: GPL-2.0

//! From a host at EL1 to a guest, and back.
//!
//! Mirrors: arch/arm64/kvm/hyp/nvhe/switch.c: __kvm_vcpu_run, __activate_traps,
//!     __deactivate_traps;
//!     arch/arm64/kvm/hyp/include/hyp/switch.h: ___activate_traps, ___deactivate_traps,
//!     __fpsimd_save_fpexc32; arch/arm64/include/asm/kvm_host.h: vcpu_is_protected
#![forbid(unsafe_code)]

use super::*;
use crate::side;
use registers::Registers;
use traps::cptr;
use MayBeProtected as K;

/// Runs the guest until something happens that the host has to see.
///
/// The host's buffers are written out while its translation is in force, and its registers saved
/// before the guest's come in. The guest's registers are in the hardware before its stage 2 is; on
/// the way out it is the reverse.
#[inline(always)]
pub(super) fn run(vcpu: RunningVcpu<'_>) -> GuestExit {
    let switch = Switch::new::<K>(vcpu);
    let have = Registers::of(switch.vm());

    // Changes in between runs only, by the vCPU's own thread.
    let debug_owner = vcpu.debug_owner();

    take_interrupts_in_guest(switch.masked);
    switch.host.context().set_running_vcpu(Some(*vcpu));

    let counters = counters::give_to_guest(switch);

    have.save_host(switch.host);
    let buffers = buffers::stop(switch);
    // Walks of the host's tables are over before its registers change (Arm ARM, "Out-of-context
    // translation regimes"); and the above is in force.
    barrier::dsb_nsh();

    if vcpu.pc_update_is_pending() {
        vcpu.update_pc();
    }
    have.restore_guest(vcpu, switch.vm(), debug_owner);
    vcpu.load_stage2();
    let side = activate_traps(switch);

    vgic::enter(switch);
    timer::trap(switch);
    debug::enter(switch, debug_owner);

    let pstate = Pstate::from_raw(switch.guest().pstate()).for_guest();
    let side = side.return_to(switch.guest().pc(), pstate);

    let exit = exit::run_and_resolve::<K>(switch, &side);

    have.save_guest(vcpu, debug_owner);
    timer::untrap(*switch.masked);
    vgic::leave(switch);
    // As on the way in.
    barrier::dsb_nsh();

    let back = deactivate_traps(switch, || side.leave());
    let regime = have.restore_host(switch.host, switch.masked, side::load_host_stage2(back));

    if switch.host.fp_owner() == FpOwner::Guest && vcpu.el1_is_aarch32() {
        vcpu.set_sys_reg(SysReg::FPEXC32_EL2, FPEXC32_EL2::read_raw());
    }
    debug::leave(switch, debug_owner);
    buffers.start(switch, regime);

    counters::give_to_host(switch, counters);
    hold_interrupts_back(switch.masked);
    switch.host.context().set_running_vcpu(None);
    exit
}

/// Sets the traps of the guest, and the vectors that lead out of it.
#[inline(always)]
fn activate_traps(switch: Switch<'_>) -> Vectored<'_> {
    let Switch {
        vcpu, host, masked, ..
    } = switch;
    let hcr = traps::hcr::for_guest::<K>(switch);
    let side = GuestSide::enter(vcpu, hcr);

    traps::hcr::load_vserror_syndrome(switch, hcr.value());
    host.set_mdcr(MDCR_EL2::read());
    MDCR_EL2::set(vcpu.mdcr(), *masked);
    traps::load::activate(*vcpu, host.sys_regs(), *masked, &IrqOff::of(masked));
    cptr::activate::<K>(switch);

    let side = side.set_vectors();

    registers::start_translation(switch);
    side
}

/// Sets the host's traps and vectors again.
#[inline(always)]
pub(super) fn deactivate_traps<'a>(
    switch: Switch<'a>,
    leave: impl FnOnce() -> HostSide<'a>,
) -> BackAtHost {
    let Switch {
        vcpu, host, masked, ..
    } = switch;

    traps::hcr::save_vserror::<K>(switch);
    registers::stop_translation(masked);
    MDCR_EL2::set(host.mdcr(), *masked);
    traps::load::deactivate(*vcpu, host.sys_regs(), *masked, &IrqOff::of(masked));

    let side = leave();

    cptr::deactivate(switch);
    side.set_vectors()
}

/// Interrupts that a priority mask holds back would not bring the CPU out of the guest. At EL2
/// `PSTATE` masks them.
#[inline(always)]
fn take_interrupts_in_guest(masked: Masked<'_>) {
    if cpucaps::has_priority_masking() {
        gic_v3::unmask_priorities(masked);
        barrier::pmr_sync();
    }
}

/// The host, which goes by the priority, comes back with interrupts unmasked in `PSTATE`.
#[inline(always)]
fn hold_interrupts_back(masked: Masked<'_>) {
    if cpucaps::has_priority_masking() {
        gic_v3::mask_priorities(masked);
    }
}
