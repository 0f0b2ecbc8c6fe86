// SPDX-License-Identifier: GPL-2.0

//! Where a GIC's frames are in the guest's memory: what may be where, and which redistributor goes
//! where.
//!
//! A check is as strict as C's and in C's order, and no stricter: what passes one may fail a later
//! one, as the number of vCPUs grows and further frames are placed.
//!
//! Redistributors are in *regions*. Either there is one whose size goes with the number of vCPUs
//! (`count` is 0: the older interface), or user space says of each how many it is for. Regions are
//! numbered from 0 on without gaps, so a region's number is its place in the list of them.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-kvm-device.c: vgic_check_iorange, kvm_vgic_addr,
//!     vgic_set_common_attr;
//!     arch/arm64/kvm/vgic/vgic-v2.c: vgic_v2_check_base;
//!     arch/arm64/kvm/vgic/vgic-v3.c: vgic_v3_rdist_overlap, vgic_v3_check_base,
//!     vgic_v3_rdist_free_slot, vgic_v3_rdist_region_from_index;
//!     arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_v3_alloc_redist_region, vgic_register_redist_iodev,
//!     vgic_mmio_vcpu_rdist_is_last; arch/arm64/kvm/vgic/vgic.h: vgic_v3_redist_region_full,
//!     vgic_v3_rd_region_size, vgic_dist_overlap, KVM_VGIC_V3_RDIST_INDEX_MASK,
//!     KVM_VGIC_V3_RDIST_FLAGS_MASK, KVM_VGIC_V3_RDIST_BASE_MASK, KVM_VGIC_V3_RDIST_COUNT_MASK;
//!     include/kvm/arm_vgic.h: vgic_redist_region
#![forbid(unsafe_code)]

use super::refusal::Refusal;
use crate::arm64::fields::register_values;

/// What a frame is of, and how big and how aligned it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameKind {
    /// In bytes.
    pub(crate) size: u64,
    /// In bytes, a power of two.
    pub(crate) alignment: u64,
}

impl FrameKind {
    /// The distributor of a GICv2.
    pub(crate) const V2_DISTRIBUTOR: Self = Self {
        size: 0x1000,
        alignment: 0x1000,
    };
    /// The CPU interface of a GICv2.
    pub(crate) const V2_CPU_INTERFACE: Self = Self {
        size: 0x2000,
        alignment: 0x1000,
    };
    /// The distributor of a GICv3.
    pub(crate) const V3_DISTRIBUTOR: Self = Self {
        size: 0x1_0000,
        alignment: 0x1_0000,
    };
    /// The redistributor of one vCPU.
    pub(crate) const REDISTRIBUTOR: Self = Self {
        size: 0x2_0000,
        alignment: 0x1_0000,
    };
    /// An ITS: its registers, and the frame that devices write to.
    pub(crate) const ITS: Self = Self {
        size: 0x2_0000,
        alignment: 0x1_0000,
    };
}

/// The guest's memory as far as stage 2 can map it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// The number of bits of an address.
    pub(crate) bits: u32,
}

impl Memory {
    const fn size(self) -> u64 {
        1_u64.wrapping_shl(self.bits)
    }

    /// Whether something may be put somewhere. In this order: `Exists` if it has been put somewhere
    /// before; `Invalid` if address or size isn't aligned, or the end wraps around; `TooBig` if it
    /// is not all in memory.
    pub(crate) const fn check(
        self,
        before: Option<u64>,
        base: u64,
        alignment: u64,
        size: u64,
    ) -> Result<(), Refusal> {
        if before.is_some() {
            return Err(Refusal::Exists);
        }
        if (base | size) & alignment.wrapping_sub(1) != 0 {
            return Err(Refusal::Invalid);
        }
        let Some(end) = base.checked_add(size) else {
            return Err(Refusal::Invalid);
        };

        // Something empty at the very end is beyond it.
        if base >= self.size() || end > self.size() {
            return Err(Refusal::TooBig);
        }
        Ok(())
    }

    /// [`check`](Self::check) for a frame.
    pub(crate) const fn check_frame(
        self,
        before: Option<u64>,
        base: u64,
        kind: FrameKind,
    ) -> Result<(), Refusal> {
        self.check(before, base, kind.alignment, kind.size)
    }
}

