// SPDX-License-Identifier: GPL-2.0

//! Moving timers between memory and the hardware, and reading the hardware's line.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_timer_pending, set_cntvoff, set_cntpoff,
//!     timer_save_state, timer_restore_state; include/kvm/arm_arch_timer.h: has_broken_cntvoff,
//!     timer_apply_offset
#![forbid(unsafe_code)]

use super::{
    context::{
        has_cntpoff,
        Timer, //
    },
    counter::{
        CompareValue,
        HardwareCompare,
        Offset, //
    },
    ctl::{
        Level,
        TimerCtl, //
    },
    map::{
        Bank,
        TimerMap, //
    },
    Host, //
};
use crate::{
    arm64::{
        barrier::isb,
        cpucaps,
        generic_timer::{
            write_cntpoff_el2,
            write_cntvoff_el2,
            Cntp,
            Cntv,
            El0Timer, //
        }, //
    },
    host::{
        arch_timer::{
            CvalHome,
            Residence, //
        },
        context::{
            IrqOff,
            OnCpu, //
        },
        hypervisor,
        static_key::has_broken_cntvoff,
        tracepoint,
        vcpu::Vcpu, //
    },
};
use core::num::NonZero;

/// The timers that use the two hardware timers, or those of them that a step is about.
#[derive(Clone, Copy)]
pub(super) struct HardwareSet<'a> {
    virt: Option<Timer<'a>>,
    phys: Option<Timer<'a>>,
}

impl<'a> HardwareSet<'a> {
    /// All direct timers of a vCPU.
    #[inline(always)]
    pub(super) fn direct(vcpu: Vcpu<'a>, map: TimerMap) -> Self {
        Self {
            virt: Some(Timer::of(vcpu, map.direct_vtimer)),
            phys: map.direct_ptimer.map(|id| Timer::of(vcpu, id)),
        }
    }

    /// A single direct timer.
    pub(super) fn only(timer: Timer<'a>) -> Self {
        match timer.id().bank() {
            Bank::Virtual => Self {
                virt: Some(timer),
                phys: None,
            },
            Bank::Physical => Self {
                virt: None,
                phys: Some(timer),
            },
        }
    }

