// SPDX-License-Identifier: GPL-2.0

//! A vCPU.
//!
//! C headers: [`include/linux/kvm_host.h`](srctree/include/linux/kvm_host.h),
//! [`arch/arm64/include/asm/kvm_emulate.h`](srctree/arch/arm64/include/asm/kvm_emulate.h)
//!
//! Mirrors: arch/arm64/include/asm/kvm_emulate.h: is_hyp_ctxt, vcpu_el2_e2h_is_set,
//!     vcpu_el2_tge_is_set, vcpu_is_el2; arch/arm64/include/asm/kvm_host.h: __vcpu_sys_reg,
//!     __vcpu_assign_sys_reg

use super::{
    arch_timer::TimerContext,
    context::OnCpu,
    hrtimer::SoftTimer,
    vm::{
        OffsetCell,
        TimerIndex,
        VcpuFeature,
        Vm, //
    }, //
};
use crate::arm64::{
    cpucaps,
    pstate::{
        Mode,
        Pstate, //
    }, //
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::bindings;

pub(crate) use super::sys_reg::SysReg;

/// `HCR_EL2` of a guest hypervisor: its host's user space runs, or could.
const TGE: u64 = 1 << 27;
/// It is a VHE host.
const E2H: u64 = 1 << 34;
/// It gets SErrors.
#[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
const AMO: u64 = 1 << 5;

/// A reference to a `struct kvm_vcpu`.
///
/// # Invariants
///
/// `ptr` points at a vCPU whose `kvm` and `run` are set, and which lives for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct Vcpu<'a> {
    ptr: *mut bindings::kvm_vcpu,
    _vcpu: PhantomData<&'a bindings::kvm_vcpu>,
}

