// SPDX-License-Identifier: GPL-2.0

//! A vCPU, and by its type who may touch what of it.
//!
//! ```text
//! RunningVcpu -> LoadedVcpu -> OwnVcpu -> Vcpu        UserVcpu, NewVcpu -> OwnVcpu
//! ```
//!
//! The stronger turns into the weaker for free, never the other way. All are one pointer.
//!
//! C headers: [`include/linux/kvm_host.h`](srctree/include/linux/kvm_host.h),
//! [`arch/arm64/include/asm/kvm_emulate.h`](srctree/arch/arm64/include/asm/kvm_emulate.h)
//!
//! Mirrors: arch/arm64/include/asm/kvm_emulate.h: is_hyp_ctxt, vcpu_el2_e2h_is_set,
//!     vcpu_el2_tge_is_set, vcpu_is_el2; arch/arm64/include/asm/kvm_host.h: __vcpu_sys_reg,
//!     __vcpu_assign_sys_reg

#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
pub(crate) mod exit;
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
pub(crate) mod fp;
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
pub(crate) mod running;
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
pub(crate) mod switch;
#[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
pub(crate) mod sysregs;

use super::*;

pub(crate) use super::sys_reg::SysReg;

view! {
    /// Anyone's vCPU: what may be done with it by whoever knows that it exists.
    ///
    /// # Invariants
    ///
    /// `ptr` points at a vCPU whose `kvm` and `run` are set, and which lives for `'a`.
    pub(crate) struct Vcpu<'a>(bindings::kvm_vcpu);
}

impl<'a> Vcpu<'a> {
    // SAFETY: Valid by the type invariant. Others write to none of these but PSTATE, which is
    // looked at when a soft timer expires. `enabled` goes from false to true, once.
    fields! { unsafe
        /// Its number, as user space gave it.
        pub(crate) id: i32 = vcpu_id;
        /// Whether its timers are connected to the interrupt controller, so that it may run.
        pub(crate) timers_enabled: bool = arch.timer_cpu.enabled;
        pstate: Pstate = arch.ctxt.regs.pstate, once;
    }

    /// The vCPU that is loaded on this CPU, if any. Stays so while the caller stays on the CPU:
    /// only the vCPU's own thread unloads it, by being scheduled out of here.
    #[inline]
    pub(crate) fn running(on_cpu: OnCpu<'a>) -> Option<LoadedVcpu<'a>> {
        // SAFETY: No preconditions.
        let ptr = unsafe { bindings::kvm_get_running_vcpu() };

        if ptr.is_null() {
            return None;
        }
        // SAFETY: A loaded vCPU is complete, and its thread is this one, or the one that this is an
        // interrupt of.
        Some(unsafe { LoadedVcpu::assume(ptr, on_cpu) })
    }

    /// Where each CPU's running vCPU is kept: what handlers of per-CPU IRQs get.
    pub(crate) fn running_per_cpu() -> PerCpuData {
        // SAFETY: The address of a static per-CPU variable.
        unsafe { PerCpuData::new(bindings::kvm_get_running_vcpus().cast()) }
    }

    /// What is left of a stronger type's value, for whom that does.
    #[inline(always)]
    pub(crate) fn anyones(self) -> Self {
        self
    }

    /// Whether both are the same vCPU.
    #[inline(always)]
    pub(crate) fn is(self, other: Vcpu<'_>) -> bool {
        ptr::eq(self.as_ptr(), other.as_ptr())
    }

    /// The VM it belongs to.
    #[inline(always)]
    pub(crate) fn vm(self) -> Vm<'a> {
        // SAFETY: Valid by the type invariant, here and below; a VM outlives its vCPUs.
        unsafe { Vm::from_raw(side::pointer((*self.as_ptr()).kvm)) }
    }

