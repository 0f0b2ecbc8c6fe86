// SPDX-License-Identifier: GPL-2.0

//! Profiles, traces and branch records of the host: they are written to its memory, by its
//! translation, so nothing may be on the way there when the guest's comes into force.
//!
//! Mirrors: arch/arm64/kvm/hyp/nvhe/debug-sr.c: __debug_save_spe, __debug_restore_spe,
//!     __trace_do_switch, __trace_drain_and_disable, __trace_needs_switch,
//!     __trace_switch_to_guest, __trace_switch_to_host, __debug_save_brbe, __debug_restore_brbe,
//!     __debug_save_host_buffers_nvhe, __debug_restore_host_buffers_nvhe
#![forbid(unsafe_code)]

use super::*;
use registers::HostRegime;

/// What was stopped.
#[must_use = "the host's buffers have to come back"]
pub(super) struct Stopped(());

/// Stops all that the host has on, with what it had collected in memory. In force after the next
/// barrier.
#[inline(always)]
pub(super) fn stop(switch: Switch<'_>) -> Stopped {
    let host = switch.host;

    if host.flag(HostFlag::HasSpe) {
        stop_profile(switch);
    }
    if host.flag(HostFlag::HasBrbe) {
        stop_branches(switch);
    }
    if trace_differs(host) {
        stop_trace(switch);
    }
    Stopped(())
}

impl Stopped {
    /// Goes on with it.
    #[inline(always)]
    pub(super) fn start(self, switch: Switch<'_>, _regime: HostRegime) {
        let host = switch.host;

        if host.flag(HostFlag::HasSpe) {
            start_profile(switch);
        }
        if host.flag(HostFlag::HasBrbe) {
            start_branches(switch);
        }
        if trace_differs(host) {
            start_trace(switch);
        }
    }
}

fn stop_profile(switch: Switch<'_>) {
    let (host, masked) = (switch.host, switch.masked);
    let limit = PMBLIMITR_EL1::read();

    host.set_pmblimitr(limit);
    if !limit.has(BufferLimit::E) {
        return;
    }

    host.set_pmscr(PMSCR_EL1::read());
    PMSCR_EL1::set(0, masked);
    isb();
    barrier::psb_csync();
    barrier::dsb_nsh();
    PMBLIMITR_EL1::set(BufferLimit::ZERO, masked);
    isb();
}

fn start_profile(switch: Switch<'_>) {
    let (host, masked) = (switch.host, switch.masked);
    let limit = host.pmblimitr();

    if !limit.has(BufferLimit::E) {
        return;
    }

    // The buffer may be written to as soon as it is on: by the host's translation.
    isb();
    PMBLIMITR_EL1::set(limit, masked);
    isb();
    PMSCR_EL1::set(host.pmscr(), masked);
}

/// The guest cannot change what is recorded: its accesses trap.
fn stop_branches(switch: Switch<'_>) {
    let control = BRBCR_EL1::read();

    if control.has(Brbcr::E0BRE) || control.has(Brbcr::ExBRE) {
        switch.host.set_brbcr(control);
        BRBCR_EL1::set(Brbcr::ZERO, switch.masked);
    } else {
        switch.host.set_brbcr(Brbcr::ZERO);
    }
}

fn start_branches(switch: Switch<'_>) {
    let control = switch.host.brbcr();

    if control != Brbcr::ZERO {
        BRBCR_EL1::set(control, switch.masked);
    }
}

/// Whether trace is to be filtered in another way while the guest runs.
#[inline(always)]
fn trace_differs(host: HostData<'_>) -> bool {
    host.flag(HostFlag::TrbeEnabled) || host.flag(HostFlag::El1TracingConfigured)
}

#[cold]
fn stop_trace(switch: Switch<'_>) {
    let (host, masked) = (switch.host, switch.masked);

    // A guest's trace would go to the host's buffer, by the guest's translation.
    if host.flag(HostFlag::TrbeEnabled) {
        host.set_guest_trfcr(0);
    }
    host.set_trfcr(TRFCR_EL1::read());
    TRFCR_EL1::set(host.guest_trfcr(), masked);
    host.set_trblimitr(drain_trace(host, masked));
}

/// Has the trace buffer written out and off; its limit before. A host that is not trusted is not
/// asked whether it uses the buffer.
fn drain_trace(host: HostData<'_>, masked: Masked<'_>) -> BufferLimit {
    let may_be_on = if cpucaps::has_protected_kvm() {
        host.flag(HostFlag::HasTrbe)
    } else {
        host.flag(HostFlag::TrbeEnabled)
    };

    if !may_be_on {
        return BufferLimit::ZERO;
    }

    let limit = TRBLIMITR_EL1::read();

    if limit.has(BufferLimit::E) {
        // No more trace is generated, and what was gets to memory.
        isb();
        barrier::tsb_csync();
        barrier::dsb_nsh();
        TRBLIMITR_EL1::set(BufferLimit::ZERO, masked);
        if cpucaps::has_erratum_2064142() {
            barrier::tsb_csync();
            barrier::dsb_nsh();
        }
        isb();
    }
    limit
}

#[cold]
fn start_trace(switch: Switch<'_>) {
    let (host, masked) = (switch.host, switch.masked);
    let limit = host.trblimitr();

    if limit.has(BufferLimit::E) {
        TRBLIMITR_EL1::set(limit, masked);
        isb();
        if cpucaps::has_erratum_2038923() {
            isb();
        }
    }
    host.set_guest_trfcr(TRFCR_EL1::read());
    TRFCR_EL1::set(host.trfcr(), masked);
}
