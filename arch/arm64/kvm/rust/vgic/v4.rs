// SPDX-License-Identifier: GPL-2.0

//! Interrupts that the host's GICv4 delivers to a guest by itself.
//!
//! - **LPIs**, if a device of the host's is the guest's: its message is translated by the host's
//!   ITS to an LPI of the guest, and nobody has to run for it. All that the guest tells its ITSs of
//!   such an LPI, the host's driver is told.
//! - **SGIs**, with a GICv4.1, if the guest wants them without an active state
//!   (`GICD_CTLR.nASSGIreq`). Who sends one still traps, and has the hardware deliver it.
//!
//! In memory such an interrupt is [`Direct`](IrqWord::Direct): it is in no queue, and whoever makes
//! it pending has the hardware do that, from whatever path he comes. So what a translation that is
//! remembered leads to may become direct, and be so no more, at any time.
//!
//! Each VM has such things only if the administrator wants it (`kvm-arm.vgic_v4_enable`), and then
//! all that has an ITS, or SGIs of that kind. On a GICv4.1 user space can have a VM have neither
//! (`GICD_TYPER2`).
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v4.c: vgic_v4_doorbell_handler, vgic_v4_enable_vsgis,
//!     vgic_v4_disable_vsgis, vgic_v4_configure_vsgis, vgic_v4_init, vgic_v4_want_doorbell,
//!     vgic_v4_put, vgic_v4_load, vgic_v4_commit, vgic_get_its, kvm_vgic_v4_set_forwarding,
//!     kvm_vgic_v4_unset_forwarding; arch/arm64/kvm/vgic/vgic-mmio-v3.c:
//!     vgic_supports_direct_msis, system_supports_direct_sgis, vgic_supports_direct_sgis;
//!     arch/arm64/kvm/vgic/vgic.h: vgic_supports_direct_irqs
#![forbid(unsafe_code)]

