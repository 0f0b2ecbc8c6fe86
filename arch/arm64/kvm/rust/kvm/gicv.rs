// SPDX-License-Identifier: GPL-2.0

//! The virtual CPU interface of the host's GICv2, in memory (GICV).
//!
//! C header: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v2-cpuif-proxy.c: __vgic_v2_perform_cpuif_access;
//!     include/kvm/arm_vgic.h: vgic_dist

use super::*;

/// The size of the interface, in bytes.
// CAST: A small constant.
const SIZE: u64 = bindings::KVM_VGIC_V2_CPU_SIZE as u64;

/// A register of the interface.
///
/// # Invariants
///
/// The address of a 32-bit register within the mapping.
#[derive(Clone, Copy)]
pub(crate) struct Gicv(*mut c_void);

impl Gicv {
    /// The register at an offset, in bytes; none if that is not a register's, or the host has
    /// no mapping of the interface.
    pub(crate) fn register(offset: u64) -> Option<Self> {
        if offset >= SIZE || offset & 3 != 0 {
            return None;
        }

        // SAFETY: A static of C, which does not change once KVM is initialised.
        let base = unsafe { bindings::kvm_vgic_global_state.vcpu_hyp_va };
        if base.is_null() {
            return None;
        }

        // CAST: Less than `SIZE`. INVARIANT: Just checked; the mapping has that size.
        Some(Self(base.wrapping_byte_add(offset as usize)))
    }

    /// Reads it. Not ordered with memory accesses.
    pub(crate) fn read(self) -> u32 {
        // SAFETY: By the type invariant.
        unsafe { bindings::readl_relaxed(self.0) }
    }

    /// Writes it. Not ordered with memory accesses.
    pub(crate) fn write(self, value: u32) {
        // SAFETY: By the type invariant. The interface is the guest's: it affects the host no
        // more than the guest could.
        unsafe { bindings::writel_relaxed(value, self.0) };
    }
}

impl Vm<'_> {
    /// Where in a GICv2 guest's CPU interface a guest-physical address is, in bytes.
    pub(crate) fn vgic_v2_cpu_interface_offset(self, address: u64) -> Option<u64> {
        // SAFETY: Valid by the type invariant. The address of the interface is settled before any
        // vCPU runs. The field is one of two of a union of plain numbers.
        let base = unsafe { (*self.as_ptr()).arch.vgic.__bindgen_anon_1.vgic_cpu_base };

        address.checked_sub(base).filter(|offset| *offset < SIZE)
    }
}
