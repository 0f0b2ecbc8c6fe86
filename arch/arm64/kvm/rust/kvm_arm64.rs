// SPDX-License-Identifier: GPL-2.0

//! KVM/arm64 in Rust: crate root of the kernel side (host and VHE).
//!
//! Three layers, dependencies point down:
//!
//! 1. *Thunks*: the files named `exports*.rs`. Functions that C calls by name or pointer; they turn
//!    pointers into typed references and results into errno, and do nothing else.
//! 2. *Policy*: safe Rust, what KVM does. `timer/`, `hyp/` and `vgic/` outside their thunks.
//! 3. *Mechanism*: [`arm64`], the CPU; [`linux`], the C kernel; [`kvm`], KVM's objects; [`side`],
//!    what the other crate, `nvhe.rs`, has in another way. The only other place with `unsafe`.
//!
//! [`gic`] is the GIC's specification, on no kernel at all.
//!
//! See Documentation/virt/kvm/arm/rust/.
#![cfg_attr(
    not(all(
        CONFIG_KVM_ARM64_RUST_TIMER,
        CONFIG_KVM_ARM64_RUST_SWITCH,
        CONFIG_KVM_ARM64_RUST_VGIC
    )),
    allow(
        dead_code,
        unused_imports,
        unused_macros,
        reason = "for parts that are not built"
    )
)]

#[path = "side/kernel.rs"]
#[macro_use]
mod side;

mod arm64;
mod gic;
#[macro_use]
mod linux;
#[macro_use]
mod kvm;

#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
mod hyp;
#[cfg(CONFIG_KVM_ARM64_RUST_TIMER)]
mod timer;
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
mod vgic;

// The one name by which all modules know C.
use kernel::bindings;

/// Prefix of `pr_*!` messages.
const __LOG_PREFIX: &[u8] = b"kvm\0";
