// SPDX-License-Identifier: GPL-2.0

//! Per-CPU variables of C.
//!
//! C header: [`arch/arm64/include/asm/percpu.h`](srctree/arch/arm64/include/asm/percpu.h)
#![forbid(unsafe_code)]

use super::{
    evidence::El2,
    registers::{
        SystemRegister,
        TPIDR_EL2, //
    }, //
};
use core::ptr;

/// This CPU's instance of a variable made by `DEFINE_PER_CPU()`, of which `variable` is the
/// template.
#[inline(always)]
pub(crate) fn this_cpu_ptr<T>(variable: *mut T, _el2: El2<'_>) -> *mut T {
    // Whoever runs at EL2 keeps the offset of its CPU there. CAST: an offset.
    let offset = TPIDR_EL2::read() as usize;

    // The instance is no part of the template, so the address must not be derived from that for
    // the compiler: it would know the bounds of what it points to. C has made all instances, and
    // shown them to everyone.
    ptr::with_exposed_provenance_mut(variable.expose_provenance().wrapping_add(offset))
}
