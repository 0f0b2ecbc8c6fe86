// SPDX-License-Identifier: GPL-2.0

//! Interrupts that vCPUs send to each other.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_v3_queue_sgi, vgic_v3_dispatch_sgi;
//!     arch/arm64/kvm/vgic/vgic-mmio-v2.c: vgic_mmio_write_sgir
#![forbid(unsafe_code)]

use super::guest::*;
use crate::{
    gic::{
        affinity::{
            Sgi1r,
            SgiTargets,
            Sgir, //
        },
        list_register::Intid,
        word::Source, //
    },
    kvm::prelude::*, //
};

/// A vCPU with a GICv3 writes one of the registers that send an SGI. `to_group1`: it is one that
/// sends those of group 1 too.
pub(super) fn send_v3(from: Vcpu<'_>, register: Sgi1r, to_group1: bool) {
    let vm = from.vm();
    let Some(guest) = Guest::of(vm) else {
        return;
    };
    let send = |to| {
        if let Some(irq) = guest.irq(Some(to), Intid(register.intid())) {
            guest.change(irq, |word, _| word.send(to_group1));
        }
    };

    match register.targets() {
        SgiTargets::Others => vm.vcpus().filter(|to| !to.is(from)).for_each(send),
        SgiTargets::List(list) => list
            .mpidrs()
            .filter_map(|mpidr| vm.vcpu_of_affinity(mpidr))
            .for_each(send),
    }
}

/// A vCPU writes `GICD_SGIR` of a GICv2.
pub(super) fn send_v2(from: Vcpu<'_>, register: Sgir) {
    let vm = from.vm();
    // CAST: Never negative.
    let number = from.id() as u32;
    // A GICv2 has no more than eight vCPUs. Whoever is beyond is nobody's source.
    let (Some(guest), Some(source)) = (Guest::of(vm), Source::new(number)) else {
        return;
    };
    let targets = register.targets(number, vm.online_vcpus());

    for to in vm.vcpus().filter(|to| targets.has(to.index())) {
        if let Some(irq) = guest.irq(Some(to), Intid(register.intid())) {
            guest.change(irq, |word, _| word.send_from(source.bit()));
        }
    }
}
