// SPDX-License-Identifier: GPL-2.0

//! Moving timers between memory and the hardware.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: set_cntvoff, set_cntpoff, timer_save_state,
//!     timer_restore_state; include/kvm/arm_arch_timer.h: has_broken_cntvoff, timer_apply_offset
#![forbid(unsafe_code)]

use super::*;

/// The timers of a vCPU that use the two hardware timers, or those of them that a step is about.
#[derive(Clone, Copy)]
pub(super) struct HardwareSet<'a> {
    vcpu: LoadedVcpu<'a>,
    virt: Option<TimerId>,
    phys: Option<TimerId>,
}

impl<'a> HardwareSet<'a> {
    /// All direct timers of a vCPU.
    #[inline(always)]
    pub(super) fn direct(vcpu: LoadedVcpu<'a>, map: TimerMap) -> Self {
        Self {
            vcpu,
            virt: map.direct(Bank::Virtual),
            phys: map.direct(Bank::Physical),
        }
    }

    /// A single direct timer.
    #[inline(always)]
    pub(super) fn only(vcpu: LoadedVcpu<'a>, id: TimerId) -> Self {
        let if_in = |bank| (id.bank() == bank).then_some(id);

        Self {
            vcpu,
            virt: if_in(Bank::Virtual),
            phys: if_in(Bank::Physical),
        }
    }

    /// Takes those that are in hardware off it.
    ///
    /// One barrier orders the disabling of all of them before the change of any offset, which
    /// could make a timer fire that still runs.
    #[inline(never)]
    pub(super) fn save(self, _irq_off: &IrqOff) {
        let virt = self.virt.and_then(|id| self.vcpu.in_hardware(id));
        let phys = self.phys.and_then(|id| self.vcpu.in_hardware(id));
        if virt.is_none() && phys.is_none() {
            return;
        }

        let virt = virt.map(park::<Cntv>);
        let phys = phys.map(park::<Cntp>);
        isb();

        // Without VHE the host's user space counts with `CNTVOFF_EL2` applied. With VHE it does
        // not, and the write is cheap.
        if let Some(timer) = virt {
            set_virtual_offset(self.vcpu, Offset::ZERO);
            tracepoint::timer_save_state(*timer);
            timer.into_memory();
        }
        if let Some(timer) = phys {
            set_physical_offset(self.vcpu, Offset::ZERO);
            tracepoint::timer_save_state(*timer);
            timer.into_memory();
        }
    }

    /// Programs those that are in memory into the hardware.
    ///
    /// One barrier orders offsets and compare values before the enabling of any timer.
    #[inline(never)]
    pub(super) fn restore(self, host: &Host, _irq_off: &IrqOff) {
        let into_hardware =
            |id, program: fn(&Host, LoadedVcpu<'a>, &MemoryTimer<'a>) -> (u64, u64)| {
                self.vcpu
                    .into_hardware(id, |timer| program(host, self.vcpu, timer))
            };
        let virt = self.virt.and_then(|id| into_hardware(id, program_virtual));
        let phys = self.phys.and_then(|id| into_hardware(id, program_physical));
        if virt.is_none() && phys.is_none() {
            return;
        }
        isb();

        if let Some((timer, ctl)) = virt {
            Cntv::write_ctl(ctl);
            tracepoint::timer_restore_state(*timer);
        }
        if let Some((timer, ctl)) = phys {
            Cntp::write_ctl(ctl);
            tracepoint::timer_restore_state(*timer);
        }
    }
}

/// Reads a timer back into memory, and disables it.
#[inline(always)]
fn park<T: El0Timer>(mut timer: HardwareTimer<'_>) -> HardwareTimer<'_> {
    let ctl = T::read_ctl();

    // As it was decided when the timer was programmed. The offset may have changed since.
    let cval = match timer.cval_home() {
        CvalHome::Register => Some(T::read_cval()),
        CvalHome::Memory { .. } => None,
    };

    timer.save(ctl, cval);
    T::write_ctl(TimerCtl::OFF.into_raw());
    timer
}

/// Returns the offset that it worked in, and what is to be written to control.
#[inline(always)]
fn program_virtual(host: &Host, vcpu: LoadedVcpu<'_>, timer: &MemoryTimer<'_>) -> (u64, u64) {
    let offset = timer.offset();
    let (by_hardware, by_software) = if has_broken_cntvoff() {
        (Offset::ZERO, offset)
    } else {
        (offset, Offset::ZERO)
    };

    set_virtual_offset(vcpu, by_hardware);
    program::<Cntv>(host, timer, by_software)
}

/// Returns the offset that it worked in, and what is to be written to control.
#[inline(always)]
fn program_physical(host: &Host, vcpu: LoadedVcpu<'_>, timer: &MemoryTimer<'_>) -> (u64, u64) {
    let offset = timer.offset();

    // Even where the hardware has an offset it applies in the guest only, and the timer must
    // fire while the host runs too. The world switch puts the guest's value in for the guest.
    set_physical_offset(vcpu, offset);
    program::<Cntp>(host, timer, offset)
}

/// Writes the compare value, with the offset that the hardware does not apply worked in.
///
/// A guest whose offset is worked in traps on its accesses, or gets its own value from memory on
/// each entry; either way memory has the value, exactly, and the register need not.
#[inline(always)]
fn program<T: El0Timer>(host: &Host, timer: &MemoryTimer<'_>, offset: Offset) -> (u64, u64) {
    let state = timer.state();
    let cval = if offset.is_zero() {
        HardwareCompare::verbatim(state.compare())
    } else {
        HardwareCompare::from_guest(state.compare(), offset, host.now())
    };

    T::write_cval(cval.get());
    (offset.get(), state.ctl)
}

/// Sets what is subtracted from the physical count for the guest's virtual one.
#[inline(always)]
fn set_virtual_offset(vcpu: LoadedVcpu<'_>, offset: Offset) {
    if let Some(el2) = vcpu.vhe() {
        generic_timer::write_cntvoff_el2(offset.get(), el2);
    } else {
        hypervisor::set_cntvoff(offset.get());
    }
}

/// Sets what is subtracted from the physical count for the guest's, where hardware can.
#[inline(always)]
fn set_physical_offset(vcpu: LoadedVcpu<'_>, offset: Offset) {
    if let Some(el2) = vcpu.vhe().filter(|_| cpucaps::has_ecv_cntpoff()) {
        generic_timer::write_cntpoff_el2(offset.get(), el2);
    }
}
