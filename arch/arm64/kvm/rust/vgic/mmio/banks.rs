// SPDX-License-Identifier: GPL-2.0

//! Registers that have a field for each interrupt.
//!
//! Reading is one relaxed load for each interrupt, without a lock. There are exceptions, for what is
//! not in the interrupt's word:
//!
//! - whether an SGI that the hardware delivers is pending, it is asked;
//! - the level of a line that is mapped to a physical one is asked of that (guests only);
//! - whether an interrupt is active is known to the vCPU alone that has it in a list register.
//!   That vCPU has to leave the guest first. No interrupt of one's own is in a list register: the
//!   thread that makes the access is not in the guest.
//!
//! Writing changes one interrupt after the other, as C does: another vCPU may see some of them
//! changed and others not yet.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio.c: vgic_mmio_read_group, vgic_mmio_write_group,
//!     vgic_mmio_read_enable, vgic_mmio_write_senable, vgic_mmio_write_cenable,
//!     vgic_uaccess_write_senable, vgic_uaccess_write_cenable, __read_pending, __set_pending,
//!     __clear_pending, vgic_access_active_prepare, vgic_access_active_finish,
//!     vgic_mmio_read_active, vgic_uaccess_read_active, vgic_mmio_change_active,
//!     vgic_mmio_write_cactive, vgic_mmio_write_sactive, vgic_mmio_uaccess_write_cactive,
//!     vgic_mmio_uaccess_write_sactive, vgic_mmio_read_priority, vgic_mmio_write_priority,
//!     vgic_mmio_read_config, vgic_mmio_write_config, vgic_read_irq_line_level_info,
//!     vgic_write_irq_line_level_info; arch/arm64/kvm/vgic/vgic-mmio-v3.c:
//!     vgic_v3_uaccess_write_pending, vgic_v3_line_level_info_uaccess
#![forbid(unsafe_code)]

