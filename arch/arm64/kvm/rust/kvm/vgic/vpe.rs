// SPDX-License-Identifier: GPL-2.0

//! vPEs: what the driver of the host's GICv4 knows of vCPUs, to which the hardware delivers
//! interrupts by itself.
//!
//! A VM has a vPE for each of its vCPUs, or none. A vPE is *resident* on the CPU that its vCPU is
//! loaded on. Of one that is not, the hardware notes what becomes pending in memory, and tells the
//! host by an interrupt of its own, the vPE's *doorbell*, if it is to.
//!
//! The driver's structures are in C's of the VM and the vCPU.
//!
//! C headers: [`include/linux/irqchip/arm-gic-v4.h`](srctree/include/linux/irqchip/arm-gic-v4.h),
//! [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v4.c: vgic_v4_request_vpe_irq, vgic_v4_init,
//!     vgic_v4_teardown, vgic_v4_get_vlpi_state, vgic_v4_sync_sgi_config, DB_IRQ_FLAGS;
//!     arch/arm64/kvm/vgic/vgic-v3.c: unmap_all_vpes, map_all_vpes

use super::{
    super::prelude::*,
    vlpi::VlpiTable, //
};
use crate::{
    gic::{
        list_register::Intid,
        priority::{
            Group,
            Priority, //
        },
        word::VcpuIdx, //
    },
    linux::prelude::*, //
};
use core::{
    ffi::c_void,
    marker::PhantomData, //
};
use kernel::{
    alloc::{
        flags::GFP_KERNEL_ACCOUNT,
        KBox,
        KVec, //
    },
    bindings,
    error::{
        to_result,
        Result, //
    },
};

/// The handler of doorbells, called with the interrupt's number and its vCPU.
#[derive(Clone, Copy)]
pub(crate) struct Doorbell(RawHandler);

type RawHandler = unsafe extern "C" fn(i32, *mut c_void) -> bindings::irqreturn_t;

impl Doorbell {
    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// `function` must be sound to call, by the interrupt core, with those arguments.
    pub(crate) const unsafe fn new(function: RawHandler) -> Self {
        Self(function)
    }
}

/// A vPE of a vCPU that is complete.
///
/// # Invariants
///
/// Both pointers are valid as long as the VM's vCPUs are.
#[derive(Clone, Copy)]
struct Vpe {
    ptr: *mut bindings::its_vpe,
    vcpu: *mut bindings::kvm_vcpu,
}

impl Vpe {
    fn of(vcpu: Vcpu<'_>) -> Self {
        // INVARIANT: Of a vCPU that is valid.
        Self {
            // SAFETY: The vCPU is valid. Of a union of plain data: only GICv3 hosts have vPEs.
            ptr: unsafe {
                &raw mut (*vcpu.as_ptr())
                    .arch
                    .vgic_cpu
                    .__bindgen_anon_1
                    .vgic_v3
                    .its_vpe
            },
            vcpu: vcpu.as_ptr(),
        }
    }
}

/// All vPEs of a VM. The driver has what it needs for them for as long as this lives.
///
/// # Invariants
///
/// `vm` is valid, and so are the vCPUs of `vpes`, which are all of the VM's, by their index. The
/// driver has allocated what it needs; `table` is where it finds them. The first `answered` ones'
/// doorbells are requested, with `doorbell`.
pub(crate) struct Vpes {
    vm: *mut bindings::kvm,
    vpes: KVec<Vpe>,
    table: KVec<*mut bindings::its_vpe>,
    answered: usize,
    doorbell: Doorbell,
    vlpis: VlpiTable,
}

// SAFETY: Pointers to what the driver accesses, under locks of its own.
unsafe impl Sync for Vpes {}
// SAFETY: Nothing in it belongs to a thread.
unsafe impl Send for Vpes {}

