// SPDX-License-Identifier: GPL-2.0

//! Accesses to the registers of a [`Vm`], by the tables of the frames; and all of them at once, to
//! save and to restore it.

use crate::{
    gic::{
        affinity::{Affinity, CpuMask, Sgi1r, SgiTargets, Sgir},
        distributor,
        frame::{Access, Bank, Read, Who},
        frame_bits::{join, LineLevels},
        frame_gicd::{Gicd, GICD},
        frame_gicr::{Gicr, GICR},
        frame_gicv2::{GicdV2, GICD_V2},
        list_register::Intid,
        transition::{Edit, Writer},
        word::{IrqWord, Source},
    },
    vm::{index, Vm},
};
use gic_model::{Frame, SgiRegister};

fn writer(who: Who) -> Writer {
    match who {
        Who::Guest => Writer::Guest,
        Who::User => Writer::Vmm,
    }
}

impl Vm {
    fn words<R: Copy>(&self, vcpu: u32, access: Access<R>) -> Vec<IrqWord> {
        access
            .interrupts()
            .filter_map(|intid| Some(self.word(vcpu, intid)?.read()))
            .collect()
    }

    pub(crate) fn read(
        &mut self,
        who: Who,
        vcpu: u32,
        frame: Frame,
        offset: u32,
        bytes: u32,
    ) -> u64 {
        let irqs = self.config.irqs;
        let value = match frame {
            Frame::Gicd if self.config.v2 => match GICD_V2.read(who, offset, bytes, irqs) {
                Read::From(access) => self.read_v2(vcpu, access),
                Read::Constant(value) => value,
            },
            Frame::Gicd => match GICD.read(who, offset, bytes, irqs) {
                Read::From(access) => self.read_gicd(vcpu, access),
                Read::Constant(value) => value,
            },
            Frame::Gicr(of) => match GICR.read(who, offset, bytes, irqs) {
                Read::From(access) => self.read_gicr(of, access),
                Read::Constant(value) => value,
            },
        };

        value & (u64::MAX >> (64 - bytes * 8))
    }

    pub(crate) fn read_bank<R: Copy>(&self, vcpu: u32, bank: Bank, access: Access<R>) -> u64 {
        bank.read(self.words(vcpu, access).into_iter())
    }

    fn read_gicd(&mut self, vcpu: u32, access: Access<Gicd>) -> u64 {
        match access.register {
            Gicd::Bank(bank) => self.read_bank(vcpu, bank, access),
            Gicd::Irouter => {
                let route = self.routes[access.first.0 as usize - 32];

                access.lanes.of(Affinity::from_raw(route.into()).route())
            }
            Gicd::Ctlr => self.control.ctlr().into(),
            Gicd::Typer => distributor::typer(self.config.irqs, self.config.lpis != 0).into(),
            Gicd::Iidr => distributor::Revision::LATEST.iidr().into(),
            Gicd::Typer2 => distributor::typer2(false).into(),
            Gicd::Pidr2 => distributor::PIDR2.into(),
        }
    }

    fn read_gicr(&mut self, of: u32, access: Access<Gicr>) -> u64 {
        match access.register {
            Gicr::Bank(bank) => self.read_bank(of, bank, access),
            Gicr::Ctlr => self.its.ctlr(of).into(),
            Gicr::Pidr2 => distributor::PIDR2.into(),
            _ => 0,
        }
    }

    fn read_v2(&mut self, vcpu: u32, access: Access<GicdV2>) -> u64 {
        let join = |bytes: Vec<u64>| join(8, bytes.into_iter());

        match access.register {
            GicdV2::Bank(bank) => self.read_bank(vcpu, bank, access),
            GicdV2::Ctlr => distributor::v2_ctlr(self.control.enabled).into(),
            GicdV2::Typer => distributor::v2_typer(self.config.irqs, self.config.vcpus).into(),
            GicdV2::Iidr => distributor::Revision::LATEST.iidr().into(),
            GicdV2::Itargetsr => {
                let route = |intid: Intid| self.routes.get(intid.0.wrapping_sub(32) as usize);

                join(
                    access
                        .interrupts()
                        .map(|intid| u64::from(route(intid).copied().unwrap_or(0)))
                        .collect(),
                )
            }
            GicdV2::Cpendsgir | GicdV2::Spendsgir => join(
                self.words(vcpu, access)
                    .into_iter()
                    .map(|word| word.sources().into())
                    .collect(),
            ),
            GicdV2::Sgir => 0,
        }
    }

