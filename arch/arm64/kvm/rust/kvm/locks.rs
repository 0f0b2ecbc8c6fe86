// SPDX-License-Identifier: GPL-2.0

//! The sleeping locks of a VM, and by their types the order in which they are taken.
//!
//! ```text
//! Task -> Halted vCPUs (kvm->lock, vcpu->mutex)
//!      -> Slots (slots_lock)                       -> Config (config_lock)
//! InMmio (kvm->srcu, for reading)                  -> Config
//!                                                     Config -> Halted (no vCPU in its guest)
//! ```
//!
//! Each lock's guard borrows what comes before it mutably for as long as it lives. So what comes
//! before a lock cannot be taken while it is held, nor can the same be taken twice; and what must
//! not be done under a lock is a method of what it borrows. Registration of a device with the I/O
//! bus is one of [`Slots`], and waits for all who look up devices: some of these wait for the
//! configuration lock.
//!
//! Source: Documentation/virt/kvm/locking.rst; Documentation/virt/kvm/arm/rust/vgic.rst.

use super::prelude::*;
use crate::linux::prelude::*;
use core::marker::PhantomData;
use kernel::{
    bindings,
    error::{
        code::EBUSY,
        to_result,
        Result, //
    },
    sync::lock::{
        mutex::MutexBackend,
        Guard,
        Lock, //
    },
    types::NotThreadSafe, //
};

/// The thread may sleep, and holds none of its VM's locks but those that come before all of these.
///
/// # Invariants
///
/// As it says.
pub(crate) struct Task<'a> {
    vm: Vm<'a>,
    _not_send: NotThreadSafe,
}

/// `kvm->slots_lock` is held.
pub(crate) struct Slots<'t> {
    vm: Vm<'t>,
    _guard: Guard<'t, (), MutexBackend>,
    _after: PhantomData<&'t mut ()>,
}

/// `kvm->arch.config_lock` is held.
pub(crate) struct ConfigLock<'t> {
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

/// `kvm->lock` is held, by the caller.
///
/// # Invariants
///
/// As it says.
pub(crate) struct VmLocked<'a>(Task<'a>);

/// All vCPUs' mutexes are held: none runs.
pub(crate) struct AllStopped<'t> {
    task: Task<'t>,
    _after: PhantomData<&'t mut ()>,
}

/// `kvm->lock` is held, by this.
pub(crate) struct VmLock<'t> {
    locked: VmLocked<'t>,
    _guard: Guard<'t, (), MutexBackend>,
}

impl<'a> Task<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// The type's invariant must hold.
    #[inline(always)]
    pub(crate) unsafe fn assume(vm: Vm<'a>) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            vm,
            _not_send: NotThreadSafe,
        }
    }

    /// The VM.
    #[inline(always)]
    pub(crate) fn vm(&self) -> Vm<'a> {
        self.vm
    }

    /// Evidence for what sleeps. These locks are mutexes: it may be done with them held.
    #[inline(always)]
    pub(crate) fn may_sleep(&self) -> MaySleep<'a> {
        // SAFETY: By the type invariant, for as long as the value of whoever has it may live.
        unsafe { MaySleep::assume() }
    }

    /// Takes `kvm->slots_lock`. Sleeps.
    pub(crate) fn slots(&mut self) -> Slots<'_> {
        // SAFETY: The mutex is initialised with the VM, which lives as long.
        let lock = unsafe { mutex(&raw mut (*self.vm.as_ptr()).slots_lock) };

        Slots {
            vm: self.vm,
            _guard: lock.lock(),
            _after: PhantomData,
        }
    }

    /// Takes the configuration lock. Sleeps.
    pub(crate) fn config(&mut self) -> ConfigLock<'_> {
        ConfigLock::take(self.vm)
    }

    /// Takes `kvm->lock`. Sleeps.
    pub(crate) fn vm_lock(&mut self) -> VmLock<'_> {
        let guard = self.vm.lock().lock();

        VmLock {
            // INVARIANT: `_guard` holds it.
            // SAFETY: `self` is borrowed.
            locked: VmLocked(unsafe { Task::assume(self.vm) }),
            _guard: guard,
        }
    }
}

impl<'a> VmLocked<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// As for [`Task::assume`], but `kvm->lock` must be held.
    pub(crate) unsafe fn assume(vm: Vm<'a>) -> Self {
        // INVARIANT: By the safety requirements.
        // SAFETY: By the safety requirements.
        Self(unsafe { Task::assume(vm) })
    }

    /// Takes the mutexes of all vCPUs.
    ///
    /// # Errors
    ///
    /// `EBUSY` if a vCPU is in use.
    pub(crate) fn stop_all(&mut self) -> Result<AllStopped<'_>> {
        // SAFETY: The VM is valid, and its lock is held.
        if unsafe { bindings::kvm_trylock_all_vcpus(self.0.vm.as_ptr()) } != 0 {
            return Err(EBUSY);
        }
        Ok(AllStopped {
            // SAFETY: `self` is borrowed.
            task: unsafe { Task::assume(self.0.vm) },
            _after: PhantomData,
        })
    }

    /// Takes `kvm->slots_lock`. Sleeps.
    pub(crate) fn slots(&mut self) -> Slots<'_> {
        self.0.slots()
    }

    /// Takes the configuration lock. Sleeps.
    pub(crate) fn config(&mut self) -> ConfigLock<'_> {
        self.0.config()
    }

    /// The VM.
    pub(crate) fn vm(&self) -> Vm<'a> {
        self.0.vm
    }
}

impl<'t> VmLock<'t> {
    /// The lock, as whoever has it shows it.
    pub(crate) fn locked(&mut self) -> &mut VmLocked<'t> {
        &mut self.locked
    }
}

impl<'t> AllStopped<'t> {
    /// Takes the configuration lock. Sleeps.
    pub(crate) fn config(&mut self) -> ConfigLock<'_> {
        self.task.config()
    }

    /// Takes the configuration lock, for the state of a vCPU of the VM: nobody else works on it.
    /// Sleeps.
    pub(crate) fn config_and(&mut self, vcpu: Vcpu<'_>) -> (ConfigLock<'_>, OwnVcpu<'_>) {
        debug_assert!(core::ptr::eq(vcpu.vm().as_ptr(), self.task.vm.as_ptr()));
        // SAFETY: Its mutex is held, for as long as `self` lives.
        let own = unsafe { OwnVcpu::assume(vcpu.as_ptr()) };

        (self.task.config(), own)
    }
}

impl Drop for AllStopped<'_> {
    fn drop(&mut self) {
        // SAFETY: Taken by `stop_all()`, on this task.
        unsafe { bindings::kvm_unlock_all_vcpus(self.task.vm.as_ptr()) };
    }
}

impl<'t> Slots<'t> {
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

    fn take(vm: Vm<'t>) -> Self {
        // SAFETY: The mutex is initialised with the VM, which lives as long.
        let lock = unsafe { mutex(&raw mut (*vm.as_ptr()).arch.config_lock) };

        Self {
            vm,
            _guard: lock.lock(),
            _after: PhantomData,
        }
    }

    /// The VM.
    #[inline(always)]
    pub(crate) fn vm(&self) -> Vm<'t> {
        self.vm
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

/// # Safety
///
/// The mutex must be valid for `'a` and initialised.
unsafe fn mutex<'a>(mutex: *mut bindings::mutex) -> &'a Lock<(), MutexBackend> {
    // SAFETY: By the safety requirements.
    unsafe { Lock::from_raw(mutex) }
}
