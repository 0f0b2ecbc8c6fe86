// SPDX-License-Identifier: GPL-2.0

//! FP/SIMD and SVE registers: the guest gets them when it first uses them, and keeps them until
//! somebody else needs them.
//!
//! Who has them is in `fp_owner`. The host's state is saved when the vCPU is loaded, or here for a
//! host that is not trusted, so nothing of it is lost when the guest's comes in. The guest's is saved
//! by the host when it wants the registers, or when the vCPU is put. SME is not for guests.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: __fpsimd_save_fpexc32,
//!     __hyp_sve_restore_guest, fpsimd_lazy_switch_to_guest, fpsimd_lazy_switch_to_host,
//!     kvm_hyp_handle_fpsimd; arch/arm64/include/asm/kvm_host.h: vcpu_sve_max_vq, vcpu_sve_zcr_elx
#![forbid(unsafe_code)]

use super::*;
use crate::side;
use traps::cptr;

/// What a guest wants to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// FP or Advanced SIMD.
    Fp,
    /// SVE.
    Sve,
}

/// Whether what trapped has been given to the guest. If not, it does not have it, or the trap is
/// its guest hypervisor's.
#[cold]
pub(crate) fn give_to_guest<K: Kind>(switch: Switch<'_>, what: Use) -> bool {
    let vcpu = switch.vcpu;

    if !cpucaps::has_fpsimd() || !may_use::<K>(switch, what) {
        return false;
    }

    let host_traps_open = open_traps::<K>(switch);

    if vcpu.has_sve() {
        load_sve::<K>(switch);
    } else {
        vcpu.load_fp_registers();
    }
    if vcpu.has_fpmr() {
        FPMR::set(vcpu.sys_reg(SysReg::FPMR), *switch.masked);
    }
    if vcpu.el1_is_aarch32() {
        FPEXC32_EL2::set_raw(vcpu.sys_reg(SysReg::FPEXC32_EL2), *switch.masked);
    }
    if host_traps_open {
        cptr::activate::<K>(switch);
    }
    true
}

fn may_use<K: Kind>(switch: Switch<'_>, what: Use) -> bool {
    let vcpu = switch.vcpu;

    match what {
        Use::Fp => !(K::HAS_EL2 && vcpu.guest_hypervisor_traps_fp()),
        Use::Sve => vcpu.has_sve() && !(K::HAS_EL2 && vcpu.guest_hypervisor_traps_sve()),
    }
}

/// Lets EL2 load the registers, and makes the guest their owner.
///
/// What a plain vCPU may use as their owner is all that is loaded, so its traps are set once and
/// for good. A guest hypervisor may have its guest use some of it only: then EL2 could not load the
/// rest. Nor could it save all of the host's, where that is its to do. Whether the traps are the
/// host's after that, and the guest's are still to be set; the ERET synchronizes.
#[inline(always)]
fn open_traps<K: Kind>(switch: Switch<'_>) -> bool {
    let saves_host = side::saves_host_fp() && switch.host.fp_owner() == FpOwner::Host;

    if K::HAS_EL2 || saves_host {
        cptr::deactivate(switch);
        isb();
        if saves_host {
            side::save_host_fp(switch.vcpu, switch.host);
        }
        switch.host.set_fp_owner(FpOwner::Guest);
        return true;
    }

    switch.host.set_fp_owner(FpOwner::Guest);
    cptr::activate::<K>(switch);
    isb();
    false
}

fn load_sve<K: Kind>(switch: Switch<'_>) {
    let vcpu = switch.vcpu;

    vcpu.load_sve_registers();
    if K::in_nested_context(switch) {
        guest_limit::<K>(switch).limit(switch.masked);
    }
    ZCR_EL1::set(vcpu.sys_reg(zcr_in_memory::<K>(switch)), *switch.masked);
}

/// How long vectors the context that runs can have at all: a guest hypervisor may limit its guest.
fn guest_limit<K: Kind>(switch: Switch<'_>) -> VectorLength {
    let longest = switch.vcpu.max_vector_length();

    if K::in_nested_context(switch) {
        longest.min(VectorLength::from_zcr(Zcr::from_raw(
            switch.vcpu.sys_reg(SysReg::ZCR_EL2),
        )))
    } else {
        longest
    }
}

/// Which register of the vCPU the hardware's `ZCR_EL1` is: at virtual EL2 that of EL2.
fn zcr_in_memory<K: Kind>(switch: Switch<'_>) -> SysReg {
    if K::in_hyp_context(switch) {
        SysReg::ZCR_EL2
    } else {
        SysReg::ZCR_EL1
    }
}

#[inline(always)]
fn guest_has_sve_registers(switch: Switch<'_>) -> bool {
    switch.host.fp_owner() == FpOwner::Guest && switch.vcpu.has_sve()
}

/// On the way into the guest: puts the guest's vector lengths in force if it has the registers.
///
/// For a plain vCPU they are. It became the owner in the guest, with them set, after it was last
/// loaded: a put saves the registers and takes them away. Since then only other users of the
/// registers could have changed the lengths, and they take the registers away too.
#[inline(always)]
pub(crate) fn enter<K: Kind>(switch: Switch<'_>) {
    if !K::HAS_EL2 || !guest_has_sve_registers(switch) {
        return;
    }

    guest_limit::<K>(switch).set_limit(switch.masked);
    ZCR_EL1::set(
        switch.vcpu.sys_reg(zcr_in_memory::<K>(switch)),
        *switch.masked,
    );
}

/// On the way out of the guest, once its traps are no longer in force: saves what the host does not
/// know of when it saves the guest's registers, and makes sure that it saves all of them.
///
/// The host saves with the longest vectors that the vCPU can have. In a plain vCPU these are
/// always in force: the guest has no access to `ZCR_EL2`.
#[inline(always)]
pub(crate) fn leave<K: Kind>(switch: Switch<'_>) {
    let vcpu = switch.vcpu;

    if switch.host.fp_owner() != FpOwner::Guest {
        return;
    }
    if vcpu.has_sve() {
        vcpu.set_sys_reg(zcr_in_memory::<K>(switch), ZCR_EL1::read());
        if K::HAS_EL2 {
            vcpu.max_vector_length().set_limit(switch.masked);
        }
    }
    if vcpu.el1_is_aarch32() {
        vcpu.set_sys_reg(SysReg::FPEXC32_EL2, FPEXC32_EL2::read_raw());
    }
}
