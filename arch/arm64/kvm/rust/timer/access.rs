// SPDX-License-Identifier: GPL-2.0

//! Register accesses of the guest that trap.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: read_timer_ctl, kvm_arm_timer_read,
//!     kvm_arm_timer_read_sysreg, kvm_arm_timer_write, kvm_arm_timer_write_sysreg;
//!     include/kvm/arm_arch_timer.h: kvm_arch_timer_regs
#![forbid(unsafe_code)]

use super::{
    context::{
        timer_map,
        Timer, //
    },
    counter::CompareValue,
    ctl::TimerCtl,
    hardware::HardwareSet,
    load,
    soft,
    Host, //
};
use crate::host::context::{
    with_irqs_off,
    IrqOff,
    PreemptOff, //
};

/// A register of a timer, as a trapped access names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Register {
    /// The counter.
    Cnt,
    /// The compare value.
    Cval,
    /// The distance to the compare value.
    Tval,
    /// Control.
    Ctl,
    /// The offset that a guest hypervisor gives its guest (`CNTVOFF_EL2`).
    Voff,
}

/// Reads a register on behalf of the guest.
pub(super) fn read(host: &Host, timer: Timer<'_>, register: Register) -> u64 {
    if timer_map(timer.vcpu()).is_emulated(timer.id()) {
        return read_in_memory(host, timer, register);
    }
    in_memory(host, timer, |_| read_in_memory(host, timer, register))
}

/// Writes a register on behalf of the guest.
pub(super) fn write(host: &Host, timer: Timer<'_>, register: Register, value: u64) {
    if timer_map(timer.vcpu()).is_emulated(timer.id()) {
        // Its callback, which changes the control register, is kept away from cancel to emulate.
        let preempt_off = PreemptOff::new();

        timer.context().soft_timer().cancel();
        write_in_memory(host, timer, register, value);
        soft::emulate(host, timer, preempt_off.on_cpu());
    } else {
        in_memory(host, timer, |_| {
            write_in_memory(host, timer, register, value)
        });
    }
}

/// Runs `f` while a direct timer is in memory, and puts it back into hardware if its vCPU may
/// run at all.
fn in_memory<R>(host: &Host, timer: Timer<'_>, f: impl FnOnce(&IrqOff) -> R) -> R {
    let set = HardwareSet::only(timer);

    with_irqs_off(|irq_off| {
        if !timer.vcpu().timers_enabled() {
            return f(irq_off);
        }

        let before = timer.context().residence();

        set.save(irq_off);
        let result = f(irq_off);
        set.restore(host, irq_off);

        // What traps was decided for the offset that was in force until now.
        if timer.context().residence() != before {
            load::update_traps(timer.vcpu(), irq_off.into());
        }
        result
    })
}

fn read_in_memory(host: &Host, timer: Timer<'_>, register: Register) -> u64 {
    let count = || timer.count(host.now());

    match register {
        Register::Cnt => count().get(),
        Register::Cval => timer.cval().get(),
        Register::Tval => timer.cval().tval(count()).into(),
        // The status bit is UNKNOWN while the timer is disabled; it is the same in all states
        // here (Arm ARM, `CNTV_CTL_EL0.ISTATUS`).
        Register::Ctl => timer
            .ctl()
            .with_status(count().has_reached(timer.cval()))
            .into_raw(),
        Register::Voff => timer.context().vcpu_offset().map_or(0, |cell| cell.read()),
    }
}

fn write_in_memory(host: &Host, timer: Timer<'_>, register: Register, value: u64) {
    match register {
        Register::Cval => timer.set_cval(CompareValue::new(value)),
        Register::Tval => {
            timer.set_cval(CompareValue::from_tval(timer.count(host.now()), value));
        }
        Register::Ctl => timer.set_ctl(TimerCtl::from_raw(value).with_status(false)),
        Register::Voff => {
            if let Some(cell) = timer.context().vcpu_offset() {
                cell.write(value);
            }
        }
        // Counters are read-only: a write is UNDEFINED, and no trap leads here.
        Register::Cnt => {
            kernel::warn_on!(true);
        }
    }
}
