// SPDX-License-Identifier: GPL-2.0

//! An hrtimer inside a structure of C.
//!
//! `kernel::time::hrtimer` wants a Rust container; KVM's timers live in `struct kvm_vcpu`.
//! They expire in hard interrupt context on PREEMPT_RT as well, since injection takes raw locks.
//!
//! C header: [`include/linux/hrtimer.h`](srctree/include/linux/hrtimer.h)
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: soft_timer_start, soft_timer_cancel, kvm_bg_timer_expire,
//!     kvm_hrtimer_expire

use core::marker::PhantomData;
use kernel::bindings;

/// What an hrtimer that is part of a structure `Owner` calls on expiry.
pub(crate) struct Callback<Owner> {
    function: RawCallback,
    _owner: PhantomData<fn(Owner)>,
}

type RawCallback = unsafe extern "C" fn(*mut bindings::hrtimer) -> bindings::hrtimer_restart;

impl<Owner> Callback<Owner> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// `function` must be sound to call, by the hrtimer core, with the hrtimer of any `Owner` that
    /// is set up.
    pub(crate) const unsafe fn new(function: RawCallback) -> Self {
        Self {
            function,
            _owner: PhantomData,
        }
    }

    /// Prepares an hrtimer to call it.
    ///
    /// # Safety
    ///
    /// `timer` must be part of an `Owner`, which is otherwise set up before the hrtimer is started;
    /// nobody may use it yet.
    pub(crate) unsafe fn set_up(&self, timer: *mut bindings::hrtimer) {
        // SAFETY: By the safety requirements. CAST: small constants with C's types.
        unsafe {
            bindings::hrtimer_setup(
                timer,
                Some(self.function),
                bindings::CLOCK_MONOTONIC as i32,
                bindings::hrtimer_mode_HRTIMER_MODE_ABS_HARD,
            )
        };
    }
}

/// An instant of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy)]
pub(crate) struct Instant(bindings::ktime_t);

impl Instant {
    /// This instant.
    #[inline]
    pub(crate) fn now() -> Self {
        // SAFETY: No preconditions.
        Self(unsafe { bindings::ktime_get() })
    }
}

/// An absolute `CLOCK_MONOTONIC` hrtimer that expires in hard interrupt context.
///
/// # Invariants
///
/// `ptr` points at a `struct hrtimer` that is set up, and valid and not moved for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct SoftTimer<'a> {
    ptr: *mut bindings::hrtimer,
    _owner: PhantomData<&'a ()>,
}

impl SoftTimer<'_> {
    /// # Safety
    ///
    /// The type's invariant must hold for the lifetime of the returned value.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(ptr: *mut bindings::hrtimer) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            ptr,
            _owner: PhantomData,
        }
    }

    /// (Re)starts the timer to expire `ns` nanoseconds after `start`, at the latest at the end of
    /// time.
    #[inline]
    pub(crate) fn start(self, start: Instant, ns: i64) {
        // SAFETY: By the type invariant.
        unsafe {
            bindings::hrtimer_start(
                self.ptr,
                start.0.saturating_add(ns),
                bindings::hrtimer_mode_HRTIMER_MODE_ABS_HARD,
            )
        };
    }

    /// Stops the timer and waits for a callback in progress. The callback takes no lock that a
    /// caller of this may hold, and does not get at its own timer but as an [`ExpiredTimer`].
    #[inline]
    pub(crate) fn cancel(self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::hrtimer_cancel(self.ptr) };
    }
}

/// A timer seen from its own callback, which alone may move its expiry.
pub(crate) struct ExpiredTimer<'a>(SoftTimer<'a>);

/// What becomes of a timer after its callback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Restart {
    /// It stays expired.
    #[default]
    No,
    /// It runs again, until the time set by [`ExpiredTimer::forward`].
    Yes,
}

impl<'a> ExpiredTimer<'a> {
    /// # Safety
    ///
    /// Must be called from the callback of the timer, which must be valid for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(ptr: *mut bindings::hrtimer) -> Self {
        // SAFETY: An expired timer was set up; valid by the safety requirements.
        Self(unsafe { SoftTimer::from_raw(ptr) })
    }

    /// Lets the timer run for `ns` more nanoseconds.
    #[inline]
    pub(crate) fn forward(self, ns: i64) -> Restart {
        // SAFETY: In its callback a timer is not enqueued, as `hrtimer_forward()` wants.
        unsafe { bindings::hrtimer_forward_now(self.0.ptr, ns) };
        Restart::Yes
    }
}

impl Restart {
    /// C's word for it.
    #[inline(always)]
    pub(crate) fn into_raw(self) -> bindings::hrtimer_restart {
        match self {
            Self::No => bindings::hrtimer_restart::HRTIMER_NORESTART,
            Self::Yes => bindings::hrtimer_restart::HRTIMER_RESTART,
        }
    }
}
