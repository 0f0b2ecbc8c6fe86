// SPDX-License-Identifier: GPL-2.0

//! A GICv2 guest's accesses to its CPU interface, done for it.
//!
//! Where host pages are larger than the interface, or the interface is not at the start of a
//! page, a guest cannot be let at it directly.
//!
//! Source: GIC Architecture Specification, version 2 (IHI 0048), "The GIC virtual CPU interface".
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v2-cpuif-proxy.c: __vgic_v2_perform_cpuif_access
#![forbid(unsafe_code)]

use super::*;

/// `GICV_DIR`. What a guest deactivates with it may be in no list register.
const GICV_DIR: u64 = 0x1000;

/// A data abort as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DataAccess {
    /// The guest-physical address.
    pub(crate) address: u64,
    /// The size, in bytes.
    pub(crate) size: u32,
    /// A read, or a write of a value in the order of the guest's registers.
    pub(crate) kind: Kind,
    /// The guest's data are big-endian.
    pub(crate) big_endian: bool,
}

/// Direction and data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write(u32),
}

/// What came of the access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proxied {
    /// Done; the value is what a read gives.
    Read(u32),
    /// Done.
    Written,
    /// Not of the interface, or the rest of KVM's to do.
    NotHere,
    /// Of the interface, but no access that it has.
    Illegal,
}

/// Does an access.
pub(crate) fn access(vm: Vm<'_>, access: DataAccess) -> Proxied {
    let Some(offset) = vm.vgic_v2_cpu_interface_offset(access.address) else {
        return Proxied::NotHere;
    };

    if access.size != 4 || offset & 3 != 0 {
        return Proxied::Illegal;
    }
    if offset >= GICV_DIR {
        return Proxied::NotHere;
    }
    let Some(register) = Gicv::register(offset) else {
        return Proxied::NotHere;
    };

    // A big-endian guest has swapped what it means to be little-endian data.
    let guest_order = |data: u32| {
        if access.big_endian {
            data.swap_bytes()
        } else {
            data
        }
    };
    match access.kind {
        Kind::Read => Proxied::Read(guest_order(register.read())),
        Kind::Write(data) => {
            register.write(guest_order(data));
            Proxied::Written
        }
    }
}
