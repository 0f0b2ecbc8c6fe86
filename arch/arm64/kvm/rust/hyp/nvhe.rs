// SPDX-License-Identifier: GPL-2.0

//! The world switch below a host at EL1: all that host and guest have in common is switched each
//! time that a guest is entered or left.

mod buffers;
mod counters;
mod exports;
mod panic;
mod protected;
mod run;
mod timer;
mod vgic;

use super::*;
use protected::MayBeProtected;
use sysreg::nvhe as registers;
