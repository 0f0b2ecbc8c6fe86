// SPDX-License-Identifier: GPL-2.0
//! The results for people to read.

use crate::results::{Machine, Measured, Results};
use crate::sizes::{Size, Sizes};
use crate::stats::{Comparison, CALLED_OUT, TRUSTED};
use comfy_table::{presets, CellAlignment, Table};
use std::fmt::Write;

const DEARER: &str = "<< dearer";
const DOUBTFUL: &str = "?? C differs from C by";

pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_header(header.to_vec());
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if at > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// As many digits as mean something.
pub fn number(value: f64) -> String {
    match value.abs() {
        a if a >= 100.0 => format!("{value:.0}"),
        a if a >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

pub fn ratio(value: Option<f64>) -> String {
    value.map_or("-".into(), |r| format!("{r:.3}"))
}

fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

fn remarks(found: &Comparison) -> String {
    let mut all = Vec::new();
    if found.called_out() {
        all.push(DEARER.to_string());
    }
    if !found.trusted() {
        all.push(format!(
            "{DOUBTFUL} {}",
            percent(found.drift.unwrap_or_default())
        ));
    }
    all.join(", ")
}

fn row(measured: &Measured) -> Vec<String> {
    let mut cells = vec![format!("  {}", measured.name)];
    match (&measured.summary, &measured.failed, &measured.skipped) {
        (Some(s), None, _) => cells.extend([
            number(s.c.median),
            number(s.rust.median),
            ratio(s.ratio),
            percent(s.c.spread),
            percent(s.rust.spread),
            [measured.title.clone(), remarks(s)]
                .join("  ")
                .trim()
                .to_string(),
        ]),
        (_, Some(why), _) => cells.extend(words("FAILED", why)),
        (_, _, Some(why)) => cells.extend(words("skipped", why)),
        _ => cells.extend(words("nothing", "")),
    }
    cells
}

fn words(verdict: &str, why: &str) -> [String; 6] {
    let none = || "-".to_string();
    [
        none(),
        none(),
        none(),
        none(),
        none(),
        format!("{verdict}: {why}"),
    ]
}

fn operations(machine: &Machine) -> String {
    let mut table = table(&["operation", "C", "Rust", "ratio", "spread C", "Rust", ""]);
    if let Some(last) = table.column_mut(6) {
        last.set_cell_alignment(CellAlignment::Left);
    }
    let mut group = "";
    for measured in &machine.operations {
        if measured.group != group {
            group = &measured.group;
            table.add_row([group]);
        }
        table.add_row(row(measured));
    }
    table.trim_fmt()
}

fn memory(machine: &Machine) -> String {
    let mut table = table(&["bytes allocated", "C", "Rust", "ratio"]);
    for memory in &machine.memory {
        let share = (memory.c > 0).then(|| memory.rust as f64 / memory.c as f64);
        let cells = [
            memory.what.clone(),
            memory.c.to_string(),
            memory.rust.to_string(),
            ratio(share),
        ];
        table.add_row(cells);
    }
    table.trim_fmt()
}

pub fn sizes(sizes: &Sizes) -> String {
    let mut table = table(&[
        "bytes of",
        "text: C",
        "Rust",
        "data: C",
        "Rust",
        "rodata: C",
        "Rust",
    ]);
    let mut add = |name: &str, c: Option<Size>, rust: Option<Size>| {
        let cell =
            |s: Option<Size>, get: fn(Size) -> u64| s.map_or("-".into(), |s| get(s).to_string());
        let mut cells = vec![name.to_string()];
        for get in [|s: Size| s.text, |s: Size| s.data, |s: Size| s.rodata] {
            cells.extend([cell(c, get), cell(rust, get)]);
        }
        table.add_row(cells);
    };
    for object in &sizes.objects {
        add(&object.object, object.c, object.rust);
    }
    add("together", Some(sizes.total_c()), Some(sizes.total_rust()));
    add("whole kernel", Some(sizes.c), Some(sizes.rust));
    table.trim_fmt()
}

fn legend(results: &Results) -> String {
    let dearer = results.summaries().filter(|s| s.called_out()).count();
    let doubtful = results.summaries().filter(|s| !s.trusted()).count();
    let failed = results.failures();
    let mut text = String::from(
        "Instructions of one operation, host's and guest's together (ns of virtual time under icount).\n",
    );
    let _ = writeln!(
        text,
        "C is measured in two boots, Rust in one; {} repetitions in each, median.",
        results.reps
    );
    let limit = (CALLED_OUT - 1.0) * 100.0;
    let _ = writeln!(
        text,
        "{dearer} more than {limit:.0} % dearer in Rust (marked {DEARER}), {failed} failed."
    );
    let verdict = match doubtful {
        0 => format!("The two C measurements agree within {} on every operation.", percent(TRUSTED)),
        n => format!("NOT TRUSTWORTHY: the two C measurements of {n} operations are more than {} apart (marked ??).", percent(TRUSTED)),
    };
    text + &verdict + "\n"
}

pub fn render(results: &Results) -> String {
    let mut text = String::new();
    for machine in &results.machines {
        let _ = writeln!(
            text,
            "machine {}\n\n{}\n",
            machine.name,
            operations(machine)
        );
        if !machine.memory.is_empty() {
            let _ = writeln!(text, "{}\n", memory(machine));
        }
    }
    if let Some(found) = &results.sizes {
        let _ = writeln!(text, "{}\n", sizes(found));
    }
    text += &legend(results);
    if let Some(kernel) = results.kernels.get("rust") {
        let options = kernel.options.join(" ");
        let _ = writeln!(
            text,
            "Linux {}, {}; {}; {options}",
            kernel.release, kernel.compiler, kernel.rustc
        );
    }
    let _ = writeln!(text, "{}, {}", results.qemu, results.date);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::results::Memory;
    use crate::stats;

    pub fn measured(name: &str, c: &[f64], rust: f64) -> Measured {
        let boots: Vec<Vec<f64>> = c.iter().map(|v| vec![*v; 5]).collect();
        Measured {
            name: name.into(),
            title: format!("what {name} <does> & more"),
            group: "exits".into(),
            summary: stats::compare(&boots, &[vec![rust; 5]]),
            ..Measured::default()
        }
    }

    pub fn results(operations: Vec<Measured>) -> Results {
        let memory = vec![Memory {
            what: "vm".into(),
            c: 1000,
            rust: 1500,
        }];
        Results {
            date: "2026-01-01T00:00:00Z".into(),
            qemu: "QEMU emulator version 10".into(),
            reps: 5,
            kernels: Default::default(),
            machines: vec![Machine {
                name: "vhe".into(),
                operations,
                memory,
            }],
            sizes: None,
        }
    }

    fn line<'a>(text: &'a str, name: &str) -> &'a str {
        text.lines()
            .find(|l| l.trim_start().starts_with(name))
            .unwrap_or_default()
    }

    #[test]
    fn figures() {
        let text = render(&results(vec![measured("hvc", &[1000.0, 1001.0], 900.0)]));
        let cells: Vec<&str> = line(&text, "hvc").split_whitespace().take(4).collect();
        assert_eq!(cells, ["hvc", "1000", "900", "0.900"]);
        assert!(line(&text, "vm").ends_with("1.500"), "{text}");
        assert!(text.contains("agree within 1.0 %"));
        assert!(!line(&text, "hvc").contains(DEARER));
    }

    #[test]
    fn dearer() {
        let text = render(&results(vec![measured("hvc", &[1000.0, 1000.0], 1021.0)]));
        assert!(line(&text, "hvc").contains(DEARER), "{text}");
        assert!(text.contains("1 more than 2 % dearer"), "{text}");
    }

    #[test]
    fn doubtful() {
        let text = render(&results(vec![measured("hvc", &[1000.0, 1030.0], 1000.0)]));
        assert!(line(&text, "hvc").contains("by 3.0 %"), "{text}");
        assert!(text.contains("NOT TRUSTWORTHY"), "{text}");
    }

    #[test]
    fn failed_and_skipped() {
        let mut failed = measured("ipi", &[1.0], 1.0);
        failed.failed = Some("C: lost".into());
        let mut skipped = measured("sve", &[], 1.0);
        skipped.skipped = Some("no-SVE".into());
        let text = render(&results(vec![failed, skipped]));
        assert!(line(&text, "ipi").contains("FAILED: C: lost"), "{text}");
        assert!(line(&text, "sve").contains("skipped: no-SVE"), "{text}");
        assert!(text.contains("1 failed"), "{text}");
    }

    #[test]
    fn numbers() {
        assert_eq!(number(1842.4), "1842");
        assert_eq!(number(21.04), "21.0");
        assert_eq!(number(3.999), "4.00");
        assert_eq!(ratio(None), "-");
    }
}
