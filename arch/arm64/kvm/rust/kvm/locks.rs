// SPDX-License-Identifier: GPL-2.0

//! The sleeping locks of a VM, and by their types the order in which they are taken.
//!
//! ```text
//! Task -> VmLocked (kvm->lock) -> AllStopped (vcpu->mutex)
//!      -> Slots (slots_lock)                       -> ConfigLock (config_lock)
//! InMmio (kvm->srcu, for reading)                  -> ConfigLock
//! UserVcpu (its vcpu->mutex)                       -> ConfigLock
//!                                                     ConfigLock -> Halted (no vCPU in its guest)
//! ```
//!
//! Each lock's guard borrows what comes before it mutably for as long as it lives. So what comes
//! before a lock cannot be taken while it is held, nor can the same be taken twice; and what must
//! not be done under a lock is a method of what it borrows. What only the virtual GIC needs of it
//! is in [`vgic`].
//!
//! Source: Documentation/virt/kvm/locking.rst; Documentation/virt/kvm/arm/rust/vgic.rst.
//!
//! Mirrors: virt/kvm/kvm_main.c: kvm_trylock_all_vcpus, kvm_unlock_all_vcpus

#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
pub(crate) mod vgic;

use super::*;
use kernel::{
    error::code::EBUSY,
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

/// `kvm->lock` is held: by the caller, or by a [`VmLock`]. Of the vCPUs' mutexes the thread has at
/// most that of `own`.
///
/// # Invariants
///
/// As it says, and the thread holds none of the VM's locks that come after these.
pub(crate) struct VmLocked<'a> {
    vm: Vm<'a>,
    own: Option<OwnVcpu<'a>>,
    _not_send: NotThreadSafe,
}

/// `kvm->lock` is held, by this.
pub(crate) struct VmLock<'a> {
    locked: VmLocked<'a>,
    _guard: Guard<'a, (), MutexBackend>,
}

/// All vCPUs' mutexes are held: none of them runs or can start, and none can be made.
///
/// # Invariants
///
/// `kvm->lock` is held. Of the first `taken` vCPUs, the mutexes of all but `own` are held by this
/// value; that of `own` is the thread's already. No vCPU comes or goes meanwhile.
pub(crate) struct AllStopped<'t> {
    vm: Vm<'t>,
    own: Option<OwnVcpu<'t>>,
    taken: i32,
    _after: PhantomData<&'t mut ()>,
    _not_send: NotThreadSafe,
}

/// `kvm->arch.config_lock` is held.
pub(crate) struct ConfigLock<'t> {
    vm: Vm<'t>,
    _guard: Guard<'t, (), MutexBackend>,
    _after: PhantomData<&'t mut ()>,
}

/// The configuration lock of a vCPU's VM is held, for what of the VM is set through its vCPUs.
pub(crate) struct VcpuConfig<'a> {
    vcpu: OwnVcpu<'a>,
    _lock: ConfigLock<'a>,
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

    /// Takes `kvm->lock`. Sleeps.
    pub(crate) fn vm_lock(&mut self) -> VmLock<'_> {
        VmLock::new(self.vm, None, vm_mutex(self.vm).lock())
    }
}

impl<'a> UserVcpu<'a> {
    /// Takes the lock of its VM, which comes before the vCPU's mutex: so this does not wait.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the lock is taken: a vCPU is being made, or someone else has stopped all.
    pub(crate) fn try_vm_lock(self) -> Result<VmLock<'a>> {
        // SAFETY: A vCPU's mutex is initialised with it. Lockdep has a look whether it is held.
        unsafe { bindings::mutex_assert_is_held(mutex_of(self.anyones())) };

        let guard = vm_mutex(self.vm()).try_lock().ok_or(EBUSY)?;

        Ok(VmLock::new(self.vm(), Some(*self), guard))
    }

    /// Takes the configuration lock of its VM. Sleeps.
    pub(crate) fn config(self) -> VcpuConfig<'a> {
        VcpuConfig {
            vcpu: *self,
            _lock: ConfigLock::take(self.vm()),
        }
    }
}

impl<'a> VmLock<'a> {
    fn new(vm: Vm<'a>, own: Option<OwnVcpu<'a>>, guard: Guard<'a, (), MutexBackend>) -> Self {
        // INVARIANT: `_guard` holds it.
        let locked = VmLocked {
            vm,
            own,
            _not_send: NotThreadSafe,
        };

        Self {
            locked,
            _guard: guard,
        }
    }

    /// The lock, as whoever has it shows it.
    pub(crate) fn locked(&mut self) -> &mut VmLocked<'a> {
        &mut self.locked
    }
}

