// SPDX-License-Identifier: GPL-2.0

//! A spinlock that never sleeps, to be taken from any context.
//!
//! `kernel::sync::SpinLock` sleeps with PREEMPT_RT, which who injects an interrupt may not.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)

use core::cell::UnsafeCell;
use kernel::{
    bindings,
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

/// A value and the lock that guards it.
///
/// # Invariants
///
/// The lock is initialised, and does not move.
pub(crate) struct RawLock<T> {
    lock: Opaque<bindings::raw_spinlock_t>,
    value: UnsafeCell<T>,
}

// SAFETY: The lock lets one at a time at the value.
unsafe impl<T: Send> Sync for RawLock<T> {}
// SAFETY: Nothing in it belongs to a task.
unsafe impl<T: Send> Send for RawLock<T> {}

impl<T> RawLock<T> {
    /// Initialises one in place. All share one lock class.
    ///
    /// # Safety
    ///
    /// `place` must be valid for writes, and not be moved from now on; nobody may use it yet.
    pub(crate) unsafe fn init_at(place: *mut Self, value: T) {
        // INVARIANT: Initialised here; does not move by the safety requirements.
        // SAFETY: By the safety requirements.
        unsafe {
            (&raw mut (*place).value).write(UnsafeCell::new(value));
            bindings::kvm_arm64_raw_lock_init(Opaque::cast_into(&raw const (*place).lock));
        }
    }

    /// Takes the lock, with interrupts off for as long as it is held.
    #[inline]
    pub(crate) fn lock_irqsave(&self) -> RawGuard<'_, T> {
        // SAFETY: Initialised, by the type invariant; given back by `Drop`.
        let flags = unsafe { bindings::kvm_arm64_raw_lock_irqsave(self.lock.get()) };

        RawGuard {
            lock: self,
            flags,
            _not_send: NotThreadSafe,
        }
    }
}

/// The lock is held, interrupts are off, and the value is the caller's.
pub(crate) struct RawGuard<'a, T> {
    lock: &'a RawLock<T>,
    flags: usize,
    _not_send: NotThreadSafe,
}

impl<T> core::ops::Deref for RawGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: The lock is held.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> core::ops::DerefMut for RawGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: The lock is held.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for RawGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: Taken by `lock_irqsave()`, on this task: the guard is not `Send`.
        unsafe { bindings::kvm_arm64_raw_unlock_irqrestore(self.lock.lock.get(), self.flags) };
    }
}
