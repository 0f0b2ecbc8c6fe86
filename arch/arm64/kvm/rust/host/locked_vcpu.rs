// SPDX-License-Identifier: GPL-2.0

//! A vCPU that an ioctl of user space holds, and how to stop the VM's other vCPUs from there.

use super::{
    vcpu::Vcpu,
    vm::Vm, //
};
use kernel::{
    bindings,
    error::{
        code::EBUSY,
        Result, //
    },
    sync::lock::{
        mutex::MutexBackend,
        Guard, //
    },
    types::NotThreadSafe,
};

/// A vCPU whose mutex this task holds. It does not run, and its timers are in memory: only
/// `KVM_RUN` loads a vCPU, and that holds the mutex too.
///
/// # Invariants
///
/// The mutex is held for as long as the value exists.
pub(crate) struct LockedVcpu<'a> {
    vcpu: Vcpu<'a>,
    _not_send: NotThreadSafe,
}

impl<'a> LockedVcpu<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// This task must hold the vCPU's mutex until the returned value is gone.
    #[inline]
    pub(crate) unsafe fn assume(vcpu: Vcpu<'a>) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            vcpu,
            _not_send: NotThreadSafe,
        }
    }

    /// The vCPU.
    #[inline]
    pub(crate) fn vcpu(&self) -> Vcpu<'a> {
        self.vcpu
    }

    /// Takes the VM lock and the mutexes of all other vCPUs, so that none of them runs or can
    /// start, and none can be made.
    ///
    /// The VM lock comes before a vCPU's mutex, of which this task has one already: so nothing
    /// here waits.
    ///
    /// # Errors
    ///
    /// `EBUSY` if one of the locks is taken: a vCPU is in use, or being made, which takes the VM
    /// lock from start to end.
    pub(crate) fn stop_others(&self) -> Result<OthersStopped<'_>> {
        let vm = self.vcpu.vm();

        // SAFETY: A vCPU's mutex is initialised with it. Lockdep has a look at the invariant.
        unsafe { bindings::mutex_assert_is_held(mutex_of(self.vcpu)) };

        let guard = vm.lock().try_lock().ok_or(EBUSY)?;

        let mut stopped = OthersStopped {
            own: self.vcpu,
            taken: 0,
            _guard: guard,
        };

        while let Some(vcpu) = vcpu_at(vm, stopped.taken) {
            // SAFETY: The vCPU is online, and `kvm->lock` is held. On an error the guard that is
            // dropped gives back those taken so far.
            if !vcpu.is(self.vcpu) && unsafe { bindings::vcpu_trylock_nested(vcpu.as_ptr()) } == 0 {
                return Err(EBUSY);
            }
            stopped.taken = stopped.taken.saturating_add(1);
        }
        Ok(stopped)
    }
}

/// The VM lock and all vCPUs' mutexes are held: one by the caller, all others by this.
///
/// # Invariants
///
/// Of the first `taken` vCPUs, the mutexes of all but `own` are held by this value. No vCPU comes
/// or goes while `kvm->lock` is held.
pub(crate) struct OthersStopped<'a> {
    own: Vcpu<'a>,
    taken: i32,
    _guard: Guard<'a, (), MutexBackend>,
}

impl OthersStopped<'_> {
    /// Sets both offsets of the VM; writes of counter values are ignored from now.
    pub(crate) fn set_counter_offsets(&self, virt: u64, phys: u64) {
        self.own.vm().pin_counter_offsets(virt, phys);
    }

    /// Sets the offset of the virtual counters only; writes of counter values are ignored from
    /// now, of the physical one too.
    pub(crate) fn set_virtual_counter_offset(&self, virt: u64) {
        let phys = self.own.vm().physical_offset().read();

        self.set_counter_offsets(virt, phys);
    }
}

impl Drop for OthersStopped<'_> {
    fn drop(&mut self) {
        for vcpu in (0..self.taken).filter_map(|index| vcpu_at(self.own.vm(), index)) {
            if !vcpu.is(self.own) {
                // SAFETY: Taken by `stop_others()`, on this task: the guard of `kvm->lock`, which
                // is dropped after this, is not `Send`.
                unsafe { bindings::mutex_unlock(mutex_of(vcpu)) };
            }
        }
    }
}

/// The VM's vCPU of that index, in the order in which they were made.
fn vcpu_at(vm: Vm<'_>, index: i32) -> Option<Vcpu<'_>> {
    // SAFETY: The VM is valid by its invariant; any index is.
    let ptr = unsafe { bindings::kvm_get_vcpu(vm.as_ptr(), index) };

    if ptr.is_null() {
        return None;
    }
    // SAFETY: An online vCPU is complete, and lives as long as its VM.
    Some(unsafe { Vcpu::from_raw(ptr) })
}

fn mutex_of(vcpu: Vcpu<'_>) -> *mut bindings::mutex {
    // SAFETY: Valid by the vCPU's invariant.
    unsafe { &raw mut (*vcpu.as_ptr()).mutex }
}
