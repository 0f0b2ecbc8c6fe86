// SPDX-License-Identifier: GPL-2.0

//! Names of system registers and instructions as numbers.
//!
//! Source: Arm ARM, "System instruction class encoding overview".
#![forbid(unsafe_code)]

/// The five numbers that tell one `MRS`, `MSR` or `SYS` from another.
///
/// Packed as in the instruction, which is also how C's `sys_reg()` packs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Encoding(u32);

impl Encoding {
    /// Packs the five numbers; each is cut to its width.
    #[inline(always)]
    pub(crate) const fn new(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> Self {
        Self(
            (op0 & 0x3) << 19
                | (op1 & 0x7) << 16
                | (crn & 0xf) << 12
                | (crm & 0xf) << 8
                | (op2 & 0x7) << 5,
        )
    }

    /// Which group of instructions: 1 is `SYS`, 3 most registers.
    #[inline(always)]
    pub(crate) const fn op0(self) -> u32 {
        self.0 >> 19 & 0x3
    }

    /// Roughly, which exception level it is for.
    #[inline(always)]
    pub(crate) const fn op1(self) -> u32 {
        self.0 >> 16 & 0x7
    }

    /// `CRn`.
    #[inline(always)]
    pub(crate) const fn crn(self) -> u32 {
        self.0 >> 12 & 0xf
    }

    /// `CRm`.
    #[inline(always)]
    pub(crate) const fn crm(self) -> u32 {
        self.0 >> 8 & 0xf
    }

    /// What is left.
    #[inline(always)]
    pub(crate) const fn op2(self) -> u32 {
        self.0 >> 5 & 0x7
    }

    /// The same with another `op0`.
    #[inline(always)]
    pub(crate) const fn with_op0(self, op0: u32) -> Self {
        Self::new(op0, self.op1(), self.crn(), self.crm(), self.op2())
    }

    /// The same with another `op1`: by that an alias differs from the register that it stands for.
    #[inline(always)]
    pub(crate) const fn with_op1(self, op1: u32) -> Self {
        Self::new(self.op0(), op1, self.crn(), self.crm(), self.op2())
    }

    /// For calls into C.
    #[inline(always)]
    pub(crate) const fn into_raw(self) -> u32 {
        self.0
    }
}
