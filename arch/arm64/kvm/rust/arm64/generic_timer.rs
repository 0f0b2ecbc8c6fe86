// SPDX-License-Identifier: GPL-2.0

//! The generic timer's registers, as far as a hypervisor uses them for its guests.
//!
//! A guest's timers are the EL0 timers `CNTV_*_EL0` and `CNTP_*_EL0`. Values are raw; the types
//! that give them a meaning are the caller's.
//!
//! Source: Arm ARM, "The Generic Timer in AArch64 state" and the registers' own pages.

use super::cpucaps;

/// One of the two EL0 timers.
pub(crate) trait El0Timer {
    /// Reads `CNT*_CTL_EL0`.
    fn read_ctl() -> u64;
    /// Writes `CNT*_CTL_EL0`.
    fn write_ctl(ctl: u64);
    /// Reads `CNT*_CVAL_EL0`.
    fn read_cval() -> u64;
    /// Writes `CNT*_CVAL_EL0`.
    fn write_cval(cval: u64);
}

/// The EL1 virtual timer.
pub(crate) struct Cntv;

/// The EL1 physical timer.
pub(crate) struct Cntp;

impl El0Timer for Cntv {
    #[inline(always)]
    fn read_ctl() -> u64 {
        read_sysreg_el0!("cntv_ctl_el0", "S3_5_C14_C3_1")
    }

    #[inline(always)]
    fn write_ctl(ctl: u64) {
        write_sysreg_el0!("cntv_ctl_el0", "S3_5_C14_C3_1", ctl)
    }

    #[inline(always)]
    fn read_cval() -> u64 {
        read_sysreg_el0!("cntv_cval_el0", "S3_5_C14_C3_2")
    }

    #[inline(always)]
    fn write_cval(cval: u64) {
        write_sysreg_el0!("cntv_cval_el0", "S3_5_C14_C3_2", cval)
    }
}

impl El0Timer for Cntp {
    #[inline(always)]
    fn read_ctl() -> u64 {
        read_sysreg_el0!("cntp_ctl_el0", "S3_5_C14_C2_1")
    }

    #[inline(always)]
    fn write_ctl(ctl: u64) {
        write_sysreg_el0!("cntp_ctl_el0", "S3_5_C14_C2_1", ctl)
    }

    #[inline(always)]
    fn read_cval() -> u64 {
        read_sysreg_el0!("cntp_cval_el0", "S3_5_C14_C2_2")
    }

    #[inline(always)]
    fn write_cval(cval: u64) {
        write_sysreg_el0!("cntp_cval_el0", "S3_5_C14_C2_2", cval)
    }
}

/// Writes `CNTVOFF_EL2`. Only for a kernel at EL2.
#[inline(always)]
pub(crate) fn write_cntvoff_el2(offset: u64) {
    write_sysreg!("cntvoff_el2", offset)
}

/// Writes `CNTPOFF_EL2`. Only for a kernel at EL2 on a CPU that has the register.
#[inline(always)]
pub(crate) fn write_cntpoff_el2(offset: u64) {
    write_sysreg!("S3_4_C14_C0_6", offset)
}

/// Clears, then sets bits of a register; writes only a value that differs.
macro_rules! update_sysreg {
    ($reg:literal, $clear:expr, $set:expr) => {{
        let old = read_sysreg!($reg);
        let new = (old & !$clear) | $set;

        if new != old {
            write_sysreg!($reg, new);
        }
    }};
}

/// Clears, then sets bits of `CNTHCTL_EL2`. Only for a kernel at EL2.
#[inline]
pub(crate) fn update_cnthctl_el2(clear: u64, set: u64) {
    update_sysreg!("cnthctl_el2", clear, set);
}

/// The same for bits that say what traps from a guest. Only for a VHE host.
///
/// For such a kernel EL1's name is one of the same register, and one that does not trap if the
/// kernel is a guest hypervisor itself. All bits but `ECV` get through by that with FEAT_NV2p1.
#[inline]
pub(crate) fn update_timer_traps(clear: u64, set: u64) {
    if cpucaps::has_nv2p1() {
        update_sysreg!("cntkctl_el1", clear, set);
    } else {
        update_sysreg!("cnthctl_el2", clear, set);
    }
}
