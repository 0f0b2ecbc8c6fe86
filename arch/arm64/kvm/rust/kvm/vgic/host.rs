// SPDX-License-Identifier: GPL-2.0

//! The host's GIC: what its driver says of it, and what KVM makes known of it.
//!
//! C headers: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h),
//! [`include/linux/irqchip/arm-vgic-info.h`](srctree/include/linux/irqchip/arm-vgic-info.h)
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_global; arch/arm64/kvm/vgic/vgic.h: vgic_host_has_gicv3;
//!     arch/arm64/kvm/mmu.c: create_hyp_io_mappings

use super::HostGic;
use crate::bindings;
use core::{
    ffi::c_void,
    mem::MaybeUninit,
    ptr, //
};
use kernel::{
    error::{
        to_result,
        Result, //
    },
    page::PAGE_SIZE, //
};

/// Which GIC a host has, by its native CPU interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostModel {
    /// In memory.
    V2,
    /// System registers.
    V3,
    /// Other system registers; those of a GICv3 may be there for guests.
    V5,
}

/// A range of physical addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// Where it begins; 0 if nobody says.
    pub(crate) start: u64,
    /// In bytes.
    pub(crate) size: u64,
}

impl Range {
    /// Nobody says where it is.
    pub(crate) fn is_unknown(self) -> bool {
        self.start == 0
    }

    /// It begins where a page does.
    pub(crate) fn starts_page(self) -> bool {
        is_aligned(self.start)
    }

    /// It is whole pages.
    pub(crate) fn is_pages(self) -> bool {
        self.starts_page() && is_aligned(self.size)
    }
}

fn is_aligned(n: u64) -> bool {
    // CAST: widening.
    n % PAGE_SIZE as u64 == 0
}

impl From<&bindings::resource> for Range {
    fn from(resource: &bindings::resource) -> Self {
        Self {
            start: resource.start,
            size: resource.end.wrapping_sub(resource.start).wrapping_add(1),
        }
    }
}

/// What the driver of the host's GIC has found.
pub(crate) struct FoundGic(bindings::gic_kvm_info);

impl FoundGic {
    /// None if there is no driver that KVM can work with.
    pub(crate) fn take() -> Option<Self> {
        let mut info = MaybeUninit::uninit();

        // SAFETY: Written if the result is true.
        unsafe {
            bindings::kvm_arm64_vgic_take_info(info.as_mut_ptr()).then(|| Self(info.assume_init()))
        }
    }

    /// Which GIC it is, if KVM knows it.
    pub(crate) fn model(&self) -> Option<HostModel> {
        match self.0.type_ {
            bindings::gic_type_GIC_V2 => Some(HostModel::V2),
            bindings::gic_type_GIC_V3 => Some(HostModel::V3),
            bindings::gic_type_GIC_V5 => Some(HostModel::V5),
            _ => None,
        }
    }

    /// The Linux IRQ of the maintenance interrupt; 0 for none.
    pub(crate) fn maintenance_irq(&self) -> u32 {
        self.0.maint_irq
    }

    /// KVM can do without that.
    pub(crate) fn needs_no_maintenance_irq(&self) -> bool {
        self.0.no_maint_irq_mask
    }

    /// Guests cannot deactivate a physical interrupt through a list register.
    pub(crate) fn has_no_hw_deactivation(&self) -> bool {
        self.0.no_hw_deactivation
    }

    /// Whether it is a GICv4, and whether a GICv4.1.
    pub(crate) fn v4(&self) -> (bool, bool) {
        (self.0.has_v4, self.0.has_v4_1)
    }

    /// The virtual CPU interface of a GICv2 (GICV).
    pub(crate) fn gicv(&self) -> Range {
        (&self.0.vcpu).into()
    }

    /// The hypervisor's control interface of a GICv2 (GICH).
    pub(crate) fn gich(&self) -> Range {
        (&self.0.vctrl).into()
    }
}

/// KVM initialises: no VM can be made yet, and the facts about the host's GIC can be written.
///
/// # Invariants
///
/// As it says.
pub(crate) struct Setup(());

