// SPDX-License-Identifier: GPL-2.0

//! Traps that are set as long as a vCPU is loaded.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: cpu_has_amu, __activate_fgt,
//!     __activate_traps_hfgxtr, __activate_traps_ich_hfgxtr, __deactivate_fgt,
//!     __deactivate_traps_hfgxtr, __deactivate_traps_ich_hfgxtr, NV_HCRX_GUEST_EXCLUDE, __activate_traps_common,
//!     __deactivate_traps_common; arch/arm64/include/asm/kvm_host.h: vcpu_fgt
#![forbid(unsafe_code)]

use super::*;

/// Makes functions that swap trap registers for a guest's values and back, by a table that has for
/// each the host's value in memory and where the guest's comes from.
macro_rules! swap_tables {
    ($($activate:ident, $deactivate:ident {
        $($register:ident: $group:ident.$side:ident;)*
    })*) => {$(
        fn $activate(vcpu: LoadedVcpu<'_>, host: SysRegs<'_>, el2: El2<'_>) {
            $(
                host.set(SysReg::$register, $register::read_raw());
                $register::set_raw(vcpu.fine_grained_traps(FgtGroup::$group).$side, el2);
            )*
        }

        fn $deactivate(host: SysRegs<'_>, el2: El2<'_>) {
            $($register::set_raw(host.get(SysReg::$register), el2);)*
        }
    )*};
}

swap_tables! {
    activate_fgt, deactivate_fgt {
        HFGRTR_EL2: HFGR.read;
        HFGWTR_EL2: HFGR.write;
        HFGITR_EL2: HFGI.read;
        HDFGRTR_EL2: HDFG.read;
        HDFGWTR_EL2: HDFG.write;
    }
    activate_fgt_amu, deactivate_fgt_amu {
        HAFGRTR_EL2: HAFG.read;
    }
    activate_fgt2, deactivate_fgt2 {
        HFGRTR2_EL2: HFGR2.read;
        HFGWTR2_EL2: HFGR2.write;
        HFGITR2_EL2: HFGI2.read;
        HDFGRTR2_EL2: HDFG2.read;
        HDFGWTR2_EL2: HDFG2.write;
    }
    activate_fgt_gicv5, deactivate_fgt_gicv5 {
        ICH_HFGRTR_EL2: ICH_HFGR.read;
        ICH_HFGWTR_EL2: ICH_HFGR.write;
        ICH_HFGITR_EL2: ICH_HFGI.read;
    }
}

/// Whether this CPU has activity monitors (FEAT_AMU).
fn cpu_has_amu() -> bool {
    ID_AA64PFR0_EL1::read().has(IdAa64Pfr0::AMU)
}

/// Sets the guest's traps.
///
/// Interrupts are off: a PMU driver may want to change `PMUSERENR_EL0` by an IPI, and must find
/// register and saved value in step.
pub(in crate::hyp) fn activate(
    vcpu: LoadedVcpu<'_>,
    host: SysRegs<'_>,
    el2: El2<'_>,
    irq_off: &IrqOff,
) {
    HSTR_EL2::set(Hstr::ZERO.with(Hstr::T15), el2);

    if cpucaps::has_pmuv3() {
        // If it meant the cycle counter, PMXEVCNTR_EL0 would be undefined instead of trapping.
        PMSELR_EL0::set(0, el2);
        host.set(SysReg::PMUSERENR_EL0, PMUSERENR_EL0::read_raw());
        // EL0 may use all of the PMU as far as EL1 is concerned, so that it is EL2 that it traps to.
        PMUSERENR_EL0::set(Pmuserenr::ZERO.with(Pmuserenr::ALL), el2);
        vcpu.set_pmuserenr_on_cpu(true, irq_off);
    }
    if cpucaps::has_hcx() {
        host.set(SysReg::HCRX_EL2, HCRX_EL2::read_raw());
        HCRX_EL2::set(hcrx(vcpu), el2);
    }
    if cpucaps::has_fgt() {
        activate_fgt(vcpu, host, el2);
        if cpu_has_amu() {
            activate_fgt_amu(vcpu, host, el2);
        }
        if cpucaps::has_fgt2() {
            activate_fgt2(vcpu, host, el2);
        }
    }
    if cpucaps::has_gicv5_cpuif() {
        activate_fgt_gicv5(vcpu, host, el2);
    }
    if cpucaps::has_mpam() {
        mpam::trap(el2);
    }
}

