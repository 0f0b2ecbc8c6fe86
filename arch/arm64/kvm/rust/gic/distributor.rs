// SPDX-License-Identifier: GPL-2.0

//! The registers of a distributor that are not about one interrupt.
//!
//! Source: GIC Architecture Specification (IHI 0069), `GICD_CTLR`, `GICD_TYPER`, `GICD_TYPER2`,
//! `GICD_IIDR`, `GICD_PIDR2`; version 2.0 (IHI 0048), `GICD_TYPER`.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-mmio-v3.c: vgic_mmio_read_v3_misc, vgic_mmio_write_v3_misc,
//!     vgic_mmio_uaccess_write_v3_misc, vgic_mmio_read_v3_idregs;
//!     arch/arm64/kvm/vgic/vgic-mmio-v2.c: vgic_mmio_read_v2_misc, vgic_mmio_write_v2_misc,
//!     vgic_mmio_uaccess_write_v2_misc; arch/arm64/kvm/vgic/vgic.h: PRODUCT_ID_KVM,
//!     IMPLEMENTER_ARM, INTERRUPT_ID_BITS_SPIS, INTERRUPT_ID_BITS_ITS;
//!     include/kvm/arm_vgic.h: KVM_VGIC_IMP_REV_2, KVM_VGIC_IMP_REV_3
#![forbid(unsafe_code)]

use super::{
    frame::Who,
    refusal::Refusal, //
};
use crate::arm64::fields::register_values;

register_values! {
    /// `GICD_CTLR` of a GICv3 with one security state.
    pub(crate) struct GicdCtlr {
        /// Interrupts of group 1 are forwarded.
        EnableGrp1 = 1;
        /// Affinity routing.
        ARE = 4;
        /// One security state.
        DS = 6;
        /// SGIs have no active state: the hardware delivers them.
        nASSGIreq = 8;
    }

    /// `GICD_TYPER`.
    pub(crate) struct GicdTyper {
        /// Interrupts in units of 32, less one.
        ITLinesNumber = 4:0;
        /// There are LPIs.
        LPIS = 17;
        /// The number of bits of an INTID, less one.
        IDbits = 23:19;
    }

    /// `GICD_TYPER` of a GICv2.
    pub(crate) struct GicdV2Typer {
        /// Interrupts in units of 32, less one.
        ITLinesNumber = 4:0;
        /// CPUs, less one.
        CPUNumber = 7:5;
    }

    /// `GICD_TYPER2`.
    pub(crate) struct GicdTyper2 {
        /// SGIs without an active state can be had.
        nASSGIcap = 8;
    }

    /// `GICD_IIDR`.
    pub(crate) struct GicdIidr {
        /// Who made it.
        Implementer = 11:0;
        /// Which revision.
        Revision = 15:12;
        /// What.
        ProductID = 31:24;
    }
}

/// JEP106 of Arm.
pub(super) const IMPLEMENTER: u64 = 0x43b;
/// Our own.
pub(super) const PRODUCT: u64 = 0x4b;

/// `GICD_PIDR2`, `GICR_PIDR2`: architecture version 3.
pub(crate) const PIDR2: u32 = 0x3b;

/// How the GIC behaves in some corners: a VM goes on with what it was started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Revision {
    /// Groups are the guest's.
    Two,
    /// And `GICR_CTLR` shows how LPIs are invalidated and disabled.
    Three,
}

impl Revision {
    /// What a new GIC has.
    pub(crate) const LATEST: Self = Self::Three;

    /// The number.
    pub(crate) const fn get(self) -> u32 {
        match self {
            Self::Two => 2,
            Self::Three => 3,
        }
    }

    /// `GICD_IIDR`.
    pub(crate) const fn iidr(self) -> u32 {
        // CAST: 32 bits; widening.
        GicdIidr::ZERO
            .put(GicdIidr::ProductID, PRODUCT)
            .put(GicdIidr::Revision, self.get() as u64)
            .put(GicdIidr::Implementer, IMPLEMENTER)
            .into_raw() as u32
    }

    /// What user space chooses by a write of `GICD_IIDR`: all else must be as it is. Of a GICv2 the
    /// caller has to let user space write groups from then on.
    pub(crate) const fn of_iidr(value: u32) -> Result<Self, Refusal> {
        if value == Self::Two.iidr() {
            Ok(Self::Two)
        } else if value == Self::Three.iidr() {
            Ok(Self::Three)
        } else {
            Err(Refusal::Invalid)
        }
    }
}

