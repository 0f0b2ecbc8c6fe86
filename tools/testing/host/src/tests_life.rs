// SPDX-License-Identifier: GPL-2.0

//! The whole life of interrupts: anything that devices, registers, the VMM and guests can do, in
//! any order, on two vCPUs with few list registers. After each step, and at each entry and exit,
//! the machine checks what the architecture demands; at the end nothing may be left over.

use crate::{
    edges::config,
    gic::{
        lpi::Properties,
        priority::Group,
        transition::{Physical, Writer::Guest},
        word::{IrqWord, Kind, Life, Trigger},
    },
    irq_machine::Machine,
    irq_model::{source, vcpu},
};
use proptest::prelude::*;

const VCPUS: u32 = 2;

/// One thing that happens. Numbers are cut down to those of interrupts and vCPUs there are.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// `MAPTI`: to a vCPU, with properties, pending. Nothing if it is mapped.
    Map(usize, Option<u32>, u8, bool),
    /// `DISCARD`.
    Unmap(usize),
    /// A message that was translated so many lives ago.
    Late(usize, u32),
    MoveAll(u32, u32),
    /// `GICR_CTLR.EnableLPIs` is cleared: with all vCPUs stopped, or not.
    Retire(u32, bool),
    /// A device's line, or an edge, or a message.
    Line(usize, bool),
    Sgi(usize, u32),
    Enable(usize),
    Disable(usize),
    SetPending(usize),
    ClearPending(usize),
    SetActive(usize),
    ClearActive(usize),
    Retarget(usize, Option<u32>),
    Prioritize(usize, u8),
    Configure(usize, bool),
    Group(u32, bool, bool),
    Forward(bool),
    Enter(u32),
    Exit(u32),
    Prune(u32),
    Sleep(u32),
    Power(u32, bool),
    /// The guest acknowledges; true: and its handler makes the device lower the line.
    Acknowledge(u32, bool),
    End(u32),
    Deactivate(u32, u32, usize),
    /// The hardware's call comes late.
    LateCall(u32),
}

fn op() -> impl Strategy<Value = Op> {
    let irq = || any::<usize>();
    let v = || 0..VCPUS;
    let on = || any::<bool>();

    prop_oneof![
        6 => (irq(), on()).prop_map(|(i, on)| Op::Line(i, on)),
        4 => (irq(), 0u32..8).prop_map(|(i, s)| Op::Sgi(i, s)),
        2 => irq().prop_map(Op::Enable),
        1 => irq().prop_map(Op::Disable),
        1 => irq().prop_map(Op::SetPending),
        1 => irq().prop_map(Op::ClearPending),
        1 => irq().prop_map(Op::SetActive),
        1 => irq().prop_map(Op::ClearActive),
        2 => (irq(), proptest::option::weighted(0.9, v())).prop_map(|(i, t)| Op::Retarget(i, t)),
        1 => (irq(), any::<u8>()).prop_map(|(i, p)| Op::Prioritize(i, p)),
        1 => (irq(), on()).prop_map(|(i, edge)| Op::Configure(i, edge)),
        1 => (v(), on(), on()).prop_map(|(v, zero, one)| Op::Group(v, zero, one)),
        1 => proptest::bool::weighted(0.7).prop_map(Op::Forward),
        8 => v().prop_map(Op::Enter),
        3 => v().prop_map(Op::Exit),
        1 => v().prop_map(Op::Prune),
        2 => v().prop_map(Op::Sleep),
        1 => (v(), on()).prop_map(|(v, on)| Op::Power(v, on)),
        8 => (v(), on()).prop_map(|(v, lower)| Op::Acknowledge(v, lower)),
        6 => v().prop_map(Op::End),
        5 => (v(), v(), irq()).prop_map(|(v, of, n)| Op::Deactivate(v, of, n)),
        2 => v().prop_map(Op::LateCall),
        2 => (irq(), proptest::option::weighted(0.9, v()), any::<u8>(), on())
            .prop_map(|(i, to, byte, on)| Op::Map(i, to, byte, on)),
        2 => irq().prop_map(Op::Unmap),
        2 => (irq(), 0u32..3).prop_map(|(i, ago)| Op::Late(i, ago)),
        1 => (v(), v()).prop_map(|(from, to)| Op::MoveAll(from, to)),
        1 => (v(), on()).prop_map(|(v, stopped)| Op::Retire(v, stopped)),
    ]
}

