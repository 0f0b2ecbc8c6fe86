// SPDX-License-Identifier: GPL-2.0
//! One operation's counts on both kernels, side by side.

use super::machine::Ran;
use super::tally::{Sums, Tally, GLUE, REPLACED, RUST};
use serde::Serialize;
use std::collections::BTreeSet;

/// One line of a table; per operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub name: String,
    pub c: f64,
    pub rust: f64,
}

impl Row {
    pub fn difference(&self) -> f64 {
        self.rust - self.c
    }
}

/// Smaller differences come from the tick, which does not keep step with the loop.
const NOISE: f64 = 0.1;

/// Less than this part of the counts with a name makes a profile doubtful.
pub const NAMED: f64 = 0.98;

/// Largest differences first; where nothing differs, the largest first.
fn order(rows: &mut [Row]) {
    let difference = |r: &Row| Some(r.difference().abs()).filter(|d| *d >= NOISE);
    let key = |r: &Row| (difference(r).unwrap_or(0.0), r.c.max(r.rust));
    rows.sort_by(|a, b| {
        let (a_key, b_key) = (key(a), key(b));
        let by_size = b_key
            .0
            .total_cmp(&a_key.0)
            .then(b_key.1.total_cmp(&a_key.1));
        by_size.then_with(|| a.name.cmp(&b.name))
    });
}

/// Counts of one kernel, and by how many iterations to divide them.
pub struct Side {
    pub ran: Ran,
    pub tally: Tally,
}

impl Side {
    fn per(&self, count: u64) -> f64 {
        count as f64 / self.ran.rep.iterations.max(1) as f64
    }

    fn get(&self, pick: fn(&Tally) -> &Sums, name: &str) -> f64 {
        self.per(pick(&self.tally).get(name).copied().unwrap_or(0))
    }
}

/// What of the clock's time the counts account for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Account {
    pub iterations: u64,
    /// By the clock that the program read, the loop included.
    pub ns: f64,
    pub instructions: f64,
    /// Of these, the ones with a symbol.
    pub named: f64,
    pub stray_marks: u64,
}

impl Account {
    fn new(side: &Side) -> Self {
        Self {
            iterations: side.ran.rep.iterations,
            ns: side.per(side.ran.rep.ns),
            instructions: side.per(side.tally.instructions),
            named: side.per(side.tally.named),
            stray_marks: side.ran.counts.stray,
        }
    }

    /// What there is to explain. Under icount an instruction is a nanosecond, but CPUs may
    /// all sleep while the clock goes on, and some programs take off the time they wait.
    pub fn whole(&self) -> f64 {
        self.ns.max(self.instructions)
    }

