// SPDX-License-Identifier: GPL-2.0

//! Interrupts into a vCPU's list registers and back.
//!
//! A vCPU that enters its guest *flushes* what is in its queue into list registers, and *syncs*
//! what the guest has made of them when it is back: both with interrupts off, strictly one after
//! the other. In between `vcpu->mode` is IN_GUEST_MODE. So
//!
//! - who makes an interrupt pending meanwhile, queues it and kicks: the vCPU leaves the guest;
//! - whoever wants to change the active state of an interrupt in a list register has the vCPU
//!   leave and stay out;
//! - nothing between the two may kick or request its own vCPU: that would make a kick that is
//!   meant to fetch it from the guest believe that somebody else has sent the IPI already.
//!
//! With nothing in the queue neither takes a lock or writes to memory that others read.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.c: kvm_vgic_inject_irq, vgic_prune_ap_list,
//!     vgic_flush_lr_state, kvm_vgic_vcpu_pending_irq, vgic_kick_vcpus;
//!     arch/arm64/kvm/vgic/vgic-v3.c: vgic_v3_fold_lr_state; arch/arm64/kvm/vgic/vgic-v2.c:
//!     vgic_v2_fold_lr_state
#![forbid(unsafe_code)]

use super::{
    guest::*,
    v4, //
};
use crate::{
    gic::{
        atomic_word::AtomicWord,
        entry::{
            Done,
            Entry,
            Identity,
            Returned, //
        },
        hcr::HcrKey,
        list_register::{
            Intid,
            ListRegister, //
        },
        queue::Settled,
        select::{
            Capacity,
            Ended,
            Selection,
            View, //
        },
        vmcr::Vmcr,
        word::{
            IrqWord,
            Kind,
            VcpuIdx, //
        },
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::{
    code::EINVAL,
    Result, //
};

/// The list registers of a vCPU in memory, of whichever GIC the host has.
pub(super) trait ListRegisters: Copy {
    /// One that is in use, with what the guest has made of it. `v2`: the guest has a GICv2.
    fn get(&self, number: u32, v2: bool) -> (Intid, Returned);
    /// Fills one.
    fn set(&self, number: u32, lr: ListRegister);
    /// How many are in use.
    fn used(&self) -> u32;
    /// See [`Self::used`].
    fn set_used(&self, used: u32);
    /// The number of ends of interrupts that were in no list register.
    fn ended(&self) -> u32;
    /// When the hardware is to fetch KVM.
    fn set_hcr(&self, key: HcrKey);
    /// Whether the guest's CPU interface has a group enabled: group 0, group 1.
    fn groups(&self) -> (bool, bool);
}

/// A vCPU with a GICv2 or GICv3, between load and put.
#[derive(Clone, Copy)]
struct Delivery<'a> {
    vcpu: LoadedVcpu<'a>,
    guest: Guest<'a>,
    own: &'a VgicVcpu,
    lpis: LpiRows<'a>,
}

impl<'a> Delivery<'a> {
    #[inline(always)]
    fn of(vcpu: LoadedVcpu<'a>) -> Option<Self> {
        let own = vcpu.vgic_vcpu()?;
        let guest = Guest::of_part(vcpu.vm(), own)?;

        Some(Self {
            vcpu,
            guest,
            own,
            lpis: guest.irqs().lpi_rows(own.index()),
        })
    }

    #[inline(always)]
    fn view(&self, lrs: impl ListRegisters) -> View {
        let (group0, group1) = lrs.groups();

        View {
            vcpu: self.own.index(),
            forwarding: self.guest.vm().dist().enabled(),
            group0,
            group1,
        }
    }

    #[inline(always)]
    fn irq(&self, intid: Intid) -> Option<Found<'a>> {
        self.guest.found_of(Some(self.own), intid)
    }

    #[inline(always)]
    fn queued(&self) -> impl Iterator<Item = Intid> + '_ {
        self.own.queue().iter(&self.lpis)
    }

    #[inline(always)]
    fn flush(self, lrs: impl ListRegisters) {
        // If not all did fit the last time, most likely they don't now.
        if !self.vcpu.is_crowded(self.own) {
            if let Some(sgis) = self.fill(lrs) {
                let spis = self.guest.irqs().traps_deactivation();

                return lrs.set_hcr(HcrKey::fitting(lrs.groups(), spis, sgis));
            }
            self.take_back(lrs);
        }
        self.choose(lrs, self.view(lrs), self.guest.irqs().traps_deactivation());
    }

    /// Fills list registers with the interrupts as they come. Whether there are SGIs among them;
    /// None if not all fit.
    #[inline(always)]
    fn fill(&self, lrs: impl ListRegisters) -> Option<bool> {
        let capacity = Self::capacity().get();
        let forwarding = self.guest.vm().dist().enabled();
        let (mut used, mut sgis) = (0_u32, false);

        self.vcpu.set_unlisted(self.own, false);
        for intid in self.queued() {
            let listed = match self.irq(intid) {
                Some(irq) if used == capacity => {
                    if self.view(lrs).shows(irq.word()) {
                        lrs.set_used(used);
                        return None;
                    }
                    None
                }
                Some(irq) => self.list_if(forwarding, irq),
                None => None,
            };

            if let Some(lr) = listed {
                lrs.set(used, lr);
                used = used.wrapping_add(1);
                sgis |= intid.is_sgi();
            } else {
                self.vcpu.set_unlisted(self.own, true);
            }
        }
        lrs.set_used(used);
        if used == 0 {
            // It may be that a leaf has nothing.
            self.vcpu.set_unlisted(self.own, true);
        }
        Some(sgis)
    }

    #[inline(always)]
    fn capacity() -> Capacity {
        Capacity::of(HostGic::list_registers())
    }

    /// Empties list registers that no guest has seen.
    #[cold]
    fn take_back(self, lrs: impl ListRegisters) {
        for number in 0..lrs.used() {
            let (intid, back) = lrs.get(number, self.own.is_v2());

            if let Some(irq) = self.irq(intid) {
                let sourced = self.own.kind(intid).has_sources();

                irq.state()
                    .update_relaxed(|word| (word.unlist(sourced, back), ()));
            }
        }
        lrs.set_used(0);
    }

    /// Ranks them.
    #[cold]
    fn choose(self, lrs: impl ListRegisters, view: View, spis: bool) {
        let mut selection = Selection::new(view, Self::capacity());
        let (mut used, mut queued) = (0_u32, 0_u32);

        for intid in self.queued() {
            queued = queued.wrapping_add(1);
            if let Some(irq) = self.irq(intid) {
                selection.offer(irq.intid, irq.word(), irq);
            }
        }
        for lr in selection.iter().filter_map(|irq| self.list(view, irq)) {
            lrs.set(used, lr);
            used = used.wrapping_add(1);
        }
        lrs.set_used(used);

        let (all, capacity) = (selection.summary(), Self::capacity());
        let some_strayed = queued != all.all() || used != all.all().min(capacity.get());

        // What only did not fit stays: there is nothing to look for when the guest is left.
        self.vcpu.set_unlisted(self.own, some_strayed);
        self.vcpu.set_crowded(self.own, all.all() > capacity.get());
        lrs.set_hcr(HcrKey::new(all, capacity, view, spis));
    }

    /// What a list register holds of an interrupt from now on, if it has any business there.
    #[inline(always)]
    fn list(&self, view: View, irq: Found<'_>) -> Option<ListRegister> {
        self.list_if(view.forwarding, irq)
    }

    #[inline(always)]
    fn list_if(&self, forwarding: bool, irq: Found<'_>) -> Option<ListRegister> {
        let (vcpu, word) = (self.own.index(), irq.word());
        let which = Identity {
            intid: irq.intid,
            sourced: self.own.kind(irq.intid).has_sources(),
            physical: irq.private().map_or(0, PrivateIrq::physical),
        };

        if forwarding && !which.sourced {
            if let Some((listed, lr)) = word.list_pending(irq.intid, which.physical, vcpu) {
                if irq.state().replace(word, listed) {
                    return Some(lr);
                }
            }
        }
        list(irq.state(), which, vcpu, forwarding)
    }

    /// What was in list registers is all there is to look at, if nothing else was in the queue
    /// then: what has come since is for the next entry.
    #[inline(always)]
    fn sync(self, lrs: impl ListRegisters, irq_off: &IrqOff) {
        if lrs.ended() != 0 {
            self.fold_all_and_ended(lrs, irq_off);
        } else {
            self.fold_all(lrs, irq_off);
            if !self.vcpu.has_unlisted(self.own) {
                return;
            }
        }
        self.prune(irq_off);
    }

    #[inline(always)]
    fn fold_all(&self, lrs: impl ListRegisters, irq_off: &IrqOff) {
        for number in 0..lrs.used() {
            let (intid, back) = lrs.get(number, self.own.is_v2());
            let done = !back.pending && !back.active && self.finish(intid, back, irq_off);

            if !done {
                self.fold(intid, back, irq_off);
            }
        }
        lrs.set_used(0);
    }

    /// Takes back an interrupt that the guest is done with. False if there is more to do than that.
    #[inline(always)]
    fn finish(&self, intid: Intid, back: Returned, irq_off: &IrqOff) -> bool {
        let Some(irq) = self.irq(intid) else {
            return true;
        };
        let word = irq.word();

        // Who is told may lower its line, which decides whether it stays.
        if back.ended
            && word.is_reported_at_end(self.own.kind(intid))
            && self.guest.vm().hears_acks()
        {
            return false;
        }
        match word.done(self.own.index()) {
            Some(Done::Stays(stays)) => irq.state().replace(word, stays),
            Some(Done::Gone(gone)) => {
                let mut released = false;

                self.vcpu
                    .with_queue(irq_off, self.own, &self.lpis, |owner| {
                        released = owner.release(intid, irq.state(), word, gone);
                    });
                if released {
                    self.left(intid);
                }
                released
            }
            None => false,
        }
    }

    /// With ends of interrupts that were in no list register.
    ///
    /// If the guest separates deactivation from them they are none: deactivations of what is in no
    /// list register trap. Hardware has nothing to count then, but some does (QEMU).
    #[cold]
    fn fold_all_and_ended(self, lrs: impl ListRegisters, irq_off: &IrqOff) {
        let count = if self.separates_deactivation() {
            0
        } else {
            lrs.ended()
        };
        // What is in list registers now has not been counted.
        let mut ended = Ended::new(self.view(lrs), count);

        for irq in self.queued().filter_map(|intid| self.irq(intid)) {
            ended.offer(irq.intid, irq.word(), irq);
        }
        self.fold_all(lrs, irq_off);

        for irq in ended.iter() {
            self.guest
                .deactivate(self.vcpu.anyones(), irq, None)
                .unwrap_or(());
        }
    }

    /// Takes back any interrupt.
    #[inline(never)]
    fn fold(self, intid: Intid, back: Returned, irq_off: &IrqOff) {
        let Some(irq) = self.irq(intid) else {
            return;
        };
        let kind = self.own.kind(intid);

        match irq.private() {
            Some(private) if irq.word().has(IrqWord::Hw) => {
                fold_mapped(private, intid, kind, back);
            }
            _ => {
                if back.ended && irq.word().is_reported_at_end(kind) {
                    self.guest.vm().notify_acked(intid.0);
                }
                // It stands for nothing physical.
                let _ = irq
                    .state()
                    .update_relaxed(|word| word.fold(kind, back, || false));
            }
        }
        self.vcpu
            .with_queue(irq_off, self.own, &self.lpis, |owner| {
                self.settled(intid, owner.settle(intid, irq.state(), true));
            });
    }

    #[inline(always)]
    fn separates_deactivation(&self) -> bool {
        Vmcr::from_raw(u64::from(self.vcpu.vmcr_in_memory())).separate_deactivation()
    }

    /// What became of an interrupt in the queue.
    #[inline(always)]
    fn settled(&self, intid: Intid, settled: Settled) {
        match settled {
            Settled::Gone => self.left(intid),
            Settled::Moved(to) => self.guest.moved(intid, to),
            Settled::Stays | Settled::Stray => (),
        }
    }

    /// One that was in the queue is nobody's.
    #[inline(always)]
    fn left(&self, intid: Intid) {
        if intid.is_spi() {
            self.guest.left_queue(intid, self.separates_deactivation());
        }
    }

    /// Lets go of what is not for this vCPU any more.
    #[inline(never)]
    fn prune(self, irq_off: &IrqOff) {
        self.vcpu
            .with_queue(irq_off, self.own, &self.lpis, |owner| {
                owner.prune(
                    true,
                    |intid| self.irq(intid).map(Found::state),
                    |intid, settled| self.settled(intid, settled),
                );
            });
    }
}

