// SPDX-License-Identifier: GPL-2.0

//! Aborts and watchpoints: where they are.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: __populate_fault_info,
//!     kvm_hyp_handle_memory_fault, kvm_hyp_handle_iabt_low, kvm_hyp_handle_watchpt_low,
//!     kvm_hyp_handle_dabt_low; arch/arm64/kvm/hyp/include/hyp/fault.h: __fault_safe_to_translate,
//!     __translate_far_to_hpfar, __hpfar_valid, __get_fault_info
#![forbid(unsafe_code)]

use super::*;

/// How the intermediate physical address of a fault is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// `HPFAR_EL2` has it.
    Reported,
    /// By translating the virtual address.
    ByTranslation,
    /// Not at all.
    Unknown,
}

impl Address {
    /// By the architecture's rule when `HPFAR_EL2` is valid (R_FKLWR), and whether `FAR_EL2` is.
    ///
    /// On a CPU with erratum 834220 what is said to be a translation fault of stage 2 may be a
    /// permission fault of stage 1. Not one on a walk: there a translation would only meet the same
    /// fault again, and the guest that is to repeat its access would do so for good.
    #[inline(always)]
    pub(super) const fn of(abort: Abort, has_erratum_834220: bool) -> Self {
        match abort.fault() {
            Fault::Translation if has_erratum_834220 && !abort.has(Abort::S1PTW) => {
                Self::ByTranslation
            }
            Fault::Translation | Fault::AccessFlag | Fault::AddressSize => Self::Reported,
            Fault::Permission if abort.has(Abort::S1PTW) => Self::Reported,
            Fault::ExternalOnWalk | Fault::EccOnWalk => Self::Unknown,
            Fault::External if abort.has(Abort::FnV) => Self::Unknown,
            _ => Self::ByTranslation,
        }
    }
}

/// The page of an intermediate physical address, in the format of `HPFAR_EL2`.
mod hpfar {
    use crate::arm64::prelude::*;

    /// Set by KVM where the page is known. The CPU leaves it 0: it says Non-secure, to a
    /// hypervisor that is Secure.
    const KNOWN: u64 = 1 << 63;

    /// What `HPFAR_EL2` says.
    #[inline(always)]
    pub(in super::super) const fn reported(hpfar: u64) -> u64 {
        hpfar | KNOWN
    }

    /// What `PAR_EL1` says; `None` if it tells of a fault.
    #[inline(always)]
    pub(in super::super) const fn translated(par: Par) -> Option<u64> {
        if par.has(Par::F) {
            return None;
        }

        // The page's number is in bits 47 to 4.
        Some(par.get(Par::PA) << 4 | KNOWN)
    }
}

#[cfg(all(CONFIG_KVM_ARM64_RUST_KUNIT_TEST, not(nvhe)))]
pub(super) use hpfar::{
    reported,
    translated, //
};

/// Notes where a fault is. `Continue` if that cannot be said since the guest's tables no longer
/// translate the address: the guest then repeats the access, and faults by itself.
#[inline(always)]
pub(super) fn locate(trap: Trap<'_>) -> ControlFlow<()> {
    let far = FAR_EL2::read();
    let how = Address::of(trap.esr.abort(), cpucaps::has_erratum_834220());

    let page = match how {
        Address::Reported => Some(hpfar::reported(HPFAR_EL2::read())),
        Address::ByTranslation => translate(trap, far),
        Address::Unknown => None,
    };

    trap.switch.vcpu.set_fault_address(far, page.unwrap_or(0));
    if page.is_none() && how == Address::ByTranslation {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(())
    }
}

/// Translates by the guest's tables. Their stage 1 has allowed the access already, so the
/// translation for a read at EL1 does for all.
#[cold]
pub(in crate::hyp) fn translate(trap: Trap<'_>, address: u64) -> Option<u64> {
    let masked = trap.switch.masked;
    // The guest's, which is not in memory yet and perhaps needed in the register soon.
    let saved = PAR_EL1::read();
    let page = if translate_s1e1(address, masked) {
        hpfar::translated(PAR_EL1::read())
    } else {
        None
    };

    PAR_EL1::set(saved, *masked);
    page
}

/// A data abort, which may be an access that is performed here.
#[inline(always)]
pub(super) fn data_abort(trap: Trap<'_>) -> ControlFlow<GuestExit> {
    if locate(trap).is_continue() {
        return ControlFlow::Continue(());
    }
    gic::v2_access(trap)
}
