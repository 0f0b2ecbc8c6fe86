// SPDX-License-Identifier: GPL-2.0

//! What an ITS' tables have room for in the guest's memory, and what follows for LPIs when something
//! in them changes.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: __is_visible_gfn_locked, vgic_its_check_id,
//!     vgic_its_check_event_id, its_free_ite, vgic_its_free_device, vgic_its_free_device_list,
//!     vgic_its_free_collection_list, update_affinity, update_affinity_collection,
//!     update_affinity_ite
#![forbid(unsafe_code)]

use super::super::guest::Guest;
use crate::{
    gic::{
        its::{
            DeviceId,
            EventId,
            Gpa,
            Icid, //
        },
        its_table::Baser,
        list_register::Intid,
        lpi::Properties,
        word::VcpuIdx, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::Result;

/// A VM's interrupts, if there can be LPIs: a GICv3's that is initialised.
pub(super) fn guest(vm: Vm<'_>) -> Option<Guest<'_>> {
    Guest::of(vm).filter(|guest| guest.model() == Model::V3)
}

/// Where a table of the guest's has the entry of that number, in memory that is there.
fn entry(memory: GuestMemory<'_>, table: Baser, id: u32) -> Option<Gpa> {
    table
        .place(id, |page| memory.read_one(page).ok())
        .filter(|place| memory.is_visible(*place))
}

/// Where the guest's table of devices has a device.
pub(super) fn device_entry(
    memory: GuestMemory<'_>,
    tables: &Tables,
    device: DeviceId,
) -> Option<Gpa> {
    entry(memory, tables.device_table, device.0)
}

/// Whether the guest's table of collections has room for a collection.
pub(super) fn has_room_for_collection(
    memory: GuestMemory<'_>,
    tables: &Tables,
    icid: Icid,
) -> bool {
    entry(memory, tables.collection_table, u32::from(icid.0)).is_some()
}

/// Where a device's table of events has one, in memory that is there.
pub(super) fn event_entry(memory: GuestMemory<'_>, device: &Device, event: EventId) -> Option<Gpa> {
    device
        .place(event)
        .filter(|place| memory.is_visible(*place))
}

/// An event that is to be mapped, and to what.
pub(super) struct NewEvent {
    /// Whose.
    pub(super) device: DeviceId,
    /// Which of the device's.
    pub(super) event: EventId,
    /// The LPI that it is to be.
    pub(super) lpi: Intid,
    /// The collection that it is to be in.
    pub(super) icid: Icid,
}

impl NewEvent {
    /// Gives the event its LPI, with these properties: one that no other event has, of no ITS.
    /// Pending, if `take` takes such a bit out of the pending table of the vCPU that it goes to;
    /// whether there was one.
    ///
    /// # Errors
    ///
    /// `EEXIST`: somebody has the LPI; `ENOMEM`; those of `take`. Nothing is mapped.
    #[inline(always)]
    pub(super) fn map(
        self,
        tables: &mut ItsTables<'_>,
        guest: Guest<'_>,
        properties: Properties,
        take: impl FnOnce(Vcpu<'_>, Intid) -> Result<bool>,
    ) -> Result<bool> {
        let Self {
            device,
            event,
            lpi,
            icid,
        } = self;
        let target = tables.mappings.target(icid);
        let life = guest.map_lpi(lpi, target, properties)?;

        tables
            .mappings
            .add_ite(device, event, Ite { lpi, life, icid })
            .inspect_err(|_| guest.unmap_lpi(lpi))?;

        // The last that can fail: what is taken from the table is nowhere else.
        let Some(vcpu) = target.and_then(|target| guest.vcpu(target)) else {
            return Ok(false);
        };
        let pending = take(vcpu, lpi).inspect_err(|_| {
            tables.mappings.remove_ite(device, event);
            guest.unmap_lpi(lpi);
        })?;

        if pending {
            guest.pulse_lpi(lpi, life);
        }
        Ok(pending)
    }
}

/// Every so many interrupts somebody else gets the CPU.
const AT_ONCE: u32 = 1024;

/// Counts interrupts that are looked at, in a walk that may be long.
struct Walk<'a> {
    looks: u32,
    may_sleep: MaySleep<'a>,
}

impl<'a> Walk<'a> {
    fn new(may_sleep: MaySleep<'a>) -> Self {
        Self {
            looks: 0,
            may_sleep,
        }
    }

    fn step(&mut self) {
        self.looks = self.looks.wrapping_add(1);
        if self.looks % AT_ONCE == 0 {
            self.may_sleep.cond_resched();
        }
    }
}

/// From now on no message is translated to what a device has, if it is mapped; what it has is for
/// [`unmap_gone`].
pub(super) fn drop_device(tables: &mut ItsTables<'_>, device: DeviceId) {
    tables.mappings.remove_device(device);
    if tables.mappings.has_gone() {
        tables.invalidate_cache();
    }
}

/// Likewise all devices.
pub(super) fn drop_devices(tables: &mut ItsTables<'_>) {
    tables.mappings.remove_devices();
    tables.invalidate_cache();
}

/// Unmaps LPIs of devices that are gone. How many interrupts were looked at, no more than `limit`.
pub(super) fn unmap_gone(tables: &mut ItsTables<'_>, limit: u32) -> u32 {
    let mut walk = Walk::new(tables.may_sleep());
    let guest = guest(tables.its().vm());

    while walk.looks < limit {
        let Some(gone) = tables.mappings.take_gone() else {
            break;
        };

        if let (Some(guest), Some(ite)) = (guest, gone) {
            guest.unmap_lpi(ite.lpi);
        }
        walk.step();
    }
    walk.looks
}

/// Unmaps all devices.
pub(super) fn unmap_devices(tables: &mut ItsTables<'_>) {
    drop_devices(tables);
    while tables.mappings.has_gone() {
        unmap_gone(tables, u32::MAX);
    }
}

/// Unmaps all collections. LPIs that have become pending stay so.
pub(super) fn unmap_collections(tables: &mut ItsTables<'_>) {
    tables.mappings.clear_collections();
    tables.invalidate_cache();
}

/// Has LPIs of a collection go to a vCPU: those of events from that one of that device on. How many
/// were looked at, no more than `limit`, and where to go on if there are more.
pub(super) fn retarget(
    tables: &mut ItsTables<'_>,
    icid: Icid,
    target: VcpuIdx,
    from: (DeviceId, EventId),
    limit: u32,
) -> (u32, Option<(DeviceId, EventId)>) {
    let mut walk = Walk::new(tables.may_sleep());
    let Some(guest) = guest(tables.its().vm()) else {
        return (0, None);
    };

    tables.mappings.walk(from, limit, |ite| {
        if ite.icid == icid {
            guest.retarget_lpi(ite.lpi, Some(target));
        }
        walk.step();
    })
}
