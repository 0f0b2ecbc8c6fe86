// SPDX-License-Identifier: GPL-2.0

//! What the layers above need of the CPU, so that their files need not list it.
#![forbid(unsafe_code)]

pub(crate) use super::{
    barrier::{
        self,
        *, //
    },
    cpucaps::{
        self,
        *, //
    },
    cpufeature::*,
    encoding::*,
    esr::*,
    evidence::*,
    fp::*,
    generic_timer::{
        self,
        *, //
    },
    gic_v3::{
        self,
        *, //
    },
    gic_v5,
    hcr::*,
    mops::*,
    mpam,
    percpu::*,
    pstate::*,
    registers::*,
    values::*, //
};
