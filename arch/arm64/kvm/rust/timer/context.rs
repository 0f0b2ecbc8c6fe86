// SPDX-License-Identifier: GPL-2.0

//! One timer of a vCPU, with its state in types that cannot be mixed up.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: nr_timers, timer_get_ctl, timer_get_cval, timer_set_ctl,
//!     timer_set_cval, get_timer_map, kvm_timer_enabled, kvm_timer_pending;
//!     include/kvm/arm_arch_timer.h: timer_map, arch_timer_ctx_index, timer_context_to_vcpu,
//!     timer_irq, has_cntpoff, timer_get_offset
#![forbid(unsafe_code)]

use super::{
    counter::{
        CompareValue,
        GuestCount,
        Offset,
        PhysicalCount, //
    },
    ctl::{
        Level,
        TimerCtl, //
    },
    deadline::Deadline,
    map::{
        Regime,
        TimerId,
        TimerMap, //
    },
    Host, //
};
use crate::{
    arm64::cpucaps,
    host::{
        arch_timer::TimerContext,
        tracepoint,
        vcpu::{
            SysReg,
            Vcpu, //
        },
        vm::TimerIndex, //
    },
};
use kernel::bindings;

/// A timer of a vCPU.
#[derive(Clone, Copy)]
pub(super) struct Timer<'a> {
    vcpu: Vcpu<'a>,
    id: TimerId,
    context: TimerContext<'a>,
}

impl TimerId {
    /// Its place in C's arrays.
    #[inline(always)]
    pub(super) const fn index(self) -> TimerIndex {
        match self {
            Self::Ptimer => TimerIndex::PTIMER,
            Self::Vtimer => TimerIndex::VTIMER,
            Self::Hvtimer => TimerIndex::HVTIMER,
            Self::Hptimer => TimerIndex::HPTIMER,
        }
    }

    /// From its place in C's arrays.
    #[inline(always)]
    pub(super) const fn from_index(index: TimerIndex) -> Option<Self> {
        match index {
            TimerIndex::PTIMER => Some(Self::Ptimer),
            TimerIndex::VTIMER => Some(Self::Vtimer),
            TimerIndex::HVTIMER => Some(Self::Hvtimer),
            TimerIndex::HPTIMER => Some(Self::Hptimer),
            _ => None,
        }
    }

    #[inline(always)]
    const fn ctl_register(self) -> SysReg {
        match self {
            Self::Ptimer => SysReg::CNTP_CTL_EL0,
            Self::Vtimer => SysReg::CNTV_CTL_EL0,
            Self::Hvtimer => SysReg::CNTHV_CTL_EL2,
            Self::Hptimer => SysReg::CNTHP_CTL_EL2,
        }
    }

    #[inline(always)]
    const fn cval_register(self) -> SysReg {
        match self {
            Self::Ptimer => SysReg::CNTP_CVAL_EL0,
            Self::Vtimer => SysReg::CNTV_CVAL_EL0,
            Self::Hvtimer => SysReg::CNTHV_CVAL_EL2,
            Self::Hptimer => SysReg::CNTHP_CVAL_EL2,
        }
    }
}

impl<'a> Timer<'a> {
    /// The timer `id` of a vCPU.
    #[inline(always)]
    pub(super) fn of(vcpu: Vcpu<'a>, id: TimerId) -> Self {
        Self {
            vcpu,
            id,
            context: vcpu.timer_context(id.index()),
        }
    }

    /// The timer that C's context belongs to.
    #[inline(always)]
    pub(super) fn from_context(context: TimerContext<'a>) -> Option<Self> {
        let (vcpu, index) = Vcpu::of_timer_context(context)?;

        Some(Self {
            vcpu,
            id: TimerId::from_index(index)?,
            context,
        })
    }

    /// All timers that a vCPU has.
    #[inline]
    pub(super) fn all(vcpu: Vcpu<'a>) -> impl Iterator<Item = Self> {
        TimerId::of_vcpu(vcpu.has_el2())
            .iter()
            .map(move |id| Self::of(vcpu, *id))
    }

