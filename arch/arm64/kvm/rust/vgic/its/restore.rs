// SPDX-License-Identifier: GPL-2.0

//! Reading an ITS' tables from the guest's memory.
//!
//! They have been saved by this kernel or by another one, and the guest or user space may have
//! written whatever they like. The number of objects that are made is bounded by what the numbers of
//! devices, events and collections can be; that of entries that are read in vain is not, but a task
//! that is killed stops. An LPI that there is already is left out.
//!
//! What is read is added to what there is, as if the guest had mapped it. If it can't be, nothing is
//! left: neither of that, nor of what there was before. All happens with the tables locked and no
//! vCPU running, so nobody sees it half done.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: vgic_its_restore_tables_v0,
//!     vgic_its_restore_device_tables, handle_l1_dte, vgic_its_restore_dte, vgic_its_restore_itt,
//!     vgic_its_restore_ite, vgic_its_restore_collection_table, vgic_its_restore_cte,
//!     vgic_its_read_entry_lock
#![forbid(unsafe_code)]

use super::{
    super::{
        guest::Guest,
        lpi_config::ManyProperties,
        pending_table::TakenBits, //
    },
    tables::{
        self,
        NewEvent, //
    },
};
use crate::{
    gic::{
        its::{
            DeviceId,
            EventId,
            Gpa, //
        },
        its_table::{
            self,
            Cte,
            Dte,
            Next,
            Scanned,
            Table, //
        },
        lpi::Place,
        table_memory::Window,
        word::VcpuIdx, //
    },
    kvm::prelude::*, //
};
use kernel::error::{
    code::*,
    Result, //
};

/// Maps what is said in the guest's memory. No vCPU runs. Sleeps.
///
/// # Errors
///
/// At the first one: `EFAULT` if a table can't be read, or an LPI's properties, or a bit of a
/// pending table not read and cleared; `EINVAL` if an entry says what can't be mapped; `EEXIST` if
/// a collection is known, be it from an entry before; `ENOMEM`; `EINTR` if the task is killed, which
/// a guest's tables may keep busy for minutes. No collection is known then, and if it comes from the
/// table of devices or those of events no device is mapped.
pub(super) fn restore_tables(tables: &mut ItsTables<'_>, memory: GuestMemory<'_>) -> Result {
    restore_collections(tables, memory).inspect_err(|_| tables::unmap_collections(tables))?;
    restore_devices(tables, memory).inspect_err(|_| {
        tables::unmap_devices(tables);
        tables::unmap_collections(tables);
    })
}

/// Entries that are read at once.
type Entries = Window<u64, 32>;

/// They are one after the other, up to an entry that is none.
#[inline(never)]
fn restore_collections(tables: &mut ItsTables<'_>, memory: GuestMemory<'_>) -> Result {
    let register = tables.collection_table;
    let mut entries = Entries::new();

    if register.is_valid() {
        register
            .table()
            .scan(|_, at| match Cte::parse(entries.get(memory, at)?) {
                Some(entry) => restore_collection(tables, memory, entry).map(|()| Next::ONE),
                None => Ok(Next::LAST),
            })?;
    }
    Ok(())
}

fn restore_collection(tables: &mut ItsTables<'_>, memory: GuestMemory<'_>, entry: Cte) -> Result {
    let target = match entry.target {
        Some(number) => Some(
            memory
                .vm()
                .vcpu_of_id(number.0)
                .and_then(|vcpu| VcpuIdx::new(vcpu.index()))
                .ok_or(EINVAL)?,
        ),
        None => None,
    };

    if tables.mappings.knows_collection(entry.icid) {
        return Err(EEXIST);
    }
    if !tables::has_room_for_collection(memory, tables, entry.icid) {
        return Err(EINVAL);
    }
    tables.mappings.set_collection(entry.icid, target)
}

