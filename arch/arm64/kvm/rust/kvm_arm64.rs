// SPDX-License-Identifier: GPL-2.0

//! KVM/arm64 in Rust: crate root of the kernel side (host and VHE).
//!
//! Three layers, dependencies point down:
//!
//! 1. *Thunks*: one `exports.rs` per component. Functions that C calls by name or pointer; they
//!    turn pointers into typed references and results into errno, and do nothing else.
//! 2. *Policy*: safe Rust, what KVM does. `timer/` outside its thunks.
//! 3. *Mechanism*: [`arm64`], the CPU; [`linux`], the C kernel; [`kvm`], KVM's objects. The only
//!    other place with `unsafe`.
//!
//! [`gic`] is the GIC's specification, on no kernel at all.
//!
//! See Documentation/virt/kvm/arm/rust/.

#[path = "side/kernel.rs"]
#[macro_use]
mod side;

// Each part uses some of these two.
#[cfg_attr(
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
mod arm64;
#[macro_use]
#[cfg_attr(
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
mod linux;
#[macro_use]
#[cfg_attr(
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
mod kvm;

#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, CONFIG_KVM_ARM64_RUST_VGIC))]
mod gic;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
mod hyp;

#[cfg(CONFIG_KVM_ARM64_RUST_TIMER)]
mod timer;

#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
mod vgic;

// The one name by which all modules know C: those in `hyp` are to serve the nVHE object too, which
// has the same types but not the `kernel` crate.
use kernel::bindings;

/// Prefix of `pr_*!` messages.
const __LOG_PREFIX: &[u8] = b"kvm\0";
