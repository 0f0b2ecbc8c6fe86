// SPDX-License-Identifier: GPL-2.0

//! What the layers above need of the C kernel, so that their files need not list it.

pub(crate) use super::{
    context::*,
    hrtimer::*,
    irq::{
        self,
        *, //
    },
    timecounter::*,
    uaccess::*, //
};
