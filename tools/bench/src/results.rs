// SPDX-License-Identifier: GPL-2.0
//! Everything a run found out; what results.json holds.

use crate::boot::{Boot, Outcome};
use crate::kernels::Kernel;
use crate::lines::Rep;
use crate::operations::Selection;
use crate::sizes::Sizes;
use crate::stats::{self, Comparison};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, Deserialize, Serialize)]
pub struct Results {
    pub date: String,
    pub qemu: String,
    pub reps: u32,
    pub kernels: BTreeMap<String, Kernel>,
    pub machines: Vec<Machine>,
    pub sizes: Option<Sizes>,
}

#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Machine {
    pub name: String,
    pub operations: Vec<Measured>,
    pub memory: Vec<Memory>,
}

/// An operation in one machine: all repetitions, boot by boot, and what they amount to.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Measured {
    pub name: String,
    pub title: String,
    pub group: String,
    pub c: Vec<Vec<Rep>>,
    pub rust: Vec<Vec<Rep>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub skipped: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub failed: Option<String>,
    pub summary: Option<Comparison>,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
pub struct Memory {
    pub what: String,
    pub c: i64,
    pub rust: i64,
}

/// The boots of one machine.
#[derive(Default)]
pub struct Boots {
    pub c: Vec<Boot>,
    pub rust: Vec<Boot>,
}

impl Machine {
    pub fn new(name: &str, selection: &Selection, boots: &Boots) -> Self {
        let measured = selection.operations.iter().map(|o| {
            let mut found = Measured {
                name: o.name.clone(),
                title: o.title.clone(),
                group: o.group.clone(),
                ..Measured::default()
            };
            found.take(boots);
            found
        });
        Self {
            name: name.into(),
            operations: measured.collect(),
            memory: memory(boots),
        }
    }
}

impl Measured {
    fn take(&mut self, boots: &Boots) {
        let mut skips = Vec::new();
        for (kernel, boots, reps) in [
            ("C", &boots.c, &mut self.c),
            ("Rust", &boots.rust, &mut self.rust),
        ] {
            for boot in boots {
                match boot.outcomes.get(&self.name) {
                    Some(Outcome::Reps(found)) => reps.push(found.clone()),
                    Some(Outcome::Skipped(why)) => skips.push((kernel, why)),
                    Some(Outcome::Failed(why)) => self.failed = Some(format!("{kernel}: {why}")),
                    None => self.failed = Some(format!("{kernel}: not run")),
                }
            }
        }
        if self.failed.is_none() {
            match skips[..] {
                [] => self.summary = summary(&self.c, &self.rust),
                [(kernel, why), ..] if self.c.is_empty() != self.rust.is_empty() => {
                    self.failed = Some(format!("on {kernel} only: skipped, {why}"));
                }
                [(_, why), ..] if self.c.is_empty() => self.skipped = Some(why.clone()),
                [(kernel, why), ..] => {
                    self.failed = Some(format!("{kernel}: skipped in one boot of two, {why}"));
                }
            }
        }
    }
}

fn summary(c: &[Vec<Rep>], rust: &[Vec<Rep>]) -> Option<Comparison> {
    let values = |boots: &[Vec<Rep>]| -> Vec<Vec<f64>> {
        boots
            .iter()
            .map(|b| b.iter().map(Rep::value).collect())
            .collect()
    };
    stats::compare(&values(c), &values(rust))
}

/// What both kernels counted; the boots of C agree, or the last one is taken.
fn memory(boots: &Boots) -> Vec<Memory> {
    let (Some(c), Some(rust)) = (boots.c.last(), boots.rust.last()) else {
        return Vec::new();
    };
    let both = |(what, bytes): (&String, &i64)| {
        let rust = *rust.memory.get(what)?;
        Some(Memory {
            what: what.clone(),
            c: *bytes,
            rust,
        })
    };
    c.memory.iter().filter_map(both).collect()
}

impl Results {
    pub fn read(path: &Path) -> Result<Self> {
        let hint = || format!("no results in {}: make bench", path.display());
        let text = std::fs::read_to_string(path).with_context(hint)?;
        serde_json::from_str(&text).with_context(|| path.display().to_string())
    }

    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    pub fn failures(&self) -> usize {
        let operations = self.machines.iter().flat_map(|m| &m.operations);
        operations.filter(|o| o.failed.is_some()).count()
    }

    pub fn summaries(&self) -> impl Iterator<Item = &Comparison> {
        self.machines
            .iter()
            .flat_map(|m| &m.operations)
            .filter_map(|o| o.summary.as_ref())
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::operations::Catalogue;

    pub fn boot(outcome: Outcome) -> Boot {
        Boot {
            outcomes: BTreeMap::from([("hvc".to_string(), outcome)]),
            ..Boot::default()
        }
    }

    pub fn reps(ns: u64) -> Outcome {
        let rep = |rep| Rep {
            rep,
            iterations: 10,
            ns: ns * 10 + 10,
            base_ns: 10,
            cycles: None,
            base_cycles: None,
        };
        Outcome::Reps((1..=5).map(rep).collect())
    }

    fn measured(c: Vec<Outcome>, rust: Outcome) -> Measured {
        let selection = Catalogue::load().unwrap().select("hvc").unwrap();
        let boots = Boots {
            c: c.into_iter().map(boot).collect(),
            rust: vec![boot(rust)],
        };
        Machine::new("vhe", &selection, &boots).operations.remove(0)
    }

    fn skip() -> Outcome {
        Outcome::Skipped("no-X".into())
    }

    #[test]
    fn compared() {
        let found = measured(vec![reps(100), reps(100)], reps(99));
        assert_eq!(found.summary.unwrap().ratio, Some(0.99));
        assert_eq!((found.c.len(), found.rust.len()), (2, 1));
        assert_eq!((found.failed, found.skipped), (None, None));
    }

    #[test]
    fn skipped() {
        let found = measured(vec![skip(), skip()], skip());
        assert_eq!(found.skipped.as_deref(), Some("no-X"));
        assert_eq!((found.failed, found.summary), (None, None));
    }

    #[test]
    fn skipped_on_one_side_only() {
        for found in [
            measured(vec![skip(), skip()], reps(1)),
            measured(vec![reps(1), reps(1)], skip()),
            measured(vec![reps(1), skip()], reps(1)),
        ] {
            assert!(
                found.failed.is_some() && found.summary.is_none(),
                "{found:?}"
            );
        }
    }

    #[test]
    fn failed() {
        let broken = Outcome::Failed("it broke".into());
        let found = measured(vec![reps(1), broken], reps(1));
        assert_eq!(found.failed.as_deref(), Some("C: it broke"));
        assert_eq!(found.summary, None);
    }

    #[test]
    fn lost() {
        let selection = Catalogue::load().unwrap().select("hvc").unwrap();
        let boots = Boots {
            c: vec![Boot::default()],
            rust: vec![boot(reps(1))],
        };
        let found = Machine::new("vhe", &selection, &boots);
        assert!(found.operations[0].failed.is_some());
    }

    #[test]
    fn bytes() {
        let with = |bytes| Boot {
            memory: BTreeMap::from([("vm".to_string(), bytes)]),
            ..Boot::default()
        };
        let boots = Boots {
            c: vec![with(10), with(10)],
            rust: vec![with(12)],
        };
        let expected = Memory {
            what: "vm".into(),
            c: 10,
            rust: 12,
        };
        assert_eq!(memory(&boots), [expected]);
    }
}
