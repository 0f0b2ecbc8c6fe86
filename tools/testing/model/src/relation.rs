// SPDX-License-Identifier: GPL-2.0

//! What a vCPU may, and must, have in its list registers when it enters its guest, and what may
//! change after that without anybody being told.

use crate::{
    cpu::{hcr, Guest, Lr},
    demand,
    event::{Entry, Outcome},
    irq::{Id, Irq},
    model::Model,
    Verdict,
};

impl Model {
    /// Whether a vCPU's guest has to be shown an interrupt.
    pub(crate) fn is_deliverable(&self, vcpu: u32, id: Id) -> bool {
        self.would_be_deliverable(vcpu, id) && self.irq(id).is_pending()
    }

    /// The same, were it pending.
    pub(crate) fn would_be_deliverable(&self, vcpu: u32, id: Id) -> bool {
        let irq = self.irq(id);

        self.forwarding
            && irq.enabled
            && irq.active.is_none()
            && irq.target == Some(vcpu)
            && self.its.delivers(vcpu, irq)
    }

    /// A vCPU enters its guest with that.
    pub(crate) fn enter(&mut self, vcpu: u32, outcome: &Outcome) -> Verdict {
        let Some(entry) = &outcome.entry else {
            return Err("did not enter".into());
        };
        let (format, v2) = (self.config.format, self.config.v2);
        let guest = Guest {
            entry: entry.clone(),
            lrs: entry
                .lrs
                .iter()
                .map(|raw| Lr::decode(*raw, format, v2))
                .collect(),
            counted: 0,
            unheard: Vec::new(),
        };

        self.cpus[vcpu as usize].kicked = false;
        self.cpus[vcpu as usize].asleep = false;
        demand!(
            guest.lrs.len() <= self.config.lrs as usize,
            "more list registers than there are"
        );
        demand!(guest.has(hcr::EN), "the CPU interface is off");
        for lr in &guest.lrs {
            self.check_shown(vcpu, lr)
                .map_err(|text| format!("{lr:?}: {text}"))?;
        }
        let shown: Vec<_> = guest.lrs.iter().map(|lr| (lr.intid, lr.sender)).collect();
        for (at, lr) in shown.iter().enumerate() {
            demand!(!shown[..at].contains(lr), "{lr:?} twice");
        }
        let left_out = self.check_left_out(vcpu, &guest)?;

        self.settle_doubts(vcpu, &guest, &left_out);
        demand!(!guest.calls(), "it would never run");
        self.cpus[vcpu as usize].left_out = left_out;
        self.cpus[vcpu as usize].guest = Some(guest);
        Ok(())
    }

    /// One that is shown: rightly, and nowhere else.
    fn check_shown(&self, vcpu: u32, lr: &Lr) -> Verdict {
        let id = self.id(vcpu, lr.intid).ok_or("no such interrupt")?;
        let irq = self.irq(id);
        let doubtful = self.its.is_in_doubt(irq);

        demand!(lr.pending || lr.active, "it is neither pending nor active");
        demand!(self.listed(id).is_none(), "another vCPU has it: {irq:?}");
        demand!(!lr.linked, "it is not mapped to a physical one");
        demand!(
            lr.priority == irq.priority || doubtful,
            "another priority: {irq:?}"
        );
        demand!(lr.group1 == irq.group1, "another group: {irq:?}");
        if !irq.artificial {
            let active = irq.active == Some(vcpu);

            demand!(lr.active == active, "active or not: {irq:?}");
            demand!(
                !active || lr.sender == irq.sender,
                "another sender: {irq:?}"
            );
        }
        if lr.pending {
            demand!(irq.enabled || doubtful, "it is disabled: {irq:?}");
            demand!(self.forwarding, "the distributor is off");
            demand!(irq.target == Some(vcpu), "it is another vCPU's: {irq:?}");
            demand!(irq.mapped, "it is not mapped");
            demand!(self.its.may_deliver(vcpu, irq), "LPIs are disabled");
            demand!(irq.may_be_pending(lr.sender), "it is not pending: {irq:?}");
        }
        if irq.kind == crate::irq::Kind::Spi && !irq.edge {
            demand!(lr.eoi, "nobody is told of its end");
        }
        if lr.pending && irq.must & !(1 << lr.sender) != 0 {
            demand!(lr.eoi, "nobody shows the other senders' after it");
        }
        Ok(())
    }

