// SPDX-License-Identifier: GPL-2.0

//! Registers in memory: IHI 0069 chapter 12, IHI 0048 chapter 4; what user space sees of them:
//! Documentation/virt/kvm/devices/arm-vgic-v3.rst, arm-vgic.rst.

use crate::{
    demand,
    event::{Access, Frame},
    irq::{Id, Irq, Kind, PRIORITY},
    model::Model,
    Verdict,
};

/// What there is for each interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Group,
    SetEnable,
    ClearEnable,
    SetPending,
    ClearPending,
    SetActive,
    ClearActive,
    Priority,
    Config,
    /// `GICD_IROUTER<n>`.
    Route,
    /// `GICD_ITARGETSR<n>`.
    Targets,
    /// `GICD_SPENDSGIR<n>`.
    SetSenders,
    /// `GICD_CPENDSGIR<n>`.
    ClearSenders,
}

impl Field {
    pub(crate) fn bits(self) -> u32 {
        match self {
            Self::Priority | Self::Targets | Self::SetSenders | Self::ClearSenders => 8,
            Self::Config => 2,
            Self::Route => 64,
            _ => 1,
        }
    }
}

/// A place in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// `GICD_CTLR`.
    Control,
    /// `GICD_TYPER`.
    Type,
    /// `GICR_CTLR`.
    LpiControl,
    /// `GICD_SGIR`.
    SendSgi,
    /// A field of these interrupts; and the first byte of it, if it is a part.
    Bank(Field, u32, u32, u32),
    /// It reads as that.
    Fixed(u64),
    /// It reads as anything, and is not to be written.
    Open,
}

/// The banks: where, which, and of what interrupts there are none.
const BANKS: &[(u32, u32, Field)] = &[
    (0x080, 0x80, Field::Group),
    (0x100, 0x80, Field::SetEnable),
    (0x180, 0x80, Field::ClearEnable),
    (0x200, 0x80, Field::SetPending),
    (0x280, 0x80, Field::ClearPending),
    (0x300, 0x80, Field::SetActive),
    (0x380, 0x80, Field::ClearActive),
    (0x400, 0x400, Field::Priority),
    (0xc00, 0x100, Field::Config),
];

const V2_BANKS: &[(u32, u32, Field)] = &[
    (0x800, 0x400, Field::Targets),
    (0xf10, 0x10, Field::ClearSenders),
    (0xf20, 0x10, Field::SetSenders),
];

const V3_BANKS: &[(u32, u32, Field)] = &[(0x6000, 0x2000, Field::Route)];

fn bank(banks: &[(u32, u32, Field)], at: Access) -> Option<Place> {
    let (start, _, field) = *banks
        .iter()
        .find(|(start, length, _)| (*start..*start + *length).contains(&at.offset))?;
    let byte = at.offset - start;
    let allowed = match field.bits() {
        8 => at.bytes == 4 || at.bytes == 1,
        64 => at.bytes == 8 || at.bytes == 4,
        _ => at.bytes == 4,
    };

    if !allowed || at.offset % at.bytes != 0 {
        return Some(Place::Fixed(0));
    }
    let first = byte * 8 / field.bits();
    let count = (at.bytes * 8 / field.bits()).max(1);

    Some(Place::Bank(field, first, count, byte % 8))
}

impl Model {
    /// What is there. What isn't reads as zero, as is usual, and writes to it do nothing.
    pub(crate) fn place(&self, at: Access) -> Place {
        let found = match at.frame {
            Frame::Gicd if self.config.v2 => bank(BANKS, at).or_else(|| bank(V2_BANKS, at)),
            Frame::Gicd => bank(BANKS, at).or_else(|| bank(V3_BANKS, at)),
            Frame::Gicr(_) => at
                .offset
                .checked_sub(0x1_0000)
                .and_then(|offset| bank(BANKS, Access { offset, ..at })),
        };

        if let Some(place) = found {
            return self.narrowed(at.frame, place);
        }
        match (at.frame, at.offset, at.bytes) {
            (Frame::Gicd, 0x0, 4) => Place::Control,
            (Frame::Gicd, 0x4, 4) => Place::Type,
            (Frame::Gicd, 0xf00, 4) if self.config.v2 => Place::SendSgi,
            (Frame::Gicr(_), 0x0, 4) => Place::LpiControl,
            // PIDR2.ArchRev says GICv3.
            (Frame::Gicd | Frame::Gicr(_), 0xffe8, 4) if !self.config.v2 => Place::Fixed(0x3b),
            // GICR_WAKER: nothing sleeps.
            (Frame::Gicr(_), 0x14, 4) => Place::Fixed(0),
            _ => Place::Open,
        }
    }

