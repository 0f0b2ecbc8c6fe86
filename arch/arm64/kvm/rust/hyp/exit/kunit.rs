// SPDX-License-Identifier: GPL-2.0

//! KUnit tests: what exits are decoded to, with values from the architecture manual.
#![forbid(unsafe_code)]

use kernel::prelude::kunit_tests;

#[kunit_tests(kvm_arm64_switch_esr)]
mod esr_tests {
    use crate::arm64::prelude::*;

    fn class(ec: u64) -> ExceptionClass {
        Esr::from_raw(ec << 26 | 0x3ff_ffff).class()
    }

    #[test]
    fn classes_are_told_by_six_bits() {
        assert_eq!(class(0b000011), ExceptionClass::Cp15);
        assert_eq!(class(0b000111), ExceptionClass::FpAsimd);
        assert_eq!(class(0b001001), ExceptionClass::Pac);
        assert_eq!(class(0b010010), ExceptionClass::Hvc);
        assert_eq!(class(0b010110), ExceptionClass::Hvc);
        assert_eq!(class(0b011000), ExceptionClass::System);
        assert_eq!(class(0b011001), ExceptionClass::Sve);
        assert_eq!(class(0b011010), ExceptionClass::Eret);
        assert_eq!(class(0b100000), ExceptionClass::InstructionAbort);
        assert_eq!(class(0b100100), ExceptionClass::DataAbort);
        assert_eq!(class(0b100111), ExceptionClass::MemoryOperation);
        assert_eq!(class(0b110100), ExceptionClass::Watchpoint);
        assert_eq!(class(0b111111), ExceptionClass::Unallocated3f);
    }

    #[test]
    fn bits_above_32_are_not_the_class() {
        let wfi = Esr::from_raw(0xffff_ffff_0000_0000 | 0b000001 << 26);

        assert_eq!(wfi.class(), ExceptionClass::Other);
    }

    #[test]
    fn an_mrs_of_the_virtual_count_to_x7() {
        // Op0 3, Op2 2, Op1 3, CRn 14, Rt 7, CRm 0, read.
        let iss = 3 << 20 | 2 << 17 | 3 << 14 | 14 << 10 | 7 << 5 | 1;
        let esr = Esr::for_system_trap(iss | 1 << 25 | 1 << 31);
        let trap = esr.system_trap();

        assert_eq!(esr.into_raw(), 0b011000 << 26 | 1 << 25 | iss);
        assert_eq!(esr.class(), ExceptionClass::System);
        assert_eq!(trap.encoding(), Encoding::new(3, 3, 14, 0, 2));
        assert_eq!(trap.rt().number(), 7);
        assert_eq!(trap.direction(), Direction::Read);
    }

    #[test]
    fn an_instruction_word_has_the_encoding() {
        // MSR TTBR1_EL1, X3 is 0xd5182023: the encoding is bits 20 to 5.
        let word = 0xd518_2023u32;

        assert_eq!(Encoding::new(3, 0, 2, 0, 1).into_raw(), word & 0x1f_ffe0);
    }

    #[test]
    fn faults_are_told_by_six_bits() {
        use Fault::*;

        let fault = |fsc: u64| Esr::from_raw(0b100100 << 26 | 1 << 6 | fsc).abort().fault();

        for level in 0..4 {
            assert_eq!(fault(level), AddressSize);
            assert_eq!(fault(0b000100 | level), Translation);
            assert_eq!(fault(0b001000 | level), AccessFlag);
            assert_eq!(fault(0b001100 | level), Permission);
            assert_eq!(fault(0b010100 | level), ExternalOnWalk);
            assert_eq!(fault(0b011100 | level), EccOnWalk);
        }
        assert_eq!(fault(0b101001), AddressSize);
        assert_eq!(fault(0b101011), Translation);
        assert_eq!(fault(0b010011), ExternalOnWalk);
        assert_eq!(fault(0b011011), EccOnWalk);
        assert_eq!(fault(0b010000), External);
        assert_eq!(fault(0b011000), Ecc);
        // A debug exception, alignment, a tag check.
        assert_eq!(fault(0b100010), Other);
        assert_eq!(fault(0b100001), Other);
        assert_eq!(fault(0b010001), Other);
    }
}

#[kunit_tests(kvm_arm64_switch_fault)]
mod fault_tests {
    use super::super::fault::*;
    use crate::arm64::prelude::*;

    const S1PTW: u64 = 1 << 7;
    const FNV: u64 = 1 << 10;

    fn address(iss: u64) -> Address {
        Address::of(Esr::from_raw(0b100100 << 26 | iss).abort(), false)
    }

