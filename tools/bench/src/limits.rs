// SPDX-License-Identifier: GPL-2.0
//! The largest ratios allowed, and how they are judged and changed. gate.toml holds them.

use crate::operations::Catalogue;
use crate::results::{Machine, Measured};
use crate::stats::{Comparison, ALIKE_NS, CALLED_OUT};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// What a new limit has above the ratio measured, at least; where repetitions differ by more, that.
const MARGIN: f64 = 0.005;
const MOST_MARGIN: f64 = 0.02;
const HEAD: &str = "\
# SPDX-License-Identifier: GPL-2.0
#
# Ratios, Rust by C, that the fast operations may not exceed: \"make bench-gate\".
# Written by \"make bench-gate-update\", which lowers limits, and raises one only if told to (RAISE=1).
";

/// By machine and operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits(BTreeMap<String, BTreeMap<String, f64>>);

#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    Pass(String),
    Fail(String),
    Skip(String),
}

/// What an update does with one limit.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Set {
        from: Option<f64>,
        to: f64,
    },
    /// It would have to be raised, and nobody said that it may be.
    Refused {
        from: Option<f64>,
        to: f64,
    },
    Removed,
}

impl Limits {
    pub fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = std::fs::read_to_string(path)?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    pub fn parse(text: &str) -> Result<Self> {
        Ok(Self(toml::from_str(text)?))
    }

    pub fn get(&self, machine: &str, operation: &str) -> Option<f64> {
        self.0.get(machine)?.get(operation).copied()
    }

    fn set(&mut self, machine: &str, operation: &str, limit: Option<f64>) {
        let limits = self.0.entry(machine.into()).or_default();
        match limit {
            Some(limit) => drop(limits.insert(operation.into(), limit)),
            None => drop(limits.remove(operation)),
        }
    }

    /// In the order of the list of operations.
    pub fn text(&self, catalogue: &Catalogue) -> String {
        let mut text = HEAD.to_string();
        for (machine, limits) in self.0.iter().filter(|(_, l)| !l.is_empty()) {
            let name = if machine.contains('.') {
                format!("\"{machine}\"")
            } else {
                machine.clone()
            };
            let _ = writeln!(text, "\n[{name}]");
            for operation in &catalogue.all {
                if let Some(limit) = limits.get(&operation.name) {
                    let _ = writeln!(text, "{} = {limit:.3}", operation.name);
                }
            }
        }
        text
    }

    /// Limits of operations that are measured no more.
    pub fn stale(&self, machine: &str, catalogue: &Catalogue) -> Vec<String> {
        let fast = |name: &&String| catalogue.all.iter().any(|o| o.fast && o.name == **name);
        let limits = self.0.get(machine).into_iter().flat_map(|l| l.keys());
        limits.filter(|n| !fast(n)).cloned().collect()
    }

    pub fn judge(&self, machine: &str, measured: &Measured, may_skip: bool) -> Verdict {
        let more = format!("make bench OPS={} MACHINE={machine}", measured.name);
        match (&measured.failed, &measured.skipped, &measured.summary) {
            (Some(why), _, _) => Verdict::Fail(format!("{why}; {more}")),
            (_, Some(why), _) if may_skip => Verdict::Skip(why.clone()),
            (_, Some(why), _) => Verdict::Fail(format!(
                "skipped ({why}), though the machine has what it needs; {more}"
            )),
            (_, _, Some(found)) => match self.get(machine, &measured.name) {
                Some(limit) => held(found, limit, machine, measured),
                None => Verdict::Fail("no limit: make bench-gate-update".into()),
            },
            _ => Verdict::Fail(format!("nothing was measured; {more}")),
        }
    }

