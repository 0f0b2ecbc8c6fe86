// SPDX-License-Identifier: GPL-2.0

//! Leaves of LPIs, for the tests of queues.

use crate::{
    gic::{
        lpi::LEAVES,
        queue::{Leaves, Row},
    },
    linux::atomic::AtomicU64,
};

/// There is none.
pub(crate) struct NoLpis;

impl Leaves for NoLpis {
    fn leaf(&self, _: usize) -> Option<&Row> {
        None
    }
}

/// Some of them. Each vCPU has its own.
pub(crate) struct SomeLpis([Option<Box<Row>>; LEAVES]);

impl SomeLpis {
    pub(crate) fn new(leaves: &[usize]) -> Self {
        Self(core::array::from_fn(|leaf| {
            leaves
                .contains(&leaf)
                .then(|| Box::new(core::array::from_fn(|_| AtomicU64::new(0))))
        }))
    }
}

impl Leaves for SomeLpis {
    fn leaf(&self, leaf: usize) -> Option<&Row> {
        self.0.get(leaf)?.as_deref()
    }
}
