// SPDX-License-Identifier: GPL-2.0
//! Says what one operation executes, on both kernels side by side.
//!
//! A plugin in QEMU (`tools/bench/plugin`) counts instructions between two marks that the
//! bench program sets around its loop. Documentation/virt/kvm/arm/rust/profile.rst has more.

mod compare;
mod counts;
pub mod machine;
mod objects;
pub mod opcode;
mod report;
pub mod symbols;
pub mod sysregs;
mod tally;

use crate::operations::{Catalogue, Operation};
use crate::site::{put, Site};
use crate::sizes;
use anyhow::{bail, Context, Result};
use compare::{Comparison, Side};
use report::By;
use std::fs;
use std::path::PathBuf;
use symbols::{Kernel, Program};
use sysregs::Names;
use tally::{Naming, Tally};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The operation
    #[arg(long, value_name = "NAME")]
    pub op: String,
    /// Machines, with commas
    #[arg(long, default_value = "vhe")]
    pub machine: String,
    /// By symbol, or by object file and Rust module
    #[arg(long, value_enum, default_value_t = By::Symbol)]
    by: By,
    /// Lines of each table
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    top: u32,
    /// Write everything there too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Exactly one, and not a group's name.
fn operation(catalogue: &Catalogue, name: &str) -> Result<Operation> {
    if let Some(found) = catalogue.all.iter().find(|o| o.name == name) {
        return Ok(found.clone());
    }
    let names: Vec<&str> = catalogue.all.iter().map(|o| o.name.as_str()).collect();
    bail!("no operation '{name}'; one of: {}", names.join(" "))
}

fn side(site: &Site, machine: &str, kernel: &str, operation: &Operation) -> Result<Side> {
    let build = site.kernel(kernel);
    let map = build.join("System.map");
    let map = fs::read_to_string(&map)
        .with_context(|| format!("no {}: make kernel-{kernel}", map.display()))?;
    let symbols = Kernel::parse(&map)?;
    let registers = Names::read(&site.build.join("linux"))?;
    let program = Program::parse(&fs::read(site.program(&operation.program))?)
        .with_context(|| operation.program.clone())?;
    let ran = machine::run(site, machine, kernel, operation)
        .with_context(|| format!("{} on {machine}, {kernel} kernel", operation.name))?;
    let objects = objects::of_symbols(&build, &symbols.table)?;
    let replaced = sizes::replaced(site)?;
    let naming = Naming {
        kernel: &symbols,
        objects: &objects,
        replaced: &replaced,
        program: &program,
        registers: &registers,
    };
    let tally = Tally::new(&ran.counts, &naming)?;
    Ok(Side { ran, tally })
}

/// Both kernels, at the same time.
fn sides(site: &Site, machine: &str, operation: &Operation) -> (Result<Side>, Result<Side>) {
    std::thread::scope(|threads| {
        let c = threads.spawn(|| side(site, machine, "c", operation));
        let rust = side(site, machine, "rust", operation);
        (c.join().expect("a panic of ours"), rust)
    })
}

pub fn main(args: Args) -> Result<u8> {
    let operation = operation(&Catalogue::load()?, &args.op)?;
    let site = Site::find()?;
    let machines = site.machines(&args.machine)?;
    site.check_builds(&[&operation.program])?;
    machine::plugin()?;
    machine::check_qemu(&site)?;
    let mut all = Vec::new();
    for machine in &machines {
        let (c, rust) = sides(&site, machine, &operation);
        let found = Comparison::new(&operation.name, &operation.title, machine, &c?, &rust?);
        let gap = if all.is_empty() { "" } else { "\n" };
        print!("{gap}{}", report::text(&found, args.by, args.top as usize));
        all.push(found);
    }
    if let Some(path) = &args.json {
        put(
            &std::path::absolute(path)?,
            &(serde_json::to_string_pretty(&all)? + "\n"),
        )?;
    }
    Ok(u8::from(!all.iter().all(Comparison::sound)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_operation_by_its_name() {
        let catalogue = Catalogue::load().unwrap();
        assert_eq!(operation(&catalogue, "hvc").unwrap().program, "bench_exit");
        for wrong in ["", "hcv", "hvc,ipi", "exits"] {
            let error = operation(&catalogue, wrong).unwrap_err().to_string();
            assert!(
                error.contains(&format!("'{wrong}'")) && error.contains(" ipi"),
                "{error}"
            );
        }
    }
}
