// SPDX-License-Identifier: GPL-2.0

//! What the hypervisor at EL2 does for a kernel at EL1 when a vCPU comes and goes, and what a GICv5
//! has of the kind on any host.

use super::super::prelude::*;
use crate::bindings;

impl LoadedVcpu<'_> {
    /// Has its CPU interface, of a GICv3's, made ready on this CPU.
    pub(crate) fn load_vgic_v3(self) {
        // SAFETY: The vCPU is valid, loaded here and in its thread's hands, here and below.
        unsafe { bindings::kvm_arm64_vgic_v3_load(self.vgic_v3().as_ptr()) };
    }

    /// Undoes [`Self::load_vgic_v3`].
    pub(crate) fn put_vgic_v3(self) {
        // SAFETY: See above.
        unsafe { bindings::kvm_arm64_vgic_v3_put(self.vgic_v3().as_ptr()) };
    }

    /// Has its CPU interface, of a GICv5, made ready on this CPU.
    pub(crate) fn load_vgic_v5(self) {
        // SAFETY: See above.
        unsafe { bindings::kvm_arm64_vgic_v5_load(self.vgic_v5().as_ptr()) };
    }

    /// Undoes [`Self::load_vgic_v5`].
    pub(crate) fn put_vgic_v5(self) {
        // SAFETY: See above.
        unsafe { bindings::kvm_arm64_vgic_v5_put(self.vgic_v5().as_ptr()) };
    }

    /// Takes what a guest did to a GICv5's CPU interface off the hardware.
    pub(crate) fn save_vgic_v5(self) {
        let interface = self.vgic_v5().as_ptr();

        // SAFETY: See above.
        unsafe {
            bindings::__vgic_v5_save_state(interface);
            bindings::__vgic_v5_save_ppi_state(interface);
        }
    }

    /// Puts it into the hardware.
    pub(crate) fn restore_vgic_v5(self) {
        let interface = self.vgic_v5().as_ptr();

        // SAFETY: See above.
        unsafe {
            bindings::__vgic_v5_restore_state(interface);
            bindings::__vgic_v5_restore_ppi_state(interface);
        }
    }

    /// It is about to wait for an interrupt, or does so.
    pub(crate) fn is_in_wfi(self) -> bool {
        // SAFETY: See above.
        unsafe { bindings::vcpu_in_wfi(self.as_ptr()) }
    }
}
