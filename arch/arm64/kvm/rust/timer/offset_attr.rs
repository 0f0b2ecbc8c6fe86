// SPDX-License-Identifier: GPL-2.0

//! Counter offsets as attributes of a vCPU.
//!
//! C has no such attributes. See Documentation/virt/kvm/arm/rust/timer-offset.rst.
//!
//! Mirrors: nothing, C has no such attributes
#![forbid(unsafe_code)]

use super::{
    offset::{
        VirtualLag,
        VmOffsets, //
    },
    *, //
};

/// An offset that is an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OffsetAttr {
    /// Of the guest's virtual counter, from its physical one.
    Virtual,
    /// Of the guest's physical counter, from the host's.
    Physical,
}

impl OffsetAttr {
    // CAST: widening.
    const VTIMER: u64 = bindings::KVM_ARM_VCPU_TIMER_OFFSET_VTIMER as u64;
    const PTIMER: u64 = bindings::KVM_ARM_VCPU_TIMER_OFFSET_PTIMER as u64;

    /// The offset that an attribute's number stands for. None does in a kernel built without.
    pub(super) fn from_number(attr: u64) -> Option<Self> {
        match attr {
            _ if !cfg!(CONFIG_KVM_ARM64_RUST_TIMER_OFFSET_ATTR) => None,
            Self::VTIMER => Some(Self::Virtual),
            Self::PTIMER => Some(Self::Physical),
            _ => None,
        }
    }

    /// Whether a VM has it.
    ///
    /// # Errors
    ///
    /// `ENXIO` if the VM is protected: its guest sees the host's counters.
    pub(super) fn check(self, vm: Vm<'_>) -> Result {
        if vm.is_protected() {
            Err(ENXIO)
        } else {
            Ok(())
        }
    }
}

/// What is in force.
fn in_force(vm: Vm<'_>) -> VmOffsets {
    VmOffsets::new(
        Offset::new(vm.virtual_offset()),
        Offset::new(vm.physical_offset()),
    )
}

/// Sets an offset of the VM; writes of counter values are ignored from now. The other attribute
/// keeps its value.
///
/// # Errors
///
/// In this order: `ENXIO` if the VM does not have the attribute; `EFAULT`; `EBUSY` while another
/// vCPU is in use or being made.
pub(super) fn set(vcpu: UserVcpu<'_>, attr: OffsetAttr, addr: UserNumber<'_>) -> Result {
    attr.check(vcpu.vm())?;

    let ticks = addr.read::<u64>()?;
    let mut lock = vcpu.try_vm_lock()?;
    let stopped = lock.locked().stop_all()?;
    let offsets = in_force(vcpu.vm());
    let new = match attr {
        OffsetAttr::Virtual => offsets.with_lag(VirtualLag::new(ticks)),
        OffsetAttr::Physical => offsets.with_phys(Offset::new(ticks)),
    };

    stopped.pin_counter_offsets(new.virt().get(), new.phys().get());
    Ok(())
}

/// Gets an offset of the VM.
///
/// # Errors
///
/// `ENXIO` if the VM does not have the attribute, then `EFAULT`.
pub(super) fn get(vm: Vm<'_>, attr: OffsetAttr, addr: UserNumber<'_>) -> Result {
    attr.check(vm)?;

    let offsets = in_force(vm);

    addr.write::<u64>(match attr {
        OffsetAttr::Virtual => offsets.lag().get(),
        OffsetAttr::Physical => offsets.phys().get(),
    })
}
