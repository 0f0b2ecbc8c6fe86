// SPDX-License-Identifier: GPL-2.0

//! What a guest's commands do.
//!
//! A command that is in error does nothing, and nobody is told. Nor is there a sign of one that
//! needs memory which there is not.
//!
//! A guest's vCPU executes what it has asked for in its own time, and so much at once only as will
//! not keep it from what else its thread has to do: see [`Budget`]. What is left is done before it
//! enters its guest again, or by whoever else wants to have the ITS do something, in whose order
//! that is. All that comes of user space is done when it returns.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-its.c: vgic_its_handle_command, vgic_its_process_commands,
//!     vgic_its_cmd_handle_discard, vgic_its_cmd_handle_movi, vgic_its_cmd_handle_mapi,
//!     vgic_its_cmd_handle_mapd, vgic_its_cmd_handle_mapc, vgic_its_cmd_handle_clear,
//!     vgic_its_cmd_handle_inv, vgic_its_cmd_handle_invall, vgic_its_cmd_handle_movall,
//!     vgic_its_cmd_handle_int, vgic_add_lpi, vgic_its_map_lpi, collection_to_vcpu
#![forbid(unsafe_code)]

use super::{
    super::{
        guest::Guest,
        lpi::LeafOfLpis,
        lpi_config,
        pending_table,
        v4, //
    },
    tables::{
        self,
        NewEvent, //
    },
    translate, //
};
use crate::{
    gic::{
        its::{
            DeviceId,
            EventBits,
            EventId,
            Gpa,
            Icid,
            RdBase, //
        },
        its_command::Command,
        its_table::NO_ENTRY,
        list_register::Intid,
        lpi::LEAF_LPIS,
        redistributor::Propbaser,
        word::VcpuIdx, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::Error;

/// How much may be done at once.
pub(super) struct Budget(Option<u32>);

impl Budget {
    /// What a command costs at least, in interrupts that are looked at.
    const COMMAND: u32 = 256;

    /// What it costs besides to write to the guest's memory.
    ///
    /// Each page that is written takes a place on the vCPU's ring of dirty pages, which has 64 in
    /// reserve when it asks for the vCPU to leave. It is looked at after an access of the guest
    /// and what is put off until the next entry: that may be two budgets, so 32 places.
    const WRITE: u32 = 15 * Self::COMMAND;

    /// So many LPIs a command looks at, if it looks at all of them, before it is put off: what is to be
    /// served meanwhile waits for a millisecond or two.
    const AT_ONCE: u32 = 4096;

    /// As much as there is.
    pub(super) const UNLIMITED: Self = Self(None);

    /// 256 commands, if none of them has to look at many interrupts: less than a millisecond.
    pub(super) const ONE_EXIT: Self = Self(Some(256 * Self::COMMAND));

    fn spend(&mut self, looks: u32) {
        if let Some(left) = &mut self.0 {
            *left = left.saturating_sub(looks);
        }
    }

    /// Whether it is time to end: also if the task is wanted elsewhere and can go on later, or if
    /// there is nobody left to go on for.
    fn is_over(&self, may_sleep: MaySleep<'_>) -> bool {
        match self.0 {
            Some(left) => left == 0 || may_sleep.has_signal(),
            None => may_sleep.is_killed(),
        }
    }
}

/// Executes the commands that are due, as long as the budget lasts and no signal ends it. Whether
/// there are any left, which stay due. Sleeps.
#[must_use]
pub(super) fn run(commands: &mut ItsCommands<'_>, budget: &mut Budget) -> bool {
    let memory = commands.memory();

    while let Some(due) = commands.next_due() {
        if budget.is_over(commands.may_sleep()) {
            return true;
        }
        match due {
            Due::Unmapping => go_on_unmapping(commands, budget),
            Due::Command(place) => go_on_with(commands, memory, place, budget),
        }
        commands.may_sleep().cond_resched();
    }
    false
}

fn go_on_with(
    commands: &mut ItsCommands<'_>,
    memory: GuestMemory<'_>,
    place: Gpa,
    budget: &mut Budget,
) {
    let mut done = Progress {
        looks: 0,
        walked: commands.walked,
    };

    // What can't be read is passed over.
    if let Some(command) = read(memory, place) {
        execute(&mut commands.tables(), memory, command, &mut done);
    } else {
        done.walked = None;
    }
    budget.spend(done.looks.saturating_add(Budget::COMMAND));
    match done.walked {
        Some(walked) => {
            commands.walked = Some(walked);
            commands.unmapping = walked == Walked::All;
        }
        None => commands.advance(),
    }
}

fn go_on_unmapping(commands: &mut ItsCommands<'_>, budget: &mut Budget) {
    let mut tables = commands.tables();

    budget.spend(tables::unmap_gone(&mut tables, Budget::AT_ONCE));
    let done = !tables.mappings.has_gone();

    drop(tables);
    if done {
        commands.unmapped();
    }
}

/// Unmaps LPIs of devices that are gone, all of them. Sleeps.
pub(super) fn unmap_gone(commands: &mut ItsCommands<'_>) {
    let mut budget = Budget::UNLIMITED;

    while commands.unmapping {
        go_on_unmapping(commands, &mut budget);
    }
}

fn read(memory: GuestMemory<'_>, place: Gpa) -> Option<Command> {
    let mut words = [0; 4];

    memory.read(place, &mut words).ok()?;
    Command::parse(&words)
}

/// The vCPU goes on with what its guest has asked ITSs for, if there is anything left. Sleeps.
pub(in crate::vgic) fn continue_commands(mmio: &mut InMmio<'_>) {
    let vcpu = mmio.vcpu();

    if !vcpu.takes_deferred_commands() {
        return;
    }
    let mut budget = Budget::ONE_EXIT;
    let mut left = false;

    for its in vcpu.vm().itss() {
        left |= run(&mut its.commands(mmio), &mut budget);
    }
    if left {
        vcpu.defer_commands();
    }
}

/// Why a command does nothing: it is in error, or there is no memory.
struct Ignored;

impl From<Error> for Ignored {
    fn from(_: Error) -> Self {
        Self
    }
}

type Done = Result<(), Ignored>;

/// How far a command has got.
struct Progress {
    /// What it has cost this time, in interrupts that are looked at.
    looks: u32,
    /// How far it is, if it is not done.
    walked: Option<Walked>,
}

/// An ITS that executes a command.
struct Executor<'x, 't> {
    vm: Vm<'t>,
    memory: GuestMemory<'x>,
    /// Without interrupts there are none to map.
    guest: Option<Guest<'t>>,
    tables: &'x mut ItsTables<'t>,
    /// What it has cost, but for [`Budget::COMMAND`].
    looks: u32,
    /// See [`Progress::walked`].
    walked: Option<Walked>,
}

/// Executes a command, or goes on with it.
fn execute(
    tables: &mut ItsTables<'_>,
    memory: GuestMemory<'_>,
    command: Command,
    progress: &mut Progress,
) {
    let vm = tables.its().vm();
    let mut its = Executor {
        vm,
        memory,
        guest: tables::guest(vm),
        tables,
        looks: 0,
        walked: None,
    };

    its.execute(command, progress.walked).unwrap_or(());
    *progress = Progress {
        looks: its.looks,
        walked: its.walked,
    };
}

impl<'t> Executor<'_, 't> {
    fn execute(&mut self, command: Command, begin: Option<Walked>) -> Done {
        match command {
            Command::Mapd {
                device,
                itt,
                event_bits,
                valid: true,
            } => self.map_device(device, itt, event_bits),
            Command::Mapd { device, .. } => self.unmap_device(device),
            Command::Mapc {
                icid,
                target,
                valid: true,
            } => self.map_collection(icid, target, begin),
            Command::Mapc { icid, .. } => {
                self.unmap_collection(icid);
                Ok(())
            }
            Command::Mapti {
                device,
                event,
                lpi,
                icid,
            } => self.map_event(device, event, lpi, icid),
            Command::Movi {
                device,
                event,
                icid,
            } => self.move_event(device, event, icid),
            Command::Discard { device, event } => self.discard(device, event),
            Command::Int { device, event } => self.int(device, event),
            Command::Clear { device, event } => {
                let (guest, ite) = self.event(device, event)?;

                guest.clear_lpi(ite.lpi);
                Ok(())
            }
            Command::Inv { device, event } => {
                let (guest, ite) = self.event(device, event)?;

                Ok(lpi_config::invalidate(guest, self.memory, ite.lpi)?)
            }
            Command::Invall { icid } => self.invall(icid, begin),
            Command::Movall { from, to } => self.movall(from, to, begin),
            Command::Sync => Ok(()),
        }
    }

    /// The guest's memory is written, or may have been.
    fn pay_write(&mut self) {
        self.looks = self.looks.saturating_add(Budget::WRITE);
    }

    fn guest(&self) -> Result<Guest<'t>, Ignored> {
        self.guest.ok_or(Ignored)
    }

    /// What an event is translated to.
    fn event(&self, device: DeviceId, event: EventId) -> Result<(Guest<'t>, Ite), Ignored> {
        let ite = self.tables.mappings.ite(device, event).ok_or(Ignored)?;

        Ok((self.guest()?, ite))
    }

    /// The vCPU that a collection is mapped to.
    fn target(&self, icid: Icid) -> Result<VcpuIdx, Ignored> {
        self.tables.mappings.target(icid).ok_or(Ignored)
    }

    fn redistributor(&self, target: RdBase) -> Result<(Vcpu<'t>, VcpuIdx), Ignored> {
        let vcpu = self.vm.vcpu_of_id(target.0).ok_or(Ignored)?;

        Ok((vcpu, VcpuIdx::new(vcpu.index()).ok_or(Ignored)?))
    }

    /// `MAPD`, V=1: of a device that is mapped nothing is left.
    fn map_device(&mut self, device: DeviceId, itt: Gpa, event_bits: Option<EventBits>) -> Done {
        tables::device_entry(self.memory, self.tables, device).ok_or(Ignored)?;
        let event_bits = event_bits.ok_or(Ignored)?;

        self.drop_device(device);
        Ok(self.tables.mappings.add_device(device, itt, event_bits)?)
    }

    /// `MAPD`, V=0. It must not come back if user space restores what it has saved before.
    fn unmap_device(&mut self, device: DeviceId) -> Done {
        let entry = tables::device_entry(self.memory, self.tables, device).ok_or(Ignored)?;

        self.drop_device(device);
        self.pay_write();
        Ok(self.memory.write(entry, &[NO_ENTRY])?)
    }

    /// Unmaps a device, if it is mapped. What it has may be unmapped later: the command is not done
    /// then.
    fn drop_device(&mut self, device: DeviceId) {
        tables::drop_device(self.tables, device);
        self.looks = tables::unmap_gone(self.tables, Budget::AT_ONCE);
        if self.tables.mappings.has_gone() {
            self.walked = Some(Walked::All);
        }
    }

    /// `MAPC`, V=1. What comes meanwhile, for an LPI that it has not got to, goes where it went before.
    fn map_collection(&mut self, icid: Icid, target: RdBase, begin: Option<Walked>) -> Done {
        let (_, target) = self.redistributor(target)?;
        let from = match begin {
            Some(Walked::Events(device, event)) => (device, event),
            _ => (DeviceId(0), EventId(0)),
        };

        self.know_collection(icid, Some(target))?;
        let (looks, left) = tables::retarget(self.tables, icid, target, from, Budget::AT_ONCE);

        self.looks = looks;
        self.walked = left.map(|(device, event)| Walked::Events(device, event));
        Ok(())
    }

    /// `MAPC`, V=0. LPIs that have become pending stay so.
    fn unmap_collection(&mut self, icid: Icid) {
        self.tables.mappings.remove_collection(icid);
        self.tables.invalidate_cache();
    }

    /// Has a collection a place in the tables; whether it had none before. Of one that is known,
    /// `target` is changed only to one that there is.
    fn know_collection(&mut self, icid: Icid, target: Option<VcpuIdx>) -> Result<bool, Ignored> {
        let known = self.tables.mappings.knows_collection(icid);

        if !known && !tables::has_room_for_collection(self.memory, self.tables, icid) {
            return Err(Ignored);
        }
        if !known || target.is_some() {
            self.tables.mappings.set_collection(icid, target)?;
        }
        Ok(!known)
    }

    /// `MAPTI` and `MAPI`.
    fn map_event(&mut self, device: DeviceId, event: EventId, lpi: Intid, icid: Icid) -> Done {
        let mapped = self.tables.mappings.device(device).ok_or(Ignored)?;

        tables::event_entry(self.memory, mapped, event).ok_or(Ignored)?;
        if !lpi.is_lpi() || lpi.0 >= Propbaser::from_raw(self.vm.dist().propbaser()).intids() {
            return Err(Ignored);
        }
        // Unpredictable by the architecture.
        if mapped.ite(event).is_some() {
            return Ok(());
        }
        let is_new = self.know_collection(icid, None)?;
        let new = NewEvent {
            device,
            event,
            lpi,
            icid,
        };
        let done = self.map_lpi(new);

        if done.is_err() && is_new {
            self.tables.mappings.remove_collection(icid);
        }
        done
    }

    fn map_lpi(&mut self, new: NewEvent) -> Done {
        let (guest, memory) = (self.guest()?, self.memory);
        let properties = lpi_config::properties(guest, memory, new.lpi)?;

        if new.map(self.tables, guest, properties, |vcpu, lpi| {
            pending_table::take(memory, vcpu, lpi)
        })? {
            self.pay_write();
        }
        Ok(())
    }

    /// `MOVI`: between collections that are mapped.
    fn move_event(&mut self, device: DeviceId, event: EventId, icid: Icid) -> Done {
        let (guest, ite) = self.event(device, event)?;

        self.target(ite.icid)?;
        let target = self.target(icid)?;

        self.tables.mappings.move_ite(device, event, icid);
        self.tables.invalidate_cache();
        guest.retarget_lpi(ite.lpi, Some(target));
        Ok(())
    }

    /// `DISCARD`: of an event in a collection that is mapped. It must not come back if user space
    /// restores what it has saved before.
    fn discard(&mut self, device: DeviceId, event: EventId) -> Done {
        let (guest, ite) = self.event(device, event)?;

        self.target(ite.icid)?;
        let entry = self
            .tables
            .mappings
            .device(device)
            .and_then(|device| device.place(event))
            .ok_or(Ignored)?;

        self.tables.mappings.remove_ite(device, event);
        self.tables.invalidate_cache();
        guest.unmap_lpi(ite.lpi);
        self.pay_write();
        Ok(self.memory.write(entry, &[NO_ENTRY])?)
    }

    /// `INT`: as if the device had sent it. It was asked for while the ITS was enabled.
    fn int(&mut self, device: DeviceId, event: EventId) -> Done {
        let guest = self.guest()?;
        let (lpi, life) = translate(guest, self.tables, device, event).map_err(|_| Ignored)?;

        guest.pulse_lpi(lpi, life);
        Ok(())
    }

    /// Has `f` look at LPIs, from where it was on: all of them, or else it is to go on. Whether that was
    /// the end.
    fn walk(
        &mut self,
        guest: Guest<'t>,
        begin: Option<Walked>,
        mut f: impl FnMut(&Self, LeafOfLpis<'t>),
    ) -> bool {
        let from = match begin {
            Some(Walked::Lpis(lpi)) => lpi,
            _ => Intid(0),
        };

        for leaf in guest.lpi_leaves_from(from) {
            if self.looks >= Budget::AT_ONCE {
                self.walked = Some(Walked::Lpis(leaf.first()));
                return false;
            }
            f(self, leaf);
            // CAST: A small constant.
            self.looks = self.looks.saturating_add(LEAF_LPIS as u32);
        }
        true
    }

    /// `INVALL`: all LPIs of the vCPU, of whatever collection.
    fn invall(&mut self, icid: Icid, begin: Option<Walked>) -> Done {
        let guest = self.guest()?;
        let target = self.target(icid)?;
        let vcpu = guest.vcpu(target).ok_or(Ignored)?;

        if self.walk(guest, begin, |its, leaf| {
            lpi_config::invalidate_leaf(guest, its.memory, vcpu, leaf);
        }) {
            v4::invalidate_all(vcpu);
        }
        Ok(())
    }

    /// `MOVALL`: all LPIs of the one vCPU, of whatever ITS.
    fn movall(&mut self, from: RdBase, to: RdBase, begin: Option<Walked>) -> Done {
        let guest = self.guest()?;
        let (_, from) = self.redistributor(from)?;
        let (_, to) = self.redistributor(to)?;

        if from != to {
            self.walk(guest, begin, |_, leaf| guest.move_lpis(leaf, from, to));
            self.tables.invalidate_cache();
        }
        Ok(())
    }
}
