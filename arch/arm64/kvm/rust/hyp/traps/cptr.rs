// SPDX-License-Identifier: GPL-2.0

//! `CPTR_EL2`: traps of FP, SVE and SME, by who owns the registers.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: __activate_traps_fpsimd32,
//!     __activate_cptr_traps_vhe, __activate_cptr_traps, __deactivate_cptr_traps_vhe,
//!     __deactivate_cptr_traps
#![forbid(unsafe_code)]

use super::*;
use crate::side;

/// Sets the guest's traps. They are in force with the exception return.
#[inline(always)]
pub(in crate::hyp) fn activate<K: Kind>(switch: Switch<'_>) {
    let owns_registers = switch.host.fp_owner() == FpOwner::Guest;
    let sve = owns_registers && switch.vcpu.has_sve();

    if !owns_registers && switch.vcpu.el1_is_aarch32() {
        let_fp_trap_to_el2(switch.masked);
    }
    if !side::keeps_e2h() {
        CptrNvhe::guest(owns_registers, sve).write(switch.masked);
        return;
    }

    let mut value = for_guest(owns_registers, sve);

    if K::HAS_EL2 {
        value = nested::<K>(switch, value);
    }
    value.write(switch.masked);
}

/// What the host lets a guest use.
#[inline(always)]
const fn for_guest(fp: bool, sve: bool) -> Cptr {
    let value = if fp {
        Cptr::GUEST.with(Cptr::FPEN)
    } else {
        Cptr::GUEST
    };

    if sve {
        value.with(Cptr::ZEN)
    } else {
        value
    }
}

/// An access that AArch32 EL1 has switched off traps there and never gets to EL2: so it is on while
/// the traps of EL2 are.
#[cold]
fn let_fp_trap_to_el2(masked: Masked<'_>) {
    if cpucaps::has_fpsimd() {
        FPEXC32_EL2::set(Fpexc::ZERO.with(Fpexc::EN), *masked);
    }
}

/// Adds what a guest hypervisor wants to trap.
fn nested<K: Kind>(switch: Switch<'_>, value: Cptr) -> Cptr {
    let vcpu = switch.vcpu;

    if K::in_hyp_context(switch) {
        // Its CPTR_EL2 has bits that CPACR_EL1, by which it gets there, has not before FEAT_NV2p1.
        // So that traps, by one of the very bits.
        return if !cpucaps::has_nv2p1() && vcpu.el2_e2h() {
            value.with(Cptr::TCPAC)
        } else {
            value
        };
    }

    for_nested_guest(
        value,
        Cptr::from_raw(vcpu.nested_cptr()),
        switch.vm().tells_of(IdField::S1POE),
    )
}

/// The host's value, less what the guest hypervisor's does not let its guest use.
const fn for_nested_guest(host: Cptr, guest: Cptr, has_s1poe: bool) -> Cptr {
    let mut value = host.or(guest.and(Cptr::ZERO.with(Cptr::TCPAC)));

    if !guest.lets_guest_through(Cptr::FPEN) {
        value = value.without(Cptr::FPEN);
    }
    if !guest.lets_guest_through(Cptr::ZEN) {
        value = value.without(Cptr::ZEN);
    }
    if has_s1poe {
        value = value.or(guest.and(Cptr::ZERO.with(Cptr::E0POE)));
    }
    value
}

/// Sets what the host has: nothing traps.
#[inline(always)]
pub(in crate::hyp) fn deactivate(switch: Switch<'_>) {
    if side::keeps_e2h() {
        Cptr::host().write(switch.masked);
    } else {
        CptrNvhe::host().write(switch.masked);
    }
}

#[cfg(all(CONFIG_KVM_ARM64_RUST_KUNIT_TEST, not(nvhe)))]
#[kernel::prelude::kunit_tests(kvm_arm64_switch_cptr)]
mod tests {
    use super::*;

    // Bits of CPTR_EL2 with E2H = 1, by the Arm ARM's figure.
    const ZEN: u64 = 0x3_0000;
    const FPEN: u64 = 0x30_0000;
    const TTA: u64 = 0x1000_0000;
    const E0POE: u64 = 0x2000_0000;
    const TAM: u64 = 0x4000_0000;
    const TCPAC: u64 = 0x8000_0000;

    /// Trace and activity monitors trap, whoever has the FP registers.
    #[test]
    fn host_part() {
        assert_eq!(for_guest(false, false).into_raw(), TTA | TAM);
        assert_eq!(for_guest(true, false).into_raw(), TTA | TAM | FPEN);
        assert_eq!(for_guest(true, true).into_raw(), TTA | TAM | FPEN | ZEN);
    }

    /// For a guest, for which TGE is 0, fields of two bits let through if the low bit is set.
    #[test]
    fn nested_fields() {
        let host = for_guest(true, true);
        let merge = |guest| for_nested_guest(host, Cptr::from_raw(guest), true).into_raw();

        assert_eq!(merge(0), TTA | TAM);
        assert_eq!(merge(0x2_0000 | 0x20_0000), TTA | TAM);
        assert_eq!(merge(0x1_0000), TTA | TAM | ZEN);
        assert_eq!(merge(0x10_0000), TTA | TAM | FPEN);
        assert_eq!(merge(ZEN | FPEN), TTA | TAM | ZEN | FPEN);
    }

    /// A guest hypervisor cannot let through what the host does not.
    #[test]
    fn nested_is_not_more_than_host() {
        let host = for_guest(false, false);

        assert_eq!(
            for_nested_guest(host, Cptr::from_raw(ZEN | FPEN), true).into_raw(),
            TTA | TAM
        );
        assert_eq!(
            for_nested_guest(host, Cptr::from_raw(E0POE | TCPAC), true).into_raw(),
            TTA | TAM | E0POE | TCPAC
        );
        assert_eq!(
            for_nested_guest(host, Cptr::from_raw(E0POE | TCPAC), false).into_raw(),
            TTA | TAM | TCPAC
        );
    }
}
