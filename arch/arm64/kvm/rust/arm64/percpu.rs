// SPDX-License-Identifier: GPL-2.0

//! Per-CPU variables of C.
//!
//! C header: [`arch/arm64/include/asm/percpu.h`](srctree/arch/arm64/include/asm/percpu.h)

use super::evidence::Vhe;

/// This CPU's instance of a variable made by `DEFINE_PER_CPU()`, of which `variable` is the
/// template.
#[inline(always)]
pub(crate) fn this_cpu_ptr<T>(variable: *mut T, _vhe: Vhe<'_>) -> *mut T {
    // A kernel at EL2 keeps the offset of its CPU there. CAST: an offset.
    variable.wrapping_byte_add(read_sysreg!("tpidr_el2") as usize)
}
