// SPDX-License-Identifier: GPL-2.0

//! How a VM comes by its GIC, and how it loses it.
//!
//! A GIC is *created* (KVM_CREATE_DEVICE), with a part for each vCPU there is, and for each that
//! is made from then on; *initialised* when the number of vCPUs and interrupts is settled; and
//! *mapped* when the first vCPU runs. Each step makes all that it needs before anybody can see any
//! of it: after an error it can be tried again.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-init.c: kvm_vgic_early_init, kvm_vgic_create,
//!     kvm_vgic_dist_init, kvm_vgic_vcpu_nv_init, vgic_setup_private_irq,
//!     vgic_allocate_private_irqs_locked, vgic_allocate_private_irqs, kvm_vgic_vcpu_init,
//!     kvm_vgic_vcpu_reset, vgic_init, kvm_vgic_dist_destroy, __kvm_vgic_vcpu_destroy,
//!     kvm_vgic_vcpu_destroy, kvm_vgic_destroy, vgic_lazy_init, kvm_vgic_map_resources,
//!     kvm_vgic_finalize_idregs; arch/arm64/kvm/vgic/vgic-v2.c: vgic_v2_reset,
//!     vgic_v2_map_resources; arch/arm64/kvm/vgic/vgic-v3.c: vgic_v3_reset, vgic_v3_map_resources
#![forbid(unsafe_code)]

use super::{
    devices,
    redist::{
        self,
        defined, //
    },
    v4,
    v5, //
};
use crate::{
    arm64::fields::Field,
    gic::{
        cpu_state::Limits,
        distributor::Revision,
        list_register::{
            Intid,
            Vtr, //
        },
        priority::Group,
        redistributor::Pendbaser,
        region::{
            v2_can_be,
            FrameKind, //
        },
        word::{
            IrqWord,
            Kind,
            Source,
            VcpuIdx, //
        },
    },
    kvm::{
        prelude::*,
        vgic::message, //
    },
    linux::prelude::*, //
};
use core::{
    ffi::c_void,
    ptr::NonNull, //
};
use kernel::{
    alloc::KBox,
    bindings,
    error::{
        code::*,
        Result, //
    },
};

/// Of a GICv3 and GICv2, unless user space says how many SPIs there are: 256 interrupts in all.
const DEFAULT_SPIS: u32 = 224;

/// The maintenance interrupt of guest hypervisors that the SBSA has.
const DEFAULT_MAINTENANCE: u32 = 25;

/// `ICC_SRE_EL1` of a GICv3: system registers, nothing bypassed, for ever.
const SRE_EL1: u32 = 0x7;

/// How many vCPUs a GIC can have.
pub(super) fn max_vcpus(model: Model) -> u32 {
    match model {
        Model::V2 => bindings::VGIC_V2_MAX_CPUS,
        Model::V3 => bindings::VGIC_V3_MAX_CPUS,
        Model::V5 => bindings::VGIC_V5_MAX_CPUS.min(HostGic::max_vcpus()),
    }
}

/// Gives a VM a GIC. `device`: the type of the device that asks for it. Sleeps.
///
/// # Errors
///
/// In this order: `ENODEV` if the host cannot have a guest with such a GIC; `EBUSY` if a vCPU is in
/// use; `EEXIST` if there is a GIC; `EBUSY` if a vCPU has run; `E2BIG` with more vCPUs than it can
/// have, or with one whose number a GICv2 cannot name; `ENOMEM`.
pub(super) fn create(vm: &mut VmLocked<'_>, device: u32) -> Result {
    let model = Model::of_device(device).ok_or(ENODEV)?;

    if model == Model::V2 && !HostGic::can_emulate_v2() {
        return Err(ENODEV);
    }
    let mut all = vm.stop_all()?;
    let mut config = all.config();
    let vm = config.vm();

    if vm.has_irqchip() {
        return Err(EEXIST);
    }
    if vm.vcpus().any(|vcpu| vcpu.has_run_once()) {
        return Err(EBUSY);
    }
    let max = max_vcpus(model);

    // A number is more than there are of it only if vCPUs are not numbered in order.
    if vm.online_vcpus() > max
        || (model == Model::V2 && vm.vcpus().any(|vcpu| source_of(vcpu).is_none()))
    {
        return Err(E2BIG);
    }

    match model {
        Model::V2 | Model::V3 => install(&config, model)?,
        Model::V5 => v5::create(&mut config)?,
    }
    // Nothing fails from here on.
    config.set_max_vcpus(max);
    config.set_revision(Revision::LATEST.get());
    config.set_base(UNDEFINED);
    if model == Model::V2 {
        config.set_cpu_base(UNDEFINED);
    }
    config.set_model(Some(model));
    set_id_registers(config.held());
    if model == Model::V3 {
        config.set_can_direct_sgis(HostGic::can_direct_sgis());
    }
    if model == Model::V5 {
        config.renumber_timers();
    }
    config.set_in_kernel(true);
    Ok(())
}

