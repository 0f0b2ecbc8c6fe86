// SPDX-License-Identifier: GPL-2.0
//! Compares the order in which the two kernels access system registers, by kind of vCPU.
//!
//! A program runs vCPUs between marks, the plugin in QEMU writes down what the host accesses
//! there. Documentation/virt/kvm/arm/rust/registers.rst has more.

mod align;
mod compare;
mod record;
mod report;
mod rules;
mod trace;

use crate::profile::machine::{self, Done, Job};
use crate::profile::symbols::Kernel;
use crate::profile::sysregs::Names;
use crate::site::{put, Site, KERNELS};
use anyhow::{bail, Context, Result};
use compare::Pair;
use report::{Outcome, Report};
use rules::Rules;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use trace::{Naming, Phase};

const PROGRAM: &str = "trace_regs";

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Machines, with commas
    #[arg(long, default_value = "vhe")]
    machine: String,
    /// Kinds of vCPUs, with commas; all if none is named
    #[arg(long, value_name = "NAME", default_value = "")]
    kind: String,
    /// Print TAP
    #[arg(long)]
    tap: bool,
    /// Print all accesses
    #[arg(long)]
    show: bool,
    /// Compare the last recordings, in $BUILD/bench/registers, again
    #[arg(long)]
    again: bool,
    /// Print the list of differences for Documentation/
    #[arg(long)]
    doc: bool,
}

/// What one kind did on one kernel.
enum Kind {
    Phases(Vec<Phase>),
    Skipped(String),
    /// The windows tell nothing.
    Unsteady(String),
}

/// A line `trace: kind=NAME windows=N` or `trace: kind=NAME skip=REASON`.
fn said(line: &str) -> Option<(&str, Result<usize, &str>)> {
    let (kind, rest) = line.strip_prefix("trace: kind=")?.split_once(' ')?;
    if let Some(why) = rest.strip_prefix("skip=") {
        return Some((kind, Err(why)));
    }
    Some((kind, Ok(rest.strip_prefix("windows=")?.parse().ok()?)))
}

struct Run<'a> {
    site: &'a Site,
    rules: &'a Rules,
    registers: &'a Names,
    machine: &'a str,
    /// As the program takes them; may be empty.
    kinds: &'a str,
    again: bool,
}

