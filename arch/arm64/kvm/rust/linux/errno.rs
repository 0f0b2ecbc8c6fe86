// SPDX-License-Identifier: GPL-2.0

//! Results as C's callers want them.
#![forbid(unsafe_code)]

use kernel::error::Result;

/// 0 or a negative errno.
pub(crate) fn errno(result: Result) -> i32 {
    result.map_or_else(|error| error.to_errno(), |()| 0)
}
