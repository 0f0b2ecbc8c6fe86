// SPDX-License-Identifier: GPL-2.0

//! A virtual interrupt that stands for a physical one.
//!
//! C headers: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h),
//! [`include/linux/irq.h`](srctree/include/linux/irq.h)
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.c: vgic_get_phys_line_level, vgic_irq_set_phys_active,
//!     vgic_irq_set_phys_pending, kvm_vgic_map_irq; arch/arm64/kvm/vgic/vgic-mmio.c:
//!     vgic_update_vsgi; include/kvm/arm_vgic.h:
//!     vgic_irq_needs_resampling

use super::IrqOps;
use crate::gic::priority::{
    Group,
    Priority, //
};
use kernel::{
    bindings,
    error::{
        code::EINVAL,
        Result, //
    },
};

/// The device behind a private interrupt, and the host's interrupt that it stands for.
///
/// Whoever changes the state of a mapped interrupt together with that of the physical one holds
/// the lock around this.
pub(crate) struct Mapping {
    /// The host's Linux IRQ, and its INTID at the host's GIC.
    host: Option<HostInterrupt>,
    ops: Option<&'static IrqOps>,
}

/// An interrupt of the host.
#[derive(Clone, Copy)]
pub(crate) struct HostInterrupt {
    irq: u32,
    intid: u32,
}

impl HostInterrupt {
    /// What the host's GIC calls an IRQ.
    ///
    /// # Errors
    ///
    /// `EINVAL`, and a message, if there is no such IRQ.
    pub(crate) fn find(irq: u32) -> Result<Self> {
        let mut intid = 0;

        // SAFETY: Any number is accepted; the INTID is written if there is such an IRQ.
        if unsafe { bindings::kvm_arm64_vgic_host_intid(irq, &mut intid) } {
            Ok(Self { irq, intid })
        } else {
            Err(EINVAL)
        }
    }

    /// One that was found before.
    pub(super) fn again(irq: u32, intid: u32) -> Self {
        Self { irq, intid }
    }

    /// The Linux IRQ.
    pub(super) fn irq(self) -> u32 {
        self.irq
    }

    /// The INTID at the host's GIC.
    pub(crate) fn intid(self) -> u32 {
        self.intid
    }

    /// Sets or clears its active state, at this CPU if it is private. A warning if that cannot be.
    pub(crate) fn set_active(self, active: bool) {
        self.set(bindings::irqchip_irq_state_IRQCHIP_STATE_ACTIVE, active);
    }

    /// Sets or clears its pending state. See [`Self::set_active`].
    pub(crate) fn set_pending(self, pending: bool) {
        self.set(bindings::irqchip_irq_state_IRQCHIP_STATE_PENDING, pending);
    }

    /// Deactivates it as the guest that has ended it would have.
    pub(crate) fn end(self) {
        // SAFETY: To be active for too short a time is what an interrupt's handler can stand.
        unsafe { bindings::kvm_arm64_vgic_deactivate_phys(self.intid) };
    }

    fn set(self, which: bindings::irqchip_irq_state, to: bool) {
        // SAFETY: Any number is accepted.
        kernel::warn_on!(unsafe { bindings::irq_set_irqchip_state(self.irq, which, to) } != 0);
    }

    /// Whether it is pending. See [`Self::set_active`].
    pub(crate) fn is_pending(self) -> bool {
        let mut pending = false;

        // SAFETY: Any number is accepted; the result is written unless there is an error.
        let failed = unsafe {
            bindings::irq_get_irqchip_state(
                self.irq,
                bindings::irqchip_irq_state_IRQCHIP_STATE_PENDING,
                &mut pending,
            )
        } != 0;

        kernel::warn_on!(failed);
        pending
    }
}

/// Of one by which the hardware delivers a guest's SGI (GICv4.1). With interrupts off.
impl HostInterrupt {
    /// Has the hardware deliver it, as the driver has been told. A warning, and false, if that
    /// cannot be.
    pub(super) fn activate(self) -> bool {
        // SAFETY: The interrupt is there as long as its vPE.
        let failed = unsafe { bindings::kvm_arm64_vsgi_activate(self.irq) } != 0;

        kernel::warn_on!(failed);
        !failed
    }

    /// Has the hardware not deliver it any more.
    pub(crate) fn deactivate(self) {
        // SAFETY: The interrupt is there as long as its vPE.
        unsafe { bindings::kvm_arm64_vsgi_deactivate(self.irq) };
    }

    /// Has it interrupt the guest, or not.
    pub(crate) fn set_enabled(self, enabled: bool) {
        // SAFETY: The interrupt is there as long as its vPE.
        unsafe { bindings::kvm_arm64_vsgi_enable(self.irq, enabled) };
    }

    /// Has it be of that priority and group. See [`Self::set_active`].
    pub(crate) fn rank(self, priority: Priority, group: Group) {
        // SAFETY: Any number is accepted. CAST: C's type.
        let failed = unsafe {
            bindings::its_prop_update_vsgi(self.irq as i32, priority.0, group == Group::One)
        } != 0;

        kernel::warn_on!(failed);
    }
}

impl Mapping {
    /// Nothing is mapped.
    pub(crate) const NONE: Self = Self {
        host: None,
        ops: None,
    };

    /// The physical interrupt.
    pub(crate) fn host(&self) -> Option<HostInterrupt> {
        self.host
    }

    /// Another one, or none.
    pub(crate) fn set_host(&mut self, host: Option<HostInterrupt>) {
        self.host = host;
    }

    /// Other answers of the device's.
    pub(crate) fn set_ops(&mut self, ops: Option<&'static IrqOps>) {
        self.ops = ops;
    }

    /// Whether KVM has to deactivate the physical interrupt, since the guest cannot.
    pub(crate) fn wants_resampling(&self) -> bool {
        // SAFETY: The functions are sound to call, by the type's constructor. CAST: The pattern.
        self.ops
            .and_then(|ops| ops.0.get_flags)
            .is_some_and(|flags| (unsafe { flags() }) as u32 & bindings::VGIC_IRQ_SW_RESAMPLE != 0)
    }

    /// Whether the physical interrupt is pending.
    pub(crate) fn is_pending(&self) -> bool {
        self.host.is_some_and(HostInterrupt::is_pending)
    }

    /// The level of the physical line. `intid`: the virtual interrupt, for the device.
    pub(crate) fn line_level(&self, intid: u32) -> bool {
        match self.ops.and_then(|ops| ops.0.get_input_level) {
            // SAFETY: The functions are sound to call, by the type's constructor. CAST: C's type.
            Some(level) => unsafe { level(intid as i32) },
            None => self.is_pending(),
        }
    }
}
