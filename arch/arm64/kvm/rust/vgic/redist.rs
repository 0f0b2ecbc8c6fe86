// SPDX-License-Identifier: GPL-2.0

//! Where the redistributors of a GICv3 are: regions, and who is where in them.
//!
//! All of it happens with `slots_lock` held, which makes a row of steps one for everybody but the
//! guest; no vCPU runs before all of them have a redistributor. What may be where is decided in
//! [`region`](crate::gic::region).
//!
//! A region that user space places takes in the vCPUs that have no place yet, and a vCPU that is
//! made goes into the first region that is not full. So that none falls between the two, regions
//! are placed with `kvm->lock` held, which keeps vCPUs from being made.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_register_redist_iodev,
//!     vgic_unregister_redist_iodev, vgic_register_all_redist_iodevs, vgic_v3_alloc_redist_region,
//!     vgic_v3_free_redist_region, vgic_v3_set_redist_base; arch/arm64/kvm/vgic/vgic-v3.c:
//!     vgic_v3_check_base
#![forbid(unsafe_code)]

use crate::{
    gic::region::{
        FrameKind,
        Region,
        Regions,
        Request, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::{
    code::*,
    Result, //
};

/// Bytes of a redistributor. CAST: 128 KiB.
const SIZE: u32 = FrameKind::REDISTRIBUTOR.size as u32;

/// An address, unless it is that of nothing.
pub(super) fn defined(base: u64) -> Option<u64> {
    (base != UNDEFINED).then_some(base)
}

/// The regions as they are now, for questions about them.
pub(super) fn regions<'c>(config: &'c ConfigLock<'_>) -> Regions<'c> {
    let vm = config.vm();
    let list: &[Region] = match config.regions() {
        Some(regions) => regions,
        None => &[],
    };

    Regions {
        list,
        vcpus: vm.online_vcpus(),
        distributor: defined(vm.dist().base()),
        memory: vm.memory(),
    }
}

/// Adds a region, and puts the redistributors into it that are nowhere. Sleeps.
///
/// # Errors
///
/// As [`Regions::check`]; `ENOMEM`; as [`register`]. It is all as it was then.
pub(super) fn add_region(vm: &mut VmLocked<'_>, request: Request) -> Result {
    let slots = &mut vm.slots();
    let region = push(&mut slots.config(), request)?;

    for vcpu in slots.vm().vcpus() {
        if let Err(error) = register(slots, vcpu) {
            remove_region(slots, region);
            return Err(error);
        }
    }
    Ok(())
}

/// Returns the number of the new region.
fn push(config: &mut ConfigLock<'_>, request: Request) -> Result<u32> {
    let region = regions(config).check(request)?;
    let list = config.regions_mut().ok_or(ENODEV)?;

    // CAST: Regions have a number of eight bits.
    let number = list.len() as u32;

    *list = vec::and_one(list, region)?;
    Ok(number)
}

/// Takes the last region away, and whoever is in it.
fn remove_region(slots: &mut Slots<'_>, number: u32) {
    for vcpu in slots.vm().vcpus() {
        if vcpu
            .redistributor()
            .is_some_and(|place| place.region == number)
        {
            slots.remove(vcpu.redist_device());
        }
    }
    if let Some(list) = slots.config().regions_mut() {
        list.pop();
    }
}

/// Puts a vCPU's redistributor where there is place for it; not at all if there is none, until
/// there is. Sleeps.
///
/// # Errors
///
/// `EINVAL` if what user space has placed cannot be where it is; those of the bus. It is nowhere
/// then, and no place is lost.
pub(super) fn register(slots: &mut Slots<'_>, vcpu: Vcpu<'_>) -> Result {
    if vcpu.redistributor().is_some() {
        return Ok(());
    }
    let Some((place, base)) = free_place(&slots.config())? else {
        return Ok(());
    };

    vcpu.set_redistributor(place, slots);
    slots.place(vcpu.redist_device(), base, SIZE)?;
    set_used(
        &mut slots.config(),
        place.region,
        place.slot.saturating_add(1),
    );
    Ok(())
}

/// The next place and its address.
fn free_place(config: &ConfigLock<'_>) -> Result<Option<(RedistPlace, u64)>> {
    let regions = regions(config);
    let Some((number, region)) = regions
        .free()
        .and_then(|number| Some((number, regions.list.get(number)?)))
    else {
        return Ok(None);
    };

    if !regions.can_be() {
        return Err(EINVAL);
    }
    let place = RedistPlace {
        // CAST: Of eight bits.
        region: number as u32,
        slot: region.used,
    };

    Ok(Some((place, region.slot(place.slot))))
}

/// How many places of a region are in use. They are filled in order, by who holds `slots_lock`.
fn set_used(config: &mut ConfigLock<'_>, number: u32, used: u32) {
    if let Some(region) = config
        .regions_mut()
        // CAST: widening.
        .and_then(|list| list.get_mut(number as usize))
    {
        region.used = used;
    }
}

/// Takes the redistributor of a vCPU away that could not be completed, and gives its place back: it
/// is the last of its region, since `kvm->lock` is held from when it got it. Sleeps.
pub(super) fn release(slots: &mut Slots<'_>, vcpu: NewVcpu<'_>) {
    let Some(place) = vcpu.redistributor() else {
        return;
    };

    slots.remove(vcpu.redist_device());
    set_used(&mut slots.config(), place.region, place.slot);
}
