// SPDX-License-Identifier: GPL-2.0

//! Of the CPU's pure modules those that are needed.
#![allow(dead_code)]

#[path = "../../../../../arch/arm64/kvm/rust/arm64/fields.rs"]
pub(crate) mod fields;
