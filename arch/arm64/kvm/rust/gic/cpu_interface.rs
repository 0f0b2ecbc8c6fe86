// SPDX-License-Identifier: GPL-2.0

//! What a GICv3 CPU interface does on an access of its registers, on top of the list registers
//! and active priorities of the real one.
//!
//! For guests whose accesses trap, on hardware whose virtual CPU interface is not to be trusted
//! with them.
//!
//! Source: GIC Architecture Specification (IHI 0069), the `ICV_*` registers and the pseudocode
//! of the virtual CPU interface.
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: __vgic_v3_highest_priority_lr,
//!     __vgic_v3_find_active_lr, __vgic_v3_get_highest_active_priority,
//!     __vgic_v3_set_active_priority, __vgic_v3_clear_highest_active_priority, __vgic_v3_read_iar,
//!     __vgic_v3_clear_active_lr, ___vgic_v3_write_dir, __vgic_v3_write_dir, __vgic_v3_write_eoir,
//!     __vgic_v3_read_apxrn, __vgic_v3_write_apxrn, __vgic_v3_read_hppir, __vgic_v3_read_rpr,
//!     __vgic_v3_read_ctlr
#![forbid(unsafe_code)]

use super::{
    list_register::{
        Intid,
        ListRegister,
        LrIndex,
        State,
        Vtr,
        SPURIOUS, //
    },
    priority::{
        ApIndex,
        Group,
        Levels,
        Priority, //
    },
    vmcr::Vmcr, //
};

/// The registers behind a guest's CPU interface.
pub(crate) trait Registers {
    /// `ICH_VTR_EL2`.
    fn vtr(&self) -> Vtr;
    /// How many list registers hold an interrupt of the guest.
    fn used_lrs(&self) -> u32;
    /// `ICH_LR<n>_EL2`.
    fn lr(&self, index: LrIndex) -> ListRegister;
    /// Writes `ICH_LR<n>_EL2`.
    fn set_lr(&mut self, index: LrIndex, lr: ListRegister);
    /// `ICH_AP0R<n>_EL2` and `ICH_AP1R<n>_EL2`; the register exists.
    fn active_priorities(&self, group: Group, index: ApIndex) -> u32;
    /// Writes an active-priority register that exists.
    fn set_active_priorities(&mut self, group: Group, index: ApIndex, bits: u32);
    /// `ICH_VMCR_EL2`.
    fn vmcr(&self) -> Vmcr;
    /// Writes `ICH_VMCR_EL2`.
    fn set_vmcr(&mut self, vmcr: Vmcr);
    /// Counts an end of interrupt that found no list register (`ICH_HCR_EL2.EOIcount`).
    fn count_eoi(&mut self);
    /// Deactivates an interrupt of the host.
    fn deactivate_physical(&mut self, intid: u32);
}

/// A guest's CPU interface.
pub(crate) struct CpuInterface<R>(R);

/// Whether the access is done with, or is the rest of KVM's to finish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Outcome {
    Done,
    NotHere,
}

impl<R: Registers> CpuInterface<R> {
    /// The one with these registers.
    #[inline(always)]
    pub(crate) fn new(registers: R) -> Self {
        Self(registers)
    }

    /// The most urgent pending interrupt of the enabled groups.
    pub(crate) fn highest_pending(&self, vmcr: Vmcr) -> Option<(LrIndex, ListRegister)> {
        let mut best: Option<(LrIndex, ListRegister)> = None;

        for index in LrIndex::first(self.0.used_lrs()) {
            let lr = self.0.lr(index);
            let limit = best.map_or(Priority::IDLE, |(_, lr)| lr.priority());

            if lr.state() == State::Pending && vmcr.is_enabled(lr.group()) && lr.priority() < limit
            {
                best = Some((index, lr));
            }
        }
        best
    }

    fn find_active(&self, intid: Intid) -> Option<(LrIndex, ListRegister)> {
        LrIndex::first(self.0.used_lrs())
            .map(|index| (index, self.0.lr(index)))
            .find(|(_, lr)| lr.intid() == intid && lr.is_active())
    }

    /// `ICV_RPR_EL1`: the pre-emption level of the most urgent active interrupt.
    pub(crate) fn running_priority(&self) -> Priority {
        let vtr = self.0.vtr();

        ApIndex::all(vtr)
            .find_map(|index| {
                let bits = self.0.active_priorities(Group::Zero, index)
                    | self.0.active_priorities(Group::One, index);

                Levels::of(vtr).most_urgent(index, bits)
            })
            .unwrap_or(Priority::IDLE)
    }

    fn activate_level(&mut self, level: Priority, group: Group) {
        let record = Levels::of(self.0.vtr()).record(level);
        let bits = self.0.active_priorities(group, record.register);

        self.0
            .set_active_priorities(group, record.register, bits | record.bit);
    }

