// SPDX-License-Identifier: GPL-2.0

//! Which CPUs an interrupt is for, as the registers of the GICs say it.
//!
//! Source: GIC Architecture Specification (IHI 0069), `GICD_IROUTER<n>`, `ICC_SGI1R_EL1`; version
//! 2.0 (IHI 0048), `GICD_SGIR`, `GICD_ITARGETSR<n>`.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.h: VGIC_TO_MPIDR;
//!     arch/arm64/kvm/vgic/vgic-kvm-device.c: vgic_v2_parse_attr, vgic_v3_parse_attr;
//!     arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_mmio_read_irouter, vgic_mmio_write_irouter,
//!     SGI_AFFINITY_LEVEL, vgic_v3_queue_sgi, vgic_v3_dispatch_sgi;
//!     arch/arm64/kvm/vgic/vgic-mmio-v2.c: vgic_mmio_write_sgir, vgic_mmio_write_target
#![forbid(unsafe_code)]

use super::frame::Lanes;
use crate::arm64::fields::register_values;

register_values! {
    /// The affinity of a CPU, packed: as `GICR_TYPER`, `GICD_IROUTER` without its top half, and user
    /// space's names of vCPUs have it.
    pub(crate) struct Affinity {
        /// The level that differs most.
        Aff0 = 7:0;
        /// The next.
        Aff1 = 15:8;
        /// The next.
        Aff2 = 23:16;
        /// The one that differs least, which routes no interrupt of ours.
        Aff3 = 31:24;
    }

    /// Of `MPIDR_EL1`.
    struct Mpidr {
        /// The lower three levels, as they are packed as well.
        Aff = 23:0;
        /// The highest level.
        Aff3 = 39:32;
    }

    /// `ICC_SGI1R_EL1`, `ICC_ASGI1R_EL1`, `ICC_SGI0R_EL1`.
    pub(crate) struct Sgi1r {
        /// Those of the 16 CPUs that share the upper levels; bit n is Aff0 of n.
        TargetList = 15:0;
        /// Of all of them.
        Aff1 = 23:16;
        /// The SGI.
        INTID = 27:24;
        /// Of all of them.
        Aff2 = 39:32;
        /// For all but the one that writes it.
        IRM = 40;
        /// Of all of them.
        Aff3 = 55:48;
    }

    /// How user space names a register of a GIC, and the vCPU whose it is.
    pub(crate) struct RegisterAttr {
        /// Where in its frame the register is.
        Offset = 31:0;
        /// Of a GICv2: the number of the vCPU.
        CpuId = 39:32;
        /// Of a GICv3: the affinity of the vCPU. The distributor's registers are those of vCPU 0,
        /// whatever is here.
        Affinity = 63:32;
    }

    /// `GICD_SGIR`.
    pub(crate) struct Sgir {
        /// The SGI.
        INTID = 3:0;
        /// The CPUs.
        CPUTargetList = 23:16;
        /// Whether those, all others, or the one that writes it.
        TargetListFilter = 25:24;
    }
}

impl Affinity {
    /// That of a CPU with this `MPIDR_EL1`.
    pub(crate) const fn of_mpidr(mpidr: u64) -> Self {
        let mpidr = Mpidr::from_raw(mpidr);

        Self::from_raw(mpidr.get(Mpidr::Aff)).put(Self::Aff3, mpidr.get(Mpidr::Aff3))
    }

    /// The affinity fields of `MPIDR_EL1`.
    pub(crate) const fn mpidr(self) -> u64 {
        Mpidr::ZERO
            .put(Mpidr::Aff, self.into_raw())
            .put(Mpidr::Aff3, self.get(Self::Aff3))
            .into_raw()
    }

    /// What a write of `GICD_IROUTER` routes an interrupt to. The upper half, with Aff3, is not
    /// there, nor is the bit that lets any CPU have it: a write of it does nothing.
    pub(crate) const fn of_route(lanes: Lanes, value: u64) -> Option<Self> {
        if lanes.are_upper_half() {
            None
        } else {
            Some(Self::from_raw(value).and(Self::ROUTE))
        }
    }

    /// `GICD_IROUTER`.
    pub(crate) const fn route(self) -> u64 {
        self.and(Self::ROUTE).into_raw()
    }

    const ROUTE: Self = Self::ZERO
        .with(Self::Aff0)
        .with(Self::Aff1)
        .with(Self::Aff2);
}

