// SPDX-License-Identifier: GPL-2.0

//! What the layers above need of the C kernel, so that their files need not list it.
#![forbid(unsafe_code)]

#[cfg(not(nvhe))]
pub(crate) use super::errno::errno;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) use super::{
    atomic::*,
    boxed,
    nospec::*,
    once_box::*,
    raw_lock::*,
    vec, //
};
pub(crate) use super::{
    context::*,
    hrtimer::*,
    irq::{
        self,
        *, //
    },
    timecounter::*,
    uaccess::*, //
};
