// SPDX-License-Identifier: GPL-2.0

//! Values of the timer control registers.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_timer_enabled, kvm_timer_pending,
//!     kvm_timer_update_status, read_timer_ctl; include/clocksource/arm_arch_timer.h:
//!     ARCH_TIMER_CTRL_ENABLE, ARCH_TIMER_CTRL_IT_MASK, ARCH_TIMER_CTRL_IT_STAT
#![forbid(unsafe_code)]

/// `CNTV_CTL_EL0`, `CNTP_CTL_EL0` and their EL2 siblings (Arm ARM, `CNTV_CTL_EL0`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerCtl(u32);

/// The level of a timer's output line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Deasserted.
    Low,
    /// Asserted: enabled, unmasked, and the condition is met.
    High,
}

impl TimerCtl {
    const ENABLE: u32 = 1 << 0;
    const IMASK: u32 = 1 << 1;
    const ISTATUS: u32 = 1 << 2;

    /// Disabled, unmasked: how a timer leaves reset, and is parked in hardware.
    pub(crate) const OFF: Self = Self(0);

    /// Wraps a register value. The upper half of the 64-bit register is RES0 and dropped.
    #[inline]
    pub(crate) const fn from_raw(ctl: u64) -> Self {
        // CAST: see above.
        Self(ctl as u32)
    }

    /// The register value.
    #[inline]
    pub(crate) const fn into_raw(self) -> u64 {
        // CAST: widening.
        self.0 as u64
    }

    /// Whether the timer may ever assert its line: enabled and not masked.
    #[inline]
    pub(crate) const fn can_fire(self) -> bool {
        self.0 & (Self::ENABLE | Self::IMASK) == Self::ENABLE
    }

    /// The line level that the hardware's own status bit stands for.
    #[inline]
    pub(crate) const fn level(self) -> Level {
        Level::from_bool(self.can_fire() && self.0 & Self::ISTATUS != 0)
    }

    /// The same with the status bit set to `met`.
    #[inline]
    pub(crate) const fn with_status(self, met: bool) -> Self {
        if met {
            Self(self.0 | Self::ISTATUS)
        } else {
            Self(self.0 & !Self::ISTATUS)
        }
    }
}

impl Level {
    /// `true` is [`Level::High`].
    #[inline]
    pub(crate) const fn from_bool(high: bool) -> Self {
        if high {
            Self::High
        } else {
            Self::Low
        }
    }

    /// Whether the line is asserted.
    #[inline]
    pub(crate) const fn is_high(self) -> bool {
        matches!(self, Self::High)
    }
}
