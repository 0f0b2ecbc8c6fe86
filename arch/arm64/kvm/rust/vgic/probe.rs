// SPDX-License-Identifier: GPL-2.0

//! Which GIC the host has, and so which ones guests can have.
//!
//! Messages, and their order, are what users know.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-init.c: kvm_vgic_hyp_init, kvm_vgic_init_cpu_hardware,
//!     kvm_vgic_cpu_up, kvm_vgic_cpu_down, vgic_maintenance_handler; arch/arm64/kvm/vgic/vgic-v2.c:
//!     vgic_v2_probe; arch/arm64/kvm/vgic/vgic-v3.c: vgic_v3_probe, vgic_v3_enable_cpuif_traps;
//!     arch/arm64/kvm/vgic/vgic-v5.c: vgic_v5_probe, vgic_v5_get_implemented_ppis
#![forbid(unsafe_code)]

use super::{
    cpuif_v2,
    exports_device,
    nested,
    v5, //
};
use crate::{
    arm64::prelude::*,
    bindings,
    gic::list_register::{
        Vtr,
        MAX_LRS, //
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::{
    code::{
        ENODEV,
        ENXIO, //
    },
    Result, //
};

/// Finds out, and lets user space make such devices. `handler`: [`maintenance_interrupt`]'s. Sleeps.
///
/// # Errors
///
/// `ENODEV` if the host has no GIC that KVM knows; `ENXIO` if something is missing; those of
/// mappings, devices and interrupts.
pub(super) fn init(setup: &Setup, handler: Handler) -> Result {
    let found = FoundGic::take().ok_or(ENODEV)?;
    let irq = found.maintenance_irq();

    if irq == 0 && !found.needs_no_maintenance_irq() {
        message::error(c"No vgic maintenance irq");
        return Err(ENXIO);
    }
    if found.has_no_hw_deactivation() {
        message::non_architectural();
        setup.set_no_hw_deactivation(true);
    }

    let probed = match found.model() {
        Some(HostModel::V2) => probe_v2(setup, &found),
        Some(HostModel::V3) => probe_v3(setup, &found),
        Some(HostModel::V5) => probe_v5(setup),
        None => Err(ENODEV),
    };

    setup.set_maintenance_irq(irq);
    probed?;
    if irq == 0 {
        return Ok(());
    }

    HostIrq::of_any_trigger(irq)
        .request(handler, Vcpu::running_per_cpu(), c"vgic")
        .inspect_err(|_| message::bad_maintenance_irq(irq))?
        .keep();
    message::maintenance_irq(irq);
    Ok(())
}

/// The registers of a GICv2 are in memory: those that control guests' interfaces are mapped for KVM,
/// those interfaces into guests. That needs whole pages.
fn probe_v2(setup: &Setup, found: &FoundGic) -> Result {
    if is_protected_host() {
        message::error(c"GICv2 not supported in protected mode");
        return Err(ENXIO);
    }
    if found.gich().is_unknown() {
        message::error(c"GICH not present in the firmware table");
        return Err(ENXIO);
    }
    map_v2(setup, found)
        .and_then(|()| {
            register(Model::V2).inspect_err(|_| message::error(c"Cannot register GICv2 KVM device"))
        })
        .inspect_err(|_| setup.unmap_all())?;

    setup.set_emulates_v2(true);
    setup.set_gicv(found.gicv().start);
    setup.set_gicc(found);
    setup.set_model(HostModel::V2);
    setup.set_max_vcpus(bindings::VGIC_V2_MAX_CPUS);

    message::debug_gich(found.gich().start);
    Ok(())
}

fn map_v2(setup: &Setup, found: &FoundGic) -> Result {
    if !found.gicv().is_pages() {
        message::info(
            c"GICV region size/alignment is unsafe, using trapping (reduced performance)",
        );
        setup
            .map_gicv(found.gicv())
            .inspect_err(|_| message::error(c"Cannot map GICV into hyp"))?;
        static_key::set_vgic_v2_cpuif_trap();
    }
    setup
        .map_gich(found.gich())
        .inspect_err(|_| message::error(c"Cannot map VCTRL into hyp"))?;

    let preempt_off = PreemptOff::new();
    let gich = Gich::get(preempt_off.on_cpu()).ok_or(ENXIO)?;

    // All CPUs' are alike. Bits 5 to 0 are the number of list registers, less one.
    setup.set_list_registers((gich.read(GichRegister::VTR) & 0x3f).wrapping_add(1));
    Ok(())
}

/// The registers of a GICv3 are system registers. Its CPUs may have the interface of a GICv2 for
/// guests as well.
fn probe_v3(setup: &Setup, found: &FoundGic) -> Result {
    let has_v2 = has_v2_interface();

    setup.set_list_registers(list_registers());
    setup.set_emulates_v2(false);

    if let (true, v4_1) = found.v4() {
        let enabled = wants_v4();

        setup.set_has_v4(enabled);
        setup.set_has_v4_1(enabled && v4_1);
        message::v4_support(enabled && v4_1, enabled);
    }

    let offers_v2 = offer_v2(setup, found, has_v2)?;

    register(Model::V3).inspect_err(|_| {
        message::error(c"Cannot register GICv3 KVM device.");
        setup.unregister(Model::V2);
    })?;
    if !offers_v2 {
        message::info(c"disabling GICv2 emulation");
    }
    // What the CPUs have, not what guests are given of it.
    if has_v2 {
        static_key::set_vgic_v3_has_v2_compat();
    }
    enable_traps();

    setup.clear_gich();
    setup.set_model(HostModel::V3);
    setup.set_max_vcpus(bindings::VGIC_V3_MAX_CPUS);

    setup.enable_system_registers();
    message::info(c"GIC system register CPU interface enabled");
    Ok(())
}

/// Whether guests of a GICv3 host can have a GICv2. They access its CPU interface in memory.
fn offer_v2(setup: &Setup, found: &FoundGic, has_v2: bool) -> Result<bool> {
    let gicv = found.gicv();

    setup.set_gicv(0);
    if gicv.is_unknown() {
        message::info(c"GICv3: no GICV resource entry");
    } else if !has_v2 {
        message::no_mmio_interface();
    } else if !gicv.starts_page() {
        message::unaligned_gicv(gicv.start);
    } else if !wants_protected_host() {
        setup.set_gicv(gicv.start);
        setup.set_emulates_v2(true);
        register(Model::V2)
            .inspect_err(|_| message::error(c"Cannot register GICv2 KVM device."))?;
        message::emulates_v2(gicv.start);
        return Ok(true);
    }
    Ok(false)
}

/// The system registers of a GICv5 are others, but its CPUs may have those of a GICv3 for guests as
/// well.
fn probe_v5(setup: &Setup) -> Result {
    setup.set_model(HostModel::V5);
    setup.set_gicv(0);
    setup.clear_gich();
    setup.set_emulates_v2(false);
    setup.set_has_v4(false);
    setup.set_has_v4_1(false);

    let offers_v5 = offer_v5(setup);

    if !cpucaps::has_gicv5_legacy() {
        return if offers_v5 { Ok(()) } else { Err(ENODEV) };
    }

    setup.set_v3_compatible(true);
    setup.set_list_registers(list_registers());
    register(Model::V3)
        .inspect_err(|_| message::error(c"Cannot register GICv3-legacy KVM device."))?;
    // Of either GIC: not all that one of them could have.
    setup.set_max_vcpus(bindings::VGIC_V3_MAX_CPUS.min(bindings::VGIC_V5_MAX_CPUS));

    setup.enable_system_registers();
    message::info(c"GCIE legacy system register CPU interface");
    enable_traps();
    Ok(())
}

/// Whether guests can have a GICv5.
fn offer_v5(setup: &Setup) -> bool {
    if is_protected_host() {
        message::info(c"GICv5-based guests are not supported with pKVM");
        return false;
    }
    setup.set_max_vcpus(bindings::VGIC_V5_MAX_CPUS);
    setup.set_implemented_ppis(v5::implemented());

    if register(Model::V5).is_err() {
        message::error(c"Cannot register GICv5 KVM device.");
        return false;
    }
    message::info(c"GCIE system register CPU interface");
    true
}

/// Lets user space make a GIC for guests.
fn register(model: Model) -> Result {
    exports_device::register(model.device())
}

/// How many list registers a GICv3's CPU interfaces have: the field has room for more than there
/// can be.
fn list_registers() -> u32 {
    let count = Vtr::from_raw(ich_vtr()).list_registers();

    // One less than a multiple of 16 is what the low four bits say.
    (count.wrapping_sub(1) & (u32::from(MAX_LRS) - 1)).wrapping_add(1)
}

/// Makes known that all guests' accesses to their CPU interface trap, if they do.
fn enable_traps() {
    let traps = ich_hcr_traps();

    if traps != IchHcr::ZERO {
        message::traps(traps);
        static_key::set_vgic_v3_cpuif_trap();
    }
}

/// A CPU comes up: its list registers are empty from now on, but for those in use.
pub(super) fn init_cpu(on_cpu: OnCpu<'_>) {
    if HostGic::model() == HostModel::V2 {
        cpuif_v2::init_list_registers(on_cpu);
    } else if HostGic::has_v3_interface() {
        init_list_registers(on_cpu);
    }
}

/// A CPU is about to run guests.
pub(super) fn cpu_up(on_cpu: OnCpu<'_>) {
    HostIrq::of_any_trigger(HostGic::maintenance_irq()).enable(on_cpu);
}

/// A CPU will run no more guests.
pub(super) fn cpu_down(on_cpu: OnCpu<'_>) {
    HostIrq::of_any_trigger(HostGic::maintenance_irq()).disable(on_cpu);
}

/// The maintenance interrupt. It may come late, so all that it is good for is to have the guest be
/// left: whatever there is to do is done then. Only a guest hypervisor has to be told.
pub(super) fn maintenance_interrupt(on_cpu: OnCpu<'_>) {
    if let Some(vcpu) = Vcpu::running(on_cpu).filter(|vcpu| nested::is_nested(**vcpu)) {
        nested::maintenance_interrupt(vcpu);
    }
}
