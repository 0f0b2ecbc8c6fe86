// SPDX-License-Identifier: GPL-2.0

//! KVM's objects: VMs, vCPUs, their timers and virtual GIC, what a CPU holds for KVM.
//!
//! With [`linux`](crate::linux) and the thunks the only place for raw pointers and `unsafe`. Each
//! wrapper states what it relies on; what it offers is safe. Nothing here decides what KVM does.

/// The stronger type turns into the weaker, which it has in a field.
macro_rules! deref {
    ($($strong:ident.$field:tt => $weak:ident;)*) => {$(
        impl<'a> core::ops::Deref for $strong<'a> {
            type Target = $weak<'a>;

            #[inline(always)]
            fn deref(&self) -> &Self::Target {
                &self.$field
            }
        }
    )*};
}

#[macro_use]
mod view;

pub(crate) mod arch_timer;
pub(crate) mod cpu_context;
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
pub(crate) mod debug_regs;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod device;
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
pub(crate) mod gicv;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod guest_memory;
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
pub(crate) mod host_data;
pub(crate) mod hypervisor;
#[cfg(not(nvhe))]
pub(crate) mod locks;
#[cfg(not(nvhe))]
pub(crate) mod log;
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
pub(crate) mod panic;
pub(crate) mod prelude;
pub(crate) mod static_key;
pub(crate) mod sys_reg;
pub(crate) mod timer_id;
#[cfg(not(nvhe))]
pub(crate) mod timer_irq_domain;
#[cfg(not(nvhe))]
pub(crate) mod tracepoint;
pub(crate) mod vcpu;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod vcpus;
pub(crate) mod vgic;
pub(crate) mod vm;
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
pub(crate) mod world;

#[cfg(not(nvhe))]
mod layout;

// What the files of this folder share, by `use super::*`.
use crate::{
    arm64::prelude::*,
    bindings,
    linux::prelude::*,
    side, //
};
use core::{
    ffi::c_void,
    marker::PhantomData,
    mem::{
        offset_of,
        size_of, //
    },
    ptr, //
};
use kernel::{
    error::{
        to_result,
        Result, //
    },
    str::CStrExt,
    sync::lock::{
        mutex::MutexBackend,
        Guard,
        Lock, //
    }, //
};
use prelude::*;
use view::Field;
