// SPDX-License-Identifier: GPL-2.0

//! What is allocated once, and found from then on without a lock.

use super::atomic::AtomicPtr;
use core::marker::PhantomData;
use kernel::alloc::KBox;

/// Room for a box that is put there once and stays as long as the room.
///
/// # Invariants
///
/// NULL, or from `KBox::into_raw()`, stored whole and with release.
pub(crate) struct OnceBox<T>(AtomicPtr<T>, PhantomData<KBox<T>>);

// SAFETY: It gives shared references to `T`, and takes and drops one, on whatever thread.
unsafe impl<T: Send + Sync> Sync for OnceBox<T> {}

impl<T> OnceBox<T> {
    /// With nothing in it.
    pub(crate) const fn new() -> Self {
        // INVARIANT: NULL.
        Self(AtomicPtr::null(), PhantomData)
    }

    /// What is in it. One load; what is read through the reference is as it was put there, or newer.
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: By the type invariant, and freed with `self`.
        unsafe { self.0.load().as_ref() }
    }

    /// Puts it there, unless there is one already; gives the one that is there then.
    ///
    /// Others that find it see all that was written before.
    pub(crate) fn set(&self, value: KBox<T>) -> &T {
        let ptr = KBox::into_raw(value);

        // INVARIANT: From `KBox::into_raw()`; an exchange that succeeds is a full barrier.
        match self.0.try_set(ptr) {
            // SAFETY: It is in `self` from now on, and freed with it.
            Ok(()) => unsafe { &*ptr },
            Err(other) => {
                // SAFETY: From `KBox::into_raw()`, and nobody else has seen it.
                drop(unsafe { KBox::from_raw(ptr) });
                // SAFETY: By the type invariant, and freed with `self`; it is not NULL.
                unsafe { &*other }
            }
        }
    }
}

impl<T> Drop for OnceBox<T> {
    fn drop(&mut self) {
        let ptr = self.0.load();

        if !ptr.is_null() {
            // SAFETY: By the type invariant, and nobody has a reference to `self` any more.
            drop(unsafe { KBox::from_raw(ptr) });
        }
    }
}
