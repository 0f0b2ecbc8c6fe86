// SPDX-License-Identifier: GPL-2.0

//! The virtual CPU interface of a GICv5, and the one register of it that host and guest share.
//!
//! Nothing here affects the host but `ICC_ICSR_EL1`, a result of configuration instructions that
//! the host reads right after them.
//!
//! Source: GICv5 architecture specification, "AArch64 System registers".
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v5-sr.c: __vgic_v5_save_ppi_state, __vgic_v5_restore_ppi_state

macro_rules! register {
    ($(#[$meta:meta])* $read:ident, $write:ident: $reg:literal) => {
        $(#[$meta])*
        #[inline(always)]
        pub(crate) fn $read() -> u64 {
            read_sysreg!($reg)
        }

        $(#[$meta])*
        #[inline(always)]
        pub(crate) fn $write(value: u64) {
            write_sysreg!($reg, value)
        }
    };
}

register! {
    /// `ICH_APR_EL2`.
    read_apr, write_apr: "S3_4_C12_C8_4"
}

register! {
    /// `ICH_VMCR_EL2`.
    read_vmcr, write_vmcr: "S3_4_C12_C11_7"
}

register! {
    /// `ICC_ICSR_EL1`.
    read_icsr, write_icsr: "S3_0_C12_C10_4"
}

register! {
    /// `ICH_PPI_ACTIVER0_EL2`: a bit for each PPI that the architecture defines.
    read_ppi_active, write_ppi_active: "S3_4_C12_C10_6"
}

register! {
    /// `ICH_PPI_PENDR0_EL2`.
    read_ppi_pending, write_ppi_pending: "S3_4_C12_C10_4"
}

/// Writes `ICH_PPI_ENABLER0_EL2`.
#[inline(always)]
pub(crate) fn write_ppi_enabled(value: u64) {
    write_sysreg!("S3_4_C12_C10_2", value)
}

/// Writes `ICH_PPI_DVIR<n>_EL2`: the PPIs that go to the guest without the host. No
/// implementation-defined one does.
#[inline(always)]
pub(crate) fn write_ppi_direct(value: u64) {
    write_sysreg!("S3_4_C12_C10_0", value);
    write_sysreg!("S3_4_C12_C10_1", 0);
}

/// Reads `ICH_PPI_PRIORITYR0_EL2` to `ICH_PPI_PRIORITYR7_EL2`: a byte a PPI.
#[inline(always)]
pub(crate) fn read_ppi_priorities() -> [u64; 8] {
    [
        read_sysreg!("S3_4_C12_C14_0"),
        read_sysreg!("S3_4_C12_C14_1"),
        read_sysreg!("S3_4_C12_C14_2"),
        read_sysreg!("S3_4_C12_C14_3"),
        read_sysreg!("S3_4_C12_C14_4"),
        read_sysreg!("S3_4_C12_C14_5"),
        read_sysreg!("S3_4_C12_C14_6"),
        read_sysreg!("S3_4_C12_C14_7"),
    ]
}

/// Writes `ICH_PPI_PRIORITYR0_EL2` to `ICH_PPI_PRIORITYR7_EL2`.
#[inline(always)]
pub(crate) fn write_ppi_priorities([p0, p1, p2, p3, p4, p5, p6, p7]: [u64; 8]) {
    write_sysreg!("S3_4_C12_C14_0", p0);
    write_sysreg!("S3_4_C12_C14_1", p1);
    write_sysreg!("S3_4_C12_C14_2", p2);
    write_sysreg!("S3_4_C12_C14_3", p3);
    write_sysreg!("S3_4_C12_C14_4", p4);
    write_sysreg!("S3_4_C12_C14_5", p5);
    write_sysreg!("S3_4_C12_C14_6", p6);
    write_sysreg!("S3_4_C12_C14_7", p7);
}

/// Clears all state of the implementation-defined PPIs, 64 to 127.
#[inline(always)]
pub(crate) fn clear_implementation_defined_ppis() {
    write_sysreg!("S3_4_C12_C10_7", 0);
    write_sysreg!("S3_4_C12_C10_3", 0);
    write_sysreg!("S3_4_C12_C10_5", 0);
    write_sysreg!("S3_4_C12_C15_0", 0);
    write_sysreg!("S3_4_C12_C15_1", 0);
    write_sysreg!("S3_4_C12_C15_2", 0);
    write_sysreg!("S3_4_C12_C15_3", 0);
    write_sysreg!("S3_4_C12_C15_4", 0);
    write_sysreg!("S3_4_C12_C15_5", 0);
    write_sysreg!("S3_4_C12_C15_6", 0);
    write_sysreg!("S3_4_C12_C15_7", 0);
}
