// SPDX-License-Identifier: GPL-2.0

//! The pure modules about C's objects, under the same parent as in the kernel's crate.

// What only the rest of the kernel's crate calls is no mistake here.
#![allow(dead_code)]

#[path = "../../../../arch/arm64/kvm/rust/kvm/timer_id.rs"]
pub(crate) mod timer_id;
