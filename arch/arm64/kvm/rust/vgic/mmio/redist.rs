// SPDX-License-Identifier: GPL-2.0

//! The redistributors of a GICv3.
//!
//! LPIs can be enabled if there is an ITS, and disabled again.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_lpis_enabled, vgic_mmio_read_v3r_ctlr,
//!     vgic_mmio_write_v3r_ctlr, vgic_mmio_vcpu_rdist_is_last, vgic_mmio_read_v3r_typer,
//!     vgic_mmio_read_v3r_iidr, vgic_mmio_read_v3_idregs, vgic_mmio_read_propbase,
//!     vgic_mmio_write_propbase, vgic_mmio_read_pendbase, vgic_mmio_write_pendbase,
//!     vgic_mmio_read_sync, vgic_set_rdist_busy, vgic_mmio_write_invlpi, vgic_mmio_write_invall;
//!     arch/arm64/kvm/vgic/vgic-its.c: vgic_enable_lpis
#![forbid(unsafe_code)]

use super::{
    super::{
        guest::Guest,
        its,
        lpi_config,
        pending_table,
        redist::regions, //
    },
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
        list_register::Intid,
        redistributor::{
            self,
            GicrCtlr,
            GicrTyper,
            LpiSwitch,
            Pendbaser,
            Propbaser, //
        },
        word::VcpuIdx, //
    },
    kvm::prelude::*, //
};

/// Reads a register of a vCPU's redistributor.
#[inline(always)]
pub(super) fn read(by: &mut By<'_, '_>, vcpu: Vcpu<'_>, access: Access<Gicr>) -> u64 {
    match access.register {
        Gicr::Bank(bank) => banks::read(by, vcpu, bank, access),
        Gicr::Ctlr => {
            // Whoever has left something need not run, while this one waits for it to end.
            go_on(by, vcpu, LpiWork::Switch);
            u64::from(ctlr(vcpu).shown(revision(vcpu.vm())))
        }
        Gicr::Iidr => u64::from(redistributor::IIDR),
        Gicr::Typer => access.lanes.of(typer(by, vcpu).into_raw()),
        Gicr::Propbaser => access.lanes.of(vcpu.vm().dist().propbaser()),
        Gicr::Pendbaser => access
            .lanes
            .of(Pendbaser::from_raw(vcpu.pendbaser()).shown()),
        Gicr::Syncr => {
            // See above.
            go_on(by, vcpu, LpiWork::Invalidation);
            u64::from(vcpu.is_invalidating())
        }
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
            if ctlr(vcpu).has(GicrCtlr::EnableLPIs) {
                return;
            }
            let now = Propbaser::from_raw(config.vm().dist().propbaser());

            config.set_propbaser(now.written(access.lanes, value).into_raw());
        }),
        Gicr::Pendbaser => by.with_config(|config| {
            if ctlr(vcpu).has(GicrCtlr::EnableLPIs) {
                return;
            }
            let now = Pendbaser::from_raw(vcpu.pendbaser());

            config.set_pendbaser(vcpu, now.written(access.lanes, value).into_raw());
        }),
        // CAST: 32 bits.
        Gicr::Ctlr => {
            go_on(by, vcpu, LpiWork::Switch);
            write_ctlr(by, vcpu, value as u32);
        }
        Gicr::Invlpir => {
            if let Some(lpi) = redistributor::invalidated(access.lanes, value) {
                invalidate(vcpu, |guest| {
                    // Nobody is told that the table can't be read.
                    lpi_config::invalidate(guest, by.memory(), lpi).unwrap_or(());
                    vcpu.end_invalidating();
                });
            }
        }
        Gicr::Invallr => {
            if !access.lanes.are_upper_half() {
                invalidate(vcpu, |guest| invalidate_all(by, guest, vcpu, Intid(0)));
            }
        }
        Gicr::Iidr | Gicr::Typer | Gicr::Syncr | Gicr::Pidr2 => (),
    }
}

/// What `GICR_CTLR` holds.
const OFF: u32 = 0;
// CAST: Fields of the low half.
const ON: u32 = GicrCtlr::EnableLPIs.mask() as u32;
const DISABLING: u32 = GicrCtlr::RWP.mask() as u32;
const ENABLING: u32 = GicrCtlr::ENABLING as u32;

fn ctlr(vcpu: Vcpu<'_>) -> GicrCtlr {
    GicrCtlr::from_raw(u64::from(vcpu.gicr_ctlr()))
}

