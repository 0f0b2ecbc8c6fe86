// SPDX-License-Identifier: GPL-2.0

//! A GICv3 guest's CPU interface between memory and hardware.
//!
//! List registers and `ICH_HCR_EL2` change places on each entry and exit; what else there is,
//! at load and put of the vCPU.
//!
//! Source: GIC Architecture Specification (IHI 0069), "Virtual interrupt handling and
//! prioritization"; [`arch/arm64/kvm/vgic/vgic-v3.c`](srctree/arch/arm64/kvm/vgic/vgic-v3.c).
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: compute_ich_hcr, __vgic_v3_save_state,
//!     __vgic_v3_restore_state, __vgic_v3_activate_traps, __vgic_v3_deactivate_traps,
//!     __vgic_v3_save_aprs, __vgic_v3_restore_aprs, __vgic_v3_init_lrs,
//!     __vgic_v3_compat_mode_enable, __vgic_v3_restore_vmcr_aprs; arch/arm64/kvm/vgic/vgic.h:
//!     vgic_ich_vtr
#![forbid(unsafe_code)]

use super::*;
use crate::gic::list_register::{
    ListRegister,
    Vtr, //
};
use crate::side;

/// Takes what a guest did to its interrupts off the hardware, and disables the virtual interface.
///
/// Whoever reads `ICH_VMCR_EL2` from memory between two runs, as user space and the search for
/// pending interrupts do, reads the guest's latest.
#[inline(always)]
pub(crate) fn save<'a>(interface: VgicV3<'a>, el2: El2<'a>) {
    let used = interface.used_lrs();

    if reaches_memory_interface(interface, used) {
        // What the guest did to a GICv2 by memory accesses must have reached the registers.
        dsb_sy();
        isb();
    }
    if used != 0 {
        save_lrs(interface, used, el2);
    }
    // CAST: The upper half is reserved.
    interface.set_vmcr(ICH_VMCR_EL2::read() as u32);

    let hcr = interface.hcr();
    if hcr.has(IchHcr::LRENPIE) {
        let count = ICH_HCR_EL2::read().get(IchHcr::EOIcount);

        interface.set_hcr(hcr.put(IchHcr::EOIcount, count));
    }
    ICH_HCR_EL2::set(IchHcr::ZERO, el2);
    // Below another hypervisor the write went to memory (FEAT_NV2); this read traps, and it is
    // when the other one sees the write.
    let _ = ICH_MISR_EL2::read();
}

/// Out of line: most exits find no interrupt.
fn save_lrs<'a>(interface: VgicV3<'a>, used: u32, el2: El2<'a>) {
    struct Save<'a> {
        interface: VgicV3<'a>,
        el2: El2<'a>,
        empty: u64,
    }

    impl LrVisitor for Save<'_> {
        #[inline(always)]
        fn visit<const N: u32>(&mut self) {
            let lr = if self.empty & (const { 1 << N }) != 0 {
                ListRegister::from_raw(self.interface.lr::<N>())
                    .without_state()
                    .into_raw()
            } else {
                ICH_LR_EL2::<N>::read()
            };

            self.interface.set_lr::<N>(lr);
            ICH_LR_EL2::<N>::set(0, self.el2);
        }
    }

    for_first_lrs(
        used,
        Save {
            interface,
            el2,
            empty: ICH_ELRSR_EL2::read(),
        },
    );
}

/// Puts a guest's interrupts into the hardware and enables the virtual interface.
#[inline(always)]
pub(crate) fn restore<'a>(interface: VgicV3<'a>, el2: El2<'a>) {
    struct Restore<'a> {
        interface: VgicV3<'a>,
        el2: El2<'a>,
    }

    impl LrVisitor for Restore<'_> {
        #[inline(always)]
        fn visit<const N: u32>(&mut self) {
            ICH_LR_EL2::<N>::set(self.interface.lr::<N>(), self.el2);
        }
    }

    let used = interface.used_lrs();

    ICH_HCR_EL2::set(interface.hcr().or(ich_hcr_traps()), el2);
    if used != 0 {
        for_first_lrs(used, Restore { interface, el2 });
    }
    if reaches_memory_interface(interface, used) {
        // The guest's memory accesses must find them there.
        isb();
        dsb_sy();
    }
}

/// Whether a run changes what a GICv2 guest gets at by memory accesses: list registers, and where
/// all is switched on each run `ICH_VMCR_EL2`.
#[inline(always)]
fn reaches_memory_interface(interface: VgicV3<'_>, used: u32) -> bool {
    (used != 0 || !side::SWITCHES_AT_LOAD) && !interface.uses_system_registers()
}

