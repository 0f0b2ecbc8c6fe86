// SPDX-License-Identifier: GPL-2.0

//! The registers of a vCPU that are kept in memory.
//!
//! C header: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)
#![forbid(unsafe_code)]

use super::*;
use crate::gic::{
    list_register::{
        LrIndex,
        MAX_LRS, //
    },
    priority::ApIndex,
};

/// A register of a vCPU that is kept in memory (`enum vcpu_sysreg`).
///
/// # Invariants
///
/// Less than `NR_SYS_REGS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SysReg(bindings::vcpu_sysreg);

impl SysReg {
    /// C's number.
    #[inline(always)]
    pub(crate) const fn as_raw(self) -> bindings::vcpu_sysreg {
        self.0
    }

    /// Its place in `sys_regs`.
    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        // CAST: widening.
        self.0 as usize
    }

    /// Whether it has bits that depend on the features of a guest with EL2.
    #[inline(always)]
    pub(crate) const fn is_sanitised(self) -> bool {
        self.0 >= bindings::vcpu_sysreg___SANITISED_REG_START__
    }

    /// Its place in the page that a guest hypervisor's accesses to it go to (FEAT_NV2), if they
    /// do.
    #[inline(always)]
    pub(crate) const fn index_in_vncr_page(self) -> Option<usize> {
        // CAST: widening.
        self.index()
            .checked_sub(bindings::vcpu_sysreg___VNCR_START__ as usize)
    }
}

/// Makes the numbers of all rows of the table of registers that have a place in memory.
macro_rules! numbers {
    ($(
        $(#[$meta:meta])*
        $name:ident: ($($number:literal),*), $kind:ident $(($by:ident))?, $slot:ident, $value:ty;
    )*) => {
        // INVARIANT: All of these are enumerators before `NR_SYS_REGS`.
        #[allow(dead_code, reason = "which are in use depends on the parts that are built")]
        impl SysReg {
            $(numbers! { @$slot $name $(#[$meta])* })*
        }
    };
    (@none $($row:tt)*) => {};
    (@slot $name:ident $(#[$meta:meta])*) => {
        ::kernel::macros::paste! {
            $(#[$meta])*
            pub(crate) const $name: Self = Self(bindings::[<vcpu_sysreg_ $name>]);
        }
    };
}

with_registers!(numbers);

/// Banks of a guest hypervisor's registers, in memory one after the other.
impl SysReg {
    /// `ICH_LR<n>_EL2`.
    #[inline(always)]
    pub(crate) fn ich_lr(index: LrIndex) -> Self {
        // INVARIANT: At most the last of the bank, as below. CAST: widening.
        Self(bindings::vcpu_sysreg_ICH_LR0_EL2 + bindings::vcpu_sysreg::from(index.get()))
    }

    /// `ICH_AP0R<n>_EL2`.
    #[inline(always)]
    pub(crate) const fn ich_ap0r(index: ApIndex) -> Self {
        Self(bindings::vcpu_sysreg_ICH_AP0R0_EL2 + index.get())
    }

    /// `ICH_AP1R<n>_EL2`.
    #[inline(always)]
    pub(crate) const fn ich_ap1r(index: ApIndex) -> Self {
        Self(bindings::vcpu_sysreg_ICH_AP1R0_EL2 + index.get())
    }
}

const _: () = {
    use bindings::*;

    // CAST: widening.
    assert!(vcpu_sysreg_ICH_LR15_EL2 == vcpu_sysreg_ICH_LR0_EL2 + MAX_LRS as u32 - 1);
    assert!(vcpu_sysreg_ICH_AP0R3_EL2 == vcpu_sysreg_ICH_AP0R0_EL2 + 3);
    assert!(vcpu_sysreg_ICH_AP1R3_EL2 == vcpu_sysreg_ICH_AP1R0_EL2 + 3);
};
