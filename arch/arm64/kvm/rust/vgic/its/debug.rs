// SPDX-License-Identifier: GPL-2.0

//! What an ITS has mapped, for people: `vgic-its-state@<address>` in the VM's folder in debugfs.
//!
//! A line is an event of a device. Its position follows of their numbers, so that whoever reads the
//! file in parts goes on where he was, whatever has come and gone meanwhile.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-debug.c: end_of_iter, vgic_its_iter_next,
//!     vgic_its_debug_start, vgic_its_debug_next, vgic_its_debug_stop, vgic_its_debug_show,
//!     vgic_its_debug_init, vgic_its_debug_destroy
#![forbid(unsafe_code)]

use super::super::guest::*;
use crate::{
    gic::{
        its::{
            DeviceId,
            EventId, //
        },
        word::IrqWord, //
    },
    kvm::prelude::*, //
};
use kernel::{
    seq_file::SeqFile,
    seq_print, //
};

/// A collection that no vCPU is known of has this in its place.
const NO_VCPU: u32 = u32::MAX;

fn position(device: DeviceId, event: EventId) -> u64 {
    u64::from(device.0) << 32 | u64::from(event.0)
}

fn at(position: u64) -> (DeviceId, EventId) {
    // CAST: The halves.
    (DeviceId((position >> 32) as u32), EventId(position as u32))
}

/// The first position, from that one on, at which there is an event. Sleeps.
pub(in crate::vgic) fn line_from(task: &mut Task<'_>, its: &Its, from: u64) -> Option<u64> {
    let (device, event) = at(from);
    let (device, event) = its.tables(task).mappings.event_from(device, event)?;

    Some(position(device, event))
}

/// Prints the event at that position, if it is still there. Sleeps.
pub(in crate::vgic) fn show(task: &mut Task<'_>, its: &Its, position: u64, to: &SeqFile) {
    let vm = its.vm();
    let (id, event) = at(position);
    let tables = its.tables(task);
    let Some(device) = tables.mappings.device(id) else {
        return;
    };
    let Some(ite) = device.ite(event) else {
        return;
    };

    if device
        .ites()
        .next()
        .is_some_and(|(first, _)| first == event)
    {
        let last = device.event_bits.events().wrapping_sub(1);

        seq_print!(
            to,
            "\nDevice ID: 0x{:x}, Event ID Range: [0 - {last}]\n",
            id.0
        );
        seq_print!(to, "EVENT_ID    INTID  HWINTID   TARGET   COL_ID HW\n");
        seq_print!(to, "-----------------------------------------------\n");
    }
    if tables.mappings.knows_collection(ite.icid) {
        let vcpu = tables
            .mappings
            .target(ite.icid)
            // CAST: 512.
            .and_then(|target| vm.vcpu_at(target.get() as u32))
            // CAST: Never negative.
            .map_or(NO_VCPU, |vcpu| vcpu.id() as u32);
        let direct = Guest::of(vm)
            .and_then(|guest| guest.lpi(ite.lpi))
            .is_some_and(|irq| irq.word().has(IrqWord::Direct));

        seq_print!(
            to,
            "{:8} {:8} {:8} {vcpu:8} {:8} {:2}\n",
            event.0,
            ite.lpi.0,
            0,
            ite.icid.0,
            u8::from(direct)
        );
    }
}
