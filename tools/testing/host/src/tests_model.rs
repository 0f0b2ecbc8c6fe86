// SPDX-License-Identifier: GPL-2.0

//! The modules of the virtual GIC side by side with the model of one (`../model`): random scripts of
//! registers, lines, SGIs, guests that run, and an ITS. One that fails is cut down, and written to a
//! file that can be run again.
//!
//! `GIC_MODEL_EVENTS`: about how many events there are in all. `GIC_MODEL_SCRIPT`: where a script is
//! written that fails, and which one `a_script_from_a_file` runs.

use crate::{
    edges::config,
    script::{read, run, shorten},
    script_events::{script, About},
};
use proptest::{
    prelude::*,
    test_runner::{TestError, TestRunner},
};
use std::{
    cell::Cell,
    fs, io,
    path::PathBuf,
    time::{Duration, Instant},
};

const EVENTS: u64 = 120_000;
const LENGTH: usize = 120;

fn wanted() -> u64 {
    match std::env::var("GIC_MODEL_EVENTS") {
        Ok(number) => number.parse().expect("a number"),
        Err(_) => EVENTS,
    }
}

fn path() -> PathBuf {
    match std::env::var_os("GIC_MODEL_SCRIPT") {
        Some(path) => path.into(),
        None => std::env::temp_dir().join("gic-model-script"),
    }
}

fn drive(about: About) {
    let (wanted, done, started) = (wanted() / 3, Cell::new(0), Instant::now());
    let running = Cell::new(Duration::ZERO);

    while done.get() < wanted {
        let mut runner = TestRunner::new(config(250));
        let found = runner.run(&script(about, 1..LENGTH), |script| {
            let begun = Instant::now();
            let events = run(script.config, &script.events).map_err(TestCaseError::fail)?;

            running.set(running.get() + begun.elapsed());
            done.set(done.get() + events);
            Ok(())
        });

        match found {
            Ok(()) => (),
            Err(TestError::Fail(_, script)) => {
                let text = shorten(script.config, script.events);

                fs::write(path(), &text).expect("a script to write");
                panic!("{about:?}, in {}:\n{text}", path().display());
            }
            Err(other) => panic!("{other}"),
        }
    }
    let rate = |time: Duration| done.get() as f64 / time.as_secs_f64();

    println!(
        "{about:?}: {} events, {:.0} a second, {:.0} without making them up",
        done.get(),
        rate(started.elapsed()),
        rate(running.get())
    );
}

#[test]
fn gicv3_against_the_model() {
    drive(About::V3);
}

#[test]
fn gicv2_against_the_model() {
    drive(About::V2);
}

#[test]
fn its_against_the_model() {
    drive(About::Its);
}

/// If there is one.
#[test]
fn a_script_from_a_file() {
    let Some(path) = std::env::var_os("GIC_MODEL_SCRIPT") else {
        return;
    };

    match fs::read_to_string(path) {
        Ok(text) => {
            let (config, events) = read(&text).expect("a script");

            if let Err(text) = run(config, &events) {
                panic!("{text}");
            }
        }
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::NotFound),
    }
}
