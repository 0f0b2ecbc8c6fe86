// SPDX-License-Identifier: GPL-2.0

//! What goes into list registers, and when the hardware is to call, against sorting all of it.

use crate::{
    edges::config,
    gic::{
        hcr::HcrKey,
        list_register::Intid,
        select::{Capacity, Ended, Selection, View},
        word::{IrqWord, Kind},
    },
    irq_model::{any_irq, vcpu, Irq},
};
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Scene {
    irqs: Vec<(u32, Irq)>,
    view: View,
    registers: u32,
}

fn any_scene() -> impl Strategy<Value = Scene> {
    // Mostly of vCPU 0, few priorities, so that the finer rules decide.
    let irq = (any_irq(Kind::Spi), 0u32..8, any::<bool>(), 0u8..4).prop_map(
        |(irq, rare, listed, priority)| Irq {
            queue: if rare == 0 { irq.queue } else { Some(0) },
            target: if rare <= 1 { irq.target } else { Some(0) },
            enabled: irq.enabled || rare > 3,
            listed: listed && rare == 2 && irq.queue.is_some(),
            priority: priority * 8,
            ..irq
        },
    );
    let numbers = prop_oneof![0u32..32, 8190u32..8200];
    let irqs = proptest::collection::btree_map(numbers, irq, 0..40);
    let flags = (proptest::bool::weighted(0.9), any::<bool>(), any::<bool>());

    (irqs, flags, 0u32..20).prop_map(|(irqs, (forwarding, group0, group1), registers)| Scene {
        irqs: irqs.into_iter().collect(),
        view: View {
            vcpu: vcpu(0),
            forwarding,
            group0,
            group1,
        },
        registers,
    })
}

impl Scene {
    fn enabled_group(&self, irq: &Irq) -> bool {
        if irq.group1 {
            self.view.group1
        } else {
            self.view.group0
        }
    }

    /// Those that the vCPU has to see, in the order of the queue.
    fn shown(&self) -> Vec<&(u32, Irq)> {
        self.irqs
            .iter()
            .filter(|(_, irq)| irq.belongs_to() == Some(0) && irq.queue == Some(0))
            .filter(|(_, irq)| !irq.listed && (irq.active || self.view.forwarding))
            .collect()
    }

    /// The same, the most needed first.
    fn ranked(&self) -> Vec<&(u32, Irq)> {
        let mut shown = self.shown();

        // From the least to the most important rule; sorting is stable.
        shown.sort_by_key(|(intid, _)| *intid);
        shown.sort_by_key(|(_, irq)| !irq.mapped);
        shown.sort_by_key(|(_, irq)| irq.priority);
        shown.sort_by_key(|(_, irq)| irq.active);
        shown.sort_by_key(|(_, irq)| !self.enabled_group(irq));
        shown
    }

    fn capacity(&self) -> usize {
        self.registers.clamp(1, 16) as usize
    }

    fn selection(&self) -> Selection<u32> {
        let mut selection = Selection::new(self.view, Capacity::of(self.registers));

        for (intid, irq) in &self.irqs {
            selection.offer(Intid(*intid), irq.word(), *intid);
        }
        selection
    }
}

fn intids(irqs: &[&(u32, Irq)]) -> Vec<u32> {
    irqs.iter().map(|(intid, _)| *intid).collect()
}

