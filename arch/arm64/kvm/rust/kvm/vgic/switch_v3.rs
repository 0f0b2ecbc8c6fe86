// SPDX-License-Identifier: GPL-2.0

//! C's part of the world switch that has to do with a GICv3's CPU interface: for where that is not
//! Rust's (`hyp/vgic/state.rs`).
//!
//! C header: [`arch/arm64/include/asm/kvm_hyp.h`](srctree/arch/arm64/include/asm/kvm_hyp.h)

use crate::{
    arm64::prelude::*,
    bindings,
    kvm::prelude::*, //
};

macro_rules! by_c {
    ($($(#[$meta:meta])* $name:ident => $function:ident;)*) => {$(
        $(#[$meta])*
        #[inline(always)]
        pub(crate) fn $name<'a>(interface: VgicV3<'a>, _el2: El2<'a>) {
            // SAFETY: The interface is valid and the caller's, by its invariant; on a VHE host.
            unsafe { bindings::$function(interface.as_ptr()) };
        }
    )*};
}

by_c! {
    /// Takes what a guest did to its interrupts off the hardware, and disables the interface.
    save => __vgic_v3_save_state;
    /// Puts a guest's interrupts into the hardware and enables the interface.
    restore => __vgic_v3_restore_state;
    /// Gives the guest its view of the CPU interface, and its traps. At load.
    activate_traps => __vgic_v3_activate_traps;
    /// Undoes [`activate_traps`]. At put.
    deactivate_traps => __vgic_v3_deactivate_traps;
    /// Saves the active priorities. At put.
    save_active_priorities => __vgic_v3_save_aprs;
    /// Restores the active priorities, and `ICH_VMCR_EL2` unless [`activate_traps`] does. At load.
    restore_priorities => __vgic_v3_restore_vmcr_aprs;
}
