// SPDX-License-Identifier: GPL-2.0

//! An ITS and its LPIs (IHI 0069, chapters 5 and 6).
//!
//! How LPIs are configured is in the guest's memory. Whoever has read it may remember it until he is
//! told that it has changed, or may not: in between both is right.

use crate::{
    demand,
    event::Outcome,
    irq::{Irq, Kind},
    model::{Config, Model},
    Verdict,
};
use std::collections::BTreeMap;

/// Bits of devices' and events' numbers, as `GITS_TYPER` has them.
const ID_BITS: u64 = 16;

/// A device that is mapped.
#[derive(Clone, Debug)]
struct Device {
    events: u64,
    /// The LPI and the collection of each event.
    ites: BTreeMap<u32, (u32, u16)>,
}

/// All that an ITS, and the redistributors for its sake, know.
#[derive(Clone, Debug)]
pub(crate) struct Its {
    lpis: u32,
    vcpus: u32,
    /// `GICR_CTLR.EnableLPIs`.
    enabled: Vec<bool>,
    /// The table of properties.
    properties: Vec<u8>,
    devices: BTreeMap<u32, Device>,
    collections: BTreeMap<u16, u32>,
    /// A message that is translated: its LPI, and which life of it.
    pub(crate) flying: Option<(u32, u32)>,
}

impl Its {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            lpis: config.lpis,
            vcpus: config.vcpus,
            enabled: vec![false; config.vcpus as usize],
            properties: vec![0; config.lpis as usize],
            devices: BTreeMap::new(),
            collections: BTreeMap::new(),
            flying: None,
        }
    }

    pub(crate) fn enabled(&self, vcpu: u32) -> bool {
        self.enabled[vcpu as usize]
    }

    pub(crate) fn configure(&mut self, lpi: u32, byte: u8) {
        if let Some(held) = self.properties.get_mut(lpi as usize) {
            *held = byte;
        }
    }

    /// How an LPI is configured by now.
    fn property(&self, lpi: u32) -> (bool, u8) {
        let byte = self.properties[(lpi - 8192) as usize];

        (byte & 1 == 1, byte & 0xfc)
    }

    /// Whether what is known of its configuration may be out of date.
    pub(crate) fn is_in_doubt(&self, irq: &Irq) -> bool {
        irq.kind == Kind::Lpi
            && irq.mapped
            && self.property(irq.intid) != (irq.enabled, irq.priority)
    }

    /// Whether LPIs are delivered to a vCPU.
    pub(crate) fn delivers(&self, vcpu: u32, irq: &Irq) -> bool {
        irq.kind != Kind::Lpi || self.enabled(vcpu)
    }

    pub(crate) fn may_deliver(&self, vcpu: u32, irq: &Irq) -> bool {
        self.delivers(vcpu, irq) || irq.astray
    }

    fn ite(&self, device: u32, event: u32) -> Option<(u32, u16)> {
        self.devices.get(&device)?.ites.get(&event).copied()
    }

    fn target(&self, icid: u16) -> Option<u32> {
        self.collections.get(&icid).copied()
    }

    /// Whether all LPIs are where their collections are, and all collections somewhere.
    pub(crate) fn is_settled(&self, lpis: &[Irq]) -> bool {
        let mut ites = self.devices.values().flat_map(|of| of.ites.values());

        ites.all(|(lpi, icid)| {
            let irq = &lpis[(lpi - 8192) as usize];
            let target = self.target(*icid);

            target.is_some() && irq.target == target && !irq.astray
        })
    }

    /// Where an LPI is mapped already.
    fn is_taken(&self, lpi: u32) -> bool {
        let mut ites = self
            .devices
            .values()
            .flat_map(|device| device.ites.values());

        ites.any(|(taken, _)| *taken == lpi)
    }
}

impl Model {
    fn lpi_mut(&mut self, lpi: u32) -> (&mut Irq, bool) {
        let id = crate::irq::Id::Lpi(lpi - 8192);
        let listed = self.listed(id).is_some();

        (self.irq_mut(id), listed)
    }

    /// Its configuration is read anew.
    fn reread(&mut self, lpi: u32) {
        let (enabled, priority) = self.its.property(lpi);
        let (irq, _) = self.lpi_mut(lpi);

        (irq.enabled, irq.priority) = (enabled, priority);
    }

    /// All is restored: whoever knows how LPIs are configured has it from the table.
    pub(crate) fn reread_all(&mut self) {
        for lpi in 8192..8192 + self.config.lpis {
            if self.lpi_mut(lpi).0.mapped {
                self.reread(lpi);
            }
        }
    }

