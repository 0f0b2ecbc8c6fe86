// SPDX-License-Identifier: GPL-2.0

//! A vCPU comes to this CPU, or leaves it: what does not affect the host is switched here, and not
//! each time that the guest is entered or left.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/sysreg-sr.c: __mpam_guest_load, __vcpu_load_switch_sysregs,
//!     __vcpu_put_switch_sysregs; arch/arm64/kvm/hyp/include/hyp/sysreg-sr.h: ctxt_midr_el1,
//!     ctxt_has_ras, __sysreg_save_el2_return_state, __sysreg_restore_el2_return_state
#![forbid(unsafe_code)]

use super::*;
use el1::{
    Identity,
    User, //
};
use extensions::Extensions;

/// Loads a vCPU's registers. Preemption is off.
pub(crate) fn load(vcpu: LoadedVcpu<'_>, host: HostData<'_>, el2: El2<'_>) {
    let have = Extensions::of(vcpu.vm());
    let guest = vcpu.context();

    User::save(host.sys_regs(), Extensions::NONE);

    // Speculative walks of the old EL1's tables must be over before its registers change. A
    // scheduler that brings another vCPU has waited for them; the step between virtual EL2 and EL1
    // has not.
    if vcpu.has_el2() {
        barrier::dsb_nsh();
    }

    // AArch32's first: errata 852523 (Cortex-A57) and 853709 (Cortex-A72).
    if vcpu.el1_is_aarch32() {
        aarch32::restore(guest, true, el2);
    }
    User::restore(guest.sys_regs(), Extensions::NONE, el2);
    if cpucaps::has_mpam() {
        mpam::load_guest(el2);
    }
    load_vdisr(vcpu, el2);

    if !vcpu.has_el2() {
        el1::restore(vcpu, Identity::own(vcpu, vcpu.vm()), have, el2);
    } else if vcpu.in_hyp_context() {
        vel2::restore(vcpu, Identity::own(vcpu, vcpu.vm()), have, el2);
    } else {
        el1::restore(vcpu, nested_identity(vcpu), have, el2);
    }

    vcpu.set_sysregs_on_cpu(true);
}

/// Saves a vCPU's registers, and restores those of user space. Preemption is off.
pub(crate) fn put(vcpu: LoadedVcpu<'_>, host: HostData<'_>, el2: El2<'_>) {
    let have = Extensions::of(vcpu.vm());
    let guest = vcpu.context();

    if vcpu.in_hyp_context() {
        vel2::save(vcpu, have);
    } else {
        el1::save(vcpu, have);
    }

    User::save(guest.sys_regs(), Extensions::NONE);
    save_vdisr(vcpu);
    if vcpu.el1_is_aarch32() {
        aarch32::save(guest, true);
    }
    User::restore(host.sys_regs(), Extensions::NONE, el2);

    vcpu.set_sysregs_on_cpu(false);
}

/// Who the guest hypervisor wants its guest to be.
fn nested_identity(vcpu: LoadedVcpu<'_>) -> Identity {
    let regs = vcpu.context().sys_regs();

    Identity {
        midr: regs.get(SysReg::VPIDR_EL2),
        mpidr: regs.get(SysReg::VMPIDR_EL2),
    }
}

/// What a guest's ESB instruction deferred. The host has no use for the register, and nobody looks
/// at the value in memory while the vCPU is loaded, so it need not be switched on every exit.
/// Virtual SErrors become the nested guest's or cease to be only between put and load.
fn load_vdisr(vcpu: LoadedVcpu<'_>, el2: El2<'_>) {
    if cpucaps::has_ras() {
        VDISR_EL2::set(
            vdisr_home(vcpu).map_or(0, |home| vcpu.context().sys_reg(home)),
            el2,
        );
    }
}

fn save_vdisr(vcpu: LoadedVcpu<'_>) {
    if cpucaps::has_ras() {
        if let Some(home) = vdisr_home(vcpu) {
            vcpu.context().set_sys_reg(home, VDISR_EL2::read());
        }
    }
}

/// Where the deferred SError is kept: with the guest hypervisor's registers if it is the one who
/// sends the nested guest SErrors, and nowhere if that guest is not to know of RAS.
fn vdisr_home(vcpu: LoadedVcpu<'_>) -> Option<SysReg> {
    if !vcpu.has_el2() || !vcpu.vserror_is_nested() {
        Some(SysReg::DISR_EL1)
    } else if vcpu.vm().tells_of(IdField::RAS) {
        Some(SysReg::VDISR_EL2)
    } else {
        None
    }
}
