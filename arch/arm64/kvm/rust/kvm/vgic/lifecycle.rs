// SPDX-License-Identifier: GPL-2.0

//! How a VM and a vCPU come by a virtual GIC, and how they lose it: what of that is in C's
//! structures.
//!
//! C headers: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h),
//! [`include/linux/kvm_host.h`](srctree/include/linux/kvm_host.h)
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-init.c: kvm_vgic_vcpu_init, kvm_vgic_dist_destroy,
//!     kvm_vgic_finalize_idregs; arch/arm64/kvm/vgic/vgic-v2.c: vgic_v2_reset,
//!     vgic_v2_map_resources; arch/arm64/kvm/vgic/vgic-v3.c: vgic_v3_reset;
//!     arch/arm64/kvm/vgic/vgic-irqfd.c: kvm_vgic_setup_default_irq_routing

use super::super::prelude::*;
use crate::{
    gic::{
        cpu_state::Limits,
        refusal::Refusal,
        region::{
            FrameKind,
            Memory, //
        },
    },
    linux::prelude::*, //
};
use core::marker::PhantomData;
use kernel::{
    bindings,
    error::{
        code::*,
        to_result,
        Error,
        Result, //
    },
};

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid => EINVAL,
            Refusal::Exists => EEXIST,
            Refusal::TooBig => E2BIG,
            Refusal::Busy => EBUSY,
        }
    }
}

/// Where a redistributor is: the number of its region, and its place in that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RedistPlace {
    /// The region's number, less than 256.
    pub(crate) region: u32,
    /// Its place, less than 4096.
    pub(crate) slot: u32,
}

impl RedistPlace {
    const REGION_SHIFT: u32 = 16;

    fn pack(self) -> u32 {
        self.region << Self::REGION_SHIFT | self.slot & 0xffff
    }

    fn unpack(packed: u32) -> Self {
        Self {
            region: packed >> Self::REGION_SHIFT,
            slot: packed & 0xffff,
        }
    }
}

impl Vcpu<'_> {
    /// Where its redistributor is, if it is anywhere.
    pub(crate) fn redistributor(self) -> Option<RedistPlace> {
        self.redist_device().base()?;
        // SAFETY: The vCPU is valid; a plain number, written before it is somewhere.
        Some(RedistPlace::unpack(unsafe {
            (&raw const (*self.as_ptr()).arch.vgic_cpu.rdreg_index).read_volatile()
        }))
    }

    /// Notes where its redistributor is going to be.
    pub(crate) fn set_redistributor(self, place: RedistPlace, _slots: &Slots<'_>) {
        // SAFETY: The vCPU is valid; a plain number.
        unsafe {
            (&raw mut (*self.as_ptr()).arch.vgic_cpu.rdreg_index).write_volatile(place.pack());
        }
    }
}

impl<'a> Vm<'a> {
    /// The guest's memory, as far as addresses go.
    pub(crate) fn memory(self) -> Memory {
        // SAFETY: The VM is valid; set when it was made.
        let t0sz = unsafe { (*self.as_ptr()).arch.mmu.vtcr } & 0x3f;

        Memory {
            // CAST: Six bits.
            bits: 64_u32.wrapping_sub(t0sz as u32),
        }
    }

    /// No vCPU runs any more, and each ioctl fails.
    pub(crate) fn kill(self) {
        // SAFETY: The VM is valid.
        unsafe { bindings::kvm_vm_dead(self.as_ptr()) };
    }

    /// Makes the file that shows the GIC's state to people.
    pub(crate) fn create_vgic_file(self) {
        // SAFETY: The VM is valid, and removes all its files before it goes.
        unsafe { bindings::kvm_arm64_vgic_debug_init(self.as_ptr()) };
    }

    /// Lets the guest access the host's virtual CPU interface of a GICv2 at that address. Sleeps.
    ///
    /// # Errors
    ///
    /// The page tables': `ENOMEM`.
    pub(crate) fn map_host_cpu_interface(self, base: u64, _slots: &Slots<'_>) -> Result {
        // The last page of the frame has nothing in it but GICC_DIR, which traps.
        let size = FrameKind::V2_CPU_INTERFACE.size.wrapping_sub(0x1000);

        // SAFETY: The VM is valid; these pages are made for guests. CAST: As wide.
        to_result(unsafe {
            bindings::kvm_phys_addr_ioremap(
                self.as_ptr(),
                base,
                bindings::kvm_vgic_global_state.vcpu_base,
                size as usize,
                true,
            )
        })
    }
}

