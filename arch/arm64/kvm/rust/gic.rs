// SPDX-License-Identifier: GPL-2.0

//! The GIC as its specification has it, on whatever registers: it knows neither kernel nor
//! hardware, and is tested on the build host (`tools/testing/host`).
#![forbid(unsafe_code)]

pub(crate) mod affinity;
pub(crate) mod atomic_word;
pub(crate) mod cpu_interface;
pub(crate) mod cpu_state;
pub(crate) mod direct;
pub(crate) mod distributor;
pub(crate) mod entry;
pub(crate) mod frame;
pub(crate) mod frame_bits;
pub(crate) mod frame_gicd;
pub(crate) mod frame_gicr;
pub(crate) mod frame_gicv2;
pub(crate) mod frame_gits;
pub(crate) mod gate;
pub(crate) mod hcr;
pub(crate) mod icc;
pub(crate) mod its;
pub(crate) mod its_command;
pub(crate) mod its_registers;
pub(crate) mod its_table;
pub(crate) mod list_register;
pub(crate) mod lpi;
pub(crate) mod maintenance;
pub(crate) mod priority;
pub(crate) mod queue;
pub(crate) mod redistributor;
pub(crate) mod refusal;
pub(crate) mod region;
pub(crate) mod select;
pub(crate) mod table_memory;
pub(crate) mod transition;
pub(crate) mod translation;
pub(crate) mod v5;
pub(crate) mod vmcr;
pub(crate) mod word;
