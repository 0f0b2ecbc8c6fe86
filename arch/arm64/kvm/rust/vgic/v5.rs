// SPDX-License-Identifier: GPL-2.0

//! The PPIs of a guest that has a GICv5. It has no other interrupts.
//!
//! The hardware handles PPIs by itself: KVM moves their state in and out when the guest is entered
//! and left. Those of the timers it even takes from the host's by itself ("direct"). What is made
//! pending while the guest runs is kept here, and joined with what the guest leaves.
//!
//! Source: GICv5 architecture specification, "Virtualization of PPIs".
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v5.c: vgic_v5_reset, vgic_v5_init, vgic_v5_map_resources,
//!     vgic_v5_finalize_ppi_state, vgic_v5_ppi_queue_irq_unlock, vgic_v5_set_ppi_ops,
//!     vgic_v5_sync_ppi_priorities, vgic_v5_has_pending_ppi, vgic_v5_fold_ppi_state,
//!     vgic_v5_flush_ppi_state, vgic_v5_load, vgic_v5_put, vgic_v5_get_vmcr, vgic_v5_set_vmcr,
//!     vgic_v5_restore_state, vgic_v5_save_state;
//!     arch/arm64/kvm/vgic/vgic-init.c: vgic_v5_setup_private_irq;
//!     arch/arm64/kvm/vgic/vgic.c: kvm_vgic_inject_irq, vgic_validate_injection, kvm_vgic_map_irq,
//!     kvm_vgic_unmap_irq, kvm_vgic_reset_mapped_irq
#![forbid(unsafe_code)]

use super::exports_cpuif::PPI_OPS;
use crate::{
    arm64::prelude::*,
    gic::{
        list_register::Intid,
        v5::{
            priority_mask,
            PpiNumber,
            VmcrV5, //
        },
    },
    kvm::prelude::*,
    linux::prelude::*, //
};
use kernel::error::{
    code::{
        EBUSY,
        EEXIST,
        EINVAL, //
    },
    Result, //
};

/// The PPIs that the guest of a GICv5 host can have: timers, software's own, and the PMU's if there
/// is a PMU. A host that has guests has EL2, and so all four timers.
pub(super) fn implemented() -> u64 {
    let always = PpiNumber::TIMERS
        .into_iter()
        .fold(PpiNumber::SOFTWARE.bit(), |set, timer| set | timer.bit());

    if cpucaps::has_pmuv3() {
        always | PpiNumber::PMU.bit()
    } else {
        always
    }
}

/// A VM gets a GICv5: all vCPUs there are get their PPIs.
///
/// # Errors
///
/// `ENOMEM`.
pub(super) fn create(config: &mut ConfigLock<'_>) -> Result {
    let vm = config.vm();
    let all = vec::try_collect(
        // CAST: widening.
        vm.online_vcpus() as usize,
        vm.vcpus()
            .filter(|vcpu| !vcpu.has_ppis_v5())
            .map(|vcpu| Ok((vcpu, PpisV5::new(vcpu, &PPI_OPS)?))),
    )?;

    for (vcpu, ppis) in all {
        config.install_ppis_v5(vcpu, ppis);
    }
    Ok(())
}

/// A vCPU is made of a VM that has a GICv5.
///
/// # Errors
///
/// `ENOMEM`.
pub(super) fn init_vcpu(config: &mut ConfigLock<'_>, vcpu: NewVcpu<'_>) -> Result {
    if !vcpu.has_ppis_v5() {
        config.install_ppis_v5(vcpu.anyones(), PpisV5::new(vcpu.anyones(), &PPI_OPS)?);
    }
    Ok(())
}

/// A vCPU is about to be freed.
pub(super) fn destroy_vcpu(vcpu: NewVcpu<'_>) {
    vcpu.free_ppis_v5();
}

