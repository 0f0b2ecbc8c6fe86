// SPDX-License-Identifier: GPL-2.0

//! Indices that somebody else chose.
//!
//! C header: [`include/linux/nospec.h`](srctree/include/linux/nospec.h)

use kernel::bindings;

/// The element of that index, which a CPU that mispredicts the bounds check cannot get past
/// either.
#[inline(always)]
pub(crate) fn get_nospec<T>(of: &[T], index: usize) -> Option<&T> {
    if index >= of.len() {
        return None;
    }
    // SAFETY: No preconditions: all ones if the index is within bounds, else zero.
    let mask = unsafe { bindings::array_index_mask_nospec(index, of.len()) };

    of.get(index & mask)
}

/// A number, if it is less than `size`, which a CPU that mispredicts the check cannot get past
/// either.
#[inline(always)]
pub(crate) fn below_nospec(number: u32, size: u32) -> Option<u32> {
    if number >= size {
        return None;
    }
    // SAFETY: No preconditions. CAST: widening; all ones or zero.
    let mask = unsafe { bindings::array_index_mask_nospec(number as usize, size as usize) };

    Some(number & mask as u32)
}

/// Up to `count` elements from index `first` on, as far as there are any, likewise.
#[inline(always)]
pub(crate) fn slice_nospec<T>(of: &[T], first: usize, count: usize) -> &[T] {
    if first >= of.len() {
        return &[];
    }
    // SAFETY: No preconditions.
    let mask = unsafe { bindings::array_index_mask_nospec(first, of.len()) };
    let rest = of.get(first & mask..).unwrap_or(&[]);

    rest.get(..count).unwrap_or(rest)
}
