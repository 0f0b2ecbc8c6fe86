// SPDX-License-Identifier: GPL-2.0

//! vCPUs whose state the host must not know, nor is trusted to look after (pKVM).
//!
//! Mirrors: arch/arm64/kvm/hyp/nvhe/switch.c: kvm_handle_pvm_sys64, hyp_exit_handlers,
//!     pvm_exit_handlers, kvm_get_exit_handler_array, fixup_guest_exit
#![forbid(unsafe_code)]

use super::*;
use exit::Trap;

/// A protected vCPU.
pub(super) enum Protected {}

impl Kind for Protected {
    const HAS_EL2: bool = false;
    const IS_PROTECTED: bool = true;

    #[inline(always)]
    fn in_hyp_context(_switch: Switch<'_>) -> bool {
        false
    }

    /// Nothing keeps a guest from AArch32 at EL0, if the CPU has that, but it may not be there: the
    /// vCPU does not run any more until it is set up anew.
    #[inline(always)]
    fn judge(switch: Switch<'_>, pstate: Pstate, exit: GuestExit) -> GuestExit {
        if !pstate.has(Pstate::M4) {
            return exit;
        }

        if let Some(vcpu) = switch.vcpu.protected() {
            vcpu.forget_set_up();
        }
        exit.with_reason(GuestExit::ILLEGAL)
    }

    #[inline(always)]
    fn resolve_first(trap: Trap<'_>) -> Option<ControlFlow<GuestExit>> {
        let vcpu = trap.switch.vcpu.protected()?;
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
                exit::system::resolve::<Self>(trap) || vcpu.emulate_register()
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
}