    pub(crate) fn write(
        &mut self,
        who: Who,
        vcpu: u32,
        (frame, offset, bytes): (Frame, u32, u32),
        value: u64,
    ) {
        let irqs = self.config.irqs;

        match frame {
            Frame::Gicd if self.config.v2 => {
                if let Some(access) = GICD_V2.write(who, offset, bytes, irqs) {
                    self.write_v2(who, vcpu, access, value);
                }
            }
            Frame::Gicd => {
                if let Some(access) = GICD.write(who, offset, bytes, irqs) {
                    self.write_gicd(who, vcpu, access, value);
                }
            }
            Frame::Gicr(of) => {
                if let Some(access) = GICR.write(who, offset, bytes, irqs) {
                    match access.register {
                        Gicr::Bank(bank) => self.write_bank(who, of, bank, access.of_bank(), value),
                        Gicr::Ctlr => self.write_lpi_ctlr(of, value as u32),
                        _ => (),
                    }
                }
            }
        }
    }

    fn edit(&mut self, who: Who, vcpu: u32, intid: Intid, edit: Edit) {
        self.change(vcpu, intid, |word, kind| {
            word.edit(edit, kind, writer(who), || false)
        });
    }

    fn write_bank(&mut self, who: Who, vcpu: u32, bank: Bank, access: Access<()>, value: u64) {
        if matches!(bank, Bank::Isactiver | Bank::Icactiver) {
            for intid in access.ones(value) {
                let on = bank == Bank::Isactiver;

                self.change(vcpu, intid, |word, kind| {
                    let (word, done) = word.change_active(on, kind, writer(who));

                    (word, done.expect("all have left"))
                });
            }
            return;
        }
        for (intid, part) in access.parts(bank.bits(), value) {
            if let Some(edit) = bank.edit(part) {
                self.edit(who, vcpu, intid, edit);
            }
        }
    }

    fn route(&mut self, vcpu: u32, intid: Intid, route: u32, target: Option<u32>) {
        if let Some(held) = self.routes.get_mut(intid.0.wrapping_sub(32) as usize) {
            *held = route;
            self.edit(Who::Guest, vcpu, intid, Edit::Retarget(target.map(index)));
        }
    }

    fn write_gicd(&mut self, who: Who, vcpu: u32, access: Access<Gicd>, value: u64) {
        match access.register {
            Gicd::Bank(bank) => self.write_bank(who, vcpu, bank, access.of_bank(), value),
            Gicd::Irouter => {
                if let Some(affinity) = Affinity::of_route(access.lanes, value) {
                    let mpidr = affinity.mpidr();
                    let target = (mpidr < u64::from(self.config.vcpus)).then_some(mpidr as u32);

                    self.route(vcpu, access.first, affinity.route() as u32, target);
                }
            }
            Gicd::Ctlr => {
                let to = self.control.written(who, value as u32, false);

                self.forward(to);
            }
            _ => (),
        }
    }

    fn write_v2(&mut self, who: Who, vcpu: u32, access: Access<GicdV2>, value: u64) {
        let vcpus = self.config.vcpus;

        match access.register {
            GicdV2::Bank(Bank::Igroupr) if who == Who::User => (),
            GicdV2::Bank(bank) => self.write_bank(who, vcpu, bank, access.of_bank(), value),
            GicdV2::Ctlr => {
                let mut to = self.control;

                to.enabled = distributor::v2_enables(value as u32);
                self.forward(to);
            }
            GicdV2::Itargetsr => {
                for (intid, byte) in access.bytes(value) {
                    let targets = CpuMask::of_targets(byte, vcpus);

                    self.route(vcpu, intid, targets.0.into(), Some(targets.target()));
                }
            }
            GicdV2::Sgir => self.send_v2(vcpu, Sgir::from_raw(value & 0xffff_ffff)),
            GicdV2::Cpendsgir => {
                for (intid, sources) in access.bytes(value) {
                    self.edit(who, vcpu, intid, Edit::NotFrom(sources));
                }
            }
            GicdV2::Spendsgir => {
                for (intid, sources) in access.bytes(value) {
                    self.edit(who, vcpu, intid, Edit::From(sources));
                }
            }
            GicdV2::Iidr | GicdV2::Typer => (),
        }
    }

    fn send_v2(&mut self, from: u32, register: Sgir) {
        let targets = register.targets(from, self.config.vcpus);
        let source = Source::new(from).expect("eight at most");

        for to in (0..self.config.vcpus).filter(|to| targets.has(*to)) {
            self.change(to, Intid(register.intid()), |word, _| {
                word.send_from(source.bit())
            });
        }
    }

    pub(crate) fn send(&mut self, from: u32, register: SgiRegister, value: u64) {
        let sgi = Sgi1r::from_raw(value);
        let to_group1 = register == SgiRegister::Sgi1r;
        let targets: Vec<u32> = match sgi.targets() {
            SgiTargets::Others => (0..self.config.vcpus).filter(|to| *to != from).collect(),
            SgiTargets::List(list) => list
                .mpidrs()
                .filter(|mpidr| *mpidr < self.config.vcpus.into())
                .map(|mpidr| mpidr as u32)
                .collect(),
        };

        for to in targets {
            self.change(to, Intid(sgi.intid()), |word, _| word.send(to_group1));
        }
    }

