// SPDX-License-Identifier: GPL-2.0

//! A timer of a vCPU, as C's structures keep it, and where its state is at the moment.
//!
//! C header: [`include/kvm/arm_arch_timer.h`](srctree/include/kvm/arm_arch_timer.h)
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: timer_get_ctl, timer_get_cval, timer_set_ctl,
//!     timer_set_cval; include/kvm/arm_arch_timer.h: arch_timer_offset, arch_timer_context,
//!     arch_timer_cpu, arch_timer_ctx_index, timer_context_to_vcpu, timer_get_offset, timer_irq

use super::*;
use core::{
    num::NonZero,
    ops::Deref, //
};

/// A timer of anyone's vCPU, wherever its state is (`struct arch_timer_context`).
#[derive(Clone, Copy)]
pub(crate) struct Timer<'a> {
    vcpu: Vcpu<'a>,
    id: TimerId,
}

impl<'a> Timer<'a> {
    /// A vCPU's timer of that number.
    #[inline(always)]
    pub(super) fn of(vcpu: Vcpu<'a>, id: TimerId) -> Self {
        Self { vcpu, id }
    }

    /// From a pointer to C's structure.
    ///
    /// # Safety
    ///
    /// `ptr` must point at a timer that is set up, of a vCPU that is valid for the lifetime of the
    /// returned value.
    #[inline(always)]
    unsafe fn from_raw(ptr: *mut bindings::arch_timer_context) -> Self {
        // SAFETY: By the safety requirements, which also say that the number is the element's in a
        // vCPU's array. Going back to the array's start and then by its offset yields the vCPU.
        unsafe {
            let id = match (*ptr).timer_id {
                bindings::kvm_arch_timers_TIMER_PTIMER => TimerId::Ptimer,
                bindings::kvm_arch_timers_TIMER_VTIMER => TimerId::Vtimer,
                bindings::kvm_arch_timers_TIMER_HVTIMER => TimerId::Hvtimer,
                _ => TimerId::Hptimer,
            };
            let vcpu = ptr
                .sub(id.index())
                .byte_sub(offset_of!(bindings::kvm_vcpu, arch.timer_cpu.timers));

            Self {
                vcpu: Vcpu::from_raw(vcpu.cast()),
                id,
            }
        }
    }

    /// For calls into C, and as the owner of its interrupt.
    #[inline(always)]
    pub(crate) fn as_ptr(self) -> *mut bindings::arch_timer_context {
        // SAFETY: A vCPU is valid by its invariant; the number is within the array.
        unsafe {
            (&raw mut (*self.vcpu.as_ptr()).arch.timer_cpu.timers)
                .cast::<bindings::arch_timer_context>()
                .add(self.id.index())
        }
    }

