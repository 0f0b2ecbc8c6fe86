// SPDX-License-Identifier: GPL-2.0

//! The CPU: system registers, barriers, capabilities. No KVM in here.

#[macro_use]
mod alternative;
#[macro_use]
mod sysreg;

pub(crate) mod barrier;
pub(crate) mod cpucaps;
pub(crate) mod cpufeature;
pub(crate) mod generic_timer;
