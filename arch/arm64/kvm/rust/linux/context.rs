// SPDX-License-Identifier: GPL-2.0

//! Evidence of the context that code runs in: interrupts off, preemption off, or neither.
//!
//! A token exists only while its context lasts, so a function that needs the context asks for a
//! reference to the token and cannot be called elsewhere.

#[cfg(nvhe)]
use crate::arm64::evidence::Masked;
use core::marker::PhantomData;
use kernel::{
    bindings,
    types::NotThreadSafe, //
};

/// Evidence that interrupts are off on this CPU.
///
/// # Invariants
///
/// Interrupts are off for as long as the value exists.
pub(crate) struct IrqOff {
    _not_send: NotThreadSafe,
}

impl IrqOff {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// Interrupts must be off until the returned value is gone.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        // SAFETY: A look at the CPU's state, which a kernel that is built to check locking takes.
        #[cfg(CONFIG_PROVE_LOCKING)]
        unsafe {
            bindings::lockdep_assert_irqs_disabled()
        };

        // INVARIANT: By the safety requirements.
        Self {
            _not_send: NotThreadSafe,
        }
    }
}

#[cfg(nvhe)]
impl IrqOff {
    /// At EL2, where the kernel's checks of contexts are out of place.
    #[inline(always)]
    pub(crate) fn of(_masked: Masked<'_>) -> Self {
        // INVARIANT: Interrupts are exceptions.
        Self {
            _not_send: NotThreadSafe,
        }
    }
}

/// Runs `f` with interrupts off; restores their former state when `f` returns. Nests.
#[inline(always)]
pub(crate) fn with_irqs_off<R>(f: impl FnOnce(&IrqOff) -> R) -> R {
    // SAFETY: The flags are given back below, in this very function.
    let flags = unsafe { bindings::local_irq_save() };

    // SAFETY: Interrupts were just turned off, and stay so until after the token's last use.
    let result = f(&unsafe { IrqOff::assume() });

    // SAFETY: `flags` come from the matching `local_irq_save()`. Nothing unwinds in the kernel.
    unsafe { bindings::local_irq_restore(flags) };
    result
}

/// Preemption is off while this lives: the task stays on its CPU.
pub(crate) struct PreemptOff {
    _not_send: NotThreadSafe,
}

impl PreemptOff {
    /// Turns preemption off until the guard is dropped. Nests.
    #[inline(always)]
    pub(crate) fn new() -> Self {
        // SAFETY: Undone by `Drop`.
        unsafe { bindings::preempt_disable() };
        Self {
            _not_send: NotThreadSafe,
        }
    }

    /// Evidence that the task stays on its CPU.
    #[inline(always)]
    pub(crate) fn on_cpu(&self) -> OnCpu<'_> {
        OnCpu(PhantomData)
    }
}

impl Drop for PreemptOff {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: Preemption was disabled by `new()`, on this task: the guard is not `Send`.
        unsafe { bindings::preempt_enable() };
    }
}

/// Evidence that the caller is on one CPU for the duration of `'a`, by whatever means.
#[derive(Clone, Copy)]
pub(crate) struct OnCpu<'a>(PhantomData<&'a NotThreadSafe>);

impl OnCpu<'_> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// The task must not migrate while the returned value is in use.
    #[inline(always)]
    pub(crate) unsafe fn assume() -> Self {
        Self(PhantomData)
    }
}

/// Evidence that the caller is a task that may sleep for the duration of `'a`. No other evidence
/// turns into this one: who has interrupts off, or stays on a CPU, does not have it.
#[derive(Clone, Copy)]
pub(crate) struct MaySleep<'a>(PhantomData<&'a NotThreadSafe>);

impl MaySleep<'_> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// The task must hold nothing that forbids to sleep while the returned value is in use.
    pub(crate) unsafe fn assume() -> Self {
        Self(PhantomData)
    }

    /// Lets others have the CPU if they want it.
    #[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
    #[inline]
    pub(crate) fn cond_resched(self) {
        // SAFETY: The task may sleep.
        unsafe { bindings::kvm_arm64_cond_resched() };
    }

    /// Whether the task has a signal to take, or else to do for the kernel: what it does otherwise it
    /// has to leave soon.
    #[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
    #[inline]
    pub(crate) fn has_signal(self) -> bool {
        kernel::current!().signal_pending()
    }

    /// Whether the task is to end: what it does is for nobody any more.
    #[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
    #[inline]
    pub(crate) fn is_killed(self) -> bool {
        // SAFETY: A look at the task's own state.
        unsafe { bindings::kvm_arm64_fatal_signal_pending() }
    }
}

impl<'a> From<&'a IrqOff> for OnCpu<'a> {
    #[inline(always)]
    fn from(_irq_off: &'a IrqOff) -> Self {
        Self(PhantomData)
    }
}
