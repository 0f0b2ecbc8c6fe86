// SPDX-License-Identifier: GPL-2.0

//! The virtual GIC's messages, which are those of C's `kvm_err()` and its kin: see `vgic/glue.c`.

use super::*;
use kernel::str::CStr;

// SAFETY: What they take are numbers, and strings that are terminated and live for ever.
functions! { unsafe
    /// An error that has nothing to add.
    pub(crate) fn error(what: &'static CStr => what.as_char_ptr()) = bindings::kvm_arm64_vgic_err;
    /// A fact that has nothing to add.
    pub(crate) fn info(what: &'static CStr => what.as_char_ptr()) = bindings::kvm_arm64_vgic_info;
    /// Guests of a GICv3 host can have a GICv2, whose CPU interface is there.
    pub(crate) fn emulates_v2(base: u64) = bindings::kvm_arm64_vgic_v2_at;
    /// Where the control interface of a GICv2 is, if debug messages are on for it.
    pub(crate) fn debug_gich(base: u64) = bindings::kvm_arm64_vgic_debug_v2_at;
    /// What becomes of the host's GICv4.
    pub(crate) fn v4_support(v4_1: bool, enabled: bool) = bindings::kvm_arm64_vgic_v4_support;
    /// Which accesses of all guests trap.
    pub(crate) fn traps(traps: IchHcr => traps.into_raw()) = bindings::kvm_arm64_vgic_traps;
    /// Firmware describes an interface that the hardware has not got.
    pub(crate) fn no_mmio_interface() = bindings::kvm_arm64_vgic_no_mmio_interface;
    /// The interface of a GICv2 cannot be mapped into guests.
    pub(crate) fn unaligned_gicv(base: u64) = bindings::kvm_arm64_vgic_unaligned_gicv;
    /// The maintenance interrupt is there.
    pub(crate) fn maintenance_irq(irq: u32) = bindings::kvm_arm64_vgic_irq;
    /// The maintenance interrupt cannot be had.
    pub(crate) fn bad_maintenance_irq(irq: u32) = bindings::kvm_arm64_vgic_bad_irq;
    /// The host's GIC is none that follows the architecture; taints the kernel.
    pub(crate) fn non_architectural() = bindings::kvm_arm64_vgic_strange;
    /// A vPE can't be heard.
    pub(crate) fn bad_doorbell(irq: u32) = bindings::kvm_arm64_vgic_bad_doorbell;
}