    #[test]
    fn hpfar_is_valid_for_faults_of_stage_2() {
        // Translation, access flag and address size faults, and permission faults on a walk.
        assert_eq!(address(0b000111), Address::Reported);
        assert_eq!(address(0b001011), Address::Reported);
        assert_eq!(address(0b000001), Address::Reported);
        assert_eq!(address(0b001111 | S1PTW), Address::Reported);
        assert_eq!(address(0b001111), Address::ByTranslation);
    }

    #[test]
    fn external_aborts_may_have_no_address() {
        assert_eq!(address(0b010000), Address::ByTranslation);
        assert_eq!(address(0b010000 | FNV), Address::Unknown);
        assert_eq!(address(0b010110), Address::Unknown);
        assert_eq!(address(0b011110), Address::Unknown);
        assert_eq!(address(0b011000), Address::ByTranslation);
    }

    #[test]
    fn a_translation_fault_is_looked_up_again_with_erratum_834220() {
        let fault = |fsc| Address::of(Esr::from_raw(fsc).abort(), true);

        assert_eq!(fault(0b000110), Address::ByTranslation);
        assert_eq!(fault(0b000110 | S1PTW), Address::Reported);
        assert_eq!(fault(0b001010), Address::Reported);
    }

    #[test]
    fn a_page_has_the_format_of_hpfar() {
        // A successful translation to 0x8_1234_5000: attributes above and below the address.
        let par = 0xff00_0008_1234_5b80;

        assert_eq!(
            translated(Par::from_raw(par)),
            Some(1 << 63 | 0x8_1234_5000 >> 8)
        );
        assert_eq!(translated(Par::from_raw(par | 1)), None);
        assert_eq!(reported(0x8123_4500), 1 << 63 | 0x8123_4500);
    }
}

#[kunit_tests(kvm_arm64_switch_mops)]
mod mops_tests {
    use crate::arm64::prelude::*;

    const SET: u64 = 1 << 24;
    const FROM_EPILOGUE: u64 = 1 << 18;
    const WRONG_OPTION: u64 = 1 << 17;
    const OPTION_A: u64 = 1 << 16;

    fn operation(iss: u64) -> MemoryOperation {
        Esr::from_raw(0b100111 << 26 | iss).memory_operation()
    }

    fn operands(destination: u64, source: u64, size: u64) -> Operands {
        Operands {
            destination,
            source,
            size,
        }
    }

    #[test]
    fn registers_are_named_by_the_syndrome() {
        let cpy = operation(3 << 10 | 4 << 5 | 5);

        assert_eq!(cpy.destination().number(), 3);
        assert_eq!(cpy.source().number(), 4);
        assert_eq!(cpy.size().number(), 5);
    }

    #[test]
    fn the_form_is_the_options_if_not_wrong() {
        assert!(operation(OPTION_A).registers_have_option_a());
        assert!(operation(WRONG_OPTION).registers_have_option_a());
        assert!(!operation(0).registers_have_option_a());
        assert!(!operation(OPTION_A | WRONG_OPTION).registers_have_option_a());
    }

    // 0x100 bytes, of which 0x40 are done.
    const LEFT: u64 = 0xc0;

    #[test]
    fn a_set_by_option_a_counts_up_to_the_end() {
        let before = operands(0x1100, 0xaa, LEFT.wrapping_neg());

        assert_eq!(
            before.for_prologue(operation(SET | OPTION_A), true),
            operands(0x1040, 0xaa, LEFT)
        );
        assert_eq!(before.for_prologue(operation(SET), true), before);
    }

    #[test]
    fn a_copy_by_option_a_goes_forward_if_the_size_is_negative() {
        assert_eq!(
            operands(0x1100, 0x2100, LEFT.wrapping_neg()).for_prologue(operation(OPTION_A), false),
            operands(0x1040, 0x2040, LEFT)
        );
        // Backward: what is left is at the start.
        assert_eq!(
            operands(0x1000, 0x2000, LEFT).for_prologue(operation(OPTION_A), false),
            operands(0x1000, 0x2000, LEFT)
        );
    }

    #[test]
    fn a_copy_by_option_b_goes_backward_if_n_is_set() {
        assert_eq!(
            operands(0x1040, 0x2040, LEFT).for_prologue(operation(0), false),
            operands(0x1040, 0x2040, LEFT)
        );
        assert_eq!(
            operands(0x10c0, 0x20c0, LEFT).for_prologue(operation(0), true),
            operands(0x1000, 0x2000, LEFT)
        );
    }

    #[test]
    fn the_prologue_is_the_first_of_three() {
        assert_eq!(prologue(operation(0), 0x4004), 0x4000);
        assert_eq!(prologue(operation(FROM_EPILOGUE), 0x4008), 0x4000);
    }
}

