// SPDX-License-Identifier: GPL-2.0

//! The interrupts of a VM, and what must follow a change of one.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.c: vgic_get_irq, vgic_get_vcpu_irq, vgic_queue_irq_unlock,
//!     vgic_model_needs_bcst_kick
#![forbid(unsafe_code)]

use super::v4;
use crate::{
    arm64::prelude::*,
    gic::{
        atomic_word::{
            AtomicWord,
            Caller, //
        },
        list_register::Intid,
        transition::{
            Action,
            Delivery,
            Edit,
            Listed,
            Physical,
            Writer, //
        },
        word::{
            IrqWord,
            Kind,
            Source,
            VcpuIdx, //
        },
    },
    kvm::prelude::*,
    linux::prelude::*, //
};

/// A VM whose GICv2 or GICv3 has all its interrupts.
#[derive(Clone, Copy)]
pub(super) struct Guest<'a> {
    vm: Vm<'a>,
    irqs: &'a VgicIrqs,
}

/// An interrupt, found by its number.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// The number that it was found by.
    pub(super) intid: Intid,
    state: &'a AtomicWord,
    irq: Where<'a>,
}

#[derive(Clone, Copy)]
enum Where<'a> {
    /// An SGI or PPI of a vCPU.
    Private(&'a PrivateIrq),
    /// An SPI.
    Shared(&'a Irq),
    /// An LPI, which is nothing but its state.
    Lpi,
}

impl<'a> Found<'a> {
    /// It as a private one, which it is if it can be mapped to a physical interrupt.
    #[inline(always)]
    pub(super) fn private(self) -> Option<&'a PrivateIrq> {
        match self.irq {
            Where::Private(irq) => Some(irq),
            Where::Shared(_) | Where::Lpi => None,
        }
    }

    /// Whether it is an LPI.
    #[inline(always)]
    pub(super) fn is_lpi(self) -> bool {
        matches!(self.irq, Where::Lpi)
    }

    /// What there is of one that is not an LPI.
    #[inline(always)]
    pub(super) fn line(self) -> Option<&'a Irq> {
        match self.irq {
            Where::Private(irq) => Some(irq),
            Where::Shared(irq) => Some(irq),
            Where::Lpi => None,
        }
    }

    /// Its state, for as long as the VM or vCPU.
    #[inline(always)]
    pub(super) fn state(self) -> &'a AtomicWord {
        self.state
    }

    /// Its state, as of now.
    #[inline(always)]
    pub(super) fn word(self) -> IrqWord {
        self.state.read()
    }

    /// See [`Irq::route`].
    #[inline(always)]
    pub(super) fn route(self) -> u32 {
        self.line().map_or(0, Irq::route)
    }

    /// See [`Irq::is_owned_by`].
    #[inline(always)]
    pub(super) fn is_owned_by(self, owner: Owner) -> bool {
        match self.line() {
            Some(irq) => irq.is_owned_by(owner),
            None => owner == Owner::NOBODY,
        }
    }
}

impl<'a> Found<'a> {
    /// Changes an interrupt that nothing physical has to follow.
    ///
    /// # Errors
    ///
    /// One for which that has to be, at the moment of the change: that takes the lock of [`PrivateIrq`].
    #[inline(always)]
    pub(super) fn update_alone<A>(
        self,
        caller: Caller,
        f: impl Fn(IrqWord) -> (IrqWord, A),
    ) -> core::result::Result<A, &'a PrivateIrq> {
        let Some(private) = self.private() else {
            return Ok(self.state.update_by(caller, f));
        };

        if private.word().is_bound() {
            return Err(private);
        }
        private
            .state()
            .update_by(caller, |word| {
                if word.is_bound() {
                    (word, None)
                } else {
                    let (word, also) = f(word);

                    (word, Some(also))
                }
            })
            .ok_or(private)
    }
}

impl<'a> Guest<'a> {
    /// Of a VM, if it has such a GIC and that is initialised.
    #[inline(always)]
    pub(super) fn of(vm: Vm<'a>) -> Option<Self> {
        Some(Self {
            vm,
            irqs: vm.dist().irqs()?,
        })
    }

