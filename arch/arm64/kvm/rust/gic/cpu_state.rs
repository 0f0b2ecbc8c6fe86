// SPDX-License-Identifier: GPL-2.0

//! The state of a vCPU's CPU interface as user space saves and restores it: the registers of a
//! GICv2's, and the system registers of a GICv3's.
//!
//! Both are views of `ICH_VMCR_EL2`, and of `GICH_VMCR` of a GICv2 in hardware, whose layout is the
//! same but for the priority mask, of which it has the upper five bits.
//!
//! A guest's own writes of these registers are another matter (`icc.rs`): they know minimums of
//! binary points, user space does not.
//!
//! Source: GIC Architecture Specification (IHI 0069), `ICC_*_EL1`, `ICH_VMCR_EL2`; version 2.0
//! (IHI 0048), `GICC_*`, `GICH_VMCR`; Documentation/virt/kvm/devices/arm-vgic.rst, arm-vgic-v3.rst.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v2.c: vgic_mmio_read_vcpuif, vgic_mmio_write_vcpuif,
//!     vgic_mmio_read_apr, vgic_mmio_write_apr; arch/arm64/kvm/vgic/vgic-v2.c: vgic_v2_set_vmcr,
//!     vgic_v2_get_vmcr; arch/arm64/kvm/vgic/vgic-v3.c: vgic_v3_set_vmcr, vgic_v3_get_vmcr,
//!     vgic_v3_reset; arch/arm64/kvm/vgic/vgic.h: vgic_v3_max_apr_idx, KVM_ICC_SRE_EL2,
//!     kvm_get_guest_vtr_el2; arch/arm64/kvm/vgic-sys-reg-v3.c: set_gic_ctlr, get_gic_ctlr,
//!     set_gic_pmr, get_gic_pmr, set_gic_bpr0, get_gic_bpr0, set_gic_bpr1, get_gic_bpr1,
//!     set_gic_grpen0, get_gic_grpen0, set_gic_grpen1, get_gic_grpen1, set_gic_ap0r, get_gic_ap0r,
//!     set_gic_ap1r, get_gic_ap1r, set_gic_sre, set_gic_ich_apr, get_gic_ich_apr, set_gic_icc_sre,
//!     set_gic_ich_vtr, gic_v3_icc_reg_descs, attr_to_id
#![forbid(unsafe_code)]

use super::{
    distributor::{
        IMPLEMENTER,
        PRODUCT, //
    },
    frame_gicv2::Gicc,
    icc::Icc,
    list_register::{
        LrIndex,
        Vtr, //
    },
    priority::{
        ApIndex,
        Group, //
    },
    refusal::Refusal,
    vmcr::{
        IccCtlr,
        Vmcr, //
    },
};
use crate::arm64::{
    encoding::Encoding,
    fields::register_values, //
};

/// Which GIC a guest has, and on which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interface {
    /// A GICv2, on a GICv2.
    V2OnV2,
    /// A GICv2, on a GICv3.
    V2OnV3,
    /// A GICv3.
    V3,
}

/// Bits of a priority that `GICH_VMCR` does not have.
const V2_PRIORITY: u64 = 0xf8;

impl Vmcr {
    const ALL: Self = Self::ZERO
        .with(Self::VENG0)
        .with(Self::VENG1)
        .with(Self::VAckCtl)
        .with(Self::VFIQEn)
        .with(Self::VCBPR)
        .with(Self::VEOIM)
        .with(Self::VBPR1)
        .with(Self::VBPR0)
        .with(Self::VPMR);

    /// As an interface has it: what user space reads shows no more, and a write leaves no more. A
    /// GICv3 has interrupts of group 0 as FIQs, always.
    #[must_use]
    pub(crate) const fn of_interface(self, interface: Interface) -> Self {
        let all = self.and(Self::ALL);

        match interface {
            Interface::V2OnV2 => all.put(Self::VPMR, all.get(Self::VPMR) & V2_PRIORITY),
            Interface::V2OnV3 => all,
            Interface::V3 => all.with(Self::VFIQEn).without(Self::VAckCtl),
        }
    }
}

