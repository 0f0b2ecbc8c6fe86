// SPDX-License-Identifier: GPL-2.0

//! A timer on a simulated machine: a guest writes its registers, time passes, the timer moves
//! between memory and hardware, and at each step its line must be as the guest expects.
//!
//! [`Truth`] is what the guest expects, [`Hardware`] one of the two hardware timers; both know
//! nothing of the code under test. [`Timer`] is that code, put together as in the kernel.

use crate::edges::{config, word};
use crate::timer::counter::{CompareValue, HardwareCompare, Offset, PhysicalCount};
use crate::timer::ctl::{Level, TimerCtl};
use proptest::prelude::*;

/// The guest's timer by the book.
#[derive(Clone, Copy, Debug)]
struct Truth {
    cval: u64,
    enable: bool,
    mask: bool,
    offset: u64,
}

impl Truth {
    fn count(&self, now: u64) -> u64 {
        now.wrapping_sub(self.offset)
    }

    fn met(&self, now: u64) -> bool {
        self.count(now) >= self.cval
    }

    fn line(&self, now: u64) -> bool {
        self.enable && !self.mask && self.met(now)
    }
}

/// A hardware timer, with or without an offset register that it applies.
#[derive(Clone, Copy, Debug)]
struct Hardware {
    now: u64,
    has_offset: bool,
    offset: u64,
    cval: u64,
    ctl: u64,
}

impl Hardware {
    fn count(&self) -> u64 {
        self.now.wrapping_sub(self.offset)
    }

    fn read_ctl(&self) -> u64 {
        let status = self.ctl & 1 == 1 && self.count() >= self.cval;
        self.ctl & 3 | u64::from(status) << 2
    }

    fn line(&self) -> bool {
        self.read_ctl() == 0b101
    }
}

/// Where a timer's state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    Memory,
    /// In hardware; the guest's own compare value in the register, which it accesses itself.
    Register,
    /// In hardware; in the register is a converted compare value, the guest's is in memory.
    Converted,
}

/// The code under test, as the kernel uses it.
#[derive(Clone, Copy, Debug)]
struct Timer {
    ctl: TimerCtl,
    cval: CompareValue,
    offset: Offset,
    home: Home,
}

impl Timer {
    fn load(&mut self, hw: &mut Hardware) {
        if self.home != Home::Memory {
            return;
        }
        let now = PhysicalCount::new(hw.now);
        let left_to_us = if hw.has_offset {
            hw.offset = self.offset.get();
            Offset::ZERO
        } else {
            self.offset
        };

        if left_to_us.is_zero() {
            hw.cval = HardwareCompare::verbatim(self.cval).get();
            self.home = Home::Register;
        } else {
            hw.cval = HardwareCompare::from_guest(self.cval, left_to_us, now).get();
            self.home = Home::Converted;
        }
        hw.ctl = self.ctl.into_raw();
    }

    fn put(&mut self, hw: &mut Hardware) {
        if self.home == Home::Memory {
            return;
        }
        self.ctl = TimerCtl::from_raw(hw.read_ctl());
        if self.home == Home::Register {
            self.cval = CompareValue::new(hw.cval);
        }
        hw.ctl = TimerCtl::OFF.into_raw();
        hw.offset = 0;
        self.home = Home::Memory;
    }

    fn level_in_memory(&self, now: u64) -> Level {
        let count = PhysicalCount::new(now).seen_with(self.offset);
        Level::from_bool(self.ctl.can_fire() && count.has_reached(self.cval))
    }

    /// The line, wherever the timer is.
    fn level(&self, hw: &Hardware) -> Level {
        let level = TimerCtl::from_raw(hw.read_ctl()).level();

        match self.home {
            Home::Memory => self.level_in_memory(hw.now),
            Home::Register => level,
            Home::Converted if !level.is_high() => level,
            // Hardware keeps a line up that a guest's count has taken down by wrapping.
            Home::Converted => {
                let count = PhysicalCount::new(hw.now).seen_with(self.offset);
                Level::from_bool(count.has_reached(self.cval))
            }
        }
    }
}

