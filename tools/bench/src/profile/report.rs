// SPDX-License-Identifier: GPL-2.0
//! The comparison for people to read.

use super::compare::{Account, Comparison, Row, Table, NAMED};
use comfy_table::{presets, CellAlignment};

/// Counts are whole per loop, so that anything less is a rare event.
const NOTHING: f64 = 0.005;
/// Longer names would push the figures off the screen.
const NAME: usize = 64;

/// What takes the place of the table by symbol.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq)]
pub enum By {
    Symbol,
    Module,
}

fn number(value: f64) -> String {
    if value.abs() < NOTHING {
        "-".into()
    } else {
        format!("{value:.2}")
    }
}

fn signed(value: f64) -> String {
    if value.abs() < NOTHING {
        "".into()
    } else {
        format!("{value:+.2}")
    }
}

fn short(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME {
        return name.into();
    }
    // The end of a path says more than its beginning.
    format!(
        "…{}",
        name.chars().skip(length - NAME + 1).collect::<String>()
    )
}

fn cells(row: &Row) -> [String; 4] {
    [
        short(&row.name),
        number(row.c),
        number(row.rust),
        signed(row.difference()),
    ]
}

fn sum(name: &str, rows: &[&Row]) -> Row {
    let total = |pick: fn(&Row) -> f64| rows.iter().map(|r| pick(r)).sum();
    Row {
        name: name.into(),
        c: total(|r| r.c),
        rust: total(|r| r.rust),
    }
}

fn table(title: &str, rows: &[Row], top: usize) -> String {
    let mut table = comfy_table::Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_header([title, "C", "Rust", "difference"]);
    // What rounds to nothing on both sides is left to the rest.
    let is_nothing = |r: &&Row| r.c.abs() < NOTHING && r.rust.abs() < NOTHING;
    let (nothing, rows): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(is_nothing);
    let shown = rows.len().min(top);
    for row in &rows[..shown] {
        table.add_row(cells(row));
    }
    let rest: Vec<&Row> = rows[shown..].iter().chain(&nothing).copied().collect();
    if !rest.is_empty() {
        table.add_row(cells(&sum(&format!("... {} more", rest.len()), &rest)));
    }
    let all: Vec<&Row> = rows.iter().chain(&nothing).copied().collect();
    table.add_row(cells(&sum("sum", &all)));
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if at > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    text.lines()
        .map(|l| format!("{}\n", l.trim_end()))
        .collect()
}

fn account(kernel: &str, account: &Account) -> String {
    let Account {
        ns,
        instructions,
        named,
        ..
    } = account;
    let (whole, part) = (account.whole(), account.explained());
    let mut text = format!(
        "{kernel:5} explained {named:.1} of {whole:.1} instructions ({:.2} %), {ns:.1} ns by the clock\n",
        part * 100.0
    );
    let mut remark = |what: String| text += &format!("      {what}\n");
    if *instructions > ns / NAMED {
        remark(format!(
            "the program does not count {:.1} of them: it waits",
            instructions - ns
        ));
    } else if *instructions < ns * NAMED {
        remark(format!(
            "for {:.1} ns no CPU executed anything",
            ns - instructions
        ));
    }
    if *named < instructions * NAMED {
        remark(format!("!! {:.1} have no symbol", instructions - named));
    }
    if account.stray_marks > 0 {
        remark(format!(
            "!! {} marks without their other half",
            account.stray_marks
        ));
    }
    text
}

/// What is replaced, by itself: the rest of an operation is C in both kernels.
fn replaced(found: &Comparison) -> String {
    let Row { c, rust, .. } = found.replaced;
    let ratio = if c > 0.0 {
        format!(", ratio {:.2}", rust / c)
    } else {
        String::new()
    };
    let rest = (found.c.instructions - c, found.rust.instructions - rust);
    format!(
        "\nof these replaced: C {c:.1}, Rust {rust:.1}{ratio}; all else: {:.1} and {:.1}\n",
        rest.0, rest.1
    )
}

fn wanted(table: &Table, by: By) -> bool {
    match table.title {
        "symbol" => by == By::Symbol,
        "module" => by == By::Module,
        _ => !table.rows.is_empty(),
    }
}

pub fn text(found: &Comparison, by: By, top: usize) -> String {
    let Comparison {
        operation,
        title,
        machine,
        ..
    } = found;
    let iterations = found.c.iterations;
    let mut text = format!(
        "{operation} on {machine}: {title}\n\
         instructions per operation, the loop around it included, over {iterations} iterations\n\n"
    );
    text += &account("C", &found.c);
    text += &account("Rust", &found.rust);
    text += &replaced(found);
    for part in found.tables.iter().filter(|t| wanted(t, by)) {
        text += "\n";
        text += &table(part.title, &part.rows, top);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, c: f64, rust: f64) -> Row {
        Row {
            name: name.into(),
            c,
            rust,
        }
    }

    #[test]
    fn rest_and_sum() {
        let rows = [
            row("tiny", 0.001, 0.0),
            row("a", 1.0, 9.0),
            row("b", 4.0, 2.0),
            row("c", 3.0, 3.0),
        ];
        let text = table("symbol", &rows, 1);
        let words: Vec<Vec<&str>> = text
            .lines()
            .map(|l| l.split_whitespace().collect())
            .collect();
        assert_eq!(words[0], ["symbol", "C", "Rust", "difference"]);
        assert_eq!(words[1], ["a", "1.00", "9.00", "+8.00"]);
        assert_eq!(words[2], ["...", "3", "more", "7.00", "5.00", "-2.00"]);
        assert_eq!(words[3], ["sum", "8.00", "14.00", "+6.00"]);
    }

    #[test]
    fn long_names_keep_their_end() {
        let long = format!("{}::tail", "x".repeat(100));
        assert_eq!(short(&long).chars().count(), NAME);
        assert!(short(&long).ends_with("x::tail"));
        assert_eq!(short("f"), "f");
    }

    #[test]
    fn unexplained_is_said() {
        let good = Account {
            iterations: 1,
            ns: 100.0,
            instructions: 100.0,
            named: 99.0,
            stray_marks: 0,
        };
        let said = |part: Account| account("C", &part);
        assert_eq!(said(good.clone()).lines().count(), 1);
        assert!(said(good.clone()).contains("(99.00 %)"));
        assert!(said(Account {
            named: 97.0,
            ..good.clone()
        })
        .contains("3.0 have no symbol"));
        assert!(said(Account {
            ns: 40.0,
            ..good.clone()
        })
        .contains("not count 60.0"));
        let asleep = said(Account {
            ns: 400.0,
            ..good.clone()
        });
        assert!(
            asleep.contains("300.0 ns no CPU") && asleep.contains("(24.75 %)"),
            "{asleep}"
        );
        assert!(said(Account {
            stray_marks: 1,
            ..good
        })
        .contains("1 marks"));
    }
}
