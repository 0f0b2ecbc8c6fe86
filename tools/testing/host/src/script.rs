// SPDX-License-Identifier: GPL-2.0

//! Scripts: the same events for the model of the GIC and for a [`Vm`] made of our modules.

use crate::{
    gic::{frame::Who, list_register::Intid},
    vm::Vm,
};
use gic_model::{parse, Config, Event, Line, Model, Outcome, Taken};
use std::{fmt::Write, panic::catch_unwind};

/// A script, as it runs.
pub(crate) struct Run {
    model: Model,
    vm: Vm,
    /// What has happened, if that is to be written down.
    log: Option<Vec<Line>>,
    /// How many events there were.
    pub(crate) events: u64,
}

impl Run {
    pub(crate) fn new(config: Config, logs: bool) -> Self {
        Self {
            model: Model::new(config),
            vm: Vm::new(config),
            log: logs.then(Vec::new),
            events: 0,
        }
    }

    /// One event, if it is one that something can be said of.
    ///
    /// # Errors
    ///
    /// What the model says against it.
    pub(crate) fn step(&mut self, vcpu: u32, event: Event) -> Result<(), String> {
        let Some(event) = self.model.tame(vcpu, event) else {
            return Ok(());
        };

        for v in self.model.stopped_by(vcpu, event) {
            self.happen(v, Event::Exit)?;
        }
        self.happen(vcpu, event)
    }

    /// What was written down.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.log.iter().flatten()
    }

    fn happen(&mut self, vcpu: u32, event: Event) -> Result<(), String> {
        self.events += 1;
        let outcome = self.execute(vcpu, event);

        if let Some(log) = &mut self.log {
            log.push(Line {
                vcpu,
                event,
                outcome: outcome.as_ref().ok().cloned(),
            });
        }
        self.model.observe(vcpu, event, &outcome?)
    }

    /// A vCPU enters its guest, does something there, and leaves it. The model sees what it enters
    /// with in another copy of itself.
    fn visit<T>(
        &mut self,
        vcpu: u32,
        act: impl FnOnce(&mut Model) -> Result<T, String>,
    ) -> Result<T, String> {
        let (zero, one, ..) = self.model.interface(vcpu);
        let mut seen = self.model.clone();
        let outcome = Outcome {
            entry: Some(self.vm.enter(vcpu, (zero, one))),
            ..Outcome::default()
        };

        seen.observe(vcpu, Event::Enter, &outcome)?;
        let done = act(&mut seen)?;

        if let Some((lrs, counted)) = seen.left(vcpu) {
            self.vm.leave(vcpu, (zero, one), &lrs, counted);
        }
        Ok(done)
    }

    /// What our modules make of it.
    fn execute(&mut self, vcpu: u32, event: Event) -> Result<Outcome, String> {
        let mut outcome = Outcome::default();
        let vm = &mut self.vm;

        match event {
            Event::Read(at) => {
                outcome.value = Some(vm.read(Who::Guest, vcpu, at.frame, at.offset, at.bytes));
            }
            Event::Write(at, value) => {
                vm.write(Who::Guest, vcpu, (at.frame, at.offset, at.bytes), value);
            }
            Event::UserRead(frame, offset) => {
                outcome.value = Some(vm.read(Who::User, vcpu, frame, offset, 4));
            }
            Event::UserWrite(frame, offset, value) => {
                vm.write(Who::User, vcpu, (frame, offset, 4), value.into());
            }
            Event::ReadLevels(first) => outcome.value = vm.levels(vcpu, first).map(u64::from),
            Event::WriteLevels(first, value) => vm.set_levels(vcpu, first, value),
            Event::Line(intid, high) => vm.line(vcpu, intid, high),
            Event::Sgi(register, value) => vm.send(vcpu, register, value),
            Event::Groups(..) | Event::Mask(_) | Event::Separate(_) | Event::End => (),
            Event::Enter => {
                let (zero, one, ..) = self.model.interface(vcpu);

                outcome.entry = Some(vm.enter(vcpu, (zero, one)));
            }
            Event::Exit => {
                let (zero, one, ..) = self.model.interface(vcpu);

                if let Some((lrs, counted)) = self.model.left(vcpu) {
                    vm.leave(vcpu, (zero, one), &lrs, counted);
                }
            }
            Event::Acknowledge => outcome.value = self.model.next_acknowledged(vcpu).map(u64::from),
            Event::Take => {
                outcome.value = self.visit(vcpu, |model| {
                    let taken = model.next_taken(vcpu).map(|taken| Taken {
                        priority: Model::priority(taken.priority),
                        ..taken
                    });
                    let outcome = Outcome {
                        value: taken.map(|taken| taken.intid.into()),
                        ..Outcome::default()
                    };

                    model.observe(vcpu, Event::Acknowledge, &outcome)?;
                    Ok(taken.map(Taken::value))
                })?;
            }
            Event::Finish => self.visit(vcpu, |model| {
                model.observe(vcpu, Event::End, &Outcome::default())
            })?,
            Event::Deactivate(intid) => {
                // If it was not for the hardware.
                if !self.model.in_guest(vcpu) {
                    let sender = self.model.dropped_sender(vcpu, intid);

                    vm.deactivate(vcpu, Intid(intid), sender);
                }
            }
            Event::Wait => {
                let (_, _, mask, _) = self.model.interface(vcpu);

                vm.prune(vcpu);
                outcome.value = Some(vm.is_pending(vcpu, mask).into());
            }
            Event::Migrate => vm.migrate()?,
            Event::Configure(lpi, byte) => vm.its.memory.configure(lpi, byte),
            Event::Command(words) => vm.command(words),
            Event::Message(device, event) => {
                outcome.value = Some(vm.message(device, event).into());
            }
            Event::Translate(device, event) => {
                outcome.value = Some(vm.take_off(device, event).into());
            }
            Event::Arrive => vm.arrive(),
        }
        outcome.kicks = self.vm.take_kicks();
        Ok(outcome)
    }
}

