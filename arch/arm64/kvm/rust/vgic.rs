// SPDX-License-Identifier: GPL-2.0

//! The virtual GIC: GICv2 and GICv3 of a guest, and the PPIs of a GICv5.
//!
//! What an interrupt is and what can happen to it is in [`gic`](crate::gic), without a kernel; the
//! objects that hold the interrupts of VMs and vCPUs are in [`kvm`](crate::kvm).
//!
//! See Documentation/virt/kvm/arm/rust/vgic.rst.

mod address;
mod cpuif_v2;
mod cpuif_v3;
mod deactivation;
mod debug;
mod delivery;
mod device;
mod devices;
mod exports;
mod exports_cpuif;
mod exports_device;
mod exports_init;
mod exports_mmio;
mod exports_route;
mod guest;
mod hardware;
mod init;
mod irqfd;
mod its;
mod lpi;
mod lpi_config;
mod mmio;
mod msi;
mod nested;
mod pending_table;
mod probe;
mod redist;
mod sgi;
mod sysreg;
mod v4;
mod v5;

#[cfg(CONFIG_KVM_ARM64_RUST_KUNIT_TEST)]
mod kunit_device;
#[cfg(CONFIG_KVM_ARM64_RUST_KUNIT_TEST)]
mod kunit_its;
