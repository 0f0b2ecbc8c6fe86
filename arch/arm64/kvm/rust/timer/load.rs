// SPDX-License-Identifier: GPL-2.0

//! A vCPU comes to a CPU, or leaves it.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_timer_unblocking, kvm_timer_vcpu_load_gic,
//!     kvm_timer_vcpu_load_nogic, kvm_timer_vcpu_load_nested_switch, timer_set_traps,
//!     kvm_timer_vcpu_load, kvm_timer_vcpu_put, kvm_timer_sync_nested
#![forbid(unsafe_code)]

use super::{
    context::{
        current_map,
        has_cntpoff,
        timer_map,
        Timer, //
    },
    ctl::Level,
    hardware::{
        self,
        HardwareSet, //
    },
    line,
    map::TimerMap,
    soft,
    traps::{
        CnthctlUpdate,
        GuestCnthctl,
        TrapInputs, //
    },
    Host, //
};
use crate::{
    arm64::{
        cpucaps,
        generic_timer::update_timer_traps, //
    },
    host::{
        context::{
            with_irqs_off,
            OnCpu, //
        },
        static_key::has_broken_cntvoff,
        vcpu::{
            SysReg,
            Vcpu, //
        },
    },
};

/// The vCPU is being loaded on this CPU.
pub(super) fn load(host: &Host, vcpu: Vcpu<'_>, on_cpu: OnCpu<'_>) {
    if !vcpu.timers_enabled() {
        return;
    }

    let map = timer_map(vcpu);

    if host.active_state {
        if vcpu.has_el2() && !vcpu.vm().has_gicv5() {
            switch_mappings(vcpu, map);
        }
        for id in map.all_direct() {
            sync_line(host, Timer::of(vcpu, id), on_cpu);
        }
    } else {
        for id in map.all_direct() {
            sync_line_without_active_state(host, Timer::of(vcpu, id), on_cpu);
        }
    }

    // Its callback reads timers from memory, so it must be over before they leave.
    vcpu.background_timer().cancel();

    with_irqs_off(|irq_off| HardwareSet::direct(vcpu, map).restore(host, irq_off));

    for id in map.all_emulated() {
        soft::emulate(host, Timer::of(vcpu, id), on_cpu);
    }

    if cpucaps::has_vhe() {
        set_traps(vcpu, map);
    }
}

/// The vCPU is leaving this CPU.
pub(super) fn put(host: &Host, vcpu: Vcpu<'_>, on_cpu: OnCpu<'_>) {
    if !vcpu.timers_enabled() {
        return;
    }

    let map = timer_map(vcpu);

    with_irqs_off(|irq_off| HardwareSet::direct(vcpu, map).save(irq_off));

    // Nothing needs them until the next load: a vCPU that blocks has the background timer, which
    // takes all deadlines into account.
    for id in map.all_emulated() {
        Timer::of(vcpu, id).context().soft_timer().cancel();
    }

    if vcpu.is_blocking() {
        soft::block(host, vcpu);
    }

    if vcpu.vm().has_gicv5() {
        for id in map.all_direct() {
            line::set_host_active(Timer::of(vcpu, id), false, on_cpu);
        }
    }
}

/// Brings the virtual and the host interrupt of a direct timer in line with the state that is
/// about to be restored. Should the timer expire in between, its interrupt is taken anyway.
///
/// The host interrupt is active while the guest handles the virtual one, and while the level is
/// high, so that it does not interrupt the guest for what the guest knows already.
fn sync_line(host: &Host, timer: Timer<'_>, on_cpu: OnCpu<'_>) {
    let vcpu = timer.vcpu();
    let level = hardware::level(host, timer, on_cpu);

    line::drive(timer, level);

    let guest_has_it = vcpu.vm().has_irqchip() && vcpu.mapped_irq_is_active(timer.intid());
    let active = guest_has_it || level.is_high() || vcpu.vm().has_gicv5();

    line::set_host_active(timer, active, on_cpu);
}

