// SPDX-License-Identifier: GPL-2.0

//! How the guest configures its LPIs: by a table in its memory with a byte for each, which is that
//! of all redistributors.
//!
//! It is read when an LPI is mapped, and when the guest says that it has changed it.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: update_lpi_config, vgic_its_inv_lpi, vgic_its_invall
#![forbid(unsafe_code)]

use super::{
    guest::Guest,
    lpi::LeafOfLpis,
    v4, //
};
use crate::{
    gic::{
        list_register::Intid,
        lpi::{
            Properties,
            LEAF_LPIS, //
        },
        redistributor::Propbaser,
        table_memory::Window, //
    },
    kvm::prelude::*, //
};
use kernel::error::Result;

fn table(guest: Guest<'_>) -> Propbaser {
    Propbaser::from_raw(guest.vm().dist().propbaser())
}

/// How an LPI is configured. Sleeps.
///
/// # Errors
///
/// `EFAULT` if the table can't be read there.
pub(super) fn properties(
    guest: Guest<'_>,
    memory: GuestMemory<'_>,
    lpi: Intid,
) -> Result<Properties> {
    memory
        .read_one(table(guest).byte_of(lpi))
        .map(Properties::of)
}

/// The same for who asks for many, in the order of their numbers or nearly so.
pub(super) struct ManyProperties(Window<u8, 256>);

impl ManyProperties {
    /// Nothing is read yet.
    pub(super) fn new() -> Self {
        Self(Window::new())
    }

    /// See [`properties`].
    ///
    /// # Errors
    ///
    /// See there.
    pub(super) fn of(
        &mut self,
        guest: Guest<'_>,
        memory: GuestMemory<'_>,
        lpi: Intid,
    ) -> Result<Properties> {
        self.0
            .get(memory, table(guest).byte_of(lpi))
            .map(Properties::of)
    }
}

/// Has an LPI be as it is configured now, if it is mapped (`INV`, `GICR_INVLPIR`). Sleeps.
///
/// # Errors
///
/// `EFAULT` if the table can't be read there: the LPI stays as it is.
pub(super) fn invalidate(guest: Guest<'_>, memory: GuestMemory<'_>, lpi: Intid) -> Result {
    if guest.lpi(lpi).is_some() {
        guest.configure_lpi(lpi, properties(guest, memory, lpi)?);
    }
    Ok(())
}

/// The same for those of some LPIs that go to a vCPU: the table is read once, and again for those that
/// differ. Those that can't be read stay as they are. Sleeps.
pub(super) fn invalidate_leaf(
    guest: Guest<'_>,
    memory: GuestMemory<'_>,
    vcpu: Vcpu<'_>,
    leaf: LeafOfLpis<'_>,
) {
    let table = table(guest);
    let target = guest.index_of(vcpu);
    let mut bytes = Window::<u8, LEAF_LPIS>::new();

    for (lpi, word) in leaf.lpis().filter(|(_, word)| word.target() == target) {
        let Ok(byte) = bytes.get(memory, table.byte_of(lpi)) else {
            // All of a leaf are on one page.
            break;
        };

        if word.properties() == Properties::of(byte) {
            continue;
        }
        // Since the window was read the guest may have changed it, and had this one LPI
        // invalidated by another vCPU: that is not to be undone.
        if let Ok(properties) = properties(guest, memory, lpi) {
            guest.configure_lpi(lpi, properties);
        }
    }
}

/// Likewise for all LPIs from that one on (`GICR_INVALLR`), unless `ends` after some: the one that it
/// is to go on with then. Sleeps.
pub(super) fn invalidate_all(
    guest: Guest<'_>,
    memory: GuestMemory<'_>,
    vcpu: Vcpu<'_>,
    from: Intid,
    ends: impl Fn() -> bool,
) -> Option<Intid> {
    let left = guest.visit_lpi_leaves(from, ends, |leaf| {
        invalidate_leaf(guest, memory, vcpu, leaf);
        memory.may_sleep().cond_resched();
        Some(())
    });

    if left.is_none() {
        v4::invalidate_all(vcpu);
    }
    left
}
