// SPDX-License-Identifier: GPL-2.0

//! Stopping the vCPUs of a VM.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_vm_ioctl_set_counter_offset; virt/kvm/kvm_main.c:
//!     kvm_trylock_all_vcpus, kvm_unlock_all_vcpus

use super::*;
use kernel::error::code::EBUSY;

/// The VM lock and all vCPUs' mutexes are held, so that none of them runs or can start, and none
/// can be made.
///
/// # Invariants
///
/// `vm` is locked. Of the first `taken` vCPUs, the mutexes of all but `own` are held by this value;
/// that of `own` is the caller's. No vCPU comes or goes while `kvm->lock` is held.
pub(crate) struct VcpusStopped<'a> {
    vm: Vm<'a>,
    own: Option<OwnVcpu<'a>>,
    taken: i32,
    _guard: Guard<'a, (), MutexBackend>,
}

impl<'a> Vm<'a> {
    /// Takes the VM lock and every vCPU's mutex.
    ///
    /// # Errors
    ///
    /// `EBUSY` if a vCPU is in use. None is being made, which takes the VM lock from start to end.
    pub(crate) fn stop_all_vcpus(self, _may_sleep: MaySleep<'_>) -> Result<VcpusStopped<'a>> {
        VcpusStopped::take(self, None, self.lock().lock())
    }
}

impl<'a> UserVcpu<'a> {
    /// Takes the VM lock and the mutexes of all other vCPUs, for who has this one's.
    ///
    /// The VM lock comes before a vCPU's mutex, of which this task has one already: so nothing
    /// here waits.
    ///
    /// # Errors
    ///
    /// `EBUSY` if one of the locks is taken: a vCPU is in use, or being made.
    pub(crate) fn stop_others(self) -> Result<VcpusStopped<'a>> {
        // SAFETY: A vCPU's mutex is initialised with it. Lockdep has a look whether it is held.
        unsafe { bindings::mutex_assert_is_held(mutex_of(self.anyones())) };

        VcpusStopped::take(
            self.vm(),
            Some(*self),
            self.vm().lock().try_lock().ok_or(EBUSY)?,
        )
    }
}

impl<'a> VcpusStopped<'a> {
    fn take(
        vm: Vm<'a>,
        own: Option<OwnVcpu<'a>>,
        guard: Guard<'a, (), MutexBackend>,
    ) -> Result<Self> {
        // INVARIANT: None is taken yet.
        let mut stopped = Self {
            vm,
            own,
            taken: 0,
            _guard: guard,
        };

        while let Some(vcpu) = stopped.vcpu_at(stopped.taken) {
            // SAFETY: The vCPU is online, and `kvm->lock` is held. On an error the guard that is
            // dropped gives back those taken so far.
            if !stopped.is_own(vcpu) && unsafe { bindings::vcpu_trylock_nested(vcpu.as_ptr()) } == 0
            {
                return Err(EBUSY);
            }
            stopped.taken = stopped.taken.saturating_add(1);
        }
        Ok(stopped)
    }

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
    fn vcpu_at(&self, index: i32) -> Option<Vcpu<'a>> {
        // SAFETY: The VM is valid by its invariant; any index is.
        let ptr = unsafe { bindings::kvm_get_vcpu(self.vm.as_ptr(), index) };

        // SAFETY: An online vCPU is complete, and lives as long as its VM.
        (!ptr.is_null()).then(|| unsafe { Vcpu::from_raw(ptr) })
    }
}

impl Drop for VcpusStopped<'_> {
    fn drop(&mut self) {
        for vcpu in (0..self.taken).filter_map(|index| self.vcpu_at(index)) {
            if !self.is_own(vcpu) {
                // SAFETY: Taken by `take()`, on this task: the guard of `kvm->lock`, which is
                // dropped after this, is not `Send`.
                unsafe { bindings::mutex_unlock(mutex_of(vcpu)) };
            }
        }
    }
}

fn mutex_of(vcpu: Vcpu<'_>) -> *mut bindings::mutex {
    // SAFETY: Valid by the vCPU's invariant.
    unsafe { &raw mut (*vcpu.as_ptr()).mutex }
}
