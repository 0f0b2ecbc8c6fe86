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
    /// EL0/EL1 may access the physical counter.
    pub(crate) const EL1PCTEN: u64 = 1 << 10;
    /// EL0/EL1 may access the physical timer.
    pub(crate) const EL1PTEN: u64 = 1 << 11;
    /// `CNTPOFF_EL2` is in effect.
    pub(crate) const ECV: u64 = 1 << 12;
    /// EL0/EL1 accesses to the virtual timer trap.
    pub(crate) const EL1TVT: u64 = 1 << 13;
    /// EL0/EL1 accesses to the virtual counter trap.
    pub(crate) const EL1TVCT: u64 = 1 << 14;
    /// Accesses to the EL1 physical timer by its `_EL02` names trap under NV2.
    pub(crate) const EL1NVPCT: u64 = 1 << 15;
    /// Accesses to the EL1 virtual timer by its `_EL02` names trap under NV2.
    pub(crate) const EL1NVVCT: u64 = 1 << 16;

    /// EL0/EL1 may access the physical counter, layout without VHE.
    pub(crate) const NVHE_EL1PCTEN: u64 = 1 << 0;
    /// EL0/EL1 may access the physical timer, layout without VHE.
    pub(crate) const NVHE_EL1PTEN: u64 = 1 << 1;
    /// How far the two above are from their places in the VHE layout.
    pub(crate) const VHE_SHIFT: u32 = 10;
}

/// What a guest hypervisor asked for in its own `CNTHCTL_EL2`, while its guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GuestCnthctl {
    vhe: u64,
}

impl GuestCnthctl {
    /// Takes the register's value and brings it to the VHE layout. Without `e2h` only the two
    /// enable bits have a meaning here: KVM's nested guests have fixed E2H.
    pub(crate) const fn new(value: u64, e2h: bool) -> Self {
        if e2h {
            return Self { vhe: value };
        }

        let enables = value & (bits::NVHE_EL1PCTEN | bits::NVHE_EL1PTEN);
        // NO-OVERFLOW: two low bits move up by ten.
        Self {
            vhe: enables << bits::VHE_SHIFT,
        }
    }

    const fn has(self, bit: u64) -> bool {
        self.vhe & bit != 0
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

/// Accesses that trap.
#[derive(Clone, Copy)]
struct Traps {
    virtual_timer: bool,
    virtual_counter: bool,
    physical_timer: bool,
    physical_counter: bool,
    virtual_timer_el02: bool,
    physical_timer_el02: bool,
}

impl Traps {
    /// All pass.
    const NONE: Self = Self {
        virtual_timer: false,
        virtual_counter: false,
        physical_timer: false,
        physical_counter: false,
        virtual_timer_el02: false,
        physical_timer_el02: false,
    };
}

impl TrapInputs {
    /// Nothing that asks for a trap.
    pub(crate) const PLAIN: Self = Self {
        hyp_with_ecv: None,
        physical_offset_in_software: false,
        virtual_offset_in_software: false,
        guest_hypervisor: None,
    };

    const fn traps(self) -> Traps {
        let mut traps = Traps::NONE;

        match self.hyp_with_ecv {
            Some(true) => {
                traps.virtual_timer_el02 = true;
                traps.physical_timer_el02 = true;
            }
            Some(false) => {
                traps.virtual_timer = true;
                traps.physical_timer = true;
            }
            None => {}
        }

        if self.physical_offset_in_software {
            traps.physical_timer = true;
            traps.physical_counter = true;
        }

        if self.virtual_offset_in_software {
            traps.virtual_timer = true;
            traps.virtual_counter = true;
        }

        // A guest hypervisor can only add traps.
        if let Some(guest) = self.guest_hypervisor {
            traps.physical_timer |= !guest.has(bits::EL1PTEN);
            traps.physical_counter |= !guest.has(bits::EL1PCTEN);
            traps.physical_timer_el02 |= guest.has(bits::EL1NVPCT);
            traps.virtual_timer_el02 |= guest.has(bits::EL1NVVCT);
        }

        traps
    }

    /// The change to `CNTHCTL_EL2`. The physical enables are of opposite polarity to the rest.
    pub(crate) const fn cnthctl(self) -> CnthctlUpdate {
        let traps = self.traps();

        CnthctlUpdate::NONE
            .assign(bits::EL1PTEN, !traps.physical_timer)
            .assign(bits::EL1PCTEN, !traps.physical_counter)
            .assign(bits::EL1TVT, traps.virtual_timer)
            .assign(bits::EL1TVCT, traps.virtual_counter)
            .assign(bits::EL1NVVCT, traps.virtual_timer_el02)
            .assign(bits::EL1NVPCT, traps.physical_timer_el02)
    }
}

impl CnthctlUpdate {
    const NONE: Self = Self { clear: 0, set: 0 };

    const fn assign(self, bit: u64, on: bool) -> Self {
        if on {
            Self {
                set: self.set | bit,
                ..self
            }
        } else {
            Self {
                clear: self.clear | bit,
                ..self
            }
        }
    }
}
