// SPDX-License-Identifier: GPL-2.0

//! System registers: which of a guest's are in the hardware, and when.
//!
//! ====================  =======================================================================
//! In the hardware       Registers
//! ====================  =======================================================================
//! from load to put      those that do not affect the host at EL2: EL1's and EL0's ([`el1`],
//!                       [`vel2`]), the vCPU's identity, deferred SErrors ([`load`])
//! while the guest runs  those that do: debug control, the permissions of user space's memory,
//!                       where and how the guest goes on ([`run`])
//! ====================  =======================================================================
#![forbid(unsafe_code)]

#[macro_use]
mod list;

mod aarch32;
mod el1;
mod extensions;
#[cfg(CONFIG_KVM_ARM64_RUST_KUNIT_TEST)]
mod kunit;
mod vel2;

pub(crate) mod load;
pub(crate) mod run;

use super::*;
