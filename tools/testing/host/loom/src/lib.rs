// SPDX-License-Identifier: GPL-2.0

//! Tests of what threads do without locks: the very files that the kernel is built from, on
//! atomics of loom, which tries the ways in which threads may interleave and the values that each
//! load may find.
//!
//! `cargo test --release` runs them. Longer ones, with more threads or more preemptions, run with
//! `cargo test --release -- --ignored`.
#![cfg(test)]

mod arm64;
mod gic;
mod imp;
mod leaves;
#[path = "../../src/linux.rs"]
mod linux;
mod machine;

mod tests_machine;
mod tests_queue;
mod tests_translation;
