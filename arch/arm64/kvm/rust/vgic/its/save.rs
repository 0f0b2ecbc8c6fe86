// SPDX-License-Identifier: GPL-2.0

//! Writing an ITS' tables to the guest's memory.
//!
//! Only entries are written of what is mapped. What is left over of former ones is told from them by
//! the distance that each entry has to the next, or by an entry that ends the table; and what the
//! guest has unmapped was cleared then.
//!
//! User space must be able to save whatever a guest has made of its ITS. So devices are left out
//! that the table has no entry for any more, and events in collections that are unknown have an
//! entry that says nothing.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: vgic_its_save_tables_v0, vgic_its_save_device_tables,
//!     vgic_its_save_dte, vgic_its_save_itt, vgic_its_save_ite, vgic_its_save_collection_table,
//!     vgic_its_save_cte, compute_next_devid_offset, compute_next_eventid_offset,
//!     vgic_its_device_cmp, vgic_its_ite_cmp, vgic_its_write_entry_lock
#![forbid(unsafe_code)]

use super::{
    super::guest::Guest,
    tables, //
};
use crate::{
    gic::{
        its::{
            DeviceId,
            Gpa,
            Icid,
            RdBase, //
        },
        its_table::{
            self,
            Cte,
            Dte,
            Next,
            NO_ENTRY, //
        },
        list_register::Intid,
        table_memory::Run,
        word::{
            IrqWord,
            VcpuIdx, //
        },
    },
    kvm::prelude::*, //
};
use kernel::error::{
    code::EACCES,
    Result, //
};

/// Writes all that is mapped to the guest's memory. No vCPU runs. Sleeps.
///
/// # Errors
///
/// At the first one, with all written that comes before it: `EFAULT` if an entry can't be written;
/// `EACCES` for an LPI whose state the hardware keeps to itself.
pub(super) fn save_tables(tables: &mut ItsTables<'_>, memory: GuestMemory<'_>) -> Result {
    save_devices(tables, memory)?;
    save_collections(tables, memory)
}

/// Devices, each after its events.
fn save_devices(tables: &Tables, memory: GuestMemory<'_>) -> Result {
    if !tables.device_table.is_valid() {
        return Ok(());
    }
    let mut devices = tables
        .mappings
        .devices()
        .filter_map(|(id, device)| Some((id, device, tables::device_entry(memory, tables, id)?)))
        .peekable();

    while let Some((id, device, place)) = devices.next() {
        save_events(&tables.mappings, device, memory)?;

        let next = devices.peek().map(|(next, _, _)| *next);

        save_device(id, device, next, place, memory)?;
    }
    Ok(())
}

fn save_device(
    id: DeviceId,
    device: &Device,
    next: Option<DeviceId>,
    place: Gpa,
    memory: GuestMemory<'_>,
) -> Result {
    let entry = Dte {
        itt: device.itt,
        event_bits: device.event_bits,
        next: Next::device(id, next),
    };

    memory.write(place, &[entry.encode().to_le()])
}

#[inline(never)]
fn save_events(mappings: &Mappings, device: &Device, memory: GuestMemory<'_>) -> Result {
    let guest = tables::guest(memory.vm());
    let mut known = KnownCollection::of(mappings);
    let mut known_ahead = KnownCollection::of(mappings);
    // Those that an entry may have for its next, this one among them until it is written.
    let mut ahead = device
        .ites()
        .filter(|(_, ite)| known_ahead.is_known(ite))
        .peekable();

    Run::write(memory, |run| {
        for (event, ite) in device.ites() {
            let Some(place) = device.place(event) else {
                // There is no such event.
                continue;
            };

            if is_hidden(guest, ite.lpi) {
                return Err(EACCES);
            }
            let entry = if known.is_known(&ite) {
                ahead.next();

                let next = ahead.peek().map(|(next, _)| *next);

                its_table::Ite {
                    lpi: ite.lpi,
                    icid: ite.icid,
                    next: Next::event(event, next),
                }
                .encode()
            } else {
                NO_ENTRY
            };

            run.put(place, entry)?;
        }
        Ok(())
    })
}

/// Whether the hardware delivers an LPI, and does not say if it is pending.
fn is_hidden(guest: Option<Guest<'_>>, lpi: Intid) -> bool {
    HostGic::has_v4()
        && !HostGic::has_v4_1()
        && guest
            .and_then(|guest| guest.lpi(lpi))
            .is_some_and(|irq| irq.word().has(IrqWord::Direct))
}

/// Whether collections are known: mostly the same one several times over.
struct KnownCollection<'a> {
    mappings: &'a Mappings,
    last: Option<(Icid, bool)>,
}

impl<'a> KnownCollection<'a> {
    fn of(mappings: &'a Mappings) -> Self {
        Self {
            mappings,
            last: None,
        }
    }

    /// Whether an event's is.
    fn is_known(&mut self, ite: &Ite) -> bool {
        match self.last {
            Some((icid, known)) if icid == ite.icid => known,
            _ => {
                let known = self.mappings.knows_collection(ite.icid);

                self.last = Some((ite.icid, known));
                known
            }
        }
    }
}

/// Collections, in the order in which they became known, and the end.
#[inline(never)]
fn save_collections(tables: &Tables, memory: GuestMemory<'_>) -> Result {
    if !tables.collection_table.is_valid() {
        return Ok(());
    }
    let table = tables.collection_table.table();
    let entries = tables
        .mappings
        .collections()
        .map(|(icid, target)| Cte {
            icid,
            target: target.and_then(|target| number_of(memory.vm(), target)),
        })
        .map(Cte::encode)
        .chain([NO_ENTRY]);

    Run::write(memory, |run| {
        // A table that is full has no end.
        for (place, entry) in (0..u32::MAX)
            .map_while(|index| table.place(index))
            .zip(entries)
        {
            run.put(place, entry)?;
        }
        Ok(())
    })
}

/// What a vCPU's redistributor has for a number.
fn number_of(vm: Vm<'_>, index: VcpuIdx) -> Option<RdBase> {
    // CAST: At most 512; never negative.
    let vcpu = vm.vcpu_at(index.get() as u32)?;

    Some(RdBase(vcpu.id() as u32))
}