/// Whether two ranges meet. An empty one meets a range that it is inside of. Sums wrap.
const fn meet(base: u64, size: u64, other: u64, other_size: u64) -> bool {
    base.wrapping_add(size) > other && base < other.wrapping_add(other_size)
}

/// Whether a GICv2's distributor and CPU interface can be where they are.
pub(crate) const fn v2_can_be(distributor: u64, cpu_interface: u64) -> bool {
    let Some(end) = distributor.checked_add(FrameKind::V2_DISTRIBUTOR.size) else {
        return false;
    };
    let Some(cpu_interface_end) = cpu_interface.checked_add(FrameKind::V2_CPU_INTERFACE.size)
    else {
        return false;
    };

    end <= cpu_interface || cpu_interface_end <= distributor
}

register_values! {
    /// `KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION`: how user space names a region.
    pub(crate) struct RegionAttr {
        /// Its number, of which only the low eight bits count.
        Index = 11:0;
        /// None is defined.
        Flags = 15:12;
        /// Where it is.
        Base = 51:16;
        /// How many redistributors it is for.
        Count = 63:52;
    }
}

impl RegionAttr {
    /// Its number.
    pub(crate) const fn index(self) -> u32 {
        // C keeps it in a byte. CAST: Twelve bits.
        self.get(Self::Index) as u32 & 0xff
    }

    /// What it asks for; `Invalid` without a count, or with a flag.
    pub(crate) const fn request(self) -> Result<Request, Refusal> {
        if !self.has(Self::Count) || self.has(Self::Flags) {
            return Err(Refusal::Invalid);
        }
        Ok(Request {
            index: self.index(),
            base: self.into_raw() & Self::Base.mask(),
            // CAST: Twelve bits.
            count: self.get(Self::Count) as u32,
        })
    }
}

/// A region that user space asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Its number.
    pub(crate) index: u32,
    /// Where it is to be.
    pub(crate) base: u64,
    /// How many redistributors it is for, or 0 for as many as there are vCPUs.
    pub(crate) count: u32,
}

impl Request {
    /// `KVM_VGIC_V3_ADDR_TYPE_REDIST`: one region for all.
    pub(crate) const fn for_all(base: u64) -> Self {
        Self {
            index: 0,
            base,
            count: 0,
        }
    }
}

/// A region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// Where it starts.
    pub(crate) base: u64,
    /// How many redistributors it is for, or 0 for as many as there are vCPUs.
    pub(crate) count: u32,
    /// How many are in it; they are in it one after the other.
    pub(crate) used: u32,
}

impl Region {
    const fn redistributors(self, vcpus: u32) -> u64 {
        // CAST: widening.
        (if self.count == 0 { vcpus } else { self.count }) as u64
    }

    /// How many bytes it has.
    pub(crate) const fn size(self, vcpus: u32) -> u64 {
        self.redistributors(vcpus)
            .wrapping_mul(FrameKind::REDISTRIBUTOR.size)
    }

    /// Whether no more redistributors go into it.
    pub(crate) const fn is_full(self) -> bool {
        self.count != 0 && self.used >= self.count
    }

    /// Where its redistributor number `slot` is.
    pub(crate) const fn slot(self, slot: u32) -> u64 {
        // CAST: widening.
        self.base
            .wrapping_add((slot as u64).wrapping_mul(FrameKind::REDISTRIBUTOR.size))
    }

    /// How user space gets to see it.
    pub(crate) const fn attr(self, index: u32) -> RegionAttr {
        // CAST: widening. As in C nothing is cut off the base: of a region for all it is what user
        // space has said.
        RegionAttr::from_raw(index as u64 | self.base | RegionAttr::Count.place(self.count as u64))
    }
}

/// The regions of a GICv3, by number, and what the answers depend on besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Regions<'a> {
    /// The regions.
    pub(crate) list: &'a [Region],
    /// How many vCPUs there are.
    pub(crate) vcpus: u32,
    /// Where the distributor is.
    pub(crate) distributor: Option<u64>,
    /// The guest's memory.
    pub(crate) memory: Memory,
}

