// SPDX-License-Identifier: GPL-2.0

//! Random scripts. Few interrupts, so that much happens to each.

use gic_model::{Access, Config, Event, Frame, LrFormat, SgiRegister};
use proptest::{collection::vec, prelude::*, sample::select};

/// The interrupts that there is most about.
const INTIDS: [u32; 12] = [0, 1, 7, 16, 27, 31, 32, 33, 34, 35, 62, 63];
const IRQS: u32 = 64;
pub(crate) const LPIS: u32 = 6;
const VCPUS: u32 = 3;

/// A script.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) config: Config,
    pub(crate) events: Vec<(u32, Event)>,
}

/// What a script is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    V3,
    V2,
    Its,
}

/// Banks: offset, bits.
const BANKS: [(u32, u32); 9] = [
    (0x080, 1),
    (0x100, 1),
    (0x180, 1),
    (0x200, 1),
    (0x280, 1),
    (0x300, 1),
    (0x380, 1),
    (0x400, 8),
    (0xc00, 2),
];

fn gicr_or_gicd(v2: bool, intid: u32, of: u32, offset: u32) -> (Frame, u32) {
    if v2 || intid >= 32 {
        (Frame::Gicd, offset)
    } else {
        (Frame::Gicr(of), 0x1_0000 + offset)
    }
}

/// The word of a bank with an interrupt's field, and a value that says something about it, and
/// sometimes of its neighbours.
fn bank(v2: bool) -> impl Strategy<Value = (Access, u64)> {
    let others = prop_oneof![4 => Just(0_u64), 1 => any::<u64>()];

    (
        select(&BANKS[..]),
        select(&INTIDS[..]),
        0..VCPUS,
        any::<u8>(),
        others,
    )
        .prop_map(move |((start, bits), intid, of, value, others)| {
            let at = intid * bits / 32 * 4;
            let shift = intid * bits % 32;
            // Of one bit each: mostly ones.
            let field = match bits {
                1 => u64::from(value % 8 != 0),
                2 => u64::from(value & 2),
                _ => u64::from(value),
            };
            let (frame, offset) = gicr_or_gicd(v2, intid, of, start + at);
            let access = Access {
                frame,
                offset,
                bytes: 4,
            };

            (
                access,
                others & 0xffff_ffff & !(0xff << shift) | field << shift,
            )
        })
}

/// Any place, any width.
fn anywhere(v2: bool) -> impl Strategy<Value = Access> {
    let offset = prop_oneof![
        3 => 0_u32..0x1000,
        1 => (0_u32..0x4000).prop_map(|n| n * 4),
    ];
    let offset = (offset, any::<bool>()).prop_map(|(at, align)| if align { at & !3 } else { at });

    (
        offset,
        select(&[1_u32, 2, 4, 4, 4, 8][..]),
        0..VCPUS,
        any::<bool>(),
    )
        .prop_map(move |(offset, bytes, of, shared)| {
            let (frame, offset) = gicr_or_gicd(v2, if shared { 32 } else { 0 }, of, offset);
            let offset = if v2 { offset % 0x1000 } else { offset };

            Access {
                frame,
                offset,
                bytes,
            }
        })
}

/// A byte of a priority or, of a GICv2, of targets.
fn byte_write(v2: bool) -> impl Strategy<Value = Event> {
    (select(&INTIDS[..]), 0..VCPUS, any::<u8>(), any::<bool>()).prop_map(
        move |(intid, of, value, targets)| {
            let start = if v2 && targets { 0x800 } else { 0x400 };
            let (frame, offset) = gicr_or_gicd(v2, intid, of, start + intid);

            Event::Write(
                Access {
                    frame,
                    offset,
                    bytes: 1,
                },
                value.into(),
            )
        },
    )
}