impl Vpes {
    /// Makes those of a VM, to which no vCPU is added any more, with their doorbells. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; the driver's and the interrupt core's, with a message.
    pub(crate) fn new(config: &ConfigLock<'_>, doorbell: Doorbell) -> Result<KBox<Self>> {
        let vm = config.vm();
        // CAST: widening.
        let most = vm.online_vcpus() as usize;
        let vpes = vec::try_collect(most, vm.vcpus().map(|vcpu| Ok(Vpe::of(vcpu))))?;
        let mut table = vec::try_collect(most, vpes.iter().map(|vpe| Ok(vpe.ptr)))?;
        let mut new = KBox::<Self>::new_uninit(GFP_KERNEL_ACCOUNT)?;
        let its_vm = its_vm(vm.as_ptr());

        // SAFETY: The VM is valid, and its configuration locked. CAST: At most 512.
        unsafe {
            (*its_vm).vpes = table.as_mut_ptr();
            (*its_vm).nr_vpes = table.len() as i32;
        }
        // SAFETY: The VM is valid, and its configuration locked; what the driver needs to know is there.
        if let Err(error) = to_result(unsafe { bindings::its_alloc_vcpu_irqs(its_vm) }) {
            // SAFETY: The VM is valid, and so are its vCPUs.
            unsafe { forget(vm.as_ptr(), &vpes) };
            message::error(c"VPE IRQ allocation failure");
            return Err(error);
        }

        let place = new.as_mut_ptr();
        // INVARIANT: By the above; no doorbell is requested yet.
        // SAFETY: Every field is written, in memory that does not move: it is on the heap for good.
        let mut new = unsafe {
            (&raw mut (*place).vm).write(vm.as_ptr());
            (&raw mut (*place).vpes).write(vpes);
            (&raw mut (*place).table).write(table);
            (&raw mut (*place).answered).write(0);
            (&raw mut (*place).doorbell).write(doorbell);
            VlpiTable::init_at(&raw mut (*place).vlpis, its_vm);
            new.assume_init()
        };

        for index in 0..new.vpes.len() {
            if let Some(vpe) = new.vpes.get(index) {
                new.set_up_doorbell(*vpe)?;
            }
            // INVARIANT: This one is.
            new.answered = index.wrapping_add(1);
        }
        Ok(new)
    }

    /// A doorbell of a GICv4.1 rings by itself when a vPE stops being resident and something is
    /// pending, if it is to: it is always on. Else it is off but while it is to ring.
    fn set_up_doorbell(&self, vpe: Vpe) -> Result {
        let irq = self.irq_of(vpe);

        // SAFETY: The interrupt is there, by the type's invariant.
        unsafe { bindings::kvm_arm64_doorbell_set_up(irq, !HostGic::has_v4_1()) };
        self.request(vpe)
            .inspect_err(|_| message::bad_doorbell(irq))
    }

    fn request(&self, vpe: Vpe) -> Result {
        // SAFETY: The handler is sound for its vCPU, by its constructor; that lives longer.
        to_result(unsafe {
            bindings::kvm_arm64_doorbell_request(self.irq_of(vpe), Some(self.doorbell.0), vpe.vcpu)
        })
    }

    /// The Linux IRQ of a doorbell.
    fn irq_of(&self, vpe: Vpe) -> u32 {
        // SAFETY: Valid by the type's invariant; does not change. CAST: Never negative.
        unsafe { (&raw const (*vpe.ptr).irq).read_volatile() as u32 }
    }

