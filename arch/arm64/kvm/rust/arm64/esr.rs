// SPDX-License-Identifier: GPL-2.0

//! `ESR_EL2`: why the CPU came to EL2.
//!
//! Source: Arm ARM, "ESR_EL2, Exception Syndrome Register (EL2)".
#![forbid(unsafe_code)]

use super::{
    encoding::Encoding,
    fields::Value, //
};

/// A syndrome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Esr(u64);

impl Value for Esr {
    #[inline(always)]
    fn from_raw(raw: u64) -> Self {
        Self::from_raw(raw)
    }

    #[inline(always)]
    fn into_raw(self) -> u64 {
        self.0
    }
}

/// What a hypervisor tells apart by the field EC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExceptionClass {
    /// `MCR` or `MRC` of AArch32, coprocessor 15.
    Cp15,
    /// Advanced SIMD or floating point; SVE too where only the former is said to trap.
    FpAsimd,
    /// An authentication instruction or a key register of FEAT_PAuth.
    Pac,
    /// `HVC`, of either execution state.
    Hvc,
    /// `MRS`, `MSR` or `SYS` of AArch64.
    System,
    /// SVE.
    Sve,
    /// `ERET`, `ERETAA` or `ERETAB`.
    Eret,
    /// An instruction abort from a lower exception level.
    InstructionAbort,
    /// A data abort from a lower exception level.
    DataAbort,
    /// A memory copy or set that cannot go on in this form.
    MemoryOperation,
    /// A watchpoint, at a lower exception level.
    Watchpoint,
    /// 0x3f, which the architecture does not allocate.
    Unallocated3f,
    /// Any other.
    Other,
}

impl Esr {
    #[inline(always)]
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    #[inline(always)]
    pub(crate) const fn into_raw(self) -> u64 {
        self.0
    }

    /// The syndrome that the trap of a 32-bit long `MRS`, `MSR` or `SYS` has. Of `iss` the bits
    /// that the field ISS has are taken.
    #[inline(always)]
    pub(crate) const fn for_system_trap(iss: u64) -> Self {
        Self(0x18 << 26 | 1 << 25 | (iss & 0x1ff_ffff))
    }

    #[inline(always)]
    const fn bit(self, n: u32) -> bool {
        self.0 & 1u64.wrapping_shl(n) != 0
    }

    #[inline(always)]
    const fn field(self, shift: u32, width: u32) -> u32 {
        let mask = 1u64.wrapping_shl(width).wrapping_sub(1);

        // CAST: fields of the syndrome are less than 32 bits wide.
        (self.0.wrapping_shr(shift) & mask) as u32
    }

    /// The class.
    #[inline(always)]
    pub(crate) const fn class(self) -> ExceptionClass {
        use ExceptionClass::*;

        match self.class_code() {
            0x03 => Cp15,
            0x07 => FpAsimd,
            0x09 => Pac,
            0x12 | 0x16 => Hvc,
            0x18 => System,
            0x19 => Sve,
            0x1a => Eret,
            0x20 => InstructionAbort,
            0x24 => DataAbort,
            0x27 => MemoryOperation,
            0x34 => Watchpoint,
            0x3f => Unallocated3f,
            _ => Other,
        }
    }

    /// The field EC.
    #[inline(always)]
    const fn class_code(self) -> u32 {
        self.field(26, 6)
    }

    /// As the syndrome of [`ExceptionClass::System`].
    #[inline(always)]
    pub(crate) const fn system_trap(self) -> SystemTrap {
        SystemTrap(self)
    }

    /// As the syndrome of an abort, and in part of a watchpoint.
    #[inline(always)]
    pub(crate) const fn abort(self) -> Abort {
        Abort(self)
    }

    /// As the syndrome of [`ExceptionClass::MemoryOperation`].
    #[inline(always)]
    pub(crate) const fn memory_operation(self) -> MemoryOperation {
        MemoryOperation(self)
    }

    /// Of [`ExceptionClass::Eret`]: the instruction authenticates the address first.
    #[inline(always)]
    pub(crate) const fn eret_authenticates(self) -> bool {
        self.bit(1)
    }
}

/// A set of exception classes: one test tells whether a syndrome's is among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClassSet(u64);

impl ClassSet {
    /// All classes that are not in the list. For constants: it takes time.
    pub(crate) const fn all_but(classes: &[ExceptionClass]) -> Self {
        let mut set = 0;
        let mut code = 0;

        while code < 64 {
            if !is_among(Esr(code << 26).class(), classes) {
                set |= 1u64 << code;
            }
            code += 1;
        }
        Self(set)
    }

    /// Whether the class of a syndrome is in the set.
    #[inline(always)]
    pub(crate) const fn has_class_of(self, esr: Esr) -> bool {
        self.0.wrapping_shr(esr.class_code()) & 1 != 0
    }
}

const fn is_among(class: ExceptionClass, mut classes: &[ExceptionClass]) -> bool {
    while let [first, rest @ ..] = classes {
        // CAST: enumerators without data. `==` cannot be used in constants.
        if *first as u8 == class as u8 {
            return true;
        }
        classes = rest;
    }
    false
}

