// SPDX-License-Identifier: GPL-2.0

//! `HCR_EL2` for a guest, and the virtual SError that it can make pending.
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: NV_HCR_GUEST_EXCLUDE, __compute_hcr;
//!     arch/arm64/kvm/hyp/include/hyp/switch.h: ___activate_traps, ___deactivate_traps
#![forbid(unsafe_code)]

use super::*;

/// What a guest hypervisor may set for its guests, but the hardware must not see:
/// - TGE, for a guest runs at EL1;
/// - API and APK, which are taken care of at load, and change with a load only;
/// - FIEN, for no guest injects faults into the hardware.
const NOT_FOR_HARDWARE: Hcr = Hcr::ZERO
    .with(Hcr::TGE)
    .with(Hcr::API)
    .with(Hcr::APK)
    .with(Hcr::FIEN);

/// The value to enter the guest with.
#[inline(always)]
pub(in crate::hyp) fn for_guest<K: Kind>(switch: Switch<'_>) -> GuestHcr {
    let mut hcr = switch.vcpu.hcr();

    if K::HAS_EL2 {
        hcr = merged(hcr, nested::<K>(switch));
    }
    if cpucaps::has_tx2_tvm_erratum() {
        hcr = hcr.with(Hcr::TVM);
    }
    GuestHcr::new(hcr)
}

/// The host's part and the guest hypervisor's.
const fn merged(host: Hcr, guest: Hcr) -> Hcr {
    host.or(guest.minus(NOT_FOR_HARDWARE))
}

/// The guest hypervisor's part, and the bits that make it one. Points the hardware at the registers
/// of virtual EL2 that it accesses in memory.
fn nested<K: Kind>(switch: Switch<'_>) -> Hcr {
    let vcpu = switch.vcpu;
    let hyp_context = K::in_hyp_context(switch);

    switch
        .host
        .set_flag(HostFlag::VcpuInHypContext, hyp_context);
    world::assert_vncr_is_unmapped_unless_nested(switch.host, hyp_context);

    if hyp_context {
        publish(switch);
        world::point_vncr_at_vcpu(vcpu);
        return of_guest_hypervisor(vcpu.nested_hcr_res1(), vcpu.el2_e2h());
    }

    let hcr = of_nested_guest(Hcr::from_raw(vcpu.sys_reg(SysReg::HCR_EL2)));

    if hcr.has(Hcr::NV) {
        world::point_vncr_at_fixmap(vcpu.sys_reg(SysReg::VNCR_EL2), switch.masked);
    }
    hcr
}

/// Whether the hardware has a register for what a guest hypervisor writes to its `HCR_EL2`, rather
/// than a place in its page: one that is a VHE host, with FEAT_NV3.
#[inline(always)]
fn is_in_hardware(vcpu: RunningVcpu<'_>) -> bool {
    cpucaps::has_nv3() && vcpu.el2_e2h()
}

/// Lets a guest hypervisor find its `HCR_EL2` where it reads and writes it without a trap.
#[inline(always)]
fn publish(switch: Switch<'_>) {
    let hcr = Hcr::from_raw(switch.guest().sys_reg(SysReg::HCR_EL2));

    if is_in_hardware(switch.vcpu) {
        NVHCR_EL2::set(hcr, *switch.masked);
    } else {
        switch
            .guest()
            .set_sys_reg(SysReg::NVHCR_EL2, hcr.into_raw());
    }
}

/// Takes over what a guest hypervisor has made of its `HCR_EL2`. Right after the exit: whether the
/// vCPU is in hyp context depends on it.
#[inline(always)]
pub(in crate::hyp) fn take_over(switch: Switch<'_>) {
    let hcr = if is_in_hardware(switch.vcpu) {
        NVHCR_EL2::read_raw()
    } else {
        switch.guest().sys_reg(SysReg::NVHCR_EL2)
    };

    // Most exits come without a change. What is in memory has no bits that the guest does not have.
    if hcr != switch.guest().sys_reg(SysReg::HCR_EL2) {
        switch.vcpu.set_sys_reg(SysReg::HCR_EL2, hcr);
    }
}

/// For a guest hypervisor. What it sets does not apply to itself, but for what it cannot change.
const fn of_guest_hypervisor(res1: Hcr, is_vhe_host: bool) -> Hcr {
    let hcr = res1
        .with(Hcr::NV)
        .with(Hcr::NV2)
        .with(Hcr::AT)
        .with(Hcr::TTLB);

    if is_vhe_host {
        hcr
    } else {
        hcr.with(Hcr::NV1)
    }
}

/// For its guest, by its `HCR_EL2`.
const fn of_nested_guest(hcr: Hcr) -> Hcr {
    // Without NV2 in hardware a guest hypervisor one level down would trap here for nothing.
    let hcr = if hcr.has(Hcr::NV) {
        hcr.with(Hcr::NV2)
    } else {
        hcr
    };

    // A delay is for a WFE that the guest hypervisor wants, not for one that the host does.
    if hcr.has(Hcr::TWE) {
        hcr
    } else {
        hcr.without(Hcr::TWEDEn).without(Hcr::TWEDEL)
    }
}