    /// Takes over what was measured, and says what that changes.
    pub fn update(&mut self, machine: &Machine, raise: bool) -> Vec<(String, Change)> {
        let mut changes = Vec::new();
        for measured in &machine.operations {
            let Some(found) = measured.summary else {
                continue;
            };
            let Some(ratio) = found.ratio else { continue };
            let margin = found
                .c
                .spread
                .max(found.rust.spread)
                .clamp(MARGIN, MOST_MARGIN);
            let from = self.get(&machine.name, &measured.name);
            if let Some(change) = change(from, ratio, margin, raise) {
                if let Change::Set { to, .. } = change {
                    self.set(&machine.name, &measured.name, Some(to));
                }
                changes.push((measured.name.clone(), change));
            }
        }
        changes
    }

    pub fn remove(&mut self, machine: &str, operation: &str) -> (String, Change) {
        self.set(machine, operation, None);
        (operation.into(), Change::Removed)
    }
}

fn held(found: &Comparison, limit: f64, machine: &str, measured: &Measured) -> Verdict {
    let (c, rust) = (found.c.median, found.rust.median);
    let ratio = found.ratio.map_or("-".into(), |r| format!("{r:.3}"));
    let figures = format!("{ratio} of {limit:.3} allowed (C {c:.1}, Rust {rust:.1})");
    let c = c.max(0.0);
    // A limit has three digits. And where an operation is a handful of instructions, one more is no trend.
    if rust <= c * (limit + 1e-6) || rust - c <= ALIKE_NS {
        return Verdict::Pass(figures);
    }
    let name = &measured.name;
    let profile = format!("make profile OP={name} MACHINE={machine}");
    Verdict::Fail(format!(
        "{figures}; make bench OPS={name} MACHINE={machine}; {profile}"
    ))
}

