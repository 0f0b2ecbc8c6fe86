// SPDX-License-Identifier: GPL-2.0

//! A VM's distributor in C's structures, as far as others look at it.
//!
//! C header: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_dist

use super::super::prelude::*;
use crate::gic::region::Region;
use kernel::{
    alloc::{
        KBox,
        KVec, //
    },
    bindings, //
};

/// Which GIC a guest has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Model {
    /// A GICv2.
    V2,
    /// A GICv3.
    V3,
    /// A GICv5.
    V5,
}

impl Model {
    /// From the type of the device that makes it.
    pub(crate) const fn of_device(device: u32) -> Option<Self> {
        Some(match device {
            bindings::kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V2 => Self::V2,
            bindings::kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3 => Self::V3,
            bindings::kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V5 => Self::V5,
            _ => return None,
        })
    }

    /// The type of the device that makes it.
    pub(crate) const fn device(self) -> u32 {
        match self {
            Self::V2 => bindings::kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V2,
            Self::V3 => bindings::kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V3,
            Self::V5 => bindings::kvm_device_type_KVM_DEV_TYPE_ARM_VGIC_V5,
        }
    }
}

/// An address that is not set.
pub(crate) const UNDEFINED: u64 = u64::MAX;

/// The distributor of a VM: what does not change while a vCPU may run, or may be read at any time.
#[derive(Clone, Copy)]
pub(crate) struct Dist<'a>(Vm<'a>);

impl<'a> Vm<'a> {
    /// Its distributor, which is there also if it has no GIC.
    #[inline(always)]
    pub(crate) fn dist(self) -> Dist<'a> {
        Dist(self)
    }
}

/// Makes accessors of fields: one untorn load for anybody, one untorn store for who has the lock.
macro_rules! guarded {
    ($($(#[$meta:meta])* $get:ident $(, $set:ident)? : $field:ident as $ty:ty;)*) => {
        impl Dist<'_> {$(
            $(#[$meta])*
            #[inline(always)]
            pub(crate) fn $get(self) -> $ty {
                // SAFETY: The VM is valid; a plain number.
                unsafe { (&raw const (*self.ptr()).$field).read_volatile() as $ty }
            }
        )*}

        impl ConfigLock<'_> {$($(
            #[doc = concat!("See [`Dist::", stringify!($get), "`].")]
            pub(crate) fn $set(&self, value: $ty) {
                // SAFETY: The VM is valid, and its configuration is locked; a plain number.
                unsafe { (&raw mut (*self.vm().dist().ptr()).$field).write_volatile(value) };
            }
        )?)*}
    };
}

guarded! {
    /// KVM emulates a GIC.
    in_kernel, set_in_kernel: in_kernel as bool;
    /// It has all its interrupts: it can be used.
    initialized, set_initialized: initialized as bool;
    /// Of the model's identification, what says which of KVM's versions it is.
    revision, set_revision: implementation_rev as u32;
    /// User space may write the groups of a GICv2's interrupts.
    v2_groups_writable, set_v2_groups_writable: v2_groups_user_writable as bool;
    /// The number of SPIs; 0 until it is settled.
    nr_spis: nr_spis as u32;
    /// The maintenance interrupt of guest hypervisors; 0 if not set.
    maintenance_intid, set_maintenance_intid: mi_intid as u32;
    /// Where it is in the guest's memory, or [`UNDEFINED`].
    base, set_base: vgic_dist_base as u64;
    /// It forwards interrupts to CPU interfaces.
    enabled, set_enabled: enabled as bool;
    /// There is an ITS, or has been one that did not come to be.
    has_its, set_has_its: has_its as bool;
    /// SGIs can be delivered by the hardware, and user space does not mind.
    can_direct_sgis, set_can_direct_sgis: nassgicap as bool;
    /// They are to be.
    direct_sgis, set_direct_sgis: nassgireq as bool;
    /// `GICR_PROPBASER`, which all redistributors share.
    propbaser, set_propbaser: propbaser as u64;
}

impl<'a> Dist<'a> {
    /// The structure.
    #[inline(always)]
    pub(super) fn ptr(self) -> *mut bindings::vgic_dist {
        // SAFETY: The VM is valid.
        unsafe { &raw mut (*self.0.as_ptr()).arch.vgic }
    }

    /// Which GIC the guest has, if KVM emulates one.
    #[inline(always)]
    pub(crate) fn model(self) -> Option<Model> {
        // SAFETY: The VM is valid.
        Model::of_device(unsafe { (&raw const (*self.ptr()).vgic_model).read_volatile() })
    }

    /// It is mapped: what there is to do at a vCPU's first run is done.
    #[inline(always)]
    pub(crate) fn is_ready(self) -> bool {
        // SAFETY: The VM is valid.
        unsafe { bindings::kvm_arm64_vgic_ready(self.0.as_ptr()) }
    }

