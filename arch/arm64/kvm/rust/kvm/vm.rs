// SPDX-License-Identifier: GPL-2.0

//! A VM, and its timer configuration.
//!
//! C header: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_vm_ioctl_set_counter_offset;
//!     include/kvm/arm_arch_timer.h: arch_timer_vm_data, timer_irq

use super::*;

/// A private peripheral interrupt of a VM's vCPUs.
///
/// # Invariants
///
/// Its INTID is that of a PPI in the numbering of the VM's GIC model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ppi(u32);

impl Ppi {
    /// The INTID.
    #[inline(always)]
    pub(crate) const fn intid(self) -> u32 {
        self.0
    }

    /// Its number below 32, which it has in all models; a GICv5 has its type in the top bits.
    pub(crate) const fn number(self) -> u32 {
        self.0 & 0x1f
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

view! {
    /// A reference to a `struct kvm`.
    ///
    /// # Invariants
    ///
    /// `ptr` points at a VM that is initialised as far as its timer data go, and lives for `'a`.
    pub(crate) struct Vm<'a>(bindings::kvm);
}

impl<'a> Vm<'a> {
    // SAFETY: Valid by the type invariant; they look at it.
    calls! { unsafe
        /// Whether the host must not see the VM's state (pKVM).
        pub(crate) fn is_protected() -> bool = bindings::kvm_vm_is_protected;
        /// Whether KVM emulates the interrupt controller, rather than the VMM.
        pub(crate) fn has_irqchip() -> bool = bindings::irqchip_in_kernel;
        fn vgic_ppi(number: u32) -> u32 = bindings::get_vgic_ppi;
        fn irq_is_ppi(intid: i32) -> bool = bindings::irq_is_ppi;
    }

    // SAFETY: Valid by the type invariant; one untorn load or store: neither readers nor writers
    // take a lock. The flags are read like by C's test_bit().
    fields! { unsafe
        /// The offset of the virtual counters, in ticks.
        pub(crate) virtual_offset: u64 = arch.timer_data.voffset, once;
        none, set_virtual_offset: u64 = arch.timer_data.voffset, once;
        /// The offset of the physical counters, in ticks.
        pub(crate) physical_offset: u64 = arch.timer_data.poffset, once;
        none, set_physical_offset: u64 = arch.timer_data.poffset, once;
        flags: usize = arch.flags, once;
        vgic_model: u32 = arch.vgic.vgic_model, once;
    }

    /// Whether the guest has a GICv3.
    #[inline(always)]
    pub(crate) fn has_gicv3(self) -> bool {
        self.vgic_model() == bindings::kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3
    }

    /// Whether the guest has a GICv5.
    #[inline(always)]
    pub(crate) fn has_gicv5(self) -> bool {
        self.vgic_model() == bindings::kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V5
    }

    /// The PPI that is `number` in the GICs before GICv5.
    #[inline]
    pub(crate) fn ppi(self, number: u32) -> Ppi {
        // INVARIANT: In the numbering of the VM's model.
        Ppi(self.vgic_ppi(number))
    }

    /// The PPI whose INTID user space gives; `None` if it is not one in the guest's GIC model.
    pub(crate) fn ppi_of_user(self, intid: i32) -> Option<Ppi> {
        // INVARIANT: Just checked. CAST: the bit pattern of a GICv5 PPI; not negative for others.
        self.irq_is_ppi(intid).then_some(Ppi(intid as u32))
    }

    /// The interrupt of a timer.
    #[inline(always)]
    pub(crate) fn timer_ppi(self, timer: TimerId) -> Ppi {
        // INVARIANT: Nothing else is stored there, and it is stored anew when the model changes.
        // SAFETY: Valid by `ppi_ptr()`. Changes only until a vCPU has run.
        Ppi(unsafe { self.ppi_ptr(timer).read_volatile() })
    }

    /// Until a vCPU has run nobody acts by it.
    pub(super) fn set_timer_ppi(self, timer: TimerId, ppi: Ppi) {
        // SAFETY: Valid by `ppi_ptr()`.
        unsafe { self.ppi_ptr(timer).write_volatile(ppi.intid()) };
    }

    #[inline(always)]
    fn ppi_ptr(self, timer: TimerId) -> *mut u32 {
        // SAFETY: Valid by `timer_data()`; the number is within the array.
        unsafe {
            (&raw mut (*self.timer_data()).ppi)
                .cast::<u32>()
                .add(timer.index())
        }
    }

    /// What it keeps for the timers of all its vCPUs.
    #[inline(always)]
    pub(super) fn timer_data(self) -> *mut bindings::arch_timer_vm_data {
        // SAFETY: Valid by the type invariant.
        unsafe { &raw mut (*self.as_ptr()).arch.timer_data }
    }

    /// Sets both. For those who may: see [`AllStopped`](super::locks::AllStopped) and [`NewVcpu`].
    pub(super) fn set_counter_offsets(self, virt: u64, phys: u64) {
        self.set_virtual_offset(virt);
        self.set_physical_offset(phys);
    }

    /// Whether user space has set the VM's counter offset, so that writes of a counter value no
    /// longer change it.
    #[inline]
    pub(crate) fn has_counter_offset(self) -> bool {
        self.flag(bindings::KVM_ARCH_FLAG_VM_COUNTER_OFFSET)
    }

    /// Makes [`Self::has_counter_offset`] true for good.
    pub(super) fn pin_counter_offset(self) {
        self.set_flag(bindings::KVM_ARCH_FLAG_VM_COUNTER_OFFSET);
    }

    /// Whether its vCPUs have a feature. Does not change once there is a vCPU that is complete.
    #[inline(always)]
    pub(crate) fn has_vcpu_feature(self, feature: VcpuFeature) -> bool {
        // SAFETY: Valid by the type invariant. One aligned load, like C's test_bit().
        let features = unsafe {
            (&raw const (*self.as_ptr()).arch.vcpu_features)
                .cast::<usize>()
                .read_volatile()
        };

        features.wrapping_shr(feature.0) & 1 != 0
    }

    #[inline(always)]
    pub(super) fn flag(self, bit: u32) -> bool {
        self.flags().wrapping_shr(bit) & 1 != 0
    }

    pub(super) fn set_flag(self, bit: u32) {
        // SAFETY: Valid by the type invariant; atomic. CAST: widening.
        unsafe { bindings::set_bit(bit as usize, &raw mut (*self.as_ptr()).arch.flags) };
    }
}

/// A VM that runs no vCPU before the caller is done. Only then may be set what does not change
/// later.
///
/// # Invariants
///
/// As it says.
#[derive(Clone, Copy)]
pub(crate) struct NewVm<'a>(Vm<'a>);

impl<'a> NewVm<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// As for [`Vm::from_raw`], and the type's invariant must hold while the value is in use.
    pub(crate) unsafe fn assume(ptr: *mut bindings::kvm) -> Self {
        // INVARIANT: By the safety requirements.
        // SAFETY: By the safety requirements.
        Self(unsafe { Vm::from_raw(ptr) })
    }