    #[inline(always)]
    fn filter(self, keep: impl Fn(&Timer<'a>) -> bool) -> Self {
        Self {
            virt: self.virt.filter(&keep),
            phys: self.phys.filter(&keep),
        }
    }

    #[inline(always)]
    fn is_empty(self) -> bool {
        self.virt.is_none() && self.phys.is_none()
    }

    #[inline(always)]
    fn for_each(self, f: impl Fn(Timer<'a>)) {
        if let Some(timer) = self.virt {
            f(timer);
        }
        if let Some(timer) = self.phys {
            f(timer);
        }
    }

    /// Takes those that are loaded off the hardware; their state is in memory then.
    ///
    /// One barrier orders the disabling of all of them before the change of any offset, which
    /// could make a timer fire that still runs.
    #[inline]
    pub(super) fn save(self, _irq_off: &IrqOff) {
        let loaded = self.filter(|timer| timer.is_loaded());
        if loaded.is_empty() {
            return;
        }

        if let Some(timer) = loaded.virt {
            park::<Cntv>(timer);
        }
        if let Some(timer) = loaded.phys {
            park::<Cntp>(timer);
        }
        isb();

        // Without VHE the host's user space counts with `CNTVOFF_EL2` applied. With VHE it does
        // not, and the write is cheap.
        if loaded.virt.is_some() {
            set_virtual_offset(Offset::ZERO);
        }
        if loaded.phys.is_some() {
            set_physical_offset(Offset::ZERO);
        }

        loaded.for_each(|timer| {
            tracepoint::timer_save_state(timer.context());
            timer.context().set_residence(Residence::Memory);
        });
    }

    /// Programs those that are not loaded into the hardware.
    ///
    /// One barrier orders offsets and compare values before the enabling of any timer.
    #[inline]
    pub(super) fn restore(self, host: &Host, _irq_off: &IrqOff) {
        let unloaded = self.filter(|timer| !timer.is_loaded());
        if unloaded.is_empty() {
            return;
        }

        if let Some(timer) = unloaded.virt {
            program_virtual(host, timer);
        }
        if let Some(timer) = unloaded.phys {
            program_physical(host, timer);
        }
        isb();

        if let Some(timer) = unloaded.virt {
            Cntv::write_ctl(timer.ctl().into_raw());
        }
        if let Some(timer) = unloaded.phys {
            Cntp::write_ctl(timer.ctl().into_raw());
        }
        unloaded.for_each(|timer| tracepoint::timer_restore_state(timer.context()));
    }
}

/// Reads a timer back into memory, and disables it.
#[inline(always)]
fn park<T: El0Timer>(timer: Timer<'_>) {
    timer.set_ctl(TimerCtl::from_raw(T::read_ctl()));

    // As it was decided when the timer was programmed. The offset may have changed since.
    if timer.context().residence() == Residence::Hardware(CvalHome::Register) {
        timer.set_cval(CompareValue::new(T::read_cval()));
    }
    T::write_ctl(TimerCtl::OFF.into_raw());
}

#[inline(always)]
fn program_virtual(host: &Host, timer: Timer<'_>) {
    let offset = timer.offset();

    if has_broken_cntvoff() {
        set_virtual_offset(Offset::ZERO);
        program::<Cntv>(host, timer, offset);
    } else {
        set_virtual_offset(offset);
        program::<Cntv>(host, timer, Offset::ZERO);
    }
}

#[inline(always)]
fn program_physical(host: &Host, timer: Timer<'_>) {
    let offset = timer.offset();

    // Even where the hardware has an offset it applies in the guest only, and the timer must
    // fire while the host runs too. The world switch puts the guest's value in for the guest.
    set_physical_offset(offset);
    program::<Cntp>(host, timer, offset);
}

/// Writes the compare value, with the offset that the hardware does not apply worked in.
///
/// A guest whose offset is worked in traps on its accesses, or gets its own value from memory on
/// each entry; either way memory has the value, exactly, and the register need not.
#[inline(always)]
fn program<T: El0Timer>(host: &Host, timer: Timer<'_>, offset: Offset) {
    let (cval, home) = match NonZero::new(offset.get()) {
        None => (HardwareCompare::verbatim(timer.cval()), CvalHome::Register),
        Some(worked_in) => (
            HardwareCompare::from_guest(timer.cval(), offset, host.now()),
            CvalHome::Memory { offset: worked_in },
        ),
    };

    T::write_cval(cval.get());
    timer.context().set_residence(Residence::Hardware(home));
}

/// The level of the line of a timer of this CPU's vCPU, wherever the timer is.
#[inline]
pub(super) fn level(host: &Host, timer: Timer<'_>, on_cpu: OnCpu<'_>) -> Level {
    if timer.is_loaded() {
        level_in_hardware(timer, on_cpu)
    } else {
        timer.level_in_memory(host)
    }
}

/// The level of the line of any vCPU's timer; `None` if the timer is in the hardware of another
/// CPU, which cannot be asked from here.
#[inline]
pub(super) fn level_of_any(host: &Host, timer: Timer<'_>, on_cpu: OnCpu<'_>) -> Option<Level> {
    // Looked at once: a vCPU of another CPU may be loaded or put at any time.
    if !timer.is_loaded() {
        Some(timer.level_in_memory(host))
    } else if Vcpu::running(on_cpu).is_some_and(|running| running.is(timer.vcpu())) {
        Some(level_in_hardware(timer, on_cpu))
    } else {
        None
    }
}

/// The level of the line of a timer that is in this CPU's hardware. It is right also for a compare
/// value that is derived from the guest's: it is so derived that it fires when that does.
#[inline(always)]
fn level_in_hardware(timer: Timer<'_>, _on_cpu: OnCpu<'_>) -> Level {
    TimerCtl::from_raw(match timer.id().bank() {
        Bank::Virtual => Cntv::read_ctl(),
        Bank::Physical => Cntp::read_ctl(),
    })
    .level()
}

/// Sets what is subtracted from the physical count for the guest's virtual one.
#[inline(always)]
fn set_virtual_offset(offset: Offset) {
    if cpucaps::has_vhe() {
        write_cntvoff_el2(offset.get());
    } else {
        hypervisor::set_cntvoff(offset.get());
    }
}

/// Sets what is subtracted from the physical count for the guest's, where hardware can.
#[inline(always)]
fn set_physical_offset(offset: Offset) {
    if has_cntpoff() {
        write_cntpoff_el2(offset.get());
    }
}