impl Run<'_> {
    fn kernel(&self, kernel: &str) -> Result<BTreeMap<String, Kind>> {
        let map = self.site.kernel(kernel).join("System.map");
        let map = fs::read_to_string(&map)
            .with_context(|| format!("no {}: make kernel-{kernel}", map.display()))?;
        let symbols = Kernel::parse(&map)?;
        let folder = self.site.results().join("registers");
        let (record, output) = (
            folder.join(format!("{}-{kernel}.record", self.machine)),
            folder.join(format!("{}-{kernel}.out", self.machine)),
        );
        if !self.again {
            let done = self.boot(kernel, &symbols)?;
            put(&record, &done.written.context("the plugin left no record")?)?;
            put(&output, &done.output)?;
        }
        let read = |path: &Path| {
            fs::read_to_string(path).with_context(|| format!("no {}", path.display()))
        };
        self.sort(&symbols, &read(&output)?, &read(&record)?)
    }

    fn boot(&self, kernel: &str, symbols: &Kernel) -> Result<Done> {
        let anchors: Vec<String> = trace::addresses(symbols)?
            .iter()
            .map(|(address, _)| format!("{address:x}"))
            .collect();
        let done = Job {
            site: self.site,
            machine: self.machine,
            kernel,
            tool: "registers",
            name: "all",
            program: PROGRAM,
            script: &machine::script(PROGRAM, self.kinds),
            file: "record",
            more: &format!(",anchors={}", anchors.join(":")),
        }
        .run()?;
        if !done.status.success() {
            bail!("{}; see {}", done.reason(PROGRAM), done.log.display());
        }
        Ok(done)
    }

    fn sort(&self, symbols: &Kernel, output: &str, text: &str) -> Result<BTreeMap<String, Kind>> {
        let windows = record::parse(text)?;
        let naming = Naming::new(symbols, self.registers, &windows)?;
        let mut rest = windows.iter();
        let mut found = BTreeMap::new();
        for (kind, count) in output.lines().filter_map(said) {
            let what = match count {
                Err(why) => Kind::Skipped(why.to_string()),
                Ok(count) => {
                    let ours: Result<Vec<_>> = rest
                        .by_ref()
                        .take(count)
                        .map(|w| Ok(self.rules.meant(naming.phases(w)?)))
                        .collect();
                    let ours = ours?;
                    if ours.len() < count {
                        bail!("the record ends within the windows of {kind}");
                    }
                    match compare::usual(ours, self.rules) {
                        Ok(phases) => Kind::Phases(phases),
                        Err(why) => Kind::Unsteady(why.to_string()),
                    }
                }
            };
            found.insert(kind.to_string(), what);
        }
        match rest.count() {
            0 if found.is_empty() => bail!("{PROGRAM} knows none of these kinds: {}", self.kinds),
            0 => Ok(found),
            more => bail!("the record has {more} windows more than {PROGRAM} told of"),
        }
    }

    /// Both kernels, at the same time.
    fn both(&self) -> Result<[BTreeMap<String, Kind>; 2]> {
        let one = |kernel| {
            self.kernel(kernel)
                .with_context(|| format!("{}, {kernel} kernel", self.machine))
        };
        let [c, rust] = std::thread::scope(|threads| {
            let c = threads.spawn(|| one(KERNELS[0]));
            let rust = one(KERNELS[1]);
            [c.join().expect("a panic of ours"), rust]
        });
        Ok([c?, rust?])
    }

    fn outcome(&self, kind: &str, c: &Kind, rust: Option<&Kind>) -> Outcome {
        match (c, rust) {
            (Kind::Phases(c), Some(Kind::Phases(rust))) => {
                let pair = Pair {
                    machine: self.machine,
                    kind,
                    c,
                    rust,
                };
                Outcome::Compared(pair.judge(self.rules))
            }
            (Kind::Skipped(why), Some(Kind::Skipped(other))) if why == other => {
                Outcome::Skipped(why.clone())
            }
            (Kind::Unsteady(why), _) => Outcome::Failed(format!("C: {why}")),
            (_, Some(Kind::Unsteady(why))) => Outcome::Failed(format!("Rust: {why}")),
            _ => Outcome::Failed("only one kernel can do that".into()),
        }
    }
}

fn show(kernel: &str, machine: &str, found: &BTreeMap<String, Kind>) {
    for (kind, what) in found {
        if let Kind::Phases(phases) = what {
            print!("{}", report::phases(kernel, machine, kind, phases));
        }
    }
}

pub fn main(args: Args) -> Result<u8> {
    let site = Site::find()?;
    let machines = site.machines(&args.machine)?;
    let path = site.repo.join("tools/bench/registers.toml");
    let rules = Rules::read(&path)?;
    if args.doc {
        print!("{}", report::documentation(&rules));
        return Ok(0);
    }
    site.check_builds(&[PROGRAM])?;
    machine::plugin()?;
    machine::check_qemu(&site)?;
    let registers = Names::read(&site.build.join("linux"))?;
    let mut report = Report::new(&rules, args.kind.is_empty());
    for machine in &machines {
        let run = Run {
            site: &site,
            rules: &Rules::read(&path)?.on(machine),
            registers: &registers,
            machine,
            kinds: &args.kind,
            again: args.again,
        };
        let [c, rust] = run.both()?;
        for (kind, what) in &c {
            report.add(machine, kind, run.outcome(kind, what, rust.get(kind)));
        }
        if args.show {
            show("C", machine, &c);
            show("Rust", machine, &rust);
        }
        report.machine_done(machine);
    }
    print!("{}", report.text(args.tap));
    Ok(u8::from(report.failed()))
}

#[cfg(test)]
mod tests;
