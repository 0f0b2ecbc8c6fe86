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
        self,
        Register, //
    },
    config,
    context::{
        raw_map,
        Timer, //
    },
    enable,
    init,
    line,
    load,
    map::TimerId,
    soft,
    user,
    Host, //
};
use crate::host::{
    arch_timer::TimerContext,
    context::{
        IrqOff,
        OnCpu,
        PreemptOff, //
    },
    hrtimer::{
        ExpiredTimer,
        Restart, //
    },
    locked_vcpu::LockedVcpu,
    uaccess::UserNumber,
    vcpu::Vcpu,
    vgic::{
        HostGic,
        IrqOps, //
    },
    vm::{
        TimerIndex,
        Vm, //
    },
};
use core::ffi::c_void;
use kernel::{
    bindings,
    error::Result,
    prelude::export, //
};

/// 0 or a negative errno.
fn errno(result: Result) -> i32 {
    result.map_or_else(|err| err.to_errno(), |()| 0)
}

/// Initialises the host's side of the timers.
///
/// # Safety
///
/// Called once, by KVM's initcall.
#[export]
#[link_section = ".init.text"]
unsafe extern "C" fn kvm_timer_hyp_init(has_gic: bool) -> i32 {
    errno(init::init(has_gic, host_interrupt))
}

/// Sets up a VHE host's CPU for guests' timers.
///
/// # Safety
///
/// Called on each CPU that comes up, on a VHE host.
#[export]
unsafe extern "C" fn kvm_timer_init_vhe() {
    init::init_vhe();
}

/// Enables the timer interrupts on this CPU.
///
/// # Safety
///
/// Called on the CPU that comes up, which the caller stays on.
#[export]
unsafe extern "C" fn kvm_timer_cpu_up() {
    if let Some(host) = Host::get() {
        // SAFETY: By the safety requirements.
        init::cpu_up(host, unsafe { OnCpu::assume() });
    }
}

/// Disables the timer interrupts on this CPU.
///
/// # Safety
///
/// Called on the CPU that goes down, which the caller stays on.
#[export]
unsafe extern "C" fn kvm_timer_cpu_down() {
    if let Some(host) = Host::get() {
        // SAFETY: By the safety requirements.
        init::cpu_down(host, unsafe { OnCpu::assume() });
    }
}

/// The physical count, in ticks; 0 before KVM is initialised, when there is nobody to ask.
///
/// # Safety
///
/// Always safe to call.
#[export]
unsafe extern "C" fn kvm_phys_timer_read() -> u64 {
    Host::get().map_or(0, |host| host.now().get())
}

/// Gives a VM its default PPIs.
///
/// # Safety
///
/// See the module's documentation. The VM runs no vCPU yet.
#[export]
unsafe extern "C" fn kvm_timer_init_vm(kvm: *mut bindings::kvm) {
    // SAFETY: By the safety requirements.
    config::init_vm(unsafe { Vm::from_raw(kvm) });
}

/// Sets up the timers of a new vCPU.
///
/// # Safety
///
/// See the module's documentation. The vCPU is not known to anybody else yet.
#[export]
unsafe extern "C" fn kvm_timer_vcpu_init(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    let vcpu = unsafe { Vcpu::from_raw(vcpu) };
    let Some(host) = Host::get() else {
        // KVM is not there at all if its timers are not.
        kernel::warn_on!(true);
        return;
    };

    for id in TimerId::ALL {
        let timer = vcpu.timer_context(id.index());

        // SAFETY: The callback expects just such a timer.
        unsafe { timer.soft_timer().setup(soft_timer_expired) };
    }
    // SAFETY: The callback expects just such a timer.
    unsafe { vcpu.background_timer().setup(background_timer_expired) };

    config::init_vcpu(host, vcpu);
}

/// Stops what may still run for a vCPU that is to be freed.
///
/// # Safety
///
/// See the module's documentation. The vCPU is not loaded.
#[export]
unsafe extern "C" fn kvm_timer_vcpu_terminate(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    unsafe { Vcpu::from_raw(vcpu) }.background_timer().cancel();
}