#[derive(Clone, Copy, Debug)]
struct Setup {
    v2_guest: bool,
    hardware_v2: bool,
    separate: bool,
    registers: u32,
    /// All is enabled from the start.
    enabled: bool,
    priorities: [u8; 8],
}

fn setup() -> impl Strategy<Value = Setup> {
    (any::<[bool; 4]>(), 1u32..5, any::<[u8; 8]>()).prop_map(
        |([v2_guest, hardware_v2, separate, enabled], registers, priorities)| Setup {
            v2_guest,
            hardware_v2: v2_guest && hardware_v2,
            separate,
            registers,
            enabled,
            priorities,
        },
    )
}

fn machine(setup: Setup) -> Machine {
    let mut m = Machine::new(VCPUS, setup.registers, setup.hardware_v2, setup.separate);

    for v in 0..VCPUS {
        for intid in 0..2 {
            let kind = if setup.v2_guest {
                Kind::SourcedSgi(source(v))
            } else {
                Kind::Sgi
            };
            m.add(kind, intid, v, intid == 0);
        }
        m.add(Kind::Ppi, 23, v, true);
        for by_software in [false, true] {
            let spec = m.add(Kind::Ppi, 26 + u32::from(by_software), v, true);
            (spec.mapped, spec.by_software) = (true, by_software);
            let word = &mut m.irqs.last_mut().unwrap().1;
            *word = word.map(by_software);
        }
    }
    for intid in 32..37 {
        m.add(Kind::Spi, intid, 0, intid != 33);
    }
    if !setup.v2_guest {
        for (intid, target) in [(8192, 0), (8193, 1), (8194, 0)] {
            m.add(Kind::Lpi, intid, target, true);

            let word = &mut m.irqs.last_mut().unwrap().1;
            *word = IrqWord::UNMAPPED
                .map_lpi(Some(vcpu(target)), Properties::of(0), false)
                .0;
        }
    }
    for irq in 0..m.irqs.len() {
        prioritize(&mut m, irq, setup.priorities[irq % 8]);
        if setup.enabled {
            enable(&mut m, irq);
        }
    }
    m
}

fn enable(m: &mut Machine, irq: usize) {
    let level = m.irqs[irq].0.physical_level;

    if is_lpi(m, irq) {
        return set_properties(m, irq, m.irqs[irq].0.priority | 1);
    }
    m.irqs[irq].0.enabled = true;
    m.update(irq, |word| word.enable(Guest, || level));
}

fn is_lpi(m: &Machine, irq: usize) -> bool {
    m.irqs[irq].0.kind == Kind::Lpi
}

/// A byte of the LPI configuration table, and INV.
fn set_properties(m: &mut Machine, irq: usize, byte: u8) {
    let spec = &mut m.irqs[irq].0;

    if spec.alive {
        (spec.enabled, spec.priority) = (byte % 2 == 1, byte & 0xfc);
    }
    m.update(irq, |word| word.configure_lpi(Properties::of(byte)));
}

/// The LPIs, one of which is chosen.
fn lpi(m: &Machine, which: usize) -> Option<usize> {
    let lpis: Vec<_> = (0..m.irqs.len()).filter(|irq| is_lpi(m, *irq)).collect();

    lpis.get(which % lpis.len().max(1)).copied()
}

fn map(m: &mut Machine, irq: usize, target: Option<u32>, byte: u8, pending: bool) {
    let was_alive = m.irqs[irq].0.alive;
    let (word, mapped) = m.irqs[irq]
        .1
        .map_lpi(target.map(vcpu), Properties::of(byte), pending);

    assert_eq!(mapped.is_none(), was_alive);
    let Some((life, action)) = mapped else {
        assert_eq!(word, m.irqs[irq].1);
        return;
    };
    assert_eq!(life, word.life());
    let spec = &mut m.irqs[irq].0;
    spec.forget();
    (spec.alive, spec.target) = (true, target);
    (spec.enabled, spec.priority) = (byte % 2 == 1, byte & 0xfc);
    if pending {
        spec.pend(0);
    }
    m.update(irq, |_| (word, action));
}

