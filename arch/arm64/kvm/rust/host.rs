// SPDX-License-Identifier: GPL-2.0

//! The C kernel as KVM/arm64 sees it: VMs, vCPUs, contexts, locks, timers, interrupts.
//!
//! Together with the thunks this is the only place for raw pointers and `unsafe`. Each wrapper
//! states what it relies on; what it offers is safe. Nothing here decides what KVM does.

/// The stronger type turns into the weaker, which it has in a field.
macro_rules! deref {
    ($($strong:ident.$field:tt => $weak:ident;)*) => {$(
        impl<'a> core::ops::Deref for $strong<'a> {
            type Target = $weak<'a>;

            #[inline(always)]
            fn deref(&self) -> &Self::Target {
                &self.$field
            }
        }
    )*};
}

pub(crate) mod arch_timer;
pub(crate) mod context;
pub(crate) mod cpu_context;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod debug_regs;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod gicv;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod host_data;
pub(crate) mod hrtimer;
pub(crate) mod hypervisor;
pub(crate) mod irq;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
#[macro_use]
pub(crate) mod kprobes;
pub(crate) mod log;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod panic;
#[cfg(CONFIG_KVM_ARM64_RUST_TIMER)]
pub(crate) mod prelude;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod running_vcpu;
pub(crate) mod static_key;
pub(crate) mod sys_reg;
pub(crate) mod timecounter;
pub(crate) mod timer_id;
pub(crate) mod timer_irq_domain;
pub(crate) mod tracepoint;
pub(crate) mod uaccess;
pub(crate) mod vcpu;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod vcpu_exit;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod vcpu_fp;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod vcpu_switch;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod vcpu_sysregs;
pub(crate) mod vcpus_stopped;
pub(crate) mod vgic;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod vgic_v3;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod vgic_v5;
pub(crate) mod vm;
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
pub(crate) mod world;

mod layout;