register_values! {
    /// `GICC_CTLR`.
    struct GiccCtlr {
        /// The enables, AckCtl, FIQEn and CBPR, where `GICH_VMCR` has them too.
        Low = 4:0;
        /// Deactivation is separate from the end of interrupt.
        EOImode = 9;
    }

    /// `GICC_IIDR`.
    struct GiccIidr {
        /// Who made it.
        Implementer = 11:0;
        /// The version of the architecture.
        Architecture = 19:16;
        /// What.
        ProductID = 31:20;
    }
}

/// The bits of `GICC_CTLR` that there are.
const GICC_CTLR: u64 = GiccCtlr::Low.mask() | GiccCtlr::EOImode.mask();

// CAST: 32 bits.
const GICC_IIDR: u32 = GiccIidr::ZERO
    .put(GiccIidr::ProductID, PRODUCT)
    .put(GiccIidr::Architecture, 2)
    .put(GiccIidr::Implementer, IMPLEMENTER)
    .into_raw() as u32;

/// How many of the low bits of a priority the mask that user space gets to see of a GICv2 leaves out:
/// it has been exported as `GICH_VMCR` has it.
const V2_MASK_SHIFT: u32 = 3;

impl Gicc {
    /// What is read. None of `GICC_APR`, which the VMCR doesn't have, and `GICC_DIR`.
    pub(crate) const fn read(self, vmcr: Vmcr, interface: Interface) -> Option<u32> {
        let vmcr = vmcr.of_interface(interface);

        // CAST: Fields of the low half.
        Some(match self {
            Self::Ctlr => (vmcr.into_raw() & GICC_CTLR) as u32,
            Self::Pmr => (vmcr.get(Vmcr::VPMR) as u32) >> V2_MASK_SHIFT,
            Self::Bpr => vmcr.get(Vmcr::VBPR0) as u32,
            Self::Abpr => vmcr.get(Vmcr::VBPR1) as u32,
            Self::Iidr => GICC_IIDR,
            Self::Apr | Self::Dir => return None,
        })
    }

    /// The VMCR after a write; what it doesn't have leaves it as it is.
    #[must_use]
    pub(crate) const fn written(self, vmcr: Vmcr, interface: Interface, value: u32) -> Vmcr {
        // CAST: widening.
        let value = value as u64;
        let vmcr = vmcr.of_interface(interface);

        match self {
            Self::Ctlr => Vmcr::from_raw(vmcr.into_raw() & !GICC_CTLR | value & GICC_CTLR),
            Self::Pmr => vmcr.put(Vmcr::VPMR, value.wrapping_shl(V2_MASK_SHIFT)),
            Self::Bpr => vmcr.put(Vmcr::VBPR0, value),
            Self::Abpr => vmcr.put(Vmcr::VBPR1, value),
            Self::Apr | Self::Iidr | Self::Dir => vmcr,
        }
        .of_interface(interface)
    }
}

/// What a vCPU's interface has of what the hardware's has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The number of bits of a priority.
    pub(crate) priority_bits: u32,
    /// How many bits an INTID has, as `ICC_CTLR_EL1` says it.
    pub(crate) id_bits: u32,
}

impl Limits {
    /// Those of a new vCPU: the hardware's.
    pub(crate) const fn of(vtr: Vtr) -> Self {
        Self {
            // CAST: Three bits.
            priority_bits: (vtr.get(Vtr::PRIbits) as u32).wrapping_add(1),
            id_bits: vtr.get(Vtr::IDbits) as u32,
        }
    }

    /// Whether user space can access an active-priority register. Of a GICv3 to access one that it
    /// can't is `Invalid`; of a GICv2 those read as zero and ignore writes, and on a GICv2 there is but
    /// the first.
    ///
    /// More than seven bits count as five, as for C.
    pub(crate) const fn have(self, index: ApIndex) -> bool {
        let last = match self.priority_bits {
            7 => 3,
            6 => 1,
            _ => 0,
        };

        index.get() <= last
    }
}

/// Which active-priority register of group 1 a word of `GICC_APR` is, if any.
pub(crate) const fn gicc_apr(word: u32, interface: Interface, limits: Limits) -> Option<ApIndex> {
    let index = ApIndex::wrapping(word);

    match interface {
        Interface::V2OnV2 if word != 0 => None,
        Interface::V2OnV2 => Some(index),
        _ if limits.have(index) => Some(index),
        _ => None,
    }
}