/// Gives the VM, and each vCPU there is, what they have of a GICv2 or GICv3.
fn install(config: &ConfigLock<'_>, model: Model) -> Result {
    let vm = config.vm();
    let vgic = VgicVm::new()?;
    let parts = vec::try_collect(
        // CAST: widening.
        vm.online_vcpus() as usize,
        vm.vcpus()
            .map(|vcpu| Ok((vcpu, part_of(vcpu, model, vcpu.index())?))),
    )?;

    config.install_vgic_vm(vgic);
    for (vcpu, part) in parts {
        config.install_vgic_vcpu(vcpu, part);
    }
    Ok(())
}

/// What the vCPU's CPU interface calls itself in a GICv2.
fn source_of(vcpu: Vcpu<'_>) -> Option<Source> {
    // CAST: Never negative.
    Source::new(vcpu.id() as u32)
}

/// Which group interrupts are of at first.
pub(super) fn set_up_group(model: Model) -> Group {
    match model {
        Model::V2 => Group::Zero,
        Model::V3 | Model::V5 => Group::One,
    }
}

/// A vCPU's part of a GICv2 or GICv3: its SGIs and PPIs. `index`: which of the VM's vCPUs it is, or
/// is to be.
///
/// # Errors
///
/// `EINVAL` for a vCPU that the GIC cannot have; `ENOMEM`.
fn part_of(vcpu: Vcpu<'_>, model: Model, index: u32) -> Result<KBox<VgicVcpu>> {
    let index = VcpuIdx::new(index).ok_or(EINVAL)?;
    let (source, route) = match model {
        Model::V2 => {
            let source = source_of(vcpu).ok_or(EINVAL)?;

            (Some(source), u32::from(source.bit()))
        }
        // CAST: Affinities of the lower half are all that there is before GICv3's Aff3.
        Model::V3 | Model::V5 => (None, vcpu.affinity() as u32),
    };

    VgicVcpu::new(index, source, |intid| {
        let kind = Kind::new(Intid(intid), source);

        (
            IrqWord::initial(kind, set_up_group(model), Some(index)),
            route,
        )
    })
}

/// A vCPU is being made. If its VM has a GIC, it gets its part of that. Sleeps.
///
/// # Errors
///
/// `EINVAL`, `ENOMEM`, and with a GICv3 those of [`redist::register`].
pub(super) fn init_vcpu(vm: &mut VmLocked<'_>, vcpu: NewVcpu<'_>) -> Result {
    vcpu.init_vgic();
    if !vm.vm().has_irqchip() {
        return Ok(());
    }
    // For what has to fail, at once; it is asked again below, where nobody can change it.
    if vm.vm().dist().initialized() {
        return Err(EBUSY);
    }
    match vm.vm().dist().model() {
        Some(model @ (Model::V2 | Model::V3)) => {
            // No other vCPU is made meanwhile, so this is going to be its index.
            let part = part_of(**vcpu, model, vm.vm().online_vcpus())?;

            still_uninitialized(&vm.config())?.install_vgic_vcpu(**vcpu, part);
            if model == Model::V3 {
                redist::register(&mut vm.slots(), **vcpu)?;
            }
            Ok(())
        }
        Some(Model::V5) => {
            let mut config = vm.config();

            still_uninitialized(&config)?;
            v5::init_vcpu(&mut config, vcpu)
        }
        None => Ok(()),
    }
}

/// Whoever initialises the GIC does not hold the lock that vCPUs are made under, but this one. The
/// vCPU has been counted as one that is being made before: either that is seen there, or this here.
///
/// # Errors
///
/// `EBUSY` if the GIC is initialised.
fn still_uninitialized<'c, 't>(config: &'c ConfigLock<'t>) -> Result<&'c ConfigLock<'t>> {
    if config.vm().dist().initialized() {
        Err(EBUSY)
    } else {
        Ok(config)
    }
}

