// SPDX-License-Identifier: GPL-2.0

//! The generic timer's registers, as far as a hypervisor uses them for its guests.
//!
//! A guest's timers are the EL0 timers `CNTV_*_EL0` and `CNTP_*_EL0`.
//!
//! Source: Arm ARM, "The Generic Timer in AArch64 state" and the registers' own pages.

use super::{
    cpucaps,
    evidence::El2,
    registers::{
        SystemRegister,
        CNTHCTL_EL2,
        CNTPOFF_EL2,
        CNTP_CTL_EL0,
        CNTP_CVAL_EL0,
        CNTVOFF_EL2,
        CNTV_CTL_EL0,
        CNTV_CVAL_EL0, //
    },
    values::Cnthctl, //
};

/// One of the two EL0 timers.
pub(crate) trait El0Timer {
    /// `CNT*_CTL_EL0`.
    type Ctl: SystemRegister<Value = u64>;
    /// `CNT*_CVAL_EL0`.
    type Cval: SystemRegister<Value = u64>;

    /// Reads `CNT*_CTL_EL0`.
    #[inline(always)]
    fn read_ctl() -> u64 {
        Self::Ctl::read()
    }

    /// Writes `CNT*_CTL_EL0`.
    #[inline(always)]
    fn write_ctl(ctl: u64) {
        // SAFETY: The guest's timer. What it does to the host is an interrupt that KVM handles.
        unsafe { Self::Ctl::write(ctl) };
    }

    /// Reads `CNT*_CVAL_EL0`.
    #[inline(always)]
    fn read_cval() -> u64 {
        Self::Cval::read()
    }

    /// Writes `CNT*_CVAL_EL0`.
    #[inline(always)]
    fn write_cval(cval: u64) {
        // SAFETY: The guest's timer. What it does to the host is an interrupt that KVM handles.
        unsafe { Self::Cval::write(cval) };
    }
}

/// The EL1 virtual timer.
pub(crate) struct Cntv;

/// The EL1 physical timer.
pub(crate) struct Cntp;

impl El0Timer for Cntv {
    type Ctl = CNTV_CTL_EL0;
    type Cval = CNTV_CVAL_EL0;
}

impl El0Timer for Cntp {
    type Ctl = CNTP_CTL_EL0;
    type Cval = CNTP_CVAL_EL0;
}

/// Writes `CNTVOFF_EL2`.
#[inline(always)]
pub(crate) fn write_cntvoff_el2(offset: u64, _el2: El2<'_>) {
    // SAFETY: Nothing at EL2 counts by it. A host at EL1 does, and asked for the value.
    unsafe { CNTVOFF_EL2::write(offset) };
}

/// Writes `CNTPOFF_EL2`. Only for a VHE host, on a CPU that has the register.
#[inline(always)]
pub(crate) fn write_cntpoff_el2(offset: u64, _el2: El2<'_>) {
    // SAFETY: A host at EL2 does not count by it.
    unsafe { CNTPOFF_EL2::write(offset) };
}

/// Clears, then sets bits of `CNTHCTL_EL2`; writes only a value that differs.
#[inline]
pub(crate) fn update_cnthctl_el2(clear: u64, set: u64, _el2: El2<'_>) {
    if let Some(value) = update(CNTHCTL_EL2::read(), clear, set) {
        // SAFETY: The bits are about EL1 and EL0; nothing at EL2 uses what they trap, and a host at
        // EL1 has its own back before it goes on.
        unsafe { CNTHCTL_EL2::write(value) };
    }
}

/// The same for bits that say what traps from a guest. Only for a VHE host.
///
/// For such a kernel EL1's name is one of the same register, and one that does not trap if the
/// kernel is a guest hypervisor itself. All bits but `ECV` get through by that with FEAT_NV2p1.
#[inline]
pub(crate) fn update_timer_traps(clear: u64, set: u64, el2: El2<'_>) {
    if cpucaps::has_nv2p1() {
        if let Some(value) = update(CNTHCTL_EL2::read_as_el1(), clear, set) {
            CNTHCTL_EL2::write_as_el1(value);
        }
    } else {
        update_cnthctl_el2(clear, set, el2);
    }
}

#[inline(always)]
fn update(old: Cnthctl, clear: u64, set: u64) -> Option<Cnthctl> {
    let new = Cnthctl::from_raw(old.into_raw() & !clear | set);

    (new != old).then_some(new)
}