fn unmap(m: &mut Machine, irq: usize) {
    let spec = &mut m.irqs[irq].0;

    if spec.alive {
        spec.forget();
        (spec.alive, spec.target, spec.enabled) = (false, None, false);
    }
    m.update(irq, IrqWord::bury);
}

/// A message in a life that is the present one, or another.
fn message(m: &mut Machine, irq: usize, lives_ago: u32) {
    let (spec, word) = &mut m.irqs[irq];
    let life = Life::wrapping(u64::from(word.life().get()) + 16 - u64::from(lives_ago));

    if lives_ago == 0 && spec.alive {
        spec.pend(0);
    }
    m.update(irq, |word| word.pulse_of(life));
}

fn move_all(m: &mut Machine, from: u32, to: u32) {
    for irq in 0..m.irqs.len() {
        let spec = &mut m.irqs[irq].0;

        if spec.kind == Kind::Lpi && spec.target == Some(from) {
            spec.target = Some(to);
        }
        if spec.kind == Kind::Lpi {
            m.update(irq, |word| word.move_lpi(vcpu(from), vcpu(to)));
        }
    }
}

/// In a list register of another vCPU, and on its way to this one. When all are stopped there is no
/// such.
fn is_elsewhere(word: &IrqWord, v: u32) -> bool {
    word.listed().is_some_and(|at| at != vcpu(v))
}

fn retire(m: &mut Machine, v: u32, stopped: bool) {
    if stopped {
        (0..VCPUS).for_each(|v| m.exit(v));
    }
    for irq in m.queued(v) {
        if !is_lpi(m, irq) {
            continue;
        }
        let (spec, word) = &mut m.irqs[irq];
        if spec.target == Some(v) && !is_elsewhere(word, v) {
            let may = spec.may;

            spec.forget();
            if !spec.enabled {
                // Nobody knows whether it is in the queue still.
                spec.may = may;
            }
        }
        m.update(irq, |word| word.retire(vcpu(v)));
    }
    for (spec, word) in &m.irqs {
        let shown = spec.kind == Kind::Lpi && spec.enabled && spec.target == Some(v);
        let comes = is_elsewhere(word, v);

        assert!(
            !shown || comes || !spec.is_pending(),
            "pending still: {spec:?}"
        );
        assert!(!comes || !stopped);
    }
}

fn prioritize(m: &mut Machine, irq: usize, priority: u8) {
    if is_lpi(m, irq) {
        let enabled = u8::from(m.irqs[irq].0.enabled);

        return set_properties(m, irq, priority & 0xfc | enabled);
    }
    m.irqs[irq].0.priority = priority & 0xf8;
    m.update(irq, |word| word.prioritize(priority));
}

fn disable(m: &mut Machine, irq: usize) {
    if is_lpi(m, irq) {
        return set_properties(m, irq, m.irqs[irq].0.priority);
    }
    m.irqs[irq].0.enabled = false;
    m.update(irq, |word| word.disable());
}

fn retarget(m: &mut Machine, irq: usize, target: Option<u32>) {
    if is_lpi(m, irq) {
        if m.irqs[irq].0.alive {
            m.irqs[irq].0.target = target;
        }
        return m.update(irq, |word| word.retarget_lpi(target.map(vcpu)));
    }
    m.irqs[irq].0.target = target;
    m.update(irq, |word| word.retarget(target.map(vcpu)));
}

fn line(m: &mut Machine, irq: usize, level: bool) {
    let spec = &mut m.irqs[irq].0;

    match spec.kind {
        Kind::SourcedSgi(_) | Kind::Sgi => (),
        Kind::Lpi => message(m, irq, 0),
        // The host's handler does the rest.
        _ if spec.mapped => spec.physical_level = level,
        _ => {
            spec.line = level;
            if spec.edge && level {
                spec.pend(0);
            }
            if !m.irqs[irq].1.ignores(level) {
                m.update(irq, |word| word.inject(level));
            }
        }
    }
}