    /// Of the VM of a vCPU whose part of the GIC this is.
    #[inline(always)]
    pub(super) fn of_part(vm: Vm<'a>, part: &'a VgicVcpu) -> Option<Self> {
        Some(Self {
            vm,
            irqs: part.irqs()?,
        })
    }

    /// The VM.
    #[inline(always)]
    pub(super) fn vm(self) -> Vm<'a> {
        self.vm
    }

    /// Which GIC it has.
    #[inline(always)]
    pub(super) fn model(self) -> Model {
        // There is one, or there would be no interrupts.
        self.vm.dist().model().unwrap_or(Model::V3)
    }

    /// What all vCPUs share.
    #[inline(always)]
    pub(super) fn irqs(self) -> &'a VgicIrqs {
        self.irqs
    }

    /// What kind of interrupt that number is, of that vCPU.
    #[inline(always)]
    pub(super) fn kind(self, vcpu: Vcpu<'_>, intid: Intid) -> Kind {
        let source = match self.model() {
            // CAST: Never negative.
            Model::V2 => Source::new(vcpu.id() as u32),
            Model::V3 | Model::V5 => None,
        };

        Kind::new(intid, source)
    }

    /// The interrupt of that number, if there is one: a private one is `vcpu`'s, an LPI is mapped.
    #[inline(always)]
    pub(super) fn irq(self, vcpu: Option<Vcpu<'a>>, intid: Intid) -> Option<Found<'a>> {
        self.found(vcpu, intid)
            .filter(|irq| !intid.is_lpi() || !irq.word().has(IrqWord::Dead))
    }

    /// The same, or an LPI that is not mapped any more: what queues and list registers hold.
    #[inline(always)]
    pub(super) fn found(self, vcpu: Option<Vcpu<'a>>, intid: Intid) -> Option<Found<'a>> {
        self.found_of(vcpu.and_then(Vcpu::vgic_vcpu), intid)
    }

    /// The same, by the vCPU's part of the GIC.
    #[inline(always)]
    pub(super) fn found_of(self, vcpu: Option<&'a VgicVcpu>, intid: Intid) -> Option<Found<'a>> {
        if let Some(irq) = vcpu.and_then(|vgic| vgic.private(intid.0)) {
            return Some(Found {
                intid,
                state: irq.state(),
                irq: Where::Private(irq),
            });
        }
        if intid.is_lpi() {
            return self.lpi_word(intid);
        }
        let irq = self.irqs.spi(intid.0)?;

        Some(Found {
            intid,
            state: irq.state(),
            irq: Where::Shared(irq),
        })
    }

    /// The LPI of that number, mapped or not, if it, or one near it, has ever been mapped.
    #[inline(always)]
    pub(super) fn lpi_word(self, lpi: Intid) -> Option<Found<'a>> {
        Some(Found {
            intid: lpi,
            state: self.irqs.lpis().word(lpi)?,
            irq: Where::Lpi,
        })
    }

    /// The vCPU of that index.
    #[inline(always)]
    pub(super) fn vcpu(self, index: VcpuIdx) -> Option<Vcpu<'a>> {
        self.irqs.vcpu(index, self.vm)
    }

    /// The index of a vCPU.
    #[inline(always)]
    pub(super) fn index_of(self, vcpu: Vcpu<'_>) -> Option<VcpuIdx> {
        VcpuIdx::new(vcpu.index())
    }

    /// Changes an interrupt and does what follows. `f` may look at what it is mapped to, and may
    /// be called again if somebody else changes it meanwhile.
    pub(super) fn change(
        self,
        irq: Found<'_>,
        f: impl Fn(IrqWord, Option<&Mapping>) -> (IrqWord, Action),
    ) {
        self.change_by(Caller::Announces, irq, f);
    }

    #[inline(always)]
    fn change_by(
        self,
        caller: Caller,
        irq: Found<'_>,
        f: impl Fn(IrqWord, Option<&Mapping>) -> (IrqWord, Action),
    ) {
        let claiming = PreemptOff::new();
        let delivery = irq
            .update_alone(caller, |word| f(word, None))
            .unwrap_or_else(|private| {
                let mapping = private.lock_mapping();
                let action = v4::change_bound(&mapping, irq, |word| f(word, Some(&mapping)));

                follow_physically(&mapping, action.physical);
                action
            })
            .delivery;

        self.deliver(irq, delivery, claiming.on_cpu());
    }

    /// Drives a line. The physical interrupt behind one has nothing to follow, so that this takes no
    /// lock: see [`IrqWord::inject`].
    #[inline(always)]
    pub(super) fn inject(self, irq: Found<'_>, high: bool) {
        let claiming = PreemptOff::new();
        let injected = irq.state().update(|word| {
            if word.has(IrqWord::Direct) {
                (word, None)
            } else {
                let (word, action) = word.inject(high);

                (word, Some(action.delivery))
            }
        });

        match injected {
            Some(delivery) => self.deliver(irq, delivery, claiming.on_cpu()),
            None => self.change(irq, |word, _| word.inject(high)),
        }
    }

    /// Changes an interrupt as a register, or user space, says. `vcpu`: whose it is if it is private.
    #[inline(always)]
    pub(super) fn edit(self, vcpu: Vcpu<'_>, irq: Found<'_>, edit: Edit, by: Writer) {
        // Most of what user space restores is so from the start.
        if by == Writer::Guest || !edit.is_in(irq.word()) {
            self.edit_anew(vcpu, irq, edit, by);
        }
    }

    #[inline(never)]
    fn edit_anew(self, vcpu: Vcpu<'_>, irq: Found<'_>, edit: Edit, by: Writer) {
        let kind = self.kind(vcpu, irq.intid);

        self.change_by(by.into(), irq, |word, mapping| {
            word.edit(edit, kind, by, || {
                mapping.is_some_and(|mapping| mapping.line_level(irq.intid.0))
            })
        });
    }

    /// Puts an interrupt where its word says that it is to be, and tells the vCPU.
    ///
    /// Preemption is off since before the word was changed, or interrupts are: others that find the
    /// interrupt claimed rely on its being in the queue soon, and the vCPU's being told.
    #[inline]
    pub(super) fn deliver(self, irq: Found<'_>, delivery: Delivery, on_cpu: OnCpu<'_>) {
        match delivery {
            Delivery::Nothing => (),
            Delivery::Kick(at) => {
                if let Some(vcpu) = self.irqs.vcpu_of_word(at, self.vm) {
                    tell(irq.intid, vcpu, on_cpu);
                }
            }
            Delivery::Queue(to) if irq.intid.is_private() => {
                if let Some(vcpu) = self.irqs.vcpu_of_word(to, self.vm) {
                    self.push(irq.intid, to, vcpu);
                    tell(irq.intid, vcpu, on_cpu);
                }
            }
            Delivery::Queue(to) => {
                let first = irq.intid.is_spi() && self.irqs.enters_queue();

                self.queue(irq.intid, to, first);
            }
            Delivery::Requeue(to) => self.queue(irq.intid, to, false),
        }
    }

    /// Sets the bit of an interrupt that is claimed for that vCPU.
    #[inline(always)]
    fn push(self, intid: Intid, index: VcpuIdx, vcpu: Vcpu<'_>) {
        if let Some(vgic) = vcpu.vgic_vcpu() {
            vgic.queue().push(intid, &self.irqs.lpi_rows(index));
        }
    }

    /// An interrupt is in no queue any more. `separate`: its guest deactivates interrupts by
    /// themselves.
    pub(super) fn left_queue(self, intid: Intid, separate: bool) {
        if intid.is_spi() && self.irqs.leaves_queue(separate) {
            self.vm.kick_all_for_irq();
        }
    }

    /// Another vCPU's queue claims an interrupt from now on.
    pub(super) fn moved(self, intid: Intid, to: VcpuIdx) {
        self.queue(intid, to, false);
    }

    /// The guest has deactivated an interrupt that was in no list register of `vcpu`, whose it is
    /// if it is private. `source`: what a GICv2's guest says of whom an SGI was from.
    ///
    /// # Errors
    ///
    /// The vCPU that may have it in a list register, which has to be stopped first.
    pub(super) fn deactivate(
        self,
        vcpu: Vcpu<'_>,
        irq: Found<'_>,
        source: Option<Source>,
    ) -> core::result::Result<(), Listed> {
        self.deactivate_and(vcpu, irq, source, |physical| physical)
    }

    /// The same, where the hardware has ended the physical interrupt already: to do that once more
    /// is too much for some CPUs (AmpereOne AC03_CPU_57, AC04_CPU_29).
    ///
    /// # Errors
    ///
    /// See above.
    pub(super) fn deactivate_after_hardware(
        self,
        vcpu: Vcpu<'_>,
        irq: Found<'_>,
    ) -> core::result::Result<(), Listed> {
        self.deactivate_and(vcpu, irq, None, |physical| match physical {
            Physical::End => Physical::Nothing,
            other => other,
        })
    }

    /// `physical`: what of the physical side's part is to be done.
    #[inline]
    fn deactivate_and(
        self,
        vcpu: Vcpu<'_>,
        irq: Found<'_>,
        source: Option<Source>,
        physical: impl Fn(Physical) -> Physical,
    ) -> core::result::Result<(), Listed> {
        let kind = self.kind(vcpu, irq.intid);

        if irq.word().is_deactivation_reported(kind) {
            self.vm.notify_acked(irq.intid.0);
        }
        let claiming = PreemptOff::new();
        let action = match irq.update_alone(Caller::Announces, |word| {
            word.deactivate(kind, source, || false)
        }) {
            Ok(action) => action?,
            Err(private) => {
                let mapping = private.lock_mapping();
                let action = v4::change_bound(&mapping, irq, |word| {
                    word.deactivate(kind, source, || mapping.line_level(irq.intid.0))
                })?;

                follow_physically(&mapping, physical(action.physical));
                action
            }
        };

        self.deliver(irq, action.delivery, claiming.on_cpu());
        Ok(())
    }

    /// `first`: no SPI was queued in the VM until now.
    fn queue(self, intid: Intid, to: VcpuIdx, first: bool) {
        let Some(vcpu) = self.irqs.vcpu_of_word(to, self.vm) else {
            return;
        };

        self.push(intid, to, vcpu);
        if first && self.deactivation_may_have_to_trap() {
            self.vm.kick_all_for_irq();
        } else {
            vcpu.kick_for_irq();
        }
    }

    /// The same of an LPI, that is in that leaf.
    #[inline(always)]
    pub(super) fn queue_lpi(self, lpi: Intid, leaf: &LpiLeaf, to: VcpuIdx) {
        let Some(vcpu) = self.irqs.vcpu_of_word(to, self.vm) else {
            return;
        };

        if let (Some(vgic), Some(row)) = (vcpu.vgic_vcpu(), leaf.row(to)) {
            vgic.queue().push_lpi(lpi, row);
        }
        vcpu.kick_for_irq();
    }

    /// With EOImode 1 an SPI may be deactivated on any vCPU, whose deactivations must trap then:
    /// for which they have to enter the guest anew.
    fn deactivation_may_have_to_trap(self) -> bool {
        self.model() == Model::V3 && cpucaps::has_ich_hcr_el2_tdir()
    }
}

/// Has a vCPU look at an interrupt that it has in its queue.
#[inline(always)]
fn tell(intid: Intid, vcpu: Vcpu<'_>, on_cpu: OnCpu<'_>) {
    // Most private ones come from the vCPU's own timers, or from itself.
    if !intid.is_private() || !vcpu.looks_by_itself(on_cpu) {
        vcpu.kick_for_irq();
    }
}

/// Has the physical interrupt follow the virtual one.
pub(super) fn follow_physically(mapping: &Mapping, what: Physical) {
    let Some(host) = mapping.host() else {
        return;
    };

    match what {
        Physical::Nothing => (),
        Physical::Activate => host.set_active(true),
        Physical::Deactivate => host.set_active(false),
        Physical::ClearPending => host.set_pending(false),
        Physical::ClearPendingAndActive => {
            host.set_pending(false);
            host.set_active(false);
        }
        Physical::End => host.end(),
    }
}
