// SPDX-License-Identifier: GPL-2.0

//! Protected vCPUs, as the rest of the hypervisor has them in C.
//!
//! C header: [`arch/arm64/kvm/hyp/include/nvhe/pkvm.h`](srctree/arch/arm64/kvm/hyp/include/nvhe/pkvm.h)

use super::*;

/// A vCPU that the host must not know the state of: EL2's own, with what C has for those around it.
///
/// # Invariants
///
/// As it says: its VM is one that EL2 made, and says that it is protected.
#[derive(Clone, Copy)]
pub(crate) struct ProtectedVcpu<'a>(RunningVcpu<'a>);

impl<'a> ProtectedVcpu<'a> {
    /// A vCPU of that VM, if it is protected.
    #[inline(always)]
    pub(super) fn of(vcpu: RunningVcpu<'a>, vm: Vm<'a>) -> Option<Self> {
        // SAFETY: A VM is valid. Only in protected mode is the field EL2's own.
        let is_protected =
            cpucaps::has_protected_kvm() && unsafe { (*vm.as_ptr()).arch.pkvm.is_protected };

        // INVARIANT: Just checked.
        is_protected.then_some(Self(vcpu))
    }

    /// Has it run no more, until it is set up anew.
    pub(crate) fn forget_set_up(self) {
        // SAFETY: Valid by the type invariant, here and below; of EL2's own copy of the vCPU.
        unsafe { (*self.0.as_ptr()).arch.cflags &= !bindings::KVM_VCPU_INITIALIZED };
    }

    /// Handles a hypercall, or else says why the guest is left, which would be for `exit`.
    pub(crate) fn handle_hypercall(self, mut exit: u64) -> Result<(), u64> {
        // SAFETY: The vCPU is one of EL2's protected VMs, as C expects, here and below.
        if unsafe { bindings::kvm_handle_pvm_hvc64(self.0.as_ptr(), &mut exit) } {
            Ok(())
        } else {
            Err(exit)
        }
    }

    /// Whether the trapped access to a system register has been performed, or was undefined. If not
    /// it is the host's to emulate.
    pub(crate) fn emulate_register(self) -> bool {
        // SAFETY: The vCPU is one of EL2's protected VMs, as C expects; the exit code stays as it is.
        unsafe { bindings::kvm_handle_pvm_sysreg(self.0.as_ptr(), &mut 0) }
    }

    /// Has the guest take an exception for an undefined instruction. Always true: resolved.
    pub(crate) fn refuse_as_undefined(self) -> bool {
        // SAFETY: The vCPU is one of EL2's protected VMs, as C expects; the exit code stays as it is.
        unsafe { bindings::kvm_handle_pvm_restricted(self.0.as_ptr(), &mut 0) }
    }
}
