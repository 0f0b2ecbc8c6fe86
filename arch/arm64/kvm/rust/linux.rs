// SPDX-License-Identifier: GPL-2.0

//! The C kernel without KVM: contexts, timers, interrupts, user memory, static keys.
//!
//! Wrappers that the `kernel` crate does not have, or not in a form that hypervisor code can use.
//! Each states what it relies on; what it offers is safe.

#[macro_use]
pub(crate) mod kprobes;
#[macro_use]
mod static_key;

pub(crate) mod atomic;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod boxed;
pub(crate) mod context;
#[cfg(not(nvhe))]
pub(crate) mod errno;
pub(crate) mod hrtimer;
pub(crate) mod irq;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod nospec;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod once_box;
pub(crate) mod prelude;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod raw_lock;
pub(crate) mod timecounter;
pub(crate) mod uaccess;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod vec;
