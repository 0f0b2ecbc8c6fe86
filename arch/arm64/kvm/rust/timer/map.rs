// SPDX-License-Identifier: GPL-2.0

//! Which of a vCPU's timers the hardware runs at a given moment.
//!
//! The EL0 timer registers give a guest two hardware timers, one virtual and one physical. A
//! timer is *direct* while it owns one of them, and *emulated* with an hrtimer otherwise.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: get_timer_map; include/kvm/arm_arch_timer.h: timer_map
#![forbid(unsafe_code)]

use crate::kvm::timer_id::{
    Bank,
    TimerId, //
};

/// Who is direct and who is emulated, by what decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimerMap {
    /// A plain guest on a host without VHE: the host needs the physical timer itself.
    Nvhe,
    /// A plain guest on a VHE host.
    Vhe,
    /// A nested guest while at virtual EL2.
    NestedHyp,
    /// A nested guest while at virtual EL1 or EL0.
    NestedGuest,
}

impl TimerMap {
    /// The owner of a hardware timer, if a guest has it.
    #[inline(always)]
    pub(crate) const fn direct(self, bank: Bank) -> Option<TimerId> {
        match (bank, self) {
            (Bank::Virtual, Self::NestedHyp) => Some(TimerId::Hvtimer),
            (Bank::Virtual, _) => Some(TimerId::Vtimer),
            (Bank::Physical, Self::Nvhe) => None,
            (Bank::Physical, Self::NestedHyp) => Some(TimerId::Hptimer),
            (Bank::Physical, _) => Some(TimerId::Ptimer),
        }
    }

    /// The timer of that kind that an hrtimer runs, if there is one.
    #[inline(always)]
    pub(crate) const fn emulated(self, bank: Bank) -> Option<TimerId> {
        match (self, bank) {
            (Self::Vhe, _) | (Self::Nvhe, Bank::Virtual) => None,
            (Self::Nvhe, Bank::Physical) => Some(TimerId::Ptimer),
            (Self::NestedHyp, Bank::Virtual) => Some(TimerId::Vtimer),
            (Self::NestedHyp, Bank::Physical) => Some(TimerId::Ptimer),
            (Self::NestedGuest, Bank::Virtual) => Some(TimerId::Hvtimer),
            (Self::NestedGuest, Bank::Physical) => Some(TimerId::Hptimer),
        }
    }

    /// The direct timers, virtual first.
    #[inline(always)]
    pub(crate) fn all_direct(self) -> impl Iterator<Item = TimerId> {
        BANKS.into_iter().filter_map(move |bank| self.direct(bank))
    }

    /// The emulated timers, virtual first.
    #[inline(always)]
    pub(crate) fn all_emulated(self) -> impl Iterator<Item = TimerId> {
        BANKS
            .into_iter()
            .filter_map(move |bank| self.emulated(bank))
    }

    /// Whether an hrtimer runs this timer.
    #[inline(always)]
    pub(crate) fn is_emulated(self, timer: TimerId) -> bool {
        self.emulated(timer.bank()) == Some(timer)
    }
}

const BANKS: [Bank; 2] = [Bank::Virtual, Bank::Physical];
