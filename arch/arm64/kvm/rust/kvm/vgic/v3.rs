// SPDX-License-Identifier: GPL-2.0

//! The CPU interface of a vCPU with a GICv3, in memory.
//!
//! C header: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_cpu

use super::*;
use bindings::VGIC_V3_MAX_LRS as LRS;

const APRS: u32 = 4;

view! {
    /// A reference to a `struct vgic_v3_cpu_if`, in the hands of whoever switches the vCPU.
    ///
    /// # Invariants
    ///
    /// `ptr` is valid for `'a`, and nobody else accesses what it points at: it belongs to the CPU
    /// that the vCPU is loaded on, or to its thread.
    pub(crate) struct VgicV3<'a>(bindings::vgic_v3_cpu_if);
}

impl VgicV3<'_> {
    // SAFETY: Valid, and nobody else's, by the type invariant.
    fields! { unsafe
        /// `ICH_HCR_EL2` less the traps that all guests have.
        pub(crate) hcr, set_hcr: IchHcr = vgic_hcr;
        /// `ICH_VMCR_EL2`. Others may look at it.
        pub(crate) vmcr, set_vmcr: u32 = vgic_vmcr, once;
        /// The number of list registers in use.
        pub(crate) used_lrs, set_used_lrs: u32 = used_lrs;
        /// A list register.
        pub(crate) lr, set_lr: u64 = vgic_lr[N: LRS];
        /// An active-priority register of group 0, `ICH_AP0R<n>_EL2`.
        pub(crate) ap0r, set_ap0r: u32 = vgic_ap0r[N: APRS];
        /// An active-priority register of group 1, `ICH_AP1R<n>_EL2`.
        pub(crate) ap1r, set_ap1r: u32 = vgic_ap1r[N: APRS];
        /// `ICC_SRE_EL1`.
        pub(crate) sre, set_sre: u32 = vgic_sre;
    }

    /// Whether the guest's interface is one of system registers, rather than that of a GICv2.
    #[inline(always)]
    pub(crate) fn uses_system_registers(self) -> bool {
        self.sre() != 0
    }

    /// Its [kind](Self::uses_system_registers) as another's.
    #[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
    pub(crate) fn share_sre(self, other: VgicV3<'_>) {
        self.set_sre(other.sre());
    }

    /// A list register of that number; none if there is no such.
    #[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
    #[inline(always)]
    pub(crate) fn lr_at(self, number: u32) -> Option<u64> {
        // SAFETY: Valid, and nobody else's, by the type invariant. CAST: widening.
        unsafe { (*self.as_ptr()).vgic_lr.get(number as usize).copied() }
    }

    /// See [`Self::lr_at`].
    #[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
    #[inline(always)]
    pub(crate) fn set_lr_at(self, number: u32, lr: u64) {
        // SAFETY: Valid, and nobody else's, by the type invariant. CAST: widening.
        if let Some(place) = unsafe { (*self.as_ptr()).vgic_lr.get_mut(number as usize) } {
            *place = lr;
        }
    }

    /// Whether a GICv4 delivers interrupts to it directly.
    #[inline(always)]
    pub(crate) fn has_vpe(self) -> bool {
        // SAFETY: Valid by the type invariant.
        unsafe { !(*self.as_ptr()).its_vpe.its_vm.is_null() }
    }
}

impl<'a> OwnVcpu<'a> {
    // SAFETY: A vCPU is valid, and its own thread is where this type is used. The interface is one
    // of several of a union of plain data.
    parts! { unsafe
        /// Its CPU interface, of a vCPU that has a GICv3 or GICv2, or nothing, on a GICv3 host. Of
        /// other hosts' it is data without meaning.
        pub(crate) vgic_v3: VgicV3<'a> = arch.vgic_cpu.__bindgen_anon_1.vgic_v3;
    }
}
