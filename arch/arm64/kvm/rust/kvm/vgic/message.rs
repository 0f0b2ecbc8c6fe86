// SPDX-License-Identifier: GPL-2.0

//! The virtual GIC's messages, which are those of C's `kvm_err()` and its kin: see `vgic/glue.c`.

use crate::{
    arm64::prelude::*,
    bindings, //
};
use kernel::str::{
    CStr,
    CStrExt, //
};

/// An error that has nothing to add.
pub(crate) fn error(what: &'static CStr) {
    // SAFETY: The string is valid and terminated, here and below.
    unsafe { bindings::kvm_arm64_vgic_err(what.as_char_ptr()) };
}

/// A fact that has nothing to add.
pub(crate) fn info(what: &'static CStr) {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_vgic_info(what.as_char_ptr()) };
}

/// Guests of a GICv3 host can have a GICv2, whose CPU interface is there.
pub(crate) fn emulates_v2(base: u64) {
    // SAFETY: No preconditions, here and below.
    unsafe { bindings::kvm_arm64_vgic_v2_at(base) };
}

/// Where the control interface of a GICv2 is, if debug messages are on for it.
pub(crate) fn debug_gich(base: u64) {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_vgic_debug_v2_at(base) };
}

/// What becomes of the host's GICv4.
pub(crate) fn v4_support(v4_1: bool, enabled: bool) {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_vgic_v4_support(v4_1, enabled) };
}

/// Which accesses of all guests trap.
pub(crate) fn traps(traps: IchHcr) {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_vgic_traps(traps.into_raw()) };
}

/// Firmware describes an interface that the hardware has not got.
pub(crate) fn no_mmio_interface() {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_vgic_no_mmio_interface() };
}

/// The interface of a GICv2 cannot be mapped into guests.
pub(crate) fn unaligned_gicv(base: u64) {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_vgic_unaligned_gicv(base) };
}

/// The maintenance interrupt is there.
pub(crate) fn maintenance_irq(irq: u32) {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_vgic_irq(irq) };
}

/// The maintenance interrupt cannot be had.
pub(crate) fn bad_maintenance_irq(irq: u32) {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_vgic_bad_irq(irq) };
}

/// The host's GIC is none that follows the architecture; taints the kernel.
pub(crate) fn non_architectural() {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_vgic_strange() };
}

/// A vPE can't be heard.
pub(crate) fn bad_doorbell(irq: u32) {
    // SAFETY: See above.
    unsafe { bindings::kvm_arm64_vgic_bad_doorbell(irq) };
}
