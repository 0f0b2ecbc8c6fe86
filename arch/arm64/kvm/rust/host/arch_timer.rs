// SPDX-License-Identifier: GPL-2.0

//! What C's structures keep for each timer of a vCPU.
//!
//! C header: [`include/kvm/arm_arch_timer.h`](srctree/include/kvm/arm_arch_timer.h)

use super::{
    hrtimer::SoftTimer,
    vm::{
        OffsetCell,
        TimerIndex, //
    }, //
};
use core::{
    marker::PhantomData,
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
    Memory,
}

/// A reference to a `struct arch_timer_context`.
///
/// `loaded` and `ns_frac` have no reader but the timer code that this crate replaces; the latter
/// serves to tell the [`CvalHome`].
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

    /// Where the latest state is.
    #[inline(always)]
    pub(crate) fn residence(self) -> Residence {
        // SAFETY: See above. Written by the vCPU's thread and read there, and on the CPU that it
        // is loaded on; volatile because an interrupt may be in between.
        let (loaded, derived) = unsafe {
            (
                (&raw const (*self.ptr).loaded).read_volatile(),
                (&raw const (*self.ptr).ns_frac).read_volatile(),
            )
        };

        match (loaded, derived) {
            (false, _) => Residence::Memory,
            (true, 0) => Residence::Hardware(CvalHome::Register),
            (true, _) => Residence::Hardware(CvalHome::Memory),
        }
    }

    /// Notes where the latest state is now.
    #[inline(always)]
    pub(crate) fn set_residence(self, residence: Residence) {
        let (loaded, derived) = match residence {
            Residence::Memory => (false, 0),
            Residence::Hardware(CvalHome::Register) => (true, 0),
            Residence::Hardware(CvalHome::Memory) => (true, 1),
        };

        // SAFETY: See above.
        unsafe {
            (&raw mut (*self.ptr).ns_frac).write_volatile(derived);
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