impl RegisterAttr {
    /// Where in its frame the register is.
    pub(crate) const fn offset(self) -> u32 {
        // CAST: 32 bits.
        self.get(Self::Offset) as u32
    }

    /// Of a GICv2: the number of the vCPU.
    pub(crate) const fn vcpu_id(self) -> u32 {
        // CAST: Eight bits.
        self.get(Self::CpuId) as u32
    }

    /// Of a GICv3: the affinity of the vCPU.
    pub(crate) const fn affinity(self) -> Affinity {
        Affinity::from_raw(self.get(Self::Affinity))
    }
}

/// Whom an SGI is for.
#[cfg_attr(
    any(test, all(CONFIG_KVM_ARM64_RUST_KUNIT_TEST, not(nvhe))),
    derive(Debug)
)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum SgiTargets {
    /// All vCPUs but the one that raises it.
    Others,
    /// Those that there are of a list.
    List(SgiList),
}

/// Up to 16 CPUs that differ in the lowest level of affinity.
#[cfg_attr(
    any(test, all(CONFIG_KVM_ARM64_RUST_KUNIT_TEST, not(nvhe))),
    derive(Debug)
)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SgiList {
    upper: Affinity,
    list: u16,
}

impl SgiList {
    /// Their `MPIDR_EL1`.
    pub(crate) fn mpidrs(self) -> impl Iterator<Item = u64> {
        let mut rest = self.list;

        core::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let aff0 = rest.trailing_zeros();

            rest &= rest.wrapping_sub(1);
            Some(self.upper.put(Affinity::Aff0, u64::from(aff0)).mpidr())
        })
    }
}

impl Sgi1r {
    /// The SGI.
    pub(crate) const fn intid(self) -> u32 {
        // CAST: Four bits.
        self.get(Self::INTID) as u32
    }

    /// Whom it is for. The range selector is not implemented: whatever it says, Aff0 is 0 to 15.
    pub(crate) const fn targets(self) -> SgiTargets {
        if self.has(Self::IRM) {
            return SgiTargets::Others;
        }
        SgiTargets::List(SgiList {
            upper: Affinity::ZERO
                .put(Affinity::Aff1, self.get(Self::Aff1))
                .put(Affinity::Aff2, self.get(Self::Aff2))
                .put(Affinity::Aff3, self.get(Self::Aff3)),
            // CAST: 16 bits.
            list: self.get(Self::TargetList) as u16,
        })
    }
}

/// A set of a GICv2's vCPUs, by number: it has no more than eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CpuMask(pub(crate) u8);

impl CpuMask {
    /// One of them; empty if there can be no such vCPU.
    pub(crate) const fn only(vcpu: u32) -> Self {
        match 1_u8.checked_shl(vcpu) {
            Some(mask) => Self(mask),
            None => Self(0),
        }
    }

    /// The first `count`.
    pub(crate) const fn first(count: u32) -> Self {
        match u8::MAX.checked_shl(count) {
            Some(others) => Self(!others),
            None => Self(u8::MAX),
        }
    }

    /// Whether it has this one.
    pub(crate) const fn has(self, vcpu: u32) -> bool {
        self.0 & Self::only(vcpu).0 != 0
    }

    /// `GICD_ITARGETSR`: what of a byte written remains with so many vCPUs.
    pub(crate) const fn of_targets(value: u8, vcpus: u32) -> Self {
        Self(value & Self::first(vcpus).0)
    }

    /// The one of its targets that gets an interrupt: the first, and vCPU 0 if there is none.
    pub(crate) const fn target(self) -> u32 {
        if self.0 == 0 {
            0
        } else {
            self.0.trailing_zeros()
        }
    }
}

impl Sgir {
    /// The SGI.
    pub(crate) const fn intid(self) -> u32 {
        // CAST: Four bits.
        self.get(Self::INTID) as u32
    }

    /// Whom it is for, of so many vCPUs, if vCPU `from` writes it.
    pub(crate) const fn targets(self, from: u32, vcpus: u32) -> CpuMask {
        match self.get(Self::TargetListFilter) {
            // CAST: Eight bits.
            0 => CpuMask(self.get(Self::CPUTargetList) as u8),
            1 => CpuMask(CpuMask::first(vcpus).0 & !CpuMask::only(from).0),
            2 => CpuMask::only(from),
            _ => CpuMask(0),
        }
    }
}