    /// Whether it has a virtual EL2.
    #[inline(always)]
    pub(crate) fn has_el2(self) -> bool {
        side::MAY_NEST
            && cpucaps::has_nested_virt()
            && self.vm().has_vcpu_feature(VcpuFeature::HAS_EL2)
    }

    /// Whether it is at virtual EL2, or in the user space of a hypervisor that is a VHE host. TGE
    /// without E2H, of which there is no such user space, counts as well.
    #[inline(always)]
    pub(crate) fn in_hyp_context(self) -> bool {
        self.has_el2()
            && (matches!(self.pstate().mode(), Mode::El2t | Mode::El2h)
                || self.virtual_hcr().has(Hcr::TGE))
    }

    /// Its `HCR_EL2`. Once it has run it has no bits in memory but those that its VM's features
    /// bring. Other CPUs look at it when a soft timer expires.
    #[inline(always)]
    fn virtual_hcr(self) -> Hcr {
        Hcr::from_raw(self.context().sys_regs().get_once(SysReg::HCR_EL2))
    }

    /// Whether it has a virtual EL2 and is below it: the guest of a guest.
    #[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe, CONFIG_KVM_ARM64_RUST_VGIC))]
    #[inline]
    pub(crate) fn in_nested_context(self) -> bool {
        self.has_el2() && !self.in_hyp_context()
    }

    /// Its `HCR_EL2.E2H`.
    #[inline(always)]
    pub(crate) fn el2_e2h(self) -> bool {
        self.virtual_hcr().has(Hcr::E2H)
    }

    /// Its `HCR_EL2.TGE`.
    #[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
    #[inline(always)]
    pub(crate) fn el2_tge(self) -> bool {
        self.virtual_hcr().has(Hcr::TGE)
    }

    /// Its `HCR_EL2.AMO`.
    #[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
    #[inline(always)]
    pub(crate) fn el2_amo(self) -> bool {
        self.virtual_hcr().has(Hcr::AMO)
    }

    /// Whether IRQs or FIQs below its EL2 come to that (`HCR_EL2.IMO`, `FMO`).
    #[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
    #[inline(always)]
    pub(crate) fn el2_takes_interrupts(self) -> bool {
        let hcr = self.virtual_hcr();

        hcr.has(Hcr::IMO) || hcr.has(Hcr::FMO)
    }

    /// Makes its thread runnable if it blocks. Any context.
    pub(crate) fn wake_up(self) {
        // SAFETY: Valid by the type invariant; any context.
        unsafe { bindings::kvm_vcpu_wake_up(self.as_ptr()) };
    }

    /// One of its timers.
    #[inline(always)]
    pub(crate) fn timer(self, id: TimerId) -> Timer<'a> {
        Timer::of(self, id)
    }

    /// The device line levels shown to user space in `kvm_run` (`KVM_ARM_DEV_*`).
    #[inline]
    pub(crate) fn device_irq_level(self) -> u64 {
        // SAFETY: Valid by `device_irq_level_ptr()`. User space maps the page and may write to it at any
        // time.
        unsafe { self.device_irq_level_ptr().read_volatile() }
    }

    #[inline(always)]
    fn device_irq_level_ptr(self) -> *mut u64 {
        // SAFETY: Valid by the type invariant; no reference to the shared page is made.
        unsafe { &raw mut (*(*self.as_ptr()).run).s.regs.device_irq_level }
    }
}

/// One's own vCPU: its registers in memory, its flags, and what its thread alone changes.
///
/// # Invariants
///
/// For `'a` nobody else works on it: the caller is its thread or an interrupt of that, or has its
/// mutex, or it sleeps and cannot be loaded before the caller is done.
#[derive(Clone, Copy)]
pub(crate) struct OwnVcpu<'a>(Vcpu<'a>);

/// The vCPU that is loaded on this CPU, and evidence that the caller stays on it.
///
/// # Invariants
///
/// It is this CPU's running vCPU for `'a`, or is being loaded or put here.
#[derive(Clone, Copy)]
pub(crate) struct LoadedVcpu<'a> {
    own: OwnVcpu<'a>,
    on_cpu: OnCpu<'a>,
}

