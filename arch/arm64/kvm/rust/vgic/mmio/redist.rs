// SPDX-License-Identifier: GPL-2.0

//! The redistributors of a GICv3.
//!
//! There is no ITS yet, so LPIs cannot be enabled: what is about them can be written and read, and
//! has no effect.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_lpis_enabled, vgic_mmio_read_v3r_ctlr,
//!     vgic_mmio_write_v3r_ctlr, vgic_mmio_vcpu_rdist_is_last, vgic_mmio_read_v3r_typer,
//!     vgic_mmio_read_v3r_iidr, vgic_mmio_read_v3_idregs, vgic_mmio_read_propbase,
//!     vgic_mmio_write_propbase, vgic_mmio_read_pendbase, vgic_mmio_write_pendbase,
//!     vgic_mmio_read_sync, vgic_mmio_write_invlpi, vgic_mmio_write_invall
#![forbid(unsafe_code)]

use super::{
    super::redist::regions,
    banks,
    dist::revision,
    By, //
};
use crate::{
    gic::{
        affinity::Affinity,
        distributor,
        frame::Access,
        frame_gicr::Gicr,
        redistributor::{
            self,
            GicrCtlr,
            GicrTyper,
            Pendbaser,
            Propbaser, //
        },
    },
    kvm::prelude::*, //
};

/// Reads a register of a vCPU's redistributor.
#[inline(always)]
pub(super) fn read(by: &mut By<'_, '_>, vcpu: Vcpu<'_>, access: Access<Gicr>) -> u64 {
    match access.register {
        Gicr::Bank(bank) => banks::read(by, vcpu, bank, access),
        Gicr::Ctlr => u64::from(ctlr(vcpu).shown(revision(vcpu.vm()))),
        Gicr::Iidr => u64::from(redistributor::IIDR),
        Gicr::Typer => access.lanes.of(typer(by, vcpu).into_raw()),
        Gicr::Propbaser => access.lanes.of(vcpu.vm().dist().propbaser()),
        Gicr::Pendbaser => access
            .lanes
            .of(Pendbaser::from_raw(vcpu.pendbaser()).shown()),
        // Nothing is ever invalidated.
        Gicr::Syncr => 0,
        Gicr::Pidr2 => u64::from(distributor::PIDR2),
        Gicr::Invlpir | Gicr::Invallr => 0,
    }
}

/// Writes a register of a vCPU's redistributor.
pub(super) fn write(by: &mut By<'_, '_>, vcpu: Vcpu<'_>, access: Access<Gicr>, value: u64) {
    match access.register {
        Gicr::Bank(bank) => banks::write(by, vcpu, bank, access, value),
        Gicr::Propbaser => by.with_config(|config| {
            // What is in use stays as it is.
            if ctlr(vcpu).lpis_enabled() {
                return;
            }
            let now = Propbaser::from_raw(config.vm().dist().propbaser());

            config.set_propbaser(now.written(access.lanes, value).into_raw());
        }),
        Gicr::Pendbaser => by.with_config(|config| {
            if ctlr(vcpu).lpis_enabled() {
                return;
            }
            let now = Pendbaser::from_raw(vcpu.pendbaser());

            config.set_pendbaser(vcpu, now.written(access.lanes, value).into_raw());
        }),
        // Without an ITS there is nothing to enable, nor to invalidate.
        Gicr::Ctlr | Gicr::Invlpir | Gicr::Invallr => (),
        Gicr::Iidr | Gicr::Typer | Gicr::Syncr | Gicr::Pidr2 => (),
    }
}

fn ctlr(vcpu: Vcpu<'_>) -> GicrCtlr {
    GicrCtlr::from_raw(u64::from(vcpu.gicr_ctlr()))
}

fn typer(by: &mut By<'_, '_>, vcpu: Vcpu<'_>) -> GicrTyper {
    let last = by.with_config(|config| {
        vcpu.redistributor().is_some_and(|place| {
            // CAST: widening.
            regions(config).is_last(place.region as usize, place.slot)
        })
    });

    // CAST: Never negative.
    GicrTyper::new(
        Affinity::of_mpidr(vcpu.affinity()),
        vcpu.id() as u32,
        vcpu.vm().dist().has_its(),
        last,
    )
}
