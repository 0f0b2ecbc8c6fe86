// SPDX-License-Identifier: GPL-2.0

//! Traps that are set as long as a vCPU is loaded.
//!
//! Mirrors: arch/arm64/kvm/hyp/include/hyp/switch.h: cpu_has_amu, __activate_fgt,
//!     __activate_traps_hfgxtr, __activate_traps_ich_hfgxtr, __deactivate_fgt,
//!     __deactivate_traps_hfgxtr, __deactivate_traps_ich_hfgxtr, __activate_traps_mpam,
//!     __deactivate_traps_mpam, NV_HCRX_GUEST_EXCLUDE, __activate_traps_common,
//!     __deactivate_traps_common; arch/arm64/include/asm/kvm_host.h: vcpu_fgt

use crate::{
    arm64::{
        cpucaps,
        evidence::Vhe,
        registers::{
            control::*,
            GuestRegister,
            SystemRegister, //
        }, //
    },
    bindings,
    host::{
        context::IrqOff,
        cpu_context::SysRegs,
        sys_reg::SysReg,
        vcpu::Vcpu,
        vcpu_switch::FgtGroup, //
    },
};

/// Makes functions that swap trap registers for a guest's values and back, by a table that has for
/// each the host's value in memory and where the guest's comes from.
macro_rules! swap_tables {
    ($($activate:ident, $deactivate:ident {
        $($register:ident = $saved:ident: $group:ident.$side:ident;)*
    })*) => {$(
        fn $activate(vcpu: Vcpu<'_>, host: SysRegs<'_>, vhe: Vhe<'_>) {
            $(
                host.set(SysReg::$saved, $register::read());
                $register::set(vcpu.fine_grained_traps(FgtGroup::$group).$side, vhe);
            )*
        }

        fn $deactivate(host: SysRegs<'_>, vhe: Vhe<'_>) {
            $($register::set(host.get(SysReg::$saved), vhe);)*
        }
    )*};
}

swap_tables! {
    activate_fgt, deactivate_fgt {
        HfgrtrEl2 = HFGRTR_EL2: HFGR.read;
        HfgwtrEl2 = HFGWTR_EL2: HFGR.write;
        HfgitrEl2 = HFGITR_EL2: HFGI.read;
        HdfgrtrEl2 = HDFGRTR_EL2: HDFG.read;
        HdfgwtrEl2 = HDFGWTR_EL2: HDFG.write;
    }
    activate_fgt_amu, deactivate_fgt_amu {
        HafgrtrEl2 = HAFGRTR_EL2: HAFG.read;
    }
    activate_fgt2, deactivate_fgt2 {
        Hfgrtr2El2 = HFGRTR2_EL2: HFGR2.read;
        Hfgwtr2El2 = HFGWTR2_EL2: HFGR2.write;
        Hfgitr2El2 = HFGITR2_EL2: HFGI2.read;
        Hdfgrtr2El2 = HDFGRTR2_EL2: HDFG2.read;
        Hdfgwtr2El2 = HDFGWTR2_EL2: HDFG2.write;
    }
    activate_fgt_gicv5, deactivate_fgt_gicv5 {
        IchHfgrtrEl2 = ICH_HFGRTR_EL2: ICH_HFGR.read;
        IchHfgwtrEl2 = ICH_HFGWTR_EL2: ICH_HFGR.write;
        IchHfgitrEl2 = ICH_HFGITR_EL2: ICH_HFGI.read;
    }
}

/// Whether this CPU has activity monitors (FEAT_AMU).
fn cpu_has_amu() -> bool {
    IdAa64Pfr0El1::read() >> 44 & 0xf != 0
}

/// Sets the guest's traps.
///
/// Interrupts are off: a PMU driver may want to change `PMUSERENR_EL0` by an IPI, and must find
/// register and saved value in step.
pub(in crate::hyp) fn activate(vcpu: Vcpu<'_>, host: SysRegs<'_>, vhe: Vhe<'_>, _irq_off: &IrqOff) {
    /// Coprocessor 15, c15: an implementation's own registers.
    const HSTR_T15: u64 = 1 << 15;
    /// EL0 may use all of the PMU as far as EL1 is concerned, so that it is EL2 that it traps to.
    const PMUSERENR_ALL: u64 = 0xf;

    HstrEl2::set(HSTR_T15, vhe);

    if cpucaps::has_pmuv3() {
        // If it meant the cycle counter, PMXEVCNTR_EL0 would be undefined instead of trapping.
        PmselrEl0::set(0, vhe);
        host.set(SysReg::PMUSERENR_EL0, PmuserenrEl0::read());
        PmuserenrEl0::set(PMUSERENR_ALL, vhe);
        vcpu.set_pmuserenr_on_cpu(true);
    }
    if cpucaps::has_hcx() {
        host.set(SysReg::HCRX_EL2, HcrxEl2::read());
        HcrxEl2::set(hcrx(vcpu), vhe);
    }
    if cpucaps::has_fgt() {
        activate_fgt(vcpu, host, vhe);
        if cpu_has_amu() {
            activate_fgt_amu(vcpu, host, vhe);
        }
        if cpucaps::has_fgt2() {
            activate_fgt2(vcpu, host, vhe);
        }
    }
    if cpucaps::has_gicv5_cpuif() {
        activate_fgt_gicv5(vcpu, host, vhe);
    }
    if cpucaps::has_mpam() {
        mpam::activate(vhe);
    }
}

