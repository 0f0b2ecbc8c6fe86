// SPDX-License-Identifier: GPL-2.0

//! System-wide values of the ID registers.
//!
//! C header: [`arch/arm64/include/asm/cpufeature.h`](srctree/arch/arm64/include/asm/cpufeature.h)

use kernel::bindings;

/// What the ID registers say about timer virtualization, on all CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerFeatures {
    /// FEAT_ECV (`ID_AA64MMFR0_EL1.ECV`).
    pub(crate) ecv: bool,
    /// FEAT_VHE (`ID_AA64MMFR1_EL1.VH`).
    pub(crate) vhe: bool,
    /// FEAT_E2H0: E2H may be 0 (`ID_AA64MMFR4_EL1.E2H0` is 0; a negative value says no).
    pub(crate) e2h0: bool,
}

impl TimerFeatures {
    /// Reads them. Capabilities must be final, as they are in any initcall.
    pub(crate) fn read() -> Self {
        Self {
            ecv: id_field(bindings::SYS_ID_AA64MMFR0_EL1, 60) != 0,
            vhe: id_field(bindings::SYS_ID_AA64MMFR1_EL1, 8) != 0,
            e2h0: id_field(bindings::SYS_ID_AA64MMFR4_EL1, 24) == 0,
        }
    }
}

/// A four-bit field of an ID register.
fn id_field(reg: u32, shift: u32) -> u64 {
    // SAFETY: The registers above are in the kernel's table, the only precondition.
    let value = unsafe { bindings::read_sanitised_ftr_reg(reg) };

    value.wrapping_shr(shift) & 0xf
}
