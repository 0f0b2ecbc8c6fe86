// SPDX-License-Identifier: GPL-2.0
//! Measures KVM operations on the C and on the Rust kernel.

mod boot;
mod build_time;
mod chart;
mod gate;
mod kernels;
mod limits;
mod lines;
mod operations;
mod picture;
mod profile;
mod registers;
mod results;
mod run;
mod series;
mod site;
mod sizes;
mod stats;
mod table;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// KVM/arm64 operations on the C and on the Rust kernel, in instructions.
///
/// Status: 0 done, 1 an operation failed or a limit is exceeded, 2 nothing could be measured.
#[derive(Parser)]
#[command(name = "kvm-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure; prints a table, and writes it, a chart and JSON to $BUILD/bench
    Run(run::Args),
    /// Measure what grows with the size of a VM; the same in $BUILD/bench/series.*
    Series(series::Args),
    /// Whether there are machines and operations of these names
    #[command(hide = true)]
    Check(run::What),
    /// Table and chart again, of the results in $BUILD/bench
    Show,
    /// Bytes of the objects in which the two kernels differ
    Sizes,
    /// Hold the fast operations against tools/bench/gate.toml, or change that
    Gate(gate::Args),
    /// Time clean builds of both kernels
    BuildTime(build_time::Args),
    /// Say where one operation's instructions go, on both kernels
    Profile(profile::Args),
    /// Compare the order in which system registers are accessed
    Registers(registers::Args),
}

fn run() -> Result<u8> {
    match Cli::parse().command {
        Command::Run(args) => run::main(args),
        Command::Series(args) => series::main(args),
        Command::Check(what) => run::check(&what),
        Command::Show => run::show(),
        Command::Sizes => {
            println!("{}", table::sizes(&sizes::compare(&site::Site::find()?)?));
            Ok(0)
        }
        Command::Gate(args) => gate::main(args),
        Command::BuildTime(args) => build_time::main(args),
        Command::Profile(args) => profile::main(args),
        Command::Registers(args) => registers::main(args),
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("kvm-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}
