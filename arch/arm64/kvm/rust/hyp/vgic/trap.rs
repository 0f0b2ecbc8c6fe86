// SPDX-License-Identifier: GPL-2.0

//! Guests' accesses to a GICv3 CPU interface that trap.
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: __vgic_v3_check_trap_forwarding,
//!     __vgic_v3_perform_cpuif_access
#![forbid(unsafe_code)]

use super::*;
use crate::gic::{
    cpu_interface::CpuInterface,
    icc::{
        Access,
        Emulated,
        Icc, //
    },
    priority::Group, //
};
use hardware::Hardware;

/// Whether the access of a nested guest is to trap to its hypervisor.
fn traps_to_guest_hypervisor(vcpu: RunningVcpu<'_>, register: Icc, access: Access) -> bool {
    if !vcpu.in_nested_context() {
        return false;
    }

    let traps = IchHcr::from_raw(vcpu.sys_reg(SysReg::ICH_HCR_EL2));
    let all_of = |group| match group {
        Group::Zero => traps.has(IchHcr::TALL0),
        Group::One => traps.has(IchHcr::TALL1),
    };

    match register {
        Icc::Igrpen(group) => {
            let fine_grained =
                match access {
                    Access::Read => Hfgrtr::from_raw(vcpu.sys_reg(SysReg::HFGRTR_EL2))
                        .has(Hfgrtr::ICC_IGRPENn_EL1),
                    Access::Write(_) => Hfgwtr::from_raw(vcpu.sys_reg(SysReg::HFGWTR_EL2))
                        .has(Hfgwtr::ICC_IGRPENn_EL1),
                };

            fine_grained || all_of(group)
        }
        Icc::Apr(group, _)
        | Icc::Bpr(group)
        | Icc::Eoir(group)
        | Icc::Hppir(group)
        | Icc::Iar(group) => all_of(group),
        Icc::Dir => traps.has(IchHcr::TDIR) || traps.has(IchHcr::TC),
        Icc::Rpr | Icc::Ctlr | Icc::Pmr => traps.has(IchHcr::TC),
    }
}

/// Does a trapped access to a register of the CPU interface, of a guest that has a GICv3, on the
/// hardware's registers. Right after the exit, before anything is taken off the hardware.
///
/// Not here are done: accesses that the register does not have, those that trap to a guest
/// hypervisor, and a deactivation that the rest of KVM asked for.
pub(crate) fn cpu_interface_access(
    vcpu: RunningVcpu<'_>,
    register: Icc,
    access: Access,
) -> Emulated {
    if traps_to_guest_hypervisor(vcpu, register, access) {
        return Emulated::NotHere;
    }

    register.emulate(
        &mut CpuInterface::new(Hardware::of(vcpu)),
        access,
        vcpu.vgic_v3().hcr().has(IchHcr::TDIR),
    )
}