    /// Makes [`Self::is_ready`] true; whoever sees that sees what was done before.
    pub(crate) fn set_ready(self, _slots: &Slots<'_>) {
        // SAFETY: The VM is valid.
        unsafe { bindings::kvm_arm64_vgic_set_ready(self.0.as_ptr()) };
    }

    /// Where a GICv2's CPU interface is in the guest's memory, or [`UNDEFINED`]. Of a GICv2 only.
    #[inline(always)]
    pub(crate) fn cpu_base(self) -> u64 {
        // SAFETY: The VM is valid; a field of a union of plain data.
        unsafe { (*self.ptr()).__bindgen_anon_1.vgic_cpu_base }
    }

    /// The interrupts that its vCPUs share and the vCPUs, once it is initialised.
    #[inline(always)]
    pub(crate) fn irqs(self) -> Option<&'a VgicIrqs> {
        self.0.vgic_vm()?.irqs()
    }
}

impl<'t> ConfigLock<'t> {
    /// User space has to tell from now on which device an MSI is from.
    pub(crate) fn require_devid(&self) {
        // SAFETY: The VM is valid, and its configuration locked; a plain flag.
        unsafe {
            (&raw mut (*self.vm().dist().ptr()).msis_require_devid).write_volatile(true);
        }
    }

    /// Makes the VM one with that GIC.
    pub(crate) fn set_model(&self, model: Option<Model>) {
        // SAFETY: The VM is valid, and its configuration locked.
        unsafe {
            (&raw mut (*self.vm().dist().ptr()).vgic_model)
                .write_volatile(model.map_or(0, Model::device))
        };
    }

    /// See [`Dist::nr_spis`].
    pub(crate) fn set_nr_spis(&self, nr: u32) {
        // SAFETY: The VM is valid, and its configuration locked. CAST: At most 988.
        unsafe { (&raw mut (*self.vm().dist().ptr()).nr_spis).write_volatile(nr as i32) };
    }

    /// See [`Dist::cpu_base`].
    pub(crate) fn set_cpu_base(&self, base: u64) {
        // SAFETY: The VM is valid, and its configuration locked; a union of plain data.
        unsafe { (*self.vm().dist().ptr()).__bindgen_anon_1.vgic_cpu_base = base };
    }

    /// It is not mapped any more.
    pub(crate) fn clear_ready(&self) {
        // SAFETY: The VM is valid, and its configuration locked.
        unsafe { (&raw mut (*self.vm().dist().ptr()).ready).write_volatile(false) };
    }

    /// Where the redistributors are; none if there is no GIC.
    pub(crate) fn regions(&self) -> Option<&KVec<Region>> {
        // SAFETY: The configuration lock guards them, and is held for as long as `self` lives.
        self.vm().vgic_vm().map(|vgic| unsafe { &*vgic.regions() })
    }

    /// See [`Self::regions`].
    pub(crate) fn regions_mut(&mut self) -> Option<&mut KVec<Region>> {
        // SAFETY: As for `regions()`; `self` is borrowed mutably.
        self.vm()
            .vgic_vm()
            .map(|vgic| unsafe { &mut *vgic.regions() })
    }

    /// Gives the VM its virtual GIC.
    pub(crate) fn install_vgic_vm(&self, vgic: KBox<VgicVm>) {
        self.vm().set_vgic_vm(vgic);
    }

    /// Gives a vCPU its part of it.
    pub(crate) fn install_vgic_vcpu(&self, vcpu: Vcpu<'_>, vgic: KBox<VgicVcpu>) {
        debug_assert!(vcpu.vgic_vcpu().is_none());
        vcpu.set_vgic_vcpu(vgic);
    }

    /// Gives the GIC its interrupts.
    pub(crate) fn install_irqs(&self, irqs: KBox<VgicIrqs>) {
        if let Some(vgic) = self.vm().vgic_vm() {
            vgic.set_irqs(irqs, self.vm().vcpus().filter_map(Vcpu::vgic_vcpu));
        }
    }
}

impl VgicIrqs {
    /// The vCPU of that index. `vm`: whose interrupts these are.
    #[inline(always)]
    pub(crate) fn vcpu<'a>(
        &'a self,
        index: crate::gic::word::VcpuIdx,
        _vm: Vm<'a>,
    ) -> Option<Vcpu<'a>> {
        // SAFETY: A vCPU that is complete lives as long as its VM.
        self.vcpu_ptr(index)
            .map(|ptr| unsafe { Vcpu::from_raw(ptr.as_ptr()) })
    }

    /// The same of an index from a word: each there is one of a vCPU that there is, and no CPU has to
    /// be kept from using another one.
    #[inline(always)]
    pub(crate) fn vcpu_of_word<'a>(
        &'a self,
        index: crate::gic::word::VcpuIdx,
        _vm: Vm<'a>,
    ) -> Option<Vcpu<'a>> {
        // SAFETY: See above.
        self.vcpu_ptr_of_word(index)
            .map(|ptr| unsafe { Vcpu::from_raw(ptr.as_ptr()) })
    }
}