/// Resets a vCPU's timers.
///
/// # Safety
///
/// See the module's documentation. The vCPU is not loaded, and its mutex is held.
#[export]
unsafe extern "C" fn kvm_timer_vcpu_reset(vcpu: *mut bindings::kvm_vcpu) {
    // SAFETY: By the safety requirements.
    config::reset_vcpu(unsafe { Vcpu::from_raw(vcpu) });
}

/// Connects a vCPU's timers to its interrupt controller, when it runs first.
///
/// # Safety
///
/// See the module's documentation. The vCPU's mutex is held, its vgic initialised.
#[export]
unsafe extern "C" fn kvm_timer_enable(vcpu: *mut bindings::kvm_vcpu) -> i32 {
    // SAFETY: By the safety requirements.
    errno(enable::enable(
        unsafe { Vcpu::from_raw(vcpu) },
        &IRQ_OPS,
        &IRQ_OPS_V5,
    ))
}

/// The vCPU comes to this CPU.
///
/// # Safety
///
/// See the module's documentation. Preemption is off.
#[export]
unsafe extern "C" fn kvm_timer_vcpu_load(vcpu: *mut bindings::kvm_vcpu) {
    if let Some(host) = Host::get() {
        // SAFETY: By the safety requirements.
        unsafe { load::load(host, Vcpu::from_raw(vcpu), OnCpu::assume()) };
    }
}

/// The vCPU leaves this CPU.
///
/// # Safety
///
/// See the module's documentation. The vCPU is loaded on this CPU, preemption is off.
#[export]
unsafe extern "C" fn kvm_timer_vcpu_put(vcpu: *mut bindings::kvm_vcpu) {
    if let Some(host) = Host::get() {
        // SAFETY: By the safety requirements.
        unsafe { load::put(host, Vcpu::from_raw(vcpu), OnCpu::assume()) };
    }
}

/// A guest hypervisor has exited.
///
/// # Safety
///
/// See the module's documentation. The vCPU is loaded and at virtual EL2, interrupts are off.
#[export]
unsafe extern "C" fn kvm_timer_sync_nested(vcpu: *mut bindings::kvm_vcpu) {
    if let Some(host) = Host::get() {
        // SAFETY: By the safety requirements.
        unsafe { load::sync_nested(host, Vcpu::from_raw(vcpu), OnCpu::assume()) };
    }
}

/// A guest whose interrupt controller is in user space has exited.
///
/// # Safety
///
/// See the module's documentation. The vCPU is loaded, interrupts are off.
#[export]
unsafe extern "C" fn kvm_timer_sync_user(vcpu: *mut bindings::kvm_vcpu) {
    if let Some(host) = Host::get() {
        // SAFETY: By the safety requirements.
        unsafe { user::sync(host, Vcpu::from_raw(vcpu), OnCpu::assume()) };
    }
}

/// Whether a timer line has changed since user space was told.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn kvm_timer_should_notify_user(vcpu: *mut bindings::kvm_vcpu) -> bool {
    // SAFETY: By the safety requirements.
    let vcpu = unsafe { Vcpu::from_raw(vcpu) };

    Host::get().is_some_and(|host| user::should_notify(host, vcpu, PreemptOff::new().on_cpu()))
}

/// Shows the level of the timer lines to user space; returns whether any has changed.
///
/// # Safety
///
/// See the module's documentation. Called by the vCPU's thread, preemptible or not.
#[export]
unsafe extern "C" fn kvm_timer_update_run(vcpu: *mut bindings::kvm_vcpu) -> bool {
    // SAFETY: By the safety requirements.
    let vcpu = unsafe { Vcpu::from_raw(vcpu) };

    Host::get().is_some_and(|host| user::update_run(host, vcpu, PreemptOff::new().on_cpu()))
}

