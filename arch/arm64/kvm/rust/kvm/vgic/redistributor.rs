// SPDX-License-Identifier: GPL-2.0

//! What a vCPU has of a redistributor and a CPU interface, in C's structures, for their registers.
//!
//! C header: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_cpu, vgic_v2_cpu_if

use super::{
    super::prelude::*,
    HostGic, //
};
use crate::gic::cpu_state::Limits;
use crate::{
    gic::{
        list_register::Intid,
        priority::ApIndex,
        redistributor::GicrCtlr, //
    },
    linux::prelude::*, //
};
use kernel::bindings;

impl Vcpu<'_> {
    // SAFETY: A vCPU is valid; plain numbers, read and written in one piece.
    fields! { unsafe
        /// `GICR_PENDBASER`.
        pub(crate) pendbaser: u64 = arch.vgic_cpu.pendbaser, once;
        none, store_pendbaser: u64 = arch.vgic_cpu.pendbaser, once;
        priority_bits, store_priority_bits: u32 = arch.vgic_cpu.num_pri_bits, once;
        id_bits, store_id_bits: u32 = arch.vgic_cpu.num_id_bits, once;
    }

    fn vgic_cpu(self) -> *mut bindings::vgic_cpu {
        // SAFETY: The vCPU is valid.
        unsafe { &raw mut (*self.as_ptr()).arch.vgic_cpu }
    }

    /// `GICR_CTLR`, as far as it says whether there are LPIs.
    pub(crate) fn gicr_ctlr(self) -> u32 {
        // SAFETY: The vCPU is valid. CAST: The bit pattern.
        unsafe { (&raw const (*self.vgic_cpu()).ctlr.counter).read_volatile() as u32 }
    }

    /// Whether it has LPIs.
    pub(crate) fn has_lpis(self) -> bool {
        GicrCtlr::from_raw(u64::from(self.gicr_ctlr())).lpis_enabled()
    }

    /// Whether its LPIs are being enabled or disabled.
    pub(crate) fn is_switching_lpis(self) -> bool {
        let ctlr = GicrCtlr::from_raw(u64::from(self.gicr_ctlr()));

        ctlr != GicrCtlr::ZERO && !ctlr.lpis_enabled()
    }

    /// Changes [`Self::gicr_ctlr`], if it is still what it was. Orders all that is before it and
    /// after it in the program. Whether it has changed.
    pub(crate) fn change_gicr_ctlr(self, old: u32, new: u32) -> bool {
        // SAFETY: The vCPU is valid; an atomic counter is a word that only atomics access.
        unsafe { &*(&raw mut (*self.vgic_cpu()).ctlr.counter).cast::<AtomicU32>() }
            .try_change(old, new)
            .is_ok()
    }

    /// How many threads are invalidating properties of its LPIs.
    fn invalidations(&self) -> &AtomicU32 {
        // SAFETY: The vCPU is valid; an atomic counter is a word that only atomics access.
        unsafe { &*(&raw mut (*self.vgic_cpu()).syncr_busy.counter).cast::<AtomicU32>() }
    }

    /// Whether properties of its LPIs are being invalidated.
    pub(crate) fn is_invalidating(self) -> bool {
        self.invalidations().load_relaxed() != 0
    }

    /// [`Self::is_invalidating`] from now on, to [`Self::end_invalidating`].
    pub(crate) fn begin_invalidating(self) {
        self.invalidations().fetch_add_relaxed(1);
        // Whoever sees what is done from now on sees that it is not over.
        smp_mb();
    }

    /// See [`Self::begin_invalidating`].
    pub(crate) fn end_invalidating(self) {
        self.invalidations().fetch_sub_release(1);
    }

    /// Something of its LPIs is still to be done, from that one on, by whoever
    /// [takes](Self::take_lpis) it.
    pub(crate) fn leave_lpis(self, work: LpiWork, next: Intid) {
        let Some(left) = self.vgic_vcpu().map(|vgic| vgic.left(work)) else {
            return;
        };
        let mut now = left.load_relaxed();

        loop {
            let first = if now == 0 { next.0 } else { now.min(next.0) };

            match left.try_change(now, first) {
                // Of two invalidations that are left one is enough. LPIs are switched by one only.
                Ok(()) if now != 0 => return self.end_invalidating(),
                Ok(()) => return,
                Err(other) => now = other,
            }
        }
    }

    /// What is left of its LPIs is the caller's to do, if anything is: from that one on.
    pub(crate) fn take_lpis(self, work: LpiWork) -> Option<Intid> {
        let left = self.vgic_vcpu()?.left(work);
        let mut now = left.load_relaxed();

        while now != 0 {
            match left.try_change(now, 0) {
                Ok(()) => return Some(Intid(now)),
                Err(other) => now = other,
            }
        }
        None
    }

    /// The number of bits of a priority that its CPU interface has, and how many an INTID has, as
    /// `ICC_CTLR_EL1` says it.
    pub(crate) fn interface_limits(self) -> Limits {
        Limits {
            priority_bits: self.priority_bits(),
            id_bits: self.id_bits(),
        }
    }
}