/// A trapped access to a system register, or a trapped `SYS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SystemTrap(Esr);

/// Which way a trapped access goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From a general-purpose register: `MSR`, `SYS`.
    Write,
    /// To a general-purpose register: `MRS`.
    Read,
}

/// The number of a general-purpose register, 31 for the zero register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gpr(u8);

impl Gpr {
    #[inline(always)]
    pub(crate) const fn number(self) -> u8 {
        self.0
    }
}

impl Esr {
    #[inline(always)]
    const fn gpr(self, shift: u32) -> Gpr {
        // CAST: five bits.
        Gpr(self.field(shift, 5) as u8)
    }
}

impl SystemTrap {
    /// Which register or instruction.
    #[inline(always)]
    pub(crate) const fn encoding(self) -> Encoding {
        let esr = self.0;

        Encoding::new(
            esr.field(20, 2),
            esr.field(14, 3),
            esr.field(10, 4),
            esr.field(1, 4),
            esr.field(17, 3),
        )
    }

    /// The general-purpose register.
    #[inline(always)]
    pub(crate) const fn rt(self) -> Gpr {
        self.0.gpr(5)
    }

    #[inline(always)]
    pub(crate) const fn direction(self) -> Direction {
        if self.0.bit(0) {
            Direction::Read
        } else {
            Direction::Write
        }
    }
}

/// What aborts and watchpoints say about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Abort(Esr);

/// Kinds of fault, by the field DFSC or IFSC. Levels of translation are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    AddressSize,
    Translation,
    AccessFlag,
    Permission,
    /// A synchronous external abort.
    External,
    /// A synchronous external abort on a translation table walk.
    ExternalOnWalk,
    /// A synchronous parity or ECC error.
    Ecc,
    /// A synchronous parity or ECC error on a translation table walk.
    EccOnWalk,
    Other,
}

impl Abort {
    /// The kind of fault.
    #[inline(always)]
    pub(crate) const fn fault(self) -> Fault {
        use Fault::*;

        // Levels are -1, where the low bits do not count on, and 0 to 3.
        match self.0.field(0, 6) {
            0x00..=0x03 | 0x29 => AddressSize,
            0x04..=0x07 | 0x2b => Translation,
            0x08..=0x0b => AccessFlag,
            0x0c..=0x0f => Permission,
            0x10 => External,
            0x13..=0x17 => ExternalOnWalk,
            0x18 => Ecc,
            0x1b..=0x1f => EccOnWalk,
            _ => Other,
        }
    }

    /// The access was one of the walker of the stage 1 tables.
    #[inline(always)]
    pub(crate) const fn on_stage1_walk(self) -> bool {
        self.0.bit(7)
    }

    /// `FAR_EL2` has no address: `FnV`, which external aborts have.
    #[inline(always)]
    pub(crate) const fn address_unknown(self) -> bool {
        self.0.bit(10)
    }

    /// The syndrome describes the instruction: `ISV`, which data aborts have.
    #[inline(always)]
    pub(crate) const fn describes_instruction(self) -> bool {
        self.0.bit(24)
    }

    /// The access was a write.
    #[inline(always)]
    pub(crate) const fn is_write(self) -> bool {
        self.0.bit(6)
    }

    /// The size of the access in bytes, if the instruction is described.
    #[inline(always)]
    pub(crate) const fn size(self) -> u32 {
        1 << self.0.field(22, 2)
    }

    /// The general-purpose register, if the instruction is described.
    #[inline(always)]
    pub(crate) const fn register(self) -> Gpr {
        self.0.gpr(16)
    }
}

/// A memory copy or set (FEAT_MOPS) that the CPU cannot take further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemoryOperation(Esr);

impl MemoryOperation {
    /// It is one of `SET*`, otherwise of `CPY*`.
    #[inline(always)]
    pub(crate) const fn is_set(self) -> bool {
        self.0.bit(24)
    }

    /// The instruction is the epilogue, otherwise the main part.
    #[inline(always)]
    pub(crate) const fn in_epilogue(self) -> bool {
        self.0.bit(18)
    }

    /// The registers are in the form of option A, otherwise of option B.
    ///
    /// The syndrome has the option of the CPU that took the exception, and whether the registers
    /// are in the other one's form.
    #[inline(always)]
    pub(crate) const fn registers_have_option_a(self) -> bool {
        self.0.bit(16) != self.0.bit(17)
    }

    /// Holds the destination address.
    #[inline(always)]
    pub(crate) const fn destination(self) -> Gpr {
        self.0.gpr(10)
    }

    /// Holds the source address, of a copy.
    #[inline(always)]
    pub(crate) const fn source(self) -> Gpr {
        self.0.gpr(5)
    }

    /// Holds the size.
    #[inline(always)]
    pub(crate) const fn size(self) -> Gpr {
        self.0.gpr(0)
    }
}
