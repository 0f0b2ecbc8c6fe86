// SPDX-License-Identifier: GPL-2.0

//! The host's side: finding and requesting the timer interrupts, CPU hotplug, errata.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: kvm_timer_cpu_up, kvm_timer_cpu_down, kvm_irq_init,
//!     kvm_timer_handle_errata, kvm_timer_hyp_init, kvm_timer_init_vhe
#![forbid(unsafe_code)]

use super::{
    deadline::TickRate,
    map::TimerId,
    traps::bits,
    Host,
    HOST, //
};
use crate::{
    arm64::{
        cpucaps,
        cpufeature::TimerFeatures,
        generic_timer::update_cnthctl_el2, //
    },
    host::{
        context::OnCpu,
        irq::{
            Handler,
            HostIrq,
            RequestedIrq, //
        },
        log::{
            self,
            kvm_err,
            kvm_info, //
        },
        static_key,
        timecounter::KvmInfo,
        timer_irq_domain::TimerIrqDomain,
        vgic::HostGic, //
    },
};
use kernel::{
    error::code::ENODEV,
    prelude::*, //
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
        kvm_err!("kvm_arch_timer: uninitialized timecounter\n");
        return Err(ENODEV);
    };
    let (vtimer, ptimer) = find_irqs(&info)?;

    // Before the first interrupt can arrive.
    HOST.populate(Host {
        counter,
        rate: TickRate::new(counter.mult, counter.shift),
        vtimer,
        ptimer,
        active_state: has_gic,
    });

    let requested_vtimer = request(vtimer, Which::Virtual, has_gic, handler)?;
    log::debug_timer_irq(c"virtual", vtimer.number());

    if let Some(ptimer) = ptimer {
        request(ptimer, Which::Physical, has_gic, handler)?.keep();
        log::debug_timer_irq(c"physical", ptimer.number());
    } else if cpucaps::has_vhe() {
        kvm_err!(
            "kvm_arch_timer: invalid physical timer IRQ: {}\n",
            info.physical_irq
        );
        return Err(ENODEV);
    }

    requested_vtimer.keep();
    handle_errata();
    Ok(())
}

/// Finds the host's interrupts, and puts them into a domain of their own where the GIC needs it.
fn find_irqs(info: &KvmInfo) -> Result<(HostIrq, Option<HostIrq>)> {
    let Some(vtimer) = host_irq(info.virtual_irq) else {
        kvm_err!(
            "kvm_arch_timer: invalid virtual timer IRQ: {}\n",
            info.virtual_irq
        );
        return Err(ENODEV);
    };

    let gic = HostGic::get();
    let domain = if gic.no_hw_deactivation || gic.is_v5 {
        Some(TimerIrqDomain::above(vtimer.number())?)
    } else {
        None
    };

    push(&domain, vtimer, TimerId::Vtimer);

    let ptimer = host_irq(info.physical_irq);
    if let Some(ptimer) = ptimer {
        push(&domain, ptimer, TimerId::Ptimer);
    }
    Ok((vtimer, ptimer))
}

/// An interrupt that firmware describes, unless its number says that there is none.
fn host_irq(number: i32) -> Option<HostIrq> {
    let irq = u32::try_from(number).ok().filter(|irq| *irq != 0)?;

    Some(HostIrq::new(irq, || {
        kvm_err!("Invalid trigger for timer IRQ{irq}, assuming level low\n");
    }))
}

fn push(domain: &Option<TimerIrqDomain>, irq: HostIrq, timer: TimerId) {
    if let Some(domain) = domain {
        kernel::warn_on!(domain.push(irq.number(), timer.index()).is_err());
    }
}

/// Which of the host's timer interrupts a message is about.
#[derive(Clone, Copy)]
enum Which {
    Virtual,
    Physical,
}

fn request(irq: HostIrq, which: Which, has_gic: bool, handler: Handler) -> Result<RequestedIrq> {
    let (name, short) = match which {
        Which::Virtual => (c"kvm guest vtimer", "vtimer"),
        Which::Physical => (c"kvm guest ptimer", "ptimer"),
    };

    let requested = irq.request(handler, name).inspect_err(|err| {
        kvm_err!(
            "kvm_arch_timer: can't request {short} interrupt {} ({})\n",
            irq.number(),
            err.to_errno()
        );
    })?;

    if has_gic {
        requested.forward_to_vcpus().inspect_err(|_| {
            kvm_err!("kvm_arch_timer: error setting vcpu affinity\n");
        })?;
    }
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
        kvm_info!("Broken CNTVOFF_EL2, trapping virtual timer\n");
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
pub(super) fn init_vhe() {
    if cpucaps::has_ecv_cntpoff() {
        update_cnthctl_el2(0, bits::ECV);
    }
}