use super::{
    exports_route,
    guest::*,
    its::{
        self,
        Unresolved, //
    },
    msi::Message, //
};
use crate::{
    gic::{
        direct::Change,
        list_register::Intid,
        transition::{
            Action,
            Delivery, //
        },
        word::{
            IrqWord,
            Life, //
        },
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::Result;

/// Whether LPIs of a VM can be delivered by the hardware, once it has an ITS.
fn may_have_direct_messages(vm: Vm<'_>) -> bool {
    let dist = vm.dist();

    // On a GICv4.1 user space decides about both at once.
    HostGic::has_v4()
        && dist.model() == Some(Model::V3)
        && (dist.can_direct_sgis() || !HostGic::can_direct_sgis())
}

/// Whether LPIs of a VM can be delivered by the hardware.
fn has_direct_messages(vm: Vm<'_>) -> bool {
    may_have_direct_messages(vm) && vm.dist().has_its()
}

/// The GIC is being initialised: gives the VM vPEs, if it is to have any. Sleeps.
///
/// # Errors
///
/// `ENOMEM`; the driver's, the interrupt core's.
pub(super) fn init(config: &mut ConfigLock<'_>) -> Result {
    let vm = config.vm();

    if has_direct_messages(vm) || vm.dist().can_direct_sgis() {
        make_vpes(config)?;
    }
    Ok(())
}

/// An ITS is made: the same for a GIC that is initialised already. Sleeps.
///
/// # Errors
///
/// See [`init`].
pub(super) fn init_for_its(config: &mut ConfigLock<'_>) -> Result {
    let vm = config.vm();

    if vm.dist().initialized() && may_have_direct_messages(vm) {
        make_vpes(config)?;
    }
    Ok(())
}

fn make_vpes(config: &mut ConfigLock<'_>) -> Result {
    if config.vm().vpes().is_none() {
        let vpes = Vpes::new(config, exports_route::DOORBELL)?;

        config.install_vpes(vpes);
    }
    Ok(())
}

/// The vCPU comes to a CPU.
#[inline(always)]
pub(super) fn load(vcpu: LoadedVcpu<'_>) {
    if HostGic::has_v4() {
        kernel::warn_on!(make_resident(vcpu).is_err());
    }
}

/// The vCPU leaves a CPU.
#[inline(always)]
pub(super) fn put(vcpu: LoadedVcpu<'_>) {
    if HostGic::has_v4() {
        kernel::warn_on!(make_non_resident(vcpu).is_err());
    }
}

/// The guest is about to be entered.
#[inline(always)]
pub(super) fn commit(vcpu: LoadedVcpu<'_>) {
    if HostGic::has_v4() {
        commit_vpe(vcpu);
    }
}

#[inline(never)]
fn commit_vpe(vcpu: LoadedVcpu<'_>) {
    if let Some(vpe) = vcpu.vpe() {
        vpe.commit();
    }
}

/// Makes the vPE of the vCPU resident, if it has one that is not. One that sleeps is to have its
/// doorbell rung instead.
///
/// # Errors
///
/// The driver's.
#[inline(never)]
pub(super) fn make_resident(vcpu: LoadedVcpu<'_>) -> Result {
    match vcpu.vpe() {
        Some(vpe) if !vpe.is_resident() && !vcpu.is_in_wfi() => {
            vpe.make_resident(vcpu.vm().dist().enabled())
        }
        _ => Ok(()),
    }
}

/// Has the vPE of the vCPU be resident no more, if it is.
///
/// # Errors
///
/// The driver's.
#[inline(never)]
pub(super) fn make_non_resident(vcpu: LoadedVcpu<'_>) -> Result {
    match vcpu.vpe() {
        Some(vpe) if vpe.is_resident() => vpe.make_non_resident(wants_doorbell(vcpu)),
        _ => Ok(()),
    }
}

/// Whether a vCPU wants to hear of interrupts while its vPE is not resident: it sleeps, or it runs
/// its guest's guest, to which the hardware delivers nothing.
fn wants_doorbell(vcpu: LoadedVcpu<'_>) -> bool {
    vcpu.is_in_wfi() || (vcpu.has_el2() && vcpu.is_in_nested_eret())
}

/// The doorbell of a vCPU rings.
pub(super) fn answer(vcpu: Vcpu<'_>, irq: u32, irq_off: &IrqOff) {
    vcpu.answer_doorbell(irq, irq_off);
    vcpu.kick_for_irq();
}

/// Whether the hardware has an interrupt for a vCPU, as far as it has told. The doorbell has rung
/// since the vPE was resident last, or it would have.
#[inline(always)]
pub(super) fn is_pending(vcpu: Vcpu<'_>) -> bool {
    HostGic::has_v4() && vcpu.has_pending_vlpis()
}

/// Has the hardware look at how all of a vCPU's LPIs are configured anew (`INVALL`).
pub(super) fn invalidate_all(vcpu: Vcpu<'_>) {
    if let (Some(vpes), Some(index)) = (vcpu.vm().vpes(), vcpu.vgic_vcpu().map(VgicVcpu::index)) {
        vpes.invalidate(index);
    }
}

/// Takes what is pending of all vLPIs from the hardware, to be read until the result is gone. None
/// if there are none, or the hardware keeps it to itself (GICv4.0). No vCPU runs. Sleeps.
pub(super) fn pending_vlpis<'c>(config: &'c ConfigLock<'_>) -> Option<VpesInMemory<'c>> {
    let vpes = config.vm().vpes().filter(|_| HostGic::has_v4_1())?;

    Some(vpes.take_from_hardware(config))
}

/// Has an interrupt of the host be the LPI that a message is translated to. If that is none, the
/// guest or its VMM has made a mistake, that it may mend: until then the interrupt is the host's,
/// and the guest gets it by software. Sleeps.
///
/// # Errors
///
/// `ENOMEM`; the driver's, which may not be able to do that for this device.
pub(super) fn set_forwarding(task: &mut Task<'_>, host: HostMsi, message: Message) -> Result {
    let vm = task.vm();
    let (Some(guest), Some(vpes)) = (Guest::of(vm), vm.vpes()) else {
        return Ok(());
    };

    if !has_direct_messages(vm) {
        return Ok(());
    }
    let Ok(its) = message.its(vm) else {
        return Ok(());
    };
    // As long as these are locked, what is mapped to that LPI stays.
    let mut tables = its.tables(task);

    match its::resolve(guest, &mut tables, message.device, message.event) {
        Ok((lpi, life)) => {
            vpes.make_room(lpi)?;
            map(guest, vpes, host, lpi, life)
        }
        Err(Unresolved::Busy | Unresolved::Unmapped) => Ok(()),
    }
}

/// Nobody has it in a list register: the caller has had all vCPUs leave the guest.
fn map(guest: Guest<'_>, vpes: &Vpes, host: HostMsi, lpi: Intid, life: Life) -> Result {
    let Some(irq) = guest.lpi(lpi) else {
        return Ok(());
    };
    let claiming = PreemptOff::new();
    let vlpis = vpes.lock_vlpis();
    // From here on whoever changes it waits.
    let Some(before) = irq.state().update(|word| word.direct_in(life)) else {
        return Ok(());
    };
    let Some(target) = before.target() else {
        return Ok(());
    };
    let pending = before.has(IrqWord::Latch);
    let mapped = vlpis.map(host, lpi, target, before.properties());
    let delivery = match mapped {
        Ok(()) => {
            if pending {
                vlpis.set_pending(lpi, true);
            }
            Delivery::Nothing
        }
        Err(_) => irq.state().update(|word| word.indirect(pending)).delivery,
    };

    drop(vlpis);
    guest.deliver(irq, delivery, claiming.on_cpu());
    mapped
}

/// Has an interrupt of the host be the host's again, if it is a VM's LPI. Any context.
pub(super) fn unset_forwarding(vm: Vm<'_>, host: HostMsi) {
    let (Some(guest), Some(vpes)) = (Guest::of(vm), vm.vpes()) else {
        return;
    };
    let claiming = PreemptOff::new();
    let vlpis = vpes.lock_vlpis();
    let Some(irq) = vlpis.lpi_of(host).and_then(|lpi| guest.lpi_word(lpi)) else {
        return;
    };

    vlpis.unmap(irq.intid);
    let action = irq.state().update(|word| word.indirect(false));

    drop(vlpis);
    guest.deliver(irq, action.delivery, claiming.on_cpu());
}

/// Changes an LPI that the hardware delivers, or has delivered until now. Any context.
#[cold]
pub(super) fn change_lpi(
    guest: Guest<'_>,
    irq: Found<'_>,
    f: &dyn Fn(IrqWord) -> (IrqWord, Action),
) -> Delivery {
    let Some(vpes) = guest.vm().vpes() else {
        return Delivery::Nothing;
    };
    let vlpis = vpes.lock_vlpis();
    let (change, action) = irq.state().update(|word| word.change_direct(f));

    if let Some(change) = change {
        tell_of_lpi(&vlpis, irq.intid, change);
    }
    action.delivery
}

fn tell_of_lpi(vlpis: &Vlpis<'_>, lpi: Intid, change: Change) {
    let properties = change.after.properties();

    if change.is_last() {
        return vlpis.unmap(lpi);
    }
    if let (Some(target), Some(host)) = (change.target(), vlpis.host_of(lpi)) {
        kernel::warn_on!(vlpis.map(host, lpi, target, properties).is_err());
    }
    if change.enabled().is_some() || change.is_ranked_anew() {
        vlpis.configure(lpi, properties);
    }
    if let Some(pending) = change.pending {
        vlpis.set_pending(lpi, pending);
    }
}

/// Changes an SGI that the hardware delivers, or that stands for another interrupt: what else `f`
/// wants. With the lock.
pub(super) fn change_bound<A>(
    mapping: &Mapping,
    irq: Found<'_>,
    f: impl Fn(IrqWord) -> (IrqWord, A),
) -> A {
    let (change, also) = irq.state().update(|word| word.change_direct(&f));

    if let (Some(change), Some(host)) = (change, mapping.host()) {
        tell_of_sgi(host, change);
    }
    also
}

fn tell_of_sgi(host: HostInterrupt, change: Change) {
    if change.is_ranked_anew() {
        host.rank(change.after.priority(), change.after.group());
    }
    if let Some(enabled) = change.enabled() {
        host.set_enabled(enabled);
    }
    if let Some(pending) = change.pending {
        host.set_pending(pending);
    }
}

/// Has the hardware deliver the SGIs of all vCPUs, or not, as the guest wants it. Sleeps.
pub(super) fn configure_sgis(config: &mut ConfigLock<'_>) {
    let vm = config.vm();
    let direct = vm.dist().direct_sgis();
    let _halted = config.halt_guest();
    let Some(guest) = Guest::of(vm) else {
        return;
    };

    for vcpu in vm.vcpus() {
        for irq in (0..16).filter_map(|sgi| guest.irq(Some(vcpu), Intid(sgi))) {
            if direct {
                make_sgi_direct(vcpu, irq);
            } else {
                make_sgi_indirect(guest, irq);
            }
        }
    }
}

fn make_sgi_direct(vcpu: Vcpu<'_>, irq: Found<'_>) {
    let Some(private) = irq.private() else {
        return;
    };
    let mut mapping = private.lock_mapping();

    if irq.word().is_bound() {
        return;
    }
    let Some(vsgi) = vcpu.vsgi(irq.intid) else {
        return;
    };
    // From here on whoever changes it waits.
    let before = irq.state().update(IrqWord::direct);
    let config = SgiConfig {
        enabled: before.has(IrqWord::Enabled),
        group: before.group(),
        priority: before.priority(),
    };

    mapping.set_host(Some(vsgi.activate(config, before.has(IrqWord::Latch))));
}

fn make_sgi_indirect(guest: Guest<'_>, irq: Found<'_>) {
    let Some(private) = irq.private() else {
        return;
    };
    let claiming = PreemptOff::new();
    let mut mapping = private.lock_mapping();

    if !irq.word().has(IrqWord::Direct) {
        return;
    }
    let pending = mapping.is_pending();

    if let Some(host) = mapping.host() {
        host.deactivate();
    }
    mapping.set_host(None);
    let action = irq.state().update(|word| word.indirect(pending));

    drop(mapping);
    guest.deliver(irq, action.delivery, claiming.on_cpu());
}
