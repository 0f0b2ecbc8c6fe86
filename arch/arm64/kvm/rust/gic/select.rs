// SPDX-License-Identifier: GPL-2.0

//! Which of a vCPU's interrupts go into its list registers.
//!
//! One pass over states that were each read once. What does not fit is left out in the order of
//! [`Rank`]; what fits keeps the order in which it came.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.c: vgic_irq_cmp, vgic_sort_ap_list, summarize_ap_list,
//!     vgic_flush_lr_state; arch/arm64/kvm/vgic/vgic.h: irqs_outside_lrs,
//!     irqs_pending_outside_lrs, irqs_active_outside_lrs; arch/arm64/kvm/vgic/vgic-v3.c:
//!     vgic_v3_fold_lr_state; arch/arm64/kvm/vgic/vgic-v2.c: vgic_v2_fold_lr_state
#![forbid(unsafe_code)]

use crate::gic::{
    list_register::{
        Intid,
        MAX_LRS, //
    },
    priority::Group,
    word::{
        IrqWord,
        VcpuIdx, //
    },
};

/// How many list registers are used.
///
/// A GICv3 has 16 at most. A GICv2 might have 64: those after the 16th stay empty, as if the
/// hardware had not got them.
///
/// # Invariants
///
/// From 1 to [`MAX_LRS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity(u8);

impl Capacity {
    /// Of hardware with that many.
    #[inline(always)]
    pub(crate) const fn of(list_registers: u32) -> Self {
        // INVARIANT: By the three arms. CAST: By the last one's condition.
        match list_registers {
            0 => Self(1),
            n if n > MAX_LRS as u32 => Self(MAX_LRS),
            n => Self(n as u8),
        }
    }

    /// The number.
    #[inline(always)]
    pub(crate) const fn get(self) -> u32 {
        // CAST: widening.
        self.0 as u32
    }
}

/// What the guest's CPU interface, and its distributor, let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    /// Whose list registers they are.
    pub(crate) vcpu: VcpuIdx,
    /// The distributor is on.
    pub(crate) forwarding: bool,
    /// Group 0 is enabled in the CPU interface.
    pub(crate) group0: bool,
    /// So is group 1.
    pub(crate) group1: bool,
}

impl View {
    /// Whether the vCPU has to see the interrupt.
    #[inline(always)]
    pub(crate) const fn shows(self, word: IrqWord) -> bool {
        word.is_due_in(self.vcpu, self.forwarding) && !word.has(IrqWord::OnLr)
    }

    const fn enables(self, group: Group) -> bool {
        match group {
            Group::Zero => self.group0,
            Group::One => self.group1,
        }
    }
}

/// How urgently an interrupt needs a list register; the less the more.
///
/// In this order: of an enabled group; pending and not active, so that what is active never keeps
/// out what is to be signalled; the priority; linked to a physical one, which the hardware can
/// deactivate there only; the INTID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(u64);

impl Rank {
    fn new(view: View, intid: Intid, word: IrqWord) -> Self {
        let disabled = u64::from(!view.enables(word.group()));
        let active = u64::from(word.has(IrqWord::Active));

        Self((disabled << 1 | active) << 41 | Self::among_equals(intid, word).0)
    }

    /// Without regard to group and state.
    fn among_equals(intid: Intid, word: IrqWord) -> Self {
        let priority = u64::from(word.priority().0);
        let alone = u64::from(!word.has(IrqWord::Hw));

        Self((priority << 1 | alone) << 32 | u64::from(intid.0))
    }
}

/// The best of many, at most `N`.
struct Best<T, const N: usize> {
    slots: [Option<(Rank, T)>; N],
    limit: usize,
}

impl<T: Copy, const N: usize> Best<T, N> {
    /// No more than `limit`.
    fn new(limit: u32) -> Self {
        Self {
            slots: [None; N],
            // CAST: widening.
            limit: limit as usize,
        }
    }

    fn slots(&mut self) -> impl Iterator<Item = &mut Option<(Rank, T)>> {
        self.slots.iter_mut().take(self.limit)
    }

    /// Takes the first free place.
    fn append(&mut self, rank: Rank, item: T) {
        if let Some(free) = self.slots().find(|slot| slot.is_none()) {
            *free = Some((rank, item));
        }
    }