impl ConfigLock<'_> {
    /// See [`Vcpu::pendbaser`].
    pub(crate) fn set_pendbaser(&self, vcpu: Vcpu<'_>, value: u64) {
        vcpu.store_pendbaser(value);
    }

    /// See [`Vcpu::interface_limits`]. Of a vCPU that has not run yet.
    pub(crate) fn set_interface_limits(&self, vcpu: Vcpu<'_>, limits: Limits) {
        vcpu.store_priority_bits(limits.priority_bits);
        vcpu.store_id_bits(limits.id_bits);
    }
}

/// What a CPU interface has in memory: of a structure for a GICv2 or for a GICv3, by what
/// the host has.
impl Vcpu<'_> {
    /// `GICH_VMCR` or `ICH_VMCR_EL2`, as of its last exit.
    pub(crate) fn vmcr_in_memory(self) -> u32 {
        // SAFETY: Valid; of a union of plain data, written in one piece.
        unsafe {
            let interface = &raw const (*self.vgic_cpu()).__bindgen_anon_1;

            if HostGic::is_v2() {
                (&raw const (*interface).vgic_v2.vgic_vmcr).read_volatile()
            } else {
                (&raw const (*interface).vgic_v3.vgic_vmcr).read_volatile()
            }
        }
    }
}

/// The same, for who may write to it.
impl OwnVcpu<'_> {
    /// See [`Vcpu::interface_limits`].
    pub(crate) fn set_interface_limits(self, limits: Limits) {
        self.store_priority_bits(limits.priority_bits);
        self.store_id_bits(limits.id_bits);
    }

    /// See [`Vcpu::vmcr_in_memory`].
    pub(crate) fn set_vmcr_in_memory(self, vmcr: u32) {
        if HostGic::is_v2() {
            self.vgic_v2().set_vmcr(vmcr);
        } else {
            self.vgic_v3().set_vmcr(vmcr);
        }
    }

    /// `GICH_APR`, or `ICH_AP1R<n>_EL2`: a GICv2's guest on a GICv3 uses those alone.
    pub(crate) fn gicc_apr(self, index: ApIndex) -> u32 {
        if HostGic::is_v2() {
            return self.vgic_v2().apr();
        }
        match index {
            ApIndex::Ap0 => self.vgic_v3().ap1r::<0>(),
            ApIndex::Ap1 => self.vgic_v3().ap1r::<1>(),
            ApIndex::Ap2 => self.vgic_v3().ap1r::<2>(),
            ApIndex::Ap3 => self.vgic_v3().ap1r::<3>(),
        }
    }

    /// See [`Self::gicc_apr`].
    pub(crate) fn set_gicc_apr(self, index: ApIndex, bits: u32) {
        if HostGic::is_v2() {
            self.vgic_v2().set_apr(bits);
            return;
        }
        match index {
            ApIndex::Ap0 => self.vgic_v3().set_ap1r::<0>(bits),
            ApIndex::Ap1 => self.vgic_v3().set_ap1r::<1>(bits),
            ApIndex::Ap2 => self.vgic_v3().set_ap1r::<2>(bits),
            ApIndex::Ap3 => self.vgic_v3().set_ap1r::<3>(bits),
        }
    }
}