    /// Of a bank there are only those interrupts that the frame is of.
    fn narrowed(&self, frame: Frame, place: Place) -> Place {
        let Place::Bank(field, first, _, _) = place else {
            return place;
        };
        let nothing = match frame {
            Frame::Gicr(_) => first >= 32,
            Frame::Gicd if self.config.v2 => first >= self.config.irqs,
            Frame::Gicd => first < 32 || first >= self.config.irqs,
        };

        if nothing || (field == Field::Route && first < 32) {
            Place::Fixed(0)
        } else {
            place
        }
    }

    /// Whether it is of the active state of interrupts, which vCPUs in their guests may have.
    pub(crate) fn is_of_active_state(&self, at: Access) -> bool {
        matches!(
            self.place(at),
            Place::Bank(Field::SetActive | Field::ClearActive, ..)
        )
    }

    pub(crate) fn is_lpi_switch(&self, at: Access) -> bool {
        self.place(at) == Place::LpiControl && self.config.lpis != 0
    }

    /// The interrupt that a place of a frame is of.
    pub(crate) fn of_frame(&self, vcpu: u32, frame: Frame, intid: u32) -> Option<Id> {
        match frame {
            Frame::Gicr(of) => self.id(of, intid),
            Frame::Gicd => self.id(vcpu, intid),
        }
    }

    /// What reading may give: a value, and the bits of it that are certain.
    fn shown(&self, vcpu: u32, user: bool, at: Access) -> (u64, u64) {
        match self.place(at) {
            Place::Control if self.config.v2 => (self.forwarding.into(), u64::MAX),
            // One security state, affinity routing.
            Place::Control => (u64::from(self.forwarding) << 1 | 0x50, u64::MAX),
            Place::Type => self.typer(),
            Place::LpiControl => {
                let Frame::Gicr(of) = at.frame else {
                    return (0, 0);
                };
                // What it can do besides is not for the model to say, but it is not busy.
                (self.its.enabled(of).into(), 0b1001)
            }
            Place::SendSgi | Place::Open => (0, 0),
            Place::Fixed(value) => (value, u64::MAX),
            Place::Bank(field, first, count, byte) => {
                let mut all = (0, 0);

                for n in (0..count).rev() {
                    let id = self.of_frame(vcpu, at.frame, first + n);
                    let (value, sure) = match id {
                        Some(id) => self.field(vcpu, user, field, id),
                        None => (0, u64::MAX),
                    };
                    let bits = field.bits();
                    let mask = u64::MAX >> (64 - bits);

                    if bits == 64 {
                        all = (value >> (byte * 8), sure >> (byte * 8));
                    } else {
                        all = (all.0 << bits | value & mask, all.1 << bits | sure & mask);
                    }
                }
                all
            }
        }
    }

    fn typer(&self) -> (u64, u64) {
        let lines = u64::from(self.config.irqs / 32 - 1);

        if self.config.v2 {
            (lines | u64::from(self.config.vcpus - 1) << 5, u64::MAX)
        } else {
            let lpis = self.config.lpis != 0;
            let bits = if lpis { 16 } else { 10 };

            (lines | u64::from(lpis) << 17 | (bits - 1) << 19, u64::MAX)
        }
    }