proptest! {
    #![proptest_config(config(4_000))]

    #[test]
    fn the_most_urgent_are_chosen(scene in any_scene()) {
        let shown = scene.shown();
        let expected = if shown.len() <= scene.capacity() {
            intids(&shown)
        } else {
            intids(&scene.ranked()[..scene.capacity()])
        };

        prop_assert_eq!(scene.selection().iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn all_are_counted(scene in any_scene()) {
        let shown = scene.shown();
        let summary = scene.selection().summary();
        let count = |test: fn(&(u32, Irq)) -> bool| {
            shown.iter().filter(|irq| test(irq)).count() as u32
        };

        prop_assert_eq!(summary.pending, count(|(_, irq)| !irq.active));
        let signalled = shown.iter().filter(|(_, i)| !i.active && scene.enabled_group(i));
        prop_assert_eq!(summary.signalled, signalled.count() as u32);
        prop_assert_eq!(summary.active, count(|(_, irq)| irq.active));
        prop_assert_eq!(summary.sgis, count(|(intid, _)| *intid < 16));
        prop_assert_eq!(summary.all(), shown.len() as u32);
    }

    /// Ends that were only counted are of active interrupts that were left out, the most urgent
    /// first.
    #[test]
    fn the_innermost_end_first(scene in any_scene(), count in 0u32..40) {
        let mut ended = Ended::new(scene.view, count);

        for (intid, irq) in &scene.irqs {
            ended.offer(Intid(*intid), irq.word(), *intid);
        }
        let mut active = scene.ranked();
        active.retain(|(_, irq)| irq.active);
        // Stable: what is left of the order decides among those of one priority.
        active.sort_by_key(|(intid, irq)| (irq.priority, !irq.mapped, *intid));
        active.truncate(count.min(31) as usize);
        prop_assert_eq!(ended.iter().collect::<Vec<_>>(), intids(&active));
    }

    /// IHI 0069, ICH_HCR_EL2.
    #[test]
    fn when_the_hardware_calls(scene in any_scene(), spis in any::<bool>(), trap in any::<bool>()) {
        let capacity = Capacity::of(scene.registers);
        let key = HcrKey::new(scene.selection().summary(), capacity, scene.view, spis);
        let hcr = key.v3(trap).into_raw();
        let bit = |n: u32| hcr >> n & 1 == 1;
        let shown = scene.shown();
        let active = shown.iter().filter(|(_, irq)| irq.active).count();
        let full = shown.len() > scene.capacity();

        prop_assert!(bit(0), "En");
        // UIE: at most one register is valid. NPIE: none is pending. LRENPIE: EOIcount.
        // With a single register UIE would call at any time.
        prop_assert_eq!(bit(1), full && scene.capacity() > 1);
        prop_assert_eq!(bit(2), full && active != 0);
        let signalled = |(_, irq): &&&(u32, Irq)| !irq.active && scene.enabled_group(irq);
        let signalled = shown.iter().filter(signalled).count();
        prop_assert_eq!(bit(3), signalled > scene.capacity());
        // VGrp0EIE, VGrp0DIE, VGrp1EIE, VGrp1DIE.
        prop_assert_eq!((bit(4), bit(5)), (!scene.view.group0, scene.view.group0));
        prop_assert_eq!((bit(6), bit(7)), (!scene.view.group1, scene.view.group1));
        // vSGIEOICount.
        prop_assert_eq!(bit(8), shown.iter().all(|(intid, _)| *intid >= 16));
        // TDIR: what no list register of this vCPU has may be deactivated.
        prop_assert_eq!(bit(14), (full && active != 0) || spis || !trap);
        prop_assert_eq!(hcr & !0x41ff, 0);
        prop_assert_eq!(key.v2().into_raw(), hcr & 0xff);
        prop_assert_eq!(key, HcrKey::new(scene.selection().summary(), capacity, scene.view, spis));
    }
}

#[test]
fn no_more_than_there_can_be() {
    assert_eq!(Capacity::of(0).get(), 1);
    assert_eq!(Capacity::of(4).get(), 4);
    assert_eq!(Capacity::of(16).get(), 16);
    // A GICv2 may have 64.
    assert_eq!(Capacity::of(64).get(), 16);

    let view = View {
        vcpu: vcpu(0),
        forwarding: true,
        group0: true,
        group1: true,
    };
    let mut selection = Selection::new(view, Capacity::of(64));
    let word = IrqWord::RESET
        .with_target(Some(vcpu(0)))
        .with_queued(Some(vcpu(0)))
        .with(IrqWord::Enabled)
        .with(IrqWord::Latch);
    for intid in 0..200 {
        selection.offer(Intid(intid), word, intid);
    }
    assert_eq!(
        selection.iter().collect::<Vec<_>>(),
        (0..16).collect::<Vec<_>>()
    );
}
