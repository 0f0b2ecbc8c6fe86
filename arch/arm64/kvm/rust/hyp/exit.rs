// SPDX-License-Identifier: GPL-2.0

//! What is done about an exit from the guest before the host hears of it, and whether it has to.
//!
//! The exception class is decoded once; each fix-up is in a file of its own.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: hyp_exit_handlers, fixup_nv_guest_exit,
//!     fixup_guest_exit; arch/arm64/kvm/hyp/include/hyp/switch.h: exit_handler_fn,
//!     kvm_hyp_handle_exit, synchronize_vcpu_pstate, __fixup_guest_exit;
//!     arch/arm64/kvm/hyp/include/hyp/adjust_pc.h: kvm_skip_instr, __kvm_skip_instr
#![forbid(unsafe_code)]

mod counter;
pub(in crate::hyp) mod errata;
pub(in crate::hyp) mod fault;
pub(in crate::hyp) mod gic;
pub(in crate::hyp) mod memory_operation;
mod nested;
pub(in crate::hyp) mod system;

#[cfg(all(CONFIG_KVM_ARM64_RUST_KUNIT_TEST, not(nvhe)))]
mod kunit;

use super::*;
use crate::side;

/// A synchronous exception of a guest.
#[derive(Clone, Copy)]
pub(in crate::hyp) struct Trap<'a> {
    /// The run that it ended.
    pub(in crate::hyp) switch: Switch<'a>,
    /// Its syndrome.
    pub(in crate::hyp) esr: Esr,
    /// As the hardware has it: at virtual EL2 that is EL1.
    pstate: GuestPstate,
}

/// Runs the guest, and goes back into it after exits that are resolved here. Why it was left for good.
#[inline(always)]
pub(super) fn run_and_resolve<K: Kind>(switch: Switch<'_>, ready: &Ready<'_>) -> GuestExit {
    loop {
        side::trace_exit_to_guest(switch.host);
        let exit = GuestExit::from_raw(ready.run());
        side::trace_enter_from_guest(switch.host);

        // What is the host's in any case leaves the loop at once.
        let trap = match record::<K>(switch, ready, exit) {
            Ok(trap) => trap,
            Err(exit) => return exit,
        };

        match resolve::<K>(trap) {
            ControlFlow::Break(exit) => return exit,
            ControlFlow::Continue(()) => errata::before_reentry(),
        }
    }
}

/// Notes what the host has to know of an exit. The trap, if it is one that may be resolved here; if
/// not, what is to become of it.
#[inline(always)]
fn record<'a, K: Kind>(
    switch: Switch<'a>,
    side: &Ready<'_>,
    exit: GuestExit,
) -> Result<Trap<'a>, GuestExit> {
    let pstate = synchronise_pstate::<K>(switch, side);
    let exit = K::judge(switch, pstate.get(), exit);

    // An interrupt has no syndrome.
    if exit.reason() == GuestExit::IRQ {
        return Err(exit);
    }

    let esr = ESR_EL2::read();
    switch.vcpu.set_syndrome(esr);

    // With an SError pending nothing is resolved: the guest comes back to the same instruction
    // once it has taken the SError.
    if exit != GuestExit::TRAP {
        if exit.serror_pending() {
            repeat_hypercall(switch, esr);
        }
        return Err(exit);
    }

    // The most frequent of those that are for the host: it gets there without a look at others.
    if esr.class() == ExceptionClass::Hvc && !K::is_protected(switch) {
        return Err(exit);
    }

    Ok(Trap {
        switch,
        esr,
        pstate,
    })
}

/// Notes the hardware's PSTATE as the guest's: in hyp context with virtual EL2's mode.
#[inline(always)]
fn record_pstate(switch: Switch<'_>, hyp_context: bool, pstate: Pstate) {
    let seen = if hyp_context {
        pstate.as_virtual_el2()
    } else {
        pstate
    };

    switch.guest().set_pstate(seen.into_raw());
}

