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

use super::*;

/// Saves the active priorities. At put.
pub(crate) fn save_apr(interface: VgicV5<'_>, _el2: El2<'_>) {
    interface.set_apr(ICH_APR_EL2::read());
}

/// Restores controls and active priorities. At load.
pub(crate) fn restore_vmcr_apr(interface: VgicV5<'_>, el2: El2<'_>) {
    set_gicv3_compatible(false, el2);
    ICH_VMCR_EL2::set(interface.vmcr(), el2);
    ICH_APR_EL2::set(interface.apr(), el2);
}

/// Saves what a guest can change without KVM. On each exit.
pub(crate) fn save(interface: VgicV5<'_>, _el2: El2<'_>) {
    interface.set_vmcr(ICH_VMCR_EL2::read());
    interface.set_icsr(ICC_ICSR_EL1::read());
}

/// Restores the one register that host and guest share. On each entry.
pub(crate) fn restore(interface: VgicV5<'_>, el2: El2<'_>) {
    ICC_ICSR_EL1::set(interface.icsr(), el2);
}

/// Saves the state of the PPIs, and takes them from the guest. On each exit.
pub(crate) fn save_ppis(interface: VgicV5<'_>, host: HostData<'_>, el2: El2<'_>) {
    host.set_ppis_active(ICH_PPI_ACTIVER0_EL2::read());
    host.set_ppis_pending(ICH_PPI_PENDR0_EL2::read());
    interface.set_ppi_priorities(gic_v5::ppi_priorities());
    gic_v5::set_ppi_direct(0, el2);
}

/// Gives the guest its PPIs: those that it may take directly, and the state of all. On each
/// entry. It has none but the 64 that the architecture defines.
pub(crate) fn restore_ppis(interface: VgicV5<'_>, host: HostData<'_>, el2: El2<'_>) {
    let direct = interface.ppi_direct();

    gic_v5::set_ppi_direct(direct, el2);
    ICH_PPI_ACTIVER0_EL2::set(interface.ppi_active(), el2);
    ICH_PPI_ENABLER0_EL2::set(interface.ppi_enabled(), el2);
    // What is pending of the direct ones only the hardware knows.
    ICH_PPI_PENDR0_EL2::set(host.ppis_pending() & !direct, el2);
    gic_v5::set_ppi_priorities(interface.ppi_priorities(), el2);
    gic_v5::clear_implementation_defined_ppis(el2);
}