/// The GICv5 of a VM is initialised.
///
/// # Errors
///
/// `EINVAL` if the VM's vCPUs have an EL2.
pub(super) fn init(config: &mut ConfigLock<'_>) -> Result {
    let vm = config.vm();

    if vm.dist().initialized() {
        return Ok(());
    }
    if vm.vcpus().any(Vcpu::has_el2) {
        message::error(c"Nested GICv5 VMs are currently unsupported");
        return Err(EINVAL);
    }
    config.set_user_ppis(HostGic::implemented_ppis() & PpiNumber::SOFTWARE.bit());
    Ok(())
}

/// The PPIs that user space may drive.
pub(super) fn userspace_ppis(config: &ConfigLock<'_>) -> u64 {
    config.user_ppis()
}

/// Resets a vCPU's CPU interface.
pub(super) fn reset(config: &ConfigLock<'_>, vcpu: Vcpu<'_>) {
    config.set_sizes_v5(vcpu);
}

/// A vCPU runs for the first time. There is nothing in memory.
///
/// # Errors
///
/// `EBUSY` if user space has not initialised the GIC.
pub(super) fn map_resources(config: &ConfigLock<'_>) -> Result {
    if config.vm().dist().initialized() {
        Ok(())
    } else {
        Err(EBUSY)
    }
}

/// Settles which PPIs the guest gets to see: those that a device drives, and software's own. When a
/// vCPU runs for the first time, and again for each other, of which all have the same.
pub(super) fn settle(config: &ConfigLock<'_>) {
    let dist = config.vm().dist();

    // The GIC of every host has that one.
    if dist.visible_ppis() & PpiNumber::SOFTWARE.bit() != 0 {
        return;
    }
    let Some(first) = config.vm().vcpu_at(0) else {
        return;
    };
    let (mut visible, mut levels) = (0, 0);

    for number in PpiNumber::of_set(HostGic::implemented_ppis()) {
        let Some(ppi) = first.ppi_v5(number) else {
            continue;
        };
        let ppi = ppi.lock();

        if number == PpiNumber::SOFTWARE || ppi.owner() != Owner::NOBODY {
            visible |= number.bit();
            if !ppi.is_edge() {
                levels |= number.bit();
            }
        }
    }
    config.set_visible_ppis(visible, levels);
}