    fn answered(&self) -> impl Iterator<Item = Vpe> + '_ {
        self.vpes.iter().copied().take(self.answered)
    }

    /// # Safety
    ///
    /// The vPE's doorbell must be requested.
    unsafe fn free_doorbell(&self, vpe: Vpe) {
        // SAFETY: By the safety requirements, with that vCPU.
        unsafe { bindings::free_irq(self.irq_of(vpe), vpe.vcpu.cast::<c_void>()) };
    }

    /// The vLPIs.
    pub(super) fn vlpi_table(&self) -> &VlpiTable {
        &self.vlpis
    }

    /// The driver's structure of a vCPU.
    pub(super) fn ptr_of(&self, vcpu: VcpuIdx) -> Option<*mut bindings::its_vpe> {
        self.vpes.get(vcpu.get()).map(|vpe| vpe.ptr)
    }

    /// Has the hardware look at the properties of all vLPIs of a vCPU anew.
    pub(crate) fn invalidate(&self, vcpu: VcpuIdx) {
        if let Some(ptr) = self.ptr_of(vcpu) {
            // SAFETY: Valid by the type's invariant. An error is a vPE that the driver has not, or
            // hardware that it has given up.
            unsafe { bindings::its_invall_vpe(ptr) };
        }
    }

    /// Has the hardware (GICv4.1) write to memory what is pending of all vCPUs, none of which is
    /// loaded, until the value is gone. Sleeps.
    ///
    /// That is what a doorbell's being freed means to the driver: the vPE is not to be used.
    pub(crate) fn take_from_hardware<'c>(&'c self, _all: &'c ConfigLock<'_>) -> VpesInMemory<'c> {
        for vpe in self.answered() {
            // SAFETY: It is, by the type's invariant, or again when the result goes.
            unsafe { self.free_doorbell(vpe) };
        }
        VpesInMemory { vpes: self }
    }
}

impl Drop for Vpes {
    fn drop(&mut self) {
        for vpe in self.answered() {
            // SAFETY: It is there, and requested, by the type's invariant.
            unsafe {
                bindings::kvm_arm64_doorbell_tear_down(self.irq_of(vpe));
                self.free_doorbell(vpe);
            }
        }
        // SAFETY: Allocated, by the type's invariant, and used by nobody any more.
        unsafe {
            bindings::its_free_vcpu_irqs(its_vm(self.vm));
            forget(self.vm, &self.vpes);
        }
    }
}

/// The driver's structure of a VM.
fn its_vm(vm: *mut bindings::kvm) -> *mut bindings::its_vm {
    // An address, in an object that is valid wherever this is used.
    vm.wrapping_byte_add(core::mem::offset_of!(bindings::kvm, arch.vgic.its_vm))
        .cast()
}

/// The driver has nothing of a VM.
///
/// # Safety
///
/// The VM and the vPEs must be valid, and not be used by anybody.
unsafe fn forget(vm: *mut bindings::kvm, vpes: &[Vpe]) {
    // SAFETY: By the safety requirements.
    unsafe {
        (*its_vm(vm)).vpes = core::ptr::null_mut();
        (*its_vm(vm)).nr_vpes = 0;
        for vpe in vpes {
            (*vpe.ptr).its_vm = core::ptr::null_mut();
        }
    }
}

/// What is pending of a VM's vLPIs is in memory, and nowhere else.
///
/// # Invariants
///
/// As it says: the driver has unmapped all vPEs.
pub(crate) struct VpesInMemory<'c> {
    vpes: &'c Vpes,
}

impl VpesInMemory<'_> {
    /// Whether a vLPI of a vCPU is pending.
    pub(crate) fn is_pending(&self, vcpu: VcpuIdx, lpi: Intid) -> bool {
        let Some(vpe) = self.vpes.ptr_of(vcpu).filter(|_| lpi.0 < 0x1_0000) else {
            return false;
        };

        // SAFETY: The driver has made the table with the vPE, of a bit for each INTID of 16 bits;
        // the hardware does not write to it now. CAST: widening.
        let byte = unsafe {
            bindings::kvm_arm64_vpe_pending_table(vpe)
                .cast::<u8>()
                .add(lpi.0 as usize / 8)
                .read_volatile()
        };

        byte & 1_u8.wrapping_shl(lpi.0 % 8) != 0
    }
}

impl Drop for VpesInMemory<'_> {
    fn drop(&mut self) {
        for vpe in self.vpes.answered() {
            kernel::warn_on!(self.vpes.request(vpe).is_err());
        }
    }
}

