// SPDX-License-Identifier: GPL-2.0

//! Atomics, threads and what only one thread may be in, by loom.

use loom::{
    cell::UnsafeCell,
    sync::atomic::{fence, AtomicU32, Ordering::*},
};
pub(crate) use loom::{
    sync::{atomic, Mutex},
    thread,
};

loom::lazy_static! {
    static ref BARRIERS: AtomicU32 = AtomicU32::new(0);
}

/// A full barrier. Loom would not try its barriers in another order than that in which it comes
/// upon them, for it takes them to touch nothing: so they touch something.
pub(crate) fn smp_mb() {
    BARRIERS.fetch_add(1, Relaxed);
    fence(SeqCst);
}

/// What no two threads may be in, each with all that the one before it wrote. Loom watches the
/// cell.
pub(crate) struct Bracket(UnsafeCell<()>);

impl Bracket {
    pub(crate) fn new() -> Self {
        Self(UnsafeCell::new(()))
    }
    pub(crate) fn enter(&self) {
        self.0.with_mut(|_| ());
    }
    pub(crate) fn leave(&self) {
        self.0.with_mut(|_| ());
    }
}
