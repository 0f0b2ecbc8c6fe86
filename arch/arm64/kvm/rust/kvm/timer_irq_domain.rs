// SPDX-License-Identifier: GPL-2.0

//! An interrupt domain between the timers and a GIC that cannot do what KVM wants of it.
//!
//! KVM marks a timer's physical interrupt active while its virtual one is handled, so that the
//! level does not interrupt the host again and again. Where guests cannot deactivate physical
//! interrupts (some GICv3 work-alikes), or there is no active state for it (GICv5), this domain
//! sits on top of the GIC's and masks the interrupt instead.
//!
//! C header: [`include/linux/irqdomain.h`](srctree/include/linux/irqdomain.h)
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: timer_irq_set_vcpu_affinity, timer_irq_set_irqchip_state,
//!     timer_irq_eoi, timer_irq_ack, timer_chip, timer_irq_domain_alloc, timer_irq_domain_free,
//!     timer_domain_ops, kvm_irq_init

use super::*;
use kernel::{
    error::code::{
        EINVAL,
        ENOMEM, //
    },
    prelude::export, //
};

/// The domain. Made once, never removed.
pub(crate) struct TimerIrqDomain {
    ptr: *mut bindings::irq_domain,
}

impl TimerIrqDomain {
    /// Makes the domain on top of the one that `irq` is in. All timers are assumed to share it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` if `irq` is in no domain.
    pub(crate) fn above(irq: u32) -> Result<Self> {
        // SAFETY: Any number is accepted.
        let data = unsafe { bindings::irq_get_irq_data(irq) };
        if data.is_null() {
            return Err(EINVAL);
        }

        // SAFETY: The name is terminated.
        let fwnode = unsafe { bindings::irq_domain_alloc_named_fwnode(c"kvm-timer".as_char_ptr()) };
        if fwnode.is_null() {
            return Err(ENOMEM);
        }

        // SAFETY: `data` is of an existing interrupt; the operations live for ever.
        let ptr = unsafe {
            bindings::irq_domain_create_hierarchy(
                (*data).domain,
                0,
                bindings::kvm_arch_timers_NR_KVM_TIMERS,
                fwnode,
                &raw const DOMAIN_OPS,
                core::ptr::null_mut(),
            )
        };
        if ptr.is_null() {
            // SAFETY: Allocated above, and used by nobody.
            unsafe { bindings::irq_domain_free_fwnode(fwnode) };
            return Err(ENOMEM);
        }

        Ok(Self { ptr })
    }

    /// Puts the interrupt of a timer into the domain.
    ///
    /// # Errors
    ///
    /// The interrupt core's, if the interrupt is in use already.
    pub(crate) fn push(&self, irq: u32, timer: TimerId) -> Result {
        // SAFETY: The domain is complete; the argument is what `alloc()` expects.
        to_result(unsafe {
            bindings::irq_domain_push_irq(
                self.ptr,
                // CAST: C's type for the same number.
                irq as i32,
                core::ptr::without_provenance_mut::<c_void>(timer.index()),
            )
        })
    }
}

static DOMAIN_OPS: bindings::irq_domain_ops = bindings::irq_domain_ops {
    alloc: Some(alloc),
    free: Some(free),
    // SAFETY: All other operations are optional, and null is "none".
    ..unsafe { core::mem::zeroed() }
};

/// An `irq_chip` that may be shared between threads: C never writes to it.
#[repr(transparent)]
struct Chip(bindings::irq_chip);

// SAFETY: Constant.
unsafe impl Sync for Chip {}

static CHIP: Chip = Chip(bindings::irq_chip {
    // `as_char_ptr()` cannot be used in a static.
    name: c"KVM".to_bytes_with_nul().as_ptr(),
    irq_ack: Some(ack),
    irq_mask: Some(bindings::irq_chip_mask_parent),
    irq_unmask: Some(bindings::irq_chip_unmask_parent),
    irq_eoi: Some(eoi),
    irq_set_type: Some(bindings::irq_chip_set_type_parent),
    irq_set_vcpu_affinity: Some(set_vcpu_affinity),
    irq_set_irqchip_state: Some(bindings::kvm_arm64_timer_set_irqchip_state),
    // SAFETY: All other operations are optional, and null is "none".
    ..unsafe { core::mem::zeroed() }
});