/// Limits go down by themselves, but up only if that is wanted; a new one is for what is not called out.
fn change(from: Option<f64>, ratio: f64, margin: f64, raise: bool) -> Option<Change> {
    let to = ((ratio + margin) * 1000.0).ceil() / 1000.0;
    match from {
        Some(limit) if ratio > limit => Some(if raise {
            Change::Set { from, to }
        } else {
            Change::Refused { from, to }
        }),
        Some(limit) if to < limit => Some(Change::Set { from, to }),
        Some(_) => None,
        None if ratio > CALLED_OUT && !raise => Some(Change::Refused { from, to }),
        None => Some(Change::Set { from, to }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::measured;

    fn limits() -> Limits {
        Limits::parse("[vhe]\nhvc = 1.005\nipi = 0.95\n[\"nvhe-v8.0\"]\nhvc = 1.0\n").unwrap()
    }

    fn judge(name: &str, c: f64, rust: f64) -> Verdict {
        limits().judge("vhe", &measured(name, &[c], rust), false)
    }

    fn machine(operations: Vec<Measured>) -> Machine {
        Machine {
            name: "vhe".into(),
            operations,
            memory: Vec::new(),
        }
    }

    #[test]
    fn within() {
        assert!(matches!(judge("hvc", 1000.0, 1005.0), Verdict::Pass(_)));
        assert!(matches!(judge("ipi", 1000.0, 950.0), Verdict::Pass(_)));
    }

    #[test]
    fn beyond() {
        let Verdict::Fail(why) = judge("hvc", 1000.0, 1006.1) else {
            panic!()
        };
        assert!(why.contains("1.006 of 1.005"), "{why}");
        assert!(why.contains("make bench OPS=hvc MACHINE=vhe"), "{why}");
        assert!(why.contains("make profile OP=hvc MACHINE=vhe"), "{why}");
        // Better than C, and yet worse than it was.
        assert!(matches!(judge("ipi", 1000.0, 1001.1), Verdict::Fail(_)));
    }

    #[test]
    fn a_handful_of_instructions() {
        assert!(matches!(judge("hvc", 4.0, 4.9), Verdict::Pass(_)));
        assert!(matches!(judge("hvc", 4.0, 5.1), Verdict::Fail(_)));
        assert!(matches!(judge("hvc", 0.0, 0.9), Verdict::Pass(_)));
        assert!(matches!(judge("hvc", -3.0, 1.1), Verdict::Fail(_)));
    }

    #[test]
    fn without_a_limit() {
        let Verdict::Fail(why) = judge("wfi", 1.0, 1.0) else {
            panic!()
        };
        assert!(why.contains("bench-gate-update"), "{why}");
    }

    #[test]
    fn skipped_and_failed() {
        let mut skipped = measured("hvc", &[], 1.0);
        skipped.skipped = Some("no-SVE".into());
        assert_eq!(
            limits().judge("vhe", &skipped, true),
            Verdict::Skip("no-SVE".into())
        );
        assert!(matches!(
            limits().judge("vhe", &skipped, false),
            Verdict::Fail(_)
        ));
        let mut failed = measured("hvc", &[1.0], 1.0);
        failed.failed = Some("lost".into());
        assert!(matches!(
            limits().judge("vhe", &failed, true),
            Verdict::Fail(_)
        ));
    }

    #[test]
    fn updates_lower_but_do_not_raise() {
        let mut all = limits();
        let found = machine(vec![
            measured("hvc", &[1000.0], 1010.0),
            measured("ipi", &[1000.0], 900.0),
            measured("wfi", &[1000.0], 1000.0),
            measured("spi-edge", &[1000.0], 1500.0),
        ]);
        let changes = all.update(&found, false);
        assert_eq!(changes.len(), 4);
        assert!(matches!(
            changes[0].1,
            Change::Refused { from: Some(_), .. }
        ));
        assert!(matches!(changes[3].1, Change::Refused { from: None, .. }));
        assert_eq!(all.get("vhe", "hvc"), Some(1.005));
        assert_eq!(all.get("vhe", "ipi"), Some(0.905));
        assert_eq!(all.get("vhe", "wfi"), Some(1.005));
        assert_eq!(all.get("vhe", "spi-edge"), None);
        assert!(all
            .update(&found, false)
            .iter()
            .all(|(_, c)| matches!(c, Change::Refused { .. })));
        all.update(&found, true);
        assert_eq!(all.get("vhe", "hvc"), Some(1.015));
        assert_eq!(all.get("vhe", "spi-edge"), Some(1.505));
        assert_eq!(all.update(&found, false), []);
    }

    #[test]
    fn the_margin_is_no_reason_to_raise() {
        let mut all = limits();
        assert_eq!(
            all.update(&machine(vec![measured("hvc", &[1000.0], 1004.0)]), true),
            []
        );
    }

    #[test]
    fn noise_widens_the_margin() {
        let mut noisy = measured("ipi", &[1000.0], 900.0);
        noisy.summary.as_mut().unwrap().c.spread = 0.5;
        let mut all = limits();
        all.update(&machine(vec![noisy]), false);
        assert_eq!(all.get("vhe", "ipi"), Some(0.92));
    }

    #[test]
    fn text_is_read_back() {
        let catalogue = Catalogue::load().unwrap();
        let text = limits().text(&catalogue);
        assert_eq!(Limits::parse(&text).unwrap(), limits());
        assert!(text.find("hvc").unwrap() < text.rfind("ipi").unwrap());
    }

    #[test]
    fn stale() {
        let catalogue = Catalogue::load().unwrap();
        let all = Limits::parse("[vhe]\nhvc = 1.0\nno-such = 1.0\n").unwrap();
        assert_eq!(all.stale("vhe", &catalogue), ["no-such"]);
    }

    #[test]
    fn the_checked_in_file_is_sound() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("gate.toml");
        let (all, catalogue) = (Limits::read(&path).unwrap(), Catalogue::load().unwrap());
        for machine in ["vhe", "nvhe"] {
            assert_eq!(all.stale(machine, &catalogue), [""; 0]);
            for operation in catalogue.select("").unwrap().fast().operations {
                let limit = all.get(machine, &operation.name);
                assert!(limit.is_some(), "{machine} {}", operation.name);
            }
        }
        assert_eq!(all.text(&catalogue), std::fs::read_to_string(path).unwrap());
    }
}
