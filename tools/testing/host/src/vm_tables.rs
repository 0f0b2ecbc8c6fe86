// SPDX-License-Identifier: GPL-2.0

//! What an ITS and redistributors of a [`Vm`] have in the guest's memory: the queue of commands, the
//! table of properties, those of pending LPIs; and, when it is saved, tables of devices, events and
//! collections.

use crate::{
    gic::{
        frame::Lanes,
        its::{DeviceId, EventId, Gpa, Icid, RdBase},
        its_command::Command,
        its_registers::CommandQueue,
        its_table::{Baser, Cte, Dte, Ite, Next, Scanned, Table, TableKind},
        list_register::Intid,
        lpi::Properties,
        redistributor::{Pendbaser, Propbaser},
        word::IrqWord,
    },
    vm::Vm,
};
use gic_model::Config;
use std::collections::BTreeMap;

const COMMANDS: u64 = 0x1000_0000;
const PROPERTIES: u64 = 0x2000_0000;
const PENDING: u64 = 0x3000_0000;
const DEVICES: u64 = 0x4000_0000;
const PAGE: u64 = 0x5000_0000;
const COLLECTIONS: u64 = 0x6000_0000;

const WHOLE: Lanes = Lanes { byte: 0, bytes: 8 };
const VALID: u64 = 1 << 63;
const INDIRECT: u64 = 1 << 62;

/// The memory, and where things are in it.
#[derive(Clone)]
pub(crate) struct Memory {
    bytes: BTreeMap<u64, u8>,
    words: BTreeMap<u64, u64>,
    queue: CommandQueue,
    devices: Baser,
    collections: Baser,
}

/// What is in it.
pub(crate) type Contents = (BTreeMap<u64, u8>, BTreeMap<u64, u64>);

impl Memory {
    pub(crate) fn new(config: Config) -> Self {
        let mut queue = CommandQueue::EMPTY;
        // Both kinds of tables.
        let indirect = config.lrs % 2 == 0;
        let pages = if indirect { INDIRECT } else { 0 };
        let page = indirect.then_some((DEVICES, VALID | PAGE));
        let table = |kind, value| Baser::initial(kind).written(kind, WHOLE, value);

        queue.write_cbaser(WHOLE, VALID | COMMANDS);
        Self {
            bytes: BTreeMap::new(),
            words: page.into_iter().collect(),
            queue,
            devices: table(TableKind::Devices, VALID | pages | DEVICES),
            collections: table(TableKind::Collections, VALID | COLLECTIONS),
        }
    }

    pub(crate) fn contents(self) -> Contents {
        (self.bytes, self.words)
    }

    fn propbaser() -> Propbaser {
        // IDbits of 16.
        Propbaser::INITIAL.written(WHOLE, PROPERTIES | 15)
    }

    fn pendbaser(vcpu: u32) -> Pendbaser {
        Pendbaser::INITIAL.written(WHOLE, PENDING + u64::from(vcpu) * 0x1_0000)
    }

    /// The guest configures an LPI: where the architecture has its byte.
    pub(crate) fn configure(&mut self, lpi: u32, byte: u8) {
        self.bytes.insert(PROPERTIES + u64::from(lpi), byte);
    }

    pub(crate) fn properties(&self, lpi: Intid) -> Properties {
        let at = Self::propbaser().byte_of(lpi);

        Properties::of(self.bytes.get(&at.0).copied().unwrap_or(0))
    }

    /// The guest adds a command.
    pub(crate) fn add(&mut self, words: [u64; 4]) {
        let at = self.queue.cwriter();

        for (n, word) in (0..).zip(words) {
            self.words.insert(COMMANDS + at + n * 8, word);
        }
        // Its queue has one page.
        assert!(self.queue.write_cwriter(WHOLE, (at + 32) % 0x1000));
    }

    /// The next one. None: there is none.
    pub(crate) fn next(&mut self) -> Option<Option<Command>> {
        let Gpa(at) = self.queue.next()?;
        let words = [0, 8, 16, 24].map(|n| self.words.get(&(at + n)).copied().unwrap_or(0));

        self.queue.advance();
        Some(Command::parse(&words))
    }

    fn word(&self, at: Gpa) -> u64 {
        self.words.get(&at.0).copied().unwrap_or(0)
    }

    fn device_place(&self, id: u32) -> Option<Gpa> {
        self.devices.place(id, |at| Some(self.word(at)))
    }

    /// Whether there is room for a device.
    pub(crate) fn has_room(&self, device: DeviceId) -> bool {
        self.device_place(device.0).is_some()
    }