/// Runs a script, and has every vCPU enter once more in the end: how many events that were.
///
/// # Errors
///
/// What is wrong, below the script.
pub(crate) fn run(config: Config, events: &[(u32, Event)]) -> Result<u64, String> {
    let mut run = Run::new(config, false);

    match all(&mut run, events) {
        Ok(()) => Ok(run.events),
        Err(_) => {
            let mut again = Run::new(config, true);
            let error = all(&mut again, events).expect_err("the same again");

            Err(written(config, &again, &error))
        }
    }
}

fn all(run: &mut Run, events: &[(u32, Event)]) -> Result<(), String> {
    for (vcpu, event) in events {
        run.step(*vcpu, *event)?;
    }
    for vcpu in 0..run.vm.config.vcpus {
        run.step(vcpu, Event::Exit)?;
        run.step(vcpu, Event::Enter)?;
    }
    Ok(())
}

fn written(config: Config, run: &Run, error: &str) -> String {
    text(config, run) + "# " + error + "\n"
}

/// What has happened, as text.
fn text(config: Config, run: &Run) -> String {
    let mut text = format!("{config}\n");

    for (seq, line) in run.lines().enumerate() {
        writeln!(text, "{seq} {line}").expect("memory");
    }
    text
}

/// Runs a script: what has happened, as text.
///
/// # Errors
///
/// What is wrong, below the script.
pub(crate) fn trace(config: Config, events: &[(u32, Event)]) -> Result<String, String> {
    let mut run = Run::new(config, true);

    for (vcpu, event) in events {
        if let Err(error) = run.step(*vcpu, *event) {
            return Err(written(config, &run, &error));
        }
    }
    Ok(text(config, &run))
}

/// A script that fails without what it fails without as well, and why it does.
pub(crate) fn shorten(config: Config, mut events: Vec<(u32, Event)>) -> String {
    let mut why = String::new();

    for at in (0..=events.len()).rev() {
        let mut fewer = events.clone();

        // First of all as it is.
        if at < events.len() {
            fewer.remove(at);
        }
        match catch_unwind(|| run(config, &fewer)) {
            Ok(Ok(_)) => continue,
            Ok(Err(text)) => why = text,
            Err(_) => why = unheard(config, &fewer),
        }
        events = fewer;
    }
    why
}

/// A script that our modules, or the model, did not survive.
fn unheard(config: Config, events: &[(u32, Event)]) -> String {
    let mut text = format!("{config}\n");

    for (seq, (vcpu, event)) in events.iter().enumerate() {
        writeln!(text, "{seq} {vcpu} {event}").expect("memory");
    }
    text + "# panics\n"
}

/// What a script as text says: the configuration, and the events.
///
/// # Errors
///
/// A line that is neither.
pub(crate) fn read(text: &str) -> Result<(Config, Vec<(u32, Event)>), String> {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let config = Config::parse(first).ok_or("no configuration")?;
    let mut events = Vec::new();

    for line in rest.lines() {
        events.extend(parse(line)?.map(|line| (line.vcpu, line.event)));
    }
    Ok((config, events))
}