    pub fn explained(&self) -> f64 {
        if self.whole() > 0.0 {
            self.named / self.whole()
        } else {
            0.0
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    pub title: &'static str,
    pub rows: Vec<Row>,
}

#[derive(Debug, PartialEq, Serialize)]
pub struct Comparison {
    pub operation: String,
    pub title: String,
    pub machine: String,
    pub c: Account,
    pub rust: Account,
    /// What is C in one kernel and Rust in the other.
    pub replaced: Row,
    pub tables: Vec<Table>,
}

type Pick = fn(&Tally) -> &Sums;

const TABLES: [(&str, Pick); 11] = [
    ("exception level", |t| &t.levels),
    ("part", |t| &t.parts),
    ("module", |t| &t.modules),
    ("symbol", |t| &t.symbols),
    ("system register, reads", |t| &t.reads),
    ("system register, writes", |t| &t.writes),
    ("barrier", |t| &t.barriers),
    ("atomic or ordered access", |t| &t.atomics),
    ("exception", |t| &t.exceptions),
    ("other instruction", |t| &t.others),
    ("access to a device", |t| &t.mmio),
];

pub fn rows(c: &Side, rust: &Side, pick: Pick) -> Vec<Row> {
    let keys = |side: &Side| pick(&side.tally).keys().cloned().collect::<BTreeSet<_>>();
    let names = keys(c).union(&keys(rust)).cloned().collect::<Vec<_>>();
    let row = |name: String| Row {
        c: c.get(pick, &name),
        rust: rust.get(pick, &name),
        name,
    };
    let mut rows: Vec<Row> = names.into_iter().map(row).collect();
    order(&mut rows);
    rows
}

impl Comparison {
    /// Whether nearly all that was counted has a name, on both kernels.
    pub fn sound(&self) -> bool {
        let sound = |a: &Account| a.named >= a.instructions * NAMED && a.stray_marks == 0;
        sound(&self.c) && sound(&self.rust)
    }

    pub fn new(operation: &str, title: &str, machine: &str, c: &Side, rust: &Side) -> Self {
        let table = |(title, pick): (&'static str, Pick)| Table {
            title,
            rows: rows(c, rust, pick),
        };
        let ours = [REPLACED, RUST, GLUE];
        let of_ours = |side: &Side| ours.iter().map(|p| side.get(|t| &t.parts, p)).sum();
        Self {
            operation: operation.into(),
            title: title.into(),
            machine: machine.into(),
            c: Account::new(c),
            rust: Account::new(rust),
            replaced: Row {
                name: "replaced".into(),
                c: of_ours(c),
                rust: of_ours(rust),
            },
            tables: TABLES.into_iter().map(table).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lines::Rep;
    use crate::profile::counts::Counts;

    fn side(iterations: u64, symbols: &[(&str, u64)]) -> Side {
        let rep = Rep {
            rep: 1,
            iterations,
            ns: 1000,
            base_ns: 10,
            cycles: None,
            base_cycles: None,
        };
        let symbols: Sums = symbols.iter().map(|(n, c)| (n.to_string(), *c)).collect();
        let instructions = symbols.values().sum();
        let tally = Tally {
            instructions,
            named: instructions - 10,
            symbols,
            ..Tally::default()
        };
        Side {
            ran: Ran {
                rep,
                counts: Counts::default(),
            },
            tally,
        }
    }

    #[test]
    fn differences_first() {
        let c = side(
            100,
            &[
                ("same-big", 5000),
                ("gone", 300),
                ("shrinks", 2000),
                ("same-small", 100),
                ("noise", 200),
            ],
        );
        let rust = side(
            100,
            &[
                ("same-big", 5000),
                ("new", 700),
                ("shrinks", 1500),
                ("same-small", 100),
                ("noise", 201),
            ],
        );
        let found = rows(&c, &rust, |t| &t.symbols);
        let names: Vec<&str> = found.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(
            names,
            ["new", "shrinks", "gone", "same-big", "noise", "same-small"]
        );
        assert_eq!((found[0].c, found[0].rust), (0.0, 7.0));
        assert_eq!(found[1].difference(), -5.0);
    }

    #[test]
    fn each_side_by_its_own_iterations() {
        let found = rows(&side(10, &[("f", 50)]), &side(20, &[("f", 100)]), |t| {
            &t.symbols
        });
        assert_eq!((found[0].c, found[0].rust), (5.0, 5.0));
    }

    #[test]
    fn soundness() {
        let good = || side(10, &[("f", 1000)]);
        let sound = |c: &Side, rust: &Side| Comparison::new("hvc", "", "vhe", c, rust).sound();
        assert!(sound(&good(), &good()));
        assert!(!sound(&good(), &side(10, &[("f", 400)])));
        let mut stray = good();
        stray.ran.counts.stray = 1;
        assert!(!sound(&stray, &good()));
    }

    #[test]
    fn account() {
        let side = side(10, &[("f", 990)]);
        let found = Account::new(&side);
        assert_eq!(
            (found.ns, found.instructions, found.named),
            (100.0, 99.0, 98.0)
        );
        assert_eq!(found.explained(), 0.98);
        // The program takes waiting time off.
        assert_eq!(Account { ns: 50.0, ..found }.explained(), 98.0 / 99.0);
    }
}
