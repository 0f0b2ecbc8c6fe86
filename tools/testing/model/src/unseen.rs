// SPDX-License-Identifier: GPL-2.0

//! Guests of whose list registers nobody knows: all that is seen is what they acknowledge. They enter
//! for it, and leave, so that whatever has happened before has reached them, but for what another
//! vCPU that is in its guest is about to give up.

use crate::{
    cpu::Taken,
    demand,
    event::Outcome,
    irq::{Id, Irq, PRIORITY},
    model::Model,
    Verdict,
};

/// The bits of a priority that CPU interfaces have. LPIs have one more.
fn implemented(priority: u8) -> u8 {
    priority & PRIORITY
}

impl Model {
    /// A guest acknowledges what it is shown.
    pub(crate) fn take(&mut self, vcpu: u32, outcome: &Outcome) -> Verdict {
        let Some(taken) = outcome.value.map(Taken::of_value) else {
            return self.check_passed_over(vcpu, u8::MAX);
        };
        let id = self.id(vcpu, taken.intid).ok_or("no such interrupt")?;

        self.check_taken(vcpu, self.irq(id), taken)
            .map_err(|text| format!("{text}: {:?}", self.irq(id)))?;
        self.check_passed_over(vcpu, taken.priority)?;
        self.irq_mut(id).acknowledge(vcpu, taken.sender);
        self.cpus[vcpu as usize].stack.push(taken);
        Ok(())
    }

    fn check_taken(&self, vcpu: u32, irq: &Irq, taken: Taken) -> Verdict {
        let cpu = &self.cpus[vcpu as usize];
        // How it was configured whenever that was read.
        let doubtful = self.its.is_in_doubt(irq);

        demand!(self.forwarding, "the distributor is off");
        demand!(irq.mapped, "it is not mapped");
        demand!(irq.target == Some(vcpu), "it is another vCPU's");
        demand!(irq.active.is_none(), "it is active");
        demand!(irq.enabled || doubtful, "it is disabled");
        demand!(cpu.enables(irq.group1), "its group is disabled");
        demand!(self.its.may_deliver(vcpu, irq), "LPIs are disabled");
        demand!(irq.may_be_pending(taken.sender), "it is not pending");
        demand!(
            doubtful || taken.priority == implemented(irq.priority),
            "the running priority is {:#x}",
            taken.priority
        );
        demand!(
            taken.priority < cpu.threshold(),
            "{:#x} does not preempt, or is masked",
            taken.priority
        );
        Ok(())
    }

    /// Nothing better than that has to be taken. What was taken instead says that what could have
    /// been pending was not.
    fn check_passed_over(&mut self, vcpu: u32, priority: u8) -> Verdict {
        let better: Vec<Id> = self
            .ids(vcpu)
            .filter(|id| self.is_better(vcpu, *id, priority) && !self.is_on_its_way(*id))
            .collect();

        for id in better {
            demand!(
                !self.is_deliverable(vcpu, id),
                "passed over: {:?}",
                self.irq(id)
            );
            if self.listed(id).is_none() {
                self.irq_mut(id).may = [0; 8];
            }
        }
        Ok(())
    }

    /// Whether an interrupt, if it is pending, is to be taken before one of that priority.
    fn is_better(&self, vcpu: u32, id: Id, priority: u8) -> bool {
        let cpu = &self.cpus[vcpu as usize];
        let irq = self.irq(id);

        self.would_be_deliverable(vcpu, id)
            && cpu.enables(irq.group1)
            && implemented(irq.priority) < priority.min(cpu.threshold())
            && !self.its.is_in_doubt(irq)
    }

    /// The last one acknowledged is ended. If the hardware has no list register of it, it is counted.
    pub(crate) fn finish_unseen(&mut self, vcpu: u32) {
        let cpu = &mut self.cpus[vcpu as usize];
        let Some(taken) = cpu.stack.pop() else {
            return;
        };

        if taken.intid >= 8192 {
            return;
        }
        if cpu.separate {
            cpu.dropped.push(taken);
        } else if let Some(id) = self.id(vcpu, taken.intid) {
            self.irq_mut(id).deactivate();
        }
    }
}
