// SPDX-License-Identifier: GPL-2.0

//! `PSTATE`, as `SPSR_EL2` has it.
//!
//! Source: Arm ARM, "SPSR_EL2, Saved Program Status Register (EL2)".
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h: to_hw_pstate,
//!     __sysreg_restore_el2_return_state; arch/arm64/kvm/hyp/vhe/switch.c: fixup_nv_guest_exit;
//!     arch/arm64/kvm/hyp/include/hyp/adjust_pc.h: kvm_skip_instr, __kvm_skip_instr
#![forbid(unsafe_code)]

use super::fields::register_values;

register_values! {
    /// The state that an exception was taken from, or that a return goes to.
    pub(crate) struct Pstate {
        /// Exception level and stack pointer, or a mode of AArch32.
        M = 4:0;
        /// AArch32.
        M4 = 4;
        /// Of AArch32: data accesses are big-endian.
        E = 9;
        /// What kind of branch comes from.
        BTYPE = 11:10;
        /// Illegal state.
        IL = 20;
        /// A software step is to be taken: the state is active-not-pending.
        SS = 21;
        /// A condition flag.
        N = 31;
    }
}

/// A state that a guest may be returned to: one at EL1 or EL0, or an illegal one, which comes back
/// at once.
///
/// # Invariants
///
/// As it says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct GuestPstate(Pstate);

impl GuestPstate {
    /// For mechanism, which knows that a guest was in that state.
    #[inline(always)]
    pub(super) const fn taken(pstate: Pstate) -> Self {
        // INVARIANT: Hardware let a guest be in it.
        Self(pstate)
    }

    /// The state.
    #[inline(always)]
    pub(crate) const fn get(self) -> Pstate {
        self.0
    }

    /// The state once a step has been taken: see [`Pstate::stepped`].
    #[inline(always)]
    pub(crate) const fn stepped(self) -> Self {
        // INVARIANT: The mode stays.
        Self(self.0.stepped())
    }

    /// The state after an AArch64 instruction: see [`Pstate::after_instruction`].
    #[inline(always)]
    pub(crate) const fn after_instruction(self) -> Self {
        // INVARIANT: The mode stays.
        Self(self.0.after_instruction())
    }
}

/// Exception level and stack pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    El0,
    /// EL1 with `SP_EL0`.
    El1t,
    /// EL1 with `SP_EL1`.
    El1h,
    /// EL2 with `SP_EL0`.
    El2t,
    /// EL2 with `SP_EL2`.
    El2h,
    /// AArch32, or nothing that KVM lets a guest have.
    Other,
}

impl Pstate {
    /// The mode.
    #[inline(always)]
    pub(crate) const fn mode(self) -> Mode {
        match self.get(Self::M) {
            0b00000 => Mode::El0,
            0b00100 => Mode::El1t,
            0b00101 => Mode::El1h,
            0b01000 => Mode::El2t,
            0b01001 => Mode::El2h,
            _ => Mode::Other,
        }
    }

    /// The same state in another mode; unchanged for [`Mode::Other`], which names none.
    #[inline(always)]
    pub(crate) const fn with_mode(self, mode: Mode) -> Self {
        let bits = match mode {
            Mode::El0 => 0b00000,
            Mode::El1t => 0b00100,
            Mode::El1h => 0b00101,
            Mode::El2t => 0b01000,
            Mode::El2h => 0b01001,
            Mode::Other => return self,
        };

        self.put(Self::M, bits)
    }

    /// What a guest at virtual EL2 that runs at EL1 has to see.
    #[inline(always)]
    pub(crate) const fn as_virtual_el2(self) -> Self {
        match self.mode() {
            Mode::El1t => self.with_mode(Mode::El2t),
            Mode::El1h => self.with_mode(Mode::El2h),
            _ => self,
        }
    }

    /// The state to enter a guest in: virtual EL2 runs at EL1.
    ///
    /// No guest gets to EL2 or EL3 by this, whoever let such a mode through to here: it is entered
    /// in an illegal state, and so comes back with its first instruction. AArch32's modes are all
    /// below EL2 but for hyp, which an AArch64 EL2 cannot return to.
    #[inline(always)]
    pub(crate) const fn for_guest(self) -> GuestPstate {
        const ABOVE_EL1: u64 = 0b01000;

        if self.get(Self::M) < ABOVE_EL1 || self.has(Self::M4) {
            return GuestPstate(self);
        }

        // INVARIANT: EL1, or illegal.
        GuestPstate(match self.mode() {
            Mode::El2t => self.with_mode(Mode::El1t),
            Mode::El2h => self.with_mode(Mode::El1h),
            _ => Self::ZERO.with(Self::IL).with_mode(Mode::El2h),
        })
    }

    /// The state once a step has been taken: active-pending.
    #[inline(always)]
    pub(crate) const fn stepped(self) -> Self {
        self.without(Self::SS)
    }

    /// The state after an AArch64 instruction other than a branch.
    #[inline(always)]
    pub(crate) const fn after_instruction(self) -> Self {
        self.stepped().without(Self::BTYPE)
    }
}
