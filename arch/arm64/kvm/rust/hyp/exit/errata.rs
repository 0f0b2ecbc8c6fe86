// SPDX-License-Identifier: GPL-2.0

//! Exits of CPUs with errata.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: kvm_hyp_handle_impdef;
//!     arch/arm64/kvm/hyp/include/hyp/switch.h: handle_tx2_tvm, handle_ampere1_tcr,
//!     kvm_hyp_handle_sysreg, synchronize_vcpu_pstate, __fixup_guest_exit
#![forbid(unsafe_code)]

use super::*;

/// Cortex-A510 2077057: `SPSR_EL2` is wrong after a trapped authentication instruction that is
/// single-stepped. What it should be is known: the state on entry, since no instruction ran.
#[cold]
pub(in crate::hyp) fn restore_spsr(switch: Switch<'_>) {
    let saved = Pstate::from_raw(switch.guest().pstate());

    if switch.vcpu.is_single_stepped()
        && saved.has(Pstate::SS)
        && ESR_EL2::read().class() == ExceptionClass::Pac
    {
        SPSR_EL2::set(saved.for_guest(), switch.masked);
    }
}

/// Cortex-A77 1508412: a way back into the guest must not have loads of device memory in flight
/// with a read of `PAR_EL1`.
#[inline(always)]
pub(in crate::hyp) fn before_reentry() {
    barrier::dmb_for_erratum_1508412();
}

/// A trap that comes with a class that is not allocated, and its syndrome in `AFSR1_EL2`: the host
/// is told the class that it should have had. The CPUs in question have no AArch32.
#[cold]
pub(in crate::hyp) fn translate_impdef_trap(switch: Switch<'_>) {
    if cpucaps::has_impdef_pmu_traps() {
        switch
            .vcpu
            .set_syndrome(Esr::for_system_trap(AFSR1_EL2::read()));
    }
}

/// Whether it was an access that traps on account of an erratum alone, which has been performed.
#[inline(always)]
pub(super) fn resolve(trap: Trap<'_>) -> bool {
    (cpucaps::has_tx2_tvm_erratum() && write_translation_control(trap))
        || (cpucaps::has_ampere_tcr_erratum() && write_tcr(trap))
}

/// Cavium TX2 219: all writes of translation control registers trap.
#[cold]
pub(in crate::hyp) fn write_translation_control(trap: Trap<'_>) -> bool {
    let access = trap.esr.system_trap();

    // Then it is not the erratum's sake, or not alone, that it trapped for.
    if trap.switch.vcpu.hcr().has(Hcr::TVM) {
        return false;
    }

    write_guest_register(trap, access.encoding(), trap.operand(access.rt()))
        && trap.skip_instruction()
}

/// Of those whose writes trap with `HCR_EL2.TVM`.
fn write_guest_register(trap: Trap<'_>, register: Encoding, value: u64) -> bool {
    let el2 = *trap.switch.masked;

    match register {
        SCTLR_EL1::ENCODING => SCTLR_EL1::set_raw(value, el2),
        TTBR0_EL1::ENCODING => TTBR0_EL1::set_raw(value, el2),
        TTBR1_EL1::ENCODING => TTBR1_EL1::set_raw(value, el2),
        TCR_EL1::ENCODING => TCR_EL1::set_raw(value, el2),
        ESR_EL1::ENCODING => ESR_EL1::set_raw(value, el2),
        FAR_EL1::ENCODING => FAR_EL1::set_raw(value, el2),
        AFSR0_EL1::ENCODING => AFSR0_EL1::set_raw(value, el2),
        AFSR1_EL1::ENCODING => AFSR1_EL1::set_raw(value, el2),
        MAIR_EL1::ENCODING => MAIR_EL1::set_raw(value, el2),
        AMAIR_EL1::ENCODING => AMAIR_EL1::set_raw(value, el2),
        CONTEXTIDR_EL1::ENCODING => CONTEXTIDR_EL1::set_raw(value, el2),
        _ => return false,
    }
    true
}

/// Ampere AC03_CPU_38: the CPUs update access and dirty flags if told to, and do not do it right.
/// They do not say that they can, so a guest that asks for it asks for nothing.
#[cold]
pub(in crate::hyp) fn write_tcr(trap: Trap<'_>) -> bool {
    let access = trap.esr.system_trap();

    if access.encoding() != TCR_EL1::ENCODING {
        return false;
    }
    TCR_EL1::set(
        Tcr::from_raw(trap.operand(access.rt()))
            .without(Tcr::HA)
            .without(Tcr::HD),
        *trap.switch.masked,
    );
    trap.skip_instruction()
}
