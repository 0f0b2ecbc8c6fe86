// SPDX-License-Identifier: GPL-2.0

//! The life of a VM's and a vCPU's timers, and what user space can configure.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_timer_vcpu_reset, timer_context_init,
//!     kvm_timer_vcpu_init, kvm_timer_init_vm, kvm_arm_timer_set_attr, kvm_arm_timer_get_attr,
//!     kvm_arm_timer_has_attr, kvm_vm_ioctl_set_counter_offset; include/kvm/arm_arch_timer.h:
//!     timer_set_offset
#![forbid(unsafe_code)]

use super::{
    offset_attr::OffsetAttr,
    *, //
};

/// Gives a VM the default PPIs, in the numbering of its GIC model. Called when the VM is made,
/// and again when it gets a GICv5.
pub(super) fn init_vm(vm: NewVm<'_>) {
    for id in TimerId::ALL {
        vm.init_timer_ppi(id, vm.ppi(id.default_ppi()));
    }
}

/// Sets up the timers of a new vCPU. `expired` is what its soft timers call, `blocked_enough` what
/// its background timer does.
pub(super) fn init_vcpu(
    host: &Host,
    vcpu: NewVcpu<'_>,
    expired: &Callback<bindings::arch_timer_context>,
    blocked_enough: &Callback<bindings::arch_timer_cpu>,
) {
    let is_protected = vcpu.vm().is_protected();

    for id in TimerId::ALL {
        let source = match id {
            _ if is_protected => OffsetSource::None,
            TimerId::Vtimer => OffsetSource::VmVirtual,
            _ => OffsetSource::VmPhysical,
        };

        vcpu.init_timer(id, host.irq(id.bank()), source, expired);
    }
    vcpu.init_background_timer(blocked_enough);

    if is_protected {
        // A protected guest sees the host's time. With a pinned offset, writes of a counter
        // value by user space are ignored, instead of failing for want of a place.
        vcpu.pin_counter_offset();
    } else if !vcpu.vm().has_counter_offset() {
        // Virtual time starts when the VM's latest vCPU is made.
        vcpu.init_counter_offsets(host.now().get(), Offset::ZERO.get());
    }
}

/// Resets the timers of a vCPU, which is not loaded: all off. ENABLE is 0 out of reset on any
/// implementation that resets it (Arm ARM, `CNTV_CTL_EL0`).
pub(super) fn reset_vcpu(vcpu: OwnVcpu<'_>) {
    let map = timer_map(*vcpu);

    // A guest hypervisor is in charge of the virtual offset, on top of the VM's physical one.
    if vcpu.has_el2() {
        vcpu.set_offset_source(TimerId::Vtimer, OffsetSource::VmPhysicalAndGuest);
    }

    for mut timer in soft::timers_at_rest(vcpu) {
        timer.set_ctl(TimerCtl::OFF.into_raw());
        if vcpu.timers_enabled() {
            line::drive_in_memory(&mut timer, Level::Low);
        }
    }

    if vcpu.timers_enabled() && vcpu.vm().has_irqchip() {
        for id in map.all_direct() {
            vcpu.reset_mapped_irq(vcpu.timer(id).ppi());
        }
    }

    for id in map.all_emulated() {
        vcpu.soft_timer(id).cancel();
    }
}

/// Sets a vCPU attribute of group `KVM_ARM_VCPU_TIMER_CTRL`.
pub(super) fn set_attr(vcpu: UserVcpu<'_>, attr: &bindings::kvm_device_attr) -> Result {
    let addr = UserNumber::new(attr.addr, vcpu.may_sleep());

    match OffsetAttr::from_number(attr.attr) {
        Some(offset) => offset_attr::set(vcpu, offset, addr),
        None => set_ppi(vcpu, attr.attr, addr),
    }
}

/// Gets a vCPU attribute of that group.
pub(super) fn get_attr(vcpu: UserVcpu<'_>, attr: &bindings::kvm_device_attr) -> Result {
    let addr = UserNumber::new(attr.addr, vcpu.may_sleep());

    match OffsetAttr::from_number(attr.attr) {
        Some(offset) => offset_attr::get(vcpu.vm(), offset, addr),
        None => get_ppi(vcpu.anyones(), attr.attr, addr),
    }
}

/// Whether there is a vCPU attribute of that group.
///
/// # Errors
///
/// `ENXIO` if there is none of that number.
pub(super) fn has_attr(vcpu: Vcpu<'_>, attr: &bindings::kvm_device_attr) -> Result {
    match OffsetAttr::from_number(attr.attr) {
        Some(offset) => offset.check(vcpu.vm()),
        None => timer_of_attr(attr.attr).map(|_| ()),
    }
}

/// The timer whose PPI a vCPU attribute is.
///
/// # Errors
///
/// `ENXIO` for an attribute that does not exist.
fn timer_of_attr(attr: u64) -> Result<TimerId> {
    // CAST: attribute numbers are small.
    match attr as u32 {
        _ if attr > u64::from(u32::MAX) => Err(ENXIO),
        bindings::KVM_ARM_VCPU_TIMER_IRQ_VTIMER => Ok(TimerId::Vtimer),
        bindings::KVM_ARM_VCPU_TIMER_IRQ_PTIMER => Ok(TimerId::Ptimer),
        bindings::KVM_ARM_VCPU_TIMER_IRQ_HVTIMER => Ok(TimerId::Hvtimer),
        bindings::KVM_ARM_VCPU_TIMER_IRQ_HPTIMER => Ok(TimerId::Hptimer),
        _ => Err(ENXIO),
    }
}

/// Sets a timer's PPI, for the whole VM. Whether the PPIs are distinct, and not taken by another
/// device, is seen when a vCPU runs first. Sleeps.
///
/// # Errors
///
/// In this order, which is ABI: `EINVAL` without an interrupt controller in the kernel; `EFAULT`;
/// `EINVAL` for what is not a PPI; `EBUSY` once a vCPU has run; `ENXIO` for an unknown attribute.
fn set_ppi(vcpu: UserVcpu<'_>, attr: u64, addr: UserNumber<'_>) -> Result {
    let vm = vcpu.vm();

    if !vm.has_irqchip() {
        return Err(EINVAL);
    }

    let ppi = vm.ppi_of_user(addr.read::<i32>()?).ok_or(EINVAL)?;
    let config = vcpu.config();

    if config.timer_ppis_immutable() {
        return Err(EBUSY);
    }

    config.set_timer_ppi(timer_of_attr(attr)?, ppi);
    Ok(())
}

/// Gets a timer's PPI.
///
/// # Errors
///
/// `ENXIO` for an unknown attribute, then `EFAULT`.
fn get_ppi(vcpu: Vcpu<'_>, attr: u64, addr: UserNumber<'_>) -> Result {
    let ppi = vcpu.timer(timer_of_attr(attr)?).ppi();

    // CAST: the bit pattern, as set.
    addr.write::<i32>(ppi.intid() as i32)
}

/// Sets the offset of all counters of a VM, in ticks (`KVM_ARM_SET_COUNTER_OFFSET`). May be
/// repeated.
///
/// # Errors
///
/// `EINVAL` for reserved bits or a protected VM; `EBUSY` while a vCPU is in use.
pub(super) fn set_counter_offset(
    task: &mut Task<'_>,
    offset: &bindings::kvm_arm_counter_offset,
) -> Result {
    if offset.reserved != 0 || task.vm().is_protected() {
        return Err(EINVAL);
    }

    let mut lock = task.vm_lock();

    lock.locked()
        .stop_all()?
        .pin_counter_offsets(offset.counter_offset, offset.counter_offset);
    Ok(())
}