/// Takes PSTATE over from the hardware, where a vCPU at virtual EL2 is at EL1, and a guest
/// hypervisor's `HCR_EL2`, which it writes without a trap. Returns the hardware's PSTATE.
#[inline(always)]
fn synchronise_pstate<K: Kind>(switch: Switch<'_>, side: &Ready<'_>) -> GuestPstate {
    if cpucaps::has_spsr_erratum_2077057() {
        errata::restore_spsr(switch);
    }

    let pstate = side.guest_pstate();

    record_pstate(switch, K::in_hyp_context(switch), pstate.get());
    if K::in_hyp_context(switch) {
        traps::hcr::take_over(switch);
    }
    nested::check_context::<K>(switch);
    pstate
}

/// The address that an HVC returns to is behind it, unlike that of all that trap: sets it back.
#[cold]
fn repeat_hypercall(switch: Switch<'_>, esr: Esr) {
    if esr.class() == ExceptionClass::Hvc {
        ELR_EL2::set(ELR_EL2::read().wrapping_sub(4), switch.masked);
    }
}

/// Resolves a trap, so that the guest goes on; if it cannot, the exit is the host's.
#[inline(always)]
fn resolve<K: Kind>(trap: Trap<'_>) -> ControlFlow<GuestExit> {
    use ExceptionClass::*;

    if let Some(flow) = K::resolve_first(trap) {
        return flow;
    }

    let resolved = match trap.esr.class() {
        Hvc | Pac | Other => false,
        System => system::resolve::<K>(trap),
        InstructionAbort | Watchpoint => fault::locate(trap).is_continue(),
        DataAbort => return fault::data_abort(trap),
        FpAsimd => fpsimd::give_to_guest::<K>(trap.switch, fpsimd::Use::Fp),
        Sve => fpsimd::give_to_guest::<K>(trap.switch, fpsimd::Use::Sve),
        Cp15 => gic::v3_access(trap),
        Eret => K::HAS_EL2 && nested::eret::resolve::<K>(trap),
        MemoryOperation => memory_operation::restart(trap),
        Unallocated3f => {
            errata::translate_impdef_trap(trap.switch);
            false
        }
    };

    if resolved {
        ControlFlow::Continue(())
    } else {
        ControlFlow::Break(GuestExit::TRAP)
    }
}

impl Trap<'_> {
    /// The value of an operand.
    #[inline(always)]
    fn operand(&self, reg: Gpr) -> u64 {
        self.switch.guest().gp_reg(reg)
    }

    /// Sets the result of the instruction.
    #[inline(always)]
    fn set_result(&self, reg: Gpr, value: u64) {
        self.switch.guest().set_gp_reg(reg, value);
    }

    /// Moves the guest on by the trapped instruction, in the hardware. Always true, as the end of
    /// a fix-up.
    #[inline(always)]
    fn skip_instruction(&self) -> bool {
        let masked = self.switch.masked;

        if self.pstate.get().has(Pstate::M4) {
            return self.skip_instruction_aarch32();
        }

        // Memory need not follow: nobody looks at it before the next exit overwrites it.
        let after = self.pstate.after_instruction();

        ELR_EL2::set(ELR_EL2::read().wrapping_add(4), masked);
        if after != self.pstate {
            SPSR_EL2::set(after, masked);
        }
        true
    }

    /// The same in AArch32. Always true: resolved.
    #[cold]
    pub(in crate::hyp) fn skip_instruction_aarch32(&self) -> bool {
        let Switch { vcpu, masked, .. } = self.switch;
        let guest = vcpu.context();

        guest.set_pc(ELR_EL2::read());
        guest.set_pstate(self.pstate.get().into_raw());
        vcpu.skip_instruction_aarch32();

        let after = Pstate::from_raw(guest.pstate()).for_guest().stepped();

        ELR_EL2::set(guest.pc(), masked);
        SPSR_EL2::set(after, masked);
        true
    }
}
