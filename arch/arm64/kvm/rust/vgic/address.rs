// SPDX-License-Identifier: GPL-2.0

//! Where user space puts the frames of a GIC.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-kvm-device.c: vgic_check_iorange, vgic_check_type,
//!     kvm_set_legacy_vgic_v2_addr, kvm_vgic_addr
#![forbid(unsafe_code)]

use super::redist::{
    self,
    defined, //
};
use crate::{
    arm64::fields::register_values,
    gic::region::{
        FrameKind,
        RegionAttr,
        Request, //
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
        Error,
        Result, //
    }, //
};

/// Sets an attribute of group `KVM_DEV_ARM_VGIC_GRP_ADDR`. Sleeps.
///
/// # Errors
///
/// As [`set_named`], but `ENXIO` for what the GIC has not.
pub(super) fn set(task: &mut Task<'_>, attr: &Attr) -> Result {
    set_named(task, attr).map_err(as_no_attribute)
}

/// Gets an attribute of that group. Sleeps.
///
/// # Errors
///
/// As [`get_named`], but `ENXIO` for what the GIC has not.
pub(super) fn get(task: &mut Task<'_>, attr: &Attr) -> Result {
    get_named(task, attr).map_err(as_no_attribute)
}

/// That a GIC of another model has no such address is for user space that there is no such
/// attribute.
pub(super) fn as_no_attribute(error: Error) -> Error {
    if error == ENODEV {
        ENXIO
    } else {
        error
    }
}

/// What an attribute of group `KVM_DEV_ARM_VGIC_GRP_ADDR` places.
enum Placed {
    Distributor(FrameKind),
    CpuInterface,
    /// All redistributors, in one region.
    Redistributors,
    Region,
}

impl Placed {
    /// # Errors
    ///
    /// `ENODEV` if there is no such thing, or the VM's GIC has none.
    fn of(vm: Vm<'_>, attr: u64) -> Result<Self> {
        let (placed, model) = match u32::try_from(attr) {
            Ok(bindings::KVM_VGIC_V2_ADDR_TYPE_DIST) => {
                (Self::Distributor(FrameKind::V2_DISTRIBUTOR), Model::V2)
            }
            Ok(bindings::KVM_VGIC_V2_ADDR_TYPE_CPU) => (Self::CpuInterface, Model::V2),
            Ok(bindings::KVM_VGIC_V3_ADDR_TYPE_DIST) => {
                (Self::Distributor(FrameKind::V3_DISTRIBUTOR), Model::V3)
            }
            Ok(bindings::KVM_VGIC_V3_ADDR_TYPE_REDIST) => (Self::Redistributors, Model::V3),
            Ok(bindings::KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION) => (Self::Region, Model::V3),
            _ => return Err(ENODEV),
        };

        if vm.dist().model() == Some(model) {
            Ok(placed)
        } else {
            Err(ENODEV)
        }
    }
}

/// Says where a frame is, or redistributors are. Sleeps.
///
/// # Errors
///
/// In this order: `EFAULT`; `ENODEV` for what the GIC has not; of a frame those of
/// [`Memory::check`](crate::gic::region::Memory::check), of redistributors those of
/// [`redist::add_region`].
fn set_named(task: &mut Task<'_>, attr: &Attr) -> Result {
    let base = UserNumber::new(attr.addr, task.may_sleep()).read::<u64>()?;

    match Placed::of(task.vm(), attr.attr)? {
        Placed::Distributor(kind) => place_distributor(&mut task.config(), base, kind),
        Placed::CpuInterface => place_cpu_interface(&mut task.config(), base),
        Placed::Redistributors => {
            redist::add_region(task.vm_lock().locked(), Request::for_all(base))
        }
        Placed::Region => {
            let request = RegionAttr::from_raw(base).request()?;

            redist::add_region(task.vm_lock().locked(), request)
        }
    }
}

fn place_distributor(config: &mut ConfigLock<'_>, base: u64, kind: FrameKind) -> Result {
    let vm = config.vm();

    vm.memory()
        .check_frame(defined(vm.dist().base()), base, kind)?;
    config.set_base(base);
    Ok(())
}

fn place_cpu_interface(config: &mut ConfigLock<'_>, base: u64) -> Result {
    let vm = config.vm();

    vm.memory().check_frame(
        defined(vm.dist().cpu_base()),
        base,
        FrameKind::V2_CPU_INTERFACE,
    )?;
    config.set_cpu_base(base);
    Ok(())
}

/// Says where a frame is, or redistributors are; [`UNDEFINED`] for what is nowhere. Sleeps.
///
/// # Errors
///
/// `EFAULT` for a region, whose number is read; `ENODEV` for what the GIC has not; `ENOENT` for a
/// region that is not there; `EFAULT`.
fn get_named(task: &mut Task<'_>, attr: &Attr) -> Result {
    let user = UserNumber::new(attr.addr, task.may_sleep());
    let named = if attr.attr == u64::from(bindings::KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION) {
        RegionAttr::from_raw(user.read()?)
    } else {
        RegionAttr::ZERO
    };
    let vm = task.vm();
    let placed = Placed::of(vm, attr.attr)?;
    // With this lock held regions are there for good.
    let mut slots = task.slots();
    let config = slots.config();
    let list = redist::regions(&config).list;

    let address = match placed {
        Placed::Distributor(_) => vm.dist().base(),
        Placed::CpuInterface => vm.dist().cpu_base(),
        Placed::Redistributors => list.first().map_or(UNDEFINED, |region| region.base),
        Placed::Region => list
            // CAST: Eight bits.
            .get(named.index() as usize)
            .ok_or(ENOENT)?
            .attr(named.index())
            .into_raw(),
    };

    drop(config);
    drop(slots);
    user.write(address)
}

register_values! {
    /// Of `struct kvm_arm_device_addr`.
    struct LegacyId {
        /// What is placed: as `KVM_VGIC_V2_ADDR_TYPE_*`.
        Type = 15:0;
    }
}

/// `KVM_ARM_SET_DEVICE_ADDR` of a GICv2. `id`: of the device, which is checked, and of what is
/// placed. Sleeps.
///
/// # Errors
///
/// `ENODEV` for what the GIC has not; then as
/// [`Memory::check`](crate::gic::region::Memory::check).
pub(super) fn set_legacy(task: &mut Task<'_>, id: u64, base: u64) -> Result {
    let config = &mut task.config();

    if !matches!(config.vm().dist().model(), Some(Model::V2)) {
        return Err(ENODEV);
    }
    match LegacyId::from_raw(id).get(LegacyId::Type) {
        0 => place_distributor(config, base, FrameKind::V2_DISTRIBUTOR),
        1 => place_cpu_interface(config, base),
        _ => Err(ENODEV),
    }
}
