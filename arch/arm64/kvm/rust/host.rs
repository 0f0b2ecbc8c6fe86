// SPDX-License-Identifier: GPL-2.0

//! The C kernel as KVM/arm64 sees it: VMs, vCPUs, contexts, locks, timers, interrupts.
//!
//! Together with the thunks this is the only place for raw pointers and `unsafe`. Each wrapper
//! states what it relies on; what it offers is safe. Nothing here decides what KVM does.

pub(crate) mod arch_timer;
pub(crate) mod context;
pub(crate) mod hrtimer;
pub(crate) mod hypervisor;
pub(crate) mod irq;
pub(crate) mod locked_vcpu;
pub(crate) mod log;
pub(crate) mod static_key;
pub(crate) mod timecounter;
pub(crate) mod timer_irq_domain;
pub(crate) mod tracepoint;
pub(crate) mod uaccess;
pub(crate) mod vcpu;
pub(crate) mod vgic;
pub(crate) mod vm;

mod layout;
