// SPDX-License-Identifier: GPL-2.0

//! Syndromes and states, against the tables of the architecture manual.

use crate::arm64::encoding::Encoding;
use crate::arm64::esr::{Abort, Direction, Esr, ExceptionClass, Fault};
use crate::arm64::fields::Value;
use crate::arm64::pstate::{Mode, Pstate};
use crate::edges::{config, word};
use proptest::prelude::*;

/// "ESR_EL2", table of the field EC: the classes that a fix-up exists for.
const CLASSES: [(u64, ExceptionClass); 13] = [
    (0b000011, ExceptionClass::Cp15),
    (0b000111, ExceptionClass::FpAsimd),
    (0b001001, ExceptionClass::Pac),
    (0b010010, ExceptionClass::Hvc),
    (0b010110, ExceptionClass::Hvc),
    (0b011000, ExceptionClass::System),
    (0b011001, ExceptionClass::Sve),
    (0b011010, ExceptionClass::Eret),
    (0b100000, ExceptionClass::InstructionAbort),
    (0b100100, ExceptionClass::DataAbort),
    (0b100111, ExceptionClass::MemoryOperation),
    (0b110100, ExceptionClass::Watchpoint),
    (0b111111, ExceptionClass::Unallocated3f),
];

/// "ISS encoding for an exception from a Data Abort", table of the field DFSC; the lists are of
/// whole six-bit values.
const FAULTS: [(&[u64], Fault); 8] = [
    (
        &[0b000000, 0b000001, 0b000010, 0b000011, 0b101001],
        Fault::AddressSize,
    ),
    (
        &[0b000100, 0b000101, 0b000110, 0b000111, 0b101011],
        Fault::Translation,
    ),
    (&[0b001000, 0b001001, 0b001010, 0b001011], Fault::AccessFlag),
    (&[0b001100, 0b001101, 0b001110, 0b001111], Fault::Permission),
    (&[0b010000], Fault::External),
    (
        &[0b010011, 0b010100, 0b010101, 0b010110, 0b010111],
        Fault::ExternalOnWalk,
    ),
    (&[0b011000], Fault::Ecc),
    (
        &[0b011011, 0b011100, 0b011101, 0b011110, 0b011111],
        Fault::EccOnWalk,
    ),
];

/// PSTATE.M for AArch64.
const MODES: [(u64, Mode); 5] = [
    (0b00000, Mode::El0),
    (0b00100, Mode::El1t),
    (0b00101, Mode::El1h),
    (0b01000, Mode::El2t),
    (0b01001, Mode::El2h),
];

/// `value` with the bits from `shift` on, `width` of them, replaced.
fn with_field(value: u64, shift: u32, width: u32, field: u64) -> u64 {
    let mask = ((1u64 << width) - 1) << shift;
    value & !mask | field << shift & mask
}

#[test]
fn numbers_are_cut_to_their_widths() {
    assert_eq!(
        Encoding::new(u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX).into_raw(),
        0x1f_ffe0
    );
    assert_eq!(Encoding::new(4, 8, 16, 16, 8).into_raw(), 0);
}

