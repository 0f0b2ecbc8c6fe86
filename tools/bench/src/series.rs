// SPDX-License-Identifier: GPL-2.0
//! What becomes of costs as a VM grows: operations of several sizes, as tables and as one chart.

mod chart;

use crate::boot;
use crate::operations::{Catalogue, Selection, Series};
use crate::results::{Machine, Results};
use crate::run::{Plan, Settings};
use crate::site::{put, Site};
use crate::stats::Comparison;
use crate::table::{number, ratio, table};
use anyhow::Result;
use std::fmt::Write;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Machines, with commas
    #[arg(long, default_value = "vhe")]
    machine: String,
    /// Series or the first part of their names, with commas; all if none is named
    #[arg(long, default_value = "all")]
    series: String,
    /// Only whether there are machines and series of these names
    #[arg(long, hide = true)]
    check: bool,
    /// Tables and chart again, of the results in $BUILD/bench
    #[arg(long)]
    show: bool,
    #[command(flatten)]
    settings: Settings,
}

/// A series in one machine.
pub struct Curve<'a> {
    series: &'a Series,
    machine: &'a str,
    points: Vec<Point<'a>>,
}

/// What one size of it came to.
enum Point<'a> {
    Figures(u64, &'a Comparison),
    None(u64, String),
}

impl<'a> Curve<'a> {
    fn new(series: &'a Series, machine: &'a Machine) -> Option<Self> {
        let point = |size: &u64| {
            let name = series.operation_of(*size);
            let found = machine.operations.iter().find(|o| o.name == name)?;
            Some(match (&found.summary, &found.failed, &found.skipped) {
                (Some(figures), None, _) => Point::Figures(*size, figures),
                (_, Some(why), _) => Point::None(*size, format!("FAILED: {why}")),
                (_, _, Some(why)) => Point::None(*size, format!("skipped: {why}")),
                _ => Point::None(*size, "nothing".into()),
            })
        };
        let points: Vec<_> = series.sizes.iter().filter_map(point).collect();
        let machine = &machine.name;
        (!points.is_empty()).then_some(Self {
            series,
            machine,
            points,
        })
    }

    /// Size, C, Rust.
    fn figures(&self) -> Vec<(u64, f64, f64)> {
        let figures = |point: &Point| match point {
            Point::Figures(size, found) => Some((*size, found.c.median, found.rust.median)),
            Point::None(..) => None,
        };
        self.points.iter().filter_map(figures).collect()
    }

    fn heading(&self) -> String {
        format!("{}, by {}", self.series.title, self.series.by)
    }
}

/// Those of all machines for which there are results.
fn curves<'a>(series: &'a [Series], results: &'a Results) -> Vec<Curve<'a>> {
    let of = |machine| series.iter().filter_map(move |s| Curve::new(s, machine));
    results.machines.iter().flat_map(of).collect()
}

pub fn main(args: Args) -> Result<u8> {
    let site = Site::find()?;
    let catalogue = Catalogue::load()?;
    let series = catalogue.select_series(&args.series)?;
    let machines = site.machines(&args.machine)?;
    if args.check {
        return Ok(0);
    }
    let results = if args.show {
        Results::read(&site.results().join("series.json"))?
    } else {
        let selection = Selection::of_series(&series);
        let plan = Plan {
            site: &site,
            machines,
            selection: &selection,
            settings: args.settings,
            c_boots: 1,
        };
        site.check_builds(&boot::programs(&selection))?;
        plan.measure()?
    };
    save(&site, &series, &results)?;
    print!("\n{}", render(&series, &results));
    println!(
        "{0}/series.txt, {0}/series.svg and {0}/series.json",
        site.results().display()
    );
    Ok(u8::from(results.failures() > 0))
}

fn save(site: &Site, series: &[Series], results: &Results) -> Result<()> {
    let folder = site.results();
    put(&folder.join("series.txt"), &render(series, results))?;
    put(
        &folder.join("series.svg"),
        &chart::render(&curves(series, results), results)?,
    )?;
    put(&folder.join("series.json"), &results.json()?)
}

/// A ratio, which may be very small.
fn share(value: Option<f64>) -> String {
    match value {
        Some(r) if r < 0.01 => format!("{r:.5}"),
        _ => ratio(value),
    }
}

fn rows(curve: &Curve) -> String {
    let mut table = table(&[curve.series.by.as_str(), "C", "Rust", "ratio", ""]);
    for point in &curve.points {
        let cells = match point {
            Point::Figures(size, found) => [
                size.to_string(),
                number(found.c.median),
                number(found.rust.median),
                share(found.ratio),
                String::new(),
            ],
            Point::None(size, why) => {
                let none = || "-".to_string();
                [size.to_string(), none(), none(), none(), why.clone()]
            }
        };
        table.add_row(cells);
    }
    table.trim_fmt()
}

fn render(series: &[Series], results: &Results) -> String {
    let mut text = String::new();
    for curve in curves(series, results) {
        let _ = writeln!(
            text,
            "machine {}, {}: {}\n",
            curve.machine,
            curve.series.name,
            curve.heading()
        );
        let _ = writeln!(text, "{}\n", rows(&curve));
    }
    let _ = writeln!(
        text,
        "Instructions of one operation; {} repetitions, median; one boot of each kernel. {} failed.",
        results.reps,
        results.failures()
    );
    let _ = writeln!(text, "{}, {}", results.qemu, results.date);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Measured;
    use crate::table::tests::{measured, results};

    pub fn series() -> Vec<Series> {
        let text = r#"
            operation = []
            [[series]]
            name = "lpis-x"
            program = "bench_scale"
            by = "LPIs"
            title = "x of <all>"
            sizes = [1, 100, 50000]
        "#;
        Catalogue::parse(text).unwrap().series
    }

    pub fn three() -> Vec<Measured> {
        vec![
            measured("lpis-x-1", &[1000.0], 900.0),
            measured("lpis-x-100", &[2000.0], 900.0),
            measured("lpis-x-50000", &[900000.0], 1000.0),
        ]
    }

    #[test]
    fn tables() {
        let text = render(&series(), &results(three()));
        assert!(
            text.contains("machine vhe, lpis-x: x of <all>, by LPIs"),
            "{text}"
        );
        let row = |size: &str| -> Vec<String> {
            let line = text.lines().find(|l| l.trim_start().starts_with(size));
            line.unwrap().split_whitespace().map(String::from).collect()
        };
        assert_eq!(row("1 "), ["1", "1000", "900", "0.900"]);
        assert_eq!(row("50000 "), ["50000", "900000", "1000", "0.00111"]);
        assert!(text.contains(" 0 failed"));
    }

    #[test]
    fn what_is_not_there_is_told() {
        let mut all = three();
        all[1].failed = Some("C: lost".into());
        all[2].summary = None;
        all[2].skipped = Some("no-ITS".into());
        let (series, results) = (series(), results(all));
        let text = render(&series, &results);
        assert!(
            text.contains("FAILED: C: lost") && text.contains("skipped: no-ITS"),
            "{text}"
        );
        assert!(text.contains(" 1 failed"), "{text}");
        assert_eq!(curves(&series, &results)[0].figures(), [(1, 1000.0, 900.0)]);
    }

    #[test]
    fn only_what_was_measured() {
        assert!(curves(&series(), &results(vec![measured("hvc", &[1.0], 1.0)])).is_empty());
    }
}
