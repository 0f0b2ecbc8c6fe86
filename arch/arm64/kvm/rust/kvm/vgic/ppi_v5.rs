// SPDX-License-Identifier: GPL-2.0

//! The PPIs of a vCPU with a GICv5, which are C's `struct vgic_irq`: other files of KVM lock them
//! and look into them.
//!
//! C header: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Where other GICs have the list of a vCPU's interrupts, `vgic_cpu.ap_list_head`, there is for a
//! GICv5 the pointer to this array, and NULL for others: `private_irqs` is
//! [`VgicVcpu`](super::objects::VgicVcpu)'s place.
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_irq, vgic_v5_vm; arch/arm64/kvm/vgic/vgic.h:
//!     irq_is_pending; arch/arm64/kvm/vgic/vgic-v5.c: vgic_v5_set_ppi_dvi

use super::{
    super::prelude::*,
    IrqOps, //
};
use crate::{
    bindings,
    gic::{
        cpu_state::Limits,
        v5::PpiNumber, //
    },
    linux::prelude::*, //
};
use core::{
    ffi::c_void,
    ptr, //
};
use kernel::{
    alloc::flags::*,
    error::Result,
    prelude::*,
    types::{
        NotThreadSafe,
        Opaque, //
    },
};

/// All PPIs of a vCPU.
#[repr(transparent)]
// CAST: widening.
pub(crate) struct PpisV5([Opaque<bindings::vgic_irq>; PpiNumber::COUNT as usize]);

impl PpisV5 {
    /// Makes those of a vCPU: all of them levels but software's own.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(vcpu: Vcpu<'_>, ops: &'static IrqOps) -> Result<KBox<Self>> {
        let mut new = KBox::<Self>::new_uninit(GFP_KERNEL_ACCOUNT | __GFP_ZERO)?;
        let first = new.as_mut_ptr().cast::<bindings::vgic_irq>();

        for number in PpiNumber::all() {
            let config = if number == PpiNumber::SOFTWARE {
                bindings::vgic_irq_config_VGIC_CONFIG_EDGE
            } else {
                bindings::vgic_irq_config_VGIC_CONFIG_LEVEL
            };

            // SAFETY: Within the array, which is zeroed, and on the heap: it does not move.
            unsafe {
                let irq = first.add(usize::from(number.get()));

                bindings::kvm_arm64_raw_lock_init(&raw mut (*irq).irq_lock);
                (*irq).intid = number.intid();
                (*irq).target_vcpu = vcpu.as_ptr();
                (*irq).ops = &raw const ops.0;
                bindings::vgic_irq::set_config_raw(irq, config);
            }
        }
        // SAFETY: Zeroed, which is valid of each field, or written.
        Ok(unsafe { new.assume_init() })
    }
}

/// One of a vCPU's PPIs.
///
/// # Invariants
///
/// `ptr` points at it, and it lives as long as the vCPU.
#[derive(Clone, Copy)]
pub(crate) struct PpiV5<'a> {
    vcpu: Vcpu<'a>,
    number: PpiNumber,
    ptr: *mut bindings::vgic_irq,
}

impl<'a> Vcpu<'a> {
    fn ppis_v5(self) -> *mut *mut PpisV5 {
        // SAFETY: The vCPU is valid.
        unsafe { (&raw mut (*self.as_ptr()).arch.vgic_cpu.ap_list_head.next).cast() }
    }

    /// One of its PPIs, if it has a GICv5.
    #[inline]
    pub(crate) fn ppi_v5(self, number: PpiNumber) -> Option<PpiV5<'a>> {
        // SAFETY: The vCPU is valid. Set once, before any other thread knows that there is a GIC.
        let array = unsafe { self.ppis_v5().read_volatile() };

        // SAFETY: NULL, or `KBox::into_raw()`'s of an array that is freed with the vCPU.
        let array = unsafe { array.as_ref() }?;

        // INVARIANT: Within the array.
        Some(PpiV5 {
            vcpu: self,
            number,
            ptr: get_nospec(&array.0, usize::from(number.get()))?.get(),
        })
    }

    /// Whether it has the PPIs of a GICv5.
    pub(crate) fn has_ppis_v5(self) -> bool {
        // SAFETY: The vCPU is valid.
        !unsafe { self.ppis_v5().read_volatile() }.is_null()
    }
}

