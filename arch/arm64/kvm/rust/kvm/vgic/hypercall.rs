// SPDX-License-Identifier: GPL-2.0

//! What the hypervisor at EL2 does for a kernel at EL1 when a vCPU comes and goes, and what a GICv5
//! has of the kind on any host.

use super::*;

/// Makes calls of C's functions with a CPU interface of the vCPU.
macro_rules! interface_calls {
    ($($(#[$meta:meta])* $name:ident = $interface:ident: $(bindings::$call:ident),+;)*) => {$(
        $(#[$meta])*
        pub(crate) fn $name(self) {
            let interface = self.$interface().as_ptr();

            // SAFETY: A vCPU is valid; this one is loaded here, and in its thread's hands.
            unsafe { $(bindings::$call(interface);)+ }
        }
    )*};
}

impl LoadedVcpu<'_> {
    interface_calls! {
        /// Has its CPU interface, of a GICv3's, made ready on this CPU.
        load_vgic_v3 = vgic_v3: bindings::kvm_arm64_vgic_v3_load;
        /// Undoes [`Self::load_vgic_v3`].
        put_vgic_v3 = vgic_v3: bindings::kvm_arm64_vgic_v3_put;
        /// Has its CPU interface, of a GICv5, made ready on this CPU.
        load_vgic_v5 = vgic_v5: bindings::kvm_arm64_vgic_v5_load;
        /// Undoes [`Self::load_vgic_v5`].
        put_vgic_v5 = vgic_v5: bindings::kvm_arm64_vgic_v5_put;
        /// Takes what a guest did to a GICv5's CPU interface off the hardware.
        save_vgic_v5 = vgic_v5:
            bindings::__vgic_v5_save_state, bindings::__vgic_v5_save_ppi_state;
        /// Puts it into the hardware.
        restore_vgic_v5 = vgic_v5:
            bindings::__vgic_v5_restore_state, bindings::__vgic_v5_restore_ppi_state;
    }

    // SAFETY: Valid by the type invariant.
    calls! { unsafe
        /// It is about to wait for an interrupt, or does so.
        pub(crate) fn is_in_wfi() -> bool = bindings::vcpu_in_wfi;
    }
}
