// SPDX-License-Identifier: GPL-2.0

//! An ITS of a [`Vm`]: the parser of commands, the cache of translations, properties and the words
//! of LPIs, put together as `vgic/its/execute.rs` does.

use crate::{
    gic::{
        distributor::Revision,
        its::{DeviceId, EventBits, EventId, Gpa, Icid, RdBase},
        its_command::Command,
        list_register::Intid,
        redistributor::{GicrCtlr, LpiSwitch},
        translation::{buckets_for, Bucket, Translations},
        word::Life,
    },
    vm::{index, Vm},
    vm_tables::Memory,
};
use gic_model::Config;
use std::collections::BTreeMap;

struct Ite {
    lpi: Intid,
    life: Life,
    icid: Icid,
}

struct Device {
    itt: Gpa,
    bits: EventBits,
    ites: BTreeMap<EventId, Ite>,
}

/// What it has mapped.
pub(crate) struct Its {
    lpis: u32,
    ctlr: Vec<GicrCtlr>,
    pub(crate) memory: Memory,
    devices: BTreeMap<DeviceId, Device>,
    collections: BTreeMap<Icid, u32>,
    cache: Translations,
    table: Vec<Bucket>,
    flying: Option<(Intid, Life)>,
}

impl Its {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            lpis: config.lpis,
            ctlr: vec![GicrCtlr::ZERO; config.vcpus as usize],
            memory: Memory::new(config),
            devices: BTreeMap::new(),
            collections: BTreeMap::new(),
            cache: Translations::new(),
            table: (0..buckets_for(0)).map(|_| Bucket::new()).collect(),
            flying: None,
        }
    }

    pub(crate) fn ctlr(&self, vcpu: u32) -> u32 {
        self.ctlr[vcpu as usize].shown(Revision::LATEST)
    }

    /// What is mapped, in the order of the numbers.
    pub(crate) fn devices(&self) -> impl Iterator<Item = (DeviceId, Gpa, EventBits)> + '_ {
        self.devices.iter().map(|(id, of)| (*id, of.itt, of.bits))
    }

    pub(crate) fn ites(
        &self,
        device: DeviceId,
    ) -> impl Iterator<Item = (EventId, Intid, Icid)> + '_ {
        let ites = self
            .devices
            .get(&device)
            .into_iter()
            .flat_map(|of| &of.ites);

        ites.map(|(event, ite)| (*event, ite.lpi, ite.icid))
    }

    pub(crate) fn collections(&self) -> impl Iterator<Item = (Icid, u32)> + '_ {
        self.collections
            .iter()
            .map(|(icid, target)| (*icid, *target))
    }

    fn ite(&self, device: DeviceId, event: EventId) -> Option<&Ite> {
        self.devices.get(&device)?.ites.get(&event)
    }

    fn target(&self, icid: Icid) -> Option<u32> {
        self.collections.get(&icid).copied()
    }

    fn forget(&self) {
        self.cache.invalidate(&self.table);
    }

    fn lpis_of(&self, icid: Icid) -> Vec<Intid> {
        self.devices
            .values()
            .flat_map(|device| device.ites.values())
            .filter(|ite| ite.icid == icid)
            .map(|ite| ite.lpi)
            .collect()
    }
}

impl Vm {
    /// `GICR_CTLR`.
    pub(crate) fn write_lpi_ctlr(&mut self, vcpu: u32, value: u32) {
        if self.config.lpis == 0 {
            return;
        }
        let ctlr = &mut self.its.ctlr[vcpu as usize];

        match ctlr.written(value) {
            LpiSwitch::Nothing => (),
            LpiSwitch::Enable => *ctlr = GicrCtlr::ZERO.with(GicrCtlr::EnableLPIs),
            LpiSwitch::Disable => {
                *ctlr = GicrCtlr::ZERO;
                self.its.forget();
                for intid in self.queued(vcpu).into_iter().filter(|intid| intid.is_lpi()) {
                    self.change(vcpu, intid, |word, _| word.retire(index(vcpu)));
                }
            }
        }
    }

    /// From a message to the life of an LPI: remembered, or looked for.
    fn translate(&mut self, device: DeviceId, event: EventId) -> Option<(Intid, Life)> {
        let its = &self.its;
        let ite = its.ite(device, event)?;
        let target = its.target(ite.icid)?;

        if !its.ctlr[target as usize].lpis_enabled() {
            return None;
        }
        its.cache
            .insert(&its.table, device, event, ite.lpi, ite.life);
        Some((ite.lpi, ite.life))
    }

    /// A message is translated, by what is remembered if that will do.
    pub(crate) fn take_off(&mut self, device: u32, event: u32) -> bool {
        let (device, event) = (DeviceId(device), EventId(event));
        let cached = self.its.cache.lookup(|| &self.its.table, device, event);
        let found = cached.or_else(|| self.translate(device, event));

        if found.is_some() {
            self.its.flying = found;
        }
        found.is_some()
    }

    /// And arrives.
    pub(crate) fn arrive(&mut self) {
        if let Some((lpi, life)) = self.its.flying.take() {
            self.change(0, lpi, |word, _| word.pulse_of(life));
        }
    }

    /// Both at once; another one may be on its way still.
    pub(crate) fn message(&mut self, device: u32, event: u32) -> bool {
        let flying = self.its.flying.take();
        let delivered = self.take_off(device, event);

        self.arrive();
        self.its.flying = flying;
        delivered
    }

