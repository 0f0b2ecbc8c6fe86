// SPDX-License-Identifier: GPL-2.0

//! The GIC as its specification has it, on whatever registers: it knows neither kernel nor
//! hardware, and is tested on the build host (`tools/testing/host`).

pub(crate) mod cpu_interface;
pub(crate) mod icc;
pub(crate) mod list_register;
pub(crate) mod priority;
pub(crate) mod vmcr;
