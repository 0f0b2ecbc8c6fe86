// SPDX-License-Identifier: GPL-2.0

//! The model: all that has a state, and what each event means to it.

use crate::{
    cpu::{Cpu, LrFormat, Taken},
    demand,
    event::{Event, Frame, Outcome, SgiRegister},
    irq::{Id, Irq, Kind},
    its::Its,
    Verdict,
};

/// How the GIC is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The guest has a GICv2, else a GICv3.
    pub v2: bool,
    /// The host's list registers.
    pub format: LrFormat,
    /// How many of them there are.
    pub lrs: u32,
    pub vcpus: u32,
    /// SGIs, PPIs and SPIs: a multiple of 32.
    pub irqs: u32,
    /// LPIs from 8192 on that the guest configures; none without an ITS.
    pub lpis: u32,
}

impl std::fmt::Display for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            v2,
            format,
            lrs,
            vcpus,
            irqs,
            lpis,
        } = *self;
        let (guest, host) = (if v2 { 2 } else { 3 }, format.number());

        write!(f, "config {guest} {host} {lrs} {vcpus} {irqs} {lpis}")
    }
}

impl Config {
    /// From what it is shown as. None if that is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.strip_prefix("config ")?.split_whitespace();
        let numbers: Vec<u32> = numbers.map(str::parse).collect::<Result<_, _>>().ok()?;
        let [guest, host, lrs, vcpus, irqs, lpis] = numbers[..] else {
            return None;
        };

        Some(Self {
            v2: guest == 2,
            format: LrFormat::of_number(host)?,
            lrs,
            vcpus,
            irqs,
            lpis,
        })
    }
}

/// A GIC, and the vCPUs that it serves.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) config: Config,
    pub(crate) private: Vec<Vec<Irq>>,
    pub(crate) spis: Vec<Irq>,
    pub(crate) lpis: Vec<Irq>,
    pub(crate) cpus: Vec<Cpu>,
    pub(crate) forwarding: bool,
    pub(crate) its: Its,
}

impl Model {
    /// A new one, that no guest has touched.
    pub fn new(config: Config) -> Self {
        let private = |v| {
            let kind = |intid| if intid < 16 { Kind::Sgi } else { Kind::Ppi };

            (0..32)
                .map(|intid| Irq::new(kind(intid), intid, Some(v), !config.v2))
                .collect()
        };
        let spi = |intid| {
            let mut irq = Irq::new(Kind::Spi, intid, Some(0), !config.v2);

            // The first CPU interface of a GICv2 is a bit, the affinity of the first CPU is 0.
            irq.route = u32::from(config.v2);
            irq
        };
        let lpi = |n| Irq::new(Kind::Lpi, 8192 + n, None, true);

        Self {
            config,
            private: (0..config.vcpus).map(private).collect(),
            spis: (32..config.irqs).map(spi).collect(),
            lpis: (0..config.lpis).map(lpi).collect(),
            cpus: (0..config.vcpus).map(|_| Cpu::new()).collect(),
            forwarding: false,
            its: Its::new(config),
        }
    }

    /// An interrupt by its number, as a vCPU sees it.
    pub(crate) fn id(&self, vcpu: u32, intid: u32) -> Option<Id> {
        match intid {
            0..32 => Some(Id::Private(vcpu, intid)),
            _ if intid < self.config.irqs => Some(Id::Spi(intid - 32)),
            8192.. if intid - 8192 < self.config.lpis => Some(Id::Lpi(intid - 8192)),
            _ => None,
        }
    }

    pub(crate) fn irq(&self, id: Id) -> &Irq {
        match id {
            Id::Private(vcpu, intid) => &self.private[vcpu as usize][intid as usize],
            Id::Spi(n) => &self.spis[n as usize],
            Id::Lpi(n) => &self.lpis[n as usize],
        }
    }

    pub(crate) fn irq_mut(&mut self, id: Id) -> &mut Irq {
        match id {
            Id::Private(vcpu, intid) => &mut self.private[vcpu as usize][intid as usize],
            Id::Spi(n) => &mut self.spis[n as usize],
            Id::Lpi(n) => &mut self.lpis[n as usize],
        }
    }

    /// All that a vCPU may get.
    pub(crate) fn ids(&self, vcpu: u32) -> impl Iterator<Item = Id> {
        let (spis, lpis) = (self.config.irqs - 32, self.config.lpis);

        (0..32)
            .map(move |intid| Id::Private(vcpu, intid))
            .chain((0..spis).map(Id::Spi))
            .chain((0..lpis).map(Id::Lpi))
    }