/// A value as it is, or as a distance from the guest's count.
#[derive(Clone, Copy, Debug)]
enum Aim {
    At(u64),
    FromNow(u64),
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Load,
    Put,
    WriteCval(Aim),
    WriteTval(u64),
    WriteCtl(u64),
    /// The VMM moves the guest's counter, or sets it.
    SetOffset(u64),
    SetCount(u64),
    Wait(u64),
    /// To the tick of the deadline, of the guest's wrap to zero, of the end of physical time:
    /// or a few before or after.
    WaitForDeadline(i8),
    WaitForWrap(i8),
    WaitForEnd(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let aim = prop_oneof![word().prop_map(Aim::At), word().prop_map(Aim::FromNow)];

    prop_oneof![
        4 => Just(Step::Load),
        2 => Just(Step::Put),
        4 => aim.prop_map(Step::WriteCval),
        2 => word().prop_map(Step::WriteTval),
        3 => word().prop_map(Step::WriteCtl),
        2 => Just(Step::WriteCtl(1)),
        1 => word().prop_map(Step::SetOffset),
        1 => word().prop_map(Step::SetCount),
        2 => (0u64..100_000).prop_map(Step::Wait),
        1 => word().prop_map(Step::Wait),
        4 => (-2i8..=2).prop_map(Step::WaitForDeadline),
        1 => (-2i8..=2).prop_map(Step::WaitForWrap),
        1 => (0u8..5).prop_map(Step::WaitForEnd),
    ]
}

#[derive(Clone, Debug)]
struct Machine {
    truth: Truth,
    hw: Hardware,
    timer: Timer,
    /// Whether the guest's count has wrapped since the timer was loaded.
    wrapped: bool,
}

impl Machine {
    fn new(now: u64, offset: u64, has_offset: bool) -> Self {
        Self {
            truth: Truth {
                cval: 0,
                enable: false,
                mask: false,
                offset,
            },
            hw: Hardware {
                now,
                has_offset,
                offset: 0,
                cval: 0,
                ctl: 0,
            },
            timer: Timer {
                ctl: TimerCtl::OFF,
                cval: CompareValue::new(0),
                offset: Offset::new(offset),
                home: Home::Memory,
            },
            wrapped: false,
        }
    }

    fn load(&mut self) {
        if self.timer.home == Home::Memory {
            self.wrapped = false;
        }
        self.timer.load(&mut self.hw);
    }

    /// A guest's write: its own business where it has the register, and trapped elsewhere.
    fn write(&mut self, direct: impl Fn(&mut Hardware), trapped: impl Fn(&mut Timer, u64)) {
        match self.timer.home {
            Home::Register => direct(&mut self.hw),
            Home::Memory => trapped(&mut self.timer, self.hw.now),
            Home::Converted => {
                self.timer.put(&mut self.hw);
                trapped(&mut self.timer, self.hw.now);
                self.load();
            }
        }
    }

    fn set_offset(&mut self, offset: u64) {
        self.timer.put(&mut self.hw);
        self.timer.offset = Offset::new(offset);
        self.truth.offset = offset;
    }

    /// Time passes, up to the physical counter's last tick.
    fn wait(&mut self, ticks: u64) {
        let ticks = ticks.min(u64::MAX - self.hw.now);

        self.wrapped |= self.truth.count(self.hw.now).checked_add(ticks).is_none();
        self.hw.now += ticks;
    }

    /// Until the guest's count is `count` and a little more or less, if that is ahead.
    fn wait_for_count(&mut self, count: u64, more: i8) {
        let distance = count.wrapping_sub(self.truth.count(self.hw.now));
        if let Some(ticks) = distance.checked_add_signed(more.into()) {
            self.wait(ticks);
        }
    }