    /// What is read of an interrupt, and whether that is certain.
    fn field(&self, vcpu: u32, user: bool, field: Field, id: Id) -> (u64, u64) {
        let irq = self.irq(id);
        let sure = |value: u64| (value, u64::MAX);
        let bit = |on: bool| sure(on.into());

        match field {
            Field::Group => bit(irq.group1),
            Field::SetEnable | Field::ClearEnable => bit(irq.enabled),
            Field::SetPending | Field::ClearPending => self.pending(user, field, id),
            Field::SetActive | Field::ClearActive => bit(irq.active.is_some()),
            Field::Priority => sure(irq.priority.into()),
            // The low bit is reserved; a GICv2's may be as it was.
            Field::Config => (u64::from(irq.edge) << 1, 0b10),
            Field::Route => sure(irq.route.into()),
            Field::Targets if irq.kind == Kind::Spi => sure(irq.route.into()),
            // A CPU reads its own number of its private interrupts; KVM shows zero.
            Field::Targets => {
                let _ = vcpu;
                (0, 0)
            }
            Field::SetSenders | Field::ClearSenders => {
                let listed = self.listed(id).is_some();
                let possible = |s: &usize| irq.may[*s] != 0 && irq.must >> s & 1 == 0;
                let doubt = (0..8).filter(possible).fold(0_u64, |all, s| all | 1 << s);
                // A list register has one of them.
                let doubt = if listed { u64::MAX } else { doubt };

                (irq.must.into(), !doubt)
            }
        }
    }

    /// Whether it is pending. Of what a list register has nobody knows while the guest runs.
    fn pending(&self, user: bool, field: Field, id: Id) -> (u64, u64) {
        let irq = self.irq(id);
        let latched = irq.must != 0;
        let doubt = self.listed(id).is_some() || (!latched && irq.may != [0; 8]);

        if user && !self.config.v2 {
            // The latch without the line; and nothing to clear.
            return match field {
                Field::ClearPending => (0, u64::MAX),
                _ => (latched.into(), if doubt { 0 } else { 1 }),
            };
        }
        if !irq.edge && irq.line && !user {
            return (1, u64::MAX);
        }
        if user && irq.line {
            return (0, 0);
        }
        (latched.into(), if doubt { 0 } else { 1 })
    }

    pub(crate) fn read(
        &mut self,
        vcpu: u32,
        user: bool,
        at: Access,
        value: Option<u64>,
    ) -> Verdict {
        let value = value.ok_or("nothing was read")?;
        let (expected, sure) = self.shown(vcpu, user, at);
        let mask = u64::MAX >> (64 - at.bytes * 8);

        demand!(
            (value ^ expected) & sure & mask == 0,
            "read {value:#x}, but it is {:#x}, where {:#x} counts",
            expected & mask,
            sure & mask
        );
        self.learn(vcpu, at, value);
        Ok(())
    }

    /// What was not certain is so now.
    fn learn(&mut self, vcpu: u32, at: Access, value: u64) {
        let Place::Bank(Field::SetPending, first, count, _) = self.place(at) else {
            return;
        };

        for n in 0..count {
            let Some(id) = self.of_frame(vcpu, at.frame, first + n) else {
                continue;
            };
            let listed = self.listed(id).is_some();
            let irq = self.irq_mut(id);
            let certain = irq.kind == Kind::Sgi && irq.may[1..] != [0; 7];

            if irq.edge && irq.must == 0 && irq.may[0] != 0 && !listed && !certain {
                irq.seen(value >> n & 1 == 1);
            }
        }
    }

    pub(crate) fn write(&mut self, vcpu: u32, user: bool, at: Access, value: u64) {
        match self.place(at) {
            Place::Control if self.config.v2 => self.forwarding = value & 1 == 1,
            // KVM has one bit for both groups.
            Place::Control => self.forwarding = value & 2 == 2,
            Place::LpiControl => {
                if let Frame::Gicr(of) = at.frame {
                    self.switch_lpis(of, value & 1 == 1);
                }
            }
            Place::SendSgi => self.send_v2(vcpu, value),
            Place::Bank(field, first, count, byte) => {
                for n in 0..count {
                    let Some(id) = self.of_frame(vcpu, at.frame, first + n) else {
                        continue;
                    };
                    let bits = field.bits().min(at.bytes * 8);
                    let part = value >> (n * bits) & u64::MAX >> (64 - bits);

                    self.write_field(user, field, id, part, byte);
                }
            }
            Place::Type | Place::Fixed(_) | Place::Open => (),
        }
    }

