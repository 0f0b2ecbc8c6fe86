// SPDX-License-Identifier: GPL-2.0

//! CPU capabilities, tested by code that is patched once they are known.
//!
//! Valid once the capabilities are final, which they are before KVM initialises.
//!
//! C header: [`arch/arm64/include/asm/cpufeature.h`](srctree/arch/arm64/include/asm/cpufeature.h)

use kernel::bindings;

/// Whether the system has a capability: one NOP where it has not, a branch where it has.
///
/// The entry is the one that C's `alternative_has_cap_unlikely()` makes.
macro_rules! has_cap {
    ($cap:expr) => {'has: {
        // SAFETY: Control flow only. The replacement branches to the label block that is given
        // to the compiler.
        unsafe {
            core::arch::asm!(
                alternative!("nop", "b {yes}"),
                cap = const $cap,
                yes = label { break 'has true },
                options(nomem, nostack, preserves_flags)
            );
        }
        false
    }};
}

/// The kernel runs at EL2 (`HCR_EL2.E2H` is 1 and the host uses it).
#[inline(always)]
pub(crate) fn has_vhe() -> bool {
    has_cap!(bindings::ARM64_HAS_VIRT_HOST_EXTN)
}

/// FEAT_ECV: accesses to the EL1 virtual timer can trap.
#[inline(always)]
pub(crate) fn has_ecv() -> bool {
    has_cap!(bindings::ARM64_HAS_ECV)
}

/// FEAT_ECV with `CNTPOFF_EL2`, whether or not KVM can use it.
#[inline(always)]
pub(crate) fn has_ecv_cntpoff() -> bool {
    has_cap!(bindings::ARM64_HAS_ECV_CNTPOFF)
}

/// FEAT_WFxT: WFI and WFE with a timeout.
#[inline(always)]
pub(crate) fn has_wfxt() -> bool {
    has_cap!(bindings::ARM64_HAS_WFXT)
}

/// The CPU's `CNTVOFF_EL2` does not work (Qualcomm Oryon).
#[inline(always)]
pub(crate) fn has_oryon_cntvoff_erratum() -> bool {
    has_cap!(bindings::ARM64_WORKAROUND_QCOM_ORYON_CNTVOFF)
}

/// The hypervisor object runs with E2H set below a kernel at EL1 (hVHE).
#[inline]
pub(crate) fn has_hvhe() -> bool {
    // SAFETY: No preconditions once capabilities are final.
    unsafe { bindings::has_hvhe() }
}
