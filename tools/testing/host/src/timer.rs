// SPDX-License-Identifier: GPL-2.0

//! The timer's pure modules, under the same parent as in the kernel's crate.

// What only the rest of the kernel's crate calls is no mistake here.
#![allow(dead_code)]

#[path = "../../../../arch/arm64/kvm/rust/timer/counter.rs"]
pub(crate) mod counter;
#[path = "../../../../arch/arm64/kvm/rust/timer/ctl.rs"]
pub(crate) mod ctl;
#[path = "../../../../arch/arm64/kvm/rust/timer/deadline.rs"]
pub(crate) mod deadline;
#[path = "../../../../arch/arm64/kvm/rust/timer/map.rs"]
pub(crate) mod map;
#[path = "../../../../arch/arm64/kvm/rust/timer/offset.rs"]
pub(crate) mod offset;
#[path = "../../../../arch/arm64/kvm/rust/timer/traps.rs"]
pub(crate) mod traps;