/// Where SPIs go, and SGIs come from; whether there is forwarding.
fn special(v2: bool) -> BoxedStrategy<Event> {
    let gicd = |offset, bytes| Access {
        frame: Frame::Gicd,
        offset,
        bytes,
    };
    let control = proptest::bool::weighted(0.8)
        .prop_map(move |on| Event::Write(gicd(0, 4), if on { 3 } else { 0 }));
    let spi = || select(&INTIDS[6..]);

    if v2 {
        let sgir = (0_u64..4, any::<u8>(), 0_u64..3)
            .prop_map(|(filter, list, intid)| filter << 24 | u64::from(list) << 16 | intid);
        let senders = (any::<bool>(), 0_u32..2, any::<u8>()).prop_map(move |(set, intid, list)| {
            let start = if set { 0xf20 } else { 0xf10 };

            Event::Write(gicd(start + intid, 1), u64::from(list & 7))
        });

        prop_oneof![
            1 => control,
            4 => sgir.prop_map(move |value| Event::Write(gicd(0xf00, 4), value)),
            1 => senders,
        ]
        .boxed()
    } else {
        let wide = prop_oneof![Just(4_u32), Just(8)];
        let route = (spi(), wide, 0_u64..5, 0_u64..10).prop_map(move |(intid, bytes, to, odd)| {
            let value = if odd == 0 { to << 8 } else { to };

            Event::Write(gicd(0x6000 + intid * 8, bytes), value)
        });
        let registers = [
            SgiRegister::Sgi1r,
            SgiRegister::Sgi1r,
            SgiRegister::Asgi1r,
            SgiRegister::Sgi0r,
        ];
        let sgi = (select(registers.to_vec()), 0_u64..8, 0_u64..2, 0_u64..20).prop_map(
            |(register, list, intid, odd)| {
                let more = match odd {
                    0 => 1 << 16,
                    1 => 1 << 48,
                    2 => 1 << 32,
                    3..6 => 1 << 40,
                    _ => 0,
                };

                Event::Sgi(register, list | intid << 24 | more)
            },
        );

        prop_oneof![1 => control, 2 => route, 4 => sgi].boxed()
    }
}

fn user(v2: bool) -> impl Strategy<Value = Event> {
    let levels = select(&[0_u32, 32, 64][..]);

    prop_oneof![
        2 => bank(v2).prop_map(|(at, _)| Event::UserRead(at.frame, at.offset)),
        2 => bank(v2).prop_map(|(at, value)| Event::UserWrite(at.frame, at.offset, value as u32)),
        1 => levels.clone().prop_map(Event::ReadLevels),
        1 => (levels, any::<u32>()).prop_map(|(first, value)| Event::WriteLevels(first, value)),
        2 => Just(Event::Migrate),
    ]
}

/// What guests do with their CPU interfaces.
fn life() -> impl Strategy<Value = Event> {
    let on = any::<bool>;

    prop_oneof![
        10 => Just(Event::Enter),
        4 => Just(Event::Exit),
        10 => Just(Event::Acknowledge),
        7 => Just(Event::End),
        4 => select(&INTIDS[..]).prop_map(Event::Deactivate),
        2 => Just(Event::Wait),
        1 => Just(Event::Take),
        1 => Just(Event::Finish),
        1 => (on(), on()).prop_map(|(zero, one)| Event::Groups(zero, one)),
        1 => prop_oneof![Just(0xf8_u8), any::<u8>().prop_map(|mask| mask & 0xf8)].prop_map(Event::Mask),
        1 => on().prop_map(Event::Separate),
    ]
}