/// What of a GICv3's `GICD_CTLR` can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    /// Interrupts are forwarded.
    pub(crate) enabled: bool,
    /// SGIs are delivered by the hardware.
    pub(crate) direct_sgis: bool,
}

impl Control {
    /// `GICD_CTLR`.
    pub(crate) const fn ctlr(self) -> u32 {
        let mut ctlr = GicdCtlr::ZERO.with(GicdCtlr::ARE).with(GicdCtlr::DS);

        if self.enabled {
            ctlr = ctlr.with(GicdCtlr::EnableGrp1);
        }
        if self.direct_sgis {
            ctlr = ctlr.with(GicdCtlr::nASSGIreq);
        }
        // CAST: The fields are in the low half.
        ctlr.into_raw() as u32
    }

    /// What a write makes of it, where SGIs can be delivered by the hardware or not. A guest can't
    /// change how SGIs are delivered while interrupts are, and go on being, forwarded.
    pub(crate) const fn written(self, who: Who, value: u32, can_direct_sgis: bool) -> Self {
        // CAST: widening.
        let value = GicdCtlr::from_raw(value as u64);
        let enabled = value.has(GicdCtlr::EnableGrp1);
        let keeps_sgis = matches!(who, Who::Guest) && self.enabled && enabled;

        Self {
            enabled,
            direct_sgis: if keeps_sgis {
                self.direct_sgis
            } else {
                can_direct_sgis && value.has(GicdCtlr::nASSGIreq)
            },
        }
    }
}

/// `GICD_CTLR` of a GICv2, whose only bit says whether interrupts are forwarded.
pub(crate) const fn v2_ctlr(enabled: bool) -> u32 {
    // CAST: 0 or 1.
    enabled as u32
}

/// Whether a write of it has them forwarded.
pub(crate) const fn v2_enables(value: u32) -> bool {
    value & 1 != 0
}

/// `ITLinesNumber`.
const fn lines(irqs: u32) -> u64 {
    // CAST: widening.
    (irqs / 32).wrapping_sub(1) as u64
}

/// `GICD_TYPER` of a GICv3 with so many interrupts, and LPIs or not.
pub(crate) const fn typer(irqs: u32, lpis: bool) -> u32 {
    let typer = GicdTyper::ZERO.put(GicdTyper::ITLinesNumber, lines(irqs));

    // CAST: The fields are in the low half.
    if lpis {
        typer.put(GicdTyper::IDbits, 16 - 1).with(GicdTyper::LPIS)
    } else {
        typer.put(GicdTyper::IDbits, 10 - 1)
    }
    .into_raw() as u32
}

/// `GICD_TYPER` of a GICv2 with so many interrupts and vCPUs.
pub(crate) const fn v2_typer(irqs: u32, vcpus: u32) -> u32 {
    // CAST: The fields are in the low half; widening.
    GicdV2Typer::ZERO
        .put(GicdV2Typer::ITLinesNumber, lines(irqs))
        .put(GicdV2Typer::CPUNumber, vcpus.wrapping_sub(1) as u64)
        .into_raw() as u32
}

/// `GICD_TYPER2`, where SGIs can be delivered by the hardware or not.
pub(crate) const fn typer2(direct_sgis: bool) -> u32 {
    let typer2 = GicdTyper2::ZERO.put(GicdTyper2::nASSGIcap, direct_sgis as u64);

    // CAST: The field is in the low half; above: 0 or 1.
    typer2.into_raw() as u32
}

/// Whether SGIs can be delivered by the hardware once user space has written `GICD_TYPER2`. It can
/// always write what there is; else `Busy` if the GIC is initialised, `Invalid` for other bits, or
/// for this one on hardware that doesn't do it.
pub(crate) const fn direct_sgis_of_typer2(
    before: bool,
    value: u32,
    initialised: bool,
    hardware_does: bool,
) -> Result<bool, Refusal> {
    if value == typer2(before) {
        return Ok(before);
    }
    if initialised {
        return Err(Refusal::Busy);
    }
    if value & !typer2(true) != 0 || (!hardware_does && value != 0) {
        return Err(Refusal::Invalid);
    }
    Ok(value != 0)
}
