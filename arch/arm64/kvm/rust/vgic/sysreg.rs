// SPDX-License-Identifier: GPL-2.0

//! The system registers of a GICv3's CPU interface, as user space saves and restores them: its own
//! (`ICC_*_EL1`), and those with which a guest hypervisor controls its guests' (`ICH_*_EL2`).
//!
//! Values are converted in [`cpu_state`](crate::gic::cpu_state). All of a vCPU whose mutex is held,
//! in a VM whose configuration is locked.
//!
//! There is no table of them for C: the only thing that C would do with one is to look at boot
//! whether it is sorted.
//!
//! Mirrors: arch/arm64/kvm/vgic-sys-reg-v3.c: set_apr_reg, get_apr_reg, get_gic_sre,
//!     set_gic_ich_reg, get_gic_ich_reg, set_gic_ich_apr, get_gic_ich_apr, el2_visibility,
//!     vgic_v3_get_sysreg_table, vgic_v3_has_cpu_sysregs_attr, vgic_v3_cpu_sysregs_uaccess
#![forbid(unsafe_code)]

use crate::{
    gic::{
        cpu_state::{
            check_constant,
            check_sre,
            encoding_of,
            guest_vtr,
            CpuRegister,
            CpuState,
            Interface,
            Nested,
            SRE_EL2, //
        },
        list_register::Vtr,
        priority::{
            ApIndex,
            Group, //
        },
        vmcr::Vmcr, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::{
    code::*,
    Result, //
};

/// The register that an attribute names, if the vCPU has it.
fn find(vcpu: Vcpu<'_>, attr: u64) -> Option<CpuRegister> {
    CpuRegister::decode(encoding_of(attr))
        .filter(|register| !matches!(register, CpuRegister::Nested(_)) || vcpu.has_el2())
}

/// Whether the vCPU has the register that an attribute names.
pub(super) fn exists(vcpu: Vcpu<'_>, attr: u64) -> bool {
    find(vcpu, attr).is_some()
}

/// Copies a register to user space. Sleeps.
///
/// # Errors
///
/// In this order: `ENOENT` for one that is not there; `EINVAL` for an active-priority register that
/// the vCPU has no priorities for; `EFAULT`.
pub(super) fn get(vcpu: OwnVcpu<'_>, attr: u64, user: UserNumber<'_>) -> Result {
    let register = find(*vcpu, attr).ok_or(ENOENT)?;

    user.write(read(vcpu, register)?)
}

/// Copies a register from user space. Sleeps.
///
/// # Errors
///
/// In this order: `EFAULT`; `ENOENT` for one that is not there; `EINVAL` for a value that it cannot
/// have here.
pub(super) fn set(vcpu: OwnVcpu<'_>, attr: u64, user: UserNumber<'_>) -> Result {
    let value = user.read()?;
    let register = find(*vcpu, attr).ok_or(ENOENT)?;

    write(vcpu, register, value)
}

fn host_vtr() -> Vtr {
    Vtr::from_raw(ich_vtr())
}

fn state(vcpu: OwnVcpu<'_>) -> CpuState {
    CpuState {
        // CAST: widening.
        vmcr: Vmcr::from_raw(u64::from(vcpu.vgic_v3().vmcr())).of_interface(Interface::V3),
        limits: vcpu.interface_limits(),
    }
}

/// An active-priority register, if there are priorities for it.
fn check_apr(vcpu: OwnVcpu<'_>, index: ApIndex) -> Result {
    if vcpu.interface_limits().have(index) {
        Ok(())
    } else {
        Err(EINVAL)
    }
}

fn read(vcpu: OwnVcpu<'_>, register: CpuRegister) -> Result<u64> {
    Ok(match register {
        CpuRegister::Vmcr(register) => state(vcpu).read(register, host_vtr()),
        CpuRegister::Apr(group, index) => {
            check_apr(vcpu, index)?;
            u64::from(apr(vcpu.vgic_v3(), group, index))
        }
        CpuRegister::Sre => u64::from(vcpu.vgic_v3().sre()),
        CpuRegister::Nested(Nested::Sre) => SRE_EL2,
        CpuRegister::Nested(Nested::Vtr) => guest_vtr(host_vtr()),
        CpuRegister::Nested(nested) => {
            if let Nested::Apr(_, index) = nested {
                check_apr(vcpu, index)?;
            }
            vcpu.sys_reg(in_memory(nested).ok_or(ENOENT)?)
        }
    })
}

fn write(vcpu: OwnVcpu<'_>, register: CpuRegister, value: u64) -> Result {
    match register {
        CpuRegister::Vmcr(register) => {
            // Only what is right as a whole is taken over.
            let state = state(vcpu).written(register, value, host_vtr())?;

            vcpu.set_interface_limits(state.limits);
            // CAST: The upper half is reserved.
            vcpu.vgic_v3().set_vmcr(state.vmcr.into_raw() as u32);
        }
        CpuRegister::Apr(group, index) => {
            check_apr(vcpu, index)?;
            // CAST: 32 bits, as the register has.
            set_apr(vcpu.vgic_v3(), group, index, value as u32);
        }
        CpuRegister::Sre => check_sre(value)?,
        CpuRegister::Nested(Nested::Sre) => check_constant(value, SRE_EL2)?,
        CpuRegister::Nested(Nested::Vtr) => check_constant(value, guest_vtr(host_vtr()))?,
        CpuRegister::Nested(nested) => {
            if let Nested::Apr(_, index) = nested {
                check_apr(vcpu, index)?;
            }
            vcpu.set_sys_reg(in_memory(nested).ok_or(ENOENT)?, value);
        }
    }
    Ok(())
}

fn apr(interface: VgicV3<'_>, group: Group, index: ApIndex) -> u32 {
    match (group, index) {
        (Group::Zero, ApIndex::Ap0) => interface.ap0r::<0>(),
        (Group::Zero, ApIndex::Ap1) => interface.ap0r::<1>(),
        (Group::Zero, ApIndex::Ap2) => interface.ap0r::<2>(),
        (Group::Zero, ApIndex::Ap3) => interface.ap0r::<3>(),
        (Group::One, ApIndex::Ap0) => interface.ap1r::<0>(),
        (Group::One, ApIndex::Ap1) => interface.ap1r::<1>(),
        (Group::One, ApIndex::Ap2) => interface.ap1r::<2>(),
        (Group::One, ApIndex::Ap3) => interface.ap1r::<3>(),
    }
}

fn set_apr(interface: VgicV3<'_>, group: Group, index: ApIndex, bits: u32) {
    match (group, index) {
        (Group::Zero, ApIndex::Ap0) => interface.set_ap0r::<0>(bits),
        (Group::Zero, ApIndex::Ap1) => interface.set_ap0r::<1>(bits),
        (Group::Zero, ApIndex::Ap2) => interface.set_ap0r::<2>(bits),
        (Group::Zero, ApIndex::Ap3) => interface.set_ap0r::<3>(bits),
        (Group::One, ApIndex::Ap0) => interface.set_ap1r::<0>(bits),
        (Group::One, ApIndex::Ap1) => interface.set_ap1r::<1>(bits),
        (Group::One, ApIndex::Ap2) => interface.set_ap1r::<2>(bits),
        (Group::One, ApIndex::Ap3) => interface.set_ap1r::<3>(bits),
    }
}

/// Where a register of the guest hypervisor's is kept, if it is not a constant.
fn in_memory(register: Nested) -> Option<SysReg> {
    Some(match register {
        Nested::Hcr => SysReg::ICH_HCR_EL2,
        Nested::Vmcr => SysReg::ICH_VMCR_EL2,
        Nested::Apr(Group::Zero, index) => SysReg::ich_ap0r(index),
        Nested::Apr(Group::One, index) => SysReg::ich_ap1r(index),
        Nested::Lr(index) => SysReg::ich_lr(index),
        Nested::Sre | Nested::Vtr => return None,
    })
}
