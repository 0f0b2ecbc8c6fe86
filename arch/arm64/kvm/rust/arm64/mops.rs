// SPDX-License-Identifier: GPL-2.0

//! Memory copies and sets (FEAT_MOPS) that a CPU cannot take further, because another one began
//! them: how they are begun again.
//!
//! Source: Arm ARM, "Memory Copy and Memory Set exceptions", rules CNTMJ and MWFQH.
//!
//! Mirrors: arch/arm64/include/asm/traps.h: arm64_mops_reset_regs
#![forbid(unsafe_code)]

use super::esr::MemoryOperation;

/// The registers of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operands {
    /// An address.
    pub(crate) destination: u64,
    /// An address, of a copy.
    pub(crate) source: u64,
    /// What is left, in a form that depends on the option.
    pub(crate) size: u64,
}

impl Operands {
    /// What they must be for a prologue to take up what is left: start addresses, and a size that
    /// is positive. `negative` is the flag N.
    pub(crate) const fn for_prologue(self, operation: MemoryOperation, negative: bool) -> Self {
        // CAST: the sign of a count.
        let counts_up = (self.size as i64) < 0;

        match (
            operation.has(MemoryOperation::MemInst),
            operation.registers_have_option_a(), //
        ) {
            // Addresses are the ends, and the size counts up to 0.
            (true, true) => Self {
                source: self.source,
                ..self.at_starts()
            },
            // The same, if the copy goes forward; if not, addresses are the starts.
            (false, true) if counts_up => self.at_starts(),
            // Addresses are the ends if the copy goes backward, which N says.
            (false, false) if negative => Self {
                destination: self.destination.wrapping_sub(self.size),
                source: self.source.wrapping_sub(self.size),
                size: self.size,
            },
            (true, false) | (false, _) => self,
        }
    }

    const fn at_starts(self) -> Self {
        Self {
            destination: self.destination.wrapping_add(self.size),
            source: self.source.wrapping_add(self.size),
            size: self.size.wrapping_neg(),
        }
    }
}

/// Where the prologue is: right before the main part, which is right before the epilogue.
pub(crate) const fn prologue(operation: MemoryOperation, address: u64) -> u64 {
    address.wrapping_sub(if operation.has(MemoryOperation::FromEpilogue) {
        8
    } else {
        4
    })
}