/// # Safety
///
/// As for `irq_domain_ops::alloc`, with the argument of [`TimerIrqDomain::push`].
unsafe extern "C" fn alloc(
    domain: *mut bindings::irq_domain,
    virq: u32,
    _nr_irqs: u32,
    arg: *mut c_void,
) -> i32 {
    // SAFETY: The interrupt core passes its own objects. CAST: the argument is a small number.
    unsafe {
        bindings::irq_domain_set_hwirq_and_chip(
            domain,
            virq,
            arg.addr(),
            &raw const CHIP.0,
            core::ptr::null_mut(),
        )
    }
}

/// # Safety
///
/// As for `irq_domain_ops::free`: nothing was allocated.
unsafe extern "C" fn free(_domain: *mut bindings::irq_domain, _virq: u32, _nr_irqs: u32) {}

/// # Safety
///
/// As for `irq_chip::irq_ack`.
unsafe extern "C" fn ack(data: *mut bindings::irq_data) {
    // SAFETY: An interrupt of this domain has a parent with a chip.
    unsafe {
        let parent = (*data).parent_data;

        if let Some(parent_ack) = (*(*parent).chip).irq_ack {
            parent_ack(parent);
        }
    }
}

/// # Safety
///
/// As for `irq_chip::irq_eoi`.
unsafe extern "C" fn eoi(data: *mut bindings::irq_data) {
    // SAFETY: The interrupt core passes its own object. A forwarded interrupt stays active.
    unsafe {
        if !bindings::irqd_is_forwarded_to_vcpu(data) {
            bindings::irq_chip_eoi_parent(data);
        }
    }
}

/// # Safety
///
/// As for `irq_chip::irq_set_vcpu_affinity`.
unsafe extern "C" fn set_vcpu_affinity(data: *mut bindings::irq_data, vcpu: *mut c_void) -> i32 {
    // SAFETY: The interrupt core passes its own object, under its lock.
    unsafe {
        if vcpu.is_null() {
            bindings::irqd_clr_forwarded_to_vcpu(data);
        } else {
            bindings::irqd_set_forwarded_to_vcpu(data);
        }
    }
    0
}

/// What is behind `irq_chip::irq_set_irqchip_state`, for which C has the function: see
/// `timer/glue.c`.
///
/// # Safety
///
/// As for that.
#[export]
unsafe extern "C" fn kvm_arm64_timer_set_state(
    data: *mut bindings::irq_data,
    which: bindings::irqchip_irq_state,
    val: bool,
) -> i32 {
    // SAFETY: The interrupt core passes its own object, and calls with its lock held and
    // interrupts off.
    unsafe {
        if !masks_instead(data, which) {
            return bindings::irq_chip_set_parent_state(data, which, val);
        }

        if val {
            bindings::irq_chip_mask_parent(data);
        } else {
            bindings::irq_chip_unmask_parent(data);
        }
    }
    0
}

/// Whether a change of state is to be done by masking: it is the active state of a forwarded
/// interrupt, and not one of a GICv3 guest on a GICv5, whose hardware does it.
///
/// # Safety
///
/// `data` must be valid, and interrupts off.
unsafe fn masks_instead(data: *mut bindings::irq_data, which: bindings::irqchip_irq_state) -> bool {
    // SAFETY: By the safety requirements.
    let forwarded = unsafe { bindings::irqd_is_forwarded_to_vcpu(data) };

    if which != bindings::irqchip_irq_state_IRQCHIP_STATE_ACTIVE || !forwarded {
        return false;
    }

    if !HostGic::get().is_v5 {
        return true;
    }

    // SAFETY: By the safety requirements.
    let irq_off = unsafe { IrqOff::assume() };

    // The state may also be changed while no vCPU is loaded here; then no GICv3 guest owns it.
    !Vcpu::running((&irq_off).into()).is_some_and(|vcpu| vcpu.vm().has_gicv3())
}