/// Whether guests can have 32-bit code at EL0.
pub(crate) fn supports_32bit_el0() -> bool {
    // SAFETY: No preconditions.
    unsafe { bindings::kvm_supports_32bit_el0() }
}

/// An ID register of a VM, of those that say which GIC there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GicIdReg {
    /// `ID_AA64PFR0_EL1`.
    Aa64Pfr0,
    /// `ID_AA64PFR2_EL1`.
    Aa64Pfr2,
    /// `ID_PFR1_EL1`.
    Pfr1,
}

impl GicIdReg {
    /// `CRm` and `op2` of its encoding, the rest of which all ID registers share.
    const fn numbers(self) -> (u32, u32) {
        match self {
            Self::Aa64Pfr0 => (4, 0),
            Self::Aa64Pfr2 => (4, 2),
            Self::Pfr1 => (1, 1),
        }
    }

    /// Its place in the VM's array, which starts with `CRm` 1.
    const fn index(self) -> usize {
        let (crm, op2) = self.numbers();

        // CAST: widening.
        (crm.wrapping_sub(1) << 3 | op2) as usize
    }

    // CAST: widening.
    const CHECKED: () = assert!(Self::Aa64Pfr0.index() == bindings::KVM_ID_REG_AA64PFR0 as usize);

    const fn encoding(self) -> crate::arm64::encoding::Encoding {
        let (crm, op2) = self.numbers();

        crate::arm64::encoding::Encoding::new(3, 0, 0, crm, op2)
    }
}

/// Evidence that a VM's configuration is locked, by whomever.
///
/// # Invariants
///
/// It is, for `'a`.
#[derive(Clone, Copy)]
pub(crate) struct ConfigHeld<'a>(Vm<'a>);

impl<'a> ConfigHeld<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// The type's invariant must hold.
    pub(crate) unsafe fn assume(vm: Vm<'a>) -> Self {
        // INVARIANT: By the safety requirements.
        Self(vm)
    }

    /// The VM.
    pub(crate) fn vm(self) -> Vm<'a> {
        self.0
    }

    /// An ID register, as the guest is to see it.
    pub(crate) fn id_reg(self, reg: GicIdReg) -> u64 {
        let () = GicIdReg::CHECKED;

        // SAFETY: The VM is valid; within the array.
        unsafe {
            (&raw const (*self.0.as_ptr()).arch.id_regs)
                .cast::<u64>()
                .add(reg.index())
                .read_volatile()
        }
    }

    /// See [`Self::id_reg`].
    pub(crate) fn set_id_reg(self, reg: GicIdReg, value: u64) {
        // SAFETY: The VM is valid, and its configuration locked; it is an ID register of VMs.
        unsafe {
            bindings::kvm_set_vm_id_reg(self.0.as_ptr(), reg.encoding().into_raw(), value);
        }
    }
}

/// What a vCPU's GICv3 interface, or one of a GICv2 in terms of it, has at first.
#[derive(Clone, Copy)]
pub(crate) struct FirstState {
    /// `ICC_SRE_EL1`.
    pub(crate) sre: u32,
    /// `GICR_PENDBASER`, where there is a redistributor.
    pub(crate) pendbaser: Option<u64>,
    /// What it has of the hardware's abilities.
    pub(crate) limits: Limits,
}

