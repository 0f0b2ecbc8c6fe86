// SPDX-License-Identifier: GPL-2.0

//! The registers of an ITS.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: vgic_mmio_read_its_typer, vgic_mmio_read_its_iidr,
//!     vgic_mmio_uaccess_write_its_iidr, vgic_mmio_read_its_idregs, vgic_mmio_read_its_cbaser,
//!     vgic_mmio_write_its_cbaser, vgic_mmio_write_its_cwriter, vgic_mmio_read_its_cwriter,
//!     vgic_mmio_read_its_creadr, vgic_mmio_uaccess_write_its_creadr, vgic_mmio_read_its_baser,
//!     vgic_mmio_write_its_baser, vgic_mmio_read_its_ctlr, vgic_mmio_write_its_ctlr, vgic_its_reset
#![forbid(unsafe_code)]

use super::{
    super::mmio::By,
    execute::{
        run,
        Budget, //
    },
    tables, //
};
use crate::{
    gic::{
        frame::{
            Access,
            Lanes, //
        },
        frame_gits::Gits,
        its_registers::{
            check_iidr,
            ctlr,
            ctlr_written,
            id_register,
            IIDR,
            TYPER, //
        },
        its_table::{
            Baser,
            TableKind, //
        },
    },
    kvm::prelude::*, //
};
use kernel::error::{
    code::EINTR,
    Result, //
};

impl By<'_, '_> {
    fn commands<'t>(&'t mut self, its: &'t Its) -> ItsCommands<'t> {
        match self {
            By::Guest(mmio) => its.commands(*mmio),
            By::User(config) => its.commands(*config),
        }
    }

    fn tables<'t>(&'t mut self, its: &'t Its) -> ItsTables<'t> {
        match self {
            By::Guest(mmio) => its.tables(*mmio),
            By::User(config) => its.tables(*config),
        }
    }
}

/// Reads a register. Sleeps.
pub(in crate::vgic) fn read(by: &mut By<'_, '_>, its: &Its, access: Access<Gits>) -> u64 {
    let value = match access.register {
        Gits::Ctlr => {
            let mut commands = by_now(by, its);
            let quiescent = commands.is_quiescent();
            let enabled = commands.tables().enabled;

            return u64::from(ctlr(enabled, quiescent));
        }
        Gits::Iidr => return u64::from(IIDR),
        Gits::Id => return u64::from(id_register(access.lanes.word())),
        Gits::Typer => TYPER,
        Gits::Cbaser => by.commands(its).queue.cbaser(),
        Gits::Cwriter => by.commands(its).queue.cwriter(),
        Gits::Creadr => by_now(by, its).queue.creadr(),
        Gits::Baser => match TableKind::of_index(access.lanes.double()) {
            Some(kind) => by.tables(its).table(kind).into_raw(),
            None => 0,
        },
    };

    access.lanes.of(value)
}

/// The ring, as far as it is by now. What another vCPU has left of the commands goes on: it may not
/// run for long, while this one waits for it to end.
fn by_now<'t>(by: &'t mut By<'_, '_>, its: &'t Its) -> ItsCommands<'t> {
    let is_guest = matches!(by, By::Guest(_));
    let mut commands = by.commands(its);

    if is_guest {
        let mut budget = Budget::ONE_EXIT;
        // The other one still has to see to what is left.
        let _left = run(&mut commands, &mut budget);
    }
    commands
}

