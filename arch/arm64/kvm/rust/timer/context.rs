// SPDX-License-Identifier: GPL-2.0

//! What a timer's state means, by where it is; which timers are direct.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: get_timer_map, kvm_timer_enabled, kvm_timer_pending;
//!     include/kvm/arm_arch_timer.h: has_cntpoff, timer_get_offset
#![forbid(unsafe_code)]

use super::*;

impl Timer<'_> {
    /// The offset of its counter.
    #[inline(always)]
    pub(super) fn offset(self) -> Offset {
        Offset::new(self.offset_in_ticks())
    }

    /// Its counter at the instant `now`.
    #[inline(always)]
    pub(super) fn count(self, now: PhysicalCount) -> GuestCount {
        now.seen_with(self.offset())
    }
}

impl State {
    /// The control register.
    #[inline(always)]
    pub(super) fn control(self) -> TimerCtl {
        TimerCtl::from_raw(self.ctl)
    }

    /// The compare value.
    #[inline(always)]
    pub(super) fn compare(self) -> CompareValue {
        CompareValue::new(self.cval)
    }
}

impl Timer<'_> {
    /// The level of its line, with these registers.
    #[inline(always)]
    pub(super) fn level_of(self, state: State, host: &Host) -> Level {
        Level::from_bool(
            state.control().can_fire() && self.count(host.now()).has_reached(state.compare()),
        )
    }

    /// When, seen from the instant `now`, its condition will be met with these registers, whether
    /// or not it may fire.
    #[inline(always)]
    pub(super) fn condition_of(self, state: State, host: &Host, now: PhysicalCount) -> Deadline {
        Deadline::after(self.count(now).until(state.compare()), host.rate)
    }

    /// When, seen from the instant `now`, it will fire with these registers.
    #[inline(never)]
    pub(super) fn deadline_of(self, state: State, host: &Host, now: PhysicalCount) -> Deadline {
        if state.control().can_fire() {
            self.condition_of(state, host, now)
        } else {
            Deadline::Never
        }
    }
}

impl MemoryTimer<'_> {
    /// Whether it may fire at all.
    #[inline(always)]
    pub(super) fn can_fire(&self) -> bool {
        self.state().control().can_fire()
    }
}

impl HardwareTimer<'_> {
    /// The level of its line. It is right also for a compare value that is derived from the
    /// guest's: it is so derived that it fires when that does.
    #[inline(always)]
    fn level(&self) -> Level {
        TimerCtl::from_raw(match self.id().bank() {
            Bank::Virtual => Cntv::read_ctl(),
            Bank::Physical => Cntp::read_ctl(),
        })
        .level()
    }
}

impl Place<'_> {
    /// The level of the timer's line, wherever it is.
    #[inline(never)]
    pub(super) fn level(&self, host: &Host) -> Level {
        match self {
            Self::Memory(timer) => timer.level_of(timer.state(), host),
            Self::Hardware(timer) => timer.level(),
        }
    }
}

/// Which of a vCPU's timers are direct at the moment. An event for tracing tools, which count it.
#[inline(always)]
pub(super) fn timer_map(vcpu: Vcpu<'_>) -> TimerMap {
    tracepoint::ask_timer_map(vcpu);
    current_map(vcpu)
}

/// [`timer_map`], without the event.
#[inline(always)]
pub(super) fn current_map(vcpu: Vcpu<'_>) -> TimerMap {
    if vcpu.has_el2() {
        nested_map(vcpu)
    } else if cpucaps::has_vhe() {
        TimerMap::Vhe
    } else {
        TimerMap::Nvhe
    }
}

#[inline(never)]
fn nested_map(vcpu: Vcpu<'_>) -> TimerMap {
    if vcpu.in_hyp_context() {
        TimerMap::NestedHyp
    } else {
        TimerMap::NestedGuest
    }
}

/// Whether the hardware applies an offset to the physical counter (`CNTPOFF_EL2`).
#[inline(always)]
pub(super) fn has_cntpoff() -> bool {
    cpucaps::has_vhe() && cpucaps::has_ecv_cntpoff()
}
