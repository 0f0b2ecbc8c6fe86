// SPDX-License-Identifier: GPL-2.0

//! vCPUs whose state the host must not know, nor is trusted to look after (pKVM).
//!
//! Mirrors: arch/arm64/kvm/hyp/nvhe/switch.c: kvm_handle_pvm_sys64, hyp_exit_handlers,
//!     pvm_exit_handlers, kvm_get_exit_handler_array, fixup_guest_exit
#![forbid(unsafe_code)]

use super::*;
use crate::side::ProtectedVcpu;
use exit::Trap;

/// A vCPU below a host at EL1, protected or not. One kind for both, which differ in little: the code
/// of a run is there once.
pub(super) enum MayBeProtected {}

impl Kind for MayBeProtected {
    const HAS_EL2: bool = false;

    #[inline(always)]
    fn in_hyp_context(_switch: Switch<'_>) -> bool {
        false
    }

    #[inline(always)]
    fn is_protected(switch: Switch<'_>) -> bool {
        switch.known.protected().is_some()
    }

    /// Nothing keeps a guest from AArch32 at EL0, if the CPU has that, but it may not be there: the
    /// run ends with an error.
    #[inline(always)]
    fn judge(switch: Switch<'_>, pstate: Pstate, exit: GuestExit) -> GuestExit {
        match switch.known.protected() {
            Some(vcpu) if pstate.has(Pstate::M4) => {
                vcpu.forget_set_up();
                exit.with_reason(GuestExit::ILLEGAL)
            }
            _ => exit,
        }
    }

    #[inline(always)]
    fn resolve_first(trap: Trap<'_>) -> Option<ControlFlow<GuestExit>> {
        resolve_protected(trap, trap.switch.known.protected()?)
    }
}

/// What is done about a trap of a protected vCPU, if that differs from what is done of others.
#[cold]
fn resolve_protected(trap: Trap<'_>, vcpu: ProtectedVcpu<'_>) -> Option<ControlFlow<GuestExit>> {
    let resolved = match trap.esr.class() {
        // Of AArch64: in AArch32 it did not get here.
        ExceptionClass::Hvc => {
            return Some(match vcpu.handle_hypercall(GuestExit::TRAP.into_raw()) {
                Ok(()) => ControlFlow::Continue(()),
                Err(exit) => ControlFlow::Break(GuestExit::from_raw(exit)),
            });
        }
        ExceptionClass::System => {
            // What works around errata comes first: the other may find it undefined.
            exit::system::resolve::<MayBeProtected>(trap) || vcpu.emulate_register()
        }
        ExceptionClass::Sve => vcpu.refuse_as_undefined(),
        ExceptionClass::Cp15 | ExceptionClass::Eret | ExceptionClass::Unallocated3f => false,
        _ => return None,
    };

    Some(if resolved {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(GuestExit::TRAP)
    })
}
