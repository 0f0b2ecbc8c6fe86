// SPDX-License-Identifier: GPL-2.0

//! Messages: what a device, or a VMM in its place, writes to the doorbell of an ITS.
//!
//! A message is translated by the ITS, with its lock held; or, if somebody has done that before,
//! from what it remembers, in any context.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: vgic_msi_to_its, vgic_its_trigger_msi,
//!     vgic_its_inject_cached_translation, vgic_its_inject_msi, vgic_its_check_cache;
//!     arch/arm64/kvm/vgic/vgic-irqfd.c: kvm_set_msi; arch/arm64/kvm/vgic/vgic-mmio-v3.c:
//!     vgic_has_its
#![forbid(unsafe_code)]

use super::{
    guest::Guest,
    its::{
        self,
        Unresolved, //
    },
};
use crate::{
    gic::its::{
        DeviceId,
        EventId, //
    },
    kvm::prelude::*, //
};
use kernel::error::{
    code::*,
    Result, //
};

/// A message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Where it is written to.
    pub(super) doorbell: u64,
    /// Who writes it, if anybody says so.
    pub(super) device: DeviceId,
    /// What is written.
    pub(super) event: EventId,
    /// Somebody says so.
    pub(super) names_device: bool,
}

/// Whether messages can become interrupts of a VM.
fn takes_messages(vm: Vm<'_>) -> bool {
    vm.dist().has_its() && vm.dist().model() == Some(Model::V3)
}

impl Message {
    /// The ITS that it is for.
    ///
    /// # Errors
    ///
    /// In this order: `ENODEV` if messages can't become interrupts; `EINVAL` if it does not say who
    /// writes it, or there is no ITS.
    pub(super) fn its<'a>(&self, vm: Vm<'a>) -> Result<&'a Its> {
        if !takes_messages(vm) {
            return Err(ENODEV);
        }
        if !self.names_device {
            return Err(EINVAL);
        }
        vm.its_at(self.doorbell).ok_or(EINVAL)
    }
}

/// Sends a message, if its translation is remembered. Any context.
#[inline(always)]
fn send_remembered(vm: Vm<'_>, message: &Message) -> Option<()> {
    let guest = Guest::of(vm)?;
    let (lpi, life) = vm
        .its_at(message.doorbell)?
        .cached(message.device, message.event)?;

    guest.pulse_lpi_at_once(lpi, life);
    Some(())
}

/// Sends a message from where nobody may sleep.
///
/// # Errors
///
/// `EWOULDBLOCK` (`EAGAIN`) if that needs somebody who may.
pub(super) fn send_atomic(vm: Vm<'_>, message: &Message) -> Result {
    send_remembered(vm, message).ok_or(EAGAIN)
}

/// Sends a message. Whether it has become an interrupt: it has not if the guest has not mapped it.
/// What is remembered counts first, even of one that does not say who writes it. Sleeps.
///
/// # Errors
///
/// In this order: `ENODEV` if messages can't become interrupts; `EPERM` if it is not sent but taken
/// back (`sent`), which can't be; those of [`Message::its`]; `EBUSY` if the ITS, or the LPIs of the
/// vCPU that it is for, are disabled.
pub(super) fn send(task: &mut Task<'_>, message: &Message, sent: bool) -> Result<bool> {
    let vm = task.vm();

    if !takes_messages(vm) {
        return Err(ENODEV);
    }
    if !sent {
        return Err(EPERM);
    }
    if send_remembered(vm, message).is_some() {
        return Ok(true);
    }
    let mut tables = message.its(vm)?.tables(task);
    // Without interrupts there are no events, but that they are disabled is seen first.
    let Some(guest) = Guest::of(vm) else {
        return if tables.enabled {
            Ok(false)
        } else {
            Err(EBUSY)
        };
    };

    match its::resolve(guest, &mut tables, message.device, message.event) {
        Ok((lpi, life)) => {
            guest.pulse_lpi(lpi, life);
            Ok(true)
        }
        Err(Unresolved::Unmapped) => Ok(false),
        Err(Unresolved::Busy) => Err(EBUSY),
    }
}