/// A vCPU is about to be freed: together with its VM, whose GIC is gone, or because it could not be
/// completed. Sleeps.
pub(super) fn destroy_vcpu(task: &mut Task<'_>, vcpu: NewVcpu<'_>) {
    let vm = vcpu.vm();
    let model = vm.dist().model();
    let is_complete = vm
        // CAST: Never negative.
        .vcpu_of_id(vcpu.id() as u32)
        .is_some_and(|known| known.is(**vcpu));

    // Those of complete ones have gone with the GIC.
    if model == Some(Model::V3) && !is_complete {
        redist::release(&mut task.slots(), vcpu);
    }
    match model {
        Some(Model::V5) => v5::destroy_vcpu(vcpu),
        _ => vcpu.free_vgic(),
    }
}

/// A vCPU runs that has a virtual EL2, for the first time: it gets its maintenance interrupt.
/// Sleeps.
///
/// # Errors
///
/// As [`devices::set_owner`].
pub(super) fn init_nested(task: &mut Task<'_>, vcpu: Vcpu<'_>) -> Result {
    let config = task.config();
    let dist = config.vm().dist();

    if dist.maintenance_intid() == 0 {
        config.set_maintenance_intid(DEFAULT_MAINTENANCE);
    }
    devices::set_owner(
        vcpu,
        dist.maintenance_intid(),
        Owner::from_raw(vcpu.as_ptr().cast::<c_void>()),
    )
}

/// Initialises a VM's GIC: it has all its interrupts then, and no vCPU can be added. Sleeps.
///
/// # Errors
///
/// `EBUSY` while a vCPU is made; `ENOMEM`; those of [`v4::init`], of a GICv5 of [`v5::init`].
pub(super) fn init(config: &mut ConfigLock<'_>) -> Result {
    let vm = config.vm();
    let dist = vm.dist();

    if dist.initialized() {
        return Ok(());
    }
    if !config.all_vcpus_complete() {
        return Err(EBUSY);
    }

    let model = dist.model().ok_or(EINVAL)?;
    let (nr_spis, irqs) = match model {
        Model::V5 => {
            v5::init(config)?;
            (dist.nr_spis(), None)
        }
        Model::V2 | Model::V3 => {
            let nr = match dist.nr_spis() {
                0 => DEFAULT_SPIS,
                nr => nr,
            };

            (nr, Some(shared(vm, model, nr)?))
        }
    };

    for vcpu in vm.vcpus() {
        reset_vcpu(config, vcpu, model);
    }
    config.route_pins_to_spis(nr_spis)?;
    // The last of what can fail: vPEs are for good, and for the vCPUs that there are now.
    if irqs.is_some() {
        v4::init(config)?;
    }

    // Nothing fails from here on.
    config.set_nr_spis(nr_spis);
    if let Some(irqs) = irqs {
        config.install_irqs(irqs);
    }
    vm.create_vgic_file();
    config.set_initialized(true);
    Ok(())
}

/// What all vCPUs of a GICv2 or GICv3 share. SPIs are for the first one until somebody says
/// otherwise.
fn shared(vm: Vm<'_>, model: Model, nr_spis: u32) -> Result<KBox<VgicIrqs>> {
    let first = vm.vcpu_at(0).and_then(|vcpu| VcpuIdx::new(vcpu.index()));
    let spi = IrqWord::initial(Kind::Spi, set_up_group(model), first);

    // CAST: widening.
    VgicIrqs::new(
        nr_spis as usize,
        spi,
        vm.vcpus().filter_map(|vcpu| NonNull::new(vcpu.as_ptr())),
        vm.online_vcpus() as usize,
    )
}

/// Resets a vCPU's CPU interface.
fn reset_vcpu(config: &ConfigLock<'_>, vcpu: Vcpu<'_>, model: Model) {
    match model {
        Model::V5 => v5::reset(config, vcpu),
        Model::V2 | Model::V3 if HostGic::is_v2() => config.reset_v2_interface(vcpu),
        Model::V2 | Model::V3 => config.reset_v3_interface(
            vcpu,
            FirstState {
                sre: if model == Model::V3 { SRE_EL1 } else { 0 },
                pendbaser: (model == Model::V3).then_some(Pendbaser::INITIAL.into_raw()),
                limits: Limits::of(Vtr::from_raw(ich_vtr())),
            },
        ),
    }
}

/// Initialises a GICv2 that is about to be used. Others have to be initialised by user space.
/// Sleeps, unless it is initialised.
///
/// # Errors
///
/// `EBUSY` for others; as [`init`].
pub(super) fn lazy_init(task: &mut Task<'_>) -> Result {
    let dist = task.vm().dist();

    if dist.initialized() {
        return Ok(());
    }
    if dist.model() != Some(Model::V2) {
        return Err(EBUSY);
    }
    init(&mut task.config())
}

