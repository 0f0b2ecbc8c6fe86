// SPDX-License-Identifier: GPL-2.0

//! Accesses to the memory-mapped registers of a GICv2 or GICv3: by a guest, by loads and stores
//! that its vCPU's thread emulates, and by user space, which saves and restores them.
//!
//! What there is at an offset is said by the tables of [`gic`](crate::gic); here is what it means
//! for the VM. One function for each frame and direction serves both: an access has with it
//! [`By`] whom it is made, which is also the evidence of what that thread may do.
//!
//! No access of a guest fails. One of user space fails only where it writes what the GIC is to be.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio.c: vgic_uaccess_read, vgic_uaccess_write, vgic_uaccess,
//!     dispatch_mmio_read, dispatch_mmio_write; arch/arm64/kvm/vgic/vgic-mmio-v2.c:
//!     vgic_v2_has_attr_regs, vgic_v2_cpuif_uaccess, vgic_v2_dist_uaccess;
//!     arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_v3_has_attr_regs, vgic_v3_dist_uaccess,
//!     vgic_v3_redist_uaccess
#![forbid(unsafe_code)]

pub(super) mod banks;
mod dist;
mod redist;
mod v2;

pub(super) use redist::{
    continue_lpis,
    settle_lpis, //
};

use super::its::registers;
use crate::{
    gic::{
        frame::{
            Access,
            Frame,
            Read,
            Who, //
        },
        frame_gicd::GICD,
        frame_gicr::GICR,
        frame_gicv2::{
            GICC,
            GICD_V2, //
        },
        frame_gits::GITS,
        transition::Writer, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::Result;

/// By whom an access is made, and what shows that it may be.
pub(super) enum By<'x, 't> {
    /// By the guest of a vCPU, whose thread this is.
    Guest(&'x mut InMmio<'t>),
    /// By user space: no vCPU runs.
    User(&'x mut ConfigLock<'t>),
}

impl By<'_, '_> {
    /// For the tables.
    #[inline(always)]
    fn who(&self) -> Who {
        match self {
            By::Guest(_) => Who::Guest,
            By::User(_) => Who::User,
        }
    }

    /// For the interrupts.
    #[inline(always)]
    fn writer(&self) -> Writer {
        match self {
            By::Guest(_) => Writer::Guest,
            By::User(_) => Writer::Vmm,
        }
    }

    /// The guest's memory, to who makes the access.
    pub(super) fn memory(&self) -> GuestMemory<'_> {
        match self {
            By::Guest(mmio) => mmio.guest_memory(),
            By::User(config) => config.guest_memory(),
        }
    }

    /// Runs `f` with the configuration lock held.
    fn with_config<R>(&mut self, f: impl FnOnce(&mut ConfigLock<'_>) -> R) -> R {
        match self {
            By::Guest(mmio) => f(&mut mmio.config()),
            By::User(config) => f(config),
        }
    }
}

/// A frame of registers.
#[derive(Clone, Copy)]
pub(super) enum Registers<'a> {
    /// The distributor of a GICv3.
    Distributor(Vcpu<'a>),
    /// That of a GICv2, as this vCPU sees it: some registers are each vCPU's own.
    DistributorV2(Vcpu<'a>),
    /// The CPU interface of a GICv2.
    CpuInterface(OwnVcpu<'a>),
    /// The redistributor of a vCPU.
    Redistributor(Vcpu<'a>),
    /// An ITS.
    Its(&'a Its),
}

impl<'a> Registers<'a> {
    /// The distributor of the VM's GIC.
    pub(super) fn of_distributor(vcpu: Vcpu<'a>) -> Option<Self> {
        match vcpu.vm().dist().model()? {
            Model::V2 => Some(Self::DistributorV2(vcpu)),
            Model::V3 => Some(Self::Distributor(vcpu)),
            Model::V5 => None,
        }
    }

    #[inline(always)]
    fn of_frame(vcpu: OwnVcpu<'a>, frame: Accessed<'a>) -> Option<Self> {
        match frame {
            Accessed::Distributor => Self::of_distributor(vcpu.anyones()),
            Accessed::CpuInterface => Some(Self::CpuInterface(vcpu)),
            Accessed::Redistributor(of) => Some(Self::Redistributor(of)),
            Accessed::Its(its) => Some(Self::Its(its)),
        }
    }
}

/// SGIs, PPIs and SPIs: how many INTIDs there are. Also before the GIC is initialised.
#[inline(always)]
fn nr_irqs(vm: Vm<'_>) -> u32 {
    // CAST: A small constant.
    vm.dist().nr_spis().wrapping_add(NR_PRIVATE as u32)
}

/// An offset, if it is within a frame; also to a CPU that guesses.
#[inline(always)]
pub(super) fn within<R: Copy, const SLOTS: usize>(_: &Frame<R, SLOTS>, offset: u32) -> Option<u32> {
    below_nospec(offset, Frame::<R, SLOTS>::SIZE)
}

#[inline(always)]
fn look_up<R: Copy, const SLOTS: usize>(
    frame: &Frame<R, SLOTS>,
    who: Who,
    vm: Vm<'_>,
    offset: u32,
    bytes: u32,
) -> Read<R> {
    match within(frame, offset) {
        Some(offset) => frame.read(who, offset, bytes, nr_irqs(vm)),
        None => Read::Constant(0),
    }
}

#[inline(always)]
fn look_up_write<R: Copy, const SLOTS: usize>(
    frame: &Frame<R, SLOTS>,
    who: Who,
    vm: Vm<'_>,
    offset: u32,
    bytes: u32,
) -> Option<Access<R>> {
    frame.write(who, within(frame, offset)?, bytes, nr_irqs(vm))
}

#[inline(always)]
fn read_by(by: &mut By<'_, '_>, registers: Registers<'_>, offset: u32, bytes: u32) -> u64 {
    let who = by.who();

    match registers {
        Registers::Distributor(vcpu) => match look_up(&GICD, who, vcpu.vm(), offset, bytes) {
            Read::From(access) => dist::read(by, vcpu, access),
            Read::Constant(value) => value,
        },
        Registers::Redistributor(vcpu) => match look_up(&GICR, who, vcpu.vm(), offset, bytes) {
            Read::From(access) => redist::read(by, vcpu, access),
            Read::Constant(value) => value,
        },
        Registers::DistributorV2(vcpu) => match look_up(&GICD_V2, who, vcpu.vm(), offset, bytes) {
            Read::From(access) => v2::read_distributor(by, vcpu, access),
            Read::Constant(value) => value,
        },
        Registers::CpuInterface(vcpu) => match look_up(&GICC, who, vcpu.vm(), offset, bytes) {
            Read::From(access) => v2::read_cpu_interface(vcpu, access),
            Read::Constant(value) => value,
        },
        Registers::Its(its) => match look_up(&GITS, who, its.vm(), offset, bytes) {
            Read::From(access) => registers::read(by, its, access),
            Read::Constant(value) => value,
        },
    }
}

#[inline(always)]
fn write_by(
    by: &mut By<'_, '_>,
    registers: Registers<'_>,
    offset: u32,
    bytes: u32,
    value: u64,
) -> Result {
    let who = by.who();

    match registers {
        Registers::Distributor(vcpu) => match look_up_write(&GICD, who, vcpu.vm(), offset, bytes) {
            Some(access) => dist::write(by, vcpu, access, value),
            None => Ok(()),
        },
        Registers::Redistributor(vcpu) => {
            if let Some(access) = look_up_write(&GICR, who, vcpu.vm(), offset, bytes) {
                redist::write(by, vcpu, access, value);
            }
            Ok(())
        }
        Registers::DistributorV2(vcpu) => {
            match look_up_write(&GICD_V2, who, vcpu.vm(), offset, bytes) {
                Some(access) => v2::write_distributor(by, vcpu, access, value),
                None => Ok(()),
            }
        }
        Registers::CpuInterface(vcpu) => {
            if let Some(access) = look_up_write(&GICC, who, vcpu.vm(), offset, bytes) {
                v2::write_cpu_interface(by, vcpu, access, value);
            }
            Ok(())
        }
        Registers::Its(its) => match look_up_write(&GITS, who, its.vm(), offset, bytes) {
            Some(access) => registers::write(by, its, access, value),
            None => Ok(()),
        },
    }
}

/// A guest loads from a frame; `None` is none of ours.
#[inline(always)]
pub(super) fn load(mmio: &mut InMmio<'_>, address: Option<Address<'_>>, data: LoadedBytes<'_>) {
    let bytes = data.bytes();

    data.put(address.map_or(0, |address| {
        Registers::of_frame(mmio.vcpu(), address.frame).map_or(0, |registers| {
            read_by(&mut By::Guest(mmio), registers, address.offset, bytes)
        })
    }));
}

/// A guest stores to a frame.
#[inline(always)]
pub(super) fn store(mmio: &mut InMmio<'_>, address: Address<'_>, data: StoredBytes) {
    if let Some(registers) = Registers::of_frame(mmio.vcpu(), address.frame) {
        // A guest is not told.
        write_by(
            &mut By::Guest(mmio),
            registers,
            address.offset,
            data.bytes(),
            data.value(),
        )
        .unwrap_or(());
    }
}

/// How many bytes user space accesses at once.
const USER_BYTES: u32 = 4;

/// User space reads a register. Of a GIC that is initialised, unless
/// [`is_open_before_init`](crate::gic::frame_gicd::is_open_before_init).
pub(super) fn user_read(config: &mut ConfigLock<'_>, registers: Registers<'_>, offset: u32) -> u32 {
    // CAST: As many bytes as are read.
    read_by(&mut By::User(config), registers, offset, USER_BYTES) as u32
}

/// User space writes a register, likewise.
///
/// # Errors
///
/// Only for what says what the GIC is to be: `EINVAL` if it can't be that, `EBUSY` if it is too
/// late.
pub(super) fn user_write(
    config: &mut ConfigLock<'_>,
    registers: Registers<'_>,
    offset: u32,
    value: u32,
) -> Result {
    write_by(
        &mut By::User(config),
        registers,
        offset,
        USER_BYTES,
        u64::from(value),
    )
}

/// Which frame user space asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// The distributor.
    Distributor,
    /// The redistributor, of a GICv3.
    Redistributor,
    /// The CPU interface, of a GICv2.
    CpuInterface,
}

/// Whether user space has anything to save at an offset of a frame.
pub(super) fn has(vm: Vm<'_>, frame: Named, offset: u32) -> bool {
    fn in_frame<R: Copy, const SLOTS: usize>(
        frame: &Frame<R, SLOTS>,
        vm: Vm<'_>,
        offset: u32,
    ) -> bool {
        within(frame, offset).is_some_and(|offset| frame.has(offset, nr_irqs(vm)))
    }

    match (frame, vm.dist().model()) {
        (Named::Distributor, Some(Model::V3)) => in_frame(&GICD, vm, offset),
        (Named::Distributor, Some(Model::V2)) => in_frame(&GICD_V2, vm, offset),
        (Named::Redistributor, Some(Model::V3)) => in_frame(&GICR, vm, offset),
        (Named::CpuInterface, Some(Model::V2)) => in_frame(&GICC, vm, offset),
        _ => false,
    }
}