    /// The vCPU it belongs to.
    #[inline(always)]
    pub(super) fn vcpu(self) -> Vcpu<'a> {
        self.vcpu
    }

    /// Which timer it is.
    #[inline(always)]
    pub(super) fn id(self) -> TimerId {
        self.id
    }

    /// C's part of it.
    #[inline(always)]
    pub(super) fn context(self) -> TimerContext<'a> {
        self.context
    }

    /// Whether its latest state is in hardware.
    #[inline(always)]
    pub(super) fn is_loaded(self) -> bool {
        self.context.is_loaded()
    }

    /// Its control register in memory.
    #[inline(always)]
    pub(super) fn ctl(self) -> TimerCtl {
        TimerCtl::from_raw(self.register(self.id.ctl_register()))
    }

    /// Sets its control register in memory.
    #[inline(always)]
    pub(super) fn set_ctl(self, ctl: TimerCtl) {
        self.set_register(self.id.ctl_register(), ctl.into_raw());
    }

    /// Its compare value in memory.
    #[inline(always)]
    pub(super) fn cval(self) -> CompareValue {
        CompareValue::new(self.register(self.id.cval_register()))
    }

    /// Sets its compare value in memory.
    #[inline(always)]
    pub(super) fn set_cval(self, cval: CompareValue) {
        self.set_register(self.id.cval_register(), cval.get());
    }

    /// A register in memory. All bits of a timer's registers are the guest's, whatever its features
    /// are. An expiring soft timer and a guest hypervisor may access it at the same time.
    #[inline(always)]
    fn register(self, reg: SysReg) -> u64 {
        self.vcpu.context().sys_regs().get_once(reg)
    }

    #[inline(always)]
    fn set_register(self, reg: SysReg, value: u64) {
        self.vcpu.context().sys_regs().set_once(reg, value);
    }

    /// The offset of its counter: the VM's, and for a nested guest its hypervisor's on top.
    #[inline(always)]
    pub(super) fn offset(self) -> Offset {
        let vm = self.context.vm_offset().map_or(0, |cell| cell.read());
        let vcpu = self.context.vcpu_offset().map_or(0, |cell| cell.read());

        Offset::new(vm).and(Offset::new(vcpu))
    }

    /// Its counter at the instant `now`.
    #[inline(always)]
    pub(super) fn count(self, now: PhysicalCount) -> GuestCount {
        now.seen_with(self.offset())
    }

    /// The INTID of its interrupt in the guest.
    #[inline(always)]
    pub(super) fn intid(self) -> u32 {
        self.vcpu.vm().timer_ppi(self.id.index())
    }

    /// Whether its condition is met, whether or not it may fire.
    #[inline(always)]
    pub(super) fn condition_is_met(self, host: &Host) -> bool {
        self.count(host.now()).has_reached(self.cval())
    }

    /// The level of its line. Only for a timer in memory.
    #[inline]
    pub(super) fn level_in_memory(self, host: &Host) -> Level {
        Level::from_bool(self.ctl().can_fire() && self.condition_is_met(host))
    }

    /// When, seen from the instant `now`, its condition will be met, whether or not it may fire.
    #[inline(always)]
    pub(super) fn condition(self, host: &Host, now: PhysicalCount) -> Deadline {
        Deadline::after(self.count(now).until(self.cval()), host.rate)
    }

    /// Whether it may fire at all. Only for a timer in memory.
    #[inline]
    pub(super) fn can_fire(self) -> bool {
        kernel::warn_on!(self.is_loaded());
        self.ctl().can_fire()
    }

    /// When, seen from the instant `now`, it will fire. Only for a timer in memory.
    #[inline]
    pub(super) fn deadline(self, host: &Host, now: PhysicalCount) -> Deadline {
        if self.can_fire() {
            self.condition(host, now)
        } else {
            Deadline::Never
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
    let regime = if vcpu.has_el2() {
        if vcpu.in_hyp_context() {
            Regime::NestedHyp
        } else {
            Regime::NestedGuest
        }
    } else if cpucaps::has_vhe() {
        Regime::Vhe
    } else {
        Regime::Nvhe
    };

    TimerMap::of(regime)
}

/// The map as C wants it. An event as well.
pub(super) fn raw_map(vcpu: Vcpu<'_>) -> bindings::timer_map {
    let map = current_map(vcpu);
    let raw = |id: TimerId| Timer::of(vcpu, id).context.as_ptr();
    let raw_or_null = |id: Option<TimerId>| id.map_or(core::ptr::null_mut(), raw);

    let raw_map = bindings::timer_map {
        direct_vtimer: raw(map.direct_vtimer),
        direct_ptimer: raw_or_null(map.direct_ptimer),
        emul_vtimer: raw_or_null(map.emul_vtimer),
        emul_ptimer: raw_or_null(map.emul_ptimer),
    };

    tracepoint::get_timer_map(vcpu, raw_map);
    raw_map
}

/// Whether the hardware applies an offset to the physical counter (`CNTPOFF_EL2`).
#[inline(always)]
pub(super) fn has_cntpoff() -> bool {
    cpucaps::has_vhe() && cpucaps::has_ecv_cntpoff()
}
