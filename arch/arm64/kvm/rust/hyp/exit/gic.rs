// SPDX-License-Identifier: GPL-2.0

//! Accesses to an interrupt controller's CPU interface, where they trap.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: kvm_hyp_handle_sysreg, kvm_hyp_handle_cp15_32,
//!     kvm_hyp_handle_dabt_low; arch/arm64/kvm/hyp/vgic-v3-sr.c: __vgic_v3_perform_cpuif_access;
//!     arch/arm64/kvm/hyp/vgic-v2-cpuif-proxy.c: __is_be, __vgic_v2_perform_cpuif_access
#![forbid(unsafe_code)]

use super::super::vgic::{
    trap::cpu_interface_access,
    v2_proxy::{
        self,
        DataAccess,
        Kind,
        Proxied, //
    }, //
};
use super::*;
use crate::gic::icc::{
    Access,
    Emulated,
    Icc, //
};

/// Whether it was an access to the CPU interface of a GICv3, which has been performed.
#[inline(always)]
pub(super) fn v3_access(trap: Trap<'_>) -> bool {
    static_key::vgic_v3_cpuif_trap() && emulate_v3(trap)
}

/// Performs a trapped access to the CPU interface of a GICv3, if it is one.
pub(in crate::hyp) fn emulate_v3(trap: Trap<'_>) -> bool {
    let vcpu = trap.switch.vcpu;
    let access = trap.esr.system_trap();
    let encoding = access.encoding();
    let aarch32 = trap.pstate.get().has(Pstate::M4);

    if !vcpu.vm().has_gicv3() {
        return false;
    }
    if aarch32 && !vcpu.aarch32_condition_holds() {
        return trap.skip_instruction();
    }
    // AArch32's names are those of AArch64 but for `op0`, of which they have none.
    let named = if aarch32 {
        encoding.with_op0(3)
    } else {
        encoding
    };
    let Some(register) = Icc::decode(named) else {
        return false;
    };
    let kind = match access.direction() {
        Direction::Read => Access::Read,
        Direction::Write => Access::Write(trap.operand(access.rt())),
    };

    match cpu_interface_access(vcpu, register, kind) {
        Emulated::Read(value) => trap.set_result(access.rt(), value),
        Emulated::Written => (),
        Emulated::NotHere => return false,
    }
    trap.skip_instruction()
}

/// What becomes of a data abort whose address is noted: it may be an access to the CPU
/// interface of a GICv2. One that the interface does not allow becomes an SError.
#[inline(always)]
pub(super) fn v2_access(trap: Trap<'_>) -> ControlFlow<GuestExit> {
    if static_key::vgic_v2_cpuif_trap() {
        emulate_v2(trap)
    } else {
        ControlFlow::Break(GuestExit::TRAP)
    }
}

/// Performs an access to the CPU interface of a GICv2, if it is one that can be performed here.
pub(in crate::hyp) fn emulate_v2(trap: Trap<'_>) -> ControlFlow<GuestExit> {
    let abort = trap.esr.abort();
    let by_an_instruction =
        abort.fault() == Fault::Translation && abort.has(Abort::ISV) && !abort.has(Abort::S1PTW);
    let (true, Some(address)) = (by_an_instruction, trap.switch.vcpu.fault_address()) else {
        return ControlFlow::Break(GuestExit::TRAP);
    };

    match v2_proxy::access(trap.switch.vm(), data_access(trap, abort, address)) {
        Proxied::Read(value) => trap.set_result(abort.register(), u64::from(value)),
        Proxied::Written => (),
        Proxied::NotHere => return ControlFlow::Break(GuestExit::TRAP),
        Proxied::Illegal => {
            trap.skip_instruction();

            // The host sees this one.
            record_pstate(
                trap.switch,
                trap.switch.known.in_hyp_context(),
                SPSR_EL2::read(),
            );
            return ControlFlow::Break(GuestExit::SERROR);
        }
    }
    trap.skip_instruction();
    ControlFlow::Continue(())
}

/// The access that a data abort describes.
fn data_access(trap: Trap<'_>, abort: Abort, address: u64) -> DataAccess {
    DataAccess {
        address,
        size: abort.size(),
        kind: if abort.has(Abort::WnR) {
            // CAST: what a word access stores.
            Kind::Write(trap.operand(abort.register()) as u32)
        } else {
            Kind::Read
        },
        big_endian: data_are_big_endian(trap),
    }
}

/// Whether the guest accesses data so; of AArch64 it is taken to be at EL1.
fn data_are_big_endian(trap: Trap<'_>) -> bool {
    if trap.pstate.get().has(Pstate::M4) {
        trap.pstate.get().has(Pstate::E)
    } else {
        SCTLR_EL1::read().has(Sctlr::EE)
    }
}