    /// The vCPU it belongs to.
    #[inline(always)]
    pub(crate) fn vcpu(self) -> Vcpu<'a> {
        self.vcpu
    }

    /// Which timer it is.
    #[inline(always)]
    pub(crate) fn id(self) -> TimerId {
        self.id
    }

    /// Its interrupt in the guest.
    #[inline(always)]
    pub(crate) fn ppi(self) -> Ppi {
        self.vcpu.vm().timer_ppi(self.id)
    }

    // SAFETY: Valid by `as_ptr()`. The first is constant once the timer is set up. The others are
    // written by the vCPU's thread and read there, on the CPU that it is loaded on, and by others
    // for a hint; in one piece, because an interrupt may be in between.
    fields! { unsafe
        /// The Linux IRQ of the hardware timer it uses when direct.
        pub(crate) host_irq: u32 = host_timer_irq;
        /// Whether the latest state is in hardware, of whatever CPU.
        is_loaded, set_loaded: bool = loaded, once;
        /// Where the guest's own compare value is if the timer is in hardware: C's `ns_frac`, which
        /// nothing but the timer code that this crate replaces reads.
        note, set_note: CvalHome = ns_frac, once;
    }

    /// The offset that is worked into the compare value in the register, in ticks; `None` if the
    /// value is the guest's, or the timer is not in hardware.
    #[cfg(any(CONFIG_KVM_ARM64_RUST_SWITCH, nvhe))]
    #[inline(always)]
    pub(crate) fn offset_in_register(self) -> Option<NonZero<u64>> {
        match self.note() {
            CvalHome::Memory { offset } if self.is_loaded() => Some(offset),
            _ => None,
        }
    }

    /// The offset of its counter: the VM's that applies to it, and for a nested guest its
    /// hypervisor's on top. In ticks, modulo 2^64.
    #[inline(always)]
    pub(crate) fn offset_in_ticks(self) -> u64 {
        // SAFETY: Valid by `as_ptr()`; null, or a cell of the timer's own VM.
        let vm = unsafe { OffsetCell::from_raw((*self.as_ptr()).offset.vm_offset) };
        let read = |cell: Option<OffsetCell<'_>>| cell.map_or(0, |cell| cell.read());

        read(vm).wrapping_add(read(self.vcpu_offset()))
    }

    /// The guest hypervisor's offset that applies to this timer, if any.
    #[inline(always)]
    pub(crate) fn vcpu_offset(self) -> Option<OffsetCell<'a>> {
        // SAFETY: Valid by `as_ptr()`; null, or a cell of the timer's own vCPU.
        unsafe { OffsetCell::from_raw((*self.as_ptr()).offset.vcpu_offset) }
    }

    /// Where its registers are in memory: control, and compare value. Others may access them at
    /// the same time, each in one piece: an expiring soft timer, and a guest hypervisor. All bits
    /// are the guest's, whatever its features are.
    #[inline(never)]
    fn registers(self) -> (*mut u64, *mut u64) {
        let regs = self.vcpu.context().sys_regs();
        let slots = |ctl, cval| (regs.slot(ctl), regs.slot(cval));

        match self.id {
            TimerId::Ptimer => slots(SysReg::CNTP_CTL_EL0, SysReg::CNTP_CVAL_EL0),
            TimerId::Vtimer => slots(SysReg::CNTV_CTL_EL0, SysReg::CNTV_CVAL_EL0),
            TimerId::Hvtimer => slots(SysReg::CNTHV_CTL_EL2, SysReg::CNTHV_CVAL_EL2),
            TimerId::Hptimer => slots(SysReg::CNTHP_CTL_EL2, SysReg::CNTHP_CVAL_EL2),
        }
    }

    #[inline(always)]
    fn state_in_memory(self) -> State {
        let (ctl, cval) = self.registers();

        // SAFETY: Valid by `registers()`.
        unsafe {
            State {
                ctl: ctl.read_volatile(),
                cval: cval.read_volatile(),
            }
        }
    }

    /// The registers as they are in memory, latest state or not. For tracepoints.
    ///
    /// # Safety
    ///
    /// `ptr` must point at a timer that is set up, of a valid vCPU.
    pub(crate) unsafe fn traced_state(ptr: *mut bindings::arch_timer_context) -> State {
        // SAFETY: By the safety requirements.
        unsafe { Self::from_raw(ptr) }.state_in_memory()
    }
}

/// The registers of a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Control.
    pub(crate) ctl: u64,
    /// The compare value.
    pub(crate) cval: u64,
}

/// Where the guest's own compare value is while its timer is in hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CvalHome {
    /// In the register: the guest may write it without a trap.
    Register,
    /// In memory: the register holds a value derived from it, and is never read back.
    Memory {
        /// What was worked in when the timer was programmed, in ticks. It stays in force until the
        /// timer leaves the hardware, whatever becomes of the VM's offset meanwhile.
        offset: NonZero<u64>,
    },
}

/// By the offset that is worked into the register, or 0.
impl Field<u64> for CvalHome {
    #[inline(always)]
    fn from_c(offset: u64) -> Self {
        NonZero::new(offset).map_or(Self::Register, |offset| Self::Memory { offset })
    }

    #[inline(always)]
    fn into_c(self) -> u64 {
        match self {
            Self::Register => 0,
            Self::Memory { offset } => offset.get(),
        }
    }
}

