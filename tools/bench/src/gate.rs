// SPDX-License-Identifier: GPL-2.0
//! Holds the fast operations against the limits, or takes over new ones.

use crate::kernels;
use crate::limits::{Change, Limits, Verdict};
use crate::operations::Catalogue;
use crate::results::Results;
use crate::run::{self, Plan};
use crate::site::{put, Site};
use anyhow::{bail, Result};

#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand, Debug)]
enum Action {
    /// Measure the fast operations; status 1 if a ratio is above its limit
    Check {
        /// Print TAP
        #[arg(long)]
        tap: bool,
        #[command(flatten)]
        args: run::Args,
    },
    /// Measure the fast operations; lower the limits to what was measured
    Update {
        /// Raise limits as well
        #[arg(long)]
        raise: bool,
        /// Take what the last run measured, instead of measuring
        #[arg(long)]
        measured: bool,
        #[command(flatten)]
        args: run::Args,
    },
}

pub fn main(args: Args) -> Result<u8> {
    let catalogue = Catalogue::load()?;
    let site = Site::find()?;
    match args.action {
        Action::Check { tap, args } => check(&site, &catalogue, args, tap),
        Action::Update {
            raise,
            measured,
            args,
        } => {
            let whole = args.what.ops.is_empty();
            let results = if measured {
                last(&site, &args)?
            } else {
                measure(&site, args)?
            };
            update(&site, &catalogue, &results, whole, raise)
        }
    }
}

fn measure(site: &Site, args: run::Args) -> Result<Results> {
    let (machines, selection) = args.what.find(site)?;
    let selection = selection.fast();
    if selection.operations.is_empty() {
        bail!(
            "none of '{}' is among the fast operations (operations.toml)",
            args.what.ops
        );
    }
    let plan = Plan {
        site,
        machines,
        selection: &selection,
        settings: args.settings,
        c_boots: 1,
    };
    plan.measure()
}

fn check(site: &Site, catalogue: &Catalogue, args: run::Args, tap: bool) -> Result<u8> {
    let limits = Limits::read(&site.gate())?;
    let whole = args.what.ops.is_empty();
    let results = measure(site, args)?;
    let mut verdicts = Vec::new();
    for machine in &results.machines {
        for measured in &machine.operations {
            let operation = catalogue.all.iter().find(|o| o.name == measured.name);
            let may_skip = operation.is_some_and(|o| catalogue.may_skip(o, &machine.name));
            let verdict = limits.judge(&machine.name, measured, may_skip);
            verdicts.push((format!("{}/{}", machine.name, measured.name), verdict));
        }
        for name in limits
            .stale(&machine.name, catalogue)
            .iter()
            .filter(|_| whole)
        {
            let why = "gate.toml has a limit for what is no fast operation: make bench-gate-update";
            verdicts.push((
                format!("{}/{name}", machine.name),
                Verdict::Fail(why.into()),
            ));
        }
    }
    print!(
        "{}",
        if tap {
            tap_text(&verdicts)
        } else {
            plain_text(&verdicts)
        }
    );
    Ok(u8::from(
        verdicts.iter().any(|(_, v)| matches!(v, Verdict::Fail(_))),
    ))
}

fn tap_text(verdicts: &[(String, Verdict)]) -> String {
    let mut text = format!("TAP version 13\n1..{}\n", verdicts.len());
    for (at, (name, verdict)) in verdicts.iter().enumerate() {
        let number = at + 1;
        text += &match verdict {
            Verdict::Pass(figures) => format!("# {figures}\nok {number} - {name}\n"),
            Verdict::Fail(why) => format!("# {why}\nnot ok {number} - {name}\n"),
            Verdict::Skip(why) => format!("ok {number} - {name} # SKIP {why}\n"),
        };
    }
    text
}

fn plain_text(verdicts: &[(String, Verdict)]) -> String {
    let mut text = String::new();
    for (name, verdict) in verdicts {
        text += &match verdict {
            Verdict::Pass(figures) => format!("  ok    {name:26} {figures}\n"),
            Verdict::Fail(why) => format!("  FAIL  {name:26} {why}\n"),
            Verdict::Skip(why) => format!("  skip  {name:26} {why}\n"),
        };
    }
    let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|(_, v)| is(v)).count();
    let failed = count(|v| matches!(v, Verdict::Fail(_)));
    let passed = count(|v| matches!(v, Verdict::Pass(_)));
    text + &format!("{passed} within their limits, {failed} not\n")
}

