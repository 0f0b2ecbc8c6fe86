// SPDX-License-Identifier: GPL-2.0

//! The architected timers of a guest.
//!
//! # Vocabulary
//!
//! A *direct* timer owns one of the two hardware timers that a guest can access; an *emulated*
//! one is run by an hrtimer, its *soft timer* ([`map`]). A direct timer is in *hardware* while
//! its vCPU is loaded on a CPU, and in *memory* otherwise. The *background timer* wakes a vCPU
//! that blocks, when none of its timers is in hardware.
//!
//! ```text
//!                vcpu_load: program, enable
//!   direct:  +--------+ ------------------> +----------+   expiry: host interrupt,
//!            | memory |                     | hardware |   forwarded as the guest's,
//!            +--------+ <------------------ +----------+   which deactivates both
//!                |       vcpu_put: read back, disable
//!                | vcpu_put of a vCPU that blocks
//!                v
//!            +------------------+  expiry: wake the vCPU's thread, which loads it
//!            | background timer |
//!            +------------------+
//!
//!   emulated: in memory always; while the vCPU is loaded a soft timer runs until the deadline,
//!             and its expiry raises the line.
//! ```
//!
//! The registers are left alone between load and put: entry and exit do not touch them. Which
//! timers are direct changes for a nested guest only, on its way between virtual EL2 and EL1,
//! with a put and a load in between.
//!
//! # Context
//!
//! A timer's memory belongs to whoever holds the vCPU's mutex, that is its thread, and while the
//! vCPU is loaded to the CPU that it is loaded on, with interrupts off. Soft timers are stopped
//! before their timer is written to.
//!
//! # Layers
//!
//! [`counter`], [`ctl`], [`deadline`], [`map`], [`offset`] and [`traps`] are arithmetic and need
//! no kernel; they are tested on the build host as well. [`exports`] is what C calls. The rest is
//! policy.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: timecounter, host_vtimer_irq, host_ptimer_irq,
//!     has_gic_active_state, kvm_phys_timer_read

pub(crate) mod counter;
pub(crate) mod ctl;
pub(crate) mod deadline;
pub(crate) mod map;
pub(crate) mod offset;
pub(crate) mod traps;

mod access;
mod config;
mod context;
mod enable;
mod exports;
mod hardware;
mod init;
mod line;
mod load;
mod offset_attr;
mod soft;
mod user;

#[cfg(CONFIG_KVM_ARM64_RUST_KUNIT_TEST)]
mod kunit;

// What the files of this folder share, by `use super::*`.
use crate::{
    arm64::prelude::*,
    kvm::prelude::*,
    linux::prelude::*, //
};
use context::{
    current_map,
    has_cntpoff,
    timer_map, //
};
use counter::{
    CompareValue,
    GuestCount,
    HardwareCompare,
    Offset,
    PhysicalCount, //
};
use ctl::{
    Level,
    TimerCtl, //
};
use deadline::{
    Deadline,
    Nanos,
    TickRate, //
};
use kernel::{
    bindings,
    prelude::*,
    sync::SetOnce, //
};
use map::TimerMap;

/// What the timers need to know about the host.
struct Host {
    counter: PhysicalCounter,
    rate: TickRate,
    /// Host interrupt of the EL1 virtual timer.
    vtimer: HostIrq,
    /// Host interrupt of the EL1 physical timer, if there is one.
    ptimer: Option<HostIrq>,
    /// The host's GIC has an active state that can be forwarded to guests.
    active_state: bool,
}

/// Set once, when KVM initialises, before there is any vCPU.
static HOST: SetOnce<Host> = SetOnce::new();

impl Host {
    /// The host's interrupt of a hardware timer, if there is one.
    #[inline(always)]
    fn irq(&self, bank: Bank) -> Option<HostIrq> {
        match bank {
            Bank::Virtual => Some(self.vtimer),
            Bank::Physical => self.ptimer,
        }
    }

    /// The physical count at this moment.
    #[inline(always)]
    fn now(&self) -> PhysicalCount {
        PhysicalCount::new(self.counter.read())
    }
}
