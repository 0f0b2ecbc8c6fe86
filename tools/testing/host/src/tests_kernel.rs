// SPDX-License-Identifier: GPL-2.0

//! Scripts for running kernels (`vgic_script` of the selftests), whose traces the model judges: of
//! their guests nothing is seen but what they acknowledge and read. Here our modules run them first:
//! what happens is what says which event is unpredictable.
//!
//! `GIC_KERNEL_SCRIPTS`: the file to write them to. `GIC_KERNEL_EVENTS`: about how many events.

use crate::{
    edges::config,
    script::trace,
    script_events::{script, About, Script},
};
use gic_model::{judge, Access, Config, Event, Frame, LrFormat};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use std::fs;

const EVENTS: u64 = 20_000;
/// Of a script, before what is unpredictable is taken out: a VM costs more than many events.
const LENGTH: std::ops::Range<usize> = 500..1500;
/// List registers of the CPUs that QEMU has.
const LRS: u32 = 4;
/// PPIs that the timers drive: they are mapped to physical ones, of which the model knows nothing.
const TIMERS: u32 = 1 << 27 | 1 << 30;

/// The event as somebody can do it who has a kernel to run guests with; if he can. `rare`: it may be
/// one after which little happens.
fn with_a_kernel(event: Event, rare: bool) -> Option<Event> {
    let aligned = |at: Access| at.offset % at.bytes == 0;

    match event {
        Event::Enter | Event::Acknowledge => Some(Event::Take),
        Event::Exit | Event::End => Some(Event::Finish),
        Event::Translate(device, event) => Some(Event::Message(device, event)),
        Event::Arrive | Event::Wait | Event::Migrate => None,
        // The last would stop a guest in QEMU (vgic_script.c).
        Event::Groups(zero, one) => (rare || one).then_some(Event::Groups(zero && one, one)),
        Event::Mask(mask) => Some(Event::Mask(if rare { mask } else { 0xf8 })),
        Event::Line(intid, _) if intid < 32 => (TIMERS >> intid & 1 == 0).then_some(event),
        Event::Read(at) => aligned(at).then_some(event),
        Event::Write(at, value) => {
            let in_bank = |bank: u32| at.offset & 0xff80 == bank;
            let sleepy = value == 0 && at.offset == 0 || in_bank(0x180) || in_bank(0x300);
            let value = value & !u64::from(timers(at.frame, at.offset));

            (aligned(at) && (rare || !sleepy)).then_some(Event::Write(at, value))
        }
        Event::UserWrite(frame, offset, value) => Some(Event::UserWrite(
            frame,
            offset,
            value & !timers(frame, offset),
        )),
        Event::WriteLevels(0, lines) => Some(Event::WriteLevels(0, lines & !TIMERS)),
        _ => Some(event),
    }
}

/// The bits of the timers' PPIs in a register with one bit for each.
fn timers(frame: Frame, offset: u32) -> u32 {
    let private = matches!(frame, Frame::Gicr(_)) && (0x1_0080..0x1_0400).contains(&offset);

    if private {
        TIMERS
    } else {
        0
    }
}

/// What a guest does between its interrupts: it takes one, and sometimes ends one.
fn with_life(n: usize, vcpu: u32, event: Event) -> Vec<(u32, Event)> {
    let mut all = vec![(vcpu, event)];

    if !matches!(event, Event::Take | Event::Finish) {
        all.push((
            vcpu,
            if n % 3 == 0 {
                Event::Finish
            } else {
                Event::Take
            },
        ));
    }
    all
}

fn for_a_kernel(script: Script) -> Script {
    let of = script.events.into_iter().enumerate();
    let possible =
        of.filter_map(|(n, (vcpu, event))| Some((n, vcpu, with_a_kernel(event, n % 8 == 0)?)));

    Script {
        config: Config {
            lrs: LRS,
            format: LrFormat::V3,
            ..script.config
        },
        events: possible
            .flat_map(|(n, vcpu, event)| with_life(n, vcpu, event))
            .collect(),
    }
}

/// So many events, as our modules have them happen.
fn traces(about: About, wanted: u64) -> String {
    let mut runner = TestRunner::new(config(1));
    let mut all = String::new();
    let mut events = 0;

    while events < wanted {
        let tree = script(about, LENGTH)
            .prop_map(for_a_kernel)
            .new_tree(&mut runner)
            .expect("a script");
        let Script { config, events: of } = tree.current();
        let text = trace(config, &of).unwrap_or_else(|text| panic!("{text}"));
        let judged = judge(&text).unwrap_or_else(|error| panic!("{error} in:\n{text}"));

        assert_eq!(judged.open, 0);
        events += judged.events;
        all += &text;
    }
    all
}

#[test]
fn scripts_for_kernels() {
    let wanted = match std::env::var("GIC_KERNEL_EVENTS") {
        Ok(number) => number.parse().expect("a number"),
        Err(_) => EVENTS,
    };
    let all = traces(About::V3, wanted / 2) + &traces(About::Its, wanted / 2);

    if let Some(path) = std::env::var_os("GIC_KERNEL_SCRIPTS") {
        fs::write(path, all).expect("scripts to write");
    }
}
