// SPDX-License-Identifier: GPL-2.0

//! The end of the kernel, and the exceptions that need not be it.
//!
//! C header: [`include/linux/panic.h`](srctree/include/linux/panic.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: __hyp_call_panic;
//!     arch/arm64/kvm/hyp/include/hyp/switch.h: kvm_exception_table_entry,
//!     __kvm_unexpected_el2_exception

use super::*;

/// What there is to say about an exception between host and guest.
pub(crate) struct HypPanic {
    /// `SPSR_EL2`: the state that was interrupted.
    pub(crate) spsr: u64,
    /// `ELR_EL2`: where.
    pub(crate) elr: u64,
    /// `ESR_EL2`: why.
    pub(crate) esr: u64,
    /// `FAR_EL2`.
    pub(crate) far: u64,
    /// `HPFAR_EL2`.
    pub(crate) hpfar: u64,
    /// `PAR_EL1`.
    pub(crate) par: u64,
    /// The vCPU that is loaded, or NULL.
    pub(crate) vcpu: *const (),
}

/// Stops the machine with C's text.
pub(crate) fn hyp_panic(what: HypPanic) -> ! {
    let format = c"HYP panic:\nPS:%08llx PC:%016llx ESR:%08llx\nFAR:%016llx HPFAR:%016llx PAR:%016llx\nVCPU:%p\n";

    // SAFETY: The arguments are those of the format.
    unsafe {
        bindings::panic(
            format.as_char_ptr(),
            what.spsr,
            what.elr,
            what.esr,
            what.far,
            what.hpfar,
            what.par,
            what.vcpu,
        )
    }
}

/// Where an exception that the instruction at `address` takes is to be continued, if it may take
/// one (`_kvm_extable`).
pub(crate) fn exception_fixup(address: u64) -> Option<u64> {
    type Entry = bindings::kvm_exception_table_entry;

    let stop = (&raw const bindings::__stop___kvm_ex_table).cast::<Entry>();
    let mut entry = (&raw const bindings::__start___kvm_ex_table).cast::<Entry>();

    while entry < stop {
        // SAFETY: Within the table, which the linker script makes of entries of this type.
        let (insn, fixup) = unsafe {
            (
                relative(&raw const (*entry).insn),
                relative(&raw const (*entry).fixup), //
            )
        };

        if insn == address {
            return Some(fixup);
        }
        entry = entry.wrapping_add(1);
    }
    None
}

/// The address that a distance from itself means.
///
/// # Safety
///
/// `distance` must be valid for reads.
unsafe fn relative(distance: *const i32) -> u64 {
    // SAFETY: By the safety requirements.
    let value = i64::from(unsafe { *distance });

    // CAST: an address.
    (distance as u64).wrapping_add_signed(value)
}

/// Has the CPU that took an exception from EL2 go on elsewhere: at a fix-up, or to a panic. It is
/// the ERET of the guest's vectors that does it.
pub(crate) fn continue_elsewhere(masked: Masked<'_>) {
    let elr = ELR_EL2::read();

    let next = exception_fixup(elr).unwrap_or_else(|| {
        // The panic restores the host's context, and reports this.
        let context = this_cpu_ptr(&raw mut bindings::kvm_hyp_ctxt, *masked);

        // SAFETY: This CPU's, whose owner does not go on. CAST: an address.
        unsafe {
            (*context).sys_regs[SysReg::ELR_EL2.index()] = elr;
            (&raw const bindings::__guest_exit_restore_elr_and_panic) as u64
        }
    });

    ELR_EL2::set(next, masked);
}
