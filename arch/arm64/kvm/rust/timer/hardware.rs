// SPDX-License-Identifier: GPL-2.0

//! Moving timers between memory and the hardware, and reading the hardware's line.
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
    let (cval, home) = if offset.is_zero() {
        (HardwareCompare::verbatim(timer.cval()), CvalHome::Register)
    } else {
        (
            HardwareCompare::from_guest(timer.cval(), offset, host.now()),
            CvalHome::Memory,
        )
    };

    T::write_cval(cval.get());
    timer.context().set_residence(Residence::Hardware(home));
}

/// The level of a timer's line, wherever the timer is.
///
/// Only on the CPU that the vCPU is loaded on, if it is loaded.
#[inline]
pub(super) fn level(host: &Host, timer: Timer<'_>, _on_cpu: OnCpu<'_>) -> Level {
    let home = match timer.context().residence() {
        Residence::Memory => return timer.level_in_memory(host),
        Residence::Hardware(home) => home,
    };
    let ctl = hardware_ctl(timer);

    // Where there is a CNTPOFF_EL2, the world switch adds the offset to the compare value on exit,
    // and the sum may wrap: then hardware takes the far future for the past, or the reverse.
    // Memory knows better.
    if home == CvalHome::Memory && has_cntpoff() {
        Level::from_bool(ctl.can_fire() && timer.condition_is_met(host))
    } else {
        ctl.level()
    }
}

/// The control register of a loaded timer.
#[inline(always)]
fn hardware_ctl(timer: Timer<'_>) -> TimerCtl {
    TimerCtl::from_raw(match timer.id().bank() {
        Bank::Virtual => Cntv::read_ctl(),
        Bank::Physical => Cntp::read_ctl(),
    })
}

/// Stops a loaded timer from firing before its time, if its compare value in hardware has come
/// to say so (see [`level`]). Returns whether that was the case.
pub(super) fn mend_compare_value(host: &Host, timer: Timer<'_>, _irq_off: &IrqOff) -> bool {
    if timer.context().residence() != Residence::Hardware(CvalHome::Memory)
        || !hardware_ctl(timer).level().is_high()
        || timer.condition_is_met(host)
    {
        return false;
    }

    let cval = HardwareCompare::from_guest(timer.cval(), timer.offset(), host.now());
    match timer.id().bank() {
        Bank::Virtual => Cntv::write_cval(cval.get()),
        Bank::Physical => Cntp::write_cval(cval.get()),
    }
    isb();
    true
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