/// A system register that user space accesses through the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CpuRegister {
    /// One that the VMCR has.
    Vmcr(InVmcr),
    /// `ICC_AP0R<n>_EL1`, `ICC_AP1R<n>_EL1`.
    Apr(Group, ApIndex),
    /// `ICC_SRE_EL1`.
    Sre,
    /// Of the guest's own hypervisor: not there unless it may have one.
    Nested(Nested),
}

/// A system register that is a view of the VMCR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InVmcr {
    /// `ICC_PMR_EL1`.
    Pmr,
    /// `ICC_BPR0_EL1`, `ICC_BPR1_EL1`.
    Bpr(Group),
    /// `ICC_CTLR_EL1`.
    Ctlr,
    /// `ICC_IGRPEN0_EL1`, `ICC_IGRPEN1_EL1`.
    Igrpen(Group),
}

/// A system register of the guest's own hypervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nested {
    /// `ICH_AP0R<n>_EL2`, `ICH_AP1R<n>_EL2`; the same limit as without `ICH`.
    Apr(Group, ApIndex),
    /// `ICC_SRE_EL2`, which has one value.
    Sre,
    /// `ICH_HCR_EL2`.
    Hcr,
    /// `ICH_VTR_EL2`, which has one value.
    Vtr,
    /// `ICH_VMCR_EL2`.
    Vmcr,
    /// `ICH_LR<n>_EL2`.
    Lr(LrIndex),
}

/// The value of `ICC_SRE_EL2`: system registers, nothing bypassed.
pub(crate) const SRE_EL2: u64 = 0xf;

/// The register that an attribute of `KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS` names, in its low 16 bits.
pub(crate) const fn encoding_of(attr: u64) -> Encoding {
    // CAST: Of the low half; each number is cut to its width.
    let attr = attr as u32;

    Encoding::new(attr >> 14, attr >> 11, attr >> 7, attr >> 3, attr)
}

impl CpuRegister {
    /// The register of an encoding, if user space gets to see it.
    pub(crate) const fn decode(encoding: Encoding) -> Option<Self> {
        if encoding.op0() != 3 || encoding.crn() == 12 && encoding.op1() == 4 {
            return match Nested::decode(encoding) {
                Some(nested) => Some(Self::Nested(nested)),
                None => None,
            };
        }
        if encoding.into_raw() == Encoding::new(3, 0, 12, 12, 5).into_raw() {
            return Some(Self::Sre);
        }
        Some(match Icc::decode(encoding) {
            Some(Icc::Pmr) => Self::Vmcr(InVmcr::Pmr),
            Some(Icc::Bpr(group)) => Self::Vmcr(InVmcr::Bpr(group)),
            Some(Icc::Ctlr) => Self::Vmcr(InVmcr::Ctlr),
            Some(Icc::Igrpen(group)) => Self::Vmcr(InVmcr::Igrpen(group)),
            Some(Icc::Apr(group, index)) => Self::Apr(group, index),
            _ => return None,
        })
    }
}

impl Nested {
    const fn decode(encoding: Encoding) -> Option<Self> {
        let op2 = encoding.op2();

        if encoding.op0() != 3 {
            return None;
        }
        Some(match (encoding.crm(), op2) {
            (8, 0..=3) => Self::Apr(Group::Zero, ApIndex::wrapping(op2)),
            (9, 0..=3) => Self::Apr(Group::One, ApIndex::wrapping(op2)),
            (9, 5) => Self::Sre,
            (11, 0) => Self::Hcr,
            (11, 1) => Self::Vtr,
            (11, 7) => Self::Vmcr,
            (12, _) => Self::Lr(LrIndex::wrapping(op2)),
            (13, _) => Self::Lr(LrIndex::wrapping(op2 | 8)),
            _ => return None,
        })
    }
}

/// `Invalid` for an `ICC_SRE_EL1` without system registers; any other write is ignored.
pub(crate) const fn check_sre(value: u64) -> Result<(), Refusal> {
    if value & 1 == 0 {
        return Err(Refusal::Invalid);
    }
    Ok(())
}