/// Sets the host's again.
pub(in crate::hyp) fn deactivate(
    vcpu: Vcpu<'_>,
    host: SysRegs<'_>,
    vhe: Vhe<'_>,
    _irq_off: &IrqOff,
) {
    HstrEl2::set(0, vhe);

    if cpucaps::has_pmuv3() {
        PmuserenrEl0::set(host.get(SysReg::PMUSERENR_EL0), vhe);
        vcpu.set_pmuserenr_on_cpu(false);
    }
    if cpucaps::has_hcx() {
        HcrxEl2::set(host.get(SysReg::HCRX_EL2), vhe);
    }
    if cpucaps::has_fgt() {
        deactivate_fgt(host, vhe);
        if cpu_has_amu() {
            deactivate_fgt_amu(host, vhe);
        }
        if cpucaps::has_fgt2() {
            deactivate_fgt2(host, vhe);
        }
    }
    if cpucaps::has_gicv5_cpuif() {
        deactivate_fgt_gicv5(host, vhe);
    }
    if cpucaps::has_mpam() {
        mpam::deactivate(vhe);
    }
}

/// `HCRX_EL2` for the guest: the host's part, and in a nested guest its hypervisor's.
fn hcrx(vcpu: Vcpu<'_>) -> u64 {
    if vcpu.in_nested_context() {
        merged_hcrx(vcpu.hcrx(), vcpu.sys_reg(SysReg::HCRX_EL2))
    } else {
        vcpu.hcrx()
    }
}

/// The register is about EL1 and EL0 alone, so a guest hypervisor's is about its guest, and the
/// guest hypervisor has no bits but those that its VM's features bring.
const fn merged_hcrx(host: u64, guest: u64) -> u64 {
    /// What the host decides: how a synchronous external abort is routed (TMEA), that table walks
    /// are coherent (PTTWI), and that there are no implementation's registers (EnIDCP128).
    const HOST: u64 = 1 << bindings::HCRX_EL2_TMEA_SHIFT
        | 1 << bindings::HCRX_EL2_PTTWI_SHIFT
        | 1 << bindings::HCRX_EL2_EnIDCP128_SHIFT;

    host & HOST | guest & !HOST
}

/// Memory partitioning (FEAT_MPAM), which guests are not told of.
mod mpam {
    use super::*;

    /// `MPAM2_EL2`: do not trap `MPAMSM_EL1`.
    const EN_MPAMSM: u64 = 1 << 50;
    /// `MPAM2_EL2`: trap `MPAM1_EL1` and `MPAM0_EL1` of EL1.
    const TRAP_EL1: u64 = 1 << 48 | 1 << 49;
    /// `MPAM2_EL2`: trap `MPAMIDR_EL1`, from MPAM 1.1 on, where there is no `MPAMHCR_EL2`.
    const TIDR: u64 = 1 << 58;
    /// `MPAMHCR_EL2`: trap `MPAMIDR_EL1`.
    const TRAP_MPAMIDR: u64 = 1 << 31;

    pub(super) fn activate(vhe: Vhe<'_>) {
        if cpucaps::has_mpam_hcr() {
            MpamhcrEl2::set(TRAP_MPAMIDR, vhe);
            update(EN_MPAMSM, TRAP_EL1, vhe);
        } else {
            update(EN_MPAMSM, TRAP_EL1 | TIDR, vhe);
        }
    }

    pub(super) fn deactivate(vhe: Vhe<'_>) {
        update(TRAP_EL1 | TIDR, EN_MPAMSM, vhe);
        if cpucaps::has_mpam_hcr() {
            MpamhcrEl2::set(0, vhe);
        }
    }

    fn update(clear: u64, set: u64, vhe: Vhe<'_>) {
        let old = Mpam2El2::read();
        let new = old & !clear | set;

        if new != old {
            Mpam2El2::set(new, vhe);
        }
    }
}

#[cfg(CONFIG_KVM_ARM64_RUST_KUNIT_TEST)]
#[kernel::prelude::kunit_tests(kvm_arm64_switch_hcrx)]
mod tests {
    use super::*;

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