/// Commands, messages, properties, EnableLPIs.
fn its() -> impl Strategy<Value = Event> {
    let device = || prop_oneof![9 => 0_u64..2, 1 => select(vec![8190_u64, 8192, 0x1_0000])];
    let event = || prop_oneof![9 => 0_u64..4, 1 => 8192_u64..8194, 1 => Just(0x1_0000_u64)];
    let icid = || 0_u64..3;
    let lpi = || prop_oneof![12 => 8192_u64..8192 + u64::from(LPIS), 1 => Just(8191_u64), 1 => Just(0xffff)];
    let vcpu = || prop_oneof![12 => 0_u64..u64::from(VCPUS), 1 => Just(0xffff_u64)];
    let valid = || proptest::bool::weighted(0.8).prop_map(|on| u64::from(on) << 63);
    let command = prop_oneof![
        2 => (device(), prop_oneof![3 => Just(3_u64), 1 => Just(13), 1 => 0_u64..20], valid())
            .prop_map(|(d, size, v)| [0x08 | d << 32, size, v | itt(d), 0]),
        3 => (icid(), vcpu(), valid()).prop_map(|(c, to, v)| [0x09, 0, v | to << 16 | c, 0]),
        4 => (device(), event(), lpi(), icid())
            .prop_map(|(d, e, lpi, c)| [0x0a | d << 32, e | lpi << 32, c, 0]),
        1 => (device(), event(), icid()).prop_map(|(d, e, c)| [0x0b | d << 32, e, c, 0]),
        2 => (device(), event(), icid()).prop_map(|(d, e, c)| [0x01 | d << 32, e, c, 0]),
        3 => (device(), event()).prop_map(|(d, e)| [0x03 | d << 32, e, 0, 0]),
        1 => (device(), event()).prop_map(|(d, e)| [0x04 | d << 32, e, 0, 0]),
        2 => (device(), event()).prop_map(|(d, e)| [0x0c | d << 32, e, 0, 0]),
        2 => icid().prop_map(|c| [0x0d, 0, c, 0]),
        1 => (vcpu(), vcpu()).prop_map(|(from, to)| [0x0e, 0, from << 16, to << 16]),
        2 => (device(), event()).prop_map(|(d, e)| [0x0f | d << 32, e, 0, 0]),
        1 => any::<[u64; 4]>().prop_map(|words| [words[0] & !0xff | 0x05, words[1], words[2], words[3]]),
    ];
    let switch = (0..VCPUS, proptest::bool::weighted(0.8)).prop_map(|(of, on)| {
        let at = Access {
            frame: Frame::Gicr(of),
            offset: 0,
            bytes: 4,
        };

        Event::Write(at, on.into())
    });

    prop_oneof![
        8 => command.prop_map(Event::Command),
        5 => (0_u32..2, 0_u32..4).prop_map(|(device, event)| Event::Message(device, event)),
        1 => Just(Event::Migrate),
        2 => (0_u32..2, 0_u32..4).prop_map(|(device, event)| Event::Translate(device, event)),
        2 => Just(Event::Arrive),
        2 => (0..LPIS, any::<u8>(), proptest::bool::weighted(0.8))
            .prop_map(|(lpi, byte, on)| Event::Configure(lpi, byte & 0xfc | u8::from(on))),
        1 => switch,
    ]
}

/// Where the table of a device's events is.
fn itt(device: u64) -> u64 {
    0x8000_0000 + device * 0x10_0000
}

fn event(about: About) -> BoxedStrategy<Event> {
    let v2 = about == About::V2;
    let lines = (select(&INTIDS[3..]), proptest::bool::weighted(0.7))
        .prop_map(|(intid, high)| Event::Line(intid, high));
    let banks = bank(v2);
    let writes = banks.prop_map(|(at, value)| Event::Write(at, value));
    let reads = bank(v2).prop_map(|(at, _)| Event::Read(at));
    let any_read = anywhere(v2).prop_map(Event::Read);

    match about {
        About::V2 | About::V3 => prop_oneof![
            14 => life(),
            6 => lines,
            6 => writes,
            3 => reads,
            1 => any_read,
            1 => byte_write(v2),
            5 => special(v2),
            3 => user(v2),
        ]
        .boxed(),
        About::Its => prop_oneof![14 => life(), 2 => lines, 2 => special(v2), 12 => its()].boxed(),
    }
}