impl<'a> Vm<'a> {
    /// The vPEs of its vCPUs, if it has any.
    #[inline]
    pub(crate) fn vpes(self) -> Option<&'a Vpes> {
        self.vgic_vm()?.vpes()
    }
}

impl ConfigLock<'_> {
    /// Gives the VM vPEs.
    pub(crate) fn install_vpes(&self, vpes: KBox<Vpes>) {
        if let Some(vgic) = self.vm().vgic_vm() {
            vgic.set_vpes(vpes);
        }
    }

    /// Has the vPEs of all vCPUs that are loaded made resident anew, before their guests are
    /// entered again. Who sleeps wakes up.
    pub(crate) fn reload_vpes(&self) {
        // SAFETY: The VM is valid; who holds the lock may wait for other CPUs.
        unsafe { bindings::kvm_arm64_vgic_reload_v4(self.vm().as_ptr()) };
    }
}

impl Vcpu<'_> {
    /// Whether the doorbell of its vPE has rung since that was resident last, or would have: there
    /// is an interrupt for it. Never of one without a vPE.
    #[inline(always)]
    pub(crate) fn has_pending_vlpis(self) -> bool {
        // SAFETY: The vCPU is valid; of plain data, that is zero but where there are vPEs.
        unsafe { (&raw const (*Vpe::of(self).ptr).pending_last).read_volatile() }
    }

    /// Its doorbell has rung. By an interrupt. `irq`: its number.
    ///
    /// That may be while the vPE stops being resident, which sets the flag as well: under the lock.
    pub(crate) fn answer_doorbell(self, irq: u32, _irq_off: &IrqOff) {
        let vpe = Vpe::of(self).ptr;

        if !HostGic::has_v4_1() {
            // SAFETY: The interrupt is there: it has rung.
            unsafe { bindings::kvm_arm64_doorbell_quiet(irq) };
        }
        // SAFETY: The driver has initialised the vPE and its lock.
        unsafe {
            let lock = &raw mut (*vpe).vpe_lock;
            let flags = bindings::kvm_arm64_raw_lock_irqsave(lock);

            (&raw mut (*vpe).pending_last).write_volatile(true);
            bindings::kvm_arm64_raw_unlock_irqrestore(lock, flags);
        }
    }
}

/// The vPE of the vCPU that is loaded on this CPU.
///
/// # Invariants
///
/// `ptr` is that of a vPE that the driver has, for `'a`. Its vCPU is loaded here, and the caller stays
/// on this CPU.
#[derive(Clone, Copy)]
pub(crate) struct LoadedVpe<'a> {
    ptr: *mut bindings::its_vpe,
    _of: PhantomData<&'a Vpes>,
}

impl<'a> LoadedVcpu<'a> {
    /// It leaves its guest hypervisor for that one's guest.
    pub(crate) fn is_in_nested_eret(self) -> bool {
        // SAFETY: The vCPU is valid, and the caller's.
        unsafe { bindings::vcpu_in_nested_eret(self.as_ptr()) }
    }

    /// Its vPE, if it has one.
    #[inline]
    pub(crate) fn vpe(self) -> Option<LoadedVpe<'a>> {
        let vpes = self.vm().vpes()?;

        // INVARIANT: The vPE of `self`, which is loaded here.
        Some(LoadedVpe {
            ptr: vpes.ptr_of(VcpuIdx::new(self.index())?)?,
            _of: PhantomData,
        })
    }
}