/// Enables LPIs or disables them, if there is an ITS.
///
/// While they are being disabled they are not enabled, nor can they be. While they are being enabled
/// they are not enabled either: a message is refused, where else it might come before the pending table
/// has been looked at, and be taken back by that.
fn write_ctlr(by: &mut By<'_, '_>, vcpu: Vcpu<'_>, value: u32) {
    let (true, Some(guest)) = (vcpu.vm().dist().has_its(), Guest::of(vcpu.vm())) else {
        return;
    };

    match ctlr(vcpu).written(value) {
        LpiSwitch::Nothing => (),
        LpiSwitch::Enable => {
            if vcpu.change_gicr_ctlr(OFF, ENABLING) {
                switch_lpis(by, guest, vcpu, Intid(0));
            }
        }
        LpiSwitch::Disable => {
            if vcpu.change_gicr_ctlr(ON, DISABLING) {
                by.with_config(|config| {
                    its::invalidate_caches(config);
                    // What has been moved to it, but is in another vCPU's list register, is in its queue.
                    drop(config.halt_guest());
                });
                switch_lpis(by, guest, vcpu, Intid(0));
            }
        }
    }
}

/// Has LPIs enabled or disabled, whichever was begun, from that one on. If a signal comes, the guest's
/// vCPU goes on before it enters the guest again.
fn switch_lpis(by: &mut By<'_, '_>, guest: Guest<'_>, vcpu: Vcpu<'_>, from: Intid) {
    let Some(index) = guest.index_of(vcpu) else {
        return;
    };
    let can_defer = matches!(by, By::Guest(mmio) if mmio.vcpu().can_defer());
    let memory = by.memory();
    let ends = || {
        memory.may_sleep().cond_resched();
        can_defer && memory.may_sleep().has_signal()
    };

    let enabling = ctlr(vcpu).has(GicrCtlr::EnableLPIs);
    let left = if !enabling {
        guest.retire_lpis(index, from, ends)
    } else if Pendbaser::from_raw(vcpu.pendbaser()).has(Pendbaser::PTZ) {
        None
    } else {
        pending_table::sync(guest, memory, vcpu, from, ends)
    };

    match (by, left) {
        (By::Guest(mmio), Some(next)) => {
            vcpu.leave_lpis(LpiWork::Switch, next);
            mmio.vcpu().defer_lpis(LpiWork::Switch, index);
        }
        _ if enabling => {
            vcpu.change_gicr_ctlr(ENABLING, ON);
        }
        (by, _) => {
            // None is in a list register of a guest that runs, when it can be seen that all is done.
            by.with_config(|config| drop(config.halt_guest()));
            vcpu.change_gicr_ctlr(DISABLING, OFF);
        }
    }
}

/// No vCPU's LPIs are half enabled or disabled, for user space, which never sees that. Sleeps.
pub(in crate::vgic) fn settle_lpis(config: &mut ConfigLock<'_>) {
    for vcpu in config.vm().vcpus() {
        go_on(&mut By::User(config), vcpu, LpiWork::Switch);
    }
}

/// Has `f` read properties of a vCPU's LPIs anew, if it has any, or is about to, and say when that is
/// done.
fn invalidate<'a>(vcpu: Vcpu<'a>, f: impl FnOnce(Guest<'a>)) {
    if let Some(guest) = Guest::of(vcpu.vm()).filter(|_| ctlr(vcpu).has(GicrCtlr::EnableLPIs)) {
        vcpu.begin_invalidating();
        f(guest);
    }
}

/// Has properties read from that LPI on. If a signal comes, the guest's vCPU goes on before it enters
/// the guest again: whoever else looks at `GICR_SYNCR` sees until then that it is not done.
fn invalidate_all(by: &mut By<'_, '_>, guest: Guest<'_>, vcpu: Vcpu<'_>, from: Intid) {
    let can_defer = matches!(by, By::Guest(mmio) if mmio.vcpu().can_defer());
    let memory = by.memory();
    let left = lpi_config::invalidate_all(guest, memory, vcpu, from, || {
        can_defer && memory.may_sleep().has_signal()
    });

    match (by, left, VcpuIdx::new(vcpu.index())) {
        (By::Guest(mmio), Some(next), Some(target)) => {
            vcpu.leave_lpis(LpiWork::Invalidation, next);
            mmio.vcpu().defer_lpis(LpiWork::Invalidation, target);
        }
        _ => vcpu.end_invalidating(),
    }
}

/// Goes on with what a signal has interrupted of a vCPU's LPIs, if anything. Sleeps.
fn go_on(by: &mut By<'_, '_>, vcpu: Vcpu<'_>, work: LpiWork) {
    if let Some((guest, next)) = Guest::of(vcpu.vm()).zip(vcpu.take_lpis(work)) {
        match work {
            LpiWork::Invalidation => invalidate_all(by, guest, vcpu, next),
            LpiWork::Switch => switch_lpis(by, guest, vcpu, next),
        }
    }
}

/// The vCPU goes on with what it has left, unless somebody else has. Sleeps.
pub(in crate::vgic) fn continue_lpis(mmio: &mut InMmio<'_>) {
    let Some((work, target)) = mmio.vcpu().takes_deferred_lpis() else {
        return;
    };
    let vm = mmio.vcpu().vm();

    if let Some(vcpu) = Guest::of(vm).and_then(|guest| guest.vcpu(target)) {
        go_on(&mut By::Guest(mmio), vcpu, work);
    }
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
