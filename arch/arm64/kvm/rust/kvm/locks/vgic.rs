// SPDX-License-Identifier: GPL-2.0

//! What the virtual GIC needs of a VM's locks, beside what the timers do.
//!
//! Registration of a device with the I/O bus is one of [`Slots`], and waits for all who look up
//! devices: some of these wait for the configuration lock.

use super::*;
use crate::linux::prelude::*;
use kernel::error::{
    to_result,
    Result, //
};

/// `kvm->slots_lock` is held.
pub(crate) struct Slots<'t> {
    vm: Vm<'t>,
    _guard: Guard<'t, (), MutexBackend>,
    _after: PhantomData<&'t mut ()>,
}

/// The thread of a vCPU that handles an exit of its guest: it may sleep, holds none of its VM's locks
/// but the vCPU's mutex, and may be in a read section of `kvm->srcu`. So nothing may be waited for
/// that waits for such sections: `slots_lock` may not be taken, nor what comes before it.
///
/// # Invariants
///
/// As it says.
pub(crate) struct InMmio<'a> {
    vcpu: OwnVcpu<'a>,
    _not_send: NotThreadSafe,
}

/// No vCPU of the VM is in its guest, or enters it before this is gone.
pub(crate) struct Halted<'c> {
    vm: Vm<'c>,
    _after: PhantomData<&'c mut ()>,
}

impl<'a> Task<'a> {
    /// Evidence for what sleeps. These locks are mutexes: it may be done with them held.
    #[inline(always)]
    pub(crate) fn may_sleep(&self) -> MaySleep<'a> {
        // SAFETY: By the type invariant, for as long as the value of whoever has it may live.
        unsafe { MaySleep::assume() }
    }

    /// Takes `kvm->slots_lock`. Sleeps.
    pub(crate) fn slots(&mut self) -> Slots<'_> {
        Slots::take(self.vm)
    }

    /// Takes the configuration lock. Sleeps.
    pub(crate) fn config(&mut self) -> ConfigLock<'_> {
        ConfigLock::take(self.vm)
    }
}

impl<'a> VmLocked<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// The type's invariant must hold, with none of the vCPUs' mutexes.
    pub(crate) unsafe fn assume(vm: Vm<'a>) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            vm,
            own: None,
            _not_send: NotThreadSafe,
        }
    }

    /// The VM.
    pub(crate) fn vm(&self) -> Vm<'a> {
        self.vm
    }

    /// Takes `kvm->slots_lock`. Sleeps.
    pub(crate) fn slots(&mut self) -> Slots<'_> {
        Slots::take(self.vm)
    }

    /// Takes the configuration lock. Sleeps.
    pub(crate) fn config(&mut self) -> ConfigLock<'_> {
        ConfigLock::take(self.vm)
    }
}

impl AllStopped<'_> {
    /// Takes the configuration lock. Sleeps.
    pub(crate) fn config(&mut self) -> ConfigLock<'_> {
        ConfigLock::take(self.vm)
    }

    /// Takes the configuration lock, for the state of a vCPU of the VM: nobody else works on it.
    /// Sleeps.
    pub(crate) fn config_and(&mut self, vcpu: Vcpu<'_>) -> (ConfigLock<'_>, OwnVcpu<'_>) {
        debug_assert!(core::ptr::eq(vcpu.vm().as_ptr(), self.vm.as_ptr()));
        // SAFETY: Its mutex is held, for as long as `self` lives.
        let own = unsafe { OwnVcpu::assume(vcpu.as_ptr()) };

        (self.config(), own)
    }
}

impl<'t> Slots<'t> {
    fn take(vm: Vm<'t>) -> Self {
        // SAFETY: The mutex is initialised with the VM, which lives as long.
        let lock = unsafe { mutex(&raw mut (*vm.as_ptr()).slots_lock) };

        Self {
            vm,
            _guard: lock.lock(),
            _after: PhantomData,
        }
    }

    /// The VM.
    pub(crate) fn vm(&self) -> Vm<'t> {
        self.vm
    }

    /// Takes the configuration lock. Sleeps.
    pub(crate) fn config(&mut self) -> ConfigLock<'_> {
        ConfigLock::take(self.vm)
    }

    /// Puts a device on the memory-mapped I/O bus, at `size` bytes from `base`. Waits for all who
    /// look for a device on it.
    ///
    /// # Errors
    ///
    /// The bus': it is full, or there is no memory.
    ///
    /// # Safety
    ///
    /// `device` must be initialised, and stay so until it is taken off.
    pub(crate) unsafe fn register(
        &mut self,
        base: u64,
        size: u32,
        device: *mut bindings::kvm_io_device,
    ) -> Result {
        // SAFETY: The VM is valid, its slots_lock is held, and the configuration lock is not; by
        // the safety requirements. CAST: A small constant.
        to_result(unsafe {
            bindings::kvm_io_bus_register_dev(
                self.vm.as_ptr(),
                bindings::kvm_bus_KVM_MMIO_BUS,
                base,
                size as i32,
                device,
            )
        })
    }

    /// Takes a device off the bus, if it is on it. Waits for all who use it.
    ///
    /// # Safety
    ///
    /// `device` must be valid.
    pub(crate) unsafe fn unregister(&mut self, device: *mut bindings::kvm_io_device) {
        // SAFETY: The VM is valid, its slots_lock is held, and the configuration lock is not; by the
        // safety requirements.
        unsafe {
            bindings::kvm_io_bus_unregister_dev(
                self.vm.as_ptr(),
                bindings::kvm_bus_KVM_MMIO_BUS,
                device,
            )
        };
    }
}

impl<'a> InMmio<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// As for [`OwnVcpu::assume`], and the type's invariant must hold.
    #[inline(always)]
    pub(crate) unsafe fn assume(vcpu: *mut bindings::kvm_vcpu) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            // SAFETY: By the safety requirements.
            vcpu: unsafe { OwnVcpu::assume(vcpu) },
            _not_send: NotThreadSafe,
        }
    }

    /// The vCPU whose guest makes the access.
    #[inline(always)]
    pub(crate) fn vcpu(&self) -> OwnVcpu<'a> {
        self.vcpu
    }

    /// Takes the configuration lock. Sleeps.
    pub(crate) fn config(&mut self) -> ConfigLock<'_> {
        ConfigLock::take(self.vcpu.vm())
    }
}

impl Drop for Halted<'_> {
    fn drop(&mut self) {
        // SAFETY: The VM is valid, and was halted when this was made.
        unsafe { bindings::kvm_arm_resume_guest(self.vm.as_ptr()) };
    }
}

impl<'t> ConfigLock<'t> {
    /// Has all vCPUs leave the guest, and keeps them out. What they had in list registers is in
    /// memory when this returns. Sleeps.
    ///
    /// A vCPU that enters or leaves its guest at the moment has interrupts off, and the request
    /// waits until it takes one; a vCPU that is seen to be outside has stored that last, for which
    /// the barrier is.
    pub(crate) fn halt_guest(&mut self) -> Halted<'_> {
        // SAFETY: The VM is valid. Undone by `Drop`.
        unsafe { bindings::kvm_arm_halt_guest(self.vm.as_ptr()) };
        smp_mb();
        Halted {
            vm: self.vm,
            _after: PhantomData,
        }
    }

    /// Whether the number of vCPUs that are being made is zero.
    pub(crate) fn all_vcpus_complete(&self) -> bool {
        // SAFETY: The VM is valid. CAST: At most 512.
        unsafe {
            (&raw const (*self.vm.as_ptr()).created_vcpus).read_volatile()
                == self.vm.online_vcpus() as i32
        }
    }
}
