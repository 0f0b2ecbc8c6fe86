// SPDX-License-Identifier: GPL-2.0

//! `gic-model TRACE...`: holds traces against the model. Status 1 if one can't be. A file may have
//! several, one after the other.
//!
//! `gic-model judge TRACE...`: likewise, of traces that don't stop at what is unpredictable. A line
//! for each that can't be; in the end what there was in all.

use std::{fs, process::ExitCode};

/// The traces of a file: each begins with its configuration.
fn traces(text: &str) -> Vec<&str> {
    let starts = text.match_indices("config ").map(|(at, _)| at);
    let starts: Vec<usize> = starts
        .filter(|at| *at == 0 || text.as_bytes()[at - 1] == b'\n')
        .collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);

    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| &text[*start..end])
        .collect()
}

/// Whether all traces of a file can be.
fn show(path: &str, judges: bool) -> Result<bool, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let all = traces(&text);
    let (mut events, mut open, mut bad) = (0, 0, 0);

    if all.is_empty() {
        return Err("no trace in it".into());
    }
    for (number, trace) in all.iter().enumerate() {
        let verdict = if judges {
            gic_model::judge(trace).map(|found| (found.events, found.open))
        } else {
            gic_model::replay(trace).map(|events| (events, 0))
        };

        match verdict {
            Ok((all, undecided)) => {
                events += all;
                open += undecided;
            }
            Err(error) => {
                println!("{path}: trace {number}: {error}");
                bad += 1;
            }
        }
    }
    println!(
        "{path}: {} traces, {events} events, {open} left open, {bad} that can't be",
        all.len()
    );
    Ok(bad == 0)
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let judges = arguments.first().is_some_and(|word| word == "judge");
    let mut status = ExitCode::SUCCESS;

    if judges {
        arguments.remove(0);
    }
    for path in &arguments {
        match show(path, judges) {
            Ok(true) => (),
            Ok(false) => status = ExitCode::FAILURE,
            Err(error) => {
                eprintln!("{path}: {error}");
                status = ExitCode::FAILURE;
            }
        }
    }
    status
}
