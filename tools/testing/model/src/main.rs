// SPDX-License-Identifier: GPL-2.0

//! `gic-model TRACE...`: holds traces against the model. Status 1 if one can't be.

use std::{fs, process::ExitCode};

fn main() -> ExitCode {
    let mut status = ExitCode::SUCCESS;

    for path in std::env::args().skip(1) {
        let verdict = fs::read_to_string(&path)
            .map_err(|error| error.to_string())
            .and_then(|text| gic_model::replay(&text));

        match verdict {
            Ok(events) => println!("{path}: {events} events"),
            Err(error) => {
                eprintln!("{path}: {error}");
                status = ExitCode::FAILURE;
            }
        }
    }
    status
}
