// SPDX-License-Identifier: GPL-2.0

//! What KVM's own devices, timers and PMU, want of their interrupts.
//!
//! All are the vCPU's own thread, in a context that cannot be interrupted by its guest.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.c: kvm_vgic_set_irq_ops, kvm_vgic_clear_irq_ops,
//!     kvm_vgic_map_phys_irq, kvm_vgic_unmap_phys_irq, kvm_vgic_reset_mapped_irq,
//!     kvm_vgic_get_map, kvm_vgic_set_owner, kvm_vgic_map_is_active, kvm_vgic_unmap_irq
#![forbid(unsafe_code)]

use super::{
    guest::Guest,
    v5, //
};
use crate::{
    gic::{
        list_register::Intid,
        word::IrqWord, //
    },
    kvm::prelude::*, //
};
use kernel::error::{
    code::{
        EAGAIN,
        EEXIST,
        EINVAL, //
    },
    Result, //
};

/// The private interrupt of that number.
fn private(vcpu: Vcpu<'_>, intid: u32) -> Option<&PrivateIrq> {
    vcpu.vgic_vcpu()?.private(intid)
}

/// Sets the device's answers to questions about its interrupt.
pub(super) fn set_ops(vcpu: Vcpu<'_>, intid: u32, ops: Option<&'static IrqOps>) {
    if let Some(ppi) = v5::ppi(vcpu, intid) {
        ppi.lock().set_ops(ops);
    } else if let Some(irq) = private(vcpu, intid) {
        irq.lock_mapping().set_ops(ops);
    }
}

/// Has an interrupt stand for one of the host's.
///
/// # Errors
///
/// `EINVAL` if there is no such interrupt.
pub(super) fn map(vcpu: Vcpu<'_>, host_irq: u32, intid: u32) -> Result {
    let ppi = v5::ppi(vcpu, intid);
    let irq = private(vcpu, intid);

    if ppi.is_none() && irq.is_none() {
        return Err(EINVAL);
    }
    let host = HostInterrupt::find(host_irq)?;

    if let Some(ppi) = ppi {
        ppi.lock().map(Some(host));
    }

    if let Some(irq) = irq {
        irq.map(Some(host), |word, mapping| {
            word.map(mapping.wants_resampling())
        });
    }
    Ok(())
}

/// Undoes [`map`].
///
/// # Errors
///
/// `EAGAIN` if the GIC is not initialised, `EINVAL` if there is no such interrupt.
pub(super) fn unmap(vcpu: Vcpu<'_>, intid: u32) -> Result {
    if !vcpu.vm().dist().initialized() {
        return Err(EAGAIN);
    }
    if let Some(ppi) = v5::ppi(vcpu, intid) {
        ppi.lock().map(None);
        return Ok(());
    }
    private(vcpu, intid)
        .ok_or(EINVAL)?
        .map(None, |word, _| word.unmap());
    Ok(())
}

/// The device is reset with its vCPU: a mapped interrupt is as it was at first.
pub(super) fn reset_mapped(vcpu: Vcpu<'_>, intid: u32) {
    if let Some(ppi) = v5::ppi(vcpu, intid) {
        v5::reset_mapped(ppi);
    } else if let Some(irq) = private(vcpu, intid) {
        irq.state().update(|word| (word.reset_mapped(), ()));
    }
}

/// The number of the host's interrupt that one stands for, at the host's GIC.
pub(super) fn mapped_to(vcpu: Vcpu<'_>, intid: u32) -> Option<u32> {
    if let Some(ppi) = v5::ppi(vcpu, intid) {
        return ppi.lock().host().map(HostInterrupt::intid);
    }
    private(vcpu, intid)
        .filter(|irq| irq.word().has(IrqWord::Hw))
        .map(PrivateIrq::physical)
}

/// Whether a mapped interrupt is active in the guest.
pub(super) fn is_mapped_and_active(vcpu: Vcpu<'_>, intid: u32) -> bool {
    if !vcpu.vm().dist().initialized() {
        return false;
    }
    if let Some(ppi) = v5::ppi(vcpu, intid) {
        let ppi = ppi.lock();

        return ppi.is_mapped() && ppi.is_active();
    }
    private(vcpu, intid).is_some_and(|irq| {
        let word = irq.word();

        word.has(IrqWord::Hw) && word.has(IrqWord::Active)
    })
}

/// Gives the line of an interrupt to a device, which alone may drive it then.
///
/// # Errors
///
/// `EAGAIN` if the GIC is not initialised; `EINVAL` if the interrupt has no line, or there is no
/// such; `EEXIST` if another device has it.
pub(super) fn set_owner(vcpu: Vcpu<'_>, intid: u32, owner: Owner) -> Result {
    if !vcpu.vm().dist().initialized() {
        return Err(EAGAIN);
    }
    if let Some(ppi) = v5::ppi(vcpu, intid) {
        return v5::set_owner(ppi, owner);
    }
    let guest = Guest::of(vcpu.vm()).ok_or(EINVAL)?;
    let irq = guest
        .irq(Some(vcpu), Intid(intid))
        .filter(|_| intid >= 16)
        .and_then(|irq| irq.line())
        .ok_or(EINVAL)?;

    if irq.set_owner(owner) {
        Ok(())
    } else {
        Err(EEXIST)
    }
}
