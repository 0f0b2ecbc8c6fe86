// SPDX-License-Identifier: GPL-2.0

//! Register accesses of the guest that trap.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: read_timer_ctl, kvm_arm_timer_read,
//!     kvm_arm_timer_read_sysreg, kvm_arm_timer_write, kvm_arm_timer_write_sysreg;
//!     include/kvm/arm_arch_timer.h: kvm_arch_timer_regs
#![forbid(unsafe_code)]

use super::{
    hardware::HardwareSet,
    *, //
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

/// What a trapped access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It reads.
    Read,
    /// It writes that value.
    Write(u64),
}

/// Performs an access on behalf of the guest. Returns what it reads.
pub(super) fn perform(
    host: &Host,
    vcpu: LoadedVcpu<'_>,
    id: TimerId,
    register: Register,
    access: Access,
) -> u64 {
    if !timer_map(**vcpu).is_emulated(id) {
        return perform_direct(host, vcpu, id, register, access);
    }

    // Its callback, which changes the control register, is kept away from a write until it is
    // emulated anew.
    if access != Access::Read {
        vcpu.soft_timer(id).cancel();
    }
    let result = vcpu
        .in_memory(id)
        .map_or(0, |timer| perform_in_memory(host, timer, register, access));
    if access != Access::Read {
        soft::emulate(host, vcpu, id);
    }
    result
}

/// Performs an access while a direct timer is in memory, and puts it back into hardware if its
/// vCPU may run at all.
fn perform_direct(
    host: &Host,
    vcpu: LoadedVcpu<'_>,
    id: TimerId,
    register: Register,
    access: Access,
) -> u64 {
    let set = HardwareSet::only(vcpu, id);
    let in_register = || vcpu.in_hardware(id).map(|timer| timer.cval_home());

    with_irqs_off(|irq_off| {
        let before = in_register();

        if vcpu.timers_enabled() {
            set.save(irq_off);
        }
        let result = vcpu
            .in_memory(id)
            .map_or(0, |timer| perform_in_memory(host, timer, register, access));

        if vcpu.timers_enabled() {
            set.restore(host, irq_off);
            // What traps was decided for the offset that was in force until now.
            if in_register() != before {
                load::update_traps(vcpu);
            }
        }
        result
    })
}

fn perform_in_memory(
    host: &Host,
    mut timer: MemoryTimer<'_>,
    register: Register,
    access: Access,
) -> u64 {
    // Looked up by those alone that need them: most accesses are writes that do not.
    let cval = || timer.state().compare();
    let count = || timer.count(host.now());

    match (register, access) {
        (Register::Cnt, Access::Read) => return count().get(),
        (Register::Cval, Access::Read) => return cval().get(),
        (Register::Tval, Access::Read) => return cval().tval(count()).into(),
        // The status bit is UNKNOWN while the timer is disabled; it is the same in all states
        // here (Arm ARM, `CNTV_CTL_EL0.ISTATUS`).
        (Register::Ctl, Access::Read) => {
            let state = timer.state();

            return state
                .control()
                .with_status(count().has_reached(state.compare()))
                .into_raw();
        }
        (Register::Voff, Access::Read) => return timer.vcpu_offset().map_or(0, |cell| cell.read()),
        (Register::Cval, Access::Write(value)) => timer.set_cval(value),
        (Register::Tval, Access::Write(value)) => {
            let cval = CompareValue::from_tval(count(), value);

            timer.set_cval(cval.get());
        }
        (Register::Ctl, Access::Write(value)) => {
            timer.set_ctl(TimerCtl::from_raw(value).with_status(false).into_raw());
        }
        (Register::Voff, Access::Write(value)) => timer.set_vcpu_offset(value),
        // Counters are read-only: a write is UNDEFINED, and no trap leads here.
        (Register::Cnt, Access::Write(_)) => {
            kernel::warn_on!(true);
        }
    }
    0
}