/// The same for a host whose GIC has no active state that KVM could use, which implies an interrupt
/// controller in user space: the host interrupt is disabled while the level is high, or else the
/// guest would never get to handle it.
#[cold]
fn sync_line_without_active_state(host: &Host, timer: Timer<'_>, on_cpu: OnCpu<'_>) {
    let level = hardware::level(host, timer, on_cpu);

    line::drive(timer, level);

    let Some(irq) = host.irq(timer.id().bank()) else {
        return;
    };
    match level {
        Level::High => irq.disable(on_cpu),
        Level::Low => irq.enable(on_cpu),
    }
}

/// Maps the host's interrupts to the timers that are direct now, after a nested guest has gone
/// from virtual EL2 to EL1 or back.
#[inline(never)]
fn switch_mappings(vcpu: Vcpu<'_>, map: TimerMap) {
    let intid = |id| Timer::of(vcpu, id).intid();

    if !vcpu.vm().has_irqchip() || vcpu.irq_is_mapped(intid(map.direct_vtimer)) {
        return;
    }

    for id in map.all_emulated() {
        vcpu.unmap_irq(intid(id));
    }
    for id in map.all_direct() {
        let timer = Timer::of(vcpu, id);

        if vcpu
            .map_irq(timer.context().host_irq(), timer.intid())
            .is_err()
        {
            // On each switch, if at all: once is enough for the log.
            kernel::do_once_lite! {
                kernel::warn_on!(true);
            }
        }
    }
}

/// Sets the traps of a loaded vCPU anew, if they are the host's to set.
#[cold]
pub(super) fn update_traps(vcpu: Vcpu<'_>, _on_cpu: OnCpu<'_>) {
    if cpucaps::has_vhe() {
        set_traps(vcpu, current_map(vcpu));
    }
}

/// Sets the traps of a vCPU on a VHE host. They do not affect the host.
#[inline(always)]
fn set_traps(vcpu: Vcpu<'_>, map: TimerMap) {
    /// Nothing traps from a guest without EL2 whose offsets the hardware applies.
    const PLAIN: CnthctlUpdate = TrapInputs::PLAIN.cnthctl();

    let offset_of = |id| Timer::of(vcpu, id).offset();
    let plain = TrapInputs {
        physical_offset_in_software: !has_cntpoff()
            && map.direct_ptimer.is_some_and(|id| !offset_of(id).is_zero()),
        virtual_offset_in_software: has_broken_cntvoff() && !offset_of(map.direct_vtimer).is_zero(),
        ..TrapInputs::PLAIN
    };

    if vcpu.has_el2() {
        set_traps_with_el2(vcpu, plain);
    } else if plain == TrapInputs::PLAIN {
        update_timer_traps(PLAIN.clear, PLAIN.set);
    } else {
        let update = plain.cnthctl();

        update_timer_traps(update.clear, update.set);
    }
}

/// [`set_traps`], of a vCPU with EL2.
#[inline(never)]
fn set_traps_with_el2(vcpu: Vcpu<'_>, plain: TrapInputs) {
    let in_hyp = vcpu.in_hyp_context();
    let update = TrapInputs {
        hyp_with_ecv: (in_hyp && cpucaps::has_ecv()).then(|| vcpu.el2_e2h()),
        guest_hypervisor: (!in_hyp)
            .then(|| GuestCnthctl::new(vcpu.sys_reg(SysReg::CNTHCTL_EL2), vcpu.el2_e2h())),
        ..plain
    }
    .cnthctl();

    update_timer_traps(update.clear, update.set);
}

/// A guest hypervisor has exited. Its EL1 timers are emulated, and without FEAT_ECV, which lets
/// accesses to them trap, it may have written to their registers in memory unseen.
pub(super) fn sync_nested(host: &Host, vcpu: Vcpu<'_>, on_cpu: OnCpu<'_>) {
    if cpucaps::has_ecv() {
        return;
    }

    let map = timer_map(vcpu);

    for id in map.all_emulated() {
        Timer::of(vcpu, id).context().soft_timer().cancel();
    }
    for id in map.all_emulated() {
        soft::emulate(host, Timer::of(vcpu, id), on_cpu);
    }
}