    /// Sets a timer's interrupt.
    pub(crate) fn init_timer_ppi(self, timer: TimerId, ppi: Ppi) {
        self.set_timer_ppi(timer, ppi);
    }
}

deref! {
    NewVm.0 => Vm;
}

impl NewVcpu<'_> {
    /// Sets the offsets of all counters of its VM.
    pub(crate) fn init_counter_offsets(self, virt: u64, phys: u64) {
        self.vm().set_counter_offsets(virt, phys);
    }

    /// Makes [`Vm::has_counter_offset`] true for good.
    pub(crate) fn pin_counter_offset(self) {
        self.vm().pin_counter_offset();
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
    /// `None` for NULL.
    ///
    /// # Safety
    ///
    /// `ptr` must be NULL, or valid and aligned for the lifetime of the returned value.
    #[inline(always)]
    pub(super) unsafe fn from_raw(ptr: *mut u64) -> Option<Self> {
        // INVARIANT: By the safety requirements.
        (!ptr.is_null()).then(|| Self {
            ptr: side::pointer(ptr),
            _owner: PhantomData,
        })
    }

    /// One untorn load.
    #[inline(always)]
    pub(crate) fn read(self) -> u64 {
        // SAFETY: By the type invariant.
        unsafe { self.ptr.read_volatile() }
    }

    /// One untorn store.
    #[inline(always)]
    pub(super) fn write(self, value: u64) {
        // SAFETY: By the type invariant.
        unsafe { self.ptr.write_volatile(value) };
    }
}
