// SPDX-License-Identifier: GPL-2.0

//! Tests of the modules that need nothing of the kernel, run on the build host: the very files
//! that the kernel is built from, against models written for the tests.
//!
//! `cargo test --release` runs them. Of each property proptest tries other values in each run; a
//! failure prints the smallest input that it found.
#![cfg(test)]

mod arm64;
mod edges;
mod gic;
mod imp;
mod irq_guest;
mod irq_machine;
mod irq_model;
mod irq_spec;
mod kvm;
#[path = "../loom/src/leaves.rs"]
mod leaves;
mod linux;
#[path = "../loom/src/machine.rs"]
mod machine;
mod regions;
mod script;
mod script_events;
mod timer;
mod vm;
mod vm_its;
mod vm_mmio;
mod vm_tables;

mod tests_counter;
mod tests_cpu_state;
mod tests_ctl;
mod tests_deadline;
mod tests_direct;
mod tests_entry;
mod tests_esr;
mod tests_frame;
mod tests_frame_bits;
mod tests_gic_values;
mod tests_its_command;
mod tests_its_registers;
mod tests_its_table;
mod tests_kernel;
mod tests_life;
mod tests_machine;
mod tests_maintenance;
mod tests_map;
mod tests_model;
mod tests_mops;
mod tests_offset;
mod tests_queue;
mod tests_region;
mod tests_registers;
mod tests_select;
mod tests_table_memory;
mod tests_trace;
mod tests_translation;
mod tests_traps;
mod tests_vgic;
mod tests_vmcr;
mod tests_word;
