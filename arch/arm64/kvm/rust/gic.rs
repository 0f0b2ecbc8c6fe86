// SPDX-License-Identifier: GPL-2.0

//! The GIC as its specification has it, on whatever registers: it knows neither kernel nor
//! hardware, and is tested on the build host (`tools/testing/host`).
#![cfg_attr(
    not(all(CONFIG_KVM_ARM64_RUST_VGIC, CONFIG_KVM_ARM64_RUST_SWITCH)),
    allow(dead_code, reason = "what there is no use for is the other part's")
)]

#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod affinity;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod atomic_word;
pub(crate) mod cpu_interface;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod cpu_state;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod direct;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod distributor;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod entry;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod frame;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod frame_bits;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod frame_gicd;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod frame_gicr;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod frame_gicv2;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
#[allow(dead_code, reason = "until there is an ITS")]
pub(crate) mod frame_gits;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod gate;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod hcr;
pub(crate) mod icc;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
#[allow(dead_code, reason = "until there is an ITS")]
pub(crate) mod its;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
#[allow(dead_code, reason = "until there is an ITS")]
pub(crate) mod its_command;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
#[allow(dead_code, reason = "until there is an ITS")]
pub(crate) mod its_registers;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
#[allow(dead_code, reason = "until there is an ITS")]
pub(crate) mod its_table;
pub(crate) mod list_register;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod lpi;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod maintenance;
pub(crate) mod priority;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod queue;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod redistributor;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod refusal;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod region;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod select;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod table_memory;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod transition;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
#[allow(dead_code, reason = "until there is an ITS")]
pub(crate) mod translation;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod v5;
pub(crate) mod vmcr;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod word;
