// SPDX-License-Identifier: GPL-2.0

//! The CPU: system registers, barriers, capabilities. No KVM in here.

#[macro_use]
mod alternative;
#[macro_use]
mod sysreg;

pub(crate) mod barrier;
pub(crate) mod cptr;
pub(crate) mod cpucaps;
pub(crate) mod cpufeature;
pub(crate) mod encoding;
pub(crate) mod esr;
pub(crate) mod evidence;
pub(crate) mod fields;
pub(crate) mod fp;
pub(crate) mod generic_timer;
pub(crate) mod gic_v3;
pub(crate) mod gic_v5;
pub(crate) mod hcr;
pub(crate) mod mops;
pub(crate) mod mpam;
pub(crate) mod percpu;
pub(crate) mod prelude;
pub(crate) mod pstate;
pub(crate) mod registers;
pub(crate) mod values;
