// SPDX-License-Identifier: GPL-2.0

//! The distributor of a GICv3, and what a GICv2's has in common with it.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_has_its, vgic_mmio_read_v3_misc,
//!     vgic_mmio_write_v3_misc, vgic_mmio_uaccess_write_v3_misc, vgic_mmio_read_irouter,
//!     vgic_mmio_write_irouter, vgic_mmio_read_v3_idregs; arch/arm64/kvm/vgic/vgic.c:
//!     vgic_kick_vcpus; arch/arm64/kvm/vgic/vgic.h: vgic_get_implementation_rev
#![forbid(unsafe_code)]

use super::{
    super::{
        guest::*,
        v4, //
    },
    banks,
    nr_irqs,
    By, //
};
use crate::{
    gic::{
        affinity::Affinity,
        distributor::{
            self,
            Control,
            Revision, //
        },
        frame::{
            Access,
            Who, //
        },
        frame_gicd::Gicd,
        list_register::Intid,
        transition::{
            Edit,
            Writer, //
        },
        word::VcpuIdx, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::Result;

/// Reads a register of the distributor.
#[inline(always)]
pub(super) fn read(by: &mut By<'_, '_>, vcpu: Vcpu<'_>, access: Access<Gicd>) -> u64 {
    let vm = vcpu.vm();
    let dist = vm.dist();

    match access.register {
        Gicd::Bank(bank) => banks::read(by, vcpu, bank, access),
        Gicd::Irouter => read_route(vcpu, access),
        Gicd::Ctlr => u64::from(control(vm).ctlr()),
        Gicd::Typer => u64::from(distributor::typer(nr_irqs(vm), dist.has_its())),
        Gicd::Iidr => u64::from(revision(vm).iidr()),
        Gicd::Typer2 => u64::from(distributor::typer2(dist.can_direct_sgis())),
        Gicd::Pidr2 => u64::from(distributor::PIDR2),
    }
}

/// Writes a register of the distributor.
///
/// # Errors
///
/// User space's: `EINVAL`, `EBUSY`.
pub(super) fn write(
    by: &mut By<'_, '_>,
    vcpu: Vcpu<'_>,
    access: Access<Gicd>,
    value: u64,
) -> Result {
    let vm = vcpu.vm();
    // CAST: All but GICD_IROUTER, whose upper half is not there, have 32 bits.
    let word = value as u32;

    match access.register {
        Gicd::Bank(bank) => banks::write(by, vcpu, bank, access, value),
        Gicd::Irouter => {
            if let Some(affinity) = Affinity::of_route(access.lanes, value) {
                by.with_config(|config| route(config, vcpu, access.first, affinity));
            }
        }
        Gicd::Ctlr => {
            let who = by.who();

            by.with_config(|config| {
                let can_direct_sgis = vm.dist().can_direct_sgis();
                let to = control(vm).written(who, word, can_direct_sgis);

                match who {
                    Who::Guest => set_control(config, to),
                    // Nobody runs or sleeps: all will look. How SGIs are delivered follows when the
                    // first vCPU runs.
                    Who::User => {
                        config.set_enabled(to.enabled);
                        config.set_direct_sgis(to.direct_sgis);
                    }
                }
            });
        }
        Gicd::Iidr => {
            let revision = Revision::of_iidr(word)?;

            by.with_config(|config| config.set_revision(revision.get()));
        }
        Gicd::Typer2 => {
            let can = distributor::direct_sgis_of_typer2(
                vm.dist().can_direct_sgis(),
                word,
                vm.dist().initialized(),
                HostGic::can_direct_sgis(),
            )?;

            by.with_config(|config| config.set_can_direct_sgis(can));
        }
        Gicd::Typer | Gicd::Pidr2 => (),
    }
    Ok(())
}

fn control(vm: Vm<'_>) -> Control {
    Control {
        enabled: vm.dist().enabled(),
        direct_sgis: vm.dist().direct_sgis(),
    }
}

/// How the GIC behaves in some corners.
pub(super) fn revision(vm: Vm<'_>) -> Revision {
    if vm.dist().revision() == Revision::Two.get() {
        Revision::Two
    } else {
        Revision::Three
    }
}

/// The guest writes `GICD_CTLR`.
fn set_control(config: &mut ConfigLock<'_>, to: Control) {
    let vm = config.vm();
    let before = control(vm);

    if to.direct_sgis != before.direct_sgis {
        config.set_direct_sgis(to.direct_sgis);
        v4::configure_sgis(config);
    }
    forward(config, to.enabled);
    // To the hardware it is said when a vPE becomes resident.
    if to.enabled != before.enabled && vm.dist().can_direct_sgis() {
        config.reload_vpes();
    }
}

/// Has interrupts forwarded or not. If they are from now on, all vCPUs that have any have to look:
/// whatever became pending meanwhile was queued, but nobody was to be interrupted by it.
///
/// Who makes an interrupt pending puts it in a queue and kicks. Either he did the first before the
/// queue is looked at here, or the vCPU is kicked after this distributor is on.
pub(super) fn forward(config: &mut ConfigLock<'_>, enabled: bool) {
    let before = config.vm().dist().enabled();

    config.set_enabled(enabled);
    if before || !enabled {
        return;
    }
    smp_mb();
    for vcpu in config.vm().vcpus() {
        let queued = vcpu
            .vgic_vcpu()
            .is_some_and(|vgic| !vgic.queue().is_empty());

        if queued || v4::is_pending(vcpu) {
            vcpu.kick_for_irq();
        }
    }
}

fn read_route(vcpu: Vcpu<'_>, access: Access<Gicd>) -> u64 {
    let route = Guest::of(vcpu.vm())
        .and_then(|guest| guest.irq(None, access.first))
        .map_or(0, |irq| irq.route());

    access
        .lanes
        .of(Affinity::from_raw(u64::from(route)).route())
}

/// Routes an SPI to the vCPU of that affinity, or to none. What is pending follows at once.
fn route(config: &mut ConfigLock<'_>, vcpu: Vcpu<'_>, intid: Intid, affinity: Affinity) {
    let vm = vcpu.vm();
    let Some(guest) = Guest::of(vm) else {
        return;
    };
    let Some(irq) = guest.irq(None, intid) else {
        return;
    };
    let target = vm
        .vcpu_of_affinity(affinity.mpidr())
        .and_then(|vcpu| guest.index_of(vcpu));

    // CAST: 24 bits.
    set_route(config, vcpu, guest, irq, affinity.route() as u32, target);
}

/// Changes both what the guest has said and what follows of it: with the lock held, so that they
/// belong together whoever else does that.
pub(super) fn set_route(
    _config: &mut ConfigLock<'_>,
    vcpu: Vcpu<'_>,
    guest: Guest<'_>,
    irq: Found<'_>,
    route: u32,
    target: Option<VcpuIdx>,
) {
    if let Some(line) = irq.line() {
        line.set_route(route);
    }
    guest.edit(vcpu, irq, Edit::Retarget(target), Writer::Guest);
}
