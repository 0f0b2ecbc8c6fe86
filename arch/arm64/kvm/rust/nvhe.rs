// SPDX-License-Identifier: GPL-2.0

//! KVM/arm64 in Rust: crate root of the hypervisor object, EL2 below a host at EL1 (nVHE, hVHE and
//! protected mode).
//!
//! It is linked into `kvm_nvhe.o`, whose symbols all get a prefix: a reference to anything of the
//! kernel, a panic above all, is one that the linker does not find. So the modules that both
//! crates have may say whatever the kernel's side needs; what is called here has to do without.
//!
//! See Documentation/virt/kvm/arm/rust/nvhe.rst.

#[path = "side/nvhe.rs"]
#[macro_use]
mod side;

#[allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "for the kernel's side"
)]
mod arm64;
#[macro_use]
#[allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "for the kernel's side"
)]
mod linux;
#[macro_use]
#[allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "for the kernel's side"
)]
mod kvm;
#[allow(dead_code, reason = "for the kernel's side")]
mod gic;

/// The world switch, as far as both sides have it, and what only this side has.
#[allow(dead_code, reason = "for the kernel's side")]
mod hyp {
    pub(crate) mod switch;

    mod debug;
    mod exit;
    mod exports_both;
    mod fpsimd;
    mod nvhe;
    /// System registers: all of a guest's are in the hardware only while it runs.
    mod sysreg {
        #[macro_use]
        mod list;

        mod aarch32;
        mod el1;
        mod extensions;

        pub(crate) mod nvhe;

        use super::*;
    }
    mod traps;
    pub(crate) mod vgic;

    // What the files of this folder share, by `use super::*`.
    use crate::{
        arm64::prelude::*,
        bindings,
        kvm::prelude::*,
        linux::prelude::*, //
    };
    use core::ops::ControlFlow;
    use switch::{
        GuestExit,
        Kind,
        Switch, //
    };
}

use kernel::bindings;

/// Prefix of `pr_*!` messages, of which there are none.
#[allow(dead_code, reason = "for the kernel's side")]
const __LOG_PREFIX: &[u8] = b"kvm\0";
