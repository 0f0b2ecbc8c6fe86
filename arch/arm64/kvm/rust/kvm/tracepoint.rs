// SPDX-License-Identifier: GPL-2.0

//! KVM's tracepoints. Defined in C (`trace_arm.h`), so that names, fields and formats are those
//! that tools know. A disabled one costs a NOP; arguments are made up only for an enabled one.

use super::*;

/// Whether the tracepoint is enabled.
#[cfg(CONFIG_TRACEPOINTS)]
macro_rules! is_traced {
    ($name:ident) => {
        kernel::macros::paste! {
            // SAFETY: The static key of a tracepoint may always be asked.
            unsafe {
                kernel::jump_label::static_branch_unlikely!(
                    bindings::[<__tracepoint_ $name>],
                    bindings::tracepoint,
                    key
                )
            }
        }
    };
}

#[cfg(not(CONFIG_TRACEPOINTS))]
macro_rules! is_traced {
    ($name:ident) => {
        false
    };
}

/// Calls the tracepoint if it is enabled.
macro_rules! trace {
    ($name:ident, $($arg:expr),+) => {{
        #[cfg(CONFIG_TRACEPOINTS)]
        kernel::macros::paste! {
            if is_traced!($name) {
                // SAFETY: The arguments are what the event expects: references of this crate
                // are to valid objects.
                unsafe { bindings::[<rust_do_trace_ $name>]($($arg),+) };
            }
        }

        #[cfg(not(CONFIG_TRACEPOINTS))]
        { $(let _unused = &$arg;)+ }
    }};
}

/// The number that C's events show for a vCPU.
fn shown_id(vcpu: Vcpu<'_>) -> usize {
    // CAST: What C's conversion of the same number does.
    vcpu.id() as usize
}

/// `vgic_update_irq_pending`: a line is driven. `vcpu`: whose, if it is private.
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
#[inline(always)]
pub(crate) fn vgic_update_irq_pending(vcpu: Option<Vcpu<'_>>, intid: u32, level: bool) {
    trace!(
        vgic_update_irq_pending,
        // CAST: widening.
        vcpu.map_or(0, |vcpu| vcpu.index() as usize),
        intid,
        level
    );
}

/// Whether anybody watches [`vgic_update_irq_pending`].
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
#[inline(always)]
pub(crate) fn traces_vgic_update_irq_pending() -> bool {
    is_traced!(vgic_update_irq_pending)
}

/// Whether anybody watches `kvm_ack_irq`: the end of an SPI, which C's `kvm_notify_acked_irq()`
/// traces.
#[cfg(CONFIG_KVM_ARM64_RUST_VGIC)]
#[inline(always)]
pub(crate) fn traces_kvm_ack_irq() -> bool {
    is_traced!(kvm_ack_irq)
}

/// `kvm_timer_update_irq`: a timer drives its line.
#[inline(always)]
pub(crate) fn timer_update_irq(timer: Timer<'_>, high: bool) {
    trace!(
        kvm_timer_update_irq,
        shown_id(timer.vcpu()),
        timer.ppi().intid(),
        i32::from(high)
    );
}

/// `kvm_get_timer_map`: C asks which timers are direct and which emulated.
#[cfg(CONFIG_KVM_ARM64_RUST_TIMER)]
#[inline(always)]
pub(crate) fn get_timer_map(vcpu: Vcpu<'_>, mut map: bindings::timer_map) {
    trace!(kvm_get_timer_map, shown_id(vcpu), &mut map);
}

/// The same, from where the answer is known without asking, or is not wanted in C's form: for those
/// who count the event.
#[inline(always)]
pub(crate) fn ask_timer_map(vcpu: Vcpu<'_>) {
    if is_traced!(kvm_get_timer_map) {
        count_timer_map(vcpu);
    }
}

#[cold]
#[inline(never)]
fn count_timer_map(vcpu: Vcpu<'_>) {
    let mut map = core::mem::MaybeUninit::uninit();

    // SAFETY: The vCPU is valid by its invariant; the map is written.
    unsafe { bindings::get_timer_map(vcpu.as_ptr(), map.as_mut_ptr()) };
}

/// `kvm_timer_save_state`: a timer leaves the hardware.
#[inline(always)]
pub(crate) fn timer_save_state(timer: Timer<'_>) {
    trace!(kvm_timer_save_state, timer.as_ptr());
}

/// `kvm_timer_restore_state`: a timer enters the hardware.
#[inline(always)]
pub(crate) fn timer_restore_state(timer: Timer<'_>) {
    trace!(kvm_timer_restore_state, timer.as_ptr());
}

/// `kvm_timer_hrtimer_expire`: the hrtimer of an emulated timer expires.
#[inline(always)]
pub(crate) fn timer_hrtimer_expire(timer: Timer<'_>) {
    trace!(kvm_timer_hrtimer_expire, timer.as_ptr());
}

/// `kvm_timer_emulate`: a timer is emulated from now on.
#[inline(always)]
pub(crate) fn timer_emulate(timer: Timer<'_>, should_fire: bool) {
    trace!(kvm_timer_emulate, timer.as_ptr(), should_fire);
}
