// SPDX-License-Identifier: GPL-2.0

//! The device by which user space makes an ITS, places it, saves it and restores it.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: vgic_its_create, vgic_register_its_iodev,
//!     vgic_its_has_attr_regs, vgic_its_attr_regs_access, vgic_its_has_attr, vgic_its_ctrl,
//!     vgic_its_set_attr, vgic_its_get_attr, kvm_arm_vgic_its_ops, kvm_vgic_register_its_device,
//!     vgic_its_get_abi, vgic_its_set_abi
#![forbid(unsafe_code)]

use super::{
    super::{
        mmio::{
            within,
            By, //
        },
        v4, //
    },
    registers,
    restore,
    save,
    unmap_all_gone, //
};
use crate::{
    gic::{
        frame::{
            Read,
            Who, //
        },
        frame_gits::{
            user_bytes,
            user_offset,
            GITS, //
        },
        redistributor::Propbaser,
        region::FrameKind, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use core::pin::Pin;
use kernel::{
    alloc::{
        flags::GFP_KERNEL_ACCOUNT,
        KBox, //
    },
    bindings::{
        self,
        kvm_device_attr as Attr, //
    },
    error::{
        code::*,
        Result, //
    },
    init::InPlaceInit, //
};

/// Makes an ITS that is nowhere yet. Sleeps.
///
/// # Errors
///
/// `ENOMEM`; those of [`v4::init_for_its`].
pub(in crate::vgic) fn create(vm: &mut VmLocked<'_>) -> Result<Pin<KBox<Its>>> {
    let its = KBox::pin_init(Its::new(vm.vm()), GFP_KERNEL_ACCOUNT)?;
    let mut config = vm.config();

    v4::init_for_its(&mut config)?;
    // Redistributors share it, and so do ITSs.
    if !config.vm().dist().has_its() {
        config.set_propbaser(Propbaser::INITIAL.into_raw());
    }
    config.require_devid();
    config.set_has_its(true);
    Ok(its)
}

/// Sets an attribute. Sleeps.
///
/// # Errors
///
/// `ENXIO` for one that does not exist; else see the functions for each group.
pub(in crate::vgic) fn set_attr(task: &mut Task<'_>, its: LastingIts<'_>, attr: &Attr) -> Result {
    let user = UserNumber::new(attr.addr, task.may_sleep());

    match attr.group {
        bindings::KVM_DEV_ARM_VGIC_GRP_ADDR => {
            check_address_type(attr)?;
            place(task, its, user.read()?)
        }
        bindings::KVM_DEV_ARM_VGIC_GRP_CTRL => control(task, &its, attr.attr),
        bindings::KVM_DEV_ARM_VGIC_GRP_ITS_REGS => {
            let value = user.read()?;

            access_register(task, &its, attr, Some(value)).map(|_| ())
        }
        _ => Err(ENXIO),
    }
}

/// Gets an attribute. Sleeps.
///
/// # Errors
///
/// `ENXIO` for one that can't be read; else see the functions for each group; `EFAULT` at last.
pub(in crate::vgic) fn get_attr(task: &mut Task<'_>, its: &Its, attr: &Attr) -> Result {
    let user = UserNumber::new(attr.addr, task.may_sleep());

    match attr.group {
        bindings::KVM_DEV_ARM_VGIC_GRP_ADDR => {
            check_address_type(attr)?;
            user.write(its.base().unwrap_or(UNDEFINED))
        }
        bindings::KVM_DEV_ARM_VGIC_GRP_ITS_REGS => {
            user.write(access_register(task, its, attr, None)?)
        }
        _ => Err(ENXIO),
    }
}

/// Whether there is an attribute.
///
/// # Errors
///
/// `ENXIO` if not; of a register `EINVAL` if it is not aligned.
pub(in crate::vgic) fn has_attr(attr: &Attr) -> Result {
    let there = match (attr.group, u32::try_from(attr.attr)) {
        (bindings::KVM_DEV_ARM_VGIC_GRP_ADDR, Ok(bindings::KVM_VGIC_ITS_ADDR_TYPE)) => true,
        (
            bindings::KVM_DEV_ARM_VGIC_GRP_CTRL,
            Ok(
                bindings::KVM_DEV_ARM_VGIC_CTRL_INIT
                | bindings::KVM_DEV_ARM_ITS_CTRL_RESET
                | bindings::KVM_DEV_ARM_ITS_SAVE_TABLES
                | bindings::KVM_DEV_ARM_ITS_RESTORE_TABLES,
            ),
        ) => true,
        (bindings::KVM_DEV_ARM_VGIC_GRP_ITS_REGS, _) => {
            user_register(user_offset(attr.attr)?).is_some()
        }
        _ => false,
    };

    if there {
        Ok(())
    } else {
        Err(ENXIO)
    }
}

/// The offset of a register, which user space has chosen, and how many bytes it has. None if there is
/// none.
fn user_register(offset: u32) -> Option<(u32, u32)> {
    let offset = within(&GITS, offset)?;

    Some((offset, user_bytes(offset)?))
}

fn check_address_type(attr: &Attr) -> Result {
    if attr.attr == u64::from(bindings::KVM_VGIC_ITS_ADDR_TYPE) {
        Ok(())
    } else {
        Err(ENODEV)
    }
}

/// Says where the ITS is. Sleeps.
///
/// # Errors
///
/// Those of [`Memory::check`](crate::gic::region::Memory::check), `EEXIST` if it is somewhere first
/// of all; then those of the bus. It is nowhere then.
fn place(task: &mut Task<'_>, its: LastingIts<'_>, base: u64) -> Result {
    let mut slots = task.slots();

    slots
        .vm()
        .memory()
        .check_frame(its.base(), base, FrameKind::ITS)?;
    slots.place_its(its, base)?;
    drop(slots);
    // It is where it shall be, also if there is no memory for the file that shows it to people.
    its.create_file().unwrap_or(());
    Ok(())
}

/// Does what an attribute of group `KVM_DEV_ARM_VGIC_GRP_CTRL` stands for. Sleeps.
///
/// # Errors
///
/// `EBUSY` if a vCPU is in use, but for initialisation, which is nothing; `ENXIO` for an unknown
/// one; `EINTR` if the task was killed before all is done that a save or restore comes after; else
/// those of what is done.
fn control(task: &mut Task<'_>, its: &Its, attr: u64) -> Result {
    let what = u32::try_from(attr);

    if what == Ok(bindings::KVM_DEV_ARM_VGIC_CTRL_INIT) {
        return Ok(());
    }
    let mut lock = task.vm_lock();
    let mut all = lock.locked().stop_all()?;
    let mut config = all.config();

    if what == Ok(bindings::KVM_DEV_ARM_ITS_RESTORE_TABLES) {
        unmap_all_gone(&mut config);
    }
    let mut commands = its.commands(&mut config);
    let memory = commands.memory();

    match what {
        // What is left of the commands is dropped, with the ring that they are in.
        Ok(bindings::KVM_DEV_ARM_ITS_CTRL_RESET) => {
            registers::reset(&mut commands);
            Ok(())
        }
        Ok(bindings::KVM_DEV_ARM_ITS_SAVE_TABLES) => {
            registers::settle(&mut commands)?;
            save::save_tables(&mut commands.tables(), memory)
        }
        Ok(bindings::KVM_DEV_ARM_ITS_RESTORE_TABLES) => {
            registers::settle(&mut commands)?;
            restore::restore_tables(&mut commands.tables(), memory)
        }
        _ => Err(ENXIO),
    }
}

/// Accesses a register, the whole of it; what was read, if so. Sleeps.
///
/// # Errors
///
/// In this order: `EINVAL` for an offset that is not aligned; `EBUSY` if a vCPU is in use; `ENXIO`
/// if the ITS is nowhere, or there is no such register; `EINTR` if the task was killed before what the
/// guest has asked for is done; those of [`registers::write`].
fn access_register(
    task: &mut Task<'_>,
    its: &Its,
    attr: &Attr,
    written: Option<u64>,
) -> Result<u64> {
    let offset = user_offset(attr.attr)?;
    let mut lock = task.vm_lock();
    let mut all = lock.locked().stop_all()?;
    let mut config = all.config();

    if its.base().is_none() {
        return Err(ENXIO);
    }
    let (offset, bytes) = user_register(offset).ok_or(ENXIO)?;

    registers::settle(&mut its.commands(&mut config))?;
    let by = &mut By::User(&mut config);

    match written {
        None => Ok(match GITS.read(Who::User, offset, bytes, 0) {
            Read::From(access) => registers::read(by, its, access),
            Read::Constant(value) => value,
        }),
        Some(value) => match GITS.write(Who::User, offset, bytes, 0) {
            Some(access) => registers::write(by, its, access, value).map(|()| 0),
            None => Ok(0),
        },
    }
}