/// The PPIs that the guest gets to see.
fn visible(vcpu: Vcpu<'_>) -> impl Iterator<Item = PpiV5<'_>> {
    PpiNumber::of_set(vcpu.vm().dist().visible_ppis()).filter_map(move |number| vcpu.ppi_v5(number))
}

/// Drives a line. See [`inject`](super::delivery::inject) for all GICs.
///
/// # Errors
///
/// `EINVAL` if there is no such PPI, or nobody says whose.
pub(super) fn inject(
    _vm: Vm<'_>,
    vcpu: Option<Vcpu<'_>>,
    intid: Intid,
    high: bool,
    owner: Owner,
) -> Result {
    let number = PpiNumber::of_intid(intid.0);

    if vcpu.is_none() && number.is_some() {
        return Err(EINVAL);
    }
    tracepoint::vgic_update_irq_pending(vcpu, intid.0, high);

    let vcpu = vcpu.ok_or(EINVAL)?;
    let ppi = vcpu.ppi_v5(number.ok_or(EINVAL)?).ok_or(EINVAL)?;

    if raise(&mut ppi.lock(), high, owner) {
        vcpu.kick_for_irq();
    }
    Ok(())
}

/// Whether that made a difference.
fn raise(ppi: &mut PpiGuard<'_>, high: bool, owner: Owner) -> bool {
    if ppi.owner() != owner {
        return false;
    }
    if ppi.is_edge() {
        if high {
            ppi.set_latch(true);
        }
        return high;
    }
    let changed = ppi.line() != high;

    ppi.set_line(high);
    changed
}

/// Whether a PPI would interrupt the vCPU if it ran.
pub(super) fn has_pending(vcpu: Vcpu<'_>) -> bool {
    let mask = priority_mask(VmcrV5::from_raw(vcpu.vgic_v5_vmcr()), vcpu.vgic_v5_apr());

    mask != 0
        && visible(vcpu).any(|ppi| {
            let ppi = ppi.lock();

            ppi.is_enabled()
                && ppi.priority() < mask
                && if ppi.is_mapped() {
                    ppi.physical_line()
                } else {
                    ppi.is_pending()
                }
        })
}

/// Whether the kernel itself accesses the registers; otherwise the hypervisor at EL2 does, around
/// each run.
fn is_kernel_access() -> bool {
    !HostGic::has_system_registers() || cpucaps::has_vhe()
}

/// Before the guest is entered.
pub(super) fn flush(vcpu: LoadedVcpu<'_>) {
    let mut pending = 0;

    for ppi in visible(vcpu.anyones()) {
        let mut locked = ppi.lock();

        if locked.is_pending() {
            pending |= ppi.number().bit();
        }
        // What comes from here on is another one.
        if locked.is_edge() {
            locked.set_latch(false);
        }
    }
    PpiState::of(vcpu).set_pending(pending);

    if is_kernel_access() {
        vcpu.restore_vgic_v5();
        dsb_sy();
    }
}

/// After the guest was left.
pub(super) fn sync(vcpu: LoadedVcpu<'_>) {
    if is_kernel_access() {
        vcpu.save_vgic_v5();
        dsb_sy();
    }

    let state = PpiState::of(vcpu);
    let (active, pending) = (state.active(), state.pending());

    for ppi in visible(vcpu.anyones()) {
        let bit = ppi.number().bit();
        let mut locked = ppi.lock();

        locked.set_active(active & bit != 0);
        // Another one may have come meanwhile.
        if locked.is_edge() && pending & bit != 0 {
            locked.set_latch(true);
        }
    }
    // The guest's next entry starts from there. Its enables trap, and are in memory already.
    vcpu.vgic_v5().set_ppi_active(active);
}

/// The vCPU comes to a CPU, or goes on there after it has waited for an interrupt.
pub(super) fn load(vcpu: LoadedVcpu<'_>) {
    if !vcpu.vgic_v5().is_resident() {
        vcpu.load_vgic_v5();
        vcpu.vgic_v5().set_resident(true);
    }
}

/// The vCPU leaves a CPU, or is about to wait for an interrupt: both if it is scheduled away then.
pub(super) fn put(vcpu: LoadedVcpu<'_>) {
    let interface = vcpu.vgic_v5();

    if !interface.is_resident() {
        return;
    }
    vcpu.put_vgic_v5();
    interface.set_resident(false);

    // What can wake it depends on priorities, of which the guest does not tell.
    if vcpu.is_in_wfi() {
        for ppi in visible(vcpu.anyones()) {
            let priority = ppi.number().priority(interface.ppi_priorities());

            ppi.lock().set_priority(priority);
        }
    }
}

/// The PPI of an INTID, of a vCPU that has a GICv5.
pub(super) fn ppi(vcpu: Vcpu<'_>, intid: u32) -> Option<PpiV5<'_>> {
    vcpu.ppi_v5(PpiNumber::of_intid(intid)?)
}

/// A mapped PPI is as it was at first: its device is reset with the vCPU.
pub(super) fn reset_mapped(ppi: PpiV5<'_>) {
    let mut ppi = ppi.lock();

    if ppi.is_mapped() {
        ppi.set_active(false);
        ppi.set_latch(false);
        ppi.set_line(false);
    }
}

/// Gives the line of a PPI to a device, which alone may drive it then.
///
/// # Errors
///
/// `EEXIST` if another device has it.
pub(super) fn set_owner(ppi: PpiV5<'_>, owner: Owner) -> Result {
    let mut ppi = ppi.lock();
    let old = ppi.owner();

    if old != Owner::NOBODY && old != owner {
        return Err(EEXIST);
    }
    ppi.set_owner(owner);
    Ok(())
}
