// SPDX-License-Identifier: GPL-2.0

//! Numbers in user memory. May fault and sleep.
#![forbid(unsafe_code)]

use super::context::MaySleep;
use kernel::{
    prelude::*,
    transmute::{
        AsBytes,
        FromBytes, //
    },
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

/// A user address of a number, given in a 64-bit field of an ioctl.
#[derive(Clone, Copy)]
pub(crate) struct UserNumber<'a>(UserPtr, MaySleep<'a>);

impl<'a> UserNumber<'a> {
    /// Takes the address as it comes; access checks it.
    pub(crate) fn new(addr: u64, may_sleep: MaySleep<'a>) -> Self {
        // CAST: as wide as an address on arm64.
        Self(UserPtr::from_addr(addr as usize), may_sleep)
    }

    /// Reads the number.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the address is not readable.
    pub(crate) fn read<T: FromBytes>(self) -> Result<T> {
        UserSlice::new(self.0, size_of::<T>()).reader().read()
    }

    /// Writes the number.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the address is not writable.
    pub(crate) fn write<T: AsBytes>(self, value: T) -> Result {
        UserSlice::new(self.0, size_of::<T>())
            .writer()
            .write(&value)
    }
}