    /// Where a list register has an interrupt, in the guest.
    pub(crate) fn listed(&self, id: Id) -> Option<u32> {
        let intid = self.irq(id).intid;
        let among = match id {
            Id::Private(vcpu, _) => vcpu..vcpu + 1,
            _ => 0..self.config.vcpus,
        };

        among.into_iter().find(|v| {
            let guest = &self.cpus[*v as usize].guest;

            guest
                .as_ref()
                .is_some_and(|guest| guest.find(intid).is_some())
        })
    }

    /// Whether a vCPU is in its guest.
    pub fn in_guest(&self, vcpu: u32) -> bool {
        self.cpus[vcpu as usize].guest.is_some()
    }

    /// What the list registers of a vCPU hold by now, and how many ends of interrupts were counted.
    pub fn left(&self, vcpu: u32) -> Option<(Vec<u64>, u32)> {
        let guest = self.cpus[vcpu as usize].guest.as_ref()?;

        Some((guest.raw(self.config.format), guest.counted))
    }

    /// How its groups are enabled, its priority mask, whether ends are separate.
    pub fn interface(&self, vcpu: u32) -> (bool, bool, u8, bool) {
        let cpu = &self.cpus[vcpu as usize];

        (cpu.groups.0, cpu.groups.1, cpu.mask, cpu.separate)
    }

    /// The interrupt that a vCPU's guest would acknowledge, as hardware has it.
    pub fn next_acknowledged(&self, vcpu: u32) -> Option<u32> {
        self.next_taken(vcpu).map(|taken| taken.intid)
    }

    /// Likewise, with all that there is to know of it.
    pub fn next_taken(&self, vcpu: u32) -> Option<Taken> {
        self.cpus[vcpu as usize].clone().acknowledge()
    }

    /// Whether the hardware fetches the hypervisor, or somebody has kicked the vCPU.
    pub fn must_exit(&self, vcpu: u32) -> bool {
        let cpu = &self.cpus[vcpu as usize];

        cpu.guest
            .as_ref()
            .is_some_and(|guest| guest.calls() || cpu.kicked)
    }

