// SPDX-License-Identifier: GPL-2.0

//! Atomic words: those of the `kernel` crate, with the operations on bits that it lacks, and with
//! the order in each name.
//!
//! The order is part of the names, not an argument, so that the host's tests can offer the same
//! on other atomics (`tools/testing/host/src/linux.rs`), and so that each use says what it relies
//! on. All are those of the kernel's memory model: what says nothing of an order is a full barrier
//! before and after itself, as far as it changes the value; `relaxed` orders nothing.
//!
//! C headers: [`include/linux/atomic.h`](srctree/include/linux/atomic.h)

use core::marker::PhantomData;
use kernel::{
    bindings,
    sync::{
        atomic::{
            Acquire,
            Atomic,
            Full,
            Relaxed,
            Release, //
        },
        barrier, //
    },
};

/// A full barrier between CPUs: what is before it in the program is seen by all before what is
/// after it.
#[inline(always)]
pub(crate) fn smp_mb() {
    barrier::smp_mb(Full);
}

macro_rules! define_atomic {
    (
        $(#[$attr:meta])*
        $name:ident, $value:ty, $signed:ty, $fetch_or_release:ident, $fetch_andnot_acquire:ident
    ) => {
        $(#[$attr])*
        #[repr(transparent)]
        pub(crate) struct $name(Atomic<$value>);

        impl $name {
            /// With that value.
            #[inline(always)]
            pub(crate) const fn new(value: $value) -> Self {
                Self(Atomic::new(value))
            }

            /// `READ_ONCE()`.
            #[inline(always)]
            pub(crate) fn load_relaxed(&self) -> $value {
                // The kernel crate's is a call of a function in C.
                // SAFETY: The address is that of a live, aligned word; one untorn load.
                unsafe { self.0.as_ptr().cast::<$value>().read_volatile() }
            }

            /// `WRITE_ONCE()`.
            #[inline(always)]
            pub(crate) fn store_relaxed(&self, value: $value) {
                self.0.store(value, Relaxed)
            }

            /// `smp_store_release()`.
            #[inline(always)]
            pub(crate) fn store_release(&self, value: $value) {
                self.0.store(value, Release)
            }

            /// `cmpxchg()`: `new`, if it is `old` still.
            ///
            /// # Errors
            ///
            /// What it is by now. Then it is no barrier.
            #[inline(always)]
            pub(crate) fn try_change(&self, old: $value, new: $value) -> Result<(), $value> {
                self.0.cmpxchg(old, new, Full).map(|_| ())
            }

            /// Sets bits after all that is before it in the program, and gives the value from
            /// before.
            #[inline(always)]
            pub(crate) fn fetch_or_release(&self, bits: $value) -> $value {
                // SAFETY: The address is that of a live, aligned word which only atomics access;
                // the kernel's atomic types are structs of one such word. CAST: The bits.
                unsafe {
                    bindings::$fetch_or_release(bits as $signed, self.0.as_ptr().cast()) as $value
                }
            }

            /// Clears bits, and gives the value from before: read before all that is after it in
            /// the program.
            #[inline(always)]
            pub(crate) fn fetch_andnot_acquire(&self, bits: $value) -> $value {
                // SAFETY: As for `fetch_or_release()`. CAST: The bits.
                unsafe {
                    bindings::$fetch_andnot_acquire(bits as $signed, self.0.as_ptr().cast())
                        as $value
                }
            }
        }
    };
}

define_atomic! {
    /// Atomic 32 bits.
    AtomicU32, u32, i32, atomic_fetch_or_release, atomic_fetch_andnot_acquire
}

define_atomic! {
    /// Atomic 64 bits.
    AtomicU64, u64, i64, atomic64_fetch_or_release, atomic64_fetch_andnot_acquire
}

/// What counters want.
impl AtomicU32 {
    /// `smp_load_acquire()`.
    #[inline(always)]
    pub(crate) fn load_acquire(&self) -> u32 {
        self.0.load(Acquire)
    }

    /// Adds, and gives the value from before.
    #[inline(always)]
    pub(crate) fn fetch_add_relaxed(&self, value: u32) -> u32 {
        self.0.fetch_add(value, Relaxed)
    }

    /// Subtracts, and gives the value from before.
    #[inline(always)]
    pub(crate) fn fetch_sub_release(&self, value: u32) -> u32 {
        self.0.fetch_sub(value, Release)
    }
}

/// A pointer that is read and written in one piece.
///
/// What it points at is read through what [`load`](Self::load) gives, which is order enough against
/// who has stored it with release.
#[repr(transparent)]
pub(crate) struct AtomicPtr<T>(AtomicU64, PhantomData<*mut T>);

// SAFETY: A word. What it points at is the business of whoever follows it.
unsafe impl<T> Sync for AtomicPtr<T> {}
// SAFETY: A word. What it points at is the business of whoever follows it.
unsafe impl<T> Send for AtomicPtr<T> {}

// CAST: An address is as wide as the word, here and below.
impl<T> AtomicPtr<T> {
    /// NULL.
    pub(crate) const fn null() -> Self {
        Self(AtomicU64::new(0), PhantomData)
    }

    /// `READ_ONCE()`.
    #[inline(always)]
    pub(crate) fn load(&self) -> *mut T {
        self.0.load_relaxed() as *mut T
    }

    /// `WRITE_ONCE()`.
    pub(crate) fn store_relaxed(&self, ptr: *mut T) {
        self.0.store_relaxed(ptr as u64);
    }

    /// `smp_store_release()`: what was written before is seen by who reads through it.
    pub(crate) fn store_release(&self, ptr: *mut T) {
        self.0.store_release(ptr as u64);
    }

    /// `cmpxchg()`: `ptr`, if it is NULL still.
    ///
    /// # Errors
    ///
    /// What it is by now. Then it is no barrier.
    pub(crate) fn try_set(&self, ptr: *mut T) -> Result<(), *mut T> {
        self.0
            .try_change(0, ptr as u64)
            .map_err(|other| other as *mut T)
    }
}
