// SPDX-License-Identifier: GPL-2.0

//! KVM's static keys, which C code shares.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: broken_cntvoff_key; include/kvm/arm_arch_timer.h:
//!     has_broken_cntvoff

use super::*;

/// Whether `CNTVOFF_EL2` is broken, so that virtual timer and counter must trap. Hypervisor code
/// at EL2 tests the same key.
#[inline(always)]
pub(crate) fn has_broken_cntvoff() -> bool {
    is_enabled!(broken_cntvoff_key)
}

/// Makes [`has_broken_cntvoff`] true for good. Sleeps.
#[cfg(CONFIG_KVM_ARM64_RUST_TIMER)]
pub(crate) fn set_broken_cntvoff() {
    // SAFETY: The key is a real static key; its first and only member is the plain key.
    unsafe { bindings::static_key_enable((&raw mut bindings::broken_cntvoff_key).cast()) };
}

/// Whether the host's GIC has the virtual CPU interface of a GICv3.
#[cfg(nvhe)]
#[inline(always)]
pub(crate) fn has_gicv3_interface() -> bool {
    is_enabled!(kvm_vgic_global_state, vgic_global, gicv3_cpuif)
}

/// Whether guests' accesses to a GICv3 CPU interface trap (`kvm-arm.vgic_v3_*_trap`, or errata).
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe, CONFIG_KVM_ARM64_RUST_VGIC))]
#[inline(always)]
pub(crate) fn vgic_v3_cpuif_trap() -> bool {
    is_enabled!(vgic_v3_cpuif_trap)
}

/// Whether the host's GICv3 can also give guests the CPU interface of a GICv2.
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe, CONFIG_KVM_ARM64_RUST_VGIC))]
#[inline(always)]
pub(crate) fn vgic_v3_has_v2_compat() -> bool {
    is_enabled!(vgic_v3_has_v2_compat)
}

/// Whether guests' accesses to a GICv2 CPU interface trap: where the host's cannot be mapped.
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe, CONFIG_KVM_ARM64_RUST_VGIC))]
#[inline(always)]
pub(crate) fn vgic_v2_cpuif_trap() -> bool {
    is_enabled!(vgic_v2_cpuif_trap)
}

/// Makes functions that set a key for good. Sleep.
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
macro_rules! setters {
    ($($(#[$meta:meta])* $name:ident: $key:ident;)*) => {$(
        $(#[$meta])*
        pub(crate) fn $name() {
            // SAFETY: The key is a real static key; its first and only member is the plain key.
            unsafe { bindings::static_key_enable((&raw mut bindings::$key).cast()) };
        }
    )*};
}

#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
setters! {
    /// Makes [`vgic_v3_cpuif_trap`] true.
    set_vgic_v3_cpuif_trap: vgic_v3_cpuif_trap;
    /// Makes [`vgic_v3_has_v2_compat`] true.
    set_vgic_v3_has_v2_compat: vgic_v3_has_v2_compat;
    /// Makes [`vgic_v2_cpuif_trap`] true.
    set_vgic_v2_cpuif_trap: vgic_v2_cpuif_trap;
}