/// Sets the host's again.
pub(in crate::hyp) fn deactivate(
    vcpu: LoadedVcpu<'_>,
    host: SysRegs<'_>,
    el2: El2<'_>,
    irq_off: &IrqOff,
) {
    HSTR_EL2::set(Hstr::ZERO, el2);

    if cpucaps::has_pmuv3() {
        PMUSERENR_EL0::set_raw(host.get(SysReg::PMUSERENR_EL0), el2);
        vcpu.set_pmuserenr_on_cpu(false, irq_off);
    }
    if cpucaps::has_hcx() {
        HCRX_EL2::set_raw(host.get(SysReg::HCRX_EL2), el2);
    }
    if cpucaps::has_fgt() {
        deactivate_fgt(host, el2);
        if cpu_has_amu() {
            deactivate_fgt_amu(host, el2);
        }
        if cpucaps::has_fgt2() {
            deactivate_fgt2(host, el2);
        }
    }
    if cpucaps::has_gicv5_cpuif() {
        deactivate_fgt_gicv5(host, el2);
    }
    if cpucaps::has_mpam() {
        mpam::untrap(el2);
    }
}

/// `HCRX_EL2` for the guest: the host's part, and in a nested guest its hypervisor's.
fn hcrx(vcpu: LoadedVcpu<'_>) -> Hcrx {
    let host = Hcrx::from_raw(vcpu.hcrx());

    if vcpu.in_nested_context() {
        merged_hcrx(host, Hcrx::from_raw(vcpu.sys_reg(SysReg::HCRX_EL2)))
    } else {
        host
    }
}

/// What the host decides: how a synchronous external abort is routed (TMEA), that table walks are
/// coherent (PTTWI), and that there are no implementation's registers (EnIDCP128).
const OF_HOST: Hcrx = Hcrx::ZERO
    .with(Hcrx::TMEA)
    .with(Hcrx::PTTWI)
    .with(Hcrx::EnIDCP128);

/// The register is about EL1 and EL0 alone, so a guest hypervisor's is about its guest, and the
/// guest hypervisor has no bits but those that its VM's features bring.
const fn merged_hcrx(host: Hcrx, guest: Hcrx) -> Hcrx {
    host.and(OF_HOST).or(guest.minus(OF_HOST))
}

#[cfg(all(CONFIG_KVM_ARM64_RUST_KUNIT_TEST, not(nvhe)))]
#[kernel::prelude::kunit_tests(kvm_arm64_switch_hcrx)]
mod tests {
    use super::*;

    fn merged_hcrx(host: u64, guest: u64) -> u64 {
        super::merged_hcrx(Hcrx::from_raw(host), Hcrx::from_raw(guest)).into_raw()
    }

    // Bits of HCRX_EL2, by the Arm ARM's figure.
    const EN_AS0: u64 = 1;
    const TALLINT: u64 = 1 << 6;
    const MSCEN: u64 = 1 << 11;
    const TCR2EN: u64 = 1 << 14;

    const PTTWI: u64 = 1 << 16;
    const TMEA: u64 = 1 << 19;
    const ENIDCP128: u64 = 1 << 21;

    /// A nested guest's is its hypervisor's, whatever the host's is.
    #[test]
    fn guest_hypervisor_decides() {
        assert_eq!(merged_hcrx(MSCEN | TCR2EN, 0), 0);
        assert_eq!(merged_hcrx(MSCEN | TCR2EN, TCR2EN), TCR2EN);
        assert_eq!(merged_hcrx(0, MSCEN | EN_AS0), MSCEN | EN_AS0);
        assert_eq!(merged_hcrx(TALLINT, 0), 0);
        assert_eq!(merged_hcrx(0, TALLINT), TALLINT);
    }

    /// But for three bits.
    #[test]
    fn host_decides() {
        for bit in [PTTWI, ENIDCP128, TMEA] {
            assert_eq!(merged_hcrx(bit, 0), bit);
            assert_eq!(merged_hcrx(0, bit), 0);
            assert_eq!(merged_hcrx(bit, bit | MSCEN), bit | MSCEN);
        }
    }
}