#[kunit_tests(kvm_arm64_switch_context)]
mod context_tests {
    use super::super::{
        counter::Counter,
        nested::{
            eret,
            timer::*, //
        }, //
    };
    use crate::arm64::prelude::*;

    /// Flags and masks that have nothing to do with the mode.
    const REST: u64 = 0x6000_03c0;

    fn pstate(mode: u64) -> Pstate {
        Pstate::from_raw(REST | mode)
    }

    #[test]
    fn el1_stands_for_virtual_el2() {
        assert_eq!(pstate(0b00101).as_virtual_el2(), pstate(0b01001));
        assert_eq!(pstate(0b00100).as_virtual_el2(), pstate(0b01000));
        assert_eq!(pstate(0b00000).as_virtual_el2(), pstate(0b00000));
        assert_eq!(pstate(0b10011).as_virtual_el2(), pstate(0b10011));
    }

    #[test]
    fn an_instruction_ends_a_step_and_a_branch() {
        let before = Pstate::from_raw(REST | 1 << 21 | 0b11 << 10 | 0b00101);

        assert_eq!(before.after_instruction(), pstate(0b00101));
        assert!(before.has(Pstate::SS));
    }

    fn within_context(to: Pstate, is_host_with_vhe: bool) -> Option<Pstate> {
        eret::within_context(to, is_host_with_vhe).map(GuestPstate::get)
    }

    #[test]
    fn a_return_within_hyp_context() {
        assert_eq!(
            within_context(pstate(0b01001), false),
            Some(pstate(0b00101))
        );
        assert_eq!(within_context(pstate(0b01000), true), Some(pstate(0b00100)));
        assert_eq!(within_context(pstate(0b00000), true), Some(pstate(0b00000)));
        // To a guest's EL0, EL1, AArch32, EL3.
        assert_eq!(within_context(pstate(0b00000), false), None);
        assert_eq!(within_context(pstate(0b00101), true), None);
        assert_eq!(within_context(pstate(0b10000), true), None);
        assert_eq!(within_context(pstate(0b01101), true), None);
    }

    #[test]
    fn counters_by_their_encodings() {
        let of = |op2| Counter::of(Encoding::new(3, 3, 14, 0, op2));

        assert_eq!(of(1), Some(Counter::Physical));
        assert_eq!(of(5), Some(Counter::Physical));
        assert_eq!(of(2), Some(Counter::Virtual));
        assert_eq!(of(6), Some(Counter::Virtual));
        // CNTFRQ_EL0.
        assert_eq!(of(0), None);
    }

    fn allowed_by(counter: Counter, cnthctl: u64, e2h: bool) -> bool {
        counter.allowed_by(Cnthctl::from_raw(cnthctl), e2h)
    }

    #[test]
    fn a_guest_hypervisor_decides_about_counters() {
        // Without E2H EL1PCTEN is bit 0, with it bit 10; EL1TVCT is bit 14 in either.
        assert!(allowed_by(Counter::Physical, 1 << 0, false));
        assert!(!allowed_by(Counter::Physical, !(1 << 0), false));
        assert!(allowed_by(Counter::Physical, 1 << 10, true));
        assert!(!allowed_by(Counter::Physical, !(1 << 10), true));
        assert!(allowed_by(Counter::Virtual, !(1 << 14), true));
        assert!(!allowed_by(Counter::Virtual, 1 << 14, false));
    }

    #[test]
    fn timers_by_their_encodings() {
        let of = |op1, crm, op2| Register::of(Encoding::new(3, op1, 14, crm, op2));

        assert_eq!(of(3, 2, 1), Some(Register::Control(Timer::Physical)));
        assert_eq!(of(3, 3, 2), Some(Register::Compare(Timer::Virtual)));
        assert_eq!(of(5, 2, 2), Some(Register::Compare(Timer::PhysicalEl1)));
        assert_eq!(of(5, 3, 1), Some(Register::Control(Timer::VirtualEl1)));
        assert_eq!(of(3, 0, 1), Some(Register::PhysicalCount));
        assert_eq!(of(3, 0, 6), Some(Register::VirtualCount));
        // CNTP_TVAL_EL0, CNTHP_CTL_EL2.
        assert_eq!(of(3, 2, 0), None);
        assert_eq!(of(4, 2, 1), None);
    }

    #[test]
    fn a_condition_is_met_when_the_count_is_reached() {
        assert_eq!(with_status(0b001, 100, 100), 0b101);
        assert_eq!(with_status(0b101, 100, 99), 0b001);
        assert_eq!(with_status(0b011, 0, u64::MAX), 0b111);
    }
}
