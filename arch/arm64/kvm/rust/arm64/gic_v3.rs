// SPDX-License-Identifier: GPL-2.0

//! The CPU interface of a GICv3, where a hypervisor changes what it shares with its guests: which
//! view of the interface a CPU has, and the host's own interrupts.
//!
//! Source: GIC Architecture Specification (IHI 0069), "AArch64 System register descriptions".
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: __gic_v3_get_lr, __gic_v3_set_lr,
//!     __vgic_v3_activate_traps, __vgic_v3_deactivate_traps, __vgic_v3_get_gic_config,
//!     __vgic_v3_compat_mode_enable; arch/arm64/kvm/hyp/vgic-v5-sr.c: __vgic_v5_compat_mode_disable

#[cfg(nvhe)]
use super::registers::ICC_PMR_EL1;
use super::{
    barrier::isb,
    evidence::{
        El2, //
        Masked,
    },
    registers::{
        GuestRegister,
        SystemRegister,
        ICC_DIR_EL1,
        ICC_SRE_EL1,
        ICC_SRE_EL2,
        ICH_VCTLR_EL2, //
    },
    values::{
        IccSreEl1,
        IccSreEl2,
        IchVctlr, //
    }, //
};

/// Deactivates an interrupt of the host, which has dropped its priority before.
#[inline(always)]
pub(crate) fn deactivate_physical(intid: u32, _masked: Masked<'_>) {
    // SAFETY: To be active for too short a time is what an interrupt's handler can stand.
    unsafe { ICC_DIR_EL1::write(u64::from(intid)) };
    isb();
}

/// Gives EL1 the interface of system registers, or that of memory (GICv2).
#[inline(always)]
pub(crate) fn set_system_registers(used: bool, el2: El2<'_>) {
    ICC_SRE_EL1::set(
        if used {
            IccSreEl1::ZERO.with(IccSreEl1::SRE)
        } else {
            IccSreEl1::ZERO
        },
        el2,
    );
}

/// Lets EL1 access `ICC_SRE_EL1`, or not. May have no effect: the bit may be fixed at 1.
#[inline(always)]
pub(crate) fn set_sre_el1_access(allowed: bool, _el2: El2<'_>) {
    let old = ICC_SRE_EL2::read();
    let new = if allowed {
        old.with(IccSreEl2::Enable)
    } else {
        old.without(IccSreEl2::Enable)
    };

    // SAFETY: The field is about EL1 alone.
    unsafe { ICC_SRE_EL2::write(new) };
}

/// Whether guests can have the interface of memory (GICv2): `ICC_SRE_EL1.SRE` can be 0.
///
/// While this finds out, the CPU must take no interrupt, whose handler would need the system
/// registers: hence the argument.
pub(crate) fn has_memory_interface(masked: Masked<'_>) -> bool {
    let before = ICC_SRE_EL1::read();

    set_system_registers(false, *masked);
    isb();
    let fixed = ICC_SRE_EL1::read().has(IccSreEl1::SRE);
    ICC_SRE_EL1::set(before, *masked);
    isb();
    !fixed
}

/// Makes the virtual interface of a GICv5 that of a GICv3, or of a GICv5 again. Done on return.
#[inline(always)]
pub(crate) fn set_gicv3_compatible(compatible: bool, el2: El2<'_>) {
    let old = ICH_VCTLR_EL2::read();
    let new = if compatible {
        old.with(IchVctlr::V3)
    } else {
        old.without(IchVctlr::V3)
    };

    if new != old {
        ICH_VCTLR_EL2::set(new, el2);
    }
    isb();
}

/// Lets the CPU see interrupts of all priorities, for one that masks them so and goes to a guest.
#[cfg(nvhe)]
#[inline(always)]
pub(crate) fn unmask_priorities(_masked: Masked<'_>) {
    // SAFETY: `PSTATE` masks them. CAST: widening.
    unsafe { ICC_PMR_EL1::write(u64::from(crate::bindings::KVM_PMR_IN_GUEST)) };
}

/// Undoes it: a host that masks interrupts by their priority alone has them masked.
#[cfg(nvhe)]
#[inline(always)]
pub(crate) fn mask_priorities(_masked: Masked<'_>) {
    // SAFETY: What the host has on its way into the hypervisor. CAST: widening.
    unsafe { ICC_PMR_EL1::write(u64::from(crate::bindings::KVM_PMR_AT_EL2)) };
}
