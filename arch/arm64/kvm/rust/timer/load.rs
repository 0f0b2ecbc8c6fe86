// SPDX-License-Identifier: GPL-2.0

//! A vCPU comes to a CPU, or leaves it.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_timer_unblocking, kvm_timer_vcpu_load_gic,
//!     kvm_timer_vcpu_load_nogic, kvm_timer_vcpu_load_nested_switch, timer_set_traps,
//!     kvm_timer_vcpu_load, kvm_timer_vcpu_put, kvm_timer_sync_nested
#![forbid(unsafe_code)]

use super::{
    hardware::HardwareSet,
    traps::{
        GuestCnthctl,
        TrapInputs, //
    },
    *, //
};

/// The vCPU is being loaded on this CPU.
pub(super) fn load(host: &Host, vcpu: LoadedVcpu<'_>) {
    if !vcpu.timers_enabled() {
        return;
    }

    let map = timer_map(**vcpu);

    if vcpu.has_el2() && host.active_state && !vcpu.vm().has_gicv5() {
        switch_mappings(*vcpu, map);
    }
    for id in map.all_direct() {
        sync_line(host, vcpu, id);
    }

    // Its callback reads timers from memory, so it must be over before they leave.
    vcpu.background_timer().cancel();

    with_irqs_off(|irq_off| HardwareSet::direct(vcpu, map).restore(host, irq_off));

    for id in map.all_emulated() {
        soft::emulate(host, vcpu, id);
    }

    if let Some(el2) = vcpu.vhe() {
        set_traps(vcpu, map, el2);
    }
}

/// The vCPU is leaving this CPU.
pub(super) fn put(host: &Host, vcpu: LoadedVcpu<'_>) {
    if !vcpu.timers_enabled() {
        return;
    }

    let map = timer_map(**vcpu);

    with_irqs_off(|irq_off| HardwareSet::direct(vcpu, map).save(irq_off));

    // Nothing needs them until the next load: a vCPU that blocks has the background timer, which
    // takes all deadlines into account.
    for id in map.all_emulated() {
        vcpu.soft_timer(id).cancel();
    }

    if vcpu.is_blocking() {
        soft::block(host, vcpu);
    }

    if vcpu.vm().has_gicv5() {
        for id in map.all_direct() {
            line::set_host_active(vcpu, id, false);
        }
    }
}

/// Brings the virtual and the host interrupt of a direct timer in line with the state that is
/// about to be restored. Should the timer expire in between, its interrupt is taken anyway.
///
/// The host interrupt is active while the guest handles the virtual one, and while the level is
/// high, so that it does not interrupt the guest for what the guest knows already.
#[inline(never)]
fn sync_line(host: &Host, vcpu: LoadedVcpu<'_>, id: TimerId) {
    let timer = vcpu.locate(id);
    let level = timer.level(host);

    line::drive(*timer, level);

    if !host.active_state {
        return sync_without_active_state(host, vcpu, id.bank(), level);
    }
    let vm = vcpu.vm();
    let guest_has_it = vm.has_irqchip() && vcpu.mapped_irq_is_active(timer.ppi());
    let active = guest_has_it || level.is_high() || vm.has_gicv5();

    line::set_host_active(vcpu, id, active);
}

/// The same for a host whose GIC has no active state that KVM could use, which implies an interrupt
/// controller in user space: the host interrupt is disabled while the level is high, or else the
/// guest would never get to handle it.
#[cold]
fn sync_without_active_state(host: &Host, vcpu: LoadedVcpu<'_>, bank: Bank, level: Level) {
    match (host.irq(bank), level) {
        (Some(irq), Level::High) => irq.disable(vcpu.on_cpu()),
        (Some(irq), Level::Low) => irq.enable(vcpu.on_cpu()),
        (None, _) => {}
    }
}

/// Maps the host's interrupts to the timers that are direct now, after a nested guest has gone
/// from virtual EL2 to EL1 or back.
#[inline(never)]
fn switch_mappings(vcpu: OwnVcpu<'_>, map: TimerMap) {
    let virt = map.direct(Bank::Virtual);

    if !vcpu.vm().has_irqchip() || virt.is_some_and(|id| vcpu.irq_is_mapped(vcpu.timer(id).ppi())) {
        return;
    }

    for id in map.all_emulated() {
        vcpu.unmap_irq(vcpu.timer(id).ppi());
    }
    for id in map.all_direct() {
        if map_irq(vcpu, id).is_err() {
            // On each switch, if at all: once is enough for the log.
            kernel::do_once_lite! {
                kernel::warn_on!(true);
            }
        }
    }
}

/// Maps a direct timer's interrupt to the host's.
pub(super) fn map_irq(vcpu: OwnVcpu<'_>, id: TimerId) -> Result {
    let timer = vcpu.timer(id);

    vcpu.map_irq(timer.host_irq(), timer.ppi())
}

/// Sets the traps of a loaded vCPU anew, if they are the host's to set.
#[cold]
pub(super) fn update_traps(vcpu: LoadedVcpu<'_>) {
    if let Some(el2) = vcpu.vhe() {
        set_traps(vcpu, current_map(**vcpu), el2);
    }
}

/// Sets the traps of a vCPU on a VHE host. They do not affect the host.
#[inline(never)]
fn set_traps(vcpu: LoadedVcpu<'_>, map: TimerMap, el2: El2<'_>) {
    let has_offset = |bank| {
        map.direct(bank)
            .is_some_and(|id| !vcpu.timer(id).offset().is_zero())
    };
    let mut inputs = TrapInputs {
        physical_offset_in_software: !has_cntpoff() && has_offset(Bank::Physical),
        virtual_offset_in_software: has_broken_cntvoff() && has_offset(Bank::Virtual),
        ..TrapInputs::PLAIN
    };

    match map {
        TimerMap::NestedHyp if cpucaps::has_ecv() => inputs.hyp_with_ecv = Some(vcpu.el2_e2h()),
        TimerMap::NestedGuest => {
            let cnthctl = vcpu.sys_reg(SysReg::CNTHCTL_EL2);

            inputs.guest_hypervisor = Some(GuestCnthctl::new(cnthctl, vcpu.el2_e2h()));
        }
        _ => {}
    }

    let update = inputs.cnthctl();

    generic_timer::update_timer_traps(update.clear, update.set, el2);
}

/// A guest hypervisor has exited. Its EL1 timers are emulated, and without FEAT_ECV, which lets
/// accesses to them trap, it may have written to their registers in memory unseen.
pub(super) fn sync_nested(host: &Host, vcpu: LoadedVcpu<'_>) {
    if cpucaps::has_ecv() {
        return;
    }

    let map = timer_map(**vcpu);

    for id in map.all_emulated() {
        vcpu.soft_timer(id).cancel();
    }
    for id in map.all_emulated() {
        soft::emulate(host, vcpu, id);
    }
}
