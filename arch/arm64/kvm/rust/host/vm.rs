// SPDX-License-Identifier: GPL-2.0

//! A VM, and its timer configuration with the locks that guard it.
//!
//! C header: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_vm_ioctl_set_counter_offset;
//!     include/kvm/arm_arch_timer.h: arch_timer_vm_data, timer_irq

use core::marker::PhantomData;
use kernel::{
    bindings,
    error::{
        to_result,
        Result, //
    },
    sync::lock::{
        mutex::MutexBackend,
        Guard,
        Lock, //
    },
};

/// An index into C's arrays of timers.
///
/// # Invariants
///
/// Less than `NR_KVM_TIMERS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerIndex(usize);

impl TimerIndex {
    // INVARIANT: All of these are enumerators before `NR_KVM_TIMERS`. CAST: small constants.
    pub(crate) const PTIMER: Self = Self(bindings::kvm_arch_timers_TIMER_PTIMER as usize);
    pub(crate) const VTIMER: Self = Self(bindings::kvm_arch_timers_TIMER_VTIMER as usize);
    pub(crate) const HVTIMER: Self = Self(bindings::kvm_arch_timers_TIMER_HVTIMER as usize);
    pub(crate) const HPTIMER: Self = Self(bindings::kvm_arch_timers_TIMER_HPTIMER as usize);

    /// Checks an index.
    #[inline(always)]
    pub(crate) const fn new(index: usize) -> Option<Self> {
        // CAST: A small constant.
        if index < bindings::kvm_arch_timers_NR_KVM_TIMERS as usize {
            // INVARIANT: Just checked.
            Some(Self(index))
        } else {
            None
        }
    }

    /// The index.
    #[inline(always)]
    pub(crate) const fn get(self) -> usize {
        self.0
    }
}

/// A feature that user space chose for a VM's vCPUs.
///
/// # Invariants
///
/// A bit number within the first word of the bitmap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VcpuFeature(u32);

impl VcpuFeature {
    // INVARIANT: Less than 64.
    /// An EL2 of its own.
    pub(crate) const HAS_EL2: Self = Self(bindings::KVM_ARM_VCPU_HAS_EL2);
}

/// A reference to a `struct kvm`.
///
/// # Invariants
///
/// `ptr` points at a VM that is initialised as far as its timer data go, and lives for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct Vm<'a> {
    ptr: *mut bindings::kvm,
    _vm: PhantomData<&'a bindings::kvm>,
}