    /// Says whether the event may have led to that.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn observe(&mut self, vcpu: u32, event: Event, outcome: &Outcome) -> Verdict {
        if self.traps(vcpu, event) {
            self.leave(vcpu);
        }
        // Who does something does not sleep.
        self.cpus[vcpu as usize].asleep &= !is_of_guest(event);
        for v in 0..self.config.vcpus {
            self.cpus[v as usize].kicked |= outcome.kicks >> v & 1 == 1;
        }
        match event {
            Event::Read(at) => self.read(vcpu, false, at, outcome.value)?,
            Event::Write(at, value) => self.write(vcpu, false, at, value),
            Event::UserRead(frame, offset) => {
                self.read(vcpu, true, word_at(frame, offset), outcome.value)?;
            }
            Event::UserWrite(frame, offset, value) => {
                self.write(vcpu, true, word_at(frame, offset), value.into());
            }
            Event::ReadLevels(first) => self.read_levels(vcpu, first, outcome.value)?,
            Event::WriteLevels(first, value) => self.write_levels(vcpu, first, value),
            Event::Line(intid, high) => self.drive(vcpu, intid, high),
            Event::Sgi(register, value) => self.send(vcpu, register, value),
            Event::Groups(zero, one) => self.cpus[vcpu as usize].groups = (zero, one),
            Event::Mask(mask) => self.cpus[vcpu as usize].mask = mask,
            Event::Separate(on) => self.cpus[vcpu as usize].separate = on,
            Event::Enter => self.enter(vcpu, outcome)?,
            Event::Exit => self.leave(vcpu),
            Event::Acknowledge => self.acknowledge(vcpu, outcome)?,
            Event::End => self.end(vcpu)?,
            Event::Deactivate(intid) => self.write_dir(vcpu, intid)?,
            Event::Take => self.take(vcpu, outcome)?,
            Event::Finish => self.finish_unseen(vcpu),
            Event::Wait => self.wait(vcpu, outcome)?,
            // Of edges no line is saved.
            Event::Migrate => {
                let private = self.private.iter_mut().flatten();

                for irq in private.chain(&mut self.spis).filter(|irq| irq.edge) {
                    irq.line = false;
                }
                self.reread_all();
            }
            Event::Configure(lpi, byte) => self.its.configure(lpi, byte),
            Event::Command(words) => self.command(words),
            Event::Message(device, event) => self.message(device, event, outcome)?,
            Event::Translate(device, event) => self.translate(device, event, outcome)?,
            Event::Arrive => self.arrive(),
        }
        self.check_running()
    }

    /// Whether the guest has left for it.
    fn traps(&self, vcpu: u32, event: Event) -> bool {
        match event {
            _ if is_of_guest(event) => self.in_guest(vcpu),
            Event::Deactivate(_) => {
                let guest = self.cpus[vcpu as usize].guest.as_ref();

                guest.is_some_and(|guest| guest.has(crate::cpu::hcr::TDIR))
            }
            _ => false,
        }
    }

    /// The vCPUs that an event makes leave their guests before it does anything.
    pub fn stopped_by(&self, vcpu: u32, event: Event) -> Vec<u32> {
        let active = match event {
            Event::Read(at) | Event::Write(at, _) => self.is_of_active_state(at),
            _ => false,
        };
        let all = active
            || match event {
                Event::Write(at, _) => self.is_lpi_switch(at),
                // Whoever has it in a list register.
                Event::Deactivate(_) => self.traps(vcpu, event),
                _ => false,
            };

        (0..self.config.vcpus)
            .filter(|v| self.in_guest(*v))
            .filter(|v| all || (*v == vcpu && self.traps(vcpu, event)))
            .collect()
    }

    /// A device drives a line.
    fn drive(&mut self, vcpu: u32, intid: u32, high: bool) {
        let Some(id) = self.id(vcpu, intid) else {
            return;
        };
        let listed = self.listed(id).is_some();
        let irq = self.irq_mut(id);

        if !matches!(irq.kind, Kind::Ppi | Kind::Spi) {
            return;
        }
        irq.line = high;
        if irq.edge && high {
            irq.pend(0, listed);
        }
    }

    /// A guest writes `ICC_SGI1R_EL1` or one of the others.
    fn send(&mut self, from: u32, register: SgiRegister, value: u64) {
        let intid = (value >> 24 & 15) as u32;
        let others = value >> 40 & 1 == 1;
        let upper = [value >> 48, value >> 32, value >> 16].map(|level| level & 0xff);

        for to in 0..self.config.vcpus {
            // Affinities are 0.0.0.n.
            let named = if others {
                to != from
            } else {
                upper == [0, 0, 0] && value >> to & 1 == 1
            };
            let id = Id::Private(to, intid);
            let listed = self.listed(id).is_some();
            let irq = self.irq_mut(id);

            if named && (register == SgiRegister::Sgi1r || !irq.group1) {
                irq.pend(0, listed);
            }
        }
    }

    /// The vCPU waits: it sleeps if that is what was said.
    fn wait(&mut self, vcpu: u32, outcome: &Outcome) -> Verdict {
        let awake = outcome.value == Some(1);
        let mask = self.cpus[vcpu as usize].mask;
        let must = self.ids(vcpu).any(|id| {
            let doubtful = self.its.is_in_doubt(self.irq(id));

            self.wakes(vcpu, id) && !doubtful && !self.is_on_its_way(id)
        });
        let may = self.ids(vcpu).any(|id| {
            let irq = self.irq(id);

            irq.may_be_pending_at_all() && irq.priority < mask && irq.active.is_none()
                || self.its.is_in_doubt(irq)
        });

        demand!(awake || !must, "sleeps with an interrupt pending");
        demand!(!awake || (may && self.forwarding), "is awake for nothing");
        self.cpus[vcpu as usize].kicked = false;
        self.cpus[vcpu as usize].asleep = !awake;
        Ok(())
    }

    /// Whether an interrupt must wake a vCPU.
    pub(crate) fn wakes(&self, vcpu: u32, id: Id) -> bool {
        let cpu = &self.cpus[vcpu as usize];
        let irq = self.irq(id);

        self.is_deliverable(vcpu, id) && irq.priority < cpu.mask && cpu.enables(irq.group1)
    }
}

/// Whether a guest does it, so that KVM has to do it for the guest.
fn is_of_guest(event: Event) -> bool {
    matches!(
        event,
        Event::Read(_)
            | Event::Write(..)
            | Event::Sgi(..)
            | Event::Command(_)
            | Event::Take
            | Event::Finish
            | Event::Wait
            | Event::Groups(..)
            | Event::Mask(_)
            | Event::Separate(_)
    )
}

fn word_at(frame: Frame, offset: u32) -> crate::event::Access {
    crate::event::Access {
        frame,
        offset,
        bytes: 4,
    }
}
