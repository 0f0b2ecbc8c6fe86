// SPDX-License-Identifier: GPL-2.0

//! vLPIs: LPIs of a guest that the host's GICv4 delivers, from an interrupt of a device that would
//! be the host's otherwise.
//!
//! C header: [`include/linux/irqchip/arm-gic-v4.h`](srctree/include/linux/irqchip/arm-gic-v4.h)
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v4.c: kvm_vgic_v4_set_forwarding,
//!     kvm_vgic_v4_unset_forwarding, __vgic_host_irq_get_vlpi; arch/arm64/kvm/vgic/vgic-its.c:
//!     update_affinity, update_lpi_config

use super::vpe::Vpes;
use crate::{
    gic::{
        list_register::Intid,
        lpi::{
            Place,
            Properties,
            LEAF_LPIS,
            LEAVES, //
        },
        word::VcpuIdx, //
    },
    linux::prelude::*, //
};
use kernel::{
    alloc::{
        flags::GFP_KERNEL_ACCOUNT,
        KBox,
        KVec, //
    },
    bindings,
    error::{
        code::EINVAL,
        to_result,
        Result, //
    },
};

/// The interrupt of the host that is a device's message, by Linux IRQ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostMsi(i32);

impl HostMsi {
    /// From C.
    pub(crate) fn new(irq: i32) -> Self {
        Self(irq)
    }
}

/// Which LPIs of a VM are vLPIs, and from which interrupt of the host.
pub(super) struct VlpiTable {
    its_vm: *mut bindings::its_vm,
    lock: RawLock<()>,
    /// The Linux IRQ behind each LPI, or 0. Written with the lock held.
    hosts: [OnceBox<KVec<AtomicU32>>; LEAVES],
}

impl VlpiTable {
    /// Makes one in place: there are none.
    ///
    /// # Safety
    ///
    /// `place` must be valid for writes and not be moved from now on; nobody may use it yet.
    pub(super) unsafe fn init_at(place: *mut Self, its_vm: *mut bindings::its_vm) {
        // SAFETY: By the safety requirements.
        unsafe {
            (&raw mut (*place).its_vm).write(its_vm);
            RawLock::init_at(&raw mut (*place).lock, ());
            (&raw mut (*place).hosts).write([const { OnceBox::new() }; LEAVES]);
        }
    }

    fn host(&self, lpi: Intid) -> Option<&AtomicU32> {
        let place = Place::of(lpi)?;

        get_nospec(get_nospec(&self.hosts, place.leaf)?.get()?, place.index)
    }

    /// Whether any LPI has that interrupt of the host behind it.
    fn has(&self, host: HostMsi) -> bool {
        // CAST: See `host_of()`.
        let irq = host.0 as u32;

        irq != 0
            && self
                .hosts
                .iter()
                .filter_map(OnceBox::get)
                .any(|hosts| hosts.iter().any(|known| known.load_relaxed() == irq))
    }
}

impl Vpes {
    /// Makes room for an LPI to be a vLPI. Sleeps.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` if no LPI has that number.
    pub(crate) fn make_room(&self, lpi: Intid) -> Result {
        let leaf = Place::of(lpi)
            .and_then(|place| self.vlpi_table().hosts.get(place.leaf))
            .ok_or(EINVAL)?;

        if leaf.get().is_none() {
            let hosts = vec::try_collect(LEAF_LPIS, (0..LEAF_LPIS).map(|_| Ok(AtomicU32::new(0))))?;

            leaf.set(KBox::new(hosts, GFP_KERNEL_ACCOUNT)?);
        }
        Ok(())
    }

    /// Locks what is known of all vLPIs, against all who change that. Any context.
    pub(crate) fn lock_vlpis(&self) -> Vlpis<'_> {
        Vlpis {
            vpes: self,
            _guard: self.vlpi_table().lock.lock_irqsave(),
        }
    }
}

/// What is known of a VM's vLPIs is locked, and interrupts are off.
pub(crate) struct Vlpis<'a> {
    vpes: &'a Vpes,
    _guard: RawGuard<'a, ()>,
}

