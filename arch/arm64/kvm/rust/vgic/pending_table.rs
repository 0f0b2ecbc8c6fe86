// SPDX-License-Identifier: GPL-2.0

//! Which LPIs are pending while they are not in the GIC: a table in the guest's memory for each
//! redistributor, with a bit for each INTID.
//!
//! User space has the tables written when it saves a VM. A bit of them makes an LPI pending that is
//! mapped, be it by the guest or when user space restores the VM, and those of a vCPU that enables
//! LPIs.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v3.c: vgic_v3_lpi_sync_pending_status,
//!     vgic_v3_save_pending_tables; arch/arm64/kvm/vgic/vgic-its.c: its_sync_lpi_pending_table,
//!     vgic_enable_lpis
#![forbid(unsafe_code)]

use super::{
    guest::Guest,
    v4, //
};
use crate::{
    gic::{
        list_register::Intid,
        lpi::LEAF_LPIS,
        redistributor::Pendbaser,
        table_memory::{
            Bits,
            Window, //
        },
        transition::Action,
        word::{
            IrqWord,
            VcpuIdx, //
        },
    },
    kvm::prelude::*, //
};
use kernel::error::{
    code::ENXIO,
    Result, //
};

fn table(vcpu: Vcpu<'_>) -> Pendbaser {
    Pendbaser::from_raw(vcpu.pendbaser())
}

/// The bits of a leaf of LPIs.
const BYTES_OF_LEAF: usize = LEAF_LPIS / 8;

/// Bits of pending tables that are taken: they are in the GIC from then on.
pub(super) struct TakenBits(Window<u8, 32>);

impl TakenBits {
    /// None, yet.
    pub(super) fn new() -> Self {
        Self(Window::new())
    }

    /// Takes the bit of an LPI from a vCPU's table: whether it is pending. Sleeps.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the table can't be read there, or not written if that is due.
    pub(super) fn take(
        &mut self,
        memory: GuestMemory<'_>,
        vcpu: Vcpu<'_>,
        lpi: Intid,
    ) -> Result<bool> {
        let at = table(vcpu).byte_of(lpi);
        let byte = self.0.get(memory, at)?;
        let left = byte & !Pendbaser::bit_of(lpi);

        if left == byte {
            return Ok(false);
        }
        memory.write(at, &[left])?;
        self.0.set(at, left);
        Ok(true)
    }
}

/// Takes one bit: see [`TakenBits::take`].
///
/// # Errors
///
/// See there.
pub(super) fn take(memory: GuestMemory<'_>, vcpu: Vcpu<'_>, lpi: Intid) -> Result<bool> {
    TakenBits::new().take(memory, vcpu, lpi)
}

/// A vCPU enables LPIs: those that are mapped and go to it are pending if its table says so, and else
/// not, from that number on, unless `ends` after some: the one that it is to go on with then. The table
/// stays as it is. Sleeps.
///
/// From where the table can't be read nothing changes, nor for greater numbers.
pub(super) fn sync(
    guest: Guest<'_>,
    memory: GuestMemory<'_>,
    vcpu: Vcpu<'_>,
    from: Intid,
    ends: impl Fn() -> bool,
) -> Option<Intid> {
    let table = table(vcpu);
    let target = guest.index_of(vcpu);
    let mut bytes = Window::<u8, BYTES_OF_LEAF>::new();

    guest.visit_lpi_leaves(from, ends, |leaf| {
        for (lpi, _) in leaf.lpis() {
            let byte = bytes.get(memory, table.byte_of(lpi)).ok()?;
            let pending = byte & Pendbaser::bit_of(lpi) != 0;

            guest.change_lpi(lpi, |word| loaded(word, target, pending));
        }
        Some(())
    })
}

/// An LPI that goes to that vCPU is pending or not, as the vCPU's table says. Of what the hardware
/// delivers it alone knows that something is pending besides.
fn loaded(word: IrqWord, target: Option<VcpuIdx>, pending: bool) -> (IrqWord, Action) {
    if word.target() != target || word.has(IrqWord::Dead) {
        (word, Action::NOTHING)
    } else if pending {
        word.pulse()
    } else if word.has(IrqWord::Direct) {
        (word, Action::NOTHING)
    } else {
        (word.without(IrqWord::Latch), Action::NOTHING)
    }
}

/// Writes which LPIs are pending to the tables. Bits of LPIs that are not mapped, or go nowhere, stay
/// as they are. No vCPU runs. Sleeps.
///
/// # Errors
///
/// `ENXIO` if the GIC is not initialised; `EFAULT` if a table can't be read where there is a bit for
/// it, or not written where one changes.
#[inline(never)]
pub(super) fn save(config: &ConfigLock<'_>) -> Result {
    let vm = config.vm();
    let guest = Guest::of(vm)
        .filter(|_| vm.dist().initialized())
        .ok_or(ENXIO)?;
    let vlpis = v4::pending_vlpis(config);

    Bits::write(config.guest_memory(), |bits| {
        for (lpi, word) in guest.lpis() {
            let Some(target) = word.target() else {
                continue;
            };
            let Some(vcpu) = guest.vcpu(target) else {
                continue;
            };
            let pending = word.has(IrqWord::Latch)
                || word.has(IrqWord::Direct)
                    && vlpis
                        .as_ref()
                        .is_some_and(|vlpis| vlpis.is_pending(target, lpi));

            bits.set(table(vcpu).byte_of(lpi), Pendbaser::bit_of(lpi), pending)?;
        }
        Ok(())
    })
}