/// Gives a virtual SError that is pending the syndrome that goes with it.
#[inline(always)]
pub(in crate::hyp) fn load_vserror_syndrome(switch: Switch<'_>, hcr: Hcr) {
    if cpucaps::has_ras() && hcr.has(Hcr::VSE) {
        VSESR_EL2::set_raw(vserror_syndrome(switch.vcpu), *switch.masked);
    }
}

/// The syndrome of the virtual SError that is pending for the guest.
#[cold]
pub(in crate::hyp) fn vserror_syndrome(vcpu: RunningVcpu<'_>) -> u64 {
    // With AMO set physical SErrors come to EL2, and virtual ones are for EL1. So the host's and
    // the guest hypervisor's never wait for the same context.
    if !vcpu.vserror_is_nested() {
        vcpu.vserror_syndrome()
    } else if vcpu.vm().tells_of(IdField::RAS) {
        vcpu.sys_reg(SysReg::VSESR_EL2)
    } else {
        // A guest hypervisor that is not told of FEAT_RAS has none to give, but its guest gets one
        // all the same: the hardware has FEAT_RAS.
        Vsesr::ZERO.with(Vsesr::IDS).into_raw()
    }
}

/// Takes note of a virtual SError that was pending and has been taken: the CPU clears VSE then (Arm
/// ARM, "Virtual interrupts").
#[inline(always)]
pub(in crate::hyp) fn save_vserror<K: Kind>(switch: Switch<'_>) {
    if K::HAS_EL2 && switch.vcpu.vserror_is_nested() {
        save_nested_vserror(switch);
    } else if switch.vcpu.hcr().has(Hcr::VSE) && !HCR_EL2::read().has(Hcr::VSE) {
        switch.vcpu.clear_pending_vserror();
    }
}

fn save_nested_vserror(switch: Switch<'_>) {
    let hcr = Hcr::from_raw(switch.guest().sys_reg(SysReg::HCR_EL2));

    if hcr.has(Hcr::VSE) && !HCR_EL2::read().has(Hcr::VSE) {
        let hcr = hcr.without(Hcr::VSE);

        switch.guest().set_sys_reg(SysReg::HCR_EL2, hcr.into_raw());
    }
}

#[cfg(all(CONFIG_KVM_ARM64_RUST_KUNIT_TEST, not(nvhe)))]
#[kernel::prelude::kunit_tests(kvm_arm64_switch_hcr)]
mod tests {
    use super::*;

    // Bits of HCR_EL2, by the Arm ARM's figure.
    const VM: u64 = 1;
    const TWE: u64 = 1 << 14;
    const TTLB: u64 = 1 << 25;
    const TGE: u64 = 1 << 27;
    const RW: u64 = 1 << 31;
    const E2H: u64 = 1 << 34;
    const APK: u64 = 1 << 40;
    const API: u64 = 1 << 41;
    const NV: u64 = 1 << 42;
    const NV1: u64 = 1 << 43;
    const AT: u64 = 1 << 44;
    const NV2: u64 = 1 << 45;
    const FIEN: u64 = 1 << 47;
    const TWED: u64 = 0x1f << 59;

    #[test]
    fn host() {
        // RW, TGE, E2H, and AMO, IMO, FMO.
        assert_eq!(Hcr::VHE_HOST.into_raw(), RW | TGE | E2H | 0x38);
    }

    /// Some of a guest hypervisor's bits stay out of the hardware; the host's stay in.
    #[test]
    fn merge() {
        let merge = |host, guest| merged(Hcr::from_raw(host), Hcr::from_raw(guest)).into_raw();

        assert_eq!(merge(RW | VM, 0), RW | VM);
        assert_eq!(merge(VM, TGE | API | APK | FIEN), VM);
        assert_eq!(merge(VM | API | APK, TGE), VM | API | APK);
        assert_eq!(merge(VM, TWE | NV), VM | TWE | NV);
    }

    /// Virtual EL2 runs at EL1, with its registers in memory; NV1 if it has no E2H.
    #[test]
    fn guest_hypervisor() {
        let value = |res1, vhe| of_guest_hypervisor(Hcr::from_raw(res1), vhe).into_raw();

        assert_eq!(value(0, true), NV | NV2 | AT | TTLB);
        assert_eq!(value(E2H, true), E2H | NV | NV2 | AT | TTLB);
        assert_eq!(value(0, false), NV | NV1 | NV2 | AT | TTLB);
    }

    /// A nested guest's: NV2 comes with NV, a delay only with TWE.
    #[test]
    fn nested_guest() {
        let value = |hcr| of_nested_guest(Hcr::from_raw(hcr)).into_raw();

        assert_eq!(value(VM), VM);
        assert_eq!(value(NV), NV | NV2);
        assert_eq!(value(NV | NV1 | NV2), NV | NV1 | NV2);
        assert_eq!(value(VM | TWED), VM);
        assert_eq!(value(VM | TWE | TWED), VM | TWE | TWED);
    }
}