impl ConfigLock<'_> {
    /// Gives a vCPU its PPIs, for as long as it lives.
    pub(crate) fn install_ppis_v5(&self, vcpu: Vcpu<'_>, ppis: KBox<PpisV5>) {
        debug_assert!(!vcpu.has_ppis_v5());
        // SAFETY: The vCPU is valid. Whoever reads the pointer does so later than it learns that
        // there is a GIC, which the lock orders.
        unsafe { vcpu.ppis_v5().write_volatile(KBox::into_raw(ppis)) };
    }

    /// The sizes that a GICv5 guest is told: INTIDs of 16 bits, whatever the host's; five bits of
    /// priority.
    pub(crate) fn set_sizes_v5(&self, vcpu: Vcpu<'_>) {
        /// `ICC_IDR0_EL1.ID_BITS`.
        const ID_16_BITS: u32 = 0;

        self.set_interface_limits(
            vcpu,
            Limits {
                priority_bits: 5,
                id_bits: ID_16_BITS,
            },
        );
    }

    /// The PPIs that user space may drive.
    pub(crate) fn user_ppis(&self) -> u64 {
        // SAFETY: The VM is valid. CAST: As wide.
        unsafe {
            (&raw const (*self.vm().dist().ptr()).gicv5_vm.userspace_ppis[0]).read_volatile() as u64
        }
    }

    /// See [`Self::user_ppis`].
    pub(crate) fn set_user_ppis(&self, ppis: u64) {
        // SAFETY: The VM is valid, and its configuration locked. CAST: As wide.
        unsafe {
            (&raw mut (*self.vm().dist().ptr()).gicv5_vm.userspace_ppis[0])
                .write_volatile(ppis as usize)
        };
    }

    /// The PPIs that the guest gets to see, and which of these are levels.
    pub(crate) fn set_visible_ppis(&self, ppis: u64, levels: u64) {
        // SAFETY: The VM is valid, and its configuration locked. CAST: As wide.
        unsafe {
            let vm = &raw mut (*self.vm().dist().ptr()).gicv5_vm;

            (&raw mut (*vm).vgic_ppi_hmr[0]).write_volatile(levels as usize);
            (&raw mut (*vm).vgic_ppi_mask[0]).write_volatile(ppis as usize);
        }
    }
}

impl super::dist::Dist<'_> {
    /// The PPIs that the guest gets to see; none before a vCPU runs.
    #[inline]
    pub(crate) fn visible_ppis(self) -> u64 {
        // SAFETY: The VM is valid. CAST: As wide.
        unsafe { (&raw const (*self.ptr()).gicv5_vm.vgic_ppi_mask[0]).read_volatile() as u64 }
    }
}

impl NewVcpu<'_> {
    /// Frees its PPIs, if it has any.
    pub(crate) fn free_ppis_v5(self) {
        let place = self.ppis_v5();

        // SAFETY: From `KBox::into_raw()`, and nobody else knows the vCPU, by the type's invariant.
        unsafe {
            let ppis = place.read_volatile();

            place.write_volatile(ptr::null_mut());
            if !ppis.is_null() {
                drop(KBox::from_raw(ppis));
            }
        }
    }
}

impl<'a> PpiV5<'a> {
    /// Which one it is.
    pub(crate) fn number(self) -> PpiNumber {
        self.number
    }

    /// For calls into C, and C's into this.
    pub(crate) fn as_ptr(self) -> *mut bindings::vgic_irq {
        self.ptr
    }

    /// Locks it, with interrupts off.
    #[inline]
    pub(crate) fn lock(self) -> PpiGuard<'a> {
        // SAFETY: Initialised with the array; given back by `Drop`.
        let flags = unsafe { bindings::kvm_arm64_raw_lock_irqsave(&raw mut (*self.ptr).irq_lock) };

        PpiGuard {
            ppi: self,
            flags,
            _not_send: NotThreadSafe,
        }
    }
}

impl Vcpu<'_> {
    /// Has a PPI go to the guest without the host, or not. Other PPIs may be changed meanwhile.
    pub(crate) fn set_ppi_direct(self, number: PpiNumber, direct: bool) {
        let bit = usize::from(number.get());

        // SAFETY: The vCPU is valid, and has a GICv5; atomic.
        unsafe {
            let bits = (&raw mut (*self.as_ptr())
                .arch
                .vgic_cpu
                .__bindgen_anon_1
                .vgic_v5
                .vgic_ppi_dvir)
                .cast::<usize>();

            if direct {
                bindings::set_bit(bit, bits);
            } else {
                bindings::clear_bit(bit, bits);
            }
        }
    }
}

/// A PPI that is locked.
pub(crate) struct PpiGuard<'a> {
    ppi: PpiV5<'a>,
    flags: usize,
    _not_send: NotThreadSafe,
}