/// With all enabled and forwarded, and an ITS with everything mapped.
fn beginning(about: About) -> Vec<(u32, Event)> {
    let write = |frame, offset, value| {
        let at = Access {
            frame,
            offset,
            bytes: 4,
        };

        (0, Event::Write(at, value))
    };
    let mut all = vec![
        write(Frame::Gicd, 0, 3),
        write(Frame::Gicd, 0x104, 0xffff_ffff),
    ];

    for v in 0..VCPUS {
        all.push(match about {
            About::V2 => {
                let (_, event) = write(Frame::Gicd, 0x100, 0xffff_ffff);

                (v, event)
            }
            _ => write(Frame::Gicr(v), 0x1_0100, 0xffff_ffff),
        });
    }
    if about == About::Its {
        all.extend((0..LPIS).map(|lpi| (0, Event::Configure(lpi, 1))));
        all.extend((0..VCPUS).map(|v| write(Frame::Gicr(v), 0, 1)));
        all.extend((0..2).map(|d| {
            (
                0,
                Event::Command([0x08 | d << 32, 13 - 10 * d, 1 << 63 | itt(d), 0]),
            )
        }));
        all.extend((0..3).map(|c| (0, Event::Command([0x09, 0, 1 << 63 | c << 16 | c, 0]))));
        all.extend((0..4).map(|n| (0, Event::Command([0x0a, n | (8192 + n) << 32, n % 3, 0]))));
    }
    all
}

/// A message that is on its way while its event is unmapped, and mapped again.
fn late() -> impl Strategy<Value = Vec<Event>> {
    (0_u64..4, 0_u64..3, any::<bool>()).prop_map(|(event, icid, mapped_again)| {
        let mut all = vec![
            Event::Translate(0, event as u32),
            Event::Command([0x0f, event, 0, 0]),
        ];

        if mapped_again {
            all.push(Event::Command([
                0x0a,
                event | (8192 + event) << 32,
                icid,
                0,
            ]));
        }
        all.push(Event::Arrive);
        all
    })
}

/// An SPI that is in a list register of one vCPU while another has it go elsewhere. With each event how
/// many vCPUs further it is.
fn moved(v2: bool) -> impl Strategy<Value = Vec<(u32, Event)>> {
    (select(&INTIDS[6..]), 0_u64..3, 0_u64..3).prop_map(move |(intid, from, to)| {
        let route = |to: u64| {
            let (offset, bytes, value) = if v2 {
                (0x800 + intid, 1, 1 << to)
            } else {
                (0x6000 + intid * 8, 8, to)
            };
            let at = Access {
                frame: Frame::Gicd,
                offset,
                bytes,
            };

            Event::Write(at, value)
        };

        vec![
            (0, route(from)),
            (0, Event::Line(intid, true)),
            (0, Event::Enter),
            (1, route(to)),
            (0, Event::Exit),
            (1, Event::Enter),
            (2, Event::Enter),
        ]
    })
}

/// Any script. `length`: how much happens in it.
pub(crate) fn script(
    about: About,
    length: std::ops::Range<usize>,
) -> impl Strategy<Value = Script> {
    let late_ones = u32::from(about == About::Its);
    let several = prop_oneof![
        40 => event(about).prop_map(|event| vec![(0, event)]),
        late_ones => late().prop_map(|all| all.into_iter().map(|event| (0, event)).collect()),
        1 => moved(about == About::V2),
    ];
    let events = vec((0..VCPUS, several), length);

    (
        1_u32..=VCPUS,
        1_u32..5,
        any::<bool>(),
        any::<bool>(),
        events,
    )
        .prop_map(move |(vcpus, lrs, v2_host, begins, random)| {
            let v2 = about == About::V2;
            let config = Config {
                v2,
                format: if v2 && v2_host {
                    LrFormat::V2
                } else {
                    LrFormat::V3
                },
                lrs,
                vcpus,
                irqs: IRQS,
                lpis: if about == About::Its { LPIS } else { 0 },
            };
            let mut events = if begins { beginning(about) } else { Vec::new() };

            for (vcpu, several) in random {
                let later = several.into_iter();

                events.extend(later.map(|(further, event)| (vcpu + further, event)));
            }
            for (vcpu, _) in &mut events {
                *vcpu %= vcpus;
            }
            events.retain(|(_, event)| is_of(config, *event));
            Script { config, events }
        })
}

/// Whether there is what the event is of.
fn is_of(config: Config, event: Event) -> bool {
    let frame = match event {
        Event::Read(at) | Event::Write(at, _) => at.frame,
        Event::UserRead(frame, _) | Event::UserWrite(frame, ..) => frame,
        _ => return true,
    };

    match frame {
        Frame::Gicd => true,
        Frame::Gicr(of) => !config.v2 && of < config.vcpus,
    }
}
