// SPDX-License-Identifier: GPL-2.0

//! What lives while a vCPU runs: from the way into the guest until the way out of it.
//!
//! Mirrors: arch/arm64/include/asm/kvm_asm.h: ARM_EXIT_WITH_SERROR_BIT, ARM_EXCEPTION_CODE,
//!     ARM_SERROR_PENDING; arch/arm64/include/asm/kvm_emulate.h: is_hyp_ctxt, is_nested_ctxt
#![forbid(unsafe_code)]

use super::*;
use crate::side;

/// One run of a vCPU on this CPU. Entering the guest and fixing up exits both work on it.
///
/// The vCPU is loaded here, all its registers but those that the assembly switches are in the
/// hardware, and exceptions are masked: it is evidence for all three.
///
/// Handed on by value, so that it can stay in registers: code that is not inlined gets a copy.
///
/// # Invariants
///
/// All of it is of that vCPU and this CPU.
#[derive(Clone, Copy)]
pub(crate) struct Switch<'a> {
    /// Made here alone.
    _sealed: (),
    /// The vCPU that runs.
    pub(crate) vcpu: RunningVcpu<'a>,
    /// This CPU's data, found once.
    pub(crate) host: HostData<'a>,
    /// All exceptions are masked.
    pub(crate) masked: Masked<'a>,
    /// What this side finds out of the vCPU before the guest is entered.
    pub(crate) known: side::Known<'a>,
}

impl<'a> Switch<'a> {
    /// A run that begins, of a vCPU of that kind or a weaker one.
    #[inline(always)]
    pub(in crate::hyp) fn new<K: Kind>(vcpu: RunningVcpu<'a>) -> Self {
        // INVARIANT: All of it comes from the one value.
        Self {
            _sealed: (),
            vcpu,
            host: HostData::get(*vcpu.masked()),
            masked: vcpu.masked(),
            known: side::Known::of(vcpu, K::HAS_EL2),
        }
    }

    /// The vCPU's registers in memory.
    #[inline(always)]
    pub(crate) fn guest(self) -> CpuContext<'a> {
        self.vcpu.context()
    }

    /// The VM that the vCPU is of.
    #[inline(always)]
    pub(crate) fn vm(self) -> Vm<'a> {
        self.known.vm(self.vcpu)
    }
}

/// The kinds of vCPU. Chosen once a run; what only the other kind needs is not
/// compiled into a kind's code.
pub(in crate::hyp) trait Kind {
    /// Whether the vCPU has a virtual EL2.
    const HAS_EL2: bool;

    /// Whether the vCPU was entered in hyp context: at virtual EL2, or in the user space of a guest
    /// hypervisor that is a VHE host. It leaves the guest in the same, since nothing but an ERET
    /// that traps ends it.
    fn in_hyp_context(switch: Switch<'_>) -> bool;

    /// Whether the host must not know its state, nor is trusted to look after it (pKVM).
    #[inline(always)]
    fn is_protected(_switch: Switch<'_>) -> bool {
        false
    }

    /// The exit of a guest that is in that state, if it may be.
    #[inline(always)]
    fn judge(_switch: Switch<'_>, _pstate: Pstate, exit: GuestExit) -> GuestExit {
        exit
    }

    /// What is done about a trap of a protected vCPU, if that differs from what is done of others.
    #[inline(always)]
    fn resolve_first(_trap: exit::Trap<'_>) -> Option<ControlFlow<GuestExit>> {
        None
    }

    /// Whether it was entered as the guest of a guest hypervisor.
    #[inline(always)]
    fn in_nested_context(switch: Switch<'_>) -> bool {
        Self::HAS_EL2 && !Self::in_hyp_context(switch)
    }
}

/// A vCPU without EL2.
pub(in crate::hyp) enum Plain {}

/// A vCPU with EL2, at whichever level it is.
pub(in crate::hyp) enum Nested {}

impl Kind for Plain {
    const HAS_EL2: bool = false;

    #[inline(always)]
    fn in_hyp_context(_switch: Switch<'_>) -> bool {
        false
    }
}

impl Kind for Nested {
    const HAS_EL2: bool = true;

    #[inline(always)]
    fn in_hyp_context(switch: Switch<'_>) -> bool {
        switch.known.in_hyp_context()
    }
}

/// How the CPU came back from a guest: what the assembly's way out says, and what a run ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GuestExit(u64);

impl GuestExit {
    /// An interrupt, pending or taken.
    pub(crate) const IRQ: Self = Self(bindings::ARM_EXCEPTION_IRQ as u64);
    /// An SError taken from the guest.
    pub(crate) const SERROR: Self = Self(bindings::ARM_EXCEPTION_EL1_SERROR as u64);
    /// An illegal state.
    #[cfg(nvhe)]
    pub(crate) const ILLEGAL: Self = Self(bindings::ARM_EXCEPTION_IL as u64);
    /// A synchronous exception.
    pub(crate) const TRAP: Self = Self(bindings::ARM_EXCEPTION_TRAP as u64);

    /// Beside the reason: an SError was pending on the way out.
    const SERROR_PENDING: u64 = 1 << bindings::ARM_EXIT_WITH_SERROR_BIT;

    /// What the assembly returns.
    #[inline(always)]
    pub(crate) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// For the caller in C.
    #[inline(always)]
    pub(crate) const fn into_raw(self) -> u64 {
        self.0
    }

    /// The reason, without regard to an SError that was pending.
    #[inline(always)]
    pub(crate) const fn reason(self) -> Self {
        Self(self.0 & !Self::SERROR_PENDING)
    }

    /// Another reason; an SError that was pending still is.
    #[cfg(nvhe)]
    #[inline(always)]
    pub(crate) const fn with_reason(self, reason: Self) -> Self {
        Self(self.0 & Self::SERROR_PENDING | reason.0)
    }

    /// An SError was pending, whatever the reason.
    #[inline(always)]
    pub(crate) const fn serror_pending(self) -> bool {
        self.0 & Self::SERROR_PENDING != 0
    }
}
