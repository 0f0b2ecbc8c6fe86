// SPDX-License-Identifier: GPL-2.0

//! What a VM and a vCPU have of the virtual GIC beside C's structures.
//!
//! C keeps `struct vgic_dist` and `struct vgic_cpu`, into which other files of KVM look. Two
//! pointers in them are of use to the vgic alone, and hold these objects: `vgic_dist.spis` the
//! VM's and `vgic_cpu.private_irqs` the vCPU's.
//!
//! | object         | lives                            | what is in it                    |
//! | -------------- | -------------------------------- | -------------------------------- |
//! | [`VgicVm`]     | from KVM_CREATE_DEVICE on        | regions, and the next            |
//! | [`VgicIrqs`]   | from initialisation on           | SPIs, LPIs, the vCPUs by index   |
//! | [`VgicVcpu`]   | from both GIC and vCPU being there | SGIs and PPIs, the queue       |
//!
//! All are freed with the VM, or with a vCPU that could not be completed.

use super::{
    super::prelude::*,
    deferred::Deferred,
    interrupt::{
        Irq,
        PrivateIrq, //
    },
    lpis::{
        LpiRows,
        LpiTable, //
    },
};
use crate::{
    gic::{
        list_register::Intid,
        queue::{
            Owner,
            OwnerKey,
            Queue, //
        },
        region::Region,
        word::{
            IrqWord,
            Kind,
            Source,
            VcpuIdx, //
        },
    },
    linux::prelude::*, //
};
use core::{
    cell::{
        Cell,
        UnsafeCell, //
    },
    ptr::NonNull, //
};
use kernel::{
    alloc::flags::*,
    bindings,
    prelude::*, //
};

/// SGIs and PPIs of a vCPU.
pub(crate) const NR_PRIVATE: usize = 32;

/// The way to what somebody else has, once it is there: one load, whose value orders what is read
/// through it.
///
/// # Invariants
///
/// NULL, or what [`set`](Self::set) was called with.
struct Late<T>(AtomicPtr<T>);

impl<T> Late<T> {
    const fn new() -> Self {
        // INVARIANT: NULL.
        Self(AtomicPtr::null())
    }

    /// # Safety
    ///
    /// What it points at must live until [`clear`](Self::clear) is called, or as long as anybody
    /// uses `self`.
    unsafe fn set(&self, to: &T) {
        // INVARIANT: By this.
        self.0.store_release(core::ptr::from_ref(to).cast_mut());
    }

    /// # Safety
    ///
    /// Nobody may have a reference that [`get`](Self::get) gave, nor get one meanwhile.
    unsafe fn clear(&self) {
        // INVARIANT: NULL.
        self.0.store_relaxed(core::ptr::null_mut());
    }

    #[inline(always)]
    fn get(&self) -> Option<&T> {
        // SAFETY: By the type invariant, and what `set()` requires.
        unsafe { self.0.load().as_ref() }
    }
}

/// The virtual GIC of a VM.
pub(crate) struct VgicVm {
    /// Once it is initialised.
    irqs: OnceBox<VgicIrqs>,
    /// If the hardware delivers interrupts to its vCPUs.
    vpes: OnceBox<Vpes>,
    /// Where the redistributors are. Guarded by the configuration lock.
    regions: UnsafeCell<KVec<Region>>,
}

// SAFETY: The regions are accessed with the VM's configuration lock held only.
unsafe impl Sync for VgicVm {}

/// The interrupts that a VM's vCPUs share, and the vCPUs.
pub(crate) struct VgicIrqs {
    spis: KVec<Irq>,
    lpis: KBox<LpiTable>,
    vcpus: KVec<NonNull<bindings::kvm_vcpu>>,
    /// How many SPIs are in queues.
    queued_spis: AtomicU32,
    /// Deactivations have to trap: not 0 if there may be such SPIs.
    traps_deactivation: AtomicU32,
}

// SAFETY: The vCPUs are pointers that are not followed without a type that allows it.
unsafe impl Sync for VgicIrqs {}
// SAFETY: Nothing in it belongs to a thread.
unsafe impl Send for VgicIrqs {}

