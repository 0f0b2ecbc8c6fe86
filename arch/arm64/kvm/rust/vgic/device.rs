// SPDX-License-Identifier: GPL-2.0

//! The devices by which user space configures a GIC, saves it and restores it.
//!
//! Which error comes first if there are several is ABI, and is documented at each function.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-kvm-device.c: vgic_check_type, vgic_set_common_attr,
//!     vgic_get_common_attr,
//!     vgic_create, vgic_destroy, kvm_register_vgic_device, vgic_v2_parse_attr,
//!     vgic_v2_attr_regs_access, vgic_v2_set_attr, vgic_v2_get_attr, vgic_v2_has_attr,
//!     kvm_arm_vgic_v2_ops, vgic_v3_parse_attr, reg_allowed_pre_init, vgic_v3_attr_regs_access,
//!     vgic_v3_set_attr, vgic_v3_get_attr, vgic_v3_has_attr, kvm_arm_vgic_v3_ops,
//!     vgic_v5_get_userspace_ppis, vgic_v5_set_attr, vgic_v5_get_attr, vgic_v5_has_attr,
//!     kvm_arm_vgic_v5_ops; arch/arm64/kvm/vgic/vgic-mmio-v2.c: vgic_v2_has_attr_regs;
//!     arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_v3_has_attr_regs, vgic_v3_line_level_info_uaccess
#![forbid(unsafe_code)]

