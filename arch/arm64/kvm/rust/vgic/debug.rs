// SPDX-License-Identifier: GPL-2.0

//! The state of a VM's interrupts, for people: `vgic-state` in the VM's folder in debugfs.
//!
//! Each interrupt's state is read at once; there is no lock, so two lines may be of different
//! times.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-debug.c: iter_next, iter_init, end_of_vgic,
//!     vgic_debug_start, vgic_debug_next, vgic_debug_stop, print_dist_state, print_header,
//!     print_irq_state, vgic_debug_show, vgic_debug_init, vgic_debug_destroy, vgic_count_lpis
#![forbid(unsafe_code)]

use super::guest::*;
use crate::{
    gic::{
        list_register::Intid,
        lpi::NR_LPIS,
        word::{
            IrqWord,
            Trigger,
            VcpuIdx, //
        },
    },
    kvm::prelude::*, //
};
use kernel::{
    seq_file::SeqFile,
    seq_print, //
};

/// What is shown at a position of the file.
#[derive(Clone, Copy)]
enum Line {
    /// The distributor.
    Distributor,
    /// An SGI or PPI: the vCPU's index and the INTID.
    Private(u32, Intid),
    /// An SPI.
    Shared(Intid),
    /// An LPI, if it is mapped.
    Lpi(Intid),
}

impl Line {
    fn at(vm: Vm<'_>, position: u64) -> Option<Self> {
        let Some(index) = position.checked_sub(1) else {
            return Some(Self::Distributor);
        };
        // CAST: Of a small number.
        let (vcpu, intid) = ((index / 32) as u32, (index % 32) as u32);

        if u64::from(vm.online_vcpus()) > index / 32 {
            return Some(Self::Private(vcpu, Intid(intid)));
        }
        let spi = index.checked_sub(u64::from(vm.online_vcpus()).wrapping_mul(32))?;
        let Some(lpi) = spi.checked_sub(u64::from(vm.dist().nr_spis())) else {
            // CAST: Less than the number of SPIs.
            return Some(Self::Shared(Intid((spi as u32).wrapping_add(32))));
        };

        // CAST: Less than the number of LPIs.
        (lpi < u64::from(NR_LPIS))
            .then(|| Self::Lpi(Intid(Intid::FIRST_LPI.wrapping_add(lpi as u32))))
    }
}

/// The first position, from that one on, at which there is a line. An LPI's follows of its number,
/// so that nothing has to be counted to find it, whatever comes and goes meanwhile.
pub(super) fn line_from(vm: Vm<'_>, position: u64) -> Option<u64> {
    match Line::at(vm, position)? {
        Line::Lpi(lpi) => {
            let next = Guest::of(vm)?.next_lpi(lpi)?;

            Some(position.wrapping_add(u64::from(next.0.wrapping_sub(lpi.0))))
        }
        Line::Distributor | Line::Private(..) | Line::Shared(_) => Some(position),
    }
}

/// Prints the line at that position.
pub(super) fn show(vm: Vm<'_>, position: u64, to: &SeqFile) {
    let Some(line) = Line::at(vm, position) else {
        return;
    };
    let (vcpu, intid) = match line {
        Line::Distributor => return show_distributor(vm, to),
        Line::Private(vcpu, intid) => (vm.vcpu_at(vcpu), intid),
        Line::Shared(intid) | Line::Lpi(intid) => (None, intid),
    };
    let irq = Guest::of(vm)
        .filter(|_| vm.dist().initialized())
        .and_then(|guest| guest.irq(vcpu, intid));

    if let Some(irq) = irq {
        if matches!(intid, Intid(0 | 32)) {
            show_header(vcpu, to);
        }
        show_irq(irq, to);
    }
}

fn show_distributor(vm: Vm<'_>, to: &SeqFile) {
    let dist = vm.dist();
    let v3 = dist.model() == Some(Model::V3);

    seq_print!(to, "Distributor\n===========\n");
    seq_print!(to, "vgic_model:\t{}\n", if v3 { "GICv3" } else { "GICv2" });
    seq_print!(to, "nr_spis:\t{}\n", dist.nr_spis());
    if v3 {
        seq_print!(
            to,
            "nr_lpis:\t{}\n",
            Guest::of(vm).map_or(0, Guest::nr_lpis)
        );
    }
    seq_print!(to, "enabled:\t{}\n\n", u8::from(dist.enabled()));
    seq_print!(to, "P=pending_latch, L=line_level, A=active\n");
    seq_print!(to, "E=enabled, H=hw, C=config (level=1, edge=0)\nG=group\n");
}

fn show_header(vcpu: Option<Vcpu<'_>>, to: &SeqFile) {
    let (what, index) = match vcpu {
        Some(vcpu) => ("VCPU", vcpu.index()),
        None => ("SPI ", 0),
    };

    seq_print!(
        to,
        "\n{what}{index:2} TYP   ID TGT_ID PLAEHCG     HWID   TARGET SRC PRI VCPU_ID\n"
    );
    seq_print!(
        to,
        "----------------------------------------------------------------\n"
    );
}

/// Whether it is pending, but for a line. Of LPIs that the hardware delivers nobody knows.
fn latch(irq: Found<'_>, word: IrqWord) -> bool {
    match irq.private() {
        Some(private) if word.has(IrqWord::Direct) => private.lock_mapping().is_pending(),
        _ => word.has(IrqWord::Latch),
    }
}

fn show_irq(irq: Found<'_>, to: &SeqFile) {
    let word = irq.word();
    let index = |vcpu: Option<VcpuIdx>| vcpu.map_or(-1, |vcpu| vcpu.get() as isize);
    let flag = |field| u8::from(word.has(field));
    let what = match irq.intid.0 {
        0..=15 => "SGI",
        16..=31 => "PPI",
        32..=0x1fff => "SPI",
        _ => "LPI",
    };

    seq_print!(
        to,
        "       {what} {:4}     {:2} {}{}{}{}{}{}{} {:8} {:8x}  {:2x} {:3}      {:2} \n",
        irq.intid.0,
        index(word.target()),
        u8::from(latch(irq, word)),
        flag(IrqWord::Line),
        flag(IrqWord::Active),
        flag(IrqWord::Enabled),
        u8::from(word.is_bound()),
        u8::from(word.trigger() == Trigger::Level),
        flag(IrqWord::Group1),
        irq.private().map_or(0, PrivateIrq::physical),
        irq.route(),
        word.sources(),
        word.priority().0,
        index(word.queued())
    );
}
