// SPDX-License-Identifier: GPL-2.0

//! Reads of timers and counters at virtual EL2.
//!
//! With FEAT_ECV many of them trap, for the sake of timers that are emulated; most need nothing of
//! the host.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: compute_emulated_cntx_ctl_el0, kvm_hyp_handle_timer
#![forbid(unsafe_code)]

use super::*;
use counter::count;

/// A register of a timer, or a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Register {
    Control(Timer),
    Compare(Timer),
    PhysicalCount,
    VirtualCount,
}

/// A timer as virtual EL2 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Timer {
    /// `CNTP_*_EL0`: EL2's own with E2H.
    Physical,
    /// `CNTV_*_EL0`: EL2's own with E2H.
    Virtual,
    /// `CNTP_*_EL02`.
    PhysicalEl1,
    /// `CNTV_*_EL02`.
    VirtualEl1,
}

impl Register {
    /// The one of that encoding, if it is a timer's.
    pub(in super::super) const fn of(register: Encoding) -> Option<Self> {
        Some(match register {
            CNTP_CTL_EL0::ENCODING => Self::Control(Timer::Physical),
            CNTP_CTL_EL0::ALIAS => Self::Control(Timer::PhysicalEl1),
            CNTP_CVAL_EL0::ENCODING => Self::Compare(Timer::Physical),
            CNTP_CVAL_EL0::ALIAS => Self::Compare(Timer::PhysicalEl1),
            CNTV_CTL_EL0::ENCODING => Self::Control(Timer::Virtual),
            CNTV_CTL_EL0::ALIAS => Self::Control(Timer::VirtualEl1),
            CNTV_CVAL_EL0::ENCODING => Self::Compare(Timer::Virtual),
            CNTV_CVAL_EL0::ALIAS => Self::Compare(Timer::VirtualEl1),
            CNTPCT_EL0::ENCODING | CNTPCTSS_EL0::ENCODING => Self::PhysicalCount,
            CNTVCT_EL0::ENCODING | CNTVCTSS_EL0::ENCODING => Self::VirtualCount,
            _ => return None,
        })
    }
}

/// A control register with the status that the values say.
pub(in super::super) const fn with_status(ctl: u64, cval: u64, count: u64) -> u64 {
    const ISTATUS: u64 = 1 << 2;

    if cval <= count {
        ctl | ISTATUS
    } else {
        ctl & !ISTATUS
    }
}

/// Whether it was a read of a timer or a counter, which has been performed.
#[inline]
pub(super) fn resolve(trap: Trap<'_>) -> bool {
    let vcpu = trap.switch.vcpu;
    let access = trap.esr.system_trap();

    if access.direction() != Direction::Read {
        return false;
    }
    let Some(register) = Register::of(access.encoding()) else {
        return false;
    };

    let value = match register {
        Register::Control(timer) => control(vcpu, timer),
        Register::Compare(timer) => compare(vcpu, timer),
        Register::PhysicalCount => count(vcpu, TimerId::Hptimer),
        Register::VirtualCount => count(vcpu, TimerId::Hvtimer),
    };

    trap.set_result(access.rt(), value);
    trap.skip_instruction()
}

fn control(vcpu: RunningVcpu<'_>, timer: Timer) -> u64 {
    match timer {
        Timer::Physical if vcpu.el2_e2h() => CNTP_CTL_EL0::read(),
        Timer::Virtual if vcpu.el2_e2h() => CNTV_CTL_EL0::read(),
        Timer::Physical | Timer::PhysicalEl1 => with_status(
            vcpu.sys_reg(SysReg::CNTP_CTL_EL0),
            vcpu.sys_reg(SysReg::CNTP_CVAL_EL0),
            count(vcpu, TimerId::Ptimer),
        ),
        Timer::Virtual | Timer::VirtualEl1 => with_status(
            vcpu.sys_reg(SysReg::CNTV_CTL_EL0),
            vcpu.sys_reg(SysReg::CNTV_CVAL_EL0),
            count(vcpu, TimerId::Vtimer),
        ),
    }
}

fn compare(vcpu: RunningVcpu<'_>, timer: Timer) -> u64 {
    match timer {
        Timer::Physical if vcpu.el2_e2h() => direct_physical_compare(vcpu),
        Timer::Virtual if vcpu.el2_e2h() => direct_virtual_compare(vcpu),
        Timer::Physical | Timer::PhysicalEl1 => vcpu.sys_reg(SysReg::CNTP_CVAL_EL0),
        Timer::Virtual | Timer::VirtualEl1 => vcpu.sys_reg(SysReg::CNTV_CVAL_EL0),
    }
}

/// `CNTHP_CVAL_EL2`, which is in the hardware's EL1 timer.
fn direct_physical_compare(vcpu: RunningVcpu<'_>) -> u64 {
    // Where the hardware applies the offset in the guest, it has the guest's value in the guest.
    if !cpucaps::has_ecv_cntpoff() && has_derived_value(vcpu, TimerId::Hptimer) {
        vcpu.sys_reg(SysReg::CNTHP_CVAL_EL2)
    } else {
        CNTP_CVAL_EL0::read()
    }
}

/// `CNTHV_CVAL_EL2`, which is in the hardware's EL1 timer.
fn direct_virtual_compare(vcpu: RunningVcpu<'_>) -> u64 {
    if static_key::has_broken_cntvoff() && has_derived_value(vcpu, TimerId::Hvtimer) {
        vcpu.sys_reg(SysReg::CNTHV_CVAL_EL2)
    } else {
        CNTV_CVAL_EL0::read()
    }
}

/// Whether the register does not hold the guest's value, but one that stands for it and may not
/// lead back to it. Memory has the guest's then.
fn has_derived_value(vcpu: RunningVcpu<'_>, timer: TimerId) -> bool {
    if cfg!(CONFIG_KVM_ARM64_RUST_TIMER) {
        vcpu.timer(timer).offset_in_register().is_some()
    } else {
        // C's timer code goes by what the offset is at the moment.
        vcpu.timer_offset(timer) != 0
    }
}