use super::{
    address,
    init,
    its,
    mmio::{
        self,
        banks,
        Named,
        Registers, //
    },
    pending_table,
    sysreg,
    v5, //
};
use crate::{
    gic::{
        affinity::RegisterAttr,
        frame_bits::LineLevels,
        frame_gicd::is_open_before_init,
        region::spis_of, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::{
    bindings::{
        self,
        kvm_device_attr as Attr, //
    },
    error::{
        code::*,
        Result, //
    }, //
};

/// To a user address, or from there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Get,
    Set,
}

/// Sets an attribute of a device of that model. Sleeps.
///
/// # Errors
///
/// `ENXIO` for one that does not exist; else see the functions for each group.
pub(super) fn set_attr(task: &mut Task<'_>, model: Model, attr: &Attr) -> Result {
    match (model, attr.group) {
        (
            Model::V2,
            bindings::KVM_DEV_ARM_VGIC_GRP_DIST_REGS | bindings::KVM_DEV_ARM_VGIC_GRP_CPU_REGS,
        ) => v2_register(task, attr, Direction::Set),
        (
            Model::V3,
            bindings::KVM_DEV_ARM_VGIC_GRP_DIST_REGS
            | bindings::KVM_DEV_ARM_VGIC_GRP_REDIST_REGS
            | bindings::KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS
            | bindings::KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO,
        ) => v3_register(task, attr, Direction::Set),
        (Model::V3, bindings::KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ) => set_maintenance(task, attr),
        (Model::V2 | Model::V3, bindings::KVM_DEV_ARM_VGIC_GRP_ADDR) => address::set(task, attr),
        (Model::V2 | Model::V3, bindings::KVM_DEV_ARM_VGIC_GRP_NR_IRQS) => set_nr_irqs(task, attr),
        (_, bindings::KVM_DEV_ARM_VGIC_GRP_CTRL) => control(task, model, attr.attr),
        _ => Err(ENXIO),
    }
}

/// Gets an attribute of a device of that model. Sleeps.
///
/// # Errors
///
/// As [`set_attr`].
pub(super) fn get_attr(task: &mut Task<'_>, model: Model, attr: &Attr) -> Result {
    let vm = task.vm();
    let user = UserNumber::new(attr.addr, task.may_sleep());

    match (model, attr.group) {
        (
            Model::V2,
            bindings::KVM_DEV_ARM_VGIC_GRP_DIST_REGS | bindings::KVM_DEV_ARM_VGIC_GRP_CPU_REGS,
        ) => v2_register(task, attr, Direction::Get),
        (
            Model::V3,
            bindings::KVM_DEV_ARM_VGIC_GRP_DIST_REGS
            | bindings::KVM_DEV_ARM_VGIC_GRP_REDIST_REGS
            | bindings::KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS
            | bindings::KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO,
        ) => v3_register(task, attr, Direction::Get),
        (Model::V3, bindings::KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ) => {
            user.write(vm.dist().maintenance_intid())
        }
        (Model::V2 | Model::V3, bindings::KVM_DEV_ARM_VGIC_GRP_ADDR) => address::get(task, attr),
        (Model::V2 | Model::V3, bindings::KVM_DEV_ARM_VGIC_GRP_NR_IRQS) => {
            // CAST: 32.
            user.write(vm.dist().nr_spis().saturating_add(NR_PRIVATE as u32))
        }
        (Model::V5, bindings::KVM_DEV_ARM_VGIC_GRP_CTRL) => get_v5_control(task, attr),
        _ => Err(ENXIO),
    }
}

/// Whether a device of that model has an attribute.
///
/// # Errors
///
/// `ENXIO` if not; `EINVAL` if it is a register of a vCPU that is not there.
pub(super) fn has_attr(task: &mut Task<'_>, model: Model, attr: &Attr) -> Result {
    let vm = task.vm();
    // Attributes are small numbers, those of registers apart.
    let number = u32::try_from(attr.attr);

    let there = match (model, attr.group) {
        (Model::V2, bindings::KVM_DEV_ARM_VGIC_GRP_ADDR) => matches!(
            number,
            Ok(bindings::KVM_VGIC_V2_ADDR_TYPE_DIST | bindings::KVM_VGIC_V2_ADDR_TYPE_CPU)
        ),
        (Model::V3, bindings::KVM_DEV_ARM_VGIC_GRP_ADDR) => matches!(
            number,
            Ok(bindings::KVM_VGIC_V3_ADDR_TYPE_DIST
                | bindings::KVM_VGIC_V3_ADDR_TYPE_REDIST
                | bindings::KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION)
        ),
        (
            Model::V2,
            bindings::KVM_DEV_ARM_VGIC_GRP_DIST_REGS | bindings::KVM_DEV_ARM_VGIC_GRP_CPU_REGS,
        ) => {
            let (_, offset) = v2_parse(vm, attr)?;

            has_register(vm, attr.group, offset)
        }
        (
            Model::V3,
            bindings::KVM_DEV_ARM_VGIC_GRP_DIST_REGS | bindings::KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
        ) => {
            let (_, register) = v3_parse(vm, attr)?;

            has_register(vm, attr.group, register.offset())
        }
        (Model::V3, bindings::KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS) => {
            let (vcpu, _) = v3_parse(vm, attr)?;

            sysreg::exists(vcpu, attr.attr)
        }
        (Model::V3, bindings::KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO) => {
            LineLevels::is_named_by(attr.attr)
        }
        (Model::V3, bindings::KVM_DEV_ARM_VGIC_GRP_MAINT_IRQ) => true,
        (Model::V2 | Model::V3, bindings::KVM_DEV_ARM_VGIC_GRP_NR_IRQS) => true,
        (_, bindings::KVM_DEV_ARM_VGIC_GRP_CTRL) => match number {
            Ok(bindings::KVM_DEV_ARM_VGIC_CTRL_INIT) => true,
            Ok(bindings::KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES) => model == Model::V3,
            Ok(bindings::KVM_DEV_ARM_VGIC_USERSPACE_PPIS) => model == Model::V5,
            _ => false,
        },
        _ => false,
    };

    if there {
        Ok(())
    } else {
        Err(ENXIO)
    }
}

/// Says how many interrupts there are, LPIs aside. Sleeps.
///
/// # Errors
///
/// `EFAULT`, then those of [`spis_of`]: the number is settled also by initialisation.
fn set_nr_irqs(task: &mut Task<'_>, attr: &Attr) -> Result {
    let irqs = UserNumber::new(attr.addr, task.may_sleep()).read::<u32>()?;
    let config = task.config();

    config.set_nr_spis(spis_of(irqs, config.vm().dist().nr_spis())?);
    Ok(())
}

/// Does what an attribute of group `KVM_DEV_ARM_VGIC_GRP_CTRL` stands for. Sleeps.
///
/// # Errors
///
/// `ENXIO` for an unknown one; else those of what is done.
fn control(task: &mut Task<'_>, model: Model, attr: u64) -> Result {
    match u32::try_from(attr) {
        Ok(bindings::KVM_DEV_ARM_VGIC_CTRL_INIT) => init::init(&mut task.config()),
        Ok(bindings::KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES) if model != Model::V5 => {
            save_pending_tables(task)
        }
        _ => Err(ENXIO),
    }
}

/// Saves which LPIs are pending, to the guest's memory. Sleeps.
///
/// An ITS, or a vCPU that enables LPIs, may have some left to make so: what the guest has asked for is
/// done, before.
///
/// # Errors
///
/// `ENXIO` unless it is a GICv3; `EBUSY` if a vCPU is in use; those of [`its::settle_all`] and
/// [`pending_table::save`].
fn save_pending_tables(task: &mut Task<'_>) -> Result {
    if task.vm().dist().model() != Some(Model::V3) {
        return Err(ENXIO);
    }
    let mut lock = task.vm_lock();
    let mut all = lock.locked().stop_all()?;
    let mut config = all.config();

    mmio::settle_lpis(&mut config);
    its::settle_all(&mut config)?;
    pending_table::save(&config)
}

/// Sets the maintenance interrupt of guest hypervisors. Sleeps.
///
/// # Errors
///
/// In this order: `EFAULT`; `EBUSY` once initialised; `EINVAL` for what is not a PPI.
fn set_maintenance(task: &mut Task<'_>, attr: &Attr) -> Result {
    let intid = UserNumber::new(attr.addr, task.may_sleep()).read::<u32>()?;
    let config = task.config();

    if config.vm().dist().initialized() {
        return Err(EBUSY);
    }
    // CAST: The bit pattern.
    let ppi = config.vm().ppi_of_user(intid as i32).ok_or(EINVAL)?;

    config.set_maintenance_intid(ppi.intid());
    Ok(())
}

/// Gets the PPIs of a GICv5 that user space may drive: 128 bits, of which 64 can be set. Sleeps.
///
/// # Errors
///
/// `ENXIO` for any other attribute; `EFAULT`.
fn get_v5_control(task: &mut Task<'_>, attr: &Attr) -> Result {
    if attr.attr != u64::from(bindings::KVM_DEV_ARM_VGIC_USERSPACE_PPIS) {
        return Err(ENXIO);
    }
    let ppis = v5::userspace_ppis(&task.config());

    UserNumber::new(attr.addr, task.may_sleep()).write(ppis)?;
    UserNumber::new(attr.addr.wrapping_add(8), task.may_sleep()).write(0_u64)
}

/// Whether there is a register of 32 bits at an offset of a group's frame.
fn has_register(vm: Vm<'_>, group: u32, offset: u32) -> bool {
    let frame = match group {
        bindings::KVM_DEV_ARM_VGIC_GRP_DIST_REGS => Named::Distributor,
        bindings::KVM_DEV_ARM_VGIC_GRP_REDIST_REGS => Named::Redistributor,
        _ => Named::CpuInterface,
    };

    offset % 4 == 0 && mmio::has(vm, frame, offset)
}

/// Accesses a register; what was read, if so.
fn access(
    config: &mut ConfigLock<'_>,
    registers: Registers<'_>,
    offset: u32,
    written: Option<u32>,
) -> Result<u32> {
    match written {
        Some(value) => mmio::user_write(config, registers, offset, value).map(|()| 0),
        None => Ok(mmio::user_read(config, registers, offset)),
    }
}

/// The vCPU and the register that an attribute of a GICv2 names.
///
/// # Errors
///
/// `EINVAL` if there is no such vCPU.
fn v2_parse<'a>(vm: Vm<'a>, attr: &Attr) -> Result<(Vcpu<'a>, u32)> {
    let register = RegisterAttr::from_raw(attr.attr);
    let vcpu = vm.vcpu_of_id(register.vcpu_id()).ok_or(EINVAL)?;

    Ok((vcpu, register.offset()))
}