impl<'a> Vcpu<'a> {
    /// # Safety
    ///
    /// `ptr` must point at a vCPU whose `kvm` and `run` are set, valid for the lifetime of the
    /// returned value.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(ptr: *mut bindings::kvm_vcpu) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            ptr,
            _vcpu: PhantomData,
        }
    }

    /// The vCPU that is loaded on this CPU, if any. Stays so while the caller stays on the CPU:
    /// only the vCPU's own thread unloads it, by being scheduled out of here.
    #[inline]
    pub(crate) fn running(_on_cpu: OnCpu<'a>) -> Option<Self> {
        // SAFETY: No preconditions.
        let ptr = unsafe { bindings::kvm_get_running_vcpu() };

        if ptr.is_null() {
            return None;
        }
        // SAFETY: A loaded vCPU is complete.
        Some(unsafe { Self::from_raw(ptr) })
    }

    /// For calls into C.
    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *mut bindings::kvm_vcpu {
        self.ptr
    }

    /// Whether both are the same vCPU.
    #[inline(always)]
    pub(crate) fn is(self, other: Vcpu<'_>) -> bool {
        ptr::eq(self.ptr, other.ptr)
    }

    /// The VM it belongs to.
    #[inline(always)]
    pub(crate) fn vm(self) -> Vm<'a> {
        // SAFETY: Valid by the type invariant, here and below; a VM outlives its vCPUs.
        unsafe { Vm::from_raw((*self.ptr).kvm) }
    }

    /// Its number, as user space gave it.
    #[inline(always)]
    pub(crate) fn id(self) -> i32 {
        // SAFETY: See above; constant after creation.
        unsafe { (*self.ptr).vcpu_id }
    }

    /// Whether it has a virtual EL2.
    #[inline(always)]
    pub(crate) fn has_el2(self) -> bool {
        cpucaps::has_nested_virt() && self.vm().has_vcpu_feature(VcpuFeature::HAS_EL2)
    }

    /// Whether it is at virtual EL2, or in the user space of a hypervisor that is a VHE host. TGE
    /// without E2H, of which there is no such user space, counts as well.
    #[inline(always)]
    pub(crate) fn in_hyp_context(self) -> bool {
        self.has_el2()
            && (matches!(self.pstate().mode(), Mode::El2t | Mode::El2h)
                || self.virtual_hcr() & TGE != 0)
    }

    #[inline(always)]
    fn pstate(self) -> Pstate {
        // SAFETY: See above. Other CPUs look at it when a soft timer expires.
        Pstate::from_raw(unsafe { (&raw const (*self.ptr).arch.ctxt.regs.pstate).read_volatile() })
    }

    /// Its `HCR_EL2`. Once it has run it has no bits in memory but those that its VM's features
    /// bring. Other CPUs look at it when a soft timer expires.
    #[inline(always)]
    fn virtual_hcr(self) -> u64 {
        self.context().sys_regs().get_once(SysReg::HCR_EL2)
    }

    /// Whether it has a virtual EL2 and is below it: the guest of a guest.
    #[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
    #[inline]
    pub(crate) fn in_nested_context(self) -> bool {
        self.has_el2() && !self.in_hyp_context()
    }

    /// Its `HCR_EL2.E2H`.
    #[inline(always)]
    pub(crate) fn el2_e2h(self) -> bool {
        self.virtual_hcr() & E2H != 0
    }

    /// Its `HCR_EL2.TGE`.
    #[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
    #[inline(always)]
    pub(crate) fn el2_tge(self) -> bool {
        self.virtual_hcr() & TGE != 0
    }

    /// Its `HCR_EL2.AMO`.
    #[cfg(CONFIG_KVM_ARM64_RUST_SWITCH)]
    #[inline(always)]
    pub(crate) fn el2_amo(self) -> bool {
        self.virtual_hcr() & AMO != 0
    }

    /// Whether its thread is about to sleep, or sleeps, in `kvm_vcpu_block()`.
    #[inline]
    pub(crate) fn is_blocking(self) -> bool {
        // SAFETY: See above.
        unsafe { bindings::kvm_vcpu_is_blocking(self.ptr) }
    }

    /// Makes its thread runnable if it blocks. Any context.
    pub(crate) fn wake_up(self) {
        // SAFETY: See above.
        unsafe { bindings::kvm_vcpu_wake_up(self.ptr) };
    }

    /// Whether it waits in a WFI or WFE that has a timeout.
    #[inline]
    pub(crate) fn in_wfit(self) -> bool {
        // SAFETY: See above.
        unsafe { bindings::vcpu_in_wfit(self.ptr) }
    }

    /// The value of the register that the trapped instruction names: the timeout of a WFIT.
    #[inline]
    pub(crate) fn trapped_register(self) -> u64 {
        // SAFETY: See above; any syndrome names a register that exists.
        unsafe { bindings::vcpu_trapped_rt(self.ptr) }
    }

    /// The value in memory of a register, less the bits that a guest with EL2 does not have. Stale
    /// for one that the hardware holds at the moment.
    #[inline(always)]
    pub(crate) fn sys_reg(self, reg: SysReg) -> u64 {
        self.sanitised(reg, self.context().sys_regs().get(reg))
    }

    /// Sets the value in memory of a register, less the bits that a guest with EL2 does not have.
    #[inline(always)]
    pub(crate) fn set_sys_reg(self, reg: SysReg, value: u64) {
        self.context()
            .sys_regs()
            .set(reg, self.sanitised(reg, value));
    }

    #[inline(always)]
    fn sanitised(self, reg: SysReg, value: u64) -> u64 {
        if reg.is_sanitised() && self.has_el2() {
            // SAFETY: See above; the register exists by its invariant.
            unsafe { bindings::kvm_vcpu_apply_reg_masks(self.ptr, reg.as_raw(), value) }
        } else {
            value
        }
    }

    /// The value in memory of `CNTVOFF_EL2`, as a cell.
    pub(crate) fn cntvoff_cell(self) -> OffsetCell<'a> {
        OffsetCell::new(self.context().sys_regs().slot(SysReg::CNTVOFF_EL2))
    }

    /// One of its timers.
    #[inline(always)]
    pub(crate) fn timer_context(self, timer: TimerIndex) -> TimerContext<'a> {
        // SAFETY: See above; the index is within the array by its invariant.
        unsafe {
            let timers = (&raw mut (*self.ptr).arch.timer_cpu.timers).cast();

            TimerContext::from_raw(<*mut bindings::arch_timer_context>::add(
                timers,
                timer.get(),
            ))
        }
    }

    /// The vCPU and timer that a timer context is part of.
    #[inline(always)]
    pub(crate) fn of_timer_context(context: TimerContext<'a>) -> Option<(Self, TimerIndex)> {
        let index = context.index()?;

        // SAFETY: By its invariant the context is element `index` of a vCPU's array of timers.
        // Going back to the array's start and then by its offset yields the vCPU.
        let ptr = unsafe {
            context
                .as_ptr()
                .sub(index.get())
                .byte_sub(core::mem::offset_of!(
                    bindings::kvm_vcpu,
                    arch.timer_cpu.timers
                ))
                .cast::<bindings::kvm_vcpu>()
        };

        // SAFETY: See above; a vCPU with a timer that is set up is complete.
        Some((unsafe { Self::from_raw(ptr) }, index))
    }

    /// The vCPU that a background timer is part of.
    ///
    /// # Safety
    ///
    /// `timer` must be the `bg_timer` of a vCPU that is valid for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn of_background_timer(timer: *mut bindings::hrtimer) -> Self {
        // SAFETY: By the safety requirements the offset leads back to the vCPU.
        unsafe {
            Self::from_raw(
                timer
                    .byte_sub(core::mem::offset_of!(
                        bindings::kvm_vcpu,
                        arch.timer_cpu.bg_timer
                    ))
                    .cast(),
            )
        }
    }

    /// The hrtimer that wakes the vCPU when it blocks.
    #[inline(always)]
    pub(crate) fn background_timer(self) -> SoftTimer<'a> {
        // SAFETY: See above; set up with the vCPU.
        unsafe { SoftTimer::from_raw(&raw mut (*self.ptr).arch.timer_cpu.bg_timer) }
    }

    /// Whether its timers are connected to the interrupt controller, so that it may run.
    #[inline(always)]
    pub(crate) fn timers_enabled(self) -> bool {
        // SAFETY: See above.
        unsafe { (*self.ptr).arch.timer_cpu.enabled }
    }

    /// Makes [`Self::timers_enabled`] true for good.
    pub(crate) fn set_timers_enabled(self) {
        // SAFETY: See above.
        unsafe { (*self.ptr).arch.timer_cpu.enabled = true };
    }

    /// The device line levels shown to user space in `kvm_run` (`KVM_ARM_DEV_*`).
    #[inline]
    pub(crate) fn device_irq_level(self) -> u64 {
        // SAFETY: See above. User space maps the page and may write to it at any time.
        unsafe { self.device_irq_level_ptr().read_volatile() }
    }

    /// Shows other levels to user space.
    #[inline]
    pub(crate) fn set_device_irq_level(self, levels: u64) {
        // SAFETY: See above.
        unsafe { self.device_irq_level_ptr().write_volatile(levels) };
    }

    #[inline(always)]
    fn device_irq_level_ptr(self) -> *mut u64 {
        // SAFETY: Valid by the type invariant; no reference to the shared page is made.
        unsafe { &raw mut (*(*self.ptr).run).s.regs.device_irq_level }
    }
}
