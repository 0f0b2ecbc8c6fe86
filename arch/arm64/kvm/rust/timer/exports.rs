// SPDX-License-Identifier: GPL-2.0

//! What C calls: every function that C's headers promise of the timer, and the callbacks that
//! the timer hands to C.
//!
//! C headers: [`include/kvm/arm_arch_timer.h`](srctree/include/kvm/arm_arch_timer.h),
//! [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)
//!
//! All functions that take a vCPU or a VM have this in common: the pointer is to one that is
//! complete (`kvm` and `run` are set), and that lives at least as long as the call. Further
//! requirements are stated where there are any.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_arch_timer_get_irq_flags, arch_timer_irq_ops,
//!     arch_timer_irq_ops_vgic_v5, kvm_phys_timer_read, kvm_arch_timer_handler,
//!     kvm_bg_timer_expire, kvm_hrtimer_expire, kvm_timer_vcpu_init, kvm_timer_vcpu_terminate,
//!     kvm_arch_timer_get_input_level

use super::{
    access::{
        Access,
        Register, //
    },
    *, //
};
use core::ffi::c_void;
use kernel::prelude::export;

/// Calls `f` with the host's side, which is known since before there was a vCPU.
#[inline(always)]
fn with_host<R: Default>(f: impl FnOnce(&'static Host) -> R) -> R {
    HOST.as_ref().map_or_else(R::default, f)
}

/// # Safety
///
/// The vCPU must be complete, and loaded on this CPU with preemption or interrupts off until the
/// returned value is out of use.
#[inline(always)]
unsafe fn loaded<'a>(vcpu: *mut bindings::kvm_vcpu) -> LoadedVcpu<'a> {
    // SAFETY: By the safety requirements.
    unsafe { LoadedVcpu::assume(vcpu, OnCpu::assume()) }
}

/// # Safety
///
/// The caller must be the vCPU's thread, between load and put: to be scheduled in is to be loaded,
/// so that the vCPU is loaded wherever the thread is.
#[inline(always)]
unsafe fn with_preempt_off<R>(
    vcpu: *mut bindings::kvm_vcpu,
    f: impl FnOnce(LoadedVcpu<'_>) -> R,
) -> R {
    let preempt_off = PreemptOff::new();

    // SAFETY: By the safety requirements.
    f(unsafe { LoadedVcpu::assume(vcpu, preempt_off.on_cpu()) })
}

/// Initialises the host's side of the timers.
///
/// # Safety
///
/// Called once, by KVM's initcall.
#[export]
#[link_section = ".init.text"]
unsafe extern "C" fn kvm_timer_hyp_init(has_gic: bool) -> i32 {
    // SAFETY: The callback expects just such arguments.
    errno(init::init(has_gic, unsafe { Handler::new(host_interrupt) }))
}

/// Sets up a VHE host's CPU for guests' timers.
///
/// # Safety
///
/// Called on each CPU that comes up, on a VHE host.
#[export]
unsafe extern "C" fn kvm_timer_init_vhe() {
    // SAFETY: By the safety requirements.
    init::init_vhe(unsafe { El2::assume() });
}

/// Enables the timer interrupts on this CPU.
///
/// # Safety
///
/// Called on the CPU that comes up, which the caller stays on.
#[export]
unsafe extern "C" fn kvm_timer_cpu_up() {
    // SAFETY: By the safety requirements.
    with_host(|host| init::cpu_up(host, unsafe { OnCpu::assume() }));
}

/// Disables the timer interrupts on this CPU.
///
/// # Safety
///
/// Called on the CPU that goes down, which the caller stays on.
#[export]
unsafe extern "C" fn kvm_timer_cpu_down() {
    // SAFETY: By the safety requirements.
    with_host(|host| init::cpu_down(host, unsafe { OnCpu::assume() }));
}

/// The physical count, in ticks; 0 before KVM is initialised, when there is nobody to ask.
///
/// # Safety
///
/// Always safe to call.
#[export]
unsafe extern "C" fn kvm_phys_timer_read() -> u64 {
    with_host(|host| host.now().get())
}

/// Gives a VM its default PPIs.
///
/// # Safety
///
/// See the module's documentation. The VM runs no vCPU until this returns.
#[export]
unsafe extern "C" fn kvm_timer_init_vm(kvm: *mut bindings::kvm) {
    // SAFETY: By the safety requirements.
    config::init_vm(unsafe { NewVm::assume(kvm) });
}

/// Sets up the timers of a new vCPU.
///
/// # Safety
///
/// See the module's documentation. The vCPU is not known to anybody else yet.
#[export]
unsafe extern "C" fn kvm_timer_vcpu_init(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements; the callbacks expect just such timers.
    let (vcpu, expired, background) = unsafe {
        (
            NewVcpu::assume(vcpu),
            Callback::new(soft_timer_expired),
            Callback::new(background_timer_expired),
        )
    };

    // KVM is not there at all if its timers are not.
    kernel::warn_on!(HOST.as_ref().is_none());
    with_host(|host| config::init_vcpu(host, vcpu, &expired, &background));
}

/// Stops what may still run for a vCPU that is to be freed.
///
/// # Safety
///
/// See the module's documentation. The vCPU is not known to anybody else any more.
#[export]
unsafe extern "C" fn kvm_timer_vcpu_terminate(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    unsafe { NewVcpu::assume(vcpu) }.background_timer().cancel();
}

/// Resets a vCPU's timers.
///
/// # Safety
///
/// See the module's documentation. The vCPU is not loaded, and its mutex is held.
#[export]
unsafe extern "C" fn kvm_timer_vcpu_reset(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    config::reset_vcpu(unsafe { OwnVcpu::assume(vcpu) });
}

/// Connects a vCPU's timers to its interrupt controller, when it runs first.
///
/// # Safety
///
/// See the module's documentation. The vCPU's mutex is held, its vgic initialised.
#[export]
unsafe extern "C" fn kvm_timer_enable(vcpu: *mut bindings::kvm_vcpu) -> i32 {
    // SAFETY: By the safety requirements.
    let vcpu = unsafe { UserVcpu::assume(vcpu) };

    errno(enable::enable(vcpu, &IRQ_OPS, &IRQ_OPS_V5))
}

/// The vCPU comes to this CPU.
///
/// # Safety
///
/// See the module's documentation. The vCPU is this CPU's, preemption is off.
#[export]
unsafe extern "C" fn kvm_timer_vcpu_load(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    with_host(|host| load::load(host, unsafe { loaded(vcpu) }));
}

/// The vCPU leaves this CPU.
///
/// # Safety
///
/// See the module's documentation. The vCPU is this CPU's, preemption is off.
#[export]
unsafe extern "C" fn kvm_timer_vcpu_put(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    with_host(|host| load::put(host, unsafe { loaded(vcpu) }));
}

/// A guest hypervisor has exited.
///
/// # Safety
///
/// See the module's documentation. The vCPU is loaded and at virtual EL2, interrupts are off.
#[export]
unsafe extern "C" fn kvm_timer_sync_nested(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    with_host(|host| load::sync_nested(host, unsafe { loaded(vcpu) }));
}

/// A guest whose interrupt controller is in user space has exited.
///
/// # Safety
///
/// See the module's documentation. The vCPU is loaded, interrupts are off.
#[export]
unsafe extern "C" fn kvm_timer_sync_user(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    with_host(|host| user::sync(host, unsafe { loaded(vcpu) }));
}

/// Whether a timer line has changed since user space was told.
///
/// # Safety
///
/// See the module's documentation. The vCPU may be anyone's.
#[export]
unsafe extern "C" fn kvm_timer_should_notify_user(vcpu: *mut bindings::kvm_vcpu) -> bool {
    let preempt_off = PreemptOff::new();
    // SAFETY: By the safety requirements.
    let vcpu = unsafe { Vcpu::from_raw(vcpu) };

    with_host(|host| user::changed_lines(host, vcpu, preempt_off.on_cpu()) != 0)
}

/// Shows the level of the timer lines to user space; returns whether any has changed.
///
/// # Safety
///
/// See the module's documentation. Called by the vCPU's thread between load and put, preemptible or
/// not.
#[export]
unsafe extern "C" fn kvm_timer_update_run(vcpu: *mut bindings::kvm_vcpu) -> bool {
    // SAFETY: By the safety requirements.
    with_host(|host| unsafe { with_preempt_off(vcpu, |vcpu| user::update_run(host, vcpu)) })
}

/// Whether a WFI or WFE of the vCPU has timed out.
///
/// # Safety
///
/// See the module's documentation. Called by the vCPU's thread.
#[export]
unsafe extern "C" fn kvm_cpu_has_pending_timer(vcpu: *mut bindings::kvm_vcpu) -> i32 {
    // SAFETY: By the safety requirements.
    let vcpu = unsafe { OwnVcpu::assume(vcpu) };

    with_host(|host| soft::wfit_has_expired(host, vcpu)).into()
}

/// Tells which timers of a vCPU are direct and which emulated.
///
/// # Safety
///
/// See the module's documentation. `map` is valid for writes.
#[export]
unsafe extern "C" fn get_timer_map(vcpu: *mut bindings::kvm_vcpu, map: *mut bindings::timer_map) {
    // SAFETY: By the safety requirements.
    let vcpu = unsafe { Vcpu::from_raw(vcpu) };
    let current = current_map(vcpu);
    let raw = |id: Option<TimerId>| id.map_or(core::ptr::null_mut(), |id| vcpu.timer(id).as_ptr());
    let raw_map = bindings::timer_map {
        direct_vtimer: raw(current.direct(Bank::Virtual)),
        direct_ptimer: raw(current.direct(Bank::Physical)),
        emul_vtimer: raw(current.emulated(Bank::Virtual)),
        emul_ptimer: raw(current.emulated(Bank::Physical)),
    };

    tracepoint::get_timer_map(vcpu, raw_map);
    // SAFETY: By the safety requirements.
    unsafe { map.write(raw_map) };
}

/// The control register of a timer, in memory. For tracepoints.
///
/// # Safety
///
/// `context` is a valid timer context of a valid vCPU.
#[export]
unsafe extern "C" fn timer_get_ctl(context: *mut bindings::arch_timer_context) -> u32 {
    // SAFETY: By the safety requirements. CAST: the register has 32 bits.
    unsafe { Timer::traced_state(context) }.ctl as u32
}

/// The compare value of a timer, in memory. For tracepoints.
///
/// # Safety
///
/// `context` is a valid timer context of a valid vCPU.
#[export]
unsafe extern "C" fn timer_get_cval(context: *mut bindings::arch_timer_context) -> u64 {
    // SAFETY: By the safety requirements.
    unsafe { Timer::traced_state(context) }.cval
}

/// Performs an access to the timer and the register that C's numbers name.
///
/// # Safety
///
/// The caller must be the vCPU's thread, between load and put.
unsafe fn perform(
    vcpu: *mut bindings::kvm_vcpu,
    timer: bindings::kvm_arch_timers,
    register: bindings::kvm_arch_timer_regs,
    access: Access,
) -> u64 {
    let register = match register {
        bindings::kvm_arch_timer_regs_TIMER_REG_CNT => Register::Cnt,
        bindings::kvm_arch_timer_regs_TIMER_REG_CVAL => Register::Cval,
        bindings::kvm_arch_timer_regs_TIMER_REG_TVAL => Register::Tval,
        bindings::kvm_arch_timer_regs_TIMER_REG_CTL => Register::Ctl,
        bindings::kvm_arch_timer_regs_TIMER_REG_VOFF => Register::Voff,
        _ => return 0,
    };
    let (Some(host), Some(id)) = (HOST.as_ref(), TimerId::from_number(timer)) else {
        return 0;
    };

    // SAFETY: By the safety requirements.
    unsafe {
        with_preempt_off(vcpu, |vcpu| {
            access::perform(host, vcpu, id, register, access)
        })
    }
}

/// Reads a timer register on behalf of the guest.
///
/// # Safety
///
/// See the module's documentation. Called by the vCPU's thread between load and put.
#[export]
unsafe extern "C" fn kvm_arm_timer_read_sysreg(
    vcpu: *mut bindings::kvm_vcpu,
    timer: bindings::kvm_arch_timers,
    register: bindings::kvm_arch_timer_regs,
) -> u64 {
    // SAFETY: By the safety requirements.
    unsafe { perform(vcpu, timer, register, Access::Read) }
}

/// Writes a timer register on behalf of the guest.
///
/// # Safety
///
/// See the module's documentation. Called by the vCPU's thread between load and put.
#[export]
unsafe extern "C" fn kvm_arm_timer_write_sysreg(
    vcpu: *mut bindings::kvm_vcpu,
    timer: bindings::kvm_arch_timers,
    register: bindings::kvm_arch_timer_regs,
    value: u64,
) {
    // SAFETY: By the safety requirements.
    unsafe { perform(vcpu, timer, register, Access::Write(value)) };
}

/// `KVM_SET_DEVICE_ATTR` of a vCPU, group `KVM_ARM_VCPU_TIMER_CTRL`.
///
/// # Safety
///
/// See the module's documentation; `attr` is valid, and the vCPU's mutex is held.
#[export]
unsafe extern "C" fn kvm_arm_timer_set_attr(
    vcpu: *mut bindings::kvm_vcpu,
    attr: *mut bindings::kvm_device_attr,
) -> i32 {
    // SAFETY: By the safety requirements.
    let (vcpu, attr) = unsafe { (UserVcpu::assume(vcpu), &*attr) };

    errno(config::set_attr(vcpu, attr))
}

/// `KVM_GET_DEVICE_ATTR` of a vCPU, group `KVM_ARM_VCPU_TIMER_CTRL`.
///
/// # Safety
///
/// See the module's documentation; `attr` is valid, and the vCPU's mutex is held.
#[export]
unsafe extern "C" fn kvm_arm_timer_get_attr(
    vcpu: *mut bindings::kvm_vcpu,
    attr: *mut bindings::kvm_device_attr,
) -> i32 {
    // SAFETY: By the safety requirements.
    let (vcpu, attr) = unsafe { (UserVcpu::assume(vcpu), &*attr) };

    errno(config::get_attr(vcpu, attr))
}

/// `KVM_HAS_DEVICE_ATTR` of a vCPU, group `KVM_ARM_VCPU_TIMER_CTRL`.
///
/// # Safety
///
/// See the module's documentation; `attr` is valid.
#[export]
unsafe extern "C" fn kvm_arm_timer_has_attr(
    vcpu: *mut bindings::kvm_vcpu,
    attr: *mut bindings::kvm_device_attr,
) -> i32 {
    // SAFETY: By the safety requirements.
    errno(unsafe { config::has_attr(Vcpu::from_raw(vcpu), &*attr) })
}

/// `KVM_ARM_SET_COUNTER_OFFSET` of a VM.
///
/// # Safety
///
/// See the module's documentation; `offset` is valid.
#[export]
unsafe extern "C" fn kvm_vm_ioctl_set_counter_offset(
    kvm: *mut bindings::kvm,
    offset: *mut bindings::kvm_arm_counter_offset,
) -> i32 {
    // SAFETY: By the safety requirements; of a system call, which takes no lock before.
    let (mut task, offset) = unsafe { (Task::assume(Vm::from_raw(kvm)), &*offset) };

    errno(config::set_counter_offset(&mut task, offset))
}

// What the timer hands to C.

/// The vgic's questions about a timer's interrupt.
// SAFETY: The functions expect what the vgic calls them with.
static IRQ_OPS: IrqOps = unsafe {
    IrqOps::new(bindings::irq_ops {
        get_flags: Some(irq_flags),
        get_input_level: Some(input_level),
        queue_irq_unlock: None,
        set_direct_injection: None,
    })
};

/// The same for a GICv5, which takes the line from the hardware.
// SAFETY: The functions expect what the vgic calls them with; two are its own.
static IRQ_OPS_V5: IrqOps = unsafe {
    IrqOps::new(bindings::irq_ops {
        get_flags: None,
        get_input_level: Some(input_level),
        queue_irq_unlock: Some(bindings::vgic_v5_ppi_queue_irq_unlock),
        set_direct_injection: Some(bindings::vgic_v5_set_ppi_dvi),
    })
};

/// # Safety
///
/// Always safe to call.
unsafe extern "C" fn irq_flags() -> usize {
    if HostGic::get().no_hw_deactivation {
        // CAST: a flag.
        bindings::VGIC_IRQ_SW_RESAMPLE as usize
    } else {
        0
    }
}

/// # Safety
///
/// Called with interrupts off.
unsafe extern "C" fn input_level(intid: i32) -> bool {
    // SAFETY: By the safety requirements.
    let irq_off = unsafe { IrqOff::assume() };

    // CAST: C's type for an INTID here; the bits are the same.
    with_host(|host| enable::input_level(host, intid as u32, (&irq_off).into()).is_high())
}

/// # Safety
///
/// Called by the interrupt core for a timer interrupt, with this CPU's slot of running vCPUs.
unsafe extern "C" fn host_interrupt(irq: i32, slot: *mut c_void) -> bindings::irqreturn_t {
    // SAFETY: By the safety requirements.
    let (vcpu, irq_off) = unsafe { (*slot.cast::<*mut bindings::kvm_vcpu>(), IrqOff::assume()) };

    // The GIC may signal once more after the vCPU has left and its timers are off.
    if !vcpu.is_null() {
        // SAFETY: What is in the slot is complete, and loaded on this CPU.
        let vcpu = unsafe { LoadedVcpu::assume(vcpu, (&irq_off).into()) };

        // CAST: an IRQ number.
        with_host(|host| line::host_interrupt(host, vcpu, irq as u32));
    }

    bindings::irqreturn::IRQ_HANDLED
}

/// # Safety
///
/// Called by the hrtimer core for the soft timer of a timer context.
unsafe extern "C" fn soft_timer_expired(
    timer: *mut bindings::hrtimer,
) -> bindings::hrtimer_restart {
    // SAFETY: By the safety requirements; a vCPU stops its timers before it goes.
    let (timer, soft) = unsafe { MemoryTimer::of_expired(timer) };

    with_host(|host| soft::emulated_expired(host, timer, soft)).into_raw()
}

/// # Safety
///
/// Called by the hrtimer core for the background timer of a vCPU.
unsafe extern "C" fn background_timer_expired(
    timer: *mut bindings::hrtimer,
) -> bindings::hrtimer_restart {
    // SAFETY: By the safety requirements; a vCPU stops its timer before it goes.
    let (vcpu, background) = unsafe { OwnVcpu::of_expired(timer) };

    with_host(|host| soft::background_expired(host, vcpu, background)).into_raw()
}