    pub(crate) fn line(&mut self, vcpu: u32, intid: u32, high: bool) {
        let intid = Intid(intid);
        let has_line = (16..8192).contains(&intid.0);
        let news = self
            .word(vcpu, intid)
            .is_some_and(|word| !word.read().ignores(high));

        if has_line && news {
            self.change(vcpu, intid, |word, _| word.inject(high));
        }
    }

    pub(crate) fn levels(&self, vcpu: u32, first: u32) -> Option<u32> {
        let levels = LineLevels::of(first.into(), self.config.irqs).ok()?;

        Some(levels.read(|intid| Some(self.word(vcpu, intid)?.read())))
    }

    pub(crate) fn set_levels(&mut self, vcpu: u32, first: u32, value: u32) {
        if let Ok(levels) = LineLevels::of(first.into(), self.config.irqs) {
            for (intid, high) in levels.written(value) {
                self.edit(Who::User, vcpu, intid, Edit::Line(high));
            }
        }
    }
}

/// What user space saves of a GICv3, in the order in which it restores it: a frame of private
/// interrupts or shared ones, each register by its first and how far it goes for 32 interrupts.
const SAVED: [(u32, u32, u32); 6] = [
    (0x080, 4, 4),
    (0xc00, 8, 4),
    (0x400, 32, 4),
    (0x100, 4, 4),
    (0x200, 4, 4),
    (0x300, 4, 4),
];

impl Vm {
    /// The registers that are saved.
    fn saved(&self) -> Vec<(Frame, u32)> {
        let mut all = vec![(Frame::Gicd, 0)];

        all.extend((0..self.config.vcpus).map(|of| (Frame::Gicr(of), 0)));

        for intid in 32..self.config.irqs {
            all.push((Frame::Gicd, 0x6000 + intid * 8));
        }
        for (start, per32, step) in SAVED {
            for block in 1..self.config.irqs / 32 {
                let first = start + block * per32;

                all.extend(
                    (first..first + per32)
                        .step_by(step as usize)
                        .map(|at| (Frame::Gicd, at)),
                );
            }
            for of in 0..self.config.vcpus {
                let first = 0x1_0000 + start;
                let frame = Frame::Gicr(of);

                all.extend(
                    (first..first + per32)
                        .step_by(step as usize)
                        .map(|at| (frame, at)),
                );
            }
        }
        all
    }

    /// Blocks of lines, and whose.
    fn blocks(&self) -> Vec<(u32, u32)> {
        let private = (0..self.config.vcpus).map(|v| (v, 0));

        private
            .chain((1..self.config.irqs / 32).map(|block| (0, block * 32)))
            .collect()
    }

    fn save(&mut self) -> (Vec<u32>, Vec<u32>) {
        let registers = self
            .saved()
            .into_iter()
            .map(|(frame, offset)| self.read(Who::User, 0, frame, offset, 4) as u32)
            .collect();
        let levels = self
            .blocks()
            .into_iter()
            .map(|(v, first)| self.levels(v, first).expect("a block"))
            .collect();

        (registers, levels)
    }

    /// Saves it, restores it as another, and takes that one's place.
    ///
    /// # Errors
    ///
    /// What is restored is not what was saved.
    pub(crate) fn migrate(&mut self) -> Result<(), String> {
        let mut new = Self::new(self.config);
        let (registers, levels) = self.save();
        let mut memory = self.its.memory.clone();

        self.save_tables(&mut memory)?;
        for ((frame, offset), value) in self.saved().into_iter().zip(&registers) {
            // Ones set what is enabled: what is from the start has to be cleared first.
            if offset & 0xffff == 0x100 || (frame == Frame::Gicd && offset & !0x7f == 0x100) {
                new.write(Who::User, 0, (frame, offset + 0x80, 4), u32::MAX.into());
            }
            new.write(Who::User, 0, (frame, offset, 4), (*value).into());
        }
        for ((v, first), value) in self.blocks().into_iter().zip(&levels) {
            new.set_levels(v, first, *value);
        }
        new.its.memory = memory.clone();
        new.restore_tables(&memory)?;

        let mut again = self.its.memory.clone();

        new.save_tables(&mut again)?;
        if new.save() != (registers, levels) {
            return Err("registers that are restored are saved as something else".into());
        }
        let (memory, again) = (memory.contents(), again.contents());

        if again != memory {
            return Err(format!("{memory:x?} is restored, {again:x?} saved"));
        }
        // The bits of pending LPIs, and the tables, are the guest's again.
        new.its.memory = self.its.memory.clone();
        *self = new;
        Ok(())
    }
}
