// SPDX-License-Identifier: GPL-2.0

//! Counters of the PMU that are to count while the host runs, or the guest.
//!
//! Mirrors: arch/arm64/kvm/hyp/nvhe/switch.c: __pmu_switch_to_guest, __pmu_switch_to_host
#![forbid(unsafe_code)]

use super::*;

/// Whether any was switched.
#[must_use = "the host's counters have to come back"]
pub(super) struct Switched(bool);

/// Has those count that are to while the guest runs, and no others.
#[cfg(CONFIG_HW_PERF_EVENTS)]
#[inline(always)]
pub(super) fn give_to_guest(switch: Switch<'_>) -> Switched {
    let (host, guest) = (switch.vcpu.host_events(), switch.vcpu.guest_events());

    count_others(host, guest, switch.masked);
    Switched(host | guest != 0)
}

/// The same for the host.
#[cfg(CONFIG_HW_PERF_EVENTS)]
#[inline(always)]
pub(super) fn give_to_host(switch: Switch<'_>, switched: Switched) {
    if switched.0 {
        count_others(
            switch.vcpu.guest_events(),
            switch.vcpu.host_events(),
            switch.masked,
        );
    }
}

#[cfg(CONFIG_HW_PERF_EVENTS)]
#[inline(always)]
fn count_others(stop: u64, start: u64, masked: Masked<'_>) {
    if stop != 0 {
        PMCNTENCLR_EL0::set(stop, *masked);
    }
    if start != 0 {
        PMCNTENSET_EL0::set(start, *masked);
    }
}

/// Without a PMU driver nobody counts.
#[cfg(not(CONFIG_HW_PERF_EVENTS))]
pub(super) fn give_to_guest(_switch: Switch<'_>) -> Switched {
    Switched(false)
}

/// There is nothing to undo.
#[cfg(not(CONFIG_HW_PERF_EVENTS))]
pub(super) fn give_to_host(_switch: Switch<'_>, _switched: Switched) {}
