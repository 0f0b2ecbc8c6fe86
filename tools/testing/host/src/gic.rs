// SPDX-License-Identifier: GPL-2.0

//! The GIC of the specification, under the same parent as in the kernel's crate.

// What only the rest of the kernel's crate calls is no mistake here.
#![allow(dead_code)]

#[path = "../../../../arch/arm64/kvm/rust/gic/cpu_interface.rs"]
pub(crate) mod cpu_interface;
#[path = "../../../../arch/arm64/kvm/rust/gic/icc.rs"]
pub(crate) mod icc;
#[path = "../../../../arch/arm64/kvm/rust/gic/list_register.rs"]
pub(crate) mod list_register;
#[path = "../../../../arch/arm64/kvm/rust/gic/priority.rs"]
pub(crate) mod priority;
#[path = "../../../../arch/arm64/kvm/rust/gic/vmcr.rs"]
pub(crate) mod vmcr;
