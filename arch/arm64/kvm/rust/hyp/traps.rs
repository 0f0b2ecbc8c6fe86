// SPDX-License-Identifier: GPL-2.0

//! What traps from the guest.
//!
//! Most of it is set when the vCPU is loaded ([`load`]), for it does not apply to the host. Only
//! what does, or what may change in between, is left for each entry ([`hcr`], [`cptr`]).
#![forbid(unsafe_code)]

pub(crate) mod cptr;
pub(super) mod hcr;
pub(super) mod load;

use super::*;
