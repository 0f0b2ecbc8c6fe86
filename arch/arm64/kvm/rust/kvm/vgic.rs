// SPDX-License-Identifier: GPL-2.0

//! The virtual GIC, as a device behind a line sees it.
//!
//! C header: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)

#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod bus;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod deferred;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod dist;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod host;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod hypercall;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod interrupt;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod iodev;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod its;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
mod its_cache;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod its_tables;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod lifecycle;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod lpis;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod mapping;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod message;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod objects;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod ppi_v5;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod redistributor;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod shadow;
#[cfg(all(
    CONFIG_KVM_ARM64_RUST_VGIC,
    not(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))
))]
pub(crate) mod switch_v3;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod v2;
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe, CONFIG_KVM_ARM64_RUST_VGIC))]
pub(crate) mod v3;
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe, CONFIG_KVM_ARM64_RUST_VGIC))]
pub(crate) mod v5;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod vlpi;
#[cfg(all(CONFIG_KVM_ARM64_RUST_VGIC, not(nvhe)))]
pub(crate) mod vpe;

use super::*;

/// What the vgic asks of the device behind an interrupt.
#[repr(transparent)]
pub(crate) struct IrqOps(bindings::irq_ops);

impl IrqOps {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// The functions must be sound to call by the vgic, for any private interrupt.
    pub(crate) const unsafe fn new(ops: bindings::irq_ops) -> Self {
        Self(ops)
    }
}

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

impl Timer<'_> {
    /// Drives the line of its interrupt in the guest. Any context.
    ///
    /// The vgic ignores the number of an interrupt that the timer does not own.
    #[inline]
    pub(crate) fn inject(self, high: bool) {
        let vcpu = self.vcpu();

        // SAFETY: Valid by the type invariant, here and below. The owner serves as a cookie.
        // The result only tells that the vgic is not ready, when no guest can notice.
        unsafe {
            bindings::kvm_vgic_inject_irq(
                vcpu.vm().as_ptr(),
                vcpu.as_ptr(),
                self.ppi().intid(),
                high,
                self.as_ptr().cast::<c_void>(),
            )
        };
    }
}

impl LoadedVcpu<'_> {
    // SAFETY: Valid by the type invariant.
    calls! { unsafe
        /// Whether the guest has an interrupt active or pending in its list registers, that is
        /// mapped to a physical one.
        pub(crate) fn mapped_irq_is_active(ppi: Ppi => ppi.intid()) -> bool
            = bindings::kvm_vgic_map_is_active;
    }
}

impl OwnVcpu<'_> {
    // SAFETY: Valid by the type invariant; every vCPU has all PPIs.
    calls! { unsafe
        fn get_map(ppi: Ppi => ppi.intid()) -> i32 = bindings::kvm_vgic_get_map;
        fn map_phys_irq(host_irq: u32, ppi: Ppi => ppi.intid()) -> i32
            = bindings::kvm_vgic_map_phys_irq;
        fn unmap_phys_irq(ppi: Ppi => ppi.intid()) -> i32 = bindings::kvm_vgic_unmap_phys_irq;
        /// Forgets pending and active state of a mapped interrupt.
        pub(crate) fn reset_mapped_irq(ppi: Ppi => ppi.intid())
            = bindings::kvm_vgic_reset_mapped_irq;
    }

    /// Whether a private interrupt is mapped to a physical one.
    pub(crate) fn irq_is_mapped(self, ppi: Ppi) -> bool {
        // It is the host's interrupt number, or negative.
        self.get_map(ppi) >= 0
    }

    /// Maps a private interrupt to a physical one, so that the guest deactivates both at once.
    ///
    /// # Errors
    ///
    /// The vgic's, if the interrupt does not exist or the host has no such IRQ.
    pub(crate) fn map_irq(self, host_irq: u32, ppi: Ppi) -> Result {
        to_result(self.map_phys_irq(host_irq, ppi))
    }

    /// Undoes [`Self::map_irq`], if it was done.
    pub(crate) fn unmap_irq(self, ppi: Ppi) {
        // The error says that the vgic is not initialised: nothing is mapped.
        self.unmap_phys_irq(ppi);
    }

    /// Sets the device's answers to the vgic's questions about an interrupt.
    pub(crate) fn set_irq_ops(self, ppi: Ppi, ops: &'static IrqOps) {
        // SAFETY: Valid by the type invariant; every vCPU has all PPIs. The operations live for ever,
        // and are sound by their constructor.
        unsafe { bindings::kvm_vgic_set_irq_ops(self.as_ptr(), ppi.intid(), &ops.0) };
    }
}

/// `ICH_VTR_EL2` of the host's CPUs, less what an erratum makes of no use.
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe, CONFIG_KVM_ARM64_RUST_VGIC))]
#[inline(always)]
pub(crate) fn ich_vtr() -> u64 {
    // SAFETY: A constant that is patched in once the capabilities are final.
    unsafe { bindings::vgic_ich_vtr() }
}

/// The bits of `ICH_HCR_EL2` that make all guests' accesses to their CPU interface trap.
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe, CONFIG_KVM_ARM64_RUST_VGIC))]
#[inline(always)]
pub(crate) fn ich_hcr_traps() -> IchHcr {
    // SAFETY: A constant that is patched in once the capabilities are final.
    IchHcr::from_raw(unsafe { bindings::vgic_ich_hcr_trap_bits() })
}