/// A timer whose state is in memory, and stays there while the value is in use: its vCPU is loaded
/// here and the caller stays on this CPU, or it is not loaded and cannot be, or the timer is
/// emulated and its soft timer has expired.
///
/// Who holds it by value or `&mut` may write to its registers.
pub(crate) struct MemoryTimer<'a>(Timer<'a>);

/// A timer whose state is in the hardware of this CPU, which the caller stays on.
pub(crate) struct HardwareTimer<'a>(Timer<'a>);

/// Where a timer's state is, on the CPU that can get at it.
pub(crate) enum Place<'a> {
    /// In memory.
    Memory(MemoryTimer<'a>),
    /// In this CPU's hardware.
    Hardware(HardwareTimer<'a>),
}

/// A look at a timer of a vCPU that may be loaded or put on another CPU at any time: a hint.
pub(crate) struct Glimpse<'a>(Place<'a>);

impl<'a> LoadedVcpu<'a> {
    /// Where one of its timers is.
    #[inline(always)]
    pub(crate) fn locate(self, id: TimerId) -> Place<'a> {
        let timer = self.timer(id);

        if timer.is_loaded() {
            Place::Hardware(HardwareTimer(timer))
        } else {
            Place::Memory(MemoryTimer(timer))
        }
    }

    /// One of its timers, if it is in memory.
    #[inline(always)]
    pub(crate) fn in_memory(self, id: TimerId) -> Option<MemoryTimer<'a>> {
        match self.locate(id) {
            Place::Memory(timer) => Some(timer),
            Place::Hardware(_) => None,
        }
    }

    /// One of its timers, if it is in hardware.
    #[inline(always)]
    pub(crate) fn in_hardware(self, id: TimerId) -> Option<HardwareTimer<'a>> {
        match self.locate(id) {
            Place::Memory(_) => None,
            Place::Hardware(timer) => Some(timer),
        }
    }
}

impl<'a> LoadedVcpu<'a> {
    /// Has `program` put one of its timers into the hardware, if it is in memory. `program` returns
    /// the offset that it worked into the compare value, or 0, and what else the caller wants.
    #[inline(always)]
    pub(crate) fn into_hardware<R>(
        self,
        id: TimerId,
        program: impl FnOnce(&MemoryTimer<'a>) -> (u64, R),
    ) -> Option<(HardwareTimer<'a>, R)> {
        let timer = self.in_memory(id)?;
        let (worked_in, result) = program(&timer);

        timer.set_note(CvalHome::from_c(worked_in));
        timer.set_loaded(true);
        Some((HardwareTimer(timer.0), result))
    }
}

impl<'a> Vcpu<'a> {
    /// Looks where one of its timers is; `None` if it is in the hardware of another CPU.
    #[inline(always)]
    pub(crate) fn glimpse(self, id: TimerId, on_cpu: OnCpu<'a>) -> Option<Glimpse<'a>> {
        let timer = self.timer(id);

        // Looked at once.
        if !timer.is_loaded() {
            Some(Glimpse(Place::Memory(MemoryTimer(timer))))
        } else if Vcpu::running(on_cpu).is_some_and(|running| running.is(self)) {
            Some(Glimpse(Place::Hardware(HardwareTimer(timer))))
        } else {
            None
        }
    }
}

impl<'a> OwnVcpu<'a> {
    /// One of the timers of a vCPU that is not loaded, or has been put. A warning if the timer was
    /// left in hardware.
    #[inline]
    pub(crate) fn at_rest(self, id: TimerId) -> Option<MemoryTimer<'a>> {
        let timer = self.timer(id);

        (!kernel::warn_on!(timer.is_loaded())).then_some(MemoryTimer(timer))
    }

    /// The hrtimer that stands in for the hardware while the timer is emulated.
    #[inline(always)]
    pub(crate) fn soft_timer(self, id: TimerId) -> SoftTimer<'a> {
        // SAFETY: Pinned inside the vCPU, which is complete and has it set up.
        unsafe { SoftTimer::from_raw(&raw mut (*self.timer(id).as_ptr()).hrtimer) }
    }