/// Accesses a register of a GICv2, which is initialised by that. A register that is not there
/// reads as zero, and ignores writes. Sleeps.
///
/// # Errors
///
/// In this order: `EINVAL` for a vCPU that is not there; `EFAULT` when setting; `EBUSY` if a vCPU
/// is in use; those of [`init::init`]; those of the register; `EFAULT` when getting.
fn v2_register(task: &mut Task<'_>, attr: &Attr, direction: Direction) -> Result {
    let (vcpu, offset) = v2_parse(task.vm(), attr)?;
    let user = UserNumber::new(attr.addr, task.may_sleep());
    let written = written(user, direction)?;

    let value = {
        let mut lock = task.vm_lock();
        let mut all = lock.locked().stop_all()?;
        let (mut config, vcpu) = all.config_and(vcpu);

        init::init(&mut config)?;
        let registers = if attr.group == bindings::KVM_DEV_ARM_VGIC_GRP_DIST_REGS {
            Registers::DistributorV2(vcpu.anyones())
        } else {
            Registers::CpuInterface(vcpu)
        };

        access(&mut config, registers, offset, written)?
    };

    read(user, direction, value)
}

/// What user space writes, if it does.
fn written(user: UserNumber<'_>, direction: Direction) -> Result<Option<u32>> {
    Ok(match direction {
        Direction::Get => None,
        Direction::Set => Some(user.read()?),
    })
}