impl<'a> Vm<'a> {
    /// # Safety
    ///
    /// `ptr` must point at a valid VM for the lifetime of the returned value.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(ptr: *mut bindings::kvm) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            ptr,
            _vm: PhantomData,
        }
    }

    /// For calls into C.
    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *mut bindings::kvm {
        self.ptr
    }

    /// Whether the host must not see the VM's state (pKVM).
    #[inline]
    pub(crate) fn is_protected(self) -> bool {
        // SAFETY: Valid by the type invariant; here and below.
        unsafe { bindings::kvm_vm_is_protected(self.ptr) }
    }

    /// Whether KVM emulates the interrupt controller, rather than the VMM.
    #[inline]
    pub(crate) fn has_irqchip(self) -> bool {
        // SAFETY: See above.
        unsafe { bindings::irqchip_in_kernel(self.ptr) }
    }

    /// Whether the guest has a GICv3.
    #[inline]
    pub(crate) fn has_gicv3(self) -> bool {
        // SAFETY: See above.
        unsafe { bindings::vgic_is_v3(self.ptr) }
    }

    /// Whether the guest has a GICv5.
    #[inline]
    pub(crate) fn has_gicv5(self) -> bool {
        // SAFETY: See above.
        unsafe { bindings::vgic_is_v5(self.ptr) }
    }

    /// The INTID of a PPI in the numbering of the guest's GIC model.
    #[inline]
    pub(crate) fn ppi_intid(self, ppi: u32) -> u32 {
        // SAFETY: See above.
        unsafe { bindings::get_vgic_ppi(self.ptr, ppi) }
    }

    /// Whether a number from user space is the INTID of a PPI in the guest's GIC model.
    pub(crate) fn is_ppi(self, intid: i32) -> bool {
        // SAFETY: See above.
        unsafe { bindings::irq_is_ppi(self.ptr, intid) }
    }

    /// The INTID of a timer, by `enum kvm_arch_timers`.
    #[inline(always)]
    pub(crate) fn timer_ppi(self, timer: TimerIndex) -> u32 {
        // SAFETY: Valid by `ppi_ptr()`. Changes only until a vCPU has run.
        unsafe { self.ppi_ptr(timer).read_volatile() }
    }

    /// Sets a timer's INTID: while the VM is being created, when it gets a GICv5, or with its
    /// configuration locked. Until a vCPU has run nobody acts by it.
    pub(crate) fn init_timer_ppi(self, timer: TimerIndex, intid: u32) {
        // SAFETY: Valid by `ppi_ptr()`.
        unsafe { self.ppi_ptr(timer).write_volatile(intid) };
    }

    #[inline(always)]
    fn ppi_ptr(self, timer: TimerIndex) -> *mut u32 {
        // SAFETY: Valid by the type invariant, and the index is within the array by its own.
        unsafe {
            (&raw mut (*self.ptr).arch.timer_data.ppi)
                .cast::<u32>()
                .add(timer.get())
        }
    }

    /// Where the offset of the virtual counters is kept.
    #[inline]
    pub(crate) fn virtual_offset(self) -> OffsetCell<'a> {
        // SAFETY: See above.
        OffsetCell::new(unsafe { &raw mut (*self.ptr).arch.timer_data.voffset })
    }

    /// Where the offset of the physical counters is kept.
    #[inline]
    pub(crate) fn physical_offset(self) -> OffsetCell<'a> {
        // SAFETY: See above.
        OffsetCell::new(unsafe { &raw mut (*self.ptr).arch.timer_data.poffset })
    }

    /// Whether user space has set the VM's counter offset, so that writes of a counter value no
    /// longer change it.
    #[inline]
    pub(crate) fn has_counter_offset(self) -> bool {
        self.flag(bindings::KVM_ARCH_FLAG_VM_COUNTER_OFFSET)
    }

    /// Makes [`Self::has_counter_offset`] true for good.
    pub(crate) fn pin_counter_offset(self) {
        self.set_flag(bindings::KVM_ARCH_FLAG_VM_COUNTER_OFFSET);
    }

    /// Takes the configuration lock. Sleeps.
    pub(crate) fn config(self) -> Config<'a> {
        // SAFETY: The mutex is initialised with the VM, which lives for `'a`.
        let lock =
            unsafe { Lock::<(), MutexBackend>::from_raw(&raw mut (*self.ptr).arch.config_lock) };

        Config {
            vm: self,
            _guard: lock.lock(),
        }
    }

    /// Sets both offsets; writes of counter values are ignored from now. For the tokens of this
    /// folder that are evidence that no vCPU runs.
    pub(super) fn pin_counter_offsets(self, virt: u64, phys: u64) {
        self.pin_counter_offset();
        self.virtual_offset().write(virt);
        self.physical_offset().write(phys);
    }

    /// The VM lock, `kvm->lock`.
    pub(super) fn lock(self) -> &'a Lock<(), MutexBackend> {
        // SAFETY: The mutex is initialised with the VM, which lives for `'a`.
        unsafe { Lock::from_raw(&raw mut (*self.ptr).lock) }
    }

    /// Takes the VM lock and every vCPU's, so that none of them runs or can start. Sleeps.
    ///
    /// # Errors
    ///
    /// `EBUSY` if a vCPU is in use. C's own errno is not of interest: it is the only reason. None is
    /// being made, which takes the VM lock from start to end.
    pub(crate) fn stop_all_vcpus(self) -> Result<AllVcpusStopped<'a>> {
        let guard = self.lock().lock();

        // SAFETY: `kvm->lock` is held, as required.
        to_result(unsafe { bindings::kvm_trylock_all_vcpus(self.ptr) })
            .map_err(|_| kernel::error::code::EBUSY)?;

        Ok(AllVcpusStopped {
            vm: self,
            _guard: guard,
        })
    }

    /// Whether its vCPUs have a feature. Does not change once there is a vCPU that is complete.
    #[inline(always)]
    pub(crate) fn has_vcpu_feature(self, feature: VcpuFeature) -> bool {
        // SAFETY: See above. One aligned load, like C's test_bit().
        let features = unsafe {
            (&raw const (*self.ptr).arch.vcpu_features)
                .cast::<usize>()
                .read_volatile()
        };

        features.wrapping_shr(feature.0) & 1 != 0
    }

    #[inline(always)]
    pub(super) fn flag(self, bit: u32) -> bool {
        // SAFETY: See above. One aligned load, like C's test_bit().
        let flags = unsafe { (&raw const (*self.ptr).arch.flags).read_volatile() };

        flags.wrapping_shr(bit) & 1 != 0
    }

    fn set_flag(self, bit: u32) {
        // SAFETY: See above; atomic. CAST: widening.
        unsafe { bindings::set_bit(bit as usize, &raw mut (*self.ptr).arch.flags) };
    }
}

