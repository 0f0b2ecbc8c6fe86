// SPDX-License-Identifier: GPL-2.0

//! Guests' accesses to a GICv3 CPU interface that trap.
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: __vgic_v3_check_trap_forwarding,
//!     __vgic_v3_perform_cpuif_access
#![forbid(unsafe_code)]

use super::{
    cpu_interface::CpuInterface,
    hardware::Hardware,
    icc::{
        Access,
        Emulated,
        Icc, //
    },
    priority::Group,
};
use crate::host::{
    sys_reg::SysReg,
    vcpu::Vcpu, //
};

/// `ICH_HCR_EL2`, the traps that a guest hypervisor may set for its guest.
const HCR_TC: u64 = 1 << 10;
const HCR_TALL0: u64 = 1 << 11;
const HCR_TALL1: u64 = 1 << 12;
const HCR_TDIR: u64 = 1 << 14;

/// `HFGRTR_EL2.ICC_IGRPENn_EL1`, and the same bit of `HFGWTR_EL2`.
const HFGXTR_ICC_IGRPEN: u64 = 1 << 39;

/// Whether the access of a nested guest is to trap to its hypervisor.
fn traps_to_guest_hypervisor(vcpu: Vcpu<'_>, register: Icc, access: Access) -> bool {
    if !vcpu.in_nested_context() {
        return false;
    }

    let traps = vcpu.sys_reg(SysReg::ICH_HCR_EL2);
    let all_of = |group| match group {
        Group::Zero => traps & HCR_TALL0 != 0,
        Group::One => traps & HCR_TALL1 != 0,
    };

    match register {
        Icc::Igrpen(group) => {
            let fine_grained = vcpu.sys_reg(match access {
                Access::Read => SysReg::HFGRTR_EL2,
                Access::Write(_) => SysReg::HFGWTR_EL2,
            });

            fine_grained & HFGXTR_ICC_IGRPEN != 0 || all_of(group)
        }
        Icc::Apr(group, _)
        | Icc::Bpr(group)
        | Icc::Eoir(group)
        | Icc::Hppir(group)
        | Icc::Iar(group) => all_of(group),
        Icc::Dir => traps & (HCR_TDIR | HCR_TC) != 0,
        Icc::Rpr | Icc::Ctlr | Icc::Pmr => traps & HCR_TC != 0,
    }
}

/// Does a trapped access to a register of the CPU interface, of a guest that has a GICv3, on the
/// hardware's registers. Right after the exit, before anything is taken off the hardware.
///
/// Not here are done: accesses that the register does not have, those that trap to a guest
/// hypervisor, and a deactivation that the rest of KVM asked for.
pub(crate) fn cpu_interface_access(vcpu: Vcpu<'_>, register: Icc, access: Access) -> Emulated {
    let interface = vcpu.vgic_v3();

    if traps_to_guest_hypervisor(vcpu, register, access) {
        return Emulated::NotHere;
    }

    register.emulate(
        &mut CpuInterface::new(Hardware::of(interface)),
        access,
        u64::from(interface.hcr()) & HCR_TDIR != 0,
    )
}