    /// Those that are not shown: rightly. The list of those that should be, had there been room.
    fn check_left_out(&self, vcpu: u32, guest: &Guest) -> Result<Vec<u32>, String> {
        let (mut left_out, mut doubtful) = (Vec::new(), Vec::new());
        let full = guest.lrs.len() == self.config.lrs as usize;

        for id in self.ids(vcpu) {
            let irq = self.irq(id);
            let shown = guest.find(irq.intid);

            if irq.active == Some(vcpu) && !irq.artificial && shown.is_none() {
                demand!(full, "an active one is left out: {irq:?}");
                demand!(guest.has(hcr::LRENPIE), "nobody counts its end: {irq:?}");
                demand!(guest.has(hcr::TDIR), "nobody sees its end: {irq:?}");
            }
            if !self.is_deliverable(vcpu, id) || shown.is_some_and(|lr| lr.pending) {
                continue;
            }
            if self.is_on_its_way(id) {
                continue;
            }
            if self.its.is_in_doubt(irq) {
                doubtful.push(irq.intid);
                continue;
            }
            if let Some(at) = self.listed(id) {
                return Err(format!("vCPU {at} keeps it: {irq:?}"));
            }
            if shown.is_some() && irq.may.iter().all(|may| *may == 0) {
                continue;
            }
            demand!(shown.is_none(), "not shown as pending: {irq:?}");
            demand!(full, "left out: {irq:?}");
            self.check_better(vcpu, guest, irq)?;
            left_out.push(irq.intid);
        }
        if !left_out.is_empty() {
            self.check_groups(vcpu, guest)?;
        }
        left_out.extend(doubtful);
        Ok(left_out)
    }

    /// All that are shown are to be shown before this one, and there will be a time for it.
    fn check_better(&self, vcpu: u32, guest: &Guest, left: &Irq) -> Verdict {
        let cpu = &self.cpus[vcpu as usize];
        let enabled = cpu.enables(left.group1);

        for lr in &guest.lrs {
            let others = cpu.enables(lr.group1);
            let better = lr.pending && !lr.active && lr.priority <= left.priority;

            demand!(
                (others && !enabled) || (others == enabled && better),
                "{lr:?} is shown, and left out is {left:?}"
            );
        }
        demand!(guest.has(hcr::UIE) || self.config.lrs == 1, "no UIE");
        demand!(guest.has(hcr::NPIE) || !enabled, "no NPIE");
        Ok(())
    }

    /// A guest that enables or disables a group changes what is to be shown.
    fn check_groups(&self, vcpu: u32, guest: &Guest) -> Verdict {
        let (zero, one) = self.cpus[vcpu as usize].groups;
        let bits = [
            (zero, hcr::VGRP0DIE, hcr::VGRP0EIE),
            (one, hcr::VGRP1DIE, hcr::VGRP1EIE),
        ];

        for (on, disabled, enabled) in bits {
            let bit = if on { disabled } else { enabled };

            demand!(guest.has(bit), "nobody is told of a change of groups");
        }
        Ok(())
    }

