// SPDX-License-Identifier: GPL-2.0
//! What the comparison found, as text and as TAP.

use super::compare::{display, names, Verdict};
use super::rules::Rules;
use super::trace::Phase;
use std::collections::BTreeSet;

pub enum Outcome {
    Compared(Verdict),
    Skipped(String),
    Failed(String),
}

struct Line {
    machine: String,
    kind: String,
    outcome: Outcome,
}

pub struct Report<'a> {
    rules: &'a Rules,
    /// Whether all kinds ran, so that a hunk without use is one too many.
    whole: bool,
    lines: Vec<Line>,
    /// (machine, kind), as they ran.
    ran: BTreeSet<(String, String)>,
    /// (difference, hunk, machine, kind, phase)
    used: BTreeSet<(usize, usize, String, String, String)>,
}

impl<'a> Report<'a> {
    pub fn new(rules: &'a Rules, whole: bool) -> Self {
        Self {
            rules,
            whole,
            lines: Vec::new(),
            ran: BTreeSet::new(),
            used: BTreeSet::new(),
        }
    }

    pub fn add(&mut self, machine: &str, kind: &str, outcome: Outcome) {
        if let Outcome::Compared(verdict) = &outcome {
            self.ran.insert((machine.into(), kind.into()));
            for (d, h, phase) in &verdict.used {
                self.used
                    .insert((*d, *h, machine.into(), kind.into(), phase.clone()));
            }
        }
        self.lines.push(Line {
            machine: machine.into(),
            kind: kind.into(),
            outcome,
        });
    }

    /// Whether each hunk for this machine was needed, for each kind and each phase it names.
    pub fn machine_done(&mut self, machine: &str) {
        if !self.whole {
            return;
        }
        let mut stale = Vec::new();
        for (d, difference) in self.rules.difference.iter().enumerate() {
            for (h, hunk) in difference.hunk.iter().enumerate() {
                if !hunk.machines.iter().any(|m| m == machine) {
                    continue;
                }
                let used = |k: Option<&str>, p: Option<&str>| {
                    self.used.iter().any(|u| {
                        (u.0, u.1, &*u.2) == (d, h, machine)
                            && k.is_none_or(|k| u.3 == k)
                            && p.is_none_or(|p| u.4 == p)
                    })
                };
                let ran = |k: &String| self.ran.contains(&(machine.into(), k.clone()));
                let kinds = hunk.kinds.iter().filter(|k| ran(k));
                let kinds = kinds.filter(|k| !used(Some(k), None));
                let phases = hunk.phases.iter().filter(|p| !used(None, Some(p)));
                for name in kinds.chain(phases) {
                    stale.push(format!("{}, hunk {}: {name}", difference.title, h + 1));
                }
            }
        }
        let mut verdict = Verdict::default();
        verdict.problems.extend(
            stale
                .into_iter()
                .map(|s| format!("nothing is like it: {s}")),
        );
        self.lines.push(Line {
            machine: machine.into(),
            kind: "registers.toml".into(),
            outcome: Outcome::Compared(verdict),
        });
    }

    pub fn failed(&self) -> bool {
        self.lines.iter().any(|l| match &l.outcome {
            Outcome::Compared(verdict) => !verdict.problems.is_empty(),
            Outcome::Skipped(_) => false,
            Outcome::Failed(_) => true,
        })
    }

    pub fn text(&self, tap: bool) -> String {
        let mut text = String::new();
        if tap {
            text += &format!("TAP version 13\n1..{}\n", self.lines.len());
        }
        for (number, line) in (1..).zip(&self.lines) {
            text += &if tap { line.tap(number) } else { line.plain() };
        }
        text
    }
}

impl Line {
    fn problems(&self) -> Vec<String> {
        match &self.outcome {
            Outcome::Compared(verdict) => verdict.problems.clone(),
            Outcome::Skipped(_) => Vec::new(),
            Outcome::Failed(why) => vec![why.clone()],
        }
    }

    fn tap(&self, number: usize) -> String {
        let problems = self.problems();
        let mut text: String = problems.iter().map(|p| format!("# {p}\n")).collect();
        let word = if problems.is_empty() { "ok" } else { "not ok" };
        text += &format!("{word} {number} - {}", self.kind);
        if let Outcome::Skipped(why) = &self.outcome {
            text += &format!(" # SKIP {why}");
        }
        text + "\n"
    }

    fn plain(&self) -> String {
        let problems = self.problems();
        let told = match &self.outcome {
            Outcome::Compared(v) if v.accesses > 0 => {
                format!(
                    "{} accesses, {} allowed differences",
                    v.accesses,
                    v.used.len()
                )
            }
            Outcome::Skipped(why) => why.clone(),
            _ => String::new(),
        };
        let word = match &self.outcome {
            Outcome::Skipped(_) => "skip",
            _ if problems.is_empty() => "ok",
            _ => "FAIL",
        };
        let name = format!("{}/{}", self.machine, self.kind);
        let mut text = format!("  {word:5} {name:32} {told}")
            .trim_end()
            .to_string()
            + "\n";
        for problem in problems {
            text += &format!("        {problem}\n");
        }
        text
    }
}

/// All accesses of a kind, one a line.
pub fn phases(kernel: &str, machine: &str, kind: &str, phases: &[Phase]) -> String {
    let mut text = format!("{machine}/{kind}, {kernel}:\n");
    for (name, phase) in names(phases).iter().zip(phases) {
        text += &format!("  {name}\n");
        for access in &phase.accesses {
            let line = format!("    {:44} {}", display(access), access.place);
            text += &format!("{}\n", line.trim_end());
        }
    }
    text
}

/// The reasons, as the documentation has them.
pub fn documentation(rules: &Rules) -> String {
    let list = |words: Vec<&str>| words.iter().map(|w| format!("``{w}``")).collect::<Vec<_>>();
    let mut text = String::new();
    for difference in &rules.difference {
        let mut machines = BTreeSet::new();
        difference
            .hunk
            .iter()
            .for_each(|h| machines.extend(h.machines.iter().map(String::as_str)));
        let machines = list(machines.into_iter().collect()).join(", ");
        text += &entry(
            &difference.title,
            &format!("{} ({machines})", difference.reason),
        );
    }
    text
}

/// A definition, in lines of at most 100 columns.
fn entry(title: &str, body: &str) -> String {
    let mut text = format!("{title}\n");
    let mut line = String::from("   ");
    for word in body.split_whitespace() {
        if line.len() + 1 + word.len() > 100 {
            text += &format!("{line}\n");
            line = "   ".into();
        }
        line += &format!(" {word}");
    }
    text + &line + "\n\n"
}
