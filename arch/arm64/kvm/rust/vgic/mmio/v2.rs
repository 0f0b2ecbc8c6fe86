// SPDX-License-Identifier: GPL-2.0

//! A GICv2: its distributor, and its CPU interfaces as far as the hardware does not have them for
//! the guest.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v2.c: vgic_mmio_read_v2_misc, vgic_mmio_write_v2_misc,
//!     vgic_mmio_uaccess_write_v2_misc, vgic_mmio_uaccess_write_v2_group, vgic_mmio_read_target,
//!     vgic_mmio_write_target, vgic_mmio_read_sgipend, vgic_mmio_write_sgipendc,
//!     vgic_mmio_write_sgipends, vgic_mmio_read_vcpuif, vgic_mmio_write_vcpuif,
//!     vgic_mmio_write_dir, vgic_mmio_read_apr, vgic_mmio_write_apr
#![forbid(unsafe_code)]

use super::{
    super::{
        deactivation,
        guest::*,
        sgi, //
    },
    banks,
    dist::{
        forward,
        revision,
        set_route, //
    },
    nr_irqs,
    By, //
};
use crate::{
    gic::{
        affinity::{
            CpuMask,
            Sgir, //
        },
        cpu_state::{
            gicc_apr,
            Interface, //
        },
        distributor::{
            self,
            Revision, //
        },
        frame::{
            Access,
            Bank, //
        },
        frame_bits::join,
        frame_gicv2::{
            Gicc,
            GicdV2, //
        },
        priority::ApIndex,
        transition::Edit,
        vmcr::Vmcr,
        word::VcpuIdx, //
    },
    kvm::prelude::*, //
};
use kernel::error::Result;

/// Reads a register of the distributor, as `vcpu` sees it.
#[inline(always)]
pub(super) fn read_distributor(by: &mut By<'_, '_>, vcpu: Vcpu<'_>, access: Access<GicdV2>) -> u64 {
    let vm = vcpu.vm();

    match access.register {
        GicdV2::Bank(bank) => banks::read(by, vcpu, bank, access),
        GicdV2::Ctlr => u64::from(distributor::v2_ctlr(vm.dist().enabled())),
        GicdV2::Typer => u64::from(distributor::v2_typer(nr_irqs(vm), vm.online_vcpus())),
        GicdV2::Iidr => u64::from(revision(vm).iidr()),
        GicdV2::Itargetsr => read_bytes(vcpu, access, |irq| irq.route()),
        GicdV2::Cpendsgir | GicdV2::Spendsgir => {
            read_bytes(vcpu, access, |irq| u32::from(irq.word().sources()))
        }
        GicdV2::Sgir => 0,
    }
}

/// Writes a register of the distributor.
///
/// # Errors
///
/// User space's: `EINVAL`.
pub(super) fn write_distributor(
    by: &mut By<'_, '_>,
    vcpu: Vcpu<'_>,
    access: Access<GicdV2>,
    value: u64,
) -> Result {
    let vm = vcpu.vm();
    // CAST: No register has more than 32 bits.
    let word = value as u32;

    match access.register {
        GicdV2::Bank(Bank::Igroupr) if matches!(by, By::User(_)) => {
            // A VMM that has never heard of groups restores what an older kernel has shown.
            if vm.dist().v2_groups_writable() {
                banks::write(by, vcpu, Bank::Igroupr, access, value);
            }
        }
        GicdV2::Bank(bank) => banks::write(by, vcpu, bank, access, value),
        GicdV2::Ctlr => by.with_config(|config| forward(config, distributor::v2_enables(word))),
        GicdV2::Iidr => {
            let revision = Revision::of_iidr(word)?;

            by.with_config(|config| {
                config.set_v2_groups_writable(true);
                config.set_revision(revision.get());
            });
        }
        GicdV2::Itargetsr => by.with_config(|config| write_targets(config, vcpu, access, value)),
        GicdV2::Sgir => {
            // CAST: widening.
            sgi::send_v2(vcpu, Sgir::from_raw(u64::from(word)));
        }
        GicdV2::Cpendsgir => write_sources(by, vcpu, access, value, Edit::NotFrom),
        GicdV2::Spendsgir => write_sources(by, vcpu, access, value, Edit::From),
        GicdV2::Typer => (),
    }
    Ok(())
}

