// SPDX-License-Identifier: GPL-2.0

//! A GICv5 guest's CPU interface between memory and hardware.
//!
//! Source: GICv5 architecture specification, "Virtual CPU interface"; C header:
//! [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v5-sr.c: __vgic_v5_save_apr, __vgic_v5_compat_mode_disable,
//!     __vgic_v5_restore_vmcr_apr, __vgic_v5_save_ppi_state, __vgic_v5_restore_ppi_state,
//!     __vgic_v5_save_state, __vgic_v5_restore_state
#![forbid(unsafe_code)]

use crate::{
    arm64::{
        gic_v3::set_gicv3_compatible,
        gic_v5, //
    },
    host::vgic_v5::{
        PpiState,
        VgicV5, //
    },
};

/// Saves the active priorities. At put.
pub(crate) fn save_apr(interface: VgicV5<'_>) {
    interface.set_apr(gic_v5::read_apr());
}

/// Restores controls and active priorities. At load.
pub(crate) fn restore_vmcr_apr(interface: VgicV5<'_>) {
    set_gicv3_compatible(false);
    gic_v5::write_vmcr(interface.vmcr());
    gic_v5::write_apr(interface.apr());
}

/// Saves what a guest can change without KVM. On each exit.
pub(crate) fn save(interface: VgicV5<'_>) {
    interface.set_vmcr(gic_v5::read_vmcr());
    interface.set_icsr(gic_v5::read_icsr());
}

/// Restores the one register that host and guest share. On each entry.
pub(crate) fn restore(interface: VgicV5<'_>) {
    gic_v5::write_icsr(interface.icsr());
}

/// Saves the state of the PPIs, and takes them from the guest. On each exit.
pub(crate) fn save_ppis(interface: VgicV5<'_>, ppis: PpiState<'_>) {
    ppis.set_active(gic_v5::read_ppi_active());
    ppis.set_pending(gic_v5::read_ppi_pending());
    interface.set_ppi_priorities(gic_v5::read_ppi_priorities());
    gic_v5::write_ppi_direct(0);
}

/// Gives the guest its PPIs: those that it may take directly, and the state of all. On each
/// entry. It has none but the 64 that the architecture defines.
pub(crate) fn restore_ppis(interface: VgicV5<'_>, ppis: PpiState<'_>) {
    let direct = interface.ppi_direct();

    gic_v5::write_ppi_direct(direct);
    gic_v5::write_ppi_active(interface.ppi_active());
    gic_v5::write_ppi_enabled(interface.ppi_enabled());
    // What is pending of the direct ones only the hardware knows.
    gic_v5::write_ppi_pending(ppis.pending() & !direct);
    gic_v5::write_ppi_priorities(interface.ppi_priorities());
    gic_v5::clear_implementation_defined_ppis();
}
