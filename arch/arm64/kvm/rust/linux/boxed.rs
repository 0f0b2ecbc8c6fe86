// SPDX-License-Identifier: GPL-2.0

//! Arrays on the heap, made there: they may be too large for the stack.

use kernel::{
    alloc::{
        flags::GFP_KERNEL_ACCOUNT,
        KBox, //
    },
    error::Result, //
};

/// An array of as many as its type says, each made by `item`. Sleeps.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn try_array<T, const N: usize>(item: impl Fn() -> T) -> Result<KBox<[T; N]>> {
    let mut new = KBox::<[T; N]>::new_uninit(GFP_KERNEL_ACCOUNT)?;
    let first = new.as_mut_ptr().cast::<T>();

    for index in 0..N {
        // SAFETY: Within the array, of which nothing is used yet.
        unsafe { first.add(index).write(item()) };
    }
    // SAFETY: All of its elements were just written.
    Ok(unsafe { new.assume_init() })
}
