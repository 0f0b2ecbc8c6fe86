// SPDX-License-Identifier: GPL-2.0

//! The CPU's pure modules, under the same parent as in the kernel's crate.

// What only the rest of the kernel's crate calls is no mistake here.
#![allow(dead_code)]

#[path = "../../../../arch/arm64/kvm/rust/arm64/encoding.rs"]
pub(crate) mod encoding;
#[path = "../../../../arch/arm64/kvm/rust/arm64/esr.rs"]
pub(crate) mod esr;
#[path = "../../../../arch/arm64/kvm/rust/arm64/fields.rs"]
pub(crate) mod fields;
#[path = "../../../../arch/arm64/kvm/rust/arm64/mops.rs"]
pub(crate) mod mops;
#[path = "../../../../arch/arm64/kvm/rust/arm64/pstate.rs"]
pub(crate) mod pstate;
#[path = "registers.rs"]
pub(crate) mod registers;
#[path = "../../../../arch/arm64/kvm/rust/arm64/values.rs"]
pub(crate) mod values;