impl Vlpis<'_> {
    /// What the driver knows of an interrupt of the host, if that is a vLPI of this VM's.
    ///
    /// It is only asked of interrupts that have become one: others need not be its own, and to some
    /// that are not, any such question is a change.
    fn known(&self, host: HostMsi) -> Option<bindings::its_vlpi_map> {
        if !self.vpes.vlpi_table().has(host) {
            return None;
        }

        let mut map = bindings::its_vlpi_map::default();

        // SAFETY: Any number is accepted; the driver fills the structure in if it knows anything.
        to_result(unsafe { bindings::its_get_vlpi(host.0, &mut map) }).ok()?;
        (map.vm == self.vpes.vlpi_table().its_vm).then_some(map)
    }

    /// The vLPI that an interrupt of the host is, if it is one of this VM's.
    pub(crate) fn lpi_of(&self, host: HostMsi) -> Option<Intid> {
        let lpi = Intid(self.known(host)?.vintid);

        (self.host_of(lpi) == Some(host)).then_some(lpi)
    }

    /// The interrupt of the host that is a vLPI.
    pub(crate) fn host_of(&self, lpi: Intid) -> Option<HostMsi> {
        // CAST: C's type.
        let irq = self.vpes.vlpi_table().host(lpi)?.load_relaxed() as i32;

        (irq != 0).then_some(HostMsi(irq))
    }

    /// Has an interrupt of the host be an LPI of that vCPU, with these properties; for one that is
    /// that LPI already only the vCPU is another. [There is room](Vpes::make_room) for it.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is no such vPE, or no room; the driver's.
    pub(crate) fn map(
        &self,
        host: HostMsi,
        lpi: Intid,
        to: VcpuIdx,
        properties: Properties,
    ) -> Result {
        const GROUP1: u8 = 1 << 1;

        let table = self.vpes.vlpi_table();
        let vpe = self.vpes.ptr_of(to).ok_or(EINVAL)?;
        let place = table.host(lpi).ok_or(EINVAL)?;
        let before = self.known(host);
        let mut map = bindings::its_vlpi_map {
            vm: table.its_vm,
            vpe,
            vintid: lpi.0,
            properties: properties.into_byte() | GROUP1,
            db_enabled: true,
        };

        // SAFETY: Any number is accepted; of the structure a copy is made. What it points at lives
        // as long as the interrupt is mapped: it is unmapped before its VM goes.
        to_result(unsafe { bindings::its_map_vlpi(host.0, &mut map) })?;
        // SAFETY: Both are vPEs of this VM: of `vpes`, or what the driver has the interrupt mapped to.
        unsafe {
            if let Some(before) = before {
                count(before.vpe).fetch_sub_release(1);
            }
            count(vpe).fetch_add_relaxed(1);
        }
        // CAST: See `host_of()`.
        place.store_relaxed(host.0 as u32);
        Ok(())
    }

    /// Gives a vLPI back to the host: it is not a vLPI any more.
    pub(crate) fn unmap(&self, lpi: Intid) {
        let Some(host) = self.host_of(lpi) else {
            return;
        };

        if let Some(before) = self.known(host).filter(|map| map.vintid == lpi.0) {
            // SAFETY: The driver has the interrupt mapped to a vPE of this VM. Any number is accepted.
            unsafe {
                count(before.vpe).fetch_sub_release(1);
                bindings::its_unmap_vlpi(host.0);
            }
        }
        if let Some(place) = self.vpes.vlpi_table().host(lpi) {
            place.store_relaxed(0);
        }
    }

    /// Gives a vLPI other properties. A warning if that cannot be.
    pub(crate) fn configure(&self, lpi: Intid, properties: Properties) {
        if let Some(host) = self.host_of(lpi) {
            // SAFETY: Any number is accepted.
            let ret =
                unsafe { bindings::its_prop_update_vlpi(host.0, properties.into_byte(), true) };
            kernel::warn_on!(ret != 0);
        }
    }

    /// Makes a vLPI pending, or not. A warning if that cannot be.
    pub(crate) fn set_pending(&self, lpi: Intid, pending: bool) {
        if let Some(host) = self.host_of(lpi) {
            // SAFETY: Any number is accepted. CAST: Never negative.
            let ret = unsafe {
                bindings::irq_set_irqchip_state(
                    host.0 as u32,
                    bindings::irqchip_irq_state_IRQCHIP_STATE_PENDING,
                    pending,
                )
            };
            kernel::warn_on!(ret != 0);
        }
    }
}

/// How many vLPIs a vCPU has: KVM lets it sleep by itself if there are any.
///
/// # Safety
///
/// The vPE must be valid for `'a`.
unsafe fn count<'a>(vpe: *mut bindings::its_vpe) -> &'a AtomicU32 {
    // SAFETY: By the safety requirements; an atomic counter of 32 bits, which only atomics access.
    unsafe { &*(&raw mut (*vpe).vlpi_count).cast::<AtomicU32>() }
}