    /// A bit of a pending table.
    fn is_pending(&self, vcpu: u32, lpi: Intid) -> bool {
        let at = Self::pendbaser(vcpu).byte_of(lpi);

        self.bytes.get(&at.0).copied().unwrap_or(0) & Pendbaser::bit_of(lpi) != 0
    }

    fn set_pending(&mut self, vcpu: u32, lpi: Intid) {
        let at = Self::pendbaser(vcpu).byte_of(lpi);

        *self.bytes.entry(at.0).or_default() |= Pendbaser::bit_of(lpi);
    }
}

impl Vm {
    /// Saves what is mapped, and what is pending.
    pub(crate) fn save_tables(&self, memory: &mut Memory) -> Result<(), String> {
        let mut devices = self.its.devices().peekable();

        while let Some((id, itt, event_bits)) = devices.next() {
            let entry = Dte {
                itt,
                event_bits,
                next: Next::device(id, devices.peek().map(|(id, ..)| *id)),
            };
            let place = memory.device_place(id.0).ok_or("no place of a device")?;
            let table = Table::events(itt, event_bits);
            let mut ites = self.its.ites(id).peekable();

            memory.words.insert(place.0, entry.encode());
            while let Some((event, lpi, icid)) = ites.next() {
                let next = Next::event(event, ites.peek().map(|(event, ..)| *event));
                let place = table.place(event.0).ok_or("no place of an event")?;

                memory
                    .words
                    .insert(place.0, Ite { lpi, icid, next }.encode());
            }
        }
        let table = memory.collections.table();

        for (n, (icid, target)) in (0..).zip(self.its.collections()) {
            let place = table.place(n).ok_or("no place of a collection")?;
            let entry = Cte {
                icid,
                target: Some(RdBase(target)),
            };

            memory.words.insert(place.0, entry.encode());
        }
        self.save_pending(memory);
        Ok(())
    }

    fn save_pending(&self, memory: &mut Memory) {
        for (n, word) in (0..).zip(&self.lpis) {
            let (lpi, word) = (Intid(8192 + n), word.read());

            if let (true, Some(target)) = (word.has(IrqWord::Latch), word.target()) {
                memory.set_pending(target.get() as u32, lpi);
            }
        }
    }

    /// Maps what tables say.
    pub(crate) fn restore_tables(&mut self, memory: &Memory) -> Result<(), String> {
        let wrong = |_| "an entry that can't be";
        let mut collections = Vec::new();

        memory
            .collections
            .table()
            .scan(|_, at| match Cte::parse(memory.word(at)) {
                Some(entry) => {
                    collections.push((entry.icid, entry.target));
                    Ok(Next::ONE)
                }
                None => Ok::<_, String>(Next::LAST),
            })?;
        for (icid, target) in collections {
            self.mapc(icid, target.ok_or("of nobody")?, true);
        }
        let mut found = Vec::new();
        let mut page = |page: Table| {
            page.scan(|id, at| match Dte::parse(memory.word(at)).map_err(wrong)? {
                Some(entry) => {
                    found.push((DeviceId(id), entry));
                    Ok::<_, String>(entry.next)
                }
                None => Ok(Next::ONE),
            })
        };
        let table = memory.devices.table();

        if memory.devices.is_indirect() {
            table.scan(|index, at| match Table::page(index, memory.word(at)) {
                Some(entries) => page(entries).map(Next::after),
                None => Ok(Next::ONE),
            })?;
        } else {
            let _: Scanned = page(table)?;
        }
        for (id, entry) in found {
            self.mapd(id, entry.itt, Some(entry.event_bits), true);
            self.restore_events(memory, id, entry)?;
        }
        Ok(())
    }

    fn restore_events(&mut self, memory: &Memory, id: DeviceId, entry: Dte) -> Result<(), String> {
        let mut found: Vec<(EventId, Intid, Icid)> = Vec::new();

        Table::events(entry.itt, entry.event_bits).scan(|event, at| {
            let event = EventId(event);
            let ite = Ite::parse(memory.word(at), event, entry.event_bits)
                .map_err(|_| "an event that can't be")?;

            Ok::<_, String>(match ite {
                Some(ite) => {
                    found.push((event, ite.lpi, ite.icid));
                    ite.next
                }
                None => Next::ONE,
            })
        })?;
        for (event, lpi, icid) in found {
            self.mapti(id, event, lpi, icid);

            let target = self.word(0, lpi).and_then(|word| word.read().target());

            if target.is_some_and(|target| memory.is_pending(target.get() as u32, lpi)) {
                self.change(0, lpi, |word, _| word.pulse());
            }
        }
        Ok(())
    }
}
