// SPDX-License-Identifier: GPL-2.0

//! When the hardware is to fetch KVM: the maintenance interrupts and traps that depend on what
//! was put into the list registers, and what was not.
//!
//! Source: GIC Architecture Specification (IHI 0069), `ICH_HCR_EL2`, "Maintenance interrupts".
//! `GICH_HCR` has the same fields, but for those above bit 7.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v3.c: vgic_v3_configure_hcr;
//!     arch/arm64/kvm/vgic/vgic-v2.c: vgic_v2_configure_hcr
#![forbid(unsafe_code)]

use crate::{
    arm64::values::IchHcr,
    gic::select::{
        Capacity,
        Summary,
        View, //
    },
};

/// All that the register's value depends on. As long as this is the same, so is that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HcrKey {
    /// Not all pending ones fit. Those of a disabled group do not count: what is active goes before
    /// them, so that there may be no pending one to wait for.
    pending_outside: bool,
    /// Not all fit, and some are active: ends of interrupts may find no list register.
    active_outside: bool,
    /// Not all fit, and there is a second list register: with one alone that is "almost empty" at
    /// any time, and the guest would never get to run.
    refill: bool,
    /// There are SGIs that the hardware does not handle by itself.
    sgis: bool,
    group0: bool,
    group1: bool,
    /// Any vCPU has an SPI: it may be deactivated by another.
    spis: bool,
}

impl HcrKey {
    /// `spis`: any vCPU has an SPI in its queue.
    #[inline]
    pub(crate) const fn new(summary: Summary, capacity: Capacity, view: View, spis: bool) -> Self {
        let outside = summary.all() > capacity.get();

        Self {
            pending_outside: summary.signalled > capacity.get(),
            active_outside: outside && summary.active != 0,
            refill: outside && capacity.get() > 1,
            sgis: summary.sgis != 0,
            group0: view.group0,
            group1: view.group1,
            spis,
        }
    }

    /// With all in list registers. Groups: as in [`View`]; `spis`: see above; `sgis`: there are any.
    #[inline(always)]
    pub(crate) const fn fitting((group0, group1): (bool, bool), spis: bool, sgis: bool) -> Self {
        Self {
            pending_outside: false,
            active_outside: false,
            refill: false,
            sgis,
            group0,
            group1,
            spis,
        }
    }

    /// `GICH_HCR`.
    #[inline(always)]
    pub(crate) const fn v2(self) -> IchHcr {
        // As soon as there is room, and in any case when nothing else is left to signal. CAST: 0 or 1.
        let hcr = IchHcr::ZERO
            .with(IchHcr::En)
            .put(IchHcr::NPIE, self.pending_outside as u64)
            .put(IchHcr::LRENPIE, self.active_outside as u64)
            .put(IchHcr::UIE, self.refill as u64);
        // The other state of a group changes what should be in the list registers.
        let hcr = if self.group0 {
            hcr.with(IchHcr::VGrp0DIE)
        } else {
            hcr.with(IchHcr::VGrp0EIE)
        };

        if self.group1 {
            hcr.with(IchHcr::VGrp1DIE)
        } else {
            hcr.with(IchHcr::VGrp1EIE)
        }
    }

    /// `ICH_HCR_EL2`, less the traps that all guests have. `can_trap`: the CPU can trap
    /// deactivations alone; if it can't they trap with all the rest, and this bit only says so.
    ///
    /// A guest that separates deactivation from the end of interrupt may deactivate in any
    /// order, and SPIs on any vCPU. It may begin to do so at any time.
    #[inline(always)]
    pub(crate) const fn v3(self, can_trap: bool) -> IchHcr {
        // CAST: 0 or 1.
        let hcr = self.v2().put(IchHcr::vSGIEOICount, !self.sgis as u64);

        if !can_trap || self.active_outside || self.spis {
            hcr.with(IchHcr::TDIR)
        } else {
            hcr
        }
    }
}
