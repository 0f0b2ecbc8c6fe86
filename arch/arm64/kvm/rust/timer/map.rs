// SPDX-License-Identifier: GPL-2.0

//! The four timers of a vCPU, and which of them the hardware runs at a given moment.
//!
//! The EL0 timer registers give a guest two hardware timers, one virtual and one physical. A
//! timer is *direct* while it owns one of them, and *emulated* with an hrtimer otherwise.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: default_ppi, nr_timers, get_timer_map;
//!     include/kvm/arm_arch_timer.h: kvm_arch_timers
#![forbid(unsafe_code)]

/// A timer of a vCPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimerId {
    /// EL1 physical timer, `CNTP_*_EL0`.
    Ptimer,
    /// EL1 virtual timer, `CNTV_*_EL0`.
    Vtimer,
    /// EL2 virtual timer of a nested guest, `CNTHV_*_EL2`.
    Hvtimer,
    /// EL2 physical timer of a nested guest, `CNTHP_*_EL2`.
    Hptimer,
}

/// Which of the two hardware timers a timer uses when it is direct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bank {
    /// `CNTV_*_EL0`, under `CNTVOFF_EL2`.
    Virtual,
    /// `CNTP_*_EL0`, under `CNTPOFF_EL2` where there is one.
    Physical,
}

impl TimerId {
    /// Every timer a vCPU may have, in C's order.
    pub(crate) const ALL: [Self; 4] = [Self::Ptimer, Self::Vtimer, Self::Hvtimer, Self::Hptimer];

    /// The timers that a vCPU has, with or without a virtual EL2.
    #[inline]
    pub(crate) const fn of_vcpu(has_el2: bool) -> &'static [Self] {
        if has_el2 {
            &Self::ALL
        } else {
            &[Self::Ptimer, Self::Vtimer]
        }
    }

    /// The hardware timer it uses when direct.
    #[inline]
    pub(crate) const fn bank(self) -> Bank {
        match self {
            Self::Vtimer | Self::Hvtimer => Bank::Virtual,
            Self::Ptimer | Self::Hptimer => Bank::Physical,
        }
    }

    /// Whether NV2 redirects the registers of this timer to memory while the guest runs at
    /// virtual EL2, so that only an exit can update what the guest reads.
    #[inline]
    pub(crate) const fn is_el1(self) -> bool {
        matches!(self, Self::Ptimer | Self::Vtimer)
    }

    /// The PPI by default, as the Arm Base System Architecture recommends.
    #[inline]
    pub(crate) const fn default_ppi(self) -> u32 {
        match self {
            Self::Ptimer => 30,
            Self::Vtimer => 27,
            Self::Hvtimer => 28,
            Self::Hptimer => 26,
        }
    }
}

/// What decides which timers are direct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Regime {
    /// A plain guest on a host without VHE: the host needs the physical timer itself.
    Nvhe,
    /// A plain guest on a VHE host.
    Vhe,
    /// A nested guest while at virtual EL2.
    NestedHyp,
    /// A nested guest while at virtual EL1 or EL0.
    NestedGuest,
}

/// Who is direct and who is emulated. `None`: no such timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerMap {
    /// Owner of the virtual hardware timer.
    pub(crate) direct_vtimer: TimerId,
    /// Owner of the physical hardware timer.
    pub(crate) direct_ptimer: Option<TimerId>,
    /// Virtual timer run by an hrtimer.
    pub(crate) emul_vtimer: Option<TimerId>,
    /// Physical timer run by an hrtimer.
    pub(crate) emul_ptimer: Option<TimerId>,
}

impl TimerMap {
    /// The map of a regime.
    #[inline]
    pub(crate) const fn of(regime: Regime) -> Self {
        use TimerId::{Hptimer, Hvtimer, Ptimer, Vtimer};

        let (direct_vtimer, direct_ptimer, emul_vtimer, emul_ptimer) = match regime {
            Regime::Nvhe => (Vtimer, None, None, Some(Ptimer)),
            Regime::Vhe => (Vtimer, Some(Ptimer), None, None),
            Regime::NestedHyp => (Hvtimer, Some(Hptimer), Some(Vtimer), Some(Ptimer)),
            Regime::NestedGuest => (Vtimer, Some(Ptimer), Some(Hvtimer), Some(Hptimer)),
        };

        Self {
            direct_vtimer,
            direct_ptimer,
            emul_vtimer,
            emul_ptimer,
        }
    }

    /// The owner of a hardware timer.
    #[inline]
    pub(crate) const fn direct(self, bank: Bank) -> Option<TimerId> {
        match bank {
            Bank::Virtual => Some(self.direct_vtimer),
            Bank::Physical => self.direct_ptimer,
        }
    }

    /// The direct timers, virtual first.
    #[inline]
    pub(crate) fn all_direct(self) -> impl Iterator<Item = TimerId> + Clone {
        core::iter::once(self.direct_vtimer).chain(self.direct_ptimer)
    }

    /// The emulated timers, virtual first.
    #[inline]
    pub(crate) fn all_emulated(self) -> impl Iterator<Item = TimerId> + Clone {
        self.emul_vtimer.into_iter().chain(self.emul_ptimer)
    }

    /// Whether an hrtimer runs this timer.
    #[inline]
    pub(crate) fn is_emulated(self, timer: TimerId) -> bool {
        self.emul_vtimer == Some(timer) || self.emul_ptimer == Some(timer)
    }
}