/// Makes accessors of fields of one bit.
macro_rules! bits {
    ($($(#[$meta:meta])* $get:ident $(, $set:ident)?: $raw:ident $(, $set_raw:ident)?;)*) => {$(
        $(#[$meta])*
        pub(crate) fn $get(&self) -> bool {
            // SAFETY: Valid by its invariant, and locked.
            unsafe { bindings::vgic_irq::$raw(self.ppi.ptr) }
        }

        $(
            #[doc = concat!("See [`Self::", stringify!($get), "`].")]
            pub(crate) fn $set(&mut self, value: bool) {
                // SAFETY: Valid by its invariant, and locked.
                unsafe { bindings::vgic_irq::$set_raw(self.ppi.ptr, value) };
            }
        )?
    )*};
}

impl PpiGuard<'_> {
    bits! {
        /// An edge that is not yet acknowledged.
        latch, set_latch: pending_latch_raw, set_pending_latch_raw;
        /// The level of the line.
        line, set_line: line_level_raw, set_line_level_raw;
        /// The guest wants it.
        is_enabled: enabled_raw;
        /// Acknowledged, not yet deactivated.
        is_active, set_active: active_raw, set_active_raw;
        /// It stands for one of the host's.
        is_mapped: hw_raw;
    }

    /// Whether it is an edge; a level otherwise.
    pub(crate) fn is_edge(&self) -> bool {
        // SAFETY: Valid by its invariant, and locked.
        unsafe {
            bindings::vgic_irq::config_raw(self.ppi.ptr)
                == bindings::vgic_irq_config_VGIC_CONFIG_EDGE
        }
    }

    /// Whether it is pending, by what KVM knows.
    pub(crate) fn is_pending(&self) -> bool {
        self.latch() || (!self.is_edge() && self.line())
    }

    /// Its priority.
    pub(crate) fn priority(&self) -> u8 {
        // SAFETY: Valid by its invariant, and locked.
        unsafe { (*self.ppi.ptr).priority }
    }

    /// See [`Self::priority`].
    pub(crate) fn set_priority(&mut self, priority: u8) {
        // SAFETY: Valid by its invariant, and locked.
        unsafe { (*self.ppi.ptr).priority = priority };
    }

    /// The device that alone may drive its line, as a cookie.
    pub(crate) fn owner(&self) -> Owner {
        // SAFETY: Valid by its invariant, and locked.
        Owner::from_raw(unsafe { (*self.ppi.ptr).owner })
    }

    /// See [`Self::owner`].
    pub(crate) fn set_owner(&mut self, owner: Owner) {
        // SAFETY: Valid by its invariant, and locked. The cookie is not followed. CAST: An address is
        // as wide.
        unsafe { (*self.ppi.ptr).owner = owner.into_raw() as *mut c_void };
    }

    /// Sets the device's answers.
    pub(crate) fn set_ops(&mut self, ops: Option<&'static IrqOps>) {
        // SAFETY: Valid by its invariant, and locked; the operations live for ever.
        unsafe { (*self.ppi.ptr).ops = ops.map_or(ptr::null(), |ops| &raw const ops.0) };
    }

    /// The host's interrupt that it stands for.
    pub(crate) fn host(&self) -> Option<HostInterrupt> {
        // SAFETY: Valid by its invariant, and locked.
        self.is_mapped().then(|| unsafe {
            HostInterrupt::again((*self.ppi.ptr).host_irq, (*self.ppi.ptr).hwintid)
        })
    }

    /// Has it stand for one of the host's, which the guest takes and deactivates by itself; or not.
    pub(crate) fn map(&mut self, host: Option<HostInterrupt>) {
        // SAFETY: Valid by its invariant, and locked.
        unsafe {
            bindings::vgic_irq::set_hw_raw(self.ppi.ptr, host.is_some());
            (*self.ppi.ptr).hwintid = host.map_or(0, HostInterrupt::intid);
            if let Some(host) = host {
                (*self.ppi.ptr).host_irq = host.irq();
            }
        }
        self.ppi
            .vcpu
            .set_ppi_direct(self.ppi.number, host.is_some());
    }

    /// The level of the physical line of one that is mapped.
    pub(crate) fn physical_line(&self) -> bool {
        let mut mapping = Mapping::NONE;

        mapping.set_host(self.host());
        // SAFETY: Valid by its invariant, and locked. Whatever C or Rust has put there lives for ever,
        // and `IrqOps` is transparent.
        mapping.set_ops(unsafe { (*self.ppi.ptr).ops.cast::<IrqOps>().as_ref() });
        mapping.line_level(self.ppi.number.intid())
    }
}

impl Drop for PpiGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: Taken by `lock()`, on this task: the guard is not `Send`.
        unsafe {
            bindings::kvm_arm64_raw_unlock_irqrestore(&raw mut (*self.ppi.ptr).irq_lock, self.flags)
        };
    }
}