/// Of the last run, what is asked for.
fn last(site: &Site, args: &run::Args) -> Result<Results> {
    let (machines, selection) = args.what.find(site)?;
    let (file, wanted) = (
        site.results().join("results.json"),
        selection.fast().operations,
    );
    let mut results = Results::read(&file)?;
    results.machines.retain(|m| machines.contains(&m.name));
    for machine in &mut results.machines {
        machine
            .operations
            .retain(|o| wanted.iter().any(|w| w.name == o.name));
    }
    let found = results
        .machines
        .iter()
        .map(|m| m.operations.len())
        .sum::<usize>();
    if found != machines.len() * wanted.len() {
        bail!("{} has not all of that: make bench", file.display());
    }
    if results.kernels != kernels::describe_both(site)? {
        bail!("{} is of other kernels: make bench", file.display());
    }
    Ok(results)
}

fn update(
    site: &Site,
    catalogue: &Catalogue,
    results: &Results,
    whole: bool,
    raise: bool,
) -> Result<u8> {
    let mut limits = Limits::read(&site.gate())?;
    let (mut lines, mut refused) = (Vec::new(), 0);
    for machine in &results.machines {
        let mut changes = limits.update(machine, raise);
        for name in limits
            .stale(&machine.name, catalogue)
            .iter()
            .filter(|_| whole)
        {
            changes.push(limits.remove(&machine.name, name));
        }
        for failed in machine
            .operations
            .iter()
            .filter_map(|o| o.failed.as_ref().map(|f| (o, f)))
        {
            lines.push(format!(
                "{}/{}: not measured: {}",
                machine.name, failed.0.name, failed.1
            ));
            refused += 1;
        }
        refused += changes
            .iter()
            .filter(|(_, c)| matches!(c, Change::Refused { .. }))
            .count();
        lines.extend(
            changes
                .iter()
                .map(|(name, change)| told(&machine.name, name, change)),
        );
    }
    put(&site.gate(), &limits.text(catalogue))?;
    lines.iter().for_each(|l| println!("{l}"));
    println!(
        "{} changes, {refused} refused; {}",
        lines.len() - refused,
        site.gate().display()
    );
    Ok(u8::from(refused > 0))
}

fn told(machine: &str, name: &str, change: &Change) -> String {
    let old = |from: &Option<f64>| from.map_or("none".into(), |f| format!("{f:.3}"));
    let text = match change {
        Change::Set { from, to } => format!("{} -> {to:.3}", old(from)),
        Change::Removed => "removed".into(),
        Change::Refused { from, to } => {
            let command = format!("make bench-gate-update RAISE=1 OPS={name} MACHINE={machine}");
            format!("stays at {}, {to:.3} would be needed: {command}", old(from))
        }
    };
    format!("{:26} {text}", format!("{machine}/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts() -> Vec<(String, Verdict)> {
        vec![
            ("vhe/hvc".into(), Verdict::Pass("1.000".into())),
            ("vhe/ipi".into(), Verdict::Fail("1.1 of 1.0".into())),
            ("vhe/sve".into(), Verdict::Skip("no-SVE".into())),
        ]
    }

    #[test]
    fn tap() {
        let expected = "TAP version 13\n1..3\n# 1.000\nok 1 - vhe/hvc\n# 1.1 of 1.0\n\
                        not ok 2 - vhe/ipi\nok 3 - vhe/sve # SKIP no-SVE\n";
        assert_eq!(tap_text(&verdicts()), expected);
    }

    #[test]
    fn plain() {
        let text = plain_text(&verdicts());
        assert!(text.ends_with("1 within their limits, 1 not\n"), "{text}");
        assert!(text.contains("FAIL  vhe/ipi"), "{text}");
    }

    #[test]
    fn refusals_name_the_command() {
        let change = Change::Refused {
            from: Some(1.0),
            to: 1.2,
        };
        let text = told("nvhe", "ipi", &change);
        assert!(
            text.contains("make bench-gate-update RAISE=1 OPS=ipi MACHINE=nvhe"),
            "{text}"
        );
        assert!(text.contains("1.000") && text.contains("1.200"), "{text}");
    }
}
