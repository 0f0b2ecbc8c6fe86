// SPDX-License-Identifier: GPL-2.0

//! What C's structures keep for each timer of a vCPU.
//!
//! C header: [`include/kvm/arm_arch_timer.h`](srctree/include/kvm/arm_arch_timer.h)
//!
//! Mirrors: include/kvm/arm_arch_timer.h: arch_timer_offset, arch_timer_context, arch_timer_cpu,
//!     timer_get_offset

use super::{
    hrtimer::SoftTimer,
    vm::{
        OffsetCell,
        TimerIndex, //
    }, //
};
use core::{
    marker::PhantomData,
    num::NonZero,
    ptr, //
};
use kernel::bindings;

/// Where the latest state of a timer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Residence {
    /// In the vCPU's registers in memory.
    Memory,
    /// In the hardware of the CPU that the vCPU is loaded on.
    Hardware(CvalHome),
}

/// Where the guest's own compare value is while its timer is in hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CvalHome {
    /// In the register: the guest may write it without a trap.
    Register,
    /// In memory: the register holds a value derived from it, and is never read back.
    Memory {
        /// What was worked in when the timer was programmed, in ticks. It stays in force until the
        /// timer leaves the hardware, whatever becomes of the VM's offset meanwhile.
        offset: NonZero<u64>,
    },
}

/// A reference to a `struct arch_timer_context`.
///
/// `loaded` and `ns_frac` have no reader but the timer code that this crate replaces. The latter
/// serves to tell the [`CvalHome`]: it is the offset, or 0.
///
/// # Invariants
///
/// `ptr` points into the array of timers of a vCPU that lives for `'a`; if the context is
/// initialised, at the element named by its `timer_id`.
#[derive(Clone, Copy)]
pub(crate) struct TimerContext<'a> {
    ptr: *mut bindings::arch_timer_context,
    _vcpu: PhantomData<&'a ()>,
}

impl<'a> TimerContext<'a> {
    /// # Safety
    ///
    /// The type's invariant must hold for the lifetime of the returned value.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(ptr: *mut bindings::arch_timer_context) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            ptr,
            _vcpu: PhantomData,
        }
    }

    /// The context that a soft timer is part of.
    ///
    /// # Safety
    ///
    /// `timer` must be the `hrtimer` of an initialised context that is valid for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn of_soft_timer(timer: *mut bindings::hrtimer) -> Self {
        let offset = core::mem::offset_of!(bindings::arch_timer_context, hrtimer);

        // SAFETY: By the safety requirements the offset leads back to the context.
        unsafe { Self::from_raw(timer.byte_sub(offset).cast()) }
    }

    /// For calls into C, and as the owner of its interrupt.
    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *mut bindings::arch_timer_context {
        self.ptr
    }

    /// Which timer it is; `None` if C's number for it is out of range, which it never is.
    #[inline(always)]
    pub(crate) fn index(self) -> Option<TimerIndex> {
        // SAFETY: Valid by the type invariant, here and below. CAST: widening.
        TimerIndex::new(unsafe { (*self.ptr).timer_id } as usize)
    }

    /// The Linux IRQ of the hardware timer it uses when direct.
    #[inline(always)]
    pub(crate) fn host_irq(self) -> u32 {
        // SAFETY: See above.
        unsafe { (*self.ptr).host_timer_irq }
    }

    /// Whether the latest state is in hardware.
    #[inline(always)]
    pub(crate) fn is_loaded(self) -> bool {
        // SAFETY: See above. Written by the vCPU's thread and read there, and on the CPU that it
        // is loaded on; volatile because an interrupt may be in between.
        unsafe { (&raw const (*self.ptr).loaded).read_volatile() }
    }

    /// Where the latest state is.
    #[inline(always)]
    pub(crate) fn residence(self) -> Residence {
        // SAFETY: As in `is_loaded()`.
        let offset = unsafe { (&raw const (*self.ptr).ns_frac).read_volatile() };

        match (self.is_loaded(), NonZero::new(offset)) {
            (false, _) => Residence::Memory,
            (true, None) => Residence::Hardware(CvalHome::Register),
            (true, Some(offset)) => Residence::Hardware(CvalHome::Memory { offset }),
        }
    }

    /// The offset that is worked into the compare value in the register, in ticks; `None` if the
    /// value is the guest's, or the timer is not in hardware.
    #[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
    #[inline(always)]
    pub(crate) fn offset_in_register(self) -> Option<NonZero<u64>> {
        match self.residence() {
            Residence::Hardware(CvalHome::Memory { offset }) => Some(offset),
            Residence::Hardware(CvalHome::Register) | Residence::Memory => None,
        }
    }

    /// Notes where the latest state is now.
    #[inline(always)]
    pub(crate) fn set_residence(self, residence: Residence) {
        let (loaded, offset) = match residence {
            Residence::Memory => (false, 0),
            Residence::Hardware(CvalHome::Register) => (true, 0),
            Residence::Hardware(CvalHome::Memory { offset }) => (true, offset.get()),
        };

        // SAFETY: As in `is_loaded()`.
        unsafe {
            (&raw mut (*self.ptr).ns_frac).write_volatile(offset);
            (&raw mut (*self.ptr).loaded).write_volatile(loaded);
        }
    }

    /// The VM's offset that applies to this timer, if any.
    #[inline(always)]
    pub(crate) fn vm_offset(self) -> Option<OffsetCell<'a>> {
        // SAFETY: See above.
        Self::cell(unsafe { (*self.ptr).offset.vm_offset })
    }

    /// The guest hypervisor's offset that applies to this timer, if any.
    #[inline(always)]
    pub(crate) fn vcpu_offset(self) -> Option<OffsetCell<'a>> {
        // SAFETY: See above.
        Self::cell(unsafe { (*self.ptr).offset.vcpu_offset })
    }

    #[inline(always)]
    fn cell(ptr: *mut u64) -> Option<OffsetCell<'a>> {
        if ptr.is_null() {
            None
        } else {
            Some(OffsetCell::new(ptr))
        }
    }

    /// Lets offsets of the timer's own VM and vCPU apply to it.
    pub(crate) fn set_offsets(self, vm: Option<OffsetCell<'a>>, vcpu: Option<OffsetCell<'a>>) {
        let raw = |cell: Option<OffsetCell<'a>>| cell.map_or(ptr::null_mut(), OffsetCell::as_ptr);

        // SAFETY: See above.
        unsafe {
            (*self.ptr).offset.vm_offset = raw(vm);
            (*self.ptr).offset.vcpu_offset = raw(vcpu);
        }
    }

    /// Sets the facts that never change again.
    pub(crate) fn init(self, index: TimerIndex, host_irq: u32) {
        // SAFETY: See above. CAST: the index of an enumerator.
        unsafe {
            (*self.ptr).timer_id = index.get() as bindings::kvm_arch_timers;
            (*self.ptr).host_timer_irq = host_irq;
        }
    }

    /// The hrtimer that stands in for the hardware while the timer is emulated.
    #[inline(always)]
    pub(crate) fn soft_timer(self) -> SoftTimer<'a> {
        // SAFETY: Pinned inside the vCPU; `setup()` is called when the vCPU is made, before
        // anything else.
        unsafe { SoftTimer::from_raw(&raw mut (*self.ptr).hrtimer) }
    }
}
