// SPDX-License-Identifier: GPL-2.0
//! `registers.toml`: what is not compared, and in what the kernels may differ.

use super::trace::{Access, Phase};
use anyhow::{bail, Context, Result};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Machines that the tests take, and whether the fast ones do.
    #[serde(default)]
    pub machines: BTreeMap<String, bool>,
    /// Names for lists of machines or kinds: `@NAME` in a list, `-` before what is not meant.
    #[serde(default)]
    sets: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub ignored: Vec<Ignored>,
    #[serde(default)]
    pub varying: Vec<Varying>,
    #[serde(default)]
    pub named: Vec<Named>,
    #[serde(default)]
    pub difference: Vec<Difference>,
}

/// Accesses that are left out, or all that C functions of both kernels do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignored {
    #[serde(default)]
    pub accesses: Vec<String>,
    #[serde(default)]
    pub functions: Vec<String>,
    pub reason: String,
}

/// Registers whose values, or bits of these, differ by their nature.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Varying {
    /// All, if none is named.
    #[serde(default)]
    pub machines: Vec<String>,
    pub registers: Vec<String>,
    #[serde(default = "all_bits")]
    pub bits: u64,
    pub reason: String,
}

/// Registers that the hypervisor's functions get at by other names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    pub machines: Vec<String>,
    /// By the name in the instruction.
    pub registers: BTreeMap<String, String>,
    pub reason: String,
}

/// What the names of functions of the hypervisor object begin with.
const HYPERVISOR: &str = "__kvm_nvhe_";

fn all_bits() -> u64 {
    u64::MAX
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    pub title: String,
    pub reason: String,
    pub hunk: Vec<Hunk>,
}

/// One place: where C does this, Rust does that.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hunk {
    pub machines: Vec<String>,
    pub kinds: Vec<String>,
    pub phases: Vec<String>,
    #[serde(deserialize_with = "patterns")]
    pub c: Vec<Pattern>,
    #[serde(deserialize_with = "patterns")]
    pub rust: Vec<Pattern>,
}

fn patterns<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<Pattern>, D::Error> {
    let mut found = Vec::new();
    for text in Vec::<String>::deserialize(from)? {
        for one in counted(&text).map_err(D::Error::custom)? {
            found.push(Pattern::parse(&one).map_err(D::Error::custom)?);
        }
    }
    Ok(found)
}

/// `R{2..0}` is `R2`, `R1`, `R0`.
fn counted(text: &str) -> Result<Vec<String>> {
    let parts = text.split_once('{').and_then(|(before, rest)| {
        let (range, after) = rest.split_once('}')?;
        Some((before, range.split_once("..")?, after))
    });
    let Some((before, (from, to), after)) = parts else {
        return Ok(vec![text.to_string()]);
    };
    let (from, to): (u8, u8) = (from.parse()?, to.parse()?);
    let numbers: Vec<u8> = if from < to {
        (from..=to).collect()
    } else {
        (to..=from).rev().collect()
    };
    let one = |n| format!("{before}{n}{after}");
    Ok(numbers.into_iter().map(one).collect())
}

/// An access, with the value that it must have or with any.
#[derive(Debug, PartialEq)]
pub struct Pattern {
    pub what: String,
    pub value: Option<u64>,
    /// It may be missing, but then on both sides.
    pub optional: bool,
}

impl Pattern {
    fn parse(text: &str) -> Result<Self> {
        let (text, optional) = match text.strip_suffix('?') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let (what, value) = match text.split_once(" = 0x") {
            None => (text, None),
            Some((what, value)) => (what, Some(u64::from_str_radix(value, 16)?)),
        };
        Ok(Self {
            what: what.to_string(),
            value,
            optional,
        })
    }

    pub fn fits(&self, access: &Access) -> bool {
        self.what == access.what && (self.value.is_none() || self.value == access.value)
    }
}

impl Hunk {
    fn check(&self, machines: &BTreeMap<String, bool>) -> Result<()> {
        if let Some(unknown) = self.machines.iter().find(|m| !machines.contains_key(*m)) {
            bail!("[machines] has no {unknown}");
        }
        // Without a neighbour to hold on to it would be allowed everywhere.
        if [&self.c, &self.rust]
            .iter()
            .any(|side| side.iter().all(|p| p.optional))
        {
            bail!("a hunk needs accesses on both sides");
        }
        if self.machines.is_empty() || self.kinds.is_empty() || self.phases.is_empty() {
            bail!("a hunk needs machines, kinds and phases");
        }
        Ok(())
    }
}

fn expand(sets: &BTreeMap<String, Vec<String>>, words: &[String]) -> Result<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for word in words {
        let (out, name) = match word.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, &**word),
        };
        let names = match name.strip_prefix('@') {
            Some(set) => expand(
                sets,
                sets.get(set).with_context(|| format!("no set {set}"))?,
            )?,
            None => vec![name.to_string()],
        };
        if out {
            found.retain(|f| !names.contains(f));
        } else {
            found.extend(names);
        }
    }
    Ok(found)
}

impl Rules {
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    pub fn parse(text: &str) -> Result<Self> {
        let mut rules: Self = toml::from_str(text)?;
        for hunk in rules.difference.iter_mut().flat_map(|d| &mut d.hunk) {
            hunk.machines = expand(&rules.sets, &hunk.machines)?;
            hunk.kinds = expand(&rules.sets, &hunk.kinds)?;
        }
        let ignored = rules.ignored.iter().map(|i| ("ignored", &i.reason));
        let varying = rules.varying.iter().map(|v| ("varying", &v.reason));
        let named = rules.named.iter().map(|n| ("named", &n.reason));
        let allowed = rules.difference.iter().map(|d| (&*d.title, &d.reason));
        for (what, reason) in ignored.chain(varying).chain(named).chain(allowed) {
            if reason.trim().is_empty() {
                bail!("{what}: no reason");
            }
        }
        for difference in &rules.difference {
            for hunk in &difference.hunk {
                hunk.check(&rules.machines)
                    .with_context(|| difference.title.clone())?;
            }
        }
        Ok(rules)
    }

    /// As they are for one machine.
    pub fn on(mut self, machine: &str) -> Self {
        self.varying
            .retain(|v| v.machines.is_empty() || v.machines.iter().any(|m| m == machine));
        self.named
            .retain(|n| n.machines.iter().any(|m| m == machine));
        self
    }

    /// The same accesses, of the registers that they mean.
    pub fn meant(&self, mut phases: Vec<Phase>) -> Vec<Phase> {
        let accesses = phases.iter_mut().flat_map(|p| &mut p.accesses);
        for access in accesses.filter(|a| a.place.starts_with(HYPERVISOR)) {
            let Some((way, name)) = access.what.split_once(' ') else {
                continue;
            };
            if let Some(meant) = self.named.iter().find_map(|n| n.registers.get(name)) {
                access.what = format!("{way} {meant}");
            }
        }
        phases
    }

    pub fn ignores(&self, access: &Access) -> bool {
        self.ignored
            .iter()
            .any(|i| i.accesses.contains(&access.what) || i.functions.contains(&access.place))
    }

    /// The value as far as it is compared.
    pub fn value(&self, access: &Access) -> Option<u64> {
        let register = access.what.strip_prefix("MSR ")?;
        let varying = self
            .varying
            .iter()
            .filter(|v| v.registers.iter().any(|r| r == register))
            .fold(0, |bits, v| bits | v.bits);
        access.value.map(|v| v & !varying)
    }
}
