// SPDX-License-Identifier: GPL-2.0

//! Memory operations that are begun again, against a model of CPUs that get some way.
//!
//! The model follows the manual's description of what each option has in the registers between
//! two steps; it does the bytes that it says it did.

use crate::arm64::esr::{Esr, MemoryOperation};
use crate::arm64::mops::{prologue, Operands};
use crate::edges::config;
use proptest::prelude::*;

/// Which CPU did the first part, and how.
#[derive(Clone, Copy, Debug)]
struct Start {
    option_a: bool,
    set: bool,
    /// Of a copy: from the end to the start.
    backward: bool,
    to: u64,
    from: u64,
    size: u64,
    done: u64,
}

/// The registers after `done` bytes, and the flag N.
fn interrupted(start: Start) -> (Operands, bool) {
    let Start {
        to,
        from,
        size,
        done,
        ..
    } = start;
    let left = size - done;
    // Of a set the source is a value, which stays.
    let ends = Operands {
        destination: to.wrapping_add(size),
        source: if start.set {
            from
        } else {
            from.wrapping_add(size)
        },
        size: left.wrapping_neg(),
    };
    let moved = Operands {
        destination: to.wrapping_add(done),
        source: if start.set {
            from
        } else {
            from.wrapping_add(done)
        },
        size: left,
    };

    match (start.option_a, start.set, start.backward) {
        // Ends, and what is left as a negative number.
        (true, true, _) | (true, false, false) => (ends, false),
        // Starts, and what is left.
        (true, false, true) => (
            Operands {
                destination: to,
                source: from,
                size: left,
            },
            false,
        ),
        // Addresses that move up, and what is left.
        (false, true, _) | (false, false, false) => (moved, false),
        // Addresses that come down from the ends.
        (false, false, true) => (
            Operands {
                destination: to.wrapping_add(left),
                source: from.wrapping_add(left),
                size: left,
            },
            true,
        ),
    }
}

/// What a prologue has to be given for the bytes that are left.
fn remaining(start: Start) -> Operands {
    let skip = if start.backward && !start.set {
        0
    } else {
        start.done
    };

    Operands {
        destination: start.to.wrapping_add(skip),
        source: if start.set {
            start.from
        } else {
            start.from.wrapping_add(skip)
        },
        size: start.size - start.done,
    }
}

/// The syndrome on a CPU of the other option, or of the same.
fn syndrome(start: Start, cpu_has_option_a: bool, epilogue: bool) -> MemoryOperation {
    let bit = |on: bool, n: u32| u64::from(on) << n;

    // MemInst 24, FromEpilogue 18, WrongOption 17, OptionA 16.
    Esr::from_raw(
        0b100111 << 26
            | bit(start.set, 24)
            | bit(epilogue, 18)
            | bit(cpu_has_option_a != start.option_a, 17)
            | bit(cpu_has_option_a, 16),
    )
    .memory_operation()
}

fn starts() -> impl Strategy<Value = Start> {
    (
        any::<[bool; 3]>(),
        any::<[u64; 2]>(),
        1u64..1 << 40,
        any::<u64>(),
    )
        .prop_map(
            |([option_a, set, backward], [to, from], size, done)| Start {
                option_a,
                set,
                backward,
                to,
                from,
                size,
                // Something is left, or there would have been no exception.
                done: done % size,
            },
        )
}

proptest! {
    #![proptest_config(config(5_000))]

    #[test]
    fn what_is_left_is_begun_again(
        start in starts(), cpu_has_option_a in any::<bool>(), epilogue in any::<bool>(),
    ) {
        let operation = syndrome(start, cpu_has_option_a, epilogue);
        let (registers, negative) = interrupted(start);

        prop_assert_eq!(operation.has(MemoryOperation::MemInst), start.set);
        prop_assert_eq!(registers.for_prologue(operation, negative), remaining(start));
    }

    #[test]
    fn the_three_parts_follow_each_other(at in any::<u64>(), start in starts(), a in any::<bool>()) {
        let main_part = at.wrapping_add(4);
        let epilogue = at.wrapping_add(8);

        prop_assert_eq!(prologue(syndrome(start, a, false), main_part), at);
        prop_assert_eq!(prologue(syndrome(start, a, true), epilogue), at);
    }
}
