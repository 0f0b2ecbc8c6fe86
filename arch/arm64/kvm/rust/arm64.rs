// SPDX-License-Identifier: GPL-2.0

//! The CPU: system registers, barriers, capabilities. No KVM in here.

#[macro_use]
mod alternative;
#[macro_use]
mod sysreg;

pub(crate) mod barrier;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod cptr;
pub(crate) mod cpucaps;
pub(crate) mod cpufeature;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod encoding;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod esr;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod evidence;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod fp;
pub(crate) mod generic_timer;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod gic_v3;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod gic_v5;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod hcr;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod mops;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod percpu;
pub(crate) mod pstate;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod registers;
