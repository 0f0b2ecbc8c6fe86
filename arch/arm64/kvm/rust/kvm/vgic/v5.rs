// SPDX-License-Identifier: GPL-2.0

//! The CPU interface of a vCPU with a GICv5, in memory.
//!
//! C headers: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h),
//! [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)

use super::*;

view! {
    /// A reference to a `struct vgic_v5_cpu_if`, in the hands of whoever switches the vCPU.
    ///
    /// # Invariants
    ///
    /// `ptr` is valid for `'a`, and nobody else accesses what it points at: it belongs to the CPU
    /// that the vCPU is loaded on, or to its thread.
    pub(crate) struct VgicV5<'a>(bindings::vgic_v5_cpu_if);
}

impl VgicV5<'_> {
    // SAFETY: Valid, and nobody else's, by the type invariant.
    fields! { unsafe
        /// `ICH_APR_EL2`. Others may look at it, and at the next.
        pub(crate) apr, set_apr: u64 = vgic_apr, once;
        /// `ICH_VMCR_EL2`.
        pub(crate) vmcr, set_vmcr: u64 = vgic_vmcr, once;
        /// `ICC_ICSR_EL1`.
        pub(crate) icsr, set_icsr: u64 = vgic_icsr;
        /// The PPIs that go to the guest directly, a bit each, as are the next two.
        pub(crate) ppi_direct: u64 = vgic_ppi_dvir;
        /// The PPIs that are active.
        pub(crate) ppi_active, set_ppi_active: u64 = vgic_ppi_activer;
        /// The PPIs that are enabled.
        pub(crate) ppi_enabled: u64 = vgic_ppi_enabler;
        /// The PPIs' priorities, a byte each.
        pub(crate) ppi_priorities, set_ppi_priorities: [u64; 8] = vgic_ppi_priorityr;
        /// Its state is this CPU's, as far as it changes places at load and put alone.
        pub(crate) is_resident, set_resident: bool = gicv5_vpe.resident;
    }
}

#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
impl Vcpu<'_> {
    // SAFETY: A vCPU is valid; a field of a union of plain data, which is written in one piece.
    fields! { unsafe
        /// `ICH_APR_EL2` of a vCPU with a GICv5, as of its last exit.
        pub(crate) vgic_v5_apr: u64 = arch.vgic_cpu.__bindgen_anon_1.vgic_v5.vgic_apr, once;
        /// `ICH_VMCR_EL2` of a vCPU with a GICv5, as of its last exit.
        pub(crate) vgic_v5_vmcr: u64 = arch.vgic_cpu.__bindgen_anon_1.vgic_v5.vgic_vmcr, once;
    }
}

impl<'a> OwnVcpu<'a> {
    // SAFETY: A vCPU is valid, and its own thread is where this type is used. The interface is one
    // of several of a union of plain data.
    parts! { unsafe
        /// Its CPU interface, if it has a GICv5.
        pub(crate) vgic_v5: VgicV5<'a> = arch.vgic_cpu.__bindgen_anon_1.vgic_v5;
    }
}

/// This CPU's note of the PPIs of the guest that runs, or ran last.
///
/// # Invariants
///
/// Both point at 64 bits that only this CPU accesses, for `'cpu`.
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
#[derive(Clone, Copy)]
pub(crate) struct PpiState<'cpu> {
    pending: *mut u64,
    active: *mut u64,
    _cpu: PhantomData<&'cpu ()>,
}

#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
impl<'cpu> PpiState<'cpu> {
    /// Of the CPU that a vCPU is loaded on.
    pub(crate) fn of(_vcpu: LoadedVcpu<'cpu>) -> Self {
        // INVARIANT: The caller stays on this CPU.
        // SAFETY: No preconditions. CAST: bitmaps are of words of 64 bits.
        unsafe {
            Self {
                pending: bindings::kvm_arm64_vgic_v5_pending().cast(),
                active: bindings::kvm_arm64_vgic_v5_active().cast(),
                _cpu: PhantomData,
            }
        }
    }

    /// Those that were active when the guest was left.
    pub(crate) fn active(self) -> u64 {
        // SAFETY: Valid by the type invariant.
        unsafe { self.active.read() }
    }

    /// The PPIs that are pending.
    pub(crate) fn pending(self) -> u64 {
        // SAFETY: Valid by the type invariant.
        unsafe { self.pending.read() }
    }

    /// Those that are pending now.
    pub(crate) fn set_pending(self, bits: u64) {
        // SAFETY: Valid by the type invariant.
        unsafe { self.pending.write(bits) };
    }
}