impl LoadedVpe<'_> {
    /// Whether it is resident here.
    pub(crate) fn is_resident(self) -> bool {
        // SAFETY: Valid by the type invariant; only its own CPU changes that.
        unsafe { (*self.ptr).resident }
    }

    /// Makes it resident. `group1`: whether its interrupts of group 1 are forwarded, of those that
    /// are not vLPIs.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub(crate) fn make_resident(self, group1: bool) -> Result {
        // SAFETY: Valid by the type invariant. CAST: Never negative.
        let irq = unsafe { (*self.ptr).irq } as u32;

        // The redistributor that interrupts are sent to has to be this CPU's.
        // SAFETY: By the type invariant, an interrupt of a vPE whose vCPU stays on this CPU.
        to_result(unsafe { bindings::kvm_arm64_vpe_follow(irq) })?;
        // SAFETY: By the type invariant.
        to_result(unsafe { bindings::its_make_vpe_resident(self.ptr, false, group1) })?;
        if HostGic::has_v4_1() {
            return Ok(());
        }
        // The doorbell may have rung meanwhile, for nothing from now on.
        // SAFETY: Any number is accepted.
        to_result(unsafe {
            bindings::irq_set_irqchip_state(
                irq,
                bindings::irqchip_irq_state_IRQCHIP_STATE_PENDING,
                false,
            )
        })
    }

    /// Has it be resident no more. `doorbell`: whether that is to ring.
    ///
    /// # Errors
    ///
    /// The driver's.
    pub(crate) fn make_non_resident(self, doorbell: bool) -> Result {
        // SAFETY: By the type invariant.
        to_result(unsafe { bindings::its_make_vpe_non_resident(self.ptr, doorbell) })
    }

    /// The guest is about to be entered: waits until the hardware has read what is pending, unless
    /// that is known.
    pub(crate) fn commit(self) {
        // SAFETY: By the type invariant; only its own CPU changes these.
        unsafe {
            if (*self.ptr).resident && !(*self.ptr).ready {
                // An error is hardware that does not get ready. There will be a message of the
                // driver's.
                bindings::its_commit_vpe(self.ptr);
            }
        }
    }
}

/// How a guest has configured an SGI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SgiConfig {
    /// The guest wants it.
    pub(crate) enabled: bool,
    /// Its group.
    pub(crate) group: Group,
    /// Its priority.
    pub(crate) priority: Priority,
}

impl<'a> Vcpu<'a> {
    /// One of its SGIs, as the hardware can deliver it (GICv4.1). None if it has no vPE, or there
    /// is no such SGI.
    pub(crate) fn vsgi(self, intid: Intid) -> Option<Vsgi<'a>> {
        let vpes = self.vm().vpes()?;
        let vpe = vpes.ptr_of(VcpuIdx::new(self.index())?)?;

        // SAFETY: There is a vPE, which on a GICv4.1 has these fields. CAST: widening.
        unsafe {
            let part = &raw mut (*vpe).__bindgen_anon_1.__bindgen_anon_2;
            let config = (*part).sgi_config.get_mut(intid.0 as usize)?;

            Some(Vsgi {
                config,
                host: HostInterrupt::again(
                    bindings::kvm_arm64_vsgi_irq((*part).sgi_domain, intid.0),
                    0,
                ),
                _of: PhantomData,
            })
        }
    }
}

/// An SGI, as the hardware can deliver it.
///
/// # Invariants
///
/// `config` is the driver's of `host`, valid for `'a`.
pub(crate) struct Vsgi<'a> {
    config: *mut SgiConfigOfDriver,
    host: HostInterrupt,
    _of: PhantomData<&'a Vpes>,
}

type SgiConfigOfDriver = bindings::its_vpe__bindgen_ty_1__bindgen_ty_2__bindgen_ty_1;

impl Vsgi<'_> {
    /// Has the hardware deliver it, with the lock that whoever changes it has. A warning if that
    /// cannot be.
    pub(crate) fn activate(self, config: SgiConfig, pending: bool) -> HostInterrupt {
        // SAFETY: Valid by the type's invariant. Nobody else accesses it: the driver does so for
        // whoever has the lock.
        unsafe {
            self.config.write(SgiConfigOfDriver {
                priority: config.priority.0,
                enabled: config.enabled,
                group: config.group == Group::One,
            });
        }
        if self.host.activate() {
            self.host.set_enabled(config.enabled);
            self.host.set_pending(pending);
        }
        self.host
    }
}
