// SPDX-License-Identifier: GPL-2.0

//! Registers of the CPU that KVM only reads.

system_registers! {
    /// `MIDR_EL1`: which CPU it is.
    MidrEl1 = "midr_el1",
    /// `MPAM0_EL1`: memory partitioning of user space (FEAT_MPAM).
    Mpam0El1 = "S3_0_C10_C5_1",
}
