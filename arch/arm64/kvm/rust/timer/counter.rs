// SPDX-License-Identifier: GPL-2.0

//! Counter values, offsets and compare values, each a type of its own.
//!
//! Two clocks tick at the same rate and differ by an offset: the *physical* counter
//! (`CNTPCT_EL0`, what the host reads) and each *guest* view of it (physical minus offset). A
//! compare value written by a guest is in its own view; what is programmed into hardware that
//! does not apply the offset is in the physical view. Nothing converts between the two but the
//! functions of this file, so that they cannot be mixed up.
//!
//! All arithmetic is modulo 2^64, like the hardware's, and total: there is no input that panics.
//!
//! Source: Arm ARM (DDI 0487), "The Generic Timer in AArch64 state", operation of the
//! CompareValue views of the timers.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_counter_compute_delta, kvm_arm_timer_read,
//!     kvm_arm_timer_write; include/kvm/arm_arch_timer.h: timer_get_offset, timer_apply_offset
#![forbid(unsafe_code)]

/// Makes types of a number of ticks. Those that nothing but the functions of this file makes have
/// a `new()` for tests alone, or none.
macro_rules! ticks {
    ($($(#[$meta:meta])* $name:ident $(, $source:ident)?;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $name(u64);

        impl $name {
            ticks!(new $($source)?);

            /// The raw number.
            #[inline(always)]
            pub(crate) const fn get(self) -> u64 {
                self.0
            }
        }
    )*};
    (new derived) => {};
    (new) => {
        /// Wraps a raw number.
        #[inline(always)]
        pub(crate) const fn new(raw: u64) -> Self {
            Self(raw)
        }
    };
    (new made_here) => {
        /// Wraps a raw number, for tests.
        #[cfg(any(test, CONFIG_KVM_ARM64_RUST_KUNIT_TEST))]
        pub(crate) const fn new(raw: u64) -> Self {
            Self(raw)
        }
    };
}

ticks! {
    /// A value of the physical counter.
    PhysicalCount;
    /// A value of a counter as a guest sees it: physical count minus [`Offset`].
    GuestCount, made_here;
    /// What is subtracted from the physical count to get a guest's view, modulo 2^64.
    Offset;
    /// A guest's compare value (`CNT*_CVAL`), in the guest's view.
    CompareValue;
    /// A compare value for hardware that compares with the physical count.
    HardwareCompare, derived;
    /// A distance between two points of the same view.
    Ticks, made_here;
}

impl PhysicalCount {
    /// This instant as seen by a guest whose counter lags by `offset`.
    #[inline]
    pub(crate) const fn seen_with(self, offset: Offset) -> GuestCount {
        GuestCount(self.0.wrapping_sub(offset.0))
    }
}

impl GuestCount {
    /// How long until the count reaches `cval`; `None` if it has.
    ///
    /// The comparison is unsigned, as that of the hardware.
    #[inline]
    pub(crate) const fn until(self, cval: CompareValue) -> Option<Ticks> {
        if self.0 < cval.0 {
            Some(Ticks(cval.0.wrapping_sub(self.0)))
        } else {
            None
        }
    }

    /// Whether a timer with `cval` meets its condition now.
    #[inline]
    pub(crate) const fn has_reached(self, cval: CompareValue) -> bool {
        self.0 >= cval.0
    }
}

impl Offset {
    /// No offset: the guest sees the physical count.
    pub(crate) const ZERO: Self = Self(0);

    /// Two offsets applied one after the other: the VM's, and the one that a guest hypervisor adds.
    #[inline]
    pub(crate) const fn and(self, inner: Self) -> Self {
        Self(self.0.wrapping_add(inner.0))
    }

    /// The inverse of [`Self::and`]: what is applied on top of `outer` to get this one.
    #[inline]
    pub(crate) const fn beyond(self, outer: Self) -> Self {
        Self(self.0.wrapping_sub(outer.0))
    }

    /// Whether both views are the same.
    #[inline]
    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl CompareValue {
    /// The compare value that a write of `tval` at `now` stands for.
    ///
    /// `TVAL` is a signed 32-bit distance from now (Arm ARM, `CNTV_TVAL_EL0`).
    #[inline]
    pub(crate) const fn from_tval(now: GuestCount, tval: u64) -> Self {
        // CAST: the register is 32 bits wide; the upper half of what is written is ignored.
        let distance = tval as i32 as i64;
        Self(now.0.wrapping_add_signed(distance))
    }

    /// What a read of `TVAL` at `now` returns.
    #[inline]
    pub(crate) const fn tval(self, now: GuestCount) -> u32 {
        // CAST: `TVAL` shows the low 32 bits of the distance.
        self.0.wrapping_sub(now.0) as u32
    }
}

impl HardwareCompare {
    /// The compare value that makes hardware, which compares with the physical count, agree with
    /// a guest that set `cval` and sees its counter lag by `offset`.
    ///
    /// The plain sum `cval + offset` may wrap and so name an instant long past for a deadline in
    /// the far future (or the reverse, when the guest's count is behind zero). Hence the distance
    /// from `now` is carried over instead, clamped to the ends of the physical view: what the
    /// physical counter cannot express is "never" (until its very last tick) or "already".
    #[inline]
    pub(crate) const fn from_guest(cval: CompareValue, offset: Offset, now: PhysicalCount) -> Self {
        let seen = now.seen_with(offset);

        match seen.until(cval) {
            Some(left) => Self(now.0.saturating_add(left.0)),
            None => Self(now.0.saturating_sub(seen.0.wrapping_sub(cval.0))),
        }
    }

    /// The guest's compare value as it is: the hardware applies the offset, or there is none.
    #[inline]
    pub(crate) const fn verbatim(cval: CompareValue) -> Self {
        Self(cval.0)
    }
}