/// Whether a WFI or WFE of the vCPU has timed out.
///
/// # Safety
///
/// See the module's documentation. Called by the vCPU's thread.
#[export]
unsafe extern "C" fn kvm_cpu_has_pending_timer(vcpu: *mut bindings::kvm_vcpu) -> i32 {
    // SAFETY: By the safety requirements.
    let vcpu = unsafe { Vcpu::from_raw(vcpu) };

    i32::from(Host::get().is_some_and(|host| soft::wfit_has_expired(host, vcpu)))
}

/// Tells which timers of a vCPU are direct and which emulated.
///
/// # Safety
///
/// See the module's documentation. `map` is valid for writes.
#[export]
unsafe extern "C" fn get_timer_map(vcpu: *mut bindings::kvm_vcpu, map: *mut bindings::timer_map) {
    // SAFETY: By the safety requirements.
    unsafe { map.write(raw_map(Vcpu::from_raw(vcpu))) };
}

/// The control register of a timer, in memory. For tracepoints.
///
/// # Safety
///
/// `context` is a valid timer context of a valid vCPU.
#[export]
unsafe extern "C" fn timer_get_ctl(context: *mut bindings::arch_timer_context) -> u32 {
    // SAFETY: By the safety requirements. CAST: the register has 32 bits.
    Timer::from_context(unsafe { TimerContext::from_raw(context) })
        .map_or(0, |timer| timer.ctl().into_raw() as u32)
}

/// The compare value of a timer, in memory. For tracepoints.
///
/// # Safety
///
/// `context` is a valid timer context of a valid vCPU.
#[export]
unsafe extern "C" fn timer_get_cval(context: *mut bindings::arch_timer_context) -> u64 {
    // SAFETY: By the safety requirements.
    Timer::from_context(unsafe { TimerContext::from_raw(context) })
        .map_or(0, |timer| timer.cval().get())
}

/// The timer and the register that a trapped access names by C's numbers.
fn decode_access(
    vcpu: Vcpu<'_>,
    timer: bindings::kvm_arch_timers,
    register: bindings::kvm_arch_timer_regs,
) -> Option<(Timer<'_>, Register)> {
    // CAST: widening.
    let id = TimerId::from_index(TimerIndex::new(timer as usize)?)?;
    let register = match register {
        bindings::kvm_arch_timer_regs_TIMER_REG_CNT => Register::Cnt,
        bindings::kvm_arch_timer_regs_TIMER_REG_CVAL => Register::Cval,
        bindings::kvm_arch_timer_regs_TIMER_REG_TVAL => Register::Tval,
        bindings::kvm_arch_timer_regs_TIMER_REG_CTL => Register::Ctl,
        bindings::kvm_arch_timer_regs_TIMER_REG_VOFF => Register::Voff,
        _ => return None,
    };

    Some((Timer::of(vcpu, id), register))
}

/// Reads a timer register on behalf of the guest.
///
/// # Safety
///
/// See the module's documentation. The vCPU is loaded.
#[export]
unsafe extern "C" fn kvm_arm_timer_read_sysreg(
    vcpu: *mut bindings::kvm_vcpu,
    timer: bindings::kvm_arch_timers,
    register: bindings::kvm_arch_timer_regs,
) -> u64 {
    // SAFETY: By the safety requirements.
    let access = decode_access(unsafe { Vcpu::from_raw(vcpu) }, timer, register);

    match (Host::get(), access) {
        (Some(host), Some((timer, register))) => access::read(host, timer, register),
        _ => 0,
    }
}

/// Writes a timer register on behalf of the guest.
///
/// # Safety
///
/// See the module's documentation. The vCPU is loaded.
#[export]
unsafe extern "C" fn kvm_arm_timer_write_sysreg(
    vcpu: *mut bindings::kvm_vcpu,
    timer: bindings::kvm_arch_timers,
    register: bindings::kvm_arch_timer_regs,
    value: u64,
) {
    // SAFETY: By the safety requirements.
    let access = decode_access(unsafe { Vcpu::from_raw(vcpu) }, timer, register);

    if let (Some(host), Some((timer, register))) = (Host::get(), access) {
        access::write(host, timer, register, value);
    }
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
    let (vcpu, attr) = unsafe { (LockedVcpu::assume(Vcpu::from_raw(vcpu)), &*attr) };

    errno(config::set_attr(
        &vcpu,
        attr.attr,
        UserNumber::new(attr.addr),
    ))
}