#[inline(never)]
fn restore_devices(tables: &mut ItsTables<'_>, memory: GuestMemory<'_>) -> Result {
    let register = tables.device_table;

    if !register.is_valid() {
        return Ok(());
    }
    let mut restorer = Restorer {
        guest: tables::guest(memory.vm()),
        tables,
        memory,
        devices: Entries::new(),
        events: Entries::new(),
        properties: ManyProperties::new(),
        pending: TakenBits::new(),
    };

    if register.is_indirect() {
        restorer.restore_pages(register.table())?;
    } else {
        restorer.restore_page(register.table())?;
    }
    Ok(())
}

/// # Errors
///
/// `EINTR` if the task was killed: nobody waits for the rest.
fn check_alive(memory: GuestMemory<'_>) -> Result {
    if memory.may_sleep().is_killed() {
        Err(EINTR)
    } else {
        Ok(())
    }
}

/// A device whose events are read.
#[derive(Clone, Copy)]
struct Restored {
    id: DeviceId,
    /// What the table says of it.
    entry: Dte,
    /// There was one of its number, and there still is: nothing more is mapped.
    exists: bool,
}

/// What is read from the guest's memory, and where it goes.
struct Restorer<'x, 't> {
    tables: &'x mut ItsTables<'t>,
    memory: GuestMemory<'x>,
    guest: Option<Guest<'x>>,
    devices: Entries,
    events: Entries,
    properties: ManyProperties,
    pending: TakenBits,
}

impl Restorer<'_, '_> {
    /// Goes through a table of pages, until one of them has the last entry.
    #[inline(never)]
    fn restore_pages(&mut self, pages: Table) -> Result<Scanned> {
        let mut entries = Entries::new();

        pages.scan(
            |index, at| match Table::page(index, entries.get(self.memory, at)?) {
                Some(page) => self.restore_page(page).map(Next::after),
                None => Ok(Next::ONE),
            },
        )
    }

    /// Goes through devices.
    fn restore_page(&mut self, page: Table) -> Result<Scanned> {
        page.scan(|id, at| self.restore_device(DeviceId(id), at))
    }

    fn restore_device(&mut self, id: DeviceId, at: Gpa) -> Result<Next> {
        check_alive(self.memory)?;
        let Some(entry) = Dte::parse(self.devices.get(self.memory, at)?)? else {
            return Ok(Next::ONE);
        };
        let mappings = &mut self.tables.mappings;
        let exists = mappings.device(id).is_some();

        // There is memory for it: it was read from there.
        if id.checked().is_none() {
            return Err(EINVAL);
        }
        if !exists {
            mappings.add_device(id, entry.itt, entry.event_bits)?;
        }
        let device = Restored { id, entry, exists };

        Table::events(entry.itt, entry.event_bits)
            .scan(|event, at| self.restore_event(device, EventId(event), at))?;
        Ok(entry.next)
    }

    fn restore_event(&mut self, device: Restored, event: EventId, at: Gpa) -> Result<Next> {
        check_alive(self.memory)?;
        let entry = self.events.get(self.memory, at)?;
        let Some(entry) = its_table::Ite::parse(entry, event, device.entry.event_bits)? else {
            return Ok(Next::ONE);
        };

        if Place::of(entry.lpi).is_none() || !self.tables.mappings.knows_collection(entry.icid) {
            return Err(EINVAL);
        }
        let guest = self.guest.ok_or(EINVAL)?;

        // An LPI is one event's.
        if !device.exists && guest.lpi(entry.lpi).is_none() {
            self.map(guest, device.id, event, entry)?;
        }
        Ok(entry.next)
    }

    fn map(
        &mut self,
        guest: Guest<'_>,
        device: DeviceId,
        event: EventId,
        entry: its_table::Ite,
    ) -> Result {
        let new = NewEvent {
            device,
            event,
            lpi: entry.lpi,
            icid: entry.icid,
        };
        let properties = self.properties.of(guest, self.memory, new.lpi)?;

        new.map(self.tables, guest, properties, |vcpu, lpi| {
            self.pending.take(self.memory, vcpu, lpi)
        })?;
        Ok(())
    }
}