/// `Invalid` for a write of anything but what a register holds, which never changes.
pub(crate) const fn check_constant(value: u64, constant: u64) -> Result<(), Refusal> {
    if value != constant {
        return Err(Refusal::Invalid);
    }
    Ok(())
}

/// The guest's `ICH_VTR_EL2`: 16-bit INTIDs, no Aff3 of SGIs, no direct injection.
pub(crate) const fn guest_vtr(vtr: Vtr) -> u64 {
    vtr.without(Vtr::DVIM)
        .without(Vtr::A3V)
        .without(Vtr::IDbits)
        .with(Vtr::nV4)
        .into_raw()
}

/// What of a GICv3's CPU interface user space saves, less the active priorities.
#[cfg_attr(
    any(test, all(CONFIG_KVM_ARM64_RUST_KUNIT_TEST, not(nvhe))),
    derive(Debug)
)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct CpuState {
    /// The VMCR, as it is for the interface.
    pub(crate) vmcr: Vmcr,
    /// What the vCPU has of the hardware's abilities.
    pub(crate) limits: Limits,
}

impl CpuState {
    /// What user space reads.
    pub(crate) const fn read(self, register: InVmcr, vtr: Vtr) -> u64 {
        // CAST: widening.
        match register {
            InVmcr::Pmr => self.vmcr.get(Vmcr::VPMR),
            InVmcr::Bpr(group) => self.vmcr.binary_point(group) as u64,
            InVmcr::Igrpen(group) => self.vmcr.is_enabled(group) as u64,
            InVmcr::Ctlr => self.control(vtr).into_raw(),
        }
    }

    /// What it is after user space has written a register. `Invalid`, and as it was, for an
    /// `ICC_CTLR_EL1` with more bits of priorities or INTIDs than the vCPU has, or another ability
    /// to raise SErrors or to name Aff3 than the hardware has.
    pub(crate) const fn written(
        self,
        register: InVmcr,
        value: u64,
        vtr: Vtr,
    ) -> Result<Self, Refusal> {
        let mut limits = self.limits;
        let vmcr = match register {
            InVmcr::Pmr => self.vmcr.put(Vmcr::VPMR, value),
            InVmcr::Bpr(Group::Zero) => self.vmcr.put(Vmcr::VBPR0, value),
            InVmcr::Bpr(Group::One) if self.vmcr.has(Vmcr::VCBPR) => self.vmcr,
            InVmcr::Bpr(Group::One) => self.vmcr.put(Vmcr::VBPR1, value),
            // CAST: One bit.
            InVmcr::Igrpen(group) => self.vmcr.with_enabled(group, value as u32),
            InVmcr::Ctlr => {
                let control = IccCtlr::from_raw(value);

                // CAST: Three bits each.
                limits = Limits {
                    priority_bits: (control.get(IccCtlr::PRIbits) as u32).wrapping_add(1),
                    id_bits: control.get(IccCtlr::IDbits) as u32,
                };
                if limits.priority_bits > self.limits.priority_bits
                    || limits.id_bits > self.limits.id_bits
                    || control.has(IccCtlr::SEIS) != vtr.has(Vtr::SEIS)
                    || control.has(IccCtlr::A3V) != vtr.has(Vtr::A3V)
                {
                    return Err(Refusal::Invalid);
                }
                self.vmcr
                    .put(Vmcr::VCBPR, control.get(IccCtlr::CBPR))
                    .put(Vmcr::VEOIM, control.get(IccCtlr::EOImode))
            }
        };

        Ok(Self {
            vmcr: vmcr.of_interface(Interface::V3),
            limits,
        })
    }

    const fn control(self, vtr: Vtr) -> IccCtlr {
        // CAST: widening.
        IccCtlr::ZERO
            .put(
                IccCtlr::PRIbits,
                self.limits.priority_bits.wrapping_sub(1) as u64,
            )
            .put(IccCtlr::IDbits, self.limits.id_bits as u64)
            .put(IccCtlr::SEIS, vtr.get(Vtr::SEIS))
            .put(IccCtlr::A3V, vtr.get(Vtr::A3V))
            .put(IccCtlr::CBPR, self.vmcr.get(Vmcr::VCBPR))
            .put(IccCtlr::EOImode, self.vmcr.get(Vmcr::VEOIM))
    }
}
