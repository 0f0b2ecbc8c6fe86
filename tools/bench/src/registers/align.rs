// SPDX-License-Identifier: GPL-2.0
//! Turns C's accesses into Rust's, with as little unexplained as can be.

use super::rules::{Hunk, Pattern, Rules};
use super::trace::Access;
use std::collections::BTreeMap;

/// What nothing explains weighs more than any number of hunks.
const UNEXPLAINED: u32 = 1 << 16;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    Equal,
    /// One of the hunks, by its number.
    Hunk(usize),
    /// The same access, with another value.
    Value,
    OnlyC,
    OnlyRust,
}

pub struct Aligner<'a> {
    pub c: &'a [Access],
    pub rust: &'a [Access],
    pub hunks: &'a [&'a Hunk],
    pub rules: &'a Rules,
}

/// How many accesses from the first on these are, and how many of those need not be there.
fn taken(patterns: &[Pattern], accesses: &[Access]) -> Option<(usize, usize)> {
    let (mut all, mut extra) = (0, 0);
    for pattern in patterns {
        match accesses.get(all) {
            Some(access) if pattern.fits(access) => {
                all += 1;
                extra += usize::from(pattern.optional);
            }
            _ if pattern.optional => {}
            _ => return None,
        }
    }
    Some((all, extra))
}

impl Aligner<'_> {
    fn equal(&self, c: &Access, rust: &Access) -> bool {
        c.what == rust.what && self.rules.value(c) == self.rules.value(rust)
    }

    /// How many accesses of C's and of Rust's a hunk is about there, if it is.
    fn fits(&self, hunk: &Hunk, i: usize, j: usize) -> Option<(usize, usize)> {
        let (c, rust) = (&self.c[i..], &self.rust[j..]);
        let (of_c, extra_c) = taken(&hunk.c, c)?;
        let (of_rust, extra_rust) = taken(&hunk.rust, rust)?;
        let fits = extra_c == extra_rust && self.same_values(&c[..of_c], &rust[..of_rust]);
        fits.then_some((of_c, of_rust))
    }

    /// What both do equally often, in whatever order, is done with the same values.
    fn same_values(&self, c: &[Access], rust: &[Access]) -> bool {
        let (c, rust) = (self.by_name(c), self.by_name(rust));
        c.iter().all(|(what, values)| {
            let others = rust.get(what).filter(|o| o.len() == values.len());
            others.is_none_or(|o| o == values)
        })
    }

    fn by_name<'b>(&self, accesses: &'b [Access]) -> BTreeMap<&'b str, Vec<Option<u64>>> {
        let mut found: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for access in accesses {
            let values = found.entry(&access.what).or_default();
            values.push(self.rules.value(access));
        }
        found
    }

    /// Steps from a place, as what they take of C's and of Rust's, and what they cost.
    fn steps(&self, i: usize, j: usize) -> Vec<(Step, usize, usize, u32)> {
        let mut found = Vec::new();
        match (self.c.get(i), self.rust.get(j)) {
            (Some(c), Some(rust)) if self.equal(c, rust) => found.push((Step::Equal, 1, 1, 0)),
            (Some(c), Some(rust)) if c.what == rust.what => {
                found.push((Step::Value, 1, 1, UNEXPLAINED));
            }
            _ => {}
        }
        for (number, hunk) in self.hunks.iter().enumerate() {
            if let Some((c, rust)) = self.fits(hunk, i, j) {
                found.push((Step::Hunk(number), c, rust, 1));
            }
        }
        if i < self.c.len() {
            found.push((Step::OnlyC, 1, 0, UNEXPLAINED));
        }
        if j < self.rust.len() {
            found.push((Step::OnlyRust, 0, 1, UNEXPLAINED));
        }
        found
    }

    /// The cheapest way, each step with the place in both from which it goes.
    pub fn align(&self) -> Vec<(Step, usize, usize)> {
        let width = self.rust.len() + 1;
        let mut best: Vec<Option<(u32, Step, usize)>> = vec![None; (self.c.len() + 1) * width];
        best[0] = Some((0, Step::Equal, 0));
        for at in 0..best.len() {
            let Some((cost, ..)) = best[at] else { continue };
            for (step, c, rust, more) in self.steps(at / width, at % width) {
                let to = &mut best[at + c * width + rust];
                if to.is_none_or(|(old, ..)| cost + more < old) {
                    *to = Some((cost + more, step, at));
                }
            }
        }
        let mut way = Vec::new();
        let mut at = best.len() - 1;
        while at > 0 {
            let (_, step, from) = best[at].expect("single steps lead everywhere");
            way.push((step, from / width, from % width));
            at = from;
        }
        way.reverse();
        way
    }
}