/// See [`Delivery::list`].
#[inline(never)]
fn list(
    state: &AtomicWord,
    which: Identity,
    vcpu: VcpuIdx,
    forwarding: bool,
) -> Option<ListRegister> {
    state.update_relaxed(|word| {
        let (word, entry) = word.list(which, vcpu, forwarding);

        (word, entry.map(Entry::v3))
    })
}

/// Of an interrupt that stands for a physical one, which has to follow.
#[inline(never)]
fn fold_mapped(irq: &PrivateIrq, intid: Intid, kind: Kind, back: Returned) {
    let mapping = irq.lock_mapping();
    let physical = irq
        .state()
        .update_relaxed(|word| word.fold(kind, back, || mapping.line_level(intid.0)));

    follow_physically(&mapping, physical);
}

/// Drives a line. `vcpu`: whose, if it is private.
///
/// # Errors
///
/// `EINVAL` if there is no such interrupt.
#[inline(always)]
pub(super) fn inject(
    vm: Vm<'_>,
    vcpu: Option<Vcpu<'_>>,
    intid: Intid,
    high: bool,
    owner: Owner,
) -> Result {
    // Each entry and exit reports the level of the PMU's line: it is what it was.
    let known = vcpu
        .and_then(Vcpu::vgic_vcpu)
        .and_then(|own| own.private(intid.0))
        .is_some_and(|irq| irq.word().ignores(high));

    if known && !tracepoint::traces_vgic_update_irq_pending() {
        return Ok(());
    }
    inject_news(vm, vcpu, intid, high, owner)
}

