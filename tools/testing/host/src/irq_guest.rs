// SPDX-License-Identifier: GPL-2.0

//! A guest that takes, ends and deactivates interrupts, and the CPU interface that it does it
//! with: what IHI 0069 and IHI 0048 say that the hardware makes of the list registers.

use crate::{
    gic::{
        transition::Listed,
        word::Kind, //
    },
    irq_machine::Machine,
    irq_model::vcpu,
    irq_spec::Handled,
};

impl Machine {
    /// Reads ICC_IAR<n>_EL1 or GICC_IAR. The number of the interrupt, if any.
    pub(crate) fn acknowledge(&mut self, v: u32) -> Option<usize> {
        let (group0, group1) = (
            self.group_is_enabled(v, false),
            self.group_is_enabled(v, true),
        );
        let of = &mut self.vcpus[v as usize];
        let running = of.stack.last().map_or(256, |h| u32::from(h.priority));
        let guest = of.guest.as_mut()?;
        let (irq, register) = guest
            .registers
            .iter_mut()
            .filter(|(_, r)| r.state() == (true, false))
            .filter(|(_, r)| if r.group1() { group1 } else { group0 })
            .min_by_key(|(_, r)| r.priority())
            .filter(|(_, r)| u32::from(r.priority()) < running)?;
        let spec = &mut self.irqs[*irq].0;
        let sourced = matches!(spec.kind, Kind::SourcedSgi(_));
        let sender = if sourced { register.sender() } else { 0 };

        register.set_state(false, true);
        spec.acknowledge(v, sender);
        of.stack.push(Handled {
            irq: *irq,
            priority: register.priority(),
            sender,
        });
        let irq = *irq;
        guest.look();
        Some(irq)
    }

    /// Whether the hardware's counter could mean another one.
    fn is_ambiguous(&self, v: u32, handled: Handled) -> bool {
        let listed = self.irqs[handled.irq].1.listed() == Some(vcpu(v));

        !listed
            && self
                .irqs
                .iter()
                .any(|(s, _)| s.artificial && s.active == Some(v))
    }

    /// Writes ICC_EOIR<n>_EL1 or GICC_EOIR for the innermost interrupt.
    pub(crate) fn end(&mut self, v: u32) {
        let Some(&handled) = self.vcpus[v as usize].stack.last() else {
            return;
        };
        if !self.in_guest(v) || self.is_ambiguous(v, handled) {
            return;
        }
        self.vcpus[v as usize].stack.pop();
        if self.separate && self.irqs[handled.irq].0.kind != Kind::Lpi {
            self.vcpus[v as usize].dropped.push(handled);
        } else {
            self.deactivate(v, handled);
        }
    }

    /// What the hardware does.
    fn deactivate(&mut self, v: u32, handled: Handled) {
        let spec = &mut self.irqs[handled.irq].0;
        let guest = self.vcpus[v as usize].guest.as_mut().unwrap();
        let sourced = matches!(spec.kind, Kind::SourcedSgi(_));
        let found = guest.registers.iter_mut().find(|(irq, r)| {
            *irq == handled.irq && r.state().1 && (!sourced || r.sender() == handled.sender)
        });

        if let Some((_, register)) = found {
            let (pending, _) = register.state();

            register.set_state(pending, false);
            spec.deactivate(register.linked());
            guest.calls |= register.eoi() && !register.linked() && !pending;
        } else if spec.kind != Kind::Lpi {
            assert!(guest.hcr(2), "nobody counts");
            guest.counted += 1;
            guest.calls = true;
            // KVM will do it for the hardware.
            spec.deactivate(false);
        }
        guest.look();
    }

    /// Writes ICC_DIR_EL1 or GICC_DIR on `v` for an interrupt that `of` has dropped.
    pub(crate) fn write_dir(&mut self, v: u32, of: u32, which: usize) {
        let dropped = &self.vcpus[of as usize].dropped;
        let Some(&handled) = dropped.get(which % dropped.len().max(1)) else {
            return;
        };
        let shared = self.irqs[handled.irq].0.kind == Kind::Spi;
        if !self.in_guest(v) || (v != of && !shared) {
            return;
        }
        self.vcpus[of as usize]
            .dropped
            .retain(|h| h.irq != handled.irq);

        let guest = self.vcpus[v as usize].guest.as_ref().unwrap();
        if !guest.hcr(14) {
            assert!(
                self.irqs[handled.irq].1.listed() == Some(vcpu(v)),
                "must trap"
            );
            return self.deactivate(v, handled);
        }
        self.exit(v);
        let sender = Some(handled.sender);
        if let Err(Listed(at)) = self.deactivate_word(handled.irq, sender) {
            self.exit(at.get() as u32);
            self.deactivate_word(handled.irq, sender)
                .expect("given back");
        }
        self.irqs[handled.irq].0.deactivate(false);
    }
}
