// SPDX-License-Identifier: GPL-2.0

//! Exits of CPUs with errata.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: kvm_hyp_handle_impdef;
//!     arch/arm64/kvm/hyp/include/hyp/switch.h: handle_tx2_tvm, handle_ampere1_tcr,
//!     kvm_hyp_handle_sysreg, synchronize_vcpu_pstate, __fixup_guest_exit
#![forbid(unsafe_code)]

use super::{
    Switch,
    Trap, //
};
use crate::arm64::{
    barrier, cpucaps,
    encoding::Encoding,
    esr::{
        Esr,
        ExceptionClass, //
    },
    hcr::Hcr,
    pstate::Pstate,
    registers::{
        exception::{
            Afsr1El2,
            EsrEl2,
            SpsrEl2, //
        },
        guest,
        GuestRegister,
        SystemRegister, //
    },
};

/// Cortex-A510 2077057: `SPSR_EL2` is wrong after a trapped authentication instruction that is
/// single-stepped. What it should be is known: the state on entry, since no instruction ran.
#[cold]
pub(in crate::hyp) fn restore_spsr(switch: Switch<'_>) {
    let saved = Pstate::from_raw(switch.guest.pstate());

    if switch.vcpu.is_single_stepped()
        && saved.steps()
        && EsrEl2::syndrome().class() == ExceptionClass::Pac
    {
        SpsrEl2::set(saved.for_guest(), switch.masked);
    }
}

/// Cortex-A77 1508412: a way back into the guest must not have loads of device memory in flight
/// with a read of `PAR_EL1`.
#[inline(always)]
pub(super) fn before_reentry() {
    barrier::dmb_for_erratum_1508412();
}

/// A trap that comes with a class that is not allocated, and its syndrome in `AFSR1_EL2`: the host
/// is told the class that it should have had. The CPUs in question have no AArch32.
#[cold]
pub(in crate::hyp) fn translate_impdef_trap(switch: Switch<'_>) {
    if cpucaps::has_impdef_pmu_traps() {
        switch
            .vcpu
            .set_syndrome(Esr::for_system_trap(Afsr1El2::read()));
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

fn write_guest_register(trap: Trap<'_>, register: Encoding, value: u64) -> bool {
    let vhe = *trap.switch.masked;

    match register {
        registers::SCTLR_EL1 => guest::SctlrEl1::set(value, vhe),
        registers::TTBR0_EL1 => guest::Ttbr0El1::set(value, vhe),
        registers::TTBR1_EL1 => guest::Ttbr1El1::set(value, vhe),
        registers::TCR_EL1 => guest::TcrEl1::set(value, vhe),
        registers::ESR_EL1 => guest::EsrEl1::set(value, vhe),
        registers::FAR_EL1 => guest::FarEl1::set(value, vhe),
        registers::AFSR0_EL1 => guest::Afsr0El1::set(value, vhe),
        registers::AFSR1_EL1 => guest::Afsr1El1::set(value, vhe),
        registers::MAIR_EL1 => guest::MairEl1::set(value, vhe),
        registers::AMAIR_EL1 => guest::AmairEl1::set(value, vhe),
        registers::CONTEXTIDR_EL1 => guest::ContextidrEl1::set(value, vhe),
        _ => return false,
    }
    true
}

/// Ampere AC03_CPU_38: the CPUs update access and dirty flags if told to, and do not do it right.
/// They do not say that they can, so a guest that asks for it asks for nothing.
#[cold]
pub(in crate::hyp) fn write_tcr(trap: Trap<'_>) -> bool {
    /// `HA` and `HD`.
    const HARDWARE_UPDATES: u64 = 0b11 << 39;

    let access = trap.esr.system_trap();

    if access.encoding() != registers::TCR_EL1 {
        return false;
    }
    guest::TcrEl1::set(
        trap.operand(access.rt()) & !HARDWARE_UPDATES,
        *trap.switch.masked,
    );
    trap.skip_instruction()
}

/// The registers whose writes trap with `HCR_EL2.TVM`.
mod registers {
    use super::Encoding;

    pub(super) const SCTLR_EL1: Encoding = Encoding::new(3, 0, 1, 0, 0);
    pub(super) const TTBR0_EL1: Encoding = Encoding::new(3, 0, 2, 0, 0);
    pub(super) const TTBR1_EL1: Encoding = Encoding::new(3, 0, 2, 0, 1);
    pub(super) const TCR_EL1: Encoding = Encoding::new(3, 0, 2, 0, 2);
    pub(super) const AFSR0_EL1: Encoding = Encoding::new(3, 0, 5, 1, 0);
    pub(super) const AFSR1_EL1: Encoding = Encoding::new(3, 0, 5, 1, 1);
    pub(super) const ESR_EL1: Encoding = Encoding::new(3, 0, 5, 2, 0);
    pub(super) const FAR_EL1: Encoding = Encoding::new(3, 0, 6, 0, 0);
    pub(super) const MAIR_EL1: Encoding = Encoding::new(3, 0, 10, 2, 0);
    pub(super) const AMAIR_EL1: Encoding = Encoding::new(3, 0, 10, 3, 0);
    pub(super) const CONTEXTIDR_EL1: Encoding = Encoding::new(3, 0, 13, 0, 1);
}