/// The virtual GIC of a vCPU.
pub(crate) struct VgicVcpu {
    queue: Queue,
    /// The right to remove from the queue; in use if it is not there.
    key: Cell<Option<OwnerKey>>,
    private: [PrivateIrq; NR_PRIVATE],
    /// See [`LoadedVcpu::is_crowded`].
    crowded: Cell<bool>,
    /// See [`LoadedVcpu::has_unlisted`].
    unlisted: Cell<bool>,
    /// Which of its VM's vCPUs it is.
    index: VcpuIdx,
    /// Of a GICv2: what it is called by those who get SGIs of it.
    source: Option<Source>,
    /// As the VM's, for a shorter way.
    irqs: Late<VgicIrqs>,
    deferred: Deferred,
    /// See [`Vcpu::leave_lpis`]: LPIs, or 0. Properties, and to be enabled or disabled.
    left: [AtomicU32; 2],
}

// SAFETY: The key, what is deferred, `crowded` and `unlisted` are used by the vCPU's own thread
// only, which is at one place at a time.
unsafe impl Sync for VgicVcpu {}

impl VgicVm {
    /// Makes one, without interrupts.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<KBox<Self>> {
        Ok(KBox::new(
            Self {
                irqs: OnceBox::new(),
                vpes: OnceBox::new(),
                regions: UnsafeCell::new(KVec::new()),
            },
            GFP_KERNEL_ACCOUNT,
        )?)
    }

    /// The interrupts, once there are any.
    #[inline(always)]
    pub(crate) fn irqs(&self) -> Option<&VgicIrqs> {
        self.irqs.get()
    }

    /// Gives it interrupts, for good, and those of `vcpus` the way to them.
    pub(super) fn set_irqs<'a>(
        &self,
        irqs: KBox<VgicIrqs>,
        vcpus: impl Iterator<Item = &'a VgicVcpu>,
    ) {
        debug_assert!(self.irqs().is_none());
        let irqs = self.irqs.set(irqs);

        for vcpu in vcpus {
            // SAFETY: They are freed with `self`, before which `take_vgic_vm()` takes the way to
            // them away from all vCPUs of the VM: `vcpus` are among those.
            unsafe { vcpu.irqs.set(irqs) };
        }
    }

    /// The vPEs of its vCPUs, if they have any.
    #[inline]
    pub(crate) fn vpes(&self) -> Option<&Vpes> {
        self.vpes.get()
    }

    /// Gives its vCPUs vPEs, for good.
    pub(super) fn set_vpes(&self, vpes: KBox<Vpes>) {
        self.vpes.set(vpes);
    }

    /// Where the regions are, for who holds the lock.
    pub(super) fn regions(&self) -> *mut KVec<Region> {
        self.regions.get()
    }
}