    /// `GICR_CTLR.EnableLPIs`: no LPI of that vCPU is pending when it has been cleared.
    pub(crate) fn switch_lpis(&mut self, vcpu: u32, on: bool) {
        if self.config.lpis == 0 || self.its.enabled(vcpu) == on {
            return;
        }
        self.its.enabled[vcpu as usize] = on;
        for n in 0..self.lpis.len() {
            let doubtful = self.its.is_in_doubt(&self.lpis[n]);
            let irq = &mut self.lpis[n];

            if irq.target != Some(vcpu) {
                continue;
            }
            if !on {
                // Whether it comes back with the table of pending ones is open.
                irq.must = 0;
                irq.astray |= irq.may_be_pending_at_all() && (!irq.enabled || doubtful);
            } else {
                irq.astray = false;
            }
        }
    }

    /// A message, or `INT`: whether it is translated to an LPI. None: KVM, in C as well, may still have
    /// a translation from before a collection has moved to a vCPU that takes no LPIs.
    fn happen(&mut self, device: u32, event: u32) -> Option<bool> {
        let Some((lpi, icid)) = self.its.ite(device, event) else {
            return Some(false);
        };
        let Some(target) = self.its.target(icid) else {
            return Some(false);
        };

        if !self.its.enabled(target) {
            let irq = self.lpi_mut(lpi).0;

            irq.may[0] = irq.may[0].max(1);
            irq.astray = true;
            return None;
        }
        let (irq, listed) = self.lpi_mut(lpi);

        irq.pend(0, listed);
        // After MOVALL it goes where that has sent it, wherever its collection is.
        let there = irq.target;

        let takes = there.is_none_or(|there| self.its.enabled(there));

        self.lpi_mut(lpi).0.astray |= !takes;
        Some(true)
    }

    pub(crate) fn message(&mut self, device: u32, event: u32, outcome: &Outcome) -> Verdict {
        let delivered = self.happen(device, event);

        demand!(
            delivered.is_none_or(|delivered| outcome.value == Some(delivered.into())),
            "the message is said to be delivered or not, and the other is so"
        );
        Ok(())
    }

    /// A message is translated, to be delivered later.
    pub(crate) fn translate(&mut self, device: u32, event: u32, outcome: &Outcome) -> Verdict {
        let translated = outcome.value == Some(1);
        let ite = self.its.ite(device, event);
        let target = ite.and_then(|(_, icid)| self.its.target(icid));
        let certain = target.is_none_or(|target| self.its.enabled(target));

        demand!(
            translated == target.is_some() || !certain,
            "the message is said to be translated or not, and the other is so"
        );
        if let (true, Some((lpi, _))) = (translated, ite) {
            self.its.flying = Some((lpi, self.lpi_mut(lpi).0.life));
        }
        Ok(())
    }

    /// It arrives: what has been unmapped meanwhile does not become pending, mapped again or not.
    pub(crate) fn arrive(&mut self) {
        let Some((lpi, life)) = self.its.flying.take() else {
            return;
        };
        let (irq, listed) = self.lpi_mut(lpi);

        if !irq.mapped || irq.life != life {
            return;
        }
        irq.pend(0, listed);
        let there = irq.target;
        let takes = there.is_none_or(|there| self.its.enabled(there));

        self.lpi_mut(lpi).0.astray |= !takes;
    }

    /// A command, as it is in memory.
    pub(crate) fn command(&mut self, words: [u64; 4]) {
        let device = (words[0] >> 32) as u32;
        let event = words[1] as u32;
        let lpi = (words[1] >> 32) as u32;
        let icid = words[2] as u16;
        let rdbase = (words[2] >> 16) as u32;
        let valid = words[2] >> 63 == 1;

        match words[0] & 0xff {
            0x01 => self.movi(device, event, icid),
            0x03 => {
                self.happen(device, event);
            }
            0x04 => self.clear(device, event),
            0x08 => self.mapd(device, words[1] & 0x1f, valid),
            0x09 => self.mapc(icid, rdbase, valid),
            0x0a => self.mapti(device, event, lpi, icid),
            0x0b => self.mapti(device, event, event, icid),
            0x0c => {
                if let Some((lpi, _)) = self.its.ite(device, event) {
                    self.reread(lpi);
                }
            }
            0x0d => self.invall(icid),
            0x0e => self.movall(rdbase, (words[3] >> 16) as u32),
            0x0f => self.discard(device, event),
            _ => (),
        }
    }

