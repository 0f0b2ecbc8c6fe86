// SPDX-License-Identifier: GPL-2.0

//! The registers of EL1 and EL0, switched as a whole each time that a guest is entered or left: a
//! host at EL1 runs by the same ones.
//!
//! Mirrors: arch/arm64/kvm/hyp/nvhe/sysreg-sr.c: __sysreg_save_state_nvhe,
//!     __sysreg_restore_state_nvhe; arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h: ctxt_midr_el1,
//!     ctxt_mdscr_el1, __sysreg_save_common_state, __sysreg_save_el2_return_state,
//!     __sysreg_restore_el1_state, __sysreg_restore_common_state,
//!     __sysreg_restore_el2_return_state; arch/arm64/kvm/hyp/nvhe/switch.c: __activate_traps,
//!     __deactivate_traps
#![forbid(unsafe_code)]

use super::*;
use crate::side::HostStage2;
use el1::{
    Identity,
    User, //
};
use extensions::Extensions;

/// The host's addresses are translated again, which its buffers are written by.
pub(crate) struct HostRegime(());

/// Which registers the vCPU that runs has. The host's are looked at no further: what the guest does
/// not have stays as the host left it.
#[derive(Clone, Copy)]
pub(crate) struct Registers(Extensions);

impl Registers {
    /// Of a VM's vCPUs.
    #[inline(always)]
    pub(crate) fn of(vm: Vm<'_>) -> Self {
        Self(Extensions::of(vm))
    }

    /// Saves those that host and guest have alike. `save_mdscr` is whether `MDSCR_EL1` may have
    /// changed.
    #[inline(always)]
    fn save(self, memory: SysRegs<'_>, save_mdscr: bool) {
        el1::save_el1(memory, self.0);
        if save_mdscr {
            memory.set(SysReg::MDSCR_EL1, MDSCR_EL1::read());
        }
        if self.0.s1poe {
            memory.set(SysReg::POR_EL0, POR_EL0::read());
        }
        User::save(memory, Extensions::NONE);
    }

    /// Restores EL1. On CPUs that speculate address translations `hold` stands in for what says how
    /// addresses are translated.
    #[inline(always)]
    fn restore_el1(
        self,
        memory: SysRegs<'_>,
        identity: Identity,
        masked: Masked<'_>,
        hold: impl FnOnce(),
    ) {
        identity.set(*masked);
        if cpucaps::has_speculative_at_erratum() {
            hold();
        } else {
            el1::restore_translation(memory, *masked);
        }
        el1::restore_el1(memory, self.0, *masked);
    }

    /// Restores the rest of those that host and guest have alike.
    #[inline(always)]
    fn restore(self, memory: SysRegs<'_>, mdscr: u64, masked: Masked<'_>) {
        MDSCR_EL1::set(mdscr, masked);
        if self.0.s1poe {
            POR_EL0::set(memory.get(SysReg::POR_EL0), masked);
        }
        User::restore(memory, Extensions::NONE, *masked);
    }

    /// Saves the host's.
    pub(crate) fn save_host(self, host: HostData<'_>) {
        let context = host.context();
        let memory = host.sys_regs();

        self.save(memory, true);
        context.set_pc(ELR_EL2::read());
        context.set_pstate(SPSR_EL2::read().into_raw());
        save_vdisr(memory);
    }

    /// Restores the host's.
    pub(crate) fn restore_host(
        self,
        host: HostData<'_>,
        masked: Masked<'_>,
        _stage2: HostStage2,
    ) -> HostRegime {
        let context = host.context();
        let memory = host.sys_regs();
        let identity = Identity {
            midr: MIDR_EL1::read(),
            mpidr: memory.get(SysReg::MPIDR_EL1),
        };

        self.restore_el1(memory, identity, masked, || ());
        if cpucaps::has_speculative_at_erratum() {
            translate_again(memory, masked);
        }
        self.restore(memory, memory.get(SysReg::MDSCR_EL1), masked);
        ELR_EL2::set(context.pc(), masked);
        SPSR_EL2::set(Pstate::from_raw(context.pstate()).for_guest(), masked);
        restore_vdisr(memory, masked);
        HostRegime(())
    }