/// A byte of each interrupt.
fn read_bytes(vcpu: Vcpu<'_>, access: Access<GicdV2>, byte: impl Fn(Found<'_>) -> u32) -> u64 {
    let Some(guest) = Guest::of(vcpu.vm()) else {
        return 0;
    };

    join(
        8,
        access.interrupts().map(|intid| {
            guest
                .irq(Some(vcpu), intid)
                .map_or(0, |irq| u64::from(byte(irq)))
        }),
    )
}

/// SPIs go to the first of the vCPUs that they are for.
fn write_targets(config: &mut ConfigLock<'_>, vcpu: Vcpu<'_>, access: Access<GicdV2>, value: u64) {
    let Some(guest) = Guest::of(vcpu.vm()) else {
        return;
    };
    let vcpus = guest.vm().online_vcpus();

    for (intid, byte) in access.bytes(value) {
        let targets = CpuMask::of_targets(byte, vcpus);

        if let Some(irq) = guest.irq(None, intid) {
            set_route(
                config,
                vcpu,
                guest,
                irq,
                u32::from(targets.0),
                VcpuIdx::new(targets.target()),
            );
        }
    }
}

/// Of SGIs: whom they are from.
fn write_sources(
    by: &By<'_, '_>,
    vcpu: Vcpu<'_>,
    access: Access<GicdV2>,
    value: u64,
    edit: impl Fn(u8) -> Edit,
) {
    let Some(guest) = Guest::of(vcpu.vm()) else {
        return;
    };

    for (intid, sources) in access.bytes(value) {
        if let Some(irq) = guest.irq(Some(vcpu), intid) {
            guest.edit(vcpu, irq, edit(sources), by.writer());
        }
    }
}

fn interface() -> Interface {
    if HostGic::is_v2() {
        Interface::V2OnV2
    } else {
        Interface::V2OnV3
    }
}

fn apr(vcpu: OwnVcpu<'_>, access: Access<Gicc>) -> Option<ApIndex> {
    gicc_apr(access.lanes.word(), interface(), vcpu.interface_limits())
}

/// Reads a register of the CPU interface.
pub(super) fn read_cpu_interface(vcpu: OwnVcpu<'_>, access: Access<Gicc>) -> u64 {
    let value = match access.register {
        Gicc::Apr => apr(vcpu, access).map(|index| vcpu.gicc_apr(index)),
        register => register.read(
            Vmcr::from_raw(u64::from(vcpu.vmcr_in_memory())),
            interface(),
        ),
    };

    u64::from(value.unwrap_or(0))
}

/// Writes a register of the CPU interface.
pub(super) fn write_cpu_interface(
    by: &mut By<'_, '_>,
    vcpu: OwnVcpu<'_>,
    access: Access<Gicc>,
    value: u64,
) {
    // CAST: No register has more than 32 bits.
    let value = value as u32;

    match access.register {
        Gicc::Apr => {
            if let Some(index) = apr(vcpu, access) {
                vcpu.set_gicc_apr(index, value);
            }
        }
        Gicc::Dir => {
            if let By::Guest(mmio) = by {
                deactivation::by_register(mmio, u64::from(value));
            }
        }
        register => {
            let vmcr = Vmcr::from_raw(u64::from(vcpu.vmcr_in_memory()));
            // CAST: The fields are in the low half.
            let new = register.written(vmcr, interface(), value).into_raw() as u32;

            vcpu.set_vmcr_in_memory(new);
        }
    }
}