    fn mapd(&mut self, device: u32, size: u64, valid: bool) {
        // Beyond the table of devices, which has a page of 64 KiB, or more events than there can be.
        if device >= 8192 || (valid && size >= ID_BITS) {
            return;
        }
        if let Some(old) = self.its.devices.remove(&device) {
            for (lpi, _) in old.ites.into_values() {
                self.unmap(lpi);
            }
        }
        if valid {
            let new = Device {
                events: 2 << size,
                ites: BTreeMap::new(),
            };
            self.its.devices.insert(device, new);
        }
    }

    fn unmap(&mut self, lpi: u32) {
        let (irq, listed) = self.lpi_mut(lpi);

        irq.forget(listed);
        (irq.mapped, irq.target) = (false, None);
    }

    fn retarget(&mut self, lpi: u32, target: u32) {
        let takes = self.its.enabled(target);
        let (irq, _) = self.lpi_mut(lpi);

        irq.target = Some(target);
        irq.astray = !takes && irq.may_be_pending_at_all();
    }

    fn mapc(&mut self, icid: u16, rdbase: u32, valid: bool) {
        if !valid {
            self.its.collections.remove(&icid);
            return;
        }
        if rdbase >= self.its.vcpus {
            return;
        }
        self.its.collections.insert(icid, rdbase);
        for lpi in self.lpis_of(icid) {
            self.retarget(lpi, rdbase);
        }
    }

    fn lpis_of(&self, icid: u16) -> Vec<u32> {
        let ites = self
            .its
            .devices
            .values()
            .flat_map(|device| device.ites.values());

        ites.filter(|(_, of)| *of == icid)
            .map(|(lpi, _)| *lpi)
            .collect()
    }

    fn mapti(&mut self, device: u32, event: u32, lpi: u32, icid: u16) {
        let Some(mapped) = self.its.devices.get(&device) else {
            return;
        };
        let in_range = (8192..8192 + self.its.lpis).contains(&lpi);
        let free = !mapped.ites.contains_key(&event) && !self.its.is_taken(lpi);

        if u64::from(event) >= mapped.events || !in_range || !free {
            return;
        }
        let target = self.its.target(icid);
        let device = self.its.devices.get_mut(&device).unwrap();

        device.ites.insert(event, (lpi, icid));
        self.reread(lpi);
        let (irq, listed) = self.lpi_mut(lpi);

        irq.forget(listed);
        (irq.mapped, irq.target) = (true, target);
        irq.life += 1;
    }

    fn movi(&mut self, device: u32, event: u32, icid: u16) {
        let Some((lpi, from)) = self.its.ite(device, event) else {
            return;
        };
        let (Some(_), Some(to)) = (self.its.target(from), self.its.target(icid)) else {
            return;
        };
        let device = self.its.devices.get_mut(&device).unwrap();

        device.ites.insert(event, (lpi, icid));
        self.retarget(lpi, to);
    }

    fn discard(&mut self, device: u32, event: u32) {
        let Some((lpi, icid)) = self.its.ite(device, event) else {
            return;
        };

        if self.its.target(icid).is_some() {
            self.its
                .devices
                .get_mut(&device)
                .unwrap()
                .ites
                .remove(&event);
            self.unmap(lpi);
        }
    }

    fn clear(&mut self, device: u32, event: u32) {
        let Some((lpi, icid)) = self.its.ite(device, event) else {
            return;
        };
        let certain = self.its.target(icid).is_some();
        let (irq, listed) = self.lpi_mut(lpi);

        if certain {
            irq.unpend(1, listed);
        } else {
            // An error; or it is done all the same.
            irq.must = 0;
        }
    }

    /// Of the collection; of others of the same vCPU nobody knows, nor of those that `MOVALL` has
    /// taken away.
    fn invall(&mut self, icid: u16) {
        let target = self.its.target(icid);

        for lpi in self.lpis_of(icid) {
            if target.is_some() && self.lpi_mut(lpi).0.target == target {
                self.reread(lpi);
            }
        }
    }

    fn movall(&mut self, from: u32, to: u32) {
        if from >= self.its.vcpus || to >= self.its.vcpus {
            return;
        }
        for n in 0..self.config.lpis {
            if self.lpis[n as usize].target == Some(from) {
                self.retarget(8192 + n, to);
            }
        }
    }
}
