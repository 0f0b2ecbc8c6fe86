// SPDX-License-Identifier: GPL-2.0

//! The host's view of the physical counter, as the clocksource driver offers it to KVM.
//!
//! C headers: [`include/clocksource/arm_arch_timer.h`](srctree/include/clocksource/arm_arch_timer.h),
//! [`include/linux/timecounter.h`](srctree/include/linux/timecounter.h)
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_phys_timer_read, kvm_timer_hyp_init

use core::ptr::NonNull;
use kernel::bindings;

/// What the clocksource driver knows about the timers that it leaves to KVM.
pub(crate) struct KvmInfo {
    /// Linux IRQ of the EL1 virtual timer; not positive if there is none.
    pub(crate) virtual_irq: i32,
    /// Linux IRQ of the EL1 physical timer; not positive if there is none.
    pub(crate) physical_irq: i32,
    /// The counter, if the driver has initialised it.
    pub(crate) counter: Option<PhysicalCounter>,
}

impl KvmInfo {
    /// Asks the driver.
    pub(crate) fn get() -> Self {
        // SAFETY: Returns the address of a static of the driver, written before any initcall.
        let info = unsafe { &*bindings::arch_timer_get_kvm_info() };

        Self {
            virtual_irq: info.virtual_irq,
            physical_irq: info.physical_irq,
            counter: NonNull::new(info.timecounter.cc).and_then(PhysicalCounter::new),
        }
    }
}

/// Reads the physical counter, with the workarounds that the CPU needs.
///
/// # Invariants
///
/// `cc` points at the driver's `struct cyclecounter`, which lives for ever and no longer changes;
/// `read` is its function.
#[derive(Clone, Copy)]
pub(crate) struct PhysicalCounter {
    cc: NonNull<bindings::cyclecounter>,
    read: unsafe extern "C" fn(*mut bindings::cyclecounter) -> u64,
    /// Ticks times `mult`, shifted right by `shift`, are nanoseconds.
    pub(crate) mult: u32,
    /// See `mult`.
    pub(crate) shift: u32,
}

// SAFETY: The function may be called from any context on any CPU, and the rest is constant.
unsafe impl Send for PhysicalCounter {}
// SAFETY: The function may be called from any context on any CPU, and the rest is constant.
unsafe impl Sync for PhysicalCounter {}

impl PhysicalCounter {
    fn new(cc: NonNull<bindings::cyclecounter>) -> Option<Self> {
        // SAFETY: The driver sets the pointer last, to a counter that is complete and permanent.
        let counter = unsafe { cc.as_ref() };

        // INVARIANT: As just argued.
        Some(Self {
            cc,
            read: counter.read?,
            mult: counter.mult,
            shift: counter.shift,
        })
    }

    /// The count now, in ticks. Not speculated ahead of earlier instructions.
    #[inline(always)]
    pub(crate) fn read(&self) -> u64 {
        // SAFETY: By the type invariant.
        unsafe { (self.read)(self.cc.as_ptr()) }
    }
}