    fn step(&mut self, step: Step) {
        let count = self.truth.count(self.hw.now);

        match step {
            Step::Load => self.load(),
            Step::Put => self.timer.put(&mut self.hw),
            Step::WriteCval(aim) => {
                let cval = match aim {
                    Aim::At(cval) => cval,
                    Aim::FromNow(distance) => count.wrapping_add(distance),
                };
                self.truth.cval = cval;
                self.write(|hw| hw.cval = cval, |t, _| t.cval = CompareValue::new(cval));
            }
            Step::WriteTval(tval) => {
                let exact = i128::from(count) + i128::from(tval as u32 as i32);
                let cval = exact.rem_euclid(1 << 64) as u64;
                self.truth.cval = cval;
                self.write(
                    |hw| hw.cval = cval,
                    |t, now| {
                        let count = PhysicalCount::new(now).seen_with(t.offset);
                        t.cval = CompareValue::from_tval(count, tval);
                    },
                );
            }
            Step::WriteCtl(ctl) => {
                self.truth.enable = ctl & 1 != 0;
                self.truth.mask = ctl & 2 != 0;
                self.write(
                    |hw| hw.ctl = ctl,
                    |t, _| t.ctl = TimerCtl::from_raw(ctl).with_status(false),
                );
            }
            Step::SetOffset(offset) => self.set_offset(offset),
            Step::SetCount(count) => self.set_offset(self.hw.now.wrapping_sub(count)),
            Step::Wait(ticks) => self.wait(ticks),
            Step::WaitForDeadline(more) => self.wait_for_count(self.truth.cval, more),
            Step::WaitForWrap(more) => self.wait_for_count(0, more),
            Step::WaitForEnd(before) => {
                self.wait((u64::MAX - self.hw.now).saturating_sub(before.into()));
            }
        }
    }

    /// The line is right wherever the timer is, and would be after a move to the other place.
    fn check(&self) -> Result<(), TestCaseError> {
        let line = self.truth.line(self.hw.now);
        // At the last physical count hardware takes any compare value for met.
        let at_the_end = self.hw.now == u64::MAX;

        prop_assert_eq!(self.timer.level(&self.hw).is_high(), line, "{:?}", self);
        if self.timer.home == Home::Register
            || self.timer.home == Home::Converted && !self.wrapped && !at_the_end
        {
            prop_assert_eq!(self.hw.line(), line, "hardware alone: {:?}", self);
        }

        let mut moved = self.clone();
        moved.timer.put(&mut moved.hw);
        prop_assert!(!moved.hw.line(), "a line without a timer: {:?}", moved);
        prop_assert_eq!(moved.timer.cval.get(), self.truth.cval, "{:?}", self);
        prop_assert_eq!(
            moved.timer.ctl.can_fire(),
            self.truth.enable && !self.truth.mask
        );
        prop_assert_eq!(moved.timer.level(&moved.hw).is_high(), line, "{:?}", moved);

        moved.load();
        prop_assert_eq!(moved.timer.level(&moved.hw).is_high(), line, "{:?}", moved);
        prop_assert!(at_the_end || moved.hw.line() == line, "{:?}", moved);
        Ok(())
    }
}

fn run(mut machine: Machine, steps: Vec<Step>) -> Result<(), TestCaseError> {
    machine.check()?;
    for step in steps {
        machine.step(step);
        machine.check()?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(10_000))]

    #[test]
    fn line_is_right_where_hardware_has_no_offset(
        now in word(),
        offset in word(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        run(Machine::new(now, offset, false), steps)?;
    }

    #[test]
    fn line_is_right_where_hardware_has_an_offset(
        now in word(),
        offset in word(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        run(Machine::new(now, offset, true), steps)?;
    }
}

/// The simulation is no use if it never gets to the interesting places.
#[test]
fn a_deadline_is_met_in_hardware_on_its_tick() {
    let mut machine = Machine::new(1_000_000, 400_000, false);

    for step in [
        Step::WriteCtl(1),
        Step::WriteCval(Aim::FromNow(50)),
        Step::Load,
        Step::WaitForDeadline(-1),
    ] {
        machine.step(step);
    }
    assert_eq!(machine.timer.home, Home::Converted);
    assert_eq!(machine.hw.cval, 1_000_050);
    assert!(!machine.hw.line());
    machine.step(Step::Wait(1));
    assert!(machine.hw.line());
    assert!(machine.truth.line(machine.hw.now));
}