    fn write_field(&mut self, user: bool, field: Field, id: Id, part: u64, byte: u32) {
        let listed = self.listed(id).is_some();
        let (v2, vcpus) = (self.config.v2, self.config.vcpus);
        let irq = self.irq_mut(id);
        let one = part != 0;
        let sourced = v2 && irq.kind == Kind::Sgi;

        match field {
            Field::Group => irq.group1 = one,
            Field::SetEnable => irq.enabled |= one,
            Field::ClearEnable => irq.enabled &= !one,
            // Of a GICv2's SGIs these are read-only.
            Field::SetPending | Field::ClearPending if sourced => (),
            Field::SetPending if user && !v2 && !one => irq.unpend(1, listed),
            Field::SetPending if one => irq.pend(0, listed),
            Field::ClearPending if one && (v2 || !user) => irq.unpend(1, listed),
            Field::SetActive if one && irq.active.is_none() => {
                irq.active = irq.target.or(Some(0));
                irq.artificial = true;
            }
            Field::ClearActive if one => irq.deactivate(),
            Field::Priority => irq.priority = part as u8 & PRIORITY,
            // What SGIs and PPIs are is not for the guest to say.
            Field::Config if irq.kind == Kind::Spi => irq.edge = part & 2 == 2,
            // The upper half has Aff3, which there is none of.
            Field::Route if byte == 0 => {
                irq.route = part as u32 & 0xff_ffff;
                irq.target = (irq.route < vcpus).then_some(irq.route);
            }
            Field::Targets if irq.kind == Kind::Spi => set_targets(irq, part as u8, vcpus),
            Field::SetSenders => {
                for sender in (0..8).filter(|sender| part >> sender & 1 == 1) {
                    irq.pend(sender, listed);
                }
            }
            Field::ClearSenders => irq.unpend(part as u8, listed),
            _ => (),
        }
    }

    /// `GICD_SGIR`.
    fn send_v2(&mut self, from: u32, value: u64) {
        let intid = (value & 15) as u32;

        for to in 0..self.config.vcpus {
            let named = match value >> 24 & 3 {
                0 => value >> (16 + to) & 1 == 1,
                1 => to != from,
                2 => to == from,
                _ => false,
            };
            let id = Id::Private(to, intid);
            let listed = self.listed(id).is_some();

            if named {
                self.irq_mut(id).pend(from as u8, listed);
            }
        }
    }

    /// The lines of level-triggered interrupts; of others what is read does not count.
    pub(crate) fn read_levels(&mut self, vcpu: u32, first: u32, value: Option<u64>) -> Verdict {
        let value = value.ok_or("nothing was read")?;

        for n in 0..32 {
            let (line, sure) = match self.id(vcpu, first + n).map(|id| self.irq(id)) {
                Some(irq) if irq.kind != Kind::Sgi => (irq.line, !irq.edge),
                _ => (false, true),
            };

            demand!(
                !sure || (value >> n & 1 == 1) == line,
                "the line of {} is wrong",
                first + n
            );
        }
        Ok(())
    }

    pub(crate) fn write_levels(&mut self, vcpu: u32, first: u32, value: u32) {
        for n in 0..32 {
            if let Some(id) = self.id(vcpu, first + n) {
                let irq = self.irq_mut(id);

                if irq.kind != Kind::Sgi {
                    irq.line = value >> n & 1 == 1;
                }
            }
        }
    }
}

/// The first of them gets it, which is one of those that may.
fn set_targets(irq: &mut Irq, byte: u8, vcpus: u32) {
    let targets = u32::from(byte) & ((1 << vcpus) - 1);

    irq.route = targets;
    irq.target = Some(if targets == 0 {
        0
    } else {
        targets.trailing_zeros()
    });
}