impl<'t> ConfigLock<'t> {
    /// That the lock is held.
    pub(crate) fn held(&self) -> ConfigHeld<'_> {
        // INVARIANT: By `self`.
        ConfigHeld(self.vm())
    }

    /// How many vCPUs there can be.
    pub(crate) fn set_max_vcpus(&self, max: u32) {
        // SAFETY: The VM is valid. It only ever changes with its configuration locked. CAST: 512 at
        // most.
        unsafe { (&raw mut (*self.vm().as_ptr()).max_vcpus).write_volatile(max as i32) };
    }

    /// Gives the timers the numbers that their interrupts have with the GIC that the VM has now.
    pub(crate) fn renumber_timers(&self) {
        // SAFETY: The VM is valid, none of its vCPUs has run, and none can.
        unsafe { bindings::kvm_timer_init_vm(self.vm().as_ptr()) };
    }

    /// Resets a vCPU's interface to the host's GICv2. Nobody uses it before its GIC is
    /// initialised; after that nothing happens.
    pub(crate) fn reset_v2_interface(&self, vcpu: Vcpu<'_>) {
        if !self.vm().dist().initialized() {
            // SAFETY: The vCPU is valid, and its interface nobody's to use yet.
            unsafe {
                (*vcpu.as_ptr())
                    .arch
                    .vgic_cpu
                    .__bindgen_anon_1
                    .vgic_v2
                    .vgic_vmcr = 0
            };
        }
    }

    /// Resets a vCPU's interface to the host's GICv3, as [`Self::reset_v2_interface`] one to a GICv2.
    /// A VMCR of zero makes the hardware take the least binary points that it can have.
    pub(crate) fn reset_v3_interface(&self, vcpu: Vcpu<'_>, first: FirstState) {
        if self.vm().dist().initialized() {
            return;
        }
        // SAFETY: The vCPU is valid, and its interface nobody's to use yet.
        unsafe {
            let cpu = &raw mut (*vcpu.as_ptr()).arch.vgic_cpu;

            (*cpu).__bindgen_anon_1.vgic_v3.vgic_vmcr = 0;
            (*cpu).__bindgen_anon_1.vgic_v3.vgic_sre = first.sre;
            if let Some(pendbaser) = first.pendbaser {
                (*cpu).pendbaser = pendbaser;
            }
        }
        self.set_interface_limits(vcpu, first.limits);
    }

    /// Has the pins of the VM's one interrupt controller be its first `nr` SPIs. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn route_pins_to_spis(&self, nr: u32) -> Result {
        let entry = |pin| {
            let mut entry = bindings::kvm_irq_routing_entry {
                gsi: pin,
                type_: bindings::KVM_IRQ_ROUTING_IRQCHIP,
                ..Default::default()
            };

            entry.u.irqchip = bindings::kvm_irq_routing_irqchip { irqchip: 0, pin };
            Ok(entry)
        };
        // CAST: widening.
        let entries = vec::try_collect(nr as usize, (0..nr).map(entry))?;

        // SAFETY: The VM is valid; so are the entries.
        to_result(unsafe {
            bindings::kvm_set_irq_routing(self.vm().as_ptr(), entries.as_ptr(), nr, 0)
        })
    }
}

impl NewVcpu<'_> {
    /// Its redistributor is nowhere yet.
    pub(crate) fn init_vgic(self) {
        self.redist_device().set_base(None);
    }

    /// Frees its part of the virtual GIC, if it has one.
    pub(crate) fn free_vgic(self) {
        // SAFETY: Nobody else knows the vCPU, by the type's invariant.
        drop(unsafe { self.take_vgic_vcpu() });
    }
}

/// A VM that nobody can do anything with any more, and that is about to be freed.
///
/// # Invariants
///
/// As it says, for `'a`: no vCPU is loaded or ever will be, and no timer or irqfd is left that would
/// inject an interrupt. Nobody has a reference to the VM's [`VgicVm`](super::objects::VgicVm) or
/// what is in it, and until [`Self::free_vgic`] nobody gets one but by this. Devices are left, ITSs
/// among them: they are destroyed after that. Until then nobody calls them, and their being
/// destroyed does not look at interrupts.
pub(crate) struct DyingVm<'a> {
    vm: Vm<'a>,
    _vm: PhantomData<&'a mut ()>,
}

impl<'a> DyingVm<'a> {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// As for [`Vm::from_raw`], and the type's invariant must hold.
    pub(crate) unsafe fn assume(ptr: *mut bindings::kvm) -> Self {
        // INVARIANT: By the safety requirements.
        Self {
            // SAFETY: By the safety requirements.
            vm: unsafe { Vm::from_raw(ptr) },
            _vm: PhantomData,
        }
    }

    /// The VM.
    pub(crate) fn vm(&self) -> Vm<'a> {
        self.vm
    }

    /// Its locks: none is held.
    pub(crate) fn task(&mut self) -> Task<'_> {
        // SAFETY: By the type's invariant it may sleep, and nobody holds a lock of it.
        unsafe { Task::assume(self.vm) }
    }

    /// Frees what all vCPUs share of the virtual GIC, if it has one.
    pub(crate) fn free_vgic(self) {
        // SAFETY: Nobody has a reference to it, by the type's invariant, and of what `self` gave
        // nothing is in use: that is over. Devices that are left find none.
        drop(unsafe { self.vm.take_vgic_vm() });
    }
}
