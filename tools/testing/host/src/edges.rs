// SPDX-License-Identifier: GPL-2.0

//! Random values that come close to where arithmetic goes wrong.

use proptest::prelude::*;

/// How often a property is tried: more often with more PROPTEST_CASES than proptest's 256. No files of
/// past failures: the source tree stays as it is.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let wanted = ProptestConfig::default();
    ProptestConfig {
        cases: cases.saturating_mul((wanted.cases / 256).max(1)),
        failure_persistence: None,
        ..wanted
    }
}

/// Any 64-bit value, mostly one near a power of two, zero or 2^64.
pub(crate) fn word() -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => any::<u64>(),
        2 => (0u32..64, -3i64..=3).prop_map(|(bit, d)| (1u64 << bit).wrapping_add_signed(d)),
        2 => (-1000i64..=1000).prop_map(|d| d as u64),
        1 => any::<u32>().prop_map(u64::from),
    ]
}

/// An instant, an offset and a compare value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) now: u64,
    pub(crate) offset: u64,
    pub(crate) cval: u64,
}

impl Scene {
    /// The guest's count: 2^64 + now - offset, in numbers that do not wrap, modulo 2^64.
    pub(crate) fn seen(self) -> u64 {
        let wide = (1u128 << 64) + u128::from(self.now) - u128::from(self.offset);
        (wide % (1u128 << 64)) as u64
    }
}

/// Scenes, many with counts close behind or ahead of zero and deadlines close by.
pub(crate) fn scene() -> impl Strategy<Value = Scene> {
    (word(), word(), word(), any::<bool>(), any::<bool>()).prop_map(
        |(now, a, b, seen_near, cval_near)| {
            // Either the offset or the count seen is one of the interesting values.
            let offset = if seen_near { now.wrapping_sub(a) } else { a };
            let seen = now.wrapping_sub(offset);
            let cval = if cval_near { seen.wrapping_add(b) } else { b };
            Scene { now, offset, cval }
        },
    )
}