    /// Priority drop: the most urgent active level ends, whichever interrupt it was for. Returns
    /// it.
    fn drop_priority(&mut self) -> Priority {
        let vtr = self.0.vtr();

        for index in ApIndex::all(vtr) {
            let zero = self.0.active_priorities(Group::Zero, index);
            let one = self.0.active_priorities(Group::One, index);
            let Some(level) = Levels::of(vtr).most_urgent(index, zero | one) else {
                continue;
            };
            // With both groups active at a level it is group 1 that gives it up.
            let (group, bits) = if zero.trailing_zeros() < one.trailing_zeros() {
                (Group::Zero, zero)
            } else {
                (Group::One, one)
            };

            // The lowest bit, that is, `bits` is not 0: `level` comes from it.
            self.0
                .set_active_priorities(group, index, bits & bits.wrapping_sub(1));
            return level;
        }
        Priority::IDLE
    }

    /// `ICV_IAR<n>_EL1`: acknowledges the most urgent interrupt, if the group has it and it may
    /// be signalled now.
    pub(crate) fn acknowledge(&mut self, group: Group) -> u32 {
        let vmcr = self.0.vmcr();
        let Some((index, lr)) = self.highest_pending(vmcr) else {
            return SPURIOUS;
        };
        let level = lr
            .priority()
            .preemption_level(vmcr.sub_priority_bits(group));

        if lr.group() != group
            || lr.priority() >= vmcr.priority_mask()
            || level >= self.running_priority()
        {
            return SPURIOUS;
        }

        self.0.set_lr(index, lr.acknowledged());
        self.activate_level(level, group);
        lr.intid().0
    }

    /// `ICV_HPPIR<n>_EL1`: the most urgent pending interrupt, if it is the group's.
    pub(crate) fn highest_pending_intid(&self, group: Group) -> u32 {
        self.highest_pending(self.0.vmcr())
            .filter(|(_, lr)| lr.group() == group)
            .map_or(SPURIOUS, |(_, lr)| lr.intid().0)
    }

    /// Deactivates the interrupt in a list register, and the physical one that is linked to it.
    pub(crate) fn deactivate_lr(&mut self, index: LrIndex, lr: ListRegister) {
        if let Some(physical) = lr.physical() {
            self.0.deactivate_physical(physical);
        }
        self.0.set_lr(index, lr.deactivated());
    }

    /// `ICV_EOIR<n>_EL1`: priority drop, and deactivation unless that is separate.
    pub(crate) fn end_of_interrupt(&mut self, group: Group, intid: Intid) {
        let vmcr = self.0.vmcr();
        let deactivates = !vmcr.separate_deactivation();
        let dropped = self.drop_priority();

        let Some((index, lr)) = self.find_active(intid) else {
            // An LPI has left its list register with its acknowledgement.
            if deactivates && !intid.is_lpi() {
                self.0.count_eoi();
            }
            return;
        };
        if !deactivates && !intid.is_lpi() {
            return;
        }

        // Out of order, or through the other group's register: not the end of this interrupt.
        let level = lr
            .priority()
            .preemption_level(vmcr.sub_priority_bits(group));
        if lr.group() == group && level == dropped {
            self.deactivate_lr(index, lr);
        }
    }

    /// `ICV_DIR_EL1`. [`Outcome::NotHere`] if no list register holds the interrupt.
    pub(crate) fn deactivate(&mut self, intid: Intid) -> Outcome {
        if !self.0.vmcr().separate_deactivation() || intid.is_lpi() {
            return Outcome::Done;
        }
        let Some((index, lr)) = self.find_active(intid) else {
            return Outcome::NotHere;
        };

        self.deactivate_lr(index, lr);
        Outcome::Done
    }

    /// [`Self::deactivate`] where hardware is to count what no list register holds.
    pub(crate) fn deactivate_or_count(&mut self, intid: Intid) {
        if self.deactivate(intid) == Outcome::NotHere {
            self.0.count_eoi();
        }
    }

    /// `ICV_CTLR_EL1`.
    pub(crate) fn control(&self) -> u32 {
        self.0.vmcr().control(self.0.vtr())
    }

    /// `ICV_AP<g>R<n>_EL1`; none if the hardware has no such register.
    pub(crate) fn active_priorities(&self, group: Group, index: ApIndex) -> Option<u32> {
        index
            .exists(self.0.vtr())
            .then(|| self.0.active_priorities(group, index))
    }

    /// Writes `ICV_AP<g>R<n>_EL1`.
    pub(crate) fn set_active_priorities(
        &mut self,
        group: Group,
        index: ApIndex,
        bits: u32,
    ) -> Outcome {
        if !index.exists(self.0.vtr()) {
            return Outcome::NotHere;
        }
        self.0.set_active_priorities(group, index, bits);
        Outcome::Done
    }

    /// `ICH_VMCR_EL2`, which has the rest of the registers.
    pub(crate) fn vmcr(&self) -> Vmcr {
        self.0.vmcr()
    }

    /// Changes `ICH_VMCR_EL2`.
    pub(crate) fn update_vmcr(&mut self, change: impl FnOnce(Vmcr, Vtr) -> Vmcr) {
        let vmcr = change(self.0.vmcr(), self.0.vtr());

        self.0.set_vmcr(vmcr);
    }

    /// The registers behind it.
    #[cfg(test)]
    pub(crate) fn registers(&self) -> &R {
        &self.0
    }
}
