// SPDX-License-Identifier: GPL-2.0

//! The LPIs of a VM: mapping, unmapping, and what their ITSs and redistributors make of them.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: vgic_add_lpi, its_free_ite, update_affinity,
//!     vgic_its_trigger_msi; arch/arm64/kvm/vgic/vgic.c: vgic_flush_pending_lpis
#![forbid(unsafe_code)]

use super::{
    guest::*,
    v4, //
};
use crate::{
    gic::{
        list_register::Intid,
        lpi::{
            Place,
            Properties, //
        },
        transition::Action,
        word::{
            IrqWord,
            Life,
            VcpuIdx, //
        },
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::{
    code::{
        EEXIST,
        EINVAL, //
    },
    Result, //
};

impl<'a> Guest<'a> {
    /// The LPI of that number, if it is mapped.
    #[inline(always)]
    pub(super) fn lpi(self, lpi: Intid) -> Option<Found<'a>> {
        self.lpi_word(lpi)
            .filter(|irq| !irq.word().has(IrqWord::Dead))
    }

    /// Maps an LPI: from now on it can be made pending. Sleeps.
    ///
    /// # Errors
    ///
    /// `EEXIST` if it is mapped; `EINVAL` if no LPI has that number; `ENOMEM`.
    pub(super) fn map_lpi(
        self,
        lpi: Intid,
        to: Option<VcpuIdx>,
        properties: Properties,
    ) -> Result<Life> {
        self.irqs().lpis().make(lpi, self.irqs().nr_vcpus())?;

        let irq = self.lpi_word(lpi).ok_or(EINVAL)?;
        let claiming = PreemptOff::new();
        let mapped = irq
            .state()
            .update(|word| word.map_lpi(to, properties, false));
        let (life, action) = mapped.ok_or(EEXIST)?;

        self.deliver(irq, action.delivery, claiming.on_cpu());
        Ok(life)
    }

    /// Unmaps an LPI, if it is mapped: it is not pending any more, and what a vCPU has of it in a
    /// list register it drops.
    pub(super) fn unmap_lpi(self, lpi: Intid) {
        self.change_lpi(lpi, IrqWord::bury);
    }

    /// Changes an LPI, be it mapped or not, and does what follows. Any context.
    #[inline]
    pub(super) fn change_lpi(self, lpi: Intid, f: impl Fn(IrqWord) -> (IrqWord, Action)) {
        if let Some(irq) = self.lpi_word(lpi) {
            self.change_word(irq, f);
        }
    }

    /// Of one that the hardware delivers, that has to follow.
    #[inline]
    fn change_word(self, irq: Found<'_>, f: impl Fn(IrqWord) -> (IrqWord, Action)) {
        let claiming = PreemptOff::new();
        let delivery = irq
            .state()
            .update(|word| {
                if word.has(IrqWord::Direct) {
                    (word, None)
                } else {
                    let (word, action) = f(word);

                    (word, Some(action.delivery))
                }
            })
            .unwrap_or_else(|| v4::change_lpi(self, irq, &f));

        self.deliver(irq, delivery, claiming.on_cpu());
    }

    /// Has an LPI go to that vCPU, or to nobody, if it is mapped. Any context.
    pub(super) fn retarget_lpi(self, lpi: Intid, to: Option<VcpuIdx>) {
        self.change_lpi(lpi, |word| word.retarget_lpi(to));
    }

    /// Gives an LPI its properties, if it is mapped.
    pub(super) fn configure_lpi(self, lpi: Intid, properties: Properties) {
        self.change_lpi(lpi, |word| word.configure_lpi(properties));
    }

    /// An event happens that was mapped to an LPI in that life of it. Any context.
    #[inline(always)]
    pub(super) fn pulse_lpi_at_once(self, lpi: Intid, life: Life) {
        let Some((state, leaf)) = self.irqs().lpis().find(lpi) else {
            return;
        };
        let _claiming = PreemptOff::new();
        let word = state.read();

        match word.pulse_first_of(life) {
            Some((pending, to)) if state.replace(word, pending) => self.queue_lpi(lpi, leaf, to),
            _ => self.pulse_lpi(lpi, life),
        }
    }

    /// The same, where it is rare, or there is more to it.
    #[inline(never)]
    pub(super) fn pulse_lpi(self, lpi: Intid, life: Life) {
        self.change_lpi(lpi, |word| word.pulse_of(life));
    }

    /// `CLEAR`: an LPI is not pending, but for what a list register has.
    pub(super) fn clear_lpi(self, lpi: Intid) {
        self.change_lpi(lpi, IrqWord::unpend_lpi);
    }

    /// Makes an LPI pending, if it is mapped.
    pub(super) fn set_lpi_pending(self, lpi: Intid) {
        self.change_lpi(lpi, IrqWord::pulse);
    }

    /// The LPIs that are mapped, by number, and their states.
    pub(super) fn lpis(self) -> impl Iterator<Item = (Intid, IrqWord)> + 'a {
        self.lpi_leaves().flat_map(LeafOfLpis::lpis)
    }

    /// The same in parts of at most 1,024.
    pub(super) fn lpi_leaves(self) -> impl Iterator<Item = LeafOfLpis<'a>> + 'a {
        self.irqs()
            .lpis()
            .leaves()
            .map(|(first, leaf)| LeafOfLpis { first, leaf })
    }

    /// Likewise, from the one on that begins with that number.
    pub(super) fn lpi_leaves_from(self, first: Intid) -> impl Iterator<Item = LeafOfLpis<'a>> + 'a {
        self.lpi_leaves()
            .skip_while(move |leaf| leaf.first.0 < first.0)
    }

    /// Visits these, unless `ends` after some, and there are more: the one that it is to go on with
    /// then. If `visit` says none, that is all.
    pub(super) fn visit_lpi_leaves(
        self,
        from: Intid,
        ends: impl Fn() -> bool,
        mut visit: impl FnMut(LeafOfLpis<'a>) -> Option<()>,
    ) -> Option<Intid> {
        let mut leaves = self.lpi_leaves_from(from).peekable();

        while let Some(leaf) = leaves.next() {
            visit(leaf)?;
            match leaves.peek() {
                Some(next) if ends() => return Some(next.first()),
                _ => (),
            }
        }
        None
    }

    /// A vCPU takes no LPIs any more: those that it has in its queue are not pending, from that number
    /// on, unless `ends` after some: the one that it is to go on with then. What it has in a list
    /// register its guest can take until it has left it.
    pub(super) fn retire_lpis(
        self,
        vcpu: VcpuIdx,
        from: Intid,
        ends: impl Fn() -> bool,
    ) -> Option<Intid> {
        let vgic = self.vcpu(vcpu).and_then(Vcpu::vgic_vcpu)?;
        let rows = self.irqs().lpi_rows(vcpu);

        self.visit_lpi_leaves(from, ends, |leaf| {
            let index = Place::of(leaf.first())?.leaf;

            for lpi in vgic.queue().iter_leaf(index, &rows) {
                self.change_lpi(lpi, |word| word.retire(vcpu));
            }
            Some(())
        })
    }

    /// `MOVALL`: those of some LPIs that go to a vCPU go to another one.
    pub(super) fn move_lpis(self, of: LeafOfLpis<'_>, from: VcpuIdx, to: VcpuIdx) {
        for (lpi, word) in of.lpis() {
            if word.target() == Some(from) {
                self.change_lpi(lpi, |word| word.move_lpi(from, to));
            }
        }
    }

    /// The first LPI that is mapped, from that number on.
    pub(super) fn next_lpi(self, from: Intid) -> Option<Intid> {
        self.lpi_leaves().find_map(|leaf| leaf.next_lpi(from))
    }

    /// How many LPIs are mapped.
    pub(super) fn nr_lpis(self) -> u32 {
        self.lpis().fold(0, |nr, _| nr.wrapping_add(1))
    }
}

/// LPIs with numbers that follow one another.
#[derive(Clone, Copy)]
pub(super) struct LeafOfLpis<'a> {
    first: Intid,
    leaf: &'a LpiLeaf,
}

impl<'a> LeafOfLpis<'a> {
    /// The number of the first one, mapped or not.
    pub(super) fn first(self) -> Intid {
        self.first
    }

    /// The first one that is mapped, from that number on.
    fn next_lpi(self, from: Intid) -> Option<Intid> {
        let first = from.0.max(self.first.0);
        // CAST: widening.
        let before = first.wrapping_sub(self.first.0) as usize;

        (first..u32::MAX)
            .zip(self.leaf.words().get(before..)?)
            .find(|(_, word)| !word.read().has(IrqWord::Dead))
            .map(|(lpi, _)| Intid(lpi))
    }

    /// Those that are mapped, by number, and their states.
    pub(super) fn lpis(self) -> impl Iterator<Item = (Intid, IrqWord)> + 'a {
        (self.first.0..u32::MAX)
            .map(Intid)
            .zip(self.leaf.words())
            .map(|(lpi, word)| (lpi, word.read()))
            .filter(|(_, word)| !word.has(IrqWord::Dead))
    }
}
