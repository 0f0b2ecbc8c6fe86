// SPDX-License-Identifier: GPL-2.0

//! What the specifications call unpredictable, or a guest would have only itself to blame for, is
//! taken out of a script: nothing could be said of what follows.

use crate::{
    event::{Access, Event, Frame},
    irq::{Id, Kind, PRIORITY},
    model::Model,
    registers::{Field, Place},
};

impl Model {
    /// The event without what is unpredictable. None if nothing is left of it, or it can't be.
    pub fn tame(&self, vcpu: u32, event: Event) -> Option<Event> {
        let inside = self.in_guest(vcpu);
        let cpu = &self.cpus[vcpu as usize];
        let nobody_runs = (0..self.config.vcpus).all(|v| !self.in_guest(v));
        let idle = cpu.stack.is_empty() && cpu.dropped.is_empty();

        match event {
            Event::Enter => (!inside).then_some(event),
            Event::Exit => inside.then_some(event),
            Event::Acknowledge => {
                (inside && self.next_acknowledged(vcpu).is_some()).then_some(event)
            }
            Event::End => (inside && self.is_end_clear(vcpu)).then_some(event),
            Event::Take => (!inside).then_some(event),
            Event::Finish => (!inside && self.is_finish_clear(vcpu)).then_some(event),
            Event::Deactivate(intid) => {
                let (of, _) = self.find_dropped(vcpu, intid)?;
                let can = match &cpu.guest {
                    // The hardware of this vCPU can't, unless it traps.
                    Some(guest) => of == vcpu || guest.has(crate::cpu::hcr::TDIR),
                    None => nobody_runs && cpu.separate,
                };

                can.then_some(event)
            }
            Event::Separate(on) => (idle && on != cpu.separate).then_some(event),
            Event::Wait => idle.then_some(event),
            Event::Write(at, value) => self.tame_write(vcpu, false, at, value),
            Event::UserWrite(frame, offset, value) => {
                let at = Access {
                    frame,
                    offset,
                    bytes: 4,
                };
                match self.tame_write(vcpu, true, at, value.into())? {
                    Event::Write(_, value) if nobody_runs => {
                        Some(Event::UserWrite(frame, offset, value as u32))
                    }
                    _ => None,
                }
            }
            Event::UserRead(..) | Event::ReadLevels(_) | Event::WriteLevels(..) => {
                nobody_runs.then_some(event)
            }
            Event::Migrate => (nobody_runs && self.can_migrate()).then_some(event),
            Event::Sgi(..) => (!self.config.v2).then_some(event),
            Event::Configure(..)
            | Event::Command(_)
            | Event::Message(..)
            | Event::Translate(..) => (self.config.lpis != 0).then_some(event),
            Event::Arrive => self.its.flying.map(|_| event),
            _ => Some(event),
        }
    }

    /// The hardware counts an end that finds no list register. If several could be meant, because a
    /// register has made another one active, that is the guest's fault.
    fn is_end_clear(&self, vcpu: u32) -> bool {
        let cpu = &self.cpus[vcpu as usize];
        let (Some(taken), Some(guest)) = (cpu.stack.last(), &cpu.guest) else {
            return false;
        };
        let listed = guest.find(taken.intid).is_some_and(|lr| lr.active);

        listed || taken.intid >= 8192 || self.is_nothing_artificial(vcpu)
    }

    /// Likewise of one that nobody has seen in a list register.
    fn is_finish_clear(&self, vcpu: u32) -> bool {
        let taken = self.cpus[vcpu as usize].stack.last();

        taken.is_some_and(|taken| taken.intid >= 8192 || self.is_nothing_artificial(vcpu))
    }

    fn is_nothing_artificial(&self, vcpu: u32) -> bool {
        self.ids(vcpu).all(|id| {
            let irq = self.irq(id);

            !irq.artificial || irq.active.is_none()
        })
    }

    /// What is active is restored as the target's; so it has to be active there. Likewise LPIs go
    /// where their collections do.
    fn can_migrate(&self) -> bool {
        let resting = |id: Id| {
            let irq = self.irq(id);

            irq.active.is_none() || irq.artificial || irq.active == irq.target
        };

        !self.config.v2
            && self.its.flying.is_none()
            && self.its.is_settled(&self.lpis)
            && (0..self.config.vcpus).all(|v| self.ids(v).all(resting))
    }

    fn tame_write(&self, vcpu: u32, user: bool, at: Access, value: u64) -> Option<Event> {
        let frame_is = match at.frame {
            Frame::Gicr(of) => !self.config.v2 && of < self.config.vcpus,
            Frame::Gicd => true,
        };
        let Place::Bank(field, first, count, _) = self.place(at) else {
            let open = self.place(at) == Place::Open;

            return (frame_is && !open).then_some(Event::Write(at, value));
        };
        let mut tamed = value;

        for n in 0..count {
            let Some(id) = self.of_frame(vcpu, at.frame, first + n) else {
                continue;
            };
            let bits = field.bits().min(at.bytes * 8);
            let mask = u64::MAX >> (64 - bits) << (n * bits);

            if let Some(part) = self.tame_field(user, field, id, (tamed & mask) >> (n * bits)) {
                tamed = tamed & !mask | part << (n * bits) & mask;
            }
        }
        frame_is.then_some(Event::Write(at, tamed))
    }

    /// What is to be written instead, if something else.
    fn tame_field(&self, user: bool, field: Field, id: Id, part: u64) -> Option<u64> {
        let irq = self.irq(id);
        let active = irq.active.is_some();
        let sourced = self.config.v2 && irq.kind == Kind::Sgi;

        match field {
            // An active one has the priority that it was taken with.
            Field::Priority if active || self.listed_active(id) => Some(irq.priority.into()),
            // An SGI's may be read-only. Else only of what is disabled and at rest.
            Field::Config => {
                let rests = !irq.enabled && !active && self.listed(id).is_none();
                let rests = rests && !irq.may_be_pending_at_all();

                (!rests).then_some(u64::from(irq.edge) << 1)
            }
            // A guest deactivates what it has taken by ending it.
            Field::ClearActive if active && !irq.artificial => Some(0),
            // Whose it would be is open; and which sender's.
            Field::SetActive if sourced || irq.target.is_none() => Some(0),
            Field::SetActive if user && !self.is_free(id) => Some(0),
            // User space can't say from whom.
            Field::SetPending | Field::ClearPending if sourced && user => Some(0),
            // Until it has shown that it knows of groups.
            Field::Group if user && self.config.v2 => Some(u64::from(irq.group1)),
            Field::Group if active => Some(u64::from(irq.group1)),
            // Nobody's: KVM says the first CPU.
            Field::Targets if part as u32 & ((1 << self.config.vcpus) - 1) == 0 => Some(1),
            _ => None,
        }
    }

    fn listed_active(&self, id: Id) -> bool {
        let intid = self.irq(id).intid;

        self.listed(id).is_some_and(|at| {
            let guest = self.cpus[at as usize].guest.as_ref();

            guest
                .and_then(|guest| guest.find(intid))
                .is_some_and(|lr| lr.active)
        })
    }

    fn is_free(&self, id: Id) -> bool {
        self.irq(id).active.is_none()
    }

    /// An event of a random value: a priority that there is.
    pub fn priority(value: u8) -> u8 {
        value & PRIORITY
    }
}
