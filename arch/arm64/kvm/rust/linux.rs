// SPDX-License-Identifier: GPL-2.0

//! The C kernel without KVM: contexts, timers, interrupts, user memory, static keys.
//!
//! Wrappers that the `kernel` crate does not have, or not in a form that hypervisor code can use.
//! Each states what it relies on; what it offers is safe.

#[macro_use]
pub(crate) mod kprobes;
#[macro_use]
mod static_key;

pub(crate) mod context;
pub(crate) mod hrtimer;
pub(crate) mod irq;
pub(crate) mod prelude;
pub(crate) mod timecounter;
pub(crate) mod uaccess;