impl VgicIrqs {
    /// `nr` SPIs that all are `spi`, and these vCPUs.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        nr: usize,
        spi: IrqWord,
        vcpus: impl Iterator<Item = NonNull<bindings::kvm_vcpu>>,
        nr_vcpus: usize,
    ) -> Result<KBox<Self>> {
        let spis = vec::try_collect(nr, (0..nr).map(|_| Ok(Irq::new(spi, 0))))?;
        let all = vec::try_collect(nr_vcpus, vcpus.map(Ok))?;
        let lpis = KBox::new(LpiTable::new(), GFP_KERNEL_ACCOUNT)?;

        Ok(KBox::new(
            Self {
                spis,
                lpis,
                vcpus: all,
                queued_spis: AtomicU32::new(0),
                traps_deactivation: AtomicU32::new(0),
            },
            GFP_KERNEL_ACCOUNT,
        )?)
    }

    /// All SPIs, from INTID 32.
    #[inline(always)]
    pub(crate) fn spis(&self) -> &[Irq] {
        &self.spis
    }

    /// The SPI of that INTID, if there is one.
    #[inline(always)]
    pub(crate) fn spi(&self, intid: u32) -> Option<&Irq> {
        // CAST: widening.
        get_nospec(&self.spis, (intid as usize).checked_sub(NR_PRIVATE)?)
    }

    /// Its LPIs.
    #[inline(always)]
    pub(crate) fn lpis(&self) -> &LpiTable {
        &self.lpis
    }

    /// What of a vCPU's queue holds LPIs.
    #[inline(always)]
    pub(crate) fn lpi_rows(&self, vcpu: VcpuIdx) -> LpiRows<'_> {
        LpiRows::new(&self.lpis, vcpu)
    }

    /// How many vCPUs there are.
    pub(crate) fn nr_vcpus(&self) -> usize {
        self.vcpus.len()
    }

    /// Whether there is nobody else who could deactivate what a vCPU has acknowledged.
    #[inline(always)]
    fn is_uniprocessor(&self) -> bool {
        self.nr_vcpus() < 2
    }

    /// An SPI is in a queue from now on. Whether vCPUs have to be told that deactivations are to
    /// trap.
    #[inline]
    pub(crate) fn enters_queue(&self) -> bool {
        if self.is_uniprocessor() {
            return false;
        }
        self.queued_spis.fetch_add_relaxed(1);
        // Either the store below, by who disarms the traps, is seen here, or this is seen there.
        smp_mb();
        let first = self.traps_deactivation.load_relaxed() == 0;

        if first {
            self.traps_deactivation.store_relaxed(1);
        }
        first
    }

    /// An SPI is in no queue any more. `costly`: the guest is one that deactivations trap of, so
    /// that it pays to let them be if this was the last. Whether vCPUs have to be told that they
    /// are to trap after all.
    #[inline]
    pub(crate) fn leaves_queue(&self, costly: bool) -> bool {
        if self.is_uniprocessor() {
            return false;
        }
        // It may be less than none for a moment, if this is faster than who has queued it: who then
        // finds the traps disarmed, and arms them.
        let last = self.queued_spis.fetch_sub_release(1) == 1;

        if !last || !costly {
            return false;
        }
        self.traps_deactivation.store_relaxed(0);
        // Either the addition in `enters_queue()` is seen here, or this store is seen there.
        smp_mb();
        let again = self.queued_spis.load_relaxed() != 0;

        if again {
            self.traps_deactivation.store_relaxed(1);
        }
        again
    }

    /// Whether deactivations have to trap.
    #[inline(always)]
    pub(crate) fn traps_deactivation(&self) -> bool {
        self.traps_deactivation.load_relaxed() != 0
    }

    /// The pointers behind [`Self::vcpu`].
    #[inline(always)]
    pub(super) fn vcpu_ptr(&self, index: VcpuIdx) -> Option<NonNull<bindings::kvm_vcpu>> {
        get_nospec(&self.vcpus, index.get()).copied()
    }

    /// The pointers behind [`Self::vcpu_of_word`].
    #[inline(always)]
    pub(super) fn vcpu_ptr_of_word(&self, index: VcpuIdx) -> Option<NonNull<bindings::kvm_vcpu>> {
        self.vcpus.get(index.get()).copied()
    }
}