/// Whether the virtual interface is on also while no interrupt is in it: for traps to take place,
/// or for a GICv4 to deliver.
fn is_always_on(interface: VgicV3<'_>) -> bool {
    vgic_v3_cpuif_trap() || interface.has_vpe() || !interface.uses_system_registers()
}

/// Gives the guest its view of the CPU interface, and its traps. At load, before [`restore`].
///
/// With `ICC_SRE_EL1.SRE` 1, `ICH_VMCR_EL2.VFIQEn` is 1, and a GICv2's group 0 interrupts would be
/// fast interrupts: so SRE comes first, and a GICv2's `ICH_VMCR_EL2` here rather than in
/// [`restore_priorities`].
pub(crate) fn activate_traps(interface: VgicV3<'_>, el2: El2<'_>) {
    if !interface.hcr().has(IchHcr::En) {
        // No interface at all. Accesses trap to EL2 only if they would not be undefined already.
        gic_v3::set_system_registers(true, el2);
        isb();
    } else if !interface.uses_system_registers() {
        gic_v3::set_system_registers(false, el2);
        isb();
        ICH_VMCR_EL2::set(u64::from(interface.vmcr()), el2);
        if side::SWITCHES_AT_LOAD {
            isb();
            dsb_sy();
        }
    }

    if vgic_v3_has_v2_compat() {
        gic_v3::set_sre_el1_access(false, el2);
    }
    if is_always_on(interface) {
        ICH_HCR_EL2::set(ich_hcr_traps().with(IchHcr::En), el2);
    }
}

/// Undoes [`activate_traps`]. At put.
pub(crate) fn deactivate_traps(interface: VgicV3<'_>, el2: El2<'_>) {
    if vgic_v3_has_v2_compat() {
        gic_v3::set_sre_el1_access(true, el2);
        if !interface.uses_system_registers() {
            // SRE at EL1 can be set only once it is accessible.
            isb();
            gic_v3::set_system_registers(true, el2);
        }
    }
    if is_always_on(interface) {
        ICH_HCR_EL2::set(IchHcr::ZERO, el2);
    }
}

/// The active priorities that the hardware has are read or written, the others left alone:
/// there is one register a group for each 32 levels of pre-emption.
macro_rules! for_each_ap {
    ($vtr:expr, $body:ident) => {
        match $vtr.active_priority_registers() {
            1 => $body!(0),
            2 => $body!(0 1),
            _ => $body!(0 1 2 3),
        }
    };
}

/// Saves the active priorities. At put.
pub(crate) fn save_active_priorities(interface: VgicV3<'_>, _el2: El2<'_>) {
    macro_rules! save {
        ($($n:literal)*) => {{
            $(
                // CAST: The upper halves are reserved.
                interface.set_ap0r::<$n>(ICH_AP0R_EL2::<$n>::read() as u32);
                interface.set_ap1r::<$n>(ICH_AP1R_EL2::<$n>::read() as u32);
            )*
        }};
    }

    for_each_ap!(Vtr::from_raw(ich_vtr()), save);
}

/// Restores the active priorities, all of group 0 before group 1 as IHI 0069 has it
/// (`ICH_AP0R<n>_EL2`), and `ICH_VMCR_EL2` unless that is part of [`activate_traps`].
/// At load.
pub(crate) fn restore_priorities(interface: VgicV3<'_>, el2: El2<'_>) {
    macro_rules! restore {
        ($($n:literal)*) => {{
            $(ICH_AP0R_EL2::<$n>::set(u64::from(interface.ap0r::<$n>()), el2);)*
            $(ICH_AP1R_EL2::<$n>::set(u64::from(interface.ap1r::<$n>()), el2);)*
        }};
    }

    if has_gicv5_cpuif() {
        gic_v3::set_gicv3_compatible(true, el2);
    }
    if interface.uses_system_registers() {
        ICH_VMCR_EL2::set(u64::from(interface.vmcr()), el2);
    }
    for_each_ap!(Vtr::from_raw(ich_vtr()), restore);
}

/// Empties all list registers. On a CPU that comes up.
pub(crate) fn init_lrs(el2: El2<'_>) {
    // CAST: There are at most 16.
    for index in 0..Vtr::from_raw(ich_vtr()).list_registers() as u8 {
        write_lr_at(index, 0, el2);
    }
}
