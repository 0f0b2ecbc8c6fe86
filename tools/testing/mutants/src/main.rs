// SPDX-License-Identifier: GPL-2.0

//! Puts small faults (mutants) into Rust files, all at once, each behind a switch of its number.
//!
//! `kvm-arm64-mutants SKIP FILE...` rewrites the files and prints a line for each mutant: number,
//! file, first line, last line, function, what the fault is; with tabs between. SKIP are numbers
//! with commas between, of mutants that are not put in. Lines stay where they are.

mod edit;
mod operators;
mod sites;

use std::{collections::HashSet, env, fs, process::ExitCode};

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let skip: HashSet<usize> = args
        .next()
        .unwrap_or_default()
        .split(',')
        .filter_map(|number| number.parse().ok())
        .collect();
    let mut next = 1;

    for file in args {
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(why) => {
                eprintln!("{file}: {why}");
                return ExitCode::FAILURE;
            }
        };
        match sites::mutate(&text, next, &skip) {
            Ok((changed, mutants)) => {
                for m in &mutants {
                    println!(
                        "{}\t{file}\t{}\t{}\t{}\t{}",
                        m.number, m.lines.0, m.lines.1, m.function, m.what
                    );
                }
                next += mutants.len();
                if let Err(why) = fs::write(&file, changed) {
                    eprintln!("{file}: {why}");
                    return ExitCode::FAILURE;
                }
            }
            Err(why) => {
                eprintln!("{file}: {why}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
