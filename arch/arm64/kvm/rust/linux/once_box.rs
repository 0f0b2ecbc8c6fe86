// SPDX-License-Identifier: GPL-2.0

//! What is allocated once, and found from then on without a lock.

use super::atomic::AtomicU64;
use core::marker::PhantomData;
use kernel::alloc::KBox;

/// Room for a box that is put there once and stays as long as the room.
pub(crate) struct OnceBox<T> {
    /// The pointer, NULL until then.
    ptr: AtomicU64,
    _owns: PhantomData<KBox<T>>,
}

// SAFETY: It gives shared references to `T`, and takes and drops one, on whatever thread.
unsafe impl<T: Send + Sync> Sync for OnceBox<T> {}

impl<T> OnceBox<T> {
    /// With nothing in it.
    pub(crate) const fn new() -> Self {
        Self {
            ptr: AtomicU64::new(0),
            _owns: PhantomData,
        }
    }

    /// What is in it. One load; what is read through the reference is as it was put there, or newer.
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&T> {
        // What it points at is read through it, which is order enough.
        // CAST: It holds a pointer.
        let ptr = self.ptr.load_relaxed() as *const T;

        // SAFETY: Stored by `set()`, whole and with release, and freed with `self`.
        unsafe { ptr.as_ref() }
    }

    /// Puts it there, unless there is one already; gives the one that is there then.
    ///
    /// Others that find it see all that was written before.
    pub(crate) fn set(&self, value: KBox<T>) -> &T {
        let ptr = KBox::into_raw(value);

        // CAST: An address is as wide.
        match self.ptr.try_change(0, ptr as u64) {
            // SAFETY: It is in `self` from now on, and freed with it.
            Ok(()) => unsafe { &*ptr },
            Err(other) => {
                // SAFETY: From `KBox::into_raw()`, and nobody else has seen it.
                drop(unsafe { KBox::from_raw(ptr) });
                // The failed exchange has no order of its own: as in `get()`.
                // SAFETY: See `get()`; it is not NULL. CAST: It holds a pointer.
                unsafe { &*(other as *const T) }
            }
        }
    }
}

impl<T> Drop for OnceBox<T> {
    fn drop(&mut self) {
        // CAST: It holds a pointer.
        let ptr = self.ptr.load_relaxed() as *mut T;

        if !ptr.is_null() {
            // SAFETY: From `KBox::into_raw()`, and nobody has a reference to `self` any more.
            drop(unsafe { KBox::from_raw(ptr) });
        }
    }
}