/// Writes a register. Sleeps.
///
/// # Errors
///
/// User space's: `EINVAL` for a revision of `GITS_IIDR` that there is not, or a command outside of
/// the ring; `EBUSY` for `GITS_CREADR` while the ITS is enabled, before that.
pub(in crate::vgic) fn write(
    by: &mut By<'_, '_>,
    its: &Its,
    access: Access<Gits>,
    value: u64,
) -> Result {
    match access.register {
        // CAST: 32 bits.
        Gits::Ctlr => with_commands(by, its, |commands| write_ctlr(commands, value as u32)),
        Gits::Cbaser => with_commands(by, its, |commands| {
            if !commands.tables().enabled {
                commands.queue.write_cbaser(access.lanes, value);
                commands.drop_due();
            }
        }),
        Gits::Cwriter => with_commands(by, its, |commands| {
            if commands.queue.write_cwriter(access.lanes, value) && commands.tables().enabled {
                commands.due = commands.queue.cwriter();
            }
        }),
        Gits::Baser => {
            if let Some(kind) = TableKind::of_index(access.lanes.double()) {
                with_commands(by, its, |commands| {
                    write_baser(commands, kind, access.lanes, value);
                });
            }
        }
        // These two are user space's alone.
        Gits::Iidr => check_iidr(value)?,
        Gits::Creadr => {
            let mut commands = by.commands(its);
            let enabled = commands.tables().enabled;

            commands.queue.write_creadr(enabled, value)?;
            commands.drop_due();
        }
        Gits::Typer | Gits::Id => (),
    }
    Ok(())
}

/// Runs `f`, and then whatever is due.
fn with_commands(by: &mut By<'_, '_>, its: &Its, f: impl FnOnce(&mut ItsCommands<'_>)) {
    let mut budget = match by {
        // A vCPU without a GICv2 or GICv3 can't put the rest off. It is done when somebody looks how far
        // it is: nothing else comes of it.
        By::Guest(_) => Budget::ONE_EXIT,
        By::User(_) => Budget::UNLIMITED,
    };
    let mut commands = by.commands(its);

    f(&mut commands);
    let left = run(&mut commands, &mut budget);

    drop(commands);
    if let (By::Guest(mmio), true) = (by, left) {
        mmio.vcpu().defer_commands();
    }
}

fn write_ctlr(commands: &mut ItsCommands<'_>, value: u32) {
    let queue = commands.queue;
    let mut tables = commands.tables();
    let Some(enabled) = ctlr_written(
        tables.enabled,
        value,
        tables.device_table,
        tables.collection_table,
        &queue,
    ) else {
        return;
    };

    tables.enabled = enabled;
    if enabled {
        drop(tables);
        commands.due = queue.cwriter();
    } else {
        // What it was asked to do before is done still.
        tables.invalidate_cache();
    }
}

/// What is mapped by way of a table does not survive that it changes. LPIs of devices may be unmapped
/// later: no message is translated to them any more, and nothing is mapped before that is done.
fn write_baser(commands: &mut ItsCommands<'_>, kind: TableKind, lanes: Lanes, value: u64) {
    let mut tables = commands.tables();

    if tables.enabled {
        return;
    }
    let before: Baser = *tables.table(kind);
    let after = before.written(kind, lanes, value);

    if after == before {
        return;
    }
    *tables.table(kind) = after;
    match kind {
        TableKind::Devices => {
            tables::drop_devices(&mut tables);
            drop(tables);
            commands.unmapping = true;
        }
        TableKind::Collections => tables::unmap_collections(&mut tables),
    }
}

/// All is as it was at first, but for what is read in `GITS_BASER<n>` of tables that are not there.
pub(super) fn reset(commands: &mut ItsCommands<'_>) {
    **commands = Commands::NONE;

    let mut tables = commands.tables();

    tables.enabled = false;
    tables.device_table = tables.device_table.reset();
    tables.collection_table = tables.collection_table.reset();
    tables::unmap_devices(&mut tables);
    tables::unmap_collections(&mut tables);
}

/// All is done that is due. For user space, which never sees that something is left to be done.
/// Sleeps.
///
/// # Errors
///
/// `EINTR` if the task was killed before.
pub(super) fn settle(commands: &mut ItsCommands<'_>) -> Result {
    let mut budget = Budget::UNLIMITED;

    if run(commands, &mut budget) {
        Err(EINTR)
    } else {
        Ok(())
    }
}
