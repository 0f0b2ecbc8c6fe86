// SPDX-License-Identifier: GPL-2.0

//! The virtual GIC, as a device behind a line sees it.
//!
//! C header: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)

use super::{
    arch_timer::TimerContext,
    vcpu::Vcpu,
    vm::Config, //
};
use crate::arm64::values::IchHcr;
use core::ffi::c_void;
use kernel::{
    bindings,
    error::{
        to_result,
        Result, //
    },
};

/// What the vgic asks of the device behind an interrupt.
pub(crate) type IrqOps = bindings::irq_ops;

/// Facts about the host's GIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostGic {
    /// Guests cannot deactivate a physical interrupt through a list register.
    pub(crate) no_hw_deactivation: bool,
    /// It is a GICv5.
    pub(crate) is_v5: bool,
}

impl HostGic {
    /// Reads them; settled before the timer initialises.
    #[inline]
    pub(crate) fn get() -> Self {
        let global = &raw const bindings::kvm_vgic_global_state;

        // SAFETY: A static of C that no longer changes.
        unsafe {
            Self {
                no_hw_deactivation: (*global).no_hw_deactivation,
                is_v5: (*global).type_ == bindings::vgic_type_VGIC_V5,
            }
        }
    }
}

impl Vcpu<'_> {
    /// Drives the line of a private interrupt that `owner` owns. Any context.
    ///
    /// The vgic ignores a number that is not of this owner.
    #[inline]
    pub(crate) fn inject(self, intid: u32, high: bool, owner: TimerContext<'_>) {
        // SAFETY: Valid by the type invariant, here and below. The owner serves as a cookie.
        // The result only tells that the vgic is not ready, when no guest can notice.
        unsafe {
            bindings::kvm_vgic_inject_irq(
                self.vm().as_ptr(),
                self.as_ptr(),
                intid,
                high,
                owner.as_ptr().cast::<c_void>(),
            )
        };
    }

    /// Whether the guest has an interrupt active or pending in its list registers, that is
    /// mapped to a physical one.
    #[inline]
    pub(crate) fn mapped_irq_is_active(self, intid: u32) -> bool {
        // SAFETY: See above.
        unsafe { bindings::kvm_vgic_map_is_active(self.as_ptr(), intid) }
    }

    /// Whether a private interrupt is mapped to a physical one.
    pub(crate) fn irq_is_mapped(self, intid: u32) -> bool {
        // SAFETY: See above. The result is the host's interrupt number, or negative.
        unsafe { bindings::kvm_vgic_get_map(self.as_ptr(), intid) >= 0 }
    }

    /// Maps a private interrupt to a physical one, so that the guest deactivates both at once.
    ///
    /// # Errors
    ///
    /// The vgic's, if the interrupt does not exist or the host has no such IRQ.
    pub(crate) fn map_irq(self, host_irq: u32, intid: u32) -> Result {
        // SAFETY: See above.
        to_result(unsafe { bindings::kvm_vgic_map_phys_irq(self.as_ptr(), host_irq, intid) })
    }

    /// Undoes [`Self::map_irq`], if it was done.
    pub(crate) fn unmap_irq(self, intid: u32) {
        // SAFETY: See above. The error says that the vgic is not initialised: nothing is mapped.
        unsafe { bindings::kvm_vgic_unmap_phys_irq(self.as_ptr(), intid) };
    }

    /// Forgets pending and active state of a mapped interrupt.
    pub(crate) fn reset_mapped_irq(self, intid: u32) {
        // SAFETY: See above.
        unsafe { bindings::kvm_vgic_reset_mapped_irq(self.as_ptr(), intid) };
    }

    /// Sets the device's answers to the vgic's questions about an interrupt.
    pub(crate) fn set_irq_ops(self, intid: u32, ops: &'static IrqOps) {
        // SAFETY: See above. The operations live for ever.
        unsafe { bindings::kvm_vgic_set_irq_ops(self.as_ptr(), intid, ops) };
    }

    /// Claims a private interrupt for a timer.
    ///
    /// # Errors
    ///
    /// If it is owned by somebody else, or does not exist.
    pub(crate) fn own_irq(
        self,
        _config: &Config<'_>,
        intid: u32,
        owner: TimerContext<'_>,
    ) -> Result {
        // SAFETY: See above; the config lock is held, as required.
        to_result(unsafe {
            bindings::kvm_vgic_set_owner(self.as_ptr(), intid, owner.as_ptr().cast::<c_void>())
        })
    }
}

/// `ICH_VTR_EL2` of the host's CPUs, less what an erratum makes of no use.
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
#[inline(always)]
pub(crate) fn ich_vtr() -> u64 {
    // SAFETY: A constant that is patched in once the capabilities are final.
    unsafe { bindings::vgic_ich_vtr() }
}

/// The bits of `ICH_HCR_EL2` that make all guests' accesses to their CPU interface trap.
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
#[inline(always)]
pub(crate) fn ich_hcr_traps() -> IchHcr {
    // SAFETY: A constant that is patched in once the capabilities are final.
    IchHcr::from_raw(unsafe { bindings::vgic_ich_hcr_trap_bits() })
}