/// One's own vCPU in a system call of its VMM: the caller may sleep.
///
/// # Invariants
///
/// As it says, for `'a`. No other stronger type turns into this one, so what wants it cannot be
/// called with a vCPU that is loaded, or by an interrupt.
#[derive(Clone, Copy)]
pub(crate) struct UserVcpu<'a>(OwnVcpu<'a>);

/// A vCPU that is being made or freed, which nobody else knows. Only then may be set what does not
/// change later.
///
/// # Invariants
///
/// As it says, for `'a`. While it is being made `kvm->lock` is held.
#[derive(Clone, Copy)]
pub(crate) struct NewVcpu<'a>(OwnVcpu<'a>);

deref! {
    OwnVcpu.0 => Vcpu;
    LoadedVcpu.own => OwnVcpu;
    UserVcpu.0 => OwnVcpu;
    NewVcpu.0 => OwnVcpu;
}

impl<'a> OwnVcpu<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// As for [`Vcpu::from_raw`], and the type's invariant must hold while the value is in use.
    #[inline(always)]
    pub(crate) unsafe fn assume(ptr: *mut bindings::kvm_vcpu) -> Self {
        // INVARIANT: By the safety requirements.
        // SAFETY: By the safety requirements.
        Self(unsafe { Vcpu::from_raw(ptr) })
    }

    // SAFETY: Valid by the type invariant, here and below. Any syndrome names a register that
    // exists.
    calls! { unsafe
        /// Whether its thread is about to sleep, or sleeps, in `kvm_vcpu_block()`.
        pub(crate) fn is_blocking() -> bool = bindings::kvm_vcpu_is_blocking;
        fn in_wfit() -> bool = bindings::vcpu_in_wfit;
        fn trapped_rt() -> u64 = bindings::vcpu_trapped_rt;
        pub(super) fn apply_masks(reg: SysReg => reg.as_raw(), value: u64) -> u64
            = bindings::kvm_vcpu_apply_reg_masks;
    }

    /// The count that it waits for in a WFI or WFE that has a timeout: the value of the register
    /// that the trapped instruction names. `None` if it does not wait so.
    #[inline]
    pub(crate) fn wfit_timeout(self) -> Option<u64> {
        (cpucaps::has_wfxt() && self.in_wfit()).then(|| self.trapped_rt())
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
            self.apply_masks(reg, value)
        } else {
            value
        }
    }

    /// The vCPU whose background timer has expired, and that.
    ///
    /// # Safety
    ///
    /// Must be called from the callback of the background timer, `timer`, of a vCPU that is valid
    /// for `'a`.
    #[inline(always)]
    pub(crate) unsafe fn of_expired(timer: *mut bindings::hrtimer) -> (Self, ExpiredTimer<'a>) {
        let offset = offset_of!(bindings::kvm_vcpu, arch.timer_cpu.bg_timer);

        // SAFETY: By the safety requirements the offset leads back to the vCPU. It is started when
        // a vCPU that blocks is put, and stopped before it is loaded.
        unsafe {
            (
                Self::assume(timer.byte_sub(offset).cast()),
                ExpiredTimer::from_raw(timer),
            )
        }
    }

    fn background_timer(self) -> SoftTimer<'a> {
        // SAFETY: Pinned inside the vCPU, which is complete and has it set up.
        unsafe { SoftTimer::from_raw(self.background_timer_ptr()) }
    }

    fn background_timer_ptr(self) -> *mut bindings::hrtimer {
        // SAFETY: Valid by the type invariant.
        unsafe { &raw mut (*self.as_ptr()).arch.timer_cpu.bg_timer }
    }

    /// Makes [`Vcpu::timers_enabled`] true for good.
    pub(crate) fn set_timers_enabled(self) {
        // SAFETY: Valid by the type invariant; its thread alone goes by it.
        unsafe { (*self.as_ptr()).arch.timer_cpu.enabled = true };
    }

    /// Shows other levels of its devices' lines to user space.
    #[inline]
    pub(crate) fn set_device_irq_level(self, levels: u64) {
        // SAFETY: Valid by `device_irq_level_ptr()`.
        unsafe { self.device_irq_level_ptr().write_volatile(levels) };
    }
}

