// SPDX-License-Identifier: GPL-2.0

//! Memory copies and sets that began on another CPU.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: kvm_hyp_handle_mops;
//!     arch/arm64/include/asm/traps.h: arm64_mops_reset_regs
#![forbid(unsafe_code)]

use super::*;

/// Begins the operation again. Always true: resolved.
#[cold]
pub(in crate::hyp) fn restart(trap: Trap<'_>) -> bool {
    let masked = trap.switch.masked;
    let operation = trap.esr.memory_operation();
    let before = Operands {
        destination: trap.operand(operation.destination()),
        source: trap.operand(operation.source()),
        size: trap.operand(operation.size()),
    };
    let after = before.for_prologue(operation, trap.pstate.get().has(Pstate::N));

    trap.set_result(operation.destination(), after.destination);
    if !operation.has(MemoryOperation::MemInst) {
        trap.set_result(operation.source(), after.source);
    }
    trap.set_result(operation.size(), after.size);

    ELR_EL2::set(prologue(operation, ELR_EL2::read()), masked);
    // The hardware's PSTATE, not the one in memory, which may have the level of virtual EL2. A step
    // ends here, before the prologue.
    SPSR_EL2::set(trap.pstate.stepped(), masked);
    true
}
