// SPDX-License-Identifier: GPL-2.0

//! The CPU interface of a guest's guest, on the CPU that it runs on.
//!
//! C header: [`include/kvm/arm_rust.h`](srctree/include/kvm/arm_rust.h)
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v3-nested.c: shadow_if, get_shadow_if

use super::super::prelude::*;
use crate::{
    arm64::prelude::*,
    bindings, //
};
use core::marker::PhantomData;

/// This CPU's. What is in it belongs to the vCPU that is loaded here.
///
/// # Invariants
///
/// `ptr` points at the structure of the CPU that the caller stays on for `'cpu`; nobody else
/// accesses that.
#[derive(Clone, Copy)]
pub(crate) struct Shadow<'cpu> {
    ptr: *mut bindings::kvm_arm64_vgic_shadow,
    _cpu: PhantomData<&'cpu ()>,
}

impl<'cpu> Shadow<'cpu> {
    /// Of the CPU that the vCPU is loaded on.
    #[inline(always)]
    pub(crate) fn of(_vcpu: LoadedVcpu<'cpu>, el2: El2<'cpu>) -> Self {
        // INVARIANT: This CPU's instance of the per-CPU variable; the caller stays here.
        Self {
            ptr: this_cpu_ptr(&raw mut bindings::kvm_arm64_vgic_shadow, el2),
            _cpu: PhantomData,
        }
    }

    /// The CPU interface.
    #[inline(always)]
    pub(crate) fn interface(self) -> VgicV3<'cpu> {
        // SAFETY: Valid by the type invariant, and this CPU's.
        unsafe { VgicV3::from_raw(&raw mut (*self.ptr).cpuif) }
    }

    /// The guest hypervisor's list registers that are in use: the first of them is in the first of
    /// the CPU's, and so on.
    #[inline(always)]
    pub(crate) fn lr_map(self) -> u16 {
        // SAFETY: Valid by the type invariant, here and below.
        unsafe { (*self.ptr).lr_map }
    }

    /// See [`Self::lr_map`].
    #[inline(always)]
    pub(crate) fn set_lr_map(self, map: u16) {
        // SAFETY: Valid by the type invariant, and nobody else's.
        unsafe { (*self.ptr).lr_map = map };
    }
}
