// SPDX-License-Identifier: GPL-2.0

//! `ESR_EL2`: why the CPU came to EL2.
//!
//! Source: Arm ARM, "ESR_EL2, Exception Syndrome Register (EL2)".
#![forbid(unsafe_code)]

use super::{
    encoding::Encoding,
    fields::register_values, //
};

register_values! {
    /// A syndrome.
    pub(crate) struct Esr {
        /// The class.
        EC = 31:26;
        /// The instruction is of 32 bits.
        IL = 25;
        /// What the class makes of it.
        ISS = 24:0;
        /// Of an `ERET`: the instruction authenticates the address first.
        ERET = 1;
    }

    /// Of a trapped access to a system register, or a trapped `SYS`.
    pub(crate) struct SystemTrap {
        /// Parts of the encoding, as are those by the same names below.
        Op0 = 21:20;
        Op2 = 19:17;
        Op1 = 16:14;
        CRn = 13:10;
        /// The general-purpose register.
        Rt = 9:5;
        CRm = 4:1;
        /// It is read.
        Direction = 0;
    }

    /// Of aborts, and in part of watchpoints: what they say about a fault.
    pub(crate) struct Abort {
        /// The syndrome describes the instruction, which that of data aborts does.
        ISV = 24;
        /// The size of the access: a power of two of bytes.
        SAS = 23:22;
        /// The general-purpose register.
        SRT = 20:16;
        /// `FAR_EL2` has no address, which is so after some external aborts.
        FnV = 10;
        /// The access was one of the walker of the stage 1 tables.
        S1PTW = 7;
        /// The access was a write.
        WnR = 6;
        /// The kind of fault.
        FSC = 5:0;
    }

    /// Of a memory copy or set (FEAT_MOPS) that the CPU cannot take further.
    pub(crate) struct MemoryOperation {
        /// It is one of `SET*`, otherwise of `CPY*`.
        MemInst = 24;
        /// The instruction is the epilogue, otherwise the main part.
        FromEpilogue = 18;
        /// The registers are in the form of the option that the CPU has not.
        WrongOption = 17;
        /// The CPU that took the exception has option A, otherwise option B.
        OptionA = 16;
        /// Holds the destination address.
        Rd = 14:10;
        /// Holds the source address, of a copy.
        Rs = 9:5;
        /// Holds the size.
        Rn = 4:0;
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
    /// The syndrome that the trap of a 32-bit long `MRS`, `MSR` or `SYS` has. Of `iss` the bits
    /// that the field ISS has are taken.
    #[inline(always)]
    pub(crate) const fn for_system_trap(iss: u64) -> Self {
        Self::ZERO
            .put(Self::EC, 0x18)
            .with(Self::IL)
            .put(Self::ISS, iss)
    }

    /// The class.
    #[inline(always)]
    pub(crate) const fn class(self) -> ExceptionClass {
        use ExceptionClass::*;

        match self.get(Self::EC) {
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

    /// As the syndrome of [`ExceptionClass::System`].
    #[inline(always)]
    pub(crate) const fn system_trap(self) -> SystemTrap {
        SystemTrap(self.0)
    }

    /// As the syndrome of an abort, and in part of a watchpoint.
    #[inline(always)]
    pub(crate) const fn abort(self) -> Abort {
        Abort(self.0)
    }

    /// As the syndrome of [`ExceptionClass::MemoryOperation`].
    #[inline(always)]
    pub(crate) const fn memory_operation(self) -> MemoryOperation {
        MemoryOperation(self.0)
    }
}

/// Which way a trapped access goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From a general-purpose register: `MSR`, `SYS`.
    Write,
    /// To a general-purpose register: `MRS`.
    Read,
}

/// The number of a general-purpose register, 31 for the zero register.
///
/// # Invariants
///
/// At most 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gpr(u8);

impl Gpr {
    /// The one that an instruction cannot write to, and that reads as 0.
    pub(crate) const ZERO: Self = Self(31);

    /// From a field of five bits; higher bits are ignored.
    #[inline(always)]
    pub(crate) const fn from_field(field: u64) -> Self {
        // INVARIANT: Five bits. CAST: see there.
        Self((field & 0x1f) as u8)
    }

    /// The number.
    #[inline(always)]
    pub(crate) const fn number(self) -> u8 {
        self.0
    }
}

impl SystemTrap {
    /// Which register or instruction.
    #[inline(always)]
    pub(crate) const fn encoding(self) -> Encoding {
        // CAST: a few bits each.
        Encoding::new(
            self.get(Self::Op0) as u32,
            self.get(Self::Op1) as u32,
            self.get(Self::CRn) as u32,
            self.get(Self::CRm) as u32,
            self.get(Self::Op2) as u32,
        )
    }

    /// The general-purpose register.
    #[inline(always)]
    pub(crate) const fn rt(self) -> Gpr {
        Gpr::from_field(self.get(Self::Rt))
    }

    /// Whether it reads or writes.
    #[inline(always)]
    pub(crate) const fn direction(self) -> Direction {
        if self.has(Self::Direction) {
            Direction::Read
        } else {
            Direction::Write
        }
    }
}

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
        match self.get(Self::FSC) {
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

    /// The size of the access in bytes, if the instruction is described.
    #[inline(always)]
    pub(crate) const fn size(self) -> u32 {
        1 << self.get(Self::SAS)
    }

    /// The general-purpose register, if the instruction is described.
    #[inline(always)]
    pub(crate) const fn register(self) -> Gpr {
        Gpr::from_field(self.get(Self::SRT))
    }
}

impl MemoryOperation {
    /// The registers are in the form of option A, otherwise of option B.
    #[inline(always)]
    pub(crate) const fn registers_have_option_a(self) -> bool {
        self.has(Self::OptionA) != self.has(Self::WrongOption)
    }

    /// Holds the destination address.
    #[inline(always)]
    pub(crate) const fn destination(self) -> Gpr {
        Gpr::from_field(self.get(Self::Rd))
    }

    /// Holds the source address, of a copy.
    #[inline(always)]
    pub(crate) const fn source(self) -> Gpr {
        Gpr::from_field(self.get(Self::Rs))
    }

    /// Holds the size.
    #[inline(always)]
    pub(crate) const fn size(self) -> Gpr {
        Gpr::from_field(self.get(Self::Rn))
    }
}