/// A register without fields is its 64 bits.
#[test]
fn a_value_without_fields_is_a_number() {
    for raw in [0, 1, 1 << 63, u64::MAX] {
        assert_eq!(u64::from_raw(raw).into_raw(), raw);
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn each_class(noise in word(), ec in 0u64..64) {
        let want = CLASSES
            .iter()
            .find(|(code, _)| *code == ec)
            .map_or(ExceptionClass::Other, |(_, class)| *class);

        prop_assert_eq!(Esr::from_raw(with_field(noise, 26, 6, ec)).class(), want);
    }

    #[test]
    fn each_fault(noise in word(), fsc in 0u64..64) {
        let want = FAULTS
            .iter()
            .find(|(codes, _)| codes.contains(&fsc))
            .map_or(Fault::Other, |(_, fault)| *fault);
        let abort = Esr::from_raw(with_field(noise, 0, 6, fsc)).abort();

        prop_assert_eq!(abort.fault(), want);
        prop_assert_eq!(abort.has(Abort::S1PTW), noise >> 7 & 1 == 1);
        prop_assert_eq!(abort.has(Abort::FnV), noise >> 10 & 1 == 1);
        prop_assert_eq!(abort.has(Abort::ISV), noise >> 24 & 1 == 1);
    }

    #[test]
    fn a_system_trap_names_its_operands(
        op0 in 0u32..4, op1 in 0u32..8, crn in 0u32..16, crm in 0u32..16, op2 in 0u32..8,
        rt in 0u8..32, read in any::<bool>(), noise in word(),
    ) {
        // Op0 21:20, Op2 19:17, Op1 16:14, CRn 13:10, Rt 9:5, CRm 4:1, Direction 0.
        let iss = u64::from(op0) << 20 | u64::from(op2) << 17 | u64::from(op1) << 14
            | u64::from(crn) << 10 | u64::from(rt) << 5 | u64::from(crm) << 1 | u64::from(read);
        let trap = Esr::from_raw(with_field(noise, 0, 25, iss)).system_trap();

        prop_assert_eq!(trap.encoding(), Encoding::new(op0, op1, crn, crm, op2));
        prop_assert_eq!(trap.rt().number(), rt);
        prop_assert_eq!(trap.direction() == Direction::Read, read);

        // An MRS has the same numbers, at bits 20 to 5.
        let mrs = op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5;
        prop_assert_eq!(trap.encoding().into_raw(), mrs);
    }

    #[test]
    fn a_made_up_syndrome_is_one_of_a_system_trap(iss in word()) {
        let esr = Esr::for_system_trap(iss);

        prop_assert_eq!(esr.class(), ExceptionClass::System);
        prop_assert_eq!(esr.into_raw() & 0x1ff_ffff, iss & 0x1ff_ffff);
        prop_assert_eq!(esr.into_raw() >> 25, 0b011000 << 1 | 1);
    }

    #[test]
    fn modes_are_five_bits(noise in word(), m in 0u64..32, to in 0usize..5) {
        let pstate = Pstate::from_raw(with_field(noise, 0, 5, m));
        let want = MODES.iter().find(|(code, _)| *code == m).map_or(Mode::Other, |(_, mode)| *mode);
        let (code, mode) = MODES[to];

        prop_assert_eq!(pstate.mode(), want);
        prop_assert_eq!(pstate.has(Pstate::M4), m >= 16);
        prop_assert_eq!(pstate.with_mode(mode).into_raw(), with_field(noise, 0, 5, code));
        prop_assert_eq!(pstate.with_mode(Mode::Other), pstate);
    }

    #[test]
    fn virtual_el2_is_el1_in_hardware(noise in word(), m in 0u64..32) {
        let pstate = Pstate::from_raw(with_field(noise, 0, 5, m));
        let want = match m {
            0b00100 => 0b01000,
            0b00101 => 0b01001,
            other => other,
        };

        prop_assert_eq!(pstate.as_virtual_el2().into_raw(), with_field(noise, 0, 5, want));
    }

    /// Field SAS, 23:22: byte, halfword, word, doubleword.
    #[test]
    fn an_access_has_a_size(noise in word(), sas in 0u64..4) {
        let abort = Esr::from_raw(with_field(noise, 22, 2, sas)).abort();

        prop_assert_eq!(abort.size(), [1, 2, 4, 8][sas as usize]);
    }

    /// "PSTATE", field M: with M[4] clear, M[3:2] is the exception level. A guest may be at EL0 or
    /// EL1, or in a mode of AArch32, all of which but hyp (0b11010) are below EL2.
    #[test]
    fn no_guest_is_returned_to_el2(noise in word(), m in 0u64..32) {
        let before = with_field(noise, 0, 5, m);
        let after = Pstate::from_raw(before).for_guest().get().into_raw();
        let level = (m >> 2) & 3;

        if m & 0x10 != 0 || level < 2 {
            prop_assert_eq!(after, before);
        } else if m == 0b01000 || m == 0b01001 {
            // Virtual EL2 is EL1 with the same stack pointer.
            prop_assert_eq!(after, with_field(noise, 0, 5, m - 4));
        } else {
            // Illegal: IL, bit 20, makes the first instruction an exception.
            prop_assert_eq!(after >> 20 & 1, 1);
        }
    }

    #[test]
    fn an_instruction_clears_btype_and_ss(raw in word()) {
        // SS is bit 21, BTYPE 11:10.
        let pstate = Pstate::from_raw(raw);

        prop_assert_eq!(pstate.stepped().into_raw(), with_field(raw, 21, 1, 0));
        prop_assert_eq!(
            pstate.after_instruction().into_raw(),
            with_field(with_field(raw, 21, 1, 0), 10, 2, 0)
        );
        prop_assert_eq!(pstate.has(Pstate::SS), raw >> 21 & 1 == 1);
        prop_assert_eq!(pstate.has(Pstate::N), raw >> 31 & 1 == 1);
    }
}