impl VgicVcpu {
    /// Makes that of the vCPU of that index. `source`: its name in a GICv2. Its private interrupts
    /// are what `irq` says of each: state and route.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(
        index: VcpuIdx,
        source: Option<Source>,
        irq: impl Fn(u32) -> (IrqWord, u32),
    ) -> Result<KBox<Self>> {
        let mut new = KBox::<Self>::new_uninit(GFP_KERNEL_ACCOUNT)?;
        let place = new.as_mut_ptr();
        let (queue, key) = Queue::new(index);

        // SAFETY: Every field is written, in memory that does not move: it is only ever on the
        // heap. CAST: At most 31.
        unsafe {
            (&raw mut (*place).queue).write(queue);
            (&raw mut (*place).key).write(Cell::new(Some(key)));
            (&raw mut (*place).crowded).write(Cell::new(false));
            (&raw mut (*place).unlisted).write(Cell::new(true));
            (&raw mut (*place).index).write(index);
            (&raw mut (*place).source).write(source);
            (&raw mut (*place).irqs).write(Late::new());
            (&raw mut (*place).deferred).write(Deferred::new());
            (&raw mut (*place).left).write([const { AtomicU32::new(0) }; 2]);
            for i in 0..NR_PRIVATE {
                let (word, route) = irq(i as u32);

                PrivateIrq::init_at(
                    (&raw mut (*place).private).cast::<PrivateIrq>().add(i),
                    word,
                    route,
                );
            }
            Ok(new.assume_init())
        }
    }

    /// The interrupts that it has to look at.
    #[inline(always)]
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Which of its VM's vCPUs it is.
    #[inline(always)]
    pub(crate) fn index(&self) -> VcpuIdx {
        self.index
    }

    /// Whether the guest has a GICv2.
    #[inline(always)]
    pub(crate) fn is_v2(&self) -> bool {
        self.source.is_some()
    }

    /// What kind of interrupt that number is, of this vCPU.
    #[inline(always)]
    pub(crate) fn kind(&self, intid: Intid) -> Kind {
        Kind::new(intid, self.source)
    }

    /// What it shares with the other vCPUs, once there is any.
    #[inline(always)]
    pub(crate) fn irqs(&self) -> Option<&VgicIrqs> {
        self.irqs.get()
    }

    /// What the vCPU has put off. For its own thread.
    pub(super) fn deferred(&self) -> &Deferred {
        &self.deferred
    }

    /// The LPI from which on that is to go on, or 0.
    pub(super) fn left(&self, work: LpiWork) -> &AtomicU32 {
        let [invalidation, switch] = &self.left;

        match work {
            LpiWork::Invalidation => invalidation,
            LpiWork::Switch => switch,
        }
    }

    /// The SGI or PPI of that INTID, if it is one's.
    #[inline(always)]
    pub(crate) fn private(&self, intid: u32) -> Option<&PrivateIrq> {
        // CAST: widening.
        get_nospec(&self.private, intid as usize)
    }

    /// All of them, from INTID 0.
    pub(crate) fn all_private(&self) -> &[PrivateIrq; NR_PRIVATE] {
        &self.private
    }
}

impl<'a> LoadedVcpu<'a> {
    /// Whether not all of its interrupts did fit into list registers the last time.
    #[inline(always)]
    pub(crate) fn is_crowded(self, vgic: &VgicVcpu) -> bool {
        vgic.crowded.get()
    }

    /// See [`Self::is_crowded`].
    #[inline(always)]
    pub(crate) fn set_crowded(self, vgic: &VgicVcpu, crowded: bool) {
        vgic.crowded.set(crowded);
    }

    /// Whether something was in its queue, when its list registers were filled the last time, that
    /// had no business there.
    #[inline(always)]
    pub(crate) fn has_unlisted(self, vgic: &VgicVcpu) -> bool {
        vgic.unlisted.get()
    }

    /// See [`Self::has_unlisted`].
    #[inline(always)]
    pub(crate) fn set_unlisted(self, vgic: &VgicVcpu, unlisted: bool) {
        vgic.unlisted.set(unlisted);
    }

    /// Runs `f` with the right to remove from its queue. Interrupts are off: what interrupts its
    /// thread cannot be at the same.
    #[inline(always)]
    pub(crate) fn with_queue(
        self,
        _irq_off: &IrqOff,
        vgic: &VgicVcpu,
        lpis: &LpiRows<'_>,
        f: impl FnOnce(&mut Owner<'_, LpiRows<'_>>),
    ) {
        debug_assert!(self.vgic_vcpu().is_some_and(|own| core::ptr::eq(own, vgic)));
        // Not there only if `f` comes here again.
        if let Some(mut key) = vgic.key.take() {
            f(&mut key.owner(&vgic.queue, lpis));
            vgic.key.set(Some(key));
        }
    }
}

