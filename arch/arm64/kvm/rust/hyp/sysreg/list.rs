// SPDX-License-Identifier: GPL-2.0

//! Lists of registers, which both saving and restoring are generated from.
//!
//! Mirrors: arch/arm64/include/asm/kvm_host.h: __vcpu_assign_sys_reg, __vcpu_sys_reg
#![forbid(unsafe_code)]

use super::*;

/// Where the registers of a list are kept.
pub(super) trait Memory: Copy {
    /// The value of a register.
    fn get(self, reg: SysReg) -> u64;
    /// Sets it.
    fn set(self, reg: SysReg, value: u64);
}

impl Memory for SysRegs<'_> {
    #[inline(always)]
    fn get(self, reg: SysReg) -> u64 {
        SysRegs::get(self, reg)
    }

    #[inline(always)]
    fn set(self, reg: SysReg, value: u64) {
        SysRegs::set(self, reg, value);
    }
}

/// A guest hypervisor's registers, without the bits that it does not have.
#[derive(Clone, Copy)]
pub(super) struct Sanitised<'a> {
    vcpu: LoadedVcpu<'a>,
    regs: SysRegs<'a>,
}

impl<'a> Sanitised<'a> {
    /// Those of a vCPU with EL2.
    #[inline(always)]
    pub(super) fn of(vcpu: LoadedVcpu<'a>) -> Self {
        Self {
            vcpu,
            regs: vcpu.context().sys_regs(),
        }
    }
}

impl Memory for Sanitised<'_> {
    #[inline(always)]
    fn get(self, reg: SysReg) -> u64 {
        if reg.is_sanitised() {
            self.vcpu.sys_reg(reg)
        } else {
            self.regs.get(reg)
        }
    }

    #[inline(always)]
    fn set(self, reg: SysReg, value: u64) {
        if reg.is_sanitised() {
            self.vcpu.set_sys_reg(reg, value);
        } else {
            self.regs.set(reg, value);
        }
    }
}

/// A list of registers. `SCTLR_EL2 in SCTLR_EL1` is a place in memory and another register that has
/// its value; `if tcr2 { ... }` takes in registers only with that field of
/// [`Extensions`](super::extensions::Extensions) set.
macro_rules! register_list {
    ($(#[$meta:meta])* $list:ident { $($entries:tt)* }) => {
        $(#[$meta])*
        pub(super) enum $list {}

        impl $list {
            /// Saves the registers of the hardware.
            #[inline]
            pub(super) fn save(
                memory: impl $crate::hyp::sysreg::list::Memory,
                _have: $crate::hyp::sysreg::extensions::Extensions,
            ) {
                register_list! { @save memory _have; $($entries)* }
            }

            /// Restores the registers of the hardware.
            #[inline]
            pub(super) fn restore(
                memory: impl $crate::hyp::sysreg::list::Memory,
                _have: $crate::hyp::sysreg::extensions::Extensions,
                el2: $crate::arm64::evidence::El2<'_>,
            ) {
                register_list! { @restore memory _have el2; $($entries)* }
            }
        }
    };

    (@$way:ident $($args:ident)+;) => {};
    (@save $memory:ident $have:ident; if $extension:ident { $($then:tt)* } $($rest:tt)*) => {
        if $have.$extension {
            register_list! { @save $memory $have; $($then)* }
        }
        register_list! { @save $memory $have; $($rest)* }
    };
    (@restore $memory:ident $have:ident $el2:ident;
     if $extension:ident { $($then:tt)* } $($rest:tt)*) => {
        if $have.$extension {
            register_list! { @restore $memory $have $el2; $($then)* }
        }
        register_list! { @restore $memory $have $el2; $($rest)* }
    };
    (@save $memory:ident $have:ident; $reg:ident in $hardware:ident, $($rest:tt)*) => {
        $memory.set(
            $crate::kvm::sys_reg::SysReg::$reg,
            <$hardware as $crate::arm64::registers::SystemRegister>::read_raw(),
        );
        register_list! { @save $memory $have; $($rest)* }
    };
    (@restore $memory:ident $have:ident $el2:ident;
     $reg:ident in $hardware:ident, $($rest:tt)*) => {
        <$hardware as $crate::arm64::registers::GuestRegister>::set_raw(
            $memory.get($crate::kvm::sys_reg::SysReg::$reg),
            $el2,
        );
        register_list! { @restore $memory $have $el2; $($rest)* }
    };
    (@$way:ident $($args:ident)+; $reg:ident, $($rest:tt)*) => {
        register_list! { @$way $($args)+; $reg in $reg, $($rest)* }
    };
}