/// Makes functions that set a field.
macro_rules! facts {
    ($($(#[$meta:meta])* $set:ident($ty:ty) => $($field:ident).+ as $as:ty;)*) => {$(
        $(#[$meta])*
        pub(crate) fn $set(&self, value: $ty) {
            // SAFETY: By the type invariant. CAST: As wide, and small if it is a number.
            unsafe { (&raw mut bindings::kvm_vgic_global_state.$($field).+).write(value as $as) };
        }
    )*};
}

impl Setup {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// The type's invariant must hold.
    pub(crate) unsafe fn assume() -> Self {
        // INVARIANT: By the safety requirements.
        Self(())
    }

    facts! {
        /// How many list registers a CPU interface has.
        set_list_registers(u32) => nr_lr as i32;
        /// How many vCPUs a VM can have.
        set_max_vcpus(u32) => max_gic_vcpus as i32;
        /// Guests can have a GICv2.
        set_emulates_v2(bool) => can_emulate_gicv2 as bool;
        /// Guests can have interrupts delivered to them directly (GICv4).
        set_has_v4(bool) => has_gicv4 as bool;
        /// And SGIs (GICv4.1).
        set_has_v4_1(bool) => has_gicv4_1 as bool;
        /// Guests cannot deactivate a physical interrupt through a list register.
        set_no_hw_deactivation(bool) => no_hw_deactivation as bool;
        /// The CPU interface of a GICv5 can be that of a GICv3.
        set_v3_compatible(bool) => has_gcie_v3_compat as bool;
        /// The Linux IRQ of the maintenance interrupt; 0 for none.
        set_maintenance_irq(u32) => maint_irq as u32;
        /// Where the virtual CPU interface is that GICv2 guests get; 0 for nowhere.
        set_gicv(u64) => vcpu_base as u64;
    }

    /// The PPIs that guests of a GICv5 can have, a bit each.
    pub(crate) fn set_implemented_ppis(&self, ppis: u64) {
        // SAFETY: By the type invariant. CAST: As wide.
        unsafe {
            (&raw mut bindings::kvm_vgic_global_state
                .vgic_v5_ppi_caps
                .impl_ppi_mask[0])
                .write(ppis as usize)
        };
    }

    /// Which GIC it is.
    pub(crate) fn set_model(&self, model: HostModel) {
        let model = match model {
            HostModel::V2 => bindings::vgic_type_VGIC_V2,
            HostModel::V3 => bindings::vgic_type_VGIC_V3,
            HostModel::V5 => bindings::vgic_type_VGIC_V5,
        };

        // SAFETY: By the type invariant.
        unsafe { (&raw mut bindings::kvm_vgic_global_state.type_).write(model) };
    }

    /// The physical CPU interface of a GICv2.
    pub(crate) fn set_gicc(&self, found: &FoundGic) {
        // SAFETY: By the type invariant.
        unsafe { (&raw mut bindings::kvm_vgic_global_state.gicc_base).write(found.0.gicc_base) };
    }

    /// There is no control interface in memory.
    pub(crate) fn clear_gich(&self) {
        // SAFETY: By the type invariant.
        unsafe { (&raw mut bindings::kvm_vgic_global_state.vctrl_base).write(ptr::null_mut()) };
    }

    /// Maps the virtual CPU interface of a GICv2, for accesses on behalf of guests.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or the hypervisor's.
    pub(crate) fn map_gicv(&self, at: Range) -> Result {
        // SAFETY: Static, and nobody else's to write to, by the type invariant.
        unsafe {
            map(
                at,
                &raw mut bindings::kvm_vgic_global_state.vcpu_base_va,
                &raw mut bindings::kvm_vgic_global_state.vcpu_hyp_va,
            )
        }
    }

    /// Maps the control interface of a GICv2.
    ///
    /// # Errors
    ///
    /// See above.
    pub(crate) fn map_gich(&self, at: Range) -> Result {
        // SAFETY: Static, and nobody else's to write to, by the type invariant.
        unsafe {
            map(
                at,
                &raw mut bindings::kvm_vgic_global_state.vctrl_base,
                &raw mut bindings::kvm_vgic_global_state.vctrl_hyp,
            )
        }
    }

    /// Undoes both, as far as they were done.
    pub(crate) fn unmap_all(&self) {
        // SAFETY: By the type invariant nobody uses the mappings.
        unsafe {
            unmap(&raw mut bindings::kvm_vgic_global_state.vctrl_base);
            unmap(&raw mut bindings::kvm_vgic_global_state.vcpu_base_va);
        }
    }

    /// The CPU interfaces that guests get are system registers, as a GICv3 has them. Sleeps.
    pub(crate) fn enable_system_registers(&self) {
        // SAFETY: The key is a real static key; its first and only member is the plain key.
        unsafe {
            bindings::static_key_enable(
                (&raw mut bindings::kvm_vgic_global_state.gicv3_cpuif).cast(),
            )
        };
    }

    /// Forgets a kind of device that user space could make until now.
    pub(crate) fn unregister(&self, model: super::dist::Model) {
        // SAFETY: The kind is within C's table; nobody makes devices yet.
        unsafe { bindings::kvm_unregister_device_ops(model.device()) };
    }
}

/// # Safety
///
/// Both places must be valid for writes.
unsafe fn map(at: Range, kernel: *mut *mut c_void, hyp: *mut *mut c_void) -> Result {
    // SAFETY: By the safety requirements. CAST: As wide.
    to_result(unsafe { bindings::create_hyp_io_mappings(at.start, at.size as usize, kernel, hyp) })
}

/// # Safety
///
/// What is at the place must be a mapping that nobody uses, or NULL.
unsafe fn unmap(place: *mut *mut c_void) {
    // SAFETY: By the safety requirements.
    unsafe {
        let mapping = place.read();

        if !mapping.is_null() {
            bindings::iounmap(mapping);
            place.write(ptr::null_mut());
        }
    }
}

/// Whether the hypervisor at EL2 is not the host's to command (pKVM).
pub(crate) fn is_protected_host() -> bool {
    // SAFETY: No preconditions once the mode is settled, which it is in any initcall.
    unsafe { bindings::is_protected_kvm_enabled() }
}

/// Whether it is to be so, whether or not it can.
pub(crate) fn wants_protected_host() -> bool {
    // SAFETY: No preconditions.
    unsafe { bindings::kvm_get_mode() == bindings::kvm_mode_KVM_MODE_PROTECTED }
}

/// Whether the administrator wants GICv4.
pub(crate) fn wants_v4() -> bool {
    // SAFETY: No preconditions.
    unsafe { bindings::kvm_arm64_vgic_wants_v4() }
}

/// Whether guests of a GICv3 host can also have the CPU interface of a GICv2. Sleeps.
pub(crate) fn has_v2_interface() -> bool {
    // SAFETY: Hypervisor code is in place where KVM initialises its GIC, on a GICv3 host.
    unsafe { bindings::kvm_arm64_vgic_v3_has_v2() }
}

/// Empties this CPU's list registers, on a host that has those of a GICv3.
pub(crate) fn init_list_registers(_on_cpu: crate::linux::context::OnCpu<'_>) {
    // SAFETY: By the argument; no guest runs here yet.
    unsafe { bindings::kvm_arm64_vgic_v3_init_lrs() };
}

/// Makes functions that read a field.
macro_rules! known {
    ($($(#[$meta:meta])* $get:ident: $ty:ty = $($field:ident).+;)*) => {
        impl HostGic {$(
            $(#[$meta])*
            #[inline(always)]
            pub(crate) fn $get() -> $ty {
                // SAFETY: A static of C, which changes only while KVM initialises, by the thread that
                // does so. CAST: As wide, and small if it is a number.
                unsafe { (&raw const bindings::kvm_vgic_global_state.$($field).+).read() as $ty }
            }
        )*}
    };
}

known! {
    /// How many list registers its CPU interfaces have.
    list_registers: u32 = nr_lr;
    /// How many vCPUs a GIC of the host's kind can have.
    max_vcpus: u32 = max_gic_vcpus;
    /// Whether a guest can have a GICv2 here.
    can_emulate_v2: bool = can_emulate_gicv2;
    /// Whether it can deliver interrupts to guests by itself, and is to (GICv4).
    has_v4: bool = has_gicv4;
    /// The same, with the abilities of a GICv4.1.
    has_v4_1: bool = has_gicv4_1;
    /// Whether the CPU interface of its GICv5 can be that of a GICv3.
    is_v3_compatible: bool = has_gcie_v3_compat;
    /// The Linux IRQ of the maintenance interrupt; 0 for none.
    maintenance_irq: u32 = maint_irq;
}

impl HostGic {
    fn raw_model() -> bindings::vgic_type {
        // SAFETY: A static of C, which changes only while KVM initialises, by the thread that does so.
        unsafe { (&raw const bindings::kvm_vgic_global_state.type_).read() }
    }

    /// Which one it is.
    pub(crate) fn model() -> HostModel {
        match Self::raw_model() {
            bindings::vgic_type_VGIC_V2 => HostModel::V2,
            bindings::vgic_type_VGIC_V3 => HostModel::V3,
            _ => HostModel::V5,
        }
    }

    /// Whether it is a GICv2.
    pub(crate) fn is_v2() -> bool {
        Self::raw_model() == bindings::vgic_type_VGIC_V2
    }

    /// Its CPU interfaces are system registers, as those of a GICv3.
    #[inline(always)]
    pub(crate) fn has_system_registers() -> bool {
        // SAFETY: A static key that no longer changes once a vCPU can run.
        unsafe { bindings::kvm_arm64_has_gicv3_cpuif() }
    }

    /// Whether guests can have the CPU interface of a GICv3: natively, or by that of a GICv5.
    pub(crate) fn has_v3_interface() -> bool {
        Self::model() == HostModel::V3 || Self::is_v3_compatible()
    }

    /// Whether it can deliver SGIs.
    pub(crate) fn can_direct_sgis() -> bool {
        // SAFETY: No preconditions once the CPUs' features are known, before any VM.
        Self::has_v4_1() && unsafe { bindings::gic_cpuif_has_vsgi() }
    }

    /// The PPIs that guests of a GICv5 can have, a bit each.
    pub(crate) fn implemented_ppis() -> u64 {
        // SAFETY: A static of C, which changes only while KVM initialises, by the thread that does so.
        // CAST: As wide.
        unsafe {
            (&raw const bindings::kvm_vgic_global_state
                .vgic_v5_ppi_caps
                .impl_ppi_mask[0])
                .read() as u64
        }
    }
}
