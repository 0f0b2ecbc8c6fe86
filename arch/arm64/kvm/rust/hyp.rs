// SPDX-License-Identifier: GPL-2.0

//! The world switch: between host and guest and back, on VHE hosts.
//!
//! [`load`] is done when a vCPU comes to a CPU, [`run`] each time that the guest is entered and
//! left; [`exit`] resolves exits that the host need not hear of. What lives during a run is in
//! [`switch`]. See Documentation/virt/kvm/arm/rust/world-switch.rst.

pub(crate) mod switch;

mod cntpoff;
mod debug;
mod exit;
mod exports;
mod exports_both;
mod fpsimd;
mod load;
mod panic;
mod run;
mod sysreg;
mod traps;
pub(crate) mod vgic;

// What the files of this folder share, by `use super::*`.
use crate::{
    arm64::prelude::*,
    bindings,
    kvm::prelude::*,
    linux::prelude::*, //
};
use core::ops::ControlFlow;
use switch::{
    GuestExit,
    Kind,
    Nested,
    Plain,
    Switch, //
};
