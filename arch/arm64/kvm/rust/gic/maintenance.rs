// SPDX-License-Identifier: GPL-2.0

//! What a virtual CPU interface has to tell its hypervisor: the state of its list registers, and
//! the conditions of the maintenance interrupt.
//!
//! A guest hypervisor's are in memory, which no hardware looks at.
//!
//! Source: GIC Architecture Specification (IHI 0069), "Maintenance interrupts", `ICH_MISR_EL2`,
//! `ICH_EISR_EL2`, `ICH_ELRSR_EL2`.
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-v3-nested.c: lr_triggers_eoi, vgic_compute_mi_state,
//!     vgic_v3_get_misr, translate_lr_pintid, mi_state
#![forbid(unsafe_code)]

use crate::{
    arm64::{
        fields::register_values,
        values::IchHcr, //
    },
    gic::{
        list_register::{
            ListRegister,
            LrIndex,
            State, //
        },
        priority::Group,
        vmcr::Vmcr, //
    },
};

register_values! {
    /// The value of `ICH_MISR_EL2`.
    pub(crate) struct Misr {
        /// A list register says that its interrupt has ended.
        EOI = 0;
        /// At most one list register is in use.
        U = 1;
        /// Interrupts have ended that no list register had.
        LRENP = 2;
        /// No list register has a pending interrupt.
        NP = 3;
        /// Group 0 is enabled.
        VGrp0E = 4;
        /// Group 0 is disabled.
        VGrp0D = 5;
        /// Group 1 is enabled.
        VGrp1E = 6;
        /// Group 1 is disabled.
        VGrp1D = 7;
    }
}

/// The state of all list registers of a CPU interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lists {
    count: u32,
    ended: u16,
    empty: u16,
    pending: bool,
}

impl Lists {
    /// Of an interface with so many list registers.
    pub(crate) fn of(count: u32, lr: impl Fn(LrIndex) -> ListRegister) -> Self {
        let none = Self {
            count: 0,
            ended: 0,
            empty: 0,
            pending: false,
        };

        LrIndex::first(count).fold(none, |lists, index| {
            let lr = lr(index);
            let bit = index.bit();

            Self {
                count: lists.count.wrapping_add(1),
                ended: lists.ended | if lr.tells_of_end() { bit } else { 0 },
                empty: lists.empty | if lr.is_empty() { bit } else { 0 },
                pending: lists.pending || lr.state() == State::Pending,
            }
        })
    }

    /// `ICH_EISR_EL2`: those whose interrupt has ended, and that is to be told.
    pub(crate) fn ended(self) -> u16 {
        self.ended
    }

    /// `ICH_ELRSR_EL2`: those that hold nothing.
    pub(crate) fn empty(self) -> u16 {
        self.empty
    }

    fn used(self) -> u32 {
        self.count.wrapping_sub(self.empty.count_ones())
    }

    /// `ICH_MISR_EL2`: all that is to be told.
    pub(crate) fn misr(self, hcr: IchHcr, vmcr: Vmcr) -> Misr {
        let group0 = vmcr.is_enabled(Group::Zero);
        let group1 = vmcr.is_enabled(Group::One);

        [
            (Misr::EOI, self.ended != 0),
            (Misr::U, hcr.has(IchHcr::UIE) && self.used() <= 1),
            (
                Misr::LRENP,
                hcr.has(IchHcr::LRENPIE) && hcr.has(IchHcr::EOIcount),
            ),
            (Misr::NP, hcr.has(IchHcr::NPIE) && !self.pending),
            (Misr::VGrp0E, hcr.has(IchHcr::VGrp0EIE) && group0),
            (Misr::VGrp0D, hcr.has(IchHcr::VGrp0DIE) && !group0),
            (Misr::VGrp1E, hcr.has(IchHcr::VGrp1EIE) && group1),
            (Misr::VGrp1D, hcr.has(IchHcr::VGrp1DIE) && !group1),
        ]
        .into_iter()
        .filter(|(_, holds)| *holds)
        .fold(Misr::ZERO, |misr, (field, _)| misr.with(field))
    }

    /// Whether the maintenance interrupt is raised.
    pub(crate) fn interrupts(self, hcr: IchHcr, vmcr: Vmcr) -> bool {
        hcr.has(IchHcr::En) && self.misr(hcr, vmcr) != Misr::ZERO
    }
}

impl LrIndex {
    /// A mask of this one alone.
    #[inline(always)]
    pub(crate) const fn bit(self) -> u16 {
        // CAST: widening.
        1u16.wrapping_shl(self.get() as u32)
    }

    /// Those of a mask, from the first.
    #[inline(always)]
    pub(crate) fn of_mask(mask: u16) -> impl Iterator<Item = Self> {
        Self::first(u16::BITS).filter(move |index| mask & index.bit() != 0)
    }
}

impl ListRegister {
    /// It holds nothing.
    #[inline(always)]
    pub(crate) const fn is_empty(self) -> bool {
        !self.has(Self::State)
    }

    /// Its interrupt has ended, and that is to be told.
    pub(crate) const fn tells_of_end(self) -> bool {
        self.is_empty() && self.has(Self::EOI) && !self.has(Self::HW)
    }

    /// A guest hypervisor's, as the hardware is to have it. `physical`: what the interrupt that it
    /// names as the physical one stands for itself, if that is one of the host's; none if there is
    /// no such interrupt.
    #[must_use]
    pub(crate) fn for_hardware(self, physical: Option<Option<u32>>) -> Self {
        if !self.has(Self::HW) {
            return self;
        }
        match physical {
            Some(Some(host)) => self.put(Self::pINTID, u64::from(host)),
            // Nothing is deactivated with it: KVM sees to that when it is back.
            Some(None) => self.without(Self::HW).without(Self::pINTID),
            None => self.without(Self::HW),
        }
    }

    /// The state of another one in place of its own.
    #[inline(always)]
    #[must_use]
    pub(crate) const fn with_state_of(self, other: Self) -> Self {
        self.put(Self::State, other.get(Self::State))
    }

    /// The interrupt that has to be deactivated in place of a physical one: the hardware was given
    /// this, and gives back `after`.
    pub(crate) fn ended_physical(self, after: Self) -> Option<u32> {
        self.physical()
            .filter(|_| !self.is_empty() && after.is_empty())
    }
}
