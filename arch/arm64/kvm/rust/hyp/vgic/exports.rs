// SPDX-License-Identifier: GPL-2.0

//! What C calls of the virtual CPU interfaces.
//!
//! C header: [`arch/arm64/include/asm/kvm_hyp.h`](srctree/arch/arm64/include/asm/kvm_hyp.h)
//!
//! All functions run at EL2, on one CPU from start to end. Those that take an interface
//! are called by the thread of the vCPU that it belongs to, while nobody else accesses it; for
//! C's list of them that means with preemption off, at load and put or between two runs.
//!
//! Mirrors: arch/arm64/kvm/hyp/vgic-v3-sr.c: __gic_v3_get_lr, __gic_v3_set_lr,
//!     __vgic_v3_get_gic_config; arch/arm64/kvm/hyp/vgic-v5-sr.c: __vgic_v5_save_ppi_state,
//!     __vgic_v5_restore_ppi_state

use super::*;
use crate::side;
use kernel::prelude::export;

/// Reads a list register.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn __gic_v3_get_lr(lr: u32) -> u64 {
    // CAST: Masked.
    read_lr_at((lr & 0xf) as u8)
}

/// Writes a list register.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn __gic_v3_set_lr(value: u64, lr: i32) {
    // SAFETY: By the safety requirements. CAST: Masked.
    write_lr_at((lr & 0xf) as u8, value, unsafe { El2::assume() });
}

/// Makes a thunk for a function on a GICv3's, or a GICv5's, interface.
macro_rules! interface_thunks {
    ($($(#[$meta:meta])* $name:ident($ty:ident, $raw:ident) => $function:path;)*) => {$(
        $(#[$meta])*
        ///
        /// # Safety
        ///
        /// See the module's documentation.
        #[export]
        unsafe extern "C" fn $name(interface: *mut bindings::$raw) {
            // SAFETY: By the safety requirements.
            unsafe { $function($ty::from_raw(interface), El2::assume()) };
        }
    )*};
}

interface_thunks! {
    /// After a run: list registers and `ICH_VMCR_EL2` into memory, interface off.
    __vgic_v3_save_state(VgicV3, vgic_v3_cpu_if) => state::save;
    /// Before a run: list registers into the hardware, interface on.
    __vgic_v3_restore_state(VgicV3, vgic_v3_cpu_if) => state::restore;
    /// At load: view of the CPU interface and traps.
    __vgic_v3_activate_traps(VgicV3, vgic_v3_cpu_if) => state::activate_traps;
    /// At put: the host's view again.
    __vgic_v3_deactivate_traps(VgicV3, vgic_v3_cpu_if) => state::deactivate_traps;
    /// At put: active priorities into memory.
    __vgic_v3_save_aprs(VgicV3, vgic_v3_cpu_if) => state::save_active_priorities;
    /// At load: active priorities and `ICH_VMCR_EL2` into the hardware.
    __vgic_v3_restore_vmcr_aprs(VgicV3, vgic_v3_cpu_if) => state::restore_priorities;
    /// After a run.
    __vgic_v5_save_state(VgicV5, vgic_v5_cpu_if) => v5::save;
    /// Before a run.
    __vgic_v5_restore_state(VgicV5, vgic_v5_cpu_if) => v5::restore;
    /// At put.
    __vgic_v5_save_apr(VgicV5, vgic_v5_cpu_if) => v5::save_apr;
    /// At load.
    __vgic_v5_restore_vmcr_apr(VgicV5, vgic_v5_cpu_if) => v5::restore_vmcr_apr;
}

/// After a run: the PPIs' state into memory.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn __vgic_v5_save_ppi_state(interface: *mut bindings::vgic_v5_cpu_if) {
    // SAFETY: By the safety requirements.
    let (interface, el2) = unsafe { (VgicV5::from_raw(interface), El2::assume()) };

    v5::save_ppis(interface, HostData::get(el2), el2);
}

/// Before a run: the PPIs' state into the hardware.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn __vgic_v5_restore_ppi_state(interface: *mut bindings::vgic_v5_cpu_if) {
    // SAFETY: By the safety requirements.
    let (interface, el2) = unsafe { (VgicV5::from_raw(interface), El2::assume()) };

    v5::restore_ppis(interface, HostData::get(el2), el2);
}

/// Empties the list registers of a CPU that comes up.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn __vgic_v3_init_lrs() {
    // SAFETY: By the safety requirements.
    state::init_lrs(unsafe { El2::assume() });
}

/// Whether the hardware has the CPU interface of a GICv2 for guests, beside that of a GICv3.
///
/// # Safety
///
/// See the module's documentation.
#[export]
unsafe extern "C" fn __vgic_v3_get_gic_config() -> bool {
    // SAFETY: By the safety requirements.
    unsafe { side::with_interrupts_kept_away(gic_v3::has_memory_interface) }
}