    pub(crate) fn command(&mut self, words: [u64; 4]) {
        self.its.memory.add(words);
        while let Some(command) = self.its.memory.next() {
            if let Some(command) = command {
                self.execute(command);
            }
        }
    }

    fn execute(&mut self, command: Command) -> Option<()> {
        match command {
            Command::Mapd {
                device,
                itt,
                event_bits,
                valid,
            } => self.mapd(device, itt, event_bits, valid)?,
            Command::Mapc {
                icid,
                target,
                valid,
            } => self.mapc(icid, target, valid)?,
            Command::Mapti {
                device,
                event,
                lpi,
                icid,
            } => self.mapti(device, event, lpi, icid)?,
            Command::Movi {
                device,
                event,
                icid,
            } => {
                self.its.target(self.its.ite(device, event)?.icid)?;
                let to = self.its.target(icid)?;
                let mapped = self.its.devices.get_mut(&device)?;
                let ite = mapped.ites.get_mut(&event)?;
                let lpi = ite.lpi;

                ite.icid = icid;
                self.its.forget();
                self.change(0, lpi, |word, _| word.retarget_lpi(Some(index(to))));
            }
            Command::Discard { device, event } => {
                self.its.target(self.its.ite(device, event)?.icid)?;
                let ite = self.its.devices.get_mut(&device)?.ites.remove(&event)?;

                self.its.forget();
                self.change(0, ite.lpi, |word, _| word.bury());
            }
            Command::Int { device, event } => {
                let (lpi, life) = self.translate(device, event)?;

                self.change(0, lpi, |word, _| word.pulse_of(life));
            }
            Command::Clear { device, event } => {
                let lpi = self.its.ite(device, event)?.lpi;

                self.change(0, lpi, |word, _| word.unpend_lpi());
            }
            Command::Inv { device, event } => self.reread(self.its.ite(device, event)?.lpi),
            Command::Invall { icid } => self.invall(icid)?,
            Command::Movall { from, to } => self.movall(from, to)?,
            Command::Sync => (),
        }
        Some(())
    }

    fn reread(&mut self, lpi: Intid) {
        let properties = self.its.memory.properties(lpi);

        self.change(0, lpi, |word, _| word.configure_lpi(properties));
    }

    fn unmap(&mut self, device: DeviceId) {
        if let Some(device) = self.its.devices.remove(&device) {
            self.its.forget();
            for ite in device.ites.values() {
                self.change(0, ite.lpi, |word, _| word.bury());
            }
        }
    }

    pub(crate) fn mapd(
        &mut self,
        device: DeviceId,
        itt: Gpa,
        bits: Option<EventBits>,
        valid: bool,
    ) -> Option<()> {
        if !self.its.memory.has_room(device) {
            return None;
        }
        if !valid {
            self.unmap(device);
            return Some(());
        }
        let bits = bits?;

        self.unmap(device);
        let ites = BTreeMap::new();

        self.its.devices.insert(device, Device { itt, bits, ites });
        Some(())
    }

    fn vcpu_of(&self, rdbase: RdBase) -> Option<u32> {
        (rdbase.0 < self.config.vcpus).then_some(rdbase.0)
    }

    pub(crate) fn mapc(&mut self, icid: Icid, target: RdBase, valid: bool) -> Option<()> {
        if !valid {
            self.its.collections.remove(&icid);
            self.its.forget();
            return Some(());
        }
        let target = self.vcpu_of(target)?;

        self.its.collections.insert(icid, target);
        for lpi in self.its.lpis_of(icid) {
            self.change(0, lpi, |word, _| word.retarget_lpi(Some(index(target))));
        }
        Some(())
    }

    pub(crate) fn mapti(
        &mut self,
        device: DeviceId,
        event: EventId,
        lpi: Intid,
        icid: Icid,
    ) -> Option<()> {
        let mapped = self.its.devices.get(&device)?;

        if event.0 >= mapped.bits.events() || !lpi.is_lpi() || lpi.0 >= 8192 + self.its.lpis {
            return None;
        }
        if mapped.ites.contains_key(&event) {
            return None;
        }
        let target = self.its.target(icid).map(index);
        let properties = self.its.memory.properties(lpi);
        let word = self.word(0, lpi)?;
        let (life, action) = word.update(|word| word.map_lpi(target, properties, false))?;
        let ite = Ite { lpi, life, icid };

        self.act(lpi, action);
        self.its.devices.get_mut(&device)?.ites.insert(event, ite);
        Some(())
    }

    fn invall(&mut self, icid: Icid) -> Option<()> {
        let target = self.its.target(icid)?;

        for n in 0..self.its.lpis {
            let lpi = Intid(8192 + n);

            if self.word(0, lpi)?.read().target() == Some(index(target)) {
                self.reread(lpi);
            }
        }
        Some(())
    }

    fn movall(&mut self, from: RdBase, to: RdBase) -> Option<()> {
        let (from, to) = (self.vcpu_of(from)?, self.vcpu_of(to)?);

        for n in (0..self.its.lpis).filter(|_| from != to) {
            self.change(0, Intid(8192 + n), |word, _| {
                word.move_lpi(index(from), index(to))
            });
        }
        Some(())
    }
}
