// SPDX-License-Identifier: GPL-2.0
//! The list of operations, and the choice of some of them.

use anyhow::{bail, Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

const TEXT: &str = include_str!("../operations.toml");
/// Stands for bench_memory in a selection: it is no operation, for it counts bytes.
pub const MEMORY: &str = "memory";

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    pub name: String,
    pub program: String,
    pub group: String,
    pub title: String,
    #[serde(default)]
    pub fast: bool,
    #[serde(default)]
    pub needs: Vec<String>,
}

/// One thing that is done in VMs of several sizes.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Series {
    pub name: String,
    pub program: String,
    /// What there are more and more of.
    pub by: String,
    pub title: String,
    pub sizes: Vec<u64>,
    #[serde(default)]
    pub needs: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Catalogue {
    #[serde(default)]
    lacks: BTreeMap<String, Vec<String>>,
    #[serde(rename = "operation")]
    pub all: Vec<Operation>,
    #[serde(default)]
    pub series: Vec<Series>,
}

impl Series {
    pub fn operation_of(&self, size: u64) -> String {
        format!("{}-{size}", self.name)
    }

    fn operations(&self) -> impl Iterator<Item = Operation> + '_ {
        self.sizes.iter().map(|size| Operation {
            name: self.operation_of(*size),
            program: self.program.clone(),
            group: self.name.clone(),
            title: self.title.clone(),
            fast: false,
            needs: self.needs.clone(),
        })
    }

    /// Its name, or the first part of that.
    fn answers(&self, word: &str) -> bool {
        self.name == word || self.name.split('-').next() == Some(word)
    }
}

/// What a run measures, in the order of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    pub operations: Vec<Operation>,
    pub memory: bool,
}

impl Catalogue {
    pub fn load() -> Result<Self> {
        Self::parse(TEXT).context("tools/bench/operations.toml")
    }

    pub fn parse(text: &str) -> Result<Self> {
        let found: Self = toml::from_str(text)?;
        for (at, operation) in found.all.iter().enumerate() {
            let name = &operation.name;
            if found.all[..at].iter().any(|o| o.name == *name) {
                bail!("operation {name} is listed twice");
            }
            if name == MEMORY || found.all.iter().any(|o| o.group == *name) {
                bail!("operation {name} has the name of a group");
            }
        }
        for (at, series) in found.series.iter().enumerate() {
            let name = &series.name;
            if found.series[..at].iter().any(|s| s.name == *name) {
                bail!("the series {name} is listed twice");
            }
            if !series.sizes.is_sorted_by(|a, b| a < b)
                || series.sizes.first().is_none_or(|s| *s == 0)
            {
                bail!("the sizes of the series {name} do not grow from 1 or more");
            }
        }
        Ok(found)
    }

    /// Whether the machine may do without the operation.
    pub fn may_skip(&self, operation: &Operation, machine: &str) -> bool {
        let lacks = self.lacks.get(machine);
        lacks.is_some_and(|l| operation.needs.iter().any(|n| l.contains(n)))
    }

    /// The operations and groups that a comma list names; all of them if it is empty.
    pub fn select(&self, list: &str) -> Result<Selection> {
        let words: Vec<_> = words(list);
        let known = |w: &&str| *w == MEMORY || self.all.iter().any(|o| answers(o, w));
        if let Some(unknown) = words.iter().find(|w| !known(w)) {
            bail!(
                "no operation or group '{unknown}'; there are: {}",
                self.names()
            );
        }
        let chosen = |o: &&Operation| words.is_empty() || words.iter().any(|w| answers(o, w));
        Ok(Selection {
            operations: self.all.iter().filter(chosen).cloned().collect(),
            memory: words.is_empty() || words.contains(&MEMORY),
        })
    }

    /// The series that a comma list names, by their names or the first part of these; all of them if
    /// it is empty or "all".
    pub fn select_series(&self, list: &str) -> Result<Vec<Series>> {
        let words = words(list);
        let known = |w: &&str| *w == "all" || self.series.iter().any(|s| s.answers(w));
        if let Some(unknown) = words.iter().find(|w| !known(w)) {
            let names: Vec<_> = self.series.iter().map(|s| s.name.as_str()).collect();
            bail!("no series '{unknown}'; there are: {}", names.join(" "));
        }
        let all = words.is_empty() || words.contains(&"all");
        let chosen = |s: &&Series| all || words.iter().any(|w| s.answers(w));
        Ok(self.series.iter().filter(chosen).cloned().collect())
    }

    fn names(&self) -> String {
        let mut groups: Vec<_> = self.all.iter().map(|o| o.group.as_str()).collect();
        groups.dedup();
        let names: Vec<_> = self.all.iter().map(|o| o.name.as_str()).collect();
        format!(
            "{} {MEMORY}; groups: {}",
            names.join(" "),
            groups.join(", ")
        )
    }
}

impl Selection {
    /// All sizes of these series.
    pub fn of_series(series: &[Series]) -> Self {
        Self {
            operations: series.iter().flat_map(Series::operations).collect(),
            memory: false,
        }
    }

    /// Of these, what the gate looks at.
    pub fn fast(mut self) -> Self {
        self.operations.retain(|o| o.fast);
        Self {
            memory: false,
            ..self
        }
    }

    /// Programs and the operations wanted of each.
    pub fn programs(&self) -> Vec<(&str, Vec<&str>)> {
        let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
        for operation in &self.operations {
            let name = operation.name.as_str();
            match found.iter_mut().find(|(p, _)| *p == operation.program) {
                Some((_, names)) => names.push(name),
                None => found.push((&operation.program, vec![name])),
            }
        }
        found
    }
}

