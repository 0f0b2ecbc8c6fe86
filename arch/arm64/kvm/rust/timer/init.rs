// SPDX-License-Identifier: GPL-2.0

//! The host's side: finding and requesting the timer interrupts, CPU hotplug, errata.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_timer_cpu_up, kvm_timer_cpu_down, kvm_irq_init,
//!     kvm_timer_handle_errata, kvm_timer_hyp_init, kvm_timer_init_vhe
#![forbid(unsafe_code)]

use super::{
    traps::bits,
    *, //
};

/// One of the host's timer interrupts, and what it is called.
struct Source {
    timer: TimerId,
    name: &'static CStr,
    short: &'static CStr,
    user: &'static CStr,
}

const VIRTUAL: Source = Source {
    timer: TimerId::Vtimer,
    name: c"virtual",
    short: c"vtimer",
    user: c"kvm guest vtimer",
};

const PHYSICAL: Source = Source {
    timer: TimerId::Ptimer,
    name: c"physical",
    short: c"ptimer",
    user: c"kvm guest ptimer",
};

/// Initialises the host's side, once. `has_gic`: KVM can use the host's GIC. Sleeps.
///
/// # Errors
///
/// `ENODEV` if firmware or the clocksource driver do not provide what is needed; the interrupt
/// core's errors. Nothing is left requested then.
pub(super) fn init(has_gic: bool, handler: Handler) -> Result {
    let info = KvmInfo::get();
    let Some(counter) = info.counter else {
        log::error(c"uninitialized timecounter");
        return Err(ENODEV);
    };
    let Some(vtimer) = HostIrq::find(info.virtual_irq, log::bad_trigger) else {
        log::bad_irq(VIRTUAL.name, info.virtual_irq);
        return Err(ENODEV);
    };

    // They are put into a domain of their own where the GIC needs it.
    let gic = HostGic::get();
    let domain = if gic.no_hw_deactivation || gic.is_v5 {
        Some(TimerIrqDomain::above(vtimer.number())?)
    } else {
        None
    };
    let push = |irq: HostIrq, source: &Source| {
        if let Some(domain) = &domain {
            kernel::warn_on!(domain.push(irq.number(), source.timer).is_err());
        }
    };

    push(vtimer, &VIRTUAL);

    let ptimer = HostIrq::find(info.physical_irq, log::bad_trigger);
    if let Some(ptimer) = ptimer {
        push(ptimer, &PHYSICAL);
    }

    // Before the first interrupt can arrive.
    HOST.populate(Host {
        counter,
        rate: TickRate::new(counter.mult, counter.shift),
        vtimer,
        ptimer,
        active_state: has_gic,
    });

    let requested_vtimer = request(vtimer, &VIRTUAL, has_gic, handler)?;

    if let Some(ptimer) = ptimer {
        request(ptimer, &PHYSICAL, has_gic, handler)?.keep();
    } else if cpucaps::has_vhe() {
        log::bad_irq(PHYSICAL.name, info.physical_irq);
        return Err(ENODEV);
    }

    requested_vtimer.keep();
    handle_errata();
    Ok(())
}

#[inline(never)]
fn request(irq: HostIrq, source: &Source, has_gic: bool, handler: Handler) -> Result<RequestedIrq> {
    let requested = irq
        .request(handler, Vcpu::running_per_cpu(), source.user)
        .inspect_err(|err| log::bad_request(source.short, irq.number(), *err))?;

    if has_gic {
        requested
            .forward_to_vcpus()
            .inspect_err(|_| log::error(c"error setting vcpu affinity"))?;
    }
    log::debug_timer_irq(source.name, irq.number());
    Ok(requested)
}

/// Finds out whether `CNTVOFF_EL2` is broken, so that virtual timer and counter must trap, which
/// takes FEAT_ECV.
///
/// A hypervisor that runs this one will have worked around the erratum already, and doing it
/// twice would be slow. The affected CPUs have both FEAT_VHE and FEAT_E2H0, and a guest with
/// nested virtualization is unlikely to see both: so both together mean the bare machine.
fn handle_errata() {
    let features = TimerFeatures::read();

    if features.vhe
        && features.e2h0
        && features.ecv
        && (cpucaps::has_vhe() || cpucaps::has_hvhe())
        && cpucaps::has_oryon_cntvoff_erratum()
    {
        static_key::set_broken_cntvoff();
        log::broken_cntvoff();
    }
}

/// This CPU is about to run guests.
pub(super) fn cpu_up(host: &Host, on_cpu: OnCpu<'_>) {
    host.vtimer.enable(on_cpu);
    if let Some(ptimer) = host.ptimer {
        ptimer.enable(on_cpu);
    }
}

/// This CPU will run no more guests.
pub(super) fn cpu_down(host: &Host, on_cpu: OnCpu<'_>) {
    host.vtimer.disable(on_cpu);
    if let Some(ptimer) = host.ptimer {
        ptimer.disable(on_cpu);
    }
}

/// Sets what never changes on a VHE host: `CNTPOFF_EL2`, where there is one, is in effect.
pub(super) fn init_vhe(el2: El2<'_>) {
    if cpucaps::has_ecv_cntpoff() {
        generic_timer::update_cnthctl_el2(0, bits::ECV, el2);
    }
}
