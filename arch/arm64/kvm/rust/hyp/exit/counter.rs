// SPDX-License-Identifier: GPL-2.0

//! Trapped reads of the counters.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: compute_counter_value, kvm_handle_cntxct
#![forbid(unsafe_code)]

use super::*;

/// A counter of EL0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counter {
    Physical,
    Virtual,
}

impl Counter {
    /// Which one an access is of; each has a second name by which reads are not reordered.
    #[inline(always)]
    pub(super) const fn of(register: Encoding) -> Option<Self> {
        match register {
            CNTPCT_EL0::ENCODING | CNTPCTSS_EL0::ENCODING => Some(Self::Physical),
            CNTVCT_EL0::ENCODING | CNTVCTSS_EL0::ENCODING => Some(Self::Virtual),
            _ => None,
        }
    }

    /// The timer of an EL1 guest that the counter is the time of.
    const fn timer(self) -> TimerId {
        match self {
            Self::Physical => TimerId::Ptimer,
            Self::Virtual => TimerId::Vtimer,
        }
    }

    /// Whether a guest hypervisor lets its guest read it, by its `CNTHCTL_EL2`, whose layout `e2h`
    /// decides.
    pub(super) const fn allowed_by(self, cnthctl: Cnthctl, e2h: bool) -> bool {
        match self {
            Self::Physical if e2h => cnthctl.has(Cnthctl::EL1PCTEN),
            // Without E2H EL1PCTEN is where EL0PCTEN is with it.
            Self::Physical => cnthctl.has(Cnthctl::EL0PCTEN),
            Self::Virtual => !cnthctl.has(Cnthctl::EL1TVCT),
        }
    }
}

/// The count as seen with one of the vCPU's timers.
#[inline(always)]
pub(super) fn count(vcpu: RunningVcpu<'_>, timer: TimerId) -> u64 {
    physical_count().wrapping_sub(vcpu.timer_offset(timer))
}

/// Whether it was a read of a counter outside of virtual EL2, which has been performed.
#[inline(always)]
pub(super) fn resolve<K: Kind>(trap: Trap<'_>) -> bool {
    let vcpu = trap.switch.vcpu;
    let access = trap.esr.system_trap();
    let Some(counter) = Counter::of(access.encoding()) else {
        return false;
    };

    if K::in_hyp_context(trap.switch) {
        return false;
    }
    let cnthctl = || Cnthctl::from_raw(vcpu.sys_reg(SysReg::CNTHCTL_EL2));

    if K::HAS_EL2 && !counter.allowed_by(cnthctl(), vcpu.el2_e2h()) {
        return false;
    }

    trap.set_result(access.rt(), count(vcpu, counter.timer()));
    trap.skip_instruction()
}