fn send_sgi(m: &mut Machine, irq: usize, from: u32) {
    match m.irqs[irq].0.kind {
        Kind::SourcedSgi(_) => {
            m.irqs[irq].0.pend(from);
            m.update(irq, |word| word.send_from(source(from).bit()));
        }
        Kind::Sgi => {
            m.irqs[irq].0.pend(0);
            m.update(irq, |word| word.send(true));
        }
        _ => (),
    }
}

fn set_pending(m: &mut Machine, irq: usize) {
    let listed = m.is_listed(irq);
    let spec = &mut m.irqs[irq].0;

    if matches!(spec.kind, Kind::SourcedSgi(_)) {
        // Read-only.
    } else if !spec.edge && listed {
        // Whether it comes before or after an acknowledgement that KVM does not know of yet,
        // nobody can tell.
        spec.may[0] += 1;
    } else if spec.kind != Kind::Lpi || spec.alive {
        spec.pend(0);
    }
    let kind = spec.kind;
    m.update(irq, |word| match kind {
        Kind::Lpi => word.pulse(),
        _ => word.set_pending(kind, Guest),
    });
}

fn clear_pending(m: &mut Machine, irq: usize) {
    let listed = m.is_listed(irq);
    let spec = &mut m.irqs[irq].0;

    if !matches!(spec.kind, Kind::SourcedSgi(_)) {
        spec.owed.clear();
        // What a list register has stays.
        spec.may[0] = spec.may[0].min(u32::from(listed));
    }
    let kind = spec.kind;
    m.update(irq, |word| match kind {
        Kind::Lpi => word.unpend_lpi(),
        _ => word.clear_pending(kind, Guest),
    });
}

fn set_active(m: &mut Machine, irq: usize) {
    let resting = |m: &Machine| m.irqs[irq].0.active.is_none() && m.irqs[irq].1.holder().is_some();

    if m.irqs[irq].0.kind == Kind::Lpi {
        return;
    }
    if let Some(at) = m.irqs[irq].1.holder() {
        // That may move it.
        m.exit(at.get() as u32);
    }
    if !resting(m) {
        return;
    }
    m.change_active(irq, true);
    let (spec, word) = &mut m.irqs[irq];

    spec.artificial = true;
    spec.active = word.queued().map(|at| at.get() as u32);
    if let Kind::SourcedSgi(own) = spec.kind {
        spec.active_sender = u32::from(own.get());
    }
}

fn clear_active(m: &mut Machine, irq: usize) {
    let spec = &m.irqs[irq].0;

    // What it has acknowledged a guest ends, or else its CPU interface goes on to count.
    if spec.artificial && spec.active.is_some() {
        m.change_active(irq, false);
        m.irqs[irq].0.active = None;
        m.irqs[irq].0.artificial = false;
    }
}

fn configure(m: &mut Machine, irq: usize, edge: bool) {
    let (spec, word) = &m.irqs[irq];

    // IHI 0069: unpredictable unless the interrupt is at rest.
    let resting = spec.active.is_none() && !word.has(IrqWord::Active) && word.listed().is_none();
    if spec.kind == Kind::Spi && resting {
        m.irqs[irq].0.edge = edge;
        let trigger = if edge { Trigger::Edge } else { Trigger::Level };
        m.update(irq, |word| word.configure(trigger));
    }
}

/// Before a guest goes on, what was to fetch it has done so.
fn interrupt(m: &mut Machine, v: u32, late: bool) {
    if m.vcpus[v as usize].kicked || (m.calls(v) && !late) {
        m.exit(v);
    }
}

fn acknowledge(m: &mut Machine, v: u32, lower: bool) {
    interrupt(m, v, false);
    if let Some(irq) = m.acknowledge(v) {
        if lower && !m.irqs[irq].0.edge {
            line(m, irq, false);
        }
    }
}

fn step_lpi(m: &mut Machine, op: Op) {
    match op {
        Op::MoveAll(from, to) => return move_all(m, from, to),
        Op::Retire(v, stopped) => return retire(m, v, stopped),
        _ => (),
    }
    let (Op::Map(which, ..) | Op::Unmap(which) | Op::Late(which, _)) = op else {
        return;
    };
    let Some(irq) = lpi(m, which) else {
        return;
    };

    match op {
        Op::Map(_, target, byte, pending) => map(m, irq, target, byte, pending),
        Op::Late(_, lives_ago) => message(m, irq, lives_ago),
        _ => unmap(m, irq),
    }
}

