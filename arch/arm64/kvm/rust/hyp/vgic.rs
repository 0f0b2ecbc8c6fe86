// SPDX-License-Identifier: GPL-2.0

//! The virtual CPU interfaces: what the hardware holds of a guest's interrupts while the guest
//! runs, and the guest's accesses that trap.
//!
//! How a CPU interface behaves is in [`gic`](crate::gic); [`hardware`] are the registers of this
//! CPU.

mod exports;
pub(super) mod hardware;
pub(crate) mod state;
pub(super) mod trap;
pub(super) mod v2_proxy;
pub(crate) mod v5;

use super::*;