    /// Lets other offsets apply to a timer.
    pub(crate) fn set_offset_source(self, id: TimerId, source: OffsetSource) {
        let data = self.vm().timer_data();

        // SAFETY: Valid by `as_ptr()`. The cells are of the timer's own VM, and of its own vCPU: no
        // pointer outlives what it points at.
        unsafe {
            let (vm, vcpu) = match source {
                OffsetSource::None => (ptr::null_mut(), ptr::null_mut()),
                OffsetSource::VmVirtual => (&raw mut (*data).voffset, ptr::null_mut()),
                OffsetSource::VmPhysical => (&raw mut (*data).poffset, ptr::null_mut()),
                OffsetSource::VmPhysicalAndGuest => (
                    &raw mut (*data).poffset,
                    self.context().sys_regs().slot(SysReg::CNTVOFF_EL2),
                ),
            };
            let offset = &raw mut (*self.timer(id).as_ptr()).offset;

            (*offset).vm_offset = vm;
            (*offset).vcpu_offset = vcpu;
        }
    }
}

/// Which offsets apply to a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OffsetSource {
    /// None.
    None,
    /// The VM's virtual one.
    VmVirtual,
    /// The VM's physical one.
    VmPhysical,
    /// The VM's physical one, and on top the vCPU's `CNTVOFF_EL2`.
    VmPhysicalAndGuest,
}

impl<'a> MemoryTimer<'a> {
    /// The emulated timer whose soft timer has expired, and that.
    ///
    /// # Safety
    ///
    /// Must be called from the callback of the soft timer, `timer`, of a vCPU that is valid for
    /// `'a`. Whoever moves a timer into hardware, or writes to it, stops its soft timer first.
    #[inline(always)]
    pub(crate) unsafe fn of_expired(timer: *mut bindings::hrtimer) -> (Self, ExpiredTimer<'a>) {
        let offset = offset_of!(bindings::arch_timer_context, hrtimer);

        // SAFETY: By the safety requirements the offset leads back to the timer.
        unsafe {
            (
                Self(Timer::from_raw(timer.byte_sub(offset).cast())),
                ExpiredTimer::from_raw(timer),
            )
        }
    }

    /// Its registers.
    #[inline(always)]
    pub(crate) fn state(&self) -> State {
        self.state_in_memory()
    }

    /// Sets its control register.
    #[inline(always)]
    pub(crate) fn set_ctl(&mut self, ctl: u64) {
        // SAFETY: Valid by `registers()`.
        unsafe { self.registers().0.write_volatile(ctl) };
    }

    /// Sets its compare value.
    #[inline(always)]
    pub(crate) fn set_cval(&mut self, cval: u64) {
        // SAFETY: Valid by `registers()`.
        unsafe { self.registers().1.write_volatile(cval) };
    }

    /// Sets the offset that a guest hypervisor gives its guest, if it has a say in the timer's.
    pub(crate) fn set_vcpu_offset(&mut self, offset: u64) {
        if let Some(cell) = self.vcpu_offset() {
            cell.write(offset);
        }
    }
}

impl<'a> HardwareTimer<'a> {
    /// Where the guest's own compare value is.
    #[inline(always)]
    pub(crate) fn cval_home(&self) -> CvalHome {
        self.note()
    }

    /// Saves its registers to memory: control, and the compare value if it was the guest's.
    #[inline(always)]
    pub(crate) fn save(&mut self, ctl: u64, cval: Option<u64>) {
        let (ctl_slot, cval_slot) = self.registers();

        // SAFETY: Valid by `registers()`.
        unsafe {
            ctl_slot.write_volatile(ctl);
            if let Some(cval) = cval {
                cval_slot.write_volatile(cval);
            }
        }
    }

    /// Notes that memory has its latest state, and the hardware timer is off.
    #[inline(always)]
    pub(crate) fn into_memory(self) -> MemoryTimer<'a> {
        self.set_loaded(false);
        MemoryTimer(self.0)
    }
}

deref! {
    MemoryTimer.0 => Timer;
    HardwareTimer.0 => Timer;
    Glimpse.0 => Place;
}

impl<'a> Deref for Place<'a> {
    type Target = Timer<'a>;

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        match self {
            Self::Memory(timer) => timer,
            Self::Hardware(timer) => timer,
        }
    }
}
