// SPDX-License-Identifier: GPL-2.0

//! Per-CPU IRQs of the host that may be forwarded to a vCPU.
//!
//! C headers: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h),
//! [`include/linux/irq.h`](srctree/include/linux/irq.h)
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: host_vtimer_irq_flags, host_ptimer_irq_flags,
//!     set_timer_irq_phys_active, kvm_irq_fixup_flags, kvm_timer_hyp_init

use super::context::OnCpu;
use core::{
    ffi::c_void,
    mem, //
};
use kernel::{
    bindings,
    error::{
        to_result,
        Result, //
    },
    str::{
        CStr,
        CStrExt, //
    },
};

/// An interrupt handler, called with the interrupt's number and this CPU's slot of [`PerCpuData`].
#[derive(Clone, Copy)]
pub(crate) struct Handler(RawHandler);

type RawHandler = unsafe extern "C" fn(i32, *mut c_void) -> bindings::irqreturn_t;

impl Handler {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// `function` must be sound to call, by the interrupt core, with those arguments.
    pub(crate) const unsafe fn new(function: RawHandler) -> Self {
        Self(function)
    }
}

/// The per-CPU data that an interrupt is requested with.
#[derive(Clone, Copy)]
pub(crate) struct PerCpuData(*mut c_void);

impl PerCpuData {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// `data` must be a per-CPU address, not null, that is valid for ever.
    pub(crate) const unsafe fn new(data: *mut c_void) -> Self {
        Self(data)
    }
}

/// A per-CPU interrupt of the host, by Linux IRQ number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostIrq {
    irq: u32,
    trigger: u32,
}

impl HostIrq {
    /// An interrupt that firmware describes, unless its number says that there is none. One that is
    /// not described as a level is a firmware bug, to be complained of; then level low is assumed.
    pub(crate) fn find(number: i32, complain: fn(u32)) -> Option<Self> {
        let irq = u32::try_from(number).ok().filter(|irq| *irq != 0)?;
        // SAFETY: No preconditions.
        let trigger = unsafe { bindings::irq_get_trigger_type(irq) };

        if trigger == bindings::IRQF_TRIGGER_HIGH || trigger == bindings::IRQF_TRIGGER_LOW {
            return Some(Self { irq, trigger });
        }
        complain(irq);
        Some(Self {
            irq,
            trigger: bindings::IRQF_TRIGGER_LOW,
        })
    }

    /// An interrupt of that number, whatever its trigger: it stays as it was described. Enabled on
    /// a CPU, 0 is none.
    #[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
    pub(crate) fn of_any_trigger(irq: u32) -> Self {
        Self {
            irq,
            trigger: bindings::IRQ_TYPE_NONE,
        }
    }

    /// The Linux IRQ number.
    #[inline(always)]
    pub(crate) fn number(self) -> u32 {
        self.irq
    }

    /// Enables it on this CPU.
    pub(crate) fn enable(self, _on_cpu: OnCpu<'_>) {
        // SAFETY: Any number is accepted; the CPU is this one.
        unsafe { bindings::enable_percpu_irq(self.irq, self.trigger) };
    }

    /// Disables it on this CPU.
    pub(crate) fn disable(self, _on_cpu: OnCpu<'_>) {
        // SAFETY: Any number is accepted; the CPU is this one.
        unsafe { bindings::disable_percpu_irq(self.irq) };
    }

    /// Requests it on all CPUs, without enabling it. `name` is what /proc/interrupts shows.
    ///
    /// # Errors
    ///
    /// The interrupt core's.
    pub(crate) fn request(
        self,
        handler: Handler,
        data: PerCpuData,
        name: &'static CStr,
    ) -> Result<RequestedIrq> {
        // SAFETY: The handler is sound for the data it gets, by its constructor; the name lives for
        // ever, and so do the per-CPU data.
        to_result(unsafe {
            bindings::request_percpu_irq(self.irq, Some(handler.0), name.as_char_ptr(), data.0)
        })?;

        Ok(RequestedIrq { irq: self, data })
    }
}

/// Sets the active state at the host's GIC of an interrupt of this CPU. A warning if there is no
/// such interrupt, or a controller without active states.
#[inline]
pub(crate) fn set_active(irq: u32, active: bool, _on_cpu: OnCpu<'_>) {
    // SAFETY: Any number is accepted; the caller stays on this CPU, whose state it is.
    let error = unsafe {
        bindings::irq_set_irqchip_state(
            irq,
            bindings::irqchip_irq_state_IRQCHIP_STATE_ACTIVE,
            active,
        )
    };

    kernel::warn_on!(error != 0);
}

/// A requested interrupt; given back on drop, unless [kept](Self::keep).
pub(crate) struct RequestedIrq {
    irq: HostIrq,
    data: PerCpuData,
}

impl RequestedIrq {
    /// Lets vCPUs have it: the host only drops its priority and the guest deactivates it.
    ///
    /// # Errors
    ///
    /// The interrupt core's.
    pub(crate) fn forward_to_vcpus(&self) -> Result {
        // SAFETY: The data are a cookie; not null means "forward".
        to_result(unsafe { bindings::irq_set_vcpu_affinity(self.irq.irq, self.data.0) })
    }

    /// Keeps it for as long as the kernel runs.
    pub(crate) fn keep(self) {
        mem::forget(self);
    }
}

impl Drop for RequestedIrq {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: Requested with the same data.
        unsafe { bindings::free_percpu_irq(self.irq.irq, self.data.0) };
    }
}
