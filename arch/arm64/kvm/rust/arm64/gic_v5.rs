// SPDX-License-Identifier: GPL-2.0

//! The PPIs of a guest with a GICv5.
//!
//! Source: GICv5 architecture specification, "AArch64 System registers".
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v5-sr.c: __vgic_v5_save_ppi_state, __vgic_v5_restore_ppi_state
#![forbid(unsafe_code)]

use super::{
    evidence::El2,
    registers::*, //
};

/// Says which PPIs go to the guest without the host. No implementation-defined one does.
#[inline(always)]
pub(crate) fn set_ppi_direct(value: u64, el2: El2<'_>) {
    ICH_PPI_DVIR0_EL2::set(value, el2);
    ICH_PPI_DVIR1_EL2::set(0, el2);
}

macro_rules! priorities {
    ($($n:literal)*) => {
        /// Reads the priorities of the PPIs that the architecture defines: a byte a PPI.
        #[inline(always)]
        pub(crate) fn ppi_priorities() -> [u64; 8] {
            [$(ICH_PPI_PRIORITYR_EL2::<$n>::read()),*]
        }

        /// Sets them.
        #[inline(always)]
        pub(crate) fn set_ppi_priorities(priorities: [u64; 8], el2: El2<'_>) {
            $(ICH_PPI_PRIORITYR_EL2::<$n>::set(priorities[$n], el2);)*
        }
    };
}

priorities!(0 1 2 3 4 5 6 7);

/// Clears all state of the implementation-defined PPIs, 64 to 127.
#[inline(always)]
pub(crate) fn clear_implementation_defined_ppis(el2: El2<'_>) {
    macro_rules! clear_priorities {
        ($($n:literal)*) => {
            $(ICH_PPI_PRIORITYR_EL2::<$n>::set(0, el2);)*
        };
    }

    ICH_PPI_ACTIVER1_EL2::set(0, el2);
    ICH_PPI_ENABLER1_EL2::set(0, el2);
    ICH_PPI_PENDR1_EL2::set(0, el2);
    clear_priorities!(8 9 10 11 12 13 14 15);
}
