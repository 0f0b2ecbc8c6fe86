// SPDX-License-Identifier: GPL-2.0
//! One kind of vCPU on both kernels.

use super::align::{Aligner, Step};
use super::rules::{Hunk, Rules};
use super::trace::{Access, Phase};
use anyhow::{bail, Result};
use std::collections::{BTreeMap, BTreeSet};

const CONTEXT: usize = 3;

/// What most windows of a kind hold. Host interrupts come into some of them.
pub fn usual(windows: Vec<Vec<Phase>>, rules: &Rules) -> Result<Vec<Phase>> {
    let count = windows.len();
    let mut groups: BTreeMap<String, Vec<Vec<Phase>>> = BTreeMap::new();
    for mut phases in windows {
        for phase in &mut phases {
            phase.accesses.retain(|a| !rules.ignores(a));
        }
        groups.entry(key(&phases, rules)).or_default().push(phases);
    }
    let most = groups.into_values().max_by_key(Vec::len);
    match most {
        Some(most) if most[0].iter().all(|p| p.accesses.is_empty()) => {
            bail!("nothing is accessed there")
        }
        Some(mut most) if 2 * most.len() > count => Ok(most.swap_remove(0)),
        Some(most) => bail!("only {} of {count} windows are alike", most.len()),
        None => bail!("there is no window"),
    }
}

fn key(phases: &[Phase], rules: &Rules) -> String {
    let mut text = String::new();
    for phase in phases {
        text += &format!("{}\n", phase.name);
        for access in &phase.accesses {
            text += &format!("{} {:?}\n", access.what, rules.value(access));
        }
    }
    text
}

/// A kind of vCPU on a machine.
pub struct Pair<'a> {
    pub machine: &'a str,
    pub kind: &'a str,
    pub c: &'a [Phase],
    pub rust: &'a [Phase],
}

#[derive(Debug, Default)]
pub struct Verdict {
    /// One line each; none if all is explained.
    pub problems: Vec<String>,
    /// Hunks that were needed, as (difference, hunk, phase).
    pub used: BTreeSet<(usize, usize, String)>,
    pub accesses: usize,
}

pub fn display(access: &Access) -> String {
    match access.value {
        Some(value) if access.what.starts_with("MSR ") => format!("{} = {value:#x}", access.what),
        _ => access.what.clone(),
    }
}

impl Hunk {
    fn is_for(&self, pair: &Pair, phase: &str) -> bool {
        let has = |list: &[String], name: &str| list.iter().any(|l| l == name);
        has(&self.machines, pair.machine) && has(&self.kinds, pair.kind) && has(&self.phases, phase)
    }
}

/// Names that tell a second entry from the first.
pub fn names(phases: &[Phase]) -> Vec<String> {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let name = |phase: &Phase| {
        let nth = seen.entry(phase.name).or_default();
        *nth += 1;
        match nth {
            1 => phase.name.to_string(),
            n => format!("{} {n}", phase.name),
        }
    };
    phases.iter().map(name).collect()
}

impl Pair<'_> {
    pub fn judge(&self, rules: &Rules) -> Verdict {
        let mut verdict = Verdict::default();
        let (c, rust) = (names(self.c), names(self.rust));
        if c != rust {
            let text = format!("phases: C {}; Rust {}", c.join(", "), rust.join(", "));
            verdict.problems.push(text);
            return verdict;
        }
        for ((name, c), rust) in c.iter().zip(self.c).zip(self.rust) {
            self.phase(name, c, rust, rules, &mut verdict);
        }
        verdict
    }

    fn phase(&self, name: &str, c: &Phase, rust: &Phase, rules: &Rules, verdict: &mut Verdict) {
        let mut numbers = Vec::new();
        let mut hunks = Vec::new();
        for (d, difference) in rules.difference.iter().enumerate() {
            for (h, hunk) in difference.hunk.iter().enumerate() {
                if hunk.is_for(self, name) {
                    numbers.push((d, h, name.to_string()));
                    hunks.push(hunk);
                }
            }
        }
        let aligner = Aligner {
            c: &c.accesses,
            rust: &rust.accesses,
            hunks: &hunks,
            rules,
        };
        let way = aligner.align();
        for (step, ..) in &way {
            if let Step::Hunk(number) = step {
                verdict.used.insert(numbers[*number].clone());
            }
        }
        verdict.accesses += c.accesses.len().max(rust.accesses.len());
        verdict.problems.extend(unexplained(name, &aligner, &way));
    }
}

fn unexplained(name: &str, aligner: &Aligner, way: &[(Step, usize, usize)]) -> Vec<String> {
    let bad = |s: &Step| matches!(s, Step::Value | Step::OnlyC | Step::OnlyRust);
    let mut lines = Vec::new();
    let near = |at: usize| {
        let from = at.saturating_sub(CONTEXT);
        way[from..way.len().min(at + CONTEXT + 1)]
            .iter()
            .any(|(s, ..)| bad(s))
    };
    let mut shown = false;
    for (at, &(step, i, j)) in way.iter().enumerate() {
        if !near(at) {
            shown = false;
            continue;
        }
        if !shown {
            lines.push(format!("{name}, after {j} accesses of Rust's:"));
            shown = true;
        }
        let line = |sign: &str, access: &Access| {
            format!("{sign} {:44} {}", display(access), access.place)
                .trim_end()
                .to_string()
        };
        match step {
            Step::Equal => lines.push(line("        ", &aligner.rust[j])),
            Step::OnlyC => lines.push(line("  C     ", &aligner.c[i])),
            Step::OnlyRust => lines.push(line("  Rust  ", &aligner.rust[j])),
            Step::Value => {
                lines.push(line("  C     ", &aligner.c[i]));
                lines.push(line("  Rust  ", &aligner.rust[j]));
            }
            Step::Hunk(_) => lines.push("         (an allowed difference)".into()),
        }
    }
    lines
}