fn step(m: &mut Machine, op: Op) {
    let count = m.irqs.len();

    match op {
        Op::Line(irq, level) => line(m, irq % count, level),
        Op::Sgi(irq, from) => send_sgi(m, irq % count, from),
        Op::Enable(irq) => enable(m, irq % count),
        Op::Disable(irq) => disable(m, irq % count),
        Op::Map(..) | Op::Unmap(_) | Op::Late(..) | Op::MoveAll(..) | Op::Retire(..) => {
            step_lpi(m, op);
        }
        Op::SetPending(irq) => set_pending(m, irq % count),
        Op::ClearPending(irq) => clear_pending(m, irq % count),
        Op::SetActive(irq) => set_active(m, irq % count),
        Op::ClearActive(irq) => clear_active(m, irq % count),
        Op::Retarget(irq, target) => {
            let shared = matches!(m.irqs[irq % count].0.kind, Kind::Spi | Kind::Lpi);
            if shared {
                retarget(m, irq % count, target);
            }
        }
        Op::Prioritize(irq, priority) => {
            if m.irqs[irq % count].0.active.is_none() {
                prioritize(m, irq % count, priority);
            }
        }
        Op::Configure(irq, edge) => configure(m, irq % count, edge),
        Op::Group(v, zero, one) => {
            m.exit(v);
            let of = &mut m.vcpus[v as usize];
            (of.group0, of.group1) = (zero, one);
        }
        Op::Forward(on) => {
            m.forwarding = on;
            for v in 0..VCPUS {
                m.vcpus[v as usize].kicked = true;
                m.exit(v);
            }
        }
        Op::Enter(v) => m.enter(v),
        Op::Exit(v) => m.exit(v),
        Op::Prune(v) => m.prune(v),
        Op::Sleep(v) => m.sleep(v),
        Op::Power(v, on) => {
            m.exit(v);
            m.vcpus[v as usize].off = !on;
        }
        Op::Acknowledge(v, lower) => acknowledge(m, v, lower),
        Op::End(v) => {
            interrupt(m, v, false);
            m.end(v);
        }
        Op::LateCall(v) => {
            interrupt(m, v, true);
            m.end(v);
        }
        Op::Deactivate(v, of, which) => {
            interrupt(m, v, false);
            m.write_dir(v, of, which);
        }
    }
    m.fire();
    m.check_exit();
    m.check_sleepers();
}

