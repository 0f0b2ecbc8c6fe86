// SPDX-License-Identifier: GPL-2.0

//! The four timers of a vCPU, by C's numbers. On `core` alone.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: default_ppi, nr_timers; include/kvm/arm_arch_timer.h:
//!     kvm_arch_timers
#![forbid(unsafe_code)]

/// A timer of a vCPU. Its number is its place in C's arrays.
#[repr(u8)]
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
    /// Every timer that a vCPU may have, in C's order.
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

    /// The timer of that number; `None` if there is none.
    #[inline]
    pub(crate) const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Ptimer),
            1 => Some(Self::Vtimer),
            2 => Some(Self::Hvtimer),
            3 => Some(Self::Hptimer),
            _ => None,
        }
    }

    /// Its place in C's arrays.
    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        // CAST: a discriminant.
        self as usize
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
