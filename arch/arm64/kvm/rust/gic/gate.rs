// SPDX-License-Identifier: GPL-2.0

//! What keeps a vCPU out of the guest while others change what its list registers would hold.
//!
//! A thread that wants the vCPU stopped:
//!
//! 1. [closes](Gate::close) the gate,
//! 2. makes the request that the vCPU answers by looking at the gate, and kicks it,
//! 3. waits until `vcpu->mode`, loaded with acquire, is `OUTSIDE_GUEST_MODE`. The vCPU is stopped.
//! 4. [opens](Gate::open) the gate, and wakes the vCPU if it was the last.
//!
//! The vCPU, when it answers the request and has cleared it with a full barrier: waits until the
//! gate is [open](Gate::is_closed), or makes the request again and goes back to user space.
//!
//! The vCPU itself pays nothing for it on its way into the guest and out of it: the order of
//! `vcpu->mode` and `vcpu->requests`, which it keeps for all requests, is enough. The argument is
//! in Documentation/virt/kvm/arm/rust/vgic-concurrency.rst.
//!
//! Mirrors: nothing, C stops all vCPUs
#![forbid(unsafe_code)]

use crate::linux::atomic::AtomicU32;

/// The gate of one vCPU: by how many threads it is closed.
pub(crate) struct Gate(AtomicU32);

#[cfg_attr(
    not(test),
    expect(dead_code, reason = "vCPUs are halted by other means so far")
)]
impl Gate {
    /// Open.
    #[inline]
    pub(crate) fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Closes it, once more.
    #[inline(always)]
    pub(crate) fn close(&self) {
        // The request that must follow has a write barrier before its bit.
        self.0.fetch_add_relaxed(1);
    }

    /// Takes one [`close`](Self::close) back. True if it was the last: then the vCPU has to be
    /// woken.
    #[inline(always)]
    #[must_use]
    pub(crate) fn open(&self) -> bool {
        // Release: what was done while it was closed is done before the vCPU enters again.
        self.0.fetch_sub_release(1) == 1
    }

    /// Whether somebody has closed it. For the vCPU itself, after the request's barrier.
    #[inline(always)]
    pub(crate) fn is_closed(&self) -> bool {
        // The full barrier after the store to `vcpu->mode` is between this and the guest.
        self.0.load_relaxed() != 0
    }
}
