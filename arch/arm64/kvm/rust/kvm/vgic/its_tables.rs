// SPDX-License-Identifier: GPL-2.0

//! What an ITS knows: which events of which devices are which LPIs, and which vCPUs these are for.
//!
//! Everything refers to everything else by number, as in the tables of the architecture: an event
//! has the number of its LPI and that of its collection. What such a number stands for is looked
//! up when it matters, so nothing is left over of what goes.
//!
//! C header: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: find_its_device, find_ite, for_each_lpi_its,
//!     find_collection, vgic_its_alloc_collection, vgic_its_free_collection, vgic_its_alloc_ite,
//!     vgic_its_alloc_device; arch/arm64/kvm/vgic/vgic.h: its_device, its_ite, its_collection,
//!     its_is_collection_mapped
#![forbid(unsafe_code)]

use crate::gic::{
    its::{
        DeviceId,
        EventBits,
        EventId,
        Gpa,
        Icid, //
    },
    its_table::{
        Baser,
        Table,
        TableKind, //
    },
    list_register::Intid,
    word::{
        Life,
        VcpuIdx, //
    },
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    error::Result,
    rbtree::{
        RBTree,
        RBTreeNode, //
    }, //
};

/// What an event is translated to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ite {
    /// The LPI. No other event of any ITS has it.
    pub(crate) lpi: Intid,
    /// Which of the LPI's lives this is.
    pub(crate) life: Life,
    /// The collection, which need not be there.
    pub(crate) icid: Icid,
}

/// A device.
pub(crate) struct Device {
    /// Where its table of events is.
    pub(crate) itt: Gpa,
    /// How many bits its events' numbers have.
    pub(crate) event_bits: EventBits,
    ites: RBTree<EventId, Ite>,
    nr_ites: u32,
}

impl Device {
    /// Its events, by number.
    pub(crate) fn ites(&self) -> impl Iterator<Item = (EventId, Ite)> + '_ {
        self.ites.iter().map(|(event, ite)| (*event, *ite))
    }

    /// Where its table of events has one, if it does.
    pub(crate) fn place(&self, event: EventId) -> Option<Gpa> {
        Table::events(self.itt, self.event_bits).place(event.0)
    }

    /// What one of its events is translated to.
    pub(crate) fn ite(&self, event: EventId) -> Option<Ite> {
        self.ites.get(&event).copied()
    }

    /// Takes the first of its events.
    fn take_event(&mut self) -> Option<Ite> {
        let (_, event) = self.ites.cursor_front_mut()?.remove_current();

        Some(event.to_key_value().1)
    }
}

/// A collection that is known. It need not be mapped to a vCPU.
struct Collection {
    target: Option<VcpuIdx>,
    /// Its place in the order.
    age: u64,
}

/// Devices with their events, and collections.
pub(crate) struct Mappings {
    devices: RBTree<DeviceId, Device>,
    collections: RBTree<Icid, Collection>,
    /// Collections in the order in which they became known, which they are saved in.
    by_age: RBTree<u64, Icid>,
    next_age: u64,
    nr_ites: u32,
    /// Devices that are mapped no more: no event of theirs is found, but the LPIs of those that are
    /// left are still to be unmapped.
    gone: RBTree<DeviceId, Device>,
}

impl Mappings {
    /// None.
    pub(crate) fn new() -> Self {
        Self {
            devices: RBTree::new(),
            collections: RBTree::new(),
            by_age: RBTree::new(),
            next_age: 0,
            nr_ites: 0,
            gone: RBTree::new(),
        }
    }

    /// How many events are translated.
    pub(crate) fn nr_ites(&self) -> u32 {
        self.nr_ites
    }

