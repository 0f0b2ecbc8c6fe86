// SPDX-License-Identifier: GPL-2.0

//! Registers of AArch32 EL1.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h: __sysreg32_save_state,
//!     __sysreg32_restore_state
#![forbid(unsafe_code)]

use super::*;
use extensions::Extensions;

register_list! {
    /// By the names that AArch64 has for them.
    System {
        DACR32_EL2,
        IFSR32_EL2,
    }
}

register_list! {
    /// Debug.
    Debug {
        DBGVCR32_EL2,
    }
}

/// Restores them; those of debug if asked for.
#[cold]
pub(super) fn restore(guest: CpuContext<'_>, debug: bool, el2: El2<'_>) {
    SPSR_abt::set(guest.banked_spsr(BankedSpsr::Abt), el2);
    SPSR_und::set(guest.banked_spsr(BankedSpsr::Und), el2);
    SPSR_irq::set(guest.banked_spsr(BankedSpsr::Irq), el2);
    SPSR_fiq::set(guest.banked_spsr(BankedSpsr::Fiq), el2);
    System::restore(guest.sys_regs(), Extensions::NONE, el2);
    if debug {
        Debug::restore(guest.sys_regs(), Extensions::NONE, el2);
    }
}

/// Saves them.
#[cold]
pub(super) fn save(guest: CpuContext<'_>, debug: bool) {
    guest.set_banked_spsr(BankedSpsr::Abt, SPSR_abt::read());
    guest.set_banked_spsr(BankedSpsr::Und, SPSR_und::read());
    guest.set_banked_spsr(BankedSpsr::Irq, SPSR_irq::read());
    guest.set_banked_spsr(BankedSpsr::Fiq, SPSR_fiq::read());
    System::save(guest.sys_regs(), Extensions::NONE);
    if debug {
        Debug::save(guest.sys_regs(), Extensions::NONE);
    }
}
