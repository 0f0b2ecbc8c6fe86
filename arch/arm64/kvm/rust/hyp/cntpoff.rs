// SPDX-License-Identifier: GPL-2.0

//! The physical timer of guests on CPUs with `CNTPOFF_EL2`.
//!
//! The offset applies while a guest runs, and not while the host does, though the timer is to fire
//! at the same time then. So the compare value changes with the side: the guest's own, which it may
//! have written without a trap, and one for the host's count.
#![forbid(unsafe_code)]

use super::switch::{
    Kind,
    Switch, //
};
use crate::{
    arm64::{
        barrier::isb,
        cpucaps,
        registers::{
            guest::CntpCvalEl0,
            GuestRegister,
            SystemRegister, //
        }, //
    },
    host::{
        sys_reg::SysReg,
        vm::TimerIndex, //
    },
};

/// The timer that uses the hardware's physical timer, and its register in memory. That of EL2 in
/// hyp context: a run ends in the context that it began in.
#[inline(always)]
fn direct<K: Kind>(switch: Switch<'_>) -> (TimerIndex, SysReg) {
    if K::in_hyp_context(switch) {
        (TimerIndex::HPTIMER, SysReg::CNTHP_CVAL_EL2)
    } else {
        (TimerIndex::PTIMER, SysReg::CNTP_CVAL_EL0)
    }
}

/// Writes the guest's value.
#[inline(always)]
pub(super) fn switch_to_guest<K: Kind>(switch: Switch<'_>) {
    if cpucaps::has_ecv_cntpoff() {
        write_guest_value::<K>(switch);
    }
}

/// Saves the guest's value, and writes the host's.
#[inline(always)]
pub(super) fn switch_to_host<K: Kind>(switch: Switch<'_>) {
    if cpucaps::has_ecv_cntpoff() {
        write_host_value::<K>(switch);
    }
}

fn write_guest_value<K: Kind>(switch: Switch<'_>) {
    let (timer, cval) = direct::<K>(switch);

    // Without an offset the two are the same.
    if switch.vcpu.timer_offset(timer) != 0 {
        CntpCvalEl0::set(switch.vcpu.sys_reg(cval), *switch.masked);
        isb();
    }
}

fn write_host_value<K: Kind>(switch: Switch<'_>) {
    let (timer, cval) = direct::<K>(switch);
    let offset = switch.vcpu.timer_offset(timer);

    if offset == 0 && !MEMORY_FOLLOWS {
        return;
    }

    let value = CntpCvalEl0::read();
    switch.vcpu.set_sys_reg(cval, value);

    if offset != 0 {
        CntpCvalEl0::set(host_value(value, offset), *switch.masked);
        isb();
    }
}

/// Whether the timer code wants to find the guest's value in memory even without an offset.
const MEMORY_FOLLOWS: bool = cfg!(not(CONFIG_KVM_ARM64_RUST_TIMER));

/// The host's compare value: with C's timer code the sum, wrapped or not, for that is what it
/// subtracts the offset from again.
#[cfg(not(CONFIG_KVM_ARM64_RUST_TIMER))]
fn host_value(value: u64, offset: u64) -> u64 {
    value.wrapping_add(offset)
}

/// The host's compare value: one that fires when the guest's would. The timer code takes the
/// guest's from memory.
#[cfg(CONFIG_KVM_ARM64_RUST_TIMER)]
fn host_value(value: u64, offset: u64) -> u64 {
    use crate::{
        host::vcpu_exit::physical_count,
        timer::counter::{
            CompareValue,
            HardwareCompare,
            Offset,
            PhysicalCount, //
        }, //
    };

    HardwareCompare::from_guest(
        CompareValue::new(value),
        Offset::new(offset),
        PhysicalCount::new(physical_count()),
    )
    .get()
}
