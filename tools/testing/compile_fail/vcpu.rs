// SPDX-License-Identifier: GPL-2.0

#![allow(unused)]

use crate::{arm64::prelude::*, kvm::prelude::*, linux::prelude::*};

//# a register of a vCPU that is not ours
//# error: E0599 no method named `sys_reg` found
fn register(vcpu: Vcpu<'_>) -> u64 {
    vcpu.sys_reg(SysReg::SCTLR_EL1)
}
//# instead
fn register(vcpu: OwnVcpu<'_>) -> u64 {
    vcpu.sys_reg(SysReg::SCTLR_EL1)
}

//# the hardware of a vCPU that is not loaded
//# error: E0599 no method named `load_stage2` found
fn stage2(vcpu: OwnVcpu<'_>) {
    vcpu.load_stage2();
}
//# instead
fn stage2(vcpu: LoadedVcpu<'_>) {
    vcpu.load_stage2();
}

//# FP registers loaded while the host may want them
//# error: E0599 no method named `load_fp_registers` found
fn fp(vcpu: LoadedVcpu<'_>) {
    vcpu.load_fp_registers();
}
//# instead
fn fp(vcpu: RunningVcpu<'_>) {
    vcpu.load_fp_registers();
}

//# a stronger vCPU made of a weaker one
//# error: E0308 expected `LoadedVcpu<'_>`, found `OwnVcpu<'_>`
fn stronger(vcpu: OwnVcpu<'_>) -> LoadedVcpu<'_> {
    vcpu
}
//# instead
fn stronger(vcpu: LoadedVcpu<'_>) -> OwnVcpu<'_> {
    *vcpu
}

//# evidence that a vCPU is loaded forged outside of a thunk
//# error: E0133 LoadedVcpu::<'a>::assume` is unsafe
fn forge<'a>(vcpu: Vcpu<'a>, on_cpu: OnCpu<'a>) -> LoadedVcpu<'a> {
    LoadedVcpu::assume(vcpu.as_ptr(), on_cpu)
}
//# instead
fn forge(on_cpu: OnCpu<'_>) -> Option<LoadedVcpu<'_>> {
    Vcpu::running(on_cpu)
}

//# a timer in hardware of a vCPU that is not loaded
//# error: E0599 no method named `in_hardware` found
fn hardware(vcpu: OwnVcpu<'_>) -> Option<HardwareTimer<'_>> {
    vcpu.in_hardware(TimerId::Vtimer)
}
//# instead
fn hardware(vcpu: LoadedVcpu<'_>) -> Option<HardwareTimer<'_>> {
    vcpu.in_hardware(TimerId::Vtimer)
}

//# the registers in memory of a timer that is in hardware
//# error: E0599 no method named `state` found
fn state(timer: HardwareTimer<'_>) -> State {
    timer.state()
}
//# instead
fn state(timer: HardwareTimer<'_>) -> State {
    timer.into_memory().state()
}

//# what is constant set later
//# error: E0599 no method named `init_background_timer` found
fn set_up(vcpu: OwnVcpu<'_>, expired: &Callback<crate::bindings::arch_timer_cpu>) {
    vcpu.init_background_timer(expired);
}
//# instead
fn set_up(vcpu: NewVcpu<'_>, expired: &Callback<crate::bindings::arch_timer_cpu>) {
    vcpu.init_background_timer(expired);
}

//# interrupts that are said to be off
//# error: E0451 field `_not_send` of struct
fn off() -> IrqOff {
    IrqOff {
        _not_send: kernel::types::NotThreadSafe,
    }
}
//# instead
fn off() -> u32 {
    with_irqs_off(|_: &IrqOff| 1)
}

//# evidence that outlives its context
//# error: - lifetime may not live long enough
fn keep() -> &'static IrqOff {
    with_irqs_off(|irq_off: &IrqOff| irq_off)
}
//# instead
fn keep() {
    with_irqs_off(|_irq_off: &IrqOff| ());
}

//# an unsafe callback handed to a safe function
//# error: E0308 mismatched types
fn request(irq: HostIrq, data: PerCpuData) -> bool {
    unsafe extern "C" fn handler(_: i32, _: *mut core::ffi::c_void) -> u32 {
        0
    }

    irq.request(handler, data, c"name").is_ok()
}
//# instead
fn request(irq: HostIrq, handler: Handler, data: PerCpuData) -> bool {
    irq.request(handler, data, c"name").is_ok()
}

//# a callback called safe that is not
//# error: E0133 is unsafe and requires unsafe
fn handler(
    raw: unsafe extern "C" fn(i32, *mut core::ffi::c_void) -> crate::bindings::irqreturn_t,
) -> Handler {
    Handler::new(raw)
}
//# instead
fn handler(handler: Handler) -> Handler {
    handler
}

//# the configuration of a VM without its lock
//# error: E0624 method `set_timer_ppi` is private
fn configure(vm: Vm<'_>) {
    vm.set_timer_ppi(TimerId::Vtimer, vm.ppi(27));
}
//# instead
fn configure(vcpu: UserVcpu<'_>) {
    vcpu.config()
        .set_timer_ppi(TimerId::Vtimer, vcpu.vm().ppi(27));
}

//# another VM's guard
//# error: E0061 this method takes 1 argument but 2 arguments were supplied
fn own(vcpu: UserVcpu<'_>, other: UserVcpu<'_>) -> bool {
    other.config().own_irq(vcpu, TimerId::Vtimer).is_ok()
}
//# instead
fn own(vcpu: UserVcpu<'_>) -> bool {
    vcpu.config().own_irq(TimerId::Vtimer).is_ok()
}

//# a call that sleeps with interrupts off
//# error: E0599 no method named `config` found
fn sleep(vcpu: LoadedVcpu<'_>, _irq_off: &IrqOff) {
    vcpu.config().set_timer_ppis_immutable();
}
//# instead
fn sleep(vcpu: UserVcpu<'_>) {
    vcpu.config().set_timer_ppis_immutable();
}

//# a VM's vCPUs stopped without its lock
//# error: E0599 no method named `stop_all` found
fn stop(vcpu: UserVcpu<'_>) -> bool {
    vcpu.stop_all().is_ok()
}
//# instead
fn stop(vcpu: UserVcpu<'_>) -> bool {
    vcpu.try_vm_lock()
        .is_ok_and(|mut lock| lock.locked().stop_all().is_ok())
}

//# a VM's lock, which sleeps, with interrupts off
//# error: E0599 no method named `vm_lock` found
fn lock(vm: Vm<'_>, _irq_off: &IrqOff) {
    vm.vm_lock();
}
//# instead
fn lock(task: &mut Task<'_>) {
    task.vm_lock();
}

//# a VM's lock twice
//# error: E0499 cannot borrow `*task` as mutable more than once
fn lock(task: &mut Task<'_>) {
    let first = task.vm_lock();
    task.vm_lock();
    drop(first);
}
//# instead
fn lock(task: &mut Task<'_>) {
    drop(task.vm_lock());
    task.vm_lock();
}

//# user memory, which sleeps, by who stays on a CPU
//# error: E0277 MaySleep<'_>: From<linux::context::OnCpu<'_>>` is not satisfied
fn read(vcpu: LoadedVcpu<'_>, addr: u64) -> Option<u64> {
    UserNumber::new(addr, vcpu.on_cpu().into()).read().ok()
}
//# instead
fn read(vcpu: UserVcpu<'_>, addr: u64) -> Option<u64> {
    UserNumber::new(addr, vcpu.may_sleep()).read().ok()
}

//# the lock of a VM's configuration, which sleeps, for a vCPU that is loaded
//# error: E0599 no method named `config` found
fn configure(vcpu: LoadedVcpu<'_>) -> VcpuConfig<'_> {
    vcpu.config()
}
//# instead
fn configure(vcpu: UserVcpu<'_>) -> VcpuConfig<'_> {
    vcpu.config()
}
