// SPDX-License-Identifier: GPL-2.0

//! The virtual CPU interfaces: what the hardware holds of a guest's interrupts while the guest
//! runs, and the guest's accesses that trap.
//!
//! [`list_register`], [`priority`], [`vmcr`], [`cpu_interface`] and [`icc`] are the CPU interface
//! of the specification, on whatever registers; they know neither kernel nor hardware, and are
//! tested on the build host (`tools/testing/host`). [`hardware`] are the registers of this CPU.

pub(super) mod cpu_interface;
mod exports;
pub(super) mod hardware;
pub(super) mod icc;
mod list_register;
mod priority;
mod state;
pub(super) mod trap;
pub(super) mod v2_proxy;
mod v5;
mod vmcr;
