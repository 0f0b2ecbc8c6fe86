// SPDX-License-Identifier: GPL-2.0

//! ITSs: what turns the message of a device into an LPI.
//!
//! A guest tells an ITS by commands, in a ring in its memory, which events of which devices are
//! which LPIs, and by way of collections which vCPUs these are for. The ITS keeps that to itself
//! ([`Tables`]), and writes it to tables in the guest's memory only when user space asks for it.
//!
//! There are LPIs only with a GICv3 that is initialised. User space can make an ITS for any VM, at
//! any time; but until then no event becomes an interrupt.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: vgic_its_resolve_lpi, vgic_its_invalidate_all_caches
#![forbid(unsafe_code)]

pub(super) mod debug;
pub(super) mod device;
mod execute;
pub(super) mod registers;
mod restore;
mod save;
mod tables;

pub(super) use execute::continue_commands;

use super::guest::Guest;
use crate::{
    gic::{
        its::{
            DeviceId,
            EventId, //
        },
        list_register::Intid,
        word::Life, //
    },
    kvm::prelude::*, //
};
use kernel::error;

/// Why an event does not become an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// The ITS, or the LPIs of the vCPU that it is for, are disabled: `EBUSY`.
    Busy,
    /// The guest has not mapped it, or not what it is mapped to.
    Unmapped,
}

/// The LPI that an event of a device is translated to, and which of its lives; from now on
/// [`Its::cached`] finds it.
///
/// # Errors
///
/// [`Unresolved::Busy`] if the ITS is disabled; then as [`translate`].
pub(super) fn resolve(
    guest: Guest<'_>,
    tables: &mut ItsTables<'_>,
    device: DeviceId,
    event: EventId,
) -> Result<(Intid, Life), Unresolved> {
    if !tables.enabled {
        return Err(Unresolved::Busy);
    }
    translate(guest, tables, device, event)
}

/// The same of an ITS that may be disabled: then it caches nothing.
///
/// # Errors
///
/// In this order: [`Unresolved::Unmapped`]; [`Unresolved::Busy`] if the vCPU's LPIs are disabled.
fn translate(
    guest: Guest<'_>,
    tables: &mut ItsTables<'_>,
    device: DeviceId,
    event: EventId,
) -> Result<(Intid, Life), Unresolved> {
    let ite = tables
        .mappings
        .ite(device, event)
        .ok_or(Unresolved::Unmapped)?;
    let vcpu = tables
        .mappings
        .target(ite.icid)
        .and_then(|target| guest.vcpu(target))
        .ok_or(Unresolved::Unmapped)?;

    if !vcpu.has_lpis() {
        return Err(Unresolved::Busy);
    }
    if tables.enabled {
        tables.cache(device, event, ite.lpi, ite.life);
    }
    Ok((ite.lpi, ite.life))
}

/// All commands are done that are due, of all ITSs that the guest can access. Sleeps.
///
/// # Errors
///
/// `EINTR` if the task was killed before.
pub(super) fn settle_all(config: &mut ConfigLock<'_>) -> error::Result {
    for its in config.vm().itss() {
        registers::settle(&mut its.commands(config))?;
    }
    Ok(())
}

/// No LPI is an event's any more of a device that is not mapped, of all ITSs that the guest can access:
/// another event can have it. Their commands are left alone, since the guest's memory may have been
/// restored already. Sleeps.
pub(super) fn unmap_all_gone(config: &mut ConfigLock<'_>) {
    for its in config.vm().itss() {
        execute::unmap_gone(&mut its.commands(config));
    }
}

/// Nothing that any ITS has cached is found any more: LPIs of a vCPU are about to be disabled.
pub(super) fn invalidate_caches(config: &mut ConfigLock<'_>) {
    for its in config.vm().itss() {
        its.tables(config).invalidate_cache();
    }
}