    /// What is shown was pending, and what could have been, but is not, was not.
    fn settle_doubts(&mut self, vcpu: u32, guest: &Guest, left_out: &[u32]) {
        let room = guest.lrs.len() < self.config.lrs as usize;

        for lr in guest.lrs.iter().filter(|lr| lr.pending) {
            if let Some(id) = self.id(vcpu, lr.intid) {
                let irq = self.irq_mut(id);

                if irq.may[usize::from(lr.sender)] != 0 && irq.edge {
                    irq.must |= 1 << lr.sender;
                }
            }
        }
        for lr in guest.lrs.iter().filter(|lr| lr.active) {
            if let Some(id) = self.id(vcpu, lr.intid) {
                let irq = self.irq_mut(id);

                if irq.artificial {
                    irq.active = Some(vcpu);
                }
            }
        }
        for id in self.ids(vcpu) {
            let irq = self.irq(id);
            let deliverable = self.would_be_deliverable(vcpu, id) && !self.its.is_in_doubt(irq);

            if room
                && deliverable
                && irq.must == 0
                && self.listed(id).is_none()
                && guest.find(irq.intid).is_none()
                && !left_out.contains(&irq.intid)
            {
                self.irq_mut(id).may = [0; 8];
            }
        }
    }

    /// Whether a vCPU that has the interrupt is about to give it up.
    pub(crate) fn is_on_its_way(&self, id: Id) -> bool {
        let intid = self.irq(id).intid;
        let ended = |v: &u32| {
            let guest = &self.cpus[*v as usize].guest;

            guest
                .as_ref()
                .is_some_and(|guest| guest.unheard.contains(&intid))
        };
        let ended = (0..self.config.vcpus).filter(|_| intid >= 32).find(ended);

        self.listed(id)
            .or(ended)
            .is_some_and(|at| self.must_exit(at))
    }

    /// Nobody who runs, or sleeps, misses what it should be told: whatever has changed since the
    /// list registers were filled, it has been kicked for.
    pub(crate) fn check_running(&self) -> Verdict {
        for vcpu in 0..self.config.vcpus {
            let cpu = &self.cpus[vcpu as usize];

            if cpu.kicked {
                continue;
            }
            match &cpu.guest {
                Some(guest) if !guest.calls() => self.check_guest(vcpu, guest)?,
                None if cpu.asleep => self.check_sleeper(vcpu)?,
                _ => (),
            }
        }
        Ok(())
    }

    fn check_sleeper(&self, vcpu: u32) -> Verdict {
        for id in self.ids(vcpu) {
            demand!(
                !self.wakes(vcpu, id)
                    || self.is_on_its_way(id)
                    || self.its.is_in_doubt(self.irq(id)),
                "vCPU {vcpu} sleeps through {:?}",
                self.irq(id)
            );
        }
        Ok(())
    }

    fn check_guest(&self, vcpu: u32, guest: &Guest) -> Verdict {
        let left_out = &self.cpus[vcpu as usize].left_out;

        for lr in guest.lrs.iter().filter(|lr| lr.pending && !lr.active) {
            let Some(id) = self.id(vcpu, lr.intid) else {
                continue;
            };
            let irq = self.irq(id);
            let stays = irq.enabled && irq.target == Some(vcpu) && irq.mapped && !irq.stale;

            demand!(
                stays && self.its.may_deliver(vcpu, irq) || self.its.is_in_doubt(irq),
                "vCPU {vcpu} has in a list register what it should not, and is not told: {irq:?}"
            );
            demand!(
                irq.priority == lr.priority || self.its.is_in_doubt(irq),
                "vCPU {vcpu} has another priority, and is not told: {irq:?}"
            );
            demand!(
                irq.group1 == lr.group1,
                "vCPU {vcpu} has another group, and is not told: {irq:?}"
            );
        }
        for id in self.ids(vcpu).filter(|id| self.is_deliverable(vcpu, *id)) {
            let irq = self.irq(id);
            let shown = guest.find(irq.intid).is_some_and(|lr| lr.pending);

            demand!(
                shown
                    || left_out.contains(&irq.intid)
                    || self.is_on_its_way(id)
                    || self.its.is_in_doubt(irq),
                "vCPU {vcpu} is not told of {irq:?}"
            );
        }
        Ok(())
    }
}

/// For those who have no entry at hand.
impl Entry {
    /// With nothing to show.
    pub fn empty(hcr: u64) -> Self {
        Self {
            hcr,
            lrs: Vec::new(),
        }
    }
}
