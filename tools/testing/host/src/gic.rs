// SPDX-License-Identifier: GPL-2.0

//! The GIC of the specification, under the same parent as in the kernel's crate.

// What only the rest of the kernel's crate calls is no mistake here.
#![allow(dead_code)]

#[path = "../../../../arch/arm64/kvm/rust/gic/affinity.rs"]
pub(crate) mod affinity;
#[path = "../../../../arch/arm64/kvm/rust/gic/atomic_word.rs"]
pub(crate) mod atomic_word;
#[path = "../../../../arch/arm64/kvm/rust/gic/cpu_interface.rs"]
pub(crate) mod cpu_interface;
#[path = "../../../../arch/arm64/kvm/rust/gic/cpu_state.rs"]
pub(crate) mod cpu_state;
#[path = "../../../../arch/arm64/kvm/rust/gic/distributor.rs"]
pub(crate) mod distributor;
#[path = "../../../../arch/arm64/kvm/rust/gic/entry.rs"]
pub(crate) mod entry;
#[path = "../../../../arch/arm64/kvm/rust/gic/frame.rs"]
pub(crate) mod frame;
#[path = "../../../../arch/arm64/kvm/rust/gic/frame_bits.rs"]
pub(crate) mod frame_bits;
#[path = "../../../../arch/arm64/kvm/rust/gic/frame_gicd.rs"]
pub(crate) mod frame_gicd;
#[path = "../../../../arch/arm64/kvm/rust/gic/frame_gicr.rs"]
pub(crate) mod frame_gicr;
#[path = "../../../../arch/arm64/kvm/rust/gic/frame_gicv2.rs"]
pub(crate) mod frame_gicv2;
#[path = "../../../../arch/arm64/kvm/rust/gic/gate.rs"]
pub(crate) mod gate;
#[path = "../../../../arch/arm64/kvm/rust/gic/hcr.rs"]
pub(crate) mod hcr;
#[path = "../../../../arch/arm64/kvm/rust/gic/icc.rs"]
pub(crate) mod icc;
#[path = "../../../../arch/arm64/kvm/rust/gic/list_register.rs"]
pub(crate) mod list_register;
#[path = "../../../../arch/arm64/kvm/rust/gic/maintenance.rs"]
pub(crate) mod maintenance;
#[path = "../../../../arch/arm64/kvm/rust/gic/priority.rs"]
pub(crate) mod priority;
#[path = "../../../../arch/arm64/kvm/rust/gic/queue.rs"]
pub(crate) mod queue;
#[path = "../../../../arch/arm64/kvm/rust/gic/redistributor.rs"]
pub(crate) mod redistributor;
#[path = "../../../../arch/arm64/kvm/rust/gic/refusal.rs"]
pub(crate) mod refusal;
#[path = "../../../../arch/arm64/kvm/rust/gic/region.rs"]
pub(crate) mod region;
#[path = "../../../../arch/arm64/kvm/rust/gic/select.rs"]
pub(crate) mod select;
#[path = "../../../../arch/arm64/kvm/rust/gic/transition.rs"]
pub(crate) mod transition;
#[path = "../../../../arch/arm64/kvm/rust/gic/v5.rs"]
pub(crate) mod v5;
#[path = "../../../../arch/arm64/kvm/rust/gic/vmcr.rs"]
pub(crate) mod vmcr;
#[path = "../../../../arch/arm64/kvm/rust/gic/word.rs"]
pub(crate) mod word;