/// All is let through, and devices are content with being heard: nothing may be left.
fn drain(m: &mut Machine) {
    step(m, Op::Forward(true));
    for v in 0..VCPUS {
        step(m, Op::Power(v, true));
        step(m, Op::Group(v, true, true));
    }
    for irq in 0..m.irqs.len() {
        if is_lpi(m, irq) && !m.irqs[irq].0.alive {
            map(m, irq, Some(0), 0, true);
        }
        step(m, Op::ClearActive(irq));
        step(m, Op::Enable(irq));
        if m.irqs[irq].0.target.is_none() {
            step(m, Op::Retarget(irq, Some(0)));
        }
    }
    for _ in 0..200 {
        if (0..VCPUS).all(|v| m.is_idle(v)) {
            break;
        }
        for v in 0..VCPUS {
            step(m, Op::Enter(v));
            for _ in 0..4 {
                step(m, Op::Acknowledge(v, true));
                step(m, Op::End(v));
                step(m, Op::Deactivate(v, v, 0));
            }
            // Handed over at its end, and not to be asked for.
            step(m, Op::Exit(v));
            step(m, Op::Sleep(v));
        }
    }
    for v in 0..VCPUS {
        assert!(m.vcpus[v as usize].stack.is_empty(), "never ended");
        m.prune(v);
    }
    for (spec, word) in &m.irqs {
        assert!(spec.owed.is_empty(), "never seen: {spec:?}");
        assert!(spec.edge || !spec.line, "never heard: {spec:?}");
        assert!(
            !spec.physical_level && !spec.physical_active,
            "never heard: {spec:?}"
        );
        assert!(spec.active.is_none(), "never ended: {spec:?}");
        assert_eq!(word.queued(), None, "{spec:?}");
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn any_life(setup in setup(), ops in proptest::collection::vec(op(), 0..120)) {
        let mut m = machine(setup);

        for op in ops {
            step(&mut m, op);
        }
        drain(&mut m);
    }

    /// The same with hardly anything but guests that take and end interrupts: more of them at once
    /// than there are list registers.
    #[test]
    fn crowds(
        setup in setup(),
        pending in proptest::collection::vec((any::<usize>(), 0u32..8), 4..40),
        ops in proptest::collection::vec(op(), 0..60),
    ) {
        let mut m = machine(Setup { enabled: true, ..setup });

        for (irq, from) in pending {
            step(&mut m, Op::Line(irq, true));
            step(&mut m, Op::Sgi(irq, from));
        }
        for op in ops {
            let v = match op {
                Op::Line(irq, _) | Op::Enable(irq) | Op::Sgi(irq, _) => irq as u32 % VCPUS,
                _ => {
                    step(&mut m, op);
                    continue;
                }
            };
            step(&mut m, Op::Enter(v));
            step(&mut m, Op::Acknowledge(v, false));
        }
        drain(&mut m);
    }
}

/// A mapped interrupt's whole life, step by step.
#[test]
fn a_timer() {
    let mut m = machine(Setup {
        v2_guest: false,
        hardware_v2: false,
        separate: false,
        registers: 4,
        enabled: true,
        priorities: [0x80; 8],
    });
    let timer = m
        .irqs
        .iter()
        .position(|(s, _)| s.mapped && !s.by_software)
        .unwrap();

    step(&mut m, Op::Line(timer, true));
    assert!(m.irqs[timer].0.physical_active && m.irqs[timer].1.is_pending());
    step(&mut m, Op::Enter(0));
    // Its line goes with it.
    assert!(!m.irqs[timer].1.is_pending());
    // Not taken, and high still.
    step(&mut m, Op::Exit(0));
    assert!(m.irqs[timer].1.is_pending() && m.irqs[timer].0.physical_active);
    // Not taken, and low by then: the physical one can come again.
    step(&mut m, Op::Enter(0));
    step(&mut m, Op::Line(timer, false));
    step(&mut m, Op::Exit(0));
    assert!(!m.irqs[timer].1.is_pending() && !m.irqs[timer].0.physical_active);
    // Taken, ended, and low: nothing is left, and no exit was needed.
    step(&mut m, Op::Line(timer, true));
    step(&mut m, Op::Enter(0));
    step(&mut m, Op::Acknowledge(0, true));
    step(&mut m, Op::End(0));
    assert!(m.in_guest(0) && !m.irqs[timer].0.physical_active);
    step(&mut m, Op::Exit(0));
    assert!(!m.irqs[timer].1.is_pending());
    // A guest that pends it by hand must not silence the physical one for ever.
    step(&mut m, Op::SetPending(timer));
    assert!(m.irqs[timer].0.physical_active);
    let (_, action) = m.irqs[timer].1.clear_pending(Kind::Ppi, Guest);
    assert_eq!(action.physical, Physical::ClearPendingAndActive);
    step(&mut m, Op::ClearPending(timer));
    drain(&mut m);
}

/// GICD_IGROUPR: a change is to be looked at.
#[test]
fn groups_change() {
    let mut m = machine(Setup {
        v2_guest: false,
        hardware_v2: false,
        separate: false,
        registers: 1,
        enabled: true,
        priorities: [0x80; 8],
    });
    let spi = m
        .irqs
        .iter()
        .position(|(s, _)| s.kind == Kind::Spi)
        .unwrap();

    step(&mut m, Op::Group(0, true, false));
    step(&mut m, Op::Line(spi, true));
    m.vcpus[0].kicked = false;
    m.irqs[spi].0.group1 = false;
    m.update(spi, |word| word.regroup(Group::Zero));
    assert!(m.vcpus[0].kicked);
    step(&mut m, Op::Enter(0));
    step(&mut m, Op::Acknowledge(0, true));
    assert_eq!(m.irqs[spi].0.active, Some(0));
}
