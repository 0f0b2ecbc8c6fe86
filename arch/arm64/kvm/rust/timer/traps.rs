// SPDX-License-Identifier: GPL-2.0

//! Which timer and counter accesses of a guest must trap, and the `CNTHCTL_EL2` bits for that.
//!
//! Only VHE hosts come here: without VHE, EL2 sets its own traps at each guest entry.
//!
//! Mirrors: arch/arm64/kvm/arch_timer.c: assign_clear_set_bit, timer_set_traps;
//!     include/clocksource/arm_arch_timer.h: CNTHCTL_EL1PCTEN, CNTHCTL_EL1PCEN, CNTHCTL_ECV,
//!     CNTHCTL_EL1TVT, CNTHCTL_EL1TVCT, CNTHCTL_EL1NVPCT, CNTHCTL_EL1NVVCT
#![forbid(unsafe_code)]

/// Changes to `CNTHCTL_EL2` in its VHE layout (Arm ARM, `CNTHCTL_EL2`, when `HCR_EL2.E2H` is 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CnthctlUpdate {
    /// Bits to clear.
    pub(crate) clear: u64,
    /// Bits to set.
    pub(crate) set: u64,
}

/// Bits of `CNTHCTL_EL2`, VHE layout unless said.
pub(crate) mod bits {
    use crate::arm64::values::Cnthctl;

    /// EL0/EL1 may access the physical counter.
    pub(crate) const EL1PCTEN: u64 = Cnthctl::EL1PCTEN.mask();
    /// EL0/EL1 may access the physical timer.
    pub(crate) const EL1PTEN: u64 = Cnthctl::EL1PTEN.mask();
    /// `CNTPOFF_EL2` is in effect.
    pub(crate) const ECV: u64 = Cnthctl::ECV.mask();
    /// EL0/EL1 accesses to the virtual timer trap.
    pub(crate) const EL1TVT: u64 = Cnthctl::EL1TVT.mask();
    /// EL0/EL1 accesses to the virtual counter trap.
    pub(crate) const EL1TVCT: u64 = Cnthctl::EL1TVCT.mask();
    /// Accesses to the EL1 physical timer by its `_EL02` names trap under NV2.
    pub(crate) const EL1NVPCT: u64 = Cnthctl::EL1NVPCT.mask();
    /// Accesses to the EL1 virtual timer by its `_EL02` names trap under NV2.
    pub(crate) const EL1NVVCT: u64 = Cnthctl::EL1NVVCT.mask();

    /// Those that let an access pass.
    pub(super) const ENABLES: u64 = EL1PCTEN | EL1PTEN;
    /// Those that decide what traps.
    pub(super) const ALL: u64 = ENABLES | EL1TVT | EL1TVCT | EL1NVPCT | EL1NVVCT;

    /// EL0/EL1 may access the physical counter, layout without VHE.
    pub(crate) const NVHE_EL1PCTEN: u64 = Cnthctl::EL0PCTEN.mask();
    /// Both enables, layout without VHE.
    pub(super) const NVHE_ENABLES: u64 = NVHE_EL1PCTEN | Cnthctl::EL0VCTEN.mask();
    /// How far the two above are from their places in the VHE layout.
    pub(crate) const VHE_SHIFT: u32 = 10;
}

/// What a guest hypervisor asked for in its own `CNTHCTL_EL2`, while its guest runs: accesses that
/// trap, each by the bit that says so, of whichever polarity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GuestCnthctl {
    traps: u64,
}

impl GuestCnthctl {
    /// Takes the register's value. Without `e2h` only the two enable bits have a meaning here, in
    /// another place: KVM's nested guests have fixed E2H.
    #[inline]
    pub(crate) const fn new(value: u64, e2h: bool) -> Self {
        // NO-OVERFLOW: two low bits move up by ten.
        let vhe = if e2h {
            value
        } else {
            (value & bits::NVHE_ENABLES) << bits::VHE_SHIFT
        };

        Self {
            traps: (!vhe & bits::ENABLES) | (vhe & (bits::EL1NVPCT | bits::EL1NVVCT)),
        }
    }
}

/// Everything that decides about traps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TrapInputs {
    /// The vCPU is at virtual EL2 and FEAT_ECV lets its EL1 timer accesses trap; the value is its
    /// E2H, which decides under which names it accesses them.
    pub(crate) hyp_with_ecv: Option<bool>,
    /// The direct physical timer has an offset that the hardware cannot apply.
    pub(crate) physical_offset_in_software: bool,
    /// The direct virtual timer has an offset that the hardware cannot apply.
    pub(crate) virtual_offset_in_software: bool,
    /// The vCPU runs the guest of a guest hypervisor, which may want traps of its own.
    pub(crate) guest_hypervisor: Option<GuestCnthctl>,
}

impl TrapInputs {
    /// Nothing that asks for a trap.
    pub(crate) const PLAIN: Self = Self {
        hyp_with_ecv: None,
        physical_offset_in_software: false,
        virtual_offset_in_software: false,
        guest_hypervisor: None,
    };

    /// The change to `CNTHCTL_EL2`.
    #[inline]
    pub(crate) const fn cnthctl(self) -> CnthctlUpdate {
        let mut traps = match self.hyp_with_ecv {
            Some(true) => bits::EL1NVVCT | bits::EL1NVPCT,
            Some(false) => bits::EL1TVT | bits::EL1PTEN,
            None => 0,
        };

        if self.physical_offset_in_software {
            traps |= bits::EL1PTEN | bits::EL1PCTEN;
        }
        if self.virtual_offset_in_software {
            traps |= bits::EL1TVT | bits::EL1TVCT;
        }
        // A guest hypervisor can only add traps.
        if let Some(guest) = self.guest_hypervisor {
            traps |= guest.traps;
        }

        // The physical enables are of opposite polarity to the rest.
        let set = traps ^ bits::ENABLES;

        CnthctlUpdate {
            clear: bits::ALL & !set,
            set,
        }
    }
}
