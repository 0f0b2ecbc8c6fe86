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
mod kvm;
mod timer;

mod tests_counter;
mod tests_ctl;
mod tests_deadline;
mod tests_esr;
mod tests_machine;
mod tests_map;
mod tests_mops;
mod tests_offset;
mod tests_registers;
mod tests_traps;
mod tests_vgic;
mod tests_vmcr;