/// `KVM_GET_DEVICE_ATTR` of a vCPU, group `KVM_ARM_VCPU_TIMER_CTRL`.
///
/// # Safety
///
/// See the module's documentation; `attr` is valid.
#[export]
unsafe extern "C" fn kvm_arm_timer_get_attr(
    vcpu: *mut bindings::kvm_vcpu,
    attr: *mut bindings::kvm_device_attr,
) -> i32 {
    // SAFETY: By the safety requirements.
    let (vcpu, attr) = unsafe { (Vcpu::from_raw(vcpu), &*attr) };

    errno(config::get_attr(
        vcpu,
        attr.attr,
        UserNumber::new(attr.addr),
    ))
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
    errno(unsafe { config::has_attr(Vcpu::from_raw(vcpu), (*attr).attr) })
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
    // SAFETY: By the safety requirements.
    errno(unsafe { config::set_counter_offset(Vm::from_raw(kvm), &*offset) })
}

// What the timer hands to C.

/// The vgic's questions about a timer's interrupt.
static IRQ_OPS: IrqOps = IrqOps {
    get_flags: Some(irq_flags),
    get_input_level: Some(input_level),
    queue_irq_unlock: None,
    set_direct_injection: None,
};

/// The same for a GICv5, which takes the line from the hardware.
static IRQ_OPS_V5: IrqOps = IrqOps {
    get_flags: None,
    get_input_level: Some(input_level),
    queue_irq_unlock: Some(bindings::vgic_v5_ppi_queue_irq_unlock),
    set_direct_injection: Some(bindings::vgic_v5_set_ppi_dvi),
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
    Host::get()
        .is_some_and(|host| enable::input_level(host, intid as u32, (&irq_off).into()).is_high())
}

/// # Safety
///
/// Called by the interrupt core for a timer interrupt, with this CPU's slot of running vCPUs.
unsafe extern "C" fn host_interrupt(irq: i32, slot: *mut c_void) -> bindings::irqreturn_t {
    // SAFETY: By the safety requirements.
    let (vcpu, irq_off) = unsafe { (*slot.cast::<*mut bindings::kvm_vcpu>(), IrqOff::assume()) };

    // The GIC may signal once more after the vCPU has left and its timers are off.
    if let (false, Some(host)) = (vcpu.is_null(), Host::get()) {
        // SAFETY: The vCPU is loaded on this CPU, so it is valid. CAST: an IRQ number.
        line::host_interrupt(host, unsafe { Vcpu::from_raw(vcpu) }, irq as u32, &irq_off);
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
    let (context, soft) = unsafe {
        (
            TimerContext::of_soft_timer(timer),
            ExpiredTimer::from_raw(timer),
        )
    };

    match (Host::get(), Timer::from_context(context)) {
        (Some(host), Some(timer)) => soft::emulated_expired(host, timer, soft),
        _ => Restart::No,
    }
    .into_raw()
}

/// # Safety
///
/// Called by the hrtimer core for the background timer of a vCPU.
unsafe extern "C" fn background_timer_expired(
    timer: *mut bindings::hrtimer,
) -> bindings::hrtimer_restart {
    // SAFETY: By the safety requirements; a vCPU stops its timer before it goes.
    let (vcpu, background) = unsafe {
        (
            Vcpu::of_background_timer(timer),
            ExpiredTimer::from_raw(timer),
        )
    };

    Host::get()
        .map_or(Restart::No, |host| {
            soft::background_expired(host, vcpu, background)
        })
        .into_raw()
}