    /// All devices, by number.
    pub(crate) fn devices(&self) -> impl Iterator<Item = (DeviceId, &Device)> + '_ {
        self.devices.iter().map(|(id, device)| (*id, device))
    }

    /// A device, if it is mapped.
    pub(crate) fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(&id)
    }

    /// Maps a device that is not mapped, without events.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn add_device(&mut self, id: DeviceId, itt: Gpa, event_bits: EventBits) -> Result {
        let device = Device {
            itt,
            event_bits,
            ites: RBTree::new(),
            nr_ites: 0,
        };

        if let Some(former) = self
            .devices
            .try_create_and_insert(id, device, GFP_KERNEL_ACCOUNT)?
        {
            let (_, former) = former.to_key_value();

            self.nr_ites = self.nr_ites.saturating_sub(former.nr_ites);
        }
        Ok(())
    }

    /// Unmaps a device, if it is mapped: see [`Self::take_gone`].
    pub(crate) fn remove_device(&mut self, id: DeviceId) {
        let Some(nr_ites) = self.device(id).map(|device| device.nr_ites) else {
            return;
        };

        self.nr_ites = self.nr_ites.saturating_sub(nr_ites);
        if let Some(device) = self.devices.remove_node(&id) {
            self.gone.insert(device);
        }
    }

    /// Unmaps all devices: see [`Self::take_gone`].
    pub(crate) fn remove_devices(&mut self) {
        self.nr_ites = 0;
        if self.devices.is_empty() {
            return;
        }
        core::mem::swap(&mut self.devices, &mut self.gone);
        // What is left of one device at most, since nothing is mapped before all that is gone has been
        // taken but that device: anew, and without events so far, so that it may be replaced.
        while let Some(left) = self.devices.cursor_front_mut() {
            self.gone.insert(left.remove_current().1);
        }
    }

    /// Whether anything is left to be [taken](Self::take_gone).
    pub(crate) fn has_gone(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Takes an event of a device that is not mapped any more, whose LPI is for the caller to unmap; or
    /// such a device, if it has none. None if that was all.
    ///
    /// Nothing may be mapped before that: an event of theirs may still have the LPI.
    pub(crate) fn take_gone(&mut self) -> Option<Option<Ite>> {
        let mut device = self.gone.cursor_front_mut()?;
        let event = device.current_mut().1.take_event();

        if event.is_none() {
            device.remove_current();
        }
        Some(event)
    }

    /// Calls `f` with events from that one of that device on, as long as no more than `limit` devices
    /// and events are looked at. How many were, and where to go on if that was not the end.
    pub(crate) fn walk(
        &mut self,
        from: (DeviceId, EventId),
        limit: u32,
        mut f: impl FnMut(Ite),
    ) -> (u32, Option<(DeviceId, EventId)>) {
        let mut looks = 0_u32;
        let mut devices = self.devices.cursor_lower_bound_mut(&from.0);

        while let Some(mut cursor) = devices {
            let (id, device) = cursor.current_mut();

            if looks >= limit {
                return (looks, Some((*id, EventId(0))));
            }
            let first = if *id == from.0 { from.1 } else { EventId(0) };
            let mut events = device.ites.cursor_lower_bound_mut(&first);

            while let Some(cursor) = events {
                let (event, ite) = cursor.current();

                if looks >= limit {
                    return (looks, Some((*id, *event)));
                }
                f(*ite);
                looks = looks.wrapping_add(1);
                events = cursor.move_next();
            }
            looks = looks.wrapping_add(1);
            devices = cursor.move_next();
        }
        (looks, None)
    }

    /// What an event is translated to.
    pub(crate) fn ite(&self, device: DeviceId, event: EventId) -> Option<Ite> {
        self.device(device)?.ite(event)
    }

    /// The first event that is translated, from that one of that device on.
    pub(crate) fn event_from(
        &self,
        device: DeviceId,
        event: EventId,
    ) -> Option<(DeviceId, EventId)> {
        let mut from = (device, event);

        loop {
            let device = self.devices.cursor_lower_bound(&from.0)?;
            let (id, device) = device.current();
            let first = if *id == from.0 { from.1 } else { EventId(0) };

            if let Some(event) = device.ites.cursor_lower_bound(&first) {
                return Some((*id, *event.current().0));
            }
            from = (DeviceId(id.0.checked_add(1)?), EventId(0));
        }
    }

    /// Has an event of a device translated. Nothing happens if there is no such device.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn add_ite(&mut self, device: DeviceId, event: EventId, ite: Ite) -> Result {
        if let Some(device) = self.devices.get_mut(&device) {
            let former = device
                .ites
                .try_create_and_insert(event, ite, GFP_KERNEL_ACCOUNT)?;

            if former.is_none() {
                device.nr_ites = device.nr_ites.saturating_add(1);
                self.nr_ites = self.nr_ites.saturating_add(1);
            }
        }
        Ok(())
    }

    /// An event is translated no more. Its LPI is for the caller to unmap.
    pub(crate) fn remove_ite(&mut self, device: DeviceId, event: EventId) -> Option<Ite> {
        let device = self.devices.get_mut(&device)?;
        let ite = device.ites.remove(&event)?;

        device.nr_ites = device.nr_ites.saturating_sub(1);
        self.nr_ites = self.nr_ites.saturating_sub(1);
        Some(ite)
    }

    /// Moves an event to another collection.
    pub(crate) fn move_ite(&mut self, device: DeviceId, event: EventId, icid: Icid) {
        if let Some(ite) = self
            .devices
            .get_mut(&device)
            .and_then(|device| device.ites.get_mut(&event))
        {
            ite.icid = icid;
        }
    }

    /// All collections that are known, in the order in which they became so, and the vCPUs that
    /// they are mapped to.
    pub(crate) fn collections(&self) -> impl Iterator<Item = (Icid, Option<VcpuIdx>)> + '_ {
        self.by_age
            .values()
            .filter_map(|icid| Some((*icid, self.collections.get(icid)?.target)))
    }

    /// Whether a collection is known.
    pub(crate) fn knows_collection(&self, icid: Icid) -> bool {
        self.collections.get(&icid).is_some()
    }

    /// The vCPU that a collection is mapped to, if it is.
    pub(crate) fn target(&self, icid: Icid) -> Option<VcpuIdx> {
        self.collections.get(&icid)?.target
    }

    /// Makes a collection known, and maps it if there is a target.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn set_collection(&mut self, icid: Icid, target: Option<VcpuIdx>) -> Result {
        if let Some(known) = self.collections.get_mut(&icid) {
            known.target = target;
            return Ok(());
        }
        let age = self.next_age;
        let in_order = RBTreeNode::new(age, icid, GFP_KERNEL_ACCOUNT)?;

        self.collections.try_create_and_insert(
            icid,
            Collection { target, age },
            GFP_KERNEL_ACCOUNT,
        )?;
        self.by_age.insert(in_order);
        self.next_age = age.wrapping_add(1);
        Ok(())
    }

    /// Forgets a collection. Whatever has its number has that of nothing.
    pub(crate) fn remove_collection(&mut self, icid: Icid) {
        if let Some(collection) = self.collections.remove(&icid) {
            self.by_age.remove(&collection.age);
        }
    }

    /// Forgets all collections.
    pub(crate) fn clear_collections(&mut self) {
        self.collections = RBTree::new();
        self.by_age = RBTree::new();
    }
}

/// What the lock of an ITS' tables guards.
pub(crate) struct Tables {
    /// `GITS_CTLR.Enabled`: events are translated. Changed with the lock of the commands held as
    /// well, so that whoever has either sees it as it is.
    pub(crate) enabled: bool,
    /// `GITS_BASER0`.
    pub(crate) device_table: Baser,
    /// `GITS_BASER1`.
    pub(crate) collection_table: Baser,
    /// What is mapped.
    pub(crate) mappings: Mappings,
}

impl Tables {
    /// Those of a new ITS.
    pub(crate) fn new() -> Self {
        Self {
            enabled: false,
            device_table: Baser::initial(TableKind::Devices),
            collection_table: Baser::initial(TableKind::Collections),
            mappings: Mappings::new(),
        }
    }

    /// The register of a table.
    pub(crate) fn table(&mut self, kind: TableKind) -> &mut Baser {
        match kind {
            TableKind::Devices => &mut self.device_table,
            TableKind::Collections => &mut self.collection_table,
        }
    }
}