/// A vCPU runs for the first time: maps the GIC into the guest's memory, unless that is done.
/// Sleeps.
///
/// # Errors
///
/// `ENXIO` if user space has not said where something is; `EINVAL` if it cannot be there; `EBUSY`
/// if the GIC is not initialised; those of the bus and the page tables. The VM is dead then.
pub(super) fn map_resources(task: &mut Task<'_>) -> Result {
    let vm = task.vm();

    if vm.dist().is_ready() {
        return Ok(());
    }
    let mut slots = task.slots();

    map(&mut slots).inspect_err(|_| vm.kill())
}

fn map(slots: &mut Slots<'_>) -> Result {
    let vm = slots.vm();
    let dist = vm.dist();

    if dist.is_ready() || !vm.has_irqchip() {
        return Ok(());
    }
    match dist.model() {
        Some(Model::V2) => map_v2(slots)?,
        Some(Model::V3) => map_v3(slots)?,
        Some(Model::V5) => v5::map_resources(&slots.config())?,
        None => (),
    }
    dist.set_ready(slots);
    Ok(())
}

fn map_v2(slots: &mut Slots<'_>) -> Result {
    let vm = slots.vm();
    let mut config = slots.config();
    let (Some(distributor), Some(cpu_interface)) =
        (defined(vm.dist().base()), defined(vm.dist().cpu_base()))
    else {
        return Err(ENXIO);
    };

    if !v2_can_be(distributor, cpu_interface) {
        return Err(EINVAL);
    }
    init(&mut config)
        .inspect_err(|_| message::error(c"Unable to initialize VGIC dynamic data structures"))?;
    drop(config);

    // CAST: 8 KiB.
    let size = FrameKind::V2_CPU_INTERFACE.size as u32;

    slots.place(vm.cpuif_device(), cpu_interface, size)?;
    if !static_key::vgic_v2_cpuif_trap() {
        vm.map_host_cpu_interface(cpu_interface, slots)
            .inspect_err(|_| message::error(c"Unable to remap VGIC CPU to VCPU"))?;
    }
    place_distributor(slots, distributor, FrameKind::V2_DISTRIBUTOR)
}

fn map_v3(slots: &mut Slots<'_>) -> Result {
    let vm = slots.vm();
    let mut config = slots.config();

    if vm.vcpus().any(|vcpu| vcpu.redistributor().is_none()) {
        return Err(ENXIO);
    }
    let distributor = defined(vm.dist().base()).ok_or(ENXIO)?;

    if !redist::regions(&config).can_be() {
        return Err(EINVAL);
    }
    if !vm.dist().initialized() {
        return Err(EBUSY);
    }
    if HostGic::has_v4_1() {
        v4::configure_sgis(&mut config);
    }
    drop(config);
    place_distributor(slots, distributor, FrameKind::V3_DISTRIBUTOR)
}

fn place_distributor(slots: &mut Slots<'_>, base: u64, kind: FrameKind) -> Result {
    let device = slots.vm().dist_device();

    // CAST: At most 64 KiB.
    slots
        .place(device, base, kind.size as u32)
        .inspect_err(|_| message::error(c"Unable to register VGIC dist MMIO regions"))
}

/// A VM is about to be freed: so is what it has of a GIC. What its vCPUs have is freed with them.
/// Sleeps.
pub(super) fn destroy(mut dying: DyingVm<'_>) {
    let vm = dying.vm();
    let mut task = dying.task();
    let mut slots = task.slots();

    if vm.dist().model() == Some(Model::V3) {
        for vcpu in vm.vcpus() {
            slots.remove(vcpu.redist_device());
        }
    }

    let config = slots.config();

    config.clear_ready();
    config.set_initialized(false);
    config.set_nr_spis(0);
    config.set_base(UNDEFINED);
    drop(config);
    drop(slots);
    dying.free_vgic();
}

/// A field of an ID register that says which GIC there is, of four bits.
struct GicField(Field<u64>);

/// Has the guest's ID registers tell of the GIC that it has, and of no other.
pub(super) fn set_id_registers(config: ConfigHeld<'_>) {
    let model = config.vm().dist().model();
    let v3 = model == Some(Model::V3);
    let fields = [
        (GicIdReg::Aa64Pfr0, GicField(Field::bits(27, 24)), v3),
        (
            GicIdReg::Aa64Pfr2,
            GicField(Field::bits(15, 12)),
            model == Some(Model::V5),
        ),
        (
            GicIdReg::Pfr1,
            GicField(Field::bits(31, 28)),
            v3 && supports_32bit_el0(),
        ),
    ];

    for (reg, GicField(field), there) in fields {
        let others = config.id_reg(reg) & !field.mask();

        config.set_id_reg(reg, others | field.place(u64::from(there)));
    }
}