/// Likewise, where that may change something or is watched.
#[inline(never)]
fn inject_news(
    vm: Vm<'_>,
    vcpu: Option<Vcpu<'_>>,
    intid: Intid,
    high: bool,
    owner: Owner,
) -> Result {
    let Some(guest) = Guest::of(vm) else {
        return inject_elsewhere(vm, vcpu, intid, high, owner);
    };
    if vcpu.is_none() && intid.is_private() {
        return Err(EINVAL);
    }

    tracepoint::vgic_update_irq_pending(vcpu, intid.0, high);

    let irq = guest.irq(vcpu, intid).ok_or(EINVAL)?;

    if irq.is_lpi() {
        // It has no line; whoever says that there is one, means a message.
        if high && irq.is_owned_by(owner) {
            guest.set_lpi_pending(intid);
        }
        return Ok(());
    }
    if irq.word().ignores(high) || !irq.is_owned_by(owner) {
        return Ok(());
    }
    guest.inject(irq, high);
    Ok(())
}

/// Of a VM whose GIC is not initialised, or is a GICv5.
#[cold]
fn inject_elsewhere(
    vm: Vm<'_>,
    vcpu: Option<Vcpu<'_>>,
    intid: Intid,
    high: bool,
    owner: Owner,
) -> Result {
    if vm.dist().initialized() && vm.dist().model() == Some(Model::V5) {
        super::v5::inject(vm, vcpu, intid, high, owner)
    } else {
        Ok(())
    }
}

