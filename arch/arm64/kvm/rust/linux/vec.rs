// SPDX-License-Identifier: GPL-2.0

//! Vectors whose growth cannot overflow: the `kernel` crate's own counts with checks that panic, and
//! our objects refer to no panic.
#![forbid(unsafe_code)]

use kernel::{
    alloc::{
        flags::GFP_KERNEL_ACCOUNT,
        Allocator,
        KVVec,
        KVec,
        Vec, //
    },
    error::{
        code::ENOMEM,
        Result, //
    },
};

/// All of `items`, of which there are at most `most`. Sleeps.
///
/// # Errors
///
/// `ENOMEM`, also if there are more; the first one of the items.
pub(crate) fn try_collect<T>(
    most: usize,
    items: impl IntoIterator<Item = Result<T>>,
) -> Result<KVec<T>> {
    collect_in(most, items)
}

/// The same, for what may be more than some pages.
///
/// # Errors
///
/// See there.
pub(crate) fn try_collect_large<T>(
    most: usize,
    items: impl IntoIterator<Item = Result<T>>,
) -> Result<KVVec<T>> {
    collect_in(most, items)
}

fn collect_in<T, A: Allocator>(
    most: usize,
    items: impl IntoIterator<Item = Result<T>>,
) -> Result<Vec<T, A>> {
    let mut all = Vec::with_capacity(most, GFP_KERNEL_ACCOUNT)?;

    for item in items {
        all.push_within_capacity(item?).map_err(|_| ENOMEM)?;
    }
    Ok(all)
}

/// The same elements, and one more. Sleeps.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn and_one<T: Copy>(some: &[T], one: T) -> Result<KVec<T>> {
    try_collect(
        some.len().saturating_add(1),
        some.iter().copied().chain([one]).map(Ok),
    )
}