/// Gives user space what it reads, if it does.
fn read(user: UserNumber<'_>, direction: Direction, value: u32) -> Result {
    match direction {
        Direction::Get => user.write(value),
        Direction::Set => Ok(()),
    }
}

/// The vCPU and the register that an attribute of a GICv3 names. Registers of the distributor
/// are any vCPU's: the first one's.
///
/// # Errors
///
/// `EINVAL` if there is no such vCPU.
fn v3_parse<'a>(vm: Vm<'a>, attr: &Attr) -> Result<(Vcpu<'a>, RegisterAttr)> {
    let register = RegisterAttr::from_raw(attr.attr);
    let vcpu = if attr.group == bindings::KVM_DEV_ARM_VGIC_GRP_DIST_REGS {
        vm.vcpu_at(0)
    } else {
        vm.vcpu_of_affinity(register.affinity().mpidr())
    };

    Ok((vcpu.ok_or(EINVAL)?, register))
}

/// Accesses a register of a GICv3, a system register of its CPU interface, or the levels of 32
/// lines. Sleeps.
///
/// # Errors
///
/// In this order: `EINVAL` for a vCPU that is not there; `EFAULT` when setting, but for system
/// registers; `EBUSY` if a vCPU is in use; `EBUSY` if the GIC is not initialised, but for registers
/// that say what there is to be; `EINVAL` for lines that are not 32 as they come in registers, or
/// anything of them but levels; those of the register; `EFAULT` when getting.
fn v3_register(task: &mut Task<'_>, attr: &Attr, direction: Direction) -> Result {
    let (vcpu, register) = v3_parse(task.vm(), attr)?;
    let user = UserNumber::new(attr.addr, task.may_sleep());
    let is_sysreg = attr.group == bindings::KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS;
    let written = if is_sysreg {
        None
    } else {
        written(user, direction)?
    };

    let value = {
        let mut lock = task.vm_lock();
        let mut all = lock.locked().stop_all()?;
        let (mut config, vcpu) = all.config_and(vcpu);
        let early = attr.group == bindings::KVM_DEV_ARM_VGIC_GRP_DIST_REGS
            && is_open_before_init(register.offset());

        if !config.vm().dist().initialized() && !early {
            return Err(EBUSY);
        }
        if vcpu.anyones().is_switching_lpis() {
            mmio::settle_lpis(&mut config);
        }
        match attr.group {
            bindings::KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS => {
                return match direction {
                    Direction::Get => sysreg::get(vcpu, attr.attr, user),
                    Direction::Set => sysreg::set(vcpu, attr.attr, user),
                };
            }
            bindings::KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO => match written {
                Some(levels) => {
                    banks::write_line_levels(&mut config, vcpu.anyones(), attr.attr, levels)?;
                    0
                }
                None => banks::read_line_levels(&mut config, vcpu.anyones(), attr.attr)?,
            },
            bindings::KVM_DEV_ARM_VGIC_GRP_REDIST_REGS => access(
                &mut config,
                Registers::Redistributor(vcpu.anyones()),
                register.offset(),
                written,
            )?,
            _ => access(
                &mut config,
                Registers::Distributor(vcpu.anyones()),
                register.offset(),
                written,
            )?,
        }
    };

    read(user, direction, value)
}
