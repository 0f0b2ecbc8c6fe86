// SPDX-License-Identifier: GPL-2.0

//! Why something that user space asks of a GIC is refused.
//!
//! Mirrors: nothing, C returns an errno wherever it is
#![forbid(unsafe_code)]

/// A reason; each is an errno of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `EINVAL`: there is no such thing, or it can't be.
    Invalid,
    /// `EEXIST`: it is there already.
    Exists,
    /// `E2BIG`: it is beyond what the guest's memory can be.
    TooBig,
    /// `EBUSY`: it is too late for that.
    Busy,
}
