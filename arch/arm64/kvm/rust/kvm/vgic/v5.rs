// SPDX-License-Identifier: GPL-2.0

//! The CPU interface of a vCPU with a GICv5, in memory.
//!
//! C headers: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h),
//! [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)

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
        /// `ICH_APR_EL2`.
        pub(crate) apr, set_apr: u64 = vgic_apr;
        /// `ICH_VMCR_EL2`.
        pub(crate) vmcr, set_vmcr: u64 = vgic_vmcr;
        /// `ICC_ICSR_EL1`.
        pub(crate) icsr, set_icsr: u64 = vgic_icsr;
        /// The PPIs that go to the guest directly, a bit each, as are the next two.
        pub(crate) ppi_direct: u64 = vgic_ppi_dvir;
        /// The PPIs that are active.
        pub(crate) ppi_active: u64 = vgic_ppi_activer;
        /// The PPIs that are enabled.
        pub(crate) ppi_enabled: u64 = vgic_ppi_enabler;
        /// The PPIs' priorities, a byte each.
        pub(crate) ppi_priorities, set_ppi_priorities: [u64; 8] = vgic_ppi_priorityr;
    }
}