/// The configuration lock of a VM is held (`kvm->arch.config_lock`).
pub(crate) struct Config<'a> {
    vm: Vm<'a>,
    _guard: Guard<'a, (), MutexBackend>,
}

impl Config<'_> {
    /// Whether a vCPU has run, so that the timers' PPIs are settled.
    pub(crate) fn timer_ppis_immutable(&self) -> bool {
        self.vm.flag(bindings::KVM_ARCH_FLAG_TIMER_PPIS_IMMUTABLE)
    }

    /// Settles the timers' PPIs.
    pub(crate) fn set_timer_ppis_immutable(&self) {
        self.vm
            .set_flag(bindings::KVM_ARCH_FLAG_TIMER_PPIS_IMMUTABLE);
    }

    /// Sets a timer's PPI.
    pub(crate) fn set_timer_ppi(&self, timer: TimerIndex, intid: u32) {
        self.vm.init_timer_ppi(timer, intid);
    }
}

/// The VM lock and all vCPUs' locks are held.
pub(crate) struct AllVcpusStopped<'a> {
    vm: Vm<'a>,
    _guard: Guard<'a, (), MutexBackend>,
}

impl AllVcpusStopped<'_> {
    /// Sets the offset of all counters of the VM; writes of counter values are ignored from now.
    pub(crate) fn set_counter_offset(&self, offset: u64) {
        self.vm.pin_counter_offsets(offset, offset);
    }
}

impl Drop for AllVcpusStopped<'_> {
    fn drop(&mut self) {
        // SAFETY: Locked by `stop_all_vcpus()`; `kvm->lock` is still held.
        unsafe { bindings::kvm_unlock_all_vcpus(self.vm.ptr) };
    }
}

/// A counter offset in C's structures, in ticks. Readers take no lock.
///
/// # Invariants
///
/// `ptr` is valid and aligned for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct OffsetCell<'a> {
    ptr: *mut u64,
    _owner: PhantomData<&'a u64>,
}

impl OffsetCell<'_> {
    /// Private: only the accessors of this folder know such addresses.
    #[inline(always)]
    pub(super) fn new(ptr: *mut u64) -> Self {
        // INVARIANT: Callers pass fields of objects that live for the lifetime they ask for.
        Self {
            ptr,
            _owner: PhantomData,
        }
    }

    #[inline(always)]
    pub(super) fn as_ptr(self) -> *mut u64 {
        self.ptr
    }

    /// One untorn load.
    #[inline(always)]
    pub(crate) fn read(self) -> u64 {
        // SAFETY: By the type invariant.
        unsafe { self.ptr.read_volatile() }
    }

    /// One untorn store.
    #[inline(always)]
    pub(crate) fn write(self, value: u64) {
        // SAFETY: By the type invariant.
        unsafe { self.ptr.write_volatile(value) };
    }
}