impl<'a> LoadedVcpu<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// As for [`OwnVcpu::assume`], and the type's invariant must hold while the value is in use.
    #[inline(always)]
    pub(crate) unsafe fn assume(ptr: *mut bindings::kvm_vcpu, on_cpu: OnCpu<'a>) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            // SAFETY: By the safety requirements.
            own: unsafe { OwnVcpu::assume(ptr) },
            on_cpu,
        }
    }

    /// The caller stays on this CPU.
    #[inline(always)]
    pub(crate) fn on_cpu(self) -> OnCpu<'a> {
        self.on_cpu
    }

    /// Evidence that the kernel is at EL2, on this CPU, if it is.
    #[inline(always)]
    pub(crate) fn vhe(self) -> Option<El2<'a>> {
        // SAFETY: Just checked; a vCPU that is loaded keeps the caller here.
        cpucaps::has_vhe().then(|| unsafe { El2::assume() })
    }

    /// The hrtimer that wakes the vCPU when it blocks.
    #[inline(always)]
    pub(crate) fn background_timer(self) -> SoftTimer<'a> {
        self.own.background_timer()
    }
}

impl<'a> UserVcpu<'a> {
    /// The caller may sleep.
    pub(crate) fn may_sleep(self) -> MaySleep<'a> {
        // SAFETY: By the type invariant.
        unsafe { MaySleep::assume() }
    }

    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// As for [`OwnVcpu::assume`], and the type's invariant must hold while the value is in use.
    pub(crate) unsafe fn assume(ptr: *mut bindings::kvm_vcpu) -> Self {
        // INVARIANT: By the safety requirements.
        // SAFETY: By the safety requirements.
        Self(unsafe { OwnVcpu::assume(ptr) })
    }
}

impl<'a> NewVcpu<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// As for [`Vcpu::from_raw`], and the type's invariant must hold while the value is in use.
    pub(crate) unsafe fn assume(ptr: *mut bindings::kvm_vcpu) -> Self {
        // INVARIANT: By the safety requirements.
        // SAFETY: By the safety requirements.
        Self(unsafe { OwnVcpu::assume(ptr) })
    }

    /// Sets up one of its timers, which uses that interrupt when it is direct: `expired` is called
    /// when its soft timer expires.
    pub(crate) fn init_timer(
        self,
        id: TimerId,
        host_irq: Option<HostIrq>,
        source: OffsetSource,
        expired: &Callback<bindings::arch_timer_context>,
    ) {
        // SAFETY: Valid by the type invariant; nobody uses the timer yet. CAST: a small number.
        unsafe {
            let timer = self.timer(id).as_ptr();

            (*timer).timer_id = id.index() as bindings::kvm_arch_timers;
            (*timer).host_timer_irq = host_irq.map_or(0, HostIrq::number);
            expired.set_up(&raw mut (*timer).hrtimer);
        }
        self.set_offset_source(id, source);
    }

    /// Sets up the timer that wakes it when it blocks: `expired` is called then.
    pub(crate) fn init_background_timer(self, expired: &Callback<bindings::arch_timer_cpu>) {
        // SAFETY: Valid by the type invariant; nobody uses the timer yet.
        unsafe { expired.set_up(self.background_timer_ptr()) };
    }

    /// The hrtimer that wakes the vCPU when it blocks, once it is set up.
    pub(crate) fn background_timer(self) -> SoftTimer<'a> {
        self.0.background_timer()
    }
}