use super::{
    super::{
        guest::*,
        v4, //
    },
    By, //
};
use crate::{
    gic::{
        frame::{
            Access,
            Bank, //
        },
        frame_bits::LineLevels,
        list_register::Intid,
        transition::{
            Edit,
            Listed,
            Writer, //
        },
        word::IrqWord, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::Result;

/// The interrupts of an access, as far as there are any. Private and shared ones are never in the
/// same.
#[derive(Clone, Copy)]
enum Run<'a> {
    Private(&'a [PrivateIrq]),
    Shared(&'a [Irq]),
}

impl<'a> Run<'a> {
    #[inline(always)]
    fn of(guest: Guest<'a>, vcpu: Vcpu<'a>, first: Intid, count: u32) -> Self {
        // CAST: widening.
        let (first, count) = (first.0 as usize, count as usize);

        match first.checked_sub(NR_PRIVATE) {
            Some(first) => Self::Shared(slice_nospec(guest.irqs().spis(), first, count)),
            None => Self::Private(
                vcpu.vgic_vcpu()
                    .map_or(&[], |vgic| slice_nospec(vgic.all_private(), first, count)),
            ),
        }
    }

    /// What a bank shows of their words.
    #[inline(always)]
    fn read(self, bank: Bank) -> u64 {
        match self {
            Self::Private(irqs) => bank.read(irqs.iter().map(|irq| irq.word())),
            Self::Shared(irqs) => bank.read(irqs.iter().map(Irq::word)),
        }
    }

    /// Whether any is pending, as the guest sees it. `first`: the number of the first. No SPI is
    /// mapped to a physical interrupt.
    #[inline(always)]
    fn read_pending(self, first: Intid) -> u64 {
        let irqs = match self {
            Self::Private(irqs) => irqs,
            Self::Shared(irqs) => return spis_pending(irqs),
        };
        let words = irqs
            .iter()
            .zip(first.0..first.0.saturating_add(u64::BITS))
            .map(|(irq, intid)| match irq.word() {
                word if word.is_bound() => with_physical(irq, |word, mapping| {
                    if word.is_mapped_level() {
                        word.without(IrqWord::Latch)
                            .set(IrqWord::Line, mapping.line_level(intid))
                    } else {
                        word
                    }
                }),
                word => word,
            });

        Bank::Ispendr.read(words)
    }

    /// Whether any is pending, as user space saves it: the level of a line is not part of that.
    #[inline(always)]
    fn read_latches(self, bank: Bank) -> u64 {
        match self {
            Self::Private(irqs) => bank.read(irqs.iter().map(|irq| match irq.word() {
                word if word.has(IrqWord::Direct) => with_physical(irq, |word, _| word),
                word => word,
            })),
            Self::Shared(_) => self.read(bank),
        }
    }

    #[inline(always)]
    fn any_listed(self) -> bool {
        match self {
            Self::Private(irqs) => irqs.iter().any(|irq| irq.word().listed().is_some()),
            Self::Shared(irqs) => irqs.iter().any(|irq| irq.word().listed().is_some()),
        }
    }
}

/// Whether SPIs are pending. Four at a time: a guest that looks for what is pending reads a lot.
#[inline(always)]
fn spis_pending(irqs: &[Irq]) -> u64 {
    let pending = |irqs: &[Irq]| Bank::Ispendr.read(irqs.iter().map(Irq::word));
    let fours = irqs.chunks_exact(4);
    let mut all = pending(fours.remainder());

    for four in fours.rev() {
        all = all.wrapping_shl(4) | pending(four);
    }
    all
}

/// The word of an interrupt that something physical belongs to, as if that had been asked just now:
/// one that the hardware delivers, whether it is pending; others as `f` does.
#[cold]
fn with_physical(irq: &PrivateIrq, f: impl FnOnce(IrqWord, &Mapping) -> IrqWord) -> IrqWord {
    let mapping = irq.lock_mapping();
    let word = irq.word();

    if word.has(IrqWord::Direct) {
        word.set(IrqWord::Latch, mapping.is_pending())
    } else {
        f(word, &mapping)
    }
}

/// Reads a bank. `vcpu`: whose the private interrupts are.
#[inline(always)]
pub(super) fn read<R: Copy>(
    by: &mut By<'_, '_>,
    vcpu: Vcpu<'_>,
    bank: Bank,
    access: Access<R>,
) -> u64 {
    read_some(by, vcpu, bank, access.first, access.count)
}

/// All frames' banks have the same code.
#[inline(never)]
fn read_some(by: &mut By<'_, '_>, vcpu: Vcpu<'_>, bank: Bank, first: Intid, count: u32) -> u64 {
    let Some(guest) = Guest::of(vcpu.vm()) else {
        return 0;
    };
    let run = Run::of(guest, vcpu, first, count);

    // One loop for each bank: which it is, is not asked for each interrupt.
    match (bank, by) {
        (Bank::Igroupr, _) => run.read(Bank::Igroupr),
        (Bank::Isenabler | Bank::Icenabler, _) => run.read(Bank::Isenabler),
        (Bank::Ispendr | Bank::Icpendr, By::Guest(_)) => run.read_pending(first),
        (Bank::Ispendr | Bank::Icpendr, By::User(_)) => run.read_latches(Bank::Ispendr),
        (Bank::Latch, _) => run.read_latches(Bank::Latch),
        (Bank::Isactiver | Bank::Icactiver, By::Guest(mmio)) => read_active(mmio, run),
        (Bank::Isactiver | Bank::Icactiver, By::User(_)) => run.read(Bank::Isactiver),
        (Bank::Ipriorityr, _) => run.read(Bank::Ipriorityr),
        (Bank::Icfgr, _) => run.read(Bank::Icfgr),
    }
}

fn read_active(mmio: &mut InMmio<'_>, run: Run<'_>) -> u64 {
    if !run.any_listed() {
        return run.read(Bank::Isactiver);
    }
    let mut config = mmio.config();
    let _halted = config.halt_guest();

    run.read(Bank::Isactiver)
}

/// Writes a bank. `vcpu`: whose the private interrupts are.
#[inline(always)]
pub(super) fn write<R: Copy>(
    by: &mut By<'_, '_>,
    vcpu: Vcpu<'_>,
    bank: Bank,
    access: Access<R>,
    value: u64,
) {
    write_some(by, vcpu, bank, access.of_bank(), value);
}

/// See [`read_some`].
#[inline(never)]
fn write_some(by: &mut By<'_, '_>, vcpu: Vcpu<'_>, bank: Bank, access: Access<()>, value: u64) {
    let Some(guest) = Guest::of(vcpu.vm()) else {
        return;
    };

    if matches!(bank, Bank::Isactiver | Bank::Icactiver) {
        return change_active(by, guest, vcpu, access, value, bank == Bank::Isactiver);
    }
    for (intid, part) in access.parts(bank.bits(), value) {
        if let (Some(edit), Some(irq)) = (bank.edit(part), guest.irq(Some(vcpu), intid)) {
            guest.edit(vcpu, irq, edit, by.writer());
        }
    }
}

/// Changes whether an interrupt is active.
///
/// # Errors
///
/// The vCPU that may have it in a list register.
fn try_change_active<'a>(
    guest: Guest<'a>,
    vcpu: Vcpu<'a>,
    intid: Intid,
    active: bool,
    writer: Writer,
) -> Result<(), Listed> {
    let Some(irq) = guest.irq(Some(vcpu), intid) else {
        return Ok(());
    };
    let kind = guest.kind(vcpu, intid);
    let claiming = PreemptOff::new();
    let action = match irq.update_alone(writer.into(), |word| {
        word.change_active(active, kind, writer)
    }) {
        Ok(action) => action?,
        Err(private) => {
            let mapping = private.lock_mapping();
            let action = v4::change_bound(&mapping, irq, |word| {
                word.change_active(active, kind, writer)
            })?;

            follow_physically(&mapping, action.physical);
            action
        }
    };

    guest.deliver(irq, action.delivery, claiming.on_cpu());
    Ok(())
}

/// At first without stopping anybody: it is rare that an interrupt of somebody else's is in a list
/// register just now. The vCPUs are only stopped for those that are.
fn change_active(
    by: &mut By<'_, '_>,
    guest: Guest<'_>,
    vcpu: Vcpu<'_>,
    access: Access<()>,
    value: u64,
    active: bool,
) {
    let writer = by.writer();
    let change = |intid| try_change_active(guest, vcpu, intid, active, writer);
    let listed = access
        .ones(value)
        .filter(|intid| change(*intid).is_err())
        .fold(0, |all, intid| {
            all | 1_u64.wrapping_shl(intid.0.wrapping_sub(access.first.0))
        });

    if listed == 0 {
        return;
    }
    by.with_config(|config| {
        let _halted = config.halt_guest();

        for intid in access.ones(listed) {
            // Nobody has anything in list registers now.
            change(intid).unwrap_or(());
        }
    });
}

/// Levels of lines as user space saves them, for the attribute that names them.
///
/// # Errors
///
/// `EINVAL` if it names something else.
pub(in crate::vgic) fn read_line_levels(
    _config: &mut ConfigLock<'_>,
    vcpu: Vcpu<'_>,
    attr: u64,
) -> Result<u32> {
    let levels = LineLevels::of(attr, super::nr_irqs(vcpu.vm()))?;
    let guest = Guest::of(vcpu.vm());

    Ok(levels.read(|intid| Some(guest?.irq(Some(vcpu), intid)?.word())))
}

/// The same, as it restores them. The level of what is configured to be edge-triggered is kept as
/// well: the order in which the two are restored does not matter.
///
/// # Errors
///
/// As above.
pub(in crate::vgic) fn write_line_levels(
    _config: &mut ConfigLock<'_>,
    vcpu: Vcpu<'_>,
    attr: u64,
    value: u32,
) -> Result {
    let levels = LineLevels::of(attr, super::nr_irqs(vcpu.vm()))?;
    let Some(guest) = Guest::of(vcpu.vm()) else {
        return Ok(());
    };

    for (intid, high) in levels.written(value) {
        if let Some(irq) = guest.irq(Some(vcpu), intid) {
            guest.edit(vcpu, irq, Edit::Line(high), Writer::Vmm);
        }
    }
    Ok(())
}
