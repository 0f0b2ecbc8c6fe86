// SPDX-License-Identifier: GPL-2.0

//! What a guest does with the interrupts that it is shown.

use crate::{
    cpu::{Found, Taken},
    demand,
    event::Outcome,
    model::Model,
    Verdict,
};

impl Model {
    /// A vCPU leaves its guest, if it is in it: there is nothing in list registers any more.
    pub(crate) fn leave(&mut self, vcpu: u32) {
        let Some(guest) = self.cpus[vcpu as usize].guest.take() else {
            return;
        };

        for lr in guest.lrs {
            if let Some(id) = self.id(vcpu, lr.intid) {
                self.irq_mut(id).returned();
            }
        }
    }

    pub(crate) fn acknowledge(&mut self, vcpu: u32, outcome: &Outcome) -> Verdict {
        let taken = self.cpus[vcpu as usize].acknowledge();
        let Some(Taken { intid, sender, .. }) = taken else {
            demand!(outcome.value.is_none(), "acknowledged for nothing");
            return Ok(());
        };
        let id = self.id(vcpu, intid).ok_or("no such interrupt")?;
        let kicked = self.cpus[vcpu as usize].kicked;
        let irq = self.irq_mut(id);

        demand!(
            outcome.value == Some(intid.into()),
            "another one was acknowledged, not {intid}"
        );
        if irq.stale {
            // It is about to be fetched.
            demand!(kicked, "of a former life");
            return Ok(());
        }
        // The line of one that is shown may have fallen since.
        demand!(
            !irq.edge || irq.may_be_pending(sender),
            "for nothing: {irq:?}"
        );
        demand!(irq.active.is_none(), "active twice: {irq:?}");
        irq.acknowledge(vcpu, sender);
        Ok(())
    }

    /// The guest ends what it has acknowledged last.
    pub(crate) fn end(&mut self, vcpu: u32) -> Verdict {
        let cpu = &mut self.cpus[vcpu as usize];
        let Some(taken) = cpu.stack.pop() else {
            return Ok(());
        };

        if cpu.separate && taken.intid < 8192 {
            cpu.dropped.push(taken);
            return Ok(());
        }
        self.finish(vcpu, taken)
    }

    fn finish(&mut self, vcpu: u32, taken: Taken) -> Verdict {
        let found = self.cpus[vcpu as usize].deactivate(taken);
        let Some(id) = self.id(vcpu, taken.intid) else {
            return Ok(());
        };

        if found == Found::Counted {
            let calls = self.must_exit(vcpu);

            demand!(calls, "an end is counted, and nobody is told");
        }
        if found != Found::Nothing {
            self.irq_mut(id).deactivate();
        }
        Ok(())
    }

    /// The guest writes `ICC_DIR_EL1` or `GICC_DIR`. If it has trapped, the vCPU is outside now.
    pub(crate) fn write_dir(&mut self, vcpu: u32, intid: u32) -> Verdict {
        let Some((at, taken)) = self.find_dropped(vcpu, intid) else {
            return Ok(());
        };

        self.cpus[at as usize]
            .dropped
            .retain(|dropped| dropped.intid != intid);
        if self.in_guest(vcpu) {
            let cpu = &mut self.cpus[vcpu as usize];
            let lrs = &cpu.guest.as_ref().unwrap().lrs;
            let listed = lrs.iter().any(|lr| lr.intid == intid && lr.active);

            demand!(listed, "a deactivation of {intid} is lost");
            return self.finish(vcpu, taken);
        }
        if let Some(id) = self.id(vcpu, intid) {
            self.irq_mut(id).deactivate();
        }
        Ok(())
    }

    /// Where an interrupt waits for its deactivation: an SPI on any vCPU.
    pub(crate) fn find_dropped(&self, vcpu: u32, intid: u32) -> Option<(u32, Taken)> {
        (0..self.config.vcpus)
            .filter(|v| *v == vcpu || intid >= 32)
            .find_map(|v| {
                let mut dropped = self.cpus[v as usize].dropped.iter();

                Some((v, *dropped.find(|taken| taken.intid == intid)?))
            })
    }

    /// From whom it is, if it is a GICv2's SGI and waits for its deactivation.
    pub fn dropped_sender(&self, vcpu: u32, intid: u32) -> Option<u32> {
        let (_, taken) = self.find_dropped(vcpu, intid)?;

        Some(taken.sender.into())
    }
}