    /// Saves the guest's. `PSTATE` has been saved on the exit.
    ///
    /// `MDSCR_EL1` traps unless the guest owns the debug registers (`MDCR_EL2.TDA`): its value is as
    /// it was. A host that lies about that, of a protected guest, takes the guest's value from it.
    pub(crate) fn save_guest(self, vcpu: RunningVcpu<'_>, owner: DebugOwner) {
        let guest = vcpu.context();
        let memory = guest.own_sys_regs();

        self.save(memory, owner == DebugOwner::GUEST);
        guest.set_pc(ELR_EL2::read());
        save_vdisr(memory);
        if vcpu.el1_is_aarch32() {
            aarch32::save(guest, debug_regs_are_used(owner));
        }
    }

    /// Restores the guest's. Stage 2 is still the host's.
    pub(crate) fn restore_guest(self, vcpu: RunningVcpu<'_>, vm: Vm<'_>, owner: DebugOwner) {
        let (guest, masked) = (vcpu.context(), vcpu.masked());
        let memory = guest.own_sys_regs();
        let mdscr = match owner {
            DebugOwner::HOST => vcpu.external_mdscr(),
            _ => memory.get(SysReg::MDSCR_EL1),
        };

        // AArch32's first: errata 852523 (Cortex-A57) and 853709 (Cortex-A72).
        if vcpu.el1_is_aarch32() {
            aarch32::restore(guest, debug_regs_are_used(owner), *masked);
        }
        self.restore_el1(memory, Identity::own(*vcpu, vm), masked, || {
            stop_walks(memory, masked)
        });
        self.restore(memory, mdscr, masked);
        restore_vdisr(memory, masked);
    }
}

/// What an ESB instruction deferred (FEAT_RAS).
fn save_vdisr(memory: SysRegs<'_>) {
    if cpucaps::has_ras() {
        memory.set(SysReg::DISR_EL1, VDISR_EL2::read());
    }
}

fn restore_vdisr(memory: SysRegs<'_>, masked: Masked<'_>) {
    if cpucaps::has_ras() {
        VDISR_EL2::set(memory.get(SysReg::DISR_EL1), *masked);
    }
}

/// Whether breakpoints and watchpoints are switched.
fn debug_regs_are_used(owner: DebugOwner) -> bool {
    owner == DebugOwner::HOST || owner == DebugOwner::GUEST
}

/// Errata 1319367 and 1319537: no address may be translated while EL1 and stage 2 are not of the
/// same guest. The host's stage 1 is on, so it is enough to stop its walks.
#[cold]
fn stop_walks(guest: SysRegs<'_>, masked: Masked<'_>) {
    TCR_EL1::set(
        without_walks(Tcr::from_raw(guest.get(SysReg::TCR_EL1))),
        *masked,
    );
    isb();
}

/// Undoes it, once stage 2 is that of the registers in memory: stage 1, and only then walks.
#[cold]
fn translate_again(memory: SysRegs<'_>, masked: Masked<'_>) {
    isb();
    SCTLR_EL1::set_raw(memory.get(SysReg::SCTLR_EL1), *masked);
    isb();
    TCR_EL1::set_raw(memory.get(SysReg::TCR_EL1), *masked);
}

/// What ends [`Registers::restore_guest`] on CPUs with these errata. The guest's stage 2 is in force.
#[inline(always)]
pub(crate) fn start_translation(switch: Switch<'_>) {
    if cpucaps::has_speculative_at_erratum() {
        translate_again(switch.guest().own_sys_regs(), switch.masked);
    }
}

/// The reverse, before stage 2 is taken from the guest: no walks, and stage 1 on.
#[inline(always)]
pub(crate) fn stop_translation(masked: Masked<'_>) {
    if cpucaps::has_speculative_at_erratum() {
        TCR_EL1::set(without_walks(TCR_EL1::read()), *masked);
        isb();
        SCTLR_EL1::set(SCTLR_EL1::read().with(Sctlr::M), *masked);
        isb();
    }
}

fn without_walks(tcr: Tcr) -> Tcr {
    tcr.with(Tcr::EPD0).with(Tcr::EPD1)
}
