// SPDX-License-Identifier: GPL-2.0

//! Deactivations that the hardware leaves to KVM: of interrupts that are in no list register of the
//! vCPU that deactivates them.
//!
//! With EOImode 1 a guest deactivates in any order, and SPIs on any vCPU: what doesn't fit into
//! list registers, and whatever may be elsewhere, makes writes of `ICC_DIR_EL1` and `GICC_DIR`
//! trap. And a guest hypervisor deactivates its own interrupt through a list register of its guest.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v3.c: vgic_v3_deactivate; arch/arm64/kvm/vgic/vgic-v2.c:
//!     vgic_v2_deactivate
#![forbid(unsafe_code)]

use super::guest::*;
use crate::{
    arm64::fields::register_values,
    gic::{
        list_register::Intid,
        transition::Listed,
        vmcr::Vmcr,
        word::Source, //
    },
    kvm::prelude::*, //
};

register_values! {
    /// `GICC_DIR`, and `ICC_DIR_EL1` as far as it matters.
    struct Dir {
        /// Of an SGI of a GICv2: the vCPU that it is from. No part of the number with a GICv3
        /// either, of which no interrupt that can be active has as many bits.
        CPUID = 12:10;
    }
}

/// The interrupt that a vCPU may deactivate, and what it says of the sender.
struct Request<'a> {
    guest: Guest<'a>,
    vcpu: OwnVcpu<'a>,
    irq: Found<'a>,
    source: Option<Source>,
}

impl<'a> Request<'a> {
    /// None if there is nothing to be done: no such interrupt, or an end of interrupt deactivates.
    fn of(vcpu: OwnVcpu<'a>, intid: Intid, source: Option<Source>) -> Option<Self> {
        let guest = Guest::of(vcpu.vm())?;

        if !separates_deactivation(vcpu) || intid.is_lpi() {
            return None;
        }
        Some(Self {
            guest,
            vcpu,
            irq: guest.irq(Some(vcpu.anyones()), intid)?,
            source,
        })
    }

    /// Does it. `by_hardware`: the physical interrupt behind it is inactive already.
    ///
    /// # Errors
    ///
    /// The vCPU that may have it in a list register.
    fn perform(&self, by_hardware: bool) -> Result<(), Listed> {
        let vcpu = self.vcpu.anyones();

        if by_hardware {
            self.guest.deactivate_after_hardware(vcpu, self.irq)?;
        } else {
            self.guest.deactivate(vcpu, self.irq, self.source)?;
        }
        // It need not stay in the queue that it is in. Only that one's vCPU takes it out.
        if let Some(at) = self.irq.word().queued().and_then(|at| self.guest.vcpu(at)) {
            at.request_vgic_update();
        }
        Ok(())
    }

    /// Does it when no vCPU has anything in list registers. Sleeps.
    fn perform_halted(&self, mmio: &mut InMmio<'_>, by_hardware: bool) {
        let mut config = mmio.config();
        let _halted = config.halt_guest();

        self.perform(by_hardware).unwrap_or(());
    }
}

/// Whether the vCPU's CPU interface separates deactivation from the end of interrupt.
fn separates_deactivation(vcpu: OwnVcpu<'_>) -> bool {
    Vmcr::from_raw(u64::from(vcpu.vmcr_in_memory())).separate_deactivation()
}

/// A vCPU writes `ICC_DIR_EL1` or `GICC_DIR`. Sleeps.
pub(super) fn by_register(mmio: &mut InMmio<'_>, value: u64) {
    let value = Dir::from_raw(value);
    let source = Source::wrapping(value.get(Dir::CPUID));
    let Ok(intid) = u32::try_from(value.without(Dir::CPUID).into_raw()) else {
        return;
    };
    let Some(request) = Request::of(mmio.vcpu(), Intid(intid), Some(source)) else {
        return;
    };

    if request.perform(false).is_err() {
        request.perform_halted(mmio, false);
    }
}

/// The guest of a guest has ended an interrupt whose list register names `intid` as the physical
/// interrupt of its hypervisor. Interrupts are off. What cannot be done like that is done before the
/// guest is entered again.
///
/// If `intid` stands for an interrupt of the host's, that one was in the hardware's list register
/// and has gone with it.
pub(super) fn nested(vcpu: LoadedVcpu<'_>, intid: Intid) {
    let Some(request) = Request::of(*vcpu, intid, None) else {
        return;
    };

    if request.perform(true).is_err() {
        vcpu.defer_deactivation(intid);
        vcpu.request_vgic_update();
    }
}

/// Does what [`nested`] has put off. Sleeps if there is anything.
pub(super) fn deferred(mmio: &mut InMmio<'_>) {
    while let Some(intid) = mmio.vcpu().deferred_deactivation() {
        let Some(request) = Request::of(mmio.vcpu(), intid, None) else {
            continue;
        };

        if request.perform(true).is_err() {
            request.perform_halted(mmio, true);
        }
    }
}