/// Stores a pointer such that whoever reads through it sees what it points at.
///
/// # Safety
///
/// `place` must be valid and aligned, and accessed in one piece only.
unsafe fn publish<P, T>(place: *mut *mut P, value: KBox<T>) {
    // SAFETY: By the safety requirements.
    unsafe { &*place.cast::<AtomicPtr<T>>() }.store_release(KBox::into_raw(value));
}

impl<'a> Vm<'a> {
    /// Its virtual GIC, unless it has none, or a GICv5.
    #[inline(always)]
    pub(crate) fn vgic_vm(self) -> Option<&'a VgicVm> {
        // SAFETY: The VM is valid. What the pointer points at was made by `set_vgic_vm()`, and is
        // freed when nobody but the caller of `take_vgic_vm()` knows the VM.
        unsafe {
            (&raw const (*self.as_ptr()).arch.vgic.spis)
                .read_volatile()
                .cast::<VgicVm>()
                .as_ref()
        }
    }

    /// Gives it a virtual GIC.
    pub(super) fn set_vgic_vm(self, vgic: KBox<VgicVm>) {
        // Who injects (KVM_IRQ_LINE, irqfd) looks for it without any lock, at any time.
        // SAFETY: The VM is valid. The pointer is of use to this alone, and accessed in one piece.
        unsafe { publish(&raw mut (*self.as_ptr()).arch.vgic.spis, vgic) };
    }

    /// Takes it back, if it has one; its vCPUs find the interrupts that they share no more.
    ///
    /// # Safety
    ///
    /// Nobody may have a reference to it any more, or to its interrupts, nor get one meanwhile.
    pub(super) unsafe fn take_vgic_vm(self) -> Option<KBox<VgicVm>> {
        for vcpu in self.vcpus().filter_map(Vcpu::vgic_vcpu) {
            // SAFETY: By the safety requirements.
            unsafe { vcpu.irqs.clear() };
        }
        // SAFETY: The VM is valid; what is there came from `set_vgic_vm()`, and nobody has a reference to
        // it, by the safety requirements.
        unsafe {
            let place = &raw mut (*self.as_ptr()).arch.vgic.spis;
            let ptr = place.read_volatile().cast::<VgicVm>();

            place.write_volatile(core::ptr::null_mut());
            (!ptr.is_null()).then(|| KBox::from_raw(ptr))
        }
    }
}

impl<'a> Vcpu<'a> {
    /// Its part of the virtual GIC, unless its VM has none, or a GICv5.
    #[inline(always)]
    pub(crate) fn vgic_vcpu(self) -> Option<&'a VgicVcpu> {
        // SAFETY: The vCPU is valid. What the pointer points at was made by `set_vgic_vcpu()`, and
        // is freed when nobody but the caller of `take_vgic_vcpu()` knows the vCPU.
        unsafe {
            (&raw const (*self.as_ptr()).arch.vgic_cpu.private_irqs)
                .read_volatile()
                .cast::<VgicVcpu>()
                .as_ref()
        }
    }

    /// Gives it its part of the virtual GIC.
    pub(super) fn set_vgic_vcpu(self, vgic: KBox<VgicVcpu>) {
        // SAFETY: See `Vm::set_vgic_vm()`.
        unsafe { publish(&raw mut (*self.as_ptr()).arch.vgic_cpu.private_irqs, vgic) };
    }

    /// Takes it back, if it has one.
    ///
    /// # Safety
    ///
    /// Nobody may have a reference to it any more.
    pub(super) unsafe fn take_vgic_vcpu(self) -> Option<KBox<VgicVcpu>> {
        // SAFETY: The vCPU is valid; what is there came from `set_vgic_vcpu()`, and nobody has a reference
        // to it, by the safety requirements.
        unsafe {
            let place = &raw mut (*self.as_ptr()).arch.vgic_cpu.private_irqs;
            let ptr = place.read_volatile().cast::<VgicVcpu>();

            place.write_volatile(core::ptr::null_mut());
            (!ptr.is_null()).then(|| KBox::from_raw(ptr))
        }
    }
}
