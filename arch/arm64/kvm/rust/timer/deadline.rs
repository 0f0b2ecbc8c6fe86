// SPDX-License-Identifier: GPL-2.0

//! From counter ticks to the host's nanoseconds, and which of several deadlines comes first.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_counter_compute_delta, kvm_timer_earliest_exp;
//!     include/linux/timecounter.h: cyclecounter_cyc2ns
#![forbid(unsafe_code)]

use super::counter::Ticks;

/// A span of the host's monotonic time, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(u64);

impl Nanos {
    /// No time at all.
    pub(crate) const ZERO: Self = Self(0);

    /// The raw number of nanoseconds, for tests.
    #[cfg(any(test, CONFIG_KVM_ARM64_RUST_KUNIT_TEST))]
    pub(crate) const fn get(self) -> u64 {
        self.0
    }

    /// As a `ktime_t` interval; what does not fit is as good as for ever (292 years).
    #[inline]
    pub(crate) const fn as_ktime(self) -> i64 {
        if self.0 > i64::MAX as u64 {
            i64::MAX
        } else {
            self.0 as i64
        }
    }
}

/// The counter's rate, as the kernel's timekeeping expresses it: ns = ticks * mult / 2^shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TickRate {
    mult: u32,
    shift: u32,
}

impl TickRate {
    /// Makes a rate from the fields of a `struct cyclecounter`. A `shift` beyond 63 is taken as 63.
    #[inline]
    pub(crate) const fn new(mult: u32, shift: u32) -> Self {
        Self {
            mult,
            shift: if shift > 63 { 63 } else { shift },
        }
    }

    /// How long `ticks` last, rounded up: a soft timer must not come before the guest's deadline.
    ///
    /// The product is computed in 128 bits, so that a deadline in the far future stays there.
    #[inline]
    pub(crate) const fn duration(self, ticks: Ticks) -> Nanos {
        // NO-OVERFLOW: 64 bits times 32 bits, plus less than 64 bits, fits in 128; `shift` < 64.
        // Shifts, not a division: the kernel has no 128-bit one.
        let round_up = 1u128.wrapping_shl(self.shift).wrapping_sub(1);
        let product = (ticks.get() as u128).wrapping_mul(self.mult as u128);
        let ns = product.wrapping_add(round_up).wrapping_shr(self.shift);

        if ns > u64::MAX as u128 {
            Nanos(u64::MAX)
        } else {
            Nanos(ns as u64)
        }
    }
}

/// When a timer, or the first of several, is due. Of two the lesser is the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deadline {
    /// The timer's condition is met.
    Passed,
    /// It will be met after this long.
    In(Nanos),
    /// It cannot fire: disabled or masked.
    Never,
}

impl Deadline {
    /// The deadline of a timer that can fire and has this distance left, if any.
    #[inline]
    pub(crate) const fn after(left: Option<Ticks>, rate: TickRate) -> Self {
        match left {
            None => Self::Passed,
            Some(ticks) => Self::In(rate.duration(ticks)),
        }
    }

    /// How much longer to sleep; `None` when there is nothing (more) to wait for.
    #[inline]
    pub(crate) const fn remaining(self) -> Option<Nanos> {
        match self {
            Self::In(ns) => Some(ns),
            Self::Passed | Self::Never => None,
        }
    }
}
