// SPDX-License-Identifier: GPL-2.0

//! The CPU interface of a GICv3 as a hypervisor sees it: the virtual interface's controls at EL2,
//! and which view of the interface the CPU has.
//!
//! The `ICH_*` registers are the guest's as far as the host is concerned: no value of theirs does
//! anything to the host but raise its maintenance interrupt.
//!
//! Source: GIC Architecture Specification (IHI 0069), "AArch64 System register descriptions".
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: __gic_v3_get_lr, __gic_v3_set_lr,
//!     __vgic_v3_activate_traps, __vgic_v3_deactivate_traps, __vgic_v3_get_gic_config,
//!     __vgic_v3_compat_mode_enable; arch/arm64/kvm/hyp/vgic-v5-sr.c: __vgic_v5_compat_mode_disable

use super::{
    barrier::isb,
    evidence::Masked, //
};

/// Reads or writes one of a row of registers, whose number is a constant at each use.
macro_rules! numbered_registers {
    ($(#[$meta:meta])* $read:ident, $write:ident: $($number:literal => $reg:literal),*) => {
        $(#[$meta])*
        #[inline(always)]
        pub(crate) fn $read<const N: usize>() -> u64 {
            match N {
                $($number => read_sysreg!($reg),)*
                _ => 0,
            }
        }

        $(#[$meta])*
        #[inline(always)]
        pub(crate) fn $write<const N: usize>(value: u64) {
            match N {
                $($number => write_sysreg!($reg, value),)*
                _ => (),
            }
        }
    };
}

numbered_registers! {
    /// `ICH_LR<n>_EL2`.
    read_lr, write_lr:
    0 => "S3_4_C12_C12_0", 1 => "S3_4_C12_C12_1", 2 => "S3_4_C12_C12_2", 3 => "S3_4_C12_C12_3",
    4 => "S3_4_C12_C12_4", 5 => "S3_4_C12_C12_5", 6 => "S3_4_C12_C12_6", 7 => "S3_4_C12_C12_7",
    8 => "S3_4_C12_C13_0", 9 => "S3_4_C12_C13_1", 10 => "S3_4_C12_C13_2", 11 => "S3_4_C12_C13_3",
    12 => "S3_4_C12_C13_4", 13 => "S3_4_C12_C13_5", 14 => "S3_4_C12_C13_6", 15 => "S3_4_C12_C13_7"
}

numbered_registers! {
    /// `ICH_AP0R<n>_EL2`.
    read_ap0r, write_ap0r:
    0 => "S3_4_C12_C8_0", 1 => "S3_4_C12_C8_1", 2 => "S3_4_C12_C8_2", 3 => "S3_4_C12_C8_3"
}

numbered_registers! {
    /// `ICH_AP1R<n>_EL2`.
    read_ap1r, write_ap1r:
    0 => "S3_4_C12_C9_0", 1 => "S3_4_C12_C9_1", 2 => "S3_4_C12_C9_2", 3 => "S3_4_C12_C9_3"
}

/// Reads a list register whose number is not known beforehand; none has a number above 15.
pub(crate) fn read_lr_at(index: u8) -> u64 {
    macro_rules! pick {
        ($($n:literal)*) => {
            match index {
                $($n => read_lr::<$n>(),)*
                _ => 0,
            }
        };
    }

    pick!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
}

/// Writes a list register whose number is not known beforehand; none has a number above 15.
pub(crate) fn write_lr_at(index: u8, value: u64) {
    macro_rules! pick {
        ($($n:literal)*) => {
            match index {
                $($n => write_lr::<$n>(value),)*
                _ => (),
            }
        };
    }

    pick!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
}

/// What is done with each of the first list registers.
pub(crate) trait LrVisitor {
    /// Called with 0, 1, 2 and so on for `N`.
    fn visit<const N: usize>(&mut self);
}

/// Visits the first `count` list registers: straight code, as each is a register of its own.
#[inline(always)]
pub(crate) fn for_first_lrs(count: u32, mut visitor: impl LrVisitor) {
    macro_rules! walk {
        ($($n:literal)*) => {
            $(
                if count <= $n {
                    return;
                }
                visitor.visit::<$n>();
            )*
        };
    }

    walk!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
}

/// Reads `ICH_HCR_EL2`.
#[inline(always)]
pub(crate) fn read_hcr() -> u64 {
    read_sysreg!("S3_4_C12_C11_0")
}

/// Writes `ICH_HCR_EL2`.
#[inline(always)]
pub(crate) fn write_hcr(value: u64) {
    write_sysreg!("S3_4_C12_C11_0", value)
}

/// Reads `ICH_MISR_EL2`.
#[inline(always)]
pub(crate) fn read_misr() -> u64 {
    read_sysreg!("S3_4_C12_C11_2")
}

/// Reads `ICH_ELRSR_EL2`: a bit for each list register that holds nothing.
#[inline(always)]
pub(crate) fn read_elrsr() -> u64 {
    read_sysreg!("S3_4_C12_C11_5")
}

/// Reads `ICH_VMCR_EL2`.
#[inline(always)]
pub(crate) fn read_vmcr() -> u64 {
    read_sysreg!("S3_4_C12_C11_7")
}

/// Writes `ICH_VMCR_EL2`.
#[inline(always)]
pub(crate) fn write_vmcr(value: u64) {
    write_sysreg!("S3_4_C12_C11_7", value)
}

/// Deactivates an interrupt of the host, which has dropped its priority before.
#[inline(always)]
pub(crate) fn deactivate_physical(intid: u32) {
    write_sysreg!("S3_0_C12_C11_1", u64::from(intid));
    isb();
}

/// `ICC_SRE_EL1.SRE`: the guest's interface is of system registers, not of memory (GICv2).
const SRE_EL1_SRE: u64 = 1 << 0;

/// `ICC_SRE_EL2.Enable`: EL1 may access `ICC_SRE_EL1`.
const SRE_EL2_ENABLE: u64 = 1 << 3;

/// Sets `ICC_SRE_EL1.SRE`, which a host at EL2 does not use itself. Where it changes what other
/// registers mean, a barrier must follow.
#[inline(always)]
pub(crate) fn write_sre_el1(system_registers: bool) {
    write_sysreg!(
        "S3_0_C12_C12_5",
        if system_registers { SRE_EL1_SRE } else { 0 }
    )
}

/// Lets EL1 access `ICC_SRE_EL1`, or not. May have no effect: the bit may be fixed at 1.
#[inline(always)]
pub(crate) fn set_sre_el1_access(allowed: bool) {
    let old = read_sysreg!("S3_4_C12_C9_5");

    write_sysreg!(
        "S3_4_C12_C9_5",
        if allowed {
            old | SRE_EL2_ENABLE
        } else {
            old & !SRE_EL2_ENABLE
        }
    );
}

/// Whether guests can have the interface of memory (GICv2): `ICC_SRE_EL1.SRE` can be 0.
///
/// While this finds out, the CPU must take no interrupt, whose handler would need the system
/// registers: hence the argument.
pub(crate) fn has_memory_interface(_masked: Masked<'_>) -> bool {
    let before = read_sysreg!("S3_0_C12_C12_5");

    write_sre_el1(false);
    isb();
    let fixed = read_sysreg!("S3_0_C12_C12_5") & SRE_EL1_SRE != 0;
    write_sysreg!("S3_0_C12_C12_5", before);
    isb();
    !fixed
}

/// `ICH_VCTLR_EL2.V3`, of a GICv5: the virtual interface is that of a GICv3.
const VCTLR_V3: u64 = 1 << 1;

/// Makes the virtual interface of a GICv5 that of a GICv3, or of a GICv5 again. Done on return.
#[inline(always)]
pub(crate) fn set_gicv3_compatible(compatible: bool) {
    let old = read_sysreg!("S3_4_C12_C11_4");
    let new = if compatible {
        old | VCTLR_V3
    } else {
        old & !VCTLR_V3
    };

    if new != old {
        write_sysreg!("S3_4_C12_C11_4", new);
    }
    isb();
}
