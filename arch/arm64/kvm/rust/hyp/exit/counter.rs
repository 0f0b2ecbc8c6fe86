// SPDX-License-Identifier: GPL-2.0

//! Trapped reads of the counters.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: compute_counter_value, kvm_handle_cntxct
#![forbid(unsafe_code)]

use super::{
    Kind,
    Trap, //
};
use crate::{
    arm64::encoding::Encoding,
    host::{
        sys_reg::SysReg,
        vcpu::Vcpu,
        vcpu_exit::physical_count,
        vm::TimerIndex, //
    },
};

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
        const CNTPCT_EL0: Encoding = Encoding::new(3, 3, 14, 0, 1);
        const CNTVCT_EL0: Encoding = Encoding::new(3, 3, 14, 0, 2);
        const CNTPCTSS_EL0: Encoding = Encoding::new(3, 3, 14, 0, 5);
        const CNTVCTSS_EL0: Encoding = Encoding::new(3, 3, 14, 0, 6);

        match register {
            CNTPCT_EL0 | CNTPCTSS_EL0 => Some(Self::Physical),
            CNTVCT_EL0 | CNTVCTSS_EL0 => Some(Self::Virtual),
            _ => None,
        }
    }

    /// The timer of an EL1 guest that the counter is the time of.
    const fn timer(self) -> TimerIndex {
        match self {
            Self::Physical => TimerIndex::PTIMER,
            Self::Virtual => TimerIndex::VTIMER,
        }
    }

    /// Whether a guest hypervisor lets its guest read it, by its `CNTHCTL_EL2`, whose layout `e2h`
    /// decides.
    pub(super) const fn allowed_by(self, cnthctl: u64, e2h: bool) -> bool {
        const EL1PCTEN: u64 = 1 << 10;
        const EL1PCTEN_WITHOUT_E2H: u64 = 1 << 0;
        const EL1TVCT: u64 = 1 << 14;

        match self {
            Self::Physical if e2h => cnthctl & EL1PCTEN != 0,
            Self::Physical => cnthctl & EL1PCTEN_WITHOUT_E2H != 0,
            Self::Virtual => cnthctl & EL1TVCT == 0,
        }
    }
}

/// The count as seen with one of the vCPU's timers.
#[inline(always)]
pub(super) fn count(vcpu: Vcpu<'_>, timer: TimerIndex) -> u64 {
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
    if K::HAS_EL2 && !counter.allowed_by(vcpu.sys_reg(SysReg::CNTHCTL_EL2), vcpu.el2_e2h()) {
        return false;
    }

    trap.set_result(access.rt(), count(vcpu, counter.timer()));
    trap.skip_instruction()
}