    /// Takes its place by rank, and what was there the next one; the last one falls out.
    fn insert(&mut self, rank: Rank, item: T) {
        let mut rest = (rank, item);

        for slot in self.slots() {
            match slot {
                Some(held) if held.0 <= rest.0 => (),
                Some(held) => core::mem::swap(held, &mut rest),
                None => {
                    *slot = Some(rest);
                    return;
                }
            }
        }
    }

    /// From the order of [`append`](Self::append) to that of [`insert`](Self::insert).
    fn sort(&mut self) {
        for (rank, item) in core::mem::replace(&mut self.slots, [None; N])
            .into_iter()
            .flatten()
        {
            self.insert(rank, item);
        }
    }

    fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.slots.iter().flatten().map(|(_, item)| *item)
    }
}

/// What there was to choose from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Pending, not active.
    pub(crate) pending: u32,
    /// Of those: of a group that is enabled, so that they are signalled.
    pub(crate) signalled: u32,
    /// Active, pending or not.
    pub(crate) active: u32,
    /// SGIs among them.
    pub(crate) sgis: u32,
}

impl Summary {
    /// One more, that the vCPU has to see.
    #[inline(always)]
    pub(crate) fn count(&mut self, view: View, intid: Intid, word: IrqWord) {
        // No vCPU has 2^32 interrupts.
        if word.has(IrqWord::Active) {
            self.active = self.active.wrapping_add(1);
        } else {
            let signalled = view.enables(word.group());

            self.pending = self.pending.wrapping_add(1);
            self.signalled = self.signalled.wrapping_add(u32::from(signalled));
        }
        if intid.0 < 16 {
            self.sgis = self.sgis.wrapping_add(1);
        }
    }

    /// All of them.
    #[inline(always)]
    pub(crate) const fn all(self) -> u32 {
        self.pending.wrapping_add(self.active)
    }
}

/// The choice, while it is made.
pub(crate) struct Selection<T> {
    view: View,
    capacity: Capacity,
    // CAST: widening.
    best: Best<T, { MAX_LRS as usize }>,
    summary: Summary,
}

impl<T: Copy> Selection<T> {
    /// Nothing yet.
    #[inline]
    pub(crate) fn new(view: View, capacity: Capacity) -> Self {
        Self {
            view,
            capacity,
            best: Best::new(capacity.get()),
            summary: Summary::default(),
        }
    }

    /// One of the vCPU's queue, in the state `word`. What the vCPU need not see is left out.
    #[inline]
    pub(crate) fn offer(&mut self, intid: Intid, word: IrqWord, item: T) {
        if !self.view.shows(word) {
            return;
        }
        self.summary.count(self.view, intid, word);

        let rank = Rank::new(self.view, intid, word);
        let (all, capacity) = (self.summary.all(), self.capacity.get());

        if all <= capacity {
            self.best.append(rank, item);
            return;
        }
        if all.wrapping_sub(1) == capacity {
            self.best.sort();
        }
        self.best.insert(rank, item);
    }

    /// The chosen ones: as they came, or if not all fit, the most urgent first.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.best.iter()
    }

    /// What there was.
    #[inline(always)]
    pub(crate) fn summary(&self) -> Summary {
        self.summary
    }
}

/// The largest number of ends of interrupts that the hardware counts.
const MAX_ENDS: usize = 31;

/// Which interrupts the guest has ended that were in no list register: the hardware only counts
/// them (`EOIcount`).
///
/// A guest ends them in the reverse order of their acknowledgement, that is, the most urgent one
/// first, whether it has disabled a group meanwhile or not. To be asked before what is in list
/// registers is folded.
pub(crate) struct Ended<T> {
    view: View,
    best: Best<T, MAX_ENDS>,
}

impl<T: Copy> Ended<T> {
    /// So many of them.
    #[inline]
    pub(crate) fn new(view: View, count: u32) -> Self {
        Self {
            view,
            best: Best::new(count),
        }
    }

    /// One of the vCPU's queue, in the state `word`.
    #[inline]
    pub(crate) fn offer(&mut self, intid: Intid, word: IrqWord, item: T) {
        if word.has(IrqWord::Active) && self.view.shows(word) {
            self.best.insert(Rank::among_equals(intid, word), item);
        }
    }

    /// Those to be [deactivated](IrqWord::deactivate), in that order.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.best.iter()
    }
}
