// SPDX-License-Identifier: GPL-2.0

//! The kernel's atomics on those of [`crate::imp`]: the language's, or loom's.
//!
//! Never stronger than the kernel's. A full barrier is one of the language's behind an operation
//! that acquires and releases, and a compare-exchange that fails orders nothing.

// What only the rest of the kernel's crate calls is no mistake here.
#![allow(dead_code)]

pub(crate) mod atomic {
    use crate::imp::atomic::{self, Ordering::*};
    pub(crate) use crate::imp::smp_mb;

    macro_rules! define_atomic {
        ($name:ident, $value:ty) => {
            pub(crate) struct $name(atomic::$name);

            impl $name {
                pub(crate) fn new(value: $value) -> Self {
                    Self(atomic::$name::new(value))
                }
                pub(crate) fn load_relaxed(&self) -> $value {
                    self.0.load(Relaxed)
                }
                pub(crate) fn load_acquire(&self) -> $value {
                    self.0.load(Acquire)
                }
                pub(crate) fn store_relaxed(&self, value: $value) {
                    self.0.store(value, Relaxed);
                }
                pub(crate) fn store_release(&self, value: $value) {
                    self.0.store(value, Release);
                }
                pub(crate) fn try_change(&self, old: $value, new: $value) -> Result<(), $value> {
                    self.0.compare_exchange(old, new, AcqRel, Relaxed)?;
                    smp_mb();
                    Ok(())
                }
                pub(crate) fn fetch_add_relaxed(&self, value: $value) -> $value {
                    self.0.fetch_add(value, Relaxed)
                }
                pub(crate) fn fetch_sub_release(&self, value: $value) -> $value {
                    self.0.fetch_sub(value, Release)
                }
                pub(crate) fn fetch_or_release(&self, bits: $value) -> $value {
                    self.0.fetch_or(bits, Release)
                }
                pub(crate) fn fetch_andnot_acquire(&self, bits: $value) -> $value {
                    self.0.fetch_and(!bits, Acquire)
                }
            }
        };
    }

    define_atomic!(AtomicU32, u32);
    define_atomic!(AtomicU64, u64);
}
