// SPDX-License-Identifier: GPL-2.0

//! Atomics, threads and what only one thread may be in, as they are. The crate in `loom/` has its
//! own.

use std::sync::atomic::{fence, AtomicBool, Ordering::*};
pub(crate) use std::{
    sync::{atomic, Mutex},
    thread,
};

/// A full barrier.
pub(crate) fn smp_mb() {
    fence(SeqCst);
}

/// What no two threads may be in.
pub(crate) struct Bracket(AtomicBool);

impl Bracket {
    pub(crate) fn new() -> Self {
        Self(AtomicBool::new(false))
    }
    pub(crate) fn enter(&self) {
        assert!(!self.0.swap(true, Relaxed), "two threads at once");
    }
    pub(crate) fn leave(&self) {
        assert!(self.0.swap(false, Relaxed));
    }
}