impl VmLocked<'_> {
    /// Takes the mutexes of all vCPUs that the thread does not have yet.
    ///
    /// # Errors
    ///
    /// `EBUSY` if a vCPU is in use.
    pub(crate) fn stop_all(&mut self) -> Result<AllStopped<'_>> {
        // INVARIANT: None is taken yet; by the type invariant.
        let mut stopped = AllStopped {
            vm: self.vm,
            own: self.own,
            taken: 0,
            _after: PhantomData,
            _not_send: NotThreadSafe,
        };

        while let Some(vcpu) = stopped.vcpu_at(stopped.taken) {
            // SAFETY: The vCPU is online, and `kvm->lock` is held. On an error the value that is
            // dropped gives back those taken so far.
            if !stopped.is_own(vcpu) && unsafe { bindings::vcpu_trylock_nested(vcpu.as_ptr()) } == 0
            {
                return Err(EBUSY);
            }
            stopped.taken = stopped.taken.saturating_add(1);
        }
        Ok(stopped)
    }
}

impl<'t> AllStopped<'t> {
    /// Sets both offsets of the VM's counters, in ticks; writes of counter values are ignored from
    /// now.
    pub(crate) fn pin_counter_offsets(&self, virt: u64, phys: u64) {
        self.vm.pin_counter_offset();
        self.vm.set_counter_offsets(virt, phys);
    }

    fn is_own(&self, vcpu: Vcpu<'_>) -> bool {
        self.own.is_some_and(|own| own.is(vcpu))
    }

    /// The VM's vCPU of that index, in the order in which they were made.
    fn vcpu_at(&self, index: i32) -> Option<Vcpu<'t>> {
        // SAFETY: The VM is valid by its invariant; any index is.
        let ptr = unsafe { bindings::kvm_get_vcpu(self.vm.as_ptr(), index) };

        // SAFETY: An online vCPU is complete, and lives as long as its VM.
        (!ptr.is_null()).then(|| unsafe { Vcpu::from_raw(ptr) })
    }
}

impl Drop for AllStopped<'_> {
    fn drop(&mut self) {
        for vcpu in (0..self.taken).filter_map(|index| self.vcpu_at(index)) {
            if !self.is_own(vcpu) {
                // SAFETY: Taken by `stop_all()`, on this task: the value is not `Send`.
                unsafe { bindings::mutex_unlock(mutex_of(vcpu)) };
            }
        }
    }
}

impl<'t> ConfigLock<'t> {
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
}

impl VcpuConfig<'_> {
    /// Claims the interrupt of one of the vCPU's timers for it.
    ///
    /// # Errors
    ///
    /// If it is owned by somebody else, or does not exist.
    pub(crate) fn own_irq(&self, timer: TimerId) -> Result {
        let owner = self.vcpu.timer(timer);

        // SAFETY: A vCPU is valid; the lock of its VM is held, as required.
        to_result(unsafe {
            bindings::kvm_vgic_set_owner(
                self.vcpu.as_ptr(),
                owner.ppi().intid(),
                owner.as_ptr().cast::<c_void>(),
            )
        })
    }

    /// Whether a vCPU has run, so that the timers' PPIs are settled.
    pub(crate) fn timer_ppis_immutable(&self) -> bool {
        self.vcpu
            .vm()
            .flag(bindings::KVM_ARCH_FLAG_TIMER_PPIS_IMMUTABLE)
    }

    /// Settles the timers' PPIs.
    pub(crate) fn set_timer_ppis_immutable(&self) {
        self.vcpu
            .vm()
            .set_flag(bindings::KVM_ARCH_FLAG_TIMER_PPIS_IMMUTABLE);
    }

    /// Sets a timer's PPI.
    pub(crate) fn set_timer_ppi(&self, timer: TimerId, ppi: Ppi) {
        self.vcpu.vm().set_timer_ppi(timer, ppi);
    }
}

fn vm_mutex(vm: Vm<'_>) -> &Lock<(), MutexBackend> {
    // SAFETY: The mutex is initialised with the VM, which lives as long.
    unsafe { mutex(&raw mut (*vm.as_ptr()).lock) }
}

fn mutex_of(vcpu: Vcpu<'_>) -> *mut bindings::mutex {
    // SAFETY: Valid by the vCPU's invariant.
    unsafe { &raw mut (*vcpu.as_ptr()).mutex }
}

/// # Safety
///
/// The mutex must be valid for `'a` and initialised.
unsafe fn mutex<'a>(mutex: *mut bindings::mutex) -> &'a Lock<(), MutexBackend> {
    // SAFETY: By the safety requirements.
    unsafe { Lock::from_raw(mutex) }
}