/// Fills the list registers, before the guest is entered.
///
/// With nothing to fill them with, which is the most frequent case by far, that is known at once.
#[inline(always)]
pub(super) fn flush(vcpu: LoadedVcpu<'_>, lrs: impl ListRegisters) {
    let Some((own, irqs)) = vcpu
        .vgic_vcpu()
        .and_then(|own| own.irqs().map(|irqs| (own, irqs)))
    else {
        return lrs.set_used(0);
    };

    if own.queue().is_empty() {
        lrs.set_used(0);
        lrs.set_hcr(HcrKey::fitting(
            lrs.groups(),
            irqs.traps_deactivation(),
            false,
        ));
    } else {
        flush_some(vcpu, lrs);
    }
}

#[inline(never)]
fn flush_some(vcpu: LoadedVcpu<'_>, lrs: impl ListRegisters) {
    if let Some(delivery) = Delivery::of(vcpu) {
        delivery.flush(lrs);
    }
}

/// Takes what the guest has made of its interrupts, after it was left.
#[inline(always)]
pub(super) fn sync(vcpu: LoadedVcpu<'_>, lrs: impl ListRegisters, irq_off: &IrqOff) {
    // What was in a list register is in the queue.
    if vcpu.vgic_vcpu().is_some_and(|own| !own.queue().is_empty()) {
        sync_some(vcpu, lrs, irq_off);
    }
}

#[inline(never)]
fn sync_some(vcpu: LoadedVcpu<'_>, lrs: impl ListRegisters, irq_off: &IrqOff) {
    if let Some(delivery) = Delivery::of(vcpu) {
        delivery.sync(lrs, irq_off);
    }
}

/// Looks through the vCPU's interrupts because somebody has asked for it.
pub(super) fn update(vcpu: LoadedVcpu<'_>, irq_off: &IrqOff) {
    if let Some(delivery) = Delivery::of(vcpu) {
        delivery.prune(irq_off);
    }
}

/// Whether the guest would be interrupted if it ran.
pub(super) fn is_pending(vcpu: Vcpu<'_>) -> bool {
    let (Some(guest), Some(own)) = (Guest::of(vcpu.vm()), vcpu.vgic_vcpu()) else {
        return false;
    };
    let Some(index) = guest.index_of(vcpu) else {
        return false;
    };

    // A GICv2's has the mask in the same place.
    let mask = Vmcr::from_raw(u64::from(vcpu.vmcr_in_memory())).priority_mask();

    let has_queued = || {
        !own.queue().is_empty()
            && own
                .queue()
                .iter(&guest.irqs().lpi_rows(index))
                .filter_map(|intid| guest.found(Some(vcpu), intid))
                .any(|irq| irq.word().wakes(index, mask))
    };

    guest.vm().dist().enabled() && (v4::is_pending(vcpu) || has_queued())
}
