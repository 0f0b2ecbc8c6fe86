// SPDX-License-Identifier: GPL-2.0

//! The physical timer of guests on CPUs with `CNTPOFF_EL2`.
//!
//! The offset applies while a guest runs, and not while the host does, though the timer is to fire
//! at the same time then. So the compare value changes with the side: the guest's own, which it may
//! have written without a trap, and one for the host's count.
//!
//! Which offset that is was decided when the vCPU was loaded. Another thread may change the VM's
//! at any time; that takes effect when the vCPU is loaded next.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: __activate_traps, __deactivate_traps;
//!     include/kvm/arm_arch_timer.h: has_cntpoff, timer_apply_offset
#![forbid(unsafe_code)]

use super::*;
use core::num::NonZero;

/// The timer that uses the hardware's physical timer, and its register in memory. That of EL2 in
/// hyp context: a run ends in the context that it began in.
#[inline(always)]
fn direct<K: Kind>(switch: Switch<'_>) -> (TimerId, SysReg) {
    if K::in_hyp_context(switch) {
        (TimerId::Hptimer, SysReg::CNTHP_CVAL_EL2)
    } else {
        (TimerId::Ptimer, SysReg::CNTP_CVAL_EL0)
    }
}

/// Writes the guest's value.
#[inline(always)]
pub(super) fn switch_to_guest<K: Kind>(switch: Switch<'_>) {
    if cpucaps::has_ecv_cntpoff() {
        write_guest_value::<K>(switch);
    }
}

/// Saves the guest's value, and writes the host's.
#[inline(always)]
pub(super) fn switch_to_host<K: Kind>(switch: Switch<'_>) {
    if cpucaps::has_ecv_cntpoff() {
        write_host_value::<K>(switch);
    }
}

/// Whether the timer code wants to find the guest's value in memory in any case. C's does: it reads
/// nothing back from the register if the VM has an offset by then.
const MEMORY_FOLLOWS: bool = cfg!(not(CONFIG_KVM_ARM64_RUST_TIMER));

/// What the two sides' values are apart, in ticks; `None` if the register is the guest's at all
/// times. The Rust timer notes what it programmed.
#[cfg(CONFIG_KVM_ARM64_RUST_TIMER)]
#[inline(always)]
fn offset_in_force(switch: Switch<'_>, timer: TimerId) -> Option<NonZero<u64>> {
    switch.vcpu.timer(timer).offset_in_register()
}

/// C's timer code has no note of it but the register.
#[cfg(not(CONFIG_KVM_ARM64_RUST_TIMER))]
#[inline(always)]
fn offset_in_force(_switch: Switch<'_>, _timer: TimerId) -> Option<NonZero<u64>> {
    NonZero::new(CNTPOFF_EL2::read())
}

fn write_guest_value<K: Kind>(switch: Switch<'_>) {
    let (timer, cval) = direct::<K>(switch);

    tracepoint::ask_timer_map(switch.vcpu.anyones());
    if offset_in_force(switch, timer).is_some() {
        CNTP_CVAL_EL0::set(switch.vcpu.sys_reg(cval), *switch.masked);
        isb();
    }
}

fn write_host_value<K: Kind>(switch: Switch<'_>) {
    let (timer, cval) = direct::<K>(switch);
    let offset = offset_in_force(switch, timer);

    tracepoint::ask_timer_map(switch.vcpu.anyones());
    if offset.is_none() && !MEMORY_FOLLOWS {
        return;
    }

    let value = CNTP_CVAL_EL0::read();
    switch.vcpu.set_sys_reg(cval, value);

    if let Some(offset) = offset {
        CNTP_CVAL_EL0::set(
            host_value(value, offset.get(), physical_count()),
            *switch.masked,
        );
        isb();
    }
}

/// The compare value that fires for the host's count when the guest's does for the guest's.
///
/// That is the sum, unless one of the two clocks comes around before the other. What the host's
/// cannot express is "already", or "never" until its very last tick.
const fn host_value(value: u64, offset: u64, now: u64) -> u64 {
    let sum = value.wrapping_add(offset);

    if now.wrapping_sub(offset) >= value {
        0
    } else if sum > now {
        sum
    } else {
        u64::MAX
    }
}

#[cfg(CONFIG_KVM_ARM64_RUST_KUNIT_TEST)]
#[kernel::prelude::kunit_tests(kvm_arm64_switch_cntpoff)]
mod tests {
    use super::*;

    const EDGES: [u64; 8] = [
        0,
        1,
        1000,
        i64::MAX as u64,
        i64::MAX as u64 + 1,
        u64::MAX - 1000,
        u64::MAX - 1,
        u64::MAX,
    ];

    /// Whether hardware with `compare` fires at a count; its last tick stands for "never".
    fn fires(compare: u64, count: u64) -> bool {
        count >= compare
    }

    /// At whatever count the guest is left, its timer fires for the host when it would for it,
    /// until one of the two clocks comes around.
    #[test]
    fn fires_as_the_guests() {
        for offset in EDGES {
            for value in EDGES {
                for now in EDGES {
                    for later in [0, 1, 999, 1 << 40] {
                        let at = now.wrapping_add(later);
                        let seen = at.wrapping_sub(offset);
                        let came_around = at < now || seen < now.wrapping_sub(offset);

                        if at != u64::MAX && !came_around {
                            assert_eq!(
                                fires(host_value(value, offset, now), at),
                                fires(value, seen)
                            );
                        }
                    }
                }
            }
        }
    }
}
