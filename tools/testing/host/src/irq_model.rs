// SPDX-License-Identifier: GPL-2.0

//! An interrupt as the GIC specifications describe one, in plain fields, for the tests of the
//! words that hold the same.

use crate::gic::{
    list_register::Intid,
    word::{IrqWord, Kind, Source, VcpuIdx},
};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A vCPU, as a number.
pub(crate) fn vcpu(number: u32) -> VcpuIdx {
    VcpuIdx::new(number).expect("less than 512")
}

/// A sender, as a number.
pub(crate) fn source(number: u32) -> Source {
    Source::new(number).expect("less than 8")
}

/// The number of a kind's interrupt.
pub(crate) fn intid_of(kind: Kind) -> Intid {
    Intid(match kind {
        Kind::SourcedSgi(_) | Kind::Sgi => 5,
        Kind::Ppi => 27,
        Kind::Spi => 77,
        Kind::Lpi => 8200,
    })
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Irq {
    pub(crate) edge: bool,
    pub(crate) line: bool,
    pub(crate) latch: bool,
    pub(crate) enabled: bool,
    pub(crate) active: bool,
    pub(crate) group1: bool,
    pub(crate) priority: u8,
    /// GICv2's SGIs: who it is pending from, and who the active one is from.
    pub(crate) senders: BTreeSet<u32>,
    pub(crate) active_sender: u32,
    pub(crate) target: Option<u32>,
    /// Whose queue has it.
    pub(crate) queue: Option<u32>,
    /// That vCPU has it in a list register.
    pub(crate) listed: bool,
    /// It stands for a physical interrupt, which hardware deactivates, or software.
    pub(crate) mapped: bool,
    pub(crate) by_software: bool,
    pub(crate) direct: bool,
    /// An LPI that is not mapped.
    pub(crate) dead: bool,
    /// What the list register holds is not of its present mapping.
    pub(crate) stale: bool,
    /// How often it was mapped.
    pub(crate) life: u8,
}

impl Irq {
    pub(crate) fn pending(&self) -> bool {
        self.latch || (!self.edge && self.line)
    }

    /// The vCPU that has to know: IHI 0069 lets an active interrupt be deactivated where it was
    /// acknowledged, and forwards an enabled pending one to its target.
    pub(crate) fn belongs_to(&self) -> Option<u32> {
        match self {
            Self { dead: true, .. } | Self { direct: true, .. } => None,
            Self { active: true, .. } => self.queue.or(self.target),
            Self { enabled: true, .. } if self.pending() => self.target,
            _ => None,
        }
    }

    pub(crate) fn word(&self) -> IrqWord {
        let number = |vcpu: Option<u32>| u64::from(vcpu.unwrap_or(0x3ff));
        let senders = self.senders.iter().fold(0, |set, s| set | 1u64 << s);

        [
            (IrqWord::Edge, self.edge),
            (IrqWord::Line, self.line),
            (IrqWord::Latch, self.latch),
            (IrqWord::Enabled, self.enabled),
            (IrqWord::Active, self.active),
            (IrqWord::Group1, self.group1),
            (IrqWord::OnLr, self.listed),
            (IrqWord::Hw, self.mapped),
            (IrqWord::Resample, self.by_software),
            (IrqWord::Direct, self.direct),
            (IrqWord::Dead, self.dead),
            (IrqWord::Stale, self.stale),
        ]
        .into_iter()
        .fold(
            IrqWord::ZERO,
            |word, (flag, on)| if on { word.with(flag) } else { word },
        )
        .put(IrqWord::Life, self.life.into())
        .put(IrqWord::Prio, self.priority.into())
        .put(IrqWord::Sources, senders)
        .put(IrqWord::ActiveSource, self.active_sender.into())
        .put(IrqWord::Target, number(self.target))
        .put(IrqWord::Queued, number(self.queue))
    }

    pub(crate) fn of(word: IrqWord) -> Self {
        let number = |n: u64| (n != 0x3ff).then_some(n as u32);

        Self {
            edge: word.has(IrqWord::Edge),
            line: word.has(IrqWord::Line),
            latch: word.has(IrqWord::Latch),
            enabled: word.has(IrqWord::Enabled),
            active: word.has(IrqWord::Active),
            group1: word.has(IrqWord::Group1),
            priority: word.get(IrqWord::Prio) as u8,
            senders: (0..8)
                .filter(|s| word.get(IrqWord::Sources) >> s & 1 == 1)
                .collect(),
            active_sender: word.get(IrqWord::ActiveSource) as u32,
            target: number(word.get(IrqWord::Target)),
            queue: number(word.get(IrqWord::Queued)),
            listed: word.has(IrqWord::OnLr),
            mapped: word.has(IrqWord::Hw),
            by_software: word.has(IrqWord::Resample),
            direct: word.has(IrqWord::Direct),
            dead: word.has(IrqWord::Dead),
            stale: word.has(IrqWord::Stale),
            life: word.get(IrqWord::Life) as u8,
        }
    }
}

pub(crate) fn any_kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (0u32..8).prop_map(|s| Kind::SourcedSgi(source(s))),
        Just(Kind::Sgi),
        Just(Kind::Ppi),
        Just(Kind::Spi),
        Just(Kind::Lpi),
    ]
}

/// Any state that an interrupt of the kind can be in.
pub(crate) fn any_irq(kind: Kind) -> impl Strategy<Value = Irq> {
    let flags = any::<[bool; 12]>();
    let place = (
        proptest::option::weighted(0.9, 0u32..3),
        proptest::option::of(0u32..3),
    );

    let senders = proptest::collection::btree_set(0u32..8, 0..3);

    (flags, any::<u8>(), 0u8..8, place, senders, 0u32..8, 0u8..16).prop_map(
        move |(f, priority, rare, (target, queue), senders, active_sender, life)| {
            let [edge, line, latch, enabled, active, group1, listed, mapped, by_software, stale, ..] =
                f;
            let sourced = matches!(kind, Kind::SourcedSgi(_));
            let message = matches!(kind, Kind::SourcedSgi(_) | Kind::Sgi | Kind::Lpi);
            let mapped = mapped && matches!(kind, Kind::Ppi | Kind::Spi);
            let lpi = kind == Kind::Lpi;
            let listed = listed && queue.is_some();
            let dead = rare == 1 && lpi;

            Irq {
                edge: edge || message,
                line: line && !message,
                latch: if sourced { !senders.is_empty() } else { latch },
                senders: if sourced { senders } else { BTreeSet::new() },
                active_sender: if sourced { active_sender } else { 0 },
                enabled,
                active: active && !lpi,
                group1,
                priority,
                target,
                queue,
                listed,
                mapped,
                by_software: by_software && mapped,
                direct: rare == 0 && lpi,
                dead,
                stale: listed && lpi && (dead || stale),
                life: if lpi { life } else { 0 },
            }
        },
    )
}

/// A kind, and a state of such an interrupt.
pub(crate) fn any_kind_and_irq() -> impl Strategy<Value = (Kind, Irq)> {
    any_kind().prop_flat_map(|kind| (Just(kind), any_irq(kind)))
}