impl Regions<'_> {
    /// Whether something meets a region.
    fn meet(&self, base: u64, size: u64) -> bool {
        self.list
            .iter()
            .any(|region| meet(base, size, region.base, region.size(self.vcpus)))
    }

    /// Whether a further region may be what user space asks for; the region, if so. In this order:
    /// `Invalid` if it wraps around, if the first is not number 0, or if one for all comes to counted
    /// ones; `Exists` for one for all where there is one; `Invalid` for a number that is not the
    /// next, for one for all that meets the distributor, for one that meets another; then as
    /// [`Memory::check`].
    ///
    /// A counted region may come to one for all, which goes on growing, if it has number 1. Whether
    /// a counted one meets the distributor is not asked here, but by
    /// [`can_be`](Self::can_be).
    pub(crate) fn check(&self, request: Request) -> Result<Region, Refusal> {
        let region = Region {
            base: request.base,
            count: request.count,
            used: 0,
        };
        let size = region.size(self.vcpus);

        if region.base.checked_add(size).is_none() {
            return Err(Refusal::Invalid);
        }
        match self.list.last() {
            None if request.index != 0 => return Err(Refusal::Invalid),
            None => (),
            Some(last) if request.count == 0 && last.count != 0 => return Err(Refusal::Invalid),
            Some(_) if request.count == 0 => return Err(Refusal::Exists),
            // CAST: widening.
            Some(_) if request.index as usize != self.list.len() => return Err(Refusal::Invalid),
            Some(_) => (),
        }
        if let (0, Some(distributor)) = (request.count, self.distributor) {
            if meet(
                region.base,
                size,
                distributor,
                FrameKind::V3_DISTRIBUTOR.size,
            ) {
                return Err(Refusal::Invalid);
            }
        }
        if self.meet(region.base, size) {
            return Err(Refusal::Invalid);
        }
        self.memory
            .check(None, region.base, FrameKind::REDISTRIBUTOR.alignment, size)?;
        Ok(region)
    }

    /// Whether all that has been placed can be where it is, with as many vCPUs as there are now.
    pub(crate) fn can_be(&self) -> bool {
        let fits = |region: &Region| {
            self.memory
                .check(
                    None,
                    region.base,
                    FrameKind::REDISTRIBUTOR.alignment,
                    region.size(self.vcpus),
                )
                .is_ok()
        };

        match self.distributor {
            Some(base) if base.checked_add(FrameKind::V3_DISTRIBUTOR.size).is_none() => false,
            _ if !self.list.iter().all(fits) => false,
            Some(base) => !self.meet(base, FrameKind::V3_DISTRIBUTOR.size),
            None => true,
        }
    }

    /// The number of the first region that another redistributor goes into.
    pub(crate) fn free(&self) -> Option<usize> {
        self.list.iter().position(|region| !region.is_full())
    }

    /// Whether `GICR_TYPER.Last` is to be set of a redistributor: of the last of its region, but not
    /// if the region is full and another one that is used starts where it ends.
    pub(crate) fn is_last(&self, index: usize, slot: u32) -> bool {
        let Some(region) = self.list.get(index) else {
            return false;
        };
        // With nothing in it C takes the last to be the largest number that there is.
        if slot < region.used.wrapping_sub(1) {
            return false;
        }
        let end = region.base.wrapping_add(region.size(self.vcpus));

        !(region.count != 0
            && slot == region.count.wrapping_sub(1)
            && self
                .list
                .iter()
                .any(|next| next.base == end && next.used != 0))
    }
}

/// `KVM_DEV_ARM_VGIC_GRP_NR_IRQS`: how many SPIs there are to be, if so many interrupts are asked
/// for, and `before` is how many SPIs there are. `Invalid` for less than 64 interrupts, more than
/// 1023, or no multiple of 32; then `Busy` if there are SPIs.
pub(crate) const fn spis_of(irqs: u32, before: u32) -> Result<u32, Refusal> {
    if irqs < 64 || irqs > 1023 || irqs % 32 != 0 {
        return Err(Refusal::Invalid);
    }
    if before != 0 {
        return Err(Refusal::Busy);
    }
    Ok(irqs.wrapping_sub(32))
}
