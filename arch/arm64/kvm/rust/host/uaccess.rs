// SPDX-License-Identifier: GPL-2.0

//! Numbers in user memory. May fault and sleep.

use kernel::{
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};

/// A user address given in a 64-bit field of an ioctl.
#[derive(Clone, Copy)]
pub(crate) struct UserInt(UserPtr);

impl UserInt {
    /// Takes the address as it comes; access checks it.
    pub(crate) fn new(addr: u64) -> Self {
        // CAST: as wide as an address on arm64.
        Self(UserPtr::from_addr(addr as usize))
    }

    /// Reads an `int`.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the address is not readable.
    pub(crate) fn read(self) -> Result<i32> {
        UserSlice::new(self.0, size_of::<i32>()).reader().read()
    }

    /// Writes an `int`.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the address is not writable.
    pub(crate) fn write(self, value: i32) -> Result {
        UserSlice::new(self.0, size_of::<i32>())
            .writer()
            .write(&value)
    }
}