/// The words of a list with commas or blanks.
pub fn words(list: &str) -> Vec<&str> {
    list.split([',', ' ']).filter(|w| !w.is_empty()).collect()
}

fn answers(operation: &Operation, word: &str) -> bool {
    operation.name == word || operation.group.eq_ignore_ascii_case(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        [lacks]
        gicv2 = ["its"]
        [[operation]]
        name = "hvc"
        program = "bench_exit"
        group = "exits"
        title = "hypercall"
        fast = true
        [[operation]]
        name = "its-inv"
        program = "bench_its"
        group = "ITS"
        title = "INV"
        needs = ["its"]
        [[operation]]
        name = "load-put"
        program = "bench_exit"
        group = "exits"
        title = "load and put"
    "#;

    fn names(selection: &Selection) -> Vec<&str> {
        selection
            .operations
            .iter()
            .map(|o| o.name.as_str())
            .collect()
    }

    #[test]
    fn the_list_is_sound() {
        let catalogue = Catalogue::load().unwrap();
        assert!(catalogue.all.len() > 40);
        assert!(!catalogue.select("").unwrap().fast().operations.is_empty());
        for operation in &catalogue.all {
            assert!(
                operation.program.starts_with("bench_"),
                "{}",
                operation.name
            );
            assert!(!operation.title.is_empty(), "{}", operation.name);
            let mut chars = operation.name.chars();
            assert!(chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        }
    }

    #[test]
    fn groups_stand_together() {
        let catalogue = Catalogue::load().unwrap();
        let mut seen: Vec<&str> = Vec::new();
        for operation in &catalogue.all {
            if seen.last() != Some(&operation.group.as_str()) {
                assert!(
                    !seen.contains(&operation.group.as_str()),
                    "{}",
                    operation.name
                );
                seen.push(&operation.group);
            }
        }
    }

    #[test]
    fn selection() {
        let catalogue = Catalogue::parse(SMALL).unwrap();
        let all = catalogue.select("").unwrap();
        assert_eq!(names(&all), ["hvc", "its-inv", "load-put"]);
        assert!(all.memory);
        let some = catalogue.select("its-inv,,hvc").unwrap();
        assert_eq!(names(&some), ["hvc", "its-inv"]);
        assert!(!some.memory);
        assert_eq!(
            names(&catalogue.select("exits").unwrap()),
            ["hvc", "load-put"]
        );
        assert_eq!(names(&catalogue.select("its").unwrap()), ["its-inv"]);
        assert!(catalogue.select("memory").unwrap().memory);
        assert_eq!(names(&all.fast()), ["hvc"]);
    }

    #[test]
    fn programs() {
        let all = Catalogue::parse(SMALL).unwrap().select("").unwrap();
        let expected = [
            ("bench_exit", vec!["hvc", "load-put"]),
            ("bench_its", vec!["its-inv"]),
        ];
        assert_eq!(all.programs(), expected);
    }

    #[test]
    fn unknown_operation() {
        let error = Catalogue::parse(SMALL)
            .unwrap()
            .select("hvc,hcv")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("'hcv'") && error.contains("load-put"),
            "{error}"
        );
    }

    #[test]
    fn bad_lists() {
        let entry = &SMALL[SMALL.find("[[").unwrap()..];
        assert!(Catalogue::parse(&format!("{entry}{entry}")).is_err());
        assert!(Catalogue::parse(&SMALL.replace("title", "tilte")).is_err());
        assert!(Catalogue::parse(&SMALL.replace("\"hvc\"", "\"exits\"")).is_err());
        assert!(Catalogue::parse("").is_err());
    }

    const SERIES: &str = r#"
        [[series]]
        name = "lpis-invall"
        program = "bench_scale"
        by = "LPIs"
        title = "INVALL"
        sizes = [1, 20]
        [[series]]
        name = "vcpus-hvc"
        program = "bench_scale"
        by = "vCPUs"
        title = "hypercall"
        sizes = [2]
    "#;

    #[test]
    fn series() {
        let catalogue = Catalogue::parse(&format!("{SMALL}{SERIES}")).unwrap();
        let chosen = |list: &str| Selection::of_series(&catalogue.select_series(list).unwrap());
        let both = ["lpis-invall-1", "lpis-invall-20", "vcpus-hvc-2"];
        assert_eq!(names(&chosen("")), both);
        assert_eq!(names(&chosen("all")), both);
        assert_eq!(names(&chosen("lpis")), both[..2]);
        assert_eq!(names(&chosen("vcpus-hvc")), both[2..]);
        assert_eq!(chosen("").programs(), [("bench_scale", both.to_vec())]);
        let error = catalogue.select_series("lpis,hvc").unwrap_err().to_string();
        assert!(
            error.contains("'hvc'") && error.contains("vcpus-hvc"),
            "{error}"
        );
        // They are none of the operations of a plain run.
        assert_eq!(catalogue.select("").unwrap().operations.len(), 3);
    }

    #[test]
    fn bad_series() {
        let parse = |series: &str| Catalogue::parse(&format!("{SMALL}{series}"));
        assert!(parse(&format!("{SERIES}{SERIES}")).is_err());
        for sizes in ["[]", "[0, 1]", "[2, 1]", "[1, 1]"] {
            assert!(parse(&SERIES.replace("[1, 20]", sizes)).is_err(), "{sizes}");
        }
    }

    #[test]
    fn skipping() {
        let catalogue = Catalogue::parse(SMALL).unwrap();
        assert!(catalogue.may_skip(&catalogue.all[1], "gicv2"));
        assert!(!catalogue.may_skip(&catalogue.all[1], "vhe"));
        assert!(!catalogue.may_skip(&catalogue.all[0], "gicv2"));
    }
}
